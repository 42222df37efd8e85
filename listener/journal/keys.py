"""The key of the keyed hashes: 32 random bytes in a file of its own beside the journal."""

from __future__ import annotations

from pathlib import Path


def key_of_folder(path: Path) -> bytes:
    """Return the key of the journal at `path`, from `<path>.key`, which is made when missing."""
    raise NotImplementedError

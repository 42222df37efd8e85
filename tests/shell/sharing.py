"""What takes long and is only looked at: made once for all workers of a parallel run."""

from __future__ import annotations

import fcntl
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[], T]) -> T:
    """Return what `make` returns, or what it has returned to another worker of this run.

    The others wait for the first one meanwhile. It is passed on by pickle.
    """
    own = folders.getbasetemp()
    # Workers have their folders side by side in that of the run.
    place = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = place / f"{name}.pickle"
        if kept.exists():
            found: T = pickle.loads(kept.read_bytes())
            return found
        made = make()
        _write(kept, _pickled(made))
        return made


def _unchanging(given: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(given)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        """Pass on a mapping that nobody may change, which pickle alone cannot."""
        return (_unchanging, (dict(obj),)) if isinstance(obj, MappingProxyType) else NotImplemented


def _pickled(made: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file).dump(made)
    return file.getvalue()


def _write(file: Path, content: bytes) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.rename(file)

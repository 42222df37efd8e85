"""The key of the keyed hashes: 32 random bytes in a file of its own beside the journal."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from listener.errors import ConfigurationError
from listener.journal.place import folder_of, sync_folder

KEY_BYTES = 32
_OPEN_TO_OTHERS = 0o077


def key_of_folder(path: Path) -> bytes:
    """Return the key of the journal at `path`, from `<path>.key`, which is made when missing.

    Without this file nothing that was hashed can be compared any more; it is no secret that opens
    anything, but with it short digits could be guessed. Raises ConfigurationError.
    """
    file = folder_of(path) / f"{path.name}.key"
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(file, error) from None
    return _made(file)


def keyed_hash(key: bytes, text: str) -> str:
    """Return the hash (HMAC-SHA256, 128 bits in hex) that only this key makes of a text."""
    given = text.encode("utf-8", "surrogatepass")
    return hmac.new(key, given, hashlib.sha256).hexdigest()[:32]


def _read(file: Path) -> bytes:
    fd = os.open(file, os.O_RDONLY)
    try:
        key = os.read(fd, KEY_BYTES + 1)
        mode = os.fstat(fd).st_mode
    finally:
        os.close(fd)
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{file} is no key: it must hold {KEY_BYTES} bytes. Restore it from a backup, or remove"
            " it and the journal beside it, whose hashes nobody can compare without it"
        )
    if mode & _OPEN_TO_OTHERS:
        raise ConfigurationError(f"{file} can be read by others; chmod 600 it")
    return key


def _made(file: Path) -> bytes:
    """Make the key under another name first, so that no half of one is ever found."""
    key = secrets.token_bytes(KEY_BYTES)
    new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, key)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(new, file)  # fails when another process was quicker; then its key counts
        finally:
            new.unlink()
        sync_folder(file.parent)
    except FileExistsError:
        return _read(file)
    except OSError as error:
        raise _unusable(file, error) from None
    return key


def _unusable(file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"the key file {file} cannot be used: {error.strerror}")

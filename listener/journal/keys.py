"""The key of the keyed hashes: 32 random bytes in a file of its own beside the journal.

The journal keeps a check value of it: with another key, nothing that was hashed could be compared
any more, and an Idempotency-Key that was given before would be taken for a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import zlib
from pathlib import Path

from listener.errors import ConfigurationError, NotKept
from listener.journal import place

KEY_BYTES = 32
_OPEN_TO_OTHERS = 0o077
_CHECK = re.compile(r"([0-9a-f]{32})-([0-9a-f]{8})")


def key_of_folder(path: Path) -> bytes:
    """Return the key of the journal at `path`, from `<path>.key`; a new one when it is missing.

    A new one is kept (`keep_key`) once the journal is known to be ours. It is no secret that opens
    anything, but with it short digits could be guessed. Raises ConfigurationError, and NotKept for
    a disk that fails.
    """
    file = place.key_of(path)
    try:
        return _read(file)
    except (FileNotFoundError, NotADirectoryError):
        return secrets.token_bytes(KEY_BYTES)
    except OSError as error:
        raise _unusable(file, error) from None


def keep_key(path: Path, key: bytes) -> None:
    """Write the key to `<path>.key` unless it is there. The journal's lock is held.

    Raises ConfigurationError, and NotKept when there is no room.
    """
    file = place.key_of(path)
    try:
        there = _read(file)
    except FileNotFoundError:
        _make(file, key)
    except OSError as error:
        raise _unusable(file, error) from None
    else:
        if there != key:
            raise NotKept(f"another process made {file} meanwhile; start again to use it")


def check_of(key: bytes) -> str:
    """Return what tells this key from others, with a sum that tells whether it is whole."""
    check = keyed_hash(key, "the key of this journal")
    return f"{check}-{zlib.crc32(check.encode()):08x}"


def is_check(value: object) -> bool:
    """Say whether that was made by `check_of`, and is whole."""
    found = _CHECK.fullmatch(value) if isinstance(value, str) else None
    return found is not None and int(found[2], 16) == zlib.crc32(found[1].encode())


def check_key(path: Path, key: bytes, check: str | None) -> None:
    """Raise ConfigurationError unless the journal was written with that key."""
    if check is None or hmac.compare_digest(check, check_of(key)):
        return
    file = place.key_of(path)
    raise ConfigurationError(
        f"the journal {path} was written with another key than"
        f" {'the one in ' + str(file) if file.exists() else str(file) + ', which is missing'}:"
        " Idempotency-Keys and what was hashed could not be compared any more. Restore that file"
        f" from a backup, or move {path} away (with it goes what is kept of requests and events)"
    )


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


def _make(file: Path, key: bytes) -> None:
    """Make the key under another name first, so that no half of one is ever found."""
    new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(fd, key)
                os.fsync(fd)
            finally:
                os.close(fd)
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        place.sync_folder(file.parent)
    except OSError as error:
        raise _unusable(file, error) from None


def _unusable(file: Path, error: OSError) -> ConfigurationError | NotKept:
    return place.refused(f"the key file {file} cannot be used", error)

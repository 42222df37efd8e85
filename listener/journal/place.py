"""The place of the journal: its folder, its lock, and where a damaged file goes.

Knows files and rights; knows nothing of what is in them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from listener.errors import ConfigurationError, NotKept

PRIVATE = 0o600
COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""

_PID_WIDTH = 19
_KEY_BYTES = 32
_MAY_PASS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
_LOCK = re.compile(rb"[0-9]+ *[! ]\n")
_MARK = b"!"
_NO_MARK = b" "


def folder_of(path: Path) -> Path:
    """Return the journal's folder, made (0700) when only it is missing.

    Raises ConfigurationError when it cannot be used.
    """
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise ConfigurationError(
            f"journal.path: there is no folder {folder.parent} to make {folder} in; make it first"
        ) from None
    except FileExistsError:
        raise ConfigurationError(f"journal.path: {folder} is no folder") from None
    except OSError as error:
        raise refused(f"journal.path: the folder {folder} cannot be made", error) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"journal.path: the folder {folder} cannot be written; SQLite makes files beside the"
            " journal, so the daemon's user needs write access to the folder"
        )
    return folder


def refused(what: str, error: OSError) -> ConfigurationError | NotKept:
    """Return what to raise: no room and a failing disk may pass, and are nobody's settings."""
    if error.errno in _MAY_PASS:
        return NotKept(f"{what}: {error.strerror}")
    return ConfigurationError(f"{what}: {error.strerror}")


def check_ordinary(path: Path) -> bool:
    """Say whether there is a file with something in it. Raises ConfigurationError for no file."""
    if path.is_dir():
        raise ConfigurationError(f"journal.path: {path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"journal.path: {path} is no ordinary file; name another")
    return path.exists() and path.stat().st_size > 0


def lock_of(path: Path) -> Path:
    """Return where the lock of a journal lies."""
    return path.with_name(f"{path.name}.lock")


def key_of(path: Path) -> Path:
    """Return where the key of a journal lies."""
    return path.with_name(f"{path.name}.key")


def is_locked_by_us(path: Path) -> bool:
    """Say whether a lock file of ours lies beside it; nothing is touched."""
    with suppress(OSError):
        return _LOCK.fullmatch(lock_of(path).read_bytes()) is not None
    return False


def has_key(path: Path) -> bool:
    """Say whether a key of ours lies beside it; nothing is touched."""
    with suppress(OSError):
        return key_of(path).stat().st_size == _KEY_BYTES
    return False


def make_private(path: Path) -> bool:
    """Make the file (0600) if it is not there; return whether it was. Raises ConfigurationError.

    A file that others may read is closed to them: it is ours, which was looked at before.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE))
    except FileExistsError:
        pass
    except OSError as error:
        raise _no_access(path, error) from None
    else:
        sync_folder(path.parent)
        return True
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(PRIVATE)
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        raise _no_access(path, error) from None
    return False


def _no_access(path: Path, error: OSError) -> ConfigurationError | NotKept:
    if error.errno in _MAY_PASS:
        return refused(f"{path} cannot be made or written", error)
    return ConfigurationError(
        f"journal.path: {path} cannot be written ({error.strerror}); give it to the daemon's user"
    )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def set_aside(path: Path, moment: datetime) -> Path:
    """Rename a damaged journal and what is beside it; return its new name."""
    stamp = f"{moment:%Y%m%dT%H%M%SZ}"
    there, number = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while there.exists():
        number += 1
        there = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    try:
        path.rename(there)
        for companion in COMPANIONS:
            beside = path.with_name(path.name + companion)
            if beside.exists():
                beside.rename(there.with_name(there.name + companion))
        sync_folder(path.parent)
    except OSError as error:
        raise refused(
            f"the journal {path} is damaged and cannot be set aside; move it away", error
        ) from None
    return there


class Lock:
    """The right to use the journal: a lock on `<path>.lock` that the system takes back by itself.

    The file also carries the holder's pid, and a mark that survives a crash when nothing new can be
    written (see `mark`). It stays when the lock is let go: removing it would let two hold it.
    """

    def __init__(self, path: Path) -> None:
        self.path = lock_of(path)
        self._fd: int | None = None
        self.marked = False

    def __repr__(self) -> str:
        return f"<Lock {self.path}{'' if self._fd is None else ' held'}>"

    def take(self) -> bool:
        """Take the lock; False when another process (or journal) holds it."""
        if self._fd is not None:
            return True
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, PRIVATE)
        except OSError as error:
            raise _no_access(self.path, error) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError as error:
            os.close(fd)
            if error.errno in _MAY_PASS:
                raise refused(f"{self.path} cannot be locked", error) from None
            raise ConfigurationError(
                f"{self.path} cannot be locked ({error.strerror}); put the journal on a local disk"
            ) from None
        self._fd = fd
        self.marked = os.pread(fd, 1, _PID_WIDTH) == _MARK
        self._write(b"%-*d%c\n" % (_PID_WIDTH, os.getpid(), _MARK if self.marked else _NO_MARK))
        return True

    def holder(self) -> int | None:
        """Return the pid of the process that holds it, as far as known."""
        try:
            return int(self.path.read_bytes()[:_PID_WIDTH])
        except (OSError, ValueError):
            return None

    def mark(self, *, marked: bool) -> None:
        """Note, or note no more, that event numbers were told which the journal does not know.

        One byte in a file that has its block already, so that a full disk does not prevent it.
        """
        if marked != self.marked:
            self.marked = marked
            self._write(_MARK if marked else _NO_MARK, _PID_WIDTH)

    def _write(self, content: bytes, at: int = 0) -> None:
        if self._fd is not None:
            with suppress(OSError):  # no room even for this; the lock holds all the same
                os.pwrite(self._fd, content, at)
                os.fdatasync(self._fd)

    def release(self) -> None:
        """Let go; nothing happens when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def held(path: Path, lock: Lock) -> ConfigurationError:
    """Return the error that says who holds the journal."""
    pid = lock.holder()
    who = "another process" if pid is None else f"process {pid}"
    return ConfigurationError(
        f"journal.path: {path} is in use by {who}; one daemon has one journal. Stop the other one,"
        " or name another file"
    )

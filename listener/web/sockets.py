"""The listening sockets: made by ourselves, so that nobody else can reach them, even for a moment.

Knows files and addresses; knows neither TLS nor HTTP. Everything here is done at start and may
wait for the file system or the resolver; nothing is to be called while the loop serves, except
`SocketFile.remove`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from listener.errors import ConfigurationError
from listener.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_PATH = 107 if sys.platform == "linux" else 103
"""Bytes of a Unix socket's path (unix(7): sun_path, with a NUL at its end)."""

BACKLOG = 1024
"""Connections that wait to be accepted; the system may allow fewer."""

_PATIENCE = 1.0  # seconds for another program that makes its socket in the same folder

# ------------------------------------------------------------------ Unix sockets


def unix_socket(path: Path, *, mode: int = 0o660, folder_mode: int = 0o750) -> socket.socket:
    """Return a socket that listens at `path`, which never had more rights than `mode`.

    The folder is made with `folder_mode` if it alone is missing, and left as it is if not. What a
    dead process left at `path` is replaced. Raises ConfigurationError for a live socket, for a file
    that is none, for a folder in which everybody may replace files, and for a path that is too
    long.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  a symbolic link in it stays what it is
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ConfigurationError(
            f"{path}: too long for a socket ({LONGEST_PATH} bytes at most); choose a shorter path"
        )
    try:
        _prepare_folder(path.parent, folder_mode)
        with _alone_in(path.parent):
            _clear(path)
            return _bound(path, mode)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        raise ConfigurationError(f"{path}: no socket can be made here: {words or error}") from None


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a Unix socket that this process bound, or took over from another one."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, sock: socket.socket) -> Self | None:
        """Return the file of a bound socket; None for TCP, or when there is no file any more."""
        if sock.family != socket.AF_UNIX:
            return None
        name = sock.getsockname()
        if not isinstance(name, str) or not name:
            return None
        try:
            found = os.lstat(name)
        except OSError:
            return None
        return cls(Path(name), found.st_dev, found.st_ino) if stat.S_ISSOCK(found.st_mode) else None

    def remove(self) -> bool:
        """Remove the file if it is still that one; False when it is another's, or gone."""
        with suppress(OSError):
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                self.path.unlink()
                return True
        return False


def _prepare_folder(folder: Path, mode: int) -> None:
    try:
        with suppress(FileExistsError), _only(mode):
            folder.mkdir(mode)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{folder}: cannot be made for a socket, for {folder.parent} is not there; make that,"
            " or choose another path"
        ) from None
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{folder}: is no folder, so no socket can be made in it")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise ConfigurationError(
            f"{folder}: everybody may replace files in it, and so the socket; chmod o-w it, or "
            "choose another folder"
        )


@contextmanager
def _only(mode: int) -> Iterator[None]:
    """Let what is made inside have these rights at most, from the first moment."""
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep two daemons from replacing each other's socket between looking and binding."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # it may be used and not listed: then without this care
        yield
        return
    try:
        _lock(opened, folder)
        yield
    finally:
        os.close(opened)  # and with it the lock


def _lock(opened: int, folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise ConfigurationError(
                    f"{folder}: another program holds a lock on this folder; try again, or choose "
                    "another folder"
                ) from None
            time.sleep(0.01)  # a lock is held for less than that
        except OSError:
            return  # a file system without locks
        else:
            return


def _clear(path: Path) -> None:
    """Remove what a dead process left; raise ConfigurationError for anything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"{path}: is there and is no socket; remove it, or choose another")
    if _answers(path):
        raise ConfigurationError(
            f"another daemon listens at {path}; stop it, or choose another path"
        )
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    """Say whether a process listens there, as far as can be known; in doubt it does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)  # a full queue answers at once, and with an error
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def _bound(path: Path, mode: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _only(mode):
            sock.bind(os.fspath(path))
        _check_mode(path, mode)
        # At once: a socket that is bound and does not listen looks like a dead one.
        sock.listen(BACKLOG)
        sock.settimeout(0)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_IMODE(os.lstat(path).st_mode) & ~mode:
        path.unlink()
        raise ConfigurationError(f"{path}: this file system keeps no rights; choose another")


# ------------------------------------------------------------------ TCP


def tcp_socket(listen: str) -> socket.socket:
    """Return a socket that listens at "host:port" or "[IPv6]:port"; port 0 takes a free one.

    A name that has several addresses gets one of them, IPv4 first. Raises ConfigurationError when
    it cannot be: taken, not of this machine, not resolvable, not allowed.
    """
    host, port = _parts(listen)
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "no such name"
        raise ConfigurationError(f"{listen}: {host} cannot be resolved: {words}") from None
    if is_loopback(host_of(listen)):  # whatever the resolver says of "localhost"
        found = [one for one in found if is_loopback(str(one[4][0]))]
    if not found:
        raise ConfigurationError(f"{listen}: {host} has no loopback address; write 127.0.0.1")
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.settimeout(0)
    except OSError as error:
        sock.close()
        _tell(listen, error)
    return sock


def host_of(listen: str) -> str:
    """Return the host of "host:port", without the brackets of an IPv6 address."""
    return _parts(listen)[0]


def _parts(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    fits = colon and bare and port.isascii() and port.isdecimal() and len(port) <= len("65535")
    if not fits or int(port) > 65535 or (":" in bare) != bracketed:  # noqa: PLR2004  the last port
        raise ConfigurationError(f"{listen}: write host:port, such as 127.0.0.1:8090 or [::1]:8090")
    return bare, int(port)


def _tell(listen: str, error: OSError) -> NoReturn:
    words = {
        errno.EADDRINUSE: "taken by another program; stop that, or choose another port",
        errno.EADDRNOTAVAIL: "no address of this machine",
        errno.EACCES: "not allowed to this user; ports from 1024 on are",
        errno.EPERM: "not allowed to this user; ports from 1024 on are",
    }.get(error.errno or 0, error.strerror or str(error))
    raise ConfigurationError(f"{listen}: {words}") from None

"""Looks at this machine: folders, free room, sockets and ports, the limit of files.

Changes nothing: no folder is made, no file written, a port is bound for a moment at most.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import socket
import stat
from contextlib import closing
from typing import TYPE_CHECKING

from listener.doctor.seen import Held, Hold, PlaceSeen
from listener.errors import ConfigurationError
from listener.journal.place import lock_of
from listener.journal.schema import check_ours, header_of, is_strange
from listener.settings.serving import split
from listener.transcript.parts import LONGEST_HEAD, check_head

if TYPE_CHECKING:
    from pathlib import Path

_WITHIN = 2.0


def journal(path: Path) -> PlaceSeen:
    """Say whether a journal can be written there, and how much room there is."""
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return PlaceSeen(str(path), "this user may not write it")
    if path.is_file() and (found := header_of(path)) is not None and not is_strange(found):
        try:
            check_ours(path, found)
        except ConfigurationError as error:  # of a later version
            return PlaceSeen(str(path), str(error))
    trouble = _folder_trouble(path.parent)
    free = None if trouble else shutil.disk_usage(_there(path.parent)).free
    return PlaceSeen(str(path), trouble, free)


def transcript(path: Path) -> PlaceSeen:
    """Say whether a transcript can be begun there, or added to."""
    if not path.exists() and not path.is_symlink():
        return PlaceSeen(str(path), _folder_trouble(path.parent))
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return PlaceSeen(str(path), error.strerror or str(error))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return PlaceSeen(str(path), "it is no plain file")
        if head := os.pread(file, LONGEST_HEAD, 0):
            check_head(head, path)
    except ConfigurationError as error:
        return PlaceSeen(str(path), str(error))
    finally:
        os.close(file)
    return PlaceSeen(str(path))


def folder(path: Path) -> PlaceSeen:
    """Say whether a socket can be made at `path`."""
    return PlaceSeen(str(path.parent), _folder_trouble(path.parent))


def _there(place: Path) -> Path:
    """Return the folder, or the one above it: the daemon makes one folder that is missing."""
    return place if place.exists() else place.parent


def _folder_trouble(place: Path) -> str | None:
    there = _there(place)
    if not there.is_dir():
        return f"there is no folder {there}"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"this user may not write into {there}"
    return None


def holds_journal(path: Path) -> bool:
    """Say whether a daemon uses that journal now."""
    try:
        fd = os.open(lock_of(path), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def unix_socket(what: str, path: Path) -> Held:
    """Say who answers at a Unix socket: nobody, or a daemon."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as tried:
        tried.settimeout(_WITHIN)
        try:
            tried.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return Held(what, str(path), Hold.FREE)  # one without a daemon is replaced
        except PermissionError as error:
            return Held(what, str(path), Hold.FORBIDDEN, error.strerror or str(error))
        except OSError as error:
            return Held(what, str(path), Hold.OTHER, error.strerror or str(error))
    return Held(what, str(path), Hold.DAEMON)


def tcp_port(what: str, listen: str, *, daemon: bool) -> Held:
    """Say whether a port can be listened on; in use, it is the daemon's if one runs."""
    host, port = split(listen)
    if port == 0:
        return Held(what, f"{host}, any port", Hold.FREE)
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, proto)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen(1)
    except OSError as error:
        detail = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            return Held(what, listen, Hold.DAEMON if daemon else Hold.OTHER, detail)
        return Held(what, listen, Hold.FORBIDDEN, detail)
    return Held(what, listen, Hold.FREE)


def file_limit() -> int:
    """Return how many files a daemon may open: it raises its limit to the hard one."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]

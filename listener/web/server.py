"""An HTTP server on sockets that are handed in: it accepts, counts, and ends.

Knows sockets and connections as a whole; what happens on one of them is `protocol`'s. uvicorn's
protocol is used and its server is not: that one takes SIGTERM, closes what it should hand over, and
counts nothing before a TLS handshake is done.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.server import ServerState

from listener import logs
from listener.web.answering import Common
from listener.web.callers import Peer
from listener.web.connections import Book, Kind, Limits
from listener.web.counting import HANDSHAKE, NOBODY, Counting
from listener.web.protocol import TOO_MANY, LimitedProtocol
from listener.web.sockets import BACKLOG, SocketFile

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from starlette.types import ASGIApp

__all__ = ["Limits", "WebServer"]

SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for one client; what it would take by itself is megabytes."""

_AT_ONCE = 64  # connections accepted before anything else gets its turn
_AGAIN = 1.0  # seconds until the next try when there are no more file descriptors
_LAST_WORDS = 1.0  # seconds for an answer's task to end when its connection was cut
_FULL_AGAIN = 0.9  # of the limit: below it the next time that it is reached is told again
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PASSING = {errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EPERM}  # accept(2)

_log = logs.get(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class WebServer:
    """Serves an ASGI application at listening sockets, Unix and TCP, `tls` at the TCP ones.

    `name` stands in the log. `now` is the wall time, for the Date header. `counting` is told of
    answers, and of connections that are refused or ended. The sockets are this object's from now
    on, and so are the files of the Unix ones. Signals are not touched.
    """

    def __init__(
        self,
        app: ASGIApp,
        sockets: Iterable[socket.socket],
        *,
        name: str,
        limits: Limits = Limits(),  # noqa: B008  frozen
        tls: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = _now,
        counting: Counting = NOBODY,
    ) -> None:
        self._sockets: Sequence[socket.socket] = tuple(sockets)
        self._files = [file for file in map(SocketFile.of, self._sockets) if file is not None]
        self._limits = limits
        self._tls = tls
        self._book = Book(limits)
        self._common = Common(
            name,
            app,
            _config(app),
            ServerState(),
            limits,
            self._book,
            lambda: _http_date(now()),
            counting,
        )
        self._opening: set[asyncio.Task[None]] = set()
        self._again: dict[socket.socket, asyncio.TimerHandle] = {}
        self._reading = False
        self._given_away = False
        self._full = self._exhausted = False
        self.failed: Exception | None = None
        """Why no connection can be accepted any more, at one of the sockets at least."""

    def __repr__(self) -> str:
        return f"<WebServer {self._common.name}: {self.connections}+{self.event_readers} connected>"

    @property
    def connections(self) -> int:
        """Open connections, without event readers and without those that are being refused."""
        return self._book.count(Kind.ORDINARY)

    @property
    def event_readers(self) -> int:
        """Open connections that read events."""
        return self._book.count(Kind.EVENT_READER)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets, to be handed over."""
        return self._sockets

    async def start(self) -> None:
        """Accept connections from now on. Raises OSError for a socket that cannot be used."""
        for sock in self._sockets:
            sock.settimeout(0)
            sock.listen(BACKLOG)
        self._common.config.load()
        self._read()

    def stop_accepting(self) -> None:
        """Leave the listening sockets to another process: they stay open and are read no more.

        What is connected stays; each answer from now on ends its connection, so that the client's
        next request goes to the other process. `close` will not remove the sockets' files.
        """
        self._stop_reading()
        self._given_away = self._common.leaving = True

    def resume_accepting(self) -> None:
        """Accept again: nobody took the sockets."""
        self._given_away = self._common.leaving = False
        self._read()

    async def close(self, grace: float) -> None:
        """Accept no more, let running answers have `grace` seconds, and cut what is left.

        Connections on which nothing runs are closed at once. Returns when all is closed; may be
        called again, with less grace, while it waits.
        """
        self._stop_reading()
        self._common.leaving = True
        for file in () if self._given_away else self._files:
            file.remove()
        for sock in self._sockets:
            sock.close()
        for task in self._opening:
            task.cancel()
        for one in self._book.all():
            one.shutdown()
        await self._empty(grace)
        for one in self._book.all():
            one.abort()
        await self._empty(_LAST_WORDS)
        await self._end_tasks()

    # -------------------------------------------------------------- accepting

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            for sock in self._sockets:
                self._read_at(sock)

    def _read_at(self, sock: socket.socket) -> None:
        self._again.pop(sock, None)
        asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            for handle in self._again.values():
                handle.cancel()
            self._again.clear()
            for sock in self._sockets:
                asyncio.get_running_loop().remove_reader(sock)

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                taken, address = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _PASSING:
                    self._cannot_accept(sock, error)
                    return
            else:
                self._exhausted = False
                self._take(taken, address)

    def _cannot_accept(self, sock: socket.socket, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        if error.errno not in _EXHAUSTED:
            self.failed = error
            _log.error("http.failed", server=self._common.name, detail=str(error))
            return
        if not self._exhausted:
            self._exhausted = True
            _log.error("http.exhausted", server=self._common.name, detail=str(error))
        self._again[sock] = loop.call_later(_AGAIN, self._read_at, sock)

    def _take(self, taken: socket.socket, address: object) -> None:
        loop = asyncio.get_running_loop()
        tls = self._tls if taken.family != socket.AF_UNIX else None
        peer = _peer(taken, address)
        protocol = LimitedProtocol(self._common, loop, peer, encrypted=tls is not None)
        kind = self._book.enter(protocol)
        self._tell_full(kind)
        if kind is None:
            self._common.counting.refused(TOO_MANY.name)
            taken.close()
            return
        protocol.refused = kind is Kind.REFUSED
        taken.settimeout(0)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if not peer.unix:  # an answer goes out in several small writes
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(self._open(taken, protocol, tls))
        self._opening.add(task)
        task.add_done_callback(lambda done: self._opened(done, taken, protocol))

    async def _open(
        self, taken: socket.socket, protocol: LimitedProtocol, tls: ssl.SSLContext | None
    ) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol,
            taken,
            ssl=tls,
            ssl_handshake_timeout=self._limits.header_seconds if tls else None,
            ssl_shutdown_timeout=self._limits.stalled_seconds if tls else None,
        )

    def _opened(
        self, task: asyncio.Task[None], taken: socket.socket, protocol: LimitedProtocol
    ) -> None:
        self._opening.discard(task)
        if task.cancelled() or task.exception() is not None:  # a handshake that failed, mostly
            if not task.cancelled():
                self._common.counting.refused(HANDSHAKE)
            self._book.leave(protocol)
            protocol.abort()
            taken.close()

    def _tell_full(self, kind: Kind | None) -> None:
        if kind is Kind.ORDINARY:
            if self.connections < self._limits.connections * _FULL_AGAIN:
                self._full = False
        elif not self._full:
            self._full = True
            _log.warning("http.full", server=self._common.name, connections=self.connections)

    # -------------------------------------------------------------- ending

    async def _empty(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._book.empty.wait()
        except TimeoutError:
            pass

    async def _end_tasks(self) -> None:
        """Let answers end that run without their client; cancel those that do not."""
        tasks = {*self._common.state.tasks, *self._opening}
        for _ in range(2):
            if tasks:
                _, tasks = await asyncio.wait(tasks, timeout=_LAST_WORDS)
            for task in tasks:
                task.cancel()
        if tasks:
            _log.error("http.failed", server=self._common.name, detail="answers that do not end")


def _config(app: ASGIApp) -> Config:
    """Return uvicorn's configuration, with everything off that this server does itself."""
    return Config(
        app,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        reset_contextvars=True,  # what is bound to the log elsewhere does not belong to a request
    )


def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _peer(taken: socket.socket, address: object) -> Peer:
    if taken.family == socket.AF_UNIX:
        return Peer(unix=True, uid=_uid(taken))
    host = address[0] if isinstance(address, tuple) and address else None
    return Peer(unix=False, address=host if isinstance(host, str) else None)


def _uid(taken: socket.socket) -> int | None:
    """Return who is at the other end of a Unix socket, as the system knows it (unix(7))."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    form = struct.Struct("iII")  # struct ucred: pid, uid, gid
    _, uid, _ = form.unpack(taken.getsockopt(socket.SOL_SOCKET, option, form.size))
    return int(uid)

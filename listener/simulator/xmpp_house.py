"""The premises of the notification service: ports, connections, tasks, and their faults.

Knows how connections come and go and which faults they have; knows nothing of sessions, stanzas or
subscriptions: those are the heir's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Self

from listener.simulator.anchors import Anchors
from listener.simulator.xmpp_connection import Check, Connection, Security, shrink_tls_buffers
from listener.simulator.xmpp_faults import Cut, Faults, Refusal, Stage
from listener.simulator.xmpp_stream import ClientStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

    from listener.simulator.xmpp_xml import Element

MAX_FAILURES = 100
_BACKLOG = 1024


class Premises:
    """Listens, keeps every connection and task, and ends them all in `stop`."""

    def __init__(self, domain: str, check: Check, tls_context: ssl.SSLContext | None) -> None:
        self.domain = domain
        self.check = check
        self.tls_context = tls_context
        self.tls_port: int | None = None
        self.starttls_port: int | None = None
        self.plain_port: int | None = None
        self.faults = Faults()
        self.auth_attempts: Counter[str] = Counter()
        self.failures: deque[Exception] = deque(maxlen=MAX_FAILURES)
        self.connections = 0
        self.dropped_slow = 0
        self._streams: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._anchors = Anchors()
        self._host = ""

    # -- life ----------------------------------------------------------------------------------

    async def start(
        self,
        host: str = "127.0.0.1",
        *,
        tls_port: int | None = 0,
        starttls_port: int | None = None,
        plain_port: int | None = None,
    ) -> None:
        """Listen. TLS ports need a `tls_context` (ValueError); a taken port is an OSError."""
        if self.tls_context is None and (tls_port is not None or starttls_port is not None):
            raise ValueError("a TLS port needs a tls_context")
        shrink_tls_buffers()
        self._host = host
        self.tls_port, self.starttls_port, self.plain_port = tls_port, starttls_port, plain_port
        try:
            await self._listen()
        except BaseException:
            self._stop_listening()
            self._anchors.release()
            raise

    async def _listen(self) -> None:
        self.tls_port = await self._open(self.tls_port, Security.TLS)
        self.starttls_port = await self._open(self.starttls_port, Security.STARTTLS)
        self.plain_port = await self._open(self.plain_port, Security.PLAIN)

    async def _open(self, port: int | None, security: Security) -> int | None:
        if port is None:
            return None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: ClientStream(self, security),
            self._host,
            port,
            backlog=_BACKLOG,
            start_serving=False,
        )
        self._servers.append(server)
        self._anchors.hold(server)
        await server.start_serving()
        return int(server.sockets[0].getsockname()[1])

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def stop(self, *, grace: float = 0.5) -> None:
        """End every session (system-shutdown), wait `grace` seconds, abort the rest; idempotent."""
        self._stop_listening()
        self._anchors.release()
        for stream in list(self._streams):
            stream.cut(Cut.STREAM_ERROR)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in list(self._streams):
            stream.outlet.abort()
        await self._empty.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- what the connections tell (xmpp_connection.House) -------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a stream's work as a task that `stop` ends; its failure is kept in `failures`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.failed(error)

    def joined(self, stream: Connection) -> None:
        """Take a connection in."""
        self.connections += 1
        self._streams.add(stream)
        self._empty.clear()

    def left(self, stream: Connection) -> None:
        """Let a connection go."""
        self._streams.discard(stream)
        self.dropped_slow += stream.outlet.overflowed
        if not self._streams:
            self._empty.set()

    def bound(self, stream: ClientStream) -> None:
        """Make a session of a connection."""
        raise NotImplementedError

    def stanza(self, stream: ClientStream, element: Element) -> None:
        """Answer a stanza of a session."""
        raise NotImplementedError

    def failed(self, error: Exception) -> None:
        """Keep a bug of the server for the tests."""
        self.failures.append(error)

    # -- faults --------------------------------------------------------------------------------

    def _streams_of(self, user: str | None) -> list[Connection]:
        """Return the connections of a user, or (None) all, also those not yet signed in."""
        return [s for s in self._streams if user is None or str(s.user).lower() == user.lower()]

    def cut(self, user: str | None = None, how: Cut | str = Cut.CLOSE) -> int:
        """End the connections of a user, or all; return how many there were."""
        streams = self._streams_of(user)
        for stream in streams:
            stream.cut(Cut(how))
        return len(streams)

    def freeze(self, user: str | None = None) -> None:
        """Stop reading and writing for a user, or for all, also on connections still to come.

        Sockets stay up, the kernel still accepts, and nothing is lost before `thaw` but by cuts.
        """
        self.faults.frozen.add(user.lower() if user is not None else None)
        for stream in self._streams_of(user):
            stream.freeze()

    def thaw(self, user: str | None = None) -> None:
        """Go on for a user, or (None) for everybody."""
        if user is None:
            self.faults.frozen.clear()
        else:
            self.faults.frozen.discard(user.lower())
        for stream in self._streams_of(user):
            stream.thaw()

    def tarpit(self, stage: Stage | None, user: str | None = None) -> None:
        """Let new connections fall silent at a stage; None ends that, but not their silence.

        For one user only `AFTER_SASL` and `AFTER_BIND` can be told: before, nobody has a name.
        """
        key = user.lower() if user is not None else None
        if stage is None:
            self.faults.tarpits.pop(key, None)
        else:
            self.faults.tarpits[key] = stage

    async def refuse_connections(self, how: Refusal = Refusal.CLOSE) -> None:
        """Turn new connections away; those there are stay."""
        self.faults.refusal = how
        if how is Refusal.NOT_LISTENING:
            self._stop_listening()

    async def accept_connections(self) -> None:
        """Take connections again, on the same ports."""
        self.faults.refusal = None
        if not self._servers:
            await self._listen()

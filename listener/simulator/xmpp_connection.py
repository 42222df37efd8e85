"""One client's connection below XMPP: TCP, TLS, and the faults that stall or end it.

Knows sockets, TLS and which bytes may be looked at; knows nothing of logins: what the bytes mean is
the heir's, who it belongs to is the house's.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from listener.simulator.xmpp_faults import Cut, Faults, Refusal, Stage
from listener.simulator.xmpp_outlet import Outlet
from listener.simulator.xmpp_xml import Element, Event, Feed

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Coroutine

    from listener.simulator.xmpp_stream import ClientStream

MAX_BEFORE_LOGIN = 16 * 1024
MAX_HELD = 1024 * 1024
TLS_HANDSHAKE, TLS_SHUTDOWN = 60.0, 1.0
TLS_BUFFER = 32 * 1024

Check: TypeAlias = Callable[[str, str], bool | str]


def shrink_tls_buffers() -> None:
    """Make asyncio's read buffer of each TLS connection 32 KiB, process-wide, where it can be set.

    It is 256 KiB otherwise, most of the memory of a session. A private attribute, hence the guard.
    """
    protocol = getattr(asyncio.sslproto, "SSLProtocol", None)
    if isinstance(getattr(protocol, "max_size", None), int):
        setattr(protocol, "max_size", TLS_BUFFER)  # noqa: B010  mypy does not know the attribute


class Security(StrEnum):
    """What a port demands."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    TLS = "tls"


class House(Protocol):
    """What a connection needs from the server it belongs to."""

    domain: str
    faults: Faults
    check: Check
    tls_context: ssl.SSLContext | None
    auth_attempts: Counter[str]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this as a task of the server's own."""
        ...

    def joined(self, stream: Connection) -> None:
        """Note a new connection."""

    def left(self, stream: Connection) -> None:
        """Note that a connection has ended."""

    def bound(self, stream: ClientStream) -> None:
        """Note that a connection has become a session (its `resource` is set)."""

    def stanza(self, stream: ClientStream, element: Element) -> None:
        """Answer a stanza of a session."""

    def failed(self, error: Exception) -> None:
        """Note a bug of the server itself."""


class Connection(asyncio.Protocol):
    """A connection: bytes in as events, bytes out through `outlet`."""

    outlet: Outlet

    def __init__(self, house: House, security: Security) -> None:
        self.user: str | None = None  # set by SASL
        self._house = house
        self._security = security
        self._secure = False
        self._feed = Feed(MAX_BEFORE_LOGIN)
        self._header_sent = False
        self._frozen = False
        self._held = bytearray()  # read, but not to be looked at while frozen
        self._upgrading = False  # from STARTTLS or accept until TLS stands
        self._upgrade_due = False
        self._gone = False

    def _on(self, event: Event) -> None:
        raise NotImplementedError

    def end(self, condition: str | None) -> None:
        """Close in order, with a stream error when there is a condition to name."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; for direct TLS with the handshake."""
        faults = self._house.faults
        raw = cast("asyncio.Transport", transport)
        self.outlet = Outlet(raw, lambda: faults.piece, self._house.spawn)
        self._house.joined(self)
        if faults.refusal is Refusal.CLOSE:
            raw.close()
            return
        if faults.falls_silent(Stage.ACCEPT):
            self._fall_silent()
            raw.pause_reading()
            return
        if faults.is_frozen(None):
            self.freeze()
        if self._security is Security.TLS:
            self._begin_tls()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Leave the house, once."""
        if not self._gone:
            self._gone = True
            self._house.left(self)

    def data_received(self, data: bytes) -> None:
        """Read on, unless this connection is frozen, silent or ending.

        The first bytes under TLS may come before `_upgrade` goes on: they wait for it.
        """
        if self._frozen or self._upgrading:
            self._held += data
            if len(self._held) > MAX_HELD:
                self.outlet.abort()
        elif self.outlet.open:
            self._read(data)

    def _read(self, data: bytes) -> None:
        feed = self._feed
        for event in feed.feed(data):
            try:
                self._on(event)
            except Exception as error:  # noqa: BLE001  kept for the tests to see, not swallowed
                self._house.failed(error)
                self.end("internal-server-error")
            if self._feed is not feed or not self.outlet.open:
                return  # a restarted stream: nothing may follow in the old one

    def _begin_tls(self) -> None:
        """Stop reading at once: what comes next is TLS, and not ours to see."""
        self._upgrading = True
        self.outlet.transport.pause_reading()
        if self._frozen:
            self._upgrade_due = True
        else:
            self._house.spawn(self._upgrade())

    async def _upgrade(self) -> None:
        """Put TLS on the connection; a client that fails at it is gone."""
        try:
            await self.outlet.flushed()
            if self.outlet.transport.is_closing():
                return  # what is put on top of a dead transport nobody closes
            loop = asyncio.get_running_loop()
            assert self._house.tls_context is not None
            transport = await loop.start_tls(
                self.outlet.transport,
                self,
                self._house.tls_context,
                server_side=True,
                ssl_handshake_timeout=TLS_HANDSHAKE,
                ssl_shutdown_timeout=TLS_SHUTDOWN,
            )
            if transport is None:
                return  # the client left in the middle of it
        except OSError:  # TLS alerts, resets and time-outs
            pass
        else:
            self.outlet.transport = transport
            self._secured()
        finally:
            if not self._secure:
                self.outlet.abort()
                self.connection_lost(None)

    def _secured(self) -> None:
        self._secure = True
        self._upgrading = False
        self._restart(MAX_BEFORE_LOGIN)
        if self._frozen:
            self.outlet.transport.pause_reading()
        else:
            self._catch_up()

    def _catch_up(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        if held:
            self.data_received(held)

    def _restart(self, limit: int) -> None:
        self._feed = Feed(limit)
        self._header_sent = False

    def cut(self, how: Cut) -> None:
        """End the connection as the fault asks."""
        if how is Cut.RESET:
            self.outlet.reset()
        elif self._upgrading:
            self.outlet.abort()  # nothing can be said between TCP and TLS
        else:
            self.end("system-shutdown" if how is Cut.STREAM_ERROR else None)

    def freeze(self) -> None:
        """Stand still: read nothing, write nothing, keep the socket."""
        self._frozen = True
        self.outlet.stall()
        if not self.outlet.transport.is_closing():
            self.outlet.transport.pause_reading()

    def thaw(self) -> None:
        """Go on where it stood still: first what was held back, then what came in."""
        if not self._frozen:
            return
        self._frozen = False
        self.outlet.resume()
        if self._upgrade_due:
            self._upgrade_due = False
            self._house.spawn(self._upgrade())
        elif not self.outlet.transport.is_closing():
            self._catch_up()
            self.outlet.transport.resume_reading()

    def _fall_silent(self) -> None:
        self.outlet.silent = True

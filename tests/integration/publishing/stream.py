"""One XMPP stream of the publishing side: an account's, or a component's (XEP-0114).

Knows how to sign in, to ask and to be answered. Knows nothing of pubsub, and nothing of the program
under test: it is written anew, so that the two do not share a mistake.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from listener.simulator.xmpp_xml import (
    Broken,
    Closed,
    Element,
    Event,
    Feed,
    Opened,
    attribute,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
STREAMS = "http://etherx.jabber.org/streams"
PATIENCE = 20.0  # seconds for an answer; the server is on this machine
_LIMIT = 1 << 20
_CHUNK = 1 << 16


class Refused(Exception):
    """The server answered with an error; `condition` is its name."""

    def __init__(self, condition: str, asked: str) -> None:
        super().__init__(f"{condition}: {asked[:200]}")
        self.condition = condition


class Stream:
    """A stream that is signed in: `await Stream.of_account(...)` or `of_component(...)`.

    `on_stanza` is called with each stanza that is no answer to `ask`, in the order of arrival.
    `on_end` is called when the stream has ended, for whatever reason. Raises ConnectionError when
    the server says no, and from `ask` when the stream has ended.
    """

    def __init__(
        self, on_stanza: Callable[[Element], None], on_end: Callable[[], None] | None = None
    ) -> None:
        self.jid = ""
        self.ended = asyncio.Event()
        self.failure: Exception | None = None  # what `on_stanza` or a `look` raised
        self._on_stanza, self._on_end = on_stanza, on_end
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._feed = Feed(_LIMIT)
        self._read: deque[Event] = deque()
        self._asks: dict[str, tuple[asyncio.Future[Any], Callable[[Element], object]]] = {}
        self._ids = count(1)
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Stream {self.jid}>"

    # -- signing in ----------------------------------------------------------------------------

    @classmethod
    async def of_account(
        cls,
        address: tuple[str, int],
        *,
        domain: str,
        user: str,
        password: str,
        resource: str,
        tls: ssl.SSLContext,
        on_stanza: Callable[[Element], None],
        on_end: Callable[[], None] | None = None,
    ) -> Stream:
        """Sign in with SASL PLAIN over TLS from the first byte, and bind `resource`."""
        stream = cls(on_stanza, on_end)
        async with stream._signing_in():
            await stream._connect(address, ssl=tls, server_hostname=domain)
            await stream._open("jabber:client", domain)
            secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            stream.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
            await stream._expect("success")
            await stream._open("jabber:client", domain)
            stream.send(
                f"<iq type='set' id='bind'><bind xmlns='{BIND}'>"
                f"<resource>{resource}</resource></bind></iq>"
            )
            bound = await stream._expect("iq")
        jid = (bound.find("bind") or bound).find("jid")
        if jid is None:
            raise ConnectionError(f"{user} was given no session")
        return stream._begin(jid.text)

    @classmethod
    async def of_component(
        cls,
        address: tuple[str, int],
        *,
        name: str,
        secret: str,
        on_stanza: Callable[[Element], None],
        on_end: Callable[[], None] | None = None,
    ) -> Stream:
        """Become the component `name` (in clear text, as XEP-0114 has it)."""
        stream = cls(on_stanza, on_end)
        async with stream._signing_in():
            await stream._connect(address)
            ident = await stream._open("jabber:component:accept", name, features=False)
            digest = hashlib.sha1((ident + secret).encode()).hexdigest()  # the protocol's choice
            stream.send(f"<handshake>{digest}</handshake>")
            await stream._expect("handshake")
        return stream._begin(name)

    @contextlib.asynccontextmanager
    async def _signing_in(self) -> AsyncIterator[None]:
        """Bound the time, and leave no connection behind that came to nothing."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except BaseException:
            if self._writer is not None:
                self._writer.transport.abort()
                with contextlib.suppress(OSError):
                    await self._writer.wait_closed()
            raise

    async def _connect(self, address: tuple[str, int], **how: Any) -> None:
        self._reader, self._writer = await asyncio.open_connection(*address, **how)

    async def _open(self, namespace: str, to: str, *, features: bool = True) -> str:
        """Open the stream (anew) and return its id; with `features`, wait for them."""
        self._feed = _StreamId(_LIMIT)
        self.send(
            f"<?xml version='1.0'?><stream:stream{attribute('to', to)} xmlns='{namespace}'"
            f" xmlns:stream='{STREAMS}' version='1.0'>"
        )
        while not isinstance(await self._next(), Opened):
            pass
        if features:
            await self._expect("features")
        return self._feed.ident

    async def _next(self) -> Event:
        while not self._read:
            assert self._reader is not None
            data = await self._reader.read(_CHUNK)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._read.extend(self._feed.feed(data))
        return self._read.popleft()

    async def _expect(self, local: str) -> Element:
        event = await self._next()
        if not isinstance(event, Element) or event.local != local:
            what = event.local if isinstance(event, Element) else type(event).__name__
            raise ConnectionError(f"{local} was expected, and {what} came")
        return event

    def _begin(self, jid: str) -> Stream:
        self.jid = jid
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"stream {jid}")
        return self

    # -- life ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                while self._take(await self._next()):
                    pass
        except Exception as bug:  # noqa: BLE001  kept for whoever closes the stream
            self.failure = bug
        finally:
            self.ended.set()
            for future, _ in self._asks.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"the stream of {self.jid} has ended"))
            self._asks.clear()
            self._end()
            if self._on_end is not None:
                self._on_end()

    def _take(self, event: Event) -> bool:
        if isinstance(event, Closed | Broken):
            return False
        if isinstance(event, Element):
            if event.attributes.get("type") in {"result", "error"} and event.local == "iq":
                self._answered(event)
            else:
                self._on_stanza(event)
        return True

    def _answered(self, element: Element) -> None:
        future, look = self._asks.pop(element.attributes.get("id", ""), (None, None))
        if future is None or look is None or future.done():
            return
        if element.attributes.get("type") == "result":
            future.set_result(look(element))
        else:
            error = element.find("error")
            found = error.first.local if error and error.first else "undefined-condition"
            future.set_exception(Refused(found, str(element.attributes.get("from"))))

    def send(self, xml: str) -> None:
        """Send this as it is."""
        assert self._writer is not None
        self._writer.write(xml.encode())

    async def ask(
        self, kind: str, to: str, body: str, *, look: Callable[[Element], T], sender: str = ""
    ) -> T:
        """Ask and return `look(answer)`, called at once when the answer has been read.

        What the server sent before its answer has been handed over by then, and nothing of what it
        sent after it. Raises Refused for an error, TimeoutError after 20 s.
        """
        ident = f"p{next(self._ids)}"
        if self.ended.is_set():
            raise ConnectionError(f"the stream of {self.jid} has ended")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asks[ident] = future, look
        self.send(
            f"<iq{attribute('type', kind)}{attribute('id', ident)}{attribute('to', to)}"
            f"{attribute('from', sender or None)}>{body}</iq>"
        )
        try:
            async with asyncio.timeout(PATIENCE):
                return await future
        finally:
            self._asks.pop(ident, None)

    async def close(self) -> None:
        """End the stream in order, and wait until the server has ended it too (20 s at most)."""
        with contextlib.suppress(ConnectionError):
            self.send("</stream:stream>")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self.ended.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end()
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _StreamId(Feed):
    """Also keeps the id of the stream that the server opened."""

    ident = ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self.ident = attributes.get("id", "")
        super()._start(name, attributes)

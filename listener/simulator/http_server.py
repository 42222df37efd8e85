"""A small HTTP/1.1 server for the simulated REST side, able to cut, hang and reset on demand.

Knows HTTP (through h11) and TCP; knows nothing of Finesse: a handler turns a request into a
response, and the response says what becomes of the exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import h11

from listener.simulator.anchors import Anchors
from listener.simulator.interfaces import Fate, Handler, HttpRequest, HttpResponse
from listener.simulator.xmpp_outlet import reset

if TYPE_CHECKING:
    import ssl

MAX_BODY = 1024 * 1024
MAX_HEADERS = 16 * 1024
MAX_FAILURES = 100
TLS_HANDSHAKE, TLS_SHUTDOWN = 60.0, 1.0
_READ = 64 * 1024
_BODILESS = frozenset({204, 304})


class _Refused(Exception):
    """The request cannot be taken; `args[0]` is the status. The connection ends after it."""


class HttpServer:
    """Serves `handler` on one port, over TLS when a context is given.

    `connections` and `requests` count what came in since the first start, `open_connections` what
    is there. A handler that raises answers 500 and its exception is kept in `failures` (the last
    100). A request body over 1 MiB is 413, headers over 16 KiB are 431.
    """

    def __init__(self, handler: Handler, tls_context: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.connections = 0
        self.requests = 0
        self.failures: deque[Exception] = deque(maxlen=MAX_FAILURES)
        self._handler = handler
        self._tls = tls_context
        self._server: asyncio.Server | None = None
        self._anchors = Anchors()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.Transport] = set()
        self._going = asyncio.Event()  # clear while the server stands still
        self._going.set()

    def __repr__(self) -> str:
        return f"<HttpServer port={self.port} connections={self.open_connections}>"

    @property
    def open_connections(self) -> int:
        """How many connections there are now."""
        return len(self._tasks)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 lets the kernel choose, see `port`. A taken port is an OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, start_serving=False)
        self._anchors.hold(self._server)
        await self._server.start_serving()
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, *, keep_port: bool = False) -> None:
        """Stop listening, break off every exchange, wait for all of it; idempotent.

        `keep_port`: it comes back there, so nobody else may have the port meanwhile.
        """
        if not keep_port:
            self._anchors.release()
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def freeze(self) -> None:
        """Stand still: the kernel goes on accepting, and nobody gets a handshake or an answer."""
        self._going.clear()

    def thaw(self) -> None:
        """Go on where it stood still."""
        self._going.set()

    def reset(self) -> int:
        """Reset every connection (RST), and go on listening; return how many there were."""
        there = list(self._transports)
        for transport in there:
            reset(transport)
        return len(there)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._tls is not None:
            # what comes next is TLS: read nothing until the handshake has begun
            _transport(writer).pause_reading()
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.failures.append(error)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Own one connection from the handshake to its end."""
        ends = reader, writer  # the plain ones must live as long as the TLS on top of them
        plain = _transport(writer)
        self._transports.add(plain)
        try:
            await self._going.wait()
            if self._tls is not None:
                ends = await _secured(writer, self._tls)
            await _Exchange(self, *ends).run()
            ends[1].close()
            async with asyncio.timeout(TLS_SHUTDOWN):
                await ends[1].wait_closed()
        except OSError:
            pass  # the client has gone, or never spoke TLS, or does not say goodbye in time
        finally:
            ends[1].transport.abort()
            plain.abort()
            self._transports.discard(plain)

    async def ask(self, request: HttpRequest) -> HttpResponse:
        """Count and hand a request to the handler; a handler that raises answers 500."""
        self.requests += 1
        await self._going.wait()
        try:
            response = await self._handler(request)
        except Exception as error:  # noqa: BLE001  kept for the tests to see, and answered
            self.failures.append(error)
            response = HttpResponse(500)
        await self._going.wait()
        return response


class _Exchange:
    """The requests of one connection, one after the other."""

    def __init__(
        self, server: HttpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._bodiless = False  # the request was a HEAD
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)

    async def run(self) -> None:
        """Answer until either side closes; the caller closes the connection."""
        try:
            while (request := await self._request()) is not None:
                response = await self._server.ask(request)
                if not await self._fulfil(response):
                    return
                self._wire.start_next_cycle()
        except _Refused as refusal:
            await self._refuse(refusal.args[0])
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)

    # -- in ------------------------------------------------------------------------------------

    async def _event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            if self._wire.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._wire.receive_data(await self._reader.read(_READ))
        return event

    async def _request(self) -> HttpRequest | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None  # the client has closed
        if sum(len(name) + len(value) for name, value in head.headers) > MAX_HEADERS:
            raise _Refused(431)
        self._bodiless = head.method == b"HEAD"
        headers: dict[str, str] = {}
        for raw_name, raw_value in head.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if int(headers.get("content-length", "0")) > MAX_BODY:
            raise _Refused(413)
        target = urlsplit(head.target.decode("latin-1"))
        return HttpRequest(
            head.method.decode("latin-1"), target.path, target.query, headers, await self._body()
        )

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                raise _Refused(413)
        if not isinstance(event, h11.EndOfMessage):
            raise _Refused(400)
        return bytes(body)

    # -- out -----------------------------------------------------------------------------------

    async def _fulfil(self, response: HttpResponse) -> bool:
        """Do what the response says; True when another request may follow."""
        if response.delay > 0:
            await asyncio.sleep(response.delay)  # the delay is the point, there is no event
        match response.fate:
            case Fate.ANSWER:
                await self._answer(response)
                return self._wire.our_state is self._wire.their_state is h11.DONE
            case Fate.HANG:
                while await self._reader.read(_READ):
                    pass  # until the client gives up, or `stop`
            case Fate.RESET:
                reset(self._writer.transport)
            case Fate.CUT:
                pass
        return False

    async def _answer(self, response: HttpResponse) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        headers.setdefault("date", formatdate(usegmt=True))
        if response.status not in _BODILESS:
            headers.setdefault("content-length", str(len(response.body)))
        head = self._bodiless or response.status in _BODILESS
        await self._send(
            h11.Response(status_code=response.status, headers=list(headers.items())),
            *([] if head or not response.body else [h11.Data(data=response.body)]),
            h11.EndOfMessage(),
        )

    async def _send(self, *events: h11.Event) -> None:
        self._writer.write(b"".join(self._wire.send(event) or b"" for event in events))
        await self._writer.drain()

    async def _refuse(self, status: int) -> None:
        """Answer what cannot be served, if that is still possible."""
        if self._wire.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            with contextlib.suppress(h11.LocalProtocolError):
                await self._send(
                    h11.Response(
                        status_code=status,
                        headers=[("content-length", "0"), ("connection", "close")],
                    ),
                    h11.EndOfMessage(),
                )


async def _secured(
    plain: asyncio.StreamWriter, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Put TLS on a connection and return its new ends; an OSError when the client fails at it.

    `StreamWriter.start_tls` cannot be used: it breaks when the client leaves in the middle.
    """
    if _transport(plain).is_closing():
        raise ConnectionResetError  # what is put on top of a dead transport nobody closes
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = await loop.start_tls(
        _transport(plain),
        protocol,
        context,
        server_side=True,
        ssl_handshake_timeout=TLS_HANDSHAKE,
        ssl_shutdown_timeout=TLS_SHUTDOWN,
    )
    if transport is None:
        raise ConnectionResetError
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _transport(writer: asyncio.StreamWriter) -> asyncio.Transport:
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport

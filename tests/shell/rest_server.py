"""A raw server for the REST side's tests: scripted bytes on loopback, and what it saw.

Knows just enough HTTP to find where a request ends; says nothing that a test did not script.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from listener.rest import Basic, Rest, RestLimits, RestTimings

if TYPE_CHECKING:
    import ssl

HANG = object()  # read the request and never answer
CUT = object()  # read the request and close without an answer


@dataclass
class Seen:
    """One request as it arrived; header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes
    raw: bytes
    connection: int


@dataclass
class Server:
    """Answers the n-th request (over all connections) with the n-th entry of `script`.

    An entry is bytes (sent as they are), HANG, CUT, or an async function of (request, writer) that
    says whether the connection goes on. `close` ends a connection after each answer.
    """

    script: list[object]
    close: bool = False
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        while await self._one(reader, writer, number):
            pass

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in rest if h)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen.append(Seen(line, headers, body, head + body, number))
        step = self.script[len(self.seen) - 1] if len(self.seen) <= len(self.script) else CUT
        self.arrived.set()
        if step is CUT:
            return False
        if step is HANG:
            await reader.read()
            return False
        if callable(step):
            return bool(await step(self.seen[-1], writer))
        writer.write(step)
        await writer.drain()
        return not self.close


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    handler: Handler, tls: ssl.SSLContext | None = None, path: Path | None = None
) -> AsyncIterator[int]:
    """Run `handler` for each connection to a free loopback port; what still runs is ended.

    With a `path` it listens there, on a Unix socket; the port is 0 then.
    """
    running: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)  # its task may be cancelled before it has begun
        running.append(asyncio.get_running_loop().create_task(one(reader, writer)))

    if path is None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    else:
        server = await asyncio.start_unix_server(accept, str(path))
    try:
        yield server.sockets[0].getsockname()[1] if path is None else 0
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for writer in writers:
            writer.close()
        await server.wait_closed()
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    *script: object, close: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Run a scripted server on a free loopback port."""
    it = Server(list(script), close=close, scheme="https" if tls else "http")
    async with listening(it.handle, tls) as it.port:
        yield it


@asynccontextmanager
async def asking(
    *nodes: str,
    agents: Iterable[str] = ("1001",),
    tls: ssl.SSLContext | None = None,
    limits: RestLimits | None = None,
    **timings: float,
) -> AsyncIterator[Rest]:
    """Build a Rest with patient limits; each agent's password is `secret-` and its name."""
    patient = {"wait_for_connection": 20.0, "connect": 20.0, "answer": 20.0, "total": 40.0}
    rest = Rest(nodes, tls=tls, limits=limits, timings=RestTimings(**(patient | timings)))
    for agent in agents:
        rest.set_credentials(agent, Basic(agent, f"secret-{agent}"))
    try:
        yield rest
    finally:
        await rest.aclose()


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Write a whole answer."""
    lines = [f"HTTP/1.1 {status} ", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def api_errors(kind: str) -> bytes:
    """Write Finesse's body of a refusal."""
    return (
        f"<ApiErrors><ApiError><ErrorType>{kind}</ErrorType><ErrorMessage>m</ErrorMessage>"
        f"<ErrorData>d</ErrorData></ApiError></ApiErrors>"
    ).encode()


def put(rest: Rest, request_id: str = "id-1", agent: str = "1001") -> Awaitable[object]:
    """Send the request that most tests send."""
    return rest.send(
        agent,
        method="PUT",
        path="/finesse/api/Dialog/54321",
        body=b"<Dialog><requestedAction>HOLD</requestedAction></Dialog>",
        request_id=request_id,
    )

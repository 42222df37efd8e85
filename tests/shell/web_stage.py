"""A server of `listener.web` with a small application, and clients that speak in raw bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from listener.web.counting import NOBODY, Counting
from listener.web.server import Limits, WebServer
from listener.web.sockets import tcp_socket, unix_socket
from tests.shell.stage import until

PATIENT = 30.0
"""Seconds after which a test gives up; nothing here is meant to take that long."""

CALM = Limits(
    header_seconds=1000,
    body_seconds=1000,
    body_bytes=10_000,
    connections=20,
    event_readers=3,
    stalled_seconds=1000,
    idle_seconds=1000,
)
"""A test shortens what it is about and nothing else: a slow machine must not trip over the rest."""


def limits(**changes: Any) -> Limits:
    """Return limits of which only these are short or small."""
    return replace(CALM, **changes)


@dataclass
class App:
    """An ASGI application whose paths are what a test needs, and what it saw."""

    scopes: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    running: int = 0
    gone: list[str] = field(default_factory=list)
    """Paths whose client went away before the answer."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    """Bytes of endless answers that were taken."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.running += 1
        try:
            await getattr(self, scope["path"].strip("/").replace("-", "_") or "ok")(
                scope, receive, send
            )
        finally:
            self.running -= 1

    async def ok(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"ok")

    async def told(self, scope: Any, receive: Any, send: Any) -> None:
        peer = scope["listener.peer"]
        told = {"unix": peer.unix, "uid": peer.uid, "address": peer.address}
        await answer(send, json.dumps(told).encode())

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.append(scope["path"])
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await answer(send, str(len(body)).encode())

    async def early(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer without reading the body."""
        await answer(send, b"no", status=401)

    async def begun(self, scope: Any, receive: Any, send: Any) -> None:
        """Begin to answer before the body is there."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await left(receive)
        self.gone.append(scope["path"])

    async def wait(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer when the test says so, unless the client goes away first."""
        await receive()
        left = asyncio.create_task(receive())
        released = asyncio.create_task(self.release.wait())
        await asyncio.wait({left, released}, return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.gone.append(scope["path"])
        left.cancel()
        released.cancel()
        await answer(send, b"waited")

    async def stubborn(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer when the test says so, whatever the client does."""
        await self.release.wait()
        await answer(send, b"at last")

    async def big(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"x" * int(scope["query_string"]))

    async def events(self, scope: Any, receive: Any, send: Any) -> None:
        if not scope["listener.connection"].become_event_reader():
            await answer(send, b"too many", status=503)
            return
        await self.flood(scope, receive, send, piece=b"data: x\n\n", pause=self.release.wait)

    async def endless(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["query_string"] == b"events":
            assert scope["listener.connection"].become_event_reader()
        await self.flood(scope, receive, send, piece=b"x" * 65536)

    async def flood(
        self, scope: Any, receive: Any, send: Any, piece: bytes, pause: Any = None
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(left(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self.sent += len(piece)
            if pause is None:
                await asyncio.sleep(0)
            else:
                waiting = asyncio.create_task(pause())
                await asyncio.wait({gone, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if not gone.done():
                    await send({"type": "http.response.body", "body": b"end"})
                    break
        self.gone.append(scope["path"])
        gone.cancel()

    async def cut(self, scope: Any, receive: Any, send: Any) -> None:
        scope["listener.connection"].abort()

    async def fault(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a fault of the application")

    async def half(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("a fault after half an answer")

    async def silent(self, scope: Any, receive: Any, send: Any) -> None:
        return


async def left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Response:
    """One answer. `body` is JSON where it is."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def problem(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        assert {"type", "title", "detail", "retryable"} <= self.json.keys()
        return str(self.json["type"]).removeprefix("urn:finesse-listener:problem:")


class Client:
    """One connection; the bytes are the test's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self, *, head: bool = False) -> Response:
        async with asyncio.timeout(PATIENT):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            pairs = (line.split(": ", 1) for line in lines)
            headers = {name.lower(): value for name, value in pairs}
            length = 0 if head else int(headers.get("content-length", 0))
            body = await self.reader.readexactly(length)
        return Response(int(first.split()[1]), headers, body)

    async def ask(self, path: str = "/ok", *, more: str = "", method: str = "GET") -> Response:
        await self.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        return await self.response()

    async def rest(self) -> bytes:
        """Return what comes until the other side ends, whichever way it ends."""
        got = b""
        async with asyncio.timeout(PATIENT):
            try:
                while data := await self.reader.read(65536):
                    got += data
            except ConnectionError:
                pass
        return got

    async def ended(self) -> bool:
        """Wait until the other side ends; True when nothing more came."""
        return await self.rest() == b""

    def reset(self) -> None:
        """Be gone as a killed client on a strict system is: with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()


@dataclass
class Stage:
    """A server that runs, and the clients that were opened at it."""

    server: WebServer
    app: App
    port: int | None
    path: Path | None
    trusted: ssl.SSLContext | None = None
    clients: list[Client] = field(default_factory=list)

    async def client(self, *, unix: bool = False, **how: Any) -> Client:
        if unix or self.port is None:
            assert self.path is not None
            streams = await asyncio.open_unix_connection(str(self.path), **how)
        else:
            streams = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trusted, **how)
        client = Client(*streams)
        self.clients.append(client)
        return client

    async def lazy(self) -> Client:
        """Return a client whose system takes next to nothing that it does not read."""
        return await self.over(self.little())

    @staticmethod
    def little() -> socket.socket:
        """Return a socket with the smallest buffer for what comes in."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return sock

    async def over(self, sock: socket.socket) -> Client:
        """Return a client on that socket, which reads nothing by itself."""
        assert self.port is not None
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        client = Client(*await asyncio.open_connection(sock=sock, limit=1024))
        client.writer.transport.pause_reading()
        self.clients.append(client)
        return client

    @asynccontextmanager
    async def neighbour(self) -> AsyncIterator[None]:
        """Check that another client is served all the time, on one connection."""
        served = 0
        client = await self.client()

        async def asks() -> None:
            nonlocal served
            while True:
                assert (await client.ask()).status == 200
                served += 1
                await asyncio.sleep(0.01)

        asking = asyncio.create_task(asks())
        try:
            yield
            seen = served
            await until(lambda: served > seen + 1 or asking.done(), PATIENT)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled(), asking.exception()
        await client.close()


@asynccontextmanager
async def stage(
    limits: Limits = CALM,
    *,
    folder: Path | None = None,
    tcp: bool = True,
    tls: ssl.SSLContext | None = None,
    trusted: ssl.SSLContext | None = None,
    app: Callable[..., Any] | None = None,
    counting: Counting = NOBODY,
) -> AsyncIterator[Stage]:
    """Serve at a Unix socket in `folder`, at a TCP port, or both."""
    sockets = []
    port, path = None, None
    if folder is not None:
        path = folder / "s" / "listener.sock"
        sockets.append(unix_socket(path))
    if tcp:
        sockets.append(tcp_socket("127.0.0.1:0"))
        port = sockets[-1].getsockname()[1]
    plain = App()
    server = WebServer(
        app or plain, sockets, name="test", limits=limits, tls=tls, counting=counting
    )
    await server.start()
    on = Stage(server, plain, port, path, trusted)
    try:
        yield on
    finally:
        plain.release.set()
        await asyncio.gather(*(client.close() for client in on.clients))
        await server.close(0)
        assert (server.connections, server.event_readers) == (0, 0)
        assert plain.running == 0
        assert server.failed is None

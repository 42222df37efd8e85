"""The HTTP server of the simulator, seen from a raw socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.http_server import MAX_BODY, HttpServer
from listener.simulator.interfaces import Fate, HttpRequest, HttpResponse
from tests.shell.stage import until

if TYPE_CHECKING:
    import ssl

PATIENCE = 40.0
Connect = Callable[..., Awaitable["Caller"]]


class Recorder:
    """A handler that keeps what it was asked and answers what it was given, else an echo."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []
        self.answers: list[HttpResponse] = []
        self.heard = asyncio.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        self.heard.set()
        return self.answers.pop(0) if self.answers else HttpResponse(200, request.body or b"hello")


class Caller:
    """A raw HTTP client: bytes out, status, headers and body in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def line(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n")

    async def answer(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int((await self.line()).split()[1])
        headers = {}
        while (line := await self.line()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        size = 0 if head else int(headers.get("content-length", "0"))
        return status, headers, await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def rest_or_reset(self) -> bytes:
        """Return what comes before the end; what was sent and not read makes the end a reset."""
        try:
            return await self.rest()
        except ConnectionResetError:
            return b""


@pytest.fixture
def handler():
    return Recorder()


@pytest.fixture
async def server(handler: Recorder):
    async with HttpServer(handler) as running:
        await running.start()
        yield running
        assert list(running.failures) == []
    assert running.open_connections == 0


@pytest.fixture
async def call():
    opened: list[Caller] = []

    async def connect(port: int, context: ssl.SSLContext | None = None) -> Caller:
        caller = Caller(
            *await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname="localhost" if context else None
            )
        )
        opened.append(caller)
        return caller

    yield connect
    for caller in opened:
        caller.writer.transport.abort()


def get(path: str = "/", *more: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *more, "", ""]).encode()


async def test_a_request_reaches_the_handler_as_it_was_sent(
    server: HttpServer, handler: Recorder, call: Connect
):
    caller = await call(server.port)
    caller.say(
        b"PUT /finesse/api/User/a%2Fb?x=1&y HTTP/1.1\r\nHost: x\r\nRequestID: 7\r\n"
        b"Accept: a\r\nAccept: b\r\nContent-Length: 5\r\n\r\n<a/>\n"
    )
    assert (await caller.answer())[0] == 200
    asked = handler.asked[0]
    assert (asked.method, asked.path, asked.query, asked.body) == (
        "PUT",
        "/finesse/api/User/a%2Fb",
        "x=1&y",
        b"<a/>\n",
    )
    assert asked.headers["requestid"] == "7"
    assert asked.headers["accept"] == "a, b"


async def test_an_absolute_target_is_reduced_to_its_path(
    server: HttpServer, handler: Recorder, call: Connect
):
    caller = await call(server.port)
    caller.say(get("http://x:1/a?b"))
    await caller.answer()
    assert (handler.asked[0].path, handler.asked[0].query) == ("/a", "b")


async def test_status_headers_and_body_come_back(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(202, b"later", {"Content-Type": "text/plain"}))
    caller = await call(server.port)
    caller.say(get())
    status, headers, body = await caller.answer()
    assert (status, body, headers["content-type"]) == (202, b"later", "text/plain")
    assert headers["date"].endswith("GMT")


async def test_the_handler_may_set_the_date(server: HttpServer, handler: Recorder, call: Connect):
    handler.answers.append(HttpResponse(200, headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}))
    caller = await call(server.port)
    caller.say(get())
    assert (await caller.answer())[1]["date"] == "Mon, 01 Jan 2001 00:00:00 GMT"


async def test_connections_are_kept_and_counted(server: HttpServer, call: Connect):
    caller = await call(server.port)
    for _ in range(3):
        caller.say(get())
        assert (await caller.answer())[2] == b"hello"
    assert (server.connections, server.requests, server.open_connections) == (1, 3, 1)


async def test_pipelined_requests_are_answered_in_order(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers += [HttpResponse(200, b"one"), HttpResponse(200, b"two")]
    caller = await call(server.port)
    caller.say(get() + get())
    assert [(await caller.answer())[2] for _ in range(2)] == [b"one", b"two"]


async def test_connection_close_is_honoured(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(get("/", "Connection: close"))
    assert (await caller.answer())[2] == b"hello"
    assert await caller.rest() == b""


async def test_a_chunked_body_is_put_together(server: HttpServer, handler: Recorder, call: Connect):
    caller = await call(server.port)
    caller.say(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert (await caller.answer())[2] == b"abcde"


async def test_head_has_the_length_but_no_body(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers, _ = await caller.answer(head=True)
    assert (status, headers["content-length"]) == (200, "5")
    caller.say(get())  # nothing of a body stands in the way
    assert (await caller.answer())[2] == b"hello"


async def test_204_has_neither_body_nor_length(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(204, b"ignored"))
    caller = await call(server.port)
    caller.say(get())
    status, headers, _ = await caller.answer()
    assert status == 204
    assert "content-length" not in headers
    caller.say(get())
    assert (await caller.answer())[2] == b"hello"


async def test_expect_100_continue_is_answered_before_the_body(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await caller.line() == b"HTTP/1.1 100 \r\n"
    assert await caller.line() == b"\r\n"
    caller.say(b"ab")
    assert (await caller.answer())[2] == b"ab"


@pytest.mark.parametrize(
    "headers",
    [f"Content-Length: {MAX_BODY + 1}", f"Content-Length: {MAX_BODY + 1}\r\nExpect: 100-continue"],
)
async def test_a_declared_body_over_the_cap_is_413_before_it_is_read(
    server: HttpServer, call: Connect, headers: str
):
    caller = await call(server.port)
    caller.say(f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    assert (await caller.answer())[0] == 413
    assert await caller.rest() == b""
    assert server.requests == 0


async def test_a_chunked_body_over_the_cap_is_413(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n" % (MAX_BODY + 1) + b"a" * (MAX_BODY + 1)
    caller.say(chunk)
    assert (await caller.answer())[0] == 413


async def test_a_body_at_the_cap_is_taken(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MAX_BODY)
    caller.say(b"a" * MAX_BODY)
    status, _, body = await caller.answer()
    assert (status, len(body)) == (200, MAX_BODY)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (get("/", "X: " + "a" * 20_000), 431),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xa5 this is TLS to a plain port\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
    ],
)
async def test_what_is_not_http_is_refused_and_closed(
    server: HttpServer, call: Connect, sent: bytes, status: int
):
    caller = await call(server.port)
    caller.say(sent)
    assert (await caller.answer())[0] == status
    assert await caller.rest() == b""
    assert server.requests == 0


async def test_a_client_that_leaves_half_way_disturbs_nobody(server: HttpServer, call: Connect):
    caller = await call(server.port)
    caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    await caller.writer.drain()
    caller.writer.transport.abort()
    other = await call(server.port)
    other.say(get())
    assert (await other.answer())[2] == b"hello"
    assert server.requests == 1


async def test_cut_reads_the_request_and_closes_without_an_answer(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(202, fate=Fate.CUT))
    caller = await call(server.port)
    caller.say(get())
    assert await caller.rest() == b""
    assert server.requests == 1


async def test_cut_may_come_on_the_second_request_of_a_kept_connection(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers += [HttpResponse(200, b"one"), HttpResponse(202, fate=Fate.CUT)]
    caller = await call(server.port)
    caller.say(get())
    assert (await caller.answer())[2] == b"one"
    caller.say(get())
    assert await caller.rest() == b""
    assert (server.connections, server.requests) == (1, 2)


@pytest.mark.parametrize("tls", [False, True])
async def test_reset_is_seen_as_a_reset(handler: Recorder, call: Connect, *, tls: bool):
    authority = ThrowawayAuthority()
    handler.answers.append(HttpResponse(202, fate=Fate.RESET))
    async with HttpServer(handler, authority.server_context() if tls else None) as server:
        await server.start()
        caller = await call(server.port, authority.client_context() if tls else None)
        caller.say(get())
        with pytest.raises(ConnectionResetError):
            await caller.rest()


async def test_hang_never_answers_and_ends_with_the_client(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(202, fate=Fate.HANG))
    caller = await call(server.port)
    caller.say(get())
    await handler.heard.wait()
    caller.say(get())  # a second request is not looked at either
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(caller.reader.read(1), 0.05)
    assert server.requests == 1


async def test_a_hanging_exchange_ends_with_the_server(handler: Recorder, call: Connect):
    handler.answers.append(HttpResponse(202, fate=Fate.HANG))
    server = HttpServer(handler)
    await server.start()
    caller = await call(server.port)
    caller.say(get())
    await handler.heard.wait()
    await server.stop()
    assert await caller.rest_or_reset() == b""
    assert server.open_connections == 0


async def test_the_delay_is_waited_before_the_answer(
    server: HttpServer, handler: Recorder, call: Connect
):
    loop = asyncio.get_running_loop()
    handler.answers.append(HttpResponse(200, b"late", delay=0.1))
    caller = await call(server.port)
    begin = loop.time()
    caller.say(get())
    assert (await caller.answer())[2] == b"late"
    assert loop.time() - begin >= 0.1


async def test_a_delayed_exchange_holds_up_no_other(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(200, b"late", delay=60.0))
    slow, quick = await call(server.port), await call(server.port)
    slow.say(get())
    await handler.heard.wait()
    quick.say(get())
    assert (await quick.answer())[2] == b"hello"


async def test_a_handler_that_raises_answers_500_and_is_kept(call: Connect):
    async def broken(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    async with HttpServer(broken) as server:
        await server.start()
        caller = await call(server.port)
        caller.say(get())
        assert (await caller.answer())[0] == 500
        assert [type(error) for error in server.failures] == [ZeroDivisionError]


async def test_tls_carries_the_same_exchanges(handler: Recorder, call: Connect):
    authority = ThrowawayAuthority()
    async with HttpServer(handler, authority.server_context()) as server:
        await server.start()
        caller = await call(server.port, authority.client_context())
        for size in (5, 300_000):
            caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            caller.say(b"a" * size)
            assert len((await caller.answer())[2]) == size
        assert server.connections == 1
        assert list(server.failures) == []


async def test_a_client_that_speaks_no_tls_is_dropped_quietly(handler: Recorder, call: Connect):
    async with HttpServer(handler, ThrowawayAuthority().server_context()) as server:
        await server.start()
        caller = await call(server.port)
        caller.say(get())
        assert b"HTTP" not in await caller.rest()
        assert (server.requests, list(server.failures)) == (0, [])


async def test_a_client_that_leaves_in_the_middle_of_the_handshake_is_forgotten(
    handler: Recorder, call: Connect
):
    async with HttpServer(handler, ThrowawayAuthority().server_context()) as server:
        await server.start()
        caller = await call(server.port)
        caller.say(b"\x16\x03\x01")
        await caller.writer.drain()
        caller.writer.write_eof()
        assert await caller.rest_or_reset() == b""
        async with asyncio.timeout(PATIENCE):
            while server.open_connections:  # noqa: ASYNC110  the server tells nobody
                await asyncio.sleep(0)
        assert list(server.failures) == []


async def test_stop_ends_a_half_done_handshake_and_leaves_no_task(handler: Recorder, call: Connect):
    before = asyncio.all_tasks()
    server = HttpServer(handler, ThrowawayAuthority().server_context())
    await server.start()
    caller = await call(server.port)
    caller.say(b"\x16\x03\x01")  # the beginning of a handshake
    async with asyncio.timeout(PATIENCE):
        while not server.open_connections:  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0)
    await server.stop()
    await server.stop()
    assert await caller.rest_or_reset() == b""
    assert asyncio.all_tasks() == before


async def test_the_server_can_come_back_on_its_port(server: HttpServer, call: Connect):
    port = server.port
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await call(port)
    await server.start(port=port)
    caller = await call(port)
    caller.say(get())
    assert (await caller.answer())[2] == b"hello"


def test_repr_says_port_and_connections(handler: Recorder):
    assert repr(HttpServer(handler)) == "<HttpServer port=0 connections=0>"


@pytest.mark.parametrize("tls", [False, True])
async def test_a_frozen_server_accepts_and_answers_when_it_thaws(
    handler: Recorder, call: Connect, *, tls: bool
):
    authority = ThrowawayAuthority() if tls else None
    context = authority.server_context() if authority else None
    async with HttpServer(handler, context) as server:
        await server.start()
        server.freeze()
        plain = await call(server.port)
        plain.say(b"" if tls else get())
        opening = asyncio.create_task(call(server.port, authority and authority.client_context()))
        await until(lambda: server.open_connections == 2)
        assert handler.asked == []
        server.thaw()
        caller = await opening
        caller.say(get())
        assert (await caller.answer())[0] == 200


async def test_what_was_being_done_when_the_server_froze_is_answered_when_it_thaws(
    server: HttpServer, handler: Recorder, call: Connect
):
    handler.answers.append(HttpResponse(202))
    caller = await call(server.port)
    waits = asyncio.Event()
    handle, server._handler = server._handler, None

    async def slow(request: HttpRequest) -> HttpResponse:
        await waits.wait()
        return await handle(request)

    server._handler = slow
    caller.say(get())
    answer = asyncio.create_task(caller.answer())
    await until(lambda: server.requests)
    server.freeze()
    waits.set()
    await handler.heard.wait()
    await asyncio.sleep(0)
    assert not answer.done()
    server.thaw()
    assert (await answer)[0] == 202


async def test_reset_ends_every_connection_and_the_server_goes_on(
    server: HttpServer, call: Connect
):
    idle, busy = await call(server.port), await call(server.port)
    busy.say(get())
    await busy.answer()
    await until(lambda: server.open_connections == 2)

    assert server.reset() == 2

    for caller in (idle, busy):
        with pytest.raises(ConnectionResetError):
            await caller.rest()
    again = await call(server.port)
    again.say(get())
    assert (await again.answer())[0] == 200

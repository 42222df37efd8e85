"""The server as a whole: what it serves at, what an application gets, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import ssl
from datetime import UTC, datetime
from unittest import mock

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from listener.web.callers import Peer
from listener.web.server import WebServer
from listener.web.sockets import tcp_socket, unix_socket
from tests.shell.stage import authority, no_tasks_left, until
from tests.shell.web_stage import CALM, App, limits, stage

GET = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET /{path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


# ---------------------------------------------------------------- serving


async def test_it_serves_at_a_unix_socket_and_at_tcp_at_once(tmp_path):
    async with stage(folder=tmp_path) as on:
        over_unix = await on.client(unix=True)
        over_tcp = await on.client()

        told = (await over_unix.ask("/told")).json
        assert told == {"unix": True, "uid": os.getuid(), "address": None}
        told = (await over_tcp.ask("/told")).json
        assert told == {"unix": False, "uid": None, "address": "127.0.0.1"}
        assert on.server.connections == 2


async def test_it_serves_at_ipv6_loopback():
    try:
        sock = tcp_socket("[::1]:0")
    except Exception as error:  # noqa: BLE001  whatever a machine without IPv6 says
        pytest.skip(str(error))
    server = WebServer(App(), [sock], name="test", limits=CALM)
    await server.start()
    reader, writer = await asyncio.open_connection("::1", sock.getsockname()[1])
    writer.write(get("told", "Connection: close"))
    answer = await reader.read()
    writer.close()
    await server.close(0)

    assert b'"address": "::1"' in answer


async def test_many_requests_go_over_one_connection():
    async with stage() as on:
        client = await on.client()
        for _ in range(50):
            assert (await client.ask()).raw == b"ok"

        assert on.server.connections == 1


async def test_pipelined_requests_are_answered_in_order():
    async with stage() as on:
        client = await on.client()
        await client.send(b"".join(get(f"big?{size}") for size in range(1, 30)))

        assert [len((await client.response()).raw) for _ in range(1, 30)] == list(range(1, 30))


async def test_http_1_0_is_answered_and_closed():
    async with stage() as on:
        client = await on.client()
        await client.send(b"GET /ok HTTP/1.0\r\n\r\n")

        assert (await client.response()).raw == b"ok"
        assert await client.ended()


async def test_a_wish_to_upgrade_is_ignored():
    async with stage() as on:
        client = await on.client()
        for _ in range(2):
            answer = await client.ask(
                more="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            )
            assert answer.raw == b"ok"


async def test_who_waits_for_100_continue_gets_it_when_the_body_is_wanted():
    async with stage() as on:
        client = await on.client()
        await client.send(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await client.response()).status == 100
        await client.send(b"body")

        assert (await client.response()).raw == b"4"


async def test_a_body_is_taken_whole_although_nobody_reads_it_yet():
    async with stage(limits(body_seconds=0.5, body_bytes=262_144)) as on:
        client = await on.client()
        head = get("stubborn", "Content-Length: 262144").replace(b"GET", b"POST")
        await client.send(head + b"x" * 262_144)
        await asyncio.sleep(1)
        on.app.release.set()

        assert (await client.response()).raw == b"at last"


async def test_an_answer_has_the_date_and_no_name_of_a_program():
    sock = tcp_socket("127.0.0.1:0")
    moment = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    server = WebServer(App(), [sock], name="test", limits=CALM, now=lambda: moment)
    await server.start()
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(get("ok", "Connection: close"))
    answer = await reader.read()
    writer.close()
    await server.close(0)

    assert b"date: Sat, 21 Nov 2026 08:00:00 GMT\r\n" in answer
    assert b"server:" not in answer.lower()


async def test_a_date_that_the_application_gives_stays():
    async def app(scope, receive, send):
        headers = [(b"Date", b"then"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with stage(app=app) as on:
        client = await on.client()

        assert (await client.ask()).headers["date"] == "then"


async def test_an_application_can_cut_its_connection():
    async with stage() as on:
        client = await on.client()
        await client.send(get("cut"))

        assert await client.ended()


async def test_what_is_bound_to_the_log_elsewhere_does_not_reach_a_request():
    import contextvars  # noqa: PLC0415

    outer = contextvars.ContextVar("outer", default="clean")

    async def app(scope, receive, send):
        body = outer.get().encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    outer.set("dirty")
    async with stage(app=app) as on:
        assert (await (await on.client()).ask()).raw == b"clean"


# ---------------------------------------------------------------- faults of the application


async def test_a_client_that_left_is_no_fault():
    async def app(scope, receive, send):
        await Request(scope, receive).body()

    async with stage(app=app) as on:
        with capture_logs() as lines:
            client = await on.client()
            await client.send(get("x", "Content-Length: 4"))
            await until(lambda: on.server.connections == 1)
            await client.close()
            await until(lambda: on.server.connections == 0)
            await on.server.close(10)

        assert lines == []


@pytest.mark.parametrize("path", ["fault", "silent"])
async def test_a_fault_becomes_a_problem_and_the_connection_goes_on(path):
    async with stage() as on, on.neighbour():
        client = await on.client()
        with capture_logs() as lines:
            answer = await client.ask(f"/{path}")

        assert (answer.status, answer.problem) == (500, "internal")
        assert b"fault of the application" not in answer.raw
        assert [line["event"] for line in lines] == ["http.failed"]
        assert (await client.ask()).status == 200


async def test_half_an_answer_is_cut_so_that_nobody_takes_it_for_a_whole_one():
    async with stage() as on, on.neighbour():
        client = await on.client()
        with capture_logs() as lines:
            await client.send(get("half"))
            got = await client.rest()

        assert got.endswith(b"half")
        assert [line["event"] for line in lines] == ["http.failed"]


async def test_a_problem_to_a_head_request_has_no_body():
    async with stage() as on:
        client = await on.client()
        await client.send(b"HEAD /fault HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await client.response(head=True)).status == 500
        await client.send(b"HEAD /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n")
        assert (await client.response(head=True)).status == 413
        assert await client.ended()


# ---------------------------------------------------------------- signals and logs


async def test_signals_stay_whose_they_are():
    loop = asyncio.get_running_loop()
    told: list[int] = []
    loop.add_signal_handler(signal.SIGTERM, lambda: told.append(signal.SIGTERM))
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        async with stage() as on:
            assert {one: signal.getsignal(one) for one in before} == before
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: told)
            assert (await (await on.client()).ask()).status == 200
        assert {one: signal.getsignal(one) for one in before} == before
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_uvicorn_writes_no_log(caplog):
    with caplog.at_level(0), capture_logs():
        async with stage() as on:
            client = await on.client()
            await client.ask("/fault")
            await client.ask(more="Connection: Upgrade\r\nUpgrade: websocket\r\n")
            await client.send(b"nonsense\r\n\r\n")
            await client.rest()

    assert [record.name for record in caplog.records if record.name != "asyncio"] == []


# ---------------------------------------------------------------- file descriptors


async def test_without_file_descriptors_it_waits_and_accepts_again():
    real = socket.socket.accept
    fails = [OSError(errno.EMFILE, "Too many open files")]

    def accept(self):
        if fails:
            raise fails.pop()
        return real(self)

    async with stage() as on:
        with mock.patch.object(socket.socket, "accept", accept), capture_logs() as lines:
            client = await on.client()
            assert (await client.ask()).status == 200

        assert [line["event"] for line in lines] == ["http.exhausted"]
        assert on.server.failed is None


async def test_a_client_that_is_gone_before_it_is_accepted_is_skipped():
    real = socket.socket.accept
    fails = [OSError(errno.ECONNABORTED, "aborted")]

    def accept(self):
        if fails:
            raise fails.pop()
        return real(self)

    async with stage() as on:
        with mock.patch.object(socket.socket, "accept", accept):
            assert (await (await on.client()).ask()).status == 200


async def test_a_listening_socket_that_breaks_is_told():
    def accept(self):
        raise OSError(errno.EINVAL, "Invalid argument")

    server = WebServer(App(), [tcp_socket("127.0.0.1:0")], name="test", limits=CALM)
    await server.start()
    address = server.sockets[0].getsockname()
    with mock.patch.object(socket.socket, "accept", accept), capture_logs() as lines:
        _, writer = await asyncio.open_connection(*address)
        await until(lambda: server.failed)
    writer.close()
    await server.close(0)

    assert [line["event"] for line in lines] == ["http.failed"]


# ---------------------------------------------------------------- TLS


@pytest.fixture
def tls():
    context = authority().server_context("localhost", "127.0.0.1")
    context.options |= ssl.OP_NO_RENEGOTIATION
    return {"tls": context, "trusted": authority().client_context()}


async def test_it_serves_over_tls_and_plainly_at_the_unix_socket(tmp_path, tls):
    async with stage(folder=tmp_path, **tls) as on, on.neighbour():
        assert (await (await on.client()).ask("/told")).json["address"] == "127.0.0.1"
        assert (await (await on.client(unix=True)).ask("/told")).json["unix"]
        schemes = [scope["scheme"] for scope in on.app.scopes if scope["path"] == "/told"]
        assert schemes == ["https", "http"]


async def plain(on) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", on.port)


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "a part"])
async def test_a_tls_handshake_that_does_not_end_is_closed(tls, begun):
    async with stage(limits(header_seconds=0.5), **tls) as on, on.neighbour():
        reader, writer = await plain(on)
        writer.write(begun)
        await until(lambda: on.server.connections == 2)

        assert await reader.read() == b""
        await until(lambda: on.server.connections == 1)
        writer.close()


async def test_who_speaks_plainly_to_tls_is_closed(tls):
    async with stage(**tls) as on, on.neighbour():
        reader, writer = await plain(on)
        writer.write(GET)

        assert b"HTTP" not in await reader.read()
        await until(lambda: on.server.connections == 1)
        writer.close()


async def test_handshakes_count_as_connections(tls):
    async with stage(limits(connections=3), **tls) as on:
        pairs = [await plain(on) for _ in range(3)]
        await until(lambda: on.server.connections == 3)
        refused = await on.client()

        assert (await refused.response()).status == 503
        for _, writer in pairs:
            writer.close()


async def test_limits_hold_over_tls(tls):
    async with stage(limits(header_seconds=0.5, stalled_seconds=0.5), **tls) as on, on.neighbour():
        half = await on.client()
        await half.send(GET[:20])
        assert (await half.response()).status == 408
        assert await half.ended()
        big = await on.client()
        await big.send(get("echo", "Content-Length: 99999"))
        assert (await big.response()).status == 413
        lazy = await on.client(limit=1024)
        await lazy.send(get("endless?events"))
        lazy.writer.transport.pause_reading()
        await until(lambda: on.server.event_readers == 1)
        await until(lambda: on.server.event_readers == 0)
        assert on.app.gone == ["/endless"]


async def test_closing_over_tls_does_not_wait_for_a_client_that_says_nothing(tls):
    async with stage(limits(stalled_seconds=0.5), **tls) as on:
        client = await on.client()
        await client.send(get("ok", "Connection: close"))
        assert (await client.response()).status == 200
        client.writer.transport.pause_reading()

        await until(lambda: on.server.connections == 0)


# ---------------------------------------------------------------- closing


async def test_closing_ends_idle_connections_at_once_and_lets_answers_end():
    with no_tasks_left():
        async with stage() as on:
            idle, begun, busy = [await on.client() for _ in range(3)]
            assert (await idle.ask()).status == 200
            await begun.send(GET[:10])
            await busy.send(get("wait"))
            await until(lambda: on.app.running == 1)

            closing = asyncio.create_task(on.server.close(1000))
            assert await idle.ended()
            assert await begun.ended()
            with pytest.raises(ConnectionRefusedError):
                await on.client()
            assert not closing.done()
            on.app.release.set()
            answer = await busy.response()
            assert (answer.raw, answer.headers["connection"]) == (b"waited", "close")
            assert await busy.ended()
            await closing


async def test_what_does_not_end_within_the_grace_is_cut():
    with no_tasks_left():
        async with stage() as on:
            busy, reader, lazy = await on.client(), await on.client(), await on.lazy()
            await busy.send(get("wait"))
            await reader.send(get("events"))
            await lazy.send(get("endless"))
            await until(lambda: on.app.running == 3)

            await on.server.close(0.1)
            assert (on.server.connections, on.server.event_readers) == (0, 0)
            assert sorted(on.app.gone) == ["/endless", "/events", "/wait"]
            assert await busy.ended()


async def test_a_second_close_with_less_grace_hurries_the_first():
    async with stage() as on:
        busy = await on.client()
        await busy.send(get("wait"))
        await until(lambda: on.app.running == 1)
        first = asyncio.create_task(on.server.close(1000))
        await asyncio.sleep(0)

        await on.server.close(0)
        await first
        assert on.app.gone == ["/wait"]


async def test_an_answer_that_does_not_end_without_its_client_is_cancelled():
    with no_tasks_left():
        async with stage() as on:
            busy = await on.client()
            await busy.send(get("stubborn"))
            await until(lambda: on.app.running == 1)

            await on.server.close(0)
            assert on.app.running == 0


async def test_closing_during_handshakes_leaves_nothing(tls):
    with no_tasks_left():
        async with stage(**tls) as on:
            reader, writer = await plain(on)
            await until(lambda: on.server.connections == 1)
            await on.server.close(1000)

            assert await reader.read() == b""
            writer.close()


async def test_closing_at_once_after_a_connection_leaves_nothing():
    with no_tasks_left():
        async with stage() as on:
            await on.client()
            await on.server.close(0)


async def test_closing_removes_the_sockets_file_if_it_is_still_ours(tmp_path):
    async with stage(folder=tmp_path, tcp=False) as on:
        assert on.path.is_socket()
        await on.server.close(0)
        assert not on.path.exists()

    async with stage(folder=tmp_path, tcp=False) as on:
        on.path.unlink()
        other = unix_socket(on.path)
        await on.server.close(0)
        assert on.path.is_socket()
        other.close()


async def test_a_server_that_never_started_closes(tmp_path):
    path = tmp_path / "listener.sock"
    await WebServer(App(), [unix_socket(path)], name="test").close(0)

    assert not path.exists()


# ---------------------------------------------------------------- handing over


async def test_handed_over_sockets_lose_no_caller(tmp_path):
    with no_tasks_left():
        async with stage(folder=tmp_path) as on:
            kept, busy = await on.client(), await on.client()
            assert (await kept.ask()).status == 200
            await busy.send(get("wait"))
            await until(lambda: on.app.running == 1)

            on.server.stop_accepting()
            taken = [socket.socket(fileno=os.dup(one.fileno())) for one in on.server.sockets]
            early = [await on.client(), await on.client(unix=True)]  # while nobody accepts
            for client in early:
                await client.send(get("told", "Connection: close"))
            answer = await kept.ask()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await kept.ended()

            new = WebServer(App(), taken, name="new", limits=CALM)
            await new.start()
            for client in early:
                assert (await client.response()).status == 200
            on.app.release.set()
            assert (await busy.response()).raw == b"waited"
            await on.server.close(10)
            assert on.path.is_socket()
            for unix in (False, True):
                assert (await (await on.client(unix=unix)).ask()).status == 200
            await new.close(0)
            assert not on.path.exists()


async def test_a_hand_over_that_fails_is_taken_back(tmp_path):
    async with stage(folder=tmp_path) as on:
        on.server.stop_accepting()
        waiting = await on.client()
        await waiting.send(GET)
        on.server.resume_accepting()

        answer = await waiting.response()
        assert answer.status == 200
        assert "connection" not in answer.headers
        await on.server.close(0)
        assert not on.path.exists()


# ---------------------------------------------------------------- callers


async def test_the_peers_uid_is_the_systems_word(tmp_path):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["listener.peer"])
        await App().ok(scope, receive, send)

    async with stage(folder=tmp_path, app=app) as on:
        await (await on.client(unix=True)).ask(more="X-Uid: 0\r\n")

    assert seen == [Peer(unix=True, uid=os.getuid())]

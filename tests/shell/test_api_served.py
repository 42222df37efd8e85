"""The API behind its door, over real sockets: who is let in, hanging up, stalling, resuming."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from listener.api.described import DOOR
from listener.web.gatekeeping import Guarded
from listener.web.server import Limits, WebServer
from listener.web.sockets import tcp_socket, unix_socket
from listener.web.tokens import Tokens
from tests.shell.api_rig import AGENT, DTMF, HOLD, PREFIX, problem, rigged
from tests.shell.stage import until

TOKENS = """
[[tokens]]
name = "crm"
scopes = ["request"]
token = "the-token-of-the-crm"

[[tokens]]
name = "wallboard"
scopes = ["read"]
token = "the-token-of-the-wallboard"
"""
CRM = {"Authorization": "Bearer the-token-of-the-crm"}
WALLBOARD = {"Authorization": "Bearer the-token-of-the-wallboard"}


class Served:
    """A rig behind a web server on a Unix socket and on TCP."""

    def __init__(self, rig, server, path, port) -> None:
        self.rig, self.server, self.path, self.port = rig, server, path, port

    def tcp(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers)

    def unix(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.path))
        return httpx.AsyncClient(base_url="http://localhost", transport=transport)

    async def raw(self, method: str, path: str, *headers: str, body: str = "") -> tuple:
        """Send a request and return its connection, to be read or not."""
        with socket.socket(socket.AF_UNIX) as small:
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            small.connect(str(self.path))
            reader, writer = await asyncio.open_unix_connection(sock=small.dup(), limit=1024)
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*lines, "", body]).encode())
        return reader, writer


@pytest.fixture
async def serve(tmp_path):
    @asynccontextmanager
    async def serving(**limits):
        (tmp_path / "tokens.toml").write_text(TOKENS)
        (tmp_path / "tokens.toml").chmod(0o600)
        tokens = Tokens.load(tmp_path / "tokens.toml")
        sockets = [unix_socket(tmp_path / "run" / "api.sock"), tcp_socket("127.0.0.1:0")]
        async with rigged() as rig:
            app = Guarded(rig.app, tokens=lambda: tokens)
            server = WebServer(app, sockets, name="api", limits=Limits(**limits))
            await server.start()
            try:
                port = sockets[1].getsockname()[1]
                yield Served(rig, server, tmp_path / "run" / "api.sock", port)
            finally:
                rig.chronicle.close()
                await server.close(0)

    return serving


# -- who is let in --------------------------------------------------------------------------


async def test_caller_is_named_in_what_it_asked_for(serve):
    async with serve() as on, on.unix() as unix, on.tcp(**CRM) as tcp:
        by_uid = await unix.post("/v1/requests", json=HOLD)
        by_token = await tcp.post("/v1/requests", json=DTMF)
    assert by_uid.json()["askedBy"] == f"uid:{os.getuid()}"
    assert by_token.json()["askedBy"] == "crm"


async def test_scope_of_a_token_is_what_it_may(serve):
    async with serve() as on, on.tcp(**WALLBOARD) as tcp:
        assert (await tcp.get("/v1/agents")).status_code == 200
        refused = await tcp.post("/v1/requests", json=HOLD)
        assert problem(refused)["type"] == "scope_missing"
        assert not on.rig.service.records


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({}, 401, "unauthorized"),
        ({"Authorization": "Bearer wrong"}, 401, "unauthorized"),
        ({"Authorization": "Basic the-token-of-the-crm"}, 401, "unauthorized"),
        (CRM | {"Host": "evil.example.com"}, 403, "host_refused"),
        (CRM | {"Origin": "https://evil.example.com"}, 403, "origin_refused"),
    ],
)
async def test_stranger_is_refused_in_words_that_are_described(serve, headers, status, kind):
    async with serve() as on, on.tcp(**headers) as tcp:
        answer = await tcp.post("/v1/requests", json=HOLD)
        told = problem(answer)
        described = on.rig.app.openapi()["paths"]["/v1/requests"]["post"]["responses"]
    assert (answer.status_code, told["type"]) == (status, kind)
    examples = described[str(status)]["content"]["application/problem+json"]["examples"]
    assert examples[kind]["value"]["title"] == told["title"]


async def test_health_needs_no_token(serve):
    async with serve() as on, on.tcp() as tcp:
        assert (await tcp.get("/livez")).status_code == 200
        assert (await tcp.get("/readyz")).status_code == 200
        for path in ("/metrics", "/docs", "/openapi.json", "/v1/info", "/v1/events"):
            assert (await tcp.get(path)).status_code == 401


async def test_body_that_is_too_big_is_refused_as_described(serve):
    async with serve() as on, on.unix() as unix:
        answer = await unix.post("/v1/requests", content=b" " * 300_000)
        assert (answer.status_code, problem(answer)["type"]) == (413, "body_too_big")
    assert PREFIX + "body_too_big" in {one.type for one in DOOR}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/requests/a%2Fb", 400),
        ("/v1/requests/%0d%0aX-Evil:%201", 400),
        ("/v1/requests/%00", 400),
        (f"/v1/requests/{'x' * 10_000}", 414),
        ("/v1/agents/%2e%2e/1001", 404),
        ("/v1/agents/..", 400),
        ("//v1/agents", 404),
    ],
)
async def test_id_that_is_none_is_refused_over_the_wire(serve, path, status):
    async with serve() as on:
        reader, writer = await on.raw("GET", path, "Connection: close")
        answer = (await reader.read()).decode()
        writer.close()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "x-evil" not in answer.lower().split("\r\n\r\n")[0]
    assert "application/problem+json" in answer


# -- hanging up -----------------------------------------------------------------------------


async def test_caller_that_hangs_up_while_waiting_is_noticed_and_costs_nothing(serve):
    async with serve() as on, on.unix() as unix:
        before = asyncio.all_tasks()
        reader, writer = await on.raw(
            "POST", "/v1/requests", "Prefer: wait=60", body=json.dumps(HOLD)
        )
        await until(lambda: on.rig.wire.sent)
        assert len(asyncio.all_tasks()) > len(before)
        writer.close()
        await until(lambda: not on.server.connections)
        await until(lambda: {t for t in asyncio.all_tasks() - before if not t.done()} == set())
        on.rig.held(on.rig.wire.sent[0])
        (found,) = (await unix.get("/v1/requests")).json()["requests"]
        assert found["outcome"]["kind"] == "confirmed"
        assert await reader.read() == b""


async def test_abandoning_wakes_who_waits_on_another_connection(serve):
    async with serve() as on, on.unix() as one, on.unix() as other:
        waiting = asyncio.create_task(
            one.post("/v1/requests", json=HOLD, headers={"Prefer": "wait=60"})
        )
        await until(lambda: on.rig.wire.sent)
        (found,) = (await other.get("/v1/requests?state=open")).json()["requests"]
        await other.delete(f"/v1/requests/{found['id']}")
        answer = await waiting
        assert (answer.status_code, answer.json()["outcome"]["kind"]) == (200, "abandoned")


# -- events ---------------------------------------------------------------------------------


async def frames(stream: httpx.Response, count: int) -> list[dict[str, str]]:
    """Read that many events of a stream; fewer when it ends."""
    found: list[dict[str, str]] = []
    event: dict[str, str] = {}
    async with aclosing(stream.aiter_lines()) as lines:
        async for line in lines:
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            found += [event] if "event" in event else []
            event = {}
            if len(found) == count:
                break
    return found


async def test_reader_that_is_cut_off_again_and_again_loses_and_repeats_nothing(serve):
    async with serve() as on, on.unix() as unix:
        seen: list[str] = []
        last = ""
        for round_ in range(20):
            headers = {"Last-Event-ID": last} if last else {}
            async with unix.stream("GET", "/v1/events?kind=dialog", headers=headers) as stream:
                await until(lambda: on.rig.chronicle.readers)
                for number in range(3):
                    on.rig.held(change=f"{10 + (round_ * 3 + number) % 50}")
                got = await frames(stream, 2)  # and leave with one unread
                seen += [frame["id"] for frame in got]
                last = seen[-1]
        async with unix.stream("GET", "/v1/events", headers={"Last-Event-ID": last}) as stream:
            rest = await frames(stream, 20)
        seen += [frame["id"] for frame in rest]
        sequences = [int(id_.rpartition("-")[2]) for id_ in seen]
        assert sequences == list(range(sequences[0], sequences[0] + 60))


async def test_readers_are_counted_apart_and_end_with_the_daemon(serve):
    async with serve(connections=2, event_readers=1) as on, on.unix() as unix:
        async with unix.stream("GET", "/v1/events") as stream:
            await until(lambda: on.server.event_readers == 1)
            assert on.server.connections == 0
            refused = await unix.get("/v1/events")
            assert problem(refused)["type"] == "too_many_readers"
            assert refused.headers["retry-after"]
            assert (await unix.get("/v1/agents")).status_code == 200
            on.rig.chronicle.close()
            assert await frames(stream, 1) == []
        await until(lambda: on.server.event_readers == 0)


async def test_stalled_reader_is_cut_off_and_finds_that_first_when_it_resumes(serve, monkeypatch):
    monkeypatch.setattr("listener.readers.STALLED_FOR", 0.1)
    async with serve(stalled_seconds=0.3) as on, on.unix() as unix:
        _, stalled = await on.raw("GET", "/v1/events")
        stalled.transport.pause_reading()
        async with unix.stream("GET", "/v1/events") as healthy:
            await until(lambda: on.rig.chronicle.readers == 2)
            heard = asyncio.create_task(frames(healthy, 900))
            for number in range(900):
                on.rig.held(tag=f"{number:0200}", change=f"{10 + number % 50}")  # no two are equal
            got = await heard  # nobody else notices
        await until(lambda: on.rig.chronicle.readers == 0)
        begin = got[0]["id"]
        async with unix.stream("GET", "/v1/events", headers={"Last-Event-ID": begin}) as again:
            first = (await frames(again, 1))[0]
        stalled.transport.abort()
        assert first["event"] == "lagged"


async def test_answers_have_what_http_wants_of_them(serve):
    async with serve() as on, on.unix() as unix:
        for _ in range(3):  # on one connection
            sent = await unix.post("/v1/requests", json=HOLD | {"agent": "4711"})
            assert sent.status_code == 422
        head = await unix.head("/v1/agents")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        gone = await unix.delete(f"/v1/agents/{AGENT}?force=true")
        assert (gone.status_code, gone.content) == (204, b"")
        assert on.server.connections == 1

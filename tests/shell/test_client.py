"""The client against a scripted daemon: what goes out, what comes back, what is sent again."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from listener.cli.exits import Exit, code_for
from listener.client import Client, DaemonUnreachable, Problem
from listener.client.line import TRIES
from listener.errors import CertificateRefused, ListenerError
from listener.simulator.certificates import ThrowawayAuthority
from tests.shell.api_server import QUICK, answer, problem, request, speaking
from tests.shell.rest_server import CUT, HANG, Server, http, serving

HOLD = {"agent": "1001", "requested_action": "HOLD", "dialog_id": "5"}


def at(path) -> Client:
    return Client.unix(path / "s", pace=QUICK)


@asynccontextmanager
async def over_tcp(*script: object) -> AsyncIterator[tuple[Client, Server]]:
    async with serving(*script, close=True) as server, Client.tcp(server.url, "t0ken") as client:
        yield client, server


async def test_a_request_goes_out_by_finesses_names(tmp_path):
    async with speaking(tmp_path / "s", answer(request())) as server, at(tmp_path) as client:
        found = await client.submit(**HOLD, wait=2.5, idempotency_key="k-1", deadline=20)

    [seen] = server.seen
    assert seen.line == "POST /v1/requests HTTP/1.1"
    assert seen.headers["prefer"] == "wait=3"
    assert seen.headers["idempotency-key"] == "k-1"
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == {
        "agent": "1001",
        "requestedAction": "HOLD",
        "dialogId": "5",
        "deadline": 20,
    }
    assert found["outcome"]["kind"] == "confirmed"


async def test_over_tcp_the_token_goes_along():
    async with over_tcp(answer([])) as (client, server):
        assert await client.agents() == []
    assert server.seen[0].headers["authorization"] == "Bearer t0ken"


async def test_a_certificate_that_is_not_trusted_is_no_daemon_that_is_away():
    context = ThrowawayAuthority().server_context("127.0.0.1")
    server = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Client.tcp(url, "t0ken", pace=QUICK) as client:
        with pytest.raises(CertificateRefused, match=f"{url} is not trusted .*--ca-file") as raised:
            await client.agents()
    assert code_for(raised.value) is Exit.REFUSED
    assert "t0ken" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "line", "body"),
    [
        (lambda c: c.request("a/b", wait=1), "GET /v1/requests/a%2Fb", None),
        (lambda c: c.requests(state="open", agent="1", request_id="2", limit=3),
         "GET /v1/requests?state=open&agent=1&requestId=2&limit=3", None),
        (lambda c: c.abandon("7"), "DELETE /v1/requests/7", None),
        (lambda c: c.expect(**HOLD), "POST /v1/expectations",
         {"agent": "1001", "requestedAction": "HOLD", "dialogId": "5"}),
        (lambda c: c.report("7", 400, b"<ApiErrors/>"), "PATCH /v1/expectations/7",
         {"status": 400, "body": "<ApiErrors/>"}),
        (lambda c: c.report("7", 202), "PATCH /v1/expectations/7", {"status": 202}),
        (lambda c: c.agents(), "GET /v1/agents", None),
        (lambda c: c.agent("\r\n"), "GET /v1/agents/%0D%0A", None),
        (lambda c: c.dialogs("1"), "GET /v1/agents/1/dialogs", None),
        (lambda c: c.put_agent("1", password="p", extension="2"), "PUT /v1/agents/1",
         {"password": "p", "extension": "2"}),
        (lambda c: c.put_agent("1", token="t"), "PUT /v1/agents/1", {"token": "t"}),
        (lambda c: c.remove_agent("1"), "DELETE /v1/agents/1", None),
        (lambda c: c.remove_agent("1", force=True), "DELETE /v1/agents/1?force=true", None),
        (lambda c: c.explain("CF 34"), "GET /v1/errors/CF%2034", None),
        (lambda c: c.info(), "GET /v1/info", None),
        (lambda c: c.ready(), "GET /readyz", None),
        (lambda c: c.metrics(), "GET /metrics", None),
        (lambda c: c.reload(), "POST /v1/reload", None),
        (lambda c: c.forget(number="555"), "POST /v1/forget", {"number": "555"}),
        (lambda c: c.forget(dialog_id="5"), "POST /v1/forget", {"dialogId": "5"}),
    ],
)  # fmt: skip
async def test_each_operation_has_its_path_and_body(tmp_path, call, line, body):
    async with speaking(tmp_path / "s", answer({})) as server, at(tmp_path) as client:
        await call(client)

    [seen] = server.seen
    assert seen.line == f"{line} HTTP/1.1"
    assert (json.loads(seen.body) if seen.body else None) == body


async def test_readiness_that_is_not_there_is_an_answer_and_no_problem(tmp_path):
    told = {"ready": False, "reasons": ["none of 2 sessions is up"]}
    async with speaking(tmp_path / "s", answer(told, 503)), at(tmp_path) as client:
        assert await client.ready() == told


async def test_a_refusal_is_a_problem_with_all_that_it_tells(tmp_path):
    said = problem(429, "too-many-pending", "Retry-After: 1", detail="100 are open", retryable=True)
    async with speaking(tmp_path / "s", said) as server, at(tmp_path) as client:
        with pytest.raises(Problem, match="100 are open") as raised:
            await client.submit(**HOLD)

    assert isinstance(raised.value, ListenerError)
    assert (raised.value.status, raised.value.retryable, raised.value.retry_after) == (429, True, 1)
    assert raised.value.type == "/problems/too-many-pending"
    assert len(server.seen) == 1


# ---------------------------------------------------------------- what is sent again


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.submit(**HOLD),
        lambda c: c.expect(**HOLD),
        lambda c: c.report("7", 202),
        lambda c: c.abandon("7"),
        lambda c: c.put_agent("1", password="p"),
        lambda c: c.remove_agent("1"),
        lambda c: c.reload(),
    ],
)
async def test_what_changes_something_is_sent_once(tmp_path, call):
    async with speaking(tmp_path / "s", CUT, answer({})) as server, at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable, match="did not answer") as raised:
            await call(client)

    assert raised.value.sent is None
    assert len(server.seen) == 1


async def test_a_request_with_a_key_is_sent_again_with_the_same_key_and_body(tmp_path):
    script = (CUT, CUT, answer(request("queued"), 202))
    async with speaking(tmp_path / "s", *script) as server, at(tmp_path) as client:
        found = await client.submit(**HOLD, idempotency_key="k")

    assert found["state"] == "queued"
    assert len({(seen.line, seen.body) for seen in server.seen}) == 1
    assert [seen.headers["idempotency-key"] for seen in server.seen] == ["k"] * 3


async def test_even_with_a_key_it_is_sent_so_many_times_at_most(tmp_path):
    async with speaking(tmp_path / "s", *[CUT] * 9) as server, at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable):
            await client.submit(**HOLD, idempotency_key="k")

    assert len(server.seen) == TRIES


async def test_a_refusal_is_not_repeated_even_with_a_key(tmp_path):
    script = (problem(503, "not_listening", "Retry-After: 1"), answer(request()))
    async with speaking(tmp_path / "s", *script) as server, at(tmp_path) as client:
        with pytest.raises(Problem):
            await client.submit(**HOLD, idempotency_key="k")
    assert len(server.seen) == 1


async def test_a_request_with_a_key_outlasts_a_hand_over(tmp_path):
    closing = problem(503, "urn:finesse-listener:problem:closing", "Retry-After: 0")
    script = (closing, answer(request()))
    async with speaking(tmp_path / "s", *script) as server, at(tmp_path) as client:
        assert (await client.submit(**HOLD, idempotency_key="k"))["state"] == "settled"
    assert len(server.seen) == 2

    async with speaking(tmp_path / "s", closing, answer(request())), at(tmp_path) as client:
        with pytest.raises(Problem):
            await client.submit(**HOLD)


async def test_reading_is_tried_again(tmp_path):
    async with speaking(tmp_path / "s", CUT, answer({"id": "1"})), at(tmp_path) as client:
        assert await client.agent("1") == {"id": "1"}


async def test_a_kept_connection_that_ended_does_not_make_a_request_go_out_twice(tmp_path):
    script = (answer([]), CUT, answer(request()))
    async with speaking(tmp_path / "s", *script, close=False) as server, at(tmp_path) as client:
        await client.agents()
        with pytest.raises(DaemonUnreachable):
            await client.submit(**HOLD)
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "POST"]


async def test_nothing_was_sent_where_nobody_listens(tmp_path):
    async with at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable, match="no such file or directory") as raised:
            await client.submit(**HOLD)
    assert raised.value.sent is False


async def test_an_answer_of_something_else_is_not_taken_for_the_daemons(tmp_path):
    page = http(200, b"<html>hello</html>")
    async with speaking(tmp_path / "s", page), at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable, match="not as the daemon does"):
            await client.info()


async def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with over_tcp(answer([])) as (client, _):
        assert await client.agents() == []


# ---------------------------------------------------------------- waiting for the outcome


async def test_the_outcome_is_asked_for_until_it_is_there(tmp_path):
    script = (answer(request("accepted")), CUT, answer(request("accepted")), answer(request()))
    async with speaking(tmp_path / "s", *script) as server, at(tmp_path) as client:
        found = await client.outcome("0193")

    assert found["state"] == "settled"
    assert {seen.headers["prefer"] for seen in server.seen} == {"wait=60"}


async def test_after_its_time_the_request_is_given_as_it_is(tmp_path):
    said = answer(request("accepted"))
    async with speaking(tmp_path / "s", said) as server, at(tmp_path) as client:
        found = await client.outcome("0193", within=0.0)

    assert (found["state"], found["outcome"]) == ("accepted", None)
    assert "prefer" not in server.seen[0].headers


async def test_a_daemon_that_restarts_is_waited_for(tmp_path):
    async with at(tmp_path) as client:
        asking = asyncio.create_task(client.outcome("0193", within=50))
        await asyncio.sleep(0.02)  # it finds nobody, several times
        assert not asking.done()
        script = (problem(503, "draining"), answer(request()))
        async with speaking(tmp_path / "s", *script):
            assert (await asking)["state"] == "settled"


async def test_a_request_that_is_not_known_is_a_problem_at_once(tmp_path):
    async with speaking(tmp_path / "s", problem(404, "not-found")), at(tmp_path) as client:
        with pytest.raises(Problem, match="not-found"):
            await client.outcome("0193")


async def test_a_daemon_that_stays_away_is_told_in_time(tmp_path):
    async with at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable):
            await client.outcome("0193", within=0.05)


async def test_a_caller_that_stops_waiting_leaves_nothing_behind(tmp_path):
    async with speaking(tmp_path / "s", HANG) as server, at(tmp_path) as client:
        asking = asyncio.create_task(client.outcome("0193"))
        await server.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


# ---------------------------------------------------------------- secrets


async def test_digits_passwords_and_tokens_are_in_no_log_and_no_trace(caplog):
    caplog.set_level(logging.DEBUG)
    told = ""
    async with over_tcp(CUT, CUT, problem(422, "invalid-request")) as (client, server):
        for call in (
            client.submit(**HOLD, dtmf_string="98765"),
            client.put_agent("1", password="hunter2"),
            client.submit(**HOLD, dtmf_string="98765"),
        ):
            try:
                await call
            except ListenerError as error:
                told += "".join(traceback.format_exception(error)) + repr(error)
    assert server.seen[0].headers["authorization"] == "Bearer t0ken"
    assert "98765" in server.seen[0].body.decode()
    for secret in ("98765", "hunter2", "t0ken"):
        assert secret not in told + caplog.text

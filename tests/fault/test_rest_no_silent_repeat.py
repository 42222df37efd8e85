"""A request reaches Finesse once or not at all, whatever becomes of the connection."""

from __future__ import annotations

import asyncio

import pytest

from listener.rest import AnswerKind
from tests.shell.rest_server import CUT, HANG, Seen, asking, http, put, serving


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
async def test_request_on_a_kept_alive_connection_that_drops_is_seen_once(method: str):
    async with serving(http(202), CUT, http(202)) as server, asking(server.url) as rest:
        await put(rest, "first")
        answer = await rest.send(
            "1001", method=method, path="/finesse/api/Dialog/2", request_id="second"
        )
    assert [seen.connection for seen in server.seen] == [1, 1]
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, None)
    assert "closed the connection" in answer.detail


async def test_connection_closed_while_idle_is_replaced_before_anything_is_sent():
    async with serving(http(202), http(202), close=True) as server, asking(server.url) as rest:
        first = await put(rest, "first")
        second = await put(rest, "second")
    assert {first.kind, second.kind} <= {AnswerKind.ACCEPTED, AnswerKind.DOUBTFUL}
    assert first.kind is AnswerKind.ACCEPTED
    assert len([seen for seen in server.seen if seen.headers["requestid"] == "second"]) <= 1


async def test_left_over_answer_is_not_taken_for_the_next_requests():
    twice = http(202, b"", "requestId: first") * 2
    async with serving(twice, HANG) as server, asking(server.url) as rest:
        first = await put(rest, "first")
        second = await put(rest, "second")
    assert (first.kind, second.kind) == (AnswerKind.ACCEPTED, AnswerKind.DOUBTFUL)
    assert "another request" in second.detail


async def test_reset_after_the_request_was_read_is_in_doubt_and_not_repeated():
    async def reset(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.transport.abort()
        return False

    async with serving(reset, http(202)) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert len(server.seen) == 1


async def test_second_node_does_not_get_what_the_first_one_dropped():
    async with (
        serving(CUT) as first,
        serving(http(202)) as second,
        asking(first.url, second.url) as rest,
    ):
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert (len(first.seen), second.connections) == (1, 0)


async def test_cancelled_request_is_not_sent_again():
    async with serving(HANG, http(202)) as server, asking(server.url) as rest:
        waiting = asyncio.create_task(put(rest, "cancelled"))
        await server.arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await put(rest, "next")
    assert [seen.headers["requestid"] for seen in server.seen] == ["cancelled", "next"]

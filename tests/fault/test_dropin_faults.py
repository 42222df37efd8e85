"""The drop-in and a network that fails: nothing is sent twice, nothing is said that is not so."""

from __future__ import annotations

import asyncio

import pytest

from listener.correlation.outcome import Reason
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import NotKept
from listener.rest import RestTimings
from tests.shell.dropin_stage import XML, action, basic, fronting, opened, scene
from tests.shell.rest_server import CUT, HANG, Seen, http, listening, serving
from tests.shell.stage import A, answered_call, dead_port, until, writes

USER = "/finesse/api/User/1001001"
DIALOG = "/finesse/api/Dialog/54321"
IMPATIENT = RestTimings(20, 20, 0.3, 40)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("agents", [(A,), ()])
async def test_what_meets_a_dropped_connection_is_seen_once(method: str, agents):
    shown = http(200, b"<User><loginId>1001001</loginId></User>")
    async with fronting(shown, CUT, http(202), agents=agents) as (server, _, place):
        await place.get(USER)  # opens the connection that is then kept alive
        got = await place.client.request(
            method, DIALOG, content=action("HOLD"), headers={**basic(), **XML, "requestId": "once"}
        )
    carried = [seen for seen in server.seen if seen.headers.get("requestid") == "once"]
    assert len(carried) == 1
    assert [seen.connection for seen in server.seen] == [1, 1]
    if method == "GET":
        assert (got.status_code, got.json()["retryable"]) == (502, True)
    else:
        assert (got.status_code, got.headers["x-outcome"]) == (202, "open")
        assert got.headers["x-reason"] == "in_doubt"


async def half_an_answer(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 202 \r\nContent-Length: 100\r\n\r\n<x>")
    await writer.drain()
    return False


@pytest.mark.parametrize("script", [CUT, HANG, half_an_answer])
async def test_an_untracked_write_without_an_answer_invites_no_repeat(script: object):
    async with fronting(script, http(202), timings=IMPATIENT) as (server, books, place):
        books.refusing = NotKept("no room")
        got = await place.put(DIALOG, action("HOLD"), Prefer="wait=5")
    assert (got.status_code, got.content) == (202, b"")
    told = {name: got.headers.get_list(name) for name in ("x-outcome", "x-reason", "x-evidence")}
    assert told == {"x-outcome": ["untracked"], "x-reason": ["no_answer"], "x-evidence": [""]}
    assert got.headers["preference-applied"] == "wait=5"
    assert len(server.seen) == 1


async def test_an_untracked_write_that_never_left_is_a_503():
    async with fronting(node=f"http://127.0.0.1:{dead_port()}") as (_, books, place):
        books.refusing = NotKept("no room")
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.json()["retryable"]) == (503, True)
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("untracked", "not_kept")


async def test_a_fault_after_it_was_sent_sends_it_no_second_time():
    async with fronting(http(202), http(202)) as (server, books, place):

        async def broken(request, wishes, sender):
            await sender(lambda: None)
            raise NotKept("a fault of ours")

        books.forward = broken
        got = await place.put(DIALOG, action("HOLD"))
    assert got.status_code == 500
    assert len(server.seen) == 1


async def test_what_was_given_up_before_it_was_sent_is_a_503():
    async with fronting() as (server, books, place):

        async def never(_leaves) -> RestAnswer:
            return RestAnswer(AnswerKind.NOT_SENT, detail="given up")

        async def given_up(request, wishes, sender):
            return books.service.forward(request, wishes, never)

        books.forward = given_up
        plain = await place.put(DIALOG, action("HOLD"))
        waited = await place.put(DIALOG, action("HOLD"), Prefer="wait=30")
    for got in (plain, waited):
        assert (got.status_code, got.headers["x-outcome"]) == (503, "rejected")
        assert got.headers["x-reason"] == "not_sent"
    assert server.connections == 0


async def test_silence_is_a_504_for_a_read_and_a_202_for_a_tracked_write():
    async with fronting(HANG, HANG, timings=IMPATIENT) as (server, _, place):
        read = await place.get(USER)
        write = await place.put(DIALOG, action("HOLD"))
    assert (read.status_code, read.json()["retryable"]) == (504, True)
    assert (write.status_code, write.headers["x-reason"]) == (202, "in_doubt")
    assert len(server.seen) == 2


async def test_nothing_sent_is_a_503_that_may_be_repeated():
    async with fronting(node=f"http://127.0.0.1:{dead_port()}") as (_, books, place):
        read = await place.get(USER)
        write = await place.put(DIALOG, action("HOLD"))
        waited = await place.put(DIALOG, action("HOLD"), Prefer="wait=30")
        reasons = {books.record(got).outcome.reason for got in (write, waited)}
    for got in (read, write, waited):
        assert (got.status_code, got.json()["retryable"]) == (503, True)
        assert int(got.headers["retry-after"]) > 0
    for got in (write, waited):
        assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("rejected", "not_sent")
    assert reasons == {Reason.NOT_SENT}


async def test_the_other_node_gets_what_never_left_for_the_first():
    dead = f"http://127.0.0.1:{dead_port()}"
    async with (
        serving(http(202), http(200)) as second,
        fronting(node=dead, more_nodes=[second.url]) as (_, _, place),
    ):
        got = await place.put(DIALOG, action("HOLD"), requestId="r-1")
        assert (await place.get(USER)).status_code == 200
    assert (got.status_code, second.seen[0].headers["requestid"]) == (202, "r-1")
    assert second.seen[0].headers["host"] == second.url[7:]


async def test_the_other_node_does_not_get_what_had_left_for_the_first():
    async with (
        serving(http(202)) as second,
        fronting(CUT, more_nodes=[second.url]) as (
            server,
            _,
            place,
        ),
    ):
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.headers["x-reason"]) == (202, "in_doubt")
    assert (len(server.seen), second.connections) == (1, 0)


@pytest.mark.parametrize("path", [USER, f"{USER}/Dialogs"])
async def test_half_an_answer_is_not_taken_for_a_whole_one(path: str):
    half = b"HTTP/1.1 200 \r\nContent-Length: 100\r\n\r\n<Dialogs>"

    async def cut(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(half)
        await writer.drain()
        return False

    async with fronting(cut) as (_, _, place):
        got = await opened(place, path)
        with pytest.raises(Exception, match="peer closed connection"):
            await got.aread()
    assert got.status_code == 200


async def test_half_an_answer_to_a_write_is_in_doubt():
    async with fronting(half_an_answer) as (_, _, place):
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.headers["x-reason"], got.content) == (202, "in_doubt", b"")


async def test_an_answer_to_another_request_is_in_doubt():
    async with fronting(http(202, b"", "requestId: someone-elses")) as (_, _, place):
        got = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("open", "in_doubt")


async def test_a_huge_answer_to_a_write_goes_through_whole():
    body = b"z" * (3 * 1024 * 1024)
    async with fronting(http(202, body), http(202, body)) as (_, books, place):
        plain = await place.put(DIALOG, action("HOLD"))
        kept = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
        assert books.record(plain).outcome is None
    assert (plain.status_code, plain.content == body) == (202, True)
    assert (kept.status_code, kept.content == body) == (202, True)


async def test_a_client_that_leaves_in_the_middle_of_its_body_sends_nothing_whole():
    head = (
        f"PUT {DIALOG} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n"
        f"Authorization: {basic()['Authorization']}\r\n\r\n<Dialog>"
    )
    async with fronting() as (server, books, place):
        _, writer = await asyncio.open_connection("127.0.0.1", int(place.url.rpartition(":")[2]))
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await place.client.get("/v1/agents")).status_code == 404  # it serves on
        assert not books.service.records
    assert server.connections == 0


async def test_a_client_that_leaves_in_the_middle_of_a_big_body_leaves_it_in_doubt():
    arrived = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()

    size = 2 * 1024 * 1024
    head = (
        f"PUT {DIALOG} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
        f"Authorization: {basic()['Authorization']}\r\n\r\n"
    )
    async with (
        listening(handle) as port,
        fronting(node=f"http://127.0.0.1:{port}") as (_, books, place),
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", int(place.url.rpartition(":")[2]))
        writer.write(head.encode() + b"x" * (size // 2))
        await arrived.wait()
        writer.transport.abort()
        records = books.service.records
        await until(lambda: [r for r in records.values() if r.answered])
        (record,) = records.values()
        assert record.outcome is None
        assert books.service.correlator.state(record.key) == "in_doubt"


async def test_a_client_that_does_not_read_is_cut_and_costs_no_other(tmp_path):
    part = b"x" * 65536
    cut = asyncio.Event()

    async def endless(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
                await writer.drain()
        finally:
            cut.set()

    async with fronting(endless, http(200)) as (_, _, place):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(place.url.rpartition(":")[2]), limit=1024
        )
        writer.write(
            f"GET {USER} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {basic()['Authorization']}\r\n\r\n".encode()
        )
        assert await reader.read(1)
        assert (await place.get(USER)).status_code == 200
        await cut.wait()
        writer.close()


async def test_requests_survive_a_client_that_never_waits(tmp_path):
    async with scene(tmp_path, simulator={"pace": 0.01}) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        path = f"/finesse/api/Dialog/{dialog}"
        asking = asyncio.create_task(place.put(path, action("HOLD"), Prefer="wait=30"))
        await until(lambda: writes(sim, "HOLD"))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        (record,) = listener.service.records.values()
        await until(lambda: record.outcome is not None)
        assert record.outcome.kind == "confirmed"
        assert writes(sim) == 1


async def test_the_pool_is_free_again_after_everything_that_can_go_wrong():
    script = [CUT, HANG, http(202), CUT, http(500)] * 4
    async with fronting(*script, timings=IMPATIENT) as (server, _, place):
        await asyncio.gather(
            *(place.put(DIALOG, action("HOLD")) for _ in range(10)),
            *(place.get(USER) for _ in range(10)),
        )
        line = place.forwarder._line
        await until(lambda: all(slots._value == 50 for slots in line._slots.values()))
    assert 0 < len(server.seen) <= 20

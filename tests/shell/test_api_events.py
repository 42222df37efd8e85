"""`GET /v1/events`: what a reader sees of the stream, and how it ends."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog

from listener.api.stream import CHUNK
from listener.offers import Told
from tests.shell.api_rig import AGENT, HOLD, OTHER, WALLBOARD, problem, rigged
from tests.shell.stage import until

EVENTS = "/v1/events"


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


class Connection:
    """Lets as many become readers as it is told."""

    def __init__(self, places: int = 1) -> None:
        self.places = places

    def become_event_reader(self) -> bool:
        self.places -= 1
        return self.places >= 0


async def reading(rig, **how):
    call = rig.call("GET", EVENTS, caller=WALLBOARD, **how)
    await call.until(lambda: call.text)
    return call


def data(frame: dict[str, str]) -> dict:
    return json.loads(frame["data"])


async def test_stream_begins_with_how_it_is_to_be_read(rig):
    call = await reading(rig)
    assert call.status == 200
    assert call.headers["content-type"].startswith("text/event-stream")
    assert call.headers["cache-control"] == "no-store"
    assert call.headers["x-accel-buffering"] == "no"
    assert "content-length" not in call.headers
    # who loses the stream before the first event goes on from here
    place = f"{rig.chronicle.epoch}-{rig.chronicle.last}"
    assert call.text == f"retry: 2000\nid: {place}\n\n"
    await call.hang_up()


async def test_event_has_id_name_and_one_line_of_json(rig):
    call = await reading(rig)
    answer = await rig.client().post("/v1/requests", json=HOLD)
    rig.held(answer.json()["requestId"])
    frames = await call.frames(3)
    assert {frozenset(frame) for frame in frames} == {frozenset({"id", "event", "data"})}
    assert [frame["event"] for frame in frames].count("request") >= 2
    assert "dialog" in [frame["event"] for frame in frames]
    sequences = [int(frame["id"].rpartition("-")[2]) for frame in frames]
    assert sequences == sorted(set(sequences))
    assert {frame["id"].rpartition("-")[0] for frame in frames} == {rig.chronicle.epoch}
    last = [data(frame) for frame in frames if frame["event"] == "request"][-1]
    assert last["id"] == answer.json()["id"]
    await call.hang_up()


async def test_reader_resumes_without_loss_or_repeat(rig):
    call = await reading(rig)
    for change in range(10, 20):
        rig.held(change=str(change))
    all_frames = await call.frames(10)
    await call.hang_up()
    for place in (0, 4, 9):
        for how in (
            {"last_event_id": all_frames[place]["id"]},
            {"query": f"after={all_frames[place]['id']}"},
            {"last_event_id": all_frames[place]["id"], "query": "after=nonsense-1"},
        ):
            again = rig.call("GET", EVENTS, **how)
            rest = all_frames[place + 1 :]
            assert await again.frames(len(rest)) == rest
            await again.hang_up()


@pytest.mark.parametrize("after", ["nonsense", "0-1", "-", "9" * 500, "ffff-99999999999999999999"])
async def test_place_that_is_not_there_is_told_first(rig, after):
    call = rig.call("GET", EVENTS, last_event_id=after)
    (first,) = await call.frames(1)
    assert first["event"] == "reset"
    assert "id" not in first
    rig.held()
    assert [frame["event"] for frame in await call.frames(2)] == ["reset", "dialog"]
    await call.hang_up()


async def test_filters_leave_out_the_rest(rig):
    rig.up(OTHER)
    calls = {
        query: await reading(rig, query=query)
        for query in ("agent=agent2", "dialogId=100", "kind=request", "kind=dialog&kind=gap", "")
    }
    one = await rig.client().post("/v1/requests", json=HOLD)
    by_id = await reading(rig, query=f"id={one.json()['id'].upper()}")
    body = HOLD | {"agent": OTHER, "targetMediaAddress": "1001"}
    two = await rig.client().post("/v1/requests", json=body)
    await until(lambda: len(rig.wire.sent) == 2)
    rig.held(one.json()["requestId"])
    rig.service.session_down(OTHER, "cut")

    def seen(call) -> list[tuple[str, str]]:
        return [(frame["event"], data(frame).get("agent")) for frame in call._frames()]

    await calls[""].until(lambda: ("gap", OTHER) in seen(calls[""]))
    await asyncio.sleep(0)
    assert {agent for _, agent in seen(calls["agent=agent2"])} == {OTHER}
    assert {name for name, _ in seen(calls["kind=request"])} == {"request"}
    assert {name for name, _ in seen(calls["kind=dialog&kind=gap"])} == {"dialog", "gap"}
    assert ("dialog", AGENT) in seen(calls["dialogId=100"])
    assert {data(frame)["id"] for frame in by_id._frames()} == {one.json()["id"]}
    assert two.json()["id"] in calls[""].text
    for call in (*calls.values(), by_id):
        await call.hang_up()
    assert rig.chronicle.readers == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=dialogs", "kind"),
        ("kind=dialog&kind=", "kind"),
        ("agent=a%20b", "agent"),
        ("id=145", None),
        ("dialogId=", "dialogId"),
        ("agent=1&agent=2", "agent"),
        ("topic=x", None),
    ],
)
async def test_filter_that_is_not_there_is_refused(rig, query, field):
    answer = await rig.client().get(f"{EVENTS}?{query}")
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (422, "invalid_parameter")
    assert told.get("field") == field
    assert rig.chronicle.readers == 0


async def test_comment_comes_while_nothing_happens():
    async with rigged(heartbeat=0.01) as rig:
        call = await reading(rig)
        await call.until(lambda: call.comments >= 3)
        rig.held()
        (frame,) = await call.frames(1)
        assert frame["event"] == "dialog"
        await call.hang_up()


async def test_reader_that_is_told_nothing_still_learns_where_it_is():
    async with rigged(heartbeat=0.01) as rig:
        call = await reading(rig, query="kind=gap")
        rig.held()
        place = f":\nid: {rig.chronicle.epoch}-{rig.chronicle.last}\n\n"
        await call.until(lambda: place in call.text)
        await call.hang_up()


async def test_comment_does_not_wait_behind_what_the_reader_does_not_take():
    async with rigged(heartbeat=0.01) as rig:
        call = await reading(rig)
        call.takes.clear()
        rig.held()
        await until(lambda: next(iter(rig.chronicle._readers))._handed_at)
        await asyncio.sleep(0.05)
        await call.hang_up()  # is noticed at once, though nothing can be sent
        assert rig.chronicle.readers == 0


async def test_reader_that_hangs_up_is_left(rig):
    call = await reading(rig)
    assert rig.chronicle.readers == 1
    await call.hang_up()
    assert rig.chronicle.readers == 0
    assert not call.complete


async def test_stream_ends_when_the_daemon_closes_it(rig):
    call = await reading(rig)
    rig.held()
    await call.frames(1)
    rig.chronicle.close()
    await call.until(lambda: call.complete)
    await call.task
    assert rig.chronicle.readers == 0


async def test_one_reader_more_than_may_be_is_refused(rig):
    connection = Connection(places=1)
    first = await reading(rig, connection=connection)
    second = rig.call("GET", EVENTS, connection=connection)
    told = await second.answered()
    assert (second.status, told["type"].rpartition(":")[2]) == (503, "too_many_readers")
    assert int(second.headers["retry-after"]) >= 1
    assert rig.chronicle.readers == 1
    await first.hang_up()


async def test_refused_call_is_not_counted_as_a_reader(rig):
    connection = Connection(places=1)
    call = rig.call("GET", EVENTS, connection=connection, query="kind=x")
    await call.answered()
    assert (call.status, connection.places) == (422, 1)


async def test_reader_that_was_cut_off_finds_that_first(rig, monkeypatch):
    monkeypatch.setattr("listener.readers.STALLED_FOR", 0.0)
    call = await reading(rig)
    rig.held(change="10")
    (first,) = await call.frames(1)
    call.takes.clear()
    for change in range(11, 15):
        rig.held(change=str(change))
    reader = next(iter(rig.chronicle._readers))
    await until(lambda: reader.place >= int(first["id"].rpartition("-")[2]) + 1)
    await call.hang_up()
    again = rig.call("GET", EVENTS, last_event_id=first["id"])
    frames = await again.frames(5)
    assert [frame["event"] for frame in frames] == ["lagged", *["dialog"] * 4]
    await again.hang_up()


async def test_what_was_not_taken_when_the_connection_was_cut_does_not_count_as_told(rig):
    call = await reading(rig)
    call.takes.clear()
    for change in range(10, 40):
        rig.held(change=str(change))
    reader = next(iter(rig.chronicle._readers))
    await until(lambda: reader._handed_at)
    place = reader.place
    await call.hang_up()
    assert reader.place == place


async def test_big_event_is_handed_over_in_pieces(rig, monkeypatch):
    call = await reading(rig)
    big = Told("e-1", "dialog", {"text": "ü" * CHUNK})

    class Reader:
        closed = False
        position = "e-0"

        def __aiter__(self):
            return self

        async def __anext__(self) -> Told:
            if self.closed:
                raise StopAsyncIteration
            self.closed = True
            return big

        async def aclose(self) -> None:
            self.closed = True

    await call.hang_up()
    monkeypatch.setattr(rig.backend, "events", lambda *_: Reader())
    call = rig.call("GET", EVENTS)
    await call.until(lambda: call.complete)
    assert max(call.pieces) <= CHUNK
    assert data(call._frames()[0]) == big.data


async def test_fault_within_a_stream_breaks_it_off(rig, monkeypatch):
    class Reader:
        position = "e-0"

        def __aiter__(self):
            return self

        async def __anext__(self) -> Told:
            raise ZeroDivisionError

        async def aclose(self) -> None:
            pass

    monkeypatch.setattr(rig.backend, "events", lambda *_: Reader())
    with structlog.testing.capture_logs() as log:
        call = rig.call("GET", EVENTS)
        with pytest.raises(ZeroDivisionError):
            await call.task
    assert not call.complete
    assert [line["route"] for line in log if line["event"] == "api.failed"] == [EVENTS]

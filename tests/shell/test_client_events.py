"""The client's event stream against a scripted daemon: nothing lost, nothing twice, no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from listener.client import Client, DaemonUnreachable, Events, Problem, StreamEvent
from tests.shell.api_server import QUICK, event, problem, speaking, streaming
from tests.shell.rest_server import CUT, HANG, Server

WAITS = asyncio.Event  # never set: the stream stays open


def at(path) -> Client:
    return Client.unix(path / "s", pace=QUICK)


@asynccontextmanager
async def reading(path, *script: object, **how: Any) -> AsyncIterator[tuple[Events, Server]]:
    """Read events from a scripted daemon."""
    async with (
        speaking(path / "s", *script) as server,
        at(path) as client,
        client.events(**how) as events,
    ):
        yield events, server


async def take(events: Events, count: int) -> list[str | None]:
    return [(await anext(events)).id for _ in range(count)]


async def test_events_come_with_their_name_id_and_data(tmp_path):
    said = streaming(b": hello\n\n", event(1, "dialog", agent="1001"), then=WAITS().wait)
    async with reading(tmp_path, said, agent="1001", dialog_id="5", id="7", kind="dialog") as (
        events,
        server,
    ):
        assert await anext(events) == StreamEvent("e-1", "dialog", {"agent": "1001"})

    assert server.seen[0].line.split()[1] == "/v1/events?agent=1001&dialogId=5&id=7&kind=dialog"
    assert server.seen[0].headers["accept"] == "text/event-stream"
    assert "last-event-id" not in server.seen[0].headers


async def test_after_a_loss_it_goes_on_behind_the_last_event(tmp_path):
    script = (
        streaming(event(1), event(2), b"id: e-3\ndata: {half"),
        CUT,
        streaming(event(3), event(4)),
        streaming(event(5)),
    )
    lost: list[str] = []
    opened: list[None] = []
    how = {"lost": lost.append, "opened": lambda: opened.append(None)}
    async with reading(tmp_path, *script, after="e-0", **how) as (events, server):
        assert await take(events, 5) == [f"e-{n}" for n in range(1, 6)]
        assert events.last_id == "e-5"

    asked = [seen.headers["last-event-id"] for seen in server.seen]
    assert asked == ["e-0", "e-2", "e-2", "e-4"]
    assert len(lost) == 2  # the cut belongs to the first loss
    assert len(opened) == 3  # nothing came of the cut one


async def test_a_position_without_an_event_is_kept_for_a_loss_before_the_first(tmp_path):
    script = (streaming(b"id: e-9\n\n"), streaming(event(10)))
    async with reading(tmp_path, *script) as (events, server):
        assert await take(events, 1) == ["e-10"]

    assert server.seen[1].headers["last-event-id"] == "e-9"


async def test_reset_and_lagged_are_told_and_it_goes_on(tmp_path):
    script = (
        streaming(b"event: reset\ndata: {}\n\n", event(1, epoch="f")),
        streaming(b'event: lagged\ndata: {"behind": 3}\n\n', event(2, epoch="f")),
    )
    async with reading(tmp_path, *script, after="e-9") as (events, _):
        found = [await anext(events) for _ in range(4)]

    assert [(each.name, each.id) for each in found] == [
        ("reset", None),
        ("request", "f-1"),
        ("lagged", None),
        ("request", "f-2"),
    ]
    assert found[2].data == {"behind": 3}


async def test_where_to_resume_later_is_behind_what_was_given(tmp_path):
    said = streaming(event(1), event(2), event(3), then=WAITS().wait)
    async with reading(tmp_path, said, after="e-0") as (events, _):
        assert events.last_id == "e-0"
        await anext(events)
        assert events.last_id == "e-1"
        await take(events, 2)
        assert events.last_id == "e-3"


async def test_a_hundred_losses_lose_and_repeat_nothing(tmp_path):
    # Each connection gives an event, and half of the next one.
    script = [streaming(event(n), event(n + 1)[: n % 30]) for n in range(1, 101)]
    async with reading(tmp_path, *script, after="e-0") as (events, _):
        assert await take(events, 100) == [f"e-{n}" for n in range(1, 101)]


async def test_a_reader_that_is_timed_out_by_its_owner_goes_on_where_it_was(tmp_path):
    script = (streaming(event(1), then=WAITS().wait), streaming(event(2)))
    async with reading(tmp_path, *script) as (events, server):
        await anext(events)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.01)
        assert await take(events, 1) == ["e-2"]
    assert server.seen[1].headers["last-event-id"] == "e-1"


# ---------------------------------------------------------------- when it ends


async def test_the_first_connection_must_succeed(tmp_path):
    async with at(tmp_path) as client:
        with pytest.raises(DaemonUnreachable, match="no daemon can be reached"):
            await anext(client.events())


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 503])
async def test_a_refusal_at_the_start_is_a_problem(tmp_path, status):
    async with speaking(tmp_path / "s", problem(status)) as server, at(tmp_path) as client:
        events = client.events()
        with pytest.raises(Problem):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert len(server.seen) == 1


async def test_a_refusal_that_passes_is_borne_later(tmp_path):
    script = (streaming(event(1)), problem(503, "draining", retryable=True), streaming(event(2)))
    async with reading(tmp_path, *script) as (events, _):
        assert await take(events, 2) == ["e-1", "e-2"]


async def test_a_refusal_that_stays_ends_it(tmp_path):
    script = (streaming(event(1)), problem(401, "unauthorized", retryable=False))
    async with reading(tmp_path, *script) as (events, _):
        await anext(events)
        with pytest.raises(Problem, match="unauthorized"):
            await anext(events)


async def test_patience_with_an_absent_daemon_ends(tmp_path):
    async with at(tmp_path) as client:
        async with speaking(tmp_path / "s", streaming(event(1))):
            events = client.events(patience=0.05)
            await anext(events)
        with pytest.raises(DaemonUnreachable):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_a_closed_reader_ends(tmp_path):
    async with speaking(tmp_path / "s", HANG), at(tmp_path) as client:
        events = client.events()
        await events.aclose()
        assert [each async for each in events] == []


async def test_data_that_is_no_object_is_handed_on_as_text(tmp_path):
    said = streaming(b"event: odd\ndata: hello\n\n")
    async with reading(tmp_path, said) as (events, _):
        assert await anext(events) == StreamEvent(None, "odd", {"text": "hello"})


async def test_an_event_without_end_is_a_loss(tmp_path, monkeypatch):
    monkeypatch.setattr("listener.client.sse.LONGEST", 1000)
    script = (streaming(event(1), b"data: " + b"x" * 2000, then=WAITS().wait), streaming(event(2)))
    async with reading(tmp_path, *script) as (events, _):
        assert await take(events, 2) == ["e-1", "e-2"]

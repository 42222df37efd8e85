"""Facts from a running daemon: its requests, and its events found by their places."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

from listener.client import Client
from listener.errors import Problem
from listener.story import daemon
from listener.story.facts import Facts, Wanted
from listener.story.telling import time_of, told
from tests.story.scenes import START, a_change, an_outcome, asked

EPOCH = "0a1b2c3d"
LOST = an_outcome("unconfirmed", reason="no_answer", status=None)


class Stream:
    """Events behind a place; after the last one nothing comes."""

    def __init__(self, events: list[Any], place: int) -> None:
        self._left = events[place:]
        self.last_id = f"{EPOCH}-{place}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if not self._left:
            await asyncio.Event().wait()
        return self._left.pop(0)


class Daemon:
    """What a daemon with these requests and events answers to the client."""

    where = "the test"

    def __init__(self, requests: list[dict[str, Any]], events: list[Any]) -> None:
        self._requests = requests
        self._events = events
        self.looked_for: list[str | None] = []

    async def info(self) -> dict[str, Any]:
        return {"deployment": "UCCX"}

    async def agent(self, id_: str) -> dict[str, Any]:
        return {"extension": {"1001": "2001", "1002": "2002"}[id_]}

    async def request(self, id_: str) -> dict[str, Any]:
        for each in self._requests:
            if each["id"] == id_:
                return each
        raise Problem("no such request", status=404)

    async def requests(
        self, *, agent: str | None = None, request_id: str | None = None, limit: int
    ) -> list[dict[str, Any]]:
        self.looked_for.append(request_id)
        return [
            each
            for each in self._requests
            if agent in {None, each["agent"]} and request_id in {None, each["requestId"]}
        ][:limit]

    def events(self, after: str | None = None) -> Stream:
        place = len(self._events) if after is None else int(after.rpartition("-")[2])
        return Stream(self._events, place)


async def facts_of(*requests: Any, events: list[Any]) -> tuple[Facts, Daemon]:
    """Return the facts about the first request of a daemon with these."""
    stamped = [
        SimpleNamespace(
            name=each.name,
            id=f"{EPOCH}-{number}",
            data={**each.data, "at": time_of(each.at)},
        )
        for number, each in enumerate(events, 1)
    ]
    there = Daemon([dict(each.told) for each in requests], stamped)
    wanted = Wanted(request=requests[0].key)
    return await daemon.facts_of(cast("Client", there), wanted, START + 60), there


async def test_the_requests_of_other_agents_of_the_daemon_are_ours_by_their_ids():
    mine = asked("RETRIEVE", LOST, answered=None)
    theirs = asked("HOLD", LOST, key="k2", request_id="rq-2", agent="1002", own="2002")
    events = [
        a_change(-1.0, "rq-0", own="HELD", colleague="ACTIVE"),
        a_change(0.4, "rq-2", own="ACTIVE", colleague="HELD"),
        a_change(0.6, "desktop-7", colleague="ACTIVE"),
    ]
    facts, there = await facts_of(mine, theirs, events=events)
    assert facts.whose("1001", "rq-2") == "HOLD"
    assert facts.whose("1001", "desktop-7") is None
    assert {"rq-2", "desktop-7", "rq-0"} <= set(there.looked_for)
    tags = {step.request_id: step.tag.value for step in told(facts, "it").steps if step.moves}
    assert (tags["rq-2"], tags["desktop-7"]) == ("ours", "foreign")
    assert [each.rule for each in told(facts, "it").findings] == ["no_answer"]


async def test_ids_that_are_known_are_not_asked_for_again_and_not_all_of_very_many():
    mine = asked("HOLD", LOST)
    events = [a_change(n / 1000, f"strange-{n}", own="ACTIVE") for n in range(300)]
    events.append(a_change(0.5, mine.request_id, own="HELD"))
    _, there = await facts_of(mine, events=events)
    asked_for = [each for each in there.looked_for if each is not None]
    assert mine.request_id not in asked_for
    assert len(asked_for) == daemon.MOST_TAGS


async def test_the_deployment_is_the_daemons():
    facts, _ = await facts_of(asked("HOLD", LOST), events=[a_change(0.1, own="HELD")])
    assert facts.requests[0].deployment == "UCCX"
    assert facts.requests[0].own == "2001"

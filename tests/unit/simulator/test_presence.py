"""The forced logout of agents whose presence is gone."""

from __future__ import annotations

import asyncio

import pytest

from listener.simulator.presence import PresenceWatch
from listener.simulator.sides import Side
from tests.unit.simulator.desk import Desk, MakeDesk, Recorder


class There:
    """Who is present, as the test says; and the time."""

    def __init__(self, make_desk: MakeDesk, **how: object) -> None:
        self.now = 0.0
        self.users = {"1001"}
        self.desk: Desk = make_desk(clock=lambda: self.now, **how)
        self.desk.recorder.present = lambda user: user in self.users
        self.watch = PresenceWatch(self.desk.finesse.switch, self.desk.finesse.sides, after=180.0)

    async def look(self, now: float) -> str:
        self.now = now
        self.watch.look()
        await self.desk.finesse.quiet()
        return self.desk.finesse.agents["1001"].state


@pytest.mark.parametrize(("deployment", "state"), [("UCCE", "NOT_READY"), ("UCCX", "LOGOUT")])
async def test_agent_who_is_away_too_long_is_taken_out(
    make_desk: MakeDesk, deployment: str, state: str
) -> None:
    there = There(make_desk, deployment=deployment)
    await there.desk.become("1001", "READY")
    assert await there.look(0.0) == "READY"
    there.users.clear()
    assert await there.look(179.0) == "READY"
    assert await there.look(180.0) == state
    last = there.desk.recorder.events[-1].update
    assert last.findtext("data/user/reasonCodeId") == "255"
    assert last.findtext("requestId") == ""


async def test_presence_that_comes_back_in_time_changes_nothing(make_desk: MakeDesk) -> None:
    there = There(make_desk)
    await there.desk.become("1001", "READY")
    await there.look(0.0)
    there.users.clear()
    await there.look(100.0)
    there.users.add("1001")
    await there.look(150.0)
    there.users.clear()
    assert await there.look(300.0) == "READY"


async def test_agents_who_never_came_are_left_alone(make_desk: MakeDesk) -> None:
    there = There(make_desk)
    there.users.clear()
    await there.desk.become("1001", "READY")
    await there.look(0.0)
    assert await there.look(1000.0) == "READY"


async def test_watch_runs_by_itself_when_it_is_on(make_desk: MakeDesk) -> None:
    desk = make_desk(forced_logout=0.01)
    await desk.become("1001", "READY")
    looks = iter([True, True, True])  # the first look of each agent, then nobody is there
    desk.recorder.present = lambda _user: next(looks, False)
    told = asyncio.Event()
    desk.finesse.switch.tell_user = lambda *_args, **_how: told.set()
    desk.finesse.start()
    async with asyncio.timeout(20):
        await told.wait()
    assert desk.finesse.agents["1001"].reason_code_id == "255"


class Pair:
    """Two nodes and who is present at each; one look at a time."""

    def __init__(self, make_desk: MakeDesk, *, own_timers: bool) -> None:
        self.now = 0.0
        self.users = [{"1001"}, {"1001"}]
        second = Side(Recorder(), "b.example", "pubsub.b.example")
        self.desk: Desk = make_desk(
            clock=lambda: self.now, forced_logout=180.0, own_timers=own_timers, further=[second]
        )
        for side, users in zip(self.desk.finesse.sides, self.users, strict=True):
            side.publisher.present = users.__contains__

    async def look(self, now: float) -> str | None:
        """Return the reason code of the agent after a look of every node."""
        self.now = now
        for watch in self.desk.finesse.watches:
            watch.look()
        await self.desk.finesse.quiet()
        return self.desk.finesse.agents["1001"].reason_code_id


async def test_presence_at_either_node_counts_for_a_pair(make_desk: MakeDesk) -> None:
    pair = Pair(make_desk, own_timers=False)
    await pair.look(0.0)
    pair.users[0].clear()
    assert await pair.look(200.0) is None
    pair.users[1].clear()
    assert await pair.look(379.0) is None
    assert await pair.look(380.0) == "255"


async def test_a_node_with_a_timer_of_its_own_takes_out_who_has_moved(make_desk: MakeDesk) -> None:
    pair = Pair(make_desk, own_timers=True)
    await pair.look(0.0)
    pair.users[0].clear()
    assert await pair.look(179.0) is None
    assert await pair.look(180.0) == "255"


@pytest.mark.parametrize("own_timers", [True, False])
async def test_a_node_whose_web_application_is_down_takes_nobody_out(
    make_desk: MakeDesk, *, own_timers: bool
) -> None:
    pair = Pair(make_desk, own_timers=own_timers)
    await pair.look(0.0)
    for users, side in zip(pair.users, pair.desk.finesse.sides, strict=True):
        users.clear()
        side.running = False
    assert await pair.look(200.0) is None
    for side in pair.desk.finesse.sides:
        side.running = True
    assert await pair.look(500.0) is None  # who comes back has seen nobody yet

"""Thousands of agents that come, go or lose their node: few of them in one turn of the loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from listener.alarms import BATCH
from listener.errors import ConfigurationError
from listener.pacing import Paces
from listener.reloading import Reloader
from listener.roster import Roster
from listener.settings import Settings
from listener.trust import Trust

MANY = 10 * BATCH


def settings(*ids: str) -> Settings:
    return Settings(
        finesse={"nodes": ["fin1.example.com"]},
        agents=[{"id": id_, "password": "made up"} for id_ in ids],
    )


def names(count: int) -> list[str]:
    return [f"agent{number}" for number in range(count)]


class Names:
    """Holds agents by their names alone."""

    def __init__(self, *ids: str) -> None:
        self.ears = dict.fromkeys(ids, "configured")
        self.steps = 0

    def holds(self, agent: str) -> bool:
        return agent.casefold() in {id_.casefold() for id_ in self.ears}

    def origin(self, agent: str) -> str:
        return "api"  # nobody here is one that a reload would try once more

    def add(self, agent, *, plainly: bool) -> None:
        assert not plainly
        if self.holds(agent.id):
            raise ConfigurationError("it is held already")
        self.steps += 1
        self.ears[agent.id] = "configured"

    def dismiss(self, agent: str) -> None:
        self.steps += 1
        del self.ears[agent]

    async def replace(self, agent, *, origin: str, plainly: bool) -> None:
        self.dismiss(agent.id)
        self.add(agent, plainly=plainly)
        self.ears[agent.id] = origin

    async def departed(self, agents) -> None:
        """Nobody takes leave."""


def reloader(old: Settings, new: Settings, roster: Names) -> Reloader:
    doors = SimpleNamespace(read_tokens=lambda: None, use=lambda _: None)
    return Reloader(old, roster, doors, lambda: new, Trust(None))


async def turns(holds) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(40):  # a thread that reads settings takes its own time
        while not holds():  # noqa: ASYNC110  each turn is looked at
            await asyncio.sleep(0)


@asynccontextmanager
async def most_in_a_turn(counted):
    """Yield a list whose only item is the most by which `counted` grew in one turn of the loop."""
    most = [0]

    async def watch() -> None:
        while True:
            before = counted()
            await asyncio.sleep(0)
            most[0] = max(most[0], counted() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield most
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("way", ["added", "removed"])
async def test_reload_of_many_agents_deals_with_few_in_one_turn(way):
    few, many = settings("one"), settings("one", *names(MANY))
    old, new = (few, many) if way == "added" else (many, few)
    roster = Names(*(agent.id for agent in old.agents))
    async with most_in_a_turn(lambda: roster.steps) as most:
        said = await reloader(old, new, roster).reload()
    assert len(said[way]) == MANY == roster.steps
    assert set(roster.ears) == {agent.id for agent in new.agents}
    assert 0 < most[0] <= BATCH


async def test_agent_that_a_caller_adds_before_its_turn_is_the_files_afterwards():
    new = settings(*names(MANY))
    roster = Names()
    reloading = asyncio.create_task(reloader(settings(), new, roster).reload())
    await turns(lambda: roster.ears)
    last = new.agents[-1].id
    assert last not in roster.ears
    roster.ears[last] = "api"
    await reloading
    assert set(roster.ears.values()) == {"configured"}
    assert len(roster.ears) == MANY


async def test_agent_that_a_caller_adds_in_another_spelling_meanwhile_is_left_to_the_next_reload():
    new = settings(*names(MANY))
    roster = Names()
    reload = reloader(settings(), new, roster)
    reloading = asyncio.create_task(reload.reload())
    await turns(lambda: roster.ears)
    last = new.agents[-1].id
    roster.ears[last.upper()] = "api"
    said = await reloading
    assert len(said["added"]) == MANY - 1
    assert last not in said["added"]
    assert roster.ears[last.upper()] == "api"
    with pytest.raises(ConfigurationError, match=f"held already as {last.upper()}"):
        await reload.reload()
    del roster.ears[last.upper()]
    assert (await reload.reload())["added"] == [last]


async def test_reload_that_is_broken_off_among_many_is_completed_by_the_next_one():
    old, new = settings("one", *names(MANY)), settings("one", *(f"new{n}" for n in range(MANY)))
    roster = Names(*(agent.id for agent in old.agents))
    reload = reloader(old, new, roster)
    for dealt_with in (MANY // 2, MANY + MANY // 2):  # while it removes, and while it adds
        reloading = asyncio.create_task(reload.reload())
        await turns(lambda so_many=dealt_with: roster.steps >= so_many)
        reloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reloading
        assert dealt_with <= roster.steps < dealt_with + 2 * BATCH
    await reload.reload()
    assert set(roster.ears) == {agent.id for agent in new.agents}
    assert roster.steps == 2 * MANY  # nothing was done twice
    assert reload.settings.agents == new.agents


class Hearing:
    """An agent's ear that hears at a node."""

    def __init__(self, told: list[Hearing]) -> None:
        self.node, self.session = "fin1", object()
        self._told = told

    def signal(self, why: str) -> None:
        assert why == "out"
        self._told.append(self)


def of_many(told: list[Hearing]) -> Roster:
    """Return a roster with nothing in it but ears."""
    nothing = SimpleNamespace(lenders=SimpleNamespace())
    roster = Roster(settings(), nothing, nothing, nothing, tls=None, service=None, paces=Paces())
    roster.ears = {name: Hearing(told) for name in names(MANY)}
    return roster


async def test_node_that_goes_out_is_told_to_the_first_at_once_and_to_few_in_one_turn():
    told: list[Hearing] = []
    roster = of_many(told)
    nothing_there = list(roster.ears.values())[1]
    nothing_there.node = None
    async with most_in_a_turn(lambda: len(told)) as most:
        roster._alarm("fin1", "out")
        assert len(told) == BATCH
        await turns(lambda: len(told) >= MANY - 1)
    assert most[0] <= 2 * BATCH  # those that were told at once, and the first turn
    assert set(told) == set(roster.ears.values()) - {nothing_there}
    assert len(told) == len(set(told))


async def test_who_has_a_newer_session_when_its_turn_comes_is_not_told_of_the_old_one():
    told: list[Hearing] = []
    roster = of_many(told)
    roster._alarm("fin1", "out")
    moved = list(roster.ears.values())[-1]
    moved.session = object()
    await turns(lambda: len(told) >= MANY - 1)
    await asyncio.sleep(0)
    assert moved not in told


async def test_closing_ends_what_is_still_to_be_told():
    told: list[Hearing] = []
    roster = of_many(told)
    roster._alarm("fin1", "out")
    await roster.aclose()
    before = len(told)
    for _ in range(MANY):
        await asyncio.sleep(0)
    assert len(told) == before < MANY


@pytest.mark.parametrize("broken_off", [False, True])
async def test_closing_ends_few_in_one_turn_and_all_of_them(broken_off):
    ended: list[str] = []
    roster = of_many([])

    async def living(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    for name in names(MANY):
        roster._running[name] = asyncio.create_task(living(name))
    await asyncio.sleep(0)
    async with most_in_a_turn(lambda: len(ended)) as most:
        closing = asyncio.create_task(roster.aclose())
        if broken_off:
            await turns(lambda: ended)
            closing.cancel()
        await asyncio.wait([closing])
        await turns(lambda: len(ended) == MANY)
    assert closing.cancelled() == broken_off
    assert sorted(ended) == sorted(names(MANY))
    assert broken_off or most[0] <= BATCH

"""Agents who are held only while signed in: how they are asked about, many at a time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from listener import roster
from listener.assembly import Listener
from listener.crew import Ear, Paces
from listener.errors import Unreachable
from listener.settings.model import Agent, Connect
from listener.translation import RestWire
from tests.fault.pair_stage import crowd
from tests.shell.stage import PACES, settings, simulated, until

LONG = 1000.0


@pytest.mark.parametrize(("chance", "asked"), [(0.0, 2), (0.5, 1)])
async def test_first_wait_is_anything_up_to_the_usual_one_and_the_next_about_that(chance, asked):
    calls: list[str] = []

    async def signed_in(agent: str) -> bool:
        calls.append(agent)
        return False

    ear = Ear(
        Agent(id="1001", password="x", connect=Connect.WHILE_SIGNED_IN),
        make_link=lambda _ear: pytest.fail("nobody is signed in"),
        picture=lambda _agent: pytest.fail("nobody is signed in"),
        signed_in=signed_in,
        service=lambda: pytest.fail("nobody is signed in"),
        place=SimpleNamespace(rests=lambda _agent: None),
        paces=Paces(watch_every=LONG),
        chance=lambda: chance,
    )
    running = asyncio.create_task(ear.run())
    await until(lambda: len(calls) == asked)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(calls) == asked
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_agent_whom_a_certificate_hid_is_looked_for_as_soon_as_others_are_trusted():
    answers = [Unreachable("a certificate"), True, True]
    calls: list[str] = []
    started = asyncio.Event()

    async def signed_in(agent: str) -> bool:
        calls.append(agent)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> None:
        started.set()

    async def close(*, graceful: bool) -> None:
        """Be over at once."""

    ear = Ear(
        Agent(id="1001", password="x", connect=Connect.WHILE_SIGNED_IN),
        make_link=lambda _ear: SimpleNamespace(run=run, close=close, trust_renewed=lambda: None),
        picture=lambda _agent: pytest.fail("no session is there"),
        signed_in=signed_in,
        service=lambda: pytest.fail("no session is there"),
        place=SimpleNamespace(rests=lambda _agent: None, wants=lambda _agent: None),
        paces=Paces(watch_every=LONG),
    )
    running = asyncio.create_task(ear.run())
    await until(lambda: ear.trouble is not None)
    ear.trust_renewed()
    await asyncio.wait_for(started.wait(), 20)
    ear.trust_renewed()  # who was seen is not looked for again
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(calls) == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_few_are_asked_about_at_once_so_that_requests_keep_connections(tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "MAX_PICTURES", 3)
    now, most, asked = 0, 0, set()

    async def signed_in(_self, agent: str) -> bool:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        asked.add(agent)
        return False

    monkeypatch.setattr(RestWire, "signed_in", signed_in)
    agents = crowd(30)
    held = [{"id": a.id, "password": a.password, "connect": "while_signed_in"} for a in agents]
    async with (
        simulated(agents=agents) as sim,
        Listener.open(settings(sim, tmp_path, agents=held), strict=False, paces=PACES),
    ):
        await until(lambda: len(asked) == len(agents))
    assert most == 3

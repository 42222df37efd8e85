"""`kill -9` of either process at each word of a hand-over: one outcome each, nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from collections import defaultdict

import pytest

from listener.errors import DaemonUnreachable
from listener.handover.asking import ask, socket_beside
from listener.handover.channel import Refused
from tests.shell.handing import Held
from tests.shell.households import DYING, Household, alive, household
from tests.shell.stage import A, answered_call, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}

SECOND = ["before hello", "before ready", "before mine", "after mine"]
FIRST = [
    "before welcome",
    "after welcome",
    "before state",
    "after state",
    "before all",
    "after all",
]
GOES_ON = {"before hello": "first", "before ready": "first", "before mine": "first"}
GOES_ON |= {"after all": "second"}


async def ask_for_it(home: Household, python: str, monkeypatch) -> str | None:
    """Ask for a hand-over to a program of ours; return what stood in the way."""
    monkeypatch.setattr(sys, "executable", python)
    try:
        await ask(socket_beside(home.socket), force=False, tell=lambda _words: None)
    except (Refused, DaemonUnreachable) as why:
        return str(why)
    finally:
        monkeypatch.undo()
    return None


def dying_python(folder, when: str) -> str:
    """Return a program that is Python, but for the death that it will die."""
    file = folder / "python"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} {DYING} {when} "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


async def at_work(simulator, home: Household) -> tuple[dict, dict, Held]:
    """Have a request that Finesse accepted and one that waits for it; no event is published."""
    dialog = await answered_call(simulator, None)
    held = Held(simulator)
    async with home.caller() as client:
        body = HOLD | {"dialogId": dialog, "deadline": 40}
        hold = (await client.post("/v1/requests", json=body)).json()
        body["requestedAction"] = "RETRIEVE"
        back = (await client.post("/v1/requests", json=body)).json()
        assert back["state"] == "queued"
        while (await client.get(f"/v1/requests/{hold['id']}")).json()["answered"] is None:
            pass
    return hold, back, held


async def outcomes(home: Household, *requests: dict) -> list[dict]:
    async with home.caller() as client:
        return [
            (await client.get(f"/v1/requests/{each['id']}", headers=WAIT)).json()["outcome"]
            for each in requests
        ]


async def told_outcomes(home: Household) -> dict[str, set[str]]:
    """Return each request's outcomes as readers were told, from the journal's first event on."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    async with home.caller() as client:
        info = (await client.get("/v1/info")).json()
        last, after = info["journal"]["lastSequence"], f"{info['epoch']}-0"
        async with client.stream("GET", f"/v1/events?after={after}", timeout=20) as answer:
            name = id_ = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    id_ = line.rpartition("-")[2]
                elif line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: ") and name == "request":
                    data = json.loads(line[6:])
                    if data["outcome"] is not None:
                        found[data["id"]].add(json.dumps(data["outcome"], sort_keys=True))
                if not line and int(id_ or 0) >= last:
                    return found
    return found


@pytest.mark.slow
@pytest.mark.parametrize("when", SECOND)
async def test_the_second_process_is_killed(tmp_path, when, monkeypatch):
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        first = await home.start()
        hold, back, held = await at_work(simulator, home)
        why = await ask_for_it(home, dying_python(tmp_path, when), monkeypatch)
        if when in GOES_ON:
            assert "has ended" in why
            assert first.returncode is None
            held.let_go()
            await finishes(home, hold, back)
            assert "handover.resumed" in home.log or when != "before mine"
        else:  # it had begun: what is in the journal is found by the next start
            assert await asyncio.wait_for(first.wait(), 100) == 0
            await home.start()
            held.let_go()
            await finishes(home, hold, back, after_a_crash=True)
        assert writes(simulator, "HOLD") == 1


@pytest.mark.slow
@pytest.mark.parametrize("when", FIRST)
async def test_the_first_process_is_killed(tmp_path, when, monkeypatch):
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        first = await home.start(str(DYING), *when.split())
        hold, back, held = await at_work(simulator, home)
        assert await ask_for_it(home, sys.executable, monkeypatch)
        await asyncio.wait_for(first.wait(), 100)
        if when in GOES_ON:
            await home.ready()
            held.let_go()
            await finishes(home, hold, back)
            home.hear()
            assert alive(home.pids[-1])
        else:  # the second one did not know all, and ends too
            await until(lambda: not home.socket_answers(), 30)
            await home.start()
            held.let_go()
            await finishes(home, hold, back, after_a_crash=True)
        assert writes(simulator, "HOLD") == 1


async def finishes(home: Household, hold: dict, back: dict, *, after_a_crash: bool = False) -> None:
    """Check that both requests end once, and how."""
    first, second = await outcomes(home, hold, back)
    if after_a_crash:
        assert first["kind"] in {"confirmed", "unconfirmed"}
        assert (second["kind"], second["reason"]) == ("rejected", "not_sent")
        assert writes(home.simulator, "RETRIEVE") == 0
    else:
        assert (first["kind"], second["kind"]) == ("confirmed", "confirmed")
        assert writes(home.simulator, "RETRIEVE") == 1
    told = await told_outcomes(home)
    assert [len(told[each["id"]]) for each in (hold, back)] == [1, 1]

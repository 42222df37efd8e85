# ruff: noqa: PLC0415 - the load process imports only what it drives
"""Submit to outcome over HTTP, beside the library, and with the journal beside without it.

Run `python -m tests.benchmarks.bench_http`. Simulator, daemon without a journal, daemon with one,
and load are processes; the library runs in the load's process, as it does in a program. Each of the
three listeners has agents of its own at the one simulator, so that the others rest while one is
measured. HOLD, RETRIEVE and UPDATE_CALL_DATA in turns, on an agent that has nothing open: the gate
never queues. Every request must end confirmed.

closed loop  20 in flight, each sent when one has ended: requests per second
open loop    at moments drawn beforehand (Poisson, as callers who do not know of each other); the
             latency is from the planned moment, so that a late start counts as well, and so does
             waiting for an agent when all 50 have something open

Rounds take turns; what is compared was measured side by side, and the figures are medians over the
rounds. `added_*` is HTTP without a journal less the library. `echo_*` is a process that answers the
same requests at once, over the same kind of socket: what HTTP cannot go below on this machine now.

The open loop runs at 200 requests per second, or at three tenths of what the slowest of the three
does in the closed loop if that is less: `rate` says at which. A request that comes alone costs two
or three times the CPU of one among twenty, for the processor's caches are cold then. `*_cpu_ms` is
the CPU time of one request of the closed loop in the listener's process (the library's holds the
load as well).
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.running import (
    Client,
    Running,
    Simulated,
    cpu_seconds,
    daemon,
    echo,
    settings_file,
    simulated,
)

AGENTS = 50
IN_FLIGHT = 20
RATE = 200.0  # requests per second in the open loop
LOADED = 0.3  # of what the slowest can do in the closed loop, at most
ROUNDS = 5
CLOSED, OPEN = 0.8, 2.0  # seconds of a round
LIBRARY, PLAIN, KEPT, ECHO = "library", "http", "journal", "echo"

Submit = Callable[[str, str, str, dict[str, str]], Awaitable[str]]


class Callers:
    """Agents with their calls, and what each asks for next."""

    def __init__(self, agents: list[str], dialogs: dict[str, str], submit: Submit) -> None:
        self._free: asyncio.Queue[tuple[str, str, int]] = asyncio.Queue()
        for agent in agents:
            self._free.put_nowait((agent, dialogs[agent], 0))
        self._submit = submit
        self._value = count()

    async def one(self) -> None:
        """Send the next request of the agent that rested longest, and check its outcome."""
        agent, dialog, turn = await self._free.get()
        action = ("HOLD", "UPDATE_CALL_DATA", "RETRIEVE", "UPDATE_CALL_DATA")[turn % 4]
        data = {"callVariable1": f"value {next(self._value)}"} if turn % 2 else {}
        kind = await self._submit(agent, dialog, action, data)
        if kind != "confirmed":
            raise SystemExit(f"{action} of {agent} ended {kind}")
        self._free.put_nowait((agent, dialog, turn + 1))


async def closed_loop(callers: Callers, seconds: float) -> float:
    """Keep so many in flight; return requests per second."""
    begin = time.perf_counter()
    done = 0

    async def again() -> None:
        nonlocal done
        while time.perf_counter() - begin < seconds:
            await callers.one()
            done += 1

    await asyncio.gather(*(again() for _ in range(IN_FLIGHT)))
    return done / (time.perf_counter() - begin)


async def open_loop(callers: Callers, rate: float, seconds: float, seed: int) -> list[float]:
    """Send at planned moments; return the milliseconds from each to its outcome, sorted."""
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    drawn = random.Random(seed)
    planned = loop.time() + 0.05
    end = planned + seconds

    async def timed(moment: float) -> None:
        await callers.one()
        taken.append((loop.time() - moment) * 1000)

    async with asyncio.TaskGroup() as tasks:
        while (planned := planned + drawn.expovariate(rate)) < end:
            if (wait := planned - loop.time()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(timed(planned))
    return sorted(taken)


def part(taken: list[float], share: float) -> float:
    """Return a percentile of sorted times."""
    return taken[min(len(taken) - 1, int(len(taken) * share))]


# --- the three ways ---


def over_http(client: Client) -> Submit:
    """Submit with one POST that waits."""

    async def submit(agent: str, dialog: str, action: str, data: dict[str, str]) -> str:
        body: dict[str, Any] = {"agent": agent, "requestedAction": action, "dialogId": dialog}
        if data:
            body["mediaProperties"] = {"callvariables": data}
        answer = await client.post("/v1/requests", body, "Prefer: wait=30\r\n")
        return answer["outcome"]["kind"]

    return submit


def in_library(listener: Any) -> Submit:
    """Submit in this process."""
    from listener.finesse.actions import Hold, Retrieve, UpdateCallData

    async def submit(agent: str, dialog: str, action: str, data: dict[str, str]) -> str:
        if data:
            request: Any = UpdateCallData(agent=agent, dialog_id=dialog, call_variables=data)
        else:
            request = (Hold if action == "HOLD" else Retrieve)(agent=agent, dialog_id=dialog)
        return (await listener.submit(request)).kind

    return submit


@dataclass
class World:
    """What is running, whose agents are whose, and the settings for the library."""

    agents: dict[str, list[str]]
    simulated: Simulated
    library: Path
    daemons: dict[str, Running]
    echo: Path


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    """Run the simulator, both daemons and the echo."""
    names = {
        name: [f"{first}{number:03}" for number in range(AGENTS)]
        for first, name in enumerate((LIBRARY, PLAIN, KEPT), 1)
    }
    with (
        simulated(folder, [each for group in names.values() for each in group]) as world,
        daemon(world, PLAIN, names[PLAIN], journal=False) as plain,
        daemon(world, KEPT, names[KEPT], journal=True) as kept,
        echo(folder) as echoing,
    ):
        nothing = '[api]\nsocket = ""\n[journal]\npath = ""\n'
        library = settings_file(world, LIBRARY, names[LIBRARY], nothing)
        yield World(names, world, library, {PLAIN: plain, KEPT: kept}, echoing)


class Load:
    """Drives all from this process, in turns. `burnt` tells the CPU time of a way's process."""

    def __init__(self, ways: dict[str, Callers], burnt: dict[str, Callable[[], float]]) -> None:
        self._ways = ways
        self._burnt = burnt
        self.rate = RATE
        self.cpu: dict[str, list[float]] = {name: [] for name in burnt}
        self.rates: dict[str, list[float]] = {name: [] for name in burnt}
        self.taken: dict[str, list[list[float]]] = {name: [] for name in ways}

    async def run(self) -> None:
        """Warm up, find the rate, then take turns."""
        for callers in self._ways.values():
            await closed_loop(callers, 0.5)
        slowest = min([await closed_loop(self._ways[name], 1.0) for name in self._burnt])
        self.rate = min(RATE, round(slowest * LOADED))
        # What this process has made so far (the library's sessions) is not looked through again.
        gc.collect()
        gc.freeze()
        for number in range(ROUNDS):
            step = 1 if number % 2 == 0 else -1
            for name in list(self._burnt)[::step]:
                await self._closed(name)
            for name in list(self._ways)[::step]:
                taken = await open_loop(self._ways[name], self.rate, OPEN, seed=number)
                self.taken[name].append(taken)

    async def _closed(self, name: str) -> None:
        before = self._burnt[name]()
        rate = await closed_loop(self._ways[name], CLOSED)
        self.rates[name].append(rate)
        self.cpu[name].append((self._burnt[name]() - before) / (rate * CLOSED) * 1000)

    def percentiles(self, name: str, share: float) -> list[float]:
        """Return a percentile of each round."""
        return [part(taken, share) for taken in self.taken[name]]


async def drive(world: World) -> Load:
    """Measure all."""
    from listener.assembly import Listener
    from listener.settings import load

    places = {name: running.socket for name, running in world.daemons.items()}
    clients = {name: Client(path) for name, path in (places | {ECHO: world.echo}).items()}
    gc.set_threshold(20_000, 20, 50)  # as the daemon has it: what differs is HTTP
    async with Listener.open(load(world.library, {})) as listener:
        submits = {LIBRARY: in_library(listener)}
        submits |= {name: over_http(client) for name, client in clients.items()}
        ways = {
            name: Callers(
                world.agents.get(name, world.agents[PLAIN]), world.simulated.dialogs, submit
            )
            for name, submit in submits.items()
        }
        burnt: dict[str, Callable[[], float]] = {LIBRARY: time.process_time}
        for name, running in world.daemons.items():
            burnt[name] = partial(cpu_seconds, running.process)
        driven = Load(ways, burnt)
        await driven.run()
    for client in clients.values():
        client.close()
    return driven


def main() -> dict[str, float]:
    """Measure; return requests per second, milliseconds, and what HTTP and the journal cost."""
    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        load = asyncio.run(drive(world))
    figures: dict[str, float] = {"rate": load.rate, "in_flight": IN_FLIGHT, "rounds": ROUNDS}
    for name in (LIBRARY, PLAIN, KEPT):
        figures[f"{name}_per_second"] = statistics.median(load.rates[name])
        figures[f"{name}_cpu_ms"] = statistics.median(load.cpu[name])
    for name in (LIBRARY, PLAIN, KEPT, ECHO):
        figures[f"{name}_p50_ms"] = statistics.median(load.percentiles(name, 0.5))
        figures[f"{name}_p99_ms"] = statistics.median(load.percentiles(name, 0.99))
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        figures[f"added_{label}_ms"] = _more(load, PLAIN, LIBRARY, share)
        figures[f"journal_added_{label}_ms"] = _more(load, KEPT, PLAIN, share)
    figures["journal_ratio"] = statistics.median(
        kept / plain for kept, plain in zip(load.rates[KEPT], load.rates[PLAIN], strict=True)
    )
    return {name: round(value, 3) for name, value in figures.items()}


def _more(load: Load, one: str, other: str, share: float) -> float:
    pairs = zip(load.percentiles(one, share), load.percentiles(other, share), strict=True)
    return statistics.median(a - b for a, b in pairs)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(), indent=1) + "\n")

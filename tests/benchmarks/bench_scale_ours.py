"""The measured process of `bench_scale` that runs the daemon: what many agents cost it.

    python -m tests.benchmarks.bench_scale_ours FOLDER '{"agents": 2000, ...}'

Reads where the other side is from the second argument, writes a line of JSON whenever it begins
something, and all figures in one at its end. The daemon is the real one, without API and journal;
only the loop's selector and the session's opening are watched. Half of all requests are answered by
tagged events, the others by untagged ones.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener import daemon, logs
from listener.operations import files
from listener.operations.allocator import settle
from listener.operations.collector import Collector
from listener.operations.turns import BoundedLoop
from listener.roster import BATCH
from listener.settings import Settings
from listener.xmpp.session import Session
from tests.benchmarks.bench_scale_events import events
from tests.benchmarks.bench_scale_side import DOMAIN, agents
from tests.benchmarks.bench_scale_watch import Pauses, TimedSelector, doing, holds, memory, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from listener.station import Station

LONGEST = 90.0  # seconds for all agents to be up
PROGRESS = 2.0  # seconds between two words about it


class Handshakes:
    """Counts how many sessions are being opened at once."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0
        original = Session.open

        async def opening(session: Session) -> None:
            self.now += 1
            self.begun += 1
            self.most = max(self.most, self.now)
            try:
                await original(session)
            finally:
                self.now -= 1

        Session.open = opening  # type: ignore[method-assign]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Station]:
    """Run the daemon inside this loop; yields when callers could come in."""
    there: asyncio.Future[Station] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(daemon.serve(settings, stop, started=there.set_result))
    await asyncio.wait((task, there), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield there.result()
    finally:
        stop.set()
        await task


def settings_for(folder: Path, wanted: dict[str, Any], ids: list[str]) -> Settings:
    """Return the settings of a daemon for these agents."""
    node = {
        "host": "127.0.0.1",
        "rest_port": wanted["rest_port"],
        "xmpp_port": wanted["tls_port"],
    }
    return Settings(
        finesse={"nodes": [node], "ca_file": folder / "ca.pem", "certificate_name": DOMAIN},
        agents=[{"id": id_, "password": "any"} for id_ in ids],
        requests={"gate": "off", "max_pending": 100_000},
        api={"socket": None, "listen": None},
        journal={"path": None},
        timings={"drain": 0},
    )


async def all_up(station: Station, count: int) -> bool:
    """Wait until that many sessions hear; False when they do not in time."""
    roster = station.listener.roster
    end = time.perf_counter() + LONGEST
    while not await holds(lambda: roster.up >= count, PROGRESS):
        doing(f"sign-on: {roster.up:,} of {count:,} are up")
        if time.perf_counter() > end:
            return False
    return True


async def sign_on(
    station: Station, settings: Settings, timed: TimedSelector, pauses: Pauses
) -> dict[str, Any]:
    """Bring all agents up at once; return what it took and what they weigh."""
    before = memory()
    await asyncio.sleep(0)
    timed.take()
    pauses.take()
    burnt = time.process_time()
    began = time.perf_counter()
    for number, agent in enumerate(settings.agents, 1):
        station.listener.roster.add(agent)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    count = len(settings.agents)
    whole = await all_up(station, count + 1)
    seconds = time.perf_counter() - began
    spent = time.process_time() - burnt
    lag, pause = timed.take(), pauses.take()
    await asyncio.sleep(2)
    after = memory()
    return {
        "up": station.listener.roster.up - 1,
        "all_up": whole,
        "seconds": seconds,
        "per_second": count / seconds,
        "cpu_ms_per_agent": 1e3 * spent / count,
        **lag.told("sign_on"),
        "sign_on_longest_collection_ms": 1e3 * pause,
        "rss_per_agent": (after["rss"] - before["rss"]) / count,
        "pss_per_agent": (after["pss"] - before["pss"]) / count,
        "tasks_per_agent": (len(asyncio.all_tasks()) - 10) / count,
        "objects_per_agent": len(gc.get_objects()) / count,
    }


async def restart(
    station: Station, count: int, timed: TimedSelector, handshakes: Handshakes
) -> dict[str, Any]:
    """Let the server be restarted by who reads our output; return how all came back."""
    handshakes.most = handshakes.begun = 0
    await asyncio.sleep(0)  # what was measured before belongs to the turn before
    timed.take()
    burnt = time.process_time()
    say({"wants": "restart"})
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    whole = await all_up(station, count + 1)
    return {
        "restart_all_up": whole,
        "restart_seconds": time.perf_counter() - began,
        "restart_most_handshakes": handshakes.most,
        "restart_handshakes": handshakes.begun,
        **timed.take().told("restart"),
        "restart_cpu_ms_per_agent": 1e3 * (time.process_time() - burnt) / count,
    }


async def measure(
    folder: Path, wanted: dict[str, Any], timed: TimedSelector, collector: Collector
) -> dict[str, Any]:
    """Do what is wanted with that many agents; return all figures."""
    handshakes, pauses = Handshakes(), Pauses()
    ids = agents(wanted["agents"])
    first = settings_for(folder, wanted, ["999"])
    async with running(first) as station:
        assert await all_up(station, 1)
        settings = settings_for(folder, wanted, ids)
        figures = await sign_on(station, settings, timed, pauses)
        figures["most_handshakes"] = handshakes.most
        if wanted.get("seconds"):
            figures |= await events(station, wanted, ids, timed, pauses)
        if wanted.get("restart"):
            doing("restart of the server")
            figures |= await restart(station, len(ids), timed, handshakes)
        doing("end")
        figures["set_aside_in_vain"] = collector.look_at_all()
        await asyncio.sleep(0)  # as above
        timed.take()
        ending = time.perf_counter()
    figures["end_seconds"] = time.perf_counter() - ending
    figures |= timed.take().told("end")
    figures["tasks_left"] = len(asyncio.all_tasks()) - 2  # this one and the collector's
    return figures


async def looked_after(collector: Collector, measured: Coroutine[None, None, Any]) -> Any:
    """Run what is measured beside the collector's own task, as the daemon does."""
    looking = asyncio.create_task(collector.run())
    try:
        return await measured
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def main(folder: Path, wanted: dict[str, Any]) -> None:
    """Measure in a loop of our own."""
    files.raise_limit()
    settle(os.environ)
    timed = TimedSelector()
    with (  # as `daemon.run`
        (folder / "listener.log").open("w") as log,
        Collector() as collector,
        asyncio.Runner(loop_factory=lambda: BoundedLoop(timed)) as runner,
    ):
        logs.configure(form="json", stream=log)
        say(runner.run(looked_after(collector, measure(folder, wanted, timed, collector))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

"""The measured process of `bench_scale` that runs the daemon: what many agents cost it.

    python -m tests.benchmarks.bench_scale_ours FOLDER '{"agents": 2000, ...}'

Reads where the other side is from the second argument, and writes one line of JSON at its end. The
daemon is the real one, without API and journal; only the loop's selector and the session's opening
are watched. Half of all requests are answered by tagged events, the others by untagged ones.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener import daemon, logs
from listener.operations import files
from listener.operations.collector import Collector
from listener.operations.turns import BoundedLoop
from listener.roster import BATCH
from listener.settings import Settings
from listener.xmpp.session import Session
from tests.benchmarks.bench_scale_side import (
    DOMAIN,
    agents,
    ask,
    dialog_of,
    request_id,
    state_after,
)
from tests.benchmarks.bench_scale_watch import TimedSelector, holds, memory, percentile, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from listener.station import Station

IDLE = 5.0  # seconds for which an idle process is watched
LONGEST = 120.0  # seconds for all agents to be up
BEHIND = 20.0  # seconds for what the server has not passed on yet


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
    return await holds(lambda: station.listener.roster.up >= count, LONGEST)


class Load:
    """Keeps one request open per agent, each settled by an event, and notes how long that took."""

    def __init__(self, station: Station, ids: list[str], timed: TimedSelector) -> None:
        from listener.finesse.actions.calls import Hold, Retrieve  # noqa: PLC0415 - costs nothing

        self._kinds = {"HELD": Hold, "ACTIVE": Retrieve}
        self._service = station.listener.service
        self._timed = timed
        self._next = dict.fromkeys(ids, 0)
        self.latencies: list[float] = []
        self.busy: list[float] = []  # the same, in the loop's own processor time
        self.together: list[float] = []  # sockets that were ready at once with the event's
        self.other = 0
        self._over = False
        self._service.on_settled(self._settled)

    def begin(self) -> None:
        """Open a request for each agent."""
        for agent in self._next:
            self._open(agent)

    def _open(self, agent: str) -> None:
        from listener.terms import Wishes  # noqa: PLC0415 - as above

        number = self._next[agent] = self._next[agent] + 1
        request = self._kinds[state_after(number)](
            agent=agent, dialog_id=dialog_of(agent), target_media_address=agent
        )
        wishes = Wishes(request_id=request_id(agent, number), deadline=LONGEST)
        self._service.expect(request, wishes).answered(202)

    def _settled(self, record: Any) -> None:
        if self._over or record.outcome is None:
            return
        if record.outcome.kind == "confirmed":
            self.latencies.append(time.perf_counter() - self._timed.came)
            self.busy.append(time.thread_time() - self._timed.came_busy)
            self.together.append(self._timed.together)
        else:
            self.other += 1
        # At once: the agent's next event may be behind this one in the same bytes.
        self._open(record.request.agent)

    def end(self) -> None:
        """Open no more."""
        self._over = True


async def sign_on(station: Station, settings: Settings, timed: TimedSelector) -> dict[str, Any]:
    """Bring all agents up at once; return what it took and what they weigh."""
    before = memory()
    await asyncio.sleep(0)
    timed.take()
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
    lag = timed.take()
    await asyncio.sleep(2)
    after = memory()
    return {
        "up": station.listener.roster.up - 1,
        "all_up": whole,
        "seconds": seconds,
        "per_second": count / seconds,
        "cpu_ms_per_agent": 1e3 * spent / count,
        **lag.told("sign_on"),
        "rss_per_agent": (after["rss"] - before["rss"]) / count,
        "pss_per_agent": (after["pss"] - before["pss"]) / count,
        "tasks_per_agent": (len(asyncio.all_tasks()) - 10) / count,
        "objects_per_agent": len(gc.get_objects()) / count,
    }


async def events(
    station: Station, wanted: dict[str, Any], ids: list[str], timed: TimedSelector
) -> dict[str, Any]:
    """Have events published to all agents in turns; return what each cost."""
    burnt, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(wanted.get("idle", IDLE))
    idle = (time.process_time() - burnt) / (time.perf_counter() - began)
    load = Load(station, ids, timed)
    load.begin()
    await asyncio.sleep(0.5)
    tally = station.listener.service.tally

    def heard() -> int:
        return sum(tally.events.values())

    before = heard()
    timed.take()
    burnt, began = time.process_time(), time.perf_counter()
    told = await asyncio.to_thread(
        ask,
        wanted["control_port"],
        {"do": "publish", "to": ids, "rate": wanted["rate"], "seconds": wanted["seconds"]},
    )
    told_at = time.perf_counter()
    await holds(lambda: heard() - before >= told["published"], BEHIND)
    behind = time.perf_counter() - told_at
    spent, seconds = time.process_time() - burnt, time.perf_counter() - began
    load.end()
    count = told["published"]
    return {
        "published": count,
        "publisher_late_ms": 1e3 * told["late"],
        "heard": heard() - before,
        "server_behind_ms": 1e3 * behind,
        "settled": len(load.latencies),
        "not_confirmed": load.other,
        "p50_ms": 1e3 * percentile(load.latencies, 0.5),
        "p99_ms": 1e3 * percentile(load.latencies, 0.99),
        "p50_busy_ms": 1e3 * percentile(load.busy, 0.5),
        "p99_busy_ms": 1e3 * percentile(load.busy, 0.99),
        "together_p50": percentile(load.together, 0.5),
        "together_p99": percentile(load.together, 0.99),
        "delivered_per_second": count / seconds,
        "most_ms": 1e3 * max(load.latencies, default=float("nan")),
        "cpu_us_per_event": 1e6 * (spent - idle * seconds) / count,
        "cpu_us_per_event_with_pings": 1e6 * spent / count,
        "idle_cpu_percent": 100 * idle,
        **timed.take().told("events"),
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
    handshakes = Handshakes()
    ids = agents(wanted["agents"])
    first = settings_for(folder, wanted, ["999"])
    async with running(first) as station:
        assert await all_up(station, 1)
        settings = settings_for(folder, wanted, ids)
        figures = await sign_on(station, settings, timed)
        figures["most_handshakes"] = handshakes.most
        if wanted.get("seconds"):
            figures |= await events(station, wanted, ids, timed)
        if wanted.get("restart"):
            figures |= await restart(station, len(ids), timed, handshakes)
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

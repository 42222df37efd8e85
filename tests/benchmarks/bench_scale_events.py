"""What events cost the daemon that `bench_scale_ours` runs: from a socket to a settled outcome.

Each event settles a request that is open for its agent. When its bytes came is not to be seen from
inside; what is taken for it is the earliest moment at which they can have come: the loop's last
look at its sockets, if this look found them at once. So whatever waits in a turn of the loop, for
other sockets or for the processor, is in the latency. What prosody and the way to it took is not:
`way` is from the publisher's write on, and has both. Who asks next does so inside of the outcome
before, and what that takes is in the latency of the events behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from listener.errors import NotListening
from listener.finesse.actions.calls import Hold, Retrieve
from listener.terms import Wishes
from tests.benchmarks.bench_scale_side import ask, cpu_seconds, dialog_of, request_id, state_after
from tests.benchmarks.bench_scale_watch import (
    Pauses,
    TimedSelector,
    doing,
    holds,
    percentile,
    waited,
)

if TYPE_CHECKING:
    from listener.station import Station

IDLE = 5.0  # seconds for which an idle process is watched
BEHIND = 20.0  # seconds for what the server has not passed on yet
DEADLINE = 120.0  # seconds for a request, which is longer than all of this
KINDS = {"HELD": Hold, "ACTIVE": Retrieve}


class Load:
    """Keeps one request open per agent, each settled by an event, and notes how long that took."""

    def __init__(self, station: Station, ids: list[str], timed: TimedSelector) -> None:
        self._service = station.listener.service
        self._timed = timed
        self._next = dict.fromkeys(ids, 0)
        self.latencies: list[float] = []
        self.busy: list[float] = []  # the same, in the loop's own processor time
        self.together: list[float] = []  # sockets that were ready at once with the event's
        self.at: dict[tuple[str, int], float] = {}  # when an agent's event had its outcome
        self.asking = 0.0  # seconds of processor time that opening requests took
        self.other = 0
        self.unheard: set[str] = set()  # agents whose sessions were lost meanwhile
        self._over = False
        self._service.on_settled(self._settled)

    def begin(self) -> None:
        """Open a request for each agent."""
        for agent in self._next:
            self._open(agent)
        self.asking = 0.0

    def _open(self, agent: str) -> None:
        burnt = time.thread_time()
        number = self._next[agent] = self._next[agent] + 1
        request = KINDS[state_after(number)](
            agent=agent, dialog_id=dialog_of(agent), target_media_address=agent
        )
        wishes = Wishes(request_id=request_id(agent, number), deadline=DEADLINE)
        try:
            self._service.expect(request, wishes).answered(202)
        except NotListening:
            self.unheard.add(agent)  # its events settle nothing any more
        self.asking += time.thread_time() - burnt

    def _settled(self, record: Any) -> None:
        if self._over or record.outcome is None:
            return
        agent = record.request.agent
        if record.outcome.kind == "confirmed":
            now = time.perf_counter()
            self.latencies.append(now - self._timed.came)
            self.busy.append(time.thread_time() - self._timed.came_busy)
            self.together.append(self._timed.together)
            self.at[agent, self._next[agent]] = now
        else:
            self.other += 1
        # At once: the agent's next event may be behind this one in the same bytes.
        self._open(agent)

    def end(self) -> None:
        """Open no more."""
        self._over = True

    def way(self, ids: list[str], sent: list[float]) -> list[float]:
        """Return how long each event took from the publisher's write to its outcome."""
        numbers: Counter[str] = Counter()
        found = []
        for place, moment in enumerate(sent):  # one clock for all processes of the machine
            agent = ids[place % len(ids)]
            numbers[agent] += 1
            if (at := self.at.get((agent, numbers[agent]))) is not None:
                found.append(at - moment)
        return found

    def told(self, ids: list[str], sent: list[float]) -> dict[str, Any]:
        """Return all of it, in milliseconds."""
        figures: dict[str, Any] = {
            "settled": len(self.latencies),
            "not_confirmed": self.other,
            "sessions_lost": len(self.unheard),
        }
        for name, values in (
            ("", self.latencies),
            ("busy_", self.busy),
            ("way_", self.way(ids, sent)),
        ):
            figures[f"p50_{name}ms"] = 1e3 * percentile(values, 0.5)
            figures[f"p99_{name}ms"] = 1e3 * percentile(values, 0.99)
        return figures | {
            "most_ms": 1e3 * max(self.latencies, default=float("nan")),
            "together_p50": percentile(self.together, 0.5),
            "together_p99": percentile(self.together, 0.99),
        }


async def idling(seconds: float) -> float:
    """Return which part of a processor the process needs when nothing happens but pings."""
    burnt, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    return (time.process_time() - burnt) / (time.perf_counter() - began)


async def events(
    station: Station, wanted: dict[str, Any], ids: list[str], timed: TimedSelector, pauses: Pauses
) -> dict[str, Any]:
    """Have events published to all agents that are up, in turns; return what each cost."""
    doing("idle")
    idle = await idling(wanted.get("idle", IDLE))
    picture = station.listener.service.correlator.picture
    ids = [agent for agent in ids if picture(agent).live]
    load = Load(station, ids, timed)
    load.begin()
    await asyncio.sleep(0.5)
    tally = station.listener.service.tally

    def heard() -> int:
        return sum(tally.events.values())

    doing("events")
    before = heard()
    timed.take()
    pauses.take()
    delayed, server = waited(), cpu_seconds(wanted["server_pid"])
    burnt, began = time.process_time(), time.perf_counter()
    order = {"do": "publish", "to": ids, "rate": wanted["rate"], "seconds": wanted["seconds"]}
    told = await asyncio.to_thread(ask, wanted["control_port"], order)
    told_at = time.perf_counter()
    await holds(lambda: heard() - before >= told["published"], BEHIND)
    behind = time.perf_counter() - told_at
    spent, seconds = time.process_time() - burnt, time.perf_counter() - began
    delayed, server = waited() - delayed, cpu_seconds(wanted["server_pid"]) - server
    load.end()
    count = told["published"]
    return {
        "published": count,
        "publisher_late_ms": 1e3 * told["late"],
        "heard": heard() - before,
        "server_behind_ms": 1e3 * behind,
        **load.told(ids, told["sent"]),
        "delivered_per_second": count / seconds,
        "cpu_us_per_event": 1e6 * (spent - idle * seconds) / count,
        "cpu_us_per_event_asking": 1e6 * load.asking / count,
        "cpu_us_per_event_with_pings": 1e6 * spent / count,
        "server_cpu_us_per_event": 1e6 * server / count,
        "server_cpu_percent": 100 * server / seconds,
        "idle_cpu_percent": 100 * idle,
        "waited_percent": 100 * delayed / seconds,
        "events_longest_collection_ms": 1e3 * pauses.take(),
        **timed.take().told("events"),
    }

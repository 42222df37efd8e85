"""Many agents whose links are all cut at once, again and again: who is back when, at what cost.

Reads when sessions were live, by the daemon's own word, and what the process took. A return is held
against the timers that are set and what the first sign-on took on this machine in this run. Judges
no request.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from listener.standing import Polling
from listener.xmpp.policy import Backoff
from tests.chaos.program import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import httpx

    from tests.chaos.program import Program

BACK_WITHIN = 30.0
"""Seconds in which a thousand agents are back, on a machine that does nothing else."""
SLOWER = 6
"""How many times slower than at its start a machine may be that has other things to do."""
MOST_LAG = 0.1
"""Seconds by which the daemon's own work may hold up its loop."""
TICK = 1.0 / os.sysconf("SC_CLK_TCK")


class Return(NamedTuple):
    """How all came back from one cut: seconds of each, least first; `missing` never did."""

    at: float
    took: tuple[float, ...]
    missing: tuple[str, ...]

    def share(self, part: float) -> float:
        """Return the seconds in which that part of them was back."""
        return self.took[min(len(self.took) - 1, int(part * len(self.took)))] if self.took else 0.0


def return_from(
    cut: float, agents: Iterable[str], live: Mapping[str, Sequence[Sequence[float]]]
) -> Return:
    """Return when each agent's session heard again: the first that began after the cut."""
    took, missing = [], []
    for agent in agents:
        begun = [row[0] for row in live.get(agent, ()) if row[0] >= cut]
        if begun:
            took.append(min(begun) - cut)
        else:
            missing.append(agent)
    return Return(cut, tuple(sorted(took)), tuple(missing))


def timers(agents: int) -> float:
    """Return the longest that agents wait by the timers that are set, for a server that is there.

    The first back-off, one question for SystemInfo, and the spreading of those whom it wakes.
    """
    backoff, polling = Backoff(), Polling()
    return backoff.base + polling.every + min(polling.spread, agents / polling.rate)


@dataclass(slots=True)
class Crowd:
    """What is measured of a run. `signed_on`: seconds from the start until all sessions heard.

    `within`: seconds in which all must be back; None for what the timers and this machine make it.
    `begun` and `ended`: the clock, the daemon's processor time and its memory in kB.
    """

    agents: tuple[str, ...]
    signed_on: float
    within: float | None = None
    begun: tuple[float, float, int] = (0.0, 0.0, 0)
    ended: tuple[float, float, int] = (0.0, 0.0, 0)
    returns: list[Return] = field(default_factory=list)
    lag: float = 0.0
    own_lag: float = 0.0

    @property
    def bound(self) -> float:
        """Return the seconds in which all have to be back."""
        if self.within is not None:
            return self.within
        return timers(len(self.agents)) + SLOWER * self.signed_on

    def take(
        self, cuts: Iterable[float], live: Mapping[str, Sequence[Sequence[float]]]
    ) -> Iterator[str]:
        """Take in the cuts of a story; yield what took too long."""
        for cut in cuts:
            found = return_from(cut, self.agents, live)
            self.returns.append(found)
            if found.missing:
                yield f"{len(found.missing)} were not back, {found.missing[:5]} among them"
            if found.took and found.took[-1] > self.bound:
                yield f"all were back after {found.took[-1]:.1f} s, not {self.bound:.1f} s"

    def measure(self, program: Program) -> None:
        """Read what the daemon has taken until now."""
        now = spent(program.pid)
        if now is not None:
            self.begun, self.ended = self.begun if self.begun[0] else now, now
        self.lag, self.own_lag = program.lag, program.own_lag

    def held_up(self) -> Iterator[str]:
        """Yield by how much the daemon's own work held up its loop, where that is too much."""
        if self.own_lag > MOST_LAG:
            yield f"its own work held up the daemon's loop for {self.own_lag:.3f} s"

    def text(self, events: int) -> str:
        """Return all of it; `events` were read in that time."""
        return "\n".join((self._what(events), self._cost(events), self._lags(), self._back()))

    def _what(self, events: int) -> str:
        signed_on = f"{len(self.agents)} agents, signed on in {self.signed_on:.1f} s"
        read = f"{events / self._seconds:.1f} events/s read"
        return f"{signed_on}; {read}; {len(self.returns)} cuts of all links"

    def _cost(self, events: int) -> str:
        busy = self.ended[1] - self.begun[1]
        share = f"daemon: {100 * busy / self._seconds:.1f} % of a core"
        each = f"{1000 * busy / max(1, events):.2f} ms an event, pings and returns with it"
        kilobytes = (each[2] / max(1, len(self.agents)) for each in (self.begun, self.ended))
        memory = "{:.0f} kB for each agent at the beginning, {:.0f} at the end".format(*kilobytes)
        return f"{share}, {each}; {memory}"

    def _lags(self) -> str:
        own = f"{self.own_lag:.3f} s by its own work (bound {MOST_LAG:g} s)"
        return f"lag of the daemon's loop: {self.lag:.3f} s at worst, {own}"

    def _back(self) -> str:
        there = [each for each in self.returns if each.took]
        if not there:
            return "back: nobody was away"
        half = statistics.median(each.share(0.5) for each in there)
        whole = statistics.median(each.took[-1] for each in there)
        worst, waits = max(each.took[-1] for each in there), timers(len(self.agents))
        ratio = f"{worst / waits:.2f} of the timers ({waits:.1f} s)"
        return (
            f"back: half of the agents after {half:.2f} s, all after {whole:.2f} s, at worst"
            f" {worst:.2f} s, that is {ratio}; bound {self.bound:.1f} s"
        )

    @property
    def _seconds(self) -> float:
        return max(0.001, self.ended[0] - self.begun[0])


def spent(pid: int | None) -> tuple[float, float, int] | None:
    """Return the clock, a process's processor time in seconds and its memory in kB, if it lives."""
    with suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        whole = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        own = next(line.split()[1] for line in whole.splitlines() if line.startswith("Anonymous:"))
        return time.monotonic(), TICK * (int(words[11]) + int(words[12])), int(own)
    return None


async def all_up(program: Program, agents: int, within: float) -> None:
    """Wait until the sessions of so many agents hear; raises TimeoutError."""
    async with program.client() as client, asyncio.timeout(within):
        while True:
            if sum(await _live(client)) >= agents:
                return
            await asyncio.sleep(max(0.05, agents / 1000))


async def settled(program: Program, within: float) -> int:
    """Return how many agents have a session that hears, once all have or that time is over."""
    live: list[bool] = []
    with suppress(TimeoutError, *DEAD):
        async with program.client() as client, asyncio.timeout(within):
            while True:
                live = await _live(client)
                if all(live):
                    break
                await asyncio.sleep(0.5)
    return sum(live)


async def _live(client: httpx.AsyncClient) -> list[bool]:
    return [each["live"] for each in (await client.get("/v1/agents")).json()["agents"]]

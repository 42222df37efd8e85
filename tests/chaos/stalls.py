"""When a loop was late, and by how much: the only excuse of a machine that is too slow.

Knows times alone. An excuse needs a hold-up that was measured while the request was open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

LOOK = 0.05  # seconds between two looks at the loop
LATE = 0.1  # seconds: what is less is no hold-up
LONG = 0.4  # seconds: behind such a hold-up a story waits
CALM = 0.5  # seconds without one until it goes on
PATIENCE = 10.0  # seconds for which it waits at a time


class Stall(NamedTuple):
    """A hold-up of `lag` seconds at some time between `begin` and `end`."""

    begin: float
    end: float
    lag: float


class Stalls(list[Stall]):
    """The hold-ups of a loop, oldest first."""

    def note(self, begin: float, end: float, lag: float) -> None:
        """Take in one that is worth it."""
        if lag >= LATE:
            self.append(Stall(begin, end, lag))

    @property
    def worst(self) -> float:
        """The longest, in seconds."""
        return max((stall.lag for stall in self), default=0.0)

    def since(self, begin: float) -> list[Stall]:
        """Return those that were not over at a time."""
        return [stall for stall in self if stall.end >= begin]

    async def run(self) -> None:
        """Measure this loop until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LOOK)
            now = loop.time()
            self.note(before, now, now - before - LOOK)


def lag_between(stalls: Iterable[Stall], begin: float, end: float) -> float:
    """Return the worst lag that was measured between two times, in seconds; 0 for none."""
    return max((s.lag for s in stalls if s.begin <= end and s.end >= begin), default=0.0)


async def calm(*loops: Stalls) -> None:
    """Wait until none of the loops was held up for long a moment ago; not for ever."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while loop.time() < until:
        ends = [one[-1].end for one in loops if one and one[-1].lag >= LONG]
        left = max(ends, default=0.0) + CALM - loop.time()
        if left <= 0:
            return
        await asyncio.sleep(left)

"""The room that Python keeps: memory that its busiest moment needed, and that is free by now.

Python's small pieces lie in pools of 16 kB, the pools in arenas of a megabyte. A pool that is free
is used before one that never was; but its pages stay with the process for as long as any piece is
in the same arena, thus for good. So what the system says of a process rises whenever a moment needs
more pools than each one before it, ever less often and without an end in sight, though as many are
in use at all other times: by a megabyte in an hour's soak, and by half of that its slope is as
steep as that of a leak. Pools in use rise with a leak, and with pieces that lie ever more apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tests.chaos.trend import Points

MINUTE = 60.0


class Pools(NamedTuple):
    """What Python has in kB: `pooled` in pools in use, at most `most` since the time before.

    `arenas`: what all pools take, those too that no moment has needed yet and no page stands for.
    """

    at: float
    pooled: int
    most: int
    arenas: int
    pid: int


class Room:
    """Says how much room one process keeps; `rows` are of that process, in their order."""

    def __init__(self, rows: Sequence[Pools]) -> None:
        self._rows = rows
        self._times = [row.at for row in rows]
        self._free: list[int] = []
        needed = 0
        for row in rows:
            needed = min(max(needed, row.most), row.arenas)  # an arena that was free has gone back
            self._free.append(needed - row.pooled)

    def at(self, when: float) -> int:
        """Return how many kB had been needed, and were free at that time; 0 where it is unknown."""
        known = bisect_right(self._times, when)
        return self._free[known - 1] if known else 0

    def busiest(self, since: float) -> Points:
        """Return for each minute since then the time when most was needed, and how many MB."""
        minutes: dict[int, Pools] = {}
        for row in self._rows:
            minute = int((row.at - since) // MINUTE)
            if minute >= 0:
                minutes[minute] = max(minutes.get(minute, row), row, key=lambda each: each.most)
        return [(row.at, row.most / 1024) for row in minutes.values()]

"""What the daemon's memory does over time: a slope that a few odd samples do not move.

Knows numbers alone.
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import NamedTuple

WARM = 0.4
"""The part of a process's life that is left out: caches, tombstones and journal pages fill up."""
MOST = 400
LONG_ENOUGH = 20 * 60.0
"""Seconds after warm-up below which one megabyte an hour cannot be told from chance."""


class Slope(NamedTuple):
    """`rss` and `pss` in MB an hour over `seconds`; `last` is the PSS at the end, in MB."""

    rss: float
    pss: float
    seconds: float
    first: float
    last: float

    def __str__(self) -> str:
        words = (
            f"after warm-up {self.seconds / 60:.0f} minutes: PSS {self.first:.1f} to"
            f" {self.last:.1f} MB, slope {self.pss:+.2f} MB/h (RSS {self.rss:+.2f} MB/h, Theil-Sen)"
        )
        if self.seconds < LONG_ENOUGH:
            words += "; too short to say anything about 1 MB/h"
        return words


def theil_sen(points: list[tuple[float, float]]) -> float:
    """Return the median of the slopes of all pairs, in units a second."""
    step = max(1, len(points) // MOST)
    thin = points[::step]
    slopes = [
        (b[1] - a[1]) / (b[0] - a[0])
        for index, a in enumerate(thin)
        for b in thin[index + 1 :]
        if b[0] > a[0]
    ]
    return statistics.median(slopes) if slopes else 0.0


def slope(rows: list[tuple[float, int, int, int]]) -> Slope | None:
    """Return the slope of the process that lived longest; None when there are no samples.

    `rows` are (time in seconds, RSS and PSS in kB, process).
    """
    if not rows:
        return None
    longest = Counter(row[3] for row in rows).most_common(1)[0][0]
    mine = [row for row in rows if row[3] == longest]
    warm = mine[int(len(mine) * WARM) :]
    hour = 3600 / 1024
    return Slope(
        hour * theil_sen([(at, float(rss)) for at, rss, _, _ in warm]),
        hour * theil_sen([(at, float(pss)) for at, _, pss, _ in warm]),
        warm[-1][0] - warm[0][0],
        warm[0][2] / 1024,
        warm[-1][2] / 1024,
    )

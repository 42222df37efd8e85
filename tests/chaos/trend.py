"""Slopes that a few odd points do not move, and what range each may be in by chance alone."""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

SURE = 1.645
"""Standard deviations: a slope is below its range in one of twenty runs by chance alone."""
MOST = 400

Points = list[tuple[float, float]]
"""Times in seconds, and what there was then."""


class Range(NamedTuple):
    """A slope, and the least and the most that it may be for all that chance may do."""

    at: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.at:+.2f} MB/h ({self.least:+.2f} to {self.most:+.2f})"


def theil_sen(points: Points) -> float:
    """Return the median of the slopes of all pairs, in units a second."""
    step = max(1, len(points) // MOST)
    slopes = _slopes(points[::step])
    return statistics.median(slopes) if slopes else 0.0


def ranged(*apart: Points) -> Range:
    """Return the slope an hour, and its range by Sen (1968): slopes of pairs, by Kendall's rank.

    `apart`: what is compared only among itself, as seasons are (Hirsch, Slack and Smith 1982).
    """
    slopes = sorted(3600 * each for points in apart for each in _slopes(points))
    if not slopes:
        return Range(0.0, 0.0, 0.0)
    chance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in map(len, apart))
    many, beside = len(slopes), SURE * math.sqrt(chance)
    least, most = int((many - beside) / 2), math.ceil((many + beside) / 2)
    return Range(statistics.median(slopes), slopes[max(0, least)], slopes[min(many - 1, most)])


def _slopes(points: Points) -> list[float]:
    return [
        (b[1] - a[1]) / (b[0] - a[0])
        for index, a in enumerate(points)
        for b in points[index + 1 :]
        if b[0] > a[0]
    ]

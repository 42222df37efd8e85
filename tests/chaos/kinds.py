"""Which kinds of objects there are more of at the end of a run: where a find about memory begins.

It judges nothing (`memory` does): what is full late, and what happens to be open, is among them.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from tests.chaos.memory import WARM_UP, Count

MOST = 12
"""Kinds that are told, those first of which there are most more."""


def grown_kinds(
    counts: Sequence[Count], kinds: Sequence[Counter[str]], warm_up: float = WARM_UP
) -> list[str]:
    """Return the kinds that grew: the last third of the counts behind warm-up against the first.

    Of the process that was counted most often; `kinds` are those of the counts. Medians are
    compared; nothing is told of fewer than three counts.
    """
    if not counts:
        return []
    pid = Counter(each.pid for each in counts).most_common(1)[0][0]
    mine = [row for row in zip(counts, kinds, strict=True) if row[0].pid == pid]
    rows = [of for each, of in mine if each.at >= mine[0][0].at + warm_up]
    if not (third := len(rows) // 3):
        return []

    def median(name: str, among: list[Counter[str]]) -> float:
        return statistics.median(each[name] for each in among)

    more = {
        name: median(name, rows[-third:]) - median(name, rows[:third])
        for name in set().union(*rows)
    }
    most = sorted((row for row in more.items() if row[1] >= 1), key=lambda row: (-row[1], row[0]))
    return [f"{name} {number:+.0f}" for name, number in most[:MOST]]

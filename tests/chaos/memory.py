"""What the daemon's memory does over time: slopes that a few odd samples do not move.

Two measures that know nothing of each other: what the system says that the process has, every two
seconds; and how many objects, tasks, threads and files it has between two stories, when nothing is
open, after a look at all of them by Python's collector (`inside.py`). Judges both after warm-up.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

WARM_UP = 15 * 60.0
"""Seconds of a process's life that are left out. What is kept for a time (tombstones: three minutes
here) and what is kept by number (200 of each in a soak) is full by then, the journal's pages are in
its cache, and the allocator has seen the busiest minute a few times."""
LONG_ENOUGH = 25 * 60.0
"""Seconds after warm-up below which one megabyte an hour cannot be told from chance."""
MOST_MEGABYTES = 1.0
"""An hour: of what is the process's own ("Anonymous"). RSS and PSS are told, too; they also have
what it shares with other processes, which come and go."""
MOST_OBJECTS = 12_000
"""An hour, of those in use: a megabyte of small ones."""
MOST_IDLE = 4
"""Tasks, threads or files by which the last third of a run may have more than the first."""
MOST = 400
COUNTED_WITHIN = 20.0


class Sample(NamedTuple):
    """What a process has, in kB, as the system says."""

    at: float
    rss: int
    pss: int
    own: int
    pid: int


class Count(NamedTuple):
    """What is in a process while nothing is open; `garbage` was only kept by cycles."""

    at: float
    objects: int
    garbage: int
    tasks: int
    threads: int
    files: int
    pid: int


class Memory:
    """Samples and counts of all processes; `folder` is where `inside` is asked and tells."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Sample] = []
        self.counts: list[Count] = []
        self.ends = 0
        """How many processes came to an end of their own, all tasks counted."""
        self.left: list[str] = []
        """The tasks that those had left over."""
        self.more: list[str] = []
        """What each count had more or less of than the one before it."""
        self._folder = folder
        self._read = 0

    def sample(self, pid: int) -> None:
        """Take one, if that process is there."""
        with suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            found = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
            kilobytes = (int(found[name]) for name in ("Rss", "Pss", "Anonymous"))
            self.rows.append(Sample(time.monotonic(), *kilobytes, pid))

    async def count(self) -> None:
        """Have what is in the daemon counted; leaves it at that if it does not answer."""
        had = len(self.counts)
        (self._folder / "look").touch()
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNTED_WITHIN):
                while len(self.counts) == had:
                    await asyncio.sleep(0.05)
                    self.read()

    def read(self) -> None:
        """Take in what was told since the last time."""
        with suppress(OSError):
            whole = (self._folder / "inside.jsonl").read_text(encoding="utf-8")
            lines = whole[: whole.rfind("\n") + 1].splitlines()
            for line in lines[self._read :]:
                self._take(json.loads(line))
            self._read = len(lines)

    def _take(self, told: dict[str, Any]) -> None:
        if "left" in told:
            self.ends += 1
            self.left += told["left"]
        else:
            self.counts.append(Count(*(told[name] for name in Count._fields)))
            rows = [f"{name} {n:+d}" for name, n in told["more"].items()]
            self.more.append(f"{told['objects']} objects: " + ", ".join(rows[:12]))


class Slope(NamedTuple):
    """Slopes over `seconds`: MB and objects an hour. `first` and `last`: MB of its own."""

    rss: float
    pss: float
    own: float
    objects: float
    seconds: float
    first: float
    last: float
    counts: int

    @property
    def tells(self) -> bool:
        """Whether it is long enough to be judged."""
        return self.seconds >= LONG_ENOUGH

    def __str__(self) -> str:
        words = (
            f"{self.seconds / 60:.0f} minutes after warm-up ({WARM_UP / 60:.0f} minutes): own"
            f" {self.first:.1f} to {self.last:.1f} MB, {self.own:+.2f} MB/h (PSS {self.pss:+.2f},"
            f" RSS {self.rss:+.2f}; Theil-Sen); objects in use {self.objects:+.0f}/h of"
            f" {self.counts} counts"
        )
        return words if self.tells else f"{words}; too short to say anything about 1 MB/h"


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


def slope(rows: list[Sample], counts: list[Count], warm_up: float = WARM_UP) -> Slope | None:
    """Return the slopes of the process that lived longest; None when that is not past warm-up."""
    if not rows:
        return None
    longest = Counter(row.pid for row in rows).most_common(1)[0][0]
    mine = [row for row in rows if row.pid == longest]
    warm = [row for row in mine if row.at >= mine[0].at + warm_up]
    if not warm:
        return None
    there = [each for each in counts if each.pid == longest and each.at >= warm[0].at]
    hour = 3600 / 1024
    return Slope(
        *(
            hour * theil_sen([(row.at, float(getattr(row, name))) for row in warm])
            for name in ("rss", "pss", "own")
        ),
        3600 * theil_sen([(each.at, float(each.objects)) for each in there]),
        warm[-1].at - warm[0].at,
        warm[0].own / 1024,
        warm[-1].own / 1024,
        len(there),
    )


def grown(found: Slope | None, counts: list[Count]) -> Iterator[str]:
    """Yield what has grown and must not; nothing where the time is too short to tell."""
    if found is None or not found.tells:
        return
    if found.own > MOST_MEGABYTES:
        yield f"memory grows by {found.own:.2f} MB an hour"
    if found.objects > MOST_OBJECTS:
        yield f"objects in use grow by {found.objects:.0f} an hour"
    third = len(counts) // 3
    for name in ("tasks", "threads", "files"):
        row = [getattr(each, name) for each in counts]
        if third and statistics.median(row[-third:]) > statistics.median(row[:third]) + MOST_IDLE:
            yield f"{name} grow while nothing is open: {row}"

"""What the daemon's memory does over time: slopes that a few odd samples do not move.

Two measures: what the system says that the process has, every two
seconds; and how many objects, pieces of memory, tasks, threads and files it has between two
stories, when nothing is open, after a look at all of them by Python's collector (`inside.py`).
Judges both after warm-up.

The second has next to no noise, and is where a leak shows: what is in use, which is pieces of
Python's (also of texts, and of dicts of them, which the collector does not know) and what malloc
has given out to others, SQLite's pages among that. An agent comes and goes by reloads, and sessions
are lost: what is counted is compared only with what was counted with as many sessions.

The first also has the holes between what is in use, and the room that Python keeps: what is free of
what its busiest moment needed (`room.py`), which the process tells and which is taken off; for that
it is judged by itself whether the busiest moments of each minute need ever more. The rest is judged
by its lowest of each minute, with the range in which its slope is for all that chance may
do. What only fills up does not grow in the second half, and what grows for good does in both. It is
not judged where the load rose: a machine that others used at first makes a run busier when they are
gone.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.room import MINUTE, Pools, Room
from tests.chaos.trend import Points, Range, ranged, theil_sen

WARM_UP = 15 * 60.0
"""Seconds of a process's life that are left out. What is kept for a time (tombstones: three minutes
here) and what is kept by number (200 of each in a soak) is full by then, the journal's pages are in
its cache (200 kB of them in a soak), and the allocator has seen the busiest minute a few times."""
LONG_ENOUGH = 25 * 60.0
"""Seconds after warm-up below which one megabyte an hour cannot be told from chance."""
MOST_MEGABYTES = 1.0
"""An hour: of what is in use, and of what is the process's own ("Anonymous") without Python's room.
RSS and PSS are told, too; they also have what it shares with other processes, which come and go."""
MOST_OBJECTS = 12_000
"""An hour, of those in use: a megabyte of small ones."""
MOST_PIECES = 12_000
"""An hour, of Python's: they have 85 bytes on the average."""
MOST_BUSIER = 1.25
"""How many times as many requests the second half may have, for what it left to be compared."""
MOST_IDLE = 4
"""Tasks, threads or files by which the last third of a run may have more than the first."""
COUNTED_WITHIN = 20.0


class Sample(NamedTuple):
    """What a process has, in kB, as the system says."""

    at: float
    rss: int
    pss: int
    own: int
    pid: int


class Count(NamedTuple):
    """What is in a process while nothing is open; `garbage` was only kept by cycles.

    `blocks`: pieces of memory that Python has in use. kB: `pieced` how large they are, `arenas`
    what they and the holes between them take, `malloced` what malloc has given out, `paged` what
    SQLite has of that. `agents`: how many have a session.
    """

    at: float
    objects: int
    garbage: int
    tasks: int
    threads: int
    files: int
    blocks: int
    pieced: int
    arenas: int
    malloced: int
    paged: int
    pid: int
    agents: int = 0

    @property
    def used(self) -> int:
        """KB in use, of Python's pieces and of all others."""
        return self.pieced + self.malloced


class Memory:
    """Samples and counts of all processes; `folder` is where `inside` is asked and tells."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Sample] = []
        self.asked: list[float] = []
        """When requests were asked for."""
        self.counts: list[Count] = []
        self.pools: list[Pools] = []
        self.ends = 0
        """How many processes came to an end of their own, all tasks counted."""
        self.left: list[str] = []
        """The tasks that those had left over."""
        self.kinds: list[Counter[str]] = []
        """For each count how many objects there are of each kind."""
        self._folder = folder
        self._read = 0
        self._agents = 0

    def sample(self, pid: int) -> None:
        """Take one, if that process is there."""
        with suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            found = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
            kilobytes = (int(found[name]) for name in ("Rss", "Pss", "Anonymous"))
            self.rows.append(Sample(time.monotonic(), *kilobytes, pid))

    async def count(self, agents: int = 0) -> None:
        """Have what is in the daemon counted; leaves it at that if it does not answer."""
        had, self._agents = len(self.counts), agents
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
        elif "pooled" in told:
            self.pools.append(Pools(*(told[name] for name in Pools._fields)))
        else:
            same = bool(self.counts) and self.counts[-1].pid == told["pid"]
            self.kinds.append(Counter(self.kinds[-1]) if same else Counter())
            self.kinds[-1].update(told["more"])
            self.counts.append(
                Count(*(told[name] for name in Count._fields[:-1]), agents=self._agents)
            )


class Slope(NamedTuple):
    """Slopes over `seconds`: MB, objects and pieces an hour. `first` and `last`: MB of its own.

    `held`: of its own without the room that Python keeps; `later`: of that, in the second half
    alone, where what fills up grows less. `needed`: of the pools that the busiest moment of each
    minute needed. MB an hour of what is `used`, in `arenas`, `malloced` and `paged` (see Count).
    `busier`: how many times as many requests the second half had.
    """

    rss: float
    pss: float
    own: Range
    held: Range
    later: Range
    needed: Range
    used: Range
    objects: Range
    blocks: Range
    arenas: float
    malloced: float
    paged: float
    seconds: float
    first: float
    last: float
    counts: int
    busier: float = 1.0

    @property
    def tells(self) -> bool:
        """Whether it is long enough to be judged."""
        return self.seconds >= LONG_ENOUGH

    def __str__(self) -> str:
        words = (
            f"{self.seconds / 60:.0f} minutes after warm-up ({WARM_UP / 60:.0f} minutes): own"
            f" {self.first:.1f} to {self.last:.1f} MB, {self.own} (PSS {self.pss:+.2f}, RSS"
            f" {self.rss:+.2f}; Theil-Sen); without the room that Python keeps {self.held}, in the"
            f" second half {self.later}, and what busy moments need {self.needed}; in use by"
            f" {self.counts} counts: {self.used}, objects {self.objects.at:+.0f}/h, pieces"
            f" {self.blocks.at:+.0f}/h, malloc {self.malloced:+.2f} MB/h, of that SQLite"
            f" {self.paged:+.2f}; Python's arenas {self.arenas:+.2f} MB/h; {self.busier:.2f} times"
            " as many requests in the second half"
        )
        return words if self.tells else f"{words}; too short to say anything about 1 MB/h"


def lowest(rows: list[Sample]) -> Points:
    """Return the time and the MB of its own when it had least, for each minute."""
    minutes: dict[int, Sample] = {}
    for row in rows:
        minute = int((row.at - rows[0].at) // MINUTE)
        minutes[minute] = min(minutes.get(minute, row), row, key=lambda each: each.own)
    return [(row.at, row.own / 1024) for row in minutes.values()]


def alike(counts: list[Count]) -> list[list[Count]]:
    """Return the counts with each number of agents, in their order."""
    found: dict[int, list[Count]] = {}
    for each in counts:
        found.setdefault(each.agents, []).append(each)
    return list(found.values())


def slope(
    rows: list[Sample],
    counts: list[Count],
    asked: Sequence[float] = (),
    pools: Sequence[Pools] = (),
    warm_up: float = WARM_UP,
) -> Slope | None:
    """Return the slopes of the process that lived longest; None when that is not past warm-up."""
    if not rows:
        return None
    longest = Counter(row.pid for row in rows).most_common(1)[0][0]
    mine = [row for row in rows if row.pid == longest]
    warm = [row for row in mine if row.at >= mine[0].at + warm_up]
    if not warm:
        return None
    there = [each for each in counts if each.pid == longest and each.at >= warm[0].at]
    room = Room([each for each in pools if each.pid == longest])
    hour, minutes = 3600 / 1024, lowest(warm)
    held = [(at, megabytes - room.at(at) / 1024) for at, megabytes in minutes]

    def counted(name: str, unit: float = 1.0) -> Range:
        rows = ([(each.at, getattr(each, name) / unit) for each in row] for row in alike(there))
        return ranged(*rows)

    return Slope(
        *(
            hour * theil_sen([(row.at, float(getattr(row, name))) for row in warm])
            for name in ("rss", "pss")
        ),
        ranged(minutes),
        ranged(held),
        ranged(held[len(held) // 2 :]),
        ranged(room.busiest(warm[0].at)),
        counted("used", 1024),
        *(counted(name) for name in ("objects", "blocks")),
        *(counted(name, 1024).at for name in ("arenas", "malloced", "paged")),
        warm[-1].at - warm[0].at,
        warm[0].own / 1024,
        warm[-1].own / 1024,
        len(there),
        _busier(asked, warm[0].at, warm[-1].at),
    )


def _busier(asked: Sequence[float], begin: float, end: float) -> float:
    """Return how many times as many requests the second half of a time had, 1 without any."""
    later = [at > (begin + end) / 2 for at in asked if begin <= at <= end]
    return sum(later) / max(1, len(later) - sum(later)) if later else 1.0


def grown(found: Slope | None, counts: list[Count]) -> Iterator[str]:
    """Yield what has grown and must not; nothing where the time is too short to tell.

    What may not have grown at all, for all that chance may do, is no find: the range says so.
    """
    if found is None or not found.tells:
        return
    if _grows(found.used):
        yield f"memory in use grows by {found.used}"
    even = found.busier <= MOST_BUSIER
    # What fills up the room that is kept makes the process no larger: that may only excuse.
    larger = _grows(found.own) and _grows(found.held)
    if even and larger and found.later.at > MOST_MEGABYTES:
        yield f"memory grows by {found.held}, in the second half by {found.later}"
    if even and _grows(found.needed):
        yield f"what busy moments need grows by {found.needed}"
    for words, each, most in (
        ("objects", found.objects, MOST_OBJECTS),
        ("pieces of memory", found.blocks, MOST_PIECES),
    ):
        # What is kept by number has more pieces after busy minutes: their size is judged above.
        if each.at > most and each.least > 0 and (even or each is found.objects):
            yield f"{words} in use grow by {each.at:.0f} an hour"
    for name in ("tasks", "threads", "files"):
        for same in alike(counts):
            row, third = [getattr(each, name) for each in same], len(same) // 3
            before, after = row[:third], row[-third:]
            if third and statistics.median(after) > statistics.median(before) + MOST_IDLE:
                yield f"{name} grow while nothing is open: {row}"


def _grows(found: Range) -> bool:
    return found.at > MOST_MEGABYTES and found.least > 0

"""What both measured processes of `bench_scale` watch themselves with."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.operations.turns import MOST, BoundedSelector

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKED = 0.0002  # seconds: a poll that took longer waited; a shorter one found what was there


@dataclass
class Away:
    """How long the loop was away from its sockets at most, in seconds.

    `wall` by the clock, `busy` by the loop's own processor time: the difference is the time in
    which somebody else had the processor.
    """

    wall: float = 0.0
    busy: float = 0.0

    def told(self, name: str) -> dict[str, float]:
        """Return both in milliseconds."""
        return {f"{name}_lag_ms": 1e3 * self.wall, f"{name}_lag_busy_ms": 1e3 * self.busy}


class TimedSelector(BoundedSelector):
    """Notes how long the loop was away from its sockets, and when their bytes may have come."""

    def __init__(self, most: int = MOST) -> None:
        super().__init__(most)
        self.away = Away()
        self.came = time.perf_counter()  # at the earliest, what is read in this turn of the loop
        self.came_busy = time.thread_time()  # the same, in the loop's own processor time
        self.together = 0  # sockets that were ready at once, when those of this turn were found
        self._returned = self._looked = self.came
        self._burnt = self._looked_busy = self.came_busy

    def select(self, timeout: float | None = None) -> Any:
        """As the original."""
        asked, behind = time.perf_counter(), self.behind
        self.away.wall = max(self.away.wall, asked - self._returned)
        self.away.busy = max(self.away.busy, time.thread_time() - self._burnt)
        found = super().select(timeout)
        back, burnt = time.perf_counter(), time.thread_time()
        if not behind:
            # What was there when we looked may have come right after the last look.
            waited = back - asked > BLOCKED
            self.came = back if waited else self._looked
            self.came_busy = burnt if waited else self._looked_busy
            self.together = len(found) + self.left_over
            self._looked, self._looked_busy = back, burnt
        self._returned, self._burnt = back, burnt
        return found

    def take(self) -> Away:
        """Return the longest absence since the last call."""
        away, self.away = self.away, Away()
        return away


class Pauses:
    """How long Python's garbage collector looked at most, in its own processor time."""

    def __init__(self) -> None:
        self._began = 0.0
        self._longest = 0.0
        gc.callbacks.append(self._look)

    def _look(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self._longest = max(self._longest, time.thread_time() - self._began)

    def take(self) -> float:
        """Return the longest look since the last call, in seconds."""
        longest, self._longest = self._longest, 0.0
        return longest


def waited() -> float:
    """Return for how long this process could have run and had no processor, in seconds."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


def memory() -> dict[str, int]:
    """Return resident and proportional memory of this process in bytes, after a collection."""
    gc.collect()
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in {"Rss", "Pss"}:
            found[name.lower()] = int(rest.split()[0]) * 1024
    return found


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of the values lies; NaN without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def say(document: dict[str, Any]) -> None:
    """Write one line of JSON at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def doing(words: str) -> None:
    """Tell what this process is at: whoever has to cut it off says so."""
    say({"doing": words})


async def holds(what: Callable[[], bool], within: float) -> bool:
    """Wait until something holds that nobody announces; False when it does not in time."""
    end = time.perf_counter() + within
    while not what():
        if time.perf_counter() > end:
            return False
        await asyncio.sleep(0.05)
    return True

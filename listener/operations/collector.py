"""When Python's garbage collector looks, and at what, so that it never holds the loop up for long.

What a thousand sessions keep is a million objects, and a look at all of them takes half a second on
a busy machine. So what outlived two looks is set aside ("frozen") and not looked at again; when it
is dropped it goes all the same, unless it is part of a cycle. Cycles are rare here (a session that
has ended is taken apart), and once so many objects were set aside that they could be such, all are
looked at after all. Knows the collector alone.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from listener import logs

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

YOUNG = 5_000
"""Objects between two looks at the new ones: what an event makes dies at once, so the 700 that are
usual would only cost (a tenth of the work of an event, measured)."""

ROUNDS = 3
"""Such looks between two at those that outlived one: 20,000 objects, 5 to 20 ms."""

NEVER = 1_000_000_000
MORE = 500_000
"""So many more objects than after the last look at all of them make it worth another."""

CHECK_EVERY = 300.0  # seconds; counting a million objects takes ten milliseconds

_log = logs.get(__name__)


class Collector:
    """Sets aside what stays, from `with` on; `run` looks after it. There is one for a process.

    `more`: how many objects may be set aside before all are looked at.
    """

    def __init__(self, *, more: int = MORE, every: float = CHECK_EVERY) -> None:
        self._more = more
        self._every = every
        self._known = 0
        self._before = gc.get_threshold()

    def __enter__(self) -> Self:
        self._before = gc.get_threshold()
        gc.set_threshold(YOUNG, ROUNDS, NEVER)
        gc.callbacks.append(_set_aside)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.callbacks.remove(_set_aside)
        gc.set_threshold(*self._before)

    async def run(self) -> None:
        """Look at everything when much was set aside, until cancelled; the caller owns the task."""
        while True:
            await asyncio.sleep(self._every)
            if gc.get_freeze_count() > self._known + self._more:
                self.look_at_all()

    def look_at_all(self) -> int:
        """Look at all objects once; return how many were garbage. Takes up to a second."""
        began = time.perf_counter()
        gc.unfreeze()
        found = gc.collect()
        gc.freeze()
        self._known = gc.get_freeze_count()
        taken = time.perf_counter() - began
        _log.info("memory.collected", found=found, kept=self._known, seconds=round(taken, 3))
        return found


def _set_aside(phase: str, info: dict[str, Any]) -> None:
    """Freeze what a look at the older ones left: nothing younger is there at this moment."""
    if phase == "stop" and info["generation"] == 1:
        gc.freeze()

"""When Python's garbage collector looks, and at what, so that it never holds the loop up for long.

What a thousand sessions keep is a million objects, and a look at all of them takes half a second on
a busy machine. So what outlived two looks is set aside ("frozen") and not looked at again; when it
is dropped it goes all the same, unless it is part of a cycle. Cycles are rare here (a session that
has ended is taken apart, and so is its connection), and all are looked at only once there are far
more objects than there were. The allocator has its turn beside it. Knows these two alone.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from listener import logs
from listener.operations.allocator import Allocator

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

YOUNG = 5_000
"""Objects between two looks at the new ones: what an event makes dies at once, so the 700 that are
usual would only cost (a tenth of the work of an event, measured)."""

ROUNDS = 3
"""Such looks between two at those that outlived one: 20,000 objects, 5 to 20 ms."""

NEVER = 1_000_000_000
MORE = 1_000_000
"""So many objects more than twice those of the first check, or of the last look at all of them,
make it worth another: not what a start leaves, nor the records of a busy hour."""

OFTEN = 0.25
"""Seconds between two looks that nothing else asks for. Python counts what is made less what is
freed: while thousands of old sessions end and new ones begin, it would not look at all, and then at
everything that was made meanwhile."""

CHECK_EVERY = 300.0  # seconds; counting a million objects takes ten milliseconds

_log = logs.get(__name__)


class Collector:
    """Sets aside what stays, from `with` on; `run` looks after it. There is one for a process.

    `more`: how many objects over twice the known ones may be set aside before all are looked at.
    """

    def __init__(
        self, *, more: int = MORE, every: float = CHECK_EVERY, often: float = OFTEN
    ) -> None:
        self._more = more
        self._every = every
        self._often = often
        self._known: int | None = None
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
        """Look at what is new, and rarely at everything, until cancelled; who calls owns the task.

        Has the allocator give back what was freed.

        The first check takes what is there as it is: what a start has left is in use.
        """
        loop = asyncio.get_running_loop()
        gc.collect(1)
        allocator = Allocator()
        due = loop.time() + self._every
        while True:
            await asyncio.sleep(self._often)
            gc.collect(1)
            allocator.give_back(loop.time())
            if loop.time() >= due:
                self.check()
                due = loop.time() + self._every

    def check(self) -> None:
        """Look at everything if there are far more objects than are known."""
        count = gc.get_freeze_count()
        if self._known is None:
            self._known = count
        elif count > 2 * self._known + self._more:
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

"""Tasks that somebody owns, and one timer: what the service needs of the loop.

Knows no request. A fault in a task is logged and ends that task alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from listener import logs

_log = logs.get(__name__)


class Tasks:
    """Background work that is owned: each task is kept until it ends, and all can be ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, work: Callable[[], Coroutine[None, None, None]], name: str
    ) -> asyncio.Task[None]:
        """Start `work`; it is made in the task, for one that is cancelled at once never runs."""
        task = self._loop.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _guarded(work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001  a fault of ours harms no other task
            _log.exception("listener.failed", task=name)

    async def aclose(self) -> None:
        """Cancel all that runs, and wait until it has ended."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))


def unwatched(future: asyncio.Future[None]) -> None:
    """Let a future fail without a complaint that nobody looked."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


class Alarm:
    """One timer that is set anew after each step."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    @property
    def due(self) -> float | None:
        """When it rings, None when it does not."""
        return self._timer.when() if self._timer is not None else None

    def set(self, due: float | None) -> None:
        """Ring at `due` (the loop's clock) instead of when it would have; None: not at all."""
        if self._timer is not None:
            if self.due == due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._loop.call_at(due, self._rang)

    def _rang(self) -> None:
        self._timer = None
        self._ring()

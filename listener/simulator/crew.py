"""The simulator's own tasks: each is owned, each is awaited; and one queue per object.

Knows asyncio alone. A task that fails is a bug of the simulator; `close` raises it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Job: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Crew:
    """Owns tasks until they end."""

    def __init__(self) -> None:
        self._work: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.Task[None]] = set()
        self._bugs: list[Exception] = []

    def start(
        self, coroutine: Coroutine[Any, Any, None], *, timer: bool = False
    ) -> asyncio.Task[None]:
        """Run it as an own task; a `timer` is not waited for by `quiet`."""
        keep = self._timers if timer else self._work
        task = asyncio.get_running_loop().create_task(coroutine)
        keep.add(task)
        task.add_done_callback(lambda done: self._ended(done, keep))
        return task

    def _ended(self, task: asyncio.Task[None], keep: set[asyncio.Task[None]]) -> None:
        keep.discard(task)
        bug = None if task.cancelled() else task.exception()
        if isinstance(bug, Exception):
            self._bugs.append(bug)

    def note(self, bug: Exception) -> None:
        """Keep an exception that `close` shall raise."""
        self._bugs.append(bug)

    async def quiet(self) -> None:
        """Wait until no work is left (timers go on)."""
        while self._work:
            await asyncio.wait(self._work)

    @property
    def busy(self) -> bool:
        """Whether any work is under way."""
        return bool(self._work)

    async def close(self) -> None:
        """End every task; raises ExceptionGroup when one had failed."""
        tasks = [*self._work, *self._timers]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        bugs, self._bugs = self._bugs, []
        if bugs:
            raise ExceptionGroup("the simulator failed", bugs)


class LaneFull(Exception):  # a refusal is no error of the program
    """Too many requests wait for one object."""


class Lanes:
    """Finesse's queue per object: a job starts when the one before has ended (guide p.22)."""

    def __init__(self, crew: Crew, *, limit: int = 100) -> None:
        self._crew = crew
        self._limit = limit
        self._waiting: dict[str, deque[tuple[Job, asyncio.Event]]] = {}

    def submit(self, key: str, job: Job) -> asyncio.Event:
        """Put the job into that object's lane; the event says that it ended. Raises LaneFull."""
        lane = self._waiting.get(key)
        if lane is None:
            lane = self._waiting[key] = deque()
            self._crew.start(self._run(key, lane))
        if len(lane) >= self._limit:
            raise LaneFull(key)
        done = asyncio.Event()
        lane.append((job, done))
        return done

    async def _run(self, key: str, lane: deque[tuple[Job, asyncio.Event]]) -> None:
        try:
            while lane:
                job, done = lane[0]
                try:
                    await job()
                except Exception as bug:  # noqa: BLE001  # what waits behind it must not starve
                    self._crew.note(bug)
                finally:
                    lane.popleft()
                    done.set()
        finally:
            del self._waiting[key]

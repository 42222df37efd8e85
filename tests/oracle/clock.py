"""An event loop whose time jumps to the next timer: a minute of waiting costs nothing.

Nothing here knows what is run. Real sockets and threads do not work in it, and need not: the world
of the oracle has none. The same coroutines give the same run, to the last callback.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
EPOCH = datetime(2026, 11, 21, 8, tzinfo=UTC)
"""The wall clock when a run begins."""


class Stuck(RuntimeError):
    """Nothing is due, ever: some task waits for what nobody will do."""


class _Jumping:
    """A selector that waits by moving the time."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing will ever happen any more")
        if timeout > 0:
            self.now += timeout
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock of its own, which begins at 1000 s."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)  # type: ignore[arg-type]  # as much of one as is used

    def time(self) -> float:
        """Return the seconds of the run."""
        return 1000.0 + self._jumping.now

    def wall(self, skew: float = 0.0) -> datetime:
        """Return the wall time; `skew` in seconds for a clock that goes wrong."""
        return EPOCH + timedelta(seconds=self._jumping.now + skew)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run one coroutine to its end in a loop of its own; raises RuntimeError for tasks left."""
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(main(loop))
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        if left:
            raise RuntimeError(f"tasks were left over: {sorted(t.get_name() for t in left)}")
        return result
    finally:
        _end(loop)


def _end(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()

"""One timer of one connection. Knows nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Deadline:
    """One timer. Setting it again for the same thing does not extend it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._what: Hashable = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, what: Hashable, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` in so many seconds, unless a timer for `what` runs already."""
        if what != self._what:
            self.clear()
            self._what = what
            self._handle = self._loop.call_later(seconds, action)

    def clear(self) -> None:
        """Call nothing."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._what = None

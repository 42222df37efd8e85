"""A selector for asyncio's loop that hands over so many sockets per turn, however many are ready.

When a server goes away, thousands of connections end in one moment, and asyncio would deal with all
of them before it looked at a clock again, or at a caller. Knows sockets alone.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque

MOST = 16
"""Sockets per turn: an event that settles a request takes a millisecond on a busy machine."""

_Ready = tuple[selectors.SelectorKey, int]


class BoundedSelector(selectors.DefaultSelector):
    """The system's selector, up to `most` sockets at a time, in the order in which it tells them.

    What is left over is handed over in the next turns, before the system is asked again.
    """

    def __init__(self, most: int = MOST) -> None:
        super().__init__()
        self._most = most
        self._left: deque[_Ready] = deque()

    def select(self, timeout: float | None = None) -> list[_Ready]:
        """Return sockets that are ready, as the original does, but not too many of them."""
        if not self._left:
            ready = super().select(timeout)
            if len(ready) <= self._most:
                return ready
            self._left.extend(ready)
        found: list[_Ready] = []
        while self._left and len(found) < self._most:
            key, events = self._left.popleft()
            # One that was closed or changed meanwhile: if it is still ready, the system says so.
            if self._is_same(key):
                found.append((key, events))
        return found

    @property
    def behind(self) -> bool:
        """Whether sockets are left over, so that the system is not asked in the next turn."""
        return bool(self._left)

    def _is_same(self, key: selectors.SelectorKey) -> bool:
        try:
            return self.get_key(key.fd) is key
        except KeyError:
            return False


def bounded_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop with such a selector; for `asyncio.Runner`."""
    return asyncio.SelectorEventLoop(BoundedSelector())

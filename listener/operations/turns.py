"""An event loop whose turns stay short, however many sockets are ready and however many end.

When a server goes away, thousands of connections end in one moment, and asyncio would deal with all
of them before it looked at a clock again, or at a caller: here so many sockets are handed over per
turn. And asyncio's connections hold themselves, so that each would wait for a search of all memory
for garbage: here they go when they end. Knows sockets alone.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from functools import wraps
from typing import Any

MOST = 4
"""Sockets per turn: an event that settles a request takes a millisecond on a busy machine, and one
socket holds several after a hold-up. Timers, and callers that were told, wait for one turn."""

LOOK = 0.02
"""Seconds between two looks for what can be written to, while others that were ready wait."""

_Ready = tuple[selectors.SelectorKey, int]


class BoundedSelector(selectors.DefaultSelector):
    """The system's selector, up to `most` sockets at a time, in the order in which it tells them.

    What is left over is handed over in the next turns, before the system is asked again for what
    can be read. Only what can be written to does not wait for that: a thousand links that end take
    a second, and whoever reads meanwhile what is told of them would seem slow, though it is we who
    do not write. Among what is read the order stays.
    """

    def __init__(self, most: int = MOST, look: float = LOOK) -> None:
        super().__init__()
        self._most = most
        self._look = look
        self._looked = 0.0
        self._left: deque[_Ready] = deque()

    def select(self, timeout: float | None = None) -> list[_Ready]:
        """Return sockets that are ready, as the original does, but not too many of them."""
        if not self._left:
            ready = super().select(timeout)
            if len(ready) <= self._most:
                return ready
            self._left.extend(ready)
            self._looked = time.monotonic()
        elif time.monotonic() - self._looked >= self._look:
            self._let_write()
        found: list[_Ready] = []
        while self._left and len(found) < self._most:
            key, events = self._left.popleft()
            # One that was closed or changed meanwhile: if it is still ready, the system says so.
            if self._is_same(key):
                found.append((key, events))
        return found

    def _let_write(self) -> None:
        """Let what can be written to by now have the next turns."""
        self._looked = time.monotonic()
        write = selectors.EVENT_WRITE
        found = {key.fd: key for key, events in super().select(0) if events & write}
        if found:
            rest = [
                (key, events & ~write if found.get(key.fd) is key else events)
                for key, events in self._left
            ]
            first = [(key, write) for key in found.values()]
            self._left = deque([*first, *(one for one in rest if one[1])])

    @property
    def behind(self) -> bool:
        """Whether sockets are left over, so that the system is not asked in the next turn."""
        return bool(self._left)

    @property
    def left_over(self) -> int:
        """How many they are, with those that were closed meanwhile."""
        return len(self._left)

    def _is_same(self, key: selectors.SelectorKey) -> bool:
        try:
            return self.get_key(key.fd) is key
        except KeyError:
            return False


class BoundedLoop(asyncio.SelectorEventLoop):
    """A loop with such a selector; with it, connections are gone when they have ended."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        release_ended_connections()
        self._bounded = selector if selector is not None else BoundedSelector()
        super().__init__(self._bounded)

    @property
    def behind(self) -> bool:
        """Whether sockets that were ready have not had their turn yet."""
        return isinstance(self._bounded, BoundedSelector) and self._bounded.behind


def release_ended_connections() -> bool:
    """Make asyncio's connections let go of themselves when they have ended, from now on.

    Each keeps some of its own methods at hand, and so itself. Safe to call again. Returns False
    where this Python has no such connections (they are private to asyncio): a search finds them.
    """
    kind: Any = getattr(asyncio.selector_events, "_SelectorSocketTransport", None)
    lost = getattr(kind, "_call_connection_lost", None)
    if lost is None or getattr(lost, "releases", False):
        return lost is not None

    @wraps(lost)
    def released(self: Any, error: BaseException | None) -> None:
        try:
            lost(self, error)
        finally:
            for name, value in tuple(vars(self).items()):
                if getattr(value, "__self__", None) is self:
                    setattr(self, name, _nothing)

    released.releases = True  # type: ignore[attr-defined]  # the mark of this function
    kind._call_connection_lost = released  # noqa: SLF001 - see above
    return True


def _nothing(*_: object) -> None:
    """Stand where a method was: nothing happens on a connection that has ended."""


def bounded_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop with short turns; for `asyncio.Runner`."""
    return BoundedLoop()

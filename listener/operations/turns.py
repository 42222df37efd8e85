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
"""Seconds for those that were ready before, until the next look for what can be written to."""

_Ready = tuple[selectors.SelectorKey, int]


class BoundedSelector(selectors.DefaultSelector):
    """The system's selector, up to `most` sockets at a time, in the order in which it tells them.

    What is left over is handed over in the next turns, before the system is asked again for what
    can be read. Only what can be written to does not wait for that: a thousand links that end take
    a second, and whoever reads meanwhile what is told of them would seem slow, though it is we who
    do not write. Between two such lots the others have a turn at least, and `look` seconds. Where
    there is something to be read as well, that is first: a write may fail and end the link, and
    what lies there would be lost.
    """

    def __init__(self, most: int = MOST, look: float = LOOK) -> None:
        super().__init__()
        self._most = most
        self._look = look
        self._since: float | None = None  # when the others' time began
        self._first: deque[_Ready] = deque()
        self._left: deque[_Ready] = deque()

    def select(self, timeout: float | None = None) -> list[_Ready]:
        """Return sockets that are ready, as the original does, but not too many of them."""
        if not self.behind:
            ready = super().select(timeout)
            if len(ready) <= self._most:
                return ready
            self._left.extend(ready)
            self._since = time.monotonic()
        elif not self._first and self._is_time():
            self._let_write()
        found: list[_Ready] = []
        while self.behind and len(found) < self._most:
            key, events = (self._first or self._left).popleft()
            # One that was closed or changed meanwhile: if it is still ready, the system says so.
            if self._is_same(key):
                found.append((key, events))
        return found

    def _is_time(self) -> bool:
        """Say whether to look for what can be written to: the others have had their time."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            return False
        return now - self._since >= self._look

    def _let_write(self) -> None:
        """Let what can be written to by now, with nothing to be read there, have the next turns."""
        write = selectors.EVENT_WRITE
        found = [key for key, events in super().select(0) if events == write]
        self._first.extend((key, write) for key in found)
        self._since = None if found else time.monotonic()
        let = {id(key) for key in found}
        self._left = deque(one for one in self._left if id(one[0]) not in let)

    @property
    def behind(self) -> bool:
        """Whether sockets are left over, so that the system is not asked in the next turn."""
        return bool(self._first or self._left)

    @property
    def left_over(self) -> int:
        """How many they are, with those that were closed meanwhile."""
        return len(self._first) + len(self._left)

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

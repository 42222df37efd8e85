"""A loop that stood still has not listened: what lies in its sockets is read before time counts.

A process that was stopped, a machine that was put to sleep, a long search for garbage: on waking,
the deadline is over and the proof lies there unread; and what lies there is older than what is sent
now. Knows turns of the loop and seconds; knows neither events nor requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LATE = 0.05
"""Seconds by which a timer may be late without more: other work of the same turn."""
TURNS = 5
"""Turns of the loop in which what lies there is read: each reads up to 256 KiB of every socket. A
loop that deals with a few sockets at a time says while it is `behind`: it has had no turn then."""
LONGEST = 2.0
"""Seconds after which time counts whatever is still to be read: a loop may be overrun for good."""


async def read_first() -> None:
    """Let the loop read what lies in its sockets by now, for `LONGEST` seconds at most.

    What is done next, without waiting, is done in the knowledge of that.
    """
    loop = asyncio.get_running_loop()
    until, turns = loop.time() + LONGEST, TURNS
    while turns and loop.time() < until:
        await asyncio.sleep(0)
        turns -= not _is_behind(loop)


def _is_behind(loop: asyncio.AbstractEventLoop) -> bool:
    return bool(getattr(loop, "behind", False))


class Standstill:
    """Says when a loop was late, and calls `over` once it has read what came meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop, over: Callable[[], None]) -> None:
        self._loop = loop
        self._over = over
        self._turns = 0
        self._until = 0.0

    @property
    def lasts(self) -> bool:
        """Whether what came meanwhile is still being read."""
        return self._turns > 0

    def begins(self, late: float) -> bool:
        """Say whether a timer that is so late (seconds) shows one that was not known yet."""
        if self._turns or late <= LATE:
            return False
        self._turns = TURNS
        self._until = self._loop.time() + LONGEST
        self._loop.call_soon(self._turn)
        return True

    def _turn(self) -> None:
        if self._loop.time() >= self._until:
            self._turns = 0
        elif not _is_behind(self._loop):
            self._turns -= 1
        if self._turns:
            self._loop.call_soon(self._turn)
        else:
            self._over()

"""The rounds: all nodes are asked for their SystemInfo, again and again, while somebody waits.

Knows when to ask, and that it ends when nobody waits any more; knows not what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from listener import logs
from listener.inquiry import Inquiry

_log = logs.get(__name__)


class Rounds:
    """One task at most, which runs while `wanted` says so; a round begins every `every` seconds.

    `begin` is called before the first round, `over` after each one: all have answered, or their
    time was up. Made inside a running loop.
    """

    def __init__(
        self,
        inquiries: Collection[Inquiry],
        every: float,
        *,
        wanted: Callable[[], bool],
        begin: Callable[[], None],
        over: Callable[[], None],
    ) -> None:
        self._inquiries = inquiries
        self._every = every
        self._wanted = wanted
        self._begin = begin
        self._over = over
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.number = 0
        """How many rounds are over."""

    def start(self) -> None:
        """Ask from now on, at once to begin with; nothing changes where it is done already."""
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._ask(), name="SystemInfo")

    def hurry(self) -> None:
        """Let the next round begin now."""
        self._hurry.set()

    async def aclose(self) -> None:
        """Ask no more."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self) -> None:
        clock = asyncio.get_running_loop().time
        self._begin()
        while self._wanted():
            begun = clock()
            self._hurry.clear()
            asked = [each.ask(begun) for each in self._inquiries]
            for fault in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(fault, Exception):
                    _failed(fault)
            self.number += 1
            try:
                self._over()
            except Exception as fault:  # noqa: BLE001  who waits must hear of the next round
                _failed(fault)
            try:
                async with asyncio.timeout_at(begun + self._every):
                    await self._hurry.wait()
            except TimeoutError:
                continue


def _failed(fault: Exception) -> None:
    _log.error("rounds.failed", error=type(fault).__name__, exc_info=fault)

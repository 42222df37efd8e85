"""One at a time per key: who comes second waits, for a bounded time. Nothing is kept when all left.

Knows keys and tasks alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    interested: int = 0


class Turn:
    """The right to go on; to be given back once."""

    def __init__(self, back: Callable[[], None] = lambda: None) -> None:
        self._back: Callable[[], None] | None = back

    def give_back(self) -> None:
        """Let the next one go on; more than once does nothing."""
        back, self._back = self._back, None
        if back is not None:
            back()


class Turns:
    """Hands out turns by key."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        return len(self._queues)

    async def take(self, key: str, within: float) -> Turn:
        """Wait for a turn; TimeoutError after `within` seconds."""
        queue = self._queues.setdefault(key, _Queue())
        queue.interested += 1
        try:
            async with asyncio.timeout(within):
                await queue.lock.acquire()
        except BaseException:
            self._leave(key, queue)
            raise

        def back() -> None:
            queue.lock.release()
            self._leave(key, queue)

        return Turn(back)

    def _leave(self, key: str, queue: _Queue) -> None:
        queue.interested -= 1
        if queue.interested == 0:
            del self._queues[key]

"""What comes while nothing is judged: kept with its time, to be judged afterwards as if at once.

Knows times and what is to be done; knows neither events nor requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

MOST = 100_000
"""Things kept; a pause takes seconds."""


class Pause:
    """Keeps what is to be done after a pause, in order.

    `overflowed`: more came than was kept, so that the pause is a gap.
    """

    def __init__(self, most: int = MOST) -> None:
        self.overflowed = False
        self._kept: deque[tuple[float, Callable[[], None]]] = deque()
        self._most = most

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, at: float, do: Callable[[], None]) -> None:
        """Keep what is to be done for something that came at that time."""
        if len(self._kept) < self._most:
            self._kept.append((at, do))
        else:
            self.overflowed = True

    def take(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Yield what was kept, in order, each with its time; nothing is kept of it."""
        while self._kept:
            yield self._kept.popleft()

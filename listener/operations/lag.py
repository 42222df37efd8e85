"""How late the event loop is: what `/livez`, the watchdog and the metrics ask.

Knows the loop's clock alone. While a loop is held up, nobody hears anything from this program.
"""

from __future__ import annotations

import asyncio
from collections import deque

PERIOD = 0.25  # seconds between two looks
WINDOW = 60  # looks that `worst` covers: the last 15 s


class LoopLag:
    """Measures by how much a timer rings too late. Nothing is measured before `run`."""

    def __init__(self, *, period: float = PERIOD, window: int = WINDOW) -> None:
        self._period = period
        self._seen: deque[float] = deque(maxlen=window)
        self._due: float | None = None

    def __repr__(self) -> str:
        return f"<LoopLag {self.worst:.3f} s at worst>"

    async def run(self) -> None:
        """Measure until cancelled; the caller owns the task."""
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()
        try:
            while True:
                rung.clear()
                self._due = loop.time() + self._period
                timer = loop.call_at(self._due, rung.set)
                try:
                    await rung.wait()
                finally:
                    timer.cancel()
                self._seen.append(self._overdue(loop.time()))
        finally:
            self._due = None

    def now(self) -> float:
        """Return the lag in seconds: of the last look, or of the one that is overdue."""
        last = self._seen[-1] if self._seen else 0.0
        return max(last, self._overdue(asyncio.get_running_loop().time()))

    @property
    def worst(self) -> float:
        """The largest lag of the last 15 s, in seconds."""
        return max(self._seen, default=0.0)

    def _overdue(self, time: float) -> float:
        return max(0.0, time - self._due) if self._due is not None else 0.0

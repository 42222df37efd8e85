"""How late the event loop is: what `/livez`, the watchdog, the metrics and the log are told.

Knows the loop's clock alone. While a loop is held up, nobody hears anything from this program. A
hold-up is seen by a timer that rings too late, so up to one period of it stays unseen.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from listener import logs

PERIOD = 0.02  # seconds between two looks, each of which costs about 20 us
WINDOW = 3000  # looks that `worst` covers: the last 60 s, so that no scrape misses the worst
LATE = 0.1  # seconds: what is later is worth a warning
RARELY = 60.0  # seconds between two warnings

_log = logs.get(__name__)


class LoopLag:
    """Measures by how much a timer rings too late. Nothing is measured before `run`."""

    def __init__(self, *, period: float = PERIOD, window: int = WINDOW) -> None:
        self.late = 0
        """How often it was more than 100 ms."""
        self._period = period
        self._seen: deque[float] = deque(maxlen=window)
        self._own: deque[float] = deque(maxlen=window)
        self._due: float | None = None
        self._told: float | None = None  # when the last warning was
        self._times, self._most = 0, 0.0  # since then

    def __repr__(self) -> str:
        return f"<LoopLag {self.worst:.3f} s at worst>"

    async def run(self) -> None:
        """Measure until cancelled; the caller owns the task."""
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()
        try:
            while True:
                rung.clear()
                burnt = time.thread_time()
                self._due = loop.time() + self._period
                timer = loop.call_at(self._due, rung.set)
                try:
                    await rung.wait()
                finally:
                    timer.cancel()
                now = loop.time()
                self._note(now, self._overdue(now), time.thread_time() - burnt)
        finally:
            self._due = None

    def now(self) -> float:
        """Return the lag in seconds: of the last look, or of the one that is overdue."""
        last = self._seen[-1] if self._seen else 0.0
        return max(last, self._overdue(asyncio.get_running_loop().time()))

    @property
    def worst(self) -> float:
        """The largest lag of the last 60 s, in seconds."""
        return max(self._seen, default=0.0)

    @property
    def own(self) -> float:
        """The most of a lag that was the loop's own processor time, in seconds.

        The rest of a lag is a machine that is busy with something else, or a call that waited.
        """
        return max(self._own, default=0.0)

    def _overdue(self, time: float) -> float:
        return max(0.0, time - self._due) if self._due is not None else 0.0

    def _note(self, now: float, lag: float, busy: float) -> None:
        """Keep a lag, and warn of a long one: the first at once, later ones once a minute.

        `busy` is the loop's own processor time meanwhile: where it is much less than the lag, the
        machine was busy with something else, or a call waited; else this program computed.
        """
        self._seen.append(lag)
        self._own.append(min(lag, busy))
        if lag < LATE:
            return
        self.late += 1
        self._times += 1
        self._most = max(self._most, lag)
        if self._told is None or now - self._told >= RARELY:
            worst = round(self._most, 3)
            _log.warning(
                "loop.late",
                lag=round(lag, 3),
                busy=round(busy, 3),
                worst=worst,
                times=self._times,
            )
            self._told, self._times, self._most = now, 0, 0.0

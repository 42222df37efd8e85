"""The memory of a process that does not serve yet: it keeps the events that it hears, and no more.

Fulfils `terms.Memory`. Refuses requests. Bounded: of very many events the latest are kept, and from
when on nothing is missing is known.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from listener.correlation.outcome import Outcome
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.errors import NotKept
from listener.finesse.events import Event
from listener.handover.overlap import key_of
from listener.ticket import Record

MAX_EVENTS = 50_000
MAX_WEIGHT = 64 * 1024 * 1024
"""Bytes, about."""


class Heard(NamedTuple):
    """One event that was news: when (the loop's clock), and by what it is known."""

    at: float
    key: str
    event: Event
    weight: int


class Prelude:
    """Hears, and keeps what it hears. Made inside a running loop."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_weight: int = MAX_WEIGHT) -> None:
        self.events: deque[Heard] = deque()
        self.whole_since = float("-inf")
        """Nothing that was heard after this is missing (the loop's clock)."""
        self._weight = 0
        self._max_events, self._max_weight = max_events, max_weight
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Prelude {len(self.events)} events>"

    @property
    def trouble(self) -> str | None:
        """Why no new request can be kept now."""
        return "this process does not serve yet; another one does"

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep nothing: nothing may be sent."""
        del record, registration
        return self._not_kept()

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep nothing: nothing may be sent."""
        del record, baseline
        return self._not_kept()

    def _not_kept(self) -> asyncio.Future[None]:
        refused: asyncio.Future[None] = self._loop.create_future()
        refused.set_exception(NotKept(str(self.trouble)))
        refused.exception()  # looked at, also where nobody waits
        return refused

    def leaves(self, record: Record, baseline: Baseline | None) -> None:
        """Keep nothing: there are no requests."""

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep nothing: there are no requests."""

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep nothing: there are no requests."""

    def late(self, record: Record, late: Late) -> None:
        """Keep nothing: there are no requests."""

    def heard(self, event: Event) -> None:
        """Keep an event that was news."""
        weight = len(repr(event))
        self.events.append(Heard(self._loop.time(), key_of(event), event, weight))
        self._weight += weight
        while len(self.events) > self._max_events or self._weight > self._max_weight:
            gone = self.events.popleft()
            self._weight -= gone.weight
            self.whole_since = gone.at

    def gap(self, agent: str, cause: str | None) -> None:
        """Keep nothing: how long an agent has been heard is known from the picture."""

"""A memory that keeps nothing: for the library, tests, and a daemon without a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from listener.correlation.outcome import Outcome
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.events import Event
from listener.ticket import Record


class NothingKept:
    """Says at once that all is safe. Made inside a running loop."""

    trouble: str | None = None

    def __init__(self) -> None:
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.set_result(None)

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep nothing."""
        del record, registration
        return self._done

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep nothing."""
        del record, baseline
        return self._done

    def leaves(self, record: Record, baseline: Baseline | None) -> None:
        """Keep nothing."""

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep nothing."""

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep nothing; tell at once."""
        del record
        tell(outcome)

    def late(self, record: Record, late: Late) -> None:
        """Keep nothing."""

    def heard(self, event: Event) -> None:
        """Keep nothing."""

    def gap(self, agent: str, cause: str | None) -> None:
        """Keep nothing."""

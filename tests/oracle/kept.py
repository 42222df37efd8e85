"""A memory that outlives the service and no process: what the journal would have had at a kill.

Writing and reading of the real journal is tested elsewhere; here every row is safe at once.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from listener.correlation.correlator import NOT_REPORTED_AFTER
from listener.journal import Stored
from listener.nothing_kept import NothingKept

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from listener.correlation.outcome import Outcome
    from listener.correlation.picture import Baseline
    from listener.correlation.registration import Registration
    from listener.correlation.steps import RestAnswer
    from listener.ticket import Record


class Kept(NothingKept):
    """Keeps each request as a journal would; `turn` hears whose turn has come."""

    def __init__(self, turn: Callable[[str], None]) -> None:
        super().__init__()
        self._turn = turn
        self.rows: dict[str, Stored] = {}

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep the intent."""
        length = registration.length
        if length is None:
            expected = registration.expected
            length = NOT_REPORTED_AFTER if expected else record.request.default_deadline
        until = record.submitted + timedelta(seconds=length)
        self.rows[record.key] = Stored(
            replace(copy(record), submitted_at=0.0, late=[]),
            registration,
            None,
            None,
            None,
            length,
            until,
        )
        return self._done

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep that it went out, and what was known."""
        self._turn(record.key)
        row = self.rows[record.key]
        going = record.going or record.submitted
        row.record.sent = going
        self.rows[record.key] = replace(row, baseline=baseline, going_at=going)
        return self._done

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep what was answered."""
        row = self.rows[record.key]
        at = record.answered or record.submitted
        row.record.answered = at
        row.record.answered_at = (at - record.submitted).total_seconds()
        until = at + timedelta(seconds=length)
        self.rows[record.key] = replace(row, answer=answer, length=length, deadline_at=until)

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep the outcome, then tell it."""
        row = self.rows[record.key]
        row.record.outcome, row.record.settled = outcome, record.settled
        tell(outcome)

    def unsettled(self) -> list[Stored]:
        """Return what has no outcome, oldest first."""
        return [row for row in self.rows.values() if row.record.outcome is None]

    def settled_since(self, since: datetime) -> list[Stored]:
        """Return what has one since then."""
        return [
            row
            for row in self.rows.values()
            if row.record.settled is not None and row.record.settled >= since
        ]

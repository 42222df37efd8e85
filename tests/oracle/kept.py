"""A memory that outlives the service and no process: what the journal would have had at a kill.

Writing and reading of the real journal is tested elsewhere; here every row is safe at once, but for
what a request left with: nothing waits for that, and a kill within the time of one commit loses it.
"""

from __future__ import annotations

import asyncio
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from listener import ledger
from listener.correlation.correlator import NOT_REPORTED_AFTER
from listener.journal import Stored
from listener.nothing_kept import NothingKept

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.correlation.outcome import Outcome
    from listener.correlation.picture import Baseline
    from listener.correlation.registration import Registration
    from listener.correlation.steps import RestAnswer
    from listener.ticket import Record


COMMIT = 0.005
"""Seconds until what nothing waits for is on the disk."""


class Kept(NothingKept):
    """Keeps each request as a journal would; `turn` hears whose turn has come."""

    def __init__(self, turn: Callable[[str], None]) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._turn = turn
        self.rows: dict[str, Stored] = {}
        self._left: dict[str, float] = {}  # when each left, by the loop's clock
        self.as_it_leaves: Callable[[], object] = lambda: None  # hears of each who left
        self._known: dict[str, Baseline | None] = {}  # at its turn

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

    def leaves(self, record: Record, baseline: Baseline | None) -> None:
        """Keep that it left, and what was known then."""
        row, at = self.rows[record.key], ledger.now_utc()
        self._left[record.key], self._known[record.key] = self._loop.time(), row.baseline
        row.record.sent = at
        self.rows[record.key] = replace(row, baseline=baseline, left_at=at)
        self.as_it_leaves()

    def killed(self) -> set[str]:
        """Lose what was not on the disk yet; return of whom it is not known what they left with."""
        now = self._loop.time()
        for key, at in self._left.items():
            row = self.rows[key]
            if row.answer is None and now < at + COMMIT:
                row.record.sent = row.going_at
                self.rows[key] = replace(row, baseline=self._known[key], left_at=None)
        return {
            row.record.key
            for row in self.unsettled()
            if row.left_at is None and row.answer is None and not row.record.expected
        }

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

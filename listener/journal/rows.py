"""What is written to the journal and what is read from it: plain values.

Rows are snapshots, taken on the loop when they are made, so that the writer may encode them later,
in its own thread. Nothing in them may be changed afterwards (an event's `data` too). Knows no SQL.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from listener.correlation.outcome import Outcome
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.actions.request import Request
from listener.ticket import Record

NOTIFICATIONS = frozenset({"dialog", "user", "error"})
"""Names of events that tell what Finesse sent; `Options.notifications` is about these alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the journal is kept.

    `notifications`: whether dialog, user and error events are kept "full", as "headers" (their
    nested content left out) or "off". `keep_call_data`: call variables and wrap-up as they are,
    else as keyed hashes. `retention`: how long settled requests and events are kept. `max_bytes`:
    the size of the file above which the oldest go. `key`: the key of the hashes, 32 bytes.
    """

    notifications: Literal["off", "headers", "full"] = "full"
    keep_call_data: bool = False
    retention: timedelta = timedelta(days=14)
    max_bytes: int = 1 << 30
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Intent:
    """A request was taken. Not written, it is not sent."""

    key: str
    request_id: str
    request: Request
    registration: Registration
    submitted: datetime
    expected: bool = False
    asked_by: str | None = None
    idempotency: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, record: Record, registration: Registration) -> Intent:
        """Return what a record says now."""
        return cls(
            record.key,
            record.request_id,
            record.request,
            registration,
            record.submitted,
            record.expected,
            record.asked_by,
            record.idempotency,
        )


@dataclass(frozen=True, slots=True)
class Going:
    """Its turn has come; `baseline` is what was known then. Not written, it is not sent."""

    key: str
    at: datetime
    baseline: Baseline | None


@dataclass(frozen=True, slots=True)
class Left:
    """Its first byte leaves now; `baseline` is what counts: what is known in this moment (rules 4).

    Nothing waits for it to be written.
    """

    key: str
    at: datetime
    baseline: Baseline | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Finesse answered; `length`: the seconds of the deadline from here on.

    `sent`: when the first byte may have left; None: none did, or it is not known here.
    """

    key: str
    at: datetime
    answer: RestAnswer
    length: float
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """It has its outcome; `sent` as in `Answered`."""

    key: str
    at: datetime
    outcome: Outcome
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Something was heard about it after its outcome."""

    key: str
    at: datetime
    late: Late


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream. `data` is its JSON; `key` the request that it is about."""

    sequence: int
    at: datetime
    name: str
    agent: str | None
    dialog_id: str | None
    key: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Events behind a place, in order.

    `floor`: the lowest place from which nothing is missing. A reader whose place is lower has lost
    events; what the options do not keep, what was erased on demand and what cannot be read does not
    count as lost. `looked_to`: the place to go on from, also when `rows` is empty: no row up to it
    is still to come.
    """

    rows: list[Event]
    floor: int
    looked_to: int


Row: TypeAlias = Intent | Going | Left | Answered | Settled | After | Event


@dataclass(frozen=True, slots=True)
class Stored:
    """A request as the journal knows it.

    `record` has no loop's clock of its own: its `submitted_at` is 0.0, and `answered_at` and the
    `at` of what came late are seconds since then (see `record_at`). DTMF digits, and call data
    unless it is kept, are sealed in everything here; `record.idempotency` holds keyed hashes.

    `going_at`: when its turn came, None when that is not known; from then on it may have left.
    `left_at`: when it left, None when that was not written. `baseline` is of the later of the two.
    `length`: the seconds of its deadline, from the answer, or (without one) from submission.
    `deadline_at`: when that is by the wall clock.
    """

    record: Record
    registration: Registration
    baseline: Baseline | None
    going_at: datetime | None
    answer: RestAnswer | None
    length: float
    deadline_at: datetime
    left_at: datetime | None = None

    def record_at(self, submitted_at: float) -> Record:
        """Return a new record whose clock is moved so that it was submitted at `submitted_at`."""
        record = copy(self.record)
        record.submitted_at += submitted_at
        if record.answered_at is not None:
            record.answered_at += submitted_at
        record.late = [replace(late, at=late.at + submitted_at) for late in record.late]
        return record

"""What was read from the file -> requests and events. What cannot be read is told and skipped.

A part of a request that cannot be read is left out where less knowledge only makes what is said
about it more careful (baseline, answer, late); without its intent or its outcome it is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias, TypeVar

from listener import logs
from listener.correlation.admission import NOT_REPORTED_AFTER
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Failed,
    Outcome,
    Presumed,
    Rejected,
    Unconfirmed,
)
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.actions import ACTIONS
from listener.finesse.actions.other import OTHER, OtherRequest
from listener.finesse.actions.request import Request
from listener.journal.codec import Undecodable, decode
from listener.journal.encoding import BEHIND, LEFT, moment_of
from listener.journal.rows import Event, Stored
from listener.journal.sealing import SEALED, Seals, unsealed
from listener.ticket import Record

_Value = TypeVar("_Value")

_Left: TypeAlias = tuple[()] | tuple[datetime | None]
"""When the first byte may have left, None: none did; nothing where it was not written."""

_OUTCOMES: dict[str, type[Outcome]] = {
    each.kind: each for each in (Confirmed, Presumed, Failed, Rejected, Unconfirmed, Abandoned)
}

# `data` that is JSON, and no object of ours, or nested beyond all reason.
_FAULTS = (
    Undecodable,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)

_log = logs.get(__name__)


class RequestRow(NamedTuple):
    """One row of `requests`."""

    id: int
    key: str
    request_id: str
    asked_by: str | None
    idempotency: str | None
    fingerprint: str | None
    submitted: int
    settled: int | None


_TYPES = (int, str, str, str | None, str | None, str | None, int, int | None)
_STEP_TYPES = (str, int, str)
_EVENT_TYPES = (int, int, str, str | None, str | None, str | None, str)


class StepRow(NamedTuple):
    """One row of `steps`."""

    kind: str
    at: int
    data: str


class Interpreter:
    """Reads rows; counts those that it cannot read. Used by one thread at a time."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self.unreadable = 0

    def stored(self, row: RequestRow, steps: list[StepRow]) -> Stored | None:
        """Return a request with all that was written of it; None when it cannot be read."""
        if not _are(row, _TYPES):
            self._skipped(f"request {row.id!r}", "no text, or no number")
            return None
        try:
            return self._stored(row, [step for step in steps if self._sound(step, row.key)])
        except (OverflowError, ValueError) as problem:  # times that no clock shows
            self._skipped(row.key, f"{type(problem).__name__}: {problem}")
            return None

    def _sound(self, step: StepRow, key: str) -> bool:
        if _are(step, _STEP_TYPES):
            return True
        self._skipped(f"a step of {key}", "no text, or no number")
        return False

    def _stored(self, row: RequestRow, steps: list[StepRow]) -> Stored | None:
        by_kind = {step.kind: step for step in steps}
        intent = self._read(by_kind.get("intent"), row.key, _intent)
        if intent is None:
            return None
        request, registration, expected = intent
        record = _record(row, request, expected=expected)
        left: _Left = ()
        if row.settled is not None:
            told = self._read(by_kind.get("outcome"), row.key, _outcome)
            if told is None:
                return None
            record.outcome, left = told
            record.settled = moment_of(row.settled)
        length = registration.length
        if length is None:
            length = NOT_REPORTED_AFTER if expected else request.default_deadline
        stored = self._with_steps(record, registration, by_kind, steps, length)
        record.sent = left[0] if left else record.sent
        return stored

    def _with_steps(
        self,
        record: Record,
        registration: Registration,
        by_kind: dict[str, StepRow],
        steps: list[StepRow],
        length: float,
    ) -> Stored:
        answer = baseline = going_at = left_at = None
        if turns := [step for step in steps if step.kind == "going"]:
            # Of a process that ended then nobody knows more: it may have left.
            going_at, record.sent = moment_of(turns[0].at), moment_of(turns[-1].at)
            baseline = self._read(turns[-1], record.key, _baseline)
            left_at = record.sent if LEFT in by_kind else None
        begin = record.submitted
        answered = self._read(by_kind.get("answer"), record.key, _answer)
        if answered is not None:
            answer, length, left, behind = answered
            if behind and left_at is None and not record.expected:
                baseline = None  # there was no room to keep that it left: it is of its turn
            record.sent = left[0] if left else record.sent
            begin = record.answered = moment_of(by_kind["answer"].at)
            record.answered_at = (begin - record.submitted).total_seconds()
        record.late = [
            late
            for step in steps
            if step.kind == "late" and (late := self._late(step, record)) is not None
        ]
        return Stored(
            record=record,
            registration=registration,
            baseline=baseline,
            going_at=going_at,
            answer=answer,
            length=length,
            deadline_at=begin + timedelta(seconds=length),
            left_at=left_at,
        )

    def _late(self, step: StepRow, record: Record) -> Late | None:
        late = self._read(step, record.key, lambda data: decode(Late, data))
        if late is None:
            return None
        return replace(late, at=(moment_of(step.at) - record.submitted).total_seconds())

    def event(self, row: tuple[Any, ...]) -> Event | None:
        """Return an event; None when it cannot be read."""
        sequence, at, name, agent, dialog_id, key, text = row
        try:
            data = json.loads(text) if _are(row, _EVENT_TYPES) else None
            moment = moment_of(at) if data is not None else None
        except (ValueError, OverflowError, RecursionError):
            data = moment = None
        if not isinstance(data, dict) or moment is None:
            self._skipped(f"event {sequence}", "no JSON object")
            return None
        # What was sealed can only be compared, and nobody who reads events could.
        shown = unsealed(data) if SEALED in text else data
        return Event(sequence, moment, name, agent, dialog_id, key, shown)

    def _read(self, step: StepRow | None, key: str, read: Callable[[Any], _Value]) -> _Value | None:
        if step is None:
            return None
        try:
            return read(self._seals.opened(json.loads(step.data)))
        except _FAULTS as problem:
            self._skipped(f"{step.kind} of {key}", f"{type(problem).__name__}: {problem}")
            return None

    def _skipped(self, what: str, why: str) -> None:
        self.unreadable += 1
        _log.error("journal.unreadable", what=what, why=why)


def _are(row: Iterable[object], types: Iterable[Any]) -> bool:
    return all(isinstance(value, type_) for value, type_ in zip(row, types, strict=True))


def _record(row: RequestRow, request: Request, *, expected: bool) -> Record:
    given = None
    if row.idempotency is not None and row.fingerprint is not None:
        given = (row.idempotency, row.fingerprint)
    return Record(
        key=row.key,
        request_id=row.request_id,
        request=request,
        submitted=moment_of(row.submitted),
        submitted_at=0.0,
        expected=expected,
        asked_by=row.asked_by,
        idempotency=given,
    )


def _intent(data: Any) -> tuple[Request, Registration, bool]:
    kind: Any = OtherRequest if data["action"] == OTHER else ACTIONS[data["action"]]
    registration = decode(Registration, data["registration"])
    return decode(kind, data["request"]), registration, data["expected"]


def _baseline(data: Any) -> Baseline | None:
    return None if data is None else decode(Baseline, data)


def _answer(data: Any) -> tuple[RestAnswer, float, _Left, bool]:
    answer = decode(RestAnswer, data["answer"])
    return answer, float(data["length"]), _left(data), BEHIND in data


def _outcome(data: Any) -> tuple[Outcome, _Left]:
    kind: Any = _OUTCOMES[data["kind"]]
    found: Outcome = decode(kind, data["outcome"])
    return found, _left(data)


def _left(data: Any) -> _Left:
    if "sent" not in data:
        return ()
    return (None if data["sent"] is None else moment_of(data["sent"]),)

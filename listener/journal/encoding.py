"""Rows -> SQL statements, sealed, in the writer's thread. Knows no connection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from listener.correlation.picture import Baseline
from listener.finesse.actions import key_of
from listener.journal.codec import encode
from listener.journal.keys import keyed_hash
from listener.journal.rows import (
    NOTIFICATIONS,
    After,
    Answered,
    Event,
    Going,
    Intent,
    Left,
    Options,
    Row,
    Settled,
)
from listener.journal.sealing import Seals

Parameters: TypeAlias = tuple[str | int | float | None, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

LEFT = "left"
"""The kind of the step that says that a request left; an earlier version passes over it."""

BEHIND = "behind"
"""Names the kind that comes before an answer; an earlier version did not keep when one left."""

INTENT = (
    "INSERT INTO requests (key, request_id, agent, dialog_id, asked_by, idempotency, fingerprint,"
    " submitted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
STEP = "INSERT INTO steps (request, kind, at, data) SELECT id, ?, ?, ? FROM requests WHERE key = ?"
OUTCOME = STEP + " AND settled IS NULL"  # a request has one outcome
SETTLED = "UPDATE requests SET settled = ? WHERE key = ? AND settled IS NULL"
EVENT = (
    "INSERT INTO events (sequence, at, name, agent, dialog_id, key, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Statement(NamedTuple):
    """One statement with its parameters."""

    sql: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Written:
    """A row as it goes into the file.

    `weight`: about how many bytes it holds in memory. `sequence`: of an event, else 0; of one
    without statements only the number is kept. `lost`: it should have been kept, and is not.
    """

    kind: type[Row]
    statements: tuple[Statement, ...]
    weight: int
    sequence: int = 0
    lost: bool = False

    @property
    def binding(self) -> bool:
        """Whether its request must not be sent unless this is written."""
        return self.kind is Intent or self.kind is Going


class Scribe:
    """Writes rows down, as the options want them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._seals = Seals(options)
        self._by_kind: dict[type[Row], Callable[[Any], tuple[Statement, ...]]] = {
            Intent: self._intent,
            Going: self._going,
            Left: self._left,
            Answered: self._answered,
            Settled: self._settled,
            After: self._after,
            Event: self._event,
        }

    def write(self, row: Row) -> Written:
        """Return what stands for a row. Raises whatever the row's own fault makes of it."""
        statements = self._by_kind[type(row)](row)
        weight = sum(_weight(each.parameters) for each in statements)
        return Written(type(row), statements, weight, row.sequence if type(row) is Event else 0)

    def _intent(self, row: Intent) -> tuple[Statement, ...]:
        request = self._seals.request(row.request)
        told = {
            "action": key_of(request),
            "request": encode(request),
            "registration": encode(row.registration),
            "expected": row.expected,
        }
        key, fingerprint = row.idempotency or (None, None)
        taken = (
            row.key,
            _clean(row.request_id),
            _clean(row.request.agent),
            _clean(row.request.dialog_id),
            _clean(row.asked_by),
            None if key is None else keyed_hash(self._options.key, key),
            None if fingerprint is None else keyed_hash(self._options.key, fingerprint),
            micros(row.submitted),
        )
        return (Statement(INTENT, taken), _step(STEP, "intent", row.submitted, told, row.key))

    def _going(self, row: Going) -> tuple[Statement, ...]:
        return (_step(STEP, "going", row.at, self._baseline(row.baseline), row.key),)

    def _left(self, row: Left) -> tuple[Statement, ...]:
        # An earlier version reads the last step `going` alone: the later baseline, or that none is
        # known. It has no word for the leaving itself, which is a step of its own.
        return (
            _step(STEP, "going", row.at, self._baseline(row.baseline), row.key),
            _step(STEP, LEFT, row.at, None, row.key),
        )

    def _baseline(self, baseline: Baseline | None) -> Any:
        return None if baseline is None else encode(self._seals.baseline(baseline))

    def _answered(self, row: Answered) -> tuple[Statement, ...]:
        told = {
            "answer": encode(row.answer),
            "length": row.length,
            "sent": _moment(row.sent),
            BEHIND: LEFT,
        }
        return (_step(STEP, "answer", row.at, told, row.key),)

    def _settled(self, row: Settled) -> tuple[Statement, ...]:
        outcome = self._seals.told(row.outcome)
        told = {"kind": outcome.kind, "outcome": encode(outcome), "sent": _moment(row.sent)}
        return (
            _step(OUTCOME, "outcome", row.at, told, row.key),
            Statement(SETTLED, (micros(row.at), row.key)),
        )

    def _after(self, row: After) -> tuple[Statement, ...]:
        return (_step(STEP, "late", row.at, encode(self._seals.told(row.late)), row.key),)

    def _event(self, row: Event) -> tuple[Statement, ...]:
        data = row.data
        if row.name in NOTIFICATIONS:
            if self._options.notifications == "off":
                return ()
            if self._options.notifications == "headers":
                data = headers_of(data)
        data = self._seals.event(data)
        found = (
            row.sequence,
            micros(row.at),
            row.name,
            _clean(row.agent),
            _clean(row.dialog_id),
            row.key,
            _json(data),
        )
        return (Statement(EVENT, found),)


def headers_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return an event's JSON without its content: what is nested is left out."""
    return {name: value for name, value in data.items() if not isinstance(value, dict | list)}


def _step(sql: str, kind: str, at: datetime, told: Any, key: str) -> Statement:
    return Statement(sql, (kind, micros(at), _json(told), key))


_as_it_is = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _json(value: Any) -> str:
    text = _as_it_is(value)
    return text if _whole(text) else json.dumps(value)


def _whole(text: str) -> bool:
    """Say whether it is text for SQLite too: half of a surrogate pair is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _weight(parameters: Iterable[object]) -> int:
    return sum(len(each) if isinstance(each, str) else 8 for each in parameters) + 200


def micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970 (UTC)."""
    return (moment - _EPOCH) // _MICROSECOND


def _moment(given: datetime | None) -> int | None:
    return None if given is None else micros(given)


def moment_of(given: int) -> datetime:
    """Return the moment that `micros` made that number of."""
    return _EPOCH + timedelta(microseconds=given)

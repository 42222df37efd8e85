"""The records of requests, bounded, and the lines that the log has about them.

Knows times and names; decides nothing, and no digit of a DTMF string comes near it.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime

from listener import digits, logs
from listener.correlation.outcome import Outcome
from listener.correlation.steps import AnswerKind, Late, RestAnswer
from listener.ticket import MAX_LATE, Record

MAX_RECORDS = 20_000

_log = logs.get(__name__)


class Ledger:
    """All records, oldest first; of settled ones the last 20,000 are kept."""

    def __init__(self, keep: int = MAX_RECORDS) -> None:
        self.records: OrderedDict[str, Record] = OrderedDict()
        self._keep = keep

    def add(self, record: Record, waiting: Collection[str]) -> None:
        """Keep a record; the oldest that nobody waits for goes when there are too many."""
        self.records[record.key] = record
        while len(self.records) > self._keep + len(waiting):
            oldest = next(iter(self.records))
            if oldest in waiting:
                self.records.move_to_end(oldest)
            else:
                del self.records[oldest]
        _log.debug("request.submitted", **_names(record))

    def drop(self, key: str) -> None:
        """Forget a record."""
        self.records.pop(key, None)

    def answered(self, key: str, answer: RestAnswer, now: float) -> None:
        """Note when Finesse answered; unknown keys change nothing."""
        record = self.records.get(key)
        if record is not None:
            record.answered, record.answered_at = now_utc(), now
            record.accepted = answer.kind is AnswerKind.ACCEPTED
            _log.debug(
                "request.answered", **_names(record), status=answer.status, detail=answer.detail
            )

    def settled(self, key: str, outcome: Outcome, now: float) -> Record:
        """Note the outcome, and write the one line that a request has."""
        record = self.records[key]
        record.outcome, record.settled = outcome, record.settled or now_utc()
        names = _names(record)
        names["dialog"] = names["dialog"] or outcome.dialogs.new
        _log.info("request.settled", **names, **_told(record, outcome, now))
        return record

    def late(self, late: Late) -> Late | None:
        """Note what came after the outcome, as it may be shown; None when it is not kept."""
        record = self.records.get(late.key)
        if record is None or len(record.late) >= MAX_LATE:
            return None
        late = digits.of_late(late, record.request)
        record.late.append(late)
        _log.warning("request.late", **_names(record), kind=late.kind, detail=late.detail)
        return late


def now_utc() -> datetime:
    """Return the wall-clock time; the only place that reads it for records."""
    return datetime.now(UTC)


def new_key() -> str:
    """Return a new unique key that sorts by time (UUID version 7, RFC 9562)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def _names(record: Record) -> dict[str, str | None]:
    return {
        "id": record.key,
        "request_id": record.request_id,
        "agent": record.request.agent,
        "action": record.request.requested_action,
        "dialog": record.request.dialog_id,
        **({"asked_by": record.asked_by} if record.asked_by is not None else {}),
    }


def _told(record: Record, outcome: Outcome, now: float) -> dict[str, object]:
    """Return what the one line per request says: the word, how it is known, and the three times."""
    begin, answered = record.submitted_at, record.answered_at
    errors = getattr(outcome, "errors", ())
    return {
        "outcome": outcome.kind,
        "evidence": getattr(outcome, "evidence", None),
        "reason": getattr(outcome, "reason", None),
        "status": outcome.status,
        "error": errors[0].error_message or errors[0].error_type if errors else None,
        "rest_ms": None if answered is None else round((answered - begin) * 1000),
        "event_ms": None if answered is None else round((now - answered) * 1000),
        "total_ms": round((now - begin) * 1000),
    }

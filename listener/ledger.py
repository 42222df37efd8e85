"""The records of requests, bounded, and the lines that the log has about them.

Knows times and names, by which records are found; decides nothing. No digit of a DTMF string is
logged or told from here.
"""

from __future__ import annotations

import secrets
import time
import uuid
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from listener import digits, logs
from listener.correlation.outcome import Outcome
from listener.correlation.steps import AnswerKind, Late, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.events import Event, RequestFailed
from listener.ticket import MAX_LATE, Record

MAX_RECORDS = 20_000

_log = logs.get(__name__)


class Ledger:
    """All records, oldest first; of settled ones the last 20,000 are kept."""

    def __init__(self, keep: int = MAX_RECORDS) -> None:
        self.records: OrderedDict[str, Record] = OrderedDict()
        self._keep = keep
        self._all = _Index()
        self._open = _Index()
        self._by_agent: dict[str, _Index] = {}
        self._by_request_id: dict[str, _Index] = {}
        self._spoken = digits.Spoken()

    def add(
        self, record: Record, waiting: Collection[str], *, settled_at: float | None = None
    ) -> None:
        """Keep a record; the oldest that nobody waits for goes when there are too many.

        `settled_at`: when it had its outcome, by the loop's clock, where it has one.
        """
        self.drop(record.key)
        self.records[record.key] = record
        for index in self._indexes(record):
            index.add(record.key)
        self._spoken.begin(record.key, record.request)
        if settled_at is None:
            self._open.add(record.key)
        else:
            self._spoken.end(record.key, settled_at)
        while len(self.records) > self._keep + len(waiting):
            oldest = next(iter(self.records))
            if oldest in waiting:
                self.records.move_to_end(oldest)
            else:
                self.drop(oldest)
        _log.debug("request.submitted", **_names(record))

    def announce(self, record: Record) -> None:
        """Take note of the digits of a record that will be added."""
        self._spoken.begin(record.key, record.request)

    def drop(self, key: str) -> None:
        """Forget a record."""
        record = self.records.pop(key, None)
        if record is None:
            return
        for index in self._indexes(record):
            index.remove(key)
        self._open.remove(key)
        for found, name in (
            (self._by_agent, record.request.agent),
            (self._by_request_id, record.request_id),
        ):
            if not found[name]:
                del found[name]

    def _indexes(self, record: Record) -> tuple[_Index, ...]:
        agent, request_id = record.request.agent, record.request_id
        return (
            self._all,
            self._by_agent.setdefault(agent, _Index()),
            self._by_request_id.setdefault(request_id, _Index()),
        )

    def newest(
        self,
        *,
        agent: str | None,
        request_id: str | None,
        settled: bool | None,
        before: str | None = None,
    ) -> Iterator[Record]:
        """Yield the records that fit, newest first; None fits all. Nothing may change meanwhile.

        `before`: only those whose key sorts before that one.
        """
        index: _Index | None = self._all
        if request_id is not None:
            index = self._by_request_id.get(request_id)
        elif settled is False:
            index = self._open
        elif agent is not None:
            index = self._by_agent.get(agent)
        for key in index.before(before) if index is not None else ():
            record = self.records[key]
            if (
                agent in {None, record.request.agent}
                and request_id in {None, record.request_id}
                and settled in {None, record.outcome is not None}
            ):
                yield record

    def discreet(self, event: Event, now: float) -> Event:
        """Return an event as it may be told: errors without the digits that were sent.

        Of requests that are open or were a moment ago, and of the one that the event names.
        """
        if not isinstance(event, RequestFailed):
            return event
        requests = self._spoken.of((event.owner, event.user_id), now, event.dialog_id)
        named = self.newest(agent=None, request_id=event.request_id or "", settled=None)
        return digits.of_event(event, [*requests, *(record.request for record in named)])

    def answered(self, key: str, answer: RestAnswer, now: float, at: datetime) -> None:
        """Note when Finesse answered, `at` wall time; unknown keys change nothing."""
        record = self.records.get(key)
        if record is not None:
            record.answered, record.answered_at = at, now
            record.accepted = answer.kind is AnswerKind.ACCEPTED
            _log.debug(
                "request.answered", **_names(record), status=answer.status, detail=answer.detail
            )

    def settled(self, key: str, outcome: Outcome, now: float) -> Record:
        """Note the outcome, and write the one line that a request has."""
        record = self.records[key]
        record.outcome, record.settled = outcome, record.settled or now_utc()
        self._open.remove(key)
        self._spoken.end(key, now)
        names = _names(record)
        names["dialog"] = names["dialog"] or outcome.dialogs.new
        _log.info("request.settled", **names, **_told(record, outcome, now))
        return record

    def discreet_outcome(self, outcome: Outcome, request: Request, now: float) -> Outcome:
        """Return the outcome of a request as it may be told: without digits, whoever sent them."""
        return digits.said_of(outcome, [request, *self._spoken.near(request, now)])

    def late(self, late: Late, now: float) -> Late | None:
        """Note what came after the outcome, as it may be shown; None when it is not kept."""
        record = self.records.get(late.key)
        if record is None or len(record.late) >= MAX_LATE:
            return None
        late = digits.said_late(late, [record.request, *self._spoken.near(record.request, now)])
        record.late.append(late)
        _log.warning("request.late", **_names(record), kind=late.kind, detail=late.detail)
        return late


class _Index:
    """Keys in order."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._keys)

    def before(self, key: str | None) -> Iterator[str]:
        """Run through the keys that sort before that one, from the newest on; None: through all."""
        if key is None:
            return reversed(self._keys)
        end = bisect_left(self._keys, key)
        return (self._keys[place] for place in range(end - 1, -1, -1))

    def add(self, key: str) -> None:
        insort(self._keys, key)  # at the end, but for what an earlier process made

    def remove(self, key: str) -> None:
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            del self._keys[place]


def now_utc() -> datetime:
    """Return the wall-clock time; the only place that reads it for records."""
    return datetime.now(UTC)


_SET_BACK = 10_000
"""Milliseconds by which the wall clock may be set back without keys sorting out of their turn."""
_RANDOM = 74  # bits of a key that say no time and no version
_LATER = 32  # bits of the random step from one key to the next of the same millisecond


class _Keys:
    """Makes keys that sort in the order in which they were made (RFC 9562, section 6.2)."""

    __slots__ = ("_moment", "_rest")

    def __init__(self) -> None:
        self._moment = 0
        self._rest = 0

    def new(self) -> str:
        """Return the next one."""
        now = time.time_ns() // 1_000_000
        if self._moment - _SET_BACK <= now <= self._moment:
            self._rest += 1 + secrets.randbits(_LATER)
        else:
            self._moment, self._rest = now, secrets.randbits(_RANDOM - 1)  # with room above
        high, low = self._rest >> 62, self._rest & (1 << 62) - 1
        return str(uuid.UUID(int=self._moment << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


new_key = _Keys().new
"""Returns a new unique key (UUID version 7): by time, and in this process in the order of making,
also within a millisecond and when the wall clock was set back a little."""


def first_key(moment: datetime) -> str:
    """Return what sorts before all keys that are made from that moment on, and behind the others.

    Keys of the same millisecond are behind it.
    """
    digits = f"{int(moment.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-7"


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

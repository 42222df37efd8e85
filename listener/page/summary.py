"""Outcomes per action, how long they took, and errors by their constant, of a time up to now.

From the requests in memory, looked at in turns with all else on the loop; the same answer serves
everybody for a second. Pure but for that; knows no HTTP.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from listener.errors import NotKept
from listener.ledger import MAX_RECORDS, first_key
from listener.offers import Resource
from listener.page.rows import name_of, name_of_type
from listener.report import errors_json, stamp
from listener.tally import LATENCY_BOUNDS, OUTCOMES
from listener.ticket import Record

if TYPE_CHECKING:
    from listener.page.page import Page

AT_ONCE = 200
"""Records that are looked at while the loop stands still."""
GOOD_FOR = 1.0
"""Seconds in which the same answer serves."""
MOST_ACTIONS = 60
MOST_ERRORS = 100
"""Kinds of errors that are told, the most frequent ones."""
EXAMPLES = 5
"""Requests that are named for each kind of error, the newest."""


@dataclass(slots=True)
class _Action:
    outcomes: Counter[str] = field(default_factory=Counter)
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))

    def add(self, record: Record) -> None:
        outcome = record.outcome
        self.outcomes["open" if outcome is None else outcome.kind] += 1
        if outcome is not None:
            self.latency[bisect_left(LATENCY_BOUNDS, outcome.waited)] += 1


@dataclass(slots=True)
class _Error:
    told: dict[str, Any]
    last: datetime
    count: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    requests: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.count += 1
        self.actions[record.request.requested_action] += 1
        if len(self.requests) < EXAMPLES:  # the newest come first
            self.requests.append(record.key)


class _Sum:
    """What was counted so far, the newest requests first."""

    def __init__(self, deployment: str | None) -> None:
        self._deployment = deployment
        self.counted = 0
        self.actions: dict[str, _Action] = {}
        self.errors: dict[str, _Error] = {}

    def add(self, record: Record) -> None:
        self.counted += 1
        action = record.request.requested_action
        if action not in self.actions and len(self.actions) >= MOST_ACTIONS:
            action = "other"
        self.actions.setdefault(action, _Action()).add(record)
        errors = getattr(record.outcome, "errors", ())
        if errors:
            self._errors(record, errors)

    def _errors(self, record: Record, errors: tuple[Any, ...]) -> None:
        status = getattr(record.outcome, "status", None)
        rejected = getattr(record.outcome, "kind", None) == "rejected"
        told = errors_json(
            errors, record.request, self._deployment, status=status if rejected else None
        )
        for name, error in {name_of(each): each for each in told}.items():
            if name not in self.errors:
                if len(self.errors) >= 10 * MOST_ERRORS:
                    continue
                self.errors[name] = _Error(error, record.settled or record.submitted)
            self.errors[name].add(record)


class Summaries:
    """Makes summaries, one at a time, and keeps the last of each length for a second."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, Resource]] = {}
        self._making = asyncio.Lock()

    def forget(self) -> None:
        """Keep none."""
        self._kept.clear()

    async def of(self, page: Page, minutes: int) -> Resource:
        """Return the summary of so many minutes up to now."""
        async with self._making:
            at, found = self._kept.get(minutes, (float("-inf"), {}))
            if page.clock() - at >= GOOD_FOR:
                found = await _summary(page, minutes)
                self._kept = {minutes: (page.clock(), found)}
            return found


async def _summary(page: Page, minutes: int) -> Resource:
    until = page.wall()
    since = until - timedelta(minutes=minutes)
    found, before = _Sum(page.service.deployment), None
    while True:
        index = page.service.newest(agent=None, request_id=None, settled=None, before=before)
        some = list(islice(index, AT_ONCE))
        for record in some:
            if record.submitted >= since:
                found.add(record)
        if len(some) < AT_ONCE or some[-1].submitted < since:
            break
        before = some[-1].key
        await asyncio.sleep(0)
    return {
        "since": stamp(since),
        "until": stamp(until),
        "counted": found.counted,
        "complete": found.counted < MAX_RECORDS and not await _older(page, since),
        "bounds": list(LATENCY_BOUNDS),
        "actions": [_action(name, each) for name, each in sorted(found.actions.items())],
        "errors": [
            _error(name, each)
            for name, each in sorted(found.errors.items(), key=lambda item: -item[1].count)
        ][:MOST_ERRORS],
    }


async def _older(page: Page, since: datetime) -> bool:
    """Say whether the journal has requests of that time from before this process."""
    journal = page.chronicle.journal
    if journal is None or page.started <= since:
        return False
    span = first_key(since), first_key(page.started)
    try:
        return await journal.answer(
            lambda reading: reading.connection.execute(_ANY, span).fetchone() is not None
        )
    except NotKept:
        return True


_ANY = "SELECT 1 FROM requests WHERE key >= ? AND key < ? LIMIT 1"


def _action(name: str, action: _Action) -> Resource:
    return {
        "action": name,
        "total": action.outcomes.total(),
        "outcomes": {each: action.outcomes[each] for each in (*OUTCOMES, "open")},
        "latency": action.latency,
    }


def _error(name: str, error: _Error) -> Resource:
    told = error.told
    return {
        "key": name,
        "constant": told.get("constant"),
        "errorType": None if not told.get("errorType") else name_of_type(told["errorType"]),
        "family": told.get("family"),
        "code": _code(told),
        "meaning": told.get("meaning"),
        "advice": told.get("advice"),
        "count": error.count,
        "last": stamp(error.last),
        "actions": dict(error.actions),
        "requests": error.requests,
    }


def _code(told: dict[str, Any]) -> str | None:
    """Return the number that Finesse gave, and nothing that may be a telephone number."""
    for key in ("peripheralErrorCode", "errorData"):
        value = str(told.get(key) or "")
        if value.lstrip("-").isdigit() and len(value) <= 6:  # noqa: PLR2004  digits of a code
            return value
    return None

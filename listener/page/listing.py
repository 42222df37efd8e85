"""The page's table, a page of rows at a time: what is in memory first, then what the journal has.

The newest first, by our ids, which sort by time. Long lists are made in turns with all else on the
loop. Knows filters; knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from listener.errors import NotKept
from listener.finesse.actions import ACTIONS
from listener.journal.reading import Reading
from listener.ledger import MAX_RECORDS, first_key
from listener.offers import Resource
from listener.page.rows import row_of
from listener.ticket import Record

if TYPE_CHECKING:
    from listener.page.page import Page

AT_ONCE = 50
"""Rows that are made while the loop stands still."""
LOOKED_AT = 500
"""Records that are looked at while it stands still."""
FROM_JOURNAL = 200
"""Requests that the journal is asked for at once."""
MOST_LOOKED = 5_000
"""Requests of the journal that are looked through for one page of rows, where few fit."""
PATIENCE = 2.0
"""Seconds that the journal is searched for one piece of the table."""
BEGINNINGS = (
    "among older requests, of the journal, the text is looked for at the beginning of ids and"
    " agents alone, and anywhere in an action's name"
)
SEARCHED = 200_000
"""Requests, the newest, whose ids the journal searches for a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which requests are wanted; None takes all.

    `text` is looked for in the ids, the agent and the action's name.
    """

    agent: str | None = None
    dialog_id: str | None = None
    request_id: str | None = None
    settled: bool | None = None
    kind: str | None = None
    text: str | None = None

    def fits(self, record: Record) -> bool:
        """Say whether a record is wanted."""
        request = record.request
        return (
            self.agent in {None, request.agent}
            and self.dialog_id in {None, request.dialog_id}
            and self.request_id in {None, record.request_id}
            and self.settled in {None, record.outcome is not None}
            and self.kind in {None, getattr(record.outcome, "kind", None)}
            and (self.text is None or self._found(record))
        )

    def _found(self, record: Record) -> bool:
        wanted = (self.text or "").casefold()
        request = record.request
        action = request.requested_action
        names = (record.key, record.request_id, request.agent, request.dialog_id, action)
        return any(wanted in each.casefold() for each in names if each)

    def conditions(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """Yield what a row of the journal must fulfil, as SQL with its values."""
        columns = {
            "agent": self.agent,
            "dialog_id": self.dialog_id,
            "request_id": self.request_id,
        }
        for column, value in columns.items():
            if value is not None:
                yield f"{column} = ?", (value,)
        if self.settled is not None or self.kind is not None:
            settled = self.settled if self.settled is not None else True
            yield f"settled IS {'NOT ' if settled else ''}NULL", ()
        if self.text is not None:
            yield _begins_or_acts(self.text)
            yield "id > (SELECT coalesce(max(id), 0) - ? FROM requests)", (SEARCHED,)


_TEXTS = ("key", "request_id", "agent", "dialog_id")
_ACTS = (
    "EXISTS (SELECT 1 FROM steps WHERE steps.request = requests.id AND kind = 'intent'"
    " AND json_extract(data, '$.action') = ?)"
)


def _begins_or_acts(text: str) -> tuple[str, tuple[str, ...]]:
    """Return what fits where a name begins with a text, or an action's holds it, in any case."""
    begins = "".join("\\" + c if c in "\\%_" else c for c in text) + "%"
    actions = [name for name in ACTIONS if text.casefold() in name.casefold()]
    either = [f"{name} LIKE ? ESCAPE '\\'" for name in _TEXTS] + [_ACTS] * len(actions)
    return f"({' OR '.join(either)})", (*(begins,) * len(_TEXTS), *actions)


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows, the newest first; `next`: what to ask for as `before`, None when that was all."""

    rows: list[Resource]
    next: str | None
    notes: tuple[str, ...] = ()


async def listed(page: Page, wanted: Filters, before: str | None, limit: int) -> Listed:
    """Return the rows behind `before` (an id), at most `limit`."""
    floor = _floor(page)
    found = await _in_memory(page, wanted, before, limit)
    complete = [record for record in found if record.key >= floor]
    if len(complete) >= limit:
        chosen = complete[:limit]
        return Listed(await _rows(page, chosen), chosen[-1].key)
    by_key = {record.key: record for record in found}
    behind = floor if before is None else min(before, floor)
    older, following, notes = await _in_journal(page, wanted, behind, limit - len(complete))
    by_key |= {record.key: record for record in older if record.key not in page.service.records}
    newest = sorted(by_key.values(), key=lambda record: record.key, reverse=True)
    if following is not None:  # what is older than that was not looked at
        newest = [record for record in newest if record.key >= following]
    chosen = newest[:limit]
    more = len(newest) > limit
    return Listed(await _rows(page, chosen), chosen[-1].key if more else following, notes)


def _floor(page: Page) -> str:
    """Return the id from which on every request is in memory."""
    since = first_key(page.started)
    records = page.service.records
    if len(records) < MAX_RECORDS:
        return since
    return max(since, next(iter(records)))


async def _in_memory(page: Page, wanted: Filters, before: str | None, limit: int) -> list[Record]:
    """Return those in memory that fit, the newest first; one more than is wanted."""
    found: list[Record] = []
    while True:
        index = page.service.newest(
            agent=wanted.agent,
            request_id=wanted.request_id,
            settled=wanted.settled,
            before=before,
        )
        some = list(islice(index, LOOKED_AT))
        found += filter(wanted.fits, some)
        if len(some) < LOOKED_AT or len(found) > limit:
            return found[: limit + 1]
        before = some[-1].key
        await asyncio.sleep(0)


async def _in_journal(
    page: Page, wanted: Filters, before: str, limit: int
) -> tuple[list[Record], str | None, tuple[str, ...]]:
    """Return those of the journal that fit, where to go on (None: at the end), and notes."""
    journal = page.chronicle.journal
    if journal is None:
        return [], None, ()
    found: list[Record] = []
    notes = () if wanted.text is None else (BEGINNINGS,)
    looked = 0
    while True:
        question = _question(wanted, before)
        try:
            some = await journal.answer(question)
        except NotKept as error:
            return found, None, (*notes, f"older requests cannot be read: {error}")
        found += [record for record in some.records if wanted.kind in {None, _kind(record)}]
        looked += some.looked
        if some.looked < FROM_JOURNAL:
            return found, None, notes
        before = some.last
        if len(found) >= limit or looked >= MOST_LOOKED:
            return found, before, notes


@dataclass(frozen=True, slots=True)
class _Some:
    """Requests of the journal; `looked`: how many there were, readable or not, down to `last`."""

    records: list[Record]
    looked: int
    last: str


def _question(wanted: Filters, before: str) -> Callable[[Reading], _Some]:
    conditions = [("key < ?", (before,)), *wanted.conditions()]
    where = " AND ".join(each for each, _ in conditions)
    values = tuple(value for _, some in conditions for value in some)
    # Ours, but for parameters.
    sql = f"SELECT key FROM requests WHERE {where} ORDER BY key DESC LIMIT ?"  # noqa: S608

    def question(reading: Reading) -> _Some:
        with reading.within(PATIENCE):
            found = reading.connection.execute(sql, (*values, FROM_JOURNAL)).fetchall()
        keys = [str(key) for (key,) in found]
        if not keys:
            return _Some([], 0, before)
        some = f"WHERE key IN ({', '.join('?' * len(keys))}) ORDER BY key DESC"
        records = [each.record for each in reading.stored(some, tuple(keys))]
        return _Some(records, len(keys), keys[-1])

    return question


def _kind(record: Record) -> str | None:
    return None if record.outcome is None else record.outcome.kind


async def _rows(page: Page, records: Iterable[Record]) -> list[Resource]:
    correlator, deployment = page.service.correlator, page.service.deployment
    rows: list[Resource] = []
    for number, record in enumerate(records, start=1):
        rows.append(row_of(record, correlator.state(record.key), deployment))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return rows

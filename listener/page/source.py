"""Where the page's stories come from: the journal, and what is in memory where it has less.

Knows both places; what the facts mean together is `listener.story`'s. Times are seconds since 1970.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from listener.errors import NotKept
from listener.journal.reading import Reading
from listener.report import record_json
from listener.story.archive import Archive
from listener.story.facts import (
    MOST_EVENTS,
    Asked,
    Facts,
    Heard,
    NothingKnown,
    Wanted,
    around,
    dialogs_of,
    seconds,
)
from listener.ticket import Record

if TYPE_CHECKING:
    from listener.page.page import Page
    from listener.readers import Entry

HEARD = frozenset({"dialog", "user", "error", "gap"})
MOST_NEIGHBOURS = 20
MOST_LOOKED = 2_000
"""Requests, the newest of an agent, among which is looked for those of one story."""
PATIENCE = 3.0
"""Seconds that the journal is searched for one story."""
_AT_ONCE = 500
_SLACK = 1.0  # seconds between an event and its number in the order of events


async def facts_of(page: Page, wanted: Wanted) -> Facts:
    """Return what the daemon knows of it. Raises NothingKnown."""
    now = page.wall().timestamp()
    journal = page.chronicle.journal
    if journal is None:
        return await _in_memory(page, wanted, now)
    try:
        found = await journal.answer(lambda reading: _asked(reading, wanted, now))
    except NotKept as error:
        found = await _in_memory(page, wanted, now)
        return replace(found, notes=(*found.notes, f"the journal cannot be read: {error}"))
    return found if page.whole else await _with_events(page, wanted, found, now)


def _asked(reading: Reading, wanted: Wanted, now: float) -> Facts:
    with reading.within(PATIENCE):
        return reading.used_as(Archive).facts(wanted, now, "the daemon's journal")


async def _with_events(page: Page, wanted: Wanted, found: Facts, now: float) -> Facts:
    """Return the facts with the events of late: the journal has no or only parts of them."""
    since, until = _window(wanted, found.requests, now)
    events, left_out = await _events(page, wanted, found.requests, since, until)
    note = "the journal keeps no contents of notifications: those of late are from memory"
    return replace(found, events=events, more_events=left_out, notes=(*found.notes, note))


# ---------------------------------------------------------------- in memory


async def _in_memory(page: Page, wanted: Wanted, now: float) -> Facts:
    chosen, more = _chosen(page, wanted, now)
    if wanted.request is not None and not chosen:
        raise NothingKnown(f"the daemon knows no request {wanted.request}")
    asked = tuple(_one(page, record) for record in chosen)
    neighbours = _neighbours(page, asked) if wanted.request is not None else ()
    since, until = _window(wanted, asked, now)
    events, left_out = await _events(page, wanted, asked, since, until)
    if not asked and not events:
        raise NothingKnown(f"the daemon knows nothing of {wanted.subject}")
    return Facts(
        source="the daemon's memory",
        requests=(*asked, *neighbours),
        events=events,
        more_requests=more,
        more_events=left_out,
        end=now,
        known={
            (record.request.agent, record.request_id): record.request.requested_action
            for tag in {event.tag for event in events if event.tag}
            for record in page.service.newest(agent=None, request_id=tag, settled=None)
        },
    )


def _one(page: Page, record: Record) -> Asked:
    state = page.service.correlator.state(record.key)
    told = record_json(record, state, page.service.deployment)
    own = record.request.device or page.own(record.request.agent)
    return Asked(told=told, own=own, expected=record.expected)


def _chosen(page: Page, wanted: Wanted, now: float) -> tuple[list[Record], int]:
    service = page.service
    if wanted.request is not None:
        one = service.records.get(wanted.request)
        found = [one] if one else _newest(page, None, wanted.request)
    else:
        since, until = _span(wanted, now)
        found = [
            record
            for record in _newest(page, wanted.agent, None)
            if wanted.dialog in {None, record.request.dialog_id}
            and since <= record.submitted.timestamp() <= until
        ]
    return found[: wanted.limit], max(0, len(found) - wanted.limit)


def _newest(page: Page, agent: str | None, request_id: str | None) -> list[Record]:
    index = page.service.newest(agent=agent, request_id=request_id, settled=None)
    return [record for record, _ in zip(index, range(MOST_LOOKED), strict=False)]


def _neighbours(page: Page, asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """Return what else was at work for the same agent while one of these was open."""
    known = {each.key for each in asked}
    found: list[Asked] = []
    for agent in {each.agent for each in asked}:
        for record in _newest(page, agent, None):
            begin = record.submitted.timestamp()
            end = record.settled.timestamp() if record.settled else float("inf")
            near = any(
                begin < (mine.settled or float("inf")) and end > mine.submitted for mine in asked
            )
            if near and record.key not in known and len(found) < MOST_NEIGHBOURS:
                found.append(replace(_one(page, record), neighbour=True))
    return tuple(found)


def _window(wanted: Wanted, asked: tuple[Asked, ...], now: float) -> tuple[float, float]:
    mine = tuple(each for each in asked if not each.neighbour)
    if mine and (wanted.request is not None or (wanted.dialog and wanted.last is None)):
        since, until = around(mine, now)
        return since, max(until, since)
    return _span(wanted, now)


def _span(wanted: Wanted, now: float) -> tuple[float, float]:
    until = wanted.until if wanted.until is not None else now
    if wanted.last is not None:
        return until - wanted.last, until
    return (wanted.since if wanted.since is not None else 0.0), until


async def _events(
    page: Page, wanted: Wanted, asked: tuple[Asked, ...], since: float, until: float
) -> tuple[tuple[Heard, ...], int]:
    """Return the events of that time that matter, and how many are left out."""
    agents = {each.agent for each in asked if not each.neighbour} | {wanted.agent}
    dialogs = frozenset[str]().union(*(dialogs_of(each) for each in asked if not each.neighbour))
    dialogs |= {wanted.dialog} if wanted.dialog is not None else set()
    found: list[Heard] = []
    entries = page.chronicle.recent()
    for begin in range(0, len(entries), _AT_ONCE):
        for entry in entries[begin : begin + _AT_ONCE]:
            if entry.told.name in HEARD and (entry.agent in agents or entry.dialog_id in dialogs):
                heard = _heard(entry)
                if since - _SLACK <= heard.at <= until + _SLACK:
                    found.append(heard)
        await asyncio.sleep(0)
    return tuple(found[:MOST_EVENTS]), max(0, len(found) - MOST_EVENTS)


def _heard(entry: Entry) -> Heard:
    data = entry.told.data
    return Heard(
        at=seconds(data.get("at")) or 0.0,
        name=entry.told.name,
        agent=entry.agent,
        dialog=entry.dialog_id,
        key=entry.key,
        data=data,
    )

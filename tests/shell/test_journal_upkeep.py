"""The journal stays within its age and size, and an open request never goes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import structlog

from listener.journal.writer import Paces
from tests.shell.journals import (
    FULL,
    Clock,
    Disk,
    a_life,
    a_record,
    an_event,
    journal_at,
    options,
    settled,
    taken,
)
from tests.shell.stage import until

OFTEN = Paces(retry=0.01, idle=60.0, upkeep=0.0)
TWO_DAYS = options(retention=timedelta(days=2))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


async def test_events_and_settled_requests_go_when_they_are_too_old(path):
    clock = Clock()
    async with journal_at(path, TWO_DAYS, now=clock, paces=OFTEN) as journal:
        old, new, open_ = await a_life(journal), a_record(), a_record()
        await journal.put(taken(open_), an_event(1), an_event(2))
        clock.forward(days=1)
        await a_life(journal, new, at=clock())
        await journal.put(an_event(3, at=clock()))
        clock.forward(days=1, seconds=1)
        await until(lambda: journal.first_sequence == 3)
        await until_gone(journal, old)
        kept = {each.record.key for each in await journal.requests()}
        assert kept == {new.key, open_.key}
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [3]


async def until_gone(journal, record):
    async with asyncio.timeout(20):
        while await journal.request(record.key) is not None:  # noqa: ASYNC110  as in `until`
            await asyncio.sleep(0.005)


async def test_the_last_number_stays_known_when_every_event_is_gone(path):
    clock = Clock()
    async with journal_at(path, TWO_DAYS, now=clock, paces=OFTEN) as journal:
        await journal.put(*(an_event(number) for number in range(1, 700)))
        clock.forward(days=3)
        await until(lambda: journal.first_sequence == 0)
        assert journal.last_sequence == 699
        assert (await journal.events(0, 9)).rows == []
    async with journal_at(path, TWO_DAYS, now=clock) as journal:
        assert (journal.first_sequence, journal.last_sequence) == (0, 699)
        assert (await journal.events(0, 9)).floor == journal.floor == 699
        await journal.put(an_event(700, at=clock()))
        assert (journal.first_sequence, journal.last_sequence) == (700, 700)


async def test_what_a_wrong_clock_dated_into_the_future_goes_with_what_followed_it(path):
    clock = Clock()
    async with journal_at(path, TWO_DAYS, now=clock, paces=OFTEN) as journal:
        clock.forward(days=4000)
        await journal.put(*(an_event(number, at=clock()) for number in range(1, 300)))
        wrong = await a_life(journal, at=clock())
        clock.forward(days=-4000)
        await journal.put(an_event(300, at=clock()))
        right = await a_life(journal, at=clock())
        clock.forward(days=1)
        await journal.put(an_event(301, at=clock()))
        clock.forward(days=1, seconds=1)
        await until(lambda: journal.first_sequence == 301)
        await until_gone(journal, right)
        await until_gone(journal, wrong)


async def test_a_clock_that_is_set_back_removes_nothing(path):
    clock = Clock()
    async with journal_at(path, TWO_DAYS, now=clock, paces=OFTEN) as journal:
        await a_life(journal)
        await journal.put(an_event(1))
        clock.forward(days=-4000)
        for number in range(2, 6):  # each lets a round of upkeep pass
            await journal.put(an_event(number, at=clock()))
        assert journal.first_sequence == 1
        assert len(await journal.requests()) == 1


async def test_the_oldest_events_go_first_when_the_file_is_too_big(path):
    small = options(max_bytes=1 << 20)
    async with journal_at(path, small, paces=OFTEN) as journal:
        record = await a_life(journal)
        for number in range(1, 301):
            await journal.put(an_event(number, data={"filler": "x" * 8000}))
        await until(lambda: journal.first_sequence > 150)
        await until(lambda: path.stat().st_size < 1 << 21 or journal.first_sequence == 0)
        left = (await journal.events(0, 1000)).rows
        assert [each.sequence for each in left] == list(range(journal.first_sequence, 301))
        assert await journal.request(record.key) is not None
    assert path.stat().st_size < 3 << 19


async def test_then_the_oldest_settled_requests_go_and_open_ones_never(path):
    small = options(max_bytes=1 << 19)
    filler = {"dialog": None, "applied": tuple(f"{n:01000}" for n in range(8))}
    async with journal_at(path, small, paces=OFTEN) as journal:
        open_ = [a_record(asked_by="x" * 3000) for _ in range(20)]
        for record in open_:
            await journal.put(taken(record))
        ended = [a_record() for _ in range(400)]
        for record in ended:
            await journal.put(taken(record), settled(record, **filler))
        await until_gone(journal, ended[150])
        assert await journal.request(ended[-1].key) is not None
        assert {each.record.key for each in await journal.unsettled()} == {
            each.key for each in open_
        }


async def test_a_file_of_open_requests_alone_may_be_too_big(path):
    async with journal_at(path, options(max_bytes=1), paces=OFTEN) as journal:
        record = a_record()
        await journal.put(taken(record), an_event(1))
        await until(lambda: journal.first_sequence == 0)
        assert len(await journal.unsettled()) == 1
        assert await journal.put(settled(record))


async def test_the_wal_is_emptied_when_nothing_was_written_for_a_while(path):
    wal = path.with_name("journal.db-wal")
    async with journal_at(path, paces=Paces(idle=0.0, upkeep=3600.0)) as journal:
        await journal.put(taken(a_record()))
        await until(lambda: wal.stat().st_size == 0)


async def test_upkeep_that_fails_is_told_and_harms_nothing(path):
    clock, disk = Clock(), Disk(at=("DELETE",))
    logged = structlog.testing.LogCapture()
    structlog.configure(processors=[logged])
    async with journal_at(path, TWO_DAYS, now=clock, paces=OFTEN, connect=disk.connect) as journal:
        await journal.put(an_event(1))
        disk.fails = FULL
        clock.forward(days=3)
        assert await journal.put(an_event(2, at=clock()))
        await until(lambda: "upkeep.failed" in [each["event"] for each in logged.entries])
        assert (journal.trouble, journal.first_sequence) == (None, 1)
        disk.fails = None
        await until(lambda: journal.first_sequence == 2)

"""The disk is full, or fails: nothing new is taken, what happened is kept, all comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
import structlog

from listener.errors import ConfigurationError, NotKept
from listener.journal.parcels import Backlog
from listener.journal.writer import Paces
from tests.shell.journals import (
    FULL,
    IO,
    START,
    Clock,
    Disk,
    a_life,
    a_record,
    after,
    an_event,
    answered,
    going,
    journal_at,
    opened,
    settled,
    taken,
)
from tests.shell.stage import until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
def logged():
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    return capture.entries


def names(logged):
    return [each["event"] for each in logged if each["event"] != "journal.opened"]


@pytest.mark.parametrize("fault", [FULL, IO, ("attempt to write a readonly database", 8)])
@pytest.mark.parametrize("at", ["BEGIN IMMEDIATE", "INSERT", "COMMIT"])
async def test_in_trouble_intents_are_refused_and_what_happened_is_written_later(
    path, fault, at, logged
):
    disk = Disk(at=(at,))
    troubles, safe = [], []
    open_, new = a_record(), a_record()
    async with journal_at(path, connect=disk.connect) as journal:
        journal.on_trouble, journal.on_written = troubles.append, safe.append
        await journal.put(taken(open_))
        await journal.put(going(open_))
        disk.fails = fault
        assert not await journal.put(taken(new), an_event(1, "request"))
        assert troubles == [journal.trouble] == [fault[0]]
        assert not await journal.put(answered(open_))
        assert not await journal.put(settled(open_), an_event(2))
        assert not await journal.put(after(open_))
        assert not await journal.put(taken(a_record()))
        assert not await journal.put(going(new))
        assert len(await journal.unsettled()) == 1  # it still answers
        assert safe == []
        disk.fails = None
        await until(lambda: journal.trouble is None)
        assert troubles == [fault[0], None]
        assert safe[-1] == 2
        stored = await journal.request(open_.key)
        assert stored.record.outcome.kind == "confirmed"
        assert stored.answer is not None
        assert len(stored.record.late) == 1
        assert await journal.request(new.key) is None
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [1, 2]
        assert await journal.put(taken(new))
        assert journal.dropped == 0
    assert names(logged) == ["journal.trouble", "journal.recovered"]


async def test_the_future_of_a_put_is_done_once_the_trouble_is_known(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        seen = []
        disk.fails = FULL
        put = journal.put(taken(a_record()))
        put.add_done_callback(lambda _: seen.append(journal.trouble))
        assert not await put
        assert seen == [FULL[0]]
        disk.fails = None


async def test_trouble_ends_by_itself_with_nothing_to_write(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        disk.fails = FULL
        await journal.put(taken(a_record()))
        assert journal.trouble
        disk.fails = None
        await until(lambda: journal.trouble is None)


async def test_another_reason_replaces_the_first(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        disk.fails = FULL
        await journal.put(taken(a_record()))
        disk.fails = IO
        await until(lambda: journal.trouble == IO[0])
        disk.fails = None


async def test_commits_failed_tries_and_the_size_are_told(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        assert journal.figures[:2] == (0, 0)
        assert journal.figures.bytes > 0

        assert await journal.put(an_event(1, data={"large": "x" * 1_000_000}))
        assert journal.figures[:2] == (1, 0)
        assert journal.figures.bytes > 1_000_000

        disk.fails = FULL
        assert not await journal.put(taken(a_record()))
        assert journal.figures.failures > 0
        assert journal.figures.commits == 1

        disk.fails = None
        await until(lambda: journal.trouble is None)
        assert journal.figures.commits > 1


async def test_order_holds_over_trouble(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        disk.fails = FULL
        puts = [journal.put(an_event(number)) for number in range(1, 40)]
        await asyncio.gather(*puts)
        disk.fails = None
        puts = [journal.put(an_event(number)) for number in range(40, 80)]
        await until(lambda: journal.last_sequence == 79)
        assert [each.sequence for each in (await journal.events(0, 99)).rows] == list(range(1, 80))
        await asyncio.gather(*puts)


async def test_events_are_given_up_first_when_too_much_waits_for_room(path, logged):
    disk = Disk()
    safe = []
    record = a_record()
    async with journal_at(path, connect=disk.connect, backlog=Backlog(max_rows=10)) as journal:
        await journal.put(taken(record), an_event(1))
        journal.on_written = safe.append
        disk.fails = FULL
        for number in range(2, 20):
            await journal.put(an_event(number))
        await journal.put(settled(record), an_event(20))
        await until(lambda: journal.dropped > 0)
        given_up = safe[-1]
        assert 2 <= given_up < 20
        assert (await journal.events(1, 99)).floor == given_up  # told before there is room again
        disk.fails = None
        await until(lambda: journal.last_sequence == 20)
        kept = list(range(given_up + 1, 21))
        assert [each.sequence for each in (await journal.events(1, 99)).rows] == kept
        assert journal.first_sequence == given_up + 1  # nobody reads over the hole
        assert journal.dropped == given_up - 1
        assert (await journal.request(record.key)).record.outcome is not None
    assert "journal.dropped" in names(logged)


async def test_then_what_came_late_goes_then_answers_and_outcomes_last(path):
    disk = Disk()
    records = [a_record() for _ in range(12)]
    async with journal_at(path, connect=disk.connect, backlog=Backlog(max_rows=12)) as journal:
        await journal.put(*(taken(record) for record in records))
        disk.fails = FULL
        for record in records[:6]:
            await journal.put(answered(record), settled(record), after(record))
        disk.fails = None
        await until(lambda: journal.trouble is None)
        stored = [await journal.request(record.key) for record in records[:6]]
        assert all(each.record.outcome is not None for each in stored)
        assert journal.dropped > 0
        lates = [len(each.record.late) for each in stored]
        assert sum(lates) < 6
        assert lates == sorted(lates)  # the oldest went first


async def test_what_waits_for_room_is_bounded_in_bytes(path):
    disk = Disk()
    backlog = Backlog(max_weight=100_000)
    async with journal_at(path, connect=disk.connect, backlog=backlog) as journal:
        disk.fails = FULL
        for number in range(1, 100):
            await journal.put(an_event(number, data={"filler": "x" * 10_000}))
        await until(lambda: journal.dropped > 80)
        assert backlog.weight <= 100_000
        disk.fails = None


async def test_numbers_that_were_told_and_lost_in_a_crash_are_never_told_again(path):
    disk = Disk()
    journal = await opened(path, connect=disk.connect, backlog=Backlog(max_rows=3))
    epoch, told = journal.epoch, []
    journal.on_written = told.append
    disk.fails = FULL
    for number in range(1, 20):
        await journal.put(an_event(number))
    await until(lambda: told)
    await journal.aclose()  # no room: what it knew of these numbers is lost, as in a crash
    async with journal_at(path) as journal:
        assert journal.last_sequence == 0
        assert journal.epoch != epoch
        epoch = journal.epoch
    async with journal_at(path) as journal:
        assert journal.epoch == epoch


async def test_closing_in_trouble_tries_once_more(path, logged):
    disk = Disk()
    journal = await opened(path, connect=disk.connect, paces=Paces(retry=3600.0))
    record = a_record()
    await journal.put(taken(record))
    disk.fails = FULL
    assert not await journal.put(settled(record))
    disk.fails = None
    await journal.aclose()
    async with journal_at(path) as journal:
        assert await journal.unsettled() == []


async def test_closing_without_room_ends_and_says_how_much_was_lost(path, logged):
    disk = Disk()
    journal = await opened(path, connect=disk.connect)
    record = a_record()
    await journal.put(taken(record))
    disk.fails = FULL
    assert not await journal.put(settled(record), an_event(1))
    await journal.aclose()
    assert {"event": "journal.dropped", "rows": 2, "log_level": "error"} in logged
    disk.fails = None
    async with journal_at(path) as journal:
        assert len(await journal.unsettled()) == 1


@pytest.mark.parametrize("fault", [FULL, IO, ("database is locked", 5)])
async def test_a_disk_that_fails_at_the_start_is_no_matter_of_configuration(path, fault):
    disk = Disk(fails=fault, at=("PRAGMA journal_mode",))
    with pytest.raises(NotKept, match=fault[0]) as error:
        await opened(path, connect=disk.connect)
    assert str(path) in str(error.value)
    async with journal_at(path) as journal:  # the lock was let go, and nothing was set aside
        assert journal.set_aside is None


async def test_a_file_that_sqlite_may_not_open_is_one(path):
    disk = Disk(fails=("unable to open database file", 14), at=("PRAGMA",))
    with pytest.raises(ConfigurationError, match="unable to open"):
        await opened(path, connect=disk.connect)


async def test_a_patient_journal_that_cannot_be_opened_is_in_trouble_until_it_can(path, logged):
    async with journal_at(path) as journal:
        old, told = await a_life(journal), journal.epoch
        await journal.put(an_event(1), an_event(2))
    disk = Disk(fails=FULL, at=("PRAGMA journal_mode",))
    clock = Clock()
    async with journal_at(path, connect=disk.connect, patient=True, now=clock) as journal:
        assert (journal.is_open, journal.epoch != told) == (False, True)
        assert "disk is full" in journal.trouble
        with pytest.raises(NotKept, match="not open"):
            await journal.request(old.key)
        with pytest.raises(NotKept):
            await journal.forget(number="12345")
        assert not await journal.put(taken(a_record()))
        number, epoch = journal.last_sequence + 1, journal.epoch
        assert not await journal.put(an_event(number))
        assert not await journal.put(an_event(number + 1))
        disk.fails = None
        await journal.opened()
        assert (await journal.request(old.key)).record.outcome is not None
        assert journal.trouble is not None  # until what the file knows is known here
        journal.release()
        await until(lambda: journal.trouble is None)
        page = await journal.events(number - 1, 9)
        assert [each.sequence for each in page.rows] == [number, number + 1]
        assert (page.floor, journal.epoch) == (number - 1, epoch)
        assert await journal.put(taken(a_record()), an_event(number + 2))
    async with journal_at(path) as journal:
        assert (journal.epoch, journal.last_sequence) == (epoch, number + 2)
        assert journal.floor == number - 1
    assert "journal.recovered" in names(logged)


async def test_numbers_of_a_clock_that_was_set_back_meet_no_earlier_ones(path):
    clock = Clock()
    disk = Disk(fails=FULL, at=("PRAGMA journal_mode",))
    last = 0
    for _ in range(2):
        disk.fails = FULL
        async with journal_at(path, connect=disk.connect, patient=True, now=clock) as journal:
            number = journal.last_sequence + 1
            assert not await journal.put(an_event(number), an_event(number + 1))
            disk.fails = None
            await journal.opened()
            journal.release()
            await until(lambda: journal.trouble is None)
            async with asyncio.timeout(20):
                while not (page := await journal.events(number - 1, 9)).rows:  # noqa: ASYNC110  nothing announces it
                    await asyncio.sleep(0.005)
            assert [each.sequence for each in page.rows] == [number, number + 1]
            assert journal.last_sequence == number + 1
            assert last == 0 or number < last
            last = number + 1
        clock.forward(days=-1)


async def test_a_patient_journal_gives_way_to_nothing_but_room(path):
    async with journal_at(path):
        with pytest.raises(ConfigurationError, match="in use"):
            await opened(path, patient=True)


async def test_a_patient_journal_can_be_closed_before_it_is_open(path):
    disk = Disk(fails=IO, at=("PRAGMA",))
    journal = await opened(path, connect=disk.connect, patient=True)
    waits = asyncio.create_task(journal.opened())
    await journal.put(an_event(journal.last_sequence + 1))
    await journal.aclose()
    with pytest.raises(NotKept, match="closed before"):
        await waits
    disk.fails = None
    async with journal_at(path) as journal:
        assert await journal.put(an_event(1))


# -- a file that has no name any more -----------------------------------------------------------

LOOKS = Paces(retry=0.01, idle=60.0, upkeep=3600.0, look=0.0)


@pytest.mark.parametrize("ending", ["", "-wal"])
async def test_files_that_are_removed_are_trouble_until_they_are_back(path, ending, logged):
    async with journal_at(path, paces=LOOKS) as journal:
        record = await a_life(journal)
        file = path.with_name(path.name + ending)
        away = path.with_name("away")
        file.rename(away)
        await until(lambda: journal.trouble is not None)
        assert f"{file} was removed or replaced" in journal.trouble
        assert not await journal.put(taken(a_record()))
        away.rename(file)
        await until(lambda: journal.trouble is None)
        assert await journal.put(taken(a_record()))
    assert "journal.trouble" in names(logged)
    async with journal_at(path) as journal:
        assert (await journal.request(record.key)).record.outcome is not None


async def test_a_file_that_was_put_in_the_place_of_the_journal_is_trouble(path):
    async with journal_at(path, paces=LOOKS) as journal:
        await a_life(journal)
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        other.replace(path)
        await until(lambda: journal.trouble is not None)
        assert not await journal.put(taken(a_record()))


# -- a disk that is really full -----------------------------------------------------------------


@contextmanager
def small_disk(folder):
    """Mount a file system of 2 MiB in memory; skips the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_really_full_and_gets_room_again(tmp_path):
    with small_disk(tmp_path / "disk") as folder:
        await _filled_and_emptied(folder)


@pytest.mark.parametrize("there", [True, False])
async def test_a_disk_that_is_really_full_at_the_start(tmp_path, there):
    with small_disk(tmp_path / "disk") as folder:
        path = folder / "journal.db"
        if there:
            async with journal_at(path) as journal:
                await journal.put(taken(a_record()))
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        paces = Paces(retry=0.02, idle=3600.0, upkeep=3600.0)
        journal = await opened(path, patient=True, keep_key=True, paces=paces)
        assert not await journal.put(taken(a_record()))
        assert journal.trouble is not None
        ballast.unlink()
        async with asyncio.timeout(20):
            await journal.opened()
        journal.release()
        await until(lambda: journal.trouble is None)
        assert len(await journal.unsettled()) == int(there)
        assert await journal.put(taken(a_record()))
        await journal.aclose()
        assert path.with_name("journal.db.key").stat().st_size == 32


async def _filled_and_emptied(folder):
    open_, new = a_record(), a_record()
    paces = Paces(retry=0.02, idle=3600.0, upkeep=3600.0)
    async with journal_at(folder / "journal.db", paces=paces) as journal:
        await journal.put(taken(open_), going(open_))
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:  # until there is no space left
                file.write(b"x" * 4096)
        refused = [journal.put(taken(a_record())) for _ in range(200)]
        await asyncio.gather(*refused)
        assert journal.trouble == "database or disk is full"
        assert not await journal.put(taken(new))
        assert not await journal.put(settled(open_, START + timedelta(seconds=1)), an_event(1))
        # It can be read meanwhile; what was refused is tried again, and may find a last free page.
        assert await journal.request(open_.key) is not None
        ballast.unlink()
        await until(lambda: journal.trouble is None)
        assert (await journal.request(open_.key)).record.outcome is not None
        assert await journal.request(new.key) is None
        assert (journal.first_sequence, journal.last_sequence) == (1, 1)
        await a_life(journal)
    async with journal_at(folder / "journal.db") as journal:
        assert journal.set_aside is None
        assert (await journal.request(open_.key)).record.outcome is not None


async def test_a_file_that_may_not_grow_is_a_full_disk(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        record = await a_life(journal)
    pages = path.stat().st_size // 4096

    def bounded(uri):
        connection = disk.connect(uri)
        connection.execute(f"PRAGMA max_page_count={pages + 20}")
        return connection

    async with journal_at(path, connect=bounded) as journal:
        done = [await journal.put(taken(a_record())) for _ in range(400)]
        assert (True in done, False in done) == (True, True)
        assert journal.trouble == "database or disk is full"
        assert len(await journal.requests(limit=9999)) == 1 + done.count(True)
        assert await journal.request(record.key) is not None

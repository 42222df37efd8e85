"""Damage is set aside, a newer file is left alone, and a crash is neither."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from listener.errors import ConfigurationError
from listener.journal import schema, soundness
from listener.journal.writer import Paces
from tests.shell.journals import (
    START,
    Clock,
    a_life,
    a_record,
    after,
    an_event,
    journal_at,
    opened,
    settled,
    taken,
)
from tests.shell.stage import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
def logged():
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    return capture.entries


async def written(path, requests: int = 50) -> None:
    async with journal_at(path) as journal:
        for number in range(1, requests + 1):
            await a_life(journal)
            await journal.put(an_event(number, data={"filler": "x" * 500}))


def files(path) -> dict[str, bytes]:
    return {
        each.name: each.read_bytes()
        for each in path.parent.iterdir()
        if not each.name.endswith(".lock")
    }


def _torn_header(path):
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)


def _no_database(path):
    path.write_text("this is no database\n" * 100, encoding="utf-8")


def _few_bytes(path):
    path.write_bytes(b"SQLite")


def _cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def _overwritten_page(path):
    content = bytearray(path.read_bytes())
    content[4096 * 4 : 4096 * 6] = random.Random(1).randbytes(4096 * 2)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [_torn_header, _no_database, _few_bytes, _cut_off, _overwritten_page]
)
async def test_a_damaged_file_is_set_aside_and_a_fresh_one_is_begun(path, damage, logged):
    await written(path)
    damage(path)
    content = path.read_bytes()
    clock = Clock(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    async with journal_at(path, now=clock) as journal:
        aside = path.with_name("journal.db.damaged-20261121T093000Z")
        assert journal.set_aside == aside
        assert aside.read_bytes() == content
        assert await journal.requests() == []
        assert (journal.first_sequence, journal.last_sequence) == (0, 0)
        assert await journal.put(taken(a_record()))
    (told,) = [each for each in logged if each["event"] == "journal.damaged"]
    assert (told["log_level"], told["set_aside"]) == ("error", str(aside))
    async with journal_at(path, now=clock) as journal:
        assert journal.set_aside is None
        assert len(await journal.unsettled()) == 1


async def test_what_lies_beside_a_damaged_file_goes_with_it(path):
    await written(path)
    _torn_header(path)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).write_bytes(b"left by a crash")
    async with journal_at(path) as journal:
        names = {each.name for each in path.parent.iterdir()}
        assert journal.set_aside is not None
        assert journal.set_aside.name + "-wal" in names


async def test_damage_twice_in_a_second_loses_neither_file(path):
    clock = Clock()
    await written(path, 1)
    for _ in range(3):
        _no_database(path)
        async with journal_at(path, now=clock):
            pass
    assert len(list(path.parent.glob("journal.db.damaged-*"))) == 3


async def test_a_fresh_file_after_damage_has_another_epoch(path):
    async with journal_at(path) as journal:
        epoch = journal.epoch
    _torn_header(path)
    async with journal_at(path) as journal:
        assert journal.epoch != epoch


async def test_an_empty_file_is_begun_and_not_damaged(path):
    path.touch()
    async with journal_at(path) as journal:
        assert journal.set_aside is None
        assert await journal.put(taken(a_record()))


async def test_a_file_whose_making_was_cut_short_is_made_again(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # the first that is written
    connection.close()
    assert path.stat().st_size == 4096
    async with journal_at(path) as journal:
        assert journal.set_aside is None
        assert await journal.put(taken(a_record()))


async def test_a_damaged_file_that_cannot_be_set_aside_is_named(path, monkeypatch):
    await written(path, 1)
    _no_database(path)
    monkeypatch.setattr(Path, "rename", _refuse)
    with pytest.raises(ConfigurationError, match=f"{path} is damaged and cannot be set aside"):
        await opened(path)
    assert path.read_text(encoding="utf-8").startswith("this is no database")


def _refuse(*_):
    raise PermissionError(1, "Operation not permitted")


# -- rows that nobody can read --------------------------------------------------------------------


def change(path, sql: str, *parameters) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql, parameters)
    connection.close()


async def test_a_row_that_cannot_be_read_is_told_and_skipped(path, logged):
    async with journal_at(path) as journal:
        bad, good = await a_life(journal), await a_life(journal)
        await journal.put(an_event(1), an_event(2))
    change(path, "UPDATE steps SET data = '{' WHERE kind = 'intent' AND request = 1")
    change(path, "UPDATE events SET data = '[1]' WHERE sequence = 1")
    async with journal_at(path) as journal:
        assert [each.record.key for each in await journal.requests()] == [good.key]
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [2]
        assert journal.unreadable == 2
    whats = [each["what"] for each in logged if each["event"] == "journal.unreadable"]
    assert whats == [f"intent of {bad.key}", "event 1"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE steps SET data = CAST(x'7bff7d' AS TEXT) WHERE request = 1",
        "UPDATE requests SET asked_by = CAST(x'ff41' AS TEXT) WHERE id = 1",
        "UPDATE requests SET request_id = x'41' WHERE id = 1",
        "UPDATE requests SET submitted = 9000000000000000000 WHERE id = 1",
        "UPDATE requests SET submitted = -9000000000000000000 WHERE id = 1",
        "UPDATE steps SET at = 'noon' WHERE kind = 'intent' AND request = 1",
        "UPDATE steps SET data = json_set(data, '$.registration.length', 9e999) WHERE request = 1",
    ],
)
async def test_text_that_is_none_and_times_that_no_clock_shows_are_skipped(path, sql):
    async with journal_at(path) as journal:
        await journal.put(taken(a_record(asked_by="x", idempotency=("a", "b"))))
        good = a_record(asked_by="x", idempotency=("c", "d"))
        await journal.put(taken(good))
    change(path, sql)
    async with journal_at(path) as journal:
        assert journal.set_aside is None
        found = [*await journal.unsettled(), *await journal.settled_since(START, 9)]
        assert [each.record.key for each in found] == [good.key]
        assert journal.unreadable == 1
        assert good.key in {key for *_, key in await journal.idempotency_keys(START)}
        assert (await journal.forget(number="+12025550199"))["remnants"] == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE requests SET settled = 9e18 WHERE id = 1",
        "UPDATE steps SET at = 9000000000000000000 WHERE request = 1",
        "UPDATE steps SET at = 9000000000000000000 WHERE kind = 'late' AND request = 1",
    ],
)
async def test_a_settled_request_with_a_time_that_no_clock_shows_is_skipped(path, sql):
    async with journal_at(path) as journal:
        await journal.put(after(await a_life(journal)))
        good = await a_life(journal)
    change(path, sql)
    async with journal_at(path) as journal:
        found = await journal.settled_since(START, 9)
        assert [each.record.key for each in found] == [good.key]
        assert journal.unreadable == 1


@pytest.mark.parametrize("column", ["name", "data", "agent"])
async def test_an_event_with_text_that_is_none_is_skipped_and_later_goes(path, column):
    clock = Clock()
    async with journal_at(path) as journal:
        await journal.put(an_event(1), an_event(2))
    change(
        path, f"UPDATE events SET {column} = CAST(x'ff' AS TEXT), at = 'noon' WHERE sequence = 1"
    )
    paces = Paces(retry=0.01, idle=60.0, upkeep=0.0)
    async with journal_at(path, now=clock, paces=paces) as journal:
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [2]
        clock.forward(days=30)
        await until(lambda: journal.floor == 2)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE steps",
        "DROP INDEX steps_request",
        "ALTER TABLE requests RENAME COLUMN settled TO other",
        "UPDATE meta SET value = x'0102' WHERE name = 'epoch'",
        "UPDATE meta SET value = 'x' WHERE name = 'key'",
        "INSERT OR REPLACE INTO meta VALUES ('last', 'many')",
        "INSERT OR REPLACE INTO meta VALUES ('floor', 9223372036854775807)",
        "UPDATE events SET sequence = 9223372036854775807",
        "UPDATE events SET sequence = -1",
    ],
)
async def test_a_file_whose_pages_are_whole_and_whose_content_is_not_is_set_aside(path, sql):
    await written(path, 1)
    change(path, sql)
    async with journal_at(path) as journal:
        assert journal.set_aside is not None
        assert await journal.put(taken(a_record()), an_event(1))


@pytest.mark.parametrize("whole_check", [soundness.WHOLE_CHECK, 0])
async def test_an_index_that_names_rows_that_are_not_there_is_damage(
    path, monkeypatch, whole_check
):
    monkeypatch.setattr(soundness, "WHOLE_CHECK", whole_check)
    async with journal_at(path) as journal:
        await journal.put(*(taken(a_record()) for _ in range(3)))
    db = sqlite3.connect(path, isolation_level=None)
    (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'requests'").fetchone()
    (index,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'steps'").fetchone()
    db.close()
    content = bytearray(path.read_bytes())
    of = slice((page - 1) * 4096, page * 4096)
    content[of] = content[(index - 1) * 4096 : index * 4096]  # rows, but of another table
    path.write_bytes(content)
    async with journal_at(path) as journal:
        assert await journal.unsettled() == []
        assert await journal.put(taken(a_record()))


async def test_damage_of_any_kind_keeps_no_journal_from_opening(path, tmp_path):
    await written(path, 40)
    content = path.read_bytes()
    dice = random.Random(5)
    clock = Clock()
    for number in range(30):
        bad = bytearray(content)
        at = dice.randrange(len(bad))
        match number % 5:
            case 0:
                bad[at] = dice.randrange(256)
            case 1:
                bad[at : at + 512] = bytes(len(bad[at : at + 512]))
            case 2:
                del bad[at:]
            case 3:
                page, other = at // 4096 * 4096, dice.randrange(len(bad)) // 4096 * 4096
                bad[page : page + 4096] = bad[other : other + 4096]
            case _:
                for _ in range(20):
                    bad[dice.randrange(len(bad))] = dice.randrange(256)
        path.write_bytes(bad)
        async with journal_at(path, now=clock) as journal:
            await journal.unsettled()
            await journal.settled_since(START - timedelta(days=1), 20_000)
            await journal.idempotency_keys(START - timedelta(days=1))
            await journal.events(0, 500)
            assert await journal.put(taken(a_record()))


@pytest.mark.parametrize("kind", ["going", "answer", "late"])
async def test_a_part_without_which_a_request_still_makes_sense_is_left_out(path, kind):
    async with journal_at(path) as journal:
        record = await a_life(journal)
        await journal.put(after(record))
    change(path, 'UPDATE steps SET data = \'{"answer": 7, "dialog": 7}\' WHERE kind = ?', kind)
    async with journal_at(path) as journal:
        stored = await journal.request(record.key)
    assert stored.record.outcome is not None
    assert (stored.baseline is None) == (kind == "going")
    assert stored.going_at is not None
    assert (stored.answer is None) == (kind == "answer")
    assert (stored.record.late == []) == (kind == "late")


async def test_fields_and_words_of_a_later_minor_version_are_no_reason_to_stop(path):
    async with journal_at(path) as journal:
        new_field, new_word = await a_life(journal), await a_life(journal)
    change(
        path,
        "UPDATE steps SET data = json_set(data, '$.later', 1, '$.outcome.later', json('{}'))"
        " WHERE kind = 'outcome' AND request = 1",
    )
    change(
        path,
        "UPDATE steps SET data = json_set(data, '$.kind', 'x') WHERE kind = 'outcome'"
        " AND request = 2",
    )
    async with journal_at(path) as journal:
        assert (await journal.request(new_field.key)).record.outcome.kind == "confirmed"
        assert await journal.request(new_word.key) is None


# -- versions -------------------------------------------------------------------------------------


async def test_a_newer_file_is_refused_and_untouched(path):
    await written(path, 3)
    change(path, "PRAGMA user_version = 2")
    before = files(path)
    with pytest.raises(ConfigurationError, match="newer version of finesse-listener") as error:
        await opened(path)
    assert str(path) in str(error.value)
    assert files(path) == before


async def test_a_newer_file_that_was_left_in_a_crash_is_refused_and_untouched(path, tmp_path):
    await written(path, 3)
    change(path, "PRAGMA user_version = 2")
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events")
    connection.commit()
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for each in path.parent.glob("journal.db*"):
        if not each.name.endswith(".lock"):
            (crashed / each.name).write_bytes(each.read_bytes())
    connection.close()
    before = files(crashed / "journal.db")
    assert len(before["journal.db-wal"]) > 0
    with pytest.raises(ConfigurationError, match="newer version"):
        await opened(crashed / "journal.db")
    assert files(crashed / "journal.db") == before


async def test_a_database_of_another_program_is_refused_and_untouched(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = files(path)
    with pytest.raises(ConfigurationError, match="another program"):
        await opened(path)
    assert files(path) == before


_EARLIER = schema.STEPS


def _one_more(monkeypatch, sql: str) -> None:
    monkeypatch.setattr(schema, "STEPS", (*_EARLIER, sql))


async def test_a_file_of_version_0_becomes_one_of_this_version(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
    connection.execute("CREATE TABLE left_by_version_0 (a)")
    connection.execute("INSERT INTO left_by_version_0 VALUES (7)")
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()
    async with journal_at(path) as journal:
        assert journal.set_aside is None
        await a_life(journal)
        for number in range(1, 5):
            await journal.put(an_event(number, data={"a": "+12025550101" * 1000}))
        # Pages that this file cannot give back to the disk are no reason to try for ever.
        assert (await journal.forget(number="+12025550101"))["events"] == 4
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)
    assert connection.execute("SELECT a FROM left_by_version_0").fetchone() == (7,)
    connection.close()


async def test_a_later_version_takes_over_what_is_there(path, monkeypatch):
    await written(path, 3)
    _one_more(monkeypatch, "ALTER TABLE requests ADD COLUMN colour TEXT DEFAULT 'blue'")
    async with journal_at(path) as journal:
        assert len(await journal.requests()) == 3
        assert journal.last_sequence == 3
        await a_life(journal)
    assert schema.header_of(path) == schema.Version(schema.APPLICATION, 2)
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="newer version"):
        await opened(path)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(path, monkeypatch):
    await written(path, 3)
    _one_more(monkeypatch, "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(Exception, match="nowhere"):
        await opened(path)
    monkeypatch.undo()
    async with journal_at(path) as journal:
        assert len(await journal.requests()) == 3
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    assert ("half",) not in tables
    connection.close()


# -- crashes --------------------------------------------------------------------------------------

WRITER = """
import asyncio, sys
from pathlib import Path
from tests.shell.journals import *
from listener.journal.writer import Paces

async def main():
    path, first = Path(sys.argv[1]), int(sys.argv[2])
    small = options(max_bytes=1 << 18)
    journal = await opened(path, small, paces=Paces(0.01, 0.0, 0.0), within=20)
    print("open", flush=True)
    number = journal.last_sequence
    while True:
        record = a_record(request_id=f"rq-{number}")
        record.key = f"{first}-{number}"
        number += 1
        assert await journal.put(taken(record), an_event(number, data={"x": "y" * 3000}))
        print("taken", record.key, number, flush=True)
        await journal.put(going(record), answered(record))
        assert await journal.put(settled(record))
        print("settled", record.key, flush=True)
        if number % 25 == 0:
            await journal.forget(dialog_id="1")

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_was_promised_is_there_after_a_kill_at_any_moment(path, seed):
    dice = random.Random(seed)
    last = 0
    for turn in range(4):
        lines = _killed(path, turn, after=dice.randrange(1, 120))
        taken_ = [each.split()[1] for each in lines if each.startswith("taken")]
        settled_ = {each.split()[1] for each in lines if each.startswith("settled")}
        numbers = [int(each.split()[2]) for each in lines if each.startswith("taken")]
        async with journal_at(path, within=20.0) as journal:
            assert journal.set_aside is None
            assert journal.last_sequence >= max(numbers, default=last)
            last = journal.last_sequence
            open_ = {each.record.key for each in await journal.unsettled()}
            assert open_ <= {taken_[-1], f"{turn}-{last - 1}"} if taken_ else True
            assert not open_ & settled_
            for key in open_:  # as a restart does
                await journal.put(settled(a_record(key=key)))
            assert await journal.put(an_event(last + 1))
            last += 1
    assert not list(path.parent.glob("*.damaged-*"))


def _killed(path, turn: int, after: int) -> list[str]:
    """Let a process write, kill it when it has said so many things, return all that it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(turn)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    lines = []
    try:
        for line in process.stdout:
            if "journal." not in line:
                lines.append(line)
            if len(lines) >= after:
                break
        process.send_signal(signal.SIGKILL)
        lines += [line for line in process.stdout if line.endswith("\n") and "journal." not in line]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert lines, "the writer did not start"
    return lines


OPENER = """
import asyncio, sys
from pathlib import Path
from tests.shell.journals import a_record, opened, taken

async def main():
    print("begin", flush=True)
    while True:
        journal = await opened(Path(sys.argv[1]), within=20)
        await journal.put(taken(a_record()))
        print("put", flush=True)
        await journal.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(4))
async def test_a_kill_while_it_is_made_opened_or_closed_harms_nothing(path, seed):
    promised = _killed_soon(path, random.Random(seed).random() * 0.05)
    async with journal_at(path, within=20.0) as journal:
        assert journal.set_aside is None
        assert len(await journal.unsettled()) >= promised
        new = a_record(key="another")  # the process that was killed numbered its own from the start
        assert await journal.put(taken(new))


def _killed_soon(path, seconds: float) -> int:
    """Let a process open and close the journal, kill it, return how many requests it promised."""
    process = subprocess.Popen(
        [sys.executable, "-c", OPENER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        while "begin" not in (line := process.stdout.readline()):
            assert line, "the opener did not start"
        time.sleep(seconds)  # any moment will do
        process.kill()
        return process.stdout.read().count("put\n")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

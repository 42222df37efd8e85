"""Where the journal lies: its files and their rights, its key, and that one process has it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from listener.errors import ConfigurationError, NotKept
from listener.journal import Journal, key_of_folder, keys, place, schema
from tests.shell.journals import Clock, a_record, an_event, journal_at, opened, options, taken

ROOT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.db"


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


async def test_the_folder_and_all_files_are_for_the_daemon_alone(path):
    async with journal_at(path) as journal:
        await journal.put(taken(a_record()))
        assert await journal.requests()
        assert mode(path.parent) == 0o700
        files = {each.name: mode(each) for each in path.parent.iterdir()}
    assert files == dict.fromkeys(
        ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"), 0o600
    )


async def test_a_journal_that_others_may_read_is_closed_to_them(path):
    async with journal_at(path):
        pass
    path.chmod(0o644)
    async with journal_at(path):
        assert mode(path) == 0o600


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a/b/c.db", "make it first"),
        ("file/c.db", "is no folder"),
        ("folder", "is a folder; name a file in it"),
    ],
)
async def test_a_place_that_cannot_be_is_named(tmp_path, name, says):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match=says) as error:
        await opened(tmp_path / name)
    assert "journal.path" in str(error.value)
    assert str(tmp_path) in str(error.value)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    # As root every folder can be written, so the system's answer is the part that is made up.
    monkeypatch.setattr(place.os, "access", lambda *_: False)
    with pytest.raises(ConfigurationError, match=rf"{tmp_path} cannot be written"):
        await opened(tmp_path / "journal.db")


async def test_a_lock_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "journal.db.lock").symlink_to(tmp_path / "nowhere" / "at-all")
    with pytest.raises(ConfigurationError, match=r"journal\.db\.lock cannot be written"):
        await opened(tmp_path / "journal.db")


async def test_what_is_no_ordinary_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "journal.db")
    with pytest.raises(ConfigurationError, match="no ordinary file"):
        await opened(tmp_path / "journal.db")


async def test_a_place_with_odd_characters_is_a_place(tmp_path):
    path = tmp_path / "a b?c#d%20é" / "x?y#z.db"
    async with journal_at(path) as journal:
        assert await journal.put(an_event(1))
        assert len((await journal.events(0, 9)).rows) == 1
    assert path.exists()


# -- one process ----------------------------------------------------------------------------------


async def test_a_second_opener_is_told_who_has_it(path):
    async with journal_at(path):
        with pytest.raises(ConfigurationError, match=rf"{path} is in use by process {os.getpid()}"):
            await opened(path)


async def test_another_name_for_the_same_file_is_the_same_journal(path, tmp_path):
    async with journal_at(path):
        (tmp_path / "other").symlink_to(path.parent)
        with pytest.raises(ConfigurationError, match="in use"):
            await opened(tmp_path / "other" / "journal.db")


async def test_a_journal_is_handed_over_without_waiting_longer_than_needed(path):
    old = await opened(path)
    await old.put(taken(a_record()))
    new = asyncio.create_task(opened(path, within=60.0))
    await asyncio.sleep(0)  # it begins to wait; whether it does first changes nothing
    await old.aclose()
    journal = await new
    assert len(await journal.unsettled()) == 1
    await journal.aclose()


async def test_waiting_for_the_lock_ends(path):
    async with journal_at(path):
        with pytest.raises(ConfigurationError, match="in use"):
            await opened(path, within=0.1)


HOLDER = """
import asyncio, sys
from pathlib import Path
from tests.shell.journals import an_event, opened, taken, a_record

async def main():
    journal = await opened(Path(sys.argv[1]))
    await journal.put(taken(a_record()), an_event(1))
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    while "held" not in (line := process.stdout.readline()):
        assert line, "the holder did not start"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


async def test_a_process_that_is_killed_lets_go_by_itself(path, holder):
    with pytest.raises(ConfigurationError, match=f"process {holder.pid}"):
        await opened(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    async with journal_at(path) as journal:
        assert len(await journal.unsettled()) == 1
        assert journal.last_sequence == 1
        assert journal.set_aside is None


# -- the key --------------------------------------------------------------------------------------


def key_made(path: Path) -> bytes:
    key = key_of_folder(path)
    path.parent.mkdir(exist_ok=True)
    keys.keep_key(path, key)
    return key


def test_the_key_is_made_once_and_for_the_daemon_alone(path):
    key = key_made(path)
    assert len(key) == 32
    assert key_made(path) == key
    assert mode(path.with_name("journal.db.key")) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["journal.db.key"]
    assert key_made(path.with_name("other.db")) != key


def test_a_key_that_is_only_asked_for_leaves_nothing_behind(path):
    key_of_folder(path)
    assert not path.parent.exists()


def test_a_key_that_another_process_made_first_is_not_replaced(path):
    key = key_made(path)
    with pytest.raises(NotKept, match="start again"):
        keys.keep_key(path, bytes(32))
    assert key_of_folder(path) == key


def test_a_key_that_there_is_no_room_for_is_no_matter_of_configuration(path, monkeypatch):
    path.parent.mkdir()
    monkeypatch.setattr(keys.os, "fsync", _no_room)
    with pytest.raises(NotKept, match="No space left"):
        keys.keep_key(path, bytes(32))
    assert list(path.parent.iterdir()) == []


def _no_room(_fd):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_journal_whose_key_was_lost_or_replaced_is_refused_and_both_are_named(path):
    key = key_made(path)
    async with journal_at(path, options(key=key), keep_key=True):
        pass
    file = path.with_name("journal.db.key")
    content = path.read_bytes()
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"which is missing.*from a backup") as error:
        await opened(path, options(key=key_of_folder(path)), keep_key=True)
    assert str(path) in str(error.value)
    assert not file.exists()
    file.write_bytes(bytes(32))
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=f"the one in {file}"):
        await opened(path, options(key=key_of_folder(path)), keep_key=True)
    assert path.read_bytes() == content
    file.write_bytes(key)
    async with journal_at(path, options(key=key), keep_key=True) as journal:
        assert journal.set_aside is None


# -- what is not ours -----------------------------------------------------------------------------


def _text(path):
    path.write_text("[finesse]\nurl = 'https://finesse'\n", encoding="utf-8")


def _of_another_program(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (a)")
    db.close()


def _of_a_newer_version(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION}")
    db.execute("PRAGMA user_version = 99")
    db.execute("CREATE TABLE later (a)")
    db.close()


@pytest.mark.parametrize("foreign", [_text, _of_another_program, _of_a_newer_version])
async def test_what_is_not_ours_is_refused_and_nothing_is_touched(tmp_path, foreign):
    path = tmp_path / "file"
    foreign(path)
    path.chmod(0o640)
    content = path.read_bytes()
    with pytest.raises(ConfigurationError, match=f"{path} "):
        await opened(path, options(key=key_of_folder(path)), keep_key=True)
    assert (path.read_bytes(), mode(path)) == (content, 0o640)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("ours", ["lock", "key"])
async def test_beside_a_lock_or_a_key_of_ours_it_is_our_damaged_journal(tmp_path, ours):
    path = tmp_path / "journal.db"
    key = key_made(path)
    async with journal_at(path, options(key=key)):
        pass
    for each in {"lock", "key"} - {ours}:
        path.with_name(f"journal.db.{each}").unlink()
    _text(path)
    async with journal_at(path, options(key=key)) as journal:
        assert journal.set_aside is not None


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_key_that_is_none_is_named_and_not_replaced(path, content):
    path.parent.mkdir()
    file = path.with_name("journal.db.key")
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=rf"{file} is no key"):
        key_of_folder(path)
    assert file.read_bytes() == content


def test_a_key_that_others_may_read_is_refused(path):
    key_made(path)
    file = path.with_name("journal.db.key")
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"chmod 600"):
        key_of_folder(path)


def test_a_key_that_cannot_be_read_or_made_is_named(path):
    path.parent.mkdir()
    path.with_name("journal.db.key").mkdir()
    with pytest.raises(ConfigurationError, match=r"key file .* cannot be used"):
        key_of_folder(path)


async def test_a_short_key_is_refused_before_anything_is_made(path):
    with pytest.raises(ValueError, match="bytes"):
        await Journal.open(path, options(key=b"short"), now=Clock())
    assert not path.exists()

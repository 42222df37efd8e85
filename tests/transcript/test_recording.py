"""The file: whose it is, how large it gets, and what happens when the disk does not take it."""

import asyncio
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from listener.correlation.correlator import Correlator
from listener.correlation.steps import Look
from listener.errors import ConfigurationError
from listener.finesse.model import Notification, User
from listener.transcript import Head, Options, Recorder, Where, read
from listener.transcript.entries import Ended, Lost, Notified, Standing, Standpoint, Up
from listener.transcript.parts import Parts
from tests.oracle.clock import EPOCH
from tests.transcript.recorded import head_of


def recorder(path: Path, **given) -> Recorder:
    most = given.pop("most_waiting", 1000)
    made = Recorder(
        Options(path=path, **given), head_of("queue", 100.0), wall=lambda: EPOCH, most_waiting=most
    )
    made.start()
    return made


def heard(number: int) -> Notification:
    node = f"/finesse/api/User/{1001 + number % 9}/Dialogs"
    payload = f"<Update><event>PUT</event><source>{node}</source><data>n{number}</data></Update>"
    return Notification(node, payload, item_id=str(number))


def kinds(path: Path) -> list[str]:
    return [line.entry.what for line in read(path)]


def test_the_file_is_the_owners_alone(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.touch(0o644)

    recorder(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_is_added_behind_the_one_before(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    recorder(path).close()
    recorder(path).close()

    assert kinds(path) == ["transcript", "end", "transcript", "end"]
    assert len({line.run.run for line in read(path)}) == 2


def test_behind_a_line_that_a_crash_cut_off_a_new_one_begins(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    recorder(path).close()
    with path.open("a") as file:
        file.write('{"what":"tim')

    recorder(path).close()

    troubles = []
    lines = list(read(path, trouble=troubles.append))
    assert [line.entry.what for line in lines] == ["transcript", "end", "transcript", "end"]
    assert [trouble.number for trouble in troubles] == [3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[api]\n", "is no transcript"),
        ('{"what": "else"}\n', "is no transcript"),
        ('{"what": "transcript", "format": 99}\n', "in format 99"),
    ],
)
def test_what_is_somebody_elses_is_left_alone(tmp_path: Path, content: str, words: str):
    path = tmp_path / "other"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=words):
        recorder(path)

    assert path.read_text() == content


@pytest.mark.parametrize("what", ["link", "folder", "pipe", "nowhere"])
def test_what_is_no_ordinary_file_is_refused(tmp_path: Path, what: str):
    path = tmp_path / "t.jsonl"
    if what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "not" / "there"

    with pytest.raises(ConfigurationError, match=path.name):
        recorder(path)


def test_a_second_process_writes_beside_the_first(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    first = recorder(path)
    second = recorder(path)

    assert second.path == tmp_path / f"t-{os.getpid()}.jsonl"
    first.close()
    second.close()
    assert kinds(second.path) == kinds(path) == ["transcript", "end"]


def test_full_parts_are_put_aside_and_the_oldest_go(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    (tmp_path / "t.jsonl.0").write_text("somebody's notes")
    made = recorder(path, part=20_000, total=60_000)
    made.over(Correlator())
    for number in range(2000):
        made.notified(100.0 + number, heard(number), None)
        if number % 50 == 0:
            _wait(made)
    assert made.close()

    parts = sorted(tmp_path.glob("t.jsonl*"))
    ours = [part for part in parts if part.suffix != ".0"]
    assert (tmp_path / "t.jsonl.0").read_text() == "somebody's notes"
    assert 2 <= len(ours) <= 4
    assert sum(part.stat().st_size for part in ours) < 90_000
    for part in ours:
        assert kinds(part)[:2] == ["transcript", "standpoint"]
    numbers = [
        int(line.entry.item_id or 0) for line in read(*ours) if isinstance(line.entry, Notified)
    ]
    assert numbers == list(range(numbers[0], 2000))


def _wait(made: Recorder) -> None:
    """Let the thread take what waits, and come back for more."""
    while made._waiting() > 0:
        time.sleep(0.001)


def test_each_part_begins_with_how_all_stands(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    made = recorder(path)
    core = made.over(Correlator())
    look = Look(100.0, user=User(login_id="1001", extension="2001", state="READY"), dialogs=())
    made.up(101.0, "1001", look)
    core.link_up(101.0, "1001", look)
    made._writer.wants_standpoint = True
    made.notified(102.0, heard(0), None)
    made.close()

    entries = [line.entry for line in read(path)]
    assert [type(entry) for entry in entries[1:]] == [
        *(Standpoint, Up, Standpoint, Standing, Notified, Ended)
    ]
    standing = entries[4]
    assert isinstance(standing, Standing)
    assert standing.agent == "1001"
    assert standing.live
    assert standing.look.user is not None
    assert standing.look.user.state == "READY"


def test_a_thread_that_is_too_slow_costs_lines_and_no_time(tmp_path: Path, monkeypatch):
    path = tmp_path / "t.jsonl"
    gate = threading.Event()
    write = Parts.write
    monkeypatch.setattr(Parts, "write", lambda self, line: gate.wait(30) and write(self, line))
    gate.set()
    made = recorder(path, most_waiting=50)
    made.over(Correlator())
    gate.clear()

    for number in range(500):
        made.notified(101.0, heard(number), None)
    assert made._waiting() <= 51
    lost = made.lost
    gate.set()
    _wait(made)
    made.notified(102.0, heard(500), None)
    assert made.close()

    entries = [line.entry for line in read(path)]
    told = [entry.count for entry in entries if isinstance(entry, Lost)]
    assert told == [lost]
    assert 440 <= lost <= 460
    assert [type(entry) for entry in entries[-3:]] == [Standpoint, Notified, Ended]
    assert made.lost == lost


def test_a_full_disk_costs_lines_until_there_is_room_again(tmp_path: Path, monkeypatch):
    path = tmp_path / "t.jsonl"
    full = threading.Event()
    real = os.write

    def write(file: int, data: bytes) -> int:
        if not full.is_set():
            return real(file, data)
        real(file, bytes(data)[:7])  # as much as there was room for
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("listener.transcript.parts.os.write", write)
    monkeypatch.setattr("listener.transcript.parts.BUFFER", 1)
    monkeypatch.setattr("listener.transcript.writer.AGAIN_EVERY", 0.0)
    made = recorder(path)
    made.over(Correlator())
    made.notified(101.0, heard(0), None)
    _wait(made)
    full.set()
    for number in range(1, 11):
        made.notified(102.0, heard(number), None)
    _wait(made)
    full.clear()
    made.notified(103.0, heard(11), None)
    _wait(made)
    made.notified(104.0, heard(12), None)
    assert made.close()

    troubles: list[object] = []
    entries = [line.entry for line in read(path, trouble=troubles.append)]
    assert troubles == []
    assert sum(entry.count for entry in entries if isinstance(entry, Lost)) == made.lost > 0
    last = [entry for entry in entries if isinstance(entry, Notified)][-1]
    assert last.item_id == "12"
    place = entries.index(last)
    assert isinstance(entries[place - 1], Standpoint)


async def test_closing_does_not_hold_the_loop_up(tmp_path: Path, monkeypatch):
    gate = threading.Event()
    close = Parts.close
    monkeypatch.setattr(Parts, "close", lambda self: gate.wait(30) and close(self))
    made = recorder(tmp_path / "t.jsonl")

    closing = asyncio.create_task(made.aclose(30))
    await asyncio.sleep(0)
    gate.set()

    assert await closing


def test_a_payload_that_cannot_be_read_is_told_by_its_length(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    made = recorder(path)
    made.notified(101.0, Notification("/finesse/api/User/1001", "<Update>+12025550123"), None)
    made.close()

    assert "12025550123" not in path.read_text()
    (entry,) = [line.entry for line in read(path) if isinstance(line.entry, Notified)]
    assert (entry.payload, entry.length, entry.agent) == (None, 20, "1001")


def test_the_same_payload_has_the_same_number_and_no_other_has(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    made = recorder(path)
    for number in (1, 2, 1):
        made.notified(101.0, heard(number), None)
    made.close()

    one, other, again = [
        line.entry.content for line in read(path) if isinstance(line.entry, Notified)
    ]
    assert one == again != other
    assert 0 not in {one, other}


def test_what_says_the_same_has_the_same_number_however_it_was_written(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    made = recorder(path)
    node = "/finesse/api/User/1001/Dialogs"
    said = "<data><dialog><id>7</id><state>{}</state></dialog></data>"
    for number, payload in enumerate(
        (
            f"<Update><event>PUT</event>{said.format('ACTIVE')}</Update>",
            f"<Update>\n{said.format('ACTIVE')}<requestId/><event>put</event></Update>",
            f"<Update><event>PUT</event>{said.format('HELD')}</Update>",
        )
    ):
        made.notified(101.0, Notification(node, payload, item_id=str(number)), None)
    made.close()

    one, another, third = [e.entry.content for e in read(path) if isinstance(e.entry, Notified)]
    assert one == another != third


def test_where_a_session_is_is_said(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    where = Where(deployment=lambda: "UCCX", host={"1001": "finesse-b"}.get)
    made = Recorder(Options(path=path), _head("UCCX"), where=where, wall=lambda: EPOCH)
    made.start()
    made.up(101.0, "1001", Look(100.0))
    made.down(102.0, "1001", "moved to finesse-a", on_purpose=False)
    made.close()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["what"], each.get("host")) for each in lines[2:4]] == [
        ("link_up", "finesse-b"),
        ("link_down", "finesse-b"),
    ] or [(each["what"], each.get("host")) for each in lines[1:3]] == [
        ("link_up", "finesse-b"),
        ("link_down", "finesse-b"),
    ]
    assert lines[0]["deployment"] == "UCCX"


def _head(deployment: str) -> Head:
    return Head(
        program="test",
        deployment=deployment,
        started=EPOCH,
        clock=100.0,
        max_pending=1,
        max_pending_per_agent=1,
        tombstone_for=1.0,
        gate="queue",
    )


@pytest.mark.parametrize("when", ["at once", "at the head"])
def test_a_disk_that_is_full_where_a_part_begins_leaves_no_file_without_its_head(
    tmp_path: Path, monkeypatch, when: str
):
    path = tmp_path / "t.jsonl"
    full = threading.Event()
    real, rename = os.write, Path.rename

    def write(file: int, data: bytes) -> int:
        if full.is_set():
            raise OSError(28, "No space left on device")
        return real(file, data)

    def renamed(self: Path, other: Path) -> Path:
        found = rename(self, other)
        full.set()
        if when == "at once":
            raise OSError(28, "No space left on device")
        return found

    monkeypatch.setattr("listener.transcript.parts.os.write", write)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr("listener.transcript.writer.AGAIN_EVERY", 0.0)
    made = recorder(path, part=5_000)
    made.over(Correlator())
    for number in range(40):
        made.notified(101.0, heard(number), None)
        _wait(made)
    monkeypatch.setattr(Path, "rename", rename)
    full.clear()
    for number in range(40, 44):
        made.notified(102.0, heard(number), None)
        _wait(made)
    assert made.close()

    troubles: list[object] = []
    lines = list(read(*tmp_path.iterdir(), trouble=troubles.append))
    assert troubles == []
    assert sum(line.entry.count for line in lines if isinstance(line.entry, Lost)) == made.lost > 0
    last = [line.entry for line in lines if isinstance(line.entry, Notified)][-1]
    assert last.item_id == "43"


def test_a_file_that_somebody_removed_is_made_again(tmp_path: Path, monkeypatch):
    path = tmp_path / "t.jsonl"
    monkeypatch.setattr("listener.transcript.writer.AGAIN_EVERY", 0.0)
    monkeypatch.setattr("listener.transcript.writer.FLUSHED_EVERY", 0.0)
    made = recorder(path)
    made.over(Correlator())
    made.notified(101.0, heard(0), None)
    _wait(made)
    path.unlink()
    for number in range(1, 5):
        made.notified(102.0, heard(number), None)
        _wait(made)
    assert made.close()

    lines = [line.entry for line in read(path)]
    assert [type(entry) for entry in lines][-1] is Ended
    assert [e.item_id for e in lines if isinstance(e, Notified)][-1] == "4"

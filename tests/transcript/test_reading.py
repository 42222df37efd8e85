"""Transcripts are read line by line; what cannot be read is named with its place."""

import json
import tracemalloc
from pathlib import Path

import pytest

from listener.errors import ConfigurationError
from listener.transcript import FORMAT, Trouble, read
from listener.transcript.entries import Expired, Header

HEADER = {
    "at": 0.0,
    "now": 1000.0,
    "wall": "2026-11-21T08:00:00.000Z",
    "dir": "here",
    "what": "transcript",
    "format": FORMAT,
    "program": "finesse-listener test",
    "run": "r",
    "part": 1,
    "deployment": "UCCE",
    "started": "2026-11-21T08:00:00.000Z",
    "clock": 1000.0,
    "masked": True,
    "max_pending": 10,
    "max_pending_per_agent": 10,
    "tombstone_for": 900.0,
    "gate": "queue",
}
TIME = {"at": 1.0, "now": 1001.0, "wall": "x", "dir": "here", "what": "time", "agent": None}


def written(path: Path, *lines: object) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def test_entries_come_with_their_place_and_times(tmp_path: Path):
    path = written(tmp_path / "t", HEADER, TIME)

    first, second = read(path)

    assert isinstance(first.entry, Header)
    assert second.entry == Expired(agent=None)
    assert (second.path, second.number, second.now, second.at) == (str(path), 2, 1001.0, 1.0)
    assert second.run is first.entry


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rubbish", "no JSON"),
        ("[1]", "no line of a transcript"),
        ("{}", "no line of a transcript"),
        ({**TIME, "what": "tea"}, "not known here"),
        ({**TIME, "now": "soon"}, "it has no time"),
        ({**TIME, "what": "answer"}, "a field is missing"),
        ({**TIME, "what": "answer", "key": 3, "answer": {}}, "no text"),
        ({**TIME, "what": "request", "key": "k", "request": {}}, "do not fit together"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_passed_over(tmp_path: Path, line, words: str):
    path = written(tmp_path / "t", HEADER, line, TIME)
    troubles: list[Trouble] = []

    found = [each.number for each in read(path, trouble=troubles.append)]

    assert found == [1, 3]
    (trouble,) = troubles
    assert (trouble.path, trouble.number) == (str(path), 2)
    assert words in trouble.why


def test_what_a_line_held_is_not_repeated_when_it_cannot_be_read(tmp_path: Path):
    path = written(tmp_path / "t", HEADER, {**TIME, "what": "answer", "key": ["4711"]})
    troubles: list[Trouble] = []

    list(read(path, trouble=troubles.append))

    assert "4711" not in str(troubles)


def test_what_a_later_version_added_to_a_line_is_passed_over(tmp_path: Path):
    path = written(tmp_path / "t", HEADER | {"colour": "red"}, TIME | {"mood": "good"})

    assert len(list(read(path))) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("<Update/>\n", "is no transcript"),
        (json.dumps(TIME), "is no transcript"),
        (json.dumps(HEADER | {"format": FORMAT + 1}), "read it with that version"),
        (json.dumps(HEADER | {"format": FORMAT - 1}), "read it with that version"),
        (json.dumps(HEADER | {"format": None}), "read it with that version"),
        (json.dumps({**HEADER, "clock": "noon"}), "its first line cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_way_out(tmp_path: Path, content: str, words: str):
    path = tmp_path / "t.jsonl"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=words) as refused:
        list(read(path))

    assert "t.jsonl" in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="No such file"):
        list(read(tmp_path / "gone"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read(tmp_path))


def test_parts_come_in_their_order_whatever_order_they_are_named_in(tmp_path: Path):
    later = {**HEADER, "run": "s", "started": "2026-11-22T08:00:00.000Z"}
    three = written(tmp_path / "a", later)
    two = written(tmp_path / "b", HEADER | {"part": 2})
    one = written(tmp_path / "c", HEADER)

    assert [line.path for line in read(three, two, one, two)] == [str(one), str(two), str(three)]


def test_a_line_of_many_megabytes_is_passed_over(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("listener.transcript.reading.LONGEST", 1000)
    path = written(tmp_path / "t", HEADER, "x" * 5000, TIME)
    troubles: list[Trouble] = []

    assert [line.number for line in read(path, trouble=troubles.append)] == [1, 3]
    assert "longer than" in troubles[0].why


def test_a_large_transcript_takes_no_more_memory_than_a_small_one(tmp_path: Path):
    path = tmp_path / "t"
    with path.open("w") as file:
        file.write(json.dumps(HEADER) + "\n")
        line = json.dumps(TIME | {"filling": "x" * 900}) + "\n"
        for _ in range(20_000):
            file.write(line)

    tracemalloc.start()
    count = sum(1 for _ in read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 20_001
    assert peak < path.stat().st_size / 10

"""`listener replay` and the options that record, as a person or a script meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from listener import settings as configuration
from listener.cli import console, reading
from listener.cli.app import app
from listener.cli.exits import Exit
from listener.cli.handover import command_for
from listener.cli.record import with_recording
from listener.cli.run import plan
from listener.transcript import FORMAT
from tests.transcript.scenes import SAMPLES

HOLD = SAMPLES / "transcript-hold.jsonl"


def run(*args: object):
    return CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)


def changed(tmp_path: Path) -> Path:
    """Return a sample in which one outcome was another one."""
    path = tmp_path / "changed.jsonl"
    lines = [json.loads(line) for line in HOLD.read_text().splitlines()]
    told = [line for line in lines if line["what"] == "outcome"]
    told[1]["outcome"] = {"kind": "unconfirmed", "reason": "deadline"}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_each_request_is_told_in_words():
    done = run("replay", HOLD)

    assert done.exit_code == Exit.OK
    assert "agent 1001: HOLD on dialog" in done.stdout
    assert "HOLD confirmed after" in done.stdout
    assert "4 requests in 37 lines: 4 as recorded, 0 different" in done.stderr


def test_as_json_there_is_one_object_per_request():
    done = run("replay", HOLD, "--json")

    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["requestedAction"] for row in rows] == ["ANSWER", "HOLD", "RETRIEVE", "DROP"]
    assert {row["comparison"] for row in rows} == {"same"}
    assert rows[1]["outcome"]["kind"] == rows[1]["recorded"]["kind"] == "confirmed"
    assert rows[1]["line"] > rows[0]["line"]


def test_one_request_alone():
    done = run("replay", HOLD, "--request", "sample-2", "--json")

    assert [json.loads(line)["requestId"] for line in done.stdout.splitlines()] == ["sample-2"]


def test_a_request_that_is_not_in_it_is_named():
    done = run("replay", HOLD, "--request", "nobodys")

    assert done.exit_code == Exit.FAILED
    assert "no request nobodys is in it" in done.stderr


def test_expectations_that_are_met_say_nothing_on_standard_output():
    done = run("replay", *SAMPLES.glob("transcript-*.jsonl"), "--expect")

    assert (done.exit_code, done.stdout) == (Exit.OK, "")


def test_expectations_that_are_not_met_end_with_1_and_say_what_differs(tmp_path: Path):
    done = run("replay", changed(tmp_path), "--expect")

    assert done.exit_code == Exit.FAILED
    assert "different: kind was recorded as unconfirmed, and is now confirmed" in done.stdout
    assert "ANSWER" not in done.stdout
    assert "1 different" in done.stderr


def test_expectations_without_anything_to_compare_are_not_met(tmp_path: Path):
    path = tmp_path / "alone.jsonl"
    path.write_text(HOLD.read_text(encoding="utf-8").partition("\n")[0] + "\n{}\n")

    done = run("replay", "--expect", path)

    assert done.exit_code == Exit.FAILED
    assert "nothing in it can be compared" in done.stderr


def test_a_transcript_may_come_from_a_pipe_beside_a_file():
    done = subprocess.run(
        [sys.executable, "-m", "listener", "replay", "-", HOLD, "--expect"],
        input=(SAMPLES / "transcript-dtmf.jsonl").read_bytes(),
        capture_output=True,
        check=False,
    )

    assert done.returncode == Exit.OK
    assert b"8 requests" in done.stderr


def test_standard_input_may_be_a_file():
    with HOLD.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "listener", "replay", "-", "--expect"],
            stdin=file,
            capture_output=True,
            check=False,
        )

    assert done.returncode == Exit.OK
    assert b"4 requests in 37 lines: 4 as recorded" in done.stderr


def test_without_expect_a_difference_is_told_and_no_failure(tmp_path: Path):
    done = run("replay", changed(tmp_path))

    assert done.exit_code == Exit.OK
    assert "different: kind was recorded as unconfirmed" in done.stdout


def test_lines_that_cannot_be_read_are_named_up_to_a_bound(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text(HOLD.read_text() + "rubbish\n" * 30)

    done = run("replay", path)

    assert f"{path}, line 38: no JSON" in done.stderr
    assert "and 10 more such lines" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"), [("", "is empty"), ("<Update/>\n", "is no transcript")]
)
def test_what_is_no_transcript_is_refused(tmp_path: Path, content: str, words: str):
    path = tmp_path / "t.jsonl"
    path.write_text(content)

    done = _program("replay", path)

    assert done.returncode == Exit.CONFIGURATION
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", [FORMAT - 1, FORMAT + 1])
def test_another_format_is_refused_with_the_way_out(tmp_path: Path, version: int):
    path = tmp_path / "t.jsonl"
    path.write_text(HOLD.read_text().replace(f'"format":{FORMAT}', f'"format":{version}'))

    done = _program("replay", path)

    assert done.returncode == Exit.CONFIGURATION
    assert "read it with that version" in done.stderr


def _program(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "listener", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_progress_is_shown_on_a_terminal_alone(monkeypatch):
    from rich.console import Console  # noqa: PLC0415  beside what it stands for

    shown = Console(stderr=True, force_terminal=True, width=60, no_color=True)
    monkeypatch.setattr(console, "errors", lambda: shown)
    with shown.capture() as captured, reading.progress("replay", 1 << 20) as passed:
        for place in range(0, 1 << 20, 1 << 17):
            passed(place)
    assert "replay" in captured.get()
    assert max(len(line) for line in captured.get().splitlines()) < 200

    monkeypatch.undo()
    done = run("replay", HOLD)
    assert "%" not in done.stderr


# -- what records -------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> configuration.Settings:
    file = tmp_path / "listener.toml"
    (tmp_path / "secret").write_text("x")
    agent = '[[agents]]\nid = "1001"\npassword_file = "secret"\n'
    file.write_text(f'finesse.nodes = ["f.example.com"]\nrecording.path = "t.jsonl"\n{agent}')
    return configuration.load(file)


def test_the_path_begins_at_the_settings_folder(settings: configuration.Settings, tmp_path: Path):
    assert settings.recording.path == tmp_path / "t.jsonl"
    assert any(f"write a transcript into {tmp_path / 't.jsonl'}" in line for line in plan(settings))


def test_the_option_stands_for_the_setting(settings: configuration.Settings, tmp_path: Path):
    other = with_recording(settings, tmp_path / "o.jsonl", show_numbers=True)

    assert (other.recording.path, other.recording.show_numbers) == (tmp_path / "o.jsonl", True)
    assert with_recording(settings, None) == settings


def test_a_successor_records_where_its_predecessor_did(tmp_path: Path):
    command = command_for(tmp_path / "l.toml", tmp_path / "t.jsonl")

    assert command[-2:] == ("--record", str(tmp_path / "t.jsonl"))
    assert "--record" not in command_for(tmp_path / "l.toml")

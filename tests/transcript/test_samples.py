"""The transcripts in samples/ replay as recorded and show what their README says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from listener.transcript import Replay, Word, read
from tests.transcript.scenes import SAMPLES, SCENES, record

FILES = sorted(SAMPLES.glob("transcript-*.jsonl"))
SHOWN = {
    "hold": ["ANSWER confirmed", "HOLD confirmed", "RETRIEVE confirmed", "DROP confirmed"],
    "error-after-202": [
        *("ANSWER confirmed", "HOLD confirmed", "CONSULT_CALL failed by request_id"),
        "CONSULT_CALL failed by sole_pending",
    ],
    "dtmf": [
        *("ANSWER confirmed", "SEND_DTMF presumed", "HOLD confirmed", "SEND_DTMF rejected"),
    ],
    "gap": [
        *("ANSWER confirmed", "HOLD confirmed by snapshot", "RETRIEVE confirmed"),
        "SEND_DTMF unconfirmed: link_lost",
    ],
    "transfer": ["ANSWER confirmed", "CONSULT_CALL confirmed", "TRANSFER confirmed"],
    "consult-not-answered": ["ANSWER confirmed", "CONSULT_CALL confirmed", "TRANSFER rejected"],
    "two-on-one-device": [
        *("ANSWER confirmed", "HOLD confirmed by expectation"),
        "RETRIEVE confirmed by expectation",
    ],
    "by-hand": ["ANSWER confirmed", "HOLD confirmed by expectation"],
    "calls": ["MAKE_CALL failed by request_id", "DROP confirmed", "MAKE_CALL confirmed"],
    "call-data": [
        *("ANSWER confirmed", "UPDATE_CALL_DATA confirmed"),
        "UPDATE_CALL_DATA confirmed by snapshot",
    ],
    "no-answer": [
        *("ANSWER confirmed", "HOLD confirmed by expectation"),
        "RETRIEVE unconfirmed: no_answer",
    ],
    "restart": ["ANSWER confirmed", "HOLD confirmed by snapshot"],
}
SECRETS = ("4711#", "4712#", "order 4711", "12025550110", "Sold", "correct-horse")


def summary(path: Path) -> Iterator[str]:
    for result in Replay(pytest.fail).run(read(path, trouble=pytest.fail)):
        outcome = result.replayed
        if outcome is not None:
            assert result.word is Word.SAME, (result.request_id, result.differences())
            evidence = getattr(outcome, "evidence", None)
            weak = evidence not in {None, "request_id"} or outcome.kind == "failed"
            reason = getattr(outcome, "reason", None)
            yield (
                f"{result.request.requested_action} {outcome.kind}"
                f"{f' by {evidence}' if weak else ''}{f': {reason}' if reason else ''}"
            )


def test_there_is_one_of_each_scene():
    assert [path.name for path in FILES] == [f"transcript-{name}.jsonl" for name in sorted(SCENES)]
    assert sorted(SHOWN) == sorted(SCENES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_replays_to_what_it_shows(path: Path):
    assert list(summary(path)) == SHOWN[path.stem.removeprefix("transcript-")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_holds_nothing_that_is_hidden(path: Path):
    text = path.read_text(encoding="utf-8")

    assert [secret for secret in SECRETS if secret in text] == []
    assert path.stat().st_size < 60_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_says_when_who_and_what(path: Path):
    for line in path.read_text(encoding="utf-8").splitlines():
        assert {"at", "now", "wall", "dir", "what"} <= json.loads(line).keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_readme_says_what_it_shows(path: Path):
    assert f"| `{path.name}` | " in (SAMPLES / "README.md").read_text(encoding="utf-8")


def test_a_scene_recorded_anew_shows_the_same(tmp_path: Path):
    path = tmp_path / "t.jsonl"

    record("dtmf", path)

    assert list(summary(path)) == SHOWN["dtmf"]

"""What an earlier process left is in a transcript as it was taken over, and replays so."""

import json
from pathlib import Path

import pytest

from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Look
from listener.finesse.actions import UpdateCallData
from listener.finesse.model import Notification
from listener.transcript import Options, Recorder, Replay, Word, read
from listener.transcript.entries import Remembered
from tests.builders import a_dialog, a_participant, a_user
from tests.oracle.clock import EPOCH
from tests.transcript.recorded import head_of

AGENT = "agent1"
SETTLED, OPEN = "settled", "open"


def update(key: str) -> tuple[UpdateCallData, Registration]:
    values = {"callVariable1": "x"}
    request = UpdateCallData(agent=AGENT, dialog_id="100", call_variables=values)
    return request, Registration(key=key, request_id=key, own="1001")


def with_value(value: str):
    return a_dialog("100", a_participant(), variables={"callVariable1": value})


def restarted(path: Path, gone: float) -> None:
    """Record a settled update that left so long ago, and an open one that left 6 s ago."""
    head = head_of("queue", 100.0)
    made = Recorder(Options(path=path), head, wall=lambda: EPOCH, most_waiting=1000)
    made.start()
    core = made.over(Correlator())
    done = Confirmed(evidence=Evidence.REQUEST_ID, status=202)
    core.remember(100.0, *update(SETTLED), done, age=8.0, settled_ago=3.0, left=12.0, gone=gone)
    before = Baseline(with_value(""), (), a_user())
    core.adopt(100.0, *update(OPEN), baseline=before, left=8.0, accepted=True, age=10.0, gone=6.0)
    made._writer.wants_standpoint = True
    made.notified(100.5, Notification("/finesse/api/User/agent1", "<Update/>"), None)
    look = Look(101.0, dialogs=(with_value("x"),), user=a_user())
    made.up(101.0, AGENT, look)
    core.link_up(101.0, AGENT, look)
    core.expire(109.0)
    assert made.close()


def outcome(path: Path) -> Word:
    (result,) = Replay().run(read(path))
    return result.word


@pytest.mark.parametrize("gone", [5.0, 7.0])
def test_when_a_settled_request_left_is_told_again_and_replays(tmp_path: Path, gone: float):
    path = tmp_path / "t.jsonl"
    restarted(path, gone)
    told = [line.entry for line in read(path) if isinstance(line.entry, Remembered)]
    assert [(each.retold, each.gone) for each in told] == [(False, gone), (True, gone + 0.5)]
    assert outcome(path) is Word.SAME


@pytest.mark.parametrize(("gone", "word"), [(5.0, Word.DIFFERENT), (7.0, Word.SAME)])
def test_where_an_older_transcript_does_not_say_it_left_as_it_was_submitted(
    tmp_path: Path, gone: float, word: Word
):
    path, old = tmp_path / "t.jsonl", tmp_path / "old.jsonl"
    restarted(path, gone)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["what"] == "remembered":
            del line["gone"]
    old.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert outcome(old) is word

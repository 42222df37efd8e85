"""Facts from transcripts and from a journal's file: what is found, near, bounded, read only."""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from listener import cli
from listener.cli.exits import StreamFailed
from listener.cli.reaching import Where
from listener.cli.story_facts import facts_for
from listener.correlation.outcome import Evidence as By
from listener.correlation.outcome import Failed, Rejected, Unconfirmed
from listener.correlation.outcome import Reason as Why
from listener.errors import ConfigurationError, DaemonUnreachable
from listener.finesse.actions import Hold, SendDtmf
from listener.finesse.model import ApiError
from listener.journal import Settled
from listener.story import archive, tape
from listener.story.facts import Facts, NothingKnown, Wanted, seconds
from listener.story.near import near
from listener.story.telling import told
from tests.builders import a_dialog as a_call
from tests.shell.journals import (
    CUSTOMER,
    START,
    a_life,
    a_record,
    an_event,
    answered,
    going,
    journal_at,
    options,
    taken,
)
from tests.shell.journals import (
    a_call as a_make_call,
)

SAMPLES = Path(__file__).parents[2] / "samples"
NOW = START.timestamp() + 3600


def rules_of(facts: Facts, subject: str = "it") -> dict[str, list[str]]:
    """Return the names of the findings by requestId."""
    story = told(facts, subject)
    ids = {each.key: str(each.request_id) for each in story.requests}
    found: dict[str, list[str]] = {}
    for each in story.findings:
        found.setdefault(ids[str(each.request)], []).append(each.rule)
    return found


def sample(name: str, **wanted: Any) -> Facts:
    """Return the facts of a sample transcript."""
    given = wanted or {"agent": "1001", "last": 600.0}
    return tape.facts_of([SAMPLES / f"transcript-{name}.jsonl"], Wanted(**given))


# ---------------------------------------------------------------- transcripts of the simulator


@pytest.mark.parametrize(
    ("name", "request_id", "rule"),
    [
        ("consult-not-answered", "sample-3", "consult_not_answered"),
        ("dtmf", "sample-4", "participant_held"),
        ("error-after-202", "sample-3", "refused"),
        ("gap", "sample-4", "link_down"),
        ("no-answer", "sample-3", "no_answer"),
    ],
)
def test_the_cause_is_found_in_a_transcript(name: str, request_id: str, rule: str):
    assert rule in rules_of(sample(name))[request_id]
    assert rule in rules_of(sample(name, request=request_id))[request_id]


def test_a_transcript_tells_what_was_asked_and_what_proved_it():
    facts = sample("hold", request="sample-2")
    [request] = [each for each in facts.requests if not each.neighbour]
    assert request.told["outcome"]["kind"] == "confirmed"
    story = told(facts, "it")
    [proof] = [step for step in story.steps if step.proof]
    assert "own device HELD" in proof.title
    kinds = [step.kind.value for step in story.steps if step.key == request.key]
    assert kinds == ["asked", "sent", "answered", "outcome"]


def test_a_dialog_and_an_agent_are_found_in_a_transcript():
    facts = sample("hold", request="sample-2")
    dialog = facts.requests[0].dialog
    on_it = sample("hold", dialog=dialog)
    assert {each.dialog for each in on_it.requests} == {dialog}
    assert any(event.dialog == dialog for event in on_it.events)
    assert len(sample("hold", agent="1001", last=600.0, limit=1).requests) == 1
    assert sample("hold", agent="1001", last=600.0, limit=1).more_requests > 0


def test_an_id_that_nobody_knows_is_told_with_what_is_near():
    with pytest.raises(NothingKnown, match="knows no request sample-") as nothing:
        sample("hold", request="sample-99")
    assert any("sample-2" in each for each in nothing.value.near)
    with pytest.raises(NothingKnown, match="nothing of dialog 1"):
        sample("hold", dialog="1")


def test_a_transcript_cut_in_the_middle_of_a_line_still_tells(tmp_path: Path):
    whole = (SAMPLES / "transcript-hold.jsonl").read_bytes()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole[: len(whole) - 40])
    troubles: list[Any] = []
    wanted = Wanted(agent="1001", last=600.0)
    assert tape.facts_of([cut], wanted, trouble=troubles.append).requests
    assert len(troubles) == 1


# ---------------------------------------------------------------- a journal's file


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {each.name: each.read_bytes() for each in folder.iterdir()}


async def a_journal(path: Path, **how: Any) -> tuple[Any, Any]:
    """Write two requests of one device into a journal: one confirmed, one that failed."""
    held = a_record(Hold(agent="1001", dialog_id="100", target_media_address="1001"))
    digits = a_record(
        SendDtmf(agent="1001", dialog_id="100", target_media_address="1001", dtmf_string="98765"),
        request_id="a/b c",
        submitted=START + timedelta(seconds=5),
    )
    sent = START + timedelta(seconds=5, milliseconds=10)
    failed = Failed(evidence=By.REQUEST_ID, status=202)
    async with journal_at(path, **how) as journal:
        await a_life(journal, held)
        dialog = {
            "id": "100",
            "state": "ACTIVE",
            "participants": [{"mediaAddress": "1001", "state": "HELD"}],
            "mediaProperties": {"callvariables": {"callVariable1": "gold"}},
        }
        shown = {"agent": "1001", "requestId": held.request_id, "change": "changed"}
        event = an_event(
            journal.last_sequence + 1,
            data=shown | {"dialog": dialog},
            at=START + timedelta(seconds=1),
        )
        assert await journal.put(event)
        assert await journal.put(taken(digits))
        assert await journal.put(going(digits, a_call(), at=sent))
        assert await journal.put(answered(digits, sent))
        assert await journal.put(Settled(digits.key, sent + timedelta(seconds=1), failed))
    return held, digits


async def test_a_journal_tells_by_our_id_and_by_the_id_on_the_wire(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    held, digits = await a_journal(path)
    for id_ in (digits.key, "a/b c"):
        facts = archive.facts_of(path, Wanted(request=id_), NOW)
        [mine] = [each for each in facts.requests if not each.neighbour]
        assert mine.key == digits.key
        assert mine.own == "1001"
        assert "participant_held" in rules_of(facts)["a/b c"]
    facts = archive.facts_of(path, Wanted(agent="1001"), NOW)
    assert [each.key for each in facts.requests] == [digits.key, held.key]
    assert facts.known == {("1001", held.request_id): "HOLD"}


async def test_digits_of_a_journal_are_a_number_of_digits(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    await a_journal(path)
    story = told(archive.facts_of(path, Wanted(request="a/b c"), NOW), "it", show_numbers=True)
    said = " ".join(line for step in story.steps for line in step.lines)
    assert "dtmfString: 5 digits" in said
    assert "98765" not in said


async def test_a_journal_is_read_while_it_is_written_and_nothing_is_left_beside_it(
    tmp_path: Path,
):
    path = tmp_path / "journal.sqlite"
    _, digits = await a_journal(path)
    before = contents(tmp_path)
    assert archive.facts_of(path, Wanted(request=digits.key), NOW).requests
    assert contents(tmp_path) == before
    async with journal_at(path) as journal:
        more = a_record()
        assert await journal.put(taken(more))
        facts = archive.facts_of(path, Wanted(request=more.key), NOW)
        assert facts.requests[0].outcome is None
        assert "still_open" in rules_of(facts)[more.request_id]
        await a_life(journal)  # the writer is not disturbed


async def test_a_journal_that_keeps_call_data_shows_it_only_when_asked(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    async with journal_at(path, options(keep_call_data=True)) as journal:
        call = a_record(a_make_call())
        await a_life(journal, call)
    facts = archive.facts_of(path, Wanted(request=call.key), NOW)
    hidden, shown = (
        " ".join(line for s in told(facts, "it", show_numbers=show).steps for line in s.lines)
        for show in (False, True)
    )
    assert CUSTOMER not in hidden
    assert CUSTOMER in shown


async def test_thousands_of_requests_are_bounded_and_counted(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    async with journal_at(path) as journal:
        records = [a_record(submitted=START + timedelta(seconds=n)) for n in range(1500)]
        for record in records[:-1]:
            journal.put(taken(record))
        assert await journal.put(taken(records[-1]))
    facts = archive.facts_of(path, Wanted(agent="1001", limit=50), NOW)
    assert len(facts.requests) == 50
    assert facts.more_requests == 1450
    assert facts.requests[0].key == records[-1].key  # the newest
    some = Wanted(agent="1001", since=START.timestamp() + 9.5, until=START.timestamp() + 19.5)
    assert len(archive.facts_of(path, some, NOW).requests) == 10


async def test_what_a_journal_does_not_know_is_told_with_what_is_near(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    await a_journal(path)
    with pytest.raises(NothingKnown) as nothing:
        archive.facts_of(path, Wanted(request="a/b"), NOW)
    assert nothing.value.near[0].startswith("a/b c")
    with pytest.raises(NothingKnown) as nothing:
        archive.facts_of(path, Wanted(dialog="1000"), NOW)
    assert nothing.value.near == ("dialog 100",)
    with pytest.raises(NothingKnown):
        archive.facts_of(path, Wanted(agent="7"), NOW)


def test_what_is_no_journal_is_refused_with_the_way_out(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"there is no journal .* --transcript"):
        archive.facts_of(tmp_path / "none", Wanted(agent="1"), NOW)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(ConfigurationError):
        archive.facts_of(other, Wanted(agent="1"), NOW)
    text = tmp_path / "text"
    text.write_text("hello " * 100)
    with pytest.raises(ConfigurationError, match="is no journal"):
        archive.facts_of(text, Wanted(agent="1"), NOW)


async def test_an_outcome_of_an_open_deadline_is_told_as_unconfirmed(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    record = a_record()
    over = START + timedelta(seconds=20)
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        await journal.put(answered(record))
        assert await journal.put(Settled(record.key, over, Unconfirmed(reason=Why.DEADLINE)))
    assert rules_of(archive.facts_of(path, Wanted(request=record.key), NOW)) == {
        record.request_id: ["unknown"]
    }


# ---------------------------------------------------------------- what is near


def test_an_agent_who_is_known_at_another_time_is_not_near_itself():
    wanted = Wanted(agent="1001", last=600.0)
    assert wanted.narrowed == "agent 1001 in that time"
    assert Wanted(agent="1001").narrowed == "agent 1001"
    assert near("1001", [("1001", "agent 1001"), ("10010", "agent 10010")]) == ("agent 10010",)


def test_near_ids_are_those_that_hold_the_text_then_those_that_look_alike():
    known = [("0193-aaaa", "one"), ("0193-bbbb", "two"), ("zzz", "three")]
    assert near("bbbb", known) == ("two",)
    assert near("0193-aaab", known)[0] == "one"
    assert near("?", known) == ()
    assert len(near("0", [(f"0{n}", str(n)) for n in range(99)])) == 5


# ---------------------------------------------------------------- the command


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    """Call the command line."""
    monkeypatch.setattr(sys, "argv", ["listener", "story", *map(str, words)])
    code = cli._guarded()
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return int(code), said.out, said.err


@pytest.mark.parametrize(
    ("words", "told_so"),
    [
        ((), "say whose story"),
        (("1", "--agent", "2"), "not both"),
        (("1", "--last", "5m"), "go with --dialog or --agent"),
        (("--agent", "2", "--last", "soon"), "write 90s, 10m"),
        (("--agent", "2", "--last", "0s"), "no time at all"),
        (("--agent", "2", "--from", "noon"), "is no time"),
        (("--agent", "2", "--last", "1m", "--from", "2026-01-01"), "not both"),
        (("--agent", "2", "--from", "2026-01-02", "--to", "2026-01-01"), "later than"),
        (("--agent", "2", "--last", f"{'9' * 400}d"), "3650d at most"),
        (("",), "an id is needed"),
        (("\udcff",), "text in UTF-8"),
    ],
)
def test_a_call_that_cannot_be_right_is_refused(
    monkeypatch: Any, capsys: Any, words: tuple[str, ...], told_so: str
):
    code, out, err = run(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert told_so in err


def test_the_command_tells_a_transcript_as_text_json_and_files(
    monkeypatch: Any, capsys: Any, tmp_path: Path
):
    monkeypatch.setenv("COLUMNS", "60")
    file = ("--transcript", SAMPLES / "transcript-dtmf.jsonl")
    code, out, _ = run(monkeypatch, capsys, "sample-4", *file)
    assert code == 0
    assert "The agent's side of the call was on hold" in out
    assert max(map(len, out.splitlines())) <= 60
    assert "\x1b" not in out
    code, out, _ = run(monkeypatch, capsys, "sample-4", *file, "--json")
    assert json.loads(out)["findings"][0]["rule"] == "participant_held"
    page, drawing = tmp_path / "t.html", tmp_path / "t.svg"
    code, out, err = run(monkeypatch, capsys, "sample-4", *file, "--html", page, "--svg", drawing)
    assert (code, out) == (0, "")
    assert f"written to {page}" in err
    assert "on hold" in page.read_text()
    assert drawing.read_text().startswith("<?xml")
    code, _, err = run(monkeypatch, capsys, "1", *file, "--html", tmp_path / "no" / "t.html")
    assert code == 1
    code, _, err = run(monkeypatch, capsys, "sample-4", *file, "--svg", tmp_path / "no" / "t")
    assert code == 78
    assert "cannot be written" in err


def test_the_command_names_what_is_near(monkeypatch: Any, capsys: Any):
    file = ("--transcript", SAMPLES / "transcript-dtmf.jsonl")
    code, out, err = run(monkeypatch, capsys, "sample-44", *file)
    assert (code, out) == (1, "")
    assert "near is: sample-4" in err


def test_what_a_transcript_of_anybody_holds_does_not_reach_the_terminal_as_it_is(
    monkeypatch: Any, capsys: Any, tmp_path: Path
):
    text = (SAMPLES / "transcript-dtmf.jsonl").read_text()
    bad = tmp_path / "bad.jsonl"
    bad.write_text(text.replace('"1001"', '"100\\u001b[2J1"'))
    code, out, err = run(monkeypatch, capsys, "--agent", "1001", "--transcript", bad)
    assert (code, out) == (1, "")
    assert "near is: agent 100" in err
    assert "\x1b" not in err


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_goes_away_is_no_story_that_is_not_there(
    monkeypatch: Any, capsys: Any, form: tuple[str, ...]
):
    def broken(_text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys.stdout, "write", broken)
    monkeypatch.setattr(cli.console, "unwritable", lambda error: StreamFailed(str(error)))
    file = ("--transcript", SAMPLES / "transcript-dtmf.jsonl")
    code, _, err = run(monkeypatch, capsys, "sample-4", *file, *form)
    assert code == 74
    assert "Broken pipe" in err


async def test_the_journal_of_the_settings_is_read_where_no_daemon_runs(
    monkeypatch: Any, tmp_path: Path
):
    monkeypatch.setattr("listener.settings.client_socket", lambda *_: None)
    _, digits = await a_journal(tmp_path / "journal.sqlite")
    wanted = Wanted(request=digits.key)
    config = tmp_path / "listener.toml"
    config.write_text('[journal]\npath = "journal.sqlite"\n')
    assert facts_for(wanted, Where(config=config), [], None).requests
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert facts_for(wanted, Where(), [], None).requests
    config.write_text('[journal]\npath = ""\n')
    with pytest.raises(ConfigurationError, match="no journal is kept"):
        facts_for(wanted, Where(config=config), [], None)
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setattr("listener.settings.places.SYSTEM_JOURNAL", tmp_path / "none")
    with pytest.raises(DaemonUnreachable, match="--journal or --transcript"):
        facts_for(wanted, Where(), [], None)


async def test_rows_that_cannot_be_read_are_counted_and_not_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "journal.sqlite"
    _, digits = await a_journal(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET data = 'broken'")
        connection.execute("UPDATE steps SET data = '[]' WHERE kind = 'answer'")
    connection.close()
    capsys.readouterr()
    facts = archive.facts_of(path, Wanted(request=digits.key), NOW)
    assert any("could not be read" in note for note in facts.notes)
    assert capsys.readouterr().out == ""


async def test_errors_are_told_as_they_were_told_then(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    record = a_record()
    error = {"errorType": "x", "meaning": "as UCCX means it", "constant": "C"}
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        await journal.put(answered(record))
        failed = Failed(evidence=By.REQUEST_ID, errors=(ApiError(error_type="x"),))
        assert await journal.put(Settled(record.key, START + timedelta(seconds=1), failed))
        event = an_event(
            journal.last_sequence + 1,
            "request",
            at=START + timedelta(seconds=1),
            key=record.key,
            data={"outcome": {"errors": [error]}},
        )
        assert await journal.put(event)
    facts = archive.facts_of(path, Wanted(request=record.key), NOW)
    assert facts.requests[0].told["outcome"]["errors"] == [error]


async def test_only_events_of_the_time_around_a_request_are_read(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    record = a_record()
    async with journal_at(path) as journal:
        for number in range(-500, 500):
            at = START + timedelta(seconds=number * 2)
            journal.put(an_event(number + 501, at=at))
        await a_life(journal, record)
    facts = archive.facts_of(path, Wanted(request=record.key), NOW)
    times = [event.at - START.timestamp() for event in facts.events]
    assert times == sorted(times)
    assert -126 <= min(times) <= -118
    assert 58 <= max(times) <= 66


async def test_a_request_of_which_the_journal_has_the_answer_stands_as_accepted(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        assert await journal.put(answered(record))
    facts = archive.facts_of(path, Wanted(request=record.key), NOW)
    assert facts.requests[0].told["state"] == "accepted"
    story = told(facts, "it")
    assert story.repeat(facts.requests[0]).startswith("it may have happened")  # an hour after it
    soon = archive.facts_of(path, Wanted(request=record.key), START.timestamp() + 5)
    assert "still open" in told(soon, "it").repeat(soon.requests[0])


def test_a_transcript_that_stops_says_so(tmp_path: Path):
    lines = (SAMPLES / "transcript-hold.jsonl").read_text().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if '"answer"' in line and n > 20)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[: place + 1]))
    facts = tape.facts_of([cut], Wanted(agent="1001", last=600.0))
    assert facts.stops
    [last] = [each for each in facts.requests if each.outcome is None]
    assert last.told["state"] == "accepted"
    story = told(facts, "it")
    assert [each.cause for each in story.of(last)] == ["The transcript ends before its outcome"]
    assert story.repeat(last).startswith("it may have happened")


def test_a_transcript_tells_whose_turn_had_come_and_that_nothing_left():
    recorded = Path(__file__).parents[1] / "transcript" / "turn_came_nothing_left.jsonl"
    lines = [json.loads(line) for line in recorded.read_text().splitlines()]
    [turn] = [line["wall"] for line in lines if line["what"] == "send"]

    [mine] = tape.facts_of([recorded], Wanted(request="k000017")).requests

    assert mine.reason == "cancelled"
    assert (mine.going, mine.sent) == (seconds(turn), None)


async def test_a_journal_tells_whose_turn_had_come_and_that_nothing_left(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    record = a_record()
    over = Rejected(reason=Why.EXPIRED_IN_QUEUE, sent=False)
    async with journal_at(path) as journal:
        assert await journal.put(taken(record))
        assert await journal.put(going(record, a_call(), at=START + timedelta(seconds=1)))
        assert await journal.put(Settled(record.key, START + timedelta(seconds=9), over))
    facts = archive.facts_of(path, Wanted(request=record.key), NOW)
    [mine] = facts.requests
    assert (mine.going, mine.sent) == ((START + timedelta(seconds=1)).timestamp(), None)
    [cause] = [each.cause for each in told(facts, "it").of(mine)]
    assert cause.startswith("Its turn had come")


async def test_what_its_caller_sends_has_no_turn_in_a_journal_and_holds_nobody_up(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    theirs, mine = a_record(expected=True), a_record()
    over = Rejected(reason=Why.EXPIRED_IN_QUEUE, sent=False)
    async with journal_at(path) as journal:
        assert await journal.put(taken(theirs), going(theirs, a_call()), taken(mine))
        assert await journal.put(Settled(mine.key, START + timedelta(seconds=9), over))
    facts = archive.facts_of(path, Wanted(agent="1001"), NOW)
    [announced] = [each for each in facts.requests if each.key == theirs.key]
    assert (announced.going, announced.sent, announced.stayed) == (None, None, False)
    assert announced.before  # what was known is told
    story = told(facts, "it")
    titles = [step.title for step in story.steps if step.key == theirs.key]
    assert not [title for title in titles if "turn of" in title or "sent" in title]
    [expired] = [each for each in facts.requests if each.key == mine.key]
    [cause] = story.of(expired)
    assert "what kept it waiting is not known here" in cause.saw


def test_the_deployment_of_a_transcript_is_known():
    assert sample("dtmf").requests[0].deployment in {"UCCE", "UCCX"}


def test_requests_from_before_a_recording_are_ours_too(tmp_path: Path):
    lines = (SAMPLES / "transcript-restart.jsonl").read_text().splitlines(keepends=True)
    second = [n for n, line in enumerate(lines) if '"what":"transcript"' in line][1]
    later = tmp_path / "later.jsonl"
    later.write_text("".join(lines[second:]))
    facts = tape.facts_of([later], Wanted(agent="1001", last=600.0))
    assert "sample-1" not in {each.request_id for each in facts.requests}
    assert facts.whose("1001", "sample-1") == "ANSWER"


def test_a_restart_in_a_transcript_is_told():
    story = told(sample("restart"), "it")
    assert [step.kind.value for step in story.steps].count("restart") >= 1
    facts = sample("restart", request="sample-2")
    assert facts.requests[0].told["requestId"] == "sample-2"
    assert facts.requests[0].restarted


def test_gets_and_pings_of_a_transcript_are_told():
    steps = told(sample("call-data"), "it").steps + told(sample("dtmf"), "it").steps
    assert {step.kind.value for step in steps} >= {"fence"}

"""`listener demo`: the whole scene, on both deployments and under both ways of tagging."""

from __future__ import annotations

import asyncio
import io
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Presumed,
    Reason,
    Unconfirmed,
)
from listener.correlation.steps import Late
from listener.demo import main, naive, scene
from listener.demo.cases import Case, cases_of
from listener.demo.judge import judge, knowable, too_much
from listener.demo.show import Screen
from listener.demo.stage import Play, Stage, outcome_of, stage
from listener.errors import ConfigurationError
from listener.finesse.actions import ACTIONS
from listener.simulator.profiles import Tagging
from tests.shell.sharing import made_once

PROFILES = ("UCCE", "UCCX")
TAGGINGS = ("errors-empty", "none")
PATIENCE = 150.0
WIDTHS = (60, 200)
DIGITS = "1234#"

pytestmark = pytest.mark.timeout(400)  # the first one to look waits for the whole scene


@dataclass
class Notes:
    """Keeps what the scene told as it went on."""

    told: list[tuple[Stage, Play, Late | None]] = field(default_factory=list)
    remarks: list[tuple[Stage, str, str]] = field(default_factory=list)

    def settled(self, where: Stage, play: Play) -> None:
        self.told.append((where, play, None))

    def late(self, where: Stage, play: Play, late: Late) -> None:
        self.told.append((where, play, late))

    def remark(self, where: Stage, agent: str, words: str) -> None:
        self.remarks.append((where, agent, words))


@dataclass
class Played:
    """All that the tests look at: cases per deployment and tagging, and one process.

    `screens`: what was shown of two scenes, by width; `told` the words of the second's outcomes.
    """

    cases: dict[tuple[str, str], list[Case]]
    screens: dict[int, str]
    told: list[str]
    output: str
    sent: subprocess.CompletedProcess[str]
    pages: list[set[str]]
    exit_code: int


async def _play_one(profile: str, tagging: str, notes: Notes) -> list[Case]:
    with tempfile.TemporaryDirectory() as folder:
        here = stage(
            profile=profile,
            tagging=Tagging(tagging.replace("-", "_")),
            seed=1,
            folder=Path(folder),
            watcher=notes,
        )
        async with here as where:
            await scene.play(where)
            return cases_of(where)


async def _play_all(notes: dict[tuple[str, str], Notes]) -> dict[tuple[str, str], list[Case]]:
    found = await asyncio.gather(*(_play_one(*which, note) for which, note in notes.items()))
    return dict(zip(notes, found, strict=True))


def _listener(*words: str) -> list[str]:
    return [sys.executable, "-m", "listener", *words]


def _use_what_stays(
    process: subprocess.Popen[str],
) -> tuple[str, subprocess.CompletedProcess[str], list[set[str]]]:
    """Read until the demo says how to send and look, do that, and end it as Ctrl-C does."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if line.strip().startswith("listener page"):
            break
    said = [line.strip() for line in lines]
    pages = [_looked_at(next(line for line in said if "/#code=" in line))]
    send, page = (next(x for x in said if x.startswith(f"listener {w}")) for w in ("send", "page"))
    sent, another = (
        subprocess.run(
            _listener(*shlex.split(each)[1:]),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        for each in (send, page)
    )
    pages.append(_looked_at(another.stdout.strip()))
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE)
    return "".join(lines) + rest, sent, pages


def _looked_at(link: str) -> set[str]:
    """Open a link as the page does, and return the actions that are in its table."""
    base, _, code = link.partition("/#code=")
    with httpx.Client(base_url=base, timeout=PATIENCE) as browser:
        browser.post("/page/session", json={"code": code}).raise_for_status()
        found = browser.get("/page/requests", params={"limit": 1000}).raise_for_status().json()
    return {row["requestedAction"] for row in found["requests"]}


async def _both(
    process: subprocess.Popen[str], notes: dict[tuple[str, str], Notes]
) -> tuple[
    dict[tuple[str, str], list[Case]],
    tuple[str, subprocess.CompletedProcess[str], list[set[str]]],
]:
    """Play, and use what stays as soon as it is there: its link is good for a minute."""
    try:
        return await asyncio.gather(_play_all(notes), asyncio.to_thread(_use_what_stays, process))
    except BaseException:
        process.kill()  # what reads from it would wait for its end
        raise


def _play() -> Played:
    """Play all four scenes at once, and one more as a command in a pipe that stays."""
    process = subprocess.Popen(
        _listener("demo", "--tagging", "drawn", "--stay", "--seed", "3"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        notes = {(profile, tagging): Notes() for profile in PROFILES for tagging in TAGGINGS}
        cases, (output, sent, pages) = asyncio.run(_both(process, notes))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    screens = {width: _screen(cases, notes, width) for width in WIDTHS}
    told = [outcome_of(play).kind for _, play, late in notes["UCCE", "none"].told if late is None]
    return Played(cases, screens, told, output, sent, pages, process.returncode)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Return what was played, once for all workers of a run."""
    return made_once(tmp_path_factory, "demo", _play)


def _screen(
    cases: dict[tuple[str, str], list[Case]], notes: dict[tuple[str, str], Notes], width: int
) -> str:
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=True, width=width, no_color=True, highlight=False, soft_wrap=True
    )
    screen = Screen(TAGGINGS, console)
    screen.columns()
    for tagging in TAGGINGS:
        for where, play, late in notes["UCCE", tagging].told:
            if late is None:
                screen.settled(where, play)
            else:
                screen.late(where, play, late)
        for remark in notes["UCCE", tagging].remarks:
            screen.remark(*remark)
    scenes = {tagging: judge(cases["UCCE", tagging]) for tagging in TAGGINGS}
    screen.outcomes(scenes)
    screen.comparison([("none", "by requestId alone", 1, 2, "HOLD said: failure, true: done")])
    screen.verdict(scenes)
    return text.getvalue()


WHICH = [(profile, tagging) for profile in PROFILES for tagging in TAGGINGS]


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
def test_no_outcome_says_more_or_less_than_is_true(played: Played, which: tuple[str, str]) -> None:
    wrong = [
        (v.case.action, v.case.note, v.too_much, v.too_little)
        for v in judge(played.cases[which])
        if v.too_much or v.too_little
    ]
    assert wrong == []


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
def test_every_action_of_the_deployment_is_played(played: Played, which: tuple[str, str]) -> None:
    asked = {type(case.request) for case in played.cases[which]}
    there = {
        kind
        for kinds in ACTIONS.values()
        for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
        if which[0] in kind.deployments
    }
    assert asked == there


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
def test_judge_finds_each_known_outcome_when_it_is_left_open(
    played: Played, which: tuple[str, str]
) -> None:
    scene_ = played.cases[which]
    for case in scene_:
        if not isinstance(case.outcome, Unconfirmed | Abandoned):
            assert knowable(case, scene_), (case.action, case.note)


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
def test_judge_finds_lies_planted_in_the_scene(played: Played, which: tuple[str, str]) -> None:
    for case in played.cases[which]:
        done = case.deed is not None and case.deed.effect
        tied = replace(case, outcome=Confirmed(evidence=Evidence.REQUEST_ID))
        if not done or which[1] == "none":
            assert too_much(tied), (case.action, case.note)
        said_done = replace(case, outcome=Confirmed(evidence=Evidence.EXPECTATION))
        assert (too_much(said_done) is None) is bool(done), (case.action, case.note)


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
@pytest.mark.parametrize("correlator", naive.CORRELATORS)
def test_simple_correlators_make_wrong_claims(
    played: Played, which: tuple[str, str], correlator: str
) -> None:
    cases = played.cases[which]
    claim = naive.CORRELATORS[correlator]
    wrong = naive.wrong(claim, cases)
    assert any(not claim(case) for case in wrong)  # failure of what was done
    if (correlator, which[1]) != ("by requestId alone", "none"):  # no tags: it never sees success
        assert any(claim(case) for case in wrong)  # success of what was refused


def test_correlator_by_request_id_is_lost_without_tags(played: Played) -> None:
    tagged, untagged = (
        len(naive.wrong(naive.by_request_id, played.cases["UCCE", tagging])) for tagging in TAGGINGS
    )
    assert untagged > tagged


def _found(played: Played, which: tuple[str, str], action: str, note: str) -> Case:
    (case,) = [c for c in played.cases[which] if (c.action, c.note) == (action, note)]
    return case


@pytest.mark.parametrize("which", WHICH, ids=map(" ".join, WHICH))
def test_failures_of_the_scene_are_told_apart(played: Played, which: tuple[str, str]) -> None:
    def kind(action: str, note: str) -> str:
        return _found(played, which, action, note).outcome.kind

    letters = "failed" if which[0] == "UCCX" else "presumed"
    assert kind("SEND_DTMF", "with a letter") == letters
    assert kind("SEND_DTMF", "while on hold") == "rejected"
    assert kind("TRANSFER", "before the consult is answered") == "failed"
    assert kind("MAKE_CALL", "which is busy") == "failed"
    assert kind("UPDATE_CALL_DATA", "the same again: no event") == "confirmed"
    assert kind("UPDATE_CALL_DATA", "a part of it is unknown") == "failed"
    ended = _found(played, which, "HOLD", "while the handset is put down").outcome
    late = _found(played, which, "RETRIEVE", "its error comes later").outcome
    lost = _found(played, which, "SEND_DTMF", "the session breaks").outcome
    reasons = [getattr(outcome, "reason", None) for outcome in (ended, late, lost)]
    assert reasons == [Reason.DIALOG_ENDED, Reason.DEADLINE, Reason.LINK_LOST]


def test_without_tags_a_transfer_to_the_outside_is_not_claimed(played: Played) -> None:
    for action in ("TRANSFER", "TRANSFER_SST"):
        tagged, untagged = (
            _found(played, ("UCCE", tagging), action, "to somebody outside").outcome
            for tagging in TAGGINGS
        )
        assert isinstance(tagged, Confirmed)
        assert isinstance(untagged, Unconfirmed)
        assert untagged.reason is Reason.DIALOG_ENDED


@pytest.mark.parametrize("width", WIDTHS)
def test_lines_fit_the_terminal_and_say_the_word(played: Played, width: int) -> None:
    lines = _plain(played.screens[width]).splitlines()
    assert max(map(len, lines)) <= width
    for kind in played.told:
        assert any(kind in line for line in lines)
    assert lines[-1].endswith("could be known")


def _plain(text: str) -> str:
    out, escape = [], False
    for char in text:
        if char == "\x1b":
            escape = True
        elif escape:
            escape = not char.isalpha()
        else:
            out.append(char)
    return "".join(out)


def test_digits_are_never_shown(played: Played) -> None:
    assert any(
        isinstance(case.outcome, Presumed) and getattr(case.request, "dtmf_string", "") == DIGITS
        for case in played.cases["UCCE", "none"]
    )
    assert DIGITS not in played.screens[200]
    assert DIGITS not in played.output


def test_wrong_outcomes_are_named_in_the_verdict(played: Played) -> None:
    case = replace(played.cases["UCCE", "none"][0], outcome=Unconfirmed(reason=Reason.DEADLINE))
    text = io.StringIO()
    Screen(TAGGINGS, Console(file=text, width=200)).verdict({"none": judge([case])})
    assert "WRONG (none) " in text.getvalue()
    assert "1 requests, 0 said more than was true, 1 left unknown" in text.getvalue()


def test_command_in_a_pipe_prints_plain_lines_and_a_verdict(played: Played) -> None:
    assert "\x1b" not in played.output
    verdict = [line for line in played.output.splitlines() if "said more than was true" in line]
    assert len(verdict) == 1
    assert "0 said more than was true, 0 left unknown that could be known" in verdict[0]
    lines = played.output.splitlines()
    assert any(line.startswith("Anna LOGIN ") and " confirmed " in line for line in lines)
    assert any(
        line.startswith("Fay  RETRIEVE ") and " failed " in line and "INVALID_ACTION: " in line
        for line in lines
    )


def test_what_stays_takes_the_request_that_the_demo_proposes(played: Played) -> None:
    assert played.sent.returncode == 0, played.sent.stderr
    assert "confirmed" in played.sent.stdout


def test_what_stays_is_seen_on_the_page(played: Played) -> None:
    scene_shown, later = played.pages
    assert {"LOGIN", "ANSWER", "HOLD", "TRANSFER", "SEND_DTMF"} <= scene_shown
    assert "MAKE_CALL" in later


def test_staying_ends_well_with_ctrl_c(played: Played) -> None:
    assert played.exit_code == 0


def test_unknown_way_of_tagging_is_named() -> None:
    with pytest.raises(ConfigurationError, match="--tagging sometimes is none of none, first"):
        main(tagging="sometimes")

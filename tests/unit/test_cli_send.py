from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from listener import cli, errors
from listener.cli import console
from listener.cli.describe import describe, exit_code
from listener.cli.exits import StreamFailed
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Seen,
    Unconfirmed,
)
from listener.finesse import catalogue
from listener.finesse.actions.calls import Hold
from listener.finesse.actions.request import RequestWarning
from listener.finesse.model import ApiError, Dialog
from listener.report import outcome_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OUTCOMES: list[tuple[Outcome, int, str]] = [
    (
        Confirmed(evidence=Evidence.REQUEST_ID, waited=1.5),
        0,
        "HOLD confirmed after 1.50 s: Finesse tied",
    ),
    (Confirmed(evidence=Evidence.SNAPSHOT, stage="ALERTING"), 0, "it is ALERTING"),
    (Presumed(), 0, "no error came while we were certainly listening"),
    (Failed(evidence=Evidence.SOLE_PENDING), 1, "an error without an id fits this request alone"),
    (Failed(evidence=Evidence.REQUEST_ID, state_cause="BUSY"), 1, "the call failed (BUSY)"),
    (Rejected(status=400), 3, "Finesse answered 400; sending it again is safe"),
    (Rejected(reason=Reason.NOT_SENT, sent=False), 3, "nothing left this machine; sending"),
    (Rejected(), 3, "Finesse refused it; sending it again is safe"),
    (Unconfirmed(reason=Reason.DEADLINE), 4, "it may have happened"),
    (Abandoned(reason=Reason.CALLER), 5, "the caller stopped waiting; it may have happened"),
]


HOLD = Hold(agent="1003", dialog_id="5")


def told(outcome: Outcome, action: str = "HOLD", **known: Any) -> str:
    return "\n".join(describe(outcome_json(outcome, **known), action))


@pytest.mark.parametrize(("outcome", "code", "words"), OUTCOMES)
def test_each_outcome_has_its_words_and_its_exit_code(outcome: Outcome, code: int, words: str):
    assert exit_code(outcome_json(outcome)) == code
    assert words in told(outcome)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason):
    assert told(Unconfirmed(reason=reason)).count("it may have happened") == 1


@pytest.mark.parametrize("evidence", Evidence)
def test_every_evidence_has_words(evidence: Evidence):
    assert told(Confirmed(evidence=evidence)) != told(Presumed())


def test_only_a_rejection_is_said_to_be_safe_to_repeat():
    for outcome, _, _ in OUTCOMES:
        assert ("again is safe" in told(outcome)) is isinstance(outcome, Rejected)


def test_an_error_is_told_with_its_meaning_and_advice():
    error = ApiError("Call Operation Failure", "CF_RESOURCE_OUT_OF_SERVICE", "34")

    lines = told(Failed(evidence=Evidence.REQUEST_ID, errors=(error, ApiError())))

    assert "Finesse said: Call Operation Failure, 34, CF_RESOURCE_OUT_OF_SERVICE" in lines
    assert "meaning: " in lines
    assert "what to do: " in lines
    assert "Finesse said: nothing more" in lines


def test_the_agent_in_an_error_is_not_explained_as_a_code():
    error = ApiError("Generic Error", None, "1003")
    failed = Failed(evidence=Evidence.SOLE_PENDING, errors=(error,))

    lines = told(failed, request=HOLD)

    known = catalogue.explain(ApiError("Generic Error"), action="HOLD")
    assert f"meaning: {known.meaning}" in lines


def test_a_refusal_by_rest_is_explained_with_its_status_and_deployment():
    error = ApiError("Invalid Authorization User Specified", None, None)
    refused = Rejected(status=401, errors=(error,))

    lines = told(refused, request=HOLD, deployment="UCCE")

    known = catalogue.explain(error, action="HOLD", deployment="UCCE", http_status=401)
    assert known.meaning
    assert f"meaning: {known.meaning}" in lines


def test_what_else_is_known_is_told():
    lines = told(
        Confirmed(
            evidence=Evidence.EXPECTATION,
            dialog=Dialog(id="5", state="ACTIVE"),
            dialogs=DialogIds(survivor="6"),
            warnings=(RequestWarning("already", "It was so already."),),
            seen=(Seen(0.5, "error", "34"),),
            applied=("a",),
            missing=("b",),
            truncated=("c",),
            changed=False,
        )
    )

    for words in (
        "dialog 5 was last seen ACTIVE",
        "the dialog to use from now on: 6",
        "warning: It was so already.",
        "heard at 0.50 s: error 34",
        "set: a",
        "not set: b",
        "cut short: c",
        "the values were there before",
    ):
        assert words in lines


# ---------------------------------------------------------------- with a listener in place


SUBMITTED = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Double:
    """Stands for the listener: keeps what it was asked, answers or raises what it was given."""

    def __init__(self, answer: Outcome | Exception) -> None:
        self.answer = answer
        self.record = SimpleNamespace(outcome=None, submitted=SUBMITTED)
        self.asked: list[tuple[Any, Any, dict[str, Any]]] = []

    @asynccontextmanager
    async def open(self, settings: Any) -> AsyncIterator[Double]:
        self.settings = settings
        yield self

    deployment = "UCCX"

    def start(self, request: Any, **options: Any) -> Double:
        self.asked.append((self.settings, request, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self

    async def outcome(self) -> Outcome:
        return self.answer


@pytest.fixture
def send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    path = tmp_path / "l.toml"
    path.write_text(
        '[finesse]\nnodes = ["fin1"]\n[[agents]]\nid = "1001"\n[[agents]]\nid = "1002"\n'
        '[requests]\nminimum_evidence = "event"\n'
    )
    monkeypatch.setenv("LISTENER_PASSWORD_1001", "hunter2")
    monkeypatch.setenv("LISTENER_PASSWORD_1002", "hunter2")

    def sent(double: Double, *words: str) -> tuple[int, str, str]:
        module = ModuleType("listener.assembly")
        module.Listener = double
        monkeypatch.setitem(sys.modules, "listener.assembly", module)
        basic = ["listener", "send", "--config", str(path), "--agent", "1001", "--dialog", "5"]
        monkeypatch.setattr(sys, "argv", [*basic, *words])
        code = cli._guarded()
        said = capsys.readouterr()
        return (int(code), said.out, said.err)

    return sent


@pytest.mark.parametrize(("outcome", "code", "words"), OUTCOMES)
def test_an_outcome_is_printed_and_decides_the_exit_code(
    send: Any, outcome: Outcome, code: int, words: str
):
    ended, out, err = send(Double(outcome), "HOLD")

    assert (ended, err) == (code, "")
    assert words in out


def test_a_session_is_opened_for_that_agent_alone_and_the_options_go_along(send: Any):
    double = Double(Presumed())

    send(double, "HOLD", "--deadline", "7", "--request-id", "145", "--no-validate")

    [(settings, request, options)] = double.asked
    assert [agent.id for agent in settings.agents] == ["1001"]
    assert (request.agent, request.dialog_id, request.requested_action) == ("1001", "5", "HOLD")
    assert options == {
        "deadline": 7.0,
        "request_id": "145",
        "minimum_evidence": "event",
        "validate": False,
    }


def test_minimum_evidence_on_the_command_line_beats_the_settings(send: Any):
    double = Double(Presumed())

    send(double, "HOLD", "--minimum-evidence", "request_id")

    assert double.asked[0][2]["minimum_evidence"] == "request_id"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotListening("no session for 1001"), 69),
        (errors.CredentialsRefused("the password of 1001 was refused"), 77),
        (errors.InvalidRequest("not on UCCX"), 2),
    ],
)
def test_what_was_raised_on_purpose_is_one_line(send: Any, error: Exception, code: int):
    assert send(Double(error), "HOLD") == (code, "", f"listener: {error}\n")


def test_warnings_are_logged_on_demand_and_the_digits_never(
    send: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LISTENER_LOGS__SHOW_NUMBERS", "true")
    monkeypatch.setenv("LISTENER_LOGS__FORMAT", "json")

    quiet = send(Double(Presumed()), "SEND_DTMF", "--dtmf-string", "98765")
    _, out, err = send(Double(Presumed()), "SEND_DTMF", "--dtmf-string", "98765", "--verbose")

    assert quiet == (0, out, "")

    assert {json.loads(line)["event"] for line in err.splitlines()} == {"settings.warning"}
    assert "98765" not in out + err


# ---------------------------------------------------------------- what comes in between


def test_without_a_standard_output_nothing_is_sent(send: Any, monkeypatch: pytest.MonkeyPatch):
    double = Double(Presumed())
    monkeypatch.setattr(sys, "stdout", None)

    code, _, err = send(double, "HOLD")

    assert (code, err, double.asked) == (74, "listener: standard output is closed\n", [])


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_outcome_that_cannot_be_printed_is_told_on_standard_error(
    send: Any, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
):
    def full(_text: str = "") -> None:
        raise StreamFailed("cannot write to standard output: full")

    monkeypatch.setattr(console, "out", full)

    code, out, err = send(Double(Unconfirmed(reason=Reason.DEADLINE)), "HOLD", *form)

    assert (code, out) == (74, "")
    assert err.startswith("HOLD unconfirmed after 0.00 s: nothing that proves it")
    assert err.endswith("listener: cannot write to standard output: full\n")


class Waiting(Double):
    """Answers when it is abandoned; leaves only when it is told to hurry."""

    def __init__(self, answer: Outcome, signals: int) -> None:
        super().__init__(answer)
        self.signals = signals
        self.settled: asyncio.Event = asyncio.Event()
        self.hurried: asyncio.Event = asyncio.Event()

    @asynccontextmanager
    async def open(self, settings: Any) -> AsyncIterator[Double]:
        self.settings = settings
        yield self
        if self.signals > 1 or not self.hurried.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            await (asyncio.Event() if self.signals > 1 else self.hurried).wait()

    async def outcome(self) -> Outcome:
        if self.signals:
            os.kill(os.getpid(), signal.SIGTERM)
            await self.settled.wait()
        self.record.outcome = self.answer
        return self.answer

    def abandon(self) -> None:
        self.record.outcome = self.answer
        self.settled.set()

    def hurry(self) -> None:
        self.hurried.set()


ABANDONED = Abandoned(reason=Reason.CALLER, sent=None)


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_ends_the_waiting_and_a_second_one_the_goodbye(send: Any, signals: int):
    code, out, err = send(Waiting(ABANDONED, signals), "HOLD")

    assert code == 130
    assert out.startswith("HOLD abandoned after 0.00 s: the caller stopped waiting")
    assert err == (
        "listener: interrupted; whether the request was sent is not known; it may have happened\n"
    )


def test_a_signal_after_the_outcome_changes_nothing_but_the_goodbye(send: Any):
    code, out, err = send(Waiting(Presumed(), 0), "HOLD")

    assert (code, err) == (0, "")
    assert out.startswith("HOLD presumed")


def test_a_signal_that_is_ignored_stays_so(send: Any):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        send(Double(Presumed()), "HOLD")
        after = signal.getsignal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert after is signal.SIG_IGN

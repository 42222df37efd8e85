"""Planted faults in what silence proves: 6.6.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from listener.correlation import answering, clockwork, desk, verdict
from listener.correlation.case import Finding, Shown
from listener.correlation.outcome import Reason
from listener.correlation.pending import State, Trigger
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- 6.6: SEND_DTMF --------------------------------------------------------------------------------


def _window(due):
    real = desk.Desk.start_window

    def start_window(self, start, e):
        real(self, start, e)
        e.window_due = due(start, e)
        self.rearm(e)

    return desk.Desk, "start_window", start_window


def _digits(e):
    return 0.3 * len(getattr(e.request, "dtmf_string", ""))


@mutant("6.6.01", "SEND_DTMF", "START_RECORDING")
def the_window_is_short():
    yield _window(lambda start, e: start + 1.0 + _digits(e))


@mutant("6.6.02", "SEND_DTMF")
def digits_take_no_time():
    yield _window(lambda start, e: start + e.request.default_deadline - _digits(e))


@mutant("6.6.03", "SEND_DTMF", "START_RECORDING")
def the_window_begins_at_submission():
    yield _window(lambda start, e: min(start, e.submitted) + e.request.default_deadline)


@mutant("6.6.04", "SEND_DTMF")
def the_chain_is_ignored():
    yield desk.Desk, "first_in_chain", lambda _self, _entry: True


@mutant("6.6.05", "SEND_DTMF")
def the_chain_is_everybodys():
    def first(self, e):
        return all(not chain or chain[0] == e.key for chain in self._chains.values())

    yield desk.Desk, "first_in_chain", first


def _fenced(change):
    real = clockwork.fenced

    def fenced(desk_, now, e, *, passed):
        if e.fence_due is None or not change(desk_, now, e):
            real(desk_, now, e, passed=passed)

    return clockwork, "fenced", fenced


@mutant("6.6.06", "SEND_DTMF", "START_RECORDING")
def a_tagged_silence_is_presumed():
    def change(desk_, now, e):
        if e.standing is None or e.state is not State.ACCEPTED:
            return False
        e.fence_due = None
        desk_.settle(now, e, Trigger.PRESUME, verdict.presumed(e, now))
        return True

    yield _fenced(change)


@mutant("6.6.07", "SEND_DTMF", "START_RECORDING")
def a_tagged_event_confirms_silence_at_once():
    def change(finding, _case, _want, sight):
        return Finding(Shown.EFFECT, by_id=True) if sight.tagged else finding

    yield over(x.Silence, change)


@mutant("6.6.08", "SEND_DTMF", "START_RECORDING")
def a_doubtful_answer_opens_the_window():
    real = answering.answered

    def answered(desk_, now, e, answer):
        if e.silent and answer.kind is AnswerKind.DOUBTFUL:
            answer = RestAnswer(AnswerKind.ACCEPTED, 202)
        real(desk_, now, e, answer)

    yield answering, "answered", answered


@mutant("6.6.09", "SEND_DTMF", "START_RECORDING")
def presumed_in_a_gap():
    def change(desk_, now, e):
        if not e.accepted or not e.gaps:
            return False
        e.fence_due, e.state = None, State.ACCEPTED
        desk_.settle(now, e, Trigger.PRESUME, verdict.presumed(e, now))
        return True

    yield clockwork, "_could_be_known", lambda _desk, _entry: True
    yield _fenced(change)


@mutant("6.6.10", "SEND_DTMF", "START_RECORDING")
def presumed_without_a_fence():
    real = clockwork._window

    def window(desk_, now, e):
        real(desk_, now, e)
        if e.open and e.fence_due is not None:
            clockwork.fenced(desk_, now, e, passed=True)

    yield clockwork, "_window", window


@mutant("6.6.11", "SEND_DTMF", "START_RECORDING")
def the_fence_is_sent_too_soon():
    real, early = desk.Desk.start_window, clockwork._window

    def start_window(self, start, e):
        real(self, start, e)
        e.window_due = start + 0.5
        self.rearm(e)

    def window(desk_, now, e):
        early(desk_, now, e)
        if e.fence_due is not None and e.fence_due == now + clockwork.FENCE_WITHIN:
            e.fence_due = e.deadline = now + e.request.default_deadline

    yield desk.Desk, "start_window", start_window
    yield clockwork, "_window", window


@mutant("6.6.12", "SEND_DTMF", "START_RECORDING")
def a_fence_without_an_answer_has_passed():
    real = clockwork.fenced

    def fenced(desk_, now, e, *, passed):
        del passed
        real(desk_, now, e, passed=True)

    yield clockwork, "fenced", fenced


@mutant("6.6.14", "SEND_DTMF", "START_RECORDING")
def what_cannot_be_presumed_says_deadline():
    real = verdict.unconfirmed

    def unconfirmed(e, why, now):
        lost = e.silent and why is Reason.LINK_LOST
        return real(e, Reason.DEADLINE if lost else why, now)

    yield verdict, "unconfirmed", unconfirmed

"""Planted faults in expectations, the gate and time: sections 8 to 10.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener import restoring, service, translation
from listener.correlation import (
    admission,
    answering,
    clockwork,
    correlator,
    desk,
    entry,
    gate,
    hearing,
)
from listener.correlation.outcome import Reason
from listener.correlation.pending import State
from listener.correlation.steps import AnswerKind, RestAnswer
from tests.oracle.planting import mutant

# -- 8: expectations -------------------------------------------------------------------------------


@mutant("8.01")
def an_announcement_is_soon_forgotten():
    yield admission, "NOT_REPORTED_AFTER", 20.0


def _entered(change):
    real = admission.enter

    def enter(desk_, now, e, registration):
        real(desk_, now, e, registration)
        if e.expected:
            change(desk_, now, e)

    return admission, "enter", enter


@mutant("8.02", "SEND_DTMF", "START_RECORDING")
def an_announcement_is_an_answer():
    def change(desk_, now, e):
        if e.silent:
            answering.answered(desk_, now, e, RestAnswer(AnswerKind.ACCEPTED, 202))

    yield _entered(change)


@mutant("8.03")
def a_tag_does_not_prove_that_it_was_sent():
    yield hearing, "sent", lambda _desk, _now, _owner: None
    real = entry.Entry.answered.fget

    def answered(self):
        return (self.accepted or self.doubted) if self.expected else real(self)

    yield entry.Entry, "answered", property(answered)


@mutant("8.04")
def a_reported_refusal_is_doubtful():
    yield translation, "_kind_of", lambda _status, _has_errors: AnswerKind.DOUBTFUL


@mutant("8.05")
def a_change_proves_what_was_never_sent():
    yield entry.Entry, "answered", property(lambda e: e.expected or e.answered_at is not None)


@mutant("8.06")
def what_was_never_reported_says_deadline():
    real = clockwork.reason

    def reason(e):
        found = real(e)
        return Reason.DEADLINE if found is Reason.NOT_REPORTED else found

    yield clockwork, "reason", reason


@mutant("8.07")
def an_expectation_holds_the_gate():
    yield _entered(lambda desk_, _now, e: desk_.gate.hold(e.device, e.key, e.request.gate))


# -- 9: the gate -----------------------------------------------------------------------------------


@mutant("9.01")
def the_gate_never_holds():
    yield gate.Lane, "admits", lambda _self, _gate: True


@mutant("9.02", "UPDATE_CALL_DATA")
def data_holds_the_gate():
    real = desk.Desk.release

    def release(self, now, e):
        if not e.open:
            real(self, now, e)

    yield desk.Desk, "release", release


@mutant("9.04")
def what_waits_too_long_waits_on():
    real = clockwork._deadline

    def deadline(desk_, now, e):
        if e.state is State.QUEUED and now >= e.deadline:
            e.deadline += 30.0
        else:
            real(desk_, now, e)

    yield clockwork, "_deadline", deadline


@mutant("9.06")
def the_drop_in_waits():
    real = service.intake.registration

    def registration(record, extension, wishes, policy, *, ungated=False):
        return replace(real(record, extension, wishes, policy, ungated=ungated), ungated=False)

    yield service.intake, "registration", registration


# -- 10: time, and the next process ----------------------------------------------------------------


@mutant("10.01")
def a_restart_gives_more_time():
    yield restoring, "left_of", lambda stored, _now: stored.length + 20.0
    yield restoring, "WITHIN", 100.0


@mutant("10.02")
def a_restart_is_no_gap():
    real = correlator.Correlator.adopt

    def adopt(self, *args, **kwargs):
        return real(self, *args, **{**kwargs, "gap": False})

    yield correlator.Correlator, "adopt", adopt


@mutant("10.03")
def a_restart_sends_again():
    real = restoring._adopt

    def adopt(service_, stored, now, loop):
        if stored.answer is None and not stored.record.expected:
            age = restoring._age(stored, now)
            service_.take_on(stored.record_at(loop - age), stored.registration, age=age)
        else:
            real(service_, stored, now, loop)

    yield restoring, "_adopt", adopt

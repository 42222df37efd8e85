"""Planted faults in GETs, expectations, the gate and time: sections 7 to 10.

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
    evidence,
    gate,
    looks,
)
from listener.correlation.case import Finding, Shown
from listener.correlation.outcome import Evidence, Failed
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant

# -- 7: snapshots --------------------------------------------------------------------------------


@mutant("7: a GET counts when it was sent after the 202")
def a_get_from_before_the_answer_counts():
    yield looks, "_counts", lambda _entry, look: look.ok


@mutant("7: an event that came into the answer makes it prove nothing")
def an_overtaken_get_counts():
    yield looks, "_overtaken", lambda _desk, _entry, _look: False


@mutant("7: absence proves nothing for TRANSFER, TRANSFER_SST", "TRANSFER", "TRANSFER_SST")
def absence_proves_a_transfer():
    real = looks.looked

    def looked(desk_, now, e, look):
        real(desk_, now, e, look)
        want = isinstance(e.case.expectation, x.Transferred | x.SentAway)
        if e.open and want and look.dialogs is not None:
            ids = {d.id for d in look.dialogs}
            if not ids & e.case.ids:
                held = entry.Held(Finding(Shown.EFFECT), Evidence.SNAPSHOT)
                evidence.count(desk_, now, e, held)

    yield looks, "looked", looked
    yield evidence, "GRACE", 30.0


@mutant("7: the probe goes out before the deadline")
def nobody_asks():
    def probe(_desk, now, e):
        if e.probe_due is not None and now >= e.probe_due:
            e.probe_due = None

    yield clockwork, "_probe", probe
    yield looks, "_counts", lambda _entry, _look: False


@mutant("7: the deadline is never extended")
def the_deadline_is_extended():
    real = clockwork.arm

    def arm(desk_, now, e, start):
        real(desk_, now, e, start + 10.0)

    yield clockwork, "arm", arm


@mutant("7: what comes after the outcome is late")
def late_news_changes_the_outcome():
    real = service.Service._late

    def late(self, step):
        real(self, step)
        record = self.records.get(step.key)
        if record is not None and step.errors:
            record.outcome = Failed(evidence=Evidence.SOLE_PENDING, errors=step.errors)
            self._watch(record)

    yield service.Service, "_late", late


# -- 8: expectations -----------------------------------------------------------------------------


@mutant("8: without a report nothing is presumed", "SEND_DTMF", "START_RECORDING")
def an_announcement_is_an_answer():
    real = admission.enter

    def enter(desk_, now, e, registration):
        real(desk_, now, e, registration)
        if e.expected:
            answering.answered(desk_, now, e, RestAnswer(AnswerKind.ACCEPTED, 202))

    yield correlator.admission, "enter", enter


@mutant("8: a reported refusal ends it rejected")
def a_reported_refusal_is_doubtful():
    yield translation, "_kind_of", lambda _status, _errors: AnswerKind.DOUBTFUL


@mutant("8: what was never reported nor heard of is not confirmed by a change")
def a_change_proves_what_was_never_sent():
    yield entry.Entry, "answered", property(lambda e: e.expected or e.answered_at is not None)


@mutant("8: an expectation never holds the gate")
def an_expectation_holds_the_gate():
    real = admission.enter

    def enter(desk_, now, e, registration):
        if e.expected:
            desk_.gate.hold(e.device, e.key, e.request.gate)
        real(desk_, now, e, registration)

    yield correlator.admission, "enter", enter


# -- 9: the gate ---------------------------------------------------------------------------------


@mutant("9: one request that changes a call's state per device")
def the_gate_never_holds():
    yield gate.Lane, "admits", lambda _self, _gate: True


@mutant("9: UPDATE_CALL_DATA and the like leave the gate at their 202", "UPDATE_CALL_DATA")
def data_holds_the_gate():
    yield gate.Lane, "admits", lambda self, _gate: not self.holders
    real = desk.Desk.release

    def release(self, now, e):
        if not e.open:
            real(self, now, e)

    yield desk.Desk, "release", release


@mutant("9: what waits past its deadline is not sent")
def sent_past_its_deadline():
    def out(self, now, waiting):
        self.dispatch(now, waiting)

    yield desk.Desk, "_let_one_out", out
    real = clockwork._deadline

    def deadline(desk_, now, e):
        if e.state == "queued":
            e.deadline += 30.0
        else:
            real(desk_, now, e)

    yield clockwork, "_deadline", deadline


@mutant("9: the drop-in is never delayed")
def the_drop_in_waits():
    real = service.intake.registration

    def registration(*args, **kwargs):
        return replace(real(*args, **kwargs), ungated=False)

    yield service.intake, "registration", registration


# -- 10: time, and the next process --------------------------------------------------------------


@mutant("10: after a restart there is no more time than was left")
def a_restart_gives_more_time():
    yield restoring, "left_of", lambda stored, _now: stored.length + 20.0
    yield restoring, "WITHIN", 100.0


@mutant("10: a restart is a gap")
def a_restart_is_no_gap():
    real = correlator.Correlator.adopt

    def adopt(self, *args, **kwargs):
        kwargs["gap"] = False
        return real(self, *args, **kwargs)

    yield correlator.Correlator, "adopt", adopt
    yield entry.Entry, "gap_since_sending", lambda _self: False


@mutant("2, 10: what may have been sent is never sent again")
def a_restart_sends_again():
    real = restoring._adopt

    def adopt(service_, stored, now, loop):
        if stored.answer is None and not stored.record.expected:
            age = restoring._age(stored, now)
            service_.take_on(stored.record_at(loop - age), stored.registration, age=age)
        else:
            real(service_, stored, now, loop)

    yield restoring, "_adopt", adopt

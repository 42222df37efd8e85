"""Planted faults in previews, callbacks, tasks, user states and a dialog's end: 6.8 to 6.10.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import clockwork, evidence
from listener.correlation.case import NOTHING, Finding, How, Shown
from listener.correlation.judges import states
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- 6.8: previews, callbacks, tasks, recording ----------------------------------------------------


@mutant("6.8.01", "ACCEPT")
def the_end_of_a_preview_accepts_it():
    def change(finding, case_, want, sight):
        gone = sight.how is How.REMOVED and case_.mine(sight) and case_.about(sight)
        accept = "ACCEPTED" in want.states
        return Finding(Shown.EFFECT) if gone and accept else finding

    yield over(x.OwnState, change)


def _ended(change):
    return over(x.ReservationEnded, change)


@mutant("6.8.02", "CLOSE", "REJECT")
def a_tagged_end_closes_no_preview():
    def change(finding, _case, _want, sight):
        return NOTHING if sight.tagged and finding.shown is Shown.EFFECT else finding

    yield _ended(change)


@mutant("6.8.03", "CLOSE", "REJECT")
def an_accepted_preview_is_closed():
    yield states, "_is_accepted", lambda _case, _dialog: False


@mutant("6.8.05", "CLOSE", "REJECT")
def a_preview_may_end_at_any_time():
    yield states, "CLOSE_WITHIN", 1000.0


@mutant("6.8.06", "CLOSE", "REJECT")
def a_preview_that_ended_waits_on():
    yield _ended(lambda finding, *_: NOTHING if finding.shown is Shown.ENDED else finding)


@mutant("6.8.07", "CANCEL_SCHEDULED_CALLBACK")
def no_callback_is_a_cancelled_one():
    def change(finding, case_, _want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return finding
        info = sight.dialog.scheduled_callback_info
        return Finding(Shown.EFFECT) if info is None else finding

    yield over(x.CallbackCancelled, change)


@mutant("6.8.08", "TASK_CLOSE", "TASK_TRANSFER")
def any_end_of_a_task_proves_it():
    def change(finding, _case, _want, _sight):
        return Finding(Shown.EFFECT) if finding.shown is Shown.ENDED else finding

    yield over(x.TaskEnded, change)


@mutant("6.8.09", "START_RECORDING")
def a_recording_is_never_presumed():
    real = clockwork._could_be_known

    def could_be_known(desk_, e):
        tones = e.request.requested_action == "SEND_DTMF"
        return tones and real(desk_, e)

    yield clockwork, "_could_be_known", could_be_known


# -- 6.9: user state -------------------------------------------------------------------------------


def _user(change):
    return over(x.UserState, change)


@mutant("6.9.01", "READY", "NOT_READY", "WORK")
def any_new_state_counts():
    def change(finding, case_, _want, sight):
        seen = sight.user is not None and case_.mine(sight)
        if not seen or finding.shown is not Shown.NOTHING:
            return finding
        return Finding(states._user_moved(case_, sight.user), stage=sight.user.state)

    yield _user(change)


@mutant("6.9.02", "NOT_READY")
def the_reason_is_ignored():
    real = states.user_state

    def change(_finding, case_, want, sight):
        return real(case_, replace(want, reason_code_id=None), sight)

    yield _user(change)


@mutant("6.9.03", "READY", "NOT_READY", "WORK")
def an_old_user_state_counts():
    yield states, "_user_moved", lambda _case, _user, *, tagged=False: Shown.EFFECT


@mutant("6.9.04", "READY", "NOT_READY", "WORK")
def a_pending_state_proves_nothing():
    yield states, "_pending", lambda _case, _want, _user, *, tagged: Shown.NOTHING


@mutant("6.9.05", "READY", "NOT_READY", "WORK")
def a_pending_state_is_told_as_there():
    def change(finding, _case, want, _sight):
        if finding.stage == "PENDING":
            return replace(finding, stage=next(iter(want.states)))
        return finding

    yield _user(change)


@mutant("6.9.06", "READY")
def talking_proves_ready():
    def change(finding, _case, want, _sight):
        weak = finding.shown is Shown.IF_TAGGED and finding.stage in want.weak_states
        return replace(finding, shown=Shown.EFFECT) if weak else finding

    yield _user(change)


# -- 6.10: a dialog's end --------------------------------------------------------------------------


@mutant("6.10.01")
def no_grace_after_the_end():
    yield evidence, "GRACE", 0.0


@mutant("6.10.02")
def the_grace_outlives_the_deadline():
    real = clockwork._deadline

    def deadline(desk_, now, e):
        if e.end_due is None or now >= e.end_due + 6.0:
            real(desk_, now, e)
        else:
            e.deadline = e.end_due + 6.0

    yield clockwork, "_deadline", deadline
    yield evidence, "GRACE", 8.0


@mutant("6.10.03")
def what_ended_waits_on():
    yield clockwork, "_end", lambda _desk, _now, entry: setattr(entry, "end_due", None)

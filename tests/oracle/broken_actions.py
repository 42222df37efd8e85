"""Planted faults in what proves each action: section 6.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import (
    answering,
    case,
    clockwork,
    desk,
    evidence,
    hearing,
    judges,
    verdict,
)
from listener.correlation.case import NOTHING, Finding, How, Shown
from listener.correlation.judges import calls, data, states, transfers
from listener.correlation.pending import State, Trigger
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant

# -- 6: per action -------------------------------------------------------------------------------


@mutant("6.1: INITIATING and INITIATED prove nothing before the deadline")
def initiating_confirms():
    yield calls, "PROVEN", frozenset({"INITIATING", "INITIATED", "ALERTING", "ACTIVE"})


@mutant("6.1: the number is the one that was asked for")
def the_number_is_ignored():
    yield calls, "_target", lambda _want, _dialog: True


@mutant("6.1: the dialog is not in the baseline")
def an_old_call_counts():
    yield case.Case, "is_new", lambda _self, _sight: True


@mutant("6.1: FAILED fails it")
def a_failed_call_is_ignored():
    yield calls, "_has_failed", lambda _dialog, _own: False


@mutant("6.2: the own participant's state, never the dialog's")
def the_dialogs_state_is_taken():
    def own_state(case_, want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return NOTHING
        there = {sight.dialog.state, *(p.state for p in sight.dialog.participants)}
        return Finding(Shown.EFFECT) if there & want.states else NOTHING

    yield judges, x.OwnState, own_state


@mutant("6.3: a DELETE proves DROP only when the call does not go on", "DROP", "CONFERENCE")
def a_delete_proves_drop_at_once():
    yield states, "QUIET_AFTER_DELETE", 0.0
    yield hearing, "_follow", lambda _desk, _event: None


@mutant("6.3: DROP needs the own participant off the call since the request")
def being_off_already_proves_drop():
    yield states, "_was_off", lambda _case: False


@mutant("6.4: two untagged DELETEs are also two hang-ups", "TRANSFER")
def two_deletes_prove_a_transfer():
    def both_gone(case_, sight):
        if sight.how is How.REMOVED and sight.dialog_id in transfers.pair(case_):
            case_.gone |= {sight.dialog_id}
        done = case_.gone >= transfers.pair(case_)
        return Finding(Shown.EFFECT) if done else NOTHING

    yield transfers, "_both_gone", both_gone


@mutant("6.4: CONFERENCE needs both others", "CONFERENCE")
def being_active_proves_a_conference():
    def conferenced(case_, _want, sight):
        own = sight.dialog.participant(case_.own) if sight.dialog is not None else None
        there = case_.about(sight) and own is not None and own.state == "ACTIVE"
        return Finding(Shown.EFFECT, "ACTIVE") if there else NOTHING

    yield judges, x.Conferenced, conferenced


@mutant("6.5: leaving without a tag is also a hang-up", "TRANSFER_SST")
def leaving_proves_a_single_step_transfer():
    real = transfers.sent_away

    def sent_away(case_, want, sight):
        finding = real(case_, want, sight)
        return Finding(Shown.EFFECT) if finding.shown is Shown.ENDED else finding

    yield judges, x.SentAway, sent_away


@mutant("6.6: presumed only behind a fence", "SEND_DTMF", "START_RECORDING")
def presumed_without_a_fence():
    real = clockwork._window

    def window(desk_, now, e):
        real(desk_, now, e)
        if e.open and e.fence_due is not None:
            clockwork.fenced(desk_, now, e, passed=True)

    yield clockwork, "_window", window


@mutant("6.6: presumed only without a gap", "SEND_DTMF", "START_RECORDING")
def presumed_in_a_gap():
    def fenced(desk_, now, e, *, passed):
        del passed
        if e.fence_due is None:
            return
        e.fence_due = None
        if e.accepted:
            e.state = State.ACCEPTED
            desk_.settle(now, e, Trigger.PRESUME, verdict.presumed(e, now))

    yield clockwork, "_could_be_known", lambda _desk, _entry: True
    yield clockwork, "fenced", fenced


@mutant("6.6: the window is 5 s and 0.3 s per digit", "SEND_DTMF", "START_RECORDING")
def the_window_is_short():
    real = desk.Desk.start_window

    def start_window(self, start, e):
        real(self, start, e)
        e.window_due = start + 1.0
        self.rearm(e)

    yield desk.Desk, "start_window", start_window


@mutant("6.6: the window begins when the DTMF before it is settled", "SEND_DTMF")
def the_chain_is_ignored():
    yield desk.Desk, "first_in_chain", lambda _self, _entry: True


@mutant("6.6: presumed needs a 202", "SEND_DTMF", "START_RECORDING")
def a_doubtful_answer_opens_the_window():
    real = answering.answered

    def answered(desk_, now, e, answer):
        if e.silent and answer.kind is AnswerKind.DOUBTFUL:
            answer = RestAnswer(AnswerKind.ACCEPTED, 202)
        real(desk_, now, e, answer)

    yield answering, "answered", answered


@mutant("6.6: a tagged event confirms at the window's end", "SEND_DTMF", "START_RECORDING")
def a_tagged_event_confirms_silence_at_once():
    def silence(_case, _want, sight):
        return Finding(Shown.EFFECT, by_id=True) if sight.tagged else NOTHING

    yield judges, x.Silence, silence


@mutant("6.7: values compare exactly, never trimmed", "UPDATE_CALL_DATA")
def values_are_trimmed():
    real = data.requested

    def trimmed(want):
        return {k: v.strip() if isinstance(v, str) else v for k, v in real(want).items()}

    shown = data.shown_values

    def shown_trimmed(names, dialog):
        found = shown(names, dialog)
        return {k: v.strip() if isinstance(v, str) else v for k, v in found.items()}

    yield data, "requested", trimmed
    yield data, "shown_values", shown_trimmed


@mutant("6.7: truncation counts for ECC only, and since the request", "UPDATE_CALL_DATA")
def any_prefix_is_a_truncation():
    def cut(_name, asked, now, _before):
        whole = isinstance(asked, str) and isinstance(now, str)
        return whole and asked != now and asked.startswith(now)

    yield data, "_truncated", cut


@mutant("6.7: some set and some not is a failure", "UPDATE_CALL_DATA")
def a_part_is_enough():
    real = data.call_data

    def call_data(case_, want, sight):
        finding = real(case_, want, sight)
        return replace(finding, shown=Shown.EFFECT) if finding.shown is Shown.PARTLY else finding

    yield judges, x.CallData, call_data


@mutant("6.7: a GET fails it 15 s after acceptance at the earliest", "UPDATE_CALL_DATA")
def a_get_fails_data_too_soon():
    yield evidence, "GET_FAILS_AFTER", 0.0


@mutant("6.7: of two updates the earlier cannot be judged by values", "UPDATE_CALL_DATA")
def superseded_is_ignored():
    yield desk, "_superseded", lambda _entry: None


@mutant("6.8: a preview's untagged end proves CLOSE only if it was never taken", "CLOSE", "REJECT")
def any_end_of_a_preview_closes_it():
    def ended(case_, _want, sight):
        there = case_.mine(sight) and case_.about(sight) and sight.how is How.REMOVED
        return Finding(Shown.EFFECT) if there else NOTHING

    yield judges, x.ReservationEnded, ended


@mutant("6.8: CANCEL_SCHEDULED_CALLBACK needs a baseline that had it", "CANCEL_SCHEDULED_CALLBACK")
def no_callback_is_a_cancelled_one():
    def cancelled(case_, _want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return NOTHING
        info = sight.dialog.scheduled_callback_info
        return Finding(Shown.EFFECT) if info is None else NOTHING

    yield judges, x.CallbackCancelled, cancelled


@mutant("6.8: nonvoice TRANSFER and CLOSE need our id", "TASK_CLOSE", "TASK_TRANSFER")
def any_end_of_a_task_proves_it():
    def task_ended(case_, _want, sight):
        there = case_.mine(sight) and case_.about(sight) and sight.how is How.REMOVED
        return Finding(Shown.EFFECT) if there else NOTHING

    yield judges, x.TaskEnded, task_ended


@mutant("6.9: the reason code is the one that was given", "NOT_READY")
def the_reason_is_ignored():
    real = states.user_state

    def user_state(case_, want, sight):
        return real(case_, replace(want, reason_code_id=None), sight)

    yield judges, x.UserState, user_state


@mutant("6.9: stateChangeTime must be newer", "READY", "NOT_READY", "WORK")
def an_old_user_state_counts():
    yield states, "_user_moved", lambda _case, _user: Shown.EFFECT


@mutant("6.9: RESERVED or TALKING after READY proves it only when tagged", "READY")
def talking_proves_ready():
    real = states.user_state

    def user_state(case_, want, sight):
        finding = real(case_, want, sight)
        weak = finding.shown is Shown.IF_TAGGED and finding.stage in want.weak_states
        return replace(finding, shown=Shown.EFFECT) if weak else finding

    yield judges, x.UserState, user_state


@mutant("6.10: a dialog's end leaves 2 s for what may still arrive")
def no_grace_after_the_end():
    yield evidence, "GRACE", 0.0

"""Planted faults in what proves that a call was made, held or dropped: 6.1 to 6.3.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import case, evidence, hearing, looks
from listener.correlation.case import NOTHING, Finding, How, Shown
from listener.correlation.judges import calls, states
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- 6.1: MAKE_CALL, CONSULT_CALL ------------------------------------------------------------------


@mutant("6.1.01", "MAKE_CALL")
def initiating_confirms():
    yield calls, "PROVEN", calls.PROVEN | {"INITIATING"}


@mutant("6.1.02", "MAKE_CALL")
def alerting_proves_nothing():
    yield calls, "PROVEN", calls.PROVEN - {"ALERTING"}


@mutant("6.1.03", "MAKE_CALL")
def active_proves_nothing():
    yield calls, "PROVEN", calls.PROVEN - {"ACTIVE"}


def _initiated(shown):
    def change(finding, _case, _want, _sight):
        return replace(finding, shown=shown) if finding.shown is Shown.STANDING else finding

    return over(x.NewCall, change)


@mutant("6.1.04", "MAKE_CALL")
def initiated_never_confirms():
    yield _initiated(Shown.NOTHING)


@mutant("6.1.05", "MAKE_CALL")
def initiated_confirms_at_once():
    yield _initiated(Shown.EFFECT)


@mutant("6.1.06", "MAKE_CALL")
def what_was_initiated_stands_for_ever():
    yield looks, "_fallen", lambda _entry, _shown: None
    real = evidence.ended

    def ended(desk_, now, e, *, off=False, anothers=False):
        standing = e.standing
        real(desk_, now, e, off=off, anothers=anothers)
        e.standing = standing

    yield evidence, "ended", ended


@mutant("6.1.07", "MAKE_CALL")
def a_failed_call_is_ignored():
    yield calls, "_has_failed", lambda _dialog, _own: False


@mutant("6.1.08", "MAKE_CALL")
def the_cause_of_a_failed_call_is_lost():
    real = calls._failure

    def failure(sight, dialog, own, *, by_id):
        return replace(real(sight, dialog, own, by_id=by_id), state_cause=None)

    yield calls, "_failure", failure


@mutant("6.1.09", "MAKE_CALL", "CONSULT_CALL")
def an_old_call_counts():
    yield case.Case, "is_new", lambda _self, _sight: True


@mutant("6.1.10", "MAKE_CALL")
def anybodys_call_counts():
    yield calls, "_ours", lambda _case, _want, _dialog, *, tagged=False: True


def _is_target(change):
    real = calls._target

    def target(want, dialog):
        return change(real, want, dialog)

    return calls, "_target", target


@mutant("6.1.11", "MAKE_CALL")
def any_number_counts():
    yield _is_target(
        lambda real, want, dialog: real(want, replace(dialog, to_address=want.to_address))
    )


@mutant("6.1.13", "MAKE_CALL")
def the_dialed_number_is_ignored():
    def change(real, want, dialog):
        media = replace(dialog.media_properties, dialed_number=None)
        return real(want, replace(dialog, media_properties=media))

    yield _is_target(change)


@mutant("6.1.14", "MAKE_CALL")
def separators_count():
    yield calls, "same_number", lambda one, other: one is not None and one == other


@mutant("6.1.15", "CONSULT_CALL", "MAKE_CALL")
def any_call_is_a_consult():
    yield _is_target(lambda real, want, dialog: real(replace(want, associated=None), dialog))
    real = calls._ours

    def ours(case_, want, dialog, *, tagged=False):
        media = replace(dialog.media_properties, call_type="OUT")
        return real(case_, want, replace(dialog, media_properties=media), tagged=tagged)

    yield calls, "_ours", ours


@mutant("6.1.16", "MAKE_CALL")
def a_changed_number_is_no_doubt():
    yield calls, "_look_alike", lambda _case, _dialog: NOTHING


# -- 6.2: HOLD, RETRIEVE, ANSWER -------------------------------------------------------------------


def _in_state(found):
    def change(finding, case_, want, sight):
        there = case_.about(sight) and sight.dialog is not None and sight.how is not How.REMOVED
        return Finding(Shown.EFFECT) if there and found(case_, want, sight.dialog) else finding

    return over(x.OwnState, change)


@mutant("6.2.01", "ANSWER", "RETRIEVE", "HOLD")
def the_dialogs_state_is_taken():
    yield _in_state(lambda _case, want, dialog: dialog.state in want.states)


@mutant("6.2.02", "ANSWER", "RETRIEVE", "HOLD")
def anothers_state_is_taken():
    def found(case_, want, dialog):
        others = [p for p in dialog.participants if p.media_address != case_.own]
        return any(p.state in want.states for p in others)

    yield _in_state(found)


# -- 6.3: DROP -------------------------------------------------------------------------------------


def _left_in(state):
    def change(finding, case_, _want, sight):
        own = sight.dialog.participant(case_.own) if sight.dialog is not None else None
        hidden = own is not None and own.state == state
        return NOTHING if hidden and finding.shown is Shown.EFFECT else finding

    return over(x.Left, change)


@mutant("6.3.01", "DROP")
def dropped_is_no_proof():
    yield _left_in("DROPPED")


@mutant("6.3.02", "DROP")
def wrap_up_is_no_proof():
    yield _left_in("WRAP_UP")


@mutant("6.3.03", "DROP")
def any_delete_proves_drop():
    def change(finding, _case, _want, sight):
        open_ = finding.shown in {Shown.IF_TAGGED, Shown.ENDED}
        gone = sight.how is How.REMOVED and open_
        return replace(finding, shown=Shown.EFFECT, quiet=1.0) if gone else finding

    yield over(x.Left, change)


@mutant("6.3.04", "DROP", "CONFERENCE")
def a_delete_proves_drop_at_once():
    yield states, "QUIET_AFTER_DELETE", 0.0


@mutant("6.3.05", "DROP", "CONFERENCE")
def a_call_that_goes_on_is_not_followed():
    yield hearing, "follow_into", lambda _desk, _entry, _owner, _dialog, _into: None


@mutant("6.3.06", "DROP")
def being_off_already_proves_drop():
    yield states, "was_off", lambda _case: False

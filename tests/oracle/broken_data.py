"""Planted faults in what call data proves: 6.7.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import answering, desk, evidence
from listener.correlation.case import Finding, How, Shown
from listener.correlation.entry import Held
from listener.correlation.judges import data
from listener.correlation.outcome import Evidence
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- 6.7: UPDATE_CALL_DATA -------------------------------------------------------------------------


@mutant("6.7.01", "UPDATE_CALL_DATA")
def what_is_there_is_not_sent():
    real = desk.Desk.dispatch

    def dispatch(self, e):
        real(self, e)
        want, now = e.case.expectation, e.submitted
        known = self.picture.of(e.agent).baseline(e.request.dialog_id)
        if not isinstance(want, x.CallData) or known is None or known.dialog is None:
            return
        asked = data.requested(want)
        if data.shown_values(frozenset(asked), known.dialog) == asked:
            self.steps.pop()
            self.begin(now, e)
            held = Held(Finding(Shown.UNCHANGED, changed=False), Evidence.SNAPSHOT)
            evidence.decide(self, now, e, held)

    yield desk.Desk, "dispatch", dispatch


def _data(change):
    return over(x.CallData, change)


def _all_there(case_, want, sight):
    asked = data.requested(want)
    there = case_.about(sight) and sight.dialog is not None
    return there and data.shown_values(frozenset(asked), sight.dialog) == asked


@mutant("6.7.02", "UPDATE_CALL_DATA")
def one_value_is_enough():
    def change(finding, case_, want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return finding
        asked = data.requested(want)
        now = data.shown_values(frozenset(asked), sight.dialog)
        before = data.shown_values(frozenset(asked), case_.before)
        moved = any(now[n] == asked[n] != before[n] for n in asked)
        some = moved and finding.shown in {Shown.PARTLY, Shown.NOTHING}
        return Finding(Shown.EFFECT, changed=True) if some else finding

    yield _data(change)


@mutant("6.7.03", "UPDATE_CALL_DATA")
def a_delete_shows_values():
    def change(finding, case_, want, sight):
        gone = sight.how is How.REMOVED and _all_there(case_, want, sight)
        return Finding(Shown.EFFECT, changed=True) if gone else finding

    yield _data(change)


@mutant("6.7.04", "UPDATE_CALL_DATA")
def values_from_before_count():
    def change(finding, case_, want, sight):
        old = finding.shown is Shown.UNCHANGED and sight.how is How.CHANGED
        return Finding(Shown.EFFECT, changed=True) if old else finding

    yield _data(change)


def _by_values(change):
    real = evidence._by_values

    def by_values(desk_, now, e, held, asked):
        if not change(e, held):
            real(desk_, now, e, held, asked)

    return evidence, "_by_values", by_values


@mutant("6.7.05", "UPDATE_CALL_DATA")
def no_get_confirms_equal_values():
    yield _by_values(lambda _e, held: held.finding.shown is Shown.UNCHANGED)


@mutant("6.7.06", "UPDATE_CALL_DATA")
def equal_values_confirm_at_once():
    real = answering.answered

    def answered(desk_, now, e, answer):
        real(desk_, now, e, answer)
        want = e.case.expectation
        if not (e.open and e.accepted and isinstance(want, x.CallData) and e.case.before):
            return
        asked = data.requested(want)
        if data.shown_values(frozenset(asked), e.case.before) == asked:
            held = Held(Finding(Shown.UNCHANGED, changed=False), Evidence.SNAPSHOT)
            evidence.decide(desk_, now, e, held)

    yield answering, "answered", answered


@mutant("6.7.07", "UPDATE_CALL_DATA")
def equal_values_are_told_as_changed():
    def change(finding, _case, _want, _sight):
        return replace(finding, changed=True) if finding.shown is Shown.UNCHANGED else finding

    yield _data(change)


@mutant("6.7.08", "UPDATE_CALL_DATA")
def a_part_fails_nothing():
    def change(finding, _case, _want, _sight):
        return replace(finding, shown=Shown.NOTHING) if finding.shown is Shown.PARTLY else finding

    yield _data(change)


@mutant("6.7.09", "UPDATE_CALL_DATA")
def what_is_missing_is_not_told():
    yield _data(lambda finding, *_: replace(finding, applied=(), missing=()))


def _truncated(cut):
    real = data.truncated

    def truncated(name, asked, now, before):
        texts = isinstance(asked, str) and isinstance(now, str)
        return real(name, asked, now, before) or (texts and cut(name, asked, now, before))

    return data, "truncated", truncated


@mutant("6.7.10", "UPDATE_CALL_DATA")
def any_variable_is_truncated():
    def cut(_name, asked, now, before):
        return 0 < len(now) < len(asked) and asked.startswith(now) and now != before

    yield _truncated(cut)


@mutant("6.7.11", "UPDATE_CALL_DATA")
def an_empty_value_is_a_truncation():
    yield _truncated(lambda name, _a, now, before: name.startswith("user.") and now == "" != before)


@mutant("6.7.12", "UPDATE_CALL_DATA")
def anything_shorter_is_a_truncation():
    def cut(name, asked, now, before):
        return name.startswith("user.") and 0 < len(now) < len(asked) and now != before

    yield _truncated(cut)


@mutant("6.7.14", "UPDATE_CALL_DATA")
def a_truncation_may_have_been_there():
    def cut(name, asked, now, _before):
        return name.startswith("user.") and 0 < len(now) < len(asked) and asked.startswith(now)

    yield _truncated(cut)
    real = data._verdict

    def verdict_(case_, sight, asked, before, applied, cut_):
        return real(case_, sight, asked, {**before, **dict.fromkeys(cut_)}, applied, cut_)

    yield data, "_verdict", verdict_


@mutant("6.7.15", "UPDATE_CALL_DATA")
def a_get_shows_truncation():
    real = data.call_data

    def call_data(case_, want, sight):
        if sight.how is How.SNAPSHOT and sight.dialog is not None:
            found = real(case_, want, replace(sight, how=How.CHANGED))
            return found if found.truncated else real(case_, want, sight)
        return real(case_, want, sight)

    yield _data(lambda _finding, case_, want, sight: call_data(case_, want, sight))


@mutant("6.7.16", "UPDATE_CALL_DATA")
def a_get_fails_data_too_soon():
    yield evidence, "GET_FAILS_AFTER", 0.0


@mutant("6.7.17", "UPDATE_CALL_DATA")
def anothers_values_fail_ours():
    real = evidence._by_values

    def by_values(desk_, now, e, held, asked):
        e.case.foreign_change = e.case.was_set = False
        e.case.beside.clear()
        real(desk_, now, e, held, asked)

    yield evidence, "_by_values", by_values


@mutant("6.7.18", "UPDATE_CALL_DATA")
def superseded_is_ignored():
    yield desk, "_superseded", lambda _entry, _by: None


@mutant("6.7.19", "UPDATE_CALL_DATA")
def values_are_trimmed():
    def trimmed(values):
        return {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}

    real, shown = data.requested, data.shown_values
    yield data, "requested", lambda want: trimmed(real(want))
    yield data, "shown_values", lambda names, dialog: trimmed(shown(names, dialog))

"""Planted faults in what proves that a call was passed on or joined: 6.4 and 6.5.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import clockwork
from listener.correlation.case import NOTHING, Finding, How, Shown
from listener.correlation.judges import states, transfers
from listener.correlation.outcome import DialogIds, Reason
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- 6.4: TRANSFER, CONFERENCE ---------------------------------------------------------------------


def _gone(change):
    real = transfers._both_gone

    def both_gone(case_, sight):
        return change(real(case_, sight), case_, sight)

    return transfers, "_both_gone", both_gone


@mutant("6.4.01", "TRANSFER")
def one_call_gone_proves_a_transfer():
    def change(finding, case_, _sight):
        return Finding(Shown.EFFECT, by_id=True) if case_.gone and case_.gone_tagged else finding

    yield _gone(change)


@mutant("6.4.02", "TRANSFER")
def two_deletes_prove_a_transfer():
    def change(finding, case_, _sight):
        both = transfers.pair(case_)
        done = len(both) > 1 and case_.gone >= both
        return Finding(Shown.EFFECT) if done else finding

    yield _gone(change)


@mutant("6.4.03", "TRANSFER")
def both_gone_proves_nothing():
    def change(finding, _case, _sight):
        return NOTHING if finding.shown is Shown.EFFECT else finding

    yield _gone(change)


@mutant("6.4.04", "TRANSFER", "CONFERENCE")
def the_survivor_on_anothers_node_is_ignored():
    def change(finding, case_, _want, sight):
        return finding if sight.owner == case_.agent else NOTHING

    yield over(x.Transferred, change)


@mutant("6.4.06", "TRANSFER", "CONFERENCE")
def a_conference_proves_a_transfer():
    def change(finding, case_, _want, sight):
        others = transfers._others(case_)
        there = transfers._addresses(sight.dialog, case_.own)
        joined = others and others <= there and transfers._survivor(case_, sight)
        return Finding(Shown.EFFECT) if joined and sight.how is not How.REMOVED else finding

    yield over(x.Transferred, change)


@mutant("6.4.07", "TRANSFER", "CONFERENCE")
def one_other_proves_a_transfer():
    def change(finding, case_, _want, sight):
        if sight.dialog is None or sight.how is How.REMOVED:
            return finding
        own = sight.dialog.participant(case_.own)
        off = own is None or states.has_left(own)
        there = transfers._addresses(sight.dialog, case_.own)
        joined = off and there and transfers._survivor(case_, sight)
        return Finding(Shown.EFFECT) if joined else finding

    yield over(x.Transferred, change)


def _reason(kind, changed):
    real = clockwork._end

    def end(desk_, now, e):
        before = e.open
        real(desk_, now, e)
        if before and not e.open and isinstance(e.case.expectation, kind):
            changed(desk_, e)

    return clockwork, "_end", end


def _says(why):
    def changed(desk_, e):
        step = desk_.steps[-1]
        if getattr(e.outcome, "reason", None) is Reason.DIALOG_ENDED:
            e.outcome = replace(e.outcome, reason=why)
            desk_.steps[-1] = replace(step, outcome=e.outcome)

    return changed


@mutant("6.4.08", "TRANSFER")
def a_transfer_that_ended_says_deadline():
    yield _reason(x.Transferred, _says(Reason.DEADLINE))


@mutant("6.4.09", "CONFERENCE")
def who_is_not_active_is_in_conference():
    def change(finding, case_, _want, sight):
        others = transfers._others(case_)
        there = transfers._addresses(sight.dialog, case_.own)
        joined = others and others <= there and transfers._survivor(case_, sight)
        return Finding(Shown.EFFECT) if joined and sight.how is not How.REMOVED else finding

    yield over(x.Conferenced, change)


@mutant("6.4.10", "CONFERENCE")
def being_active_proves_a_conference():
    def change(finding, case_, _want, sight):
        own = sight.dialog.participant(case_.own) if sight.dialog is not None else None
        there = case_.about(sight) and own is not None and own.state == "ACTIVE"
        return Finding(Shown.EFFECT, "ACTIVE") if there else finding

    yield over(x.Conferenced, change)


# -- 6.5: TRANSFER_SST -----------------------------------------------------------------------------


@mutant("6.5.01", "TRANSFER_SST")
def leaving_proves_a_single_step_transfer():
    def change(finding, _case, _want, _sight):
        return Finding(Shown.EFFECT) if finding.shown is Shown.ENDED else finding

    yield over(x.SentAway, change)


def _tagged_end(*, removed):
    def change(finding, case_, _want, sight):
        fits = sight.owner == case_.agent and (sight.how is How.REMOVED) is removed
        return NOTHING if fits and finding.shown is Shown.EFFECT else finding

    return over(x.SentAway, change)


@mutant("6.5.02", "TRANSFER_SST")
def a_delete_with_our_id_proves_nothing():
    yield _tagged_end(removed=True)


@mutant("6.5.03", "TRANSFER_SST")
def being_dropped_with_our_id_proves_nothing():
    yield _tagged_end(removed=False)


@mutant("6.5.04", "TRANSFER_SST")
def arriving_anywhere_proves_a_single_step_transfer():
    def change(finding, case_, _want, sight):
        own = sight.dialog.participant(case_.own) if sight.dialog is not None else None
        there = case_.about(sight) and (own is None or states.has_left(own))
        elsewhere = sight.owner != case_.agent and sight.how is not How.REMOVED
        return Finding(Shown.EFFECT) if there and elsewhere else finding

    yield over(x.SentAway, change)


@mutant("6.5.05", "TRANSFER_SST")
def nobody_else_sees_it_arrive():
    def change(finding, case_, _want, sight):
        return finding if sight.owner == case_.agent else NOTHING

    yield over(x.SentAway, change)


@mutant("6.5.06", "TRANSFER_SST")
def a_single_step_transfer_that_ended_says_deadline():
    yield _reason(x.SentAway, _says(Reason.DEADLINE))


@mutant("6.5.08", "TRANSFER_SST")
def the_surviving_id_is_guessed():
    def change(finding, case_, _want, _sight):
        guessed = DialogIds(survivor=next(iter(case_.ids), None))
        return replace(finding, dialogs=guessed) if finding.shown is Shown.EFFECT else finding

    yield over(x.SentAway, change)

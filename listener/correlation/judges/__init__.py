"""Who says what a sight shows: one judge per kind of expectation. `judge` finds the right one.

A judge takes a case and a sight and returns a finding; it may note facts in the case, nothing else.
Rules of evidence section 6, numbered there as the docstrings say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from listener.correlation.case import NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import after
from listener.correlation.judges import arrivals, calls, data, states, transfers
from listener.finesse.actions import expectation as x

_Judge = Callable[[Case, Any, Sight], Finding]

JUDGES: Mapping[type, _Judge] = MappingProxyType(
    {
        x.OwnState: states.own_state,
        x.Left: states.left,
        x.PartyGone: states.party_gone,
        x.ReservationEnded: states.reservation_ended,
        x.TaskState: states.task_state,
        x.TaskEnded: states.task_ended,
        x.UserState: states.user_state,
        x.NewCall: calls.new_call,
        x.Monitoring: calls.monitoring,
        x.Barged: calls.barged,
        x.Transferred: transfers.transferred,
        x.Conferenced: transfers.conferenced,
        x.SentAway: arrivals.sent_away,
        x.CallData: data.call_data,
        x.Reclassified: data.reclassified,
        x.CallbackScheduled: data.callback_scheduled,
        x.CallbackCancelled: data.callback_cancelled,
        x.Silence: data.silence,
        x.Tied: data.tied,
    }
)

WANTS_NEW_CALLS = (x.NewCall, x.Monitoring, x.Barged, x.ReservationEnded)
"""Expectations that look at dialogs other than their own."""


def judge(case: Case, sight: Sight) -> Finding:
    """Say what a sight shows to a case, and let the case remember it."""
    finding = JUDGES[type(case.expectation)](case, case.expectation, sight)
    case.saw(sight)
    if finding.shown is Shown.ENDED and sight.how is How.SNAPSHOT:
        return NOTHING  # only events end a dialog; what a GET shows is asked again at the deadline
    if _told_again(case, sight):
        return _perhaps_old(finding)
    return finding


def _told_again(case: Case, sight: Sight) -> bool:
    """Say whether a sight may be old news of what carries no time.

    It was heard before; or nobody knows, over a restart, and it shows nothing that came since.
    """
    if sight.tagged or sight.how is How.SNAPSHOT:
        return False
    if sight.again and isinstance(case.expectation, DATA):
        return True
    unknown = case.memoryless and isinstance(case.expectation, TOLD_AGAIN)
    unknown = unknown or (sight.unknown and isinstance(case.expectation, UNDATED))
    return unknown and not (case.since(sight) or _goes_on(case, sight))


def _goes_on(case: Case, sight: Sight) -> bool:
    """Say whether a call that may be the one to be made was there behind Finesse's answer.

    By its parties' times: none that was gone when the request went out is shown so (rules 4).
    """
    makes = isinstance(case.expectation, x.NewCall | x.Monitoring)
    parties = sight.dialog.participants if sight.dialog is not None else ()
    return makes and any(after(each.state_change_time, case.answer_date) for each in parties)


DATA = (x.CallData, x.Reclassified, x.CallbackScheduled, x.CallbackCancelled)
"""Expectations that look at call data, which carries no time: an old content looks like a new."""
UNDATED = (*DATA, x.PartyGone)
"""Those, and what looks for a party that is listed no more: of that no time tells either."""
TOLD_AGAIN = (*UNDATED, x.NewCall, x.Monitoring)
"""Expectations that news from before a restart may seem to fulfil: no call that was gone by then is
journalled."""


def _perhaps_old(finding: Finding) -> Finding:
    """Say what an event shows when it may be published again: a GET shows what is so now."""
    if finding.shown is Shown.PARTLY:
        return NOTHING
    return replace(finding, shown=Shown.IF_TAGGED) if finding.shown is Shown.EFFECT else finding

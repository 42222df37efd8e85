"""On whose object an error is: the dialog or user that its source names (rules of evidence 5).

Knows what a request's dialog is, was, and could become; suspects nobody, and settles nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.instants import after
from listener.correlation.judges.pairs import candidates, never_joinable, pair
from listener.finesse.actions.expectation import (
    Barged,
    Conferenced,
    Monitoring,
    NewCall,
    TaskEnded,
    TaskState,
    Tied,
    Transferred,
)
from listener.finesse.events import RequestFailed

MAKES = (NewCall, Monitoring, Barged, Tied)
"""Expectations of a call that is not there yet, or of nobody knows what."""
JOINS = (Transferred, Conferenced)


def same_object(entry: Entry, event: RequestFailed) -> bool:
    """Say whether the request is open on the very object that the error's source names.

    A dialog that became another one is not that object any more: why, nobody said. Nor is one of
    several calls with which the request's may be joined, or that other call when an error is there
    already: a request has one. Nor, for a request that makes a call, one of which nobody knows
    whether it was there before.
    """
    there, case = event.dialog_id, entry.case
    if there is None:
        return entry.request.dialog_id is None
    if isinstance(case.expectation, JOINS) and there not in case.ids:
        return not entry.suspicions and candidates(case) == case.ids | {there}
    its_own = there in {*case.ids, case.claimed, case.initiated}
    if isinstance(case.expectation, NewCall | Monitoring) and not its_own and not case.baseline:
        return False
    return concerns(entry, there)


def concerns(entry: Entry, dialog_id: str) -> bool:
    """Say whether that dialog is, was or could become the request's object."""
    case = entry.case
    if dialog_id in case.ids or dialog_id == case.claimed:
        return True
    if isinstance(case.expectation, JOINS):
        return dialog_id in pair(case)
    # One that came with another's id is that one's, unless our own id may say otherwise.
    fresh = dialog_id not in case.others | (case.theirs - case.anybodys)
    return isinstance(case.expectation, MAKES) and fresh


def names_another_object(desk: Desk, entry: Entry, event: RequestFailed) -> bool:
    """Say whether the error is surely about something else than this request's object."""
    if event.dialog_id is not None:
        there = event.dialog_id in entry.case.behind  # it was, when the request went out
        may_be = concerns(entry, event.dialog_id) and not _was_there(desk, entry, event.dialog_id)
        may_be = may_be and not _anothers_make(desk, entry, event.dialog_id)
        may_be = may_be or may_join(entry, event.dialog_id) or _watches(entry, event.dialog_id)
        return not (there or may_be or joins_blindly(desk, entry, event.dialog_id))
    return event.user_id is not None and entry.request.dialog_id is not None


def _watches(entry: Entry, there: str) -> bool:
    """Say whether a dialog is the watch from which a supervisor barges in.

    Which source an error of that has no document says: it may be that one, and names nobody then.
    """
    want = entry.case.expectation
    return isinstance(want, Barged) and there == want.monitor


def _anothers_make(desk: Desk, entry: Entry, there: str) -> bool:
    """Say whether a call that is gone was known to be made by another device than the request's."""
    picture, case = desk.picture.of(entry.agent), entry.case
    makes = isinstance(case.expectation, NewCall | Monitoring)
    if not makes or there in {*case.ids, case.claimed, case.initiated, *picture.dialogs}:
        return False
    gone = picture.gone.get(there)
    return gone is not None and gone.made_here is False and case.own == picture.extension


def joins_blindly(desk: Desk, entry: Entry, there: str) -> bool:
    """Say whether a dialog may be a join's where it is not known which calls there were.

    With which one it is nobody knows then; it is none that came since.
    """
    unknown = isinstance(entry.case.expectation, JOINS) and entry.case.baseline is None
    return unknown and not is_task(desk, there) and not _never_joined(desk, entry, there)


def _never_joined(desk: Desk, entry: Entry, there: str) -> bool:
    """Say whether a dialog is surely none that was there to be joined: by its kind, or its time."""
    known = desk.picture.of(entry.agent).dialogs.get(there)
    of_another_kind = known is not None and never_joinable(entry.case, known.dialog)
    return of_another_kind or _came_since(desk, entry, there)


def _came_since(desk: Desk, entry: Entry, there: str) -> bool:
    """Say whether a dialog surely came since, by Finesse's clock: Finesse had answered by then.

    It came when the request's device came to it; of one that is gone the extension's time is known.
    """
    picture, case = desk.picture.of(entry.agent), entry.case
    known = picture.dialogs.get(there)
    if known is None:
        gone = picture.gone.get(there)
        came = gone.came if gone is not None else None
        return case.own == picture.extension and after(came, case.answer_date)
    own = known.dialog.participant(case.own)
    return own is not None and after(own.start_time, case.answer_date)


def may_join(entry: Entry, there: str) -> bool:
    """Say whether a dialog may be the other call of a join, where it is not sure which one is."""
    return isinstance(entry.case.expectation, JOINS) and there in candidates(entry.case)


def _was_there(desk: Desk, entry: Entry, there: str) -> bool:
    """Say whether a dialog is none that the request makes, though not known at sending.

    It is a task, or a request on it was taken in before this one went out.
    """
    case = entry.case
    if there in {*case.ids, case.claimed, case.initiated}:
        return False
    if isinstance(case.expectation, JOINS):
        return False
    return any(
        isinstance(other.case.expectation, TaskState | TaskEnded)
        or other.submitted <= (entry.sent_at or 0.0)
        for other in desk.books.on_dialog(there)
        if other is not entry and other.request.dialog_id == there
    )


def goes_on(entry: Entry, became: Collection[str | None]) -> bool:
    """Say whether what those calls became is a settled request's object, too (rules 6.3).

    What may have been a join's other call is that as it was, and no call that it was joined with.
    """
    return not isinstance(entry.case.expectation, JOINS) or not entry.case.ids.isdisjoint(became)


def is_task(desk: Desk, there: str) -> bool:
    """Say whether a dialog is a task, by what is asked for on it: it is no call."""
    every = (each.case.expectation for each in desk.books.on_dialog(there))
    return any(isinstance(each, TaskState | TaskEnded) for each in every)


def names_no_object(entry: Entry, event: RequestFailed) -> bool:
    """Say whether an error has no source: it is a request's on the user then (rules 5).

    Requests on a call are not suspected of it; but what is presumed by silence is never sure then.
    """
    nothing = event.dialog_id is None and event.user_id is None
    on_a_call = entry.request.dialog_id is not None
    return nothing and on_a_call and not isinstance(entry.case.expectation, MAKES)

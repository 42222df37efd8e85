"""What others do to the objects of our requests: it makes an unsigned error theirs as well as ours.

Notes what was not explained by any request (rules of evidence 5 and 6.7); settles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from listener.correlation.accusation import concerns
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.instants import newer
from listener.correlation.judges.data import requested, shown_values
from listener.finesse.actions.expectation import CallData, Conferenced, NewCall
from listener.finesse.events import DialogEvent, DialogRemoved, Event
from listener.finesse.model import Dialog, Participant


def foreign(desk: Desk, event: Event) -> None:
    """Another client is at work on that object: later unsigned errors may be its own (rules 5)."""
    there = getattr(event, "dialog_id", None)
    for entry in desk.books.on_dialog(there):
        entry.unexplained = entry.unexplained or entry.on_the_wire
    if there is None and event.owner is not None:
        for entry in desk.books.unbound(event.owner):
            entry.unexplained = entry.unexplained or entry.on_the_wire


def unexplained(
    concerned: list[Entry], event: DialogEvent, before: Dialog | None, proven: Sequence[Entry]
) -> None:
    """Mark requests on whose dialog somebody else was seen at work (rules 5).

    `proven`: the requests that explain what is seen; one that only waits for better proof goes on
    to be shown by every event, and explains none. Values that one asked for and that became others
    are always another's work.
    """
    if before is None or isinstance(event, DialogRemoved):
        return
    data = before.media_properties.call_variables != event.dialog.media_properties.call_variables
    explained = any(not each.weak for each in proven)
    for entry in concerned:
        if entry.agent != event.owner or not concerns(entry, event.dialog_id):
            continue
        if entry not in proven:
            _foreign_values(entry, before, event.dialog)
        own, was = event.dialog.participant(entry.case.own), before.participant(entry.case.own)
        moved = own is not None and was is not None and _moved(own, was)
        if explained:
            continue
        if data or (moved and own and not _on_the_way(concerned, event.dialog_id, own.state)):
            entry.unexplained = True


def _moved(own: Participant, was: Participant) -> bool:
    """Say whether the own participant came into another state, or anew into the same one."""
    return own.state != was.state or newer(own.state_change_time, was.state_change_time)


def _on_the_way(concerned: list[Entry], dialog_id: str, state: str | None) -> bool:
    """Say whether the own participant's state is a step to what one of the requests asks for."""
    for entry in concerned:
        want = entry.case.expectation
        if isinstance(want, NewCall) and want.associated == dialog_id and state == "HELD":
            return True
        if isinstance(want, Conferenced) and state == "ACTIVE":
            return True
    return False


def _foreign_values(entry: Entry, before: Dialog, now: Dialog) -> None:
    want = entry.case.expectation
    if isinstance(want, CallData):
        asked = requested(want)
        was, is_ = (shown_values(frozenset(asked), each) for each in (before, now))
        entry.case.foreign_change |= any(
            was[name] != is_[name] and is_[name] != value for name, value in asked.items()
        )

"""An id on an agent's state, where a colleague's request has the same one: whose it is.

requestIds are not unique in the wild, and a call that a colleague makes changes this agent's state
too. Knows what a request may have to do with other agents (rules of evidence 3); settles nothing.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.books import EARLY_FOR
from listener.correlation.bystanders import what_changes
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.known import MAX_REPEATS
from listener.correlation.outcome import Rejected
from listener.finesse.actions.expectation import (
    Barged,
    Conferenced,
    Monitoring,
    NewCall,
    SentAway,
    TaskEnded,
    Tied,
    Transferred,
    UserState,
)
from listener.finesse.events import DialogEvent, DialogRemoved, Event
from listener.finesse.model import Dialog

GOES_TO_OTHERS = (
    NewCall,
    Monitoring,
    Barged,
    Transferred,
    Conferenced,
    SentAway,
    TaskEnded,
    Tied,
)
"""Expectations of what may come to agents who had nothing to do with it."""
THERE = frozenset({"ALERTING", "ACTIVE", "HELD"})
"""States between which nobody but the agent, or the agent's phone, moves the agent's part."""


def of_its_own(desk: Desk, now: float, owner: Entry | None) -> Entry | None:
    """Return the request that a tag on its agent's state names, None where a colleague's may."""
    if owner is None:
        return None
    same = desk.books.with_id(owner.request_id)
    others = (each for each in same if each.agent != owner.agent)
    return None if any(_touches(desk, now, each, owner.agent) for each in others) else owner


def keep_its_own_id(desk: Desk, event: Event) -> None:
    """Remember an id on the agent's own work on a call: there it is that agent's client's.

    So it is where the same is told again, or told to a request that is taken over behind it.
    """
    if event.request_id is None or not _its_own_move(desk, event):
        return
    known = desk.picture.of(event.owner or "").dialogs[getattr(event, "dialog_id", "")]
    known.own_ids = (*known.own_ids, event.request_id)[-MAX_REPEATS:]


def of_their_own(desk: Desk, event: Event) -> bool:
    """Say whether the id on an event of a call came there with its agent's own work."""
    if not isinstance(event, DialogEvent) or isinstance(event, DialogRemoved):
        return False
    known = desk.picture.of(event.owner or "").dialogs.get(event.dialog_id)
    return known is not None and event.request_id in known.own_ids


def _its_own_move(desk: Desk, event: Event) -> bool:
    """Say whether all that an event shows to have changed on a call is how its agent is on it.

    That agent's own client, or phone, did it: another's request moves nobody's part but its own,
    unless it brings them to the call, takes them off, or answers them. An id on it is that
    client's.
    """
    if not isinstance(event, DialogEvent) or isinstance(event, DialogRemoved):
        return False
    picture = desk.picture.of(event.owner or "")
    known, own = picture.dialogs.get(event.dialog_id), picture.extension
    if known is None:
        return False
    was, now = (each.participant(own) for each in (known.dialog, event.dialog))
    if was is None or now is None or was.state == now.state or not {was.state, now.state} <= THERE:
        return False
    before, after = (_without(own, each) for each in (known.dialog, event.dialog))
    return what_changes(before) == what_changes(after)


def _without(party: str | None, dialog: Dialog) -> Dialog:
    others = tuple(each for each in dialog.participants if each.media_address != party)
    return replace(dialog, participants=others)


def _touches(desk: Desk, now: float, entry: Entry, colleague: str) -> bool:
    """Say whether a request may have to do with a colleague's state, now or a moment ago.

    A state that was asked for is the asking agent's alone, and most actions move only those who
    are on the call.
    """
    never = entry.sent_at is None or isinstance(entry.outcome, Rejected)
    if never or isinstance(entry.case.expectation, UserState):
        return False
    if entry.settled_at is not None and now - entry.settled_at > EARLY_FOR:
        return False
    known = desk.picture.of(colleague)
    on_it = known.lately(now - EARLY_FOR)  # the end of a call moves them behind its DELETE
    there = not known.live or not on_it.isdisjoint(entry.case.ids | entry.watched)
    return there or isinstance(entry.case.expectation, GOES_TO_OTHERS)

"""Calls that become others: an open request goes on with the one that its call became (rule 6.3).

Knows the ids and what a request was waiting for on the old one; settles nothing.
"""

from __future__ import annotations

from listener.correlation.accusation import suspected_there
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.objects import goes_on
from listener.correlation.sharing import SURVIVORS
from listener.finesse.actions.expectation import Left
from listener.finesse.model import Dialog


def follow_into(desk: Desk, entry: Entry, owner: str | None, dialog: Dialog, into: str) -> None:
    """Let one request follow its call to the one that names it as its secondaryId.

    `owner`: on whose node or list `dialog` is shown so, `into` its id.
    """
    secondary = dialog.secondary_id
    if not entry.open and entry.agent == owner and goes_on(entry, {secondary}):
        desk.books.watch(entry, into)  # an error there may be its own yet (rules 5)
    following = (
        entry.open
        and entry.agent == owner
        and secondary in entry.case.ids
        and not isinstance(entry.case.expectation, SURVIVORS)
    )
    if not (following and secondary):
        return
    desk.books.bind(entry, into)
    if entry.silent and entry.on_the_wire and suspected_there(desk, entry, into):
        entry.clouded = True
    entry.case.follow(secondary, dialog, into)
    entry.watched |= {secondary}
    entry.unsettle()
    entry.end_due, entry.ended = None, False
    if isinstance(entry.case.expectation, Left):
        entry.standing = None  # it was off the call that is gone, not off this one
    desk.rearm(entry)

"""Whether an event shows what a request asked for, to somebody who knows that it is true.

Between the history (`effects.py`) and what was read. Nothing here comes from the correlator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, UserChanged
from tests.oracle import effects

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard
    from tests.oracle.effects import Span

NEEDS_ID = (*effects.BY_ID, do.Transfer, do.TransferSst, do.PreviewClose, do.PreviewReject)
"""Without their id nothing, or not enough, tells them from a hang-up."""


def on_own_node(heard: Heard) -> bool:
    """Say whether it was heard on its reader's own node."""
    return heard.event.owner == heard.agent


def shows(account: Account, asked: Asked, heard: Heard, *, tagged: bool) -> bool:
    """Say whether that event was published while the effect was there, and is about it."""
    event, made = heard.event, heard.parcel.made
    if isinstance(asked.request, do.UserRequest):
        return (
            isinstance(event, UserChanged) and _says(asked, event) and _holds(account, asked, made)
        )
    if not isinstance(event, DialogEvent):
        return False
    if isinstance(asked.request, do.TransferSst) and not _sent_away(account, asked, heard):
        return False
    removed = isinstance(event, DialogRemoved)
    if tagged and removed and isinstance(asked.request, NEEDS_ID):
        return not isinstance(asked.request, do.Transfer)  # which needs both to be gone
    if removed and not isinstance(asked.request, do.Drop):
        return False
    return _about(account, asked, event.dialog_id) and _holds(account, asked, made, event.dialog_id)


def _sent_away(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a colleague's node shows that we were sent off, or the target's arrival (6.5).

    That we are not listed there is what a hang-up leaves as well, and an id may be a colleague's
    client's, too (3): our part must be shown DROPPED, or the target to have come, or to ring anew.
    """
    event = heard.event
    assert isinstance(event, DialogEvent)
    assert isinstance(asked.request, do.TransferSst)
    if on_own_node(heard) and heard.agent == asked.agent:
        return True
    own, wanted = event.dialog.participant(asked.own), effects.digits(asked.request.to_address)
    parties = event.dialog.participants
    there = {p.state for p in parties if effects.digits(p.media_address) == wanted} - effects.LEFT
    was = account.history.at(asked.request.dialog_id, asked.begun or asked.submitted)
    parties_then = was.parties.items() if was is not None else ()
    before = {state for who, state in parties_then if effects.digits(who) == wanted}
    came = there if before <= effects.LEFT else {"ALERTING"} & there - before
    return (own is not None and own.state in effects.LEFT) or bool(came)


def _says(asked: Asked, event: UserChanged) -> bool:
    """Say whether a user's event itself shows the state: two changes may be of one moment.

    With the reason that was asked for (6.9); one that is promised shows none.
    """
    wanted = "NOT_READY" if isinstance(asked.request, do.SignIn) else asked.request.requested_action
    reason = getattr(asked.request, "reason_code_id", None)
    there = event.user.state == wanted and reason in {None, event.user.reason_code_id}
    return there or event.user.pending_state == wanted


def _about(account: Account, asked: Asked, dialog: str) -> bool:
    if isinstance(asked.request, do.MakeCall | do.ConsultCall | do.SilentMonitor | do.BargeCall):
        deed = asked.deed
        return deed is not None and deed.new_dialog_id == dialog
    return dialog == asked.request.dialog_id


def _holds(account: Account, asked: Asked, at: float, dialog: str | None = None) -> bool:
    """Say whether the effect was there at that time, and began since it went out."""
    if isinstance(asked.request, do.MakeCall | do.ConsultCall):
        view = account.history.at(dialog, at)
        return view is not None and view.state in {"ALERTING", "ACTIVE"}
    assert asked.begun is not None
    return any(
        span.begin <= at < span.end and span.begin >= asked.begun
        for span in effects.spans(asked, account)
        if dialog is None or _names(span, dialog, asked)
    )


def _names(span: Span, dialog: str, asked: Asked) -> bool:
    """Say whether a dialog shows what was so then; a conference only the one that is left (6.4).

    The one that was taken in shows nobody on it any more, whatever became of the survivor.
    """
    if isinstance(asked.request, do.Conference):
        return dialog == span.unit[0]
    return isinstance(asked.request, do.Drop) or dialog in span.unit

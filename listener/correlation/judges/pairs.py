"""Which two calls a TRANSFER or CONFERENCE is about, by what was known at sending and shown since.

Says nothing of whether they were joined. Rules of evidence 6.4.
"""

from __future__ import annotations

from listener.correlation.ages import is_call, is_watch
from listener.correlation.case import Case, How, Sight
from listener.correlation.judges.states import has_left
from listener.finesse import uris
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog


def pair(case: Case) -> frozenset[str]:
    """Return the ids of the two calls: the request's, and the consult that belongs to it.

    The partner is the agent's only other live dialog, or the one that is linked to it by
    associatedDialogUri; with several and no link it is not known, and the pair has one member,
    until Finesse shows which one it was: by secondaryId, or by our id on its end.
    """
    partner = partner_of(case)
    other = case.partner or (dialog_id(partner) if partner is not None else None)
    return frozenset(case.ids | ({other} if other else set()))


def candidates(case: Case) -> frozenset[str]:
    """Return the ids of the pair, and of all calls that may have been the other one at sending.

    That one of them was joined since says what somebody did.
    """
    others = () if _named(case) else live_calls(case)
    return pair(case) | {id_ for each in others if (id_ := dialog_id(each)) is not None}


def partner_of(case: Case) -> Dialog | None:
    """Return the other call as it was at sending, None where it is not known which one it is."""
    if case.baseline is None:
        return None
    if case.partner is not None:
        return next((d for d in case.baseline.others if dialog_id(d) == case.partner), None)
    chosen = _linked(case) or live_calls(case)
    return chosen[0] if len(chosen) == 1 else None


def live_calls(case: Case) -> list[Dialog]:
    """Return the agent's other calls at sending that the request's may be joined with."""
    every = case.baseline.others if case.baseline is not None else ()
    others = (each for each in every if joinable(case, each))
    # One that another has taken in is gone, though its end was not heard.
    joined = {each.secondary_id for each in (case.before, *every) if each is not None}
    # A call that failed is one until it is dropped, but there is nobody to be joined with.
    return [
        each
        for each in others
        if not has_left(each.participant(case.own))
        and each.state != "FAILED"
        and dialog_id(each) not in joined
    ]


def joinable(case: Case, dialog: Dialog) -> bool:
    """Say whether a dialog is a call that may be joined with another one, by its kind.

    A watch is none: who barges in has no call of their own to bring along (6.4). Nor is a
    reservation: the customer comes in a call of its own, and while nobody else is on it there is
    nobody to be joined with, however the own part is shown.
    """
    return is_call(dialog) and not is_watch(dialog) and not _is_reservation(case, dialog)


def never_joinable(case: Case, dialog: Dialog) -> bool:
    """Say whether a dialog never was a call that may be joined, however it is shown by now.

    A preview that the agent is on, or was, may have had a customer on it who has left since.
    """
    own = dialog.participant(case.own)
    on_it = own is None or own.state in {"ACTIVE", "HELD"} or has_left(own)
    preview = dialog.media_properties.call_type == "OUTBOUND_PREVIEW"
    return not joinable(case, dialog) and not (preview and on_it)


def _is_reservation(case: Case, dialog: Dialog) -> bool:
    preview = dialog.media_properties.call_type == "OUTBOUND_PREVIEW"
    own = dialog.participant(case.own)
    alone = all(each is own or has_left(each) for each in dialog.participants)
    return preview and (alone or own is None or own.state not in {"ACTIVE", "HELD"})


def _linked(case: Case) -> list[Dialog]:
    """Return the live calls that are linked to the request's by associatedDialogUri."""
    towards = case.before.associated_dialog_uri if case.before is not None else None
    return [
        each
        for each in live_calls(case)
        if uris.dialog_id(each.associated_dialog_uri) in case.ids
        or uris.dialog_id(towards) == each.id
    ]


def sure(case: Case) -> bool:
    """Say whether the other call is named: it was shown, is the only one, or its link is current.

    A link lasts as long as its calls do. It tells what is going to be joined while the agent talks
    on one of the two and on no third call (rules 6.4).
    """
    return case.partner is not None or _named(case)


def _named(case: Case) -> bool:
    """Say whether what was known at sending names the other call."""
    if len(live_calls(case)) == 1:
        return True
    linked = _linked(case)
    third = (each for each in live_calls(case) if each not in linked)
    return _linked_now(case) and not any(_talks(case, each) for each in third)


def _linked_now(case: Case) -> bool:
    """Say whether one call is linked to the request's, and the agent talks on one of the two."""
    linked = _linked(case)
    return len(linked) == 1 and _talks(case, case.before) != _talks(case, linked[0])


def _talks(case: Case, dialog: Dialog | None) -> bool:
    own = dialog.participant(case.own) if dialog is not None else None
    return own is not None and own.state == "ACTIVE"


def find_partner(case: Case, sight: Sight) -> None:
    """Note which call was the other one, where a sight shows it.

    Where a link names one it takes our id to say otherwise, whichever call the agent talks on:
    somebody else may have merged the call with a third one.
    """
    by_id = sight.tagged and case.mine(sight)
    if not by_id and (case.baseline is None or sure(case)):
        return  # without a baseline it may be how it was before the request
    shown = _shown_partner(case, sight, by_id=by_id)
    linked = {each.id for each in _linked(case)}
    if shown is not None and (by_id or not linked or shown in linked):
        case.partner = shown


def _shown_partner(case: Case, sight: Sight, *, by_id: bool) -> str | None:
    """Return the call that a sight shows to be joined with the request's, None if none.

    Our id names one that was not known at sending only where there was no other one; without it
    that may be a colleague's call, which somebody else has joined.
    """
    if sight.dialog is None or sight.dialog_id is None:
        return None
    secondary = sight.dialog.secondary_id
    if sight.dialog_id in case.ids:
        was = case.before.secondary_id if case.before is not None else None
        unknown = case.baseline is not None and secondary not in case.baseline.ids
        if unknown and not (by_id and case.partner is None):
            return None
        return secondary if secondary not in {None, "", was, *case.theirs} else None
    came = by_id and sight.dialog_id not in case.theirs and not live_calls(case)
    known = came or (case.baseline is not None and sight.dialog_id in case.baseline.ids)
    ended = by_id and sight.how is How.REMOVED
    return sight.dialog_id if known and (secondary in case.ids or ended) else None

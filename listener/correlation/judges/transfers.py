"""Judges of two calls that become one: TRANSFER, CONFERENCE. Dialog ids may change."""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.ages import is_call, is_older
from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import newer, older
from listener.correlation.judges.states import LEFT, has_left
from listener.correlation.judges.times import is_old
from listener.correlation.outcome import DialogIds
from listener.finesse import uris
from listener.finesse.actions import expectation as x
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, Participant


def pair(case: Case) -> frozenset[str]:
    """Return the ids of the two calls: the request's, and the consult that belongs to it.

    The partner is the agent's only other live dialog, or the one that is linked to it by
    associatedDialogUri; with several and no link it is not known, and the pair has one member,
    until Finesse shows which one it was: by secondaryId, or by our id on its end.
    """
    partner = _partner(case)
    other = case.partner or (dialog_id(partner) if partner is not None else None)
    return frozenset(case.ids | ({other} if other else set()))


def candidates(case: Case) -> frozenset[str]:
    """Return the ids of the pair, and of all calls that may have been the other one at sending.

    That one of them was joined since says what somebody did.
    """
    others = () if _named(case) else _live(case)
    return pair(case) | {id_ for each in others if (id_ := dialog_id(each)) is not None}


def _partner(case: Case) -> Dialog | None:
    if case.baseline is None or case.before is None:
        return None
    if case.partner is not None:
        return next((d for d in case.baseline.others if dialog_id(d) == case.partner), None)
    chosen = _linked(case) or _live(case)
    return chosen[0] if len(chosen) == 1 else None


def _live(case: Case) -> list[Dialog]:
    every = case.baseline.others if case.baseline is not None else ()
    others = (each for each in every if is_call(each))
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


def _linked(case: Case) -> list[Dialog]:
    """Return the live calls that are linked to the request's by associatedDialogUri."""
    towards = case.before.associated_dialog_uri if case.before is not None else None
    return [
        each
        for each in _live(case)
        if uris.dialog_id(each.associated_dialog_uri) in case.ids
        or uris.dialog_id(towards) == each.id
    ]


def _sure(case: Case) -> bool:
    """Say whether the other call is named: it was shown, is the only one, or its link is current.

    A link lasts as long as its calls do. It tells what is going to be joined while the agent talks
    on one of the two and on no third call (rules 6.4).
    """
    return case.partner is not None or _named(case)


def _named(case: Case) -> bool:
    """Say whether what was known at sending names the other call."""
    if len(_live(case)) == 1:
        return True
    linked = _linked(case)
    third = (each for each in _live(case) if each not in linked)
    return _linked_now(case) and not any(_talks(case, each) for each in third)


def _linked_now(case: Case) -> bool:
    """Say whether one call is linked to the request's, and the agent talks on one of the two."""
    linked = _linked(case)
    return len(linked) == 1 and _talks(case, case.before) != _talks(case, linked[0])


def _talks(case: Case, dialog: Dialog | None) -> bool:
    own = dialog.participant(case.own) if dialog is not None else None
    return own is not None and own.state == "ACTIVE"


def _find_partner(case: Case, sight: Sight) -> None:
    """Note which call was the other one, where a sight shows it.

    Where a link names one it takes our id to say otherwise, whichever call the agent talks on:
    somebody else may have merged the call with a third one.
    """
    by_id = sight.tagged and case.mine(sight)
    if not by_id and (case.baseline is None or _sure(case)):
        return  # without a baseline it may be how it was before the request
    shown = _shown_partner(case, sight)
    linked = {each.id for each in _linked(case)}
    if shown is not None and (by_id or not linked or shown in linked):
        case.partner = shown


def _shown_partner(case: Case, sight: Sight) -> str | None:
    """Return the call that a sight shows to be joined with the request's, None if none."""
    if sight.dialog is None or sight.dialog_id is None:
        return None
    secondary = sight.dialog.secondary_id
    known = case.baseline.ids if case.baseline is not None else frozenset({sight.dialog_id})
    others = known - case.ids
    was = case.before.secondary_id if case.before is not None else None
    if sight.dialog_id in case.ids and secondary not in {None, "", was, *case.theirs}:
        return secondary
    ended = sight.tagged and sight.how is How.REMOVED and case.mine(sight)
    if sight.dialog_id in others and (secondary in case.ids or ended):
        return sight.dialog_id
    return None


def _addresses(dialog: Dialog | None, own: str | None) -> frozenset[str]:
    """Return the parties of a dialog that are on it, without `own`."""
    parties = dialog.participants if dialog is not None else ()
    return frozenset(
        p.media_address
        for p in parties
        if p.media_address and p.media_address != own and p.state not in LEFT
    )


def _is_watch(dialog: Dialog | None) -> bool:
    return dialog is not None and dialog.media_properties.call_type == "SUPERVISOR_MONITOR"


def _others(case: Case) -> frozenset[str]:
    """Return the parties of both calls without ours; empty when both sides are not known."""
    partner = _partner(case)
    if any(_is_watch(each) for each in (case.before, partner)):
        return frozenset()  # a supervisor who barges in brings the same parties together
    first, second = _addresses(case.before, case.own), _addresses(partner, case.own)
    if first - case.hung_up and second - case.hung_up:
        first, second = first - case.hung_up, second - case.hung_up
    # With one side's parties all on the other, the two calls look joined before they are.
    return frozenset() if first <= second or second <= first else first | second


def _note_left(case: Case, sight: Sight) -> None:
    """Remember who hung up on one of the two calls before they were joined."""
    if sight.how is not How.CHANGED or sight.dialog is None or sight.dialog_id not in pair(case):
        return
    before = case.before if sight.dialog_id in case.ids else _partner(case)
    if before is None or is_older(sight.dialog, before):
        return
    was, here = _addresses(before, case.own), _addresses(sight.dialog, case.own)
    if here <= was and not has_left(sight.dialog.participant(case.own)):
        case.hung_up |= was - here


def _survivor(case: Case, sight: Sight) -> bool:
    """Say whether the sight shows one of the two calls, or one that names one as secondaryId.

    A survivor that another request made, by its id, goes on to show that one's work (rules 4).
    """
    both = pair(case)
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    anothers = sight.dialog_id in case.theirs and not sight.tagged
    shown = (sight.dialog_id in both or secondary in both) and not anothers
    return shown and not is_old(case, sight, (case.before, _partner(case)))


def _joined(case: Case, sight: Sight, others: frozenset[str]) -> bool:
    """Say whether the sight shows the parties of both calls, and that it was no third one's.

    Where the other call is not named its parties must tell it from the rest.
    """
    there = _addresses(sight.dialog, case.own)
    if not others or not others <= there or _merged_otherwise(case, sight):
        return False
    partner = _partner(case)
    third = (each for each in _live(case) if each is not partner and each.id != sight.dialog_id)
    return _sure(case) or not any(_addresses(each, case.own) <= there for each in third)


def _taken_in(case: Case, sight: Sight) -> bool:
    """Say whether one of the two calls is shown to have taken in the other, with both others (6.4).

    Since sending, and with somebody of each: one who has hung up on it since was on it, too, and
    two parties with one number are two.
    """
    dialog, partner = sight.dialog, _partner(case)
    if dialog is None or partner is None or case.before is None or not _sure(case):
        return False
    if any(_is_watch(each) for each in (case.before, partner)):
        return False  # as for `_others`
    was = case.before if sight.dialog_id in case.ids else partner
    into = pair(case) - {sight.dialog_id}
    if len(into) > 1 or dialog.secondary_id not in into or dialog.secondary_id == was.secondary_id:
        return False
    there = [p.media_address for p in dialog.participants if _was_on(case, sight, p)]
    sides = (_addresses(each, case.own) for each in (case.before, partner))
    return len(there) > 1 and all(not side.isdisjoint(there) for side in sides)


def _was_on(case: Case, sight: Sight, party: Participant) -> bool:
    """Say whether another party is on the call, or left it behind the own one's coming to it."""
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    if party.media_address == case.own or party.state not in LEFT:
        return party.media_address != case.own
    was = case.as_sent(sight.dialog_id, case.own)
    if own is None or was is None or not newer(own.state_change_time, was.state_change_time):
        return False
    known = bool(party.state_change_time)
    return known and not older(party.state_change_time, own.state_change_time)


def _merged_otherwise(case: Case, sight: Sight) -> bool:
    """Say whether one of the two calls names a third one as the one that it took in."""
    before = case.before if sight.dialog_id in case.ids else _partner(case)
    was = before.secondary_id if before is not None else None
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    both = pair(case)
    return sight.dialog_id in both and secondary not in {None, "", was, *both}


def transferred(case: Case, _want: x.Transferred, sight: Sight) -> Finding:
    """TRANSFER: both gone with a tagged DELETE, or the survivor without us, with both others (6.4).

    Two untagged DELETEs are also what two hang-ups leave.
    """
    _find_partner(case, sight)
    _note_left(case, sight)
    if sight.dialog is None or not _survivor(case, sight):
        return NOTHING
    others = _others(case)
    own = sight.dialog.participant(case.own)
    off = own is None or has_left(own)
    there = _addresses(sight.dialog, case.own)
    shown = sight.tagged and case.partner is not None and case.baseline is not None
    tied = shown and not others and len(there) > 1
    joined = tied or _joined(case, sight, others) or _taken_in(case, sight)
    if sight.how is not How.REMOVED and off and joined:
        gone = tuple(sorted(pair(case) - {sight.dialog_id}))
        return Finding(Shown.EFFECT, dialogs=DialogIds(sight.dialog_id, gone=gone))
    return _both_gone(case, sight)


def _both_gone(case: Case, sight: Sight) -> Finding:
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    both = pair(case)
    leaving = sight.how is How.REMOVED or (own is not None and has_left(own))
    if not (case.mine(sight) and sight.dialog_id in both and leaving):
        return NOTHING
    assert sight.dialog_id is not None
    case.gone |= {sight.dialog_id}
    case.gone_tagged |= sight.tagged and sight.how is How.REMOVED
    if len(both) > 1 and _sure(case) and case.gone >= both and case.gone_tagged:
        return Finding(Shown.EFFECT, by_id=True, dialogs=DialogIds(gone=tuple(sorted(both))))
    # The consult party may hang up alone; the request's own dialog gone is an end.
    return ENDED if case.ids <= case.gone else NOTHING


def conferenced(case: Case, _want: x.Conferenced, sight: Sight) -> Finding:
    """CONFERENCE: the survivor with our participant ACTIVE and both others (6.4)."""
    _find_partner(case, sight)
    _note_left(case, sight)
    if sight.dialog is None or not _survivor(case, sight):
        return NOTHING
    if sight.how is How.REMOVED:
        return _conference_over(case, sight)
    if sight.tagged and not _is_conference(sight.dialog):
        case.apart = sight.dialog_id
    own = sight.dialog.participant(case.own)
    if own is None or own.state != "ACTIVE":
        return NOTHING
    others, there = _others(case), _addresses(sight.dialog, case.own)
    known = pair(case) if others or _sure(case) else frozenset(case.ids)
    gone = tuple(sorted(known - {sight.dialog_id}))
    found = Finding(Shown.EFFECT, "ACTIVE", dialogs=DialogIds(sight.dialog_id, gone=gone))
    if _taken_in(case, sight):
        return found
    if others:
        return found if _joined(case, sight, others) else NOTHING
    if not _is_conference(sight.dialog) or len(there) < 2:  # noqa: PLR2004  both others
        return NOTHING
    if _grown(case, sight, there):
        return replace(found, shown=Shown.IF_TAGGED)
    if sight.tagged:
        case.joined = found  # it may have been one before; that the other call went will tell
    return NOTHING


def _is_conference(dialog: Dialog) -> bool:
    return dialog.media_properties.call_type == "CONFERENCE"


def _grown(case: Case, sight: Sight, there: frozenset[str]) -> bool:
    """Say whether a conference became one, or a larger one, since the request (rules 3, 6.4).

    Our id on the other call's end says so as well; and where it is not known what there was, our
    id on it before.
    """
    if case.gone_tagged or case.before is None:
        return case.gone_tagged or case.apart == sight.dialog_id
    if not _is_conference(case.before) or there - _addresses(case.before, case.own):
        return True
    partner = _partner(case)
    return partner is not None and _addresses(partner, case.own) <= there and _anew(case, sight)


def _anew(case: Case, sight: Sight) -> bool:
    """Say whether the own participant came into its state since the request."""
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    return own is not None and case.renewed(own)


def _conference_over(case: Case, sight: Sight) -> Finding:
    if not case.mine(sight):
        return NOTHING
    if sight.dialog_id in case.ids:
        return ENDED
    case.gone_tagged = case.gone_tagged or sight.tagged
    joined, case.joined = case.joined, None
    return replace(joined, by_id=True) if joined is not None and sight.tagged else NOTHING

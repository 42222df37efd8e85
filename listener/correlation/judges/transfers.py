"""Judges of two calls that become one: TRANSFER, CONFERENCE. Dialog ids may change."""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.ages import is_older, is_watch
from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import newer, older
from listener.correlation.judges.pairs import find_partner, live_calls, pair, partner_of, sure
from listener.correlation.judges.states import LEFT, ended_here, has_left
from listener.correlation.judges.times import is_old
from listener.correlation.outcome import DialogIds
from listener.finesse.actions import expectation as x
from listener.finesse.model import Dialog, Participant


def _addresses(dialog: Dialog | None, own: str | None) -> frozenset[str]:
    """Return the parties of a dialog that are on it, without `own`."""
    parties = dialog.participants if dialog is not None else ()
    return frozenset(
        p.media_address
        for p in parties
        if p.media_address and p.media_address != own and p.state not in LEFT
    )


def _present(dialog: Dialog, own: str | None) -> int:
    """Count the parties that are on a dialog beside `own`: two with one number are two."""
    others = (p for p in dialog.participants if p.media_address not in {own, None, ""})
    return sum(p.state not in LEFT for p in others)


def _others(case: Case) -> frozenset[str]:
    """Return the parties of both calls without ours; empty when both sides are not known."""
    partner = partner_of(case)
    if any(is_watch(each) for each in (case.before, partner)):
        return frozenset()  # a supervisor who barges in brings the same parties together
    first, second = _addresses(case.before, case.own), _addresses(partner, case.own)
    if first - case.hung_up and second - case.hung_up:
        first, second = first - case.hung_up, second - case.hung_up
    # With one side's parties all on the other, the two calls look joined before they are.
    return frozenset() if first <= second or second <= first else first | second


def _note_parties(case: Case, sight: Sight) -> None:
    """Remember who hung up on one of the two calls before they were joined, and who came to it."""
    if sight.how is not How.CHANGED or sight.dialog is None or sight.dialog_id not in pair(case):
        return
    before = case.before if sight.dialog_id in case.ids else partner_of(case)
    if before is None or is_older(sight.dialog, before):
        return
    was, here = _addresses(before, case.own), _addresses(sight.dialog, case.own)
    if here <= was and not has_left(sight.dialog.participant(case.own)):
        case.hung_up |= was - here
    if sight.dialog.secondary_id not in pair(case) and sight.dialog_id is not None:
        came = here - _side(case, own=sight.dialog_id not in case.ids)
        case.came[sight.dialog_id] = case.came.get(sight.dialog_id, frozenset()) | came


def _side(case: Case, *, own: bool) -> frozenset[str]:
    """Return who was on one of the two calls, or was told to have come to it before the join.

    `own`: the request's own call, not the other one.
    """
    ids = case.ids if own else pair(case) - case.ids
    came = (case.came.get(id_, frozenset()) for id_ in ids)
    there = _addresses(case.before if own else partner_of(case), case.own)
    return there.union(*came)


def _survivor(case: Case, sight: Sight) -> bool:
    """Say whether the sight shows one of the two calls, or one that names one as secondaryId.

    A survivor that another request made, by its id, goes on to show that one's work (rules 4).
    """
    both = pair(case)
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    anothers = sight.dialog_id in case.theirs and not sight.tagged
    shown = (sight.dialog_id in both or secondary in both) and not anothers
    return shown and not is_old(case, sight, (case.before, partner_of(case)))


def _anothers_over(case: Case, sight: Sight) -> Finding:
    """Say whether the call ends that another request made of the request's own (rules 6.10)."""
    anothers = sight.dialog_id in case.theirs
    return ENDED if anothers and ended_here(case, sight) else NOTHING


def _joined(case: Case, sight: Sight, others: frozenset[str]) -> bool:
    """Say whether the sight shows the parties of both calls, and that it was no third one's.

    Where the other call is not named its parties must tell it from the rest.
    """
    there = _addresses(sight.dialog, case.own)
    if not others or not others <= there or _merged_otherwise(case, sight, others):
        return False
    partner = partner_of(case)
    third = (
        each for each in live_calls(case) if each is not partner and each.id != sight.dialog_id
    )
    return sure(case) or not any(_addresses(each, case.own) <= there for each in third)


def _taken_in(case: Case, sight: Sight) -> bool:
    """Say whether one of the two calls is shown to have taken in the other, with both others (6.4).

    Since sending, and with somebody of each: one who has hung up on it since was on it, too, who
    came to one of them before is, and two parties with one number are two.
    """
    dialog, partner = sight.dialog, partner_of(case)
    if dialog is None or partner is None or case.before is None or not sure(case):
        return False
    if any(is_watch(each) for each in (case.before, partner)):
        return False  # as for `_others`
    was = case.before if sight.dialog_id in case.ids else partner
    into = pair(case) - {sight.dialog_id}
    if len(into) > 1 or dialog.secondary_id not in into or dialog.secondary_id == was.secondary_id:
        return False
    there = [p.media_address for p in dialog.participants if _was_on(case, sight, p)]
    sides = (_side(case, own=True), _side(case, own=False))
    return len(there) > 1 and all(not side.isdisjoint(there) for side in sides)


def _was_on(case: Case, sight: Sight, party: Participant) -> bool:
    """Say whether another party is on the call, or left it behind the own one's coming to it.

    Where we are off it as well, that is also what hang-ups leave.
    """
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    if party.media_address == case.own or party.state not in LEFT:
        return party.media_address != case.own
    was = case.as_sent(sight.dialog_id, case.own)
    if (
        own is None
        or was is None
        or has_left(own)
        or not newer(own.state_change_time, was.state_change_time)
    ):
        return False
    known = bool(party.state_change_time)
    return known and not older(party.state_change_time, own.state_change_time)


def _merged_otherwise(case: Case, sight: Sight, others: frozenset[str]) -> bool:
    """Say whether one of the two calls names a third one as the one that it took in.

    One that came since, and on which none of the `others` was told to be, brought none of them.
    """
    before = case.before if sight.dialog_id in case.ids else partner_of(case)
    was = before.secondary_id if before is not None else None
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    both = pair(case)
    if sight.dialog_id not in both or secondary in {None, "", was, *both}:
        return False
    brought = case.company.get(secondary or "")
    return not brought or not brought.isdisjoint(others)


def keep_company(case: Case, sight: Sight) -> None:
    """Note who is shown to be on another call of the agent, which came since and may be taken in.

    With both calls' parties told beside it, that one did not bring them (rules 6.4).
    """
    known = case.baseline.ids if case.baseline is not None else frozenset()
    there = sight.dialog_id
    if there is None or there in known or there in case.theirs or not case.mine(sight):
        return
    now = _addresses(sight.dialog, case.own)
    if sight.how is not How.REMOVED and case.baseline is not None:
        case.company[there] = case.company.get(there, frozenset()) | now


def transferred(case: Case, _want: x.Transferred, sight: Sight) -> Finding:
    """TRANSFER: both gone with a tagged DELETE, or the survivor without us, with both others (6.4).

    Two untagged DELETEs are also what two hang-ups leave.
    """
    find_partner(case, sight)
    _note_parties(case, sight)
    _note_end(case, sight)
    if sight.dialog is None or not _survivor(case, sight):
        return _anothers_over(case, sight)
    others = _others(case)
    own = sight.dialog.participant(case.own)
    off = own is None or has_left(own)
    both = _present(sight.dialog, case.own) > 1
    shown = sight.tagged and case.partner is not None and case.baseline is not None
    tied = shown and not others and both
    # On the own node that the parties come together is also another's arrival on one of the calls.
    seen = sight.tagged or not case.mine(sight) or sight.dialog.secondary_id in pair(case)
    joined = tied or (seen and _joined(case, sight, others)) or _taken_in(case, sight)
    if sight.how is not How.REMOVED and off and joined:
        gone = tuple(sorted(pair(case) - {sight.dialog_id}))
        return Finding(Shown.EFFECT, dialogs=DialogIds(sight.dialog_id, gone=gone))
    unknown = case.before is None and not sight.tagged  # it may have been done, or long before
    if unknown and off and both and sight.dialog.secondary_id:
        return Finding(Shown.IF_TAGGED)
    return _both_gone(case, sight)


def _both_gone(case: Case, sight: Sight) -> Finding:
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    both = pair(case)
    leaving = sight.how is How.REMOVED or (own is not None and has_left(own))
    if not (case.mine(sight) and sight.dialog_id in both and leaving):
        return NOTHING
    assert sight.dialog_id is not None
    case.gone |= {sight.dialog_id}
    if len(both) > 1 and sure(case) and case.gone >= both and case.gone_tagged & both:
        return Finding(Shown.EFFECT, by_id=True, dialogs=_by_id(case, sight))
    # The consult party may hang up alone; the request's own dialog gone is an end.
    return ENDED if case.ids <= case.gone else NOTHING


def _note_end(case: Case, sight: Sight) -> None:
    """Remember a call whose end bore our id, though nothing may tell yet that it was the other."""
    gone = sight.dialog_id
    ended = sight.tagged and sight.how is How.REMOVED and case.mine(sight)
    if ended and gone is not None and gone not in case.theirs:
        case.gone_tagged |= {gone}


def _by_id(case: Case, sight: Sight, survivor: str | None = None) -> DialogIds:
    """Name the calls of a join that our id proves: the request's, and those that were shown.

    The other one at sending may have ended by itself, and a call that came in since be the joined
    one: only its own end with our id, or a secondaryId, tells.
    """
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    mine = pair(case) | (case.gone_tagged & {secondary})
    gone = (case.ids | (mine & {case.partner, secondary, *case.gone_tagged})) - {survivor}
    return DialogIds(survivor, gone=tuple(sorted(each for each in gone if each is not None)))


def conferenced(case: Case, _want: x.Conferenced, sight: Sight) -> Finding:
    """CONFERENCE: the survivor with our participant ACTIVE and both others (6.4)."""
    find_partner(case, sight)
    _note_parties(case, sight)
    _note_end(case, sight)
    if sight.dialog is None or not _survivor(case, sight):
        return _anothers_over(case, sight)
    if sight.how is How.REMOVED:
        return _conference_over(case, sight)
    if sight.tagged and not _is_conference(sight.dialog):
        case.apart = sight.dialog_id
    own = sight.dialog.participant(case.own)
    others, there = _others(case), _addresses(sight.dialog, case.own)
    if own is None or own.state != "ACTIVE":
        _note_met(case, sight, others)
        return NOTHING
    gone = tuple(sorted(pair(case) - {sight.dialog_id}))
    found = Finding(Shown.EFFECT, "ACTIVE", dialogs=DialogIds(sight.dialog_id, gone=gone))
    both = _is_conference(sight.dialog) and _present(sight.dialog, case.own) > 1
    tied = both and sight.dialog.secondary_id in case.gone_tagged  # whoever is on it by now
    if tied or _taken_in(case, sight):
        named = _by_id(case, sight, sight.dialog_id) if tied else found.dialogs
        return replace(found, by_id=tied, dialogs=named)
    if others:
        return _by_parties(case, sight, others, found)
    as_it_was = case.dialog_as_sent(sight.dialog_id) == sight.dialog and not sight.tagged
    if not both or as_it_was:  # a conference that there was, and that nobody changed
        return NOTHING
    found = replace(found, dialogs=_by_id(case, sight, sight.dialog_id))
    if _grown(case, sight, there):
        return replace(found, shown=Shown.IF_TAGGED)
    if sight.tagged:
        case.joined = found  # it may have been one before; that the other call went will tell
    return NOTHING


def _by_parties(case: Case, sight: Sight, others: frozenset[str], found: Finding) -> Finding:
    """Return `found` where both calls' parties are on the one that is shown, with ours (6.4).

    Where they alone say so one may have come there by himself, and the other call be there yet.
    """
    there = _addresses(sight.dialog, case.own)
    met = case.met == sight.dialog_id and others <= there  # whatever was joined with it later
    if not met and not _joined(case, sight, others):
        return NOTHING
    secondary = sight.dialog.secondary_id if sight.dialog is not None else None
    if sight.tagged or met or secondary in pair(case):
        return found
    shown = tuple(sorted(pair(case) & case.gone_tagged))
    return replace(found, dialogs=DialogIds(sight.dialog_id, gone=shown))


def _note_met(case: Case, sight: Sight, others: frozenset[str]) -> None:
    """Remember the call that is shown, by its secondaryId, to have taken in the other with us held.

    It goes on to be both calls, with us, though a third one is joined with it before we talk again.
    """
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    named = sight.dialog is not None and sight.dialog.secondary_id in pair(case)
    on_it = own is not None and not has_left(own)
    if on_it and named and _joined(case, sight, others):
        case.met = sight.dialog_id


def _is_conference(dialog: Dialog) -> bool:
    return dialog.media_properties.call_type == "CONFERENCE"


def _grown(case: Case, sight: Sight, there: frozenset[str]) -> bool:
    """Say whether a conference became one, or a larger one, since the request (rules 3, 6.4).

    Our id on the other call's end says so as well; and where it is not known what there was, our
    id on it before. Without our id on it, it may have, and that proves nothing.
    """
    if case.gone_tagged & pair(case):
        return True
    if case.before is None:
        return case.apart == sight.dialog_id or not sight.tagged
    if not _is_conference(case.before) or there - _addresses(case.before, case.own):
        return True
    partner = partner_of(case)
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
    joined, case.joined = case.joined, None
    if joined is None or not sight.tagged:
        return NOTHING
    return replace(joined, by_id=True, dialogs=_by_id(case, sight, joined.dialogs.survivor))

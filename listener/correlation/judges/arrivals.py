"""Judge of a call that is sent to somebody else: TRANSFER_SST, and who arrived where."""

from __future__ import annotations

from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import after, newer, older
from listener.correlation.judges.states import LEFT, ended_here, has_left
from listener.correlation.outcome import DialogIds
from listener.finesse.actions import expectation as x
from listener.finesse.actions.checks import same_number
from listener.finesse.model import Dialog, Participant


def sent_away(case: Case, want: x.SentAway, sight: Sight) -> Finding:
    """TRANSFER_SST: our leaving with our id, or the call seen arriving at its target (6.5).

    Leaving without a tag is also a hang-up.
    """
    dialog = sight.dialog
    if dialog is None or not (case.about(sight) or dialog.secondary_id in case.ids):
        return NOTHING
    own = dialog.participant(case.own)
    cause = next((p for p in dialog.participants if p.state_cause), None)
    if cause is not None and case.mine(sight) and _failed_since(case, sight, dialog, cause):
        return Finding(Shown.FAILED, "FAILED", cause.state_cause)
    if sight.owner != case.agent and sight.how is not How.REMOVED:
        if dialog.state == "FAILED":
            return NOTHING  # whoever has left it, it came to nobody; the own node tells the cause
        shown = _arrived(case, want, dialog)
        left = own is not None and has_left(own) and case.moved(own) is Shown.EFFECT
        if sight.tagged and (left or _called_again(case, want, dialog)):
            shown = Shown.EFFECT  # our leaving with our id, on whose node ever
        there = arrived_at(dialog, want.to_address)
        return Finding(shown, dialogs=DialogIds(survivor=sight.dialog_id if there else None))
    if not ended_here(case, sight):
        return NOTHING
    moved = sight.how is How.REMOVED or (own is not None and case.moved(own) is not Shown.NOTHING)
    return Finding(Shown.EFFECT) if sight.tagged and moved else ENDED


def _failed_since(case: Case, sight: Sight, dialog: Dialog, cause: Participant) -> bool:
    """Say whether the call went FAILED since the request; it may have been so before (rules 4).

    Behind a restart an event may be published again, of how it was when somebody else sent it away.
    """
    if dialog.state != "FAILED":
        return False
    before = case.before
    again = (case.memoryless or sight.unknown) and sight.how is not How.SNAPSHOT
    if again and not sight.tagged:
        return after(cause.state_change_time, case.answer_date)
    if before is None:
        return sight.tagged or after(cause.state_change_time, case.answer_date)
    was = before.participant(cause.media_address)
    same = before.state == "FAILED" and was is not None and was.state_cause == cause.state_cause
    return not same and not case.stale(dialog)


def _arrived(case: Case, want: x.SentAway, dialog: Dialog) -> Shown:
    """Say whether the call arrived at its target since the request, without us (rules 4, 6.5)."""
    own = dialog.participant(case.own)
    party = _at(dialog, want.to_address)
    gone = own is None or has_left(own)
    if party is None or party.state in LEFT or not gone or case.was_there:
        return Shown.NOTHING
    if case.before is None:
        late = after(party.state_change_time, case.answer_date)
        return Shown.EFFECT if late else Shown.IF_TAGGED
    there = _at(case.before, want.to_address) is not None
    # Whoever arrives after the request does so later than all that was known at sending.
    early = any(
        older(party.state_change_time, each.state_change_time) for each in case.before.participants
    )
    if there or early or case.stale(dialog):
        return Shown.NOTHING
    return Shown.IF_TAGGED if case.memoryless and not _came_since(case, party) else Shown.EFFECT


def _called_again(case: Case, want: x.SentAway, dialog: Dialog) -> bool:
    """Say whether the target, who had been on the call, is called anew, and we are off it (6.5).

    That we are not listed is no leaving by our id: that may be a colleague's, too, and we have hung
    up. A number that talked on the call and rings there since has been sent for; one who rings
    beside is another party.
    """
    own = dialog.participant(case.own)
    known = case.before.participants if case.before is not None else ()
    was = {p.state for p in known if same_number(p.media_address, want.to_address)}
    if not was - LEFT or "ALERTING" in was or not (own is None or has_left(own)):
        return False
    return any(
        party.state == "ALERTING"
        and same_number(party.media_address, want.to_address)
        and all(newer(party.state_change_time, each.state_change_time) for each in known)
        for party in dialog.participants
    )


def _came_since(case: Case, party: Participant) -> bool:
    """Say whether a party came to the call after all that was known of it at sending.

    Over a restart nobody knows any more whom the colleagues saw on it.
    """
    every = case.before.participants if case.before is not None else ()
    return all(newer(party.start_time, each.state_change_time) for each in every)


def arrived_at(dialog: Dialog, address: str) -> bool:
    """Say whether a party with that address is on a call."""
    party = _at(dialog, address)
    return party is not None and party.state not in LEFT


def _at(dialog: Dialog, address: str) -> Participant | None:
    return next((p for p in dialog.participants if same_number(p.media_address, address)), None)

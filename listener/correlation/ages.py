"""Which of two views of one dialog is the later, by the times that Finesse gave its parties.

Finesse's clock is compared with Finesse's clock only (rules of evidence 4). Remembers nothing.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.instants import near, older
from listener.finesse.model import Dialog, Participant


def sole_party(dialog: Dialog, address: str | None) -> Participant | None:
    """Return the one party with that address; None where there are two, such as unknown callers."""
    found = [party for party in dialog.participants if party.media_address == address]
    return found[0] if len(found) == 1 else None


def merged(old: Dialog, new: Dialog) -> Dialog:
    """Return `new`, or what is known where `new` is older; each participant in its later state.

    Call data carries no time of its own: it is as old as the states beside it (rules 4 and 7).
    """
    if not is_older(new, old):
        return new
    listed = {party.media_address for party in new.participants}
    # Who is not on an older list may have come since; it takes nobody off.
    others = tuple(party for party in old.participants if party.media_address not in listed)
    return replace(old, participants=in_later_times(new, old).participants + others)


def in_later_times(dialog: Dialog, known: Dialog) -> Dialog:
    """Return a dialog with each of its parties as it was last known, if that is later."""
    return replace(dialog, participants=tuple(_later(known, each) for each in dialog.participants))


def is_older(dialog: Dialog, known: Dialog, by: float = 0.0) -> bool:
    """Say whether a dialog is older news than what is known: one of its parties is.

    `by`: by more seconds than that.
    """
    return any(is_earlier(party, known, by) for party in dialog.participants)


def is_the_same(dialog: Dialog, known: Dialog) -> bool:
    """Say whether two nodes' clocks may have dated the same states of a dialog's parties."""
    for party in dialog.participants:
        other = sole_party(known, party.media_address)
        if other is None or party.state != other.state:
            return False
        if not near(party.state_change_time, other.state_change_time):
            return False
    return True


def is_earlier(party: Participant, known: Dialog, by: float = 0.0) -> bool:
    """Say whether a party is shown as it was before what is known; `by`: more seconds than that."""
    before = sole_party(known, party.media_address)
    return before is not None and older(party.state_change_time, before.state_change_time, by)


def _later(old: Dialog, party: Participant) -> Participant:
    before = sole_party(old, party.media_address)
    return before if before is not None and is_earlier(party, old) else party


def is_call(dialog: Dialog) -> bool:
    """Say whether a dialog is a call, and no task of another kind."""
    return (dialog.media_type or "Voice") == "Voice"


def is_watch(dialog: Dialog | None) -> bool:
    """Say whether a dialog is a supervisor's watch of an agent's call."""
    return dialog is not None and dialog.media_properties.call_type == "SUPERVISOR_MONITOR"


def latest(*dialogs: Dialog | None, of: str | None = None) -> str | None:
    """Return the latest stateChangeTime that they show of a party, or of all; None for none."""
    found: str | None = None
    for dialog in dialogs:
        for party in dialog.participants if dialog is not None else ():
            if of in {None, party.media_address} and (
                found is None or older(found, party.state_change_time)
            ):
                found = party.state_change_time
    return found

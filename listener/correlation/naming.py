"""When the sole suspect of an unsigned error is named (rules of evidence 5).

Whom an error suspects, and who else could own it, is `accusation`'s; time is an argument.
"""

from __future__ import annotations

from listener.correlation import verdict
from listener.correlation.accusation import ENDS
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.evidence import enough
from listener.correlation.objects import JOINS
from listener.correlation.outcome import Evidence
from listener.correlation.pending import Trigger
from listener.correlation.suspicion import SETTLES_AFTER


def unripe(entry: Entry, now: float) -> float | None:
    """Return when the error that it alone is suspected of will name it, None when none will."""
    ripe = (s.at + SETTLES_AFTER for s in entry.suspicions if s.sole == entry.key)
    return min((at for at in ripe if at > now), default=None)


def undisturbed(entry: Entry, now: float) -> None:
    """Note the errors in whose time nothing spoke for anybody else or the effect itself."""
    proof = (entry.quiet, entry.standing, entry.contested)  # it may be taken away yet
    if entry.disturbed or _ended(entry) or any(each is not None for each in proof):
        return
    for suspicion in entry.suspicions:
        if now >= suspicion.at + SETTLES_AFTER:
            suspicion.undisturbed.add(entry.key)


def resolve(desk: Desk, now: float, entry: Entry) -> bool:
    """Name the sole suspect when its time has come; say whether the request was settled so."""
    if entry.silent and entry.standing is not None:
        return False  # its own proof came, and waits for the window's end alone (rule 6.6)
    if entry.quiet is not None:
        return False  # its own proof came, and waits for its quiet time alone
    if entry.contested is not None or entry.case.joined is not None:
        return False  # somebody else may have been at work, or the request itself, by its id
    if entry.tag_seen and isinstance(entry.case.expectation, JOINS):
        return False  # Finesse did something for it: whoever is refused has no other event
    last = now >= entry.deadline
    for suspicion in entry.suspicions:
        ripe = last or now >= suspicion.at + SETTLES_AFTER
        if not (ripe and suspicion.sole == entry.key and entry.answered):
            continue
        disturbed = entry.key not in suspicion.undisturbed
        if disturbed and (entry.disturbed or _ended(entry)):
            continue  # somebody else may have been at work, since the error too
        if not enough(entry, Evidence.SOLE_PENDING):
            entry.weak = True
            continue
        outcome = verdict.failed(entry, suspicion.error.errors, Evidence.SOLE_PENDING, now)
        desk.settle(now, entry, Trigger.FAIL, outcome)
        return True
    return False


def _ended(entry: Entry) -> bool:
    """Say whether its call ended, as it would by the request (rules 6.4).

    Where another request took the agent off the call, by its id, this one did not (rules 3, 4).
    """
    own = entry.ended and not entry.ended_by_another
    return own and isinstance(entry.case.expectation, ENDS)

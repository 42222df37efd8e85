"""What time alone does to a request: quiet times end, windows close, deadlines pass.

`now` is an argument; nothing here waits.
"""

from __future__ import annotations

from listener.correlation import verdict
from listener.correlation.case import Shown
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.evidence import decide, enough, off_by_id, release_held, set_by_id
from listener.correlation.judges import DATA
from listener.correlation.looks import ask, lead_of
from listener.correlation.naming import resolve, undisturbed, unripe
from listener.correlation.outcome import Evidence, MinimumEvidence, Reason
from listener.correlation.pending import State, Trigger
from listener.correlation.steps import Fence

FENCE_WITHIN = 2.0  # seconds for the answer to the ping at a window's end (rule 6.6)


def arm(desk: Desk, now: float, entry: Entry, start: float) -> None:
    """Let the deadline run from `start` (the 202, else submission), and plan the GET before it."""
    entry.deadline = start + entry.length
    lead = lead_of(entry)
    entry.probe_due = None if lead is None else max(now, entry.deadline - lead)
    desk.rearm(entry)


def open_window(desk: Desk, now: float, entry: Entry) -> None:
    """Start the window of silence, if no earlier DTMF of that device is still open (rule 6.6)."""
    if desk.first_in_chain(entry):
        desk.start_window(now, entry)
    else:
        # The one before it must settle first; its own deadline bounds the wait.
        entry.deadline = float("inf")


def wake(desk: Desk, now: float, entry: Entry) -> None:
    """Do what is due for one request; in the order in which evidence outranks the clock."""
    if not entry.open:
        if entry.settled_at is not None and now >= entry.settled_at + desk.limits.tombstone_for:
            desk.books.bury(entry.key)
        return
    entry.armed = float("inf")
    for step in (_suspects, _quiet, _window, _fence, _probe, _end, _deadline):
        step(desk, now, entry)
        if not entry.open:
            return
    desk.rearm(entry)


def _passed(now: float, due: float | None) -> bool:
    return due is not None and now >= due


def _suspects(desk: Desk, now: float, entry: Entry) -> None:
    if _passed(now, entry.suspicion_due):
        entry.suspicion_due = None
        undisturbed(entry, now)
        if not resolve(desk, now, entry):
            entry.suspicion_due = unripe(entry, now)  # a later error has its own two seconds


def _quiet(desk: Desk, now: float, entry: Entry) -> None:
    if entry.quiet is not None and _passed(now, entry.quiet_due):
        held, entry.quiet, entry.quiet_due = entry.quiet, None, None
        decide(desk, now, entry, held)


def _window(desk: Desk, now: float, entry: Entry) -> None:
    if not _passed(now, entry.window_due):
        return
    entry.window_due = None
    desk.release(now, entry)  # DTMF holds others for its window at most (rules 9)
    if not _could_be_known(desk, entry):
        if entry.standing is None and not _suspect(entry):  # nothing tells any more, however long
            _unconfirmed(desk, now, entry, Reason.LINK_LOST)
        return
    entry.fence_due = entry.deadline = now + FENCE_WITHIN
    desk.steps.append(Fence(entry.key, entry.agent))


def _could_be_known(desk: Desk, entry: Entry) -> bool:
    """Say whether a fence can still tell: we listened all the time, and nothing is suspect."""
    heard = desk.picture.of(entry.agent).live and not entry.gap_since_sending()
    return heard and (entry.tag_seen or not _suspect(entry))


def _suspect(entry: Entry) -> bool:
    return bool(entry.suspicions) or entry.clouded or (entry.id_repeated and entry.tag_seen)


def fenced(desk: Desk, now: float, entry: Entry, *, passed: bool) -> None:
    """Take the answer to the ping at a window's end, or that none came in time (rule 6.6)."""
    if entry.fence_due is None:
        return
    entry.fence_due = None
    if resolve(desk, now, entry):
        return
    if not passed or not desk.picture.of(entry.agent).live or entry.gap_since_sending():
        _unconfirmed(desk, now, entry, Reason.LINK_LOST)
    elif entry.standing is not None and enough(entry, Evidence.REQUEST_ID):
        decide(desk, now, entry, entry.standing)
    elif unripe(entry, now) is not None:
        pass  # the deadline names the sole suspect
    elif _suspect(entry):
        _unconfirmed(desk, now, entry, Reason.AMBIGUOUS)
    elif entry.minimum is MinimumEvidence.REQUEST_ID:
        _unconfirmed(desk, now, entry, Reason.WEAK)
    elif entry.state is State.ACCEPTED:
        desk.settle(now, entry, Trigger.PRESUME, verdict.presumed(entry, now))
    else:
        _unconfirmed(desk, now, entry, Reason.LINK_LOST)


def _fence(desk: Desk, now: float, entry: Entry) -> None:
    if _passed(now, entry.fence_due):
        fenced(desk, now, entry, passed=False)


def _probe(desk: Desk, now: float, entry: Entry) -> None:
    if _passed(now, entry.probe_due):
        entry.probe_due = None
        if entry.answered_at is not None and entry.minimum is MinimumEvidence.ANY:
            ask(desk, entry)


def _end(desk: Desk, now: float, entry: Entry) -> None:
    if not _passed(now, entry.end_due) or resolve(desk, now, entry):
        return
    entry.end_due = unripe(entry, now)
    if entry.quiet is not None or entry.end_due is not None:
        return
    if entry.standing is not None and (off_by_id(entry) or set_by_id(entry)):
        decide(desk, now, entry, entry.standing)
    else:
        _unconfirmed(desk, now, entry, Reason.DIALOG_ENDED)


def _deadline(desk: Desk, now: float, entry: Entry) -> None:
    if not _passed(now, entry.deadline):
        return
    if entry.state is State.QUEUED:
        outcome = verdict.rejected(entry, now, reason=Reason.EXPIRED_IN_QUEUE)
        desk.settle(now, entry, Trigger.EXPIRE, outcome)
        return
    _unanswered(desk, now, entry)
    if not entry.open or resolve(desk, now, entry):
        return
    if entry.standing is not None and _stands(entry):
        decide(desk, now, entry, entry.standing)
    else:
        _unconfirmed(desk, now, entry, reason(entry))


def _unanswered(desk: Desk, now: float, entry: Entry) -> None:
    """Give up hope of an answer: what was held for it counts now (rules 2)."""
    if entry.answered_at is None and not entry.expected:
        entry.answered_at = now
        release_held(desk, now, entry)


def _stands(entry: Entry) -> bool:
    """Say whether what counts only at the deadline may count now."""
    standing = entry.standing
    if standing is None or not enough(entry, standing.evidence):
        return False
    if standing.finding.shown is Shown.STANDING and entry.gap_open():
        return False  # nobody listens: what a GET showed may have gone on since (rule 6.1)
    if standing.evidence is Evidence.REQUEST_ID:
        return not entry.silent or entry.length >= entry.request.default_deadline
    if standing.finding.shown is Shown.PARTLY:
        # What is missing may have been set, and gone by another's hand: seen, or in a gap, or where
        # news told nothing new.
        case = entry.case
        unsure = case.written_over or case.retold or entry.gap_since_sending()
        return entry.answered and not unsure and not entry.rivals
    return entry.answered and not entry.rivals


def _unconfirmed(desk: Desk, now: float, entry: Entry, why: Reason) -> None:
    desk.settle(now, entry, Trigger.EXPIRE, verdict.unconfirmed(entry, why, now))


def reason(entry: Entry) -> Reason:
    """Say why nobody knows, the most telling cause first."""
    ambiguous = entry.rivals or entry.suspicions or entry.clouded or entry.look_alikes
    causes = (
        (entry.expected and not entry.answered and not entry.restarted, Reason.NOT_REPORTED),
        (ambiguous or (entry.id_repeated and entry.tag_seen), Reason.AMBIGUOUS),
        (entry.restarted, Reason.RESTARTED),
        (not entry.accepted and (entry.doubted or not entry.expected), Reason.NO_ANSWER),
        (entry.ended or _cut_short(entry), Reason.DIALOG_ENDED),
        (entry.gap_since_sending(), Reason.LINK_LOST),
        (entry.weak, Reason.WEAK),
    )
    return next((why for holds, why in causes if holds), Reason.DEADLINE)


def _cut_short(entry: Entry) -> bool:
    """Say whether its dialog's end was heard, and the deadline left no time to know more."""
    return entry.quiet is not None and not isinstance(entry.case.expectation, DATA)

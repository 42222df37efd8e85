"""What an earlier process left: open requests are taken over, settled ones are remembered.

Nothing is sent from here. After a restart there is a gap, and what is open is in doubt; at a
hand-over this process may have heard everything, and then an open request is one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from listener.correlation import clockwork
from listener.correlation.admission import MAX_LENGTH, entry_of, share, twins
from listener.correlation.desk import Desk, failed_call, never_done
from listener.correlation.entry import Entry
from listener.correlation.outcome import Confirmed, Outcome
from listener.correlation.pending import Trigger
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.sharing import same_lane
from listener.finesse.actions.expectation import Gate, UserState
from listener.finesse.actions.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What is known of an open request of an earlier process; see `Correlator.adopt`."""

    baseline: Baseline | None
    left: float
    accepted: bool
    age: float = 0.0
    status: int | None = None
    answer_date: float | None = None
    gap: bool = True
    gone: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of a settled request of an earlier process; see `Correlator.remember`."""

    outcome: Outcome
    age: float
    settled_ago: float
    left: float
    gone: float | None = None


def adopt(
    desk: Desk, now: float, request: Request, registration: Registration, was: Earlier
) -> None:
    """Take over an open request. Raises ValueError for a key that is known already."""
    entry = _entry(desk, now - max(was.age, 0.0), request, registration)
    if was.accepted and entry.expected and not entry.length_given:
        entry.length = request.default_deadline
    entry.accepted, entry.status = was.accepted, was.status
    entry.doubted = was.status is not None and not was.accepted
    entry.left_machine = True if was.accepted or entry.doubted else None
    entry.case.answer_date = was.answer_date
    entry.restarted = was.gap
    desk.books.add(entry)
    entry.fire(Trigger.DISPATCH)
    user = was.baseline.user if was.baseline is not None else None
    desk.start(_left_at(now, was), entry, was.baseline, user)
    left = min(max(was.left, 0.0), MAX_LENGTH)
    if was.gap:
        _after_gap(desk, now, entry, left)
    else:
        _handed_over(desk, now, entry, left)


def _left_at(now: float, was: Earlier | Past) -> float:
    """Return when it left: of two updates the later counts, open or settled (rules 6.7)."""
    # No earlier than it was asked for.
    gone = was.age if was.gone is None else min(was.gone, was.age)
    return now - max(gone, 0.0)


def _entry(desk: Desk, submitted: float, request: Request, registration: Registration) -> Entry:
    books, key = desk.books, registration.key
    if key in books.entries or key in books.tombs:
        raise ValueError(f"the request {key} is known already")
    entry = entry_of(submitted, request, registration)
    share(entry, twins(desk, entry))
    return entry


def _after_gap(desk: Desk, now: float, entry: Entry, left: float) -> None:
    """Let it be in doubt: it is judged by what it was sent with, and ends RESTARTED without proof.

    Nobody will hear its answer any more but from the caller who announced it.
    """
    entry.case.memoryless = True
    desk.succeeded_at = now
    if entry.answered or not entry.expected:
        entry.answered_at = now
    live = desk.picture.of(entry.agent).live
    entry.fire(Trigger.GAP)
    entry.gap(entry.submitted, now if live else None)
    if not entry.expected and entry.request.gate is Gate.UNTIL_SETTLED:
        desk.gate.hold(entry.device, entry.key, Gate.UNTIL_SETTLED)
    entry.rivals |= _old_rivals(desk, entry)
    entry.own_deadline = entry.submitted + entry.length
    entry.length, entry.length_given = left, True
    clockwork.arm(desk, now, entry, now)


def _old_rivals(desk: Desk, entry: Entry) -> frozenset[str]:
    """Return whose a change before the gap may have been, as it ended (rules 4).

    It contested the change, or was confirmed by what would fit this one as well.
    """
    return frozenset(
        tomb.key
        for tomb in _settled_since(desk, entry)
        if _contested(tomb) or (isinstance(tomb.outcome, Confirmed) and _fits_too(tomb, entry))
    )


def settled_rivals(desk: Desk, entry: Entry) -> frozenset[str]:
    """Return which settled requests may have made a change that was heard since this one was sent.

    They had contested one when they were open, and asked for the same (rules 4).
    """
    return frozenset(
        tomb.key
        for tomb in _settled_since(desk, entry)
        if _contested(tomb) and _fits_too(tomb, entry)
    )


def _settled_since(desk: Desk, entry: Entry) -> Iterator[Entry]:
    dialog = entry.request.dialog_id
    there = desk.books.on_dialog(dialog) if dialog else desk.books.settled_on_user(entry.agent)
    for tomb in there:
        if tomb.outcome is None or never_done(tomb.outcome):
            continue
        if (tomb.settled_at or 0.0) >= entry.submitted and same_lane(tomb, entry):
            yield tomb


def _contested(tomb: Entry) -> bool:
    return tomb.outcome is not None and any(s.what == "contested" for s in tomb.outcome.seen)


def _fits_too(tomb: Entry, entry: Entry) -> bool:
    """Say whether what confirmed one request is what the other asks for, too."""
    done, want = tomb.case.expectation, entry.case.expectation
    if not (isinstance(done, UserState) and isinstance(want, UserState)):
        return done == want
    same = bool(done.states & want.states) and done.extension == want.extension
    return same and want.reason_code_id in {None, done.reason_code_id}


def _handed_over(desk: Desk, now: float, entry: Entry, left: float) -> None:
    """Let it go on as if it had been registered here."""
    picture = desk.picture.of(entry.agent)
    if not picture.live:
        entry.gap(now, None)
    entry.case.retold = picture.republished_at >= (entry.sent_at or 0.0)  # no news to be told again
    gate = entry.request.gate
    if not entry.expected and not (gate is Gate.UNTIL_ANSWERED and entry.accepted):
        desk.gate.hold(entry.device, entry.key, gate)
    start = now + left - entry.length
    if entry.accepted:
        entry.fire(Trigger.ACCEPT)
        entry.answered_at, entry.case.accepted_at = now, min(max(start, entry.submitted), now)
    elif entry.doubted:
        entry.fire(Trigger.DOUBT)
        entry.answered_at = now
    clockwork.arm(desk, now, entry, start)
    if entry.answered_at is None:
        entry.probe_due = None
    elif entry.silent and entry.accepted:
        _rest_of_window(desk, now, entry)


def _rest_of_window(desk: Desk, now: float, entry: Entry) -> None:
    """Let the rest of the window of silence run, or wait for the DTMF before it (rule 6.6)."""
    if desk.first_in_chain(entry):
        whole = entry.deadline - entry.length + entry.request.default_deadline
        entry.window_due = max(now, whole)
        desk.rearm(entry)
    else:
        clockwork.open_window(desk, now, entry)


_PATHS: Mapping[str, tuple[Trigger, ...]] = MappingProxyType(
    {
        "confirmed": (Trigger.DISPATCH, Trigger.PROVE),
        "presumed": (Trigger.DISPATCH, Trigger.ACCEPT, Trigger.PRESUME),
        "failed": (Trigger.DISPATCH, Trigger.FAIL),
        "rejected": (Trigger.REFUSE,),
        "unconfirmed": (Trigger.DISPATCH, Trigger.EXPIRE),
        "abandoned": (Trigger.DISPATCH, Trigger.WITHDRAW),
    }
)


def remember(
    desk: Desk, now: float, request: Request, registration: Registration, was: Past
) -> None:
    """Put a settled request back as a tombstone, if its time as one is not over.

    Raises ValueError for a key that is known already.
    """
    outcome, settled_ago = was.outcome, max(was.settled_ago, 0.0)
    rest = desk.limits.tombstone_for - settled_ago
    if rest <= 0:
        return
    entry = _entry(desk, now - max(was.age, 0.0), request, registration)
    if not desk.picture.of(entry.agent).live:
        desk.succeeded_at = now
    for trigger in _PATHS[outcome.kind]:
        entry.fire(trigger)
    entry.outcome, entry.settled_at = outcome, now - settled_ago
    entry.status, entry.left_machine = outcome.status, outcome.sent
    entry.deadline = now + was.left
    entry.sent_at = None if outcome.kind == "rejected" else _left_at(now, was)
    entry.case.claimed = outcome.dialogs.new
    if outcome.dialogs.survivor is not None:
        entry.case.ids.add(outcome.dialogs.survivor)
    desk.books.add(entry)
    for id_ in (*outcome.dialogs.gone, *failed_call(outcome)):
        desk.books.watch(entry, id_)
    desk.books.close(entry)
    desk.at(now + rest, entry.key)

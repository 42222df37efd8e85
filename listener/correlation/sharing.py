"""One change confirms at most one request (rules of evidence 4): whose it is, if it fits several.

Knows who changes the same of one device, and whose a change is by its id; settles nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from listener.correlation.case import ENDED, Finding, Shown, Sight
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.evidence import COUNTS, by_change, kind_of, proves
from listener.correlation.instants import after
from listener.correlation.judges import WANTS_NEW_CALLS, judge
from listener.correlation.judges.states import ended_here
from listener.correlation.outcome import Confirmed, Evidence
from listener.finesse.actions.expectation import (
    CallbackCancelled,
    CallbackScheduled,
    CallData,
    Conferenced,
    Monitoring,
    NewCall,
    PartyGone,
    Reclassified,
    SentAway,
    Transferred,
    UserState,
)

SURVIVORS = (Transferred, Conferenced, SentAway)
"""Expectations that other agents' nodes may prove without our id."""


def contest(entries: list[Entry], now: float) -> None:
    """One untagged change that fits several requests is ambiguous for all of them (rules 4)."""
    keys = {entry.key for entry in entries}
    for entry in entries:
        entry.rivals |= keys - {entry.key}
        entry.note(now, "contested", "the change fits more than one request")


def contests(weak: list[Entry], now: float, perhaps: Iterable[Entry] = ()) -> None:
    """Find the requests that one and the same untagged change would prove.

    `perhaps`: those whose effect it shows as well, had they but something to compare it with.
    """
    groups: dict[tuple[str, str | None], list[Entry]] = {}
    for entry in weak:
        if not isinstance(entry.case.expectation, CallData):
            groups.setdefault(lane(entry), []).append(entry)
    for entry in perhaps:
        group = groups.get(lane(entry))
        if group is not None and not isinstance(entry.case.expectation, CallData):
            group.append(entry)
    for entries in groups.values():
        if len(entries) > 1:
            contest(entries, now)


def anew(entry: Entry, finding: Finding, sight: Sight) -> bool:
    """Say whether a sight shows a request's effect as no earlier one did (rules 4: one change).

    A call that was shown to be made, or a party that is gone, goes on to be shown by every event.
    """
    mark = _mark(entry, finding, sight)
    return mark is None or entry.case.told.get(sight.dialog_id) != mark


def keep_told(found: list[tuple[Entry, Finding, Sight]]) -> None:
    """Remember as what each request's effect was shown."""
    for entry, finding, sight in found:
        mark = _mark(entry, finding, sight)
        if mark is not None:
            entry.case.told[sight.dialog_id] = mark
        elif not isinstance(entry.case.expectation, NewCall | Monitoring):
            entry.case.told.pop(sight.dialog_id, None)


def _mark(entry: Entry, finding: Finding, sight: Sight) -> Shown | None:
    """Return as what the effect is shown, None where nothing tells it from a later change."""
    goes_on = isinstance(entry.case.expectation, NewCall | Monitoring | PartyGone)
    shown = finding.shown in COUNTS | {Shown.STANDING} and sight.dialog is not None
    return finding.shown if goes_on and shown else None


def domain(entry: Entry) -> str:
    """Name what a request changes: the call itself, the user, or one kind of data."""
    want = entry.case.expectation
    apart = isinstance(want, UserState | Reclassified | CallbackScheduled | CallbackCancelled)
    return type(want).__name__ if apart else "call"


def lane(entry: Entry) -> tuple[str, str | None]:
    """Name what a request changes, and of what: a device, or the agent, whatever the device is.

    Who is signed out has no extension; after the next login there may be another one.
    """
    of_the_agent = isinstance(entry.case.expectation, UserState)
    return domain(entry), entry.agent if of_the_agent else entry.case.own


def same_lane(one: Entry, other: Entry) -> bool:
    """Say whether two requests change the same of one device or agent, other than call data."""
    data = any(isinstance(each.case.expectation, CallData) for each in (one, other))
    return not data and lane(one) == lane(other)


def without_others_share(
    found: list[tuple[Entry, Finding, Sight]], now: float, named: Entry | None = None
) -> list[tuple[Entry, Finding, Sight]]:
    """Return the findings that count: a change that is one request's by its id is no other's.

    One change confirms at most one request (rules 4). Requests that go out together, past the gate,
    would otherwise take the effect of the one before for their own; nor does a GET later that shows
    what that change made prove another one's. `named`: whose id is on it; it may be settled by now,
    for one change is told on the node of each agent who takes part.
    """
    owners = _owners(found)
    if not owners and named is None:
        return found
    kept = []
    for entry, finding, seen in found:
        anothers = (
            any(_takes(each, entry) for each in owners)
            or _alike(entry, named)
            or _of_an_earlier(entry, named, seen)
        )
        if any(entry is each[0] for each in owners) or not anothers:
            kept.append((entry, finding, seen))
            continue
        if by_change(finding, seen) or not entry.case.about(seen):
            entry.case.rebase(seen)
        if not by_change(finding, seen):
            kept.append((entry, finding, seen))
            continue
        entry.note(now, "another_request", "the change is another request's, by its id")
        if ended_here(entry.case, seen):  # it is the end of its own call as well (rules 6.10)
            kept.append((entry, ENDED, seen))
    return kept


def taken_elsewhere(
    entries: list[Entry], found: list[tuple[Entry, Finding, Sight]], sight: Sight
) -> None:
    """Let those who look at their own node alone know of a change that is another's by its id."""
    owners = _owners(found)
    for entry in entries:
        if any(entry.agent == each[0].agent and _takes(each, entry) for each in owners):
            entry.case.rebase(sight)
            entry.case.saw(sight)


def _of_an_earlier(entry: Entry, named: Entry | None, seen: Sight) -> bool:
    """Say whether a state is the work of an earlier request of that agent, whose id is on it.

    It may have been so before this one was sent, and be read only now; where its time tells that it
    came after Finesse's answer to this one, the state is there, whoever caused it (rules 1, 3).
    """
    if named is None or named is entry or seen.user is None or named.agent != entry.agent:
        return False
    since = after(seen.user.state_change_time, entry.case.answer_date)
    return not since and (named.sent_at or 0.0) <= (entry.sent_at or 0.0)


def _alike(entry: Entry, done: Entry | None) -> bool:
    """Say whether a request asks for just what a confirmed one had asked for."""
    if done is None or done is entry or not isinstance(done.outcome, Confirmed):
        return False
    same = (done.case.expectation, done.agent) == (entry.case.expectation, entry.agent)
    return same and same_lane(entry, done) and done.request.dialog_id == entry.request.dialog_id


def _owners(found: list[tuple[Entry, Finding, Sight]]) -> list[tuple[Entry, bool]]:
    """Return whose what is seen is: the effect with its id (True), or no more than its call."""
    owners = []
    for entry, finding, seen in found:
        evidence = kind_of(finding, seen)
        proven = evidence is Evidence.REQUEST_ID and proves(finding, evidence)
        made = entry.case.claimed is not None and entry.case.claimed == seen.dialog_id
        if proven or made:
            owners.append((entry, proven))
    return owners


def _takes(owner: tuple[Entry, bool], entry: Entry) -> bool:
    """Say whether what is one request's by its id is therefore none of another's.

    The call that one made is not the call that another asks for; what is done to it later may be.
    """
    first, proven = owner
    return same_lane(entry, first) and (
        proven or isinstance(entry.case.expectation, WANTS_NEW_CALLS)
    )


def rivals(desk: Desk, entry: Entry, sight: Sight, *, fresh: bool = False) -> list[Entry]:
    """Return the requests that what proves this one without our id would prove as well.

    They may hear of it later or not at all; their cases are asked, and not changed. `fresh`: who
    was shown the same before is none.
    """
    if isinstance(entry.case.expectation, CallData):
        return []  # equal values are there for all who asked for them
    return [
        other
        for other in desk.books.of(entry.agent)
        if other is not entry
        and other.on_the_wire
        and same_lane(other, entry)
        and (_same_asked(other, entry) or would_count(other, sight, fresh=fresh))
    ]


def _same_asked(one: Entry, other: Entry) -> bool:
    mine, theirs = one.case, other.case
    return (mine.expectation, mine.ids) == (theirs.expectation, theirs.ids)


def would_count(entry: Entry, sight: Sight, *, fresh: bool = False) -> bool:
    """Say whether a sight would prove a request without our id; its case is not changed."""
    if sight.owner != entry.agent and not isinstance(entry.case.expectation, SURVIVORS):
        return False
    finding = judge(entry.case.copy(), sight)
    return by_change(finding, sight) and not (fresh and not anew(entry, finding, sight))

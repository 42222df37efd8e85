"""One change confirms at most one request (rules of evidence 4): whose it is, if it fits several.

Knows who changes the same of one device, and whose a change is by its id; settles nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from listener.correlation.case import ENDED, Case, Finding, How, Shown, Sight
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.evidence import (
    COUNTS,
    by_change,
    kind_of,
    let_go,
    proves,
    without_a_date,
)
from listener.correlation.judges import WANTS_NEW_CALLS, judge
from listener.correlation.judges.pairs import pair
from listener.correlation.judges.states import ended_here, has_left
from listener.correlation.outcome import Evidence, Rejected
from listener.finesse.actions.checks import same_number
from listener.finesse.actions.expectation import (
    CallbackCancelled,
    CallbackScheduled,
    CallData,
    Conferenced,
    Left,
    Monitoring,
    NewCall,
    OwnState,
    PartyGone,
    Reclassified,
    SentAway,
    TaskEnded,
    TaskState,
    Tied,
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


def contests(found: list[tuple[Entry, Finding, Sight]], now: float) -> None:
    """Find the requests that one and the same untagged change would prove (rules 4)."""
    fitting = [entry for entry, finding, seen in found if _fits(entry, finding, seen)]
    unchanged = [entry for entry, finding, _ in found if finding.shown is Shown.UNCHANGED]
    for entry, finding, seen in found:
        if not (by_change(finding, seen) and anew(entry, finding, seen)):
            continue
        others = [e for e in fitting if e is not entry and _one_of_them(e, entry, seen)]
        others += [e for e in unchanged if _missed_the_start(e, entry)]
        if any(entry.key not in other.rivals for other in others):
            contest([entry, *others], now)


def _missed_the_start(one: Entry, later: Entry) -> bool:
    """Say whether what is no change for a request is one for the same request sent again later.

    How it was in between was shown to the later one alone, by a GET; the change may be of both.
    """
    before = one.sent_at is not None and later.sent_at is not None and one.sent_at < later.sent_at
    return before and _same_asked(one, later) and same_lane(one, later)


def _fits(entry: Entry, finding: Finding, seen: Sight) -> bool:
    """Say whether a sight shows a request's effect, without our id and as no earlier one did.

    One that has nothing to compare it with may have done it as well: nothing tells that it was not
    so before, nor that it was.
    """
    shown = by_change(finding, seen) and anew(entry, finding, seen)
    return shown or _untold(entry, finding, seen)


def _untold(entry: Entry, finding: Finding, seen: Sight) -> bool:
    """Say whether a sight shows what a request asks for, and nothing tells how it was before."""
    if finding.shown is not Shown.IF_TAGGED or seen.tagged or not anew(entry, finding, seen):
        return False
    case, want = entry.case, entry.case.expectation
    if isinstance(want, UserState):
        return _untold_state(case, want, finding, seen)
    if case.bygone or isinstance(want, PartyGone):
        return False  # there was nothing to be done any more; who is not listed may never have been
    unknown = bool(case.ids) and case.last is None
    return case.baseline is None or case.memoryless or unknown


def _untold_state(case: Case, want: UserState, finding: Finding, seen: Sight) -> bool:
    """Say whether a state is what was asked for; what may only follow from it is not.

    Of one that is promised since, the reason that is told may be that of the state before (6.9).
    """
    was = case.baseline.user if case.baseline is not None else None
    if was is None:
        return finding.stage in want.states | {"PENDING"}
    now = seen.user or was
    same_reason = now.reason_code_id == was.reason_code_id
    return finding.stage == "PENDING" and now.pending_state != was.pending_state and same_reason


def anew(entry: Entry, finding: Finding, sight: Sight) -> bool:
    """Say whether a sight shows a request's effect as no earlier one did (rules 4: one change).

    A call that was shown to be made, or a party that is gone, goes on to be shown by every event.
    """
    mark = _mark(entry, finding, sight)
    told = mark is not None and entry.case.told.get(sight.dialog_id) == mark
    return not (told or _goes_on(entry, sight))


def _goes_on(entry: Entry, sight: Sight) -> bool:
    """Say whether a conference that was shown to be made goes on on a call that took it in.

    That one came since, with others on it, so that it was joined with that by another's work (6.4).
    """
    case, into = entry.case, sight.dialog_id
    apart = into not in pair(case) and bool(case.company.get(into or ""))
    if sight.dialog is None or not apart:
        return False
    waiting = (*entry.held, *(each for each in (entry.slight, entry.contested) if each is not None))
    return sight.dialog.secondary_id in {held.finding.dialogs.survivor for held in waiting}


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
    want = entry.case.expectation
    if isinstance(want, UserState) and finding.stage == "PENDING":
        return finding.shown
    goes_on = isinstance(want, NewCall | Monitoring | PartyGone)
    shown = finding.shown in COUNTS | {Shown.STANDING} and sight.dialog is not None
    return finding.shown if goes_on and shown else None


def domain(entry: Entry) -> str:
    """Name what a request changes: the call itself, a task, the user, or one kind of data."""
    want = entry.case.expectation
    if isinstance(want, TaskState | TaskEnded):
        return "task"
    apart = isinstance(want, UserState | Reclassified | CallbackScheduled | CallbackCancelled)
    return type(want).__name__ if apart else "call"


def same_lane(one: Entry, other: Entry) -> bool:
    """Say whether two requests change the same of one agent, other than call data.

    A call is changed by a device, of which an agent may have more than one. Tasks and the state are
    the agent's, whatever the device is: who is signed out has none, and after the next login it may
    be another one.
    """
    data = any(isinstance(each.case.expectation, CallData) for each in (one, other))
    if data or one.agent != other.agent or domain(one) != domain(other):
        return False
    devices = {one.case.own, other.case.own}
    return domain(one) != "call" or len(devices) == 1 or None in devices


def _one_of_them(one: Entry, other: Entry, seen: Sight) -> bool:
    """Say whether one of two requests may have done what both ask for.

    What one sight shows may be two changes, each of them one's own (rules 4), as a state that came
    and another one that is promised, or a party that was taken off and the agent who left.
    """
    if not same_lane(one, other) or _takes_another_off(one, other, seen):
        return False
    return _could(one, other) or _could(other, one)


def _takes_another_off(one: Entry, other: Entry, seen: Sight) -> bool:
    """Say whether just one of two requests takes a party off, and nobody who leaves by the other.

    It takes the agent off only where it ends the call, so that no two others are left to talk.
    """
    for takes, leaves in ((one, other), (other, one)):
        want, own = takes.case.expectation, leaves.case.own
        if isinstance(want, PartyGone) and not isinstance(leaves.case.expectation, PartyGone):
            parties = seen.dialog.participants if seen.dialog is not None else ()
            there = [p for p in parties if not has_left(p) and p.media_address != own]
            return len(there) > 1 and not same_number(want.media_address, own)
    return False


def without_others_share(
    found: list[tuple[Entry, Finding, Sight]], now: float, named: Collection[Entry] = ()
) -> list[tuple[Entry, Finding, Sight]]:
    """Return the findings that count: a change that is one request's by its id is no other's.

    One change confirms at most one request (rules 4). Requests that go out together, past the gate,
    would otherwise take the effect of the one before for their own; nor does a GET later that shows
    what that change made prove another one's. `named`: those whose id is on it, of whom it may name
    any; they may be settled by now, for what was given up may be done late, and one change is told
    on the node of each agent who takes part.
    """
    owners = _owners(found)
    if not owners and not named:
        return found
    kept = []
    for entry, finding, seen in found:
        others = bool(named) and entry not in named
        of_before = others and all(
            did(each, entry, seen) or _of_an_earlier(entry, each, finding, seen) for each in named
        )
        anothers = of_before or any(_takes(each, entry) for each in owners)
        if any(entry is each[0] for each in owners) or not anothers:
            kept.append((entry, finding, seen))
            continue
        if of_before and _date_to_come(entry, named, seen) and by_change(finding, seen):
            kept.append((entry, replace(finding, undated=True), seen))
            continue
        if by_change(finding, seen) or _looks_elsewhere(entry, seen):
            entry.case.rebase(seen)
        elif entry.case.about(seen) and _untold(entry, finding, seen):
            entry.case.anothers(seen)  # which a GET later shows to be of behind the answer, too
        if seen.how is How.REMOVED and any(_joins(each) and _joins(entry) for each in named):
            both = pair(entry.case)  # what they became is that one's work, too
            entry.case.theirs |= both if seen.dialog_id in both else {seen.dialog_id}
        if not by_change(finding, seen):
            kept.append((entry, _ended_by(named, entry, finding, seen), seen))
            continue
        entry.note(now, "another_request", "the change is another request's, by its id")
        if ended_here(entry.case, seen):  # it is the end of its own call as well (rules 6.10)
            kept.append((entry, _ended_by(named, entry, ENDED, seen), seen))
    return kept


def _ended_by(named: Collection[Entry], entry: Entry, finding: Finding, seen: Sight) -> Finding:
    """Return a finding; that the call ended with whether one did it that could do nothing else.

    A device leaves a call once: what the one did by its id the other did not. A call that ends by
    other work may have become another one, on which this one is done.
    """
    if finding != ENDED or len(named) != 1:
        return finding
    (first,) = named
    leave = all(isinstance(each.case.expectation, Left | SentAway) for each in (first, entry))
    same = leave and same_lane(first, entry) and first.case.about(seen) and not first.id_repeated
    return replace(finding, anothers=same)


def _joins(entry: Entry) -> bool:
    return isinstance(entry.case.expectation, Transferred | Conferenced)


def _looks_elsewhere(entry: Entry, seen: Sight) -> bool:
    """Say whether a request may take what is seen for its own later: a state, or a new call."""
    makes = isinstance(entry.case.expectation, WANTS_NEW_CALLS)
    return not entry.case.about(seen) and (makes or seen.dialog_id is None)


def did(named: Entry, entry: Entry, seen: Sight) -> bool:
    """Say whether a change that bears one request's id is therefore none of another's.

    Tones and recordings change no state, though their id may come with one; what was refused at
    once never did anything, so that the id is another client's. Nor did a request make the call
    that it was asked for on.
    """
    idle = named.sent_at is None or isinstance(named.outcome, Rejected) or named.silent
    makes = isinstance(entry.case.expectation, NewCall | Monitoring)
    there = makes and seen.dialog_id is not None and seen.dialog_id == named.request.dialog_id
    return same_lane(named, entry) and not (idle or there) and _could(named, entry)


def _could(named: Entry, entry: Entry) -> bool:
    """Say whether one request may have done what another asks for, at least as a step.

    A call is made, and a party taken off, by what asks for that and by nothing else; any but the
    latter may move the own part in a call. Nor are two calls joined by what makes one.
    """
    done, want = named.case.expectation, entry.case.expectation
    if isinstance(want, NewCall | Monitoring):
        return isinstance(done, (*WANTS_NEW_CALLS, Tied))
    if isinstance(want, PartyGone):
        return isinstance(done, PartyGone | Tied)
    if isinstance(want, Transferred | Conferenced) and isinstance(done, NewCall | Monitoring):
        return False
    if isinstance(want, UserState) and isinstance(done, UserState):
        return bool(done.states & want.states)
    if isinstance(want, OwnState) and isinstance(done, OwnState):
        other = named.request.dialog_id != entry.request.dialog_id
        return other or bool(done.states & want.states)
    apart = isinstance(want, OwnState | Transferred | Conferenced)
    return not (apart and isinstance(done, PartyGone))


def give_back(entry: Entry, sight: Sight) -> None:
    """Let go of what waits to count for a request, where it turns out to be another's by its id.

    So is what came of it since, such as the end of a call that had been left.
    """
    let_go(entry, sight)
    about = entry.case.about(sight) and not isinstance(entry.case.expectation, SURVIVORS)
    if about or _looks_elsewhere(entry, sight) or would_count(entry, sight):
        entry.case.rebase(sight)


def taken_elsewhere(
    entries: list[Entry],
    found: list[tuple[Entry, Finding, Sight]],
    sight: Sight,
    named: Collection[Entry],
) -> None:
    """Let those who look at their own node alone know of a change that is another's by its id."""
    owners = _owners(found)
    for entry in entries:
        anothers = any(_takes(each, entry) for each in owners)
        others = bool(named) and entry not in named
        if anothers or (others and all(did(each, entry, sight) for each in named)):
            give_back(entry, sight)
            entry.case.saw(sight)


def _of_an_earlier(entry: Entry, named: Entry, finding: Finding, seen: Sight) -> bool:
    """Say whether a state is the work of an earlier request of that agent, whose id is on it.

    What is done to calls moves the state, and promises none.

    It may have been so before this one was sent, and be read only now; where its time tells that it
    came after Finesse's answer to this one, or after a state with its id, the state is there,
    whoever caused it (rules 1, 3). Where no answer came, no time will ever tell: then it is a
    change from what was known at sending (rules 2, 4).
    """
    promises = isinstance(named.case.expectation, UserState | Tied)
    if seen.user is None or named.agent != entry.agent:
        return False
    if finding.stage == "PENDING" and not promises:
        return False
    since = entry.case.surely_since(seen.user.state_change_time)
    undatable = not promises and without_a_date(entry) and entry.answered
    return not (since or undatable) and (named.sent_at or 0.0) <= (entry.sent_at or 0.0)


def _date_to_come(entry: Entry, named: Collection[Entry], seen: Sight) -> bool:
    """Say whether the Date of an answer may yet tell that a state which calls moved is since."""
    by_calls = not any(isinstance(each.case.expectation, UserState | Tied) for each in named)
    moved = by_calls and seen.user is not None
    return moved and without_a_date(entry) and not entry.answered


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
    return (
        same_lane(entry, first)
        and _could(first, entry)
        and (proven or isinstance(entry.case.expectation, WANTS_NEW_CALLS))
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
        and _one_of_them(other, entry, sight)
        and (_same_asked(other, entry) or would_fit(other, sight, fresh=fresh))
    ]


def _same_asked(one: Entry, other: Entry) -> bool:
    mine, theirs = one.case, other.case
    return (mine.expectation, mine.ids) == (theirs.expectation, theirs.ids)


def would_count(entry: Entry, sight: Sight) -> bool:
    """Say whether a sight would prove a request without our id; its case is not changed."""
    return _would(entry, sight, fresh=False, blindly=False)


def would_fit(entry: Entry, sight: Sight, *, fresh: bool = False) -> bool:
    """Say whether a sight shows what a request asks for, though it may have been so before."""
    return _would(entry, sight, fresh=fresh, blindly=True)


def _would(entry: Entry, sight: Sight, *, fresh: bool, blindly: bool) -> bool:
    if sight.owner != entry.agent and not isinstance(entry.case.expectation, SURVIVORS):
        return False
    finding = judge(entry.case.copy(), sight)
    if blindly and _untold(entry, finding, sight):
        return True
    return by_change(finding, sight) and not (fresh and not anew(entry, finding, sight))

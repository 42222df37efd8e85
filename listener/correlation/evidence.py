"""When something counts as proof (rules of evidence 1 to 4 and 6).

Takes what a judge found and either settles the request, holds the finding until it may count, or
notes it. Never looks at a clock or at XML.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from listener.correlation import verdict
from listener.correlation.case import Finding, How, Shown, Sight
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry, Held
from listener.correlation.instants import older
from listener.correlation.judges import DATA
from listener.correlation.judges.states import CLOSE_WITHIN
from listener.correlation.outcome import Evidence, MinimumEvidence
from listener.correlation.pending import Trigger
from listener.finesse.actions.expectation import (
    CallData,
    Left,
    ReservationEnded,
)
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, User

GRACE = 2.0  # seconds after a dialog's end for what may still arrive (rule 6.10)
COUNTS = frozenset({Shown.EFFECT, Shown.FAILED})
BY_ID = frozenset({Shown.IF_TAGGED, Shown.PARTLY})

_ENOUGH = {
    MinimumEvidence.ANY: frozenset(Evidence),
    MinimumEvidence.EVENT: frozenset(Evidence) - {Evidence.SNAPSHOT},
    MinimumEvidence.REQUEST_ID: frozenset({Evidence.REQUEST_ID}),
}


def kind_of(finding: Finding, sight: Sight) -> Evidence:
    """Name the evidence: our id, a GET, or the change alone."""
    if sight.tagged or finding.by_id:
        return Evidence.REQUEST_ID
    return Evidence.SNAPSHOT if sight.how is How.SNAPSHOT else Evidence.EXPECTATION


def enough(entry: Entry, evidence: Evidence) -> bool:
    """Say whether the caller lets that evidence decide (`minimumEvidence`)."""
    return evidence in _ENOUGH[entry.minimum]


def proves(finding: Finding, evidence: Evidence) -> bool:
    """Say whether a finding would settle: an effect, or one that needs our id and has it."""
    tagged = evidence is Evidence.REQUEST_ID
    return finding.shown in COUNTS or (tagged and finding.shown in BY_ID)


def by_change(finding: Finding, seen: Sight) -> bool:
    """Say whether a finding would prove, now or at the deadline, without our id."""
    evidence = kind_of(finding, seen)
    counts = proves(finding, evidence) or finding.shown is Shown.STANDING
    return counts and evidence is not Evidence.REQUEST_ID


def weigh(desk: Desk, now: float, entry: Entry, finding: Finding, sight: Sight) -> None:
    """Take in what one sight showed to one request."""
    evidence = kind_of(finding, sight)
    held = Held(finding, evidence, sight.dialog, sight.user)
    if _anybodys(entry, finding, evidence):
        entry.unexplained = True
        entry.case.theirs.add(finding.dialogs.new)
        entry.case.anybodys.add(finding.dialogs.new)
        entry.note(now, evidence, "a call that failed, after a gap in which its own may have ended")
        return
    if proves(finding, evidence):
        count(desk, now, entry, held)
        return
    match finding.shown:
        case Shown.STANDING | Shown.PARTLY:  # the rest of the values may take until the deadline
            _stand(entry, held)
        case Shown.UNCHANGED if evidence is Evidence.REQUEST_ID:
            _signed(desk, now, entry, held)
        case Shown.UNCHANGED | Shown.NOT_THERE if evidence is Evidence.SNAPSHOT:
            _by_values(desk, now, entry, held, sight.at)
        case Shown.LOOK_ALIKE if sight.dialog_id not in entry.case.theirs:  # it proved no other one
            entry.look_alikes.add(sight.dialog_id)
            entry.note(now, "look_alike", "a call from this device to another number")
        case Shown.IF_TAGGED:
            entry.note(now, "effect", "seen without our id, which alone would prove it")
            entry.unexplained = True  # it may be another's work, and so may an error (rules 5)
            if sight.how is How.REMOVED and entry.case.mine(sight):
                ended(desk, now, entry, off=True)
        case Shown.ENDED:
            ended(desk, now, entry, anothers=finding.anothers)
        case _:
            pass


def _stand(entry: Entry, held: Held) -> None:
    entry.standing = held
    entry.weak = entry.weak or not enough(entry, held.evidence)
    if entry.silent:  # its window decides, though its call has ended (rule 6.6)
        entry.end_due, entry.ended = None, False


def _anybodys(entry: Entry, finding: Finding, evidence: Evidence) -> bool:
    """Say whether a call that failed may be another one than the request's.

    It bears no id of ours, and the request's own may have come and gone in a gap (rules 7).
    """
    call = finding.shown is Shown.FAILED and finding.dialogs.new is not None
    return call and evidence is not Evidence.REQUEST_ID and entry.gap_since_sending()


def _signed(desk: Desk, now: float, entry: Entry, held: Held) -> None:
    """Our id on what was so before: proof if it came since the request, else at the deadline."""
    others = (entry.contested, entry.slight)
    earlier = (*entry.held, *(each for each in others if each is not None))
    if earlier:
        count(desk, now, entry, replace(earlier[0], evidence=held.evidence, dialog=held.dialog))
    else:
        entry.standing = held


def count(desk: Desk, now: float, entry: Entry, held: Held) -> None:
    """Let proof count: now, when Finesse has answered, or after its quiet time."""
    if held.until is None:
        held = replace(held, until=now + held.finding.quiet)
    if not enough(entry, held.evidence):
        entry.weak = True
        entry.slight = entry.slight if entry.slight and held.quiet_after(now) else held
        entry.note(now, held.evidence, held.finding.shown)
    elif held.evidence is Evidence.EXPECTATION and not entry.answered:
        entry.held.append(replace(held, alone=not entry.rivals))
    elif held.evidence is Evidence.EXPECTATION and _without_its_202(entry, held):
        ended(desk, now, entry)
    elif held.evidence is not Evidence.REQUEST_ID and entry.rivals and not held.alone:
        entry.contested = held
    elif held.quiet_after(now):
        if entry.quiet is None or _stronger(held, entry.quiet):
            entry.quiet, entry.quiet_due = held, held.until
            desk.rearm(entry)
    else:
        decide(desk, now, entry, held)


def _without_its_202(entry: Entry, held: Held) -> bool:
    """Say whether a reservation's DELETE came too long before the 202, or there is none (6.8)."""
    if not isinstance(entry.case.expectation, ReservationEnded):
        return False
    since = entry.case.accepted_at
    heard = (held.until or 0.0) - held.finding.quiet
    return since is None or since - heard > CLOSE_WITHIN


def _stronger(new: Held, old: Held) -> bool:
    if (new.finding, new.evidence) == (old.finding, old.evidence):
        return False  # told again, which does not begin its quiet time anew
    return new.evidence is Evidence.REQUEST_ID or old.evidence is not Evidence.REQUEST_ID


def decide(desk: Desk, now: float, entry: Entry, held: Held) -> None:
    """Settle by proof: the effect confirms, a failed call or a part of the values fails."""
    _made(desk, entry, held)
    if held.finding.shown in {Shown.FAILED, Shown.PARTLY, Shown.NOT_THERE}:
        desk.settle(now, entry, Trigger.FAIL, verdict.call_failed(entry, held, now))
    else:
        desk.settle(now, entry, Trigger.PROVE, verdict.confirmed(entry, held, now))


def _made(desk: Desk, entry: Entry, held: Held) -> None:
    """Let a call that settles one request be no other's, unless that one's id is on it (rules 4).

    It may have looked like the one's at first, and like the other's only later.
    """
    call = held.finding.dialogs.new
    for other in desk.books.unbound(entry.agent) if call is not None else ():
        if other is not entry and other.case.claimed != call:
            other.case.theirs.add(call)
            other.look_alikes.discard(call)
            if held.evidence is not Evidence.REQUEST_ID:
                other.case.anybodys.add(call)
            _let_go(other, call)


def _let_go(entry: Entry, call: str | None) -> None:
    """Let go of what that call seemed to show to a request."""
    _let_go_of(entry, lambda held: held.finding.dialogs.new == call)


def let_go(entry: Entry, sight: Sight) -> None:
    """Let go of what waits to count for a request, without its id, of what that sight shows.

    So of what came of it, such as the end of a call that had been left; another state of that call,
    or an earlier one, is another change.
    """
    shown, at = _what(entry, sight.dialog, sight.user)
    there = sight.dialog_id

    def of_it(held: Held) -> bool:
        same = dialog_id(held.dialog) == there if held.dialog is not None else there is None
        what, when = _what(entry, held.dialog, held.user)
        by_id = held.evidence is Evidence.REQUEST_ID
        return same and not by_id and what == shown and not older(when, at)

    _let_go_of(entry, of_it)


def _what(
    entry: Entry, dialog: Dialog | None, user: User | None
) -> tuple[tuple[object, ...], str | None]:
    """Return how the own part, or the agent, is shown, and since when (Finesse's time)."""
    if user is not None:
        return (user.state, user.pending_state), user.state_change_time
    own = dialog.participant(entry.case.own) if dialog is not None else None
    return (own.state, own.state_cause) if own else (), own.state_change_time if own else None


def _let_go_of(entry: Entry, anothers: Callable[[Held], bool]) -> None:
    entry.held = [each for each in entry.held if not anothers(each)]
    if entry.standing is not None and anothers(entry.standing):
        entry.standing = None
    if entry.contested is not None and anothers(entry.contested):
        entry.contested = None
    if entry.quiet is not None and anothers(entry.quiet):
        entry.quiet = entry.quiet_due = None


def release_held(desk: Desk, now: float, entry: Entry) -> None:
    """Finesse has answered, or will not: what was held counts now (rules 2)."""
    waiting, entry.held = entry.held, []
    for held in waiting:
        if entry.open and not _of_before(now, entry, held):
            count(desk, now, entry, held)
    if entry.open and entry.suspicions and entry.suspicion_due is None:
        entry.suspicion_due = now  # its time may have come before the answer
    if entry.open and entry.ended and entry.end_due is None:
        entry.end_due = now + GRACE


def without_a_date(entry: Entry) -> bool:
    """Say whether no time of Finesse's tells, as yet, what of the user's state is since.

    The answer to a request of an earlier process may have come to that one.
    """
    return not (entry.accepted or entry.restarted) and entry.case.tagged_at is None


def _of_before(now: float, entry: Entry, held: Held) -> bool:
    """Say whether a state with an earlier request's id may be of before, by Finesse's answer."""
    user = held.user
    if not held.finding.undated or user is None or without_a_date(entry):
        return False
    if entry.case.surely_since(user.state_change_time):
        return False
    entry.note(now, "another_request", "the change is another request's, by its id")
    entry.case.rebase(Sight(How.CHANGED, entry.agent, user=user, at=now))
    return True


def ended(
    desk: Desk, now: float, entry: Entry, *, off: bool = False, anothers: bool = False
) -> None:
    """Start the grace after a dialog's end for what may still arrive (rule 6.10).

    `off`: the own participant was off the call then, as far as is shown. `anothers`: another
    request took it off, by its id, that could only do the same.
    """
    if entry.silent and entry.tag_seen:
        return  # its window decides
    entry.ended_by_another = anothers and (entry.ended_by_another or not entry.ended)
    entry.ended = True
    if not (off and off_by_id(entry)) and not set_by_id(entry):
        entry.standing = None
    if not isinstance(entry.case.expectation, Left):
        entry.unsettle()  # a preview that was taken after all (rule 6.8)
    if entry.answered and entry.end_due is None:
        entry.end_due = now + GRACE
        desk.rearm(entry)


def off_by_id(entry: Entry) -> bool:
    """Say whether our id was on a DROP's own participant off the call: its end is no other end."""
    held = entry.standing
    by_id = held is not None and held.evidence is Evidence.REQUEST_ID
    return by_id and isinstance(entry.case.expectation, Left)


def set_by_id(entry: Entry) -> bool:
    """Say whether our id was on the values asked for, which had been there before (rule 6.7)."""
    held = entry.standing
    by_id = held is not None and held.evidence is Evidence.REQUEST_ID
    return by_id and isinstance(entry.case.expectation, DATA)


GET_FAILS_AFTER = 15.0  # seconds from acceptance before a GET may fail call data (rule 6.7)


def _by_values(desk: Desk, now: float, entry: Entry, held: Held, asked: float) -> None:
    """UPDATE_CALL_DATA by GET: equal values confirm unchanged, missing ones fail (rule 6.7).

    `asked`: when the GET was sent; what it shows may be as old as that.
    """
    case = entry.case
    if not isinstance(case.expectation, CallData) or not enough(entry, Evidence.SNAPSHOT):
        entry.weak = entry.weak or isinstance(case.expectation, CallData)
        return
    if held.finding.shown is Shown.UNCHANGED:
        if entry.probe_tries:  # after the window: an error may come until then
            decide(desk, now, entry, held)
    elif _late_enough(entry, asked) and not (case.written_over or case.retold or case.superseded):
        decide(desk, now, entry, held)
    else:
        entry.note(now, "snapshot", "the values are not there")


def _late_enough(entry: Entry, asked: float) -> bool:
    """Say whether values that a GET sent then does not show were surely never set.

    In a gap they may have come, and gone by another's hand; before a 202 that came late as well.
    """
    since = entry.case.accepted_at
    late = since is not None and asked - since >= GET_FAILS_AFTER
    return late and not entry.gap_since_sending()

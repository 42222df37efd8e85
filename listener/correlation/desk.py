"""Where entries are settled: one function in the core moves a request to its outcome.

Holds the books, the picture, the gate, the timers and the steps to be taken; the other modules of
this package work at it. Time is an argument.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from listener.correlation.books import Books
from listener.correlation.entry import MAX_LATE, Entry
from listener.correlation.gate import Gatekeeper, GateMode
from listener.correlation.judges import DATA
from listener.correlation.judges.arrivals import arrived_at
from listener.correlation.judges.data import alike, requested, sought
from listener.correlation.judges.pairs import pair
from listener.correlation.judges.states import has_left
from listener.correlation.outcome import Confirmed, Evidence, Failed, Outcome, Reason, Rejected
from listener.correlation.pending import Trigger
from listener.correlation.picture import Baseline, Picture
from listener.correlation.steps import Late, Send, Settled, Step
from listener.correlation.suspicion import SETTLES_AFTER, Suspicion
from listener.correlation.verdict import rejected
from listener.finesse.actions.expectation import (
    CallData,
    Conferenced,
    Gate,
    Monitoring,
    NewCall,
    SentAway,
    Transferred,
)
from listener.finesse.events import RequestFailed
from listener.finesse.model import User

MAX_UNSIGNED = 16  # unsigned errors of one agent remembered for requests that follow their call


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of the books; all times in seconds."""

    max_pending: int = 10_000
    max_pending_per_agent: int = 100
    tombstone_for: float = 900.0


class Desk:
    """The state of the correlator, and the one way to an outcome."""

    def __init__(self, limits: Limits, gate: GateMode) -> None:
        self.limits = limits
        self.books = Books()
        self.picture = Picture()
        self.gate = Gatekeeper(gate)
        self.away: set[str] = set()  # agents whose `finesse` user is known to be unavailable
        self.reheard: dict[RequestFailed, Suspicion] = {}  # unsigned errors of a hand-over
        self.succeeded_at: float | None = None  # after a process that heard what is not known here
        self.unsigned: dict[str, deque[tuple[float, RequestFailed]]] = {}  # per agent
        self.steps: list[Step] = []
        self.stood_still = False  # what came meanwhile is not read yet: nothing is due
        self._going_out: deque[str] = deque()  # who goes out now, the one at work first
        self._timers: list[tuple[float, int, str]] = []
        self._serial = 0
        self._chains: dict[tuple[str, str | None], list[str]] = {}

    def succeeds(self, now: float) -> bool:
        """Say whether what came to an earlier process may be published again (rules 4).

        It holds for as long as a settled request is remembered, whichever agent comes then.
        """
        since = self.succeeded_at
        return since is not None and now - since < self.limits.tombstone_for

    def take_steps(self) -> list[Step]:
        """Hand over what is to be done, in order."""
        steps, self.steps = self.steps, []
        return steps

    def settle(self, now: float, entry: Entry, trigger: Trigger, outcome: Outcome) -> None:
        """Give a request its outcome, once: the table refuses a second time."""
        entry.fire(trigger)
        entry.outcome, entry.settled_at = outcome, now
        if entry.deadline == float("inf"):  # its turn in the chain never came
            entry.deadline = now + entry.length
        self.steps.append(Settled(entry.key, outcome))
        for call in failed_call(outcome):
            self.books.watch(entry, call)
        self.books.close(entry)
        self.at(now + self.limits.tombstone_for, entry.key)
        explained = _explained(outcome)
        for suspicion in entry.suspicions:
            suspicion.leave(entry.key, explained=explained)
            if suspicion.sole is not None:
                last = self.books.entries[suspicion.sole]
                last.suspicion_due = max(now, suspicion.at + SETTLES_AFTER)
                self.rearm(last)
        self._release_rivals(now, entry, outcome)
        if isinstance(entry.case.expectation, CallData) and never_done(outcome):
            for other in self.books.on_dialog(entry.request.dialog_id):
                other.case.undone(entry.key)
        self.unchain(now, entry)
        self.release(now, entry)
        entry.slim()

    def _release_rivals(self, now: float, entry: Entry, outcome: Outcome) -> None:
        # A change that fitted two requests is the other's when one of them was never done, or was
        # another one by its id.
        for key in entry.rivals:
            rival = self.books.entries.get(key)
            if rival is None or not (never_done(outcome) or _made_another(outcome, rival)):
                continue
            rival.rivals -= {entry.key}
            if rival.contested is not None and not rival.rivals and rival.quiet is None:
                rival.quiet = rival.contested
                rival.quiet_due = max(now, rival.contested.until or now)
                self.rearm(rival)

    def release(self, now: float, entry: Entry) -> None:
        """Let go of the gate; whoever waits goes out."""
        self.let_out(now, self.gate.leave(entry.device, entry.key))

    def let_out(self, now: float, keys: Iterable[str]) -> None:
        """Let those go out whom the gate lets through, unless their time is over."""
        idle = not self._going_out
        self._going_out.extend(keys)
        # One whose time is over lets the next one through, and so on: a queue, for there may be
        # thousands, and each would be a call within a call.
        while idle and self._going_out:
            try:
                self._let_one_out(now, self.books.entries[self._going_out[0]])
            finally:
                self._going_out.popleft()

    def _let_one_out(self, now: float, waiting: Entry) -> None:
        if self._in_time(now, waiting):
            self.dispatch(waiting)

    def _in_time(self, now: float, waiting: Entry) -> bool:
        """Say whether a request may still leave; one whose time is over is rejected (rules 9)."""
        if now < waiting.deadline:
            return True
        outcome = rejected(waiting, now, reason=Reason.EXPIRED_IN_QUEUE)
        self.settle(now, waiting, Trigger.EXPIRE, outcome)
        return False

    def dispatch(self, entry: Entry) -> None:
        """Say that a request's turn has come; it counts as sent once it `leaves`."""
        entry.admitted = True
        self.steps.append(Send(entry.key))

    def leaves(self, now: float, entry: Entry) -> None:
        """Let a request whose turn has come leave at this moment, unless its time is over."""
        if self._in_time(now, entry):
            self.begin(now, entry)

    def begin(self, now: float, entry: Entry) -> None:
        """Take what is known at sending; from here on a change counts."""
        entry.fire(Trigger.DISPATCH)
        picture = self.picture.of(entry.agent)
        if not picture.live:
            entry.gap(now, None)
            entry.case.told_of = frozenset(picture.dialogs)
        if isinstance(entry.case.expectation, DATA):
            self._doubt(entry)
        known = picture.dialogs.get(entry.request.dialog_id or "")
        if known is not None and not picture.live:  # old news, but nobody comes back to a call
            entry.case.was_off = has_left(known.dialog.participant(entry.case.own))
        entry.case.bygone = picture.is_gone(entry.request.dialog_id)
        self.start(now, entry, picture.baseline(entry.request.dialog_id), picture.user)
        want = entry.case.expectation
        if isinstance(want, SentAway):  # colleagues may know more of that call
            views = self.picture.known(entry.request.dialog_id)
            entry.case.was_there = any(arrived_at(each, want.to_address) for each in views)

    def _doubt(self, entry: Entry) -> None:
        # Which of the contents that were told is the one that was so, nobody knows; a value that
        # none of them had was not there (rules 4, 6.7).
        want = entry.case.expectation
        there, picture = entry.request.dialog_id, self.picture.of(entry.agent)
        entry.case.unsure = picture.in_doubt()
        entry.case.doubtful = there in entry.case.unsure
        if entry.case.doubtful:
            entry.case.untold = self.picture.untold(there, sought(want))
            entry.case.doubted_until = picture.told_until(there)

    def start(self, at: float, entry: Entry, baseline: Baseline | None, user: User | None) -> None:
        """Let a request begin that was sent at that time, with what was known then."""
        entry.sent_at = at
        entry.case.begin(baseline, entry.request.dialog_id)
        known = self.picture.of(entry.agent)
        for each in known.taken_in_by(entry.request.dialog_id, at):
            entry.case.taken(each.ended)
        if isinstance(entry.case.expectation, NewCall | Monitoring | Transferred | Conferenced):
            # A call that was gone by then is none that is made or joined now (rules 4).
            there = baseline.ids if baseline is not None else known.dialogs.keys()
            gone = known.gone.keys() - there - entry.case.ids  # a call may come back
            entry.case.theirs |= {id_ for id_ in gone if known.gone[id_].at <= at}
        want = entry.case.expectation
        if isinstance(want, SentAway):
            # One of an earlier process is judged by what was known then, not by what is known now.
            was = baseline.dialog if baseline is not None else None
            entry.case.was_there = was is not None and arrived_at(was, want.to_address)
        # What was said of the device when its turn came stands behind them.
        entry.warnings = (*entry.request.warnings(entry.case.before, user), *entry.warnings)
        if isinstance(entry.case.expectation, Transferred | Conferenced):
            for id_ in pair(entry.case):
                self.books.watch(entry, id_)
        if isinstance(entry.case.expectation, CallData):
            self._supersede(entry, entry.case.expectation)
        # Nothing of ours waits for what the caller announced and may never send (rules 8).
        if entry.request.gate is Gate.DTMF and not entry.expected:
            self._chains.setdefault(entry.device, []).append(entry.key)

    def reported(self, entry: Entry) -> None:
        """Hear that what its caller announced was sent: an update supersedes from here on (8)."""
        if entry.expected and entry.on_the_wire and isinstance(entry.case.expectation, CallData):
            self._supersede(entry, entry.case.expectation)

    def _supersede(self, entry: Entry, want: CallData) -> None:
        # Of two updates of one variable the earlier cannot be judged by values any more. The later
        # may be settled already where both were taken over from an earlier process.
        for other in self.books.on_dialog(entry.request.dialog_id):
            theirs = other.case.expectation
            if other is entry or other.sent_at is None or not isinstance(theirs, CallData):
                continue
            if other.outcome is not None and never_done(other.outcome):
                continue
            asked, wanted = requested(theirs), requested(want)
            both = asked.keys() & wanted.keys()
            if not both:
                continue
            later = other.sent_at > (entry.sent_at or 0.0)
            first, second = (entry, other) if later else (other, entry)
            if _perhaps_sent(first) or _perhaps_sent(second):
                # What is missing may have been set, and gone by it; what is there is there.
                entry.case.beside.add(other.key)
                other.case.beside.add(entry.key)
            # What would be there for both confirms one of them at most (rules 4).
            same = any(alike(name, asked[name], wanted[name]) for name in both)
            if (same or not _perhaps_sent(second)) and first.on_the_wire:
                _superseded(first, second)
            # What was only announced before is perhaps sent after it, and then it is the later.
            if same and second.on_the_wire and _only_announced(first, second):
                _superseded(second, first)

    def first_in_chain(self, entry: Entry) -> bool:
        """Say whether no earlier DTMF of that device is open (its window comes first)."""
        chain = self._chains.get(entry.device, [])
        return entry.key not in chain or chain[0] == entry.key

    def unchain(self, now: float, entry: Entry) -> None:
        """Take a DTMF out of its device's chain; the next one's window starts now."""
        chain = self._chains.get(entry.device)
        if chain is None or entry.key not in chain:
            return
        first = chain[0] == entry.key
        chain.remove(entry.key)
        if not chain:
            del self._chains[entry.device]
            return
        following = self.books.entries[chain[0]]
        if first and following.accepted and not following.restarted:
            self.start_window(now, following)

    def start_window(self, start: float, entry: Entry) -> None:
        """Let the window of silence run; a caller's deadline does not shorten it (rule 6.6)."""
        entry.deadline = start + entry.length
        entry.window_due = start + entry.request.default_deadline
        self.rearm(entry)

    def at(self, when: float, key: str) -> None:
        """Be woken for that key at that time."""
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, key))
        if len(self._timers) > 64 + 8 * (len(self.books.entries) + len(self.books.tombs)):
            self._compact()

    def _compact(self) -> None:
        # A settled request leaves its deadline behind; such timers are thrown out before they pile
        # up, and the rest is made anew from the books.
        self._timers = []
        for entry in self.books.entries.values():
            entry.armed = entry.due() or 0.0
            self._timers.append((entry.armed, 0, entry.key))
        for tomb in self.books.tombs.values():
            until = (tomb.settled_at or 0.0) + self.limits.tombstone_for
            self._timers.append((until, 0, tomb.key))
        heapq.heapify(self._timers)

    def rearm(self, entry: Entry) -> None:
        """Be woken when the entry is due next."""
        due = entry.due()
        if due is not None and due < entry.armed:
            entry.armed = due
            self.at(due, entry.key)

    def next_deadline(self) -> float | None:
        """Return the next moment at which `expire` has something to do, or None."""
        return self._timers[0][0] if self._timers else None

    def due(self, now: float) -> str | None:
        """Return the next key whose time has come, or None."""
        if not self._timers or self._timers[0][0] > now:
            return None
        return heapq.heappop(self._timers)[2]

    def late(self, entry: Entry, late: Late) -> None:
        """Tell about something that came after the outcome; bounded per request."""
        if entry.late_count < MAX_LATE:
            entry.late_count += 1
            self.steps.append(late)


def _explained(outcome: Outcome) -> bool:
    """Say whether no unsigned error can be that request's: proof, or a refusal of its own.

    Who failed by a guess, by a call without its id, or because a GET did not show its values, may
    well have had that error.
    """
    failed = isinstance(outcome, Failed) and outcome.evidence is Evidence.REQUEST_ID
    return failed or isinstance(outcome, Confirmed | Rejected)


def failed_call(outcome: Outcome) -> tuple[str, ...]:
    """Return the call that failed a request without its id: an error about it may be its own.

    Somebody else may have made that call, and the refusal was the request's (rules 5).
    """
    guessed = isinstance(outcome, Failed) and outcome.evidence is not Evidence.REQUEST_ID
    call = outcome.dialogs.new if guessed else None
    return (call,) if call is not None else ()


def never_done(outcome: Outcome) -> bool:
    """Say whether a request certainly changed nothing: refused at once, or by an error with its id.

    A call that went FAILED, or values that were set in part, are changes too.
    """
    by_id = isinstance(outcome, Failed) and outcome.evidence is Evidence.REQUEST_ID
    return isinstance(outcome, Rejected) or (by_id and bool(getattr(outcome, "errors", ())))


def _made_another(outcome: Outcome, rival: Entry) -> bool:
    """Say whether a request made a call, by its id, that is none that another one waits for.

    It made that one alone, so that no other call that the other one asks for is its own.
    """
    by_id = isinstance(outcome, Confirmed | Failed) and outcome.evidence is Evidence.REQUEST_ID
    waiting = (rival.contested, rival.standing, *rival.held)
    calls = {each.finding.dialogs.new for each in waiting if each is not None}
    made = outcome.dialogs.new if by_id else None
    makes = isinstance(rival.case.expectation, NewCall | Monitoring)
    return made is not None and makes and made not in calls


def _perhaps_sent(entry: Entry) -> bool:
    """Say whether it was announced, and nobody knows yet whether its caller sent it (rules 8)."""
    return entry.open and entry.expected and not entry.answered


def _only_announced(first: Entry, second: Entry) -> bool:
    """Say whether nobody knew that the first had been sent when the second one left (rules 8).

    What an earlier process knew by then is not carried.
    """
    if not second.restarted:
        return _perhaps_sent(first)
    by = first.settled_at if first.settled_at is not None else float("inf")
    return first.expected and by > (second.sent_at or 0.0)


def _superseded(entry: Entry, by: Entry) -> None:
    entry.case.later.add(by.key)
    entry.quiet = entry.quiet_due = None
    if entry.standing is not None and entry.standing.evidence is Evidence.EXPECTATION:
        entry.standing = None

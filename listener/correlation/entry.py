"""One request in the books: what was asked, what came of it so far, when to look again.

Holds state and times; decides nothing. Moves only through the table in `pending`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from listener.correlation.case import Case, Finding
from listener.correlation.outcome import Evidence, MinimumEvidence, Outcome, Seen
from listener.correlation.pending import FINAL, State, Trigger, after
from listener.correlation.suspicion import Suspicion
from listener.finesse.actions.expectation import Monitoring, NewCall, Silence, Tied
from listener.finesse.actions.request import Request, RequestWarning
from listener.finesse.model import Dialog, User

MAX_SEEN = 16
MAX_LATE = 16
MAX_SUSPICIONS = 16
MAX_GAPS = 64
MAKERS = (NewCall, Monitoring)


@dataclass(frozen=True, slots=True)
class Held:
    """Evidence that waits: for Finesse's answer, for a quiet time, or for the deadline."""

    finding: Finding
    evidence: Evidence
    dialog: Dialog | None = None
    user: User | None = None
    until: float | None = None  # when its quiet time is over, the listener's clock
    alone: bool = False  # it fitted no other request when it was heard

    def quiet_after(self, now: float) -> bool:
        """Say whether something may still speak against it then."""
        return bool(self.finding.quiet) and (self.until is None or self.until > now)


@dataclass(slots=True, eq=False)
class Entry:
    """One request. `key` is ours and unique; `request_id` is on the wire and need not be.

    Times are the listener's monotonic seconds. `length` is the deadline's, from the 202 or, without
    an answer, from submission. `expected`: the caller sends, we only listen.
    """

    key: str
    request: Request
    request_id: str
    case: Case
    submitted: float
    length: float
    length_given: bool = True  # by the caller, not by default
    minimum: MinimumEvidence = MinimumEvidence.ANY
    expected: bool = False
    restarted: bool = False
    id_repeated: bool = False
    state: State = State.QUEUED
    admitted: bool = False  # its turn has come; until it leaves it is queued all the same
    deadline: float = 0.0
    own_deadline: float = 0.0  # where a restart left it less: until then an error may be its own
    sent_at: float | None = None
    answered_at: float | None = None  # when Finesse answered, or when hope of it was given up
    accepted: bool = False
    doubted: bool = False  # an answer came or was reported, and it says nothing sure
    status: int | None = None
    left_machine: bool | None = None
    warnings: tuple[RequestWarning, ...] = ()
    # what was heard
    tag_seen: bool = False
    held: list[Held] = field(default_factory=list)
    quiet: Held | None = None
    standing: Held | None = None
    watched: frozenset[str] = frozenset()  # dialogs of interest that are not its own
    heard_at_home: frozenset[str] = frozenset()  # dialogs of which the own node told its work
    rivals: frozenset[str] = frozenset()
    contested: Held | None = None
    slight: Held | None = None  # its effect, by less evidence than its caller lets decide
    look_alikes: set[str | None] = field(default_factory=set)  # calls of its device, to others
    ended: bool = False
    ended_by_another: bool = False  # all that was shown of that end is another's work, by its id
    weak: bool = False
    clouded: bool = False
    unexplained: bool = False
    hung_up: bool = False  # somebody ended its call, which explains no error that comes later
    suspicions: list[Suspicion] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    gaps: list[tuple[float, float | None]] = field(default_factory=list)
    dialog: Dialog | None = None
    user: User | None = None
    # when to look again
    quiet_due: float | None = None
    end_due: float | None = None
    probe_due: float | None = None
    window_due: float | None = None
    fence_due: float | None = None
    suspicion_due: float | None = None
    armed: float = float("inf")  # the earliest timer that is set for it
    probe_serial: int = 0
    probe_tries: int = 0
    absent_at: float | None = None
    # afterwards
    outcome: Outcome | None = None
    settled_at: float | None = None
    late_count: int = 0

    @property
    def agent(self) -> str:
        """Whose request it is."""
        return self.request.agent

    @property
    def device(self) -> tuple[str, str | None]:
        """The lane of the gate: the agent and the acting extension."""
        return self.request.agent, self.case.own

    @property
    def open(self) -> bool:
        """Whether it has no outcome yet."""
        return self.state not in FINAL

    @property
    def on_the_wire(self) -> bool:
        """Whether it is open and may have reached Finesse."""
        return self.open and self.state is not State.QUEUED

    @property
    def on_its_way(self) -> bool:
        """Whether its turn has come, and not one byte of it has left yet."""
        return self.admitted and self.state is State.QUEUED

    @property
    def silent(self) -> bool:
        """Whether silence is its normal answer."""
        return isinstance(self.case.expectation, Silence)

    @property
    def tracked_by_id_alone(self) -> bool:
        """Whether its action is not known, so that only our id tells anything about it."""
        return isinstance(self.case.expectation, Tied)

    @property
    def disturbed(self) -> bool:
        """Whether another client was, or may have been, at work on its object (rules 5)."""
        return self.unexplained or bool(self.look_alikes)

    @property
    def answered(self) -> bool:
        """Whether untagged evidence counts: Finesse answered, or will not any more (rules 2, 8)."""
        if self.expected:
            return self.accepted or self.tag_seen or self.doubted
        return self.answered_at is not None

    def fire(self, trigger: Trigger) -> None:
        """Move by the table; a missing cell raises and nothing changed."""
        self.state = after(self.state, trigger)

    def note(self, now: float, what: str, detail: str = "") -> None:
        """Remember something that did not decide it; bounded."""
        if len(self.seen) < MAX_SEEN:
            self.seen.append(Seen(round(now - self.submitted, 6), what, detail))

    def due(self) -> float | None:
        """Return when it must be looked at next."""
        if not self.open:
            return None
        times = (
            self.deadline,
            self.quiet_due,
            self.end_due,
            self.probe_due,
            self.window_due,
            self.fence_due,
            self.suspicion_due,
        )
        return min(time for time in times if time is not None)

    def gap(self, begin: float, end: float | None) -> None:
        """Remember a gap; bounded: the two oldest are told as one."""
        self.case.gapped = True
        self.gaps.append((begin, end))
        if len(self.gaps) > MAX_GAPS:
            self.gaps[:2] = [(self.gaps[0][0], self.gaps[1][1])]

    def gap_since_sending(self) -> bool:
        """Say whether there was a time since sending in which an event could have been missed."""
        return bool(self.gaps)

    def gap_open(self) -> bool:
        """Say whether the link is down at this moment."""
        return bool(self.gaps) and self.gaps[-1][1] is None

    def lose_standing(self) -> None:
        """Let go of what stood for it, for what speaks against that may be missed.

        Nor does an unsigned error name it any more, which that would have outweighed (rules 5).
        """
        doubted = self.standing is not None or self.quiet is not None
        self.unexplained = self.unexplained or doubted
        for suspicion in self.suspicions if doubted else ():
            suspicion.undisturbed.discard(self.key)
        self.standing = None

    def unsettle(self) -> None:
        """Let go of what would have settled it, had nothing spoken against it in its quiet time."""
        self.unsettle_from(float("-inf"))

    def unsettle_from(self, now: float) -> None:
        """Let go of that whose quiet time is not over by then."""
        self.quiet = self.quiet_due = None
        self.held = [held for held in self.held if not held.quiet_after(now)]
        if self.contested is not None and self.contested.quiet_after(now):
            self.contested = None
        if self.slight is not None and self.slight.quiet_after(now):
            self.slight = None

    def slim(self) -> None:
        """Let go of what only an open request needs; it stays as a tombstone."""
        if isinstance(self.case.expectation, MAKERS):
            others = (each for each in self.case.theirs - self.case.anybodys if each is not None)
            self.case.there = self.case.others.union(others)
        self.case.baseline = self.case.start = self.case.promised = self.case.joined = None
        self.case.theirs, self.case.anybodys, self.case.told_of = set(), set(), frozenset()
        self.case.told, self.case.perhaps = {}, {}
        self.case.company, self.case.came = {}, {}
        self.held.clear()
        self.suspicions.clear()
        self.rivals = frozenset()
        self.quiet = self.standing = self.contested = self.slight = None

"""The correlator: matches what was asked with what is heard. Pure and deterministic.

Each method takes `now` (monotonic seconds), does one step without waiting, and returns the steps to
be taken by the caller, in order. After each call re-arm one timer for `next_deadline()` and call
`expire(now)` when it rings. Rules of evidence: docs/outcomes.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from listener.correlation import (
    admission,
    adoption,
    answering,
    clockwork,
    hearing,
    looks,
    rehearing,
    verdict,
)
from listener.correlation.admission import NOT_REPORTED_AFTER
from listener.correlation.adoption import Earlier
from listener.correlation.books import Books
from listener.correlation.desk import Desk, Limits
from listener.correlation.entry import Entry
from listener.correlation.gate import GateMode
from listener.correlation.outcome import Outcome, Reason
from listener.correlation.pending import State, Trigger
from listener.correlation.picture import AgentPicture, Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, Look, RestAnswer, Step
from listener.finesse.actions.request import Request
from listener.finesse.events import Event

__all__ = ["NOT_REPORTED_AFTER", "Correlator", "Registration"]


class Correlator:
    """All pending requests of one deployment, and what is known of its agents."""

    def __init__(self, limits: Limits | None = None, gate: GateMode = GateMode.QUEUE) -> None:
        self._desk = Desk(limits or Limits(), gate)

    def __repr__(self) -> str:
        books = self._desk.books
        return f"<Correlator pending={len(books.entries)} settled={len(books.tombs)}>"

    # -- asked ------------------------------------------------------------------------------

    def register(
        self, now: float, request: Request, registration: Registration, *, age: float = 0.0
    ) -> list[Step]:
        """Take a request into the books, before anything is sent (its event may overtake its 202).

        `age`: the seconds since it was submitted, to an earlier process that never sent it. Returns
        `Send` at once or later, when the gate lets it through; it is queued until it `leaves`.
        Raises InvalidRequest, TooManyPending, DuplicateRequestId, DeviceBusy; then nothing was
        taken in.
        """
        entry = admission.entry_of(now - age, request, registration)
        admission.admit(self._desk, entry, registration)
        admission.enter(self._desk, now, entry, registration)
        for event in self._desk.books.early(now, entry.request_id):
            if entry.open:
                rehearing.again(self._desk, now, entry, event)
        return self._desk.take_steps()

    def hold_back(self) -> None:
        """Let nobody through the gate from now on: who waits goes on waiting, until its deadline.

        What is registered as `ungated` is not held back.
        """
        self._desk.gate.closed = True

    def let_through(self, now: float) -> list[Step]:
        """Let those through again whom the gate admits."""
        self._catch_up(now)
        self._desk.let_out(now, self._desk.gate.reopen())
        return self._desk.take_steps()

    def leaves(self, now: float, key: str) -> list[Step]:
        """Hear that a request's turn has come, and the first byte of it may leave after this.

        What is known at this moment is what it is compared with, and what others do counts for it
        from here on (rules 4, 5). One whose deadline is over is rejected instead: nothing of a
        request may leave that is not on the wire (`state`) after this. Told again, or of a request
        that is unknown, settled or not to be sent, it changes nothing.
        """
        self._catch_up(now)
        entry = self._desk.books.entries.get(key)
        if entry is not None and entry.on_its_way:
            self._desk.leaves(now, entry)
        return self._desk.take_steps()

    # -- taken over from an earlier process ---------------------------------------------------

    def adopt(
        self,
        now: float,
        request: Request,
        registration: Registration,
        *,
        baseline: Baseline | None,
        left: float,
        accepted: bool,
        age: float = 0.0,
        status: int | None = None,
        answer_date: float | None = None,
        gap: bool = True,
        gone: float | None = None,
    ) -> list[Step]:
        """Take over a request that an earlier process sent, or was told of; it is never sent again.

        `baseline` is the one taken at sending. Seconds: `left` of its deadline, `age` since it was
        submitted, `gone` since it left (None: as it was submitted). `accepted`, `status`,
        `answer_date` (the Date, in Finesse's seconds): what was answered, as far as known. `gap`:
        events may have been lost, and without proof it ends RESTARTED; False: this process has
        heard the agent since before the request was sent, and judges it as one of its own.

        Call `remember` for what was settled first, then this for the open ones, the earliest sent
        first; then tell each with `rehear` what this process has heard since it was sent. Raises
        ValueError for a key that is known already.
        """
        earlier = Earlier(
            baseline=baseline,
            left=left,
            accepted=accepted,
            age=age,
            status=status,
            answer_date=answer_date,
            gap=gap,
            gone=gone,
        )
        adoption.adopt(self._desk, now, request, registration, earlier)
        return self._desk.take_steps()

    def rehear(self, now: float, key: str, event: Event, content: int = 0) -> list[Step]:
        """Judge one event that was heard since an adopted request was sent, for that one alone.

        Adopt all requests first; then tell each, in the order heard and before any time passes,
        the events that were news and came after it was sent. `content` as for `receive`. Unknown
        keys change nothing.
        """
        entry = self.entry(key)
        if entry is not None:
            rehearing.rehear(self._desk, now, entry, event, content)
        return self._desk.take_steps()

    def remember(
        self,
        now: float,
        request: Request,
        registration: Registration,
        outcome: Outcome,
        *,
        age: float,
        settled_ago: float,
        left: float,
        gone: float | None = None,
    ) -> list[Step]:
        """Put a request back that an earlier process settled: what comes late is told of it.

        Seconds: `age` since it was submitted, `settled_ago` since it had its outcome, `left` of its
        own deadline (0 or less when that is past): until then it may own an unsigned error (rules
        5); `gone` since it left (None: as it was submitted). It stays for the rest of its time; no
        step comes from it. Raises ValueError for a key that is known already.
        """
        past = adoption.Past(
            outcome=outcome, age=age, settled_ago=settled_ago, left=left, gone=gone
        )
        adoption.remember(self._desk, now, request, registration, past)
        return self._desk.take_steps()

    # -- answered ---------------------------------------------------------------------------

    def answered(self, now: float, key: str, answer: RestAnswer) -> list[Step]:
        """Take in Finesse's answer (rules 2); unknown or settled keys change nothing.

        After a 202 no second answer counts: who reports an expectation may contradict himself. An
        answer shows that the request has left, whether that was told (`leaves`) or not.
        """
        self._catch_up(now)
        entry = self._desk.books.entries.get(key)
        if entry is not None and entry.on_its_way and answer.kind is not AnswerKind.NOT_SENT:
            self._desk.begin(now, entry)
        if entry is not None and (entry.on_its_way or entry.on_the_wire) and not entry.accepted:
            answering.answered(self._desk, now, entry, answer)
        return self._desk.take_steps()

    # -- heard ------------------------------------------------------------------------------

    def receive(self, now: float, event: Event, content: int = 0) -> tuple[bool, list[Step]]:
        """Take in one event; the first value is False for a repeat that is no news.

        `content` is a hash of the payload it came in; 0 says that there is none to compare.
        """
        self._catch_up(now)
        news = hearing.hear(self._desk, now, event, content)
        return news, self._desk.take_steps()

    def link_down(self, now: float, agent: str) -> list[Step]:
        """Take note that the agent's session was lost: its open requests are in doubt."""
        self._catch_up(now)
        picture = self._desk.picture.of(agent)
        picture.live, picture.gap_at = False, now
        self._desk.picture.forget_absent(now, self._desk.books.of)
        for entry in self._desk.books.of(agent):
            entry.fire(Trigger.GAP)
            if entry.on_the_wire and not entry.gap_open():
                entry.gap(now, None)
                entry.lose_standing()  # what speaks against it may be missed from here on
                entry.unsettle_from(now)
        return self._desk.take_steps()

    def link_up(self, now: float, agent: str, look: Look) -> list[Step]:
        """Take note that the session is up, and of what was read since (user, list of dialogs).

        Call it only once the server has reflected our presence and SystemInfo says IN_SERVICE.
        """
        self._catch_up(now)
        looks.reconciled(self._desk, now, agent, look)
        return self._desk.take_steps()

    def finesse_present(self, agent: str, *, available: bool) -> None:
        """Tell whether the XMPP user `finesse` is available, as that agent's session sees it."""
        (self._desk.away.discard if available else self._desk.away.add)(agent)

    def looked(self, now: float, key: str, serial: int, look: Look) -> list[Step]:
        """Take in the answer to an `Ask`. A stale serial or a settled key changes nothing."""
        self._catch_up(now)
        entry = self._desk.books.entries.get(key)
        if entry is not None and entry.probe_serial == serial:
            looks.looked(self._desk, now, entry, look)
            if entry.open:
                self._desk.rearm(entry)
        return self._desk.take_steps()

    def fenced(self, now: float, key: str, *, passed: bool) -> list[Step]:
        """Take in the answer to a `Fence`; after its 2 s it tells nothing any more."""
        self._catch_up(now)
        entry = self._desk.books.entries.get(key)
        if entry is not None:
            clockwork.fenced(self._desk, now, entry, passed=passed)
        return self._desk.take_steps()

    # -- time and withdrawal ----------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do, or None."""
        return self._desk.next_deadline()

    def stood_still(self) -> None:
        """Hear that the caller was not there for a while: nothing is due until the next `expire`.

        What came meanwhile is told first, for it may be the proof that was delivered in time, or
        what speaks against it.
        """
        self._desk.stood_still = True

    def expire(self, now: float) -> list[Step]:
        """Do all that is due."""
        self._desk.stood_still = False
        self._catch_up(now)
        return self._desk.take_steps()

    def _catch_up(self, now: float) -> None:
        """Let time do its work first: what comes after a deadline is late (rules 7)."""
        if self._desk.stood_still:
            return
        books: Books = self._desk.books
        while (key := self._desk.due(now)) is not None:
            entry = books.entries.get(key) or books.tombs.get(key)
            if entry is not None:
                clockwork.wake(self._desk, now, entry)

    def abandon(self, now: float, key: str, reason: Reason = Reason.CALLER) -> list[Step]:
        """Stop waiting; a queued request is rejected instead, for nothing was sent (CANCELLED).

        What Finesse does with another one is still recorded as late.
        """
        entry = self._desk.books.entries.get(key)
        if entry is not None:
            self._withdraw(now, entry, reason)
        return self._desk.take_steps()

    def _withdraw(self, now: float, entry: Entry, reason: Reason) -> None:
        if entry.state is State.QUEUED:
            why = Reason.CANCELLED if reason is Reason.CALLER else reason
            outcome: Outcome = verdict.rejected(entry, now, reason=why)
            self._desk.settle(now, entry, Trigger.REFUSE, outcome)
        else:
            outcome = verdict.abandoned(entry, reason, now)
            self._desk.settle(now, entry, Trigger.WITHDRAW, outcome)

    # -- asked about ------------------------------------------------------------------------

    def state(self, key: str) -> State | None:
        """Return the state of a request, None when it is not (or no longer) known."""
        entry = self.entry(key)
        return entry.state if entry is not None else None

    def entry(self, key: str) -> Entry | None:
        """Return a request's entry, open or settled; to be read, not changed."""
        books = self._desk.books
        return books.entries.get(key) or books.tombs.get(key)

    def baseline(self, key: str) -> Baseline | None:
        """Return what was known when an open request left, for the journal.

        Of one whose turn has come what is known now, for it may leave the next moment. None when it
        is not open or waits for its turn, or when nothing sure was known.
        """
        entry = self._desk.books.entries.get(key)
        if entry is not None and entry.on_its_way:
            return self._desk.picture.of(entry.agent).baseline(entry.request.dialog_id)
        return entry.case.carried if entry is not None else None

    def left(self, now: float, key: str) -> float | None:
        """Return the seconds until an open request's deadline; None when it is not open.

        A DTMF that waits for the one before it has its whole length left.
        """
        entry = self._desk.books.entries.get(key)
        if entry is None:
            return None
        waits = entry.deadline == float("inf")
        return entry.length if waits else max(0.0, entry.deadline - now)

    def knows(self, request_id: str) -> bool:
        """Say whether a request, open or settled, has that requestId."""
        return bool(self._desk.books.with_id(request_id))

    def open_keys(self) -> Sequence[str]:
        """Return the keys of all open requests, oldest first."""
        return tuple(self._desk.books.entries)

    def picture(self, agent: str) -> AgentPicture:
        """Return what is known of an agent; to be read, not changed."""
        return self._desk.picture.of(agent)

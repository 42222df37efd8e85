"""The core, watched: what it is told and what it asks for, in its own order and with its own times.

It is the very same core, for it shares the desk of the one that it stands before: nothing is
copied, and when the recording ends the other one goes on. Knows no file.
"""

from __future__ import annotations

from typing import Protocol

from listener import logs
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Outcome, Reason
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Ask, Fence, Late, Look, RestAnswer, Send, Settled, Step
from listener.finesse.actions import key_of
from listener.finesse.actions.request import Request
from listener.finesse.events import Event
from listener.transcript import entries
from listener.transcript.standpoint import standpoint

_log = logs.get(__name__)


class Book(Protocol):
    """Where entries go."""

    def turn(self, now: float) -> None:
        """Hear that a step of the core begins; entries of one step are kept together."""
        ...

    def put(self, now: float, entry: entries.Entry) -> None:
        """Take an entry. Never waits, never raises."""
        ...

    @property
    def deployment(self) -> str | None:
        """UCCE or UCCX, as far as known."""
        ...


class Recorded(Correlator):
    """A correlator over the desk of another one, that writes into a book."""

    def __init__(self, core: Correlator, book: Book) -> None:
        self._desk = core._desk  # noqa: SLF001  it is the same core
        self._book = book

    def standpoint(self, now: float) -> list[entries.Entry]:
        """Return what tells a reader who begins here how all stands."""
        return standpoint(self, self._desk, now)

    # -- asked ------------------------------------------------------------------------------

    def register(
        self, now: float, request: Request, registration: Registration, *, age: float = 0.0
    ) -> list[Step]:
        """As the core; what it refuses was not taken in, and is not written."""
        self._book.turn(now)
        steps = super().register(now, request, registration, age=age)
        self._book.put(
            now,
            entries.Asked(
                agent=request.agent,
                key=registration.key,
                request_id=registration.request_id,
                request=request,
                registration=registration,
                age=age,
                deployment=self._book.deployment,
            ),
        )
        return self._out(now, steps)

    def hold_back(self) -> None:
        """As the core. It has no time; the line has that of the step before."""
        self._book.put(-1.0, entries.HeldBack(agent=None))
        super().hold_back()

    def let_through(self, now: float) -> list[Step]:
        """As the core."""
        self._begin(now, entries.LetThrough(agent=None))
        return self._out(now, super().let_through(now))

    def leaves(self, now: float, key: str) -> list[Step]:
        """As the core; written only where its turn has come."""
        entry = self.entry(key)
        if entry is not None and entry.on_its_way:
            self._begin(now, entries.Leaves(agent=entry.agent, key=key))
        return self._out(now, super().leaves(now, key))

    # -- taken over -------------------------------------------------------------------------

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
        """As the core."""
        self._begin(
            now,
            entries.Adopted(
                agent=request.agent,
                key=registration.key,
                request_id=registration.request_id,
                request=request,
                registration=registration,
                baseline=baseline,
                left=left,
                accepted=accepted,
                age=age,
                status=status,
                answer_date=answer_date,
                gap=gap,
                gone=gone,
            ),
        )
        steps = super().adopt(
            now,
            request,
            registration,
            baseline=baseline,
            left=left,
            accepted=accepted,
            age=age,
            status=status,
            answer_date=answer_date,
            gap=gap,
            gone=gone,
        )
        return self._out(now, steps)

    def rehear(self, now: float, key: str, event: Event, content: int = 0) -> list[Step]:
        """As the core."""
        agent = self._agent(key)
        self._begin(now, entries.Reheard(agent=agent, key=key, event=event, content=content))
        return self._out(now, super().rehear(now, key, event, content))

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
        """As the core."""
        self._begin(
            now,
            entries.Remembered(
                agent=request.agent,
                key=registration.key,
                request=request,
                registration=registration,
                outcome=outcome,
                age=age,
                settled_ago=settled_ago,
                left=left,
                gone=gone,
            ),
        )
        steps = super().remember(
            now,
            request,
            registration,
            outcome,
            age=age,
            settled_ago=settled_ago,
            left=left,
            gone=gone,
        )
        return self._out(now, steps)

    # -- answered and heard -----------------------------------------------------------------

    def answered(self, now: float, key: str, answer: RestAnswer) -> list[Step]:
        """As the core."""
        self._begin(now, entries.Answered(agent=self._agent(key), key=key, answer=answer))
        return self._out(now, super().answered(now, key, answer))

    def receive(self, now: float, event: Event, content: int = 0) -> tuple[bool, list[Step]]:
        """As the core; the notification itself was written before (`Recorder.notified`)."""
        news, steps = super().receive(now, event, content)
        return news, self._out(now, steps)

    def link_down(self, now: float, agent: str) -> list[Step]:
        """As the core; the line was written before, with the cause."""
        return self._out(now, super().link_down(now, agent))

    def link_up(self, now: float, agent: str, look: Look) -> list[Step]:
        """As the core; the line was written before."""
        return self._out(now, super().link_up(now, agent, look))

    def finesse_present(self, agent: str, *, available: bool) -> None:
        """As the core."""
        self._book.put(-1.0, entries.Presence(agent=agent, available=available))
        super().finesse_present(agent, available=available)

    def looked(self, now: float, key: str, serial: int, look: Look) -> list[Step]:
        """As the core."""
        self._begin(now, entries.Looked(agent=self._agent(key), key=key, serial=serial, look=look))
        return self._out(now, super().looked(now, key, serial, look))

    def fenced(self, now: float, key: str, *, passed: bool) -> list[Step]:
        """As the core."""
        self._begin(now, entries.Fenced(agent=self._agent(key), key=key, passed=passed))
        return self._out(now, super().fenced(now, key, passed=passed))

    # -- time and withdrawal ----------------------------------------------------------------

    def stood_still(self) -> None:
        """As the core. It has no time; the line has that of the step before."""
        self._book.put(-1.0, entries.StoodStill(agent=None))
        super().stood_still()

    def expire(self, now: float) -> list[Step]:
        """As the core; written only when something is due."""
        due = self.next_deadline()
        if due is not None and due <= now:
            self._begin(now, entries.Expired(agent=None))
        return self._out(now, super().expire(now))

    def abandon(self, now: float, key: str, reason: Reason = Reason.CALLER) -> list[Step]:
        """As the core."""
        self._begin(now, entries.Abandoned(agent=self._agent(key), key=key, reason=reason))
        return self._out(now, super().abandon(now, key, reason))

    # -- written ----------------------------------------------------------------------------

    def _begin(self, now: float, entry: entries.Entry) -> None:
        self._book.turn(now)
        self._book.put(now, entry)

    def _out(self, now: float, steps: list[Step]) -> list[Step]:
        try:
            for step in steps:
                self._book.put(now, self._step(step))
        except Exception:  # noqa: BLE001  what cannot be written must not keep it from being done
            _log.exception("listener.failed", task="recording")
        return steps

    def _step(self, step: Step) -> entries.Entry:
        agent, key = self._agent(step.key), step.key
        match step:
            case Send():
                return self._sent(key)
            case Ask():
                return entries.Looking(
                    agent=agent,
                    key=key,
                    probe=step.probe,
                    dialog_id=step.dialog_id,
                    serial=step.serial,
                )
            case Fence():
                return entries.Fencing(agent=agent, key=key)
            case Settled():
                known = self.entry(key)
                id_ = known.request_id if known is not None else ""
                return entries.Settled(agent=agent, key=key, request_id=id_, outcome=step.outcome)
            case Late():
                return entries.LateNews(agent=agent, key=key, late=step)

    def _sent(self, key: str) -> entries.Sent:
        known = self.entry(key)
        assert known is not None  # it was in the books a moment ago
        request = known.request
        return entries.Sent(
            agent=request.agent,
            key=key,
            request_id=known.request_id,
            method=request.method,
            path=request.path,
            action=key_of(request),
        )

    def _agent(self, key: str) -> str | None:
        found = self.entry(key)
        return found.agent if found is not None else None

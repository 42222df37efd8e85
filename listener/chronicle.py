"""What the service remembers by: keeps what happens in the journal, and then tells it.

Fulfils the service's `Memory` over a journal, or without one. An event is told once it is safe in
the journal. In which order events are told, and who reads them, is `order`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from listener.correlation.outcome import Outcome
from listener.correlation.pending import State
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.errors import NotKept
from listener.finesse.actions.request import RequestWarning
from listener.finesse.events import Event as Heard
from listener.journal import After, Answered, Event, Going, Intent, Journal, Left, Settled
from listener.ledger import now_utc
from listener.order import Earlier, Order
from listener.report import record_json, stamp
from listener.tasks import unwatched
from listener.telling import dialog_of, event_json, kind_of
from listener.ticket import Record

NOT_KEPT = RequestWarning(
    "not_kept",
    "The journal could not be written at that moment: after a crash of this program the request may"
    " read unconfirmed, restarted.",
)

_TOLD = frozenset({"dialog", "user", "error"})


class Chronicle(Order):
    """Fulfils `terms.Memory`, and gives readers their events. Made inside a running loop.

    `state`, `deployment` and `discreet` (an event as it may be told) are the service's. `whole`:
    whether the journal keeps what Finesse sends. `told_before` says which events the process before
    this one has heard already: they are not told again. The others are as in `Order`.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        whole: bool = True,
        lagged: Callable[[], None] = lambda: None,
        earlier: Earlier | None = None,
        ring: int | None = None,
    ) -> None:
        super().__init__(journal, lagged=lagged, earlier=earlier, ring=ring)
        self.discreet: Callable[[Heard], Heard] = lambda event: event
        self.told_before: Callable[[Heard], bool] = lambda _event: False
        self.state: Callable[[str], State | None] = lambda _key: None
        self.deployment: Callable[[], str | None] = lambda: None
        self._whole = journal is not None and whole
        self._resting: dict[str, dict[str, Any]] | None = None  # sessions that changed meanwhile
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._done.set_result(None)
        self.gaps: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<Chronicle {self.epoch}-{self._sequence} readers={len(self._readers)}>"

    # -- the service's memory -----------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why no new request can be kept now; None when all is well."""
        return self._journal.trouble if self._journal is not None else None

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep the intent of a request, and tell that it was taken."""
        if self._journal is None:
            self._tell_request(record)
            return self._done
        return self._safe(Intent.of(record, registration), *self._tell_request(record))

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep that a request's turn has come, and what is known."""
        if self._journal is None:
            return self._done
        return self._safe(Going(record.key, record.going or now_utc(), baseline))

    def leaves(self, record: Record, baseline: Baseline | None) -> None:
        """Keep that a request leaves now, and what is known: this is what counts."""
        self._put(Left(record.key, now_utc(), baseline))

    def _safe(self, *rows: Any) -> asyncio.Future[None]:
        assert self._journal is not None
        safe: asyncio.Future[None] = self._loop.create_future()
        unwatched(safe)
        written = self._journal.put(*rows)

        def done(tried: asyncio.Future[bool]) -> None:
            if safe.done():
                return
            if not tried.cancelled() and tried.exception() is None and tried.result():
                safe.set_result(None)
            else:
                safe.set_exception(NotKept(f"nothing can be kept: {self.trouble or 'no room'}"))

        written.add_done_callback(done)
        return safe

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep what Finesse answered, and tell."""
        at = record.answered or now_utc()
        row = Answered(record.key, at, answer, length, record.sent)
        self._put(row, *self._tell_request(record))

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep the outcome; then tell the caller, and the readers.

        Where it cannot be kept the caller is told all the same, with a warning that a crash may
        take it back: whoever has a call to decide about cannot wait for room on a disk.
        """
        if self._journal is None or self._journal.trouble is not None:
            outcome = outcome if self._journal is None else _not_kept(outcome)
            self._put(_settled(record, outcome))
            tell(outcome)
            self._tell_request(record, put=True)
            return
        row = _settled(record, outcome)
        shown = _shown(record, outcome, self.state(record.key), self.deployment())
        events = self._tell(
            "request", shown, record.request.agent, record.request.dialog_id, record.key
        )

        def tried(written: asyncio.Future[bool]) -> None:
            kept = not written.cancelled() and written.exception() is None and written.result()
            tell(outcome if kept else _not_kept(outcome))

        self._journal.put(row, *events).add_done_callback(tried)

    def late(self, record: Record, late: Late) -> None:
        """Keep what was heard after the outcome, and tell."""
        self._put(After(record.key, now_utc(), late), *self._tell_request(record))

    def heard(self, event: Heard) -> None:
        """Tell a dialog, user or error event."""
        kind = kind_of(event)
        if kind in _TOLD and not self.told_before(event):
            data = event_json(self.discreet(event), self.deployment())
            self._put(*self._tell(kind, data, event.owner, dialog_of(event), None))

    def gap(self, agent: str, cause: str | None) -> None:
        """Tell that an agent's events may be lost from now on, or no more."""
        now = stamp(now_utc())
        if cause is not None:
            self.gaps[agent] = {"from": now, "until": None, "cause": cause, "lossless": False}
        else:
            self.gaps.setdefault(agent, {"from": None, "cause": None, "lossless": False})
            self.gaps[agent]["until"] = now
        self._put(*self._tell("gap", {"agent": agent, **self.gaps[agent]}, agent, None, None))

    def session(self, agent: str, status: dict[str, Any]) -> None:
        """Tell how an agent's session is now."""
        if self._resting is not None:
            self._resting[agent] = status
            return
        self._put(*self._tell("session", status, agent, None, None))

    def _put(self, *rows: Any) -> None:
        if self._journal is not None and rows:
            self._journal.put(*rows)

    def _tell_request(self, record: Record, *, put: bool = False) -> list[Event]:
        shown = record_json(record, self.state(record.key), self.deployment())
        request = record.request
        rows = self._tell("request", shown, request.agent, request.dialog_id, record.key)
        if put:
            self._put(*rows)
        return rows

    # -- handed over, or not after all ----------------------------------------------------------

    def rest(self) -> None:
        """Tell nothing from now on, and end all readers: they come back to the next process."""
        self._resting = {}
        self.close()

    def resume(self, journal: Journal | None) -> None:
        """Tell again: nobody took over. `journal`: the same one, opened again."""
        self._journal = journal
        if journal is not None:
            journal.on_written = self._written
            self._written(self._sequence)  # it was closed, and so all of it was written
        self._closed = False
        missed, self._resting = self._resting or {}, None
        for agent, status in missed.items():
            self.session(agent, status)

    def told(self) -> Earlier | None:
        """Return what the next process must know of the events; None where the journal does."""
        if self._whole:
            return None
        return Earlier(self.epoch, self._sequence, tuple(self._ring))


def _shown(
    record: Record, outcome: Outcome, state: State | None, deployment: str | None
) -> dict[str, Any]:
    """Return the resource as it is once the outcome is told."""
    before, record.outcome = record.outcome, outcome
    try:
        return record_json(record, state, deployment)
    finally:
        record.outcome = before


def _settled(record: Record, outcome: Outcome) -> Settled:
    return Settled(record.key, record.settled or now_utc(), outcome, record.sent)


def _not_kept(outcome: Outcome) -> Outcome:
    return replace(outcome, warnings=(*outcome.warnings, NOT_KEPT))

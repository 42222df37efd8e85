"""From one process to the next: requests are taken over, or let go of, without two judging them.

What a restart and a hand-over need of the service; what is asked is `service`'s, what is
sent `executing`'s.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping

from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Outcome, Reason, Rejected
from listener.correlation.registration import Registration
from listener.correlation.steps import RestAnswer, Step
from listener.errors import Closing, InvalidRequest, NotAccepted
from listener.finesse.events import Event, content_of
from listener.hearing import Hearing
from listener.ledger import Ledger
from listener.pausing import Pause
from listener.tally import Tally
from listener.tasks import Alarm
from listener.terms import Ears, Memory, Policy
from listener.ticket import Record


class Succession(Hearing):
    """The requests that are open, as one process has them from another, and may pass them on."""

    def __init__(
        self, ears: Ears, policy: Policy | None, memory: Memory | None, tally: Tally | None
    ) -> None:
        super().__init__(ears, policy, memory, tally)
        self._ledger = Ledger()
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._alarm = Alarm(self.loop, self._rang)
        self._closing = self._closed = False

    @property
    def records(self) -> Mapping[str, Record]:
        """The records by key, oldest first; of settled requests the last 20,000."""
        return self._ledger.records

    @property
    def pending(self) -> int:
        """How many requests have no outcome yet."""
        return len(self._waiting)

    @property
    def closing(self) -> bool:
        """Whether new requests are refused."""
        return self._closing

    def newest(
        self,
        *,
        agent: str | None = None,
        request_id: str | None = None,
        settled: bool | None = None,
        before: str | None = None,
    ) -> Iterator[Record]:
        """Yield the records that fit, newest first; None fits all. Go through it without waiting.

        `settled`: whether the outcome was told. `before`: of those, the older than that key.
        """
        return self._ledger.newest(
            agent=agent, request_id=request_id, settled=settled, before=before
        )

    def discreet(self, event: Event) -> Event:
        """Return an event as it may be told: errors without the DTMF digits of requests."""
        return self._ledger.discreet(event, self.loop.time())

    async def wait(self, key: str, within: float) -> None:
        """Wait until a request is settled, for `within` seconds at most; unknown keys: not.

        Returns early when the request is another process's to judge from now on.
        """
        future = self._waiting.get(key)
        if future is not None and within > 0 and self._pause is None:
            await asyncio.wait((future,), timeout=within)

    @abstractmethod
    def _settled(self, key: str, outcome: Outcome) -> None:
        """Keep and tell the outcome of a request."""

    def _enter(self, record: Record) -> None:
        self._waiting[record.key] = self.loop.create_future()
        self._ledger.add(record, self._waiting)

    def _rang(self) -> None:
        self._look_up(self.loop.time())
        if not self._standstill.lasts:
            self._ring()

    # -- taken over from an earlier process ---------------------------------------------------

    def announce(self, record: Record) -> None:
        """Hear of an open request that is taken over in a moment: its digits are told no more."""
        self._ledger.announce(record)

    def keep_in(self, memory: Memory) -> None:
        """Keep what happens from now on in another memory."""
        self._memory = memory

    def adopt(
        self, record: Record, adoption: Callable[[Correlator, float], Iterable[Step]]
    ) -> None:
        """Take over an open request; `adoption` has the correlator adopt it.

        It is not written to the journal again, and never sent again.
        """
        self._enter(record)
        self._carry_out(adoption(self.correlator, self.loop.time()))

    def answered_before(self, key: str, answer: RestAnswer) -> None:
        """Let an adopted request have the answer that the earlier process had, and kept."""
        self._carry_out(self.correlator.answered(self.loop.time(), key, answer))

    def rehear(self, key: str, event: Event) -> None:
        """Let an adopted request see an event that was heard since it was sent."""
        self._carry_out(self.correlator.rehear(self.loop.time(), key, event, content_of(event)))

    def take_on(self, record: Record, registration: Registration, *, age: float) -> None:
        """Take over a request that was never sent, and send it when the gate lets it through.

        `age`: the seconds since it was submitted. What there is no room for ends rejected.
        """
        now = self.loop.time()
        try:
            steps = self.correlator.register(now, record.request, registration, age=age)
        except (InvalidRequest, NotAccepted):
            self.unsent(record)
        else:
            self._enter(record)
            self._carry_out(steps)

    def unsent(self, record: Record, reason: Reason = Reason.NOT_SENT) -> None:
        """Take over a request of which it is certain that it never left: it ends rejected."""
        self._enter(record)
        outcome = Rejected(reason=reason, sent=False)
        if self._recording is not None:
            self._recording.unsent(self.loop.time(), record, outcome)
        self._settled(record.key, outcome)

    def remember(
        self,
        record: Record,
        registration: Registration,
        *,
        age: float,
        settled_ago: float,
        left: float,
        gone: float | None = None,
    ) -> None:
        """Take over a request that was settled: what comes late is recorded for it.

        Seconds: since it was submitted, since it was settled, until its own deadline, and since it
        left (None: as it was submitted).
        """
        outcome = record.outcome
        if outcome is not None:
            now = self.loop.time()
            self._ledger.add(record, self._waiting, settled_at=now - settled_ago)
            self.correlator.remember(
                now,
                record.request,
                registration,
                outcome,
                age=age,
                settled_ago=settled_ago,
                left=left,
                gone=gone,
            )

    def still_in_gap(self, agent: str, since: float) -> None:
        """Take over that events of an agent may be lost since then, until its session is up."""
        self._gaps[agent] = (False, since)

    # -- passed on to the next process ----------------------------------------------------------

    def refuse(self) -> None:
        """Take no new requests from now on; what is open goes on."""
        self._closing = True

    def accept(self) -> None:
        """Take new requests again."""
        self._closing = False

    def hold_back(self) -> None:
        """Send nothing more of what waits for its turn."""
        self.correlator.hold_back()

    def let_through(self) -> None:
        """Send again what waits for its turn."""
        self._carry_out(self.correlator.let_through(self.loop.time()))

    def pause(self) -> None:
        """Judge and settle nothing from now on, so that another process can.

        Nothing may be on its way (`Service.all_sent`). Who waits for an outcome is told Closing;
        what comes is kept for `resume`.
        """
        self._pause = Pause()
        self._alarm.set(None)
        opened = set(self.correlator.open_keys())
        for key in opened & self._waiting.keys():
            waited, self._waiting[key] = self._waiting[key], self.loop.create_future()
            waited.set_exception(Closing("another process will know what came of it"))
            waited.exception()  # looked at, also where nobody waits

    def resume(self) -> bool:
        """Judge again, first what came meanwhile, as of when it came; the other process is gone.

        False: more came than could be kept, so that the pause is a gap for every agent.
        """
        pause, self._pause = self._pause, None
        if pause is None:
            return True
        try:
            for at, do in pause.take():
                self._then = at
                do()
        finally:
            self._then = None
        self._ring()
        return not pause.overflowed

    def leave(self) -> int:
        """Let go of what is open, for good: another process has it. Returns how many there were.

        What comes from now on changes nothing.
        """
        self._closing = self._closed = True
        left = len(self._waiting)
        self._waiting.clear()
        return left

    def _check_judging(self) -> None:
        if self._pause is not None:
            raise Closing("the daemon hands over to its successor; ask again in a moment")

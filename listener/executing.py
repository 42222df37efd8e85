"""What the correlator asks for is done: sent, looked up, waited for, settled and told.

Callers' futures are settled here, and `_tell` alone sets a result. What callers ask is `service`'s.
A fault in one step or one watcher is logged and stops nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from listener import digits, logs
from listener.correlation.outcome import Outcome
from listener.correlation.pending import State
from listener.correlation.steps import (
    Ask,
    Fence,
    Late,
    Look,
    RestAnswer,
    Send,
    Settled,
    Step,
)
from listener.finesse.actions import key_of
from listener.ledger import now_utc
from listener.outbox import Outbox
from listener.succession import Succession
from listener.tally import Tally
from listener.tasks import Tasks
from listener.terms import Ears, Memory, Policy, Wire
from listener.ticket import Record

FENCE_TIMEOUT = 2.0  # seconds (rule 6.6)
EARLY = time.get_clock_info("monotonic").resolution
"""Seconds by which asyncio rings early at most: what its clock cannot tell apart."""

_log = logs.get(__name__)


class Executing(Succession):
    """Carries out the correlator's steps, in their order, and rings when time alone is due."""

    def __init__(
        self,
        wire: Wire,
        ears: Ears,
        policy: Policy | None,
        memory: Memory | None,
        tally: Tally | None,
    ) -> None:
        super().__init__(ears, policy, memory, tally)
        self._wire = wire
        self._tasks = Tasks(self.loop)
        self._outbox = Outbox(wire, self._tasks, is_open=self._open, answered=self._answered)
        self._watchers: list[Callable[[Record], None]] = []

    def on_settled(self, watcher: Callable[[Record], None]) -> None:
        """Call `watcher` with the record of each request as it is settled, and again when late."""
        self._watchers.append(watcher)

    async def all_sent(self, within: float) -> bool:
        """Wait until no request of ours is on its way; False when it takes longer.

        True means so at this moment: call what relies on it before the next await.
        """
        return await self._outbox.all_sent(within)

    def _carry_out(self, steps: Iterable[Step]) -> None:
        for step in steps:
            try:
                self._do(step)
            except Exception:  # noqa: BLE001  the steps behind it belong to other requests
                _log.exception("listener.failed", task=type(step).__name__, id=step.key)
        idle = self._closed or self._pause is not None
        self._alarm.set(None if idle else self.correlator.next_deadline())

    def _do(self, step: Step) -> None:
        match step:
            case Send(key=key):
                self._send(key)
            case Ask():
                self._tasks.spawn(lambda: self._ask(step), f"ask {step.key}")
            case Fence():
                self._tasks.spawn(lambda: self._fence(step), f"fence {step.key}")
            case Settled(key=key, outcome=outcome):
                self._settled(key, outcome)
            case Late():
                self._late(step)

    def _send(self, key: str) -> None:
        # What is known when it leaves is what counts; the journal has what was known just before.
        record = self.records[key]
        record.going = now_utc()
        going = self._memory.going(record, self.correlator.baseline(key))
        self._outbox.send(record, going, lambda: self._leaves(record))

    def _leaves(self, record: Record) -> None:
        steps = self.correlator.leaves(self._now(), record.key)
        if self._open(record.key):
            self._memory.leaves(record, self.correlator.baseline(record.key))
        self._carry_out(steps)

    def _open(self, key: str) -> bool:
        state = self.correlator.state(key)
        return state in {State.QUEUED, State.SENT, State.ACCEPTED, State.IN_DOUBT}

    def _answered(self, key: str, answer: RestAnswer) -> None:
        record = self.records.get(key)
        if record is not None:
            answer = digits.of_answer(answer, record.request)
        # Read before the loop's clock: a machine that stands still between the two would have told
        # that the time, which runs from here, was shorter than it was.
        at, now = now_utc(), self._now()
        self._ledger.answered(key, answer, now, at)
        steps = self.correlator.answered(now, key, answer)
        if record is not None:
            self._memory.answered(record, answer, self.correlator.left(now, key) or 0.0)
        self._carry_out(steps)

    async def _ask(self, ask: Ask) -> None:
        look = await self._wire.look(ask)
        self._looked(ask, look)

    def _looked(self, ask: Ask, look: Look) -> None:
        if not self._put_off(lambda: self._looked(ask, look)):
            self._carry_out(self.correlator.looked(self._now(), ask.key, ask.serial, look))

    async def _fence(self, fence: Fence) -> None:
        passed = await self._ears.ping(fence.agent, FENCE_TIMEOUT)
        self._fenced(fence, passed=passed)

    def _fenced(self, fence: Fence, *, passed: bool) -> None:
        if not self._put_off(lambda: self._fenced(fence, passed=passed)):
            self._carry_out(self.correlator.fenced(self._now(), fence.key, passed=passed))

    def _settled(self, key: str, outcome: Outcome) -> None:
        record = self.records[key]
        outcome = self._ledger.discreet_outcome(outcome, record.request, self.loop.time())
        self._outbox.settle(record, outcome)
        record.settled = now_utc()
        now = self.loop.time()
        # Nobody hears an outcome that a crash could take back: first it is kept, then it is told.
        self._memory.settled(record, outcome, lambda told: self._tell(key, told, now))

    def _tell(self, key: str, outcome: Outcome, now: float) -> None:
        """Tell the caller; the only place in the program that sets a future's result."""
        record = self._ledger.settled(key, outcome, now)
        self.tally.settled(key_of(record.request), outcome.kind, outcome.waited)
        self._waiting.pop(key).set_result(outcome)
        self._watch(record)

    def _late(self, step: Late) -> None:
        late = self._ledger.late(step, self.loop.time())
        if late is not None:
            record = self.records[step.key]
            self.tally.late += 1
            self._memory.late(record, late)
            self._watch(record)

    def _watch(self, record: Record) -> None:
        for watcher in self._watchers:
            try:
                watcher(record)
            except Exception:  # noqa: BLE001  a watcher is somebody else's
                _log.exception("listener.failed", task="watcher", id=record.key)

    def _ring(self) -> None:
        if self._closed or self._put_off(self._ring):
            return
        due = self.correlator.next_deadline()
        now = self.loop.time() if self._then is None else self._then
        # A coarse clock may ring a little early; the core must see the time that it asked for.
        # Who rings because it stood still or was at rest sees no more than the time that it is.
        if due is not None and now < due < now + EARLY:
            now = due
        steps: Iterable[Step] = ()
        try:
            steps = self.correlator.expire(now)
        except Exception:  # noqa: BLE001  without the next ring nobody would ever get an outcome
            _log.exception("listener.failed", task="expire")
        self._carry_out(steps)

"""The loop's side of the correlator: waiters, one timer, sending, asking.

Futures live here, and `_tell` alone sets one. What it needs from REST, the sessions and the journal
stands in `terms` as protocols. It does not assume that it owns all agents. A fault in one step, one
event or one watcher is logged and stops nothing else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields

from listener import digits, intake, logs
from listener.correlation.outcome import Abandoned, Outcome, Reason, Rejected, Unconfirmed
from listener.correlation.pending import State
from listener.correlation.steps import (
    AnswerKind,
    Ask,
    Fence,
    Late,
    Look,
    RestAnswer,
    Send,
    Settled,
    Step,
)
from listener.errors import Closing, NotKept, NotListening
from listener.finesse.actions import key_of
from listener.finesse.actions.request import Request
from listener.ledger import new_key, now_utc
from listener.standstill import LATE
from listener.succession import Succession
from listener.tally import Tally
from listener.tasks import Tasks
from listener.terms import Ears, Memory, Policy, Sender, Wire, Wishes
from listener.ticket import Record, Ticket

__all__ = ["Ears", "Policy", "Service", "Wire", "Wishes"]

FENCE_TIMEOUT = 2.0  # seconds (rule 6.6)
AT_ONCE = 16  # requests that are given up in one turn of the loop
LAST_WORDS = 5.0  # seconds for the last outcomes to be made safe when closing

_log = logs.get(__name__)


class Service(Succession):
    """Takes requests, hears notifications, and tells each caller what came of it.

    `feed` is where readers of events subscribe; `tally` counts. Made inside a running loop.
    """

    def __init__(
        self,
        wire: Wire,
        ears: Ears,
        *,
        policy: Policy | None = None,
        extensions: Callable[[str], str | None] = lambda _agent: None,
        memory: Memory | None = None,
        tally: Tally | None = None,
    ) -> None:
        super().__init__(ears, policy, memory, tally)
        self._wire = wire
        self._extensions = extensions
        self._senders: dict[str, Sender] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._on_their_way: set[asyncio.Task[None]] = set()  # the settled ones among them, too
        self._sending_over = False
        self._tasks = Tasks(self.loop)
        self._watchers: list[Callable[[Record], None]] = []

    def __repr__(self) -> str:
        state = " closing" if self._closing else ""
        return f"<Service pending={len(self._waiting)} records={len(self.records)}{state}>"

    # -- asked ------------------------------------------------------------------------------

    def submit(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request and send it; its outcome is awaited at the ticket.

        Raises InvalidRequest and NotAccepted (no session, too many, closing, nothing can be kept):
        nothing was sent.
        """
        return self._take(request, wishes or Wishes())

    def expect(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request that the caller sends itself, with the ticket's request_id as header.

        Call this first, send after, and report Finesse's answer with `ticket.answered`: without
        that nothing is presumed, and only a tagged event proves that it was sent.
        """
        return self._take(request, wishes or Wishes(), expected=True)

    def forward(self, request: Request, wishes: Wishes, sender: Sender) -> Ticket:
        """Take a request that `sender` puts on the wire, at once whatever the gate says (rules 9).

        As `submit` otherwise; `sender` is called once, or never.
        """
        return self._take(request, wishes, sender=sender)

    def _take(
        self,
        request: Request,
        wishes: Wishes,
        *,
        expected: bool = False,
        sender: Sender | None = None,
    ) -> Ticket:
        self._check_open()
        intake.check_wishes(wishes)
        agent = request.agent
        extension = self._extensions(agent) or self.correlator.picture(agent).extension
        request = intake.complete(request, extension, self.deployment, validate=wishes.validate)
        if wishes.require_session and not self.correlator.picture(agent).live:
            raise NotListening(
                f"no session of agent {agent} would hear the answer; wait until it is up"
            )
        if sender is None:
            intake.check_device(request, extension)
        now = self.loop.time()
        record = Record(
            key=new_key(),
            request_id=wishes.request_id or str(uuid.uuid4()),
            request=request,
            submitted=now_utc(),
            submitted_at=now,
            expected=expected,
            asked_by=wishes.asked_by,
            idempotency=wishes.idempotency,
        )
        registration = intake.registration(
            record, extension, wishes, self.policy, ungated=sender is not None
        )
        steps = self.correlator.register(now, request, registration)
        kept = self._memory.taken(record, registration)
        if sender is not None:
            self._senders[record.key] = sender
        self._enter(record)
        if expected:
            # Its baseline is kept as well; that it is not sent from here needs no waiting.
            _unwatched(self._memory.going(record, self.correlator.baseline(record.key)))
        ticket = self._ticket(record, kept)
        self._carry_out(steps)
        return ticket

    def _check_open(self) -> None:
        if self._closing:
            raise Closing("the listener is shutting down, or handing over to its successor")
        if self._memory.trouble is not None:
            raise NotKept(f"no new request can be kept: {self._memory.trouble}")

    def _ticket(self, record: Record, kept: asyncio.Future[None] | None) -> Ticket:
        return Ticket(
            record,
            self._waiting[record.key],
            abandon=lambda reason: self.abandon(record.key, reason),
            report=lambda status, body: self.report(record.key, status, body),
            state=lambda: self.correlator.state(record.key),
            kept=kept,
        )

    def abandon(self, key: str, reason: Reason = Reason.CALLER) -> None:
        """Stop waiting for a request; unknown and settled keys change nothing.

        Raises Closing while the daemon hands over: the other process is to be asked.
        """
        self._check_judging()
        self._carry_out(self.correlator.abandon(self.loop.time(), key, reason))

    def forget(self, unwanted: Callable[[Record], bool]) -> int:
        """Drop the records of settled requests that are not wanted; return how many."""
        found = [r.key for r in self.records.values() if r.outcome is not None and unwanted(r)]
        for key in found:
            self._ledger.drop(key)
        return len(found)

    def report(self, key: str, status: int, body: bytes | None = None) -> None:
        """Take in what Finesse answered to a request that the caller sent.

        The first report counts. A second one, or one about a request that we sent ourselves or do
        not know, changes nothing. Raises Closing as `abandon` does.
        """
        self._check_judging()
        record = self.records.get(key)
        if record is not None and record.expected and record.answered is None:
            self._answered(key, self._wire.judge(status, body))

    def on_settled(self, watcher: Callable[[Record], None]) -> None:
        """Call `watcher` with the record of each request as it is settled, and again when late."""
        self._watchers.append(watcher)

    # -- steps ------------------------------------------------------------------------------

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
        # What was known at this moment is what counts; the journal has it before a byte leaves.
        record = self.records[key]
        record.going = now_utc()
        going = self._memory.going(record, self.correlator.baseline(key))
        task = self._tasks.spawn(lambda: self._sent(key, going), f"send {key}")
        self._sending[key] = task
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def all_sent(self, within: float) -> bool:
        """Wait until no request of ours is on its way; False when it takes longer.

        True means so at this moment: call what relies on it before the next await.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._on_their_way:
                    await asyncio.wait(tuple(self._on_their_way))
        return not self._on_their_way

    async def _sent(self, key: str, going: asyncio.Future[None]) -> None:
        sender = self._senders.pop(key, None)
        try:
            answer = await self._put_on_wire(key, going, sender)
        finally:
            self._sending.pop(key, None)
        if answer is not None:
            self._answered(key, answer)

    async def _put_on_wire(
        self, key: str, going: asyncio.Future[None], sender: Sender | None
    ) -> RestAnswer | None:
        try:
            await going
        except NotKept as trouble:
            return RestAnswer(AnswerKind.NOT_SENT, detail=str(trouble))
        record = self.records.get(key)
        if record is None or not self._open(key) or self._sending_over:
            return None  # given up in the same moment: what nobody waits for need not go out
        record.sent = record.going  # as the journal has it
        if sender is not None:
            return await sender()
        return await self._wire.send(record.request, record.request_id)

    def _open(self, key: str) -> bool:
        state = self.correlator.state(key)
        return state in {State.QUEUED, State.SENT, State.ACCEPTED, State.IN_DOUBT}

    def _answered(self, key: str, answer: RestAnswer) -> None:
        record = self.records.get(key)
        if record is not None:
            answer = digits.of_answer(answer, record.request)
        now = self._now()
        self._ledger.answered(key, answer, now)
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
        waits = key in self._sending and record.sent is None
        self._stop_sending(key, outcome)
        if waits and isinstance(outcome, Unconfirmed):
            outcome = _never_sent(outcome)
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

    def _stop_sending(self, key: str, outcome: Outcome) -> None:
        # What still waits for a free connection must not go out after its outcome was told.
        self._senders.pop(key, None)
        task = self._sending.pop(key, None)
        if task is not None and isinstance(outcome, Unconfirmed | Abandoned):
            task.cancel()

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
        if due is not None and now < due < now + LATE:
            now = due
        steps: Iterable[Step] = ()
        try:
            steps = self.correlator.expire(now)
        except Exception:  # noqa: BLE001  without the next ring nobody would ever get an outcome
            _log.exception("listener.failed", task="expire")
        self._carry_out(steps)

    # -- end --------------------------------------------------------------------------------

    async def close(self, grace: float = 0.0) -> int:
        """Refuse new requests, wait up to `grace` seconds for open ones, abandon the rest.

        Returns how many were abandoned (or, still queued, rejected) with reason SHUTDOWN. What is
        heard afterwards changes nothing.
        """
        self.refuse()
        if self._waiting and grace > 0:
            await asyncio.wait(tuple(self._waiting.values()), timeout=grace)
        given_up = await self._give_up()
        if self._waiting:  # until the last outcomes are safe in the journal
            await asyncio.wait(tuple(self._waiting.values()), timeout=LAST_WORDS)
        self.feed.close()
        self._closed = True
        self._alarm.set(None)
        await self._tasks.aclose()
        return given_up

    async def _give_up(self) -> int:
        """Abandon all that is open, so many per turn of the loop; return how many there were.

        Nothing is sent meanwhile. Who is cancelled in between abandons the rest at once: each
        request has its outcome when this ends, however it does.
        """
        self._sending_over = True
        self.hold_back()
        left = list(self._waiting)
        given_up = 0
        try:
            while left:
                given_up += self._abandon_newest(left, AT_ONCE)
                await asyncio.sleep(0)
        finally:
            given_up += self._abandon_newest(left, len(left))
        return given_up

    def _abandon_newest(self, keys: list[str], most: int) -> int:
        """Abandon the last of those requests, `most` at most, and take them off the list."""
        found = 0
        for key in [keys.pop() for _ in range(min(most, len(keys)))]:
            if self._open(key):
                self.abandon(key, Reason.SHUTDOWN)
                found += 1
        return found


def _unwatched(going: asyncio.Future[None]) -> None:
    """Let a future fail without a complaint that nobody looked."""
    going.add_done_callback(lambda done: done.cancelled() or done.exception())


def _never_sent(outcome: Unconfirmed) -> Rejected:
    """Return what is true of a request whose time was over before its turn was safely kept.

    It does not go out any more (`_put_on_wire`), so that repeating it is safe (rules 1, 9).
    """
    names = {each.name for each in fields(Rejected)} & {each.name for each in fields(outcome)}
    known = {name: getattr(outcome, name) for name in names - {"reason"}}
    return Rejected(**known | {"sent": False}, reason=Reason.EXPIRED_IN_QUEUE)

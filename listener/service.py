"""The loop's side of the correlator: waiters, one timer, sending, asking.

Futures live here, and `_settled` alone sets one. What it needs from REST and from the sessions
stands in `terms` as protocols. It does not assume that it owns all agents. A fault in one step, one
event or one watcher is logged and stops nothing else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping

from listener import digits, intake, logs
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Abandoned, Outcome, Reason, Unconfirmed
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
from listener.errors import Closing, MalformedUpdate, NotListening
from listener.feed import Feed
from listener.finesse.actions.request import Request
from listener.finesse.events import Event, SystemInfoChanged, events_of
from listener.finesse.model import Notification
from listener.finesse.wire import parse_update
from listener.ledger import Ledger, new_key, now_utc
from listener.terms import Ears, Policy, Wire, Wishes
from listener.ticket import Record, Ticket

__all__ = ["Ears", "Policy", "Service", "Wire", "Wishes"]

FENCE_TIMEOUT = 2.0  # seconds (rule 6.6)

_log = logs.get(__name__)


class Service:
    """Takes requests, hears notifications, and tells each caller what came of it.

    `feed` is where readers of events subscribe. Made inside a running loop.
    """

    def __init__(
        self,
        wire: Wire,
        ears: Ears,
        *,
        policy: Policy | None = None,
        extensions: Callable[[str], str | None] = lambda _agent: None,
    ) -> None:
        self.policy = policy or Policy()
        self.deployment: str | None = None
        self.correlator = Correlator(self.policy.limits, self.policy.gate)
        self.feed = Feed()
        self._ledger = Ledger()
        self._wire = wire
        self._ears = ears
        self._extensions = extensions
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._gaps: dict[str, bool] = {}  # agents in a gap; True where it was on purpose
        self._timer: asyncio.TimerHandle | None = None
        self._closing = self._closed = False
        self._loop = asyncio.get_running_loop()
        self._watchers: list[Callable[[Record], None]] = []

    def __repr__(self) -> str:
        state = " closing" if self._closing else ""
        return f"<Service pending={len(self._waiting)} records={len(self.records)}{state}>"

    @property
    def records(self) -> Mapping[str, Record]:
        """The records by key, oldest first; of settled requests the last 20,000."""
        return self._ledger.records

    # -- asked ------------------------------------------------------------------------------

    def submit(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request and send it; its outcome is awaited at the ticket.

        Raises InvalidRequest and NotAccepted (no session, too many, closing): nothing was sent.
        """
        return self._take(request, wishes or Wishes(), expected=False)

    def expect(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request that the caller sends itself, with the ticket's request_id as header.

        Call this first, send after, and report Finesse's answer with `ticket.answered`: without
        that nothing is presumed, and only a tagged event proves that it was sent.
        """
        return self._take(request, wishes or Wishes(), expected=True)

    def _take(self, request: Request, wishes: Wishes, *, expected: bool) -> Ticket:
        if self._closing:
            raise Closing("the listener is shutting down")
        intake.check_wishes(wishes)
        agent = request.agent
        extension = self._extensions(agent) or self.correlator.picture(agent).extension
        request = intake.complete(request, extension, self.deployment, validate=wishes.validate)
        if wishes.require_session and not self.correlator.picture(agent).live:
            raise NotListening(
                f"no session of agent {agent} would hear the answer; wait until it is up"
            )
        intake.check_device(request, extension)
        record = Record(
            key=new_key(),
            request_id=wishes.request_id or str(uuid.uuid4()),
            request=request,
            submitted=now_utc(),
            submitted_at=self._loop.time(),
            expected=expected,
        )
        steps = self.correlator.register(
            self._loop.time(),
            request,
            intake.registration(record, extension, wishes, self.policy),
        )
        self._waiting[record.key] = self._loop.create_future()
        self._ledger.add(record, self._waiting)
        ticket = self._ticket(record)
        self._carry_out(steps)
        return ticket

    def _ticket(self, record: Record) -> Ticket:
        return Ticket(
            record,
            self._waiting[record.key],
            abandon=lambda reason: self.abandon(record.key, reason),
            report=lambda status, body: self.report(record.key, status, body),
            state=lambda: self.correlator.state(record.key),
        )

    def abandon(self, key: str, reason: Reason = Reason.CALLER) -> None:
        """Stop waiting for a request; unknown and settled keys change nothing."""
        self._carry_out(self.correlator.abandon(self._loop.time(), key, reason))

    def report(self, key: str, status: int, body: bytes | None = None) -> None:
        """Take in what Finesse answered to a request that the caller sent.

        The first report counts. A second one, or one about a request that we sent ourselves or do
        not know, changes nothing.
        """
        record = self.records.get(key)
        if record is not None and record.expected and record.answered is None:
            self._answered(key, self._wire.judge(status, body))

    # -- heard ------------------------------------------------------------------------------

    def hear(self, notification: Notification) -> None:
        """Take in one notification. Never raises: what cannot be read or judged is logged."""
        try:
            update = parse_update(notification.payload)
            content = hash(notification.payload)
            events = tuple(events_of(update, notification.node, notification.item_id))
        except MalformedUpdate as error:
            _log.warning(
                "notification.malformed",
                node=notification.node,
                reason=error.reason,
                detail=str(error),
                length=len(notification.payload),
            )
        except Exception:  # noqa: BLE001  a fault of ours in reading one payload harms no other
            _log.exception("notification.failed", node=notification.node)
        else:
            for event in events:
                self._judge(event, content)

    def _judge(self, event: Event, content: int) -> None:
        try:
            news, steps = self.correlator.receive(self._loop.time(), event, content)
            if news:
                self.feed.put(event)
                self._outage(event)
        except Exception:  # noqa: BLE001  as in `hear`: the next event is judged all the same
            _log.exception("notification.failed", node=event.node, kind=type(event).__name__)
            steps = []
        self._carry_out(steps)

    def _outage(self, event: Event) -> None:
        if isinstance(event, SystemInfoChanged):
            self._ears.serving(in_service=event.system_info.status == "IN_SERVICE")

    def session_up(self, agent: str, look: Look) -> None:
        """Take note that an agent's session hears, and of what was read since."""
        self._carry_out(self.correlator.link_up(self._loop.time(), agent, look))
        if (on_purpose := self._gaps.pop(agent, None)) is not None:
            tell = _log.debug if on_purpose else _log.info
            tell("gap.closed", agent=agent)

    def session_down(self, agent: str, cause: str, *, on_purpose: bool = False) -> None:
        """Take note that an agent's events may be lost from now on.

        `on_purpose`: we ended the session ourselves, which is no news for an operator.
        """
        if self.correlator.picture(agent).live:
            tell = _log.debug if on_purpose else _log.warning
            tell("gap.opened", agent=agent, cause=cause)
            self._gaps[agent] = on_purpose
        self._carry_out(self.correlator.link_down(self._loop.time(), agent))

    def finesse_present(self, agent: str, *, available: bool) -> None:
        """Take note of the XMPP user `finesse`, as that agent's session sees it."""
        self.correlator.finesse_present(agent, available=available)

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
        self._arm()

    def _do(self, step: Step) -> None:
        match step:
            case Send(key=key):
                self._sending[key] = self._spawn(lambda: self._send(key), f"send {key}")
            case Ask():
                self._spawn(lambda: self._ask(step), f"ask {step.key}")
            case Fence():
                self._spawn(lambda: self._fence(step), f"fence {step.key}")
            case Settled(key=key, outcome=outcome):
                self._settled(key, outcome)
            case Late():
                self._tell(self._ledger.late(step))

    async def _send(self, key: str) -> None:
        record = self.records.get(key)
        if record is None or record.outcome is not None:
            return  # given up in the same moment: what nobody waits for need not go out
        record.sent = now_utc()
        try:
            answer = await self._wire.send(record.request, record.request_id)
        finally:
            self._sending.pop(key, None)
        self._answered(key, answer)

    def _answered(self, key: str, answer: RestAnswer) -> None:
        if (record := self.records.get(key)) is not None:
            answer = digits.of_answer(answer, record.request)
        self._ledger.answered(key, answer, self._loop.time())
        self._carry_out(self.correlator.answered(self._loop.time(), key, answer))

    async def _ask(self, ask: Ask) -> None:
        look = await self._wire.look(ask)
        self._carry_out(self.correlator.looked(self._loop.time(), ask.key, ask.serial, look))

    async def _fence(self, fence: Fence) -> None:
        passed = await self._ears.ping(fence.agent, FENCE_TIMEOUT)
        self._carry_out(self.correlator.fenced(self._loop.time(), fence.key, passed=passed))

    def _settled(self, key: str, outcome: Outcome) -> None:
        """Tell the caller; the only place in the program that sets a future's result."""
        outcome = digits.of_outcome(outcome, self.records[key].request)
        self._waiting.pop(key).set_result(outcome)
        self._stop_sending(key, outcome)
        self._tell(self._ledger.settled(key, outcome, self._loop.time()))

    def _stop_sending(self, key: str, outcome: Outcome) -> None:
        # What still waits for a free connection must not go out after its outcome was told.
        task = self._sending.pop(key, None)
        if task is not None and isinstance(outcome, Unconfirmed | Abandoned):
            task.cancel()

    def _tell(self, record: Record | None) -> None:
        if record is None:
            return
        for watcher in self._watchers:
            try:
                watcher(record)
            except Exception:  # noqa: BLE001  a watcher is somebody else's
                _log.exception("listener.failed", task="watcher", id=record.key)

    def _arm(self) -> None:
        due = None if self._closed else self.correlator.next_deadline()
        if self._timer is not None:
            if self._timer.when() == due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due = self.correlator.next_deadline()
        # A coarse clock may ring a little early; the core must see the time that it asked for.
        now = self._loop.time() if due is None else max(due, self._loop.time())
        steps: Iterable[Step] = ()
        try:
            steps = self.correlator.expire(now)
        except Exception:  # noqa: BLE001  without the next ring nobody would ever get an outcome
            _log.exception("listener.failed", task="expire")
        self._carry_out(steps)

    def _spawn(
        self, work: Callable[[], Coroutine[None, None, None]], name: str
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        # `work` is made here and not before: a task that is cancelled at once never starts it.
        try:
            await work()
        except Exception:  # noqa: BLE001  a fault of ours: the request's deadline still settles it
            _log.exception("listener.failed", task=name)

    # -- end --------------------------------------------------------------------------------

    async def close(self, grace: float = 0.0) -> int:
        """Refuse new requests, wait up to `grace` seconds for open ones, abandon the rest.

        Returns how many were abandoned (or, still queued, rejected) with reason SHUTDOWN. What is
        heard afterwards changes nothing.
        """
        self._closing = True
        if self._waiting and grace > 0:
            await asyncio.wait(tuple(self._waiting.values()), timeout=grace)
        # The newest first: what waits for its turn must not be let through by what is abandoned.
        left = tuple(reversed(self._waiting))
        for key in left:
            self.abandon(key, Reason.SHUTDOWN)
        self.feed.close()
        self._closed = True
        self._arm()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        return len(left)

"""The loop's side of the correlator: waiters, one timer, sending, asking, the line per request.

Futures live here, and `_settled` alone sets one. What it needs from REST and from the sessions is
written here as protocols; `assembly` supplies them. It does not assume that it owns all agents.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from listener import logs
from listener.correlation.correlator import Correlator, Registration
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence, Outcome, Reason
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
from listener.errors import Closing, InvalidRequest, MalformedUpdate, NotListening
from listener.feed import Feed, Subscription
from listener.finesse.actions import key_of
from listener.finesse.actions.expectation import Gate, Silence
from listener.finesse.actions.request import Request
from listener.finesse.events import events_of
from listener.finesse.model import Notification
from listener.finesse.wire import parse_update
from listener.ticket import MAX_LATE, Record, Ticket

MAX_RECORDS = 20_000
FENCE_TIMEOUT = 2.0  # seconds (rule 6.6)

_log = logs.get(__name__)


class Wire(Protocol):
    """The way to Finesse's REST API."""

    async def send(self, request: Request, request_id: str) -> RestAnswer:
        """Send a request once; every answer, and none, is a value."""
        ...

    async def look(self, ask: Ask) -> Look:
        """Do the GET that is asked for."""
        ...

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        """Say what an answer means that somebody else received."""
        ...


class Ears(Protocol):
    """The agents' sessions."""

    async def ping(self, agent: str, within: float) -> bool:
        """Ping the server over that agent's session: True when all sent before was read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a caller wants one request to be treated.

    `deadline` in seconds from the 202. `validate` False leaves out the local check.
    `require_session` False sends even when no session would hear the answer.
    """

    deadline: float | None = None
    request_id: str | None = None
    minimum_evidence: MinimumEvidence | None = None
    validate: bool = True
    require_session: bool = True
    allow_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for all requests; `deadlines` by requestedAction, in seconds."""

    limits: Limits = field(default_factory=Limits)
    gate: GateMode = GateMode.QUEUE
    minimum_evidence: MinimumEvidence = MinimumEvidence.ANY
    deadline: float | None = None
    deadlines: tuple[tuple[str, float], ...] = ()


class Service:
    """Takes requests, hears notifications, and tells each caller what came of it."""

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
        self.records: OrderedDict[str, Record] = OrderedDict()
        self._wire = wire
        self._ears = ears
        self._extensions = extensions
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._feed = Feed()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._watchers: list[Callable[[Record], None]] = []

    def __repr__(self) -> str:
        state = " closing" if self._closing else ""
        return f"<Service pending={len(self._waiting)} records={len(self.records)}{state}>"

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
        request = self._complete(request, wishes)
        if wishes.require_session and not self.correlator.picture(request.agent).live:
            raise NotListening(
                f"no session of agent {request.agent} would hear the answer; wait until it is up"
            )
        key = new_key()
        record = Record(
            key=key,
            request_id=wishes.request_id or str(uuid.uuid4()),
            request=request,
            submitted=now_utc(),
            submitted_at=self._loop.time(),
            expected=expected,
        )
        steps = self.correlator.register(
            self._loop.time(), request, self._registration(record, wishes)
        )
        self._waiting[key] = self._loop.create_future()
        self._keep(record)
        _log.debug("request.submitted", **_names(record))
        ticket = self._ticket(record)
        self._carry_out(steps)
        return ticket

    def _complete(self, request: Request, wishes: Wishes) -> Request:
        """Fill in the agent's own extension, and check what can be checked here."""
        extension = (
            self._extensions(request.agent) or self.correlator.picture(request.agent).extension
        )
        if extension is not None:
            request = request.on_device(extension)
        if wishes.validate:
            request.validate(self.deployment)
        if request.gate is not Gate.NONE and request.device is None and extension is None:
            raise InvalidRequest(
                f"the extension of agent {request.agent} is not known; give targetMediaAddress or"
                " set `extension` in the settings",
                field="targetMediaAddress",
            )
        return request

    def _registration(self, record: Record, wishes: Wishes) -> Registration:
        request = record.request
        minimum = wishes.minimum_evidence or self.policy.minimum_evidence
        return Registration(
            key=record.key,
            request_id=record.request_id,
            own=request.device
            or self._extensions(request.agent)
            or self.correlator.picture(request.agent).extension,
            length=wishes.deadline or self._default_deadline(request, expected=record.expected),
            minimum=minimum,
            expected=record.expected,
            allow_repeat=wishes.allow_repeat,
        )

    def _default_deadline(self, request: Request, *, expected: bool) -> float | None:
        by_action = dict(self.policy.deadlines).get(key_of(request))
        if by_action is not None:
            return by_action
        # Silence has a window of its own length, which a general deadline must not stretch.
        silent = isinstance(request.expectation, Silence)
        return None if expected or silent else self.policy.deadline

    def _ticket(self, record: Record) -> Ticket:
        return Ticket(
            record,
            self._waiting[record.key],
            abandon=lambda reason: self.abandon(record.key, reason),
            report=lambda status, body: self.report(record.key, status, body),
            state=lambda: self.correlator.state(record.key),
        )

    def _keep(self, record: Record) -> None:
        self.records[record.key] = record
        while len(self.records) > MAX_RECORDS + len(self._waiting):
            oldest = next(iter(self.records))
            if oldest in self._waiting:
                self.records.move_to_end(oldest)
            else:
                del self.records[oldest]

    def abandon(self, key: str, reason: Reason = Reason.CALLER) -> None:
        """Stop waiting for a request; unknown and settled keys change nothing."""
        self._carry_out(self.correlator.abandon(self._loop.time(), key, reason))

    def report(self, key: str, status: int, body: bytes | None = None) -> None:
        """Take in what Finesse answered to a request that the caller sent."""
        self._answered(key, self._wire.judge(status, body))

    # -- heard ------------------------------------------------------------------------------

    def hear(self, notification: Notification) -> None:
        """Take in one notification; a payload that cannot be read is logged, no more."""
        try:
            update = parse_update(notification.payload)
        except MalformedUpdate as error:
            _log.warning(
                "notification.malformed",
                node=notification.node,
                reason=error.reason,
                detail=str(error),
                length=len(notification.payload),
            )
            return
        content = hash(notification.payload)
        for event in events_of(update, notification.node, notification.item_id):
            now = self._loop.time()
            news, steps = self.correlator.receive(now, event, content)
            if news:
                self._feed.put(event)
            self._carry_out(steps)

    def session_up(self, agent: str, look: Look) -> None:
        """Take note that an agent's session hears, and of what was read since."""
        self._carry_out(self.correlator.link_up(self._loop.time(), agent, look))
        _log.info("gap.closed", agent=agent)

    def session_down(self, agent: str, cause: str) -> None:
        """Take note that an agent's events may be lost from now on."""
        if self.correlator.picture(agent).live:
            _log.warning("gap.opened", agent=agent, cause=cause)
        self._carry_out(self.correlator.link_down(self._loop.time(), agent))

    def finesse_present(self, agent: str, *, available: bool) -> None:
        """Take note of the XMPP user `finesse`, as that agent's session sees it."""
        self.correlator.finesse_present(agent, available=available)

    def listen(self, agent: str | None) -> Subscription:
        """Collect events of one agent's nodes (None: of all) from now on."""
        return self._feed.subscribe(agent)

    def stop_listening(self, subscription: Subscription) -> None:
        """Stop collecting."""
        self._feed.unsubscribe(subscription)

    def on_settled(self, watcher: Callable[[Record], None]) -> None:
        """Call `watcher` with the record of each request as it is settled, and again when late."""
        self._watchers.append(watcher)

    # -- steps ------------------------------------------------------------------------------

    def _carry_out(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Send(key=key):
                    self._spawn(self._send(key), f"send {key}")
                case Ask():
                    self._spawn(self._ask(step), f"ask {step.key}")
                case Fence():
                    self._spawn(self._fence(step), f"fence {step.key}")
                case Settled(key=key, outcome=outcome):
                    self._settled(key, outcome)
                case Late():
                    self._late(step)
        self._arm()

    async def _send(self, key: str) -> None:
        record = self.records[key]
        record.sent = now_utc()
        answer = await self._wire.send(record.request, record.request_id)
        self._answered(key, answer)

    def _answered(self, key: str, answer: RestAnswer) -> None:
        record = self.records.get(key)
        if record is not None:
            record.answered, record.answered_at = now_utc(), self._loop.time()
            _log.debug("request.answered", **_names(record), status=answer.status)
        self._carry_out(self.correlator.answered(self._loop.time(), key, answer))

    async def _ask(self, ask: Ask) -> None:
        look = await self._wire.look(ask)
        self._carry_out(self.correlator.looked(self._loop.time(), ask.key, ask.serial, look))

    async def _fence(self, fence: Fence) -> None:
        passed = await self._ears.ping(fence.agent, FENCE_TIMEOUT)
        self._carry_out(self.correlator.fenced(self._loop.time(), fence.key, passed=passed))

    def _settled(self, key: str, outcome: Outcome) -> None:
        """Tell the caller; the only place in the program that sets a future's result."""
        record = self.records[key]
        record.outcome, record.settled = outcome, now_utc()
        future = self._waiting.pop(key)
        if not future.done():
            future.set_result(outcome)
        _log.info("request.settled", **_names(record), **_told(record, outcome, self._loop.time()))
        self._tell(record)

    def _late(self, late: Late) -> None:
        record = self.records.get(late.key)
        if record is not None and len(record.late) < MAX_LATE:
            record.late.append(late)
            _log.warning("request.late", **_names(record), kind=late.kind, detail=late.detail)
            self._tell(record)

    def _tell(self, record: Record) -> None:
        for watcher in self._watchers:
            watcher(record)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.correlator.next_deadline()
        if due is not None and not self._loop.is_closed():
            self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due = self.correlator.next_deadline()
        # A coarse clock may ring a little early; the core must see the time that it asked for.
        now = self._loop.time() if due is None else max(due, self._loop.time())
        self._carry_out(self.correlator.expire(now))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = self._loop.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[None, None, None], name: str) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001  a fault of ours: the request's deadline still settles it
            _log.exception("listener.failed", task=name)

    # -- end --------------------------------------------------------------------------------

    async def close(self, grace: float = 0.0) -> int:
        """Refuse new requests, wait up to `grace` seconds for open ones, abandon the rest.

        Returns how many were abandoned (or, still queued, rejected) with reason SHUTDOWN.
        """
        self._closing = True
        if self._waiting and grace > 0:
            await asyncio.wait(tuple(self._waiting.values()), timeout=grace)
        left = tuple(self._waiting)
        for key in left:
            self.abandon(key, Reason.SHUTDOWN)
        self._feed.close()
        await self._end_tasks()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return len(left)

    async def _end_tasks(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))


def now_utc() -> datetime:
    """Return the wall-clock time; the only place that reads it for records."""
    return datetime.now(UTC)


def new_key() -> str:
    """Return a new unique key that sorts by time (UUID version 7, RFC 9562)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def _names(record: Record) -> dict[str, str | None]:
    return {
        "id": record.key,
        "request_id": record.request_id,
        "agent": record.request.agent,
        "action": record.request.requested_action,
        "dialog": record.request.dialog_id,
    }


def _told(record: Record, outcome: Outcome, now: float) -> dict[str, object]:
    """Return what the one line per request says: the word, how it is known, and the three times."""
    begin, answered = record.submitted_at, record.answered_at
    errors = getattr(outcome, "errors", ())
    return {
        "outcome": outcome.kind,
        "evidence": getattr(outcome, "evidence", None),
        "reason": getattr(outcome, "reason", None),
        "status": outcome.status,
        "error": errors[0].error_message or errors[0].error_type if errors else None,
        "rest_ms": None if answered is None else round((answered - begin) * 1000),
        "event_ms": None if answered is None else round((now - answered) * 1000),
        "total_ms": round((now - begin) * 1000),
    }

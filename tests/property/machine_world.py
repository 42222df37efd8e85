"""The world around a correlator: a fake clock, ordered links, HTTP answers; it checks every step.

Knows what was asked and delivered and hands it to `machine_law`; decides nothing by itself: the
state machine in test_correlator_machine.py says what happens next.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from listener.correlation.correlator import NOT_REPORTED_AFTER, Correlator, Registration
from listener.correlation.pending import FINAL, TRANSITIONS, State
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
from listener.finesse.actions.expectation import Gate
from listener.finesse.events import (
    DialogAdded,
    DialogChanged,
    DialogRemoved,
    Event,
    RequestFailed,
    UserChanged,
)
from listener.finesse.model import ApiError
from tests.property.machine_law import Asked, Delivered, Record, check, one_change_each
from tests.property.machine_switch import AGENTS, EXTENSION, News, Switch

if TYPE_CHECKING:
    from listener.correlation.desk import Limits
    from listener.correlation.entry import Entry
    from listener.correlation.gate import GateMode
    from listener.finesse.actions.request import Request
    from tests.property.machine_restart import Successor

FENCE = 2.0
_VERBS = {"POST": DialogAdded, "PUT": DialogChanged, "DELETE": DialogRemoved}


@dataclass
class Queued:
    """What waits on a link: an event, or the answer to a ping (`fence`)."""

    event: Event | None = None
    cause: str | None = None
    index: int = 0
    fence: str | None = None
    heard_at: float = 0.0


@dataclass
class Link:
    """One agent's stream: ordered and reliable while it is up."""

    up: bool = True
    live: bool = True
    queue: list[Queued] = field(default_factory=list)
    heard: list[Queued] = field(default_factory=list)
    before_gap: list[Queued] = field(default_factory=list)
    look: Look | None = None


class World:
    """Drives one correlator and its successors; every call is recorded, to be played again."""

    def __init__(self, limits: Limits, gate: GateMode) -> None:
        self.now = 1000.0
        self.limits, self.gate = limits, gate
        self.switch = Switch()
        self.record = Record(self.switch)
        self.links = {agent: Link() for agent in AGENTS}
        self.asks: list[tuple[Ask, float, Look]] = []
        self.fences: list[str] = []
        self.played: list[tuple[str, tuple[object, ...], object]] = []
        self.correlator = Correlator(limits, gate)
        self.played.append(("new", (), None))
        self.items = 0
        self.broken = False
        self.leaving = True  # what is sent leaves at once
        self.on_their_way: list[str] = []
        self.states: dict[str, State] = {}
        self.successor: Successor | None = None
        self.old: dict[str, Entry] = {}  # entries of earlier processes

    @property
    def asked(self) -> dict[str, Asked]:
        return self.record.asked

    # -- the driver ---------------------------------------------------------------------------

    def drive(self, name: str, *args: object, **named: object) -> object:
        """Call the correlator, write it down, and take the steps that it gives."""
        self.broken = True  # until it is known better
        self.record.tick += 1
        result = getattr(self.correlator, name)(*args, **named)
        self.played.append((name, (args, named), result))
        steps = result[1] if isinstance(result, tuple) else result
        for step in steps or ():
            self._take(step)
        self._after()
        self.broken = False
        if self.leaving:
            self.leave()
        return result

    def leave(self) -> None:
        """Let all leave whose turn has come."""
        while self.on_their_way:
            key = self.on_their_way.pop(0)
            if (asked := self.asked.get(key)) is None or not asked.open:
                continue
            self.drive("leaves", self.now, key)
            if asked.open:
                assert self.correlator.state(key) in {State.SENT, State.IN_DOUBT}
                asked.sends += 1
                self.begin(asked)
                asked.baseline = self.correlator.baseline(key)

    def both(self, name: str, *args: object, **named: object) -> None:
        """Drive the correlator, and the one that may take over from it."""
        self.drive(name, *args, **named)
        if self.successor is not None:
            self.successor.drive(self.record.tick, name, *args, **named)

    def play_again(self) -> None:
        """Check that the same calls give the same steps."""
        other = Correlator(self.limits, self.gate)
        for name, args, result in self.played:
            if name == "new":
                other = Correlator(self.limits, self.gate)
                continue
            positional, named = args
            assert getattr(other, name)(*positional, **named) == result, f"{name} differs"

    def _take(self, step: Step) -> None:
        assert step.key in self.asked, f"a step for an unknown key: {step}"
        asked = self.asked[step.key]
        match step:
            case Send():
                self._sent(asked)
            case Ask():
                assert asked.open, "a GET for a settled request"
                self.asks.append((step, self.now, self.truth(asked.agent)))
            case Fence():
                assert asked.open, "a fence for a settled request"
                asked.fence_at = self.now
                self.links[asked.agent].queue.append(Queued(fence=asked.key))
            case Settled():
                assert asked.open, f"settled twice: {step}"
                asked.outcome, asked.settled_at = step.outcome, self.now
                asked.settled_tick = self.record.tick
                check(self.record, asked)
            case Late():
                assert not asked.open, "late, and not settled"

    def _sent(self, asked: Asked) -> None:
        asked.turns += 1
        assert asked.turns == 1, "sent twice"
        assert asked.open, "sent after its outcome"
        assert not asked.expected
        assert not asked.restarted
        self._gate(asked)
        self.on_their_way.append(asked.key)

    def begin(self, asked: Asked) -> None:
        """Note the moment of sending: later changes count, and those still on their way."""
        link = self.links[asked.agent]
        asked.sent_at, asked.sent_tick = self.now, self.record.tick
        asked.heard_live = link.live
        asked.since = len(self.switch.history) - 1
        coming = [each.index for each in link.queue if each.event is not None]
        if link.live and coming:
            asked.since = max(0, min(asked.since, min(coming) - 1))

    def _gate(self, asked: Asked) -> None:
        """Check that no other request holds the device, or that it is one that is let past."""
        gate = asked.request.gate
        if self.gate == "off" or gate is Gate.NONE:
            return
        for other in self.asked.values():
            same = other.agent == asked.agent and other is not asked and other.turns
            if same and other.open and not other.restarted and self._holds(other, gate):
                asked.busy = True
                assert asked.ungated, f"{other.key} holds the device"

    def _holds(self, other: Asked, gate: Gate) -> bool:
        theirs = other.request.gate
        if theirs is Gate.DTMF and gate is not Gate.DTMF:
            window = min(other.length, other.request.default_deadline)
            return other.accepted_at is not None and other.accepted_at + window > self.now
        return theirs is Gate.UNTIL_SETTLED or (
            theirs is Gate.UNTIL_ANSWERED and other.accepted_at is None
        )

    def _after(self) -> None:
        open_ = [key for key, each in self.asked.items() if each.open]
        assert sorted(self.correlator.open_keys()) == sorted(open_)
        assert len(open_) <= self.limits.max_pending
        for agent in AGENTS:
            mine = [key for key in open_ if self.asked[key].agent == agent]
            assert len(mine) <= self.limits.max_pending_per_agent
        self._moves()

    def _moves(self) -> None:
        for key, asked in self.asked.items():
            state = self.correlator.state(key)
            was = self.states.get(key)
            if state is None:
                continue
            assert (state in FINAL) is not asked.open
            if was is not None and was is not state:
                assert state in _reachable(was), f"{was} to {state}"
            if not asked.open:
                assert state == asked.outcome.kind
            self.states[key] = state

    # -- what was true ------------------------------------------------------------------------

    def truth(self, agent: str) -> Look:
        """Return what a GET would show at this moment."""
        listed = tuple(self.switch.dialogs[id_] for id_ in self.switch.listed[agent])
        return Look(asked=self.now, dialogs=listed, user=self.switch.users[agent])

    # -- asked --------------------------------------------------------------------------------

    def register(self, request: Request, request_id: str, **more: object) -> Asked:
        """Register a request; what must not be taken raises and leaves nothing behind."""
        key = f"k{len(self.asked)}"
        expected = bool(more.get("expected"))
        length = more.get("length") or (
            NOT_REPORTED_AFTER if expected else request.default_deadline
        )
        asked = Asked(key, request, request_id, float(length), self.now, expected)
        asked.ungated = bool(more.get("ungated")) and not expected
        before = self.correlator.open_keys()
        registration = Registration(
            key=key, request_id=request_id, own=EXTENSION[request.agent], **more
        )
        self.asked[key] = asked
        twins = self._share(asked)
        if expected:
            self.begin(asked)
        try:
            self.drive("register", self.now, request, registration)
        except Exception:
            del self.asked[key]
            for twin in twins:
                twin.id_shared = False
            assert self.correlator.open_keys() == before
            assert self.correlator.state(key) is None
            self.broken = False
            raise
        if expected:
            asked.baseline = self.correlator.baseline(key)
        assert asked.turns or not asked.ungated, "held back, and not to be"
        return asked

    def _share(self, asked: Asked) -> list[Asked]:
        """Note who has the same id; return those for whom that is new."""
        same = [
            each
            for each in self.asked.values()
            if each is not asked
            and (each.agent, each.request_id) == (asked.agent, asked.request_id)
            and self.correlator.state(each.key) is not None
        ]
        asked.id_shared = bool(same)
        fresh = [each for each in same if not each.id_shared]
        for each in fresh:
            each.id_shared = True
        return fresh

    def answer(self, asked: Asked, kind: AnswerKind) -> None:
        """Tell what came of the HTTP request."""
        status = {AnswerKind.ACCEPTED: 202, AnswerKind.REFUSED: 400}.get(kind)
        date = self.switch.date() if kind is AnswerKind.ACCEPTED else None
        if asked.open:
            asked.answers.append(kind)
            if kind is AnswerKind.ACCEPTED and asked.accepted_at is None:
                asked.accepted_at = self.now
                if asked.expected and asked.length == NOT_REPORTED_AFTER:
                    asked.length = min(asked.length, asked.request.default_deadline)
        self.drive("answered", self.now, asked.key, RestAnswer(kind, status, date=date))

    # -- published ----------------------------------------------------------------------------

    def publish(self, news: list[News], cause: Asked | None, tag: str | None) -> None:
        """Put notifications on the links that are up; on the others they are lost."""
        for each in news:
            self._enqueue(each.agent, self._event(each, tag), cause, each.index)

    def _event(self, news: News, tag: str | None) -> Event:
        self.items += 1
        base = {"owner": news.agent, "item_id": f"i{self.items}", "request_id": tag}
        if news.verb == "USER":
            assert news.user is not None
            return UserChanged(node=f"/finesse/api/User/{news.agent}", user=news.user, **base)
        assert news.dialog is not None
        node = f"/finesse/api/User/{news.agent}/Dialogs"
        shape = _VERBS[news.verb]
        return shape(node=node, dialog=news.dialog, dialog_id=news.dialog.id or "", **base)

    def error(
        self, agent: str, action: str | None, dialog: str | None, cause: Asked | None, tag: object
    ) -> None:
        """Publish an error on the agent's node; each has data of its own."""
        self.items += 1
        message = None if action is None else f"CF_GENERIC INVALID_ACTION {action}"
        event = RequestFailed(
            node=f"/finesse/api/User/{agent}/Dialogs",
            owner=agent,
            item_id=f"i{self.items}",
            request_id=tag,
            errors=(ApiError(error_data=f"e{self.items}", error_message=message),),
            dialog_id=dialog,
            user_id=agent if dialog is None else None,
        )
        if cause is not None and cause.fence_at is None and self.links[agent].up:
            cause.errors_before_fence += 1
        self._enqueue(agent, event, cause, len(self.switch.history) - 1)

    def _enqueue(self, agent: str, event: Event, cause: Asked | None, index: int) -> None:
        link = self.links[agent]
        if link.up:
            link.queue.append(Queued(event, cause.key if cause else None, index))

    def deliver(self, agent: str, many: int) -> None:
        """Let the correlator read that much of the agent's stream."""
        link = self.links[agent]
        for _ in range(min(many, len(link.queue))):
            first = link.queue.pop(0)
            if first.fence is not None:
                self.asked[first.fence].fence_passed = True
                self.drive("fenced", self.now, first.fence, passed=True)
            else:
                first.heard_at = self.now
                link.heard.append(first)
                self.hear(agent, first)

    def hear(self, agent: str, item: Queued, item_id: str | None = None) -> None:
        """Hand over one event, with a new item id if one is given."""
        assert item.event is not None
        event = item.event if item_id is None else replace(item.event, item_id=item_id)
        next_too = self.successor is not None and self.successor.hears(item)
        if item_id is None or item_id != item.event.item_id:
            alone = self.successor is not None and not next_too
            about = (self.now, agent, event, item.cause, item.index, self.record.tick + 1, alone)
            self.record.delivered.append(Delivered(*about))
        plain = replace(event, item_id=None)
        heard = ("receive", self.now, event, zlib.crc32(repr(plain).encode()) or 1)
        (self.both if next_too else self.drive)(*heard)

    # -- the link -----------------------------------------------------------------------------

    def lose(self, agent: str) -> None:
        """Lose the session, and with it all that was on its way."""
        link = self.links[agent]
        pings = [each.fence for each in link.queue if each.fence is not None]
        link.up = link.live = False
        link.queue, link.look = [], None
        link.before_gap = link.heard[-20:]
        for asked in self.asked.values():
            if asked.agent == agent:
                asked.heard_live = False
        self.both("link_down", self.now, agent)
        for key in pings:
            self.drive("fenced", self.now, key, passed=False)

    def connect(self, agent: str) -> None:
        """Begin a new session: events come again, and the GETs go out."""
        link = self.links[agent]
        self._clock(self.now + 0.001)  # no GET is asked in the moment of an event
        link.up = True
        link.look = self.truth(agent)

    def reconciled(self, agent: str, *, ok: bool) -> None:
        """Read the GETs' answers."""
        link = self.links[agent]
        assert link.look is not None
        self.both("link_up", self.now, agent, replace(link.look, ok=ok))
        link.live = link.live or ok
        link.look = None if ok else self.truth(agent)

    # -- time ---------------------------------------------------------------------------------

    def pass_time(self, seconds: float, *, reads: bool = False) -> None:
        """Let time pass, waking the correlator when it asked to be.

        With `reads` the links and the GETs' answers are read whenever it woke.
        """
        until = self.now + seconds
        while (due := self.correlator.next_deadline()) is not None and due <= until:
            self._clock(max(due, self.now))
            self.expire()
            if reads:
                self.read_all()
        self._clock(until)
        self.expire()

    def read_all(self) -> None:
        """Read what has come, on the links and from GETs."""
        for agent in AGENTS:
            self.deliver(agent, len(self.links[agent].queue))
        while self.asks:
            self.read_get(0, "then")

    def read_get(self, at: int, how: str) -> None:
        """Read a GET's answer: the picture from `then`, when it was sent, or from now, or none."""
        ask, asked, then = self.asks.pop(at)
        look = then if how == "then" else self.truth(ask.agent)
        look = replace(look, asked=asked, ok=how != "fails")
        self.drive("looked", self.now, ask.key, ask.serial, look)

    def _clock(self, now: float) -> None:
        self.switch.seconds += now - self.now
        self.now = now

    def oversleep(self, seconds: float) -> None:
        """Let time pass without waking it: the machine was busy."""
        self._clock(self.now + seconds)

    def expire(self) -> None:
        """Do all that is due, and check that nothing overdue is left."""
        self.drive("expire", self.now)
        due = self.correlator.next_deadline()
        assert due is None or due > self.now, "its next deadline is past"
        for asked in self.asked.values():
            if asked.open:
                assert self.now < self.bound(asked), f"{asked.key} is overdue"

    def bound(self, asked: Asked) -> float:
        """Return when a request must have its outcome, by the law."""
        if asked.fence_at is not None:
            return asked.fence_at + FENCE
        end = max(asked.deadline(), asked.handed_over or 0.0)
        if asked.action == "SEND_DTMF" and asked.accepted_at is not None and asked.left is None:
            earlier = [
                max(each.settled_at or self.now, asked.accepted_at)
                for each in self.asked.values()
                if each is not asked
                and each.agent == asked.agent
                and each.action == "SEND_DTMF"
                and (each.sent_at or 0.0) <= (asked.sent_at or 0.0)
            ]
            end = max([asked.accepted_at, *earlier]) + asked.length
        return end

    def finish(self) -> None:
        """Let all time pass; then everything has its outcome, and no change served twice."""
        if self.broken:
            return  # the failure has been told
        self.pass_time(200.0)
        assert not self.correlator.open_keys()
        assert all(not asked.open for asked in self.asked.values())
        one_change_each(self.record)
        self.play_again()


def _reachable(state: State) -> set[State]:
    """Return the states to which the table leads, in any number of moves."""
    found: set[State] = set()
    new = {state}
    while new:
        new = {to for each in new for to in TRANSITIONS[each].values()} - found
        found |= new
    return found

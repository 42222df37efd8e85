"""What tests are built from: valid values of which a test changes one thing, and stories.

A `Story` drives the correlator with a clock of its own, so that a test reads as what happened.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from listener.correlation.correlator import Correlator, Registration
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.steps import (
    AnswerKind,
    Ask,
    Fence,
    Late,
    Look,
    RestAnswer,
    Send,
    Settled,
)
from listener.finesse import uris
from listener.finesse.events import (
    DialogAdded,
    DialogChanged,
    DialogRemoved,
    RequestFailed,
    UserChanged,
    content_of,
)
from listener.finesse.model import (
    ApiError,
    CallVariable,
    Dialog,
    MediaProperties,
    Participant,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.correlation.outcome import Outcome
    from listener.finesse.actions.request import Request

AGENT = "agent1"
EXT = "1001"
CUSTOMER = "5550100"
CALL = "100"
NODE = uris.dialogs_node(AGENT)
_items = itertools.count(1)


def clock(seconds: float) -> str:
    """Return Finesse's own time, `seconds` after eight o'clock."""
    whole, part = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"2026-11-21T{8 + minutes // 60:02}:{minutes % 60:02}:{rest:02}.{part:03}Z"


def a_participant(
    address: str = EXT, state: str | None = "ACTIVE", at: float | None = 0.0, **changes: Any
) -> Participant:
    """Return a party on a call, which changed its state at that time of Finesse's."""
    time = None if at is None else clock(at)
    return replace(Participant(address, "AGENT_DEVICE", state, None, clock(0), time), **changes)


def a_dialog(
    id_: str = CALL,
    *parties: Participant,
    variables: Mapping[str, str | None] | None = None,
    media: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Dialog:
    """Return a call of the agent with a customer; both are ACTIVE unless parties are given."""
    data = tuple(CallVariable(name, value) for name, value in (variables or {}).items())
    dialog = Dialog(
        id=id_,
        state="ACTIVE",
        media_type="Voice",
        from_address=CUSTOMER,
        to_address=EXT,
        media_properties=replace(MediaProperties(call_variables=data), **(media or {})),
        participants=parties or (a_participant(), a_participant(CUSTOMER)),
    )
    return replace(dialog, **changes)


def a_user(state: str = "NOT_READY", at: float = 0.0, **changes: Any) -> User:
    """Return the agent, signed in at the own extension."""
    user = User(login_id=AGENT, extension=EXT, state=state, state_change_time=clock(at))
    return replace(user, **changes)


def own(state: str, at: float = 1.0, *, id_: str = CALL, **changes: Any) -> Dialog:
    """Return the call with the own participant in that state."""
    return a_dialog(id_, a_participant(state=state, at=at), a_participant(CUSTOMER), **changes)


def placed(
    state: str = "ALERTING", *, id_: str = "200", to: str | None = "5551", **changes: Any
) -> Dialog:
    """Return a call that the agent made, in that state."""
    mine = "ACTIVE" if state == "ACTIVE" else "INITIATED" if state == "ALERTING" else state
    parties = (a_participant(state=mine, at=1), a_participant(to or "", state, at=1))
    return replace(a_dialog(id_, *parties, state=state, from_address=EXT, to_address=to), **changes)


def an_event(
    dialog: Dialog | None = None,
    kind: type = DialogChanged,
    *,
    tag: str | None = None,
    owner: str | None = AGENT,
    item: str | None = None,
    dialog_id: str | None = None,
) -> Any:
    """Return an event on the agent's own node; each has an item id of its own."""
    shown = dialog if dialog is not None else a_dialog()
    return kind(
        node=uris.dialogs_node(owner) if owner else "/finesse/api/Dialog/100",
        owner=owner,
        item_id=item or f"item-{next(_items)}",
        request_id=tag,
        dialog=shown,
        dialog_id=dialog_id or shown.id or CALL,
    )


def added(dialog: Dialog, **changes: Any) -> DialogAdded:
    """Return the POST of a dialog."""
    return an_event(dialog, DialogAdded, **changes)


def removed(dialog: Dialog | None = None, **changes: Any) -> DialogRemoved:
    """Return the DELETE of a dialog, whose own participant is DROPPED unless one is given."""
    return an_event(own("DROPPED") if dialog is None else dialog, DialogRemoved, **changes)


def an_error(
    message: str = "Generic Error",
    *,
    tag: str | None = None,
    dialog_id: str | None = CALL,
    user_id: str | None = None,
    owner: str | None = AGENT,
    **error: Any,
) -> RequestFailed:
    """Return an error on the agent's own node about the call."""
    return RequestFailed(
        node=uris.dialogs_node(owner or "none"),
        owner=owner,
        item_id=f"item-{next(_items)}",
        request_id=tag,
        errors=(ApiError(error_type="Generic Error", error_message=message, **error),),
        dialog_id=dialog_id,
        user_id=user_id,
    )


def a_user_event(user: User, *, tag: str | None = None, owner: str | None = AGENT) -> UserChanged:
    """Return a PUT of the agent."""
    return UserChanged(
        node=uris.user_node(owner or "none"),
        owner=owner,
        item_id=f"item-{next(_items)}",
        request_id=tag,
        user=user,
    )


class Story:
    """A correlator with a clock of its own; what it asks of the world is noted, in order.

    `fences` says what becomes of a ping at once: True (answered), False (not), None (nothing yet).
    `leaving`: what is sent leaves at once; False: when it is told to.
    """

    def __init__(
        self,
        *dialogs: Dialog,
        gate: GateMode = GateMode.QUEUE,
        limits: Limits | None = None,
        user: User | None = None,
        live: bool = True,
        fences: bool | None = True,
        leaving: bool = True,
    ) -> None:
        self.now = 1000.0
        self.correlator = Correlator(limits or Limits(), gate)
        self.fences = fences
        self.leaving = leaving
        self.sent: list[str] = []
        self.asks: list[Ask] = []
        self.pings: list[Fence] = []
        self.lates: list[Late] = []
        self.outcomes: dict[str, Outcome] = {}
        self.order: list[str] = []
        self._keys = itertools.count(1)
        self._contents = itertools.count(1)
        if live:
            self.link_up(*(dialogs or (a_dialog(),)), user=user or a_user())

    # -- what is done -----------------------------------------------------------------------

    def _carry_out(self, steps: Any) -> None:
        for step in steps:
            match step:
                case Send(key=key):
                    self.sent.append(key)
                    if self.leaving:
                        self.leave(key)
                case Ask():
                    self.asks.append(step)
                case Fence():
                    self.pings.append(step)
                case Settled(key=key, outcome=outcome):
                    assert key not in self.outcomes, "an outcome is said once"
                    self.outcomes[key] = outcome
                    self.order.append(key)
                case Late():
                    self.lates.append(step)
        if self.fences is not None:
            for step in [each for each in steps if isinstance(each, Fence)]:
                self.fence(step.key, passed=self.fences)

    def wait(self, seconds: float) -> None:
        """Let time pass; the timer rings whenever it is due."""
        until = self.now + seconds
        while (due := self.correlator.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self._carry_out(self.correlator.expire(self.now))
        self.now = until

    def asleep(self, seconds: float) -> None:
        """Let time pass that the program does not see; it hears first, and then is `awake`."""
        self.now += seconds
        self.correlator.stood_still()

    def awake(self) -> None:
        """Let time count again."""
        self._carry_out(self.correlator.expire(self.now))

    def ask(self, request: Request, *, id_: str | None = None, **registration: Any) -> str:
        """Register a request; its key is also its requestId unless one is given."""
        key = f"r{next(self._keys)}"
        registration.setdefault("own", EXT)
        made = Registration(key=key, request_id=id_ or key, **registration)
        self._carry_out(self.correlator.register(self.now, request, made))
        return key

    def leave(self, key: str) -> None:
        """Let the first byte of a request leave."""
        self._carry_out(self.correlator.leaves(self.now, key))

    def accepted(self, request: Request, **registration: Any) -> str:
        """Register a request and let Finesse accept it at once."""
        key = self.ask(request, **registration)
        self.accept(key)
        return key

    def _earlier(self, how: dict[str, Any]) -> Registration:
        key = f"r{next(self._keys)}"
        names = ("own", "length", "minimum", "expected", "ungated")
        given = {name: how.pop(name) for name in names if name in how}
        given.setdefault("own", EXT)
        return Registration(key=key, request_id=how.pop("id_", key), **given)

    def adopt(self, request: Request, *, baseline: Any, left: float, **how: Any) -> str:
        """Take over a request of an earlier process."""
        made = self._earlier(how)
        how.setdefault("accepted", True)
        self._carry_out(
            self.correlator.adopt(self.now, request, made, baseline=baseline, left=left, **how)
        )
        return made.key

    def rehear(self, key: str, *events: Any) -> None:
        """Tell an adopted request what was heard since it was sent."""
        for event in events:
            self._carry_out(self.correlator.rehear(self.now, key, event, content_of(event)))

    def remember(self, request: Request, outcome: Outcome, **when: Any) -> str:
        """Put back a request that an earlier process settled, a moment ago unless it is said."""
        made = self._earlier(when)
        times = {"age": 1.0, "settled_ago": 0.5, "left": 15.0} | when
        steps = self.correlator.remember(self.now, request, made, outcome, **times)
        assert steps == []
        return made.key

    def answer(self, key: str, kind: AnswerKind, **answer: Any) -> None:
        """Tell what Finesse answered."""
        self._carry_out(self.correlator.answered(self.now, key, RestAnswer(kind, **answer)))

    def accept(self, key: str, **answer: Any) -> None:
        """Let Finesse answer 202."""
        self.answer(key, AnswerKind.ACCEPTED, status=202, **answer)

    def refuse(self, key: str, status: int = 400) -> None:
        """Let Finesse refuse it."""
        self.answer(key, AnswerKind.REFUSED, status=status)

    def doubt(self, key: str) -> None:
        """Let the answer say nothing."""
        self.answer(key, AnswerKind.DOUBTFUL)

    def hear(self, *events: Any, content: int | None = None) -> bool:
        """Take in events, one after the other; say whether the last was news."""
        news = True
        for event in events:
            about = next(self._contents) if content is None else content
            news, steps = self.correlator.receive(self.now, event, about)
            self._carry_out(steps)
        return news

    def link_down(self, agent: str = AGENT) -> None:
        """Lose the agent's session."""
        self._carry_out(self.correlator.link_down(self.now, agent))

    def link_up(self, *dialogs: Dialog, user: User | None = None, **look: Any) -> None:
        """Have the agent's session up, with what was read."""
        agent = look.pop("agent", AGENT)
        seen = Look(look.pop("asked", self.now), dialogs=dialogs, user=user, **look)
        self._carry_out(self.correlator.link_up(self.now, agent, seen))

    def look(self, *dialogs: Dialog, ask: Ask | None = None, **look: Any) -> None:
        """Answer the last GET that was asked for, with the agent's list of dialogs."""
        asked = ask or self.asks[-1]
        look.setdefault("user", a_user())
        seen = Look(look.pop("asked", self.now), dialogs=look.pop("listed", dialogs), **look)
        self._carry_out(self.correlator.looked(self.now, asked.key, asked.serial, seen))

    def fence(self, key: str, *, passed: bool) -> None:
        """Answer a ping."""
        self._carry_out(self.correlator.fenced(self.now, key, passed=passed))

    def abandon(self, key: str, *reason: Any) -> None:
        """Stop waiting."""
        self._carry_out(self.correlator.abandon(self.now, key, *reason))

    # -- what came of it --------------------------------------------------------------------

    def said(self, key: str) -> tuple[str, str | None]:
        """Return an outcome's word and its evidence or reason; "open" while there is none."""
        outcome = self.outcomes.get(key)
        if outcome is None:
            return "open", None
        why = getattr(outcome, "evidence", None) or getattr(outcome, "reason", None)
        return outcome.kind, why.value if why is not None else None

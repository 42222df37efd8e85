"""A state machine that plays everything at once against the correlator, and knows the truth.

The usual run is small, and the same each time. A large one, new each time:
HYPOTHESIS_PROFILE=nightly pytest tests/property/test_correlator_machine.py
Profiles are this file's own and are applied to this machine alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import DeviceBusy, DuplicateRequestId, TooManyPending
from listener.finesse.actions.calls import (
    Answer,
    Conference,
    ConsultCall,
    Drop,
    Hold,
    MakeCall,
    Retrieve,
    Transfer,
    TransferSst,
)
from listener.finesse.actions.dialogs import SendDtmf, StartRecording, UpdateCallData
from listener.finesse.actions.other import OtherRequest
from listener.finesse.actions.users import NotReady, Ready
from tests.property.machine_law import UNKNOWN
from tests.property.machine_restart import Successor, hand_over, restart
from tests.property.machine_switch import AGENTS, CUSTOMERS, EXTENSION, OUTSIDE, VALUES
from tests.property.machine_world import World

if TYPE_CHECKING:
    from listener.finesse.actions.request import Request
    from tests.property.machine_law import Asked
    from tests.property.machine_switch import News

ON_DIALOG = {
    "HOLD": Hold,
    "RETRIEVE": Retrieve,
    "ANSWER": Answer,
    "DROP": Drop,
    "TRANSFER": Transfer,
    "CONFERENCE": Conference,
    "START_RECORDING": StartRecording,
}
ACTIONS = (
    *("HOLD", "RETRIEVE", "ANSWER", "DROP", "TRANSFER", "CONFERENCE", "START_RECORDING"),
    *("SEND_DTMF", "SEND_DTMF", "UPDATE_CALL_DATA", "MAKE_CALL", "CONSULT_CALL", "TRANSFER_SST"),
    *("READY", "NOT_READY", UNKNOWN),
)
FITTING = {
    "ALERTING": ("ANSWER", "UPDATE_CALL_DATA"),
    "ACTIVE": (
        *("HOLD", "DROP", "SEND_DTMF", "START_RECORDING", "UPDATE_CALL_DATA", "CONSULT_CALL"),
        "TRANSFER_SST",
    ),
    "HELD": ("RETRIEVE", "TRANSFER", "CONFERENCE", "UPDATE_CALL_DATA", "DROP"),
}
"""What may come of a request in that state of the own party; most requests are such."""
CHOICES = {"fits": FITTING, "already": {"ACTIVE": ("RETRIEVE", "ANSWER"), "HELD": ("HOLD",)}}
MAX_OPEN, MAX_OPEN_PER_AGENT = 7, 5
IDS = ("own", "own", "own", "own", "145")
TAGS = st.sampled_from(("own", "own", "none", "none"))
SCRIPTS = (
    *("nothing", "202", "202", "202 done", "done", "done 202", "done hear 202", "202 no hear"),
    *("202 done hear", "202 done hear", "202 plain hear", "202 plain hear", "202 plain"),
    *("plain hear", "plain hear 202", "refused", "doubtful plain hear", "not_sent", "202 plain"),
    *("202 data hear", "data hear 202"),
    *("202 done hear over", "202 plain hear over", "over 202 plain hear", "no hear over"),
    *("202 plain restart up", "no restart up"),
)
NUMBER = st.integers(0, 11)
AGENT = st.sampled_from(AGENTS)


class CorrelatorMachine(RuleBasedStateMachine):
    """Agents, a phone, a desktop, a network and a clock, against one correlator."""

    world: World

    @initialize(
        gate=st.sampled_from(GateMode),
        calls=st.lists(st.tuples(AGENT, NUMBER, st.booleans()), min_size=2, max_size=5),
        consults=st.sets(AGENT),
    )
    def begin(self, gate: GateMode, calls: list[tuple[str, int, bool]], consults: set[str]) -> None:
        self.world = World(Limits(MAX_OPEN, MAX_OPEN_PER_AGENT), gate)
        world = self.world
        for agent, number, talks in calls:
            state = "ACTIVE" if talks else "ALERTING"
            if len(world.switch.listed[agent]) < 3:
                world.switch.incoming(agent, CUSTOMERS[number % 2], state)
        for agent in sorted(consults):
            self._consult(agent)
        for agent in AGENTS:
            world.drive("link_up", world.now, agent, world.truth(agent))
        self.foreign = 0

    def _consult(self, agent: str) -> None:
        """Put the agent into a consult call, if it has an active call to begin with."""
        switch = self.world.switch
        active = [id_ for id_ in switch.listed[agent] if switch.own(agent, id_) == "ACTIVE"]
        if active and switch.call(agent, OUTSIDE[1], None, active[0]) is not None:
            for _ in range(3):
                switch.progress(switch.listed[agent][-1], fails=False)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish()

    # -- asked ------------------------------------------------------------------------------

    def _request(
        self, agent: str, action: str, number: int, *, which: str = "any"
    ) -> Request | None:
        listed = self.world.switch.listed[agent] or sorted(self.world.switch.dialogs)
        to = (*OUTSIDE, *(EXTENSION[a] for a in AGENTS if a != agent))[number % 3]
        if action == "MAKE_CALL":
            return MakeCall(agent=agent, from_address=EXTENSION[agent], to_address=to)
        if action in {"READY", "NOT_READY"}:
            return {"READY": Ready, "NOT_READY": NotReady}[action](agent=agent)
        if not listed:
            return None
        id_ = listed[number % len(listed)]
        if action == UNKNOWN:
            return self._unknown(agent, id_ if number % 3 else None)
        if which in CHOICES:
            fitting = CHOICES[which].get(self.world.switch.own(agent, id_) or "", (action,))
            action = action if action in fitting else fitting[number % len(fitting)]
        place = {
            "agent": agent,
            "dialog_id": id_,
            "target_media_address": EXTENSION[agent],
        }
        match action:
            case "SEND_DTMF":
                return SendDtmf(dtmf_string="1" * (1 + number % 4), **place)
            case "UPDATE_CALL_DATA":
                return UpdateCallData(
                    call_variables={"callVariable1": VALUES[number % len(VALUES)]}, **place
                )
            case "CONSULT_CALL":
                return ConsultCall(to_address=to, **place)
            case "TRANSFER_SST":
                return TransferSst(to_address=to, **place)
            case _:
                return ON_DIALOG[action](**place)

    def _unknown(self, agent: str, dialog: str | None) -> Request:
        path = f"/finesse/api/Dialog/{dialog}" if dialog else f"/finesse/api/User/{agent}"
        return OtherRequest(
            agent=agent, requested_action=UNKNOWN, method="PUT", path=path, dialog_id=dialog
        )

    @rule(
        agent=AGENT,
        action=st.sampled_from(ACTIONS),
        number=NUMBER,
        id_=st.sampled_from(IDS),
        length=st.sampled_from((None, None, None, 1.0, 8.0, 30.0)),
        minimum=st.sampled_from((*[MinimumEvidence.ANY] * 5, *MinimumEvidence)),
        expected=st.sampled_from((False, False, False, True)),
        repeat=st.booleans(),
        ungated=st.sampled_from((False, False, False, True)),
        then=st.sampled_from(SCRIPTS),
        which=st.sampled_from(("fits", "fits", "fits", "any", "same", "already")),
    )
    def ask(
        self,
        *,
        agent: str,
        action: str,
        number: int,
        id_: str,
        length: float | None,
        minimum: MinimumEvidence,
        expected: bool,
        repeat: bool,
        ungated: bool,
        then: str,
        which: str,
    ) -> None:
        request = self._request(agent, action, number, which=which)
        if which == "same" and self.world.asked:
            request = list(self.world.asked.values())[-1].request
            agent = request.agent
        if request is None:
            return
        world = self.world
        request_id = f"r{len(world.asked)}" if id_ == "own" else id_
        if "over" in then.split() and number % 4:
            self._successor()
        open_ = [each for each in world.asked.values() if each.open]
        mine = [each for each in open_ if each.agent == agent]
        full = len(open_) >= MAX_OPEN or len(mine) >= MAX_OPEN_PER_AGENT
        twin = any(each.request_id == request_id for each in mine) and not repeat
        more = {"length": length, "minimum": minimum, "expected": expected, "allow_repeat": repeat}
        more["ungated"] = ungated
        try:
            asked = world.register(request, request_id, **more)
        except TooManyPending:
            assert full
            return
        except DuplicateRequestId:
            assert twin
            return
        except DeviceBusy:
            assert world.gate is GateMode.REFUSE
            assert not expected
            assert not ungated
            return
        assert not full
        assert not twin
        for word in then.split():
            self._play(asked, word, number)

    def _play(self, asked: Asked, word: str, number: int) -> None:
        """Let one word of a script happen, unless the request is still in its queue."""
        if word == "hear":
            self.world.deliver(asked.agent, 20)
        elif word == "stale":
            self._publish_again(asked.agent)
        elif word in {"over", "restart", "up"}:
            self._next_process(word, by_event=bool(number % 2))
        elif not (asked.sends or asked.expected):
            return
        elif word == "202" and asked.open:
            self.world.answer(asked, AnswerKind.ACCEPTED)
        elif word in {"done", "plain"}:
            self._execute(asked, "own" if word == "done" else "none", 0)
        elif word in {"refused", "doubtful", "not_sent"}:
            self.world.answer(asked, AnswerKind(word))
        elif word == "data":
            value = "".join(VALUES[: 1 + number % 3])
            news = self.world.switch.set_data(asked.request.dialog_id or "", value)
            self.world.publish(news or [], None, None)
        elif word == "no":
            self._refuse(asked, None if number % 2 else asked.request_id, number)

    def _publish_again(self, agent: str) -> None:
        """Let all come again that was heard before the gap, with new item ids."""
        for item in self.world.links[agent].before_gap:
            self.world.items += 1
            self.world.hear(agent, item, f"i{self.world.items}")

    def _waiting(self) -> list[Asked]:
        """Return what was sent by this process and may still be answered or carried out."""
        return [
            each
            for each in self.world.asked.values()
            if (each.sends or each.expected)
            and self.world.correlator.state(each.key) is not None
            and each.accepted_at is None
            and (each.expected or not each.restarted)
            and not {AnswerKind.REFUSED, AnswerKind.NOT_SENT} & set(each.answers)
        ]

    def _doable(self) -> list[Asked]:
        return [
            each
            for each in self.world.asked.values()
            if (each.sends or each.expected)
            and each.executed is None
            and not each.refused
            and not {AnswerKind.REFUSED, AnswerKind.NOT_SENT} & set(each.answers)
        ]

    @rule()
    def wait_with_leaving(self) -> None:
        """Let requests wait for a connection when their turn comes, until the next time."""
        self.world.leaving = not self.world.leaving
        if self.world.leaving:
            self.world.leave()

    @precondition(lambda self: self._waiting())
    @rule(
        number=NUMBER,
        kind=st.sampled_from((*[AnswerKind.ACCEPTED] * 4, *AnswerKind)),
    )
    def answer(self, number: int, kind: AnswerKind) -> None:
        waiting = self._waiting()
        asked = waiting[number % len(waiting)]
        done = asked.executed is not None or asked.refused
        if done and kind in {AnswerKind.REFUSED, AnswerKind.NOT_SENT}:
            kind = AnswerKind.ACCEPTED
        self.world.answer(asked, kind)

    @rule(number=NUMBER, kind=st.sampled_from(AnswerKind))
    def answer_again(self, number: int, kind: AnswerKind) -> None:
        """Give a second answer after a 202, which may contradict it."""
        given = [a for a in self.world.asked.values() if a.accepted_at is not None]
        if given:
            asked = given[number % len(given)]
            status = 202 if kind is AnswerKind.ACCEPTED else 400
            self.world.drive("answered", self.world.now, asked.key, RestAnswer(kind, status))

    # -- done -------------------------------------------------------------------------------

    @precondition(lambda self: self._doable())
    @rule(number=NUMBER, tag=TAGS, how=NUMBER)
    def carry_out(self, number: int, tag: str, how: int) -> None:
        doable = self._doable()
        self._execute(doable[number % len(doable)], tag, how)

    def _execute(self, asked: Asked, tag: str, how: int) -> None:
        news = self._effect(asked.request, how)
        id_ = asked.request_id if tag == "own" else None
        if news is None:
            self._refuse(asked, id_, how)
            return
        asked.executed = len(self.world.switch.history) - 1
        self.world.publish(news, asked, id_)

    def _effect(self, request: Request, how: int) -> list[News] | None:
        switch, agent, id_ = self.world.switch, request.agent, request.dialog_id or ""
        match request.requested_action:
            case "HOLD":
                return switch.move(agent, id_, "ACTIVE", "HELD")
            case "RETRIEVE":
                return switch.move(agent, id_, "HELD", "ACTIVE")
            case "ANSWER":
                return switch.move(agent, id_, "ALERTING", "ACTIVE")
            case "DROP":
                return switch.drop(agent, id_, how % 3)
            case "TRANSFER" | "CONFERENCE":
                return switch.join(agent, id_, stay=request.requested_action == "CONFERENCE")
            case "UPDATE_CALL_DATA":
                return switch.set_data(id_, request.variables[0][1])
            case "MAKE_CALL" | "CONSULT_CALL":
                plan = "0" + request.to_address if how == 7 else None
                return switch.call(agent, request.to_address, plan, request.dialog_id)
            case "TRANSFER_SST":
                return switch.send_away(agent, id_, request.to_address)
            case "READY" | "NOT_READY":
                return switch.be(agent, request.requested_action, pending=how == 5)
            case _:
                return self._effect_unseen(request, how)

    def _effect_unseen(self, request: Request, how: int) -> list[News] | None:
        """Do what changes nothing that is known here, as if it were done."""
        switch, agent, id_ = self.world.switch, request.agent, request.dialog_id or ""
        if request.requested_action == UNKNOWN:
            return switch.tell(agent, id_) if how % 4 != 3 else None
        return [] if switch.own(agent, id_) == "ACTIVE" else None

    def _refuse(self, asked: Asked, tag: str | None, how: int) -> None:
        asked.refused = True
        action = asked.action if how % 3 == 0 else None
        dialog = asked.request.dialog_id
        self.world.error(asked.agent, action, dialog, asked, tag)

    @precondition(lambda self: self._doable())
    @rule(number=NUMBER, tag=TAGS, how=NUMBER)
    def refuse(self, number: int, tag: str, how: int) -> None:
        doable = self._doable()
        asked = doable[number % len(doable)]
        self._refuse(asked, asked.request_id if tag == "own" else None, how)

    @rule(
        number=NUMBER,
        tag=TAGS,
        fails=st.sampled_from((False, False, False, True)),
        stages=st.integers(1, 3),
    )
    def get_on(self, number: int, tag: str, stages: int, *, fails: bool) -> None:
        """Let a new call go further; its events bear its request's id, or none."""
        world = self.world
        new = [i for i, d in world.switch.dialogs.items() if d.from_address in EXTENSION.values()]
        if not new:
            return
        id_ = new[-1] if number % 2 else new[-1 - number % len(new)]
        for _ in range(stages):
            if news := world.switch.progress(id_, fails=fails):
                world.publish(news, None, self._id_of(id_) if tag == "own" else None)

    @rule(agent=AGENT, number=NUMBER, told=st.booleans())
    def call_at_once(self, agent: str, number: int, *, told: bool) -> None:
        """Make a call while the phone makes another, to another number; both ring."""
        world, to = self.world, OUTSIDE[number % 2]
        request = MakeCall(agent=agent, from_address=EXTENSION[agent], to_address=to)
        try:
            asked = world.register(request, f"r{len(world.asked)}")
        except (TooManyPending, DeviceBusy):
            return
        self._play(asked, "202", number)
        other = OUTSIDE[1 - number % 2] if number % 3 else "0" + to
        news = world.switch.call(agent, other) or []
        id_ = world.switch.listed[agent][-1]
        for _ in range(2):
            news += world.switch.progress(id_, fails=False) or []
        world.publish(news, None, None)
        if told:
            world.deliver(agent, 20)

    def _id_of(self, dialog: str) -> str | None:
        """Return the id of the request that made a call."""
        for asked in self.world.asked.values():
            if asked.executed is None or asked.action not in {"MAKE_CALL", "CONSULT_CALL"}:
                continue
            snap = self.world.switch.history[asked.executed]
            if dialog in snap.dialogs and (
                dialog not in self.world.switch.history[asked.executed - 1].dialogs
            ):
                return asked.request_id
        return None

    # -- others -----------------------------------------------------------------------------

    @rule(
        agent=AGENT,
        action=st.sampled_from([a for a in ACTIONS if a not in {"SEND_DTMF", "START_RECORDING"}]),
        number=NUMBER,
        how=NUMBER,
        tag=st.sampled_from(("none", "none", "none", "foreign", "ours")),
    )
    def stranger_acts(self, agent: str, action: str, number: int, how: int, tag: str) -> None:
        """Do the same things from the phone, or another client."""
        request = self._request(agent, action, number)
        news = self._effect(request, how) if request is not None else None
        if news:
            self.world.publish(news, None, self._foreign(tag, number))

    def _foreign(self, tag: str, number: int) -> str | None:
        if tag == "none":
            return None
        if tag == "foreign":
            self.foreign += 1
            return f"f{self.foreign}"
        ids = [asked.request_id for asked in self.world.asked.values()] or ["145"]
        chosen = ids[number % len(ids)]
        self.world.record.strangers_with_our_id.add(chosen)
        return chosen

    @rule(agent=AGENT, number=NUMBER, tag=st.sampled_from(("none", "foreign")))
    def stranger_fails(self, agent: str, number: int, tag: str) -> None:
        """Refuse the desktop's own request."""
        listed = self.world.switch.listed[agent]
        dialog = listed[number % len(listed)] if listed and number % 4 else None
        action = ACTIONS[number % len(ACTIONS)] if number % 2 else None
        self.world.error(agent, action, dialog, None, self._foreign(tag, number))

    @rule(number=NUMBER)
    def customer_hangs_up(self, number: int) -> None:
        switch = self.world.switch
        live = [id_ for agent in AGENTS for id_ in switch.listed[agent]]
        if live:
            self.world.publish(switch.hang_up(live[number % len(live)]) or [], None, None)

    @rule(agent=AGENT, number=NUMBER)
    def customer_calls(self, agent: str, number: int) -> None:
        switch = self.world.switch
        if len(switch.listed[agent]) < 3:
            news = switch.incoming(agent, CUSTOMERS[number % 2], "ALERTING")
            self.world.publish(news, None, None)

    # -- heard ------------------------------------------------------------------------------

    @rule(agent=AGENT, many=st.sampled_from((1, 2, 5, 20)))
    def deliver(self, agent: str, many: int) -> None:
        self.world.deliver(agent, many)

    @rule()
    def deliver_all(self) -> None:
        for agent in AGENTS:
            self.world.deliver(agent, 100)

    @rule(agent=AGENT, number=NUMBER, what=st.sampled_from(("swap", "same", "again")))
    def twice_or_swapped(self, agent: str, number: int, what: str) -> None:
        """Let an event come out of order, or twice: with its item id, or published again."""
        world, link = self.world, self.world.links[agent]
        if what == "swap":
            self._swap(agent, number)
        elif what == "same" and link.up and link.heard:
            item = link.heard[-1 - number % len(link.heard)]
            world.hear(agent, item, item.event.item_id)
        elif what == "again" and link.up:
            # The last one twice in a moment, or after a gap those from before it.
            last = [item for item in link.heard[-1:] if world.now - item.heard_at < 2.0]
            again = link.before_gap or last
            world.items += 1
            for item in again[-1 - number % max(1, len(again)) :][:1]:
                world.hear(agent, item, f"i{world.items}")

    def _swap(self, agent: str, number: int) -> None:
        # An answer to a ping stays where it is.
        queue = self.world.links[agent].queue
        at = number % max(1, len(queue) - 1)
        two = queue[at : at + 2]
        if len(two) == 2 and two[0].fence is None and two[1].fence is None:
            queue[at : at + 2] = two[::-1]

    # -- the link, GETs, time ------------------------------------------------------------------

    @precondition(lambda self: any(not link.live for link in self.world.links.values()))
    @rule(ok=st.sampled_from((True, True, True, False)), pause=st.booleans())
    def session(self, *, ok: bool, pause: bool) -> None:
        """Let the session come up; its GETs are read at once, or the next time."""
        world = self.world
        agent = next(agent for agent in AGENTS if not world.links[agent].live)
        fresh = world.links[agent].look is None
        if fresh:
            world.connect(agent)
        if not (fresh and pause):
            world.reconciled(agent, ok=ok)

    @precondition(lambda self: self.world.asks)
    @rule(number=NUMBER, how=st.sampled_from(("then", "now", "now", "fails")))
    def read_get(self, number: int, how: str) -> None:
        """Read a GET's answer: the picture from when it was sent or from now, or none."""
        world = self.world
        world.read_get(number % len(world.asks), how)

    @rule(
        seconds=st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 5.0, 12.0, 17.0, 40.0)),
        reads=st.sampled_from((True, True, False)),
    )
    def wait(self, seconds: float, *, reads: bool) -> None:
        """Let time pass; what comes is read as it comes, or it waits."""
        self.world.pass_time(seconds, reads=reads)

    @rule(
        what=st.sampled_from(
            ("gap", "gap", "away", "here", "oversleep", "abandon", "restart", "over", "over")
        ),
        agent=AGENT,
        number=NUMBER,
        really=st.booleans(),
    )
    def trouble(self, what: str, agent: str, number: int, *, really: bool) -> None:
        """Let something go wrong that seldom does."""
        world = self.world
        keys = world.correlator.open_keys()
        if what == "gap" and world.links[agent].up:
            world.lose(agent)
        elif what in {"away", "here"}:
            world.both("finesse_present", agent, available=what == "here")
        elif what == "oversleep":
            world.oversleep((0.1, 1.0, 3.0, 30.0)[number % 4])
        elif what == "abandon" and keys and really:
            world.drive("abandon", world.now, keys[number % len(keys)])
        elif what == "restart" and really:
            restart(world)
        elif what == "over":
            self._next_process("over", by_event=really)

    @rule(
        agent=AGENT,
        action=st.sampled_from(("HOLD", "UPDATE_CALL_DATA", "READY", "SEND_DTMF", "MAKE_CALL")),
        number=NUMBER,
        many=st.integers(1, 2),
        expected=st.sampled_from((False, False, True)),
        then=st.sampled_from(
            (
                *("plain hear over", "no hear over", "plain over hear", "no over hear"),
                *("plain restart up", "no restart up", "restart up stale", "restart plain up"),
            )
        ),
    )
    def into_the_next_process(
        self, *, agent: str, action: str, number: int, many: int, expected: bool, then: str
    ) -> None:
        """Send one request, or the same twice, and let one be done; the next process judges."""
        request = self._request(agent, action, number, which="fits")
        if request is None:
            return
        if "over" in then:
            self._successor()
        if action == "UPDATE_CALL_DATA":
            self._old_values(agent, request)
        for _ in range(many):
            try:
                more = {"ungated": not expected, "expected": expected}
                asked = self.world.register(request, f"r{len(self.world.asked)}", **more)
            except TooManyPending:
                return
            if not expected:
                self._play(asked, "202", number)
        for word in then.split():
            self._play(asked, word, 1)

    def _old_values(self, agent: str, request: Request) -> None:
        """Let the call have the values that are to be set, and then others."""
        if not isinstance(request, UpdateCallData):
            return
        wanted = request.variables[0][1]
        for value in (wanted, wanted + "'"):
            news = self.world.switch.set_data(request.dialog_id, value)
            self.world.publish(news or [], None, None)
        self.world.deliver(agent, 20)

    def _successor(self) -> None:
        """Let the next process begin to hear, beside the one that there is."""
        if self.world.successor is None:
            self.world.successor = Successor.of(self.world)

    def _next_process(self, word: str, *, by_event: bool) -> None:
        """Let the next process take over, or start after the end of this one, or hear."""
        world = self.world
        if word == "restart":
            restart(world)
        elif word == "up":
            for agent in AGENTS:
                if not world.links[agent].live:
                    world.connect(agent)
                    world.reconciled(agent, ok=True)
        elif world.successor is None:
            self._successor()
        else:
            hand_over(world, by_event=by_event)


_COMMON = {
    "stateful_step_count": 40,
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
PROFILES = {
    "default": settings(max_examples=400, derandomize=True, **_COMMON),
    "nightly": settings(max_examples=20_000, **_COMMON),
}
TestCorrelator = CorrelatorMachine.TestCase
TestCorrelator.settings = PROFILES.get(
    os.environ.get("HYPOTHESIS_PROFILE", ""), PROFILES["default"]
)

"""The switch: agents, calls, and the few things that every action is made of.

State changes are synchronous and are put into the outbox in the same breath, so events leave in the
order in which things happened. Waiting between CTI events is `pause`. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator import calls as rules
from listener.simulator import render, users
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause, Outbox
from listener.simulator.profiles import DEFAULT_ECC, UCCX, Dice, Ecc, ErrorSource, Number, Variants
from listener.simulator.users import Agent, AgentSpec

if TYPE_CHECKING:
    from listener.simulator.crew import Crew
    from listener.simulator.refusals import Wrong


@dataclass(frozen=True, slots=True)
class Setting:
    """What a switch is built with. `pace` in seconds; `remember`: how many ended calls."""

    agents: tuple[AgentSpec, ...]
    deployment: str
    variants: Variants
    seed: int
    pace: float
    clock: Callable[[], float]
    wall: Callable[[], datetime]
    dial_plan: Mapping[str, Number] = field(default_factory=dict)
    ecc: Mapping[str, Ecc] = field(default_factory=lambda: DEFAULT_ECC)
    remember: int = 500


class Switch:
    """Holds agents and calls; tells whoever is concerned what changed."""

    def __init__(self, setting: Setting, outbox: Outbox, crew: Crew) -> None:
        self.setting = setting
        self.variants = setting.variants
        self.crew = crew
        self.dice = Dice(setting.seed, "switch")
        self.calls: dict[str, Call] = {}
        self.dial_plan = dict(setting.dial_plan)
        self.when_over: Callable[[Switch, Call], None] = lambda _switch, _call: None
        self._outbox = outbox
        self._ended: list[str] = []
        self._posted: dict[str, dict[str, Call]] = {}  # by agent, what was told to be in the list
        self._numbers: dict[str, int] = {}  # of calls, in the order in which they came
        self._next_id = 16_800_000 + self.dice.number(0, 99_999)
        self.agents: dict[str, Agent] = {s.id: self._agent(s) for s in setting.agents}

    def _agent(self, spec: AgentSpec) -> Agent:
        away = spec.state == "LOGOUT"
        return Agent(
            spec,
            base=spec.state,
            changed=self.stamp(),
            extension=None if away else spec.extension,
            state=spec.state,
        )

    @property
    def uccx(self) -> bool:
        """Whether this is a UCCX."""
        return self.setting.deployment == UCCX

    def stamp(self) -> str:
        """Return Finesse's time now, ISO 8601 with milliseconds and Z."""
        now = self.setting.wall().astimezone(UTC)
        return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"

    async def pause(self, paces: float = 1.0) -> None:
        """Wait as long as the next CTI event takes."""
        await asyncio.sleep(self.setting.pace * paces)

    # Finding

    def at(self, extension: str) -> Agent | None:
        """Return the agent who is signed in at that extension, or None."""
        return next((a for a in self.agents.values() if a.extension == extension), None)

    def calls_of(self, agent: str) -> list[Call]:
        """Return the calls and tasks in that agent's list, oldest first."""
        posted = self._posted.get(agent, {})
        for forgotten in posted.keys() - self._numbers.keys():
            del posted[forgotten]
        there = (call for call in posted.values() if not call.over)
        found = [call for call in there if (p := call.of(agent)) and p.listed]
        return sorted(found, key=lambda call: self._numbers[call.id])

    def active_call(self, agent: str, *, but: Call | None = None) -> Call | None:
        """Return the agent's call that is not on hold, beside `but`; None when there is none."""
        for call in self.calls_of(agent):
            party = call.of(agent)
            if call is not but and call.kind is Kind.VOICE and party and party.state == "ACTIVE":
                return call
        return None

    def actions(self, call: Call, party: Party) -> tuple[str, ...]:
        """Return what that party may do now."""
        other = party.agent is not None and self.active_call(party.agent, but=call) is not None
        return rules.actions(call, party, other_active=other, uccx=self.uccx)

    # Changing

    def new_call(self, kind: Kind, caller: str, to: str, call_type: str) -> Call:
        """Make a call without parties; the oldest ended ones are forgotten."""
        self._next_id += self.dice.number(1, 5)
        number = str(self._next_id)
        dialog = f"151635_{number}_1" if kind is Kind.TASK else number
        state = "OFFERED" if kind is Kind.TASK else "INITIATING"
        call = Call(dialog, kind, caller, to, call_type, state, dialed=to, dnis=to)
        self.calls[dialog] = call
        self._numbers[dialog] = self._next_id
        return call

    def join(self, call: Call, address: str, state: str) -> Party:
        """Add a party to a call; the agent who is signed in at that address, if any."""
        agent = self.at(address)
        now = self.stamp()
        party = Party(address, agent.id if agent else None, state, started=now, changed=now)
        call.parties.append(party)
        return party

    def move(self, party: Party, state: str, cause: str = "") -> None:
        """Change a party's state, and the time of it."""
        if (party.state, party.cause) != (state, cause):
            party.state, party.cause, party.changed = state, cause, self.stamp()

    def wraps_up(self, call: Call, party: Party) -> bool:
        """Whether wrap-up is required of this party when it leaves now."""
        agent = self.agents.get(party.agent or "")
        talked = party.state in {"ACTIVE", "HELD"}
        return agent is not None and agent.spec.wrap_up == "REQUIRED" and talked and call.incoming

    def done(self, cause: Cause, *, dialog: str | None = None) -> None:
        """Note in the truth that the switch did what was asked."""
        if cause.deed is not None and cause.deed.effect is None:
            cause.deed.effect, cause.deed.effect_at = True, self.setting.clock()
        if cause.deed is not None and dialog is not None:
            cause.deed.new_dialog_id = dialog

    def failed(self, cause: Cause, why: str) -> None:
        """Note in the truth that what was asked did not come about."""
        if cause.deed is not None and cause.deed.effect is None:
            cause.deed.effect, cause.deed.effect_at = False, self.setting.clock()
            cause.deed.error = why

    # Telling

    def post(self, call: Call, party: Party, cause: Cause) -> None:
        """Tell the agent that the dialog is in the list now."""
        party.listed = True
        if party.agent is not None:
            self._posted.setdefault(party.agent, {})[call.id] = call
        self._membership(call, party, "POST", cause)

    def put(self, call: Call, cause: Cause) -> None:
        """Tell every agent on the call what it looks like now."""
        for party in call.parties:
            if party.agent and party.listed:
                self._change(call, party, cause)

    def put_one(self, call: Call, party: Party, cause: Cause) -> None:
        """Tell one agent alone."""
        if party.agent and party.listed:
            self._change(call, party, cause)

    def delete(self, call: Call, party: Party, cause: Cause, *, shown: Call | None = None) -> None:
        """Tell the agent that the dialog left the list, as `shown` if that differs."""
        if not party.listed:
            return
        party.listed = False
        self._membership(shown or call, party, "DELETE", cause)
        self.retire(call)

    def retire(self, call: Call) -> None:
        """Forget a call that no agent has any more, in time."""
        if call.over or any(p.listed or (p.agent and p.present) for p in call.parties):
            return  # who is present and not listed is about to be told: a transfer brought them
        call.over = True
        self._ended.append(call.id)
        self.when_over(self, call)
        while len(self._ended) > self.setting.remember:
            forgotten = self._ended.pop(0)
            self.calls.pop(forgotten, None)
            self._numbers.pop(forgotten, None)

    def refresh(self, agent_id: str, cause: Cause) -> None:
        """Derive the agent's state from the calls; tell of it when it changed."""
        agent = self.agents[agent_id]
        calls = self.calls_of(agent_id)
        shown = users.derive(agent, calls, uccx=self.uccx)
        if agent.pending and shown == agent.base:
            agent.base, agent.pending = agent.pending, None
            agent.reason_code_id, agent.pending_reason = agent.pending_reason, None
            if agent.base == "LOGOUT":
                agent.extension = None
            shown = users.derive(agent, calls, uccx=self.uccx)
        if shown != agent.state:
            agent.state, agent.changed = shown, self.stamp()
            self.tell_user(agent, cause, own=False)

    def tell_all(self) -> None:
        """Tell everybody the latest state of everything, as after a CTI fail-over."""
        for agent in self.agents.values():
            self.tell_user(agent, Cause())
        for call in self.calls.values():
            if not call.over:
                self.put(call, Cause())

    def tell_user(self, agent: Agent, cause: Cause, *, own: bool = True) -> None:
        """Publish the user; `own` False when the request was about a call."""
        path = uris.user_node(agent.id)
        data = render.user(agent, "user")
        self._outbox.put(path, agent.id, "PUT", path, data, cause=cause, own=own)

    def tell_error(
        self, wrong: Wrong, cause: Cause, *, call: Call | None, user: bool = False
    ) -> None:
        """Publish a refusal on the requesting agent's node (whose node it is, is INFERRED)."""
        if cause.agent is None:
            return
        node = uris.user_node(cause.agent) if user else uris.dialogs_node(cause.agent)
        if call is not None and call.kind is Kind.TASK:
            node = uris.tasks_node(cause.agent)
        source = uris.dialog_path(call.id) if call else self._error_source(cause.agent, user=user)
        event = "put" if wrong.message.startswith("INVALID_ACTION") else "PUT"
        self._outbox.put(
            node, cause.agent, event, source, render.errors(wrong), cause=cause, is_error=True
        )

    def _error_source(self, agent: str, *, user: bool) -> str | None:
        if user:
            return uris.user_node(agent)
        match self.dice.pick(self.variants.error_source, tuple(ErrorSource)):
            case ErrorSource.USER:
                return uris.user_node(agent)
            case ErrorSource.DIALOGS:
                return uris.dialogs_node(agent)
            case _:
                return None

    def dialog_xml(self, call: Call, agent: str | None, tag: str = "Dialog") -> str:
        """Return the dialog as that agent sees it."""
        return render.dialog(call, tag, self.actions, call_type=self._type_for(call, agent))

    @staticmethod
    def _type_for(call: Call, agent: str | None) -> str:
        party = call.of(agent) if agent else None
        made_it = party is None or party.address == call.from_address
        return (
            call.call_type
            if made_it or call.call_type not in {"OUT", "AGENT_INSIDE"}
            else "OTHER_IN"
        )

    def _membership(self, call: Call, party: Party, event: str, cause: Cause) -> None:
        agent = party.agent
        if agent is None:
            return
        node = source = uris.dialogs_node(agent)
        if call.kind is Kind.TASK:
            node = uris.tasks_node(agent)
            source = f"{uris.user_node(agent)}/Media/{call.media_id}/Dialogs"
        data = render.node("dialogs", self.dialog_xml(call, agent))
        self._outbox.put(node, agent, event, source, data, cause=cause)
        self.refresh(agent, cause)

    def _change(self, call: Call, party: Party, cause: Cause) -> None:
        agent = party.agent
        if agent is None:
            return
        node = uris.tasks_node(agent) if call.kind is Kind.TASK else uris.dialogs_node(agent)
        data = self.dialog_xml(call, agent, "dialog")
        self._outbox.put(node, agent, "PUT", uris.dialog_path(call.id), data, cause=cause)
        self.refresh(agent, cause)

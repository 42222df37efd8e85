"""What telephones do: make a call, ring, answer, hold, retrieve, drop, send digits.

Every step is a function of the switch, with the `Cause` that its events and its truth belong to;
whether it may be done at all is asked here a second time, after the 202 (guide p.84-93, p.127-129).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from listener.simulator import refusals
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import HangUpOrder, Luck, Number, RefusalStyle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent

_CAUSES = {
    Luck.BUSY: "BUSY",
    Luck.BAD_DESTINATION: "BAD_DESTINATION",
    Luck.NO_DEVICE: "DEVICE_RESOURCE_NOT_AVAILABLE",
}


def require(switch: Switch, call: Call, party: Party, action: str) -> None:
    """Refuse an action that the participant's list does not hold. Raises RefusedLater."""
    if call.over or action not in switch.actions(call, party):
        style = switch.dice.pick(switch.variants.refusal, tuple(RefusalStyle))
        raise refusals.action(style, action, party.address)


async def make_call(
    switch: Switch,
    cause: Cause,
    agent: Agent,
    to: str,
    variables: Mapping[str, str] | None = None,
    *,
    thinks: float = 1.0,
) -> None:
    """MAKE_CALL: off hook, dial after `thinks` paces, and let it ring. Raises RefusedLater."""
    await switch.pause()
    extension = agent.extension
    if extension is None:
        raise refusals.cti("CF_INVALID_CALLING_DEVICE", 5)
    if switch.active_call(agent.id) is not None:
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22)
    if agent.base == "READY" and not switch.uccx:  # guide: calling from READY is allowed from 12.5
        agent.base, agent.reason_code_id = "NOT_READY", "50006"
    call = switch.new_call(Kind.VOICE, extension, "", "AGENT_INSIDE")
    call.variables.update(variables or {})
    await dial(switch, cause, call, to, thinks=thinks)


async def dial(switch: Switch, cause: Cause, call: Call, to: str, *, thinks: float = 1.0) -> None:
    """Take the caller off hook and dial after so many paces; what comes of it goes on by itself."""
    caller = switch.join(call, call.from_address, "INITIATING")
    if cause.deed is not None:
        cause.deed.new_dialog_id = call.id
    switch.post(call, caller, cause)
    if switch.dice.flag(switch.variants.second_post):
        await switch.pause()
        if not call.ending:
            switch.post(call, caller, cause)
    await switch.pause(thinks)
    if call.ending:
        switch.failed(cause, "hung up before dialling")
        return
    number = _originate(switch, call, caller, to)
    switch.put(call, cause)
    switch.crew.start(_progress(switch, cause, call, number))


def _originate(switch: Switch, call: Call, caller: Party, to: str) -> Number:
    number = reach(switch, to)
    target = number.translated or to
    call.to_address = call.dnis = target
    call.dialed = target if number.everywhere else to
    switch.move(caller, "INITIATED")
    call.state = "INITIATED"
    if call.call_type == "AGENT_INSIDE" and not _inside(switch, target):
        call.call_type = "OUT"
    return number


def _inside(switch: Switch, number: str) -> bool:
    return any(number in {a.spec.extension, a.extension} for a in switch.agents.values())


def reach(switch: Switch, to: str) -> Number:
    """Say what happens when that number is dialled: the dial plan's word, or the agent's there."""
    number = switch.dial_plan.get(to, Number())
    target = number.translated or to
    if not _inside(switch, target):
        return number
    return replace(number, luck=_luck_of(switch, target))


def _luck_of(switch: Switch, extension: str) -> Luck:
    callee = switch.at(extension)
    if callee is None:
        return Luck.BAD_DESTINATION
    busy = any(
        (p := c.of(callee.id)) and p.present and not p.mute and c.kind is not Kind.TASK
        for c in switch.calls_of(callee.id)
    )
    if busy:
        return Luck.BUSY
    return Luck.ANSWERS if callee.spec.answers_by_itself else Luck.RINGS


def place(switch: Switch, cause: Cause, call: Call, number: Number) -> None:
    """Show a call that is dialled already (a dialler's), and let it go on by itself."""
    caller = call.party(call.from_address)
    if caller is not None:
        switch.post(call, caller, cause)
        switch.crew.start(_progress(switch, cause, call, number))


async def _progress(switch: Switch, cause: Cause, call: Call, number: Number) -> None:
    await switch.pause()
    caller = call.party(call.from_address)
    if call.ending or caller is None:
        switch.done(cause)  # it was dialled, and dropped before anything came of it
        return
    if number.luck in _CAUSES:
        switch.move(caller, "FAILED", _CAUSES[number.luck])
        call.state = "FAILED"
        switch.failed(cause, _CAUSES[number.luck])
        switch.put(call, cause)
        return
    switch.done(cause)
    if number.luck is Luck.SILENT:
        return
    callee = ring(switch, cause, call, call.to_address)
    if number.luck is Luck.RINGS:
        return
    await switch.pause(number.after)
    if callee.state != "ALERTING" or call.over:
        return
    if number.luck is Luck.REJECTS:
        await clear(switch, Cause(), call, callee)
    else:
        connect(switch, cause, call, callee)


def ring(switch: Switch, cause: Cause, call: Call, address: str) -> Party:
    """Let that address ring: PUT to who is on the call, POST to a called agent."""
    callee = switch.join(call, address, "ALERTING")
    if call.state in {"INITIATING", "INITIATED"}:
        call.state = "ALERTING"
    switch.put(call, cause)
    if callee.agent is not None:
        switch.post(call, callee, cause)
    return callee


def connect(switch: Switch, cause: Cause, call: Call, callee: Party) -> None:
    """Let the callee answer: everyone who was waiting is ACTIVE."""
    if callee.agent is not None:
        _hold_others(switch, cause, call, callee.agent)
    switch.move(callee, "ACTIVE")
    for party in call.parties:
        if party.state == "INITIATED":
            switch.move(party, "ACTIVE")
    call.state = "ACTIVE"
    switch.put(call, cause)


def _hold_others(switch: Switch, cause: Cause, call: Call, agent: str) -> None:
    """One call is active on a device: the switch holds the other first (INFERRED)."""
    other = switch.active_call(agent, but=call)
    party = other.of(agent) if other else None
    if other is not None and party is not None:
        switch.move(party, "HELD")
        switch.put(other, cause)


async def answer(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """ANSWER. Raises RefusedLater."""
    await switch.pause()
    require(switch, call, party, "ANSWER")
    switch.done(cause)
    connect(switch, cause, call, party)


async def hold(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """HOLD. Raises RefusedLater."""
    await switch.pause()
    require(switch, call, party, "HOLD")
    switch.move(party, "HELD")
    switch.done(cause)
    switch.put(call, cause)


async def retrieve(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """RETRIEVE; another active call of that device is held first. Raises RefusedLater."""
    await switch.pause()
    require(switch, call, party, "RETRIEVE")
    if party.agent is not None:
        _hold_others(switch, cause, call, party.agent)
    switch.move(party, "ACTIVE")
    switch.done(cause)
    switch.put(call, cause)


async def drop(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """DROP. Raises RefusedLater."""
    await switch.pause()
    require(switch, call, party, "DROP")
    await clear(switch, cause, call, party)


async def clear(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """Take a party off a call; a call that is left with one party, or without agents, ends."""
    if not party.present and party.state != "FAILED":
        return
    others = call.others(party)
    switch.done(cause)
    if call.kind is not Kind.MONITOR and len(others) > 1:
        await leave(switch, cause, call, party)
    else:
        await _end(switch, cause, call, party)


async def leave(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """One of several leaves a conference: PUT with the leaver DROPPED, then the DELETE."""
    wrap = switch.wraps_up(call, party)
    switch.move(party, "WRAP_UP" if wrap else "DROPPED")
    switch.put(call, cause)
    if wrap:
        start_wrap_up(switch, call, party)
        return
    await switch.pause()
    switch.delete(call, party, cause)
    if party in call.parties:
        call.parties.remove(party)


async def _end(switch: Switch, cause: Cause, call: Call, leaver: Party) -> None:
    call.ending = True
    short = call.state in {"INITIATING", "INITIATED", "FAILED"}
    full = switch.dice.pick(switch.variants.hang_up, tuple(HangUpOrder)) is HangUpOrder.FULL
    wrap = [p for p in call.parties if switch.wraps_up(call, p)]
    gone = [p for p in call.parties if p not in wrap]
    if full and not short:
        switch.move(leaver, "WRAP_UP" if leaver in wrap else "DROPPED")
        switch.put(call, cause)
    for party in call.parties:
        switch.move(party, "WRAP_UP" if party in wrap else "DROPPED")
    if not short:
        call.state = "DROPPED"
    if (full and not short) or wrap:
        switch.put(call, cause)
    for party in wrap:
        start_wrap_up(switch, call, party)
    await switch.pause(0.5)
    for party in gone:
        switch.delete(call, party, cause)
    switch.retire(call)


def start_wrap_up(switch: Switch, call: Call, party: Party) -> None:
    """Let wrap-up run; it ends by itself, or when the agent chooses a state."""
    switch.crew.start(_wrap_up(switch, call, party), timer=True)


async def _wrap_up(switch: Switch, call: Call, party: Party) -> None:
    agent = switch.agents.get(party.agent or "")
    await switch.pause(agent.spec.wrap_up_paces if agent else 0)
    end_wrap_up(switch, Cause(), call, party)


def end_wrap_up(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """Wrap-up is over: the dialog leaves the agent's list."""
    if party.state != "WRAP_UP" or not party.listed:
        return
    switch.move(party, "DROPPED")
    switch.delete(call, party, cause)
    if not call.ending and party in call.parties:
        call.parties.remove(party)


async def send_dtmf(switch: Switch, cause: Cause, call: Call, party: Party, digits: str) -> None:
    """SEND_DTMF: the switch confirms without any call event (CTI guide). Raises RefusedLater."""
    await switch.pause(0.5)
    if switch.uccx and set(digits.upper()) & set("ABCD"):
        raise refusals.generic("CF_VALUE_OUT_OF_RANGE", 3)
    if len(digits) > 32 and not switch.uccx:  # noqa: PLR2004  # CTI guide: 32 per message (INFERRED)
        raise refusals.generic("CF_VALUE_OUT_OF_RANGE", 3)
    require(switch, call, party, "SEND_DTMF")
    call.digits.append((party.address, digits))
    switch.done(cause)
    if switch.dice.flag(switch.variants.dtmf_event):
        switch.put_one(call, party, cause)

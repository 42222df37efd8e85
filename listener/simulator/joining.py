"""Two calls become one: consult, transfer, conference, single-step transfer.

Which of two calls survives depends on which was active (guide p.349): the request goes to the held
one, and the held one survives; its `secondaryId` names the other. The conference and the
single-step transfer have no mapping table: their events are INFERRED and come in several orders.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from listener.simulator import basics, refusals
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import (
    ConferenceOrder,
    Luck,
    Number,
    RefusalStyle,
    SingleStepOrder,
    TransferOrder,
)

if TYPE_CHECKING:
    from listener.simulator.switch import Switch


async def consult(switch: Switch, cause: Cause, call: Call, party: Party, to: str) -> None:
    """CONSULT_CALL: hold the original, then call the consulted party. Raises RefusedLater."""
    await switch.pause()
    basics.require(switch, call, party, "CONSULT_CALL")
    switch.move(party, "HELD")
    switch.put(call, cause)
    await switch.pause()
    if call.over or party.state != "HELD":
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22)
    second = switch.new_call(Kind.VOICE, party.address, "", "CONSULT")
    second.associated, call.associated = call.id, second.id
    second.variables.update(call.variables)
    second.routed = call.routed
    await basics.dial(switch, cause, second, to)


def partner(switch: Switch, call: Call, party: Party) -> Call | None:
    """Return the agent's active call that this held one can be joined to, or None."""
    if party.agent is None or party.state != "HELD":
        return None
    return switch.active_call(party.agent, but=call)


def answered(call: Call, party: Party) -> bool:
    """Whether somebody beside that party is talking on the call."""
    return any(p.state in {"ACTIVE", "HELD"} for p in call.others(party))


def early(switch: Switch, call: Call, party: Party) -> bool:
    """Whether there is a consult for this held call that nobody has answered yet."""
    if party.agent is None or party.state != "HELD":
        return False
    return any(
        other is not call and own.state in {"INITIATING", "INITIATED"}
        for other in switch.calls_of(party.agent)
        if (own := other.of(party.agent)) is not None
    )


def _pair(switch: Switch, call: Call, party: Party, action: str) -> tuple[Call, Party]:
    other = partner(switch, call, party)
    own = other.of(party.agent) if other is not None and party.agent is not None else None
    if other is None or own is None or call.over or not answered(other, own):
        style = switch.dice.pick(switch.variants.refusal, tuple(RefusalStyle))
        raise refusals.action(style, action, party.address)
    return other, own


def _merge(switch: Switch, survivor: Call, gone: Call, own: Party, *, keep: bool) -> None:
    """Bring the parties of `gone` to the survivor. `keep`: the agent who joins them stays."""
    arrivals = [p for p in gone.parties if p.present and p.agent != own.agent]
    for party in arrivals:
        now = switch.stamp()
        survivor.parties.append(replace(party, changed=now, listed=False))
    survivor.secondary, survivor.state, survivor.associated = gone.id, "ACTIVE", None
    gone.ending = True
    switch.move(own, "ACTIVE" if keep else "DROPPED")
    for party in survivor.parties:
        if party.state == "HELD" and party is not own and party.agent is None:
            switch.move(party, "ACTIVE")
    for party in gone.parties:
        switch.move(party, "DROPPED")
    gone.state = "DROPPED"


def _arrive(switch: Switch, cause: Cause, survivor: Call, gone: Call, *, but: Party) -> None:
    """Tell the other agents: the consulted one changes dialogs, the rest see new participants."""
    for party in gone.parties:
        arrived = survivor.of(party.agent) if party.agent and party.agent != but.agent else None
        if arrived is not None:
            switch.delete(gone, party, cause)
            switch.post(survivor, arrived, cause)
    for party in survivor.parties:
        if party.listed and party is not but and gone.party(party.address) is None:
            switch.put_one(survivor, party, cause)


async def transfer(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """TRANSFER: both calls leave the agent, the others talk on. Raises RefusedLater."""
    await switch.pause()
    gone, own_gone = _pair(switch, call, party, "TRANSFER")
    before = _as_left(call, party)
    wrap = switch.wraps_up(call, party)
    _merge(switch, call, gone, party, keep=False)
    call.call_type = "TRANSFER"
    if wrap:
        switch.move(party, "WRAP_UP")
    switch.done(cause)
    shown = call if switch.dice.flag(switch.variants.survivor_shown) else before
    order = switch.dice.pick(switch.variants.transfer, tuple(TransferOrder))
    if order is TransferOrder.DROPPED_FIRST or wrap:
        switch.put_one(gone, own_gone, cause)
        switch.put_one(call, party, cause)
    await switch.pause(0.5)
    if order is not TransferOrder.ORIGINAL_FIRST:
        switch.delete(gone, own_gone, cause)
    if wrap:
        basics.start_wrap_up(switch, call, party)
    else:
        switch.delete(call, party, cause, shown=shown)
        call.parties.remove(party)
    switch.delete(gone, own_gone, cause)
    _arrive(switch, cause, call, gone, but=party)
    switch.retire(call)


def _as_left(call: Call, party: Party) -> Call:
    """Return the call as it was, with that party gone: what a plain DELETE shows."""
    parties = [replace(p, state="DROPPED") if p is party else replace(p) for p in call.parties]
    return replace(call, parties=parties)


async def conference(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """CONFERENCE: everybody in the held call. Raises RefusedLater."""
    await switch.pause()
    gone, own_gone = _pair(switch, call, party, "CONFERENCE")
    if call.conference and call.controller not in {None, party.address}:
        raise _not_controller(switch)
    if len(call.parties) + len(gone.parties) - 1 > switch.variants.max_parties:
        kind = "Generic Error" if switch.uccx else "Call Operation Failure"
        raise refusals.cti("CF_CONFERENCE_MEMBER_LIMIT_EXCEEDED", 38, kind=kind)
    _merge(switch, call, gone, party, keep=True)
    call.call_type, call.controller = "CONFERENCE", party.address
    switch.done(cause)
    order = switch.dice.pick(switch.variants.conference, tuple(ConferenceOrder))
    if order is ConferenceOrder.DELETE_FIRST:
        switch.delete(gone, own_gone, cause)
        await switch.pause(0.5)
    switch.put_one(call, party, cause)
    _arrive(switch, cause, call, gone, but=party)
    if order is not ConferenceOrder.DELETE_FIRST:
        await switch.pause(0.5)
        switch.delete(gone, own_gone, cause)
    switch.retire(gone)


def _not_controller(switch: Switch) -> refusals.RefusedLater:
    """Only who made the conference may add to it (guide p.86)."""
    if switch.uccx:
        return refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Invalid State")
    words = "<ConferenceCallCommand>: Conference failed, the agent is not the controller"
    return refusals.RefusedLater(refusals.Wrong("Generic Error", words, "20999"))


async def single_step(switch: Switch, cause: Cause, call: Call, party: Party, to: str) -> None:
    """TRANSFER_SST: the call goes to `to` without a consult. Raises RefusedLater.

    What a bad destination does is not documented; here it is an error and the agent keeps the call.
    """
    await switch.pause()
    basics.require(switch, call, party, "TRANSFER_SST")
    number = basics.reach(switch, to)
    if number.luck in {Luck.BAD_DESTINATION, Luck.NO_DEVICE}:
        raise refusals.generic("CF_INVALID_DESTINATION", 14)
    if number.luck is Luck.BUSY:
        raise refusals.generic("CF_RESOURCE_BUSY", 33)
    target = number.translated or to
    before = _as_left(call, party)
    switch.move(party, "DROPPED")
    call.call_type = "TRANSFER"
    switch.done(cause)
    order = switch.dice.pick(switch.variants.single_step, tuple(SingleStepOrder))
    if order is SingleStepOrder.ARRIVAL_FIRST:
        callee = basics.ring(switch, cause, call, target)
        await switch.pause(0.5)
    elif order is SingleStepOrder.DROPPED_FIRST:
        switch.put_one(call, party, cause)
        await switch.pause(0.5)
    switch.delete(call, party, cause, shown=before)
    call.parties.remove(party)
    if order is not SingleStepOrder.ARRIVAL_FIRST:
        callee = basics.ring(switch, cause, call, target)
    call.over = False  # the new leg may belong to an agent
    switch.retire(call)
    switch.crew.start(_picked_up(switch, call, callee, number))


async def _picked_up(switch: Switch, call: Call, callee: Party, number: Number) -> None:
    await switch.pause(number.after)
    if number.luck is Luck.ANSWERS and callee.state == "ALERTING":
        basics.connect(switch, Cause(), call, callee)

"""Campaign calls: preview reservations, reclassify, callbacks; and recording.

The sequence after ACCEPT is INFERRED (guide p.108-112 shows the states, not the events).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator import basics, refusals
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import PreviewOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent

DIALER_PORT = "99001"


def reserve(
    switch: Switch, agent: Agent, customer: str, *, direct: bool, variables: Mapping[str, str]
) -> Call:
    """Offer a preview reservation to the agent; `direct` preview shows the callbackNumber."""
    extension = agent.extension or agent.spec.extension
    call = switch.new_call(Kind.PREVIEW, DIALER_PORT, extension, "OUTBOUND_PREVIEW")
    call.state, call.campaign, call.routed = "ACTIVE", True, True
    call.callback_number = customer if direct else None
    status = "PREVIEW_OUTBOUND" if direct else "PREVIEW_OUTBOUND_RESERVATION"
    call.variables |= {"BACampaign": "Example", "BAStatus": status, "BACustomerNumber": customer}
    call.variables.update(variables)
    party = switch.join(call, extension, "ACTIVE")
    switch.post(call, party, Cause())
    return call


def check_platform(switch: Switch, call: Call, action: str) -> None:
    """501 where the platform lacks it: Outbound Option preview is CCE's.

    Direct preview is CCX's by p.110; other pages speak of it on CCE, so CCE takes both here. Raises
    RefusedNow.
    """
    decides = call.kind is Kind.PREVIEW and action in {"ACCEPT", "CLOSE", "REJECT"}
    if decides and switch.uccx and call.callback_number is None:
        raise refusals.not_implemented(action)


async def decide(switch: Switch, cause: Cause, call: Call, party: Party, action: str) -> None:
    """ACCEPT, CLOSE or REJECT a reservation. Raises RefusedLater."""
    await switch.pause()
    if call.kind is not Kind.PREVIEW:
        raise refusals.generic("CF_INVALID_OBJECT_STATE", 22)
    basics.require(switch, call, party, action)
    switch.done(cause)
    if action == "ACCEPT":
        await _accept(switch, cause, call, party)
        return
    call.ending, call.state = True, "DROPPED"
    switch.move(party, "DROPPED")
    switch.delete(call, party, cause)


async def _accept(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    switch.move(party, "ACCEPTED")
    call.state = "ACCEPTED"
    switch.put(call, cause)
    await switch.pause()
    order = switch.dice.pick(switch.variants.preview, tuple(PreviewOrder))
    customer = _customer_call(switch, call, party)
    switch.done(cause, dialog=customer.id)
    number = basics.reach(switch, customer.to_address)
    call.ending = True
    if order is PreviewOrder.CALL_FIRST:
        basics.place(switch, Cause(), customer, number)
        await switch.pause(0.5)
    switch.move(party, "DROPPED")
    switch.delete(call, party, cause)
    if order is PreviewOrder.RESERVATION_FIRST:
        await switch.pause(0.5)
        basics.place(switch, Cause(), customer, number)


def _customer_call(switch: Switch, call: Call, party: Party) -> Call:
    number = call.variables["BACustomerNumber"]
    customer = switch.new_call(Kind.VOICE, party.address, number, "AGENT_OUT")
    customer.variables = dict(call.variables)
    customer.campaign = customer.routed = True
    switch.join(customer, party.address, "INITIATED")
    customer.state = "INITIATED"
    return customer


async def reclassify(switch: Switch, cause: Cause, call: Call, value: str) -> None:
    """RECLASSIFY: BAResponse holds what was sent. Raises RefusedLater ("error" as on p.112)."""
    await switch.pause()
    if not call.campaign or call.over:
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Generic error")
    changed = call.variables.get("BAResponse") != value
    call.variables["BAResponse"] = value
    switch.done(cause)
    if changed:
        switch.put(call, cause)


async def callback(
    switch: Switch, cause: Cause, call: Call, wanted: Mapping[str, str] | None
) -> None:
    """Promise a callback, or (None) cancel it; the event is INFERRED. Raises RefusedLater."""
    await switch.pause()
    if not call.campaign or call.over:
        raise refusals.generic("CF_INVALID_OBJECT_STATE", 22)
    before = dict(call.scheduled)
    if wanted is None:
        call.scheduled.clear()
    else:
        call.scheduled.update(wanted)
    switch.done(cause)
    if call.scheduled != before:
        switch.put(call, cause)


async def record(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """START_RECORDING: silence, or the action vanishes (INFERRED). Raises RefusedLater."""
    await switch.pause()
    if call.over or "START_RECORDING" not in switch.actions(call, party):
        raise refusals.generic("CF_INVALID_OBJECT_STATE", 22)
    switch.done(cause)
    shown = switch.dice.flag(switch.variants.recording_event)
    call.recording = True
    if shown:
        switch.put(call, cause)

"""Nonvoice tasks: OFFERED, ACCEPTED, ACTIVE, PAUSED, WRAPPING_UP, CLOSED (guide p.186-187).

Which state an action leads to is INFERRED from the descriptions of the states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.refusals import RefusedLater, Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent

_LEADS_TO = {
    "ACCEPT": "ACCEPTED",
    "START": "ACTIVE",
    "PAUSE": "PAUSED",
    "RESUME": "ACTIVE",
    "WRAP_UP": "WRAPPING_UP",
    "TRANSFER": "CLOSED",
    "CLOSE": "CLOSED",
}


def offer(
    switch: Switch,
    agent: Agent,
    customer: str,
    *,
    media: str,
    media_id: str,
    variables: Mapping[str, str],
) -> Call:
    """Offer a task of a media routing domain to the agent."""
    call = switch.new_call(Kind.TASK, customer, agent.id, "")
    call.media, call.media_id, call.routed = media, media_id, True
    call.variables.update(variables)
    party = switch.join(call, agent.id, "OFFERED")  # the agent's id stands for the address
    party.agent = agent.id
    switch.post(call, party, Cause())
    return call


async def act(switch: Switch, cause: Cause, call: Call, party: Party, action: str) -> None:
    """Do one action on a task. Raises RefusedLater with `errorMedia`."""
    await switch.pause()
    if call.kind is not Kind.TASK:
        raise RefusedLater(Wrong("Generic Error", "CF_INVALID_OBJECT_STATE", "22"))
    if call.over:
        raise _wrong(call, f"INVALID_DIALOG_ID: {call.id}", "6030")
    if action not in switch.actions(call, party):
        raise _wrong(call, "E_ARM_STAT_INVALID_MESSAGE_SEQUENCE", "19")
    state = _LEADS_TO[action]
    switch.move(party, state)
    call.state = state
    switch.done(cause)
    if state == "CLOSED":
        switch.delete(call, party, cause)
    else:
        switch.put(call, cause)


def _wrong(call: Call, message: str, code: str) -> RefusedLater:
    return RefusedLater(Wrong("Task routing error", message, code, media=call.media_id))

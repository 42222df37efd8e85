"""PUT /User: signing in and out, READY, NOT_READY, WORK, and what has to wait for a call's end.

Knows which changes are refused (guide p.73-74 and the page of agent state errors).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator import basics, refusals, users
from listener.simulator.refusals import RefusedLater, Wrong

if TYPE_CHECKING:
    from listener.simulator.outbox import Cause
    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent

STATES = frozenset({"LOGIN", "LOGOUT", "READY", "NOT_READY", "WORK"})


async def change(
    switch: Switch,
    cause: Cause,
    agent: Agent,
    state: str,
    *,
    extension: str | None = None,
    reason: str | None = None,
) -> None:
    """Change the agent's state, or note it as pending. Raises RefusedLater."""
    await switch.pause()
    if state == "LOGIN":
        _sign_in(switch, agent, extension or "")
    elif not agent.signed_in:
        raise refusals.cti("CF_INVALID_AGENT_WORKMODE", 265, kind="Invalid State")
    elif agent.state == "RESERVED_OUTBOUND":
        raise RefusedLater(Wrong("Internal Server Error", "Internal Server Error"))
    elif users.on_a_call(agent) or state == "WORK":
        _wait_for_the_call(switch, agent, state, reason)
    else:
        _settle(switch, cause, agent, state, reason)
    switch.done(cause)
    agent.changed = switch.stamp()
    switch.tell_user(agent, cause)


def _sign_in(switch: Switch, agent: Agent, extension: str) -> None:
    if agent.signed_in:
        raise refusals.cti("CF_SPECIFIED_AGENT_ALREADY_SIGNED_ON", 259, kind="Invalid State")
    if switch.at(extension) is not None:
        if switch.uccx:
            raise refusals.cti("CF_INVALID_AGENT_WORKMODE", 265, kind="Invalid State")
        raise refusals.generic("CF_SPECIFIED_EXTENSION_ALREADY_IN_USE", 283)
    if extension not in {a.spec.extension for a in switch.agents.values()}:
        raise RefusedLater(
            Wrong(
                "Invalid Device",
                "CF_INVALID_LOGON_DEVICE_SPECIFIED",
                "260",
                peripheral=(
                    "10125",
                    "PERERR_TELDRIVE_NODEVICETARGETFORNETTARGETID",
                    "No device target has this network target id",
                ),
            )
        )
    agent.extension, agent.base, agent.state = extension, "NOT_READY", "NOT_READY"


def _wait_for_the_call(switch: Switch, agent: Agent, state: str, reason: str | None) -> None:
    if state == "WORK" and not users.on_a_call(agent):
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Invalid State")
    if state == "LOGOUT" and not switch.uccx:
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Invalid State")
    agent.pending, agent.pending_reason = state, reason


def _settle(switch: Switch, cause: Cause, agent: Agent, state: str, reason: str | None) -> None:
    if state == "LOGOUT" and agent.base == "READY":
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Invalid State")
    agent.base, agent.reason_code_id = state, reason
    if state == "LOGOUT":
        agent.extension = None
    for call in switch.calls_of(agent.id):  # wrap-up ends in what was chosen, by no other state
        party = call.of(agent.id)
        if party is not None:
            basics.end_wrap_up(switch, cause, call, party)
    agent.state = users.derive(agent, switch.calls_of(agent.id), uccx=switch.uccx)

"""Agents: who they are, where they sit, and the state that Finesse shows of them.

Knows the rules for agent states (guide p.73-74, p.348); a state on a call is derived from the
calls, never stored beside them. Knows no XML and no transport.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.simulator.calls import Call, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One configured agent.

    `wrap_up` is OPTIONAL, REQUIRED or NOT_ALLOWED; `wrap_up_paces` is how long it lasts, in paces.
    `answers_by_itself` is auto-answer. `state` is the first one (LOGOUT, NOT_READY, READY).
    """

    id: str
    password: str = field(repr=False)
    extension: str
    name: str = "Agent Example"
    team: str = "1"
    supervisor: bool = False
    wrap_up: str = "OPTIONAL"
    wrap_up_paces: float = 50.0
    answers_by_itself: bool = False
    state: str = "NOT_READY"


@dataclass(slots=True)
class Agent:
    """One agent now. `base` is the state when no call holds the agent; `state` is what is shown."""

    spec: AgentSpec
    base: str
    changed: str
    extension: str | None = None
    state: str = "LOGOUT"
    pending: str | None = None
    pending_reason: str | None = None
    reason_code_id: str | None = None

    @property
    def signed_in(self) -> bool:
        """Whether the agent has a device."""
        return self.extension is not None

    @property
    def id(self) -> str:
        """The agent's id."""
        return self.spec.id


_ON_A_CALL = frozenset({"TALKING", "HOLD", "RESERVED"})


def derive(agent: Agent, calls: Iterable[Call], *, uccx: bool) -> str:
    """Return the state that Finesse shows for an agent with these calls."""
    if not agent.signed_in:
        return "LOGOUT"
    found = {state for call in calls if (state := _shows(agent, call, uccx=uccx))}
    for state in ("TALKING", "HOLD", "RESERVED_OUTBOUND_PREVIEW", "RESERVED_OUTBOUND", "RESERVED"):
        if state in found:
            return state
    if "WORK" in found:
        return "WORK_READY" if agent.base == "READY" and not uccx else "WORK"
    return agent.base


def _shows(agent: Agent, call: Call, *, uccx: bool) -> str | None:
    party = call.of(agent.id)
    if party is None or not party.listed or party.mute or call.kind is Kind.TASK:
        return None
    if call.kind is Kind.PREVIEW:
        return (
            ("RESERVED_OUTBOUND" if uccx else "RESERVED_OUTBOUND_PREVIEW")
            if party.present
            else None
        )
    if uccx and not call.routed:
        return (
            None  # UCCX shows TALKING on queue calls alone; a monitoring supervisor stays NOT_READY
        )
    if party.state == "ALERTING":
        return "RESERVED" if call.routed else None
    return {
        "INITIATING": "TALKING",
        "INITIATED": "TALKING",
        "ACTIVE": "TALKING",
        "HELD": "HOLD",
        "WRAP_UP": "WORK",
    }.get(party.state)


def on_a_call(agent: Agent) -> bool:
    """Whether a new state has to wait for the end of a call."""
    return agent.state in _ON_A_CALL

"""The states of a pending request, and the table that moves it. All changes of state live here.

The file does not know what caused a trigger. A missing cell is a bug: it raises, nothing changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a request stands. The last six are final and carry the outcome's name."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    IN_DOUBT = "in_doubt"
    CONFIRMED = "confirmed"
    PRESUMED = "presumed"
    FAILED = "failed"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"
    ABANDONED = "abandoned"


class Trigger(StrEnum):
    """What may happen to a request."""

    DISPATCH = "dispatch"  # it leaves now, or its caller announced it
    ACCEPT = "accept"  # Finesse answered 202
    REFUSE = "refuse"  # Finesse refused at once, or nothing left this machine
    DOUBT = "doubt"  # no answer, or one that says nothing
    GAP = "gap"  # the link was lost, or the program was restarted
    PROVE = "prove"  # its effect was seen
    PRESUME = "presume"  # its silence is complete
    FAIL = "fail"  # its refusal was heard
    EXPIRE = "expire"  # its deadline passed, or its dialog ended
    WITHDRAW = "withdraw"  # nobody waits any more


FINAL = frozenset(
    {
        State.CONFIRMED,
        State.PRESUMED,
        State.FAILED,
        State.REJECTED,
        State.UNCONFIRMED,
        State.ABANDONED,
    }
)

_DECIDED: dict[Trigger, State] = {
    Trigger.PROVE: State.CONFIRMED,
    Trigger.FAIL: State.FAILED,
    Trigger.EXPIRE: State.UNCONFIRMED,
    Trigger.WITHDRAW: State.ABANDONED,
}

TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = MappingProxyType(
    {
        State.QUEUED: {
            Trigger.DISPATCH: State.SENT,
            Trigger.REFUSE: State.REJECTED,
            Trigger.GAP: State.QUEUED,
            Trigger.EXPIRE: State.REJECTED,
            Trigger.WITHDRAW: State.REJECTED,
        },
        State.SENT: {
            Trigger.ACCEPT: State.ACCEPTED,
            Trigger.REFUSE: State.REJECTED,
            Trigger.DOUBT: State.IN_DOUBT,
            Trigger.GAP: State.IN_DOUBT,
            **_DECIDED,
        },
        State.ACCEPTED: {
            Trigger.GAP: State.IN_DOUBT,
            Trigger.PRESUME: State.PRESUMED,
            **_DECIDED,
        },
        State.IN_DOUBT: {
            Trigger.ACCEPT: State.IN_DOUBT,
            Trigger.REFUSE: State.REJECTED,
            Trigger.DOUBT: State.IN_DOUBT,
            Trigger.GAP: State.IN_DOUBT,
            **_DECIDED,
        },
        **{state: {} for state in State if state in FINAL},
    }
)


class IllegalTransition(RuntimeError):
    """A trigger that the table does not know in that state."""


def after(state: State, trigger: Trigger) -> State:
    """Return the state that follows; raise IllegalTransition for a missing cell."""
    try:
        return TRANSITIONS[state][trigger]
    except KeyError:
        raise IllegalTransition(f"{trigger} in state {state}") from None


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for docs/architecture.md."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    lines += [
        f"    {state} --> {to}: {trigger}"
        for state, row in TRANSITIONS.items()
        for trigger, to in row.items()
        if to is not state
    ]
    lines += [f"    {state} --> [*]" for state in TRANSITIONS if state in FINAL]
    return "\n".join(lines)

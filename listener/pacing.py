"""How often an agent's session is tried again, and how it is: plain values.

Knows times and words; does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from listener.standing import Polling
from listener.xmpp.policy import Backoff


@dataclass(frozen=True, slots=True)
class Paces:
    """How often things are tried again, in seconds; tests make them short.

    `reconcile_again`: the waits before the picture is read again, the last one repeats.
    `watch_every`: between two looks at an agent who is held only while signed in. `polling`: how
    the nodes are asked.
    """

    backoff: Backoff = field(default_factory=Backoff)
    reconcile_again: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    watch_every: float = 15.0
    polling: Polling = field(default_factory=Polling)


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How an agent's session is. `since` is the loop's clock."""

    agent: str
    state: str
    live: bool
    host: str | None
    since: float
    last_error: str | None

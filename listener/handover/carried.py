"""What goes from one process to the next: plain values.

Times are of the system's monotonic clock, which both processes share. Holds secrets (passwords,
digits): nothing of it is logged or written to a file. How it is said is `spoken`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.order import Earlier
from listener.settings.model import Agent
from listener.ticket import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A request without an outcome.

    `sent_at`: when it went out, or the caller announced it; None: it certainly never did. `left`:
    seconds of its deadline, when this was said. `gap`: more was known of it, or may have been lost,
    than is carried.
    """

    record: Record
    registration: Registration
    baseline: Baseline | None = None
    sent_at: float | None = None
    left: float = 0.0
    accepted: bool = False
    status: int | None = None
    answer_date: float | None = None
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A request that has its outcome; `left` as above, 0 when that is past."""

    record: Record
    registration: Registration
    settled_ago: float
    left: float


@dataclass(frozen=True, slots=True)
class Held:
    """An agent of whom the second process cannot know by its settings, or not the credentials.

    `file`: as the first process's settings have the agent, None where they do not.
    """

    agent: Agent = field(repr=False)
    origin: str
    file: Agent | None = field(default=None, repr=False)


@dataclass(slots=True)
class Agents:
    """The agents that the first process holds; `revision` changes whenever they do.

    `live`: whose sessions are up. `others`: who cannot be known by the settings.
    """

    revision: int
    live: list[str]
    others: list[Held]


@dataclass(slots=True)
class State:
    """All that the first process knows and the second one does not.

    `sessions`: state and liveness by agent; `heard`: when each recent event was heard, by its key
    (`overlap`); `hashes`: the key of the Idempotency-Keys' hashes, None where the journal has them.
    """

    clock: float
    journalled: bool
    sessions: dict[str, tuple[str, bool]] = field(default_factory=dict)
    gaps: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: list[Open] = field(default_factory=list)
    past: list[Past] = field(default_factory=list)
    events: Earlier | None = None
    hashes: bytes | None = field(default=None, repr=False)
    keys: list[tuple[str, str, str, float]] = field(default_factory=list)
    heard: dict[str, float] = field(default_factory=dict)

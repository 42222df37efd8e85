"""What a source knows of a story: requests, and events in the form of the local API's stream.

Values only, the same from a journal, a running daemon and a transcript. Times are wall-clock
seconds since 1970 (UTC). Knows neither where they come from nor what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

Told: TypeAlias = Mapping[str, Any]
"""JSON as in docs/api.md."""

MOST_REQUESTS = 50
"""Requests of one story; the newest are told, the others counted."""
MOST_EVENTS = 2_000
"""Events that are read for one story."""
AROUND = 120.0
"""Seconds before a request in which is looked for how things stood."""
BEYOND = 60.0
"""Seconds after its outcome in which is looked for what came late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the story is to be about: a request, or a dialog or an agent from when until when.

    `since` and `until` in seconds since 1970; `last`: so many seconds up to the end of what the
    source knows. `limit`: so many requests at most.
    """

    request: str | None = None
    dialog: str | None = None
    agent: str | None = None
    since: float | None = None
    until: float | None = None
    last: float | None = None
    limit: int = MOST_REQUESTS

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        if self.request is not None:
            return f"request {self.request}"
        if self.dialog is not None and self.agent is not None:
            return f"dialog {self.dialog}, as agent {self.agent} heard it"
        return f"dialog {self.dialog}" if self.dialog is not None else f"agent {self.agent}"

    @property
    def narrowed(self) -> str:
        """The same, and that it is about a part of the time, where it is."""
        parts = (self.last, self.since, self.until)
        return self.subject + ("" if parts == (None, None, None) else " in that time")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a request asks for, by Finesse's name: "number", "data" or "plain"."""

    name: str
    value: str
    sort: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: its resource (docs/api.md) and, where the source knows it, more.

    `own`: the acting extension. `answer`: what Finesse answered to the request itself, as
    {"status", "kind", "errors", "detail"}. `before`: the dialogs as they were known at sending.
    `deadline`: seconds of it. `minimum`: what evidence was enough. `neighbour`: it is told of only
    because it was at work on the same device or dialog. `deployment`: UCCE or UCCX, None where the
    source does not say. `going`: when its turn came, from which on it keeps its device; None where
    it did not come, or the source does not say (a running daemon, what its caller sends).
    """

    told: Told
    own: str | None = None
    parameters: tuple[Parameter, ...] = ()
    answer: Told | None = None
    before: tuple[Told, ...] = ()
    deadline: float | None = None
    minimum: str = "any"
    expected: bool = False
    restarted: bool = False
    neighbour: bool = False
    deployment: str | None = None
    going: float | None = None

    @property
    def key(self) -> str:
        """Our id of it."""
        return str(self.told["id"])

    @property
    def action(self) -> str:
        """Finesse's word for what is asked."""
        return str(self.told.get("requestedAction") or "request")

    @property
    def agent(self) -> str | None:
        """Whose request it is."""
        return self.told.get("agent")

    @property
    def dialog(self) -> str | None:
        """The dialog that it acts on, None for one that makes a call or concerns the user."""
        return self.told.get("dialogId")

    @property
    def request_id(self) -> str | None:
        """What went on the wire."""
        return self.told.get("requestId")

    @property
    def outcome(self) -> Told | None:
        """What came of it; None while it is open."""
        return self.told.get("outcome")

    @property
    def kind(self) -> str | None:
        """The outcome's word; None while it is open."""
        return self.outcome.get("kind") if self.outcome else None

    @property
    def reason(self) -> str | None:
        """Why there is no better outcome."""
        return self.outcome.get("reason") if self.outcome else None

    @property
    def submitted(self) -> float:
        """When it was asked for."""
        return seconds(self.told.get("submitted")) or 0.0

    @property
    def sent(self) -> float | None:
        """When it went out."""
        return seconds(self.told.get("sent"))

    @property
    def stayed(self) -> bool:
        """Whether its turn is known to have come, and not that anything of it has left."""
        return self.going is not None and self.sent is None

    @property
    def answered(self) -> float | None:
        """When Finesse answered."""
        return seconds(self.told.get("answered"))

    @property
    def settled(self) -> float | None:
        """When it had its outcome."""
        return seconds(self.told.get("settled"))

    @property
    def began(self) -> float:
        """When it went out, else when it was asked for."""
        return self.sent if self.sent is not None else self.submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event: its name ("dialog", "user", "error", "session", "gap", or a transcript's word)."""

    at: float
    name: str
    agent: str | None = None
    dialog: str | None = None
    key: str | None = None
    data: Told = field(default_factory=dict)

    @property
    def tag(self) -> str | None:
        """The requestId that it carries."""
        return self.data.get("requestId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a source knows of a story. `more_*`: what was left out; `end`: the source ends.

    `known`: actions of our other requests by agent and requestId, that are not told of. `stops`:
    the source is a file that ends there; what came after it is not known and will not be.
    """

    source: str
    requests: tuple[Asked, ...] = ()
    events: tuple[Heard, ...] = ()
    more_requests: int = 0
    more_events: int = 0
    end: float | None = None
    notes: tuple[str, ...] = ()
    known: Mapping[tuple[str | None, str], str] = field(default_factory=dict)
    stops: bool = False

    def whose(self, agent: str | None, tag: str | None) -> str | None:
        """Return the action of our request that has that requestId; None for nobody's.

        Finesse puts the id on the copies of the call's other agents too: a request of the agent
        who heard it comes first, then one of any other agent.
        """
        if tag is None:
            return None
        for each in self.requests:
            if each.request_id == tag and agent in {each.agent, None}:
                return each.action
        if (agent, tag) in self.known:
            return self.known[agent, tag]
        told = (each.action for each in self.requests if each.request_id == tag)
        known = (action for (_, id_), action in self.known.items() if id_ == tag)
        return next(told, next(known, None))


class NothingKnown(LookupError):
    """The source knows nothing of it; `near` is what resembles it, in words."""

    def __init__(self, what: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.near = near


def seconds(stamp: object) -> float | None:
    """Return an RFC 3339 time as seconds since 1970; None for none."""
    if isinstance(stamp, datetime):
        return stamp.timestamp()
    if not isinstance(stamp, str):
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None


def around(requests: tuple[Asked, ...], end: float | None = None) -> tuple[float, float]:
    """Return from when until when events matter to these requests.

    `end`: until when there is anything to hear of those that are open.
    """
    since = min((each.submitted for each in requests), default=0.0) - AROUND
    until = max(
        (
            *(each.settled + BEYOND for each in requests if each.settled is not None),
            *(_last_late(each) for each in requests),
            *((end or each.submitted + 3600.0) for each in requests if each.settled is None),
        ),
        default=0.0,
    )
    return since, until


def _last_late(asked: Asked) -> float:
    late = [each.get("at") or 0.0 for each in asked.told.get("late") or ()]
    return asked.submitted + max(late, default=0.0) + 1.0


def dialogs_of(asked: Asked) -> frozenset[str]:
    """Return the ids of all dialogs that a request is known to have had to do with."""
    ids: set[str | None] = {asked.dialog}
    if outcome := asked.outcome:
        changed = outcome.get("dialogs") or {}
        ids |= {changed.get("survivor"), changed.get("new"), *(changed.get("gone") or ())}
        ids.add((outcome.get("dialog") or {}).get("id"))
    for dialog in asked.before:
        ids.add(dialog.get("id"))
    return frozenset(id_ for id_ in ids if id_)

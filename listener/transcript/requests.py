"""What a transcript says of requests: asked for, taken over, settled, and what came late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from listener.correlation.outcome import Outcome, Reason
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late
from listener.finesse.actions.request import Request
from listener.finesse.events import Event
from listener.transcript.base import Entry, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Entry):
    """A caller asks for something; `age`: seconds since it was asked of an earlier process.

    `registration.expected`: the caller sends it itself. `deployment` as known by then. `retold`:
    it waits for its turn since before this place.
    """

    what: ClassVar[str] = "request"
    way: ClassVar[Way] = Way.FROM_CALLER
    key: str
    request_id: str
    request: Request
    registration: Registration
    age: float = 0.0
    deployment: str | None = None
    retold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned(Entry):
    """A caller, or the end of the program, gives a request up."""

    what: ClassVar[str] = "abandon"
    way: ClassVar[Way] = Way.FROM_CALLER
    key: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Entry):
    """An open request of before: of an earlier process, or of this one before the recording.

    `retold`: this process had it already, and the line is there for who begins to read here.
    """

    what: ClassVar[str] = "taken_over"
    way: ClassVar[Way] = Way.HERE
    key: str
    request_id: str
    request: Request
    registration: Registration
    baseline: Baseline | None
    left: float
    accepted: bool
    age: float = 0.0
    status: int | None = None
    answer_date: float | None = None
    gap: bool = True
    gone: float | None = None
    retold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverSent(Entry):
    """A request of an earlier process of which it is certain that it never left: it ends here."""

    what: ClassVar[str] = "never_sent"
    way: ClassVar[Way] = Way.TO_CALLER
    key: str
    request_id: str
    request: Request
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered(Entry):
    """A request that an earlier process settled."""

    what: ClassVar[str] = "remembered"
    way: ClassVar[Way] = Way.HERE
    key: str
    request: Request
    registration: Registration
    outcome: Outcome
    age: float
    settled_ago: float
    left: float
    gone: float | None = None
    retold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reheard(Entry):
    """An event from before a request was taken over, judged for that request alone.

    `content` is the same number as in the notification that it came in.
    """

    what: ClassVar[str] = "heard_before"
    way: ClassVar[Way] = Way.HERE
    key: str
    event: Event
    content: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Entry):
    """A request has its outcome."""

    what: ClassVar[str] = "outcome"
    way: ClassVar[Way] = Way.TO_CALLER
    key: str
    request_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LateNews(Entry):
    """Something was heard about a request that had its outcome."""

    what: ClassVar[str] = "late"
    way: ClassVar[Way] = Way.TO_CALLER
    key: str
    late: Late

"""What a transcript says, line by line: one class per kind of line.

Every entry is a frozen value; `what` is its word in the file, `way` who told whom. The fields are
those of the line, so that a reader gets what was written as the values of the cores. Those about
requests are in `requests`, and can be had from here. Knows neither JSON (`lines`) nor files
(`reading`, `writer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from listener.correlation.steps import Look, RestAnswer
from listener.finesse.actions.expectation import Probe
from listener.transcript.base import FORMAT, Entry, Header, Way
from listener.transcript.requests import (
    Abandoned,
    Adopted,
    Asked,
    LateNews,
    NeverSent,
    Reheard,
    Remembered,
    Settled,
)

__all__ = [
    "FORMAT",
    "KINDS",
    "Abandoned",
    "Adopted",
    "Alike",
    "Answered",
    "Asked",
    "Down",
    "Ended",
    "Entry",
    "Expired",
    "Fenced",
    "Fencing",
    "Header",
    "HeldBack",
    "LateNews",
    "Leaves",
    "LetThrough",
    "Line",
    "Looked",
    "Looking",
    "Lost",
    "NeverSent",
    "Notified",
    "Presence",
    "Reheard",
    "Remembered",
    "Sent",
    "Settled",
    "Standing",
    "Standpoint",
    "StoodStill",
    "Up",
    "Way",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Entry):
    """A request's turn to go to Finesse; its fields are in the line in which it was asked for."""

    what: ClassVar[str] = "send"
    way: ClassVar[Way] = Way.TO_FINESSE
    key: str
    request_id: str
    method: str
    path: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves(Entry):
    """The first byte of a request may leave from here on."""

    what: ClassVar[str] = "leaves"
    way: ClassVar[Way] = Way.TO_FINESSE
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Entry):
    """What Finesse answered to a request, or that nobody knows."""

    what: ClassVar[str] = "answer"
    way: ClassVar[Way] = Way.FROM_FINESSE
    key: str
    answer: RestAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking(Entry):
    """A GET goes to Finesse, to see what came of a request."""

    what: ClassVar[str] = "get"
    way: ClassVar[Way] = Way.TO_FINESSE
    key: str
    probe: Probe
    dialog_id: str | None
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(Entry):
    """What a GET showed."""

    what: ClassVar[str] = "shown"
    way: ClassVar[Way] = Way.FROM_FINESSE
    key: str
    serial: int
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified(Entry):
    """A notification: `payload` is its Update, None when nobody could read it.

    `content` is the same number for what says the same, however it was written. `host`: the node
    whose session heard it.
    """

    what: ClassVar[str] = "notification"
    way: ClassVar[Way] = Way.FROM_FINESSE
    node: str
    item_id: str | None
    content: int
    payload: str | None
    length: int
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Up(Entry):
    """An agent's session hears from now on; `look` is what was read before."""

    what: ClassVar[str] = "link_up"
    way: ClassVar[Way] = Way.FROM_FINESSE
    look: Look
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Entry):
    """An agent's events may be lost from now on."""

    what: ClassVar[str] = "link_down"
    way: ClassVar[Way] = Way.FROM_FINESSE
    cause: str
    on_purpose: bool = False
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence(Entry):
    """Whether the XMPP user `finesse` is there, as an agent's session sees it."""

    what: ClassVar[str] = "presence"
    way: ClassVar[Way] = Way.FROM_FINESSE
    available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fencing(Entry):
    """A ping goes out, so that all that was sent before has been read when it is answered."""

    what: ClassVar[str] = "ping"
    way: ClassVar[Way] = Way.TO_FINESSE
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced(Entry):
    """Whether that ping was answered in time."""

    what: ClassVar[str] = "pong"
    way: ClassVar[Way] = Way.FROM_FINESSE
    key: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Entry):
    """Time alone does its work."""

    what: ClassVar[str] = "time"
    way: ClassVar[Way] = Way.HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class StoodStill(Entry):
    """The program was stopped, or very busy: what came meanwhile is told before time counts."""

    what: ClassVar[str] = "stood_still"
    way: ClassVar[Way] = Way.HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack(Entry):
    """Nothing more is sent of what waits for its turn: a hand-over begins."""

    what: ClassVar[str] = "held_back"
    way: ClassVar[Way] = Way.HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class LetThrough(Entry):
    """It is sent again: the hand-over came to nothing."""

    what: ClassVar[str] = "let_through"
    way: ClassVar[Way] = Way.HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint(Entry):
    """A reader may begin here: so many lines follow that tell how all stands at this moment.

    They are `standing`, and `request`, `taken_over` and `remembered` with `retold`.
    """

    what: ClassVar[str] = "standpoint"
    way: ClassVar[Way] = Way.HERE
    follow: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Entry):
    """How an agent stands; see `Standpoint`.

    The picture is taken as if it had been read now; not `live`: events may be lost.
    """

    what: ClassVar[str] = "standing"
    way: ClassVar[Way] = Way.HERE
    live: bool
    look: Look
    present: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike(Entry):
    """A text, as it is written here, is the one of which an earlier process left only a hash."""

    what: ClassVar[str] = "alike"
    way: ClassVar[Way] = Way.HERE
    sealed: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(Entry):
    """So many lines are missing here: the disk was full, or too slow."""

    what: ClassVar[str] = "lost"
    way: ClassVar[Way] = Way.HERE
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Entry):
    """The recording ends here, and not by a crash."""

    what: ClassVar[str] = "end"
    way: ClassVar[Way] = Way.HERE


KINDS: dict[str, type[Entry]] = {
    each.what: each
    for each in (
        *(
            Asked,
            Abandoned,
            Adopted,
            NeverSent,
            Remembered,
            Reheard,
            Sent,
            Leaves,
            Answered,
            Looking,
            Looked,
        ),
        *(Notified, Up, Down, Presence, Fencing, Fenced, Expired, StoodStill, HeldBack, LetThrough),
        *(Settled, LateNews, Standpoint, Standing, Alike, Lost, Ended),
    )
}
"""The classes by their words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file, read.

    `number` counts from 1 in `path`. `now` is the monotonic second that the core saw, exact; `at`
    the seconds since the run began, `wall` the wall time (RFC 3339, UTC). `run` is its header.
    """

    path: str
    number: int
    now: float
    at: float
    wall: str
    entry: Header | Entry
    run: Header = field(repr=False)

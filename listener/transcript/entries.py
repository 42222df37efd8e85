"""What a transcript says, line by line: one class per kind of line.

Every entry is a frozen value; `what` is its word in the file, `way` who told whom. The fields are
those of the line, so that a reader gets what was written as the values of the cores. Knows neither
JSON (`lines`) nor files (`reading`, `writer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from listener.correlation.outcome import Outcome, Reason
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, Look, RestAnswer
from listener.finesse.actions.expectation import Probe
from listener.finesse.actions.request import Request
from listener.finesse.events import Event

FORMAT = 1
"""The version of the format that is written, and the newest that is read."""


class Way(StrEnum):
    """Who told whom."""

    FROM_CALLER = "from caller"
    TO_CALLER = "to caller"
    TO_FINESSE = "to finesse"
    FROM_FINESSE = "from finesse"
    HERE = "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a file, and of each run in it.

    `run` is the same in all parts of one run, `part` counts them from 1. `clock` is the monotonic
    second at which the run began, `started` the same moment by the wall (RFC 3339, UTC). `masked`:
    numbers, names and call data are masks. The bounds and the gate are those of the core.
    """

    what: ClassVar[str] = "transcript"
    way: ClassVar[Way] = Way.HERE
    format: int
    program: str
    run: str
    part: int
    deployment: str | None
    started: str
    clock: float
    masked: bool
    max_pending: int
    max_pending_per_agent: int
    tombstone_for: float
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `agent` is None where it concerns all; times are in `Line`."""

    what: ClassVar[str]
    way: ClassVar[Way]
    agent: str | None


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
    retold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reheard(Entry):
    """An event from before a request was taken over, judged for that request alone."""

    what: ClassVar[str] = "heard_before"
    way: ClassVar[Way] = Way.HERE
    key: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Entry):
    """A request goes to Finesse, with its fields as in the line in which it was asked for.

    `by_caller`: it is passed on for a caller of the drop-in.
    """

    what: ClassVar[str] = "send"
    way: ClassVar[Way] = Way.TO_FINESSE
    key: str
    request_id: str
    method: str
    path: str
    action: str
    by_caller: bool = False


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

    `content` is the same number for the same payload. `host`: the node whose session heard it.
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
            Answered,
            Looking,
            Looked,
        ),
        *(Notified, Up, Down, Presence, Fencing, Fenced, Expired, HeldBack, LetThrough),
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

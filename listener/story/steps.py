"""One step of a story: who told whom what, and when. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from listener.story.facts import Told


class Lane(StrEnum):
    """The columns of the diagram."""

    CALLER = "caller"
    LISTENER = "listener"
    REST = "Finesse REST"
    NOTIFICATION = "notification"
    OTHERS = "other agents"


LANES = tuple(Lane)


class Kind(StrEnum):
    """What sort of step it is."""

    ASKED = "asked"
    TURN = "turn"
    SENT = "sent"
    ANSWERED = "answered"
    HEARD = "heard"
    ERROR = "error"
    LOOKED = "looked"
    SHOWN = "shown"
    FENCE = "fence"
    LINK_DOWN = "link_down"
    LINK_UP = "link_up"
    RESTART = "restart"
    NOTED = "noted"
    DEADLINE = "deadline"
    OUTCOME = "outcome"
    LATE = "late"
    LOST = "lost"


class Tag(StrEnum):
    """Whose requestId an event carries."""

    OURS = "ours"
    FOREIGN = "foreign"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Move:
    """A participant's or (address None) an agent's state, and the one before."""

    address: str | None
    before: str | None
    after: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `title` and `lines` are as they may be shown; the rest is for the diagnosis.

    `at`: seconds since 1970. `change`: "added", "changed" or "removed", of a dialog. `proof`: which
    evidence this is for which request, in words. `good`: an outcome that is what was asked for.
    `data`: it changed call data.
    """

    at: float
    kind: Kind
    source: Lane
    target: Lane
    title: str
    lines: tuple[str, ...] = ()
    agent: str | None = None
    key: str | None = None
    dialog: str | None = None
    request_id: str | None = None
    tag: Tag = Tag.NONE
    status: int | None = None
    change: str | None = None
    moves: tuple[Move, ...] = ()
    errors: tuple[Told, ...] = ()
    shown: Told | None = field(default=None, repr=False)
    proof: str | None = None
    good: bool = False
    data: bool = False

    @property
    def bad(self) -> bool:
        """Whether it tells of something that went wrong."""
        if self.kind in {Kind.ERROR, Kind.LINK_DOWN, Kind.RESTART, Kind.LOST}:
            return True
        if self.kind is Kind.ANSWERED:
            return self.status is None or self.status >= 300  # noqa: PLR2004  HTTP
        return self.kind is Kind.OUTCOME and not self.good

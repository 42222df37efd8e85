"""How a Finesse node is, and how nodes are asked: plain values.

Knows words and times; does nothing. What follows from them is `pair`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Polling:
    """How nodes are asked and agents woken, in seconds; tests make them short.

    `every`: from one tick to the next while somebody waits; `within`: for an answer; `apart`: the
    least between two questions to one node; `patience`: ticks in a row that make a change-over.
    When agents are woken they are spread over `crowd / rate` seconds, at most `spread`. `calm`:
    without a change-over, makes the next one quick again. `slow`: between two questions to a node
    whose certificate was refused, which only a person can mend. `lend_again`: until credentials
    that SystemInfo refused are shown to it again; twice as long as Finesse locks an account.
    """

    every: float = 2.0
    within: float = 2.0
    apart: float = 0.2
    patience: int = 3
    rate: float = 200.0
    spread: float = 10.0
    calm: float = 300.0
    slow: float = 60.0
    lend_again: float = 600.0


class Word(StrEnum):
    """What a question for SystemInfo brought."""

    IN_SERVICE = "in_service"
    OUT = "out_of_service"  # Finesse itself says so
    NOTHING = "unreachable"  # no answer, or none of use
    UNTOLD = "untold"  # it wants credentials and took none of ours: that says nothing of the node


class NodeState(StrEnum):
    """How a node is, as far as is known; it is asked only while somebody waits."""

    USABLE = "usable"
    OUT = "out"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How one node is.

    `since` is the loop's clock, `failures` the ticks in a row, `sessions` how many there are to it;
    `detail` says in words what is wrong, None when nothing is known to be.
    """

    name: str
    state: NodeState
    in_use: bool
    since: float
    failures: int
    sessions: int
    detail: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A change-over of all agents.

    `cause` is "out_of_service", "unreachable", "no_session" or "finesse_unavailable": what most of
    the ticks showed that made the move; None where nothing was used before. `detail` is its words.
    """

    source: str
    target: str
    cause: str | None
    detail: str | None

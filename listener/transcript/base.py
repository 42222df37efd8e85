"""What every line of a transcript has, and the line that each file begins with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

FORMAT = 2
"""The version of the format that is written, and read. 1 did not tell when requests left."""


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

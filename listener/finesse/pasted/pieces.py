"""What is found in a paste: one piece for each update, note or thing that cannot be read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from listener.errors import MalformedUpdate
from listener.finesse.model import Notification, Update

Place: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""

Where: TypeAlias = Callable[[int], Place]
"""From an offset in a text to its place in the input."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing found at `place`.

    `outcome` is the update, or why there is none; None for what only needs a `note`: a header, a
    keep-alive, a status. `form` is "stanza", "update", "body", or "" for a note.
    """

    place: Place
    form: str = ""
    notification: Notification | None = None
    outcome: Update | MalformedUpdate | None = None
    note: str | None = None


def places(text: str) -> Where:
    """Return what finds the line and the column of an offset in the text."""
    starts = [0]
    end = text.find("\n")
    while end >= 0:
        starts.append(end + 1)
        end = text.find("\n", end + 1)

    def where(offset: int) -> Place:
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    return where

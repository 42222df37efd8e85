"""One candidate read by the strict reader, as it stands or as it may have been meant.

Knows what lxml says about places, and moves them to where the candidate stands in the input.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from listener.errors import MalformedUpdate
from listener.finesse.model import Update
from listener.finesse.pasted.notation import CUT_OFF
from listener.finesse.pasted.pieces import Place
from listener.finesse.pasted.repairs import readings
from listener.finesse.wire import Document, read_document

_PLACE = re.compile(r" at line (\d+), column (\d+)")
_LINE = re.compile(r" line \d+(?= and |$)")  # lxml counts them in what it was given


class Meant(NamedTuple):
    """A text as it was read: the document, what was done to the text before, and that text."""

    document: Document
    notes: tuple[str, ...]
    text: str


def as_meant(text: str) -> Meant:
    """Read a text in the ways it may have been meant, until one is read; else as it stands."""
    first: Meant | None = None
    for meant, notes in readings(text):
        tried = Meant(read_document(meant), notes, meant)
        if all(isinstance(update, Update) for _, update in tried.document.notifications):
            return tried
        first = first or tried
    return first or Meant(read_document(text), (), text)


def refusal(document: Document, place: Place, *, exact: bool) -> MalformedUpdate:
    """Return why it cannot be read; `exact` says that its lines are those of the input."""
    refused = next(
        (u for _, u in document.notifications if isinstance(u, MalformedUpdate)),
        MalformedUpdate("not_well_formed", CUT_OFF),
    )

    def moved(found: re.Match[str]) -> str:
        if not exact:
            return ""
        line, column = int(found[1]), int(found[2])
        column += place[1] - 1 if line == 1 else 0
        return f" at line {place[0] + line - 1}, column {column}"

    told = _LINE.sub("", _PLACE.sub(moved, str(refused), count=1))
    return MalformedUpdate(refused.reason, told)

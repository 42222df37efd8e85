"""What a replay says of one request: both outcomes, and in what they differ. Pure.

What decides is compared: the word, how it is known, why not, how far it came, the errors, the
dialogs and what came of call data. How long it took, and what was noted beside it, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from listener.correlation.outcome import Outcome
from listener.correlation.steps import Late
from listener.finesse.actions.request import Request
from listener.finesse.model import ApiError
from listener.redaction import HIDDEN
from listener.transcript.entries import Line

FIELDS = (
    "kind",
    "evidence",
    "reason",
    "stage",
    "state_cause",
    "sent",
    "status",
    "errors",
    "dialogs",
    "changed",
    "applied",
    "missing",
    "truncated",
)


class Word(StrEnum):
    """How the replay of one request compares with the record."""

    SAME = "same"
    DIFFERENT = "different"  # another outcome, or none
    PARTIAL = "partial"  # it was open before the place where reading began: not compared
    OPEN = "open"  # the transcript ends, or lacks lines, before its outcome: not compared


@dataclass(slots=True)
class Result:
    """One request as it was asked for, with what was recorded of it and what the replay says.

    `line` is where it was asked for. `late`: what came after the replayed outcome. `partial`: it
    was open before the place where reading began.
    """

    line: Line
    key: str
    request_id: str
    request: Request
    deployment: str | None
    partial: bool = False
    recorded: Outcome | None = None
    replayed: Outcome | None = None
    late: list[Late] = field(default_factory=list)

    @property
    def word(self) -> Word:
        """How the two outcomes compare."""
        if self.recorded is None:
            return Word.OPEN
        if self.partial:
            return Word.PARTIAL
        return Word.DIFFERENT if self.differences() else Word.SAME

    def differences(self) -> list[tuple[str, Any, Any]]:
        """Return each field that differs, with its recorded and its replayed value."""
        if self.recorded is None:
            return []
        if self.replayed is None:
            return [("kind", self.recorded.kind, None)]
        return list(differences(self.recorded, self.replayed))


def differences(recorded: Outcome, replayed: Outcome) -> Iterator[tuple[str, Any, Any]]:
    """Yield each field that differs, with its recorded and its replayed value."""
    for name in FIELDS:
        one, other = getattr(recorded, name, None), getattr(replayed, name, None)
        if name == "errors":
            if not _same_errors(one or (), other or ()):
                yield name, _told(one or ()), _told(other or ())
        elif one != other:
            yield name, one, other


def _same_errors(one: tuple[ApiError, ...], other: tuple[ApiError, ...]) -> bool:
    return len(one) == len(other) and all(
        _same_text(getattr(a, name), getattr(b, name))
        for a, b in zip(one, other, strict=True)
        for name in ApiError.__dataclass_fields__
    )


def _same_text(one: str | None, other: str | None) -> bool:
    """Compare two texts; what is hidden in one of them may be anything in the other.

    Digits are hidden by what was known when the line was written, which may differ.
    """
    if one == other or one is None or other is None:
        return one == other
    return _fits(one, other) or _fits(other, one)


def _fits(hidden: str, text: str) -> bool:
    if HIDDEN not in hidden:
        return False
    return (
        re.fullmatch(".*".join(map(re.escape, hidden.split(HIDDEN))), text, re.DOTALL) is not None
    )


def _told(errors: tuple[ApiError, ...]) -> list[str]:
    return [
        ", ".join(filter(None, (e.error_type, e.error_message, e.error_data))) or "no details"
        for e in errors
    ]

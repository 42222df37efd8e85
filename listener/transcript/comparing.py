"""Whether two outcomes of one request say the same, and in what they differ. Pure.

What decides is compared: the word, how it is known, why not, how far it came, the errors, the
dialogs and what came of call data. How long it took, and what was noted beside it, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from listener.correlation.outcome import Outcome
from listener.finesse.model import ApiError
from listener.redaction import HIDDEN

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

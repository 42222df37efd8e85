"""Finesse's own times, compared with each other and with nothing else (rules of evidence 4).

Turns stateChangeTime and the HTTP Date into seconds; never reads a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

DATE_GRAIN = 1.0  # seconds
CLOCKS_APART = 2.0  # seconds by which the clocks of two of Finesse's nodes may differ
_LONGEST = 64
"""Characters of a time, blanks around it included: only so much of each is remembered."""


def instant(text: str | None) -> float | None:
    """Return an ISO 8601 time (`2026-11-21T08:00:00.123Z`) as seconds, or None if it is none."""
    return _read(text)[0]


def _read(text: str | None) -> tuple[float | None, bool]:
    """Return a time's seconds, and whether it names its zone; what is too long is none."""
    return (None, False) if text and len(text) > _LONGEST else _known(text)


@lru_cache(maxsize=2048)  # the same few times are compared again and again
def _known(text: str | None) -> tuple[float | None, bool]:
    try:
        when = datetime.fromisoformat((text or "").strip())
        return _seconds(when), when.tzinfo is not None
    except (ValueError, OverflowError):
        return None, False


def http_date(text: str | None) -> float | None:
    """Return the Date header of Finesse's answer as seconds, or None. Its grain is one second."""
    if not text:
        return None
    try:
        return _seconds(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def older(text: str | None, than: str | None, by: float = 0.0) -> bool:
    """Say whether one stateChangeTime is surely older than another; False when not known.

    `by`: more than so many seconds older. Two times without zone are of the same one; one with and
    one without cannot be compared.
    """
    if text == than:
        return False
    (first, zoned), (second, also) = _read(text), _read(than)
    if first is None or second is None or zoned is not also:
        return False
    return second - first > by


def newer(text: str | None, than: str | None) -> bool:
    """Say whether one stateChangeTime is surely newer than another; False when not known."""
    return older(than, text)


def near(text: str | None, other: str | None) -> bool:
    """Say whether two nodes' clocks may have given one moment those two times."""
    one, two = instant(text), instant(other)
    return one is not None and two is not None and abs(one - two) <= CLOCKS_APART


def before(text: str | None, moment: float | None) -> bool:
    """Say whether a stateChangeTime is surely earlier than `moment` (seconds, from `http_date`)."""
    when, zoned = _read(text)
    return when is not None and zoned and moment is not None and when < moment


def after(text: str | None, moment: float | None) -> bool:
    """Say whether a stateChangeTime is surely later than `moment` (seconds, from `http_date`).

    A Date tells the second, not its part: what is in the same second may have been before it. A
    time without zone may be hours off, and proves nothing against a Date.
    """
    when, zoned = _read(text)
    return when is not None and zoned and moment is not None and when >= moment + DATE_GRAIN

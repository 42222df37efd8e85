"""The gate (9): nobody goes out beside one that holds the device, and nobody waits for nothing.

By the judge's own table. A run with a restart is not asked: who held what before it is not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Confirmed, Presumed
from listener.finesse import actions as do
from tests.oracle import table

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked

EPS = 0.001


def broken(account: Account) -> Iterator[tuple[Asked, str]]:
    """Yield who was let go, or held back, against the rule."""
    if account.gate != "queue" or account.restarts:
        return
    for asked in account.asked:
        late = asked.turn is not None and asked.turn > asked.submitted + EPS
        if asked.mode != "submit" and late:
            yield asked, "held back, and it never is"
        if asked.mode == "submit" and table.row(asked.request).hold is not table.Hold.NEVER:
            yield from _queued(account, asked)


def _queued(account: Account, asked: Asked) -> Iterator[tuple[Asked, str]]:
    when = asked.settled if asked.turn is None else asked.turn
    if when is None:
        return
    others = [o for o in account.asked if o is not asked and o.agent == asked.agent]
    holders = [o for o in others if _holds(account, asked, o, when)]
    if asked.turn is not None and holders:
        yield asked, f"let go while step {holders[0].step} held the device"
    if asked.begun is not None and asked.begun > asked.submitted + asked.length + EPS:
        yield asked, "sent past its deadline"
    waited = asked.turn is not None and when > asked.submitted + EPS
    if waited and not any(_let_go(account, asked, other, when) for other in others):
        yield asked, "held back, and nobody held the device"


def _holds(account: Account, asked: Asked, other: Asked, when: float) -> bool:
    """Say whether `other`, which went out before, holds the device at that time."""
    if other.turn is None or other.turn >= when - EPS:
        return False
    if _both_dtmf(asked, other):
        return False
    return table.holds_until(other, window_of(account, other, surely=True)) > when + EPS


def _let_go(account: Account, asked: Asked, other: Asked, when: float) -> bool:
    """Say whether `other` held the device until then, or went out of the same queue then."""
    if other.turn is None or other.turn > when + EPS or other.mode not in {"submit", "forward"}:
        return False
    if table.row(other.request).hold is table.Hold.NEVER:
        return False
    if other.turn >= when - EPS:
        return True
    return table.holds_until(other, window_of(account, other)) >= when - EPS


def _both_dtmf(asked: Asked, other: Asked) -> bool:
    return isinstance(asked.request, do.SendDtmf) and isinstance(other.request, do.SendDtmf)


def window_of(account: Account, asked: Asked, *, surely: bool = False) -> float:
    """Return when the window of a DTMF begins: at its 202, behind the DTMF before it (6.6).

    `surely`: at the earliest, where nobody knows which of two was the one before.
    """
    begin = asked.submitted if asked.answered is None else asked.answered
    if isinstance(asked.request, do.SendDtmf):
        behind = surely_before if surely else before
        begin = max([begin, *behind(account, asked)])
    return begin


def before(account: Account, asked: Asked) -> Iterator[float]:
    """Yield when the DTMF that went out before it on that device were settled (6.6)."""
    for other in ahead(account, asked):
        if other.settled is not None and other.settled <= (asked.settled or 0):
            yield other.settled


def surely_before(account: Account, asked: Asked) -> Iterator[float]:
    """Yield when those were settled of which it is known that they went out before it.

    Of two that left at one moment it is, where the other's silence was complete first: one that
    ended by anything else had perhaps to wait for this one.
    """
    for other in ahead(account, asked):
        told = isinstance(other.outcome, Presumed | Confirmed) and other.accepted
        earlier = (other.begun or 0.0) < (asked.begun or 0.0)
        if (
            other.settled is not None
            and other.settled <= (asked.settled or 0)
            and (earlier or told)
        ):
            yield other.settled


def ahead(account: Account, asked: Asked) -> Iterator[Asked]:
    """Yield the DTMF that went out before it on that device: its window begins behind theirs.

    Of two that left at one moment the one that was settled first may have been the first one.
    """
    for other in account.asked:
        if not _both_dtmf(asked, other) or other.agent != asked.agent or other is asked:
            continue
        if other.begun is None or asked.begun is None:
            continue
        there = other.mode in {"submit", "forward"} and asked.mode in {"submit", "forward"}
        if there and (other.begun, _end(other), other.key) < (asked.begun, _end(asked), asked.key):
            yield other


def _end(asked: Asked) -> float:
    return float("inf") if asked.settled is None else asked.settled

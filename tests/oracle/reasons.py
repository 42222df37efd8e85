"""Why a request ended unconfirmed: each reason has its ground, and none is told without it.

From the rules of evidence alone; the numbers are the sections'. Asked in made-up time only of
requests that no restart interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import MinimumEvidence, Reason, Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed
from tests.oracle import blame, effects
from tests.oracle.readings import SILENT, read_of

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked

OURS = frozenset({"submit", "forward"})
MAKES = (do.MakeCall, do.ConsultCall, do.SilentMonitor, do.BargeCall)
EPS = 0.001
RESTARTED_FOR = 20.0  # seconds in which a session begins, and those that follow it


def broken(account: Account, asked: Asked) -> Iterator[str]:
    """Yield what is wrong with the reason that a request was left open for."""
    outcome = asked.outcome
    if not isinstance(outcome, Unconfirmed) or asked.begun is None:
        return
    there = GROUNDS.get(outcome.reason)
    if there is not None and not there(account, asked):
        yield f"{outcome.reason}, and there was no ground for that"
    if outcome.reason is Reason.DEADLINE:
        if asked.mode in OURS and not asked.accepted:
            yield "Finesse never said 202, and that is not the reason (2)"
        if _suspect(account, asked):
            yield "an unsigned error may be its own, and that is not the reason (5)"


def _gap(account: Account, asked: Asked) -> bool:
    """Say whether a session was missing at some time; for a silence, or its fence's answer."""
    assert asked.begun is not None
    assert asked.settled is not None
    end = asked.settled
    if isinstance(asked.request, SILENT):
        return True  # the fence may have failed for more than can be seen here
    begun = asked.begun - EPS  # who went out in the moment a session came back went out before it
    return not (
        account.whole(asked.agent, begun, end) and account.listening(asked.agent, begun, end)
    )


def _company(account: Account, asked: Asked) -> bool:
    """Say whether anything was there that it could be mistaken for, or by (3, 4, 5, 6.1)."""
    assert asked.settled is not None
    error = any(
        isinstance(h.event, RequestFailed) for h in read_of(account, asked, until=asked.settled)
    )
    others = any(
        other is not asked
        and other.agent == asked.agent
        and other.begun is not None
        and other.begun <= asked.settled
        and (other.settled is None or other.settled >= (asked.begun or 0.0))
        for other in account.asked
    )
    return error or others or asked.ambiguous or isinstance(asked.request, MAKES)


def _over(account: Account, asked: Asked) -> bool:
    """Say whether an end of its call, or of its own part in it, had been read (6.10)."""
    assert asked.settled is not None
    ids = effects.family(account.history, asked.request.dialog_id)
    if isinstance(asked.request, do.Transfer | do.Conference):
        ids += effects.partners(asked, account)
    if isinstance(asked.request, MAKES):  # any call of its device may have been the one (6.1)
        ids += [id_ for id_, row in account.history.calls.items() if row[0][1].sender == asked.own]
    off = [
        heard
        for heard in account.heard
        if heard.at <= asked.settled
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id in ids
    ]
    looked = any(got.answered is not None and got.answered <= asked.settled for got in account.gets)
    gone = any(isinstance(h.event, DialogRemoved) for h in off)
    left = any(
        party is None or party.state in effects.LEFT
        for h in off
        if isinstance(h.event, DialogEvent)
        for party in [h.event.dialog.participant(asked.own)]
    )
    return gone or left or (looked and asked.request.dialog_id is not None)


def _suspect(account: Account, asked: Asked) -> bool:
    """Say whether an unsigned error was read that fits it, and is no repeat (5).

    On its own dialog, that is, unless this had become another one, on which it is open since (6.3).
    """
    assert asked.settled is not None
    return any(
        isinstance(heard.event, RequestFailed)
        and heard.first
        and heard.event.request_id is None
        and heard.event.dialog_id == asked.request.dialog_id
        and len(effects.family(account.history, asked.request.dialog_id, heard.at)) < 2
        and blame.fits(account, asked, heard)
        and not blame.repeated(account, heard)
        for heard in read_of(account, asked, until=asked.settled - 0.05)
        if heard.parcel.cause is asked.deed and not _just_restarted(account, heard.at)
    )


def _just_restarted(account: Account, at: float) -> bool:
    """Say whether what was read then may have been told to the process before (4)."""
    return any(started <= at < started + RESTARTED_FOR for _, started in account.restarts)


GROUNDS: dict[Reason, Callable[[Account, Asked], bool]] = {
    Reason.NO_ANSWER: lambda _account, asked: not asked.accepted,
    Reason.NOT_REPORTED: lambda _account, asked: asked.mode not in OURS,
    Reason.LINK_LOST: _gap,
    Reason.AMBIGUOUS: _company,
    Reason.DIALOG_ENDED: _over,
    Reason.RESTARTED: lambda _account, _asked: False,
    Reason.WEAK: lambda _account, asked: asked.minimum is not MinimumEvidence.ANY,
}

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
from tests.oracle import blame, effects, grounds, lanes, table
from tests.oracle.readings import SILENT, has_its_id, id_shared, read_of

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked

OURS = frozenset({"submit", "forward"})
NO_GROUND = "and there was no ground for that"
MAKES = (do.MakeCall, do.ConsultCall, do.SilentMonitor, do.BargeCall)
EPS = 0.001
FENCE, ANSWERED = 2.0, 1.0  # seconds for a fence's answer; in which it comes at the most
RESTARTED_FOR = 20.0  # seconds in which a session begins, and those that follow it


def broken(account: Account, asked: Asked) -> Iterator[str]:
    """Yield what is wrong with the reason that a request was left open for."""
    outcome = asked.outcome
    if not isinstance(outcome, Unconfirmed) or asked.begun is None:
        return
    there = GROUNDS.get(outcome.reason)
    if there is not None and not there(account, asked):
        yield f"{outcome.reason}, {NO_GROUND}"
    if outcome.reason is Reason.DEADLINE:
        if asked.mode in OURS and not asked.accepted:
            yield "Finesse never said 202, and that is not the reason (2)"
        if _suspect(account, asked):
            yield "an unsigned error may be its own, and that is not the reason (5)"


def _gap(account: Account, asked: Asked) -> bool:
    """Say whether a session was missing at some time; for a silence, or its fence's answer (6.6).

    A session's end in the moment that it is told is one. A fence goes unanswered where the stream
    is slow, or ends a moment after.
    """
    assert asked.begun is not None
    assert asked.settled is not None
    end = asked.settled + EPS
    if isinstance(asked.request, SILENT) and fenced(account, asked):
        end += ANSWERED
        if account.slowed(asked.agent, asked.settled - FENCE, asked.settled):
            return True
    begun = asked.begun - EPS  # who went out in the moment a session came back went out before it
    return not (
        account.whole(asked.agent, begun, end) and account.listening(asked.agent, begun, end)
    )


def fenced(account: Account, asked: Asked) -> bool:
    """Say whether a fence was asked for (6.6): its window had ended, and no error was read by then.

    With its id back it is asked for beside an error as well, which may be another's.
    """
    assert asked.settled is not None
    end = lanes.window_of(account, asked) + table.window(asked.request)
    tied = any(has_its_id(asked, heard) for heard in read_of(account, asked, until=end))
    return asked.settled >= end - EPS and (tied or not _errors(account, asked, until=end))


def _errors(account: Account, asked: Asked, *, until: float | None = None) -> bool:
    """Say whether an error was read that may be its own: without an id, or with one of several."""
    assert asked.settled is not None
    ids = {None, asked.request_id} if asked.ambiguous or id_shared(account, asked) else {None}
    return any(
        isinstance(heard.event, RequestFailed)
        and heard.event.request_id in ids
        and (blame.fits(account, asked, heard) or _without_source(heard.event))
        for heard in read_of(account, asked, until=asked.settled if until is None else until)
    )


def _without_source(event: RequestFailed) -> bool:
    """Say whether an error names no object at all: it fails nobody on a call (5).

    Which error comes without its source no document says, so that it is a doubt of all that the
    agent has open: of a silence (6.6), and of why others were left open. It changes no outcome.
    """
    return event.dialog_id is None and event.user_id is None


def _company(account: Account, asked: Asked) -> bool:
    """Say whether anything was there that it could be mistaken for, or by (3, 4, 5, 6.1)."""
    if asked.ambiguous or grounds.used(account, asked) or _errors(account, asked):
        return True
    if _joins_blindly(account, asked):
        return True
    if isinstance(asked.request, MAKES) and not isinstance(asked.request, do.BargeCall):
        if _blind(account, asked):
            return True
        own = blame._made(account, asked, asked.settled or 0.0)
        return any(id_ not in own for id_ in _calls_of_its_device(account, asked))
    return any(
        _same_object(account, asked, other)
        for other in account.asked
        if other is not asked
        and other.agent == asked.agent
        and other.begun is not None
        and other.begun <= (asked.settled or 0.0)
        and (other.settled is None or other.settled >= (asked.begun or 0.0))
    )


def _blind(account: Account, asked: Asked) -> bool:
    """Say whether an unsigned error was read on a call of which nobody had told (4, 6.1).

    It may be the one that it makes, as far as is known; so may any, where no session heard when it
    was sent.
    """
    assert asked.settled is not None
    return any(
        isinstance(heard.event, RequestFailed)
        and heard.event.request_id is None
        and (
            not grounds.pictured(account, asked)
            or not _told_of(account, asked, heard.event.dialog_id, heard.at)
        )
        for heard in read_of(account, asked, until=asked.settled)
    )


def _joins_blindly(account: Account, asked: Asked) -> bool:
    """Say whether an error was read that may be a join's, which was sent while nobody listened."""
    assert asked.settled is not None
    return any(
        heard.event.request_id is None and blame.joins_blindly(account, asked, heard)
        for heard in read_of(account, asked, until=asked.settled)
    )


def _told_of(account: Account, asked: Asked, dialog: str | None, at: float) -> bool:
    return effects.told(account, asked, dialog or "") or any(
        heard.agent == asked.agent
        and heard.at <= at
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == dialog
        for heard in account.heard
    )


def _calls_of_its_device(account: Account, asked: Asked) -> Iterator[str]:
    """Yield the calls from its device of which nobody had told when it was asked (6.1)."""
    assert asked.settled is not None
    for id_, row in account.history.calls.items():
        ours = row[0][1].sender == asked.own and row[0][0] <= asked.settled
        if ours and not effects.told(account, asked, id_):
            yield id_


def _same_object(account: Account, asked: Asked, other: Asked) -> bool:
    """Say whether two requests are about one dialog, or both about the agent."""
    mine, its = asked.request.dialog_id, other.request.dialog_id
    if mine is None or its is None:
        return mine is its or isinstance(other.request, MAKES)
    return not set(_ids(account, asked)).isdisjoint(_ids(account, other))


def _ids(account: Account, asked: Asked) -> list[str]:
    """Return the dialogs that a request is about: its own, what this became, and a join's other."""
    ids = effects.family(account.history, asked.request.dialog_id)
    if isinstance(asked.request, blame.JOINS):
        ids += effects.partners(asked, account)
    if isinstance(asked.request, MAKES):  # any call of its device may have been the one (6.1)
        ids += _calls_of_its_device(account, asked)
    return ids


def _over(account: Account, asked: Asked) -> bool:
    """Say whether an end of its call, or of its own part in it, had been read (6.10).

    On its agent's own node, for a colleague's DELETE says that he is off; and by an event, for what
    a GET does not show ends nothing.
    """
    assert asked.settled is not None
    ids = _ids(account, asked)
    for heard in account.heard:
        event = heard.event
        if not asked.submitted - EPS <= heard.at <= asked.settled or event.owner != asked.agent:
            continue
        if not isinstance(event, DialogEvent) or event.dialog_id not in ids:
            continue
        party = event.dialog.participant(asked.own)
        if isinstance(event, DialogRemoved) or (party and party.state in effects.LEFT):
            return True
    return False


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

"""Rules that an outcome may break without saying anything untrue: too early, from too little.

Each is written from the rules of evidence (the number is the section's); the truth of the outcome
itself is the judge's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import (
    Confirmed,
    Evidence,
    Failed,
    MinimumEvidence,
    Presumed,
    Reason,
    Unconfirmed,
)
from listener.finesse import actions as do
from listener.finesse import uris
from listener.finesse.events import DialogEvent
from tests.oracle import carried, details, grounds, lanes, reasons

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Got

EPS = 0.001
SILENT = (do.SendDtmf, do.StartRecording)
WEAK = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT})
AT_DEADLINE = frozenset({Reason.DEADLINE, Reason.NO_ANSWER, Reason.NOT_REPORTED, Reason.WEAK})
GET_FAILS_AFTER = 15.0


def broken(account: Account, asked: Asked) -> Iterator[str]:
    """Yield the laws that an outcome broke, in words."""
    yield from _minimum(asked)
    yield from _given_up(account, asked)
    if _restarted(account, asked):
        return
    yield from _answer(asked)
    yield from _deadline(asked)
    yield from _window(account, asked)
    yield from _snapshot(account, asked)
    yield from _expected(account, asked)
    yield from details.broken(account, asked)
    yield from carried.broken(account, asked)
    yield from reasons.broken(account, asked)


def _restarted(account: Account, asked: Asked) -> bool:
    end = asked.settled or account.ended
    return any(asked.submitted <= started and killed <= end for killed, started in account.restarts)


def _minimum(asked: Asked) -> Iterator[str]:
    """Let no outcome rest on less evidence than its caller asked for."""
    outcome = asked.outcome
    evidence = getattr(outcome, "evidence", None)
    by_id = asked.minimum is MinimumEvidence.REQUEST_ID
    if by_id and isinstance(outcome, Presumed):
        yield "presumed, and its id was asked for"
    elif by_id and evidence not in {None, Evidence.REQUEST_ID}:
        yield f"known by {evidence}, and its id was asked for"
    elif asked.minimum is MinimumEvidence.EVENT and evidence is Evidence.SNAPSHOT:
        yield "known by a GET, and an event was asked for"


def _given_up(account: Account, asked: Asked) -> Iterator[str]:
    """Let nobody give up before the deadline but for the end of its call (6.10, 7).

    What a killed process left open is given up sooner: its baseline is not what was heard since.
    """
    outcome = asked.outcome
    if not isinstance(outcome, Unconfirmed) or isinstance(asked.request, SILENT):
        return
    assert asked.settled is not None
    early = asked.settled < asked.deadline - 0.05 and not _restarted(account, asked)
    if early and outcome.reason is not Reason.DIALOG_ENDED:
        yield f"{outcome.reason} {asked.deadline - asked.settled:.1f} s before its deadline"


def _answer(asked: Asked) -> Iterator[str]:
    """Until Finesse has answered, evidence without our id is held (2)."""
    outcome = asked.outcome
    assert asked.settled is not None
    weak = isinstance(outcome, Confirmed) and outcome.evidence in WEAK
    if not weak or asked.mode not in {"submit", "forward"}:
        return
    early = asked.answered is None or asked.answered > asked.settled + EPS
    if early and asked.settled < asked.submitted + asked.length - EPS:
        yield "confirmed without its id before Finesse had answered"


def _deadline(asked: Asked) -> Iterator[str]:
    """Let nobody give up before the deadline, which runs from the 202 (2, 7)."""
    outcome = asked.outcome
    assert asked.settled is not None
    if not isinstance(outcome, Unconfirmed) or isinstance(asked.request, SILENT):
        return
    if outcome.reason in AT_DEADLINE and asked.settled < asked.deadline - 0.05:
        yield f"given up {asked.deadline - asked.settled:.1f} s before its deadline"


def _window(account: Account, asked: Asked) -> Iterator[str]:
    """Let silence be complete at the window's end, behind that of the DTMF before it (6.6)."""
    outcome = asked.outcome
    told = isinstance(outcome, Presumed | Confirmed)
    if not told or not isinstance(asked.request, SILENT) or not asked.accepted:
        return
    assert asked.settled is not None
    assert asked.answered is not None
    if asked.answered > asked.settled:
        return  # its id came back, and when the window began was never told
    begin = asked.answered
    if isinstance(asked.request, do.SendDtmf):
        begin = max([begin, *lanes.surely_before(account, asked)])
    if asked.settled < begin + asked.request.default_deadline - 0.01:
        yield "its silence was not complete yet"


def _snapshot(account: Account, asked: Asked) -> Iterator[str]:
    """Let a GET count when sent after the 202 and not overtaken (7); 15 s for data (6.7)."""
    outcome = asked.outcome
    if not isinstance(outcome, Confirmed | Failed) or outcome.evidence is not Evidence.SNAPSHOT:
        return
    assert asked.settled is not None
    answered = asked.submitted if asked.answered is None else asked.answered
    gets = [
        got
        for got in account.gets
        if got.answered is not None
        and answered - EPS <= got.sent
        and got.answered <= asked.settled + EPS
        and _may_tell(asked, got)
    ]
    if not gets:
        yield "known by a GET, and none was sent after Finesse's answer"
    elif all(_overtaken(account, asked, got) for got in gets):
        yield "known by a GET, and an event came before its answer"
    data = isinstance(outcome, Failed) and isinstance(asked.request, do.UpdateCallData)
    if data and asked.settled < answered + GET_FAILS_AFTER - 0.01:
        yield "failed by a GET too soon"


def _may_tell(asked: Asked, got: Got) -> bool:
    user = uris.user_node(asked.agent)
    dialog = asked.request.dialog_id
    return got.path in {user, uris.dialogs_node(asked.agent)} or (
        got.path.startswith("/finesse/api/Dialog/") and dialog is not None
    )


def _overtaken(account: Account, asked: Asked, got: Got) -> bool:
    dialog = asked.request.dialog_id
    return any(
        heard.agent == asked.agent
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == dialog
        and heard.first
        and got.sent < heard.at < (got.answered or 0.0)
        for heard in account.heard
    )


def _expected(account: Account, asked: Asked) -> Iterator[str]:
    """Let nothing confirm what the caller announced and never sent; its id says that he did (8)."""
    if asked.mode != "never_sent" or not isinstance(asked.outcome, Confirmed | Failed):
        return
    assert asked.settled is not None
    begin = asked.submitted - grounds.EARLY
    if not any(
        heard.event.request_id == asked.request_id
        and heard.event.owner == asked.agent
        and begin <= heard.at <= asked.settled + EPS
        for heard in account.heard
    ):
        yield "its caller never sent it"

"""What every outcome carries, whatever it says: Finesse's status, the gaps, the warnings.

Also what came after it, who else may own an error that failed it, and what had to stand for how
long. The numbers are the sections of the rules of evidence. Nothing here comes from the correlator.
Only a world that is `exact` is asked: over real sockets times are told rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Abandoned, Confirmed, Evidence, Failed, Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, RequestFailed
from tests.oracle import blame, effects, grounds, lanes, shown, table, whose
from tests.oracle.readings import SILENT, has_its_id, id_shared, is_about, read_of, was_live

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

EPS = 0.001
CLOSE = 0.05
MOST_LATE = 10  # news that are told of one request after its outcome, at the least
WEAK = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT})


def broken(account: Account, asked: Asked) -> Iterator[str]:
    """Yield what is wrong with what an outcome carries."""
    if not account.exact or asked.settled is None or asked.begun is None:
        return
    for check in (_status, _window, _warned, _late, _alone, _standing, _one_of_two):
        yield from check(account, asked)


def _status(_account: Account, asked: Asked) -> Iterator[str]:
    """Let Finesse's answer be told as it was read (2), and none that was not."""
    assert asked.outcome is not None
    assert asked.settled is not None
    known = asked.answered is not None and asked.answered < asked.settled - EPS
    told = asked.outcome.status
    if known and asked.status is not None and told != asked.status:
        yield f"status {told} is told, and Finesse answered {asked.status}"
    if (asked.answered is None or asked.answered > asked.settled + EPS) and told is not None:
        yield f"status {told} is told, and no answer had been read"


def _window(account: Account, asked: Asked) -> Iterator[str]:
    """Let each time be told in which something could have been missed (4, 6.6)."""
    assert asked.outcome is not None
    assert asked.settled is not None
    assert asked.begun is not None
    window, start = asked.outcome.window, asked.submitted
    if abs(window.until - (asked.settled - start)) > CLOSE:
        yield f"{window.until:.1f} s of listening are told, of {asked.settled - start:.1f}"
    for begin, end in _deaf(account, asked.agent, asked.begun, asked.settled):
        told = any(
            start + a - CLOSE <= begin and (b is None or end <= start + b + CLOSE)
            for a, b in window.gaps
        )
        if end > begin + CLOSE and not told:
            yield f"a gap of {end - begin:.1f} s is not told"


def _deaf(account: Account, agent: str, begin: float, end: float) -> Iterator[tuple[float, float]]:
    at = begin
    for a, b in sorted(map(tuple, account.live.get(agent, ()))):
        if b <= at or a >= end:
            continue
        if a > at:
            yield at, a
        at = min(b, end)
    if at < end:
        yield at, end


def _warned(account: Account, asked: Asked) -> Iterator[str]:
    """Let a drop-in that goes out beside one that holds the device be warned (9)."""
    assert asked.outcome is not None
    assert asked.begun is not None
    if account.gate == "off" or account.restarts or asked.mode != "forward":
        return
    if table.row(asked.request).hold is table.Hold.NEVER:
        return
    beside = any(
        other is not asked
        and other.agent == asked.agent
        and lanes._holds(account, asked, other, asked.turn or asked.begun)
        for other in account.asked
    )
    told = any(warning.code == "device_busy" for warning in asked.outcome.warnings)
    if beside and not told:
        yield "let pass beside one that held the device, and no warning is told"


def _late(account: Account, asked: Asked) -> Iterator[str]:
    """Let what comes with its id after its outcome be told as late (7).

    But for the other events of what was confirmed, or failed by its id.
    """
    outcome, settled = asked.outcome, asked.settled
    assert settled is not None
    by_id = isinstance(outcome, Failed) and outcome.evidence is Evidence.REQUEST_ID
    if by_id or isinstance(outcome, Confirmed) or account.restarts or id_shared(account, asked):
        return
    if len(asked.late) >= MOST_LATE:
        return
    for heard in account.heard:
        after = heard.agent == asked.agent and heard.at > settled + EPS and heard.first
        if not after or not has_its_id(asked, heard) or not shown.on_own_node(heard):
            continue
        if not isinstance(heard.event, DialogEvent | RequestFailed):
            continue
        kind = "error" if isinstance(heard.event, RequestFailed) else "event"
        told = any(late.kind == kind and abs(late.at - heard.at) < EPS for late in asked.late)
        if not told and heard.at < account.ended - CLOSE:
            yield f"{kind} with its id came after it, and was not told as late"


def _alone(account: Account, asked: Asked) -> Iterator[str]:
    """Let nobody fail by an error without id that one may own who was settled before (5)."""
    outcome = asked.outcome
    if not isinstance(outcome, Failed) or outcome.evidence is not Evidence.SOLE_PENDING:
        return
    if account.restarts:
        return
    read = [h for h in whose._read(account, asked) if whose._is(h, asked, outcome)]
    if not read or not all(_owned(account, asked, heard) for heard in read):
        return
    yield "failed by an unsigned error that one who was settled before may own"


def _owned(account: Account, asked: Asked, error: Heard) -> bool:
    return any(
        other is not asked
        and other.agent == asked.agent
        and other.settled is not None
        and other.settled < error.at - EPS
        and other.request.dialog_id == asked.request.dialog_id
        and other.request.dialog_id == getattr(error.event, "dialog_id", None)
        and not isinstance(other.outcome, Failed)
        and blame._may_own(other, error.at, asked.settled)
        and blame.fits(account, other, error)
        for other in account.asked
    )


def _standing(account: Account, asked: Asked) -> Iterator[str]:
    """Let what waits for the end of a time count only if it was listened to that end (6.1, 6.6).

    An error may follow an event with the id of digits; a call may be dialled no longer.
    """
    outcome, settled = asked.outcome, asked.settled
    assert settled is not None
    if not isinstance(outcome, Confirmed) or outcome.evidence is Evidence.SNAPSHOT:
        return
    dialled = outcome.stage == "INITIATED" and isinstance(asked.request, do.MakeCall)
    tones = isinstance(asked.request, SILENT) and outcome.evidence is Evidence.REQUEST_ID
    if not dialled and not tones:
        return
    since = [
        heard.at
        for heard in read_of(account, asked, until=settled)
        if isinstance(heard.event, DialogEvent)
        and (
            heard.event.dialog_id == outcome.dialogs.new
            if dialled
            else heard.event.request_id == asked.request_id
        )
    ]
    looked = any(
        got.answered is not None and any(a <= got.answered <= settled for a in since or [0.0])
        for got in account.gets
        if asked.agent in got.path
    )
    whole = any(
        stood(asked.agent, at, settled - EPS)
        for at in since
        for stood in (account.listening, account.whole)
    )
    if since and not whole and not (dialled and looked):
        yield "what was heard had to stand to the end, and it was not listened to the end"


def _one_of_two(account: Account, asked: Asked) -> Iterator[str]:
    """Let a change that fits two equal requests confirm neither, though one of them ended open (4).

    Nor one that a GET shows. Who was refused, or told by id, is no rival.
    """
    outcome, settled = asked.outcome, asked.settled
    weak = isinstance(outcome, Confirmed) and outcome.evidence in WEAK
    if not weak or not isinstance(asked.request, do.Hold | do.Retrieve | do.Answer):
        return
    assert settled is not None
    change = _change(account, asked)
    if change is None or not was_live(account, asked) or account.restarts:
        return
    begun, read = change
    for other in account.asked:
        same = other is not asked and other.request == asked.request and other.begun is not None
        if not same or other.ambiguous or not was_live(account, other):
            continue
        assert other.begun is not None
        there = other.begun < begun - EPS and (other.settled is None or other.settled > read)
        left = isinstance(other.outcome, Unconfirmed | Abandoned | None)
        if there and left and other.minimum is asked.minimum and not grounds.stale(account, other):
            yield "the change fitted another one as well, which was left open"


def _change(account: Account, asked: Asked) -> tuple[float, float] | None:
    """Return when its only change was made and when it was read first; None: not so simple."""
    assert asked.begun is not None
    assert asked.settled is not None
    spans = [
        span
        for span in effects.spans(asked, account)
        if asked.begun - EPS <= span.begin <= asked.settled
    ]
    heard = [h for h in read_of(account, asked, until=asked.settled) if is_about(asked, h)]
    shows = [h for h in heard if shown.shows(account, asked, h, tagged=False)]
    if len(spans) != 1 or any(h.event.request_id is not None for h in shows):
        return None
    return spans[0].begin, min([h.at for h in shows], default=asked.settled)

"""Whose error is it that a Failed carries, or that came late? Told by Finesse's own record.

An error that was another request's must never be given to a caller: that is counted by itself. The
one exception is an unsigned error that by the letter of section 5 could be nobody else's (`blame`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Abandoned, Confirmed, Evidence, Failed, Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, RequestFailed
from listener.redaction import HIDDEN
from tests.oracle import blame, effects, grounds

if TYPE_CHECKING:
    from listener.correlation.steps import Late
    from listener.finesse.model import ApiError
    from tests.oracle.account import Account, Asked, Heard

CLOSE = 0.001  # seconds


def misgiven(account: Account, asked: Asked) -> Iterator[str]:
    """Say what is wrong with the error that failed a request."""
    outcome = asked.outcome
    if not isinstance(outcome, Failed) or not outcome.errors:
        return
    read = [heard for heard in _read(account, asked) if _is(heard, asked, outcome)]
    if not read:
        yield "failed by an error that was not read while it was open"
    elif any(heard.parcel.cause is deed for heard in read for deed in asked.deeds):
        return
    elif outcome.evidence is not Evidence.SOLE_PENDING:
        yield f"an error with its id that was of {_owner(account, read[-1])}"
    elif not blame.entitled(account, asked):
        yield f"an unsigned error that was of {_owner(account, read[-1])}"


def blamed(account: Account, asked: Asked) -> bool:
    """Say whether it failed by another's unsigned error that section 5 lets be its own."""
    outcome = asked.outcome
    if not isinstance(outcome, Failed) or outcome.evidence is not Evidence.SOLE_PENDING:
        return False
    read = [heard for heard in _read(account, asked) if _is(heard, asked, outcome)]
    own = any(heard.parcel.cause is deed for heard in read for deed in asked.deeds)
    return not own and blame.entitled(account, asked)


def _read(account: Account, asked: Asked) -> Iterator[Heard]:
    """Yield the errors that were read in time; who announces may have sent before (2)."""
    early = asked.mode not in {"submit", "forward"}
    begun = asked.submitted if asked.begun is None else asked.begun
    end = (asked.settled or 0.0) + CLOSE
    for heard in account.heard:
        in_time = heard.at <= end and (early or heard.at >= begun - CLOSE)
        if in_time and isinstance(heard.event, RequestFailed):
            yield heard


def _is(heard: Heard, asked: Asked, outcome: Failed) -> bool:
    event = heard.event
    assert isinstance(event, RequestFailed)
    if outcome.evidence is Evidence.REQUEST_ID:
        fits = event.request_id == asked.request_id
    else:
        # Who has an id that is another's too has none that tells (3).
        fits = event.owner == asked.agent
    return fits and same(event.errors, outcome.errors)


def same(read: tuple[ApiError, ...], told: tuple[ApiError, ...]) -> bool:
    """Say whether two lists of errors are one; digits may be hidden in what is told of it."""
    return len(read) == len(told) and all(
        a.error_type == b.error_type
        and _may_be(a.error_message, b.error_message)
        and _may_be(a.error_data, b.error_data)
        for a, b in zip(read, told, strict=True)
    )


def _may_be(read: str | None, told: str | None) -> bool:
    """Say whether a text is what was read, but for what is hidden in it, wherever that is told."""
    if told is None or read is None or HIDDEN not in f"{read} {told}":
        return read == told
    return _covers(told, read) or _covers(read, told)


def _covers(masked: str, plain: str) -> bool:
    pattern = ".+".join(map(re.escape, masked.split(HIDDEN)))
    return re.fullmatch(pattern, plain, re.DOTALL) is not None


def _owner(account: Account, heard: Heard) -> str:
    for each in account.asked:
        if any(deed is heard.parcel.cause for deed in each.deeds):
            return f"step {each.step} ({each.action})"
    return "another client" if heard.parcel.cause is not None else "nobody"


# -- what came late -------------------------------------------------------------------------------


def mislaid(account: Account, asked: Asked) -> Iterator[str]:
    """Say which late news of a request are not its own (5, 7), and which are not there."""
    for late in asked.late:
        if not any(_late_is(account, asked, heard, late) for heard in account.heard):
            yield f"late news that is not its own: {late.kind} {late.detail}"


def _late_is(account: Account, asked: Asked, heard: Heard, late: Late) -> bool:
    if account.exact and abs(heard.at - late.at) > CLOSE:
        return False
    event = heard.event
    named = event.request_id == asked.request_id
    mine = any(heard.parcel.cause is deed for deed in asked.deeds)
    # On a call that both are on nobody can tell whose of two colleagues' ids it is (3).
    mine = mine or (named and not grounds.named(account, asked, heard))
    # Nor that it is another client's, who has the same one by chance, where a tag counts (3).
    mine = mine or (named and _counts(account, asked, heard) and _a_strangers(account, heard))
    if late.kind == "possible_error":
        # A repeated id names nobody, so that such an error is nobody's for sure (3, 5).
        unsigned = event.request_id is None or (named and asked.ambiguous)
        error = isinstance(event, RequestFailed) and _says(event, late)
        return error and unsigned and event.owner == asked.agent and _fits(account, asked, heard)
    if late.kind == "error":
        return isinstance(event, RequestFailed) and named and mine
    if isinstance(event, DialogEvent) and late.dialog is not None and event.dialog != late.dialog:
        return False
    return not isinstance(event, RequestFailed) and named and mine


def _counts(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a tag counts there: on its agent's own node, or its dialog's (3)."""
    there = getattr(heard.event, "dialog_id", None)
    family = effects.family(account.history, asked.request.dialog_id, heard.at)
    return heard.event.owner == asked.agent or there in family


def _a_strangers(account: Account, heard: Heard) -> bool:
    cause = heard.parcel.cause
    ours = {id(deed) for each in account.asked for deed in each.deeds}
    return cause is not None and id(cause) not in ours


def _says(event: RequestFailed, late: Late) -> bool:
    """Say whether late news tell of that error; not every world reads its details."""
    if late.errors:
        return same(event.errors, late.errors)
    words = event.errors[0].error_message if event.errors else None
    return HIDDEN in late.detail or (words or "") in late.detail


def _fits(account: Account, asked: Asked, heard: Heard) -> bool:
    if blame.fits(account, asked, heard):
        return True
    there, asked_on = getattr(heard.event, "dialog_id", None), asked.request.dialog_id
    if there is None:
        return False
    if isinstance(asked.outcome, Unconfirmed) and blame.made_blindly(account, asked, heard):
        return True
    undecided = isinstance(asked.outcome, Unconfirmed | Abandoned)
    if undecided and (
        blame.untold(account, asked, heard) or blame.came_untold(account, asked, heard)
    ):
        return True
    # The call that it was told to have made is its object, whoever made it (5, 6.1).
    if isinstance(asked.outcome, Confirmed | Failed) and there == asked.outcome.dialogs.new:
        return True
    # Which of two calls an error of the joined one names is not said: they are one object (5, 6.3).
    became = effects.family(account.history, there, heard.at)
    joined = there in effects.family(account.history, asked_on) or asked_on in became
    return joined or _barged_into(account, asked, there)


def _barged_into(account: Account, asked: Asked, there: str) -> bool:
    """Say whether that call is the one into which a barge was told to have come.

    The barge's own object is that call, and that of what was asked on the watch it came from (5).
    """
    return any(
        each.agent == asked.agent
        and isinstance(each.request, do.BargeCall)
        and isinstance(each.outcome, Confirmed)
        and each.outcome.dialogs.survivor == there
        and (each is asked or asked.request.dialog_id in each.outcome.dialogs.gone)
        for each in account.asked
    )

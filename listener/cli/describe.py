"""An outcome in plain English lines: what came of it, how it is known, what may be done now.

Pure: takes an outcome, returns lines. Says no more than the outcome does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from listener.cli.exits import Exit
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.finesse import catalogue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from listener.finesse.model import ApiError

_HOW: dict[Evidence, str] = {
    Evidence.REQUEST_ID: "Finesse tied it to this request by its id",
    Evidence.EXPECTATION: "the change asked for was seen; who caused it is not said",
    Evidence.SOLE_PENDING: "an error without an id fits this request alone",
    Evidence.SNAPSHOT: "a GET showed it; who caused it is not said",
}
_WHY: dict[Reason, str] = {
    Reason.DEADLINE: "nothing that proves it was heard in time",
    Reason.LINK_LOST: "the link was lost while waiting, and the answer may have gone with it",
    Reason.AMBIGUOUS: "what was heard fits more than one request",
    Reason.NO_ANSWER: "Finesse did not answer the request itself",
    Reason.DIALOG_ENDED: "the dialog ended, which does not say why",
    Reason.RESTARTED: "this program was restarted while waiting",
    Reason.WEAK: "what was heard is weaker evidence than was asked for",
    Reason.NOT_REPORTED: "whether it was sent was never reported",
    Reason.NOT_SENT: "nothing left this machine",
    Reason.EXPIRED_IN_QUEUE: "its device was busy until the deadline; it was not sent",
    Reason.CANCELLED: "it was cancelled before it was sent",
    Reason.SHUTDOWN: "this program is stopping",
    Reason.CALLER: "the caller stopped waiting",
}


def exit_code(outcome: Outcome) -> Exit:
    """Return the exit code of `listener send` for that outcome."""
    match outcome:
        case Confirmed() | Presumed():
            return Exit.OK
        case Failed():
            return Exit.FAILED
        case Rejected():
            return Exit.REJECTED
        case Unconfirmed():
            return Exit.UNCONFIRMED
        case Abandoned():
            return Exit.ABANDONED
        case never:
            assert_never(never)


def describe(
    outcome: Outcome,
    action: str,
    deployment: str | None = None,
    ids: Collection[str | None] = (),
) -> Iterator[str]:
    """Yield the lines about the outcome of that action, the verdict first.

    Errors are explained for `deployment` (UCCE or UCCX); None: for both. No number among the
    request's `ids` is taken for an error code.
    """
    status = outcome.status if isinstance(outcome, Rejected) else None  # else it was a 202
    yield f"{action} {outcome.kind} after {outcome.waited:.2f} s: {_because(outcome)}"
    for error in getattr(outcome, "errors", ()):
        known = catalogue.explain(
            error, action=action, deployment=deployment, http_status=status, ids=ids
        )
        yield from _error(error, known)
    if outcome.dialog is not None:
        yield f"  dialog {outcome.dialog.id or '?'} was last seen {outcome.dialog.state or '?'}"
    if outcome.dialogs.survivor or outcome.dialogs.new:
        yield f"  the dialog to use from now on: {outcome.dialogs.survivor or outcome.dialogs.new}"
    yield from _variables(outcome)
    for seen in outcome.seen:
        yield f"  heard at {seen.at:.2f} s: {seen.what} {seen.detail}".rstrip()
    for warning in outcome.warnings:
        yield f"  warning: {warning.detail}"


def _because(outcome: Outcome) -> str:
    match outcome:
        case Confirmed(evidence=evidence, stage=stage):
            return _HOW[evidence] + (f"; it is {stage}" if stage else "")
        case Presumed():
            return "no error came while we were certainly listening"
        case Failed(evidence=evidence, state_cause=cause):
            return (f"the call failed ({cause}); " if cause else "") + _HOW[evidence]
        case Rejected():
            return f"{_refusal(outcome)}; sending it again is safe"
        case Unconfirmed(reason=reason) | Abandoned(reason=reason):
            return f"{_WHY[reason]}; it may have happened"
        case never:
            assert_never(never)


def _refusal(outcome: Rejected) -> str:
    if outcome.reason is not None:
        return _WHY[outcome.reason]
    return f"Finesse answered {outcome.status}" if outcome.status else "Finesse refused it"


def _error(error: ApiError, known: catalogue.Explanation) -> Iterator[str]:
    said = (error.error_type, error.error_data, error.error_message, error.peripheral_error_text)
    yield "  Finesse said: " + (", ".join(text for text in said if text) or "nothing more")
    if known.meaning:
        yield f"  meaning: {known.meaning}"
    if known.advice:
        yield f"  what to do: {known.advice}"


def _variables(outcome: Outcome) -> Iterator[str]:
    for word, names in (
        ("set", outcome.applied),
        ("not set", outcome.missing),
        ("cut short", outcome.truncated),
    ):
        if names:
            yield f"  {word}: {', '.join(names)}"
    if outcome.changed is False:
        yield "  the values were there before"

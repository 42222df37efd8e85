"""Takes a request's own DTMF digits out of what Finesse said about it.

They may be a PIN or a card number, and Finesse's error text repeats them. Knows answers, outcomes
and late news; does not know who is told. Events on the feed stay as Finesse sent them.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import cast

from listener.correlation.outcome import Failed, Outcome, Rejected
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.model import ApiError
from listener.redaction import HIDDEN

__all__ = ["of_answer", "of_late", "of_outcome"]


def of_answer(answer: RestAnswer, request: Request) -> RestAnswer:
    """Return the REST answer to `request` without the request's digits."""
    digits = _digits(request)
    if not digits:
        return answer
    return replace(
        answer, errors=_errors(answer.errors, digits), detail=_text(answer.detail, digits)
    )


def of_outcome(outcome: Outcome, request: Request) -> Outcome:
    """Return the outcome of `request` without the request's digits in errors and in `seen`."""
    digits = _digits(request)
    if not digits:
        return outcome
    seen = tuple(replace(one, detail=_text(one.detail, digits)) for one in outcome.seen)
    if isinstance(outcome, Failed | Rejected):
        return replace(outcome, seen=seen, errors=_errors(outcome.errors, digits))
    return replace(outcome, seen=seen)


def of_late(late: Late, request: Request) -> Late:
    """Return what came late about `request` without the request's digits."""
    digits = _digits(request)
    if not digits:
        return late
    return replace(late, errors=_errors(late.errors, digits), detail=_text(late.detail, digits))


def _digits(request: Request) -> str:
    return cast("str", getattr(request, "dtmf_string", ""))


def _errors(errors: tuple[ApiError, ...], digits: str) -> tuple[ApiError, ...]:
    return tuple(_error(error, digits) for error in errors)


def _error(error: ApiError, digits: str) -> ApiError:
    said = {each.name: getattr(error, each.name) for each in fields(error)}
    return ApiError(**{name: text and _text(text, digits) for name, text in said.items()})


def _text(text: str, digits: str) -> str:
    """Hide the digits wherever they stand; a single one only where it is all that is said."""
    if len(digits) > 1:
        return text.replace(digits, HIDDEN)
    return HIDDEN if text.strip() == digits else text

"""Takes the DTMF digits of requests out of what Finesse said about them.

They may be a PIN or a card number, and Finesse's error text repeats them. Knows answers, outcomes,
late news and error events, also those that do not say which request they are about; does not know
who is told.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import cast

from listener.correlation.outcome import Failed, Outcome, Rejected
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.events import RequestFailed
from listener.finesse.model import ApiError
from listener.finesse.sealed import NO_DIGIT
from listener.redaction import HIDDEN

__all__ = ["Spoken", "of_answer", "of_event", "of_late", "of_outcome"]

SECRET_FROM = 4  # a PIN has four digits at least; fewer are a choice in a menu
LONGEST_CODE = 5
SPOKEN_OF = 60.0
"""Seconds after its outcome in which an error may still repeat a request's digits."""

_CODES = frozenset({"error_data", "peripheral_error_code"})


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


def of_event(event: RequestFailed, requests: Iterable[Request]) -> RequestFailed:
    """Return an error event without the digits of those requests."""
    found = {digits for request in requests if (digits := _digits(request))}
    errors = event.errors
    for digits in sorted(found, key=len, reverse=True):  # what holds another one's digits first
        errors = _errors(errors, digits)
    return event if errors == event.errors else replace(event, errors=errors)


class Spoken:
    """Which digits an error may repeat: of requests that are open, or were a minute ago.

    Times are of the loop's clock, and handed in.
    """

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self._ended: OrderedDict[str, tuple[float, Request]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open) + len(self._ended)

    def begin(self, key: str, request: Request) -> None:
        """Take note of a request that may send digits; others are passed over."""
        if _digits(request):
            self._open[key] = request

    def end(self, key: str, now: float) -> None:
        """Take note that a request has its outcome."""
        request = self._open.pop(key, None)
        if request is not None:
            self._ended[key] = (now, request)
        self._drop(now)

    def of(self, agents: Iterable[str | None], now: float) -> list[Request]:
        """Return those of the agents; of all agents where none of them is named."""
        self._drop(now)
        named = {agent for agent in agents if agent is not None}
        all_ = [*self._open.values(), *(request for _, request in self._ended.values())]
        return [request for request in all_ if not named or request.agent in named]

    def _drop(self, now: float) -> None:
        while self._ended and next(iter(self._ended.values()))[0] + SPOKEN_OF < now:
            self._ended.popitem(last=False)


def _digits(request: Request) -> str:
    return cast("str", getattr(request, "dtmf_string", ""))


def _errors(errors: tuple[ApiError, ...], digits: str) -> tuple[ApiError, ...]:
    return tuple(_error(error, digits) for error in errors)


def _error(error: ApiError, digits: str) -> ApiError:
    said = {each.name: getattr(error, each.name) for each in fields(error)}
    return ApiError(**{name: text and _hidden(name, text, digits) for name, text in said.items()})


def _hidden(name: str, text: str, digits: str) -> str:
    """Hide the digits in one member of an error; a code that only looks like them is kept.

    Error codes are numbers of up to five digits. Where the digits are as short as the shortest of
    them, or stand inside one, nothing says that they are meant; hiding would lose the cause.
    """
    code = name in _CODES and text.strip().isdigit() and len(text.strip()) <= LONGEST_CODE
    if not code:
        return _text(text, digits)
    same = digits.startswith(NO_DIGIT) or text.strip() == digits
    meant = len(digits) >= SECRET_FROM and same and len(text.strip()) == len(digits)
    return HIDDEN if meant else text


def _text(text: str, digits: str) -> str:
    """Hide the digits wherever they stand; short ones only as a word of their own.

    Of a request that came from the journal only their number is known: then every word is hidden
    that could be them.
    """
    if digits.startswith(NO_DIGIT):
        keys = "0-9A-Da-d*#" if len(digits) >= SECRET_FROM else "0-9*#"  # "a" is a word, too
        return re.sub(_word(f"[{keys}]{{{len(digits)}}}"), HIDDEN, text)
    if len(digits) >= SECRET_FROM:
        return text.replace(digits, HIDDEN)
    return re.sub(_word(re.escape(digits)), HIDDEN, text)


def _word(pattern: str) -> str:
    return rf"(?<![0-9A-Za-z*#_]){pattern}(?![0-9A-Za-z*#_])"

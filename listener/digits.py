"""Takes the DTMF digits of requests out of what Finesse said about them.

They may be a PIN or a card number, and Finesse's error text repeats them, as they are or apart from
each other. Knows answers, outcomes, late news and error events, also those that do not say which
request they are about, and texts about digits that another client sent; does not know who is told.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import lru_cache
from typing import cast

from listener.correlation.outcome import Failed, Outcome, Rejected
from listener.correlation.steps import Late, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.catalogue.entries import by_number, number
from listener.finesse.events import RequestFailed
from listener.finesse.model import ApiError
from listener.finesse.sealed import NO_DIGIT
from listener.redaction import HIDDEN

__all__ = [
    "Spoken",
    "hide_keys",
    "of_answer",
    "of_event",
    "of_late",
    "of_outcome",
    "said_late",
    "said_of",
    "without_digits",
]

SECRET_FROM = 4  # a PIN has four digits at least; fewer are a choice in a menu
LONGEST_CODE = 5
SPOKEN_OF = 60.0
"""Seconds after its outcome in which an error may still repeat a request's digits."""

_APART = "[\\s,.;:_/|'\"-]"
"""What may stand between two digits of one string."""
_SPEAKS_OF_DTMF = re.compile(r"dtmf|\bdigits?\b", re.IGNORECASE)
_DIGIT = "0-9\uff10-\uff19*#"
_PIECE = (
    rf"(?:[A-Da-d]*+[{_DIGIT}][{_DIGIT}A-Da-d]*+"  # a word of keys, not of letters alone
    rf"|[A-Da-d](?={_APART}{{1,2}}[{_DIGIT}]))"
)
_KEYS = re.compile(rf"(?<![^\W_]){_PIECE}(?:{_APART}{{1,2}}{_PIECE})*+(?![^\W_])")
_KEPT_BEHIND = ("extension", "dialog", "dialogid")
_CODE_BEHIND = "code"

_MARKS = str.maketrans("", "", "*#")
"""The keys that are left out where somebody tells the digits alone."""
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
    """Return an error event without the digits of those requests, or of another client's."""
    found = {digits for request in requests if (digits := _digits(request))}
    errors = event.errors
    for digits in sorted(found, key=len, reverse=True):  # what holds another one's digits first
        errors = _errors(errors, digits)
    errors = tuple(_anybodys(error) for error in errors)
    return event if errors == event.errors else replace(event, errors=errors)


def said_of(outcome: Outcome, requests: Iterable[Request]) -> Outcome:
    """Return an outcome without the digits of other requests that its errors may repeat.

    Finesse's errors need not say which request they are about.
    """
    for each in requests:
        outcome = of_outcome(outcome, each)
    seen = tuple(replace(one, detail=without_digits(one.detail)) for one in outcome.seen)
    if isinstance(outcome, Failed | Rejected):
        errors = tuple(_anybodys(error) for error in outcome.errors)
        return replace(outcome, seen=seen, errors=errors)
    return replace(outcome, seen=seen)


def said_late(late: Late, requests: Iterable[Request]) -> Late:
    """Return late news without the digits of other requests that its errors may repeat."""
    for each in requests:
        late = of_late(late, each)
    errors = tuple(_anybodys(error) for error in late.errors)
    return replace(late, errors=errors, detail=without_digits(late.detail))


def without_digits(text: str) -> str:
    """Return what Finesse wrote about DTMF without what may be the digits; other texts unchanged.

    They may have been sent by another client, so nobody here knows them: whatever could be digits
    is hidden but for codes of errors and what is named as an extension or a dialog.
    """
    return hide_keys(text) if _SPEAKS_OF_DTMF.search(text) else text


def hide_keys(text: str) -> str:
    """Hide whatever in a text may be DTMF digits, together or apart."""

    def hidden(found: re.Match[str]) -> str:
        before = text[: found.start()].rstrip(" :#=").lower()
        number = found[0].isdigit() and len(found[0]) <= LONGEST_CODE
        code = number and (found[0] == text.strip() or before.endswith(_CODE_BEHIND))
        keys = sum(key.isalnum() or key in "*#" for key in found[0])
        kept = code or keys < SECRET_FROM or before.endswith(_KEPT_BEHIND)
        return found[0] if kept else HIDDEN

    return _KEYS.sub(hidden, text)


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

    def of(
        self, agents: Iterable[str | None], now: float, dialog: str | None = None
    ) -> list[Request]:
        """Return those of the agents and those of the dialog; all where no agent is named.

        The longest first: what holds another one's digits is hidden before that one's.
        """
        self._drop(now)
        named = {agent for agent in agents if agent is not None}
        all_ = [*self._open.values(), *(request for _, request in self._ended.values())]
        found = [
            request
            for request in all_
            if not named
            or request.agent in named
            or (dialog is not None and request.dialog_id == dialog)
        ]
        return sorted(found, key=lambda each: len(_digits(each)), reverse=True)

    def near(self, request: Request, now: float) -> list[Request]:
        """Return those whose digits an error near a request may repeat: its agent's, its call's."""
        return self.of((request.agent,), now, request.dialog_id)

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


def _anybodys(error: ApiError) -> ApiError:
    """Return an error that speaks of DTMF without anybody's digits; its type says none."""
    said = {each.name: getattr(error, each.name) for each in fields(error)}
    if not any(text and _SPEAKS_OF_DTMF.search(text) for text in said.values()):
        return error
    plain = {"error_type", "error_media"}
    return ApiError(
        **{n: text if n in plain else text and hide_keys(text) for n, text in said.items()}
    )


def _hidden(name: str, text: str, digits: str) -> str:
    """Hide the digits in one member of an error; a code that only looks like them is kept.

    Error codes are numbers of up to five digits. Where the digits are as short as the shortest of
    them, or stand inside one, nothing says that they are meant; hiding would lose the cause.
    """
    code = name in _CODES and text.strip().isdigit() and len(text.strip()) <= LONGEST_CODE
    if not code:
        return _text(text, digits)
    bare, plain = text.strip(), digits.translate(_MARKS)
    if digits.startswith(NO_DIGIT):
        meant = len(digits) >= SECRET_FROM and len(bare) == len(digits)
    else:
        begins = plain.startswith(bare) and number(bare) not in by_number()
        meant = len(bare) >= SECRET_FROM and (bare == plain or begins)
    return HIDDEN if meant else text


def _text(text: str, digits: str) -> str:
    """Hide the digits wherever they stand, also apart; short ones only as a word of their own.

    Of a request that came from the journal only their number is known: then every word is hidden
    that could be them.
    """
    return _pattern(digits).sub(HIDDEN, text)


@lru_cache(256)
def _pattern(digits: str) -> re.Pattern[str]:
    """Match digits, which are known, or of which only the number is."""
    if digits.startswith(NO_DIGIT):
        if len(digits) < SECRET_FROM:
            return re.compile(_word(f"[0-9*#]{{{len(digits)}}}"))  # "a" is a word, too
        apart = f"[0-9*#](?:{_APART}{{0,2}}[0-9*#]){{{len(digits) - 1}}}"
        return re.compile(_word(f"(?:[0-9A-Da-d*#]{{{len(digits)}}}|{apart})"))
    if len(digits) < SECRET_FROM:
        return re.compile(_word(re.escape(digits)))
    patterns = [f"{_APART}{{0,3}}".join(map(_key, digits))]
    plain = digits.translate(_MARKS)
    if len(plain) >= SECRET_FROM:
        if plain != digits:
            patterns.append(f"{_APART}{{0,3}}".join(map(_key, plain)))
        both = dict.fromkeys((plain, digits))
        patterns += [_word(_beginning(each, between)) for each in both for between in _BETWEEN]
    return re.compile("|".join(patterns))


_BETWEEN = ("", f"{_APART}{{1,3}}")


def _beginning(keys: str, between: str) -> str:
    """Match the first keys, at least SECRET_FROM of them."""
    pattern = ""
    for key in reversed(keys[SECRET_FROM:]):
        pattern = f"(?:{between}{_key(key)}{pattern})?"
    return between.join(map(_key, keys[:SECRET_FROM])) + pattern


def _key(key: str) -> str:
    """Match one key in every way in which it is written."""
    if key.isdigit():
        return f"[{key}{chr(0xFF10 + int(key))}]"
    return f"[{key.upper()}{key.lower()}]" if key.isalpha() else re.escape(key)


def _word(pattern: str) -> str:
    return rf"(?<![0-9A-Za-z*#_]){pattern}(?![0-9A-Za-z*#_])"

"""What may never, or not by default, stand in a log: found by the name of a key and by its looks.

Pure: values in, values out. Secrets and DTMF digits (PINs and card numbers) are always hidden;
telephone numbers and call variables unless the operator opts in. Agent ids, dialog ids and request
ids stay: without them a line says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"
LONGEST = 16 * 1024
"""Characters of one text that are logged; also keeps the patterns below quick."""

DEEPEST = 6
"""Levels of nesting that are looked into; what lies deeper is hidden whole."""

_SECRET_KEY = re.compile(
    r"passw|authori[sz]ation|token|secret|sasl|cookie|dtmf|credential", re.IGNORECASE
)
# Of these a number may be told: it is none of the secret. "credentials_refused" counts agents.
_COUNT_KEY = re.compile(r"_(?:length|count|digits|file|env|seconds|refused)$", re.IGNORECASE)
_NUMBER_KEYS = frozenset(
    {
        "address",
        "callbacknumber",
        "callvariable",
        "callvariables",
        "dialednumber",
        "dnis",
        "extension",
        "fromaddress",
        "mediaaddress",
        "number",
        "targetmediaaddress",
        "toaddress",
        "variable",
        "variables",
        "wrapupreason",
    }
)

_CREDENTIALS = re.compile(r"\b(Basic|Bearer)[ +]+[A-Za-z0-9+/=._~-]+", re.IGNORECASE)
# An element that is cut off before its end tag is hidden to the end of the text.
_SASL = re.compile(
    r"((?:<|&lt;)(?:\w+:)?(auth|response|challenge)\b[^>]*?(?<!/)(?:>|&gt;)).*?"
    r"((?:<|&lt;)/(?:\w+:)?\2|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_ASSIGNED = re.compile(
    r"\b((?:password|passwd|secret|token|cookie|dtmf_?string)[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&<>)\]}]+)",
    re.IGNORECASE,
)


def _element(names: str) -> re.Pattern[str]:
    """Match <name>text</name>, as it is or escaped, in any namespace prefix and case."""
    return re.compile(
        rf"((?:<|&lt;)(?:\w+:)?({names})\b(?:[^<>&]|&(?:apos|quot|amp);)*(?<!/)(?:>|&gt;))[^<]*?"
        rf"((?:<|&lt;)/(?:\w+:)?\2|\Z)",
        re.IGNORECASE,
    )


_ALWAYS = _element("dtmfString|password")
# Finesse repeats refused digits in its error text; SEND_DTMF and the constants may be seen.
_SPEAKS_OF_DTMF = re.compile(r"\bdtmf", re.IGNORECASE)
_ERROR_TEXT = _element("errorMessage|errorData|peripheralErrorText")
_NUMBERS = _element(
    "toAddress|fromAddress|mediaAddress|targetMediaAddress|dialedNumber|DNIS|callbackNumber"
    "|extension|value|wrapUpReason|wrapUpItem"
)
_SPOKEN = re.compile(r"\b(extension|tel:|sip:|sips:)(\s*)\+?[0-9*#]+", re.IGNORECASE)
_INTERNATIONAL = re.compile(r"\+[0-9][0-9 ()/.-]{5,}[0-9]")
# Whatever a pattern above finds holds one of these: a text without them needs no other look.
_SUSPECT = re.compile(
    r"[<&+]|basic|bearer|passw|secret|token|cookie|dtmf|extension|tel:|sips?:", re.IGNORECASE
)


def text(given: str, *, show_numbers: bool = False) -> str:
    """Return the text with secrets, and unless `show_numbers` telephone numbers, replaced."""
    more = len(given) - LONGEST
    if more > 0:
        return f"{text(given[:LONGEST], show_numbers=show_numbers)}... ({more} characters more)"
    return searched(given, show_numbers=show_numbers) if _SUSPECT.search(given) else given


def searched(given: str, *, show_numbers: bool) -> str:
    """Do what `text` does, without the look that spares most texts the search."""
    hidden = _CREDENTIALS.sub(rf"\1 {HIDDEN}", given)
    hidden = _SASL.sub(rf"\1{HIDDEN}\3", hidden)
    hidden = _ALWAYS.sub(rf"\1{HIDDEN}\3", hidden)
    if _SPEAKS_OF_DTMF.search(hidden):
        hidden = _ERROR_TEXT.sub(rf"\1{HIDDEN}\3", hidden)
    hidden = _ASSIGNED.sub(rf"\1{HIDDEN}", hidden)
    if show_numbers:
        return hidden
    hidden = _NUMBERS.sub(rf"\1{HIDDEN}\3", hidden)
    hidden = _SPOKEN.sub(rf"\1\2{HIDDEN}", hidden)
    return _INTERNATIONAL.sub(HIDDEN, hidden)


def value(key: str, given: Any, *, show_numbers: bool = False, depth: int = 0) -> Any:
    """Return what may be logged under that key; containers are copied, objects become text."""
    if given is None or isinstance(given, bool):
        return given
    if _hides(key, given, show_numbers=show_numbers) or depth > DEEPEST:
        return HIDDEN
    if type(given) is str:  # nearly always
        return text(given, show_numbers=show_numbers)
    if isinstance(given, int | float):
        return given
    if isinstance(given, Mapping):
        return {
            str(name): value(str(name), inner, show_numbers=show_numbers, depth=depth + 1)
            for name, inner in given.items()
        }
    if isinstance(given, list | tuple | set | frozenset):
        return [value("", i, show_numbers=show_numbers, depth=depth + 1) for i in given]
    return text(str(given), show_numbers=show_numbers)


def _hides(key: str, given: Any, *, show_numbers: bool) -> bool:
    secret, count, number = _sorts(key)
    if secret:
        return not (count and isinstance(given, int | float))
    return number and not show_numbers


@lru_cache(maxsize=1024)
def _sorts(key: str) -> tuple[bool, bool, bool]:
    """Say whether a key names a secret, a count, and a number of a telephone or call data."""
    plain = key.replace("_", "").replace("-", "").lower().rstrip("0123456789")
    secret, count = _SECRET_KEY.search(key), _COUNT_KEY.search(key)
    return secret is not None, count is not None, plain in _NUMBER_KEYS

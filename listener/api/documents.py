"""A request body -> a JSON object, strictly: what two readers could read differently is refused.

Pure; knows JSON (RFC 8259, and I-JSON of RFC 7493) and no operation. No message repeats a value:
bodies hold DTMF digits and passwords. A name is repeated only when it looks like one.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 16
"""Objects and lists inside one another; ours need three."""

LONGEST_NAME = 64
"""Characters of a name that is worth repeating."""

_EXACT = 2**53
_EXACT_DIGITS = 15
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = {"{": 1, "[": 1, "}": -1, "]": -1}
_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_.\[\]-]{{0,{LONGEST_NAME - 1}}}")


class NotADocument(ValueError):
    """The body is no JSON object that could mean one thing only; the message says why."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    Raises NotADocument for what is not UTF-8 or not JSON, for a name that is there twice, for NaN,
    Infinity and numbers beyond a double, for a lone surrogate, for more than 16 levels, and for
    anything but an object.
    """
    text = _text(body)
    _shallow(text)
    try:
        found = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise NotADocument(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    if not isinstance(found, dict):
        raise NotADocument('the body must be a JSON object: {"name": value, ...}')
    _whole_characters(found)
    return found


def fingerprint(operation: str, document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what is asked, in hexadecimal: equal for equal objects alone.

    The order of names does not matter, nor does white space.
    """
    canonical = json.dumps(
        [operation, document], ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def shown_name(name: str) -> str | None:
    """Return a name that may be repeated to the caller; None for what does not look like one."""
    return name if _NAME.fullmatch(name) else None


def _text(body: bytes) -> str:
    if not body.strip():
        raise NotADocument("the body is empty; send a JSON object")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotADocument(f"the body is not UTF-8 at byte {error.start}") from None


def _shallow(text: str) -> None:
    """Refuse depth before the parser, which recurses, meets it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    steps = (_BRACKETS.get(character, 0) for character in _STRING.sub("", text))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise NotADocument(f"the body has more than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = shown_name(counts.most_common(1)[0][0]) or "a name"
        raise NotADocument(f"the body holds {twice} twice in one object")
    return found


def _no_number(constant: str) -> NoReturn:
    raise NotADocument(f"{constant} is no number in JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotADocument("a number is too big")
    # JSON has one kind of number: 20.0 is 20, and so is its fingerprint.
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _int(text: str) -> float:
    value = _float(text)  # also keeps away what int() would take long for
    return int(text) if len(text) <= _EXACT_DIGITS else value


def _whole_characters(document: Mapping[str, Any]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotADocument("a text holds half a character (a lone surrogate)") from None

"""Two request headers: how long a caller wants to wait, and the key under which it repeats itself.

Pure: header lines in, values out. Sources: RFC 7240 (Prefer), draft-ietf-httpapi-idempotency-key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MOST_WAIT = 60
"""Seconds that one call waits at most; a longer wish is granted in part."""
MOST_KEY = 255
"""Characters of an Idempotency-Key."""

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ELEMENT = re.compile(rf'(?:[^,"]|{_QUOTED})+')
_PREFERENCE = re.compile(rf"\s*({_WORD})\s*(?:=\s*({_WORD}|{_QUOTED})?\s*)?(?:;.*)?", re.DOTALL)
_SECONDS = re.compile(r"[0-9]+")
_DIGITS_ENOUGH = 9
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class BadKey(ValueError):
    """The Idempotency-Key header cannot be read; the message says what it must be like."""


def wait_of(lines: Sequence[str]) -> int | None:
    """Return the seconds of `wait` in the Prefer headers, at most 60; None when there are none.

    Only the first `wait` counts (RFC 7240, 2). What is unknown or malformed is ignored.
    """
    for name, value in _preferences(lines):
        if name == "wait":
            return _seconds(value)
    return None


def _seconds(value: str) -> int | None:
    if not _SECONDS.fullmatch(value):
        return None
    digits = value.lstrip("0") or "0"
    return min(int(digits), MOST_WAIT) if len(digits) <= _DIGITS_ENOUGH else MOST_WAIT


def _preferences(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each preference's name in lower case, and its value, "" when it has none."""
    for element in (found for line in lines for found in _ELEMENT.findall(line)):
        if found := _PREFERENCE.fullmatch(element):
            yield found[1].lower(), _unquoted(found[2] or "")


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def key_of(lines: Sequence[str]) -> str | None:
    """Return the Idempotency-Key, without the quotes that the draft gives it; None without one.

    Raises BadKey for two headers, and for what is not 1 to 255 visible ASCII characters.
    """
    if not lines:
        return None
    if len(lines) > 1:
        raise BadKey("give one Idempotency-Key, not several")
    given = lines[0].strip()
    if given.startswith('"'):
        given = _unquoted(given) if re.fullmatch(_QUOTED, given) else ""
    if not _VISIBLE.fullmatch(given) or len(given) > MOST_KEY:
        raise BadKey(
            f"an Idempotency-Key is 1 to {MOST_KEY} visible ASCII characters, such as a UUID"
        )
    return given

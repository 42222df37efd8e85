"""How deep a payload is escaped: not at all, as XML once or more, as JSON, as part of a URL.

Knows the ways to write `<` and how to get it back; knows nothing of elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from listener.finesse.pasted.notation import unquoted
from listener.finesse.wire import read

MOST = 4
"""Times that a payload may be escaped."""

_NAME = r"[A-Za-z_][\w.\-]*+(?::[\w.\-]++)?"
_ANGLE = re.compile(r"<|&((?:amp;)*+)(?:lt|#0*+60|#[xX]0*+3[cC]);|\\u003[cC]|%3[cC]")
_JSON, _URL = -1, -2


def quote_json(tags: str) -> str:
    """Write the angle brackets of tags as JavaScript's escapes."""
    return tags.replace("<", "\\u003c").replace(">", "\\u003e")


@dataclass(frozen=True, slots=True)
class Level:
    """One way of escaping: `tag` matches a tag with its groups end, name and rest."""

    number: int
    tag: re.Pattern[str]
    opening: re.Pattern[str]
    plain: Callable[[str], str]

    def closing(self, tags: str) -> str:
        """Return end tags as they are written on this level."""
        for _ in range(max(self.number, 0)):
            tags = tags.replace("&", "&amp;").replace("<", "&lt;")
        if self.number == _URL:
            return quote(tags)
        return quote_json(tags) if self.number == _JSON else tags

    def follows(self, text: str, at: int) -> bool:
        """Say whether another tag comes next."""
        return self.opening.match(text, at) is not None


def level_of(text: str, at: int) -> Level | None:
    """Return how the `<` at `at` is escaped; None when there is none, or it is too deep."""
    found = _ANGLE.match(text, at)
    if found is None:
        return None
    if found[0] == "<":
        return _level(0)
    if found[0][0] == "&":
        times = len(found[1]) // len("amp;") + 1
        return _level(times) if times <= MOST else None
    return _level(_JSON if found[0][0] == "\\" else _URL)


@lru_cache(maxsize=8)
def _level(number: int) -> Level:
    opening, closing, slash = _signs(number)
    if number == 0:
        rest = r"(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+"
    else:
        rest = rf"(?:(?!{opening}|{closing})[^<])*+"
    tag = rf"{opening}(?P<end>{slash})?+(?P<name>{_NAME})(?P<rest>{rest})(?:{closing})"
    blank = r"(?:\s|\\[nrt]|%20|%0[aAdD]|\+|[>\u200b\xa0])*+"
    return Level(number, re.compile(tag), re.compile(f"{blank}{opening}"), _plainer(number))


def _signs(number: int) -> tuple[str, str, str]:
    if number == _JSON:
        return r"\\u003[cC]", r"\\u003[eE]|>", r"\\?/"
    if number == _URL:
        return "%3[cC]", "%3[eE]", "(?:/|%2[fF])"
    if number == 0:
        return "<", ">", r"\\?/"
    amps = "&" + "amp;" * (number - 1)
    less, more = "(?:lt|#0*60|#[xX]0*3[cC]);", "(?:gt|#0*62|#[xX]0*3[eE]);"
    return amps + less, f"{amps}{more}|>", r"\\?/"


def _plainer(number: int) -> Callable[[str], str]:
    if number == _JSON:
        return unquoted
    if number == _URL:
        return lambda text: unquote(text.replace("+", " "))

    def plain(text: str) -> str:
        for _ in range(number):
            text = read.unescape(text)
        return text

    return plain

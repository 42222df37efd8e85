"""Objects as JSON, as JavaScript writes them and as consoles print them.

Knows braces, quotes and commas; knows nothing of Finesse. One pass, no way back: where it stops,
the caller goes on. Values stay text: a number is what was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

DEEPEST = 100
"""Levels of nesting."""

SHORTENED = "the console shortened it; print it whole, for example with JSON.stringify"
CUT_OFF = "it ends before it is complete"
_NOT_A_VALUE = "there is something else than a value in it"
_NO_COLON = "there is no colon after a key"
_NO_COMMA = "there is no comma between two values"
_TOO_DEEP = f"it is nested more than {DEEPEST} deep"

_SPACE = re.compile(r"[\s\u200b\ufeff]*+")
# A class before a brace, as consoles print it: Object {, Array(2) [, (2) [
_CLASS = re.compile(r"(?:(?:Object|Array)\s*+)?(?:\(\d{1,9}\)\s*+)?(?=[{\[])")
_STRING = re.compile(
    r'"((?:[^"\\\n]|\\.)*+)"|' r"'((?:[^'\\\n]|\\.)*+)'|" r"“((?:[^“”\\\n]|\\.)*+)”", re.DOTALL
)
_JOINED = re.compile(r"\s*+\+\s*+(?=[\"'])")
_WORD = re.compile(r"[A-Za-z_$][\w$]*+|[+-]?[0-9][\w.+-]*+")
_NUMBER = re.compile(r"[+-]?[0-9]")
_DOTS = re.compile(r"…|\.\.\.|\[(?:Object|Array)\b")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "\n": ""}
_EMPTY = frozenset({"null", "undefined", "NaN"})
_LAST = 0x10FFFF


class Word(str):
    """A value that was written without quotes: a number, true, false."""

    __slots__ = ()


Path: TypeAlias = "tuple[tuple[str | None, Value], ...]"
"""Containers, one in the other, with the key each stands under (None: in a list, or outermost)."""


@dataclass(slots=True)
class Notated:
    """An object or list: its value, where it ends, why it stopped (None: it is whole).

    `unfinished` are the containers that were open when it stopped; what else they hold is whole.
    """

    value: Value
    end: int
    problem: str | None = None
    unfinished: Path = ()


@dataclass(slots=True)
class _Open:
    """A container that is being read."""

    holds: dict[str, Value] | list[Value]
    closing: str
    key: str | None = None
    under: str | None = None

    def put(self, value: Value) -> None:
        if isinstance(self.holds, dict):
            self.holds[self.key or ""] = value
            self.key = None
        else:
            self.holds.append(value)


def unquoted(text: str) -> str:
    """Decode the escapes of a JavaScript string; halves of a pair are put together."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_decoded, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _decoded(found: re.Match[str]) -> str:
    braced, four, two, letter = found.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    code = int(braced or four or two, 16)
    return chr(code) if code <= _LAST else "\ufffd"


class _Stop(Exception):  # a stop is no error
    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at, self.why = at, why


def read_notation(text: str, at: int) -> Notated:
    """Read the object or list whose brace stands at `at`; never raises."""
    reader = _Reader(text, at)
    try:
        reader.run()
    except _Stop as stop:
        return Notated(reader.root, max(stop.at, at + 1), stop.why, reader.unfinished())
    return Notated(reader.root, reader.at)


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at
        self._open: list[_Open] = []
        self.root = self._begin()

    def _begin(self) -> Value:
        braced = self.text[self.at] == "{"
        self.at += 1
        under = self._open[-1].key if self._open else None
        self._open.append(_Open({} if braced else [], "}" if braced else "]", under=under))
        return self._open[-1].holds

    def unfinished(self) -> Path:
        """Return the containers that are still open, the outermost first."""
        keys = [None, *(each.under for each in self._open[1:])]
        return tuple((key, each.holds) for key, each in zip(keys, self._open, strict=True))

    def run(self) -> None:
        """Read until the first brace is closed."""
        while self._open:
            here = self._open[-1]
            if self._closes(here):
                continue
            if isinstance(here.holds, dict):
                here.key = self._key()
            self._value(here)

    def _next(self) -> str:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        if self.at >= len(self.text):
            raise _Stop(self.at, CUT_OFF)
        return self.text[self.at]

    def _closes(self, here: _Open) -> bool:
        """Take the comma before the next value, or the brace at the end."""
        sign = self._next()
        if sign == "," and here.holds:
            self.at += 1
            sign = self._next()
        elif here.holds and sign != here.closing:
            raise _Stop(self.at, self._dots() or _NO_COMMA)
        if sign != here.closing:
            return False
        self.at += 1
        self._open.pop()
        return True

    def _dots(self) -> str | None:
        return SHORTENED if _DOTS.match(self.text, self.at) else None

    def _key(self) -> str:
        self._next()
        found = _STRING.match(self.text, self.at)
        if found:
            key = unquoted(found[found.lastindex or 0])
        elif found := _WORD.match(self.text, self.at):
            key = found[0]
        else:
            raise _Stop(self.at, self._dots() or _NOT_A_VALUE)
        self.at = found.end()
        if self._next() != ":":
            raise _Stop(self.at, _NO_COLON)
        self.at += 1
        return key

    def _value(self, here: _Open) -> None:
        self._next()
        if self._dots():
            raise _Stop(self.at, SHORTENED)
        if found := _CLASS.match(self.text, self.at):
            self.at = found.end()
        if self.text[self.at] in "{[":
            if len(self._open) >= DEEPEST:
                raise _Stop(self.at, _TOO_DEEP)
            here.put(self._begin())
            return
        here.put(self._string() if self.text[self.at] in "\"'“" else self._word())

    def _string(self) -> str:
        pieces = []
        while True:
            found = _STRING.match(self.text, self.at)
            if found is None:
                raise _Stop(self.at, CUT_OFF)
            pieces.append(unquoted(found[found.lastindex or 0]))
            self.at = found.end()
            more = _JOINED.match(self.text, self.at)
            if more is None:
                return "".join(pieces)
            self.at = more.end()

    def _word(self) -> Value:
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise _Stop(self.at, _NOT_A_VALUE)
        word = found[0]
        if word not in {"true", "false"} | _EMPTY and not _NUMBER.match(word):
            raise _Stop(self.at, _NOT_A_VALUE)
        self.at = found.end()
        return None if word in _EMPTY else Word(word)

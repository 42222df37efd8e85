"""Masks for numbers, names and call data: the same text has the same mask, other texts have others.

A replay must come to the same outcomes over masked texts as over the real ones, so a mask keeps
what the core compares: equality, equality without separators (`checks.same_number`), emptiness, the
length, and for call data that one text is the beginning of another (a value that Finesse cut). The
length and common beginnings of values are therefore visible; the texts are not. The key is made for
one run, is never written, and no mask can be turned back without it. Knows texts, no fields.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

MIN_KEY = 16
"""Bytes that a key has at least."""
_ROUNDS = 8
_REMEMBERED = 16_384  # texts whose masks are kept
_BLOCK = 0x40
_LAST_BLOCK = 0xFFC0  # it holds what no XML may hold

_EXTENSION = re.compile(r"(\bextension\s+)([^\s\U000f0000-\U000ffffd]+)", re.IGNORECASE)
_SPOKEN = re.compile(r"(\b(?:tel:|sips?:))([^\s,;<>\"'\U000f0000-\U000ffffd]+)", re.IGNORECASE)
_LONGEST = 60_000  # characters of a text; a longer one is masked whole
_ASIDE = 0xF0000  # characters that mean nothing: each stands for a mask until all are found
_SET_ASIDE = re.compile("[\U000f0000-\U000ffffd]")
_LONG = re.compile(r"(?<![0-9A-Za-z_./-])(?:\+[0-9][0-9 ()./-]{4,}[0-9]|[0-9]{9,})(?![0-9A-Za-z_])")


class Masks:
    """The masks of one run. `key`: at least MIN_KEY random bytes, else ValueError."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY:
            raise ValueError(f"a key has at least {MIN_KEY} bytes, not {len(key)}")
        self._key = key[:64]
        self.number = lru_cache(_REMEMBERED)(self._number)
        """Return the mask of a telephone number: digits for digits, separators stay."""
        self.value = lru_cache(_REMEMBERED)(self._value)
        """Return the mask of call data or a name; beginnings that are equal stay equal."""

    def __repr__(self) -> str:
        return "<Masks>"

    def content(self, said: str | tuple[int, ...]) -> int:
        """Return a number that stands for what was said, the same for the same; never 0.

        `said`: what each event is compared by (`content_of`), or a payload that has nothing to
        compare.
        """
        return int.from_bytes(self._hash(b"content" + _octets(str(said)), 7), "big") or 1

    def text(self, text: str, known: Mapping[str, str] | None = None) -> str:
        """Return what Finesse wrote for people with the numbers in it masked.

        `known`: masks of numbers and values that may be repeated in it, as words of their own.
        """
        if len(text) > _LONGEST:
            return self._value(text)
        done: list[str] = []  # a mask may look like what is looked for next

        def set_aside(mask: str) -> str:
            done.append(mask)
            return chr(_ASIDE + len(done) - 1)

        text = _SET_ASIDE.sub("?", text)
        for pattern in (_EXTENSION, _SPOKEN):
            text = pattern.sub(lambda found: found[1] + set_aside(self.number(found[2])), text)
        text = _LONG.sub(lambda found: set_aside(self.number(found[0])), text)
        for one in sorted((one for one in known or () if one in text), key=len, reverse=True):
            mask = (known or {})[one]
            alone = rf"(?<![0-9A-Za-z]){re.escape(one)}(?![0-9A-Za-z])"
            text = re.sub(alone, lambda _, mask=mask: set_aside(mask), text)  # type: ignore[misc]
        return _SET_ASIDE.sub(lambda found: done[ord(found[0]) - _ASIDE], text)

    def _number(self, text: str) -> str:
        digits = "".join(c for c in text if c in _DIGITS)
        letters = "".join(c for c in text if c not in _DIGITS and _turns(c))
        if not digits and not letters:
            return text
        masked = iter(self._digits(digits)), iter(self._value(letters))
        return "".join(
            next(masked[0]) if c in _DIGITS else next(masked[1]) if _turns(c) else c for c in text
        )

    def _digits(self, digits: str) -> str:
        """Permute all texts of so many digits: a Feistel network over two halves."""
        if len(digits) < 2:  # noqa: PLR2004  there are no halves
            return "".join(str((int(d) + self._shift(b"digit", 10)) % 10) for d in digits)
        middle = len(digits) // 2
        left, right = digits[:middle], digits[middle:]
        for turn in range(_ROUNDS):
            width = len(left)
            noise = self._hash(f"{turn}/{len(digits)}/{right}".encode(), 16)
            total = (int(left) + int.from_bytes(noise, "big")) % 10**width
            left, right = right, f"{total:0{width}}"
        return left + right

    def _value(self, text: str) -> str:
        masked, state = [], b"value"
        for character in text:
            state = self._hash(state, 16)
            masked.append(_turned(character, int.from_bytes(state[:8], "big")))
            state += _octets(character)
        return "".join(masked)

    def _shift(self, of: bytes, below: int) -> int:
        return int.from_bytes(self._hash(of, 8), "big") % below

    def _hash(self, data: bytes, size: int) -> bytes:
        return hashlib.blake2b(data, digest_size=size, key=self._key).digest()


_DIGITS = frozenset("0123456789")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _turns(character: str) -> bool:
    """Say whether a character has a mask that differs from it, mostly."""
    return (character.isascii() and character.isalnum()) or character > "\x7f"


def _turned(character: str, by: int) -> str:
    """Return another character of the same sort; for each `by` a permutation of the sort."""
    code = ord(character)
    for first, count in ((0x30, 10), (0x41, 26), (0x61, 26)):
        if first <= code < first + count:
            return chr(first + (code - first + by) % count)
    # Space, punctuation and control characters stay, and so do surrogates.
    if code < _BLOCK * 2 or "\ud800" <= character <= "\udfff" or code & 0xFFC0 == _LAST_BLOCK:
        return character
    return chr(code ^ (by % _BLOCK))

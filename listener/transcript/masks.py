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
from functools import lru_cache

from listener.redaction import HIDDEN

MIN_KEY = 16
"""Bytes that a key has at least."""
_ROUNDS = 8
_REMEMBERED = 16_384  # texts whose masks are kept
_BLOCK = 0x40
_LAST_BLOCK = 0xFFC0  # it holds what no XML may hold

_EXTENSION = re.compile(r"(\bextension\s+)(\S+)", re.IGNORECASE)
_SPOKEN = re.compile(r"(\b(?:tel:|sips?:))([^\s,;<>\"']+)", re.IGNORECASE)
_LONG = re.compile(r"(?<![0-9A-Za-z_./-])(?:\+[0-9][0-9 ()./-]{4,}[0-9]|[0-9]{9,})(?![0-9A-Za-z_])")
_SPEAKS_OF_DTMF = re.compile(r"dtmf", re.IGNORECASE)
_KEYS = re.compile(r"(?<![0-9A-Za-z*#_.-])[0-9A-D*#]++(?![0-9A-Za-z*#_-])")
_SECRET_FROM = 4  # as `listener.digits`
_LONGEST_CODE = 5


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

    def content(self, payload: str) -> int:
        """Return a number that stands for a whole payload, the same for the same one; never 0."""
        return int.from_bytes(self._hash(b"content" + _octets(payload), 7), "big") or 1

    def text(self, text: str) -> str:
        """Return what Finesse wrote for people with the numbers in it masked."""
        text = _EXTENSION.sub(lambda found: found[1] + self.number(found[2]), text)
        text = _SPOKEN.sub(lambda found: found[1] + self.number(found[2]), text)
        return _LONG.sub(lambda found: self.number(found[0]), text)

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


def without_digits(text: str) -> str:
    """Return what Finesse wrote about DTMF without what may be the digits; other texts unchanged.

    They may have been sent by another client, so nobody here knows them: whatever could be digits
    is hidden but for codes of errors and what is named as an extension or a dialog.
    """
    return hide_keys(text) if _SPEAKS_OF_DTMF.search(text) else text


def hide_keys(text: str) -> str:
    """Hide whatever in a text may be DTMF digits."""

    def hidden(found: re.Match[str]) -> str:
        before = text[: found.start()].rstrip(" :#=").lower()
        if before.endswith(("extension", "dialog", "dialogid", "call", "code")):
            return found[0]
        code = found[0].isdigit() and len(found[0]) <= _LONGEST_CODE and found[0] == text.strip()
        word = found[0].isalpha() or len(found[0]) < _SECRET_FROM
        return found[0] if word or code else HIDDEN

    return _KEYS.sub(hidden, text)


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

"""Inputs made bad, by chance alone: bytes, XML trees, JSON values. The same chance, the same input.

Knows formats, not what reads them.
"""

from __future__ import annotations

import copy
import json
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any

BIGGEST = 64 * 1024
"""Bytes of a mutated input; bigger ones have tests of their own, and cost time here."""

NASTY_TEXTS = (
    *("", " ", "\t\n", "0", "-1", "9" * 400, "NaN", "null", "true", "1e999", "\u00e9", "\u20ac"),
    *("\U0001f4de", "\u202e", "\ufffd", "\u2028", "a\u0301", "\u0130", "x" * 5000, "<b>", "&lt;"),
    *("&amp;lt;", "]]>", "<!-- -->", "<![CDATA[x]]>", "%00", "../../etc/passwd", "' or 1=1", "\\"),
    *("/finesse/api/Dialog/1", "/finesse/api/User/", "/finesse/api/User/1001/Dialogs", "//"),
    *("PUT", "POST", "DELETE", "put", "ACTIVE", "HELD", "DROPPED", "LOGOUT", "IN_SERVICE", "34"),
    *("2026-11-21T08:00:00.000Z", "2026-02-30T25:61:61Z", "1970-01-01T00:00:00Z", "\x85", "\xa0"),
)
_NUMBERS = re.compile(rb"[0-9]+")
_TAG = re.compile(r"\{.*\}")


class Mutator:
    """Makes bad inputs of good ones. `tokens` are pieces of the format, put in anywhere."""

    def __init__(self, chance: random.Random, tokens: Sequence[bytes]) -> None:
        self.chance = chance
        self._tokens = tokens
        self._steps: tuple[Callable[[bytearray, bytes], None], ...] = (
            self._flip,
            self._set,
            self._cut,
            self._repeat,
            self._put_token,
            self._put_token,
            self._truncate,
            self._splice,
            self._number,
            self._swap,
        )

    # -- bytes ---------------------------------------------------------------------------------

    def octets(self, data: bytes, other: bytes = b"") -> bytes:
        """Change some bytes; `other` is where pieces may come from."""
        changed = bytearray(data)
        for _ in range(self.chance.choice((1, 1, 1, 2, 3, 5))):
            self.chance.choice(self._steps)(changed, other)
        return bytes(changed[:BIGGEST])

    def _place(self, data: bytearray) -> int:
        return self.chance.randrange(len(data) + 1)

    def _range(self, data: bytearray) -> slice:
        start = self._place(data)
        return slice(start, start + self.chance.choice((1, 2, 4, 16, 64, 1024)))

    def _flip(self, data: bytearray, _: bytes) -> None:
        if data:
            data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)

    def _set(self, data: bytearray, _: bytes) -> None:
        at = self._place(data)
        data[at : at + 1] = bytes([self.chance.choice(b"\0\x01\t\n\r \"&'/<>=;:\x7f\x80\xc3\xff")])

    def _cut(self, data: bytearray, _: bytes) -> None:
        del data[self._range(data)]

    def _repeat(self, data: bytearray, _: bytes) -> None:
        where = self._range(data)
        times = self.chance.choice((1, 1, 2, 8, 100))
        data[where.start : where.start] = bytes(data[where]) * times

    def _put_token(self, data: bytearray, _: bytes) -> None:
        at = self._place(data)
        data[at:at] = self.chance.choice(self._tokens)

    def _truncate(self, data: bytearray, _: bytes) -> None:
        del data[self._place(data) :]

    def _splice(self, data: bytearray, other: bytes) -> None:
        cut = self.chance.randrange(len(other) + 1)
        data[self._place(data) :] = other[cut:]

    def _number(self, data: bytearray, _: bytes) -> None:
        found = list(_NUMBERS.finditer(bytes(data)))
        if found:
            one = self.chance.choice(found)
            new = self.chance.choice((b"0", b"-1", b"4294967296", b"9" * 30, b"1.5", b""))
            data[one.start() : one.end()] = new

    def _swap(self, data: bytearray, _: bytes) -> None:
        one, two = sorted((self._place(data), self._place(data)))
        data[:] = data[one:two] + data[:one] + data[two:]

    def slices(self, data: bytes) -> list[bytes]:
        """Cut into pieces, each of which travels alone."""
        places = sorted(self._place(bytearray(data)) for _ in range(self.chance.randrange(4)))
        ends = [*places, len(data)]
        pieces = [data[a:b] for a, b in zip([0, *places], ends, strict=True)]
        return [piece for piece in pieces if piece]

    # -- XML -----------------------------------------------------------------------------------

    def xml(self, document: str) -> str:
        """Change the tree of a document, which stays well-formed where it was."""
        try:
            root = ET.fromstring(document)
        except (ET.ParseError, ValueError):
            return self.octets(document.encode("utf-8", "replace")).decode("utf-8", "replace")
        for _ in range(self.chance.choice((1, 1, 2, 3, 6))):
            self._element(root)
        return ET.tostring(root, encoding="unicode")

    def _element(self, root: ET.Element) -> None:
        around = self.chance.choice([*root.iter()])
        step = self.chance.choice((
            self._text, self._text, self._lose, self._twice, self._name, self._name,
            self._attribute, self._deepen, self._widen, self._move,
        ))  # fmt: skip
        step(around, root)

    def _text(self, around: ET.Element, _: ET.Element) -> None:
        text = self.chance.choice(NASTY_TEXTS)
        if self.chance.random() < 0.8:
            around.text = text
        else:
            around.tail = text

    def _child(self, around: ET.Element) -> ET.Element | None:
        return self.chance.choice(list(around)) if len(around) else None

    def _lose(self, around: ET.Element, _: ET.Element) -> None:
        if (child := self._child(around)) is not None:
            around.remove(child)

    def _twice(self, around: ET.Element, _: ET.Element) -> None:
        if (child := self._child(around)) is not None:
            around.insert(self.chance.randrange(len(around) + 1), copy.deepcopy(child))

    def _name(self, around: ET.Element, root: ET.Element) -> None:
        name = _TAG.sub("", around.tag)
        others = [_TAG.sub("", each.tag) for each in root.iter()]
        around.tag = self.chance.choice((
            name.lower(), name.upper(), name.swapcase(), self.chance.choice(others),
            f"{{urn:other}}{name}", "apiErrors", "Update", "data", "dialogs", "_", "\u00e9",
        ))  # fmt: skip

    def _attribute(self, around: ET.Element, _: ET.Element) -> None:
        name = self.chance.choice(("id", "type", "from", "node", "{urn:x}y", "xml"))
        around.set(name, self.chance.choice(NASTY_TEXTS[:30]))

    def _deepen(self, around: ET.Element, _: ET.Element) -> None:
        for _level in range(self.chance.choice((1, 2, 70, 200))):
            around = ET.SubElement(around, "dialog")

    def _widen(self, around: ET.Element, _: ET.Element) -> None:
        name = _TAG.sub("", around.tag)
        for _each in range(self.chance.choice((1, 5, 500))):
            ET.SubElement(around, name).text = "x"

    def _move(self, around: ET.Element, root: ET.Element) -> None:
        if (child := self._child(around)) is not None:
            around.remove(child)
            self.chance.choice(list(root.iter())).append(child)

    # -- JSON ----------------------------------------------------------------------------------

    def json(self, text: bytes) -> bytes:
        """Change a value in a JSON document, which stays JSON where it was."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.octets(text)
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            value = self._value(value)
        return json.dumps(value).encode("utf-8", "surrogatepass")[:BIGGEST]

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.chance.random() < 0.8:
            return self._member(dict(value))
        if isinstance(value, list) and value and self.chance.random() < 0.7:
            at = self.chance.randrange(len(value))
            return [*value[:at], self._value(value[at]), *value[at + 1 :]]
        return self._strange(value)

    def _member(self, value: dict[str, Any]) -> dict[str, Any]:
        name = self.chance.choice(list(value))
        match self.chance.randrange(4):
            case 0:
                del value[name]
            case 1:
                value[self.chance.choice(NASTY_TEXTS)] = value[name]
            case _:
                value[name] = self._value(value[name])
        return value

    def _strange(self, value: Any) -> Any:
        nested: Any = []
        for _ in range(self.chance.choice((1, 50, 500))):
            nested = [nested]
        return self.chance.choice((
            None, True, 0, -1, 1.5, 1e308, 10**30, float("inf"), [], {}, [value], {"a": value},
            nested, "\ud800", *self.chance.sample(NASTY_TEXTS, 6),
        ))  # fmt: skip

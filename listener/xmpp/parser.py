"""The bytes of a stream on their way to the parser: no DTD, no giant stanza, nothing held back.

Knows expat's habits. Must not know what a stanza means.
"""

from __future__ import annotations

import pyexpat
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE_LOGIN = 16 * 1024
AFTER_LOGIN = 1024 * 1024
PIECES = 16  # a stanza may pass its limit by one piece, 1/16 of it
_NAMES = 1024  # spellings of tags and attributes kept; what comes beyond is made anew each time


class Malformed(Exception):
    """The bytes are not well-formed XML."""


class _Names(dict[str, str]):
    """From expat's spelling of a name to ElementTree's, up to a bound: a peer must not grow it."""

    def __missing__(self, name: str) -> str:
        full = "{" + name if "}" in name else name
        if len(self) < _NAMES:
            self[name] = full
        return full


class PullParser:
    """Gives the stream's root and each stanza as ElementTree elements; nothing is held back.

    ElementTree's own pull parser makes an object of each entity reference and each line of a text,
    and a payload is one text full of them; expat alone can be told to put them together first.
    """

    def __init__(self) -> None:
        self._parser = _eager(pyexpat.ParserCreate(None, "}", None))
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._names = _Names()
        self._open: list[ET.Element] = []
        self._texts: list[str] = []
        self._closed: ET.Element | None = None  # the last one, when no other has begun since
        self._events: list[tuple[str, ET.Element]] = []
        self._broken: Malformed | None = None

    def feed(self, data: bytes) -> None:
        """Read the next bytes; `read_events` tells what was in them or wrong with them."""
        try:
            self._parser.Parse(data, False)  # noqa: FBT003 - a C function without keywords
        except pyexpat.ExpatError as error:
            self._broken = Malformed(str(error))

    def read_events(self) -> Iterator[tuple[str, ET.Element]]:
        """Yield "start" and "end" of the root and of its children; raises Malformed after them.

        A stanza is whole at its "end". What is deeper has no events: nobody asks for them.
        """
        events, self._events = self._events, []
        yield from events
        if self._broken is not None:
            raise self._broken

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._texts:
            self._put_text()
        names, around = self._names, self._open
        element = ET.Element(names[name])
        for key, value in attributes.items():
            element.set(names[key], value)
        if len(around) > 1:
            around[-1].append(element)
        else:  # the root must not gather the stanzas of a long session
            self._events.append(("start", element))
        around.append(element)
        self._closed = None

    def _end(self, _: str) -> None:
        if self._texts:
            self._put_text()
        closed = self._closed = self._open.pop()
        if len(self._open) <= 1:
            self._events.append(("end", closed))
            self._closed = None  # it is no longer ours

    def _data(self, text: str) -> None:
        if len(self._open) > 1:  # between stanzas stands nothing but what keeps the link alive
            self._texts.append(text)

    def _put_text(self) -> None:
        text = "".join(self._texts)
        self._texts.clear()
        if self._closed is None:
            self._open[-1].text = text
        else:
            self._closed.tail = text


def _eager(parser: pyexpat.XMLParserType) -> pyexpat.XMLParserType:
    """Let a parser deliver at once; from 2.6 on expat would hold a finished element back."""
    eager = getattr(parser, "SetReparseDeferralEnabled", None)
    if eager is not None:
        eager(False)  # noqa: FBT003 - a C function without keywords
    return parser


class Prolog:
    """Reads what stands before the root element, where a DTD would be.

    A second parser looks at these bytes first: nothing of a DTD reaches the one that builds.
    """

    def __init__(self) -> None:
        self.has_dtd = False
        self._parser: pyexpat.XMLParserType | None = _eager(pyexpat.ParserCreate())
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root

    def feed(self, data: bytes) -> None:
        """Look at the next bytes; costs nothing once the root element has begun."""
        if self._parser is None:
            return
        try:
            self._parser.Parse(data, False)  # noqa: FBT003 - a C function without keywords
        except pyexpat.ExpatError:
            self._parser = None  # the real parser reports it
        if self.has_dtd:
            self._parser = None

    def _doctype(self, *_: object) -> None:
        self.has_dtd = True

    def _root(self, *_: object) -> None:
        if self._parser is not None:
            self._parser.StartDoctypeDeclHandler = None
        self._parser = None

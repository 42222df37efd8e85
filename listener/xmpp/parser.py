"""The bytes of a stream on their way to the parser: no DTD, no giant stanza, nothing held back.

Knows expat's habits. Must not know what a stanza means. The bytes are UTF-8 whatever they say of
themselves (RFC 6120 section 11.6): a declaration is not obeyed, for Python would look for a module
of the name in it.
"""

from __future__ import annotations

import codecs
import pyexpat
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE_LOGIN = 16 * 1024
AFTER_LOGIN = 1024 * 1024
PIECES = 16  # a stanza may pass its limit by one piece, 1/16 of it
ELEMENTS = 24_000  # of a stanza, with their attributes; a payload may have 20,000 elements
DEEPEST = 1_200  # levels that are built: more than Python can write as text, which is refused
LONGEST_TAG = 128 * 1024  # bytes; expat reads an unfinished tag from its start at every piece
LONGEST_NAME = 1_000  # characters, with the namespace: names go into words for operators
_NAMES = 1024  # spellings of tags and attributes kept; what comes beyond is made anew each time
_MARKS = (codecs.BOM_UTF16_BE[:1], codecs.BOM_UTF16_LE[:1])  # no byte of UTF-8 either


class Malformed(Exception):
    """The bytes are not well-formed XML."""


class TooBig(Malformed):
    """A stanza would take more memory than its bytes allow one to expect."""


class _Names(dict[str, str]):
    """From expat's spelling of a name to ElementTree's, up to a bound: a peer must not grow it."""

    def __missing__(self, name: str) -> str:
        if len(name) > LONGEST_NAME:
            raise TooBig(f"a name of more than {LONGEST_NAME} characters")
        full = "{" + name if "}" in name else name
        if len(self) < _NAMES:
            self[name] = full
        return full


class PullParser:
    """Gives the stream's root and each stanza as ElementTree elements; nothing is held back.

    ElementTree's own pull parser makes an object of each entity reference and each line of a text,
    and a payload is one text full of them; expat alone can be told to put them together first.
    A tree takes up to a hundred times the memory of its tags, so a stanza of more than `ELEMENTS`
    and a tag longer than `LONGEST_TAG` are refused, and what is deeper than `DEEPEST` is left out.
    """

    def __init__(self) -> None:
        self._parser = _eager(pyexpat.ParserCreate("utf-8", "}", None))
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._names = _Names()
        self._open: list[ET.Element] = []
        self._texts: list[str] = []
        self._closed: ET.Element | None = None  # the last one, when no other has begun since
        self._left_out = 0  # levels that are open and not built
        self._room = ELEMENTS
        self._fed = 0
        self._events: list[tuple[str, ET.Element]] = []
        self._broken: Malformed | None = None

    def release(self) -> None:
        """Hear nothing more: expat holds us as we hold it, and so neither would go by itself."""
        self._parser.StartElementHandler = None
        self._parser.EndElementHandler = None
        self._parser.CharacterDataHandler = None

    def feed(self, data: bytes) -> None:
        """Read the next bytes; `read_events` tells what was in them or wrong with them."""
        if self._broken is not None:
            return
        self._fed += len(data)
        try:
            _refuse_utf_16(data)
            self._parser.Parse(data, False)  # noqa: FBT003 - a C function without keywords
            if self._fed - self._parser.CurrentByteIndex > LONGEST_TAG:
                raise TooBig(f"a tag of more than {LONGEST_TAG} bytes")
        except pyexpat.ExpatError as error:
            self._broken = Malformed(str(error))
        except Malformed as error:
            self._broken = error

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
        if len(around) > 1:
            self._room -= 1 + len(attributes)
            if self._room < 0:
                raise TooBig(f"a stanza of more than {ELEMENTS} elements and attributes")
            if len(around) > DEEPEST:
                self._left_out += 1
                return
        else:
            self._room = ELEMENTS
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
        if self._left_out:
            self._left_out -= 1
            return
        if self._texts:
            self._put_text()
        closed = self._closed = self._open.pop()
        if len(self._open) <= 1:
            self._events.append(("end", closed))
            self._closed = None  # it is no longer ours

    def _data(self, text: str) -> None:
        # Between stanzas stands nothing but what keeps the link alive.
        if len(self._open) > 1 and not self._left_out:
            self._texts.append(text)

    def _put_text(self) -> None:
        text = "".join(self._texts)
        self._texts.clear()
        if self._closed is None:
            self._open[-1].text = text
        else:
            self._closed.tail = text


def _refuse_utf_16(data: bytes) -> None:
    """Refuse what no UTF-8 text of XML holds; expat would take it for UTF-16."""
    if b"\0" in data or data.startswith(_MARKS):
        raise Malformed("not UTF-8, or a character that XML forbids")


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
        self._parser: pyexpat.XMLParserType | None = _eager(pyexpat.ParserCreate("utf-8"))
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root

    def feed(self, data: bytes) -> None:
        """Look at the next bytes; costs nothing once the root element has begun."""
        if self._parser is None:
            return
        try:
            _refuse_utf_16(data)
            self._parser.Parse(data, False)  # noqa: FBT003 - a C function without keywords
        except (pyexpat.ExpatError, Malformed):
            self._parser = None  # the real parser reports it
        if self.has_dtd:
            self._parser = None

    def release(self) -> None:
        """Look at nothing more: the parser and this lead to each other."""
        self._parser = None

    def _doctype(self, *_: object) -> None:
        self.has_dtd = True

    def _root(self, *_: object) -> None:
        if self._parser is not None:
            self._parser.StartDoctypeDeclHandler = None
        self._parser = None

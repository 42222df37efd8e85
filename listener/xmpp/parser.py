"""The bytes of a stream on their way to the parser: no DTD, no giant stanza, nothing held back.

Knows expat's habits. Must not know what a stanza means.
"""

from __future__ import annotations

import pyexpat
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE_LOGIN = 16 * 1024
AFTER_LOGIN = 1024 * 1024
PIECES = 16  # a stanza may pass its limit by one piece, 1/16 of it


class Malformed(Exception):  # noqa: N818 - says what the bytes are
    """The bytes are not well-formed XML."""


class PullParser(ET.XMLPullParser):  # type: ignore[type-arg]  # generic in the stubs alone
    """A pull parser that delivers at once and whose errors slixmpp does not log with the bytes."""

    def feed(self, data: Any) -> None:
        """Feed; from expat 2.6 on a finished element is held back unless flushed."""
        super().feed(data)
        flush = getattr(super(), "flush", None)
        if flush is not None:
            flush()

    def read_events(self) -> Iterator[Any]:
        """Yield the events; raises Malformed instead of ParseError."""
        try:
            yield from super().read_events()
        except ET.ParseError as error:
            raise Malformed(str(error)) from error


class Prolog:
    """Reads what stands before the root element, where a DTD would be.

    ElementTree's C builder has no doctype hook, so a second parser looks at these bytes first.
    """

    def __init__(self) -> None:
        self.has_dtd = False
        self._parser: pyexpat.XMLParserType | None = pyexpat.ParserCreate()
        eager = getattr(self._parser, "SetReparseDeferralEnabled", None)
        if eager is not None:
            eager(False)  # noqa: FBT003 - a C function without keywords
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

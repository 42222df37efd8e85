"""Reads the XML stream of an XMPP client with expat, within limits, and escapes what goes back.

Knows XML and the framing of RFC 6120 streams; knows nothing of sockets, sessions or what a stanza
means. A document type, a comment or a processing instruction is refused, as RFC 6120, 11.1 asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"
MAX_DEPTH = 64


class _Refused(Exception):
    """What the client sent breaks the rules of the stream; `args[0]` is the stream error."""


@dataclass(slots=True)
class Element:
    """One XML element. Names are `{namespace}local`, attribute values and text are decoded."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def local(self) -> str:
        """The name without its namespace."""
        return self.name.rpartition("}")[2]

    @property
    def first(self) -> Element | None:
        """The first child, the one that says what an iq is about."""
        return self.children[0] if self.children else None

    def find(self, local: str) -> Element | None:
        """Return the first child of that local name, whatever its namespace."""
        return next((child for child in self.children if child.local == local), None)


@dataclass(frozen=True, slots=True)
class Opened:
    """The client opened a stream; `to` is the host it asks for."""

    to: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The client closed its stream."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream cannot be read any further; `condition` is the RFC 6120 stream error."""

    condition: str


Event = Opened | Element | Closed | Broken


class Feed:
    """Bytes in, stream events out; one per stream (re)start. `limit`: the largest stanza, bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fed = 0
        self._settled = 0  # up to this byte everything belongs to finished stanzas
        self._open: list[Element] = []  # the stream element and the unfinished part of a stanza
        self._events: list[Event] = []
        self._parser = self._new_parser()

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        if hasattr(parser, "SetReparseDeferralEnabled"):
            # expat >= 2.6 may otherwise hold back a finished stanza until more bytes come
            parser.SetReparseDeferralEnabled(False)  # noqa: FBT003  expat's own signature
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.CommentHandler = self._refuse
        return parser

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes completed; the last event is `Broken` when nothing may follow."""
        self._fed += len(data)
        try:
            self._parser.Parse(data, False)  # noqa: FBT003  expat's own signature
        except _Refused as refusal:
            self._events.append(Broken(refusal.args[0]))
        except expat.ExpatError:
            self._events.append(Broken("not-well-formed"))
        else:
            if self._fed - self._settled > self._limit:
                self._events.append(Broken("policy-violation"))
        done, self._events = self._events, []
        return done

    def _refuse(self, *_: object) -> None:
        raise _Refused("restricted-xml")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _Refused("policy-violation")
        element = Element(_full(name), {_full(key): value for key, value in attributes.items()})
        if not self._open:
            if element.name != f"{{{STREAMS}}}stream":
                raise _Refused("invalid-namespace")
            self._settled = self._parser.CurrentByteIndex
            self._events.append(Opened(element.attributes.get("to")))
        elif len(self._open) > 1:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        self._settle()
        if not self._open:
            self._events.append(Closed())
        elif len(self._open) == 1:
            self._events.append(element)

    def _text(self, text: str) -> None:
        self._settle()
        if len(self._open) > 1:
            self._open[-1].text += text

    def _settle(self) -> None:
        if len(self._open) <= 1:  # between stanzas: white space is a keep-alive, not a stanza
            self._settled = self._parser.CurrentByteIndex


def _full(name: str) -> str:
    return "{" + name if "}" in name else name


def attribute(name: str, value: str | None) -> str:
    """Return ` name="value"`, escaped, or nothing when there is no value."""
    return "" if value is None else f' {name}="{escape(value)}"'


def text(value: str) -> str:
    """Return the value escaped for use as element text."""
    return escape(value, quote=False)


def render(element: Element) -> str:
    """Write an element out again, each name with its own namespace declaration."""
    namespace, _, local = element.name.rpartition("}")
    inner = text(element.text) + "".join(render(child) for child in element.children)
    attributes = "".join(
        attribute(name, value) for name, value in element.attributes.items() if "}" not in name
    )
    xmlns = attribute("xmlns", namespace[1:] or None)
    return f"<{local}{xmlns}{attributes}>{inner}</{local}>"

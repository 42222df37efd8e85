"""A document as somebody has it in a file: a stanza, a piece of one, an Update or a REST body.

Knows the pubsub elements around a payload, by local name in any namespace or none; knows nothing
of JIDs' meaning and of who may send. For `listener parse`: live stanzas are taken apart by the
session. Generous in what it understands, for people paste pieces; see `read` for the payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from listener.errors import MalformedUpdate
from listener.finesse.model import Notification, Update
from listener.finesse.wire import read, tags
from listener.finesse.wire.limits import STANZA, load, to_text

_OUTSIDE = frozenset({"message", "iq", "body", "stream", "forwarded", "result", "pubsub"})
_WRAPPERS = _OUTSIDE | {"event", "items", "item", "notification"}


@dataclass(frozen=True, slots=True)
class Document:
    """What a document holds.

    `form` is one of "stanza", "update", "body", "unknown"; `notifications` has one pair for each
    pubsub item (or one for anything else): where it came from, and the update or why it is none.
    """

    form: str
    notifications: tuple[tuple[Notification | None, Update | MalformedUpdate], ...]


def read_document(document: bytes | str) -> Document:
    """Read a whole document; never raises: what cannot be read stands in its pair."""
    try:
        text = document if isinstance(document, str) else to_text(document, STANZA)
        escaped = read.is_escaped(text)
        if escaped:
            text = read.unescape(text)
        root = load(text, STANZA)
        if _name(root) in _WRAPPERS:
            return _stanza(root)
        update = read.parse_body(text)
    except MalformedUpdate as refused:
        return Document("unknown", ((None, refused),))
    if escaped:
        update = replace(update, notes=(read.ESCAPED_TWICE, *update.notes))
    return Document("body" if read.is_body(root) else "update", ((None, update),))


def _stanza(root: etree._Element) -> Document:
    found = tuple(_pair(item) for item in _items(root))
    if found:
        return Document("stanza", found)
    nothing = MalformedUpdate("not_an_update", f"<{_name(root)}> holds no pubsub item")
    return Document("stanza", ((None, nothing),))


def _items(element: etree._Element) -> Iterator[etree._Element]:
    """Give the items in a stanza, or the notification that stands alone for one."""
    name = _name(element)
    if name == "notification" or (name == "item" and not _alone(element)):
        yield element
        return
    for child in element:
        if _name(child) in _WRAPPERS:
            yield from _items(child)


def _alone(element: etree._Element) -> bool:
    """Say whether this item only wraps further items, as a paste of several may."""
    return len(element) > 0 and all(_name(child) == "item" for child in element)


def _pair(item: etree._Element) -> tuple[Notification, Update | MalformedUpdate]:
    payload = _payload(item)
    notification = Notification(
        node=_around(item, "items", "node") or "",
        payload=payload or "",
        item_id=_around(item, "item", "id"),
        sender=_around(item, "message", "from") or _around(item, "iq", "from"),
        recipient=_around(item, "message", "to") or _around(item, "iq", "to"),
    )
    if payload is None:
        return notification, MalformedUpdate("not_an_update", "it holds no notification")
    try:
        return notification, read.parse_body(payload)
    except MalformedUpdate as refused:
        return notification, refused


def _payload(item: etree._Element) -> str | None:
    """Return the payload as text: decoded once by the parser, or the child written out again."""
    holder = next((child for child in item if _name(child) == "notification"), item)
    for child in holder:
        return etree.tostring(child, encoding="unicode", with_tail=False)
    text = holder.text or ""
    return text if text.strip() else None


def _around(element: etree._Element, name: str, attribute: str) -> str | None:
    """Return an attribute of the element itself or of the nearest of that name around it."""
    for each in (element, *element.iterancestors()):
        if _name(each) == name:
            return each.get(attribute)
    return None


def _name(element: etree._Element) -> str:
    return tags.local(element.tag).lower()

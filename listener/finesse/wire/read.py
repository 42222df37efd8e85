"""XML into updates: the Update of a notification, or the body of a REST answer.

Knows the envelope and what may stand in `data`; the elements themselves are read in `parts`, the
limits are kept in `limits`. Source: Developer Guide 12.5(1) p.345-355, and what was seen in the
wild: `put` for PUT, members in any order, `ApiErrors` for `apiErrors`, `data/apiError` without the
plural.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from lxml import etree

from listener.errors import MalformedUpdate
from listener.finesse.model import EMPTY_TREE, Kind, Update, maker
from listener.finesse.wire import parts, tags
from listener.finesse.wire.limits import load, to_text
from listener.finesse.wire.tags import NONE, Slots

ESCAPED_TWICE = "the payload was escaped twice"
OUTSIDE_DATA = "what changed stood beside data, not inside it"

_UPDATE = Slots(["Update"])
_ENVELOPE = Slots(tags.ENVELOPE + tags.ENVELOPE_PARTS)
_OF_ERRORS = (("apiErrors", Kind.ERRORS), ("apiError", Kind.ERRORS))
_NAMES = (
    *_OF_ERRORS,
    ("dialogs", Kind.DIALOGS),
    ("dialog", Kind.DIALOG),
    ("user", Kind.USER),
    ("team", Kind.TEAM),
    ("queue", Kind.QUEUE),
    ("queues", Kind.QUEUES),
    ("media", Kind.MEDIA),
    ("systemInfo", Kind.SYSTEM_INFO),
)
_THINGS = Slots([name for name, _ in _NAMES])
_KINDS = [*(kind for _, kind in _NAMES), Kind.OTHER]  # NONE, the last, is Kind.OTHER
_DIALOGS = Slots(["dialog"])
_OTHER_BODIES = Slots(tags.OTHER_BODIES)

Envelope: TypeAlias = tuple[str | None, str | None, str | None]
Things: TypeAlias = "list[etree._Element]"  # noqa: SLF001 - lxml names its type so
_NO_ENVELOPE: Envelope = (None, None, None)

_new_update = maker(Update)

_ESCAPED = re.compile(r"\ufeff?\s*&(?:lt|#0*60|#[xX]0*3[cC]);")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


def parse_update(payload: str | bytes) -> Update:
    """Read a notification's payload, the XML of an `Update`; raise MalformedUpdate, nothing else.

    A payload that is still escaped is decoded once more, and the update's `notes` say so.
    """
    return _read(payload, body=False)


def parse_body(body: str | bytes) -> Update:
    """Read a REST body (`Dialogs`, `Dialog`, `User`, `ApiErrors`, ...) or a piece of an Update.

    `event`, `source` and `request_id` are None then. Raises MalformedUpdate and nothing else; its
    reason is "not_an_update" for XML that is none of Finesse's.
    """
    return _read(body, body=True)


def _read(document: str | bytes, *, body: bool) -> Update:
    text = to_text(document) if isinstance(document, bytes) else document
    if is_escaped(text):
        text = unescape(text)
        found = read_root(load(text), text, body=body)
        return replace(found, notes=(ESCAPED_TWICE, *found.notes))
    return read_root(load(text), text, body=body)


def is_escaped(text: str) -> bool:
    """Say whether a text begins with an escaped `<`."""
    return _ESCAPED.match(text) is not None


def unescape(text: str) -> str:
    """Decode XML's five entities and numeric references once, and nothing else."""
    return _REFERENCE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    name, decimal, hexadecimal = found.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code <= 0x10FFFF else found[0]  # noqa: PLR2004 - the last code point


def read_root(root: etree._Element, text: str, *, body: bool) -> Update:
    """Read a root element that has passed the limits, and the text it was made of.

    `body` lets REST bodies and pieces of an Update pass.
    """
    if not _UPDATE[root.tag]:
        return _update(root, text)
    if body and is_body(root):
        return _body(root, text)
    raise MalformedUpdate("not_an_update", f"<{tags.local(root.tag)[:80]}> is not an Update")


def is_body(root: etree._Element) -> bool:
    """Say whether this is a REST body, or a piece of an Update that stands alone."""
    tag = root.tag
    return _THINGS[tag] != NONE or _OTHER_BODIES[tag] != NONE or _is_data(root)


def _is_data(root: etree._Element) -> bool:
    return tags.local(root.tag).lower() == "data" and len(root) > 0


def _body(root: etree._Element, text: str) -> Update:
    if _is_data(root):
        return _changed(root, text, _NO_ENVELOPE)
    kind = _KINDS[_THINGS[root.tag]]
    return _READERS[kind](kind, [root], text, _NO_ENVELOPE)


def _update(root: etree._Element, text: str) -> Update:
    event, source, request_id, data = parts.members(root, _ENVELOPE, 3, 1)
    envelope = (
        event if event is None else event.strip().upper(),
        source,
        request_id if request_id and not request_id.isspace() else None,
    )
    if data is not None and (len(data) or parts.own_text(data).strip()):
        return _changed(data, text, envelope)
    if any(_THINGS[child.tag] != NONE for child in root):
        return replace(_changed(root, text, envelope), notes=(OUTSIDE_DATA,))
    return Update(Kind.EMPTY, *envelope)


def _changed(data: etree._Element, text: str, envelope: Envelope) -> Update:
    """Read what changed. Errors count before anything else; then the first thing that is known."""
    children = data[:]  # type: ignore[index]  # the stubs know no slices
    slots = [_THINGS[child.tag] for child in children]
    known = [slot for slot in slots if slot != NONE]
    if not known:
        held = parts.tree(data) if len(data) else {"data": parts.own_text(data)}
        return Update(Kind.OTHER, *envelope, tree=MappingProxyType(held))
    kind = _KINDS[min(known) if min(known) < len(_OF_ERRORS) else known[0]]
    things = [child for child, slot in zip(children, slots, strict=True) if _KINDS[slot] is kind]
    return _READERS[kind](kind, things, text, envelope)


def _dialog(kind: Kind, things: Things, text: str, envelope: Envelope) -> Update:
    variables = parts.variables_in(text) if len(things) == 1 else None
    dialogs = tuple([parts.dialog(each, variables) for each in things])
    return _new_update(kind, *envelope, dialogs, None, (), None, EMPTY_TREE, ())


def _dialogs(kind: Kind, things: Things, text: str, envelope: Envelope) -> Update:
    inside = [child for each in things for child in each if not _DIALOGS[child.tag]]
    return _dialog(kind, inside, text, envelope)


def _errors(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    return Update(kind, *envelope, errors=parts.errors(things))


def _user(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    return Update(kind, *envelope, user=parts.user(things[0]))


def _system_info(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    info = parts.system_info(things[0])
    return Update(kind, *envelope, system_info=info, tree=info.tree)


def _queues(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    held = parts.tree(things[0])
    queues = held.get("Queue", ())
    if not isinstance(queues, tuple):
        held = MappingProxyType({**held, "Queue": (queues,)})
    return Update(kind, *envelope, tree=held)


def _plain(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    return Update(kind, *envelope, tree=parts.tree(things[0]))


def _other(kind: Kind, things: Things, _text: str, envelope: Envelope) -> Update:
    held = {tags.canonical(things[0].tag): parts.branch(things[0])}
    return Update(kind, *envelope, tree=MappingProxyType(held))


_READERS: dict[Kind, Callable[[Kind, Things, str, Envelope], Update]] = {
    Kind.ERRORS: _errors,
    Kind.DIALOGS: _dialogs,
    Kind.DIALOG: _dialog,
    Kind.USER: _user,
    Kind.SYSTEM_INFO: _system_info,
    Kind.QUEUES: _queues,
    Kind.QUEUE: _plain,
    Kind.TEAM: _plain,
    Kind.MEDIA: _plain,
    Kind.OTHER: _other,
}

"""The objects of Finesse's JavaScript library, found in JSON and turned back into XML.

Knows the keys the library, its topics and browsers' recordings (HAR) use; knows nothing of what the
elements mean: the XML goes to the strict reader. Repeated elements are arrays there, a single one
is not; empty ones are null; `Update`, `status`/`content`/`object` and bare dialogs are all taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from listener.finesse import uris
from listener.finesse.pasted.around import as_node
from listener.finesse.pasted.notation import DEEPEST, Path, Value

Object: TypeAlias = "dict[str, Value]"

_WRAPPERS = frozenset(
    {"dialogs", "dialog", "user", "apierrors", "apierror", "systeminfo", "team", "queue", "queues",
     "media", "users"}
)  # fmt: skip
_ENVELOPE = frozenset({"event", "source", "requestid"})
# What tells a thing that stands without its name: all of the first and one of the second.
_LOOKS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("Dialog", frozenset({"participants"}), frozenset({"id", "uri", "state"})),
    ("Dialog", frozenset({"mediaproperties"}), frozenset({"id", "uri", "state"})),
    ("User", frozenset({"loginid"}), frozenset({"state", "loginname", "extension"})),
    ("ApiError", frozenset({"errortype"}), frozenset({"errormessage", "errordata"})),
    ("SystemInfo", frozenset({"xmppdomain"}), frozenset({"status", "xmpppubsubdomain"})),
)
_MEMBERS: Mapping[str, str] = {
    "dialogs": "Dialog",
    "participants": "Participant",
    "actions": "action",
    "callvariables": "CallVariable",
    "wrapupitems": "wrapUpItem",
    "apierrors": "apiError",
    "roles": "role",
    "teams": "Team",
    "users": "User",
    "queues": "Queue",
}
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,100}")
_TEXT_KEYS = frozenset({"#text", "_text", "$t", "__text", "text()"})
_AMP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_CODED = "base64"


@dataclass(frozen=True, slots=True)
class Found:
    """What an object holds: `xml` made of it, or `text` to be looked through; or a `note` alone.

    `instead` is the XML of the object beside a `text`, for when the text cannot be read.
    """

    xml: str | None = None
    text: str | None = None
    instead: str | None = None
    note: str | None = None
    node: str | None = None
    coded: bool = False


def found_in(value: Value, node: str | None = None, depth: int = 0) -> Iterator[Found]:
    """Yield what of Finesse's is in a value, in order; bounded by the value's own size."""
    if isinstance(value, list):
        for each in value:
            yield from found_in(each, node, depth + 1)
    elif isinstance(value, dict):
        yield from _in_object(value, _node(value) or node, depth)
    elif isinstance(value, str) and _may_hold(value):
        yield Found(text=value, node=node)


def whole_in(path: Path) -> list[Value]:
    """Return what is whole in an object that breaks off: nothing of an update that does so itself.

    A part of an update would look like another update.
    """
    whole: list[Value] = []
    for number, (key, holds) in enumerate(path):
        if key is not None and key.lower() in _WRAPPERS | {"update", "data"}:
            break
        unfinished = path[number + 1][1] if number + 1 < len(path) else None
        if isinstance(holds, list):
            whole += [each for each in holds if each is not unfinished or each is None]
            continue
        assert isinstance(holds, dict)  # nothing else can be open
        if "data" in holds and _ENVELOPE & {name.lower() for name in holds}:
            break
        whole += [{name: each} for name, each in holds.items() if each is not unfinished]
    return whole


def _may_hold(text: str) -> bool:
    return any(sign in text for sign in ("<", "{", "&", "HTTP/", "u003c", "%3C", "%3c")) or (
        text.startswith("4|")
    )


def _node(value: Object) -> str | None:
    for key in ("node", "nodeId", "NodeId", "topic"):
        given = value.get(key)
        if isinstance(given, str) and (node := as_node(given)):
            return node
    return None


def _in_object(value: Object, node: str | None, depth: int) -> Iterator[Found]:
    keys = {key.lower(): key for key in value}
    if (known := _known(value, keys)) is not None:
        yield Found(xml=known, node=node)
        return
    if _is_answer(value, keys):
        yield from _answer(value, keys, node, depth)
        return
    if keys.keys() >= {"request", "response"}:
        yield from _exchange(value, keys)
    if isinstance(text := value.get("text"), str) and value.get("encoding") == _CODED:
        yield Found(text=text, node=node, coded=True)
        return
    for each in value.values():
        yield from found_in(each, node, depth + 1)


def _is_answer(value: Object, keys: Mapping[str, str]) -> bool:
    """Say whether it is what the library hands to a handler; in a HAR, `content` is an object."""
    if "content" not in keys or not keys.keys() & {"object", "status"}:
        return False
    return not isinstance(value[keys["content"]], dict)


def _known(value: Object, keys: Mapping[str, str]) -> str | None:
    """Return the XML of an object that is an update or one of Finesse's things, else None."""
    if "update" in keys and isinstance(value[keys["update"]], dict):
        return element("Update", value[keys["update"]])
    if "data" in keys and keys.keys() & _ENVELOPE and isinstance(value[keys["data"]], dict):
        return element("Update", value)
    for name, needed, some in _LOOKS:
        if keys.keys() >= needed and keys.keys() & some:
            return element(name, value)
    for low in _WRAPPERS & keys.keys():
        held = value[keys[low]]
        if isinstance(held, dict) or (len(keys) == 1 and _may_be_empty(held)):
            return element(_capital(keys[low]), held)
    if keys.keys() == {"update"} and value[keys["update"]] is None:
        return element("Update", None)
    return None


def _may_be_empty(held: Value) -> bool:
    """Say whether an object with this alone is a thing that is empty, or a list of its members."""
    return not held or (isinstance(held, list) and all(isinstance(each, dict) for each in held))


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _answer(
    value: Object, keys: Mapping[str, str], node: str | None, depth: int
) -> Iterator[Found]:
    """Yield what the library hands to a handler: `status`, `content` (XML) and `object`."""
    status, content = value.get(keys.get("status", "")), value[keys["content"]]
    if isinstance(status, str) and re.fullmatch(r"\d{3}", status):
        yield Found(note=f"status {status}")
    inner = value.get(keys.get("object", ""))
    made = list(found_in(inner, node, depth + 1))
    if isinstance(content, str) and _may_hold(content):
        instead = next((each.xml for each in made if each.xml), None)
        yield Found(text=content, instead=instead, node=node)
    else:
        yield from made
        yield from found_in(content, node, depth + 1)


def _exchange(value: Object, keys: Mapping[str, str]) -> Iterator[Found]:
    """Yield what a recorded exchange (HAR) asked and was answered, without any header."""
    request, response = value[keys["request"]], value[keys["response"]]
    if not isinstance(request, dict) or not isinstance(response, dict):
        return
    method, url, status = request.get("method"), request.get("url"), response.get("status")
    place = uris.place(url.partition("?")[0]) if isinstance(url, str) else uris.OTHER
    if isinstance(method, str) and isinstance(url, str) and place is not uris.OTHER:
        yield Found(note=f"{method[:10]} {bare(url)}")
        if isinstance(status, str) and re.fullmatch(r"\d{3}", status):
            yield Found(note=f"status {status}")


def bare(url: str) -> str:
    """Return the path of a URL alone: a host says nothing here, and a query may hold a token."""
    path = re.sub(r"^https?://[^/]*", "", url.partition("?")[0].partition("#")[0])
    return path[:200] or "/"


def element(name: str, value: Value, depth: int = 0) -> str:
    """Return the XML of a value under that name; what no XML can be named is left out."""
    if not _NAME.fullmatch(name) or depth > DEEPEST:
        return ""
    if isinstance(value, list):
        return _listed(name, value, depth)
    if isinstance(value, dict):
        return f"<{name}>{_inside(name, value, depth)}</{name}>"
    if value is None:
        return f"<{name}/>"
    if name == "data" and value.lstrip().startswith("<"):
        return f"<{name}>{value}</{name}>"
    return f"<{name}>{value.translate(_AMP)}</{name}>"


def _listed(name: str, values: list[Value], depth: int) -> str:
    child = _MEMBERS.get(name.lower())
    if child is None:
        return "".join(element(name, each, depth + 1) for each in values)
    inside = "".join(element(child, each, depth + 1) for each in values)
    return f"<{name}>{inside}</{name}>"


def _inside(name: str, value: Object, depth: int) -> str:
    if name.lower() == "callvariables" and _by_name(value):
        pairs = ({"name": key, "value": each} for key, each in value.items())
        return "".join(element("CallVariable", pair, depth + 1) for pair in pairs)
    return "".join(
        str(each).translate(_AMP) if key in _TEXT_KEYS else element(key, each, depth + 1)
        for key, each in value.items()
    )


def _by_name(value: Object) -> bool:
    known = any(key.lower() == "callvariable" for key in value)
    return not known and not any(isinstance(each, (dict, list)) for each in value.values())

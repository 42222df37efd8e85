"""What stands around a payload: the node it was published on, the HTTP exchange it belongs to.

Knows the words of logs, tunnels, topics and traces. Takes from headers the requestId alone; no
other header is looked at, and nothing of them is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from listener.finesse.uris import OTHER, place

_WINDOW = 1024
_NODE = r"/finesse/api/[^\s<>{}\[\]\"'&|;,\\]+"
# Glued to what follows, as in the frames of the tunnel.
_GLUED = re.compile(rf"(?:^|[\s|\"'`=(\[:,])({_NODE})[\"']?[\s:]{{0,2}}$")
_NAMED = re.compile(
    rf"\bnode(?:_?id)?\b[\"']?\s{{0,3}}(?:[=:]\s{{0,3}})?[\"'\[]?({_NODE})", re.IGNORECASE
)
_TOPIC = re.compile(r"\bfinesse\.api\.(?:User|Team|Queue|SystemInfo)[\w.@-]{0,200}")
_TOPIC_PARTS = re.compile(
    r"finesse\.api\.(?:(User)\.(.+?)(\.Dialogs\.Media|\.Dialogs|\.Queues|\.Media(?:\.\w+)?)?"
    r"|(Team)\.(.+?)(\.Users)?|(Queue)\.(.+?)|SystemInfo)\.?"
)
_REQUEST = re.compile(
    r"^(?:[>*] ?|\$ ?)?(GET|PUT|POST|DELETE) (\S{1,500}) HTTP/[\d.]{1,4}\r?$", re.MULTILINE
)
_STATUS = re.compile(r"^(?:[<*] ?)?HTTP/[\d.]{1,4} (\d{3})\b", re.MULTILINE)
_ID = re.compile(
    r"^(?:[<>*] ?)?requestid:[ \t]*([!-~]{1,100})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)
_TUNNEL = re.compile(r"(?:^|[\s\"'`:])4\|([a-z]{4,20})(?=[\s\"'`]|$)", re.MULTILINE)
_TUNNEL_SAYS = frozenset(
    {
        "connecting",
        "connected",
        "disconnecting",
        "disconnected",
        "reconnecting",
        "unloading",
        "unauthorized",
        "conflict",
    }
)


class Mark(NamedTuple):
    """A line that needs no payload; `kind` is "request", "status", "requestId" or "tunnel"."""

    at: int
    kind: str
    words: str


def as_node(text: str) -> str | None:
    """Return the node that a text names, as node or as topic of the OpenAjax hub; else None."""
    text = text.strip()
    if text.startswith("/finesse/api/"):
        return text if re.fullmatch(_NODE, text) else None
    found = _TOPIC_PARTS.fullmatch(text)
    if found is None:
        return None
    user, who, what, team, group, users, queue, line = found.groups()
    if user:
        return f"/finesse/api/User/{who}{(what or '').replace('.', '/')}"
    if team:
        return f"/finesse/api/Team/{group}{'/Users' if users else ''}"
    return f"/finesse/api/Queue/{line}" if queue else "/finesse/api/SystemInfo"


def node_before(text: str, start: int, floor: int) -> str | None:
    """Return the node named between `floor` and `start`, near the payload that begins there.

    A path in a request line or a URL is no node, and what stands on an earlier line but one is not
    taken for it.
    """
    window = text[max(floor, start - _WINDOW) : start]
    if found := _GLUED.search(window[-300:]):
        return found[1]
    lines = "\n".join(line for line in window.splitlines()[-3:] if " HTTP/" not in line)
    named = [*_NAMED.finditer(lines)]
    if named:
        return named[-1][1]
    topics = [*_TOPIC.finditer(lines)]
    return as_node(topics[-1][0].rstrip(".-")) if topics else None


def marks(text: str) -> Iterator[Mark]:
    """Yield the lines of HTTP traces and the states of tunnels, in order."""
    found = [
        *(Mark(m.start(), "request", f"{m[1]} {m[2]}") for m in _REQUEST.finditer(text)),
        *(Mark(m.start(), "status", m[1]) for m in _STATUS.finditer(text)),
        *(Mark(m.start(), "requestId", m[1]) for m in _ID.finditer(text)),
        *(Mark(m.start(), "tunnel", m[1]) for m in _TUNNEL.finditer(text)),
    ]
    for mark in sorted(found):
        if mark.kind == "tunnel" and mark.words not in _TUNNEL_SAYS:
            continue
        if mark.kind == "request" and place(mark.words.split(" ")[1].partition("?")[0]) is OTHER:
            continue
        yield mark

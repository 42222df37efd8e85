"""Every form in which people paste a payload, made of a payload: used by tests and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

NODE = "/finesse/api/User/1001001/Dialogs"
TOPIC = "finesse.api.User.1001001.Dialogs"
LOG = "0000004711: 10.0.0.5: Nov 21 2026 10:15:00.123 +0000: %CCBU_pool-7-thread-1-6-XMPP_PUBLISH: "
FENCE = "```"

Form = Callable[[str], str]


def as_objects(element: ET.Element) -> Any:
    """Turn an element into what the library makes of it: null, text, object, arrays of many."""
    if not len(element):
        return element.text or None
    found: dict[str, Any] = {}
    for child in element:
        name, value = child.tag.rpartition("}")[2], as_objects(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def library(payload: str) -> dict[str, Any]:
    """Return the object of a payload, by the name of its root."""
    root = ET.fromstring(payload)
    return {root.tag.rpartition("}")[2]: as_objects(root)}


def notation(value: Any, quoted: str = "'") -> str:
    """Write an object as consoles print it: keys without quotes where they need none."""
    if isinstance(value, dict):
        inside = ", ".join(
            f"{key_of(key)}: {notation(each, quoted)}" for key, each in value.items()
        )
        return "{" + inside + "}"
    if isinstance(value, list):
        inside = ", ".join(notation(each, quoted) for each in value)
        return f"({len(value)}) [{inside}]"
    if value is None:
        return "null"
    text = json.dumps(value, ensure_ascii=False)[1:-1]
    return f"{quoted}{text.replace(quoted, chr(92) + quoted)}{quoted}".replace('\\\\"', '\\"')


def key_of(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_$][\w$]*", key) else f"'{key}'"


def stanza(payload: str, ns: str = "jabber:client", number: int = 1) -> str:
    return (
        f'<message xmlns="{ns}" from="pubsub.example.com" to="1001001@example.com"><event '
        f'xmlns="http://jabber.org/protocol/pubsub#event"><items node="{NODE}">'
        f'<item id="i{number}"><notification xmlns="http://jabber.org/protocol/pubsub">{payload}</notification></item>'
        "</items></event></message>"
    )


def har(payload: str) -> str:
    secret = {"name": "Authorization", "value": "Basic MTAwMTpzZWNyZXQ="}
    return json.dumps(
        {"log": {"version": "1.2", "entries": [{
            "request": {"method": "GET", "headers": [secret],
                        "url": f"https://finesse.example.com:8445{NODE}?token=secret"},
            "response": {"status": 200, "headers": [secret],
                         "content": {"mimeType": "application/xml", "text": payload}},
        }]}}, indent=1)  # fmt: skip


def curl(payload: str) -> str:
    return (
        f"*   Trying 10.0.0.5:8445...\n> GET {NODE} HTTP/1.1\n> Host: finesse.example.com:8445\n"
        "> Authorization: Basic MTAwMTpzZWNyZXQ=\n> requestId: abc-1\n>\n< HTTP/1.1 200\n"
        "< Set-Cookie: JSESSIONID=secret; Path=/\n< Content-Type: application/xml\n<\n"
        f"{payload}\n* Connection #0 to host finesse.example.com left intact\n"
    )


def mail(payload: str) -> str:
    quoted = "\n".join(f"> {line}" for line in payload.splitlines())
    return f"Hello,\n\nthis is all we see:\n\n{quoted}\n\nWhat does it mean?\n"


def level(payload: str, times: int) -> str:
    for _ in range(times):
        payload = escape(payload)
    return payload


FORMS: dict[str, Form] = {
    "bare": str,
    "noise before and behind": lambda p: f"see this: \n{p}\n that was all <user>\n",
    "windows line ends": lambda p: p.replace("\n", "\r\n"),
    "byte order mark": lambda p: "\ufeff" + p,
    "escaped once": lambda p: f"payload: {level(p, 1)}!",
    "escaped twice": lambda p: f"payload: {level(p, 2)}!",
    "escaped thrice": lambda p: f"<td>{level(p, 3)}</td>",
    "half escaped": lambda p: "x " + p.replace("&", "&amp;").replace("<", "&lt;"),
    "cdata in noise": lambda p: f"got <![CDATA[{p}]]> now",
    "log": lambda p: f"{LOG}%[NodeId={NODE}][Payload={p}]: Publishing XMPP message\n",
    "log escaped": lambda p: f"{LOG}%[node={NODE}][payload={level(p, 1)}]: Publishing\n",
    "stanza escaped": lambda p: stanza(escape(p)),
    "stanza in a log": lambda p: f"{LOG}RECV {stanza(escape(p))}\n",
    "stanza escaped in html": lambda p: f"<pre>{escape(stanza(escape(p)))}</pre>",
    "stanza with cdata": lambda p: "x\n" + stanza(f"<![CDATA[{p}]]>"),
    "bosh": lambda p: (
        f"<body xmlns='http://jabber.org/protocol/httpbind' sid='x'>{stanza(escape(p))}</body>"
    ),
    "bosh response in noise": lambda p: (
        f"< <body xmlns='http://jabber.org/protocol/httpbind'>{stanza(escape(p))}</body>\n"
    ),
    "websocket": lambda p: (
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.com'/>\n<presence/>\n"
        f"{stanza(escape(p))}\n<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
    ),
    "json": lambda p: json.dumps(library(p)),
    "json indented": lambda p: "data:\n" + json.dumps(library(p), indent=2),
    "javascript": lambda p: notation(library(p)),
    "javascript double": lambda p: "console.log » Object " + notation(library(p), '"'),
    "library object": lambda p: json.dumps(
        {"status": 200, "content": p, "object": library(p)}
    ),
    "library object alone": lambda p: notation({"status": "200", "object": library(p)}),
    "library content escaped": lambda p: json.dumps({"content": escape(p), "object": None}),
    "json in json": lambda p: json.dumps({"line": json.dumps({"payload": p})}),
    "topic": lambda p: f"[Hub] publish {TOPIC} {json.dumps({'content': p, 'object': library(p)})}",
    "tunnel xml": lambda p: f"Received: 0|{NODE}{p}",
    "tunnel json": lambda p: f"0|{NODE}{json.dumps(library(p))}",
    "tunnel in an event": lambda p: notation({"isTrusted": "true", "data": f"0|{NODE}{p}"}),
    "string of a program": lambda p: f'String s = {json.dumps(p).replace("/", chr(92) + "/")};',
    "cut json with a string": lambda p: '{"time": 1, "text": ' + json.dumps(p) + ', "more": {"a"',
    "url": lambda p: f"payload={quote(p)}&x=1",
    "unicode escapes": lambda p: "log: " + json.dumps(p)[1:-1].replace("<", "\\u003c").replace(
        ">", "\\u003e"
    ),
    "mail": mail,
    "markdown": lambda p: f"I see\n\n{FENCE}xml\n{p}\n{FENCE}\n\nand then `<user>` nothing\n",
    "curl": curl,
    "har": har,
}  # fmt: skip
WITH_NODE = {
    "log", "log escaped", "topic", "tunnel xml", "tunnel json", "tunnel in an event",
    "stanza escaped", "stanza in a log", "stanza escaped in html", "stanza with cdata", "bosh",
    "bosh response in noise", "websocket",
}  # fmt: skip
"""The forms that say on which node it was."""

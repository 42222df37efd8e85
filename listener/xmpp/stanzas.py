"""Stanzas as text and as values: what we say, and what a message, presence or answer says.

Knows XMPP's elements. Must not know sockets, slixmpp or what a Finesse payload means.
Elements of notifications are found by local name in any namespace (seen in the wild).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from listener.errors import ConfigurationError
from listener.finesse.model import Notification, maker
from listener.finesse.uris import SYSTEM_INFO, dialogs_node, place, tasks_node, user_node

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = "{jabber:client}"
STREAM = "{http://etherx.jabber.org/streams}"
PUBSUB = "http://jabber.org/protocol/pubsub"
RESOURCE_PREFIX = "listener-"
_DEFINED = "{urn:ietf:params:xml:ns:xmpp-"  # streams, stanzas, sasl

_LOCALPART_MAX = 1023  # bytes, RFC 7622 section 3.3
_JID_MAX = 3 * 1023 + 2  # characters: a localpart, a domain, a resource and the marks between them
_ID_MAX = 1024  # characters of a request's id that we say again
_SENDER_MAX = 3 * _LOCALPART_MAX + 2  # a full JID
_FORBIDDEN = re.compile(r"[\"&'/:<>@\s]")  # RFC 7622 section 3.3.1
_RESOURCE_UNSAFE = re.compile(r"[^A-Za-z0-9._~-]")
_new_notification = maker(Notification)
_AUTOMATIC = frozenset({"user", "dialogs", "media"})


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as the pubsub service lists it; `subid` only where the service gives one."""

    node: str
    jid: str
    state: str
    subid: str | None = None


# --- names ---------------------------------------------------------------------------------------


def check_agent(agent: str) -> str:
    """Return the agent id; raises ConfigurationError when it cannot stand in a JID."""
    if not agent:
        raise ConfigurationError("an agent id is empty")
    found = _FORBIDDEN.search(agent)
    if found is not None:
        raise ConfigurationError(
            f"the agent id {agent!r} holds {found.group()!r}, which an XMPP user name cannot hold"
        )
    if not agent.isprintable() or len(agent.encode()) > _LOCALPART_MAX:
        raise ConfigurationError(f"the agent id {agent!r} cannot be an XMPP user name")
    return agent


def make_resource(agent: str, process_token: str, held: int = 0) -> str:
    """Return the resource of that agent's session in this process; never "desktop" (guide p.397).

    Unique when `process_token` is: two processes with one resource would throw each other out.
    `held`: how often the server kept another session that has it, and refused ours.
    """
    parts = (_RESOURCE_UNSAFE.sub("_", part) for part in (process_token, check_agent(agent)))
    return RESOURCE_PREFIX + "-".join(parts) + (f".{held}" if held else "")


def bare(jid: str) -> str:
    """Return a JID without its resource, in lower case for comparison."""
    return jid.partition("/")[0].lower()


def local(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def is_automatic(node: str, agent: str) -> bool:
    """Say whether Finesse subscribes the agent to that node by itself at sign-in (guide p.345)."""
    there = place(node)
    if there.kind == "systemInfo":
        return True
    if there.kind not in _AUTOMATIC or there.user != agent:
        return False
    return there.kind != "media" or there.media is not None


def own_nodes(agent: str) -> frozenset[str]:
    """Return the nodes that tell of an agent and its calls and tasks, as far as they can be named.

    Finesse subscribes to the nodes of single media routing domains as well: their ids are the
    site's.
    """
    voice = {user_node(agent), dialogs_node(agent), SYSTEM_INFO}
    return frozenset(voice | media_nodes(agent))


def media_nodes(agent: str) -> frozenset[str]:
    """Return those of `own_nodes` that a site without nonvoice media need not have."""
    return frozenset({tasks_node(agent), f"{user_node(agent)}/Media"})


# --- what we say ---------------------------------------------------------------------------------


def available() -> str:
    """Return our presence; the priority is 0 as the guide advises (p.9)."""
    return "<presence><priority>0</priority></presence>"


def unavailable() -> str:
    """Return the presence that says goodbye."""
    return '<presence type="unavailable"/>'


def ping(ask: str, to: str) -> str:
    """Return an XEP-0199 ping."""
    return _iq("get", ask, to, '<ping xmlns="urn:xmpp:ping"/>')


def subscribe(ask: str, to: str, node: str, jid: str) -> str:
    """Return the request to subscribe `jid` to `node` (XEP-0060 section 6.1)."""
    return _pubsub("set", ask, to, f"<subscribe node={quoteattr(node)} jid={quoteattr(jid)}/>")


def unsubscribe(ask: str, to: str, node: str, jid: str, subid: str | None = None) -> str:
    """Return the request to end a subscription (XEP-0060 section 6.2)."""
    one_of = f" subid={quoteattr(subid)}" if subid else ""
    body = f"<unsubscribe node={quoteattr(node)} jid={quoteattr(jid)}{one_of}/>"
    return _pubsub("set", ask, to, body)


def subscriptions(ask: str, to: str) -> str:
    """Return the request for all own subscriptions (XEP-0060 section 5.6)."""
    return _pubsub("get", ask, to, "<subscriptions/>")


def reply_to(request: ET.Element) -> str | None:
    """Return the answer to a server's request: a ping is answered, anything else refused.

    None where the answer would be as long as the sender likes: we say no giant ids or names.
    """
    if len(request.get("id", "")) > _ID_MAX or len(request.get("from", "")) > _SENDER_MAX:
        return None
    to = f" to={quoteattr(request.get('from', ''))}" if request.get("from") else ""
    head = f"id={quoteattr(request.get('id', ''))}{to}"
    if any(local(child) == "ping" for child in request):
        return f'<iq type="result" {head}/>'
    return (
        f'<iq type="error" {head}><error type="cancel"><service-unavailable'
        ' xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>'
    )


def _iq(kind: str, ask: str, to: str, body: str) -> str:
    return f'<iq type="{kind}" id={quoteattr(ask)} to={quoteattr(to)}>{body}</iq>'


def _pubsub(kind: str, ask: str, to: str, body: str) -> str:
    return _iq(kind, ask, to, f'<pubsub xmlns="{PUBSUB}">{body}</pubsub>')


# --- what we hear --------------------------------------------------------------------------------


def condition(element: ET.Element) -> str:
    """Return the name of the condition in an error of a stream or of a stanza.

    The one that RFC 6120 defines; an extension's stands beside it, and first on some servers.
    """
    found = [child for child in element if local(child) != "text"]
    found.sort(key=lambda child: not child.tag.startswith(_DEFINED))
    return local(found[0]) if found else "undefined-condition"


def refusal(answer: ET.Element) -> str | None:
    """Return why an IQ was refused, as its condition and text, or None when it was granted."""
    if answer.get("type") != "error":
        return None
    for child in answer:
        if local(child) == "error":
            text = next((c.text for c in child if local(c) == "text" and c.text), None)
            return condition(child) + (f" ({text.strip()})" if text else "")
    return "undefined-condition"


def listed(answer: ET.Element) -> tuple[Subscription, ...]:
    """Return the subscriptions in an answer, of a list or of one new subscription."""
    return tuple(
        Subscription(
            node=element.get("node", ""),
            jid=element.get("jid", ""),
            state=element.get("subscription", "subscribed"),
            subid=element.get("subid"),
        )
        for element in answer.iter()
        if local(element) == "subscription"
    )


def trusted(sender: str | None, own: str, pubsub: str) -> bool:
    """Say whether a notification may come from there: the pubsub service, or our own account.

    Finesse on UCCE sends from the service, on UCCX from the user's own bare JID (both seen in the
    wild). No sender at all means the own account (RFC 6120 section 8.1.2.1).
    """
    if not sender:
        return True
    return len(sender) <= _JID_MAX and _trusted(sender, own, pubsub)


@lru_cache(maxsize=1024)  # all messages of a session come from the same sender or two
def _trusted(sender: str, own: str, pubsub: str) -> bool:
    return bare(sender) == pubsub.lower() or sender.lower() == bare(own)


def notifications(message: ET.Element) -> Iterator[Notification]:
    """Yield one Notification per item; notices, retractions and purges hold none.

    Raises RecursionError for a payload of elements nested too deep to be written as text.
    """
    if message.get("type") == "error":
        return
    for items, item in _items(message):
        for element in item:
            if element.tag.rpartition("}")[2] == "notification":
                yield _new_notification(
                    items.get("node", ""),
                    _payload(element),
                    item.get("id"),
                    message.get("from"),
                    message.get("to"),
                )


def has_items(message: ET.Element) -> bool:
    """Say whether a message carries pubsub items (whatever is in them)."""
    return bool(_items(message))


def _items(message: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    """Return each item beside the items element around it; `local` is spelled out for speed."""
    return [
        (items, item)
        for event in message
        if event.tag.rpartition("}")[2] == "event"
        for items in event
        if items.tag.rpartition("}")[2] == "items"
        for item in items
        if item.tag.rpartition("}")[2] == "item"
    ]


def _payload(notification: ET.Element) -> str:
    if len(notification) == 0:
        return notification.text or ""
    child = notification[0]
    child.tail = None
    return ET.tostring(child, encoding="unicode")

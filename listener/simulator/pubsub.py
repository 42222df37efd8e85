"""Who is subscribed to which node, and how a published item is worded.

Knows XEP-0060 as far as Finesse uses it and the variants of its messages seen in the wild; knows
nothing of connections. Nodes and bare JIDs compare without regard to case, resources with it.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator.interfaces import Form
from listener.simulator.xmpp_xml import attribute, text

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = f"{PUBSUB}#event"
ERRORS = f"{PUBSUB}#errors"
PUSH = "urn:xmpp:push:0"

AUTOMATIC = (
    "/finesse/api/User/{user}",
    "/finesse/api/User/{user}/Dialogs",
    "/finesse/api/User/{user}/Dialogs/Media",
    "/finesse/api/User/{user}/Media",
    uris.SYSTEM_INFO,
)

_serial = count(1000)


def normal_jid(jid: str) -> str:
    """Return the JID as it is compared: the bare part in lower case."""
    bare, slash, resource = jid.partition("/")
    return bare.lower() + slash + resource


def bare_of(jid: str) -> str:
    """Return the bare part of a JID, in lower case."""
    return jid.partition("/")[0].lower()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription. `explicit`: a client asked for it, so it stays until a client ends it."""

    node: str
    jid: str
    explicit: bool


class Subscriptions:
    """All subscriptions, as Finesse's database keeps them: sessions come and go, these stay."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, Subscription]] = {}
        self._by_owner: dict[str, dict[tuple[str, str], Subscription]] = {}

    def add(self, node: str, jid: str, *, explicit: bool) -> None:
        """Subscribe; once explicit, a subscription stays so."""
        key, jid = node.lower(), normal_jid(jid)
        there = self._by_node.get(key, {}).get(jid)
        entry = Subscription(node, jid, explicit or (there is not None and there.explicit))
        self._by_node.setdefault(key, {})[jid] = entry
        self._by_owner.setdefault(bare_of(jid), {})[key, jid] = entry

    def remove(self, node: str, jid: str) -> bool:
        """Unsubscribe; False when there was no such subscription."""
        key, jid = node.lower(), normal_jid(jid)
        self._by_owner.get(bare_of(jid), {}).pop((key, jid), None)
        return self._by_node.get(key, {}).pop(jid, None) is not None

    def at(self, node: str) -> list[Subscription]:
        """Return the subscriptions to a node, oldest first."""
        return list(self._by_node.get(node.lower(), {}).values())

    def of(self, bare: str, node: str | None = None) -> list[Subscription]:
        """Return the subscriptions of a user (to one node), whatever the resource."""
        mine = self._by_owner.get(bare.lower(), {}).values()
        return [entry for entry in mine if node is None or entry.node.lower() == node.lower()]

    def all(self) -> list[Subscription]:
        """Return every subscription."""
        return [entry for users in self._by_node.values() for entry in users.values()]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a message looks; the default is what was seen on CCE.

    `from_own_jid`: sent from the user's own bare JID, the resource as message id (CCX).
    `to_full`: a bare-JID subscription is also addressed to the full JID (CCX).
    `namespace`: of the `notification` element; `PUSH` is a variant.
    """

    from_own_jid: bool = False
    to_full: bool = False
    namespace: str = PUBSUB


def new_item_id() -> str:
    """Return an item id as seen in the wild: a UUID with digits behind it."""
    return f"{uuid.uuid4()}{next(_serial)}"


def message(
    wording: Wording,
    *,
    service: str,
    jid: str,
    to_bare: bool,
    node: str,
    items: Sequence[tuple[str, str]],
    form: Form = Form.ESCAPED,
) -> str:
    """Return the message for the session `jid`, without a body as Finesse's has none."""
    bare, _, resource = jid.partition("/")
    to = bare if to_bare and not wording.to_full else jid
    sender = bare if wording.from_own_jid else service
    ident = resource if wording.from_own_jid else f"{node}__{bare}__{secrets.token_hex(3)}"
    inner = "".join(
        f"<item{attribute('id', item_id)}><notification xmlns='{wording.namespace}'>"
        f"{_body(payload, form)}</notification></item>"
        for item_id, payload in items
    )
    return (
        f"<message{attribute('from', sender)}{attribute('to', to)}{attribute('id', ident)}>"
        f"<event xmlns='{EVENT}'><items{attribute('node', node)}>{inner}</items></event></message>"
    )


def _body(payload: str, form: Form) -> str:
    if form is Form.CHILD:
        return payload.partition("?>")[2] if payload.lstrip().startswith("<?xml") else payload
    if form is Form.CDATA:
        return "<![CDATA[" + payload.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return text(payload)

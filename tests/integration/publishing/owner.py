"""The first way: an account that owns the nodes, and publishes as XEP-0060 has it.

Knows pubsub as an owner does it (8.1, 8.8, 7.1). The server words the messages, so what an agent
hears is the server's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import AUTOMATIC, PUBSUB, _body
from listener.simulator.xmpp_xml import Element, attribute
from tests.integration.publishing.side import ServerSide
from tests.integration.publishing.stream import Refused, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.integration.servers import Server

T = TypeVar("T")

_OWNER = f"{PUBSUB}#owner"
_DATA = "jabber:x:data"
_CONFIG = f"{PUBSUB}#node_config"


class OwnerPublisher(ServerSide):
    """Publishes through the server's own pubsub service, as the owner of every node.

    Nodes are made when they are needed, and agents subscribed to their own by the bare JID; with
    `subscribes` False that is left to the server (prosody does it when an agent binds).
    """

    def __init__(
        self, server: Server, passwords: Mapping[str, str], *, subscribes: bool = True
    ) -> None:
        super().__init__(server, passwords)
        self._subscribes = subscribes
        self._nodes: set[str] = set()

    async def open_line(self) -> Stream:
        """Sign in as the owner."""
        return await self.sign_in_publisher()

    async def prepare(self) -> None:
        """Make the nodes to which agents are subscribed without asking."""
        self._nodes.clear()
        nodes = {node.format(user=user) for node in AUTOMATIC for user in self._agents}
        async with asyncio.TaskGroup() as group:
            for node in sorted(nodes):
                group.create_task(self._make(node))

    async def put(self, node: str, payload: str, item_id: str, form: Form) -> int:
        """Publish one item, on a node that is made if need be."""
        item = (
            f"<publish{attribute('node', node)}><item{attribute('id', item_id)}>"
            f"<notification xmlns='{PUBSUB}'>{_body(payload, form)}</notification></item></publish>"
        )
        if node not in self._nodes:
            await self._make(node)
        jids = await self._subscribed(node)
        return await self._ask("set", item, PUBSUB, look=lambda _: self._reached(jids))

    def _reached(self, jids: Iterable[str]) -> int:
        """Count the sessions there are now: servers send items as headlines, to all of them."""
        return len({one for jid in jids for one in self.roll.sessions(jid)})

    async def _subscribed(self, node: str) -> list[str]:
        body = f"<subscriptions{attribute('node', node)}/>"
        return await self._ask("get", body, _OWNER, look=_jids)

    async def _make(self, node: str) -> None:
        """Make a node that keeps nothing, and subscribe those whom Finesse subscribes by itself."""
        self._nodes.add(node)
        options = "".join(
            f"<field var='{name}'><value>{value}</value></field>"
            for name, value in (("FORM_TYPE", _CONFIG), ("pubsub#persist_items", "0"))
        )
        form = f"<configure><x xmlns='{_DATA}' type='submit'>{options}</x></configure>"
        with contextlib.suppress(Refused):  # it is there already: the server's own doing
            await self._ask("set", f"<create{attribute('node', node)}/>{form}", PUBSUB)
        agents = [agent for agent in self._agents if node in automatic(agent)]
        if agents and self._subscribes:
            inner = "".join(
                f"<subscription{attribute('jid', self.bare(agent))} subscription='subscribed'/>"
                for agent in agents
            )
            body = f"<subscriptions{attribute('node', node)}>{inner}</subscriptions>"
            await self._ask("set", body, _OWNER)

    async def _ask(
        self,
        kind: str,
        body: str,
        namespace: str,
        look: Callable[[Element], T] = lambda _: None,  # type: ignore[assignment,return-value]
    ) -> T:
        inner = f"<pubsub xmlns='{namespace}'>{body}</pubsub>"
        return await self.line.ask(kind, self.pubsub_domain, inner, look=look)


@lru_cache(maxsize=4096)
def automatic(agent: str) -> frozenset[str]:
    """Return the nodes to which Finesse subscribes an agent by itself."""
    return frozenset(node.format(user=agent) for node in AUTOMATIC)


def _jids(answer: Element) -> list[str]:
    pubsub = answer.first
    listing = pubsub.first if pubsub else None
    return [
        one.attributes["jid"]
        for one in (listing.children if listing else [])
        if one.attributes.get("subscription") == "subscribed"
    ]

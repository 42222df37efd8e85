"""The first way: an account that owns the nodes, and publishes as XEP-0060 has it.

Knows pubsub as an owner does it (8.1, 8.8, 7.1). The server words the messages, so what an agent
hears is the server's own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator.interfaces import Form
from listener.simulator.pubsub import AUTOMATIC, PUBSUB, _body, bare_of, new_item_id
from listener.simulator.xmpp_xml import Element, attribute
from tests.integration.publishing.side import Side
from tests.integration.publishing.stream import Refused, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.integration.servers import Server

_OWNER = f"{PUBSUB}#owner"
_DATA = "jabber:x:data"
_CONFIG = f"{PUBSUB}#node_config"


class OwnerPublisher(Side):
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
        self._turn = asyncio.Lock()

    async def open_line(self) -> Stream:
        """Sign in as the owner."""
        return await self.sign_in_publisher()

    async def prepare(self) -> None:
        """Make the nodes to which agents are subscribed without asking."""
        nodes = {node.format(user=user) for node in AUTOMATIC for user in self._agents}
        async with asyncio.TaskGroup() as group:
            for node in sorted(nodes):
                group.create_task(self._make(node))

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Publish one item; return to how many sessions it went when the server has accepted it.

        Sessions without presence are not counted (a full JID may have subscribed without it).
        """
        item = (
            f"<publish{attribute('node', node)}><item{attribute('id', item_id or new_item_id())}>"
            f"<notification xmlns='{PUBSUB}'>{_body(payload, form)}</notification></item></publish>"
        )
        async with self._turn:  # a node may have to be made first, and order is promised
            if node not in self._nodes:
                await self._make(node)
            subscribed, reached = await asyncio.gather(
                self._ask("get", f"<subscriptions{attribute('node', node)}/>", _OWNER, _subscribed),
                self._ask("set", item, PUBSUB, lambda _: self._sessions(subscribed_now)),
            )
            return reached

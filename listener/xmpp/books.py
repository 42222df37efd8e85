"""The explicit subscriptions of one session, on the server and in our books.

Knows XEP-0060 as Finesse speaks it. Must not know connections or payloads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.errors import Unreachable
from listener.xmpp import stanzas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from listener.xmpp.asks import Asks
    from listener.xmpp.stanzas import Subscription


class Books:
    """Subscribes the full JID `jid` of `agent` at the service `pubsub`, and remembers to what.

    `spared` returns the resources of other sessions of this program that are alive.
    """

    def __init__(
        self,
        agent: str,
        jid: str,
        pubsub: str,
        asks: Asks,
        spared: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._agent, self._jid, self._pubsub, self._asks = agent, jid, pubsub, asks
        self._spared = spared
        self._explicit: set[str] = set()

    async def subscribe(self, node: str) -> str | None:
        """Subscribe to `node`; return None, or why it was refused."""
        refused = await self._change(stanzas.subscribe, node, self._jid)
        if refused is None:
            self._explicit.add(node)
        return refused

    async def unsubscribe(self, node: str) -> str | None:
        """Unsubscribe from `node`; return None, or why it was refused."""
        self._explicit.discard(node)
        return await self._change(stanzas.unsubscribe, node, self._jid)

    async def close(self) -> None:
        """End all explicit subscriptions: what is left persists on the server."""
        await asyncio.gather(*(self.unsubscribe(node) for node in sorted(self._explicit)))

    async def listed(self) -> tuple[Subscription, ...]:
        """Return all subscriptions of the agent; raises Unreachable when there is no list."""
        answer = await self._asks.ask(self._pubsub, stanzas.subscriptions)
        refused = stanzas.refusal(answer)
        if refused is not None:
            raise Unreachable(f"{self._pubsub} lists no subscriptions: {refused}")
        return stanzas.listed(answer)

    async def tidy(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """Make the explicit subscriptions those `wanted`; return what was refused, in words.

        Removes what earlier sessions of this program left for this agent (it persists on the
        server) and what is no longer wanted. Never subscribes to the nodes that Finesse
        subscribes by itself: events would come twice. Raises Unreachable like `listed`.
        """
        wanted = frozenset(n for n in wanted if not stanzas.is_automatic(n, self._agent))
        there = [one for one in await self.listed() if self._is_ours(one.jid)]
        kept = {one.node for one in there if one.jid == self._jid and one.node in wanted}
        stale = [one for one in there if one.jid != self._jid or one.node not in wanted]
        self._explicit |= kept
        results = [
            await self._change(stanzas.unsubscribe, one.node, one.jid, one.subid) for one in stale
        ]
        results += [await self.subscribe(node) for node in sorted(wanted - kept)]
        return tuple(words for words in results if words is not None)

    def _is_ours(self, jid: str) -> bool:
        resource = jid.partition("/")[2]
        same = stanzas.bare(jid) == stanzas.bare(self._jid)
        left = resource.startswith(stanzas.RESOURCE_PREFIX) and resource not in self._spared()
        return same and (left or jid == self._jid)

    async def _change(
        self, build: Callable[..., str], node: str, jid: str, *more: str | None
    ) -> str | None:
        if not node.isprintable():
            return f"{node!r}: not a node name"
        try:
            answer = await self._asks.ask(
                self._pubsub, lambda ask, to: build(ask, to, node, jid, *more)
            )
        except Unreachable as error:
            return f"{node}: {error}"
        refused = stanzas.refusal(answer)
        if refused is None and any(one.state == "pending" for one in stanzas.listed(answer)):
            refused = "the subscription waits for an approval"
        return None if refused is None else f"{node}: {refused}"

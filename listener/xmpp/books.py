"""The explicit subscriptions of one session, on the server and in our books.

Knows XEP-0060 as Finesse speaks it. Must not know connections or payloads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.errors import ConfigurationError, ListenerError, Unreachable
from listener.xmpp import stanzas
from listener.xmpp.stanzas import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from listener.xmpp.asks import Asks


# What may be granted later without anybody changing anything.
_PASSING = frozenset(
    {
        "item-not-found",
        "internal-server-error",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "resource-constraint",
        "service-unavailable",
    }
)


class Books:
    """Subscribes the full JID `jid` of `agent` at the service `pubsub`, and remembers to what.

    `stale` says of another resource whether it is certain that its session is of an earlier process
    of ours, which has ended. `alone` is for a session without presence: what Finesse sends to the
    bare JID does not reach it, so it subscribes itself to the agent's own nodes too.
    """

    def __init__(
        self,
        agent: str,
        jid: str,
        pubsub: str,
        asks: Asks,
        stale: Callable[[str], bool] = lambda _resource: False,
        *,
        alone: bool = False,
    ) -> None:
        self._agent, self._jid, self._pubsub, self._asks = agent, jid, pubsub, asks
        self._stale = stale
        self._own = stanzas.own_nodes(agent) if alone else frozenset()
        self._explicit: set[str] = set()
        self._absent: set[str] = set()  # own nodes that the site does not have

    async def listen(self, due: float) -> None:
        """Subscribe to the agent's own nodes where presence does not bring their events.

        Returns when the service has acknowledged each. One that is listed already is left as it
        is: a second subscription could bring each event twice. Of a node of nonvoice media that
        does not exist `tidy` tells. Raises ConfigurationError when a node is refused for good,
        Unreachable when it may be granted later or there is no answer. All by `due` (the loop's
        clock): one node is asked for, and when that is granted all others at once, so that a slow
        service is waited for three times.
        """
        try:
            listed = await self.listed(self._asks.within(due, 1 / 2))
        except Unreachable:
            listed = ()  # what counts is that each is acknowledged
        there = {one.node for one in listed if self._is_granted(one)}
        self._explicit |= there & self._own
        lacking = sorted(self._own - there)
        await self._join(lacking[:1], due)
        await self._join(lacking[1:], due)

    async def _join(self, nodes: Sequence[str], due: float) -> None:
        """Subscribe to nodes of the agent's own; raise what keeps one of them from being heard."""
        within = self._asks.within(due)
        answers = await asyncio.gather(*(self._join_one(node, within) for node in nodes))
        troubles = [trouble for trouble in answers if trouble is not None]
        troubles.sort(key=lambda trouble: not isinstance(trouble, ConfigurationError))
        try:
            if troubles:
                raise troubles[0]
        finally:
            del answers, troubles  # an error leads to this frame, and from there to itself

    async def _join_one(self, node: str, within: float) -> ListenerError | None:
        try:
            refused = await self._ask(stanzas.subscribe, node, self._jid, within=within)
        except Unreachable as error:
            return Unreachable(str(error))  # a new one: that leads to frames, which lead to it
        if refused is None:
            self._explicit.add(node)
        elif self._may_lack(node, refused):
            self._absent.add(node)
        else:
            return self._deaf(node, refused)
        return None

    def _is_granted(self, one: Subscription) -> bool:
        return one.jid == self._jid and one.state == "subscribed"

    def _may_lack(self, node: str, refused: str) -> bool:
        absent = refused.startswith("item-not-found")
        return absent and node in stanzas.media_nodes(self._agent)

    def _deaf(self, node: str, refused: str) -> ListenerError:
        kind = Unreachable if refused.partition(" ")[0] in _PASSING else ConfigurationError
        return kind(
            f"{self._pubsub} refused agent {self._agent} the node {node}: {refused}. With"
            ' presence = "none" nothing else brings its events: set presence = "available" in'
            " [finesse], or have the site allow such subscriptions (Finesse 15 restricts them:"
            " finesse.applyrestrictions.nodesubscription)"
        )

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

    async def listed(self, within: float | None = None) -> tuple[Subscription, ...]:
        """Return all subscriptions of the agent; raises Unreachable when there is no list."""
        answer = await self._asks.ask(
            self._pubsub, stanzas.subscriptions, within, what="a request for its subscriptions"
        )
        refused = stanzas.refusal(answer)
        if refused is not None:
            raise Unreachable(f"{self._pubsub} lists no subscriptions: {refused}")
        return stanzas.listed(answer)

    async def tidy(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """Make the explicit subscriptions those `wanted`; return what was refused, in words.

        Removes what is `stale` (it persists on the server) and what this session has and wants no
        longer; what any other session has is left, for it may live: without it, it would be deaf
        and not know. With presence it never subscribes to the nodes that Finesse subscribes by
        itself: events would come twice. Where the service lists nothing, nothing is removed, and
        that is what is told.
        """
        wanted = self._own | frozenset(node for node in wanted if not self._comes_anyway(node))
        results: list[str | None] = []
        if self._absent:
            wanted -= self._absent
            results.append(f"{', '.join(sorted(self._absent))}: item-not-found (no such media)")
        try:
            there = [one for one in await self.listed() if self._is_ours(one.jid)]
        except Unreachable as error:
            results.append(str(error))
            there = [Subscription(node, self._jid, "subscribed") for node in self._explicit]
        kept = {one.node for one in there if one.jid == self._jid and one.node in wanted}
        stale = [one for one in there if one.jid != self._jid or one.node not in wanted]
        self._explicit |= kept
        results += [
            await self._change(stanzas.unsubscribe, one.node, one.jid, one.subid) for one in stale
        ]
        results += [await self.subscribe(node) for node in sorted(wanted - kept)]
        return tuple(words for words in results if words is not None)

    def _comes_anyway(self, node: str) -> bool:
        if self._own:
            return node.casefold() in {own.casefold() for own in self._own}
        return stanzas.is_automatic(node, self._agent)

    def _is_ours(self, jid: str) -> bool:
        same = stanzas.bare(jid) == stanzas.bare(self._jid)
        return same and (jid == self._jid or self._stale(jid.partition("/")[2]))

    async def _change(
        self, build: Callable[..., str], node: str, jid: str, *more: str | None
    ) -> str | None:
        try:
            refused = await self._ask(build, node, jid, *more)
        except Unreachable as error:
            refused = str(error)
        shown = node if node.isprintable() else repr(node)
        return None if refused is None else f"{shown}: {refused}"

    async def _ask(
        self,
        build: Callable[..., str],
        node: str,
        jid: str,
        *more: str | None,
        within: float | None = None,
    ) -> str | None:
        """Ask for one change; return why it was refused, its condition first, or None."""
        if not node.isprintable():
            return "not a node name"
        answer = await self._asks.ask(
            self._pubsub,
            lambda ask, to: build(ask, to, node, jid, *more),
            within,
            what=f"{build.__name__} {node}",
        )
        refused = stanzas.refusal(answer)
        if refused is None and any(one.state == "pending" for one in stanzas.listed(answer)):
            refused = "the subscription waits for an approval"
        return refused

"""Who is there: the sessions of users as their presence tells of them.

Knows presence (RFC 6121); knows nothing of streams. It is as true as the order of the stream from
which it is fed: what the server sent before an answer is in it when the answer is read.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from listener.simulator.pubsub import bare_of, normal_jid

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.simulator.xmpp_xml import Element

PATIENCE = 20.0


class Roll:
    """Full JIDs and their priorities; `take` is fed with presence stanzas.

    `left` counts how often a session went, by its full JID.
    """

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self._there: dict[str, dict[str, int]] = {}
        self._news = asyncio.Event()

    def take(self, presence: Element) -> None:
        """Take note of a presence stanza; requests for subscription and the like say nothing."""
        sender = normal_jid(presence.attributes.get("from", ""))
        kind = presence.attributes.get("type")
        if kind not in {None, "unavailable"}:
            return
        mine = self._there.setdefault(bare_of(sender), {})
        if kind is None:
            mine[sender] = _priority(presence)
        else:
            gone = [one for one in mine if sender in {one, bare_of(one)}]
            self.left.update(gone)
            for one in gone:
                del mine[one]
        self._tell()

    def clear(self) -> None:
        """Take everybody for gone: the stream that told of them has ended, as the server has."""
        for mine in self._there.values():
            self.left.update(list(mine))
            mine.clear()
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def sessions(self, jid: str, *, best: bool = False) -> list[str]:
        """Return the sessions that hear what is sent to that JID.

        To a bare JID: those with a priority of 0 or more; `best`: of these those with the highest,
        which is what becomes of a message without type (RFC 6121, 8.5.2.1.1).
        """
        mine = self._there.get(bare_of(jid), {})
        if "/" in jid:
            return [one for one in mine if one == normal_jid(jid)]
        able = {one: priority for one, priority in mine.items() if priority >= 0}
        top = max(able.values(), default=0)
        return [one for one, priority in able.items() if not best or priority == top]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until that holds; looks again at each presence. Raises TimeoutError after 20 s."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await self._news.wait()


def _priority(presence: Element) -> int:
    found = presence.find("priority")
    try:
        return int(found.text) if found is not None else 0
    except ValueError:
        return 0

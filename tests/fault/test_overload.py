"""A notification service that signs in fewer agents in the time of an attempt than try at once.

The simulator's own, slowed down: whatever a connection says before it is a session waits for the
service's one hand. How soon all are back is compared within one run, with and without what the
program does about it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from listener.simulator.node import Part
from listener.simulator.xmpp_stream import ClientStream
from listener.xmpp.window import Window
from tests.fault.pair_stage import crowd, pair_of
from tests.shell.stage import PACES, until

AGENTS = 52
ALLOWED = 0.6  # seconds for an attempt
RATE = 40.0  # logins a second: 24 of the 50 that may be on their way could be there in time
WORDS = 5  # that a connection says until it is a session: two headers, SASL, the bind, presence


class Hand:
    """Hears one word after the other, of all connections in the order of their coming."""

    def __init__(self) -> None:
        self.slow = False
        self._words: deque[tuple[ClientStream, Any]] = deque()
        self._at_once = ClientStream._on
        self._next = 0.0

    def hear(self, stream: ClientStream, event: Any) -> None:
        """Stand in for `ClientStream._on`."""
        if not self.slow or stream.priority is not None:
            self._at_once(stream, event)
            return
        self._words.append((stream, event))
        if len(self._words) == 1:
            self._next = max(self._next, asyncio.get_running_loop().time())
            self._wait()

    def _wait(self) -> None:
        self._next += 1 / RATE / WORDS
        asyncio.get_running_loop().call_at(self._next, self._work)

    def _work(self) -> None:
        stream, event = self._words[0]
        if stream.outlet.open:
            self._at_once(stream, event)
        self._words.popleft()
        if self._words:
            self._wait()


async def test_all_are_back_at_a_slow_service_twice_as_soon_as_with_fifty_at_once(
    tmp_path, monkeypatch
):
    hand, kinds = Hand(), {"connect_deadline": ALLOWED}

    def on(stream: ClientStream, event: Any) -> None:
        hand.hear(stream, event)

    monkeypatch.setattr(ClientStream, "_on", on)
    async with pair_of(
        tmp_path, agents=crowd(AGENTS), how={"nodes": 1}, paces=PACES, timings=kinds, strict=False
    ) as it:
        (node,), loop = it.nodes, asyncio.get_running_loop()

        def up() -> int:
            return sum(agent.live for agent in it.listener.agents.values())

        async def cut() -> float:
            """Lose all sessions, to a service that has become slow."""
            hand.slow = True
            node.reset(Part.XMPP)
            await it.all_deaf()
            return loop.time()

        begun = await cut()
        await until(lambda: up() == AGENTS)
        took = loop.time() - begun

        hand.slow = False
        monkeypatch.setattr(Window, "places", property(lambda window: window.most))
        await it.settled()
        begun = await cut()
        await until(lambda: up() == AGENTS or loop.time() >= begun + 2 * took)
        assert up() < AGENTS
        hand.slow = False  # so that nothing is waited for at the end

"""Plays a story over real sockets, at the pace that the machine allows.

Knows when steps are due and when they have to wait; what they do is the oracle's player's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.chaos.crowd import BACK_WITHIN
from tests.chaos.stalls import Stalls, calm
from tests.oracle.play import Player

if TYPE_CHECKING:
    from tests.chaos.world import LiveWorld
    from tests.oracle.story import Story

PATIENCE = 30.0
WAITS = 3.0


class LivePlayer(Player):
    """Plays a story; what agents and far ends have begun is let be done.

    Where the machine is too slow for it, the story takes longer: no step is done behind a hold-up
    of one of the `loops` until they are quick again, nor while sessions whose links were cut need
    longer to be back than callers ask again, and all that follows comes as much later. On a machine
    that never is quick, it goes on when it has waited three times its own length, and half a minute
    for each cut.
    """

    def __init__(self, world: LiveWorld, story: Story, *loops: Stalls) -> None:
        super().__init__(world, story)
        self._there = world
        self._loops = loops

    async def play(self) -> None:
        """Do every step at its time."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        self._counted = 20_000 * (self._story.seed % 1000)  # an id is used again in its story alone
        patience = WAITS * self._story.steps[-1].at if self._story.steps else 0.0
        patience += BACK_WITHIN * sum(step.args.get("node") == "all" for step in self._story.steps)
        for number, step in enumerate(self._story.steps):
            await asyncio.sleep(max(0.0, begin + step.at - loop.time()))
            due = loop.time()
            if patience > 0:
                await calm(*self._loops)
                await self._there.returned(patience)
            patience -= loop.time() - due
            begin = max(begin, loop.time() - step.at)
            self._do(number, step)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=PATIENCE)

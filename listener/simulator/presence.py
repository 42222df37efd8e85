"""What Finesse does to an agent whose XMPP presence is gone: the forced logout.

Sources: developer.cisco.com, desktop presence and forced logout (up to 120 s to notice, 60 s of
grace, reason code 255). Whether any session of the user counts is INFERRED from XMPP's rules.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.simulator.outbox import Cause

if TYPE_CHECKING:
    from listener.simulator.sides import Sides
    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent

REASON = "255"


class PresenceWatch:
    """Looks every `every` seconds; acts on who was there and is away for `after` seconds.

    It looks at these nodes, and forgets what it saw while no web application of theirs runs.
    UCCX logs the agent out, UCCE (by its default LOAD parameter) makes the agent NOT_READY.
    """

    def __init__(
        self, switch: Switch, sides: Sides, *, after: float = 180.0, every: float = 1.0
    ) -> None:
        self._switch = switch
        self._sides = sides
        self._after = after
        self._every = every
        self._last_seen: dict[str, float] = {}

    def start(self) -> None:
        """Watch until the simulator is closed."""
        self._switch.crew.start(self._watch(), timer=True)

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(self._every)

    def look(self) -> None:
        """Look once."""
        now = self._switch.setting.clock()
        if not self._sides.running:
            self._last_seen.clear()
            return
        for agent in self._switch.agents.values():
            if self._sides.present(agent.id):
                self._last_seen[agent.id] = now
            elif now - self._last_seen.get(agent.id, now) >= self._after:
                del self._last_seen[agent.id]
                self._force_out(agent)

    def _force_out(self, agent: Agent) -> None:
        if not agent.signed_in:
            return
        agent.base, agent.reason_code_id = "NOT_READY", REASON
        if self._switch.uccx:
            agent.base, agent.extension = "LOGOUT", None
        agent.changed = self._switch.stamp()
        agent.state = agent.base
        self._switch.tell_user(agent, Cause())
        self._switch.refresh(agent.id, Cause())

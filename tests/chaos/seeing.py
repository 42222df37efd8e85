"""Writes down what is true of a thousand agents, as soon as it is told, without a look at all.

A look at every call and every agent takes milliseconds, and with a thousand agents something is
told a hundred times a second. So whoever is told of is looked at before it is published, whoever is
asked for before that goes out, and all of them every 50 ms. Knows the simulator's switch; judges
nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from listener.simulator.calls import Call, Party
    from listener.simulator.finesse import Finesse
    from listener.simulator.users import Agent
    from tests.chaos.truth import Notes

LOOK = 0.05  # seconds between two looks at everything
RARELY = 10  # times as long as a look takes, where that is longer


class _Few:
    """The few calls and agents of a Finesse that are looked at now."""

    def __init__(self, calls: Iterable[Call], agents: Iterable[Agent]) -> None:
        self.calls = {call.id: call for call in calls}
        self.agents = {agent.id: agent for agent in agents}


class Seeing:
    """Looks at what one Finesse tells of, and keeps it in the history of the account."""

    def __init__(self, finesse: Finesse, notes: Notes) -> None:
        self._finesse = finesse
        self._notes = notes
        switch = finesse.switch
        self._membership, self._change = switch._membership, switch._change
        self._tell_user = switch.tell_user
        switch._membership = self._told_membership  # type: ignore[method-assign]
        switch._change = self._told_change  # type: ignore[method-assign]
        switch.tell_user = self._told_user  # type: ignore[method-assign]

    def all(self) -> None:
        """Look at everything."""
        self._notes.account.history.observe(self._notes.clock(), self._finesse)

    async def run(self) -> None:
        """Look at everything every now and then, until cancelled."""
        while True:
            begun = time.monotonic()
            self.all()
            await asyncio.sleep(max(LOOK, RARELY * (time.monotonic() - begun)))

    def agent(self, agent: str, dialog: str | None) -> None:
        """Look at an agent, the calls in its list, and a dialog that it speaks of."""
        self._look(agent, dialog)

    def _look(self, agent: str, *dialogs: str | None) -> None:
        finesse = self._finesse
        others = (finesse.calls.get(dialog or "") for dialog in dialogs)
        calls = [*finesse.switch.calls_of(agent), *(call for call in others if call is not None)]
        few = _Few(calls, [finesse.agents[agent]])
        self._notes.account.history.observe(self._notes.clock(), few)  # type: ignore[arg-type]

    # -- what the switch is about to tell ---------------------------------------------------------

    def _told_membership(self, call: Call, party: Party, event: str, cause: Any) -> None:
        self._look_at(call, party)
        self._membership(call, party, event, cause)

    def _told_change(self, call: Call, party: Party, cause: Any) -> None:
        self._look_at(call, party)
        self._change(call, party, cause)

    def _told_user(self, agent: Agent, cause: Any, *, own: bool = True) -> None:
        self._look(agent.id)
        self._tell_user(agent, cause, own=own)

    def _look_at(self, shown: Call, party: Party) -> None:
        """Look at a call itself: what is told at its end may be a picture of it."""
        if party.agent is not None:
            self._look(party.agent, shown.id, shown.secondary, shown.associated)

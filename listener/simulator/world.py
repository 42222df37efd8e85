"""Who is outside: customers who call and hang up, the dialer, the queues of tasks.

What happens here was asked for by nobody over REST, so its events carry no requestId.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from listener.simulator import outbound, tasks
from listener.simulator.basics import clear, connect, ring
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause

if TYPE_CHECKING:
    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent


NO_ANSWER = "32767"
"""The reason of an agent who was called and did not answer (INFERRED; the guide has no list)."""


class Outside:
    """What comes to agents without their asking; `Finesse` is one. Needs `switch`."""

    switch: Switch

    @property
    def calls(self) -> dict[str, Call]:
        """Every dialog by its id, as it truly is."""
        return self.switch.calls

    @property
    def agents(self) -> dict[str, Agent]:
        """Every agent by id."""
        return self.switch.agents

    async def incoming_call(
        self,
        to_agent: str,
        from_number: str,
        call_type: str = "ACD_IN",
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Let a customer's call ring at an agent; return the id. ValueError: signed out."""
        await self.switch.pause()
        extension = self._extension(to_agent)
        call = self.switch.new_call(Kind.VOICE, from_number, extension, call_type)
        call.routed = call.incoming = True
        call.variables.update(variables or {})
        self.switch.join(call, from_number, "INITIATED")
        call.state = "INITIATED"
        called = ring(self.switch, Cause(), call, extension)
        if self.agents[to_agent].spec.answers_by_itself:
            self.switch.crew.start(self._auto_answer(call, called))
        return call.id

    async def _auto_answer(self, call: Call, called: Party) -> None:
        await self.switch.pause()
        if called.state == "ALERTING" and not call.over:
            connect(self.switch, Cause(), call, called)

    def _extension(self, agent: str) -> str:
        extension = self.agents[agent].extension
        if extension is None:
            raise ValueError(f"agent {agent} is signed out")
        return extension

    async def far_end_hangs_up(self, dialog: str, address: str | None = None) -> None:
        """Let an outside party (or `address`) hang up; does nothing on a call that has none."""
        await self.switch.pause()
        call = self.calls[dialog]
        away = [p for p in call.parties if p.present and p.agent is None]
        party = call.party(address) if address else next(iter(away), None)
        if party is not None and not call.over:
            await clear(self.switch, Cause(), call, party)

    async def is_not_answered(self, dialog: str, agent: str) -> None:
        """Take a call from an agent whom it rings too long, and who is NOT_READY by it (INFERRED).

        Does nothing where it does not ring, or was not routed there.
        """
        await self.switch.pause()
        call = self.calls[dialog]
        party = call.of(agent)
        if party is None or party.state != "ALERTING" or not call.routed:
            return
        self.agents[agent].base, self.agents[agent].reason_code_id = "NOT_READY", NO_ANSWER
        await clear(self.switch, Cause(), call, party)

    async def preview(
        self,
        agent: str,
        customer: str,
        *,
        direct: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Offer a preview reservation; return its id."""
        await self.switch.pause()
        self._extension(agent)
        call = outbound.reserve(
            self.switch, self.agents[agent], customer, direct=direct, variables=variables or {}
        )
        return call.id

    async def task(
        self,
        agent: str,
        customer: str = "customer@example.com",
        *,
        media: str = "Cisco_Chat_MRD",
        media_id: str = "5001",
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Offer a nonvoice task; return its id."""
        await self.switch.pause()
        call = tasks.offer(
            self.switch,
            self.agents[agent],
            customer,
            media=media,
            media_id=media_id,
            variables=variables or {},
        )
        return call.id

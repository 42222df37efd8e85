"""Every agent's telephone: the same switch, without REST, so its events carry no requestId.

What a telephone may not do fails in silence, as on a desk. Knows no HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator import basics, joining
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import Dice
from listener.simulator.refusals import RefusedLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.simulator.finesse import Finesse


class Telephone:
    """Presses buttons on agents' telephones. Each method says whether the switch did it."""

    def __init__(self, finesse: Finesse) -> None:
        self._switch = finesse.switch
        self._dice = Dice(finesse.seed, "telephone")

    def _leg(self, agent: str, dialog: str) -> tuple[Call, Party] | None:
        call = self._switch.calls.get(dialog)
        party = call.of(agent) if call else None
        return (call, party) if call is not None and party is not None else None

    async def _press(self, agent: str, dialog: str, button: str) -> bool:
        leg = self._leg(agent, dialog)
        if leg is None:
            return False
        act = {
            "HOLD": basics.hold,
            "RETRIEVE": basics.retrieve,
            "DROP": basics.drop,
            "ANSWER": basics.answer,
        }[button]
        return await self._done(act, *leg)

    async def hold(self, agent: str, dialog: str) -> bool:
        """Press hold."""
        return await self._press(agent, dialog, "HOLD")

    async def retrieve(self, agent: str, dialog: str) -> bool:
        """Press resume."""
        return await self._press(agent, dialog, "RETRIEVE")

    async def hang_up(self, agent: str, dialog: str) -> bool:
        """Put the handset down."""
        return await self._press(agent, dialog, "DROP")

    async def answer(self, agent: str, dialog: str) -> bool:
        """Take the handset up while it rings."""
        return await self._press(agent, dialog, "ANSWER")

    async def off_hook(self, agent: str) -> str | None:
        """Take the handset up without dialling; return the dialog's id, None when signed out."""
        await self._switch.pause()
        extension = self._switch.agents[agent].extension
        if extension is None:
            return None
        call = self._switch.new_call(Kind.VOICE, extension, "", "AGENT_INSIDE")
        party = self._switch.join(call, extension, "INITIATING")
        self._switch.post(call, party, Cause())
        return call.id

    async def dial(self, agent: str, number: str, *, thinks: float = 1.0) -> bool:
        """Make a call by hand; the number is dialled `thinks` paces after going off hook."""
        caller = self._switch.agents[agent]
        try:
            await basics.make_call(self._switch, Cause(), caller, number, thinks=thinks)
        except RefusedLater:
            return False
        return True

    async def consult(self, agent: str, dialog: str, number: str) -> bool:
        """Press transfer or conference on a call, and dial who is to be asked first."""
        leg = self._leg(agent, dialog)
        return leg is not None and await self._done(joining.consult, *leg, number)

    async def join(self, agent: str, dialog: str, *, stays: bool) -> bool:
        """Press it again on the call that is held: both become one, with the agent or without."""
        leg = self._leg(agent, dialog)
        act = joining.conference if stays else joining.transfer
        return leg is not None and await self._done(act, *leg)

    async def _done(self, act: Callable[..., Awaitable[None]], *what: object) -> bool:
        try:
            await act(self._switch, Cause(), *what)
        except RefusedLater:
            return False
        return True

    def let_loose(self, agent: str, *, times: int, paces: float = 3.0) -> None:
        """Press that many drawn buttons, by itself, with a drawn time of up to `paces` between."""
        self._switch.crew.start(self._loose(agent, times, paces))

    async def _loose(self, agent: str, times: int, paces: float) -> None:
        for _ in range(times):
            await self._switch.pause(self._dice.between(0, paces))
            await self.fidget(agent)

    async def fidget(self, agent: str) -> bool:
        """Press one button that fits one of the agent's calls, drawn by the seed."""
        choices = [
            (call.id, button)
            for call in self._switch.calls_of(agent)
            if (party := call.of(agent)) is not None and call.kind is Kind.VOICE
            for button in ("HOLD", "RETRIEVE", "DROP", "ANSWER")
            if button in self._switch.actions(call, party)
        ]
        if not choices:
            return False
        dialog, button = self._dice.pick(None, choices)
        return await self._press(agent, dialog, button)

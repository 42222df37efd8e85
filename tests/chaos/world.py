"""The oracle's second world: a whole daemon over real sockets. Fulfils `Hands`, fills an `Account`.

Knows who is asked and who does the mischief; writes down what was asked. What the daemon itself
says, and when, is read afterwards (`reading.py`).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener import intake
from listener.correlation.outcome import MinimumEvidence
from tests.chaos.callers import UNAVAILABLE, Inquiry
from tests.chaos.program import DEAD
from tests.chaos.seeing import LOOK
from tests.oracle import table
from tests.oracle.account import Asked

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from listener.finesse.actions.request import Request
    from tests.chaos.callers import Callers
    from tests.chaos.deployment import Deployment
    from tests.chaos.program import Program
    from tests.oracle.account import Account
    from tests.oracle.wires import Fortune
    from tests.oracle.world import Wish

CUTS = ("rst", "fin", "close", "reset", "stream-error")


class LiveWorld:
    """One story's world around a deployment and a daemon that stand already.

    `inquiries` are the requests; `trouble` is what went wrong in the world itself.
    """

    def __init__(
        self, seed: int, deployment: Deployment, program: Program, callers: Callers
    ) -> None:
        self.finesse = deployment.finesse
        self.telephone, self.desktop = deployment.sim.telephone, deployment.sim.desktop
        self.account: Account = deployment.notes.account
        self.inquiries: list[Inquiry] = []
        self._seed = seed
        self._deployment = deployment
        self._program = program
        self._callers = callers
        self._extensions = {spec.id: spec.extension for spec in deployment.agents}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._faults: list[BaseException] = []
        self._dice = random.Random(f"world/{seed}")
        self._looking = asyncio.create_task(deployment.seeing.run())

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._faults.append(fault)

    async def over(self) -> None:
        """Wait until all that was begun is over, and every request was looked at once more."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        async with self._program.client() as client:
            for inquiry in self.inquiries:
                while inquiry.id is not None:
                    with suppress(*DEAD):
                        await self._callers.look(client, inquiry, wait=0)
                        break
                    await asyncio.sleep(0.05)
        await self.aclose()
        if self._faults:
            raise ExceptionGroup("the run itself failed", self._faults)  # type: ignore[type-var]

    async def aclose(self) -> None:
        """End what is left."""
        for task in (*self._tasks, self._looking):
            task.cancel()
        await asyncio.gather(*self._tasks, self._looking, return_exceptions=True)

    async def returned(self, within: float) -> None:
        """Wait for sessions whose links were cut, once callers do not ask again for them."""
        clock = self._deployment.notes.clock
        cuts, until = self._deployment.cuts, clock() + within
        while cuts and cuts[-1] + UNAVAILABLE < clock() < until:
            if self._deployment.all_there:
                return
            await asyncio.sleep(LOOK)

    @property
    def open(self) -> int:
        """How many requests have no outcome yet."""
        return sum(1 for each in self.inquiries if each.refused is None and not each.settled)

    # -- asked ----------------------------------------------------------------------------------

    def ask(self, step: int, request: Request, wish: Wish, fortune: Fortune) -> Asked | None:
        """See `Hands`; whether it is taken shows later."""
        own = self._extensions[request.agent]
        request = intake.complete(request, own, None, validate=False)
        if wish.mode == "forward" and type(request).__name__.startswith("Direct"):
            return None  # on the wire it looks like the other kind of preview
        minimum = MinimumEvidence(wish.minimum) if wish.minimum else MinimumEvidence.ANY
        if wish.mode == "forward":
            wish = type(wish)(mode="forward", request_id=wish.request_id)
            minimum = MinimumEvidence.ANY  # the drop-in's callers say neither
        now = self._deployment.notes.clock()
        asked = Asked(
            step=step,
            key="",
            request=request,
            request_id=wish.request_id or "",
            own=own,
            mode=wish.mode if wish.mode != "expect" or wish.report == "yes" else wish.report,
            minimum=minimum,
            length=wish.deadline or self._length(request, wish),
            submitted=now,
            faults=(*map(str, fortune.request), *(r.fault.value for r in fortune.nth.values())),
        )
        self._deployment.seeing.agent(request.agent, request.dialog_id)
        key = (request.agent, asked.request_id)
        fortunes = self._deployment.notes.fortunes
        asked.ambiguous = key in fortunes
        fortunes.setdefault(key, []).append((asked, fortune))
        for other, _ in fortunes[key]:
            other.ambiguous = other.ambiguous or asked.ambiguous
        inquiry = Inquiry(asked, wish, f"{self._seed}-{step}-{len(self.inquiries)}")
        self.inquiries.append(inquiry)
        self._do(self._callers.ask(inquiry))
        return asked

    @staticmethod
    def _length(request: Request, wish: Wish) -> float:
        return table.length(request, None, expected=wish.mode == "expect")

    # -- mischief -------------------------------------------------------------------------------

    def cut(self, agent: str, *, back: float, burst: int) -> None:
        """See `Hands`; the daemon comes back by itself, when it likes."""
        del back
        self._deployment.cut(agent, self._dice.choice(CUTS))
        if burst:
            self._do(self._burst(agent, burst))

    async def _burst(self, agent: str, last: int) -> None:
        await asyncio.sleep(0.5)
        await self._deployment.again(agent, last, same_ids=False)

    def hole(self, agent: str, *, noticed: float, back: float, burst: int) -> None:
        """See `Hands`; when it is noticed is the daemon's business."""
        del noticed, back
        self._deployment.hole(agent)
        if burst:
            self._do(self._burst(agent, burst))

    def slow(self, agent: str, *, by: float, lasts: float) -> None:
        """See `Hands`; so slow that a link is taken for dead is another fault."""
        self._do(self._deployment.slow(agent, min(by, 0.8) / 2, lasts))

    def again(self, agent: str, *, last: int, same_ids: bool) -> None:
        """See `Hands`."""
        self._do(self._deployment.again(agent, last, same_ids=same_ids))

    def outage(self, *, lasts: float) -> None:
        """See `Hands`."""
        self._do(self._deployment.outage(lasts))

    def restart(self, *, back: float) -> None:
        """See `Hands`."""
        self._do(self._program.kill(back))

    def rest(self, *, what: str, lasts: float) -> None:
        """See `Hands`."""
        self._do(self._deployment.suffer(what, lasts))

    def away(self, agent: str, *, lasts: float) -> None:
        """See `Hands`; it is away for everybody at that node."""
        del agent
        self._do(self._deployment.finesse_away(lasts))

    def wire(self, agent: str, **how: Any) -> None:
        """Let the network fail."""
        del agent
        self._do(self._deployment.wire(**how))

    def node(self, agent: str, **how: Any) -> None:
        """Let a machine fail."""
        del agent
        self._do(self._deployment.node(**how))

    def cti(self, agent: str, **how: Any) -> None:
        """Let CTI fail over."""
        del agent
        self._do(self._deployment.cti(**how))

    def term(self, agent: str, *, back: float) -> None:
        """Let the daemon end in order, and begin again."""
        del agent
        self._do(self._program.term(back))

    def handover(self, agent: str) -> None:
        """Let a second process take over from the daemon."""
        del agent
        self._do(self._program.hand_over())

    def reload(self, agent: str) -> None:
        """Let the daemon read changed settings."""
        del agent
        self._do(self._program.reload())

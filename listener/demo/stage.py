"""One simulated Finesse, one listener that hears all its agents, and the requests of the scene.

Builds and introduces, lets a scene ask and wait, and keeps for each request what was asked, what
came of it and what was true at that moment. Judges nothing, prints nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from listener.assembly import Listener
from listener.correlation.steps import Late
from listener.demo import elsewhere
from listener.demo.cast import AGENTS, BUSY, CUSTOMER
from listener.demo.showing import Showing
from listener.demo.witness import PATIENCE, Witness
from listener.finesse.events import RequestFailed
from listener.settings import Settings
from listener.simulator.assembly import Simulator
from listener.simulator.profiles import EarlyTransfer, Luck, Number, Tagging, Variants
from listener.simulator.users import AgentSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from listener.correlation.outcome import Outcome
    from listener.finesse.actions.request import Request
    from listener.page.page import Page
    from listener.simulator.calls import Call
    from listener.simulator.faults import Fault
    from listener.simulator.interfaces import Deed
    from listener.ticket import Record, Ticket


@dataclass(slots=True, eq=False)
class Play:
    """One request of the scene. `note` says what is special about it.

    `length` is its deadline in seconds, `settled_at` the loop's time, `standing` the dialog as it
    truly was when the outcome came (None: no agent had it).
    """

    note: str
    record: Record
    length: float
    settled_at: float = 0.0
    standing: Call | None = None

    @property
    def deadline(self) -> float:
        """When waiting ends, by the loop's clock: from the 202, else from submission."""
        return (self.record.answered_at or self.record.submitted_at) + self.length


class Watcher(Protocol):
    """Who is told what happens on a stage."""

    def settled(self, stage: Stage, play: Play) -> None:
        """Take note of an outcome."""

    def late(self, stage: Stage, play: Play, late: Late) -> None:
        """Take note of what was heard about a request after its outcome."""

    def remark(self, stage: Stage, agent: str, words: str) -> None:
        """Take note of something that belongs to no request."""


class Stage:
    """Where a scene is played; `watcher` is told as it goes on."""

    def __init__(
        self,
        simulator: Simulator,
        listener: Listener,
        witness: Witness,
        watcher: Watcher,
        *,
        ca_file: Path,
        page: Page | None = None,
    ) -> None:
        self.page = page
        self.simulator, self.listener, self.witness = simulator, listener, witness
        self.ca_file = ca_file
        self.plays: list[Play] = []
        self.open: dict[str, Play] = {}
        self._tickets: dict[str, Ticket] = {}
        self._watcher = watcher
        self._clock = asyncio.get_running_loop().time
        listener.service.on_settled(self._told)

    @property
    def uccx(self) -> bool:
        """Whether a UCCX is played."""
        return self.simulator.finesse.deployment == "UCCX"

    @property
    def tagging(self) -> str:
        """How events are tagged, as the command line has it."""
        return self.simulator.finesse.tagging.value.replace("_", "-")

    # -- asking

    async def ask(
        self, request: Request, note: str = "", *, within: float | None = None, check: bool = True
    ) -> Play:
        """Send a request and return when it is settled; `within`: its deadline in seconds.

        `check` False leaves out the local check, so that Finesse itself refuses.
        """
        play = self.begin(request, note, within=within, check=check)
        await self.settled(play)
        return play

    def begin(
        self, request: Request, note: str = "", *, within: float | None = None, check: bool = True
    ) -> Play:
        """Send a request and return at once."""
        ticket = self.listener.start(request, deadline=within, validate=check)
        play = Play(note, ticket.record, within or ticket.request.default_deadline)
        self.plays.append(play)
        self.open[ticket.id] = play
        self._tickets[ticket.id] = ticket
        return play

    async def settled(self, play: Play) -> None:
        """Wait for the outcome; it comes by the request's deadline."""
        await self._tickets[play.record.key].outcome()

    def _told(self, record: Record) -> None:
        play = self.open.pop(record.key, None)
        if play is not None:
            play.settled_at = self._clock()
            play.standing = self._standing(play)
            self._watcher.settled(self, play)
        else:
            late = next((p for p in self.plays if p.record is record), None)
            if late is not None and record.late:
                self._watcher.late(self, late, record.late[-1])
        self.witness.tell()

    def _standing(self, play: Play) -> Call | None:
        deed = self.deed(play)
        calls = self.simulator.finesse.calls
        call = calls.get(
            (deed.new_dialog_id if deed else None) or play.record.request.dialog_id or ""
        )
        if call is None or call.over:
            return None
        return replace(
            call,
            parties=[replace(party) for party in call.parties],
            variables=dict(call.variables),
            scheduled=dict(call.scheduled),
        )

    # -- the truth

    def deeds(self, play: Play) -> list[Deed]:
        """Return what the simulator knows about that request; nothing when it never came."""
        return self.simulator.finesse.deed(play.record.request.agent, play.record.request_id)

    def deed(self, play: Play) -> Deed | None:
        """Return the truth about that request, or None."""
        return next(iter(self.deeds(play)), None)

    def new_dialog(self, play: Play) -> str:
        """Return the dialog that the request truly made, whatever its outcome says."""
        deed = self.deed(play)
        if deed is None or deed.new_dialog_id is None:
            raise RuntimeError(f"the scene needs a call that {play.record.request!r} did not make")
        return deed.new_dialog_id

    async def done(self, play: Play) -> None:
        """Wait until the switch did it or refused it; no event need tell of that."""
        async with asyncio.timeout(PATIENCE):
            while (deed := self.deed(play)) is None or deed.effect is None:
                await self.simulator.finesse.switch.pause()

    # -- what happens beside the requests

    def spoil(self, fault: Fault, agent: str, action: str, **how: object) -> None:
        """Let something go wrong with the agent's next request of that action."""
        self.simulator.finesse.faults.add(fault, agent=agent, action=action, **how)

    async def cut(self, agent: str) -> None:
        """Break the connection of the agent's session."""
        await elsewhere.cut(self.simulator, agent)

    async def rings(self, agent: str, state: str = "ALERTING") -> str:
        """Let a customer call the agent; return the dialog when the agent's session shows it."""
        dialog = await self.simulator.finesse.incoming_call(agent, CUSTOMER)
        await self.sees(agent, dialog, state)
        return dialog

    async def sees(self, agent: str, dialog: str, state: str, of: str | None = None) -> None:
        """Wait until the agent's session shows that state of a participant (its own)."""
        address = of or agent
        await self.witness.until(
            lambda: self.witness.state(agent, dialog, address) == state,
            f"{address} {state} on {dialog} at {agent}",
        )

    async def gone(self, agent: str, dialog: str) -> None:
        """Wait until the dialog has left the agent's list."""
        await self.witness.until(
            lambda: (agent, dialog) not in self.witness.dialogs, f"{dialog} gone at {agent}"
        )

    async def hung_up(self, agent: str, dialog: str) -> None:
        """Let the customer hang up, and wait until the agent's session shows it."""
        await self.simulator.finesse.far_end_hangs_up(dialog)
        await self.gone(agent, dialog)

    async def hears_error(self, agent: str) -> None:
        """Wait until the agent's session has heard of a refusal; one without an id is remarked."""
        await self.witness.until(lambda: bool(self._errors(agent)), f"an error at {agent}")
        if self._errors(agent)[-1].request_id is None:
            self._watcher.remark(self, agent, "an error without an id: whose it is, nobody can say")

    def _errors(self, agent: str) -> list[RequestFailed]:
        events = (heard.event for heard in self.witness.heard)
        return [e for e in events if isinstance(e, RequestFailed) and e.owner == agent]


def outcome_of(play: Play) -> Outcome:
    """Return what came of a settled play."""
    assert play.record.outcome is not None  # the scene waited for it
    return play.record.outcome


@asynccontextmanager
async def stage(
    *,
    profile: str,
    tagging: Tagging,
    seed: int,
    folder: Path,
    watcher: Watcher,
    notifications: elsewhere.MakeNotifications | None = None,
    shown: bool = False,
) -> AsyncIterator[Stage]:
    """Start a simulated Finesse and a listener for its agents; `folder` gets the settings.

    `notifications` makes another notification side than the simulator's own. `shown`: what happens
    is served as a page.
    """
    passwords = {agent: secrets.token_urlsafe(12) for agent in AGENTS}
    specs = [
        AgentSpec(id=agent, password=passwords[agent], extension=agent, **words)
        for agent, words in AGENTS.items()
    ]
    served = notifications(passwords) if notifications is not None else None
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(
            Simulator(
                agents=specs,
                profile=profile,
                tagging=tagging,
                seed=seed,
                variants=Variants(early_transfer=EarlyTransfer.ASYNC),
                dial_plan={BUSY: Number(Luck.BUSY)},
                notifications=served,
            )
        )
        ca_file = elsewhere.write_ca(simulator, served, folder / "ca.pem")
        settings = _settings(simulator, passwords, ca_file)
        showing = Showing() if shown else None
        listener = await stack.enter_async_context(_listener(settings, showing))
        page = None
        if showing is not None:
            page = await stack.enter_async_context(showing.open(settings, listener, folder))
        witness = Witness()
        events = listener.events()
        writing = asyncio.create_task(witness.listen(events), name="witness")
        stack.push_async_callback(_end, writing)
        yield Stage(simulator, listener, witness, watcher, ca_file=ca_file, page=page)


def _listener(settings: Settings, showing: Showing | None) -> AbstractAsyncContextManager[Listener]:
    if showing is None:
        return Listener.open(settings)
    return Listener.open(settings, memory=showing.chronicle, changed=showing.changed)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _settings(simulator: Simulator, passwords: dict[str, str], ca_file: Path) -> Settings:
    node = {
        "host": simulator.xmpp_host,
        "rest_port": simulator.http.port,
        "xmpp_port": simulator.xmpp_port,
    }
    agents = [
        {"id": agent, "password": password, "extension": agent}
        for agent, password in passwords.items()
    ]
    return Settings.model_validate(
        {"finesse": {"nodes": [node], "ca_file": ca_file}, "agents": agents}
    )

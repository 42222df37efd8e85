"""The composition: builds the shells for one deployment and introduces them to each other.

`Listener` is what programs hold; `daemon` runs one for long, `demo` one for a scene.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Unpack

from pydantic import SecretStr

from listener import logs, wiring
from listener.alarms import BATCH
from listener.correlation.outcome import Outcome, Reason
from listener.crew import AgentStatus, Paces
from listener.errors import ConfigurationError, NotListening
from listener.feed import EventStream, Lagged
from listener.finesse.actions.request import Request
from listener.rest import Rest
from listener.roster import Roster
from listener.service import Service
from listener.settings import Recording, Settings
from listener.standing import NodeStatus
from listener.standstill import read_first
from listener.tally import Tally
from listener.terms import Memory, Wished
from listener.ticket import Record, Ticket
from listener.transcript import Recorder, Where, recorder_for
from listener.translation import RestWire
from listener.trust import Trust
from listener.whereabouts import Whereabouts
from listener.xmpp.tls import shrink_tls_buffers

__all__ = ["EventStream", "Lagged", "Listener", "Paces", "Record", "Ticket"]

_log = logs.get(__name__)


class Listener:
    """Holds the sessions of the configured agents, and tells what came of each request.

    Made by `Listener.open(settings)`; everything ends when that block is left.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        paces: Paces | None = None,
        memory: Memory | None = None,
        tally: Tally | None = None,
        changed: Callable[[AgentStatus], None] = lambda _status: None,
    ) -> None:
        self._settings = settings
        finesse = settings.finesse
        self.trust = Trust(finesse.ca_file)
        """The certificates of Finesse's that are trusted."""
        self.rest = Rest(
            [node.rest_url for node in finesse.endpoints],
            tls=self.trust.rest,
            timings=wiring.rest_timings(settings),
        )
        self.wire = RestWire(self.rest)
        paces = paces or Paces()
        tally = tally or Tally()
        self._where = Whereabouts(
            settings, self.rest, self._learn, polling=paces.polling, moved=tally.moved
        )
        self.roster = Roster(
            settings,
            self.rest,
            self.wire,
            self._where,
            tls=lambda: self.trust.sessions,
            service=lambda: self.service,
            paces=paces,
            changed=changed,
        )
        self.service = Service(
            self.wire,
            self.roster,
            policy=wiring.policy(settings),
            extensions=self.roster.extension,
            memory=memory,
            tally=tally,
        )

        self._recorder: Recorder | None = None
        self.trust.watch_contexts(lambda: self.rest.trust(self.trust.rest))
        self.trust.watch(self._trust_renewed)

    def __repr__(self) -> str:
        up, held = self.roster.up, len(self.roster.ears)
        return f"<Listener {up} of {held} agents up, {self.service!r}>"

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        strict: bool = True,
        wait: bool = True,
        paces: Paces | None = None,
        memory: Memory | None = None,
        tally: Tally | None = None,
        changed: Callable[[AgentStatus], None] = lambda _status: None,
        first: Callable[[Listener], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Listener]:
        """Connect every configured agent, and yield when each was tried once.

        With `strict`, when no agent came up, raises what stood in the way (Unreachable,
        CredentialsRefused, CertificateRefused, NotFinesse, ...); without, keeps trying. Without
        `wait` it yields at once: see `tried`. Always raises ConfigurationError for a CA file that
        cannot be used. A daemon hands in what outlives it (`memory`), its counters (`tally`), who
        is told of sessions (`changed`), and what is to be done before the first session (`first`).
        """
        logs.ensure()
        shrink_tls_buffers()
        async with AsyncExitStack() as stack:
            listener = cls(settings, paces=paces, memory=memory, tally=tally, changed=changed)
            stack.push_async_callback(listener.rest.aclose)
            if settings.recording.path is not None:
                await stack.enter_async_context(listener.recording(settings.recording))
            stack.push_async_callback(listener._close)
            if first is not None:
                await first(listener)
            for number, agent in enumerate(settings.agents, 1):
                listener.roster.add(agent)
                if number % BATCH == 0:  # thousands that begin in one turn would hold the loop up
                    await asyncio.sleep(0)
            if wait:
                await listener.tried(strict=strict)
            yield listener

    # -- asked ------------------------------------------------------------------------------

    async def submit(self, request: Request, **wishes: Unpack[Wished]) -> Outcome:
        """Send a request and return what came of it, at its deadline at the latest.

        Wishes (all optional): `deadline` in seconds from Finesse's 202; `request_id`, else one is
        made; `minimum_evidence` "any", "event" or "request_id"; `validate=False` leaves out the
        local check; `require_session=False` sends even when no session would hear the answer.
        Raises InvalidRequest and NotAccepted; nothing was sent then. A cancelled call ends the
        request as Abandoned; nothing is taken back.
        """
        ticket = self.start(request, **wishes)
        try:
            return await ticket.outcome()
        except asyncio.CancelledError:
            ticket.abandon(Reason.CALLER)
            raise

    def start(self, request: Request, **wishes: Unpack[Wished]) -> Ticket:
        """Send a request and return at once; the ticket has its outcome later. As `submit`."""
        return self.service.submit(self._known(request), wiring.wishes(wishes))

    async def expect(self, request: Request, **wishes: Unpack[Wished]) -> Ticket:
        """Register a request that you send yourself, with `ticket.request_id` as its requestId.

        Register first, send at once after that (a change from then on counts as one since the
        request), then report Finesse's answer with `ticket.answered(status, body)`: without that
        nothing is ever presumed. Wishes as for `submit`.
        """
        await read_first()  # what lies there unread is no change since (rules 4)
        return self.service.expect(self._known(request), wiring.wishes(wishes))

    def events(self, agent: str | None = None) -> EventStream:
        """Collect events from now on, of one agent's nodes or of all: `async for event in ...`.

        A reader that falls 1,000 events behind gets `Lagged` as the last item. Raises
        ConfigurationError for an agent that is not configured.
        """
        if agent is not None:
            self.roster.ear(agent)
        return self.service.feed.subscribe(agent)

    async def ready(self, agent: str, within: float = 15.0) -> None:
        """Wait until that agent's session hears.

        Raises NotListening with the last trouble: after `within` seconds, and as soon as only a
        person can help (a refused password, a conflict).
        """
        ear = self.roster.ear(agent)
        why = f"has no session after {within:g} s"
        try:
            async with asyncio.timeout(within):
                await ear.decided.wait()
                why = "was stopped"
        except TimeoutError:
            pass
        if not ear.up.is_set():
            raise NotListening(f"agent {agent} {why}: {ear.trouble or 'no answer yet'}")

    async def tried(self, *, strict: bool = False) -> None:
        """Wait until each agent was tried once; with `strict` raises when no agent came up."""
        ears = tuple(self.roster.ears.values())
        await asyncio.gather(*(ear.tried.wait() for ear in ears))
        troubles = [ear.trouble for ear in ears if ear.trouble is not None]
        if strict and troubles and len(troubles) == len(ears):
            raise troubles[0]
        held = len(self.roster.ears)  # others perhaps than those who were waited for
        _log.info("listener.ready", agents=held, up=self.roster.up)

    def change_credentials(
        self, agent: str, *, password: str | None = None, token: str | None = None
    ) -> None:
        """Replace an agent's password or token, and try again at once if it had been refused."""
        self.roster.ear(agent)
        if not (password or token):
            raise ConfigurationError(f"agent {agent}: give the new password or the new token")
        self.roster.change_credentials(
            agent,
            password=SecretStr(password) if password else None,
            token=SecretStr(token) if token else None,
        )

    @property
    def agents(self) -> Mapping[str, AgentStatus]:
        """How each agent's session is."""
        return self.roster.status()

    @property
    def nodes(self) -> tuple[NodeStatus, ...]:
        """How each node is as far as is known, in the order of the settings."""
        return self._where.nodes

    @property
    def node(self) -> str:
        """The name of the node in use."""
        return self._where.node

    @asynccontextmanager
    async def recording(self, wanted: Recording) -> AsyncIterator[Recorder]:
        """Write a transcript as long as the block lasts; one at a time.

        Raises ConfigurationError for a file that cannot be written to, and when one is written.
        """
        if self._recorder is not None:
            raise ConfigurationError(
                f"a transcript is written already, into {self._recorder.path}; one at a time"
            )
        self._recorder = recorder = self._recorder_for(wanted)
        try:
            recorder.start()
            self.service.record(recorder)
            yield recorder
        finally:
            self.service.record(None)
            self._recorder = None
            await recorder.aclose()

    def _recorder_for(self, wanted: Recording) -> Recorder:
        roster = self.roster

        def host(agent: str) -> str | None:
            ear = roster.ears.get(agent)
            return ear.node if ear is not None else None

        where = Where(deployment=lambda: self.deployment, host=host)
        return recorder_for(wanted, self.service.policy, self.service.loop.time(), where)

    def begin_at(self, node: str) -> None:
        """Try that node first, before any session was made; an unknown name changes nothing."""
        self._where.begin_at(node)

    @property
    def deployment(self) -> str | None:
        """UCCE or UCCX, as configured or as SystemInfo said; None before either."""
        return self.service.deployment

    async def ping(self, agent: str, within: float) -> bool:
        """Ping over that agent's session: True when all that was sent before has been read."""
        return await self.roster.ping(agent, within)

    def _learn(self, deployment: str) -> None:
        self.service.deployment = deployment

    def _trust_renewed(self) -> None:
        """Let those try again at once who wait because a certificate was refused."""
        self._where.trust_renewed()
        self.roster.trust_renewed()

    def _known(self, request: Request) -> Request:
        self.roster.ear(request.agent)
        return request

    # -- life -------------------------------------------------------------------------------

    async def close(self, grace: float) -> int:
        """Refuse new requests, give open ones up to `grace` seconds; return how many are left."""
        return await self.service.close(grace)

    def hurry(self) -> None:
        """Let the sessions end without a goodbye when the block is left."""
        self.roster.hurry()

    async def _close(self) -> None:
        await self.service.close()
        await self.roster.aclose()
        await self._where.aclose()

"""The composition: builds the shells for one deployment and introduces them to each other.

`Listener` is what programs hold; `daemon` runs one for long, `demo` one for a scene.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Unpack

from pydantic import SecretStr

from listener import logs, wiring
from listener.correlation.outcome import Outcome, Reason
from listener.crew import AgentStatus, Ear, Paces
from listener.errors import ConfigurationError, NotListening
from listener.feed import EventStream, Lagged
from listener.finesse.actions.request import Request
from listener.rest import Rest
from listener.service import Service
from listener.settings import Settings
from listener.terms import Wished
from listener.ticket import Record, Ticket
from listener.translation import RestWire
from listener.whereabouts import Whereabouts
from listener.xmpp.link import Link
from listener.xmpp.session import Session
from listener.xmpp.stanzas import make_resource
from listener.xmpp.tls import client_context, shrink_tls_buffers

MAX_HANDSHAKES = 50  # at once, of all agents together

__all__ = ["EventStream", "Lagged", "Listener", "Paces", "Record", "Ticket"]

_log = logs.get(__name__)


class Listener:
    """Holds the sessions of the configured agents, and tells what came of each request.

    Made by `Listener.open(settings)`; everything ends when that block is left.
    """

    def __init__(self, settings: Settings, *, paces: Paces | None = None) -> None:
        self._settings = settings
        self._paces = paces or Paces()
        finesse = settings.finesse
        self._tls: ssl.SSLContext = client_context(finesse.ca_file)
        self._rest = Rest(
            [node.rest_url for node in finesse.endpoints],
            tls=client_context(finesse.ca_file),
            timings=wiring.rest_timings(settings),
        )
        self._wire = RestWire(self._rest)
        self._agents = {agent.id: agent for agent in settings.agents}
        self._ears: dict[str, Ear] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._handshakes = asyncio.Semaphore(MAX_HANDSHAKES)
        self._token = secrets.token_hex(4)
        self._jitter = random.Random()  # noqa: S311  spreads retries, guards nothing
        self.service = Service(
            self._wire, self, policy=wiring.policy(settings), extensions=self._extension
        )
        self._where = Whereabouts(settings, self._rest, self._learn)

    def __repr__(self) -> str:
        return f"<Listener {self._up()} of {len(self._ears)} agents up, {self.service!r}>"

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        strict: bool = True,
        wait: bool = True,
        paces: Paces | None = None,
    ) -> AsyncIterator[Listener]:
        """Connect every configured agent, and yield when each was tried once.

        With `strict`, when no agent came up, raises what stood in the way (Unreachable,
        CredentialsRefused, CertificateRefused, NotFinesse, ...); without, keeps trying. Without
        `wait` it yields at once: see `tried`. Always raises ConfigurationError for a CA file that
        cannot be used.
        """
        logs.ensure()
        shrink_tls_buffers()
        async with AsyncExitStack() as stack:
            listener = cls(settings, paces=paces)
            stack.push_async_callback(listener._rest.aclose)
            stack.push_async_callback(listener._close)
            listener._start()
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

        Register first, send after, then report Finesse's answer with `ticket.answered(status,
        body)`: without that nothing is ever presumed. Wishes as for `submit`.
        """
        return self.service.expect(self._known(request), wiring.wishes(wishes))

    def events(self, agent: str | None = None) -> EventStream:
        """Collect events from now on, of one agent's nodes or of all: `async for event in ...`.

        A reader that falls 1,000 events behind gets `Lagged` as the last item. Raises
        ConfigurationError for an agent that is not configured.
        """
        if agent is not None:
            self._ear(agent)
        return self.service.feed.subscribe(agent)

    async def ready(self, agent: str, within: float = 15.0) -> None:
        """Wait until that agent's session hears.

        Raises NotListening with the last trouble: after `within` seconds, and as soon as only a
        person can help (a refused password, a conflict).
        """
        ear = self._ear(agent)
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
        await asyncio.gather(*(ear.tried.wait() for ear in self._ears.values()))
        troubles = [ear.trouble for ear in self._ears.values() if ear.trouble is not None]
        if strict and troubles and len(troubles) == len(self._ears):
            raise troubles[0]
        _log.info("listener.ready", agents=len(self._ears), up=self._up())

    def change_credentials(
        self, agent: str, *, password: str | None = None, token: str | None = None
    ) -> None:
        """Replace an agent's password or token, and try again at once if it had been refused."""
        ear = self._ear(agent)
        if not (password or token):
            raise ConfigurationError(f"agent {agent}: give the new password or the new token")
        ear.agent = self._agents[agent] = ear.agent.model_copy(
            update={
                "password": SecretStr(password) if password else None,
                "token": SecretStr(token) if token else None,
            }
        )
        self._rest.set_credentials(agent, wiring.credentials(ear.agent))
        ear.credentials_changed()

    @property
    def agents(self) -> Mapping[str, AgentStatus]:
        """How each agent's session is."""
        return {id_: ear.status() for id_, ear in self._ears.items()}

    @property
    def deployment(self) -> str | None:
        """UCCE or UCCX, as configured or as SystemInfo said; None before either."""
        return self.service.deployment

    # -- for the service --------------------------------------------------------------------

    async def ping(self, agent: str, within: float) -> bool:
        """Ping over that agent's session (the service's `Ears`)."""
        ear = self._ears.get(agent)
        return ear is not None and await ear.ping(within)

    def serving(self, *, in_service: bool) -> None:
        """Tell every agent what Finesse published about itself (the service's `Ears`)."""
        for ear in self._ears.values():
            ear.serving(in_service=in_service)

    def _extension(self, agent: str) -> str | None:
        known = self._agents.get(agent)
        return known.extension if known is not None else None

    def _learn(self, deployment: str) -> None:
        self.service.deployment = deployment

    def _known(self, request: Request) -> Request:
        if request.agent not in self._agents:
            raise ConfigurationError(f"agent {request.agent} is not configured")
        return request

    def _ear(self, agent: str) -> Ear:
        if agent not in self._ears:
            raise ConfigurationError(f"agent {agent} is not configured")
        return self._ears[agent]

    # -- life -------------------------------------------------------------------------------

    def _up(self) -> int:
        return sum(ear.up.is_set() for ear in self._ears.values())

    def _start(self) -> None:
        for agent in self._settings.agents:
            self._rest.set_credentials(agent.id, wiring.credentials(agent))
            ear = Ear(
                agent,
                make_link=self._make_link,
                picture=self._wire.picture,
                signed_in=self._wire.signed_in,
                service=lambda: self.service,
                place=self._where,
                paces=self._paces,
            )
            self._ears[agent.id] = ear
            self._running[agent.id] = asyncio.create_task(ear.run(), name=f"ear {agent.id}")

    def _make_link(self, ear: Ear) -> Link:
        agent = ear.agent.id

        def session() -> Session:
            ear.aimed = place = self._where.endpoint
            return Session(
                agent,
                ear.agent.xmpp_secret.get_secret_value,
                place,
                tls=self._tls,
                resource=make_resource(agent, self._token),
                on_notification=self.service.hear,
                on_finesse_presence=lambda available: self._finesse_present(ear, available),
                timings=wiring.session_timings(self._settings),
            )

        return Link(
            agent,
            make_session=session,
            events=ear,
            backoff=self._paces.backoff,
            gate=self._handshakes,
            random=self._jitter.random,
            endpoint_ready=lambda: self._where.in_service(agent),
        )

    def _finesse_present(self, ear: Ear, available: bool) -> None:  # noqa: FBT001  the session's
        self.service.finesse_present(ear.agent.id, available=available)
        ear.serving(in_service=available)

    async def close(self, grace: float) -> int:
        """Refuse new requests, give open ones up to `grace` seconds; return how many are left."""
        return await self.service.close(grace)

    def hurry(self) -> None:
        """Let the sessions end without a goodbye when the block is left."""
        for ear in self._ears.values():
            ear.hurry()

    async def _close(self) -> None:
        await self.service.close()
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

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

from listener import logs
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence, Outcome, Reason
from listener.crew import AgentStatus, Ear
from listener.errors import ConfigurationError, ListenerError, NotListening, Unreachable
from listener.feed import FeedItem, Lagged, Subscription
from listener.finesse.actions.request import Request
from listener.rest import Basic, Bearer, Rest, RestTimings
from listener.service import Policy, Service, Wishes
from listener.settings import Settings
from listener.settings.model import Agent
from listener.ticket import Record, Ticket
from listener.translation import RestWire
from listener.whereabouts import Whereabouts
from listener.xmpp.contract import Timings
from listener.xmpp.link import Link
from listener.xmpp.policy import Backoff
from listener.xmpp.session import Session
from listener.xmpp.stanzas import make_resource
from listener.xmpp.tls import client_context, shrink_tls_buffers

MAX_HANDSHAKES = 50  # at once, of all agents together

__all__ = ["Lagged", "Listener", "Record", "Ticket"]

_log = logs.get(__name__)


class Listener:
    """Holds the sessions of the configured agents, and tells what came of each request.

    Made by `Listener.open(settings)`; everything ends when that block is left.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        finesse = settings.finesse
        self._tls: ssl.SSLContext = client_context(finesse.ca_file)
        waits = settings.timings
        self._rest = Rest(
            [node.rest_url for node in finesse.endpoints],
            tls=client_context(finesse.ca_file),
            timings=RestTimings(
                waits.rest_wait, waits.rest_connect, waits.rest_answer, waits.rest_total
            ),
        )
        self._wire = RestWire(self._rest)
        self._agents = {agent.id: agent for agent in settings.agents}
        self._ears: dict[str, Ear] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._handshakes = asyncio.Semaphore(MAX_HANDSHAKES)
        self._token = secrets.token_hex(4)
        self._jitter = random.Random()  # noqa: S311  spreads retries, guards nothing
        self.service = Service(
            self._wire, self, policy=_policy(settings), extensions=self._extension
        )
        self._where = Whereabouts(settings, self._rest, self._learn)

    def __repr__(self) -> str:
        up = sum(ear.up.is_set() for ear in self._ears.values())
        return f"<Listener {up} of {len(self._ears)} agents up, {self.service!r}>"

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, *, strict: bool = True) -> AsyncIterator[Listener]:
        """Connect every configured agent, and yield when each was tried once.

        With `strict`, when no agent came up, raises what stood in the way (Unreachable,
        CredentialsRefused, CertificateRefused, NotFinesse, ...); without, keeps trying.
        """
        logs.ensure()
        shrink_tls_buffers()
        async with AsyncExitStack() as stack:
            listener = cls(settings)
            stack.push_async_callback(listener._rest.aclose)
            stack.push_async_callback(listener._close)
            await listener._start(strict=strict)
            yield listener

    # -- asked ------------------------------------------------------------------------------

    async def submit(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        request_id: str | None = None,
        minimum_evidence: MinimumEvidence | str | None = None,
        validate: bool = True,
        require_session: bool = True,
    ) -> Outcome:
        """Send a request and return what came of it, at its deadline at the latest.

        `deadline`: seconds from Finesse's 202. Raises InvalidRequest and NotAccepted; nothing was
        sent then. A cancelled call ends the request as Abandoned; nothing is taken back.
        """
        ticket = self.start(
            request,
            deadline=deadline,
            request_id=request_id,
            minimum_evidence=minimum_evidence,
            validate=validate,
            require_session=require_session,
        )
        try:
            return await ticket.outcome()
        except asyncio.CancelledError:
            ticket.abandon(Reason.CALLER)
            raise

    def start(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        request_id: str | None = None,
        minimum_evidence: MinimumEvidence | str | None = None,
        validate: bool = True,
        require_session: bool = True,
    ) -> Ticket:
        """Send a request and return at once; the ticket has its outcome later."""
        wishes = _wishes(deadline, request_id, minimum_evidence, validate, require_session)
        return self.service.submit(self._known(request), wishes)

    async def expect(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        request_id: str | None = None,
        minimum_evidence: MinimumEvidence | str | None = None,
        validate: bool = True,
        require_session: bool = True,
    ) -> Ticket:
        """Register a request that you send yourself, with `ticket.request_id` as its requestId.

        Register first, send after, then report Finesse's answer with `ticket.answered(status,
        body)`: without that nothing is ever presumed.
        """
        wishes = _wishes(deadline, request_id, minimum_evidence, validate, require_session)
        return self.service.expect(self._known(request), wishes)

    def events(self, agent: str | None = None) -> EventStream:
        """Collect events from now on, of one agent's nodes or of all: `async for event in ...`.

        A reader that falls 1,000 events behind gets `Lagged` as the last item.
        """
        return EventStream(self.service, agent)

    async def ready(self, agent: str, within: float = 15.0) -> None:
        """Wait until that agent's session hears; raises NotListening with the last trouble."""
        ear = self._ear(agent)
        try:
            async with asyncio.timeout(within):
                await ear.up.wait()
        except TimeoutError:
            raise NotListening(
                f"agent {agent} has no session after {within:g} s: {ear.trouble or 'no answer yet'}"
            ) from None

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

    async def _start(self, *, strict: bool) -> None:
        for agent in self._settings.agents:
            self._rest.set_credentials(agent.id, _credentials(agent))
            ear = Ear(
                agent,
                make_link=self._make_link,
                picture=self._wire.picture,
                service=lambda: self.service,
                in_service=self._where.in_service,
            )
            self._ears[agent.id] = ear
            self._running[agent.id] = asyncio.create_task(ear.run(), name=f"ear {agent.id}")
        await asyncio.gather(*(ear.tried.wait() for ear in self._ears.values()))
        troubles = [ear.trouble for ear in self._ears.values()]
        if strict and troubles and all(trouble is not None for trouble in troubles):
            raise _as_listener_error(troubles[0])
        up = sum(ear.up.is_set() for ear in self._ears.values())
        _log.info("listener.ready", agents=len(self._ears), up=up)

    def _make_link(self, ear: Ear) -> Link:
        agent = ear.agent

        def session() -> Session:
            return Session(
                agent.id,
                agent.xmpp_secret.get_secret_value,
                self._where.endpoint,
                tls=self._tls,
                resource=make_resource(agent.id, self._token),
                on_notification=self.service.hear,
                on_finesse_presence=lambda available: self.service.finesse_present(
                    agent.id, available=available
                ),
                timings=Timings(
                    connect=self._settings.timings.connect_deadline,
                    ping_every=self._settings.timings.ping_interval,
                    ping_answer=self._settings.timings.ping_timeout,
                ),
            )

        return Link(
            agent.id,
            make_session=session,
            events=ear,
            backoff=Backoff(),
            gate=self._handshakes,
            random=self._jitter.random,
            endpoint_ready=self._where.in_service,
        )

    async def close(self, grace: float) -> int:
        """Refuse new requests, give open ones up to `grace` seconds; return how many are left."""
        return await self.service.close(grace)

    async def _close(self) -> None:
        await self.service.close()
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


class EventStream:
    """The events of one reader; leaves the feed when closed, or when it is a thousand behind."""

    def __init__(self, service: Service, agent: str | None) -> None:
        self._service = service
        self._subscription: Subscription = service.listen(agent)
        self._items = aiter(self._subscription)

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> FeedItem:
        return await anext(self._items)

    async def aclose(self) -> None:
        """Stop collecting."""
        self._service.stop_listening(self._subscription)


def _policy(settings: Settings) -> Policy:
    wanted = settings.requests
    return Policy(
        limits=Limits(
            wanted.max_pending, wanted.max_pending_per_agent, wanted.tombstone_minutes * 60
        ),
        gate=GateMode(wanted.gate.value),
        minimum_evidence=wanted.minimum_evidence,
        deadline=wanted.deadline,
        deadlines=tuple(wanted.deadlines.items()),
    )


def _wishes(
    deadline: float | None,
    request_id: str | None,
    minimum: MinimumEvidence | str | None,
    validate: bool,  # noqa: FBT001  passed on by name
    require_session: bool,  # noqa: FBT001  passed on by name
) -> Wishes:
    return Wishes(
        deadline=deadline,
        request_id=request_id,
        minimum_evidence=MinimumEvidence(minimum) if minimum is not None else None,
        validate=validate,
        require_session=require_session,
    )


def _credentials(agent: Agent) -> Basic | Bearer:
    if agent.token is not None:
        return Bearer(agent.token)
    return Basic(agent.id, agent.xmpp_secret)


def _as_listener_error(trouble: Exception | None) -> ListenerError:
    return trouble if isinstance(trouble, ListenerError) else Unreachable(str(trouble))

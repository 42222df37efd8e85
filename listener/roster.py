"""All agents that are held: their ears, their credentials, one gate for handshakes.

Knows who is there and lets them come and go; what an ear does with its session is `crew`'s.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import TypeVar

from pydantic import SecretStr

from listener import logs
from listener.alarms import BATCH, Alarms
from listener.correlation.steps import Look
from listener.crew import AgentStatus, Ear, Paces
from listener.dialling import Dialling
from listener.errors import ConfigurationError, UnknownAgent
from listener.rest import Rest
from listener.service import Service
from listener.settings import Settings
from listener.settings.model import Agent
from listener.signing import Signing, refused_words
from listener.translation import RestWire
from listener.whereabouts import Whereabouts

MAX_PICTURES = 25  # read at once: half of the connections to a node, the rest is for requests
OUT_OF_SERVICE = "Finesse is out of service"

_Read = TypeVar("_Read")

_log = logs.get(__name__)


class Roster:
    """Holds the sessions of agents. Made inside a running loop.

    Who is held changes in one step, without a wait, so that callers who change it at the same time
    (the API, a reload, the drop-in) need no lock: what one has looked at holds until it awaits. A
    session begins when the former one of that agent has ended; there are never two.

    `tls` returns the context for a session that is made now.
    `changed` is called with an agent's status when its session came, went, or was given up.
    """

    def __init__(
        self,
        settings: Settings,
        rest: Rest,
        wire: RestWire,
        where: Whereabouts,
        *,
        tls: Callable[[], ssl.SSLContext],
        service: Callable[[], Service],
        paces: Paces,
        changed: Callable[[AgentStatus], None] = lambda _status: None,
    ) -> None:
        self.ears: dict[str, Ear] = {}
        self._settings = settings
        self._rest = rest
        self._wire = wire
        self._where = where
        self._service = service
        self._paces = paces
        self._changed = changed
        self._ids: set[str] = set()  # of those in `ears`, `casefold`ed
        self._origins: dict[str, str] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: dict[str, set[asyncio.Task[None]]] = {}  # by the agent's id, `casefold`ed
        self._pictures = asyncio.Semaphore(MAX_PICTURES)
        self._signing = Signing(rest)
        self.withheld = self._signing.withheld
        """Agents whose password or token Finesse refused: see `withhold_credentials`."""
        self.revision = 0
        """Another number whenever agents came, went, or have other credentials."""
        self._alarms = Alarms()
        self._jitter = random.Random()  # noqa: S311  spreads retries, guards nothing
        self.dialling = Dialling(
            settings,
            where,
            self._signing,
            tls=tls,
            service=service,
            backoff=paces.backoff,
            chance=self._jitter.random,
        )
        """Makes the sessions, and names them."""
        where.lenders.held = self._lenders
        where.alarm = self._alarm
        rest.refused = self._refused

    def __repr__(self) -> str:
        return f"<Roster {self.up} of {len(self.ears)} up>"

    @property
    def up(self) -> int:
        """How many sessions hear now."""
        return sum(ear.up.is_set() for ear in self.ears.values())

    def status(self) -> Mapping[str, AgentStatus]:
        """Return how each agent's session is."""
        return {id_: ear.status() for id_, ear in self.ears.items()}

    def ear(self, agent: str) -> Ear:
        """Return an agent's ear; UnknownAgent when it is not held."""
        if agent not in self.ears:
            raise UnknownAgent(f"agent {agent} is not configured")
        return self.ears[agent]

    def holds(self, agent: str) -> bool:
        """Say whether an agent is held, in whatever spelling."""
        return agent.casefold() in self._ids

    def extension(self, agent: str) -> str | None:
        """Return the extension that the settings give an agent."""
        ear = self.ears.get(agent)
        return ear.agent.extension if ear is not None else None

    def origin(self, agent: str) -> str:
        """Return who wanted that agent: "configured", "api" or "dropin"."""
        return self._origins.get(agent, "configured")

    def count(self, origin: str) -> int:
        """Return how many agents came that way."""
        return sum(each == origin for each in self._origins.values())

    # -- come and go ------------------------------------------------------------------------

    def add(self, agent: Agent, *, origin: str = "configured", plainly: bool = True) -> None:
        """Begin to hold an agent; ConfigurationError when it is held already.

        `origin` says who wanted it: "configured", "api" or "dropin". `plainly`: see
        `change_credentials`.
        """
        if self.holds(agent.id):
            raise ConfigurationError(f"agent {agent.id} is held already; each agent is held once")
        self.revision += 1
        self._signing.use(agent, plainly=plainly)
        self._where.credentials_changed(agent.id)
        ear = Ear(
            agent,
            make_link=self.dialling.link,
            picture=self._picture,
            signed_in=self._signed_in,
            service=self._service,
            place=self._where,
            paces=self._paces,
            changed=self._changed,
            chance=self._jitter.random,
            refused=partial(self._signing.refused_by_sasl, agent.id),
            taken=partial(self._taken, agent.id),
        )
        self.ears[agent.id] = ear
        self._ids.add(agent.id.casefold())
        self._origins[agent.id] = origin
        self._running[agent.id] = asyncio.create_task(self._run(ear), name=f"ear {agent.id}")

    async def remove(self, agent: str) -> None:
        """End an agent's session with a goodbye; UnknownAgent when it is not held.

        It is not held from the moment of the call. Its open requests go on without being heard,
        and end by their deadlines.
        """
        self.dismiss(agent)
        await self.departed((agent,))

    async def replace(
        self, agent: Agent, *, origin: str | None = None, plainly: bool = True
    ) -> None:
        """Hold an agent by other settings: its session ends and another one begins.

        The new settings hold from the moment of the call; it returns when the former session has
        ended. `origin` stays as it was when None. `plainly`: see `change_credentials`. Raises
        UnknownAgent.
        """
        origin = origin or self.origin(agent.id)
        self.dismiss(agent.id)
        self.add(agent, origin=origin, plainly=plainly)
        await self.departed((agent.id,))

    def dismiss(self, agent: str) -> None:
        """Hold an agent no more; its session ends beside. UnknownAgent when it is not held."""
        ear = self.ear(agent)
        self.revision += 1
        del self.ears[agent]
        self._ids.discard(agent.casefold())
        self._origins.pop(agent, None)
        task = self._running.pop(agent)
        self._leaving.setdefault(agent.casefold(), set()).add(task)
        self._signing.drop(agent)
        task.add_done_callback(partial(self._left, ear))
        task.cancel()

    async def departed(self, agents: Collection[str]) -> None:
        """Wait until the sessions that these agents had before have ended."""
        former = [task for agent in agents for task in self._leaving.get(agent.casefold(), ())]
        if former:
            await asyncio.wait(former)

    async def _run(self, ear: Ear) -> None:
        await self.departed((ear.agent.id,))
        await ear.run()

    def _left(self, ear: Ear, task: asyncio.Task[None]) -> None:
        tasks = self._leaving[ear.agent.id.casefold()]
        tasks.discard(task)
        if not tasks:
            del self._leaving[ear.agent.id.casefold()]
        ear.tried.set()  # it may have ended before it began
        if ear.agent.id not in self.ears:  # nobody added it again meanwhile
            self._rest.forget(ear.agent.id)
        self._changed(ear.status())

    def change_credentials(
        self,
        agent: str,
        *,
        password: SecretStr | None,
        token: SecretStr | None,
        plainly: bool = True,
    ) -> None:
        """Replace an agent's password or token; the session that is up stays.

        Unless somebody means them `plainly`, credentials that Finesse refused since it took any of
        this agent are not tried again: each refusal counts towards the lock of the account.
        """
        ear = self.ear(agent)
        self.revision += 1
        ear.agent = ear.agent.model_copy(update={"password": password, "token": token})
        if self._signing.use(ear.agent, plainly=plainly):
            self._where.credentials_changed(agent)
            ear.credentials_changed()
        else:
            self._tell_withheld(ear, "they were refused before, and nothing else was since")

    def trust_renewed(self) -> None:
        """Let those try again at once whose sessions a refused certificate holds up."""
        for ear in self.ears.values():
            ear.trust_renewed()

    def is_refused(self, agent: str) -> bool:
        """Say whether Finesse refused the credentials that an agent has now."""
        return self._signing.is_refused(self.ear(agent).agent)

    def withhold_credentials(self, agent: str) -> None:
        """Use an agent's password or token no more until it is replaced; the session stays up.

        Whoever gave it is known to have another one now, and each try of ours would count towards
        the lock of the account.
        """
        ear = self.ear(agent)
        self.revision += 1
        self._signing.withhold(ear.agent.id)

    def _taken(self, agent: str) -> None:
        """Hear that SASL took an agent's credentials: what was refused is right after all."""
        ear = self.ears.get(agent)
        if ear is None:
            return
        # SystemInfo refused them perhaps, once too often: that was not for the password.
        self._where.credentials_changed(agent)
        if self._signing.taken(ear.agent):
            self.revision += 1
            ear.excuse()
            _log.info("credentials.used", agent=agent)

    def is_unheard(self, agent: str) -> bool:
        """Say whether an agent does not hear, its login being shown to SystemInfo no more."""
        return not self.ear(agent).up.is_set() and self._where.lenders.is_spent(agent)

    # -- asked ------------------------------------------------------------------------------

    async def ping(self, agent: str, within: float) -> bool:
        """Ping over that agent's session; False when there is none."""
        ear = self.ears.get(agent)
        return ear is not None and await ear.ping(within)

    def serving(self, *, in_service: bool, node: str | None = None) -> None:
        """Take in what Finesse published about itself over a session at that node.

        None: of all nodes, which are looked at anew.
        """
        if node is not None:
            self._where.said(node, in_service=in_service)
        elif not in_service:
            self._alarms.signal(tuple(self.ears.values()), OUT_OF_SERVICE)

    def _alarm(self, node: str, why: str) -> None:
        """Let those hear it whose sessions are at a node that is out."""
        self._alarms.signal(tuple(ear for ear in self.ears.values() if ear.node == node), why)

    def _lenders(self) -> Iterator[str]:
        """Yield who may lend credentials: those first who have a session."""
        held = [id_ for id_ in self.ears if id_ not in self.withheld]
        held.sort(key=lambda id_: self.ears[id_].node is None)
        return (id_ for id_ in held if not self.is_refused(id_))  # by SASL

    def _refused(self, agent: str, why: str) -> None:
        """Hear from the REST side that Finesse refused an agent's credentials."""
        if agent in self.ears and agent not in self.withheld:
            self.revision += 1
            self._signing.refused_by_rest(self.ears[agent].agent)
            self._tell_withheld(self.ears[agent], why)

    def _tell_withheld(self, ear: Ear, why: str) -> None:
        detail = f"not used until they are replaced, for Finesse refused them: {why}"
        _log.error("credentials.withheld", agent=ear.agent.id, detail=detail)
        ear.refuse(refused_words(ear.agent.id))

    async def _picture(self, agent: str) -> Look:
        return await self._with_credentials(agent, self._wire.picture)

    async def _signed_in(self, agent: str) -> bool:
        return await self._with_credentials(agent, self._wire.signed_in)

    async def _with_credentials(self, agent: str, read: Callable[[str], Awaitable[_Read]]) -> _Read:
        """Read something in an agent's name, when its turn comes; CredentialsRefused."""
        async with self._pictures:
            if agent in self.withheld:
                raise refused_words(agent)
            return await read(agent)

    def hurry(self) -> None:
        """Let the sessions end without a goodbye."""
        for ear in self.ears.values():
            ear.hurry()

    async def aclose(self) -> None:
        """End all sessions; few begin to end in one turn of the loop."""
        leaving = chain.from_iterable(self._leaving.values())
        tasks = [*self._alarms.tasks, *self._running.values(), *leaving]
        left = deque(tasks)
        try:
            while left:
                for _ in range(min(BATCH, len(left))):
                    left.popleft().cancel()
                await asyncio.sleep(0)
        finally:
            for task in left:  # we were cancelled ourselves
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""One agent's ears: its link, the session that is up, and what happens when it comes or goes.

Between the link (which keeps a session alive) and the service (which must know what was missed).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from listener import logs
from listener.correlation.steps import Look
from listener.errors import ListenerError
from listener.service import Service
from listener.settings.model import Agent, Connect
from listener.xmpp.contract import Ending
from listener.xmpp.link import Link, LinkEvents, LinkState, SessionLike
from listener.xmpp.policy import words_of
from listener.xmpp.session import Session

RECONCILE_AGAIN = (0.5, 1.0, 2.0, 4.0)  # seconds; the last one repeats
WATCH_EVERY = 15.0  # seconds between two looks at an agent who is signed out

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How an agent's session is. `since` is the loop's clock."""

    agent: str
    state: str
    live: bool
    host: str | None
    since: float
    last_error: str | None


class Ear(LinkEvents):
    """One agent: holds the link, tells the service, and remembers the first trouble."""

    def __init__(
        self,
        agent: Agent,
        *,
        make_link: Callable[[Ear], Link],
        picture: Callable[[str], Awaitable[Look]],
        service: Callable[[], Service],
        in_service: Callable[[], Awaitable[None]],
    ) -> None:
        self.agent = agent
        self.trouble: Exception | None = None
        self.tried = asyncio.Event()  # the first attempt is over, or none is due
        self.up = asyncio.Event()
        self._make_link = make_link
        self._picture = picture
        self._service = service
        self._in_service = in_service
        self._session: Session | None = None
        self._link: Link | None = None
        self._running: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Ear {self.agent.id} {self.status().state}>"

    # -- told by the link -------------------------------------------------------------------

    async def opened(self, session: SessionLike) -> None:
        """Tidy the subscriptions, read the picture, and tell the service that we hear."""
        self._session = cast("Session", session)
        for trouble in await self._session.tidy(frozenset(self.agent.subscriptions)):
            _log.warning("subscription.refused", agent=self.agent.id, detail=trouble)
        await self._in_service()
        self._service().session_up(self.agent.id, await self._reconcile())
        self.trouble = None
        self.up.set()
        self.tried.set()

    async def _reconcile(self) -> Look:
        """Read the picture until it can be read; the link cancels this when the session ends."""
        attempt = 0
        while not (look := await self._picture(self.agent.id)).ok:
            _log.warning("snapshot.failed", agent=self.agent.id, attempt=attempt + 1)
            self.trouble = self.trouble or ListenerError(
                f"Finesse's REST API does not show agent {self.agent.id} its dialogs"
            )
            self.tried.set()
            await asyncio.sleep(RECONCILE_AGAIN[min(attempt, len(RECONCILE_AGAIN) - 1)])
            attempt += 1
        return look

    def lost(self, trouble: Exception | Ending, retry_in: float | None) -> None:
        """Tell the service that events may be lost from now on."""
        del retry_in  # the link logs it
        self._away(trouble)
        self.tried.set()

    def stopped(self, reason: str) -> None:
        """Leave it as it is: a person has to act, and the link has logged why."""

    def _away(self, trouble: Exception | Ending) -> None:
        self.trouble = trouble if isinstance(trouble, Exception) else ListenerError(trouble.detail)
        self.up.clear()
        self._session = None
        self._service().session_down(self.agent.id, words_of(trouble))

    # -- asked ------------------------------------------------------------------------------

    async def ping(self, within: float) -> bool:
        """Ping over the session that is up; False when there is none."""
        session = self._session
        return session is not None and self.up.is_set() and await session.ping(within)

    def status(self) -> AgentStatus:
        """Say how the session is."""
        link = self._link
        return AgentStatus(
            agent=self.agent.id,
            state=link.state if link is not None else "signed_out",
            live=self.up.is_set(),
            host=self._session.host if self._session is not None else None,
            since=link.since if link is not None else 0.0,
            last_error=str(self.trouble) if self.trouble is not None else None,
        )

    def credentials_changed(self) -> None:
        """Try again after a refused password was replaced."""
        if self._link is not None:
            self._link.credentials_changed()

    # -- life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the session: always, or while the agent is signed in. Ends when cancelled."""
        try:
            if self.agent.connect is Connect.ALWAYS:
                self._start()
                await asyncio.shield(cast("asyncio.Task[None]", self._running))
            else:
                await self._while_signed_in()
        finally:
            await self._stop()

    async def _while_signed_in(self) -> None:
        while True:
            signed_in = await self._signed_in()
            if signed_in and self._link is None:
                self._start()
            elif signed_in is False and self._link is not None:
                await self._stop()
            if not signed_in:
                self.tried.set()
            await asyncio.sleep(WATCH_EVERY)

    async def _signed_in(self) -> bool | None:
        """Ask Finesse; None when it does not say (then nothing changes)."""
        look = await self._picture(self.agent.id)
        if not look.ok or look.user is None:
            return None
        return look.user.state not in {None, "", "LOGOUT"}

    def _start(self) -> None:
        self._link = self._make_link(self)
        self._running = asyncio.create_task(self._link.run(), name=f"link {self.agent.id}")

    async def _stop(self) -> None:
        link, self._link = self._link, None
        running, self._running = self._running, None
        if link is None or running is None:
            return
        was_up = link.state is LinkState.UP
        await link.close()
        await asyncio.wait((running,))
        if was_up:
            self._away(ListenerError("the session was ended by us"))

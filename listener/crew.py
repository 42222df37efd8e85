"""One agent's ears: its link, the session that is up, and what happens when it comes or goes.

Between the link (which keeps a session alive) and the service (which must know what was missed).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, cast

from listener import logs
from listener.correlation.steps import Look
from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.outage import Outage
from listener.service import Service
from listener.settings.model import Agent, Connect
from listener.xmpp.contract import Ending, Endpoint, as_error
from listener.xmpp.link import Link, LinkEvents, SessionLike
from listener.xmpp.policy import Backoff, words_of
from listener.xmpp.session import Session

_ABOUT_THE_NODE = (Unreachable, NotFinesse, CertificateRefused)

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Paces:
    """How often things are tried again, in seconds; tests make them short.

    `reconcile_again`: the waits before the picture is read again, the last one repeats.
    `watch_every`: between two looks at an agent who is held only while signed in. `ask_again`:
    between two SystemInfo while Finesse is out of service (Finesse's desktop takes 20 s too).
    """

    backoff: Backoff = field(default_factory=Backoff)
    reconcile_again: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    watch_every: float = 15.0
    ask_again: float = 20.0


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How an agent's session is. `since` is the loop's clock."""

    agent: str
    state: str
    live: bool
    host: str | None
    since: float
    last_error: str | None


class Place(Protocol):
    """Where Finesse is (`whereabouts`)."""

    async def still(self, agent: str, endpoint: Endpoint) -> None:
        """Return when that node says, asked now, that it is in service; else raise."""
        ...

    def blame(self, endpoint: Endpoint) -> bool:
        """Hear that no session could be made to that node; say whether there is another."""
        ...


class Ear(LinkEvents):
    """One agent: holds the link, tells the service, and remembers the last trouble.

    `picture` reads the user and the dialogs, `signed_in` whether the agent is; both raise a
    ListenerError when Finesse does not say. `tried` is set once the first attempt is over or none
    is due; `up` while the session hears; `decided` while it hears or only a person can help.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        make_link: Callable[[Ear], Link],
        picture: Callable[[str], Awaitable[Look]],
        signed_in: Callable[[str], Awaitable[bool]],
        service: Callable[[], Service],
        place: Place,
        paces: Paces,
        changed: Callable[[AgentStatus], None] = lambda _status: None,
    ) -> None:
        self.agent = agent
        self.trouble: ListenerError | None = None
        self.aimed: Endpoint | None = None  # where the attempt goes that is being made
        self.tried = asyncio.Event()
        self.up = asyncio.Event()
        self.decided = asyncio.Event()
        self._make_link = make_link
        self._picture = picture
        self._signed_in = signed_in
        self._service = service
        self._place = place
        self._paces = paces
        self._tell = changed
        self._session: Session | None = None
        self._link: Link | None = None
        self._running: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._hurried = self._failed = False
        self._lost_by: str | None = None
        self._outage = Outage(
            agent.id, check=self._in_service, renew=self._hear_again, every=paces.ask_again
        )

    def __repr__(self) -> str:
        return f"<Ear {self.agent.id} {self.status().state}>"

    # -- told by the link -------------------------------------------------------------------

    async def opened(self, session: SessionLike) -> None:
        """Tidy the subscriptions, read the picture, and tell the service that we hear."""
        await self._outage.end()
        if self._lost_by is not None:
            self._service().tally.reconnects[self._lost_by] += 1
            self._lost_by = None
        self._session = mine = cast("Session", session)
        self.aimed = None
        for trouble in await mine.tidy(frozenset(self.agent.subscriptions)):
            _log.warning("subscription.refused", agent=self.agent.id, detail=trouble)
        await self._in_service()
        await self._hear_again()

    async def _in_service(self) -> None:
        if self._session is None:
            raise Unreachable(f"agent {self.agent.id} has no session")
        await self._place.still(self.agent.id, self._session.endpoint)

    async def _hear_again(self) -> None:
        self._service().session_up(self.agent.id, await self._reconcile())
        self.trouble = None
        self.up.set()
        self.decided.set()
        self.tried.set()
        self._changed_to()

    def _changed_to(self) -> None:
        self._tell(self.status())

    def serving(self, *, in_service: bool) -> None:
        """Hear over the live session that Finesse went out of, or came back into, service."""
        if in_service:
            self._outage.may_be_over()
        elif self.up.is_set():
            self.up.clear()
            self.decided.clear()
            self._service().session_down(self.agent.id, "Finesse is out of service")
            self._outage.begin()
            self._changed_to()

    async def _reconcile(self) -> Look:
        """Read the picture until it can be read; the link cancels this when the session ends."""
        waits, attempt = self._paces.reconcile_again, 0
        while True:
            try:
                return await self._picture(self.agent.id)
            except ListenerError as trouble:
                self.trouble = trouble
            attempt += 1
            _log.warning(
                "snapshot.failed", agent=self.agent.id, attempt=attempt, detail=str(self.trouble)
            )
            self.tried.set()
            await asyncio.sleep(waits[min(attempt, len(waits)) - 1])

    def lost(self, trouble: Exception | Ending, retry_in: float | None) -> None:
        """Tell the service that events may be lost from now on."""
        del retry_in  # the link logs it
        self.trouble = _as_error(trouble)
        if self._session is not None:  # it was up, and will be again: a reconnect
            self._lost_by = str(trouble.cause) if isinstance(trouble, Ending) else "failed"
        aimed, self.aimed = self.aimed, None
        self._away(words_of(trouble))
        about_it = aimed if isinstance(self.trouble, _ABOUT_THE_NODE) else None
        elsewhere = about_it is not None and self._place.blame(about_it)
        if self._failed or not elsewhere:  # else the other node is tried before it counts
            self.tried.set()
        self._failed = True
        self._changed_to()

    def stopped(self, reason: str) -> None:
        """Leave it as it is: a person has to act, and the link has logged why."""
        del reason
        self.decided.set()
        self._changed_to()

    def _away(self, cause: str, *, on_purpose: bool = False) -> None:
        self._outage.stop()
        self.up.clear()
        self.decided.clear()
        self._session = None
        self._service().session_down(self.agent.id, cause, on_purpose=on_purpose)

    # -- asked ------------------------------------------------------------------------------

    async def ping(self, within: float) -> bool:
        """Ping over the session that is up; False when there is none, and as soon as it ends."""
        session = self._session
        return session is not None and self.up.is_set() and await session.ping(within)

    def status(self) -> AgentStatus:
        """Say how the session is."""
        link = self._link
        return AgentStatus(
            agent=self.agent.id,
            state=str(link.state) if link is not None else "signed_out",
            live=self.up.is_set(),
            host=self._session.host if self._session is not None else None,
            since=link.since if link is not None else 0.0,
            last_error=str(self.trouble) if self.trouble is not None else None,
        )

    def credentials_changed(self) -> None:
        """Try again after a refused password was replaced."""
        self.decided.clear()
        self._changed.set()
        if self._link is not None:
            self._link.credentials_changed()

    # -- life -------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Leave without a goodbye when the time comes: nothing is waited for."""
        self._hurried = True

    async def run(self) -> None:
        """Keep the session: always, or while the agent is signed in. Ends when cancelled."""
        try:
            if self.agent.connect is Connect.ALWAYS:
                await asyncio.shield(self._start())
            else:
                await self._while_signed_in()
        except Exception as fault:  # noqa: BLE001  one agent's fault must not end the others
            _log.exception("session.failed", agent=self.agent.id, error=type(fault).__name__)
            self.trouble = _as_error(fault)
        finally:
            await self._stop()
            self.tried.set()

    async def _while_signed_in(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._follow(signed_in=await self._signed_in(self.agent.id))
            except CredentialsRefused as refused:
                # No session: this is the password. Five refusals lock an account, so one is enough.
                await self._give_up(refused)
            except ListenerError as trouble:
                # Finesse does not say: nothing changes.
                self.trouble = self.trouble or trouble
                self.tried.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._paces.watch_every):
                    await self._changed.wait()

    async def _follow(self, *, signed_in: bool) -> None:
        if signed_in and self._link is None:
            self._start()
        elif not signed_in:
            self.trouble = None
            await self._stop()
            self.tried.set()

    async def _give_up(self, refused: CredentialsRefused) -> None:
        if self._link is not None:
            return  # only SASL ends a session that is there
        _log.error("session.refused", agent=self.agent.id, detail=str(refused))
        self.trouble = refused
        self.decided.set()
        self.tried.set()
        await self._changed.wait()

    def _start(self) -> asyncio.Task[None]:
        self._link = self._make_link(self)
        self._running = asyncio.create_task(self._link.run(), name=f"link {self.agent.id}")
        return self._running

    async def _stop(self) -> None:
        link, self._link = self._link, None
        running, self._running = self._running, None
        if link is None or running is None:
            return
        try:
            await self._outage.end()
            await link.close(graceful=not self._hurried)
        finally:
            running.cancel()  # it has ended, but for when we were cancelled in the line above
            await asyncio.gather(running, return_exceptions=True)
            if self._session is not None:
                self._away("the session was ended by us", on_purpose=True)


def _as_error(trouble: Exception | Ending) -> ListenerError:
    if isinstance(trouble, Ending):
        return as_error(trouble)
    return trouble if isinstance(trouble, ListenerError) else Unreachable(words_of(trouble))

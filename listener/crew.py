"""One agent's ears: its link, the session that is up, and what happens when it comes or goes.

Between the link (which keeps a session alive) and the service (which must know what was missed).

While Finesse is out of service on a live stream no events flow, so nothing may be presumed: a
SystemInfo event other than IN_SERVICE, or the user `finesse` going unavailable, begins a gap. The
session itself stays up, for its presence keeps the agent signed in, until it may be used again or
another one is there at the other node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

from listener import logs
from listener.aiming import Aiming, is_about_the_node
from listener.correlation.steps import Look
from listener.errors import (
    CredentialsRefused,
    ListenerError,
    Unreachable,
)
from listener.pacing import AgentStatus, Paces
from listener.reconciling import reconcile
from listener.service import Service
from listener.settings.model import Agent, Connect
from listener.watching import Watching
from listener.whereabouts import Whereabouts
from listener.xmpp.contract import Cause, Ending, as_error
from listener.xmpp.link import Link, LinkEvents, SessionLike
from listener.xmpp.policy import words_of
from listener.xmpp.session import Session

__all__ = ["AgentStatus", "Ear", "Paces"]

_CUT = frozenset({Cause.LINK_LOST, Cause.PING_TIMEOUT})

_log = logs.get(__name__)


class Ear(LinkEvents):
    """One agent: holds the link, tells the service, and remembers the last trouble.

    `picture` reads the user and the dialogs, `signed_in` whether the agent is; both raise a
    ListenerError when Finesse does not say. `tried` is set once the first attempt is over or none
    is due; `up` while the session hears; `decided` while it hears or only a person can help.
    `refused` and `taken` are called when SASL refused what the agent signs in with, or took it.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        make_link: Callable[[Ear], Link],
        picture: Callable[[str], Awaitable[Look]],
        signed_in: Callable[[str], Awaitable[bool]],
        service: Callable[[], Service],
        place: Whereabouts,
        paces: Paces,
        changed: Callable[[AgentStatus], None] = lambda _status: None,
        chance: Callable[[], float] = lambda: 0.5,
        refused: Callable[[], None] = lambda: None,
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        self.agent = agent
        self.trouble: ListenerError | None = None
        self._refusal: CredentialsRefused | None = None  # of what it has to sign in with
        self.tried = asyncio.Event()
        self.up = asyncio.Event()
        self.decided = asyncio.Event()
        self._make_link = make_link
        self._picture = picture
        self._service = service
        self._place = place
        self._paces = paces
        self._tell = changed
        self._turned = 0.0  # when it began to hear, or to hear no more, on the loop's clock
        self._session: Session | None = None  # the one that is used
        self.aim = Aiming(
            agent.id,
            place,
            used=lambda: self._session,
            waits=self._waits,
            refused=self._refused_by_sasl,
        )
        """Where its sessions are made."""
        self._signals = 0  # how often something was said against it
        self._link: Link | None = None
        self._running: asyncio.Task[None] | None = None
        self._by_sasl = refused
        self._taken = taken
        self._changed = asyncio.Event()  # other credentials; another one after each time
        self._watching = Watching(
            agent.id,
            self,
            signed_in=signed_in,
            place=place,
            every=paces.watch_every,
            chance=chance,
        )
        self._hurried = False
        self._lost_by: str | None = None
        self._ungranted: frozenset[str] = frozenset()  # subscriptions, in words, as told

    def __repr__(self) -> str:
        return f"<Ear {self.agent.id} {self.status().state}>"

    # -- where sessions are made ---------------------------------------------------------------

    def _refused_by_sasl(self, refused: CredentialsRefused) -> None:
        self._by_sasl()
        self.refuse(refused)

    def _waits(self, trouble: ListenerError) -> None:
        """Take note of why it takes longer: no node may be used."""
        news = str(trouble) != str(self.trouble)
        self.trouble = trouble
        self.tried.set()
        if self._link is not None:
            self._link.waits(str(trouble))
        if news:
            self._changed_to()

    # -- told by the link -------------------------------------------------------------------

    async def opened(self, session: SessionLike) -> None:
        """Tidy the subscriptions, read the picture, and tell the service that we hear.

        Called again over the same session when something was said against it meanwhile.
        """
        mine = cast("Session", session)
        if mine is not self._session:
            self._take_up(mine)
            refused = frozenset(await mine.tidy(frozenset(self.agent.subscriptions)))
            if not mine.over:  # else nobody refused anything: the next session asks again
                self._tell_ungranted(refused)
        while True:
            signals = self._signals
            await self._place.usable(self.agent.id, mine.endpoint, self._waits)
            look = await reconcile(self.agent.id, self._picture, self, self._paces.reconcile_again)
            if signals == self._signals:
                break
        if mine.over:
            return  # the link is about to tell that it was lost
        self._service().session_up(self.agent.id, look)
        self.trouble = None
        self.aim.came()
        self.up.set()
        self._turned = _clock()
        self.decided.set()
        self.tried.set()
        self._tell(replace(self.status(), state="up"))  # its link hears of that in a moment

    def _tell_ungranted(self, refused: frozenset[str]) -> None:
        for trouble in sorted(refused - self._ungranted):  # once, not at each session
            _log.warning("subscription.refused", agent=self.agent.id, detail=trouble)
        self._ungranted = refused

    def _take_up(self, mine: Session) -> None:
        """Use a new session from now on: the first one, or in place of one at another node."""
        agent, former = self.agent.id, self._session
        if self._lost_by is not None:
            self._service().tally.reconnects[self._lost_by] += 1
            self._lost_by = None
        if former is not None:
            self._deafen(f"moved to {mine.host}")
            self._place.gone(agent, former.endpoint)
        self._session = mine
        self._taken()
        self._place.connected(agent, mine.endpoint)
        available = self._place.view(agent, mine.endpoint) is not False  # unknown is not down
        self._service().finesse_present(agent, available=available)
        if former is not None:
            self._changed_to()  # nothing is heard for sure until the picture was read there

    def _changed_to(self) -> None:
        self._tell(self.status())

    def presence(self, session: Session, *, available: bool) -> None:
        """Hear of the user `finesse` at the node of a session of ours."""
        if session is not self._session and not self.aim.is_made(session):
            return  # it was left
        self._place.saw(self.agent.id, session.endpoint, available=available)
        if session is self._session:
            self._service().finesse_present(self.agent.id, available=available)
            if not available:
                self.signal("the user finesse is unavailable")

    def signal(self, why: str) -> None:
        """Take note that nothing may be presumed of the session that is up until it was looked at.

        Its link reconciles anew as soon as the node may be used; it stays up meanwhile.
        """
        self._signals += 1
        if self.up.is_set() and self._link is not None:
            self._deafen(why)
            self._link.renew()
            self._changed_to()

    def unread(self, trouble: ListenerError) -> None:
        """Take note of why the picture could not be read."""
        self.trouble = trouble
        if self._link is not None:
            self._link.waits(str(trouble))
        self.tried.set()

    async def wait_for_credentials(self, refused: ListenerError, changed: asyncio.Event) -> None:
        """Wait until `changed`: the session stays meanwhile, for only SASL ends it."""
        self.trouble = refused
        if self._link is not None:
            self._link.waits(str(refused))
        self.decided.set()
        self.tried.set()
        self._changed_to()
        await changed.wait()

    def refuse(self, refused: CredentialsRefused) -> None:
        """Take note that Finesse refused the agent's credentials, until they are replaced."""
        self._refusal = refused
        if self._session is not None:  # else the link tells
            self._changed_to()

    def excuse(self) -> None:
        """Take note that they are right after all, and used again."""
        self._refusal = None
        if isinstance(self.trouble, CredentialsRefused):
            self.trouble = None

    def lost(self, trouble: Exception | Ending, retry_in: float | None) -> None:
        """Tell the service that events may be lost from now on."""
        self.trouble = _as_error(trouble)
        was_there = self._session is not None
        if self._session is not None:  # and will be again: a reconnect
            self._lost_by = str(trouble.cause) if isinstance(trouble, Ending) else "failed"
            if isinstance(trouble, Ending) and trouble.cause in _CUT:
                self._place.cut(
                    self.agent.id,
                    self._session.endpoint,
                    trouble.detail,
                    unanswered=trouble.cause is Cause.PING_TIMEOUT,
                )
        self._away(words_of(trouble))
        if retry_in is None:
            self._place.rests(self.agent.id)
        else:
            self._place.wants(self.agent.id)
        about_it = not was_there and is_about_the_node(self.trouble)
        if not about_it or self.aim.tried_all():  # else the other node comes first
            self.tried.set()
        self._changed_to()

    def stopped(self, reason: str) -> None:
        """Leave it as it is: a person has to act, and the link has logged why."""
        if self.trouble is None or str(self.trouble) != reason:  # of a session that is there
            self.trouble = Unreachable(reason)
        self.decided.set()
        self._changed_to()

    def _away(self, cause: str, *, on_purpose: bool = False) -> None:
        self.aim.forget_made()
        former, self._session = self._session, None
        if former is not None:
            self._place.gone(self.agent.id, former.endpoint)
        self._deafen(cause, on_purpose=on_purpose)

    def _deafen(self, cause: str, *, on_purpose: bool = False) -> None:
        if self.up.is_set():
            self._turned = _clock()
        self.up.clear()
        self.decided.clear()
        self._place.unsure(self.agent.id)
        self._service().session_down(self.agent.id, cause, on_purpose=on_purpose)

    # -- asked ------------------------------------------------------------------------------

    async def ping(self, within: float) -> bool:
        """Ping over the session that is up; False when there is none, and as soon as it ends."""
        session = self._session
        return session is not None and self.up.is_set() and await session.ping(within)

    def status(self) -> AgentStatus:
        """Say how the session is."""
        link = self._link
        state = str(link.state) if link is not None else "signed_out"
        if state == "up" and not self.up.is_set():
            state = "waiting"  # there is a session, which may not be used now
        trouble = self._refusal or self.trouble
        return AgentStatus(
            agent=self.agent.id,
            state=state,
            live=self.up.is_set(),
            host=self._session.host if self._session is not None else None,
            since=max(link.since, self._turned) if link is not None else 0.0,
            last_error=str(trouble) if trouble is not None else None,
        )

    @property
    def changed(self) -> asyncio.Event:
        """Set once there are other credentials; another one after each time."""
        return self._changed

    @property
    def is_held(self) -> bool:
        """Whether a session is kept."""
        return self._link is not None

    @property
    def has_session(self) -> bool:
        """Whether there is one now."""
        return self._session is not None

    @property
    def session(self) -> Session | None:
        """The session that is used now."""
        return self._session

    @property
    def node(self) -> str | None:
        """The name of the node at which its session is; None without one."""
        session = self._session
        return self._place.name_of(session.endpoint) if session is not None else None

    def credentials_changed(self) -> None:
        """Try again after a refused password was replaced."""
        if not self.up.is_set():
            self.decided.clear()
        self._refusal = None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._watching.look()
        if self._link is not None:
            self._link.credentials_changed()

    def trust_renewed(self) -> None:
        """Try again at once where a certificate was refused: others are trusted now."""
        self._watching.trust_renewed()
        if self._link is not None:
            self._link.trust_renewed()

    # -- life -------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Leave without a goodbye when the time comes: nothing is waited for."""
        self._hurried = True

    async def run(self) -> None:
        """Keep the session: always, or while the agent is signed in. Ends when cancelled."""
        try:
            if self.agent.connect is Connect.ALWAYS:
                await asyncio.shield(self.hold())
            else:
                await self._watching.run()
        except Exception as fault:  # noqa: BLE001  one agent's fault must not end the others
            _log.exception("session.failed", agent=self.agent.id, error=type(fault).__name__)
            self.trouble = _as_error(fault)
        finally:
            await self.let_go()
            self.tried.set()

    def hold(self) -> asyncio.Task[None]:
        """Keep a session from now on."""
        self._link = self._make_link(self)
        self._running = asyncio.create_task(self._link.run(), name=f"link {self.agent.id}")
        return self._running

    async def let_go(self) -> None:
        """Keep none any more; ends the one that is there."""
        link, self._link = self._link, None
        running, self._running = self._running, None
        if link is None or running is None:
            return
        try:
            await link.close(graceful=not self._hurried)
        finally:
            running.cancel()  # it has ended, but for when we were cancelled in the line above
            await asyncio.gather(running, return_exceptions=True)
            self._place.rests(self.agent.id)
            self.aim.forget_made()
            if self._session is not None:
                self._away("the session was ended by us", on_purpose=True)


def _as_error(trouble: Exception | Ending) -> ListenerError:
    if isinstance(trouble, Ending):
        return as_error(trouble)
    return trouble if isinstance(trouble, ListenerError) else Unreachable(words_of(trouble))


def _clock() -> float:
    return asyncio.get_running_loop().time()

"""The supervisor of one agent: keeps a session alive, by our policy, and tells its owner.

Knows attempts, waits and states. Must not know stanzas, payloads or how a session is made.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener import logs
from listener.errors import CredentialsRefused, ListenerError, Unreachable
from listener.xmpp.dismantling import without_frames
from listener.xmpp.notices import Notices
from listener.xmpp.opening import Left, open_there
from listener.xmpp.parties import Aim, Anywhere, LinkEvents, LinkState, SessionLike
from listener.xmpp.patience import Patience
from listener.xmpp.policy import Backoff, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.xmpp.contract import Ending
    from listener.xmpp.handshakes import Attempt, Handshakes

__all__ = ["Aim", "Link", "LinkEvents", "LinkState", "SessionLike"]

_log = logs.get(__name__)


class Link:
    """Keeps one agent connected from `run` to `close`, whatever happens to its sessions.

    `make_session` builds a fresh session for each attempt; `gate` bounds the handshakes of all
    links at once; `random` returns a number from 0 to 1 (for jitter); `aim` says where and when.
    Where it says that another node is used, a session is made there first, and the one that is up
    is closed, with a goodbye, in the moment in which the new one is there.
    `state`, `since` (the loop's clock) and `last_error` are for whoever asks how it is.
    """

    def __init__(
        self,
        agent: str,
        *,
        make_session: Callable[[], SessionLike],
        events: LinkEvents,
        backoff: Backoff,
        gate: Handshakes,
        random: Callable[[], float],
        aim: Aim | None = None,
    ) -> None:
        self.agent = agent
        self.state = LinkState.CONNECTING
        self.since = 0.0
        self.last_error: str | None = None
        self._make_session = make_session
        self._events = events
        self._backoff = backoff
        self._gate = gate
        self._aim: Aim = aim or Anywhere()
        self._missed: SessionLike | None = None
        self._waited = 0.0
        self._farewells: set[asyncio.Task[None]] = set()
        self._again = asyncio.Event()
        self._session: SessionLike | None = None  # the one that is used
        self._open: list[SessionLike] = []  # all that are to be closed
        self._host: str | None = None
        self._failures = 0
        self._patience = Patience(backoff, random)
        self._notices = Notices(agent, events)
        self._leaving = False
        self._closing = asyncio.Event()
        self._finished: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"<Link {self.agent} {self.state}>"

    # --- what the owner calls -------------------------------------------------------------------

    async def run(self) -> None:
        """Supervise until `close` or cancellation; raises nothing of its own."""
        if self._leaving:
            return
        self._finished = asyncio.Event()
        lives = asyncio.create_task(self._supervise(), name=f"link {self.agent}")
        stop = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait((lives, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            lives.cancel()
            stop.cancel()
            await asyncio.gather(lives, stop, *self._farewells, return_exceptions=True)
            self._turn(LinkState.CLOSED)
            self._finished.set()

    def credentials_changed(self) -> None:
        """Try again at once: leaves STOPPED, and cuts a wait short.

        What an attempt that is under way brings was said to the former ones, and stops nothing.
        """
        self._patience.credentials_changed()

    def trust_renewed(self) -> None:
        """Try again at once if a certificate was refused: others are trusted now."""
        self._patience.trust_renewed()

    def renew(self) -> None:
        """Have the owner reconcile once more over the session that is up; it stays."""
        self._again.set()

    def waits(self, why: str) -> None:
        """Take note that one has to wait, and why: for a session, or to use the one that is there.

        A session that was used before stays what it is: its owner says that it may not be used.
        """
        self.last_error = why
        if self.state is LinkState.CONNECTING:
            self._turn(LinkState.WAITING)

    async def close(self, *, graceful: bool = True) -> None:
        """End the session and `run`; returns when both have ended. Nobody is told of a loss."""
        self._leaving = True
        if graceful and self._session is not None:
            with suppress(Exception):
                await self._session.close(graceful=True)
        self._closing.set()
        if self._finished is not None:
            await self._finished.wait()
        self._turn(LinkState.CLOSED)

    # --- one life after the other ---------------------------------------------------------------

    async def _supervise(self) -> None:
        while True:
            trouble = await self._one_life()
            if self._leaving:
                return
            await self._recover(trouble)

    async def _one_life(self) -> Exception | Ending:
        """Make one session and live in it, and in those that follow it elsewhere.

        Returns why that ended: it is kept until there is another reason, so it leads to no frames.
        """
        self._turn(LinkState.CONNECTING)
        waited, self._waited = self._waited, 0.0
        try:
            session = await self._make(waited)
            assert session is not None  # it follows none
            return await self._live(session)
        except ListenerError as error:
            return without_frames(error)
        except Exception as error:  # noqa: BLE001  one agent's fault must not end the others
            _log.exception("link.failed", agent=self.agent, error=type(error).__name__)
            return without_frames(error)
        finally:
            self._session = None
            while self._open:
                with suppress(Exception):
                    await self._open.pop().close(graceful=False)

    async def _make(self, waited: float, former: SessionLike | None = None) -> SessionLike | None:
        """Make and open a session when the aim lets one; it is `self._session` then.

        None where `former` is at the right place after all.
        """
        while True:
            self._patience.considers()
            await self._aim.ready(waited)
            async with self._gate.one() as attempt:
                if former is not None and not self._aim.is_left(former):
                    self._aim.stayed()
                    return None
                with suppress(Left):  # then another node is used
                    self._session = await self._attempt(attempt, former)
                    self._patience.came()
                    return self._session
            waited = 0.0

    async def _attempt(self, attempt: Attempt, former: SessionLike | None) -> SessionLike:
        """Make and open one session; nothing is left of one that could not be opened."""
        self._patience.tries()
        session = self._make_session()
        if former is None:
            self._host = session.host
            self._turn(LinkState.CONNECTING)
        self._open.append(session)
        try:
            await open_there(session, self._aim, self.agent)
        except BaseException as trouble:
            if isinstance(trouble, ListenerError):
                attempt.failed()
            if isinstance(trouble, Exception):
                self._missed = session
                self._aim.missed(session, trouble)
            self._open.remove(session)
            with suppress(Exception):
                await session.close(graceful=False)
            raise
        attempt.came()
        return session

    async def _live(self, session: SessionLike) -> Exception | Ending:
        ending: Exception | Ending | None = None
        while ending is None:
            self._missed = None
            self._host = session.host
            _log.info("session.opened", agent=self.agent, host=session.host)
            born = asyncio.get_running_loop().time()
            ending, follower = await self._until_end(session)
            if asyncio.get_running_loop().time() - born >= self._backoff.stable:
                self._failures = 0
            if follower is not None:
                self._part_from(session)
                session = follower
        return ending

    async def _until_end(
        self, session: SessionLike
    ) -> tuple[Exception | Ending | None, SessionLike | None]:
        """Return why the session ended, or the session that follows it at another node."""
        closed = asyncio.create_task(session.closed())
        heard = asyncio.create_task(self._hear(session))
        moved = asyncio.create_task(self._move(session), name=f"move {self.agent}")
        tasks: tuple[asyncio.Task[Any], ...] = (closed, heard, moved)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if moved.done():
                return None, moved.result()
            if heard.done() and not closed.done():
                if heard.cancelled():
                    raise Unreachable("the reconciliation was cancelled")
                heard.result()
            return await closed, None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self, session: SessionLike) -> None:
        """Let the owner reconcile, now and whenever `renew` is called; raises what it raises."""
        while True:
            self._again.clear()
            await self._events.opened(session)
            self.last_error = None
            self._notices.calm()
            self._turn(LinkState.UP)
            await self._again.wait()

    async def _move(self, session: SessionLike) -> SessionLike:
        """Make the session that follows this one, once another node is used."""
        failures = 0
        while True:
            await self._aim.left(session)
            try:
                follower = await self._make(0.0, session)
            except ListenerError as trouble:
                await self._stay(trouble, failures)
                failures += 1
            else:
                if follower is not None:
                    return follower

    async def _stay(self, trouble: ListenerError, failures: int) -> None:
        """Wait before the next try to move; the session that is up stays meanwhile.

        Where only a person can help the link says STOPPED, until it may use its session again.
        """
        delay = self._patience.after(trouble, failures)
        self.last_error = words_of(trouble)
        host = self._missed.host if self._missed is not None else None
        if delay is None:
            self._notices.refused(trouble, host)
            self._aim.stayed()
            if isinstance(trouble, CredentialsRefused):
                self._patience.stays()
            self._turn(LinkState.STOPPED)
            self._notices.stopped(trouble)
        else:
            self._notices.retry(trouble, host, delay)
        await self._patience.changes(delay)

    def _part_from(self, session: SessionLike) -> None:
        """Close a session that another one has followed, beside."""

        async def farewell() -> None:
            with suppress(Exception):
                await session.close(graceful=True)

        self._open.remove(session)
        task = asyncio.create_task(farewell(), name=f"farewell {self.agent}")
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _recover(self, trouble: Exception | Ending) -> None:
        """Tell about the trouble, then wait as long as it deserves."""
        was_up = self.state is LinkState.UP
        delay = self._patience.after_loss(trouble, self._failures)
        self._failures += 1
        self.last_error = words_of(trouble)
        self._notices.lost(trouble, self._host, delay, was_up=was_up)
        self._turn(LinkState.STOPPED if delay is None else LinkState.WAITING)
        begun = asyncio.get_running_loop().time()
        elsewhere = None  # where it was tried is no reason to wait elsewhere
        if self._missed is not None and delay is not None:
            elsewhere = self._aim.left(self._missed)
        woken = await self._patience.hold_back(delay, elsewhere)
        # A word wakes many at once: what they waited before must not count towards their turns.
        self._waited = 0.0 if woken else asyncio.get_running_loop().time() - begun

    def _turn(self, state: LinkState) -> None:
        if self.state is not state or self.since == 0:
            self.state = state
            self.since = asyncio.get_running_loop().time()

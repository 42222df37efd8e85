"""The supervisor of one agent: keeps a session alive, by our policy, and tells its owner.

Knows attempts, waits and states. Must not know stanzas, payloads or how a session is made.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import structlog

from listener.errors import ListenerError, Unreachable
from listener.xmpp.policy import (
    Backoff,
    Remedy,
    cause_of,
    classify,
    next_delay,
    slow_delay,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.xmpp.contract import Ending

log = structlog.get_logger()


class SessionLike(Protocol):
    """What the link needs of a session."""

    @property
    def host(self) -> str:
        """The node it is made to."""
        ...

    async def open(self) -> None:
        """Connect, or raise a ListenerError."""
        ...

    async def closed(self) -> Ending:
        """Wait for the end."""
        ...

    async def close(self, *, graceful: bool = True) -> None:
        """End it."""
        ...


class LinkEvents(Protocol):
    """What the owner of a link is told. None of these may block for long but `opened`."""

    async def opened(self, session: SessionLike) -> None:
        """Reconcile over the new session; the link is up when this returns.

        Cancelled when the session ends meanwhile. An exception ends the session; the link retries.
        """
        ...

    def lost(self, trouble: Exception | Ending, retry_in: float | None) -> None:
        """Hear that an attempt failed or a session ended; None when the link stops.

        `retry_in` is in seconds. Comes for every failed attempt, not only for the first.
        """
        ...

    def stopped(self, reason: str) -> None:
        """Hear that the link waits for `credentials_changed`: a person has to act."""
        ...


class LinkState(StrEnum):
    """Where a link is in its life."""

    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    STOPPED = "stopped"
    CLOSED = "closed"


class Link:
    """Keeps one agent connected from `run` to `close`, whatever happens to its sessions.

    `make_session` builds a fresh session for each attempt; `gate` bounds the handshakes of all
    links at once; `random` returns a number from 0 to 1 (for jitter); `endpoint_ready` returns
    when the node says that it is in service.
    `state`, `since` (the loop's clock) and `last_error` are for whoever asks how it is.
    """

    def __init__(
        self,
        agent: str,
        *,
        make_session: Callable[[], SessionLike],
        events: LinkEvents,
        backoff: Backoff,
        gate: asyncio.Semaphore,
        random: Callable[[], float],
        endpoint_ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.agent = agent
        self.state = LinkState.CONNECTING
        self.since = 0.0
        self.last_error: str | None = None
        self._make_session = make_session
        self._events = events
        self._backoff = backoff
        self._gate = gate
        self._random = random
        self._endpoint_ready = endpoint_ready
        self._session: SessionLike | None = None
        self._host: str | None = None
        self._failures = 0
        self._changed = asyncio.Event()
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
            await asyncio.gather(lives, stop, return_exceptions=True)
            self._turn(LinkState.CLOSED)
            self._finished.set()

    def credentials_changed(self) -> None:
        """Try again at once: leaves STOPPED, and cuts a wait short."""
        self._changed.set()

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
        """Make one session and live in it; return why that ended."""
        self._turn(LinkState.CONNECTING)
        session: SessionLike | None = None
        try:
            if self._endpoint_ready is not None:
                await self._endpoint_ready()
            async with self._gate:
                session = self._make_session()
                self._host = session.host
                await session.open()
            self._session = session
            return await self._live(session)
        except ListenerError as error:
            return error
        except Exception as error:
            log.exception("link.failed", agent=self.agent, error=type(error).__name__)
            return error
        finally:
            self._session = None
            if session is not None:
                with suppress(Exception):
                    await session.close(graceful=False)

    async def _live(self, session: SessionLike) -> Exception | Ending:
        log.info("session.opened", agent=self.agent, host=session.host)
        closed = asyncio.create_task(session.closed())
        opened = asyncio.create_task(self._events.opened(session))
        born = asyncio.get_running_loop().time()
        try:
            await asyncio.wait((closed, opened), return_when=asyncio.FIRST_COMPLETED)
            if opened.done():
                if opened.cancelled():
                    raise Unreachable("the reconciliation was cancelled")
                opened.result()
                self.last_error = None
                self._turn(LinkState.UP)
            ending = await closed
        finally:
            closed.cancel()
            opened.cancel()
            await asyncio.gather(closed, opened, return_exceptions=True)
        if asyncio.get_running_loop().time() - born >= self._backoff.stable:
            self._failures = 0
        return ending

    async def _recover(self, trouble: Exception | Ending) -> None:
        """Tell about the trouble, then wait as long as it deserves."""
        was_up = self.state is LinkState.UP
        remedy = classify(trouble)
        delay = self._delay(remedy)
        self._failures += 1
        self.last_error = words_of(trouble)
        self._tell(trouble, delay, was_up=was_up)
        self._changed.clear()
        self._turn(LinkState.STOPPED if delay is None else LinkState.WAITING)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()

    def _delay(self, remedy: Remedy) -> float | None:
        if remedy is Remedy.STOP:
            return None
        if remedy is Remedy.RETRY_SLOWLY:
            return slow_delay(self._backoff, self._random())
        return next_delay(self._backoff, self._failures, self._random())

    def _tell(self, trouble: Exception | Ending, delay: float | None, *, was_up: bool) -> None:
        said = {
            "agent": self.agent,
            "host": self._host,
            "cause": cause_of(trouble),
            "detail": words_of(trouble),
        }
        if was_up:
            log.warning("session.lost", retry_in=delay, **said)
        elif delay is not None:
            log.warning("session.retry", retry_in=delay, **said)
        self._guarded(lambda: self._events.lost(trouble, delay))
        if delay is None:
            log.error("session.stopped", **said)
            self._guarded(lambda: self._events.stopped(words_of(trouble)))

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            log.exception("link.failed", agent=self.agent, error=type(error).__name__)

    def _turn(self, state: LinkState) -> None:
        if self.state is not state or self.since == 0:
            self.state = state
            self.since = asyncio.get_running_loop().time()

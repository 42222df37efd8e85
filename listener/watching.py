"""An agent who is held only while signed in: asked now and then, and followed.

Knows when to ask; knows nothing of sessions but whether there is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from listener import logs
from listener.errors import CredentialsRefused, ListenerError
from listener.whereabouts import Whereabouts

_log = logs.get(__name__)


class Held(Protocol):
    """Whom it holds or lets go (`crew.Ear`)."""

    tried: asyncio.Event
    trouble: ListenerError | None

    @property
    def is_held(self) -> bool:
        """Whether a session is kept."""
        ...

    @property
    def has_session(self) -> bool:
        """Whether there is one now."""
        ...

    @property
    def changed(self) -> asyncio.Event:
        """Set once there are other credentials; another one after each time."""
        ...

    def hold(self) -> object:
        """Keep a session from now on."""
        ...

    async def let_go(self) -> None:
        """Keep none any more."""
        ...

    async def wait_for_credentials(self, refused: ListenerError, changed: asyncio.Event) -> None:
        """Wait until `changed`."""
        ...


class Watching:
    """One agent's. `signed_in` raises a ListenerError when Finesse does not say; see `crew.Ear`.

    `every`: seconds between two looks. `chance` returns a number from 0 to 1.
    """

    def __init__(
        self,
        agent: str,
        held: Held,
        *,
        signed_in: Callable[[str], Awaitable[bool]],
        place: Whereabouts,
        every: float,
        chance: Callable[[], float],
    ) -> None:
        self._agent = agent
        self._held = held
        self._signed_in = signed_in
        self._place = place
        self._every = every
        self._chance = chance
        self._look = asyncio.Event()  # it is worth asking now
        self._unseen = False  # Finesse did not say it the last time

    def __repr__(self) -> str:
        return f"<Watching {self._agent}>"

    def look(self) -> None:
        """Ask at once."""
        self._look.set()

    def trust_renewed(self) -> None:
        """Ask at once if Finesse did not say it the last time: others are trusted now."""
        if self._unseen:
            self._look.set()

    async def run(self) -> None:
        """Follow the agent until cancelled."""
        early = self._chance()  # so that those who began together do not ask together for ever
        while True:
            changed = self._held.changed
            self._look.clear()
            self._unseen = False
            try:
                await self._follow(signed_in=await self._signed_in(self._agent))
            except CredentialsRefused as refused:
                # Five refusals lock an account, so one is enough.
                await self._give_up(refused, changed)
            except ListenerError as trouble:
                # Finesse does not say: nothing changes. Perhaps the other node does.
                self._held.trouble = self._held.trouble or trouble
                self._unseen = True
                self._held.tried.set()
                self._place.wants(self._agent)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every * early):
                    await self._look.wait()
            early = 0.9 + self._chance() / 5

    async def _follow(self, *, signed_in: bool) -> None:
        if self._held.has_session or not signed_in:
            self._place.rests(self._agent)
        if signed_in and not self._held.is_held:
            self._held.hold()
        elif not signed_in:
            self._held.trouble = None
            await self._held.let_go()
            self._held.tried.set()

    async def _give_up(self, refused: CredentialsRefused, changed: asyncio.Event) -> None:
        """Ask no more until there are other credentials; only SASL ends a session that is there."""
        if self._held.is_held:
            await changed.wait()
            return
        _log.error("session.refused", agent=self._agent, detail=str(refused))
        self._place.rests(self._agent)
        await self._held.wait_for_credentials(refused, changed)

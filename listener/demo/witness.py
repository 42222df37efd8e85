"""Writes down everything that the agents' sessions heard, and what it showed last.

Knows events; knows nothing of requests, nor of what the correlator made of them. The scene waits
with it, the judge and the naive correlators read it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.feed import Lagged
from listener.finesse.events import DialogEvent, DialogRemoved, Event, UserChanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from listener.finesse.model import Dialog, User

PATIENCE = 15.0  # seconds for something that a few CTI events bring about


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, and when it was heard (the loop's clock)."""

    at: float
    event: Event


class Witness:
    """`heard` is all there was, in order; `dialogs` and `users` are what was shown last."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.dialogs: dict[tuple[str, str], Dialog] = {}
        self.users: dict[str, User] = {}
        self._news = asyncio.Event()

    async def listen(self, events: AsyncIterator[Event | Lagged]) -> None:
        """Take down events until they end."""
        clock = asyncio.get_running_loop().time
        async for event in events:
            if isinstance(event, Lagged):
                raise RuntimeError("the demo's witness fell behind")  # noqa: TRY004  no wrong type
            self.take(Heard(clock(), event))

    def take(self, heard: Heard) -> None:
        """Take down one event."""
        self.heard.append(heard)
        self._picture(heard.event)
        self.tell()

    def tell(self) -> None:
        """Let everyone who waits look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _picture(self, event: Event) -> None:
        if event.owner is None:
            return
        if isinstance(event, UserChanged):
            self.users[event.owner] = event.user
        elif isinstance(event, DialogRemoved):
            self.dialogs.pop((event.owner, event.dialog_id), None)
        elif isinstance(event, DialogEvent):
            self.dialogs[event.owner, event.dialog_id] = event.dialog

    def state(self, agent: str, dialog: str, address: str) -> str | None:
        """Return the state of a participant as that agent heard it last; None: not there."""
        known = self.dialogs.get((agent, dialog))
        party = known.participant(address) if known is not None else None
        return party.state if party is not None else None

    async def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until `done()`; looks again at each event. Raises RuntimeError after 15 s."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not done():
                    await self._news.wait()
        except TimeoutError:
            raise RuntimeError(f"the scene waited in vain: {what}") from None

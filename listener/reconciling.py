"""An agent's picture, read until it can be read.

Knows how often it is tried again; knows not what the picture shows, nor who waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from listener import logs
from listener.correlation.steps import Look
from listener.errors import CredentialsRefused, ListenerError

_log = logs.get(__name__)


class Waiting(Protocol):
    """Who waits for the picture (`crew.Ear`)."""

    @property
    def changed(self) -> asyncio.Event:
        """Set once there are other credentials; another one after each time."""
        ...

    def unread(self, trouble: ListenerError) -> None:
        """Hear why it takes longer."""
        ...

    async def wait_for_credentials(self, refused: ListenerError, changed: asyncio.Event) -> None:
        """Wait until `changed`."""
        ...


async def reconcile(
    agent: str,
    picture: Callable[[str], Awaitable[Look]],
    waiting: Waiting,
    pauses: tuple[float, ...],
) -> Look:
    """Return the picture; the link cancels this when the session ends.

    `pauses`: seconds before it is read again, the last one repeats. Refused credentials are used
    once: five refusals lock an account.
    """
    attempt = 0
    while True:
        changed = waiting.changed
        try:
            return await picture(agent)
        except CredentialsRefused as refused:
            await waiting.wait_for_credentials(refused, changed)
            continue
        except ListenerError as trouble:
            waiting.unread(trouble)
            attempt += 1
            say = _log.warning if attempt == 1 else _log.debug  # thousands of agents say so
            say("snapshot.failed", agent=agent, attempt=attempt, detail=str(trouble))
        await asyncio.sleep(pauses[min(attempt, len(pauses)) - 1])

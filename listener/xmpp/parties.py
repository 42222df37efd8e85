"""Who a link deals with: its session, its owner, and who says where sessions are made.

Protocols alone; what a link does with them is `link`'s.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.xmpp.contract import Ending


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
        """Hear that the link waits for `credentials_changed`: a person has to act.

        Without `lost` before it where the session that is up could not be followed elsewhere.
        """
        ...


class Aim(Protocol):
    """Where sessions are made, and when; one for each link."""

    async def ready(self, waited: float) -> None:
        """Return when a session may be made; `waited`: seconds the link held back before.

        Raises a ListenerError only for what is this agent's own trouble.
        """
        ...

    async def left(self, session: SessionLike) -> None:
        """Return when that session's node is not the one in use any more."""
        ...

    def is_left(self, session: SessionLike) -> bool:
        """Say so at this moment."""
        ...

    def missed(self, session: SessionLike, trouble: Exception) -> None:
        """Hear that this session could not be made."""
        ...

    def stayed(self) -> None:
        """Hear that the session that is up stays: no other one is waited for now."""
        ...


class Anywhere:
    """An aim where there is but one place, which needs no waiting for."""

    async def ready(self, waited: float) -> None:
        """Return at once."""

    async def left(self, session: SessionLike) -> None:  # noqa: ARG002  as in `Aim`
        """Never return."""
        await asyncio.Event().wait()

    def is_left(self, session: SessionLike) -> bool:  # noqa: ARG002  as in `Aim`
        """Say no."""
        return False

    def missed(self, session: SessionLike, trouble: Exception) -> None:
        """Take note of nothing."""

    def stayed(self) -> None:
        """Take note of nothing."""


class LinkState(StrEnum):
    """Where a link is in its life."""

    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    STOPPED = "stopped"
    CLOSED = "closed"

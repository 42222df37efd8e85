"""The journal's door on the loop: rows in, futures out; nothing here waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from listener.journal.rows import Event, Options, Row, Stored


class Journal:
    """One journal, held by this process alone. Made by `open`, inside the running loop.

    `epoch`: made with the file. `first_sequence`, `last_sequence`: of the events that can be had;
    the first is 0 when there are none, the last never goes back. `trouble`: why nothing can be
    written now. `set_aside`: where a damaged file went. `on_written` is called on the loop after
    each commit with the highest sequence that is safe (or given up), `on_trouble` when it changes.
    """

    epoch: str
    first_sequence: int
    last_sequence: int
    trouble: str | None
    set_aside: Path | None
    on_written: Callable[[int], None] | None
    on_trouble: Callable[[str | None], None] | None

    @classmethod
    async def open(
        cls,
        path: Path,
        options: Options,
        *,
        now: Callable[[], datetime],
        within: float = 0.0,
    ) -> Self:
        """Open or make the journal; waits `within` seconds for another process to let go of it.

        Raises ConfigurationError where it can never work (held, no rights, a newer version), and
        NotKept where it may work later (no room, I/O error).
        """
        raise NotImplementedError

    def put(self, *rows: Row) -> asyncio.Future[bool]:
        """Write rows in one transaction.

        True: committed. False: the first try failed. Intent and Going are then dropped, the others
        are tried again until there is room.
        """
        raise NotImplementedError

    def hash_of(self, text: str) -> str:
        """Return the keyed hash under which an Idempotency-Key or a fingerprint is kept."""
        raise NotImplementedError

    async def unsettled(self) -> list[Stored]:
        """Return all requests without an outcome, oldest first."""
        raise NotImplementedError

    async def settled_since(self, since: datetime, limit: int) -> list[Stored]:
        """Return the newest requests settled since then, at most `limit`, oldest first."""
        raise NotImplementedError

    async def request(self, key: str) -> Stored | None:
        """Return one request; None when it is not kept."""
        raise NotImplementedError

    async def requests(
        self,
        *,
        state: Literal["open", "settled"] | None = None,
        agent: str | None = None,
        request_id: str | None = None,
        limit: int = 100,
    ) -> list[Stored]:
        """Return requests, newest first."""
        raise NotImplementedError

    async def idempotency_keys(self, since: datetime) -> list[tuple[str | None, str, str, str]]:
        """Return caller, hash of the key, hash of the fingerprint, and the request's key."""
        raise NotImplementedError

    async def events(self, after: int, limit: int) -> list[Event]:
        """Return the events behind the sequence `after`, in order."""
        raise NotImplementedError

    async def forget(
        self, *, number: str | None = None, dialog_id: str | None = None
    ) -> dict[str, int]:
        """Erase what is known of a number or a dialog; returns how many of each were erased."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Write what waits, and let go of the file."""
        raise NotImplementedError

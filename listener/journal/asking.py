"""What the journal is asked, and erasing on demand: on the loop, over the two threads.

Knows which question goes to which thread; `Journal` has the threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeVar

from listener.journal import erasing
from listener.journal.encoding import micros
from listener.journal.reading import Reading
from listener.journal.rows import Stored
from listener.journal.table import Table

_Answer = TypeVar("_Answer")


class Asking(ABC):
    """The questions. Each raises NotKept when the file cannot be read, or is not open yet."""

    @abstractmethod
    async def _ask(self, question: Callable[[Reading], _Answer]) -> _Answer:
        """Have the thread that reads answer a question."""

    @abstractmethod
    async def _do(self, work: Callable[[Table], None]) -> None:
        """Have the thread that writes do something between two transactions."""

    @abstractmethod
    def _form_of(self, text: str) -> str:
        """Return the form in which a text is written where it is sealed."""

    async def answer(self, question: Callable[[Reading], _Answer]) -> _Answer:
        """Have the thread that reads answer another question; a short one, for others wait."""
        return await self._ask(question)

    async def unsettled(self) -> list[Stored]:
        """Return all requests without an outcome, oldest first."""
        return await self._ask(Reading.unsettled)

    async def settled_since(self, since: datetime, limit: int) -> list[Stored]:
        """Return the newest requests settled since then, at most `limit`, oldest first."""
        return await self._ask(lambda reading: reading.settled_since(micros(since), limit))

    async def request(self, key: str) -> Stored | None:
        """Return one request; None when it is not kept."""
        return await self._ask(lambda reading: reading.request(key))

    async def requests(
        self,
        *,
        state: Literal["open", "settled"] | None = None,
        agent: str | None = None,
        request_id: str | None = None,
        limit: int = 100,
    ) -> list[Stored]:
        """Return requests, newest first."""
        return await self._ask(lambda reading: reading.requests(state, agent, request_id, limit))

    async def idempotency_keys(self, since: datetime) -> list[tuple[str | None, str, str, str]]:
        """Return caller, hash of the key, hash of the fingerprint, and the request's key."""
        return await self._ask(lambda reading: reading.idempotency_keys(micros(since)))

    async def forget(
        self, *, number: str | None = None, dialog_id: str | None = None
    ) -> dict[str, int]:
        """Erase what is known of a number or a dialog; returns how many of each were erased.

        "open_requests_kept": requests that have no outcome yet keep what they need to get one;
        erase again when they have ended. Raises InvalidRequest, and NotKept when there is no room.
        """
        wanted = erasing.Mention(number, dialog_id, self._form_of)

        def find(reading: Reading) -> erasing.Steps[erasing.Found]:
            return erasing.find(reading.connection, wanted)

        def erase(table: Table) -> erasing.Steps[dict[str, int]]:
            return erasing.erase(table, wanted, finding.result)

        finding = erasing.Piecewise(find)
        while not finding.done:
            await self._ask(finding.step)
        erasure = erasing.Piecewise(erase)
        while not erasure.done:
            await self._do(erasure.step)
        return erasure.result

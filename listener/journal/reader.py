"""The one thread that reads, on a connection of its own, so that no question waits for a commit.

Knows threads and the loop; what is asked and how is in `reading`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from listener.errors import NotKept
from listener.journal import store
from listener.journal.decoding import Interpreter
from listener.journal.reading import Reading
from listener.journal.rows import Options
from listener.journal.sealing import Seals

AT_ONCE = 32
"""Questions that may wait for the thread; more wait their turn on the loop."""

_Answer = TypeVar("_Answer")


class Reader:
    """Has questions answered; made inside the running loop, connects when it is first asked."""

    def __init__(self, options: Options, connect: store.Connect) -> None:
        self._connect = connect
        self._interpreter = Interpreter(Seals(options))
        self._reading: Reading | None = None  # of the thread alone
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
        self._places = asyncio.Semaphore(AT_ONCE)
        self._closed = False

    @property
    def unreadable(self) -> int:
        """How many rows could not be read, and were skipped."""
        return self._interpreter.unreadable

    async def ask(self, path: Path, question: Callable[[Reading], _Answer]) -> _Answer:
        """Have a question answered. Raises NotKept when it cannot be."""

        def answer() -> _Answer:
            if self._reading is None:
                connection = store.open_to_read(path, connect=self._connect)
                self._reading = Reading(connection, self._interpreter)
            return question(self._reading)

        async with self._places:
            if self._closed:
                raise NotKept("the journal is closed")
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, answer)
            except sqlite3.Error as error:
                raise NotKept(f"the journal {path} cannot be read: {error}") from None

    async def aclose(self) -> None:
        """Let the questions be answered that the thread has already, and close the connection."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._reading is not None:
            self._reading.connection.close()
            self._reading = None

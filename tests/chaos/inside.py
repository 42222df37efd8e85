"""`python -m tests.chaos.inside FOLDER run --config FILE`: the daemon, and what is in it counted.

Writes JSON lines to FOLDER/inside.jsonl: objects, tasks, threads and files whenever FOLDER/look
appears, the pools that Python has in use all the time, and at each end the tasks that nobody had
ended. The product has no hook for it. What a hand-over starts is the program alone, and is not
counted.

--small        bounds of what is remembered so small that they are reached in minutes
--broken NAME  break one rule of the daemon (broken.py)
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import re
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from listener import digits, idempotency, keeping, order, succession
from listener.cli import main
from listener.correlation import books, gone, instants
from listener.finesse import uris
from listener.journal import Journal, store
from listener.operations.allocator import settle
from listener.page.payloads import Payloads
from listener.xmpp import stanzas
from tests.chaos.broken import planted

EVERY = 0.25  # seconds between two looks whether a count is wanted, and at the pools in use
TOLD_AFTER = 8  # such looks; then the most of them is told
FILES = Path("/proc/self/fd")
TRIES = 20
FEW = 200
"""The bounds with `--small`: reached in minutes at a request a second."""
REMEMBERED = ((uris, "_place"), (instants, "_known"), (digits, "_pattern"), (stanzas, "_trusted"))
"""What remembers by number what it once read: ids of dialogs, times, and digits, which are always
new ones. Thousands of each take longer than a soak; digits are rare, and a few kB each."""


@contextmanager
def small() -> Iterator[None]:
    """Let all that is remembered by number, not by time, be little: it is full soon."""
    with ExitStack() as stack:
        for where, name, new in (
            (succession, "Ledger", partial(succession.Ledger, keep=FEW)),
            (keeping, "Keys", partial(idempotency.Keys, most=FEW)),
            (order, "RING", FEW),
            (order, "RING_BESIDE_JOURNAL", FEW),
            (order, "MAX_HEARING", FEW),
            (re, "_MAXCACHE", FEW // 4),  # digits become patterns
            (books, "MAX_TOMBSTONES", FEW),
            (books, "MAX_ITEMS", FEW),
            (books, "MAX_EARLY", FEW),
            (gone, "MAX_REMOVED", FEW // 10),  # of each agent: calls of the last minutes
        ):
            stack.enter_context(mock.patch.object(where, name, new))
        for where, name in REMEMBERED:
            few = lru_cache(FEW // 4)(getattr(where, name).__wrapped__)
            stack.enter_context(mock.patch.object(where, name, few))
        re.purge()  # those of the modules, which only make room
        for function, name, value in (
            (Payloads.__init__, "most", FEW),
            (Journal.open.__func__, "connect", _connect),  # type: ignore[attr-defined]
        ):
            assert name in function.__kwdefaults__
            stack.enter_context(mock.patch.dict(function.__kwdefaults__, {name: value}))
        yield


def _connect(uri: str) -> sqlite3.Connection:
    """Open the journal with few of its pages in memory: SQLite keeps 2 MB for each connection."""
    connection = store.connect(uri)
    connection.execute(f"PRAGMA cache_size=-{FEW}")  # kB
    return connection


class Counting:
    """Counts, from a thread of its own; `folder` is where it is asked to and where it tells."""

    def __init__(self, folder: Path) -> None:
        self.over = threading.Event()
        self._look = folder / "look"
        self._file = folder / "inside.jsonl"
        self._kinds: Counter[str] = Counter()
        self._pooled: list[int] = []

    def tell(self, **said: Any) -> None:
        """Add a line."""
        line = json.dumps({"pid": os.getpid(), "at": time.monotonic(), **said})
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def run(self) -> None:
        """Look whether a count is wanted, until it is over."""
        while not self.over.wait(EVERY):
            self.look_at_pools()
            with suppress(OSError):
                self._look.unlink()
                self.count()

    def look_at_pools(self) -> None:
        """Look how many pools are in use (it takes 0.1 ms), and tell the most of them at times."""
        pieces = _pieces()
        self._pooled.append(pieces["/arena"] - pieces["unused pools"])
        if len(self._pooled) >= TOLD_AFTER:
            self.tell(pooled=self._pooled[-1], most=max(self._pooled), arenas=pieces["/arena"])
            self._pooled.clear()

    def count(self) -> None:
        """Tell how much there is that is still in use: nothing must be open, for all stand still.

        The collector sets aside what stays (listener/operations/collector.py); all of it is looked
        at here, and set aside again.
        """
        found, garbage = _all_objects()
        blocks, pieces = sys.getallocatedblocks(), _pieces()
        kinds = Counter(map(_name, found))
        loops = [each for each in found if isinstance(each, asyncio.BaseEventLoop)]
        del found
        every = kinds.keys() | self._kinds.keys()
        more = {each: n for each in sorted(every) if (n := kinds[each] - self._kinds[each])}
        self.tell(
            objects=kinds.total(),
            garbage=garbage,
            tasks=sum(len(asyncio.all_tasks(loop)) for loop in loops),
            blocks=blocks,
            pieced=pieces["in allocated blocks"],
            arenas=pieces["/arena"],
            malloced=_malloced(),
            paged=_paged(),
            threads=threading.active_count(),
            files=len([*FILES.iterdir()]) if FILES.is_dir() else 0,
            more=more,
        )
        self._kinds = kinds


def _all_objects() -> tuple[list[object], int]:
    """Return all objects that are in use, and how many were garbage.

    The daemon's own thread goes on, and may have set all aside before they are seen.
    """
    garbage = 0
    for _ in range(TRIES):
        gc.unfreeze()
        garbage += gc.collect()
        gc.unfreeze()
        found = gc.get_objects()
        if gc.get_freeze_count() < len(found):
            break
    gc.freeze()
    return found, garbage


class _Malloc(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def malloc() -> _Malloc:
    """Return what malloc says of itself, all 0 where it cannot be asked; Python's are others."""
    with suppress(OSError, AttributeError):
        ask = ctypes.CDLL(None).mallinfo2
        ask.restype = _Malloc
        told: _Malloc = ask()
        return told
    return _Malloc()


def _malloced() -> int:
    """Return how many kB malloc has given out."""
    told = malloc()
    return int(told.uordblks + told.hblkhd) // 1024


def _paged() -> int:
    """Return how many kB SQLite has, most of it the journal's pages; 0 where it cannot be asked."""
    with suppress(OSError, AttributeError):
        ask = ctypes.CDLL("libsqlite3.so.0").sqlite3_memory_used
        ask.restype = ctypes.c_int64
        return int(ask()) // 1024
    return 0


_TOLD = re.compile(r"(in \w+ blocks|/arena|unused pools)(?: \* \d+ bytes)? += +([\d,]+)")


def _pieces() -> Counter[str]:
    """Return how many kB Python's own pieces have, their arenas, and unused pools; 0 for unknown.

    Python tells it to a file alone (`sys._debugmallocstats`), which is one in memory here.
    """
    found: Counter[str] = Counter()
    with suppress(OSError, AttributeError):
        libc, text, size = ctypes.CDLL(None), ctypes.c_char_p(), ctypes.c_size_t()
        tell = ctypes.pythonapi._PyObject_DebugMallocStats  # keeps the interpreter's lock
        libc.open_memstream.restype = ctypes.c_void_p
        file = ctypes.c_void_p(libc.open_memstream(ctypes.byref(text), ctypes.byref(size)))
        tell(file)
        libc.fclose(file)
        told = ctypes.string_at(text, size.value).decode("ascii")
        libc.free(text)
        for words, number in _TOLD.findall(told):
            found[words] = int(number.replace(",", "")) // 1024
    return found


def _name(thing: object) -> str:
    kind = type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


@contextmanager
def counted(counting: Counting) -> Iterator[None]:
    """Count when asked to, and tell what is left over at the end of the loop."""
    cancel_all = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def over(loop: asyncio.AbstractEventLoop) -> None:
        counting.tell(left=[repr(task)[:300] for task in asyncio.all_tasks(loop)])
        cancel_all(loop)

    threading.Thread(target=counting.run, name="counting", daemon=True).start()
    try:
        with mock.patch.object(asyncio.runners, "_cancel_all_tasks", over):
            yield
    finally:
        counting.over.set()


def inside() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.inside")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--broken")
    parser.add_argument("folder", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    sys.argv = [sys.argv[0], *asked.command]
    settle(os.environ)  # as the daemon will; the thread that counts would have a heap of its own
    with ExitStack() as stack:
        if asked.small:
            stack.enter_context(small())
        if asked.broken:
            stack.enter_context(planted(asked.broken))
        stack.enter_context(counted(Counting(asked.folder)))
        main()


if __name__ == "__main__":
    inside()

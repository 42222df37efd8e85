"""Keeps what the C library holds of freed memory small, and gives it back to the system.

glibc's malloc keeps what is freed for later, in pieces between others that are in use, and ever
more of it: four megabytes an hour in a daemon of 90 (measured over 46 minutes at 5 requests a
second, while what was in use stayed the same). Two things are done about it. Large pieces come
from the system one by one and go back to it; left alone, glibc takes ever larger ones from the heap
as soon as one was freed, and cuts the holes up for small ones. And `malloc_trim` gives back the
whole pages that are free. Python's own small pieces come from elsewhere and are not concerned.
Knows the C library alone; where it has no such functions, nothing is done.
"""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EVERY = 60.0
"""Seconds between two times."""
REST = 5_000
"""It waits at least so many times as long as the last time took, for everything stands still
meanwhile: 70 ms with 65,000 free pieces among as many in use, 0.2 ms with 30 MB and 3 ms with 300
of which little was freed (measured on such heaps). Processor time: on a busy machine others make it
last longer by far, and it was left undone for four minutes in a soak."""

LARGE = 128 * 1024
"""Bytes from which a piece is one by itself: glibc's own first choice."""
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # mallopt(3)
_SETTINGS = ("MALLOC_", "GLIBC_TUNABLES")  # in the environment


class Allocator:
    """Gives back when it is due. `trim` is glibc's `malloc_trim(0)` where there is one."""

    def __init__(self, trim: Callable[[], object] | None = None) -> None:
        self._trim = trim or _trim()
        self._due: float | None = None

    def give_back(self, now: float) -> None:
        """Give back if it is due by `now`, in seconds of a clock that is never set."""
        if self._due is None:
            self._due = now + EVERY
        elif self._trim is not None and now >= self._due:
            began = time.thread_time()
            self._trim()
            self._due = now + max(EVERY, REST * (time.thread_time() - began))


def settle(environ: Mapping[str, str]) -> bool:
    """Set the size of large pieces, and one heap for all threads; say whether it was done.

    For the whole process, best at its start. What `environ` says of malloc is an operator's will,
    and left alone.
    """
    if any(name.startswith(_SETTINGS) for name in environ):
        return False
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.PyDLL(None).mallopt
        mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
        return bool(mallopt(_MMAP_THRESHOLD, LARGE)) and bool(mallopt(_ARENA_MAX, 1))
    return False


def _trim() -> Callable[[], object] | None:
    with suppress(OSError, AttributeError, TypeError):  # not glibc; not even a C library by itself
        trim = ctypes.PyDLL(None).malloc_trim
        trim.argtypes = [ctypes.c_size_t]
        return lambda: trim(0)
    return None

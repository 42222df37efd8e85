"""A command's loop, which Ctrl-C ends at any moment.

`asyncio.run` alone can miss one: a signal that falls between Python's last look for signals and the
system's wait is seen only when the wait ends, and at a question nothing else ends it.
Source: Python's documentation of `signal.set_wakeup_fd`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_SOME = 4096


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return what `work` returns, as `asyncio.run` does; raises KeyboardInterrupt for Ctrl-C."""
    with asyncio.Runner() as runner, _woken(runner.get_loop()):
        return runner.run(work)


@contextmanager
def _woken(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let every signal wake the loop; Python then calls whoever handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    wakes, woken = socket.socketpair()
    with wakes, woken:
        wakes.settimeout(0.0)
        woken.settimeout(0.0)
        loop.add_reader(woken, woken.recv, _SOME)
        before = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(woken)

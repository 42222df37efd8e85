"""Signals before a command has a loop of its own that takes them.

Python can lose a KeyboardInterrupt that falls into an import. Nothing has been done yet at that
time, so the process simply ends, with one line and code 130.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


@contextmanager
def loading() -> Iterator[None]:
    """End the process at once when Ctrl-C comes inside the block; for imports alone."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # somebody else handles it, or it cannot be handled here
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def like_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, so that temporary folders are removed.

    A signal that is ignored (nohup) or handled by somebody else is left alone.
    """
    here = threading.current_thread() is threading.main_thread()
    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if here and signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in numbers:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) in {signal.SIG_IGN, signal.SIG_DFL}:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # whoever takes Ctrl-C at this time takes this too


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write("listener: interrupted\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)

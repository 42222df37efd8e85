"""Keys of a terminal, one by one, while a command runs; the terminal is put back as it was.

Knows terminals; what a key means is the command's.
"""

from __future__ import annotations

import codecs
import os
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "pageup",
    "\x1b[6~": "pagedown",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b": "escape",
}
_MOST = 4096


def is_there() -> bool:
    """Say whether somebody sits at a keyboard and a screen."""
    return bool(
        sys.stdin is not None
        and sys.stdin.isatty()
        and sys.stdout is not None
        and sys.stdout.isatty()
    )


def keys_of(text: str) -> Iterator[str]:
    """Yield the keys in what a terminal sent: characters, and names such as "up" and "enter".

    An escape sequence that is not known is passed over.
    """
    place = 0
    while place < len(text):
        length = _sequence(text, place)
        found = text[place : place + length]
        place += length
        name = _NAMES.get(found)
        if name is not None or length == 1:
            yield name or found


def _sequence(text: str, place: int) -> int:
    """Return how many characters belong to the key that begins at a place."""
    if text[place] != "\x1b" or text[place + 1 : place + 2] not in {"[", "O"}:
        return 1
    end = place + 2
    while end < len(text) and not ("@" <= text[end] <= "~"):
        end += 1
    return min(end + 1, len(text)) - place


@contextmanager
def pressed(loop: Any, take: Callable[[str], None], gone: Callable[[], None]) -> Iterator[None]:
    """Hand every key to `take` while inside; `gone` when nobody can press one any more.

    Ctrl-C interrupts as always; Ctrl-Z does nothing, for it would leave the screen as it is.
    """
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def ready() -> None:
        try:
            data = os.read(fd, _MOST)
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(fd)
            gone()
            return
        for key in keys_of(decode(data)):
            take(key)

    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    mode[6][termios.VSUSP] = b"\x00"
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(fd, termios.TCSADRAIN, mode)
        loop.add_reader(fd, ready)
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)

"""A command in a terminal of its own: what it draws, what is typed, how it leaves the terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

WITHIN = 60.0

ALTERNATE, ORDINARY = "\x1b[?1049h", "\x1b[?1049l"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Terminal:
    """A running command, and what it has written so far."""

    process: asyncio.subprocess.Process
    master: int
    slave: int
    before: Any
    raw: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def screen(self) -> str:
        """What was drawn last."""
        return _CONTROL.sub("", self.raw.rpartition("\x1b[H")[2])

    @property
    def coloured(self) -> bool:
        """Whether a colour was ever used (bold and dim are none)."""
        return any(
            30 <= int(code or 0) <= 107
            for found in _COLOUR.findall(self.raw)
            for code in found[2:-1].split(";")
        )

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    async def shows(self, words: str, *, anywhere: bool = False) -> str:
        """Wait until the words are on the screen; return what is."""
        async with asyncio.timeout(WITHIN):
            while words not in (_CONTROL.sub("", self.raw) if anywhere else self.screen):
                self.news.clear()
                await self.news.wait()
        return self.screen

    async def ends(self) -> int:
        """Wait for the end; return the exit code."""
        async with asyncio.timeout(WITHIN):
            return await self.process.wait()

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: its mode, its screen and its cursor."""
        same = termios.tcgetattr(self.slave) == self.before
        back = self.raw.rfind(ORDINARY) > self.raw.rfind(ALTERNATE)
        return same and back and self.raw.rfind("\x1b[?25h") > self.raw.rfind("\x1b[?25l")


@asynccontextmanager
async def at_a_terminal(
    *words: object, columns: int = 100, rows: int = 40, **environment: str
) -> AsyncIterator[Terminal]:
    """Run `python -m listener ...` in a terminal; it is killed at the end if it has not ended."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LISTENER_", "COLUMNS"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "listener", *map(str, words)),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=kept | {"TERM": "xterm-256color"} | environment,
    )
    terminal = Terminal(process, master, slave, termios.tcgetattr(slave))
    loop = asyncio.get_running_loop()

    def read() -> None:
        with suppress(OSError):
            terminal.raw += os.read(master, 1 << 16).decode("utf-8", "replace")
        terminal.news.set()

    loop.add_reader(master, read)
    try:
        yield terminal
    finally:
        loop.remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(master)
        os.close(slave)

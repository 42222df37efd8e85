"""The second process: started by the first, with one end of their channel, and ended for certain.

It is a child so that it stays in the service's control group with its credentials, and so that the
first process can know that it is dead before it takes its work back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from listener.handover.channel import Broken
from listener.operations.systemd import successor_environment

CHANNEL_FILE = 3
"""The number of the open file that is the second process's end of the channel."""

_GENTLY = 5.0  # seconds for it to close its sessions and leave
_KILLED = 10.0  # seconds for the system to end a process that was killed


class Child(Protocol):
    """The second process, as the first one sees it."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    async def end(self, *, gently: bool) -> bool:
        """End it; True when it is certain that it does nothing any more."""
        ...


class Starter(Protocol):
    """Starts the second process."""

    async def __call__(self, theirs: socket.socket, python: str | None) -> Child:
        """Start it with its end of the channel, with another Python if one is named.

        Raises Broken when it cannot be started.
        """
        ...


class Process:
    """A child process that another process started. Made inside a running loop."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon: when the hand-over was done, the child outlives this process.
        threading.Thread(target=self._await, name="successor", daemon=True).start()

    def __repr__(self) -> str:
        return f"<Process {self.pid}{' ended' if self._ended.done() else ''}>"

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"pid {self.pid}"

    def _await(self) -> None:
        with suppress(ChildProcessError):
            # Without taking its status: its number stays its own until the loop has taken note.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._note)

    def _note(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._ended.set_result(None)

    async def end(self, *, gently: bool) -> bool:
        """End it; True when it is certain that it does nothing any more."""
        if gently:
            await self._signalled(signal.SIGTERM, _GENTLY)
        return await self._signalled(signal.SIGKILL, _KILLED)

    async def _signalled(self, number: int, within: float) -> bool:
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            await asyncio.wait((self._ended,), timeout=within)
        return self._ended.done()


class Successor:
    """Starts this program anew. `command`: the arguments behind `python -m listener`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    async def __call__(self, theirs: socket.socket, python: str | None) -> Process:
        """Start it; raises Broken when that cannot be."""
        if os.getpid() == 1:
            raise Broken(
                "this is the first process of its container, which would end with it; start"
                " another container instead"
            )
        python = python or sys.executable
        # -P: what lies in the working folder is not imported.
        command = [python, "-P", "-m", "listener", *self._command, "--channel", str(CHANNEL_FILE)]
        try:
            pid = await asyncio.to_thread(
                os.posix_spawn,
                python,
                command,
                successor_environment(os.environ),
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), CHANNEL_FILE)],
            )
        except OSError as error:
            raise Broken(f"{python} cannot be started: {error.strerror}") from None
        return Process(pid)

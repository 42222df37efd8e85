"""The operators' socket beside the API's, in the daemon: who may, asks for a hand-over or a record.

Unix, 0600, and only for the daemon's own user and root. Knows that conversation; knows nothing of
what is handed over or recorded.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

from listener import logs
from listener.handover.asking import LONGEST, SPEAKS, socket_beside
from listener.handover.attempt import Asked
from listener.handover.channel import VERSION, Broken, Channel, Refused
from listener.handover.recording import ASK, Records, serve
from listener.serving import name_of
from listener.tasks import Tasks
from listener.web.sockets import SocketFile, unix_socket

_AT_ONCE = 8  # conversations
_AGAIN = 1.0  # seconds until the next try when no connection can be accepted
_ROOT = 0
_PEER = struct.Struct("iII")  # struct ucred: pid, uid, gid (unix(7))

_log = logs.get(__name__)

Begin: TypeAlias = Callable[[Asked, Callable[[str], None]], Awaitable[str]]
"""Hands over: is told words meanwhile, returns the last ones, raises Refused."""


def open_desk(
    api: Path | None, begin: Begin, records: Records, inherited: dict[str, socket.socket]
) -> Desk | None:
    """Make the operators' socket beside the API's; None where the API has none.

    `records` writes a transcript. `inherited`: sockets of the process before, by name; ours is
    taken out of it. Raises ConfigurationError where it cannot be made.
    """
    if api is None:
        return None
    path = socket_beside(api)
    name = name_of("handover.unix", str(path))
    taken = inherited.pop(name, None)
    made = taken or unix_socket(path, mode=0o600)
    return Desk(name, made, begin, records, inherited=taken is not None)


class Desk:
    """Takes what operators ask at a listening socket, from `start` on. Made inside a running loop.

    `inherited`: the socket is the process's before until `start`, and so is its file.
    """

    def __init__(
        self,
        name: str,
        listening: socket.socket,
        begin: Begin,
        records: Records,
        *,
        inherited: bool = False,
    ) -> None:
        self._name = name
        self._listening = listening
        self._begin = begin
        self._records = records
        self._file = SocketFile.of(listening)
        self._ours = not inherited
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(self._loop)
        self._again: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take questions from now on."""
        self._ours = True
        self._listening.settimeout(0)
        self._loop.add_reader(self._listening, self._accept)

    def stop(self) -> dict[str, socket.socket]:
        """Take no questions; return the socket by its name, for another process.

        Conversations go on.
        """
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listening)
        self._ours = False
        return {self._name: self._listening}

    async def aclose(self) -> None:
        """End all conversations; what they began goes on. The file goes, if it is still ours."""
        ours = self._ours
        self.stop()
        await self._tasks.aclose()
        if ours and self._file is not None:
            self._file.remove()
        self._listening.close()

    def _accept(self) -> None:
        try:
            taken, _ = self._listening.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no more files, mostly
            _log.warning("handover.unavailable", detail=error.strerror or str(error))
            self._loop.remove_reader(self._listening)
            self._again = self._loop.call_later(_AGAIN, self.start)
            return
        self._talk(taken)

    def _talk(self, taken: socket.socket) -> None:
        uid = _uid(taken)
        if len(self._tasks) >= _AT_ONCE or uid not in {_ROOT, os.geteuid()}:
            _log.warning("handover.refused", uid=uid)
            taken.close()
            return
        channel = Channel(taken, longest=LONGEST)
        self._tasks.spawn(lambda: self._serve(channel), "operator")

    async def _serve(self, channel: Channel) -> None:
        with closing(channel), suppress(Broken):  # whoever says rubbish, or goes, is let go
            try:
                last = await self._answer(channel, await channel.hear(SPEAKS))
            except Refused as why:
                await channel.say({"refused": str(why)})
            else:
                await channel.say({"done": last})

    async def _answer(self, channel: Channel, message: dict[str, Any]) -> str:
        if message.get("ask") == ASK:
            return await serve(channel, message, self._records)
        asked = _asked_of(message)
        return await self._begin(asked, lambda words: _tell(channel, {"tell": words}))


def _tell(channel: Channel, message: dict[str, Any]) -> None:
    with suppress(Broken):  # nobody listens; what was begun goes on
        channel.say_now(message)


def _asked_of(message: dict[str, Any]) -> Asked:
    if message.get("ask") != "handover":
        raise Broken("nothing that is known was asked for")
    if message.get("version") != VERSION:
        raise Refused(f"this daemon speaks hand-over {VERSION}; restart instead")
    python, force = message.get("python"), message.get("force")
    if not (isinstance(python, str) and Path(python).is_absolute() and isinstance(force, bool)):
        raise Broken("what was asked for cannot be understood")
    return Asked(python, force)


def _uid(taken: socket.socket) -> int | None:
    """Return who is at the other end, as the system knows it; None where it does not say."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _, uid, _ = _PEER.unpack(taken.getsockopt(socket.SOL_SOCKET, option, _PEER.size))
    return int(uid)

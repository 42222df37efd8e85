"""Messages between two processes of one machine: JSON objects and open sockets, all of it bounded.

Knows frames (four bytes of length, then JSON) and SCM_RIGHTS; knows no message.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from listener.errors import ListenerError

VERSION = 1
"""Of what is said; both sides must speak the same."""

ALTOGETHER = 900.0
"""Seconds for a whole hand-over."""

LONGEST = 32 * 1024 * 1024
"""Bytes of one message between two daemons."""
LONG = 64 * 1024
"""Bytes above which a message is read in another thread."""
MAX_SOCKETS = 16

_HEAD = struct.Struct(">I")
_TAG = b"\x01"  # the byte that carries sockets


class Broken(ListenerError):
    """What was said cannot be understood, came too late, or was too long."""


class Refused(ListenerError):
    """There is no hand-over now; everything goes on as it was."""


class Gone(Broken):
    """The other side has ended the conversation, or has ended altogether."""


class Channel:
    """One side of a conversation. Takes over the socket; made inside a running loop.

    All methods raise Gone when the other side has ended, and Broken for everything else. What one
    side said before it ended is still heard; a call that is cancelled, or gave up, loses nothing of
    what was said.
    """

    def __init__(self, sock: socket.socket, *, longest: int = LONGEST) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._longest = longest
        self._read = bytearray()  # of the message that comes next, and nothing behind it
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Channel {'closed' if self._sock.fileno() < 0 else 'open'}>"

    # -- saying -------------------------------------------------------------------------------

    async def say(self, message: Mapping[str, Any] | bytes, within: float = 10.0) -> None:
        """Say something, or what `written` made of it."""
        frame = message if isinstance(message, bytes) else written(message)
        if len(frame) - _HEAD.size > self._longest:
            raise Broken(f"a message of {len(frame)} bytes is too long to be said")
        try:
            async with asyncio.timeout(within):
                await self._loop.sock_sendall(self._sock, frame)
        except TimeoutError:
            raise Broken(f"the other side did not listen for {within:g} s") from None
        except OSError as error:
            raise Gone(_words(error)) from None

    def say_now(self, message: Mapping[str, Any]) -> None:
        """Say something short, without waiting: it is on its way when this returns."""
        frame = written(message)
        try:
            sent = self._sock.send(frame)
        except BlockingIOError:
            raise Broken("the other side does not listen") from None
        except OSError as error:
            raise Gone(_words(error)) from None
        if sent != len(frame):
            raise Broken("the other side does not listen")

    async def give(self, sockets: Iterable[socket.socket], within: float = 10.0) -> None:
        """Give copies of open sockets; the other side calls `take` for them."""
        files = [each.fileno() for each in sockets]
        if len(files) > MAX_SOCKETS:
            raise Broken(f"{len(files)} sockets are too many")
        try:
            async with asyncio.timeout(within):
                while True:
                    try:
                        socket.send_fds(self._sock, [_TAG], files)
                    except BlockingIOError:
                        await self._writable()
                    else:
                        return
        except TimeoutError:
            raise Broken(f"the other side did not listen for {within:g} s") from None
        except OSError as error:
            raise Gone(_words(error)) from None

    # -- hearing ------------------------------------------------------------------------------

    async def hear(self, within: float) -> dict[str, Any]:
        """Return the next message; waits `within` seconds for it."""
        try:
            async with asyncio.timeout(within):
                await self._fill(_HEAD.size)
                (length,) = _HEAD.unpack(self._read[: _HEAD.size])
                if length > self._longest:
                    raise Broken(f"a message of {length} bytes is too long")
                await self._fill(_HEAD.size + length)
        except TimeoutError:
            raise Broken(f"the other side said nothing for {within:g} s") from None
        except OSError as error:
            raise Gone(_words(error)) from None
        body = bytes(self._read[_HEAD.size :])
        self._read.clear()
        # A long one takes a moment to read, and the loop has other things to do.
        return await asyncio.to_thread(_json, body) if length > LONG else _json(body)

    async def take(self, number: int, within: float = 10.0) -> list[socket.socket]:
        """Return the sockets that were given; raises Broken when they are not that many."""
        taken: list[socket.socket] = []
        try:
            async with asyncio.timeout(within):
                while True:
                    try:
                        tag, files, flags, _ = socket.recv_fds(self._sock, 1, MAX_SOCKETS)
                    except BlockingIOError:
                        await self._readable()
                    else:
                        taken = [_ours(file) for file in files]
                        break
        except TimeoutError:
            raise Broken(f"no sockets came for {within:g} s") from None
        except OSError as error:
            raise Gone(_words(error)) from None
        if tag != _TAG or len(taken) != number or flags & socket.MSG_CTRUNC:
            for each in taken:
                each.close()
            raise Gone("no sockets came") if not tag else Broken("other sockets came than said")
        return taken

    def close(self) -> None:
        """End the conversation."""
        self._sock.close()

    async def _fill(self, number: int) -> None:
        """Read until there are so many bytes, and not one more: sockets may come behind them."""
        while (missing := number - len(self._read)) > 0:
            try:
                part = self._sock.recv(min(missing, 1 << 20))
            except BlockingIOError:
                await self._readable()
                continue
            if not part:
                raise Gone("the other side has ended")
            self._read += part

    async def _readable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._sock, _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(self._sock)

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._sock, _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._sock)


def written(message: Mapping[str, Any]) -> bytes:
    """Return a message as it is said. May be called in any thread."""
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    return _HEAD.pack(len(body)) + body


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Broken("what was said is no JSON") from None
    if not isinstance(found, dict):
        raise Broken("what was said is no JSON object")
    return found


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _ours(file: int) -> socket.socket:
    os.set_inheritable(file, False)  # noqa: FBT003  the system's own words
    return socket.socket(fileno=file)


def _words(error: OSError) -> str:
    return f"the other side has ended: {error.strerror or error}"

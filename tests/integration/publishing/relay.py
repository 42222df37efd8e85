"""Between clients and a server: bytes pass as they are, and a connection can be cut.

Knows bytes and how many of them went to each client; knows nothing of what they say. It stays on
the loopback interface.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import StrEnum

from listener.simulator.xmpp_outlet import reset

_CHUNK = 1 << 16


class Cut(StrEnum):
    """How both ends of a connection are ended; what is under way may be lost."""

    CLOSE = "close"  # FIN
    RESET = "reset"  # RST


class Link:
    """One connection through the relay; `to_client` counts the bytes that the server sent."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.to_client = 0
        self._ends = (client, server)

    def count(self, size: int) -> None:
        """Take note of bytes from the server."""
        self.to_client += size

    def cut(self, how: Cut = Cut.CLOSE) -> None:
        """End it, towards both sides at once."""
        for end in self._ends:
            if how is Cut.RESET:
                reset(end.transport)
            else:
                end.close()


class Relay:
    """Takes connections at `port` and passes them on to `target`; `links` are those there are."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.links: set[Link] = set()
        self.port: int | None = None
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; a taken port is an OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, backlog=1024)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut everything and listen no more; idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in list(self.links):
            link.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="relay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:  # the server is down: so is its port
            writer.close()
            return
        link = Link(writer, to_server)
        self.links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, to_server, None))
                group.create_task(_pump(from_server, writer, link))
        finally:
            self.links.discard(link)
            link.cut()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link | None
) -> None:
    """Pass on what comes until one side ends, then end the other."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            if link is not None:
                link.count(len(data))
            writer.write(data)
            await writer.drain()
    writer.close()

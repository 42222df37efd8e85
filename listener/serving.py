"""The daemon's doors: sockets, tokens and web servers for the API and the drop-in.

Opens what the settings name and closes it in order. A successor is handed the sockets themselves.
Knows neither requests nor sessions.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from listener import logs
from listener.settings.serving import Served
from listener.web.certificates import server_context
from listener.web.counting import NOBODY, Counting
from listener.web.server import Limits, WebServer
from listener.web.sockets import SocketFile, tcp_socket, unix_socket
from listener.web.tokens import Tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_log = logs.get(__name__)


@dataclass(slots=True)
class Door:
    """One socket on which callers come in, and its server, which closes it.

    `wanted`: the address that the settings name. `inherited`: the process before made the socket.
    """

    name: str
    wanted: str
    socket: socket.socket
    server: WebServer
    inherited: bool


class Doors:
    """All doors of a daemon, and the tokens that open them: made by `open`, served from `start` on.

    Raises ConfigurationError for a tokens file that cannot be used.
    """

    def __init__(self, tokens_file: Path | None) -> None:
        self._tokens_file = tokens_file
        self._inherited: dict[str, socket.socket] = {}
        self._doors: list[Door] = []
        self._serving = False
        self.tokens = Tokens()
        self.use(self.read_tokens())

    def __repr__(self) -> str:
        return f"<Doors {', '.join(door.name for door in self._doors) or 'none'}>"

    def read_tokens(self) -> Tokens:
        """Read the tokens file, which blocks. Raises ConfigurationError."""
        return Tokens() if self._tokens_file is None else Tokens.load(self._tokens_file)

    def use(self, tokens: Tokens) -> None:
        """Let those tokens open the doors from now on, and no others."""
        self.tokens = tokens
        for warning in tokens.warnings:
            _log.warning("settings.warning", detail=warning)

    def inherit(self, sockets: Mapping[str, socket.socket]) -> None:
        """Take over the listening sockets of the process before, by `name_of`.

        Used by `open` where the settings name the same address; the others are closed.
        """
        self._inherited |= sockets

    async def open(
        self,
        name: str,
        served: Served,
        app: ASGIApp,
        limits: Limits,
        counting: Counting = NOBODY,
    ) -> None:
        """Make ready to serve an application on its Unix socket and its TCP address, where set.

        Callers may connect, and wait for `start`; `counting` is told what comes of them. Raises
        ConfigurationError for an address that is taken or cannot be had.
        """
        serve = partial(WebServer, app, limits=limits, counting=counting)
        if served.socket is not None:
            wanted = str(served.socket)
            taken = self._inherited.pop(name_of(f"{name}.unix", wanted), None)
            made = taken or unix_socket(served.socket)
            server = serve([made], name=f"{name}.unix")
            self._doors.append(Door(f"{name}.unix", wanted, made, server, taken is not None))
        if served.listen is not None:
            tls = None
            if served.tls_certificate is not None and served.tls_key is not None:
                tls = server_context(served.tls_certificate, served.tls_key)
            taken = self._inherited.pop(name_of(f"{name}.tcp", served.listen), None)
            made = taken or tcp_socket(served.listen)
            server = serve([made], tls=tls, name=f"{name}.tcp")
            self._doors.append(Door(f"{name}.tcp", served.listen, made, server, taken is not None))

    async def start(self) -> None:
        """Serve at all doors that were opened. What was inherited and is not wanted is closed."""
        self._serving = True
        for door in self._doors:
            await door.server.start()
            _log.info("door.opened", door=door.name, at=_address(door.socket))
        for unwanted in self._inherited.values():
            if (file := SocketFile.of(unwanted)) is not None:
                file.remove()
        self._close_unused()

    @property
    def addresses(self) -> dict[str, str]:
        """Where callers come in, by door."""
        return {door.name: _address(door.socket) for door in self._doors}

    @property
    def failed(self) -> Exception | None:
        """What ended a server that should still serve; None when all is well."""
        return next((d.server.failed for d in self._doors if d.server.failed), None)

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """Yield each door's name, connections and readers of events."""
        for door in self._doors:
            yield door.name, door.server.connections, door.server.event_readers

    def stop_accepting(self) -> dict[str, socket.socket]:
        """Let nobody in any more; the sockets stay open, for a successor, by `name_of`."""
        for door in self._doors:
            door.server.stop_accepting()
        return {name_of(door.name, door.wanted): door.socket for door in self._doors}

    def resume_accepting(self) -> None:
        """Let callers in again: no successor took the sockets."""
        for door in self._doors:
            door.server.resume_accepting()

    async def close(self, grace: float) -> None:
        """Close all doors: running answers get `grace` seconds.

        Socket files go as well, unless a successor was given the sockets (`stop_accepting`), or
        they are still those of the process before. Where this is broken off, say it again, with
        less grace.
        """
        for door in self._doors:
            if door.inherited and not self._serving:
                door.server.stop_accepting()
        await asyncio.gather(*(door.server.close(grace) for door in self._doors))
        self._doors = []
        self._close_unused()

    def _close_unused(self) -> None:
        for unused in self._inherited.values():
            unused.close()
        self._inherited.clear()


def name_of(door: str, address: str) -> str:
    """Return the name under which a listening socket is passed on: its door, and what it is for."""
    return f"{door}@{address}"


def _address(door: socket.socket) -> str:
    name = door.getsockname()
    if isinstance(name, str):
        return name
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

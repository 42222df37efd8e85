"""Ports that stay ours while nothing listens on them, so that what stops can come back there.

Knows sockets alone. Each port is bound once more by a socket that never listens: connections are
refused meanwhile, and nobody else is given the port.
"""

from __future__ import annotations

import asyncio
import socket


class Anchors:
    """The ports that are held; release them in the end."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], socket.socket] = {}

    def __repr__(self) -> str:
        return f"<Anchors of {len(self._held)} ports>"

    def hold(self, server: asyncio.Server) -> None:
        """Hold the ports of a server that is bound and does not listen yet; OSError: they cannot.

        Behind a listening socket a port could not be bound again.
        """
        for listening in server.sockets:
            address = listening.getsockname()
            if address not in self._held:
                anchor = self._held[address] = socket.socket(listening.family)
                anchor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                anchor.bind(address)

    def release(self) -> None:
        """Let go of all ports; idempotent."""
        for anchor in self._held.values():
            anchor.close()
        self._held.clear()

"""The other end of $NOTIFY_SOCKET."""

from __future__ import annotations

import asyncio
import socket


class Systemd:
    """Hears what a program tells; `environ` is what the program must be given."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(0)
        self.environ = {"NOTIFY_SOCKET": address}

    def heard(self) -> list[str]:
        """Return the messages so far, each once."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found

    async def next(self) -> str:
        """Wait for a message."""
        return (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode()

"""`python -m listener.operations.alive [SOCKET]`: does the daemon here answer? For HEALTHCHECK.

Exit code 0 when it does, ready or not (a container that waits for Finesse must not be restarted),
else 1 with a sentence. Asks over the Unix socket, once, for 4 s at most.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from listener.client import Client
from listener.errors import ListenerError
from listener.settings.places import client_socket, own_socket

WITHIN = 4.0


async def ask(socket: Path) -> str | None:
    """Return what is wrong with the daemon at that socket, None when it answers."""
    try:
        async with asyncio.timeout(WITHIN), Client.unix(socket) as client:
            await client.ready()
    except TimeoutError:
        return f"{socket}: no answer in {WITHIN:g} s"
    except ListenerError as error:
        return str(error)
    return None


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ask the daemon at the socket that is named, or where the environment puts it."""
    named = Path(arguments[0]) if arguments else own_socket(environ)
    socket = named or client_socket(None, environ)
    trouble = asyncio.run(ask(socket)) if socket else "no daemon's socket is here"
    if trouble is not None:
        sys.stderr.write(f"listener: {trouble}\n")
    return int(trouble is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

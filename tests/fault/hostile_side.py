"""Two sessions in a process of their own, whose memory is measured while one of them is flooded.

`python -m tests.fault.hostile_side PORT`. Says one JSON object per line: how it is flooded is the
other side's business. Between two lines of standard input the peak of memory is counted anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.shell.scripted_xmpp import session_to, until


def status(name: str) -> int:
    """Return a size from the kernel's books of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def forget_peak() -> None:
    """Let the peak be counted from here (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def say(**told: Any) -> None:
    """Tell the other side."""
    print(json.dumps(told), flush=True)  # noqa: T201


async def main(port: int) -> None:
    """Live until standard input ends."""
    server = SimpleNamespace(port=port)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    neighbour = session_to(server, agent="1002", resource="listener-neighbour")
    await neighbour.open()
    pings = 0

    async def ask() -> None:
        nonlocal pings
        while await neighbour.ping(20):
            pings += 1

    asking = asyncio.create_task(ask())
    while True:
        session = session_to(server)
        await session.open()
        forget_peak()
        before, asked = status("VmRSS"), pings
        say(ready=True)
        ending = asyncio.create_task(session.closed())
        line = asyncio.create_task(reader.readline())
        await asyncio.wait({ending, line}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            break
        grown = status("VmHWM") - before
        seen = pings
        await until(lambda seen=seen: pings > seen or asking.done())
        told = ending.result()
        say(
            cause=told.cause,
            detail=told.detail,
            grown=grown,
            during=seen - asked,
            neighbour=not asking.done(),
        )
        if not await line:
            break
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    for each in (neighbour, session):
        await each.close(graceful=False)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

"""The real command in a process of its own: started, interrupted, read to its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.shell.stage import PASSWORD, A

WITHIN = 150.0


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> list[str]:
        """The lines on standard error that are no log lines."""
        return [line for line in self.err.splitlines() if not line.startswith(("20", "{"))]


def config(
    folder: Path,
    *,
    node: dict[str, Any],
    ca: Path | str | None,
    agents: tuple[str, ...] = (A,),
    passwords: dict[str, str] | None = None,
    finesse: str = "",
    more: str = "",
) -> Path:
    """Write a settings file with a secret file for each agent; return its path."""
    inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in node.items())
    lines = ["[finesse]", f"nodes = [{{ {inline} }}]", finesse]
    if ca is not None:
        lines.append(f"ca_file = {json.dumps(str(ca))}")
    secrets = folder / "passwords"
    secrets.mkdir(exist_ok=True)
    for agent in agents:
        lines += ["[[agents]]", f"id = {json.dumps(agent)}"]
        file = secrets / agent.replace("/", "_")
        file.write_text((passwords or PASSWORD).get(agent, "none"))
        file.chmod(0o600)
    lines += ["[defaults]", f"password_dir = {json.dumps(str(secrets))}", more]
    path = folder / "listener.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@asynccontextmanager
async def started(*args: object, dev: bool = True) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m listener ...`; it is killed at the end if it has not ended.

    `dev`: with all that Python can look out for at run time, more than twice the work.
    """
    mode = ("-X", "dev") if dev else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *mode, "-m", "listener", *map(str, args)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if not key.startswith("LISTENER_")},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ended(process: asyncio.subprocess.Process, within: float = WITHIN) -> Ended:
    """Read a command to its end."""
    async with asyncio.timeout(within):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def listener(*args: object, interrupt_after: float | None = None) -> Ended:
    """Run a command to its end; SIGINT after so many seconds, if given, and again every 2 s.

    Again, because Python itself loses one that comes while it imports.
    """
    async with started(*args) as process:
        pressing = asyncio.create_task(_press(process, interrupt_after))
        try:
            return await ended(process)
        finally:
            pressing.cancel()
            await asyncio.gather(pressing, return_exceptions=True)


async def _press(process: asyncio.subprocess.Process, after: float | None) -> None:
    if after is None:
        return
    await asyncio.sleep(after)
    while process.returncode is None:
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(2)


async def line_with(process: asyncio.subprocess.Process, word: str) -> str:
    """Read standard error up to a line that holds a word; return all of it."""
    assert process.stderr is not None
    read = ""
    async with asyncio.timeout(WITHIN):
        while line := (await process.stderr.readline()).decode():
            read += line
            if word in line:
                return read
    raise AssertionError(read)

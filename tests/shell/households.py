"""Daemons as real processes that hand over to each other, under a systemd that only listens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from listener.simulator.assembly import Simulator
from tests.shell import program
from tests.shell.handing import caller
from tests.shell.stage import A, B, node_of, until

DYING = Path(__file__).with_name("dying.py")
DEAD = (httpx.TransportError, OSError)
WITHIN = 150.0


@dataclass
class Household:
    """A settings file, the processes that were started by it, and what systemd was told."""

    simulator: Simulator
    folder: Path
    config: Path
    notified: socket.socket
    told: list[str] = field(default_factory=list)
    started: list[asyncio.subprocess.Process] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    def caller(self) -> httpx.AsyncClient:
        return caller(self.socket)

    async def start(self, *runner: str) -> asyncio.subprocess.Process:
        """Start a daemon, and wait until it serves. `runner`: instead of plain Python."""
        with (self.folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *runner, "-m", "listener", "run", "--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("LISTENER_")}
                | {"NOTIFY_SOCKET": str(self.folder / "notify")},
            )
        self.started.append(process)
        await self.ready()
        return process

    async def ready(self) -> None:
        """Wait until all agents are up."""
        async with asyncio.timeout(WITHIN):
            while True:
                with suppress(*DEAD):
                    async with self.caller() as client:
                        info = (await client.get("/v1/info")).json()
                        if info["agents"]["up"] == info["agents"]["held"]:
                            return
                await asyncio.sleep(0.05)

    def socket_answers(self) -> bool:
        """Say whether anybody listens there."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    async def hand_over(self) -> program.Ended:
        """Run `listener handover` to its end."""
        return await program.listener("handover", "--config", self.config)

    def hear(self) -> None:
        """Take what systemd was told."""
        with suppress(BlockingIOError):
            while True:
                for line in self.notified.recv(65536).decode().splitlines():
                    self.told.append(line)
                    if line.startswith("MAINPID="):
                        self.pids.append(int(line.removeprefix("MAINPID=")))

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    async def end(self) -> None:
        """End what was started here, and what that started."""
        self.hear()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            for process in self.started:
                if process.returncode is None:
                    process.send_signal(number)
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await asyncio.gather(*(process.wait() for process in self.started))
                    await until(lambda: not any(map(alive, self.pids)))
                    return


def alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has taken note of does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@asynccontextmanager
async def household(
    simulator: Simulator, folder: Path, *, more: str = "", **how: Any
) -> AsyncIterator[Household]:
    """Prepare a folder for daemons; end them all afterwards."""
    config = program.config(
        folder,
        node=node_of(simulator),
        ca=simulator.write_ca(folder / "ca.pem"),
        agents=(A, B),
        more=f'[api]\nsocket = "s"\n[journal]\npath = "j.sqlite"\n[logs]\nformat = "json"\n{more}',
        **how,
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notified:
        notified.bind(str(folder / "notify"))
        found = Household(simulator, folder, config, notified)
        try:
            yield found
        finally:
            await found.end()

"""A simulated Finesse and a whole daemon over it, with its API on a socket and on TCP."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from listener import daemon
from listener.client import Client
from listener.settings import load
from listener.simulator.assembly import Simulator
from listener.station import Station
from listener.web.tokens import digest_of
from tests.shell import program
from tests.shell.stage import PACES, A, B, answered_call, node_of, simulated, until


@dataclass
class House:
    """What a test finds running; `tokens` by their scope."""

    folder: Path
    config: Path
    socket: Path
    simulator: Simulator
    station: Station
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        """The API over TCP."""
        return "http://" + self.station.doors.addresses["api.tcp"]

    @property
    def dropin(self) -> str:
        """The drop-in over TCP."""
        return "http://" + self.station.doors.addresses["dropin.tcp"]

    def token_file(self, scope: str) -> Path:
        """Write a token into a file of its own."""
        file = self.folder / f"token-{scope}"
        file.write_text(self.tokens[scope] + "\n")
        return file

    def client(self) -> Client:
        """Return a client over the socket."""
        return Client.unix(self.socket)

    async def call(self, agent: str = A) -> str:
        """Let a customer call and the agent answer; returns the dialog's id."""
        return await answered_call(self.simulator, self.station.listener, agent)


def write_tokens(file: Path) -> dict[str, str]:
    """Write a tokens file with a token for each scope; return them."""
    tokens = {scope: secrets.token_urlsafe(32) for scope in ("read", "request", "admin")}
    file.write_text(
        "".join(
            f'[[tokens]]\nname = "{scope}er"\nscopes = ["{scope}"]\n'
            f'token_sha256 = "{digest_of(token).hex()}"\n'
            for scope, token in tokens.items()
        )
    )
    file.chmod(0o600)
    return tokens


@asynccontextmanager
async def housed(
    folder: Path, *, agents: tuple[str, ...] = (A, B), more: str = "", **how: Any
) -> AsyncIterator[House]:
    """Run a simulator and a daemon in this loop; the daemon's sessions are up.

    `how` goes to the simulator, `more` to the end of the settings file.
    """
    async with simulated(**how) as simulator, moved_in(simulator, folder, agents, more) as house:
        yield house


@asynccontextmanager
async def moved_in(
    simulator: Simulator, folder: Path, agents: tuple[str, ...] = (A, B), more: str = ""
) -> AsyncIterator[House]:
    """Run a daemon for a simulator that is there; in the same folder it finds its journal again."""
    tokens = write_tokens(folder / "tokens.toml")
    config = program.config(
        folder,
        node=node_of(simulator),
        ca=simulator.write_ca(folder / "ca.pem"),
        agents=agents,
        more='[api]\nsocket = "s"\nlisten = "127.0.0.1:0"\ntokens_file = "tokens.toml"\n'
        f'[journal]\npath = "journal.sqlite"\n{more}',
    )
    begun: asyncio.Future[Station] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    running = asyncio.create_task(
        daemon.serve(
            load(config, {}),
            stop,
            paces=PACES,
            again=lambda: load(config, {}),
            started=begun.set_result,
        )
    )
    try:
        await asyncio.wait({begun, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        station = begun.result()
        await until(lambda: station.listener.roster.up == len(agents))
        yield House(folder, config, folder / "s", simulator, station, tokens)
    finally:
        stop.set()
        await running

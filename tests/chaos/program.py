"""The daemon as a process of its own: settings, start, kill, hand-over, reload, memory, last words.

Knows the process; knows nothing of requests.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.chaos.deployment import SPARE
from tests.chaos.memory import Memory
from tests.chaos.stalls import Stalls
from tests.fault.test_handover_load import Successor
from tests.shell import program
from tests.shell.stage import until

if TYPE_CHECKING:
    from tests.chaos.deployment import Deployment

DEAD = (httpx.TransportError, OSError)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used; without it httpx reads all certificates of the machine for each client, in 30 ms."""
PATIENCE = 150.0
"""Seconds for a start or an end on a machine that is busy with something else."""
DRAIN = 3.0
TOLD = 3  # times a hand-over is asked for that is refused
AGAIN = 1.0  # seconds between them
ASKED = 8.0
"""The largest Prefer: wait of a caller here: a daemon that ends lets callers have their answers."""
WRONG_WORDS = re.compile(
    r"Task was destroyed|never awaited|never retrieved|ResourceWarning|Traceback|"
    r'"level": ?"(?:error|critical)"|Fatal Python error'
)


def _port_of_its_own() -> int:
    """Return a port that no outgoing connection takes while the daemon is away."""
    for number in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", number))
            return number
    raise OSError("no free port between 20000 and 30000")


SAID_RIGHTLY = ('"event": "credentials.withheld"', "have no session in the new process")
"""Errors that a story makes: Finesse answers 401; a link is cut while a hand-over looks at it."""


class Second(Successor):
    """The process that took over, for whose end there is more time."""

    async def wait(self) -> int:
        """Wait until it has ended; `PATIENCE` is who calls' business."""
        await until(lambda: self.returncode is not None, 2 * PATIENCE)
        return 0


class Program:
    """One daemon after the other, with the same settings and the same journal.

    `runner`: words for `tests.chaos.inside`; `flags` for Python itself. `restarts` are (told to
    end, serves again), those of hand-overs too; `downs` when a process had ended. `faults` has what
    was wrong with a process, `stalls` when its loop was late, `memory` what there is in it. `lag`:
    by how many seconds its loop was late at worst, `own_lag`: by its own work.
    """

    def __init__(
        self,
        work: Path,
        deployment: Deployment,
        *,
        runner: Sequence[str] = (),
        flags: Sequence[str] = (),
    ) -> None:
        self.socket = work / "run" / "api.sock"
        self.dropin = f"http://127.0.0.1:{_port_of_its_own()}"
        self.log = work / "daemon.log"
        self.journal = work / "state" / "journal.sqlite"
        self.restarts: list[tuple[float, float]] = []
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.memory = Memory(work)
        self.lag = self.own_lag = 0.0
        self.stalls = Stalls()
        self.over = False  # it was ended for good, or cannot be started
        self.downs: list[float] = []
        self._work = work
        self._deployment = deployment
        inside = ("-m", "tests.chaos.inside", *runner, str(work))
        self._command = (sys.executable, *flags, *inside)
        self._process: asyncio.subprocess.Process | Successor | None = None
        self._one = asyncio.Lock()
        self._spare = False
        self._read = 0
        self._text = self._made()
        self._config = self._write()

    # -- settings ---------------------------------------------------------------------------------

    def _write(self) -> Path:
        """Write the settings, at once, for the daemon may be reading them; the spare or not."""
        spare = f'[[agents]]\nid = "{SPARE.id}"\n'
        assert spare in self._text
        whole = self._work / "chaos.new"
        whole.write_text(self._text if self._spare else self._text.replace(spare, ""), "utf-8")
        return whole.rename(self._work / "chaos.toml")

    def _made(self) -> str:
        work, deployment = self._work, self._deployment
        (work / "state").mkdir(mode=0o700, exist_ok=True)
        ids = tuple(spec.id for spec in (*deployment.agents, SPARE))
        secrets = {spec.id: spec.password for spec in (*deployment.agents, SPARE)}
        nodes = [
            f'{{ host = "127.0.0.1", rest_port = {rest.port}, xmpp_port = {xmpp.port} }}'
            for xmpp, rest in zip(deployment.xmpp, deployment.rest, strict=True)
        ]
        port = self.dropin.rpartition(":")[2]
        more = f"""
[api]
socket = {json.dumps(str(self.socket))}
[dropin]
listen = "127.0.0.1:{port}"
require_token = false
[journal]
path = {json.dumps(str(self.journal))}
keep_call_data = true
[requests]
tombstone_minutes = 3
[timings]
ping_interval = 2.5
ping_timeout = 2.5
connect_deadline = 5
rest_wait = 2
rest_connect = 2
rest_answer = 4
rest_total = 8
drain = {DRAIN}
[logs]
format = "json"
"""
        file = program.config(
            work,
            node={},
            ca=deployment.sim.write_ca(work / "ca.pem"),
            agents=ids,
            passwords=secrets,
            more=more,
        )
        text = file.read_text(encoding="utf-8")
        return text.replace("nodes = [{  }]", f"nodes = [{', '.join(nodes)}]")

    # -- life -------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The process that serves."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def client(self, timeout: float = 30.0) -> httpx.AsyncClient:
        """Return a client that begins a connection for each call."""
        limits = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket), limits=limits, verify=NO_TLS)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=timeout)

    async def start(self) -> None:
        """Start it, and wait until it is ready (a session is up)."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._command, "run", "--config", str(self._config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("LISTENER_")},
            )
        await self._until("/livez")

    async def ready(self) -> None:
        """Wait until sessions are up."""
        await self._until("/readyz")

    async def _until(self, path: str) -> None:
        async with self.client() as client, asyncio.timeout(PATIENCE):
            while True:
                assert self._process is not None
                if self._process.returncode is not None:
                    self.over = True
                    tail = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
                    raise AssertionError(f"the daemon ended at its start:\n{tail}")
                with suppress(*DEAD):
                    if (await client.get(path)).status_code == 200:
                        return
                await asyncio.sleep(0.02)

    async def kill(self, back: float) -> None:
        """`kill -9`, and start it again after so many seconds."""
        async with self._one:
            self._count("kill -9")
            assert self._process is not None
            begun = time.monotonic()
            self._process.kill()
            await self._again(begun, back)

    async def term(self, back: float) -> None:
        """SIGTERM, wait for its end, and start it again."""
        async with self._one:
            self._count("SIGTERM")
            assert self._process is not None
            begun = time.monotonic()
            self._process.terminate()
            code = await self._ended()
            if code != 0:
                self.faults.append(f"the daemon ended with {code} at SIGTERM")
            await self._again(begun, back)

    async def _ended(self) -> int | None:
        assert self._process is not None
        try:
            return await asyncio.wait_for(self._process.wait(), PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            self.faults.append(f"the daemon did not end in {PATIENCE:g} s")
            return 0

    async def _again(self, begun: float, back: float) -> None:
        assert self._process is not None
        await self._process.wait()
        self.downs.append(time.monotonic())
        await asyncio.sleep(back)
        await self.start()
        self.restarts.append((begun, time.monotonic()))

    async def hand_over(self) -> None:
        """Let a second process take over; said again where it is refused, as a person would."""
        async with self._one:
            for _ in range(TOLD):
                if await self._handed_over():
                    return
                await asyncio.sleep(AGAIN)

    async def _handed_over(self) -> bool:
        before, begun = self._process, time.monotonic()
        assert before is not None
        async with program.started("handover", "--config", self._config) as process:
            end = await program.ended(process, PATIENCE)
        if end.code != 0:
            self._count("hand-overs refused")
            return False
        self._count("hand-overs")
        pid = int(end.out.partition("pid ")[2].partition(")")[0])
        self._process = Second(pid)
        if await asyncio.wait_for(before.wait(), PATIENCE) != 0:
            self.faults.append("the process that handed over did not end well")
        self.restarts.append((begun, time.monotonic()))
        return True

    async def reload(self) -> None:
        """Let an agent more, or no more, be in the settings, and SIGHUP."""
        async with self._one:
            self._count("reloads")
            self._spare = not self._spare
            self._write()
            if (pid := self.pid) is not None:
                os.kill(pid, signal.SIGHUP)

    async def end(self) -> None:
        """End it for good."""
        async with self._one:
            self.over = True
            if self.pid is None or self._process is None:
                return
            self._process.terminate()
            if await self._ended() != 0:
                self.faults.append("the daemon did not end well at the last SIGTERM")

    async def stop_now(self) -> None:
        """Kill what is left, when a run is broken off."""
        if self._process is not None and self.pid is not None:
            self._process.kill()
            await self._process.wait()

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    # -- looked at --------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Sample memory and the loop's lag until cancelled."""
        before, late = time.monotonic(), 0.0
        while True:
            if (pid := self.pid) is not None:
                self.memory.sample(pid)
            elif not self._one.locked() and not self.over:
                await self._revive()
            with suppress(*DEAD):
                async with self.client(5.0) as client:
                    text = (await client.get("/metrics")).text
                worst, times = _figure("loop_lag_seconds", text), _figure("loop_late_total", text)
                self.lag = max(self.lag, worst)
                self.own_lag = max(self.own_lag, _figure("loop_own_lag_seconds", text))
                now = time.monotonic()
                if times not in {0.0, late}:  # another process begins to count anew
                    self.stalls.note(before, now, worst)
                before, late = now, times
            await asyncio.sleep(2.0)

    async def count(self, agents: int) -> None:
        """Have it counted what is in the daemon, if it can be asked; nothing may be open.

        `agents`: how many have a session.
        """
        if self.pid is not None and not isinstance(self._process, Successor):
            await self.memory.count(agents)

    async def _revive(self) -> None:
        """Start it again where it ended by itself, which is a find."""
        async with self._one:
            if self.pid is None and self._process is not None:
                self.faults.append(f"the daemon ended by itself with {self._process.returncode}")
                await self._again(time.monotonic(), 0.0)

    def words(self) -> list[str]:
        """Return the lines of its log since the last time that speak of a fault of its own."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        text = new.decode("utf-8", "replace")
        return [
            line[:1500]
            for line in text.splitlines()
            if WRONG_WORDS.search(line) and not any(words in line for words in SAID_RIGHTLY)
        ]


def _figure(name: str, text: str) -> float:
    found = re.search(rf"{name}\S* ([\d.e+-]+)", text)
    return float(found[1]) if found is not None else 0.0

# ruff: noqa: PLC0415 - each process imports only what it needs
"""A simulated Finesse and a daemon, each in a process of its own, and a raw HTTP client for load.

For the benchmarks that need a whole daemon. The client is an asyncio protocol: a comfortable one
would cost more than what is measured.

Run `python -m tests.benchmarks.running simulate FOLDER EVENTS_PER_SECOND AGENT...`: every agent has
an answered call; writes `simulator.json` (ports and dialogs) and serves until killed. With
EVENTS_PER_SECOND above 0 the first agent's call data changes so often. `echo SOCKET` gives every
request the same answer at once: what another process and a socket cost by themselves.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds for a step that has to come
CUSTOMER = "+12025550101"
FILLING = {f"callVariable{n}": f"made up value {n} of a customer" for n in range(2, 11)}


@dataclass
class Simulated:
    """A simulated Finesse in another process; `dialogs` has each agent's call."""

    folder: Path
    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    dialogs: dict[str, str]

    def node(self) -> dict[str, Any]:
        """Return the node's entry in the settings."""
        return {"host": "127.0.0.1", **self.ports}


@dataclass
class Running:
    """A daemon in another process, with its API on a Unix socket."""

    socket: Path
    process: subprocess.Popen[bytes]

    def resident(self) -> float:
        """Return its resident set in MiB."""
        return resident(self.process.pid)


def resident(pid: int) -> float:
    """Return the resident set of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time that a process has had."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def simulated(folder: Path, agents: list[str], events: float = 0.0) -> Iterator[Simulated]:
    """Run a simulator with a call for each agent."""
    arguments = ["simulate", str(folder), str(events), *agents]
    command = [sys.executable, "-m", "tests.benchmarks.running", *arguments]
    with _running(command, folder, "simulator") as process:
        file = folder / "simulator.json"
        _until(file.exists, "the simulator did not start")
        told = json.loads(file.read_text())
        yield Simulated(folder, process, told["ports"], told["dialogs"])


def settings_file(simulated: Simulated, name: str, agents: list[str], more: str = "") -> Path:
    """Write the settings of a listener for some of the agents, in a folder of that name."""
    from tests.shell.program import config

    folder = simulated.folder / name
    folder.mkdir(mode=0o700)
    return config(
        folder,
        node=simulated.node(),
        ca=simulated.folder / "ca.pem",
        agents=tuple(agents),
        passwords={agent: f"secret-{agent}" for agent in agents},
        more=f"{more}\n[requests]\nmax_pending_per_agent = 1000\n[logs]\nformat = 'json'\n",
    )


@contextmanager
def daemon(
    simulated: Simulated, name: str, agents: list[str], *, journal: bool, profile: bool = False
) -> Iterator[Running]:
    """Run a daemon whose sessions are all up; its log goes to a file.

    With `profile` it runs under cProfile, and `FOLDER/NAME/profile` has what it found.
    """
    more = f'[api]\nsocket = "s"\n[journal]\npath = "{"journal.sqlite" if journal else ""}"\n'
    file = settings_file(simulated, name, agents, more)
    how = ["-m", "cProfile", "-o", str(file.parent / "profile")] if profile else []
    command = [sys.executable, *how, "-m", "listener", "run", "--config", str(file)]
    with _running(command, file.parent, "daemon") as process:
        running = Running(file.parent / "s", process)
        _until(lambda: _all_up(running), f"the sessions of {name} did not come up")
        yield running


@contextmanager
def echo(folder: Path) -> Iterator[Path]:
    """Run a process that answers every request with a confirmed outcome; yield its socket."""
    path = folder / "echo"
    command = [sys.executable, "-m", "tests.benchmarks.running", "echo", str(path)]
    with _running(command, folder, "echoing"):
        _until(path.exists, "the echo did not start")
        yield path


@contextmanager
def _running(command: list[str], folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LISTENER_")}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    try:
        yield process
    except BaseException:
        tail = (folder / f"{name}.log").read_text(errors="replace")[-2000:]
        sys.stderr.write(f"the last words of {name}:\n{tail}\n")
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _all_up(running: Running) -> bool:
    if running.process.poll() is not None:
        raise SystemExit("the daemon ended by itself")
    try:
        return all(agent["live"] for agent in get(running.socket, "/v1/agents")["agents"])
    except (OSError, http.client.HTTPException):
        return False


def get(path: Path, target: str) -> Any:
    """Read one resource over a Unix socket, outside of a loop."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", target)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _until(holds: Any, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        time.sleep(0.05)


# --- a client ---


class Connection(asyncio.Protocol):
    """A connection that is kept; one request at a time."""

    def __init__(self) -> None:
        self._got = bytearray()
        self._waiting: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand over an answer once it is complete; answers have a length here."""
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or self._waiting is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            waiting, self._waiting = self._waiting, None
            self._got.clear()
            if not waiting.done():
                waiting.set_result(bytes(head[:12]) + bytes(body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError())

    async def ask(self, request: bytes) -> dict[str, Any]:
        """Send a whole request and return the answer's document; anything but 200 is an error."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._waiting
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the daemon answered {answer[:500].decode(errors='replace')}")
        return json.loads(answer[12:])

    def close(self) -> None:
        """End it."""
        self._transport.close()


class Client:
    """Connections to a Unix socket, as many as are busy at once."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._free: list[Connection] = []

    async def post(self, target: str, document: dict[str, Any], headers: str = "") -> Any:
        """Post a document, and return the answer's."""
        body = json.dumps(document).encode()
        head = (
            f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        connection = self._free.pop() if self._free else await self._connect()
        answer = await connection.ask(head.encode() + body)
        self._free.append(connection)
        return answer

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(Connection, self._path)
        return connection

    def close(self) -> None:
        """Close what is free."""
        for connection in self._free:
            connection.close()
        self._free.clear()


# --- the simulator's process ---


async def simulate(folder: Path, events: float, agents: list[str]) -> None:
    """Serve until killed."""
    from listener.simulator.assembly import Simulator
    from listener.simulator.users import AgentSpec

    specs = [AgentSpec(id=a, password=f"secret-{a}", extension=f"9{a}") for a in agents]
    async with Simulator(agents=specs, pace=0.0) as simulator:
        simulator.write_ca(folder / "ca.pem")
        dialogs = {}
        for agent in agents:
            dialogs[agent] = await simulator.finesse.incoming_call(agent, CUSTOMER)
            await simulator.telephone.answer(agent, dialogs[agent])
        told = {
            "ports": {"rest_port": simulator.http.port, "xmpp_port": simulator.xmpp_port},
            "dialogs": dialogs,
        }
        (folder / "simulator.new").write_text(json.dumps(told))
        (folder / "simulator.new").rename(folder / "simulator.json")
        await (_change(simulator, agents[0], dialogs[agents[0]], events) if events else _ever())


async def _ever() -> None:
    await asyncio.Event().wait()


async def _change(simulator: Any, agent: str, dialog: str, events: float) -> None:
    """Change call data, each time at its planned moment; callVariable1 says when that was."""
    loop = asyncio.get_running_loop()
    planned = loop.time()
    while True:
        planned += 1 / events
        await asyncio.sleep(planned - loop.time())
        # CLOCK_MONOTONIC is one clock for all processes of the machine.
        values = {**FILLING, "callVariable1": str(time.monotonic_ns())}
        answer = await simulator.desktop.press(agent, "UPDATE_CALL_DATA", dialog, variables=values)
        assert answer.status == 202, answer


# --- the echo's process ---


class Echo(asyncio.Protocol):
    """Answers whatever comes, as if it were one whole request."""

    ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n{"outcome":{"kind": "confirmed"}}'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(self.ANSWER)


async def answer_at(path: str) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_unix_server(Echo, path)
    await server.serve_forever()


if __name__ == "__main__":
    _, word, where, *further = sys.argv
    if word == "echo":
        asyncio.run(answer_at(where))
    else:
        asyncio.run(simulate(Path(where), float(further[0]), further[1:]))

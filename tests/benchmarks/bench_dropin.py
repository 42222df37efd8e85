# ruff: noqa: PLC0415 - each process imports only what it needs
"""The drop-in beside direct calls to the simulator: what the way through the daemon adds.

Run `python -m tests.benchmarks.bench_dropin [rounds]`. Simulator, daemon (session and drop-in) and
client are processes of their own. The client takes turns: one request directly, one through the
drop-in, the same for each, over kept-alive connections. Directly is HTTPS to the simulator; through
the drop-in is HTTP to the daemon and from there the same HTTPS. `get` is GET of the user, `put` is
HOLD and RETRIEVE in turn, each tracked by the daemon. Both as one client that asks again as soon as
it is answered, and (`..._paced`) as ten that ask each way twice a second, evenly spread.

`added_p50_ms` and `added_p99_ms` are the differences of the percentiles, the worst of the four.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 400
CLIENTS = 10
PERIOD = 0.5  # seconds between two turns of one of them
PLACES = [number / CLIENTS for number in range(CLIENTS)]  # of each in a period
LONGEST = 120  # seconds for a process to come up
AGENTS = [str(1001001 + number) for number in range(CLIENTS)]
PASSWORD = "correct-horse-1"


# --- the processes behind the client; each writes a file when it is there ---


def _ready(folder: str, name: str, *words: object) -> None:
    (Path(folder) / f"{name}.new").write_text(" ".join(map(str, words)))
    (Path(folder) / f"{name}.new").rename(Path(folder) / name)


async def simulate(folder: str) -> None:
    """Run a simulator with a call for each agent; writes its ports and the dialogs."""
    from listener.simulator.users import AgentSpec
    from tests.shell.stage import CUSTOMER, simulated

    specs = tuple(AgentSpec(id=id_, password=PASSWORD, extension=id_) for id_ in AGENTS)
    async with simulated(agents=specs) as simulator:
        simulator.write_ca(Path(folder) / "ca.pem")
        dialogs = []
        for agent in AGENTS:
            dialogs.append(await simulator.finesse.incoming_call(agent, CUSTOMER))
            assert await simulator.telephone.answer(agent, dialogs[-1])
        await simulator.finesse.quiet()
        _ready(folder, "simulator", simulator.http.port, simulator.xmpp_port, *dialogs)
        await asyncio.Event().wait()


async def front(folder: str) -> None:
    """Run a listener for the agents with a drop-in; writes its port."""
    from listener import logs
    from listener.assembly import Listener
    from listener.settings import Settings
    from listener.tracking import Tracking
    from tests.shell.dropin_stage import placed

    logs.configure(level="ERROR", form="json")
    http, xmpp, *_ = (Path(folder) / "simulator").read_text().split()
    ca = Path(folder) / "ca.pem"
    node = {"host": "127.0.0.1", "rest_port": int(http), "xmpp_port": int(xmpp)}
    settings = Settings(
        finesse={"nodes": [node], "ca_file": ca},
        agents=[{"id": agent, "password": PASSWORD} for agent in AGENTS],
    )
    async with Listener.open(settings) as listener:
        tracking = Tracking(listener, max_sessions=0)
        async with placed(tracking, [f"https://127.0.0.1:{http}"], ca=ca) as place:
            _ready(folder, "dropin", place.url.rpartition(":")[2])
            await asyncio.Event().wait()


def _start(part: str, folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_dropin", part, folder]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _words(folder: str, name: str, process: subprocess.Popen[bytes]) -> list[str]:
    end = time.monotonic() + LONGEST
    while not (Path(folder) / name).exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{name} did not come up")
        time.sleep(0.05)
    return (Path(folder) / name).read_text().split()


# --- the client: as little of its own as HTTP allows ---


class Connection:
    """One kept-alive connection; knows answers with a Content-Length alone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int, tls: ssl.SSLContext | None) -> Connection:
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))

    async def ask(self, raw: bytes) -> tuple[float, int]:
        """Send a request; return the seconds to the end of its answer, and the status."""
        began = time.perf_counter()
        self._writer.write(raw)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if int(length or b"0"):
            await self._reader.readexactly(int(length))
        return time.perf_counter() - began, int(head[9:12])


def request(agent: str, method: str, path: str, body: str = "") -> bytes:
    """Write a request."""
    pair = base64.b64encode(f"{agent}:{PASSWORD}".encode()).decode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\n"
    if body:
        head += f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return (head + "\r\n" + body).encode()


class Turns:
    """What one agent asks, in turn: the first of a turn, and the second."""

    def __init__(self, kind: str, agent: str, dialog: str) -> None:
        self._raw = [request(agent, "GET", f"/finesse/api/User/{agent}")] * 2
        self._wanted = 200
        if kind == "put":
            target = f"<targetMediaAddress>{agent}</targetMediaAddress>"
            self._raw = [
                request(
                    agent,
                    "PUT",
                    f"/finesse/api/Dialog/{dialog}",
                    f"<Dialog>{target}<requestedAction>{name}</requestedAction></Dialog>",
                )
                for name in ("HOLD", "RETRIEVE")
            ]
            self._wanted = 202

    async def run(
        self,
        ports: dict[str, int],
        tls: ssl.SSLContext,
        rounds: int,
        *,
        begin: float = 0.0,
        period: float = 0.0,
    ) -> dict[str, list[float]]:
        """Ask directly and through the drop-in in turn; return the seconds of each.

        In seconds: `begin` from now, and `period` from one turn to the next, at least.
        """
        ways = {
            "direct": await Connection.to(ports["direct"], tls),
            "dropin": await Connection.to(ports["dropin"], None),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        loop = asyncio.get_running_loop()
        due = loop.time() + begin
        for number in range(rounds):
            await asyncio.sleep(max(due - loop.time(), 0.0))
            due += period
            order = list(ways.items()) if number % 2 == 0 else list(reversed(ways.items()))
            for (name, way), raw in zip(order, self._raw, strict=True):
                seconds, status = await way.ask(raw)
                assert status == self._wanted, f"{name} answered {status}"
                found[name].append(seconds)
        return found


async def measure(folder: str, rounds: int) -> dict[str, float]:
    """Return the figures of all four runs."""
    from listener.trust import client_context

    direct, _, *dialogs = (Path(folder) / "simulator").read_text().split()
    ports = {"direct": int(direct), "dropin": int((Path(folder) / "dropin").read_text())}
    tls = client_context(Path(folder) / "ca.pem")
    figures: dict[str, float] = {}
    for kind in ("get", "put"):
        turns = [Turns(kind, *each) for each in zip(AGENTS, dialogs, strict=True)]
        for each in turns:
            await each.run(ports, tls, 2)  # passwords, caches
        figures |= _figures(kind, [await turns[0].run(ports, tls, rounds)])
        paced = (
            each.run(ports, tls, rounds // CLIENTS, begin=1 + PERIOD * place, period=PERIOD)
            for place, each in zip(PLACES, turns, strict=True)
        )
        figures |= _figures(f"{kind}_paced", await asyncio.gather(*paced))
    names = [name for name in figures if name.endswith("_added_p99_ms")]
    figures["added_p99_ms"] = max(figures[name] for name in names)
    figures["added_p50_ms"] = max(figures[name.replace("p99", "p50")] for name in names)
    return figures


def _figures(name: str, parts: list[dict[str, list[float]]]) -> dict[str, float]:
    found: dict[str, float] = {}
    at = {"p50": 50, "p99": 99}
    told: dict[str, dict[str, float]] = {}
    for way in ("direct", "dropin"):
        times = [1000 * seconds for part in parts for seconds in part[way]]
        cut = statistics.quantiles(times, n=100)
        told[way] = {label: cut[percent - 1] for label, percent in at.items()}
    for label in at:
        direct, dropin = told["direct"][label], told["dropin"][label]
        found[f"{name}_direct_{label}_ms"] = round(direct, 3)
        found[f"{name}_dropin_{label}_ms"] = round(dropin, 3)
        found[f"{name}_added_{label}_ms"] = round(dropin - direct, 3)
        found[f"{name}_ratio_{label}"] = round(dropin / direct, 2)
    return found


def main(rounds: int = ROUNDS) -> dict[str, float]:
    """Run everything once and print it."""
    with tempfile.TemporaryDirectory() as folder:
        running: list[subprocess.Popen[bytes]] = []
        try:
            for part, name in (("--simulate", "simulator"), ("--front", "dropin")):
                running.append(_start(part, folder))
                _words(folder, name, running[-1])
            figures = asyncio.run(measure(folder, rounds))
        finally:
            for process in running:
                process.kill()
                process.wait()
    for name, value in figures.items():
        sys.stdout.write(f"{name:32} {value:10}\n")
    return figures


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--simulate"]:
        asyncio.run(simulate(given[1]))
    elif given[:1] == ["--front"]:
        asyncio.run(front(given[1]))
    else:
        main(*map(int, given[:1]))

"""1,000 event stream readers at 10 events per second, without and with one that never reads.

Run `python -m tests.benchmarks.bench_readers`. Simulator, daemon (with a journal) and readers are
processes. The simulator changes an agent's call data 10 times a second, and writes into it when
that was to happen; a reader's latency is from there to the moment at which its process has the
bytes, over Finesse's notification, the journal and the Unix socket. What the readers' process needs
for its 1,000 sockets counts as well. Every reader must get every event, once and in order.

The stalled one asks for the stream from its first event on, so that its connection is full at once,
and reads nothing. When the daemon cuts it off it comes back, so that there always is one. Rounds
without and with it take turns: `p99_ratio` is the median of with / without, each beside its
neighbour. `memory_growth_mib` is what the daemon's resident set grew by from the first round to the
last, `stalled_cost_mib` how much more it is in rounds with a stalled reader than without.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.running import ROOT, Running, cpu_seconds, daemon, get, resident, simulated

READERS = 1000
EVENTS = 10.0  # per second
ROUNDS = 4
SECONDS = 5.0  # of a round: in that time a stalled reader is cut off
SETTLING = 0.5
AGENT = "1001"
AT_ONCE = 50  # connections that are opened together

_ID = re.compile(rb"id: [^\n-]+-(\d+)\nevent: ")
_PLANNED = re.compile(rb'callVariable1"[^0-9]{1,40}(\d{9,})')
_REQUEST = "GET /v1/events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"


# --- the readers' process ---


class Reader(asyncio.Protocol):
    """Follows the stream; notes when each event came, and whether one is missing."""

    def __init__(self, taken: list[float], opened: asyncio.Event) -> None:
        self._taken = taken
        self._opened = opened
        self._rest = b""
        self._last = 0
        self.events = 0
        self.wrong = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for what happens from now on."""
        self.transport = transport
        transport.write(_REQUEST.format(query="").encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Take whole events."""
        now = time.monotonic_ns()
        if not self._opened.is_set():
            self._opened.set()
            if not data.startswith(b"HTTP/1.1 200"):
                self.wrong = data[:300].decode(errors="replace")
        data = self._rest + data
        end = data.rfind(b"\n\n") + 2
        self._rest = data[end:] if end > 1 else data
        if end == 1:
            return
        for found in _ID.finditer(data, 0, end):
            number = int(found[1])
            if self._last and number != self._last + 1:
                self.wrong = f"event {number} came behind {self._last}"
            self._last = number
            self.events += 1
        for found in _PLANNED.finditer(data, 0, end):
            self._taken.append((now - int(found[1])) / 1e6)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody should be cut off."""
        self.wrong = self.wrong or f"cut off: {exc}"
        self._opened.set()


class Stalled:
    """Asks for everything there is and reads nothing; comes back when it was cut off."""

    def __init__(self, path: str, after: str) -> None:
        self._path, self._after = path, after
        self.cut = 0
        self._connect()
        self._task = asyncio.create_task(self._come_back())

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self._path)
        self._socket.sendall(_REQUEST.format(query=f"?after={self._after}").encode())

    async def _come_back(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            poll = select.poll()  # tells of the end without reading
            poll.register(self._socket, 0)
            if poll.poll(0):
                self._socket.close()
                self.cut += 1
                self._connect()

    def close(self) -> None:
        """Go away."""
        self._task.cancel()
        self._socket.close()


async def read(path: str, first: str, pid: int) -> None:
    """Open all readers, then measure rounds as standard input asks: `SECONDS STALLED`."""
    taken: list[float] = []
    gate = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one() -> Reader:
        opened = asyncio.Event()
        async with gate:
            _, reader = await loop.create_unix_connection(lambda: Reader(taken, opened), path)
            await opened.wait()
        return reader

    readers = await asyncio.gather(*(one() for _ in range(READERS - 1)))
    gc.collect()
    gc.freeze()
    say({"readers": len(readers)})
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds, stalled = line.split()
        other = Stalled(path, first) if stalled == "True" else None
        await asyncio.sleep(SETTLING)  # until its connection is full
        taken.clear()
        before = [reader.events for reader in readers]
        await asyncio.sleep(float(seconds))
        times, mib = sorted(taken), resident(pid)
        if other is not None:
            other.close()
        wrong = next((reader.wrong for reader in readers if reader.wrong), "")
        got = [reader.events - old for reader, old in zip(readers, before, strict=True)]
        say(
            {
                "wrong": wrong,
                "least": min(got),
                "most": max(got),
                "cut": other.cut if other is not None else 0,
                "p50": times[len(times) // 2] if times else 0.0,
                "p99": times[int(len(times) * 0.99)] if times else 0.0,
                "worst": times[-1] if times else 0.0,
                "mib": mib,
            }
        )


def say(document: dict[str, Any]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


# --- the benchmark ---


class Readers:
    """The process of the readers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def answer(self) -> dict[str, Any]:
        """Return its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the readers ended by themselves")
        return json.loads(line)

    def round(self, *, stalled: bool) -> dict[str, Any]:
        """Measure one round."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{SECONDS} {stalled}\n")
        self._process.stdin.flush()
        found = self.answer()
        if found["wrong"]:
            raise SystemExit(f"a reader: {found['wrong']}")
        return found


@contextmanager
def readers_of(running: Running) -> Iterator[Readers]:
    """Open the readers of a daemon."""
    first = get(running.socket, "/v1/info")["epoch"] + "-0"
    told = (str(running.socket), first, str(running.process.pid))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bench_readers", *told],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        readers = Readers(process)
        readers.answer()
        yield readers
    finally:
        process.kill()
        process.communicate()


def measure(running: Running) -> dict[str, float]:
    """Take turns without and with a stalled reader."""
    figures: dict[str, float] = {"mib_before_readers": running.resident()}
    with readers_of(running) as readers:
        figures["mib_with_readers"] = running.resident()
        readers.round(stalled=True)  # to warm up
        figures["mib_after_first_round"] = running.resident()
        began, burnt = time.monotonic(), cpu_seconds(running.process)
        rounds = []
        for number in range(ROUNDS):
            both = {}
            for stalled in (False, True) if number % 2 == 0 else (True, False):
                both[stalled] = readers.round(stalled=stalled)
            rounds.append(both)
        busy = (cpu_seconds(running.process) - burnt) / (time.monotonic() - began)
        figures["mib_after_last_round"] = running.resident()
    for stalled, label in ((False, "without"), (True, "with")):
        for part in ("p50", "p99", "worst"):
            found = statistics.median(both[stalled][part] for both in rounds)
            figures[f"{label}_stalled_{part}_ms"] = found
    figures["p99_ratio"] = statistics.median(b[True]["p99"] / b[False]["p99"] for b in rounds)
    figures["cut_off"] = sum(both[True]["cut"] for both in rounds)
    figures["events_per_second"] = statistics.median(
        both[stalled]["least"] / SECONDS for both in rounds for stalled in both
    )
    figures["stalled_cost_mib"] = statistics.median(
        b[True]["mib"] - b[False]["mib"] for b in rounds
    )
    figures["daemon_busy"] = busy
    figures["memory_growth_mib"] = (
        figures["mib_after_last_round"] - figures["mib_after_first_round"]
    )
    return figures


def main() -> dict[str, float]:
    """Measure; return milliseconds, MiB and ratios."""
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(Path(folder), [AGENT], events=EVENTS) as world,
        daemon(world, "daemon", [AGENT], journal=True) as running,
    ):
        figures = measure(running)
    return {"readers": READERS} | {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    if len(sys.argv) == 4:  # the readers' process
        asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        sys.stdout.write(json.dumps(main(), indent=1) + "\n")

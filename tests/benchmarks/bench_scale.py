"""Thousands of agents in one process: what they cost, beside slixmpp's clients as they come.

    python -m tests.benchmarks.bench_scale [--agents 2000] [--rate 500] [--seconds 10]

prosody (any password is right) carries the streams over direct TLS; a second process is Finesse's
REST side and its pubsub service (`bench_scale_finesse`); the measured ones are processes of their
own, one after the other, each with one session before anything is measured. All on this machine:
its load is printed, for on a busy one the times by the clock say more about the neighbours.

- sizes: the daemon with 10, 100, 500 and all agents, each with `rate` events per second spread over
  them, at moments drawn beforehand. Each event settles a request, half of them tagged.
  `cpu_us_per_event` is all processor time of the daemon less what it needs when idle (pings), with
  the registration of the next request (`..._asking` of it), its log line and what is around.
  `p50_ms` and `p99_ms` are from the moment at which the event's bytes can have come at the earliest
  to its outcome, `..._busy_ms` the same in the loop's own processor time, `..._way_ms` from the
  publisher's write on, through prosody (`bench_scale_events`).
- restart: prosody is killed with half of the agents connected, and is back after 2 s.
- `alone`: our sessions without the daemon, for the XMPP part of a sign-on.
- `default`: `slixmpp.ClientXMPP` with nothing set, one handler that parses each payload; its
  restart with a quarter of the agents.

`lag` is the longest time between two looks of the loop at its sockets, `lag_busy` the same in the
loop's own processor time; `end_lag` is that of a daemon that ends at once with a request open for
each agent. What takes too long is cut off and says what it was at; the rest is measured all the
same, and all of it ends after some seven minutes. Exit code 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from listener.operations import files
from tests.benchmarks.bench_scale_side import ROOT, Side, running
from tests.benchmarks.bench_scale_tables import (
    BOUNDS,
    MOST_HANDSHAKES,
    Figures,
    met,
    say,
    summary,
    tables,
)

SIZES = (10, 100, 500)
AWAY = 2.0  # seconds for which the server is gone
ENDING = 60.0  # seconds for one measured process to end once it has told its last
LONGEST = 170.0  # seconds for one measured process
BUDGET = 400.0  # seconds for all of them
SHORTEST = 15.0  # seconds: with less than that left, nothing more is begun
__all__ = ["MOST_HANDSHAKES", "Failed", "main", "measure", "one"]


class Failed(Exception):
    """A measured process gave no figures; says why."""


def one(side: Side, kind: str, *, within: float = LONGEST, **wanted: Any) -> Figures:
    """Run one measured process; return its figures, and the server's processor time.

    Raises Failed when it fails, or takes longer than that.
    """
    if within < SHORTEST:
        raise Failed(f"no time is left of the {BUDGET:.0f} s for all")
    side.begin()
    before = side.cpu_seconds()
    where = {
        "rest_port": side.rest_port,
        "tls_port": side.tls_port,
        "control_port": side.control_port,
        "server_pid": side.prosody.pid,
    }
    command = [sys.executable, "-m", f"tests.benchmarks.bench_scale_{kind}", str(side.folder)]
    with subprocess.Popen(
        [*command, json.dumps(where | wanted)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        cut = threading.Timer(within, process.kill)
        cut.start()
        end = time.monotonic() + within
        try:
            told, restarted = _followed(process, side)
            code = process.wait(ENDING)
        finally:
            process.kill()
            cut.cancel()
    if code != 0:
        why = (
            f"it took more than {within:.0f} s" if time.monotonic() >= end else f"exit code {code}"
        )
        raise Failed(f"{why}; the last that it told: {told or 'nothing'}")
    told["server_cpu_seconds"] = side.cpu_seconds() - (0.0 if restarted else before)
    told["load"] = os.getloadavg()[0]
    return told


def _followed(process: subprocess.Popen[str], side: Side) -> tuple[Figures, bool]:
    """Do what a measured process asks for; return its last words, and whether prosody is new."""
    assert process.stdin is not None
    assert process.stdout is not None
    told: Figures = {}
    restarted = False
    for line in process.stdout:
        told = json.loads(line)
        if told.get("wants") == "restart":
            side.restart_prosody(away=AWAY)
            restarted = True
            process.stdin.write("go\n")
            process.stdin.flush()
    return told, restarted


def measure(agents: int, rate: float, seconds: float) -> dict[str, Figures]:
    """Measure everything, one process after the other; return the figures by name.

    What failed has no figures; why is printed.
    """
    found: dict[str, Figures] = {}
    end = time.monotonic() + BUDGET
    load = {"rate": rate, "seconds": seconds}
    sizes = [*(each for each in SIZES if each < agents), agents]
    files.raise_limit()  # prosody inherits it
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as side:
        for name, kind, wanted in (
            *((f"ours {size}", "ours", {"agents": size, **load}) for size in sizes),
            ("ours restart", "ours", {"agents": agents // 2, "restart": True}),
            ("alone", "clients", {"agents": agents, "alone": True}),
            ("default", "clients", {"agents": agents, **load}),
            ("default restart", "clients", {"agents": agents // 4, "restart": True}),
        ):
            began = time.monotonic()
            try:
                found[name] = one(side, kind, within=min(LONGEST, end - began), **wanted)
            except (Failed, RuntimeError, OSError, subprocess.TimeoutExpired) as failure:
                say(f"{name}: FAILED: {failure}; load {os.getloadavg()[0]:.1f}\n")
                continue
            shown = ", ".join(f"{key} {value:.4g}" for key, value in found[name].items())
            say(f"{name} ({time.monotonic() - began:.0f} s): {shown}\n")
    return found


def main(agents: int = 2000, rate: float = 500.0, seconds: float = 10.0) -> Figures:
    """Measure, print and return the summary."""
    began = time.monotonic()
    say(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores\n")
    found = measure(agents, rate, seconds)
    result = summary(found, agents)
    say(tables(found, result, agents))
    say(f"load {os.getloadavg()[0]:.2f}; it took {time.monotonic() - began:.0f} s")
    return result


def _entry() -> int:
    asked = argparse.ArgumentParser(description="What thousands of agents cost in one process.")
    asked.add_argument("--agents", type=int, default=2000)
    asked.add_argument("--rate", type=float, default=500.0, help="events per second")
    asked.add_argument("--seconds", type=float, default=10.0, help="for which events are published")
    given = asked.parse_args()
    result = main(given.agents, given.rate, given.seconds)
    return 0 if all(met(name, result[name]) for name in BOUNDS) else 1


if __name__ == "__main__":
    raise SystemExit(_entry())

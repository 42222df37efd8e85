"""Thousands of agents in one process: what they cost, beside slixmpp's clients as they come.

    python -m tests.benchmarks.bench_scale [--agents 2000] [--rate 500] [--seconds 10]

prosody (any password is right) carries the streams over direct TLS; a second process is Finesse's
REST side and its pubsub service (`bench_scale_side`); the measured ones are processes of their own,
one after the other, each with one session before anything is measured. All on this machine: its
load is printed, for on a busy one the times by the clock say more about the neighbours.

- sizes: the daemon with 10, 100, 500 and all agents, each with `rate` events per second spread over
  them. Each event settles a request, half of them tagged. `cpu_us_per_event` is all processor time
  of the daemon less what it needs when idle (pings), with the request's registration, its log line
  and what is around; `p50_ms` and `p99_ms` from the moment at which the event's bytes can have come
  at the earliest to its outcome, `..._busy_ms` the same in the loop's own processor time.
  prosody writes at the end of its turn what it has read in it, so with more agents more sockets
  become ready in one moment (`together`), and their events wait for each other here.
- `alone`: our sessions without the daemon, for the XMPP part of a sign-on.
- `default`: `slixmpp.ClientXMPP` with nothing set, one handler that parses each payload.
- restart: prosody is killed with half of the agents connected, and is back after 2 s.

`lag` is the longest time between two looks of the loop at its sockets, `lag_busy` the same in the
loop's own processor time; `end_lag` is that of a daemon that ends at once with a request open for
each agent, all of which it gives up in one turn. Exit code 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from listener.operations import files
from tests.benchmarks.bench_scale_side import ROOT, Side, running

SIZES = (10, 100, 500)
AWAY = 2.0  # seconds for which the server is gone
LONGEST = 600.0  # seconds for one measured process to end once it has told its last
MOST_HANDSHAKES = 50
BACK_WITHIN = 30.0  # seconds

Figures = dict[str, Any]


def one(side: Side, kind: str, **wanted: Any) -> Figures:
    """Run one measured process; return its figures, and the server's processor time."""
    told: Figures = {}
    before = side.cpu_seconds()
    ports = {
        "rest_port": side.rest_port,
        "tls_port": side.tls_port,
        "control_port": side.control_port,
    }
    module = f"tests.benchmarks.bench_scale_{kind}"
    with subprocess.Popen(
        [sys.executable, "-m", module, str(side.folder), json.dumps(ports | wanted)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                told = json.loads(line)
                if told.get("wants") == "restart":
                    side.restart_prosody(away=AWAY)
                    before = 0.0
                    process.stdin.write("go\n")
                    process.stdin.flush()
            if process.wait(LONGEST) != 0:
                raise SystemExit(f"{module} {wanted} failed")
        finally:
            process.kill()
    told["server_cpu_seconds"] = side.cpu_seconds() - before
    told["load"] = os.getloadavg()[0]
    return told


def measure(agents: int, rate: float, seconds: float) -> dict[str, Figures]:
    """Measure everything, one process after the other; return the figures by name."""
    found: dict[str, Figures] = {}
    files.raise_limit()  # prosody inherits it
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as side:
        load = {"rate": rate, "seconds": seconds}
        for size in (*(each for each in SIZES if each < agents), agents):
            found[f"ours {size}"] = one(side, "ours", agents=size, **load)
            say_all(f"ours {size}", found[f"ours {size}"])
        for name, kind, wanted in (
            ("alone", "clients", {"agents": agents, "alone": True}),
            ("default", "clients", {"agents": agents, **load}),
            ("ours restart", "ours", {"agents": agents // 2, "restart": True}),
            ("default restart", "clients", {"agents": agents // 2, "restart": True}),
        ):
            found[name] = one(side, kind, **wanted)
            say_all(name, found[name])
    return found


def summary(found: dict[str, Figures], agents: int) -> Figures:
    """Return what has a bound or is compared, as one flat set of figures."""
    ours, default = found[f"ours {agents}"], found["default"]
    back = found["ours restart"]
    sizes = [each for name, each in found.items() if name.startswith("ours ") and name[-1] != "t"]
    costs = [each["cpu_us_per_event"] for each in sizes]
    lags = ("sign_on_lag", "events_lag", "restart_lag")
    daemon = (*sizes, back)

    def worst(kind: str) -> float:
        return max(each.get(f"{lag}{kind}_ms", 0.0) for each in daemon for lag in lags)

    return {
        "agents": agents,
        "up": ours["up"],
        "kb_per_agent": ours["rss_per_agent"] / 1000,
        "kb_per_default_client": default["rss_per_agent"] / 1000,
        "memory_ratio": ours["rss_per_agent"] / default["rss_per_agent"],
        "agents_per_second": ours["per_second"],
        "sessions_alone_per_second": found["alone"]["per_second"],
        "default_per_second": default["per_second"],
        "cpu_ms_per_agent": ours["cpu_ms_per_agent"],
        "cpu_ms_per_session_alone": found["alone"]["cpu_ms_per_agent"],
        "cpu_ms_per_default_client": default["cpu_ms_per_agent"],
        "settled_share": min(each["settled"] / each["published"] for each in sizes),
        "p50_ms": ours["p50_ms"],
        "p99_ms": ours["p99_ms"],
        "p50_busy_ms": ours["p50_busy_ms"],
        "p99_busy_ms": ours["p99_busy_ms"],
        "together_p50": ours["together_p50"],
        "together_p99": ours["together_p99"],
        "delivered_per_second": ours["delivered_per_second"],
        "default_p99_ms": default["p99_ms"],
        "cpu_us_per_event": ours["cpu_us_per_event"],
        "cpu_growth": ours["cpu_us_per_event"] / costs[0],
        "default_cpu_us_per_event": default["cpu_us_per_event"],
        "lag_ms": worst(""),
        "lag_busy_ms": worst("_busy"),
        "end_lag_busy_ms": ours["end_lag_busy_ms"],
        "default_lag_ms": max(default.get(f"{lag}_ms", 0.0) for lag in lags),
        "most_handshakes": max(each["most_handshakes"] for each in daemon),
        "restart_handshakes": back["restart_most_handshakes"],
        "restart_seconds": back["restart_seconds"] if back["restart_all_up"] else float("inf"),
        "default_back_after_restart": found["default restart"]["restart_back"],
        "tasks_left": max(each["tasks_left"] for each in daemon),
    }


BOUNDS: dict[str, tuple[str, float]] = {
    "kb_per_agent": ("<=", 200.0),
    "agents_per_second": (">=", 150.0),
    "settled_share": (">=", 1.0),
    "p99_ms": ("<=", 10.0),
    "cpu_growth": ("<=", 1.3),
    "lag_ms": ("<=", 100.0),
    "most_handshakes": ("<=", MOST_HANDSHAKES),
    "restart_handshakes": ("<=", MOST_HANDSHAKES),
    "restart_seconds": ("<=", BACK_WITHIN),
    "tasks_left": ("<=", 0.0),
}


def met(name: str, value: float) -> bool:
    """Say whether a figure is within its bound; NaN is in none."""
    way, bound = BOUNDS[name]
    return value <= bound if way == "<=" else value >= bound


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_all(name: str, figures: Figures) -> None:
    """Write one measured process's figures."""
    shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
    say(f"{name}: {shown}\n")


def main(agents: int = 2000, rate: float = 500.0, seconds: float = 10.0) -> Figures:
    """Measure, print and return the summary."""
    say(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores\n")
    result = summary(measure(agents, rate, seconds), agents)
    for name, value in result.items():
        bound = ""
        if name in BOUNDS:
            bound = f"{' '.join(map(str, BOUNDS[name]))}  {'ok' if met(name, value) else 'MISSED'}"
        say(f"{name:28} {value:10.4g}  {bound}".rstrip())
    say(f"load {os.getloadavg()[0]:.2f}")
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

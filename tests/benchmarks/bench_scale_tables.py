"""What `bench_scale` says of what it measured: the tables, and what is within its bound."""

from __future__ import annotations

import sys
from math import isnan
from typing import Any

MOST_HANDSHAKES = 50
BACK_WITHIN = 30.0  # seconds
QUIET = 5.0  # percent of the time for which a process may wait for a processor on a quiet machine
NOTHING = float("nan")  # what was not measured; it is within no bound

Figures = dict[str, Any]

BOUNDS: dict[str, tuple[str, float]] = {
    "up_share": (">=", 1.0),
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

ROWS: tuple[tuple[str, str, float], ...] = (
    ("agents that are up", "up", 1),
    ("sign-ons per second", "per_second", 1),
    ("CPU per sign-on, ms", "cpu_ms_per_agent", 1),
    ("memory per agent, kB", "rss_per_agent", 1e-3),
    ("p50 from socket to outcome, ms", "p50_ms", 1),
    ("p99 from socket to outcome, ms", "p99_ms", 1),
    ("  in own processor time, ms", "p99_busy_ms", 1),
    ("  the worst, ms", "most_ms", 1),
    ("p50 from the publisher's write, ms", "p50_way_ms", 1),
    ("p99 from the publisher's write, ms", "p99_way_ms", 1),
    ("sockets ready together, p50", "together_p50", 1),
    ("sockets ready together, p99", "together_p99", 1),
    ("CPU per event, us", "cpu_us_per_event", 1),
    ("  to register the next request", "cpu_us_per_event_asking", 1),
    ("CPU when idle, %", "idle_cpu_percent", 1),
    ("worst lag at sign-on, ms", "sign_on_lag_ms", 1),
    ("  in own processor time, ms", "sign_on_lag_busy_ms", 1),
    ("  the longest garbage collection", "sign_on_longest_collection_ms", 1),
    ("worst lag under events, ms", "events_lag_ms", 1),
    ("  in own processor time, ms", "events_lag_busy_ms", 1),
    ("  the longest garbage collection", "events_longest_collection_ms", 1),
    ("waiting for a processor, % of time", "waited_percent", 1),
    ("prosody: CPU per event, us", "server_cpu_us_per_event", 1),
    ("prosody: % of a core", "server_cpu_percent", 1),
    ("load of the machine", "load", 1),
)

BESIDE: tuple[tuple[str, str, str], ...] = (
    ("memory each, kB", "kb_per_agent", "kb_per_default_client"),
    ("sign-ons per second", "agents_per_second", "default_per_second"),
    ("  the sessions alone", "sessions_alone_per_second", ""),
    ("CPU per sign-on, ms", "cpu_ms_per_agent", "cpu_ms_per_default_client"),
    ("  the sessions alone", "cpu_ms_per_session_alone", ""),
    ("p99 from socket to outcome (slixmpp: parsed), ms", "p99_ms", "default_p99_ms"),
    ("CPU per event, us", "cpu_us_per_event", "default_cpu_us_per_event"),
    ("worst lag, ms", "lag_ms", "default_lag_ms"),
    ("share that is back after a restart", "restart_share", "default_restart_share"),
)


def summary(found: dict[str, Figures], agents: int) -> Figures:
    """Return what has a bound or is compared, as one flat set of figures; NaN for what failed."""
    ours, default = found.get(f"ours {agents}", {}), found.get("default", {})
    back, beside = found.get("ours restart", {}), found.get("default restart", {})
    alone = found.get("alone", {})
    sizes = [each for name, each in found.items() if name.startswith("ours ") and name[-1] != "t"]
    lags = ("sign_on_lag", "events_lag", "restart_lag")
    daemon = [*sizes, back] if back and ours else []

    def worst(kind: str, of: list[Figures]) -> float:
        return max(
            (each.get(f"{lag}{kind}_ms", 0.0) for each in of for lag in lags), default=NOTHING
        )

    def most(name: str) -> float:
        return max((each[name] for each in daemon), default=NOTHING)

    shares = [each["settled"] / each["published"] for each in sizes]
    return {
        "agents": agents,
        "up_share": _of(ours, "up") / agents,
        "kb_per_agent": _of(ours, "rss_per_agent") / 1000,
        "kb_per_default_client": _of(default, "rss_per_agent") / 1000,
        "agents_per_second": _of(ours, "per_second"),
        "sessions_alone_per_second": _of(alone, "per_second"),
        "default_per_second": _of(default, "per_second"),
        "cpu_ms_per_agent": _of(ours, "cpu_ms_per_agent"),
        "cpu_ms_per_session_alone": _of(alone, "cpu_ms_per_agent"),
        "cpu_ms_per_default_client": _of(default, "cpu_ms_per_agent"),
        "settled_share": min(shares) if ours else NOTHING,
        "p99_ms": _of(ours, "p99_ms"),
        "default_p99_ms": _of(default, "p99_ms"),
        "cpu_us_per_event": _of(ours, "cpu_us_per_event"),
        "cpu_growth": _of(ours, "cpu_us_per_event")
        / _of(next(iter(sizes), {}), "cpu_us_per_event"),
        "default_cpu_us_per_event": _of(default, "cpu_us_per_event"),
        "lag_ms": worst("", daemon),
        "lag_busy_ms": worst("_busy", daemon),
        "end_lag_busy_ms": _of(ours, "end_lag_busy_ms"),
        "default_lag_ms": worst("", [default] if default else []),
        "most_handshakes": most("most_handshakes"),
        "restart_handshakes": _of(back, "restart_most_handshakes"),
        "restart_seconds": _of(back, "restart_seconds")
        if back.get("restart_all_up", True)
        else float("inf"),
        "restart_share": 1.0 if back.get("restart_all_up") else NOTHING,
        "default_restart_share": _of(beside, "restart_back") / _of(beside, "up"),
        "tasks_left": most("tasks_left"),
    }


def _of(figures: Figures, name: str) -> float:
    return float(figures.get(name, NOTHING))


def met(name: str, value: float) -> bool:
    """Say whether a figure is within its bound; NaN is in none."""
    way, bound = BOUNDS[name]
    return value <= bound if way == "<=" else value >= bound


def tables(found: dict[str, Figures], result: Figures, agents: int) -> str:
    """Return the figures of each size, both kinds of clients side by side, and the bounds."""
    sizes = [name for name in found if name.startswith("ours ") and name[-1] != "t"]
    lines = [_line("agents", [name.partition(" ")[2] for name in sizes])]
    for words, name, factor in ROWS:
        lines.append(_line(words, [_shown(_of(found[size], name) * factor) for size in sizes]))
    lines += ["", _line(f"beside each other, {agents:,}", ["listener", "slixmpp"])]
    for words, name, other in BESIDE:
        beside = _shown(result[other]) if other else ""
        lines.append(_line(words, [_shown(result[name]), beside]))
    lines += ["", _line("bound", ["value", "wanted", ""])]
    for name, (way, bound) in BOUNDS.items():
        word = _judged(name, result[name])
        lines.append(_line(name, [_shown(result[name]), f"{way} {bound:g}", word]))
    lines += [_line("lag_busy_ms", [_shown(result["lag_busy_ms"]), "", ""]), *_noise(found, sizes)]
    return "\n".join(lines)


def _judged(name: str, value: float) -> str:
    if isnan(value):
        return "no figure"
    return "met" if met(name, value) else "MISSED"


def _noise(found: dict[str, Figures], sizes: list[str]) -> list[str]:
    """Say that the machine was not quiet, where it was not."""
    waited = [found[size].get("waited_percent", 0.0) for size in sizes]
    if max(waited, default=0.0) <= QUIET:
        return []
    return [
        "",
        f"The machine was not quiet: up to {max(waited):.0f} % of the time under events the daemon",
        "waited for a processor. p99_ms and lag_ms say more about its neighbours; what is in own",
        "processor time leaves them out, but for the queues that grew meanwhile.",
    ]


def _line(words: str, cells: list[str]) -> str:
    return (f"{words:50}" + "".join(f"{cell:>10}" for cell in cells)).rstrip()


def _shown(value: float) -> str:
    if isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

"""All benchmarks, or those named: `python -m tests.benchmarks [name ...]`.

The names: events, parse, correlator, sessions, http, readers, journal, dropin.

Prints each figure that has a bound beside its bound, and writes everything to
`bench-results/bench-<UTC date and time>.json`. The exit code is 1 when a bound is missed or a
benchmark did not end well, 2 for a name that is none. One that crashes does not stop the others.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "bench-results"
PACKAGES = ("finesse-listener", "slixmpp", "lxml", "structlog", "httpx", "fastapi", "uvicorn")


@dataclass(frozen=True)
class Bound:
    """What one figure should be: at least or at most so much."""

    figure: str
    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Say whether the value is within the bound; NaN is in none."""
        if self.least is not None and not value >= self.least:
            return False
        return self.most is None or value <= self.most

    def __str__(self) -> str:
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"


BENCHES: dict[str, tuple[Bound, ...]] = {
    "events": (Bound("ratio", least=0.6),),
    "parse": (Bound("ratio", least=0.5),),
    "correlator": (Bound("ratio", most=1.3), Bound("bytes_per_request", most=3000)),
    "sessions": (Bound("memory_ratio", most=0.2), Bound("time_ratio", most=0.2)),
    "http": (Bound("added_p99_ms", most=3), Bound("journal_ratio", least=0.8)),
    "readers": (Bound("p99_ratio", most=1.5), Bound("memory_growth_mib", most=32)),
    "journal": (),
    "dropin": (Bound("added_p50_ms", most=5), Bound("added_p99_ms", most=5)),
}


@dataclass
class Row:
    """One line of the table."""

    bench: str
    figure: str
    value: float | None
    wanted: str
    ok: bool


@dataclass
class Result:
    """What one benchmark gave; `error` when it did not end well."""

    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    error: str | None = None


def run(name: str) -> Result:
    """Run one benchmark; whatever it raises is its result."""
    started = time.perf_counter()
    result = Result()
    try:
        result.figures = dict(importlib.import_module(f"tests.benchmarks.bench_{name}").main())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one that crashes must not stop the others
        traceback.print_exc()
        result.error = f"{type(error).__name__}: {error}"
    result.seconds = round(time.perf_counter() - started, 1)
    return result


def rows(name: str, result: Result) -> list[Row]:
    """Hold a benchmark's figures against its bounds; a figure that is not there is missed."""
    found = []
    for bound in BENCHES[name]:
        value = result.figures.get(bound.figure)
        ok = result.error is None and value is not None and bound.holds(value)
        found.append(Row(name, bound.figure, value, str(bound), ok))
    return found


def table(found: list[Row]) -> str:
    """Return the rows as text in columns."""
    head = ("benchmark", "figure", "value", "wanted", "")
    cells = [head]
    for row in found:
        value = "none" if row.value is None else f"{row.value:.3f}".rstrip("0").rstrip(".")
        cells.append((row.bench, row.figure, value, row.wanted, "ok" if row.ok else "MISSED"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def machine() -> dict[str, object]:
    """Describe the machine; its name is left out."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def write(moment: datetime, results: dict[str, Result], found: list[Row], load: object) -> Path:
    """Write everything as JSON; return the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"bench-{moment:%Y-%m-%dT%H%M%SZ}.json"
    content = {
        "started": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": {**machine(), "load": load},
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions(),
        "bounds": [asdict(row) for row in found],
        "results": {name: asdict(result) for name, result in results.items()},
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(names: list[str]) -> int:
    """Run the benchmarks of those names, all without names; return the exit code."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        say(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
        return 2
    moment, load = datetime.now(UTC), machine()["load"]
    results: dict[str, Result] = {}
    found: list[Row] = []
    for number, name in enumerate(names or BENCHES, 1):
        say(f"{datetime.now(UTC):%H:%M:%SZ} {name} ({number} of {len(names or BENCHES)}) ...")
        results[name] = run(name)
        found += rows(name, results[name])
        say(f"{datetime.now(UTC):%H:%M:%SZ} {name}: {results[name].error or 'done'}")
    path = write(moment, results, found, load)
    say(f"\n{table(found)}\n\nwritten: {RESULTS.name}/{path.name}")
    return 0 if all(row.ok for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

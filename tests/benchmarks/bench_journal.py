"""What the journal costs: commits per second, p50 and p99 of a `put`, beside bare sqlite3.

Both write the same rows into the same tables with the same pragmas on the same disk, in turns. The
bare loop has no event loop, no second thread and nothing to encode or seal: it is what SQLite and
the disk take. One at a time each row group is a commit of its own; with 100 in flight the journal
commits together what waits, and the bare loop writes 100 groups per transaction.

Run: python -m tests.benchmarks.bench_journal [folder on the disk to be measured]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from listener import logs
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions import Hold
from listener.finesse.parsed import dialog_json
from listener.journal import Answered, Event, Going, Intent, Journal, Options, Row, Settled, store
from listener.journal.encoding import Scribe, Written
from tests.builders import a_dialog, a_user

PUTS = 2_000
IN_FLIGHT = 100
TURNS = 5
OPTIONS = Options(key=b"k" * 32)
MOMENT = datetime(2026, 11, 21, 8, tzinfo=UTC)
_STEPS = 5  # puts per request


def puts(count: int) -> Iterator[tuple[Row, ...]]:
    """Yield the rows of puts as a busy daemon makes them: five for each request."""
    variables = {f"callVariable{number}": f"value {number} of a call" for number in range(1, 11)}
    for number in range(count):
        request, step = divmod(number, _STEPS)
        key, id_ = f"01930000-0000-7000-8000-{request:012}", str(16_800_000 + request)
        dialog = a_dialog(id_, variables=variables)
        data = {"agent": "1001", "dialogId": id_, "dialog": dialog_json(dialog)}
        event = Event(number + 1, MOMENT, "dialog", "1001", id_, None, data)
        registration = Registration(key=key, request_id=key, own="1001", length=20.0)
        hold = Hold(agent="1001", dialog_id=id_, target_media_address="1001")
        rows: tuple[tuple[Row, ...], ...] = (
            (Intent(key, key, hold, registration, MOMENT), event),
            (Going(key, MOMENT, Baseline(dialog, (), a_user())),),
            (Answered(key, MOMENT, RestAnswer(AnswerKind.ACCEPTED, 202), 20.0),),
            (event,),
            (Settled(key, MOMENT, Confirmed(evidence=Evidence.REQUEST_ID, dialog=dialog)), event),
        )
        yield rows[step]


async def ours(
    path: Path, rows: list[tuple[Row, ...]], in_flight: int
) -> tuple[float, list[float]]:
    """Put everything with so many waiting at once; return all seconds, and those of each put."""
    journal = await Journal.open(path, OPTIONS, now=lambda: MOMENT)
    taken: list[float] = []
    todo = iter(rows)

    async def one_after_another() -> None:
        for each in todo:
            begin = time.perf_counter()
            assert await journal.put(*each)
            taken.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
    whole = time.perf_counter() - begin
    await journal.aclose()
    return whole, taken


def bare(path: Path, rows: list[list[Written]], together: int) -> tuple[float, list[float]]:
    """Write the same with so many in one transaction; return all seconds, and those of each."""
    opened = store.open_to_write(path, now=lambda: MOMENT, connect=store.connect)
    connection, taken = opened.connection, []
    start = time.perf_counter()
    for first in range(0, len(rows), together):
        begin = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for each in rows[first : first + together]:
            for written in each:
                for sql, parameters in written.statements:
                    connection.execute(sql, parameters)
        connection.execute("COMMIT")
        taken.append(time.perf_counter() - begin)
    whole = time.perf_counter() - start
    connection.close()
    return whole, taken


def turn(folder: Path, rows: list[tuple[Row, ...]]) -> dict[str, float]:
    """Measure all four once."""
    scribe = Scribe(OPTIONS)
    written = [[scribe.write(row) for row in each] for each in rows]
    figures: dict[str, float] = {}
    for name, many in (("one", 1), (f"{IN_FLIGHT}", IN_FLIGHT)):
        whole, taken = bare(folder / f"bare-{many}.db", written, many)
        figures |= _figures(f"bare_{name}", whole, taken)
        whole, taken = asyncio.run(ours(folder / f"ours-{many}.db", rows, many))
        figures |= _figures(f"ours_{name}", whole, taken)
    return figures


def _figures(name: str, whole: float, taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    return {
        f"{name}_per_second": PUTS / whole,
        f"{name}_p50_ms": statistics.median(taken) * 1e3,
        f"{name}_p99_ms": cuts[98] * 1e3,
    }


def main(where: str | None = None) -> dict[str, float]:
    """Measure, print and return: puts per second, times, and ratios ours / bare."""
    logs.configure(level="WARNING", form="json")
    rows = list(puts(PUTS))
    runs = []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory(dir=where or Path(__file__).parent) as folder:
            runs.append(turn(Path(folder), rows))
    result = {"puts": float(PUTS), "turns": float(TURNS)}
    result |= {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    for name in ("one", f"{IN_FLIGHT}"):
        ratios = [run[f"ours_{name}_per_second"] / run[f"bare_{name}_per_second"] for run in runs]
        result[f"ratio_{name}"] = round(statistics.median(ratios), 3)
        late = [run[f"ours_{name}_p99_ms"] / run[f"bare_{name}_p99_ms"] for run in runs]
        result[f"p99_ratio_{name}"] = round(statistics.median(late), 3)
    sys.stdout.write(json.dumps(result) + "\n")
    return result


if __name__ == "__main__":
    main(*sys.argv[1:2])

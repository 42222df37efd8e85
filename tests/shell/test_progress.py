"""What `listener run` tells of the sign-on of many agents: in its log, and on a terminal."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import signal
import sys
from contextlib import contextmanager

import structlog
from rich.console import Console

from listener import logs
from listener.cli.screen import Bottom, words
from listener.errors import CredentialsRefused, ListenerError
from listener.progress import Course, Report, Reporter, Standing, cause_of, tell
from listener.simulator.users import AgentSpec
from tests.shell import program
from tests.shell.stage import node_of, simulated, until
from tests.unit.test_progress import agent

MANY = 30


class Screen:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.shown: list[Report] = []
        self.cleared = 0

    def show(self, report: Report) -> None:
        self.shown.append(report)

    def clear(self) -> None:
        self.cleared += 1


def lines(log):
    return [line for line in log if line["event"] == "sessions.progress"]


async def ended(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_log_tells_of_many_until_they_are_up_and_of_those_that_were_refused():
    agents = [agent("connecting", tried=False) for _ in range(MANY)]
    reporter = Reporter(course=Course(every=0.0))
    with structlog.testing.capture_logs() as log:
        task = asyncio.create_task(reporter.run(lambda: agents))
        await until(lambda: lines(log))
        for number, one in enumerate(agents):
            one.tried.set()
            if number < 2:
                one.state, one.trouble = "stopped", CredentialsRefused("no")
            else:
                one.up.set()
        await until(lambda: lines(log)[-1]["over"])
        told = lines(log)
        await ended(task)
    assert (told[0]["up"], told[0]["held"], told[0]["awaited"]) == (0, MANY, MANY)
    assert told[-1]["up"] == MANY - 2
    assert told[-1]["awaited"] == 0
    assert told[-1]["failures"] == {"credentials_refused": 2}


def test_the_log_as_it_is_written_hides_no_count_of_any_failure():
    """Read behind the redaction: the name of a trouble may look like that of a secret."""
    kinds, out = [ListenerError], io.StringIO()
    for kind in kinds:
        kinds += kind.__subclasses__()
    failures = {cause_of(kind.__new__(kind)): number for number, kind in enumerate(kinds, 1)}
    assert failures.keys() > {"credentials_refused", "certificate_refused", "unreachable"}
    logs.configure(form="json", stream=out)
    tell(Report(Standing(500, 460, 0, 0, failures), rate=1.0, seconds=2.0, over=True))
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert line["failures"] == failures


async def test_a_screen_shows_it_instead_of_the_log_and_again_when_many_are_lost():
    agents = [agent("connecting", tried=False) for _ in range(MANY)]
    screen = Screen()
    reporter = Reporter(screen, course=Course(every=1000.0))
    with structlog.testing.capture_logs() as log:
        task = asyncio.create_task(reporter.run(lambda: agents))
        await until(lambda: screen.shown)
        for one in agents:
            one.up.set()
            one.tried.set()
        await until(lambda: screen.cleared == 1)
        before = len(screen.shown)
        for one in agents[:-1]:
            one.up.clear()
        reporter.moved()
        await until(lambda: len(screen.shown) > before)
        assert screen.shown[-1].standing.up == 1
        await ended(task)
    assert screen.cleared == 2  # what ends it leaves nothing on the terminal
    assert lines(log) == []


async def test_nobody_looks_while_nothing_moves():
    looks = 0

    def agents():
        nonlocal looks
        looks += 1
        return [agent("up", up=True)]

    reporter = Reporter()
    task = asyncio.create_task(reporter.run(agents))
    for _ in range(20):
        await asyncio.sleep(0)
    assert looks == 1
    reporter.moved()
    await until(lambda: looks == 2)
    await ended(task)


# -- the line at the bottom ------------------------------------------------------------------------


def report(up: int, **failures: int) -> Report:
    return Report(Standing(2000, up, 2000 - up, 0, failures), rate=151.4, seconds=8.0)


def test_the_line_says_how_many_how_fast_and_why_not():
    said = words(report(1240, credentials_refused=3, unreachable=1200))
    assert said == (
        "1,240 of 2,000 agents up, 151 per second; 3 credentials refused, 1,200 unreachable"
    )
    assert words(report(7)) == "7 of 2,000 agents up, 151 per second"


def test_log_lines_stand_above_the_line_whole_and_unchanged():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, highlight=False, markup=False)
    bottom = Bottom(console, out)
    bottom.above.write("before\n")
    bottom.show(report(10))
    long = "x" * 100
    bottom.above.write(f"2026 [info] [bold] {long}\n")
    bottom.above.flush()
    bottom.clear()
    bottom.clear()
    bottom.above.write("after\n")
    told = out.getvalue()
    assert told.startswith("before\n")
    assert f"2026 [info] [bold] {long}\n" in told
    assert "10 of 2,000 agents up" in told
    assert told.endswith("after\n")


# -- the daemon ------------------------------------------------------------------------------------


@contextmanager
def terminal():
    """Yield a terminal's two ends, wide enough for a line."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


def drained(ours: int) -> str:
    read = b""
    while True:
        try:
            read += os.read(ours, 65536)
        except OSError:  # nothing there
            return read.decode(errors="replace")


async def test_the_daemon_shows_on_a_terminal_how_many_are_up_until_all_were_tried(tmp_path):
    ids = tuple(str(2_000_000 + number) for number in range(MANY))
    specs = tuple(AgentSpec(id=id_, password="throw-away", extension=id_) for id_ in ids)
    words_ = dict.fromkeys(ids, "throw-away") | {ids[0]: "wrong"}
    async with simulated(agents=specs) as simulator:
        file = program.config(
            tmp_path,
            node=node_of(simulator),
            ca=simulator.write_ca(tmp_path / "ca.pem"),
            agents=ids,
            passwords=words_,
            more='[api]\nsocket = ""\n[journal]\npath = ""\n',
        )
        with terminal() as (ours, theirs):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "listener", "run", "--config", str(file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=theirs,
                env={**os.environ, "COLUMNS": "200", "TERM": "xterm"},
            )
            seen = ""

            def shown(text: str) -> bool:
                nonlocal seen
                seen += drained(ours)
                return text in seen

            try:
                await until(lambda: shown(f"of {MANY} agents up"), within=30)
                await until(lambda: shown("listener.ready"), within=30)
                process.send_signal(signal.SIGTERM)
                while process.returncode is None:
                    shown("")
                    await asyncio.sleep(0.05)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
            shown("")
    assert process.returncode == 0
    assert "session.opened" in seen
    assert "Traceback" not in seen


async def test_the_daemon_tells_nothing_of_one_agent(tmp_path):
    async with simulated() as simulator:
        file = program.config(
            tmp_path,
            node=node_of(simulator),
            ca=simulator.write_ca(tmp_path / "ca.pem"),
            more='[api]\nsocket = ""\n[journal]\npath = ""\n[logs]\nformat = "json"\n',
        )
        async with program.started("run", "--config", file) as process:
            early = await program.line_with(process, "listener.ready")
            process.send_signal(signal.SIGTERM)
            end = await program.ended(process)
    events = [json.loads(line)["event"] for line in (early + end.err).splitlines() if line]
    assert "session.opened" in events
    assert "sessions.progress" not in events

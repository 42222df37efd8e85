"""A whole daemon under systemd's watchdog, and one that has too few files."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import structlog

from listener.operations.lag import PERIOD
from listener.operations.systemd import MOST_LAG
from tests.shell import program
from tests.shell.house import housed
from tests.shell.stage import A, dead_port, until
from tests.shell.systemd import Systemd

PING = "WATCHDOG=1"
FREEZE = MOST_LAG + PERIOD + 0.1  # seconds: more than the lag that counts, wherever the timer is
FEW = 400
STARTED = """\
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({few}, {few}))
sys.argv[0] = "listener"
runpy.run_module("listener", run_name="__main__")
"""


async def pings(systemd: Systemd, number: int) -> None:
    while number:
        number -= PING in (await systemd.next()).splitlines()


async def test_pings_stop_while_the_loop_is_blocked_and_come_back_when_it_turns(
    tmp_path, monkeypatch
):
    systemd = Systemd(str(tmp_path / "notify"))
    heard = []

    async def block() -> None:
        """Stand in for a part that blocks again and again, and lets others in between."""
        systemd.heard()
        for _ in range(2):
            time.sleep(FREEZE)  # noqa: ASYNC251  the loop is to hang
            heard.extend(systemd.heard())
            for _ in range(5):  # turns: timers ring, and whoever waited for them goes on
                await asyncio.sleep(0)
        heard.extend(systemd.heard())

    monkeypatch.setenv("NOTIFY_SOCKET", systemd.environ["NOTIFY_SOCKET"])
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    with systemd.socket, structlog.testing.capture_logs() as log:
        async with housed(tmp_path, agents=(A,)) as house:
            assert (await systemd.next()).startswith("READY=1")
            await pings(systemd, 3)

            await asyncio.create_task(block())
            assert not [message for message in heard if PING in message]
            await until(lambda: any(line["event"] == "watchdog.withheld" for line in log))
            assert house.station.lag.worst >= MOST_LAG

            await pings(systemd, 3)
            assert house.station.listener.roster.up == 1
        assert [message for message in systemd.heard() if message.startswith("STOPPING=1")]


async def test_too_few_files_for_what_the_settings_allow_are_told_at_the_start(tmp_path):
    node = {"host": "127.0.0.1", "rest_port": dead_port(), "xmpp_port": dead_port()}
    config = program.config(tmp_path, node=node, ca=None, more='[api]\nsocket = "s"\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTED.format(few=FEW), "run", "--config", config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told = await program.line_with(process, "door.opened")
        process.send_signal(signal.SIGTERM)
        ended = await program.ended(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    (line,) = [line for line in told.splitlines() if "files.limited" in line]
    for word in (f"the limit is {FEW}", "1 sessions", "LimitNOFILE", "max_event_readers"):
        assert word in line
    assert ended.code == 0, "it runs all the same"

"""What systemd hears: each message at a socket of our own, and no ping from a loop that hangs."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from listener.operations.lag import LoopLag
from listener.operations.systemd import (
    LOOK_AGAIN,
    Notifier,
    Watchdog,
    successor_environment,
    watchdog_interval,
)
from tests.shell.stage import no_tasks_left, until
from tests.shell.systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    there = Systemd(str(tmp_path / "notify"))
    yield there
    there.socket.close()


class Steady:
    """A loop that is as late as it is told to be."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds


# ---------------------------------------------------------------- messages


def test_each_word_of_a_life_is_one_datagram(systemd: Systemd):
    notifier = Notifier(systemd.environ, clock=lambda: 5_000_123)

    assert notifier.on
    assert notifier.status("connecting")
    assert notifier.ready("3 of 3 sessions are up")
    assert notifier.reloading()
    assert notifier.ready()
    assert notifier.watchdog()
    assert notifier.stopping("2 requests are open")

    assert systemd.heard() == [
        "STATUS=connecting",
        "READY=1\nSTATUS=3 of 3 sessions are up",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "READY=1",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=2 requests are open",
    ]


def test_the_new_main_process_is_named_with_its_ready(systemd: Systemd):
    Notifier(systemd.environ).ready("took over", main_pid=42)

    assert systemd.heard() == ["MAINPID=42\nREADY=1\nSTATUS=took over"]


def test_the_time_of_a_reload_is_the_monotonic_clock_in_microseconds(systemd: Systemd):
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(systemd.environ).reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    stamp = int(systemd.heard()[0].partition("MONOTONIC_USEC=")[2])
    assert before <= stamp <= after


def test_a_status_of_several_lines_cannot_add_a_word_of_its_own(systemd: Systemd):
    Notifier(systemd.environ).status("one\nMAINPID=1\r\n two")

    assert systemd.heard() == ["STATUS=one MAINPID=1 two"]


def test_an_abstract_socket_is_reached():
    there = Systemd(f"@finesse-listener-{secrets.token_hex(8)}")
    with there.socket:
        assert Notifier(there.environ).ready()
        assert there.heard() == ["READY=1"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_where_there_is_no_systemd_nothing_is_said(environ: dict[str, str]):
    notifier = Notifier(environ)

    assert not notifier.on
    assert not notifier.ready()
    assert not notifier.watchdog()


def test_a_socket_that_is_not_there_is_logged_and_raises_nothing(tmp_path: Path):
    with structlog.testing.capture_logs() as log:
        assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()

    assert [(line["event"], line["detail"]) for line in log] == [
        ("systemd.unreachable", "No such file or directory")
    ]


def test_ready_is_not_lost_when_systemd_is_busy(systemd: Systemd):
    notifier = Notifier(systemd.environ)
    while notifier.status("fill"):
        pass

    assert not notifier.ready()
    assert not notifier.watchdog()
    systemd.heard()

    assert notifier.watchdog()
    (last,) = systemd.heard()
    assert "READY=1" in last.splitlines()
    assert last.splitlines().count("WATCHDOG=1") == 1
    assert notifier.watchdog()
    assert systemd.heard() == ["WATCHDOG=1"]


# ---------------------------------------------------------------- watchdog


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_pings_go_out_at_half_of_the_limit_when_they_are_asked_of_us(environ, seconds):
    assert watchdog_interval(environ, 7) == seconds


def test_the_successor_is_asked_to_ping_although_its_predecessor_was_named():
    environ = {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "7", "LISTEN_PID": "7", "PATH": "/bin"}

    handed = successor_environment(environ)

    assert handed == {"WATCHDOG_USEC": "1000", "PATH": "/bin"}
    assert watchdog_interval(handed, 8) is not None


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "1000"}])
async def test_without_a_watchdog_or_without_systemd_the_task_ends_by_itself(environ):
    watchdog = Watchdog(Notifier({}), environ, lag=Steady(), healthy=lambda: True)

    await watchdog.run()


async def test_it_pings_again_and_again_while_all_is_well(systemd: Systemd):
    environ = systemd.environ | {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    watchdog = Watchdog(Notifier(environ), environ, lag=Steady(), healthy=lambda: True)
    with no_tasks_left():
        running = asyncio.create_task(watchdog.run())
        assert [await systemd.next() for _ in range(3)] == ["WATCHDOG=1"] * 3
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def watchdog_at(systemd: Systemd, *, lag: Steady | None = None, healthy=lambda: True) -> Watchdog:
    environ = systemd.environ | {"WATCHDOG_USEC": "30000000"}
    return Watchdog(Notifier(environ), environ, lag=lag or Steady(), healthy=healthy)


def test_a_late_loop_is_not_well_until_it_is_in_time_again(systemd: Systemd):
    lag = Steady(0.999)
    watchdog = watchdog_at(systemd, lag=lag)

    assert watchdog.look()
    lag.seconds = 1.0
    with structlog.testing.capture_logs() as log:
        assert not watchdog.look()
        assert not watchdog.look()
    lag.seconds = 0.0
    assert watchdog.look()

    assert systemd.heard() == ["WATCHDOG=1"] * 2
    assert [(line["event"], line["lag"]) for line in log] == [("watchdog.withheld", 1.0)]


def test_a_part_that_failed_or_cannot_say_is_not_well(systemd: Systemd):
    def broken() -> bool:
        raise RuntimeError("cannot say")

    with structlog.testing.capture_logs() as log:
        assert not watchdog_at(systemd, healthy=lambda: False).look()
        assert not watchdog_at(systemd, healthy=broken).look()

    assert systemd.heard() == []
    assert [line["event"] for line in log if line["log_level"] == "error"] == ["listener.failed"]


async def test_after_a_ping_that_was_withheld_it_looks_again_soon(systemd: Systemd, monkeypatch):
    waits = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise asyncio.CancelledError

    well = iter([True, False, True])
    watchdog = watchdog_at(systemd, healthy=lambda: next(well))
    monkeypatch.setattr(asyncio, "sleep", wait)

    with pytest.raises(asyncio.CancelledError):
        await watchdog.run()

    assert waits == [15.0, LOOK_AGAIN, 15.0]


async def test_a_frozen_loop_pings_nobody_and_one_that_thaws_does(systemd: Systemd):
    environ = systemd.environ | {"WATCHDOG_USEC": "20000"}
    lag = LoopLag(period=0.01)
    watchdog = Watchdog(Notifier(environ), environ, lag=lag, healthy=lambda: True)
    with no_tasks_left():
        tasks = [asyncio.create_task(lag.run()), asyncio.create_task(watchdog.run())]
        assert await systemd.next() == "WATCHDOG=1"
        systemd.heard()

        systemd.socket.settimeout(1.2)  # the loop hangs here, for more than a hundred pings
        with pytest.raises(TimeoutError):
            systemd.socket.recv(4096)
        systemd.socket.settimeout(0)
        assert lag.now() >= 1.0
        assert not watchdog.look()

        assert await systemd.next() == "WATCHDOG=1"
        assert lag.worst >= 1.0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# ---------------------------------------------------------------- the loop's lag


async def test_nothing_is_late_before_anything_was_measured():
    lag = LoopLag()

    assert (lag.now(), lag.worst) == (0.0, 0.0)


async def test_the_worst_lag_is_forgotten_after_its_window():
    lag = LoopLag(period=0.001, window=100)
    running = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251  the loop is to hang
    try:
        await until(lambda: lag.worst >= 0.2)
        await until(lambda: lag.worst < 0.2)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert lag.now() < 0.2


async def test_a_late_loop_is_warned_of_once_a_minute_and_each_time_is_counted():
    lag = LoopLag()
    with structlog.testing.capture_logs() as log:
        lag._note(0.0, 0.05, 0.001)
        lag._note(1.0, 0.2, 0.15)
        lag._note(2.0, 0.9, 0.1)
        lag._note(3.0, 0.3, 0.1)
        lag._note(61.0, 0.4, 0.001)
    told = [(each["event"], each["lag"], each["busy"], each["worst"]) for each in log]
    assert told == [("loop.late", 0.2, 0.15, 0.2), ("loop.late", 0.4, 0.001, 0.9)]
    assert [each["times"] for each in log] == [1, 3]
    assert (lag.late, lag.worst) == (4, 0.9)


async def test_of_a_lag_that_is_the_loops_own_which_was_its_own_work():
    lag = LoopLag(window=2)
    assert lag.own == 0.0
    lag._note(0.0, 0.2, 0.09)  # held up by a machine that had other things to do
    lag._note(1.0, 0.05, 0.06)
    assert (lag.worst, lag.own) == (0.2, 0.09)
    lag._note(2.0, 0.02, 0.01)
    assert (lag.worst, lag.own) == (0.05, 0.05)  # it did more, and in time
    lag._note(3.0, 0.03, 0.01)
    assert (lag.worst, lag.own) == (0.03, 0.01)

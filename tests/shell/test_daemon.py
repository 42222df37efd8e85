"""The long run: drained by the first signal, ended at once by the second, whatever goes on."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import structlog

from listener import daemon
from listener.errors import ConfigurationError
from listener.simulator.xmpp_faults import Stage
from tests.shell import program
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    no_tasks_left,
    node_of,
    settings,
    simulated,
    until,
)


async def up(sim) -> None:
    await until(lambda: sim.notifications.present(A))


async def test_word_to_stop_drains_and_returns_0(tmp_path):
    with no_tasks_left(), structlog.testing.capture_logs() as log:
        async with simulated() as sim:
            stop = asyncio.Event()
            told = settings(sim, tmp_path).with_warnings("a file that all can read")
            running = asyncio.create_task(daemon.serve(told, stop, paces=PACES))
            await until(lambda: any(line["event"] == "listener.ready" for line in log))
            stop.set()
            assert await running == 0
            assert sim.notifications.sessions() == []
    names = [line["event"] for line in log]
    story = ["settings.warning", "listener.starting", "listener.ready"]
    story += ["listener.stopping", "listener.stopped"]
    assert [name for name in names if name in story] == story
    assert log[-1]["abandoned"] == 0


async def test_stop_before_any_agent_was_tried_does_not_wait_for_them(tmp_path):
    async with simulated() as sim:
        sim.notifications.tarpit(Stage.AFTER_TLS)
        stop = asyncio.Event()
        told = settings(sim, tmp_path, timings={"connect_deadline": 600})
        running = asyncio.create_task(daemon.serve(told, stop, paces=PACES))
        await until(lambda: sim.notifications.connections)
        stop.set()
        assert await running == 0


async def test_second_signal_ends_at_once_with_130(tmp_path):
    with no_tasks_left():
        async with simulated() as sim:
            told = settings(sim, tmp_path)
            running = asyncio.create_task(daemon.serve(told, paces=PACES))
            await up(sim)
            sim.notifications.freeze()
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            assert await running == 130


async def test_cancellation_by_somebody_else_stays_a_cancellation(tmp_path):
    with no_tasks_left():
        async with simulated() as sim:
            running = asyncio.create_task(daemon.serve(settings(sim, tmp_path), paces=PACES))
            await up(sim)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_ca_file_that_cannot_be_used_is_raised(tmp_path):
    async with simulated() as sim:
        told = settings(sim, tmp_path)
        (tmp_path / "ca.pem").write_text("nothing")
        with pytest.raises(ConfigurationError, match=r"ca\.pem"):
            await daemon.serve(told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_real_process_drains_on_a_signal(tmp_path, number):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        async with program.started("run", "--config", file) as process:
            read = await program.line_with(process, "listener.ready")
            process.send_signal(number)
            end = await program.ended(process)
        assert end.code == 0, end.err
        assert "listener.stopped" in end.err
        await until(lambda: sim.notifications.presence_log[-1].type == "unavailable")
    for word in ("Traceback", "Warning", PASSWORD[A]):
        assert word not in read + end.err


async def test_real_process_ends_at_once_on_a_second_signal(tmp_path):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        async with program.started("run", "--config", file) as process:
            await program.line_with(process, "listener.ready")
            sim.notifications.freeze()
            process.send_signal(signal.SIGTERM)
            read = await program.line_with(process, "listener.stopping")
            process.send_signal(signal.SIGTERM)
            end = await program.ended(process)
        sim.notifications.thaw()
    assert end.code in {0, 130}, end.err  # 0 when the drain was quicker than the second signal
    assert "Traceback" not in read + end.err

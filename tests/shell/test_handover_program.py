"""`listener handover` between real processes: what systemd, operators and callers see."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from listener.handover.asking import ask, socket_beside
from listener.handover.channel import Refused
from listener.simulator.xmpp_faults import Stage
from tests.shell.handing import Watcher
from tests.shell.households import alive, household
from tests.shell.stage import PASSWORD, A, B, answered_call, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}


async def test_two_hand_overs_in_a_row_end_the_old_processes_and_nobody_is_absent(tmp_path):
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        watcher = Watcher(simulator)
        first = await home.start()
        door = home.socket.stat().st_ino
        dialog = await answered_call(simulator, None)
        async with home.caller() as client:
            body = HOLD | {"dialogId": dialog}
            held = (await client.post("/v1/requests", json=body, headers=WAIT)).json()
            end = await home.hand_over()
            assert end.code == 0, end
            assert "2 of 2 sessions are up there" in end.words
            assert await first.wait() == 0
            home.hear()
            (second,) = home.pids
            assert f"pid {second}" in end.out
            assert alive(second)
            place = home.told.index(f"MAINPID={second}")
            assert home.told[place + 1] == "READY=1"
            again = (await client.get(f"/v1/requests/{held['id']}")).json()
            assert again["outcome"]["kind"] == "confirmed"
            assert (await home.hand_over()).code == 0
            await until(lambda: not alive(second))
            home.hear()
            third = home.pids[-1]
            body["requestedAction"] = "RETRIEVE"
            back = (await client.post("/v1/requests", json=body, headers=WAIT)).json()
            assert back["outcome"]["kind"] == "confirmed"
        assert home.socket.stat().st_ino == door  # nobody ever found it closed
        assert watcher.absences == []
        assert (writes(simulator, "HOLD"), writes(simulator, "RETRIEVE")) == (1, 1)
        assert not any(line.startswith("STOPPING") for line in home.told)
        os.kill(third, signal.SIGTERM)
        await until(lambda: not alive(third))
        assert not home.socket.exists()
        assert not (tmp_path / "s.handover").exists()
        for word in ("Traceback", PASSWORD[A], PASSWORD[B]):
            assert word not in home.log


async def test_settings_that_cannot_work_are_told_and_the_first_process_stays(tmp_path):
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        first = await home.start()
        good = home.config.read_text()
        for bad, words in (
            (good + "[nonsense]\n", "nonsense"),
            (good.replace('path = "j.sqlite"', 'path = "/proc/nowhere/j"'), "journal.path"),
            (good.replace(f'id = "{B}"', 'id = "1001003"'), "1001003"),
        ):
            home.config.write_text(bad)
            end = await home.hand_over()
            assert (end.code, "not handed over" in end.err) == (1, True), end
            assert words in end.err
            assert first.returncode is None
            async with home.caller() as client:
                assert (await client.get("/readyz")).status_code == 200
        home.config.write_text(good)
        assert (await home.hand_over()).code == 0
        assert await first.wait() == 0


async def test_a_program_that_is_no_daemon_is_told_and_the_first_process_stays(
    tmp_path, monkeypatch
):
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        first = await home.start()
        for program_, words in (("/bin/true", "has ended"), ("/bin/nothing", "cannot be started")):
            monkeypatch.setattr(sys, "executable", program_)
            with pytest.raises(Refused, match=words):
                await ask(socket_beside(home.socket), force=False, tell=lambda _words: None)
            monkeypatch.undo()
            assert first.returncode is None


async def test_the_service_is_stopped_in_the_middle_of_a_hand_over(tmp_path):
    """The service manager tells both: the second one ends, the first one drains."""
    async with simulated() as simulator, household(simulator, tmp_path) as home:
        first = await home.start()
        simulator.notifications.tarpit(Stage.AFTER_SASL, A)
        handing = asyncio.create_task(home.hand_over())
        await until(lambda: "listener.starting" in home.log.partition("handover.started")[2])
        await until(lambda: simulator.notifications.connections >= 4)
        first.send_signal(signal.SIGTERM)
        end = await handing
        assert (end.code, "told to stop" in end.err) == (1, True), end
        assert await asyncio.wait_for(first.wait(), 100) == 0
        assert not home.socket.exists()
        await until(lambda: not simulator.notifications.sessions())
        assert "Traceback" not in home.log

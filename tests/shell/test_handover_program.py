"""`listener handover` between real processes: what systemd, operators and callers see."""

from __future__ import annotations

import os
import signal

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

"""Hand-overs under load, of real processes: nothing is lost, sent twice, or in doubt for it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from listener.simulator.assembly import Simulator
from tests.fault.kills import Run
from tests.shell import program
from tests.shell.handing import Watcher
from tests.shell.households import alive
from tests.shell.stage import until

SEED = 20261122


class Successor:
    """A daemon that another daemon started, as far as a run looks at its process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def returncode(self) -> int | None:
        return None if alive(self.pid) else 0

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        await until(lambda: not alive(self.pid), 60)
        return 0


class HandingOver(Run):
    """A run in which the daemon is handed over where it would be killed."""

    watcher: Watcher | None = None

    async def _kill_and_restart(self, file: Path) -> None:
        before = self._process
        assert before is not None
        await self._all_up()
        end = await program.listener("handover", "--config", file)
        if end.code != 0:
            self.report.wrong.append(f"not handed over: {end.err}")
            return
        self.report.kills += 1
        self._process = Successor(int(end.out.partition("pid ")[2].partition(")")[0]))  # type: ignore[assignment]
        if await asyncio.wait_for(before.wait(), 100) != 0:
            self.report.wrong.append("the first process did not end well")


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_hand_overs_under_load_lose_nothing_and_repeat_nothing(tmp_path, monkeypatch):
    absences: list[str] = []
    entered = Simulator.__aenter__

    async def watched(simulator):
        found = await entered(simulator)
        absences.append(Watcher(found).absences)  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(Simulator, "__aenter__", watched)
    run = HandingOver(tmp_path, kills=4, seed=SEED)
    ends = len(absences)
    real = run._end

    async def end() -> None:
        absences.append(list(absences[ends]))  # type: ignore[arg-type]
        await real()

    run._end = end  # type: ignore[method-assign]
    report = await run.run()
    assert report.wrong == [], f"seed {SEED}"
    assert report.kills == 4
    assert report.requests > 20
    assert absences[-1] == []
    assert not report.kinds.keys() & {"restarted", "link_lost", "not_sent"}, report.kinds

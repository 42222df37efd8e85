"""The end of a daemon that holds as many agents as a large site has."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from listener.simulator.users import AgentSpec
from tests.shell import program
from tests.shell.handing import caller
from tests.shell.stage import node_of, simulated, until

MANY = 1000
WITHIN = 150.0  # seconds for all to come up on a busy machine; it takes a tenth of it


async def all_live(socket: Path) -> None:
    """Wait until the daemon says of each agent that its session hears."""
    async with caller(socket) as client, asyncio.timeout(WITHIN):
        while True:
            agents = (await client.get("/v1/agents")).json()["agents"]
            if len(agents) == MANY and all(each["live"] for each in agents):
                return
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.no_cover
async def test_sigterm_with_a_thousand_agents_takes_leave_of_every_one(tmp_path):
    ids = tuple(str(2_000_000 + number) for number in range(MANY))
    specs = tuple(AgentSpec(id=id_, password="throw-away", extension=id_) for id_ in ids)
    async with simulated(agents=specs) as simulator:
        file = program.config(
            tmp_path,
            node=node_of(simulator),
            ca=simulator.write_ca(tmp_path / "ca.pem"),
            agents=ids,
            passwords=dict.fromkeys(ids, "throw-away"),
            more='[api]\nsocket = "s"\n[journal]\npath = "journal.sqlite"\n',
        )
        async with program.started("run", "--config", file, dev=False) as process:
            reading = asyncio.create_task(program.ended(process, 2 * WITHIN))
            notifications = simulator.notifications
            await until(lambda: all(map(notifications.present, ids)), within=WITHIN)
            await all_live(tmp_path / "s")  # who is present may not have heard so yet
            process.send_signal(signal.SIGTERM)
            end = await reading
        assert end.code == 0, end.err[-2000:]
        assert notifications.sessions() == []
        log = notifications.presence_log
        gone = [each.jid.partition("@")[0] for each in log if each.type == "unavailable"]
        assert sorted(gone) == sorted(ids)  # each said goodbye, and once
        assert "Traceback" not in end.err

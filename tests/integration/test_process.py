"""`listener run`, a process of its own, at real servers: asked over its socket, and told to end."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from listener.client import Client
from listener.errors import DaemonUnreachable, Problem
from tests.integration import places
from tests.integration.publishing.owner import OwnerPublisher
from tests.shell import program
from tests.shell.stage import PASSWORD, A, answered_call, node_of, simulated


async def held(client: Client, dialog: str, action: str) -> tuple[str, str]:
    """Ask for it; return the outcome and its evidence."""
    told = await client.submit(agent=A, requested_action=action, dialog_id=dialog, wait=30)
    return told["outcome"]["kind"], told["outcome"]["evidence"]


async def up(client: Client, *, live: bool) -> None:
    """Wait until the daemon says that of the agent's session."""

    async def found() -> Any:
        try:
            return [one["live"] for one in await client.agents()]
        except (DaemonUnreachable, Problem):  # it does not serve yet
            return None

    async with asyncio.timeout(60):
        while await found() != [live]:  # noqa: ASYNC110  what is watched has no event
            await asyncio.sleep(0.05)


async def test_a_daemon_serves_over_a_restart_of_the_server_and_leaves_nothing(
    own_server, tmp_path
):
    """Without presence: then there is something to leave, the subscriptions of its nodes."""
    server, socket = own_server, tmp_path / "s"
    async with simulated(notifications=OwnerPublisher(server, PASSWORD)) as sim:
        ca = tmp_path / "both.pem"
        ca.write_bytes(sim.ca_pem + server.ca_file.read_bytes())
        config = program.config(
            tmp_path,
            node=node_of(sim) | {"xmpp_port": server.port("tls")},
            ca=ca,
            finesse='presence = "none"',
            more='[api]\nsocket = "s"\n[journal]\npath = ""\n',
        )
        async with (
            program.started("run", "--config", config) as daemon,
            Client.unix(socket) as client,
        ):
            await up(client, live=True)
            dialog = await answered_call(sim, None)
            assert await held(client, dialog, "HOLD") == ("confirmed", "request_id")
            await asyncio.to_thread(server.kill)
            await up(client, live=False)
            await asyncio.to_thread(server.restart)
            await sim.notifications.stop()
            await sim.notifications.start()  # a server that was killed may have lost its nodes
            await up(client, live=True)
            assert await held(client, dialog, "RETRIEVE") == ("confirmed", "request_id")
            daemon.send_signal(signal.SIGTERM)
            ended = await program.ended(daemon)
        assert ended.code == 0, ended.err
        async with places.at(server).opened(resource="looking") as session:
            assert not [one for one in await session.subscriptions() if "/" in one.jid]

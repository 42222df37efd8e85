"""`listener run`, a process of its own, at real servers: asked over its socket, and told to end."""

from __future__ import annotations

import asyncio
import signal

from listener.client import Client
from listener.errors import DaemonUnreachable, Problem
from tests.fault.proxy import Proxy
from tests.integration import places
from tests.integration.publishing.owner import OwnerPublisher
from tests.shell import program
from tests.shell.stage import PASSWORD, A, answered_call, node_of, simulated


async def told(client: Client, dialog: str, action: str) -> tuple[str, str]:
    """Ask for it; return the outcome and its evidence."""
    record = await client.submit(agent=A, requested_action=action, dialog_id=dialog, wait=30)
    return record["outcome"]["kind"], record["outcome"]["evidence"]


async def since(client: Client, before: str | None = None) -> str:
    """Wait until the agent's session is up, and not the one before; return since when it is."""
    async with asyncio.timeout(60):
        while True:
            try:
                (agent,) = await client.agents()
            except (DaemonUnreachable, Problem):  # it does not serve yet
                agent = {"live": False, "since": ""}
            if agent["live"] and agent["since"] != before:
                return str(agent["since"])
            await asyncio.sleep(0.05)


async def test_a_daemon_serves_over_a_broken_link_and_leaves_nothing(server, tmp_path):
    """Without presence: then there is something to leave, the subscriptions of its nodes."""
    async with (
        simulated(notifications=OwnerPublisher(server, PASSWORD)) as sim,
        Proxy(server.port("tls")) as proxy,
    ):
        ca = tmp_path / "both.pem"
        ca.write_bytes(sim.ca_pem + server.ca_file.read_bytes())
        config = program.config(
            tmp_path,
            node=node_of(sim) | {"xmpp_port": proxy.port},
            ca=ca,
            finesse='presence = "none"',
            more='[api]\nsocket = "s"\n[journal]\npath = ""\n',
        )
        async with (
            program.started("run", "--config", config) as daemon,
            Client.unix(tmp_path / "s") as client,
        ):
            first = await since(client)
            dialog = await answered_call(sim, None)
            assert await told(client, dialog, "HOLD") == ("confirmed", "request_id")
            proxy.reset()
            await since(client, first)
            assert await told(client, dialog, "RETRIEVE") == ("confirmed", "request_id")
            daemon.send_signal(signal.SIGTERM)
            ended = await program.ended(daemon)
        assert ended.code == 0, ended.err
        async with places.at(server).opened(resource="looking") as session:
            assert not [one for one in await session.subscriptions() if "/" in one.jid]

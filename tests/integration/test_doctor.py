"""The doctor at real servers: REST is the simulator's, the rest is prosody or ejabberd."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from listener import doctor
from listener.doctor import Status, Wanted
from tests.integration import places
from tests.integration.publishing.owner import OwnerPublisher
from tests.shell.doctor_stage import failed, step, words, yes
from tests.shell.stage import PASSWORD, A, dead_port, node_of, simulated


@asynccontextmanager
async def surroundings(server, folder, *, security="tls", port=None, password=None, **how):
    """Run a simulator that publishes through the server; yield it and a settings file."""
    side = OwnerPublisher(server, PASSWORD)
    async with simulated(notifications=side, **how) as simulator:
        ca = folder / "both.pem"
        ca.write_bytes(simulator.ca_pem + server.ca_file.read_bytes())
        node = node_of(simulator) | {"xmpp_port": port or server.port(security)}
        inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in node.items())
        secret = folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password or PASSWORD[A])
        file = folder / "listener.toml"
        file.write_text(
            f"[finesse]\nnodes = [{{ {inline} }}]\nca_file = {json.dumps(str(ca))}\n"
            f'security = "{security}"\n[api]\nsocket = ""\n[journal]\npath = ""\n'
            f'[[agents]]\nid = "{A}"\npassword_file = "password"\n'
        )
        yield simulator, file


async def examined(file, **how):
    return await doctor.check(Wanted(config=file, **how))


@pytest.mark.parametrize("security", places.SECURITIES)
async def test_nothing_fails_where_all_is_well_and_nothing_is_left(server, tmp_path, security):
    async with surroundings(server, tmp_path, security=security) as (_, file):
        report = await examined(file)
        assert failed(report) == [], report.words()
        assert "PLAIN" in words(step(report, "stream"))
        assert step(report, "login").status is Status.OK
        async with places.at(server).opened(resource="looking") as session:
            assert not [one for one in await session.subscriptions() if "/" in one.jid]


async def test_a_notification_is_heard(server, tmp_path):
    async with surroundings(server, tmp_path) as (_, file):
        report = await examined(file, confirm=yes)
        assert step(report, "notification").status is Status.OK, words(step(report, "notification"))
        async with places.at(server).opened(resource="looking") as session:
            assert not [one for one in await session.subscriptions() if "/" in one.jid]


async def test_a_login_that_the_server_refuses_is_tried_once(server, tmp_path):
    """REST takes the password; the notification service has another one."""
    before = server.refused_logins()
    async with surroundings(server, tmp_path) as (_, file):
        await asyncio.to_thread(server.add_account, A, "another-one-4")
        try:
            report = await examined(file)
        finally:
            await asyncio.to_thread(server.add_account, A, PASSWORD[A])
    assert failed(report) == ["login"]
    assert "changed lately" in words(step(report, "login"))
    assert server.refused_logins() == before + 1


async def test_a_port_for_starttls_is_told_from_one_for_tls(server, tmp_path):
    port = server.port("starttls")
    async with surroundings(server, tmp_path, port=port) as (_, file):
        report = await examined(file)
    assert failed(report) == ["tls.xmpp"]
    assert "STARTTLS" in words(step(report, "tls.xmpp"))


async def test_a_server_that_is_down_is_told(server, tmp_path):
    async with surroundings(server, tmp_path, port=dead_port()) as (_, file):
        report = await examined(file)
    assert failed(report) == ["tcp.xmpp"]

"""Sticky afterwards, no flapping, nobody logged out, a crowd that comes back through the gate."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from listener import dialling
from listener.correlation.outcome import Confirmed
from listener.simulator.node import Node
from listener.xmpp.policy import Backoff
from tests.fault.pair_stage import (
    EVERY,
    PAIR_PACES,
    POLLING,
    Part,
    crowd,
    pair_of,
)
from tests.shell.stage import A, until

SCALE = 6  # real times are this many times as long, the 60 s of grace too
GATE = 5


QUICK = EVERY / 2
QUICK_PACES = replace(PAIR_PACES, polling=replace(POLLING, every=QUICK, spread=QUICK))


async def polled(rounds: int) -> None:
    """Let that many rounds of questions go by; that nothing happens has no event."""
    await asyncio.sleep(rounds * QUICK)


async def test_who_has_moved_stays_when_the_first_node_is_back(tmp_path):
    async with pair_of(tmp_path) as pair:
        await pair.nodes[0].stop()
        await pair.moved_to(1)
        await pair.nodes[0].start()
        made = pair.sessions_made(0)
        await polled(12)
        pair.nodes[1].reset(Part.XMPP)  # even then: the second node is sound
        await pair.deaf()
        await pair.moved_to(1)

        assert pair.sessions_made(0) == made
        assert (await pair.hold())[1] == 1


async def test_who_has_moved_goes_back_when_the_second_node_fails(tmp_path):
    async with pair_of(tmp_path) as pair:
        await pair.nodes[0].stop()
        await pair.moved_to(1)
        await pair.nodes[0].start()
        await pair.nodes[1].stop()
        await pair.moved_to(0)

        outcome, asked = await pair.hold()
        assert (isinstance(outcome, Confirmed), asked) == (True, 0)


async def come_and_go(node: Node, times: int) -> None:
    """Let a node be away for longer than the first patience, and back for as long, in turns."""
    for _ in range(times):
        node.set_status("OUT_OF_SERVICE")
        await polled(5)
        node.set_status("IN_SERVICE")
        await polled(5)


async def test_a_first_node_that_comes_and_goes_makes_agents_move_once(tmp_path):
    async with pair_of(tmp_path, paces=QUICK_PACES) as pair:
        made = pair.sessions_made(0)
        pair.nodes[0].set_status("OUT_OF_SERVICE")
        await pair.moved_to(1)
        await come_and_go(pair.nodes[0], 3)

        assert pair.sessions_made(0) == made
        assert pair.at(A) == [1]
        assert (await pair.hold())[1] == 1


async def test_two_nodes_that_come_and_go_in_turns_are_not_followed_to_and_fro(tmp_path):
    async with pair_of(tmp_path, paces=QUICK_PACES) as pair:
        made = [pair.sessions_made(number) for number in (0, 1)]
        for _ in range(3):
            for node in pair.nodes:
                await come_and_go(node, 1)
        await until(lambda: pair.listener.agents[A].live)
        signed_in = sum(pair.sessions_made(number) - made[number] for number in (0, 1))

        # Six outages and two agents: without a patience that grows it would be twelve.
        assert signed_in <= 6


@pytest.fixture
def narrow_gate(monkeypatch):
    monkeypatch.setattr(dialling, "MAX_HANDSHAKES", GATE)


def watch_handshakes(node: Node) -> list[int]:
    """Return a list with one number: the most connections ever that were no session yet."""
    service, most, open_ones = node.notifications, [0], set()
    joined, bound, left = service.joined, service.bound, service.left

    def joining(stream):
        open_ones.add(stream)
        most[0] = max(most[0], len(open_ones))
        joined(stream)

    def binding(stream):
        open_ones.discard(stream)
        bound(stream)

    def leaving(stream):
        open_ones.discard(stream)
        left(stream)

    service.joined, service.bound, service.left = joining, binding, leaving
    return most


@pytest.mark.usefixtures("narrow_gate")
async def test_fifty_agents_move_and_come_back_after_a_restart_through_the_gate(tmp_path):
    first, second = "a move", "a restart"
    async with pair_of(tmp_path, agents=crowd(50)) as pair:
        most = {}
        most[first] = watch_handshakes(pair.nodes[1])
        await pair.nodes[0].stop()
        await pair.moved_to(1)
        most[second] = watch_handshakes(pair.nodes[1])
        await pair.nodes[1].stop()
        await pair.all_deaf()
        await pair.nodes[1].start()
        await pair.moved_to(1)

        assert all(0 < each[0] <= GATE for each in most.values()), most
        assert len(pair.nodes[1].notifications.sessions()) == 50


SLOW_PACES = replace(
    PAIR_PACES,
    backoff=Backoff(base=0.5 / SCALE, cap=8 / SCALE, slow=60 / SCALE, stable=8 / SCALE),
    polling=replace(POLLING, every=2 / SCALE, within=2 / SCALE, rate=100.0 * SCALE, spread=1.0),
)


async def restarted(node: Node) -> None:
    await node.stop()
    await node.start()


async def stopped(node: Node) -> None:
    await node.stop()


async def frozen(node: Node) -> None:
    node.freeze()


async def without_tomcat(node: Node) -> None:
    await node.stop_web_app()


async def reset(node: Node) -> None:
    node.reset()


async def test_no_recoverable_fault_lasts_until_the_forced_logout(tmp_path):
    timings = {"ping_interval": 10 / SCALE, "ping_timeout": 5 / SCALE, "connect_deadline": 1.0}
    async with pair_of(
        tmp_path,
        agents=crowd(10),
        paces=SLOW_PACES,
        how={"forced_logout": 60 / SCALE},
        timings=timings,
        first=None,
        strict=False,  # at its start a machine may be slower than these times
    ) as pair:
        pair.sim.finesse.watches[0].look()
        for fault in (reset, restarted, frozen, stopped, without_tomcat):
            node, before = pair.nodes[await pair.settled()], pair.sign_ins()
            await fault(node)
            await pair.renewed(before)
            node.thaw()
            await node.start()
        await pair.sim.cti_failover(1.0)
        await pair.settled()

        codes = {agent.id: agent.reason_code_id for agent in pair.sim.finesse.agents.values()}
        assert codes == dict.fromkeys(codes)


async def test_the_forced_logout_would_have_been_seen(tmp_path):
    async with pair_of(tmp_path, how={"forced_logout": 1.0}) as pair:
        pair.sim.finesse.watches[0].look()
        for node in pair.nodes:
            await node.stop(Part.XMPP)
        await until(lambda: pair.sim.finesse.agents[A].reason_code_id == "255")

"""A pair of which one node alone is usable: at the beginning, while moving, and for one agent."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed
from listener.errors import Unreachable
from listener.simulator.xmpp_faults import Cut
from tests.fault.pair_stage import PAIR_PACES, QUICK_PINGS, Pair, Part, pair_of
from tests.fault.test_pair_signals import (
    GONE,
    NOT_IN_SERVICE,
    finesse_unavailable,
    no_notifications,
    out_of_service,
)
from tests.shell.stage import PASSWORD, A, B, no_tasks_left, settings, simulated, until


@asynccontextmanager
async def opened_after(fault, tmp_path, *, nodes=2, strict=True, timings=QUICK_PINGS):
    """Begin with the fault there already."""
    with no_tasks_left():
        async with simulated(nodes=nodes) as sim:
            await fault(Pair(sim, None, (A, B)))
            told = settings(sim, tmp_path, timings=timings)
            async with Listener.open(told, strict=strict, paces=PAIR_PACES) as listener:
                yield Pair(sim, listener, (A, B))
                for node in sim.nodes:
                    node.thaw()


@pytest.mark.parametrize("fault", [*GONE, *NOT_IN_SERVICE])
async def test_a_first_node_that_is_not_usable_at_the_beginning_is_passed_over(tmp_path, fault):
    async with opened_after(fault, tmp_path) as pair:
        await pair.moved_to(1)

        assert (await pair.hold())[1] == 1


async def test_a_finesse_that_is_not_seen_at_the_beginning_is_unknown_and_not_down(tmp_path):
    async with opened_after(finesse_unavailable, tmp_path) as pair:
        await pair.moved_to(0)

        assert pair.sessions_made(1) == 0


async def test_finesse_is_asked_for_its_service_then_dialled_then_looked_for(tmp_path):
    """Cisco's order: SystemInfo IN_SERVICE, the session, the user `finesse`; each bars the next.

    Of `finesse` nothing is seen before it was seen once, and that is no bar.
    """
    patient = {"nodes": 1, "strict": False, "timings": None}  # no link is lost by a slow machine
    async with opened_after(out_of_service, tmp_path, **patient) as pair:
        house, http = pair.nodes[0].notifications, pair.nodes[0].http
        await asked_again(http)
        assert house.connections == 0

        pair.nodes[0].set_status("IN_SERVICE")
        await pair.moved_to(0)
        house.set_finesse_presence(available=False)
        await pair.all_deaf()
        await asked_again(http)
        assert not any(agent.live for agent in pair.listener.agents.values())
        assert pair.at(A) == pair.at(B) == [0]

        house.set_finesse_presence(available=True)
        await pair.moved_to(0)
        assert house.connections == len(pair.agents)
        assert isinstance((await pair.hold())[0], Confirmed)


async def asked_again(http) -> None:
    """Wait until a node was asked several times more."""
    asked = http.requests
    await until(lambda: http.requests >= asked + 6)


async def test_nothing_usable_at_the_beginning_is_told_in_words(tmp_path):
    with no_tasks_left():
        async with simulated(nodes=2) as sim:
            sim.finesse.set_status("OUT_OF_SERVICE")
            with pytest.raises(Unreachable, match="OUT_OF_SERVICE"):
                async with Listener.open(settings(sim, tmp_path), paces=PAIR_PACES):
                    raise AssertionError


@pytest.mark.parametrize("other", [no_notifications, finesse_unavailable])
async def test_a_first_node_out_of_service_with_a_second_that_only_says_it_is_sound(
    tmp_path, other
):
    async with pair_of(tmp_path) as pair:
        swapped = Pair(pair.sim, pair.listener, pair.agents)
        await other(_Turned(swapped))
        pair.nodes[0].set_status("OUT_OF_SERVICE")
        await pair.deaf()
        pair.nodes[0].set_status("IN_SERVICE")
        await pair.settled()

        assert pair.heard_at(0)
        assert (await pair.hold())[1] == 0


class _Turned:
    """A pair seen from its other end."""

    def __init__(self, pair: Pair) -> None:
        self.nodes = pair.nodes[::-1]


async def test_the_node_that_comes_back_first_is_used_after_both_were_gone(tmp_path):
    async with pair_of(tmp_path) as pair:
        for node in pair.nodes:
            await node.stop()
        await pair.deaf()
        await pair.nodes[1].start()
        await pair.moved_to(1)

        assert (await pair.hold())[1] == 1


async def test_a_refused_password_is_tried_at_one_node_and_once_whatever_the_nodes_do(tmp_path):
    agents = [{"id": A, "password": "wrong"}, {"id": B, "password": PASSWORD[B]}]
    with no_tasks_left():
        async with simulated(nodes=2) as sim:
            told = settings(sim, tmp_path, agents=agents)
            async with Listener.open(told, strict=True, paces=PAIR_PACES) as listener:
                pair = Pair(sim, listener, (B,))
                await pair.moved_to(0)
                await sim.nodes[0].stop()
                await pair.moved_to(1)
                await sim.nodes[0].start()
                await sim.nodes[1].stop()
                await pair.moved_to(0)

                tries = sum(node.notifications.auth_attempts[A] for node in sim.nodes)
                assert tries == 1
                listener.change_credentials(A, password=PASSWORD[A])
                await Pair(sim, listener, (A, B)).moved_to(0)


async def test_one_agents_trouble_moves_nobody_else(tmp_path):
    async with pair_of(tmp_path, timings=QUICK_PINGS) as pair:
        since = pair.listener.agents[B].since
        pair.nodes[0].notifications.freeze(A)
        await pair.deaf(A)
        pair.nodes[0].notifications.cut(A, Cut.RESET)
        pair.nodes[0].notifications.thaw(A)
        await pair.moved_to(0)

        assert pair.listener.agents[B].since == since
        assert pair.sessions_made(1) == 0


async def test_closing_in_the_middle_of_a_move_leaves_nothing(tmp_path):
    async with pair_of(tmp_path, timings=QUICK_PINGS) as pair:
        await pair.nodes[0].stop()
        pair.nodes[1].freeze(Part.XMPP)
        await pair.deaf()
        await until(lambda: pair.nodes[1].notifications.connections)
        pair.listener.hurry()

"""Each signal that a node is not usable, over a live pair: who moves, who stays, and what follows.

Cisco's failure scenarios: link lost, the user `finesse` unavailable, a SystemInfo event
OUT_OF_SERVICE; and a node that refuses, stands still or resets.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from listener.correlation.outcome import Confirmed
from listener.finesse import uris
from listener.simulator.interfaces import HttpResponse
from listener.simulator.xmpp_faults import Cut
from tests.fault.pair_stage import PAIR_PACES, POLLING, QUICK_PINGS, Pair, Part, pair_of
from tests.shell.stage import PASSWORD, A, B, until

TEAM = "/finesse/api/Team/1/Users"
PATIENT = replace(PAIR_PACES, polling=replace(POLLING, every=5.0))
"""A slow machine takes its time, and nobody moves for that."""


async def refused(pair: Pair) -> None:
    await pair.nodes[0].stop()


async def closed(pair: Pair) -> None:
    await pair.nodes[0].stop(how=Cut.STREAM_ERROR)


async def frozen(pair: Pair) -> None:
    pair.nodes[0].freeze()


async def no_notifications(pair: Pair) -> None:
    await pair.nodes[0].stop(Part.XMPP)


async def no_tomcat(pair: Pair) -> None:
    await pair.nodes[0].stop_web_app()


async def out_of_service(pair: Pair) -> None:
    pair.nodes[0].set_status("OUT_OF_SERVICE")


async def partial_service(pair: Pair) -> None:
    pair.nodes[0].set_status("PARTIAL_SERVICE")


async def finesse_unavailable(pair: Pair) -> None:
    pair.nodes[0].notifications.set_finesse_presence(available=False)


GONE = [refused, closed, frozen, no_notifications, no_tomcat]
NOT_IN_SERVICE = [out_of_service, partial_service]


@pytest.mark.parametrize("fault", [*GONE, *NOT_IN_SERVICE, finesse_unavailable])
async def test_all_agents_move_from_a_node_that_is_not_usable_and_rest_follows(tmp_path, fault):
    async with pair_of(tmp_path, timings=QUICK_PINGS) as pair:
        await fault(pair)
        await pair.moved_to(1)

        outcome, asked = await pair.hold()

        assert isinstance(outcome, Confirmed)
        assert asked == 1
        assert isinstance((await pair.hold(B))[0], Confirmed)


async def test_agent_who_lost_its_link_is_back_though_system_info_takes_no_password(tmp_path):
    """While others keep their sessions at that node: all move to the one that can be asked."""
    async with pair_of(tmp_path) as pair:
        answer = pair.sim.finesse.answer

        async def refusing(request, node):
            if request.path == uris.SYSTEM_INFO and node == 0:
                return HttpResponse(401)
            return await answer(request, node)

        with capture_logs() as lines:
            pair.sim.finesse.answer = refusing
            pair.nodes[0].notifications.cut(A)
            await pair.moved_to(1)
        assert {"node.out", "node.changed"} <= {line["event"] for line in lines}
        assert isinstance((await pair.hold())[0], Confirmed)


async def test_the_session_at_the_node_that_was_left_is_ended(tmp_path):
    async with pair_of(tmp_path) as pair:
        await out_of_service(pair)
        await pair.moved_to(1)

        await until(lambda: pair.at(A) == [1] and pair.at(B) == [1])


async def test_subscriptions_are_made_anew_at_the_other_node(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "subscriptions": [TEAM]}]
    async with pair_of(tmp_path, settled=agents) as pair:
        assert (explicit(pair, 0), explicit(pair, 1)) == ({TEAM}, set())
        await out_of_service(pair)
        await pair.moved_to(1)

        assert explicit(pair, 1) == {TEAM}
        outcome, _ = await pair.hold()  # the automatic ones are there as well
        assert isinstance(outcome, Confirmed)


def explicit(pair: Pair, number: int) -> set[str]:
    found = pair.nodes[number].notifications.subscriptions
    return {entry.node for entry in found if entry.explicit}


async def cut_link(pair: Pair) -> None:
    pair.nodes[0].notifications.cut(A, Cut.RESET)


async def reset_node(pair: Pair) -> None:
    pair.nodes[0].reset()


@pytest.mark.parametrize("fault", [cut_link, reset_node])
async def test_a_link_lost_while_its_node_is_sound_is_made_anew_at_the_same_node(tmp_path, fault):
    async with pair_of(tmp_path, paces=PATIENT) as pair:
        made = pair.sessions_made(1)
        await fault(pair)
        await pair.deaf()
        await pair.moved_to(0)

        assert pair.sessions_made(1) == made == 0
        outcome, asked = await pair.hold()
        assert (isinstance(outcome, Confirmed), asked) == (True, 0)


@pytest.mark.parametrize("status", ["OUT_OF_SERVICE", "PARTIAL_SERVICE"])
async def test_nobody_moves_while_neither_node_is_in_service_and_the_sessions_stay(
    tmp_path, status
):
    async with pair_of(tmp_path) as pair:
        before = pair.nodes[0].notifications.sessions(A)
        pair.sim.finesse.set_status(status)
        await asyncio.gather(pair.deaf(A), pair.deaf(B))
        asked = [node.http.requests for node in pair.nodes]
        for node, already in zip(pair.nodes, asked, strict=True):  # more than the patience
            await until(lambda node=node, already=already: node.http.requests >= already + 6)
        pair.sim.finesse.set_status("IN_SERVICE")
        await pair.moved_to(0)

        assert pair.nodes[0].notifications.sessions(A) == before
        assert pair.sessions_made(1) == 0


async def test_a_node_out_of_service_for_less_than_the_patience_keeps_its_agents(tmp_path):
    async with pair_of(tmp_path) as pair:
        await out_of_service(pair)
        await pair.deaf()
        pair.nodes[0].set_status("IN_SERVICE")
        await pair.moved_to(0)

        assert pair.sessions_made(1) == 0


async def test_a_finesse_that_was_never_seen_is_unknown_and_not_down(tmp_path):
    async with pair_of(tmp_path, paces=PATIENT) as pair:
        for node in pair.nodes:
            node.notifications.rules.finesse_in_roster = False
        pair.nodes[0].reset(Part.XMPP)
        await pair.deaf()
        await pair.moved_to(0)

        assert isinstance((await pair.hold())[0], Confirmed)


async def test_a_second_node_that_is_down_disturbs_nobody(tmp_path):
    async with pair_of(tmp_path) as pair:
        await pair.nodes[1].stop()
        cutting = pair.sessions_made(0)
        await cut_link(pair)
        await pair.deaf()
        await pair.moved_to(0)

        assert pair.sessions_made(0) == cutting + 1

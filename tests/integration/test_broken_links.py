"""Links that break between a session and each server: the simulator's own, prosody, ejabberd.

The network is the tests' own proxy. What follows for requests is tested in `tests/fault`, at the
simulator's service alone; here is shown that a session ends alike whatever server it was made to.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from listener.errors import Unreachable
from listener.xmpp.contract import Cause
from tests.fault.proxy import Act, Ends, Mark, Proxy, State, Way
from tests.integration.places import PATIENT
from tests.shell.stage import A, authority, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALOGS = f"/finesse/api/User/{A}/Dialogs"
TRIES = 5  # until a slow machine comes as far in a login as it is to come
ATTENTIVE = replace(PATIENT, ping_every=0.2, ping_answer=0.4)


@asynccontextmanager
async def link_to(place, *, inside=False):
    """Put a network before that server; yields it and what makes sessions over it.

    `inside`: TLS ends in the network, so that it knows what is said.
    """
    ends = Ends(authority().server_context(), place.tls) if inside else None
    async with Proxy(place.ports.tls, ends=ends) as proxy:
        there = replace(place.endpoint(), port=proxy.port)
        near = replace(place, tls=authority().client_context()) if inside else place
        yield proxy, lambda **how: near.session(endpoint=there, **how)


def seen(proxy):
    """Return all connections there were."""
    return (*proxy.past, *proxy.links)


async def hears(place, session, heard) -> bool:
    """Say whether an event that is published now is heard, once."""
    before = len(heard)
    await place.publish(DIALOGS, "<Update/>")
    assert await session.ping(20)
    return len(heard) == before + 1


@pytest.mark.parametrize("end", [Act.RST, Act.FIN])
async def test_a_link_that_is_cut_ends_the_session_at_once_and_the_next_one_hears(place, end):
    heard = []
    async with link_to(place) as (proxy, make):
        session = make(heard=heard)
        await session.open()
        assert await hears(place, session, heard)
        proxy.reset() if end is Act.RST else proxy.finish()
        async with asyncio.timeout(PATIENT.ping_every / 2):
            assert (await session.closed()).cause is Cause.LINK_LOST
        following = make(heard=heard)
        await following.open()
        assert await hears(place, following, heard)
        await following.close()


@pytest.mark.parametrize("ways", [(), (Way.UP,)], ids=["both", "up"])
async def test_a_link_that_leads_nowhere_is_found_out_by_the_ping_and_the_next_one_hears(
    place, ways
):
    heard = []
    async with link_to(place) as (proxy, make):
        session = make(heard=heard, timings=ATTENTIVE)
        await session.open()
        proxy.black_hole(*ways)
        ending = await asyncio.wait_for(session.closed(), PATIENT.ping_answer)
        assert ending.cause is Cause.PING_TIMEOUT
        assert heard == []
        proxy.heal()
        following = make(heard=heard)
        await following.open()
        assert await hears(place, following, heard)
        await following.close()


async def test_a_link_that_the_server_alone_knows_to_be_broken_is_found_out_by_the_ping(place):
    heard = []
    async with link_to(place) as (proxy, make):
        session = make(heard=heard, timings=ATTENTIVE)
        await session.open()
        proxy.links[0].forget_server()
        ending = await asyncio.wait_for(session.closed(), PATIENT.ping_answer)
        assert ending.cause is Cause.PING_TIMEOUT
        following = make(heard=heard)
        await following.open()
        assert await hears(place, following, heard)
        await following.close()


@pytest.mark.parametrize("shape", [{"piece": 1}, {"delay": 0.02}, {"piece": 7, "delay": 0.002}])
async def test_what_comes_slowly_or_in_pieces_is_heard_whole_and_the_link_is_kept(place, shape):
    heard = []
    async with link_to(place) as (proxy, make):
        proxy.shape(**shape)
        session = make(heard=heard)
        await session.open()
        assert await hears(place, session, heard)
        assert [one.payload for one in heard] == ["<Update/>"]
        await session.close()
        assert proxy.accepted == 1


@pytest.mark.parametrize("end", [Act.RST, Act.FIN])
async def test_a_stanza_that_was_cut_is_not_heard_and_the_next_session_hears(place, end):
    heard = []
    async with link_to(place, inside=True) as (proxy, make):
        session = make(heard=heard)
        await session.open()
        proxy.links[0].trap(Way.DOWN, Mark(b"Update"), end)
        await place.publish(DIALOGS, "<Update>cut</Update>")
        async with asyncio.timeout(PATIENT.ping_every / 2):
            assert (await session.closed()).cause is Cause.LINK_LOST
        assert heard == []
        following = make(heard=heard)
        await following.open()
        assert await hears(place, following, heard)
        await following.close()


async def test_what_was_held_back_is_heard_when_the_link_goes_on_in_time(place):
    heard = []
    async with link_to(place) as (proxy, make):
        session = make(heard=heard)
        await session.open()
        proxy.freeze()
        await place.publish(DIALOGS, "<Update>late</Update>")
        proxy.heal()
        await until(lambda: [one.payload for one in heard] == ["<Update>late</Update>"])
        await session.close()


STAGES = {
    "after TLS": Mark(0),
    "after the header": Mark(b"<stream:features", before=True),
    "after SASL": Mark(b"<stream:stream", times=2, before=True),
}


@pytest.mark.parametrize("stage", list(STAGES))
async def test_a_server_that_falls_silent_at_any_stage_is_given_up_at_the_deadline(place, stage):
    heard, swift = [], replace(PATIENT, connect=0.5)
    async with link_to(place, inside=True) as (proxy, make):
        proxy.trap(Way.DOWN, STAGES[stage], Act.HOLD)
        for _ in range(TRIES):
            silent = make(heard=heard, timings=swift)
            with pytest.raises(Unreachable, match=f"localhost:{proxy.port} gave no session"):
                await asyncio.wait_for(silent.open(), PATIENT.connect)
            if any(link.pipes[Way.DOWN].shape.trap is None for link in seen(proxy)):
                break
        else:
            raise AssertionError("no login came as far as that")
        proxy.heal()
        session = make(heard=heard)
        await session.open()
        assert await hears(place, session, heard)
        await session.close()


@pytest.mark.parametrize("presence", [True, False], ids=["available", "none"])
async def test_a_server_that_falls_silent_in_the_login_is_given_up_and_a_later_attempt_succeeds(
    place, presence
):
    heard = []
    async with link_to(place) as (proxy, make):
        proxy.greeting = State.HOLD
        silent = make(heard=heard, presence=presence, timings=replace(PATIENT, connect=0.3))
        with pytest.raises(Unreachable, match=f"localhost:{proxy.port} gave no session"):
            await asyncio.wait_for(silent.open(), PATIENT.connect)
        proxy.heal()
        session = make(heard=heard, presence=presence)
        await session.open()
        assert await hears(place, session, heard)
        await session.close()

"""Our session against the simulator's notification service: a second server, the same behaviour."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest

from listener.errors import CredentialsRefused, Unreachable
from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.xmpp_faults import Cut, Stage
from listener.simulator.xmpp_server import NotificationService
from listener.xmpp.contract import Cause, Endpoint, Timings
from listener.xmpp.session import Session
from tests.shell.scripted_xmpp import AGENT, DOMAIN, NODE, PASSWORD, PUBSUB, until

PATIENT = Timings(connect=20, ask=20, reflect=10, ping_every=60)
TEAM = "/finesse/api/Team/5/Users"


@pytest.fixture(scope="module")
def authority() -> ThrowawayAuthority:
    return ThrowawayAuthority()


@pytest.fixture(scope="module")
def trusting(authority) -> ssl.SSLContext:
    return authority.client_context()


@asynccontextmanager
async def service(authority):
    house = NotificationService(
        DOMAIN,
        lambda user, password: (user, password) == (AGENT, PASSWORD),
        tls_context=authority.server_context("localhost", "127.0.0.1"),
    )
    await house.start(tls_port=0, starttls_port=0, plain_port=0)
    try:
        yield house
    finally:
        await house.stop(grace=0)


def a_session(house, trusting, *, security="tls", heard=None, timings=PATIENT, **kinds) -> Session:
    port = getattr(house, f"{security}_port")
    return Session(
        AGENT,
        kinds.pop("password", lambda: PASSWORD),
        Endpoint("localhost", port, DOMAIN, PUBSUB, security),
        tls=trusting,
        resource="listener-test",
        on_notification=([] if heard is None else heard).append,
        timings=timings,
        **kinds,
    )


@pytest.mark.parametrize("security", ["tls", "starttls", "plain"])
@pytest.mark.parametrize("piece", [None, 1])
async def test_events_are_heard_over_every_transport_in_any_slices(
    authority, trusting, security, piece
):
    heard, told = [], []
    async with service(authority) as house:
        house.faults.piece = piece
        session = a_session(
            house, trusting, security=security, heard=heard, on_finesse_presence=told.append
        )
        await session.open()
        assert house.present(AGENT)
        house.set_finesse_presence(available=False)
        await house.publish(NODE, "<Update>ä &amp; b</Update>")
        assert await session.ping(20)
        assert [(one.node, one.payload) for one in heard] == [(NODE, "<Update>ä &amp; b</Update>")]
        assert told[-1] is False
        assert await session.tidy(frozenset({NODE, TEAM})) == ()
        assert {one.node for one in await session.subscriptions()} >= {TEAM}
        await session.close()
        await until(lambda: not house.sessions(AGENT))
        assert not any(one.node == TEAM for one in house.subscriptions)


@pytest.mark.parametrize("stage", list(Stage))
async def test_a_tarpit_at_any_stage_is_given_up_at_the_deadline(authority, trusting, stage):
    """P2: the stage after bind is bounded by the wait for our presence."""
    async with service(authority) as house:
        house.tarpit(stage)
        swift = Timings(connect=0.5, reflect=0.1, ping_answer=0.1)
        with pytest.raises(Unreachable):
            await a_session(house, trusting, timings=swift).open()
        await until(lambda: not house.sessions(AGENT))


@pytest.mark.parametrize("how", list(Cut))
async def test_every_cut_ends_the_session_at_once(authority, trusting, how):
    async with service(authority) as house:
        session = a_session(house, trusting)
        await session.open()
        house.cut(AGENT, how)
        wanted = Cause.STREAM_ERROR if how is Cut.STREAM_ERROR else Cause.LINK_LOST
        assert (await session.closed()).cause is wanted


async def test_a_frozen_service_is_noticed(authority, trusting):
    async with service(authority) as house:
        swift = Timings(ping_every=0.1, ping_answer=0.2)
        session = a_session(house, trusting, timings=swift)
        await session.open()
        house.freeze()
        async with asyncio.timeout(20):
            assert (await session.closed()).cause is Cause.PING_TIMEOUT


async def test_a_second_session_with_our_resource_is_a_conflict_for_the_first(authority, trusting):
    async with service(authority) as house:
        first, second = a_session(house, trusting), a_session(house, trusting)
        await first.open()
        await second.open()
        assert (await first.closed()).cause is Cause.CONFLICT
        await second.close()


async def test_a_wrong_password_is_counted_once(authority, trusting):
    async with service(authority) as house:
        with pytest.raises(CredentialsRefused):
            await a_session(house, trusting, password=lambda: "another").open()
        assert house.auth_attempts[AGENT] == 1

"""One suite for sessions at the simulator's own service, at prosody and at ejabberd."""

from __future__ import annotations

import asyncio
import re

import pytest

from listener.errors import CredentialsRefused
from listener.finesse.events import events_of
from listener.finesse.wire import parse_update
from listener.simulator.interfaces import Form
from listener.xmpp import stanzas
from listener.xmpp.contract import Cause
from tests.integration import quirks
from tests.integration.places import SECURITIES
from tests.shell.stage import A, B, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALOGS = f"/finesse/api/User/{A}/Dialogs"
EVENT = "http://jabber.org/protocol/pubsub#event"
OTHERS = f"/finesse/api/User/{B}/Dialogs"
TEAM = "/finesse/api/Team/5/Users"
UPDATE = (
    "<Update><data><dialog><id>16777217</id><state>ACTIVE</state><fromAddress>1001</fromAddress>"
    "<callVariable>Ä &amp; &lt;b&gt; &#10; c</callVariable></dialog></data><event>PUT</event>"
    f"<requestId>r-1</requestId><source>{DIALOGS}</source></Update>"
)


async def made(place, *nodes) -> None:
    """Let nodes be there: not every server makes them when somebody subscribes."""
    for node in nodes:
        await place.publish(node, "<Update/>")


async def explicit(session) -> set[tuple[str, str]]:
    listed = await session.subscriptions()
    return {(one.node, one.jid) for one in listed if "/" in one.jid}


@pytest.mark.parametrize("security", SECURITIES)
async def test_events_are_heard_once_over_every_transport(place, security):
    heard = []
    async with place.opened(security=security, heard=heard) as session:
        assert session.reflected
        assert await session.ping(20)
        await place.publish(DIALOGS, UPDATE, item_id="one")
        await place.publish(OTHERS, UPDATE, item_id="not-ours")
        assert await session.ping(20)
        assert [(one.node, one.item_id, one.payload) for one in heard] == [(DIALOGS, "one", UPDATE)]
        assert session.refused_notifications == 0
        assert session.failed_notifications == 0


@pytest.mark.parametrize("security", SECURITIES)
async def test_a_wrong_password_is_tried_once(place, security):
    before = place.refused_logins()
    with pytest.raises(CredentialsRefused, match=A):
        await place.session(security=security, password="wrong").open()
    await until(lambda: place.refused_logins() > before)
    async with place.opened(agent=B, security=security):
        pass  # what came after the first refusal has been logged by now
    assert place.refused_logins() == before + 1


async def features(place, security: str) -> str:
    """Return what a server offers to somebody who has not signed in, as it writes it."""
    begin = (
        f"<stream:stream xmlns='jabber:client' version='1.0' to='{place.domain}'"
        " xmlns:stream='http://etherx.jabber.org/streams'>"
    ).encode()
    name = place.endpoint().host
    tls = {"ssl": place.tls, "server_hostname": name} if security == "tls" else {}
    async with asyncio.timeout(20):
        there = await asyncio.open_connection(name, getattr(place.ports, security), **tls)
        reader, writer = there
        writer.write(begin)
        offered = await reader.readuntil(b"</stream:features>")
        if security == "starttls":
            assert b"<mechanism" not in offered
            writer.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            assert b"<proceed" in await reader.readuntil(b">")
            await writer.start_tls(place.tls, server_hostname=name)
            writer.write(begin)
            offered = await reader.readuntil(b"</stream:features>")
        writer.transport.abort()
    return offered.decode()


@pytest.mark.parametrize("security", SECURITIES)
async def test_plain_is_all_that_is_offered_for_a_login_as_by_finesse(place, security):
    assert re.findall(r"<mechanism>(.*?)</mechanism>", await features(place, security)) == ["PLAIN"]


@pytest.mark.parametrize("form", list(Form))
async def test_a_payload_that_the_server_writes_anew_is_the_same_event(place, form):
    heard = []
    async with place.opened(heard=heard) as session:
        await place.publish(DIALOGS, UPDATE, form=form)
        assert await session.ping(20)
        (one,) = heard
        assert events_of(parse_update(one.payload), DIALOGS) == events_of(
            parse_update(UPDATE), DIALOGS
        )


async def test_an_explicit_subscription_delivers_once_and_until_it_is_ended(place):
    heard = []
    await made(place, TEAM)
    async with place.opened(heard=heard) as session:
        assert await session.subscribe(TEAM) is None
        assert await session.subscribe(TEAM) is None
        assert await explicit(session) == {(TEAM, session.jid)}
        await place.publish(TEAM, "<Update>1</Update>")
        assert await session.ping(20)
        assert await session.unsubscribe(TEAM) is None
        await place.publish(TEAM, "<Update>2</Update>")
        assert await session.ping(20)
        assert [one.payload for one in heard] == ["<Update>1</Update>"]
        assert await explicit(session) == set()


async def test_a_subscription_that_is_not_there_cannot_be_ended_and_that_is_said(place):
    await made(place, TEAM)
    async with place.opened() as session:
        refused = await session.unsubscribe(TEAM)
        assert "unexpected-request" in refused
        assert TEAM in refused


async def test_what_an_earlier_run_left_is_removed_and_what_is_others_is_kept(place):
    await made(place, TEAM, OTHERS)
    desktop = place.session(resource="desktop-2")
    await desktop.open()
    assert await desktop.subscribe(TEAM) is None
    earlier = place.session(resource="listener-earlier")
    await earlier.open()
    assert await earlier.tidy(frozenset({TEAM, OTHERS})) == ()
    await earlier.close(graceful=False)
    stale = "listener-earlier".__eq__
    async with place.opened(resource="listener-now", stale=stale) as session:
        assert len(await explicit(session)) == 3
        assert await session.tidy(frozenset({OTHERS})) == ()
        assert await explicit(session) == {(TEAM, desktop.jid), (OTHERS, session.jid)}
        automatic = {one.node for one in await session.subscriptions() if "/" not in one.jid}
        assert automatic == set(stanzas.own_nodes(A))
    await desktop.close()


async def test_nothing_explicit_is_left_after_a_clean_stop(place):
    await made(place, TEAM, OTHERS)
    session = place.session(resource="listener-leaving")
    await session.open()
    assert await session.tidy(frozenset({TEAM, OTHERS})) == ()
    await session.close()
    await until(lambda: not place.publisher.present(A))
    async with place.opened() as after:
        assert await explicit(after) == set()


@pytest.mark.parametrize("to", [stanzas.bare, str], ids=["bare", "full"])
async def test_what_another_agent_sends_as_a_notification_is_none(place, to):
    """The server names its true sender, so that it is refused."""
    heard = []
    async with (
        place.opened(heard=heard) as session,
        place.opened(agent=B, resource="mallory") as other,
    ):
        for sender in ("", f" from='{other.jid}'"):
            other._client.send_raw(
                f"<message to='{to(session.jid)}'{sender}><event xmlns='{EVENT}'>"
                f"<items node='{DIALOGS}'><item id='forged'><notification>forged</notification>"
                "</item></items></event></message>"
            )
        assert await other.ping(20)
        await place.publish(DIALOGS, UPDATE, item_id="true")
        assert await session.ping(20)
        assert [one.item_id for one in heard] == ["true"]
        arrived = 2 if quirks.BETWEEN_USERS.holds(place.name) else 0
        assert session.refused_notifications == arrived


async def test_a_large_payload_comes_whole(place):
    heard = []
    large = UPDATE.replace("1001<", f"{'7' * 200_000}<")
    async with place.opened(heard=heard) as session:
        await place.publish(DIALOGS, large)
        assert await session.ping(20)
        assert [one.payload for one in heard] == [large]


async def test_a_stanza_of_ours_that_is_over_the_servers_limit_ends_the_stream_in_words(place):
    session = place.session()
    await session.open()
    refused = await session.subscribe("/finesse/api/" + "x" * 300_000)
    assert "ended" in refused
    ending = await session.closed()
    assert ending.cause is Cause.STREAM_ERROR
    assert "policy-violation" in ending.detail


async def test_presence_of_finesse_is_told(place):
    told = []
    async with place.opened(on_finesse_presence=told.append) as session:
        await until(lambda: told == [True])
        place.publisher.set_finesse_presence(available=False)
        await until(lambda: told == [True, False])
        place.publisher.set_finesse_presence(available=True)
        await until(lambda: told == [True, False, True])
        assert await session.ping(20)


async def test_a_second_session_with_our_resource_is_a_conflict_for_the_first(place):
    first, second = place.session(), place.session()
    await first.open()
    await second.open()
    assert (await first.closed()).cause is Cause.CONFLICT
    assert await second.ping(20)
    await second.close()


async def test_two_sessions_of_one_agent_both_hear(place):
    heard, also = [], []
    async with (
        place.opened(heard=heard) as one,
        place.opened(heard=also, resource="listener-other") as other,
    ):
        await place.publish(DIALOGS, UPDATE)
        assert await one.ping(20)
        assert await other.ping(20)
    assert len(heard) == len(also) == 1


async def test_a_session_that_is_closed_is_gone_from_the_server(place):
    async with place.opened():
        await until(lambda: place.publisher.present(A))
    await until(lambda: not place.publisher.present(A))


# --- without presence ----------------------------------------------------------------------------


@pytest.mark.parametrize("security", SECURITIES)
async def test_without_presence_events_are_heard_once_and_nobody_sees_us(place, security):
    heard, told = [], []
    async with place.opened(
        presence=False, security=security, heard=heard, on_finesse_presence=told.append
    ) as session:
        assert await explicit(session) == {(n, session.jid) for n in stanzas.own_nodes(A)}
        await place.publish(DIALOGS, UPDATE, item_id="one")
        place.publisher.set_finesse_presence(available=True)
        assert await session.ping(20)
        assert [(one.item_id, one.payload) for one in heard] == [("one", UPDATE)]
        assert not place.publisher.present(A)
        assert told == []
        assert await session.tidy(frozenset()) == ()
        assert len(await explicit(session)) == len(stanzas.own_nodes(A))
    async with place.opened() as after:
        assert await explicit(after) == set()


async def test_without_presence_beside_a_desktop_each_hears_once(place):
    heard, also = [], []
    async with (
        place.opened(presence=False, heard=heard) as one,
        place.opened(heard=also, resource="desktop-2") as desktop,
    ):
        await place.publish(DIALOGS, UPDATE)
        assert await one.ping(20)
        assert await desktop.ping(20)
    assert len(heard) == len(also) == 1


async def test_without_presence_what_an_earlier_run_left_is_taken_over_or_removed(place):
    earlier = place.session(presence=False, resource="listener-earlier")
    await earlier.open()
    await earlier.close(graceful=False)
    stale = "listener-earlier".__eq__
    async with place.opened(presence=False, resource="listener-now", stale=stale) as session:
        assert await session.tidy(frozenset()) == ()
        assert {jid for _, jid in await explicit(session)} == {session.jid}


async def test_two_daemons_without_presence_leave_each_others_subscriptions_alone(place):
    """Neither sees the other, so each must take the other for alive."""
    first, second = [], []
    async with place.opened(presence=False, heard=first, resource="listener-one") as one:
        async with place.opened(presence=False, heard=second, resource="listener-two") as two:
            for session in (two, one, two):
                assert await session.tidy(frozenset()) == ()
            await place.publish(DIALOGS, UPDATE, item_id="both")
            assert await one.ping(20)
            assert await two.ping(20)
            assert [each.item_id for each in first] == [each.item_id for each in second] == ["both"]
        await place.publish(DIALOGS, UPDATE, item_id="one")
        assert await one.ping(20)
        assert [each.item_id for each in first] == ["both", "one"]
    async with place.opened() as after:
        assert await explicit(after) == set()

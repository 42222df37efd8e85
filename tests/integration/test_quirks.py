"""Each difference of the table is asserted at each place: true where it says so, and only there."""

from __future__ import annotations

import dataclasses
from contextlib import asynccontextmanager

import pytest

from listener.errors import CertificateRefused, Unreachable
from listener.xmpp import stanzas
from tests.integration import quirks
from tests.shell.stage import A, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALOGS = f"/finesse/api/User/{A}/Dialogs"
TEAM = "/finesse/api/Team/5/Users"
OUTER = "http://jabber.org/protocol/pubsub#event"


@asynccontextmanager
async def raw(place):
    """Open a session that keeps each stanza as it came, in `kept`."""
    session, kept = place.session(), []
    receive = session._hearing.receive

    def keep(element) -> None:
        kept.append(element)
        receive(element)

    session._hearing.receive = keep
    await session.open()
    try:
        yield session, kept
    finally:
        await session.close()


async def answer(session, build, *what):
    return await session._asks.ask(
        session.endpoint.pubsub_domain, lambda ask, to: build(ask, to, *what)
    )


async def test_how_a_message_with_items_is_worded(place):
    async with raw(place) as (session, kept):
        await place.publish(DIALOGS, "<Update/>")
        assert await session.ping(20)
        (message,) = [one for one in kept if stanzas.has_items(one)]
        (found,) = [one for one in message.iter() if stanzas.local(one) == "notification"]
        namespace = found.tag.partition("}")[0].removeprefix("{")
        assert namespace == (OUTER if quirks.REENCODED.holds(place.name) else stanzas.PUBSUB)
        assert (message.get("id") is None) is quirks.WITHOUT_ID.holds(place.name)
        assert (message.get("type") == "headline") is quirks.HEADLINE.holds(place.name)
        assert message.get("to") == stanzas.bare(session.jid)


async def test_the_first_presence_of_finesse(place):
    async with raw(place) as (_, kept):

        def finesse():
            return [one for one in kept if one.get("from", "").startswith("finesse@")]

        await until(finesse)
        delayed = any(stanzas.local(child) == "delay" for child in finesse()[0])
        assert delayed is quirks.DELAYED.holds(place.name)


async def test_how_subscriptions_are_listed(place):
    async with place.opened() as session:
        listed = await session.subscriptions()
        assert listed
        subids = [one.subid is not None for one in listed]
        assert subids == [quirks.SUBID.holds(place.name)] * len(listed)


async def test_a_node_that_nobody_made(place):
    async with place.opened() as session:
        refused = await session.subscribe(f"/finesse/api/Queue/{place.name}-new")
        assert (refused is not None) is quirks.NODE_FIRST.holds(place.name)
        assert refused is None or "item-not-found" in refused


async def test_how_an_unsubscription_is_answered_and_refused(place):
    await place.publish(TEAM, "<Update/>")
    async with place.opened() as session:
        assert await session.subscribe(TEAM) is None
        granted = await answer(session, stanzas.unsubscribe, TEAM, session.jid)
        assert (not stanzas.listed(granted)) is quirks.BARE_ANSWER.holds(place.name)
        refused = await answer(session, stanzas.unsubscribe, TEAM, session.jid)
        (error,) = [one for one in refused if stanzas.local(one) == "error"]
        first = stanzas.local(error[0])
        assert (first == "not-subscribed") is quirks.EXTENSION_FIRST.holds(place.name)
        assert stanzas.condition(error) == "unexpected-request"


async def test_a_name_that_the_server_is_no_host_for(place):
    wrong = dataclasses.replace(place.endpoint(), certificate_name="node.elsewhere.test")
    session = place.session(endpoint=wrong)
    if quirks.STRICT_NAME.holds(place.name):
        with pytest.raises(Unreachable, match="UNRECOGNIZED_NAME"):
            await session.open()
    else:
        with pytest.raises(CertificateRefused, match=r"is not for node\.elsewhere\.test"):
            await session.open()

"""A session without presence: it subscribes itself, says nothing about itself, leaves nothing."""

import asyncio

import pytest

from listener.errors import ConfigurationError, Unreachable
from listener.xmpp import stanzas
from tests.shell.scripted_xmpp import AGENT, DOMAIN, NODE, PUBSUB, opened, running, session_to

ME = f"{AGENT}@{DOMAIN}/listener-test"
OWN = stanzas.own_nodes(AGENT)
MEDIA = f"/finesse/api/User/{AGENT}/Media"
TEAM = "/finesse/api/Team/5/Users"


def refuse(node: str, condition: str):
    async def intercept(stream, text) -> bool:
        if f'<subscribe node="{node}"' not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        error = f"<error type='cancel'><{condition} xmlns='x'/></error>"
        stream.send(f"<iq type='error' id='{ask}'>{error}</iq>")
        return True

    return intercept


def said(server, words: str) -> int:
    return sum(words in text for text in server.bound[-1].heard)


async def test_it_is_open_when_all_own_nodes_are_acknowledged_and_no_presence_was_sent():
    async with running() as server, opened(server, presence=False):
        assert server.subscriptions == {(node, ME) for node in OWN}
        assert {NODE, MEDIA, "/finesse/api/SystemInfo"} < OWN
        assert not said(server, "<presence")


async def test_a_service_that_falls_silent_is_given_up_with_the_limit_of_connecting():
    """All of it, from dialling; there are 9 nodes to ask for, and a list before."""

    async def silent(_, text) -> bool:
        return "pubsub" in text

    async with running() as server:
        server.intercept = silent
        session = session_to(server, presence=False, connect=0.6)
        async with asyncio.timeout(session.timings.ask):
            with pytest.raises(Unreachable) as given_up:
                await session.open()
        assert server.bound
        asked = f"subscribe {min(OWN)} ({PUBSUB})"
        assert f"localhost:{server.port} gave no answer to {asked}" in str(given_up.value)


async def test_a_slow_service_is_waited_for_three_times_whatever_the_number_of_nodes():
    """A list, one node, and when that is granted all the others at once."""
    held = []

    async def late(stream, text) -> bool:
        if "<subscribe node=" not in text or said(server, "<subscribe node=") == 1:
            return False
        held.append(text)
        if len(held) == len(OWN) - 1:
            for each in held:
                stream.iq(each)
        return True

    async with running() as server:
        server.intercept = late
        async with opened(server, presence=False):
            assert server.subscriptions == {(node, ME) for node in OWN}


async def test_a_node_refused_for_good_is_told_before_one_that_may_come_later():
    first, *_, late, worst = sorted(OWN)

    async def both(stream, text) -> bool:
        later = await refuse(late, "resource-constraint")(stream, text)
        return later or await refuse(worst, "forbidden")(stream, text)

    async with running() as server:
        server.intercept = both
        with pytest.raises(ConfigurationError, match=worst):
            await session_to(server, presence=False).open()
        assert said(server, f'<subscribe node="{first}"') == 1
        assert server.subscriptions == set()


async def test_the_end_unsubscribes_and_sends_no_presence_either():
    async with running() as server:
        session = session_to(server, presence=False)
        await session.open()
        await session.close()
        assert server.subscriptions == set()
        assert not said(server, "<presence")
        assert server.bound[-1].heard[-1] == "</stream:stream>"


async def test_a_node_that_is_subscribed_already_is_not_subscribed_again():
    async with running() as server:
        server.subscriptions.add((NODE, ME))
        async with opened(server, presence=False):
            assert not said(server, f'<subscribe node="{NODE}"')
            assert said(server, "<subscribe node=") == len(OWN) - 1


async def test_what_was_subscribed_already_is_ended_with_the_rest():
    async with running() as server:
        server.subscriptions.add((NODE, ME))
        session = session_to(server, presence=False)
        await session.open()
        await session.close()
        assert server.subscriptions == set()


async def test_the_bare_address_of_the_agent_is_no_subscription_of_ours():
    async with running() as server:
        server.subscriptions.add((NODE, f"{AGENT}@{DOMAIN}"))
        async with opened(server, presence=False):
            assert (NODE, ME) in server.subscriptions


async def test_tidy_keeps_the_own_nodes_and_removes_those_of_earlier_runs():
    old = f"{AGENT}@{DOMAIN}/listener-old"
    async with running() as server:
        server.subscriptions |= {(NODE, old), (TEAM, old)}
        stale = "listener-old".__eq__
        async with opened(server, presence=False, stale=stale) as session:
            asked = said(server, "<subscribe node=")
            assert await session.tidy(frozenset({TEAM, NODE.upper()})) == ()
            assert server.subscriptions == {(node, ME) for node in OWN | {TEAM}}
            assert said(server, "<subscribe node=") == asked + 1


async def test_tidy_subscribes_to_a_media_domain_which_presence_would_have_brought():
    one = f"{MEDIA}/5001"
    async with running() as server:
        async with opened(server, presence=False) as session:
            assert await session.tidy(frozenset({one})) == ()
            assert (one, ME) in server.subscriptions
        async with opened(server) as session:
            assert await session.tidy(frozenset({one})) == ()
            assert (one, ME) not in server.subscriptions


async def test_a_session_with_presence_takes_down_what_one_without_it_left():
    async with running() as server:
        server.subscriptions |= {(node, ME) for node in OWN}
        async with opened(server) as session:
            assert await session.tidy(frozenset()) == ()
            assert server.subscriptions == set()


@pytest.mark.parametrize("condition", ["forbidden", "not-allowed", "not-authorized"])
async def test_a_node_refused_for_good_names_the_way_out_and_leaves_nothing(condition):
    async with running() as server:
        server.intercept = refuse(NODE, condition)
        with pytest.raises(ConfigurationError) as refused:
            await session_to(server, presence=False).open()
        for words in (NODE, condition, 'presence = "available"', "nodesubscription", AGENT):
            assert words in str(refused.value)
        assert server.subscriptions == set()


@pytest.mark.parametrize("condition", ["item-not-found", "resource-constraint"])
async def test_a_node_that_may_come_later_is_tried_again_later(condition):
    async with running() as server:
        server.intercept = refuse(NODE, condition)
        with pytest.raises(Unreachable, match='presence = "available"'):
            await session_to(server, presence=False).open()


async def test_a_site_without_nonvoice_media_is_listened_to_all_the_same():
    async with running() as server:
        server.intercept = refuse(MEDIA, "item-not-found")
        async with opened(server, presence=False) as session:
            assert server.subscriptions == {(node, ME) for node in OWN - {MEDIA}}
            asked = said(server, f'<subscribe node="{MEDIA}"')
            (words,) = await session.tidy(frozenset())
            assert said(server, f'<subscribe node="{MEDIA}"') == asked
            assert MEDIA in words
            assert "item-not-found" in words


async def test_all_media_nodes_that_are_absent_are_told_of_in_one_line():
    absent = stanzas.media_nodes(AGENT)

    async def lacking(stream, text) -> bool:
        for node in absent:
            if await refuse(node, "item-not-found")(stream, text):
                return True
        return False

    async with running() as server:
        server.intercept = lacking
        async with opened(server, presence=False) as session:
            (words,) = await session.tidy(frozenset())
            assert all(node in words for node in absent)


async def test_a_service_that_lists_nothing_is_listened_to_when_it_acknowledges():
    async def unlisted(stream, text) -> bool:
        if "<subscriptions" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        error = "<error type='auth'><forbidden xmlns='x'/></error>"
        stream.send(f"<iq type='error' id='{ask}'>{error}</iq>")
        return True

    async with running() as server:
        server.intercept = unlisted
        async with opened(server, presence=False) as session:
            assert server.subscriptions == {(node, ME) for node in OWN}
            (words,) = await session.tidy(frozenset({TEAM}))
            assert "forbidden" in words
            assert server.subscriptions == {(node, ME) for node in OWN | {TEAM}}


async def test_a_media_node_that_is_forbidden_is_refused_like_any_other():
    async with running() as server:
        server.intercept = refuse(MEDIA, "forbidden")
        with pytest.raises(ConfigurationError, match="Media"):
            await session_to(server, presence=False).open()


async def test_a_subscription_that_waits_for_an_approval_is_refused():
    async def pending(stream, text) -> bool:
        if "<subscribe " not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        row = f"<subscription node='{NODE}' jid='{ME}' subscription='pending'/>"
        stream.send(f"<iq type='result' id='{ask}'><pubsub xmlns='x'>{row}</pubsub></iq>")
        return True

    async with running() as server:
        server.intercept = pending
        with pytest.raises(ConfigurationError, match="approval"):
            await session_to(server, presence=False).open()


async def test_no_acknowledgement_in_time_is_no_session():
    async def deaf(stream, text) -> bool:
        return "<subscribe " in text

    async with running() as server:
        server.intercept = deaf
        with pytest.raises(Unreachable, match="no answer"):
            await session_to(server, presence=False, ask=0.05).open()


async def test_a_cut_between_two_subscriptions_is_unreachable():
    async def cut(stream, text) -> bool:
        if f'<subscribe node="{NODE}"' in text:
            stream.cut()
            return True
        return False

    async with running() as server:
        server.intercept = cut
        with pytest.raises(Unreachable, match="ended"):
            await session_to(server, presence=False).open()

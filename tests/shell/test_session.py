"""A session against a scripted server: opening, hearing, asking, subscribing, ending."""

import asyncio
import base64
import gc
import io
import json
import logging
import re
import weakref
from typing import Never

import pytest
from structlog.testing import capture_logs

from listener import logs
from listener.errors import ConfigurationError, NotFinesse, Unreachable
from listener.xmpp.contract import Cause, Ending
from listener.xmpp.domains import problem_with_domain
from listener.xmpp.session import Timings
from tests.shell.scripted_xmpp import (
    AGENT,
    DOMAIN,
    NODE,
    PASSWORD,
    PUBSUB,
    Authority,
    Stream,
    item_of,
    items_message,
    opened,
    running,
    session_to,
    until,
)

TEAM = "/finesse/api/Team/5/Users"
QUEUE = "/finesse/api/Queue/7"
ME = f"{AGENT}@{DOMAIN}/listener-test"


async def test_open_binds_our_resource_and_sends_presence_before_it_returns():
    async with running() as server, opened(server) as session:
        assert session.jid == ME
        assert server.bound[0].jid == ME
        assert any(text.startswith("<presence") for text in server.bound[0].heard)


async def test_open_without_presence_sends_none():
    async with running() as server, opened(server, presence=False):
        assert not any(text.startswith("<presence") for text in server.bound[0].heard)


async def test_open_returns_although_the_server_never_reflects_presence():
    async with running() as server:
        server.reflects = False
        async with opened(server, reflect=0.05) as session:
            assert not session.reflected
            assert await session.ping(10)
    async with running() as server, opened(server) as session:
        assert session.reflected


async def test_open_fails_when_the_server_neither_reflects_presence_nor_answers():
    async with running() as server:
        server.reflects, server.frozen = False, True
        with pytest.raises(Unreachable, match="no answer"):
            await session_to(server, reflect=0.05, ping_answer=0.05).open()


async def test_an_attempt_at_a_server_that_falls_silent_ends_with_the_limit_of_connecting():
    """All of it, from dialling: every wait of a part is longer here than the whole may take."""
    async with running() as server:
        server.reflects, server.frozen = False, True
        session = session_to(server, connect=0.6)
        async with asyncio.timeout(min(session.timings.reflect, session.timings.ping_answer)):
            with pytest.raises(Unreachable) as silent:
                await session.open()
        assert server.bound
        words = f"localhost:{server.port} gave no answer to our presence and a ping ({DOMAIN})"
        assert words in str(silent.value)


async def test_an_attempt_that_took_too_long_is_gone_without_the_collector():
    async def silent(_stream: Stream, _text: str) -> bool:
        return True

    async with running() as server:
        server.intercept = silent
        session = session_to(server, connect=0.2)
        gc.collect()
        gc.disable()
        try:
            opening = asyncio.create_task(session.open())
            (error,) = await asyncio.gather(opening, return_exceptions=True)
            assert "gave no session within 0.2 s" in str(error)
            await session.close(graceful=False)
            gone = weakref.ref(opening)
            del opening, error
            await until(lambda: gone() is None)
        finally:
            gc.enable()


async def test_our_presence_leaves_the_ping_half_of_the_time_that_a_slow_login_left(monkeypatch):
    waited = []

    async def at_once(_event, _ended, seconds):
        waited.append(seconds)

    monkeypatch.setattr("listener.xmpp.session.either", at_once)
    async with running() as server:
        server.reflects = False
        async with opened(server, connect=20, reflect=19):
            assert server.pings == 1
        async with opened(server, connect=20, reflect=1):
            assert server.pings == 2
    assert 0 < waited[0] <= 10
    assert waited[1] == 1


async def test_a_cut_while_we_wait_for_our_presence_is_unreachable():
    async def cut(stream, text):
        if "urn:xmpp:ping" in text:
            stream.cut()
            return True
        return False

    async with running() as server:
        server.reflects, server.intercept = False, cut
        with pytest.raises(Unreachable):
            await session_to(server, reflect=0.05).open()


async def test_login_sends_nothing_that_finesse_does_not_know():
    """No roster, vCard, disco, stream management: only bind, presence."""
    async with running() as server, opened(server):
        said = [re.match(r"<[\w:]+", text).group() for text in server.bound[0].heard]
        assert said == ["<stream:stream", "<auth", "<stream:stream", "<iq", "<presence"]


async def test_notifications_are_handed_over_in_their_order():
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        for number in range(20):
            server.bound[0].push(f"<Update>{number}</Update>", item=str(number))
        assert await session.ping(10)
        assert [one.payload for one in heard] == [f"<Update>{n}</Update>" for n in range(20)]
        assert heard[0].node == NODE
        assert heard[0].recipient == ME


async def test_several_items_in_one_message_are_several_notifications():
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        server.bound[0].send(items_message(item_of("one", "1") + item_of("two", "2")))
        assert await session.ping(10)
        assert [(one.item_id, one.payload) for one in heard] == [("1", "one"), ("2", "two")]


async def test_everything_sent_before_the_pong_is_heard_before_ping_returns():
    heard = []

    async def push_first(stream, text) -> bool:
        if "urn:xmpp:ping" in text:
            stream.push("<Update/>")
        return False

    async with running() as server, opened(server, heard=heard) as session:
        server.intercept = push_first
        assert await session.ping(10)
        assert len(heard) == 1


async def test_a_refused_ping_is_an_answer():
    async def refuse(stream, text) -> bool:
        if "urn:xmpp:ping" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(
            f"<iq type='error' id='{ask}' from='{DOMAIN}'>"
            "<error type='cancel'><service-unavailable xmlns='x'/></error></iq>"
        )
        return True

    async with running() as server, opened(server) as session:
        server.intercept = refuse
        assert await session.ping(10)


async def test_an_answer_from_somebody_else_is_no_answer():
    async def impostor(stream, text) -> bool:
        if "urn:xmpp:ping" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(f"<iq type='result' id='{ask}' from='1002@{DOMAIN}/x'/>")
        return True

    async with running() as server, opened(server) as session:
        server.intercept = impostor
        assert not await session.ping(0.1)


async def test_ping_is_false_when_nothing_answers_and_when_the_link_is_gone():
    async with running() as server, opened(server) as session:
        server.frozen = True
        assert not await session.ping(0.05)
        server.bound[0].cut()
        assert not await session.ping(10)
        assert not await session.ping(10)


async def test_ping_before_open_is_false():
    async with running() as server:
        assert not await session_to(server).ping(1)


async def test_server_that_pings_us_gets_an_answer():
    async with running() as server, opened(server) as session:
        server.bound[0].send(
            f"<iq type='get' id='s1' from='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
        assert await session.ping(10)
        assert any('type="result"' in text and '"s1"' in text for text in server.bound[0].heard)


@pytest.mark.parametrize("secure", [False, True])
async def test_server_that_asks_and_does_not_read_ends_the_session(secure):
    authority = Authority()
    context = authority.server("localhost") if secure else None
    how = {"security": "tls", "tls": authority.client()} if secure else {}
    async with running(context, direct=secure) as server, opened(server, **how) as session:
        stream, client = server.bound[0], session._client
        stream.reader._transport.pause_reading()
        ask = f"<iq type='get' from='evil@{DOMAIN}/x' id='{'a' * 1000}'><query xmlns='x'/></iq>"
        most = 0

        async def flood() -> None:
            while not client.ended.done():
                stream.send(ask * 50)
                await stream.writer.drain()
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        while not client.ended.done():
            unsent = client.transport.get_write_buffer_size() if client.transport else 0
            most = max(most, unsent)
            await asyncio.sleep(0)
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        ending = await session.closed()
        assert (ending.cause, "unread" in ending.detail) == (Cause.LINK_LOST, True)
        assert 0 < most < 512 * 1024


@pytest.mark.parametrize("of", [{"id": "a" * 1025}, {"from": f"{'a' * 3100}@{DOMAIN}"}])
async def test_giant_id_or_name_is_not_said_again(of):
    async with running() as server, opened(server) as session:
        head = {"id": "s1", "from": DOMAIN} | of
        told = " ".join(f"{key}='{value}'" for key, value in head.items())
        server.bound[0].send(f"<iq type='get' {told}><ping xmlns='urn:xmpp:ping'/></iq>")
        assert await session.ping(10)
        assert not any('type="result"' in text for text in server.bound[0].heard)


async def test_two_pings_of_ours_that_vanish_end_the_session_though_events_arrive():
    async def vanishes(stream, text) -> bool:
        return "urn:xmpp:ping" in text

    async with running() as server:
        server.intercept = vanishes
        async with opened(server, ping_every=0.05, ping_answer=0.5) as session:
            ended = asyncio.create_task(session.closed())
            while not ended.done():
                server.bound[0].push("<Update/>")
                await asyncio.wait((ended,), timeout=0.01)
            ending = ended.result()
            assert ending.cause is Cause.PING_TIMEOUT
            assert "none of 2 pings" in ending.detail
            assert sum("urn:xmpp:ping" in text for text in server.bound[0].heard) == 2


async def test_every_second_ping_of_ours_that_vanishes_ends_nothing():
    pings = []

    async def vanishes(stream, text) -> bool:
        if "urn:xmpp:ping" not in text:
            return False
        pings.append(text)
        return len(pings) % 2 == 1

    async with running() as server:
        server.intercept = vanishes
        async with opened(server, ping_every=0.02, ping_answer=0.5) as session:
            while len(pings) < 6:
                server.bound[0].push("<Update/>")
                await asyncio.sleep(0.01)
            assert not session._client.ended.done()


async def test_presence_of_finesse_is_told_and_of_others_is_not():
    told = []
    async with running() as server, opened(server, on_finesse_presence=told.append) as session:
        for sender, kind in (
            ("finesse", ""),
            ("1002", ""),
            ("finesse", " type='unavailable'"),
            ("finesse", " type='subscribe'"),
        ):
            server.bound[0].send(f"<presence from='{sender}@{DOMAIN}/x'{kind}/>")
        assert await session.ping(10)
        assert told == [True, False]


@pytest.mark.parametrize(
    ("presences", "news"),
    [
        # The web application came back before the server found its former session dead.
        ([("/old", True), ("/new", True), ("/old", False)], [True, True]),
        ([("/old", True), ("/new", True), ("/old", False), ("/new", False)], [True, True, False]),
        ([("/old", True), ("/old", False), ("/new", True)], [True, False, True]),
        ([("/one", True), ("/two", True), ("", False)], [True, True, False]),
        ([("/unknown", False)], [False]),
        ([("/one", True), ("/unknown", False)], [True]),
        ([("", True), ("/one", False)], [True, False]),
        ([("", True), ("/new", True), ("/old", False)], [True, True]),
        ([(f"/{n}", True) for n in range(65)] + [("/64", False)], [True] * 65 + [False]),
    ],
)
async def test_finesse_is_there_while_one_of_its_sessions_is(presences, news):
    told = []
    async with running() as server, opened(server, on_finesse_presence=told.append) as session:
        for resource, there in presences:
            kind = "" if there else " type='unavailable'"
            server.bound[0].send(f"<presence from='finesse@{DOMAIN}{resource}'{kind}/>")
        assert await session.ping(10)
        assert told == news


async def test_a_subscription_request_is_neither_granted_nor_answered():
    async with running() as server, opened(server) as session:
        before = len(server.bound[0].heard)
        server.bound[0].send(f"<presence type='subscribe' from='1002@{DOMAIN}'/>")
        assert await session.ping(10)
        assert len(server.bound[0].heard) == before + 1


async def test_subscribe_uses_the_full_jid_and_unsubscribe_takes_it_back():
    async with running() as server, opened(server) as session:
        assert await session.subscribe(TEAM) is None
        assert server.subscriptions == {(TEAM, ME)}
        (listed,) = await session.subscriptions()
        assert (listed.node, listed.jid, listed.state) == (TEAM, ME, "subscribed")
        assert await session.unsubscribe(TEAM) is None
        assert server.subscriptions == set()


async def test_a_refused_subscription_is_a_value_with_the_reason():
    async with running() as server, opened(server) as session:
        server.forbidden.add(TEAM)
        refused = await session.subscribe(TEAM)
        assert "forbidden" in refused
        assert TEAM in refused


async def test_a_node_that_cannot_be_written_is_refused_without_asking():
    async with running() as server, opened(server) as session:
        assert "not a node" in await session.subscribe("a\x00b")
        assert await session.ping(10)


async def test_a_subscription_without_an_answer_is_refused_in_time():
    async def deaf(stream, text):
        return "pubsub" in text

    async with running() as server, opened(server, ask=0.05) as session:
        server.intercept = deaf
        assert "no answer" in await session.subscribe(TEAM)
        with pytest.raises(Unreachable):
            await session.subscriptions()


async def test_a_subscription_that_waits_for_approval_is_not_one():
    async def pending(stream, text):
        if "<subscribe " not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(
            f"<iq type='result' id='{ask}' from='{PUBSUB}'><pubsub xmlns='x'>"
            f"<subscription node='{TEAM}' jid='{ME}' subscription='pending'/></pubsub></iq>"
        )
        return True

    async with running() as server, opened(server) as session:
        server.intercept = pending
        assert "approval" in await session.subscribe(TEAM)


async def test_a_service_that_lists_no_subscriptions_says_why():
    async def refuse(stream, text):
        if "<subscriptions" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(
            f"<iq type='error' id='{ask}' from='{PUBSUB}'>"
            "<error type='cancel'><feature-not-implemented xmlns='x'/></error></iq>"
        )
        return True

    async with running() as server, opened(server) as session:
        server.intercept = refuse
        with pytest.raises(Unreachable, match="feature-not-implemented"):
            await session.subscriptions()
        (words,) = await session.tidy(frozenset({TEAM}))
        assert "feature-not-implemented" in words
        assert server.subscriptions == {(TEAM, ME)}
        await session.tidy(frozenset({QUEUE}))
        assert server.subscriptions == {(QUEUE, ME)}


async def test_tidy_leaves_those_of_another_session_of_ours_while_that_is_available():
    other = f"{AGENT}@{DOMAIN}/listener-other"
    stale = "listener-other".__eq__
    async with running() as server, opened(server, stale=stale) as session:
        server.subscriptions |= {(TEAM, other)}
        server.bound[0].send(f"<presence from='{other}' to='{ME}'/>")
        await session.tidy(frozenset())
        assert server.subscriptions == {(TEAM, other)}
        server.bound[0].send(f"<presence type='unavailable' from='{other}' to='{ME}'/>")
        await session.tidy(frozenset())
        assert server.subscriptions == set()


async def test_tidy_removes_nothing_of_a_session_that_may_live():
    """Another daemon may hold this agent without presence: it would be deaf and not know."""
    other = f"{AGENT}@{DOMAIN}/listener-other"
    async with running() as server, opened(server) as session:
        server.subscriptions |= {(TEAM, other), (NODE, other)}
        assert await session.tidy(frozenset({TEAM})) == ()
        assert server.subscriptions == {(TEAM, other), (NODE, other), (TEAM, ME)}
    async with running() as server, opened(server, presence=False) as session:
        server.subscriptions |= {(TEAM, other), (NODE, other)}
        assert await session.tidy(frozenset()) == ()
        assert server.subscriptions >= {(TEAM, other), (NODE, other), (NODE, ME)}


async def test_tidy_removes_stale_own_ones_and_leaves_those_of_others():
    old = f"{AGENT}@{DOMAIN}/listener-old"
    desktop = f"{AGENT}@{DOMAIN}/desktop"
    other = f"1002@{DOMAIN}/listener-old"
    bare = f"{AGENT}@{DOMAIN}"
    stale = "listener-old".__eq__
    async with running() as server, opened(server, stale=stale) as session:
        server.subscriptions |= {
            (TEAM, old),
            (NODE, desktop),
            (NODE, bare),
            (TEAM, other),
            (TEAM, ME),
        }
        assert await session.tidy(frozenset({QUEUE})) == ()
        assert server.subscriptions == {(NODE, desktop), (NODE, bare), (TEAM, other), (QUEUE, ME)}


async def test_tidy_never_subscribes_to_what_finesse_subscribes_by_itself():
    async with running() as server, opened(server) as session:
        assert await session.tidy(frozenset({NODE, "/finesse/api/SystemInfo", TEAM})) == ()
        assert server.subscriptions == {(TEAM, ME)}


async def test_tidy_tells_what_was_refused_and_does_the_rest():
    async with running() as server, opened(server) as session:
        server.forbidden.add(QUEUE)
        (refused,) = await session.tidy(frozenset({QUEUE, TEAM}))
        assert QUEUE in refused
        assert server.subscriptions == {(TEAM, ME)}


async def test_tidy_again_changes_nothing():
    async with running() as server, opened(server) as session:
        await session.tidy(frozenset({TEAM}))
        said = len(server.bound[0].heard)
        await session.tidy(frozenset({TEAM}))
        assert len(server.bound[0].heard) == said + 1


async def test_graceful_close_unsubscribes_says_unavailable_and_closes_the_stream():
    async with running() as server:
        session = session_to(server)
        await session.open()
        await session.subscribe(TEAM)
        await session.close()
        assert await session.closed() == Ending(Cause.CLOSED_BY_US, "closed by us")
        assert server.subscriptions == set()
        said = server.bound[0].heard
        assert 'type="unavailable"' in said[-2]
        assert said[-1] == "</stream:stream>"


async def test_graceful_close_is_bounded_when_the_server_is_deaf():
    async def deaf(stream, text) -> bool:
        return True

    async with running() as server:
        session = session_to(server, close=0.05, ask=30)
        await session.open()
        await session.subscribe(TEAM)
        server.intercept = deaf
        await session.close()
        assert (await session.closed()).cause is Cause.CLOSED_BY_US


async def test_close_before_open_and_twice_is_harmless():
    async with running() as server:
        session = session_to(server)
        await session.close()
        await session.open()
        await session.close()
        await session.close()
        assert (await session.closed()).cause is Cause.CLOSED_BY_US


async def test_closed_before_open_and_open_twice_are_misuse():
    async with running() as server:
        session = session_to(server)
        with pytest.raises(RuntimeError):
            await session.closed()
        with pytest.raises(Unreachable):
            await session.subscribe(TEAM)
        await session.open()
        with pytest.raises(RuntimeError):
            await session.open()
        assert await session.ping(10)
        await session.close()


async def test_cancelled_open_leaves_nothing_behind():
    async def hang(stream) -> None:
        await stream.reader.read()

    async with running() as server:
        server.greet = hang
        opening = asyncio.create_task(session_to(server).open())
        await server.connected.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening


async def test_nothing_is_said_on_a_session_that_has_ended():
    async with running() as server:
        session = session_to(server)
        await session.open()
        server.bound[0].cut()
        await session.closed()
        assert "nothing was sent" in await session.subscribe(TEAM)


async def test_a_message_from_elsewhere_is_refused_counted_and_named():
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        with capture_logs() as lines:
            server.bound[0].push("<Update/>", sender=f"1002@{DOMAIN}/evil")
            assert await session.ping(10)
        assert heard == []
        assert session.refused_notifications == 1
        assert [(one["event"], one["sender"]) for one in lines] == [
            ("notification.refused", f"1002@{DOMAIN}/evil")
        ]


async def test_a_message_from_our_own_bare_address_is_heard():
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        server.bound[0].push("<Update/>", sender=f"{AGENT}@{DOMAIN}")
        assert await session.ping(10)
        assert len(heard) == 1


async def test_a_receiver_that_raises_is_logged_by_kind_and_the_stream_lives():
    heard = []

    def breaks(notification) -> Never:
        heard.append(notification)
        raise ValueError(notification.payload)

    async with running() as server, opened(server, on_notification=breaks) as session:
        with capture_logs() as lines:
            server.bound[0].send(items_message(item_of("secret", "1") + item_of("secret", "2")))
            assert await session.ping(10)
        assert len(heard) == session.failed_notifications == 2
        assert [one["event"] for one in lines] == ["notification.failed"] * 2
        assert "secret" not in str(lines)


async def test_chat_and_subscription_notices_are_no_notifications():
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        server.bound[0].send(f"<message from='{PUBSUB}'><body>hello</body></message>")
        server.bound[0].send(
            f"<message from='{PUBSUB}'><event xmlns='http://jabber.org/protocol/pubsub#event'>"
            f"<subscription node='{NODE}' jid='{ME}' subscription='subscribed'/></event></message>"
        )
        assert await session.ping(10)
        assert heard == []
        assert session.refused_notifications == 0


async def test_a_payload_too_deep_to_write_is_counted_and_the_next_is_heard():
    heard = []
    deep = "<a>" * 20_000 + "</a>" * 20_000
    async with running() as server, opened(server, heard=heard) as session:
        server.bound[0].send(
            items_message(f"<item id='1'><notification xmlns='x'>{deep}</notification></item>")
        )
        server.bound[0].push("<Update/>")
        assert await session.ping(10)
        assert [one.payload for one in heard] == ["<Update/>"]
        assert session.failed_notifications == 1


@pytest.mark.parametrize("resource", ["desktop", "Desktop", ""])
async def test_the_resource_of_the_desktop_is_refused(resource):
    async with running() as server:
        with pytest.raises(ConfigurationError):
            session_to(server, resource=resource)


async def test_an_agent_id_that_no_address_can_hold_is_refused():
    async with running() as server:
        with pytest.raises(ConfigurationError, match="1001@x"):
            session_to(server, agent="1001@x")


@pytest.mark.parametrize("domain", ["a b", "a@b", "a..b", "-", "x" * 1100, "a/b", "a\x00", ""])
async def test_a_domain_that_xmpp_forbids_is_the_trouble_of_the_node(domain):
    async with running() as server:
        with pytest.raises(NotFinesse, match="cannot be an XMPP domain") as refused:
            await session_to(server, domain=domain).open()
    assert len(str(refused.value)) < 200
    assert problem_with_domain(domain)


@pytest.mark.parametrize("domain", ["localhost", "10.1.2.3", "[::1]", "a_b.example", DOMAIN])
def test_a_domain_that_xmpp_allows_has_no_problem(domain):
    assert problem_with_domain(domain) is None


async def test_repr_is_short_and_holds_no_password():
    async with running() as server:
        assert repr(session_to(server)) == f"<Session {AGENT}@{DOMAIN} at localhost>"


def test_timings_scale_together():
    scaled = Timings().scaled(0.5)
    assert (scaled.connect, scaled.ping_every, scaled.close) == (5.0, 5.0, 1.0)


# --- the wire log ---

ECHO = (
    "<Update><data><apiErrors><apiError><errorType>Invalid Input</errorType>"
    "<errorMessage>dtmfString 8642097 is bad</errorMessage><errorData>8642097</errorData>"
    "</apiError></apiErrors></data></Update>"
)
TOLD = (
    "<Update><data><dialog><id>16804377</id><fromAddress>1003001</fromAddress>"
    "<CallVariable><name>callVariable1</name><value>customer</value></CallVariable>"
    "<dtmfString a='1'>5550199</dtmfString></dialog></data></Update>"
)


async def wire_log(caplog, **options) -> str:
    """Run a session that logs; return what was written, and fail if a host's handler saw more."""
    stream = io.StringIO()
    logs.configure(stream=stream, form="json", **options)
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        server.bound[0].push(TOLD)
        server.bound[0].push(ECHO)
        assert await session.subscribe(TEAM) is None
        await until(lambda: len(heard) == 2)
    secret = base64.b64encode(f"\0{AGENT}\0{PASSWORD}".encode()).decode()
    assert secret in server.auths[0]
    for hidden in (PASSWORD, secret, base64.b64encode(PASSWORD.encode()).decode()[:-4], "<auth"):
        assert hidden not in stream.getvalue() + caplog.text
    assert "8642097" not in stream.getvalue() + caplog.text
    assert "5550199" not in stream.getvalue() + caplog.text
    return stream.getvalue()


def stanzas_in(written: str, event: str) -> list[str]:
    lines = [json.loads(line) for line in written.splitlines()]
    return [line["stanza"] for line in lines if line["event"] == event]


async def test_the_wire_is_logged_with_what_may_be_seen(caplog):
    written = await wire_log(caplog, wire=True)
    received, sent = stanzas_in(written, "wire.received"), stanzas_in(written, "wire.sent")
    (dialog,) = [text for text in received if "16804377" in text]
    assert NODE in dialog
    assert any("Invalid Input" in text for text in received)
    assert any("<presence" in text for text in sent)
    assert any("subscribe" in text and TEAM in text for text in sent)
    assert "1003001" not in written
    assert "customer" not in written


async def test_the_wire_shows_numbers_to_whoever_asked_for_them(caplog):
    written = await wire_log(caplog, wire=True, show_numbers=True)
    (dialog,) = [text for text in stanzas_in(written, "wire.received") if "16804377" in text]
    assert "1003001" in dialog
    assert "customer" in dialog


async def test_the_wire_is_silent_unless_it_was_asked_for_whatever_the_level(caplog):
    logs.configure(stream=io.StringIO(), level="DEBUG")
    logging.getLogger(logs.WIRE).setLevel(logging.DEBUG)
    assert not logs.wire_on()
    written = await wire_log(caplog, level="DEBUG")
    assert "wire." not in written


async def test_a_stanza_too_deep_to_be_shown_harms_nobody(caplog):
    stream = io.StringIO()
    logs.configure(stream=stream, form="json", wire=True)
    async with running() as server, opened(server) as session:
        server.bound[0].send(items_message("<a>" * 5000 + "</a>" * 5000))
        assert await session.ping(10)
    assert any("too deep" in text for text in stanzas_in(stream.getvalue(), "wire.received"))

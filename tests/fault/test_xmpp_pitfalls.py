"""The pitfalls of a stock slixmpp client, P1 to P18, none of which a session of ours has.

P6, P7, P8 and P16 are in tests/shell/test_session_tls.py; P14 and P15 in test_xmpp_bytes.py.
"""

import asyncio
import base64
import gc
import logging
import weakref
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from listener.errors import CredentialsRefused, NotFinesse, ResourceConflict, Unreachable
from listener.xmpp.contract import Cause
from listener.xmpp.guard import GuardedClient, check_password
from listener.xmpp.quiet import quiet_slixmpp
from tests.shell.scripted_xmpp import (
    AGENT,
    HEADER,
    PASSWORD,
    SASL,
    Authority,
    opened,
    running,
    session_to,
    until,
)

STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
TEAM = "/finesse/api/Team/5/Users"


def timers() -> int:
    """Count the timers of the running loop that are still to come."""
    return sum(not handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)


async def test_a_cut_ends_the_session_once_and_nothing_reconnects_by_itself():
    """P1: the end is told; another attempt is the link's business."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        server.bound[0].cut()
        assert (await session.closed()).cause is Cause.LINK_LOST
        assert await asyncio.gather(session.closed(), session.closed())
        assert server.connections == 1


async def test_an_orderly_end_of_the_stream_is_a_lost_link_too():
    """P1."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        server.bound[0].send("</stream:stream>")
        assert (await session.closed()).cause is Cause.LINK_LOST


async def silent(stream):
    await stream.reader.read()


async def header_only(stream):
    await stream.reader.read(4096)
    stream.send(HEADER)
    await stream.reader.read()


def deaf_to(word):
    async def intercept(stream, text):
        return word in text

    return {"intercept": intercept}


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        ({"greet": silent}, "first words"),
        ({"greet": header_only}, "first words"),
        (deaf_to("<auth"), "first words"),
        (deaf_to("<bind"), "after login"),
    ],
)
async def test_a_server_that_stays_silent_is_given_up_at_the_deadline(fault, stage):
    """P2: from the first dial to the session there is one deadline, wherever it hangs."""
    async with running() as server:
        for name, value in fault.items():
            setattr(server, name, value)
        with pytest.raises(Unreachable, match=stage):
            await session_to(server, connect=0.3).open()


async def test_a_silent_tls_server_is_given_up_at_the_deadline():
    """P2: asyncio alone would wait 60 s for the handshake."""
    async with running() as server:
        server.greet = silent
        tls = Authority().client()
        with pytest.raises(Unreachable, match="connecting"):
            await session_to(server, security="tls", tls=tls, connect=0.3).open()


async def test_a_frozen_server_is_noticed_by_our_own_ping():
    """P3: slixmpp's keepalive tries once and then never pings again."""
    async with running() as server:
        session = session_to(server, ping_every=0.05, ping_answer=0.1)
        await session.open()
        await until(lambda: server.pings >= 3)
        server.frozen = True
        assert (await session.closed()).cause is Cause.PING_TIMEOUT


async def test_what_came_before_the_ping_is_no_sign_of_life():
    """P3: only a stanza after the ping counts, any stanza."""
    async with running() as server:
        server.frozen = True
        session = session_to(server, ping_every=0.2, ping_answer=0.1)
        await session.open()
        server.bound[0].push("<Update/>")
        assert (await session.closed()).cause is Cause.PING_TIMEOUT
        assert server.pings == 1


async def test_any_stanza_after_one_ping_keeps_the_link():
    """P3; two pings in a row without an answer of their own end it (test_session)."""

    async def event_instead_of_pong(stream, text):
        if "urn:xmpp:ping" not in text:
            return False
        if server.pings % 2 == 1:
            return False  # it is answered, and counted where that is done
        server.pings += 1
        stream.push("<Update/>")
        return True

    async with running() as server:
        session = session_to(server, ping_every=0.02, ping_answer=0.5)
        await session.open()
        server.intercept = event_instead_of_pong
        ended = asyncio.create_task(session.closed())
        await until(lambda: server.pings >= 4)
        assert not ended.done()
        await session.close(graceful=False)
        await ended


async def test_no_timer_and_no_task_outlives_a_session():
    """P4, P17: a timer of slixmpp would overlap with the next session."""
    async with running() as server:
        before = timers()
        session = session_to(server)
        await session.open()
        server.bound[0].cut()
        await session.closed()
        assert timers() == before
        ours = [t for t in asyncio.all_tasks() if "scripted" not in repr(t)]
        assert ours == [asyncio.current_task()]


async def test_no_task_outlives_a_session_that_is_closed_while_it_waits_for_a_pong():
    """P17."""
    async with running() as server:
        session = session_to(server, ping_every=0.01)
        await session.open()
        server.frozen = True
        seen = server.pings
        await until(lambda: server.pings > seen)
        await session.close(graceful=False)
        ours = [t for t in asyncio.all_tasks() if "scripted" not in repr(t)]
        assert ours == [asyncio.current_task()]


@pytest.mark.parametrize("failure", ["not-authorized", "account-disabled", "whatever"])
async def test_a_refused_password_is_tried_exactly_once(failure):
    """P5: slixmpp tries the next mechanism with the same password; five lock the account."""
    async with running() as server:
        server.password, server.failure = "another", failure
        server.mechanisms = ["SCRAM-SHA-1", "PLAIN", "DIGEST-MD5", "LOGIN"]
        with pytest.raises(CredentialsRefused, match=failure) as refused:
            await session_to(server).open()
        assert PASSWORD not in str(refused.value)
        assert len(server.auths) == server.connections == 1
        assert "PLAIN" in server.auths[0]


async def test_a_login_that_may_work_later_is_not_the_passwords_fault():
    """P5: RFC 6120 section 6.5, temporary-auth-failure."""
    async with running() as server:
        server.password, server.failure = "another", "temporary-auth-failure"
        with pytest.raises(Unreachable):
            await session_to(server).open()
        assert len(server.auths) == 1


async def test_a_server_without_plain_is_told_from_a_refused_password():
    """P5."""
    async with running() as server:
        server.mechanisms = ["SCRAM-SHA-1"]
        with pytest.raises(NotFinesse, match="SCRAM-SHA-1"):
            await session_to(server).open()
        assert server.auths == []


@pytest.mark.parametrize("password", ["", "a\u0007b"])
async def test_a_password_that_sasl_cannot_carry_is_never_sent(password):
    """P5: inside slixmpp it would end in an unrelated error."""
    async with running() as server:
        with pytest.raises(CredentialsRefused) as refused:
            await session_to(server, password=lambda: password).open()
        assert server.connections == 0
        assert "a\u0007b" not in str(refused.value)


def test_a_password_of_any_letters_is_let_through():
    assert check_password("Pä sswörd €") == "Pä sswörd €"


async def test_a_conflict_that_arrives_is_a_conflict_and_other_stream_errors_are_not():
    """P9."""
    for name, cause in (
        ("conflict", Cause.CONFLICT),
        ("system-shutdown", Cause.STREAM_ERROR),
        ("see-other-host", Cause.STREAM_ERROR),
    ):
        async with running() as server:
            session = session_to(server)
            await session.open()
            error = f"<stream:error><{name} xmlns='{STREAMS}'/></stream:error></stream:stream>"
            server.bound[0].send(error)
            ending = await session.closed()
            assert ending.cause is cause
            assert name in ending.detail
            assert server.connections == 1


async def test_a_conflict_while_opening_is_a_resource_conflict():
    """P9."""

    async def conflict(stream, text):
        if text.startswith("<presence"):
            stream.send(f"<stream:error><conflict xmlns='{STREAMS}'/></stream:error>")
            return True
        return False

    async with running() as server:
        server.intercept = conflict
        with pytest.raises(ResourceConflict):
            await session_to(server).open()


async def test_a_refused_bind_is_unreachable_for_our_own_ghost_may_hold_the_resource():
    """P9: after a silent drop the server may still hold the session before."""

    async def refuse(stream, text):
        if "<bind" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(
            f"<iq type='error' id='{ask}'><error type='cancel'>"
            "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        return True

    async with running() as server:
        server.intercept = refuse
        with pytest.raises(Unreachable, match="ours from before a silent drop, or another"):
            await session_to(server).open()


async def test_a_wrong_domain_is_named_by_the_servers_error():
    async def unknown(stream):
        await stream.reader.read(4096)
        stream.send(
            f"{HEADER}<stream:error><host-unknown xmlns='{STREAMS}'/></stream:error>"
            "</stream:stream>"
        )

    async with running() as server:
        server.greet = unknown
        with pytest.raises(NotFinesse, match="host-unknown"):
            await session_to(server).open()


async def test_the_end_can_be_awaited_after_it_happened_and_by_many():
    """P10: slixmpp replaces its future when it fires; ours stays."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        waiting = [asyncio.create_task(session.closed()) for _ in range(3)]
        server.bound[0].cut()
        early = await asyncio.gather(*waiting)
        assert {ending.cause for ending in early} == {Cause.LINK_LOST}
        assert await session.closed() == early[0]


async def test_no_whitespace_is_sent():
    """P11: slixmpp ignores its own switch; our ping does that work."""
    async with running() as server, opened(server) as session:
        client = session._client
        assert client.scheduled_events == {}
        client.schedule("anything", 0, client.send_raw, (" ",))
        assert client.scheduled_events == {}
        assert await session.ping(20)


async def test_what_was_not_sent_while_down_is_not_sent_later():
    """P12: slixmpp queues without bound and floods the next session."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        server.bound[0].cut()
        await session.closed()
        for _ in range(10):
            assert "nothing was sent" in await session.subscribe(TEAM)
        async with opened(server):
            assert not any("pubsub" in text for text in server.bound[1].heard)


@pytest.mark.parametrize("right", [True, False])
async def test_no_log_at_any_level_holds_the_password_or_a_payload(caplog, right):
    """P13: slixmpp prints the SASL PLAIN secret and every stanza at DEBUG."""
    levels = {}
    for name in ["", *logging.root.manager.loggerDict]:
        logger = logging.getLogger(name)
        levels[logger] = logger.level
        logger.setLevel(logging.DEBUG)
    try:
        async with running() as server:
            if not right:
                server.password = "another"
            session = session_to(server)
            with suppress(CredentialsRefused):
                await session.open()
                server.bound[0].push("<Update>+4912345</Update>")
                assert await session.ping(20)
            await session.close()
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
    secret = base64.b64encode(f"\0{AGENT}\0{PASSWORD}".encode()).decode()
    assert secret in server.auths[0]
    for hidden in (secret, PASSWORD, "+4912345"):
        assert hidden not in caplog.text


def test_a_stanza_in_a_louder_record_is_emptied(caplog):
    """P13: the filter does not rest on the level alone."""
    quiet_slixmpp()
    logger = logging.getLogger("slixmpp.xmlstream.xmlstream")
    logger.error("Stanza: %s", f"<auth xmlns='{SASL}'>c2VjcmV0</auth>")
    logger.error("harmless")
    assert "c2VjcmV0" not in caplog.text
    assert "harmless" in caplog.text


async def test_a_refused_password_is_told_by_us_alone(caplog):
    """Slixmpp's own word for it, "No appropriate login method.", sounds like another trouble."""
    async with running() as server:
        server.password = "another"
        session = session_to(server)
        with caplog.at_level(logging.INFO), pytest.raises(CredentialsRefused):
            await session.open()
        await session.close()
    assert "login method" not in caplog.text
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]


async def test_the_password_is_forgotten_once_the_session_is_there():
    """P13: what is not kept cannot be told."""
    async with running() as server, opened(server) as session:
        assert session._client.credentials == {}
        assert session._client.plugin["feature_mechanisms"].mech is None


async def until_gone(refs):
    """Let the loop drop what it still holds of a closed transport; nothing is searched for."""
    for _ in range(50):
        if all(ref() is None for ref in refs):
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("graceful", [True, False])
async def test_a_finished_client_goes_at_once_without_a_search_for_garbage(graceful):
    """P17: the task that sends would keep it alive, and circles would until all is searched."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        client, refs = session._client, [weakref.ref(session), weakref.ref(session._client)]
        filters = client._run_out_filters
        gc.disable()
        try:
            await session.close(graceful=graceful)
            assert filters.done()
            del session, client, filters
            await until_gone(refs)
            assert [ref() for ref in refs] == [None, None]
        finally:
            gc.enable()


async def test_a_session_that_the_server_cut_goes_at_once_as_well():
    """P17: as after a loss of many sessions."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        refs = [weakref.ref(session), weakref.ref(session._client)]
        gc.disable()
        try:
            server.bound[0].cut()
            await session.closed()
            del session
            await until_gone(refs)
            assert [ref() for ref in refs] == [None, None]
        finally:
            gc.enable()


@pytest.mark.parametrize("why", [CredentialsRefused, Unreachable])
async def test_an_attempt_that_failed_goes_at_once_as_well(why):
    """P17: while a server is away, thousands of agents try again and again."""
    async with running() as server:
        password = "made up" if why is CredentialsRefused else PASSWORD
        session = session_to(server, password=lambda: password)
        # As its owner makes it: who is told of `finesse` knows the session.
        session._hearing._on_finesse_presence = lambda _, one=session: one
        if why is Unreachable:
            await server.stop()
        gc.disable()
        try:
            with pytest.raises(why):
                await session.open()
            refs = [weakref.ref(session), weakref.ref(session._client)]
            del session
            await until_gone(refs)
            assert [ref() for ref in refs] == [None, None]
        finally:
            gc.enable()


async def test_notifications_are_handed_over_in_the_stanza_handler_without_a_task():
    """P18: a coroutine handler would become a task that nobody owns or orders."""
    tasks = []

    def look(_):
        tasks.append((asyncio.current_task(), len(asyncio.all_tasks())))

    async with running() as server, opened(server, on_notification=look) as session:
        for _ in range(5):
            server.bound[0].push("<Update/>")
        assert await session.ping(20)
        assert {task for task, _ in tasks} == {None}
        assert len({count for _, count in tasks}) == 1


async def test_only_the_needed_features_are_loaded_and_one_context_is_shared():
    """500 sessions must be light: no context, roster or capability of their own."""
    async with running() as server, opened(server) as one, opened(server, resource="listener-2"):
        client: GuardedClient = one._client
        assert set(client.plugin) == {
            "feature_starttls",
            "feature_bind",
            "feature_session",
            "feature_mechanisms",
        }
        assert client.get_ssl_context() is one._tls


async def test_slixmpp_that_gives_up_starts_no_task_and_no_reconnect():
    """P1, P4: its own ways to end and to redial lead to our one end."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        client = session._client
        client.reconnect()
        await client.disconnect()
        assert (await session.closed()).cause is Cause.LINK_LOST
        assert client.reschedule_connection_attempt() is None
        assert server.connections == 1


async def test_nobody_listening_and_unknown_names_are_told_apart():
    async with running() as server:
        pass
    with pytest.raises(Unreachable, match="5223"):
        await session_to(server, host="127.0.0.1").open()
    with pytest.raises(Unreachable, match="cannot be resolved"):
        await session_to(server, host="no-such-host.invalid").open()


async def test_a_second_login_on_the_same_stream_is_not_begun():
    """P13: features that come late find nobody who would send a password."""
    async with running() as server, opened(server) as session:
        server.bound[0].send(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        )
        assert await session.ping(20)
        assert len(server.auths) == 1


async def test_a_failure_of_ours_in_the_stanza_handler_is_logged_by_kind_and_not_sent_back():
    """P18: slixmpp would answer the sender with an error that tells of us."""

    def breaks(_):
        raise ValueError("private")

    async with running() as server, opened(server) as session:
        session._client._on_stanza = breaks
        with capture_logs() as lines:
            server.bound[0].push("<Update/>")
            session._client.exception(ValueError("private"))
            assert not await session.ping(0.1)
        assert {line["event"] for line in lines} == {"stanza.failed"}
        assert "private" not in str(lines)
        assert not any("error" in text for text in server.bound[0].heard)

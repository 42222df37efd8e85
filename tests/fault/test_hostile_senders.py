"""Whoever is not the pubsub service or our own account is not heard, however it dresses up."""

from __future__ import annotations

import asyncio
from xml.sax.saxutils import escape

import pytest
from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.finesse.actions import Hold
from listener.simulator.faults import Fault
from tests.shell.scripted_xmpp import (
    AGENT,
    DOMAIN,
    EVENT,
    NODE,
    PUBSUB,
    item_of,
    message,
    opened,
    running,
)
from tests.shell.stage import PACES, A, answered_call, settings, simulated, until

FORGED = "<Update>forged</Update>"
GOOD = "<Update>good</Update>"
OWN = f"{AGENT}@{DOMAIN}"
ITEMS = f"<event xmlns='{EVENT}'><items node='{NODE}'>{item_of(FORGED, 'f')}</items></event>"


async def heard(octets: str) -> tuple[list[str], int]:
    """Return the payloads that a session heard of this, and how many messages it refused."""
    got = []
    async with running() as server, opened(server, heard=got) as session:
        server.bound[0].send(octets)
        server.bound[0].push(GOOD)
        assert await session.ping(20)
        return [one.payload for one in got], session.refused_notifications


@pytest.mark.parametrize(
    "sender",
    [
        "1002@finesse.test",
        "1002@finesse.test/listener-x",
        f"{OWN}/listener-test",  # our own full JID: Finesse sends from the bare one
        f"{OWN}/desktop",
        f"{OWN}/",
        f"{AGENT}@other.test",
        f"{AGENT}@{DOMAIN}.evil.test",
        f"{AGENT}@{PUBSUB}",
        f"admin@{PUBSUB}",
        f"{PUBSUB}@evil.test",
        "pubsub.other.test",
        f"{PUBSUB}.evil.test",
        f"x.{PUBSUB}",
        f"{PUBSUB}.",
        f" {PUBSUB}",
        f"{PUBSUB} ",
        f"evil.test/{PUBSUB}",
        f"evil.test/@{PUBSUB}",
        f"@{PUBSUB}",
        f"{PUBSUB}@",
        DOMAIN,
        f"finesse@{DOMAIN}",
        f"conference.{DOMAIN}",
        "pubsub",
        "@",
        "/",
        f"pub\u200bsub.{DOMAIN}",
        f"\uff50ubsub.{DOMAIN}",  # a full-width p
        f"pubsub\u3002{DOMAIN}",  # an ideographic full stop
        f"p\u0443bsub.{DOMAIN}",  # a Cyrillic u
        "*",
    ],
)
async def test_a_notification_from_anybody_else_is_refused_counted_and_told(sender: str):
    with capture_logs() as lines:
        payloads, refused = await heard(message(FORGED, sender=escape(sender)))
    assert (payloads, refused) == ([GOOD], 1)
    told = [line for line in lines if line["event"] == "notification.refused"]
    assert [line["sender"] for line in told] == [sender]
    assert FORGED not in str(told)


async def test_a_strangers_name_is_as_long_as_it_likes_and_cut_in_the_log():
    with capture_logs() as lines:
        payloads, refused = await heard(message(FORGED, sender="x" * 100_000))
    assert (payloads, refused) == ([GOOD], 1)
    (told,) = [line for line in lines if line["event"] == "notification.refused"]
    assert told["sender"] == "x" * 200 + "..."


@pytest.mark.parametrize(
    "sender",
    [
        PUBSUB,
        PUBSUB.upper(),
        "PubSub.Finesse.Test",
        f"{PUBSUB}/any-resource",
        OWN,
        OWN.upper(),
    ],
)
async def test_names_are_the_same_in_any_case(sender: str):
    assert await heard(message(FORGED, sender=sender)) == ([FORGED, GOOD], 0)


@pytest.mark.parametrize(
    "octets",
    [
        f"<message from='{PUBSUB}' type='error'>{ITEMS}</message>",
        f"<message from='{PUBSUB}'><body>{escape(message(FORGED))}</body></message>",
        f"<iq type='set' id='1' from='{PUBSUB}'>{ITEMS}</iq>",
        f"<iq type='result' id='1' from='{PUBSUB}'>{ITEMS}</iq>",
        f"<presence from='{PUBSUB}'>{ITEMS}</presence>",
        f"<message xmlns='jabber:server' from='{PUBSUB}'>{ITEMS}</message>",
        f"<message xmlns='jabber:component:accept' from='{PUBSUB}'>{ITEMS}</message>",
        ITEMS,
        *(
            f"<message from='{sender}'>{wrap[0]}{message(FORGED)}{wrap[1]}</message>"
            for sender in (OWN, PUBSUB, "1002@finesse.test")
            for wrap in (
                (
                    "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>",
                    "</forwarded></received>",
                ),
                (
                    "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>",
                    "</forwarded></sent>",
                ),
                ("<forwarded xmlns='urn:xmpp:forward:0'>", "</forwarded>"),
                (
                    "<result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'>",
                    "</forwarded></result>",
                ),
                ("<event xmlns='http://jabber.org/protocol/pubsub#event'>", "</event>"),
                ("<privilege xmlns='urn:xmpp:privilege:2'>", "</privilege>"),
            )
        ),
    ],
)
async def test_what_is_wrapped_or_is_no_message_is_never_taken_for_a_notification(octets: str):
    """A carbon or a forwarded message names its sender itself: anybody could write anything."""
    assert await heard(octets) == ([GOOD], 0)


async def test_each_of_two_from_is_an_error_and_not_the_second_sender():
    got = []
    async with running() as server, opened(server, heard=got) as session:
        server.bound[0].send(f"<message from='{PUBSUB}' from='evil.test'>{ITEMS}</message>")
        assert (await session.closed()).cause == "malformed"
    assert got == []


@pytest.mark.parametrize(
    ("presence", "told"),
    [
        (f"<presence from='finesse@{DOMAIN}'/>", [True]),
        (f"<presence from='FINESSE@{DOMAIN.upper()}/Smack'/>", [True]),
        (f"<presence from='finesse@{DOMAIN}/x' type='unavailable'/>", [False]),
        (f"<presence from='finesse@{DOMAIN}' type='error'/>", []),
        (f"<presence from='finesse@{DOMAIN}' type='subscribe'/>", []),
        (f"<presence from='finesse@{DOMAIN}' type='probe'/>", []),
        (f"<presence from='finesse@{DOMAIN}' type='Unavailable'/>", []),
        ("<presence from='finesse@evil.test' type='unavailable'/>", []),
        (f"<presence from='finesse@{DOMAIN}.evil.test' type='unavailable'/>", []),
        (f"<presence from='finesse@{PUBSUB}' type='unavailable'/>", []),
        (f"<presence from='finesse2@{DOMAIN}' type='unavailable'/>", []),
        (f"<presence from='{DOMAIN}' type='unavailable'/>", []),
        (f"<presence from='evil.test/finesse@{DOMAIN}' type='unavailable'/>", []),
        ("<presence from='finesse' type='unavailable'/>", []),
        ("<presence type='unavailable'/>", []),
        (f"<presence xmlns='jabber:server' from='finesse@{DOMAIN}' type='unavailable'/>", []),
        (f"<message from='finesse@{DOMAIN}' type='unavailable'/>", []),
        (f"<message><presence from='finesse@{DOMAIN}' type='unavailable'/></message>", []),
    ],
)
async def test_finesse_is_away_only_when_its_own_user_at_our_domain_says_so(presence, told):
    news = []
    async with running() as server, opened(server, on_finesse_presence=news.append) as session:
        server.bound[0].send(presence)
        assert await session.ping(20)
    assert news == told


async def forged_answers(sender: str, ask: str | None) -> bool:
    """Let somebody else answer a ping of ours; return whether it was taken for the answer."""

    async def intercept(stream, text):
        if "urn:xmpp:ping" not in text:
            return False
        given = text.partition('id="')[2].partition('"')[0] if ask is None else ask
        stream.send(f"<iq type='result' id='{given}'{sender}/>")
        return True

    async with running() as server, opened(server) as session:
        server.intercept = intercept
        return await session.ping(0.1)


@pytest.mark.parametrize(
    "sender",
    [
        " from='1002@finesse.test'",
        " from='evil.test'",
        f" from='{DOMAIN}.evil.test'",
        f" from='{PUBSUB}'",
        f" from='x@{DOMAIN}'",
        f" from='{DOMAIN}/x'",
        f" from='{OWN}'",
        " from=''",
        " from=' '",
    ],
)
async def test_an_answer_that_names_our_id_from_somebody_else_is_none(sender: str):
    assert not await forged_answers(sender, None)


@pytest.mark.parametrize("ask", ["", "1", "a", "00000000-1"])
async def test_an_answer_with_another_id_is_none(ask: str):
    assert not await forged_answers(f" from='{DOMAIN}'", ask)


async def test_an_answer_without_a_sender_is_the_servers_own():
    """RFC 6120 section 8.1.2.1."""
    assert await forged_answers("", None)


async def test_two_answers_to_one_question_and_answers_to_none_are_harmless():
    async def intercept(stream, text):
        if "urn:xmpp:ping" in text:
            ask = text.partition('id="')[2].partition('"')[0]
            for _ in range(3):
                stream.send(f"<iq type='result' id='{ask}' from='{DOMAIN}'/>")
            for kind in ("result", "error", "nonsense"):
                stream.send(f"<iq type='{kind}' id='never-asked' from='{DOMAIN}'/><iq/>")
            return True
        return False

    got = []
    async with running() as server, opened(server, heard=got) as session:
        server.intercept = intercept
        assert await asyncio.gather(*(session.ping(20) for _ in range(5))) == [True] * 5
        server.bound[0].push(GOOD)
        assert await session.ping(20)
    assert [one.payload for one in got] == [GOOD]


async def test_a_subscription_that_somebody_else_answers_is_not_made():
    async def intercept(stream, text):
        if "<subscribe" not in text:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(f"<iq type='result' id='{ask}' from='evil.test'/>")
        return True

    async with running() as server, opened(server, ask=0.1) as session:
        server.intercept = intercept
        assert await session.subscribe("/finesse/api/Team/5/Users") is not None


@pytest.mark.parametrize("wrap", ["plain", "carbon"])
async def test_nothing_of_a_forged_error_reaches_an_open_request(tmp_path, wrap: str):
    """The whole program: a user of the same server tries to fail a request of another."""
    async with simulated() as sim, Listener.open(settings(sim, tmp_path), paces=PACES) as listener:
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ticket = listener.start(Hold(agent=A, dialog_id=dialog), deadline=4)
        await until(lambda: ticket.record.answered is not None)
        failed = (
            "<Update><data><apiErrors><apiError><errorType>x</errorType></apiError></apiErrors>"
            f"</data><event>PUT</event><requestId>{ticket.request_id}</requestId></Update>"
        )
        forged = message(failed, node=f"/finesse/api/User/{A}/Dialogs", sender="pubsub.localhost")
        if wrap == "carbon":
            forged = (
                f"<message from='{A}@localhost'><received xmlns='urn:xmpp:carbons:2'><forwarded"
                f" xmlns='urn:xmpp:forward:0'>{forged}</forwarded></received></message>"
            )
        else:
            forged = forged.replace("'pubsub.localhost'", f"'{A}@localhost/mallory'")
        assert sim.notifications.push_raw(A, forged) == 1
        outcome = await ticket.outcome()
        assert (outcome.kind, outcome.evidence) == ("confirmed", "snapshot")
        assert listener.agents[A].live

"""Hostile and broken bytes: each ends that session, with a cause, and costs next to nothing."""

import gc
import pyexpat
import resource
import weakref
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from listener.errors import NotFinesse, Unreachable
from listener.xmpp.contract import Cause
from listener.xmpp.parser import Malformed, Prolog, PullParser
from tests.shell.scripted_xmpp import (
    HEADER,
    Stream,
    item_of,
    items_message,
    message,
    opened,
    running,
    session_to,
)

MIB = 1024 * 1024
LIMIT = 65_536
DTD = "<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'x'>]>"


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def says(*parts: str | bytes):
    """Return a greeting that says these parts and then waits for the other side to leave."""

    async def greet(stream: Stream) -> None:
        await stream.reader.read(65536)
        for part in parts:
            stream.send(part)
            await stream.writer.drain()
        await stream.reader.read()

    return greet


async def test_a_stanza_of_300_megabytes_is_refused_at_the_limit_without_growth():
    """P14: slixmpp has no limit of its own."""
    sent = 0

    async def flood(stream: Stream) -> None:
        nonlocal sent
        stream.send("<message><body>")
        for _ in range(300):
            stream.send(b"A" * 1_000_000)
            await stream.writer.drain()
            sent += 1_000_000

    async with running() as server:
        session = session_to(server)
        await session.open()
        before = resident()
        with pytest.raises(ConnectionError):
            await flood(server.bound[0])
        assert (await session.closed()).cause is Cause.STANZA_TOO_BIG
        assert resident() - before < 30 * MIB
        assert sent < 300_000_000


async def test_a_giant_stanza_before_login_is_refused_at_the_small_limit():
    """P14: nobody who has not let us in may send more than 16 KiB."""
    async with running() as server:
        server.greet = says(HEADER + "<stream:features>" + "<x/>" * 5_000)
        with pytest.raises(NotFinesse, match="16384"):
            await session_to(server).open()


async def test_many_small_stanzas_never_add_up_to_a_big_one():
    """P14: the count begins anew with each stanza."""
    heard = []
    async with running() as server, opened(server, heard=heard, stanza_limit=LIMIT) as session:
        for number in range(200):
            server.bound[0].push("x" * 1000, item=str(number))
        assert await session.ping(20)
        assert len(heard) == 200


async def test_a_stanza_just_under_the_limit_is_heard_and_one_above_ends_the_session():
    """P14: a piece of a sixteenth is the tolerance."""
    heard = []
    async with running() as server, opened(server, heard=heard, stanza_limit=LIMIT) as session:
        server.bound[0].push("x" * (LIMIT - 1000))
        assert await session.ping(20)
        assert len(heard) == 1
        server.bound[0].push("x" * (LIMIT + LIMIT // 8))
        assert (await session.closed()).cause is Cause.STANZA_TOO_BIG
        assert len(heard) == 1


async def test_deep_nesting_and_many_children_are_bounded_by_the_same_limit():
    """P14: a million levels would be 300 MB of tree."""
    for flood in (b"<a>" * 1_000_000, b"<a/>" * 1_000_000):
        async with running() as server:
            session = session_to(server, stanza_limit=LIMIT)
            await session.open()
            before = resident()
            server.bound[0].send(b"<message>")
            server.bound[0].send(flood)
            assert (await session.closed()).cause is Cause.STANZA_TOO_BIG
            assert resident() - before < 30 * MIB


@pytest.mark.parametrize("cut", [None, 1, 7])
async def test_a_dtd_before_the_stream_ends_the_connection(cut):
    """XMPP forbids a DTD (RFC 6120 section 11.1); slixmpp's parser takes it."""
    text = (DTD + HEADER).encode()
    parts = [text] if cut is None else [text[i : i + cut] for i in range(0, len(text), cut)]
    async with running() as server:
        server.greet = says(*parts)
        with pytest.raises(NotFinesse, match="DTD"):
            await session_to(server).open()


def test_a_dtd_is_seen_before_the_root_only():
    prolog = Prolog()
    for piece in (b"<?xml version='1.0'?>", b"\n<ro", b"ot>", b"<!DOCTYPE x>"):
        prolog.feed(piece)
    assert not prolog.has_dtd
    prolog = Prolog()
    prolog.feed(b"<!DOCTYPE x [")
    assert prolog.has_dtd


async def test_bytes_that_are_not_xml_end_the_session_and_stay_out_of_the_log(caplog):
    """Slixmpp would log the bytes, which are customers' data."""
    async with running() as server:
        session = session_to(server)
        await session.open()
        server.bound[0].send("<message><body>private</message>")
        assert (await session.closed()).cause is Cause.MALFORMED
    assert "private" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "<html><body>", "\x00\x01\x02", "<stream xmlns='x'>"],
)
async def test_a_server_that_does_not_speak_xmpp_is_not_finesse(answer):
    async with running() as server:
        server.greet = says(answer)
        with pytest.raises(NotFinesse):
            await session_to(server).open()


async def test_a_tls_port_that_was_configured_as_plain_is_named():
    async with running() as server:
        server.greet = says(b"\x15\x03\x01\x00\x02\x02\x46")
        with pytest.raises(NotFinesse, match="TLS"):
            await session_to(server).open()


async def test_single_bytes_are_delivered_at_once():
    """P15: expat 2.6 and newer may hold a finished stanza back until more bytes come."""
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        for byte in message("<Update>ä</Update>").encode():
            server.bound[0].send(bytes([byte]))
            await server.bound[0].writer.drain()
        assert await session.ping(20)
        assert [one.payload for one in heard] == ["<Update>ä</Update>"]


def test_a_finished_stanza_is_not_held_back_for_more_bytes():
    """P15, on the parser itself: every way to cut it in two delivers with its last byte."""
    stanza = message("x" * 100).encode()
    for at in range(1, len(stanza)):
        parser = PullParser()
        parser.feed(b"<stream>")
        parser.feed(stanza[:at])
        parser.feed(stanza[at:])
        assert [element.tag for _, element in parser.read_events()][-1] == "message"


def test_expat_is_told_to_hold_nothing_back_where_it_would(monkeypatch):
    """P15: older expat cannot be told and need not be."""
    said = []

    class Newer:
        def SetReparseDeferralEnabled(self, enabled) -> None:  # noqa: N802 - expat's name
            said.append(enabled)

    monkeypatch.setattr(pyexpat, "ParserCreate", lambda *_: Newer())
    PullParser()
    Prolog()
    assert said == [False, False]


TREES = [
    "<a/>",
    "<a x='1' p:y='&lt;&#10;'>one</a>",
    "<a>one<b>two</b>three<c/>four<!-- five -->six<?seven?></a>",
    "<p:a><![CDATA[<raw>]]>&amp;<b xmlns=''><c xmlns='other'>\r\n</c></b>\u00e4</p:a>",
    "<a>" + "&lt;x&gt;line\n" * 3000 + "<b/>" + "&amp;" * 9000 + "</a>",
]


@pytest.mark.parametrize("cut", [1, 3, 1000, 1 << 20])
@pytest.mark.parametrize("stanza", TREES)
def test_a_stanza_is_the_tree_that_elementtree_makes_of_it(stanza, cut):
    head, tail = "<s:s xmlns='jabber:client' xmlns:s='streams' xmlns:p='p'>", "</s:s>"
    parser, octets = PullParser(), f"{head} {stanza}\n{stanza}{tail}".encode()
    events = []
    for at in range(0, len(octets), cut):
        parser.feed(octets[at : at + cut])
        events.extend(parser.read_events())
    root, ours = events[0][1], [element for name, element in events if name == "end"]
    assert [name for name, _ in events] == ["start", "start", "end", "start", "end", "end"]
    assert ours.pop() is root
    theirs = ET.fromstring(octets)
    assert root.tag == theirs.tag
    for mine, other in zip(ours, theirs, strict=True):
        other.tail = None
        assert ET.tostring(mine) == ET.tostring(other)


def test_the_root_keeps_none_of_the_stanzas():
    parser = PullParser()
    parser.feed(b"<r><a/> <a/> </r>")
    assert [len(element) for _, element in parser.read_events()] == [0] * 6


def test_what_stands_before_broken_bytes_is_told_first():
    parser = PullParser()
    parser.feed(b"<r><a/><b></c>")
    told = parser.read_events()
    assert [next(told)[1].tag for _ in range(4)] == ["r", "a", "a", "b"]
    with pytest.raises(Malformed, match="mismatched tag"):
        next(told)


async def test_what_follows_the_end_in_the_same_bytes_is_not_heard():
    heard = []
    async with running() as server:
        session = session_to(server, heard=heard)
        await session.open()
        error = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        server.bound[0].send(error + items_message(item_of("late", "1")))
        assert (await session.closed()).cause is Cause.STREAM_ERROR
        assert heard == []


async def test_a_notification_before_login_is_not_heard():
    heard = []
    async with running() as server:
        server.greet = says(HEADER + message("forged") + "</stream:stream>")
        with pytest.raises(Unreachable):
            await session_to(server, heard=heard).open()
        assert heard == []


async def test_a_stream_that_never_began_again_is_gone_without_the_collector():
    """After the login a new stream begins; of one that does not, no parser may stay."""

    async def silent(stream: Stream, text: str) -> bool:
        return bool(stream.user) and "<stream:stream" in text

    async with running() as server:
        server.intercept = silent
        session = session_to(server, connect=0.3)
        with pytest.raises(Unreachable):
            await session.open()
        assert session._client is not None
        prolog = weakref.ref(session._client._prolog)
        gc.disable()
        try:
            await session.close(graceful=False)
            session._client._prolog = None
            assert prolog() is None
        finally:
            gc.enable()

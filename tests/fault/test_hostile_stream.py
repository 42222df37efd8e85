"""XML that is hostile or merely odd, on the stream: what ends a session and what is heard.

Sizes and floods are in `test_hostile_memory`, cuts and pieces in `test_xmpp_bytes`.
"""

from __future__ import annotations

import sys
import threading
import time
import xml.etree.ElementTree as ET
from contextlib import suppress

import pytest

from listener.errors import NotFinesse
from listener.xmpp import parser as parsing
from listener.xmpp import stanzas
from listener.xmpp.contract import Cause
from listener.xmpp.parser import DEEPEST, ELEMENTS, Malformed, Prolog, PullParser, TooBig
from tests.shell.scripted_xmpp import (
    EVENT,
    HEADER,
    NODE,
    PUBSUB,
    Stream,
    item_of,
    items_message,
    message,
    opened,
    running,
    session_to,
)

GOOD = "<Update>good</Update>"
ROOT = HEADER.encode()


async def fate(*octets: bytes | str) -> Cause | list[str]:
    """Return why a session ended that was told this, or what it heard, with a good one after it."""
    heard = []
    async with running() as server, opened(server, heard=heard) as session:
        for each in octets:
            server.bound[0].send(each)
        server.bound[0].push(GOOD)
        if await session.ping(20):
            return [one.payload for one in heard]
        return (await session.closed()).cause


def read(*pieces: bytes) -> list[tuple[str, str, str | None]]:
    """Return the events of a parser that was fed this after the stream's root."""
    parser = PullParser()
    for piece in (ROOT, *pieces):
        parser.feed(piece)
    found = [(name, element.tag, element.text) for name, element in parser.read_events()]
    return found[1:]


# -- what ends a session ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        b"\0",
        b"<message>\0</message>",
        b"<message>&#0;</message>",
        b"<message>\x0b</message>",
        b"<message>&#xB;</message>",
        b"<message>\x1b[31m</message>",
        "<message>\ufffe</message>".encode(),
        b"<message>&#xFFFF;</message>",
        b"<message>&#xD800;</message>",
        b"<message>&#xD83D;&#xDE00;</message>",
        b"<message>&#x110000;</message>",
        b"<message>\xed\xa0\x80</message>",  # half of a surrogate pair, as CESU-8 has it
        b"<message>\xed\xa0\xbd\xed\xb8\x80</message>",
        b"<message>\xc0\xbc</message>",  # "<", longer than it need be
        b"<message>\xf4\x90\x80\x80</message>",  # behind the last character
        b"<message>\xff</message>",
        b"<message>\xe9</message>",  # Latin-1
        "<message/>".encode("utf-16"),
        "<message/>".encode("utf-16-le"),
        "<message/>".encode("utf-16-be"),
        "<message/>".encode("utf-32"),
        b"<?xml version='1.0'?><message/>",
        b"<!DOCTYPE message><message/>",
        b"<message><!DOCTYPE x></message>",
        b"<message><!ENTITY a 'b'></message>",
        b"<message>&unheard;</message>",
        b"<message a='&unheard;'/>",
        b"<message>]]></message>",
        b"<message a='<'/>",
        b"<message a=1/>",
        b"<message a='1' a='2'/>",
        b"<message xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>",
        b"<p:message/>",
        b"<message p:a='1'/>",
        b"<message xmlns:p=''/>",
        b"<message xmlns:xml='u'/>",
        b"<message xmlns:xmlns='u'/>",
        b"<x:y xmlns:x='jabber:client}message'/>",
        b"<message xmlns:x='a}b' x:c='d'/>",
        b"<message></iq>",
        b"</message>",
        b"<message><!-- -- --></message>",
        b"<message><?xml version='1.0'?></message>",
        b"<1/>",
        b"<message>" + b"&lt" * 3 + b"</message>",
    ],
)
async def test_what_is_not_well_formed_or_not_utf_8_ends_the_session_as_malformed(octets: bytes):
    assert await fate(octets) is Cause.MALFORMED


async def test_a_second_stream_header_or_what_follows_the_end_is_never_a_new_session():
    heard = []
    async with running() as server:
        session = session_to(server, heard=heard)
        await session.open()
        server.bound[0].send(f"</stream:stream>{HEADER}{message(GOOD)}")
        assert (await session.closed()).cause in {Cause.MALFORMED, Cause.LINK_LOST}
        assert (heard, server.connections, len(server.auths)) == ([], 1, 1)


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE s>",
        "<!DOCTYPE s SYSTEM 'http://127.0.0.1:9/x.dtd'>",
        "<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>",
        "<!DOCTYPE s [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'>%p;]>",
        "<!-- first --><?and this?>\n<!DOCTYPE s []>",
        "\ufeff<!DOCTYPE s []>",
    ],
)
@pytest.mark.parametrize("stage", ["before login", "after login"])
async def test_a_dtd_is_named_whatever_it_says_and_whenever_it_comes(declaration: str, stage: str):
    """RFC 6120 section 11.1; after login a new document begins, and could have one, too."""

    async def intercept(stream: Stream, text: str) -> bool:
        late = stream.user is not None
        if text.startswith("<stream:stream") and late is (stage == "after login"):
            stream.send(f"{declaration}{HEADER}")
            return True
        return False

    async with running() as server:
        server.intercept = intercept
        with pytest.raises(NotFinesse, match="DTD"):
            await session_to(server).open()


def bomb(levels: int, width: int, *, at: str) -> bytes:
    """Return the beginning of a document whose entities grow, each a few times the one before."""
    entities = "".join(
        f"<!ENTITY e{n} '{f'&e{n - 1};' * width if n else 'x' * 50}'>" for n in range(levels)
    )
    use = f"<!ATTLIST s a CDATA '&e{levels - 1};'>" if at == "attribute" else ""
    end = f"<s>&e{levels - 1};" if at == "text" else "<s/>"
    return f"<!DOCTYPE s [{entities}{use}]>{end}".encode()


@pytest.mark.parametrize("at", ["text", "attribute"])
@pytest.mark.parametrize(("levels", "width"), [(2, 3_000), (4, 50), (12, 2), (30, 2), (9, 10)])
def test_an_entity_bomb_of_any_size_costs_no_more_than_plain_text(levels, width, at):
    """Below expat's own threshold (8 MB of output) just as above it: none of it is opened."""
    document = bomb(levels, width, at=at)

    def cost(octets: bytes) -> float:
        begun = time.thread_time()
        for _ in range(5):
            prolog = Prolog()
            with suppress(Malformed):
                prolog.feed(octets)
        return time.thread_time() - begun

    prolog = Prolog()
    prolog.feed(document)
    assert prolog.has_dtd
    plain = b"<!-- " + b"x" * 1_000_000 + b" -->"
    assert cost(document) < 0.2 + 20 * cost(plain)


async def test_an_entity_bomb_ends_the_connection_before_anything_is_built():
    async def greet(stream: Stream) -> None:
        await stream.reader.read(65536)
        stream.send(bomb(9, 10, at="text"))
        await stream.reader.read()

    async with running() as server:
        server.greet = greet
        with pytest.raises(NotFinesse, match="DTD"):
            await session_to(server).open()


# -- what is heard as it is, or not at all ------------------------------------------------------


def wrapped(payload: str) -> str:
    """Return a message whose notification holds just this."""
    return items_message(f"<item id='1'><notification>{payload}</notification></item>")


@pytest.mark.parametrize(
    ("inside", "payload"),
    [
        ("<![CDATA[<Update/>]]>", "<Update/>"),
        ("<![CDATA[<Upd]]><![CDATA[ate/>]]>", "<Update/>"),
        ("&lt;Upd<![CDATA[ate/>]]>", "<Update/>"),
        ("<![CDATA[</notification></item></message>]]>", "</notification></item></message>"),
        ("<![CDATA[]]]]><![CDATA[>]]>", "]]>"),
        ("<![CDATA[]]>&#60;<![CDATA[]]>Update/>", "<Update/>"),
        ("&lt;Update<!-- not here -->/&gt;", "<Update/>"),
        ("&lt;Update<?nor here?>/&gt;", "<Update/>"),
        ("&amp;lt;Update/&amp;gt;", "&lt;Update/&gt;"),
        ("&#x3C;Update&#x2F;&#62;", "<Update/>"),
        ("\u2028\x85\U0001f4de", "\u2028\x85\U0001f4de"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("&#13;", "\r"),
    ],
)
async def test_text_is_what_xml_says_it_is_however_it_is_written(inside: str, payload: str):
    assert await fate(wrapped(inside)) == [payload, GOOD]


@pytest.mark.parametrize(
    "octets",
    [
        "<!-- a comment -->",
        "<?a processing instruction?>",
        "<?xml-stylesheet href='http://127.0.0.1:9/x'?>",
        " \n\t\r\n",
        "<message xmlns='urn:other'><event><items node='n'><item/></items></event></message>",
        "<message xmlns=''><event><items node='n'><item/></items></event></message>",
        "<Message/>",
        "<x xmlns='jabber:client'><message/></x>",
        "<message xmlns:event='e' event='1'/>",
        "<message>stray text</message>",
        "stray text between stanzas",
        (
            "<message><message><event><items node='n'><item><notification>&lt;x/&gt;</notification>"
            "</item></items></event></message></message>"
        ),
    ],
)
async def test_what_is_no_notification_is_let_pass_and_harms_nothing(octets: str):
    assert await fate(octets) == [GOOD]


@pytest.mark.parametrize(
    "octets",
    [
        (
            f"<c:message xmlns:c='jabber:client' from='{PUBSUB}'><event><items node='{NODE}'><item>"
            "<notification>&lt;x/&gt;</notification></item></items></event></c:message>"
        ),
        (
            f"<message from='{PUBSUB}'><e:event xmlns:e='urn:other'><e:items node='{NODE}'><e:item>"
            "<n:notification xmlns:n='n'>&lt;x/&gt;</n:notification></e:item></e:items></e:event>"
            "</message>"
        ),
        (
            f"<message xmlns:a='jabber:client' from='{PUBSUB}'><event xmlns='{EVENT}'>"
            f"<items node='{NODE}'><item><notification>&lt;x/&gt;</notification></item></items>"
            "</event></message>"
        ),
    ],
)
async def test_a_notification_is_one_whatever_prefixes_it_has(octets: str):
    assert await fate(octets) == ["<x/>", GOOD]


@pytest.mark.parametrize(
    "declaration",
    [
        b"<?xml version='1.0' encoding='%s'?>" % name
        for name in (b"iso-8859-1", b"utf-16", b"utf-7", b"idna", b"rot13", b"no-such", b"cp037")
    ],
)
async def test_a_stream_is_utf_8_whatever_it_declares(declaration: bytes):
    """RFC 6120 section 11.6. An unknown name once raised in the transport, past every guard."""

    async def intercept(stream: Stream, text: str) -> bool:
        if not text.startswith("<stream:stream"):
            return False
        stream.send(declaration)
        return False

    heard = []
    async with running() as server:
        server.intercept = intercept
        session = session_to(server, heard=heard)
        await session.open()
        server.bound[0].push("<Update>+ADw-\u00e4\u20ac</Update>")
        assert await session.ping(20)
        await session.close(graceful=False)
    assert [one.payload for one in heard] == ["<Update>+ADw-\u00e4\u20ac</Update>"]


async def test_a_byte_order_mark_of_utf_8_is_let_pass():
    async def intercept(stream: Stream, text: str) -> bool:
        if text.startswith("<stream:stream"):
            stream.send(b"\xef\xbb\xbf")
        return False

    async with running() as server:
        server.intercept = intercept
        session = session_to(server)
        await session.open()
        await session.close(graceful=False)


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_a_stream_in_another_encoding_is_not_finesse(name: str):
    async def greet(stream: Stream) -> None:
        await stream.reader.read(65536)
        stream.send(HEADER.encode(name))
        await stream.reader.read()

    async with running() as server:
        server.greet = greet
        with pytest.raises(NotFinesse):
            await session_to(server).open()


# -- bounds on what a tree may cost -------------------------------------------------------------


async def test_a_long_attribute_and_a_long_text_below_their_bounds_are_heard():
    text = "x" * 900_000
    assert await fate(f"<message a='{'y' * 100_000}'/>", wrapped(text)) == [text, GOOD]


def test_a_tag_that_does_not_end_is_refused_before_it_is_read_again_and_again():
    piece = b"x" * 1400
    parser = PullParser()
    parser.feed(ROOT + b"<message a='")
    fed = 0
    while parser._broken is None:
        parser.feed(piece)
        fed += len(piece)
        assert fed < 2 * parsing.LONGEST_TAG
    with pytest.raises(TooBig, match="tag"):
        list(parser.read_events())


def test_elements_and_attributes_are_counted_anew_for_each_stanza():
    most = b"<message>" + b"<a/>" * (ELEMENTS - 1) + b"</message>"
    assert [name for name, *_ in read(most, most)] == ["start", "end"] * 2
    for more in (b"<a/>" * 2, b"<a b='' c=''/>"):
        with pytest.raises(TooBig, match=str(ELEMENTS)):
            read(most, most[: -len(b"</message>")] + more)


def test_what_is_nested_deeper_than_can_be_shown_is_left_out_and_the_rest_is_there():
    deep = b"<a>" * (DEEPEST + 100) + b"lost" + b"</a>" * (DEEPEST + 100)
    parser = PullParser()
    parser.feed(ROOT + b"<message>" + deep + b"<b>kept</b>tail</message><message>next</message>")
    ends = [element for name, element in parser.read_events() if name == "end"]
    levels = [element.tag for element in ends[0].iter("{jabber:client}a")]
    assert len(levels) == DEEPEST - 1  # the message is the first
    assert "".join(ends[0].itertext()) == "kepttail"
    assert ends[1].text == "next"


async def test_a_payload_of_many_elements_is_refused_by_itself_and_one_of_too_many_ends_all():
    """Up to 20,000 elements are a payload's business, and the next payload is heard."""
    fits = "<Update>" + "<a/>" * 21_000 + "</Update>"
    heard = await fate(wrapped(fits))
    assert isinstance(heard, list)
    assert [len(payload) > 21_000 for payload in heard] == [True, False]
    assert await fate(wrapped("<a/>" * (ELEMENTS + 1))) is Cause.STANZA_TOO_BIG


def test_names_that_are_never_the_same_are_not_kept():
    parser = PullParser()
    parser.feed(ROOT)
    for start in range(0, 20_000, 1_000):
        names = "".join(f"<n{n} a{n}=''/>" for n in range(start, start + 1_000))
        parser.feed(f"<message>{names}</message>".encode())
        list(parser.read_events())
    assert len(parser._names) <= parsing._NAMES


@pytest.mark.parametrize(
    "piece",
    [
        b"<a>",
        b"<a/>",
        b"<a b='c'/>",
        b"&lt;",
        b"<![CDATA[x]]>",
        b"<!--x-->",
        b"<?x y?>",
        b"\r\n",
        b"<a xmlns='u'/>",
        b"<a xmlns:p='u' p:q=''/>",
        "\u00e4\U0001f4de".encode(),
    ],
)
def test_reading_takes_time_in_proportion_to_its_length(piece: bytes):
    def cost(length: int) -> float:
        document = ROOT + b"<message>" + piece * (length // len(piece))
        best = []
        for _ in range(3):
            parser = PullParser()
            begun = time.thread_time()
            for at in range(0, len(document), 1400):
                parser.feed(document[at : at + 1400])
            best.append(time.thread_time() - begun)
        return min(best)

    cost(10_000)
    assert cost(400_000) < 0.05 + 40 * cost(40_000)  # squared it would be a hundred times


# -- nothing is opened --------------------------------------------------------------------------


def test_reading_a_stream_touches_no_file_no_network_and_no_module(tmp_path):
    bait = tmp_path / "bait"
    bait.write_text("bait")
    seen = []
    watching, here = [False], threading.get_ident()
    watched = ("open", "socket", "subprocess", "os.", "urllib", "import", "exec", "compile")

    def hook(name: str, args: object) -> None:
        if watching[0] and threading.get_ident() == here and name.startswith(watched):
            seen.append((name, args))

    sys.addaudithook(hook)
    documents = [
        f"<!DOCTYPE s SYSTEM 'file://{bait}'><s>",
        f"<!DOCTYPE s PUBLIC 'x' '{bait}'><s>",
        f"<!DOCTYPE s [<!ENTITY x SYSTEM 'file://{bait}'>]><s>&x;",
        f"<!DOCTYPE s [<!ENTITY % x SYSTEM '{bait}'>%x;]><s>",
        "<!DOCTYPE s SYSTEM 'http://127.0.0.1:9/x.dtd'><s>",
        "<!DOCTYPE s [<!ENTITY x SYSTEM 'http://127.0.0.1:9/x'>]><s a='&x;'>",
        f"<?xml-stylesheet href='file://{bait}'?><s>",
        f"<s xmlns:i='http://www.w3.org/2001/XInclude'><a><i:include href='{bait}'/></a>",
        f"<s xmlns:x='http://www.w3.org/2001/XMLSchema-instance' x:schemaLocation='u {bait}'><a/>",
        *(
            f"<?xml version='1.0' encoding='{name}'?><s><a/>"
            for name in ("utf-7", "utf-16", "cp1140", "big5", "idna", "hex", "zlib", "no-such-one")
        ),
    ]
    watching[0] = True
    try:
        for document in documents:
            for reader in (Prolog(), PullParser()):
                reader.feed(document.encode())
                if isinstance(reader, PullParser):
                    with suppress(Malformed):
                        list(reader.read_events())
    finally:
        watching[0] = False
    assert seen == []


def test_items_of_one_message_are_heard_in_their_order_even_among_odd_neighbours():
    odd = "<item id='2'/>", "<other/>", "<item id='3'><x/></item>"
    text = items_message(item_of("<a/>", "1") + "".join(odd) + item_of("<b/>", "4"))
    payloads = [one.payload for one in stanzas.notifications(ET.fromstring(text))]
    assert payloads == ["<a/>", "<b/>"]

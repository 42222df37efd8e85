"""Payloads that are hostile or broken: each is refused by itself, and the next good one is heard.

What is refused by which name is in tests/unit/finesse/test_wire_limits.py; here are the bombs, the
disguises and what becomes of a session.
"""

from __future__ import annotations

import random
import time
import tomllib
import tracemalloc
from pathlib import Path

import pytest
from lxml import etree

from listener.errors import MalformedUpdate
from listener.finesse.model import Kind, Notification
from listener.finesse.wire import PAYLOAD, parse_body, parse_update, read_document
from listener.finesse.wire.limits import load
from tests.builders import NODE
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.parser_target import ParserTarget
from tests.fuzz.session_target import good
from tests.shell.api_rig import rigged
from tests.shell.scripted_xmpp import opened, running

UPDATE = "<Update><data><dialog><id>{}</id></dialog></data></Update>"
SEED = 20261121


def reason(payload: str | bytes) -> str:
    """Return why a payload is refused, the same for every reader."""
    reasons = set()
    for read in (parse_update, parse_body):
        with pytest.raises(MalformedUpdate) as refused:
            read(payload)
        reasons.add(refused.value.reason)
    assert len(reasons) == 1
    return reasons.pop()


# -- bombs --------------------------------------------------------------------------------------


def exponential(levels: int, width: int = 10) -> str:
    """Return the billion laughs, with fewer of them."""
    entities = "".join(
        f"<!ENTITY l{n} '{f'&l{n - 1};' * width if n else 'lol'}'>" for n in range(levels)
    )
    return f"<!DOCTYPE Update [{entities}]>{UPDATE.format(f'&l{levels - 1};')}"


def quadratic(size: int, times: int) -> str:
    """Return one long entity that is used often."""
    entity = f"<!ENTITY q '{'q' * size}'>"
    return f"<!DOCTYPE Update [{entity}]>{UPDATE.format('&q;' * times)}"


def in_attributes(size: int, times: int) -> str:
    """Return one long entity in the default of an attribute of many elements."""
    entity = f"<!ENTITY q '{'q' * size}'><!ATTLIST a b CDATA '&q;'>"
    return f"<!DOCTYPE Update [{entity}]><Update><data>{'<a/>' * times}</data></Update>"


def of_parameters(levels: int) -> str:
    """Return entities that grow inside of the declaration itself."""
    entities = "".join(
        f"<!ENTITY % p{n} '{f'&#37;p{n - 1};' * 10 if n else 'x'}'>" for n in range(levels)
    )
    return f"<!DOCTYPE Update [{entities}%p{levels - 1};]>{UPDATE.format('')}"


BOMBS = {
    "exponential, below expat's 8 MB": exponential(6),
    "exponential, below libxml2's threshold": exponential(4),
    "exponential, a billion": exponential(10),
    "exponential, in twos": exponential(24, 2),
    "quadratic, 21 kB to 7.6 MB": quadratic(10_000, 760),
    "quadratic, as long as may be": quadratic(500_000, 100_000),
    "in attributes": in_attributes(5_000, 15_000),
    "of parameter entities": of_parameters(9),
    "that means itself": "<!DOCTYPE Update [<!ENTITY a '&b;'><!ENTITY b '&a;'>]>"
    + UPDATE.format("&a;"),
}


def test_other_parsers_would_open_some_of_these_bombs():
    """So the smaller ones are below a threshold, and only a refusal of all DTDs is safe."""
    opened_up = etree.fromstring(BOMBS["exponential, below libxml2's threshold"])
    assert len("".join(opened_up.itertext())) == 3 * 10**3


@pytest.mark.parametrize("form", ["text", "bytes", "escaped once more", "utf-16"])
@pytest.mark.parametrize("name", BOMBS)
def test_an_entity_bomb_is_refused_before_it_is_read_at_all(name: str, form: str):
    bomb = BOMBS[name]
    payload: str | bytes = bomb
    if form == "bytes":
        payload = bomb.encode()
    elif form == "utf-16":
        payload = bomb.encode("utf-16")
    elif form == "escaped once more":
        payload = bomb.replace("&", "&amp;").replace("<", "&lt;")
    assert reason(payload) in {"entity", "too_big"}

    plain = "<Update>" + "x" * min(len(bomb), PAYLOAD.bytes // 2) + "</Update>"
    begun = time.thread_time()
    for _ in range(5):
        reason(payload)
    taken = time.thread_time() - begun
    begun = time.thread_time()
    for _ in range(10):
        parse_update(plain)
    assert taken < 2 + 100 * (time.thread_time() - begun)


@pytest.mark.parametrize("name", BOMBS)
def test_refusing_a_bomb_takes_memory_for_its_text_alone(name: str):
    """In Python's own allocator; what lxml takes is none, for it never sees it."""
    bomb = BOMBS[name]
    reason(bomb)
    tracemalloc.start()
    try:
        reason(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000 + 4 * len(bomb)


def test_no_parser_is_installed_or_asked_for_that_opens_what_is_outside():
    """Before 6.1 some of lxml's parsers opened external entities (CVE-2026-41066)."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    (floor,) = [each.partition(">=")[2] for each in wanted if each.startswith("lxml")]
    assert (6, 1) <= tuple(map(int, floor.split("."))) <= etree.LXML_VERSION


# -- disguises of a document type declaration ---------------------------------------------------

DTD = "<!DOCTYPE Update [<!ENTITY a 'lol'>]>"
REST = UPDATE.format("&a;")


@pytest.mark.parametrize(
    "payload",
    [
        f"{DTD}{REST}",
        f"\ufeff{DTD}{REST}",
        f"\n \t{DTD}{REST}",
        f"<?xml version='1.0'?>{DTD}{REST}",
        f"<?xml version='1.0' standalone='no'?>\n<!-- c --><?p i?>{DTD}{REST}",
        f"<!----><!---->{DTD}{REST}",
        f"<!-- <Update> -->{DTD}{REST}",
        f"<!-- <!DOCTYPE x> -->{DTD}{REST}",
        f"<?p ?>?>{DTD}{REST}",
        f"<?p <!-- ?>{DTD}{REST}",
        f"<!--><!-- -->{DTD}{REST}",
        "<!---->" + DTD.replace("DOCTYPE", "DOCTYPE\n") + REST,
        f"&lt;!DOCTYPE Update [&lt;!ENTITY a 'lol'&gt;]&gt;{REST.replace('&', '&amp;')}",
        f"\x0c{DTD}{REST}",
        f"\x85{DTD}{REST}",
        f"\xa0{DTD}{REST}",
        f"\ufeff\ufeff{DTD}{REST}",
        f"\ufeff\ufeff\ufeff{DTD}{REST}",
        f"\ufeff\ufeff\n\ufeff{DTD}{REST}",
        f"\ufeff\ufeff<?xml version='1.0'?>\ufeff{DTD}{REST}",
        f"x{DTD}{REST}",
        f"<Update/>{DTD}{REST}",
        f"<Update>{DTD}</Update>",
        f"<Update><![CDATA[]]>{DTD}</Update>",
        f"<!doctype Update [<!ENTITY a 'lol'>]>{REST}",
        f"<!DOCTYPE Update PUBLIC 'p' 'file:///etc/hostname' [<!ENTITY a 'lol'>]>{REST}",
        f"+ADw-!DOCTYPE Update+AD4-{REST}",
    ],
)
def test_no_disguise_lets_a_document_type_declaration_in(payload: str):
    for document in (payload, payload.encode(), payload.encode("utf-16")):
        assert reason(document) in {"dtd", "entity", "not_well_formed", "encoding"}
        told = read_document(document if isinstance(document, bytes) else document.encode())
        assert all(isinstance(update, MalformedUpdate) for _, update in told.notifications)


def test_whatever_is_let_in_has_no_document_type():
    """By chance: comments, instructions and blanks around a declaration, in any order."""
    chance = random.Random(SEED)
    pieces = [*("\ufeff", "\ufeff", "<!--", "-->", "<?", "?>", " ", "\n", "x", "<!", ">")]
    pieces += [DTD, DTD, "<!DOCTYPE a>", "<Update/>", "<Update/>"]
    let_in = 0
    for _ in range(30_000):
        document = "".join(chance.choices(pieces, k=chance.randrange(1, 8)))
        try:
            root = load(document)
        except MalformedUpdate:
            continue
        let_in += 1
        assert root.getroottree().docinfo.doctype == ""
    assert let_in > 20


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("<?xml version='1.0' encoding='utf-7'?>", Kind.DIALOG),
        ("<?xml version='1.0' encoding='utf-16'?>", Kind.DIALOG),
        ("<?xml version='1.0' encoding='no-such'?>", Kind.DIALOG),
        ("<?xml version='1.1'?>", Kind.DIALOG),
        ("<?xml-stylesheet href='file:///etc/hostname'?>", Kind.DIALOG),
    ],
)
def test_what_a_text_declares_of_itself_is_not_obeyed(payload: str, kind: Kind):
    """A payload is text already: the stanza was decoded."""
    update = parse_update(payload + UPDATE.format("+ADw-\u00e9"))
    assert (update.kind, update.dialogs[0].id) == (kind, "+ADw-\u00e9")


def test_an_instruction_is_left_out_and_text_around_it_is_one():
    assert parse_update(UPDATE.format("1<?php system('id')?>2")).dialogs[0].id == "12"


@pytest.mark.parametrize(
    "payload",
    [
        (
            "<Update><data><dialog><id>1</id><id>2</id></dialog><dialog><id>3</id></dialog></data>"
            "</Update>"
        ),
        (
            "<Update xmlns='urn:x' xmlns:y='urn:y'><y:data><dialog><y:id>1</y:id></dialog></y:data>"
            "</Update>"
        ),
        f"<Update a='{'x' * 500_000}'><data><dialog><id>1</id></dialog></data></Update>",
        "<Update " + " ".join(f"a{n}=''" for n in range(10_000)) + "><data><dialog><id>1</id>"
        "</dialog></data></Update>",
        "<Update><data><dialog><id><![CDATA[1]]></id></dialog></data></Update>",
        "<Update><data><dialog><id>&#49;</id></dialog></data></Update>",
    ],
)
def test_what_is_odd_and_well_formed_is_read_as_it_is(payload: str):
    assert parse_update(payload).dialogs[0].id == "1"


@pytest.mark.parametrize(
    "payload",
    [
        UPDATE.format("\0"),
        UPDATE.format("&#0;"),
        UPDATE.format("&#x1F;"),
        UPDATE.format("\x1f"),
        UPDATE.format("\ufffe"),
        UPDATE.format("&#xFFFF;"),
        UPDATE.format("&#xD800;"),
        UPDATE.format("\udfff"),
        UPDATE.format("\ud83d\ude00"),
        UPDATE.format("]]>"),
        "<Update a='' a=''/>",
        "<Update xmlns:a='u' xmlns:b='u' a:x='' b:x=''/>",
        "<a:Update/>",
        "<Update xmlns:a=''/>",
        "<Update><data></Update></data>",
        "<Update>" + "<a>" * 1_000_000,
        "<Update>" * 1_000,
        "<Update></Update" + ">" * 1_000,
    ],
)
def test_what_is_not_well_formed_is_refused_in_a_short_sentence(payload: str):
    with pytest.raises(MalformedUpdate) as refused:
        parse_update(payload)
    assert refused.value.reason in {"not_well_formed", "encoding", "too_deep", "too_big"}
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


# -- what becomes of the session ----------------------------------------------------------------


async def test_a_thousand_mutated_payloads_between_good_ones_cost_nobody_an_event():
    """X4: over a real stream, into the correlator; one session lives through all of it."""
    mutator = Mutator(random.Random(SEED), ParserTarget.tokens)
    heard: list[str] = []
    async with rigged() as rig:
        events = rig.service.feed.subscribe(None)

        def hear(notification: Notification) -> None:
            heard.append(notification.payload)
            rig.service.hear(notification)
            events._queue.clear()  # nobody reads them here, and a reader may fall behind

        async with running() as server, opened(server, on_notification=hear) as session:
            sent = []
            for number in range(1_000):
                payload = mutated(mutator)
                server.bound[0].push(payload, item=f"bad-{number}")
                sent.append(good(number))
                server.bound[0].push(sent[-1], item=f"good-{number}")
                if number % 50 == 0:
                    assert await session.ping(20)
            assert await session.ping(20)
            assert server.connections == 1
            assert [payload for payload in heard if "<fromAddress>good-" in payload] == sent
            assert session.failed_notifications == 0
        assert len(heard) == 2_000
        assert sum(rig.service.tally.parse_failures.values()) > 200
        assert rig.service.tally.events["dialog"] > 0


def mutated(mutator: Mutator) -> str:
    """Return a payload that may be anything but what no stanza can carry."""
    chance = mutator.chance
    payload = chance.choice(corpus.payloads())
    if chance.random() < 0.5:
        payload = mutator.xml(payload)
    else:
        payload = mutator.octets(payload.encode()).decode("utf-8", "replace")
    return "".join(each for each in payload if each in "\t\n" or (each >= " " and each < "\ufffe"))


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_in_a_notification_is_counted_and_the_next_is_heard(name: str):
    heard = []
    async with rigged() as rig:

        def hear(notification: Notification) -> None:
            heard.append(notification.payload)
            rig.service.hear(notification)

        limit = 8 * 1024 * 1024
        async with (
            running() as server,
            opened(server, on_notification=hear, stanza_limit=limit) as session,
        ):
            server.bound[0].push(BOMBS[name])
            server.bound[0].push(good(1), node=NODE, item="2")
            assert await session.ping(20)
        assert heard == [BOMBS[name], good(1)]
        assert sum(rig.service.tally.parse_failures.values()) == 1


def test_mutated_payloads_are_good_ones_no_more_and_still_many_are_read():
    """So that the test above is about both."""
    mutator = Mutator(random.Random(SEED), ParserTarget.tokens)
    read = 0
    for _ in range(300):
        try:
            parse_update(mutated(mutator))
        except MalformedUpdate:
            continue
        read += 1
    assert 60 < read < 280

"""The notification service of the simulator, in raw dialogues and with slixmpp."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from html import unescape
from typing import TYPE_CHECKING

import pytest
import slixmpp

from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.interfaces import Form
from listener.simulator.pubsub import PUSH, Wording
from listener.simulator.xmpp_faults import Refusal, Stage
from listener.simulator.xmpp_server import NotificationService
from listener.simulator.xmpp_xml import Element, Feed, render
from tests.shell.stage import until

if TYPE_CHECKING:
    import ssl

PATIENCE = 40.0
SOON = 0.05  # long enough to see that nothing comes
DOMAIN = "finesse1.test"
PUBSUB = f"pubsub.{DOMAIN}"
DIALOGS = "/finesse/api/User/1001/Dialogs"
PAYLOAD = "<Update><data><a>1 &lt; 2 &amp; 3</a></data><event>PUT</event></Update>"
HEADER = (
    f"<stream:stream to='{DOMAIN}' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)


class Dialogue:
    """A raw client: says what the test says, reads up to a mark."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._seen = ""

    def say(self, xml: str | bytes) -> None:
        self.writer.write(xml.encode() if isinstance(xml, str) else xml)

    async def until(self, mark: str) -> str:
        """Return everything up to and with the mark."""
        async with asyncio.timeout(PATIENCE):
            while mark not in self._seen:
                data = await self.reader.read(65536)
                assert data, f"the stream ended before {mark!r}: {self._seen!r}"
                self._seen += data.decode()
        found, _, self._seen = self._seen.partition(mark)
        return found + mark

    async def ended(self) -> str:
        """Return what comes before the connection ends."""
        async with asyncio.timeout(PATIENCE):
            return self._seen + (await self.reader.read()).decode()

    async def silence(self) -> str:
        """Return what comes while nothing is expected; the connection must stay."""
        try:
            async with asyncio.timeout(SOON):
                while data := await self.reader.read(65536):
                    self._seen += data.decode()
        except TimeoutError:
            return self._seen
        pytest.fail("the connection ended")

    async def features(self) -> str:
        self.say(HEADER)
        return await self.until("</stream:features>")

    async def secure(self, context: ssl.SSLContext) -> None:
        await self.features()
        self.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.writer.start_tls(context, server_hostname=DOMAIN)

    def auth(self, user: str, password: str = "pw", mechanism: str = "PLAIN") -> None:
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        xmlns = "urn:ietf:params:xml:ns:xmpp-sasl"
        self.say(f"<auth xmlns='{xmlns}' mechanism='{mechanism}'>{secret}</auth>")

    async def authenticate(self, user: str) -> str:
        await self.features()
        self.auth(user)
        await self.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        return await self.features()

    async def bind(self, resource: str | None = "r") -> str:
        inner = f"<resource>{resource}</resource>" if resource else ""
        self.say(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"{inner}</bind></iq>"
        )
        return await self.until("</iq>")

    async def log_in(self, user: str = "1001", resource: str = "r") -> Dialogue:
        await self.authenticate(user)
        assert f"<jid>{user}@{DOMAIN}/{resource}</jid>" in await self.bind(resource)
        return self

    async def come(self, user: str = "1001", resource: str = "r", priority: int = 0) -> Dialogue:
        """Log in and be available."""
        await self.log_in(user, resource)
        self.say(f"<presence><priority>{priority}</priority></presence>")
        await self.sync()
        return self

    async def ask(self, body: str, kind: str = "get", to: str = DOMAIN) -> str:
        self.say(f"<iq type='{kind}' id='q' to='{to}'>{body}</iq>")
        return await self.until("</iq>")

    async def pubsub(self, op: str, node: str | None = DIALOGS, jid: str | None = None) -> str:
        attributes = (f" node='{node}'" if node else "") + (f" jid='{jid}'" if jid else "")
        kind = "get" if op == "subscriptions" else "set"
        return await self.ask(
            f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><{op}{attributes}/></pubsub>",
            kind,
            PUBSUB,
        )

    async def sync(self) -> str:
        """Return all that came before the answer to a ping; the stream is ordered."""
        self.say("<iq type='get' id='fence'><ping xmlns='urn:xmpp:ping'/></iq>")
        before = await self.until("id='fence'".replace("'", '"'))
        await self.until(">")
        await self.until("</iq>")
        return before


Dial = Callable[..., Awaitable[Dialogue]]


def check(user: str, password: str) -> bool | str:
    return {"locked": "account-disabled", "later": "temporary-auth-failure"}.get(
        user, password == "pw"
    )


@pytest.fixture(scope="module")
def authority() -> ThrowawayAuthority:
    return ThrowawayAuthority()


@pytest.fixture
async def service(authority: ThrowawayAuthority) -> AsyncIterator[NotificationService]:
    """Run a service with all three ports, which must end with no bug of its own and no task."""
    before = asyncio.all_tasks()
    service = NotificationService(DOMAIN, check, tls_context=authority.server_context(DOMAIN))
    await service.start(starttls_port=0, plain_port=0)
    yield service
    await service.stop()
    assert list(service.failures) == []
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}


@pytest.fixture
async def dial(service: NotificationService, authority: ThrowawayAuthority) -> AsyncIterator[Dial]:
    """Open a raw connection to a port ("plain", "tls", "starttls")."""
    opened: list[Dialogue] = []

    async def connect(port: str = "plain") -> Dialogue:
        number = getattr(service, f"{port}_port")
        context = authority.client_context() if port == "tls" else None
        dialogue = Dialogue(
            *await asyncio.open_connection(
                "127.0.0.1", number, ssl=context, server_hostname=DOMAIN if context else None
            )
        )
        opened.append(dialogue)
        return dialogue

    yield connect
    for dialogue in opened:
        dialogue.writer.transport.abort()


# -- becoming a session --------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["plain", "tls", "starttls"])
async def test_a_client_logs_in_on_every_port(
    service: NotificationService, dial: Dial, authority: ThrowawayAuthority, port: str
):
    client = await dial(port)
    if port == "starttls":
        await client.secure(authority.client_context())
    await client.come("1001", "listener")
    assert service.sessions() == [f"1001@{DOMAIN}/listener"]
    assert service.present("1001")
    assert service.auth_attempts == {"1001": 1}


async def test_plain_is_the_only_mechanism_and_nothing_is_resumable(dial: Dial):
    client = await dial()
    assert re.findall("<mechanism>(.*?)</mechanism>", await client.features()) == ["PLAIN"]
    client.auth("1001")
    await client.until("/>")
    features = await client.features()
    assert "xmpp-bind" in features
    assert "xmpp-session" in features
    assert "urn:xmpp:sm" not in features


async def test_starttls_is_required_before_anything_else(dial: Dial):
    client = await dial("starttls")
    features = await client.features()
    assert "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/>" in features
    assert "mechanism" not in features
    client.auth("1001")
    assert "<encryption-required/>" in await client.until("</failure>")


@pytest.mark.parametrize(
    ("user", "condition"),
    [
        ("1001", "not-authorized"),
        ("locked", "account-disabled"),
        ("later", "temporary-auth-failure"),
    ],
)
async def test_a_refused_login_names_its_condition_and_is_counted(
    service: NotificationService, dial: Dial, user: str, condition: str
):
    client = await dial()
    await client.features()
    client.auth(user, "wrong")
    assert f"<{condition}/>" in await client.until("</failure>")
    assert service.auth_attempts == {user: 1}
    assert service.sessions() == []


async def test_a_second_try_may_succeed_and_a_third_failure_closes(
    service: NotificationService, dial: Dial
):
    client = await dial()
    await client.features()
    client.auth("1001", "wrong")
    await client.until("</failure>")
    client.auth("1001")
    await client.until("<success")
    other = await dial()
    await other.features()
    for _ in range(3):
        other.auth("1002", "wrong")
        await other.until("</failure>")
    assert "policy-violation" in await other.ended()
    assert service.auth_attempts == {"1001": 2, "1002": 3}


@pytest.mark.parametrize(
    ("xml", "condition"),
    [
        ("mechanism='SCRAM-SHA-1'>AAAA", "invalid-mechanism"),
        ("mechanism='PLAIN'>!", "incorrect-encoding"),
        ("mechanism='PLAIN'>AAA=", "malformed-request"),
        ("mechanism='PLAIN'>", "malformed-request"),
        ("mechanism='PLAIN'>/w==", "incorrect-encoding"),
    ],
)
async def test_a_login_that_makes_no_sense_is_refused(
    service: NotificationService, dial: Dial, xml: str, condition: str
):
    client = await dial()
    await client.features()
    client.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' {xml}</auth>")
    assert f"<{condition}/>" in await client.until("</failure>")
    assert not service.auth_attempts


async def test_another_domain_is_host_unknown(dial: Dial):
    client = await dial()
    client.say(HEADER.replace(DOMAIN, "elsewhere.test"))
    assert "<host-unknown" in await client.ended()


async def test_nothing_but_a_login_is_taken_before_login_and_nothing_but_bind_before_bind(
    dial: Dial,
):
    for stanza in ("<presence/>", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"):
        stranger = await dial()
        await stranger.features()
        stranger.say(stanza)
        assert "<not-authorized" in await stranger.ended()
        early = await dial()
        await early.authenticate("1001")
        early.say(stanza)
        assert "<not-authorized" in await early.ended()


async def test_a_resource_is_made_up_for_who_asks_for_none(
    service: NotificationService, dial: Dial
):
    client = await dial()
    await client.authenticate("1001")
    assert re.search(f"<jid>1001@{DOMAIN}/\\w+</jid>", await client.bind(None))


async def test_the_same_resource_again_ends_the_old_session_with_conflict(
    service: NotificationService, dial: Dial
):
    old = await (await dial()).come()
    new = await (await dial()).come()
    assert "<conflict" in await old.ended()
    await new.sync()
    assert service.sessions() == [f"1001@{DOMAIN}/r"]
    assert service.present("1001")
    assert await service.publish(DIALOGS, PAYLOAD) == 1


async def test_a_stream_that_the_client_closes_is_closed_and_forgotten(
    service: NotificationService, dial: Dial
):
    client = await (await dial()).come()
    client.say("</stream:stream>")
    assert await client.ended() == "</stream:stream>"
    assert service.sessions() == []
    assert not service.present("1001")


# -- what clients may throw at it ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("xml", "condition"),
    [
        ("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]>" + HEADER, "restricted-xml"),
        (HEADER + "<!-- a -->", "restricted-xml"),
        (HEADER + "<?a b?>", "restricted-xml"),
        (HEADER + "</nonsense>", "not-well-formed"),
        ("\0\1\2", "not-well-formed"),
        ("<html/>", "invalid-namespace"),
        (HEADER + "<a>" * 100, "policy-violation"),
        (HEADER + "<auth>" + "a" * 20_000, "policy-violation"),
        (HEADER + f"<auth a='{'a' * 20_000}", "policy-violation"),
    ],
)
async def test_a_hostile_stream_ends_with_its_error(dial: Dial, xml: str, condition: str):
    client = await dial()
    client.say(xml)
    assert f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" in await client.ended()


async def test_a_stanza_over_256_kib_ends_a_session(dial: Dial):
    client = await (await dial()).come()
    client.say("<message><body>" + "a" * 300_000)
    assert "<policy-violation" in await client.ended()


async def test_what_came_before_the_damage_is_still_answered(dial: Dial):
    client = await (await dial()).log_in()
    client.say("<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq></broken>")
    text = await client.ended()
    assert text.index('id="last"') < text.index("not-well-formed")


async def test_any_amount_of_small_stanzas_and_white_space_is_fine(dial: Dial):
    client = await (await dial()).come()
    client.say((" " * 100 + "<message><body>" + "a" * 1000 + "</body></message>\n") * 600)
    client.say(" " * 300_000)
    assert "error" not in await client.sync()


async def test_a_stream_may_come_byte_by_byte(dial: Dial):
    client = await dial()
    for byte in HEADER.encode():
        client.say(bytes([byte]))
        await asyncio.sleep(0)
    await client.until("</stream:features>")


def test_a_feed_settles_a_stanza_with_its_last_byte():
    feed = Feed(1000)
    data = (HEADER + "<a b='&lt;'>x<c/>y</a>").encode()
    assert [len(feed.feed(bytes([byte]))) for byte in data][-1] == 1


def test_an_element_is_written_out_as_it_was_read():
    events = Feed(1000).feed(
        (HEADER + "<a xmlns='n' b='&lt;'>x &amp;<c xml:lang='e'/></a>").encode()
    )
    assert isinstance(events[1], Element)
    assert render(events[1]) == '<a xmlns="n" b="&lt;">x &amp;<c xmlns="n"></c></a>'


# -- iq ------------------------------------------------------------------------------------------


async def test_a_ping_is_answered_or_refused_as_told(service: NotificationService, dial: Dial):
    client = await (await dial()).log_in()
    answer = await client.ask("<ping xmlns='urn:xmpp:ping'/>")
    assert 'type="result"' in answer
    assert f'from="{DOMAIN}"' in answer
    service.rules.answer_ping = False
    answer = await client.ask("<ping xmlns='urn:xmpp:ping'/>")
    assert 'type="error"' in answer
    assert "<service-unavailable" in answer


@pytest.mark.parametrize(
    ("body", "to", "expected"),
    [
        ("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", DOMAIN, 'type="result"'),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", DOMAIN, "type='im'"),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", PUBSUB, "category='pubsub'"),
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", DOMAIN, PUBSUB),
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", PUBSUB, 'type="result"'),
        ("<query xmlns='jabber:iq:version'/>", DOMAIN, "<service-unavailable"),
        ("<enable xmlns='urn:xmpp:sm:3'/>", DOMAIN, "<service-unavailable"),
        ("<pubsub xmlns='http://jabber.org/protocol/pubsub'/>", DOMAIN, "<service-unavailable"),
        ("<pubsub xmlns='http://jabber.org/protocol/pubsub'/>", PUBSUB, "<bad-request"),
        ("", DOMAIN, "<service-unavailable"),
        ("<ping xmlns='urn:xmpp:ping'/>", f"1002@{DOMAIN}/r", "<service-unavailable"),
    ],
)
async def test_an_iq_is_answered(dial: Dial, body: str, to: str, expected: str):
    client = await (await dial()).log_in()
    answer = await client.ask(body, to=to)
    assert expected in answer
    assert 'id="q"' in answer


async def test_answers_and_messages_of_clients_go_nowhere(dial: Dial):
    client, other = await (await dial()).come("1001"), await (await dial()).come("1002")
    client.say("<iq type='result' id='x'/><iq type='error' id='y'/>")
    client.say(f"<message to='1002@{DOMAIN}/r'><body>hello</body></message>")
    assert "iq" not in (await client.sync()).removesuffix('<iq type="result" id="fence"')
    assert "hello" not in await other.sync()


# -- presence ------------------------------------------------------------------------------------


async def test_own_presence_is_reflected(dial: Dial):
    client = await (await dial()).log_in()
    client.say("<presence><show>chat</show><priority>0</priority></presence>")
    seen = await client.until("</presence>")
    assert f'<presence from="1001@{DOMAIN}/r" to="1001@{DOMAIN}/r">' in seen
    assert ">chat</show>" in seen
    client.say("<presence type='unavailable'/>")
    assert f'type="unavailable" from="1001@{DOMAIN}/r"' in await client.sync()


async def test_sessions_of_a_user_see_each_other_come_and_go(
    service: NotificationService, dial: Dial
):
    first = await (await dial()).come(resource="a")
    second = await (await dial()).log_in(resource="b")
    second.say("<presence/>")
    assert f'from="1001@{DOMAIN}/a" to="1001@{DOMAIN}/b"' in await second.sync()
    assert f'from="1001@{DOMAIN}/b" to="1001@{DOMAIN}/a"' in await first.sync()
    second.writer.transport.abort()
    assert f'from="1001@{DOMAIN}/b"' in await first.until("</presence>")
    assert service.sessions("1001") == [f"1001@{DOMAIN}/a"]


async def test_presence_reaches_no_other_user_and_is_recorded(
    service: NotificationService, dial: Dial
):
    other = await (await dial()).come("1002")
    client = await (await dial()).come("1001", priority=5)
    client.say(f"<presence to='1002@{DOMAIN}' type='subscribe'/><presence to='1002@{DOMAIN}/r'/>")
    client.say("<presence type='probe'/>")
    await client.sync()
    assert "1001" not in await other.sync()
    mine = [entry for entry in service.presence_log if entry.jid.startswith("1001")]
    assert [(entry.type, entry.to) for entry in mine] == [
        (None, None),
        ("subscribe", f"1002@{DOMAIN}"),
        (None, f"1002@{DOMAIN}/r"),
        ("probe", None),
    ]
    assert mine[0].priority == 5


@pytest.mark.parametrize("priority", ["<priority>-1</priority>", None])
async def test_without_presence_or_with_negative_priority_the_bare_jid_hears_nothing(
    service: NotificationService, dial: Dial, priority: int
):
    client = await (await dial()).log_in()
    if priority:
        client.say(f"<presence>{priority}</presence>")
    await client.sync()
    assert not service.present("1001")
    assert await service.publish(DIALOGS, PAYLOAD) == 0
    assert "<message" not in await client.sync()


@pytest.mark.parametrize("raw", ["", "x", "200"])
async def test_a_priority_that_is_none_counts_as_zero(
    service: NotificationService, dial: Dial, raw: bytes
):
    client = await (await dial()).log_in()
    client.say(f"<presence><priority>{raw}</priority></presence>")
    await client.sync()
    assert service.present("1001")
    assert service.presence_log[-1].priority == 0


async def test_going_unavailable_ends_the_events(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    client.say("<presence type='unavailable'/><presence type='unavailable'/>")
    assert (await client.sync()).count("unavailable") == 1
    assert await service.publish(DIALOGS, PAYLOAD) == 0


async def test_finesse_is_seen_to_go_and_come(service: NotificationService, dial: Dial):
    client = await (await dial()).log_in()
    assert f"jid='finesse@{DOMAIN}'" in await client.ask("<query xmlns='jabber:iq:roster'/>")
    client.say("<presence/>")
    assert f'<presence from="finesse@{DOMAIN}/finesse"' in await client.sync()
    service.set_finesse_presence(available=False)
    assert f'<presence type="unavailable" from="finesse@{DOMAIN}' in await client.sync()
    late = await (await dial()).log_in("1002")
    late.say("<presence/>")
    assert "finesse@" not in await late.sync()
    service.set_finesse_presence(available=True)
    assert f'<presence from="finesse@{DOMAIN}' in await client.sync()
    assert f'<presence from="finesse@{DOMAIN}' in await late.sync()


async def test_finesse_reaches_no_session_that_has_sent_no_presence(
    service: NotificationService, dial: Dial
):
    client = await (await dial()).log_in()
    service.set_finesse_presence(available=False)
    assert "finesse@" not in await client.sync()


async def test_finesse_can_be_missing_from_the_roster(service: NotificationService, dial: Dial):
    service.rules.finesse_in_roster = False
    client = await (await dial()).log_in()
    assert "<item" not in await client.ask("<query xmlns='jabber:iq:roster'/>")
    client.say("<presence/>")
    service.set_finesse_presence(available=False)
    assert "finesse@" not in await client.sync()


# -- subscriptions -------------------------------------------------------------------------------


async def test_a_session_is_subscribed_to_its_own_nodes_from_the_start(
    service: NotificationService, dial: Dial
):
    client = await (await dial()).log_in()
    answer = await client.pubsub("subscriptions", None)
    assert set(re.findall('node="(.*?)" jid="(.*?)"', answer)) == {
        (f"/finesse/api/{node}", f"1001@{DOMAIN}")
        for node in (
            "User/1001",
            "User/1001/Dialogs",
            "User/1001/Dialogs/Media",
            "User/1001/Media",
            "SystemInfo",
        )
    }
    assert not any(entry.explicit for entry in service.subscriptions)


async def test_the_automatic_subscriptions_can_be_others_or_none(
    service: NotificationService, dial: Dial
):
    service.automatic = ()
    await (await dial()).come()
    assert service.subscriptions == []
    assert await service.publish(DIALOGS, PAYLOAD) == 0
    service.automatic = ("/finesse/api/User/{user}",)
    await (await dial()).come("1002")
    assert await service.publish("/finesse/api/User/1002", PAYLOAD) == 1


async def test_subscribe_list_and_unsubscribe(service: NotificationService, dial: Dial):
    service.automatic = ()
    client = await (await dial()).come()
    for jid in (f"1001@{DOMAIN}", f"1001@{DOMAIN}/r"):
        answer = await client.pubsub("subscribe", DIALOGS, jid)
        assert f"jid=\"{jid}\" subscription='subscribed'" in answer
    assert (await client.pubsub("subscriptions", DIALOGS)).count("<subscription ") == 2
    assert (await client.pubsub("subscriptions", "/other")).count("<subscription ") == 0
    answer = await client.pubsub("unsubscribe", DIALOGS, f"1001@{DOMAIN}")
    assert "subscription='none'" in answer
    assert [(entry.jid, entry.explicit) for entry in service.subscriptions] == [
        (f"1001@{DOMAIN}/r", True)
    ]
    assert "<not-subscribed" in await client.pubsub("unsubscribe", DIALOGS, f"1001@{DOMAIN}")


@pytest.mark.parametrize(
    ("op", "node", "jid", "expected"),
    [
        ("subscribe", None, f"1001@{DOMAIN}", "<nodeid-required"),
        ("subscribe", DIALOGS, None, "<invalid-jid"),
        ("subscribe", DIALOGS, f"1002@{DOMAIN}", "<invalid-jid"),
        ("publish", DIALOGS, None, "<forbidden"),
        ("create", DIALOGS, None, "<forbidden"),
        ("items", DIALOGS, None, "<feature-not-implemented"),
    ],
)
async def test_what_a_client_may_not_do_is_refused(
    service: NotificationService, dial: Dial, op: str, node: str, jid: str, expected: str
):
    service.automatic = ()
    client = await (await dial()).come()
    assert expected in await client.pubsub(op, node, jid)
    assert service.subscriptions == []


async def test_strict_nodes_knows_automatic_created_and_published_nodes_only(
    service: NotificationService, dial: Dial
):
    service.rules.strict_nodes = True
    client = await (await dial()).come()
    jid = f"1001@{DOMAIN}/r"
    assert "<item-not-found" in await client.pubsub("subscribe", "/finesse/api/Queue/1", jid)
    service.create_node("/finesse/api/Queue/1")
    await service.publish("/finesse/api/Queue/2", PAYLOAD)
    for node in (DIALOGS, "/finesse/api/Queue/1", "/finesse/api/queue/2"):
        assert "subscribed" in await client.pubsub("subscribe", node, jid)


async def test_restricted_nodes_are_for_their_own_user(service: NotificationService, dial: Dial):
    client = await (await dial()).come("1002")
    jid = f"1002@{DOMAIN}/r"
    assert "subscribed" in await client.pubsub("subscribe", DIALOGS, jid)
    service.rules.restrict_nodes = True
    assert "<not-authorized" in await client.pubsub("subscribe", DIALOGS, jid)
    for node in ("/finesse/api/User/1002/Dialogs", "/finesse/api/Team/5/Users"):
        assert "subscribed" in await client.pubsub("subscribe", node, jid)


async def test_explicit_subscriptions_outlive_the_session_and_can_be_ended_by_the_next(
    service: NotificationService, dial: Dial
):
    service.automatic = ()
    client = await (await dial()).come(resource="old")
    await client.pubsub("subscribe", DIALOGS, f"1001@{DOMAIN}/old")
    client.say("</stream:stream>")
    await client.ended()
    assert await service.publish(DIALOGS, PAYLOAD) == 0
    heir = await (await dial()).come(resource="new")
    assert f'jid="1001@{DOMAIN}/old"' in await heir.pubsub("subscriptions", None)
    await heir.pubsub("unsubscribe", DIALOGS, f"1001@{DOMAIN}/old")
    assert service.subscriptions == []


# -- publishing ----------------------------------------------------------------------------------


async def test_an_event_looks_as_it_does_in_the_wild(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    assert await service.publish(DIALOGS, PAYLOAD) == 1
    text = await client.until("</message>")
    assert re.match(
        f'<message from="{PUBSUB}" to="1001@{DOMAIN}" id="{DIALOGS}__1001@{DOMAIN}__\\w+">',
        text[text.index("<message") :],
    )
    assert re.search(r'<item id="[0-9a-f-]{36}\d+"><notification', text)
    assert "<notification xmlns='http://jabber.org/protocol/pubsub'>&lt;Update&gt;" in text
    assert "body" not in text
    inner = re.search("<notification.*?>(.*)</notification>", text)
    assert unescape(inner[1]) == PAYLOAD


async def test_the_forms_differ_in_the_payload_alone(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    await service.publish(DIALOGS, "<?xml version='1.0'?>" + PAYLOAD, form=Form.CHILD)
    assert f"'>{PAYLOAD}</notification>" in await client.until("</message>")
    await service.publish(DIALOGS, "<Update>]]></Update>", form=Form.CDATA)
    text = await client.until("</message>")
    assert "<![CDATA[<Update>]]]]><![CDATA[></Update>]]>" in text


async def test_the_other_wording_comes_from_the_own_jid(service: NotificationService, dial: Dial):
    service.wording = Wording(from_own_jid=True, to_full=True, namespace=PUSH)
    client = await (await dial()).come()
    await service.publish(DIALOGS, PAYLOAD, item_id="i1")
    text = await client.until("</message>")
    assert f'<message from="1001@{DOMAIN}" to="1001@{DOMAIN}/r" id="r">' in text
    assert "<item id=\"i1\"><notification xmlns='urn:xmpp:push:0'>" in text


async def test_who_is_subscribed_twice_hears_an_item_twice(
    service: NotificationService, dial: Dial
):
    client = await (await dial()).come()
    other = await (await dial()).come(resource="s")
    await client.pubsub("subscribe", DIALOGS, f"1001@{DOMAIN}/r")
    assert await service.publish(DIALOGS, PAYLOAD, item_id="i1") == 2
    mine, others = await client.sync(), await other.sync()
    assert mine.count('<item id="i1">') == 2
    assert f'to="1001@{DOMAIN}"' in mine
    assert f'to="1001@{DOMAIN}/r" id="{DIALOGS}__' in mine
    assert others.count('<item id="i1">') == 1


async def test_a_full_jid_subscription_needs_no_presence(service: NotificationService, dial: Dial):
    client = await (await dial()).log_in()
    await client.pubsub("subscribe", DIALOGS, f"1001@{DOMAIN}/r")
    assert await service.publish(DIALOGS, PAYLOAD) == 1
    assert f'to="1001@{DOMAIN}/r"' in await client.until("</message>")


async def test_several_items_share_a_message(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    await service.publish_items(DIALOGS, [("a", "<Update/>"), ("b", PAYLOAD)])
    text = await client.sync()
    assert text.count("<message") == 1
    assert re.findall('<item id="(.*?)"', text) == ["a", "b"]


async def test_events_keep_their_order_and_reach_their_user_only(
    service: NotificationService, dial: Dial
):
    client, other = await (await dial("tls")).come("1001"), await (await dial()).come("1002")
    for number in range(200):
        await service.publish(DIALOGS, PAYLOAD, item_id=str(number))
    assert re.findall('<item id="(.*?)"', await client.sync()) == [str(n) for n in range(200)]
    assert "<item" not in await other.sync()


async def test_user_and_node_compare_without_regard_to_case(
    service: NotificationService, dial: Dial
):
    client = await dial()
    await client.authenticate("Anna")
    await client.bind()
    client.say("<presence/>")
    await client.sync()
    assert service.present("ANNA")
    assert await service.publish("/finesse/api/User/aNNa/Dialogs", PAYLOAD) == 1


async def test_a_delay_holds_events_back_in_their_order_and_nothing_else(
    service: NotificationService, dial: Dial
):
    client = await (await dial()).come()
    loop = asyncio.get_running_loop()
    service.faults.delay, begin = 0.1, loop.time()
    await service.publish(DIALOGS, PAYLOAD, item_id="first")
    service.faults.delay = 0.0
    await service.publish(DIALOGS, PAYLOAD, item_id="second")
    assert "<item" not in await client.sync()
    await client.until('<item id="first">')
    assert loop.time() - begin >= 0.1
    await client.until('<item id="second">')


# -- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["plain", "tls"])
async def test_a_closed_connection_ends_without_a_word(
    service: NotificationService, dial: Dial, port: str
):
    client, other = await (await dial(port)).come("1001"), await (await dial(port)).come("1002")
    await client.sync()
    assert service.cut("1001") == 1
    assert await client.ended() == ""
    await other.sync()
    assert service.sessions() == [f"1002@{DOMAIN}/r"]


@pytest.mark.parametrize("port", ["plain", "tls"])
async def test_a_reset_connection_ends_with_a_reset(
    service: NotificationService, dial: Dial, port: str
):
    client = await (await dial(port)).come()
    service.cut("1001", "reset")
    with pytest.raises(ConnectionResetError):
        await client.ended()


@pytest.mark.parametrize("port", ["plain", "tls"])
async def test_a_connection_that_was_closed_twice_can_be_reset_yet(
    service: NotificationService, dial: Dial, port: str
):
    client = await (await dial(port)).come()
    assert [service.cut("1001", how) for how in ("close", "close", "reset")] == [1, 1, 1]
    with suppress(ConnectionResetError):
        assert await client.ended() == ""
    assert service.sessions() == []


async def test_a_cut_of_all_hits_who_has_not_signed_in_too(
    service: NotificationService, dial: Dial
):
    client, stranger = await (await dial()).come(), await dial()
    await stranger.features()
    assert service.cut(how="stream-error") == 2
    assert "<system-shutdown" in await client.ended()
    assert "<system-shutdown" in await stranger.ended()


async def test_a_stream_error_is_sent_by_name(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    assert service.send_stream_error("1001", "policy-violation") == 1
    assert "<policy-violation" in await client.ended()
    assert service.send_stream_error("1001", "policy-violation") == 0


@pytest.mark.parametrize("port", ["plain", "tls"])
async def test_a_frozen_session_stands_still_and_loses_nothing(
    service: NotificationService, dial: Dial, port: str
):
    client, other = await (await dial(port)).come("1001"), await (await dial(port)).come("1002")
    service.freeze("1001")
    assert await service.publish(DIALOGS, PAYLOAD, item_id="held") == 1
    client.say("<iq type='get' id='late'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert await client.silence() == ""
    await other.sync()  # who is not frozen is not
    service.thaw("1001")
    assert '<item id="held">' in await client.until('id="late"')


@pytest.mark.parametrize("port", ["plain", "tls", "starttls"])
async def test_connections_made_while_all_is_frozen_wait_for_the_thaw(
    service: NotificationService, dial: Dial, authority: ThrowawayAuthority, port: str
):
    service.freeze()

    async def arrive() -> Dialogue:
        client = await dial(port)
        if port == "starttls":
            await client.secure(authority.client_context())
        return await client.come()

    arrival = asyncio.create_task(arrive())
    await until(lambda: service.connections == 1)
    done, _ = await asyncio.wait([arrival], timeout=SOON)
    assert not done
    assert service.sessions() == []
    service.thaw()
    async with asyncio.timeout(PATIENCE):
        await (await arrival).sync()


async def test_a_user_who_is_frozen_hangs_in_the_login(service: NotificationService, dial: Dial):
    service.freeze("1001")
    client = await dial()
    await client.features()
    client.auth("1001")
    assert await client.silence() == ""
    service.thaw()
    await client.until("<success")


async def test_a_frozen_session_can_be_cut(service: NotificationService, dial: Dial):
    client = await (await dial("tls")).come()
    service.freeze()
    await service.publish(DIALOGS, PAYLOAD)
    service.cut("1001")
    assert await client.ended() == ""


@pytest.mark.parametrize(
    ("port", "stage", "said"),
    [
        ("plain", Stage.BEFORE_HEADER, ""),
        ("tls", Stage.BEFORE_HEADER, ""),
        ("tls", Stage.AFTER_TLS, ""),
        ("plain", Stage.AFTER_HEADER, "<stream:stream"),
        ("tls", Stage.AFTER_HEADER, "<stream:stream"),
    ],
)
async def test_a_tarpit_before_login_says_so_much_and_no_more(
    service: NotificationService, dial: Dial, port: str, stage: Stage, said: str
):
    service.tarpit(stage)
    client = await dial(port)
    client.say(HEADER)
    heard = await client.silence()
    assert "<stream:features" not in heard
    assert heard.count("<stream:stream") == bool(said)
    service.tarpit(None)
    await (await dial(port)).come()  # the next connection is served
    assert await client.silence() == heard


async def test_a_tarpit_at_accept_shakes_no_hands(service: NotificationService, dial: Dial):
    service.tarpit(Stage.ACCEPT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(dial("tls"), SOON)


async def test_a_tarpit_after_starttls_has_shaken_hands(
    service: NotificationService, dial: Dial, authority: ThrowawayAuthority
):
    service.tarpit(Stage.AFTER_TLS)
    client = await dial("starttls")
    await client.secure(authority.client_context())
    client.say(HEADER)
    assert await client.silence() == ""


async def test_a_tarpit_after_sasl_has_said_success(service: NotificationService, dial: Dial):
    service.tarpit(Stage.AFTER_SASL, "1001")
    client = await dial()
    await client.features()
    client.auth("1001")
    await client.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    client.say(HEADER)
    assert await client.silence() == ""
    await (await dial()).come("1002")


async def test_a_tarpit_after_bind_has_bound(service: NotificationService, dial: Dial):
    service.tarpit(Stage.AFTER_BIND)
    client = await (await dial()).log_in()
    client.say("<presence/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert await client.silence() == ""
    assert not service.present("1001")
    assert await service.publish(DIALOGS, PAYLOAD) == 0


async def test_connections_can_be_closed_at_once(service: NotificationService, dial: Dial):
    there = await (await dial()).come("1002")
    await service.refuse_connections()
    assert await (await dial()).ended() == ""
    await there.sync()  # who is there stays
    await service.accept_connections()
    await (await dial()).come()


async def test_the_service_can_stop_listening_and_come_back_on_its_ports(
    service: NotificationService, dial: Dial
):
    there = await (await dial()).come("1002")
    ports = (service.tls_port, service.starttls_port, service.plain_port)
    await service.refuse_connections(Refusal.NOT_LISTENING)
    for port in ("plain", "tls", "starttls"):
        with pytest.raises(ConnectionRefusedError):
            await dial(port)
    await there.sync()
    await service.accept_connections()
    assert (service.tls_port, service.starttls_port, service.plain_port) == ports
    await (await dial("tls")).come()


@pytest.mark.parametrize("port", ["plain", "tls", "starttls"])
async def test_output_in_single_bytes_is_the_same_output(
    service: NotificationService, dial: Dial, authority: ThrowawayAuthority, port: str
):
    service.faults.piece = 1
    client = await dial(port)
    if port == "starttls":
        await client.secure(authority.client_context())
    await client.come()
    await service.publish(DIALOGS, PAYLOAD, item_id="a")
    service.faults.piece = None  # what comes after does not overtake
    await service.publish(DIALOGS, PAYLOAD, item_id="b")
    assert re.findall('<item id="(.*?)"', await client.sync()) == ["a", "b"]


async def test_single_bytes_arrive_in_many_pieces(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    service.faults.piece = 1
    await service.publish(DIALOGS, PAYLOAD)
    sizes = []
    text = b""
    while b"</message>" not in text:
        data = await client.reader.read(65536)
        sizes.append(len(data))
        text += data
    assert len(sizes) > 10


async def test_a_sliced_goodbye_is_said_to_the_end(service: NotificationService, dial: Dial):
    client = await (await dial()).come()
    service.faults.piece = 1
    service.send_stream_error("1001", "conflict")
    assert (await client.ended()).endswith("</stream:error></stream:stream>")


async def test_raw_bytes_go_out_as_they_are(service: NotificationService, dial: Dial):
    client, other = await (await dial()).come(), await (await dial()).come("1002")
    assert service.push_raw("1001", "<message from='stranger@x'><body>half") == 1
    assert service.push_raw("1001", b"\xff\xfe") == 1
    assert service.push_raw("1003", b"x") == 0
    mark = b"<message from='stranger@x'><body>half\xff\xfe"
    assert await client.reader.readuntil(mark) == mark
    assert "stranger" not in await other.sync()


@pytest.mark.parametrize("port", ["plain", "tls"])
async def test_a_client_that_does_not_read_is_dropped_at_four_mebibytes(
    service: NotificationService, dial: Dial, port: str
):
    slow, other = await (await dial(port)).come("1001"), await (await dial()).come("1002")
    slow.writer.transport.pause_reading()
    payload = "x" * 65536
    for _ in range(1000):
        if not await service.publish(DIALOGS, payload):
            break
        await asyncio.sleep(0)
    else:
        pytest.fail("never dropped")
    await other.sync()
    assert service.dropped_slow == 1
    assert service.sessions() == [f"1002@{DOMAIN}/r"]


async def test_what_a_frozen_session_is_owed_is_bounded_too(
    service: NotificationService, dial: Dial
):
    await (await dial()).come()
    service.freeze("1001")
    sent = 0
    while await service.publish(DIALOGS, "x" * 65536):
        sent += 65536
        assert sent < 5 * 1024 * 1024


# -- life ----------------------------------------------------------------------------------------


async def test_stop_says_goodbye_and_ends_everything(
    service: NotificationService, dial: Dial, authority: ThrowawayAuthority
):
    client = await (await dial("tls")).come()
    half = await dial("starttls")  # in the middle of a handshake
    await half.features()
    half.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await half.until("/>")
    half.say(b"\x16\x03\x01")
    await asyncio.sleep(0)
    await service.stop(grace=SOON)
    assert "<system-shutdown" in await client.ended()
    assert service.sessions() == []
    assert repr(service) == f"<NotificationService {DOMAIN} connections=0>"
    with pytest.raises(ConnectionRefusedError):
        await dial()


async def test_stop_ends_frozen_silent_and_sliced_connections(
    service: NotificationService, dial: Dial
):
    frozen = await (await dial("tls")).come("1001")
    service.freeze("1001")
    service.faults.piece = 1
    sliced = await (await dial("tls")).come("1002")
    service.push_raw("1002", b" " * 100_000)
    service.tarpit(Stage.BEFORE_HEADER)
    silent = await dial()
    silent.say(HEADER)
    await silent.silence()
    await service.stop(grace=SOON)
    for client in (frozen, silent, sliced):
        try:
            await client.ended()
        except ConnectionResetError:
            continue


async def test_a_service_may_be_started_again(service: NotificationService, dial: Dial):
    await service.stop()
    await service.start(plain_port=0)
    assert service.starttls_port is None
    await (await dial()).come()


async def test_a_client_that_speaks_no_tls_is_dropped(service: NotificationService, dial: Dial):
    client = await dial()
    _, writer = await asyncio.open_connection("127.0.0.1", service.tls_port)
    writer.write(HEADER.encode())
    await writer.drain()
    async with asyncio.timeout(PATIENCE):
        while service.connections < 2 or len(service._streams) > 1:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
    writer.close()
    await client.features()


async def test_a_tls_port_without_certificate_is_a_mistake():
    with pytest.raises(ValueError, match="tls_context"):
        await NotificationService(DOMAIN, check).start()


async def test_a_taken_port_leaves_nothing_open(service: NotificationService):
    other = NotificationService(DOMAIN, check)
    with pytest.raises(OSError, match="in use"):
        await other.start(tls_port=None, plain_port=service.plain_port)
    assert other._servers == []


async def test_a_check_that_raises_is_kept_and_ends_that_stream(
    dial: Dial, service: NotificationService
):
    def broken(user: str, password: str) -> bool:
        raise ZeroDivisionError

    service.check = broken
    client = await dial()
    await client.features()
    client.auth("1001")
    assert "<internal-server-error" in await client.ended()
    assert [type(error) for error in service.failures] == [ZeroDivisionError]
    service.failures.clear()


# -- a real client -------------------------------------------------------------------------------


class Client(slixmpp.ClientXMPP):
    """slixmpp over direct TLS, keeping what it hears."""

    def __init__(self, authority: ThrowawayAuthority) -> None:
        super().__init__(f"1001@{DOMAIN}/listener", "pw", sasl_mech="PLAIN")
        self.enable_starttls = False
        self.enable_plaintext = False
        self.ssl_context = authority.client_context()
        self.register_plugin("xep_0060")
        self.started = asyncio.Event()
        self.presences: asyncio.Queue[str] = asyncio.Queue(100)
        self.items: asyncio.Queue[slixmpp.Message] = asyncio.Queue(100)
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("presence_available", self.heard)
        self.add_event_handler("pubsub_publish", self.items.put_nowait)

    def get_ssl_context(self) -> ssl.SSLContext:
        return self.ssl_context

    def heard(self, presence: slixmpp.Presence) -> None:
        self.presences.put_nowait(str(presence["from"]))


async def test_slixmpp_logs_in_over_tls_and_hears_every_form(
    service: NotificationService, authority: ThrowawayAuthority
):
    client = Client(authority)
    async with asyncio.timeout(PATIENCE):
        client.connect("127.0.0.1", service.tls_port)
        await client.started.wait()
        client.send_presence(ppriority=0)
        seen = {await client.presences.get() for _ in range(2)}
        assert seen == {f"1001@{DOMAIN}/listener", f"finesse@{DOMAIN}/finesse"}
        await client.plugin["xep_0060"].subscribe(
            PUBSUB, DIALOGS, bare=False, subscribee=client.boundjid
        )
        for form in Form:
            assert await service.publish(DIALOGS, PAYLOAD, item_id=form, form=form) == 1
            for _ in range(2):  # automatic and explicit
                item = (await client.items.get())["pubsub_event"]["items"]["item"]
                assert item["id"] == form
                said = "".join(item["payload"].itertext())
                assert said == ("1 < 2 & 3PUT" if form is Form.CHILD else PAYLOAD)
        gone = client.disconnected
        client.disconnect()
        await gone
        client._run_out_filters.cancel()
        await asyncio.gather(client._run_out_filters, return_exceptions=True)

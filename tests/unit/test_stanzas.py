"""Stanzas as text and values, without a connection."""

import xml.etree.ElementTree as ET

import pytest

from listener.errors import ConfigurationError
from listener.xmpp import stanzas

OWN = "1001@finesse.test/listener-x"
PUBSUB = "pubsub.finesse.test"


def message(inner: str, **attributes: str) -> ET.Element:
    head = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return ET.fromstring(f'<message xmlns="jabber:client"{head}>{inner}</message>')


def event(inner: str, namespace: str = "http://jabber.org/protocol/pubsub#event") -> str:
    return f'<event xmlns="{namespace}">{inner}</event>'


def payloads(element: ET.Element) -> list[str]:
    return [one.payload for one in stanzas.notifications(element)]


def test_escaped_payload_is_decoded_once():
    inner = event(
        '<items node="/n"><item id="7"><notification>'
        "&lt;Update&gt;&amp;lt;&lt;/Update&gt;</notification></item></items>"
    )
    heard = list(stanzas.notifications(message(inner, to="me", **{"from": PUBSUB})))
    assert [one.payload for one in heard] == ["<Update>&lt;</Update>"]
    assert (heard[0].node, heard[0].item_id) == ("/n", "7")
    assert (heard[0].sender, heard[0].recipient) == (PUBSUB, "me")


def test_payload_of_elements_is_written_as_text():
    inner = event(
        '<items node="/n"><item><notification xmlns="urn:x"> '
        "<Update><a>1 &amp; 2</a></Update> </notification></item></items>"
    )
    (payload,) = payloads(message(inner))
    again = ET.fromstring(payload)
    assert stanzas.local(again) == "Update"
    assert again[0].text == "1 & 2"
    assert again.tail is None


@pytest.mark.parametrize("namespace", ["", "urn:other", "http://jabber.org/protocol/pubsub"])
def test_names_count_and_namespaces_do_not(namespace):
    inner = event("<items><item><notification>x</notification></item></items>", namespace)
    assert payloads(message(inner)) == ["x"]


def test_several_items_give_one_notification_each_in_their_order():
    items = "".join(
        f'<item id="{n}"><notification>{n}</notification></item>' for n in ("a", "b", "c")
    )
    assert payloads(message(event(f'<items node="/n">{items}</items>'))) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "inner",
    [
        '<subscription node="/n" jid="j" subscription="subscribed"/>',
        '<items node="/n"><retract id="1"/></items>',
        '<purge node="/n"/>',
        "<items/>",
        "",
    ],
)
def test_events_without_items_hold_nothing(inner):
    element = message(event(inner))
    assert payloads(element) == []
    assert not stanzas.has_items(element)


def test_an_item_without_a_notification_holds_nothing():
    element = message(event('<items node="/n"><item id="1"/></items>'))
    assert payloads(element) == []
    assert stanzas.has_items(element)


def test_a_bounced_message_holds_nothing():
    inner = event("<items><item><notification>x</notification></item></items>")
    assert payloads(message(inner, type="error")) == []


def test_an_empty_notification_is_an_empty_payload():
    inner = event("<items><item><notification/></item></items>")
    assert payloads(message(inner)) == [""]


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        (PUBSUB, True),
        ("PubSub.Finesse.Test", True),
        (f"{PUBSUB}/service", True),
        ("1001@finesse.test", True),
        (None, True),
        ("1001@finesse.test/desktop", False),
        ("1002@finesse.test", False),
        (f"evil@{PUBSUB}", False),
        (f"{PUBSUB}.evil.test", False),
        ("finesse.test", False),
        (f"{PUBSUB}/{'s' * 1023}", True),
        (f"{PUBSUB}/{'s' * 4096}", False),  # no JID is so long
    ],
)
def test_only_the_service_and_our_own_account_are_trusted(sender, fits):
    assert stanzas.trusted(sender, OWN, PUBSUB) is fits


@pytest.mark.parametrize("agent", ["a@b", "a b", "a/b", "a'b", 'a"b', "a&b", "a:b", "<a>", "a\tb"])
def test_agent_id_that_no_jid_can_hold_is_refused_by_name(agent):
    with pytest.raises(ConfigurationError) as refused:
        stanzas.check_agent(agent)
    assert repr(agent) in str(refused.value)


@pytest.mark.parametrize("agent", ["", "a\x00b", "x" * 1024])
def test_agent_id_of_no_possible_length_or_letters_is_refused(agent):
    with pytest.raises(ConfigurationError):
        stanzas.check_agent(agent)


def test_resource_is_unique_per_process_and_agent_and_never_the_desktop():
    made = {
        stanzas.make_resource(agent, token)
        for agent in ("1001", "1002", "desktop")
        for token in ("p1", "p2", "desktop")
    }
    assert len(made) == 9
    assert "desktop" not in made
    assert all(one.startswith(stanzas.RESOURCE_PREFIX) for one in made)


def test_resource_that_is_held_is_followed_by_others():
    made = {stanzas.make_resource("1001", "p1", held) for held in range(5)}
    assert len(made) == 5


def test_resource_holds_only_plain_letters():
    assert stanzas.make_resource("ä1", "a/b c") == "listener-a_b_c-_1"


@pytest.mark.parametrize(
    ("node", "automatic"),
    [
        ("/finesse/api/User/1001", True),
        ("/finesse/api/User/1001/Dialogs", True),
        ("/finesse/api/User/1001/Media/5000", True),
        ("/finesse/api/SystemInfo", True),
        ("/finesse/api/User/1001/Dialogs/Media", False),
        ("/finesse/api/User/1001/Media", False),
        ("/finesse/api/User/1002/Dialogs", False),
        ("/finesse/api/Team/5/Users", False),
        ("/finesse/api/Queue/7", False),
    ],
)
def test_automatic_nodes_are_those_that_finesse_subscribes_by_itself(node, automatic):
    assert stanzas.is_automatic(node, "1001") is automatic


@pytest.mark.parametrize(
    "text",
    [
        stanzas.available(),
        stanzas.unavailable(),
        stanzas.ping('i"1', "d<"),
        stanzas.subscribe("1", PUBSUB, '/n"&<', OWN),
        stanzas.unsubscribe("1", PUBSUB, "/n", OWN),
        stanzas.unsubscribe("1", PUBSUB, "/n", OWN, "s'1"),
        stanzas.subscriptions("1", PUBSUB),
    ],
)
def test_what_we_say_is_well_formed(text):
    assert stanzas.local(ET.fromstring(text)) in {"presence", "iq"}


def test_names_survive_their_way_into_a_request():
    text = stanzas.unsubscribe("a'1", PUBSUB, '/n"&<', OWN, "s1")
    found = ET.fromstring(text).find(".//{*}unsubscribe")
    assert found.attrib == {"node": '/n"&<', "jid": OWN, "subid": "s1"}


def test_presence_has_priority_zero():
    assert ET.fromstring(stanzas.available()).findtext("priority") == "0"


@pytest.mark.parametrize(("child", "kind"), [("ping", "result"), ("query", "error")])
def test_a_server_that_asks_gets_its_answer(child, kind):
    asked = ET.fromstring(f'<iq type="get" id="q" from="d"><{child} xmlns="x"/></iq>')
    answer = ET.fromstring(stanzas.reply_to(asked))
    assert (answer.get("type"), answer.get("id"), answer.get("to")) == (kind, "q", "d")


def test_a_server_that_asks_without_a_name_gets_its_answer_without_one():
    answer = ET.fromstring(stanzas.reply_to(ET.fromstring('<iq type="get" id="q"/>')))
    assert answer.get("to") is None


def test_refusal_tells_condition_and_text():
    granted = ET.fromstring('<iq type="result"/>')
    bare = ET.fromstring('<iq type="error"/>')
    told = ET.fromstring(
        '<iq type="error"><query/><error><text>not you</text><forbidden/></error></iq>'
    )
    assert stanzas.refusal(granted) is None
    assert stanzas.refusal(bare) == "undefined-condition"
    assert stanzas.refusal(told) == "forbidden (not you)"


def test_the_defined_condition_is_told_wherever_an_extension_has_put_its_own():
    defined = '<item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>'
    own = '<not-subscribed xmlns="http://jabber.org/protocol/pubsub#errors"/>'
    for inner in (own + defined, defined + own):
        assert stanzas.condition(ET.fromstring(f"<error>{inner}</error>")) == "item-not-found"


def test_own_nodes_are_the_automatic_ones_of_calls_and_those_of_media():
    own, media = stanzas.own_nodes("1001"), stanzas.media_nodes("1001")
    assert media < own
    assert all(stanzas.is_automatic(node, "1001") for node in own - media)
    assert not own & stanzas.own_nodes("1002") - {"/finesse/api/SystemInfo"}


def test_a_condition_that_is_missing_has_a_name():
    assert stanzas.condition(ET.fromstring("<error><text>x</text></error>")) == (
        "undefined-condition"
    )


def test_subscriptions_are_listed_with_their_state():
    answer = ET.fromstring(
        '<iq type="result"><pubsub xmlns="p"><subscriptions>'
        '<subscription node="/a" jid="j" subscription="pending" subid="1"/><subscription/>'
        "</subscriptions></pubsub></iq>"
    )
    assert stanzas.listed(answer) == (
        stanzas.Subscription("/a", "j", "pending", "1"),
        stanzas.Subscription("", "", "subscribed"),
    )

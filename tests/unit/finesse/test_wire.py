from __future__ import annotations

from typing import Any

import pytest

from listener.errors import MalformedUpdate
from listener.finesse.model import (
    ApiError,
    CallVariable,
    Dialog,
    Kind,
    MediaProperties,
    Participant,
    ReasonCode,
    ScheduledCallbackInfo,
)
from listener.finesse.wire import parse_body, parse_update
from listener.finesse.wire.read import ESCAPED_TWICE, OUTSIDE_DATA
from listener.finesse.wire.tags import Slots

DIALOG = (
    "<associatedDialogUri/><fromAddress>1001</fromAddress><id>54</id><mediaProperties>"
    "<DNIS>1002</DNIS><callType>NEW_KIND</callType><wrapUpReason/><wrapUpItems><wrapUpItem>Sale"
    "</wrapUpItem><other>x</other></wrapUpItems><callvariables><CallVariable><name>callVariable1"
    "</name><value>a b</value></CallVariable><CallVariable><name>user.x[2]</name><value></value>"
    "</CallVariable></callvariables></mediaProperties><mediaType>Voice</mediaType><participants>"
    "<Participant><actions><action>HOLD</action><action>JUGGLE</action></actions>"
    "<mediaAddress>1001</mediaAddress><state>HELD</state></Participant><stranger/></participants>"
    "<scheduledCallbackInfo><callbackTime>2026-01-05T10:00</callbackTime></scheduledCallbackInfo>"
    "<state>ACTIVE</state><unknown><state>NO</state></unknown>"
)
EXPECTED = Dialog(
    id="54",
    state="ACTIVE",
    media_type="Voice",
    from_address="1001",
    associated_dialog_uri="",
    scheduled_callback_info=ScheduledCallbackInfo(callback_time="2026-01-05T10:00"),
    media_properties=MediaProperties(
        dnis="1002",
        call_type="NEW_KIND",
        wrap_up_reason="",
        wrap_up_items=("Sale",),
        call_variables=(CallVariable("callVariable1", "a b"), CallVariable("user.x[2]", "")),
    ),
    participants=(Participant(media_address="1001", state="HELD", actions=("HOLD", "JUGGLE")),),
)


def update(data: str, rest: str = "<event>PUT</event><source>/finesse/api/Dialog/54</source>"):
    return f"<Update><data>{data}</data>{rest}</Update>"


def variables_of(block: str, before: str = "", after: str = ""):
    inside = f"{before}<mediaProperties>{block}</mediaProperties>{after}"
    found = parse_update(update(f"<dialog>{inside}</dialog>"))
    return found.dialogs[0].media_properties.call_variables


def test_a_changed_dialog_is_read_whole():
    found = parse_update(update(f"<dialog>{DIALOG}</dialog>"))
    assert (found.kind, found.event, found.source) == (Kind.DIALOG, "PUT", "/finesse/api/Dialog/54")
    assert found.dialogs == (EXPECTED,)
    assert found.notes == ()


@pytest.mark.parametrize("event", ["POST", "DELETE"])
def test_dialogs_added_and_removed_are_read_from_inside_dialogs(event: str):
    data = f"<dialogs><Dialog>{DIALOG}</Dialog><Dialog>{DIALOG}</Dialog><else/></dialogs>"
    found = parse_update(update(data, f"<event>{event}</event>"))
    assert (found.kind, found.event) == (Kind.DIALOGS, event)
    assert found.dialogs == (EXPECTED, EXPECTED)


def test_tags_in_another_case_and_namespace_mean_the_same():
    text = update(f"<dialog>{DIALOG}</dialog>")
    plain = parse_update(text)
    swapped = "".join(
        part.swapcase() if number % 2 else part
        for number, part in enumerate(text.replace("<", "\0<").replace(">", ">\0").split("\0"))
    )
    assert parse_update(swapped.replace("<uPDATE>", "<uPDATE xmlns='urn:made:up'>")) == plain


def test_members_may_stand_in_any_order_and_put_may_be_lower_case():
    text = (
        "<Update><requestId>145</requestId><source>/x</source><event> put </event>"
        "<data><apiErrors/></data></Update>"
    )
    found = parse_update(text)
    assert (found.event, found.request_id, found.source) == ("PUT", "145", "/x")
    assert (found.kind, found.errors) == (Kind.ERRORS, ())


@pytest.mark.parametrize("member", ["", "<requestId/>", "<requestId> \n </requestId>"])
def test_request_id_missing_empty_or_blank_is_none(member: str):
    assert parse_update(update("<dialogs/>", member)).request_id is None


def test_text_is_kept_exact_and_empty_is_not_absent():
    dialog = parse_update(update("<dialog><id> 5 </id><uri></uri></dialog>")).dialogs[0]
    assert (dialog.id, dialog.uri, dialog.state) == (" 5 ", "", None)


def test_the_first_of_two_members_counts():
    found = parse_update(update("<dialog><state>HELD</state><state>ACTIVE</state></dialog>"))
    assert found.dialogs[0].state == "HELD"


def test_text_around_a_comment_and_children_is_one_text_and_layout_is_none():
    inside = "<id>1<!-- c -->2<?pi x?>3</id><state>AC<b/>TIVE</state><uri>\n <b/>\n</uri>"
    dialog = parse_update(update(f"<dialog>{inside}</dialog>")).dialogs[0]
    assert (dialog.id, dialog.state, dialog.uri) == ("123", "ACTIVE", "")


def test_message_with_angle_brackets_is_decoded_exactly_once():
    data = (
        "<apiErrors><apiError><errorMessage>&lt;ConferenceCallCommand&gt;: failed &amp;lt;"
        "</errorMessage><errorData>CF_X</errorData></apiError></apiErrors>"
    )
    found = parse_update(update(data))
    assert found.errors[0].error_message == "<ConferenceCallCommand>: failed &lt;"
    assert found.errors[0].error_data == "CF_X"


def test_payload_escaped_once_more_is_decoded_and_noted():
    once = update("<apiError><errorMessage>&lt;A&gt; &amp; b</errorMessage></apiError>")
    twice = once.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = parse_update(f"\n {twice}")
    assert found.errors == (ApiError(error_message="<A> & b"),)
    assert found.notes == (ESCAPED_TWICE,)


def test_only_the_five_entities_and_numeric_references_are_decoded_once_more():
    text = "&#60;Update>&#x3C;data&gt;&lt;dialog&gt;&lt;id&gt;&quot;&apos;&amp;amp;"
    text += "&lt;/id&gt;&lt;/dialog&gt;&lt;/data&gt;&lt;/Update&gt;"
    assert parse_update(text).dialogs[0].id == "\"'&"
    for left in ("&nbsp;", "&#x110000;"):
        with pytest.raises(MalformedUpdate) as refused:
            parse_update(f"&lt;Update>{left}&lt;/Update>")
        assert refused.value.reason == "not_well_formed"


def test_several_errors_with_every_member_are_read():
    names = [
        "errorType",
        "errorMessage",
        "errorData",
        "errorMedia",
        "peripheralErrorCode",
        "peripheralErrorMsg",
        "peripheralErrorText",
    ]
    one = "".join(f"<{name}>{name}!</{name}>" for name in names)
    found = parse_update(
        update(f"<ApiErrors><ApiError>{one}</ApiError><apiError/></ApiErrors><apiError/><x/>")
    )
    assert found.errors == (ApiError(*(f"{name}!" for name in names)), ApiError(), ApiError())


def test_error_members_without_api_error_around_them_are_one_error():
    found = parse_update(update("<apiErrors><errorType>Generic Error</errorType></apiErrors>"))
    assert found.errors == (ApiError(error_type="Generic Error"),)
    assert parse_update(update("<apiErrors><strange/></apiErrors>")).errors == ()


def test_errors_count_before_a_dialog_beside_them():
    found = parse_update(update("<dialog><id>1</id></dialog><apiError/>"))
    assert (found.kind, found.dialogs, found.errors) == (Kind.ERRORS, (), (ApiError(),))


def test_two_dialogs_in_data_keep_their_own_variables():
    one = "<dialog><mediaProperties><callvariables><CallVariable><name>{}</name></CallVariable>"
    one += "</callvariables></mediaProperties></dialog>"
    found = parse_update(update(one.format("a") + one.format("b")))
    assert [d.media_properties.variable("a") for d in found.dialogs] == [None, None]
    assert [d.media_properties.call_variables[0].name for d in found.dialogs] == ["a", "b"]


END = "</callvariables>"
PLAIN = "<CallVariable><name>n</name><value>v</value></CallVariable>"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("<callvariables></callvariables>", ()),
        ("<callvariables/>", ()),
        (f"<callvariables>{PLAIN.replace('v<', '!?<')}</callvariables>", (("n", "!?"),)),
        (f"<callvariables><?pi?>{PLAIN}</callvariables>", (("n", "v"),)),
        (f"<callvariables>\n {PLAIN}\n {PLAIN}\n</callvariables>", (("n", "v"), ("n", "v"))),
        (f"<callvariables>{PLAIN}<!-- {PLAIN} --></callvariables>", (("n", "v"),)),
        (f"<callvariables>{PLAIN}<CallVariable/></callvariables>", (("n", "v"), ("", None))),
        (f"<callvariables a='1'>{PLAIN}</callvariables>", (("n", "v"),)),
        (f"<callvariables>{PLAIN}</callvariables >", (("n", "v"),)),
        (f"<CALLvariables>{PLAIN}</CALLvariables>", (("n", "v"),)),
        (f"<callvariables>{PLAIN.replace('v<', '&lt;v?<')}</callvariables>", (("n", "<v?"),)),
        (
            "<callvariables><odd/><CallVariable><value><![CDATA[<]]></value></CallVariable>" + END,
            (("", "<"),),
        ),
    ],
)  # fmt: skip
def test_call_variables_are_the_same_however_they_are_written(block: str, expected: object):
    assert variables_of(block) == expected


def test_a_block_of_variables_elsewhere_is_not_taken_for_the_dialogs_own():
    elsewhere = f"<junk><callvariables>{PLAIN}</callvariables></junk>"
    assert variables_of("", before=elsewhere) == ()
    own = "<callVariables><CallVariable><name>own</name></CallVariable></callVariables>"
    assert variables_of(own, before=elsewhere) == (("own", None),)
    assert variables_of(own, after=elsewhere) == (("own", None),)


@pytest.mark.parametrize("doubt", ["<!-- {} -->", "<junk><![CDATA[{}]]></junk>", "<?pi {}?>"])
def test_a_block_of_variables_that_is_none_is_not_read(doubt: str):
    hidden = doubt.format(f"<callvariables>{PLAIN}</callvariables>")
    own = f"<callvariables>{PLAIN.replace('v<', 'own<')}</callvariables>"
    for before, after in ((hidden, ""), ("", hidden)):
        assert variables_of("", before, after) == ()
        assert variables_of(own, before, after) == (("n", "own"),)


def test_a_user_is_read_with_everything_that_came():
    data = (
        "<User><loginId>1001</loginId><state>NOT_READY</state><ReasonCode><code>10</code>"
        "<label>Lunch</label></ReasonCode><roles><role>Agent</role><role>Supervisor</role></roles>"
        "<NewThing>x</NewThing><teams><Team><id>1</id></Team></teams><dialogs>/x</dialogs></User>"
    )
    found = parse_update(update(data))
    user = found.user
    assert found.kind is Kind.USER
    assert (user.login_id, user.state, user.dialogs, user.uri) == ("1001", "NOT_READY", "/x", None)
    assert user.reason_code == ReasonCode(code="10", label="Lunch")
    assert user.roles == ("Agent", "Supervisor")
    assert user.tree["reasonCode"] == {"code": "10", "label": "Lunch"}
    assert user.tree["roles"] == {"role": ("Agent", "Supervisor")}
    assert (user.tree["NewThing"], user.tree["teams"]) == ("x", {"Team": {"id": "1"}})
    assert found.tree == {}


def test_a_user_without_reason_and_roles_has_none():
    user = parse_body("<user><loginId>1</loginId></user>").user
    assert (user.reason_code, user.roles) == (None, ())


def test_system_info_is_read_with_its_nodes():
    data = (
        "<systemInfo><status>IN_SERVICE</status><deploymentType>UCCX</deploymentType>"
        "<primaryNode><host>a.example</host></primaryNode><secondaryNode>b.example"
        "</secondaryNode></systemInfo>"
    )
    found = parse_update(update(data))
    info = found.system_info
    assert (info.status, info.deployment_type, info.xmpp_domain) == ("IN_SERVICE", "UCCX", None)
    assert (info.primary_node, info.secondary_node) == ("a.example", "b.example")
    assert found.tree["primaryNode"] == {"host": "a.example"}
    assert parse_body("<SystemInfo/>").system_info.primary_node is None


@pytest.mark.parametrize(
    ("tag", "kind"), [("team", Kind.TEAM), ("queue", Kind.QUEUE), ("media", Kind.MEDIA)]
)
def test_teams_queues_and_media_keep_a_tree(tag: str, kind: Kind):
    found = parse_update(update(f"<{tag}><Name>n</Name>loose<x>1</x><x>2</x></{tag}>"))
    assert found.kind is kind
    assert found.tree == {"name": "n", "x": ("1", "2"), "#text": "loose"}


def test_queues_are_a_tuple_even_when_there_is_one():
    one = "<Queue><id>7</id><statistics><callsInQueue>3</callsInQueue></statistics></Queue>"
    tree = {"id": "7", "statistics": {"callsInQueue": "3"}}
    assert parse_update(update(f"<queues>{one}</queues>")).tree["Queue"] == (tree,)
    assert parse_body(f"<Queues>{one}{one}</Queues>").tree["Queue"] == (tree, tree)
    assert parse_body("<Queues/>").tree == {}


@pytest.mark.parametrize("data", ["", "<data/>", "<data> \n</data>", "<data><!-- x --></data>"])
def test_missing_or_empty_data_is_kind_empty(data: str):
    found = parse_update(f"<Update>{data}<event>DELETE</event></Update>")
    assert (found.kind, found.event) == (Kind.EMPTY, "DELETE")


def test_unknown_data_is_kept_as_other():
    found = parse_update(update("<gizmo><A>1</A></gizmo>"))
    assert (found.kind, found.tree) == (Kind.OTHER, {"gizmo": {"A": "1"}})
    assert parse_update(update("words")).tree == {"data": "words"}


def test_what_changed_beside_data_is_understood_and_noted():
    found = parse_update("<Update><apiErrors><apiError/></apiErrors><event>PUT</event></Update>")
    assert (found.kind, found.errors, found.notes) == (Kind.ERRORS, (ApiError(),), (OUTSIDE_DATA,))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<Dialogs/>", Kind.DIALOGS),
        ("<Dialog/>", Kind.DIALOG),
        ("<dialog/>", Kind.DIALOG),
        ("<User/>", Kind.USER),
        ("<ApiErrors/>", Kind.ERRORS),
        ("<apiError/>", Kind.ERRORS),
        ("<Team/>", Kind.TEAM),
        ("<Queue/>", Kind.QUEUE),
        ("<Media/>", Kind.MEDIA),
        ("<Users><User/></Users>", Kind.OTHER),
        ("<data><dialog/></data>", Kind.DIALOG),
        ("<Update/>", Kind.EMPTY),
    ],
)
def test_rest_bodies_and_pieces_are_understood(body: Any, kind: Kind):
    found = parse_body(body.encode())
    assert (found.kind, found.event, found.source) == (kind, None, None)


def test_a_body_of_another_kind_keeps_its_name_in_the_tree():
    assert parse_body("<Users><USER><id>1</id></USER></Users>").tree == {
        "users": {"User": {"id": "1"}}
    }


@pytest.mark.parametrize("text", ["<html/>", "<data/>", "<updates><Update/></updates>"])
def test_xml_that_is_not_finesses_is_refused_by_name(text: str):
    with pytest.raises(MalformedUpdate) as refused:
        parse_body(text)
    assert refused.value.reason == "not_an_update"


def test_a_notification_must_be_an_update():
    with pytest.raises(MalformedUpdate, match="<dialog> is not an Update") as refused:
        parse_update("<dialog/>")
    assert refused.value.reason == "not_an_update"


def test_look_up_of_tags_stops_growing_at_its_bound():
    slots = Slots(["state"])
    for number in range(5000):
        assert slots[f"{{urn:{number}}}State"] == 0
        assert slots[f"unknown{number}"] == -1
    assert len(slots) <= 2048

from __future__ import annotations

from typing import Any

import pytest

from listener.errors import InvalidRequest, MalformedUpdate
from listener.finesse.body import Element
from listener.finesse.model import (
    ApiError,
    CallVariable,
    Dialog,
    Kind,
    MediaProperties,
    Participant,
    ReasonCode,
    ScheduledCallbackInfo,
    SystemInfo,
    Update,
    User,
)
from listener.finesse.wire import (
    parse_body,
    parse_update,
    read_element,
    render,
    render_body,
    render_update,
)

DIALOG = Dialog(
    id="54",
    uri="/finesse/api/Dialog/54",
    to_address="",
    scheduled_callback_info=ScheduledCallbackInfo("2026-01-05T10:00", ""),
    media_properties=MediaProperties(
        dnis="1",
        wrap_up_items=("a", ""),
        call_variables=(CallVariable("user.x[0]", " <&>\r\n "), CallVariable("n", None)),
    ),
    participants=(Participant(media_address="1001", actions=("DROP",)), Participant()),
)
USER = User(login_id="1001", roles=("Agent",), reason_code=ReasonCode(code="5"), uri="")
FIELDS = {"event": "PUT", "source": "/x", "request_id": "145"}


def test_a_request_body_is_rendered_with_escapes_and_read_back():
    body = Element(
        "Dialog",
        (
            Element("requestedAction", "SEND_DTMF"),
            Element("x", "a<b&\r"),
            Element("e"),
            Element("t", ()),
        ),
    )
    text = render(body)
    assert text == (
        b"<Dialog><requestedAction>SEND_DTMF</requestedAction>"
        b"<x>a&lt;b&amp;&#13;</x><e></e><t></t></Dialog>"
    )
    back = read_element(text)
    assert back.text("x") == "a<b&\r"
    assert back.find("t") == Element("t", "")


def test_text_that_is_not_ascii_is_written_in_utf8():
    assert render(Element("a", "é€")) == "<a>é€</a>".encode()


@pytest.mark.parametrize("bad", ["\0", "\x1f", "\ud800", "\ufffe"])
def test_characters_that_xml_cannot_carry_are_refused(bad: str):
    with pytest.raises(InvalidRequest, match="'dtmfString' cannot be written") as refused:
        render(Element("Dialog", (Element("dtmfString", f"secret{bad}"),)))
    assert refused.value.field == "dtmfString"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("tag", ["", "a b", "1a", "a>", "\ud800"])
def test_a_tag_that_is_no_name_is_refused(tag: str):
    with pytest.raises(InvalidRequest):
        render(Element(tag))


def test_a_request_body_is_read_under_the_same_limits():
    pretty = b"<?xml version='1.0'?>\n<d:Dialog xmlns:d='urn:x'>\n <a>1</a>\n</d:Dialog>"
    assert read_element(pretty) == Element("Dialog", (Element("a", "1"),))
    for body, reason in (
        (b"<!DOCTYPE a><a/>", "dtd"),
        (b"<a>", "not_well_formed"),
        (b"<a>" * 70 + b"</a>" * 70, "too_deep"),
    ):
        with pytest.raises(MalformedUpdate) as refused:
            read_element(body)
        assert refused.value.reason == reason


def tree_of(kind: Kind, tree: Any):
    return Update(kind, tree=tree, **FIELDS)


INFO = {"status": "IN_SERVICE", "new": "x", "primaryNode": {"host": "a.example"}}


@pytest.mark.parametrize(
    "update",
    [
        Update(Kind.DIALOG, dialogs=(DIALOG,), **FIELDS),
        Update(Kind.DIALOG, dialogs=(DIALOG, Dialog()), **FIELDS),
        Update(Kind.DIALOGS, event="POST", source="/x", dialogs=(DIALOG, Dialog())),
        Update(Kind.DIALOGS, event="DELETE", source="/x"),
        Update(Kind.USER, user=USER, **FIELDS),
        Update(Kind.ERRORS, errors=(ApiError("a", "<b>: c", "", "5", "1", "2", "3"), ApiError())),
        Update(Kind.ERRORS),
        Update(Kind.EMPTY, event="DELETE"),
        tree_of(Kind.TEAM, {"id": "5", "users": {"User": ({"state": "READY"}, "")}}),
        tree_of(Kind.QUEUE, {"statistics": {"callsInQueue": "3"}}),
        tree_of(Kind.QUEUES, {"Queue": ({"id": "1"},)}),
        tree_of(Kind.MEDIA, {"maxDialogLimit": "5"}),
        tree_of(Kind.OTHER, {"gizmo": {"A": "1"}, "b": ("1", "2")}),
    ],
)
def test_what_is_written_reads_back_as_the_same(update: Update):
    assert parse_update(render_update(update)) == update


def test_an_update_is_written_as_finesse_writes_it():
    update = Update(
        Kind.DIALOG, dialogs=(Dialog(id="5"),), event="PUT", source="/finesse/api/Dialog/5"
    )
    assert render_update(update) == (
        "<Update><data><dialog><id>5</id><mediaProperties><callvariables></callvariables>"
        "</mediaProperties><participants></participants></dialog></data><event>PUT</event>"
        "<requestId></requestId><source>/finesse/api/Dialog/5</source></Update>"
    )
    added = render_update(Update(Kind.DIALOGS, dialogs=(Dialog(),), event="POST"))
    assert "<data><dialogs><Dialog>" in added
    error = render_update(Update(Kind.ERRORS, errors=(ApiError(error_data="34"),)))
    assert "<data><apiErrors><apiError><errorData>34</errorData></apiError></apiErrors>" in error


def test_a_users_tree_is_written_beside_its_fields():
    user = parse_body(
        "<User><state>READY</state><teams><Team><id>1</id></Team></teams></User>"
    ).user
    text = render_update(Update(Kind.USER, user=user))
    assert text.startswith(
        "<Update><data><user><roles></roles><state>READY</state>"
        "<teams><Team><id>1</id></Team></teams></user></data>"
    )


def test_system_info_is_written_from_its_tree_or_its_fields():
    info = SystemInfo(status="IN_SERVICE", primary_node="a.example")
    text = render_update(Update(Kind.SYSTEM_INFO, system_info=info))
    assert parse_update(text).system_info == info
    back = parse_update(render_update(parse_update(text)))
    assert back == parse_update(text)


def test_text_between_elements_of_a_tree_is_not_written():
    assert "loose" not in render_update(tree_of(Kind.TEAM, {"id": "1", "#text": "loose"}))


def test_a_tuple_inside_a_tuple_is_written_as_one_element():
    text = render_update(tree_of(Kind.TEAM, {"a": (("1", "2"),)}))
    assert "<team><a><a>1</a><a>2</a></a></team>" in text


@pytest.mark.parametrize(
    ("update", "body"),
    [
        (Update(Kind.DIALOGS), b"<Dialogs></Dialogs>"),
        (Update(Kind.USER, user=User(state="READY")),
         b"<User><roles></roles><state>READY</state></User>"),
        (Update(Kind.ERRORS, errors=(ApiError(error_data="d"),)),
         b"<ApiErrors><ApiError><ErrorData>d</ErrorData></ApiError></ApiErrors>"),
        (Update(Kind.SYSTEM_INFO, system_info=SystemInfo(status="IN_SERVICE")),
         b"<SystemInfo><status>IN_SERVICE</status></SystemInfo>"),
        (Update(Kind.OTHER, tree={"users": {"User": "x"}}), b"<users><User>x</User></users>"),
    ],
)  # fmt: skip
def test_rest_bodies_are_written_with_rests_spelling(update: Update, body: Any):
    assert render_body(update) == body
    assert parse_body(body).kind is update.kind


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.USER, Kind.SYSTEM_INFO, Kind.DIALOG])
def test_an_update_without_one_thing_is_no_body(kind: Kind):
    with pytest.raises(InvalidRequest, match=f"kind {kind} with 0 things"):
        render_body(Update(kind))

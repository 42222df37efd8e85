"""Requests built from JSON, and requests recognised in a client's body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.errors import InvalidRequest
from listener.finesse import actions
from listener.finesse.actions import ACTIONS, from_element, from_mapping, key_of, recognise
from listener.finesse.body import Element

BASE = {"agent": "1001", "dialogId": "54321"}
DIALOG = "/finesse/api/Dialog/54321"


def refused(data: dict[str, Any], field: str) -> str:
    with pytest.raises(InvalidRequest) as told:
        from_mapping(data)
    assert told.value.field == field
    return str(told.value)


def test_a_request_is_built_by_finesses_names():
    assert from_mapping(
        {
            **BASE,
            "requestedAction": "SEND_DTMF",
            "targetMediaAddress": "1001001",
            "dtmfString": "777",
        }
    ) == actions.SendDtmf(
        agent="1001", dialog_id="54321", target_media_address="1001001", dtmf_string="777"
    )


def test_nested_objects_are_read():
    assert from_mapping(
        {
            **BASE,
            "requestedAction": "UPDATE_CALL_DATA",
            "targetMediaAddress": None,
            "mediaProperties": {
                "wrapUpReason": "sold",
                "callvariables": {"callVariable1": "x", "user.a[0]": "y"},
                "wrapUpItems": ["a", "b"],
            },
        }
    ) == actions.UpdateCallData(
        agent="1001",
        dialog_id="54321",
        wrap_up_reason="sold",
        call_variables={"callVariable1": "x", "user.a[0]": "y"},
        wrap_up_items=("a", "b"),
    )
    assert from_mapping(
        {
            "agent": "1001",
            "requestedAction": "LOGIN",
            "extension": "1001001",
            "mobileAgent": {"mode": "CALL_BY_CALL", "dialNumber": "5550123"},
        }
    ) == actions.SignIn(
        agent="1001",
        extension="1001001",
        mobile_mode="CALL_BY_CALL",
        mobile_dial_number="5550123",
    )


def test_an_object_left_out_as_null_is_no_fault():
    asked = {"agent": "1", "requestedAction": "MAKE_CALL", "toAddress": "2"}
    assert from_mapping({**asked, "mediaProperties": None}) == from_mapping(asked)


@pytest.mark.parametrize(
    ("action", "dialog", "kind"),
    [
        ("ACCEPT", "54321", actions.PreviewAccept),
        ("ACCEPT", "151635_312_1", actions.TaskAccept),
        ("TASK_ACCEPT", "54321", actions.TaskAccept),
        ("DIRECT_ACCEPT", "54321", actions.DirectPreviewAccept),
        ("START", "151635_312_1", actions.TaskStart),
        ("CLOSE", "54321", actions.PreviewClose),
        ("CLOSE", "151635_312_1", actions.TaskClose),
        ("TRANSFER", "54321", actions.Transfer),
        ("HOLD", "151635_312_1", actions.Hold),
    ],
)
def test_shared_actions_are_told_apart_by_the_dialogs_id(
    action: str, dialog: str, kind: type[actions.Request]
):
    built = from_mapping({"agent": "1", "dialogId": dialog, "requestedAction": action})
    assert type(built) is kind


@pytest.mark.parametrize("action", [None, 5, ["HOLD"]], ids=repr)
def test_the_action_is_needed_as_text(action: Any):
    assert "HOLD" in refused({**BASE, "requestedAction": action}, "requestedAction")


@pytest.mark.parametrize("action", ["hold", "START", "X" * 1000, ""])
def test_an_unknown_action_is_refused_with_the_known_ones(action: str):
    message = refused({**BASE, "requestedAction": action}, "requestedAction")
    assert "UPDATE_CALL_DATA" in message
    assert "X" * 100 not in message


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"requestedAction": "CONSULT_CALL"}, "toAddress"),
        ({"requestedAction": "PARTICIPANT_DROP"}, "targetMediaAddress"),
        ({"requestedAction": "HOLD", "agent": None}, "agent"),
        ({"requestedAction": "HOLD", "toAddress": "2"}, "toAddress"),
        ({"requestedAction": "HOLD", "colour": "2"}, "colour"),
        ({"requestedAction": "MAKE_CALL", "toAddress": "2"}, "dialogId"),
        ({"requestedAction": "READY", "targetMediaAddress": "2"}, "dialogId"),
        ({"requestedAction": "HOLD", "targetMediaAddress": 2}, "targetMediaAddress"),
        ({"requestedAction": "HOLD", "dialogId": 54321}, "dialogId"),
        ({"requestedAction": "SEND_DTMF", "dtmfString": 9753}, "dtmfString"),
        ({"requestedAction": "UPDATE_CALL_DATA", "mediaProperties": "x"}, "mediaProperties"),
        (
            {"requestedAction": "UPDATE_CALL_DATA", "mediaProperties": {"callvariables": ["x"]}},
            "callvariables",
        ),
        (
            {"requestedAction": "UPDATE_CALL_DATA", "mediaProperties": {"wrapUpItems": "x"}},
            "wrapUpItems",
        ),
        (
            {"requestedAction": "UPDATE_CALL_DATA", "mediaProperties": {"queueName": "x"}},
            "queueName",
        ),
        ({"requestedAction": "UPDATE_CALL_DATA", "wrapUpReason": "x"}, "wrapUpReason"),
        ({"requestedAction": "UPDATE_CALL_DATA"}, "mediaProperties"),
    ],
    ids=str,
)
def test_missing_unknown_and_wrongly_typed_parameters_are_named(more: dict[str, Any], field: str):
    assert "9753" not in refused({**BASE, **more}, field)


def test_a_target_is_unknown_to_a_request_without_one():
    asked = {"agent": "1", "requestedAction": "READY", "targetMediaAddress": "2"}
    refused(asked, "targetMediaAddress")


def test_what_is_built_is_validated():
    refused({**BASE, "requestedAction": "SEND_DTMF", "dtmfString": "12x"}, "dtmfString")


def body(action: str, *more: Element) -> Element:
    return Element("Dialog", (Element("requestedAction", action), *more))


def test_a_body_in_another_order_with_spaces_and_extras_is_recognised():
    sent = Element(
        "Dialog",
        (
            Element("targetMediaAddress", ""),
            Element("comment", "x"),
            Element("requestedAction", "\n HOLD "),
        ),
    )
    assert from_element("1001", "put", DIALOG, sent) == actions.Hold(
        agent="1001", dialog_id="54321"
    )


def test_the_right_action_parameter_is_found_among_others():
    def param(name: str, value: str) -> Element:
        return Element("ActionParam", (Element("name", name), Element("value", value)))

    sent = body("SEND_DTMF", Element("actionParams", (param("x", "1"), param("dtmfString", "42"))))
    found = from_element("1001", "PUT", DIALOG, sent)
    assert isinstance(found, actions.SendDtmf)
    assert found.dtmf_string == "42"


def test_call_data_without_names_or_values_reads_as_empty_text():
    sent = body(
        "UPDATE_CALL_DATA",
        Element(
            "mediaProperties",
            (
                Element("callvariables", (Element("CallVariable", ()), Element("x", "y"))),
                Element("wrapUpItems", (Element("wrapUpItem", ()),)),
            ),
        ),
    )
    found = from_element("1001", "PUT", DIALOG, sent)
    assert isinstance(found, actions.UpdateCallData)
    assert (found.variables, found.wrap_up_items) == ((("", ""), ("", "")), ("",))
    empty = body("UPDATE_CALL_DATA", Element("mediaProperties", (Element("callvariables"),)))
    assert from_element("1001", "PUT", DIALOG, empty) == actions.UpdateCallData(
        agent="1001", dialog_id="54321"
    )


USER = "/finesse/api/User/1001"
READY = Element("User", (Element("state", "READY"),))
CALL = body("MAKE_CALL", Element("toAddress", "2"))


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PUT", DIALOG, body("DANCE")),
        ("PUT", DIALOG, body("")),
        ("PUT", DIALOG, body("TASK_ACCEPT")),
        ("PUT", DIALOG, body("READY")),
        ("PUT", DIALOG, body("MAKE_CALL", Element("toAddress", "2"))),
        ("PUT", DIALOG, Element("Dialog", "HOLD")),
        ("PUT", DIALOG, Element("User", (Element("requestedAction", "HOLD"),))),
        ("PUT", DIALOG, body("SEND_DTMF")),
        ("PUT", DIALOG, body("SEND_DTMF", Element("actionParams", "42"))),
        ("PUT", DIALOG, body("CONSULT_CALL", Element("toAddress", ""))),
        ("POST", DIALOG, body("HOLD")),
        ("PUT", f"{USER}/Dialogs", CALL),
        ("POST", "/finesse/api/User/1002/Dialogs", CALL),
        ("POST", f"{USER}/Dialogs", body("HOLD")),
        ("PUT", "/finesse/api/User/1002", READY),
        ("PUT", USER, Element("User", (Element("state", "TALKING"),))),
        ("PUT", USER, Element("User", (Element("state", "LOGIN"),))),
        ("PUT", "/finesse/api/Team/5", READY),
    ],
)
def test_what_is_not_a_request_of_ours_is_not_recognised(method: str, path: str, sent: Element):
    assert from_element("1001", method, path, sent) is None


def test_direct_preview_must_be_asked_for():
    read: Callable[..., Any] = from_element
    close = body("CLOSE")
    assert type(read("1", "PUT", DIALOG, close)) is actions.PreviewClose
    assert type(read("1", "PUT", DIALOG, close, direct=True)) is actions.DirectPreviewClose
    assert type(read("1", "PUT", DIALOG, body("HOLD"), direct=True)) is actions.Hold


def test_the_table_of_actions_cannot_be_changed():
    table: Any = ACTIONS
    with pytest.raises(TypeError):
        table["HOLD"] = actions.Drop


# -- recognise: what is not known is known as such -------------------------------------------


def param(name: str, value: str) -> Element:
    return Element("ActionParam", (Element("name", name), Element("value", value)))


def media(*inside: Element) -> Element:
    return body("UPDATE_CALL_DATA", Element("mediaProperties", inside))


VARIABLE = Element(
    "callvariables",
    (Element("CallVariable", (Element("name", "callVariable1"), Element("value", "x"))),),
)


@pytest.mark.parametrize(
    ("method", "path", "sent", "kind"),
    [
        ("put", DIALOG, body("HOLD", Element("comment", "x")), actions.Hold),
        ("PUT", USER, READY, actions.Ready),
        ("POST", f"{USER}/Dialogs", CALL, actions.MakeCall),
        ("PUT", "/finesse/api/Dialog/1_2", body("ACCEPT"), actions.TaskAccept),
        ("PUT", DIALOG, body("ACCEPT"), actions.PreviewAccept),
        # the digits must be known, so that they can be hidden
        (
            "PUT",
            DIALOG,
            body("SEND_DTMF", Element("actionParams", (param("dtmfString", "x"), param("y", "")))),
            actions.SendDtmf,
        ),
        ("PUT", DIALOG, media(VARIABLE, Element("wrapUpReason", "")), actions.UpdateCallData),
        ("PUT", DIALOG, media(Element("wrapUpItems", ())), actions.UpdateCallData),
        (
            "PUT",
            DIALOG,
            body(
                "UPDATE_SCHEDULED_CALLBACK",
                Element("actionParams", (param("callbackNumber", "5"),)),
            ),
            actions.UpdateScheduledCallback,
        ),
    ],
)
def test_what_is_known_is_recognised(
    method: str, path: str, sent: Element, kind: type[actions.Request]
):
    found = recognise(sent, agent="1001", method=method, path=path)
    assert type(found) is kind
    assert found == from_element("1001", method, path, sent)


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        (body("DANCE"), "DANCE"),
        (body(" DANCE\n"), "DANCE"),
        (body("SEND_DTMF"), "SEND_DTMF"),
        (body("x" * 65), ""),
        (body("call 5550123 now"), ""),
        (body(""), ""),
        (Element("Dialog", "HOLD"), ""),
        (Element("User", (Element("state", "TALKING"),)), "TALKING"),
        (Element("Dialog", (Element("state", "TALKING"),)), ""),
        (None, ""),
        # asks for nothing, or for more than would be looked at
        (body("UPDATE_CALL_DATA"), "UPDATE_CALL_DATA"),
        (media(Element("callvariables", ())), "UPDATE_CALL_DATA"),
        (media(VARIABLE, Element("queueName", "x")), "UPDATE_CALL_DATA"),
        (body("UPDATE_SCHEDULED_CALLBACK"), "UPDATE_SCHEDULED_CALLBACK"),
        (
            body(
                "UPDATE_SCHEDULED_CALLBACK",
                Element("actionParams", (param("callbackNumber", "5"), param("zone", "UTC"))),
            ),
            "UPDATE_SCHEDULED_CALLBACK",
        ),
    ],
)
def test_what_is_not_known_is_known_by_its_id_alone(sent: Element | None, action: str):
    found = recognise(sent, agent="1001", method="put", path=DIALOG)
    assert found == actions.OtherRequest(
        agent="1001", requested_action=action, method="PUT", path=DIALOG, dialog_id="54321"
    )
    assert key_of(found) == "OTHER"
    assert key_of(found) not in ACTIONS


def test_what_is_not_known_about_a_user_has_no_dialog():
    found = recognise(None, agent="1001", method="DELETE", path=USER)
    assert (found.method, found.path, found.dialog_id) == ("DELETE", USER, None)
    assert repr(found) == (
        "OtherRequest(agent='1001', requested_action='', method='DELETE',"
        " path='/finesse/api/User/1001')"
    )


CONTENT = st.recursive(
    st.text(max_size=5),
    lambda inner: st.lists(
        st.builds(
            Element,
            st.sampled_from(("requestedAction", "state", "mediaProperties", "callvariables", "x")),
            inner,
        ),
        max_size=3,
    ).map(tuple),
    max_leaves=8,
)


@given(
    st.builds(Element, st.sampled_from(("Dialog", "User", "x")), CONTENT),
    st.sampled_from(("PUT", "POST", "get")),
    st.sampled_from((DIALOG, USER, f"{USER}/Dialogs", "", "/", "/finesse/api/Dialog/%00")),
)
def test_any_body_is_recognised_as_something(element: Element, method: str, path: str):
    assert recognise(element, agent="1001", method=method, path=path).agent == "1001"


TWICE = (Element("actionParams", (param("dtmfString", "1"), param(" dtmfString", "2"))),)
NAMED_TWICE = Element(
    "ActionParam", (Element("name", "x"), Element("name", "dtmfString"), Element("value", "1"))
)
DIGITS = Element("actionParams", (param("dtmfString", "1"),))


@pytest.mark.parametrize(
    ("path", "sent", "action"),
    [
        (DIALOG, body("HOLD", Element("requestedAction", "DROP")), ""),
        (DIALOG, body("HOLD", Element("requestedAction", "HOLD")), ""),
        (USER, Element("User", (Element("state", "READY"), Element("state", "LOGOUT"))), ""),
        (
            DIALOG,
            body("HOLD", *[Element("targetMediaAddress", each) for each in "12"]),
            "HOLD",
        ),
        (DIALOG, body("SEND_DTMF", *TWICE), "SEND_DTMF"),
        (DIALOG, body("SEND_DTMF", DIGITS, DIGITS), "SEND_DTMF"),
        (
            DIALOG,
            body("SEND_DTMF", Element("actionParams", (NAMED_TWICE, *DIGITS.content))),
            "SEND_DTMF",
        ),
        (DIALOG, media(VARIABLE, VARIABLE), "UPDATE_CALL_DATA"),
        (
            DIALOG,
            media(Element("callvariables", (VARIABLE.content[0], VARIABLE.content[0]))),
            "UPDATE_CALL_DATA",
        ),
    ],
)
def test_what_stands_twice_is_not_judged_by_the_first(path: str, sent: Element, action: str):
    found = recognise(sent, agent="1001", method="PUT", path=path)
    assert type(found) is actions.OtherRequest
    assert found.requested_action == action


def test_what_stands_twice_and_is_not_looked_at_changes_nothing():
    sent = body("HOLD", *[Element("comment", each) for each in "12"], *[DIGITS] * 2)
    assert type(recognise(sent, agent="1001", method="PUT", path=DIALOG)) is actions.Hold


def test_several_of_what_may_be_several_are_taken():
    items = Element("wrapUpItems", (Element("wrapUpItem", "a"), Element("wrapUpItem", "b")))
    nameless = Element("ActionParam", (Element("value", "1"),))
    for sent in (
        media(items),
        body("SEND_DTMF", Element("actionParams", (nameless, nameless, *DIGITS.content))),
    ):
        found = recognise(sent, agent="1001", method="PUT", path=DIALOG)
        assert type(found) is not actions.OtherRequest

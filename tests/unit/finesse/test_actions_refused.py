"""What is refused before anything is sent, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from listener.errors import InvalidRequest
from listener.finesse import actions
from listener.finesse.actions import Request

CALL: dict[str, Any] = {"agent": "1001", "dialog_id": "54321"}


def refused(request: Request, field: str, deployment: str | None = None) -> str:
    """Return the message of the refusal, which must name `field`."""
    with pytest.raises(InvalidRequest) as told:
        request.validate(deployment)
    assert told.value.field == field
    return str(told.value)


def data(**variables: str) -> actions.UpdateCallData:
    return actions.UpdateCallData(**CALL, call_variables=variables)


@pytest.mark.parametrize(
    "bad",
    ["", " ", "\t", "10\x0001", "a\nb", "a\x85b", "1" * 257, ".", "..", "\ud800", None, 1001],
    ids=ascii,
)
def test_an_agent_or_dialog_id_must_be_plain_and_short(bad: Any):
    refused(actions.Hold(agent=bad, dialog_id="1"), "agent")
    refused(actions.Hold(agent="1001", dialog_id=bad), "dialogId")


def test_ids_may_hold_anything_else():
    actions.Hold(agent="jörg@site/1 x", dialog_id="1" * 256).validate("UCCE")


@pytest.mark.parametrize("bad", ["", "  ", "a\x00b", "5" * 257], ids=ascii)
def test_a_blank_long_or_unprintable_number_is_refused(bad: str):
    refused(actions.ConsultCall(**CALL, to_address=bad), "toAddress")
    refused(actions.MakeCall(agent="1001", to_address=bad), "toAddress")
    refused(actions.MakeCall(agent="1", to_address="2", from_address=bad), "fromAddress")
    refused(actions.Hold(**CALL, target_media_address=bad), "targetMediaAddress")
    refused(actions.ParticipantDrop(**CALL, target_media_address=bad), "targetMediaAddress")
    refused(actions.TaskTransfer(**CALL, target=bad), "target")


def test_a_refused_number_is_not_quoted():
    call = actions.ConsultCall(**CALL, to_address="5550123\x00")
    assert "5550123" not in refused(call, "toAddress")


def test_a_call_to_the_calling_extension_is_refused_once_that_is_known():
    call = actions.MakeCall(agent="1001", to_address="1001001")
    call.validate()
    assert "1001001" not in refused(call.on_device("1001001"), "toAddress")
    refused(actions.SilentMonitor(agent="1", to_address="7", from_address="7"), "toAddress")


@pytest.mark.parametrize(
    ("digits", "deployment"),
    [("0123456789*#ABCD", None), ("0123456789*#ABCD", "UCCE"), ("0123456789*#", "UCCX")],
)
def test_the_digits_of_the_deployment_are_taken(digits: str, deployment: str | None):
    actions.SendDtmf(**CALL, dtmf_string=digits).validate(deployment)


@pytest.mark.parametrize(
    ("digits", "deployment", "says"),
    [
        ("12a4", None, "number 3 "),
        ("12a4", "UCCE", "capital letters"),
        ("12A4", "UCCX", "number 3 is none of 0-9 * #"),
        ("98E", "UCCE", "3 digits"),
        ("12٣", None, "number 3 "),
        ("1" * 33, "UCCE", "33 digits"),
        ("1" * 33, "UCCX", "at most 32"),
        ("", None, "at least one"),
        ("1\x00", None, "position 1"),
    ],
)
def test_wrong_digits_are_refused_without_quoting_one(
    digits: str, deployment: str | None, says: str
):
    message = refused(actions.SendDtmf(**CALL, dtmf_string=digits), "dtmfString", deployment)
    assert says in message
    assert not digits or digits not in message


def test_refusing_digits_of_a_wrong_type_names_the_type_alone():
    digits: Any = 9753
    assert "9753" not in refused(actions.SendDtmf(**CALL, dtmf_string=digits), "dtmfString")


@pytest.mark.parametrize("name", ["callVariable1", "callVariable10"])
def test_a_call_variable_holds_40_bytes(name: str):
    data(**{name: "x" * 40}).validate("UCCX")
    data(**{name: "é" * 20}).validate("UCCX")
    assert "41 bytes" in refused(data(**{name: "x" * 41}), name)
    assert "42 bytes" in refused(data(**{name: "é" * 21}), name)


def test_all_ecc_data_together_takes_2000_bytes():
    actions.UpdateCallData(
        **CALL, call_variables={"user.ab": "x" * 993, "user.cd": "y" * 993}
    ).validate()
    one_too_many = {"user.ab": "x" * 993, "user.cd[0]": "y" * 993}
    assert "2001" in refused(data(**one_too_many), "callvariables")


def test_only_the_size_of_ecc_counts_against_ecc():
    data(callVariable1="x" * 40, **{"user.a": "y" * 1990}).validate()


@pytest.mark.parametrize(
    "name",
    [
        "callVariable0",
        "callVariable11",
        "callVariable01",
        "CallVariable1",
        "user.",
        "user.a[",
        "user.a[]",
        "user.a[x]",
        "user.a[1][2]",
        "user.a[1000]",
        "user.a b",
        "account",
    ],
)
def test_an_unknown_variable_is_refused_with_the_known_forms(name: str):
    assert "callVariable1 to callVariable10" in refused(data(**{name: "x"}), name)


@pytest.mark.parametrize("name", ["BACampaign", "BAResponse", "bastatus"])
def test_variables_of_the_dialer_are_refused_with_the_way_out(name: str):
    assert "RECLASSIFY" in refused(data(**{name: "x"}), name)
    refused(actions.MakeCall(agent="1", to_address="2", call_variables={name: "x"}), name)


@pytest.mark.parametrize(
    ("first", "second"),
    [("callVariable1", "callVariable1"), ("user.a", "user.A")],
)
def test_a_variable_named_twice_is_refused(first: str, second: str):
    asked = actions.UpdateCallData(**CALL, call_variables=((first, "x"), (second, "y")))
    with pytest.raises(InvalidRequest):
        asked.validate()


def test_elements_of_an_array_are_different_variables():
    data(**{"user.a[0]": "x", "user.a[1]": "y"}).validate()


def test_the_second_of_two_equal_names_is_told():
    asked = actions.UpdateCallData(**CALL, call_variables=(("user.a", "x"), ("user.A", "y")))
    assert "'user.A' twice" in refused(asked, "callvariables")


def test_values_that_xml_cannot_carry_are_refused_and_others_taken():
    assert "position 1" in refused(data(callVariable1="a\x0b"), "callVariable1")
    refused(data(callVariable1="\ufffe"), "callVariable1")
    data(callVariable1="a\tb\r\n <&>\U0001f600").validate()


def test_extended_ascii_is_refused_on_ucce_alone():
    assert "extended ASCII" in refused(data(callVariable1="é"), "callVariable1", "UCCE")
    for deployment in (None, "UCCX", "PCCE"):
        data(callVariable1="é").validate(deployment)
    data(callVariable1="日本").validate("UCCE")


@pytest.mark.parametrize("bad", ["ab", 5, [("a",)], [None]], ids=repr)
def test_call_variables_that_are_no_pairs_are_refused_at_once(bad: Any):
    with pytest.raises(InvalidRequest) as told:
        actions.UpdateCallData(**CALL, call_variables=bad)
    assert told.value.field == "callvariables"


def test_variables_of_a_wrong_type_are_refused():
    names: Any = ((5, "x"),)
    refused(actions.UpdateCallData(**CALL, call_variables=names), "callvariables")
    values: Any = {"user.a": 5}
    refused(actions.UpdateCallData(**CALL, call_variables=values), "user.a")


def test_an_update_of_nothing_is_refused():
    refused(actions.UpdateCallData(**CALL), "mediaProperties")
    actions.UpdateCallData(**CALL, wrap_up_reason="").validate()
    actions.UpdateCallData(**CALL, wrap_up_items=()).validate("UCCX")


def test_wrap_up_items_are_texts_on_uccx():
    asked = actions.UpdateCallData(**CALL, wrap_up_items=("a",))
    asked.validate()
    asked.validate("UCCX")
    assert "wrapUpReason" in refused(asked, "wrapUpItems", "UCCE")
    for bad in (["a"], ("",), (" ",), (5,), ("a\x00",)):
        wrong: Any = bad
        refused(actions.UpdateCallData(**CALL, wrap_up_items=wrong), "wrapUpItems")


def test_make_call_takes_variables_on_ucce_alone():
    call = actions.MakeCall(agent="1", to_address="2", call_variables={"callVariable1": "x"})
    call.validate()
    call.validate("UCCE")
    assert "UPDATE_CALL_DATA" in refused(call, "mediaProperties", "UCCX")
    actions.MakeCall(agent="1", to_address="2").validate("UCCX")


ONLY = [
    ("UCCX", actions.StartRecording(**CALL)),
    ("UCCE", actions.ParticipantDrop(**CALL, target_media_address="2")),
    ("UCCE", actions.PreviewAccept(**CALL)),
    ("UCCE", actions.PreviewClose(**CALL)),
    ("UCCE", actions.PreviewReject(**CALL)),
    ("UCCE", actions.TaskAccept(**CALL)),
    ("UCCE", actions.TaskStart(**CALL)),
    ("UCCE", actions.TaskPause(**CALL)),
    ("UCCE", actions.TaskResume(**CALL)),
    ("UCCE", actions.TaskWrapUp(**CALL)),
    ("UCCE", actions.TaskTransfer(**CALL, target="x")),
    ("UCCE", actions.TaskClose(**CALL)),
]


@pytest.mark.parametrize(("home", "request_"), ONLY, ids=str)
def test_an_action_that_the_deployment_lacks_is_refused(home: str, request_: Request):
    away = "UCCE" if home == "UCCX" else "UCCX"
    request_.validate()
    request_.validate(home)
    assert f"only on {home}" in refused(request_, "requestedAction", away)


@pytest.mark.parametrize(
    "kind",
    [actions.DirectPreviewAccept, actions.DirectPreviewClose, actions.DirectPreviewReject],
)
def test_direct_preview_is_taken_on_both(kind: type[actions.DialogRequest]):
    kind(**CALL).validate("UCCE")
    kind(**CALL).validate("UCCX")


@pytest.mark.parametrize("value", ["VOICE", "FAX", "ANS_MACHINE", "INVALID", "BUSY", "DO_NOT_CALL"])
def test_the_classifications_of_the_guide_are_taken(value: str):
    actions.Reclassify(**CALL, outbound_classification=value).validate()


@pytest.mark.parametrize("value", ["", "voice", "ANSWERED"])
def test_another_classification_is_refused_with_the_list(value: str):
    asked = actions.Reclassify(**CALL, outbound_classification=value)
    assert "DO_NOT_CALL" in refused(asked, "outboundClassification")


@pytest.mark.parametrize(
    "value",
    ["", "tomorrow", "2026-11-21", "2026-11-21T14:30:00", "2026-11-21 14:30", "2026-13-01T00:00"],
)
def test_a_callback_time_of_another_form_is_refused(value: str):
    asked = actions.UpdateScheduledCallback(**CALL, callback_time=value)
    assert "YYYY-MM-DDThh:mm" in refused(asked, "callbackTime")


def test_a_callback_needs_a_time_or_a_number():
    refused(actions.UpdateScheduledCallback(**CALL), "callbackTime")
    actions.UpdateScheduledCallback(**CALL, callback_number="5550123").validate()
    actions.UpdateScheduledCallback(**CALL, callback_time="2026-02-28T23:59").validate()


def test_a_monitor_dialog_is_named_by_its_uri():
    def barge(uri: str) -> actions.BargeCall:
        return actions.BargeCall(agent="1", to_address="2", associated_dialog_uri=uri)

    barge("/finesse/api/Dialog/7").validate()
    barge("https://host/finesse/api/Dialog/7").validate()
    for bad in ("", "7", "/finesse/api/User/7"):
        refused(barge(bad), "associatedDialogUri")


@pytest.mark.parametrize("bad", ["", "lunch", "1.5", "1" * 11])
def test_a_reason_code_is_a_whole_number(bad: str):
    refused(actions.NotReady(agent="1", reason_code_id=bad), "reasonCodeId")
    refused(actions.SignOut(agent="1", reason_code_id=bad), "reasonCodeId")


def test_a_mobile_agent_gives_mode_and_number():
    def sign_in(**more: str) -> actions.SignIn:
        return actions.SignIn(agent="1", extension="2", **more)

    sign_in().validate()
    sign_in(mobile_mode="NAILED_CONNECTION", mobile_dial_number="5550123").validate()
    refused(sign_in(mobile_mode="CALL_BY_CALL"), "mobileAgent")
    refused(sign_in(mobile_dial_number="5550123"), "mobileAgent")
    refused(sign_in(mobile_mode="ROAMING", mobile_dial_number="5550123"), "mode")


def test_a_target_is_refused_where_the_request_has_none():
    call = actions.MakeCall(agent="1", to_address="2", target_media_address="1001001")
    assert "fromAddress" in refused(call, "targetMediaAddress")
    ready = actions.Ready(agent="1", target_media_address="1001001")
    assert "1001001" not in refused(ready, "targetMediaAddress")
    assert call.body().find("targetMediaAddress") is None

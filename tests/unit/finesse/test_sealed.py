"""Texts of which only a keyed hash is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.errors import InvalidRequest
from listener.finesse import actions as a
from listener.finesse.model import (
    CallVariable,
    Dialog,
    MediaProperties,
    Participant,
    ScheduledCallbackInfo,
)
from listener.finesse.parsed import dialog_json
from listener.finesse.sealed import (
    Sealed,
    Sealer,
    is_sealed,
    sealed_dialog,
    sealed_request,
)

SEALER = Sealer(b"0123456789abcdef")
OTHER = Sealer(b"fedcba9876543210")
ON_CALL = {"agent": "1001", "dialog_id": "54321"}


@given(st.text(), st.text())
def test_a_sealed_text_equals_its_own_text_alone(text: str, other: str):
    sealed = SEALER.seal(text)
    assert sealed == text
    assert text == sealed
    assert not sealed != text  # noqa: SIM202  both operators are meant
    assert not text != sealed  # noqa: SIM202  as above
    assert (sealed == other) is (text == other)
    assert (other != sealed) is (text != other)
    assert (("n", text),) == (("n", sealed),)


@given(st.text(), st.text())
def test_two_sealed_texts_are_equal_as_their_texts_are(one: str, other: str):
    first, second = SEALER.seal(one), SEALER.seal(other)
    assert (first == second) is (one == other)
    assert (first != second) is (one != other)
    assert hash(first) == hash(SEALER.seal(one))
    assert SEALER.seal(first) is first


def test_what_is_no_text_is_never_equal():
    assert (SEALER.seal("1") == 1) is False
    assert (SEALER.seal("1") != 1) is True
    assert SEALER.seal("x") != None  # noqa: E711  the operator is meant


def test_another_key_makes_another_seal():
    assert SEALER.seal("x") != OTHER.seal("x")
    assert OTHER.open(str(SEALER.seal("x"))) != "x"


def test_only_the_sealed_form_is_shown():
    sealed = SEALER.seal("secret")
    for shown in (str(sealed), repr(sealed), f"{sealed}", json.dumps(sealed), sealed.upper()):
        assert "secret" not in shown.lower()
    assert type(str(sealed)) is str
    assert str(sealed).startswith("\ue000sealed:")
    assert len(str(sealed)) == len("\ue000sealed:") + 32
    assert repr(SEALER) == "<Sealer>"


@given(st.text())
def test_what_was_written_down_is_opened_again(text: str):
    form = json.loads(json.dumps(SEALER.seal(text)))
    assert type(form) is str
    assert is_sealed(form)
    opened = SEALER.open(form)
    assert isinstance(opened, Sealed)
    assert opened == text
    assert opened == SEALER.seal(text)
    assert hash(opened) == hash(SEALER.seal(text))


@pytest.mark.parametrize(
    "text", ["", "x", "sealed:" + "0" * 32, "\ue000sealed:", "\ue000sealed:" + "g" * 32]
)
def test_what_is_no_sealed_form_is_not_opened(text: str):
    assert not is_sealed(text)
    with pytest.raises(ValueError, match="no sealed text"):
        SEALER.open(text)


def test_the_written_form_is_another_text_than_the_sealed_one():
    sealed = SEALER.seal("x")
    assert sealed != str(sealed)
    assert str(sealed) != sealed


def test_any_text_can_be_sealed():
    assert SEALER.seal("\ud800") == "\ud800"


@pytest.mark.parametrize("key", [b"", b"short", b"0123456789abcde"])
def test_a_short_key_is_refused(key: bytes):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Sealer(key)


DIALOG = Dialog(
    id="54321",
    state="ACTIVE",
    from_address="5550100",
    callback_number="5550111",
    scheduled_callback_info=ScheduledCallbackInfo("2026-11-21T14:30", ""),
    media_properties=MediaProperties(
        dialed_number="2002",
        wrap_up_reason="sold",
        wrap_up_items=("a", "b"),
        call_variables=(
            CallVariable("callVariable1", "first"),
            CallVariable("callVariable2", ""),
            CallVariable("user.x", None),
        ),
    ),
    participants=(Participant("1001", state="ACTIVE"),),
)


def test_the_call_data_of_a_dialog_is_sealed_and_nothing_else():
    sealed = sealed_dialog(DIALOG, SEALER)
    assert sealed == DIALOG  # as everything in it compares
    media = sealed.media_properties
    info = sealed.scheduled_callback_info
    assert info is not None
    hidden = (
        sealed.callback_number,
        info.callback_time,
        media.wrap_up_reason,
        *media.wrap_up_items,
        media.variable("callVariable1"),
    )
    assert all(isinstance(each, Sealed) for each in hidden)
    kept = (info.callback_number, media.variable("callVariable2"), media.variable("user.x"))
    assert kept == ("", "", None)
    assert not any(isinstance(each, Sealed) for each in kept)
    assert (type(sealed.from_address), type(media.dialed_number)) == (str, str)


def test_a_dialog_without_call_data_stays_as_it_is():
    plain = Dialog(id="1")
    assert sealed_dialog(plain, SEALER) == plain


def test_what_a_request_sets_is_sealed():
    data = a.UpdateCallData(
        **ON_CALL,
        call_variables={"callVariable1": "first", "user.x": ""},
        wrap_up_reason="sold",
        wrap_up_items=("a",),
    )
    call = a.MakeCall(agent="1001", to_address="2", call_variables={"callVariable1": "first"})
    back = a.UpdateScheduledCallback(
        **ON_CALL, callback_time="2026-11-21T14:30", callback_number="5550111"
    )
    for request in (data, call, back):
        sealed = sealed_request(request, SEALER)
        assert sealed == request
        assert type(sealed) is type(request)
    sealed_data = sealed_request(data, SEALER)
    assert isinstance(sealed_data, a.UpdateCallData)
    assert [type(value) for _, value in sealed_data.variables] == [Sealed, str]
    assert isinstance(sealed_data.wrap_up_reason, Sealed)
    empty = replace(data, wrap_up_reason=None, wrap_up_items=None)
    assert sealed_request(empty, SEALER) == empty


def test_digits_become_as_many_marks_that_cannot_be_sent():
    request = a.SendDtmf(**ON_CALL, dtmf_string="4711#")
    sealed = sealed_request(request, SEALER)
    assert isinstance(sealed, a.SendDtmf)
    assert not set(sealed.dtmf_string) & set("0123456789*#ABCDabcd")
    assert sealed.default_deadline == request.default_deadline
    assert (sealed.agent, sealed.dialog_id) == (request.agent, request.dialog_id)
    for deployment in (None, "UCCE", "UCCX"):
        with pytest.raises(InvalidRequest):
            sealed.validate(deployment)


def test_other_requests_stay_as_they_are():
    for request in (a.Hold(**ON_CALL), a.Reclassify(**ON_CALL, outbound_classification="FAX")):
        assert sealed_request(request, SEALER) is request


def test_a_sealed_request_warns_of_a_sealed_dialog_as_the_plain_ones_do():
    data = a.UpdateCallData(
        **ON_CALL,
        call_variables={"callVariable1": "first"},
        wrap_up_reason="sold",
        wrap_up_items=("a", "b"),
    )
    back = a.UpdateScheduledCallback(**ON_CALL, callback_time="2026-11-21T14:30")
    for request in (data, back):
        for dialog in (DIALOG, sealed_dialog(DIALOG, SEALER)):
            (warning,) = sealed_request(request, SEALER).warnings(dialog)
            assert warning.code == "already_so"


def test_a_sealed_value_is_told_as_unknown_and_never_as_its_hash() -> None:
    variables = (CallVariable("callVariable1", "secret"), CallVariable("callVariable2", ""))
    media = MediaProperties(call_variables=variables, wrap_up_reason="sold")
    told = dialog_json(sealed_dialog(Dialog(media_properties=media), SEALER))
    assert told["mediaProperties"]["callvariables"] == {"callVariable1": None, "callVariable2": ""}
    assert told["mediaProperties"]["wrapUpReason"] is None

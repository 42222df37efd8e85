"""What is written of payloads and values: no digits, no numbers, and still what the core needs."""

import re
from pathlib import Path

import pytest

from listener.finesse import actions as do
from listener.finesse.actions import params
from listener.finesse.actions.shown import masked
from listener.finesse.wire import parse_update
from listener.journal.codec import encode
from listener.transcript import veil
from listener.transcript.masks import Masks
from listener.transcript.veil import NUMBERS, Veil

MASKS = Masks(b"sixteen bytes at least")
VEIL = Veil(MASKS, lambda: ())
DIALOG = (
    "<Update><data><dialog><id>54321</id><fromAddress>+1 202 555 0123</fromAddress>"
    "<mediaProperties><DNIS>2001</DNIS><callvariables>"
    "<CallVariable><name>callVariable1</name><value>Mrs Miller &amp; Co</value></CallVariable>"
    "<CallVariable><name>BAResponse</name><value>VOICE</value></CallVariable>"
    "</callvariables></mediaProperties><participants><Participant>"
    "<mediaAddress>2001</mediaAddress><state>HELD</state></Participant></participants>"
    "<state>ACTIVE</state><toAddress>2001</toAddress></dialog></data><event>PUT</event>"
    "<requestId>r1</requestId><source>/finesse/api/Dialog/54321</source></Update>"
)
ERROR = (
    "<Update><data><apiErrors><apiError><errorType>Generic Error</errorType><errorMessage>{}"
    "</errorMessage><errorData>{}</errorData></apiError></apiErrors></data><event>PUT</event>"
    "<requestId>r1</requestId><source>/finesse/api/Dialog/54321</source></Update>"
)
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.xml"))


def test_a_dialog_keeps_what_is_no_number_and_no_call_data():
    found = parse_update(VEIL.payload(DIALOG) or "")

    (dialog,) = found.dialogs
    assert (dialog.id, dialog.state, found.request_id) == ("54321", "ACTIVE", "r1")
    assert dialog.from_address == MASKS.number("+1 202 555 0123")
    assert dialog.participants[0].media_address == dialog.to_address == MASKS.number("2001")
    assert dialog.media_properties.variable("callVariable1") == MASKS.value("Mrs Miller & Co")
    assert dialog.media_properties.variable("BAResponse") == "VOICE"


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text.replace("<Update>", "<Update><!-- <toAddress>2001</toAddress> -->"),
        lambda text: text.replace("2001</toAddress>", "<![CDATA[2001]]></toAddress>"),
        lambda text: text.replace("<toAddress>", "<toAddress kind='own 2001'>"),
        lambda text: text.replace("2001", "20&#48;1"),
        lambda text: text.replace("toAddress", "TOADDRESS"),
        lambda text: text.replace("<", "&lt;").replace(">", "&gt;"),
        lambda text: text.replace("<dialog>", "<dialog>2001"),
        lambda text: text.replace("<dialog>", "<dialog><toAddress>2001<x/></toAddress>"),
    ],
    ids=["comment", "cdata", "attribute", "reference", "case", "escaped", "beside", "mixed"],
)
def test_no_form_of_a_payload_lets_a_number_through(disguise):
    written = VEIL.payload(disguise(DIALOG)) or ""

    assert "2001" not in written.replace("20&#48;1", "2001")
    assert "0123" not in written
    assert "Miller" not in written


def test_a_value_that_stands_before_its_name_is_masked_too():
    swapped = DIALOG.replace(
        "<name>callVariable1</name><value>Mrs Miller &amp; Co</value>",
        "<value>Mrs Miller</value><name>callVariable1</name>",
    ).replace(
        "<callvariables>",
        "<callvariables><CallVariable><name>BAResponse</name><value>BUSY</value></CallVariable>",
    )

    assert "Miller" not in (VEIL.payload(swapped) or "")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_quick_way_writes_what_the_elements_say(path: Path, monkeypatch):
    for payload in _payloads(path.read_text(encoding="utf-8")):
        quick = VEIL.payload(payload)
        with monkeypatch.context() as slow:
            slow.setattr(veil.InPlace, "masked", lambda _self, _text: None)
            whole = Veil(MASKS, lambda: ()).payload(payload)

        assert parse_update(quick or "") == parse_update(whole or "")


def _payloads(text: str) -> list[str]:
    return re.findall(r"<Update>.*?</Update>", text, re.DOTALL)


def test_what_cannot_be_read_is_not_written():
    assert VEIL.payload("<Update><toAddress>2001") is None
    assert VEIL.payload("call me: 2001") is None


@pytest.mark.parametrize("action", sorted(do.ACTIONS))
def test_every_number_of_a_request_is_known_to_be_one(action: str):
    fields = {
        field.name.replace("_", "")
        for field, param in params.of(do.ACTIONS[action])
        if param.show is masked
    }

    assert fields <= NUMBERS


def test_a_request_is_written_without_digits_and_with_masks():
    dtmf = do.SendDtmf(agent="1001", dialog_id="5", dtmf_string="4711#")
    call = do.MakeCall(agent="1001", to_address="5553344", call_variables={"callVariable1": "Eve"})

    assert VEIL.value(encode(dtmf))["dtmf_string"] == "\u2022" * 5
    written = VEIL.value(encode(call))
    assert written["to_address"] == MASKS.number("5553344")
    assert written["call_variables"] == [["callVariable1", MASKS.value("Eve")]]


def test_unmasked_still_hides_digits():
    request = do.SendDtmf(agent="1001", dialog_id="5", dtmf_string="4711#")
    shown = Veil(None, lambda: (request,))
    error = (
        "<Update><data><apiErrors><apiError><errorData>4711#</errorData><errorMessage>cannot send"
        " 4711# to 5553344</errorMessage></apiError></apiErrors></data><event>PUT</event></Update>"
    )

    written = shown.payload(error) or ""
    assert "4711" not in written
    assert "5553344" in written
    assert "4711" not in str(shown.value(encode(request)))


def test_the_digits_of_another_client_are_hidden_where_finesse_speaks_of_dtmf():
    error = (
        "<Update><data><apiErrors><apiError><errorType>Invalid DTMF</errorType>"
        "<errorMessage>string 998877 refused on extension 2001</errorMessage></apiError>"
        "</apiErrors></data><event>PUT</event></Update>"
    )

    written = Veil(None, lambda: ()).payload(error) or ""
    assert "998877" not in written
    assert "extension 2001" in written


def test_an_error_that_repeats_what_was_masked_elsewhere_has_the_same_masks():
    veil = Veil(MASKS, lambda: ())
    veil.payload(DIALOG.replace("2001", "5551001"))

    told = veil.payload(ERROR.format("5551001 is busy with Mrs Miller &amp; Co", "5551001")) or ""

    mask = MASKS.number("5551001")
    assert f"<errorMessage>{mask} is busy with " in told
    assert f"<errorData>{mask}</errorData>" in told
    assert "Miller" not in told
    assert "5551001" not in told


def test_an_error_code_stays_even_where_a_number_is_the_same():
    veil = Veil(MASKS, lambda: ())
    veil.payload(DIALOG.replace("2001", "20999"))

    assert "<errorData>20999</errorData>" in (veil.payload(ERROR.format("x", "20999")) or "")


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("<state>ACTIVE</state>", "<state>ACTIVE</state><callerName>Vera Lang</callerName>"),
        ("<state>ACTIVE</state>", "<callingNumber>Vera Lang</callingNumber>"),
        ("<state>ACTIVE</state>", "<email>Vera Lang</email>"),
        ("<value>VOICE</value>", "<value>Callback +12025550199</value>"),
        (
            "<value>VOICE</value></CallVariable>",
            "<value>V</value></CallVariable><callVariable1>Vera Lang</callVariable1>",
        ),
        ("Mrs Miller &amp; Co", "<first>Vera</first><last>Lang</last>"),
    ],
)
def test_a_person_in_a_field_that_is_not_listed_is_masked_too(was, becomes, nested):
    payload = DIALOG.replace(was, becomes)
    assert payload != DIALOG
    if nested:  # where the text itself is not enough
        payload = payload.replace("<Update>", "<Update><!-- x -->")

    written = VEIL.payload(payload) or ""

    assert not re.search("Vera|Lang|2025550199", written)
    assert "<state>HELD</state>" in written

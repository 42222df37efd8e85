"""The error catalogue: every row loads, constants beat nodes beat numbers, nothing is guessed."""

from __future__ import annotations

import html
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from listener.finesse.catalogue import Explanation, advice_for, entries, explain, lookup, suggest
from listener.finesse.catalogue.entries import by_constant, families, load_table, number
from listener.finesse.catalogue.table import BEGIN, END, refreshed
from listener.finesse.model import ApiError

ROOT = Path(__file__).parents[3]
VOICE = "/finesse/api/User/1001001/Dialogs"
TASKS = "/finesse/api/User/1001001/Dialogs/Media"


def an_error(
    data: str | None = None, message: str | None = None, kind: str | None = None, **more: str
) -> ApiError:
    return ApiError(error_data=data, error_message=message, error_type=kind, **more)


def labels(explanation: Explanation) -> list[str]:
    return [entry.label for entry in explanation.entries]


# The tables


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("control_failure", 111),
        ("status", 122),
        ("peripheral", 187),
        ("uccx", 27),
        ("task_routing", 17),
        ("finesse", 27),
        ("seen", 3),
    ],
)
def test_every_row_of_a_table_is_loaded(table: str, rows: int):
    assert len(load_table(table)) == rows


def test_the_catalogue_is_the_sum_of_its_tables_and_no_row_is_there_twice():
    assert len(entries()) == 494
    assert len({(e.family, e.code, e.constant) for e in entries()}) == 494


@pytest.mark.parametrize(
    ("family", "rows"),
    [
        ("CF", 57),
        ("CF_EXTENDED", 54),
        ("E_CTI", 103),
        ("UCCX_E_CTI", 19),
        ("E_ARM_STAT", 16),
        ("FINESSE_HTTP", 19),
        ("FINESSE_ASYNC", 9),
        ("UCCX_ERR", 19),
    ],
)
def test_the_families_have_the_documented_size(family: str, rows: int):
    assert sum(e.family == family for e in entries()) == rows


def test_every_entry_has_a_meaning_a_source_and_a_deployment():
    for entry in entries():
        assert entry.meaning
        assert len(entry.source) > 10
        assert entry.deployments
        assert entry.deployments <= {"UCCE", "UCCX"}
        assert entry.family in families()


def test_a_meaning_from_the_shifted_table_says_that_it_is_a_hint():
    rows = [entry for entry in entries() if entry.family == "PERERR_CM"]
    assert rows
    assert all("a hint only" in entry.meaning for entry in rows)


def test_no_advice_is_left_without_an_entry():
    path = ROOT / "listener" / "finesse" / "data" / "advice.csv"
    known = {entry.label for entry in entries()}
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert {row[1] for row in rows} <= known


def test_placeholders_and_notes_are_no_constants():
    constants = {entry.constant for entry in entries()}
    assert not [name for name in constants if name and ("<" in name or "(" in name)]
    assert {"INVALID_ACTION", "INVALID_DIALOG_ID"} <= constants


@pytest.mark.parametrize("code", ["0-22", "(any)", "(none)", "(not at hand)"])
def test_a_range_or_a_note_is_a_row_but_never_a_number(code: str):
    assert any(entry.code == code for entry in entries())
    assert lookup(code) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [("34", "34"), (" 034 ", "34"), ("-1", "-1"), ("", None), (None, None), ("3.4", None),
     ("٣٤", None), ("9" * 5000, None)],
)  # fmt: skip
def test_only_a_short_decimal_number_is_a_code(text: str | None, code: str | None):
    assert number(text) == code


# What every documented asynchronous error gives


@pytest.mark.parametrize(
    ("error", "deployment", "label"),
    [
        (an_error("34", "CF_RESOURCE_OUT_OF_SERVICE", "Call Operation Failure"), None,
         "CF_RESOURCE_OUT_OF_SERVICE"),
        (an_error("4047", "INVALID_ACTION TRANSFER on extension 16698", "Generic Error"), None,
         "INVALID_ACTION"),
        (an_error("20999", "<ConferenceCallCommand>: Conference failed", "Generic Error"), "UCCE",
         "20999"),
        (an_error("22", "CF_INVALID_OBJECT_STATE", "Invalid State"), "UCCX",
         "CF_INVALID_OBJECT_STATE"),
        (an_error("3", "CF_VALUE_OUT_OF_RANGE", "Generic Error"), "UCCX", "CF_VALUE_OUT_OF_RANGE"),
        (an_error("265", "CF_INVALID_AGENT_WORKMODE", "Invalid State"), "UCCX",
         "CF_INVALID_AGENT_WORKMODE"),
        (an_error("260", "CF_INVALID_LOGON_DEVICE_SPECIFIED", "Invalid Device"), "UCCE",
         "CF_INVALID_LOGON_DEVICE_SPECIFIED"),
        (an_error("1", "E_ARM_STAT_AGENT_ALREADY_LOGGED_IN", "sign-in failed"), None,
         "E_ARM_STAT_AGENT_ALREADY_LOGGED_IN"),
        (an_error("6030", "INVALID_DIALOG_ID: 151635_312_1"), None, "INVALID_DIALOG_ID"),
        (an_error("6030"), "UCCE", "INVALID_DIALOG_ID"),
        (an_error("4047", "no"), None, "INVALID_ACTION"),
        (an_error(kind="13145"), "UCCE", "13145"),
        (an_error("13145"), None, "13145"),
        (an_error(kind="88049"), "UCCX", "88049"),
        (an_error("88049"), None, "88049"),
        (an_error(kind="20700"), None, "20700"),
        (an_error(kind="20999"), None, "20999"),
        (an_error(kind="Call Operation Failure"), None, "Call Operation Failure"),
        (an_error(kind="Generic error"), None, "Generic Error"),
        (an_error(kind="Invalid State"), None, "Invalid State"),
        (an_error(kind="Invalid Input"), None, "Invalid Input"),
        (an_error(kind="Call Variable is protected"), None, "Call Variable is protected"),
        (an_error(kind="Mode Not Allowed"), "UCCE", "Mode Not Allowed"),
        (an_error(kind="Internal Server Error"), "UCCX", "Internal Server Error"),
        (an_error(kind="Invalid Device"), None, "Invalid Device"),
        (an_error(message="CTIError=Generic Error"), None, "Generic Error"),
        (an_error(message="CTIError=20999"), None, "20999"),
        (an_error(message="CTIError=CF_SERVICE_BUSY"), None, "CF_SERVICE_BUSY"),
        (an_error("38", "CF_CONFERENCE_MEMBER_LIMIT_EXCEEDED"), None,
         "CF_CONFERENCE_MEMBER_LIMIT_EXCEEDED"),
        *((an_error(code), None, label) for code, label in (
            ("13092", "PERERR_GW_E_THREADSENDDTMF_EXCEPTION_GENERATEDTMF"),
            ("13093", "PERERR_GW_E_THREADSENDDTMF_INVALID_CONNECTION"),
            ("13094", "PERERR_GW_E_THREADSENDDTMF_NOT_MEDIATERMINALCONNECTION"),
            ("20102", "PERERR_CM_DIGIT_GENERATION_ALREADY_IN_PROGRESS"),
            ("20103", "PERERR_CM_DIGIT_GENERATION_WRONG_CALL_HANDLE"),
            ("20104", "PERERR_CM_DIGIT_GENERATION_WRONG_CALL_STATE"),
            ("20105", "PERERR_CM_DIGIT_GENERATION_CALLSTATE_CHANGED"),
            ("10125", "PERERR_TELDRIVE_NODEVICETARGETFORNETTARGETID"),
        )),
    ],
)  # fmt: skip
def test_a_documented_error_has_one_reading_and_an_advice(
    error: ApiError, deployment: str | None, label: str
):
    found = explain(error, deployment=deployment)
    assert not found.ambiguous
    assert found.entry is not None
    assert found.entry.label == label
    assert found.meaning is not None
    assert found.meaning.startswith(found.entry.meaning)
    assert found.advice


def test_every_task_routing_code_has_an_advice():
    assert all(entry.advice for entry in entries() if entry.family == "E_ARM_STAT")


def test_every_type_of_finesse_has_an_advice():
    assert all(entry.advice for entry in load_table("finesse"))


# Constants


def test_a_constant_decides_whatever_the_number_says():
    found = explain(an_error("34", "CF_NO_HELD_CALL"))
    assert (found.family, found.constant) == ("CF", "CF_NO_HELD_CALL")


def test_a_constant_inside_a_sentence_is_found():
    found = explain(an_error("1", "Request refused (CF_REQUEST_TIMEOUT_REJECTION) by the switch."))
    assert found.constant == "CF_REQUEST_TIMEOUT_REJECTION"


@pytest.mark.parametrize("place", ["error_type", "error_data"])
def test_a_constant_in_another_member_is_found(place: str):
    assert explain(ApiError(**{place: "CF_SERVICE_BUSY"})).constant == "CF_SERVICE_BUSY"


def test_a_second_constant_in_the_message_is_a_cause_and_a_peripheral_one_goes_last():
    found = explain(an_error("70", "PERERR_CM_HOLDFAILED under CF_GENERIC_UNSPECIFIED_REJECTION"))
    assert found.constant == "CF_GENERIC_UNSPECIFIED_REJECTION"
    assert [cause.constant for cause in found.causes] == ["PERERR_CM_HOLDFAILED"]
    assert "beneath it PERERR_CM_HOLDFAILED" in (found.meaning or "")


def test_rows_about_one_constant_are_one_reading_on_every_deployment():
    for deployment in (None, "UCCE", "UCCX"):
        found = explain(an_error("22", "CF_INVALID_OBJECT_STATE"), deployment=deployment)
        assert found.family == "CF"
        assert ("seen on UCCX" in (found.meaning or "")) == (deployment != "UCCE")


def test_the_same_constant_twice_is_no_cause_of_itself():
    error = an_error("20102", peripheral_error_code="20102")
    assert explain(error).causes == ()


# Nodes and numbers


def test_34_without_anything_else_is_three_things_and_not_guessed():
    found = explain(an_error("34"))
    assert found.ambiguous
    assert found.entry is None
    assert (found.family, found.constant) == (None, None)
    assert {entry.family for entry in found.entries} == {"CF", "E_CTI", "E_ARM_STAT"}
    assert (found.meaning or "").startswith("One of: CF_RESOURCE_OUT_OF_SERVICE (CF)")
    assert "several meanings" in (found.advice or "")


@pytest.mark.parametrize(
    ("error", "node"),
    [
        (an_error("34"), TASKS),
        (an_error("34"), "/finesse/api/User/1001001/Media"),
        (an_error("34"), "/User/1001001/Media/5001"),
        (an_error("34", error_media="5001"), None),
    ],
)
def test_34_of_a_media_domain_is_the_task_routing_code(error: ApiError, node: str | None):
    assert explain(error, node=node).constant == "E_ARM_STAT_PERFORMANCE_LIMIT_EXCEEDED"


def test_34_on_the_voice_node_is_no_task_routing_code_but_still_two_things():
    found = explain(an_error("34"), node=VOICE)
    assert {entry.family for entry in found.entries} == {"CF", "E_CTI"}


def test_a_number_that_task_routing_lacks_is_read_from_the_rest_on_a_media_node():
    assert explain(an_error("6030"), node=TASKS).constant == "INVALID_DIALOG_ID"
    assert explain(an_error("78"), node=TASKS).entries


def test_a_dialog_source_says_nothing_about_the_family():
    assert len(explain(an_error("34"), node="/finesse/api/Dialog/1").entries) == 3


def test_on_uccx_its_own_lists_come_first_and_uccx_alone():
    found = explain(an_error("2"), deployment="UCCX")
    assert labels(found)[0] == "E_CTI_INVALID_MESSAGE_TYPE"
    assert all("UCCX" in entry.deployments for entry in found.entries)


def test_on_ucce_the_lists_of_uccx_are_left_out():
    found = explain(an_error("11"), deployment="ucce")
    assert "CF_INVALID_CSTA_CALL_IDENTIFIER" in labels(found)
    assert "CF_INVALID_CSTA_CALL_ID" not in labels(found)


def test_the_other_deployment_is_offered_when_nothing_else_fits():
    assert explain(an_error("88004"), deployment="UCCE").constant == "CCX_AGENT_DEVICE_OFF"
    assert len(explain(an_error("34"), deployment="UCCX").entries) == 3


def test_an_extension_in_the_data_is_not_decoded():
    error = an_error("34", "Refused on extension 34.", "Generic Error")
    assert explain(error).constant == "Generic Error"


def test_the_agent_of_the_node_in_the_data_is_not_decoded():
    error = an_error("78", "Refused", "Generic Error")
    assert explain(error, node="/finesse/api/User/78").constant == "Generic Error"


@pytest.mark.parametrize(
    "message",
    [
        "Refused on extension 34.",
        "The user 34 is unknown",
        "user id: 34",
        "Dialog '34' is gone",
        "no agent with id 34",
        "userId=34",
        "PUT /finesse/api/User/34 failed",
        "agent device 34 is not known",
        "from 78 to extension 77, agent 34",
    ],
)
def test_a_number_that_the_message_names_as_an_id_is_not_decoded(message: str):
    assert explain(an_error("34", message, "Generic Error")).constant == "Generic Error"


@pytest.mark.parametrize(
    "node",
    ["/finesse/api/User/1003", "/finesse/api/User/1003/Dialogs", "/finesse/api/Dialog/1003"],
)
def test_the_id_in_the_node_is_not_decoded(node: str):
    error = an_error("1003", kind="Generic Error")
    assert explain(error, node=node).constant == "Generic Error"


def test_a_number_that_the_message_calls_an_error_is_decoded():
    assert labels(explain(an_error("13145", "error number 13145 for user 1001"))) == ["13145"]


def test_an_id_of_the_request_is_not_decoded():
    error = an_error("1003", kind="Generic Error")
    assert explain(error).constant != "Generic Error"
    assert explain(error, ids=("1001", None, "1003")).constant == "Generic Error"


def test_a_small_number_beside_other_ids_still_lists_every_reading():
    error = an_error("34", "The user 1001 was refused", "Generic Error")
    found = explain(error, node="/finesse/api/Dialog/5", ids=("1001",))
    assert {entry.family for entry in found.entries} == {"CF", "E_CTI", "E_ARM_STAT"}


@pytest.mark.parametrize(
    ("kind", "message", "data", "status"),
    [
        ("Invalid Authorization User Specified", "The user specified is not valid", "1001", 401),
        ("Invalid Destination", None, "1003", 400),
        ("Not Found", None, "5", 404),
        ("Generic Error", None, "34", 500),
        ("Mode Not Allowed", None, "34", 400),
    ],
)
def test_the_type_of_a_rest_answer_wins_over_a_number_beside_it(
    kind: str, message: str | None, data: str, status: int
):
    found = explain(an_error(data, message, kind), http_status=status)
    assert found.constant == kind


def test_a_code_that_a_rest_answer_names_as_one_is_decoded():
    error = an_error("1001", "CTIError=20999", "Generic Error")
    assert explain(error, http_status=400).constant is None
    assert labels(explain(error, http_status=400)) == ["20999"]


def test_a_number_of_a_rest_answer_without_a_known_type_is_decoded():
    assert labels(explain(an_error("13145", kind="?"), http_status=400)) == ["13145"]


def test_an_extension_beside_a_known_constant_leaves_the_constant():
    error = an_error("7073", "INVALID_ACTION UPDATE_CALL_DATA on extension 7073", "Generic Error")
    found = explain(error)
    assert found.constant == "INVALID_ACTION"
    assert found.action == "UPDATE_CALL_DATA"


def test_an_unknown_constant_in_the_message_keeps_the_number_undecoded():
    assert explain(an_error("34", "CF_SOMETHING_NEW")) == Explanation()


def test_an_unknown_constant_does_not_contradict_a_number_without_a_constant():
    assert labels(explain(an_error("13145", "SUPERVISE_REFUSED"))) == ["13145"]


def test_the_name_of_an_action_in_the_message_is_no_constant():
    error = an_error("20102", "SEND_DTMF failed")
    assert explain(error).constant == "PERERR_CM_DIGIT_GENERATION_ALREADY_IN_PROGRESS"


# Types and the HTTP status


@pytest.mark.parametrize(
    ("kind", "status", "family", "code"),
    [
        ("Invalid State", 401, "FINESSE_HTTP", "401"),
        ("Invalid State", 400, "FINESSE_HTTP", "400"),
        ("Invalid State", None, "FINESSE_ASYNC", "(any)"),
        ("20700", 400, "FINESSE_HTTP", "400"),
        ("20700", 503, "FINESSE_DOC_NUMERIC", "20700"),
        ("Not Found", None, "FINESSE_HTTP", "404"),
        ("Mode Not Allowed", 400, "FINESSE_ASYNC", "(none)"),
        ("Generic Error", 500, "FINESSE_HTTP", "400"),
    ],
)
def test_a_type_is_read_by_the_status_of_the_answer(
    kind: str, status: int | None, family: str, code: str
):
    found = explain(an_error(kind=kind), http_status=status)
    assert found.entry is not None
    assert (found.family, found.entry.code) == (family, code)


def test_the_advice_for_invalid_state_depends_on_the_status():
    hold = explain(an_error(kind="Invalid State"), http_status=401)
    assert "does not mean a wrong password" in (hold.advice or "")


def test_internal_server_error_of_a_notification_is_the_special_case_on_uccx_only():
    error = an_error(kind="Internal Server Error")
    assert explain(error, deployment="UCCX").family == "FINESSE_ASYNC"
    assert "RESERVED_OUTBOUND" in (explain(error, deployment="UCCX").meaning or "")


def test_an_unknown_user_of_a_rest_answer():
    error = an_error("4023", "UNKNOWN_USER", "User Not Found")
    assert explain(error, http_status=404).constant == "UNKNOWN_USER"


# The peripheral fields


def test_the_peripheral_constant_is_the_cause_and_its_advice_comes_first():
    found = explain(
        an_error(
            "260",
            "CF_INVALID_LOGON_DEVICE_SPECIFIED",
            "Invalid Device",
            peripheral_error_code="10125",
            peripheral_error_msg="PERERR_TELDRIVE_NODEVICETARGETFORNETTARGETID",
        )
    )
    assert found.constant == "CF_INVALID_LOGON_DEVICE_SPECIFIED"
    assert not found.ambiguous
    assert [cause.code for cause in found.causes] == ["10125"]
    assert found.advice == found.causes[0].advice


def test_a_peripheral_code_alone_is_read_as_a_peripheral_code():
    error = an_error("70", "CF_GENERIC_UNSPECIFIED_REJECTION", peripheral_error_code="20015")
    assert [cause.constant for cause in explain(error).causes] == ["PERERR_CM_HOLDFAILED"]


def test_a_cause_without_advice_leaves_that_of_the_error():
    error = an_error("70", "CF_GENERIC_UNSPECIFIED_REJECTION", peripheral_error_code="20015")
    assert explain(error).advice == lookup("CF_GENERIC_UNSPECIFIED_REJECTION")[0].advice


@pytest.mark.parametrize("code", ["0", "-1", "3", "", "many"])
def test_a_peripheral_code_that_says_nothing_is_no_cause(code: str):
    error = an_error("34", "CF_RESOURCE_OUT_OF_SERVICE", peripheral_error_code=code)
    assert explain(error).causes == ()


def test_the_peripheral_code_is_the_reading_when_nothing_else_is_known():
    found = explain(an_error(kind="who knows", peripheral_error_code="10004"))
    assert found.constant == "PERERR_TELDRIVE_NOINSTRUMENTFOREXTENSION"
    assert found.causes == ()


# Nothing is invented


@pytest.mark.parametrize(
    "error",
    [
        ApiError(),
        an_error("", "", ""),
        an_error("[CTI Error Code]", "[CTI Error Constant]", "nothing known"),
        an_error("9" * 5000, "\x00_\ud800", "٣٤"),
        an_error("999999"),
    ],
)
def test_an_unknown_error_stays_unexplained_and_raises_nothing(error: ApiError):
    found = explain(error, node="//", deployment="?", http_status=-1)
    assert found == Explanation()
    assert found.meaning is None
    assert found.advice is None
    assert not found.ambiguous


# Advice by action


def test_the_advice_names_what_the_action_needs():
    error = an_error("3", "CF_VALUE_OUT_OF_RANGE", "Generic Error")
    assert "0-9, * and #" in (explain(error, action="send_dtmf").advice or "")
    assert "0-9" not in (explain(error).advice or "")


def test_the_action_in_the_message_is_used_for_the_advice():
    found = explain(an_error("4047", "INVALID_ACTION TRANSFER on extension 1001001"))
    assert "consult call" in (found.advice or "")


def test_advice_for_an_action_without_its_own_is_the_general_one():
    entry = lookup("CF_INVALID_OBJECT_STATE")[0]
    assert advice_for(entry, "ANSWER") == entry.advice
    assert advice_for(entry, "CONFERENCE") != entry.advice


def test_an_entry_without_advice_has_none():
    entry = lookup("CF_SEAL_VIOLATED")[0]
    assert entry.advice is None
    assert advice_for(entry, "HOLD") is None


# lookup and suggest


def test_lookup_of_a_number_lists_every_meaning():
    assert {entry.family for entry in lookup(" 34 ")} == {"CF", "E_CTI", "E_ARM_STAT"}


def test_lookup_by_deployment_changes_the_answer():
    assert {e.constant for e in lookup("93")} == {"E_CTI_INVALID_CSD", "E_CTI_INVALID_CSQ"}
    assert [e.constant for e in lookup("93", deployment="UCCX")] == ["E_CTI_INVALID_CSQ"]
    assert [e.constant for e in lookup("93", deployment="UCCE")] == ["E_CTI_INVALID_CSD"]


def test_lookup_of_an_http_status_lists_its_types():
    assert {e.constant for e in lookup("503")} == {"Service Unavailable"}


def test_lookup_of_a_type_that_is_a_number_lists_both_rows():
    assert {e.family for e in lookup("20700")} == {"FINESSE_DOC_NUMERIC", "FINESSE_HTTP"}


def test_lookup_ignores_case():
    assert lookup("cf_value_out_of_range")[0].code == "3"
    assert {e.code for e in lookup("invalid  STATE")} == {"400", "401", "(any)"}


def test_lookup_reads_a_constant_with_a_suffix():
    assert lookup("INVALID_DIALOG_ID: 123")[0].code == "6030"


@pytest.mark.parametrize("text", ["", "CF_NOPE", "12345678", "Nothing Such"])
def test_lookup_of_something_unknown_is_empty(text: str):
    assert lookup(text) == ()


def test_every_constant_finds_itself():
    assert all(lookup(constant) for constant in by_constant())


def test_a_misspelt_constant_is_suggested():
    assert suggest("CF_VALUE_OUT_RANGE")[0] == "CF_VALUE_OUT_OF_RANGE"


def test_a_part_of_a_constant_is_suggested():
    assert "CF_RESOURCE_OUT_OF_SERVICE" in suggest("out_of_service")
    assert len(suggest("CF_")) == 5


def test_a_misspelt_type_is_suggested_as_finesse_writes_it():
    assert suggest("invalid stat")[0] == "Invalid State"


@pytest.mark.parametrize("text", ["", "  ", "zzzzzzzzzzzz"])
def test_nothing_is_suggested_for_nothing(text: str):
    assert suggest(text) == ()


# The page


def test_the_page_of_errors_is_up_to_date():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert refreshed(page) == page


def test_the_page_lists_every_entry_with_advice():
    page = refreshed(f"{BEGIN}{END}")
    advised = sum(entry.advice is not None for entry in entries())
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == advised + len(families())


@pytest.mark.parametrize("page", ["", BEGIN, END])
def test_a_page_without_the_marks_is_refused(page: str):
    with pytest.raises(ValueError, match="marks"):
        refreshed(page)


# The samples


def sample_errors(text: str) -> list[ApiError]:
    """Read the errors of a sample without the program's own reader."""
    while "&lt;" in text and "<apiErrors>" not in text and "<ApiErrors>" not in text:
        text = html.unescape(text)
    blocks = re.findall(r"<apiError>.*?</apiError>", text, re.DOTALL | re.IGNORECASE)
    found = []
    for block in blocks:
        tags = {
            tag.lower(): html.unescape(value)
            for tag, value in re.findall(r"<(\w+)>([^<]*)(?=<)", block)
        }
        found.append(
            ApiError(
                error_type=tags.get("errortype"),
                error_message=tags.get("errormessage"),
                error_data=tags.get("errordata"),
                error_media=tags.get("errormedia"),
                peripheral_error_code=tags.get("peripheralerrorcode"),
                peripheral_error_msg=tags.get("peripheralerrormsg"),
            )
        )
    return found


SAMPLES = sorted((ROOT / "samples").glob("*.xml"))
ERRORS = [path for path in SAMPLES if "error" in path.name]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_well_formed_and_says_what_it_shows(path: Path):
    text = path.read_text(encoding="utf-8")
    ET.fromstring(text)
    assert text.startswith("<!-- ")
    assert f"`{path.name}`" in (ROOT / "samples" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_every_error_in_the_samples_is_explained(path: Path):
    text = path.read_text(encoding="utf-8")
    node = re.search(r'<items node="([^"]+)"', text)
    found = [explain(e, node=node[1] if node else None) for e in sample_errors(text)]
    assert found
    for explanation in found:
        assert explanation.ambiguous == (path.stem == "error-number-alone")
        assert explanation.meaning
        assert explanation.advice

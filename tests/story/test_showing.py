"""A story as lines, JSON, HTML and SVG: what is in it, what is masked, what stays text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from listener.story.drawing import svg_file
from listener.story.facts import Parameter
from listener.story.lines import lines_of
from listener.story.page import html_file
from listener.story.telling import MOST_STEPS, to_json
from listener.story.veil import Veil
from tests.story.scenes import (
    COLLEAGUE,
    CUSTOMER,
    OWN,
    REQUEST_ID,
    a_change,
    a_gap,
    a_window,
    an_error,
    an_outcome,
    asked,
    heard,
    story_of,
)

BY_ID = an_outcome("confirmed", evidence="request_id", stage="HELD")
HOSTILE = "<script>alert(1)</script>\"'&]]>\x1b[31m\x00\u202e"
SVG = "{http://www.w3.org/2000/svg}"
OUTSIDE = re.compile(r"""(?:\b(?:src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org))""")


def a_story(**more: Any) -> Any:
    """Return the story of a HOLD that was confirmed."""
    events = (
        a_change(-2.0, own="ACTIVE", customer="ACTIVE"),
        a_change(0.9, REQUEST_ID, own="HELD", customer="ACTIVE"),
    )
    return story_of(asked("HOLD", BY_ID), events=events, **more)


def plain(story: Any, width: int = 100) -> str:
    """Return the story's lines as one text."""
    return "\n".join(line.text for line in lines_of(story, width))


def all_forms(story: Any) -> list[str]:
    """Return the story in every form that it has."""
    return [plain(story), json.dumps(to_json(story)), html_file(story), svg_file(story)]


def test_a_story_in_lines():
    said = plain(a_story(), 100)
    after = said.index("HOLD on dialog 100 of agent 1001")
    assert said[after:].splitlines() == [
        (
            "HOLD on dialog 100 of agent 1001, requestId rq-1: CONFIRMED after 1.00 s (request_id):"
            " Finesse tied"
        ),
        "  it to this request by its id",
        "  no need to send it again",
        "",
        "                 caller  listener   REST    notif.",
        "  -2.000 s   1    |        |<----------------|      dialog 100 own device ACTIVE",
        "  -0.010 s   2    |------->|        |        |      HOLD on dialog 100 asked",
        "  +0.000 s   3    |        |------->|        |      HOLD sent",
        "  +0.050 s   4    |        |<-------|        |      202 to HOLD",
        "  +0.900 s   5    |        |<----------------|      = dialog 100 own device HELD",
        "  +1.000 s   6    |<-------|        |        |      HOLD confirmed (request_id)",
        "",
        "  1. -2.000 s  notif. -> listener: dialog 100 own device ACTIVE",
        "     heard for agent 1001",
        "     ***01 -> ***, ACD_IN",
        "     own device *** ACTIVE",
        "     ***01 ACTIVE",
        "     it carries no requestId",
        "  2. -0.010 s  caller -> listener: HOLD on dialog 100 asked",
        "     asked by crm",
        "  3. +0.000 s  listener -> REST: HOLD sent",
        "     requestId rq-1",
        "  4. +0.050 s  REST -> listener: 202 to HOLD",
        "     taken, not done: the real answer comes as a notification",
        "  5. +0.900 s  notif. -> listener: dialog 100 own device HELD",
        "     heard for agent 1001",
        "     own device *** ACTIVE -> HELD",
        "     it carries requestId rq-1, that of HOLD",
        "     = proves HOLD (request_id)",
        "  6. +1.000 s  listener -> caller: HOLD confirmed (request_id)",
        "     Finesse tied it to this request by its id",
        "     stage HELD",
        "     no need to send it again",
    ]


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int):
    long = replace(asked("HOLD", an_outcome("failed", errors=[an_error()])), parameters=())
    story = story_of(long, events=a_gap(0.1, None))
    lines = list(lines_of(story, width))
    assert max(len(line.text) for line in lines) <= max(60, min(width, 140))


def test_what_went_wrong_is_told_in_words_and_not_by_colour_alone():
    story = story_of(asked("HOLD", an_outcome("failed", errors=[an_error()])))
    assert "! HOLD failed" in plain(story)
    assert "\u2717 HOLD failed" in svg_file(story)
    assert "\u2717 HOLD failed" in html_file(story)


def test_what_proves_a_request_is_the_change_it_asks_for_not_the_last_one_before_its_outcome():
    by_change = an_outcome("confirmed", evidence="expectation")
    events = (
        a_change(-1.0, own="ACTIVE", customer="ACTIVE"),
        a_change(0.5, own="HELD", customer="ACTIVE"),
        a_change(0.8, own="HELD", customer="HELD"),
    )
    story = story_of(asked("HOLD", by_change), events=events)
    [proof] = [step for step in story.steps if step.proof]
    assert "own device HELD" in proof.title


def test_an_error_of_another_call_fails_no_request_in_the_story():
    alone = an_outcome("failed", evidence="sole_pending", errors=[an_error()])
    events = (
        heard(0.3, "error", errors=[an_error()]),
        heard(0.6, "error", about="900", errors=[an_error()]),
    )
    story = story_of(asked("HOLD", alone), events=events)
    assert [step.dialog for step in story.steps if step.proof] == ["100"]


def test_json_tells_steps_findings_and_what_is_missing():
    lost = an_outcome("unconfirmed", reason="link_lost", window=a_window(0.2, 0.8))
    told = to_json(story_of(asked("HOLD", lost), events=a_gap(0.2, 0.8)))
    assert json.loads(json.dumps(told)) == told
    assert [each["kind"] for each in told["steps"]] == [
        *("asked", "sent", "answered", "link_down", "link_up", "outcome")
    ]
    [finding] = told["findings"]
    assert (finding["rule"], finding["steps"], finding["request"]) == ("link_down", [4], "k1")
    [request] = told["requests"]
    assert request["missing"] == "the own participant HELD"
    assert request["mayRepeat"] == "it may have happened: look before sending it again"
    assert told["steps"][0]["at"].endswith("Z")


def test_the_evidence_is_named_at_the_step_that_it_is():
    events = (
        a_change(0.5, own="ACTIVE"),
        heard(0.9, "error", errors=[an_error()]),
        a_change(0.95, own="HELD"),
    )
    failed = an_outcome("failed", evidence="sole_pending", errors=[an_error()])
    told = to_json(story_of(asked("HOLD", failed), events=events))
    proofs = {each["title"]: each["proof"] for each in told["steps"] if each["proof"]}
    [(title, proof)] = proofs.items()
    assert title.startswith("error")
    assert proof == "fails HOLD (sole_pending)"


# ---------------------------------------------------------------- masked


def test_numbers_and_call_data_are_masked_by_default():
    request = asked(
        "MAKE_CALL",
        an_outcome("failed", errors=[an_error(errorMessage=f"no route to {CUSTOMER}")]),
        parameters=(
            Parameter("toAddress", CUSTOMER, "number"),
            Parameter("callVariable1", "gold customer", "data"),
            Parameter("dtmfString", "4 digits"),
        ),
    )
    events = (
        a_change(0.5, own="ACTIVE", customer="ACTIVE"),
        a_change(0.6, media={"callvariables": {"callVariable1": "gold customer"}}),
    )
    masked = story_of(request, events=events)
    for form in all_forms(masked):
        assert CUSTOMER not in form
        assert "12025550101" not in form
        assert "gold customer" not in form
        assert "4 digits" in form
    shown = story_of(request, events=events, show_numbers=True)
    assert CUSTOMER in plain(shown)
    assert "'gold customer'" in plain(shown)
    assert to_json(shown)["masked"] is False


def test_two_numbers_never_look_the_same():
    other = CUSTOMER.replace("555", "666")
    request = asked(
        "HOLD",
        BY_ID,
        parameters=(Parameter("a", CUSTOMER, "number"), Parameter("b", other, "number")),
    )
    lines = plain(story_of(request)).splitlines()
    [one] = [line for line in lines if line.strip().startswith("a: ")]
    [two] = [line for line in lines if line.strip().startswith("b: ")]
    assert one.strip()[3:] != two.strip()[3:]


def test_digits_that_finesse_repeats_are_in_no_form():
    error = an_error(errorMessage="SEND_DTMF 98765 refused", meaning=None)
    failed = an_outcome("failed", evidence="request_id", errors=[error])
    for show in (False, True):
        for form in all_forms(story_of(asked("SEND_DTMF", failed), show_numbers=show)):
            assert "98765" not in form


def test_extensions_as_own_device_are_masked_too():
    story = a_story()
    assert f"{OWN} " not in plain(story)
    assert COLLEAGUE not in plain(story)


# ---------------------------------------------------------------- files for a ticket


@pytest.fixture
def hostile() -> Any:
    """Return a story with something hostile in every text that comes from outside."""
    request = asked(
        "HOLD",
        an_outcome(
            "failed",
            evidence="request_id",
            errors=[an_error(errorMessage=HOSTILE, constant=HOSTILE, advice=HOSTILE)],
            seen=[{"at": 0.1, "what": HOSTILE, "detail": HOSTILE}],
            stateCause=HOSTILE,
        ),
        request_id=HOSTILE,
        late=({"at": 9.0, "kind": HOSTILE, "detail": HOSTILE, "errors": []},),
        parameters=(Parameter(HOSTILE, HOSTILE, "data"),),
    )
    events = (
        a_change(0.1, own="ACTIVE"),
        a_change(0.5, HOSTILE, own=HOSTILE, media={"callvariables": {HOSTILE: HOSTILE}}),
        heard(0.6, "gap", **{"from": None, "until": None, "cause": HOSTILE}),
    )
    return story_of(request, events=events, show_numbers=True, notes=(HOSTILE,))


def test_html_is_well_formed_self_contained_and_places_payloads_as_text(hostile: Any):
    text = html_file(hostile)
    root = ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "a", "img", "link", "iframe", "form", "object", "image", "use"}
    assert not any(name.startswith("on") for e in root.iter() for name in e.attrib)
    assert "alert(1)" in "".join(root.itertext())
    assert "<script" not in text
    assert not OUTSIDE.search(text)
    policy = next(e for e in root.iter() if e.attrib.get("http-equiv"))
    assert policy.attrib["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "prefers-color-scheme: dark" in text


def test_svg_is_well_formed_self_contained_and_places_payloads_as_text(hostile: Any):
    text = svg_file(hostile)
    root = ET.fromstring(text.encode())
    assert root.tag == f"{SVG}svg"
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
        *("svg", "title", "style", "rect", "text", "line", "path", "g")
    }
    assert "alert(1)" in "".join(root.itertext())
    assert "<script" not in text
    assert not OUTSIDE.search(text)


def test_no_control_character_reaches_a_terminal(hostile: Any):
    for line in lines_of(hostile, 80):
        assert line.text.isprintable()
    assert "<script>" in plain(hostile)


def test_a_drawing_shows_every_step_within_its_frame():
    story = a_story()
    root = ET.fromstring(svg_file(story).encode())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height
    said = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for step in story.steps:
        assert step.title[:40] in said


# ---------------------------------------------------------------- bounds


def test_a_long_story_is_bounded_and_says_how_much_is_left_out():
    events = tuple(a_change(0.001 * n, own=f"S{n}") for n in range(2 * MOST_STEPS))
    story = story_of(asked("HOLD", BY_ID), events=events, more_requests=7)
    assert len(story.steps) == MOST_STEPS
    said = plain(story)
    assert "7 older requests are left out" in said
    assert re.search(r"\d+ more events are left out", said)


def test_the_outcome_is_told_also_where_steps_are_left_out():
    events = tuple(a_change(0.001 * n, own=f"S{n}") for n in range(2 * MOST_STEPS))
    kinds = [step.kind.value for step in story_of(asked("HOLD", BY_ID), events=events).steps]
    assert {"asked", "sent", "answered", "outcome"} <= set(kinds)


def test_what_a_text_repeats_of_a_call_is_masked_too():
    media = {"callvariables": {"callVariable1": "gold customer"}}
    message = f"gold customer at {CUSTOMER[2:]} and 7654321 refused"
    failed = an_outcome("failed", evidence="request_id", errors=[an_error(errorMessage=message)])
    dialog = a_change(0.5, own="ACTIVE", customer="ACTIVE", media=media)
    dialog.data["dialog"]["fromAddress"] = "7654321"
    dialog.data["dialog"]["toAddress"] = CUSTOMER[2:]
    for form in all_forms(story_of(asked("HOLD", failed), events=(dialog,))):
        assert "gold customer" not in form
        assert CUSTOMER[2:] not in form
        assert "7654321" not in form
        assert "refused" in form


def test_a_dialog_without_a_request_has_a_story_too():
    story = story_of(events=(a_change(0.5, own="ACTIVE"), a_change(1.5, own="HELD")))
    said = plain(story)
    assert "+0.000 s   1" in said
    assert "+1.000 s   2" in said


# ---------------------------------------------------------------- what Finesse repeats in errors

SECRETS = (
    *("4915550187246", "15550187246", "8885557733", "888 555 7733", "888-555", "Hedwig"),
    *("Mustermann", "Grünwald", "Policy-Q7X", "zzsecret", "4912", "Zq9", "Beschwerde", "Quark"),
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "member", ["errorType", "errorMessage", "errorData", "peripheralErrorText", "constant"]
)
def test_what_nobody_can_know_to_be_call_data_is_masked_in_an_error(secret, member):
    said = f"cannot reach {secret} for the agent, {secret}"
    error = an_error(**{"constant": None, member: said}, meaning=None)
    outcome = an_outcome("failed", evidence="sole_pending", errors=[error])
    seen = {"at": 0.4, "what": "unsigned_error", "detail": said}
    late = {"at": 3.0, "kind": "possible_error", "detail": said, "errors": [error]}
    answer = {"status": 400, "errors": [error], "detail": f"fin1 answered 400: {said}"}
    doubtful = an_outcome("unconfirmed", reason="no_answer", errors=[error], seen=[seen])
    for each in (outcome, doubtful):
        request = asked("HOLD", each, late=(late,))
        request.told["answer"] = answer
        story = story_of(request, events=(heard(0.4, "error", errors=[error]),))
        for form in all_forms(story):
            assert secret not in form
        if member != "errorData":
            assert "cannot reach *** for the agent" in plain(story)


@pytest.mark.parametrize(
    "said",
    [
        "CF_INVALID_OBJECT_STATE",
        "CF_NOT_IN_ANY_CATALOGUE",
        "Generic Error",
        "Invalid Destination",
        "INVALID_ACTION: HOLD",
        "20700",
        "34",
        "-1",
        "Parameter callVariable6 is invalid",
        "dialog 16897628 not found",
        "rq-1 is unknown",
        "error code 20102 for user 1001",
        "SEND_DTMF refused, code: 22",
        "***46/2 is busy",
        "",
    ],
)
def test_words_and_codes_that_are_known_stay_in_an_error(said):
    assert Veil(plain=frozenset({"rq-1", "1001"})).said(said) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("dial 8885557733 4915550187246 4912", "dial ***"),
        ("dialog 8885557733 not found", "dialog *** not found"),
        ("code 4912", "code ***"),
        ("Hedwig-Maria o'Mustermann@x.invalidhost", "***"),
        ("\ue000\ue001 refused", r"\***\*** refused"),
        ("user 10010", "user ***"),
    ],
)
def test_all_else_is_masked_in_an_error(said, shown):
    assert Veil(plain=frozenset({"1001"})).said(said) == shown
    assert Veil(show_numbers=True).said("Hedwig 8885557733") == "Hedwig 8885557733"


def test_long_numbers_are_masked_in_every_text_but_for_ids():
    veil = Veil(plain=frozenset({"1234567"}))
    veil.learn(number="7654321")
    id_ = "01234567-1234-7890-8123-123456789012"
    said = f"1234567, dialog 16897628, {id_}, 123456; 8885557733 (8885557), 7654321"

    assert veil.text(said) == f"1234567, dialog 16897628, {id_}, 123456; *** (***), ***21"

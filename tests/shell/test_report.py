"""Outcomes and records as JSON: Finesse's own names, times in UTC, no digits."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Seen,
    Unconfirmed,
    Window,
)
from listener.correlation.pending import State
from listener.correlation.steps import Late
from listener.finesse.actions import Hold, MakeCall, SendDtmf
from listener.finesse.actions.request import Request, RequestWarning
from listener.finesse.model import ApiError
from listener.report import outcome_json, record_json, stamp
from listener.ticket import Record
from tests.builders import a_dialog, a_user

BEGIN = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
ERROR = ApiError("Generic Error", error_message="CF_RESOURCE_OUT_OF_SERVICE", error_data="34")

# Finesse's or our own word for each kind, and what only it carries.
KINDS: list[tuple[Outcome, dict[str, Any]]] = [
    (Confirmed(evidence=Evidence.REQUEST_ID, stage="ALERTING"), {"evidence": "request_id"}),
    (Presumed(), {"evidence": None, "reason": None}),
    (Failed(evidence=Evidence.SNAPSHOT, state_cause="BUSY"), {"stateCause": "BUSY"}),
    (Rejected(reason=Reason.NOT_SENT, sent=False), {"reason": "not_sent", "sent": False}),
    (Unconfirmed(reason=Reason.LINK_LOST, sent=None), {"reason": "link_lost", "sent": None}),
    (Abandoned(reason=Reason.SHUTDOWN), {"reason": "shutdown"}),
]


def a_record(request: Request | None = None, **changes: Any) -> Record:
    record = Record(
        key="k1",
        request_id="r1",
        request=request or Hold(agent="1001", dialog_id="5"),
        submitted=BEGIN,
        submitted_at=100.0,
    )
    return replace(record, **changes)


@pytest.mark.parametrize(("outcome", "own"), KINDS)
def test_every_kind_has_the_same_keys_and_its_own_words(outcome: Outcome, own: dict[str, Any]):
    told = outcome_json(outcome)
    assert told.keys() == outcome_json(Presumed()).keys()
    assert told["kind"] == type(outcome).__name__.lower()
    assert {key: told[key] for key in own} == own
    json.dumps(told)


def test_outcome_tells_all_that_it_carries():
    told = outcome_json(
        Confirmed(
            evidence=Evidence.EXPECTATION,
            status=202,
            waited=1.23456,
            dialog=a_dialog("5"),
            user=a_user(),
            dialogs=DialogIds("5", "6", ("7",)),
            warnings=(RequestWarning("HELD", "the call is held"),),
            seen=(Seen(0.5, "effect", "x"),),
            applied=("callVariable1",),
            missing=("callVariable2",),
            truncated=("user.ecc",),
            changed=False,
        )
    )
    assert (told["status"], told["waited"], told["changed"]) == (202, 1.235, False)
    assert told["dialog"]["id"] == "5"
    assert told["user"]["loginId"] == "agent1"
    assert told["dialogs"] == {"survivor": "5", "new": "6", "gone": ["7"]}
    assert told["warnings"] == [{"code": "HELD", "detail": "the call is held"}]
    assert told["seen"] == [{"at": 0.5, "what": "effect", "detail": "x"}]
    assert (told["applied"], told["missing"]) == (["callVariable1"], ["callVariable2"])
    assert told["truncated"] == ["user.ecc"]


def test_window_is_in_seconds_or_in_times():
    outcome = Unconfirmed(
        reason=Reason.LINK_LOST, window=Window(10.00049, ((1.5, 2.5), (9.0, None)))
    )
    assert outcome_json(outcome)["window"] == {
        "from": 0.0,
        "until": 10.0,
        "gaps": [{"from": 1.5, "until": 2.5}, {"from": 9.0, "until": None}],
    }
    assert outcome_json(outcome, submitted=BEGIN)["window"] == {
        "from": "2026-11-21T08:00:00.000Z",
        "until": "2026-11-21T08:00:10.000Z",
        "gaps": [
            {"from": "2026-11-21T08:00:01.500Z", "until": "2026-11-21T08:00:02.500Z"},
            {"from": "2026-11-21T08:00:09.000Z", "until": None},
        ],
    }


def test_errors_are_explained():
    told = outcome_json(
        Failed(evidence=Evidence.REQUEST_ID, errors=(ERROR,)),
        request=Hold(agent="1001", dialog_id="5"),
        deployment="UCCE",
    )
    (error,) = told["errors"]
    assert error["errorType"] == "Generic Error"
    assert error["errorMessage"] == "CF_RESOURCE_OUT_OF_SERVICE"
    assert error["constant"] == "CF_RESOURCE_OUT_OF_SERVICE"
    assert error["meaning"]
    assert {"family", "advice"} <= error.keys()


def test_rejection_is_explained_by_its_status():
    invalid = ApiError("Invalid Input", error_data="dtmfString")
    told = outcome_json(Rejected(status=400, errors=(invalid,)))
    assert told["errors"][0]["errorData"] == "dtmfString"
    assert outcome_json(Rejected())["errors"] == []


def test_open_record_says_where_it_stands():
    told = record_json(a_record(sent=BEGIN + timedelta(seconds=1)), State.SENT)
    assert (told["state"], told["sent"]) == ("sent", "2026-11-21T08:00:01.000Z")
    assert (told["id"], told["requestId"], told["agent"]) == ("k1", "r1", "1001")
    assert (told["requestedAction"], told["dialogId"]) == ("HOLD", "5")
    assert (told["answered"], told["settled"], told["outcome"], told["late"]) == (
        *(None, None, None),
        [],
    )


@pytest.mark.parametrize("state", [State.CONFIRMED, None])
def test_settled_record_says_so_and_what_came_late(state: State | None):
    late = Late("k1", "error", 103.25, "after it", (ERROR,))
    record = a_record(outcome=Confirmed(evidence=Evidence.SNAPSHOT), settled=BEGIN, late=[late])
    told = record_json(record, state, "UCCE")
    assert (told["state"], told["outcome"]["evidence"]) == ("settled", "snapshot")
    assert told["outcome"]["window"]["from"] == "2026-11-21T08:00:00.000Z"
    (after,) = told["late"]
    assert (after["at"], after["kind"], after["detail"]) == (3.25, "error", "after it")
    assert after["errors"][0]["errorMessage"] == "CF_RESOURCE_OUT_OF_SERVICE"


@pytest.mark.parametrize("state", [State.PRESUMED, None])
@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({}, "queued"),
        ({"sent": BEGIN}, "sent"),
        ({"sent": BEGIN, "answered": BEGIN}, "sent"),  # refused: that is its outcome
        ({"sent": BEGIN, "answered": BEGIN, "accepted": True}, "accepted"),
    ],
)
def test_decided_record_is_not_shown_as_settled_before_its_outcome_is_kept(
    state: State | None, known: dict, shown: str
):
    told = record_json(a_record(settled=BEGIN, **known), state)
    assert (told["state"], told["settled"], told["outcome"]) == (shown, None, None)


def test_no_digit_is_in_a_record():
    record = a_record(SendDtmf(agent="1001", dialog_id="5", dtmf_string="8253971"))
    assert "8253971" not in json.dumps(record_json(record, State.SENT))
    assert record_json(a_record(MakeCall(agent="1", to_address="2")), None)["dialogId"] is None


def test_times_are_utc_with_milliseconds():
    assert stamp(None) is None
    assert stamp(BEGIN + timedelta(microseconds=1999)) == "2026-11-21T08:00:00.001Z"
    elsewhere = BEGIN.astimezone(timezone(timedelta(hours=2)))
    assert stamp(elsewhere) == "2026-11-21T08:00:00.000Z"


@pytest.mark.parametrize(
    ("data", "explained"),
    [("1003", False), ("16804377", False), ("1001002", False), ("13145", True)],
)
def test_a_number_of_the_request_itself_is_not_read_as_an_error_code(data: str, *, explained: bool):
    request = Hold(agent="1003", dialog_id="16804377", target_media_address="1001002")
    failed = Failed(
        evidence=Evidence.SOLE_PENDING,
        errors=(ApiError("Generic Error", error_data=data), ApiError(error_data=data)),
    )

    typed, bare = outcome_json(failed, request=request)["errors"]

    assert (typed["constant"] == "Generic Error") is not explained
    assert (bare["meaning"] is not None) is explained


def test_a_type_of_a_refusal_wins_over_the_user_id_beside_it():
    refused = ApiError("Invalid Authorization User Specified", "The user ...", "1001")

    (told,) = outcome_json(Rejected(status=401, errors=(refused,)))["errors"]

    assert (told["family"], told["constant"]) == ("FINESSE_HTTP", refused.error_type)

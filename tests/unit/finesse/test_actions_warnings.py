"""What the last known dialog and user suggest against a request: warnings, never refusals."""

from __future__ import annotations

from typing import Any

import pytest

from listener.finesse import actions
from listener.finesse.actions import Request
from listener.finesse.model import (
    CallVariable,
    Dialog,
    MediaProperties,
    Participant,
    ScheduledCallbackInfo,
    User,
)

CALL: dict[str, Any] = {"agent": "1001", "dialog_id": "54321", "target_media_address": "1001001"}
TASK: dict[str, Any] = {"agent": "1001", "dialog_id": "1_2_3"}
READY = User(state="READY", extension="1001001")


def a_call(state: str = "ACTIVE", *offered: str, **more: Any) -> Dialog:
    own = Participant(media_address="1001001", state=state, actions=offered)
    other = Participant(media_address="5550123", state="ACTIVE", actions=())
    return Dialog(id="54321", participants=(own, other), **more)


def codes(request: Request, dialog: Dialog | None, user: User | None = None) -> list[str]:
    found = request.warnings(dialog, user)
    assert all(detail.endswith(".") for _, detail in found)
    assert not any("1001001" in detail or "5550123" in detail for _, detail in found)
    return [code for code, _ in found]


DTMF = actions.SendDtmf(**CALL, dtmf_string="1")
CONSULT = actions.ConsultCall(**CALL, to_address="2")
STEP = actions.TransferSst(**CALL, to_address="2")


@pytest.mark.parametrize(
    ("request_", "state", "code"),
    [
        (actions.Hold(**CALL), "HELD", "already_so"),
        (actions.Hold(**CALL), "ALERTING", "participant_alerting"),
        (actions.Retrieve(**CALL), "ACTIVE", "already_so"),
        (actions.Answer(**CALL), "ACTIVE", "already_so"),
        (actions.Drop(**CALL), "DROPPED", "already_so"),
        (DTMF, "HELD", "participant_held"),
        (DTMF, "ALERTING", "participant_alerting"),
        (actions.StartRecording(**CALL), "HELD", "participant_held"),
        (actions.StartRecording(**CALL), "ALERTING", "participant_alerting"),
        (CONSULT, "HELD", "participant_held"),
        (CONSULT, "ALERTING", "participant_alerting"),
        (STEP, "ALERTING", "participant_alerting"),
        (actions.Transfer(**CALL), "ACTIVE", "participant_active"),
        (actions.Conference(**CALL), "ACTIVE", "participant_active"),
        (actions.PreviewAccept(**CALL), "ACCEPTED", "already_so"),
        (actions.DirectPreviewAccept(**CALL), "ACCEPTED", "already_so"),
    ],
)
def test_the_own_participants_state_may_speak_against_it(request_: Request, state: str, code: str):
    assert codes(request_, a_call(state)) == [code]
    assert codes(request_, a_call("WRAP_UP")) == []


def test_an_action_that_is_not_offered_is_told_with_those_that_are():
    hold = actions.Hold(**CALL)
    (warning,) = hold.warnings(a_call("ACTIVE", "DROP", "SEND_DTMF"))
    assert warning.code == "not_in_actions"
    assert "DROP, SEND_DTMF" in warning.detail
    assert codes(hold, a_call("ACTIVE", "DROP", "HOLD")) == []


@pytest.mark.parametrize("kind", [actions.Transfer, actions.Conference])
def test_a_transfer_that_is_not_offered_lacks_a_second_call(kind: type[actions.DialogRequest]):
    assert codes(kind(**CALL), a_call("HELD", "RETRIEVE", "DROP")) == ["no_second_call"]
    assert codes(kind(**CALL), a_call("HELD", "TRANSFER", "CONFERENCE")) == []


def test_without_a_picture_there_is_nothing_to_say():
    assert codes(DTMF, None) == []
    assert codes(DTMF, Dialog(id="54321")) == []
    assert codes(actions.Hold(agent="1001", dialog_id="54321"), a_call("HELD")) == []


def test_the_users_extension_stands_in_for_a_device_left_out():
    hold = actions.Hold(agent="1001", dialog_id="54321")
    assert codes(hold, a_call("HELD"), READY) == ["already_so"]
    assert codes(hold, a_call("HELD"), User(state="READY")) == []


def test_a_device_that_is_not_in_the_call_is_told():
    away = actions.Hold(agent="1001", dialog_id="54321", target_media_address="9")
    assert codes(away, a_call()) == ["not_a_participant"]


@pytest.mark.parametrize("request_", [CONSULT, STEP, actions.Retrieve(**CALL)])
def test_a_preview_reservation_takes_no_call_control(request_: Request):
    preview = MediaProperties(call_type="OUTBOUND_PREVIEW")
    assert codes(request_, Dialog(media_properties=preview)) == ["preview_reservation"]
    assert codes(actions.PreviewClose(**CALL), Dialog(media_properties=preview)) == []


def test_a_signed_out_agent_is_told_for_every_request_but_a_sign_in():
    gone = User(state="LOGOUT")
    for request_ in (
        DTMF,
        actions.MakeCall(agent="1", to_address="2"),
        actions.SilentMonitor(agent="1", to_address="2"),
        actions.BargeCall(agent="1", to_address="2", associated_dialog_uri="/Dialog/1"),
        actions.Ready(agent="1"),
        actions.NotReady(agent="1"),
        actions.NotReady(agent="1", reason_code_id="5"),
    ):
        assert codes(request_, None, gone) == ["signed_out"]
    assert codes(actions.Hold(**CALL), a_call(), gone) == ["signed_out"]
    assert codes(actions.SignIn(agent="1", extension="2"), None, gone) == []


VARIABLES = MediaProperties(
    wrap_up_reason="sold", wrap_up_items=("a",), call_variables=(CallVariable("user.a", "x"),)
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"call_variables": {"user.a": "x"}}, ["already_so"]),
        ({"wrap_up_reason": "sold"}, ["already_so"]),
        ({"wrap_up_items": ("a",)}, ["already_so"]),
        ({"call_variables": {"user.a": "y"}}, []),
        ({"call_variables": {"user.b": ""}}, []),
        ({"call_variables": {"user.a": "x"}, "wrap_up_reason": "lost"}, []),
        ({"call_variables": {"user.a": "x"}, "wrap_up_items": ("a", "b")}, []),
    ],
)
def test_an_update_to_the_same_values_is_told(more: dict[str, Any], expected: list[str]):
    asked = actions.UpdateCallData(**CALL, **more)
    assert codes(asked, a_call(media_properties=VARIABLES)) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ((CallVariable("BAResponse", "BUSY"),), ["already_so"]),
        ((CallVariable("BAResponse", "VOICE"),), []),
        ((CallVariable("BACampaign", "c"),), []),
        ((CallVariable("user.a", "c"),), ["not_a_campaign_call"]),
        ((), ["not_a_campaign_call"]),
    ],
)
def test_a_classification_needs_a_campaign_call(
    variables: tuple[CallVariable, ...], expected: list[str]
):
    asked = actions.Reclassify(**CALL, outbound_classification="BUSY")
    call = MediaProperties(call_variables=variables)
    assert codes(asked, a_call(media_properties=call)) == expected


def test_a_callback_that_stands_already_is_told():
    asked = actions.UpdateScheduledCallback(**CALL, callback_time="2026-11-21T14:30")
    same = ScheduledCallbackInfo(callback_time="2026-11-21T14:30", callback_number="5550123")
    other = ScheduledCallbackInfo(callback_time="2026-11-22T14:30")
    assert codes(asked, a_call(scheduled_callback_info=same)) == ["already_so"]
    assert codes(asked, a_call(scheduled_callback_info=other)) == []
    assert codes(asked, a_call()) == []
    both = actions.UpdateScheduledCallback(
        **CALL, callback_time="2026-11-21T14:30", callback_number="5550199"
    )
    assert codes(both, a_call(scheduled_callback_info=same)) == []


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, ["no_callback"]),
        (ScheduledCallbackInfo(), ["no_callback"]),
        (ScheduledCallbackInfo("", ""), ["no_callback"]),
        (ScheduledCallbackInfo(callback_time="2026-11-21T14:30"), []),
        (ScheduledCallbackInfo(callback_number="5550123"), []),
    ],
)
def test_taking_back_needs_a_callback(info: ScheduledCallbackInfo | None, expected: list[str]):
    asked = actions.CancelScheduledCallback(**CALL)
    assert codes(asked, a_call(scheduled_callback_info=info)) == expected


def test_a_party_that_is_not_in_the_call_is_told():
    def drop(party: str) -> actions.ParticipantDrop:
        return actions.ParticipantDrop(agent="1001", dialog_id="54321", target_media_address=party)

    assert codes(drop("9"), a_call()) == ["party_not_in_call"]
    assert codes(drop("5550123"), a_call()) == []
    assert codes(drop("9"), Dialog()) == []
    offered = a_call("ACTIVE", "DROP")
    assert codes(drop("5550123"), offered, READY) == ["not_in_actions"]


def test_a_task_is_judged_by_its_one_participant():
    def task(state: str, *offered: str) -> Dialog:
        return Dialog(state=state, participants=(Participant("agent-7", actions=offered),))

    start = actions.TaskStart(**TASK)
    assert codes(start, task("ACCEPTED", "START")) == []
    assert codes(start, task("ACTIVE", "START")) == ["already_so"]
    assert codes(start, task("OFFERED", "ACCEPT")) == ["not_in_actions"]
    assert codes(start, Dialog(state="OFFERED")) == []
    assert codes(actions.TaskClose(**TASK), task("ACTIVE", "PAUSE")) == ["not_in_actions"]


@pytest.mark.parametrize(
    ("request_", "state", "expected"),
    [
        (actions.MakeCall(agent="1", to_address="2"), "READY", ["agent_ready"]),
        (actions.MakeCall(agent="1", to_address="2"), "NOT_READY", []),
        (actions.SilentMonitor(agent="1", to_address="2"), "READY", ["supervisor_state"]),
        (actions.SilentMonitor(agent="1", to_address="2"), "NOT_READY", []),
        (actions.SilentMonitor(agent="1", to_address="2"), None, []),
        (actions.Ready(agent="1"), "READY", ["already_so"]),
        (actions.Ready(agent="1"), "NOT_READY", []),
        (actions.NotReady(agent="1"), "NOT_READY", ["already_so"]),
        (actions.NotReady(agent="1", reason_code_id="5"), "NOT_READY", ["already_so"]),
        (actions.NotReady(agent="1", reason_code_id="6"), "NOT_READY", []),
        (actions.Work(agent="1"), "WORK", ["already_so"]),
        (actions.SignIn(agent="1", extension="2"), "READY", ["already_so"]),
        (actions.SignIn(agent="1", extension="2"), None, []),
        (actions.SignOut(agent="1"), "READY", ["agent_state"]),
        (actions.SignOut(agent="1"), "NOT_READY", []),
        (actions.SignOut(agent="1"), "LOGOUT", ["already_so"]),
    ],
)
def test_the_users_state_may_speak_against_it(
    request_: Request, state: str | None, expected: list[str]
):
    assert codes(request_, None, User(state=state, reason_code_id="5")) == expected
    assert codes(request_, None) == []

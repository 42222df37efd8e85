"""The documented asynchronous errors of each action: with our id, and without."""

from __future__ import annotations

import pytest

from listener.finesse import actions as a
from tests.builders import Story, an_error, own, placed

D = {"agent": "agent1", "dialog_id": "100"}
DATA = a.UpdateCallData(**D, call_variables={"user.note": "x"})
DTMF = a.SendDtmf(**D, dtmf_string="A")
MONITOR_URI = "/finesse/api/Dialog/300"
MONITOR = a.SilentMonitor(agent="agent1", to_address="1002")

# finesse-protocol.md, chapter 4: the request, the message, the errorData
DOCUMENTED = [
    (a.Hold(**D), "Generic Error", "20999"),
    (a.Retrieve(**D), "Generic Error", None),
    (a.Answer(**D), "Generic Error", None),
    (a.Drop(**D), "Generic Error", None),
    (a.ConsultCall(**D, to_address="5551"), "Generic Error", None),
    (a.Transfer(**D), "4047: INVALID_ACTION TRANSFER", None),
    (a.Conference(**D), "CF_INVALID_OBJECT_STATE", "22"),
    (a.Conference(**D), "Call Operation Failure", None),
    (a.TransferSst(**D, to_address="1002"), "Generic Error", None),
    (a.ParticipantDrop(**D, target_media_address="1002"), "Generic Error", None),
    (DTMF, "CF_VALUE_OUT_OF_RANGE", "3"),
    (DTMF, "Generic Error", "20102"),
    (DTMF, "Generic Error", "13092"),
    (DATA, "Invalid Input", None),
    (DATA, "Call Variable is protected", None),
    (a.StartRecording(**D), "Generic Error", None),
    (a.PreviewAccept(**D), "Generic Error", None),
    (a.PreviewClose(**D), "Generic Error", None),
    (a.PreviewReject(**D), "Generic Error", None),
    (a.DirectPreviewAccept(**D), "Generic Error", None),
    (a.Reclassify(**D, outbound_classification="BUSY"), "Generic error", None),
    (a.UpdateScheduledCallback(**D, callback_number="1"), "Generic Error", None),
    (a.CancelScheduledCallback(**D), "Generic Error", None),
    (a.TaskTransfer(**D, target="9"), "E_ARM_STAT_TRANSFER", None),
    (a.TaskClose(**D), "INVALID_DIALOG_ID", "6030"),
    (MONITOR, "Invalid State", "88049"),
    (MONITOR, "CTIError=Generic Error", "13145"),
    (a.MakeCall(agent="agent1", to_address="5551"), "Generic Error", None),
    (
        a.BargeCall(
            agent="agent1", to_address="1002", associated_dialog_uri="/finesse/api/Dialog/3"
        ),
        "Generic Error",
        "20700",
    ),
    (a.SignIn(agent="agent1", extension="1001"), "CF_INVALID_AGENT_WORKMODE", "265"),
    (a.SignIn(agent="agent1", extension="1001"), "Mode Not Allowed", None),
    (a.Ready(agent="agent1"), "Internal Server Error", None),
]


def about(request: a.Request) -> dict[str, str | None]:
    if request.dialog_id is not None:
        return {"dialog_id": request.dialog_id}
    return {"dialog_id": None, "user_id": request.agent}


def name(value: object) -> str:
    return getattr(value, "requested_action", str(value))


@pytest.mark.parametrize(("request_", "message", "data"), DOCUMENTED, ids=name)
def test_a_documented_error_with_our_id_fails_its_request(
    request_: a.Request, message: str, data: str | None
) -> None:
    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(request_)
    story.hear(an_error(message, tag=key, error_data=data, **about(request_)))
    assert story.said(key) == ("failed", "request_id")
    assert story.outcomes[key].errors[0].error_data == data


@pytest.mark.parametrize(("request_", "message", "data"), DOCUMENTED, ids=name)
def test_a_documented_error_without_an_id_fails_the_sole_request_after_two_seconds(
    request_: a.Request, message: str, data: str | None
) -> None:
    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(request_)
    story.hear(an_error(message, error_data=data, **about(request_)))
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("failed", "sole_pending")

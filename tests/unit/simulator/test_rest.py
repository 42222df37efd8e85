"""The REST side: who may ask, what is refused at once and how, what is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from listener.simulator.interfaces import HttpRequest
from tests.unit.simulator.desk import Desk, MakeDesk, digits, variables


async def test_system_info_needs_no_password(make_desk: MakeDesk) -> None:
    desk = make_desk(deployment="UCCX", domain="f.test", pubsub_domain="pubsub.f.test")
    request = HttpRequest("GET", "/finesse/api/SystemInfo", "", {}, b"")
    response = await desk.finesse.handle(request)
    assert response.status == 200
    assert response.headers["content-type"] == "application/xml;charset=UTF-8"
    for words in ("<deploymentType>UCCX", "<xmppDomain>f.test", "<xmppPubSubDomain>pubsub.f.test"):
        assert words.encode() in response.body


async def test_answers_carry_the_simulators_own_date(make_desk: MakeDesk) -> None:
    desk = make_desk(wall=lambda: datetime(2024, 2, 29, 8, 0, 0, 123000, tzinfo=UTC))
    response = await desk.become("1001", "READY")
    assert response.headers["date"] == "Thu, 29 Feb 2024 08:00:00 GMT"
    stamp = desk.recorder.events[0].update.findtext("data/user/stateChangeTime")
    assert stamp == "2024-02-29T08:00:00.123Z"


async def test_wrong_password_is_401_with_a_challenge(desk: Desk) -> None:
    response = await desk.http("GET", "/User/1001", "1001", password="wrong")
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Basic")
    assert b"Authorization Failure" in response.body


async def test_five_wrong_passwords_lock_the_account_for_five_minutes(make_desk: MakeDesk) -> None:
    now = [0.0]
    desk = make_desk(clock=lambda: now[0])
    for _ in range(5):
        await desk.http("GET", "/User/1001", "1001", password="wrong")
    assert (await desk.http("GET", "/User/1001", "1001")).status == 401
    assert (await desk.http("GET", "/User/1002", "1002")).status == 200
    now[0] = 301.0
    assert (await desk.http("GET", "/User/1001", "1001")).status == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Basic !!!", "Basic /w==", "Basic bm9ib2R5Ong="]
)
async def test_unreadable_or_unknown_credentials_are_401(desk: Desk, header: str) -> None:
    request = HttpRequest("GET", "/finesse/api/User/1001", "", {"authorization": header}, b"")
    assert (await desk.finesse.handle(request)).status == 401


async def test_user_and_dialogs_are_read_as_they_are(desk: Desk) -> None:
    dialog = await desk.talking()
    user = await desk.http("GET", "/User/1001", "1001")
    assert b"<state>TALKING</state>" in user.body
    assert b"<extension>2001</extension>" in user.body
    assert dialog.encode() in (await desk.http("GET", "/User/1001/Dialogs", "1001")).body
    assert (await desk.http("GET", "/User/1002/Dialogs", "1002")).body == b"<Dialogs></Dialogs>"
    one = await desk.http("GET", f"/Dialog/{dialog}", "1001")
    assert b"<state>ACTIVE</state>" in one.body


async def test_strangers_may_not_read_and_supervisors_may(desk: Desk) -> None:
    dialog = await desk.talking()
    for path in ("/User/1001", "/User/1001/Dialogs", f"/Dialog/{dialog}"):
        assert (await desk.http("GET", path, "1002")).status == 401
        assert (await desk.http("GET", path, "1003")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/User/9999", 404),
        ("GET", "/Dialog/1", 404),
        ("GET", "/Nonsense", 404),
        ("POST", "/User/9999/Dialogs", 404),
        ("PUT", "/Team/1", 404),
        ("DELETE", "/User/1001", 405),
    ],
)
async def test_what_is_not_there_is_404(desk: Desk, method: str, path: str, status: int) -> None:
    body = "<Dialog><requestedAction>MAKE_CALL</requestedAction></Dialog>"
    assert (await desk.http(method, path, "1001", body)).status == status


async def test_ids_are_decoded_once(desk: Desk) -> None:
    assert (await desk.http("GET", "/User/%31001", "1001")).status == 200
    assert (await desk.http("GET", "/User/%2531001", "1001")).status == 404


async def test_paths_outside_the_api_are_404(desk: Desk) -> None:
    headers = {"authorization": "Basic MTAwMTpvbmU="}
    request = HttpRequest("GET", "/elsewhere/User/1001", "", headers, b"")
    assert (await desk.finesse.handle(request)).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Dialog>",
        b"<!DOCTYPE d [<!ENTITY e 'x'>]><Dialog>&e;</Dialog>",
        b"\xff\xfe",
        b"<User/>",
        b"<Dialog>" + b" " * 70_000 + b"</Dialog>",
    ],
)
async def test_bodies_that_cannot_be_read_are_a_bad_request(desk: Desk, body: bytes) -> None:
    dialog = await desk.talking()
    headers = {"authorization": "Basic MTAwMTpvbmU="}
    request = HttpRequest("PUT", f"/finesse/api/Dialog/{dialog}", "", headers, body)
    response = await desk.finesse.handle(request)
    assert response.status == 400
    assert b"Bad Request" in response.body
    assert desk.finesse.truth[-1].effect is False


@pytest.mark.parametrize(
    ("action", "extra", "error"),
    [
        ("NONSENSE", "", b"Invalid Input"),
        ("SEND_DTMF", "", b"Parameter Missing"),
        ("SEND_DTMF", digits("12x"), b"Invalid Input"),
        ("CONSULT_CALL", "", b"Parameter Missing"),
        ("UPDATE_CALL_DATA", "", b"Parameter Missing"),
        ("RECLASSIFY", "", b"Parameter Missing"),
        ("UPDATE_SCHEDULED_CALLBACK", "", b"Parameter Missing"),
    ],
)
async def test_incomplete_requests_are_refused_at_once(
    desk: Desk, action: str, extra: str, error: bytes
) -> None:
    dialog = await desk.talking()
    response = await desk.act("1001", action, dialog, extra, request_id="x")
    assert response.status == 400
    assert error in response.body
    assert desk.recorder.events == []
    assert desk.finesse.deed("1001", "x")[0].status == 400


@pytest.mark.parametrize(
    ("deployment", "action"),
    [("UCCE", "START_RECORDING"), ("UCCX", "PARTICIPANT_DROP")],
)
async def test_actions_the_platform_lacks_are_501(
    make_desk: MakeDesk, deployment: str, action: str
) -> None:
    desk = make_desk(deployment=deployment)
    dialog = await desk.talking()
    response = await desk.act("1001", action, dialog)
    assert response.status == 501
    assert b"Not Implemented" in response.body


async def test_target_has_to_be_given_and_to_be_the_own_extension(desk: Desk) -> None:
    dialog = await desk.talking()
    assert (await desk.act("1001", "HOLD", dialog, target="")).status == 400
    response = await desk.act("1001", "HOLD", dialog, target="5550100")
    assert response.status == 401
    assert b"Invalid Authorization User Specified" in response.body
    assert (await desk.act("1002", "HOLD", dialog)).status == 401


async def test_make_call_is_checked_before_it_is_taken(make_desk: MakeDesk) -> None:
    desk, ccx = make_desk(), make_desk(deployment="UCCX")
    assert b"Invalid Destination" in (await desk.call("1001", "2001")).body
    data = variables(("callVariable1", "a"))
    assert (await desk.call("1001", "5550100", extra=data)).status == 202
    assert desk.dialogs("1001")[0].variable("callVariable1") == "a"
    assert (await ccx.call("1001", "5550100", extra=data)).status == 400
    assert (await desk.call("1002", "5550100", extra=variables(("BAResponse", "a")))).status == 400
    reason = variables(more="<wrapUpReason>x</wrapUpReason>")
    assert (await desk.call("1002", "5550100", extra=reason)).status == 400
    assert (await desk.call("1002", "5550100", action="NONSENSE")).status == 400
    body = (
        "<Dialog><requestedAction>MAKE_CALL</requestedAction><fromAddress>2002</fromAddress>"
        "<toAddress>5550100</toAddress></Dialog>"
    )
    assert (await desk.http("POST", "/User/1001/Dialogs", "1001", body)).status == 401
    assert (await desk.http("POST", "/User/1002/Dialogs", "1001", body)).status == 401


async def test_out_of_service_answers_503_and_publishes_the_state(desk: Desk) -> None:
    desk.finesse.set_status("OUT_OF_SERVICE")
    await desk.finesse.quiet()
    (event,) = desk.recorder.events
    assert event.node == "/finesse/api/SystemInfo"
    assert event.update.findtext("data/systemInfo/status") == "OUT_OF_SERVICE"
    assert (await desk.http("GET", "/User/1001", "1001")).status == 503
    response = await desk.become("1001", "READY", request_id="r")
    assert response.status == 503
    assert b"Service Unavailable" in response.body
    assert desk.finesse.deed("1001", "r")[0].effect is False


async def test_after_an_outage_the_latest_state_is_published_and_no_history(desk: Desk) -> None:
    dialog = await desk.talking()
    desk.finesse.set_status("OUT_OF_SERVICE")
    short = await desk.finesse.incoming_call("1002", "5550123")
    await desk.finesse.far_end_hangs_up(short)
    await desk.finesse.quiet()
    assert desk.dialogs("1001") + desk.dialogs("1002") == []
    desk.finesse.set_status("IN_SERVICE")
    await desk.finesse.quiet()
    assert [(e.event, e.id) for e in desk.dialogs("1001")] == [("PUT", dialog)]
    assert desk.dialogs("1002") == []


async def test_requests_on_one_object_are_done_one_after_another(make_desk: MakeDesk) -> None:
    desk = make_desk(pace=0.002)
    dialog = await desk.talking()
    body = (
        "<Dialog><requestedAction>{}</requestedAction>"
        "<targetMediaAddress>2001</targetMediaAddress></Dialog>"
    )
    for number in range(6):
        action = ("HOLD", "RETRIEVE")[number % 2]
        response = await desk.http(
            "PUT", f"/Dialog/{dialog}", "1001", body.format(action), request_id=str(number)
        )
        assert response.status == 202
    await desk.finesse.quiet()
    assert [e.tag for e in desk.dialogs("1001")] == list("012345")
    assert all(d.effect for d in desk.finesse.truth)


async def test_ended_calls_are_forgotten_in_time(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.finesse.switch.setting = replace(desk.finesse.switch.setting, remember=3)
    for _ in range(6):
        dialog = await desk.talking()
        await desk.act("1001", "DROP", dialog)
    assert len(desk.finesse.calls) == 3
    assert (await desk.http("GET", f"/Dialog/{dialog}", "1001")).status == 404


def test_the_same_id_may_stand_for_several_deeds_and_repr_shows_no_secret(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk()
    assert desk.finesse.deed("1001", "1") == []
    assert "one" not in repr(desk.finesse.agents["1001"].spec).replace("None", "")
    assert "UCCE" in repr(desk.finesse)

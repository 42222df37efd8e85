"""User states: asked for, pending, derived from calls, refused."""

from __future__ import annotations

import pytest

from listener.simulator.users import AgentSpec
from tests.unit.simulator.desk import Desk, Heard, MakeDesk


def users(desk: Desk, agent: str = "1001") -> list[Heard]:
    return [
        e
        for e in desk.recorder.events
        if e.node == f"/finesse/api/User/{agent}" and e.error is None
    ]


def told(desk: Desk, path: str = "state") -> list[str | None]:
    return [e.update.findtext(f"data/user/{path}") for e in users(desk)]


async def test_state_change_is_published_with_its_reason(desk: Desk) -> None:
    await desk.become("1001", "READY", request_id="r")
    await desk.become("1001", "NOT_READY", "<reasonCodeId>12</reasonCodeId>")
    assert told(desk) == ["READY", "NOT_READY"]
    assert told(desk, "reasonCodeId") == ["-1", "12"]
    assert users(desk)[0].tag == "r"


async def test_state_change_while_talking_is_pending_until_the_end(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.become("1001", "READY", request_id="r")
    assert (told(desk), told(desk, "pendingState")) == (["TALKING"], ["READY"])
    assert desk.finesse.deed("1001", "r")[0].effect is True
    await desk.act("1001", "DROP", dialog)
    assert told(desk)[-1] == "READY"
    assert told(desk, "pendingState")[-1] == ""


async def test_calls_show_in_the_state(desk: Desk) -> None:
    dialog = await desk.finesse.incoming_call("1001", "5550100")
    for action in ("ANSWER", "HOLD", "RETRIEVE", "DROP"):
        await desk.act("1001", action, dialog)
    assert told(desk) == ["RESERVED", "TALKING", "HOLD", "TALKING", "NOT_READY"]


async def test_calling_from_ready_makes_the_agent_not_ready(desk: Desk) -> None:
    await desk.become("1001", "READY")
    await desk.call("1001", "5550100")
    dialog = desk.dialogs("1001")[0].id
    await desk.act("1001", "DROP", dialog)
    assert told(desk)[-1] == "NOT_READY"
    assert told(desk, "reasonCodeId")[-1] == "50006"


async def test_signing_out_and_in(desk: Desk) -> None:
    await desk.become("1001", "LOGOUT")
    assert not desk.finesse.agents["1001"].signed_in
    assert (await desk.call("1001", "5550100")).status == 401
    with pytest.raises(ValueError, match="signed out"):
        await desk.finesse.incoming_call("1001", "5550100")
    await desk.become("1001", "LOGIN", "<extension>2001</extension>")
    assert told(desk) == ["LOGOUT", "NOT_READY"]


@pytest.mark.parametrize(
    ("deployment", "extension", "error"),
    [
        ("UCCE", "9999", ("260", "CF_INVALID_LOGON_DEVICE_SPECIFIED", "Invalid Device")),
        ("UCCE", "2002", ("283", "CF_SPECIFIED_EXTENSION_ALREADY_IN_USE", "Generic Error")),
        ("UCCX", "2002", ("265", "CF_INVALID_AGENT_WORKMODE", "Invalid State")),
    ],
)
async def test_sign_in_is_refused_later(
    make_desk: MakeDesk, deployment: str, extension: str, error: tuple[str, str, str]
) -> None:
    desk = make_desk(deployment=deployment)
    await desk.become("1001", "LOGOUT")
    await desk.become("1001", "LOGIN", f"<extension>{extension}</extension>")
    (event,) = desk.errors("1001")
    assert event.error == error
    assert event.node == event.source == "/finesse/api/User/1001"


@pytest.mark.parametrize(
    ("before", "state", "kind"),
    [
        ("NOT_READY", "LOGIN", "Invalid State"),
        ("READY", "LOGOUT", "Invalid State"),
        ("NOT_READY", "WORK", "Invalid State"),
        ("LOGOUT", "READY", "Invalid State"),
    ],
)
async def test_changes_that_do_not_fit_are_refused_later(
    desk: Desk, before: str, state: str, kind: str
) -> None:
    await desk.become("1001", before)
    await desk.become("1001", state, "<extension>2001</extension>", request_id="x")
    assert desk.errors("1001")[0].error[2] == kind
    assert desk.finesse.deed("1001", "x")[0].effect is False


async def test_signing_out_while_talking(make_desk: MakeDesk) -> None:
    cce, ccx = make_desk(), make_desk(deployment="UCCX")
    await cce.talking()
    await cce.become("1001", "LOGOUT")
    assert len(cce.errors("1001")) == 1
    dialog = await ccx.talking()
    await ccx.become("1001", "LOGOUT")
    await ccx.act("1001", "DROP", dialog)
    assert ccx.finesse.agents["1001"].state == "LOGOUT"


async def test_uccx_refuses_to_leave_an_outbound_reservation(make_desk: MakeDesk) -> None:
    desk = make_desk(deployment="UCCX")
    await desk.finesse.preview("1001", "5550100", direct=True)
    await desk.become("1001", "READY")
    assert desk.errors("1001")[0].error[2] == "Internal Server Error"


async def test_state_requests_are_checked_at_once(desk: Desk) -> None:
    assert b"Invalid Input" in (await desk.become("1001", "HAPPY")).body
    assert b"Parameter Missing" in (await desk.become("1001", "")).body
    assert b"Parameter Missing" in (await desk.become("1001", "LOGIN")).body
    response = await desk.http("PUT", "/User/1001", "1002", "<User><state>READY</state></User>")
    assert b"Invalid Authorization User Specified" in response.body


async def test_work_is_pending_while_talking(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.become("1001", "WORK")
    await desk.act("1001", "DROP", dialog)
    assert desk.finesse.agents["1001"].state == "WORK"


async def test_agent_can_answer_by_itself(make_desk: MakeDesk) -> None:
    agents = (
        AgentSpec("1001", "one", "2001", answers_by_itself=True),
        AgentSpec("1002", "two", "2002"),
    )
    desk = make_desk(agents=agents)
    dialog = await desk.finesse.incoming_call("1001", "5550100")
    await desk.finesse.quiet()
    assert desk.party(dialog, "1001") == "ACTIVE"
    await desk.act("1001", "DROP", dialog)
    await desk.call("1002", "2001")
    assert desk.dialogs("1002")[-1].party("2001")[0] == "ACTIVE"


async def test_wrap_up_ends_by_itself(make_desk: MakeDesk) -> None:
    agents = (AgentSpec("1001", "one", "2001", wrap_up="REQUIRED", wrap_up_paces=2.0),)
    desk = make_desk(agents=agents)
    dialog = await desk.talking()
    await desk.become("1001", "READY")
    await desk.act("1001", "DROP", dialog)
    while not desk.finesse.calls[dialog].over:
        await desk.finesse.switch.pause()
    await desk.finesse.quiet()
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert desk.finesse.agents["1001"].state == "READY"


@pytest.mark.parametrize("chosen", ["READY", "NOT_READY", "LOGOUT"])
async def test_wrap_up_ends_in_the_state_that_is_chosen(make_desk: MakeDesk, chosen: str) -> None:
    agents = (AgentSpec("1001", "one", "2001", wrap_up="REQUIRED", wrap_up_paces=1e9),)
    desk = make_desk(agents=agents, pace=1e-6)
    dialog = await desk.talking()
    await desk.act("1001", "DROP", dialog)
    desk.recorder.events.clear()
    await desk.become("1001", chosen, "<reasonCodeId>12</reasonCodeId>")
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert set(zip(told(desk), told(desk, "reasonCodeId"), strict=True)) == {(chosen, "12")}

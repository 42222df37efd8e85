"""Nonvoice tasks: their own node, their states, their errors."""

from __future__ import annotations

from tests.unit.simulator.desk import Desk, Heard, MakeDesk

NODE = "/finesse/api/User/1001/Dialogs/Media"


def heard(desk: Desk) -> list[Heard]:
    return [e for e in desk.recorder.events if e.node == NODE]


async def test_task_goes_through_its_states_on_its_own_node(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    for action in ("ACCEPT", "START", "PAUSE", "RESUME", "WRAP_UP", "CLOSE"):
        assert (await desk.act("1001", action, task, request_id=action)).status == 202
    assert [(e.event, e.state) for e in heard(desk)] == [
        ("POST", "OFFERED"),
        ("PUT", "ACCEPTED"),
        ("PUT", "ACTIVE"),
        ("PUT", "PAUSED"),
        ("PUT", "ACTIVE"),
        ("PUT", "WRAPPING_UP"),
        ("DELETE", "CLOSED"),
    ]
    assert heard(desk)[0].source == "/finesse/api/User/1001/Media/5001/Dialogs"
    assert heard(desk)[1].source == f"/finesse/api/Dialog/{task}"
    assert desk.dialogs("1001") == []
    assert desk.finesse.agents["1001"].state == "NOT_READY"


async def test_transfer_takes_the_task_away(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    for action in ("ACCEPT", "START", "TRANSFER"):
        await desk.act("1001", action, task)
    assert heard(desk)[-1].event == "DELETE"


async def test_wrong_step_is_an_error_that_names_the_media(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    await desk.act("1001", "PAUSE", task)
    error = heard(desk)[-1]
    assert error.error[:2] == ("19", "E_ARM_STAT_INVALID_MESSAGE_SEQUENCE")
    assert error.update.findtext("data/apiErrors/apiError/errorMedia") == "5001"


async def test_task_that_vanished_after_the_202_is_an_invalid_dialog(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    await desk.act("1001", "ACCEPT", task)
    bodies = [
        f"<Dialog><requestedAction>{action}</requestedAction>"
        "<targetMediaAddress>2001</targetMediaAddress></Dialog>"
        for action in ("CLOSE", "START")
    ]
    for body in bodies:
        assert (await desk.http("PUT", f"/Dialog/{task}", "1001", body)).status == 202
    await desk.finesse.quiet()
    assert heard(desk)[-1].error[:2] == ("6030", f"INVALID_DIALOG_ID: {task}")


async def test_tasks_are_listed_apart_from_calls(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    voice = await desk.http("GET", "/User/1001/Dialogs", "1001")
    other = await desk.http("GET", "/User/1001/Dialogs/Media", "1001")
    assert (task.encode() in voice.body, task.encode() in other.body) == (False, True)


async def test_voice_calls_know_no_task_actions(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "PAUSE", dialog)
    assert len(desk.errors("1001")) == 1


async def test_task_needs_no_target_and_refuses_a_foreign_one(desk: Desk) -> None:
    task = await desk.finesse.task("1001")
    body = "<Dialog><requestedAction>ACCEPT</requestedAction></Dialog>"
    assert (await desk.http("PUT", f"/Dialog/{task}", "1001", body)).status == 202
    await desk.finesse.quiet()
    assert heard(desk)[-1].state == "ACCEPTED"
    assert (await desk.act("1001", "START", task, target="2002")).status == 401


async def test_uccx_has_no_tasks(make_desk: MakeDesk) -> None:
    desk = make_desk(deployment="UCCX")
    dialog = await desk.talking()
    assert (await desk.act("1001", "START", dialog)).status == 501

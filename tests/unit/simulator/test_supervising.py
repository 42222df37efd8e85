"""Silent monitor, barge, participant drop."""

from __future__ import annotations

import pytest

from listener.simulator.profiles import BargeOrder, Variants
from tests.unit.simulator.desk import Desk, MakeDesk


async def watching(desk: Desk) -> tuple[str, str]:
    """Let 1003 monitor 1001's call; return (call, monitor)."""
    dialog = await desk.talking()
    response = await desk.call("1003", "2001", action="SILENT_MONITOR", request_id="m")
    assert response.status == 202
    return dialog, desk.finesse.deed("1003", "m")[0].new_dialog_id


def uri(dialog: str) -> str:
    return f"<associatedDialogUri>/finesse/api/Dialog/{dialog}</associatedDialogUri>"


async def test_monitor_is_a_call_of_its_own_and_leaves_the_agents_alone(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    first, last = desk.dialogs("1003")
    assert (first.event, first.id) == ("POST", monitor)
    assert last.dialog.findtext("mediaProperties/callType") == "SUPERVISOR_MONITOR"
    assert last.party("2003")[0] == "ACTIVE"
    (own,) = desk.dialogs("1001")
    assert (own.event, own.id, own.actions("2001")) == ("POST", monitor, set())
    assert desk.party(dialog, "1001") == "ACTIVE"


@pytest.mark.parametrize(("deployment", "state"), [("UCCE", "TALKING"), ("UCCX", "NOT_READY")])
async def test_monitoring_supervisor_talks_on_ucce_alone(
    make_desk: MakeDesk, deployment: str, state: str
) -> None:
    desk = make_desk(deployment=deployment)
    await watching(desk)
    assert desk.finesse.agents["1003"].state == state


async def test_monitor_ends_by_drop_and_the_call_goes_on(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    await desk.act("1003", "DROP", monitor)
    assert desk.dialogs("1003")[-1].event == "DELETE"
    assert desk.finesse.calls[monitor].over
    assert desk.party(dialog, "1001") == "ACTIVE"


async def test_monitor_ends_with_the_call(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    await desk.finesse.far_end_hangs_up(dialog)
    await desk.finesse.quiet()
    assert desk.finesse.calls[monitor].over
    assert desk.dialogs("1003")[-1].event == "DELETE"


async def test_monitor_is_refused_at_once(desk: Desk) -> None:
    await desk.talking()
    assert (await desk.call("1002", "2001", action="SILENT_MONITOR")).status == 401
    for to in ("2003", "5550100"):
        response = await desk.call("1003", to, action="SILENT_MONITOR")
        assert b"Invalid Destination" in response.body
    await desk.become("1003", "READY")
    response = await desk.call("1003", "2001", action="SILENT_MONITOR")
    assert b"Invalid State" in response.body


@pytest.mark.parametrize(
    ("deployment", "state", "kind"),
    [
        ("UCCE", "READY", "Invalid State"),
        ("UCCE", "NOT_READY", "13145"),
        ("UCCX", "READY", "88049"),
    ],
)
async def test_monitor_of_an_idle_agent_is_refused_later(
    make_desk: MakeDesk, deployment: str, state: str, kind: str
) -> None:
    desk = make_desk(deployment=deployment)
    await desk.become("1001", state)
    assert (await desk.call("1003", "2001", action="SILENT_MONITOR")).status == 202
    assert desk.errors("1003")[0].error[2] == kind


@pytest.mark.parametrize("order", list(BargeOrder))
async def test_barge_makes_a_conference_and_ends_the_monitor(
    make_desk: MakeDesk, order: BargeOrder
) -> None:
    desk = make_desk(variants=Variants(barge=order))
    dialog, monitor = await watching(desk)
    desk.recorder.events.clear()
    response = await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(monitor))
    assert response.status == 202
    call = desk.finesse.calls[dialog]
    assert call.call_type == "CONFERENCE"
    assert desk.party(dialog, "1003") == "ACTIVE"
    assert desk.finesse.calls[monitor].over
    events = [(e.event, e.id) for e in desk.dialogs("1003")]
    first = ("DELETE", monitor) if order is BargeOrder.MONITOR_FIRST else ("POST", dialog)
    assert events[0] == first
    assert {("DELETE", monitor), ("POST", dialog)} <= set(events)


async def test_barge_is_refused_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(max_parties=2))
    dialog, monitor = await watching(desk)

    async def barge(agent: str = "1003", to: str = "2001", extra: str = uri(monitor)) -> bytes:
        return (await desk.call(agent, to, action="BARGE_CALL", extra=extra)).body

    assert b"Authorization Failure" in await barge("1002")
    assert b"Invalid Destination" in await barge(to="5550100")
    assert b"Parameter Missing" in await barge(extra="")
    assert b"Invalid State" in await barge(extra=uri("1"))
    assert b"20700" in await barge()
    await desk.act("1001", "HOLD", dialog)
    assert b"Invalid Destination" in await barge()
    await desk.act("1001", "RETRIEVE", dialog)
    await desk.act("1001", "CONSULT_CALL", dialog, "<toAddress>5550199</toAddress>")
    assert b"20999" in await barge()


async def test_barge_is_taken_while_another_call_rings_at_the_agent(desk: Desk) -> None:
    _, monitor = await watching(desk)
    await desk.finesse.incoming_call("1001", "5550111")
    await desk.finesse.task("1001")
    response = await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(monitor))
    assert response.status == 202


async def test_supervisor_who_is_on_the_call_does_not_barge_in_again(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    await desk.become("1003", "NOT_READY")
    desk.finesse.agents["1003"].state = "NOT_READY"  # as on UCCX, where monitoring changes no state
    await desk.call("1003", "2001", action="SILENT_MONITOR")
    second = desk.dialogs("1003")[-1].id
    await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(monitor))
    response = await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(second))
    assert b"Invalid State" in response.body
    assert [p.agent for p in desk.finesse.calls[dialog].parties].count("1003") == 1


async def test_barge_needs_the_controller(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    call = desk.finesse.calls[dialog]
    call.call_type, call.controller = "CONFERENCE", "5550100"
    response = await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(monitor))
    assert b"20999" in response.body


async def test_supervisor_drops_the_agent_from_the_barged_call(desk: Desk) -> None:
    dialog, monitor = await watching(desk)
    await desk.call("1003", "2001", action="BARGE_CALL", extra=uri(monitor))
    desk.recorder.events.clear()
    await desk.act("1003", "PARTICIPANT_DROP", dialog, target="2001", request_id="p")
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert desk.party(dialog, "1001") == "absent"
    assert desk.party(dialog, "1003") == "ACTIVE"
    assert desk.finesse.deed("1003", "p")[0].effect is True


async def test_participant_drop_is_refused(desk: Desk) -> None:
    dialog, _ = await watching(desk)
    assert (await desk.act("1001", "PARTICIPANT_DROP", dialog)).status == 401
    response = await desk.act("1003", "PARTICIPANT_DROP", dialog, target="5550100")
    assert b"Invalid Destination" in response.body
    response = await desk.act("1003", "PARTICIPANT_DROP", dialog, target="2001")
    assert response.status == 202  # no conference: refused later
    assert len(desk.errors("1003")) == 1

"""Calls, hold, retrieve, drop, digits: events in the documented order, truth beside them."""

from __future__ import annotations

import pytest

from listener.simulator.basics import clear
from listener.simulator.outbox import Cause
from listener.simulator.profiles import HangUpOrder, Luck, Number, Variants
from listener.simulator.users import AgentSpec
from tests.unit.simulator.desk import Desk, Heard, MakeDesk, digits


def shape(events: list[Heard], address: str) -> list[tuple[str, str, str]]:
    """(event, dialog state, own participant's state) of each."""
    return [(e.event, e.state, e.party(address)[0]) for e in events]


async def test_outgoing_call_shows_the_documented_sequence(desk: Desk):
    response = await desk.call("1001", "5550100", request_id="r1")
    assert response.status == 202
    assert response.headers["requestId"] == "r1"
    assert shape(desk.dialogs("1001"), "2001") == [
        ("POST", "INITIATING", "INITIATING"),
        ("POST", "INITIATING", "INITIATING"),
        ("PUT", "INITIATED", "INITIATED"),
        ("PUT", "ALERTING", "INITIATED"),
        ("PUT", "ACTIVE", "ACTIVE"),
    ]
    first, *_, last = desk.dialogs("1001")
    assert first.dialog.findtext("toAddress") == ""
    assert last.dialog.findtext("toAddress") == "5550100"
    assert last.dialog.findtext("mediaProperties/callType") == "OUT"
    (deed,) = desk.finesse.deed("1001", "r1")
    assert deed.status == 202
    assert deed.effect is True
    assert deed.new_dialog_id == last.id
    assert [tagged for _, tagged, _, _ in deed.published] == [True] * len(deed.published)


async def test_all_ten_variables_are_listed_in_every_dialog(desk: Desk):
    await desk.call("1001", "5550100")
    for event in desk.dialogs("1001"):
        assert all(event.variable(f"callVariable{n}") is not None for n in range(1, 11))


async def test_called_agent_gets_the_dialog_when_it_rings(desk: Desk):
    await desk.call("1001", "2002")
    (post,) = desk.dialogs("1002")
    assert (post.event, post.state) == ("POST", "ALERTING")
    assert post.actions("2002") == {"ANSWER"}
    assert post.dialog.findtext("mediaProperties/callType") == "OTHER_IN"


async def test_answer_makes_both_agents_active(desk: Desk):
    await desk.call("1001", "2002")
    dialog = desk.dialogs("1002")[0].id
    await desk.act("1002", "ANSWER", dialog, request_id="a")
    assert desk.dialogs("1001")[-1].party("2001") == ("ACTIVE", "")
    assert desk.dialogs("1002")[-1].party("2002") == ("ACTIVE", "")
    assert desk.finesse.deed("1002", "a")[0].effect is True


@pytest.mark.parametrize(
    ("luck", "cause"),
    [
        (Luck.BUSY, "BUSY"),
        (Luck.BAD_DESTINATION, "BAD_DESTINATION"),
        (Luck.NO_DEVICE, "DEVICE_RESOURCE_NOT_AVAILABLE"),
    ],
)
async def test_call_that_cannot_be_put_through_fails_with_its_cause(
    make_desk: MakeDesk, luck: Luck, cause: str
):
    desk = make_desk(dial_plan={"5550100": Number(luck)})
    await desk.call("1001", "5550100", request_id="r")
    last = desk.dialogs("1001")[-1]
    assert last.state == "FAILED"
    assert last.party("2001") == ("FAILED", cause)
    (deed,) = desk.finesse.deed("1001", "r")
    assert (deed.effect, deed.error) == (False, cause)


async def test_failed_call_is_dropped_by_its_agent(make_desk: MakeDesk):
    desk = make_desk(dial_plan={"5550100": Number(Luck.BUSY)})
    await desk.call("1001", "5550100")
    dialog = desk.dialogs("1001")[-1].id
    await desk.act("1001", "DROP", dialog)
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert desk.finesse.calls[dialog].over


async def test_number_that_rejects_ends_the_call_before_it_was_active(make_desk: MakeDesk):
    desk = make_desk(dial_plan={"5550100": Number(Luck.REJECTS)})
    await desk.call("1001", "5550100")
    assert "ACTIVE" not in [state for _, state, _ in shape(desk.dialogs("1001"), "2001")]
    assert desk.dialogs("1001")[-1].event == "DELETE"


async def test_dial_plan_changes_the_address_that_the_events_show(make_desk: MakeDesk):
    desk = make_desk(
        dial_plan={
            "100": Number(Luck.RINGS, translated="5550100"),
            "200": Number(Luck.RINGS, translated="5550200", everywhere=False),
        }
    )
    await desk.call("1001", "100")
    last = desk.dialogs("1001")[-1]
    assert last.dialog.findtext("toAddress") == "5550100"
    assert last.dialog.findtext("mediaProperties/dialedNumber") == "5550100"
    await desk.call("1002", "200")
    last = desk.dialogs("1002")[-1]
    assert last.dialog.findtext("toAddress") == "5550200"
    assert last.dialog.findtext("mediaProperties/dialedNumber") == "200"


async def test_extension_of_a_busy_agent_is_busy(desk: Desk):
    await desk.talking("1002")
    await desk.call("1001", "2002")
    assert desk.dialogs("1001")[-1].party("2001") == ("FAILED", "BUSY")


async def test_hold_and_retrieve_change_the_participant_and_never_the_dialog(desk: Desk):
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog)
    await desk.act("1001", "RETRIEVE", dialog)
    assert shape(desk.dialogs("1001"), "2001") == [
        ("PUT", "ACTIVE", "HELD"),
        ("PUT", "ACTIVE", "ACTIVE"),
    ]


async def test_retrieve_holds_the_other_active_call_first(desk: Desk):
    original, consult = await desk.consulting()
    await desk.act("1001", "RETRIEVE", original)
    first, second = desk.dialogs("1001")
    assert (first.id, first.party("2001")[0]) == (consult, "HELD")
    assert (second.id, second.party("2001")[0]) == (original, "ACTIVE")


async def test_second_hold_is_refused_with_an_event(desk: Desk):
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog)
    response = await desk.act("1001", "HOLD", dialog, request_id="h2")
    assert response.status == 202
    (error,) = desk.errors("1001")
    assert error.error == ("4047", "INVALID_ACTION HOLD on extension 2001", "Generic Error")
    assert error.event == "put"
    assert error.source == f"/finesse/api/Dialog/{dialog}"
    assert desk.finesse.deed("1001", "h2")[0].effect is False


async def test_drop_ends_a_two_party_call_with_a_delete(desk: Desk):
    dialog = await desk.talking()
    await desk.act("1001", "DROP", dialog, request_id="d")
    assert shape(desk.dialogs("1001"), "2001") == [
        ("PUT", "ACTIVE", "DROPPED"),
        ("PUT", "DROPPED", "DROPPED"),
        ("DELETE", "DROPPED", "DROPPED"),
    ]
    assert desk.finesse.calls[dialog].over
    assert desk.finesse.deed("1001", "d")[0].effect is True


async def test_hang_up_may_be_shown_by_the_delete_alone(make_desk: MakeDesk):
    desk = make_desk(variants=Variants(hang_up=HangUpOrder.DELETE_ONLY))
    dialog = await desk.talking()
    await desk.act("1001", "DROP", dialog)
    assert [e.event for e in desk.dialogs("1001")] == ["DELETE"]


async def test_customer_hanging_up_gives_untagged_events(desk: Desk):
    dialog = await desk.talking()
    await desk.finesse.far_end_hangs_up(dialog)
    await desk.finesse.quiet()
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert {e.tag for e in desk.dialogs("1001")} == {""}


async def test_digits_give_no_event_and_are_kept_in_the_truth(desk: Desk):
    dialog = await desk.talking()
    extra = digits("12#")
    response = await desk.act("1001", "SEND_DTMF", dialog, extra, request_id="t")
    assert response.status == 202
    assert desk.recorder.events == []
    assert desk.finesse.calls[dialog].digits == [("2001", "12#")]
    assert desk.finesse.deed("1001", "t")[0].effect is True
    assert "12#" not in repr(desk.finesse.calls[dialog])


async def test_digits_on_a_held_call_are_refused_with_401(desk: Desk):
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog)
    extra = digits("1")
    response = await desk.act("1001", "SEND_DTMF", dialog, extra)
    assert response.status == 401
    assert b"Invalid State" in response.body


async def test_letters_as_digits_are_refused_later_on_uccx(make_desk: MakeDesk):
    desk = make_desk(deployment="UCCX")
    dialog = await desk.talking()
    extra = digits("1A")
    assert (await desk.act("1001", "SEND_DTMF", dialog, extra)).status == 202
    assert desk.errors("1001")[0].error == ("3", "CF_VALUE_OUT_OF_RANGE", "Generic Error")
    assert desk.finesse.calls[dialog].digits == []


async def test_wrap_up_keeps_the_dialog_until_it_ends(make_desk: MakeDesk):
    agents = (AgentSpec("1001", "one", "2001", wrap_up="REQUIRED", wrap_up_paces=1e9),)
    desk = make_desk(agents=agents, pace=1e-6)
    dialog = await desk.talking()
    await desk.act("1001", "DROP", dialog)
    assert desk.dialogs("1001")[-1].event == "PUT"
    assert desk.party(dialog, "1001") == "WRAP_UP"
    assert desk.finesse.agents["1001"].state == "WORK"
    await desk.become("1001", "READY")
    assert desk.dialogs("1001")[-1].event == "DELETE"
    assert desk.finesse.agents["1001"].state == "READY"


def wrapping(agent: str, extension: str) -> AgentSpec:
    return AgentSpec(agent, agent, extension, wrap_up="REQUIRED", wrap_up_paces=1e9)


async def test_wrap_up_after_a_transfer_keeps_the_survivor_listed(make_desk: MakeDesk) -> None:
    desk = make_desk(agents=(wrapping("1001", "2001"),), pace=1e-6)
    original, consult = await desk.consulting()
    await desk.act("1001", "TRANSFER", original)
    assert desk.party(original, "1001") == "WRAP_UP"
    assert desk.finesse.calls[consult].over
    await desk.become("1001", "NOT_READY")
    assert (desk.dialogs("1001")[-1].event, desk.dialogs("1001")[-1].id) == ("DELETE", original)
    assert desk.party(original, "1001") == "absent"


async def test_wrap_up_after_a_conference_leaves_the_others_talking(make_desk: MakeDesk) -> None:
    desk = make_desk(agents=(wrapping("1001", "2001"), wrapping("1002", "2002")), pace=1e-6)
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, "<toAddress>2002</toAddress>")
    await desk.act("1002", "ANSWER", desk.finesse.calls[original].associated)
    await desk.act("1001", "CONFERENCE", original)
    await desk.act("1001", "DROP", original)
    assert desk.party(original, "1001") == "WRAP_UP"
    assert desk.party(original, "1002") == "ACTIVE"
    await desk.become("1001", "NOT_READY")
    assert desk.party(original, "1001") == "absent"


async def test_number_that_never_rings_leaves_the_call_initiated(make_desk: MakeDesk) -> None:
    desk = make_desk(dial_plan={"5550100": Number(Luck.SILENT)})
    await desk.call("1001", "5550100", request_id="m")
    assert desk.dialogs("1001")[-1].state == "INITIATED"
    assert desk.finesse.deed("1001", "m")[0].effect is True
    dialog = desk.dialogs("1001")[0].id
    await desk.act("1001", "DROP", dialog)
    last = desk.dialogs("1001")[-1]
    assert (last.event, last.state, last.party("2001")[0]) == ("DELETE", "INITIATED", "DROPPED")


@pytest.mark.parametrize(("waits", "effect"), [(1, False), (3, True)])
async def test_hanging_up_while_dialling_decides_the_call(
    make_desk: MakeDesk, waits: int, *, effect: bool
) -> None:
    desk = make_desk(pace=0.002)
    body = (
        "<Dialog><requestedAction>MAKE_CALL</requestedAction><fromAddress>2001</fromAddress>"
        "<toAddress>5550100</toAddress></Dialog>"
    )
    await desk.http("POST", "/User/1001/Dialogs", "1001", body, request_id="m")
    while len(desk.dialogs("1001")) < waits:
        await desk.finesse.switch.pause(0.1)
    call = next(iter(desk.finesse.calls.values()))
    await clear(desk.finesse.switch, Cause(), call, call.parties[0])
    await desk.finesse.quiet()
    assert desk.finesse.deed("1001", "m")[0].effect is effect
    assert call.over


async def test_more_digits_than_one_message_takes_are_refused_later(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "SEND_DTMF", dialog, digits("1" * 33))
    assert len(desk.errors("1001")) == 1


async def test_digits_may_give_an_event_of_their_own(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(dtmf_event=True))
    dialog = await desk.talking()
    await desk.act("1001", "SEND_DTMF", dialog, digits("1"), request_id="t")
    assert [e.tag for e in desk.dialogs("1001")] == ["t"]

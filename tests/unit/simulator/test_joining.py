"""Consult, transfer, conference, single step: ids, survivors, and every order of events."""

from __future__ import annotations

import pytest

from listener.simulator.profiles import (
    ConferenceOrder,
    EarlyTransfer,
    Luck,
    Number,
    RefusalStyle,
    SingleStepOrder,
    TransferOrder,
    Variants,
)
from tests.unit.simulator.desk import Desk, Heard, MakeDesk

TO = "<toAddress>5550199</toAddress>"


def steps(events: list[Heard]) -> list[tuple[str, str]]:
    return [(e.event, e.id) for e in events]


async def test_consult_holds_the_original_and_makes_a_second_dialog(desk: Desk) -> None:
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, TO, request_id="c")
    consult = desk.finesse.calls[original].associated
    first, post, *_, last = desk.dialogs("1001")
    assert (first.id, first.party("2001")[0], first.state) == (original, "HELD", "ACTIVE")
    assert (post.event, post.id, post.state) == ("POST", consult, "INITIATING")
    assert post.dialog.findtext("mediaProperties/callType") == "CONSULT"
    assert post.dialog.findtext("associatedDialogUri") == f"/finesse/api/Dialog/{original}"
    assert (last.id, last.state) == (consult, "ACTIVE")
    (deed,) = desk.finesse.deed("1001", "c")
    assert (deed.effect, deed.new_dialog_id) == (True, consult)


async def test_consult_that_meets_a_busy_party_leaves_the_original_on_hold(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(dial_plan={"5550199": Number(Luck.BUSY)})
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, TO, request_id="c")
    assert desk.dialogs("1001")[-1].state == "FAILED"
    assert desk.party(original, "1001") == "HELD"
    assert desk.finesse.deed("1001", "c")[0].effect is False


async def test_held_dialog_allows_transfer_once_the_consult_is_active(desk: Desk) -> None:
    original, _ = await desk.consulting()
    response = await desk.http("GET", f"/Dialog/{original}", "1001")
    assert b"<action>TRANSFER</action><action>CONFERENCE</action>" in response.body


@pytest.mark.parametrize("order", list(TransferOrder))
async def test_transfer_takes_both_dialogs_from_the_agent(
    make_desk: MakeDesk, order: TransferOrder
) -> None:
    desk = make_desk(variants=Variants(transfer=order))
    original, consult = await desk.consulting()
    await desk.act("1001", "TRANSFER", original, request_id="t")
    deletes = [i for e, i in steps(desk.dialogs("1001")) if e == "DELETE"]
    expected = [consult, original]
    if order is TransferOrder.ORIGINAL_FIRST:
        expected.reverse()
    assert deletes == expected
    puts = [e.party("2001")[0] for e in desk.dialogs("1001") if e.event == "PUT"]
    assert puts == (["DROPPED", "DROPPED"] if order is TransferOrder.DROPPED_FIRST else [])
    survivor = desk.finesse.calls[original]
    assert {p.address for p in survivor.parties} == {"5550100", "5550199"}
    assert survivor.secondary == consult
    assert desk.finesse.deed("1001", "t")[0].effect is True


async def test_consulted_agent_changes_dialogs_by_a_transfer(desk: Desk) -> None:
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, "<toAddress>2002</toAddress>")
    consult = desk.finesse.calls[original].associated
    await desk.act("1002", "ANSWER", consult)
    desk.recorder.events.clear()
    await desk.act("1001", "TRANSFER", original)
    assert steps(desk.dialogs("1002")) == [("DELETE", consult), ("POST", original)]
    arrived = desk.dialogs("1002")[-1]
    assert arrived.dialog.findtext("mediaProperties/callType") == "TRANSFER"
    assert arrived.dialog.findtext("secondaryId") == consult
    assert arrived.party("2001") == ("", "")
    await desk.act("1002", "DROP", original)
    assert desk.finesse.calls[original].over


async def test_call_that_a_colleague_made_sees_its_new_party(desk: Desk) -> None:
    await desk.call("1003", "2001")
    original = desk.dialogs("1001")[0].id
    await desk.act("1001", "ANSWER", original)
    await desk.act("1001", "CONSULT_CALL", original, TO)
    desk.recorder.events.clear()
    await desk.act("1001", "TRANSFER", original)
    (put,) = desk.dialogs("1003")
    assert put.party("5550199")[0] == "ACTIVE"


async def test_the_held_call_survives_after_a_swap(desk: Desk) -> None:
    original, consult = await desk.consulting()
    await desk.act("1001", "RETRIEVE", original)
    await desk.act("1001", "TRANSFER", consult)
    assert desk.finesse.calls[consult].secondary == original
    assert {p.address for p in desk.finesse.calls[consult].parties} == {"5550100", "5550199"}


async def test_transfer_on_a_retrieved_original_is_refused(desk: Desk) -> None:
    original, _ = await desk.consulting()
    await desk.act("1001", "RETRIEVE", original)
    response = await desk.act("1001", "TRANSFER", original)
    assert response.status == 202
    assert desk.errors("1001")[0].error[2] == "Generic Error"


async def test_early_transfer_is_refused_at_once_or_later(make_desk: MakeDesk) -> None:
    for when, status in ((EarlyTransfer.SYNC, 400), (EarlyTransfer.ASYNC, 202)):
        desk = make_desk(
            variants=Variants(early_transfer=when), dial_plan={"5550199": Number(Luck.RINGS)}
        )
        original = await desk.talking()
        await desk.act("1001", "CONSULT_CALL", original, TO)
        response = await desk.act("1001", "TRANSFER", original, request_id="t")
        assert response.status == status
        assert len(desk.errors("1001")) == (status == 202)
        assert desk.finesse.deed("1001", "t")[0].effect is False
        assert desk.party(original, "1001") == "HELD"


@pytest.mark.parametrize(
    ("style", "error"),
    [
        (RefusalStyle.FINESSE, ("4047", "INVALID_ACTION TRANSFER on extension 2001")),
        (RefusalStyle.EXTENSION, ("2001", "INVALID_ACTION TRANSFER on extension 2001")),
        (RefusalStyle.CTI, ("22", "CF_INVALID_OBJECT_STATE")),
    ],
)
async def test_refusals_come_in_the_shapes_that_were_seen(
    make_desk: MakeDesk, style: RefusalStyle, error: tuple[str, str]
) -> None:
    desk = make_desk(variants=Variants(refusal=style, early_transfer=EarlyTransfer.ASYNC))
    dialog = await desk.talking()
    await desk.act("1001", "TRANSFER", dialog)
    assert desk.errors("1001")[0].error[:2] == error


@pytest.mark.parametrize("order", list(ConferenceOrder))
async def test_conference_keeps_the_agent_with_both_others(
    make_desk: MakeDesk, order: ConferenceOrder
) -> None:
    desk = make_desk(variants=Variants(conference=order))
    original, consult = await desk.consulting()
    await desk.act("1001", "CONFERENCE", original)
    expected = [("PUT", original), ("DELETE", consult)]
    if order is ConferenceOrder.DELETE_FIRST:
        expected.reverse()
    assert steps(desk.dialogs("1001")) == expected
    put = next(e for e in desk.dialogs("1001") if e.event == "PUT")
    assert put.dialog.findtext("mediaProperties/callType") == "CONFERENCE"
    assert put.dialog.findtext("secondaryId") == consult
    assert [put.party(a)[0] for a in ("2001", "5550100", "5550199")] == ["ACTIVE"] * 3


async def test_agent_leaving_a_conference_leaves_the_others_talking(desk: Desk) -> None:
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, "<toAddress>2002</toAddress>")
    await desk.act("1002", "ANSWER", desk.finesse.calls[original].associated)
    await desk.act("1001", "CONFERENCE", original)
    desk.recorder.events.clear()
    await desk.act("1001", "DROP", original)
    assert steps(desk.dialogs("1001")) == [("PUT", original), ("DELETE", original)]
    assert desk.party(original, "1002") == "ACTIVE"
    assert not desk.finesse.calls[original].over


async def test_who_did_not_make_the_conference_cannot_add_to_it(make_desk: MakeDesk) -> None:
    for deployment, code in (("UCCE", "20999"), ("UCCX", "22")):
        desk = make_desk(deployment=deployment)
        original = await desk.talking()
        await desk.act("1001", "CONSULT_CALL", original, "<toAddress>2002</toAddress>")
        await desk.act("1002", "ANSWER", desk.finesse.calls[original].associated)
        await desk.act("1001", "CONFERENCE", original)
        await desk.act("1002", "CONSULT_CALL", original, TO)
        await desk.act("1002", "CONFERENCE", original)
        assert desk.errors("1002")[-1].error[0] == code


async def test_too_many_parties_are_refused(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(max_parties=2))
    original, _ = await desk.consulting()
    await desk.act("1001", "CONFERENCE", original)
    assert desk.errors("1001")[0].error[1] == "CF_CONFERENCE_MEMBER_LIMIT_EXCEEDED"


@pytest.mark.parametrize("order", list(SingleStepOrder))
async def test_single_step_sends_the_call_on(make_desk: MakeDesk, order: SingleStepOrder) -> None:
    desk = make_desk(variants=Variants(single_step=order))
    dialog = await desk.talking()
    await desk.act("1001", "TRANSFER_SST", dialog, "<toAddress>2002</toAddress>", request_id="s")
    assert desk.dialogs("1001")[-1].event == "DELETE"
    arrived = desk.dialogs("1002")[0]
    assert (arrived.event, arrived.party("2002")[0]) == ("POST", "ALERTING")
    order_of_nodes = [
        e.node.split("/")[4] for e in desk.recorder.events if e.event in {"POST", "DELETE"}
    ]
    first = "1002" if order is SingleStepOrder.ARRIVAL_FIRST else "1001"
    assert order_of_nodes[0] == first
    await desk.act("1002", "ANSWER", dialog)
    assert desk.party(dialog, "1002") == "ACTIVE"
    assert desk.finesse.deed("1001", "s")[0].effect is True


async def test_single_step_to_nowhere_leaves_the_agent_on_the_call(make_desk: MakeDesk) -> None:
    desk = make_desk(dial_plan={"5550199": Number(Luck.BAD_DESTINATION)})
    dialog = await desk.talking()
    await desk.act("1001", "TRANSFER_SST", dialog, TO)
    assert desk.errors("1001")[0].error[1] == "CF_INVALID_DESTINATION"
    assert desk.party(dialog, "1001") == "ACTIVE"


async def test_single_step_to_the_own_extension_is_refused_at_once(desk: Desk) -> None:
    dialog = await desk.talking()
    response = await desk.act("1001", "TRANSFER_SST", dialog, "<toAddress>2001</toAddress>")
    assert response.status == 400
    assert b"Invalid Destination" in response.body

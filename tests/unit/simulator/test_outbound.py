"""Preview reservations, reclassify, callbacks, recording."""

from __future__ import annotations

import pytest

from listener.simulator.profiles import PreviewOrder, Variants
from tests.unit.simulator.desk import Desk, MakeDesk, param


async def test_reservation_offers_three_actions_and_reserves_the_agent(desk: Desk) -> None:
    await desk.finesse.preview("1001", "5550100")
    await desk.finesse.quiet()
    (post,) = desk.dialogs("1001")
    assert post.dialog.findtext("mediaProperties/callType") == "OUTBOUND_PREVIEW"
    assert post.actions("2001") == {"ACCEPT", "CLOSE", "REJECT"}
    assert post.variable("BAStatus") == "PREVIEW_OUTBOUND_RESERVATION"
    assert desk.finesse.agents["1001"].state == "RESERVED_OUTBOUND_PREVIEW"


async def test_direct_preview_shows_the_callback_number(desk: Desk) -> None:
    await desk.finesse.preview("1001", "5550100", direct=True)
    await desk.finesse.quiet()
    assert desk.dialogs("1001")[0].dialog.findtext("callbackNumber") == "5550100"


@pytest.mark.parametrize("order", list(PreviewOrder))
async def test_accepted_reservation_gives_way_to_the_customers_call(
    make_desk: MakeDesk, order: PreviewOrder
) -> None:
    desk = make_desk(variants=Variants(preview=order))
    reservation = await desk.finesse.preview("1001", "5550100")
    await desk.act("1001", "ACCEPT", reservation, request_id="a")
    accepted = next(e for e in desk.dialogs("1001") if e.event == "PUT")
    assert (accepted.id, accepted.party("2001")[0]) == (reservation, "ACCEPTED")
    (deed,) = desk.finesse.deed("1001", "a")
    assert deed.effect is True
    membership = [(e.event, e.id) for e in desk.dialogs("1001") if e.event != "PUT"][1:]
    expected = [("DELETE", reservation), ("POST", deed.new_dialog_id)]
    if order is PreviewOrder.CALL_FIRST:
        expected.reverse()
    assert membership == expected
    assert desk.party(deed.new_dialog_id, "1001") == "ACTIVE"


@pytest.mark.parametrize("action", ["CLOSE", "REJECT"])
async def test_declined_reservation_is_deleted(desk: Desk, action: str) -> None:
    reservation = await desk.finesse.preview("1001", "5550100")
    await desk.act("1001", action, reservation, request_id="c")
    last = desk.dialogs("1001")[-1]
    assert (last.event, last.tag) == ("DELETE", "c")
    assert desk.finesse.calls[reservation].over
    assert desk.finesse.agents["1001"].state == "NOT_READY"


async def test_reservation_allows_nothing_else(desk: Desk) -> None:
    reservation = await desk.finesse.preview("1001", "5550100")
    await desk.act("1001", "RETRIEVE", reservation)
    assert desk.errors("1001")[0].error[2] == "Generic Error"


async def test_ordinary_call_cannot_be_accepted(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "ACCEPT", dialog)
    assert desk.errors("1001")[0].error[2] == "Generic Error"


async def test_unknown_reservation_is_404_by_its_own_name(desk: Desk) -> None:
    response = await desk.act("1001", "ACCEPT", "1")
    assert (response.status, b"Dialog Not Found" in response.body) == (404, True)


async def test_outbound_option_preview_is_501_on_uccx_and_direct_preview_is_not(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(deployment="UCCX")
    reservation = await desk.finesse.preview("1001", "5550100")
    assert (await desk.act("1001", "ACCEPT", reservation)).status == 501
    direct = await desk.finesse.preview("1002", "5550101", direct=True)
    assert (await desk.act("1002", "ACCEPT", direct)).status == 202


async def campaign(desk: Desk) -> str:
    reservation = await desk.finesse.preview("1001", "5550100")
    await desk.act("1001", "ACCEPT", reservation, request_id="a")
    desk.recorder.events.clear()
    return desk.finesse.deed("1001", "a")[0].new_dialog_id


async def test_reclassify_sets_the_response_once(desk: Desk) -> None:
    dialog = await campaign(desk)
    body = param("outboundClassification", "BUSY")
    await desk.act("1001", "RECLASSIFY", dialog, body)
    await desk.act("1001", "RECLASSIFY", dialog, body)
    (put,) = desk.dialogs("1001")
    assert put.variable("BAResponse") == "BUSY"


async def test_reclassify_is_refused(desk: Desk) -> None:
    dialog = await desk.talking()
    body = param("outboundClassification", "BUSY")
    await desk.act("1001", "RECLASSIFY", dialog, body)
    assert desk.errors("1001")[0].error[2] == "Generic error"
    body = param("outboundClassification", "NONSENSE")
    assert (await desk.act("1001", "RECLASSIFY", dialog, body)).status == 400


async def test_callback_is_promised_and_cancelled(desk: Desk) -> None:
    dialog = await campaign(desk)
    body = param("callbackTime", "2026-12-01T10:30")
    await desk.act("1001", "UPDATE_SCHEDULED_CALLBACK", dialog, body)
    await desk.act("1001", "CANCEL_SCHEDULED_CALLBACK", dialog)
    promised, cancelled = desk.dialogs("1001")
    path = "scheduledCallbackInfo/callbackTime"
    assert promised.dialog.findtext(path) == "2026-12-01T10:30"
    assert cancelled.dialog.find("scheduledCallbackInfo") is None


async def test_callback_on_an_ordinary_call_is_refused_later(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "CANCEL_SCHEDULED_CALLBACK", dialog)
    assert len(desk.errors("1001")) == 1


@pytest.mark.parametrize("shown", [True, False])
async def test_recording_takes_the_action_away_or_is_silent(
    make_desk: MakeDesk, *, shown: bool
) -> None:
    desk = make_desk(deployment="UCCX", variants=Variants(recording_event=shown))
    dialog = await desk.talking()
    await desk.act("1001", "START_RECORDING", dialog)
    assert desk.finesse.calls[dialog].recording
    assert len(desk.dialogs("1001")) == shown
    assert all("START_RECORDING" not in e.actions("2001") for e in desk.dialogs("1001"))
    await desk.act("1001", "START_RECORDING", dialog)
    assert desk.errors("1001")[0].error[2] == "Generic Error"


async def test_recording_of_a_held_call_is_401(make_desk: MakeDesk) -> None:
    desk = make_desk(deployment="UCCX")
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog)
    assert (await desk.act("1001", "START_RECORDING", dialog)).status == 401

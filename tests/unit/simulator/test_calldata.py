"""UPDATE_CALL_DATA: told on change, silent without one, cut where it is too long."""

from __future__ import annotations

import pytest

from listener.simulator.profiles import Ecc, MixedData, Variants
from tests.unit.simulator.desk import Desk, MakeDesk, variables


async def test_changed_variables_come_back_in_an_event(desk: Desk) -> None:
    dialog = await desk.talking()
    body = variables(("callVariable3", "gold & <new>"), ("user.customer", "42"))
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, body.replace("& <new>", "&amp; &lt;new&gt;"))
    (put,) = desk.dialogs("1001")
    assert put.variable("callVariable3") == "gold & <new>"
    assert put.variable("user.customer") == "42"


async def test_equal_values_give_no_event_though_they_were_taken(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("callVariable1", "a")))
    desk.recorder.events.clear()
    await desk.act(
        "1001", "UPDATE_CALL_DATA", dialog, variables(("callVariable1", "a")), request_id="u"
    )
    assert desk.recorder.events == []
    assert desk.finesse.deed("1001", "u")[0].effect is True


async def test_only_unknown_variables_are_answered_by_silence(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("user.x", "a")), request_id="u")
    assert desk.recorder.events == []
    assert desk.finesse.deed("1001", "u")[0].effect is False


@pytest.mark.parametrize("mixed", list(MixedData))
async def test_mixed_variables_are_refused_or_set_in_part(
    make_desk: MakeDesk, mixed: MixedData
) -> None:
    desk = make_desk(variants=Variants(mixed_data=mixed))
    dialog = await desk.talking()
    body = variables(("callVariable1", "a"), ("user.x", "b"))
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, body, request_id="u")
    partial = mixed is MixedData.PARTIAL
    assert desk.finesse.calls[dialog].variables["callVariable1"] == ("a" if partial else "")
    assert len(desk.errors("1001")) == (not partial)
    assert desk.finesse.deed("1001", "u")[0].effect is False


async def test_long_ecc_values_are_cut_at_their_bytes(desk: Desk) -> None:
    dialog = await desk.talking()
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("user.customer", "x" * 31)))
    assert desk.dialogs("1001")[0].variable("user.customer") == "x" * 30


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("callVariable1", "x" * 41),
        ("user.customer[0]", "a"),
        ("user.items", "a"),
        ("user.items[5]", "a"),
    ],
)
async def test_misused_variables_are_refused_later(desk: Desk, name: str, value: str) -> None:
    dialog = await desk.talking()
    response = await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables((name, value)))
    assert response.status == 202
    assert desk.errors("1001")[0].error[2] == "Invalid Input"


@pytest.mark.parametrize(
    "pairs",
    [
        [("nonsense", "a")],
        [("BAResponse", "a")],
        [("callVariable1", "a"), ("callVariable1", "b")],
        [("callVariable1", "ä")],
    ],
)
async def test_wrong_names_are_refused_at_once(desk: Desk, pairs: list[tuple[str, str]]) -> None:
    dialog = await desk.talking()
    response = await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(*pairs))
    assert response.status == 400
    assert b"Invalid Input" in response.body


async def test_protected_variables_are_refused_later(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(protected=frozenset({"callVariable9"})))
    dialog = await desk.talking()
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("callVariable9", "a")))
    assert desk.errors("1001")[0].error[2] == "Call Variable is protected"


async def test_direct_calls_may_be_protected_as_a_whole(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(protect_direct_calls=True))
    await desk.call("1001", "5550100")
    dialog = desk.dialogs("1001")[0].id
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("callVariable1", "a")))
    assert desk.errors("1001")[0].error[2] == "Call Variable is protected"


async def test_wrap_up_reason_needs_no_target(desk: Desk) -> None:
    dialog = await desk.talking()
    body = (
        "<Dialog><requestedAction>UPDATE_CALL_DATA</requestedAction><mediaProperties>"
        "<wrapUpReason>Sold</wrapUpReason></mediaProperties></Dialog>"
    )
    response = await desk.http("PUT", f"/Dialog/{dialog}", "1001", body)
    await desk.finesse.quiet()
    assert response.status == 202
    (put,) = desk.dialogs("1001")
    assert put.dialog.findtext("mediaProperties/wrapUpReason") == "Sold"


async def test_wrap_up_items_belong_to_uccx(make_desk: MakeDesk) -> None:
    body = (
        "<mediaProperties><wrapUpItems><wrapUpItem>A</wrapUpItem></wrapUpItems></mediaProperties>"
    )
    ccx = make_desk(deployment="UCCX")
    dialog = await ccx.talking()
    await ccx.act("1001", "UPDATE_CALL_DATA", dialog, body)
    assert ccx.finesse.calls[dialog].wrap_up_items == ("A",)
    cce = make_desk()
    dialog = await cce.talking()
    assert (await cce.act("1001", "UPDATE_CALL_DATA", dialog, body)).status == 400


async def test_all_ecc_data_together_has_a_limit(make_desk: MakeDesk) -> None:
    desk = make_desk(ecc={"user.big": Ecc(3000)})
    dialog = await desk.talking()
    await desk.act("1001", "UPDATE_CALL_DATA", dialog, variables(("user.big", "x" * 2500)))
    assert desk.errors("1001")[0].error[2] == "Invalid Input"

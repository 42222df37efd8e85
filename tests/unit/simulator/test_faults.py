"""Misfortune on demand: each fault does what it says, and the truth says so too."""

from __future__ import annotations

import pytest

from listener.simulator.faults import Fault, Faults, Rule
from listener.simulator.interfaces import Deed, Fate, HttpResponse
from tests.unit.simulator.desk import Desk, MakeDesk


async def held_with(
    make_desk: MakeDesk, fault: Fault, **rule: object
) -> tuple[Desk, str, HttpResponse, Deed]:
    desk = make_desk()
    dialog = await desk.talking()
    desk.finesse.faults.add(fault, action="HOLD", **rule)
    response = await desk.act("1001", "HOLD", dialog, request_id="h")
    (deed,) = desk.finesse.deed("1001", "h")
    assert fault.value in deed.faults
    return desk, dialog, response, deed


async def test_late_answer_waits(make_desk: MakeDesk) -> None:
    _, _, response, deed = await held_with(make_desk, Fault.ANSWER_LATE, seconds=0.25)
    assert (response.status, response.delay, deed.effect) == (202, 0.25, True)


async def test_event_can_come_before_the_answer(make_desk: MakeDesk) -> None:
    desk = make_desk()
    dialog = await desk.talking()
    desk.finesse.faults.add(Fault.EVENT_FIRST)
    body = (
        "<Dialog><requestedAction>HOLD</requestedAction>"
        "<targetMediaAddress>2001</targetMediaAddress></Dialog>"
    )
    await desk.http("PUT", f"/Dialog/{dialog}", "1001", body)
    assert desk.dialogs("1001")[0].party("2001")[0] == "HELD"


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HANG, Fate.RESET])
async def test_no_answer_though_it_was_done(make_desk: MakeDesk, fate: Fate) -> None:
    desk, dialog, response, deed = await held_with(make_desk, Fault.NO_ANSWER_DONE, fate=fate)
    assert response.fate is fate
    assert (deed.status, deed.effect) == (None, True)
    assert desk.party(dialog, "1001") == "HELD"


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HANG, Fate.RESET])
async def test_no_answer_and_never_done(make_desk: MakeDesk, fate: Fate) -> None:
    desk, dialog, response, deed = await held_with(make_desk, Fault.NO_ANSWER_LOST, fate=fate)
    assert response.fate is fate
    assert (deed.status, deed.effect) == (None, False)
    assert desk.party(dialog, "1001") == "ACTIVE"


@pytest.mark.parametrize(
    ("fault", "status", "body", "effect"),
    [
        (Fault.UNAVAILABLE, 503, True, False),
        (Fault.UNAVAILABLE_BARE, 503, False, False),
        (Fault.UNAVAILABLE_DONE, 503, False, True),
        (Fault.ERROR_DONE, 500, False, True),
    ],
)
async def test_bad_status_tells_little_about_the_effect(
    make_desk: MakeDesk, fault: Fault, status: int, *, body: bool, effect: bool
) -> None:
    desk, dialog, response, deed = await held_with(make_desk, fault)
    assert (response.status, b"ApiErrors" in response.body) == (status, body)
    assert (deed.status, deed.effect) == (status, effect)
    assert desk.party(dialog, "1001") == ("HELD" if effect else "ACTIVE")


async def test_refusal_after_the_202_comes_as_a_cti_error(make_desk: MakeDesk) -> None:
    desk, dialog, response, deed = await held_with(make_desk, Fault.REFUSED_LATER)
    assert response.status == 202
    expected = ("34", "CF_RESOURCE_OUT_OF_SERVICE", "Call Operation Failure")
    assert desk.errors("1001")[0].error == expected
    assert (deed.effect, deed.error) == (False, "CF_RESOURCE_OUT_OF_SERVICE")
    assert desk.party(dialog, "1001") == "ACTIVE"


async def test_silent_success_publishes_nothing(make_desk: MakeDesk) -> None:
    desk, dialog, _, deed = await held_with(make_desk, Fault.SILENT)
    assert desk.recorder.events == []
    assert deed.effect is True
    assert {reached for *_, reached in deed.published} == {0}
    assert desk.party(dialog, "1001") == "HELD"


async def test_lost_event_is_counted_as_reaching_nobody(make_desk: MakeDesk) -> None:
    desk, _, _, deed = await held_with(make_desk, Fault.EVENT_LOST)
    assert desk.dialogs("1001") == []
    assert deed.published[0][3] == 0


@pytest.mark.parametrize(("fault", "same"), [(Fault.EVENT_TWICE, True), (Fault.EVENT_AGAIN, False)])
async def test_duplicates_have_the_same_item_id_or_a_new_one(
    make_desk: MakeDesk, fault: Fault, *, same: bool
) -> None:
    desk, *_ = await held_with(make_desk, fault)
    first, second = desk.dialogs("1001")
    assert first.payload == second.payload
    assert (first.item_id == second.item_id) is same


async def test_late_event_comes_behind_what_followed(make_desk: MakeDesk) -> None:
    desk, *_ = await held_with(make_desk, Fault.EVENT_LATE, seconds=0.01)
    assert desk.recorder.events[-1].dialog is not None  # the user's event was not delayed
    assert desk.recorder.events[0].dialog is None


async def test_swapped_event_goes_behind_the_next_of_its_node(make_desk: MakeDesk) -> None:
    desk = make_desk()
    dialog = await desk.talking()
    desk.finesse.faults.add(Fault.EVENT_SWAPPED, action="DROP")
    await desk.act("1001", "DROP", dialog)
    states = [(e.event, e.state) for e in desk.dialogs("1001")]
    assert states == [("PUT", "DROPPED"), ("PUT", "ACTIVE"), ("DELETE", "DROPPED")]


async def test_swapped_event_with_nothing_behind_it_still_comes(make_desk: MakeDesk) -> None:
    desk, *_ = await held_with(make_desk, Fault.EVENT_SWAPPED, seconds=0.01)
    assert len(desk.dialogs("1001")) == 1


async def test_error_event_can_be_late_without_delaying_others(make_desk: MakeDesk) -> None:
    desk = make_desk()
    dialog = await desk.talking()
    desk.finesse.faults.add(Fault.ERROR_LATE, seconds=0.01, times=2)
    await desk.act("1001", "HOLD", dialog, request_id="good")
    await desk.act("1001", "HOLD", dialog, request_id="bad")
    assert desk.finesse.deed("1001", "good")[0].faults == []
    assert desk.finesse.deed("1001", "bad")[0].faults == ["error_late"]
    assert len(desk.errors("1001")) == 1


async def test_rules_are_used_up_and_fit_only_their_own(make_desk: MakeDesk) -> None:
    desk = make_desk()
    dialog = await desk.talking()
    desk.finesse.faults.add(Fault.UNAVAILABLE, agent="1002")
    desk.finesse.faults.add(Fault.ERROR_DONE, agent="1001", action="HOLD")
    assert (await desk.act("1001", "HOLD", dialog)).status == 500
    assert (await desk.act("1001", "RETRIEVE", dialog)).status == 202
    assert [rule.fault for rule in desk.finesse.faults.rules] == [Fault.UNAVAILABLE]


async def test_reading_goes_wrong_only_when_named(make_desk: MakeDesk) -> None:
    desk = make_desk(faults=Faults([Rule(Fault.UNAVAILABLE_BARE)], rates={Fault.ERROR_DONE: 1}))
    assert (await desk.http("GET", "/User/1001", "1001")).status == 200
    desk.finesse.faults.add(Fault.UNAVAILABLE_BARE, action="GET")
    desk.finesse.faults.add(Fault.ANSWER_LATE, action="GET", seconds=0.1)
    response = await desk.http("GET", "/User/1001", "1001")
    assert (response.status, response.delay, response.body) == (503, 0.1, b"")


async def test_rates_draw_the_same_misfortune_for_the_same_seed(make_desk: MakeDesk) -> None:
    async def run(seed: int) -> list[tuple[int | None, bool | None, tuple[str, ...]]]:
        rates = dict.fromkeys(set(Fault) - {Fault.EVENT_LATE, Fault.ERROR_LATE}, 0.1)
        desk = make_desk(faults=Faults(rates=rates, seconds=0.001), seed=seed)
        dialog = await desk.talking_quietly()
        for number in range(30):
            await desk.act("1001", ("HOLD", "RETRIEVE")[number % 2], dialog)
        return [(d.status, d.effect, tuple(d.faults)) for d in desk.finesse.truth]

    first = await run(3)
    assert first == await run(3)
    assert len({faults for *_, faults in first}) > 3
    assert all(effect is not None for _, effect, _ in first)


async def test_rates_hit_unsolicited_events_too(make_desk: MakeDesk) -> None:
    desk = make_desk(faults=Faults(rates={Fault.EVENT_LOST: 1}))
    await desk.finesse.incoming_call("1001", "5550100")
    await desk.finesse.quiet()
    assert desk.recorder.events == []

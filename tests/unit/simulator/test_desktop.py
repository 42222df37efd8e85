"""The agents' other hands: the desktop and the telephone, with ids of their own or none."""

from __future__ import annotations

import asyncio

import pytest

from listener.simulator.desktop import Desktop
from listener.simulator.profiles import Tagging
from listener.simulator.telephone import Telephone
from tests.unit.simulator.desk import Desk, MakeDesk


async def test_desktop_goes_the_same_way_and_is_marked_in_the_truth(desk: Desk) -> None:
    dialog = await desk.talking()
    response = await Desktop(desk.finesse).press("1001", "HOLD", dialog)
    await desk.finesse.quiet()
    assert response.status == 202
    assert {e.tag for e in desk.dialogs("1001")} == {""}
    assert desk.finesse.truth[-1].client == "desktop"


async def test_desktop_errors_are_untagged_and_heard_by_the_agent(desk: Desk) -> None:
    dialog = await desk.talking()
    desktop = Desktop(desk.finesse)
    await desktop.press("1001", "HOLD", dialog)
    await desktop.press("1001", "HOLD", dialog)
    await desk.finesse.quiet()
    (error,) = desk.errors("1001")
    assert error.tag == ""


async def test_desktop_counts_where_the_profile_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk(tagging=Tagging.COUNTER)
    dialog = await desk.talking()
    desktop = Desktop(desk.finesse)
    await desktop.press("1001", "HOLD", dialog)
    await desk.act("1001", "RETRIEVE", dialog, request_id="1")
    assert [e.tag for e in desk.dialogs("1001")] == ["1", "1"]
    assert [d.client for d in desk.finesse.deed("1001", "1")] == ["desktop", "caller"]
    await desktop.press("1001", "HOLD", dialog)
    assert desk.finesse.truth[-1].request_id == "2"


async def test_desktop_can_do_what_the_caller_can(desk: Desk) -> None:
    desktop = Desktop(desk.finesse)
    await desktop.become("1001", "LOGOUT")
    await desk.finesse.quiet()
    await desktop.become("1001", "LOGIN")
    await desk.finesse.quiet()
    await desktop.call("1001", "5550100", request_id="mine")
    await desk.finesse.quiet()
    dialog = desk.finesse.deed("1001", "mine")[0].new_dialog_id
    await desktop.press("1001", "UPDATE_CALL_DATA", dialog, variables={"callVariable1": "a"})
    await desktop.press("1001", "SEND_DTMF", dialog, params={"dtmfString": "9"})
    await desktop.press("1001", "CONSULT_CALL", dialog, to="5550199")
    await desk.finesse.quiet()
    call = desk.finesse.calls[dialog]
    assert call.variables["callVariable1"] == "a"
    assert call.digits == [("2001", "9")]
    assert desk.party(call.associated, "1001") == "ACTIVE"


async def test_telephone_changes_calls_without_a_request(desk: Desk) -> None:
    telephone = Telephone(desk.finesse)
    dialog = await desk.finesse.incoming_call("1001", "5550100")
    assert await telephone.answer("1001", dialog)
    assert await telephone.hold("1001", dialog)
    assert not await telephone.hold("1001", dialog)
    assert await telephone.retrieve("1001", dialog)
    assert await telephone.hang_up("1001", dialog)
    assert not await telephone.hang_up("1001", "1")
    await desk.finesse.quiet()
    assert {e.tag for e in desk.recorder.events} == {""}
    assert desk.errors() == []
    assert len(desk.finesse.truth) == 0


async def test_telephone_off_hook_makes_a_dialog_without_a_number(desk: Desk) -> None:
    dialog = await Telephone(desk.finesse).off_hook("1001")
    await desk.finesse.quiet()
    (post,) = desk.dialogs("1001")
    assert (post.id, post.state) == (dialog, "INITIATING")
    await desk.act("1001", "DROP", dialog)
    assert desk.finesse.calls[dialog].over
    await desk.become("1001", "LOGOUT")
    assert await Telephone(desk.finesse).off_hook("1001") is None


async def test_telephone_dials(desk: Desk) -> None:
    telephone = Telephone(desk.finesse)
    assert await telephone.dial("1001", "5550100")
    await desk.finesse.quiet()
    assert desk.dialogs("1001")[-1].state == "ACTIVE"
    assert not await telephone.dial("1001", "5550101")  # one active call is enough


async def test_telephone_dials_some_time_after_going_off_hook(make_desk: MakeDesk) -> None:
    desk = make_desk(pace=0.001)
    dialling = asyncio.create_task(Telephone(desk.finesse).dial("1001", "5550100", thinks=1e9))
    while not desk.dialogs("1001"):
        await desk.finesse.switch.pause()
    await desk.finesse.switch.pause(5)
    assert {e.state for e in desk.dialogs("1001")} == {"INITIATING"}
    dialling.cancel()


@pytest.mark.parametrize(("stays", "left"), [(False, "absent"), (True, "ACTIVE")])
async def test_telephone_consults_and_joins(desk: Desk, stays: bool, left: str) -> None:  # noqa: FBT001
    telephone = Telephone(desk.finesse)
    dialog = await desk.talking()
    assert not await telephone.join("1001", dialog, stays=stays)
    assert await telephone.consult("1001", dialog, "5550199")
    await desk.finesse.quiet()
    assert not await telephone.consult("1001", dialog, "5550199")
    assert await telephone.join("1001", dialog, stays=stays)
    await desk.finesse.quiet()
    assert desk.party(dialog, "1001") == left
    assert desk.party(dialog, "1002") == "absent"
    assert {e.tag for e in desk.recorder.events} == {""}
    assert not await telephone.consult("1001", "1", "5550199")


async def test_call_that_is_not_answered_makes_the_agent_not_ready(desk: Desk) -> None:
    await desk.become("1001", "READY")
    dialog = await desk.finesse.incoming_call("1001", "5550100")
    await desk.finesse.is_not_answered(dialog, "1002")
    assert not desk.finesse.calls[dialog].over
    await desk.finesse.is_not_answered(dialog, "1001")
    await desk.finesse.quiet()
    assert desk.dialogs("1001")[-1].event == "DELETE"
    agent = desk.finesse.agents["1001"]
    assert (agent.state, agent.reason_code_id) == ("NOT_READY", "32767")


@pytest.mark.parametrize("hands", [Desktop, Telephone])
async def test_restless_hands_do_the_same_with_the_same_seed(
    make_desk: MakeDesk, hands: type[Desktop | Telephone]
) -> None:
    async def run(seed: int) -> list[str]:
        desk = make_desk(seed=seed)
        dialog = await desk.talking()
        hands(desk.finesse).let_loose("1001", times=8)
        await desk.finesse.quiet()
        return [e.state and e.party("2001")[0] for e in desk.dialogs("1001") if e.id == dialog]

    assert await run(1) == await run(1)
    assert len({tuple(await run(seed)) for seed in range(6)}) > 1


async def test_idle_hands_press_nothing(desk: Desk) -> None:
    assert await Desktop(desk.finesse).fidget("1001") is None
    assert not await Telephone(desk.finesse).fidget("1001")

"""Everything at once, by many seeds: whatever happens, the truth is decided and events add up."""

from __future__ import annotations

import pytest

from listener.simulator.desktop import Desktop
from listener.simulator.profiles import Dice, Tagging, Variants
from listener.simulator.telephone import Telephone
from tests.unit.simulator.desk import Desk, MakeDesk, digits, variables

ACTIONS = (
    ("ANSWER", ""),
    ("HOLD", ""),
    ("RETRIEVE", ""),
    ("DROP", ""),
    ("CONSULT_CALL", "<toAddress>5550199</toAddress>"),
    ("CONSULT_CALL", "<toAddress>2002</toAddress>"),
    ("TRANSFER", ""),
    ("CONFERENCE", ""),
    ("TRANSFER_SST", "<toAddress>2002</toAddress>"),
    ("SEND_DTMF", digits("1")),
    ("UPDATE_CALL_DATA", variables(("callVariable1", "x"), ("user.x", "y"))),
    ("ACCEPT", ""),
    ("CLOSE", ""),
    ("START", ""),
)
STATES = ("READY", "NOT_READY", "WORK", "LOGOUT", "LOGIN")


async def one_step(desk: Desk, dice: Dice) -> None:
    finesse = desk.finesse
    agent = dice.pick(None, ("1001", "1002", "1003"))
    choice = dice.number(0, 9)
    mine = [c.id for c in finesse.switch.calls_of(agent)]
    if choice == 0 and finesse.agents[agent].signed_in:
        await finesse.incoming_call(agent, "5550100")
    elif choice == 1:
        await desk.call(agent, dice.pick(None, ("5550123", "2001", "2002")))
    elif choice == 2 and finesse.agents[agent].signed_in:
        await dice.pick(None, (finesse.preview, finesse.task))(agent, "5550177")
    elif choice == 3:
        extra = "<extension>2001</extension>"
        await desk.become(agent, dice.pick(None, STATES), extra)
    elif choice == 4 and agent == "1003":
        await desk.call("1003", "2001", action="SILENT_MONITOR")
    elif choice == 5 and mine:
        await finesse.far_end_hangs_up(mine[0])
    elif mine:
        call = finesse.calls[dice.pick(None, mine)]
        fitting = finesse.switch.actions(call, call.of(agent))
        some = [a for a in ACTIONS if a[0] in fitting] if dice.happens(0.7) else []
        action, extra = dice.pick(None, some or ACTIONS)
        await desk.act(agent, action, call.id, extra, request_id="x")


def check_membership(desk: Desk) -> None:
    """Check that a dialog is spoken of between its POST and its DELETE, on each node."""
    listed: dict[str, set[str]] = {}
    for event in desk.recorder.events:
        if event.dialog is None:
            continue
        there = listed.setdefault(event.node, set())
        if event.event.upper() == "POST":
            there.add(event.id)
        else:
            assert event.id in there, (event.node, event.event, event.id)
        if event.event.upper() == "DELETE":
            there.discard(event.id)
    for agent in desk.finesse.agents:
        spoken = {d for node, ids in listed.items() if f"/User/{agent}/" in node for d in ids}
        found = [c.id for c in desk.finesse.switch.calls_of(agent)]
        there = [c for c in desk.finesse.calls.values() if not c.over and c.of(agent)]
        assert found == [c.id for c in there if c.of(agent).listed]
        assert spoken == set(found)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("deployment", ["UCCE", "UCCX"])
async def test_truth_is_decided_and_events_add_up(
    make_desk: MakeDesk, seed: int, deployment: str
) -> None:
    desk = make_desk(
        deployment=deployment, seed=seed, variants=Variants.drawn(), tagging=Tagging.DRAWN
    )
    dice = Dice(seed, "soak")
    desktop, telephone = Desktop(desk.finesse), Telephone(desk.finesse)
    for _ in range(10):
        for agent in ("1001", "1002"):
            desktop.let_loose(agent, times=2)
            telephone.let_loose(agent, times=1)
        for _ in range(8):
            await one_step(desk, dice)
    await desk.finesse.quiet()
    check_membership(desk)
    assert all(deed.effect is not None for deed in desk.finesse.truth)
    assert {deed.effect for deed in desk.finesse.truth} == {True, False}
    for call in desk.finesse.calls.values():
        agents = [p.agent for p in call.parties if p.agent]
        assert len(agents) == len(set(agents)), call
    states = {a: desk.finesse.agents[a].state for a in desk.finesse.agents}
    shown = dict.fromkeys(states, "NOT_READY")
    for event in desk.recorder.events:
        user = event.update.find("data/user")
        if user is not None:
            shown[user.findtext("loginId")] = user.findtext("state")
    assert shown == states

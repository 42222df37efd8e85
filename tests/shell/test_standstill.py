"""A loop that stood still reads what lies in its sockets before it says that nothing came.

In made-up time: what takes several turns to be read stands for sockets, TLS and parser.
"""

from __future__ import annotations

import asyncio
import socket

import pytest

from listener.correlation.outcome import Evidence
from listener.operations.turns import MOST, BoundedLoop
from listener.service import Wishes
from listener.standstill import LATE, LONGEST, TURNS, Standstill
from tests.builders import AGENT
from tests.oracle.clock import VirtualLoop, run
from tests.shell.stage import until
from tests.shell.test_service import ERROR, HELD, Rig, hold

LENGTH = 15.0  # seconds to the deadline
ASLEEP = 60.0  # seconds for which nobody looks
UNSIGNED = ERROR.format(tag="", type="Generic Error")


def stand_still(loop: VirtualLoop, seconds: float = ASLEEP) -> None:
    """Let time pass in the middle of a turn, as while a process is stopped."""
    loop._jumping.now += seconds


def lies_there(rig: Rig, payload: str, turns: int) -> None:
    """Have it heard after so many turns of the loop."""
    if turns:
        rig.service.loop.call_soon(lies_there, rig, payload, turns - 1)
    else:
        rig.hear(payload)


async def accepted(rig: Rig):
    rig.up()
    ticket = rig.service.submit(hold(), Wishes(deadline=LENGTH))
    await until(lambda: ticket.state.name == "ACCEPTED")
    return ticket


@pytest.mark.parametrize("turns", range(TURNS))
def test_what_was_delivered_before_the_deadline_is_heard_before_it(turns):
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        stand_still(loop)
        lies_there(rig, HELD.format(tag=ticket.request_id), turns)
        outcome = await ticket.outcome()
        await rig.service.close()
        return outcome.kind, ticket.record.late

    assert run(main) == ("confirmed", [])


@pytest.mark.parametrize("turns", range(TURNS))
def test_a_sole_suspect_whose_proof_lies_there_does_not_fail(turns):
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        rig.hear(UNSIGNED)
        stand_still(loop)
        lies_there(rig, HELD.format(tag=ticket.request_id), turns)
        outcome = await ticket.outcome()
        await rig.service.close()
        return outcome.kind

    assert run(main) == "confirmed"


def test_without_news_it_ends_all_the_same_and_what_follows_has_its_own_time():
    async def main(loop):
        rig = Rig()
        first = await accepted(rig)
        stand_still(loop)
        outcome = await first.outcome()
        woken = loop.time()
        second = await accepted(rig)
        later = await second.outcome()
        await rig.service.close()
        return outcome.reason.value, later.reason.value, round(loop.time() - woken, 1)

    assert run(main) == ("deadline", "deadline", LENGTH)


def test_closing_in_the_middle_leaves_nothing_behind():
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        stand_still(loop)
        rig.service.session_down(AGENT, "test")  # it notices here
        await rig.service.close()
        return (await ticket.outcome()).kind

    assert run(main) == "abandoned"


def test_a_hand_over_in_the_middle_judges_afterwards_what_came_meanwhile():
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        stand_still(loop)
        rig.service.session_down(AGENT, "test")  # it notices here
        rig.service.pause()
        rig.hear(HELD.format(tag=ticket.request_id))
        for _ in range(2 * TURNS):
            await asyncio.sleep(0)
        open_yet = rig.service.pending
        rig.service.resume()
        ended = ticket.record.outcome
        await rig.service.close()
        return open_yet, ended.kind

    assert run(main) == (1, "confirmed")


def test_a_standstill_is_noticed_once_and_ends_after_its_turns():
    async def main(loop):
        over = asyncio.Event()
        still = Standstill(loop, over.set)
        begun = [still.begins(late) for late in (LATE, LATE + 0.001, 60.0)]
        lasted = []
        for _ in range(TURNS):
            lasted.append(still.lasts and not over.is_set())
            await asyncio.sleep(0)
        await over.wait()
        return begun, all(lasted), still.lasts

    assert run(main) == ([False, True, False], True, False)


@pytest.mark.parametrize(("pace", "rounds"), [(0.0, 50), (0.1, 1_000_000)])
def test_a_loop_that_is_behind_has_had_no_turn_but_not_for_ever(pace, rounds):
    async def main(loop):
        over = asyncio.Event()
        loop.behind = True
        still = Standstill(loop, over.set)
        assert still.begins(1.0)
        began, count = loop.time(), 0
        while still.lasts and count < rounds:
            count += 1
            loop._jumping.now += pace
            await asyncio.sleep(0)
        loop.behind = False
        await over.wait()
        return still.lasts, loop.time() - began <= LONGEST + 2 * pace

    assert run(main) == (False, True)


async def test_the_daemons_loop_says_when_sockets_wait_for_their_turn():
    def read(near):
        near.recv(1)
        seen.append(loop.behind)

    loop, seen = BoundedLoop(), []
    pairs = [socket.socketpair() for _ in range(2 * MOST)]
    try:
        for far, near in pairs:
            loop.add_reader(near, read, near)
            far.send(b"x")
        await asyncio.to_thread(lambda: [turn(loop) for _ in range(2)])
        assert seen == [True] * MOST + [False] * MOST
        assert not loop.behind
    finally:
        for far, near in pairs:
            loop.remove_reader(near)
            far.close()
            near.close()
        loop.close()


def turn(loop):
    """Let a loop have one turn."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_after_a_hand_over_that_failed_no_time_is_up_that_is_not():
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        await asyncio.sleep(LENGTH - 2.5)  # the GET told nothing
        rig.service.pause()
        await asyncio.sleep(0.5)
        rig.service.resume()
        await asyncio.sleep(0.5)
        rig.hear(HELD.format(tag=ticket.request_id))
        outcome = ticket.record.outcome
        await rig.service.close()
        return outcome and outcome.kind, outcome and outcome.evidence

    assert run(main) == ("confirmed", Evidence.REQUEST_ID)


def test_who_goes_on_a_moment_before_a_deadline_still_hears_what_comes_in_it():
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        await asyncio.sleep(LENGTH - 0.5)
        rig.service.pause()
        await asyncio.sleep(0.47)
        rig.service.resume()
        rig.hear(HELD.format(tag=ticket.request_id))
        outcome = ticket.record.outcome
        await rig.service.close()
        return outcome and outcome.kind

    assert run(main) == "confirmed"


def test_who_stands_still_in_the_moment_of_an_answer_tells_no_shorter_time_than_it_was(monkeypatch):
    async def main(loop):
        for module in ("executing", "ledger"):
            monkeypatch.setattr(f"listener.{module}.now_utc", loop.wall)
        rig = Rig()
        rig.up()
        ticket = rig.service.submit(hold(), Wishes(deadline=LENGTH))

        def held_up(_):
            stand_still(loop, 0.015 if ticket.state.name == "SENT" else 0.0)

        monkeypatch.setattr(rig.service, "_look_up", held_up)
        await ticket.outcome()
        told = ticket.record
        await rig.service.close()
        return (told.settled - told.answered).total_seconds() >= LENGTH

    assert run(main)


def test_a_standstill_before_a_pause_extends_no_deadline():
    async def main(loop):
        rig = Rig()
        ticket = await accepted(rig)
        await asyncio.sleep(LENGTH - 3.01)  # the GET is due in a moment
        stand_still(loop, 0.1)
        rig.hear(ERROR.format(tag="9", type="of a stranger"))  # it notices here
        rig.service.pause()
        await asyncio.sleep(20)
        rig.hear(HELD.format(tag=""))
        rig.service.resume()
        outcome = ticket.record.outcome
        await rig.service.close()
        return outcome and outcome.kind

    assert run(main) == "unconfirmed"

"""Own tasks and queues per object: bounded, awaited, and honest about bugs."""

from __future__ import annotations

import asyncio

import pytest

from listener.simulator.crew import Crew, LaneFull, Lanes
from listener.simulator.interfaces import Form
from tests.unit.simulator.desk import Desk


async def test_lane_runs_one_job_after_another_and_lanes_do_not_wait_for_each_other() -> None:
    crew, order, gate = Crew(), list[str](), asyncio.Event()
    lanes = Lanes(crew)

    async def slow() -> None:
        await gate.wait()
        order.append("slow")

    async def quick(name: str) -> None:
        order.append(name)

    lanes.submit("a", slow)
    after = lanes.submit("a", lambda: quick("after"))
    await lanes.submit("b", lambda: quick("beside")).wait()
    assert order == ["beside"]
    gate.set()
    await after.wait()
    assert order == ["beside", "slow", "after"]
    await crew.close()


async def test_full_lane_refuses() -> None:
    crew = Crew()
    lanes = Lanes(crew, limit=1)
    lanes.submit("a", lambda: asyncio.sleep(60))
    with pytest.raises(LaneFull):
        lanes.submit("a", lambda: asyncio.sleep(60))
    await crew.close()


async def test_close_ends_what_runs_and_raises_what_failed() -> None:
    crew = Crew()

    async def bug() -> None:
        raise KeyError("x")

    crew.start(bug())
    crew.start(asyncio.sleep(60), timer=True)
    await crew.quiet()
    with pytest.raises(ExceptionGroup) as raised:
        await crew.close()
    assert [type(e) for e in raised.value.exceptions] == [KeyError]
    await crew.close()  # told once


async def test_lane_goes_on_after_a_failed_job() -> None:
    crew = Crew()
    lanes = Lanes(crew)

    async def bug() -> None:
        raise KeyError("x")

    lanes.submit("a", bug)
    async with asyncio.timeout(10):
        await lanes.submit("a", lambda: asyncio.sleep(0)).wait()
    with pytest.raises(ExceptionGroup):
        await crew.close()


async def test_too_many_requests_on_one_object_are_503(desk: Desk) -> None:
    dialog = await desk.talking()
    body = (
        "<Dialog><requestedAction>HOLD</requestedAction>"
        "<targetMediaAddress>2001</targetMediaAddress></Dialog>"
    )
    answers = [await desk.http("PUT", f"/Dialog/{dialog}", "1001", body) for _ in range(101)]
    assert [a.status for a in answers] == [202] * 100 + [503]
    await desk.finesse.quiet()
    assert desk.finesse.truth[-1].effect is False


async def test_publisher_that_fails_does_not_stop_the_rest(desk: Desk) -> None:
    sound = desk.recorder.publish

    async def broken(
        node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        raise ConnectionError(node)

    desk.recorder.publish = broken
    desk.finesse.set_status("PARTIAL_SERVICE")
    await desk.finesse.quiet()
    desk.recorder.publish = sound
    desk.finesse.set_status("OUT_OF_SERVICE")
    await desk.finesse.quiet()
    assert len(desk.recorder.events) == 1
    with pytest.raises(ExceptionGroup):
        await desk.finesse.close()

"""Events of many agents, woven into one another by chance: each agent's are told in their order.

Between agents no order is promised; what is told has the numbers of one sequence all the same.
"""

from __future__ import annotations

import json
import random

import pytest

from tests.shell.api_rig import ADMIN, rigged

AGENTS = ("1001", "1002", "1003", "1004", "1005")
EVENTS = 40  # of each
STATE = (
    "<Update><event>PUT</event><source>/finesse/api/User/{agent}</source><data><user>"
    "<loginId>{agent}</loginId><state>NOT_READY</state><reasonCodeId>{number}</reasonCodeId>"
    "<stateChangeTime>2026-11-21T08:{minute:02}:{second:02}.000Z</stateChangeTime>"
    "</user></data></Update>"
)


def said(agent: str, number: int) -> tuple[str, str]:
    """Return an agent's n-th event and its node."""
    minute, second = divmod(number, 60)
    payload = STATE.format(agent=agent, number=number, minute=minute, second=second)
    return payload, f"/finesse/api/User/{agent}"


@pytest.mark.parametrize("seed", range(5))
async def test_each_agents_events_are_told_in_the_order_of_their_arrival(seed: int):
    order = [agent for agent in AGENTS for _ in range(EVENTS)]
    random.Random(seed).shuffle(order)
    async with rigged() as rig:
        reader = rig.call("GET", "/v1/events", caller=ADMIN)
        await reader.until(lambda: reader.raw)
        sent: dict[str, int] = dict.fromkeys(AGENTS, 0)
        for agent in order:
            rig.hear(*said(agent, sent[agent]))
            sent[agent] += 1
        frames = await reader.frames(len(order))
        await reader.hang_up()
    assert [frame["event"] for frame in frames] == ["user"] * len(order)
    places = [int(frame["id"].rpartition("-")[2]) for frame in frames]
    assert places == sorted(set(places))
    told = [json.loads(frame["data"]) for frame in frames]
    for agent in AGENTS:
        codes = [one["user"]["reasonCodeId"] for one in told if one["agent"] == agent]
        assert codes == [str(number) for number in range(EVENTS)]

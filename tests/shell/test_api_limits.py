"""As many requests at once as the daemon takes, and one more."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from listener.correlation.desk import Limits
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.named import agent_of
from tests.shell.api_rig import problem, rigged
from tests.shell.stage import until

AGENTS, EACH = 100, 100
MOST = AGENTS * EACH
UPDATE = {
    "requestedAction": "UPDATE_CALL_DATA",
    "mediaProperties": {"callvariables": {"callVariable1": "x"}},
}


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.no_cover
async def test_ten_thousand_are_open_one_more_is_refused_and_all_of_them_end():
    """With the limits as they are by default: each agent's requests wait for one another."""
    assert (Limits().max_pending, Limits().max_pending_per_agent) == (MOST, EACH)
    async with rigged() as rig:
        agents = [f"9{n:03}" for n in range(AGENTS + 1)]
        for agent in agents:
            rig.roster.add(agent_of(agent, password=None))
            rig.up(agent)
        rig.wire.hold.clear()
        rig.wire.answers = [RestAnswer(AnswerKind.REFUSED, 400)] * (MOST + 1)
        client, ids = rig.client(), set()

        async def post(agent: str) -> httpx.Response:
            body = UPDATE | {"agent": agent, "dialogId": f"7{agent}", "deadline": 600}
            return await client.post("/v1/requests", json=body)

        for _ in range(EACH):
            answers = await asyncio.gather(*(post(agent) for agent in agents[:AGENTS]))
            assert {answer.status_code for answer in answers} == {202}
            ids |= {answer.json()["id"] for answer in answers}
        assert (len(ids), rig.service.pending) == (MOST, MOST)
        refused = await post(agents[-1])
        assert (refused.status_code, problem(refused)["type"]) == (429, "too_many_pending")
        assert int(refused.headers["Retry-After"]) > 0
        assert rig.service.pending == len(rig.service.records) == MOST
        rig.wire.hold.set()
        await until(lambda: rig.service.pending == 0, within=60)
        outcomes = [rig.service.records[id_].outcome for id_ in ids]
        assert {(outcome.kind, outcome.status) for outcome in outcomes} == {("rejected", 400)}
        assert len(rig.wire.sent) == len(set(rig.wire.sent)) == MOST
        assert agents[-1] not in {request.agent for request in rig.wire.requests}
        assert (await post(agents[-1])).status_code == 202

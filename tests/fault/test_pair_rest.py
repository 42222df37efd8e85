"""Which endings of a request make somebody ask whether its node is still there."""

from __future__ import annotations

import pytest

from listener.rest import RestTimings
from listener.rest.forwarder import Forwarder, Message
from listener.rest.nodes import Nodes
from listener.trust import client_context
from tests.shell.dropin_stage import Books, action, placed
from tests.shell.rest_server import CUT, HANG, api_errors, asking, http, put, serving
from tests.shell.stage import A, B, dead_port

ENDINGS = [
    (HANG, True),
    (CUT, True),
    (http(503), True),
    (http(503, api_errors("Service Unavailable")), True),
    (http(202), False),
    (http(401), False),
    (http(500), False),
]


def patience(ending: object) -> float:
    """Return the time for an answer: short where none comes."""
    return 0.1 if ending is HANG else 20.0


@pytest.mark.parametrize(("ending", "doubted"), ENDINGS)
async def test_a_node_is_doubted_for_a_request_without_an_answer_and_for_503(ending, doubted):
    doubts, again = [], ending  # after a 401 the agent is asked for, to know whose fault it is
    asked = serving(ending, again)
    async with asked as server, asking(server.url, answer=patience(ending)) as rest:
        rest.nodes.watch(doubts.append)
        await put(rest)

    assert doubts == [server.url] * doubted


@pytest.mark.parametrize(("ending", "doubted"), ENDINGS)
async def test_so_it_is_for_a_request_of_the_drop_in(ending, doubted):
    doubts = []
    async with serving(ending) as server:
        nodes = Nodes([server.url])
        nodes.watch(doubts.append)
        timings = RestTimings(20.0, 20.0, patience(ending), 40.0)
        forwarder = Forwarder(nodes, tls=client_context(None), timings=timings)
        flow = await forwarder.open(Message("GET", b"/finesse/api/User/1", content=None))
        await flow.aclose()
        await forwarder.aclose()

    assert doubts == [server.url] * doubted


async def test_every_node_that_cannot_be_reached_is_doubted():
    dead, doubts = f"http://127.0.0.1:{dead_port()}", []
    async with serving(http(202)) as server, asking(dead, server.url) as rest:
        rest.nodes.watch(doubts.append)
        await put(rest)

    assert doubts == [dead]
    assert rest.nodes.order()[0] == dead  # which one comes first is decided elsewhere


async def test_the_drop_in_asks_the_node_of_the_agents_session_first():
    """After a move the agents come over one by one: each one's requests go where it is heard."""
    async with (
        serving(*[http(200)] * 2, *[http(202)] * 2) as used,
        serving(*[http(200)] * 3, *[http(202)] * 2) as its_own,
        placed(Books(A, B), [used.url, its_own.url]) as place,
    ):
        nodes = place.forwarder._nodes
        nodes.watch(lambda _: None)
        nodes.follow(A, its_own.url)
        await place.get(f"/finesse/api/User/{A}/Dialogs")
        bearer = {"Authorization": "Bearer tok"}  # the path says whose it is
        await place.client.get(f"/finesse/api/User/{A}", headers=bearer)
        await place.get("/finesse/api/SystemInfo")
        await place.get(f"/finesse/api/User/{B}/Dialogs", agent=B)
        await place.get("/finesse/api/SystemInfo", agent=B)
        for agent in (A, B):
            answer = await place.put("/finesse/api/Dialog/7", action("HOLD", agent), agent)
            assert answer.headers["x-outcome"] == "open"
        assert [seen.line.split()[1] for seen in its_own.seen] == [
            f"/finesse/api/User/{A}/Dialogs",
            f"/finesse/api/User/{A}",
            "/finesse/api/SystemInfo",
            "/finesse/api/Dialog/7",
        ]
        nodes.unfollow(A)
        await place.put("/finesse/api/Dialog/8", action("HOLD", A), A)
        assert [seen.line.split()[1] for seen in used.seen] == [
            f"/finesse/api/User/{B}/Dialogs",
            "/finesse/api/SystemInfo",
            "/finesse/api/Dialog/7",
            "/finesse/api/Dialog/8",
        ]

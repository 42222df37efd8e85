"""Which endings of a request make somebody ask whether its node is still there."""

from __future__ import annotations

import pytest

from listener.rest import RestTimings
from listener.rest.forwarder import Forwarder, Message
from listener.rest.nodes import Nodes
from listener.xmpp.tls import client_context
from tests.shell.rest_server import CUT, HANG, api_errors, asking, http, put, serving
from tests.shell.stage import dead_port

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
    doubts = []
    async with serving(ending) as server, asking(server.url, answer=patience(ending)) as rest:
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

"""Where in its life a connection fails: at any byte of a login, at any stage of a request.

Each attempt ends by its own configured limit, nothing is sent twice, and the next one that finds a
network gets through. Faults of connections that stand are in `test_proxy_xmpp`, `test_proxy_rest`.
"""

from __future__ import annotations

import asyncio

import pytest

from listener.rest import AnswerKind
from tests.fault.proxy import Act, Mark, Proxy, State, Way
from tests.fault.proxy_stage import CAP, CONNECT, SLOWER, call, ends, scene
from tests.shell.rest_server import asking, http, put, serving
from tests.shell.stage import PASSWORD, A, authority, no_tasks_left, until

ONE = [{"id": A, "password": PASSWORD[A]}]
PLACES = 8  # in a login
ACCEPTED = http(202, b"<x/>")
SHAKES = ANSWERS = 0.4
"""Seconds for a connection with its TLS, and for an answer: the limits that are tried."""


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_login_that_breaks_off_at_any_byte_is_begun_again_and_the_next_whole_one_is_used(
    tmp_path, act
):
    timings = {"connect_deadline": CONNECT}  # and no ping whose answer would be counted
    async with scene(tmp_path, timings=timings, agents=ONE, inside=True) as it:
        whole = it.xmpp.links[0].passed[Way.DOWN]
        for cut in range(0, whole, whole // PLACES):
            it.xmpp.trap(Way.DOWN, Mark(cut), act)
            former = {*it.xmpp.past, *it.xmpp.links}
            for link in it.xmpp.links:
                link.pipes[Way.DOWN].shape.trap = None
            it.xmpp.reset()
            await until(lambda old=former: len({*it.xmpp.past} - old) >= 2)
            tried = {*it.xmpp.past} - former
            assert all(link.ended - link.began <= SLOWER * CONNECT for link in tried)
            assert all(link.passed[Way.DOWN] == cut for link in tried)
            back = it.now()
            it.xmpp.heal()
            await it.listener.ready(A, 30)
            assert it.live_at(A, back) - back <= CONNECT + CAP + SLOWER * max(it.took, CONNECT)
        await it.usable(A, await call(it))
        assert len(it.xmpp.links) == 1


STAGES = {
    "before TLS": (None, SHAKES),
    "after TLS": (Mark(0), ANSWERS),
    "in the head": (Mark(b"HTTP/1.1 202"), ANSWERS),
    "after the head": (Mark(b"\r\n\r\n"), ANSWERS),
    "in the body": (Mark(b"<x"), ANSWERS),
}


@pytest.mark.parametrize("act", [Act.HOLD, Act.DROP])
@pytest.mark.parametrize("stage", list(STAGES))
async def test_request_that_is_left_waiting_at_any_stage_ends_by_the_limit_of_that_stage(
    stage, act
):
    mark, limit = STAGES[stage]
    loop = asyncio.get_running_loop()
    with no_tasks_left():
        async with (
            serving(ACCEPTED, ACCEPTED, tls=authority().server_context()) as server,
            Proxy(server.port, ends=ends()) as proxy,
            asking(
                f"https://127.0.0.1:{proxy.port}",
                tls=authority().client_context(),
                answer=ANSWERS,
                connect=SHAKES,
            ) as rest,
        ):
            if mark is None:
                proxy.greeting = State.HOLD if act is Act.HOLD else State.DROP
            else:
                proxy.trap(Way.DOWN, mark, act)
            begun = loop.time()
            answer = await put(rest)
            took = loop.time() - begun
            assert limit * 0.9 <= took <= SLOWER * (SHAKES + ANSWERS)
            unsent = mark is None
            assert answer.kind is (AnswerKind.NOT_SENT if unsent else AnswerKind.DOUBTFUL)
            assert [one.headers["requestid"] for one in server.seen] == ["id-1"] * (not unsent)
            proxy.heal()
            begun = loop.time()
            assert (await put(rest, "then")).kind is AnswerKind.ACCEPTED
            assert loop.time() - begun <= SLOWER * (SHAKES + ANSWERS)
            assert [one.headers["requestid"] for one in server.seen].count("then") == 1

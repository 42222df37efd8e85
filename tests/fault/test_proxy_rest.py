"""A failing network between the program and REST: what is known of a request, and what comes after.

Bytes-left truth: `NOT_SENT` only where the server cannot have seen a byte, `ACCEPTED` only for a
whole answer, everything else in doubt; and whatever happens, the server sees a request once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from listener.errors import Unreachable
from listener.rest import AnswerKind, Basic, Rest, RestLimits
from tests.fault.proxy import Act, Ends, Link, Mark, Proxy, State, Way
from tests.fault.proxy_faults import black_hole, closed, deaf, frozen, mute, refused, reset
from tests.shell.rest_server import Server, asking, http, put, serving
from tests.shell.stage import authority, no_tasks_left, until

ANSWER = CONNECT = 0.4  # seconds
SLOWER = 6
TRIES = 3
USER = b"<User><loginId>1001</loginId><state>READY</state></User>"
ACCEPTED = http(202, b"<x/>", "requestId: id-1")
LOST = frozenset({AnswerKind.NOT_SENT, AnswerKind.DOUBTFUL})


class Net:
    """What a test finds between a client and a scripted server."""

    def __init__(self, server: Server, proxy: Proxy, rest: Rest, limit: float) -> None:
        self.server, self.proxy, self.rest = server, proxy, rest
        self.limit = limit  # seconds for one request, connection and answer

    def seen(self, request_id: str) -> int:
        """Return how often the server saw a whole request with that id."""
        return [one.headers.get("requestid") for one in self.server.seen].count(request_id)

    async def recovered(self) -> None:
        """Check that all is well once the network is: nothing is held, and a request goes out.

        Within the times that are set, once for the request and once for each doubt before it.
        """
        loop = asyncio.get_running_loop()
        self.proxy.heal()
        await self.proxy.come_back()
        begun, number = loop.time(), 0
        slots = self.rest._reach.line._slots.values()
        assert all(slot._value == 50 for slot in slots)
        answer = None
        # One doubt at most for each connection that was kept: it is not used a second time.
        for number in range(TRIES + len(self.proxy.links)):
            self.server.script[len(self.server.seen) :] = [http(202)] * 2
            answer = await put(self.rest, f"after-{number}")
            assert self.seen(f"after-{number}") <= 1
            if answer.kind is AnswerKind.ACCEPTED:
                break
        assert answer is not None
        assert answer.kind is AnswerKind.ACCEPTED
        assert loop.time() - begun <= SLOWER * (number + 1) * self.limit
        await until(lambda: len(self.proxy.links) <= 1)


@asynccontextmanager
async def net(
    *script: object, tls: bool = False, limits: RestLimits | None = None, **timings: float
) -> AsyncIterator[Net]:
    context = authority().server_context() if tls else None
    trusting = authority().client_context() if tls else None
    quick = timings or {"answer": ANSWER, "connect": CONNECT}
    with no_tasks_left():
        async with (
            serving(*script, tls=context) as server,
            Proxy(server.port) as proxy,
            asking(_at(proxy, server.scheme), tls=trusting, limits=limits, **quick) as rest,
        ):
            yield Net(server, proxy, rest, quick["answer"] + quick["connect"])


def _at(proxy: Proxy, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{proxy.port}"


PATIENT = {"answer": 20.0, "connect": 20.0}


# --- where bytes stop, one by one ---------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_answer_cut_at_any_byte_is_accepted_only_when_it_is_whole(act):
    kinds, told = {}, http(202, b"<x/>")
    async with net(*[told] * (len(told) + 1), **PATIENT) as it:
        for cut in range(len(told) + 1):
            it.proxy.trap(Way.DOWN, Mark(cut), act)
            kinds[cut] = (await put(it.rest, f"cut-{cut}")).kind
            await until(lambda: not it.proxy.links)
            assert it.seen(f"cut-{cut}") == 1
        await it.recovered()
    whole = kinds.pop(len(told))
    assert set(kinds.values()) == {AnswerKind.DOUBTFUL}
    assert whole is AnswerKind.ACCEPTED or act is Act.RST  # a reset may overtake the last bytes


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_request_cut_at_any_byte_is_in_doubt_and_never_seen_in_part(act):
    async with net(*[http(202)] * 500, **PATIENT) as it:
        await put(it.rest, "whole-1")
        size = len(it.server.seen[0].raw)
        for cut in range(0, size, 7):
            it.proxy.trap(Way.UP, Mark(cut), act)
            it.proxy.reset()  # on a new connection each time
            await until(lambda: not it.proxy.links)
            answer = await put(it.rest, f"cut-{cut:03}")
            assert answer.kind is AnswerKind.DOUBTFUL
            assert it.seen(f"cut-{cut:03}") == 0
            await until(lambda: not it.proxy.links)
        await it.recovered()


# --- one fault after the other ------------------------------------------------------------------


async def frozen_answer(proxy: Proxy) -> None:
    proxy.trap(Way.DOWN, Mark(30), Act.HOLD)


async def vanishing_answer(proxy: Proxy) -> None:
    proxy.trap(Way.DOWN, Mark(len(ACCEPTED) - 2), Act.DROP)


NET_FAULTS = [refused, closed, reset, frozen, black_hole, deaf, mute]
UNSENT = {False: {refused}, True: set(NET_FAULTS)}  # by whether TLS has to be agreed on first


@pytest.mark.parametrize(
    ("fault", "tls"),
    [
        *((fault, tls) for fault in NET_FAULTS for tls in (False, True)),
        (frozen_answer, False),  # the bytes of TLS would be counted, not those of the answer
        (vanishing_answer, False),
    ],
)
async def test_request_on_a_new_connection_is_told_as_it_is(fault, tls):
    loop = asyncio.get_running_loop()
    async with net(ACCEPTED, ACCEPTED, tls=tls) as it:
        await fault(it.proxy)
        begun = loop.time()
        answer = await put(it.rest)
        assert loop.time() - begun <= SLOWER * (CONNECT + ANSWER)
        unsent = fault in UNSENT[tls]
        assert answer.kind is (AnswerKind.NOT_SENT if unsent else AnswerKind.DOUBTFUL)
        assert it.seen("id-1") == (fault in {deaf, frozen_answer, vanishing_answer} and not tls)
        assert answer.body == b""
        assert answer.detail
        await it.recovered()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("fault", [frozen, black_hole, deaf, mute])
async def test_request_on_a_kept_connection_is_told_as_it_is(fault, tls):
    async with net(http(202), ACCEPTED, tls=tls) as it:
        await put(it.rest, "first")
        await fault(it.proxy)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        answer = await put(it.rest)
        assert loop.time() - begun <= SLOWER * (CONNECT + ANSWER)
        assert answer.kind is AnswerKind.DOUBTFUL
        assert it.seen("id-1") == (fault is deaf)
        await it.recovered()


@pytest.mark.parametrize("fault", [*NET_FAULTS, frozen_answer, vanishing_answer])
async def test_snapshot_over_a_failing_network_proves_nothing(fault):
    async with net(*[http(200, USER)] * 3) as it:
        await fault(it.proxy)
        user, dialog, system = await asyncio.gather(
            it.rest.user("1001"),
            it.rest.dialog("1001", "77"),
            it.rest.system_info(),
            return_exceptions=True,
        )
        assert (user.found, user.absent, dialog.found, dialog.absent) == (False,) * 4
        assert isinstance(system, Unreachable)
        await it.recovered()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("shape", [{"piece": 1}, {"delay": 0.01}, {"piece": 5, "delay": 0.01}])
async def test_slow_and_sliced_answers_are_whole(shape, tls):
    async with net(ACCEPTED, http(200, USER), tls=tls, **PATIENT) as it:
        it.proxy.shape(**shape)
        answer = await put(it.rest)
        assert (answer.kind, answer.body) == (AnswerKind.ACCEPTED, b"<x/>")
        got = await it.rest.user("1001")
        assert got.found
        assert got.update.user.state == "READY"
        assert len(it.proxy.links) == 1


async def test_answer_slower_than_its_time_is_in_doubt_though_each_byte_comes_soon():
    async with net(ACCEPTED) as it:
        it.proxy.trap(Way.DOWN, Mark(5), Act.HOLD)
        asking_ = asyncio.create_task(put(it.rest))
        await until(lambda: it.proxy.links and it.proxy.links[0].pipes[Way.DOWN].passed == 5)
        (link,) = it.proxy.links
        dripping = asyncio.create_task(drip(link))
        answer = await asking_
        dripping.cancel()
        assert answer.kind is AnswerKind.DOUBTFUL
        assert 5 < link.pipes[Way.DOWN].passed < len(ACCEPTED)
        await it.recovered()


async def drip(link) -> None:
    """Let a byte by, a third of the time for an answer after the one before it."""
    while True:
        await asyncio.sleep(ANSWER / 3)
        link.trap(Way.DOWN, Mark(1), Act.HOLD)
        link.turn(State.PASS, Way.DOWN)


# --- 100-continue ---------------------------------------------------------------------------------

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("shape", [{}, {"piece": 1}])
async def test_go_on_before_the_answer_is_no_answer(shape):
    async with net(GO_ON + ACCEPTED, **PATIENT) as it:
        it.proxy.shape(**shape)
        answer = await put(it.rest)
        assert (answer.kind, answer.status) == (AnswerKind.ACCEPTED, 202)


@pytest.mark.parametrize("act", [Act.FIN, Act.RST, Act.HOLD, Act.DROP])
@pytest.mark.parametrize("at", [10, len(GO_ON), len(GO_ON) + 15])
async def test_connection_that_dies_behind_go_on_is_in_doubt(act, at):
    async with net(GO_ON + ACCEPTED) as it:
        it.proxy.trap(Way.DOWN, Mark(at), act)
        answer = await put(it.rest)
        assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, None)
        assert it.seen("id-1") == 1
        await it.recovered()


# --- connections that are kept --------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_connection_that_ended_between_two_requests_is_not_used_again(act, tls):
    async with net(http(202), http(202), tls=tls, **PATIENT) as it:
        await put(it.rest, "first")
        (link,) = _used(it.proxy)
        link._act(act)
        await link.over.wait()
        await asyncio.sleep(0)
        answer = await put(it.rest, "second")
        assert (answer.kind, it.seen("second")) == (AnswerKind.ACCEPTED, 1)
        assert len(_used(it.proxy)) == 2


def _used(proxy: Proxy) -> list[Link]:
    """Return the connections on which something was said: others may try a port by mistake."""
    return [link for link in (*proxy.past, *proxy.links) if link.passed[Way.UP]]


@pytest.mark.parametrize("tls", [False, True])
async def test_connections_that_died_in_silence_cost_one_doubt_each_and_no_more(tls):
    many = 5
    async with net(*[http(202)] * (4 * many), tls=tls) as it:

        async def kinds(name: str) -> set[AnswerKind]:
            puts = (put(it.rest, f"{name}-{n}", agent=f"agent {n}") for n in range(many))
            return {answer.kind for answer in await asyncio.gather(*puts)}

        for n in range(many):  # few requests of one agent go out at once
            it.rest.set_credentials(f"agent {n}", Basic(str(n), "secret"))
        it.proxy.freeze(Way.DOWN)
        first = asyncio.create_task(kinds("first"))
        await until(lambda: it.proxy.accepted == many)
        it.proxy.heal()
        assert await first == {AnswerKind.ACCEPTED}
        for link in tuple(it.proxy.links):
            link.forget_server()
        begun = asyncio.get_running_loop().time()
        assert await kinds("then") == {AnswerKind.DOUBTFUL}
        assert asyncio.get_running_loop().time() - begun <= SLOWER * (CONNECT + ANSWER)
        assert await kinds("now") == {AnswerKind.ACCEPTED}
        seen = [it.seen(f"{name}-{n}") for name in ("then", "now") for n in range(many)]
        assert seen == [0] * many + [1] * many


async def test_connection_that_died_in_silence_is_not_used_after_the_keepalive():
    short = RestLimits(keepalive=0.2)
    async with net(http(202), http(202), limits=short, **PATIENT) as it:
        await put(it.rest, "first")
        it.proxy.links[0].forget_server()
        await asyncio.sleep(2 * short.keepalive)  # the time itself is what is meant
        answer = await put(it.rest, "second")
        assert (answer.kind, it.seen("second")) == (AnswerKind.ACCEPTED, 1)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("kept", [False, True])
async def test_request_cancelled_at_any_step_leaves_no_connection_that_nobody_has(kept, tls):
    """The client's own pool loses one that it was about to give out, and keeps it for ever."""
    async with net(*[http(202)] * 500, tls=tls, **PATIENT) as it:
        for steps in range(60):
            if kept:
                await put(it.rest, f"before-{steps}")
            sending = asyncio.create_task(put(it.rest, f"cancelled-{steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            pools = [each._pool.connections for each in it.rest._reach.line._transport._all]
            assert all(one.is_idle() for pool in pools for one in pool)
            assert it.seen(f"cancelled-{steps}") <= 1
        await it.recovered()


# --- two nodes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [refused, closed, reset, frozen, black_hole])
async def test_other_node_gets_what_cannot_have_left_for_the_first(fault):
    server_side, client_side = authority().server_context(), authority().client_context()
    async with (
        serving(tls=server_side) as one,
        serving(http(202), tls=server_side) as two,
        Proxy(one.port) as proxy,
        asking(
            f"https://127.0.0.1:{proxy.port}",
            two.url,
            tls=client_side,
            connect=SLOWER * CONNECT,  # the second node's handshake has no longer
        ) as rest,
    ):
        await fault(proxy)
        answer = await put(rest)
    assert answer.kind is AnswerKind.ACCEPTED
    assert (len(one.seen), len(two.seen)) == (0, 1)


@pytest.mark.parametrize("fault", [deaf, mute, frozen])
async def test_other_node_does_not_get_what_left_for_the_first(fault):
    async with (
        serving(http(202), http(202)) as one,
        serving(http(202)) as two,
        Proxy(one.port) as proxy,
        asking(_at(proxy), two.url, answer=ANSWER) as rest,
    ):
        await put(rest, "first")
        await fault(proxy)
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert len(two.seen) == 0


async def test_cut_in_any_part_of_the_handshake_leaves_nothing_sent():
    """TLS ended in the proxy: behind the handshake nothing has come out of it."""
    async with serving(*[http(202)] * 3, tls=authority().server_context()) as server:
        ends = Ends(authority().server_context(), authority().client_context())
        async with (
            Proxy(server.port, ends=ends) as inner,
            Proxy(inner.port) as proxy,
            asking(_at(proxy, "https"), tls=authority().client_context(), answer=ANSWER) as rest,
        ):
            await put(rest, "whole")
            hello, first = proxy.passed[Way.DOWN], inner.passed[Way.UP]
            # Signatures are not all of one length; a cut behind the end would be none.
            for cut in range(1, hello - 8, hello // 40):
                before = inner.passed[Way.UP]
                proxy.reset()
                await until(lambda: not proxy.links)
                proxy.trap(Way.DOWN, Mark(cut), Act.RST)
                answer = await put(rest, f"cut-{cut}")
                assert answer.kind in LOST
                if inner.passed[Way.UP] - before >= first:
                    assert answer.kind is AnswerKind.DOUBTFUL
                if answer.kind is AnswerKind.NOT_SENT:
                    assert inner.passed[Way.UP] == before
            assert len({one.headers["requestid"] for one in server.seen}) == len(server.seen)

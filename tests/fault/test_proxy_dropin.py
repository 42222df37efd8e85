"""A failing network behind the drop-in: its clients get the truth, and nothing invites a repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from listener.errors import NotKept
from listener.rest import RestTimings
from listener.simulator.profiles import Tagging
from listener.tracking import Tracking
from tests.fault.proxy import Act, Mark, Proxy, Way
from tests.fault.proxy_faults import black_hole, closed, deaf, frozen, mute, refused, reset
from tests.fault.proxy_stage import call, scene
from tests.shell.dropin_stage import PATIENT, Place, action, fronting, opened, placed
from tests.shell.rest_server import Server, http
from tests.shell.stage import A, until, writes

ANSWER = 0.3
QUICK = RestTimings(20, 20, ANSWER, 40)  # a connection comes about at once, on any machine
SOON = 20
"""Seconds that are much more than ANSWER, and much less than any other limit here."""
DIALOG = "/finesse/api/Dialog/54321"
USER = f"/finesse/api/User/{A}"
SHOWN = b"<User><loginId>1001001</loginId><state>READY</state></User>"


@asynccontextmanager
async def behind(
    *script: object, timings: RestTimings = QUICK
) -> AsyncIterator[tuple[Server, Proxy, Place]]:
    """Run a drop-in, a network behind it, and a scripted server; everything is free at the end."""
    async with (
        Proxy(0) as proxy,
        fronting(*script, node=f"http://127.0.0.1:{proxy.port}", timings=timings) as (
            server,
            books,
            place,
        ),
    ):
        proxy.server_port = server.port
        place.tracker = books
        yield server, proxy, place
        slots = place.forwarder._line._slots.values()
        await until(lambda: all(each._value == 50 for each in slots))


def patient(place: Place) -> None:
    """Give answers all the time they need from now on."""
    place.forwarder._timings = place.forwarder._line._timings = PATIENT


def ids(server: Server, path: str = DIALOG) -> list[str]:
    return [one.headers.get("requestid", "") for one in server.seen if path in one.line]


def told(got: httpx.Response) -> tuple[int, str, str]:
    return got.status_code, got.headers["x-outcome"], got.headers["x-reason"]


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_write_whose_answer_is_cut_at_any_byte_is_open_and_in_doubt(act):
    answer = http(202, b"<x/>", "X-Of-Finesse: 1")
    size = len(answer)
    async with behind(*[answer] * (size + 1), timings=PATIENT) as (server, proxy, place):
        for cut in range(size + 1):
            proxy.trap(Way.DOWN, Mark(cut), act)
            got = await place.put(DIALOG, action("HOLD"), requestId=f"cut-{cut}")
            await until(lambda: not proxy.links)
            whole = cut == size and "x-of-finesse" in got.headers
            assert told(got) == (202, "open", "accepted" if whole else "in_doubt")
            assert got.content == (b"<x/>" if whole else b"")
            assert whole or cut < size or act is Act.RST  # which may overtake the last bytes
        assert ids(server) == [f"cut-{cut}" for cut in range(size + 1)]


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_read_whose_answer_is_cut_at_any_byte_is_never_taken_for_a_whole_one(act):
    answer = http(200, SHOWN)
    size, whole = len(answer), 0
    async with behind(*[answer] * (size + 1), timings=PATIENT) as (_, proxy, place):
        for cut in range(size + 1):
            proxy.trap(Way.DOWN, Mark(cut), act)
            try:
                got = await place.get(USER)
            except httpx.RemoteProtocolError:
                continue
            finally:
                await until(lambda: not proxy.links)
            if got.status_code == 200:
                assert (cut, got.content) == (size, SHOWN)
                whole += 1
            else:
                assert (got.status_code, got.json()["retryable"]) == (502, True)
    assert whole == 1 or act is Act.RST


@pytest.mark.parametrize("fault", [refused, closed, reset, frozen, black_hole, deaf, mute])
@pytest.mark.parametrize("tracked", [True, False])
async def test_write_over_a_failing_network_is_told_as_it_is(fault, tracked):
    loop = asyncio.get_running_loop()
    async with behind(*[http(202)] * 3) as (server, proxy, place):
        await fault(proxy)
        if not tracked:
            place.tracker.refusing = NotKept("no room")
        begun = loop.time()
        got = await place.put(DIALOG, action("HOLD"), requestId="once")
        assert loop.time() - begun < SOON
        if fault is refused:
            wanted = (503, "rejected", "not_sent") if tracked else (503, "untracked", "not_kept")
            assert got.json()["retryable"]
        else:
            wanted = (202, "open", "in_doubt") if tracked else (202, "untracked", "no_answer")
        assert told(got) == wanted
        if fault is not deaf:
            assert ids(server) == []
        place.tracker.refusing = None
        proxy.heal()
        await proxy.come_back()
        patient(place)
        assert told(await place.put(DIALOG, action("HOLD"))) == (202, "open", "accepted")
        arrived = fault in {deaf, frozen}  # what stood still goes on with the thaw: once
        await until(lambda: ids(server).count("once") == arrived)


@pytest.mark.parametrize("fault", [refused, closed, reset, frozen, black_hole, deaf, mute])
async def test_read_over_a_failing_network_may_be_repeated(fault):
    async with behind(*[http(200, SHOWN)] * 3) as (_, proxy, place):
        await fault(proxy)
        got = await place.get(USER)
        assert got.status_code in {502, 503, 504}
        assert got.json()["retryable"]
        proxy.heal()
        await proxy.come_back()
        patient(place)
        got = await place.get(USER)
        assert (got.status_code, got.content) == (200, SHOWN)


@pytest.mark.parametrize("end", [Proxy.reset, Proxy.finish])
async def test_kept_connection_that_ended_is_replaced_before_a_write(end):
    async with behind(http(200, SHOWN), http(202), timings=PATIENT) as (server, proxy, place):
        await place.get(USER)
        (link,) = proxy.links
        end(proxy)
        await link.over.wait()
        got = await place.put(DIALOG, action("HOLD"), requestId="once")
        assert told(got) == (202, "open", "accepted")
        assert ids(server) == ["once"]


@pytest.mark.parametrize("shape", [{"piece": 1}, {"delay": 0.01}])
async def test_slow_and_sliced_answers_go_through_whole(shape):
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    script = [go_on + http(202, b"<x/>"), http(200, SHOWN)]
    async with behind(*script, timings=PATIENT) as (_, proxy, place):
        proxy.shape(**shape)
        got = await place.put(DIALOG, action("HOLD"))
        assert (*told(got), got.content) == (202, "open", "accepted", b"<x/>")
        got = await place.get(USER)
        assert (got.status_code, got.content) == (200, SHOWN)


@pytest.mark.parametrize("act", [Act.FIN, Act.RST, Act.HOLD, Act.DROP])
async def test_write_that_dies_behind_go_on_is_in_doubt(act):
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    async with behind(go_on + http(202)) as (server, proxy, place):
        proxy.trap(Way.DOWN, Mark(len(go_on) + 10), act)
        got = await place.put(DIALOG, action("HOLD"), requestId="once")
        assert told(got) == (202, "open", "in_doubt")
        await until(lambda: ids(server) == ["once"])


@pytest.mark.parametrize("act", [Act.HOLD, Act.FIN])
async def test_big_write_that_stands_still_or_is_cut_half_way_is_in_doubt(act):
    loop = asyncio.get_running_loop()
    big = action("HOLD", more=" " * (7 * 1024 * 1024))
    async with behind(http(202)) as (server, proxy, place):
        proxy.trap(Way.UP, Mark(1024 * 1024), act)
        begun = loop.time()
        got = await place.put(DIALOG, big, requestId="once")
        assert loop.time() - begun < SOON
        assert got.status_code == 202
        assert got.headers["x-reason"] in {"in_doubt", "no_answer"}
        assert server.seen == []


@pytest.mark.parametrize("act", [Act.HOLD, Act.DROP, Act.FIN, Act.RST])
async def test_big_read_that_breaks_off_half_way_is_broken_for_the_client_too(act):
    loop = asyncio.get_running_loop()
    big = http(200, b"x" * (4 * 1024 * 1024))
    patient = RestTimings(20, 20, 5 * ANSWER, 40)  # half of it has to be there on slow machines too
    async with behind(big, timings=patient) as (_, proxy, place):
        proxy.trap(Way.DOWN, Mark(2 * 1024 * 1024), act)
        begun = loop.time()
        got = await opened(place, USER)
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            await got.aread()
        assert got.status_code == 200
        assert loop.time() - begun < SOON + patient.answer


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("tagging", [Tagging.ALL, Tagging.NONE])
async def test_client_that_waits_is_told_what_the_event_said_when_the_answer_was_lost(
    tmp_path, act, tagging
):
    async with scene(tmp_path, how={"tagging": tagging}, rest_inside=True) as it:
        dialog = await call(it)
        url = f"https://127.0.0.1:{it.rest.port}"
        tracking = Tracking(it.listener, max_sessions=10)
        async with placed(tracking, [url], ca=tmp_path / "ca.pem", timings=QUICK) as place:
            it.rest.trap(Way.DOWN, Mark(b"HTTP/1.1 202"), act)
            path = f"/finesse/api/Dialog/{dialog}"
            got = await place.put(path, action("HOLD"), Prefer="wait=30")
            assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
            wanted = "request_id" if tagging is Tagging.ALL else "expectation"
            assert got.headers["x-evidence"] == wanted
            assert b"HELD" in got.content
            assert writes(it.sim) == 1

"""Connections that are kept: one for each exchange at the same time, and no old ones."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from listener.rest.connections import Connections

NODE, OTHER = "https://one.test:8445", "https://two.test:8445"


class Body(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield b"whole"


class Transport(httpx.AsyncBaseTransport):
    """Answers at once; notes what it was asked and whether it was closed."""

    def __init__(self, made, *, fails=False) -> None:
        made.append(self)
        self.asked: list[str] = []
        self.closed = False
        self.fails = fails

    async def handle_async_request(self, request):
        self.asked.append(str(request.url))
        if self.fails:
            raise httpx.ConnectError("down")
        return httpx.Response(200, stream=Body())

    async def aclose(self):
        self.closed = True


@pytest.fixture
def made():
    return []


def connections(made, *, keepalive=60.0, fails=False):
    return Connections(lambda: Transport(made, fails=fails), keepalive=keepalive)


async def begin(them, node=NODE):
    return await them.handle_async_request(httpx.Request("GET", f"{node}/finesse/api/SystemInfo"))


async def whole(them, node=NODE):
    response = await begin(them, node)
    assert [part async for part in response.aiter_raw()] == [b"whole"]
    await response.aclose()


async def test_one_exchange_after_the_other_uses_one_connection(made):
    them = connections(made)
    for _ in range(3):
        await whole(them)
    assert [len(each.asked) for each in made] == [3]


async def test_exchanges_at_the_same_time_have_a_connection_each_and_give_it_back(made):
    them = connections(made)
    answers = [await begin(them) for _ in range(3)]
    assert len(made) == 3
    for answer in answers:
        await answer.aclose()
        await answer.aclose()  # a second time gives nothing back
    await asyncio.gather(*(whole(them) for _ in range(3)))
    assert len(made) == 3


async def test_connection_that_was_made_before_others_are_trusted_is_used_no_more(made):
    them = connections(made)
    running = await begin(them)
    await whole(them)
    assert len(made) == 2
    them.renew()
    await whole(them)
    assert [len(each.asked) for each in made] == [1, 1, 1]
    assert made[1].closed
    assert not made[0].closed  # its exchange goes on to its end
    await running.aclose()
    assert made[0].closed
    await whole(them)
    assert [len(each.asked) for each in made] == [1, 1, 2]
    await them.aclose()
    assert made[2].closed


async def test_another_node_has_connections_of_its_own(made):
    them = connections(made)
    await whole(them)
    await whole(them, OTHER)
    await whole(them)
    assert [len(each.asked) for each in made] == [2, 1]


async def test_what_failed_is_closed_and_not_used_again(made):
    them = connections(made, fails=True)
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            await begin(them)
    assert [(len(each.asked), each.closed) for each in made] == [(1, True)] * 2
    assert repr(them) == "<Connections 0 free of 0>"


async def test_what_was_not_used_for_long_is_closed_at_the_end_of_an_exchange_with_any_node(made):
    them = connections(made, keepalive=0.0)
    first = await begin(them)
    await first.aclose()
    await asyncio.sleep(0.01)  # the time that passes is what is tested
    await whole(them, OTHER)
    assert made[0].closed


async def test_all_are_closed_at_the_end_those_in_use_as_well(made):
    them = connections(made)
    await whole(them)
    held = [await begin(them) for _ in range(2)]
    await them.aclose()
    assert len(made) == 2
    assert all(each.closed for each in made)
    for answer in held:
        await answer.aclose()  # late, and without an effect
    assert repr(them) == "<Connections 0 free of 0>"

"""Readers of events: bounded, patient, and told when they fall behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from listener.feed import MAX_WAITING, Feed, Lagged
from listener.finesse.events import UserChanged
from listener.finesse.model import User
from tests.builders import a_user_event


def an_event(owner: str = "agent1") -> UserChanged:
    return a_user_event(User(login_id=owner), owner=owner)


async def test_reader_gets_its_agents_events_in_order_and_no_others():
    feed = Feed()
    one, every = feed.subscribe("agent1"), feed.subscribe(None)
    first, other, second = an_event(), an_event("agent2"), an_event()
    for event in (first, other, second):
        feed.put(event)
    feed.close()
    assert [item async for item in one] == [first, second]
    assert [item async for item in every] == [first, other, second]


async def test_reader_waits_for_what_comes():
    feed = Feed()
    stream = feed.subscribe(None)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    event = an_event()
    feed.put(event)
    assert await waiting is event


async def test_wait_that_is_given_up_loses_nothing():
    feed = Feed()
    stream = feed.subscribe(None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.01)
    event = an_event()
    feed.put(event)
    assert await anext(stream) is event


async def test_reader_that_falls_behind_is_told_and_let_go():
    feed = Feed()
    stream, brisk = feed.subscribe(None), feed.subscribe(None)
    events = [an_event() for _ in range(MAX_WAITING + 2)]
    for event in events:
        feed.put(event)
        assert await anext(brisk) is event
    assert (stream.closed, brisk.closed, len(feed)) == (True, False, 1)
    stream.put(an_event())
    assert [item async for item in stream] == [*events[:MAX_WAITING], Lagged()]


async def test_closed_stream_leaves_the_feed_and_ends_a_wait():
    feed = Feed()
    async with aclosing(feed.subscribe("agent1")) as stream:
        assert repr(stream) == "<EventStream agent1 waiting=0>"
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
    assert (len(feed), stream.closed) == (0, True)
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert repr(stream) == "<EventStream agent1 waiting=0 closed>"


async def test_stream_opened_after_the_end_ends_at_once():
    feed = Feed()
    feed.close()
    assert [item async for item in feed.subscribe(None)] == []
    assert len(feed) == 0

"""What a process hears before it serves, what another has heard, and the moment between them."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from listener.correlation.registration import Registration
from listener.errors import NotKept
from listener.finesse.actions import Hold
from listener.handover import arriving
from listener.handover.arriving import Arrival
from listener.handover.channel import Broken, Channel
from listener.handover.overlap import Overlap, Witness, key_of
from listener.handover.prelude import Prelude
from listener.handover.starting import Successor
from listener.service import Service
from tests.builders import AGENT, CALL, a_dialog, an_error, an_event
from tests.shell.test_service import Ears, Wire


def event(item: str | None = "i", dialog: str = CALL):
    return replace(an_event(a_dialog(dialog)), item_id=item)


async def test_events_are_kept_with_their_time_and_of_too_many_the_latest():
    prelude = Prelude(max_events=3)
    first = asyncio.get_running_loop().time()
    for number in range(5):
        prelude.heard(event(str(number)))
    assert [heard.event.item_id for heard in prelude.events] == ["2", "3", "4"]
    assert first <= prelude.whole_since <= prelude.events[0].at
    heavy = Prelude(max_weight=3000)
    assert heavy.whole_since == float("-inf")
    for number in range(50):
        heavy.heard(event(str(number)))
    assert 0 < len(heavy.events) < 5


async def test_nothing_can_be_asked_of_a_process_that_does_not_serve_yet():
    service = Service(Wire(), Ears(), memory=Prelude())
    with pytest.raises(NotKept, match="another one does"):
        service.submit(Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001"))
    prelude = Prelude()
    for kept in (
        prelude.taken(None, Registration(key="k", request_id="r", own=None)),
        prelude.going(None, None),
    ):
        with pytest.raises(NotKept):
            await kept
    await service.close()


def test_events_are_known_by_node_dialog_and_item_and_without_an_item_by_what_they_say():
    assert key_of(event("a")) == key_of(event("a"))
    different = [
        event("a"),
        event("b"),
        event("a", "200"),
        event(None),
        event(None, "200"),
        an_error(),
    ]
    assert len({key_of(each) for each in different}) == len(different)
    assert key_of(event(None)) == key_of(event(None))


def test_the_witness_remembers_the_first_time_and_is_bounded():
    times = iter(range(100))
    witness = Witness(lambda: next(times), most=2)
    for item in ("a", "a", "b", "c"):
        witness(event(item))
    assert list(witness.heard.values()) == [2, 3]


def test_what_the_other_heard_is_known_for_a_while():
    now = [0.0]
    overlap = Overlap({key_of(event("a")): 5.0}, lambda: now[0], until=10.0)
    assert overlap.told(event("a"))
    assert not overlap.told(event("b"))
    assert (overlap.heard_at(key_of(event("a")), 7.0), overlap.heard_at("x", 7.0)) == (5.0, 7.0)
    now[0] = 11.0
    assert not overlap.told(event("a"))


@pytest.mark.parametrize("gone", [True, False])
async def test_a_first_process_that_does_not_answer_must_be_dead_before_its_work_is_taken(
    gone, monkeypatch
):
    monkeypatch.setattr(arriving, "ENDS", 0.1)
    one, other = socket.socketpair()
    arrival = Arrival(Channel(one), gone=lambda: gone)
    other.close()
    try:
        if gone:
            await arrival.mine()
        else:
            with pytest.raises(Broken, match="has not ended"):
                await arrival.mine()
        assert arrival.begun is gone
    finally:
        arrival.close()


async def test_a_python_that_is_not_there_and_the_first_process_of_a_container(monkeypatch):
    start = Successor(("successor",))
    one, other = socket.socketpair()
    with one, other:
        with pytest.raises(Broken, match=r"/nowhere/python cannot be started: No such file"):
            await start(other, "/nowhere/python")
        monkeypatch.setattr("os.getpid", lambda: 1)
        with pytest.raises(Broken, match="container"):
            await start(other, None)


async def test_a_process_is_ended_gently_or_at_once_and_certainly(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n")
    stubborn = tmp_path / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nread line <&3\n")
    start = Successor(())
    for file, gently in ((python, True), (stubborn, False)):
        file.chmod(0o755)
        one, other = socket.socketpair()
        with one, other:
            child = await start(other, str(file))
            assert str(child.pid) in child.name
            assert await child.end(gently=gently)
            assert await child.end(gently=gently)  # twice does nothing
            assert "ended" in repr(child)

"""A hand-over that fails, at each of its steps: the first daemon goes on, and loses nothing."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing

import pytest
import structlog

from listener.errors import ConfigurationError
from listener.handover import attempt
from listener.handover.attempt import Asked
from listener.handover.channel import Channel, Refused
from listener.offers import Wanted
from listener.simulator.xmpp_faults import Cut
from tests.shell.handing import Held, Watcher, pair
from tests.shell.stage import A, B, answered_call, no_tasks_left, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}


class Death(Exception):
    """The second daemon dies of it."""


def dies(both, step: str) -> None:
    """Let the second daemon die at a step, or be silent."""

    async def now() -> None:
        raise Death

    async def silent() -> None:
        await asyncio.Event().wait()

    async def gone() -> None:
        for sock in both.twin.sockets:
            sock.close()
        raise asyncio.CancelledError

    what = {"fails": now, "is silent": silent, "is gone": gone}[step.partition(" ")[2]]
    if step.startswith("deaf"):
        both.meanwhile(what)
    else:
        both.twin.at[step.partition(" ")[0]] = what


STEPS = [
    f"{step} {how}"
    for step in ("hello", "ready", "deaf")
    for how in ("fails", "is silent", "is gone")
]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    for name in ("BEGINS", "SPEAKS", "TAKES"):
        monkeypatch.setattr(attempt, name, 1.5)


@pytest.mark.parametrize("step", STEPS)
async def test_a_second_daemon_that_fails_changes_nothing(tmp_path, step):
    with no_tasks_left():
        async with simulated() as simulator:
            watcher = Watcher(simulator)
            async with pair(simulator, tmp_path) as both, both.caller() as client:
                dialog = await answered_call(simulator, both.first.listener)
                held = Held(simulator)
                body = HOLD | {"dialogId": dialog}
                hold = (await client.post("/v1/requests", json=body)).json()
                await until(lambda: both.first.listener.service.records[hold["id"]].answered)
                body["requestedAction"] = "RETRIEVE"
                back = (await client.post("/v1/requests", json=body)).json()
                assert back["state"] == "queued"
                dies(both, step)
                with pytest.raises(Refused):
                    await both.hand_over()
                assert (await client.get("/readyz")).status_code == 200
                held.let_go()
                for each in (hold, back):
                    got = (await client.get(f"/v1/requests/{each['id']}", headers=WAIT)).json()
                    assert got["outcome"]["kind"] == "confirmed"
                assert (writes(simulator, "HOLD"), writes(simulator, "RETRIEVE")) == (1, 1)
                assert watcher.absences == []
                assert len(simulator.notifications.sessions(A)) == 1
                assert not both.first.leaving.left.is_set()
                assert both.first.listener.roster.dialling.spared == set()
                # And it can be tried again.
                both.twin.at.clear()
                await both.hand_over()
                got = (await client.get(f"/v1/requests/{back['id']}")).json()
                assert got["outcome"]["kind"] == "confirmed"
                assert watcher.absences == []


async def test_what_was_heard_while_it_stood_still_is_judged_as_of_its_time(tmp_path, monkeypatch):
    """A deadline that passed meanwhile does not make late what came in time."""
    monkeypatch.setattr(attempt, "TAKES", 30)
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        service = both.first.listener.service
        async with both.caller() as client:
            held = Held(simulator)
            body = HOLD | {"dialogId": dialog, "deadline": 6}
            hold = (await client.post("/v1/requests", json=body)).json()
            await until(lambda: service.records[hold["id"]].answered)
            reader = asyncio.create_task(read_to_the_end(both.first))

            async def meanwhile() -> None:
                deadline = service.correlator.entry(hold["id"]).deadline
                held.let_go()
                await until(lambda: len(service._pause))
                assert service.loop.time() < deadline
                await until(lambda: service.loop.time() > deadline)
                raise Death

            both.meanwhile(meanwhile)
            with pytest.raises(Refused):
                await both.hand_over()
            await reader
            got = (await client.get(f"/v1/requests/{hold['id']}", headers=WAIT)).json()
        assert (got["outcome"]["kind"], got["outcome"]["evidence"]) == ("confirmed", "request_id")
        assert got["late"] == []
        dialogs = [json.dumps(e.told.data) for e in both.first.chronicle._ring]
        assert len(dialogs) == len(set(dialogs))


async def read_to_the_end(station) -> None:
    async for _ in station.backend.events(Wanted(), None):
        pass


async def test_more_than_can_be_kept_is_a_gap_for_every_agent_which_is_closed_by_a_look(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        service = both.first.listener.service
        async with both.caller() as client:
            held = Held(simulator)
            body = HOLD | {"dialogId": dialog}
            hold = (await client.post("/v1/requests", json=body)).json()
            await until(lambda: service.records[hold["id"]].answered)

            async def meanwhile() -> None:
                service._pause._most = 0
                held.let_go()
                await simulator.finesse.quiet()
                await until(lambda: service._pause.overflowed)
                raise Death

            both.meanwhile(meanwhile)
            with pytest.raises(Refused):
                await both.hand_over()
            got = (await client.get(f"/v1/requests/{hold['id']}", headers=WAIT)).json()
            assert got["outcome"]["kind"] == "confirmed"
            assert got["outcome"]["evidence"] == "snapshot"
            await until(lambda: both.first.listener.roster.up == 2)
            assert (await client.get(f"/v1/agents/{A}")).json()["lastGap"]["until"] is not None


async def test_fewer_sessions_than_before_are_refused_unless_forced(tmp_path):
    def later(same):
        wrong = same.agents[1].model_copy(update={"password": same.agents[0].password})
        return same.model_copy(update={"agents": (same.agents[0], wrong)})

    async with simulated() as simulator, pair(simulator, tmp_path, later=later) as both:
        with pytest.raises(Refused, match=f"1 of the 2 agents.*{B}.*--force"):
            await both.hand_over()
        assert both.first.listener.roster.up == 2
        await both.hand_over(force=True)
        await both.left
        async with both.caller() as client:
            shown = (await client.get(f"/v1/agents/{B}")).json()
        assert (shown["live"], shown["lastGap"]["until"]) == (False, None)
        assert "no session" in shown["lastGap"]["cause"]


async def test_two_at_once_the_second_one_is_refused(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        async with both.handing_over():
            with pytest.raises(Refused, match="under way"):
                await both.first.leaving.hand_over(Asked(), both.words.append)
        assert both.twin.station is not None


async def test_a_journal_in_trouble_is_not_handed_over(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        both.first.journal.trouble = "no space left on device"
        with pytest.raises(Refused, match="no space left"):
            await both.hand_over()
        both.first.journal.trouble = None
        with pytest.raises(Refused, match="no space left"):
            async with both.handing_over():
                both.first.journal.trouble = "no space left on device"
        both.first.journal.trouble = None
        assert not both.first.listener.service.closing


async def test_a_request_that_does_not_come_back_stops_the_hand_over(tmp_path, monkeypatch):
    monkeypatch.setattr(attempt, "ON_THEIR_WAY", -14.5)
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        service = both.first.listener.service
        go = asyncio.Event()
        real = service._wire.send

        async def slow(request, request_id, leaves):
            await go.wait()
            return await real(request, request_id, leaves)

        service._wire.send = slow
        async with both.caller() as client:
            body = HOLD | {"dialogId": dialog}
            hold = (await client.post("/v1/requests", json=body)).json()
            with pytest.raises(Refused, match="on its way"):
                await both.hand_over()
            go.set()
            got = (await client.get(f"/v1/requests/{hold['id']}", headers=WAIT)).json()
        assert got["outcome"]["kind"] == "confirmed"
        assert writes(simulator, "HOLD") == 1


async def test_a_word_to_stop_ends_a_hand_over_and_drains(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            body = HOLD | {"dialogId": dialog}
            await client.post("/v1/requests", json=body)
            await until(lambda: simulator.finesse.truth)
            stays = asyncio.Event()
            both.twin.at["ready"] = stays.wait
            handing = asyncio.create_task(both.hand_over())
            await until(lambda: len(simulator.notifications.sessions(A)) == 2)
            await both.first.leaving.give_up()
            with pytest.raises(Refused, match="told to stop"):
                await handing
            assert both.first.listener.service.pending == 1
            with pytest.raises(Refused, match="shutting down"):
                await both.first.leaving.hand_over(Asked(), both.words.append)
            held.let_go()
            assert await both.first.drain(10) == 0


async def test_work_that_cannot_be_taken_back_is_left_to_a_restart_and_nobody_is_told(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            body = HOLD | {"dialogId": dialog}
            hold = (await client.post("/v1/requests", json=body)).json()
            await until(lambda: both.first.listener.service.records[hold["id"]].answered)

            async def refuse():
                raise ConfigurationError("the journal is held by somebody")

            object.__setattr__(both.first.leaving._home, "reopen", refuse)
            dies(both, "deaf fails")
            with pytest.raises(Refused, match="restart the daemon"):
                await both.hand_over()
        assert both.first.leaving.left.is_set()
        assert "held by somebody" in both.first.leaving.lost
        await both.left
        assert both.first.listener.service.records[hold["id"]].outcome is None
        async with pair(simulator, tmp_path) as again, again.caller() as client:
            held.let_go()
            got = (await client.get(f"/v1/requests/{hold['id']}", headers=WAIT)).json()
            assert got["outcome"]["kind"] in {"confirmed", "unconfirmed"}
        assert writes(simulator, "HOLD") == 1


@pytest.mark.parametrize("how", ["it had begun", "it cannot be ended"])
async def test_work_is_not_taken_back_from_a_process_that_may_be_at_it(tmp_path, how):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            body = HOLD | {"dialogId": dialog}
            hold = (await client.post("/v1/requests", json=body)).json()
            await until(lambda: both.first.listener.service.records[hold["id"]].answered)
            dies(both, "deaf is silent")
            real = both.twin.end

            async def end(*, gently: bool) -> bool:
                if how == "it had begun":  # in its last moment, when nobody waited any more
                    both.twin.arrival._channel.say_now({"say": "mine"})
                dead = await real(gently=gently)
                return dead and how == "it had begun"

            both.twin.end = end
            with pytest.raises(Refused, match="restart the daemon"):
                await both.hand_over()
        assert both.first.leaving.left.is_set()
        await both.left
        assert both.first.listener.service.records[hold["id"]].outcome is None
        held.let_go()


async def test_a_process_that_does_not_serve_yet_writes_nothing(tmp_path, monkeypatch):
    """Its sessions may come and go: not even the number of an event is used."""
    monkeypatch.setattr(attempt, "TAKES", 30)
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        first = both.first.listener.roster.ears[B]._session.jid

        async def meanwhile() -> None:
            (second,) = set(simulator.notifications.sessions(B)) - {first}
            connections = simulator.notifications.connections
            simulator.notifications._sessions.at(second).cut(Cut.CLOSE)
            await until(lambda: simulator.notifications.connections > connections)
            await until(lambda: second in simulator.notifications.sessions(B))
            raise Death

        both.meanwhile(meanwhile)
        with pytest.raises(Refused):
            await both.hand_over()
        before = both.first.chronicle.last
        with structlog.testing.capture_logs() as log:
            dialog = await answered_call(simulator, both.first.listener)
            async with both.caller() as client:
                body = HOLD | {"dialogId": dialog}
                got = await client.post("/v1/requests", json=body, headers=WAIT)
            assert got.json()["outcome"]["kind"] == "confirmed"
        assert both.first.journal.last_sequence > before
        assert both.first.journal.trouble is None
        assert not [line for line in log if line["event"].startswith("journal.")]


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({"say": "hello", "version": 99}, "speaks hand-over 99, this one 1; restart instead"),
        ({"say": "good morning"}, "'good morning' was not expected"),
        ({"say": "failed", "why": "no room"}, "no room"),
    ],
)
async def test_a_process_that_speaks_otherwise_is_ended_and_told_of(tmp_path, hello, words):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:

        async def start(theirs, _python):
            with closing(Channel(theirs.dup())) as channel:
                channel.say_now(hello)
            return both.twin

        both.first.leaving._start = start
        with pytest.raises(Refused, match=words):
            await both.hand_over()
        assert both.first.listener.roster.up == 2
        both.first.listener.service.refuse()
        with pytest.raises(Refused, match="shutting down"):
            await both.hand_over()

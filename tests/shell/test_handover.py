"""One daemon takes over from another: nobody is absent, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from listener import keeping
from listener.finesse import uris
from listener.offers import Wanted
from listener.simulator.faults import Fault
from tests.shell.handing import Held, Watcher, deaf, pair
from tests.shell.stage import A, B, answered_call, no_tasks_left, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}


async def settled(client, id_: str) -> dict:
    """Read a request until it is settled."""
    while True:
        got = await client.get(f"/v1/requests/{id_}", headers=WAIT)
        assert got.status_code in {200, 202}, got.text
        if got.json()["outcome"] is not None:
            return got.json()


async def post(client, **body) -> dict:
    got = await client.post("/v1/requests", json=body)
    assert got.status_code == 202, got.text
    return got.json()


async def in_state(client, id_: str, state: str) -> None:
    async with asyncio.timeout(20):
        while (await client.get(f"/v1/requests/{id_}")).json()["state"] != state:
            pass


# ------------------------------------------------------------------------------------ nobody absent


@pytest.mark.parametrize("journal", [True, False])
async def test_the_second_daemon_serves_and_no_agent_was_absent(tmp_path, journal):
    with no_tasks_left():
        async with simulated() as simulator:
            watcher = Watcher(simulator)
            async with pair(simulator, tmp_path, journal=journal) as both:
                words = await both.hand_over()
                assert "open requests passed on: 0" in words
                await both.left
                async with both.caller() as client:
                    assert (await client.get("/readyz")).status_code == 200
                    dialog = await answered_call(simulator, both.second.listener)
                    got = await client.post(
                        "/v1/requests", json=HOLD | {"dialogId": dialog}, headers=WAIT
                    )
                assert got.json()["outcome"]["kind"] == "confirmed"
                assert watcher.absences == []
                assert watcher.most == {A: 2, B: 2}
                assert simulator.notifications.present(A)


async def test_after_a_change_of_nodes_the_second_daemon_begins_where_the_first_one_is(tmp_path):
    async with simulated(nodes=2) as simulator, pair(simulator, tmp_path) as both:
        await simulator.nodes[0].stop()
        await until(lambda: both.first.listener.node != both.first.listener.nodes[0].name)
        await until(lambda: both.first.listener.roster.up == 2)
        await simulator.nodes[0].start()
        await both.hand_over()
        listener = both.second.listener
        assert [node.in_use for node in listener.nodes] == [False, True]
        assert listener.service.tally.moves == {}
        assert simulator.nodes[0].notifications.sessions() == []


async def test_agents_that_callers_added_are_held_by_the_second_daemon_too(tmp_path, caplog):
    agents = [{"id": A, "password": "correct-horse-1"}]
    async with simulated() as simulator:
        watcher = Watcher(simulator)
        async with pair(simulator, tmp_path, agents=agents) as both:
            async with both.caller() as client:
                body = {"password": "battery-staple-2", "extension": B}
                assert (await client.put(f"/v1/agents/{B}", json=body)).status_code == 201
                await until(lambda: both.first.listener.roster.up == 2)
                await both.hand_over()
                await both.left
                shown = (await client.get(f"/v1/agents/{B}")).json()
            assert (shown["origin"], shown["live"], shown["extension"]) == ("api", True, B)
            assert watcher.absences == []
    for secret in ("battery-staple-2", "correct-horse-1"):
        assert secret not in caplog.text
        assert secret not in (tmp_path / "j.sqlite").read_bytes().decode("latin-1")


async def test_an_agent_that_is_added_meanwhile_is_connected_before_anything_is_handed_over(
    tmp_path,
):
    agents = [{"id": A, "password": "correct-horse-1"}]
    async with simulated() as simulator:
        watcher = Watcher(simulator)
        async with pair(simulator, tmp_path, agents=agents, patience=30.0) as both:
            held = Held(simulator)
            dialog = str(await simulator.finesse.incoming_call(A, "+12025550101"))
            assert await simulator.telephone.answer(A, dialog)
            held.let_go()
            await simulator.finesse.quiet()
            await until(lambda: both.first.listener.service.correlator.picture(A).dialogs)
            held = Held(simulator)
            async with both.caller() as client:
                asked = await post(client, **HOLD, dialogId=dialog)
                await in_state(client, asked["id"], "accepted")
                # What was sent before the second one could hear gets a moment; meanwhile B comes.
                handing = asyncio.create_task(both.hand_over())
                await until(lambda: len(simulator.notifications.sessions(A)) == 2)
                await client.put(f"/v1/agents/{B}", json={"password": "battery-staple-2"})
                held.let_go()
                await handing
                assert (await settled(client, asked["id"]))["outcome"]["kind"] == "confirmed"
            assert both.second.listener.agents[B].live
            assert watcher.absences == []


@pytest.mark.parametrize("edited", [False, True])
async def test_what_a_caller_changed_of_an_agent_is_kept_unless_the_file_was_changed(
    tmp_path, edited
):
    agents = [{"id": A, "password": "correct-horse-1"}]

    def later(same):
        again = same.agents[0].model_copy(update={"extension": "8"}) if edited else same.agents[0]
        return same.model_copy(update={"agents": (again,)})

    more = {"agents": agents, "later": later}
    async with simulated() as simulator, pair(simulator, tmp_path, **more) as both:
        roster = both.first.listener.roster
        await roster.replace(roster.ears[A].agent.model_copy(update={"extension": "7"}))
        await until(lambda: roster.up == 1)
        await both.hand_over()
        held = both.second.listener.roster
        assert held.ears[A].agent.extension == ("8" if edited else "7")
        assert held.origin(A) == "configured"


async def test_an_agent_that_is_no_longer_in_the_settings_is_let_go(tmp_path):
    def later(same):
        return same.model_copy(update={"agents": same.agents[:1]})

    async with simulated() as simulator, pair(simulator, tmp_path, later=later) as both:
        await both.hand_over()
        await both.left
        assert list(both.second.listener.roster.ears) == [A]
        await until(lambda: not simulator.notifications.present(B))


async def test_agents_that_come_and_go_meanwhile_are_as_the_first_daemon_has_them(tmp_path):
    agents = [{"id": A, "password": "correct-horse-1"}]
    async with simulated() as simulator, pair(simulator, tmp_path, agents=agents) as both:
        roster = both.first.listener.roster
        async with both.caller() as client:
            await client.put(f"/v1/agents/{B}", json={"password": "battery-staple-2"})
            await until(lambda: roster.up == 2)
            async with both.handing_over():
                # Another extension: the second daemon, which holds B by now, begins anew.
                body = {"password": "battery-staple-2", "extension": "4711"}
                await client.put(f"/v1/agents/{B}", json=body)
                await until(lambda: roster.up == 2)
            assert both.second.listener.roster.ears[B].agent.extension == "4711"
            assert both.second.listener.agents[B].live
        await both.left
    async with simulated() as simulator, pair(simulator, tmp_path, agents=agents) as both:
        async with both.caller() as client:
            await client.put(f"/v1/agents/{B}", json={"password": "battery-staple-2"})
            await until(lambda: both.first.listener.roster.up == 2)
            async with both.handing_over():
                await client.delete(f"/v1/agents/{B}?force=true")
            assert (await client.get(f"/v1/agents/{B}")).status_code == 404
        assert list(both.second.listener.roster.ears) == [A]


async def test_a_gap_of_the_first_daemon_ends_where_the_second_one_hears(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        before = both.first.chronicle.last
        async with both.handing_over():
            both.first.listener.service.session_down(A, "a test")
            assert both.first.chronicle.gaps[A]["until"] is None
        gaps = [each.data for each in await told_since(both.second, before) if each.name == "gap"]
        assert [each["until"] is None for each in gaps] == [True, False]
        assert gaps[0]["from"] == gaps[1]["from"]
        assert both.second.chronicle.gaps[A]["until"] is not None


# ------------------------------------------------------------------------------- requests in flight


async def test_a_request_from_before_the_second_daemon_could_hear_is_settled_by_its_own_id(
    tmp_path,
):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            asked = await post(client, **HOLD, dialogId=dialog)
            await in_state(client, asked["id"], "accepted")
            await both.hand_over()
            assert (await client.get(f"/v1/requests/{asked['id']}")).json()["state"] == "in_doubt"
            held.let_go()
            got = await settled(client, asked["id"])
        assert (got["outcome"]["kind"], got["outcome"]["evidence"]) == ("confirmed", "request_id")
        assert (got["requestId"], got["submitted"]) == (asked["requestId"], asked["submitted"])
        assert writes(simulator, "HOLD") == 1


async def test_before_it_lets_go_the_first_daemon_gives_such_requests_a_moment(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path, patience=30.0) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            asked = await post(client, **HOLD, dialogId=dialog)
            await in_state(client, asked["id"], "accepted")
            handing = asyncio.create_task(both.hand_over())
            await until(lambda: len(simulator.notifications.sessions(A)) == 2)
            held.let_go()
            assert "passed on: 0" in await handing
            got = await settled(client, asked["id"])
        assert (got["outcome"]["kind"], got["outcome"]["reason"]) == ("confirmed", None)


@pytest.mark.parametrize("journal", [True, False])
async def test_a_request_from_since_then_goes_on_as_if_nothing_had_been(tmp_path, journal):
    async with simulated() as simulator, pair(simulator, tmp_path, journal=journal) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            async with both.handing_over():
                held = Held(simulator)
                asked = await post(client, **HOLD, dialogId=dialog)
                await in_state(client, asked["id"], "accepted")
            assert (await client.get(f"/v1/requests/{asked['id']}")).json()["state"] == "accepted"
            held.let_go()
            got = await settled(client, asked["id"])
        assert (got["outcome"]["kind"], got["outcome"]["evidence"]) == ("confirmed", "request_id")
        assert got["outcome"]["window"]["gaps"] == []
        for key in ("requestId", "submitted", "sent", "answered", "askedBy"):
            before = both.first.listener.service.records[asked["id"]]
            assert got[key] is not None, key
        assert before.outcome is None
        assert writes(simulator, "HOLD") == 1


async def told_since(station, place: int) -> list:
    """Return all events behind a place, as a reader gets them."""
    await until(lambda: station.chronicle.last == station.chronicle._sequence)
    reader = station.chronicle.read(Wanted(), f"{station.chronicle.epoch}-{place}")
    last = station.chronicle.last
    return [await asyncio.wait_for(anext(reader), 20) for _ in range(last - place)]


async def test_what_only_the_second_daemon_has_heard_is_judged_and_told_by_it(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client, AsyncExitStack() as stack:
            before = both.first.chronicle.last
            async with both.handing_over():
                first = both.first.listener.roster.ears[A]._session.jid
                await stack.enter_async_context(deaf(simulator, first))
                asked = await post(client, **HOLD, dialogId=dialog)
                await in_state(client, asked["id"], "accepted")
                await until(lambda: both.twin.heard("DialogChanged"))
            got = await settled(client, asked["id"])
            told = await told_since(both.second, before)
        assert (got["outcome"]["kind"], got["outcome"]["evidence"]) == ("confirmed", "request_id")
        ours = [each for each in told if each.data.get("requestId") == asked["requestId"]]
        assert [each.name for each in ours].count("dialog") == 1
        assert [each.data["state"] for each in ours if each.name == "request"][-1] == "settled"


async def test_what_both_have_heard_is_told_once(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        async with both.caller() as client:
            before = both.first.chronicle.last
            async with both.handing_over():
                dialog = await answered_call(simulator, both.first.listener)
                asked = await post(client, **HOLD, dialogId=dialog)
                assert (await settled(client, asked["id"]))["outcome"]["kind"] == "confirmed"
                await until(lambda: both.twin.heard("DialogChanged") >= 2)
            told = await told_since(both.second, before)
            await simulator.telephone.hang_up(A, dialog)
            await heard_by(simulator, both.second)
            told += await told_since(both.second, before + len(told))
        heard = [each.data for each in told if each.name in {"dialog", "user"}]
        seen = [json.dumps({**each, "at": None}, sort_keys=True) for each in heard]
        assert len(seen) == len(set(seen))
        assert len(seen) > 4


async def heard_by(simulator, station) -> None:
    await simulator.finesse.quiet()
    assert await station.listener.ping(A, 20)


async def test_an_error_that_the_first_daemon_heard_before_it_sent_accuses_nobody(tmp_path):
    """The second daemon hears it later than the request was sent, and knows better."""
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            async with both.handing_over():
                (second,) = set(simulator.notifications.sessions(A)) - {
                    both.first.listener.roster.ears[A]._session.jid
                }
                async with deaf(simulator, second):
                    simulator.finesse.faults.add(Fault.REFUSED_LATER, client="desktop")
                    await simulator.desktop.press(A, "RETRIEVE", dialog)
                    await heard_by(simulator, both.first)
                    errors = both.first.listener.service.tally.events["error"]
                    held = Held(simulator)
                    asked = await post(client, **HOLD, dialogId=dialog)
                    await in_state(client, asked["id"], "accepted")
            entry = both.second.listener.service.correlator.entry(asked["id"])
            assert (errors, both.second.listener.service.tally.events["error"]) == (1, 1)
            assert entry.suspicions == []
            held.let_go()
            assert (await settled(client, asked["id"]))["outcome"]["kind"] == "confirmed"


async def test_a_request_that_waits_for_its_turn_is_sent_once_by_the_second_daemon(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            hold = await post(client, **HOLD, dialogId=dialog)
            await in_state(client, hold["id"], "accepted")
            retrieve = HOLD | {"requestedAction": "RETRIEVE"}
            body = retrieve | {"dialogId": dialog, "deadline": 33}
            headers = {"Idempotency-Key": "back"}
            waits = (await client.post("/v1/requests", json=body, headers=headers)).json()
            assert waits["state"] == "queued"
            await both.hand_over()
            assert (await client.get(f"/v1/requests/{waits['id']}")).json()["state"] == "queued"
            again = await client.post("/v1/requests", json=body, headers=headers)
            assert again.json()["id"] == waits["id"]
            assert writes(simulator, "RETRIEVE") == 0
            held.let_go()
            first, second = await settled(client, hold["id"]), await settled(client, waits["id"])
        assert (first["outcome"]["kind"], second["outcome"]["kind"]) == ("confirmed", "confirmed")
        assert second["requestId"] == waits["requestId"]
        assert (writes(simulator, "HOLD"), writes(simulator, "RETRIEVE")) == (1, 1)


async def test_what_gets_its_turn_while_others_are_waited_for_is_left_to_the_second_daemon(
    tmp_path,
):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        service, go, sent = both.first.listener.service, asyncio.Event(), []
        real = service._wire.send

        async def slow(request, request_id, leaves):
            sent.append(request.requested_action)
            await go.wait()
            return await real(request, request_id, leaves)

        service._wire.send = slow
        async with both.caller() as client:
            hold = await post(client, **HOLD, dialogId="99999")  # Finesse will refuse it
            back = await post(
                client, **HOLD | {"requestedAction": "UPDATE_CALL_DATA"}, **data(dialog)
            )
            await until(lambda: sent)
            handing = asyncio.create_task(both.hand_over())
            await until(lambda: service.closing)
            go.set()
            await handing
            assert (await settled(client, hold["id"]))["outcome"]["kind"] == "rejected"
            assert (await settled(client, back["id"]))["outcome"]["kind"] == "confirmed"
        assert sent == ["HOLD"]
        assert writes(simulator, "UPDATE_CALL_DATA") == 1


def data(dialog: str) -> dict:
    return {"dialogId": dialog, "mediaProperties": {"callvariables": {"callVariable1": "x"}}}


async def test_a_request_whose_time_to_wait_is_over_is_not_sent(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            hold = await post(client, **HOLD, dialogId=dialog)
            await in_state(client, hold["id"], "accepted")
            waits = await post(
                client, agent=A, requestedAction="RETRIEVE", dialogId=dialog, deadline=1
            )
            correlator = both.first.listener.service.correlator

            real = correlator.left
            # As if it had stood still for a second.
            correlator.left = lambda now, key: 0.0 if key == waits["id"] else real(now, key)
            await both.hand_over()
            got = await settled(client, waits["id"])
            held.let_go()
            await settled(client, hold["id"])
        assert (got["outcome"]["kind"], got["outcome"]["reason"]) == (
            "rejected",
            "expired_in_queue",
        )
        assert writes(simulator, "RETRIEVE") == 0


async def test_digits_are_presumed_at_the_end_of_their_window_by_the_second_daemon(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            async with both.handing_over():
                simulator.finesse.faults.add(Fault.SILENT, action="SEND_DTMF", times=2)
                sent = [
                    await post(
                        client,
                        agent=A,
                        requestedAction="SEND_DTMF",
                        dialogId=dialog,
                        dtmfString=digits,
                    )
                    for digits in ("1", "2")
                ]
                for each in sent:
                    await in_state(client, each["id"], "accepted")
            got = [await settled(client, each["id"]) for each in sent]
        assert [each["outcome"]["kind"] for each in got] == ["presumed", "presumed"]
        assert got[1]["outcome"]["waited"] - got[0]["outcome"]["waited"] > 4
        assert writes(simulator, "SEND_DTMF") == 2


async def test_digits_that_an_error_repeats_are_told_by_neither(tmp_path):
    refused = (
        "<Update><event>PUT</event><requestId>{}</requestId><source>/finesse/api/Dialog/{}</source>"
        "<data><apiErrors><apiError><errorType>Call Operation Failure</errorType>"
        "<errorMessage>cannot send {}</errorMessage></apiError></apiErrors></data></Update>"
    )
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client, AsyncExitStack() as stack:
            before = both.first.chronicle.last
            async with both.handing_over():
                simulator.finesse.faults.add(Fault.SILENT, action="SEND_DTMF")
                dtmf = {"agent": A, "requestedAction": "SEND_DTMF", "dtmfString": "82539714"}
                asked = await post(client, **dtmf, dialogId=dialog)
                await in_state(client, asked["id"], "accepted")
                first = both.first.listener.roster.ears[A]._session.jid
                await stack.enter_async_context(deaf(simulator, first))
                error = refused.format(asked["requestId"], dialog, "82539714")
                await simulator.notifications.publish(uris.dialogs_node(A), error)
                await until(lambda: both.twin.heard("RequestFailed"))
            got = await settled(client, asked["id"])
            told = await told_since(both.second, before)
        assert got["outcome"]["errors"][0]["errorMessage"] == "cannot send ***"
        (error,) = [each.data for each in told if each.name == "error"]
        assert error["errors"][0]["errorMessage"] == "cannot send ***"
    assert b"82539714" not in (tmp_path / "j.sqlite").read_bytes()


async def test_what_the_caller_sends_itself_is_reported_to_the_second_daemon(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            async with both.handing_over():
                body = HOLD | {"dialogId": dialog}
                made = (await client.post("/v1/expectations", json=body)).json()
                held = Held(simulator)
                await simulator.desktop.press(A, "HOLD", dialog, request_id=made["requestId"])
            patched = await client.patch(f"/v1/expectations/{made['id']}", json={"status": 202})
            assert patched.json()["state"] == "accepted"
            held.let_go()
            got = await settled(client, made["id"])
        assert (got["outcome"]["kind"], got["outcome"]["evidence"]) == ("confirmed", "request_id")


@pytest.mark.parametrize("how", ["no journal", "just now", "a while ago"])
async def test_late_events_find_what_the_first_daemon_settled(tmp_path, how, monkeypatch):
    if how == "a while ago":
        monkeypatch.setattr(keeping, "RECENT", timedelta())
    kept = how != "no journal"
    async with simulated() as simulator, pair(simulator, tmp_path, journal=kept) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client:
            held = Held(simulator)
            asked = await post(client, **HOLD, dialogId=dialog)
            await in_state(client, asked["id"], "accepted")
            gone = (await client.delete(f"/v1/requests/{asked['id']}")).json()
            assert gone["outcome"]["kind"] == "abandoned"
            await both.hand_over()
            await until(lambda: asked["id"] in both.second.listener.service.records)
            held.let_go()
            await heard_by(simulator, both.second)
            got = (await client.get(f"/v1/requests/{asked['id']}")).json()
        for key in ("kind", "reason", "sent", "status", "waited"):
            assert got["outcome"][key] == gone["outcome"][key], key
        assert {each["kind"] for each in got["late"]} == {"event"}

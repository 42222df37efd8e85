"""What callers see of a hand-over: nothing is lost, nothing comes twice, nobody waits for long."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress

import httpx
import pytest

from listener.simulator.faults import Fault
from tests.shell.handing import Held, Watcher, pair
from tests.shell.stage import A, B, answered_call, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}
LOST = (httpx.TransportError, OSError)


async def call(both, method: str, path: str, **more) -> httpx.Response:
    """Call, and call again when told to, or when the connection ends: as a good client does."""
    while True:
        with suppress(*LOST):
            async with both.caller() as client:
                got = await client.request(method, path, **more)
                if got.status_code != 503:
                    return got
                assert got.headers["Retry-After"]
        await asyncio.sleep(0)


async def outcome(both, id_: str) -> dict:
    while True:
        got = (await call(both, "GET", f"/v1/requests/{id_}", headers=WAIT)).json()
        if got["outcome"] is not None:
            return got["outcome"]


async def test_who_waits_is_answered_at_once_and_finds_the_outcome_at_the_other_daemon(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        async with both.caller() as client, both.caller() as other:
            async with both.handing_over():
                held = Held(simulator)
                body, long = HOLD | {"dialogId": dialog}, {"Prefer": "wait=60"}
                call_it = client.post("/v1/requests", json=body, headers=long)
                posting = asyncio.create_task(call_it)
                await until(lambda: both.first.listener.service.pending)
                (id_,) = both.first.listener.service.correlator.open_keys()
                call_it = other.get(f"/v1/requests/{id_}", headers=long)
                reading = asyncio.create_task(call_it)
                await until(lambda: both.first.doors._doors[0].server.connections == 2)
            posted, read = await posting, await reading
            assert (posted.status_code, read.json()["outcome"]) == (202, None)
            assert posted.headers["Location"] == f"/v1/requests/{id_}"
            held.let_go()
            assert (await outcome(both, id_))["kind"] == "confirmed"
        assert writes(simulator, "HOLD") == 1


async def test_calls_on_a_kept_connection_are_refused_for_a_moment_and_the_connection_ends(
    tmp_path,
):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        stands, go = asyncio.Event(), asyncio.Event()
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))
        async with httpx.AsyncClient(transport=transport, base_url="http://l") as kept:
            assert (await kept.get("/v1/info")).headers.get("connection") != "close"

            async def while_it_stands() -> None:
                stands.set()
                await go.wait()

            both.meanwhile(while_it_stands)
            handing = asyncio.create_task(both.hand_over())
            await stands.wait()
            body = HOLD | {"dialogId": dialog}
            refused = await kept.post("/v1/requests", json=body)
            problem = refused.json()
            assert (refused.status_code, problem["retryable"]) == (503, True)
            assert problem["type"].endswith("closing")
            assert (refused.headers["Retry-After"], refused.headers["Connection"]) == ("1", "close")
            go.set()
            await handing
            sent = await kept.post("/v1/requests", json=body, headers=WAIT)
            assert sent.json()["outcome"]["kind"] == "confirmed"
        assert writes(simulator, "HOLD") == 1


async def test_while_both_stand_still_nothing_can_be_changed_and_all_can_be_read(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        dialog = await answered_call(simulator, both.first.listener)
        held = Held(simulator)
        transports = [httpx.AsyncHTTPTransport(uds=str(tmp_path / "s")) for _ in range(6)]
        clients = [httpx.AsyncClient(transport=t, base_url="http://l") for t in transports]
        body = HOLD | {"dialogId": dialog}
        made = (await clients[0].post("/v1/expectations", json=body)).json()
        path = f"/v1/expectations/{made['id']}"
        answers = {}

        async def while_it_stands() -> None:
            for client, (name, doing) in zip(
                clients,
                {
                    "read": lambda c: c.get(f"/v1/requests/{made['id']}", headers=WAIT),
                    "report": lambda c: c.patch(path, json={"status": 202}),
                    "abandon": lambda c: c.delete(f"/v1/requests/{made['id']}"),
                    "add": lambda c: c.put("/v1/agents/7", json={"password": "x"}),
                    "reload": lambda c: c.post("/v1/reload"),
                    "ready": lambda c: c.get("/readyz"),
                }.items(),
                strict=True,
            ):
                answers[name] = (await doing(client)).status_code

        both.meanwhile(while_it_stands)
        for client in clients[1:]:
            await client.get("/livez")  # connected before the sockets are passed on
        await both.hand_over()
        assert answers.pop("read") == 200
        assert set(answers.values()) == {503}, answers
        assert (await call(both, "PATCH", path, json={"status": 202})).json()["state"] == "in_doubt"
        for client in clients:
            await client.aclose()
        held.let_go()


@pytest.mark.parametrize("journal", [True, False])
async def test_a_reader_of_events_resumes_at_the_other_daemon_without_loss_or_repeat(
    tmp_path, journal
):
    async with simulated() as simulator, pair(simulator, tmp_path, journal=journal) as both:
        told: list[tuple[str, dict]] = []
        ended = asyncio.Event()

        async def read() -> None:
            while not ended.is_set():
                last = {"Last-Event-ID": told[-1][0]} if told else {}
                with suppress(*LOST):
                    async with both.caller() as client:
                        stream = client.stream("GET", "/v1/events", headers=last, timeout=20)
                        async with stream as answer:
                            await follow(answer, told)

        reading = asyncio.create_task(read())
        await until(lambda: both.first.chronicle.readers)
        dialog = await answered_call(simulator, both.first.listener)
        async with both.handing_over():
            body = HOLD | {"dialogId": dialog}
            held = (await call(both, "POST", "/v1/requests", json=body)).json()
            await outcome(both, held["id"])
        await both.left
        body = HOLD | {"dialogId": dialog, "requestedAction": "RETRIEVE"}
        back = (await call(both, "POST", "/v1/requests", json=body)).json()
        await outcome(both, back["id"])
        await until(lambda: both.second.chronicle.last == int(told[-1][0].rpartition("-")[2]))
        ended.set()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        numbers = [int(id_.rpartition("-")[2]) for id_, _ in told]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert {id_.rpartition("-")[0] for id_, _ in told} == {both.first.chronicle.epoch}
        states = [data["state"] for _, data in told if data.get("id") == held["id"]]
        assert (states[-1], states.count("settled")) == ("settled", 1)
        ours = [data for _, data in told if data.get("requestId") == held["requestId"]]
        events = [json.dumps({**each, "at": ""}) for each in ours if "requestedAction" not in each]
        assert len(events) == len(set(events)) > 0


async def follow(answer: httpx.Response, told: list[tuple[str, dict]]) -> None:
    id_ = ""
    async for line in answer.aiter_lines():
        if line.startswith("id: "):
            id_ = line[4:]
        elif line.startswith("data: ") and id_:
            told.append((id_, json.loads(line[6:])))
            id_ = ""
        assert not line.startswith(("event: reset", "event: lagged"))


async def test_callers_that_repeat_with_their_key_are_each_served_once(tmp_path):
    """Under load: requests before, in and after it, some of which Finesse answers late."""
    async with simulated(pace=0.002) as simulator:
        watcher = Watcher(simulator)
        simulator.finesse.faults.rates[Fault.ANSWER_LATE] = 0.3
        async with pair(simulator, tmp_path) as both:
            dialogs = {
                agent: await answered_call(simulator, both.first.listener, agent)
                for agent in (A, B)
            }
            stop, outcomes = asyncio.Event(), []

            async def work(agent: str) -> None:
                actions = 0
                while not stop.is_set() or actions % 2:
                    action = ("HOLD", "RETRIEVE")[actions % 2]
                    body = {"agent": agent, "requestedAction": action, "dialogId": dialogs[agent]}
                    headers = {"Idempotency-Key": str(uuid.uuid4())}
                    got = await call(both, "POST", "/v1/requests", json=body, headers=headers)
                    again = await call(both, "POST", "/v1/requests", json=body, headers=headers)
                    assert got.json()["id"] == again.json()["id"]
                    found = await outcome(both, got.json()["id"])
                    outcomes.append((found["kind"], found["reason"], action, agent))
                    actions += 1

            working = [asyncio.create_task(work(agent)) for agent in (A, B)]
            await until(lambda: len(outcomes) > 4)
            await both.hand_over()
            await both.left
            seen = len(outcomes)
            await until(lambda: len(outcomes) > seen + 4)
            stop.set()
            await asyncio.gather(*working)
            assert watcher.absences == []
        assert {kind for kind, *_ in outcomes} == {"confirmed"}, outcomes
        sent = writes(simulator, "HOLD") + writes(simulator, "RETRIEVE")
        assert sent == len(outcomes)

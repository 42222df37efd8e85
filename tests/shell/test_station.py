"""A whole daemon in this loop: restart, reload, drain, a full disk, callers at the same time."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from listener import daemon
from listener.errors import ConfigurationError
from listener.journal import Journal
from listener.simulator.faults import Fault
from listener.station import Station
from tests.shell import program
from tests.shell.house import House, housed
from tests.shell.journals import FULL, Disk
from tests.shell.stage import (
    PACES,
    A,
    B,
    answered_call,
    no_tasks_left,
    node_of,
    settings,
    simulated,
    until,
    writes,
)

HOLD = {"agent": A, "requestedAction": "HOLD"}


def caller(socket: Path) -> httpx.AsyncClient:
    """Return a plain client over the socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


@asynccontextmanager
async def daemon_on(simulator, folder: Path, **more):
    """Run a station with socket and journal in `folder`."""
    told = settings(simulator, folder, **more)
    api = told.api.model_copy(update={"socket": folder / "s"})
    journal = told.journal.model_copy(update={"path": folder / "journal.sqlite"})
    told = told.model_copy(update={"api": api, "journal": journal})
    async with Station.open(told, paces=PACES) as station, caller(folder / "s") as client:
        await until(lambda: station.listener.roster.up == len(told.agents))
        yield station, client


# ------------------------------------------------------------------------------------- restart


async def test_after_a_restart_ids_outcomes_keys_and_events_are_known(tmp_path):
    async with simulated() as simulator:
        async with daemon_on(simulator, tmp_path) as (station, client):
            dialog = await answered_call(simulator, station.listener)
            headers = {"Prefer": "wait=20", "Idempotency-Key": "one"}
            body = HOLD | {"dialogId": dialog}
            first = await client.post("/v1/requests", json=body, headers=headers)
            assert first.json()["outcome"]["kind"] == "confirmed"
            last = station.chronicle.last
            before = f"{station.chronicle.epoch}-{last - 1}"
            await station.drain(5)
        async with daemon_on(simulator, tmp_path) as (station, client):
            assert station.chronicle.epoch == before.partition("-")[0]
            id_ = first.json()["id"]
            again = (await client.get(f"/v1/requests/{id_}")).json()
            for key in ("requestId", "askedBy", "settled", "submitted", "sent", "answered"):
                assert again[key] == first.json()[key], key
            for key in ("kind", "evidence", "status", "stage", "waited"):
                assert again["outcome"][key] == first.json()["outcome"][key], key
            repeated = await client.post("/v1/requests", json=body, headers=headers)
            assert repeated.json()["id"] == id_
            assert writes(simulator, "HOLD") == 1
            other = await client.post(
                "/v1/requests", json=body | {"requestedAction": "RETRIEVE"}, headers=headers
            )
            assert other.status_code == 422
            listed = await client.get("/v1/requests", params={"requestId": again["requestId"]})
            assert [each["id"] for each in listed.json()["requests"]] == [id_]
            async with client.stream("GET", "/v1/events", headers={"Last-Event-ID": before}) as got:
                lines = got.aiter_lines()
                ids = [line[4:] async for line in first_of(lines, 1)]
            assert ids == [f"{station.chronicle.epoch}-{last}"]


async def first_of(lines, number: int):
    """Yield the `id:` lines of the first `number` events; a block without one is a place."""
    id_ = ""
    async for line in lines:
        if line.startswith("id: "):
            id_ = line
        elif line.startswith("event: "):
            yield id_
            number -= 1
            if not number:
                return


async def test_what_a_shutdown_left_open_is_abandoned_in_the_journal(tmp_path):
    async with simulated() as simulator:
        async with daemon_on(simulator, tmp_path) as (station, client):
            dialog = await answered_call(simulator, station.listener)
            simulator.finesse.faults.add(Fault.SILENT, action="HOLD")
            body = HOLD | {"dialogId": dialog, "minimumEvidence": "event"}
            sent = (await client.post("/v1/requests", json=body)).json()
            await until(lambda: writes(simulator, "HOLD"))
            waiting = asyncio.create_task(
                client.get(f"/v1/requests/{sent['id']}", headers={"Prefer": "wait=30"})
            )
            await until(lambda: station.listener.service.records[sent["id"]].answered)
            assert await station.drain(0.05) == 1
            told = (await waiting).json()["outcome"]
            assert (told["kind"], told["reason"]) == ("abandoned", "shutdown")
        async with daemon_on(simulator, tmp_path) as (_, client):
            again = (await client.get(f"/v1/requests/{sent['id']}")).json()
            assert (again["state"], again["outcome"]["reason"]) == ("settled", "shutdown")


async def test_second_daemon_on_one_journal_or_one_socket_is_refused_and_harms_nothing(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        told = station.settings
        elsewhere = told.api.model_copy(update={"socket": tmp_path / "other"})
        with pytest.raises(ConfigurationError, match=r"journal\.sqlite"):
            async with Station.open(told.model_copy(update={"api": elsewhere}), paces=PACES):
                pass
        journal = told.journal.model_copy(update={"path": tmp_path / "other.sqlite"})
        with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path / "s"))):
            async with Station.open(told.model_copy(update={"journal": journal}), paces=PACES):
                pass
        assert (await client.get("/readyz")).status_code == 200


# ------------------------------------------------------------------------------------ full disk


async def test_full_disk_refuses_new_requests_keeps_sessions_and_recovers_by_itself(
    tmp_path, monkeypatch
):
    disk = Disk()
    opened = Journal.open
    monkeypatch.setattr(
        Journal, "open", lambda *given, **how: opened(*given, connect=disk.connect, **how)
    )
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        dialog = await answered_call(simulator, station.listener)
        body = HOLD | {"dialogId": dialog}
        disk.fails = FULL
        refused = await client.post("/v1/requests", json=body)
        assert refused.status_code == 503
        assert "journal" in refused.json()["detail"] or "kept" in refused.json()["detail"]
        assert refused.json()["retryable"] is True
        assert int(refused.headers["Retry-After"]) > 0
        await until(lambda: station.journal.trouble)
        unready = await client.get("/readyz")
        assert (unready.status_code, unready.json()["ready"]) == (503, False)
        assert (await client.get("/livez")).status_code == 200
        assert station.listener.roster.up == 2
        assert writes(simulator, "HOLD") == 0
        disk.fails = None
        await until(lambda: station.journal.trouble is None)
        assert (await client.get("/readyz")).status_code == 200
        done = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
        assert done.json()["outcome"]["kind"] == "confirmed"
        assert writes(simulator, "HOLD") == 1


# --------------------------------------------------------------------------------------- callers


async def test_a_hundred_identical_posts_at_once_are_sent_once_with_a_key(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        dialog = await answered_call(simulator, station.listener)
        headers = {"Prefer": "wait=20", "Idempotency-Key": "k"}
        body = HOLD | {"dialogId": dialog}
        answers = await asyncio.gather(
            *(client.post("/v1/requests", json=body, headers=headers) for _ in range(100))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert writes(simulator, "HOLD") == 1


async def test_two_identical_posts_without_a_key_are_two_requests(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        dialog = await answered_call(simulator, station.listener)
        body = HOLD | {"dialogId": dialog}
        answers = await asyncio.gather(
            *(
                client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
                for _ in range(2)
            )
        )
        ids = {answer.json()["id"] for answer in answers}
        kinds = sorted(answer.json()["outcome"]["kind"] for answer in answers)
        assert (len(ids), kinds) == (2, ["confirmed", "failed"])
        assert writes(simulator, "HOLD") == 2


async def test_too_many_pending_are_refused_with_429_and_nothing_is_sent(tmp_path):
    async with (
        simulated() as simulator,
        daemon_on(simulator, tmp_path, requests={"max_pending": 3}) as (station, client),
    ):
        dialog = await answered_call(simulator, station.listener)
        # nothing is heard about digits before their window of five seconds ends
        body = {"agent": A, "requestedAction": "SEND_DTMF", "dialogId": dialog, "dtmfString": "1"}
        for _ in range(3):
            assert (await client.post("/v1/requests", json=body)).status_code == 202
        fourth = await client.post("/v1/requests", json=body)
        assert (fourth.status_code, fourth.headers["Retry-After"]) == (429, "1")
        await until(lambda: writes(simulator) == 3)
        assert len(station.listener.service.records) == 3
        for record in list(station.listener.service.records):
            assert (await client.delete(f"/v1/requests/{record}")).status_code == 200


async def test_caller_that_hangs_up_changes_nothing(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        dialog = await answered_call(simulator, station.listener)
        simulator.finesse.faults.add(Fault.ANSWER_LATE, action="HOLD", seconds=0.3)
        async with caller(tmp_path / "s") as gone:
            posting = asyncio.create_task(
                gone.post(
                    "/v1/requests",
                    json=HOLD | {"dialogId": dialog},
                    headers={"Prefer": "wait=30"},
                )
            )
            await until(lambda: writes(simulator, "HOLD"))
            posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)
        (id_,) = station.listener.service.records
        told = (await client.get(f"/v1/requests/{id_}", headers={"Prefer": "wait=30"})).json()
        assert told["outcome"]["kind"] == "confirmed"


async def test_wait_longer_than_the_deadline_ends_at_the_outcome_and_delete_wakes_it(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        dialog = await answered_call(simulator, station.listener)
        simulator.finesse.faults.add(Fault.SILENT, times=2)
        # Long enough for it to be sent, however slowly.
        body = HOLD | {"dialogId": dialog, "deadline": 2.0, "minimumEvidence": "request_id"}
        told = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=60"})
        assert told.status_code == 200
        assert told.json()["outcome"]["kind"] == "unconfirmed"
        sent = await client.post("/v1/requests", json=body | {"deadline": 60})
        url = sent.headers["Location"]
        await until(lambda: station.listener.service.records[sent.json()["id"]].answered)
        waiting = asyncio.create_task(client.get(url, headers={"Prefer": "wait=60"}))
        await asyncio.sleep(0)
        ended = await client.delete(url)
        assert ended.json()["outcome"]["reason"] == "caller"
        assert (await waiting).json()["outcome"] == ended.json()["outcome"]


# ---------------------------------------------------------------------------------- agents, reload


async def test_an_agent_is_held_once_whatever_its_spelling_and_signed_in_ones_are_kept(tmp_path):
    async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
        again = await client.put(f"/v1/agents/{A}", json={"password": "correct-horse-1"})
        assert again.status_code == 200
        assert station.listener.roster.up == 2
        assert "correct-horse" not in again.text
        kept = await client.delete(f"/v1/agents/{A}")
        assert kept.status_code == 409
        assert A in station.listener.roster.ears
        gone = await client.delete(f"/v1/agents/{A}", params={"force": "true"})
        assert gone.status_code == 204
        await until(lambda: not simulator.notifications.present(A))
        back = await client.put(f"/v1/agents/{A}", json={"password": "correct-horse-1"})
        assert back.status_code == 201
        await until(lambda: station.listener.roster.up == 2)
        assert back.json()["origin"] == "api"


async def test_reload_adds_and_removes_agents_without_touching_the_others(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        session = house.station.listener.roster.ear(A)._session
        rewrite(house, agents=(A, B))
        async with house.client() as client:
            said = await client.reload()
            assert (said["added"], said["removed"], said["changed"]) == ([B], [], [])
            await until(lambda: house.station.listener.roster.up == 2)
            rewrite(house, agents=(A,))
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: B not in house.station.listener.roster.ears)
        assert house.station.listener.roster.ear(A)._session is session
        await until(lambda: not house.simulator.notifications.present(B))


async def test_reload_of_an_invalid_file_changes_nothing_and_says_why(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        session = house.station.listener.roster.ear(A)._session
        good = house.config.read_text()
        house.config.write_text(good + "\n[logs]\nlevle = 'DEBUG'\n")
        async with caller(house.socket) as client:
            answer = await client.post("/v1/reload")
            assert 400 <= answer.status_code < 500
            assert "levle" in answer.json()["detail"]
        assert house.station.listener.roster.ear(A)._session is session
        house.config.write_text(good)
        async with house.client() as client:
            assert (await client.reload())["added"] == []


def rewrite(house: House, agents: tuple[str, ...]) -> None:
    """Write the settings again for other agents."""
    program.config(
        house.folder,
        node=node_of(house.simulator),
        ca=house.folder / "ca.pem",
        agents=agents,
        more='[api]\nsocket = "s"\nlisten = "127.0.0.1:0"\ntokens_file = "tokens.toml"\n'
        '[journal]\npath = "journal.sqlite"\n',
    )


# ------------------------------------------------------------------------------------------- end


async def test_all_tasks_and_files_are_gone_after_a_stop(tmp_path):
    with no_tasks_left():
        async with simulated() as simulator, daemon_on(simulator, tmp_path) as (station, client):
            assert (await client.get("/livez")).status_code == 200
            assert await station.drain(1) == 0
            with pytest.raises(httpx.TransportError):
                async with caller(tmp_path / "s") as late:
                    await late.get("/livez")
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / "journal.sqlite-wal").exists()


async def test_settings_that_cannot_serve_end_the_daemon_with_words(tmp_path):
    async with simulated() as simulator:
        (tmp_path / "s").mkdir()
        told = settings(simulator, tmp_path)
        api = told.api.model_copy(update={"socket": tmp_path / "s"})
        with pytest.raises(ConfigurationError, match="s: "):
            await daemon.serve(told.model_copy(update={"api": api}), paces=PACES)

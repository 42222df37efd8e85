"""A daemon whose journal cannot be opened or read at the start: it comes up, and takes nothing."""

from __future__ import annotations

import asyncio
import sqlite3

import httpx
import pytest

from listener import keeping
from listener.errors import NotKept
from listener.journal import Journal, store
from tests.shell.house import House, moved_in
from tests.shell.stage import A, simulated, until, writes

EARLIER = "01930000-0000-7000-8000-00000000abcd"


@pytest.fixture
def full(monkeypatch):
    """Let the journal be opened only once `clear` was called."""
    full = asyncio.Event()
    full.set()
    real = store._set

    def set_(connection: sqlite3.Connection) -> None:
        if full.is_set():
            raise sqlite3.OperationalError("database or disk is full")
        real(connection)

    monkeypatch.setattr(store, "_set", set_)
    return full


def api(house: House) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(house.socket))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60)


async def a_held_call(house: House, client: httpx.AsyncClient) -> tuple[dict, str]:
    """Hold a call under an Idempotency-Key; return the body that asked for it, and its id."""
    body = {"agent": A, "requestedAction": "HOLD", "dialogId": await house.call()}
    headers = {"Prefer": "wait=20", "Idempotency-Key": "one"}
    answer = await client.post("/v1/requests", json=body, headers=headers)
    assert answer.json()["outcome"]["kind"] == "confirmed"
    return body, answer.json()["id"]


async def test_without_room_at_the_start_it_comes_up_and_recovers_by_itself(tmp_path, full):
    async with simulated() as simulator:
        full.clear()
        async with moved_in(simulator, tmp_path) as house, api(house) as client:
            body, id_ = await a_held_call(house, client)
        left_open(tmp_path / "journal.sqlite")
        full.set()
        async with moved_in(simulator, tmp_path) as house, api(house) as client:
            assert house.station.listener.roster.up == 2
            key = {"Idempotency-Key": "one", "Prefer": "wait=20"}
            refused = await client.post("/v1/requests", json=body, headers=key)
            assert refused.status_code == 503
            assert (await client.get("/readyz")).status_code == 503
            full.clear()
            await until(lambda: house.station.journal.trouble is None)
            assert (await client.get("/readyz")).status_code == 200
            repeated = await client.post("/v1/requests", json=body, headers=key)
            assert (repeated.json()["id"], writes(simulator, "HOLD")) == (id_, 1)
            earlier = await client.get(f"/v1/requests/{EARLIER}", headers={"Prefer": "wait=20"})
            assert earlier.json()["state"] == "settled"
            assert earlier.json()["outcome"]["kind"] in {"confirmed", "presumed", "unconfirmed"}


def left_open(path) -> None:
    """Let the journal hold a request that an earlier process sent, and did not see the end of."""
    db = sqlite3.connect(path)
    columns = "request_id, agent, dialog_id, submitted"
    with db:
        db.execute(
            f"INSERT INTO requests (key, {columns}) SELECT '{EARLIER}', {columns} FROM requests"
        )
        db.execute(
            "INSERT INTO steps (request, kind, at, data) SELECT"
            f" (SELECT max(id) FROM requests), kind, at, replace(data, old.key, '{EARLIER}')"
            " FROM steps JOIN requests AS old ON old.id = steps.request"
            " WHERE kind IN ('intent', 'going')"
        )
    db.close()


async def test_what_cannot_be_read_at_the_start_is_read_later(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "READ_AGAIN", 0.01)
    broken = asyncio.Event()
    real = Journal.unsettled

    async def unsettled(journal):
        if broken.is_set():
            raise NotKept("disk I/O error")
        return await real(journal)

    monkeypatch.setattr(Journal, "unsettled", unsettled)
    async with simulated() as simulator:
        async with moved_in(simulator, tmp_path) as house, api(house) as client:
            body, id_ = await a_held_call(house, client)
        broken.set()
        async with moved_in(simulator, tmp_path) as house, api(house) as client:
            key = {"Idempotency-Key": "one"}
            refused = await client.post("/v1/requests", json=body)
            assert refused.status_code == 503
            broken.clear()
            await until(lambda: house.station.journal.trouble is None)
            repeated = await client.post("/v1/requests", json=body, headers=key)
            assert (repeated.json()["id"], writes(simulator, "HOLD")) == (id_, 1)

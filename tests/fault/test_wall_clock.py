"""The machine's clock is set back or forward while the daemon is away: a whole daemon each time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from listener import ledger
from listener.simulator.faults import Fault
from tests.shell.stage import A, answered_call, simulated, until, writes
from tests.shell.test_station import daemon_on

HOLD = {"agent": A, "requestedAction": "HOLD"}
PATIENCE = 50.0  # seconds of the open request's deadline; nobody waits for it


def set_clock(monkeypatch, ahead: timedelta) -> None:
    """Let the one place that reads wall time read another one."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz or UTC) + ahead

    nanoseconds = int(ahead.total_seconds()) * 10**9
    moved = SimpleNamespace(time_ns=lambda: time.time_ns() + nanoseconds)
    monkeypatch.setattr(ledger, "datetime", Moved)
    monkeypatch.setattr(ledger, "time", moved)


def as_after_a_crash(folder: Path, after: Path) -> None:
    """Copy the journal as it is at this moment: nothing in it says goodbye."""
    after.mkdir()
    with (
        closing(sqlite3.connect(folder / "journal.sqlite")) as now,
        closing(sqlite3.connect(after / "journal.sqlite")) as copy,
    ):
        now.backup(copy)
    (after / "journal.sqlite").chmod(0o600)
    key = after / "journal.sqlite.key"
    key.write_bytes((folder / "journal.sqlite.key").read_bytes())
    key.chmod(0o600)


@pytest.mark.parametrize("ahead", [timedelta(days=-30), timedelta(hours=-1), timedelta(hours=1)])
async def test_a_clock_that_was_set_prolongs_nothing_and_loses_nothing(
    tmp_path, monkeypatch, ahead
):
    after = tmp_path / "after"
    async with simulated() as simulator:
        async with daemon_on(simulator, tmp_path) as (station, client):
            dialog = await answered_call(simulator, station.listener)
            body = HOLD | {"dialogId": dialog}
            keyed = {"Prefer": "wait=20", "Idempotency-Key": "one"}
            done = (await client.post("/v1/requests", json=body, headers=keyed)).json()
            assert done["outcome"]["kind"] == "confirmed"
            simulator.finesse.faults.add(Fault.SILENT, action="RETRIEVE")
            sent = await client.post(
                "/v1/requests",
                json=body
                | {"requestedAction": "RETRIEVE"}
                | {"deadline": PATIENCE, "minimumEvidence": "request_id"},
            )
            open_ = sent.json()["id"]
            await until(lambda: station.listener.service.records[open_].answered)
            before = f"{station.chronicle.epoch}-{station.chronicle.last}"
            as_after_a_crash(tmp_path, after)
            await station.drain(0)
        set_clock(monkeypatch, ahead)
        async with daemon_on(simulator, after) as (station, client):
            # The time that is left is never more than there was, whatever the clock says.
            if ahead > timedelta(0):
                waits = {"Prefer": "wait=20"}
                told = (await client.get(f"/v1/requests/{open_}", headers=waits)).json()
                assert (told["outcome"]["kind"], told["outcome"]["reason"]) == (
                    "unconfirmed",
                    "restarted",
                )
            else:
                entry = station.listener.service.correlator.entry(open_)
                left = entry.deadline - station.listener.service.loop.time()
                assert 0 < left <= PATIENCE
                assert (await client.delete(f"/v1/requests/{open_}")).status_code == 200
            again = (await client.get(f"/v1/requests/{done['id']}")).json()
            assert again["outcome"]["kind"] == "confirmed"
            repeated = (await client.post("/v1/requests", json=body, headers=keyed)).json()
            assert repeated["id"] == done["id"]
            assert writes(simulator, "HOLD") == 1
            # Events go on behind those that were told, and new requests end as always.
            assert station.chronicle.epoch == before.partition("-")[0]
            assert station.chronicle.last >= int(before.partition("-")[2])
            held = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
            assert held.json()["outcome"]["kind"] == "confirmed"
            assert 0 <= held.json()["outcome"]["waited"] < 20

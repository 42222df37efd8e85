"""Killed as a request leaves: a change between its turn and its leaving proves nothing (rules 4).

The real journal, as the disk has it in that moment, and a service that begins with it.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from listener.chronicle import Chronicle
from listener.correlation.outcome import Confirmed, Evidence, Reason, Unconfirmed
from listener.correlation.steps import Look
from listener.idempotency import Keys
from listener.journal import Journal
from listener.restoring import restore
from listener.service import Service, Wishes
from tests.builders import AGENT, CALL, a_dialog, a_participant, a_user
from tests.shell.journals import a_record, going, journal_at
from tests.shell.stage import until
from tests.shell.test_service import ACCEPTED, HELD, Rig, Wire, hold


class Slow(Wire):
    """Lets a request leave when it is told to, and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.out = asyncio.Event()
        self.as_it_leaves = lambda: None

    async def send(self, request, request_id, leaves):
        del request
        self.asked_to_send.append(request_id)
        await self.turn.wait()
        leaves()
        self.as_it_leaves()
        self.out.set()
        await asyncio.sleep(60)
        return ACCEPTED


@dataclass
class First:
    """The first process, whose request has its turn and waits to leave."""

    rig: Rig
    wire: Slow
    ticket: object
    folder: Path
    journal: Journal

    def disk(self, name: str) -> Path:
        """Return a copy of what the disk has now."""
        there = self.folder.parent / name
        shutil.copytree(self.folder, there)
        return there / "journal.db"

    def held_by_hand(self) -> None:
        self.rig.hear(HELD.format(tag=""))


@asynccontextmanager
async def first_process(folder: Path):
    """Submit a HOLD; its turn has come and is kept."""
    await asyncio.to_thread(folder.mkdir)
    async with journal_at(folder / "journal.db") as journal:
        wire = Slow()
        rig = Rig(memory=Chronicle(journal))
        rig.wire = rig.service._wire = rig.service._outbox._wire = wire
        rig.up(a_participant("1001", "ACTIVE", at=1))
        wire.turn.clear()
        ticket = rig.service.submit(hold(), Wishes(deadline=20.0))
        await until(lambda: wire.asked_to_send)
        yield First(rig, wire, ticket, folder, journal)
        ticket.abandon()
        await rig.service.close()


async def after_the_restart(path: Path):
    """Return the outcome that the next process gives it, to whom a GET shows the call held."""
    held = (a_dialog(CALL, a_participant("1001", "HELD", at=9)),)
    service = Service(Wire(), Rig().ears)

    async def look(_ask):
        return Look(service.loop.time(), dialogs=held, user=a_user())

    service._wire.look = look
    async with journal_at(path) as journal:
        now = datetime.now(UTC) + timedelta(seconds=18.5)  # 1.5 s before its deadline
        found = await restore(service, journal, Keys(str), now=now, remember_for=timedelta(hours=1))
        assert (found.adopted, found.unsent) == (1, 0)
    (record,) = service.records.values()
    service.session_up(AGENT, Look(service.loop.time(), dialogs=held, user=a_user()))
    await until(lambda: record.outcome is not None)
    await service.close()
    return record.outcome


@pytest.mark.parametrize("killed", ["before it left", "as it left", "behind its leaving"])
async def test_a_change_before_it_left_is_not_its_work_after_a_kill(tmp_path, killed):
    async with first_process(tmp_path / "first") as first:
        first.held_by_hand()
        disks = [first.disk("before it left")]
        first.wire.as_it_leaves = lambda: disks.append(first.disk("as it left"))
        first.wire.turn.set()
        await first.wire.out.wait()
        await _kept(first)
        disks.append(first.disk("behind its leaving"))
    outcome = await after_the_restart(tmp_path / killed / "journal.db")
    assert isinstance(outcome, Unconfirmed)
    assert outcome.reason is Reason.RESTARTED
    assert len(disks) == 3


async def test_a_change_since_it_left_is_its_proof_after_a_kill_though_it_was_never_answered(
    tmp_path,
):
    async with first_process(tmp_path / "first") as first:
        first.wire.turn.set()
        await first.wire.out.wait()
        await _kept(first)
        disk = first.disk("behind its leaving")
    outcome = await after_the_restart(disk)
    assert isinstance(outcome, Confirmed)
    assert outcome.evidence is Evidence.SNAPSHOT


async def _kept(first: First) -> None:
    """Wait until all that was noted so far is on the disk."""
    assert await first.journal.put(going(a_record()))  # of nobody: what was put before it is there

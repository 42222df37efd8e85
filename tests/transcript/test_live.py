"""A listener over real sockets, recorded: what it did replays, and what it knew is not told."""

import asyncio
import json
import logging
import threading
from collections import Counter
from pathlib import Path

import pytest

from listener.assembly import Listener
from listener.errors import ConfigurationError
from listener.finesse.actions import Hold, MakeCall, SendDtmf, UpdateCallData
from listener.settings import Recording
from listener.transcript import Replay, Word, read
from listener.transcript.entries import Down, Ended, Fenced, Settled, Up
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    B,
    answered_call,
    no_tasks_left,
    settings,
    simulated,
    until,
)


async def test_what_a_listener_did_replays_to_the_same(tmp_path: Path, caplog):
    path = tmp_path / "t.jsonl"
    caplog.set_level(logging.INFO, "listener")
    with no_tasks_left():
        async with simulated() as sim:
            told = settings(sim, tmp_path)
            told = told.model_copy(update={"recording": Recording(path=path)})
            async with Listener.open(told, paces=PACES) as listener:
                dialog = await answered_call(sim, listener)
                await listener.submit(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="4711#"))
                await listener.submit(
                    UpdateCallData(
                        agent=A, dialog_id=dialog, call_variables={"callVariable1": "Mrs Miller"}
                    )
                )
                await listener.submit(Hold(agent=A, dialog_id=dialog))
                await listener.submit(MakeCall(agent=B, to_address="+12025550199"))

    lines = list(read(path))
    what = Counter(type(line.entry) for line in lines)
    assert (what[Settled], what[Ended], what[Fenced]) == (4, 1, 1)
    ups = [line.entry for line in lines if isinstance(line.entry, Up)]
    assert {up.agent for up in ups} == {A, B}
    assert {up.host for up in ups} == {"127.0.0.1"}
    assert [r.word for r in Replay().run(lines)] == [Word.SAME] * 4
    text = path.read_text(encoding="utf-8")
    hidden = ["4711", "Mrs Miller", "12025550199", "12025550101", *PASSWORD.values(), "Basic "]
    assert [each for each in hidden if each in text] == []
    told_of = [r for r in caplog.messages if "recording." in r]
    assert ["started" in told_of[0], "stopped" in told_of[-1]] == [True, True]


async def test_a_lost_session_is_a_gap_with_its_cause(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    async with simulated() as sim:
        told = settings(sim, tmp_path)
        told = told.model_copy(update={"recording": Recording(path=path)})
        async with Listener.open(told, paces=PACES) as listener:
            ear, tally = listener.roster.ear(A), listener.service.tally
            assert sim.notifications.cut(A) == 1
            await until(lambda: tally.reconnects and ear.up.is_set())

    entries = [line.entry for line in read(path) if line.entry.what.startswith("link")]
    mine = [entry for entry in entries if entry.agent == A]
    assert [type(entry) for entry in mine] == [Up, Down, Up, Down]
    assert isinstance(mine[1], Down)
    assert mine[1].cause
    assert not mine[1].on_purpose
    assert isinstance(mine[3], Down)
    assert mine[3].on_purpose


async def test_recording_may_begin_and_end_while_requests_are_open(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    async with simulated() as sim:
        told = settings(sim, tmp_path)
        async with Listener.open(told, paces=PACES) as listener:
            dialog = await answered_call(sim, listener)
            open_ = listener.start(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="1"))
            await until(lambda: str(open_.state) == "accepted")
            async with listener.recording(Recording(path=path)):
                await listener.submit(MakeCall(agent=B, to_address="5551234"))
                await open_.outcome()
            await listener.submit(Hold(agent=A, dialog_id=dialog))

    results = list(Replay().run(read(path)))
    assert {(r.request.requested_action, r.word) for r in results} == {
        ("MAKE_CALL", Word.SAME),
        ("SEND_DTMF", Word.PARTIAL),
    }
    partial = next(r for r in results if r.word is Word.PARTIAL)
    assert partial.replayed is not None
    assert partial.replayed.kind == "presumed"
    assert "HOLD" not in {json.loads(line).get("action") for line in path.read_text().splitlines()}


async def test_a_file_that_cannot_be_written_keeps_nobody_waiting(tmp_path: Path):
    """The loop goes on while the thread is held up by the disk."""
    path = tmp_path / "t.jsonl"
    async with simulated() as sim:
        told = settings(sim, tmp_path)
        async with Listener.open(told, paces=PACES) as listener:
            async with listener.recording(Recording(path=path)) as recorder:
                held, release = asyncio.Event(), threading.Event()
                loop = asyncio.get_running_loop()
                write = recorder._writer._parts.write

                def slow(line: bytes) -> None:
                    loop.call_soon_threadsafe(held.set)
                    release.wait(30)
                    write(line)

                recorder._writer._parts.write = slow
                outcome = await listener.submit(MakeCall(agent=B, to_address="5551234"))
                await held.wait()
                assert outcome.kind == "confirmed"
                release.set()
            assert recorder.lost == 0


async def test_one_transcript_at_a_time(tmp_path: Path):
    async with simulated() as sim, Listener.open(settings(sim, tmp_path), paces=PACES) as listener:
        async with listener.recording(Recording(path=tmp_path / "t.jsonl")):
            with pytest.raises(ConfigurationError, match=r"already, into .*t\.jsonl"):
                async with listener.recording(Recording(path=tmp_path / "u.jsonl")):
                    pass
        async with listener.recording(Recording(path=tmp_path / "u.jsonl")):
            pass

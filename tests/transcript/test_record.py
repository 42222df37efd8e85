"""`listener record`: of the running daemon, and without one; and a daemon that records itself."""

import os
import signal
from pathlib import Path

import pytest

from listener.cli.exits import Exit
from listener.finesse.actions import Hold
from listener.handover.asking import socket_beside
from listener.handover.channel import Refused
from listener.handover.recording import recording
from listener.settings import Recording
from listener.transcript import Replay, Word, read
from listener.transcript.entries import Ended, Up
from tests.shell import program
from tests.shell.house import housed
from tests.shell.stage import A, B, node_of, simulated, until


def recorded(path: Path) -> dict[str, Word]:
    return {r.request.requested_action: r.word for r in Replay().run(read(path))}


async def test_a_running_daemon_records_as_long_as_somebody_wants_it(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    async with housed(tmp_path) as house:
        dialog = await house.call()
        async with program.started("record", file, "--config", house.config) as process:
            await program.line_with(process, "the daemon records into")
            await house.station.listener.submit(Hold(agent=A, dialog_id=dialog))
            process.send_signal(signal.SIGINT)
            done = await program.ended(process)
        await house.station.listener.submit(Hold(agent=A, dialog_id=dialog))

    assert (done.code, done.out) == (Exit.OK, "")
    assert f"recorded in {file}" in done.err
    assert recorded(file) == {"HOLD": Word.SAME}
    assert [type(line.entry) for line in read(file)][-1] is Ended
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (os.geteuid(), 0o600)


async def test_it_ends_after_its_time(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    async with housed(tmp_path) as house:
        done = await program.listener("record", file, "--config", house.config, "--seconds", "0.1")

    assert done.code == Exit.OK
    assert [line.entry.what for line in read(file)][-1] == "end"


async def test_an_operator_who_is_killed_leaves_no_recording_behind(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    async with housed(tmp_path) as house:
        async with program.started("record", file, "--config", house.config) as process:
            await program.line_with(process, "the daemon records into")
            process.kill()
        async with program.started("record", file, "--config", house.config) as process:
            await program.line_with(process, "the daemon records into")

    assert [line.entry.what for line in read(file)].count("end") == 2


async def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path):
    other = tmp_path / "notes"
    other.write_text("mine\n")
    async with housed(tmp_path) as house:
        done = await program.listener("record", other, "--config", house.config)

        said: list[str] = []
        desk = socket_beside(house.socket)
        async with recording(desk, Recording(path=tmp_path / "t.jsonl"), said.append):
            with pytest.raises(Refused, match="written already"):
                async with recording(desk, Recording(path=tmp_path / "u"), said.append):
                    pass

    assert done.code == Exit.FAILED
    assert "not recorded: " in done.err
    assert "is no transcript; name another file" in done.err
    assert other.read_text() == "mine\n"
    assert said[-1] == f"recorded in {tmp_path / 't.jsonl'}"


async def test_without_a_daemon_it_holds_the_sessions_itself(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    async with simulated() as sim:
        config = program.config(
            tmp_path,
            node=node_of(sim),
            ca=sim.write_ca(tmp_path / "ca.pem"),
            agents=(A, B),
            more='[api]\nsocket = "nobody"\n',
        )
        words = ("record", file, "--config", config, "--agent", A, "--direct")
        async with program.started(*words) as process:
            await until(lambda: file.exists() and b"link_up" in file.read_bytes(), 50)
            process.send_signal(signal.SIGINT)
            done = await program.ended(process)

    assert done.code == Exit.OK
    assert done.words[-1] == f"recorded in {file}"
    assert [line.entry.agent for line in read(file) if isinstance(line.entry, Up)] == [A]


async def test_the_settings_make_a_daemon_record_from_the_start(tmp_path: Path):
    async with housed(tmp_path, more='[recording]\npath = "t.jsonl"\n') as house:
        dialog = await house.call()
        await house.station.listener.submit(Hold(agent=A, dialog_id=dialog))

    assert recorded(tmp_path / "t.jsonl") == {"HOLD": Word.SAME}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--agent", A), "--agent goes with --direct"),
        (("--direct",), "--config is needed"),
    ],
)
async def test_a_call_that_cannot_be_meant_says_why(tmp_path: Path, words, said: str):
    done = await program.listener("record", tmp_path / "t.jsonl", *words)

    assert done.code == Exit.USAGE
    assert said in done.err


async def test_a_daemon_that_is_started_so_records_from_the_start(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    async with simulated() as sim:
        config = program.config(
            tmp_path,
            node=node_of(sim),
            ca=sim.write_ca(tmp_path / "ca.pem"),
            more='[api]\nsocket = "s"\n[journal]\npath = ""\n',
        )
        async with program.started("run", "--config", config, "--record", file) as process:
            await until(lambda: file.exists() and b"link_up" in file.read_bytes(), 50)
            process.send_signal(signal.SIGTERM)
            done = await program.ended(process)

    assert done.code == Exit.OK
    assert "recording.started" in done.err
    assert [line.entry.what for line in read(file)][-1] == "end"

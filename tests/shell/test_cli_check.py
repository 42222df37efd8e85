"""`listener check` as a command: what it prints, how it ends, what it does without a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import closing, suppress

import pytest
from typer.testing import CliRunner

from listener.cli.app import app
from listener.simulator.xmpp_faults import Stage
from tests.shell.doctor_stage import config
from tests.shell.program import started
from tests.shell.stage import CUSTOMER, A, simulated, until


async def ran(*args: object) -> tuple[int, str, str]:
    """Run the command in a thread, with a loop of its own."""
    call = ["check", *map(str, args)]
    ended = await asyncio.to_thread(CliRunner().invoke, app, call)
    return ended.exit_code, ended.stdout, ended.stderr


async def test_where_all_is_well_each_step_is_one_line_and_the_code_is_zero(tmp_path):
    async with simulated() as simulator:
        code, out, err = await ran("--config", config(tmp_path, simulator))
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith("+ ok      configuration")
    assert lines[-1].startswith("+ ok      verdict: all that was looked at is well")
    assert all(line[0] in "+-" for line in lines)
    assert "\x1b" not in out


async def test_machines_get_one_object_and_nothing_else(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator, passwords={A: "wrong"})
        code, out, err = await ran("--config", file, "--json")
    told = json.loads(out)
    assert (code, err) == (77, "")
    assert (told["status"], told["exitCode"], told["firstFailure"]) == ("failed", 77, "account")
    (account,) = [one for one in told["steps"] if one["id"] == "account"]
    assert account["agent"] == A
    assert len(account["causes"]) == len(account["remedies"]) > 1
    assert set(account) == {
        "id", "node", "agent", "status", "did", "saw", "causes", "remedies", "duration_ms"
    }  # fmt: skip


async def test_a_failure_has_its_causes_below_it_and_the_last_line_says_what_to_do(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator, passwords={A: "wrong"})
        code, out, _ = await ran("--config", file)
    lines = out.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("x FAILED  account"))
    assert code == 77
    assert lines[place + 1].startswith("    1. the password is wrong")
    assert lines[place + 2].startswith("       -> ")
    assert lines[-2].startswith("x FAILED  verdict: 1 failed, first account")
    assert lines[-1].startswith("next: ")


async def test_settings_that_are_not_there_end_in_78(tmp_path):
    code, out, _ = await ran("--config", tmp_path / "none.toml")
    assert code == 78
    assert "No such file" in out


@pytest.mark.parametrize(
    ("args", "words"), [(("--notification",), "add --yes"), (("--yes",), "--notification")]
)
async def test_nothing_is_provoked_where_nobody_can_confirm_it(tmp_path, args, words):
    async with simulated() as simulator:
        code, _, err = await ran("--config", config(tmp_path, simulator), *args)
        assert not simulator.finesse.truth
    assert code == 2
    assert words in " ".join(err.split())


async def test_with_yes_a_notification_is_provoked_and_heard(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        code, out, _ = await ran("--config", file, "--notification", "--yes")
        assert len(simulator.finesse.truth) == 1
    assert code == 0
    assert f"+ ok      notification [{A}]: ask Finesse for NOT_READY" in out


async def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path):
    async with simulated() as simulator:
        simulator.notifications.tarpit(Stage.AFTER_SASL)
        async with started("check", "--config", config(tmp_path, simulator)) as process:
            await until(lambda: simulator.notifications.auth_attempts)
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
        await until(lambda: simulator.notifications.sessions() == [])
    assert process.returncode == 130
    assert err.decode().splitlines() == ["listener: interrupted"]


def on_terminal(
    *args: object, columns: int = 100, answer: bytes | None = None, **more: str
) -> tuple[int, str]:
    """Run the command on a terminal of its own; return its code and what was shown.

    To a question `answer` is typed, and for an empty one Ctrl-C pressed.
    """
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as shown:
        process = subprocess.Popen(
            [sys.executable, "-m", "listener", "check", *map(str, args)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(os.environ) | {"COLUMNS": str(columns), "TERM": "xterm"} | more,
        )
        os.close(theirs)
        seen = b""
        with suppress(OSError):  # Linux says EIO when the other side is closed
            while part := shown.read(65536):
                seen += part
                if answer is not None and b"[y/N]" in seen:
                    if answer:
                        os.write(ours, answer)
                    else:
                        process.send_signal(signal.SIGINT)
                    answer = None
        return process.wait(60), seen.decode()


@pytest.mark.parametrize("no_color", ["", "1"])
async def test_sixty_columns_are_kept_and_colour_is_never_all(tmp_path, no_color):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        (tmp_path / "passwords" / A).write_text("wrong")
        code, shown = await asyncio.to_thread(
            on_terminal, "--config", file, columns=60, NO_COLOR=no_color
        )
    plain = _without_colour(shown)
    assert code == 77
    assert ("\x1b[" in shown) == (not no_color)
    assert "x FAILED  account" in plain
    assert all(
        len(line) <= 60 for line in plain.splitlines() if "`" not in line and "/" not in line
    )


def _without_colour(shown: str) -> str:
    import re  # noqa: PLC0415 - for this alone

    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


@pytest.mark.parametrize(("answer", "asked"), [(b"y\n", 1), (b"\n", 0)])
async def test_a_notification_is_provoked_only_after_a_yes(tmp_path, answer, asked):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        code, shown = await asyncio.to_thread(
            on_terminal, "--config", file, "--notification", answer=answer
        )
        assert len(simulator.finesse.truth) == asked
    assert code == 0
    assert "[y/N]" in shown


async def test_ctrl_c_at_the_question_ends_it(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        code, shown = await asyncio.to_thread(
            on_terminal, "--config", file, "--notification", answer=b""
        )
        assert not simulator.finesse.truth
    assert code == 130
    assert "listener: interrupted" in shown


async def test_an_agents_call_is_left_alone(tmp_path):
    async with simulated() as simulator:
        dialog = await simulator.finesse.incoming_call(A, CUSTOMER)
        await simulator.finesse.quiet()
        code, _, _ = await ran("--config", config(tmp_path, simulator))
        assert not simulator.finesse.calls[dialog].over
    assert code == 0

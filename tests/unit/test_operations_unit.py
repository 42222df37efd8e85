"""The systemd unit and the Dockerfile say what the program does."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from listener.cli import exits

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "listener.service"
DOCKERFILE = (ROOT / "config" / "Dockerfile").read_text(encoding="utf-8")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


@pytest.fixture
def unit() -> configparser.SectionProxy:
    """Return the keys of [Service]; of a key that is there twice, the last one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT, encoding="utf-8")
    return parser["Service"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the unit with a program that is on this machine."""
    text = UNIT.read_text(encoding="utf-8")
    file = tmp_path / "finesse-listener.service"
    file.write_text(text.replace("/opt/finesse-listener/bin/listener", sys.executable))
    return file


def test_settings_that_cannot_work_are_not_tried_again(unit):
    assert unit["RestartPreventExitStatus"] == str(int(exits.Exit.CONFIGURATION))
    assert unit["Restart"] == "on-failure"


def test_the_word_between_program_and_systemd_fits(unit):
    assert unit["Type"] == "notify"
    assert unit["NotifyAccess"] == "all", "the new process of a hand-over is not the main one yet"
    assert unit["ExecReload"] == "kill -HUP $MAINPID"
    assert int(unit["TimeoutStopSec"]) > 15, "the longest drain"


def test_callers_keep_their_uid_and_only_the_group_comes_in(unit):
    assert "PrivateUsers" not in unit, "all callers at the socket would be the same nobody"
    assert unit["RuntimeDirectoryMode"] == "0750"
    assert unit["StateDirectoryMode"] == "0700"


@needs_systemd
def test_systemd_takes_the_unit_without_a_word(here):
    done = subprocess.run(
        ["systemd-analyze", "verify", here], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_as_hardened_as_it_was(here):
    """An exposure of 1.5 at most, on systemd's scale from 0 to 10."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", here],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_somebody_else_than_root():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


@pytest.mark.parametrize("word", ["ENTRYPOINT", r"\s+CMD", "CMD"])
def test_commands_of_the_image_need_no_shell(word):
    (given,) = re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)

    assert isinstance(json.loads(given), list)


def test_the_image_takes_in_what_the_project_has_and_is_allowed_to():
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    copied = [
        name
        for line in re.findall(r"^COPY ((?!--from).+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    ]

    assert len(copied) >= 5
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed
    assert "*" in allowed

"""The limit of open files: raised as far as it goes, and a clear word where it is too low."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import structlog

from listener.operations.files import SPARE, check_files, check_settings, raise_limit
from listener.settings import Settings

HERE = {"socket": "/run/x/api.sock"}


def settings(**given) -> Settings:
    agents = [{"id": str(number), "password": "x"} for number in range(10)]
    return Settings(**{"finesse": {"nodes": ["a"]}, "agents": agents} | given)


def test_the_limit_is_raised_to_the_hard_one():
    # In a process of its own: the limit of this one is not ours to lower.
    script = (
        "import resource as r\n"
        "from listener.operations.files import raise_limit\n"
        "hard = r.getrlimit(r.RLIMIT_NOFILE)[1]\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (100, hard))\n"
        "assert raise_limit() == hard == r.getrlimit(r.RLIMIT_NOFILE)[0]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_system_that_refuses_is_told_about(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    with structlog.testing.capture_logs() as log:
        assert raise_limit() == 1024

    assert [(line["event"], line["limit"]) for line in log] == [("files.limited", 1024)]


def test_what_fits_needs_no_word():
    needed = 100 + 512 + 2000 + SPARE

    assert check_files(100, 512, 2000, limit=needed) is None
    assert check_files(100, 512, 2000, limit=resource.RLIM_INFINITY) is None
    assert check_files(1, 1, 1) is None


def test_what_does_not_fit_is_said_with_its_numbers_and_the_way_out():
    said = check_files(100, 512, 2000, limit=1024)

    assert said is not None
    for word in ("2868", "100 sessions", "512", "2000", "1024", "LimitNOFILE", "max_event_readers"):
        assert word in said


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, 10),
        ({"api": HERE}, 10 + 512 + 2000),
        ({"api": HERE | {"max_connections": 5, "max_event_readers": 0}}, 15),
        ({"dropin": HERE | {"max_connections": 5, "max_sessions": 7}}, 10 + 10 + 7),
        ({"dropin": HERE | {"max_connections": 5, "sessions_on_demand": False}}, 10 + 10),
    ],
)
def test_settings_need_what_they_allow_and_no_more(given, needed):
    told = settings(**given)

    assert check_settings(told, limit=needed + SPARE) is None
    assert check_settings(told, limit=needed + SPARE - 1) is not None

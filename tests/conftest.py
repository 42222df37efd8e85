"""What holds for every test: logging as it was before it, and the seed of the run told."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import pytest
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Put structlog and the standard library's loggers back, whatever a test set up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _known()}
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in _known():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _known() -> list[str]:
    known = logging.root.manager.loggerDict
    return [name for name, log in known.items() if isinstance(log, logging.Logger)]


NOBODY = Path(__file__).with_name("nobody.pem")
"""The authorities that this machine trusts while tests run: one, whose key was thrown away."""


def pytest_configure() -> None:
    """Let Ctrl-C end what the tests start, also where they themselves were started to ignore it.

    A shell starts what it leaves in the background so, nohup does it with the end of a terminal,
    and whoever is started inherits it. And let
    all trust nobody unless they are told whom: no test speaks to anybody outside, and to read the
    authorities of this machine takes 20 ms, at thousands of connections' contexts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ["SSL_CERT_FILE"] = str(NOBODY)


UNCOVERED = frozenset(
    {"browser", "chaos", "fault", "fuzz", "integration", "oracle", "property"},
)
"""Folders of tests that play or draw a great deal, or start the whole program: what they run is
measured by the others already, and to measure it again would cost half their time once more."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let a test that is not measured run without tracing among several at a time, too.

    In each of those processes pytest-cov starts measuring twice: when it loads, which nobody reads,
    and now. What `no_cover` ends is the second alone, and then the first goes on, at the same cost.
    """
    if hasattr(session.config, "workerinput"):
        while (first := coverage.Coverage.current()) is not None:
            first.stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let those go without the measuring of coverage."""
    place = config.rootpath / "tests"
    for item in items:
        if item.path.is_relative_to(place) and item.path.relative_to(place).parts[0] in UNCOVERED:
            item.add_marker("no_cover")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how to repeat this run, in quiet runs too: the order of tests is drawn by this seed."""
    seed = config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"repeat this order with: pytest --randomly-seed={seed}")

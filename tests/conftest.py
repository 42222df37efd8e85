"""What holds for every test: logging as it was before it, and the seed of the run told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

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


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how to repeat this run, in quiet runs too: the order of tests is drawn by this seed."""
    seed = config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"repeat this order with: pytest --randomly-seed={seed}")

"""What every target has: good inputs, pieces of its format, and a check that finds faults.

A case is a tuple of byte strings, whose meaning the target knows, so that every find can be saved,
shrunk and replayed in one way.
"""

from __future__ import annotations

import asyncio
import base64
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from tests.fuzz.mutate import Mutator

Case: TypeAlias = tuple[bytes, ...]

FAULTS = frozenset({
    "notification.failed", "stanza.failed", "api.failed", "http.failed", "session.failed",
    "link.failed", "listener.failed", "journal.failed", "settings.failed",
})  # fmt: skip
"""Lines of the log that say: a fault of ours."""


class Broken(AssertionError):
    """Something that must hold did not."""


class Target(ABC):
    """One thing that takes in what others wrote.

    `start` and `stop` are awaited in one loop, around any number of `check`s. A check raises when
    something does not hold; whatever it raises is a find.
    """

    name: str
    tokens: tuple[bytes, ...]
    fresh_after = 500
    """Checks after which it is stopped and started, so that what it keeps by design goes away."""

    @abstractmethod
    async def start(self) -> None:
        """Get ready."""

    @abstractmethod
    async def stop(self) -> None:
        """Leave nothing behind."""

    @abstractmethod
    def mutated(self, mutator: Mutator) -> Case:
        """Make a bad case of a good one."""

    @abstractmethod
    def made(self, pieces: list[bytes]) -> Case:
        """Make a case of pieces that hypothesis put together."""

    @abstractmethod
    async def check(self, case: Case) -> None:
        """Feed a case, and see that all holds that must."""


class Watch:
    """Sees the faults that are logged, and those that reach the loop alone."""

    def __init__(self) -> None:
        self.faults: deque[str] = deque(maxlen=20)
        self.lines = 0

    def __call__(self, _: Any, __: str, event: dict[str, Any]) -> Any:
        """Take a line of the log; it goes nowhere else."""
        self.lines += 1
        if event.get("event") in FAULTS:
            self.faults.append(f"logged: {event.get('event')} {event.get('error', '')}")
        raise structlog.DropEvent

    def of_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what nobody caught."""
        error = context.get("exception")
        self.faults.append(f"in the loop: {context.get('message')}: {error!r}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take all lines of the log, here alone."""
        before = structlog.get_config()
        structlog.configure(processors=[self], cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)

    def none(self) -> None:
        """Raise Broken when there was one since the last look."""
        faults = list(self.faults)
        self.faults.clear()
        if faults:
            raise Broken("; ".join(faults))


def hold(condition: object, words: str) -> None:
    """Raise Broken unless it holds."""
    if not condition:
        raise Broken(words)


def save(folder: Path, target: str, case: Case, seed: object, error: BaseException) -> Path:
    """Write a find to a file that `--replay` takes; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    number = sum(1 for _ in folder.glob(f"{target}-*.json")) + 1
    file = folder / f"{target}-{number}.json"
    told = {
        "target": target,
        "seed": str(seed),
        "error": f"{type(error).__name__}: {error}"[:2000],
        "shown": [repr(piece[:500]) for piece in case],
        "case": [base64.b64encode(piece).decode() for piece in case],
    }
    file.write_text(json.dumps(told, indent=1) + "\n")
    return file


def saved(file: Path) -> tuple[str, Case]:
    """Read a find: its target's name and the case."""
    told = json.loads(file.read_text())
    return told["target"], tuple(base64.b64decode(piece) for piece in told["case"])

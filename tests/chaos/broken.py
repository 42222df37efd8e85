"""Planted faults for a whole daemon: the oracle's, and some that only a daemon can have.

They show that a run finds a broken program out (`--broken`, `inside.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from listener import chronicle, hearing
from tests.oracle.mutants import MUTANTS


def deaf_now_and_then() -> Iterator[tuple[Any, str, Any]]:
    """Lose each fifth event between the session and the judge."""
    real, count = hearing.Hearing.hear, [0]

    def hear(self, notification, via=None):
        count[0] += 1
        if count[0] % 5:
            real(self, notification, via)

    yield hearing.Hearing, "hear", hear


def forgets_outcomes_in_events() -> Iterator[tuple[Any, str, Any]]:
    """Tell readers of events nothing of what was settled."""
    real = chronicle.Chronicle._tell

    def tell(self, name, data, *rest):
        return [] if name == "request" and data.get("outcome") else real(self, name, data, *rest)

    yield chronicle.Chronicle, "_tell", tell


OWN = {made.__name__: made for made in (deaf_now_and_then, forgets_outcomes_in_events)}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Break the rule of that name."""
    if name in MUTANTS:
        with MUTANTS[name].planted():
            yield
        return
    with ExitStack() as stack:
        for where, attribute, new in OWN[name]():
            stack.enter_context(mock.patch.object(where, attribute, new))
        yield

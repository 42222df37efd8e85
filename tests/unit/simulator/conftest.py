"""Desks for the tests; each is closed, and its bugs raised, at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from listener.simulator.finesse import Finesse
from tests.unit.simulator.desk import AGENTS, Desk, MakeDesk, Recorder


@pytest.fixture
async def make_desk() -> AsyncIterator[MakeDesk]:
    """Build desks with any of Finesse's keywords, without time between CTI events."""
    desks: list[Desk] = []

    def build(**how: Any) -> Desk:
        recorder = Recorder()
        how = {"agents": AGENTS, "pace": 0.0} | how
        finesse = Finesse(recorder, **how)
        desks.append(Desk(finesse, recorder, {s.id: s.password for s in how["agents"]}))
        return desks[-1]

    yield build
    for desk in desks:
        await desk.finesse.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Build a UCCE with everything at its defaults."""
    return make_desk()

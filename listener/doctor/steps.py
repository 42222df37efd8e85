"""Does steps one after the other, times them, and tells each as it is done.

Knows nothing of what a step is about.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from listener.doctor.findings import Family, Report, Status, Step, Verdict, skipped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class What:
    """What a step is: its stable id, its family, what it does in words, and about whom."""

    id: str
    family: Family
    did: str
    node: str | None = None
    agent: str | None = None


class Notes:
    """The steps of a walk, or of a part of it. `told` hears each at once."""

    def __init__(self, told: Callable[[Step], None]) -> None:
        self.report = Report()
        self._told = told
        self._under_way: What | None = None
        self._parts: list[Notes] = []

    async def look(
        self, what: What, probe: Awaitable[_Seen], say: Callable[[_Seen], Verdict]
    ) -> tuple[_Seen, bool]:
        """Do a step: await the probe, have it judged, tell it; return what was seen and if well.

        A warning counts as well.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._under_way = what
        seen = await probe
        self._under_way = None
        verdict = say(seen)
        self.note(what, verdict, loop.time() - begun)
        return seen, verdict.status is not Status.FAILED

    def note(self, what: What, verdict: Verdict, duration: float = 0.0) -> None:
        """Tell a step whose verdict is there already."""
        self.add(
            Step(what.id, what.family, what.did, verdict, what.node, what.agent, duration=duration)
        )

    def skip(self, what: What, why: str) -> None:
        """Tell that a step is not done, and why."""
        self.note(what, skipped(why))

    def add(self, step: Step) -> None:
        """Take in a step that was done."""
        self.report.steps.append(step)
        self._told(step)

    def break_off(self, why: str) -> list[str]:
        """Tell what parts have noted so far, and skip what is under way; return its names."""
        names = []
        for part in tuple(self._parts):
            names += part.break_off(why)
            self.join(part)
        if self._under_way is not None:
            what, self._under_way = self._under_way, None
            names.append(" of ".join((what.id, *(one for one in (what.agent, what.node) if one))))
            self.skip(what, why)
        return names

    def part(self) -> Notes:
        """Return notes of a part that are not told yet; see `join`."""
        part = Notes(lambda _: None)
        self._parts.append(part)
        return part

    def join(self, part: Notes) -> None:
        """Tell what a part has noted."""
        self._parts.remove(part)
        for step in part.report.steps:
            self.add(step)

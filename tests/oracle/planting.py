"""How a fault is planted: patches in one place of the program, for as long as a story is played.

Knows neither rules nor what finds them broken; the rules are in the modules `broken_*`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from listener.correlation import judges
from tests.oracle.story import Story, generate

SEEDS = Path(__file__).with_name("seeds.json")
WRITTEN = Path(__file__).with_name("stories") / "planted"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule broken. `plant` gives what to patch: (object, name, new value)."""

    name: str
    rule: str
    plant: Callable[[], Iterator[tuple[Any, str, Any]]]
    focus: tuple[str, ...] = ()

    def story(self, seed: int) -> Story:
        """Return the story of that seed, about what the rule is about."""
        return generate(seed, ASKS, self.focus, stress=True)

    def told(self) -> Story | None:
        """Return a story that finds it out: one that was written for it, or that of its seed."""
        path = WRITTEN / f"{self.name}.json"
        if path.exists():
            return Story.from_json(path.read_text(encoding="utf-8"))
        seed = seeds().get(self.name)
        return self.story(seed) if seed is not None else None

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Break the rule for as long as this lasts."""
        with ExitStack() as stack:
            for where, name, new in self.plant():
                if isinstance(name, type):  # one entry of the table of judges
                    table = {**judges.JUDGES, name: new}
                    stack.enter_context(mock.patch.object(judges, "JUDGES", table))
                else:
                    stack.enter_context(mock.patch.object(where, name, new))
            yield


ASKS = 40
MUTANTS: dict[str, Mutant] = {}


def mutant(rule: str, *focus: str) -> Callable[[Any], Any]:
    """Register a function that yields patches as the mutant of its name."""

    def keep(plant: Any) -> Any:
        MUTANTS[plant.__name__] = Mutant(plant.__name__, rule, plant, focus)
        return plant

    return keep


def seeds() -> dict[str, int]:
    """Return for each mutant the seed of a story that finds it out."""
    return json.loads(SEEDS.read_text(encoding="utf-8")) if SEEDS.exists() else {}


def keep(name: str, seed: int | None) -> None:
    """Write down the seed of a story that finds a mutant out, or (None) that there is none."""
    found = seeds()
    found.pop(name, None)
    if seed is not None:
        found[name] = seed
    SEEDS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")

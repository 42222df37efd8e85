"""How a fault is planted: patches in one place of the program, for as long as a story is played.

Knows neither rules nor what finds them broken; the rules are in `mutants_rules`, the faults in the
modules `broken_*`. A patch must take the place of something of the same kind: what was renamed, or
takes other arguments by now, is an error and never silently left alone.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from listener.correlation import judges
from tests.oracle.mutants_rules import RULES
from tests.oracle.story import Story, generate

SEEDS = Path(__file__).with_name("seeds.json")
WRITTEN = Path(__file__).with_name("stories") / "planted"
ASKS = 40
MUTANTS: dict[str, Mutant] = {}

Patch = tuple[Any, Any, Any]
Plant = Callable[[], Iterator[Patch]]


class Misplanted(AssertionError):
    """The program has changed where a fault was to be planted."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule broken: `rule` is its number. `plant` gives (object, name, new value)."""

    name: str
    rule: str
    plant: Plant
    focus: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return RULES[self.rule]

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

    def planted(self) -> AbstractContextManager[None]:
        """Break the rule for as long as this lasts."""
        return planted(self.plant)


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """Put a fault's patches in place for as long as this lasts; raises Misplanted."""
    with ExitStack() as stack:
        for where, name, new in plant():
            if isinstance(name, type):  # one entry of the table of judges
                _check(f"the judge of {name.__name__}", judges.JUDGES[name], new)
                table = {**judges.JUDGES, name: new}
                stack.enter_context(mock.patch.object(judges, "JUDGES", table))
            else:
                _check(f"{where.__name__}.{name}", getattr(where, name), new)
                stack.enter_context(mock.patch.object(where, name, new))
        yield


def _check(what: str, old: Any, new: Any) -> None:
    """Raise Misplanted where one could not stand for the other."""
    if isinstance(old, property) or not callable(old):
        same = isinstance(new, type(old)) or {type(old), type(new)} <= {int, float}
        if not same:
            raise Misplanted(f"{what} is a {type(old).__name__} now")
        return
    args = inspect.signature(old).parameters.values()
    positional = [
        0 for each in args if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
    ]
    named = {each.name: 0 for each in args if each.kind is each.KEYWORD_ONLY}
    try:
        inspect.signature(new).bind(*positional, **named)
    except TypeError as error:
        raise Misplanted(f"{what}{inspect.signature(old)} takes other arguments now") from error


def mutant(rule: str, *focus: str) -> Callable[[Any], Any]:
    """Register a function that yields patches as the mutant of its name, for the rule `rule`."""

    def keep(plant: Any) -> Any:
        if rule not in RULES or plant.__name__ in MUTANTS:
            raise Misplanted(f"{plant.__name__}: no such rule as {rule}, or planted twice")
        MUTANTS[plant.__name__] = Mutant(plant.__name__, rule, plant, focus)
        return plant

    return keep


def over(kind: type, change: Callable[..., Any]) -> Patch:
    """Return the patch that lets `change(finding, case, want, sight)` have the last word."""
    real = judges.JUDGES[kind]

    def judge(case: Any, want: Any, sight: Any) -> Any:
        return change(real(case, want, sight), case, want, sight)

    return judges, kind, judge


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

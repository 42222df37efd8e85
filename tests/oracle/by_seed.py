"""A fault that is none of the planted rules': found by the story of a seed, or one that is written.

For the tests of what plain stories find, and of what the judge's excuses leave to be found.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.oracle import planting
from tests.oracle.play import play
from tests.oracle.report import finds
from tests.oracle.story import Story, generate

STORIES = Path(__file__).with_name("stories")


class Found(NamedTuple):
    """Where a fault comes up: the story's seed, or its name in `stories`; and words of the find."""

    seed: int | str
    words: str
    stress: bool = False
    focus: tuple[str, ...] = ()

    def story(self) -> Story:
        """Return that story."""
        if isinstance(self.seed, str):
            path = STORIES / f"{self.seed}.json"
            return Story.from_json(path.read_text(encoding="utf-8"))
        return generate(self.seed, focus=self.focus, stress=self.stress)


def assert_found(plant: planting.Plant, there: Found) -> None:
    """Check that a story finds the fault, and nothing where it is not planted."""
    with planting.planted(plant):
        found = finds(play(there.story()))
    assert any(there.words in find.words for find in found), [str(find) for find in found]
    assert finds(play(there.story())) == []

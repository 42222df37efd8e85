"""Makes a failing story small: takes steps out, then what is special about those that stay.

Knows stories and whether one still fails; knows neither worlds nor the judge. What "still fails"
means is the caller's: `essence` says when two finds are the same one, so that a story which was
kept for one find is not made smaller into another.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.oracle.story import Step, Story

_PLAIN = {
    "mode": "submit",
    "id": "own",
    "others": True,
    "error_tag": "1",
    "fits": True,
}
_CALM = {"background": 0.0, "skew": 0.0}
_DETAIL = re.compile(r"\bstep \S+|[\[{].*?[\]}]|'[^']*'|[+-]?\d[\w.:+-]*")
"""What changes when a story becomes smaller: numbers, ids, lists."""
TRIES, SECONDS = 400, 60.0


def essence(kind: str, action: str, words: str, said: str) -> tuple[str, ...]:
    """Return what makes a find the same one in a smaller story.

    Its kind, the action, what was said of it and what is wrong with that, without the numbers.
    """
    return kind, action, " ".join(_DETAIL.sub("#", words).split()), said


def shrink(
    story: Story,
    fails: Callable[[Story], bool],
    *,
    tries: int = TRIES,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Story:
    """Return the smallest story found that fails.

    `fails` is asked `tries` times at most and not any more after so many `seconds` of `clock`; a
    story is never asked about twice. What is returned did fail, or is the story that was given.
    """
    left, until = [tries], clock() + seconds
    known: dict[str, bool] = {}

    def still(made: Story) -> bool:
        text = made.to_json()
        if text not in known:
            left[0] -= 1
            if left[0] < 0 or clock() >= until:
                left[0] = -1
                return False
            known[text] = fails(made)
        return known[text]

    changed = True
    while changed and left[0] >= 0:
        before = story
        story = _fewer(story, still)
        story = _plainer(story, still)
        changed = story != before
    return story


def _fewer(story: Story, fails: Callable[[Story], bool]) -> Story:
    """Take out ever smaller pieces (ddmin)."""
    size = max(1, len(story.steps) // 2)
    while True:
        at, smaller = 0, False
        while at < len(story.steps):
            made = story.only([*story.steps[:at], *story.steps[at + size :]])
            if fails(made):
                story, smaller = made, True
            else:
                at += size
        if size == 1 and not smaller:
            return story
        size = max(1, size // 2)


def _plainer(story: Story, fails: Callable[[Story], bool]) -> Story:
    for made in _traits(story):
        if fails(made):
            story = made
    for at in range(len(story.steps)):
        for step in _simpler(story.steps[at]):
            steps = [*story.steps[:at], step, *story.steps[at + 1 :]]
            if step != story.steps[at] and fails(story.only(steps)):
                story = story.only(steps)
    return story


def _traits(story: Story) -> Iterator[Story]:
    for name, plain in _CALM.items():
        if story.traits.get(name) != plain:
            yield replace(story, traits={**story.traits, name: plain})


def _simpler(step: Step) -> Iterator[Step]:
    for name, plain in _PLAIN.items():
        if name in step.args and step.args[name] != plain:
            yield step.but(**{name: plain})
    for name in ("deadline", "minimum", "fault", "events", "abandon", "report"):
        if name in step.args:
            yield replace(step, args={k: v for k, v in step.args.items() if k != name})

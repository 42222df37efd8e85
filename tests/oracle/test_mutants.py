"""Each rule of evidence that is broken is found out: by the story that was found to do so."""

from __future__ import annotations

import pytest

from tests.oracle import mutants
from tests.oracle.play import play
from tests.oracle.report import finds

SEEDS = mutants.seeds()


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_a_broken_rule_is_found_out(name: str) -> None:
    planted = mutants.MUTANTS[name]
    story = planted.story(SEEDS[name])
    with planted.planted():
        assert finds(play(story)), f"{planted.rule}: look for another seed with --mutants {name}"
    assert [str(find) for find in finds(play(story))] == []

"""Each rule of evidence that is broken is found out, by a story that nothing is wrong in else."""

from __future__ import annotations

import pytest

from tests.oracle.mutants import MUTANTS
from tests.oracle.play import play
from tests.oracle.report import finds


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_is_found_out(name: str) -> None:
    planted = MUTANTS[name]
    story = planted.told()
    assert story is not None, f"look for a story with --mutants {name}"
    with planted.planted():
        assert finds(play(story)), planted.rule
    assert [str(find) for find in finds(play(story))] == []

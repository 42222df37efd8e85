"""Each rule of evidence that is broken is found out, by a story that nothing is wrong in else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracle import planting
from tests.oracle.mutants import MUTANTS, RULES, UNSEEN
from tests.oracle.play import play
from tests.oracle.report import finds

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_is_found_out(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    planted = MUTANTS[name]
    story = planted.told()
    assert story is not None, f"look for a story with --mutants {name}"
    with planted.planted():
        found = finds(play(story))
    assert [str(find) for find in finds(play(story))] == [], "wrong without the planted fault, too"
    assert found, f"not found out: {planted.rule}, {planted.sentence}"
    # A program that raises is found by anybody.
    assert not [str(find) for find in found if find.kind == "fault"]
    record_property("found", f"{planted.rule} {name}: {found[0]}")


def test_each_rule_has_one_planted_fault_and_each_fault_one_rule() -> None:
    counted = Counter(planted.rule for planted in MUTANTS.values())
    assert set(counted.values()) == {1}
    assert counted.keys() | UNSEEN.keys() == RULES.keys()
    assert not counted.keys() & UNSEEN.keys()


@pytest.mark.parametrize("rule", UNSEEN)
def test_a_rule_that_no_story_shows_has_a_test_elsewhere(rule: str) -> None:
    elsewhere = UNSEEN[rule]
    assert elsewhere.why
    path, _, name = elsewhere.test.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_no_story_is_kept_for_a_fault_that_is_not_planted() -> None:
    written = {path.stem for path in planting.WRITTEN.glob("*.json")}
    assert written | planting.seeds().keys() == MUTANTS.keys()
    assert not written & planting.seeds().keys()


def test_a_fault_is_not_planted_where_the_program_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Place:
        LIMIT = 3.0

        @staticmethod
        def act(_one: int, *, two: int) -> int:
            return two

    def plant(*patch: object) -> planting.Mutant:
        return planting.Mutant("any", "2.01", lambda: iter([patch]))  # type: ignore[arg-type]

    with pytest.raises(AttributeError), plant(Place, "renamed", 1.0).planted():
        pass
    with pytest.raises(planting.Misplanted), plant(Place, "LIMIT", "3").planted():
        pass
    with pytest.raises(planting.Misplanted), plant(Place, "act", lambda _one: 0).planted():
        pass
    monkeypatch.setitem(planting.MUTANTS, "taken", plant())
    with pytest.raises(planting.Misplanted):
        planting.mutant("0.00")(plant)

"""A story that was kept for a find is made smaller and shows that very find, within its bounds."""

from __future__ import annotations

import pytest

from tests.oracle.mutants import MUTANTS
from tests.oracle.play import play
from tests.oracle.report import finds
from tests.oracle.shrink import essence, shrink
from tests.oracle.story import Step, Story

TWENTY = Story(0, {}, tuple(Step(float(n), "ask", 0, {"n": n}) for n in range(20)))


def test_numbers_and_ids_make_no_other_find_of_it() -> None:
    one = essence("wrong", "HOLD", "survivor 16816239, cause {'a'} in 3.2 s (step 7)", "failed")
    assert one == essence("wrong", "HOLD", "survivor 4, cause {} in 12.0 s (step 8)", "failed")


@pytest.mark.parametrize(
    "other",
    [
        ("missed", "HOLD", "its id had shown it 3.2 s before", "confirmed expectation"),
        ("wrong", "DROP", "its id had shown it 3.2 s before", "confirmed expectation"),
        ("wrong", "HOLD", "its change had shown it 3.2 s before", "confirmed expectation"),
        ("wrong", "HOLD", "its id had shown it 3.2 s before", "confirmed snapshot"),
    ],
)
def test_another_kind_action_sentence_or_evidence_makes_another_find(
    other: tuple[str, ...],
) -> None:
    same = ("wrong", "HOLD", "its id had shown it 3.2 s before", "confirmed expectation")
    assert essence(*same) != essence(*other)  # type: ignore[call-arg]


def test_a_story_is_played_so_many_times_and_no_more() -> None:
    played: list[Story] = []

    def fails(made: Story) -> bool:
        played.append(made)
        return len(made.steps) > 3

    small = shrink(TWENTY, fails, tries=7)
    assert len(played) == 7
    assert small in (*played, TWENTY)
    assert fails(small)


def test_a_story_is_not_played_when_the_time_is_over() -> None:
    now = [0.0]

    def fails(made: Story) -> bool:
        now[0] += 1.0
        return 17 in {step.args["n"] for step in made.steps}

    assert shrink(TWENTY, fails, seconds=0.0, clock=lambda: now[0]) == TWENTY
    assert now == [0.0]
    small = shrink(TWENTY, fails, seconds=5.0, clock=lambda: now[0])
    assert now == [5.0]
    assert len(small.steps) < 20
    assert fails(small)


def test_no_story_is_played_twice() -> None:
    played: list[str] = []

    def fails(made: Story) -> bool:
        played.append(made.to_json())
        return {3, 17} <= {step.args["n"] for step in made.steps}

    assert len(shrink(TWENTY, fails).steps) == 2
    assert len(played) == len(set(played))


PLANTED = ("a_foreign_error_fails_ours", "one_other_proves_a_transfer")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_in_the_small_story_as_it_was_in_the_whole_one(name: str) -> None:
    planted = MUTANTS[name]
    story = planted.told()
    assert story is not None
    with planted.planted():
        same = finds(play(story))[0].essence

        def shows(made: Story) -> bool:
            return same in {find.essence for find in finds(play(made))}

        small = shrink(story, shows, tries=50)
        again = Story.from_json(small.to_json())
        assert same in {find.essence for find in finds(play(again))}
    assert len(small.steps) < len(story.steps) / 2
    assert finds(play(again)) == []

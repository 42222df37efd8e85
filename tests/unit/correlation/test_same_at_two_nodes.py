"""Two nodes show the same of a call where their clocks alone may make the difference."""

import pytest

from listener.correlation.ages import is_the_same
from listener.correlation.instants import CLOCKS_APART
from tests.builders import CALL, EXT, a_dialog, a_participant


@pytest.mark.parametrize(
    ("at", "state", "same"),
    [
        (10.0 + CLOCKS_APART, "ACTIVE", True),
        (10.0 - CLOCKS_APART, "ACTIVE", True),
        (11.0 + CLOCKS_APART, "ACTIVE", False),
        (10.0, "HELD", False),
        (None, "ACTIVE", False),
    ],
)
def test_times_within_the_clocks_difference_are_of_the_same_state(
    at: float | None, state: str, *, same: bool
) -> None:
    known = a_dialog(CALL, a_participant(EXT, "ACTIVE", 10.0))
    assert is_the_same(a_dialog(CALL, a_participant(EXT, state, at)), known) is same


def test_a_party_that_only_one_node_shows_is_not_the_same() -> None:
    known = a_dialog(CALL, a_participant(EXT, "ACTIVE", 10.0))
    other = a_dialog(CALL, a_participant("another", "ACTIVE", 10.0))
    assert not is_the_same(other, known)

"""How many logins may be on their way at once: when it becomes fewer, and when more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from listener.xmpp.window import FEWEST, Window

ALLOWED = 10.0  # seconds


def narrowed(times: int = 1) -> Window:
    """Return a window that was halved so often."""
    window = Window(ALLOWED, 50)
    for number in range(times):
        assert window.failed(20.0 * number, 20.0 * number + ALLOWED, window.places)
    return window


def test_it_begins_with_all_of_its_places():
    assert Window(ALLOWED, 50).places == 50


def test_an_attempt_that_fails_late_halves_it():
    window = Window(ALLOWED, 50)
    assert window.failed(0.0, ALLOWED, 50)
    assert window.places == 25


def test_all_that_were_on_their_way_together_halve_it_once():
    window = Window(ALLOWED, 50)
    told = [window.failed(0.01 * n, ALLOWED + 0.01 * n, 50) for n in range(50)]
    assert told == [True] + 49 * [False]
    assert window.places == 25


def test_one_that_began_afterwards_halves_it_again():
    window = narrowed()
    assert window.failed(ALLOWED + 0.1, 2 * ALLOWED + 0.1, 25)
    assert window.places == 12


def test_it_is_half_of_those_that_were_on_their_way_where_places_were_free():
    window = Window(ALLOWED, 50)
    assert window.failed(0.0, ALLOWED, 20)
    assert window.places == 10


def test_an_attempt_that_is_refused_soon_says_nothing_of_too_many():
    window = Window(ALLOWED, 50)
    assert not window.failed(0.0, 0.49 * ALLOWED, 50)
    assert window.places == 50


def test_a_few_that_fail_late_are_no_overload():
    window = Window(ALLOWED, 50)
    assert not window.failed(0.0, ALLOWED, FEWEST)
    assert window.places == 50


def test_a_few_places_are_always_left():
    window = narrowed(4)
    assert window.places == FEWEST
    assert not window.failed(500.0, 500.0 + ALLOWED, FEWEST + 1)  # as many as before
    assert window.places == FEWEST


def test_fewer_than_these_in_all_are_left_as_they_are():
    window = Window(ALLOWED, 2)
    assert not window.failed(0.0, ALLOWED, 50)
    assert window.places == 2


def test_quick_logins_double_it_in_each_round():
    window = narrowed(3)
    rounds = []
    while window.places < 50:
        for _ in range(window.places):
            window.came(0.1)
        rounds.append(window.places)
    assert rounds == [12, 24, 48, 50]


def test_logins_that_are_neither_quick_nor_slow_add_half_of_it_in_each_round():
    window = narrowed(3)
    rounds = []
    for _ in range(3):
        for _ in range(window.places):
            window.came(0.4 * ALLOWED)
        rounds.append(window.places)
    assert rounds == [9, 13, 20]


def test_slow_logins_alone_change_nothing():
    window = narrowed()
    for _ in range(100):
        window.came(0.9 * ALLOWED)
    assert window.places == 25
    assert window.failed(50.0, 60.0, 25)


@given(
    most=st.integers(1, 100),
    told=st.lists(
        st.tuples(st.booleans(), st.floats(0, 30), st.floats(0, 30), st.integers(1, 100))
    ),
)
def test_whatever_comes_it_stays_between_its_bounds(most, told):
    window, now = Window(ALLOWED, most), 0.0
    for came, took, later, crowd in told:
        now += later
        before = window.places
        if came:
            window.came(took)
            assert window.places >= before
        else:
            fewer = window.failed(now - took, now, crowd)
            assert fewer == (window.places < before)
        assert min(FEWEST, most) <= window.places <= most

"""What is counted stays bounded, and nothing that was counted is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.finesse.actions.table import ACTIONS
from listener.tally import LATENCY_BOUNDS, OUTCOMES, Counts, Spread, Tally


def test_a_new_name_counts_from_nothing():
    counts = Counts("other")
    counts["dialog"] += 1
    counts["dialog"] += 2

    assert counts == {"dialog": 3}
    assert counts["never"] == 0
    assert counts == {"dialog": 3}, "asking adds nothing"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=200))
def test_many_names_lose_nothing_and_stay_few(added):
    counts: Counts[str] = Counts("other", most=10)
    for name, number in added:
        counts[str(name)] += number

    assert sum(counts.values()) == sum(number for _, number in added)
    assert len(counts) <= 11


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (0.0, 0),
        (LATENCY_BOUNDS[0], 0),
        (LATENCY_BOUNDS[0] + 1e-9, 1),
        (LATENCY_BOUNDS[-1], len(LATENCY_BOUNDS) - 1),
        (LATENCY_BOUNDS[-1] + 1, len(LATENCY_BOUNDS)),
    ],
)
def test_a_value_lies_up_to_its_bound(value, place):
    spread = Spread(LATENCY_BOUNDS)
    spread.add(value)

    assert spread.counts[place] == 1
    assert sum(spread.counts) == 1
    assert spread.total == value


def test_an_action_that_is_none_of_ours_is_other():
    tally = Tally()
    tally.settled("HOLD", "confirmed", 0.3)
    tally.settled("INVENTED_BY_A_CALLER", "unconfirmed", 20)
    tally.settled("ANOTHER", "unconfirmed", 20)

    assert tally.requests == {("HOLD", "confirmed"): 1, ("other", "unconfirmed"): 2}
    assert {kind: sum(spread.counts) for kind, spread in tally.latencies.items()} == {
        "confirmed": 1,
        "unconfirmed": 2,
    }


def test_every_action_with_every_outcome_has_its_own_number():
    tally = Tally()
    for action in (*ACTIONS, "unknown"):
        for outcome in OUTCOMES:
            tally.settled(action, outcome, 1)

    assert set(tally.requests.values()) == {1}
    assert len(tally.requests) == (len(ACTIONS) + 1) * len(OUTCOMES)


def test_answers_are_counted_by_the_class_of_their_status():
    tally = Tally()
    for status in (200, 202, 404, 503):
        tally.answered("create_request", status)
    tally.passed("tracked", 202, "open")
    tally.passed("read", 200)

    assert tally.http == {
        ("create_request", "2xx"): 2,
        ("create_request", "4xx"): 1,
        ("create_request", "5xx"): 1,
    }
    assert tally.dropin == {("tracked", "2xx"): 1, ("read", "2xx"): 1}
    assert tally.dropin_outcomes == {"open": 1}

"""What the benchmark of thousands of agents says when something was not measured, or is missed."""

from __future__ import annotations

from math import isnan

import pytest

from tests.benchmarks.bench_scale_finesse import moments
from tests.benchmarks.bench_scale_tables import BOUNDS, met, summary, tables
from tests.benchmarks.bench_scale_watch import percentile

AGENTS = 2000


def size(**other):
    """Return the figures of one measured daemon, all of them within their bounds."""
    figures = {
        "up": AGENTS,
        "rss_per_agent": 150_000.0,
        "per_second": 160.0,
        "cpu_ms_per_agent": 5.0,
        "published": 5000,
        "settled": 5000,
        "p99_ms": 4.0,
        "cpu_us_per_event": 800.0,
        "sign_on_lag_ms": 20.0,
        "sign_on_lag_busy_ms": 10.0,
        "most_handshakes": 50,
        "tasks_left": 0,
        "waited_percent": 1.0,
    }
    return figures | other


def all_measured(**other):
    back = size(restart_all_up=True, restart_seconds=6.0, restart_most_handshakes=50)
    return {"ours 10": size(), f"ours {AGENTS}": size(**other), "ours restart": back}


def missed(found):
    result = summary(found, AGENTS)
    return {name for name in BOUNDS if not met(name, result[name])}


def test_nothing_is_missed_when_all_that_has_a_bound_is_within_it():
    assert missed(all_measured()) == set()


def test_nothing_is_met_that_was_not_measured():
    assert missed({}) == set(BOUNDS)
    shown = tables({}, summary({}, AGENTS), AGENTS)
    assert shown.count("no figure") == len(BOUNDS)


@pytest.mark.parametrize(
    ("figure", "value", "bound"),
    [
        ("up", AGENTS - 1, "up_share"),
        ("p99_ms", 10.1, "p99_ms"),
        ("settled", 4999, "settled_share"),
        ("sign_on_lag_ms", 101.0, "lag_ms"),
        ("cpu_us_per_event", 1100.0, "cpu_growth"),
        ("rss_per_agent", 200_001.0, "kb_per_agent"),
        ("per_second", 149.0, "agents_per_second"),
        ("most_handshakes", 51, "most_handshakes"),
        ("tasks_left", 1, "tasks_left"),
    ],
)
def test_each_bound_can_be_missed(figure, value, bound):
    assert missed(all_measured(**{figure: value})) == {bound}


def test_agents_that_are_not_back_are_a_restart_that_takes_for_ever():
    found = all_measured()
    found["ours restart"]["restart_all_up"] = False
    assert missed(found) == {"restart_seconds"}


def test_failed_comparison_leaves_the_bounds_as_they_are():
    found = all_measured()
    assert isnan(summary(found, AGENTS)["default_per_second"])
    assert missed(found) == set()


@pytest.mark.parametrize(("waited", "said"), [(4.0, False), (40.0, True)])
def test_a_machine_that_was_not_quiet_is_told(waited, said):
    found = all_measured(waited_percent=waited)
    assert ("not quiet" in tables(found, summary(found, AGENTS), AGENTS)) is said


def test_events_are_due_at_the_same_moments_in_every_run_and_at_the_wanted_rate():
    drawn = moments(5000, 500.0)
    assert drawn == moments(5000, 500.0) == sorted(drawn)
    assert drawn[-1] == pytest.approx(10.0, rel=0.05)


def test_share_of_values_below_is_asked_for_and_nothing_is_known_of_none():
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0
    assert isnan(percentile([], 0.5))

"""The metrics: their names, their numbers, and how many there can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from listener.finesse.actions.table import ACTIONS
from listener.operations.metrics import CONTENT_TYPE, STATES, JournalFigures, Metrics, Sources
from listener.tally import OUTCOMES, Tally


def sources(**given) -> Sources:
    return Sources(
        **{
            "version": "1.2.3",
            "pending": lambda: 7,
            "sessions": lambda: ["up", "up", "waiting"],
            "ready": lambda: True,
            "lag": lambda: 0.25,
            "own_lag": lambda: 0.125,
            "late": lambda: 9,
            "readers": lambda: 3,
        }
        | given
    )


def rendered(tally: Tally | None = None, **given) -> dict[str, float]:
    """Return what Prometheus would read: name{label=value} -> number."""
    text = Metrics(tally or Tally(), sources(**given)).render().decode()
    return {
        f"{sample.name}{dict(sorted(sample.labels.items())) or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def filled() -> Tally:
    """Return counters with every name that anybody can bring about, and many more."""
    tally = Tally()
    for action in (*ACTIONS, "none of ours"):
        for outcome in OUTCOMES:
            tally.settled(action, outcome, 1.0)
    for number in range(300):
        name = f"name{number}"
        tally.events[name] += 1
        tally.parse_failures[name] += 1
        tally.reconnects[name] += 1
        tally.http_refused[name] += 1
        tally.answered(name, 200)
        tally.passed(name, 200, name)
    return tally


def test_present_values_are_asked_when_they_are_read():
    pending = iter([1, 2])
    metrics = Metrics(Tally(), sources(pending=lambda: next(pending)))

    assert b"listener_pending_requests 1.0" in metrics.render()
    assert b"listener_pending_requests 2.0" in metrics.render()


def test_every_state_of_a_session_is_told_and_an_unknown_one_is_other():
    read = rendered(sessions=lambda: ["up", "up", "waiting", "invented"])

    told = {state: read[f"listener_sessions{{'state': '{state}'}}"] for state in STATES}
    assert told == dict.fromkeys(STATES, 0) | {"up": 2, "waiting": 1}
    assert read["listener_sessions{'state': 'other'}"] == 1


def test_an_outcome_is_counted_by_action_and_its_time_by_outcome():
    tally = Tally()
    tally.settled("HOLD", "confirmed", 0.2)
    tally.settled("DROP", "confirmed", 3)
    tally.settled("HOLD", "failed", 100)
    read = rendered(tally)

    assert read["listener_requests_total{'action': 'HOLD', 'outcome': 'confirmed'}"] == 1
    assert read["listener_requests_total{'action': 'DROP', 'outcome': 'confirmed'}"] == 1
    name = "listener_outcome_latency_seconds"
    assert read[f"{name}_bucket{{'le': '0.1', 'outcome': 'confirmed'}}"] == 0
    assert read[f"{name}_bucket{{'le': '0.25', 'outcome': 'confirmed'}}"] == 1
    assert read[f"{name}_bucket{{'le': '+Inf', 'outcome': 'confirmed'}}"] == 2
    assert read[f"{name}_count{{'outcome': 'confirmed'}}"] == 2
    assert read[f"{name}_sum{{'outcome': 'confirmed'}}"] == pytest.approx(3.2)
    assert read[f"{name}_bucket{{'le': '40.0', 'outcome': 'failed'}}"] == 0
    assert read[f"{name}_bucket{{'le': '+Inf', 'outcome': 'failed'}}"] == 1


def test_what_was_heard_is_counted():
    tally = Tally(unmatched=1, duplicates=2, late=3, lagged=4)
    tally.events["dialog"] += 5
    tally.parse_failures["dtd"] += 6
    tally.reconnects["ping_timeout"] += 7
    tally.gaps.add(12)
    read = rendered(tally)

    assert read["listener_events_unmatched_total"] == 1
    assert read["listener_events_duplicate_total"] == 2
    assert read["listener_events_late_total"] == 3
    assert read["listener_subscriber_lagged_total"] == 4
    assert read["listener_events_total{'kind': 'dialog'}"] == 5
    assert read["listener_parse_failures_total{'reason': 'dtd'}"] == 6
    assert read["listener_reconnects_total{'cause': 'ping_timeout'}"] == 7
    assert read["listener_gap_seconds_bucket{'le': '10.0'}"] == 0
    assert read["listener_gap_seconds_bucket{'le': '20.0'}"] == 1
    assert read["listener_gap_seconds_sum"] == 12


def test_nodes_are_told_by_their_state_and_moves_by_their_cause():
    tally = Tally()
    tally.moved("unreachable")
    tally.moved("unreachable")
    nodes = [("one.example.com", "out", False), ("two.example.com", "usable", True)]
    read = rendered(tally, nodes=lambda: nodes)

    told = {
        name: {each: read[f"listener_node_state{{'node': '{name}', 'state': '{each}'}}"]}
        for name, each, _ in nodes
    }
    assert told == {"one.example.com": {"out": 1}, "two.example.com": {"usable": 1}}
    assert read["listener_node_state{'node': 'one.example.com', 'state': 'usable'}"] == 0
    assert read["listener_node_in_use{'node': 'one.example.com'}"] == 0
    assert read["listener_node_in_use{'node': 'two.example.com'}"] == 1
    assert read["listener_node_moves_total{'cause': 'unreachable'}"] == 2


def test_callers_are_counted_and_nobody_is_named():
    tally = Tally()
    tally.answered("create_request", 202)
    tally.passed("tracked", 409, "failed")
    tally.http_refused["header_time"] += 1
    read = rendered(tally)

    assert read["listener_http_requests_total{'operation': 'create_request', 'status': '2xx'}"] == 1
    assert read["listener_dropin_requests_total{'manner': 'tracked', 'status': '4xx'}"] == 1
    assert read["listener_dropin_outcomes_total{'outcome': 'failed'}"] == 1
    assert read["listener_http_refused_total{'reason': 'header_time'}"] == 1
    assert read["listener_event_readers"] == 3


def test_the_journal_is_told_only_where_there_is_one():
    assert not [name for name in rendered() if "journal" in name]

    read = rendered(journal=lambda: JournalFigures(10, 2, 4096, trouble=True))

    assert read["listener_journal_commits_total"] == 10
    assert read["listener_journal_failures_total"] == 2
    assert read["listener_journal_bytes"] == 4096
    assert read["listener_journal_trouble"] == 1


def test_the_program_itself_is_told():
    read = rendered(ready=lambda: False)

    assert read["listener_ready"] == 0
    assert read["listener_loop_lag_seconds"] == 0.25
    assert read["listener_loop_own_lag_seconds"] == 0.125
    assert read["listener_loop_late_total"] == 9
    assert read["process_open_fds"] > 3
    assert read["process_max_fds"] >= read["process_open_fds"]
    assert [name for name in read if name.startswith("listener_build_info{") and "1.2.3" in name]


def many(number: int) -> Iterator[tuple[str, bool]]:
    return ((f"agent-{index}", index % 2 == 0) for index in range(number))


def test_no_agent_is_named_and_all_that_can_be_is_below_500_series():
    read = rendered(
        filled(),
        sessions=lambda: [*STATES, "invented"] * 1000,
        journal=lambda: JournalFigures(1, 1, 1, trouble=False),
    )

    assert len(read) < 500
    assert not [name for name in read if "agent" in name]
    assert read["listener_requests_total{'action': 'other', 'outcome': 'failed'}"] == 1
    assert read["listener_events_total{'kind': 'other'}"] > 200


def test_agents_are_named_where_the_operator_wants_it():
    read = rendered(agents=lambda: many(5000))

    named = {name: value for name, value in read.items() if "agent-" in name}
    assert len(named) == 5000
    assert sum(named.values()) == 2500


def test_two_daemons_in_one_process_count_apart_and_leave_no_trace():
    one, other = Tally(late=1), Tally(late=2)
    metrics = Metrics(one, sources()), Metrics(other, sources())

    assert [b"listener_events_late_total 1.0" in each.render() for each in metrics] == [True, False]
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("listener")]


def test_every_metric_has_its_help_and_our_prefix():
    text = Metrics(filled(), sources()).render().decode()
    families = list(text_string_to_metric_families(text))

    assert CONTENT_TYPE.startswith("text/plain")
    assert [one.name for one in families if not one.documentation] == []
    assert {one.name.split("_")[0] for one in families} == {"listener", "process"}

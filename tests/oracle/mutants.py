"""Planted faults: the program with one rule of evidence broken at a time.

`MUTANTS` has them by name, each with the number of its rule in `mutants_rules.RULES`. The oracle
must find each out, by a story that is written for it or by that of its seed in `seeds.json`.
`UNSEEN` names the rules whose breaking no story shows: the test that has them instead, and why.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.oracle import (
    broken_answers,
    broken_calls,
    broken_changes,
    broken_company,
    broken_data,
    broken_errors,
    broken_gets,
    broken_joins,
    broken_silence,
    broken_states,
    broken_tags,
    broken_times,
)
from tests.oracle.mutants_rules import RULES
from tests.oracle.planting import MUTANTS, Mutant, keep, seeds

__all__ = ["MUTANTS", "RULES", "UNSEEN", "Elsewhere", "Mutant", "keep", "seeds"]

PLANTED = (
    *(broken_answers, broken_tags, broken_changes, broken_errors, broken_calls),
    *(broken_joins, broken_silence, broken_data, broken_states, broken_gets, broken_times),
    broken_company,
)


class Elsewhere(NamedTuple):
    """Which test has a rule that no story shows broken, and why none does."""

    test: str
    why: str


UNSEEN: dict[str, Elsewhere] = {
    "3.03": Elsewhere(
        "tests/unit/correlation/test_tags.py::test_a_tag_matches_on_the_dialog_that_the_requests_dialog_became",
        "on its own nodes every tag is the agent's; no colleague alone is told of the new dialog",
    ),
    "4.13": Elsewhere(
        "tests/unit/correlation/test_changes.py::test_a_user_that_is_published_again_is_a_repeat",
        "a user carries the time of its state, so that a repeat shows no change anyway",
    ),
    "5.07": Elsewhere(
        "tests/unit/correlation/test_suspicions.py::test_a_message_that_names_an_action_or_an_extension_must_name_ours",
        "an error on an agent's own node never names another's extension",
    ),
    "6.1.12": Elsewhere(
        "tests/unit/correlation/test_calls.py::test_alerting_or_active_confirms_a_call",
        "the simulated switch shows dialedNumber with every call, and never another one",
    ),
    "6.4.05": Elsewhere(
        "tests/unit/correlation/test_transfers.py::test_the_survivor_is_known_by_its_secondary_id",
        "the simulated switch keeps the request's own dialog as the survivor",
    ),
    "6.5.07": Elsewhere(
        "tests/unit/correlation/test_transfers.py::test_failed_with_a_state_cause_fails_it",
        "the simulated switch keeps the call with the agent instead",
    ),
    "6.6.13": Elsewhere(
        "tests/shell/test_session.py::test_a_refused_ping_is_an_answer",
        "the stories' pings are answered or not; what an answer is, the session knows",
    ),
    "6.7.13": Elsewhere(
        "tests/unit/correlation/test_call_data.py::test_truncation_counts_only_for_ecc_and_a_proper_prefix",
        "of whole texts, a prefix in characters is one in bytes as well",
    ),
    "6.8.04": Elsewhere(
        "tests/unit/correlation/test_other_actions.py::test_a_customer_call_shows_that_the_reservation_was_taken",
        "the simulated switch shows a preview that was taken as ACCEPTED in its DELETE, too",
    ),
    "7.02": Elsewhere(
        "tests/shell/test_crew.py::test_session_hears_once_its_node_may_be_used_and_the_picture_was_read",
        "the stories' sessions begin as the rule has it; the program's own do so in real time",
    ),
    "9.03": Elsewhere(
        "tests/unit/correlation/test_gate.py::test_an_ungated_dtmf_holds_others_for_its_window",
        "who may pass beside DTMF changes no outcome here",
    ),
    "9.05": Elsewhere(
        "tests/unit/correlation/test_gate.py::test_a_late_timer_sends_nothing_past_its_deadline",
        "that two deadlines pass in one moment is too rare to be met",
    ),
    "10.04": Elsewhere(
        "tests/fault/test_wall_clock.py::test_a_clock_that_was_set_prolongs_nothing_and_loses_nothing",
        "the world's clocks only go forward",
    ),
}

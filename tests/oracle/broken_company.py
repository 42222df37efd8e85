"""Planted faults in rules that matter in the situations of `company`: 5 and 6.7.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from listener.correlation import bystanders, objects, picture, values
from tests.oracle.planting import mutant

# -- 5: whose an error is --------------------------------------------------------------------------


@mutant("5.27", "joined_while_nobody_listens")
def an_error_on_a_call_that_came_since_is_a_joins():
    yield objects, "_came_since", lambda _desk, _entry, _there: False


@mutant("5.28", "told_later_on_one_side")
def what_a_colleague_is_told_late_is_work_since():
    yield bystanders, "_as_at_sending", lambda _entry, _event: False


# -- 6.7 -------------------------------------------------------------------------------------------


@mutant("6.7.20", "values_told_again")
def a_value_that_was_told_before_is_new():
    def untold(_self, asked):
        return frozenset(asked)

    yield values.Values, "untold", untold


@mutant("6.7.21", "values_told_again")
def a_value_that_nobody_was_told_is_no_change():
    def untold(_self, _id, _asked):
        return frozenset()

    yield picture.Picture, "untold", untold

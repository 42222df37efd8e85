"""Planted faults: the program with one rule of evidence broken at a time.

`MUTANTS` has them by name, each with its rule; the numbers are those of the rules' sections (answer
2, tags 3, change 4, unsigned errors 5, per action 6, snapshots 7, expectations 8, gate 9, time 10).
The oracle must find each out; `seeds.json` has a story that does. `UNSEEN` names the rules whose
breaking no story can show, and why; each has unit tests of its own.
"""

from __future__ import annotations

from tests.oracle import broken_actions, broken_answers, broken_errors, broken_times
from tests.oracle.planting import MUTANTS, Mutant, keep, seeds

__all__ = ["MUTANTS", "UNSEEN", "Mutant", "keep", "seeds"]

PLANTED = (broken_answers, broken_errors, broken_actions, broken_times)
UNSEEN = {
    "2: what was heard before a registration serves tagged events only": (
        "an id that another client used before is only told apart by when it was heard;"
        " tests/unit/correlation/test_tags.py"
    ),
    "3: a tag counts on the agent's nodes and the request's dialogs only, for shared dialogs": (
        "two clients with one id on one dialog cannot be told apart by anybody"
    ),
    "6.1: the new call comes from our extension": (
        "an agent's own node shows no call to the number that was dialled which is not the agent's"
    ),
    "6.5: FAILED with a stateCause fails a TRANSFER_SST": (
        "the simulated switch keeps the call with the agent instead;"
        " tests/unit/correlation/test_transfers.py"
    ),
    "7: the DROP's second GET, and `finesse` away": (
        "the simulated Finesse never lists too little; tests/unit/correlation/test_snapshots.py"
    ),
    "10: a clock set back": "the world's clocks only go forward; tests/fault/test_wall_clock.py",
}

"""A few seconds of everything at once on a pair; `tests.fault.pair_chaos` runs it for longer."""

from __future__ import annotations

import pytest

from listener.correlation.outcome import Confirmed, Failed, Presumed, Rejected, Unconfirmed, Window
from listener.simulator.interfaces import Deed
from tests.fault.pair_chaos import chaos, wrong_with

SECONDS = 5.0
ERROR_HEARD, ERROR_LOST, ERROR_LATE = [
    (at, False, True, sessions) for at, sessions in ((1.0, 1), (1.0, 0), (2.0, 1))
]


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_said_that_is_not_so_and_everybody_comes_back(tmp_path, seed):
    run = await chaos(tmp_path, seed, SECONDS)

    assert run.wrongs() == []
    assert run.tickets
    assert run.troubles


def deed(*published, done):
    return Deed("1001", "1", "HOLD", "1", 0.0, effect=done, published=list(published))


DONE, UNDONE = deed(done=True), deed(done=False)


SAID = {"sent": True, "status": 202, "waited": 1.5, "window": Window()}
CONFIRMED = Confirmed(evidence="expectation", **SAID)
FAILED = Failed(evidence="expectation", **SAID)
REJECTED, PRESUMED = Rejected(**SAID), Presumed(**SAID)
OPEN = Unconfirmed(reason="deadline", **SAID)


@pytest.mark.parametrize(
    ("outcome", "deeds", "wrong"),
    [
        (CONFIRMED, [DONE], False),
        (CONFIRMED, [UNDONE], True),
        (CONFIRMED, [], True),
        (FAILED, [DONE], True),
        (FAILED, [UNDONE], False),
        (REJECTED, [DONE], True),
        (REJECTED, [], False),
        (PRESUMED, [deed(ERROR_HEARD, done=False)], True),
        (PRESUMED, [deed(ERROR_LOST, done=False)], False),
        (PRESUMED, [deed(ERROR_LATE, done=False)], False),
        (PRESUMED, [DONE], False),
        (OPEN, [DONE], False),
        (OPEN, [DONE, DONE], True),
    ],
)
def test_the_judge_finds_a_false_word(outcome, deeds, wrong):
    assert (wrong_with(outcome, deeds) is not None) is wrong

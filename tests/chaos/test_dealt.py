"""What a run says was done, was done to somebody; what a kill excuses, and what it does not."""

from __future__ import annotations

import pytest

from listener.correlation.outcome import MinimumEvidence
from listener.finesse.actions import Hold
from listener.simulator.interfaces import Deed
from tests.chaos import verdict
from tests.chaos.dealt import dealt
from tests.oracle.account import Account, Asked, Parcel
from tests.oracle.judge import Find


def deed_of(client: str, *faults: str) -> Deed:
    return Deed("1001", "1", "HOLD", "9", 1.0, client=client, faults=list(faults))


def parcel_of(
    made: float, cause: Deed | None, tag: str | None, *, is_error: bool = False
) -> Parcel:
    return Parcel("node", "payload", made, cause, tag, is_error=is_error)


def test_what_was_done_is_counted_from_what_met_somebody():
    ours, theirs = deed_of("caller", "event_twice", "silent"), deed_of("desktop")
    account = Account(1)
    account.deeds = [ours, theirs]
    account.parcels = [
        parcel_of(1.0, ours, "1"),  # of the story before
        parcel_of(10.0, ours, "1"),
        parcel_of(10.0, ours, None),
        parcel_of(10.0, ours, None, is_error=True),
        parcel_of(10.0, theirs, "x"),
        parcel_of(10.0, None, None),
    ]
    assert +dealt(account, 5.0) == {
        "event_twice": 1,
        "silent": 1,
        "requests of the desktop": 1,
        "events with id": 1,
        "events without id": 1,
        "errors without id": 1,
        "news of the desktop's with its id": 1,
        "events of phone, far end or switch": 1,
    }


@pytest.mark.parametrize(
    ("killed", "told", "lag", "excused"),
    [
        (108.1, 119.9, 0.0, True),  # due at 108, and killed before it could be told
        (108.1, 122.0, 0.0, False),  # the next process served since 120, and had not told it
        (109.0, 119.9, 0.0, False),  # it had a second to tell it
        (109.0, 119.9, 0.5, True),  # but for a loop that was late
    ],
)
def test_an_outcome_that_was_due_when_the_daemon_was_killed_is_told_by_the_next_one(
    killed, told, lag, excused
):
    request = Hold(agent="1001", dialog_id="9")
    asked = Asked(1, "k", request, "r", "2001", "submit", MinimumEvidence.ANY, 8.0, 100.0)
    asked.begun, asked.settled = 100.0, told
    account = Account(1, restarts=[(killed, 120.0)])
    assert verdict._excused(account, Find("overdue", asked, "late"), lag) is excused

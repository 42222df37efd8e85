"""What the judge takes for true: who is on a call, and from when on two calls are one."""

from __future__ import annotations

import pytest

from listener.correlation.outcome import MinimumEvidence
from listener.finesse import actions as do
from listener.simulator.calls import Call, Kind, Party
from tests.oracle import account as accounts
from tests.oracle import effects
from tests.oracle.account import Account, Asked, View

SAME = "+12025550110"


def view(
    *states: str, gone: str | None = None, number: str = SAME, link: str | None = None
) -> View:
    call = Call("A", Kind.VOICE, SAME, "2001", "OTHER_IN", "ACTIVE")
    call.parties += [Party("2001", "1001", "HELD", "", "")]
    call.parties += [Party(number, None, state, "", "") for state in states]
    call.secondary, call.associated = gone, link
    return accounts._view(call)


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        (("DROPPED", "ACTIVE"), "ACTIVE"),
        (("ACTIVE", "DROPPED"), "ACTIVE"),
        (("HELD", "ACTIVE"), "HELD"),
        (("DROPPED", "FAILED"), "DROPPED"),
    ],
)
def test_of_two_with_one_number_the_one_who_is_on_the_call_is_seen(
    states: tuple[str, ...], shown: str
) -> None:
    assert view(*states).parties[SAME] == shown


def known_at_sending(*, told: bool) -> list[str]:
    """Return the calls of who asks at 9 s: A, which took B in at 3 s, and a consult from it."""
    account = Account(0)
    account.history.calls["A"] = [
        (1.0, view("ACTIVE")),
        (3.0, view("ACTIVE", gone="B")),
        (7.0, view("ACTIVE", gone="B", link="C")),
    ]
    account.history.calls["B"] = [(1.0, view("ACTIVE")), (3.0, view("DROPPED")._replace(over=True))]
    account.history.calls["C"] = [(7.0, view("ACTIVE", number="+12025550111"))]
    if told:
        account.live["1001"] = [[4.0, float("inf")]]
    request = do.Transfer(agent="1001", dialog_id="A", target_media_address="2001")
    asked = Asked(
        *(0, "k", request, "r", "2001", "submit", MinimumEvidence.ANY, 20.0, 9.0), begun=9.0
    )
    return sorted(effects.live_calls(asked, account))


def test_what_befalls_a_joined_call_later_is_no_join() -> None:
    assert known_at_sending(told=True) == ["A", "C"]


def test_calls_whose_join_nobody_had_told_of_are_two_yet() -> None:
    assert known_at_sending(told=False) == ["A", "B"]

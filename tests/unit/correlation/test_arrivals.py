"""Rules of evidence 6.5: who arrived where a call was transferred to, and who was there before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.finesse import actions as a
from listener.finesse.model import Dialog
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_event,
    clock,
    own,
)
from tests.unit.correlation.given import CONFIRMED, ON_CALL, OTHER, earlier

AWAY = a.TransferSst(**ON_CALL, to_address="5551")


def arrived(at: float | None = 5.0, customer: float = 0.0) -> Dialog:
    """Return the call at the target, without the agent."""
    return a_dialog(CALL, a_participant("5551", at=at), a_participant(CUSTOMER, at=customer))


def a_failed_call(cause: str = "BUSY", at: float = 0.0) -> Dialog:
    """Return the call after it failed."""
    parties = (a_participant(), a_participant(CUSTOMER, "FAILED", at=at, state_cause=cause))
    return a_dialog(CALL, *parties, state="FAILED")


@pytest.mark.parametrize(("state", "word"), [("ALERTING", "unconfirmed"), ("DROPPED", "confirmed")])
def test_a_call_that_had_arrived_before_arrives_by_no_later_request(state: str, word: str) -> None:
    # who had left again is not there any more
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    there = [a_participant("5550100"), a_participant("1002", state, 3)]
    story.hear(added(a_dialog(CALL, *there), owner="agent2"))
    wish = a.TransferSst(agent=AGENT, dialog_id=CALL, to_address="1002")
    key = story.accepted(wish)
    answered = [there[0], a_participant("1002", "ACTIVE", 5)]
    story.hear(an_event(a_dialog(CALL, *answered), owner="agent2"))
    story.wait(30)
    assert story.said(key)[0] == word


def test_who_was_on_the_call_before_does_not_arrive_after_a_restart() -> None:
    before = a_dialog(
        "100", a_participant(state="ACTIVE"), a_participant(CUSTOMER), a_participant("5551")
    )
    story = Story(before)
    baseline = story.correlator.picture(AGENT).baseline("100")
    story = Story(live=False)
    sst = a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551")
    key = story.adopt(sst, baseline=baseline, left=8.0, age=1.0)
    story.link_up(before, user=a_user())
    left = a_dialog("100", a_participant(CUSTOMER), a_participant("5551", "ACTIVE", at=5))
    story.hear(an_event(left, owner="agent2"))
    story.wait(40)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("since", "word"), [(0.0, "unconfirmed"), (None, "unconfirmed"), (4.0, "confirmed")]
)
def test_over_a_restart_only_who_came_later_arrives(since: float | None, word: str) -> None:
    # a colleague's view of before, with the target on the call, is not known any more
    before = own("ACTIVE", 1)
    story = Story(before)
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    story = Story(live=False)
    sst = a.TransferSst(agent=AGENT, dialog_id=CALL, to_address="5551")
    key = story.adopt(sst, baseline=baseline, left=8.0, age=1.0)
    story.link_up(user=a_user())
    start = {"start_time": None if since is None else clock(since)}
    there = a_participant("5551", "ACTIVE", 5, **start)
    story.hear(an_event(a_dialog(CALL, a_participant("5550100"), there), owner="agent2"))
    story.wait(40)
    assert story.said(key)[0] == word


@pytest.mark.parametrize("state", ["DROPPED", None])
@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_call_of_two_others_from_before_the_request_is_no_transfer(
    state: str | None, at: float, said: tuple[str, str | None]
) -> None:
    # 4, 6.4: a colleague hears of it late
    story = Story(
        own("HELD", 10), a_dialog("200", a_participant(at=10), a_participant(OTHER, at=10))
    )
    transfer = story.accepted(a.Transfer(agent=AGENT, dialog_id="100"))
    story.hear(an_event(earlier(state, at), owner="agent2"))
    assert story.said(transfer) == said


# -- a single-step transfer ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "said"), [(99, "open"), (None, "open"), (102, "confirmed")], ids=["old", "none", "new"]
)
def test_without_a_baseline_an_arrival_must_be_later_than_finesses_answer(
    at: float | None, said: str
) -> None:
    story = Story(live=False)
    key = story.ask(AWAY)
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(arrived(at), owner="agent2"))
    assert story.said(key)[0] == said


def test_without_a_baseline_an_arrival_with_our_id_proves() -> None:
    story = Story(live=False)
    key = story.accepted(AWAY)
    story.hear(an_event(arrived(-100), owner="agent2", tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (arrived(5), "confirmed"),
        (arrived(None), "confirmed"),
        (arrived(-50), "open"),
        (arrived(5, customer=-50), "open"),
        (own("ACTIVE", 0), "open"),
        (replace(arrived(5), participants=(a_participant("5551", "DROPPED", at=5),)), "open"),
    ],
)
def test_an_arrival_is_a_change_since_the_baseline(shown: Dialog, said: str) -> None:
    story = Story()
    key = story.accepted(AWAY)
    story.hear(an_event(shown, owner="agent2"))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(
    ("before", "shown", "said"),
    [
        (a_failed_call(), a_failed_call(), "open"),
        (a_failed_call(), a_failed_call("OTHER", at=5), "failed"),
        (a_dialog(), a_failed_call(at=5), "failed"),
        (a_dialog(), a_failed_call(at=-50), "open"),
        (a_dialog(CALL, a_participant()), a_failed_call(at=5), "failed"),
        (a_dialog(), replace(a_failed_call(at=5), state="ACTIVE"), "open"),
    ],
)
def test_a_transfer_fails_only_when_the_call_failed_since(
    before: Dialog, shown: Dialog, said: str
) -> None:
    story = Story(before)
    key = story.accepted(AWAY)
    story.hear(an_event(shown))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("at", "said"), [(99, "open"), (102, "failed")])
def test_without_a_baseline_a_failed_call_must_be_later_than_finesses_answer(
    at: float, said: str
) -> None:
    story = Story(live=False)
    key = story.ask(AWAY)
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(a_failed_call(at=at)))
    assert story.said(key)[0] == said


def test_without_a_baseline_a_failed_call_with_our_id_fails() -> None:
    story = Story(live=False)
    key = story.accepted(AWAY)
    story.hear(an_event(a_failed_call(), tag=key))
    assert story.said(key) == ("failed", "request_id")


# -- calls that are no more ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "tagged", "said"),
    [("DROPPED", True, "confirmed"), ("DROPPED", False, "open"), ("ACTIVE", True, "open")],
)
def test_our_leaving_with_our_id_on_a_colleagues_node_is_the_transfer(
    state: str,
    tagged: bool,  # noqa: FBT001
    said: str,
) -> None:
    # 3, 6.5: whom it is sent to was on the call before, as far as was known
    there = (a_participant(CUSTOMER), a_participant("1002"))
    story = Story(a_dialog("100", a_participant(), *there))
    key = story.accepted(a.TransferSst(agent=AGENT, dialog_id="100", to_address="1002"))
    left = (a_participant(state=state, at=2), a_participant("1002", "ALERTING", 2))
    shown = a_dialog("100", *left, a_participant(CUSTOMER))
    story.hear(added(shown, owner="agent2", tag=key if tagged else None))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("there", "survivor"), [("1002", "100"), ("1003", None)])
def test_the_surviving_call_is_told_only_where_the_target_was_seen_on_it(
    there: str, survivor: str | None
) -> None:
    # 6.5
    story = Story()
    key = story.accepted(a.TransferSst(agent=AGENT, dialog_id="100", to_address="1002"))
    left = (a_participant(state="DROPPED", at=2), a_participant(there, "ALERTING", 2))
    shown = a_dialog("100", *left, a_participant(CUSTOMER))
    story.hear(added(shown, owner="agent2", tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.survivor == survivor


def busy(*, listed: bool) -> Dialog:
    """Return a call of three that failed at a fourth who is busy, with the agent off it or not."""
    left = (a_participant(state="DROPPED", at=2),) if listed else ()
    target = a_participant("1003", "FAILED", 2, state_cause="BUSY")
    there = (a_participant("1002", at=2), a_participant(CUSTOMER))
    return a_dialog("100", *left, target, *there, state="FAILED")


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_a_call_that_failed_on_a_colleagues_node_arrived_at_nobody(
    *, listed: bool, signed: bool
) -> None:
    story = Story(a_dialog("100", a_participant(), a_participant(CUSTOMER), a_participant("1002")))
    key = story.accepted(a.TransferSst(agent=AGENT, dialog_id="100", to_address="1003"))
    shown = busy(listed=listed)
    story.hear(an_event(shown, owner="agent2", tag=key if signed else None))
    assert story.said(key)[0] == "open"
    story.hear(an_event(shown, tag=key))
    assert story.said(key)[0] == "failed"


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("before", "now", "at", "signed", "there", "said"),
    [
        ("ACTIVE", "ALERTING", 2, True, None, "confirmed"),
        ("HELD", "ALERTING", 2, True, "DROPPED", "confirmed"),
        ("ACTIVE", "ALERTING", 2, False, None, "open"),  # another one may have sent for the target
        ("ACTIVE", "ALERTING", 0, True, None, "open"),  # it may have rung before it talked
        ("ALERTING", "ALERTING", 2, True, None, "open"),  # it was ringing
        ("ACTIVE", "ACTIVE", 2, True, None, "open"),  # we may have hung up, and the id be another's
        ("ACTIVE", "ALERTING", 2, True, "ACTIVE", "open"),  # we are on it yet
    ],
)
def test_a_target_that_had_been_on_the_call_arrives_when_it_rings_anew_with_our_id(
    before: str,
    now: str,
    at: float,
    signed: bool,  # noqa: FBT001
    there: str | None,
    said: str,
    *,
    beside: bool,
) -> None:
    # 3, 6.5: a party of a conference to whom the agent sends the call, and who is listed twice
    others = a_participant("1002")
    story = Story(a_dialog("100", a_participant(), others, a_participant("5551", before)))
    key = story.accepted(AWAY)
    mine = () if there is None else (a_participant(state=there),)
    talks = (a_participant("5551", before),) if beside else ()
    shown = a_dialog("100", *mine, others, *talks, a_participant("5551", now, at))
    story.hear(an_event(shown, owner="agent2", tag=key if signed else None))
    assert story.said(key)[0] == said

"""What was so before the request, or is so no longer, proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import listener.finesse.actions as A  # noqa: N812  as the other tests of requests name it
from listener.correlation.instants import instant, newer, older
from listener.correlation.outcome import Confirmed, Failed
from listener.errors import InvalidRequest
from listener.finesse.actions.checks import same_number
from listener.finesse.events import DialogRemoved
from listener.finesse.model import Dialog
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_event,
    clock,
    own,
    placed,
    removed,
)

ON_CALL: dict[str, Any] = {"agent": AGENT, "dialog_id": CALL}
MAKE = A.MakeCall(agent=AGENT, to_address="5551", from_address=EXT)
CONSULT = A.ConsultCall(**ON_CALL, to_address="5551", target_media_address=EXT)
AWAY = A.TransferSst(**ON_CALL, to_address="5551")
THIRD = "3003"


def consult(state: str = "INITIATED", **changes: Any) -> Dialog:
    """Return a consult call of the agent, tied to the first call."""
    uri = f"/finesse/api/Dialog/{CALL}"
    return replace(placed(state), associated_dialog_uri=uri, **changes)


# -- a call that is INITIATED counts only while it stands ---------------------------------------


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda: an_event(Dialog(), DialogRemoved, dialog_id="200"), id="bare DELETE"),
        pytest.param(
            lambda: removed(
                replace(
                    placed("INITIATED", to=""),
                    participants=(a_participant(state="DROPPED", at=3),),
                ),
                dialog_id="200",
            ),
            id="DELETE without a number",
        ),
        pytest.param(
            lambda: an_event(replace(placed("INITIATED"), state="DROPPED", participants=())),
            id="DROPPED and empty",
        ),
        pytest.param(lambda: an_event(replace(placed("INITIATED"), state="DROPPED")), id="DROPPED"),
    ],
)
@pytest.mark.parametrize("request_", [MAKE, CONSULT], ids=["MAKE_CALL", "CONSULT_CALL"])
def test_an_initiated_call_that_ended_ends_the_request(request_: Any, later: Any) -> None:
    story = Story()
    key = story.accepted(request_)
    story.hear(added(consult()))
    story.wait(5)
    story.hear(later())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_call_that_is_initiating_again_stands_no_more() -> None:
    story = Story()
    key = story.accepted(MAKE)
    story.hear(added(placed("INITIATED")))
    story.hear(an_event(replace(placed("INITIATED"), state="INITIATING")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_call_that_is_initiated_after_all_stands_again() -> None:
    story = Story()
    key = story.accepted(MAKE)
    story.hear(added(placed("INITIATED")))
    story.hear(an_event(replace(placed("INITIATED"), state="INITIATING")))
    story.hear(an_event(placed("INITIATED")))
    story.wait(30)
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ((), ("unconfirmed", "deadline")),
        ((replace(placed("INITIATED"), state="DROPPED"),), ("unconfirmed", "deadline")),
        (
            (replace(placed("INITIATED"), participants=(a_participant(state="DROPPED", at=3),)),),
            ("unconfirmed", "deadline"),
        ),
        ((placed("INITIATED"),), ("confirmed", "snapshot")),
    ],
)
@pytest.mark.parametrize("request_", [MAKE, CONSULT], ids=["MAKE_CALL", "CONSULT_CALL"])
def test_the_deciding_get_must_list_the_initiated_call(
    request_: Any, listed: tuple[Dialog, ...], said: tuple[str, str]
) -> None:
    story = Story()
    key = story.accepted(request_)
    story.hear(added(consult()))
    story.wait(17.5)
    shown = tuple(
        replace(each, associated_dialog_uri=f"/finesse/api/Dialog/{CALL}") for each in listed
    )
    story.look(a_dialog(), *shown)
    story.wait(30)
    assert story.said(key) == said


def test_a_get_that_was_sent_before_the_call_was_heard_of_is_asked_again() -> None:
    story = Story()
    key = story.accepted(MAKE)
    story.wait(17.0)
    asked = story.now
    story.wait(0.2)
    story.hear(added(placed("INITIATED")))
    story.look(a_dialog(), asked=asked)
    assert len(story.asks) == 2
    story.wait(30)
    assert story.said(key) == ("confirmed", "expectation")


def test_a_get_without_the_call_leaves_a_signed_hold_alone() -> None:
    story = Story(own("HELD", 0))
    key = story.accepted(A.Hold(**ON_CALL))
    story.hear(an_event(own("HELD", 0), tag=key))
    story.wait(17.5)
    story.look()
    story.wait(30)
    assert story.said(key) == ("confirmed", "request_id")


# -- a single-step transfer ---------------------------------------------------------------------


def arrived(at: float | None = 5.0, customer: float = 0.0) -> Dialog:
    """Return the call at the target, without the agent."""
    return a_dialog(CALL, a_participant("5551", at=at), a_participant(CUSTOMER, at=customer))


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


def failed_call(cause: str = "BUSY", at: float = 0.0) -> Dialog:
    """Return the call after it failed."""
    parties = (a_participant(), a_participant(CUSTOMER, "FAILED", at=at, state_cause=cause))
    return a_dialog(CALL, *parties, state="FAILED")


@pytest.mark.parametrize(
    ("before", "shown", "said"),
    [
        (failed_call(), failed_call(), "open"),
        (failed_call(), failed_call("OTHER", at=5), "failed"),
        (a_dialog(), failed_call(at=5), "failed"),
        (a_dialog(), failed_call(at=-50), "open"),
        (a_dialog(CALL, a_participant()), failed_call(at=5), "failed"),
        (a_dialog(), replace(failed_call(at=5), state="ACTIVE"), "open"),
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
    story.hear(an_event(failed_call(at=at)))
    assert story.said(key)[0] == said


def test_without_a_baseline_a_failed_call_with_our_id_fails() -> None:
    story = Story(live=False)
    key = story.accepted(AWAY)
    story.hear(an_event(failed_call(), tag=key))
    assert story.said(key) == ("failed", "request_id")


# -- a call that became another -----------------------------------------------------------------


def survivor(value: str = "1", at: float = 5.0, **changes: Any) -> Dialog:
    """Return the other call of the two."""
    parties = (a_participant(at=at), a_participant("2002"))
    return replace(a_dialog("200", *parties, variables={"callVariable1": value}), **changes)


UPDATE = A.UpdateCallData(**ON_CALL, call_variables={"callVariable1": "1"})


def test_what_the_survivor_had_always_is_no_change() -> None:
    story = Story(a_dialog(variables={"callVariable1": "0"}), survivor(at=0))
    key = story.accepted(UPDATE)
    story.hear(an_event(survivor(secondary_id=CALL)))
    assert story.said(key) == ("open", None)


def test_what_the_survivor_had_not_is_a_change() -> None:
    story = Story(a_dialog(variables={"callVariable1": "0"}), survivor("0", at=0))
    key = story.accepted(UPDATE)
    story.hear(an_event(survivor("0", secondary_id=CALL)))
    story.hear(an_event(survivor("1", secondary_id=CALL)))
    assert story.said(key) == ("confirmed", "expectation")
    outcome = story.outcomes[key]
    assert isinstance(outcome, Confirmed)
    assert outcome.changed is True


@pytest.mark.parametrize("live", [True, False], ids=["baseline", "no baseline"])
@pytest.mark.parametrize(("tagged", "said"), [(False, "open"), (True, "confirmed")])
def test_a_survivor_that_was_not_known_at_sending_proves_by_our_id_alone(
    tagged: bool,  # noqa: FBT001  a parameter of the test
    said: str,
    live: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story(a_dialog(variables={"callVariable1": "0"}), live=live)
    key = story.accepted(UPDATE)
    story.hear(an_event(survivor(secondary_id=CALL)))
    story.hear(an_event(survivor(secondary_id=CALL), tag=key if tagged else None))
    assert story.said(key)[0] == said


def test_a_party_that_the_survivor_never_had_was_not_taken_out_of_it() -> None:
    three = a_dialog(CALL, a_participant(), a_participant(CUSTOMER), a_participant(THIRD))
    story = Story(three, survivor(at=0))
    key = story.accepted(A.ParticipantDrop(**ON_CALL, target_media_address=THIRD))
    story.hear(an_event(survivor(secondary_id=CALL)))
    assert story.said(key) == ("open", None)


def test_a_drop_that_followed_to_an_unknown_survivor_is_proved_there() -> None:
    story = Story()
    key = story.accepted(A.Drop(**ON_CALL))
    story.hear(an_event(survivor(secondary_id=CALL)))
    story.hear(an_event(survivor(participants=(a_participant(state="DROPPED", at=9),))))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_survivor_that_does_not_list_us_is_compared_with_what_it_listed_before() -> None:
    story = Story(a_dialog(), survivor(at=0))
    key = story.accepted(A.Hold(**ON_CALL))
    story.hear(an_event(survivor(secondary_id=CALL, participants=(a_participant("2002"),))))
    held = (a_participant(state="HELD", at=9), a_participant("2002"))
    story.hear(an_event(survivor(participants=held)))
    assert story.said(key) == ("confirmed", "expectation")


# -- old news -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(15, "open"), (25, "confirmed")])
def test_a_party_left_only_after_it_was_there(at: float, said: str) -> None:
    three = (a_participant(), a_participant(CUSTOMER), a_participant(THIRD, at=20))
    story = Story(a_dialog(CALL, *three))
    key = story.accepted(A.ParticipantDrop(**ON_CALL, target_media_address=THIRD))
    gone = a_dialog(CALL, *three[:2], a_participant(THIRD, "DROPPED", at=at))
    story.hear(an_event(gone))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("at", "said"), [(-50, "open"), (102, "confirmed")])
def test_where_we_were_not_listed_only_a_time_after_finesses_answer_proves(
    at: float, said: str
) -> None:
    story = Story(a_dialog(CALL, a_participant(CUSTOMER)))
    key = story.ask(A.Retrieve(**ON_CALL))
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(own("HELD", -60)))  # old news is no start either
    story.hear(an_event(own("ACTIVE", at)))
    assert story.said(key)[0] == said


def test_where_we_were_not_listed_a_delete_proves_nothing_without_our_id() -> None:
    story = Story(a_dialog(CALL, a_participant(CUSTOMER)))
    key = story.accepted(A.Drop(**ON_CALL))
    story.hear(removed())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_time_without_a_zone_proves_nothing_against_a_date() -> None:
    story = Story(live=False)
    key = story.ask(A.Hold(**ON_CALL))
    story.accept(key, date=instant(clock(100)))
    party = a_participant(state="HELD", state_change_time=clock(3600).removesuffix("Z"))
    story.hear(an_event(a_dialog(CALL, party)))
    assert story.said(key) == ("open", None)


def test_a_time_with_a_zone_is_not_compared_with_one_without() -> None:
    bare = "2026-11-21T08:00:00"
    assert older(bare, "2026-11-21T08:00:01")
    assert not older(bare, "2026-11-21T18:00:00Z")
    assert not newer("2026-11-21T18:00:00Z", bare)


# -- monitoring ---------------------------------------------------------------------------------


def monitor(state: str = "ACTIVE", **changes: Any) -> Dialog:
    """Return a monitor call of the agent's."""
    media = {"call_type": "SUPERVISOR_MONITOR"}
    parties = (a_participant(state=state, at=5), a_participant("2002", "ACTIVE", at=5))
    return a_dialog("300", *parties, media=media, state=state, from_address=EXT, **changes)


@pytest.mark.parametrize("tagged", [True, False])
def test_a_monitor_call_that_fails_fails_the_request(
    tagged: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story()
    key = story.accepted(A.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    busy = (a_participant(state="FAILED", at=5, state_cause="BUSY"), a_participant("2002"))
    failed = replace(monitor("FAILED"), participants=busy)
    story.hear(added(failed, tag=key if tagged else None))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert outcome.state_cause == "BUSY"
    assert story.said(key)[1] == ("request_id" if tagged else "expectation")


def test_a_monitor_call_on_another_node_proves_nothing_though_it_bears_our_id() -> None:
    story = Story()
    key = story.accepted(A.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    story.hear(added(monitor("INITIATED"), tag=key))
    story.hear(an_event(monitor("ACTIVE"), owner="agent2", tag=key))
    assert story.said(key) == ("open", None)
    story.hear(an_event(monitor("ACTIVE")))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_monitor_call_that_bore_our_id_is_ours_without_a_baseline_too() -> None:
    story = Story(live=False)
    key = story.accepted(A.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    story.hear(added(monitor("INITIATED"), tag=key))
    story.hear(an_event(monitor("ACTIVE")))
    assert story.said(key) == ("confirmed", "request_id")


# -- numbers and reasons ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("-", "()", False),
        ("-", "", False),
        (None, None, False),
        ("10-01", "1001", True),
        ("(10) 01", "10.01", True),
        ("1001", "1002", False),
    ],
)
def test_numbers_are_the_same_when_their_digits_are(
    first: str | None,
    second: str | None,
    same: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    assert same_number(first, second) is same


@pytest.mark.parametrize(("code", "said"), [("5", "confirmed"), (None, "confirmed"), ("7", "open")])
def test_a_pending_state_for_another_reason_is_not_ours(code: str | None, said: str) -> None:
    story = Story(user=a_user("TALKING"))
    key = story.accepted(A.NotReady(agent=AGENT, reason_code_id="5"))
    user = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id=code)
    story.hear(a_user_event(user))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(
    "request_",
    [
        A.MakeCall(agent=AGENT, to_address="10-01", from_address=EXT),
        A.SilentMonitor(agent=AGENT, to_address="10-01", from_address=EXT),
        A.ConsultCall(**ON_CALL, to_address="10 01", target_media_address=EXT),
        A.TransferSst(**ON_CALL, to_address="1001", target_media_address=EXT),
    ],
)
def test_the_own_extension_is_refused_as_destination_however_written(request_: Any) -> None:
    with pytest.raises(InvalidRequest, match="calling extension") as raised:
        request_.validate()
    assert raised.value.field == "toAddress"
    assert "1001" not in str(raised.value)


def test_any_destination_will_do_while_the_own_extension_is_not_known() -> None:
    A.ConsultCall(**ON_CALL, to_address="1001").validate()
    A.TransferSst(**ON_CALL, to_address="1001").validate()

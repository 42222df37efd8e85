"""A hand-over between two processes, of which the new one heard everything: no gap, no doubt."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation import accusation
from listener.correlation.gate import GateMode
from listener.correlation.outcome import (
    Confirmed,
    Evidence,
    MinimumEvidence,
    Reason,
    Unconfirmed,
    Window,
)
from listener.correlation.pending import State
from listener.correlation.picture import Baseline
from listener.errors import DeviceBusy
from listener.finesse import actions as a
from listener.finesse.events import OtherUpdate
from listener.finesse.model import Kind, Update
from tests.builders import (
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

HOLD = a.Hold(agent="agent1", dialog_id="100")
RETRIEVE = a.Retrieve(agent="agent1", dialog_id="100")
ANSWER = a.Answer(agent="agent1", dialog_id="100")
DROP = a.Drop(agent="agent1", dialog_id="100")
READY = a.Ready(agent="agent1")
CALL = a.MakeCall(agent="agent1", from_address="1001", to_address="5551")
DTMF = a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")
BEFORE = Baseline(a_dialog(), (), a_user())


def data(value: str = "x", name: str = "callVariable1") -> a.UpdateCallData:
    return a.UpdateCallData(agent="agent1", dialog_id="100", call_variables={name: value})


def take(story: Story, request: a.Request, **how: Any) -> str:
    """Take over a request of a moment ago, of which everything was heard."""
    how = {"baseline": BEFORE, "left": 19.0, "age": 1.0} | how
    return story.adopt(request, gap=False, **how)


# -- it goes on as if it had been registered here --------------------------------------------


def test_no_gap_is_noted_and_nothing_is_in_doubt() -> None:
    story = Story()
    key = take(story, HOLD, status=202)
    waiting = take(story, HOLD, accepted=False)
    assert story.correlator.state(key) is State.ACCEPTED
    assert story.correlator.state(waiting) is State.SENT
    story.wait(19)
    assert story.said(key) == ("unconfirmed", "deadline")
    assert story.said(waiting) == ("unconfirmed", "no_answer")
    assert story.outcomes[key].window == Window(20.0, ())
    assert (story.outcomes[key].status, story.outcomes[key].waited) == (202, 20.0)
    assert story.sent == []


def test_what_is_heard_after_it_counts_as_ever() -> None:
    story = Story()
    key = take(story, HOLD)
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_without_its_answer_what_is_heard_is_held() -> None:
    # 2
    story = Story()
    key = take(story, HOLD, accepted=False)
    story.hear(an_event(own("HELD")))
    assert story.said(key)[0] == "open"
    story.accept(key)
    assert story.said(key) == ("confirmed", "expectation")


def test_an_answer_that_comes_afterwards_starts_the_whole_deadline() -> None:
    story = Story()
    key = take(story, HOLD, accepted=False)
    story.wait(5)
    story.accept(key)
    story.wait(19.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_doubtful_answer_of_before_is_known() -> None:
    story = Story()
    key = take(story, HOLD, accepted=False, status=500)
    assert story.correlator.state(key) is State.IN_DOUBT
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_the_get_before_the_deadline_goes_out() -> None:
    story = Story()
    key = take(story, HOLD)
    story.wait(15.9)
    assert story.asks == []
    story.wait(0.1)
    story.look(own("HELD"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_call_data_that_a_get_does_not_show_fails_by_the_time_of_its_202() -> None:
    # 6.7: 15 s or more after acceptance
    story = Story()
    key = take(story, data(), left=5.0, age=16.0)
    story.wait(2)
    story.look(a_dialog())
    assert story.said(key) == ("failed", "snapshot")
    late = take(story, data(), left=5.0, age=2.0, length=7.0)
    story.wait(2)
    story.look(a_dialog())
    assert story.said(late)[0] == "open"


def test_a_preview_that_closes_at_once_is_confirmed() -> None:
    # 6.8: within 3 s of the 202
    reservation = own("OFFERED", 0)
    story = Story(reservation)
    key = take(
        story, a.PreviewClose(agent="agent1", dialog_id="100"), baseline=Baseline(reservation)
    )
    story.hear(removed(own("DROPPED")))
    story.wait(2)
    assert story.said(key) == ("confirmed", "expectation")


def test_where_no_session_hears_there_is_a_gap_all_the_same() -> None:
    story = Story(live=False)
    key = take(story, DTMF, left=5.3)
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


@pytest.mark.parametrize("accepted", [False, True])
def test_an_expectation_goes_on_as_well(accepted: bool) -> None:  # noqa: FBT001  a case
    story = Story()
    key = take(story, HOLD, expected=True, accepted=accepted, left=19.0)
    free = story.ask(RETRIEVE)
    assert story.sent == [free]  # 8: it never holds the gate
    story.abandon(free)
    story.wait(19)
    assert story.said(key) == ("unconfirmed", "deadline" if accepted else "not_reported")


def test_a_reported_expectation_has_the_actions_own_length() -> None:
    story = Story()
    key = take(story, DTMF, expected=True, left=2.0)
    story.wait(2)
    assert story.said(key) == ("presumed", None)


def test_an_expectation_that_is_reported_afterwards_is_judged() -> None:
    story = Story()
    key = take(story, DTMF, expected=True, accepted=False, left=50.0, age=10.0)
    story.accept(key)
    story.wait(5.3)
    assert story.said(key) == ("presumed", None)


# -- the gate --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "how", "waits"),
    [
        (HOLD, {}, True),
        (data(), {"accepted": False}, True),
        (data(), {}, False),
        (DTMF, {"left": 5.3}, True),
        (READY, {}, False),
    ],
)
def test_it_holds_its_device_as_ever(
    request_: a.Request,
    how: dict[str, Any],
    waits: bool,  # noqa: FBT001  a case
) -> None:
    story = Story()
    key = take(story, request_, **how)
    other = story.ask(RETRIEVE)
    assert (story.sent == []) is waits
    story.abandon(key)
    assert story.sent == [other]


def test_it_holds_its_device_against_a_refusing_gate() -> None:
    story = Story(gate=GateMode.REFUSE)
    take(story, HOLD)
    with pytest.raises(DeviceBusy):
        story.ask(RETRIEVE)


# -- silence ---------------------------------------------------------------------------------


def test_the_rest_of_the_window_of_silence_runs() -> None:
    # 6.6
    story = Story(fences=None)
    key = take(story, DTMF, left=2.0, age=3.5)
    story.wait(1.9)
    assert story.pings == []
    story.wait(0.1)
    assert [ping.key for ping in story.pings] == [key]
    story.fence(key, passed=True)
    assert story.said(key) == ("presumed", None)


def test_a_window_that_is_over_is_fenced_at_once() -> None:
    story = Story()
    key = take(story, DTMF, left=0.0, age=7.0)
    story.wait(0)
    assert story.said(key) == ("presumed", None)


def test_a_deadline_that_is_longer_than_the_window_does_not_stretch_it() -> None:
    story = Story()
    key = take(story, DTMF, left=28.0, length=30.0)
    story.wait(3.2)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("presumed", None)


def test_a_deadline_that_is_shorter_than_the_window_does_not_shorten_it() -> None:
    story = Story()
    key = take(story, DTMF, left=1.0, length=2.0)
    story.wait(1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_dtmf_behind_another_waits_for_its_turn() -> None:
    story = Story()
    first = take(story, DTMF, left=2.0)
    second = take(story, DTMF, left=5.3)
    story.wait(2)
    assert story.said(first) == ("presumed", None)
    story.wait(5.2)
    assert story.said(second)[0] == "open"
    story.wait(0.1)
    assert story.said(second) == ("presumed", None)


def test_a_dtmf_whose_202_comes_afterwards_has_its_window() -> None:
    story = Story()
    key = take(story, DTMF, left=4.0, accepted=False)
    story.accept(key)
    story.wait(5.3)
    assert story.said(key) == ("presumed", None)


# -- what was heard since it was sent: our id ------------------------------------------------


def test_a_tagged_effect_that_was_heard_confirms_it() -> None:
    story = Story()
    key = take(story, HOLD, accepted=False)
    story.rehear(key, an_event(own("HELD"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tagged_change_of_the_user_confirms_it() -> None:
    story = Story()
    key = take(story, READY)
    story.rehear(key, a_user_event(a_user("TALKING", 1), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tagged_error_that_was_heard_fails_it() -> None:
    story = Story()
    key = take(story, DTMF)
    story.rehear(key, an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_a_tagged_event_lets_an_expectation_count() -> None:
    story = Story()
    key = take(story, HOLD, expected=True, accepted=False)
    story.rehear(key, an_event(own("HELD")), a_user_event(a_user("TALKING", 1), tag=key))
    story.rehear(key, an_event(own("HELD", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_what_was_heard_after_its_outcome_is_late() -> None:
    story = Story()
    key = take(story, READY, left=0.0)
    story.wait(0)
    assert story.said(key)[0] == "unconfirmed"
    story.rehear(key, an_event(own("HELD"), tag=key), an_error(tag=key))
    story.rehear(key, a_user_event(a_user("READY", 1), tag=key), an_error(), an_event())
    assert [late.kind for late in story.lates] == ["event", "error", "event"]


def test_a_repeated_id_names_neither() -> None:
    story = Story()
    keys = [take(story, HOLD, id_="145") for _ in range(2)]
    event, error = an_event(own("ACTIVE", 0), tag="145"), an_error(tag="145")
    for key in keys:
        story.rehear(key, event, error)
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_nobody_is_told_of_an_unknown_key() -> None:
    story = Story()
    story.rehear("nobody", an_event(own("HELD")))
    assert story.outcomes == {}


def test_what_says_nothing_about_a_request_changes_nothing() -> None:
    story = Story()
    key = take(story, HOLD)
    other = OtherUpdate(
        node="/finesse/api/Team/1",
        owner=None,
        item_id="x",
        request_id=None,
        update=Update(Kind.TEAM),
    )
    story.rehear(
        key, other, an_event(a_dialog("999")), a_user_event(a_user("READY"), owner="agent2")
    )
    story.rehear(key, a_user_event(a_user("READY", 1)))
    assert story.said(key)[0] == "open"


# -- what was heard since it was sent: changes -----------------------------------------------


def test_a_change_that_was_heard_confirms_it() -> None:
    story = Story(own("HELD"))
    key = take(story, HOLD)
    story.rehear(key, an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_what_was_so_at_sending_is_no_change() -> None:
    story = Story(own("HELD"))
    key = take(story, HOLD, baseline=Baseline(own("HELD", 1)))
    story.rehear(key, an_event(own("HELD", 1)))
    assert story.said(key)[0] == "open"


def test_a_change_of_the_user_that_was_heard_confirms_it() -> None:
    story = Story()
    key = take(story, READY)
    story.rehear(key, a_user_event(a_user("READY", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_call_that_appeared_confirms_it() -> None:
    story = Story()
    key = take(story, CALL)
    story.rehear(key, added(placed("INITIATING")), an_event(placed("ALERTING")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_call_that_began_and_went_on_is_not_judged_by_its_beginning() -> None:
    # 6.1
    story = Story()
    key = take(story, CALL)
    story.rehear(
        key,
        an_event(placed("INITIATED")),
        an_event(
            placed(
                "DROPPED",
            )
        ),
    )
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_request_follows_its_dialog_again() -> None:
    # 6.3
    story = Story()
    key = take(story, DROP)
    survivor = own("ACTIVE", 1, id_="200", secondary_id="100")
    story.rehear(key, removed(own("DROPPED")), an_event(survivor))
    story.wait(5)
    assert story.said(key)[0] == "open"
    story.rehear(key, an_event(own("DROPPED", 2, id_="200")))
    assert story.said(key) == ("confirmed", "expectation")


def test_call_data_that_was_heard_confirms_it() -> None:
    story = Story()
    keys = [take(story, data(name=f"callVariable{n}")) for n in (1, 2)]
    both = a_dialog(variables={"callVariable1": "x", "callVariable2": "x"})
    for key in keys:
        story.rehear(key, an_event(both))
    assert [story.said(key) for key in keys] == [("confirmed", "expectation")] * 2


def test_another_sessions_sight_of_a_transfer_is_heard_again() -> None:
    two = Baseline(
        own("HELD", 0),
        (a_dialog("200", a_participant(), a_participant("1002")),),
    )
    story = Story()
    key = take(story, a.Transfer(agent="agent1", dialog_id="100"), baseline=two)
    after = a_dialog("100", a_participant(CUSTOMER, at=2), a_participant("1002", at=2))
    story.rehear(key, an_event(after, owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")


def test_another_sessions_sight_proves_nothing_else() -> None:
    two = Baseline(
        own("HELD", 0),
        (a_dialog("200", a_participant(), a_participant("1002")),),
    )
    story = Story()
    transfer = take(story, a.Transfer(agent="agent1", dialog_id="100"), baseline=two)
    drop = take(story, DROP, baseline=two)
    after = a_dialog(
        "100",
        a_participant(state="DROPPED", at=2),
        a_participant(CUSTOMER, at=2),
        a_participant("1002", at=2),
    )
    story.rehear(drop, an_event(after, owner="agent2"))
    story.rehear(transfer, an_event(after, owner="agent2"))
    assert story.said(drop)[0] == "open"
    assert story.said(transfer) == ("confirmed", "expectation")


# -- one change, several requests ------------------------------------------------------------


@pytest.mark.parametrize("by_event", [True, False])
def test_a_change_that_fits_two_is_ambiguous_for_both(by_event: bool) -> None:  # noqa: FBT001  a case
    # 4
    story = Story(own("ACTIVE", 2))
    before = Baseline(own("HELD", 0))
    keys = [take(story, each, baseline=before) for each in (RETRIEVE, ANSWER)]
    event, more = an_event(own("ACTIVE", 1)), an_event(own("ACTIVE", 2))
    if by_event:
        told = [(key, each) for each in (event, more) for key in keys]
    else:
        told = [(key, each) for key in keys for each in (event, more)]
    for key, each in told:
        story.rehear(key, each)
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_a_change_that_bears_the_id_of_one_is_that_ones_alone() -> None:
    # 4
    story = Story(own("HELD"))
    first, second = take(story, HOLD), take(story, HOLD)
    event = an_event(own("HELD"), tag=first)
    for key in (second, first):
        story.rehear(key, event)
    assert story.said(second)[0] == "open"
    assert story.said(first) == ("confirmed", "request_id")


def test_a_change_of_the_user_that_fits_two_is_ambiguous_for_both() -> None:
    story = Story()
    keys = [take(story, READY) for _ in range(2)]
    for key in keys:
        story.rehear(key, a_user_event(a_user("READY", 1)))
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


@pytest.mark.parametrize(
    "other",
    [
        READY,
        data(),
        a.Hold(agent="agent1", dialog_id="200"),
        a.Hold(agent="agent2", dialog_id="100"),
    ],
)
def test_a_change_that_fits_one_is_its_own(other: a.Request) -> None:
    story = Story(own("HELD"))
    key = take(story, HOLD)
    take(story, other)
    story.rehear(key, an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


# -- errors that nobody signed ---------------------------------------------------------------


def test_an_unsigned_error_that_was_heard_names_the_one_it_fits() -> None:
    # 5
    story = Story()
    key = take(story, DTMF, left=5.3)
    story.rehear(key, an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize("by_event", [True, False])
def test_an_unsigned_error_that_fits_two_names_neither(by_event: bool) -> None:  # noqa: FBT001  a case
    story = Story()
    keys = [take(story, DTMF, left=5.3), take(story, HOLD)]
    errors = [an_error(error_data="1"), an_error(error_data="2")]
    if by_event:
        told = [(key, each) for each in errors for key in keys]
    else:
        told = [(key, each) for key in keys for each in errors]
    for key, each in told:
        story.rehear(key, each)
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_when_one_of_two_is_proven_the_error_is_the_others() -> None:
    story = Story()
    data_, hold = take(story, data()), take(story, HOLD)
    error = an_error()
    for key in (data_, hold):
        story.rehear(key, error)
    story.rehear(hold, an_event(own("HELD"), tag=hold))
    story.wait(3)
    assert story.said(data_) == ("failed", "sole_pending")


def test_an_error_that_was_sent_before_a_request_is_not_told_to_it_and_names_the_other() -> None:
    story = Story()
    first, later = take(story, HOLD, age=5.0), take(story, DTMF, left=5.0)
    story.rehear(first, an_error())
    story.wait(2)
    assert story.said(first) == ("failed", "sole_pending")
    assert story.said(later)[0] == "open"


@pytest.mark.parametrize(
    "error",
    [
        an_error("CF_GENERIC INVALID_ACTION HOLD"),
        an_error("Failed on extension 1002"),
        an_error(dialog_id="999"),
        an_error(dialog_id=None, user_id="agent1"),
        an_error(owner="agent2"),
        an_error(owner=None),
    ],
)
def test_an_error_that_is_surely_anothers_suspects_nobody(error: Any) -> None:
    story = Story()
    key = take(story, DTMF, left=5.3)
    story.rehear(key, error)
    story.wait(8)
    assert story.said(key) == ("presumed", None)


def test_an_error_published_again_names_nobody() -> None:
    # 4, 5: after a fail-over it comes again with a new item id
    story = Story()
    key = take(story, DTMF, left=5.3)
    story.rehear(key, an_error(), an_error())
    assert story.said(key)[0] == "open"
    other = take(story, HOLD)
    story.rehear(other, an_error())
    story.wait(30)
    assert story.said(other) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize("left", [1.0, -0.5])
def test_who_was_settled_may_own_it(left: float) -> None:
    # its deadline may have been open yet when the error came
    story = Story()
    past = Unconfirmed(reason=Reason.DIALOG_ENDED)
    story.remember(RETRIEVE, past, age=8.0, settled_ago=3.0, left=left)
    key = take(story, DTMF, left=5.3)
    story.rehear(key, an_error())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(
    ("request_", "agent"),
    [(RETRIEVE, "agent2"), (a.Hold(agent="agent1", dialog_id="999"), "agent1")],
)
def test_who_was_settled_elsewhere_does_not(request_: a.Request, agent: str) -> None:
    from dataclasses import replace  # noqa: PLC0415  used here alone

    story = Story()
    story.remember(replace(request_, agent=agent), Unconfirmed(reason=Reason.DEADLINE))
    key = take(story, DTMF, left=5.3)
    story.rehear(key, an_error())
    story.wait(30)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize("dialog", ["100", "200"])
def test_who_was_taken_over_after_a_gap_may_own_it(dialog: str) -> None:
    story = Story()
    request = a.Retrieve(agent="agent1", dialog_id=dialog)
    story.adopt(request, baseline=BEFORE, left=15.0, age=6.0)
    key = take(story, DTMF, left=5.3)
    story.rehear(key, an_error())
    story.wait(30)
    said = ("unconfirmed", "ambiguous") if dialog == "100" else ("failed", "sole_pending")
    assert story.said(key) == said


def test_another_clients_work_makes_it_doubtful() -> None:
    for seen in (
        an_event(own("HELD"), tag="foreign"),
        an_error(tag="foreign"),
        an_event(own("HELD")),
        an_event(a_dialog(variables={"callVariable1": "new"})),
    ):
        story = Story()
        key = take(story, DTMF, left=5.3)
        story.rehear(key, seen, an_error())
        story.wait(30)
        assert story.said(key) == ("unconfirmed", "ambiguous"), seen


def test_another_clients_work_on_the_user_makes_it_doubtful() -> None:
    for seen in (
        a_user_event(a_user("WORK", 1)),
        a_user_event(a_user("NOT_READY", 0), tag="foreign"),
        an_error(tag="foreign", dialog_id=None, user_id="agent1"),
    ):
        story = Story()
        key = take(story, READY)
        story.rehear(key, seen, an_error(dialog_id=None, user_id="agent1"))
        story.wait(30)
        assert story.said(key) == ("unconfirmed", "ambiguous"), seen
    for elsewhere in (
        an_error(tag="foreign", dialog_id=None, user_id="agent2", owner="agent2"),
        an_event(a_dialog("999"), tag="foreign"),
    ):
        story = Story()
        key = take(story, DTMF, left=5.3)
        story.rehear(key, elsewhere, an_error())
        story.wait(3)
        assert story.said(key) == ("failed", "sole_pending"), elsewhere


def test_one_of_our_own_ids_is_no_other_client() -> None:
    story = Story()
    key, other = take(story, DTMF, left=5.3), take(story, HOLD)
    story.rehear(key, an_error(tag=other), an_error())
    story.wait(8)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_change_of_another_call_is_compared_with_how_it_was() -> None:
    two = Baseline(None, (a_dialog("200"),), a_user())
    story = Story()
    key = take(story, CALL, baseline=two)
    story.rehear(key, an_event(own("HELD", 1, id_="200")), an_error(dialog_id="300"))
    story.wait(3)
    assert story.said(key) == ("failed", "sole_pending")
    story = Story()
    blind = take(story, READY, baseline=None)
    story.rehear(blind, a_user_event(a_user("WORK", 1)))
    story.rehear(blind, an_error(dialog_id=None, user_id="agent1"))
    story.wait(3)
    assert story.said(blind) == ("failed", "sole_pending")
    story = Story()
    unknown = take(story, HOLD, baseline=None)
    story.rehear(unknown, an_event(a_dialog()), an_event(own("ACTIVE", 0)), an_error())
    story.wait(3)
    assert story.said(unknown) == ("failed", "sole_pending")


def test_the_memory_of_errors_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accusation, "MAX_REHEARD", 2)
    story = Story()
    key = take(story, HOLD)
    for number in range(4):
        story.rehear(key, an_error(error_data=str(number)))
    assert len(story.correlator._desk.reheard) == 2


def test_minimum_evidence_is_kept() -> None:
    story = Story()
    key = take(story, HOLD, minimum=MinimumEvidence.REQUEST_ID)
    story.rehear(key, an_event(own("HELD")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "weak")
    assert Evidence.EXPECTATION in [seen.what for seen in story.outcomes[key].seen]


def test_an_error_with_an_id_that_others_used_twice_makes_later_unsigned_ones_doubtful() -> None:
    story = Story()
    for _ in range(2):
        story.refuse(story.ask(HOLD, id_="145", allow_repeat=True, ungated=True))
    key = story.adopt(
        HOLD, baseline=story.correlator.picture("agent1").baseline("100"), left=20.0, gap=False
    )
    story.rehear(key, an_error(tag="145"))
    story.hear(an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- when it left ---------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_of_two_updates_that_are_taken_over_the_later_is_the_one_that_left_later(
    *, gap: bool, in_order: bool
) -> None:
    # 6.7: the other one was asked for later, and left before it
    story = Story()
    begin = {"baseline": BEFORE, "left": 18.0, "gap": gap}
    late = {"request": data("late"), "age": 3.0, "gone": 1.0}
    early = {"request": data("early"), "age": 2.9, "gone": 2.0}
    both = (early, late) if in_order else (late, early)
    keys = {each["gone"]: story.adopt(**each, **begin) for each in both}
    entries = [story.correlator.entry(keys[gone]) for gone in (2.0, 1.0)]
    assert [entry.case.superseded for entry in entries] == [True, False]
    assert entries[0].case.crossed


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_an_announced_update_that_is_taken_over_may_be_the_later_of_two_to_one_value(
    *, gap: bool, in_order: bool
) -> None:
    # 6.7, 8: after a restart nobody knows whether it was reported before the other one left
    story = Story()
    begin = {"baseline": BEFORE, "left": 18.0, "accepted": True}
    announced = {"request": data("x"), "age": 3.0, "expected": True, "gap": True}
    sent = {"request": data("x"), "age": 2.0, "gap": gap}
    both = (announced, sent) if in_order else (sent, announced)
    keys = {each["age"]: story.adopt(**each, **begin) for each in both}
    assert story.correlator.entry(keys[3.0]).case.superseded
    assert story.correlator.entry(keys[2.0]).case.superseded is gap


@pytest.mark.parametrize(("settled_ago", "later"), [(2.5, False), (1.0, True)])
def test_one_that_was_settled_before_the_other_left_is_the_earlier(
    *, settled_ago: float, later: bool
) -> None:
    story = Story()
    outcome = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(data("x"), outcome, age=3.0, settled_ago=settled_ago, left=10.0, expected=True)
    key = story.adopt(data("x"), baseline=BEFORE, left=18.0, age=2.0, gap=True)
    assert story.correlator.entry(key).case.superseded is later


@pytest.mark.parametrize(("gone", "sent_ago"), [(None, 3.0), (1.0, 1.0), (4.0, 3.0), (-1.0, 0.0)])
def test_it_left_when_it_is_said_to_and_not_before_it_was_submitted(
    gone: float | None, sent_ago: float
) -> None:
    story = Story()
    key = take(story, HOLD, age=3.0, gone=gone)
    assert story.correlator.entry(key).sent_at == pytest.approx(story.now - sent_ago)

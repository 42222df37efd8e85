"""What readers of the rules found missing or too bold, each as a story of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import Baseline
from listener.finesse.actions import (
    Answer,
    BargeCall,
    Conference,
    Drop,
    Hold,
    MakeCall,
    NotReady,
    PreviewClose,
    Ready,
    SendDtmf,
    SignIn,
    SilentMonitor,
    Transfer,
    UpdateCallData,
    Work,
)
from listener.finesse.model import MediaProperties
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
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.finesse.model import Dialog

MAKE_CALL = MakeCall(agent=AGENT, to_address="5551")
HOLD = Hold(agent=AGENT, dialog_id=CALL)
DROP = Drop(agent=AGENT, dialog_id=CALL)
READY = Ready(agent=AGENT)
CONFERENCE = Conference(agent=AGENT, dialog_id=CALL)
SURVIVOR = a_dialog("300", a_participant(at=2), a_participant("1002"), secondary_id=CALL)


# -- MAKE_CALL ----------------------------------------------------------------------------------


def test_an_error_about_the_call_that_is_being_made_is_its_refusal() -> None:
    # 5, 6.1: a new call from this device to the number asked for
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING")), an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_without_a_baseline_a_call_may_be_an_older_one_and_names_nobody() -> None:
    story = Story(live=False)
    key = story.accepted(MAKE_CALL)
    story.hear(an_event(placed("INITIATING")), an_error(dialog_id="200"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize("state", ["INITIATING", "INITIATED"])
def test_an_error_about_a_call_with_a_foreign_id_is_the_other_clients(state: str) -> None:
    # 5: something else unexplained on that object
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed(state), tag="foreign"), an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_foreign_id_on_a_call_that_came_in_is_none_on_the_call_that_is_made() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    ringing = a_dialog("300", a_participant(state="ALERTING"), state="ALERTING")
    story.hear(added(ringing, tag="foreign"), an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_foreign_id_heard_before_a_hand_over_is_known_after_it() -> None:
    story = Story()
    baseline = Baseline(a_dialog(), (), a_user())
    key = story.adopt(MAKE_CALL, baseline=baseline, left=15, gap=False)
    story.rehear(key, added(placed("INITIATED"), tag="foreign"), an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_our_id_on_a_call_of_any_kind_is_on_the_call_that_was_made() -> None:
    # 6.1: callType is asked for without our id alone
    story = Story()
    key = story.accepted(MAKE_CALL)
    consult = MediaProperties(call_type="CONSULT")
    story.hear(added(placed("INITIATED", media_properties=consult), tag=key))
    story.hear(an_event(placed("ACTIVE", media_properties=consult)))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("gate", [GateMode.OFF, GateMode.QUEUE])
def test_a_call_that_another_request_made_can_be_dropped(gate: GateMode) -> None:
    # 4: the call is the first request's by its id, its end the second one's
    story = Story(gate=gate)
    made = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATED"), tag=made))
    key = story.accepted(Drop(agent=AGENT, dialog_id="200"), ungated=True)
    off = (a_participant(state="DROPPED", at=3), a_participant("5551", "DROPPED", 3))
    story.hear(an_event(replace(placed("INITIATED"), state="DROPPED", participants=off)))
    assert story.said(key) == ("confirmed", "expectation")


# -- DROP ---------------------------------------------------------------------------------------


def in_the_dark(request: Any = DROP) -> tuple[Story, str]:
    """Return a request without a baseline, whose 202 has a Date, and its story."""
    story = Story(live=False)
    story.link_up(user=a_user())
    key = story.ask(request)
    story.accept(key, date=instant(clock(10)))
    return story, key


@pytest.mark.parametrize("then", [[], [removed(own("DROPPED", 9.6))]], ids=["alone", "and gone"])
def test_our_id_on_the_own_participant_off_the_call_proves_a_drop(then: list[Any]) -> None:
    # 3, 6.3: the Date is that of the answer, which an event may overtake
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), *then)
    assert story.said(key)[0] == "open"  # an error with our id may still follow
    story.wait(20)
    assert story.said(key) == ("confirmed", "request_id")


def test_an_error_with_our_id_may_follow_the_end_of_the_call() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), removed(own("DROPPED", 9.6)))
    story.wait(1)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_a_delete_that_shows_us_on_the_call_takes_a_signed_end_back() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), removed(own("ACTIVE", 12)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_who_goes_on_on_the_survivor_was_not_dropped_though_our_id_was_on_it() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), added(SURVIVOR))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_our_id_on_the_end_of_wrap_up_is_the_requests_own_change() -> None:
    # 4: the value differs, and its time is later
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(DROP)
    story.hear(an_event(own("DROPPED", 3), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- contested ----------------------------------------------------------------------------------


def two_drops() -> tuple[Story, str, str]:
    """Return two DROPs of one call, whose DELETE fits both, and their story."""
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(DROP), story.accepted(DROP)
    story.hear(removed())
    story.wait(0.2)
    return story, first, second


def test_an_end_that_fitted_two_must_stand_for_its_second_when_one_is_refused() -> None:
    # 6.3: no own dialog names this one within 1 s
    story, first, second = two_drops()
    story.hear(an_error(tag=first))
    story.wait(0.7)
    assert story.said(second)[0] == "open"
    story.wait(0.2)
    assert story.said(second) == ("confirmed", "expectation")


def test_an_end_that_fitted_two_is_none_for_either_when_the_call_goes_on() -> None:
    story, first, second = two_drops()
    story.hear(added(SURVIVOR), an_error(tag=first))
    story.wait(20)
    assert story.said(second)[0] == "unconfirmed"


@pytest.mark.parametrize(("lost_after", "said"), [(0.3, "unconfirmed"), (1.0, "confirmed")])
def test_a_gap_takes_what_could_still_be_spoken_against(lost_after: float, said: str) -> None:
    # the survivor may be told in the gap; what stood for its second before it, stands
    story, first, second = two_drops()
    story.wait(lost_after)
    story.link_down()
    story.wait(0.5)
    story.link_up(SURVIVOR if said == "unconfirmed" else a_dialog("900"), user=a_user())
    story.hear(an_error(tag=first))
    story.wait(20)
    assert story.said(second)[0] == said


def test_an_end_that_waits_for_the_answer_is_none_when_the_call_goes_on() -> None:
    # 2, 6.3: it is held until Finesse has answered, and the survivor comes before that
    story = Story()
    key = story.ask(DROP)
    story.hear(removed(), added(SURVIVOR))
    story.accept(key)
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("lost_after", "said"), [(0.5, "unconfirmed"), (1.0, "confirmed")])
def test_an_end_that_waits_for_the_answer_must_have_stood_for_its_second(
    lost_after: float, said: str
) -> None:
    story = Story()
    key = story.ask(DROP)
    story.hear(removed())
    story.wait(lost_after)
    story.link_down()
    story.accept(key)
    assert story.said(key)[0] == (said if said == "confirmed" else "open")
    story.wait(20)
    assert story.said(key)[0] == said


def test_a_gap_leaves_a_change_that_was_seen_to_whom_it_belongs() -> None:
    # 1: the effect was there; who caused it is told when the other one is refused
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(HOLD)
    story.hear(an_event(own("HELD")))
    story.link_down()
    story.link_up(own("HELD"), user=a_user())
    story.hear(an_error(tag=first))
    story.wait(0.1)
    assert story.said(second) == ("confirmed", "expectation")


def test_a_contested_end_is_not_told_at_the_deadline_before_its_second_is_over() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = (story.accepted(DROP, length=15.0) for _ in range(2))
    story.wait(14.5)
    story.hear(removed(), an_error(tag=first))
    story.wait(2)
    assert story.said(second)[0] == "unconfirmed"


def test_a_contested_end_of_a_preview_is_none_when_the_customers_call_appears() -> None:
    # 6.8: no customer call within 2 s
    offered = a_dialog(CALL, media={"call_type": "OUTBOUND_PREVIEW"})
    story = Story(offered, gate=GateMode.OFF)
    request = PreviewClose(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(request), story.accepted(request)
    story.hear(removed(offered))
    story.wait(0.5)
    story.hear(added(a_dialog("400")), an_error(tag=first))
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "dialog_ended")


def test_the_end_of_wrap_up_closes_no_preview() -> None:
    # 6.8: there was no reservation any more
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(PreviewClose(agent=AGENT, dialog_id=CALL))
    story.wait(1)
    story.hear(removed(own("DROPPED", 3)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("tagged", [True, False])
def test_an_end_that_is_told_again_does_not_begin_its_second_anew(
    tagged: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story()
    key = story.accepted(DROP)
    tag = key if tagged else None
    story.hear(removed(tag=tag))
    story.wait(0.6)
    story.hear(removed(tag=tag))
    story.wait(0.4)
    assert story.said(key)[0] == "confirmed"


def test_one_change_shown_by_a_get_confirms_one_of_two_that_ask_for_it_in_other_words() -> None:
    # 4: a sign-in ends NOT_READY, and somebody asked for that too
    story = Story(user=a_user("READY"))
    state = story.accepted(NotReady(agent=AGENT), length=15.0)
    signed = story.accepted(SignIn(agent=AGENT, extension=EXT), length=15.0)
    story.wait(12)
    shown = a_user("NOT_READY", 5)
    story.look(user=shown, ask=next(each for each in story.asks if each.key == signed))
    story.hear(a_user_event(shown))
    story.wait(20)
    said = {story.said(key) for key in (state, signed)}
    assert said == {("unconfirmed", "ambiguous")}


def test_our_id_on_what_fitted_two_tells_whose_it_was() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(HOLD)
    held = a_dialog(CALL, a_participant(state="HELD", at=None))  # no time tells it from the first
    story.hear(an_event(held), an_event(held, tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    assert story.said(first)[0] == "open"


def test_new_values_with_an_id_take_no_state_from_the_request_that_changed_it() -> None:
    # 4: an ANSWER's event comes behind that of an update, which shows its effect already
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = story.accepted(Answer(agent=AGENT, dialog_id=CALL))
    data = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(own("ACTIVE", 2, variables={"callVariable1": "x"}), tag=data))
    assert story.said(answer) == ("confirmed", "expectation")
    assert story.said(data) == ("confirmed", "request_id")


# -- the user -----------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [MinimumEvidence.ANY, MinimumEvidence.REQUEST_ID])
@pytest.mark.parametrize("state", ["READY", "RESERVED"])
def test_an_id_is_the_agents_own_though_a_colleague_has_it_on_a_call_elsewhere(
    state: str, minimum: MinimumEvidence
) -> None:
    # 3: a tag matches (agent, requestId), on that agent's nodes
    story = Story()
    story.accepted(Hold(agent="agent2", dialog_id="900"), id_="145", own="1002")
    key = story.accepted(READY, id_="145", minimum=minimum)
    story.hear(a_user_event(a_user(state, 5), tag="145"))
    assert story.said(key) == ("confirmed", "request_id")


def test_an_id_that_a_colleague_has_on_the_same_call_may_be_the_colleagues() -> None:
    story = Story()
    story.accepted(Hold(agent="agent2", dialog_id=CALL), id_="145", own="1002")
    key = story.accepted(READY, id_="145")
    story.hear(a_user_event(a_user("TALKING", 5), tag="145"))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    ("end", "after", "said"),
    [
        (None, 61.0, "open"),
        ("done", 59.0, "open"),
        ("done", 61.0, "confirmed"),
        ("refused", 1.0, "confirmed"),
        ("never sent", 1.0, "confirmed"),
    ],
)
def test_an_id_that_a_colleague_made_a_call_with_is_the_agents_own_later(
    end: str | None, after: float, said: str
) -> None:
    story = Story()
    call = MakeCall(agent="agent2", to_address=EXT)
    if end == "never sent":
        story.accepted(call, own="1002")
    theirs = story.ask(call, id_="145", own="1002", length=100.0)
    if end == "refused":
        story.refuse(theirs)
    elif end == "done":
        story.abandon(theirs)
    story.wait(after)
    key = story.accepted(READY, id_="145")
    story.hear(a_user_event(a_user("TALKING", 5), tag="145"))
    assert story.said(key)[0] == said


def test_a_state_that_a_colleague_asked_for_is_the_colleagues_alone() -> None:
    story = Story()
    story.accepted(Ready(agent="agent2"), id_="145", own="1002")
    key = story.accepted(READY, id_="145")
    story.hear(a_user_event(a_user("RESERVED", 5), tag="145"))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_colleagues_id_on_the_agents_state_is_the_colleagues_after_a_hand_over_too() -> None:
    story = Story()
    story.ask(MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    baseline = Baseline(None, (), a_user())
    key = story.adopt(READY, baseline=baseline, left=15, gap=False, id_="2")
    story.rehear(key, a_user_event(a_user("TALKING", 2), tag="2"))
    assert story.said(key)[0] == "open"


def test_a_colleagues_id_heard_before_an_announcement_is_the_colleagues() -> None:
    story = Story()
    story.hear(a_user_event(a_user("TALKING", 2), tag="2"))
    story.ask(MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    key = story.ask(READY, id_="2", expected=True)
    story.wait(1)
    assert story.said(key)[0] == "open"


def test_a_pending_state_that_is_told_again_is_no_change() -> None:
    # 5: nothing unexplained changed
    user = a_user("TALKING", 0, pending_state="READY")
    story = Story(user=user)
    key = story.accepted(READY)
    story.hear(a_user_event(user), an_error(dialog_id=None, user_id=AGENT))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_pending_state_that_is_told_again_is_ours_with_our_id() -> None:
    # 6.9
    user = a_user("TALKING", 0, pending_state="READY")
    story = Story(user=user)
    key = story.accepted(READY)
    story.hear(a_user_event(user, tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(
    "change",
    [
        a_user("NOT_READY", 0, reason_code_id="7"),
        a_user("NOT_READY", 3),
        a_user("NOT_READY", 0, pending_state="WORK"),
        a_user("TALKING", 3, pending_state="NOT_READY"),
    ],
    ids=["reason", "anew", "pending", "state"],
)
@pytest.mark.parametrize("over", [False, True], ids=["heard", "heard again"])
def test_whatever_changes_of_the_user_may_be_another_clients(
    change: Any,
    over: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    # 5: nothing else unexplained changed on that object
    story = Story()
    events = a_user_event(change), an_error(dialog_id=None, user_id=AGENT)
    if over:
        baseline = Baseline(None, (), a_user())
        key = story.adopt(READY, baseline=baseline, left=15, gap=False)
        story.rehear(key, *events)
    else:
        key = story.accepted(READY)
        story.hear(*events)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- errors before and after --------------------------------------------------------------------


@pytest.mark.parametrize("request_", [HOLD, SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1")])
def test_an_error_is_not_lost_to_a_hang_up_that_comes_after_it(request_: Any) -> None:
    # 5: it fails after 2 s unless its own proof came
    story = Story()
    key = story.accepted(request_)
    story.hear(an_error())
    story.wait(0.5)
    story.hear(an_event(own("DROPPED")), removed())
    story.wait(1.5)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize(
    "change", [own("ACTIVE", 3), a_dialog(variables={"callVariable1": "x"})], ids=["state", "data"]
)
def test_another_client_at_work_after_the_error_may_have_been_so_before(change: Dialog) -> None:
    # 5: since sending, until it is named; unconfirmed is honest, a false failure is not
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(0.5)
    story.hear(an_event(change))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_the_leaving_of_one_call_may_be_a_step_of_a_transfer() -> None:
    consult = a_dialog("200", a_participant(), a_participant("1002"), from_address=EXT)
    story = Story(own("HELD", 0), consult)
    key = story.accepted(Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    off = (a_participant(state="DROPPED", at=2), a_participant("1002"))
    story.hear(an_event(replace(consult, participants=off)))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_an_error_about_the_call_as_it_was_suspects_who_followed_it() -> None:
    # 5, 6.6: a suspect SEND_DTMF is never Presumed
    story = Story()
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(added(SURVIVOR), an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize("state", ["HELD", "WRAP_UP"])
def test_values_that_are_as_they_were_explain_no_change_of_state(state: str) -> None:
    # 5: by nobody of ours; each event goes on to show the equal values
    values = {"callVariable1": "x"}
    story = Story(own("ACTIVE", 0, variables=values))
    key = story.accepted(UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=values))
    story.hear(an_event(own(state, 3, variables=values)), an_error())
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_new_values_with_our_id_explain_no_change_of_state() -> None:
    story = Story(gate=GateMode.OFF)
    hold = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    values = {"callVariable1": "x"}
    data = story.accepted(UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=values))
    story.hear(an_event(own("INITIATED", 3, variables=values), tag=data), an_error())
    assert story.said(data) == ("confirmed", "request_id")
    story.wait(3)
    assert story.said(hold)[0] == "open"


def test_an_error_heard_again_about_a_call_that_came_in_is_no_refusal_of_one_that_is_made() -> None:
    story = Story()
    key = story.adopt(MAKE_CALL, baseline=Baseline(a_dialog(), (), a_user()), left=15, gap=False)
    ringing = added(a_dialog("300", a_participant(state="ALERTING"), state="ALERTING"))
    story.hear(ringing)
    story.rehear(key, ringing, an_error(dialog_id="300"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_the_fences_answer_may_come_when_the_error_names_the_digits() -> None:
    story = Story(fences=None)
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(5.3)
    story.hear(an_error())
    story.now += 2  # the answer is read before the timer rings
    story.fence(key, passed=True)
    assert story.said(key) == ("failed", "sole_pending")


def two_about_the_agent() -> tuple[Story, str, str]:
    """Return two requests about the agent and an error; at one's object somebody was at work."""
    story = Story(gate=GateMode.OFF)
    watch = story.accepted(SilentMonitor(agent=AGENT, to_address="1002"))
    story.hear(added(watching("ALERTING"), tag="foreign"))
    work = story.accepted(Work(agent=AGENT))
    story.hear(an_error(dialog_id=None, user_id=AGENT))
    return story, watch, work


def watching(state: str) -> Dialog:
    """Return a call that watches an agent."""
    parties = (a_participant(state=state), a_participant("1002"))
    media = {"call_type": "SUPERVISOR_MONITOR"}
    numbers = {"from_address": EXT, "to_address": "1002"}
    return a_dialog("500", *parties, media=media, state=state, **numbers)


def test_the_one_that_is_left_fails_though_another_client_was_at_the_others_object() -> None:
    # 5: proof confirms; when one is left, it fails
    story, watch, work = two_about_the_agent()
    story.wait(3)
    assert story.said(work)[0] == "open"
    story.hear(an_event(watching("ACTIVE"), tag=watch))
    story.wait(0.1)
    assert story.said(watch) == ("confirmed", "request_id")
    assert story.said(work) == ("failed", "sole_pending")


def test_nobody_is_named_when_the_other_ends_without_an_explanation() -> None:
    story, watch, work = two_about_the_agent()
    story.abandon(watch)
    story.wait(30)
    assert story.said(work) == ("unconfirmed", "ambiguous")


def test_an_error_never_names_the_one_at_whose_object_another_client_was() -> None:
    story, watch, work = two_about_the_agent()
    story.hear(a_user_event(a_user("WORK", 5)))
    assert story.said(work) == ("confirmed", "expectation")
    story.wait(30)
    assert story.said(watch) == ("unconfirmed", "ambiguous")


# -- a call that became another -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (own("ACTIVE", 3), "confirmed"),
        (own("ACTIVE", -3), "open"),
        (own("ALERTING", 0), "open"),
        (a_dialog(CALL, a_participant(CUSTOMER)), "open"),
        (own("ACTIVE", participants=(a_participant(at=None),)), "confirmed"),
    ],
    ids=["later", "older", "as it was", "without us", "without a time"],
)
def test_late_news_with_our_id_of_the_call_as_it_was_is_the_requests_own(
    late: Dialog, said: str
) -> None:
    # 3: on the request's dialog and the dialogs that it became
    story = Story(own("ALERTING", 0))
    key = story.accepted(Answer(agent=AGENT, dialog_id=CALL))
    story.hear(added(replace(SURVIVOR, participants=(a_participant("1002"),))))
    story.hear(an_event(late, tag=key))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("tagged", "said"), [(True, "confirmed"), (False, "open")])
def test_without_a_start_late_news_of_the_call_as_it_was_needs_our_id(
    tagged: bool,  # noqa: FBT001  a parameter of the test
    said: str,
) -> None:
    story = Story(live=False)
    key = story.accepted(HOLD)
    story.hear(added(SURVIVOR), an_event(own("HELD", 3), tag=key if tagged else None))
    assert story.said(key)[0] == said


def test_without_that_call_at_the_start_late_news_of_it_is_ours_by_our_id() -> None:
    story = Story(a_dialog("900"))
    key = story.accepted(HOLD)
    story.hear(added(SURVIVOR), an_event(own("HELD", 3), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_barge_tells_of_the_monitor_call_only_when_it_was_seen_to_go() -> None:
    watch = watching("ACTIVE")
    story = Story(watch, a_dialog("900"))
    key = story.accepted(
        BargeCall(agent=AGENT, to_address="1002", associated_dialog_uri="/finesse/api/Dialog/500")
    )
    parties = (a_participant(at=2), a_participant("1002"), a_participant(CUSTOMER))
    story.hear(an_event(a_dialog("400", *parties)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ()


# -- CONFERENCE ---------------------------------------------------------------------------------


def three(state: str = "ACTIVE", at: float = 2, **changes: Any) -> Dialog:
    """Return a conference of three."""
    parties = (a_participant(state=state, at=at), a_participant("1002"), a_participant(CUSTOMER))
    return a_dialog(CALL, *parties, media={"call_type": "CONFERENCE"}, **changes)


def gone(id_: str = "200") -> Dialog:
    """Return the consult as it goes."""
    return a_dialog(id_, a_participant(state="DROPPED", at=2), a_participant("1002"))


def test_a_conference_that_may_be_an_old_one_proves_nothing_though_it_bears_our_id() -> None:
    # 6.4: both others; the one who was to be added may still be missing
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(gone(), tag=key), an_event(three(secondary_id="90"), tag=key))
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


@pytest.mark.parametrize(("tag", "said"), [(True, "confirmed"), (False, "open")])
@pytest.mark.parametrize(
    "order", [lambda each: each, reversed], ids=["gone and joined", "joined and gone"]
)
def test_our_id_on_both_proves_a_conference_where_nothing_was_known_before(
    order: Callable[[Any], Any],
    tag: bool,  # noqa: FBT001  a parameter of the test
    said: str,
) -> None:
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    events = [removed(gone(), tag=key if tag else None), an_event(three(), tag=key)]
    story.hear(*order(events))
    assert story.said(key)[0] == said


def test_a_conference_that_its_id_shows_fails_by_no_unsigned_error_where_nothing_was_known() -> (
    None
):
    # how the call had been nobody knows, so that it proves nothing; but refused it hardly was
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(three(), tag=key))
    story.wait(1)
    story.hear(an_error(dialog_id="100"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_colleagues_end_of_the_other_call_proves_no_conference() -> None:
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(three(secondary_id="200"), tag=key))
    story.hear(removed(gone(), tag=key, owner="agent2"), removed(three(), owner="agent2"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_conference_that_was_there_before_is_no_effect_that_waits_for_an_id() -> None:
    # 5: what was so at sending is no change, and no proof
    story = Story(three(at=0))
    key = story.accepted(CONFERENCE)
    story.hear(an_error())
    story.wait(1)
    story.hear(an_event(three(at=0)))
    story.wait(1)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_conference_that_grew_with_our_id_is_ours() -> None:
    story = Story(three("HELD", 0))
    key = story.accepted(CONFERENCE)
    larger = (*three().participants, a_participant("1003"))
    story.hear(an_event(replace(three(), participants=larger), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_the_other_of_several_calls_is_the_one_that_names_ours() -> None:
    story = Story(
        own("HELD", 0),
        a_dialog("200", a_participant(), a_participant("1002")),
        a_dialog("300", a_participant(state="HELD"), a_participant("1003")),
    )
    key = story.accepted(CONFERENCE)
    story.hear(an_event(replace(three(), id="200", secondary_id=CALL)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_older_list_of_the_parties_takes_nobody_off_the_call(when: str) -> None:
    # 7: pictures merge per participant, by the later time
    consult = a_dialog("200", a_participant(at=5), a_participant("1002", at=5), from_address=EXT)
    late = added(replace(consult, participants=(a_participant(state="INITIATING", at=3),)))
    story = Story(own("HELD", 0), consult)
    if when == "before":
        story.hear(late)
    key = story.accepted(CONFERENCE)
    if when == "after":
        story.hear(late)
    story.hear(an_event(three(at=9)))
    assert story.said(key) == ("confirmed", "expectation")


def test_what_is_shown_of_a_call_that_was_not_known_takes_nobody_off_it() -> None:
    story = Story(own("HELD", 0), a_dialog("300", a_participant(state="HELD")))
    key = story.accepted(CONFERENCE)
    story.hear(an_event(own("HELD", 0, secondary_id="200"), tag=key))
    story.hear(an_event(gone(), tag=key))
    story.wait(1)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    "order", [lambda each: each, reversed], ids=["gone and joined", "joined and gone"]
)
def test_our_id_on_both_proves_a_conference_whose_parties_were_all_on_it(
    order: Callable[[Any], Any],
) -> None:
    # a second call with one who is on the conference already
    again = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(three("HELD", 0), again)
    key = story.accepted(CONFERENCE)
    story.hear(*order([removed(gone(), tag=key), an_event(three(), tag=key)]))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(("at", "said"), [(2, "confirmed"), (0, "open")])
def test_our_id_on_the_return_to_a_conference_with_all_of_both_calls_is_the_effect(
    at: float, said: str
) -> None:
    # 6.4: the survivor with us ACTIVE and both others
    story = Story(three("HELD", 0), a_dialog("200", a_participant(), a_participant("1002")))
    key = story.accepted(CONFERENCE)
    story.hear(an_event(three(at=at), tag=key))
    assert story.said(key)[0] == said

"""What the oracle (tests/oracle) found, each as a story of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import Confirmed, Evidence, MinimumEvidence
from listener.correlation.picture import Baseline
from listener.finesse.actions import (
    Answer,
    Conference,
    Drop,
    Hold,
    MakeCall,
    NotReady,
    Ready,
    Reclassify,
    Retrieve,
    SendDtmf,
    SilentMonitor,
    TaskAccept,
    TaskResume,
    Transfer,
    UpdateCallData,
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

    from listener.finesse.events import UserChanged
    from listener.finesse.model import Dialog

TASK = "1_2_1"
MAKE_CALL = MakeCall(agent=AGENT, to_address="5551")
CONSULT = MediaProperties(call_type="CONSULT")


def _task(state: str, at: float) -> Dialog:
    return a_dialog(TASK, a_participant(AGENT, state, at), state=state)


def test_a_get_does_not_prove_a_task_by_a_change_that_is_anothers_by_its_id() -> None:
    # the first was never done; the second was, and a GET for the first shows its state
    story = Story(_task("OFFERED", 0))
    first = story.ask(TaskAccept(agent=AGENT, dialog_id=TASK))
    story.doubt(first)
    second = story.accepted(TaskAccept(agent=AGENT, dialog_id=TASK))
    story.hear(an_event(_task("ACCEPTED", 1), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(17.5)
    story.look(_task("ACCEPTED", 1))
    story.wait(5)
    assert story.said(first) == ("unconfirmed", "no_answer")


def test_a_get_does_not_prove_a_state_by_a_change_that_is_anothers_by_its_id() -> None:
    request = NotReady(agent=AGENT, reason_code_id="51")
    story = Story(user=a_user("TALKING"))
    first = story.accepted(request)
    story.wait(1)
    second = story.accepted(request)
    pending = a_user("TALKING", 2, pending_state="NOT_READY", reason_code_id="51")
    story.hear(a_user_event(pending, tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(16.5)
    story.look(user=pending)
    assert story.said(first)[0] == "open"
    story.hear(a_user_event(a_user("NOT_READY", 30, reason_code_id="51")))
    assert story.said(first) == ("confirmed", "expectation")


@pytest.mark.parametrize("tagged", [True, False])
def test_a_call_that_bore_anothers_id_proves_no_second_request_for_that_number(
    tagged: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    # both were let past each other; the call of the first rings in an event without its id
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING"), tag=first))
    story.hear(an_event(placed("ALERTING"), tag=first if tagged else None))
    assert story.said(first) == ("confirmed", "request_id")
    story.hear(an_event(placed("ACTIVE")))
    assert story.said(second)[0] == "open"
    story.hear(added(placed("ALERTING", id_="201")))
    assert story.said(second) == ("confirmed", "expectation")


def test_a_call_that_bore_anothers_id_proves_nothing_where_no_start_was_known() -> None:
    story = Story(gate=GateMode.OFF)
    story.link_down()
    first = story.accepted(MAKE_CALL)
    second = story.ask(MAKE_CALL)
    story.accept(second, date=0.0)
    story.link_up(a_dialog(), user=a_user())
    story.hear(added(placed("ALERTING"), tag=first), an_event(placed("ACTIVE")))
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"


def test_a_tagged_call_to_the_target_is_ours_though_nothing_was_known_at_sending() -> None:
    # its POST was lost, and no Date tells yet what is new
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_event(placed("ACTIVE", to="5552"), tag=key))  # one that it may have held
    assert story.said(key)[0] == "open"
    story.hear(an_event(placed("ACTIVE"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_change_that_came_behind_later_news_counts_since_the_request() -> None:
    # two events changed places: the end of the call, and that it had been held
    story = Story()
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", 2)), an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_change_from_before_the_request_counts_in_no_order() -> None:
    story = Story(own("ACTIVE", 3))
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", 5)), an_event(own("HELD", 1)))
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_conference_with_a_call_that_came_later_is_known_by_its_id() -> None:
    # the switch took the call that was active when it got there, not the one known at sending
    parties = (a_participant(), a_participant(CUSTOMER), a_participant("1004"))
    media = {"call_type": "CONFERENCE"}
    story = Story(own("HELD"), a_dialog("200", a_participant(), a_participant("1002")))
    key = story.accepted(Conference(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(a_dialog(CALL, *parties, media=media), tag=key))
    assert story.said(key)[0] == "open"
    story.hear(an_event(a_dialog(CALL, *parties, media=media, secondary_id="300"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("event", [removed, an_event])
def test_the_end_of_wrap_up_is_no_drop(event: Callable[[Dialog], object]) -> None:
    # who is in wrap-up is off the call already; Finesse refuses, and then the time ends
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(Drop(agent=AGENT, dialog_id=CALL))
    story.hear(event(own("DROPPED", 9)))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_an_error_about_a_call_that_came_in_is_no_refusal_of_a_call_that_is_made() -> None:
    # the desktop's ANSWER of a call that came while ours was on its way
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(a_dialog("300", a_participant(state="ALERTING"), state="ALERTING")))
    story.hear(an_error(dialog_id="300"))
    story.wait(3)
    assert story.said(key)[0] == "open"
    story.hear(added(placed("ALERTING")))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_error_about_another_call_from_the_same_device_names_nobody() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    call = placed("INITIATING", id_="300", to="5552")
    story.hear(added(call), an_error(dialog_id="300"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_change_that_fitted_two_is_the_others_when_one_is_refused_by_its_id() -> None:
    story = Story(gate=GateMode.OFF)
    first = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    second = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD")))
    story.hear(an_error(tag=second))
    assert story.said(second) == ("failed", "request_id")
    story.hear(an_error())
    story.wait(3)
    assert story.said(first) == ("confirmed", "expectation")


def test_an_unsigned_error_names_nobody_who_failed_by_a_guess_and_nobody_left() -> None:
    # one error, two suspects; a GET shows that the values of one were never set
    story = Story(gate=GateMode.OFF)
    hold = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    data = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_error())
    story.wait(17)
    story.look(listed=None, dialog=a_dialog(), ask=next(a for a in story.asks if a.key == data))
    assert story.said(data) == ("failed", "snapshot")
    story.wait(5)
    assert story.said(hold) == ("unconfirmed", "ambiguous")


def test_a_request_whose_effect_is_contested_is_not_named_by_an_unsigned_error() -> None:
    # an announced request was never sent, and the change fits it as well
    story = Story(gate=GateMode.OFF)
    first = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.ask(Hold(agent=AGENT, dialog_id=CALL), expected=True)
    story.hear(an_event(own("HELD")))
    story.hear(an_error("INVALID_ACTION HOLD on extension 1001"))
    story.wait(3)
    assert story.said(first)[0] == "open"
    story.wait(20)
    assert story.said(first) == ("unconfirmed", "ambiguous")


def test_a_consult_call_is_not_the_call_that_was_to_be_made() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("FAILED", media_properties=CONSULT)))
    story.hear(an_event(placed("ALERTING", media_properties=CONSULT)))
    assert story.said(key)[0] == "open"
    story.hear(added(placed("ALERTING", id_="201")))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("tagged", [True, False])
def test_our_id_on_the_same_state_with_a_later_time_proves_that_it_came_anew(
    tagged: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    # that the call had been retrieved in between was never heard
    story = Story(own("HELD", 0))
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD", 7), tag=key if tagged else None))
    assert (story.said(key) == ("confirmed", "request_id")) is tagged


def test_our_id_on_both_ends_proves_a_transfer_where_no_start_was_known() -> None:
    story = Story()
    story.link_down()
    key = story.accepted(Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", id_="200"), tag=key))
    assert story.said(key)[0] == "open"
    story.hear(removed(own("DROPPED"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_an_effect_that_proves_nothing_leaves_an_unsigned_error_unnamed() -> None:
    # no session heard when it went out, so that there is nothing to compare with
    story = Story()
    story.link_down()
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_event(own("HELD", 7)), an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_tagged_call_that_came_to_the_list_since_is_ours_whatever_its_number() -> None:
    # the dial plan changed the number, and nothing was known at sending
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.link_up(a_dialog(), user=a_user())
    story.hear(added(placed("INITIATING", to="5552")))
    story.hear(an_event(placed("ALERTING", to="5552"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_who_was_off_the_call_before_the_answer_was_not_dropped_by_the_request() -> None:
    story = Story()
    story.link_down()
    key = story.ask(Drop(agent=AGENT, dialog_id=CALL))
    story.accept(key, date=instant(clock(10)))
    story.link_up(own("WRAP_UP", 5), user=a_user(), asked=story.now - 1)
    story.hear(an_event(own("WRAP_UP", 5)), removed(own("DROPPED", 30)))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_who_was_known_to_be_in_wrap_up_is_not_dropped_by_a_request_in_a_gap() -> None:
    # old news, but nobody comes back to a call
    story = Story(own("WRAP_UP", 0))
    story.link_down()
    key = story.ask(Drop(agent=AGENT, dialog_id=CALL))
    story.accept(key, date=instant(clock(10)))
    story.hear(removed(own("DROPPED", 30)))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_a_change_that_may_be_anothers_with_no_start_is_ambiguous() -> None:
    # the first went out in a gap, so that nothing tells whether the call is its own
    story = Story(gate=GateMode.OFF)
    story.link_down()
    first = story.accepted(MAKE_CALL)
    story.link_up(a_dialog(), user=a_user())
    second = story.accepted(MAKE_CALL)
    story.hear(added(placed("ALERTING")))
    story.wait(20)
    assert [story.said(key)[0] for key in (first, second)] == ["unconfirmed"] * 2


def test_a_colleagues_id_on_the_agents_state_is_not_the_agents_own() -> None:
    # both callers count; the colleague's call makes this agent TALKING, and bears that id
    story = Story(user=a_user("NOT_READY"))
    story.ask(MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    key = story.accepted(Ready(agent=AGENT), id_="2")
    story.hear(a_user_event(a_user("TALKING", 2), tag="2"))
    assert story.said(key)[0] == "open"
    story.hear(a_user_event(a_user("READY", 3), tag="2"))
    assert story.said(key) == ("confirmed", "expectation")


def test_our_id_on_the_same_state_of_a_task_with_a_later_time_proves_that_it_came_anew() -> None:
    story = Story(_task("ACTIVE", 0))
    key = story.accepted(TaskResume(agent=AGENT, dialog_id=TASK))
    story.hear(an_event(_task("ACTIVE", 7), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_two_parties_with_one_number_make_no_news_old() -> None:
    # two unknown callers in a conference: which of them is which, nobody can say
    def call(value: str, at: float) -> Dialog:
        parties = (a_participant(at=at), a_participant("", at=9), a_participant("", at=2))
        return a_dialog(CALL, *parties, variables={"callVariable1": value})

    story = Story(call("", 9))
    key = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(call("x", 9)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_get_of_the_call_that_it_became_fails_no_values() -> None:
    # they were set, and then the call was joined to another, which has data of its own
    story = Story()
    key = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(removed(own("DROPPED")), added(a_dialog("200", secondary_id=CALL)))
    story.wait(17.5)
    story.look(listed=None, dialog=a_dialog("200", secondary_id=CALL))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_a_tagged_watch_over_the_very_agent_is_ours_though_nothing_was_known_at_sending() -> None:
    story = Story()
    story.link_down()
    key = story.ask(SilentMonitor(agent=AGENT, to_address="1002"))
    story.link_up(a_dialog(), user=a_user())
    parties = (a_participant(), a_participant("1002"))
    watch = {"media": {"call_type": "SUPERVISOR_MONITOR"}, "from_address": EXT}
    story.hear(an_event(a_dialog("300", *parties, **watch), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_our_id_on_the_call_that_became_another_one_still_tells_of_its_data() -> None:
    # the survivor was told of first
    story = Story()
    data = {"callVariable1": "x"}
    key = story.accepted(UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=data))
    story.hear(an_event(a_dialog("200", secondary_id=CALL)))
    story.hear(an_event(a_dialog(variables=data), tag=key))
    assert story.said(key)[0] == "confirmed"


def test_what_was_another_value_since_sending_is_set_by_the_event_with_our_id() -> None:
    # two at once; the first one's value came between
    def said(value: str) -> Dialog:
        return a_dialog(variables={"BAResponse": value})

    story = Story(said("FAX"), gate=GateMode.OFF)
    first = story.accepted(Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="VOICE"))
    second = story.accepted(Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="FAX"))
    story.hear(an_event(said("VOICE"), tag=first), an_event(said("FAX"), tag=second))
    assert story.said(second) == ("confirmed", "request_id")


def test_a_call_that_failed_is_not_surely_ours_after_a_gap() -> None:
    # ours came and ended in the gap; the agent dialled the same number again
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.link_down()
    story.link_up(placed("FAILED"), user=a_user())
    story.hear(an_event(placed("FAILED")))
    assert story.said(key)[0] == "open"
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_repeated_id_that_came_back_leaves_an_unsigned_error_unnamed() -> None:
    story = Story(a_dialog())
    story.accepted(Hold(agent=AGENT, dialog_id=CALL), id_="145")
    story.hear(an_event(own("HELD"), tag="145"))
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="5"), id_="145")
    story.hear(an_event(own("HELD", 2), tag="145"))
    story.hear(an_error("CF_INVALID_OBJECT_STATE"))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_values_that_another_changed_are_not_failed_while_a_call_waits_for_better_proof() -> None:
    # every event of the call shows the call that was made; that explains no data
    def call(value: str) -> Dialog:
        parties = (a_participant(at=1), a_participant("5551", at=1))
        shown = {"variables": {"callVariable1": value}, "from_address": EXT, "to_address": "5551"}
        return a_dialog("200", *parties, **shown)

    story = Story(gate=GateMode.OFF)
    story.ask(MAKE_CALL, minimum=MinimumEvidence.REQUEST_ID, length=60.0)
    story.hear(added(call("")))
    key = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id="200", call_variables={"callVariable1": ""})
    )
    story.hear(an_event(call("y")))
    story.wait(17.5)
    story.look(listed=None, dialog=call("y"))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_one_change_told_on_two_nodes_confirms_one_of_two_alike() -> None:
    # the colleague's node came first, the first was settled by it and the second went out
    story = Story(own("ALERTING", 0))
    answer = Answer(agent=AGENT, dialog_id=CALL)
    first = story.accepted(answer)
    second = story.ask(answer)
    change = own("ACTIVE", 2)
    story.hear(an_event(change, tag=first, owner="agent2"))
    assert story.said(first) == ("confirmed", "request_id")
    story.accept(second)
    story.hear(an_event(change, tag=first))
    assert story.said(second)[0] == "open"


def test_who_was_signed_out_is_not_signed_in_by_another_request() -> None:
    story = Story(user=a_user("LOGOUT"))
    key = story.accepted(NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("NOT_READY", 2)))
    assert story.said(key)[0] == "open"


def test_calls_that_ended_are_not_refused_to_be_transferred_by_an_unsigned_error() -> None:
    # the error was the desktop's, about one of the two; a hang-up of both would look the same
    consult = a_dialog("200", a_participant(), a_participant("C"))
    story = Story(own("HELD", 0), consult)
    key = story.accepted(Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(an_error("CF_INVALID_OBJECT_STATE", dialog_id="200"))
    story.hear(removed(own("DROPPED", 2)))
    story.hear(removed(replace(consult, participants=own("DROPPED", 2).participants)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_older_news_that_is_anothers_by_its_id_makes_no_start() -> None:
    story = Story(user=a_user("TALKING"))
    other = story.ask(NotReady(agent=AGENT))
    story.hear(a_user_event(replace(a_user("TALKING", 5), pending_state="READY")))
    key = story.accepted(Ready(agent=AGENT))
    older_news = replace(a_user("TALKING", 3), pending_state="NOT_READY")
    story.hear(a_user_event(older_news, tag=other))
    story.hear(a_user_event(replace(a_user("HOLD", 9), pending_state="READY")))
    assert story.said(key)[0] == "open"


def test_an_error_published_again_with_older_news_names_nobody() -> None:
    story = Story()
    first = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(a_user_event(a_user("TALKING", 1)))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=7)
    story.wait(3)
    assert story.said(first) == ("failed", "sole_pending")
    story.hear(a_user_event(a_user("HOLD", 2)))
    story.wait(25)
    second = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(a_user_event(a_user("TALKING", 1)))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=7)
    story.wait(30)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_who_hung_up_before_the_calls_were_joined_is_not_waited_for() -> None:
    first = a_dialog("100", a_participant(EXT, "HELD"), a_participant("A"))
    consult = a_dialog("200", a_participant(), a_participant("B"), a_participant("C"))
    story = Story(first, consult)
    key = story.accepted(Conference(agent=AGENT, dialog_id=CALL))
    parties = (a_participant(), a_participant("B"), a_participant("C", "DROPPED", 1))
    story.hear(an_event(replace(consult, participants=parties)))
    joined = (a_participant(at=2), a_participant("A"), a_participant("B"))
    story.hear(an_event(replace(first, participants=joined)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_call_that_failed_is_no_partner_of_a_conference() -> None:
    first = a_dialog("100", a_participant(EXT, "HELD"), a_participant("A"))
    consult = a_dialog("200", a_participant(), a_participant("B"))
    failed = a_dialog("300", a_participant(EXT, "FAILED"), state="FAILED")
    story = Story(first, consult, failed)
    key = story.accepted(Conference(agent=AGENT, dialog_id=CALL))
    joined = (a_participant(at=2), a_participant("A"), a_participant("B"))
    story.hear(an_event(replace(first, participants=joined)))
    assert story.said(key) == ("confirmed", "expectation")


def test_after_a_restart_a_change_is_the_one_that_it_was_confirmed_for() -> None:
    # two asked for the same; the one that was confirmed left nothing for the other
    story = Story(own("HELD", 2))
    hold = Hold(agent=AGENT, dialog_id=CALL)
    done = Confirmed(sent=True, status=202, waited=1.0, evidence=Evidence.REQUEST_ID)
    story.remember(hold, done)
    before = Baseline(own("ACTIVE", 0), (), a_user())
    key = story.adopt(hold, baseline=before, left=15.0, age=3.0, accepted=False, status=503)
    story.wait(13)
    story.look(own("HELD", 2), dialog=own("HELD", 2))
    story.wait(5)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_who_goes_out_next_knows_what_came_on_a_colleagues_node_first() -> None:
    # the gate opened by that event; the own node tells the same without an id
    story = Story(own("ALERTING", 0))
    answer = Answer(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(answer), story.ask(answer)
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    story.accept(second)
    story.hear(an_event(own("ACTIVE", 2)))
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


def test_a_change_that_bore_anothers_id_on_a_colleagues_node_proves_no_second_one() -> None:
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = Answer(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(answer), story.accepted(answer)
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    story.hear(an_event(own("ACTIVE", 2)))
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


def test_the_same_state_with_a_later_time_is_a_change_by_somebody() -> None:
    # retrieved, which was lost, and held again by the telephone
    story = Story(own("HELD", 0))
    key = story.accepted(Retrieve(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD", 5)), an_error("CF_INVALID_OBJECT_STATE"))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_failed_call_that_is_anybodys_does_not_stand_as_dialled_by_older_news() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.link_down()
    story.link_up(placed("FAILED"), user=a_user())
    story.hear(an_event(placed("INITIATED")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_late_news_with_our_id_is_compared_with_what_was_at_sending() -> None:
    def pending(what: str, at: float, tag: str) -> UserChanged:
        return a_user_event(replace(a_user("RESERVED", at), pending_state=what), tag=tag)

    story = Story(user=a_user("RESERVED"), gate=GateMode.OFF)
    ready = story.accepted(Ready(agent=AGENT))
    other = story.accepted(NotReady(agent=AGENT))
    story.hear(pending("NOT_READY", 3, other), pending("READY", 2, ready))
    assert [story.said(key)[0] for key in (ready, other)] == ["confirmed", "confirmed"]


def test_call_data_that_was_another_since_sending_is_set_by_the_event_with_our_id() -> None:
    def call(value: str) -> Dialog:
        return a_dialog(variables={"callVariable1": value})

    story = Story(call("x"))
    key = story.accepted(
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(call("y")), an_event(call("x"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")

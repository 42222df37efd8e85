"""Rules of evidence 4: one change confirms one request; what fits two is told to neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import Confirmed, Evidence, MinimumEvidence, Seen
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
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
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import (
    ANSWER,
    BY_ID,
    CONFERENCE,
    CONFIRMED,
    CONSULT,
    HOLD,
    HOLD_OTHER,
    LINKED,
    MAKE_CALL,
    MAKE_CALL_FROM,
    OTHER,
    RETRIEVE,
    dated,
    parties,
    second_call,
)

AMBIGUOUS = ("unconfirmed", "ambiguous")


def told_more(call: Dialog, media: dict[str, str] | None = None, **changes: str) -> Dialog:
    """Return a call with some more told of it."""
    properties = replace(call.media_properties, **(media or {}))
    return replace(call, media_properties=properties, **changes)


def test_one_change_seen_by_a_get_confirms_one_of_two_at_most() -> None:
    story = Story(gate=GateMode.OFF)
    keys = [story.accepted(HOLD), story.accepted(HOLD)]
    story.link_down()
    story.wait(1)
    story.link_up(own("HELD", at=5.0), asked=story.now)
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_a_call_that_was_made_and_its_join_are_two_changes_though_one_event_shows_both() -> None:
    # 4, 6.4: the news of it were lost in a gap; what makes a call joins none
    story = Story(second_call("HELD", 0), gate=GateMode.OFF)
    make = story.accepted(MAKE_CALL_FROM, minimum=MinimumEvidence.EVENT)
    story.link_down()
    made = placed("ACTIVE", id_="300")
    story.link_up(second_call("HELD", 0), made, user=a_user())
    join = story.accepted(a.Conference(agent=AGENT, dialog_id="300"))
    three = (a_participant(at=9), a_participant("5551", at=1), a_participant(OTHER, at=0))
    story.hear(removed(second_call("DROPPED", 9)))
    story.hear(an_event(replace(made, participants=three, secondary_id="200")))
    assert story.said(make) == story.said(join) == CONFIRMED


def test_a_change_that_fitted_two_is_the_others_when_one_is_refused_by_its_id() -> None:
    story = Story(gate=GateMode.OFF)
    first = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    second = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD")))
    story.hear(an_error(tag=second))
    assert story.said(second) == ("failed", "request_id")
    story.hear(an_error())
    story.wait(3)
    assert story.said(first) == ("confirmed", "expectation")


def test_a_change_since_what_a_get_alone_had_shown_fits_who_asked_for_it_before_that_too() -> None:
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    first, second = story.accepted(RETRIEVE), story.accepted(RETRIEVE, length=60.0)
    story.hear(an_event(own("ACTIVE", 1)))
    story.wait(20)
    assert story.said(first) == AMBIGUOUS
    hold = story.accepted(HOLD)
    story.wait(17)
    story.look(own("HELD", 22), ask=story.asks[-1])
    story.wait(3)
    assert story.said(hold)[0] == "confirmed"
    third = story.accepted(RETRIEVE)
    story.hear(an_event(own("ACTIVE", 45)))
    story.wait(21)
    assert [story.said(key) for key in (second, third)] == [AMBIGUOUS] * 2


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


def test_one_change_told_on_two_nodes_confirms_one_of_two_alike() -> None:
    # the colleague's node came first, the first was settled by it and the second went out
    story = Story(own("ALERTING", 0))
    answer = a.Answer(agent=AGENT, dialog_id=CALL)
    first = story.accepted(answer)
    second = story.ask(answer)
    change = own("ACTIVE", 2)
    story.hear(an_event(change, tag=first, owner="agent2"))
    assert story.said(first) == ("confirmed", "request_id")
    story.accept(second)
    story.hear(an_event(change, tag=first))
    assert story.said(second)[0] == "open"


def test_after_a_restart_a_change_is_the_one_that_it_was_confirmed_for() -> None:
    # two asked for the same; the one that was confirmed left nothing for the other
    story = Story(own("HELD", 2))
    hold = a.Hold(agent=AGENT, dialog_id=CALL)
    done = Confirmed(sent=True, status=202, waited=1.0, evidence=Evidence.REQUEST_ID)
    story.remember(hold, done)
    before = Baseline(own("ACTIVE", 0), (), a_user())
    key = story.adopt(hold, baseline=before, left=15.0, age=3.0, accepted=False, status=503)
    story.wait(13)
    story.look(own("HELD", 2), dialog=own("HELD", 2))
    story.wait(5)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_change_that_was_held_for_one_alone_is_not_contested_by_a_later_one() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("READY", 0))
    wish = a.NotReady(agent=AGENT, reason_code_id="51")
    first = story.ask(wish)
    story.hear(a_user_event(a_user("NOT_READY", 1, reason_code_id="51")))
    second = story.accepted(wish)
    story.hear(a_user_event(a_user("NOT_READY", 3, reason_code_id="51")))
    story.wait(30)
    assert story.said(first) == ("confirmed", "expectation")
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_an_id_that_two_have_says_all_the_same_that_a_change_is_no_thirds() -> None:
    # 3, 4: nobody knows which of the two it was
    story = Story(gate=GateMode.OFF)
    story.accepted(CONFERENCE, id_="7")
    story.accepted(a.Transfer(agent=AGENT, dialog_id="100"), id_="7", allow_repeat=True)
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag="7"))
    story.wait(1)
    assert story.said(hold)[0] == "open"


@pytest.mark.parametrize(
    ("reason", "said"), [(None, "unconfirmed"), ("51", "unconfirmed"), ("52", "confirmed")]
)
def test_a_state_that_confirmed_another_before_a_restart_proves_none_that_it_fits_too(
    reason: str | None, said: str
) -> None:
    # 4: it was asked for without a reason, or with that one
    story = Story(live=False)
    done = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(a.NotReady(agent=AGENT, reason_code_id="51"), done, age=5.0)
    baseline = Baseline(user=a_user("READY", 0))
    how = {"accepted": False, "left": 10.0, "age": 9.0, "baseline": baseline}
    open_ = story.adopt(a.NotReady(agent=AGENT, reason_code_id=reason), **how)
    shown = a_user("NOT_READY", 3, reason_code_id="52" if said == "confirmed" else "51")
    story.wait(1)
    story.link_up(user=shown)
    story.wait(15)
    assert story.said(open_)[0] == said


def test_a_change_that_two_contested_is_no_others_when_the_id_of_one_is_told_elsewhere() -> None:
    # 4, 5: its own error names the other one then
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    first, second = story.accepted(ANSWER), story.accepted(ANSWER)
    story.hear(an_event(own("ACTIVE", 2)))
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    assert story.said(first) == BY_ID
    story.hear(an_error())
    story.wait(2.1)
    assert story.said(second) == ("failed", "sole_pending")


def test_an_id_that_two_agents_have_takes_a_change_from_nobody() -> None:
    # 3, 4: a repeated id names nobody, so that the change may be that of who has none of it
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    story.link_up(a_dialog(), agent="agent2", user=a_user(login_id="agent2"))
    story.accepted(a.Hold(agent="agent2", dialog_id="100"), id_="2", own="1002")
    answer = a.Answer(agent=AGENT, dialog_id="100")
    first, second = story.accepted(answer, id_="2"), story.accepted(answer)
    story.hear(an_event(own("ACTIVE", 2), tag="2", owner="agent2"))
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(first)[0] == "open"
    story.hear(an_error(tag=second))
    story.wait(0)
    assert story.said(first) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    ("seen", "said"), [((Seen(0.4, "contested"),), "unconfirmed"), ((), "confirmed")]
)
def test_a_change_that_two_asked_for_is_no_ones_where_the_other_was_settled_before_a_hand_over(
    seen: tuple[Seen, ...], said: str
) -> None:
    # 4: the other one was told apart by its id on what came of it later
    hold = a.Hold(agent=AGENT, dialog_id="100")
    story = Story(own("ACTIVE", 0))
    change = an_event(own("HELD", 3))
    story.hear(change)
    other = Confirmed(evidence=Evidence.REQUEST_ID, stage="HELD", seen=seen)
    story.remember(hold, other, settled_ago=0.5)
    baseline = Baseline(own("ACTIVE", 0), (), a_user())
    key = story.adopt(hold, baseline=baseline, left=15.0, gap=False, age=2.0)
    story.rehear(key, change)
    story.wait(25)
    assert story.said(key)[0] == said


# -- contested -------------------------------------------------------------------------------------


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


def test_one_change_shown_by_a_get_confirms_one_of_two_that_ask_for_it_in_other_words() -> None:
    # 4: a sign-in ends NOT_READY, and somebody asked for that too
    story = Story(user=a_user("READY"))
    state = story.accepted(a.NotReady(agent=AGENT), length=15.0)
    signed = story.accepted(a.SignIn(agent=AGENT, extension=EXT), length=15.0)
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
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id=CALL))
    data = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(own("ACTIVE", 2, variables={"callVariable1": "x"}), tag=data))
    assert story.said(answer) == ("confirmed", "expectation")
    assert story.said(data) == ("confirmed", "request_id")


# -- one change, and those to whom it was shown before (4) -----------------------------------------


def test_a_call_that_nobody_reported_does_not_contest_what_is_done_to_it_later() -> None:
    story = Story(gate=GateMode.OFF)
    make = story.ask(MAKE_CALL_FROM, expected=True)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_OTHER)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    story.hear(an_event(held))
    assert story.said(hold) == ("confirmed", "expectation")
    story.accept(make)
    assert story.said(make) == ("confirmed", "expectation")


def test_two_calls_to_one_number_contest_the_call_for_good_and_not_what_is_done_to_it() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL_FROM), story.accepted(MAKE_CALL_FROM)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_OTHER)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    story.hear(an_event(held))
    assert story.said(hold) == ("confirmed", "expectation")
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_a_party_that_is_gone_does_not_contest_a_later_hold() -> None:
    story = Story(parties(CUSTOMER, "1002"), gate=GateMode.OFF)
    drop = story.ask(
        a.ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address="1002"), expected=True
    )
    story.hear(an_event(parties(CUSTOMER)))
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(parties(CUSTOMER, state="HELD", at=2)))
    assert story.said(hold) == ("confirmed", "expectation")
    story.accept(drop)
    assert story.said(drop) == ("confirmed", "expectation")


def test_a_party_that_came_back_and_is_gone_again_contests_who_asks_for_it_then() -> None:
    story = Story(parties(CUSTOMER, "1002"), gate=GateMode.OFF)
    asked = a.ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address="1002")
    story.ask(asked, expected=True)
    story.hear(an_event(parties(CUSTOMER)), an_event(parties(CUSTOMER, "1002")))
    drop = story.accepted(asked)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(parties(CUSTOMER, state="HELD", at=2)))
    story.wait(20)
    assert story.said(drop) == ("unconfirmed", "ambiguous")
    assert story.said(hold) == ("confirmed", "expectation")


def test_a_call_that_was_shown_before_does_not_contest_what_a_get_shows() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL_FROM), story.accepted(MAKE_CALL_FROM)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_OTHER)
    story.wait(17)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    for ask in [each for each in story.asks if each.key == hold]:
        story.look(held, ask=ask)
    assert story.said(hold) == ("confirmed", "snapshot")
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


# -- one call, two requests (4) --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["CONSULT", None])
def test_a_call_that_was_one_requests_is_not_a_consult_when_it_is_told_to_be_one_later(
    kind: str | None,
) -> None:
    story = Story(gate=GateMode.OFF)
    making = story.accepted(MAKE_CALL_FROM)
    consulting = story.accepted(CONSULT)
    story.hear(added(placed("ALERTING")))
    assert story.said(making) == ("confirmed", "expectation")
    later = LINKED if kind is None else {"media": {"call_type": kind}}
    story.hear(an_event(told_more(placed("ACTIVE"), **later)))
    story.wait(30)
    assert story.said(consulting)[0] == "unconfirmed"


def test_a_call_that_waits_for_an_answer_is_not_two_requests() -> None:
    story = Story(gate=GateMode.OFF)
    making = story.ask(MAKE_CALL_FROM)
    consulting = story.accepted(CONSULT)
    story.hear(added(placed("ALERTING")))
    story.hear(an_event(told_more(placed("ACTIVE"), media={"call_type": "CONSULT"})))
    assert story.said(consulting) == ("confirmed", "expectation")
    story.accept(making)
    story.wait(30)
    assert story.said(making)[0] == "unconfirmed"


def test_a_call_that_stood_initiated_for_one_request_stands_for_no_other() -> None:
    story = Story(gate=GateMode.OFF)
    making = story.accepted(MAKE_CALL_FROM, length=20.0)
    consulting = story.accepted(CONSULT, length=10.0)
    story.hear(added(placed("INITIATED")))
    story.hear(an_event(told_more(placed("INITIATED"), **LINKED, media={"call_type": "CONSULT"})))
    story.wait(12)
    assert story.said(consulting) == ("confirmed", "expectation")
    story.wait(20)
    assert story.said(making)[0] == "unconfirmed"


def test_a_call_that_fitted_two_requests_is_neithers_when_a_third_one_has_it() -> None:
    story = Story(gate=GateMode.OFF)
    one, other = story.accepted(MAKE_CALL_FROM), story.accepted(MAKE_CALL_FROM)
    consulting = story.accepted(CONSULT)
    story.hear(added(placed("ALERTING")))
    story.hear(an_event(told_more(placed("ACTIVE"), media={"call_type": "CONSULT"})))
    assert story.said(consulting) == ("confirmed", "expectation")
    story.hear(an_error(tag=other, dialog_id=None, user_id=AGENT))
    assert story.said(other) == ("failed", "request_id")
    story.wait(30)
    assert story.said(one)[0] == "unconfirmed"


def test_a_call_that_looked_like_another_requests_is_its_own_by_its_id() -> None:
    story = Story(gate=GateMode.OFF)
    making = story.accepted(MAKE_CALL_FROM)
    consulting = story.accepted(CONSULT)
    story.hear(added(placed("ALERTING")))
    assert story.said(making) == ("confirmed", "expectation")
    story.hear(an_event(told_more(placed("ACTIVE"), **LINKED), tag=consulting))
    assert story.said(consulting) == ("confirmed", "request_id")


# -- two that may have done it ---------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True])
def test_a_change_fits_one_without_a_start_as_well(known: bool) -> None:  # noqa: FBT001  a case
    # 4: nothing tells how it was when the two went out; one has no Date to compare with either
    story = Story(second_call(), gate=GateMode.OFF)
    announced = story.ask(ANSWER, expected=True)
    if known:
        story.accept(announced)
    told = dated(story, ANSWER)
    story.hear(an_event(own("ACTIVE", 3)))
    story.wait(70)
    assert story.said(told) == AMBIGUOUS
    assert story.said(announced)[0] == "unconfirmed"


def test_a_change_is_not_contested_by_one_whose_effect_it_is_not() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(HOLD, expected=True)
    told = dated(story, ANSWER)
    story.hear(an_event(own("ACTIVE", 3)))
    assert story.said(told) == CONFIRMED


def test_a_change_that_a_process_before_heard_fits_one_without_a_start_as_well() -> None:
    story = Story(own("ACTIVE", 3), gate=GateMode.OFF)
    how = {"left": 20.0, "gap": False}
    story.adopt(RETRIEVE, baseline=None, accepted=False, expected=True, **how)
    told = story.adopt(ANSWER, baseline=Baseline(own("HELD", 0)), **how)
    story.rehear(told, an_event(own("ACTIVE", 3)))
    story.wait(25)
    assert story.said(told) == AMBIGUOUS


def test_what_a_get_shows_fits_one_without_a_start_as_well() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(ANSWER, expected=True)
    told = dated(story, ANSWER)
    story.wait(17.5)
    story.look(own("ACTIVE", 3), second_call())
    story.wait(5)
    assert story.said(told) == AMBIGUOUS


# -- whose a change is -----------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["ALERTING", "ACTIVE"])
@pytest.mark.parametrize("says", ["ALERTING", "INITIATED"])
def test_a_call_is_no_more_contested_by_one_that_made_another_by_its_id(
    says: str, after: str
) -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed(says)))
    failed = placed("FAILED", id_="300")
    story.hear(added(failed, tag=second))
    assert story.said(second) == ("failed", "request_id")
    story.hear(an_event(placed(after)))
    story.wait(0.1)
    assert story.said(first) == ("confirmed", "expectation")


def test_a_call_that_fitted_two_and_was_ones_by_its_id_leaves_the_next_one_to_the_other() -> None:
    # 4: a request makes one call; the events of the other's own were lost, and a GET shows it
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATED", id_="300")))
    story.hear(an_event(placed("FAILED", id_="300"), tag=second))
    assert story.said(second) == ("failed", "request_id")
    story.wait(17)
    story.look(a_dialog(), placed("ACTIVE"))
    assert story.said(first) == ("confirmed", "snapshot")


def test_who_made_another_call_by_its_id_contests_none_when_that_rings() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed("ALERTING")))
    story.hear(added(placed("ALERTING", id_="300"), tag=second))
    third = story.accepted(MAKE_CALL)
    story.wait(0.1)
    assert story.said(first) == ("confirmed", "expectation")
    assert story.said(third) == ("open", None)


# -- what fits one without a start, and what does not ----------------------------------------------


def test_a_state_fits_one_that_has_no_start_as_well() -> None:
    # 4: nothing was known of the agent when the first was announced
    story = Story(user=a_user("NOT_READY", 0), gate=GateMode.OFF)
    how = {"baseline": None, "gap": False, "left": 20.0}
    story.adopt(a.Ready(agent=AGENT), accepted=False, expected=True, **how)
    ready = story.accepted(a.Ready(agent=AGENT))
    story.hear(a_user_event(a_user("READY", 3)))
    story.wait(25)
    assert story.said(ready) == ("unconfirmed", "ambiguous")


def test_a_party_who_was_never_listed_is_no_rival_of_a_state() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002"), expected=True
    )
    story.hear(added(own("ACTIVE", 2)))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 4)))
    assert story.said(hold) == CONFIRMED


def test_who_asks_for_a_call_that_is_known_to_be_gone_is_no_rival() -> None:
    # 4: the state was there before that one went out, and is told behind the call's end
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("HELD", 0)))
    story.ask(ANSWER)
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(retrieve) == CONFIRMED


# -- two changes in one event ----------------------------------------------------------------------


def test_a_party_that_is_gone_and_an_own_state_are_two_changes_of_one_event() -> None:
    # 4: the event of each alone was lost; neither request could have made the other's change
    three = (a_participant(CUSTOMER), a_participant("5551"))
    story = Story(a_dialog("100", a_participant(state="HELD"), *three), gate=GateMode.OFF)
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    drop = story.accepted(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551")
    )
    mine = a_participant(state="ACTIVE", at=5)
    gone = a_participant("5551", "DROPPED", 6)
    story.hear(an_event(a_dialog("100", mine, a_participant(CUSTOMER), gone)))
    assert story.said(retrieve) == ("confirmed", "expectation")
    assert story.said(drop) == ("confirmed", "expectation")


def test_a_party_that_is_gone_from_a_conference_is_a_change_of_its_own() -> None:
    here = a_dialog("100", a_participant(state="HELD"), a_participant(CUSTOMER))
    there = a_dialog("200", a_participant(), a_participant("5551"), from_address="1001")
    story = Story(here, there, gate=GateMode.OFF)
    join = story.accepted(CONFERENCE)
    drop = story.ask(a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551"))
    story.accept(drop, date=instant(clock(5)))
    mine = a_participant(state="ACTIVE", at=5)
    gone = a_participant("5551", "DROPPED", 6)
    media = {"call_type": "CONFERENCE"}
    parties = (mine, a_participant(CUSTOMER), gone)
    story.hear(added(there), an_event(a_dialog("100", *parties, media=media, secondary_id="200")))
    assert story.said(join) == ("confirmed", "expectation")
    assert story.said(drop) == ("confirmed", "expectation")


@pytest.mark.parametrize("twice", [False, True])
def test_two_who_take_the_same_party_off_are_both_in_doubt(*, twice: bool) -> None:
    three = (a_participant(CUSTOMER), a_participant("5551"))
    story = Story(a_dialog("100", a_participant(), *three), gate=GateMode.OFF)
    asked = a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551")
    keys = [story.accepted(asked) for _ in range(1 + twice)]
    gone = a_participant("5551", "DROPPED", 6)
    story.hear(an_event(a_dialog("100", a_participant(), a_participant(CUSTOMER), gone)))
    assert {story.said(key)[0] for key in keys} == {"open" if twice else "confirmed"}


@pytest.mark.parametrize(
    ("taken_off", "others", "said"),
    [
        pytest.param("5551", ("1002",), CONFIRMED, id="the call goes on"),
        pytest.param("5551", (), AMBIGUOUS, id="that ended the call"),
        pytest.param(EXT, ("1002",), AMBIGUOUS, id="the agent is the party"),
    ],
)
def test_a_party_that_was_taken_off_a_call_that_goes_on_takes_no_agent_along(
    taken_off: str, others: tuple[str, ...], said: tuple[str, str]
) -> None:
    # 4: the party's leaving is one change and the agent's another one, unless that ended the call
    story = Story(parties(CUSTOMER, "5551", *others), gate=GateMode.OFF)
    asked = a.ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address=taken_off)
    story.ask(asked, expected=True)
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(parties(CUSTOMER, *others, state="DROPPED", at=4)))
    story.wait(30)
    assert story.said(drop) == said

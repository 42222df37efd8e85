"""What is told of a join and by which evidence; two clocks; what a hand-over hears again."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed, Evidence, Seen
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.events import content_of
from listener.finesse.model import CallVariable, Dialog, ScheduledCallbackInfo
from tests.builders import (
    AGENT,
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
    own,
    removed,
)

TRANSFER = a.Transfer(agent=AGENT, dialog_id="100")
CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
OTHER, THIRD = "5550200", "5550300"


def other_call(id_: str, party: str, state: str = "ACTIVE", at: float = 0.0) -> Dialog:
    """Return another call of the agent."""
    return a_dialog(id_, a_participant(state=state, at=at), a_participant(party, at=at))


def test_a_call_that_ended_by_itself_before_a_join_by_its_id_is_not_told_as_joined() -> None:
    # 6.4: the second call hung up as the TRANSFER came; another one had come in by then
    story = Story(own("HELD", 0), other_call("200", OTHER))
    key = story.accepted(TRANSFER)
    story.hear(removed(other_call("200", OTHER, "DROPPED", 1)))
    story.hear(added(other_call("300", THIRD, at=2)))
    story.hear(removed(own("DROPPED", 5), tag=key))
    story.hear(removed(other_call("300", THIRD, "DROPPED", 5), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.gone == ("100",)


def conference(**changes: object) -> Dialog:
    """Return a conference of the first call, with the agent on it."""
    parties = (
        a_participant(EXT, state="ACTIVE", at=5),
        a_participant(CUSTOMER),
        a_participant(THIRD, at=2),
    )
    return a_dialog("100", *parties, media={"call_type": "CONFERENCE"}, **changes)


def test_a_conference_by_its_id_names_the_call_that_it_took_in() -> None:
    # 6.4: the second call had ended by itself, the third came in and was joined
    story = Story(own("HELD", 0), other_call("200", OTHER))
    key = story.accepted(CONFERENCE)
    story.hear(removed(other_call("200", OTHER, "DROPPED", 1)))
    story.hear(added(other_call("300", THIRD, at=2)))
    story.hear(an_event(conference(secondary_id="300"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    told = story.outcomes[key].dialogs
    assert (told.survivor, told.gone) == ("100", ("300",))


def test_a_conference_by_its_id_names_no_call_that_it_does_not_show() -> None:
    # both calls were with one number, so that its parties do not tell the second one from the third
    story = Story(own("HELD", 0), other_call("200", CUSTOMER))
    key = story.accepted(CONFERENCE)
    story.hear(removed(other_call("200", CUSTOMER, "DROPPED", 1)))
    story.hear(added(other_call("300", THIRD, at=2)))
    story.hear(an_event(conference(), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.gone == ()


@pytest.mark.parametrize("behind", [-1.5, -0.4, 0.0, 0.4, 1.5])
@pytest.mark.parametrize("first", ["colleague", "own"])
@pytest.mark.parametrize(
    ("request_", "before", "after"),
    [
        (a.Hold(agent=AGENT, dialog_id="100"), "ACTIVE", "HELD"),
        (a.Answer(agent=AGENT, dialog_id="100"), "ALERTING", "ACTIVE"),
        (a.Drop(agent=AGENT, dialog_id="100"), "ACTIVE", "DROPPED"),
    ],
)
def test_a_change_that_is_anothers_by_its_id_on_a_node_of_another_clock_is_his_on_ours_too(
    request_: Any, before: str, after: str, first: str, behind: float
) -> None:
    # 4: asked for twice; told with the first one's id on a colleague's node, without on our own
    story = Story(own(before, 0), gate=GateMode.OFF)
    colleague = a_user(login_id="agent2", extension="1002")
    story.link_up(own(before, 0), agent="agent2", user=colleague)
    one, two = story.accepted(request_), story.accepted(request_)
    told = [an_event(own(after, 4 + behind), tag=one, owner="agent2"), an_event(own(after, 4))]
    for event in told if first == "colleague" else reversed(told):
        story.hear(event)
        story.wait(0.5)
    story.wait(1)
    assert story.said(one)[0] == "confirmed"
    assert story.said(two)[0] == "open"


def test_a_state_that_came_well_after_anothers_on_a_colleagues_node_is_news() -> None:
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    colleague = a_user(login_id="agent2", extension="1002")
    story.link_up(own("ACTIVE", 0), agent="agent2", user=colleague)
    one, two = (story.accepted(a.Hold(agent=AGENT, dialog_id="100")) for _ in "12")
    story.hear(an_event(own("HELD", 9), tag=one, owner="agent2"))
    story.hear(an_event(own("HELD", 2)))
    assert story.said(two) == ("confirmed", "expectation")


def classified(value: str) -> Dialog:
    """Return the call with that in BAResponse."""
    return a_dialog(media={"call_variables": (CallVariable("BAResponse", value),)})


@pytest.mark.parametrize(("earlier", "said"), [(("FAX", "BUSY"), "open"), (("BUSY",), "confirmed")])
def test_data_that_were_told_before_prove_nothing_after_a_hand_over(
    earlier: tuple[str, ...], said: str
) -> None:
    # 4: what the other process sent is judged by what was heard here since
    story = Story(classified("OLD"))
    for value in earlier:
        event = an_event(classified(value))
        story.hear(event, content=content_of(event))
        story.wait(5)
    baseline = Baseline(classified("BUSY"), (), a_user())
    again = an_event(classified("FAX"))
    story.hear(again, content=content_of(again))
    request = a.Reclassify(agent=AGENT, dialog_id="100", outbound_classification="FAX")
    key = story.adopt(request, baseline=baseline, left=15.0, gap=False)
    story.rehear(key, again)
    assert story.said(key)[0] == said


def calling_back(time: str | None, at: float = 0.0) -> Dialog:
    """Return the call with a callback at that time, its customer in his state since `at`."""
    info = ScheduledCallbackInfo(callback_time=time) if time else None
    parties = (a_participant(), a_participant(CUSTOMER, at=at))
    return a_dialog("100", *parties, scheduled_callback_info=info)


def test_that_a_callback_was_not_there_before_it_was_set_does_not_tell_that_it_was_cancelled() -> (
    None
):
    # 6.8: two events about data, which carries no time, change places
    story = Story(calling_back(None))
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    setting = story.accepted(
        a.UpdateScheduledCallback(agent=AGENT, dialog_id="100", callback_time="2030-01-02T03:02")
    )
    story.hear(an_event(calling_back("2030-01-02T03:02"), tag=setting))
    story.hear(an_event(calling_back(None)))
    assert story.said(key)[0] == "open"
    story.wait(17)
    story.look(dialog=calling_back("2030-01-02T03:02"))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_callback_is_cancelled_where_the_call_is_shown_as_it_was_later_than_it_was_set() -> None:
    story = Story(calling_back(None))
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(calling_back("2030-01-02T03:02")))
    story.hear(an_event(calling_back(None, at=3)))
    assert story.said(key) == ("confirmed", "expectation")


def test_who_may_have_made_a_change_that_anothers_get_showed_is_no_sole_suspect() -> None:
    # 4, 5: the state came since both were sent, and nobody knows by which
    story = Story(user=a_user("TALKING", 0), gate=GateMode.OFF)
    first = story.accepted(a.Work(agent=AGENT), length=8.0)
    story.wait(3)
    second = story.accepted(a.Work(agent=AGENT))
    story.wait(2.5)
    story.look(user=a_user("WORK", 4), dialog=None)
    story.wait(10)
    assert story.said(first) == ("unconfirmed", "ambiguous")
    story.hear(an_error(dialog_id=None))
    story.wait(3)
    assert story.said(second)[0] == "open"


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


def taken_in(**changes: Any) -> Dialog:
    """Return another call, which the agent has left, with the first one in it."""
    parties = (a_participant(state="DROPPED", at=3), a_participant(OTHER), a_participant(CUSTOMER))
    return a_dialog("200", *parties, secondary_id="100", **changes)


@pytest.mark.parametrize("handed_over", ["handed over", ""])
def test_the_end_of_a_call_that_another_one_had_taken_in_is_no_news_of_a_drop_sent_since(
    handed_over: str,
) -> None:
    # 6.3, 7: who took it in is gone already; its own DELETE comes late, or not at all
    drop = a.Drop(agent=AGENT, dialog_id="100")
    story = Story(own("HELD", 0), other_call("200", OTHER))
    story.hear(an_event(taken_in()), removed(taken_in()))
    story.wait(2)
    if handed_over:
        baseline = Baseline(own("HELD", 0), (), a_user())
        key = story.adopt(drop, baseline=baseline, left=19.0, gap=False, age=1.0)
    else:
        key = story.accepted(drop)
    story.hear(removed(own("DROPPED", 3)))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_drop_of_a_call_that_is_heard_of_again_since_it_was_taken_in_is_confirmed() -> None:
    story = Story(own("HELD", 0), other_call("200", OTHER))
    story.hear(an_event(taken_in()), removed(taken_in()))
    story.wait(2)
    story.hear(an_event(own("ACTIVE", 5)))
    key = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 9)))
    story.wait(3)
    assert story.said(key) == ("confirmed", "expectation")


def test_an_error_on_a_call_of_which_nobody_knows_since_when_it_is_there_names_no_make_call() -> (
    None
):
    # 5: it was sent while no session heard
    story = Story()
    story.link_down()
    make = story.accepted(a.MakeCall(agent=AGENT, to_address="5551"))
    story.link_up(user=a_user())
    story.wait(11)
    story.hear(an_error(dialog_id="300"))
    story.wait(30)
    assert story.said(make)[0] == "unconfirmed"


def test_an_error_on_a_call_may_be_that_of_a_join_of_which_nobody_knows_with_which_call() -> None:
    story = Story()
    story.link_down()
    story.accepted(TRANSFER, length=60.0)
    story.link_up(own("ACTIVE", 0), other_call("200", OTHER, "ALERTING"), user=a_user())
    story.wait(11)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="200"), ungated=True)
    story.hear(an_error(dialog_id="200"))
    story.wait(30)
    assert story.said(answer) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(("its_own", "said"), [(2, "open"), (9, "confirmed")])
def test_a_state_to_come_that_another_was_promised_is_no_news_in_a_state_that_is_told_late(
    its_own: float, said: str
) -> None:
    # 4, 6.9: the promise, by its id, stood in each state since
    story = Story(user=a_user("TALKING", 0), gate=GateMode.OFF)
    first, second, third = (story.accepted(a.SignOut(agent=AGENT)) for _ in "123")
    story.hear(a_user_event(a_user("TALKING", its_own, pending_state="LOGOUT"), tag=second))
    story.hear(a_user_event(a_user("TALKING", 10, pending_state="LOGOUT"), tag=third))
    story.hear(a_user_event(a_user("HOLD", 6, pending_state="LOGOUT")))
    assert story.said(first)[0] == said

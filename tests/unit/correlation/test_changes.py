"""Rules of evidence 4: an untagged event proves by change since the request, once, for one."""

from __future__ import annotations

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import http_date, instant
from listener.finesse.actions import (
    Conference,
    Hold,
    MakeCall,
    Ready,
    Retrieve,
    UpdateCallData,
)
from listener.finesse.model import Participant
from tests.builders import (
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_event,
    clock,
    own,
    placed,
)

HOLD = Hold(agent="agent1", dialog_id="100")
DATE = instant(clock(100))


def test_a_change_of_the_own_participant_since_the_request_confirms() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].stage == "HELD"


def test_what_was_so_before_the_request_proves_nothing() -> None:
    story = Story(own("HELD", 5))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 5, secondary_id="")))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_older_news_than_the_baseline_proves_nothing() -> None:
    # 4: its stateChangeTime is not older than the baseline's
    story = Story(own("ACTIVE", 10))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 9.999)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD", 10)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_change_there_and_back_is_a_change() -> None:
    story = Story(own("HELD", 1))
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE", 2)), an_event(own("HELD", 3)))
    assert story.said(key) == ("confirmed", "expectation")


def test_older_news_on_the_way_does_not_move_the_baseline_back() -> None:
    story = Story(own("HELD", 5))
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE", 2)), an_event(own("HELD", 5)))
    assert story.said(key)[0] == "open"


def test_a_party_that_was_not_listed_before_counts_by_its_time() -> None:
    story = Story(a_dialog("100", a_participant(CUSTOMER)))
    key = story.ask(HOLD)
    story.accept(key, date=DATE)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD", 102)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    ("at", "date", "word"),
    [
        (101.0, DATE, "confirmed"),
        (100.9, DATE, "unconfirmed"),  # the Date tells the second, not its part
        (99.0, DATE, "unconfirmed"),
        (101.0, None, "unconfirmed"),
        (None, DATE, "unconfirmed"),
    ],
)
def test_without_a_baseline_only_a_time_after_finesses_answer_proves(
    at: float | None, date: float | None, word: str
) -> None:
    # 4: later than the Date of Finesse's answer to us
    story = Story(live=False)
    key = story.ask(HOLD)
    story.accept(key, date=date)
    story.hear(an_event(a_dialog("100", a_participant(state="HELD", at=at))))
    story.wait(20)
    assert story.said(key)[0] == word


def test_an_unknown_dialog_has_no_baseline() -> None:
    # 4
    story = Story(a_dialog("999"))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 1)))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_the_same_item_twice_is_a_repeat() -> None:
    # 4: by (node, item id)
    story = Story()
    assert story.hear(an_event(own("HELD"), item="7"))
    assert not story.hear(an_event(own("ACTIVE", 2), item="7"))
    assert story.hear(an_event(own("HELD", id_="200"), item="7"))
    assert story.hear(an_event(own("HELD"), owner="agent2", item="7"))


def test_an_event_without_an_item_id_is_not_taken_for_a_repeat() -> None:
    story = Story()
    for second in (1, 2):
        event = an_event(own("HELD", second))
        object.__setattr__(event, "item_id", None)
        assert story.hear(event)


def test_the_same_content_under_a_new_item_is_a_repeat() -> None:
    # 4: by content when the id is new (fail-over publishes again)
    story = Story()
    assert story.hear(an_event(own("HELD")), content=5)
    assert not story.hear(an_event(own("HELD")), content=5)
    assert story.hear(an_event(own("HELD"), owner="agent2"), content=5)


def test_a_user_that_is_published_again_is_a_repeat() -> None:
    # 4: after a fail-over the latest state of each agent is published again
    story = Story()
    assert story.hear(a_user_event(a_user("READY", 1)), content=5)
    assert not story.hear(a_user_event(a_user("READY", 1)), content=5)
    assert story.hear(a_user_event(a_user("READY", 1), owner="agent2"), content=5)
    assert story.hear(a_user_event(a_user("NOT_READY", 2)), content=6)
    assert story.hear(a_user_event(a_user("READY", 3)), content=7)


def test_a_repeat_of_a_user_with_our_id_is_still_taken() -> None:
    story = Story()
    key = story.ask(Ready(agent="agent1"))
    story.hear(a_user_event(a_user("READY", 1), tag=key), content=5)
    assert story.hear(a_user_event(a_user("READY", 1), tag=key), content=5)


def test_without_a_content_to_compare_nothing_is_a_repeat() -> None:
    story = Story()
    key = story.accepted(HOLD)
    assert story.hear(an_event(own("ACTIVE", 1)), content=0)
    assert story.hear(an_event(own("HELD", 2)), content=0)
    assert story.said(key)[0] == "confirmed"


def test_old_content_published_again_after_a_gap_proves_nothing() -> None:
    # 4: fail-over publishes again
    story = Story(a_dialog(variables={"callVariable1": ""}))
    story.hear(an_event(a_dialog(variables={"callVariable1": "x"})), content=1)
    story.hear(an_event(a_dialog(variables={"callVariable1": "y"})), content=2)
    story.wait(10)
    story.link_down()
    story.wait(10)
    story.link_up(a_dialog(variables={"callVariable1": "y"}), user=a_user())
    request = UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"})
    key = story.accepted(request)
    assert story.hear(an_event(a_dialog(variables={"callVariable1": "x"})), content=1)
    assert story.said(key)[0] == "open"


def test_a_tagged_event_with_known_content_is_still_taken() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE", 0), tag=key), content=3)
    story.hear(an_event(own("HELD", 1), tag=key), content=3)
    assert story.said(key) == ("confirmed", "request_id")


def test_one_change_that_fits_two_requests_is_ambiguous_for_both() -> None:
    # 4
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(HOLD)
    story.hear(an_event(own("HELD")))
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_a_tag_settles_what_a_change_left_ambiguous() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(HOLD)
    story.hear(an_event(own("HELD")), an_event(own("HELD"), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(20)
    assert story.said(first) == ("unconfirmed", "ambiguous")


def test_a_change_is_the_others_when_one_of_the_two_was_refused() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.ask(HOLD)
    story.hear(an_event(own("HELD")))
    story.refuse(second)
    story.wait(20)
    assert story.said(first) == ("confirmed", "expectation")


def test_a_rival_that_is_settled_already_is_left_alone() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.ask(HOLD)
    story.hear(an_event(own("HELD")))
    story.abandon(first)
    story.refuse(second)
    assert story.said(second) == ("rejected", None)


def test_one_standing_call_confirms_at_most_one_request() -> None:
    # 4
    story = Story(gate=GateMode.OFF)
    request = MakeCall(agent="agent1", to_address="5551")
    first, second = story.accepted(request), story.accepted(request)
    story.hear(an_event(placed("INITIATED")))
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_one_change_that_fits_two_actions_is_ambiguous_for_both() -> None:
    # 4: a conference retrieves the call too
    held = own("HELD", 0)
    consult = placed("ACTIVE")
    story = Story(held, consult, gate=GateMode.OFF)
    joined = Conference(agent="agent1", dialog_id="100")
    first = story.accepted(Retrieve(agent="agent1", dialog_id="100"))
    second = story.accepted(joined)
    parties = (a_participant(at=2), a_participant(CUSTOMER), a_participant("5551"))
    story.hear(an_event(a_dialog("100", *parties)))
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_two_gets_do_not_confirm_two_requests_by_one_change() -> None:
    # 4, 7
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(HOLD)
    story.wait(17)
    story.wait(0.1)
    for ask in story.asks:
        story.look(ask=ask, dialog=own("HELD"), listed=None)
    story.wait(3)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_two_requests_on_two_dialogs_do_not_contest_each_other() -> None:
    story = Story(a_dialog(), a_dialog("200"), gate=GateMode.OFF)
    first = story.accepted(HOLD)
    second = story.accepted(Hold(agent="agent1", dialog_id="200"))
    story.hear(an_event(own("HELD")), an_event(own("HELD", id_="200")))
    assert story.said(first) == story.said(second) == ("confirmed", "expectation")


def test_the_change_of_the_own_call_is_read_on_the_own_node() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD"), owner="agent2"), an_event(own("HELD"), owner=None))
    assert story.said(key)[0] == "open"


def test_a_state_without_a_time_counts_by_its_value() -> None:
    story = Story(a_dialog("100", Participant(EXT, state="ACTIVE")))
    key = story.accepted(HOLD)
    story.hear(an_event(a_dialog("100", Participant(EXT, state="HELD"))))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("text", ["", None, "yesterday", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_no_time(text: str | None) -> None:
    assert instant(text) is None
    assert http_date(text) is None


def test_finesses_times_are_read_with_and_without_a_zone() -> None:
    assert instant("2026-11-21T08:00:00.500Z") == instant("2026-11-21T08:00:00.500")
    assert http_date("Sat, 21 Nov 2026 08:00:00 GMT") == instant("2026-11-21T08:00:00Z")
    assert http_date("Sat, 21 Nov 2026 08:00:00 -0000") == instant("2026-11-21T08:00:00Z")


def test_a_user_update_without_the_extension_does_not_take_it_away() -> None:
    story = Story()
    story.hear(a_user_event(a_user("READY", 1, extension=None)))
    assert story.correlator.picture("agent1").extension == "1001"
    assert story.correlator.picture("agent1").user.state == "READY"
    story.hear(a_user_event(a_user("LOGOUT", 2, extension="")))
    assert story.correlator.picture("agent1").extension is None

"""A call that goes on as another one: what is known of it there, and what follows it (4, 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed
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
    added,
    an_error,
    an_event,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import (
    CONFERENCE,
    HOLD,
    LINK,
    MAKE_CALL_FROM,
    ON_CALL,
    ON_HOLD,
    SURVIVOR,
    THIRD_PARTY,
    THREE,
    UPDATE_USER_X,
    other,
    taken_in,
    valued,
)

UPDATE_TO_1 = a.UpdateCallData(**ON_CALL, call_variables={"callVariable1": "1"})


def other_call_of_two(value: str = "1", at: float = 5.0, **changes: Any) -> Dialog:
    """Return the other call of the two."""
    parties = (a_participant(at=at), a_participant("2002"))
    return replace(a_dialog("200", *parties, variables={"callVariable1": value}), **changes)


@pytest.mark.parametrize(("here", "changed"), [("1", False), ("0", None)])
def test_values_that_only_the_call_had_that_is_left_are_not_said_to_have_been_there(
    here: str, *, changed: bool | None
) -> None:
    # 6.7: whether it set them nobody knows, for the other call's own are shown now
    story = Story(own("HELD", variables={"callVariable1": here}), other_call_of_two("1"))
    key = story.accepted(UPDATE_TO_1)
    left = other_call_of_two("1", at=9.0, secondary_id=CALL)
    story.hear(an_event(left))
    story.hear(removed(own("DROPPED", 9)))
    story.wait(17.5)
    story.look(left, dialog=left)
    outcome = story.outcomes[key]
    assert isinstance(outcome, Confirmed)
    assert outcome.changed is changed


def test_a_get_of_the_call_that_it_became_fails_no_values() -> None:
    # they were set, and then the call was joined to another, which has data of its own
    story = Story()
    key = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(removed(own("DROPPED")), added(a_dialog("200", secondary_id=CALL)))
    story.wait(17.5)
    story.look(listed=None, dialog=a_dialog("200", secondary_id=CALL))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_our_id_on_the_call_that_became_another_one_still_tells_of_its_data() -> None:
    # the survivor was told of first
    story = Story()
    data = {"callVariable1": "x"}
    key = story.accepted(a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=data))
    story.hear(an_event(a_dialog("200", secondary_id=CALL)))
    story.hear(an_event(a_dialog(variables=data), tag=key))
    assert story.said(key)[0] == "confirmed"


def test_a_call_that_the_list_after_a_fail_over_had_not_yet_is_there_when_it_is_added_again() -> (
    None
):
    # found by a reader: the new side had not built it when it was asked
    story = Story(a_dialog("200"))
    story.hear(added(own("ACTIVE", 0)), content=5)
    story.wait(30)
    story.link_down()
    story.wait(5)
    story.link_up(a_dialog("200"), user=a_user())
    story.wait(1)
    assert story.hear(added(own("ACTIVE", 0)), content=5)
    story.wait(30)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_the_start_of_a_call_that_was_taken_in_is_not_that_of_the_one_that_did() -> None:
    story = Story(own("ACTIVE", 0), own("HELD", 2, id_="200"), gate=GateMode.OFF)
    hold = a.Hold(agent=AGENT, dialog_id="100")
    first, second = story.accepted(hold), story.accepted(hold)
    story.hear(an_event(own("HELD", 3), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.hear(an_event(own("ACTIVE", 5, id_="200", secondary_id="100")))
    story.hear(an_event(own("HELD", 2, id_="200")))  # as it was at sending
    assert story.said(first)[0] == "open"


# -- a call that became another --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("had", "tagged", "said"),
    [
        ("x", False, ("open", None)),
        ("w", False, ("confirmed", "expectation")),
        ("x", True, ("confirmed", "request_id")),
    ],
)
def test_what_a_call_had_that_became_another_one_is_no_change_of_that_ones(
    had: str,
    tagged: bool,  # noqa: FBT001  a parameter of the test
    said: tuple[str, str | None],
) -> None:
    # 4, 6.7: somebody else set it on the survivor
    story = Story(valued(had), valued("z", id_="200"))
    request = a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"user.x": "x"})
    key = story.accepted(request)
    survivor = valued("x", at=2, id_="200", secondary_id=CALL)
    story.hear(an_event(survivor, tag=key if tagged else None))
    assert story.said(key) == said


def test_what_the_survivor_had_always_is_no_change() -> None:
    story = Story(a_dialog(variables={"callVariable1": "0"}), other_call_of_two(at=0))
    key = story.accepted(UPDATE_TO_1)
    story.hear(an_event(other_call_of_two(secondary_id=CALL)))
    assert story.said(key) == ("open", None)


def test_what_the_survivor_had_not_is_a_change() -> None:
    story = Story(a_dialog(variables={"callVariable1": "0"}), other_call_of_two("0", at=0))
    key = story.accepted(UPDATE_TO_1)
    story.hear(an_event(other_call_of_two("0", secondary_id=CALL)))
    story.hear(an_event(other_call_of_two("1", secondary_id=CALL)))
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
    key = story.accepted(UPDATE_TO_1)
    story.hear(an_event(other_call_of_two(secondary_id=CALL)))
    story.hear(an_event(other_call_of_two(secondary_id=CALL), tag=key if tagged else None))
    assert story.said(key)[0] == said


def test_a_party_that_the_survivor_never_had_was_not_taken_out_of_it() -> None:
    three = a_dialog(CALL, a_participant(), a_participant(CUSTOMER), a_participant(THIRD_PARTY))
    story = Story(three, other_call_of_two(at=0))
    key = story.accepted(a.ParticipantDrop(**ON_CALL, target_media_address=THIRD_PARTY))
    story.hear(an_event(other_call_of_two(secondary_id=CALL)))
    assert story.said(key) == ("open", None)


def test_a_drop_that_followed_to_an_unknown_survivor_is_proved_there() -> None:
    story = Story()
    key = story.accepted(a.Drop(**ON_CALL))
    story.hear(an_event(other_call_of_two(secondary_id=CALL)))
    story.hear(an_event(other_call_of_two(participants=(a_participant(state="DROPPED", at=9),))))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_survivor_that_does_not_list_us_is_compared_with_what_it_listed_before() -> None:
    story = Story(a_dialog(), other_call_of_two(at=0))
    key = story.accepted(a.Hold(**ON_CALL))
    story.hear(
        an_event(other_call_of_two(secondary_id=CALL, participants=(a_participant("2002"),)))
    )
    held = (a_participant(state="HELD", at=9), a_participant("2002"))
    story.hear(an_event(other_call_of_two(participants=held)))
    assert story.said(key) == ("confirmed", "expectation")


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
    key = story.accepted(a.Answer(agent=AGENT, dialog_id=CALL))
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


# -- unsigned errors (5) ---------------------------------------------------------------------------


def test_who_was_settled_on_a_call_that_was_joined_to_this_one_may_own_its_error() -> None:
    # found by the oracle: an ANSWER that the event of another's answer had confirmed
    story = Story(*THREE[1:])
    holding = story.accepted(a.Hold(agent=AGENT, dialog_id="300"))
    story.hear(an_event(replace(THREE[2], participants=own("HELD", 1).participants)))
    assert story.said(holding) == ("confirmed", "expectation")
    joining = story.accepted(a.Conference(agent=AGENT, dialog_id="200"))
    parties = (a_participant(EXT, "ACTIVE", 2), a_participant("B"), a_participant("5550100"))
    story.hear(an_event(replace(THREE[1], participants=parties), tag=joining))
    assert story.said(joining) == ("confirmed", "request_id")
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(key)[0] == "open"
    assert [late.key for late in story.lates] == [holding]


@pytest.mark.parametrize("how", ["a new session", "its own GET"])
def test_a_request_follows_its_call_to_the_one_that_a_list_names(how: str) -> None:
    # found by the oracle: the call was joined to the other one in a gap
    story = Story(THREE[0], THREE[1], gate=GateMode.OFF)
    story.link_down()
    on_the_first = story.accepted(a.Retrieve(agent=AGENT, dialog_id="200"), length=20.0)
    joined = replace(THREE[0], secondary_id="200")
    if how == "a new session":
        story.wait(1)
        story.link_up(joined, user=a_user())
    else:
        story.wait(17)
        story.look(joined)
        story.link_up(joined, user=a_user())
    key = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_error(dialog_id="100"))
    story.wait(2.5)
    assert story.said(key)[0] == "open"
    assert story.said(on_the_first)[0] == "open"
    story.wait(60)
    assert [story.said(each)[0] for each in (on_the_first, key)] == ["unconfirmed"] * 2


# -- over a restart, and behind a DELETE -----------------------------------------------------------


@pytest.mark.parametrize(("after", "there"), [(1.0, False), (20.0, True)])
def test_a_call_that_is_on_the_list_again_is_known_though_nothing_else_has_changed(
    after: float, *, there: bool
) -> None:
    story = Story(user=a_user())
    story.wait(60)
    call = a_dialog("300")
    story.hear(added(call), content=11)
    story.hear(removed(call))
    story.wait(after)
    assert story.hear(added(call), content=11) is there
    assert ("300" in story.correlator.picture(AGENT).dialogs) is there


def test_a_call_that_is_on_the_list_again_proves_nothing_without_an_id() -> None:
    story = Story()
    story.wait(60)
    call = placed("ACTIVE", id_="300")
    story.hear(added(call), content=11)
    story.hear(removed(call))
    story.wait(20)
    key = story.accepted(MAKE_CALL_FROM)
    story.hear(added(call), content=11)
    assert story.said(key)[0] == "open"


# -- old news, and what they cast doubt on ---------------------------------------------------------


def test_values_that_come_behind_the_end_of_a_call_that_was_joined_were_set() -> None:
    story = Story(valued("x"), a_dialog("200"))
    key = story.accepted(UPDATE_USER_X)
    story.hear(removed(valued("x", "DROPPED", 2)))
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    story.hear(an_event(valued("x", "HELD", 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(valued("y", "HELD", 1), owner="agent2"))
    assert story.said(key)[0] == "open"
    story.hear(an_event(valued("y", "HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].changed is True


@pytest.mark.parametrize("why", ["gap", "later update"])
def test_values_behind_the_end_of_a_call_that_was_joined_may_be_old_ones(why: str) -> None:
    # 4, 6.7: an old content may be told again behind a gap, or be what a later update wrote
    story = Story(valued("x"), a_dialog("200"), gate=GateMode.OFF)
    key = story.accepted(UPDATE_USER_X)
    if why == "later update":
        story.accepted(UPDATE_USER_X)
    else:
        story.link_down()
        story.link_up(valued("x"), a_dialog("200"), user=a_user())
    story.hear(removed(valued("x", "DROPPED", 2)))
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    story.hear(an_event(valued("y", "HELD", 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(valued("y", "HELD", 1.5), tag=key))
    assert story.said(key) == ("confirmed", "request_id")  # which no old content bears


def test_values_of_a_call_that_was_joined_from_before_the_request_prove_nothing() -> None:
    story = Story(valued("x", "HELD", 5), a_dialog("200"))
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    story.hear(an_event(valued("y", "ACTIVE", 4)))
    assert story.said(key)[0] == "open"


# -- calls that are no more ------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(0.5, "confirmed"), (3.0, "unconfirmed")])
def test_news_of_a_call_of_before_its_end_do_not_bring_it_back(at: float, said: str) -> None:
    linked = replace(other(id_="300"), associated_dialog_uri=LINK)
    story = Story(ON_HOLD, other(a_participant("1003")), linked)
    ended = (a_participant(state="DROPPED", at=2), a_participant("1002", "DROPPED", 2))
    story.hear(removed(replace(linked, participants=ended)))
    late = (a_participant(state="HELD", at=at), a_participant("1002", "DROPPED", 2))
    news = an_event(replace(linked, participants=late))
    assert story.hear(news, content=7)
    again = replace(news, item_id="again")
    assert not story.hear(again, content=7)
    key = story.accepted(CONFERENCE)
    parties = (a_participant(CUSTOMER), a_participant("1003", at=4))
    story.hear(an_event(a_dialog("100", a_participant(at=4), *parties)))
    story.wait(25)
    assert story.said(key)[0] == said


@pytest.mark.parametrize("follows", [True, False])
def test_a_settled_request_may_own_an_error_on_what_its_call_became(
    follows: bool,  # noqa: FBT001
) -> None:
    # 5: it failed by an unsigned error, which may have been another's
    story = Story(other())
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(hold) == ("failed", "sole_pending")
    taken = taken_in(a_participant(CUSTOMER), a_participant("1002"))
    story.hear(added(taken if follows else replace(taken, secondary_id=None)))
    key = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key)[0] == ("open" if follows else "failed")


@pytest.mark.parametrize("other_one", ["", "BUSY"])  # what that one had is none of this one's (4)
@pytest.mark.parametrize(
    ("shown", "tagged", "said"),
    [("BUSY", True, "confirmed"), ("BUSY", False, "open"), ("VOICE", True, "open")],
)
def test_our_id_on_the_call_as_it_was_shows_that_it_was_reclassified(
    shown: str,
    tagged: bool,  # noqa: FBT001
    said: str,
    other_one: str,
) -> None:
    story = Story(own("ACTIVE", 0), other(id_="300", variables={"BAResponse": other_one}))
    request = a.Reclassify(
        agent=AGENT,
        dialog_id="100",
        target_media_address=EXT,
        outbound_classification="BUSY",
    )
    key = story.accepted(request)
    parties = (a_participant(at=2), a_participant("1002"), a_participant(CUSTOMER, at=2))
    story.hear(an_event(a_dialog("300", *parties, secondary_id="100")))
    story.hear(
        an_event(own("DROPPED", 2, variables={"BAResponse": shown}), tag=key if tagged else None)
    )
    assert story.said(key)[0] == said

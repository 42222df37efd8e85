"""Another client's call to the same number, and news that comes behind other news (3, 4, 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from listener.correlation.picture import Baseline
from listener.finesse.actions import Hold, MakeCall, Reclassify, UpdateScheduledCallback
from listener.finesse.model import ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    CALL,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_event,
    own,
    placed,
)

if TYPE_CHECKING:
    from listener.finesse.model import Dialog

MAKE_CALL = MakeCall(agent=AGENT, to_address="5551")


@pytest.mark.parametrize("became", ["ALERTING", "ACTIVE", "FAILED"])
@pytest.mark.parametrize("state", ["INITIATING", "INITIATED"])
def test_a_call_that_came_with_another_clients_id_is_not_the_one_to_be_made(
    state: str, became: str
) -> None:
    # 6.1: Finesse tied it to another request, whatever becomes of it
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed(state), tag="foreign"), an_event(placed(became)))
    assert story.said(key)[0] == "open"
    story.hear(added(placed("INITIATING", id_="201")), an_event(placed("ALERTING", id_="201")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_foreign_id_on_a_call_that_is_there_says_nothing_of_who_made_it() -> None:
    # 3: the state it shows still counts as untagged evidence
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING")), an_event(placed("ALERTING"), tag="foreign"))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_foreign_id_on_a_call_that_was_told_of_late_says_nothing_of_who_made_it() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("ALERTING"), tag="foreign"))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("became", ["ALERTING", "FAILED"])
def test_once_its_own_call_bore_its_id_another_to_that_number_is_anothers(became: str) -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING"), tag=key))
    story.hear(added(placed("INITIATING", id_="201")), an_event(placed(became, id_="201")))
    assert story.said(key)[0] == "open"
    story.hear(an_event(placed("ALERTING")))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_call_with_another_clients_id_is_known_after_a_hand_over() -> None:
    story = Story()
    baseline = Baseline(a_dialog(), (), a_user())
    key = story.adopt(MAKE_CALL, baseline=baseline, left=15, gap=False)
    story.rehear(key, added(placed("INITIATED"), tag="foreign"), an_event(placed("FAILED")))
    assert story.said(key)[0] == "open"


def test_a_classification_that_was_another_one_meanwhile_is_a_change() -> None:
    # 4: it differs from what was there at sending, and other news came first
    story = Story(a_dialog(variables={"BAResponse": "VOICE"}))
    key = story.accepted(Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="FAX"))
    story.hear(an_event(own("HELD", 1, variables={"BAResponse": "VOICE"})))
    story.hear(an_event(own("HELD", 1, variables={"BAResponse": "FAX"})))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_callback_that_was_another_one_meanwhile_is_a_change() -> None:
    time = "2030-01-02T03:04"
    story = Story()
    key = story.accepted(UpdateScheduledCallback(agent=AGENT, dialog_id=CALL, callback_time=time))
    story.hear(an_event(own("HELD", 1)))
    info = ScheduledCallbackInfo(callback_time=time)
    story.hear(an_event(own("HELD", 1, scheduled_callback_info=info)))
    assert story.said(key) == ("confirmed", "expectation")


def test_our_id_on_a_colleagues_news_of_the_call_as_it_was_is_the_requests_own() -> None:
    # 3: on the request's dialog and the dialogs that it became, on whosever node
    story = Story()
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    parties = (a_participant("1002"), a_participant(state="HELD", at=3))
    story.hear(added(a_dialog("300", *parties, secondary_id=CALL)))
    story.hear(an_event(own("HELD", 2), owner="agent2", tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_another_clients_id_on_a_call_that_comes_to_the_list_again_hides_nothing_of_it() -> None:
    story = Story()
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(added(a_dialog(state="INITIATED"), tag="foreign"), an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    ("late", "owner", "said"),
    [
        (own("HELD", 2), AGENT, "confirmed"),
        (own("HELD", -2), AGENT, "open"),
        (own("HELD", 2), "agent2", "open"),
        (own("ACTIVE", 2), AGENT, "open"),
    ],
    ids=["later", "older", "on a colleague's node", "not held"],
)
def test_late_news_of_the_call_as_it_was_proves_by_its_time(
    late: Dialog, owner: str, said: str
) -> None:
    # 4: it differs from what was there at sending, and its time is not older
    story = Story()
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(added(a_dialog("300", a_participant("1002"), secondary_id=CALL)))
    story.hear(an_event(late, owner=owner))
    assert story.said(key)[0] == said


def test_late_news_of_a_call_that_was_held_at_sending_is_no_change() -> None:
    story = Story(own("HELD", 0))
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(added(a_dialog("300", a_participant("1002"), secondary_id=CALL)))
    story.hear(an_event(own("HELD", 2)))
    assert story.said(key)[0] == "open"

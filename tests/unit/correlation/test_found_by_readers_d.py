"""Which two calls were joined, what older news tells, and whose an error after a deadline is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from listener.correlation.accusation import PRESUMED_FOR
from listener.finesse.actions import Conference, Hold, Reclassify, Transfer, UpdateCallData
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_error,
    an_event,
    own,
    removed,
)

if TYPE_CHECKING:
    from listener.finesse.model import Dialog

TRANSFER = Transfer(agent=AGENT, dialog_id=CALL)
CONFERENCE = Conference(agent=AGENT, dialog_id=CALL)
LINK = "/finesse/api/Dialog/100"
HELD = own("HELD", 0)


def call(id_: str, state: str, party: str, **changes: Any) -> Dialog:
    """Return one more call of the agent, with one other party."""
    return a_dialog(id_, a_participant(state=state), a_participant(party), **changes)


def joined(state: str, *parties: str, id_: str = CALL, **changes: Any) -> Dialog:
    """Return the call that two calls became, the own participant in that state."""
    there = (a_participant(each) for each in parties)
    return a_dialog(id_, a_participant(EXT, state, 2), *there, **changes)


def off(dialog: Dialog) -> Dialog:
    """Return a call without anybody on it any more."""
    parties = tuple(replace(p, state="DROPPED") for p in dialog.participants)
    return replace(dialog, state="DROPPED", participants=parties)


# -- three calls (6.4: both others) -------------------------------------------------------------

OLD_CONSULT = call("200", "HELD", "1002", associated_dialog_uri=LINK)
NEW_CALL = call("300", "ACTIVE", "1002")  # to the same number


@pytest.mark.parametrize(("request_", "state"), [(TRANSFER, "DROPPED"), (CONFERENCE, "ACTIVE")])
def test_a_link_to_a_held_call_does_not_say_that_it_was_joined(request_: Any, state: str) -> None:
    story = Story(HELD, OLD_CONSULT, NEW_CALL)
    key = story.accepted(request_)
    story.hear(an_event(off(NEW_CALL)), an_event(joined(state, CUSTOMER, "1002")))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(("request_", "state"), [(TRANSFER, "DROPPED"), (CONFERENCE, "ACTIVE")])
def test_it_takes_our_id_to_say_that_another_call_than_the_linked_one_was_joined(
    request_: Any,
    state: str,
    tagged: bool,  # noqa: FBT001  # two stories, told alike
) -> None:
    story = Story(HELD, OLD_CONSULT, NEW_CALL)
    key = story.accepted(request_)
    shown = joined(state, CUSTOMER, "1002", secondary_id="300")
    story.hear(an_event(shown, tag=key if tagged else None))
    story.wait(30)
    assert story.said(key)[0] == ("confirmed" if tagged else "unconfirmed")
    assert story.outcomes[key].dialogs.gone == (("300",) if tagged else ())


def test_parties_tell_the_linked_call_from_a_third_one() -> None:
    third = call("300", "ACTIVE", "1003")
    story = Story(HELD, OLD_CONSULT, third)
    key = story.accepted(TRANSFER)
    story.hear(an_event(joined("DROPPED", CUSTOMER, "1002"), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ("200",)


def test_a_link_of_the_call_that_is_talked_on_tells_it_from_a_held_one() -> None:
    consult = replace(call("200", "ACTIVE", "1002"), associated_dialog_uri=LINK)
    story = Story(HELD, consult, call("300", "HELD", "1002"))
    key = story.accepted(TRANSFER)
    story.hear(an_event(joined("DROPPED", CUSTOMER, "1002"), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ("200",)


@pytest.mark.parametrize(("request_", "state"), [(TRANSFER, "DROPPED"), (CONFERENCE, "ACTIVE")])
def test_a_call_that_took_in_a_third_one_with_the_same_party_took_in_no_other(
    request_: Any, state: str
) -> None:
    consult = replace(call("200", "ACTIVE", "1002"), associated_dialog_uri=LINK)
    story = Story(HELD, consult, call("300", "HELD", "1002"))
    key = story.accepted(request_)
    story.hear(an_event(joined(state, CUSTOMER, "1002", secondary_id="300")))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


TALKED = call("200", "ACTIVE", "1002", associated_dialog_uri=LINK)
ALSO_TALKED = call("300", "ACTIVE", "1003")


def test_an_untagged_end_of_one_of_several_calls_is_not_the_other_half_of_a_transfer() -> None:
    story = Story(HELD, TALKED, ALSO_TALKED)
    key = story.accepted(TRANSFER)
    story.hear(removed(own("DROPPED", 2), tag=key), removed(off(TALKED)))
    assert story.said(key)[0] == "open"
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_our_id_on_the_end_of_a_third_call_says_that_it_was_joined_and_not_the_linked_one() -> None:
    story = Story(HELD, TALKED, ALSO_TALKED)
    key = story.accepted(TRANSFER)
    story.hear(removed(own("DROPPED", 2), tag=key), removed(off(TALKED)))
    story.hear(removed(off(ALSO_TALKED), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.gone == ("100", "300")


# -- older news (4: compared by Finesse's clock) ------------------------------------------------

RINGING = own("ALERTING", 0.6, variables={"callVariable1": "old"})
TALKING = own("ACTIVE", 3, variables={"callVariable1": "new"})


def after_a_burst() -> Story:
    """Return a story of a call whose older news was published again after a gap."""
    story = Story(RINGING)
    story.hear(an_event(RINGING), content=7)
    story.hear(an_event(TALKING), content=8)
    story.link_down()
    story.wait(2)
    story.link_up(TALKING, user=a_user())
    story.wait(0.3)
    story.hear(an_event(RINGING), content=7)
    story.wait(15)
    return story


SET = UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "set"})
BUSY = Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="BUSY")


@pytest.mark.parametrize(
    ("request_", "variable", "value"), [(SET, "callVariable1", "set"), (BUSY, "BAResponse", "BUSY")]
)
def test_older_news_published_again_casts_no_doubt_on_call_data(
    request_: Any, variable: str, value: str
) -> None:
    story = after_a_burst()
    key = story.accepted(request_)
    story.wait(0.3)
    story.hear(an_event(own("ACTIVE", 3, variables={variable: value})))
    assert story.said(key) == ("confirmed", "expectation")


def test_older_news_does_not_bring_older_call_data_back() -> None:
    story = after_a_burst()
    known = story.correlator.picture(AGENT).dialogs[CALL].dialog
    assert known == TALKING


def test_older_news_takes_no_doubt_away() -> None:
    # what was in doubt is not made certain by news that is older still
    x = own("ACTIVE", 3, variables={"callVariable1": "x"})
    y = own("ACTIVE", 3, variables={"callVariable1": "y"})
    story = Story(RINGING)
    for content, dialog in ((8, x), (9, y), (8, x)):
        story.hear(an_event(dialog), content=content)
    story.hear(an_event(RINGING), content=7)
    assert story.correlator.picture(AGENT).in_doubt(CALL)


@pytest.mark.parametrize(
    ("shown", "said"),
    [("set", ("confirmed", "snapshot")), ("y", ("unconfirmed", "deadline"))],
)
def test_values_that_a_get_shows_are_there_whatever_they_were_before(
    shown: str, said: tuple[str, str]
) -> None:
    # 6.7: equal values; what was published again may have been older than what was known
    story = Story()
    for content, value in ((8, "x"), (9, "y"), (8, "x")):
        story.hear(an_event(a_dialog(variables={"callVariable1": value})), content=content)
    key = story.accepted(SET)
    story.hear(an_event(a_dialog(variables={"callVariable1": "set"})))
    assert story.said(key)[0] == "open"
    story.wait(17.1)
    story.look(a_dialog(variables={"callVariable1": shown}))
    story.wait(5)
    assert story.said(key) == said


# -- an error after a deadline (5) --------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (0.6, ("unconfirmed", "ambiguous")),
        (PRESUMED_FOR - 0.1, ("unconfirmed", "ambiguous")),
        (PRESUMED_FOR, ("failed", "sole_pending")),
    ],
)
def test_an_error_may_be_that_of_a_request_that_ended_at_its_deadline_some_seconds_ago(
    later: float, said: tuple[str, str]
) -> None:
    story = Story()
    first = story.ask(Hold(agent=AGENT, dialog_id=CALL), length=3.0)
    story.wait(3)
    assert story.said(first) == ("unconfirmed", "no_answer")
    data = UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "v"})
    key = story.accepted(data)
    story.wait(later)
    story.hear(an_error())
    story.wait(30)
    assert story.said(key) == said

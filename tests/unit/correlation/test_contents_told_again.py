"""Rules of evidence 4: what is published again is no news; contents of before, bursts, gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.events import content_of, events_of
from listener.finesse.model import CallVariable, Dialog, ScheduledCallbackInfo, SystemInfo, Update
from listener.finesse.wire import parse_update
from tests.builders import (
    AGENT,
    CALL,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_error,
    an_event,
    own,
)
from tests.unit.correlation.given import (
    LINK,
    UPDATE_OTHER,
    UPDATE_SET,
    UPDATE_USER_X,
    shown,
    update,
    valued,
)

RINGING = own("ALERTING", 0.6, variables={"callVariable1": "old"})
TALKING_LATER = own("ACTIVE", 3, variables={"callVariable1": "new"})
RECLASSIFY_BUSY = a.Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="BUSY")
AS_TEXT = (
    "<Update><data><dialog><id>100</id><state>ACTIVE</state><mediaProperties><callType></callType>"
    "</mediaProperties></dialog></data><event>PUT</event>"
    "<requestId></requestId><source>/finesse/api/Dialog/100</source></Update>"
)
AS_CHILD = (
    "<Update>\n <event>PUT</event>\n <source>/finesse/api/Dialog/100</source>\n <data>"
    "<dialog><id>100</id><state>ACTIVE</state><mediaProperties><callType/></mediaProperties>"
    "</dialog></data></Update>"
)
RECLASSIFY = a.Reclassify(agent=AGENT, dialog_id="100", outbound_classification="FAX")
SCHEDULE = a.UpdateScheduledCallback(agent=AGENT, dialog_id="100", callback_time="b")
UPDATE_TO_X = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"callVariable1": "x"})


def classified(value: str) -> Dialog:
    """Return the call with that in BAResponse."""
    return a_dialog(media={"call_variables": (CallVariable("BAResponse", value),)})


def calling_back(time: str) -> Dialog:
    """Return the call with a callback at that time."""
    return replace(a_dialog(), scheduled_callback_info=ScheduledCallbackInfo(callback_time=time))


def said_of(value: str) -> Dialog:
    """Return the call with that in its first variable."""
    return a_dialog(media={"call_variables": (CallVariable("callVariable1", value),)})


def after_a_burst() -> Story:
    """Return a story of a call whose older news was published again after a gap."""
    story = Story(RINGING)
    story.hear(an_event(RINGING), content=7)
    story.hear(an_event(TALKING_LATER), content=8)
    story.link_down()
    story.wait(2)
    story.link_up(TALKING_LATER, user=a_user())
    story.wait(0.3)
    story.hear(an_event(RINGING), content=7)
    story.wait(15)
    return story


def heard(payload: str, item: str = "1") -> object:
    return events_of(parse_update(payload), "/finesse/api/User/agent1/Dialogs", item)[0]


CASES = [
    (RECLASSIFY, classified("FAX"), classified("BUSY")),
    (SCHEDULE, calling_back("b"), calling_back("a")),
    (UPDATE_TO_X, said_of("x"), said_of("y")),
]


def test_two_parties_with_one_number_make_no_news_old() -> None:
    # two unknown callers in a conference: which of them is which, nobody can say
    def call(value: str, at: float) -> Dialog:
        parties = (a_participant(at=at), a_participant("", at=9), a_participant("", at=2))
        return a_dialog(CALL, *parties, variables={"callVariable1": value})

    story = Story(call("", 9))
    key = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(call("x", 9)))
    assert story.said(key) == ("confirmed", "expectation")


def test_older_news_that_is_anothers_by_its_id_makes_no_start() -> None:
    story = Story(user=a_user("TALKING"))
    other = story.ask(a.NotReady(agent=AGENT))
    story.hear(a_user_event(replace(a_user("TALKING", 5), pending_state="READY")))
    key = story.accepted(a.Ready(agent=AGENT))
    older_news = replace(a_user("TALKING", 3), pending_state="NOT_READY")
    story.hear(a_user_event(older_news, tag=other))
    story.hear(a_user_event(replace(a_user("HOLD", 9), pending_state="READY")))
    assert story.said(key)[0] == "open"


def test_an_old_content_published_again_after_a_gap_proves_nothing_by_itself() -> None:
    for wait in (5, 11):
        story = Story(shown(callVariable1="x"))
        story.hear(an_event(shown(callVariable1="x")), content=1)
        story.wait(5)
        story.link_down()
        story.link_up(shown(callVariable1="y"), user=a_user())
        story.wait(wait)
        key = story.accepted(update(callVariable1="x"))
        assert story.hear(an_event(shown(callVariable1="x")), content=1), "y was there since"
        assert story.said(key)[0] == "open"


def test_a_list_that_was_asked_for_after_a_burst_takes_the_doubt_away() -> None:
    # 7: the user had been asked for before, which says nothing of when the list was
    story = Story(shown(callVariable1="old"))
    story.hear(an_event(shown(callVariable1="x")), content=5)
    story.link_down()
    story.wait(5)
    begun = story.now
    story.wait(0.1)
    story.hear(an_event(shown(callVariable1="x")), content=5)
    story.wait(0.4)
    story.link_up(shown(callVariable1="x"), user=a_user(), asked=begun, listed=story.now)
    key = story.accepted(update(callVariable1="y"))
    story.hear(an_event(shown(callVariable1="y")))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_old_content_proves_what_its_id_names_and_nothing_else() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="1")), content=1)
    story.hear(an_event(shown(callVariable1="0", callVariable2="0")), content=2)
    one = story.accepted(update(callVariable1="1"))
    two = story.accepted(update(callVariable2="1"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="1"), tag=one), content=1)
    assert story.said(one) == ("confirmed", "request_id")
    assert story.said(two)[0] == "open"


def test_what_was_told_with_an_id_is_in_doubt_whenever_it_is_told_again() -> None:
    # 4: one request has one effect; x was told once, and is published again much later
    story = Story(shown(callVariable1="0"))
    other = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(callVariable1="x"), tag=other), content=1)
    story.hear(an_event(shown(callVariable1="y")), content=2)
    story.wait(60)
    story.hear(an_event(shown(callVariable1="x"), tag=other), content=1)
    key = story.accepted(update(callVariable1="y"))
    story.hear(an_event(shown(callVariable1="y")), content=3)
    assert story.said(key)[0] == "open", "y was there since"


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("request_", "wanted", "other"), CASES)
def test_a_value_that_none_of_the_contents_in_doubt_had_is_a_change(
    request_: a.DialogRequest, wanted: Dialog, other: Dialog, *, told: bool
) -> None:
    # 4, 6.7: which of them is the one that is so nobody knows; what was never told was not there
    story = Story(a_dialog(), user=a_user("TALKING"))
    story.hear(an_event(wanted if told else a_dialog(variables={"callVariable9": "9"})), content=1)
    story.hear(an_event(other), content=2)
    story.wait(60)
    story.hear(a_user_event(a_user("TALKING")))  # as it is known: all is published again
    story.hear(an_event(wanted if told else a_dialog(variables={"callVariable9": "9"})), content=1)
    story.hear(an_event(other), content=2)
    story.wait(11)
    key = story.accepted(request_)
    story.hear(an_event(wanted), content=3)
    assert story.said(key)[0] == ("open" if told else "confirmed")


@pytest.mark.parametrize("beside", ["the user", "the call", None])
def test_what_is_told_again_beside_what_is_known_is_in_doubt(beside: str | None) -> None:
    # 4: after a fail-over of Finesse's own, which the link does not show, all comes once more
    story = Story(shown(callVariable1="0"), user=a_user("TALKING"))
    story.hear(an_event(shown(callVariable1="x")), content=1)
    story.hear(an_event(shown(callVariable1="y")), content=2)
    story.wait(60)
    if beside == "the user":
        story.hear(a_user_event(a_user("TALKING")))
    elif beside == "the call":
        story.hear(an_event(shown(callVariable1="y")), content=2)
    story.hear(an_event(shown(callVariable1="x")), content=1)
    key = story.accepted(update(callVariable1="y"))
    story.hear(an_event(shown(callVariable1="y")), content=3)
    assert story.said(key)[0] == ("confirmed" if beside is None else "open")


def test_a_list_read_late_does_not_overwrite_a_newer_event() -> None:
    story = Story(shown(callVariable1="1"))
    story.link_down()
    story.wait(5)
    asked = story.now
    story.wait(0.2)
    story.hear(an_event(shown(callVariable1="2")))
    story.wait(0.2)
    story.link_up(shown(callVariable1="1"), asked=asked, user=a_user())
    key = story.accepted(update(callVariable1="2"))
    story.hear(an_event(replace(shown(callVariable1="2"), to_address="x")))
    assert story.said(key)[0] == "open"


def test_a_hand_over_to_a_process_that_hears_already_forgets_nothing() -> None:
    story = Story()
    told = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(a.Ready(agent=AGENT), told, age=60.0, settled_ago=50.0, left=0.0)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_state_that_was_another_requests_is_not_told_again_as_ours() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 0))
    first, second = story.accepted(a.Work(agent=AGENT)), story.accepted(a.Work(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK"), tag=second))
    later = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK")))
    story.wait(30)
    assert story.said(first)[0] == "unconfirmed"


@pytest.mark.parametrize("joined", [True, False])
def test_an_old_content_of_a_call_that_no_list_shows_any_more_is_no_change(*, joined: bool) -> None:
    def valued(value: str) -> Dialog:
        return own("ACTIVE", 0, variables={"callVariable1": value})

    other = a_dialog("200")
    story = Story(valued("first"), other)
    story.hear(an_event(valued("new")), content=101)
    story.wait(60)
    story.hear(an_event(valued("old")), content=102)
    story.wait(60)
    key = story.accepted(replace(UPDATE_OTHER, dialog_id=CALL))
    story.link_down()
    story.wait(1)
    story.link_up(other, user=a_user())
    if joined:
        story.hear(an_event(replace(other, secondary_id=CALL)), content=103)
    story.hear(an_event(valued("new")), content=101)
    assert story.said(key)[0] == "open"


def test_news_with_an_id_that_two_have_are_a_doubt_though_they_are_told_again() -> None:
    # the second one's event says just what the first one's said
    story = Story()
    tones = a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1")
    first = story.accepted(tones, id_="one")
    story.hear(an_event(tag="one"), content=7)
    story.wait(6)
    assert story.said(first) == ("confirmed", "request_id")
    second = story.accepted(tones, id_="one", allow_repeat=True)
    assert not story.hear(an_event(tag="one"), content=7)
    story.hear(an_error())
    story.wait(8)
    assert story.said(second) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_were_told_before_prove_nothing_when_they_are_told_again(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    # 4: Finesse may publish again, with no gap; data carries no time
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.wait(20)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked), content=1)
    assert story.said(key)[0] == "open"
    story.hear(an_event(since), content=2)
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_are_so_again_are_proven_by_a_get(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked), content=1)
    story.wait(17)
    story.look(dialog=asked)
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_were_told_before_are_proven_by_its_id(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked, tag=key), content=1)
    assert story.said(key) == ("confirmed", "request_id")


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


# -- older news (4: compared by Finesse's clock) ---------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "variable", "value"),
    [(UPDATE_SET, "callVariable1", "set"), (RECLASSIFY_BUSY, "BAResponse", "BUSY")],
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
    assert known == TALKING_LATER


def test_older_news_takes_no_doubt_away() -> None:
    # what was in doubt is not made certain by news that is older still
    x = own("ACTIVE", 3, variables={"callVariable1": "x"})
    y = own("ACTIVE", 3, variables={"callVariable1": "y"})
    story = Story(RINGING)
    for content, dialog in ((8, x), (9, y), (8, x)):
        story.hear(an_event(dialog), content=content)
    story.hear(an_event(RINGING), content=7)
    assert CALL in story.correlator.picture(AGENT).in_doubt()


# -- old news, and what they cast doubt on ---------------------------------------------------------


@pytest.mark.parametrize("link", ["", LINK])
def test_an_old_content_that_shows_the_data_that_are_known_casts_no_doubt_on_them(
    link: str,
) -> None:
    story = Story(valued("x"))
    for content, towards in ((101, ""), (102, link), (101, "")):
        story.hear(an_event(valued("x", associated_dialog_uri=towards)), content=content)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y")))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_old_content_leaves_the_doubt_that_another_one_has_cast() -> None:
    story = Story(valued("w"))
    for content, value in ((101, "x"), (105, "x"), (102, "w"), (101, "x"), (105, "x")):
        story.hear(an_event(valued(value)), content=content)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("at", "said"), [(1.0, "confirmed"), (0.0, "open")])
def test_values_after_a_restart_beside_a_later_state_are_no_old_content(
    at: float, said: str
) -> None:
    story = Story(valued("x"))
    key = story.adopt(UPDATE_USER_X, baseline=Baseline(dialog=valued("x")), left=15)
    story.hear(an_event(valued("y", "HELD" if at else "ACTIVE", at)))
    assert story.said(key)[0] == said


# -- the same content, written otherwise -----------------------------------------------------------


def test_what_is_told_again_in_another_form_is_the_same_content() -> None:
    assert content_of(heard(AS_TEXT)) == content_of(heard(AS_CHILD, "2")) != 0


@pytest.mark.parametrize(
    ("part", "by"),
    [
        ("ACTIVE", "HELD"),
        ("PUT", "DELETE"),
        ("<requestId></requestId>", "<requestId>7</requestId>"),
    ],
)
def test_another_state_kind_or_id_is_another_content(part: str, by: str) -> None:
    assert content_of(heard(AS_TEXT)) != content_of(heard(AS_TEXT.replace(part, by)))


@pytest.mark.parametrize(
    "more",
    ["<skillTargetId>7</skillTargetId>", "<teams><Team><id>2</id></Team><Team/></teams>"],
)
def test_an_element_of_a_user_that_has_no_name_here_is_another_content(more: str) -> None:
    # readers are shown every element of a user
    text = "<Update><event>PUT</event><data><user><loginId>a</loginId>{}</user></data></Update>"
    assert content_of(heard(text.format(""))) != content_of(heard(text.format(more)))
    assert content_of(heard(text.format(more))) == content_of(heard(text.format(f"\n {more}")))


def test_what_nothing_is_compared_with_has_no_content() -> None:
    update = Update(parse_update(AS_TEXT).kind, system_info=SystemInfo(status="IN_SERVICE"))
    assert content_of(events_of(replace(update, dialogs=()), "/finesse/api/SystemInfo")[0]) == 0
    assert content_of(events_of(Update(update.kind), "/finesse/api/Team/1")[0]) == 0

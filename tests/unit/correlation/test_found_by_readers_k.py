"""Joins that their ids show, whose a change is, and what is no news of a call any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.finesse import actions as a
from listener.finesse.events import content_of, events_of
from listener.finesse.model import ScheduledCallbackInfo, SystemInfo, Update
from listener.finesse.wire import parse_update
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
    placed,
    removed,
)

CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
TRANSFER = a.Transfer(agent=AGENT, dialog_id="100")
DROP = a.Drop(agent=AGENT, dialog_id="200")
MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")
CANCEL = a.CancelScheduledCallback(agent=AGENT, target_media_address=EXT, dialog_id="100")
LINK = "/finesse/api/Dialog/100"
HELD = own("HELD", 0)


def other(*parties: object, id_: str = "200", **changes: object) -> object:
    """Return the agent's other call, with these parties, or one, beside the agent."""
    mine = a_participant(state="ACTIVE", at=0)
    return a_dialog(id_, mine, *(parties or (a_participant("1002"),)), **changes)


def taken_in(*parties: object, state: str = "ACTIVE", at: float = 2.0, **changes: object) -> object:
    """Return the call as it took the other one in, with these parties beside the agent."""
    joined = {"secondary_id": "200"} | changes
    return a_dialog("100", a_participant(state=state, at=at), *parties, **joined)


# -- the same content, written otherwise ----------------------------------------------------------

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


def heard(payload: str, item: str = "1") -> object:
    return events_of(parse_update(payload), "/finesse/api/User/agent1/Dialogs", item)[0]


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


def test_a_callback_is_not_cancelled_by_old_news_of_a_call_that_went_in_a_gap() -> None:
    promised = a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2030-01-02T03:01", "1"))
    story = Story(promised)
    before, cancelled = an_event(promised), an_event(a_dialog())
    story.hear(before, content=content_of(before))
    story.hear(cancelled, content=content_of(cancelled))
    story.wait(1)
    key = story.accepted(CANCEL)
    story.link_down()
    story.link_up(user=a_user())
    for event in (before, cancelled):
        again = replace(event, item_id=f"{event.item_id}-again")
        assert not story.hear(again, content=content_of(again))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


# -- a join that the surviving call's secondaryId names -------------------------------------------


@pytest.mark.parametrize("tagged", [True, False])
def test_a_conference_of_two_calls_whose_far_ends_have_one_number_is_seen(
    tagged: bool,  # noqa: FBT001
) -> None:
    # 6.4: both others, though they cannot be told apart
    story = Story(HELD, other(a_participant(CUSTOMER)))
    key = story.accepted(CONFERENCE)
    both = (a_participant(CUSTOMER), a_participant(CUSTOMER, at=2))
    story.hear(an_event(taken_in(*both), tag=key if tagged else None))
    assert story.said(key) == ("confirmed", "request_id" if tagged else "expectation")
    ids = story.outcomes[key].dialogs
    assert (ids.survivor, ids.gone) == ("100", ("200",))


def test_who_hangs_up_on_the_joined_call_was_on_it() -> None:
    # one who hangs up before the survivor is told
    story = Story(HELD, other())
    key = story.accepted(CONFERENCE)
    left = (a_participant(CUSTOMER, "DROPPED", 2.1), a_participant("1002", at=2))
    story.hear(an_event(taken_in(*left)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("customer", ["DROPPED", "ACTIVE"])
def test_who_hangs_up_with_us_was_not_left_behind_by_a_transfer(customer: str) -> None:
    # 6.4: somebody made a conference of the two calls, and then all hung up
    story = Story(HELD, other())
    key = story.accepted(TRANSFER)
    story.hear(an_event(taken_in(a_participant(CUSTOMER), a_participant("1002", at=2))))
    left = (a_participant(CUSTOMER, customer, 9), a_participant("1002", "DROPPED", 9))
    story.hear(an_event(taken_in(*left, state="DROPPED", at=9)))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("names", "owner", "said"),
    [(None, AGENT, "open"), ("100", AGENT, "confirmed"), (None, "agent2", "confirmed")],
)
def test_parties_who_come_together_on_the_own_node_are_no_transfer_by_themselves(
    names: str | None, owner: str, said: str
) -> None:
    # 6.4: another of our sessions, or secondaryId; the other call may have been sent there
    story = Story(HELD, other())
    key = story.accepted(TRANSFER)
    mine = a_participant(state="DROPPED", at=2)
    there = (a_participant("1002"), a_participant(CUSTOMER, "ALERTING", 2))
    story.hear(an_event(a_dialog("200", mine, *there, secondary_id=names), owner=owner))
    assert story.said(key)[0] == said


def test_the_survivor_may_be_the_call_that_was_made_for_it() -> None:
    story = Story(HELD, other())
    key = story.accepted(CONFERENCE)
    parties = (a_participant("1002"), a_participant(CUSTOMER, "DROPPED", 3))
    shown = a_dialog("200", a_participant(at=2), *parties, secondary_id="100")
    story.hear(an_event(shown))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "shown",
    [
        taken_in(a_participant(CUSTOMER, "DROPPED", 1), a_participant("1002", at=2)),
        taken_in(a_participant(CUSTOMER, "DROPPED", None), a_participant("1002", at=2)),
        taken_in(a_participant(CUSTOMER), a_participant("1002", "DROPPED", 2), at=0),
        taken_in(a_participant(CUSTOMER), a_participant("1003", at=2)),
        taken_in(a_participant(CUSTOMER)),
        taken_in(a_participant(CUSTOMER), a_participant("1002", "DROPPED", 2), secondary_id="9"),
    ],
    ids=[
        "left before",
        "left nobody knows when",
        "nobody knows when we came",
        "nobody of the other",
        "one",
        "a third call",
    ],
)
def test_less_than_somebody_of_each_call_proves_no_join(shown: object) -> None:
    story = Story(HELD, other())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(shown))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    "calls",
    [
        (taken_in(a_participant(CUSTOMER), a_participant("7"), state="HELD", at=0), other()),
        (HELD, other(a_participant(CUSTOMER), media={"call_type": "SUPERVISOR_MONITOR"})),
        (HELD, other(), other(id_="300")),
    ],
    ids=["it had taken it in before", "a watch", "several, and nothing names one"],
)
def test_what_secondary_id_names_must_be_new_and_the_other_call(calls: tuple[object, ...]) -> None:
    story = Story(*calls)
    key = story.accepted(CONFERENCE)
    shown = taken_in(a_participant(CUSTOMER, "DROPPED", 2.1), a_participant("1002", at=2))
    if len(calls) > 2:
        shown = replace(shown, secondary_id="400")
    story.hear(an_event(shown))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


# -- whose an unsigned error is not ---------------------------------------------------------------


def test_a_join_with_its_id_on_any_news_fails_by_no_unsigned_error() -> None:
    # 5: Finesse did something for it, and the desktop's errors look just alike
    story = Story(HELD, other())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(taken_in(a_participant(CUSTOMER)), tag=key))
    story.hear(an_error())
    story.wait(25)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_join_of_calls_that_are_shown_to_be_one_fails_by_no_unsigned_error() -> None:
    story = Story(HELD, other())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(taken_in(a_participant(CUSTOMER))))
    story.hear(an_error())
    story.wait(25)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_that_calls_are_made_explains_not_that_one_is_held() -> None:
    # two consults with one id: which of them made the call nobody can say
    story = Story(HELD, gate=GateMode.OFF)
    consult = a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551")
    for _ in range(2):
        story.accepted(consult, id_="one", allow_repeat=True, length=60.0)
    shown = replace(placed("ACTIVE"), associated_dialog_uri=LINK)
    story.hear(added(shown))
    key = story.accepted(CONFERENCE)
    story.wait(0.5)
    mine = (a_participant(state="HELD", at=3), *shown.participants[1:])
    story.hear(an_event(replace(shown, participants=mine)))
    story.hear(an_error("INVALID_ACTION CONFERENCE on extension 1001"))
    story.wait(3)
    assert story.said(key)[0] == "open"


# -- whose a change is ----------------------------------------------------------------------------


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


def test_who_made_another_call_by_its_id_contests_none_when_that_rings() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed("ALERTING")))
    story.hear(added(placed("ALERTING", id_="300"), tag=second))
    third = story.accepted(MAKE_CALL)
    story.wait(0.1)
    assert story.said(first) == ("confirmed", "expectation")
    assert story.said(third) == ("open", None)


def test_a_state_behind_one_with_our_id_came_since_whosever_id_is_on_it() -> None:
    # 3, 4: the earlier request's work may have been done before, but not later than ours
    story = Story(user=a_user("RESERVED_OUTBOUND_PREVIEW", 0))
    first = story.accepted(a.PreviewAccept(agent=AGENT, dialog_id="100"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 5), tag=key))
    story.hear(a_user_event(a_user("NOT_READY", 6), tag=first))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("at", [4.0, 5.0])
def test_a_state_not_behind_the_one_with_our_id_may_be_of_before(at: float) -> None:
    story = Story(user=a_user("RESERVED_OUTBOUND_PREVIEW", 0))
    first = story.accepted(a.PreviewAccept(agent=AGENT, dialog_id="100"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 5), tag=key))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 6), tag=key))
    story.hear(a_user_event(a_user("NOT_READY", at), tag=first))
    assert story.said(key)[0] == "open"


# -- calls that are no more -----------------------------------------------------------------------


def test_a_call_that_two_gets_did_not_show_is_none_to_be_joined() -> None:
    story = Story(HELD, other(), other(a_participant("1003"), id_="300"))
    drop = story.accepted(DROP)
    story.wait(14)
    for _ in range(2):
        story.look(HELD, other(a_participant("1003"), id_="300"))
        story.wait(3.1)
    assert story.said(drop) == ("confirmed", "snapshot")
    key = story.accepted(CONFERENCE)
    parties = (a_participant(CUSTOMER), a_participant("1003", at=2))
    story.hear(an_event(a_dialog("100", a_participant(at=2), *parties)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(("at", "said"), [(0.5, "confirmed"), (3.0, "unconfirmed")])
def test_news_of_a_call_of_before_its_end_do_not_bring_it_back(at: float, said: str) -> None:
    linked = replace(other(id_="300"), associated_dialog_uri=LINK)
    story = Story(HELD, other(a_participant("1003")), linked)
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


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (own("ALERTING", 3, id_="300"), "unconfirmed"),
        (other(a_participant("1002"), a_participant(CUSTOMER), id_="300"), "failed"),
        (other(a_participant("7"), id_="9"), "failed"),
    ],
    ids=["another's", "with the agent", "the watch"],
)
def test_an_error_on_a_call_without_the_agent_is_not_of_who_barges_in(
    call: object, said: str
) -> None:
    story = Story(live=False)
    barge = a.BargeCall(
        agent=AGENT, to_address="1002", associated_dialog_uri="/finesse/api/Dialog/9"
    )
    key = story.accepted(barge)
    story.link_up(user=a_user())
    story.hear(added(call), an_error(dialog_id=call.id))
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


@pytest.mark.parametrize(
    ("state", "tagged", "said"),
    [("DROPPED", True, "confirmed"), ("DROPPED", False, "open"), ("ACTIVE", True, "open")],
)
def test_our_leaving_with_our_id_on_a_colleagues_node_is_the_transfer(
    state: str,
    tagged: bool,  # noqa: FBT001
    said: str,
) -> None:
    # 3, 6.5: whom it is sent to was on the call before, as far as was known
    there = (a_participant(CUSTOMER), a_participant("1002"))
    story = Story(a_dialog("100", a_participant(), *there))
    key = story.accepted(a.TransferSst(agent=AGENT, dialog_id="100", to_address="1002"))
    left = (a_participant(state=state, at=2), a_participant("1002", "ALERTING", 2))
    shown = a_dialog("100", *left, a_participant(CUSTOMER))
    story.hear(added(shown, owner="agent2", tag=key if tagged else None))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(
    ("shown", "tagged", "said"),
    [("BUSY", True, "confirmed"), ("BUSY", False, "open"), ("VOICE", True, "open")],
)
def test_our_id_on_the_call_as_it_was_shows_that_it_was_reclassified(
    shown: str,
    tagged: bool,  # noqa: FBT001
    said: str,
) -> None:
    story = Story(own("ACTIVE", 0), other(id_="300"))
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


def test_what_a_list_did_not_show_has_no_end_of_which_anything_is_older() -> None:
    # 4: the other node of the pair may have another clock
    story = Story(own("ACTIVE", 10))
    story.wait(1)
    story.link_down()
    story.link_up(user=a_user())
    story.hear(added(own("ACTIVE", 2)))
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("HELD", 3)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(("there", "survivor"), [("1002", "100"), ("1003", None)])
def test_the_surviving_call_is_told_only_where_the_target_was_seen_on_it(
    there: str, survivor: str | None
) -> None:
    # 6.5
    story = Story()
    key = story.accepted(a.TransferSst(agent=AGENT, dialog_id="100", to_address="1002"))
    left = (a_participant(state="DROPPED", at=2), a_participant(there, "ALERTING", 2))
    shown = a_dialog("100", *left, a_participant(CUSTOMER))
    story.hear(added(shown, owner="agent2", tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.survivor == survivor

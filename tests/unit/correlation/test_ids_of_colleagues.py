"""Rules of evidence 3: an id that a colleague's request has too, and calls that are shared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed, Evidence, MinimumEvidence
from listener.correlation.picture import Baseline
from listener.correlation.steps import AnswerKind
from listener.finesse import actions as a
from listener.finesse.events import DialogChanged, DialogRemoved
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
    own,
    removed,
)
from tests.unit.correlation.given import (
    ANSWER,
    BY_ID,
    CONFIRMED,
    HOLD,
    LINKED,
    OTHER,
    READY,
    RETRIEVE,
    update,
)

BY_ID_ALONE = MinimumEvidence.REQUEST_ID
CONSULT_CALL = replace(
    a_dialog("200", a_participant(state="ACTIVE"), a_participant("1002")),
    from_address=EXT,
    to_address="1002",
    associated_dialog_uri="/finesse/api/Dialog/100",
)
JOIN_REQUESTS = [
    a.Transfer(agent=AGENT, dialog_id="100"),
    a.Conference(agent=AGENT, dialog_id="100"),
]


def test_a_colleagues_id_on_the_agents_state_is_not_the_agents_own() -> None:
    # both callers count; the colleague's call makes this agent TALKING, and bears that id
    story = Story(user=a_user("NOT_READY"))
    story.ask(a.MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    key = story.accepted(a.Ready(agent=AGENT), id_="2")
    story.hear(a_user_event(a_user("TALKING", 2), tag="2"))
    assert story.said(key)[0] == "open"
    story.hear(a_user_event(a_user("READY", 3), tag="2"))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_colleagues_id_on_the_state_behind_the_end_of_their_call_is_not_the_agents_own() -> None:
    # 3: both count; the DROP ends the call of both, and with it moves this agent, as its id says
    story = Story(own("ALERTING", 0), user=a_user("RESERVED"))
    story.link_up(own("ACTIVE", 0), agent="agent2", user=a_user("TALKING"))
    drop = story.accepted(a.Drop(agent="agent2", dialog_id=CALL), id_="6", own=CUSTOMER)
    answer = story.ask(a.Answer(agent=AGENT, dialog_id=CALL), id_="6")
    story.hear(removed(own("DROPPED", 2), tag="6"))
    story.hear(a_user_event(a_user("NOT_READY", 2), tag="6"))
    story.refuse(answer, 404)
    assert story.said(answer) == ("rejected", None)
    assert story.said(drop)[0] == "open"


def test_who_goes_out_next_knows_what_came_on_a_colleagues_node_first() -> None:
    # the gate opened by that event; the own node tells the same without an id
    story = Story(own("ALERTING", 0))
    answer = a.Answer(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(answer), story.ask(answer)
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    story.accept(second)
    story.hear(an_event(own("ACTIVE", 2)))
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


def test_what_a_colleagues_node_tells_behind_the_own_one_takes_nothing_back() -> None:
    # the colleague transferred the call to the customer meanwhile; its own node is slower
    held = a_dialog(CALL, a_participant(state="HELD", at=2), a_participant("1002", "HELD", 1))
    became = a_dialog(
        CALL, a_participant(state="HELD", at=2), a_participant(CUSTOMER, at=3), secondary_id="300"
    )
    story = Story(a_dialog(CALL, a_participant(), a_participant("1002", "HELD", 1)))
    story.hear(added(a_dialog("200", a_participant(at=1), a_participant("1004", at=1))))
    hold = story.accepted(HOLD)
    story.hear(an_event(held, tag=hold))
    story.hear(an_event(became))
    story.hear(an_event(held, tag=hold, owner="agent2"))
    key = story.accepted(a.Conference(agent=AGENT, dialog_id=CALL))
    assert story.correlator.picture(AGENT).dialogs[CALL].dialog == became
    parties = (a_participant(at=5), a_participant(CUSTOMER, at=3), a_participant("1004", at=1))
    media = {"call_type": "CONFERENCE"}
    story.hear(an_event(a_dialog(CALL, *parties, media=media, secondary_id="200"), tag=key))
    assert story.said(key) == BY_ID


def _written(value: str, *, ahead: float = 0.0) -> Dialog:
    """Return the call of two agents with that value, by a node whose clock is so far ahead."""
    parties = (a_participant(at=ahead), a_participant("1002", at=ahead))
    return a_dialog(CALL, *parties, variables={"user.x": value})


@pytest.mark.parametrize("ahead", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("first", ["own", "colleague's", "adopted", "settled"])
def test_no_value_that_was_there_before_is_a_change_for_what_a_colleagues_node_told_late(
    first: str, ahead: float
) -> None:
    # 4: another client had written it when the second request went out; the phone is at work then
    story = Story(_written("a"))
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    request = update(**{"user.x": "b"})
    heard = an_event(_written("b"), tag="r1"), an_event(_written("c"))
    late = an_event(_written("b", ahead=ahead), tag="r1", owner="agent2")
    if first == "own":
        story.accepted(request)
        story.hear(*heard)
    elif first == "colleague's":
        story.accepted(request)
        story.hear(replace(late, item_id="earlier"))
        story.hear(an_event(_written("b")), heard[1])
    elif first == "settled":
        story.hear(*heard)
        story.remember(request, Confirmed(evidence=Evidence.REQUEST_ID))
    else:
        story.hear(*heard)
        story.adopt(request, baseline=baseline, left=29.0, age=1.0, gap=False)
        story.rehear("r1", *heard)
    story.hear(late)
    key = story.accepted(update(**{"user.x": "c"}))
    phone = (a_participant(state="HELD", at=8), a_participant("1002", at=6))
    story.hear(an_event(replace(_written("c"), participants=phone)))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("ahead", "known"), [(0.5, True), (2.0, True), (2.5, False)])
def test_the_own_nodes_data_beside_the_same_states_are_no_older_news_by_a_colleagues_nodes_clock(
    ahead: float, *, known: bool
) -> None:
    def held(value: str, at: float = 2.0) -> Dialog:
        parties = (a_participant(state="HELD", at=at), a_participant("1002"))
        return a_dialog(CALL, *parties, variables={"user.x": value})

    story = Story(_written("a"))
    key = story.accepted(HOLD)
    story.hear(an_event(held("a", 2 + ahead), tag=key, owner="agent2"))
    story.hear(an_event(_written("a")))  # older news are older by any clock
    picture = story.correlator.picture(AGENT)
    assert picture.dialogs[CALL].dialog == held("a", 2 + ahead)
    story.hear(an_event(held("a"), tag=key), an_event(held("b")))
    assert picture.dialogs[CALL].dialog == held("b" if known else "a", 2 + ahead)
    assert (CALL in picture.in_doubt()) is known  # or they are older, by the same clock


@pytest.mark.parametrize("ahead", [0.0, 0.5, 1.0])
def test_what_was_held_and_taken_back_before_is_no_change_for_what_a_colleagues_node_told_first(
    ahead: float,
) -> None:
    # 4: the desktop held it and took it back, then we held it; the own node is slower
    story = Story(own("ACTIVE", 0))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2 + ahead), tag=hold, owner="agent2"))
    assert story.said(hold) == BY_ID
    story.hear(an_event(own("HELD", 1)))
    key = story.accepted(RETRIEVE)
    story.hear(an_event(own("ACTIVE", 1.4)), an_event(own("HELD", 2), tag=hold))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("ACTIVE", 6)))
    assert story.said(key) == CONFIRMED


def test_a_colleagues_older_news_lend_the_own_nodes_word_no_other_clock() -> None:
    parties = (a_participant(state="HELD", at=5), a_participant("1002"))
    known = a_dialog(CALL, *parties, variables={"user.x": "b"})
    story = Story(_written("a"))
    key = story.accepted(ANSWER)
    story.hear(an_event(known), an_event(_written("a"), tag=key, owner="agent2"))
    older = (a_participant(state="HELD", at=4), a_participant("1002"))
    story.hear(an_event(replace(known, participants=older, state="FAILED")))
    assert story.correlator.picture(AGENT).dialogs[CALL].dialog == known


@pytest.mark.parametrize("gap", [False, True])
def test_a_step_that_was_told_here_before_a_hand_over_is_the_own_nodes_word(*, gap: bool) -> None:
    # 4: of two values one is there; what another client made of it is not taken back
    story = Story(_written("a"))
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    heard = an_event(_written("b"), tag="r1"), an_event(_written("c"))
    story.hear(*heard)
    data = update(**{"user.x": "b", "user.y": "b"})
    key = story.adopt(data, baseline=baseline, left=29.0, age=1.0, gap=gap)
    if not gap:
        story.rehear(key, *heard)
    story.hear(an_event(_written("b"), tag=key, owner="agent2"))
    assert story.said(key)[0] == "open"
    assert story.correlator.picture(AGENT).dialogs[CALL].dialog == _written("c")


def test_a_later_stage_that_a_colleagues_node_tells_first_is_known_behind_the_own_nodes_word() -> (
    None
):
    story = Story(own("ALERTING", 0))
    key = story.accepted(ANSWER)
    story.hear(an_event(replace(own("ALERTING", 0), to_address=OTHER), tag=key))
    made = own("ACTIVE", 3)
    story.hear(an_event(made, tag=key, owner="agent2"))
    assert story.correlator.picture(AGENT).dialogs[CALL].dialog == made


def test_a_change_that_bore_anothers_id_on_a_colleagues_node_proves_no_second_one() -> None:
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = a.Answer(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(answer), story.accepted(answer)
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    story.hear(an_event(own("ACTIVE", 2)))
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


def test_an_id_of_a_colleagues_conference_on_its_other_call_is_not_ours_alone() -> None:
    consult = a_dialog("200", a_participant("1002"), a_participant())
    story = Story(consult)
    story.link_up(own("HELD", 0), replace(consult, **LINKED), agent="agent2", user=a_user())
    digits = a.SendDtmf(agent=AGENT, dialog_id="200", dtmf_string="1")
    key = story.ask(digits, id_="2", expected=True)
    theirs = a.Conference(agent="agent2", dialog_id=CALL)
    story.accepted(theirs, id_="2", own="1002")
    story.hear(removed(a_dialog("200", a_participant(state="DROPPED")), tag="2"))
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_a_colleagues_refused_request_says_nothing_of_an_error_on_our_own_node() -> None:
    story = Story()
    key = story.accepted(a.PreviewClose(agent=AGENT, dialog_id=CALL))
    story.hear(an_error(), an_error(tag="theirs", owner="agent2"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def second_call_and_conference() -> tuple[Story, str]:
    """Return a story in which an answer held the first call, and what its id is then asked for."""
    story = Story(own("ACTIVE", 0), ringing(), gate=GateMode.OFF)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="200"))
    story.hear(an_event(own("HELD", 2), tag=answer), an_event(ringing("ACTIVE", 2), tag=answer))
    assert story.said(answer) == BY_ID
    return story, answer


def ringing(state: str = "ALERTING", at: float = 0.0) -> Dialog:
    return a_dialog("200", a_participant(state=state, at=at), a_participant(OTHER))


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        (own("HELD", 2), DialogChanged, "failed"),
        (own("HELD", 2, media={"call_type": "OTHER_IN"}), DialogChanged, "failed"),
        (own("HELD", 3), DialogChanged, "open"),
        (own("ACTIVE", 2), DialogChanged, "open"),
        (own("HELD", 2, variables={"callVariable1": "x"}), DialogChanged, "open"),
        (own("HELD", 2, secondary_id="300"), DialogChanged, "open"),
        (own("HELD", 2), DialogRemoved, "open"),
    ],
)
def test_an_id_on_a_colleagues_node_is_of_nobodys_work_since_where_all_is_as_at_sending(
    told: Dialog, kind: type, said: str
) -> None:
    # 5: nothing else changed since; the id of the answer on its own call alone is known as ours (3)
    story, answer = second_call_and_conference()
    key = story.accepted(a.Conference(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(told, kind, tag=answer, owner="agent2"))
    story.hear(an_error())
    story.wait(2)
    assert story.said(key)[0] == said


def test_an_id_on_the_own_node_is_another_clients_work_though_all_is_as_at_sending() -> None:
    # 5: tones change nothing that is shown; the error may be that client's next
    story = Story(own("ACTIVE", 0))
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE", 0), tag="theirs"), an_error())
    story.wait(2)
    assert story.said(key)[0] == "open"


def test_an_id_on_a_colleagues_node_is_a_doubt_where_nobody_knows_how_it_was() -> None:
    story = Story(live=False)
    key = story.accepted(HOLD)
    story.link_up(own("ACTIVE", 0), user=a_user())
    story.hear(an_event(own("ACTIVE", 0), tag="theirs", owner="agent2"), an_error())
    story.wait(2)
    assert story.said(key)[0] == "open"


def test_an_error_with_an_id_that_a_colleague_has_too_is_of_the_one_to_whom_it_is_told() -> None:
    # 3, 5: the colleague made the call with that id
    story = Story(own("ALERTING", 1, from_address="1002"))
    story.link_up(agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    make = story.accepted(a.MakeCall(agent="agent2", to_address=EXT), id_="4", own="1002")
    story.hear(added(own("ALERTING", 1, from_address="1002"), tag="4", owner="agent2"))
    assert story.said(make) == BY_ID
    answer = story.accepted(ANSWER, id_="4")
    story.hear(an_error(tag="4"))
    assert story.said(answer) == ("failed", "request_id")


def test_a_refusal_that_is_told_to_a_colleague_is_not_ours() -> None:
    # 3, 5: another client of his has that id, too
    story = Story()
    hold = story.accepted(HOLD, id_="2")
    story.hear(an_error(tag="2", owner="agent2"))
    assert story.said(hold)[0] == "open"


def test_a_colleagues_conference_does_not_explain_why_our_call_was_taken_back() -> None:
    # 5: somebody has retrieved it; the error may be the refusal of what that client did next
    parties = (a_participant(state="HELD", at=0), a_participant("1002", state="HELD", at=0))
    story = Story(a_dialog(CALL, *parties), gate=GateMode.OFF)
    story.accepted(a.Conference(agent="agent2", dialog_id=CALL), own="1002")
    update = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    taken_back = (a_participant(at=3), parties[1])
    story.hear(an_event(a_dialog(CALL, *taken_back)), an_error())
    story.wait(3)
    assert story.said(update)[0] == "open"


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


# -- the user --------------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [MinimumEvidence.ANY, MinimumEvidence.REQUEST_ID])
@pytest.mark.parametrize("state", ["READY", "RESERVED"])
def test_an_id_is_the_agents_own_though_a_colleague_has_it_on_a_call_elsewhere(
    state: str, minimum: MinimumEvidence
) -> None:
    # 3: a tag matches (agent, requestId), on that agent's nodes
    story = Story()
    story.accepted(a.Hold(agent="agent2", dialog_id="900"), id_="145", own="1002")
    key = story.accepted(READY, id_="145", minimum=minimum)
    story.hear(a_user_event(a_user(state, 5), tag="145"))
    assert story.said(key) == ("confirmed", "request_id")


def test_an_id_that_a_colleague_has_on_the_same_call_may_be_the_colleagues() -> None:
    story = Story()
    story.accepted(a.Hold(agent="agent2", dialog_id=CALL), id_="145", own="1002")
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
    call = a.MakeCall(agent="agent2", to_address=EXT)
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
    story.accepted(a.Ready(agent="agent2"), id_="145", own="1002")
    key = story.accepted(READY, id_="145")
    story.hear(a_user_event(a_user("RESERVED", 5), tag="145"))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_colleagues_id_on_the_agents_state_is_the_colleagues_after_a_hand_over_too() -> None:
    story = Story()
    story.ask(a.MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    baseline = Baseline(None, (), a_user())
    key = story.adopt(READY, baseline=baseline, left=15, gap=False, id_="2")
    story.rehear(key, a_user_event(a_user("TALKING", 2), tag="2"))
    assert story.said(key)[0] == "open"


def test_a_colleagues_id_heard_before_an_announcement_is_the_colleagues() -> None:
    story = Story()
    story.hear(a_user_event(a_user("TALKING", 2), tag="2"))
    story.ask(a.MakeCall(agent="agent2", to_address=EXT), id_="2", own="1002")
    key = story.ask(READY, id_="2", expected=True)
    story.wait(1)
    assert story.said(key)[0] == "open"


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", JOIN_REQUESTS)
def test_a_colleagues_error_with_the_same_id_on_the_consult_call_is_his_own(request_) -> None:
    story = Story(own("HELD", 0), CONSULT_CALL)
    key = story.accepted(request_, id_="145")
    story.hear(an_error("4047: INVALID_ACTION HOLD", tag="145", dialog_id="200", owner="agent2"))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("request_", JOIN_REQUESTS)
def test_a_colleagues_id_on_the_consult_call_does_not_say_that_ours_was_sent(request_) -> None:
    story = Story(own("HELD", 0), CONSULT_CALL)
    key = story.ask(request_, id_="145", expected=True)
    held = a_dialog("200", a_participant("1002", state="HELD", at=2), a_participant(EXT))
    story.hear(an_event(held, owner="agent2", tag="145"))
    story.wait(5)
    joined = a_dialog(
        "200", a_participant("1002", at=8), a_participant(CUSTOMER, at=8), secondary_id="100"
    )
    story.hear(an_event(joined, owner="agent2"))
    story.wait(80)
    assert story.said(key) == ("unconfirmed", "not_reported")


# -- what another request cannot have done ---------------------------------------------------------


@pytest.mark.parametrize("by_error", [False, True])
def test_the_id_of_a_call_that_was_never_made_is_a_colleagues_alone(by_error: bool) -> None:  # noqa: FBT001  a case
    # 3: the colleague is on a call that came from this device
    story = Story(gate=GateMode.OFF)
    make = story.ask(a.MakeCall(agent=AGENT, to_address="1002"), id_="2")
    if by_error:
        story.accept(make)
        story.hear(an_error(tag="2", dialog_id=None))
    else:
        story.refuse(make)
    parties = (a_participant("1002", at=5), a_participant(EXT, at=5))
    call = a_dialog("300", *parties, from_address=EXT, to_address="1002")
    story.link_up(call, agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    away = a.TransferSst(agent="agent2", dialog_id="300", to_address="1003")
    sst = story.accepted(away, id_="2", own="1002")
    left = (a_participant("1002", "DROPPED", at=9), a_participant(EXT, at=5))
    story.hear(removed(replace(call, participants=left), tag="2", owner="agent2"))
    story.wait(30)
    assert story.said(sst) == BY_ID


@pytest.mark.parametrize(("to", "said"), [(EXT, "open"), ("3003", "confirmed")])
def test_an_id_on_a_call_that_a_colleague_may_be_barging_into_is_ambiguous(
    to: str, said: str
) -> None:
    # 3: the supervisor's request has the same id, and brings him to the agent's call
    story = Story(own("HELD", 0))
    key = story.accepted(a.Retrieve(agent=AGENT, dialog_id=CALL), id_="2", minimum=BY_ID_ALONE)
    barge = a.BargeCall(
        agent="agent2",
        from_address="1002",
        to_address=to,
        associated_dialog_uri="/finesse/api/Dialog/500",
    )
    story.accepted(barge, id_="2", own="1002")
    parties = (a_participant(at=5), a_participant(CUSTOMER), a_participant("1002"))
    story.hear(an_event(a_dialog(CALL, *parties), tag="2"))
    assert story.said(key)[0] == said


def test_an_id_on_a_call_that_a_colleague_may_be_joining_is_ambiguous() -> None:
    # 3: he has two others, of which one is this call; nobody knows which of them he means
    story = Story(own("ACTIVE", 0, from_address="1002"), gate=GateMode.OFF)
    there = [
        a_dialog(id_, a_participant("1002", state, at=1), a_participant(far, at=1))
        for id_, state, far in (("300", "ACTIVE", OTHER), ("400", "HELD", "5550400"))
    ]
    shared = a_dialog("100", a_participant("1002", "HELD", at=1), a_participant(EXT, at=0))
    story.link_up(*there, shared, agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    join = a.Transfer(agent="agent2", dialog_id="300")
    story.accepted(join, id_="5", own="1002")
    away = a.TransferSst(agent=AGENT, dialog_id="100", to_address="1003")
    sst = story.accepted(away, id_="5")
    story.hear(removed(own("DROPPED", 5), tag="5"))
    story.wait(5)
    assert story.said(sst)[0] != "confirmed"


def test_once_the_own_node_told_all_its_own_older_news_takes_nothing_back() -> None:
    # what a colleague's node told first is no more a part of what is known by then
    story = Story(own("ACTIVE", 0))
    first = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=first, owner="agent2"))
    story.hear(an_event(own("ACTIVE", 5)), an_event(own("HELD", 6)), an_event(own("ACTIVE", 6.8)))
    story.wait(5)
    story.hear(an_event(own("ACTIVE", 5.2)))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 6)))
    assert story.said(key)[0] == "open"


def test_own_news_that_come_in_the_wrong_order_behind_a_colleagues_word_prove_no_hold() -> None:
    story = Story(own("ACTIVE", 0))
    first = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=first, owner="agent2"))
    story.hear(an_event(own("ACTIVE", 6.8)), an_event(own("ACTIVE", 5)))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 6)))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("adopted", [False, True])
def test_the_next_process_knows_what_a_colleagues_node_told_of_a_request(*, adopted: bool) -> None:
    story = Story(own("ALERTING", 0))
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    event = an_event(own("ACTIVE", 3), tag="r1", owner="agent2")
    if adopted:
        story.hear(event)
        first = story.adopt(ANSWER, baseline=baseline, left=29.0, age=1.0, gap=False)
        story.rehear(first, event)
    else:
        first = story.accepted(ANSWER)
        story.hear(event)
    second = story.accepted(ANSWER)
    story.hear(an_event(own("ACTIVE", 3)))
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


@pytest.mark.parametrize("at", [1.5, 2.5])
def test_the_work_of_who_was_given_up_told_by_a_colleagues_node_first_is_no_later_ones(
    at: float,
) -> None:
    story = Story(own("ACTIVE", 0))
    story.wait(1)
    first = story.accepted(HOLD)
    story.abandon(first)
    story.hear(an_event(own("HELD", at), tag=first, owner="agent2"))
    second = story.accepted(HOLD)
    story.hear(an_event(own("HELD", at)))
    assert story.said(second)[0] == "open"


def _shared(theirs: str | None = "ACTIVE", mine: str = "ACTIVE", **changes: Any) -> Dialog:
    """Return the call of two agents with both their parts in these states."""
    colleague = () if theirs is None else (a_participant(OTHER, theirs, at=1),)
    return a_dialog(CALL, a_participant(state=mine), *colleague, **changes)


@pytest.mark.parametrize(
    ("before", "event", "said"),
    [
        (_shared(), an_event(_shared("HELD")), ("presumed", None)),
        (_shared("ALERTING"), an_event(_shared("ACTIVE")), ("presumed", None)),
        (_shared(), an_event(_shared("HELD", "HELD")), BY_ID),
        (_shared(), an_event(_shared("HELD", variables={"user.x": "y"})), BY_ID),
        (_shared(), an_event(_shared()), BY_ID),  # tones change nothing
        (_shared("INITIATED"), an_event(_shared()), BY_ID),  # who is called answers it
        (_shared(), an_event(_shared("DROPPED")), BY_ID),
        (_shared(None), an_event(_shared()), BY_ID),
        (_shared(), an_event(_shared(None)), BY_ID),
        (_shared(), removed(_shared("HELD")), BY_ID),
        (a_dialog("200"), an_event(_shared("HELD")), BY_ID),  # nobody knows how it was
    ],
)
def test_an_id_on_a_colleagues_own_move_alone_is_that_colleagues_clients(
    before: Dialog, event: Any, said: tuple[str, str | None]
) -> None:
    # 3: requestIds are not unique in the wild; another agent's request moves no part but its own
    story = Story(_shared())
    story.link_up(before, agent="agent2", user=a_user(login_id="agent2", extension=OTHER))
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(replace(event, request_id=key, owner="agent2"))
    story.wait(6)
    assert story.said(key) == said


@pytest.mark.parametrize("taken_over", [True, False])
def test_an_id_on_a_colleagues_own_move_is_that_colleagues_clients_too_when_it_is_told_again(
    *, taken_over: bool
) -> None:
    # 3, 4: with a new item id, or to a request of another process, sent before it was heard here
    story = Story(_shared())
    user = a_user(login_id="agent2", extension=OTHER)
    story.link_up(_shared(), agent="agent2", user=user)
    tones = a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1")
    event = an_event(_shared("HELD"), tag="r1", owner="agent2")
    if taken_over:
        story.hear(event, content=1)
        key = story.adopt(tones, baseline=Baseline(_shared()), left=5.0, age=0.5, gap=False)
        story.rehear(key, event)
    else:
        key = story.accepted(tones)
        story.hear(event, content=1)
        story.hear(replace(event, item_id="again"), content=1)
    story.wait(6)
    assert story.said(key) == ("presumed", None)


def test_an_id_that_two_agents_have_names_who_moved_on_that_ones_own_node() -> None:
    story = Story(_shared(mine="HELD"))
    user = a_user(login_id="agent2", extension=OTHER)
    story.link_up(_shared(mine="HELD"), agent="agent2", user=user)
    theirs = story.accepted(a.Hold(agent="agent2", dialog_id=CALL), own=OTHER, id_="145")
    mine = story.accepted(RETRIEVE, id_="145")
    story.hear(an_event(_shared("HELD", "HELD"), tag="145", owner="agent2"))
    assert story.said(theirs) == BY_ID
    assert story.said(mine)[0] == "open"
    retrieved = a_dialog(CALL, a_participant(at=2), a_participant(OTHER, "HELD", at=1))
    story.hear(an_event(retrieved, tag="145"))
    assert story.said(mine) == CONFIRMED  # there it may be either's


def _with_a_colleague() -> Story:
    story = Story(_shared())
    story.link_up(_shared(), agent="agent2", user=a_user(login_id="agent2", extension=OTHER))
    return story


DIGIT = a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1")


def _taken_over(story: Story, request: Any, extension: str) -> str:
    user = a_user(login_id=request.agent, extension=extension)
    start = Baseline(_shared(), (), user)
    how: dict[str, Any] = {"own": extension, "id_": "145", "left": 5.0, "gap": False}
    return story.adopt(request, baseline=start, **how)


def test_an_id_that_two_agents_have_names_neither_at_a_hand_over() -> None:
    # 3: on the call of both it is the one's or the other's; no event is both
    story = _with_a_colleague()
    event = an_event(_shared("HELD"), tag="145")
    story.hear(event)
    theirs = _taken_over(story, a.Hold(agent="agent2", dialog_id=CALL), OTHER)
    mine = _taken_over(story, DIGIT, EXT)
    for key in (theirs, mine):
        story.rehear(key, event)
    story.hear(an_error())
    assert story.said(theirs)[0] == "open"
    story.wait(8)
    assert story.said(theirs)[0] == "unconfirmed"
    assert story.said(mine) == ("unconfirmed", "ambiguous")  # whose the error is nobody knows


def test_an_id_that_a_colleagues_request_has_which_never_left_is_ours_at_a_hand_over() -> None:
    story = _with_a_colleague()
    theirs = story.ask(a.Hold(agent="agent2", dialog_id=CALL), own=OTHER, id_="145")
    story.answer(theirs, AnswerKind.NOT_SENT)
    event = an_event(_shared(), tag="145")
    story.hear(event)
    key = _taken_over(story, DIGIT, EXT)
    story.rehear(key, event)
    story.wait(8)
    assert story.said(key) == BY_ID


def test_what_else_came_with_the_id_of_a_colleagues_client_is_that_ones_on_that_node() -> None:
    story = _with_a_colleague()
    key = story.accepted(DIGIT)
    story.hear(an_event(_shared("HELD"), tag=key, owner="agent2"))
    story.hear(an_event(_shared("HELD", variables={"user.x": "y"}), tag=key, owner="agent2"))
    story.wait(6)
    assert story.said(key) == ("presumed", None)

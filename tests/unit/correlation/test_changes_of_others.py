"""Rules of evidence 3 and 4: what another request or client did, by its id, is none of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.finesse import actions as a
from listener.finesse.events import DialogAdded, UserChanged
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
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
from tests.unit.correlation.given import (
    ANSWER,
    CONFERENCE,
    CONFIRMED,
    CONSULT,
    DROP,
    HOLD,
    LINK,
    RETRIEVE,
    dated,
    joined,
    second_call,
)

COLLEAGUE = replace(a_user(), login_id="agent2", extension="1002")


def test_a_get_does_not_prove_a_state_by_a_change_that_is_anothers_by_its_id() -> None:
    request = a.NotReady(agent=AGENT, reason_code_id="51")
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


def test_a_change_that_is_anothers_by_its_id_before_the_answer_is_none_behind_it() -> None:
    # 4: both went out past the gate; the second is refused behind its 202
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = a.Answer(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(answer), story.ask(answer)
    story.hear(an_event(own("ACTIVE", 2), tag=first))
    story.accept(second)
    assert [story.said(key)[0] for key in (first, second)] == ["confirmed", "open"]


def test_late_news_with_our_id_is_compared_with_what_was_at_sending() -> None:
    def pending(what: str, at: float, tag: str) -> UserChanged:
        return a_user_event(replace(a_user("RESERVED", at), pending_state=what), tag=tag)

    story = Story(user=a_user("RESERVED"), gate=GateMode.OFF)
    ready = story.accepted(a.Ready(agent=AGENT))
    other = story.accepted(a.NotReady(agent=AGENT))
    story.hear(pending("NOT_READY", 3, other), pending("READY", 2, ready))
    assert [story.said(key)[0] for key in (ready, other)] == ["confirmed", "confirmed"]


def test_a_request_of_another_process_is_judged_by_what_was_known_at_sending() -> None:
    # the successor had heard the arrival before it took the request over
    story = Story(a_dialog())
    story.link_up(user=replace(COLLEAGUE, extension="5551"), agent="agent2")
    baseline = story.correlator.picture(AGENT).baseline("100")
    there = a_dialog("100", a_participant(CUSTOMER), a_participant("5551", "ACTIVE", at=5))
    arrival = an_event(there, DialogAdded, owner="agent2")
    gone = removed(a_dialog("100", a_participant(state="DROPPED", at=6), a_participant(CUSTOMER)))
    story.hear(arrival, gone)
    sst = a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551")
    key = story.adopt(sst, baseline=baseline, left=12.0, age=0.7, gap=False, length=15.0)
    story.rehear(key, arrival, gone)
    story.wait(40)
    assert story.said(key) == ("confirmed", "expectation")


def test_an_id_on_what_had_been_shown_without_it_proves_it_for_who_asks_for_an_id() -> None:
    story = Story()
    drop = story.accepted(DROP, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(an_event(own("DROPPED", 1)))
    assert story.said(drop)[0] == "open"
    story.hear(an_event(own("DROPPED", 1), tag=drop))
    assert story.said(drop) == ("confirmed", "request_id")


def test_a_state_that_is_another_requests_by_its_id_is_not_proven_anew() -> None:
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    first, second = (story.accepted(a.Hold(agent=AGENT, dialog_id="100")) for _ in range(2))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("HELD", 3), tag=first))
    story.hear(an_event(own("ACTIVE", 4), tag=retrieve))
    story.hear(an_event(own("HELD", 3), tag=second))
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"


# -- the change of a request that is settled, or that has another device ---------------------------


def test_what_a_request_that_was_given_up_did_by_its_id_confirms_no_other_one() -> None:
    # 4: the CONFERENCE ended without an answer; the ANSWER has no start to compare with
    story = Story(live=False)
    story.link_up(second_call(), user=a_user())
    conference = story.ask(CONFERENCE)
    story.wait(20.1)
    assert story.said(conference)[0] == "unconfirmed"
    answer = dated(story, ANSWER)
    story.hear(an_event(joined(), tag=conference))
    story.wait(1)
    assert story.said(answer)[0] == "open"
    story.hear(an_error(tag=answer))
    assert story.said(answer) == ("failed", "request_id")


def test_the_step_of_one_request_by_its_id_is_not_what_another_asked_for() -> None:
    # 4: a CONFERENCE takes the call back before it joins it
    story = Story(own("HELD", 0), second_call("ACTIVE"), gate=GateMode.OFF)
    conference, retrieve = story.accepted(CONFERENCE), story.accepted(RETRIEVE)
    story.hear(an_event(own("ACTIVE", 2), tag=conference))
    story.wait(1)
    assert story.said(retrieve)[0] == "open"


def test_the_id_of_a_tone_says_nothing_of_whose_a_state_is() -> None:
    story = Story(gate=GateMode.OFF)
    tone = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=tone))
    assert story.said(hold) == CONFIRMED


def test_the_id_of_a_request_that_was_refused_at_once_is_another_clients() -> None:
    # 3: a foreign id settles nothing, and the state it shows counts
    story = Story()
    refused = story.ask(CONFERENCE)
    story.refuse(refused)
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=refused))
    assert story.said(hold) == CONFIRMED


# -- what another request cannot have done ---------------------------------------------------------


def test_the_id_of_an_answer_on_a_consults_call_leaves_that_call_the_consults() -> None:
    # 4: who answers holds the other call; he has not made it
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    consult = story.accepted(CONSULT)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="300"))
    story.hear(added(replace(placed("ACTIVE"), associated_dialog_uri=LINK), tag=answer))
    assert story.said(consult) == CONFIRMED


def test_the_id_of_a_hold_on_a_list_without_a_party_leaves_that_one_taken_off() -> None:
    # 4: who holds a call takes nobody off it
    story = Story(
        a_dialog(CALL, a_participant(), a_participant(CUSTOMER), a_participant("1002")),
        gate=GateMode.OFF,
    )
    drop = story.accepted(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002")
    )
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 3), tag=hold))
    assert story.said(drop) == CONFIRMED


@pytest.mark.parametrize(
    "other", [a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002"), ANSWER]
)
def test_a_state_is_its_own_beside_the_id_of_one_that_asks_for_none_like_it(
    other: a.Request,
) -> None:
    # 4: who takes a party off, or answers, holds no call
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    hold, beside = story.accepted(HOLD), story.accepted(other)
    story.hear(an_event(own("HELD", 2), tag=beside))
    assert story.said(hold) == CONFIRMED

"""Rules of evidence 3: what an id on an event says, and what it does not."""

from __future__ import annotations

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.pending import State
from listener.finesse import actions as a
from listener.finesse.actions import Drop, Hold, MakeCall, Retrieve, UpdateCallData
from listener.finesse.events import OtherUpdate
from listener.finesse.model import Kind, Update
from tests.builders import (
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

HOLD = Hold(agent="agent1", dialog_id="100")
HELD = own("HELD")


def test_a_tagged_error_fails_its_request_at_once() -> None:
    # 3
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")
    assert story.outcomes[key].errors[0].error_type == "Generic Error"


def test_a_tagged_event_without_the_effect_proves_nothing() -> None:
    # 3: proves nothing until the action's own effect is there
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE"), tag=key))
    assert story.said(key)[0] == "open"


def test_an_error_may_follow_a_tagged_event() -> None:
    # 3: an error with the same tag may still follow it
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE"), tag=key), an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_an_error_with_the_tag_after_the_confirmation_is_told_as_late() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(HELD, tag=key), an_error(tag=key), an_event(own("HELD", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert [late.kind for late in story.lates] == ["error"]


def test_a_tagged_event_of_what_was_so_before_confirms_at_the_deadline() -> None:
    # 3: until then an error may follow
    story = Story(own("HELD", 0))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 0), tag=key))
    story.wait(19)
    assert story.said(key)[0] == "open"
    story.wait(1)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tag_on_another_agents_node_does_not_match() -> None:
    # 3: a tag matches (agent, requestId)
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(tag=key, owner="agent2", dialog_id="999"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_tag_matches_on_the_requests_dialog_wherever_it_is_heard() -> None:
    # 3: or on the request's dialog
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(HELD, tag=key, owner="agent2"))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tag_matches_on_the_dialog_that_the_requests_dialog_became() -> None:
    # 3: and the dialogs that it became
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", id_="300", secondary_id="100"), tag=key, owner=None))
    story.hear(an_event(own("ACTIVE", 0, id_="300", secondary_id="100")))
    story.hear(an_event(own("HELD", 2, id_="300"), tag=key, owner="agent2"))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tag_reaches_a_call_that_bore_it_before() -> None:
    story = Story()
    key = story.accepted(MakeCall(agent="agent1", to_address="5551"))
    story.hear(added(placed("INITIATING"), tag=key))
    story.hear(an_error(tag=key, owner=None, dialog_id="200"))
    assert story.said(key) == ("failed", "request_id")


def test_a_repeated_id_is_ambiguous_for_both() -> None:
    # 3: tracked apart and ambiguous for both
    story = Story(gate=GateMode.OFF)
    first = story.accepted(HOLD, id_="145")
    second = story.accepted(
        UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"}),
        id_="145",
        allow_repeat=True,
    )
    story.hear(an_error(tag="145"))
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_a_repeated_id_still_leaves_untagged_proof() -> None:
    # 3
    story = Story(gate=GateMode.OFF)
    first = story.accepted(HOLD, id_="145")
    story.accepted(MakeCall(agent="agent1", to_address="1"), id_="145", allow_repeat=True)
    story.hear(an_event(HELD, tag="145"))
    assert story.said(first) == ("confirmed", "expectation")


def test_an_id_that_a_settled_request_had_is_ambiguous_too() -> None:
    # 3: a client that counts reuses 145
    story = Story()
    story.refuse(story.ask(HOLD, id_="145"))
    second = story.accepted(HOLD, id_="145")
    story.hear(an_error(tag="145"))
    assert story.said(second)[0] == "open"


def test_an_id_heard_while_the_request_still_waits_is_somebody_elses() -> None:
    # 3: nothing of ours was sent by then
    story = Story()
    story.accepted(HOLD)
    queued = story.ask(Retrieve(agent="agent1", dialog_id="100"), id_="145")
    story.hear(an_error(tag="145"), an_event(own("HELD"), tag="145"))
    assert story.correlator.state(queued) is State.SENT
    story.accept(queued)
    story.hear(an_error(tag="145"))
    assert story.said(queued)[0] == "open"


def test_a_foreign_id_settles_nothing_by_id_but_its_state_counts() -> None:
    # 3
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(tag="foreign"))
    story.wait(3)
    assert story.said(key)[0] == "open"
    story.hear(an_event(HELD, tag="foreign"))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_tag_on_the_user_marks_the_request_without_proving_it() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(a_user_event(a_user("NOT_READY", 1), tag=key))
    assert story.said(key)[0] == "open"
    entry = story.correlator.entry(key)
    assert entry is not None
    assert entry.tag_seen


def test_a_repeated_tag_with_a_settled_request_alone_moves_nothing() -> None:
    story = Story()
    key = story.accepted(Drop(agent="agent1", dialog_id="100"))
    story.wait(20)
    story.hear(an_event(own("DROPPED"), tag=key))
    assert story.said(key)[0] == "unconfirmed"
    assert [(late.kind, late.detail) for late in story.lates] == [("event", "DialogChanged")]
    assert story.lates[0].dialog == own("DROPPED")


def test_a_tombstone_is_forgotten_after_its_time() -> None:
    # 3, design 6: the id stays known for 15 minutes
    story = Story()
    key = story.ask(HOLD)
    story.refuse(key)
    story.wait(899)
    assert story.correlator.state(key) is State.REJECTED
    story.wait(1)
    assert story.correlator.state(key) is None
    story.hear(an_error(tag=key), an_event(HELD, tag=key))
    assert story.lates == []


def test_the_participants_of_a_tagged_event_need_not_include_us() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(a_dialog("100", a_participant("5550100")), tag=key))
    assert story.said(key)[0] == "open"


EVERY = [
    a.MakeCall(agent="agent1", to_address="5551"),
    a.Hold(agent="agent1", dialog_id="100"),
    a.Drop(agent="agent1", dialog_id="100"),
    a.ConsultCall(agent="agent1", dialog_id="100", to_address="5551"),
    a.Transfer(agent="agent1", dialog_id="100"),
    a.Conference(agent="agent1", dialog_id="100"),
    a.TransferSst(agent="agent1", dialog_id="100", to_address="1002"),
    a.SilentMonitor(agent="agent1", to_address="1002"),
    a.BargeCall(agent="agent1", to_address="1002", associated_dialog_uri="/finesse/api/Dialog/300"),
    a.ParticipantDrop(agent="agent1", dialog_id="100", target_media_address="1002"),
    a.UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"}),
    a.Reclassify(agent="agent1", dialog_id="100", outbound_classification="BUSY"),
    a.UpdateScheduledCallback(agent="agent1", dialog_id="100", callback_number="1"),
    a.CancelScheduledCallback(agent="agent1", dialog_id="100"),
    a.PreviewAccept(agent="agent1", dialog_id="100"),
    a.PreviewClose(agent="agent1", dialog_id="100"),
    a.TaskStart(agent="agent1", dialog_id="100"),
    a.TaskClose(agent="agent1", dialog_id="100"),
    a.Ready(agent="agent1"),
]


@pytest.mark.parametrize("request_", EVERY, ids=lambda x: type(x).__name__)
def test_a_tag_on_an_unrelated_dialog_or_user_settles_no_action(request_: a.Request) -> None:
    # 3: a tagged event that is not an error proves nothing until the effect is there
    story = Story(a_dialog(), a_dialog("999"))
    key = story.accepted(request_)
    story.hear(
        an_event(own("DROPPED", 5, id_="999"), tag=key),
        removed(own("DROPPED", 6, id_="999"), tag=key),
        a_user_event(a_user("WORK", 2), tag=key),
    )
    assert story.said(key)[0] == "open"


def test_news_of_other_things_moves_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    assert story.hear(OtherUpdate(node="n", request_id=key, update=Update(Kind.TEAM)))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("twin", ["open", "refused", "unconfirmed"])
def test_an_error_with_an_id_that_was_used_twice_names_no_third_request(twin: str) -> None:
    # 5: no foreign id is on it; clients that count use an id again and again
    story = Story()
    keys = [story.ask(HOLD, id_="145", allow_repeat=True, ungated=True) for _ in range(2)]
    for key in keys:
        story.accept(key) if twin != "refused" else story.refuse(key)
    story.wait(30 if twin == "unconfirmed" else 0)
    other = story.ask(HOLD, id_="other", ungated=True)
    story.accept(other)
    story.hear(an_error(tag="145"))
    story.wait(30)
    assert story.said(other)[0] == "unconfirmed"
    assert all(story.said(key)[0] != "failed" for key in keys)

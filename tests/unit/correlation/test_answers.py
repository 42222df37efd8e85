"""Rules of evidence 1 and 2: what the words claim, and what Finesse's REST answer decides."""

from __future__ import annotations

import pytest

from listener.correlation.desk import Limits
from listener.correlation.outcome import MinimumEvidence, Reason
from listener.correlation.pending import State
from listener.correlation.steps import AnswerKind
from listener.errors import DuplicateRequestId, InvalidRequest, TooManyPending
from listener.finesse.actions import Hold, MakeCall, SendDtmf
from listener.finesse.model import ApiError
from tests.builders import Story, a_user, an_error, an_event, own, placed

HOLD = Hold(agent="agent1", dialog_id="100")
HELD = own("HELD")


def test_a_refusal_at_once_is_rejected_with_its_status() -> None:
    # 1, 2: Finesse refused at once
    story = Story()
    key = story.ask(HOLD)
    story.answer(key, AnswerKind.REFUSED, status=400, errors=(ApiError("Invalid Input"),))
    outcome = story.outcomes[key]
    assert story.said(key) == ("rejected", None)
    assert (outcome.status, outcome.sent) == (400, True)
    assert outcome.errors[0].error_type == "Invalid Input"


def test_what_never_left_this_machine_is_rejected_without_a_status() -> None:
    # 1: nothing left this machine
    story = Story()
    key = story.ask(HOLD)
    story.answer(key, AnswerKind.NOT_SENT)
    assert story.said(key) == ("rejected", "not_sent")
    assert (story.outcomes[key].status, story.outcomes[key].sent) == (None, False)


def test_a_doubtful_answer_leaves_it_open_until_the_deadline() -> None:
    # 2: in doubt; NO_ANSWER at the deadline unless something proves more
    story = Story()
    key = story.ask(HOLD)
    story.doubt(key)
    assert story.correlator.state(key) is State.IN_DOUBT
    story.wait(19.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_an_outcome_after_a_doubtful_answer_says_that_it_was_sent() -> None:
    # 2: whether bytes left is traced, and an answer is in doubt only when they did
    story = Story()
    key = story.ask(HOLD)
    story.doubt(key)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "no_answer")
    assert story.outcomes[key].sent is True


def test_proof_confirms_a_request_in_doubt() -> None:
    # 2: unless something proves more
    story = Story()
    key = story.ask(HOLD)
    story.doubt(key)
    story.hear(an_event(HELD))
    assert story.said(key) == ("confirmed", "expectation")


def test_untagged_evidence_is_held_until_the_202() -> None:
    # 2: untagged evidence is held; it counts on a 202
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_event(HELD))
    assert story.said(key)[0] == "open"
    story.accept(key)
    assert story.said(key) == ("confirmed", "expectation")


def test_untagged_evidence_is_dropped_on_a_refusal() -> None:
    # 2: and is dropped on a refusal
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_event(HELD))
    story.refuse(key)
    assert story.said(key) == ("rejected", None)


def test_held_evidence_counts_when_no_answer_ever_comes() -> None:
    # 2: it counts ... when there is no answer
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_event(HELD))
    story.wait(20)
    assert story.said(key) == ("confirmed", "expectation")


def test_tagged_evidence_counts_at_once() -> None:
    # 2: tagged evidence counts at once
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_event(HELD, tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_an_answer_after_the_outcome_changes_nothing() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_event(HELD, tag=key))
    story.refuse(key)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_second_answer_after_the_202_changes_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.refuse(key)
    story.doubt(key)
    assert story.correlator.state(key) is State.ACCEPTED
    story.wait(20)
    assert story.outcomes[key].status == 202


def test_the_deadline_runs_from_the_202() -> None:
    # 2: the deadline runs from the 202
    story = Story()
    key = story.ask(HOLD)
    story.wait(10)
    story.accept(key)
    story.wait(19.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_without_an_answer_the_deadline_runs_from_submission() -> None:
    # 2: until there is one, from submission with the same length
    story = Story()
    key = story.ask(HOLD, length=7.0)
    story.wait(6.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_a_202_after_a_doubtful_answer_still_sets_the_deadline() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.doubt(key)
    story.wait(10)
    story.accept(key)
    story.wait(15)
    story.hear(an_event(HELD))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_early_event_with_the_id_is_not_the_own_requests() -> None:
    # 2, 3: nothing was sent by then, so somebody else uses the id too; ambiguous for both
    story = Story()
    story.hear(an_error(tag="145"))
    key = story.ask(HOLD, id_="145")
    assert story.said(key)[0] == "open"
    story.accept(key)
    story.hear(an_error(tag="145"))
    assert story.said(key)[0] == "open"
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_an_early_untagged_event_serves_nobody() -> None:
    # 2: the memory of events before registration serves tagged events only
    story = Story()
    story.hear(an_event(HELD))
    key = story.accepted(HOLD)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("length", [0.0, -1.0, float("inf"), float("nan")])
def test_a_deadline_is_a_positive_number_of_seconds(length: float) -> None:
    story = Story()
    with pytest.raises(InvalidRequest, match="positive"):
        story.ask(HOLD, length=length)
    assert story.correlator.open_keys() == ()


def test_too_many_requests_are_refused_and_not_taken_in() -> None:
    story = Story(limits=Limits(max_pending=2, max_pending_per_agent=1))
    story.ask(HOLD)
    with pytest.raises(TooManyPending, match="agent1"):
        story.ask(HOLD)
    story.ask(Hold(agent="agent2", dialog_id="200"))
    with pytest.raises(TooManyPending, match="2 requests"):
        story.ask(Hold(agent="agent3", dialog_id="300"))
    assert len(story.correlator.open_keys()) == 2


def test_a_live_id_is_not_taken_twice_unless_asked_for() -> None:
    story = Story()
    story.ask(HOLD, id_="145")
    with pytest.raises(DuplicateRequestId, match="145"):
        story.ask(HOLD, id_="145")
    assert story.correlator.open_keys() == ("r1",)
    assert story.ask(HOLD, id_="145", allow_repeat=True) == "r3"


def test_abandoned_says_that_it_may_have_happened_and_what_comes_is_late() -> None:
    # 1
    story = Story()
    key = story.accepted(HOLD)
    story.abandon(key)
    assert story.said(key) == ("abandoned", "caller")
    story.hear(an_event(HELD, tag=key), an_error(tag=key))
    assert [late.kind for late in story.lates] == ["event", "error"]


def test_a_queued_request_that_is_withdrawn_was_never_sent() -> None:
    # 1: CANCELLED, SHUTDOWN are rejected
    story = Story()
    story.accepted(HOLD)
    first, second = story.ask(HOLD), story.ask(HOLD)
    story.abandon(first)
    story.abandon(second, Reason.SHUTDOWN)
    story.abandon("unknown")
    assert story.said(first) == ("rejected", "cancelled")
    assert story.said(second) == ("rejected", "shutdown")
    assert story.sent == ["r1"]


def test_minimum_evidence_request_id_leaves_weaker_proof_as_seen() -> None:
    story = Story()
    key = story.accepted(HOLD, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(an_event(HELD))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "weak")
    assert [seen.what for seen in story.outcomes[key].seen] == ["expectation"]
    assert story.asks == []


def test_minimum_evidence_event_takes_a_change_but_asks_no_get() -> None:
    story = Story()
    first = story.accepted(HOLD, minimum=MinimumEvidence.EVENT)
    story.hear(an_event(HELD))
    assert story.said(first) == ("confirmed", "expectation")
    story.accepted(Hold(agent="agent1", dialog_id="200"), minimum=MinimumEvidence.EVENT)
    story.wait(19)
    assert story.asks == []


def test_minimum_evidence_request_id_lets_no_unsigned_error_fail_it() -> None:
    story = Story()
    key = story.accepted(HOLD, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(an_error())
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_minimum_evidence_holds_for_a_call_that_only_stands() -> None:
    story = Story()
    request = MakeCall(agent="agent1", to_address="5551")
    key = story.accepted(request, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(an_event(placed("INITIATED")))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "weak")


def test_minimum_evidence_request_id_never_presumes() -> None:
    story = Story()
    key = story.accepted(
        SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1"),
        minimum=MinimumEvidence.REQUEST_ID,
    )
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "weak")


def test_warnings_of_the_picture_at_sending_are_in_the_outcome() -> None:
    story = Story(own("HELD", 0))
    key = story.accepted(HOLD)
    story.wait(20)
    assert [warning.code for warning in story.outcomes[key].warnings] == ["already_so"]


def test_the_outcome_tells_when_we_listened() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(1)
    story.link_down()
    story.wait(2)
    story.link_up(own("ACTIVE", 0), user=a_user())
    story.link_down()
    story.wait(20)
    window = story.outcomes[key].window
    assert window.gaps == ((1.0, 3.0), (3.0, None))
    assert window.until == story.outcomes[key].waited == 20.0
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_the_correlator_says_in_short_what_it_holds() -> None:
    story = Story()
    story.refuse(story.ask(HOLD))
    story.ask(HOLD)
    assert repr(story.correlator) == "<Correlator pending=1 settled=1>"
    assert story.correlator.state("nobody") is None


def test_what_was_seen_is_kept_within_bounds() -> None:
    story = Story()
    key = story.accepted(HOLD, minimum=MinimumEvidence.REQUEST_ID)
    for second in range(1, 41):
        story.hear(an_event(own("HELD" if second % 2 else "ACTIVE", second)))
    story.wait(20)
    assert len(story.outcomes[key].seen) == 16


def test_what_comes_late_is_told_within_bounds() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.abandon(key)
    for _ in range(40):
        story.hear(an_error(tag=key))
    assert len(story.lates) == 16

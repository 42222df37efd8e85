"""A restart: what was open is taken over in doubt, what was settled is remembered (5, 8, 10)."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation.desk import Limits
from listener.correlation.instants import instant
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Seen,
    Unconfirmed,
    Window,
)
from listener.correlation.pending import State
from listener.correlation.picture import Baseline
from listener.correlation.steps import AnswerKind
from listener.errors import DuplicateRequestId
from listener.finesse import actions as a
from tests.builders import (
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)

HOLD = a.Hold(agent="agent1", dialog_id="100")
RETRIEVE = a.Retrieve(agent="agent1", dialog_id="100")
DTMF = a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")
CALL = a.MakeCall(agent="agent1", from_address="1001", to_address="5551")
BEFORE = Baseline(a_dialog(), (), a_user())


def data(value: str = "x", name: str = "callVariable1") -> a.UpdateCallData:
    return a.UpdateCallData(agent="agent1", dialog_id="100", call_variables={name: value})


def with_value(value: str, at: float = 0.0) -> Any:
    party = a_participant(at=at)
    return a_dialog("100", party, variables={"callVariable1": value})


# -- what an adopted request tells -----------------------------------------------------------


def test_all_times_count_from_the_submission_in_the_earlier_process() -> None:
    story = Story(live=False)
    key = story.adopt(DTMF, baseline=BEFORE, left=4.0, age=2000.0, status=202)
    story.wait(1)
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_error())
    story.wait(3)
    outcome = story.outcomes[key]
    assert story.said(key) == ("unconfirmed", "ambiguous")
    assert (outcome.waited, outcome.status, outcome.sent) == (2004.0, 202, True)
    assert outcome.window == Window(2004.0, ((0.0, 2001.0),))
    assert [each.at for each in outcome.seen] == [2001.0]


def test_a_gap_over_a_restart_is_over_where_the_session_hears_already() -> None:
    story = Story()
    key = story.adopt(HOLD, baseline=BEFORE, left=4.0, age=3.0)
    story.wait(4)
    assert story.outcomes[key].window == Window(7.0, ((0.0, 3.0),))


@pytest.mark.parametrize(("status", "sent"), [(None, None), (500, True)])
def test_whether_it_left_this_machine_is_known_by_an_answer(
    status: int | None,
    sent: bool | None,  # noqa: FBT001  a case
) -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=1.0, accepted=False, status=status)
    story.wait(1)
    assert story.outcomes[key].sent is sent
    assert story.outcomes[key].status == status


def test_its_warnings_are_those_of_the_sending() -> None:
    story = Story()
    key = story.adopt(HOLD, baseline=Baseline(own("HELD", 0), (), a_user()), left=1.0)
    none = story.adopt(HOLD, baseline=None, left=1.0)
    story.wait(1)
    assert [w.code for w in story.outcomes[key].warnings] == ["already_so"]
    assert story.outcomes[none].warnings == ()


def test_finesses_date_serves_where_there_is_no_baseline() -> None:
    # 4: a stateChangeTime later than the Date of the answer
    story = Story(live=False)
    date = 1795248000.0  # 2026-11-21T08:00:00Z
    key = story.adopt(HOLD, baseline=None, left=5.0, answer_date=date)
    story.link_up(own("HELD", 2), user=a_user())
    assert clock(0) == "2026-11-21T08:00:00.000Z"
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize("left", [float("inf"), 1e9])
def test_what_is_taken_over_always_ends(left: float) -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=left)
    story.wait(3600)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_key_is_taken_over_once() -> None:
    story = Story()
    key = story.adopt(HOLD, baseline=BEFORE, left=5.0)
    registration = story.correlator.entry(key)
    assert registration is not None
    from listener.correlation.correlator import Registration  # noqa: PLC0415  used here alone

    again = Registration(key=key, request_id="z", own="1001")
    with pytest.raises(ValueError, match=key):
        story.correlator.adopt(story.now, HOLD, again, baseline=None, left=1.0, accepted=True)
    story.wait(5)
    with pytest.raises(ValueError, match=key):
        story.correlator.remember(
            story.now, HOLD, again, story.outcomes[key], age=1, settled_ago=0, left=0
        )
    assert list(story.outcomes) == [key]


def test_two_of_one_id_are_ambiguous_for_both_again() -> None:
    # 3
    story = Story(live=False)
    keys = [story.adopt(HOLD, baseline=BEFORE, left=5.0, id_="145") for _ in range(2)]
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_error(tag="145"))
    story.wait(5)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_what_was_heard_before_it_was_taken_over_can_be_told_to_it() -> None:
    for event, said in (
        (an_event(own("HELD"), tag="t"), "confirmed"),
        (an_error(tag="t"), "failed"),
    ):
        story = Story()
        story.hear(event)
        key = story.adopt(HOLD, baseline=BEFORE, left=5.0, id_="t")
        assert story.said(key)[0] == "open"  # not before all of that id are there
        story.rehear(key, event)
        assert story.said(key) == (said, "request_id")


# -- what an unsigned error says over a restart ----------------------------------------------


def test_an_unsigned_error_names_nothing_of_before_a_restart() -> None:
    # 5: what else was at work, and what is published again, was not heard
    story = Story(live=False)
    key = story.adopt(DTMF, baseline=BEFORE, left=9.0)
    story.link_up(a_dialog(), user=a_user())
    fresh = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")
    assert story.said(fresh) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(
    ("later", "said"),
    [(30.0, ("unconfirmed", "ambiguous")), (70.0, ("failed", "sole_pending"))],
)
def test_who_ended_soon_after_a_restart_may_own_an_error_until_its_own_deadline(
    later: float, said: tuple[str, str]
) -> None:
    # 5: an announced request waits for 60 s; that a restart ends it in 8 does not answer it
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0, accepted=False, expected=True)
    story.link_up(a_dialog(), user=a_user())
    story.wait(8)
    assert story.said(key) == ("unconfirmed", "restarted")
    story.wait(later - 8)
    fresh = story.accepted(DTMF)
    story.hear(an_error())
    story.wait(30)
    assert story.said(fresh) == said


# -- expectations ----------------------------------------------------------------------------


def test_a_get_does_not_confirm_what_nobody_said_was_sent() -> None:
    # 8
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0, accepted=False, expected=True)
    story.link_up(own("HELD"), user=a_user())
    story.wait(8)
    assert story.asks == []
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_report_after_a_restart_counts_and_extends_nothing() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=10.0, accepted=False, expected=True, age=50.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(4)
    story.accept(key)
    story.wait(3)
    assert len(story.asks) == 1
    story.look(own("HELD"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_report_of_doubt_after_a_restart_extends_nothing() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=10.0, accepted=False, expected=True, age=50.0)
    story.wait(4)
    story.answer(key, AnswerKind.DOUBTFUL, status=500)
    story.wait(5.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_silence_that_is_reported_after_a_restart_is_not_presumed() -> None:
    story = Story()
    key = story.adopt(DTMF, baseline=BEFORE, left=20.0, accepted=False, expected=True)
    story.accept(key)
    story.wait(20)
    assert story.pings == []
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_reported_expectation_is_looked_for_after_a_restart() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0, expected=True)
    story.link_up(own("HELD"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


def test_an_expectation_that_was_answered_in_doubt_is_looked_for_too() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0, expected=True, accepted=False, status=500)
    story.link_up(own("HELD"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


# -- settled requests ------------------------------------------------------------------------

OUTCOMES: list[Outcome] = [
    Confirmed(evidence=Evidence.EXPECTATION),
    Presumed(),
    Failed(evidence=Evidence.REQUEST_ID),
    Rejected(status=400),
    Unconfirmed(reason=Reason.DEADLINE),
    Abandoned(reason=Reason.CALLER),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: each.kind)
def test_a_settled_request_is_remembered_with_its_outcome(outcome: Outcome) -> None:
    story = Story()
    key = story.remember(HOLD, outcome)
    entry = story.correlator.entry(key)
    assert entry is not None
    assert (entry.outcome, entry.status) == (outcome, outcome.status)
    assert story.correlator.state(key) is State(outcome.kind)
    assert story.correlator.open_keys() == ()
    story.wait(1000)
    assert story.outcomes == {}
    assert story.correlator.state(key) is None


def test_it_stays_for_the_rest_of_its_time() -> None:
    story = Story(limits=Limits(tombstone_for=100.0))
    key = story.remember(HOLD, OUTCOMES[0], settled_ago=60.0)
    story.wait(39)
    assert story.correlator.state(key) is State.CONFIRMED
    story.wait(1)
    assert story.correlator.state(key) is None
    late = story.remember(HOLD, OUTCOMES[0], settled_ago=100.0, id_="t")
    assert story.correlator.state(late) is None
    assert not story.correlator.knows("t")
    entry = story.correlator.entry(story.ask(HOLD, id_="t"))
    assert entry is not None
    assert story.correlator.knows("t")
    assert not entry.id_repeated


def test_what_comes_late_is_told_of_it() -> None:
    story = Story()
    key = story.remember(HOLD, Unconfirmed(reason=Reason.RESTARTED))
    story.hear(an_event(own("HELD"), tag=key), an_error(tag=key))
    assert [(late.key, late.kind) for late in story.lates] == [(key, "event"), (key, "error")]


def test_what_its_call_became_is_known_too() -> None:
    made = Confirmed(evidence=Evidence.REQUEST_ID, dialogs=DialogIds(new="200"))
    joined = Unconfirmed(reason=Reason.DEADLINE, dialogs=DialogIds(survivor="300", gone=("400",)))
    story = Story()
    call, transfer = (
        story.remember(CALL, made),
        story.remember(a.Transfer(agent="agent1", dialog_id="100"), joined),
    )
    for dialog, tag in (("200", call), ("300", transfer)):
        story.hear(an_error(tag=tag, owner=None, dialog_id=dialog))
    story.hear(an_error(dialog_id="400"))
    told = [(late.key, late.kind) for late in story.lates]
    assert told == [(call, "error"), (transfer, "error"), (transfer, "possible_error")]


def test_a_repeated_id_is_seen() -> None:
    story = Story()
    story.remember(HOLD, OUTCOMES[0], id_="145")
    key = story.ask(DTMF, id_="145")
    story.accept(key)
    story.hear(an_error(tag="145"))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")
    story.adopt(HOLD, baseline=BEFORE, left=5.0, id_="146")
    with pytest.raises(DuplicateRequestId):
        story.ask(HOLD, id_="146")


@pytest.mark.parametrize(
    ("outcome", "left", "said"),
    [
        (Unconfirmed(reason=Reason.DIALOG_ENDED), 3.0, ("unconfirmed", "ambiguous")),
        (Confirmed(evidence=Evidence.SNAPSHOT), 3.0, ("unconfirmed", "ambiguous")),
        (Confirmed(evidence=Evidence.REQUEST_ID), 3.0, ("failed", "sole_pending")),
        (Unconfirmed(reason=Reason.DEADLINE), 0.0, ("unconfirmed", "ambiguous")),
        (Unconfirmed(reason=Reason.DEADLINE), -8.0, ("failed", "sole_pending")),
        (Presumed(), 0.0, ("unconfirmed", "ambiguous")),
        (Rejected(status=400), 3.0, ("failed", "sole_pending")),
    ],
)
def test_it_may_own_an_unsigned_error_until_some_seconds_after_its_own_deadline(
    outcome: Outcome, left: float, said: tuple[str, str]
) -> None:
    # 5
    story = Story()
    ago = max(0.5, -left)
    past = story.remember(RETRIEVE, outcome, left=left, settled_ago=ago, age=ago + 1)
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(30)
    assert story.said(key) == said
    assert bool(story.lates) is (said[1] == "ambiguous")
    assert all((late.key, late.kind) == (past, "possible_error") for late in story.lates)


# -- what the settled ones mean for the open ones --------------------------------------------


def test_an_update_that_a_later_settled_one_followed_is_not_judged_by_values() -> None:
    # 6.7
    story = Story(live=False)
    story.remember(data("x"), OUTCOMES[0], age=1.0)
    key = story.adopt(data("x"), baseline=Baseline(with_value("")), left=8.0, age=3.0)
    story.link_up(with_value("x"), user=a_user())
    story.wait(5)
    story.look(with_value("x"))
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "restarted")


@pytest.mark.parametrize(
    ("other", "age"),
    [
        (data("x"), 5.0),  # an earlier one
        (data("x", "callVariable2"), 1.0),  # of another variable
        (HOLD, 1.0),
    ],
)
def test_another_settled_request_does_not_hinder_an_update(other: a.Request, age: float) -> None:
    story = Story(live=False)
    story.remember(other, OUTCOMES[0], age=age)
    key = story.adopt(data("x"), baseline=Baseline(with_value("")), left=8.0, age=3.0)
    story.link_up(with_value("x"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


def test_an_update_that_was_refused_does_not_hinder_an_earlier_one() -> None:
    story = Story(live=False)
    story.remember(data("x"), Rejected(status=400), age=1.0)
    key = story.adopt(data("x"), baseline=Baseline(with_value("")), left=8.0, age=3.0)
    story.link_up(with_value("x"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (5.0, ("unconfirmed", "restarted")),
        (7.0, ("confirmed", "snapshot")),
        (None, ("confirmed", "snapshot")),  # as it was submitted
    ],
)
def test_a_settled_update_that_was_asked_for_later_is_the_later_one_only_if_it_left_later(
    gone: float | None, said: tuple[str, str]
) -> None:
    # 6.7: the value that is there may be that of the one that left later
    story = Story(live=False)
    story.remember(data("x"), OUTCOMES[0], age=8.0, settled_ago=3.0, gone=gone)
    key = story.adopt(data("x"), baseline=Baseline(with_value("")), left=8.0, age=10.0, gone=6.0)
    story.link_up(with_value("x"), user=a_user())
    story.wait(5)
    if story.asks and story.said(key)[0] == "open":
        story.look(with_value("x"))
    story.wait(3)
    assert story.said(key) == said


@pytest.mark.parametrize(("gone", "sent_ago"), [(None, 3.0), (1.0, 1.0), (4.0, 3.0), (-1.0, 0.0)])
def test_a_settled_one_left_when_it_is_said_to_and_not_before_it_was_submitted(
    gone: float | None, sent_ago: float
) -> None:
    story = Story()
    key = story.remember(HOLD, OUTCOMES[0], age=3.0, gone=gone)
    assert story.correlator.entry(key).sent_at == pytest.approx(story.now - sent_ago)


def test_what_was_refused_never_left_whatever_is_said() -> None:
    story = Story()
    key = story.remember(HOLD, Rejected(status=400), age=3.0, gone=1.0)
    assert story.correlator.entry(key).sent_at is None


CONTESTED = Unconfirmed(reason=Reason.AMBIGUOUS, seen=(Seen(1.0, "contested"),))


@pytest.mark.parametrize(
    ("outcome", "ago", "said"),
    [
        (CONTESTED, 0.5, ("unconfirmed", "ambiguous")),
        (CONTESTED, 3.5, ("confirmed", "snapshot")),  # before this one was sent
        (Unconfirmed(reason=Reason.AMBIGUOUS), 0.5, ("confirmed", "snapshot")),
    ],
)
def test_a_change_that_was_contested_before_the_restart_stays_so(
    outcome: Outcome, ago: float, said: tuple[str, str]
) -> None:
    # 4: one untagged change confirms at most one request
    story = Story(live=False)
    story.remember(HOLD, outcome, age=5.0, settled_ago=ago)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0, age=3.0)
    story.link_up(own("HELD"), user=a_user())
    story.wait(8)
    assert story.said(key) == said


def test_a_change_of_the_user_that_was_contested_stays_so() -> None:
    ready = a.Ready(agent="agent1")
    story = Story(live=False)
    story.remember(ready, CONTESTED)
    key = story.adopt(ready, baseline=BEFORE, left=8.0, age=3.0)
    early = story.adopt(ready, baseline=BEFORE, left=8.0, age=0.1)
    story.link_up(a_dialog(), user=a_user("READY", 1))
    story.wait(8)
    assert story.said(key) == ("unconfirmed", "ambiguous")
    assert story.said(early) == ("unconfirmed", "ambiguous")  # the two contest it now


# -- each family -----------------------------------------------------------------------------


def test_a_call_that_was_made_is_found_by_a_get() -> None:
    story = Story(live=False)
    key = story.adopt(CALL, baseline=BEFORE, left=8.0)
    story.link_up(a_dialog(), placed("ALERTING"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (-1, ("confirmed", "expectation")),
        (0.5, ("unconfirmed", "restarted")),  # in the second of the answer, or before
        (None, ("unconfirmed", "restarted")),
    ],
)
def test_a_call_that_is_told_to_go_on_behind_the_answer_was_not_gone_before_it(
    answered: float | None, said: tuple[str, str]
) -> None:
    # 4: what calls were gone by sending is not kept, and their news may be told again
    story = Story(live=False)
    date = instant(clock(answered)) if answered is not None else None
    key = story.adopt(CALL, baseline=BEFORE, left=8.0, answer_date=date)
    story.hear(an_event(placed("ALERTING")))
    story.wait(8)
    assert story.said(key) == said


def test_a_transfer_is_not_proved_by_absence() -> None:
    story = Story(live=False)
    key = story.adopt(a.Transfer(agent="agent1", dialog_id="100"), baseline=BEFORE, left=8.0)
    story.link_up(user=a_user())
    story.wait(8)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_drop_is_proved_by_two_gets_that_agree() -> None:
    story = Story(live=False)
    key = story.adopt(a.Drop(agent="agent1", dialog_id="100"), baseline=BEFORE, left=8.0)
    story.link_up(user=a_user())
    story.wait(4)
    story.look()
    story.wait(3)
    story.look()
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_dialog_that_ends_after_the_restart_ends_what_is_open_on_it() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=8.0)
    story.link_up(a_dialog(), user=a_user())
    story.hear(removed())
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_user_that_became_ready_over_the_restart_is_found() -> None:
    story = Story(live=False)
    key = story.adopt(a.Ready(agent="agent1"), baseline=BEFORE, left=8.0)
    story.link_up(a_dialog(), user=a_user())
    story.hear(a_user_event(a_user("READY", 5)))
    assert story.said(key) == ("confirmed", "expectation")


# -- what may be published again --------------------------------------------------------------


def test_call_data_in_an_event_is_looked_up_after_a_restart() -> None:
    # 4: it carries no time, and what was heard before the restart is not known any more
    story = Story(live=False)
    key = story.adopt(data("x"), baseline=Baseline(with_value("y")), left=8.0)
    story.link_up(with_value("y"), user=a_user())
    story.hear(an_event(with_value("x")))
    assert story.said(key)[0] == "open"
    story.wait(5)
    story.look(with_value("x"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_an_old_content_that_is_published_again_confirms_nothing() -> None:
    story = Story(live=False)
    key = story.adopt(data("x"), baseline=Baseline(with_value("y")), left=8.0)
    story.link_up(with_value("y"), user=a_user())
    story.hear(an_event(with_value("x")))
    story.wait(5)
    story.look(with_value("y"))
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_call_data_with_our_id_is_proof_after_a_restart_as_ever() -> None:
    two = a.UpdateCallData(
        agent="agent1", dialog_id="100", call_variables={"callVariable1": "x", "callVariable2": "x"}
    )
    for request, said in ((data("x"), "confirmed"), (two, "failed")):
        story = Story(live=False)
        key = story.adopt(request, baseline=Baseline(with_value("y")), left=8.0)
        story.link_up(with_value("y"), user=a_user())
        story.hear(an_event(with_value("x"), tag=key))
        story.wait(2)
        assert story.said(key) == (said, "request_id")


def test_a_part_of_call_data_says_nothing_after_a_restart() -> None:
    two = a.UpdateCallData(
        agent="agent1", dialog_id="100", call_variables={"callVariable1": "x", "callVariable2": "x"}
    )
    story = Story(live=False)
    key = story.adopt(two, baseline=Baseline(with_value("y")), left=8.0)
    story.link_up(with_value("y"), user=a_user())
    story.hear(an_event(with_value("x")))
    story.wait(8)
    assert story.said(key) == ("unconfirmed", "restarted")


# -- what is asked behind it --------------------------------------------------------------------


def asked_behind_a_restart(*, settled: bool = True) -> tuple[Story, str]:
    """Ask for a value as soon as the session is there again."""
    story = Story(live=False)
    if settled:
        done = Confirmed(evidence=Evidence.EXPECTATION)
        story.remember(data("x"), done, age=5.0, settled_ago=4.0, left=12.0)
    story.link_up(with_value("y"), user=a_user())
    story.wait(1)
    return story, story.accepted(data("x"))


def test_a_content_that_an_earlier_process_may_have_heard_proves_no_request_behind_it() -> None:
    # 4: Finesse publishes again at a session's beginning; call data carries no time
    story, key = asked_behind_a_restart()
    story.hear(an_event(with_value("x")))
    assert story.said(key)[0] == "open"
    story.wait(17)
    story.look(dialog=with_value("y"), listed=None)
    story.wait(3)
    assert story.said(key)[0] == "unconfirmed"


def test_behind_a_restart_a_get_tells_that_the_values_are_there() -> None:
    story, key = asked_behind_a_restart()
    story.hear(an_event(with_value("x")))
    story.wait(17)
    story.look(dialog=with_value("x"), listed=None)
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize("why", ["first process", "its id", "later state", "ten seconds"])
def test_what_no_earlier_process_can_have_heard_proves_it_at_once(why: str) -> None:
    story, key = asked_behind_a_restart(settled=why != "first process")
    if why == "ten seconds":
        story.wait(10)
    tag = key if why == "its id" else None
    story.hear(an_event(with_value("x", at=1.0 if why == "later state" else 0.0), tag=tag))
    assert story.said(key) == ("confirmed", "request_id" if tag else "expectation")

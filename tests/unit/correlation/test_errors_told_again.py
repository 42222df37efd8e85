"""Rules of evidence 5: errors that are late, published again, or from before a gap or a restart."""

from __future__ import annotations

import pytest

from listener.correlation.accusation import PRESUMED_FOR
from listener.correlation.desk import MAX_UNSIGNED, Limits
from listener.correlation.entry import MAX_SUSPICIONS
from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import BURST_WITHIN, Baseline
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
    a_user_event,
    added,
    an_error,
    an_event,
    own,
    removed,
)
from tests.unit.correlation.given import (
    DROP,
    FAILED_SOLE,
    HOLD,
    MAKE_CALL,
    dtmf,
    failed_consult,
)


def a_tone_that_followed(story: Story) -> str:
    """Let a DTMF's call become another one, on which an error may have been heard before."""
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(an_error(dialog_id="200"))
    return key


def joined_unseen() -> Dialog:
    return a_dialog("200", a_participant(), a_participant("1002"), secondary_id=CALL)


def test_an_error_published_again_after_a_gap_names_no_later_request() -> None:
    # a fail-over publishes again with new item ids; the refusal was the first request's
    story = Story()
    first = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(5)
    assert story.said(first) == ("failed", "sole_pending")
    story.link_down()
    story.wait(20)
    story.link_up(own("ACTIVE"))
    second = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_a_repeated_id_that_came_back_leaves_an_unsigned_error_unnamed() -> None:
    story = Story(a_dialog())
    story.accepted(a.Hold(agent=AGENT, dialog_id=CALL), id_="145")
    story.hear(an_event(own("HELD"), tag="145"))
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="5"), id_="145")
    story.hear(an_event(own("HELD", 2), tag="145"))
    story.hear(an_error("CF_INVALID_OBJECT_STATE"))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_an_error_published_again_with_older_news_names_nobody() -> None:
    story = Story()
    first = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(a_user_event(a_user("TALKING", 1)))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=7)
    story.wait(3)
    assert story.said(first) == ("failed", "sole_pending")
    story.hear(a_user_event(a_user("HOLD", 2)))
    story.wait(25)
    second = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(a_user_event(a_user("TALKING", 1)))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=7)
    story.wait(30)
    assert story.said(second) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(("known", "after", "said"), [(7, 0, None), (8, 0, "f"), (7, 2.1, "f")])
def test_an_error_published_again_just_before_older_news_names_nobody(
    known: int, after: float, said: str | None
) -> None:
    # 4, 5: a run that is published again may begin with the error, which was told before
    story = Story()
    first = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=known)
    story.wait(3)
    assert story.said(first) == ("failed", "sole_pending")
    story.hear(a_user_event(a_user("TALKING", 1)), a_user_event(a_user("HOLD", 2)))
    story.wait(25)
    second = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error("CF_RESOURCE_OUT_OF_SERVICE"), content=7)
    story.wait(after)
    story.hear(a_user_event(a_user("TALKING", 1)), a_user_event(a_user("HOLD", 2)))
    story.wait(30)
    assert story.said(second) == (FAILED_SOLE if said else ("unconfirmed", "ambiguous"))


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize(
    ("between", "said"), [(0, ("unconfirmed", "ambiguous")), (2.1, FAILED_SOLE)]
)
def test_an_error_published_again_beside_old_news_of_a_call_names_nobody(
    between: float,
    said: tuple[str, str],
    behind: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    # 4, 5: what Finesse publishes again comes in one run, whatever it is about
    story = Story()
    first = story.accepted(HOLD)
    known = own("ACTIVE", 0, variables={"callVariable1": "x"})
    story.hear(an_error(), content=7)
    story.wait(3)
    assert story.said(first) == FAILED_SOLE
    story.hear(an_event(known), content=8)
    story.wait(25)
    second = story.accepted(HOLD)
    story.hear(an_error() if behind else an_event(known), content=7 if behind else 8)
    story.wait(between)
    story.hear(an_event(known) if behind else an_error(), content=8 if behind else 7)
    story.wait(30)
    assert story.said(second) == said


def test_older_news_long_behind_an_error_says_nothing_of_it() -> None:
    # 5: of two suspects one is left, which the error names
    story = Story(gate=GateMode.OFF)
    early = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(3)
    assert story.said(early) == FAILED_SOLE
    story.hear(a_user_event(a_user("TALKING", 1)), a_user_event(a_user("HOLD", 2)))
    story.wait(25)
    first, second = story.accepted(HOLD), story.accepted(DROP)
    story.hear(an_error(), content=7)
    story.wait(2.1)
    story.hear(a_user_event(a_user("TALKING", 1)))
    story.hear(an_event(own("HELD", 30), tag=first))
    story.wait(0.1)
    assert story.said(second) == FAILED_SOLE


@pytest.mark.parametrize("news", ["older", "the same"])
def test_an_error_just_before_old_news_after_a_restart_names_nobody(news: str) -> None:
    # 4, 5: what was told to the process before is not known
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    story.hear(a_user_event(a_user("TALKING", 9)), content=5)
    story.wait(30)
    hold = story.accepted(HOLD)
    story.hear(an_error())
    again = a_user("TALKING", 9) if news == "the same" else a_user("NOT_READY", 3)
    story.hear(a_user_event(again), content=5 if news == "the same" else 6)
    story.wait(3)
    assert story.said(hold)[0] == "open"


def test_the_sole_suspect_is_named_when_its_answer_comes_late() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.wait(1)
    story.hear(an_error())
    story.wait(4)
    story.accept(key)
    story.wait(0.1)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_just_before_the_answer_leaves_its_two_seconds() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_error())
    story.wait(0.5)
    story.accept(key)
    story.wait(1)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_error_between_the_windows_end_and_the_fence_names_the_digits() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    assert [ping.key for ping in story.pings] == [key]
    story.hear(an_error())
    story.fence(key, passed=True)
    assert story.said(key)[0] == "open"
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_errors_without_end_are_not_all_kept() -> None:
    story = Story()
    key = story.ask(HOLD)
    for _ in range(MAX_SUSPICIONS + 5):
        story.hear(an_error())
        story.wait(0.1)
    entry = story.correlator.entry(key)
    assert entry is not None
    assert len(entry.suspicions) == MAX_SUSPICIONS
    assert entry.clouded


def test_an_error_soon_after_digits_were_presumed_may_be_theirs() -> None:
    for after, word in ((0.4, "open"), (5.1, "failed")):
        story = Story()
        digits = story.accepted(dtmf())
        story.wait(6)
        assert story.said(digits)[0] == "presumed"
        key = story.accepted(HOLD)
        story.wait(after)
        story.hear(an_error())
        story.wait(2.5)
        assert story.said(key)[0] == word
        assert len(story.lates) == (word == "open")


def test_an_error_after_one_that_named_its_sole_suspect_may_be_that_ones() -> None:
    story = Story()
    first = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(3)
    assert story.said(first) == ("failed", "sole_pending")
    second = story.accepted(HOLD)
    story.wait(3)
    story.hear(an_error("another"))
    story.wait(3)
    assert story.said(second)[0] == "open"


def test_a_second_error_has_two_seconds_of_its_own() -> None:
    story = Story(gate=GateMode.OFF)
    key = story.accepted(HOLD)
    story.accepted(a.Retrieve(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(1)
    story.hear(an_error("INVALID_ACTION HOLD"))
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_before_the_fence_that_may_be_anothers_names_nobody() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    story.hear(an_event(own("HELD", 1), tag="somebody"), an_error())
    story.fence(key, passed=True)
    assert story.said(key) == ("unconfirmed", "ambiguous")


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
    first = story.ask(a.Hold(agent=AGENT, dialog_id=CALL), length=3.0)
    story.wait(3)
    assert story.said(first) == ("unconfirmed", "no_answer")
    data = a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "v"})
    key = story.accepted(data)
    story.wait(later)
    story.hear(an_error())
    story.wait(30)
    assert story.said(key) == said


def test_the_sole_suspect_of_a_late_error_is_named_when_the_fences_time_is_up() -> None:
    story = Story(fences=None)
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(6.3)
    story.hear(an_error())
    story.wait(0.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("failed", "sole_pending")


def test_that_call_is_remembered_over_a_restart() -> None:
    story = Story(own("HELD", 0))
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551"))
    story.hear(added(failed_consult()))
    after = Story(own("HELD", 0), failed_consult())
    request = a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551")
    after.remember(request, story.outcomes[consult])
    drop = after.accepted(a.Drop(agent=AGENT, dialog_id="200"))
    after.hear(an_error(dialog_id="200"))
    after.wait(2.1)
    assert after.said(drop)[0] == "open"


@pytest.mark.parametrize("bursts", [1, 2])
def test_an_error_in_a_burst_after_a_restart_names_nobody_though_the_user_is_as_he_was(
    bursts: int,
) -> None:
    # 4, 5: what was told to the process before is not known
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    for _ in range(bursts - 1):
        story.hear(a_user_event(a_user("TALKING", 9)), content=5)
        story.wait(30)
    make = story.accepted(MAKE_CALL)
    story.hear(a_user_event(a_user("TALKING", 9)), content=5)
    story.hear(an_error(dialog_id=None))
    story.wait(3)
    assert story.said(make)[0] == "open"


def test_an_error_long_after_a_burst_names_the_one_who_is_left() -> None:
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    story.hear(a_user_event(a_user("TALKING", 9)))
    story.wait(3)
    make = story.accepted(MAKE_CALL)
    story.hear(an_error(dialog_id=None))
    story.wait(3)
    assert story.said(make) == ("failed", "sole_pending")


@pytest.mark.parametrize("old", [False, True])
def test_an_error_behind_what_this_process_heard_first_was_not_told_to_the_one_before(
    *, old: bool
) -> None:
    # 4: Finesse publishes again in the order in which it was told; an error there would be a repeat
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    story.hear(a_user_event(a_user("HOLD", 12)), a_user_event(a_user("TALKING", 15)))
    hold = story.accepted(HOLD)
    story.hear(a_user_event(a_user("TALKING", 9) if old else a_user("HOLD", 12)))
    story.hear(an_error())
    story.wait(3)
    assert story.said(hold)[0] == ("open" if old else "failed")


# -- errors before and after -----------------------------------------------------------------------


def test_an_error_heard_again_about_a_call_that_came_in_is_no_refusal_of_one_that_is_made() -> None:
    story = Story()
    key = story.adopt(MAKE_CALL, baseline=Baseline(a_dialog(), (), a_user()), left=15, gap=False)
    ringing = added(a_dialog("300", a_participant(state="ALERTING"), state="ALERTING"))
    story.hear(ringing)
    story.rehear(key, ringing, an_error(dialog_id="300"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_the_fences_answer_may_come_when_the_error_names_the_digits() -> None:
    story = Story(fences=None)
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(5.3)
    story.hear(an_error())
    story.now += 2  # the answer is read before the timer rings
    story.fence(key, passed=True)
    assert story.said(key) == ("failed", "sole_pending")


# -- errors on what no request of ours makes (5: open on that dialog) ------------------------------


def test_digits_are_not_presumed_after_an_error_without_a_source() -> None:
    story = Story()
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(an_error(dialog_id=None))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_digits_are_not_presumed_where_an_error_was_read_before_the_calls_were_joined() -> None:
    consult = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(own("HELD", 0), consult, gate=GateMode.OFF)
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="200", dtmf_string="1"))
    other = story.accepted(a.Conference(agent=AGENT, dialog_id=CALL))
    story.hear(an_error(dialog_id=CALL))
    both = (a_participant(CUSTOMER), a_participant("1002"))
    joined = a_dialog(CALL, a_participant(EXT, "ACTIVE", 2), *both, secondary_id="200")
    story.hear(an_event(joined, tag=other))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- what an earlier process heard may be published again (4) --------------------------------------


@pytest.mark.parametrize(("since", "said"), [(1.0, "unconfirmed"), (BURST_WITHIN + 1, "failed")])
def test_an_unsigned_error_soon_after_a_restart_may_be_one_that_was_heard_before(
    since: float, said: str
) -> None:
    story = Story(live=False)
    told = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(a.Ready(agent=AGENT), told, age=60.0, settled_ago=50.0, left=0.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(since)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(30)
    assert story.said(key)[0] == said


def test_an_error_without_a_source_clouds_an_adopted_call_request() -> None:
    story = Story()
    was = story.correlator.picture(AGENT).baseline(CALL)
    key = story.adopt(
        a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"), baseline=was, left=5.3, gap=False
    )
    story.rehear(key, an_error(dialog_id=None))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- after a restart, and in a hand-over -----------------------------------------------------------


@pytest.mark.parametrize("how", ["at once", "first attempt failed", "lost at once"])
def test_an_error_soon_after_the_first_session_names_nobody_however_that_began(how: str) -> None:
    story = Story(live=False)
    story.adopt(a.Hold(agent="agent9", dialog_id="900"), baseline=None, left=5.0)
    if how == "first attempt failed":
        story.link_down()
        story.wait(3)
    story.link_up(a_dialog(), user=a_user())
    story.wait(1)
    if how == "lost at once":
        story.link_down()
        story.wait(1)
        story.link_up(a_dialog(), user=a_user())
        story.wait(1)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_an_error_after_a_later_gap_names_its_sole_owner_again() -> None:
    story = Story(live=False)
    story.adopt(a.Hold(agent="agent9", dialog_id="900"), baseline=None, left=5.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(60)
    story.link_down()
    story.wait(1)
    story.link_up(a_dialog(), user=a_user())
    story.wait(1)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key) == ("failed", "sole_pending")


# -- unsigned errors (5) ---------------------------------------------------------------------------


def test_the_errors_of_one_agent_push_out_none_of_another() -> None:
    story = Story()
    story.link_up(a_dialog("900"), agent="agent2", user=a_user())
    key = a_tone_that_followed(story)
    for n in range(1000):
        story.hear(an_error(f"{n}", dialog_id="900", owner="agent2"))
    story.hear(an_event(joined_unseen()))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(("more", "word"), [(0, "presumed"), (MAX_UNSIGNED, "unconfirmed")])
def test_where_more_errors_came_than_are_remembered_any_may_be_its_own(
    more: int, word: str
) -> None:
    story = Story()
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    for n in range(more):
        story.hear(an_error(f"{n}", dialog_id="900"))
    story.hear(an_event(joined_unseen()))
    story.wait(30)
    assert story.said(key)[0] == word


@pytest.mark.parametrize("dialog_id", ["900", "200"])
def test_no_error_from_before_it_left_is_its_own_though_its_call_became_another_by_then(
    dialog_id: str,
) -> None:
    story = Story()
    for n in range(MAX_UNSIGNED):
        story.hear(an_error(f"{n}", dialog_id=dialog_id))
    story.wait(1)
    story.leaving = False
    key = story.ask(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(an_event(joined_unseen()))
    story.leave(key)
    story.accept(key)
    story.wait(30)
    assert story.said(key)[0] == "presumed"


@pytest.mark.parametrize(("after", "word"), [(60, "open"), (901, "failed")])
def test_what_an_earlier_process_heard_comes_again_for_a_while_only(after: float, word) -> None:
    story = Story(live=False, limits=Limits(tombstone_for=900.0))
    story.adopt(a.Hold(agent="agent9", dialog_id="900"), baseline=None, left=5.0)
    story.wait(after)
    story.link_up(a_dialog(), user=a_user())  # an agent who comes only now
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key)[0] == word


# -- whose an unsigned error may be ----------------------------------------------------------------


@pytest.mark.parametrize(("later", "said"), [(11.0, FAILED_SOLE), (1.0, ("open", None))])
def test_an_error_is_a_repeat_of_one_from_before_a_gap_only_soon_after_the_gap(
    later: float, said: tuple[str, str | None]
) -> None:
    story = Story()
    story.hear(an_error(), content=99)
    story.wait(10)
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.wait(later)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error(), content=99)
    story.wait(2.1)
    assert story.said(hold) == said


def test_a_proof_that_a_gap_takes_away_leaves_the_doubt_whose_an_error_was() -> None:
    story = Story(gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    drop = story.accepted(DROP)
    story.hear(an_error())
    story.wait(1.5)
    story.hear(removed(own("DROPPED", 2)))  # another call could name this one for a second
    story.wait(0.6)
    story.link_down()
    story.hear(an_event(own("HELD", 1), tag=hold, owner="agent2"))
    story.wait(1)
    assert story.said(hold) == ("confirmed", "request_id")
    assert story.said(drop)[0] == "open"


def test_an_error_that_was_heard_before_a_hand_over_is_a_doubt_of_a_tone_that_is_adopted() -> None:
    # it is on the call that the tone's became, which was heard behind it
    story = Story(a_dialog(), a_dialog("200"))
    events = (an_error(dialog_id="200"), an_event(a_dialog("200", secondary_id="100")))
    story.hear(*events)
    start = Baseline(dialog=a_dialog(), others=(a_dialog("200"),), user=a_user())
    tone = a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1")
    key = story.adopt(tone, baseline=start, left=5, gap=False)
    story.rehear(key, *events)
    story.wait(12)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- errors, and news that are told again ----------------------------------------------------------


def test_an_error_that_came_again_with_its_item_is_a_repeat_with_a_new_one() -> None:
    # 4: Finesse publishes again
    story = Story()
    error = an_error()
    story.hear(error, content=7)
    story.wait(4)
    story.hear(error, content=7)
    story.wait(4)
    hold = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(3)
    assert story.said(hold)[0] == "open"


def test_an_error_behind_old_news_after_a_restart_names_nobody() -> None:
    # 4, 5: what was told to the process before is not known
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    hold = story.accepted(HOLD)
    story.hear(a_user_event(a_user("NOT_READY", 3)), an_error())
    story.wait(3)
    assert story.said(hold)[0] == "open"

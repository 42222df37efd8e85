"""Rules of evidence 7: what a GET may prove, when, and that absence proves nothing but DROP."""

from __future__ import annotations

import pytest

from listener.correlation.ages import merged
from listener.correlation.gone import MAX_REMOVED
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import MAX_DIALOGS, AgentPicture
from listener.finesse import actions as a
from listener.finesse.actions.expectation import Probe
from listener.finesse.events import Event
from tests.builders import (
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

HOLD = a.Hold(agent="agent1", dialog_id="100")
DROP = a.Drop(agent="agent1", dialog_id="100")


def test_the_probe_goes_out_three_seconds_before_the_deadline() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(16.9)
    assert story.asks == []
    story.wait(0.1)
    (ask,) = story.asks
    assert (ask.key, ask.agent, ask.probe, ask.dialog_id) == (key, "agent1", Probe.DIALOG, "100")


def test_the_probe_goes_out_whatever_the_links_state() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.link_down()
    story.wait(17)
    story.look(dialog=own("HELD"), listed=None)
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_get_that_shows_the_effect_confirms() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(17)
    story.look(own("HELD"))
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize("dialog", [own("ACTIVE", 0), own("DROPPED", 1), own("HELD", -1)])
def test_a_get_that_does_not_show_the_effect_fails_nothing(dialog: object) -> None:
    # 1
    story = Story()
    key = story.accepted(HOLD)
    story.wait(17)
    story.look(dialog=dialog, listed=None)
    story.wait(2.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_get_that_failed_tells_nothing() -> None:
    # 7: a 401 or 5xx is not absence
    story = Story()
    key = story.accepted(DROP)
    story.wait(13.5)
    story.look(ok=False)
    story.wait(7)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_get_sent_before_the_202_proves_nothing() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.wait(1)
    story.accept(key)
    story.wait(1)
    story.link_up(own("HELD"), user=a_user(), asked=story.now - 1.5)
    assert story.said(key)[0] == "open"
    story.wait(1)
    story.link_up(own("HELD"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


def test_before_an_answer_no_get_is_asked_for() -> None:
    story = Story()
    story.ask(HOLD)
    story.wait(19)
    assert story.asks == []


def test_a_get_crossed_by_an_event_is_repeated_three_times_at_most() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(17)
    for second in range(4):
        story.hear(an_event(own("ACTIVE", second + 1)))
        story.look(own("HELD", 9), asked=story.now)
    assert len(story.asks) == 3
    assert story.said(key)[0] == "open"


def test_a_stale_answer_or_one_for_a_settled_request_changes_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(17)
    first = story.asks[0]
    story.hear(an_event(own("ACTIVE", 1)))
    story.look(own("HELD", 9))
    story.look(own("HELD", 9), ask=first, asked=story.now + 1)
    assert story.said(key)[0] == "open"
    story.wait(3)
    story.look(own("HELD", 9), asked=story.now)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_what_comes_after_the_deadline_is_late() -> None:
    # 7: also when the timer rings late
    story = Story()
    key = story.accepted(HOLD)
    story.now += 21
    story.hear(an_event(own("HELD"), tag=key))
    assert story.said(key) == ("unconfirmed", "deadline")
    assert [late.kind for late in story.lates] == ["event"]


def test_after_a_gap_the_reconciling_look_confirms() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.link_down()
    story.wait(2)
    story.link_up(own("HELD"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_look_crossed_by_an_event_reconciles_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.link_down()
    asked = story.now
    story.wait(1)
    story.hear(an_event(own("ACTIVE", 3)))
    story.link_up(own("HELD", 2), user=a_user(), asked=asked)
    assert story.said(key)[0] == "open"


def test_a_look_that_failed_leaves_the_picture_unknown() -> None:
    story = Story(live=False)
    story.link_up(ok=False)
    assert not story.correlator.picture("agent1").live
    key = story.accepted(a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1"))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_get_confirms_a_new_call_and_a_user_state() -> None:
    story = Story()
    call, ready = (
        story.accepted(a.MakeCall(agent="agent1", to_address="5551")),
        story.accepted(a.Ready(agent="agent1")),
    )
    story.wait(17)
    by_key = {ask.key: ask for ask in story.asks}
    story.look(placed("ACTIVE"), ask=by_key[call])
    story.look(ask=by_key[ready], user=a_user("READY", 1), listed=None)
    assert story.said(call) == story.said(ready) == ("confirmed", "snapshot")
    assert by_key[call].dialog_id is None


@pytest.mark.parametrize(
    "request_",
    [
        a.Transfer(agent="agent1", dialog_id="100"),
        a.TransferSst(agent="agent1", dialog_id="100", to_address="1002"),
        a.Conference(agent="agent1", dialog_id="100"),
        a.PreviewClose(agent="agent1", dialog_id="100"),
        a.PreviewReject(agent="agent1", dialog_id="100"),
        a.TaskClose(agent="agent1", dialog_id="100"),
        a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1"),
    ],
)
def test_absence_proves_nothing_for_any_other_action(request_: a.Request) -> None:
    # 7
    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(request_)
    story.link_down()
    story.wait(1)
    story.link_up(user=a_user("NOT_READY", 3))
    story.wait(17)
    for ask in list(story.asks):
        story.look(ask=ask, absent=True)
    story.wait(10)
    assert story.said(key)[0] == "unconfirmed"


# -- the absence of a dropped call ----------------------------------------------------------


def test_two_gets_three_seconds_apart_prove_a_drop_by_absence() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.wait(13.5)
    story.look()
    assert story.said(key)[0] == "open"
    story.wait(2.9)
    assert len(story.asks) == 1
    story.wait(0.1)
    story.look()
    assert story.said(key) == ("confirmed", "snapshot")
    assert story.outcomes[key].stage == "DROPPED"


def test_a_repeat_of_the_first_look_is_not_three_seconds_later() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.wait(13.5)
    story.look()
    story.look()
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    "look",
    [
        {"listed": (own("ACTIVE", 0),)},
        {"listed": (a_dialog("300", secondary_id="100"),)},
        {"user": a_user("TALKING", 1)},
        {"user": None},
        {"listed": None},
    ],
    ids=["still there", "under another id", "user on a call", "user not known", "no list"],
)
def test_what_speaks_against_an_absence(look: dict[str, object]) -> None:
    story = Story()
    key = story.accepted(DROP)
    story.wait(13.5)
    story.look(**look)
    story.wait(3)
    story.look(**look)
    story.wait(4)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_user_on_another_call_fits_an_absence() -> None:
    story = Story(a_dialog(), a_dialog("200"))
    key = story.accepted(DROP)
    for seconds in (13.5, 3):
        story.wait(seconds)
        story.look(a_dialog("200"), user=a_user("TALKING", 1))
    assert story.said(key) == ("confirmed", "snapshot")


def test_while_finesse_is_away_absence_proves_nothing() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.correlator.finesse_present("agent1", available=False)
    story.wait(13.5)
    story.look()
    story.correlator.finesse_present("agent1", available=True)
    story.wait(3)
    assert len(story.asks) == 1
    story.wait(4)
    assert story.said(key)[0] == "unconfirmed"


def test_without_a_baseline_or_in_a_gap_absence_proves_nothing() -> None:
    for live in (True, False):
        story = Story(live=live)
        key = story.accepted(DROP)
        if live:
            story.link_down()
        story.wait(13.5)
        story.look()
        story.wait(7)
        assert story.said(key)[0] == "unconfirmed"


def test_a_get_that_shows_us_dropped_proves_a_drop() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.wait(13.5)
    story.look(own("DROPPED"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_short_deadline_still_leaves_room_for_its_get() -> None:
    story = Story()
    story.accepted(HOLD, length=2.0)
    story.wait(1)
    assert len(story.asks) == 1


def test_minimum_evidence_event_takes_no_reconciling_get_either() -> None:
    story = Story()
    key = story.accepted(HOLD, minimum=MinimumEvidence.EVENT)
    story.link_down()
    story.wait(1)
    story.link_up(own("HELD"), user=a_user())
    story.hear(an_event(own("HELD"), tag="foreign"))
    assert story.said(key)[0] == "open"
    assert story.correlator.entry(key).weak  # type: ignore[union-attr]


def test_a_followed_dialog_is_the_one_that_is_asked_for() -> None:
    story = Story()
    story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE", 1, id_="300", secondary_id="100")))
    story.wait(17)
    assert story.asks[0].dialog_id == "300"


# -- the picture ----------------------------------------------------------------------------


def test_pictures_merge_per_participant_by_the_later_time() -> None:
    # 7
    old = a_dialog("100", a_participant(state="HELD", at=5), a_participant(CUSTOMER, at=1))
    new = a_dialog("100", a_participant(state="ACTIVE", at=2), a_participant(CUSTOMER, "HELD", 6))
    states = [party.state for party in merged(old, new).participants]
    assert states == ["HELD", "HELD"]
    assert merged(old, old) is old


def test_a_listed_dialog_that_was_removed_since_stays_removed() -> None:
    story = Story()
    asked = story.now
    story.wait(1)
    story.hear(removed())
    story.link_up(a_dialog(), user=a_user(), asked=asked)
    assert "100" not in story.correlator.picture("agent1").dialogs


def test_a_dialog_that_came_since_stays_though_it_is_not_listed() -> None:
    story = Story()
    story.wait(1)
    asked = story.now
    story.wait(1)
    story.hear(an_event(a_dialog("200")))
    story.link_up(user=None, asked=asked)
    assert list(story.correlator.picture("agent1").dialogs) == ["200"]


def test_an_older_user_does_not_replace_a_newer_one() -> None:
    story = Story(user=a_user("READY", 5))
    story.hear(a_user_event(a_user("WORK", 1)))
    picture = story.correlator.picture("agent1")
    assert (picture.user.state, picture.extension) == ("READY", "1001")  # type: ignore[union-attr]
    assert AgentPicture().extension is None


def test_the_picture_is_bounded() -> None:
    picture = AgentPicture()
    for number in range(MAX_DIALOGS + 5):
        picture.put(str(number), a_dialog(str(number)), 1.0)
    assert len(picture.dialogs) == MAX_DIALOGS
    for number in range(MAX_REMOVED + 5):
        picture.remove(str(number), 2.0)
    assert len(picture.gone) == MAX_REMOVED
    assert picture.touched("nothing") == float("-inf")
    assert picture.touched(str(MAX_REMOVED)) == 2.0


def _away(story: Story, seconds: float) -> bool:
    """Have agent1's session lost, and another agent's so much later; say if it is known still."""
    story.link_down()
    story.wait(seconds)
    story.correlator.link_down(story.now, "agent9")
    return story.correlator.picture("agent1").user is not None


@pytest.mark.parametrize(("hours", "known"), [(1.9, True), (2.1, False)])
def test_who_has_had_no_session_for_two_hours_is_forgotten(hours: float, *, known: bool) -> None:
    assert _away(Story(a_dialog(), user=a_user("READY", 5)), hours * 3600) is known


def test_who_is_away_is_remembered_as_long_as_another_one_knows_a_call_of_theirs() -> None:
    story = Story(a_dialog(), user=a_user("READY", 5))
    story.hear(an_event(a_dialog(), owner="agent2"))
    assert _away(story, 3 * 3600)


def test_who_never_had_a_session_is_not_away() -> None:
    story = Story(user=a_user("READY", 5))
    story.hear(an_event(a_dialog("200"), owner="agent2"))
    assert not _away(story, 3 * 3600)
    assert list(story.correlator.picture("agent2").dialogs) == ["200"]


def test_an_open_request_keeps_the_agent_known() -> None:
    story = Story(a_dialog(), user=a_user("READY", 5))
    picture = story.correlator.picture("agent1")
    story.link_down()
    story.wait(3 * 3600)
    story.ask(HOLD)
    story.correlator.link_down(story.now, "agent9")
    assert story.correlator.picture("agent1") is picture


@pytest.mark.parametrize(
    "event",
    [
        an_event(own("HELD", 9)),
        removed(),
        an_error(),
        a_user_event(a_user("READY", 9)),
    ],
)
def test_whose_session_hears_though_no_get_is_answered_is_not_away(event: Event) -> None:
    # What is published again is known by what was heard (rules 4).
    story = Story(a_dialog(), user=a_user("READY", 5))
    picture = story.correlator.picture("agent1")
    story.link_down()
    story.wait(1.9 * 3600)
    story.hear(event)
    story.wait(600)
    story.correlator.link_down(story.now, "agent9")
    assert story.correlator.picture("agent1") is picture


def test_who_went_away_without_ever_having_had_a_call_is_forgotten() -> None:
    story = Story(live=False)
    story.link_up(user=a_user("READY", 5))
    picture = story.correlator.picture("agent1")
    story.link_down()
    story.wait(3 * 3600)
    story.correlator.link_down(story.now, "agent9")
    assert story.correlator.picture("agent1") is not picture


def test_what_another_one_knows_of_the_call_of_an_open_request_is_kept() -> None:
    story = Story(a_dialog(), user=a_user("READY", 5))
    story.hear(an_event(a_dialog(), owner="agent2"))
    story.link_up(a_dialog(), agent="agent2")
    picture = story.correlator.picture("agent2")
    story.link_down()
    story.correlator.link_down(story.now, "agent2")
    story.wait(3 * 3600)
    story.ask(HOLD)
    story.correlator.link_down(story.now, "agent9")
    assert story.correlator.picture("agent2") is picture


def test_a_listed_dialog_that_was_heard_of_since_keeps_the_newer_picture() -> None:
    story = Story(a_dialog(), a_dialog("200"))
    story.accepted(a.MakeCall(agent="agent1", to_address="5551"))
    key = story.accepted(DROP, own="1009")
    story.wait(17)
    asked = story.now
    story.wait(0.5)
    story.hear(an_event(own("HELD", 3, id_="200")))
    story.look(own("ACTIVE", 0, id_="200"), own("ACTIVE", 0), asked=asked, ask=story.asks[0])
    known = story.correlator.picture("agent1").dialogs["200"].dialog
    assert known.participants[0].state == "HELD"
    assert story.said(key)[0] == "open"

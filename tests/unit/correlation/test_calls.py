"""Rules of evidence 6.1 to 6.3, and 4.9 to 4.11 of the supervisors: calls made, moved, left."""

from __future__ import annotations

import pytest

from listener.correlation.case import Case
from listener.correlation.instants import instant
from listener.correlation.outcome import Confirmed, Failed
from listener.correlation.picture import Baseline
from listener.finesse.actions import (
    Answer,
    BargeCall,
    ConsultCall,
    Drop,
    Hold,
    MakeCall,
    ParticipantDrop,
    Retrieve,
    SilentMonitor,
)
from listener.finesse.actions.expectation import Barged
from tests.builders import (
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    added,
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)

CALL = MakeCall(agent="agent1", to_address="(555) 1")
CONSULT = ConsultCall(agent="agent1", dialog_id="100", to_address="5551")
DROP = Drop(agent="agent1", dialog_id="100")
MONITOR = SilentMonitor(agent="agent1", to_address="1002")
BARGE = BargeCall(
    agent="agent1", to_address="1002", associated_dialog_uri="/finesse/api/Dialog/300"
)


# -- 6.1 ------------------------------------------------------------------------------------


def test_initiating_proves_nothing() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(added(placed("INITIATING"), tag=key))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("state", ["ALERTING", "ACTIVE"])
@pytest.mark.parametrize("tagged", [True, False])
def test_alerting_or_active_confirms_a_call(state: str, tagged: bool) -> None:  # noqa: FBT001
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed(state), tag=key if tagged else None))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Confirmed)
    assert story.said(key)[1] == ("request_id" if tagged else "expectation")
    assert (outcome.stage, outcome.dialogs.new) == (state, "200")


def test_initiated_still_standing_at_the_deadline_confirms_with_that_stage() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("INITIATED")))
    story.wait(19.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].stage == "INITIATED"


def test_initiated_that_no_longer_stands_confirms_nothing() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("INITIATED")), an_event(placed("DROPPED")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_lost_link_takes_away_what_only_stands() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("INITIATED")))
    story.link_down()
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_failed_before_that_is_failed_with_its_state_cause() -> None:
    story = Story()
    key = story.accepted(CALL)
    busy = placed("FAILED", participants=(a_participant(state="FAILED", state_cause="BUSY"),))
    story.hear(an_event(placed("INITIATED")), an_event(busy))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert (outcome.state_cause, outcome.stage, outcome.errors) == ("BUSY", "FAILED", ())


def test_a_call_whose_own_participant_failed_is_failed() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("ACTIVE", participants=(a_participant(state="FAILED"),)), tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_a_dialog_of_the_baseline_is_not_the_new_call() -> None:
    story = Story(placed("INITIATED"))
    key = story.accepted(CALL)
    story.hear(an_event(placed("ALERTING")), an_event(placed("ACTIVE"), tag=key))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    "changes",
    [{"from_address": "1002"}, {"media": {"call_type": "SUPERVISOR_MONITOR"}}],
    ids=["from another device", "monitoring"],
)
def test_a_call_that_is_not_ours_proves_nothing(changes: dict[str, object]) -> None:
    media = changes.pop("media", {})
    dialog = a_dialog(
        "200", state="ALERTING", to_address="5551", media=media, **{"from_address": EXT} | changes
    )
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(dialog))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_the_dialed_number_may_name_the_target() -> None:
    story = Story()
    key = story.accepted(CALL)
    dialog = a_dialog(
        "200", state="ALERTING", from_address=EXT, to_address="", media={"dialed_number": "555-1"}
    )
    story.hear(an_event(dialog))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_number_changed_by_the_dial_plan_is_ambiguous_without_our_id() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("INITIATING", to="005551")), an_event(placed(to="005551")))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_number_changed_by_the_dial_plan_is_ours_with_our_id_on_any_event() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(added(placed("INITIATING", to=""), tag=key), an_event(placed(to="005551")))
    assert story.said(key) == ("confirmed", "request_id")


def test_another_call_beside_the_tagged_one_is_not_looked_at() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(added(placed("INITIATING"), tag=key), an_event(placed(id_="300", to="005551")))
    story.hear(an_event(placed("INITIATING", id_="400"), tag=key))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_call_removed_before_it_rang_ends_it() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed("INITIATING")), removed(placed("INITIATING")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("start", [102.0, 99.0])
def test_without_a_baseline_a_new_call_must_start_after_the_answer(start: float) -> None:
    # 4
    story = Story(live=False)
    key = story.ask(CALL)
    story.accept(key, date=instant(clock(100)))
    parties = (a_participant(state="INITIATED", start_time=clock(start)),)
    story.hear(an_event(placed(participants=parties)))
    assert story.said(key)[0] == ("confirmed" if start > 100 else "open")


def test_a_call_on_another_agents_node_is_not_ours() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(placed(), owner="agent2"))
    assert story.said(key)[0] == "open"


def consult_call(**changes: object) -> object:
    media = changes.pop("media", {"call_type": "CONSULT"})
    return a_dialog(
        "200",
        state="ALERTING",
        media=media,
        **{"from_address": EXT, "to_address": "5551"} | changes,
    )


def test_a_consult_is_proven_by_its_call_type() -> None:
    story = Story()
    key = story.accepted(CONSULT)
    story.hear(an_event(own("HELD")))
    assert story.said(key)[0] == "open"  # held alone is not enough
    story.hear(added(consult_call()))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_consult_is_proven_by_the_associated_dialog() -> None:
    story = Story()
    key = story.accepted(CONSULT)
    uri = "/finesse/api/Dialog/100"
    story.hear(added(consult_call(media={}, associated_dialog_uri=uri)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_call_that_is_no_consult_is_ambiguous_for_one() -> None:
    story = Story()
    key = story.accepted(CONSULT)
    story.hear(added(consult_call(media={})))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_consult_ends_with_the_call_it_is_about() -> None:
    # 6.10
    story = Story()
    key = story.accepted(CONSULT)
    story.hear(removed())
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_an_expected_call_claims_the_call_that_bore_its_id_before_it_was_registered() -> None:
    # 2: the memory of events before registration serves tagged events
    story = Story()
    story.hear(added(placed("INITIATING"), tag="t"))
    key = story.ask(CALL, id_="t", expected=True)
    story.hear(an_event(placed("ALERTING")))
    assert story.said(key) == ("confirmed", "request_id")


# -- 6.2 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "before", "after"),
    [
        (Hold, "ACTIVE", "HELD"),
        (Retrieve, "HELD", "ACTIVE"),
        (Answer, "ALERTING", "ACTIVE"),
    ],
)
def test_the_own_participants_state_proves_never_the_dialogs(
    request_: type, before: str, after: str
) -> None:
    story = Story(own(before, 0))
    key = story.accepted(request_(agent="agent1", dialog_id="100"))
    other = a_dialog("100", a_participant(state=before), a_participant(CUSTOMER, after, 1))
    story.hear(an_event(other), an_event(own(before, 0, secondary_id="")))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own(after, 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_caller_who_hangs_up_first_ends_an_answer() -> None:
    story = Story(own("ALERTING", 0))
    key = story.accepted(Answer(agent="agent1", dialog_id="100"))
    story.hear(removed(own("ALERTING", 0)))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


# -- 6.3 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["DROPPED", "WRAP_UP"])
def test_the_own_participant_that_left_confirms_a_drop(state: str) -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(an_event(own(state)))
    assert story.said(key) == ("confirmed", "expectation")


def test_another_party_that_left_confirms_no_drop() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(an_event(a_dialog("100", a_participant(), a_participant(CUSTOMER, "DROPPED", 1))))
    assert story.said(key)[0] == "open"


def test_a_delete_that_shows_us_dropped_confirms_after_a_second() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed())
    story.wait(0.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("confirmed", "expectation")


def test_a_delete_without_us_dropped_proves_nothing() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed(own("ACTIVE", 0)))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("dialog", [a_dialog("100", a_participant(CUSTOMER)), own("WRAP_UP")])
def test_a_bare_delete_proves_a_drop_only_with_our_id(dialog: object) -> None:
    for tagged in (True, False):
        story = Story()
        key = story.accepted(DROP)
        story.hear(removed(dialog, tag=key if tagged else None))
        story.wait(2)
        wanted = ("confirmed", "request_id") if tagged else ("unconfirmed", "dialog_ended")
        assert story.said(key) == wanted


def test_a_delete_that_followed_us_dropped_confirms() -> None:
    # 6.3: or followed
    story = Story()
    key = story.ask(DROP)
    story.hear(an_event(own("DROPPED")), removed(a_dialog("100", a_participant(CUSTOMER))))
    story.accept(key)
    assert story.said(key) == ("confirmed", "expectation")


def test_the_delete_of_a_call_that_was_left_before_is_no_change() -> None:
    # 4
    story = Story(own("DROPPED", 0))
    key = story.accepted(DROP)
    story.hear(removed(own("DROPPED", 0)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize(("at", "word"), [(102, "confirmed"), (99, "unconfirmed")])
def test_without_a_baseline_a_delete_counts_by_its_time(at: float, word: str) -> None:
    story = Story(live=False)
    key = story.ask(DROP)
    story.accept(key, date=instant(clock(100)))
    story.hear(removed(own("DROPPED", at)))
    story.wait(20)
    assert story.said(key)[0] == word


def test_a_delete_on_another_agents_node_proves_no_drop() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed(tag=key, owner="agent2"))
    story.wait(3)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("first", ["delete", "survivor"])
def test_a_call_that_goes_on_under_another_id_was_not_dropped(first: str) -> None:
    # 6.3: every open request follows the id to the survivor
    story = Story()
    key = story.accepted(DROP)
    survivor = own("ACTIVE", 1, id_="300", secondary_id="100")
    events = [removed(), an_event(survivor)]
    story.hear(*(events if first == "delete" else reversed(events)))
    story.wait(3)
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("DROPPED", 5, id_="300", secondary_id="100")))
    assert story.said(key) == ("confirmed", "expectation")


def test_another_agents_survivor_moves_nothing() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed(), an_event(own("ACTIVE", id_="300", secondary_id="100"), owner="agent2"))
    story.wait(1)
    assert story.said(key) == ("confirmed", "expectation")


def test_a_link_lost_in_the_quiet_second_takes_the_proof_away() -> None:
    # 6.3: the survivor's event may be missed
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed())
    story.link_down()
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_tagged_delete_outweighs_an_untagged_one() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(removed(), removed(tag=key), removed(own("DROPPED", 2)))
    story.wait(1)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tombstone_leaves_no_trace_on_the_dialogs_it_followed() -> None:
    story = Story()
    key = story.accepted(DROP)
    story.hear(an_event(own("ACTIVE", 1, id_="300", secondary_id="100")))
    story.wait(1000)
    assert story.correlator.state(key) is None
    books = story.correlator._desk.books
    assert books._by_dialog == books._by_id == books._by_agent == {}


# -- supervisors ----------------------------------------------------------------------------


def monitor(state: str = "ACTIVE", **changes: object) -> object:
    parties = (a_participant(state=state, at=1), a_participant("1002", at=1))
    media = changes.pop("media", {"call_type": "SUPERVISOR_MONITOR"})
    return a_dialog(
        "300", *parties, media=media, **{"from_address": EXT, "to_address": "1002"} | changes
    )


def test_an_active_monitor_call_to_that_agent_confirms() -> None:
    # 4.9
    story = Story()
    key = story.accepted(MONITOR)
    story.hear(added(monitor("INITIATING")))
    assert story.said(key)[0] == "open"
    story.hear(an_event(monitor(to_address="")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_call_that_is_no_monitoring_confirms_it_only_with_our_id() -> None:
    story = Story()
    key = story.accepted(MONITOR)
    story.hear(an_event(monitor(media={})), an_event(monitor(), owner="agent2"))
    assert story.said(key)[0] == "open"
    story.hear(added(monitor("ALERTING", media={}), tag=key), an_event(monitor(media={})))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_monitor_call_that_is_removed_ends_it() -> None:
    story = Story()
    key = story.accepted(MONITOR)
    story.hear(added(monitor("ALERTING")), removed(monitor("ALERTING")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def joined(id_: str = "400", state: str = "ACTIVE", **changes: object) -> object:
    parties = (a_participant(state=state, at=2), a_participant("1002"), a_participant(CUSTOMER))
    return a_dialog(id_, *parties, **changes)


@pytest.mark.parametrize("order", ["joined first", "monitor gone first"])
def test_an_active_part_in_the_agents_call_confirms_a_barge(order: str) -> None:
    # 4.10
    story = Story(monitor())
    key = story.accepted(BARGE)
    events = [an_event(joined()), removed(monitor("DROPPED"))]
    story.hear(*(events if order == "joined first" else reversed(events)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.survivor == "400"
    seen = ("300",) if order == "monitor gone first" else ()  # ids are told as far as seen
    assert story.outcomes[key].dialogs.gone == seen


@pytest.mark.parametrize(
    "dialog",
    [
        joined(state="HELD"),
        monitor(),
        a_dialog("400", a_participant(), a_participant("1003"), a_participant(CUSTOMER)),
        a_dialog("400", a_participant(), a_participant("1002"), a_participant(CUSTOMER, "DROPPED")),
        joined(media={"call_type": "SUPERVISOR_MONITOR"}),
    ],
)
def test_less_than_that_proves_no_barge(dialog: object) -> None:
    story = Story(monitor())
    key = story.accepted(BARGE)
    story.hear(an_event(dialog))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_call_that_was_joined_before_proves_no_barge() -> None:
    # 4
    story = Story(monitor(), joined())
    key = story.accepted(BARGE)
    story.hear(an_event(joined(secondary_id="")))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_the_monitor_call_itself_may_become_the_barged_one() -> None:
    story = Story(monitor())
    key = story.accepted(BARGE)
    story.hear(an_event(joined("300")))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ()


@pytest.mark.parametrize("tagged", [True, False])
def test_without_a_baseline_a_joined_call_proves_a_barge_by_its_id_alone(tagged: bool) -> None:  # noqa: FBT001
    # 3: what comes with our id is ours, whatever was known of that call before
    story = Story(live=False)
    key = story.accepted(BARGE)
    story.hear(an_event(joined(), tag=key if tagged else None))
    story.wait(20)
    assert story.said(key) == (
        ("confirmed", "request_id") if tagged else ("unconfirmed", "link_lost")
    )


def test_a_baseline_knows_its_own_dialog_too() -> None:
    assert Baseline(a_dialog("1"), (a_dialog("2"),)).ids == {"1", "2"}
    assert Baseline(None, (a_dialog("2", id=None, uri="/finesse/api/Dialog/7"),)).ids == {"7"}
    case = Case("agent1", EXT, Barged("1002", None))
    case.begin(None, None)
    assert case.ids == set()


PARTY = ParticipantDrop(agent="agent1", dialog_id="100", target_media_address="1002")
THREE = a_dialog("100", a_participant(), a_participant("1002"), a_participant(CUSTOMER))


@pytest.mark.parametrize(
    "after",
    [
        a_dialog("100", a_participant(), a_participant(CUSTOMER)),
        a_dialog("100", a_participant(), a_participant("1002", "DROPPED", 1)),
    ],
)
def test_a_party_gone_confirms_participant_drop(after: object) -> None:
    # 4.11
    story = Story(THREE)
    key = story.accepted(PARTY)
    story.hear(an_event(after))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_dialog_without_any_parties_shows_nobody_gone() -> None:
    story = Story(THREE)
    key = story.accepted(PARTY)
    empty = a_dialog("100")
    object.__setattr__(empty, "participants", ())
    story.hear(an_event(empty), an_event(THREE))
    assert story.said(key)[0] == "open"


def test_a_party_that_was_gone_before_is_no_change() -> None:
    gone = a_dialog("100", a_participant(), a_participant("1002", "DROPPED"))
    story = Story(gone)
    key = story.accepted(PARTY)
    story.hear(an_event(a_dialog("100", a_participant(), a_participant("1002", "DROPPED", 1))))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("after", "word"),
    [
        (a_dialog("100", a_participant(), a_participant("1002", "DROPPED", 102)), "confirmed"),
        (a_dialog("100", a_participant(), a_participant("1002", "DROPPED", 99)), "open"),
        (a_dialog("100", a_participant()), "open"),
    ],
)
def test_without_a_baseline_a_party_gone_counts_by_its_time(after: object, word: str) -> None:
    story = Story(live=False)
    key = story.ask(PARTY)
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(after))
    assert story.said(key)[0] == word


def test_the_end_of_the_conference_ends_participant_drop() -> None:
    story = Story(THREE)
    key = story.accepted(PARTY)
    story.hear(removed())
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("tag", ["ours", "their"])
def test_the_id_of_a_barge_on_the_call_that_it_joined_is_ours_on_a_colleagues_node_too(
    tag: str,
) -> None:
    # 3: what Finesse publishes there again with it is no other client's work
    story = Story(monitor())
    key = story.accepted(BARGE)
    story.hear(an_event(joined(), tag=key), removed(monitor("DROPPED")))
    assert story.said(key)[0] == "confirmed"
    hold = story.accepted(Hold(agent="agent1", dialog_id="400"))
    again = joined(state="HELD", associated_dialog_uri="told again")
    story.hear(an_event(again, owner="agent2", tag=key if tag == "ours" else tag))
    story.hear(an_error(dialog_id="400"))
    story.wait(25)
    said = ("failed", "sole_pending") if tag == "ours" else ("unconfirmed", "ambiguous")
    assert story.said(hold) == said

"""Rules of evidence 6.1: which call was made, or is watched, for a request, and how far it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import Failed
from listener.correlation.picture import Baseline
from listener.errors import InvalidRequest
from listener.finesse import actions as a
from listener.finesse.actions.checks import same_number
from listener.finesse.model import Dialog, MediaProperties
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import (
    CONFIRMED,
    CONSULT,
    FAILED_SOLE,
    MAKE_CALL,
    MAKE_CALL_FROM,
    ON_CALL,
    call,
    watch_of_an_agent,
)

CONSULT_MEDIA = MediaProperties(call_type="CONSULT")
WATCH = a.SilentMonitor(agent=AGENT, from_address=EXT, to_address="1002")


def monitor(state: str = "ACTIVE", **changes: Any) -> Dialog:
    """Return a monitor call of the agent's."""
    media = {"call_type": "SUPERVISOR_MONITOR"}
    parties = (a_participant(state=state, at=5), a_participant("2002", "ACTIVE", at=5))
    return a_dialog("300", *parties, media=media, state=state, from_address=EXT, **changes)


def a_watch_over(state: str = "ACTIVE") -> Dialog:
    """Return the watch over a colleague."""
    parties = (a_participant(EXT, state, 1), a_participant("1002", state, 1))
    media = {"call_type": "SUPERVISOR_MONITOR"}
    return a_dialog("300", *parties, media=media, from_address=EXT, to_address="1002", state=state)


def begun(state: str, at: float) -> Dialog:
    """Return the call that is made, with the own part in that state."""
    mine = a_participant(state=state, at=at)
    return a_dialog("200", mine, state=state, from_address="1001", to_address="5551")


@pytest.mark.parametrize("tagged", [True, False])
def test_a_call_that_bore_anothers_id_proves_no_second_request_for_that_number(
    tagged: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    # both were let past each other; the call of the first rings in an event without its id
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING"), tag=first))
    story.hear(an_event(placed("ALERTING"), tag=first if tagged else None))
    assert story.said(first) == ("confirmed", "request_id")
    story.hear(an_event(placed("ACTIVE")))
    assert story.said(second)[0] == "open"
    story.hear(added(placed("ALERTING", id_="201")))
    assert story.said(second) == ("confirmed", "expectation")


def test_a_call_that_bore_anothers_id_proves_nothing_where_no_start_was_known() -> None:
    story = Story(gate=GateMode.OFF)
    story.link_down()
    first = story.accepted(MAKE_CALL)
    second = story.ask(MAKE_CALL)
    story.accept(second, date=0.0)
    story.link_up(a_dialog(), user=a_user())
    story.hear(added(placed("ALERTING"), tag=first), an_event(placed("ACTIVE")))
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"


def test_a_tagged_call_to_the_target_is_ours_though_nothing_was_known_at_sending() -> None:
    # its POST was lost, and no Date tells yet what is new
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_event(placed("ACTIVE", to="5552"), tag=key))  # one that it may have held
    assert story.said(key)[0] == "open"
    story.hear(an_event(placed("ACTIVE"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_consult_call_is_not_the_call_that_was_to_be_made() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("FAILED", media_properties=CONSULT_MEDIA)))
    story.hear(an_event(placed("ALERTING", media_properties=CONSULT_MEDIA)))
    assert story.said(key)[0] == "open"
    story.hear(added(placed("ALERTING", id_="201")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_tagged_call_that_came_to_the_list_since_is_ours_whatever_its_number() -> None:
    # the dial plan changed the number, and nothing was known at sending
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.link_up(a_dialog(), user=a_user())
    story.hear(added(placed("INITIATING", to="5552")))
    story.hear(an_event(placed("ALERTING", to="5552"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tagged_watch_over_the_very_agent_is_ours_though_nothing_was_known_at_sending() -> None:
    story = Story()
    story.link_down()
    key = story.ask(a.SilentMonitor(agent=AGENT, to_address="1002"))
    story.link_up(a_dialog(), user=a_user())
    parties = (a_participant(), a_participant("1002"))
    watch = {"media": {"call_type": "SUPERVISOR_MONITOR"}, "from_address": EXT}
    story.hear(an_event(a_dialog("300", *parties, **watch), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_barge_tells_of_the_monitor_call_only_when_it_was_seen_to_go() -> None:
    watch = watch_of_an_agent("ACTIVE")
    story = Story(watch, a_dialog("900"))
    key = story.accepted(
        a.BargeCall(agent=AGENT, to_address="1002", associated_dialog_uri="/finesse/api/Dialog/500")
    )
    parties = (a_participant(at=2), a_participant("1002"), a_participant(CUSTOMER))
    story.hear(an_event(a_dialog("400", *parties)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ()


def test_a_call_that_comes_in_meanwhile_is_none_that_a_consult_makes() -> None:
    story = Story()
    key = story.accepted(a.ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551"))
    story.hear(an_error())
    incoming = call("300", "ALERTING", "5550107", from_address="5550107")
    answered = replace(
        incoming, participants=(a_participant(state="ACTIVE", at=1), a_participant("5550107"))
    )
    story.hear(added(incoming), an_event(answered))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_call_of_our_device_that_moves_meanwhile_may_be_the_one_that_is_made() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.hear(an_error(dialog_id=None))
    story.hear(added(placed("INITIATING", to="5559")), an_event(placed("INITIATED", to="5559")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_after_a_restart_a_new_call_is_one_that_a_get_shows() -> None:
    story = Story(live=False)
    key = story.adopt(MAKE_CALL_FROM, baseline=Baseline(), left=10.0)
    story.link_up(user=a_user())
    story.hear(an_event(placed("ACTIVE")))  # it may be over since before the request
    assert story.said(key)[0] == "open"
    story.wait(7)
    story.look(placed("ACTIVE"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_call_that_was_gone_at_sending_is_not_made_though_it_was_told_again_since() -> None:
    # 4: this process has taken the request over; the journalled start has not got that call
    call = replace(placed("ACTIVE", id_="300"))
    parties = tuple(replace(each, start_time=None) for each in call.participants)
    call = replace(call, participants=parties)
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    story.hear(added(call), removed(replace(call, state="DROPPED")))
    story.wait(5)
    again = added(replace(call, media_properties=replace(call.media_properties, dnis="x")))
    story.hear(again)
    start = Baseline(None, (own("ACTIVE", 0),), a_user())
    make = story.adopt(MAKE_CALL, baseline=start, left=10.0, age=3.0, gap=False)
    story.rehear(make, again)
    story.wait(20)
    assert story.said(make)[0] != "confirmed"


# -- monitoring ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tagged", [True, False])
def test_a_monitor_call_that_fails_fails_the_request(
    tagged: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story()
    key = story.accepted(a.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    busy = (a_participant(state="FAILED", at=5, state_cause="BUSY"), a_participant("2002"))
    failed = replace(monitor("FAILED"), participants=busy)
    story.hear(added(failed, tag=key if tagged else None))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert outcome.state_cause == "BUSY"
    assert story.said(key)[1] == ("request_id" if tagged else "expectation")


def test_a_monitor_call_on_another_node_proves_nothing_though_it_bears_our_id() -> None:
    story = Story()
    key = story.accepted(a.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    story.hear(added(monitor("INITIATED"), tag=key))
    story.hear(an_event(monitor("ACTIVE"), owner="agent2", tag=key))
    assert story.said(key) == ("open", None)
    story.hear(an_event(monitor("ACTIVE")))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_monitor_call_that_bore_our_id_is_ours_without_a_baseline_too() -> None:
    story = Story(live=False)
    key = story.accepted(a.SilentMonitor(agent=AGENT, from_address=EXT, to_address="2002"))
    story.hear(added(monitor("INITIATED"), tag=key))
    story.hear(an_event(monitor("ACTIVE")))
    assert story.said(key) == ("confirmed", "request_id")


# -- numbers and reasons ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("-", "()", False),
        ("-", "", False),
        (None, None, False),
        ("10-01", "1001", True),
        ("(10) 01", "10.01", True),
        ("1001", "1002", False),
    ],
)
def test_numbers_are_the_same_when_their_digits_are(
    first: str | None,
    second: str | None,
    same: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    assert same_number(first, second) is same


@pytest.mark.parametrize(
    "request_",
    [
        a.MakeCall(agent=AGENT, to_address="10-01", from_address=EXT),
        a.SilentMonitor(agent=AGENT, to_address="10-01", from_address=EXT),
        a.ConsultCall(**ON_CALL, to_address="10 01", target_media_address=EXT),
        a.TransferSst(**ON_CALL, to_address="1001", target_media_address=EXT),
    ],
)
def test_the_own_extension_is_refused_as_destination_however_written(request_: Any) -> None:
    with pytest.raises(InvalidRequest, match="calling extension") as raised:
        request_.validate()
    assert raised.value.field == "toAddress"
    assert "1001" not in str(raised.value)


def test_any_destination_will_do_while_the_own_extension_is_not_known() -> None:
    a.ConsultCall(**ON_CALL, to_address="1001").validate()
    a.TransferSst(**ON_CALL, to_address="1001").validate()


# -- MAKE_CALL -------------------------------------------------------------------------------------


def test_an_error_about_the_call_that_is_being_made_is_its_refusal() -> None:
    # 5, 6.1: a new call from this device to the number asked for
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATING")), an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_without_a_baseline_a_call_may_be_an_older_one_and_names_nobody() -> None:
    story = Story(live=False)
    key = story.accepted(MAKE_CALL)
    story.hear(an_event(placed("INITIATING")), an_error(dialog_id="200"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize("state", ["INITIATING", "INITIATED"])
def test_an_error_about_a_call_with_a_foreign_id_is_the_other_clients(state: str) -> None:
    # 5: something else unexplained on that object
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.hear(added(placed(state), tag="foreign"), an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_foreign_id_on_a_call_that_came_in_is_none_on_the_call_that_is_made() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    ringing = a_dialog("300", a_participant(state="ALERTING"), state="ALERTING")
    story.hear(added(ringing, tag="foreign"), an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_foreign_id_heard_before_a_hand_over_is_known_after_it() -> None:
    story = Story()
    baseline = Baseline(a_dialog(), (), a_user())
    key = story.adopt(MAKE_CALL, baseline=baseline, left=15, gap=False)
    story.rehear(key, added(placed("INITIATED"), tag="foreign"), an_error(dialog_id="200"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_our_id_on_a_call_of_any_kind_is_on_the_call_that_was_made() -> None:
    # 6.1: callType is asked for without our id alone
    story = Story()
    key = story.accepted(MAKE_CALL)
    consult = MediaProperties(call_type="CONSULT")
    story.hear(added(placed("INITIATED", media_properties=consult), tag=key))
    story.hear(an_event(placed("ACTIVE", media_properties=consult)))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("gate", [GateMode.OFF, GateMode.QUEUE])
def test_a_call_that_another_request_made_can_be_dropped(gate: GateMode) -> None:
    # 4: the call is the first request's by its id, its end the second one's
    story = Story(gate=gate)
    made = story.accepted(MAKE_CALL)
    story.hear(added(placed("INITIATED"), tag=made))
    key = story.accepted(a.Drop(agent=AGENT, dialog_id="200"), ungated=True)
    off = (a_participant(state="DROPPED", at=3), a_participant("5551", "DROPPED", 3))
    story.hear(an_event(replace(placed("INITIATED"), state="DROPPED", participants=off)))
    assert story.said(key) == ("confirmed", "expectation")


# -- a call that is gone is none that is made now (4: published again; 6.1) ------------------------


@pytest.mark.parametrize(
    ("request_", "call"), [(WATCH, a_watch_over()), (MAKE_CALL_FROM, placed("ACTIVE", id_="300"))]
)
def test_news_of_a_call_that_was_gone_at_sending_tells_of_no_new_one(
    request_: Any, call: Dialog
) -> None:
    story = Story(call)
    story.hear(removed(call))
    key = story.accepted(request_)
    story.hear(an_event(call))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_what_a_call_was_heard_with_is_a_repeat_after_its_end_too() -> None:
    story = Story()
    story.hear(added(placed("ACTIVE")), content=7)
    story.hear(removed(placed("DROPPED")), content=8)
    assert not story.hear(an_event(placed("ACTIVE")), content=7)
    assert "200" not in story.correlator.picture(AGENT).dialogs


def test_a_call_that_comes_back_with_other_news_is_no_repeat() -> None:
    story = Story()
    story.hear(added(placed("ACTIVE")), content=7)
    story.hear(removed(placed("DROPPED")), content=8)
    assert story.hear(added(placed("ACTIVE")), content=9)
    assert "200" in story.correlator.picture(AGENT).dialogs


def test_contents_of_many_ended_calls_are_forgotten_the_oldest_first() -> None:
    story = Story()
    for number in range(70):
        story.hear(added(placed("ACTIVE", id_=str(number))), content=1000 + number)
        story.hear(removed(placed("DROPPED", id_=str(number))), content=2000 + number)
    picture = story.correlator.picture(AGENT)
    assert len(picture.gone) == 64
    assert story.hear(an_event(placed("ACTIVE", id_="0")), content=1000)


def test_a_call_of_an_announced_request_may_be_over_before_the_announcement() -> None:
    story = Story()
    call = placed("ACTIVE")
    story.hear(added(call, tag="theirs"), removed(call, tag="theirs"))
    key = story.ask(MAKE_CALL_FROM, id_="theirs", expected=True)
    assert story.said(key) == ("confirmed", "request_id")


# -- a consult says on which call it was started (6.1) ---------------------------------------------


def test_a_consult_of_another_call_is_not_this_ones() -> None:
    second = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(own("HELD", 0), second, gate=GateMode.OFF)
    wish = {"agent": AGENT, "to_address": "5551"}
    here = story.accepted(a.ConsultCall(dialog_id=CALL, **wish))
    there = story.accepted(a.ConsultCall(dialog_id="200", **wish))
    story.hear(an_error("INVALID_ACTION CONSULT_CALL on extension 1001", dialog_id=CALL))
    link = {"associated_dialog_uri": "/finesse/api/Dialog/200"}
    consult = {"media_properties": MediaProperties(call_type="CONSULT"), **link}
    story.hear(added(placed("ACTIVE", id_="300", **consult)))
    assert story.said(there) == ("confirmed", "expectation")
    story.wait(2)
    assert story.said(here) == ("failed", "sole_pending")


def test_a_consult_with_our_id_is_ours_whatever_it_is_linked_to() -> None:
    story = Story()
    key = story.accepted(a.ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551"))
    link = {"associated_dialog_uri": "/finesse/api/Dialog/200"}
    story.hear(added(placed("ACTIVE", id_="300", **link), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- which call it is ------------------------------------------------------------------------------


def test_our_id_on_a_call_that_is_being_made_names_it_though_nothing_was_known() -> None:
    # the dial plan changed its number, and its POST was lost in the gap
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.doubt(key)
    story.hear(an_event(placed("ACTIVE", id_="201", to="5559"), tag=key))
    assert story.said(key)[0] == "open"  # it may be one that was put on hold
    story.hear(an_event(placed("ALERTING", to=f"9{EXT}"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(("towards", "said"), [("200", "confirmed"), (None, "open")])
def test_a_consult_whose_party_consults_in_turn_is_known_by_the_call_that_it_was_started_on(
    towards: str | None, said: str
) -> None:
    story = Story(own("ACTIVE", 0))
    key = story.accepted(CONSULT, length=20.0)
    story.wait(17.1)
    link = f"/finesse/api/Dialog/{towards}" if towards else None
    consult = replace(
        placed("ACTIVE"), media_properties=replace(placed().media_properties, call_type="CONSULT")
    )
    theirs = replace(consult, associated_dialog_uri="/finesse/api/Dialog/300")
    story.look(theirs, own("HELD", 1, associated_dialog_uri=link))
    assert story.said(key)[0] == said


# -- what is read late of a time before the request ------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(2.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_call_that_was_begun_before_the_request_is_not_made_by_it(
    at: float, said: tuple[str, str | None]
) -> None:
    # 4, 6.1: none of its events had been read
    story = Story(own("ACTIVE", 10))
    make = story.accepted(a.MakeCall(agent=AGENT, to_address="5551"))
    parties = (a_participant(at=13, start_time=clock(at)), a_participant("5551", at=13))
    story.hear(an_event(replace(placed("ACTIVE"), participants=parties)))
    assert story.said(make) == said


@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_barge_from_before_the_request_is_not_its_own(
    at: float, said: tuple[str, str | None]
) -> None:
    watch = a_dialog(
        "300",
        a_participant(at=10),
        a_participant("1002", at=10),
        media={"call_type": "SUPERVISOR_MONITOR"},
        from_address=EXT,
        to_address="1002",
    )
    story = Story(watch)
    barge = story.accepted(
        a.BargeCall(agent=AGENT, to_address="1002", associated_dialog_uri="/finesse/api/Dialog/300")
    )
    parties = (a_participant(at=at), a_participant("1002"), a_participant(CUSTOMER))
    story.hear(an_event(a_dialog("400", *parties)))
    assert story.said(barge) == said


# -- an id that comes behind what its call was shown to be -----------------------------------------


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (begun("FAILED", 5), "failed"),
        (placed("ALERTING"), "confirmed"),
        (begun("INITIATED", 5), ""),
    ],
)
def test_what_a_call_was_shown_to_be_counts_when_its_id_comes_late(
    shown: Dialog, said: str
) -> None:
    # 3, 6.1: it was sent while the session was down, so that nothing tells what is new
    story = Story(live=False)
    key = story.accepted(MAKE_CALL)
    story.link_up(user=a_user())
    story.hear(added(begun("INITIATING", 3)))
    story.hear(an_event(shown))
    assert story.said(key)[0] == "open"
    story.hear(an_event(begun("INITIATED", 4), tag=key))
    assert story.said(key) == ((said, "request_id") if said else ("open", None))


def test_its_id_on_the_end_of_a_call_tells_nothing_of_what_it_was() -> None:
    story = Story(live=False)
    key = story.accepted(MAKE_CALL)
    story.link_up(user=a_user())
    story.hear(added(begun("INITIATING", 3)), an_event(placed("ALERTING")))
    story.hear(removed(begun("DROPPED", 7), tag=key))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    ("state", "start", "date", "said"),
    [
        ("ACTIVE", clock(5.6), 5, "confirmed"),
        ("ACTIVE", clock(5), 5, "confirmed"),
        ("ACTIVE", clock(4.9), 5, "open"),  # it was there before
        ("HELD", clock(5.6), 5, "open"),  # nor is it held for one that is made on it
        ("ACTIVE", clock(5.6)[:-1], 5, "open"),  # it may be hours off
        ("ACTIVE", None, 5, "open"),
        ("ACTIVE", clock(5.6), None, "open"),
    ],
)
def test_a_call_with_its_id_that_began_as_finesse_answered_is_its_own_whatever_its_number(
    state: str, start: str | None, date: int | None, said: str
) -> None:
    # 3, 6.1: the dial plan changed the number, and the session came up behind the request
    story = Story(live=False)
    key = story.ask(MAKE_CALL)
    story.accept(key, date=None if date is None else instant(clock(date)))
    mine = a_participant(state=state, at=5.6, start_time=start)
    call = a_dialog("200", mine, a_participant("95551"), from_address="1001", to_address="95551")
    story.hear(an_event(call, tag=key))
    assert story.said(key)[0] == said


def test_a_consult_did_not_make_the_call_that_it_was_asked_for_on() -> None:
    # nothing had told of the call by then: the first news of it are those of its consult
    story = Story(gate=GateMode.OFF)
    make = story.accepted(MAKE_CALL_FROM)
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="300", to_address="5552"))
    held = call("300", "HELD", "5551", from_address=EXT, to_address="5551")
    story.hear(an_event(held, tag=consult))
    assert story.said(make) == CONFIRMED


def test_a_call_that_comes_with_a_consults_id_is_the_consults() -> None:
    story = Story(gate=GateMode.OFF)
    make = story.accepted(MAKE_CALL_FROM)
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551"))
    made = call("300", "ACTIVE", "5551", from_address=EXT, to_address="5551")
    story.hear(added(made, tag=consult))
    story.wait(60)
    assert story.said(make)[0] == "unconfirmed"


@pytest.mark.parametrize("to", ["5551", "95551"])
@pytest.mark.parametrize("last", ["INITIATING", "FAILED"])
def test_a_call_that_rang_before_it_failed_was_made(to: str, last: str) -> None:
    # 6.1: made at ALERTING; our id comes on older news, or on the end
    story = Story(gate=GateMode.OFF)
    first, _ = story.accepted(MAKE_CALL_FROM), story.accepted(MAKE_CALL_FROM)
    story.hear(an_event(placed("ALERTING", to=to)), an_event(failed := placed("FAILED", to=to)))
    media = replace(failed.media_properties, dialed_number=to)
    story.hear(an_event(replace(placed(last, to=to), media_properties=media), tag=first))
    assert story.said(first)[0] == "confirmed"


# -- a call to another number (6.1) ----------------------------------------------------------------


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("consult_first", [True, False])
def test_a_call_that_proves_another_request_is_no_doubt_of_what_a_consult_was_refused(
    made: bool,  # noqa: FBT001
    consult_first: bool,  # noqa: FBT001
) -> None:
    # 4, 5: it may be a consult's to a number that the dial plan changed, unless it is another's
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    make = a.MakeCall(agent=AGENT, to_address="5552" if made else "5553")
    asked = [
        story.accepted(each) for each in ((CONSULT, make) if consult_first else (make, CONSULT))
    ]
    consult, other = asked if consult_first else reversed(asked)
    story.hear(added(placed("ALERTING", to="5552")))
    story.hear(an_error("INVALID_ACTION CONSULT_CALL on extension 1001"))
    story.wait(20)
    assert story.said(other)[0] == ("confirmed" if made else "unconfirmed")
    assert story.said(consult) == (FAILED_SOLE if made else ("unconfirmed", "ambiguous"))

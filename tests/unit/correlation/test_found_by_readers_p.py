"""What had been told in time, and nobody said: parties and values that look alike, ids that lag."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.finesse import actions as a
from listener.finesse.model import CallVariable, Dialog
from tests.builders import (
    AGENT,
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)

DROP = a.Drop(agent=AGENT, dialog_id="100")
CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
TRANSFER = a.Transfer(agent=AGENT, dialog_id="100")
MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")
LONG = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"user.note": "x 123456"})


def noted(value: str) -> Dialog:
    """Return the call with that in an ECC variable."""
    return a_dialog(media={"call_variables": (CallVariable("user.note", value),)})


# -- values that are so again ---------------------------------------------------------------------


@pytest.mark.parametrize("since", [("1234", "x 12"), ("x 12", "1234"), ("x 12",)])
def test_a_beginning_that_was_so_at_sending_is_none_of_its_work_whatever_was_since(
    since: tuple[str, ...],
) -> None:
    # 6.7: different from the baseline; its id may come with another value, or with none
    story = Story(noted("x 12"), gate=GateMode.OFF)
    key = story.accepted(LONG)
    for value in since:
        story.hear(an_event(noted(value)))
    story.hear(an_event(noted("x 12"), tag=key))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


# -- an absence that nobody else explains ---------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (CONFERENCE, ("confirmed", "snapshot")),
        (TRANSFER, ("unconfirmed", "ambiguous")),
        (DROP, ("unconfirmed", "ambiguous")),
    ],
)
def test_a_conference_takes_no_call_off_a_list(other: object, expected: tuple[str, str]) -> None:
    # 4, 6.4: its survivor has us ACTIVE, under one of the two ids
    story = Story()
    story.ask(other, expected=True, length=60.0)
    key = story.accepted(DROP)
    story.wait(13.6)
    story.look(listed=())
    story.wait(3.1)
    story.look(listed=())
    story.wait(20)
    assert story.said(key) == expected


# -- two parties with one number ------------------------------------------------------------------


def joined(*parties: str, agent: str = "ACTIVE") -> Dialog:
    """Return what two calls became, with those parties beside the agent."""
    there = (a_participant(each, at=9) for each in parties)
    mine = a_participant(state=agent, at=9)
    media = {"call_type": "CONFERENCE"}
    return a_dialog("100", mine, *there, media=media, secondary_id="200")


@pytest.mark.parametrize(
    ("parties", "said"),
    [((CUSTOMER, CUSTOMER), "confirmed"), ((CUSTOMER, "5551"), "confirmed"), ((CUSTOMER,), "open")],
)
def test_a_conference_of_two_parties_with_one_number_is_proven_by_its_id(
    parties: tuple[str, ...], said: str
) -> None:
    # 6.4: its own call had not been told of
    story = Story(own("ACTIVE", 5, id_="200"))
    key = story.accepted(CONFERENCE)
    story.hear(removed(own("DROPPED", 9, id_="200"), tag=key))
    story.hear(an_event(joined(*parties), tag=key))
    assert story.said(key)[0] == said


# -- the other call of a join, by our id ----------------------------------------------------------


@pytest.mark.parametrize(("tagged", "said"), [(True, "confirmed"), (False, "unconfirmed")])
def test_a_transfer_whose_other_call_was_never_told_of_is_proven_by_its_id_on_that_ones_end(
    *, tagged: bool, said: str
) -> None:
    # 6.4: both dialogs gone and one DELETE tagged; the consult's events were lost
    story = Story(own("HELD", 1))
    key = story.accepted(TRANSFER)
    story.hear(removed(own("DROPPED", 9, id_="200"), tag=key if tagged else None))
    story.hear(removed(own("DROPPED", 9, secondary_id="200")))
    story.wait(20)
    assert story.said(key)[0] == said
    if tagged:
        assert set(story.outcomes[key].dialogs.gone) == {"100", "200"}


def test_a_conference_with_a_call_that_came_since_is_proven_by_its_id() -> None:
    # the request's own call had been a conference with the same number before
    before = joined(CUSTOMER, "5551")
    held = a_dialog("100", a_participant(state="HELD"), *before.participants[1:])
    media = {"call_type": "CONFERENCE"}
    story = Story(replace(held, media_properties=replace(held.media_properties, **media)))
    key = story.accepted(CONFERENCE)
    story.hear(removed(own("DROPPED", 9, id_="200"), tag=key))
    story.hear(an_event(joined(CUSTOMER, "5551", "5551"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(
    ("tag", "into", "said"),
    [(True, "200", "confirmed"), (False, "200", "open"), (True, "300", "open")],
)
def test_a_conference_is_proven_by_its_id_on_the_other_calls_end_whoever_is_on_it_by_now(
    *, tag: bool, into: str, said: str
) -> None:
    # 6.4: a colleague who was on the call was replaced by another party in the same moment
    there = a_dialog("200", a_participant(state="HELD"), a_participant("1002"), from_address="1001")
    story = Story(own("ACTIVE", 1), there)
    key = story.accepted(CONFERENCE)
    story.hear(removed(own("DROPPED", 9, id_="200"), tag=key if tag else None))
    story.hear(an_event(replace(joined("5552", "1002"), secondary_id=into)))
    assert story.said(key)[0] == said


# -- an id that comes behind what its call was shown to be ----------------------------------------


def begun(state: str, at: float) -> Dialog:
    """Return the call that is made, with the own part in that state."""
    mine = a_participant(state=state, at=at)
    return a_dialog("200", mine, state=state, from_address="1001", to_address="5551")


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


# -- two changes in one event ---------------------------------------------------------------------


def test_a_party_that_is_gone_and_an_own_state_are_two_changes_of_one_event() -> None:
    # 4: the event of each alone was lost; neither request could have made the other's change
    three = (a_participant(CUSTOMER), a_participant("5551"))
    story = Story(a_dialog("100", a_participant(state="HELD"), *three), gate=GateMode.OFF)
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    drop = story.accepted(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551")
    )
    mine = a_participant(state="ACTIVE", at=5)
    gone = a_participant("5551", "DROPPED", 6)
    story.hear(an_event(a_dialog("100", mine, a_participant(CUSTOMER), gone)))
    assert story.said(retrieve) == ("confirmed", "expectation")
    assert story.said(drop) == ("confirmed", "expectation")


def test_a_party_that_is_gone_from_a_conference_is_a_change_of_its_own() -> None:
    here = a_dialog("100", a_participant(state="HELD"), a_participant(CUSTOMER))
    there = a_dialog("200", a_participant(), a_participant("5551"), from_address="1001")
    story = Story(here, there, gate=GateMode.OFF)
    join = story.accepted(CONFERENCE)
    drop = story.ask(a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551"))
    story.accept(drop, date=instant(clock(5)))
    mine = a_participant(state="ACTIVE", at=5)
    gone = a_participant("5551", "DROPPED", 6)
    media = {"call_type": "CONFERENCE"}
    parties = (mine, a_participant(CUSTOMER), gone)
    story.hear(added(there), an_event(a_dialog("100", *parties, media=media, secondary_id="200")))
    assert story.said(join) == ("confirmed", "expectation")
    assert story.said(drop) == ("confirmed", "expectation")


@pytest.mark.parametrize("twice", [False, True])
def test_two_who_take_the_same_party_off_are_both_in_doubt(*, twice: bool) -> None:
    three = (a_participant(CUSTOMER), a_participant("5551"))
    story = Story(a_dialog("100", a_participant(), *three), gate=GateMode.OFF)
    asked = a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="5551")
    keys = [story.accepted(asked) for _ in range(1 + twice)]
    gone = a_participant("5551", "DROPPED", 6)
    story.hear(an_event(a_dialog("100", a_participant(), a_participant(CUSTOMER), gone)))
    assert {story.said(key)[0] for key in keys} == {"open" if twice else "confirmed"}


# -- the same state anew --------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(3, "confirmed"), (0, "open")])
def test_a_state_that_was_so_before_is_proven_anew_by_its_id_behind_later_news(
    at: float, said: str
) -> None:
    # 3, 4: it was ACTIVE in between, of which nothing was read
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("ACTIVE", 4), tag=retrieve))
    story.hear(an_event(own("HELD", at), tag=hold))
    assert story.said(hold)[0] == said


def test_a_state_that_is_another_requests_by_its_id_is_not_proven_anew() -> None:
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    first, second = (story.accepted(a.Hold(agent=AGENT, dialog_id="100")) for _ in range(2))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("HELD", 3), tag=first))
    story.hear(an_event(own("ACTIVE", 4), tag=retrieve))
    story.hear(an_event(own("HELD", 3), tag=second))
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"


# -- a GET that failed ----------------------------------------------------------------------------


def test_a_get_that_failed_is_asked_once_more_a_second_later() -> None:
    # 7: a 401 or 5xx says nothing, and there is time yet
    story = Story()
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.wait(17)
    story.look(ok=False)
    assert len(story.asks) == 1
    story.wait(1)
    story.look(own("HELD", 5))
    assert story.said(hold) == ("confirmed", "snapshot")


@pytest.mark.parametrize(("seconds", "asked"), [(0.1, 3), (1.5, 2), (2.1, 1)])
def test_a_get_that_fails_is_asked_three_times_at_most_and_before_the_deadline(
    seconds: float, asked: int
) -> None:
    story = Story()
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    while story.said(hold)[0] == "open":
        before = len(story.asks)
        story.wait(0.5)
        if len(story.asks) > before:
            story.wait(seconds)
            story.look(ok=False)
    assert len(story.asks) == asked


# -- reservations, ends behind an error, promised states ------------------------------------------


@pytest.mark.parametrize(("state", "said"), [("OFFERED", "confirmed"), ("ACTIVE", "unconfirmed")])
def test_a_reservation_is_no_call_that_may_be_joined(state: str, said: str) -> None:
    # 6.4: its DELETE was lost; both other calls are gone, by the request's id on its own one's end
    media = {"call_type": "OUTBOUND_PREVIEW"}
    preview = a_dialog("300", a_participant(state=state), media=media)
    story = Story(own("HELD", 1), own("ACTIVE", 2, id_="200"), preview)
    key = story.accepted(TRANSFER)
    story.hear(removed(own("DROPPED", 9, id_="200")), removed(own("DROPPED", 9), tag=key))
    story.wait(20)
    assert story.said(key)[0] == said


@pytest.mark.parametrize(
    ("later", "expected"),
    [(2.2, ("failed", "sole_pending")), (1.8, ("unconfirmed", "dialog_ended"))],
)
def test_an_end_behind_the_two_seconds_of_an_error_takes_nothing_from_it(
    later: float, expected: tuple[str, str]
) -> None:
    # 2, 5: Finesse's answer came last of all
    story = Story()
    key = story.ask(a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551"))
    story.hear(an_error())
    story.wait(later)
    story.hear(removed(own("DROPPED", 9)))
    story.wait(0.5)
    story.accept(key)
    story.wait(30)
    assert story.said(key) == expected


def test_a_state_that_was_promised_before_does_not_contest_another_one_that_came() -> None:
    # 4, 6.9: what is promised does not show its reason; both changes are in one event
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    later = story.accepted(a.NotReady(agent=AGENT, reason_code_id="50"))
    promised = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id="-1")
    story.hear(a_user_event(promised))
    work = story.accepted(a.Work(agent=AGENT))
    story.hear(a_user_event(a_user("WORK", 9, pending_state="NOT_READY", reason_code_id="-1")))
    assert story.said(work) == ("confirmed", "expectation")
    story.hear(a_user_event(a_user("NOT_READY", 12, reason_code_id="50")))
    assert story.said(later) == ("confirmed", "expectation")


@pytest.mark.parametrize(("shown", "said"), [(True, "confirmed"), (False, "open")])
def test_a_state_is_contested_by_who_may_have_been_promised_just_that_one(
    *, shown: bool, said: str
) -> None:
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    story.ask(a.NotReady(agent=AGENT, reason_code_id="50"), expected=True)
    promised = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id=None)
    if shown:
        story.hear(a_user_event(promised))
    plain = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(replace(promised, state="HOLD", state_change_time=clock(5))))
    story.hear(a_user_event(a_user("NOT_READY", 12, reason_code_id="7")))
    assert story.said(plain)[0] == said


# -- an id that was used before, or says something else -------------------------------------------


def second(state: str, at: float = 0, *, id_: str = "200", **changes: object) -> Dialog:
    """Return another call of the agent."""
    parties = (a_participant(state=state, at=at), a_participant("5550200"))
    return replace(a_dialog(id_, *parties), **changes)


LINKED = {"associated_dialog_uri": "/finesse/api/Dialog/100"}


@pytest.mark.parametrize("wait", [1, 5])
@pytest.mark.parametrize("done", [True, False])
def test_an_end_from_before_with_its_id_names_no_other_call_where_one_is_linked(
    wait: int, *, done: bool
) -> None:
    # 2, 3: a client that counts uses an id again
    story = Story(own("HELD", 0), second("ACTIVE", **LINKED), second("ACTIVE", id_="400"))
    story.hear(removed(second("DROPPED", 3, id_="400"), tag="145"))
    story.wait(wait)
    key = story.ask(CONFERENCE if done else TRANSFER, expected=True, id_="145")
    if done:
        parties = (a_participant(at=15), a_participant(CUSTOMER), a_participant("5550200", at=15))
        media = {"call_type": "CONFERENCE"}
        story.hear(an_event(a_dialog("100", *parties, media=media, secondary_id="200"), tag="145"))
    else:
        story.hear(removed(own("DROPPED", 15)))
    story.wait(65)
    assert story.said(key)[0] == ("confirmed" if done else "unconfirmed")


def test_its_id_on_the_end_of_a_third_call_is_no_transfer_while_the_linked_one_is_there() -> None:
    story = Story(own("HELD", 0), second("ACTIVE", **LINKED))
    key = story.accepted(TRANSFER)
    story.hear(removed(second("DROPPED", 3, id_="400"), tag=key), removed(own("DROPPED", 15)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_its_id_on_a_call_that_is_held_for_it_names_not_that_one() -> None:
    # nothing tells what was there, and it goes to the same number
    story = Story(live=False)
    make = story.accepted(MAKE_CALL)
    story.hear(an_event(placed("ACTIVE", id_="300")))
    held = (a_participant(state="HELD", at=20), a_participant("5551", at=1))
    story.hear(an_event(replace(placed("ACTIVE", id_="300"), participants=held), tag=make))
    story.wait(30)
    assert story.said(make)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("state", "pending", "said"),
    [("TALKING", "NOT_READY", "confirmed"), ("NOT_READY", None, "open")],
)
def test_a_state_that_is_promised_is_not_the_work_of_a_call_whose_id_is_on_it(
    state: str, pending: str | None, said: str
) -> None:
    # 3, 4, 6.9: what makes a call promises no state; that one came may be what it did
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user(state, 5, pending_state=pending), tag=consult))
    assert story.said(key)[0] == said


@pytest.mark.parametrize("done", [True, False])
def test_an_end_from_before_with_its_id_names_no_other_call_where_any_lives(*, done: bool) -> None:
    # 2, 3, 6.4: one of the two that may be joined is the other one
    others = (second("ACTIVE"), second("HELD", id_="500"), second("ACTIVE", id_="400"))
    story = Story(own("HELD", 0), *others)
    story.hear(removed(second("DROPPED", 3, id_="400"), tag="145"))
    story.wait(5)
    key = story.ask(CONFERENCE if done else TRANSFER, expected=True, id_="145")
    if done:
        parties = (a_participant(at=15), a_participant(CUSTOMER), a_participant("5550200", at=15))
        media = {"call_type": "CONFERENCE"}
        story.hear(an_event(a_dialog("100", *parties, media=media, secondary_id="200"), tag="145"))
    else:
        story.hear(removed(own("DROPPED", 15)))
    story.wait(65)
    assert story.said(key)[0] == ("confirmed" if done else "unconfirmed")

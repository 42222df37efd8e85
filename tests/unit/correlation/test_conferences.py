"""Rules of evidence 6.4: what shows a conference or a transfer of two calls, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
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
    added,
    an_error,
    an_event,
    own,
    removed,
)
from tests.unit.correlation.given import (
    BY_ID,
    CONFERENCE,
    CONFIRMED,
    DROP,
    FAILED_SOLE,
    HOLD,
    LINK,
    ON_HOLD,
    OTHER,
    THIRD,
    THIRD_PARTY,
    TRANSFER,
    call_with,
    earlier,
    joined,
    off,
    other,
    second_call,
    taken_in,
    three,
)


def consult_gone(id_: str = "200") -> Dialog:
    """Return the consult as it goes."""
    return a_dialog(id_, a_participant(state="DROPPED", at=2), a_participant("1002"))


def consulted(at: float = 10.0) -> object:
    """Return the consult with the other customer, on which the agent talks since then."""
    return second_call("ACTIVE", at, associated_dialog_uri=LINK)


def conference_of_three(**changes: object) -> Dialog:
    """Return a conference of the first call, with the agent on it."""
    parties = (
        a_participant(EXT, state="ACTIVE", at=5),
        a_participant(CUSTOMER),
        a_participant(THIRD, at=2),
    )
    return a_dialog("100", *parties, media={"call_type": "CONFERENCE"}, **changes)


def joined_with(*parties: str, agent: str = "ACTIVE") -> Dialog:
    """Return what two calls became, with those parties beside the agent."""
    there = (a_participant(each, at=9) for each in parties)
    mine = a_participant(state=agent, at=9)
    media = {"call_type": "CONFERENCE"}
    return a_dialog("100", mine, *there, media=media, secondary_id="200")


def test_a_conference_with_a_call_that_came_later_is_known_by_its_id() -> None:
    # the switch took the call that was active when it got there, not the one known at sending
    parties = (a_participant(), a_participant(CUSTOMER), a_participant("1004"))
    media = {"call_type": "CONFERENCE"}
    story = Story(own("HELD"), a_dialog("200", a_participant(), a_participant("1002")))
    key = story.accepted(a.Conference(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(a_dialog(CALL, *parties, media=media), tag=key))
    assert story.said(key)[0] == "open"
    story.hear(an_event(a_dialog(CALL, *parties, media=media, secondary_id="300"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_our_id_on_both_ends_proves_a_transfer_where_no_start_was_known() -> None:
    story = Story()
    story.link_down()
    key = story.accepted(a.Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", id_="200"), tag=key))
    assert story.said(key)[0] == "open"
    story.hear(removed(own("DROPPED"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_conference_from_before_the_request_is_none_that_it_made(
    at: float, said: tuple[str, str | None]
) -> None:
    # 4: not older than what was known at sending
    story = Story(own("HELD", 10), consulted())
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(earlier("ACTIVE", at)))
    assert story.said(conference) == said


def test_a_conference_is_known_by_its_id_behind_a_hold_that_was_announced_late() -> None:
    story = Story(own("ACTIVE", 0), second_call(), gate=GateMode.OFF)
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(own("HELD", 2), tag="mine"))
    story.ask(HOLD, expected=True, id_="mine")
    story.hear(an_event(joined(), tag=conference))
    assert story.said(conference) == BY_ID


def test_a_conference_by_its_id_names_the_call_that_it_took_in() -> None:
    # 6.4: the second call had ended by itself, the third came in and was joined
    story = Story(own("HELD", 0), call_with("200", OTHER))
    key = story.accepted(CONFERENCE)
    story.hear(removed(call_with("200", OTHER, "DROPPED", 1)))
    story.hear(added(call_with("300", THIRD, at=2)))
    story.hear(an_event(conference_of_three(secondary_id="300"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    told = story.outcomes[key].dialogs
    assert (told.survivor, told.gone) == ("100", ("300",))


def test_a_conference_by_its_id_names_no_call_that_it_does_not_show() -> None:
    # both calls were with one number, so that its parties do not tell the second one from the third
    story = Story(own("HELD", 0), call_with("200", CUSTOMER))
    key = story.accepted(CONFERENCE)
    story.hear(removed(call_with("200", CUSTOMER, "DROPPED", 1)))
    story.hear(added(call_with("300", THIRD, at=2)))
    story.hear(an_event(conference_of_three(), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.gone == ()


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
    story.hear(an_event(joined_with(*parties), tag=key))
    assert story.said(key)[0] == said


# -- CONFERENCE ------------------------------------------------------------------------------------


def test_a_conference_that_may_be_an_old_one_proves_nothing_though_it_bears_our_id() -> None:
    # 6.4: both others; the one who was to be added may still be missing
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(consult_gone(), tag=key), an_event(three(secondary_id="90"), tag=key))
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


@pytest.mark.parametrize(("tag", "said"), [(True, "confirmed"), (False, "open")])
@pytest.mark.parametrize(
    "order", [lambda each: each, reversed], ids=["gone and joined", "joined and gone"]
)
def test_our_id_on_both_proves_a_conference_where_nothing_was_known_before(
    order: Callable[[Any], Any],
    tag: bool,  # noqa: FBT001  a parameter of the test
    said: str,
) -> None:
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    events = [removed(consult_gone(), tag=key if tag else None), an_event(three(), tag=key)]
    story.hear(*order(events))
    assert story.said(key)[0] == said


def test_a_colleagues_end_of_the_other_call_proves_no_conference() -> None:
    story = Story(live=False)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(three(secondary_id="200"), tag=key))
    story.hear(removed(consult_gone(), tag=key, owner="agent2"), removed(three(), owner="agent2"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_conference_that_was_there_before_is_no_effect_that_waits_for_an_id() -> None:
    # 5: what was so at sending is no change, and no proof
    story = Story(three(at=0))
    key = story.accepted(CONFERENCE)
    story.hear(an_error())
    story.wait(1)
    story.hear(an_event(three(at=0)))
    story.wait(1)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_conference_that_grew_with_our_id_is_ours() -> None:
    story = Story(three("HELD", 0))
    key = story.accepted(CONFERENCE)
    larger = (*three().participants, a_participant("1003"))
    story.hear(an_event(replace(three(), participants=larger), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_older_list_of_the_parties_takes_nobody_off_the_call(when: str) -> None:
    # 7: pictures merge per participant, by the later time
    consult = a_dialog("200", a_participant(at=5), a_participant("1002", at=5), from_address=EXT)
    late = added(replace(consult, participants=(a_participant(state="INITIATING", at=3),)))
    story = Story(own("HELD", 0), consult)
    if when == "before":
        story.hear(late)
    key = story.accepted(CONFERENCE)
    if when == "after":
        story.hear(late)
    story.hear(an_event(three(at=9)))
    assert story.said(key) == ("confirmed", "expectation")


def test_what_is_shown_of_a_call_that_was_not_known_takes_nobody_off_it() -> None:
    story = Story(own("HELD", 0), a_dialog("300", a_participant(state="HELD")))
    key = story.accepted(CONFERENCE)
    story.hear(an_event(own("HELD", 0, secondary_id="200"), tag=key))
    story.hear(an_event(consult_gone(), tag=key))
    story.wait(1)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    "order", [lambda each: each, reversed], ids=["gone and joined", "joined and gone"]
)
def test_our_id_on_both_proves_a_conference_whose_parties_were_all_on_it(
    order: Callable[[Any], Any],
) -> None:
    # a second call with one who is on the conference already
    again = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(three("HELD", 0), again)
    key = story.accepted(CONFERENCE)
    story.hear(*order([removed(consult_gone(), tag=key), an_event(three(), tag=key)]))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(("at", "said"), [(2, "confirmed"), (0, "open")])
def test_our_id_on_the_return_to_a_conference_with_all_of_both_calls_is_the_effect(
    at: float, said: str
) -> None:
    # 6.4: the survivor with us ACTIVE and both others
    story = Story(three("HELD", 0), a_dialog("200", a_participant(), a_participant("1002")))
    key = story.accepted(CONFERENCE)
    story.hear(an_event(three(at=at), tag=key))
    assert story.said(key)[0] == said


# -- a join that the surviving call's secondaryId names --------------------------------------------


@pytest.mark.parametrize("tagged", [True, False])
def test_a_conference_of_two_calls_whose_far_ends_have_one_number_is_seen(
    tagged: bool,  # noqa: FBT001
) -> None:
    # 6.4: both others, though they cannot be told apart
    story = Story(ON_HOLD, other(a_participant(CUSTOMER)))
    key = story.accepted(CONFERENCE)
    both = (a_participant(CUSTOMER), a_participant(CUSTOMER, at=2))
    story.hear(an_event(taken_in(*both), tag=key if tagged else None))
    assert story.said(key) == ("confirmed", "request_id" if tagged else "expectation")
    ids = story.outcomes[key].dialogs
    assert (ids.survivor, ids.gone) == ("100", ("200",))


def test_who_hangs_up_on_the_joined_call_was_on_it() -> None:
    # one who hangs up before the survivor is told
    story = Story(ON_HOLD, other())
    key = story.accepted(CONFERENCE)
    left = (a_participant(CUSTOMER, "DROPPED", 2.1), a_participant("1002", at=2))
    story.hear(an_event(taken_in(*left)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("customer", ["DROPPED", "ACTIVE"])
def test_who_hangs_up_with_us_was_not_left_behind_by_a_transfer(customer: str) -> None:
    # 6.4: somebody made a conference of the two calls, and then all hung up
    story = Story(ON_HOLD, other())
    key = story.accepted(TRANSFER)
    story.hear(an_event(taken_in(a_participant(CUSTOMER), a_participant("1002", at=2))))
    left = (a_participant(CUSTOMER, customer, 9), a_participant("1002", "DROPPED", 9))
    story.hear(an_event(taken_in(*left, state="DROPPED", at=9)))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("names", "owner", "said"),
    [(None, AGENT, "open"), ("100", AGENT, "confirmed"), (None, "agent2", "confirmed")],
)
def test_parties_who_come_together_on_the_own_node_are_no_transfer_by_themselves(
    names: str | None, owner: str, said: str
) -> None:
    # 6.4: another of our sessions, or secondaryId; the other call may have been sent there
    story = Story(ON_HOLD, other())
    key = story.accepted(TRANSFER)
    mine = a_participant(state="DROPPED", at=2)
    there = (a_participant("1002"), a_participant(CUSTOMER, "ALERTING", 2))
    story.hear(an_event(a_dialog("200", mine, *there, secondary_id=names), owner=owner))
    assert story.said(key)[0] == said


def test_the_survivor_may_be_the_call_that_was_made_for_it() -> None:
    story = Story(ON_HOLD, other())
    key = story.accepted(CONFERENCE)
    parties = (a_participant("1002"), a_participant(CUSTOMER, "DROPPED", 3))
    shown = a_dialog("200", a_participant(at=2), *parties, secondary_id="100")
    story.hear(an_event(shown))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "shown",
    [
        taken_in(a_participant(CUSTOMER, "DROPPED", 1), a_participant("1002", at=2)),
        taken_in(a_participant(CUSTOMER, "DROPPED", None), a_participant("1002", at=2)),
        taken_in(a_participant(CUSTOMER), a_participant("1002", "DROPPED", 2), at=0),
        taken_in(a_participant(CUSTOMER), a_participant("1003", at=2)),
        taken_in(a_participant(CUSTOMER)),
        taken_in(a_participant(CUSTOMER), a_participant("1002", "DROPPED", 2), secondary_id="9"),
    ],
    ids=[
        "left before",
        "left nobody knows when",
        "nobody knows when we came",
        "nobody of the other",
        "one",
        "a third call",
    ],
)
def test_less_than_somebody_of_each_call_proves_no_join(shown: object) -> None:
    story = Story(ON_HOLD, other())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(shown))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    "calls",
    [
        (taken_in(a_participant(CUSTOMER), a_participant("7"), state="HELD", at=0), other()),
        (ON_HOLD, other(a_participant(CUSTOMER), media={"call_type": "SUPERVISOR_MONITOR"})),
        (ON_HOLD, other(), other(id_="300")),
    ],
    ids=["it had taken it in before", "a watch", "several, and nothing names one"],
)
def test_what_secondary_id_names_must_be_new_and_the_other_call(calls: tuple[object, ...]) -> None:
    story = Story(*calls)
    key = story.accepted(CONFERENCE)
    shown = taken_in(a_participant(CUSTOMER, "DROPPED", 2.1), a_participant("1002", at=2))
    if len(calls) > 2:
        shown = replace(shown, secondary_id="400")
    story.hear(an_event(shown))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


# -- the other call of a join, by our id -----------------------------------------------------------


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
    before = joined_with(CUSTOMER, "5551")
    held = a_dialog("100", a_participant(state="HELD"), *before.participants[1:])
    media = {"call_type": "CONFERENCE"}
    story = Story(replace(held, media_properties=replace(held.media_properties, **media)))
    key = story.accepted(CONFERENCE)
    story.hear(removed(own("DROPPED", 9, id_="200"), tag=key))
    story.hear(an_event(joined_with(CUSTOMER, "5551", "5551"), tag=key))
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
    story.hear(an_event(replace(joined_with("5552", "1002"), secondary_id=into)))
    assert story.said(key)[0] == said


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("its_end_first", [True, False])
def test_a_conference_by_its_id_with_a_call_that_came_since_names_that_one_as_gone(
    *, its_end_first: bool, tagged: bool
) -> None:
    # 6.4: the other call at sending hung up by itself
    story = Story(own("ACTIVE", 1), call_with("200", OTHER, state="HELD"))
    key = story.accepted(CONFERENCE)
    came = call_with("300", "5559", at=5)
    story.hear(added(came))
    ends = [removed(off(came), tag=key), removed(off(call_with("200", OTHER)))]
    for end in ends if its_end_first else reversed(ends):
        story.hear(end)
    survivor = replace(joined_with(CUSTOMER, "5559"), secondary_id="300")
    story.hear(an_event(survivor, tag=key if tagged else None))
    assert story.said(key) == BY_ID
    dialogs = story.outcomes[key].dialogs
    assert (dialogs.survivor, dialogs.gone) == (CALL, ("300",))


def test_a_get_of_the_other_call_as_it_was_is_no_doubt_of_an_error() -> None:
    # 5, 6.4: it was a conference before, with the one in it who was consulted
    parties = (a_participant(EXT, "ACTIVE"), a_participant(CUSTOMER), a_participant(THIRD_PARTY))
    there = a_dialog("200", *parties, media={"call_type": "CONFERENCE"})
    consulted = replace(own("ACTIVE", 0), associated_dialog_uri="/finesse/api/Dialog/200")
    story = Story(consulted, there)
    key = story.accepted(CONFERENCE, length=6.0)
    story.wait(1.5)
    story.hear(an_error())
    story.wait(1.6)
    story.look(consulted, there, ask=next(each for each in story.asks if each.key == key))
    story.wait(0.5)
    assert story.said(key) == FAILED_SOLE


def test_a_conference_in_which_a_party_is_held_is_no_larger_one() -> None:
    def there(state: str, at: float) -> Dialog:
        parties = (a_participant(), a_participant(CUSTOMER, state, at), a_participant(THIRD_PARTY))
        return a_dialog(CALL, *parties, media={"call_type": "CONFERENCE"})

    other_call = call_with("200", CUSTOMER, "HELD")  # so that the parties tell nothing
    story = Story(there("ACTIVE", 0), other_call)
    key = story.accepted(CONFERENCE)
    story.hear(an_event(there("HELD", 2)))
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "deadline")

"""TRANSFER and CONFERENCE beside a third call: a merge with it is not ours (rules 4 and 6.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import Baseline
from listener.finesse.actions import Conference, Retrieve, Transfer
from listener.finesse.events import Event
from listener.finesse.model import Dialog
from tests.builders import (
    AGENT,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_error,
    an_event,
    removed,
)


def _calls() -> tuple[Dialog, Dialog, Dialog]:
    """Return a held call, the consult that is linked to it, and a third call."""
    first = a_dialog("100", a_participant(EXT, "HELD"), a_participant("A"))
    consult = a_dialog(
        "200",
        a_participant(),
        a_participant("C"),
        associated_dialog_uri="/finesse/api/Dialog/100",
    )
    return first, consult, a_dialog("300", a_participant(EXT, "HELD"), a_participant("D"))


@pytest.mark.parametrize(("request_", "state"), [(Transfer, "DROPPED"), (Conference, "ACTIVE")])
def test_an_untagged_merge_with_a_third_call_is_not_ours(request_, state) -> None:
    first, consult, third = _calls()
    story = Story(first, consult, third)
    key = story.accepted(request_(agent=AGENT, dialog_id="100"))
    parties = (a_participant(EXT, state, 2), a_participant("A"), a_participant("D"))
    story.hear(an_event(replace(first, secondary_id="300", participants=parties)))
    story.wait(60)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize("tagged", [False, True])
def test_a_retrieve_explains_no_merge_so_that_an_error_behind_it_names_nobody(tagged) -> None:
    first, consult, _ = _calls()
    consult = replace(consult, participants=(a_participant(EXT, "HELD"), a_participant("C")))
    story = Story(
        *(first, consult, a_dialog("300", a_participant(), a_participant("D"))),
        gate=GateMode.OFF,
    )
    retrieve = story.accepted(Retrieve(agent=AGENT, dialog_id="100"))
    join = story.accepted(Conference(agent=AGENT, dialog_id="100"))
    parties = (a_participant(EXT, "ACTIVE", 2), a_participant("A"), a_participant("D"))
    merged = replace(first, secondary_id="300", participants=parties)
    story.hear(an_event(merged, tag=retrieve if tagged else None))
    assert story.said(retrieve)[0] == "confirmed"
    story.hear(an_error(f"INVALID_ACTION CONFERENCE on extension {EXT}"))
    story.wait(60)
    assert story.said(join) == ("unconfirmed", "ambiguous")


def test_a_conference_without_the_consulted_party_is_none_though_it_bears_our_id() -> None:
    first = a_dialog(
        "100",
        a_participant(EXT, "HELD"),
        a_participant("A"),
        a_participant("B"),
        media={"call_type": "CONFERENCE"},
    )
    consult = _calls()[1]
    story = Story(first, consult)
    key = story.accepted(Conference(agent=AGENT, dialog_id="100"))
    ended = (a_participant(EXT, "DROPPED", 1), a_participant("C", "DROPPED", 1))
    story.hear(removed(replace(consult, participants=ended), tag=key))
    parties = (a_participant(EXT, "ACTIVE", 2), a_participant("A"), a_participant("B"))
    story.hear(an_event(replace(first, participants=parties), tag=key))
    story.wait(60)
    assert story.said(key)[0] == "unconfirmed"


def _met_and_merged(story: Story, met: Dialog, *parties: str) -> str:
    """Tell how both calls met while ours was held, and how another client added a third one."""
    key = story.accepted(Conference(agent=AGENT, dialog_id="100"))
    story.hear(an_event(met))
    assert story.said(key) == ("open", None)
    there = (a_participant(EXT, "ACTIVE", 4), *map(a_participant, parties))
    story.hear(an_event(replace(met, secondary_id="300", participants=there), tag="desktop-1"))
    story.wait(60)
    return key


def _met(own: str = "HELD", secondary: str = "200", others: str = "AC") -> Dialog:
    parties = (a_participant(EXT, own, 2), *map(a_participant, others))
    return replace(_calls()[0], secondary_id=secondary, participants=parties)


def test_calls_that_had_met_while_ours_was_held_are_a_conference_though_a_third_one_joins() -> None:
    story = Story(*_calls()[:2])
    key = _met_and_merged(story, _met(), "A", "C", "D")
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.survivor == "100"
    assert story.outcomes[key].dialogs.gone == ("200",)


@pytest.mark.parametrize(
    ("met", "parties"),
    [
        (_met(), ("A", "D")),  # the consulted party had left by the time we talked
        (_met(others="A"), ("A", "C", "D")),  # they had not met: the third call brought that party
        (_met(own="DROPPED"), ("A", "C", "D")),  # a transfer: we were off it
        (_met(secondary="405"), ("A", "C", "D")),  # a colleague's call brought the other party
        (_met(secondary=""), ("A", "C", "D")),  # nothing says of which call it is
    ],
)
def test_calls_that_did_not_meet_with_us_held_are_none_when_a_third_one_joins(met, parties) -> None:
    story = Story(*_calls()[:2])
    assert story.said(_met_and_merged(story, met, *parties))[0] == "unconfirmed"


def test_an_old_merge_proves_no_transfer_where_nothing_was_known_before() -> None:
    story = Story(live=False)
    key = story.accepted(Transfer(agent=AGENT, dialog_id="100"))
    parties = (a_participant(EXT, "WRAP_UP", 1), a_participant("A"), a_participant("B"))
    story.hear(an_event(a_dialog("100", *parties, secondary_id="7"), tag=key))
    story.wait(60)
    assert story.said(key)[0] == "unconfirmed"


def test_a_join_of_a_colleagues_own_call_names_none_that_ours_is_joined_with() -> None:
    # the colleague on the held call had joined it with a call of theirs; that is read late
    first, _, third = _calls()
    story = Story(first, third, a_dialog("400", a_participant(EXT), a_participant("E")))
    story.link_up(agent="agent2")
    key = story.accepted(Transfer(agent=AGENT, dialog_id="100"))
    merged = (a_participant(EXT, "HELD"), a_participant("A"), a_participant("X", at=1))
    story.hear(an_event(replace(first, secondary_id="405", participants=merged)))
    left = (a_participant(EXT, "DROPPED", 2), *merged[1:], a_participant("E", at=2))
    joined = replace(first, secondary_id="400", participants=left)
    story.hear(an_event(joined), an_event(joined, tag=key, owner="agent2"))
    assert story.said(key)[0] == "confirmed"
    assert story.outcomes[key].dialogs.gone == ("400",)


@pytest.mark.parametrize(("secondary", "gone"), [(None, ()), ("200", ("200",))])
def test_a_conference_that_its_parties_alone_show_names_no_call_as_gone(secondary, gone) -> None:
    # found by the oracle: the consulted party came to the call by a watch of her own, and both
    # calls were there yet
    first, consult, _ = _calls()
    story = Story(first, consult)
    key = story.accepted(Conference(agent=AGENT, dialog_id="100"))
    parties = (a_participant(at=2), a_participant("A"), a_participant("C"))
    story.hear(an_event(replace(first, participants=parties, secondary_id=secondary)))
    assert story.said(key) == ("confirmed", "expectation")
    dialogs = story.outcomes[key].dialogs
    assert (dialogs.survivor, dialogs.gone) == ("100", gone)


@pytest.mark.parametrize(
    ("told", "who", "said"),
    [
        (True, "D", ("confirmed", "expectation")),
        (True, "C", ("unconfirmed", "deadline")),  # it may have brought the other one's number
        (False, "D", ("unconfirmed", "deadline")),  # nor does anybody know who was on it
    ],
)
def test_a_third_call_of_which_it_is_told_who_is_on_it_brings_nobody_else(
    told: bool,  # noqa: FBT001
    who: str,
    said: tuple[str, str],
) -> None:
    # 6.4: both others are on the call with us, and the one that it took in last brought neither
    first, consult, _ = _calls()
    story = Story(first, consult)
    key = story.accepted(Conference(agent=AGENT, dialog_id="100"))
    third = a_dialog("300", a_participant(at=2), a_participant(who, at=2))
    if told:
        story.hear(added(third), removed(replace(third, participants=()), owner="agent2"))
    parties = (a_participant(at=3), *map(a_participant, "ACD"))
    merged = replace(first, participants=parties, secondary_id="300")
    story.hear(an_event(merged, tag="their"))
    story.wait(60)
    assert story.said(key) == said


THIRD = a_dialog("300", a_participant(EXT, "HELD", 3), a_participant("D", at=3))


def _two_joins(
    *shown: Event, first: MinimumEvidence | None, also: str, last: Dialog
) -> tuple[Story, str, str]:
    """Ask for a conference with so much evidence, or None: it has no answer yet; then for another.

    `shown`: what is heard before the other one is asked for, on the call `also`; `last` behind it.
    """
    story = Story(*_calls()[:2], gate=GateMode.OFF)
    key = story.ask(Conference(agent=AGENT, dialog_id="100"), minimum=first or MinimumEvidence.ANY)
    if first is not None:
        story.accept(key)
    story.hear(*shown)
    later = story.accepted(Conference(agent=AGENT, dialog_id=also))
    story.hear(an_event(last))
    return story, key, later


def _joined(id_: str, secondary: str | None, *, others: str, at: float) -> Dialog:
    parties = (a_participant(each, at=at) for each in (EXT, *others))
    return a_dialog(id_, *parties, secondary_id=secondary)


@pytest.mark.parametrize("first", [MinimumEvidence.REQUEST_ID, None])
def test_a_conference_goes_on_in_a_third_call_that_takes_it_in_which_is_anothers_work(
    first: MinimumEvidence | None,
) -> None:
    # 4: one change fits one request; what the first one asked for was shown before
    gone = removed(replace(_calls()[1], participants=()))
    joined = an_event(_joined("100", "200", others="AC", at=2))
    last = _joined("300", "100", others="ACD", at=4)
    story, key, later = _two_joins(joined, gone, added(THIRD), first=first, also="300", last=last)
    assert story.said(later) == ("confirmed", "expectation")
    assert story.outcomes[later].dialogs.survivor == "300"
    if first is None:
        story.accept(key)
        assert story.said(key) == ("confirmed", "expectation")
        assert story.outcomes[key].dialogs.survivor == "100"


A_PARTY_CAME = an_event(_joined("100", None, others="AC", at=2))


@pytest.mark.parametrize(
    ("shown", "also", "last"),
    [
        # nothing had shown the first one: it may have been done by what shows the other
        (added(THIRD), "300", _joined("300", "100", others="ACD", at=4)),
        # the calls of both are joined only now
        (A_PARTY_CAME, "200", _joined("100", "200", others="AC", at=4)),
    ],
    ids=["not shown before", "the same two calls"],
)
def test_a_join_that_may_be_either_requests_work_is_ambiguous_for_both(
    shown: Event, also: str, last: Dialog
) -> None:
    first = MinimumEvidence.REQUEST_ID
    story, key, later = _two_joins(shown, first=first, also=also, last=last)
    story.wait(60)
    assert story.said(later) == story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize("kind", [Conference, Transfer])
def test_a_join_behind_who_came_before_is_ambiguous_for_both_at_a_hand_over(
    kind: type[Conference | Transfer],
) -> None:
    # 4: one change fits one request, whoever is told first of who came to the calls
    first, second = (
        _joined(id_, None, others=each, at=0) for id_, each in (("100", "A"), ("200", "C"))
    )
    own = "ACTIVE" if kind is Conference else "DROPPED"
    last = a_dialog(
        "100",
        a_participant(EXT, own, 4),
        *(a_participant(p, at=4) for p in "XC"),
        secondary_id="200",
    )
    came = (_joined("100", None, others=each, at=at) for at, each in ((2, "AX"), (3, "X")))
    heard = [an_event(each) for each in (*came, last)]
    story = Story(first, second, gate=GateMode.OFF)
    story.hear(*heard)
    keys = [
        story.adopt(
            kind(agent=AGENT, dialog_id=str(one.id)),
            baseline=Baseline(one, (other,), a_user()),
            left=19.0,
            age=1.0,
            gap=False,
        )
        for one, other in ((first, second), (second, first))
    ]
    for key in keys:
        story.rehear(key, *heard)
    story.wait(40)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2

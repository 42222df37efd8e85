"""Rules of evidence 6.4 and 6.5: TRANSFER, CONFERENCE, TRANSFER_SST, in every order."""

from __future__ import annotations

import itertools

import pytest

from listener.correlation.outcome import Failed
from listener.finesse.actions import Conference, Drop, Transfer, TransferSst
from tests.builders import (
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    an_event,
    own,
    removed,
)

TRANSFER = Transfer(agent="agent1", dialog_id="100")
CONFERENCE = Conference(agent="agent1", dialog_id="100")
SST = TransferSst(agent="agent1", dialog_id="100", to_address="1002")
HELD = own("HELD", 0)


def consult(state: str = "ACTIVE", at: float = 0, **changes: object) -> object:
    parties = (a_participant(state=state, at=at), a_participant("1002"))
    return a_dialog("200", *parties, **{"from_address": EXT, "to_address": "1002"} | changes)


def gone(id_: str) -> object:
    return own("DROPPED", 2) if id_ == "100" else consult("DROPPED", 2)


def survivor(id_: str = "100", **changes: object) -> object:
    return a_dialog(id_, a_participant("1002", at=2), a_participant(CUSTOMER), **changes)


@pytest.mark.parametrize("order", list(itertools.permutations(["100", "200"])))
@pytest.mark.parametrize("tagged", ["100", "200"])
def test_both_dialogs_gone_and_one_delete_tagged_confirms_a_transfer(
    order: tuple[str, str], tagged: str
) -> None:
    # 6.4
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    for id_ in order:
        story.hear(removed(gone(id_), tag=key if id_ == tagged else None))
        story.wait(0.5)
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.gone == (("100", "200") if tagged == "200" else ("100",))


def test_both_dialogs_left_by_puts_and_one_tagged_delete_confirms() -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(an_event(gone("100")), an_event(gone("200")), removed(gone("200"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("order", list(itertools.permutations(["100", "200"])))
def test_two_untagged_deletes_are_also_what_two_hang_ups_leave(order: tuple[str, str]) -> None:
    # 6.4
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(*(removed(gone(id_)) for id_ in order))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_the_consult_party_that_hangs_up_ends_nothing() -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(removed(gone("200"), tag=key))
    story.wait(19)
    assert story.said(key)[0] == "open"
    story.wait(1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_one_tagged_delete_alone_is_not_a_transfer() -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(removed(gone("100"), tag=key))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("id_", ["100", "200"])
def test_the_survivor_seen_elsewhere_without_us_confirms(id_: str) -> None:
    # 6.4: another of our sessions; the survivor may be either of the two
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(an_event(survivor(id_), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")
    ids = story.outcomes[key].dialogs
    assert (ids.survivor, ids.gone) == (id_, ("200",) if id_ == "100" else ("100",))


def test_the_survivor_is_known_by_its_secondary_id() -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(an_event(survivor("300", secondary_id="200"), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")


def test_the_survivor_in_the_grace_after_two_deletes_confirms() -> None:
    # 6.10: for what may still arrive
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(removed(gone("100")), removed(gone("200")))
    story.wait(1.9)
    story.hear(an_event(survivor(secondary_id="200"), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "dialog",
    [
        a_dialog("100", a_participant(at=2), a_participant("1002"), a_participant(CUSTOMER)),
        a_dialog("100", a_participant("1002")),
        survivor("300"),
    ],
    ids=["with us", "one of the others", "another call"],
)
def test_less_than_the_survivor_proves_no_transfer(dialog: object) -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(an_event(dialog, owner="agent2"))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_with_several_other_calls_and_no_link_the_second_call_is_not_known() -> None:
    story = Story(HELD, consult(), a_dialog("300", a_participant(), a_participant("1003")))
    key = story.accepted(TRANSFER)
    story.hear(removed(gone("100"), tag=key), removed(gone("200")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_our_id_on_the_end_of_another_call_says_that_it_was_the_second_one() -> None:
    story = Story(HELD, consult(), a_dialog("300", a_participant(), a_participant("1003")))
    key = story.accepted(TRANSFER)
    story.hear(removed(gone("100")), removed(gone("200"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_the_survivors_secondary_id_says_which_the_second_call_was() -> None:
    story = Story(HELD, consult(), a_dialog("300", a_participant(), a_participant("1003")))
    key = story.accepted(TRANSFER)
    story.hear(an_event(survivor(secondary_id="200"), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("linked", ["consult", "origin"])
def test_a_link_tells_the_second_call_among_several(linked: str) -> None:
    first = own(
        "HELD", 0, associated_dialog_uri="/finesse/api/Dialog/200" if linked == "origin" else ""
    )
    second = consult(associated_dialog_uri="/finesse/api/Dialog/100" if linked == "consult" else "")
    story = Story(first, second, a_dialog("300", a_participant(), a_participant("1003")))
    key = story.accepted(TRANSFER)
    story.hear(an_event(survivor(), owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")


def test_without_a_baseline_no_transfer_is_proven() -> None:
    story = Story(live=False)
    key = story.accepted(TRANSFER)
    story.hear(an_event(survivor(), owner="agent2"), removed(gone("200"), tag=key))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_transfer_does_not_follow_its_dialog_to_the_survivor() -> None:
    story = Story(HELD, consult())
    key = story.accepted(TRANSFER)
    story.hear(an_event(own("ACTIVE", 2, id_="200", secondary_id="100")))
    entry = story.correlator.entry(key)
    assert entry is not None
    assert entry.case.ids == {"100"}


# -- CONFERENCE -----------------------------------------------------------------------------


def conference(id_: str = "100", state: str = "ACTIVE", **changes: object) -> object:
    parties = (a_participant(state=state, at=2), a_participant("1002"), a_participant(CUSTOMER))
    return a_dialog(id_, *parties, **changes)


@pytest.mark.parametrize("order", list(itertools.permutations(["joined", "gone"])))
@pytest.mark.parametrize("tagged", [True, False])
def test_the_survivor_with_us_active_and_both_others_confirms_a_conference(
    order: tuple[str, str],
    tagged: bool,  # noqa: FBT001
) -> None:
    # 6.4
    story = Story(HELD, consult())
    key = story.accepted(CONFERENCE)
    tag = key if tagged else None
    events = {"joined": an_event(conference(), tag=tag), "gone": removed(gone("200"), tag=tag)}
    story.hear(*(events[name] for name in order))
    assert story.said(key) == ("confirmed", "request_id" if tagged else "expectation")
    assert story.outcomes[key].dialogs.survivor == "100"


def test_the_consult_may_be_the_survivor_of_a_conference() -> None:
    story = Story(HELD, consult())
    key = story.accepted(CONFERENCE)
    story.hear(removed(gone("100")), an_event(conference("200", secondary_id="100")))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.gone == ("100",)


@pytest.mark.parametrize(
    "dialog",
    [conference(state="HELD"), own("ACTIVE", 2), conference("300")],
    ids=["held", "without the third", "another call"],
)
def test_less_than_that_proves_no_conference(dialog: object) -> None:
    story = Story(HELD, consult())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(dialog))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_consult_with_a_party_of_the_call_proves_nothing_by_its_parties() -> None:
    # 4: the two calls look joined before they are
    others = (a_participant("1002"), a_participant("1003"))
    held = a_dialog("100", a_participant(state="HELD"), *others)
    story = Story(held, consult())
    key = story.accepted(CONFERENCE)
    story.hear(an_event(a_dialog("100", a_participant(at=2), *others)))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_the_end_of_the_held_call_ends_a_conference() -> None:
    story = Story(HELD, consult())
    key = story.accepted(CONFERENCE)
    story.hear(removed(gone("100")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_without_a_baseline_a_conference_needs_our_id() -> None:
    for tagged, word in ((False, "open"), (True, "confirmed")):
        story = Story(live=False)
        key = story.accepted(CONFERENCE)
        shown = conference(media={"call_type": "CONFERENCE"})
        story.hear(an_event(conference(), tag=key))
        story.hear(an_event(shown, tag=key if tagged else None))
        assert story.said(key)[0] == word


# -- TRANSFER_SST ---------------------------------------------------------------------------


@pytest.mark.parametrize("event", [removed, an_event])
def test_our_leaving_with_our_id_confirms_a_single_step_transfer(event: object) -> None:
    # 6.5
    story = Story()
    key = story.accepted(SST)
    story.hear(event(own("DROPPED", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].dialogs.survivor is None  # reported only where it was seen


@pytest.mark.parametrize("order", list(itertools.permutations([an_event, removed])))
def test_leaving_without_a_tag_is_also_a_hang_up(order: tuple[object, object]) -> None:
    # 6.5
    story = Story()
    key = story.accepted(SST)
    story.hear(*(kind(own("DROPPED", 2)) for kind in order))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("id_", ["100", "300"])
def test_the_call_that_arrives_at_its_target_confirms(id_: str) -> None:
    # 6.5: another of our sessions seeing this call arrive
    story = Story()
    key = story.accepted(SST)
    there = survivor(id_, secondary_id="100" if id_ == "300" else None)
    story.hear(removed(own("DROPPED", 2)), an_event(there, owner="agent2"))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].dialogs.survivor == id_


@pytest.mark.parametrize(
    "dialog",
    [
        survivor("300"),
        a_dialog("100", a_participant("1003"), a_participant(CUSTOMER)),
        a_dialog("100", a_participant(), a_participant("1002"), a_participant(CUSTOMER)),
        a_dialog("100", a_participant("1002", "DROPPED"), a_participant(CUSTOMER)),
    ],
    ids=["another call", "another party", "with us", "gone again"],
)
def test_another_arrival_proves_no_single_step_transfer(dialog: object) -> None:
    story = Story()
    key = story.accepted(SST)
    story.hear(an_event(dialog, owner="agent2"))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_target_that_was_on_the_call_before_has_not_arrived() -> None:
    story = Story(a_dialog("100", a_participant(), a_participant("1002"), a_participant(CUSTOMER)))
    key = story.accepted(SST)
    story.hear(an_event(survivor(), owner="agent2"))
    assert story.said(key)[0] == "open"


def test_failed_with_a_state_cause_fails_it() -> None:
    # 6.5
    story = Story()
    key = story.accepted(SST)
    failed = a_dialog("100", a_participant(state="FAILED", state_cause="BUSY"), state="FAILED")
    story.hear(an_event(failed))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert outcome.state_cause == "BUSY"


def test_failed_without_a_state_cause_does_not_fail_it() -> None:
    story = Story()
    key = story.accepted(SST)
    story.hear(an_event(a_dialog("100", a_participant(state="FAILED"), state="FAILED")))
    assert story.said(key)[0] == "open"


def test_older_news_of_leaving_proves_nothing_even_with_our_id() -> None:
    story = Story(own("ACTIVE", 5))
    key = story.accepted(SST)
    story.hear(an_event(own("DROPPED", 1), tag=key))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_drop_and_a_single_step_transfer_are_not_the_same() -> None:
    story = Story()
    key = story.accepted(Drop(agent="agent1", dialog_id="100"))
    story.hear(an_event(survivor(), owner="agent2"))
    assert story.said(key)[0] == "open"

"""What a GET does not show: whose doing it is, and how old the picture was."""

import pytest

from listener.correlation.outcome import Reason
from listener.finesse import actions as do
from tests.builders import Story, a_dialog, a_user, own

ON = {"agent": "agent1", "dialog_id": "100"}


def twice_without_the_call(story: Story, *keys: str) -> None:
    """Answer the GETs of these requests without the call, and those that follow 3 s later."""
    story.wait(14)
    for _ in range(2):
        for ask in [each for each in story.asks if each.key in keys]:
            story.look(ask=ask, user=a_user())
            story.asks.remove(ask)
        story.wait(3.1)
    story.wait(20)


def test_one_absence_confirms_neither_of_two_open_drops():
    story = Story()
    keys = [story.accepted(do.Drop(**ON), ungated=True) for _ in range(2)]

    twice_without_the_call(story, *keys)

    assert [story.outcomes[key].kind for key in keys] == ["unconfirmed"] * 2
    assert {story.outcomes[key].reason for key in keys} == {Reason.AMBIGUOUS}


def test_a_call_that_an_open_transfer_may_have_taken_away_is_not_known_to_be_dropped():
    story = Story()
    drop = story.accepted(do.Drop(**ON), ungated=True)
    story.accepted(do.TransferSst(**ON, to_address="5551"), ungated=True)

    twice_without_the_call(story, drop)

    assert story.outcomes[drop].kind == "unconfirmed"


def test_a_hold_beside_it_takes_no_call_away():
    story = Story()
    drop = story.accepted(do.Drop(**ON), ungated=True)
    story.accepted(do.Hold(**ON), ungated=True)

    twice_without_the_call(story, drop)

    assert story.outcomes[drop].kind == "confirmed"


@pytest.mark.parametrize("state", ["WRAP_UP", "DROPPED"])
def test_who_was_off_the_call_before_has_not_been_dropped_when_it_is_gone(state):
    story = Story(own(state, 0.5))
    drop = story.accepted(do.Drop(**ON))

    twice_without_the_call(story, drop)

    assert story.outcomes[drop].kind == "unconfirmed"


@pytest.mark.parametrize(("sent_at", "kind"), [(14.6, None), (15.1, "failed")])
def test_missing_values_count_by_when_the_get_was_sent(sent_at, kind):
    before = a_dialog(variables={"callVariable1": "old"})
    story = Story(before)
    values = {"callVariable1": "new"}
    key = story.accepted(do.UpdateCallData(**ON, call_variables=values), length=18.4)
    story.wait(sent_at)
    asked = story.now
    story.wait(1.0)

    story.look(before, asked=asked)

    assert (story.outcomes[key].kind if key in story.outcomes else None) == kind

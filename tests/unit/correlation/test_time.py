"""Rules of evidence 10: time is an argument, and a restart keeps what was left of it."""

from __future__ import annotations

import pytest

from listener.correlation.books import EARLY_FOR, MAX_EARLY, MAX_ITEMS, MAX_TOMBSTONES, Books
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from tests.builders import Story, a_dialog, a_user, an_error, an_event, own

HOLD = a.Hold(agent="agent1", dialog_id="100")
DTMF = a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")
BEFORE = Baseline(a_dialog(), (), a_user())


def test_a_request_of_before_a_restart_ends_restarted_without_proof() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=5.0)
    story.wait(4.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "restarted")
    assert story.sent == []  # never sent again


@pytest.mark.parametrize("left", [0.0, -3.0])
def test_the_time_left_is_never_negative(left: float) -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=left)
    story.wait(0)
    assert story.said(key) == ("unconfirmed", "restarted")
    assert story.outcomes[key].waited == 0


def test_a_change_since_the_journalled_baseline_confirms_after_a_restart() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=5.0)
    story.wait(1)
    story.link_up(own("HELD"), user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")


def test_what_was_so_at_sending_is_no_proof_after_a_restart() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=Baseline(own("HELD", 0)), left=5.0)
    story.wait(1)
    story.link_up(own("HELD", 0), user=a_user())
    story.wait(4)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_without_a_journalled_baseline_the_picture_of_now_is_none_either() -> None:
    # 4: the restart's picture may show the effect already
    story = Story(own("HELD", 1))
    key = story.adopt(HOLD, baseline=None, left=5.0)
    story.hear(an_event(own("HELD", 1, secondary_id="")))
    story.wait(5)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_tag_still_proves_after_a_restart() -> None:
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=5.0, accepted=False)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")
    assert story.outcomes[key].sent is True  # what carries our id came from our request


def test_silence_is_never_presumed_over_a_restart() -> None:
    story = Story()
    key = story.adopt(DTMF, baseline=BEFORE, left=5.0)
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_restarted_dtmf_gets_no_new_window_from_the_one_before_it() -> None:
    # 10: the time left is the smaller
    story = Story()
    story.adopt(DTMF, baseline=BEFORE, left=5.0)
    second = story.adopt(DTMF, baseline=BEFORE, left=5.1)
    story.wait(5.1)
    assert story.said(second) == ("unconfirmed", "restarted")


@pytest.mark.parametrize(
    ("gate", "expected", "waits"),
    [
        (GateMode.QUEUE, False, True),
        (GateMode.OFF, False, False),
        (GateMode.QUEUE, True, False),
    ],
)
def test_a_request_on_its_way_since_before_the_restart_holds_its_device(
    gate: GateMode,
    expected: bool,  # noqa: FBT001
    waits: bool,  # noqa: FBT001
) -> None:
    # 9
    story = Story(gate=gate)
    story.adopt(HOLD, baseline=BEFORE, left=5.0, expected=expected)
    key = story.ask(HOLD)
    assert (key not in story.sent) is waits
    story.wait(5)
    assert key in story.sent


def test_an_expectation_that_nobody_reported_ends_restarted() -> None:
    # 8: its event may have been missed, and so may its report
    story = Story(live=False)
    key = story.adopt(HOLD, baseline=BEFORE, left=5.0, accepted=False, expected=True)
    story.wait(5)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_get_fails_no_call_data_over_a_restart() -> None:
    # 6.7
    story = Story(live=False)
    request = a.UpdateCallData(
        agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"}
    )
    key = story.adopt(request, baseline=BEFORE, left=20.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(17)
    story.look(dialog=a_dialog(), listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "restarted")


# -- the precedence of reasons --------------------------------------------------------------


def test_ambiguous_tells_more_than_a_restart() -> None:
    story = Story()
    key = story.adopt(DTMF, baseline=BEFORE, left=5.0)
    other = story.accepted(DTMF)
    story.hear(an_error())
    story.wait(20)
    assert story.said(key) == story.said(other) == ("unconfirmed", "ambiguous")


def test_no_answer_tells_more_than_a_lost_link() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.link_down()
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_the_end_of_the_dialog_tells_more_than_a_lost_link() -> None:
    from tests.builders import removed  # noqa: PLC0415  used here alone

    story = Story()
    key = story.accepted(HOLD)
    story.wait(19.5)
    story.hear(removed())
    story.link_down()
    story.wait(0.5)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


# -- timers and bounds ----------------------------------------------------------------------


def test_an_idle_correlator_has_no_deadline() -> None:
    assert Story().correlator.next_deadline() is None


def test_expire_before_anything_is_due_changes_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(0)
    assert story.said(key)[0] == "open"
    assert story.correlator.next_deadline() is not None


def test_timers_do_not_pile_up() -> None:
    story = Story()
    story.accepted(HOLD)
    for second in range(1, 400):
        story.hear(an_event(own("ACTIVE", second)))
    assert len(story.correlator._desk._timers) <= 64 + 8 + 1


def test_timers_of_settled_requests_do_not_pile_up() -> None:
    story = Story(limits=Limits(tombstone_for=1.0))
    waiting = story.ask(a.Hold(agent="agent2", dialog_id="200"), length=3600.0, own="1002")
    for _ in range(300):
        story.refuse(story.ask(HOLD, length=3600.0))
        story.wait(0.5)
    assert len(story.correlator._desk._timers) < 128
    story.wait(2)
    assert story.correlator.open_keys() == (waiting,)
    assert not story.correlator._desk.books.tombs
    story.wait(3600.0)
    assert story.said(waiting) == ("unconfirmed", "no_answer")


def test_the_books_are_bounded() -> None:
    books = Books()
    for number in range(MAX_ITEMS + 10):
        assert not books.heard_before("node", str(number))
    assert not books.heard_before("node", "0")
    assert books.heard_before("node", str(MAX_ITEMS))
    for _ in range(MAX_EARLY + 10):
        books.keep_early(0.0, an_error(tag="t"))
    assert len(books.early(0.0, "t")) == MAX_EARLY
    books.bury("nobody")


def test_what_nobody_registered_in_time_is_kept_no_longer_than_it_counts() -> None:
    books = Books()
    for at in (0.0, EARLY_FOR, EARLY_FOR + 0.1):
        books.keep_early(at, an_error(tag="t"))
    assert [at for at, _ in books._early] == [EARLY_FOR, EARLY_FOR + 0.1]
    assert len(books.early(2 * EARLY_FOR + 0.1, "t")) == 1
    assert [at for at, _ in books._early] == [EARLY_FOR + 0.1]


def test_tombstones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_TOMBSTONES == 20_000
    monkeypatch.setattr("listener.correlation.books.MAX_TOMBSTONES", 3)
    story = Story(gate=GateMode.OFF)
    keys = [story.ask(HOLD) for _ in range(5)]
    for key in keys:
        story.refuse(key)
    assert [story.correlator.state(key) is None for key in keys] == [
        True,
        True,
        False,
        False,
        False,
    ]
    story.wait(1000)
    assert story.correlator.next_deadline() is None

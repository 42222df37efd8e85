"""Which node is used: ticks in made-up time, words as they may come, and how often all move."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from listener.pair import Move, NodeState, Pair, Polling, Word

A, B = "a", "b"
TICK = Polling().every
GOOD, OUT, NOTHING, UNTOLD = Word.IN_SERVICE, Word.OUT, Word.NOTHING, Word.UNTOLD


class Story:
    """A pair over time: `sound` says when each node is in service."""

    def __init__(self, *names: str) -> None:
        self.pair = Pair(names or (A, B))
        self.now = 1000.0
        self.moves: list[tuple[float, Move]] = []
        self.pair.begin()

    def tick(self, *, wanted: bool = False, **words: Word) -> Move | None:
        for name, word in words.items():
            self.pair.answered(self.now, name, word, None if word is GOOD else f"{name} is {word}")
        move = self.pair.tick(self.now, wanted=wanted)
        if move is not None:
            self.moves.append((self.now, move))
        self.now += TICK
        return move

    def last(self, seconds: float, **words: Word) -> None:
        end = self.now + seconds
        while self.now < end:
            self.tick(**words)

    def state(self, name: str) -> NodeState:
        return next(node.state for node in self.pair.status() if node.name == name)

    def count(self) -> int:
        return len(self.moves)


@pytest.fixture
def story() -> Story:
    """Begin with both in service."""
    found = Story()
    found.tick(a=GOOD, b=GOOD)
    return found


# -- when all move --------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [OUT, NOTHING])
def test_three_failures_in_a_row_move_all_within_six_seconds(story, word):
    begun = story.now
    story.last(60, a=word, b=GOOD)
    ((at, move),) = story.moves
    assert at - begun <= 6
    assert (move.source, move.target, move.cause) == (A, B, str(word))
    assert move.detail == f"a is {word}"


def test_two_failures_move_nobody_and_one_success_forgets_them(story):
    for _ in range(20):
        story.tick(a=NOTHING, b=GOOD)
        story.tick(a=NOTHING, b=GOOD)
        story.tick(a=GOOD, b=GOOD)
    assert story.count() == 0


def test_calls_between_two_ticks_count_nothing(story):
    for _ in range(50):
        story.pair.answered(story.now, A, NOTHING, "x")
        assert story.pair.tick(story.now) is None
        story.now += 0.01
    assert story.count() == 0


def test_nobody_moves_to_a_node_that_is_not_in_service(story):
    story.last(600, a=OUT, b=OUT)
    story.last(600, a=NOTHING, b=NOTHING)
    story.last(600, a=OUT, b=UNTOLD)
    assert story.count() == 0
    assert story.pair.current == A


def test_after_both_were_out_the_one_in_use_wins_a_tie(story):
    story.last(60, a=OUT, b=OUT)
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_after_both_were_out_a_node_that_is_two_seconds_later_is_still_a_tie(story):
    story.last(60, a=OUT, b=OUT)
    story.tick(a=OUT, b=GOOD)
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_after_both_were_out_the_first_to_come_back_wins(story):
    story.last(60, a=OUT, b=OUT)
    begun = story.now
    story.last(10, a=OUT, b=GOOD)
    assert story.count() == 1
    assert story.moves[0][0] - begun <= 2 * TICK


def test_sticky_nobody_goes_back_for_the_going_backs_sake(story):
    story.last(10, a=OUT, b=GOOD)
    story.last(3600, a=GOOD, b=GOOD)
    assert (story.count(), story.pair.current) == (1, B)


def test_a_node_that_never_served_is_left_at_the_first_tick_and_that_is_no_move():
    story = Story()
    move = story.tick(a=NOTHING, b=GOOD)
    assert move == Move(A, B, None, "a is unreachable")
    assert story.pair.current == B


def test_the_only_node_is_never_left():
    story = Story(A)
    story.tick(a=GOOD)
    story.last(600, a=OUT)
    assert (story.count(), story.state(A)) == (0, NodeState.OUT)


def test_a_node_that_takes_no_credentials_is_left_only_where_nobody_has_a_session(story):
    story.last(60, a=UNTOLD, b=GOOD)
    ((_, move),) = story.moves
    assert (move.source, move.target, move.cause) == (A, B, "unreachable")
    story.last(600, a=UNTOLD, b=UNTOLD)
    assert story.count() == 1


def test_refused_credentials_count_for_and_against_nothing_while_somebody_has_a_session(story):
    story.pair.connected(story.now, A, "1001")
    story.last(600, a=UNTOLD, b=GOOD)
    assert story.count() == 0
    story.tick(a=OUT, b=GOOD)
    story.tick(a=UNTOLD, b=GOOD)
    assert story.pair.status()[0].failures == 1


def test_refused_credentials_count_as_soon_as_somebody_waits_though_others_have_sessions(story):
    story.pair.connected(story.now, A, "1001")
    begun = story.now
    for _ in range(3):
        story.tick(a=UNTOLD, b=GOOD, wanted=True)
    ((at, move),) = story.moves
    assert at - begun <= 6
    assert (move.source, move.target, move.cause) == (A, B, "unreachable")


def test_a_node_that_takes_no_credentials_admits_where_sessions_stand_and_finesse_is_there(story):
    story.tick(a=UNTOLD, b=NOTHING)
    assert not story.pair.admits(A)
    story.pair.connected(story.now, A, "1001")
    assert (story.pair.admits(A), story.pair.in_service(A)) == (True, False)
    story.pair.saw(story.now, A, "1001", available=False)
    assert not story.pair.admits(A)
    story.pair.saw(story.now, A, "1001", available=True)
    for word in (OUT, NOTHING):
        story.tick(a=word, b=NOTHING)
        assert not story.pair.admits(A)


def test_cause_of_a_move_is_that_of_most_of_the_ticks_that_made_it(story):
    """Not the last one's alone: a session that fails at the end of an outage did not make it."""
    story.tick(a=NOTHING, b=GOOD)
    story.tick(a=NOTHING, b=GOOD)
    story.pair.refused(A, "connection refused")
    story.tick(a=GOOD, b=GOOD)
    ((_, move),) = story.moves
    assert (move.cause, move.detail) == ("unreachable", "a is unreachable")


def test_of_several_causes_that_were_as_frequent_the_last_one_is_told(story):
    story.tick(a=NOTHING, b=GOOD)
    story.pair.refused(A, "connection refused")
    story.tick(a=GOOD, b=GOOD)
    story.tick(a=OUT, b=GOOD)
    ((_, move),) = story.moves
    assert (move.cause, move.detail) == ("out_of_service", "a is out_of_service")


def test_cause_of_an_earlier_outage_is_none_of_the_next_ones(story):
    for _ in range(2):
        story.tick(a=NOTHING, b=GOOD)
    story.tick(a=GOOD, b=GOOD)
    story.last(6, a=OUT, b=GOOD)
    ((_, move),) = story.moves
    assert move.cause == "out_of_service"


# -- sessions, and the user finesse ---------------------------------------------------------------


def test_no_session_to_be_had_moves_all_though_system_info_is_fine(story):
    story.pair.refused(A, "connection refused")
    story.last(10, a=GOOD, b=GOOD)
    ((_, move),) = story.moves
    assert (move.cause, move.detail) == ("no_session", "connection refused")


def test_an_attempt_that_failed_counts_until_one_succeeds(story):
    story.pair.refused(A, "connection refused")
    story.tick(a=GOOD, b=GOOD)
    story.tick(a=GOOD, b=GOOD)
    story.pair.connected(story.now, A, "1001")
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_what_one_agent_is_refused_says_nothing_while_another_has_a_session(story):
    story.pair.connected(story.now, A, "fine")
    story.pair.refused(A, "not you")
    story.last(600, a=GOOD, b=GOOD)
    assert (story.count(), story.state(A)) == (0, NodeState.USABLE)
    story.pair.gone(story.now, A, "fine")
    story.last(10, a=GOOD, b=GOOD)
    assert story.count() == 1


def test_unavailable_finesse_moves_all(story):
    story.pair.connected(story.now, A, "1001")
    story.pair.saw(story.now, A, "1001", available=False)
    assert not story.pair.hearing(A)
    story.last(10, a=GOOD, b=GOOD)
    ((_, move),) = story.moves
    assert move.cause == "finesse_unavailable"


@pytest.mark.parametrize(("gone", "there", "away"), [(1, 0, True), (1, 1, False), (2, 1, True)])
def test_most_views_of_finesse_decide(story, gone, there, away):
    for number in range(gone + there):
        story.pair.saw(story.now, A, str(number), available=number >= gone)
    assert story.pair.hearing(A) is not away


def test_whatever_is_seen_and_forgotten_most_of_those_who_see_decide(story):
    chance, seen = random.Random(4711), {}
    for _ in range(500):
        agent = str(chance.randrange(9))
        if chance.random() < 0.3:
            seen.pop(agent, None)
            story.pair.gone(story.now, A, agent)
        else:
            seen[agent] = chance.random() < 0.5
            story.pair.saw(story.now, A, agent, available=seen[agent])
        away = sum(not there for there in seen.values()) * 2 > len(seen)
        assert story.pair.hearing(A) is not away


def test_a_view_ends_with_its_session(story):
    story.pair.connected(story.now, A, "1001")
    story.pair.saw(story.now, A, "1001", available=False)
    assert story.pair.view(A, "1001") is False
    story.pair.gone(story.now, A, "1001")
    assert story.pair.view(A, "1001") is None
    assert story.pair.hearing(A)


def test_out_of_service_event_counts_at_once_and_in_service_only_when_asked(story):
    story.pair.said(story.now, A, in_service=False)
    assert (story.state(A), story.pair.in_service(A)) == (NodeState.OUT, False)
    story.pair.said(story.now, A, in_service=True)
    assert not story.pair.in_service(A)


def test_no_answer_alone_is_no_word_of_finesse_against_sessions_that_are_up(story):
    story.last(4, a=NOTHING, b=NOTHING)
    assert story.pair.hearing(A)


# -- to and fro -----------------------------------------------------------------------------------


def flapping(story: Story, seconds: float, up, *, down: Word = NOTHING) -> int:
    """Play on with nodes that come and go as `up(name, now)` says; return how often all moved."""
    before, end = story.count(), story.now + seconds
    while story.now < end:
        words = {name: GOOD if up(name, story.now) else down for name in (A, B)}
        story.tick(**words)
    return story.count() - before


@pytest.mark.parametrize("period", [2, 4, 8, 12, 20, 40, 120, 600])
def test_a_node_that_comes_and_goes_is_left_once_at_most(story, period):
    moves = flapping(story, 3600, lambda name, now: name == B or now % period < period / 2)
    assert moves <= 1


@pytest.mark.parametrize("period", [8, 12, 16, 20, 24, 40])
def test_two_nodes_that_alternate_are_followed_twice_in_five_minutes_at_most(story, period):
    moves = flapping(story, 3600, lambda name, now: (now % period < period / 2) == (name == A))
    assert moves <= 2 * 3600 / Polling().calm


@pytest.mark.parametrize("period", [60, 100, 120])
def test_alternating_outages_of_half_a_minute_and_more_are_each_left(story, period):
    """Staying would sign the agents out after 60 s."""
    moves = flapping(story, 3600, lambda name, now: (now % period < period / 2) == (name == A))
    assert moves == pytest.approx(3600 / (period / 2), abs=2)
    gaps = [late - early for (early, _), (late, _) in pairwise(story.moves)]
    assert min(gaps) >= 24


def test_two_nodes_that_give_no_sessions_are_tried_less_and_less(story):
    story.pair.refused(A, "no")
    end = story.now + 3600
    while story.now < end:
        if story.tick(a=GOOD, b=GOOD) is not None:
            story.pair.refused(story.pair.current, "no")
    times = [at for at, _ in story.moves]
    assert len(times) <= 3600 / 192 + 8
    assert times[1] - times[0] <= 12  # the first tries come quickly


@pytest.mark.parametrize("seed", range(20))
def test_whatever_nodes_do_there_are_24_seconds_between_moves_after_the_first_three(seed):
    chance = random.Random(seed)
    story = Story()
    story.tick(a=GOOD, b=GOOD)
    while story.now < 9000:
        length = chance.choice([2, 4, 6, 10, 20, 30, 60])
        words = {name: chance.choice([GOOD, GOOD, OUT, NOTHING, UNTOLD]) for name in (A, B)}
        story.last(length, **words)
    times = [at for at, _ in story.moves]
    assert len(times) > 10
    quick = [late - early for early, late in pairwise(times) if late - early < 24]
    fresh = [late for early, late in pairwise(times) if late - early >= 300]
    assert len(quick) <= 3 * (len(fresh) + 1)


def test_after_five_quiet_minutes_a_move_is_quick_again(story):
    story.last(10, a=OUT, b=GOOD)
    story.last(301, a=GOOD, b=GOOD)
    begun = story.now
    story.last(30, a=GOOD, b=OUT)
    assert story.moves[1][0] - begun <= 6


def test_what_failed_before_nobody_waited_counts_no_more(story):
    story.tick(a=NOTHING, b=GOOD)
    story.tick(a=NOTHING, b=GOOD)
    story.pair.begin()
    story.now += 100
    assert story.tick(a=NOTHING, b=GOOD) is None


def test_attempt_that_fails_behind_a_move_bars_nobody_from_coming_back(story):
    story.pair.refused(A, "no session")
    story.last(8, a=GOOD, b=GOOD)
    assert story.pair.current == B
    story.pair.refused(A, "an attempt that was under way failed as well")
    story.pair.connected(story.now, B, "1001")
    story.last(300, a=GOOD, b=GOOD)
    story.pair.gone(story.now, B, "1001")
    story.last(60, a=GOOD, b=OUT)
    assert story.pair.current == A


# -- how a node is --------------------------------------------------------------------------------


def test_state_is_unknown_until_asked_then_usable_or_out():
    story = Story()
    assert story.state(A) is NodeState.UNKNOWN
    story.tick(a=GOOD, b=NOTHING)
    assert (story.state(A), story.state(B)) == (NodeState.USABLE, NodeState.OUT)


def test_one_missing_answer_is_not_out_yet(story):
    story.tick(a=NOTHING, b=GOOD)
    assert story.state(A) is NodeState.USABLE
    story.last(4, a=NOTHING, b=NOTHING)
    assert story.state(A) is NodeState.OUT


def test_status_tells_all_of_a_node(story):
    story.pair.connected(story.now, A, "1001")
    story.last(6, a=NOTHING, b=OUT)
    first, second = story.pair.status()
    assert (first.name, first.in_use, first.sessions, first.failures) == (A, True, 1, 3)
    assert (first.state, first.detail) == (NodeState.OUT, "a is unreachable")
    assert (second.in_use, second.detail) == (False, "b is out_of_service")
    assert second.since < first.since < story.now
    assert repr(story.pair) == "<Pair a out, b out>"
    story.tick(a=GOOD, b=GOOD)
    assert [node.detail for node in story.pair.status()] == [None, None]


def test_promising_is_who_was_not_asked_or_is_in_service(story):
    assert Pair((A, B)).promising(A)
    assert story.pair.promising(A)
    story.tick(a=NOTHING)
    assert not story.pair.promising(A)


# -- links that are lost, and what is said of a node that was left ---------------------------------


def cut(story: Story, *agents: str, name: str = A, unanswered: bool = False) -> None:
    for agent in agents:
        story.pair.cut(story.now, name, agent, "no answer to a ping", unanswered=unanswered)
        story.pair.gone(story.now, name, agent)


def with_sessions(story: Story, count: int) -> list[str]:
    agents = [str(number) for number in range(count)]
    for agent in agents:
        story.pair.connected(story.now, A, agent)
    return agents


def test_most_links_lost_within_a_ping_are_like_a_refused_session(story):
    agents = with_sessions(story, 10)
    cut(story, *agents[:6])
    begun = story.now
    story.last(60, a=GOOD, b=GOOD)
    ((at, move),) = story.moves
    assert at - begun <= 6
    assert (move.cause, move.detail) == ("no_session", "no answer to a ping")


@pytest.mark.parametrize(("held", "lost"), [(10, 5), (1, 1), (10, 1), (3, 1)])
def test_fewer_links_say_nothing_of_the_node(story, held, lost):
    agents = with_sessions(story, held)
    cut(story, *agents[:lost])
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_the_only_session_that_no_ping_was_answered_on_is_like_a_refused_one(story):
    cut(story, *with_sessions(story, 1), unanswered=True)
    begun = story.now
    story.last(60, a=GOOD, b=GOOD)
    ((at, move),) = story.moves
    assert at - begun <= 6
    assert move.cause == "no_session"


def test_one_silent_link_says_nothing_of_a_node_that_has_others_or_gives_another_session(story):
    agents = with_sessions(story, 2)
    cut(story, agents[0], unanswered=True)
    story.last(60, a=GOOD, b=GOOD)
    cut(story, agents[1], unanswered=True)
    story.last(4, a=GOOD, b=GOOD)
    story.pair.connected(story.now, A, agents[1])
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_links_lost_far_apart_say_nothing_of_the_node(story):
    for agent in with_sessions(story, 10)[:9]:
        cut(story, agent)
        story.last(11, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_one_session_that_is_made_again_says_that_the_node_is_well(story):
    agents = with_sessions(story, 10)
    cut(story, *agents)
    story.last(4, a=GOOD, b=GOOD)
    story.pair.connected(story.now, A, agents[0])
    story.last(60, a=GOOD, b=GOOD)
    assert story.count() == 0


def test_node_that_was_left_for_its_sessions_is_out_until_one_is_made_there(story):
    with_sessions(story, 1)
    story.pair.gone(story.now, A, "0")
    story.pair.refused(A, "no answer")
    story.last(10, a=GOOD, b=GOOD)
    assert story.pair.current == B
    assert (story.state(A), story.pair.trouble(A)) == (NodeState.OUT, "no answer")
    assert story.pair.usable(A)  # for who must go back
    story.pair.connected(story.now, A, "0")
    assert (story.state(A), story.pair.trouble(A)) == (NodeState.USABLE, None)


def test_node_that_was_left_and_comes_back_from_out_of_service_is_usable(story):
    story.pair.refused(A, "no answer")
    story.last(10, a=GOOD, b=GOOD)
    story.last(10, a=OUT, b=GOOD)
    story.last(10, a=GOOD, b=GOOD)
    assert (story.state(A), story.pair.trouble(A)) == (NodeState.USABLE, None)

"""Many agents whose links are all cut at once: nothing is said wrongly, and all are soon back.

A fixed seed, two cuts of all links, requests open over both of them. How soon is held against the
timers and what the first sign-on took on this machine in this run. A machine that is busy with
something else makes the story longer; where its measured lag would excuse too much, or all that was
found is that more could have been known, it is told again, twice at most (see `test_chaos`). For a
thousand agents: `make crowd`.
"""

from __future__ import annotations

import httpx
import pytest

from tests.chaos.crowd import SLOWER, Crowd, return_from, settled, timers
from tests.chaos.plot import EVERYBODY, Crowded, story_seed, traits_of
from tests.chaos.run import chaos
from tests.chaos.test_chaos import AGAIN, TELLINGS, clean, say
from tests.oracle.story import Step, Story

AGENTS = 150
SEED = 21
SECONDS = 7.0
EVERY = 3.5
RATE = 10.0

A, B = "1001", "1002"
FOREVER = float("inf")


CUTS = (EVERY / 2, EVERY / 2 + EVERY)
IN_FLIGHT_OVER = ("wire rst", "wire fin")
IN_FLIGHT = 5
"""Requests that Finesse answers a second behind a cut of all links."""


def calling(at: float, who: int, whom: int) -> Step:
    """Let an agent call another one, and Finesse be slow to answer; no event has the id."""
    n = (2 * whom + 1) / 1000
    call = {"n": n, "wish": ["MAKE_CALL"], "fits": True, "value": "x", "mode": "submit"}
    tags = {"id": "own", "tags": "0", "error_tag": "0", "others": True, "deadline": 8.0}
    return Step(at, "ask", who, call | tags | {"fault": ["answer_late", 1.3, "cut"]})


def story() -> Story:
    traits = traits_of(SEED, AGENTS)
    how = {"seconds": SECONDS, "rate": RATE, "quick": True}
    drawn = Crowded(story_seed(SEED, 0), traits, cut_every=EVERY, **how).whole()
    calls = [
        calling(cut - 0.3, who := 1 + 20 * turn + 4 * number, who + 50)
        for turn, cut in enumerate(CUTS)
        for number in range(IN_FLIGHT)
    ]
    return drawn.only(sorted([*drawn.steps, *calls], key=lambda step: step.at))


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_all_links_of_many_agents_cut_at_once_lose_nothing_and_all_are_soon_back(tmp_path):
    for number in range(TELLINGS):
        work = tmp_path / str(number)
        work.mkdir()
        async with chaos(work, SEED, traits_of(SEED, AGENTS), keep=work, say=say) as run:
            await run.story(story())
            tally = await run.end()
        say(f"{tally.tables()}\n{run.crowd.text(tally.events)}")
        kinds = {kind for kind, times in tally.promises.items() if times}
        missing = [name for name in IN_FLIGHT_OVER if name not in tally.by_fault]
        if kinds - AGAIN or not (kinds or missing):
            break
        say(f"told again for: {sorted(kinds)} {missing}")
    assert clean(tally) == []
    assert [len(each.took) for each in run.crowd.returns] == [AGENTS, AGENTS]
    assert tally.ends == 1
    assert sum(counts["confirmed"] for counts in tally.by_action.values()) > 0
    assert missing == []


def test_a_crowd_is_cut_at_its_times_and_nothing_else_befalls_everybody():
    steps = [step for step in story().steps if step.do in EVERYBODY]
    assert [(step.at, step.do, step.args["node"]) for step in steps] == [
        (cut, "wire", "all") for cut in CUTS
    ]
    how = [(step.args["kind"], step.args["side"]) for step in steps]
    assert how == [("rst", "xmpp"), ("fin", "both")]


def test_a_return_is_from_the_cut_to_the_session_that_began_behind_it():
    live = {A: [[1.0, 10.1], [10.5, 11.0], [12.0, FOREVER]], B: [[2.0, 10.2], [13.0, FOREVER]]}
    assert return_from(10.0, (A, B), live) == (10.0, (0.5, 3.0), ())


def test_who_never_noticed_a_cut_or_never_came_back_is_missing():
    live = {A: [[1.0, FOREVER]], B: [[2.0, 10.2]]}
    assert return_from(10.0, (A, B, "1003"), live) == (10.0, (), (A, B, "1003"))


def test_a_crowd_that_is_back_too_late_is_found():
    crowd = Crowd((A, B), signed_on=1.0)
    assert crowd.bound == timers(2) + SLOWER
    slow = {A: [[10.5, FOREVER]], B: [[10.1 + crowd.bound, FOREVER]]}
    assert len(list(crowd.take([10.0], slow))) == 1
    assert len(list(crowd.take([10.0], {A: slow[A]}))) == 1
    assert list(crowd.take([10.0], {A: slow[A], B: slow[A]})) == []
    assert "3 cuts of all links" in crowd.text(0)


def test_a_loop_that_the_daemons_own_work_held_up_is_found_and_a_busy_machine_is_not():
    assert list(Crowd((A,), 1.0, lag=3.0, own_lag=0.09).held_up()) == []
    assert len(list(Crowd((A,), 1.0, lag=0.2, own_lag=0.11).held_up())) == 1


class Answers:
    """A daemon of which each question about its agents has the next answer, and then the last."""

    def __init__(self, *live: tuple[bool, ...]) -> None:
        self._live = list(live)

    def client(self) -> httpx.AsyncClient:
        """Return a client that asks it."""

        def answer(_request: httpx.Request) -> httpx.Response:
            row = self._live.pop(0) if len(self._live) > 1 else self._live[0]
            return httpx.Response(200, json={"agents": [{"live": each} for each in row]})

        return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://daemon")


async def test_what_the_daemon_has_is_counted_once_all_sessions_are_there():
    there = Answers((True, False), (True, False), (True, True))
    assert await settled(there, 30.0) == 2  # type: ignore[arg-type]
    assert await settled(Answers((True, False)), 0.1) == 1  # type: ignore[arg-type]

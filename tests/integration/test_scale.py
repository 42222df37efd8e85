"""The benchmark of thousands of agents, small: what must hold on any machine, however busy.

prosody, the daemon and slixmpp's clients are processes of their own (`tests.benchmarks`).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.benchmarks import bench_scale
from tests.benchmarks.bench_scale_side import running
from tests.integration.conftest import need
from tests.shell.sharing import made_once

AGENTS, DEFAULTS = 100, 12
pytestmark = pytest.mark.timeout(400)  # all the work is done for the first test
EVENTS = {"rate": 100.0, "seconds": 2.0, "idle": 0.2}


def measure():
    with TemporaryDirectory() as folder, running(Path(folder)) as side:
        default = bench_scale.one(side, "clients", agents=DEFAULTS)
        ours = bench_scale.one(side, "ours", agents=AGENTS, restart=True, **EVENTS)
    return ours, default


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the figures of the daemon with many agents, and of some of slixmpp's clients."""
    need("prosody")
    ours, default = made_once(tmp_path_factory, "scale", measure)
    print(ours)  # noqa: T201 - shown where a test fails
    return ours, default


def test_all_agents_are_up_and_no_more_than_fifty_shake_hands_at_once(measured):
    ours, _ = measured
    assert ours["up"] == AGENTS
    assert 1 < ours["most_handshakes"] <= bench_scale.MOST_HANDSHAKES


def test_every_event_settles_its_request(measured):
    ours, _ = measured
    assert ours["published"] == EVENTS["rate"] * EVENTS["seconds"]
    assert ours["settled"] == ours["heard"] == ours["published"]
    assert ours["not_confirmed"] == 0


def test_after_a_restart_of_the_server_all_come_back_with_no_more_handshakes_at_once(measured):
    ours, _ = measured
    assert ours["restart_all_up"]
    assert ours["restart_handshakes"] >= AGENTS
    assert ours["restart_most_handshakes"] <= bench_scale.MOST_HANDSHAKES


def test_an_agent_weighs_less_than_half_of_a_client_as_it_comes(measured):
    ours, default = measured
    assert default["up"] == DEFAULTS
    assert 0 < ours["rss_per_agent"] < default["rss_per_agent"] / 2


def test_sessions_that_ended_left_nothing_that_only_a_search_finds_and_no_task(measured):
    ours, _ = measured
    assert ours["set_aside_in_vain"] < 120 * AGENTS  # a client with its parts is 300 objects
    assert ours["tasks_left"] == 0

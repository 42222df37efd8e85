"""Attempts of many agents at once: who is next, and how soon all are back at a slow server.

The times are made up (`tests.oracle.clock`), and so is the server: each login needs several turns
of its one hand, and those of all who are on their way come in a row.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from listener.dialling import MAX_HANDSHAKES
from listener.errors import Unreachable
from listener.settings.model import Timings
from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.policy import Backoff
from listener.xmpp.window import FEWEST, Window
from tests.oracle.clock import run

ALLOWED = Timings().connect_deadline
AGENTS = 300
TURNS = 6  # of a login


class Slow:
    """A server that manages so many logins a second; `late`: how many were given up."""

    def __init__(self, rate: float) -> None:
        self.late = self.busy = self.most = 0
        self._each = 1 / rate / TURNS
        self._hand = asyncio.Lock()

    async def login(self) -> None:
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            async with asyncio.timeout(ALLOWED):
                for _ in range(TURNS):
                    async with self._hand:
                        await asyncio.sleep(self._each)
        except TimeoutError:
            self.late += 1
            raise Unreachable("it took too long") from None
        finally:
            self.busy -= 1


class Session:
    host = "slow"

    def __init__(self, server: Slow) -> None:
        self.open = server.login

    async def closed(self):
        await asyncio.Event().wait()

    async def close(self, *, graceful: bool = True) -> None:
        """There is nothing to be closed."""


class Quiet:
    """Counts who hears; `all_up` is set when the last one does. No session is lost here."""

    def __init__(self) -> None:
        self.all_up = asyncio.Event()
        self._hear = 0

    async def opened(self, session) -> None:
        """Hear at once."""
        self._hear += 1
        if self._hear == AGENTS:
            self.all_up.set()

    def lost(self, trouble, retry_in) -> None:
        """Nobody is told."""

    def stopped(self, reason) -> None:
        """Nobody is told."""


class Back:
    """What came of it. `took`: seconds until all were up, or the limit."""

    def __init__(self, took: float, up: int, server: Slow) -> None:
        self.took, self.up, self.server = took, up, server


def back(rate: float, limit: float = 3600.0) -> Back:
    """Let all agents sign in at a server that manages so many logins a second."""

    async def main(loop) -> Back:
        server, gate, told = Slow(rate), Handshakes(MAX_HANDSHAKES, ALLOWED), Quiet()
        links = [
            Link(
                str(number),
                make_session=lambda: Session(server),
                events=told,
                backoff=Backoff(),
                gate=gate,
                random=random.Random(number).random,
            )
            for number in range(AGENTS)
        ]
        begun = loop.time()
        tasks = [asyncio.create_task(link.run()) for link in links]
        with suppress(TimeoutError):
            await asyncio.wait_for(told.all_up.wait(), limit)
        took = loop.time() - begun
        await asyncio.sleep(0.1)
        up = sum(link.state is LinkState.UP for link in links)
        await asyncio.gather(*(link.close(graceful=False) for link in links))
        await asyncio.gather(*tasks)
        return Back(took, up, server)

    with capture_logs():  # thousands of lines, which nobody reads
        return run(main)


@pytest.fixture
def fixed(monkeypatch):
    """Leave the number of places as it is, whatever becomes of the attempts."""

    def fix() -> None:
        monkeypatch.setattr(Window, "failed", lambda *_: False)

    return fix


@pytest.mark.no_cover
@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0, 3.0, 4.0])
def test_all_are_back_at_a_slow_server_soon_after_it_could_have_taken_them(rate, fixed):
    adapted = back(rate)
    assert adapted.up == AGENTS
    assert adapted.took <= AGENTS / rate + 8 * ALLOWED
    fixed()
    assert back(rate, limit=3 * adapted.took).up < AGENTS / 2


@pytest.mark.no_cover
@pytest.mark.parametrize("rate", [8.0, 20.0, 150.0])
def test_a_server_that_keeps_up_is_not_spared(rate, fixed):
    adapted = back(rate)
    assert (adapted.server.late, adapted.server.most) == (0, MAX_HANDSHAKES)
    fixed()
    assert back(rate).took == adapted.took


def test_after_a_standstill_there_are_soon_as_many_at_once_as_before():
    async def main(loop) -> tuple[int, int]:
        gate = Handshakes(MAX_HANDSHAKES, ALLOWED)
        for _ in range(3):  # three deadlines
            await asyncio.gather(*(attempt(gate, ALLOWED, came=False) for _ in range(50)))
        narrow = gate.places
        begun = loop.time()
        await asyncio.gather(*(attempt(gate, 0.05) for _ in range(150)))
        assert loop.time() - begun < ALLOWED / 10
        return narrow, gate.places

    assert run(main) == (FEWEST, MAX_HANDSHAKES)


async def attempt(gate: Handshakes, seconds: float, *, came: bool = True, told=None) -> None:
    async with gate.one() as one:
        if told is not None:
            told.append(asyncio.current_task().get_name())
        await asyncio.sleep(seconds)
        one.came() if came else one.failed()


def test_each_node_has_places_of_its_own():
    node = ["a"]

    async def main(_loop) -> list[int]:
        gate = Handshakes(50, ALLOWED, lambda: node[0])
        await asyncio.gather(*(attempt(gate, ALLOWED, came=False) for _ in range(50)))
        return [gate.window(name).places for name in ("a", "b")]

    assert run(main) == [25, 50]


def test_who_came_first_is_first_and_never_more_at_once_than_there_are_places():
    async def main(_loop) -> list[str]:
        gate, told = Handshakes(3, ALLOWED), []
        tasks = [asyncio.create_task(attempt(gate, 1.0, told=told), name=str(n)) for n in range(12)]
        while not all(task.done() for task in tasks):
            assert gate.busy <= 3
            await asyncio.sleep(0.1)
        assert gate.busy == 0
        return told

    assert run(main) == [str(n) for n in range(12)]


@pytest.mark.parametrize("seed", range(20))
def test_whoever_is_cancelled_takes_no_place_along(seed):
    dice = random.Random(seed)

    async def main(_loop) -> tuple[int, int]:
        gate = Handshakes(5, ALLOWED)
        tasks = [asyncio.create_task(attempt(gate, dice.random())) for _ in range(60)]
        for task in dice.sample(tasks, 30):
            await asyncio.sleep(dice.choice([0, 0, dice.random() / 4]))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        told: list[str] = []
        await asyncio.gather(*(attempt(gate, 0.0, told=told) for _ in range(8)))
        return gate.busy, len(told)

    assert run(main) == (0, 8)


def test_whoever_is_cancelled_with_a_place_just_given_gives_it_on():
    async def main(_loop) -> list[str]:
        gate, told = Handshakes(1, ALLOWED), []
        async with gate.one():
            waits = [asyncio.create_task(attempt(gate, 1.0, told=told), name=n) for n in "ab"]
            await asyncio.sleep(0)
        waits[0].cancel()  # it has its place, and does not know yet
        await asyncio.gather(*waits, return_exceptions=True)
        assert gate.busy == 0
        return told

    assert run(main) == ["b"]


def test_that_there_are_fewer_places_is_told_once_for_all():
    async def main(_loop) -> None:
        gate = Handshakes(50, ALLOWED, lambda: "finesse1")
        await asyncio.gather(*(attempt(gate, ALLOWED, came=False) for _ in range(50)))

    with capture_logs() as lines:
        run(main)
    (line,) = (line for line in lines if line["event"] == "handshakes.fewer")
    assert (line["host"], line["at_once"], line["log_level"]) == ("finesse1", 25, "warning")

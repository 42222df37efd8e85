"""When the sign-on of many agents is told, how often, and when it is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from listener.errors import CredentialsRefused, ListenerError, NotFinesse, Unreachable
from listener.progress import Course, Standing, cause_of, stands


@dataclass
class Status:
    state: str


@dataclass
class Agent:
    """What an ear shows of itself."""

    state: str = "connecting"
    trouble: ListenerError | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self) -> Status:
        return Status(self.state)


def agent(state: str, *, up: bool = False, tried: bool = True, trouble=None) -> Agent:
    one = Agent(state, trouble)
    if up:
        one.up.set()
    if tried:
        one.tried.set()
    return one


def of(held: int, up: int, *, awaited: int | None = None, untried: int | None = None) -> Standing:
    left = held - up
    return Standing(
        held, up, left if awaited is None else awaited, left if untried is None else untried
    )


class Telling:
    """Looks at a course again and again, and keeps what became a line."""

    def __init__(self, **paces: float) -> None:
        self.course = Course(**paces)
        self.lines: list[tuple[float, int, bool]] = []
        self.rates: list[float] = []

    def look(self, now: float, standing: Standing) -> None:
        report = self.course.look(now, standing)
        if report is not None and self.course.line_is_due(now, report):
            self.lines.append((now, report.standing.up, report.over))
            self.rates.append(report.rate)


# -- what is counted ------------------------------------------------------------------------------


def test_agents_are_counted_by_how_they_are():
    found = stands(
        [
            agent("up", up=True),
            agent("connecting", tried=False),
            agent("waiting", trouble=Unreachable("down")),
            agent("stopped", trouble=CredentialsRefused("no")),
            agent("signed_out"),
        ]
    )
    assert found == Standing(
        held=5,
        up=1,
        awaited=2,
        untried=1,
        failures={"credentials_refused": 1, "unreachable": 1},
    )


def test_an_old_trouble_of_one_that_is_up_is_no_failure():
    assert stands([agent("up", up=True, trouble=Unreachable("was down"))]).failures == {}


def test_one_that_is_signed_out_is_awaited_until_that_is_known():
    assert stands([agent("signed_out", tried=False)]).awaited == 1
    assert stands([agent("signed_out")]).awaited == 0


@pytest.mark.parametrize(
    ("trouble", "name"),
    [(CredentialsRefused("x"), "credentials_refused"), (NotFinesse("x"), "not_finesse")],
)
def test_a_cause_has_a_short_name(trouble, name):
    assert cause_of(trouble) == name


# -- when it is told ------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [0, 1, 5])
def test_a_handful_of_agents_makes_no_noise_however_long_it_takes(held):
    telling = Telling()
    for now in range(200):
        telling.look(float(now), of(held, 0))
    assert telling.lines == []
    assert not telling.course.runs


def test_many_agents_are_told_every_few_seconds_and_once_at_the_end():
    telling = Telling(every=5.0)
    for now in range(14):
        telling.look(100.0 + now, of(1300, 100 * now))
    assert telling.lines == [(105.0, 500, False), (110.0, 1000, False), (113.0, 1300, True)]
    assert telling.rates == pytest.approx([100.0] * 3)
    assert not telling.course.runs


def test_a_sign_on_that_is_over_at_once_is_not_told():
    telling = Telling(every=5.0)
    telling.look(0.0, of(100, 0))
    telling.look(1.0, of(100, 100))
    assert telling.lines == []


def test_it_ends_when_all_others_are_refused_for_good():
    telling = Telling(every=5.0)
    telling.look(0.0, of(100, 0))
    telling.look(6.0, of(100, 50))
    telling.look(7.0, of(100, 60, awaited=0, untried=0))
    assert telling.lines[-1] == (7.0, 60, True)


def test_it_goes_on_more_rarely_while_a_server_stays_away_and_as_before_when_it_is_back():
    telling = Telling(every=5.0, rarely=60.0)
    for now in range(200):
        telling.look(float(now), of(100, 0, untried=0))
    told = [now for now, _, _ in telling.lines]
    assert told[:11] == [5.0 * n for n in range(1, 12)]
    assert told[11:] == [115.0, 175.0]
    for now in range(200, 211):
        telling.look(float(now), of(100, 10 * (now - 200), untried=0))
    assert telling.lines[-1] == (210.0, 100, True)
    assert [now for now, _, _ in telling.lines[13:]] == [201.0, 206.0, 210.0]


def test_a_handful_that_stays_away_ends_it_after_a_minute_without_news():
    telling = Telling(every=5.0, rarely=60.0)
    telling.look(0.0, of(100, 0))
    for now in range(1, 100):
        telling.look(float(now), of(100, 97, awaited=3, untried=0))
    assert telling.lines[-1] == (61.0, 97, True)
    assert not telling.course.runs


def test_it_does_not_end_before_every_agent_was_tried():
    telling = Telling(every=5.0, rarely=60.0)
    telling.look(0.0, of(100, 0))
    for now in range(1, 100):
        telling.look(float(now), of(100, 99))
    assert telling.course.runs


def test_a_loss_of_many_at_once_is_told_until_they_are_back():
    telling = Telling(every=5.0)
    telling.look(0.0, of(1000, 1000))
    telling.look(50.0, of(1000, 995, untried=0))
    assert not telling.course.runs
    telling.look(100.0, of(1000, 0, untried=0))
    assert telling.course.runs
    telling.look(105.0, of(1000, 400, untried=0))
    telling.look(108.0, of(1000, 1000))
    assert telling.lines == [(105.0, 400, False), (108.0, 1000, True)]
    assert telling.rates[0] == pytest.approx(80.0)


def test_the_rate_is_that_of_the_last_seconds_and_never_below_zero():
    course = Course(every=5.0)
    course.look(0.0, of(1000, 0))
    course.look(20.0, of(1000, 600))
    slow = course.look(24.0, of(1000, 640))
    assert slow is not None
    assert slow.rate == pytest.approx(10.0)
    fell = course.look(24.5, of(1000, 100))
    assert fell is not None
    assert fell.rate == 0.0

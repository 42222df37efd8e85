"""One agent's ears by themselves: what they tell the service and the place, and when they hear."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from listener.correlation.steps import Look
from listener.crew import Ear, Paces
from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    NotFinesse,
    ResourceConflict,
    Unreachable,
)
from listener.settings.model import Agent
from listener.tally import Tally
from listener.xmpp.contract import Cause, Ending, Endpoint
from tests.shell.stage import until

ID = "1001"
ONE = Endpoint("one.example.com", 5223, "d", "pubsub.d")
TWO = Endpoint("two.example.com", 5223, "d", "pubsub.d")
CUT = Ending(Cause.LINK_LOST, "cut")


class Place:
    """Lets a session be used when the test says so, and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple] = []
        self.sound = asyncio.Event()
        self.sound.set()
        self.asked = 0
        self.cuts: list[tuple] = []
        self.views: dict[Endpoint, bool] = {}
        self.all_tried = True

    async def left(self, endpoint) -> None:
        await asyncio.Event().wait()

    async def usable(self, agent, endpoint, told) -> None:
        self.asked += 1
        if not self.sound.is_set():
            told(Unreachable("out of service"))
        await self.sound.wait()

    def tried_all(self, missed) -> bool:
        return self.all_tried

    def view(self, agent, endpoint):
        return self.views.get(endpoint)

    def name_of(self, endpoint) -> str:
        return endpoint.host

    def saw(self, agent, endpoint, *, available) -> None:
        self.views[endpoint] = available
        self.told.append(("saw", endpoint.host, available))

    def unsure(self, agent) -> None:
        """Take note of nothing."""

    def wants(self, agent) -> None:
        self.told.append(("wants",))

    def rests(self, agent) -> None:
        self.told.append(("rests",))

    def connected(self, agent, endpoint) -> None:
        self.told.append(("connected", endpoint.host))

    def gone(self, agent, endpoint) -> None:
        self.told.append(("gone", endpoint.host))

    def cut(self, agent, endpoint, why, *, unanswered=False) -> None:
        self.cuts.append((endpoint.host, why, unanswered))

    def refused(self, agent, endpoint, trouble) -> None:
        self.told.append(("refused", endpoint.host, str(trouble)))


class Service:
    """Writes down what it is told of an agent's hearing."""

    def __init__(self) -> None:
        self.told: list[tuple] = []
        self.tally = Tally()

    def session_up(self, agent, look) -> None:
        self.told.append(("up", look.asked))

    def session_down(self, agent, cause, *, on_purpose=False) -> None:
        self.told.append(("down", cause))

    def finesse_present(self, agent, *, available) -> None:
        self.told.append(("finesse", available))


class Session:
    def __init__(self, endpoint, *ungranted, over=False) -> None:
        self.endpoint, self.host = endpoint, endpoint.host
        self.ungranted, self.over, self.name_held = ungranted, over, False

    async def tidy(self, wanted) -> tuple[str, ...]:
        return self.ungranted


class Rig:
    def __init__(self) -> None:
        self.place, self.service = Place(), Service()
        self.renewed = self.looks = 0
        self.fails: list[Exception] = []
        self.read = asyncio.Event()
        self.read.set()
        self.waited: list[str] = []
        self.link = SimpleNamespace(
            renew=self._renew, waits=self.waited.append, state="up", since=1
        )
        self.ear = Ear(
            Agent(id=ID, password="x"),
            make_link=lambda _ear: self.link,
            picture=self._picture,
            signed_in=None,
            service=lambda: self.service,
            place=self.place,
            paces=Paces(reconcile_again=(0.001,)),
        )
        self.ear._link = self.link

    def _renew(self) -> None:
        self.renewed += 1

    async def _picture(self, agent) -> Look:
        if self.fails:
            raise self.fails.pop()
        self.looks += 1
        number = self.looks
        await self.read.wait()
        return Look(float(number))

    async def hearing(self, endpoint=ONE) -> Session:
        session = Session(endpoint)
        self.ear.aim.made(session)
        await self.ear.opened(session)
        self.service.told.clear()
        self.place.told.clear()
        return session


@pytest.fixture
async def rig() -> Rig:
    return Rig()


# -- beginning to hear ----------------------------------------------------------------------------


async def test_session_hears_once_its_node_may_be_used_and_the_picture_was_read(rig):
    rig.place.sound.clear()
    opening = asyncio.create_task(rig.ear.opened(Session(ONE)))
    await until(lambda: rig.place.asked)
    assert (rig.looks, rig.ear.up.is_set()) == (0, False)
    assert str(rig.ear.trouble) == "out of service"
    assert rig.ear.tried.is_set()
    rig.place.sound.set()
    await opening
    assert rig.ear.up.is_set()
    assert rig.place.told == [("connected", ONE.host)]
    assert rig.service.told == [("finesse", True), ("up", 1.0)]


async def test_signal_while_the_picture_is_read_has_it_read_again_once_the_node_was_asked(rig):
    rig.read.clear()
    opening = asyncio.create_task(rig.ear.opened(Session(ONE)))
    await until(lambda: rig.looks)
    rig.ear.signal("out of service")
    rig.read.set()
    await opening
    assert (rig.looks, rig.place.asked) == (2, 2)
    assert rig.service.told[-1] == ("up", 2.0)


async def test_signal_while_the_node_is_waited_for_is_looked_into_too(rig):
    rig.place.sound.clear()
    opening = asyncio.create_task(rig.ear.opened(Session(ONE)))
    await until(lambda: rig.place.asked)
    rig.ear.signal("out of service")
    rig.place.sound.set()
    await opening
    assert rig.place.asked == 2


async def test_what_a_session_that_ended_was_not_answered_is_no_refusal(rig):
    """Nobody refused anything: the link dropped, or we ended it ourselves."""
    words = f"/finesse/api/Team/1/Users: the session ended before {ONE.pubsub_domain} answered"
    with capture_logs() as lines:
        await rig.ear.opened(Session(ONE, words, over=True))
    assert lines == []
    with capture_logs() as lines:
        await rig.ear.opened(Session(ONE, "no such team"))
        await rig.ear.opened(Session(ONE, "no such team"))
    assert [line["detail"] for line in lines] == ["no such team"]


async def test_since_is_when_the_agent_began_to_hear_or_stopped_though_its_link_stayed(rig):
    now = asyncio.get_running_loop().time
    begun = now()
    session = await rig.hearing()
    heard = rig.ear.status()
    assert (heard.state, heard.since >= begun) == ("up", True)
    await asyncio.sleep(0.01)
    rig.ear.signal("out of service")
    deaf = rig.ear.status()
    assert (deaf.state, deaf.since > heard.since) == ("waiting", True)
    rig.ear.signal("again")
    assert rig.ear.status().since == deaf.since
    await asyncio.sleep(0.01)
    await rig.ear.opened(session)
    assert rig.ear.status().since > deaf.since
    rig.link.since = now() + 1000  # the link's own turn, later than that
    assert rig.ear.status().since == rig.link.since


async def test_the_link_hears_why_a_session_that_is_there_may_not_be_used(rig):
    rig.place.sound.clear()
    rig.fails = [Unreachable("500")]
    opening = asyncio.create_task(rig.ear.opened(Session(ONE)))
    await until(lambda: rig.waited == ["out of service"])
    rig.place.sound.set()
    await opening
    assert rig.waited == ["out of service", "500"]


async def test_signal_ends_the_hearing_and_has_the_link_reconcile_over_the_same_session(rig):
    session = await rig.hearing()
    rig.ear.signal("out of service")
    assert (rig.ear.up.is_set(), rig.renewed) == (False, 1)
    assert rig.service.told == [("down", "out of service")]
    rig.ear.signal("again")
    assert rig.renewed == 1
    await rig.ear.opened(session)
    assert rig.service.told[-1] == ("up", 2.0)
    assert not any(word[0] == "connected" for word in rig.place.told)


# -- moving ---------------------------------------------------------------------------------------


async def test_session_at_another_node_takes_over_from_the_one_before(rig):
    await rig.hearing(ONE)
    await rig.ear.opened(Session(TWO))
    assert rig.service.told == [
        ("down", f"moved to {TWO.host}"),
        ("finesse", True),
        ("up", 2.0),
    ]
    assert rig.place.told == [("gone", ONE.host), ("connected", TWO.host)]
    assert rig.ear.node == TWO.host


async def test_a_move_is_told_as_it_begins_though_the_picture_cannot_be_read_yet(rig):
    # found by the soak: nothing was sure for seconds, and the events said that the agent was heard
    told = []
    rig.ear._tell = told.append
    await rig.hearing(ONE)
    rig.read.clear()
    moving = asyncio.create_task(rig.ear.opened(Session(TWO)))
    await until(lambda: rig.looks > 1)
    assert [(each.live, each.host) for each in told] == [(True, ONE.host), (False, TWO.host)]
    rig.read.set()
    await moving
    assert [(each.live, each.host) for each in told[2:]] == [(True, TWO.host)]


async def test_what_a_left_session_shows_of_finesse_changes_nothing(rig):
    former = await rig.hearing(ONE)
    await rig.hearing(TWO)
    rig.ear.presence(former, available=False)
    assert (rig.place.told, rig.service.told, rig.renewed) == ([], [], 0)


async def test_finesse_known_to_be_away_before_a_move_is_unknown_after_it(rig):
    former = await rig.hearing(ONE)
    rig.ear.presence(former, available=False)
    await rig.ear.opened(Session(TWO))
    assert ("finesse", True) in rig.service.told


# -- the user finesse -----------------------------------------------------------------------------


async def test_finesse_going_away_ends_the_hearing(rig):
    session = await rig.hearing()
    rig.ear.presence(session, available=False)
    assert rig.place.told == [("saw", ONE.host, False)]
    assert rig.service.told == [
        ("finesse", False),
        ("down", "the user finesse is unavailable"),
    ]
    assert rig.renewed == 1


async def test_finesse_coming_back_is_told_and_ends_nothing(rig):
    session = await rig.hearing()
    rig.ear.presence(session, available=True)
    assert rig.service.told == [("finesse", True)]
    assert rig.ear.up.is_set()


async def test_finesse_seen_while_the_session_is_being_made_counts_from_its_beginning(rig):
    session = Session(ONE)
    rig.ear.aim.made(session)
    rig.ear.presence(session, available=False)
    assert (rig.place.told, rig.service.told) == ([("saw", ONE.host, False)], [])
    await rig.ear.opened(session)
    assert rig.service.told[0] == ("finesse", False)


# -- what failed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Unreachable, NotFinesse, CertificateRefused])
async def test_attempt_that_a_node_may_be_to_blame_for_is_told(rig, error):
    rig.ear.aim.missed(Session(ONE), error("no"))
    assert rig.place.told == [("refused", ONE.host, "no")]


@pytest.mark.parametrize("error", [CredentialsRefused, ResourceConflict, RuntimeError])
async def test_one_agents_own_trouble_says_nothing_of_the_node(rig, error):
    rig.ear.aim.missed(Session(ONE), error("no"))
    assert rig.place.told == [("gone", ONE.host)]


async def test_lost_session_is_wanted_again_at_once_and_its_node_hears_of_it(rig):
    await rig.hearing()
    rig.ear.lost(CUT, 0.3)
    assert rig.place.told == [("gone", ONE.host), ("wants",)]
    assert rig.service.told == [("down", "cut")]
    await rig.ear.opened(Session(ONE))
    assert rig.service.tally.reconnects == {"link_lost": 1}


async def test_who_waits_for_a_person_wants_nothing_of_the_nodes(rig):
    await rig.hearing()
    rig.ear.lost(CredentialsRefused("no"), None)
    assert ("rests",) in rig.place.told
    assert ("wants",) not in rig.place.told


async def test_agent_was_tried_once_the_other_node_was_too(rig):
    rig.place.all_tried = False
    rig.ear.aim.missed(Session(ONE), Unreachable("no"))
    rig.ear.lost(Unreachable("no"), 0.1)
    assert not rig.ear.tried.is_set()
    rig.place.all_tried = True
    rig.ear.lost(Unreachable("no"), 0.1)
    assert rig.ear.tried.is_set()


async def test_agents_own_trouble_needs_no_other_node_to_be_tried(rig):
    rig.place.all_tried = False
    rig.ear.lost(CredentialsRefused("no"), None)
    assert rig.ear.tried.is_set()


# -- what is left over ----------------------------------------------------------------------------


async def test_session_that_was_given_up_on_its_way_leaves_nothing_behind(rig):
    used = await rig.hearing()
    second = Session(TWO)
    rig.ear.aim.made(second)
    rig.ear.presence(second, available=False)
    staying = asyncio.create_task(rig.ear.aim.left(used))
    await asyncio.sleep(0)
    assert rig.place.told == [("saw", TWO.host, False), ("gone", TWO.host)]
    rig.place.told.clear()
    rig.ear.presence(second, available=True)
    assert rig.place.told == []  # it was left
    staying.cancel()


async def test_links_that_are_cut_are_told_and_conflicts_are_not(rig):
    await rig.hearing()
    rig.ear.lost(CUT, 0.1)
    assert rig.place.cuts == [(ONE.host, "cut", False)]
    await rig.hearing()
    rig.ear.lost(Ending(Cause.PING_TIMEOUT, "silent"), 0.1)
    assert rig.place.cuts[1:] == [(ONE.host, "silent", True)]
    await rig.hearing()
    rig.ear.lost(Ending(Cause.CONFLICT, "another"), None)
    assert len(rig.place.cuts) == 2


async def test_password_refused_on_the_way_to_another_node_is_told_until_it_changes(rig):
    await rig.hearing()
    second = Session(TWO)
    rig.ear.aim.made(second)
    rig.ear.aim.missed(second, CredentialsRefused("the password was refused"))
    assert ("rests",) in rig.place.told
    assert rig.ear.status().last_error == "the password was refused"
    rig.link.credentials_changed = lambda: None
    rig.ear.credentials_changed()
    assert rig.ear.status().last_error is None


async def test_session_that_may_not_be_used_is_not_said_to_be_up(rig):
    await rig.hearing()
    assert rig.ear.status().state == "up"
    rig.ear.signal("out of service")
    assert (rig.ear.status().state, rig.ear.status().live) == ("waiting", False)
    rig.link.state = "stopped"
    assert rig.ear.status().state == "stopped"


@pytest.mark.parametrize("known", ["connecting", "waiting", "stopped"])
async def test_a_session_is_told_to_be_up_once_it_hears_whatever_its_link_knows_by_then(rig, known):
    # its link waits where the picture could not be read at first, and has stopped where a move to
    # the other node had come to nothing before
    told = []
    rig.ear._tell = told.append
    rig.link.state = known
    await rig.hearing()
    assert [(each.state, each.live) for each in told] == [("up", True)]


async def test_a_session_that_ends_while_its_picture_is_read_is_not_told_to_hear(rig):
    told = []
    rig.ear._tell = told.append
    rig.read.clear()
    session = Session(ONE)
    opening = asyncio.create_task(rig.ear.opened(session))
    await until(lambda: rig.looks == 1)
    session.over = True
    rig.read.set()
    await opening
    assert (rig.ear.up.is_set(), rig.ear.status().live, told) == (False, False, [])
    assert not [each for each in rig.service.told if each[0] == "up"]

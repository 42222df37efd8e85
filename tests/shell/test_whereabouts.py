"""Where Finesse is: one question for all, who is woken when, and what moves everybody."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.finesse.model import SystemInfo
from listener.inquiry import MOST_LENDERS, MOST_REFUSALS, Lenders
from listener.pair import NodeState, Polling
from listener.rest.nodes import Nodes
from listener.settings import Settings
from listener.whereabouts import Whereabouts
from tests.shell.stage import until

GOOD = SystemInfo(
    status="IN_SERVICE", xmpp_domain="example.com", deployment_type="UCCE", xmpp_pub_sub_domain=None
)
OUT = SystemInfo(status="OUT_OF_SERVICE", xmpp_domain="example.com")
FIRST, SECOND = "https://one.example.com:8445", "https://two.example.com:8445"
ONE, TWO = "one.example.com", "two.example.com"
QUICK = Polling(every=0.02, within=5.0, apart=0.001, slow=1000)


class Rest:
    """Answers for each node what the test says; counts; waits at `gate`."""

    def __init__(self, nodes) -> None:
        self.nodes = Nodes(nodes)
        self.says = {FIRST: GOOD, SECOND: GOOD}
        self.refuses: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        self.now: dict[str, int] = {}
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.locked = False
        self.doubted: list[str] = []

    async def system_info(self, *, agent=None, node) -> SystemInfo:
        self.asked.append((node, agent))
        self.now[node] = self.now.get(node, 0) + 1
        self.most = max(self.most, self.now[node])
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.now[node] -= 1
        if self.locked and (agent is None or agent in self.refuses):
            raise CredentialsRefused(f"{agent} refused")
        told = self.says[node]
        if isinstance(told, Exception):
            raise told
        return told

    def took_since(self, _agent, _when) -> bool:
        return False

    def busy(self, _agent: str) -> bool:
        return False

    def doubt(self, agent) -> None:
        self.doubted.append(agent)

    def count(self, node) -> int:
        return sum(each == node for each, _ in self.asked)


class Rig:
    def __init__(self, nodes=(FIRST,), *, polling=QUICK, chance=None, **finesse) -> None:
        self.rest, self.learnt = Rest(nodes), []
        self.moved: list[str] = []
        self.told: list[ListenerError] = []
        self.alarms: list[str] = []
        settings = Settings(
            finesse={"nodes": list(nodes)} | finesse, agents=[{"id": "1001", "password": "x"}]
        )
        self.where = Whereabouts(
            settings,
            self.rest,
            self.learnt.append,
            polling=polling,
            moved=self.moved.append,
            chance=chance or (lambda: 0.0),
        )
        self.where.alarm = lambda name, _why: self.alarms.append(name)

    async def ready(self, agent="1001", waited=0.0) -> None:
        await self.where.ready(agent, waited=waited, told=self.told.append)

    async def connected(self, agent="1001"):
        """Let an agent have a session at the node in use; return where."""
        await self.ready(agent)
        place = self.where.endpoint
        self.where.connected(agent, place)
        return place

    async def usable(self, place, agent="1001") -> None:
        await self.where.usable(agent, place, self.told.append)

    @property
    def used(self) -> str:
        (name,) = (node.name for node in self.where.nodes if node.in_use)
        return name

    def state(self, name) -> NodeState:
        return next(node.state for node in self.where.nodes if node.name == name)

    async def quiet(self) -> None:
        """Wait until nobody asks any more."""
        await until(self.where._rounds._task.done)

    async def rounds(self, count=1) -> None:
        end = self.where._rounds.number + count
        await until(lambda: self.where._rounds.number >= end)


@pytest.fixture
async def rig():
    """Make rigs whose questions end with the test."""
    made = []

    def make(*nodes, **how) -> Rig:
        made.append(Rig(nodes or (FIRST,), **how))
        return made[-1]

    yield make
    for each in made:
        await each.where.aclose()


async def still_waits(one: Rig, work, rounds: int = 1) -> None:
    """Check that it has not come to an end when it was told why."""
    waiting = asyncio.create_task(work)
    await one.rounds(rounds)
    await until(lambda: one.told)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


# -- one node -------------------------------------------------------------------------------------


async def test_good_answer_names_the_place_and_the_deployment(rig):
    one = rig()
    with pytest.raises(Unreachable, match="no Finesse node"):
        _ = one.where.endpoint
    await one.ready()
    place = one.where.endpoint
    assert (place.host, place.port, place.domain) == (ONE, 5223, "example.com")
    assert (place.pubsub_domain, place.security) == ("pubsub.example.com", "tls")
    assert (set(one.learnt), one.rest.nodes.order()) == (
        {"UCCE"},
        (FIRST,),
    )  # once, or in each round


async def test_deployment_of_the_settings_outranks_what_finesse_says(rig):
    one = rig(deployment="UCCX")
    await one.ready()
    assert set(one.learnt) == {"UCCX"}


async def test_finesse_that_names_no_deployment_teaches_none(rig):
    one = rig()
    one.rest.says[FIRST] = SystemInfo(status="IN_SERVICE", xmpp_domain="d", xmpp_pub_sub_domain="p")
    await one.ready()
    assert (one.learnt, one.where.endpoint.pubsub_domain) == ([], "p")


async def test_one_question_serves_all_who_wait_and_who_come_soon_after(rig):
    one = rig(polling=replace(QUICK, every=1000))
    one.rest.gate.clear()
    crowd = [asyncio.create_task(one.ready(str(n))) for n in range(200)]
    await asyncio.sleep(0.01)
    one.rest.gate.set()
    await asyncio.gather(*crowd)
    await one.ready("late")
    assert len(one.rest.asked) == 1


async def test_nobody_is_asked_while_nobody_waits(rig):
    one = rig(FIRST, SECOND)
    await one.connected()
    await one.quiet()
    assert len(one.rest.asked) >= 2


async def test_who_waits_is_told_why_and_woken_by_the_first_good_answer(rig):
    one = rig()
    one.rest.says[FIRST] = OUT
    crowd = [asyncio.create_task(one.ready(str(n))) for n in range(20)]
    await until(lambda: len(one.told) >= 20)
    assert {str(word) for word in one.told} == {f"Finesse at {ONE} says OUT_OF_SERVICE"}
    one.rest.says[FIRST] = GOOD
    await asyncio.gather(*crowd)


async def test_each_node_is_asked_one_question_at_a_time(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.rest.says[FIRST] = OUT
    one.rest.gate.clear()
    crowd = [asyncio.create_task(one.usable(place, str(n))) for n in range(20)]
    crowd += [asyncio.create_task(one.ready(str(n))) for n in range(20, 40)]
    await asyncio.sleep(0.01)
    one.rest.gate.set()
    await asyncio.sleep(0.01)
    one.rest.says[FIRST] = GOOD
    await asyncio.gather(*crowd)
    assert one.rest.most == 1


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        (SystemInfo(status=None, xmpp_domain="d"), Unreachable, "no status"),
        (SystemInfo(status="PARTIAL_SERVICE", xmpp_domain="d"), Unreachable, "PARTIAL_SERVICE"),
        (SystemInfo(status="IN_SERVICE"), NotFinesse, "names no xmppDomain"),
        (NotFinesse("a shop"), NotFinesse, "a shop"),
    ],
)
async def test_answer_that_is_of_no_use_is_told_in_words(rig, told, error, words):
    one = rig()
    one.rest.says[FIRST] = told
    await still_waits(one, one.ready())
    assert words in str(one.told[0])
    assert isinstance(one.told[0], error)


async def test_node_that_does_not_answer_in_time_is_asked_again(rig):
    one = rig(polling=replace(QUICK, within=0.01))
    one.rest.gate.clear()
    await still_waits(one, one.ready(), 2)
    assert one.rest.count(FIRST) > 1
    assert "gave no SystemInfo within 0.01 s" in str(one.told[0])


async def test_refused_certificate_is_not_asked_for_every_two_seconds(rig):
    one = rig()
    one.rest.says[FIRST] = CertificateRefused("not this one")
    await still_waits(one, one.ready(), 5)
    assert (one.rest.count(FIRST), str(one.told[0])) == (1, "not this one")


# -- waking ---------------------------------------------------------------------------------------


@pytest.fixture
def slept(monkeypatch):
    """Collect what was slept, without sleeping."""
    times: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds, *more) -> None:
        times.append(seconds)
        await real(0, *more)

    monkeypatch.setattr("listener.whereabouts.asyncio.sleep", sleep)
    return times


async def test_one_agent_is_woken_at_once(rig, slept):
    one = rig(polling=replace(QUICK, rate=100.0), chance=lambda: 1.0)
    await one.ready()
    assert 0 < max(slept) <= 0.01


@pytest.mark.parametrize(("crowd", "longest"), [(200, 2.0), (1000, 10.0), (5000, 10.0)])
async def test_crowd_is_spread_in_proportion_and_over_ten_seconds_at_most(
    rig, slept, crowd, longest
):
    one = rig(polling=replace(QUICK, rate=100.0, spread=10.0), chance=lambda: 1.0)
    for number in range(crowd):
        one.where.wants(str(number))
    await one.ready("0")
    assert max(slept) == pytest.approx(longest)


async def test_what_an_agent_held_back_by_itself_counts_towards_its_turn(rig, slept):
    one = rig(polling=replace(QUICK, every=1000.0, rate=1.0), chance=lambda: 1.0)
    await one.ready("before")
    slept.clear()
    await one.ready("1001", waited=1.5)
    assert max(slept) == pytest.approx(0.5)


async def test_node_that_went_meanwhile_is_waited_for_anew(rig):
    one = rig(polling=replace(QUICK, rate=10.0), chance=lambda: 1.0)
    waiting = asyncio.create_task(one.ready())  # its turn comes in 0.1 s
    await until(lambda: one.where._rounds.number >= 1)
    one.rest.says[FIRST] = OUT
    await one.rounds(8)  # its turn is over
    assert not waiting.done()
    one.rest.says[FIRST] = GOOD
    await waiting


# -- a session that is up -------------------------------------------------------------------------


async def test_session_is_confirmed_only_by_an_answer_asked_for_since(rig):
    one = rig()
    place = await one.connected()
    one.rest.says[FIRST] = OUT
    await still_waits(one, one.usable(place))
    assert "OUT_OF_SERVICE" in str(one.told[-1])


async def test_session_may_be_used_once_its_node_is_back(rig):
    one = rig()
    place = await one.connected()
    one.rest.says[FIRST] = OUT
    waiting = asyncio.create_task(one.usable(place))
    await until(lambda: one.told)
    one.rest.says[FIRST] = GOOD
    await waiting


async def test_system_info_event_raises_the_alarm_for_that_node_alone(rig):
    one = rig(FIRST, SECOND)
    await one.connected()
    one.where.said(TWO, in_service=False)
    assert one.alarms == [TWO]
    one.where.said(ONE, in_service=False)
    one.where.said(ONE, in_service=False)
    assert one.alarms == [TWO, ONE]
    assert one.state(ONE) is NodeState.OUT


async def test_in_service_event_is_believed_once_it_is_asked(rig):
    one = rig(polling=replace(QUICK, every=1000.0))
    place = await one.connected()
    one.rest.says[FIRST] = OUT
    one.where.said(ONE, in_service=False)
    waiting = asyncio.create_task(one.usable(place))
    await until(lambda: one.told)
    one.where.said(ONE, in_service=True)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    one.rest.says[FIRST] = GOOD
    one.where.said(ONE, in_service=True)
    await waiting


async def test_event_that_every_session_hears_has_the_nodes_asked_once(rig):
    one = rig(polling=replace(QUICK, every=1000.0))
    place = await one.connected()
    one.rest.says[FIRST] = OUT
    one.where.said(ONE, in_service=False)
    using = asyncio.create_task(one.usable(place))
    await until(lambda: one.told)
    before = len(one.rest.asked)
    for _ in range(100):
        one.where.said(ONE, in_service=False)
        await asyncio.sleep(0.001)
    assert len(one.rest.asked) <= before + 2  # what was on its way
    one.rest.says[FIRST] = GOOD
    one.where.said(ONE, in_service=True)
    await asyncio.wait_for(using, 20)


async def test_user_finesse_unavailable_keeps_a_session_from_use(rig):
    one = rig()
    place = await one.connected()
    one.where.saw("1001", place, available=False)
    assert one.alarms == [ONE]
    await still_waits(one, one.usable(place))
    assert "the XMPP user finesse is unavailable" in str(one.told[-1])
    one.where.saw("1001", place, available=True)
    await one.usable(place)


async def test_user_finesse_never_seen_is_not_down(rig):
    one = rig()
    await one.usable(await one.connected())


async def test_one_agents_view_of_finesse_is_outvoted(rig):
    one = rig()
    place = await one.connected("a")
    for agent in ("b", "c"):
        one.where.saw(agent, place, available=True)
    one.where.saw("a", place, available=False)
    await one.usable(place, "a")
    assert (one.alarms, one.state(ONE)) == ([], NodeState.USABLE)


async def test_requests_of_an_agent_go_where_its_session_may_be_used(rig):
    one = rig(FIRST, SECOND)
    await one.usable(await one.connected())
    one.rest.nodes.prefer(SECOND)
    assert one.rest.nodes.order("1001")[0] == FIRST
    assert one.rest.nodes.order("other")[0] == SECOND
    one.where.unsure("1001")
    assert one.rest.nodes.order("1001")[0] == SECOND


# -- two nodes ------------------------------------------------------------------------------------


async def test_second_node_serves_at_once_when_the_first_never_did(rig):
    one = rig(FIRST, SECOND, polling=replace(QUICK, every=1000.0))
    one.rest.says[FIRST] = Unreachable("dead")
    await one.ready()
    assert (one.where.endpoint.host, one.rest.nodes.order()[0]) == (TWO, SECOND)
    assert (one.moved, one.told) == ([], [])  # nobody was anywhere
    assert one.rest.count(FIRST) == 1


async def test_three_failures_in_a_row_move_all_to_the_other_node(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    left = asyncio.create_task(one.where.left(place))
    one.rest.says[FIRST] = Unreachable("dead")
    one.where.gone("1001", place)
    one.rest.asked.clear()
    with capture_logs() as lines:
        one.where.wants("1001")
        await left
        await one.ready()
    assert (one.where.endpoint.host, one.moved) == (TWO, ["unreachable"])
    assert one.rest.count(FIRST) >= 3
    assert one.rest.nodes.order() == (SECOND, FIRST)
    said = {line["event"]: line for line in lines}
    changed = said["node.changed"]
    assert (changed["from"], changed["to"], changed["cause"]) == (ONE, TWO, "unreachable")
    assert [line["event"] for line in lines].count("node.out") == 1


async def test_attempts_that_fail_count_though_system_info_is_fine(rig):
    one = rig(FIRST, SECOND)
    await one.ready()
    place = one.where.endpoint
    one.where.refused("1001", place, Unreachable("no XMPP there"))
    await one.where.left(place)
    assert one.moved == ["no_session"]


async def test_one_agents_failing_attempts_move_nobody_while_another_has_a_session(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected("fine")
    one.where.wants("odd")
    one.where.refused("odd", place, Unreachable("no XMPP for you"))
    await one.rounds(6)
    assert (one.used, one.moved) == (ONE, [])
    assert one.where.tried_all({place})


async def test_unavailable_finesse_moves_all(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.where.saw("1001", place, available=False)
    using = asyncio.create_task(one.usable(place))
    await one.where.left(place)
    using.cancel()
    assert one.moved == ["finesse_unavailable"]


async def test_where_neither_serves_nobody_moves_and_the_one_in_use_wins_a_tie(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.rest.says = {FIRST: OUT, SECOND: OUT}
    using = asyncio.create_task(one.usable(place))
    await one.rounds(8)
    assert one.moved == []
    one.rest.says = {FIRST: GOOD, SECOND: GOOD}
    await using
    assert (one.used, one.moved) == (ONE, [])


async def test_where_neither_serves_the_first_to_come_back_wins(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.rest.says = {FIRST: OUT, SECOND: OUT}
    using = asyncio.create_task(one.usable(place))
    await one.rounds(5)
    one.rest.says[SECOND] = GOOD
    await one.where.left(place)
    using.cancel()
    assert (one.used, one.moved) == (TWO, ["out_of_service"])


async def test_nobody_goes_back_when_the_first_node_returns(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.rest.says[FIRST] = Unreachable("dead")
    one.where.gone("1001", place)
    one.where.wants("1001")
    await one.where.left(place)
    await one.connected()
    one.rest.says[FIRST] = GOOD
    one.where.wants("another")
    await one.rounds(10)
    assert (one.used, one.moved) == (TWO, ["unreachable"])


async def test_request_that_found_no_answer_has_the_nodes_asked(rig):
    one = rig(FIRST, SECOND)
    await one.connected()
    await one.quiet()
    one.rest.says[FIRST] = Unreachable("dead")
    one.rest.nodes.failed(SECOND)  # which is not in use
    await one.quiet()
    one.rest.nodes.failed(FIRST)
    await until(lambda: one.used == TWO)
    await one.quiet()


async def test_only_the_node_that_never_spoke_is_worth_waiting_for(rig):
    one = rig(FIRST, SECOND)
    await one.ready()
    place = one.where.endpoint
    assert not one.where.tried_all({place})
    one.rest.says[SECOND] = OUT
    one.where.wants("1001")
    await one.rounds(2)
    assert one.where.tried_all({place})
    assert rig().where.tried_all(set()) is False


async def test_nodes_on_one_host_are_told_apart_by_their_ports(rig):
    nodes = [{"host": "h", "xmpp_port": port, "rest_port": port + 1} for port in (1000, 2000)]
    one = Rig.__new__(Rig)
    one.rest = Rest(["https://h:1001", "https://h:2001"])
    one.rest.says = {"https://h:1001": Unreachable("dead"), "https://h:2001": GOOD}
    told = Settings(finesse={"nodes": nodes}, agents=[{"id": "1001", "password": "x"}])
    where = Whereabouts(told, one.rest, lambda _: None, polling=QUICK)
    await where.ready("1001", waited=0, told=lambda _: None)
    assert [node.name for node in where.nodes] == ["h:1000", "h:2000"]
    assert where.endpoint.port == 2000
    await where.aclose()


# -- credentials ----------------------------------------------------------------------------------


async def test_credentials_go_along_only_where_they_are_wanted(rig):
    one = rig()
    one.where.lenders.held = lambda: ["1001"]
    one.rest.locked = True
    await one.ready()
    assert one.rest.asked[:2] == [(FIRST, None), (FIRST, "1001")]


async def test_refused_password_is_lent_once_and_is_nobody_elses_trouble(rig):
    one = rig(FIRST, SECOND)
    one.where.lenders.held = lambda: ["bad", "good"]
    one.rest.locked, one.rest.refuses = True, {"bad"}
    await asyncio.gather(one.ready("bad"), one.ready("good"))  # whom SASL refuses, SASL will tell
    await one.rounds(20)
    assert sum(agent == "bad" for _, agent in one.rest.asked) == 1  # not at both nodes at once
    assert one.moved == []


async def test_wrong_passwords_at_the_head_of_the_list_delay_nobody_by_a_round_each(rig):
    one = rig(polling=replace(QUICK, every=1000.0))
    wrong = [f"bad {number}" for number in range(MOST_LENDERS - 1)]
    one.where.lenders.held = lambda: [*wrong, "good"]
    one.rest.locked, one.rest.refuses = True, set(wrong)
    await asyncio.wait_for(one.ready("good"), 20)
    assert one.where._rounds.number <= 1
    assert one.rest.asked == [(FIRST, agent) for agent in (None, *wrong, "good")]


async def test_no_question_is_put_with_more_than_a_few_passwords(rig):
    one = rig(polling=replace(QUICK, every=1000.0))
    one.where.lenders.held = lambda: [str(number) for number in range(50)]
    one.rest.locked, one.rest.refuses = True, set(one.where.lenders.held())
    await still_waits(one, one.ready())
    assert len(one.rest.asked) == 1 + MOST_LENDERS
    assert len(set(one.rest.asked)) == 1 + MOST_LENDERS


async def test_who_lent_with_success_lends_first_and_no_other_password_is_shown(rig):
    one = rig()
    one.where.lenders.held = lambda: ["bad", "good"]
    one.rest.locked, one.rest.refuses = True, {"bad"}
    await one.connected("good")
    one.where.lenders.held = lambda: ["never asked", "bad", "good"]
    shown = len(one.rest.asked)
    one.where.wants("another")
    await one.rounds(5)
    assert {agent for _, agent in one.rest.asked[shown:]} == {None, "good"}


async def test_node_that_keeps_a_loan_does_not_keep_the_other_node_from_being_asked(rig):
    """There is but one who can lend, and one of the nodes stands still with the password."""
    one, stuck = rig(FIRST, SECOND, polling=replace(QUICK, within=0.4)), asyncio.Event()
    one.where.lenders.held = lambda: ["1001"]

    async def system_info(*, agent=None, node) -> SystemInfo:
        if agent is None:
            raise CredentialsRefused("wants some")
        if node == FIRST:
            await stuck.wait()
        return GOOD

    one.rest.system_info = system_info
    await asyncio.wait_for(one.ready(), 20)
    assert one.used == TWO


async def test_certificate_that_was_refused_is_asked_about_at_once_when_others_are_trusted(rig):
    one = rig(polling=replace(QUICK, slow=1000.0))
    one.rest.says[FIRST] = CertificateRefused("unknown")
    waiting = asyncio.create_task(one.ready())
    await one.rounds(10)
    assert one.rest.count(FIRST) == 1
    one.rest.says[FIRST] = GOOD
    one.where.trust_renewed()
    await asyncio.wait_for(waiting, 20)


async def test_system_info_that_takes_no_password_for_a_while_stops_nobody(rig):
    """A REST 401 has other causes than the password: only SASL's refusal stops a session."""
    one = rig()
    one.where.lenders.held = lambda: ["1001"]
    one.rest.locked, one.rest.refuses = True, {"1001"}
    waiting = asyncio.create_task(one.ready())
    await one.rounds(20)
    assert not waiting.done()
    assert one.told
    for told in one.told:  # a node's trouble is nobody's password
        assert isinstance(told, Unreachable)
        assert re.match(rf"(1001|None) refused: SystemInfo of {ONE} wants a password", str(told))
    assert [agent for _, agent in one.rest.asked].count("1001") == 1
    one.rest.locked = False
    await asyncio.wait_for(waiting, 20)


async def test_who_waits_may_dial_where_sessions_stand_though_system_info_takes_no_password(rig):
    """Its session may not be used before, but the agent is not signed out for want of one."""
    one = rig()
    place = await one.connected("fine")
    await one.quiet()
    one.rest.locked = True
    one.where.wants("cut")
    await one.rounds()
    assert "wants a password" in one.where.nodes[0].detail
    await asyncio.wait_for(one.ready("cut"), 20)
    one.where.connected("cut", place)
    await still_waits(one, one.usable(place, "cut"), 5)
    one.rest.locked = False
    await one.usable(place, "cut")


async def test_who_waits_moves_all_from_a_node_whose_system_info_takes_no_password(rig):
    """Whether it has no session there, or one that may not be used; who hears, too, moves along."""
    one = rig(FIRST, SECOND)
    place = await one.connected("fine")
    await one.quiet()
    one.rest.says[FIRST] = CredentialsRefused("no")
    with capture_logs() as lines:
        one.where.wants("cut")
        await one.where.left(place)
    assert (one.used, one.moved) == (TWO, ["unreachable"])
    assert [line["event"] for line in lines] == ["node.out", "node.changed"]


async def test_password_that_system_info_refused_is_lent_again_when_a_lock_would_be_over(rig):
    one = rig(polling=replace(QUICK, lend_again=0.05))
    one.where.lenders.held = lambda: ["1001"]
    one.rest.locked, one.rest.refuses = True, {"1001"}
    waiting = asyncio.create_task(one.ready())

    def lent() -> int:
        return [agent for _, agent in one.rest.asked].count("1001")

    await until(lambda: lent() == MOST_REFUSALS)
    await one.rounds(20)
    assert lent() == MOST_REFUSALS < 5  # which lock an account
    one.rest.refuses = set()
    await one.rounds(5)
    assert not waiting.done()
    one.where.credentials_changed("1001")
    await asyncio.wait_for(waiting, 20)


async def test_password_that_was_taken_after_a_refusal_has_all_its_tries_again():
    lenders, now = Lenders(0.0, Rest((FIRST,))), asyncio.get_running_loop().time
    lenders.held = lambda: ["1001"]

    def refuse() -> None:
        with pytest.raises(CredentialsRefused), lenders.lend("1001"):
            raise CredentialsRefused("no")

    for _ in range(5):
        for _ in range(MOST_REFUSALS - 1):
            refuse()
        assert lenders.next(now()) == "1001"
        with lenders.lend("1001"):
            pass
    for _ in range(MOST_REFUSALS):
        refuse()
    assert lenders.next(now()) is None


async def test_who_lent_with_success_lends_to_no_second_node_at_the_same_time():
    lenders, now = Lenders(0.0, Rest((FIRST,))), asyncio.get_running_loop().time
    lenders.held = lambda: ["1001", "1002"]
    with lenders.lend("1001"):
        pass
    assert lenders.next(now()) == "1001"
    with lenders.lend("1001"):
        assert lenders.next(now()) == "1002"
        assert lenders.next(now(), twice=True) == "1001"
        with lenders.lend("1002"):
            assert lenders.next(now()) is None


async def test_changed_credentials_are_lent_again(rig):
    one = rig()
    one.where.lenders.held = lambda: ["1001"]
    one.rest.locked, one.rest.refuses = True, {"1001"}
    waiting = asyncio.create_task(one.ready())
    await one.rounds(3)
    one.rest.refuses = set()
    one.where.credentials_changed("1001")
    await asyncio.wait_for(waiting, 20)


async def test_refused_credentials_never_count_against_the_node(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    one.rest.locked = True  # and nobody lends
    using = asyncio.create_task(one.usable(place))
    one.rest.says[SECOND] = GOOD
    await one.rounds(10)
    using.cancel()
    assert (one.used, one.moved, one.alarms) == (ONE, [], [])


async def test_refusal_of_a_password_that_was_replaced_meanwhile_is_not_kept(rig):
    one, answer, asked, used = rig(), asyncio.Event(), asyncio.Event(), ["old"]

    async def system_info(*, agent=None, node) -> SystemInfo:
        if agent is None:
            raise CredentialsRefused("wants some")
        password = used[0]
        asked.set()
        await answer.wait()
        if password == "old":
            raise CredentialsRefused("refused")
        return GOOD

    one.rest.system_info = system_info
    one.where.lenders.held = lambda: ["1001"]
    waiting = asyncio.create_task(one.ready())
    await asked.wait()
    used[0] = "new"
    one.where.credentials_changed("1001")
    answer.set()
    await asyncio.wait_for(waiting, 20)
    assert one.where.lenders.next(asyncio.get_running_loop().time()) == "1001"


async def test_agent_whose_node_is_used_again_is_asked_about_no_more(rig):
    one = rig(FIRST, SECOND)
    place = await one.connected()
    await one.usable(place)
    await one.quiet()
    one.rest.says[FIRST] = OUT
    one.where.said(ONE, in_service=False)
    using = asyncio.create_task(one.usable(place))
    await until(lambda: one.used == TWO)
    await one.ready()  # to move there, but that node goes out before it comes to that
    one.rest.says[FIRST], one.rest.says[SECOND] = GOOD, OUT
    await until(lambda: one.used == ONE)
    await using
    await one.quiet()
    assert not one.where._down


async def test_fault_of_who_hears_an_answer_ends_no_questions(rig):
    one, heard = rig(), []

    def learnt(deployment) -> None:
        heard.append(deployment)
        if len(heard) == 1:
            raise RuntimeError("a fault elsewhere")

    one.where._learnt = learnt
    with capture_logs() as logs:
        await asyncio.wait_for(one.ready(), 20)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["rounds.failed"]


async def test_fault_after_a_round_ends_no_rounds(rig):
    one, faults = rig(), []
    tick = one.where._pair.tick

    def failing(now, **how):
        if not faults:
            faults.append(now)
            raise RuntimeError("a fault elsewhere")
        return tick(now, **how)

    one.where._pair.tick = failing
    with capture_logs() as logs:
        await asyncio.wait_for(one.ready(), 20)
        await one.rounds(2)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["rounds.failed"]


async def test_most_links_cut_at_a_node_that_is_in_service_move_all(rig):
    one = rig(FIRST, SECOND)
    names = [str(n) for n in range(10)]
    for name in names:
        place = await one.connected(name)
    for name in names[:6]:
        one.where.cut(name, place, "no answer to a ping")
        one.where.gone(name, place)
        one.where.wants(name)
    await until(lambda: one.used == TWO)
    assert one.moved == ["no_session"]
    first = next(node for node in one.where.nodes if node.name == ONE)
    assert (first.state, first.detail) == (NodeState.OUT, "no answer to a ping")

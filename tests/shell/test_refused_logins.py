"""SystemInfo takes no login of ours any more: nobody waits for ever, and no account is locked."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.errors import CredentialsRefused
from listener.inquiry import MOST_REFUSALS, Lenders
from listener.simulator.interfaces import HttpResponse
from listener.simulator.node import Part
from tests.shell.stage import PACES, PASSWORD, A, B, settings, simulated, until

EVERY = 600.0
OFTEN = replace(PACES, polling=replace(PACES.polling, lend_again=0.05))


class Finesse:
    """Says whose login was taken, and writes down who is asked about."""

    def __init__(self) -> None:
        self.took: set[str] = set()
        self.doubted: list[str] = []

    def took_since(self, agent: str, _when: float) -> bool:
        return agent in self.took

    def busy(self, _agent: str) -> bool:
        return False

    def doubt(self, agent: str) -> None:
        self.doubted.append(agent)


def refuse(lenders: Lenders, agent: str) -> None:
    with pytest.raises(CredentialsRefused), lenders.lend(agent):
        raise CredentialsRefused("no")


@pytest.fixture
async def finesse() -> Finesse:
    return Finesse()


@pytest.fixture
async def lenders(finesse) -> Lenders:
    """Return lenders who were all refused as often as may be."""
    made = Lenders(EVERY, finesse)
    made.held = lambda: (A, B)
    for agent in (A, B) * MOST_REFUSALS:
        refuse(made, agent)
    return made


async def test_one_login_after_the_other_is_proved_now_and_then(finesse, lenders):
    for now in range(0, 5 * int(EVERY), 2):
        lenders.prove(float(now))
    assert finesse.doubted == [A, B, A, B]


async def test_no_login_is_proved_while_one_may_be_lent(finesse, lenders):
    lenders.changed(B)
    for now in range(0, 5 * int(EVERY), 2):
        lenders.prove(float(now))
    assert finesse.doubted == []


async def test_login_that_was_taken_elsewhere_may_be_lent_again_and_the_count_begins_anew(
    finesse, lenders
):
    far = 1e12
    assert lenders.next(far) is None
    finesse.took = {B}
    assert lenders.next(far) == B
    refuse(lenders, B)
    finesse.took = set()
    assert not lenders.is_spent(B)
    for _ in range(MOST_REFUSALS - 1):
        refuse(lenders, B)
    assert lenders.is_spent(B)


async def test_an_operator_is_told_once_what_to_do(lenders):
    with capture_logs() as lines:
        for now in range(5):
            lenders.prove(float(now))
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("logins.exhausted", "error")
    assert "listener reload --retry-refused" in line["detail"]


class Proxy:
    """Stands before SystemInfo and lets in whom `takes` names; counts who was refused."""

    def __init__(self, sim, *takes: str) -> None:
        self.takes = set(takes)
        self.refused: list[str] = []
        self._answer = sim.nodes[0].http._handler
        sim.nodes[0].http._handler = self._asked

    async def _asked(self, request) -> HttpResponse:
        if request.path.endswith("/SystemInfo"):
            told = request.headers.get("authorization", "Basic ").partition(" ")[2]
            user = base64.b64decode(told).decode().partition(":")[0]
            if user not in self.takes:
                self.refused.extend([user] if user else [])
                return HttpResponse(401)
        return await self._answer(request)


async def test_agents_without_any_session_are_back_once_system_info_takes_logins_again(tmp_path):
    """However long it took none: REST takes them, so SystemInfo is asked again now and then."""
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path), strict=True, paces=OFTEN) as listener,
    ):
        await until(lambda: listener.roster.up == 2)
        proxy = Proxy(sim)
        with capture_logs() as lines:
            await sim.nodes[0].stop(Part.XMPP)
            await until(lambda: "logins.exhausted" in [line["event"] for line in lines])
            await sim.nodes[0].start(Part.XMPP)
            await until(lambda: len(proxy.refused) > 2 * MOST_REFUSALS)
            proxy.takes = {A, B}
            await until(lambda: listener.roster.up == 2)
        assert {"credentials.withheld", "session.stopped"}.isdisjoint(
            line["event"] for line in lines
        )
        assert not sim.finesse.accounts.locked(A)


async def test_session_that_waits_for_such_a_system_info_is_used_again(tmp_path):
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path), strict=True, paces=OFTEN) as listener,
    ):
        await until(lambda: listener.roster.up == 2)
        proxy = Proxy(sim)
        sim.nodes[0].set_status("OUT_OF_SERVICE")
        await until(lambda: listener.roster.up == 0)
        sim.nodes[0].set_status("IN_SERVICE")
        await until(lambda: len(proxy.refused) > 2 * MOST_REFUSALS)
        proxy.takes = {A, B}
        await until(lambda: listener.roster.up == 2)
        assert sim.notifications.auth_attempts[A] == 1  # the session stayed


async def test_login_that_sasl_takes_again_and_again_is_withheld_from_nobody(tmp_path):
    """A proxy before SystemInfo refuses it each time: that is not for the password."""
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path), strict=True, paces=OFTEN) as listener,
    ):
        await until(lambda: listener.roster.up == 2)
        proxy = Proxy(sim)
        with capture_logs() as lines:
            for _ in range(3):
                for agent in (A, B):  # one stands while the other one dials
                    tried, shown = sim.notifications.auth_attempts[agent], len(proxy.refused)
                    sim.notifications.cut(agent)
                    await until(
                        lambda agent=agent, tried=tried, shown=shown: (
                            sim.notifications.auth_attempts[agent] > tried
                            and proxy.refused[shown:].count(agent) >= MOST_REFUSALS
                        )
                    )
            proxy.takes = {A, B}
            await until(lambda: listener.roster.up == 2)
        assert "credentials.withheld" not in [line["event"] for line in lines]


async def test_password_that_is_wrong_is_refused_less_often_than_locks_the_account(tmp_path):
    """It was changed while SystemInfo took nothing: REST refuses it once, and SASL has the rest."""
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=OFTEN) as listener,
    ):
        await until(lambda: listener.roster.up == 1)
        proxy, before = Proxy(sim), sim.notifications.auth_attempts[A]
        accounts, refused = sim.finesse.accounts, []
        accounts._agents = {**accounts._agents, A: replace(accounts._agents[A], password="new")}
        check = accounts.check

        def counted(user: str, password: str) -> bool:
            good = check(user, password)
            refused.extend([] if good else [user])
            return good

        accounts.check = counted
        await sim.nodes[0].stop(Part.XMPP)
        await until(lambda: A in listener.roster.withheld)
        assert len(proxy.refused) == MOST_REFUSALS
        assert len(refused) == 1
        proxy.takes = {A}  # and so SASL has its say
        sim.nodes[0].http._handler = proxy._answer
        await sim.nodes[0].start(Part.XMPP)
        await until(lambda: listener.agents[A].state == "stopped")
        tried = sim.notifications.auth_attempts[A] - before
        assert (tried, len(proxy.refused) + len(refused) < 5) == (1, True)

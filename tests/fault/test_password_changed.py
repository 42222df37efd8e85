"""A password that is changed in Finesse while its session is up: it must not lock the account."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.correlation.steps import Ask
from listener.errors import CredentialsRefused, Unreachable
from listener.finesse.actions import Hold, Ready, SendDtmf
from listener.finesse.actions.expectation import Probe
from listener.inquiry import MOST_REFUSALS
from listener.rest import callers
from listener.simulator import refusals
from listener.simulator.assembly import Simulator
from tests.shell.stage import PACES, PASSWORD, A, settings, simulated, until

NEW = "another-one"
MANY = 30  # tries that would have been made


class Refusals:
    """Counts the passwords that the REST API refused."""

    def __init__(self, sim: Simulator) -> None:
        self.count = 0
        self.sim = sim
        self._check = sim.finesse.accounts.check

    def check(self, user: str, password: str) -> bool:
        good = self._check(user, password)
        self.count += not good
        return good


@contextmanager
def changed(sim: Simulator) -> Iterator[Refusals]:
    """Give the agent another password in Finesse, and count those that are refused from now on."""
    accounts = sim.finesse.accounts
    accounts._agents = {
        **accounts._agents,
        A: dataclasses.replace(accounts._agents[A], password=NEW),
    }
    counted = Refusals(sim)
    accounts.check = counted.check
    yield counted


def give_the_new_one(listener: Listener) -> None:
    listener.roster.change_credentials(A, password=SecretStr(NEW), token=None)


async def test_picture_that_is_refused_is_not_asked_for_again(tmp_path):
    paces = dataclasses.replace(PACES, reconcile_again=(0.001,))
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=paces) as listener,
    ):
        with changed(sim) as refused, capture_logs() as logs:
            sim.nodes[0].set_status("OUT_OF_SERVICE")
            await until(lambda: not listener.agents[A].live)
            sim.nodes[0].set_status("IN_SERVICE")
            await until(lambda: refused.count)
            await until(lambda: "refused the password" in (listener.agents[A].last_error or ""))
            await asyncio.sleep(0.001 * MANY)
            assert refused.count == 1
            status = listener.agents[A]
            assert (status.live, status.state) == (False, "waiting")
            answer = await listener.wire.look(Ask("k", A, Probe.USER, None, 1))
            assert (answer.ok, refused.count) == (False, 1)
            give_the_new_one(listener)
            await until(lambda: listener.agents[A].live)
            assert refused.count == 1
            assert listener.agents[A].last_error is None
    assert sum(line["event"] == "credentials.withheld" for line in logs) == 1
    assert not [line for line in logs if line["event"] == "session.lost"]


async def test_agent_who_is_watched_is_not_asked_for_again(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "connect": "while_signed_in"}]
    paces = dataclasses.replace(PACES, watch_every=0.01)
    async with (
        simulated() as sim,
        Listener.open(
            settings(sim, tmp_path, agents=agents), strict=False, paces=paces
        ) as listener,
    ):
        await until(lambda: listener.agents[A].live)
        with changed(sim) as refused:
            await until(lambda: "refused the password" in (listener.agents[A].last_error or ""))
            await asyncio.sleep(0.01 * MANY)
            assert refused.count == 1
            assert listener.agents[A].live  # only SASL ends a session that is there
            give_the_new_one(listener)
            assert listener.agents[A].last_error is None


@pytest.mark.parametrize("probe", [Probe.USER, Probe.DIALOGS, Probe.DIALOG, Probe.ABSENCE])
async def test_looks_that_are_refused_withhold_the_password(tmp_path, probe):
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with changed(sim) as refused:
            asks = [Ask(str(n), A, probe, "5", n) for n in range(20)]
            looks = await asyncio.gather(*(listener.wire.look(ask) for ask in asks))
            assert not any(look.ok for look in looks)
            assert 0 < refused.count < 4  # for SASL may refuse it once more
            assert not sim.finesse.accounts.locked(A)
            before = refused.count
            outcome = await listener.submit(Hold(agent=A, dialog_id="5"), validate=False)
            assert (outcome.kind, outcome.reason) == ("rejected", "not_sent")
            with pytest.raises(Unreachable):
                await listener.wire.signed_in(A)
            assert refused.count == before


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
async def test_requests_that_are_refused_withhold_the_password(tmp_path, *, at_once):
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with changed(sim) as refused:
            asks = [Hold(agent=A, dialog_id="5") for _ in range(8)]
            if at_once:
                told = await asyncio.gather(*(listener.submit(a, validate=False) for a in asks))
            else:
                told = [await listener.submit(a, validate=False) for a in asks]
            assert [each.kind for each in told] == ["rejected"] * 8
            assert (told[0].status, told[0].sent) == (401, True)
            assert {(each.reason, each.sent) for each in told[1:]} == {("not_sent", False)}
            assert refused.count < 4  # for SASL may refuse it once more
            assert not sim.finesse.accounts.locked(A)
            give_the_new_one(listener)
            outcome = await listener.submit(Hold(agent=A, dialog_id="5"), validate=False)
            assert outcome.status != 401


async def test_requests_without_a_session_do_not_lock_the_account_either(tmp_path):
    agents = [{"id": A, "password": "wrong from the start"}]
    async with (
        simulated() as sim,
        Listener.open(
            settings(sim, tmp_path, agents=agents), strict=False, paces=PACES
        ) as listener,
    ):
        await until(lambda: listener.agents[A].state == "stopped")
        for _ in range(8):
            outcome = await listener.submit(Ready(agent=A), require_session=False)
            assert outcome.kind == "rejected"
        assert not sim.finesse.accounts.locked(A)


async def test_refusal_that_is_no_refused_login_withholds_nothing(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        right, odd = sim.finesse.accounts.user, ["Invalid State"]

        def user(header):
            if odd:
                raise refusals.now(401, odd.pop(), "not now")
            return right(header)

        sim.finesse.accounts.user = user
        with pytest.raises(Unreachable):
            await listener.wire.picture(A)
        assert A not in listener.roster.withheld
        await listener.wire.picture(A)


async def test_refusal_of_a_password_that_was_replaced_meanwhile_says_nothing(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with changed(sim) as refused:
            first = refused.check

            def check(user: str, password: str) -> bool:
                good = first(user, password)
                if not good:
                    give_the_new_one(listener)
                return good

            sim.finesse.accounts.check = check
            with pytest.raises(CredentialsRefused):
                await listener.wire.picture(A)
            assert A not in listener.roster.withheld
            await listener.wire.picture(A)


async def test_password_that_rest_refused_is_for_sasl_to_judge_and_once_is_enough(tmp_path):
    """Finesse has another one: SASL's is the fifth refusal at most, and it stops the session."""
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with changed(sim) as refused:
            asks = [Ask(str(n), A, Probe.DIALOG, "5", n) for n in range(20)]
            await asyncio.gather(*(listener.wire.look(ask) for ask in asks))
            assert A in listener.roster.withheld
            for _ in range(3):
                sim.notifications.cut(A)
                await until(lambda: listener.agents[A].state == "stopped")
            assert sim.notifications.auth_attempts[A] == 2
            assert refused.count < 5
            assert not sim.finesse.accounts.locked(A)
            give_the_new_one(listener)
            await listener.ready(A, within=40)


async def test_password_that_rest_refused_is_used_again_once_sasl_has_taken_it(tmp_path):
    """A REST 401 is not the password's alone: it stops no session, and does not last."""
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with capture_logs() as lines:
            with changed(sim) as refused, pytest.raises(CredentialsRefused):
                await listener.wire.picture(A)
            assert refused.count
            sim.finesse.accounts._agents[A] = dataclasses.replace(
                sim.finesse.accounts._agents[A], password=PASSWORD[A]
            )
            assert A in listener.roster.withheld
            sim.notifications.cut(A)
            await until(lambda: sim.notifications.auth_attempts[A] == 2)
            await listener.ready(A, within=40)
            assert A not in listener.roster.withheld
            assert listener.agents[A].last_error is None
            await listener.wire.picture(A)
        events = [line["event"] for line in lines]
        assert events.count("credentials.used") == 1
        assert "session.stopped" not in events


async def test_requests_beside_each_other_and_sasl_do_not_lock_the_account(tmp_path, monkeypatch):
    monkeypatch.setattr(callers, "PROVEN_FOR", 0.0)  # as if nothing had been asked for a while
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        with changed(sim) as refused:
            asks = [SendDtmf(agent=A, dialog_id="5", dtmf_string=str(n)) for n in range(8)]
            told = await asyncio.gather(*(listener.submit(a, validate=False) for a in asks))
            assert {each.kind for each in told} == {"rejected"}
            await until(lambda: A in listener.roster.withheld)
            sim.notifications.cut(A)
            await until(lambda: listener.agents[A].state == "stopped")
            assert refused.count < 5
            assert not sim.finesse.accounts.locked(A)


async def test_password_that_sasl_takes_may_be_shown_to_system_info_again(tmp_path):
    """It was refused there as often as it may be, whatever that was for."""
    agents = [{"id": A, "password": PASSWORD[A]}]
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path, agents=agents), strict=True, paces=PACES) as listener,
    ):
        lenders = listener._where.lenders
        for _ in range(MOST_REFUSALS):
            with pytest.raises(CredentialsRefused), lenders.lend(A):
                raise CredentialsRefused("a proxy's fault")
        now = asyncio.get_running_loop().time
        assert lenders.next(now() + 10_000) is None
        sim.notifications.cut(A)
        await until(lambda: lenders.next(now()) == A)

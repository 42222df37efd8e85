"""Settings read again while callers change agents, from broken files, and by SIGHUP."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog

from listener import reloading
from listener.errors import CredentialsRefused, Unreachable
from listener.inquiry import MOST_REFUSALS
from listener.settings import load
from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.xmpp_faults import Cut, Stage
from listener.station import Station
from listener.xmpp.contract import Cause
from tests.shell import house as house_module
from tests.shell import program
from tests.shell.house import House, housed
from tests.shell.stage import PACES, PASSWORD, A, B, node_of, simulated, until

OTHER_EXTENSION = f'id = "{A}"\nextension = "4711"'
BROKEN = {
    "nested": "x = " + "[" * 3000 + "\n",
    "deep": "[" + "a." * 5000 + "a]\n",
    "digits": "x = 1" + "0" * 5000 + "\n",
    "bytes": "\xff\xfe\n",
}


def caller(house: House) -> httpx.AsyncClient:
    """Return a plain client over the socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(house.socket))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


def write(file: Path, text: str) -> None:
    file.write_bytes(text.encode("latin-1"))


def with_other_extension(house: House) -> None:
    """Let the settings give A another extension: its session is made anew."""
    text = house.config.read_text()
    house.config.write_text(text.replace(f'id = "{A}"', OTHER_EXTENSION))


# ------------------------------------------------------------------------------------ broken files


@pytest.mark.parametrize("broken", BROKEN)
async def test_broken_file_is_a_refusal_with_words_and_sighup_works_afterwards(tmp_path, broken):
    async with housed(tmp_path, agents=(A,)) as house:
        good, station = house.config.read_text(), house.station
        write(house.config, BROKEN[broken] + good)
        async with caller(house) as client:
            answer = await client.post("/v1/reload")
            assert answer.status_code == 409, answer.text
            assert "listener.toml" in answer.json()["detail"]
        with structlog.testing.capture_logs() as log:
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: any(line["event"] == "settings.refused" for line in log))
        house.config.write_text(good)
        with_other_extension(house)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: station.listener.roster.extension(A) == "4711")


async def test_broken_tokens_file_keeps_the_tokens_and_the_agents(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        tokens = tmp_path / "tokens.toml"
        write(tokens, BROKEN["digits"] + tokens.read_text())
        with_other_extension(house)
        async with caller(house) as client:
            answer = await client.post("/v1/reload")
            assert answer.status_code == 409
            assert "tokens.toml" in answer.json()["detail"]
        assert house.station.listener.roster.extension(A) is None
        assert house.station.doors.tokens.find(house.tokens["admin"]) is not None


async def test_fault_while_settings_are_read_ends_nothing_and_is_logged(tmp_path, monkeypatch):
    async with housed(tmp_path, agents=(A,)) as house:
        reload = Station.reload

        async def failing(_: Station) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Station, "reload", failing)
        with structlog.testing.capture_logs() as log:
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: any(line["event"] == "settings.failed" for line in log))
        told = next(line for line in log if line["event"] == "settings.failed")
        assert told["error"] == "ZeroDivisionError"
        assert told["exc_info"]
        monkeypatch.setattr(Station, "reload", reload)
        with_other_extension(house)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: house.station.listener.roster.extension(A) == "4711")


# ------------------------------------------------------------------------- trusted certificates


@asynccontextmanager
async def patient_house(folder, monkeypatch):
    """Run a daemon that tries a refused certificate again by itself in a thousand seconds only."""
    paces = dataclasses.replace(
        PACES,
        backoff=dataclasses.replace(PACES.backoff, slow=1000.0),
        polling=dataclasses.replace(PACES.polling, slow=1000.0),
    )
    monkeypatch.setattr(house_module, "PACES", paces)
    async with housed(folder) as house:
        yield house


async def cut_off(house: House, agent: str) -> str:
    """Cut an agent's link, and return why it stays away."""
    status = house.station.listener.roster.ear(agent).status
    house.simulator.notifications.cut(agent, Cut.RESET)
    await until(lambda: "certificate" in (status().last_error or ""))
    assert not status().live
    return status().last_error


async def test_reload_reads_the_ca_file_anew_and_who_was_refused_is_back_at_once(
    tmp_path, monkeypatch
):
    async with patient_house(tmp_path, monkeypatch) as house, caller(house) as client:
        roster, ca_file = house.station.listener.roster, tmp_path / "ca.pem"
        right = ca_file.read_bytes()
        assert (await client.post("/v1/reload")).json()["certificatesChanged"] is False
        ThrowawayAuthority().write(ca_file)
        assert (await client.post("/v1/reload")).json()["certificatesChanged"] is True
        assert roster.up == 2  # what is connected stays so
        why = await cut_off(house, A)
        assert f"{house.simulator.nodes[0].http.port} has no issuer in the CA file {ca_file}" in why
        ca_file.write_bytes(right)
        assert (await client.post("/v1/reload")).json()["certificatesChanged"] is True
        await until(lambda: roster.up == 2)


async def test_drop_in_names_the_ca_file_of_now_though_it_holds_the_same_certificates(tmp_path):
    more = '[dropin]\nlisten = "127.0.0.1:0"\nrequire_token = false\n'
    async with housed(tmp_path, more=more) as house, caller(house) as client:
        former, now = tmp_path / "ca.pem", tmp_path / "now.pem"
        ThrowawayAuthority().write(former)
        assert (await client.post("/v1/reload")).json()["certificatesChanged"] is True
        now.write_bytes(former.read_bytes())
        text = house.config.read_text()
        house.config.write_text(text.replace(str(former), str(now)))
        assert (await client.post("/v1/reload")).json()["certificatesChanged"] is False
        url, login = f"{house.dropin}/finesse/api/User/{A}", (A, PASSWORD[A])
        async with httpx.AsyncClient(timeout=30) as plain:
            answer = await plain.get(url, auth=login)
        assert answer.status_code == 503
        assert f"no issuer in the CA file {now}" in answer.json()["detail"]


async def test_sighup_and_another_ca_file_mend_it_as_well(tmp_path, monkeypatch):
    async with patient_house(tmp_path, monkeypatch) as house, caller(house) as client:
        roster, ca_file = house.station.listener.roster, tmp_path / "ca.pem"
        ca_file.rename(tmp_path / "right.pem")
        ThrowawayAuthority().write(ca_file)
        trust = house.station.listener.trust
        former = trust.rest
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: trust.rest is not former)
        await cut_off(house, A)
        text = house.config.read_text()
        house.config.write_text(text.replace(str(ca_file), str(tmp_path / "right.pem")))
        said = (await client.post("/v1/reload")).json()
        assert (said["certificatesChanged"], said["restartNeeded"]) == (True, [])
        await until(lambda: roster.up == 2)


@pytest.mark.parametrize("content", [b"no certificate", b"", None])
async def test_ca_file_that_cannot_be_used_refuses_the_reload_and_the_former_one_is_kept(
    tmp_path, content
):
    async with housed(tmp_path) as house, caller(house) as client:
        roster, ca_file = house.station.listener.roster, tmp_path / "ca.pem"
        with_other_extension(house)
        ca_file.unlink() if content is None else ca_file.write_bytes(content)
        answer = await client.post("/v1/reload")
        assert answer.status_code == 409
        assert "finesse.ca_file" in answer.json()["detail"]
        assert str(ca_file) in answer.json()["detail"]
        assert roster.extension(A) is None  # nothing of it was done
        before = house.simulator.notifications.auth_attempts[A]
        house.simulator.notifications.cut(A, Cut.RESET)
        await until(lambda: house.simulator.notifications.auth_attempts[A] > before)
        await until(lambda: roster.up == 2)


# --------------------------------------------------------------------- callers at the same time


async def test_agent_is_held_at_every_moment_of_its_replacement(tmp_path):
    async with housed(tmp_path) as house:
        roster = house.station.listener.roster
        first = roster.ear(A)
        with_other_extension(house)
        async with caller(house) as client:
            reloading = asyncio.create_task(client.post("/v1/reload"))
            await until(lambda: not first.up.is_set())  # its session is going
            assert A in roster.ears
            put = await client.put(f"/v1/agents/{A}", json={"password": PASSWORD[A]})
            assert put.status_code == 200
            said = await reloading
            assert (said.status_code, said.json()["changed"]) == (200, [A])
            assert (roster.extension(A), roster.origin(A)) == ("4711", "configured")
            again = (await client.post("/v1/reload")).json()
            assert again["changed"] == []
        await until(lambda: roster.up == 2)


@pytest.mark.parametrize("method", ["put", "delete"])
async def test_what_callers_do_during_a_reload_leaves_no_half_of_it(tmp_path, method):
    """B leaves, A gets another extension, and meanwhile somebody puts or deletes A."""
    async with housed(tmp_path) as house:
        roster = house.station.listener.roster
        text = house.config.read_text()
        text = text.replace(f'[[agents]]\nid = "{B}"\n', "")
        house.config.write_text(text.replace(f'id = "{A}"', OTHER_EXTENSION))
        async with caller(house) as client:

            async def meddle() -> int:
                await until(lambda: B not in roster.ears)
                if method == "put":
                    put = await client.put(f"/v1/agents/{A}", json={"password": PASSWORD[A]})
                    return put.status_code
                gone = await client.delete(f"/v1/agents/{A}", params={"force": "true"})
                return gone.status_code

            said, met = await asyncio.gather(client.post("/v1/reload"), meddle())
            assert said.status_code == 200, said.text
            assert said.json()["removed"] == [B]
            assert met == (200 if method == "put" else 204)
            assert set(roster.ears) == ({A} if method == "put" else set())
            again = (await client.post("/v1/reload")).json()
            assert (again["added"], again["removed"], again["changed"]) == ([], [], [])
        if method == "put":
            assert roster.extension(A) == "4711"
            await until(lambda: roster.up == 1)


async def test_reload_that_cannot_be_done_changes_nothing_at_all(tmp_path):
    """The file names an agent that a caller has added in another spelling."""
    folder = tmp_path / "passwords"
    async with housed(tmp_path, agents=(A,)) as house:
        roster = house.station.listener.roster
        async with caller(house) as client:
            put = await client.put("/v1/agents/alice", json={"password": "x"})
            assert put.status_code == 201
            (folder / "ALICE").write_text("x")
            (folder / "ALICE").chmod(0o600)
            with_other_extension(house)
            text = house.config.read_text()
            house.config.write_text(
                text.replace("[defaults]", '[[agents]]\nid="ALICE"\n[defaults]')
            )
            answer = await client.post("/v1/reload")
            assert answer.status_code == 409
            assert "held already as alice" in answer.json()["detail"]
        assert (set(roster.ears), roster.extension(A)) == ({A, "alice"}, None)


async def test_agent_that_a_caller_had_added_is_the_files_from_then_on(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        roster = house.station.listener.roster
        async with caller(house) as client:
            await client.put(f"/v1/agents/{B}", json={"password": PASSWORD[B]})
            assert roster.origin(B) == "api"
            (tmp_path / "passwords" / B).write_text(PASSWORD[B])
            (tmp_path / "passwords" / B).chmod(0o600)
            text = house.config.read_text()
            house.config.write_text(text.replace("[defaults]", f'[[agents]]\nid="{B}"\n[defaults]'))
            assert (await client.post("/v1/reload")).json()["added"] == [B]
            assert roster.origin(B) == "configured"
        await until(lambda: roster.up == 2)


async def test_reload_lets_agents_try_once_more_that_only_a_person_can_help(tmp_path):
    async with housed(tmp_path) as house:
        roster = house.station.listener.roster
        await until(lambda: roster.up == 2)
        since = roster.ear(B).status().since
        session = roster.ear(A).session
        session._client.end(Cause.CONFLICT, "another client took it")
        await until(lambda: roster.ear(A).status().state == "stopped")
        async with caller(house) as client:
            answer = await client.post("/v1/reload")
            assert (answer.status_code, answer.json()["changed"]) == (200, [])
        await until(lambda: roster.up == 2)
        assert roster.ear(B).status().since == since


@pytest.fixture
def patient(monkeypatch):
    """Wait for Finesse for as long as a loaded machine takes."""
    monkeypatch.setattr(reloading, "ANSWER_WITHIN", 25.0)


def give(house: House, password: str) -> None:
    """Put that password into the file from which the settings take it."""
    (house.folder / "passwords" / A).write_text(password)


async def refused_by_sasl(house: House) -> None:
    """Let the settings name a wrong password, and Finesse refuse it."""
    give(house, "wrong-one")
    async with caller(house) as client:
        assert (await client.post("/v1/reload")).json()["changed"] == [A]
    house.simulator.notifications.cut(A)  # until then the session stays
    await until(lambda: house.station.listener.roster.ear(A).status().state == "stopped")


async def test_reload_does_not_show_sasl_a_refused_password_again_while_it_is_the_same(tmp_path):
    """Five refusals lock an account, however often somebody reloads."""
    async with housed(tmp_path, agents=(A,)) as house:
        sim, roster = house.simulator, house.station.listener.roster
        await refused_by_sasl(house)
        tried = sim.notifications.auth_attempts[A]
        async with caller(house) as client:
            for _ in range(5):
                told = (await client.post("/v1/reload")).json()
                assert (told["changed"], told["refused"]) == ([], [A])
            with_other_extension(house)  # which makes the session anew, with the same password
            told = (await client.post("/v1/reload")).json()
            assert (told["changed"], told["refused"]) == ([A], [A])
            await until(lambda: roster.ear(A).status().state == "stopped")
            assert sim.notifications.auth_attempts[A] == tried
            give(house, PASSWORD[A])
            told = (await client.post("/v1/reload")).json()
            assert (told["changed"], told["refused"]) == ([A], [])
            await until(lambda: roster.up == 1)
            assert sim.notifications.auth_attempts[A] == tried + 1


async def test_refused_password_that_comes_back_after_another_refused_one_is_not_tried(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        sim, roster = house.simulator, house.station.listener.roster
        await refused_by_sasl(house)
        give(house, "wrong-two")
        async with caller(house) as client:
            await client.post("/v1/reload")
            await until(lambda: sim.notifications.auth_attempts[A] >= 3)
            await until(lambda: roster.ear(A).status().state == "stopped")
            tried = sim.notifications.auth_attempts[A]
            give(house, "wrong-one")
            told = (await client.post("/v1/reload")).json()
            assert (told["changed"], told["refused"]) == ([A], [A])
            assert (await client.post("/v1/reload")).json()["refused"] == [A]
            assert sim.notifications.auth_attempts[A] == tried
            assert not sim.finesse.accounts.locked(A)


async def test_refused_password_is_tried_once_more_when_that_is_said_plainly(tmp_path, patient):
    """As when the account was unlocked; who says so is told what came of it."""
    async with housed(tmp_path, agents=(A,)) as house:
        sim, roster = house.simulator, house.station.listener.roster
        await refused_by_sasl(house)
        tried = sim.notifications.auth_attempts[A]
        accounts = sim.finesse.accounts
        async with caller(house) as client:
            told = (await client.post("/v1/reload?retryRefused=true")).json()
            assert (told["changed"], told["retried"], told["refused"]) == ([], [A], [A])
            assert sim.notifications.auth_attempts[A] == tried + 1
            assert roster.ear(A).status().state == "stopped"
            right = dataclasses.replace(accounts._agents[A], password="wrong-one")
            accounts._agents = {**accounts._agents, A: right}
            assert (await client.post("/v1/reload")).json()["refused"] == [A]
            told = await client.post("/v1/reload?retryRefused=true")
            assert (told.json()["retried"], told.json()["refused"]) == ([A], [])
            assert roster.up == 1


async def test_reload_does_not_wait_for_ever_to_hear_what_came_of_a_password(tmp_path, monkeypatch):
    monkeypatch.setattr(reloading, "ANSWER_WITHIN", 0.01)
    async with housed(tmp_path, agents=(A,)) as house:
        await refused_by_sasl(house)
        house.simulator.notifications.tarpit(Stage.AFTER_TLS)
        async with caller(house) as client:
            told = (await client.post("/v1/reload?retryRefused=true")).json()
            assert (told["retried"], told["refused"]) == ([A], [])


async def test_password_that_rest_refused_is_not_shown_to_rest_again_by_a_reload(tmp_path):
    async with housed(tmp_path, agents=(A,)) as house:
        sim, listener = house.simulator, house.station.listener
        right, refused = sim.finesse.accounts.check, []

        def check(user: str, password: str) -> bool:
            refused.append(user)
            return False

        sim.finesse.accounts.check = check
        with pytest.raises(CredentialsRefused):
            await listener.wire.picture(A)
        async with caller(house) as client:
            for _ in range(3):
                assert (await client.post("/v1/reload")).json()["refused"] == [A]
                with pytest.raises(Unreachable, match="no credentials"):
                    await listener.wire.picture(A)
            assert refused == [A]
            sim.finesse.accounts.check = right
            assert (await client.post("/v1/reload?retryRefused=true")).json()["refused"] == []
        await listener.wire.picture(A)


async def test_agent_that_comes_back_at_once_has_one_session(tmp_path):
    """The new session begins when the former one has said goodbye."""
    async with housed(tmp_path, agents=(A,)) as house:
        roster, notifications = house.station.listener.roster, house.simulator.notifications
        before = len(notifications.presence_log)
        agent = roster.ear(A).agent
        for _ in range(3):
            roster.dismiss(A)
            roster.add(agent)
        await until(lambda: roster.up == 1)
        types = [each.type for each in notifications.presence_log[before:] if A in str(each)]
        assert types.index("unavailable") == 0
        assert types.count("unavailable") == 1
        assert len(notifications.sessions()) == 1


async def test_reload_that_is_broken_off_is_completed_by_the_next_one(tmp_path, monkeypatch):
    async with housed(tmp_path) as house:
        station, roster = house.station, house.station.listener.roster
        text = house.config.read_text()
        for id_ in (A, B):
            text = text.replace(f'id = "{id_}"', f'id = "{id_}"\nextension = "4{id_}"')
        house.config.write_text(text)
        replace = roster.replace

        async def broken_off(agent, **how):
            await replace(agent, **how)
            reloading.cancel()
            await asyncio.sleep(0)

        with monkeypatch.context() as patched:
            patched.setattr(roster, "replace", broken_off)
            reloading = asyncio.create_task(station.reload())
            with pytest.raises(asyncio.CancelledError):
                await reloading
        assert (roster.extension(A), roster.extension(B)) == (f"4{A}", None)
        assert (await station.reload())["changed"] == [B]
        assert roster.extension(B) == f"4{B}"
        assert load(house.config, {}).agents == station.reloader.settings.agents


# ------------------------------------------------------------------------------ the real process


async def test_real_process_survives_broken_files_and_takes_the_next_good_one(tmp_path):
    async with simulated() as simulator:
        ca = simulator.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(simulator), ca=ca)
        good = file.read_text()
        async with program.started("run", "--config", file) as process:
            await program.line_with(process, "listener.ready")
            for broken in BROKEN.values():
                write(file, broken + good)
                process.send_signal(signal.SIGHUP)
                read = await program.line_with(process, "settings.")
                assert "settings.refused" in read
            program.config(tmp_path, node=node_of(simulator), ca=ca, agents=(A, B))
            process.send_signal(signal.SIGHUP)
            said = await program.line_with(process, "settings.reloaded")
            assert '"added": 1' in said
            assert '"restart_needed": 0' in said
            await until(lambda: simulator.notifications.present(B))
            assert simulator.notifications.present(A)
            process.send_signal(signal.SIGTERM)
            end = await program.ended(process)
        assert (end.code, "Traceback" in end.err) == (0, False)


async def test_sighup_while_the_process_loads_ends_nothing_and_is_taken_once_it_runs(tmp_path):
    async with simulated() as simulator:
        ca = simulator.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(simulator), ca=ca)
        async with program.started("run", "--config", file) as process:
            await until(lambda: hangup_is_blocked(process.pid))
            process.send_signal(signal.SIGHUP)
            await program.line_with(process, "settings.reloaded")
            process.send_signal(signal.SIGTERM)
            assert (await program.ended(process)).code == 0


async def test_sighup_before_callers_can_come_in_is_taken_when_they_can(tmp_path, monkeypatch):
    """The handler is there, the station is not."""
    asked: list[Station] = []

    def noted(station: Station) -> None:
        asked.append(station)

    monkeypatch.setattr(Station, "reload_soon", noted)
    opened = Station.open

    @asynccontextmanager
    async def late(*given, **how):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with opened(*given, **how) as station:
            yield station

    monkeypatch.setattr(Station, "open", late)
    async with housed(tmp_path, agents=(A,)) as house:
        await until(lambda: asked)
        assert asked == [house.station]


def hangup_is_blocked(process: int) -> bool:
    """Say whether SIGHUP waits: proc(5), SigBlk of /proc/pid/status."""
    status = Path(f"/proc/{process}/status").read_text()
    masks = dict(line.split(":", 1) for line in status.splitlines())
    return bool(int(masks["SigBlk"], 16) >> (signal.SIGHUP - 1) & 1)


async def test_login_that_system_info_refused_too_often_is_tried_again_when_that_is_said_plainly(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(reloading, "ANSWER_WITHIN", 0.01)
    async with housed(tmp_path, agents=(A,)) as house:
        listener = house.station.listener
        await until(lambda: listener.roster.up == 1)
        lenders = listener._where.lenders
        for _ in range(MOST_REFUSALS):
            with pytest.raises(CredentialsRefused), lenders.lend(A):
                raise CredentialsRefused("a proxy's fault")
        async with caller(house) as client:
            told = (await client.post("/v1/reload?retryRefused=true")).json()
            assert told["retried"] == []  # it has a session, and waits for nothing
            house.simulator.notifications.tarpit(Stage.AFTER_TLS)
            house.simulator.notifications.cut(A)
            await until(lambda: not listener.agents[A].live)
            assert (await client.post("/v1/reload")).json()["retried"] == []
            assert lenders.is_spent(A)
            told = (await client.post("/v1/reload?retryRefused=true")).json()
            assert told["retried"] == [A]
            assert not lenders.is_spent(A)

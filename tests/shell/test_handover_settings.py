"""Hand-over to other settings: sockets, journal, subscriptions, reload."""

from __future__ import annotations

import asyncio
import secrets

import httpx
import pytest

from listener.errors import Closing
from listener.handover.channel import Refused
from listener.settings.serving import Notifications
from listener.simulator.xmpp_faults import Cut
from listener.web.tokens import digest_of
from tests.shell.handing import Held, Watcher, caller, pair
from tests.shell.stage import PASSWORD, A, answered_call, simulated, until, writes

HOLD = {"agent": A, "requestedAction": "HOLD"}
WAIT = {"Prefer": "wait=20"}
TEAM = "/finesse/api/Team/5/Users"


def with_section(name: str, **changes):
    """Return what makes other settings of settings."""

    def later(same):
        section = getattr(same, name).model_copy(update=changes)
        return same.model_copy(update={name: section})

    return later


def with_tcp(folder):
    """Return settings that listen on TCP as well, and a token for it."""
    token = secrets.token_urlsafe(32)
    file = folder / "tokens.toml"
    file.write_text(
        f'[[tokens]]\nname = "crm"\nscopes = ["admin"]\ntoken_sha256 = "{digest_of(token).hex()}"\n'
    )
    file.chmod(0o600)
    return with_section("api", listen="127.0.0.1:0", tokens_file=file), token


async def test_a_caller_who_connects_while_both_stand_still_waits_and_is_served(tmp_path):
    first, token = with_tcp(tmp_path)
    async with simulated() as simulator, pair(simulator, tmp_path, first=first) as both:
        at = both.first.doors.addresses
        asking = []

        async def while_it_stands() -> None:
            for url, how in (
                ("http://" + at["api.tcp"], {"headers": {"Authorization": f"Bearer {token}"}}),
                ("http://l", {"transport": httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))}),
            ):
                client = httpx.AsyncClient(base_url=url, timeout=30, **how)
                asking.append(asyncio.create_task(told_by(client)))
            await asyncio.sleep(0.1)  # time enough to be refused, if anybody would
            assert not any(task.done() for task in asking)

        both.meanwhile(while_it_stands)
        await both.hand_over()
        answers = await asyncio.gather(*asking)
        started = both.second.backend.info()["started"]
        assert [each["started"] for each in answers] == [started, started]
        assert both.second.doors.addresses == at


async def told_by(client: httpx.AsyncClient) -> dict:
    async with client:
        return (await client.get("/v1/info")).json()


async def test_other_addresses_are_served_by_the_second_daemon_and_the_old_files_go(tmp_path):
    later = with_section("api", socket=tmp_path / "t")
    async with simulated() as simulator, pair(simulator, tmp_path, later=later) as both:
        await both.hand_over()
        await both.left
        async with caller(tmp_path / "t") as client:
            assert (await client.get("/readyz")).status_code == 200
        assert not (tmp_path / "s").exists()
        assert not (tmp_path / "s.handover").exists()
        assert (tmp_path / "t.handover").exists()


async def test_an_address_that_cannot_be_had_leaves_all_as_it_was(tmp_path):
    (tmp_path / "t").write_text("no socket")
    later = with_section("api", socket=tmp_path / "t")
    async with simulated() as simulator, pair(simulator, tmp_path, later=later) as both:
        with pytest.raises(Refused, match="is there and is no socket"):
            await both.hand_over()
        async with both.caller() as client:
            assert (await client.get("/readyz")).status_code == 200
        assert (tmp_path / "s.handover").exists()
        both.twin.settings = (
            both.twin.settings
        )  # the same again: it may be tried as often as wanted
        with pytest.raises(Refused):
            await both.hand_over()


async def test_the_drop_ins_socket_and_its_sessions_go_over(tmp_path):
    first = with_section("dropin", socket=tmp_path / "d", require_token=False)
    async with simulated() as simulator, pair(simulator, tmp_path, first=first) as both:
        watcher = Watcher(simulator)
        dialog = await answered_call(simulator, both.first.listener)
        path = f"/finesse/api/Dialog/{dialog}"
        xml = (
            "<Dialog><requestedAction>{}</requestedAction>"
            f"<targetMediaAddress>{A}</targetMediaAddress></Dialog>"
        )
        async with drop_in(tmp_path) as client:
            async with both.handing_over():
                held = Held(simulator)
                sending = asyncio.create_task(
                    client.put(path, content=xml.format("HOLD"), headers=WAIT)
                )
                await until(lambda: writes(simulator, "HOLD"))
                await until(lambda: both.first.listener.service.pending)
            got = await sending
            assert (got.status_code, got.headers["X-Outcome"]) == (202, "open")
            held.let_go()
            async with both.caller() as api:
                settled = (await api.get(got.headers["Location"], headers=WAIT)).json()
            assert settled["outcome"]["kind"] == "confirmed"
        async with drop_in(tmp_path) as client:
            got = await client.put(path, content=xml.format("RETRIEVE"), headers=WAIT)
            assert (got.status_code, got.headers["X-Outcome"]) == (200, "confirmed")
        assert (writes(simulator, "HOLD"), writes(simulator, "RETRIEVE")) == (1, 1)
        assert watcher.absences == []


def drop_in(folder) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(folder / "d"))
    how = {"auth": (A, PASSWORD[A]), "headers": {"Content-Type": "application/xml"}}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30, **how)


async def test_explicit_subscriptions_of_both_are_there_until_the_first_one_leaves(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "subscriptions": [TEAM]}]
    async with simulated() as simulator, pair(simulator, tmp_path, agents=agents) as both:

        def subscribed() -> set[str]:
            every = simulator.notifications.subscriptions
            return {one.jid for one in every if "/" in one.jid and one.node == TEAM}

        ear = both.first.listener.roster.ears[A]
        first, session = ear._session.jid, ear._session
        async with both.handing_over():
            second = (set(simulator.notifications.sessions(A)) - {first}).pop()
            assert subscribed() == {first, second}
            # The first one comes back, and tidies up what was left behind.
            simulator.notifications._sessions.at(first).cut(Cut.CLOSE)
            await until(lambda: ear._session not in {session, None} and ear.up.is_set())
            assert subscribed() == {first, second}
        await both.left
        assert subscribed() == {second}


@pytest.mark.parametrize(
    ("before", "after"), [(None, "j.sqlite"), ("j.sqlite", "k.sqlite"), ("j.sqlite", None)]
)
async def test_open_requests_go_over_whatever_becomes_of_the_journal(tmp_path, before, after):
    first = with_section("journal", path=tmp_path / before if before else None)
    later = with_section("journal", path=tmp_path / after if after else None)
    async with simulated() as simulator:
        async with pair(simulator, tmp_path, first=first, later=later) as both:
            dialog = await answered_call(simulator, both.first.listener)
            async with both.caller() as client:
                held = Held(simulator)
                body = HOLD | {"dialogId": dialog}
                headers = {"Idempotency-Key": "once"}
                hold = (await client.post("/v1/requests", json=body, headers=headers)).json()
                await until(lambda: both.first.listener.service.records[hold["id"]].answered)
                body["requestedAction"] = "RETRIEVE"
                back = (await client.post("/v1/requests", json=body)).json()
                await both.hand_over()
                held.let_go()
                for each in (hold, back):
                    got = (await client.get(f"/v1/requests/{each['id']}", headers=WAIT)).json()
                    assert got["outcome"]["kind"] == "confirmed"
                if before is None:
                    body["requestedAction"] = "HOLD"
                    again = await client.post("/v1/requests", json=body, headers=headers)
                    assert again.json()["id"] == hold["id"]
            await both.left
        assert (writes(simulator, "HOLD"), writes(simulator, "RETRIEVE")) == (1, 1)
        if after is None:
            return
        async with pair(simulator, tmp_path, first=later) as both, both.caller() as client:
            for each in (hold, back):
                got = (await client.get(f"/v1/requests/{each['id']}")).json()
                assert got["outcome"]["kind"] == "confirmed"
                assert got["requestId"] == each["requestId"]


async def test_events_go_on_where_the_journal_does_not_keep_them(tmp_path):
    first = with_section("journal", notifications=Notifications.OFF)
    async with simulated() as simulator, pair(simulator, tmp_path, first=first) as both:
        await answered_call(simulator, both.first.listener)
        epoch, last = both.first.chronicle.epoch, both.first.chronicle.last
        await both.hand_over()
        assert both.second.chronicle.epoch == epoch
        assert both.second.chronicle.last >= last
        assert both.second.chronicle._ring[0].sequence == both.first.chronicle._ring[0].sequence


async def test_settings_are_not_read_again_in_the_middle(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        async with both.handing_over():
            with pytest.raises(Closing, match="reload again"):
                await both.first.reload()
            async with both.caller() as client:
                got = await client.post("/v1/reload")
            assert (got.status_code, got.headers["Retry-After"]) == (503, "1")
        assert (await both.second.reload())["added"] == []

"""Two daemons for one agent: with names of their own they live side by side, with one they do not.

The server throws out whoever had a resource before (as the simulator does), or refuses whoever
wants it (as others do): neither may become a loop in which two processes throw each other out.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.errors import Unreachable
from listener.finesse.actions import Hold, Retrieve
from listener.simulator.xmpp_sessions import Sessions
from listener.simulator.xmpp_stream import ClientStream
from tests.shell.scripted_xmpp import running, session_to
from tests.shell.stage import PACES, PASSWORD, A, answered_call, settings, simulated, until

ALONE = [{"id": A, "password": PASSWORD[A]}]


@asynccontextmanager
async def two(tmp_path, monkeypatch, *, tokens: tuple[str, str]):
    """Run two listeners for the same agent, whose resources end in these tokens."""
    given = iter(tokens)
    named = SimpleNamespace(token_hex=lambda _: next(given))
    monkeypatch.setattr("listener.dialling.secrets", named)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulated())
        chosen = settings(sim, tmp_path, agents=ALONE)
        one, other = [
            await stack.enter_async_context(Listener.open(chosen, paces=PACES)) for _ in range(2)
        ]
        yield sim, one, other


async def test_two_daemons_with_names_of_their_own_hear_the_same_and_disturb_nobody(
    tmp_path, monkeypatch
):
    async with two(tmp_path, monkeypatch, tokens=("aaaa", "bbbb")) as (sim, one, other):
        assert len(sim.notifications.sessions(A)) == 2
        dialog = await answered_call(sim, one)
        assert await other.ping(A, 20)
        held = await one.submit(Hold(agent=A, dialog_id=dialog))
        assert await other.ping(A, 20)
        retrieved = await other.submit(Retrieve(agent=A, dialog_id=dialog))
        assert (held.kind, retrieved.kind) == ("confirmed", "confirmed")
        assert (held.evidence, retrieved.evidence) == ("request_id", "request_id")
        assert one.agents[A].live
        assert other.agents[A].live
        assert sim.notifications.connections == 2


async def test_of_two_daemons_with_one_name_the_first_stops_and_the_second_stays(
    tmp_path, monkeypatch
):
    """No kicking in turns: whoever was thrown out waits for a person, and says so."""
    with capture_logs() as lines:
        async with two(tmp_path, monkeypatch, tokens=("same", "same")) as (sim, one, other):
            await until(lambda: one.agents[A].state == "stopped")
            for _ in range(3):
                await asyncio.sleep(10 * PACES.backoff.cap)  # what must not come is not announced
                assert await other.ping(A, 20)
            assert sim.notifications.connections == 2
            assert len(sim.notifications.sessions(A)) == 1
            assert (one.agents[A].live, other.agents[A].live) == (False, True)
            told = one.agents[A].last_error
            assert all(word in told for word in ("conflict", "another client", "`listener reload`"))
            dialog = await answered_call(sim, other)
            assert (await other.submit(Hold(agent=A, dialog_id=dialog))).kind == "confirmed"
    alarms = [line for line in lines if line["event"] == "session.stopped"]
    assert [(line["agent"], line["cause"], line["log_level"]) for line in alarms] == [
        (A, "conflict", "error")
    ]


async def test_who_was_thrown_out_comes_back_when_a_person_says_so(tmp_path, monkeypatch):
    async with two(tmp_path, monkeypatch, tokens=("same", "same")) as (sim, one, other):
        await until(lambda: one.agents[A].state == "stopped")
        one.change_credentials(A, password=PASSWORD[A])
        await until(lambda: one.agents[A].live)
        await until(lambda: other.agents[A].state == "stopped")
        assert sim.notifications.connections == 3


@pytest.mark.parametrize("condition", ["conflict", "not-allowed", "resource-constraint"])
async def test_a_server_that_refuses_the_name_leaves_the_other_session_alone(condition: str):
    """Not the other's end, and no stop either: it may be our own session of before."""

    async def refuse(stream, text):
        if "<bind" not in text or len(server.bound) == 0:
            return False
        ask = text.partition('id="')[2].partition('"')[0]
        stream.send(
            f"<iq type='error' id='{ask}'><error type='cancel'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        return True

    async with running() as server:
        first = session_to(server)
        await first.open()
        server.intercept = refuse
        for _ in range(3):
            with pytest.raises(Unreachable, match=condition) as refused:
                await session_to(server).open()
            # Whose the other session is nobody said: it may be ours or not.
            assert ("another client's" in str(refused.value)) is (condition == "conflict")
        assert await first.ping(20)
        await first.close(graceful=False)


@pytest.mark.parametrize("presence", ["available", "none"])
async def test_a_server_that_keeps_a_dead_session_of_ours_gives_the_next_one_another_name(
    tmp_path, monkeypatch, presence
):
    """It may take minutes to find it dead, and after one Finesse signs the agent out."""
    taken = ClientStream._before_bind
    refused = []

    def before_bind(stream, element):
        asked = element.first.find("resource").text
        if stream._house._sessions.at(f"{stream.user}@x/{asked}") is None:
            taken(stream, element)
            return
        refused.append(asked)
        stream.send(
            f"<iq type='error' id='{element.attributes['id']}'><error type='cancel'>"
            "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )

    monkeypatch.setattr(ClientStream, "_before_bind", before_bind)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulated())
        chosen = settings(sim, tmp_path, agents=ALONE, finesse={"presence": presence})
        listener = await stack.enter_async_context(Listener.open(chosen, paces=PACES))
        (ghost,) = sim.notifications.sessions(A)
        monkeypatch.setattr(Sessions, "remove", lambda *_: False)  # it does not notice the end
        sim.notifications.cut(A)
        await until(lambda: not listener.agents[A].live)
        await listener.ready(A, within=40)
        assert refused == [ghost.partition("/")[2]]
        monkeypatch.undo()
        dialog = await answered_call(sim, listener)
        assert (await listener.submit(Hold(agent=A, dialog_id=dialog))).kind == "confirmed"


async def test_subscriptions_of_a_dead_session_of_ours_are_removed_and_of_a_living_one_are_not(
    tmp_path,
):
    async with simulated() as sim:
        chosen = settings(sim, tmp_path, agents=ALONE)
        async with Listener.open(chosen, paces=PACES) as listener:
            names, ear = listener.roster.dialling, listener.roster.ear(A)
            names.home, names.spared = "home", {"spared"}
            ear.aim.held = 2
            stale = {
                name: names.is_stale(ear, name)
                for token in (names.token, "spared", "earlier")
                for name in (names._resource(A, token, held) for held in (0, 1, 2))
            }
            alive = [name for name, dead in stale.items() if not dead]
            assert len(stale) == 9
            assert alive == [
                names._resource(A, names.token, 2),
                *(names._resource(A, "spared", held) for held in (0, 1, 2)),
            ]
            assert not names.is_stale(ear, "listener-another-home")
            names.home = ""
            assert not any(names.is_stale(ear, name) for name in stale)

"""The client over a real daemon: every operation, and a stream that loses and repeats nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from listener.api import stream
from listener.client import Client, Event, Events, Problem
from tests.shell.api_server import QUICK
from tests.shell.house import House, housed, moved_in
from tests.shell.stage import PASSWORD, A, B, simulated, until


async def test_every_operation_answers_as_it_is_typed(tmp_path: Path):
    async with housed(tmp_path) as house, Client.tcp(house.url, house.tokens["admin"]) as client:
        dialog = await house.call()
        held = await client.submit(agent=A, requested_action="HOLD", dialog_id=dialog, wait=20)
        assert held["state"] == "settled"
        assert held["askedBy"] == "adminer"
        assert await client.request(held["id"], wait=1) == held

        expected = await client.expect(agent=A, requested_action="RETRIEVE", dialog_id=dialog)
        assert [one["id"] for one in await client.requests(state="open")] == [expected["id"]]
        told = await client.report(expected["id"], 400, "<ApiErrors/>")
        assert told["id"] == expected["id"]
        found = await client.outcome(expected["id"], within=20)
        assert found["outcome"] is not None
        assert found["outcome"]["kind"] == "rejected"

        assert {agent["id"] for agent in await client.agents()} == {A, B}
        assert (await client.agent(A))["live"]
        assert [one["state"] for one in (await client.dialogs(A))["dialogs"]] == ["ACTIVE"]
        assert (await client.put_agent(B, password=PASSWORD[B]))["id"] == B
        with pytest.raises(Problem) as signed_in:
            await client.remove_agent(B)
        assert signed_in.value.name == "agent_signed_in"
        await client.remove_agent(B, force=True)
        with pytest.raises(Problem) as gone:
            await client.agent(B)
        assert gone.value.status == 404

        assert (await client.explain("CF_INVALID_OBJECT_STATE"))["entries"]
        assert (await client.info())["deployment"] == "UCCE"
        assert (await client.ready())["ready"]
        assert "listener_pending_requests 0.0" in await client.metrics()
        assert (await client.reload())["added"] == []
        assert (await client.forget(dialog_id=dialog))["erased"]["requests"] == 2


async def test_a_hundred_posts_under_one_key_are_one_request(tmp_path: Path):
    async with housed(tmp_path) as house, house.client() as client:
        asked = [
            client.submit(
                agent=A,
                requested_action="MAKE_CALL",
                to_address=B,
                wait=20,
                idempotency_key="one",
            )
            for _ in range(100)
        ]
        found = await asyncio.gather(*asked)
        assert len({one["id"] for one in found}) == 1
        assert len(await client.requests()) == 1
        with pytest.raises(Problem) as reused:
            await client.submit(
                agent=A, requested_action="MAKE_CALL", to_address="5", idempotency_key="one"
            )
    assert reused.value.name == "idempotency_key_reused"


# ---------------------------------------------------------------- events


@asynccontextmanager
async def breaking(behind: Path, path: Path, chance: random.Random) -> AsyncIterator[list[int]]:
    """Pass connections on to a socket, and break each after some bytes; yields how many."""
    broken: list[int] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_unix_connection(str(behind))
        left = chance.randrange(200, 4000)
        try:
            to_there.write(await reader.readuntil(b"\r\n\r\n"))
            while left > 0 and (read := await there.read(left)):
                writer.write(read)
                await writer.drain()
                left -= len(read)
        finally:
            broken.append(left)
            for each in (to_there, writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    server = await asyncio.start_unix_server(one, str(path))
    async with server:
        yield broken
    await server.wait_closed()


async def everything(house: House) -> str:
    """Return the place of the last event that there is."""
    async with house.client() as client:
        info = await client.info()
        return f"{info['epoch']}-{info['journal']['lastSequence']}"


async def up_to(events: AsyncIterator[Event], last: str) -> list[str | None]:
    """Read events until that one."""
    found: list[str | None] = []
    async for event in events:
        found.append(event.id)
        if event.id == last:
            break
    return found


def all_of(last: str) -> list[str]:
    epoch, _, number = last.rpartition("-")
    return [f"{epoch}-{n}" for n in range(1, int(number) + 1)]


async def test_a_connection_that_breaks_again_and_again_loses_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "OPENING", b"retry: 1\n\n")
    async with (
        housed(tmp_path) as house,
        house.client() as steady,
        breaking(house.socket, tmp_path / "p", random.Random(7)) as broken,
        Client.unix(tmp_path / "p", pace=QUICK) as client,
    ):
        epoch = (await steady.info())["epoch"]
        async with client.events(after=f"{epoch}-0") as events:
            for _ in range(8):
                dialog = await house.call()
                for action in ("HOLD", "RETRIEVE", "DROP"):
                    await steady.submit(agent=A, requested_action=action, dialog_id=dialog, wait=20)
            last = await everything(house)
            assert await up_to(events, last) == all_of(last)
    assert len(broken) > 20


async def test_a_reader_follows_over_a_restart_and_an_outcome_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "OPENING", b"retry: 1\n\n")
    seen: list[str | None] = []

    async def follow(events: Events) -> None:
        while True:
            seen.append((await anext(events)).id)

    async with simulated() as simulator, Client.unix(tmp_path / "s", pace=QUICK) as client:
        async with moved_in(simulator, tmp_path, more="[timings]\ndrain = 0.1") as house:
            events = client.events(after=f"{(await client.info())['epoch']}-0")
            following = asyncio.create_task(follow(events))
            dialog = await house.call()
            expected = await client.expect(
                agent=A, requested_action="HOLD", dialog_id=dialog, deadline=600
            )
            waiting = asyncio.create_task(client.outcome(expected["id"]))
            await until(lambda: len(seen) > 2)
        async with moved_in(simulator, tmp_path) as house:
            found = await waiting
            await client.submit(agent=A, requested_action="HOLD", dialog_id=dialog, wait=20)
            last = await everything(house)
            await until(lambda: last in seen)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await events.aclose()
    assert seen[: seen.index(last) + 1] == all_of(last)
    assert found["state"] == "settled"
    assert found["outcome"] is not None
    assert found["outcome"]["kind"] == "abandoned"

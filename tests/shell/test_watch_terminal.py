"""`listener watch` in a real terminal, and `listener story` with a real daemon."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from listener.cli.panes import CONNECTING
from listener.story import daemon
from listener.story.facts import NothingKnown, Wanted, seconds
from listener.story.lines import lines_of
from listener.story.telling import told
from tests.shell import program
from tests.shell.house import House, housed, moved_in
from tests.shell.stage import A, simulated, until
from tests.shell.terminals import at_a_terminal


async def hold(house: House, dialog: str, **wanted: Any) -> Any:
    """Hold a call through the daemon; return the request."""
    async with house.client() as client:
        return await client.submit(
            agent=A, requested_action="HOLD", dialog_id=dialog, wait=30, **wanted
        )


async def test_watch_shows_panes_and_leaves_the_terminal_as_it_was(tmp_path: Path):
    async with (
        housed(tmp_path) as house,
        at_a_terminal("watch", "--config", house.config) as terminal,
    ):
        assert "2 of 2 up" in await terminal.shows("Sessions")
        dialog = await house.call()
        request = await hold(house, dialog)
        await terminal.shows(request["id"][-12:])
        terminal.press("?")
        await terminal.shows("pause, and go on")
        terminal.press("?a9\r")
        await terminal.shows("only agent 9")
        terminal.press("cq")
        assert await terminal.ends() == 0
        await terminal.shows("to go on from here: --after", anywhere=True)
        assert terminal.restored


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)]
)
async def test_watch_puts_the_terminal_back_when_it_is_ended(
    tmp_path: Path, number: signal.Signals, code: int
):
    async with (
        housed(tmp_path) as house,
        at_a_terminal("watch", "--socket", house.socket) as terminal,
    ):
        await terminal.shows("Open requests")
        terminal.process.send_signal(number)
        assert await terminal.ends() == code
        await terminal.shows("listener: interrupted", anywhere=True)
        assert terminal.restored


async def test_watch_without_colour_in_sixty_columns(tmp_path: Path):
    async with housed(tmp_path) as house:
        words = ("watch", "--socket", house.socket)
        async with at_a_terminal(*words, columns=60, rows=24, NO_COLOR="1") as terminal:
            await terminal.shows("Errors and bad ends")
            await hold(house, "1")  # there is no such call
            screen = await terminal.shows("rejected")
            assert not terminal.coloured
            assert all(len(line) <= 60 for line in screen.splitlines())
            terminal.press("q")
            assert await terminal.ends() == 0


async def test_watch_goes_on_after_a_restart_of_the_daemon(tmp_path: Path):
    async with simulated() as simulator:
        async with moved_in(simulator, tmp_path) as house:
            terminal_at = at_a_terminal("watch", "--config", house.config)
            terminal = await terminal_at.__aenter__()
            await terminal.shows("2 of 2 up")
            await until(lambda: house.station.chronicle.readers)
            await until(lambda: CONNECTING not in terminal.screen)
        try:
            await terminal.shows("the daemon is away")
            async with moved_in(simulator, tmp_path) as house:
                request = await hold(house, await house.call())
                await terminal.shows(request["id"][-12:])  # also if it came before it was back
                await until(lambda: "the daemon is away" not in terminal.screen)
                terminal.press("q")
                assert await terminal.ends() == 0
                assert terminal.restored
        finally:
            await terminal_at.__aexit__(None, None, None)


async def test_watch_into_a_pipe_tells_lines_and_filters_them(tmp_path: Path):
    async with housed(tmp_path) as house:
        async with house.client() as client:
            epoch = (await client.info())["epoch"]
        await hold(house, await house.call())
        await hold(house, "1")
        ended = await program.listener(
            *("watch", "--socket", house.socket, "--after", f"{epoch}-0"),
            *("--outcome", "rejected", "--count", "1", "--json"),
        )
        [event] = [json.loads(line) for line in ended.out.splitlines()]
        assert event["data"]["outcome"]["kind"] == "rejected"


async def test_a_story_is_the_same_from_the_daemon_and_from_its_journal(tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        request = await hold(house, dialog, request_id="a/b c")
        async with house.client() as client:
            refused = await client.submit(
                agent=A,
                requested_action="SEND_DTMF",
                dialog_id=dialog,
                dtmf_string="98765",
                wait=30,
            )
        stories = [
            json.loads((await program.listener("story", *words, "--json")).out)
            for words in (
                ("a/b c", "--config", house.config),
                (request["id"], "--journal", tmp_path / "journal.sqlite"),
            )
        ]
        async with house.client() as client:
            facts = await daemon.facts_of(client, Wanted(request=refused["id"]), 4e9)
    kept = await program.listener("story", "--dialog", dialog, "--config", house.config)
    for story in stories:
        [proof] = [step for step in story["steps"] if step["proof"]]
        assert proof["proof"] == "proves HOLD (request_id)"
        kinds = [s["kind"] for s in story["steps"] if s["request"] == request["id"]]
        assert kinds == ["asked", "sent", "answered", "outcome"]
    live = "\n".join(line.text for line in lines_of(told(facts, "it"), 100))
    for said in (live, kept.out):
        assert "The agent's side of the call was on hold" in said
        assert "98765" not in said
    assert kept.code == 0
    assert "no daemon runs here; from the journal" in kept.err
    assert "HOLD confirmed (request_id)" in kept.out


async def test_the_daemon_tells_of_dialogs_and_agents_and_what_is_near(tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        request = await hold(house, dialog, request_id="one-of-ours")
        now = seconds(request["settled"])
        assert now is not None
        async with house.client() as client:
            on_it = await daemon.facts_of(client, Wanted(dialog=dialog), now + 1)
            of_it = await daemon.facts_of(client, Wanted(agent=A, last=600.0), now + 1)
            before = Wanted(agent=A, since=now - 900, until=now - 600)
            with pytest.raises(NothingKnown):
                await daemon.facts_of(client, before, now + 1)
            with pytest.raises(NothingKnown) as nothing:
                await daemon.facts_of(client, Wanted(request="one-of-theirs"), now + 1)
    assert nothing.value.near[0].startswith("one-of-ours")
    for facts in (on_it, of_it):
        [asked] = facts.requests
        assert asked.key == request["id"]
        assert any(event.tag == "one-of-ours" for event in facts.events)
    assert {event.dialog for event in on_it.events if event.name == "dialog"} == {dialog}

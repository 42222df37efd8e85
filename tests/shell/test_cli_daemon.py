"""The commands that talk to a daemon: with a real one, with a scripted one, and with none."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from listener import cli
from listener import settings as configuration
from listener.cli.relaying import Relay
from listener.cli.reload import _words
from listener.client import Client
from listener.web.tokens import Tokens
from tests.shell import program
from tests.shell.api_server import QUICK, answer, event, problem, request, speaking, streaming
from tests.shell.house import House, housed
from tests.shell.rest_server import CUT, HANG, Seen
from tests.shell.stage import A, B, until, writes

Told = tuple[int, str, str]
Run = Callable[..., Awaitable[Told]]

HOLD = ("send", "--agent", A, "--dialog", "5", "HOLD")
THROUGH = re.compile(r"^through the daemon at \S+\n")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in a thread of its own, for the daemon has this one's loop."""

    async def called(*words: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["listener", *map(str, words)])
        capsys.readouterr()
        code = await asyncio.to_thread(cli._guarded)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return (int(code), said.out, said.err)

    return called


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


# ---------------------------------------------------------------- send, with a real daemon


async def test_send_says_the_same_through_the_daemon_and_directly(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        words = ("send", "--config", house.config, "--agent", A, "--dialog", dialog)
        through = await run(*words, "HOLD")
        directly = await run(*words, "RETRIEVE", "--direct")
        again = await run(*words, "HOLD", "--json")
        once_more = await run(*words, "RETRIEVE", "--json", "--direct")

    assert (through[0], directly[0]) == (0, 0)
    assert THROUGH.match(through[2])
    assert directly[2] == ""
    same = [
        re.sub(r"HOLD|RETRIEVE|HELD|ACTIVE|[\d.]+ s", "", said[1]) for said in (through, directly)
    ]
    assert same[0] == same[1]
    [one], [other] = objects(again[1]), objects(once_more[1])
    assert shape(one) == shape(other)
    assert one["kind"] == other["kind"] == "confirmed"


def shape(value: Any) -> Any:
    """Return the keys, all the way down."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value[:1]] if isinstance(value, list) else None


async def test_send_through_the_daemon_reaches_finesse_once(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        at = ("send", "--socket", house.socket, "--agent", A)
        code, _, _ = await run(
            *(*at, "MAKE_CALL", "--to-address", B, "--request-id", "145", "--deadline", "40"),
            *("--minimum-evidence", "request_id"),
        )
        assert code == 0
        assert writes(house.simulator, "MAKE_CALL") == 1
        [found] = await listed(house)
        assert found["requestId"] == "145"
        assert found["askedBy"].startswith("uid:")

        digits = ("SEND_DTMF", "--dialog", "5", "--dtmf-string", "98765")
        code, out, err = await run(*at, *digits, "--json")
        assert code == 3
        assert "98765" not in out + err + json.dumps(await listed(house))


async def listed(house: House) -> list[Any]:
    async with house.client() as client:
        return await client.requests()


async def test_send_directly_leaves_the_daemon_out(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        words = ("send", "--config", house.config, "--agent", A, "MAKE_CALL", "--to-address", B)
        assert (await run(*words, "--direct"))[0] == 0
        unchecked = await run(*words, "--no-validate")
        assert await listed(house) == []
    assert unchecked[2] == ""


async def test_an_outcome_has_its_exit_code_through_the_daemon_too(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        code, out, err = await run(*HOLD, "--config", house.config)
        assert (code, err.count("\n")) == (3, 1)
        assert "HOLD rejected after" in out
        assert "Finesse said: Not Found" in out

        # An agent that the daemon does not hold: as with a settings file that lacks it.
        code, out, err = await run("send", "--socket", house.socket, "--agent", "9", "READY")
        assert (code, out) == (78, "")
        assert "--direct opens a session for this command alone" in err


async def test_a_token_decides_what_may_be_done_over_tcp(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        at = ("--url", house.url, "--token-file")
        assert (await run("agents", *at, house.token_file("read")))[0] == 0
        assert (await run(*HOLD, *at, house.token_file("request")))[0] == 3
        refused = await run(*HOLD, *at, house.token_file("read"))
        assert refused[0] == 77
        (tmp_path / "other").write_text("x" * 43)
        unknown = await run("agents", *at, tmp_path / "other")
        assert unknown[0] == 77
        assert "xxx" not in unknown[2]
        assert (await run("reload", *at, house.token_file("request")))[0] == 77


# ---------------------------------------------------------------- the others, with a real daemon


async def test_agents_are_listed_as_a_table_and_as_json(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        code, table, err = await run("agents", "--config", house.config)
        assert (code, err) == (0, "")
        _, lines, _ = await run("agents", "--config", house.config, "--json")

    head, *rows = table.splitlines()
    assert head.split() == ["AGENT", "STATE", "NODE", "SINCE", "EXTENSION", "TROUBLE"]
    assert [row.split()[:2] for row in rows] == [[A, "up"], [B, "up"]]
    assert len({row.index("up") for row in rows} | {head.index("STATE")}) == 1
    assert [agent["live"] for agent in objects(lines)] == [True, True]


async def test_requests_are_listed_shown_waited_for_and_abandoned(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        at = ("--config", house.config)
        async with house.client() as client:
            done = await client.submit(
                agent=A, requested_action="HOLD", dialog_id=dialog, request_id="145", wait=20
            )
            expected = await client.expect(
                agent=A, requested_action="RETRIEVE", dialog_id=dialog, deadline=600
            )

        code, table, _ = await run("requests", *at)
        assert code == 0
        assert [row.split()[0] for row in table.splitlines()] == ["ID", expected["id"], done["id"]]
        _, lines, _ = await run("requests", *at, "--state", "open", "--json")
        assert [one["id"] for one in objects(lines)] == [expected["id"]]
        _, lines, _ = await run("requests", *at, "--request-id", "145", "--agent", A, "--json")
        assert [one["id"] for one in objects(lines)] == [done["id"]]
        assert (await run("requests", *at, "--agent", B, "--json"))[1] == ""

        _, shown, _ = await run("requests", *at, done["id"])
        assert f"{done['id']}: HOLD of agent {A} on dialog {dialog}" in shown
        assert "HOLD confirmed after" in shown
        _, shown, _ = await run("requests", *at, expected["id"], "--wait", "0.1")
        assert "it is " in shown
        _, shown, _ = await run("requests", *at, expected["id"], "--abandon", "--json")
        assert objects(shown)[0]["outcome"]["kind"] == "abandoned"

        assert (await run("requests", *at, "nobody"))[0] == 1


@pytest.mark.parametrize(
    "words", [["--abandon"], ["--wait", "1"], ["ID", "--state", "open"], ["ID", "--agent", "1"]]
)
async def test_a_call_for_requests_that_means_two_things_is_a_wrong_call(run: Run, words):
    assert (await run("requests", *words))[0] == 2


async def test_watch_shows_events_and_goes_on_where_it_was(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        at = ("watch", "--config", house.config, "--count")
        async with house.client() as client:
            epoch = (await client.info())["epoch"]
            await client.submit(agent=A, requested_action="MAKE_CALL", to_address=B, wait=20)
        start = ("--after", f"{epoch}-0")
        code, out, err = await run(*at, 2, "--kind", "request", *start, "--json")
        assert code == 0
        first, second = objects(out)
        assert [one["event"] for one in (first, second)] == ["request", "request"]
        assert first["data"]["requestedAction"] == "MAKE_CALL"
        assert err == f"to go on from here: --after {second['id']}\n"

        _, out, _ = await run(*at, 1, "--kind", "request", "--after", first["id"], "--json")
        assert objects(out) == [second]

        _, out, _ = await run(*at, 4, "--agent", A, "--kind", "dialog", "--kind", "user", *start)
        assert re.search(rf"^\S+Z dialog: dialog \d+ .*, heard for agent {A}", out, re.MULTILINE)


SAME = "the certificates trusted for Finesse are the same"


async def test_reload_tells_what_changed_and_why_not(run: Run, tmp_path: Path):
    async with housed(tmp_path, agents=(A,)) as house:
        at = ("--config", house.config)
        assert await run("reload", *at) == (0, f"nothing about the agents changed\n{SAME}\n", "")

        text = house.config.read_text()
        house.config.write_text(text.replace("[defaults]", f'[[agents]]\nid = "{B}"\n[defaults]'))
        (tmp_path / "passwords" / B).write_text("x")
        (tmp_path / "passwords" / B).chmod(0o600)
        assert (await run("reload", *at))[:2] == (0, f"added: {B}\n{SAME}\n")

        house.config.write_text(text + "\n[requests]\nmax_pending = 3\n")
        _, out, _ = await run("reload", *at, "--json")
        assert objects(out)[0]["removed"] == [B]
        assert objects(out)[0]["restartNeeded"] == ["requests.max_pending"]
        assert "requests.max_pending is taken up by a restart" in (await run("reload", *at))[1]

        assert list(_words({"retried": ["1003"], "refused": ["1003"]})) == [
            "tried once more: 1003",
            "refused by Finesse, and the same as before: 1003; --retry-refused tries once more",
        ]

        house.config.write_text(text + "\n[requests]\nmax_pending = 0\n")
        code, out, err = await run("reload", "--socket", house.socket)
        assert (code, out) == (1, "")
        assert "requests.max_pending: " in err


async def test_forget_erases_through_the_daemon_and_then_in_the_file(run: Run, tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        async with house.client() as client:
            await client.submit(agent=A, requested_action="HOLD", dialog_id=dialog, wait=20)
            await client.submit(
                agent=A, requested_action="MAKE_CALL", to_address="5551234", wait=20
            )
        code, out, err = await run("forget", "--config", house.config, "--dialog", dialog, "--json")
        assert code == 0
        assert THROUGH.match(err)
        assert objects(out)[0]["erased"]["requests"] == 1

    # What was erased through the daemon is not in its file either.
    assert (await run("forget", "--config", house.config, "--dialog", dialog))[0] == 1
    words = ("forget", "--config", house.config, "--number", "555-1234")
    code, out, err = await run(*words)
    assert code == 0, out + err
    assert "no daemon runs; in the journal" in err
    assert re.search(r"^requests +1$", out, re.MULTILINE)
    assert (await run(*words))[0] == 1


# ---------------------------------------------------------------- where there is no daemon


COMMANDS = [
    ("agents",),
    ("requests",),
    ("watch",),
    ("reload",),
    ("send", "--daemon", "--agent", "1", "READY"),
]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No daemon at the usual places."""
    monkeypatch.setattr(configuration, "client_socket", lambda *_: None)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("words", COMMANDS)
async def test_without_a_daemon_it_is_said_where_one_was_looked_for(run: Run, tmp_path, words):
    code, out, err = await run(*words)
    assert (code, out) == (69, "")
    assert "no daemon runs here: no socket at the usual places" in err

    config = tmp_path / "l.toml"
    config.write_text('[finesse]\nnodes = ["fin1"]\n[api]\nsocket = "none"\n')
    code, _, err = await run(*words, "--config", config)
    assert code == 69
    assert f"nobody answers where {config} says" in err

    code, _, err = await run(*words, "--socket", tmp_path / "gone")
    assert code == 69
    assert "No such file or directory" in err


@pytest.mark.usefixtures("alone")
async def test_what_names_no_daemon_and_no_settings_is_a_wrong_call(run: Run):
    assert "--config is needed" in (await run(*HOLD))[2]
    assert "--config is needed" in (await run("forget", "--number", "1"))[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--direct", "--daemon"), "leave out the daemon"),
        (("--no-validate", "--daemon"), "the daemon always checks"),
        (("--token-file", "t"), "go with --url"),
        (("--url", "http://127.0.0.1:1"), "needs --token-file"),
        (("--url", "http://127.0.0.1:1", "--socket", "s"), "not both"),
    ],
)
async def test_options_that_contradict_each_other_are_a_wrong_call(run: Run, words, said):
    code, _, err = await run(*HOLD, *words)
    assert code == 2
    assert said in err


async def test_a_socket_that_may_not_be_used_is_no_absent_daemon(run: Run, tmp_path: Path):
    (tmp_path / "s").write_text("no socket")
    (tmp_path / "l.toml").write_text('[api]\nsocket = "s/s"\n')
    assert (await run("agents", "--socket", tmp_path / "s"))[0] == 69
    long = tmp_path / ("x" * 200)
    code, _, err = await run("agents", "--socket", long)
    assert code == 69
    assert "cannot be used" in err


async def test_a_token_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path):
    at = ("agents", "--url", "http://127.0.0.1:1", "--token-file")
    assert (await run(*at, tmp_path / "none"))[0] == 78
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    assert "odd: not text" in (await run(*at, tmp_path / "odd"))[2]


@pytest.mark.usefixtures("alone")
async def test_forgetting_needs_a_journal(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("LISTENER_PASSWORD_1", "x")
    config = tmp_path / "l.toml"
    text = '[finesse]\nnodes = ["fin1"]\n[[agents]]\nid = "1"\n[api]\nsocket = ""\n[journal]\n'
    for path, said in (("", "names no journal"), ("j", "no such journal")):
        config.write_text(f'{text}path = "{path}"\n')
        code, _, err = await run("forget", "--config", config, "--number", "5551234")
        assert code == 78
        assert said in err
    assert (await run("forget", "--config", config))[0] == 2


# ---------------------------------------------------------------- with a scripted daemon


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "malformed_body", 2),
        (401, "unauthenticated", 77),
        (403, "scope_missing", 77),
        (409, "duplicate_request_id", 2),
        (409, "device_busy", 69),
        (422, "invalid_request", 2),
        (422, "unknown_agent", 78),
        (429, "too_many_pending", 69),
        (500, "internal", 70),
        (503, "not_listening", 69),
    ],
)
async def test_a_problem_has_the_exit_code_of_the_same_refusal_without_a_daemon(
    run: Run, tmp_path: Path, status: int, kind: str, code: int
):
    said = problem(status, f"urn:finesse-listener:problem:{kind}", detail="so it is")
    async with speaking(tmp_path / "s", said) as server:
        ended, out, err = await run(*HOLD, "--socket", tmp_path / "s")
    assert (ended, out) == (code, "")
    assert err.endswith("listener: so it is\n")
    assert len(server.seen) == 1


async def test_a_daemon_that_stops_is_asked_again_for_a_moment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("listener.client.line.TRIES", 2)
    said = problem(503, "urn:finesse-listener:problem:closing", detail="it stops")
    async with speaking(tmp_path / "s", said, said) as server:
        assert await run(*HOLD, "--socket", tmp_path / "s") == (
            69,
            "",
            f"through the daemon at {tmp_path / 's'}\nlistener: it stops\n",
        )
    assert len(server.seen) == 2


async def test_a_daemon_that_goes_away_with_a_request_leaves_it_unconfirmed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("listener.client.client.ABSENCE", 0.01)
    monkeypatch.setattr("listener.client.line.TRIES", 2)
    at = ("--socket", tmp_path / "s")
    async with speaking(tmp_path / "s", answer(request("queued"), 202)) as server:
        code, out, err = await run(*HOLD, *at)
    assert (code, out) == (4, "")
    assert "it may have happened: `listener requests 0193`" in err

    (tmp_path / "s").unlink(missing_ok=True)
    async with speaking(tmp_path / "s", CUT, CUT) as server:
        code, out, err = await run(*HOLD, *at)
    assert (code, out) == (4, "")
    assert "whether it took the request is not known" in err
    assert len({seen.headers["idempotency-key"] for seen in server.seen}) == 1


async def test_a_daemon_at_a_usual_place_that_serves_another_finesse_is_left_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(configuration, "client_socket", lambda *_: tmp_path / "s")
    monkeypatch.setenv("LISTENER_PASSWORD_1001001", "x")
    config = tmp_path / "l.toml"
    config.write_text('[finesse]\nnodes = ["lab:1", "lab2"]\n')
    info = answer({"nodes": ["prod"]})
    async with speaking(tmp_path / "s", *[info] * 4) as server:
        code, _, err = await run("reload", "--config", config)
        assert code == 69
        assert "serves another Finesse than" in err
        code, _, err = await run(*HOLD, "--config", config)
        assert code == 78  # a session of its own, and the settings lack the agent
        assert "not through the daemon" in err
        assert (await run(*HOLD, "--config", config, "--daemon"))[0] == 69
    assert {seen.line.split()[1] for seen in server.seen} == {"/v1/info"}

    fits = answer({"nodes": ["lab2", "lab"]})
    async with speaking(tmp_path / "s", fits, answer({"agents": []})):
        assert (await run("agents", "--config", config))[0] == 0


EVENTS: list[tuple[str, dict[str, Any], str]] = [
    ("dialog", {"agent": "1", "change": "removed", "requestId": "145", "dialog": {"id": "5"}},
     "dialog 5 was removed: no state, ? -> ?, heard for agent 1, requestId 145"),
    ("user", {"user": {"loginId": "1", "state": "READY"}}, "agent 1 is READY"),
    ("error", {"agent": "1", "dialogId": "5", "errors": [{"errorType": "Generic Error"}]},
     "an error for agent 1 on dialog 5\n    Finesse said: Generic Error"),
    ("request", {"id": "7", "agent": "1", "requestedAction": "HOLD", "state": "sent"},
     "HOLD of agent 1: sent, id 7"),
    ("request", {"id": "7", "agent": "1", "requestedAction": "HOLD", "late": [1, 2],
                 "outcome": {"kind": "unconfirmed", "reason": "deadline"}},
     "HOLD of agent 1: unconfirmed (deadline), 2 heard late, id 7"),
    ("session", {"id": "1", "state": "down", "lastError": "gone"},
     "the session of agent 1 is down: gone"),
    ("session", {"id": "1", "state": "up", "live": True, "node": "f", "lastError": "gone"},
     "the session of agent 1 is up on f"),
    ("gap", {"agent": "1", "cause": "lost"}, "events of agent 1 may be lost from now on (lost)"),
    ("gap", {"agent": "1", "from": "A", "until": "B"},
     "events of agent 1 are heard again; some may be lost since A"),
    ("lagged", {"behind": 7}, "this reader was 7 events behind and was cut off"),
    ("reset", {"reason": "not kept"}, "not kept"),
    ("newer", {"at": "T", "x": 1}, "x 1"),
]  # fmt: skip


async def test_every_event_has_its_words(run: Run, tmp_path: Path):
    told = [event(n, name, **{"at": "T", **data}) for n, (name, data, _) in enumerate(EVENTS)]
    async with speaking(tmp_path / "s", streaming(*told)):
        code, out, _ = await run("watch", "--socket", tmp_path / "s", "--count", len(EVENTS))
    assert code == 0
    wanted = [f"T {name}: {words}" for name, _, words in EVENTS]
    assert out == "\n".join(wanted) + "\n"


# ---------------------------------------------------------------- tokens


async def test_a_new_token_fits_the_tokens_file(run: Run, tmp_path: Path):
    words = ("token", "new", "--name", "crm", "--scope", "request", "--scope", "read")
    code, out, err = await run(*words)
    token = err.split()[-1]
    file = tmp_path / "tokens.toml"
    file.write_text(out)
    caller = Tokens.load(file).find(token)

    assert code == 0
    assert token not in out
    assert caller is not None
    assert (caller.name, sorted(caller.scopes)) == ("crm", ["read", "request"])
    _, out, err = await run(*words, "--json")
    assert err == ""
    assert objects(out)[0]["token"] != token


@pytest.mark.parametrize("name", ["", "uid:0", "a b", "x" * 65, 'x"\n'])
async def test_a_name_that_no_token_can_have_is_a_wrong_call(run: Run, name: str):
    assert (await run("token", "new", "--name", name, "--scope", "read"))[0] == 2
    assert (await run("token", "new", "--name", "x", "--scope", "all"))[0] == 2


# ---------------------------------------------------------------- Ctrl-C, in real processes


async def test_ctrl_c_ends_watch_with_one_line_more(tmp_path: Path):
    hold_on = asyncio.Event()
    async with (
        speaking(tmp_path / "s", streaming(event(1), then=hold_on.wait)),
        program.started("watch", "--socket", tmp_path / "s", "--json") as process,
    ):
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        end = await program.ended(process)
    assert end.code == 130
    # asyncio's debug mode, in which these processes run, tells of slow steps on a busy machine.
    said = [line for line in end.words if not line.startswith("Executing ")]
    assert said == ["to go on from here: --after e-1", "listener: interrupted"]


async def test_ctrl_c_abandons_the_request_in_the_daemon_and_tells_its_end(tmp_path: Path):
    async with housed(tmp_path) as house:
        dialog = await house.call()
        async with program.started(
            *("send", "--socket", house.socket, "--agent", A, "--dialog", dialog),
            *("SEND_DTMF", "--dtmf-string", "1", "--json"),
        ) as process:
            await open_request(house)
            process.send_signal(signal.SIGINT)
            end = await program.ended(process)
        [found] = await listed(house)

    assert end.code == 130
    assert json.loads(end.out)["kind"] == found["outcome"]["kind"] == "abandoned"
    assert end.words[-1] == "listener: interrupted; the request was sent; it may have happened"


async def open_request(house: House) -> None:
    async with house.client() as client, client.events(kind="request", after=None) as events:
        known = await client.requests(state="open")
        if known and known[0]["state"] == "accepted":
            return
        async for happened in events:
            if happened.data["state"] == "accepted":
                return


# ---------------------------------------------------------------- signals, in this process


def relay(path: Path) -> Relay:
    asked = {"agent": A, "requested_action": "HOLD", "dialog_id": "5"}
    return Relay(Client.unix(path, pace=QUICK), asked)


async def test_a_signal_abandons_what_the_daemon_took(tmp_path: Path):
    ended = request("settled", outcome={"kind": "abandoned"})
    open_still = request("accepted", outcome=None)
    script = (answer(open_still, 202), HANG, answer(open_still), answer(ended))
    async with speaking(tmp_path / "s", *script) as server:
        way = relay(tmp_path / "s")
        work = asyncio.create_task(way.outcome())
        await until(lambda: len(server.seen) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await work == {"kind": "abandoned"}
    assert way.interrupted
    assert [seen.line.split()[0] for seen in server.seen] == ["POST", "GET", "DELETE", "GET"]


async def test_a_signal_before_the_daemon_answered_is_heeded_once_it_has(tmp_path: Path):
    taken = asyncio.Event()

    async def later(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        os.kill(os.getpid(), signal.SIGHUP)
        await taken.wait()
        writer.write(answer(request("queued", outcome=None), 202))
        return False

    ended = request("settled", outcome={"kind": "rejected"})
    async with speaking(tmp_path / "s", later, HANG, answer(ended)) as server:
        way = relay(tmp_path / "s")
        work = asyncio.create_task(way.outcome())
        await until(lambda: way.interrupted)
        taken.set()
        # The question for the outcome may or may not have gone out before it was dropped.
        server.script[1] = answer(ended)
        assert await work == {"kind": "rejected"}


async def test_a_second_signal_ends_at_once_and_says_that_it_may_have_happened(tmp_path: Path):
    async with speaking(tmp_path / "s", HANG) as server:
        way = relay(tmp_path / "s")
        work = asyncio.create_task(way.outcome())
        await server.arrived.wait()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: way.interrupted)
        found = await work
    assert (found["kind"], found["sent"]) == ("abandoned", None)


async def test_a_cancellation_by_somebody_else_is_one(tmp_path: Path):
    async with speaking(tmp_path / "s", HANG) as server:
        work = asyncio.create_task(relay(tmp_path / "s").outcome())
        await server.arrived.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

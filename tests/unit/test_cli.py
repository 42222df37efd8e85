from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from listener import cli, errors
from listener.cli import console, parse, sending, simulate
from listener.cli.exits import MEANINGS, Exit, code_for
from listener.settings import load
from listener.simulator.certificates import ThrowawayAuthority

ROOT = Path(__file__).parents[2]
ERROR = b"""<Update><data><apiErrors><apiError><errorData>34</errorData>
<errorMessage>CF_RESOURCE_OUT_OF_SERVICE</errorMessage><errorType>Call Operation Failure</errorType>
</apiError></apiErrors></data><event>PUT</event><requestId/>
<source>/finesse/api/Dialog/12345</source></Update>"""
DIALOG = b"""<Update><data><dialog><id>12345</id><state>ACTIVE</state>
<fromAddress>1001001</fromAddress>
<toAddress>1001002</toAddress><participants><Participant><actions><action>RETRIEVE</action></actions>
<mediaAddress>1001001</mediaAddress><state>HELD</state></Participant><Participant>
<mediaAddress>1001002</mediaAddress><state>FAILED</state><stateCause>BUSY</stateCause></Participant>
</participants></dialog></data><event>PUT</event><requestId>145</requestId>
<source>/finesse/api/Dialog/12345</source></Update>"""
USER = b"""<Update><data><user><loginId>1001</loginId><state>TALKING</state>
<pendingState>NOT_READY</pendingState><extension>1001001</extension></user></data><event>PUT</event>
<source>/finesse/api/User/1001</source></Update>"""

Run = "Callable[..., tuple[int, str, str]]"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Call the command line with these words; gives exit code, standard output, standard error."""

    def called(*words: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["listener", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli._guarded()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return (int(code), said.out, said.err)

    return called


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LISTENER_PASSWORD_1001", "hunter2")
    path = tmp_path / "l.toml"
    path.write_text('[finesse]\nnodes = ["fin1"]\n[[agents]]\nid = "1001"\nextension = "1001001"\n')
    return path


# ---------------------------------------------------------------- all commands


def test_the_version_is_data(run: Run):
    assert run("--version") == (0, "listener 0.1.0\n", "")


def test_help_tells_every_exit_code(run: Run):
    code, out, _ = run("--help")

    assert code == 0
    table = " ".join(out.partition("Exit codes")[2].split())
    for exit_code, words in MEANINGS.items():
        assert f" {exit_code.value} {words} " in f"{table} "
    assert set(MEANINGS) == set(Exit)
    assert max(len(line) for line in out.splitlines()) <= 78


COMMANDS = (
    *(
        "",
        "token",
        "parse",
        "explain",
        "send",
        "run",
        "watch",
        "requests",
        "agents",
        "reload",
        "forget",
    ),
    *("token new", "demo", "simulate", "check", "story", "record", "replay", "page", "handover"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_examples(run: Run, command: str):
    code, out, _ = run(*command.split(), "--help")

    assert code == 0
    assert re.search(rf"Examples:\n +listener {command}", out)


@pytest.mark.parametrize(
    ("command", "named"),
    {"parse": "FILE", "explain": "TEXT", "send": "ACTION", "story": "[REQUEST-ID]"}.items(),
)
def test_the_usage_names_what_is_given_as_the_guide_does(run: Run, command: str, named: str):
    usage = run(command, "--help")[1].partition("\n")[0]

    assert named in usage
    assert "[[" not in usage


def test_the_page_about_the_command_line_knows_every_command_and_exit_code(run: Run):
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    listed = re.findall(r"^ +(\w+) ", run("--help")[1].split("Commands:")[1], re.MULTILINE)

    for command in {name.split()[0] for name in COMMANDS if name}:
        assert command in listed
        assert f"`listener {command}" in page
    for code in Exit:
        assert f"\n| {code.value} |" in page
    for option in ("--direct", "--daemon", "--socket", "--url", "--token-file", "--ca-file"):
        assert option in page
        assert option in run("send", "--help")[1]


def test_help_loads_no_part_that_only_a_command_needs():
    heavy = {"httpx", "slixmpp", "fastapi", "uvicorn", "lxml", "h11", "trustme", "sqlite3"}
    code = f"import sys, listener.cli.app; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("words", [["bogus"], ["send"], ["explain"], ["parse", "--bogus"], ["run"]])
def test_a_wrong_call_ends_in_2_on_standard_error(run: Run, words: list[str]):
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert "Error" in err


SHELL = [
    ("parse - <&-", 74, "standard input is closed"),
    ("send --agent 1 --dialog 5 SEND_DTMF --dtmf-string - --dry-run <&-", 74, "input is closed"),
    (
        "send --agent 1 --dialog 5 SEND_DTMF --dtmf-string - --dry-run </proc/self/mem",
        74,
        "cannot read standard input: Input/output error",
    ),
    ("explain 34 >&-", 74, "standard output is closed"),
    ("explain 34 >/dev/full", 74, "cannot write to standard output: No space left on device"),
    ("parse --json tests/fixtures/none.xml >/dev/full", 74, "No space left on device"),
    ("--help >/dev/full", 74, "cannot write to standard output: No space left on device"),
]


@pytest.mark.parametrize(("line", "code", "words"), SHELL)
def test_streams_that_cannot_be_used_are_told_in_one_line(line: str, code: int, words: str):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m listener {line}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(rf"listener: .*{words}\n", done.stderr)


def test_words_without_a_standard_error_do_not_get_into_the_data():
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m listener run --config nope.toml 2>&-"],
        capture_output=True,
        check=False,
        cwd=ROOT,
    )

    assert (done.returncode, done.stdout) == (78, b"")


def test_every_error_has_an_exit_code():
    expected = {
        errors.InvalidRequest: 2,
        errors.DuplicateRequestId: 2,
        errors.NotListening: 69,
        errors.TooManyPending: 69,
        errors.DeviceBusy: 69,
        errors.Closing: 69,
        errors.Unreachable: 69,
        errors.NotFinesse: 69,
        errors.CredentialsRefused: 77,
        errors.CertificateRefused: 77,
        errors.ResourceConflict: 77,
        errors.ConfigurationError: 78,
    }
    assert {kind: code_for(kind("x")).value for kind in expected} == expected


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "listener: interrupted\n"),
        (errors.Unreachable("fin1 does not answer"), 69, "listener: fin1 does not answer\n"),
    ],
)
def test_an_end_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    said: str,
):
    def fail() -> int:
        raise raised

    monkeypatch.setattr(cli, "_run", fail)

    assert cli._guarded() == code
    assert capsys.readouterr().err == said


def test_a_fault_is_told_with_its_trace_but_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail() -> int:
        raise RuntimeError("Basic aHVudGVyMg==")

    monkeypatch.setattr(cli, "_run", fail)

    assert cli._guarded() == 70
    said = capsys.readouterr().err
    assert "RuntimeError: Basic ***" in said
    assert "aHVudGVyMg" not in said


def test_no_colour_and_no_control_character_reaches_a_pipe(run: Run, tmp_path: Path):
    (tmp_path / "odd.xml").write_bytes(
        DIALOG.replace(b"145", "\u009b31m\u202e".encode()).replace(b"HELD", b"HELD&#13;X")
    )

    code, out, _ = run("parse", tmp_path / "odd.xml")

    assert code == 0
    assert not set(out) & {"\x1b", "\x9b", "\r", "\u202e"}


# ---------------------------------------------------------------- parse


def test_parse_prints_one_json_object_per_input_in_order(run: Run, tmp_path: Path):
    (tmp_path / "one.xml").write_bytes(ERROR)
    missing, folder = tmp_path / "nope.xml", tmp_path

    code, out, err = run(
        "parse", "--json", missing, tmp_path / "one.xml", "-", folder, stdin=DIALOG
    )

    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (1, "")
    assert [one["file"] for one in found] == [
        str(missing),
        str(tmp_path / "one.xml"),
        "-",
        str(folder),
    ]
    assert [one["ok"] for one in found] == [False, True, True, False]
    assert (
        found[0]["problem"] == "The input could not be opened or read: no such file or directory."
    )
    assert found[3]["problem"] == "The input could not be opened or read: is a directory."
    assert found[1]["updates"][0]["errors"][0]["errorData"] == "34"
    assert found[2]["updates"][0]["dialogs"][0]["participants"][0]["state"] == "HELD"


def test_parse_ends_in_0_when_all_was_understood(run: Run):
    assert run("parse", "-", stdin=ERROR)[0] == 0


def test_parse_says_what_is_no_update(run: Run):
    code, out, _ = run("parse", "-", stdin=b"not xml")

    assert code == 1
    assert out.startswith("-: not understood: ")


def test_parse_refuses_what_is_too_long_without_reading_it_all():
    found = parse.read("/dev/zero")

    assert (found["ok"], found["problem"]) == (
        False,
        "The input is longer than 8 MiB and was not read.",
    )


def test_parse_takes_any_name(run: Run):
    code, out, _ = run("parse", "--json", os.fsdecode(b"/nope/\xff"), "a\0b")

    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [one["file"] for one in found] == ["/nope/\udcff", "a\0b"]
    assert found[1]["problem"] == "The input cannot be a file: there is a NUL in its name."


def test_parse_without_json_uses_plain_words(run: Run):
    _, out, _ = run("parse", "-", stdin=ERROR)
    assert "refused: Call Operation Failure, 34, CF_RESOURCE_OUT_OF_SERVICE" in out
    assert "meaning: " in out
    assert "what to do: " in out

    _, out, _ = run("parse", "-", stdin=DIALOG)
    assert "dialog, event PUT, about /finesse/api/Dialog/12345, requestId 145" in out
    assert "dialog 12345 changed: ACTIVE, 1001001 -> 1001002" in out
    assert "1001001 HELD, may RETRIEVE" in out
    assert "1001002 FAILED (BUSY)" in out

    _, out, _ = run("parse", "-", stdin=USER)
    assert "agent 1001 is TALKING, then NOT_READY at extension 1001001" in out


# ---------------------------------------------------------------- explain


def test_explain_says_meaning_and_advice(run: Run):
    code, out, err = run("explain", "cf_invalid_object_state")

    assert (code, err) == (0, "")
    assert out.startswith("CF ")
    assert "what to do: " in out


def test_explain_lists_every_meaning_of_a_number(run: Run):
    _, out, _ = run("explain", "34", "--json")

    families = {entry["family"] for entry in json.loads(out)["entries"]}
    assert {"CF", "E_CTI", "E_ARM_STAT"} <= families

    _, out, _ = run("explain", "0", "--json", "--deployment", "UCCX")
    assert "E_CTI" not in {entry["family"] for entry in json.loads(out)["entries"]}


def test_explain_says_when_only_the_other_deployment_has_entries(run: Run):
    note = "nothing is known for UCCX; on UCCE:"
    _, both, _ = run("explain", "34")
    _, out, _ = run("explain", "34", "--deployment", "UCCX")
    assert out == f"{note}\n{both}"
    _, out, _ = run("explain", "34", "--deployment", "UCCX", "--json")
    assert json.loads(out)["note"] == note

    _, out, _ = run("explain", "34", "--deployment", "UCCE", "--json")
    assert json.loads(out)["note"] is None
    _, out, _ = run("explain", "88004", "--deployment", "UCCE")
    assert out.startswith("nothing is known for UCCE; on UCCX:\n")


def test_explain_on_a_deployment_leaves_out_what_the_other_one_alone_has(run: Run):
    _, out, _ = run("explain", "22", "--deployment", "UCCX", "--json")
    told = json.loads(out)
    assert told["note"] is None
    assert told["entries"]
    assert all("UCCX" in entry["deployments"] for entry in told["entries"])
    assert "E_ARM_STAT" not in out


def test_explain_suggests_when_nothing_is_found(run: Run):
    code, out, err = run("explain", "CF_INVALID_OBJECT_STAT")

    assert (code, out) == (1, "")
    assert "CF_INVALID_OBJECT_STATE" in err


# ---------------------------------------------------------------- send --dry-run


def test_a_dry_run_needs_no_settings_and_prints_the_request(run: Run):
    code, out, err = run(
        "send", "--agent", "1001", "--dialog", "54321", "hold", "--request-id", "145", "--dry-run"
    )

    assert (code, err) == (0, "")
    head, body = out.split("\n\n")
    assert head.splitlines() == [
        "PUT /finesse/api/Dialog/54321",
        "Content-Type: application/xml",
        "requestId: 145",
    ]
    assert "<requestedAction>HOLD</requestedAction>" in body
    assert "<targetMediaAddress>EXTENSION</targetMediaAddress>" in body


def test_a_dry_run_with_settings_knows_the_extension(run: Run, config: Path):
    _, out, _ = run(
        "send", "--agent", "1001", "--config", config, "MAKE_CALL", "--to-address", "2", "--dry-run"
    )

    assert "<fromAddress>1001001</fromAddress>" in out
    assert "hunter2" not in out


@pytest.mark.parametrize("way", ["option", "stdin", "file"])
def test_digits_are_taken_from_anywhere_and_shown_nowhere(run: Run, tmp_path: Path, way: str):
    (tmp_path / "digits").write_text("98765\n")
    words = {
        "option": ["--dtmf-string", "98765"],
        "stdin": ["--dtmf-string", "-"],
        "file": ["--dtmf-string-file", tmp_path / "digits"],
    }[way]

    code, out, err = run(
        "send", "--agent", "1", "--dialog", "5", "SEND_DTMF", *words, "--dry-run", stdin=b"98765\n"
    )

    assert (code, err) == (0, "")
    assert "<value>***</value>" in out
    assert "98765" not in out


def test_call_data_goes_into_the_body(run: Run):
    _, out, _ = run(
        *("send", "--agent", "1", "--dialog", "5", "update-call-data", "--dry-run"),
        *("--variable", "callVariable1=a=b<", "--variable", "user.x[0]="),
        *("--wrap-up-reason", "sold"),
    )

    assert "<name>callVariable1</name><value>a=b&lt;</value>" in out
    assert "<name>user.x[0]</name><value></value>" in out
    assert "<wrapUpReason>sold</wrapUpReason>" in out


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["ACCEPT"], "ACCEPT"),
        (["ACCEPT", "--variant", "direct"], "DIRECT_ACCEPT"),
        (["accept", "--variant", "task"], "TASK_ACCEPT"),
        (["task-pause"], "TASK_PAUSE"),
        (["pause"], "TASK_PAUSE"),
        (["START"], "TASK_START"),
        (["RESUME"], "TASK_RESUME"),
        (["WRAP_UP"], "TASK_WRAP_UP"),
        (["TRANSFER"], "TRANSFER"),
    ],
)
def test_a_variant_tells_requests_of_one_name_apart(words: list[str], key: str):
    assert sending.action_named(words[0], words[-1] if len(words) > 1 else "outbound") == key


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["HLD", "--dialog", "5"], "HLD is no action; did you mean HOLD?"),
        (["XYZ", "--dialog", "5"], "XYZ is no action; actions are MAKE_CALL"),
        (["HOLD", "--dialog", "5", "--variant", "task"], "HOLD has no variant task"),
        (["HOLD"], "HOLD needs dialogId (--dialog)"),
        (["MAKE_CALL"], "MAKE_CALL needs toAddress (--to-address)"),
        (["SEND_DTMF", "--dialog", "5"], "SEND_DTMF needs dtmfString (--dtmf-string)"),
        (["HOLD", "--dialog", "5", "--to-address", "1"], "HOLD has no parameter 'toAddress'"),
        (["UPDATE_CALL_DATA", "--dialog", "5", "--variable", "x"], "written NAME=VALUE"),
        (
            ["UPDATE_CALL_DATA", "--dialog", "5", "--variable", "a=1", "--variable", "a=2"],
            "--variable a is given twice",
        ),
        (["SEND_DTMF", "--dialog", "5", "--dtmf-string-file", "/nope"], "/nope: No such file"),
        (
            ["SEND_DTMF", "--dialog", "5", "--dtmf-string-file", "/nope", "--dtmf-string", "1"],
            "not both",
        ),
        (["SEND_DTMF", "--dialog", "5", "--dtmf-string", "98765x"], "number 6 is none of"),
        (["HOLD", "--dialog", "5"], "--config is needed"),
    ],
)
def test_a_request_that_cannot_be_is_a_wrong_call(run: Run, words: list[str], said: str):
    code, out, err = run("send", "--agent", "1001", *words)

    assert (code, out) == (2, "")
    assert err.startswith("listener: ")
    assert said in err
    assert "98765" not in err


# ---------------------------------------------------------------- run --check, settings


def test_check_says_what_would_be_done(run: Run, config: Path):
    code, out, err = run("run", "--config", config, "--check")

    assert (code, err) == (0, "")
    assert "use fin1 as the primary: REST https://fin1:8445, XMPP port 5223" in out
    assert "speak XMPP with tls, trusting the system's authorities" in out
    assert "hold a session for 1001 (always, with a password)" in out
    assert "hunter2" not in out


def test_a_check_says_where_callers_come_in_and_what_is_kept(run: Run, config: Path):
    tokens = config.with_name("tokens.toml")
    tokens.write_text(
        '[[tokens]]\nname = "x"\nscopes = ["read"]\ntoken = "t0ken-t0ken-t0ken-t0ken"\n'
    )
    text = config.read_text()
    config.write_text(
        text + '[api]\nsocket = "s"\nlisten = "127.0.0.1:8470"\ntokens_file = "tokens.toml"\n'
        '[journal]\npath = "j"\n[dropin]\nlisten = "127.0.0.1:8471"\nrequire_token = false\n'
    )

    code, out, _ = run("run", "--config", config, "--check")

    assert code == 0
    assert f"serve the API on the socket {config.parent / 's'}" in out
    assert "serve the API on http://127.0.0.1:8470" in out
    assert f"let in who shows a token of {tokens} there" in out
    assert "serve 512 connections at most, and 2000 event readers" in out
    assert f"keep a journal in {config.parent / 'j'}: 14 days, 1024 MB, notifications full" in out
    assert "serve Finesse's own REST API (drop-in) on http://127.0.0.1:8471" in out
    assert "take drop-in requests without X-Listener-Token, with up to 200 sessions" in out
    assert "t0ken" not in out.replace("tokens", "")

    config.write_text(
        text + '[api]\nsocket = ""\n[journal]\npath = ""\n'
        '[dropin]\nsocket = "d"\nsessions_on_demand = false\n'
    )
    _, out, _ = run("run", "--config", config, "--check")
    assert "serve no API: neither socket nor listen in [api]" in out
    assert "keep no journal: a restart forgets open requests" in out
    assert "with no sessions for agents that are not configured" in out


def test_a_check_says_that_a_ca_file_holds_no_certificate(run: Run, config: Path, tmp_path: Path):
    (tmp_path / "ca.pem").write_text("hello\n")
    config.write_text(config.read_text().replace("[[", 'ca_file = "ca.pem"\n[[', 1))

    code, out, err = run("run", "--config", config, "--check")

    assert (code, out) == (78, "")
    assert f"{tmp_path / 'ca.pem'} holds no certificate" in err


def test_a_check_tells_what_is_wrong_in_all_files_at_once(run: Run, config: Path, tmp_path: Path):
    (tmp_path / "ca.pem").write_text("hello\n")
    (tmp_path / "tokens.toml").write_text("x = 1\n")
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("hello\n")
    config.write_text(
        config.read_text().replace("[[", 'ca_file = "ca.pem"\n[[', 1)
        + '[api]\nlisten = "127.0.0.1:0"\ntokens_file = "tokens.toml"\n'
        '[dropin]\nlisten = "127.0.0.1:0"\n'
        'tls_certificate = "cert.pem"\ntls_key = "key.pem"\n'
    )

    code, out, err = run("run", "--config", config, "--check")

    assert (code, out) == (78, "")
    assert f"{tmp_path / 'ca.pem'} holds no certificate" in err
    assert f"{tmp_path / 'tokens.toml'}: x: no such key" in err
    assert f"{tmp_path / 'cert.pem'}: holds no certificate" in err


@pytest.mark.parametrize("deadline", ["nan", "inf", "0"])
def test_a_deadline_that_is_no_time_is_a_wrong_call(run: Run, config: Path, deadline: str):
    words = ("--agent", "1001", "--dialog", "5", "HOLD", "--deadline", deadline)

    code, out, err = run("send", "--config", config, *words)

    assert (code, out) == (2, "")
    assert "--deadline" in err


@pytest.mark.parametrize("words", [["run"], ["run", "--check"], ["send", "--agent", "9", "READY"]])
def test_settings_that_cannot_work_end_in_78(run: Run, tmp_path: Path, words: list[str]):
    code, out, err = run(*words, "--config", tmp_path / "nope.toml")

    assert (code, out) == (78, "")
    assert err == f"listener: {tmp_path / 'nope.toml'}: No such file or directory\n"


def test_an_agent_that_is_not_configured_is_named(run: Run, config: Path):
    code, _, err = run("send", "--config", config, "--agent", "9", "READY")

    assert code == 78
    assert "agent 9 is not configured; configured are: 1001" in err


# ---------------------------------------------------------------- simulate, and the whole program


def test_a_simulator_keeps_the_passwords_of_its_folder(tmp_path: Path):
    first = simulate.passwords(tmp_path / "p", ["1", "2"])

    again = simulate.passwords(tmp_path / "p", ["1", "2", "3"])

    assert {name: again[name] for name in first} == first
    assert len(set(again.values())) == 3
    assert {(tmp_path / "p" / name).stat().st_mode & 0o777 for name in again} == {0o600}


_LOGGING = """
from types import SimpleNamespace
from listener import logs
from listener.cli import console
console.start_logs(SimpleNamespace(logs=None))
logs.get("x").warning("listener.starting")
"""


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_without_standard_error_no_log_is_written_anywhere(closed: str):
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, _LOGGING],
        check=False,
        capture_output=True,
        cwd=ROOT,
    )

    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--config"),
        ("check", "--config"),
        ("agents", "--config"),
        ("agents", "--url", "http://127.0.0.1:1", "--token-file"),
        ("send", "--agent", "1", "--dialog", "2", "HOLD", "--config"),
        ("replay",),
        ("story", "1", "--transcript"),
    ],
)
def test_a_file_that_may_not_be_read_is_no_wrong_call(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
):
    (tmp_path / "f").write_text("x\n")
    monkeypatch.setattr(os, "access", lambda *_args, **_how: False)  # root may read everything

    code, _, err = run(*words, tmp_path / "f")

    assert code != 2, err


def test_a_port_that_is_taken_is_told_with_the_way_out(run: Run, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = ("--port", "0", "--xmpp-port", str(port))
        code, _, err = run("simulate", *ports, "--folder", tmp_path)

    assert code == 78
    assert err.startswith(f"listener: simulate: port {port} is taken by another program; choose")


def test_a_folder_that_cannot_be_made_is_named_in_words(run: Run, tmp_path: Path):
    (tmp_path / "file").write_text("")
    code, _, err = run("simulate", "--folder", tmp_path / "file")

    assert (code, err) == (78, f"listener: simulate: {tmp_path / 'file'}: File exists\n")


@pytest.mark.parametrize("given", ["", "The token of crm, shown this once: x"])
def test_a_token_file_that_holds_no_token_is_named_and_not_shown(
    run: Run, tmp_path: Path, given: str
):
    (tmp_path / "t").write_text(given)
    code, _, err = run("agents", "--url", "http://127.0.0.1:1", "--token-file", tmp_path / "t")

    said = f"listener: {tmp_path / 't'}: holds no token; it must hold the token alone\n"
    assert (code, err) == (78, said)


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_a_wrong_way_of_tagging_is_a_wrong_call(run: Run, command: str):
    code, _, err = run(command, "--tagging", "some")

    assert code == 2
    assert "errors-empty" in err


def test_ctrl_c_ends_a_simulator_with_one_line_and_its_settings_work(tmp_path: Path):
    words = ["simulate", "--port", "0", "--xmpp-port", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "listener", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        ready = process.stderr.readline()
        settings = load(tmp_path / "listener.toml", {})
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert "A simulated Finesse runs" in ready
    assert (process.returncode, err) == (130, "listener: interrupted\n")
    assert out.startswith((tmp_path / "listener.toml").read_text())
    assert [agent.id for agent in settings.agents] == ["1001001", "1001002"]
    assert settings.warnings == ()


def test_the_program_survives_a_terminal_that_lacks_characters(tmp_path: Path):
    (tmp_path / "a.xml").write_bytes(DIALOG.replace(b"HELD", "HELD\u2603".encode()))

    done = subprocess.run(
        [sys.executable, "-m", "listener", "parse", str(tmp_path / "a.xml")],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )

    assert b"HELD\\u2603" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_simulator_ends_cleanly_and_leaves_no_folder(number: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-m", "listener", "simulate", "--port", "0", "--xmpp-port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        ready = process.stderr.readline()
        folder = Path(re.search(r"are in (\S+)/listener\.toml", ready)[1])
        assert folder.is_dir()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_demo_leaves_no_folder(tmp_path: Path, number: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-m", "listener", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "A simulated UCCE at" in process.stdout.readline()
        during = list(tmp_path.glob("listener-*"))
        process.send_signal(number)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (130, "listener: interrupted\n")
    assert len(during) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_simulator_keeps_the_certificate_of_its_folder(tmp_path: Path):
    first = ThrowawayAuthority.kept(tmp_path / "key.pem")
    again = ThrowawayAuthority.kept(tmp_path / "key.pem")

    assert again.pem == first.pem
    assert ThrowawayAuthority.wrote(first.write(tmp_path / "ca.pem"))
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = first.client_context().wrap_bio(client, server, server_hostname="localhost")
    there = again.server_context().wrap_bio(server, client, server_side=True)
    for side in (here, there, here, there):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert here.getpeercert()


def test_a_key_file_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "key.pem").write_text("hello")

    with pytest.raises(errors.ConfigurationError, match=r"key\.pem: no key"):
        ThrowawayAuthority.kept(tmp_path / "key.pem")


@pytest.mark.parametrize("option", ["--folder", "--ca-file"])
def test_a_simulator_never_overwrites_what_it_did_not_write(run: Run, tmp_path: Path, option: str):
    mine = tmp_path / ("listener.toml" if option == "--folder" else "mine.pem")
    mine.write_text("my own work\n")
    place = tmp_path if option == "--folder" else mine

    code, out, err = run("simulate", "--port", "0", "--xmpp-port", "0", option, place)

    assert (code, out) == (78, "")
    assert err.startswith(f"listener: simulate: {mine} was not written by the simulator")
    assert mine.read_text() == "my own work\n"
    assert option == "--ca-file" or list(tmp_path.iterdir()) == [mine]


def test_a_port_that_is_taken_is_told_in_one_line(run: Run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run("simulate", "--port", "0", "--xmpp-port", port)

    assert (code, out) == (78, "")
    assert re.fullmatch(rf"listener: simulate: .*{port}.*\n", err)


def in_place(monkeypatch: pytest.MonkeyPatch, name: str, **given: Any) -> None:
    module = ModuleType(f"listener.{name}")
    vars(module).update(given)
    monkeypatch.setitem(sys.modules, f"listener.{name}", module)
    monkeypatch.setattr("listener." + name, module, raising=False)


@pytest.mark.parametrize("code", [0, 130])
def test_run_hands_the_settings_to_the_daemon_and_ends_as_it_does(
    run: Run, monkeypatch: pytest.MonkeyPatch, config: Path, code: int
):
    seen: list[Any] = []

    def daemon(settings: Any, again: Any, *, command: Any, screen: Any) -> int:
        assert screen is None, "it is no terminal"
        seen.extend((settings, again(), command))
        return code

    in_place(monkeypatch, "daemon", run=daemon)

    assert run("run", "--config", config)[0] == code
    assert [agent.id for agent in seen[0].agents] == ["1001"]
    assert seen[1] == seen[0]
    assert seen[2] == ("successor", "--config", str(config.absolute()))


def test_demo_hands_its_options_on(run: Run, monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []

    def main(**options: Any) -> int:
        seen.append(options)
        return 0

    in_place(monkeypatch, "demo", main=main)

    assert run("demo", "--profile", "UCCX", "--tagging", "none", "--seed", "7")[0] == 0
    assert seen == [{"profile": "UCCX", "tagging": "none", "stay": False, "seed": 7}]


def test_a_spinner_turns_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch):
    out = io.StringIO()
    screen = Console(file=out, force_terminal=True)
    monkeypatch.setattr(console, "errors", lambda: screen)

    with console.waiting("HOLD for 1001"):
        assert screen._live_stack

    assert "HOLD for 1001" in out.getvalue()


@pytest.mark.parametrize(("event", "words"), [(b"POST", "was added"), (b"DELETE", "was removed")])
def test_a_dialog_that_comes_or_goes_is_told_so(run: Run, event: bytes, words: str):
    stanza = (
        b'<message from="pubsub.x" to="1001@x"><event '
        b'xmlns="http://jabber.org/protocol/pubsub#event">'
        b'<items node="/finesse/api/User/1001/Dialogs"><item id="1"><notification '
        b'xmlns="http://jabber.org/protocol/pubsub">&lt;Update&gt;&lt;data&gt;&lt;dialogs&gt;'
        b"&lt;Dialog&gt;&lt;id&gt;7&lt;/id&gt;&lt;/Dialog&gt;&lt;/dialogs&gt;&lt;/data&gt;"
        b"&lt;event&gt;" + event + b"&lt;/event&gt;&lt;/Update&gt;</notification></item></items>"
        b"</event></message>"
    )

    code, out, _ = run("parse", "-", stdin=stanza)

    assert code == 0
    assert "-: a stanza\n" in out
    assert f"dialogs, event {event.decode()}, on the node of 1001" in out
    assert f"dialog 7 {words}: no state, ? -> ?" in out

"""What `listener parse` prints for people: sentences, places, lines that fit the terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from listener import cli
from listener.cli import parse, words

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Call `listener parse` with these words; gives exit code and standard output."""

    def called(*given: str | Path, stdin: bytes = b"") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["listener", "parse", *map(str, given)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return called


def test_a_notification_is_told_with_its_node_its_cause_and_what_each_may_do(told: Any):
    code, out = told(SAMPLES / "dialog-put-held.xml")

    assert code == 0
    assert "this is a notification about a call on the node of agent 1001001" in out
    assert "the request with requestId 7c3f8c1a-req-3 caused it, says Finesse" in out
    assert "1001001 HELD, may RETRIEVE, DROP, UPDATE_CALL_DATA" in out


def test_an_unsolicited_change_names_nobody_as_its_cause(told: Any):
    _, out = told(SAMPLES / "dialog-put-held-no-request-id.xml")
    assert "no requestId: the phone, another client or the call itself may have caused it" in out


def test_an_error_is_told_with_meaning_and_advice(told: Any):
    _, out = told(SAMPLES / "error-out-of-service.xml")

    assert "Finesse had taken the request (202) and refused it then" in out
    assert "it does not say which request caused it" in out
    assert "what to do: " in out


def test_a_trace_is_told_with_its_lines_the_request_and_what_would_prove_it(told: Any):
    code, out = told(SAMPLES / "pasted-curl.txt")

    assert code == 0
    assert "line 2: PUT /finesse/api/Dialog/16804377" in out
    assert "line 9: status 202: Finesse took the request" in out
    assert "a request, HOLD for extension 1001001; what would prove it done: the own" in out
    assert "dialog ?" not in out
    assert "bWFkZTp1cA" not in out


def test_what_could_be_read_is_told_beside_what_could_not(told: Any):
    code, out = told(SAMPLES / "pasted-log.log")

    assert code == 1
    assert "not understood: What begins at line 21, column 150 could not be read: " in out
    assert "what could be read (3):" in out
    assert "3 of 3:" in out


def test_a_file_with_frames_alone_is_understood(told: Any):
    code, out = told("-", stdin=b"4|unauthorized\n")

    assert code == 0
    assert out == (
        "-: nothing that Finesse published, but this\n  line 1: the event tunnel is unauthorized\n"
    )


def test_the_state_of_finesse_is_told(told: Any):
    assert "Finesse is OUT_OF_SERVICE" in told(SAMPLES / "system-info-out-of-service.xml")[1]


@pytest.mark.parametrize("sample", ["pasted-console.txt", "error-two.xml", "pasted-curl.txt"])
def test_lines_fit_a_terminal_of_sixty_columns(
    sample: str, told: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    _, narrow = told(SAMPLES / sample)
    monkeypatch.undo()
    _, wide = told(SAMPLES / sample)

    assert [line for line in narrow.splitlines() if len(line) > 60] in ([], [_path(narrow)])
    assert " ".join(narrow.split()) == " ".join(wide.split())


def _path(out: str) -> str:
    """Return the line that is one long path, if any: no word is broken."""
    return next((line for line in out.splitlines() if len(line) > 60 and "/" in line), "")


def test_a_pipe_gets_whole_lines(told: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "20")
    _, out = told(SAMPLES / "dialog-put-held.xml")
    assert any(len(line) > 60 for line in out.splitlines())


def test_a_long_word_is_not_broken_and_what_follows_is_indented():
    path = "/finesse/api/User/1001001/Dialogs/Media"
    assert parse.folded(f"  see {path} there now", 24) == ["  see", f"    {path}", "    there now"]
    assert parse.folded("short", 24) == ["short"]
    assert parse.folded("as long as it is", None) == ["as long as it is"]


def test_an_error_of_rest_and_an_empty_update_are_told_as_such():
    found = {"file": "x", "problem": None, "form": "body"}
    refused = "\n".join(words.of_parsed({**found, "updates": [{"kind": "errors", "errors": [{}]}]}))
    empty = "\n".join(words.of_parsed({**found, "updates": [{"kind": "empty"}]}))
    other = "\n".join(words.of_parsed({**found, "updates": [{"kind": "other"}]}))

    assert "that refuses a request" in refused
    assert "without event and data" in empty
    assert "what REST answers" in other

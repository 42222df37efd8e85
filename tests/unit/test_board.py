"""The panes of `listener watch`: what is shown, filtered, paused and scrolled."""

from __future__ import annotations

from typing import Any

import pytest

from listener.cli.board import KEYS, MOST_OPEN, Board
from listener.cli.filters import Filters
from listener.cli.keyboard import keys_of

AT = "2026-11-21T08:00:00.123Z"


def a_session(agent: str = "1001", *, live: bool = True, **changes: Any) -> dict[str, Any]:
    shown = {"id": agent, "state": "up" if live else "down", "live": live, "node": "a", "at": AT}
    return shown | {"lastError": None} | changes


def a_request(id_: str = "k1", state: str = "accepted", **changes: Any) -> dict[str, Any]:
    shown = {
        "at": AT,
        "id": id_,
        "requestId": f"rq-{id_}",
        "agent": "1001",
        "requestedAction": "HOLD",
        "dialogId": "100",
        "state": state,
        "submitted": AT,
        "outcome": None,
        "late": [],
    }
    return shown | changes


def settled(id_: str = "k1", kind: str = "confirmed", **changes: Any) -> dict[str, Any]:
    outcome = {"kind": kind, "evidence": None, "reason": None}
    return a_request(id_, "settled", outcome=outcome, **changes)


def shown(board: Board, width: int = 100, height: int = 40) -> str:
    lines = board.lines(width, height)
    assert len(lines) == height
    assert all(len(line.text) <= width for line in lines)
    return "\n".join(line.text for line in lines)


def pane(board: Board, title: str) -> list[str]:
    """Return the lines of one pane."""
    lines = shown(board).splitlines()
    begin = next(n for n, line in enumerate(lines) if f"- {title} (" in line)
    part = []
    for line in lines[begin + 1 :]:
        if line.startswith(("--", ">-")) or "? for the keys" in line:
            break
        part.append(line)
    return [line for line in part if line]


def press(board: Board, *keys: str) -> None:
    for key in keys:
        board.key(key)


def test_sessions_that_are_down_stand_first_and_in_words():
    board = Board()
    board.agents([a_session("1001"), a_session("1002", live=False, lastError="refused")])
    first, second = pane(board, "Sessions")
    assert first == "DOWN 1002 down on a: refused"
    assert second == "up   1001 up on a"
    assert "1 of 2 up" in shown(board)
    board.event("session", a_session("1002"))
    assert "2 of 2 up" in shown(board)


def test_a_request_is_open_until_it_is_settled():
    board = Board()
    board.requests([a_request("k1")])
    board.event("request", a_request("k2", requestedAction="DROP"))
    assert len(pane(board, "Open requests")) == 2
    board.event("request", settled("k1"))
    [left] = pane(board, "Open requests")
    assert "DROP of agent 1001 on dialog 100" in left


def test_errors_and_bad_ends_have_a_pane_of_their_own():
    board = Board()
    for kind in ("confirmed", "failed", "unconfirmed"):
        board.event("request", settled(kind, kind))
    board.event("error", {"at": AT, "agent": "1001", "dialogId": "100", "errors": []})
    board.event("gap", {"at": AT, "agent": "1001", "until": None, "cause": "lost"})
    board.event("gap", {"at": AT, "agent": "1001", "until": AT})
    said = pane(board, "Errors and bad ends")
    assert len(said) == 4
    assert "confirmed" not in " ".join(said).replace("unconfirmed", "")
    assert "6" in shown(board).split("Events (")[1][:2]


@pytest.mark.parametrize(
    ("key", "typed", "left"),
    [
        ("a", "1002", ["k2"]),
        ("d", "101", ["k3"]),
        ("r", "drop", ["k3"]),
        ("o", "failed", ["k2"]),
        ("/", "RQ-K1", []),
        ("/", "k1", ["k1"]),
    ],
)
def test_filters_that_are_typed(key: str, typed: str, left: list[str]):
    board = Board()
    board.event("request", settled("k1"))
    board.event("request", settled("k2", "failed", agent="1002"))
    board.event("request", settled("k3", dialogId="101", requestedAction="DROP"))
    press(board, key, *typed, "enter")
    assert [line.rsplit(" ", 1)[1] for line in pane(board, "Events")] == left
    assert f"{typed}" in shown(board).splitlines()[-1]
    press(board, "c")
    assert len(pane(board, "Events")) == 3


def test_a_filter_that_is_not_wanted_after_all_changes_nothing():
    board = Board(Filters(agent="1001"))
    press(board, "a", "9", "backspace", "8")
    assert "agent: 8_" in shown(board)
    press(board, "escape")
    assert board.filters.agent == "1001"


def test_pause_holds_the_picture_and_counts_what_comes():
    board = Board()
    board.event("request", settled("k1"))
    press(board, " ")
    board.event("request", settled("k2"))
    assert len(pane(board, "Events")) == 1
    assert "paused, 1 new" in shown(board)
    assert shown(board).splitlines()[-1].startswith("PAUSED")
    press(board, "p")
    assert len(pane(board, "Events")) == 2


def test_the_newest_is_at_the_bottom_and_older_events_are_scrolled_to():
    board = Board()
    for number in range(100):
        board.event("request", settled(f"n{number}"))
    assert pane(board, "Events")[-1].endswith("n99")
    press(board, "up")
    assert pane(board, "Events")[-1].endswith("n98")
    press(board, "g")
    assert pane(board, "Events")[0].endswith("n0")
    press(board, "G")
    assert pane(board, "Events")[-1].endswith("n99")
    press(board, "pageup", "pagedown")
    assert pane(board, "Events")[-1].endswith("n99")


def test_tab_chooses_the_pane_that_is_scrolled():
    board = Board()
    board.agents([a_session(f"{n:04}") for n in range(2000)])
    press(board, "tab", "tab")
    assert ">- Sessions" in shown(board)
    first = pane(board, "Sessions")[0]
    press(board, "down")
    assert pane(board, "Sessions")[0] != first


def test_what_is_kept_is_bounded():
    board = Board()
    for number in range(MOST_OPEN + 10):
        board.event("request", a_request(f"k{number}"))
    assert len(board.open) == MOST_OPEN
    assert "2,000" in shown(board)


@pytest.mark.parametrize(("width", "height"), [(60, 24), (60, 8), (20, 2), (300, 100), (80, 1)])
def test_every_size_is_filled_and_never_exceeded(width: int, height: int):
    board = Board()
    board.agents([a_session("1001")])
    board.event("request", settled("k1", "failed"))
    shown(board, width, height)
    press(board, "?")
    shown(board, width, height)


def test_help_names_every_key_and_any_key_leads_back():
    board = Board()
    press(board, "?")
    said = shown(board)
    assert all(does in said for _, does in KEYS)
    press(board, "x")
    assert "Sessions" in shown(board)


def test_no_control_character_is_shown():
    board = Board()
    board.event("request", settled("k1", requestedAction="\x1b[2J\u202eHOLD"))
    board.agents([a_session("\x1b]0;x\x07")])
    assert all(line.text.isprintable() for line in board.lines(100, 30))


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_q_and_ctrl_c_leave(key: str):
    board = Board()
    press(board, key)
    assert board.left


def test_keys_are_told_apart():
    typed = "a\x1b[A\x1b[5~\r\t\x7f\x1b\u00e4\x1b[99;5~x\x1bOB"
    assert list(keys_of(typed)) == [
        *("a", "up", "pageup", "enter", "tab", "backspace", "escape", "\u00e4", "x", "down")
    ]

from __future__ import annotations

from typing import Any

import pytest

from listener.finesse import uris
from listener.finesse.uris import (
    OTHER,
    Place,
    dialog_id,
    dialog_path,
    dialogs_node,
    place,
    tasks_node,
    user_node,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/finesse/api/User/1001", Place("user", "1001")),
        ("/finesse/api/User/1001/Dialogs", Place("dialogs", "1001")),
        ("/finesse/api/User/1001/Dialogs/Media", Place("tasks", "1001")),
        ("/finesse/api/User/1001/Media/5001/Dialogs", Place("tasks", "1001", "5001")),
        ("/User/1001/Media/5001", Place("media", "1001", "5001")),
        ("/finesse/api/User/1001/Media", Place("media", "1001")),
        ("/finesse/api/User/1001/Queues", Place("queues", "1001")),
        ("/finesse/api/Queue/10", Place("queue", "10")),
        ("/finesse/api/Team/5/Users", Place("team", "5")),
        ("/finesse/api/Team/5", Place("team", "5")),
        (" /finesse/api/Dialog/54/ ", Place("dialog", "54")),
        ("https://host.example:8445/finesse/api/dialog/54", Place("dialog", "54")),
        ("/finesse/api/User/a%2Fb", Place("user", "a/b")),
        ("/finesse/api/SystemInfo", Place("systemInfo")),
        ("/finesse/api/Gizmo/1", OTHER),
        ("nonsense", OTHER),
        ("", OTHER),
        (None, OTHER),
    ],
)
def test_a_path_names_its_place(path: Any, expected: object):
    assert place(path) == expected


def test_a_long_path_is_read_and_not_remembered():
    known = uris._place.cache_info().currsize
    assert place(f"/finesse/api/User/{'9' * 1_000_000}").user == "9" * 1_000_000
    assert uris._place.cache_info().currsize == known


def test_only_what_belongs_to_an_agent_has_a_user():
    assert place(dialogs_node("1001")).user == "1001"
    assert place("/finesse/api/Dialog/54").user is None
    assert place("/finesse/api/Team/5").user is None


@pytest.mark.parametrize("agent", ["1001", "a/b", "Jörg Müller", "..%2f", "a?b#c"])
def test_nodes_are_put_together_so_that_they_come_apart_again(agent: str):
    assert place(user_node(agent)) == Place("user", agent)
    assert place(dialogs_node(agent)) == Place("dialogs", agent)
    assert place(tasks_node(agent)) == Place("tasks", agent)
    assert dialog_id(dialog_path(agent)) == agent


def test_a_dialog_id_is_read_from_a_dialogs_path_alone():
    assert dialog_id("/finesse/api/Dialog/54") == "54"
    assert dialog_id("/finesse/api/User/54") is None
    assert dialog_id(None) is None

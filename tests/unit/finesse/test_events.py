"""What an update means: one event per dialog, user or error list, and never none."""

from __future__ import annotations

import pytest

from listener.finesse.events import (
    DialogAdded,
    DialogChanged,
    DialogRemoved,
    OtherUpdate,
    RequestFailed,
    SystemInfoChanged,
    UserChanged,
    dialog_id,
    events_of,
)
from listener.finesse.model import ApiError, Dialog, Kind, SystemInfo, Update, User

NODE = "/finesse/api/User/1001/Dialogs"


@pytest.mark.parametrize(
    ("verb", "shape"),
    [
        ("POST", DialogAdded),
        ("PUT", DialogChanged),
        ("DELETE", DialogRemoved),
        (None, DialogChanged),
        ("PATCH", DialogChanged),
    ],
)
@pytest.mark.parametrize("kind", [Kind.DIALOGS, Kind.DIALOG])
def test_the_verb_says_what_became_of_a_dialog(verb: str | None, shape: type, kind: Kind) -> None:
    update = Update(kind, verb, NODE, "r1", dialogs=(Dialog(id="7"),))
    (event,) = events_of(update, NODE, "item")
    assert type(event) is shape
    assert (event.node, event.owner, event.item_id) == (NODE, "1001", "item")
    assert (event.request_id, event.dialog_id) == ("r1", "7")


def test_each_dialog_of_an_update_is_an_event_of_its_own() -> None:
    update = Update(Kind.DIALOGS, "PUT", dialogs=(Dialog(id="7"), Dialog(), Dialog(id="8")))
    assert [event.dialog_id for event in events_of(update, NODE)] == ["7", "8"]


@pytest.mark.parametrize(
    ("dialog", "source", "id_"),
    [
        (Dialog(id="7", uri="/finesse/api/Dialog/8"), "/finesse/api/Dialog/9", "7"),
        (Dialog(id="", uri="/finesse/api/Dialog/8"), "/finesse/api/Dialog/9", "8"),
        (Dialog(), "/finesse/api/Dialog/9", "9"),
        (Dialog(), NODE, None),
    ],
)
def test_a_dialogs_id_is_its_own_else_its_uris_else_the_sources(
    dialog: Dialog, source: str, id_: str | None
) -> None:
    assert dialog_id(dialog, source) == id_


def test_an_empty_delete_of_a_dialog_removes_it() -> None:
    (event,) = events_of(Update(Kind.EMPTY, "DELETE", "/finesse/api/Dialog/9"), NODE)
    assert isinstance(event, DialogRemoved)
    assert event.dialog_id == "9"


@pytest.mark.parametrize(
    "update",
    [
        Update(Kind.EMPTY, "PUT", "/finesse/api/Dialog/9"),
        Update(Kind.EMPTY, "DELETE", NODE),
        Update(Kind.TEAM, "PUT"),
        Update(Kind.DIALOGS, "PUT", NODE),
        Update(Kind.USER, "PUT"),
    ],
)
def test_anything_else_is_told_as_it_is(update: Update) -> None:
    (event,) = events_of(update, NODE, "item")
    assert isinstance(event, OtherUpdate)
    assert (event.update, event.owner, event.item_id) == (update, "1001", "item")


def test_a_users_change_is_told_with_its_owner() -> None:
    update = Update(Kind.USER, "PUT", request_id="r", user=User(state="READY"))
    (event,) = events_of(update, "/finesse/api/User/1001")
    assert isinstance(event, UserChanged)
    assert (event.owner, event.user.state, event.request_id) == ("1001", "READY", "r")


def test_the_state_of_the_system_has_no_owner() -> None:
    update = Update(Kind.SYSTEM_INFO, "PUT", system_info=SystemInfo(status="IN_SERVICE"))
    (event,) = events_of(update, "/finesse/api/SystemInfo")
    assert isinstance(event, SystemInfoChanged)
    assert (event.owner, event.system_info.status) == (None, "IN_SERVICE")


@pytest.mark.parametrize(
    ("source", "dialog", "user"),
    [
        ("/finesse/api/Dialog/9", "9", None),
        ("/finesse/api/User/1001", None, "1001"),
        ("/finesse/api/User/1001/Dialogs", None, "1001"),
        (None, None, None),
        ("", None, None),
        ("/finesse/api/Queue/3", None, None),
    ],
)
def test_an_error_names_what_its_source_names(
    source: str | None, dialog: str | None, user: str | None
) -> None:
    errors = (ApiError("Generic Error"),)
    (event,) = events_of(Update(Kind.ERRORS, "PUT", source, errors=errors), NODE)
    assert isinstance(event, RequestFailed)
    assert (event.dialog_id, event.user_id, event.errors) == (dialog, user, errors)
    assert (event.owner, event.request_id) == ("1001", None)

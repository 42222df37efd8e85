"""Values come back from JSON as they were, and what is no value is refused."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Presumed,
    Reason,
    Rejected,
    Seen,
    Unconfirmed,
    Window,
)
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, Late, RestAnswer
from listener.finesse.actions import ACTIONS, RequestWarning
from listener.finesse.actions.other import OtherRequest
from listener.finesse.actions.params import Shape, of
from listener.finesse.model import EMPTY_TREE, ApiError, Dialog, User
from listener.journal.codec import Undecodable, decode, encode
from tests.builders import a_dialog, a_user


def there_and_back(value: Any) -> Any:
    return decode(type(value), json.loads(json.dumps(encode(value))))


def example(kind: type) -> Any:
    """Return a request of that kind with every field given."""
    found: dict[str, Any] = {}
    for field, param in of(kind):
        if param.where.value == "unused":
            continue
        by_shape = {Shape.TEXT: "7", Shape.VARIABLES: {"a": "b", "c": ""}, Shape.ITEMS: ("x", "")}
        found[field.name] = by_shape[param.shape]
    return kind(**found)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_request_comes_back(action):
    request = example(ACTIONS[action])
    assert there_and_back(request) == request
    bare = type(request)(**{each.name: "7" for each in fields(request) if each.default is MISSING})
    assert there_and_back(bare) == bare


def test_a_request_that_is_not_known_comes_back():
    request = OtherRequest(
        agent="1", requested_action="FLY", method="PUT", path="/finesse/api/X", dialog_id=None
    )
    assert there_and_back(request) == request


TOLD: dict[str, Any] = {
    "sent": None,
    "status": 202,
    "waited": 1.5,
    "dialog": a_dialog(variables={"callVariable1": "x", "user.a[0]": None}),
    "user": a_user(tree={"state": "READY", "teams": {"Team": ({"id": "1"}, {"id": ""})}}),
    "dialogs": DialogIds("1", "2", ("3",)),
    "warnings": (RequestWarning("code", "detail"),),
    "seen": (Seen(0.5, "effect", "d"), Seen(1, "x")),
    "window": Window(9.0, ((1.0, 2.0), (3.0, None))),
    "changed": False,
    "applied": ("a",),
    "missing": ("b", "c"),
    "truncated": ("d",),
}
ERRORS = (ApiError("T", "m", "20999", peripheral_error_text=""), ApiError())


@pytest.mark.parametrize(
    "outcome",
    [
        Confirmed(evidence=Evidence.REQUEST_ID, stage="ALERTING", **TOLD),
        Confirmed(evidence=Evidence.SNAPSHOT),
        Presumed(**TOLD),
        Failed(evidence=Evidence.SOLE_PENDING, errors=ERRORS, state_cause="BUSY", **TOLD),
        Rejected(errors=ERRORS, reason=Reason.NOT_SENT, sent=False),
        Rejected(status=400),
        Unconfirmed(reason=Reason.RESTARTED, **TOLD),
        Abandoned(reason=Reason.SHUTDOWN),
    ],
)
def test_every_outcome_comes_back(outcome):
    assert there_and_back(outcome) == outcome


@pytest.mark.parametrize(
    "value",
    [
        Baseline(),
        Baseline(a_dialog(), (a_dialog("2"), Dialog()), a_user()),
        Registration(key="k", request_id="r", own=None, length=3.5, ungated=True),
        RestAnswer(AnswerKind.DOUBTFUL, None, ERRORS, 1.0, "detail"),
        Late("k", "error", 1.0, "d", ERRORS, a_dialog()),
    ],
)
def test_what_the_correlator_takes_comes_back(value):
    assert there_and_back(value) == value


def test_the_tree_of_a_user_comes_back_too_though_it_is_not_compared():
    tree = {"a": "b", "teams": {"Team": ({"id": "1"}, "x")}, "empty": {}}
    assert there_and_back(User(tree=tree)).tree == tree
    assert there_and_back(User()).tree is EMPTY_TREE


def test_what_equals_its_default_takes_no_room():
    assert encode(Dialog(id="1", state=None)) == {"id": "1"}
    assert encode(Rejected(sent=None)) == {"sent": None}


texts = st.none() | st.text()


@given(
    st.builds(
        Dialog,
        *([texts] * 10),
        media_properties=st.just(a_dialog().media_properties),
    ),
    st.recursive(
        st.text(), lambda inner: st.dictionaries(st.text(), inner) | st.tuples(inner, inner)
    ),
)
def test_whatever_text_is_in_it_comes_back(dialog, branch):
    assert there_and_back(dialog) == dialog
    assert there_and_back(User(tree={"x": branch})).tree == {"x": branch}


def test_a_field_of_a_later_version_is_ignored():
    assert decode(Dialog, {"id": "1", "colour": "blue"}) == Dialog(id="1")


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        (Dialog, [], "Dialog: no object"),
        (Dialog, {"id": 7}, "Dialog.id"),
        (Dialog, {"participants": {}}, "Dialog.participants: no list"),
        (Dialog, {"participants": [{"state": []}]}, "Participant.state"),
        (Dialog, {"media_properties": {"call_variables": [["a"]]}}, "not 2 items"),
        (Registration, {"key": "k"}, "Registration: a field is missing"),
        (Registration, {"expected": 1}, "neither true nor false"),
        (Registration, {"length": True}, "Registration.length"),
        (Confirmed, {"evidence": "hearsay"}, "Confirmed.evidence: no Evidence"),
        (RestAnswer, {"status": 2.5}, "RestAnswer.status"),
        (User, {"tree": []}, "User.tree: no tree"),
        (User, {"tree": {"a": 1}}, "User.tree: no tree"),
        (ACTIONS["MAKE_CALL"], {"call_variables": {"a": 1}}, "call_variables"),
    ],
)
def test_what_is_no_value_is_refused_and_the_field_is_named(kind, data, says):
    with pytest.raises(Undecodable, match=says):
        decode(kind, data)


def test_the_error_never_says_what_was_there():
    with pytest.raises(Undecodable) as error:
        decode(Dialog, {"id": {"secret": "4711"}})
    assert "4711" not in str(error.value)


class _Point(NamedTuple):
    x: int
    what: Any = None


@dataclass(frozen=True)
class _Odd:
    number: Decimal


class _Plain(Enum):
    A = 1


def test_named_tuples_and_anything_come_back():
    assert decode(_Point, encode(_Point(1, ["a", 2]))) == _Point(1, ["a", 2])


@pytest.mark.parametrize("value", [object(), Decimal(1), _Plain.A, {1, 2}, b"bytes"])
def test_what_has_no_place_in_json_is_refused(value):
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        encode(value)


def test_a_class_with_fields_that_json_has_not_is_refused():
    with pytest.raises(TypeError, match="cannot be read from JSON"):
        decode(_Odd, {"number": 1})

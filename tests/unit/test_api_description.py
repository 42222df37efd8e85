"""The OpenAPI description: whole, and true to the code beside it."""

from __future__ import annotations

import re

import pytest

from listener.api.app import create_app
from listener.api.described import DOOR
from listener.api.happenings import EVENT_SHAPES
from listener.api.refusals import Kind
from listener.correlation.outcome import Evidence, Reason
from listener.finesse.actions import ACTIONS
from listener.offers import EVENT_NAMES
from listener.web.callers import Scope
from listener.web.problems import PREFIX

OPERATIONS = {
    "/livez": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
    "/v1/agents": {"get"},
    "/v1/agents/{id}": {"get", "put", "delete"},
    "/v1/agents/{id}/dialogs": {"get"},
    "/v1/errors/{error}": {"get"},
    "/v1/events": {"get"},
    "/v1/expectations": {"post"},
    "/v1/expectations/{id}": {"get", "patch"},
    "/v1/forget": {"post"},
    "/v1/info": {"get"},
    "/v1/reload": {"post"},
    "/v1/requests": {"get", "post"},
    "/v1/requests/{id}": {"get", "delete"},
}
SCOPES = {
    Scope.ADMIN: {
        ("put", "/v1/agents/{id}"),
        ("delete", "/v1/agents/{id}"),
        ("post", "/v1/forget"),
        ("post", "/v1/reload"),
    },
    Scope.REQUEST: {
        ("post", "/v1/requests"),
        ("delete", "/v1/requests/{id}"),
        ("post", "/v1/expectations"),
        ("patch", "/v1/expectations/{id}"),
    },
}
NOT_OF_ONE_OPERATION = {Kind.UNKNOWN_PATH, Kind.METHOD_NOT_ALLOWED}


@pytest.fixture(scope="module")
def described() -> dict:
    return create_app(None).openapi()


def operations(described):
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            yield method, path, told


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_operations_are_those_of_the_contract(described):
    assert described["openapi"].startswith("3.1")
    assert {path: set(told) for path, told in described["paths"].items()} == OPERATIONS


def test_every_operation_says_what_it_is_and_who_may(described):
    for method, path, told in operations(described):
        assert told["summary"], (method, path)
        assert told["description"], (method, path)
        scope = next((s for s, which in SCOPES.items() if (method, path) in which), Scope.READ)
        wanted = None if path in {"/livez", "/readyz"} else [{"token": [str(scope)]}]
        assert told.get("security") == wanted, (method, path)
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_reference_leads_somewhere(described):
    for reference in references(described):
        name = reference.removeprefix("#/components/schemas/")
        assert name in described["components"]["schemas"], reference


def test_every_problem_is_told_where_it_can_come(described):
    told = set()
    for _, _, operation in operations(described):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/problem+json")
            if content is None:
                continue
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for name, example in content["examples"].items():
                assert example["value"]["type"] == PREFIX + name
                assert example["value"]["status"] == int(status)
                told.add(name)
    door = {problem.type.removeprefix(PREFIX) for problem in DOOR}
    assert told == door | {kind.type for kind in set(Kind) - NOT_OF_ONE_OPERATION}


def test_words_are_those_of_the_code(described):
    schemas = described["components"]["schemas"]
    assert schemas["RequestBody"]["properties"]["requestedAction"]["enum"] == list(ACTIONS)
    assert schemas["Reason"]["enum"] == [str(reason) for reason in Reason]
    assert schemas["Evidence"]["enum"] == [str(evidence) for evidence in Evidence]
    outcome = schemas["OutcomeShape"]["properties"]
    assert outcome["kind"]["enum"] == [
        *("confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned")
    ]
    states = schemas["RequestShape"]["properties"]["state"]["enum"]
    assert states == ["queued", "sent", "accepted", "in_doubt", "settled"]


def test_headers_are_told(described):
    post = described["paths"]["/v1/requests"]["post"]
    assert {p["name"] for p in post["parameters"]} == {"Prefer", "Idempotency-Key"}
    assert set(post["responses"]["202"]["headers"]) == {"Location", "Preference-Applied"}
    assert set(post["responses"]["200"]["headers"]) == {"Preference-Applied"}
    for status in ("429", "503"):
        assert post["responses"][status]["headers"]["Retry-After"]["required"]
    assert not post["responses"]["409"]["headers"]["Retry-After"]["required"]
    created = described["paths"]["/v1/expectations"]["post"]["responses"]["201"]
    assert set(created["headers"]) == {"Location"}


def test_bodies_have_examples_that_fit_them(described):
    for method, path, told in operations(described):
        if "requestBody" in told:
            content = told["requestBody"]["content"]["application/json"]
            assert told["requestBody"]["required"]
            assert content["examples"], (method, path)


def test_every_event_is_described(described):
    assert set(EVENT_SHAPES) == set(EVENT_NAMES)
    stream = described["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]
    event = stream["text/event-stream"]["schema"]["properties"]
    assert event["event"]["enum"] == list(EVENT_NAMES)
    told = [each["$ref"].rpartition("/")[2] for each in event["data"]["contentSchema"]["anyOf"]]
    assert told == [shape.__name__ for shape in EVENT_SHAPES.values()]


def test_no_outside_address_is_in_it(described):
    assert not re.search(r"https?://(?!json-schema\.org)", str(described))

"""Which operation a call is counted as."""

from __future__ import annotations

import pytest

from listener.api.app import METHODS, ROUTERS, create_app
from listener.api.counting import Operations
from listener.tally import OTHER, Tally

OPERATIONS = Operations(ROUTERS)


async def test_every_operation_has_the_id_that_the_description_has():
    described = create_app(None).openapi()["paths"]

    assert len(described) > 10
    for path, operations in described.items():
        for method in METHODS:
            of = operations.get(method.lower(), {}).get("operationId", OTHER)
            assert OPERATIONS.of(method, path.replace("{", "").replace("}", "")) == of


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/requests/a/b"), ("BREW", "/livez"), ("GET", "/v1/requests/")],
)
def test_what_is_not_served_is_other(method, path):
    assert OPERATIONS.of(method, path) == OTHER


def test_head_is_counted_as_get():
    assert OPERATIONS.of("HEAD", "/v1/requests/x") == OPERATIONS.of("GET", "/v1/requests/x")


async def test_every_operation_has_room_in_the_tally():
    tally = Tally()
    paths = create_app(None).openapi()["paths"]
    for status in (200, 400, 500):
        for operations in paths.values():
            for operation in operations.values():
                tally.answered(operation["operationId"], status)

    assert (OTHER, OTHER) not in tally.http

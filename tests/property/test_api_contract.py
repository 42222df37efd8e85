"""Every operation of the API, called as its own description says and as it does not.

Whatever comes: no status that is not described, no fault, and answers that fit their description.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from listener.api.app import create_app
from tests.shell.api_rig import AGENT, HOLD, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

schema = schemathesis.openapi.from_dict(create_app(None).openapi())
schema.config.update(base_url="http://listener")
schema.config.generation.update(deterministic=True, max_examples=25)
rejection = schema.config.checks.negative_data_rejection
rejection.expected_statuses = [*rejection.expected_statuses, "414"]

# What makes a request valid is more than a schema can say, and which token is right is known at the
# door (listener.web): both have tests of their own.
NOT_HERE = [positive_data_acceptance, ignored_auth]


class Bench:
    """A rig in a loop of its own; each call is made to its end."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._begin())
        self.calls = 0

    async def _begin(self) -> None:
        self.rig = Rig()
        self.rig.up()
        self.rig.chronicle.close()  # streams of events end at once
        self.client = self.rig.client()
        self.nobody = self.rig.client(None)
        self.known = (await self.client.post("/v1/requests", json=HOLD)).json()["id"]
        self.announced = (await self.client.post("/v1/expectations", json=HOLD)).json()["id"]

    def send(self, case: schemathesis.Case) -> httpx.Response:
        """Send it; every second call names what is there."""
        self.calls += 1
        for name in case.headers or {}:
            if name.lower() == "prefer":
                case.headers[name] = "wait=0"  # waiting has tests of its own
        if self.calls % 2 and case.meta.generation.mode.is_positive:
            self._aim(case)
        wanted = requests.Request(**case.as_transport_kwargs()).prepare()
        headers = [(name, _bytes(value)) for name, value in wanted.headers.items()]
        body = wanted.body or b""
        request = httpx.Request(wanted.method, wanted.url, headers=headers, content=body)
        client = self.client if "authorization" in request.headers else self.nobody
        return self._runner.run(client.send(request))

    def _aim(self, case: schemathesis.Case) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("agent"), str):
            case.body["agent"] = AGENT
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = {
                "/v1/requests/{id}": self.known,
                "/v1/expectations/{id}": self.announced,
            }.get(case.operation.path, AGENT)

    def close(self) -> None:
        self._runner.run(self.rig.service.close())
        self._runner.close()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


@pytest.fixture
def bench() -> Iterator[Bench]:
    it = Bench()
    yield it
    it.close()


@schema.parametrize()
@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_operation_keeps_to_its_description(case: Any, bench: Bench) -> None:
    response = bench.send(case)
    case.validate_response(response, excluded_checks=NOT_HERE)

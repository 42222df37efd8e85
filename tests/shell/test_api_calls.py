"""What holds for every call: who may, which paths, which methods, and faults of ours."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from listener.web.callers import Caller
from tests.shell.api_rig import (
    ADMIN,
    CRM,
    HOLD,
    NOBODY,
    PREFIX,
    WALLBOARD,
    problem,
    rigged,
)

READ = [
    ("GET", "/v1/requests"),
    ("GET", f"/v1/requests/{NOBODY}"),
    ("GET", f"/v1/expectations/{NOBODY}"),
    ("GET", "/v1/agents"),
    ("GET", "/v1/agents/1001"),
    ("GET", "/v1/agents/1001/dialogs"),
    ("GET", "/v1/errors/34"),
    ("GET", "/v1/info"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/show.js"),
]
REQUEST = [
    ("POST", "/v1/requests"),
    ("DELETE", f"/v1/requests/{NOBODY}"),
    ("POST", "/v1/expectations"),
    ("PATCH", f"/v1/expectations/{NOBODY}"),
]
MANAGE = [
    ("PUT", "/v1/agents/1001"),
    ("DELETE", "/v1/agents/1001"),
    ("POST", "/v1/reload"),
    ("POST", "/v1/forget"),
]


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


# -- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "calls", "scope"),
    [
        (WALLBOARD, REQUEST + MANAGE, None),
        (CRM, MANAGE, "admin"),
        (Caller("nothing", frozenset()), READ + REQUEST + MANAGE, None),
    ],
)
async def test_scope_that_is_missing_is_named(rig, caller, calls, scope):
    for method, path in calls:
        answer = await rig.client(caller).request(method, path, json=HOLD)
        told = problem(answer)
        assert (answer.status_code, told["type"]) == (403, "scope_missing"), (method, path)
        assert caller.name in told["detail"]
        assert scope is None or f"scope {scope};" in told["detail"]
    assert not rig.service.records


@pytest.mark.parametrize(("caller", "calls"), [(WALLBOARD, READ), (CRM, READ + REQUEST)])
async def test_scope_that_is_there_lets_in(rig, caller, calls):
    for method, path in calls:
        answer = await rig.client(caller).request(method, path, json=HOLD)
        assert answer.status_code not in {401, 403, 500}, (method, path)


async def test_nobody_is_let_in_nowhere_but_at_the_health(rig):
    for method, path in (*READ, *REQUEST, *MANAGE, ("GET", "/v1/events")):
        answer = await rig.client(None).request(method, path, json=HOLD)
        assert (answer.status_code, problem(answer)["type"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_every_operation_has_a_scope_and_is_tried_here():
    from listener.api.app import create_app  # noqa: PLC0415  the one use

    tried = {*READ, *REQUEST, *MANAGE, ("GET", "/v1/events")}
    for path, operations in create_app(None).openapi()["paths"].items():
        for method, told in operations.items():
            like = path.replace("{error}", "34")
            ids = (NOBODY, "1001")
            here = any((method.upper(), like.replace("{id}", id_)) in tried for id_ in ids)
            assert here == ("security" in told), (method, path)
            assert here or path in {"/livez", "/readyz"}


# -- paths and methods ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/agents/a%2Fb", 400),
        ("/v1/agents/a%2fdialogs", 400),
        ("/v1/requests/a%5Cb", 400),
        ("/v1/requests/%0D%0AX-Evil:%201", 400),
        ("/v1/agents/%00", 400),
        ("/v1/agents%0A", 400),
        ("/livez%0A", 400),
        ("/v1/agents/%E2%80%A8", 400),
        ("/v1/agents/%FF", 400),
        ("/v1/agents/%C0%AF", 400),
        (f"/v1/requests/{'x' * 10_000}", 414),
        (f"/v1/agents/{'%20' * 4_000}", 414),
        (f"/v1/requests?agent={'1' * 10_000}", 414),
    ],
)
async def test_path_that_means_no_one_thing_is_refused(rig, path, status):
    for method in ("GET", "DELETE", "HEAD"):
        answer = await rig.client().request(method, path)
        assert answer.status_code == status
        if method != "HEAD":
            assert problem(answer)["type"] == {400: "invalid_path", 414: "path_too_long"}[status]
        assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v2/requests", "/v1/requests/", "/v1/agents/1/2", "/finesse/api/User/1"],
)
async def test_path_that_is_not_there_is_told_as_a_problem(rig, path):
    answer = await rig.client().get(path)
    assert (answer.status_code, problem(answer)["type"]) == (404, "unknown_path")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/requests", "HEAD, GET, POST"),
        ("POST", f"/v1/requests/{NOBODY}", "HEAD, GET, DELETE"),
        ("GET", "/v1/expectations", "POST"),
        ("PUT", f"/v1/expectations/{NOBODY}", "HEAD, GET, PATCH"),
        ("PATCH", "/v1/agents/1001", "HEAD, GET, PUT, DELETE"),
        ("OPTIONS", "/v1/agents/1001", "HEAD, GET, PUT, DELETE"),
        ("TRACE", "/livez", "HEAD, GET"),
        ("HEAD", "/v1/reload", "POST"),
        ("POST", "/v1/events", "HEAD, GET"),
    ],
)
async def test_method_that_a_path_does_not_take_is_told_with_those_that_it_takes(
    rig, method, path, allowed
):
    answer = await rig.client().request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert method == "HEAD" or problem(answer)["type"] == "method_not_allowed"


async def test_head_is_get_without_the_body(rig):
    for path in ("/livez", "/v1/agents", "/v1/errors/34", "/docs", "/v1/agents/4711"):
        get, head = [await rig.client().request(method, path) for method in ("GET", "HEAD")]
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert dict(head.headers) == dict(get.headers)
    stream = await rig.client().head("/v1/events")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert rig.chronicle.readers == 0


async def test_nothing_is_kept_by_caches(rig):
    for path in ("/v1/agents", "/v1/info", "/v1/agents/4711", "/livez", "/metrics", "/nowhere"):
        answer = await rig.client().get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


# -- faults of ours -------------------------------------------------------------------------


async def test_fault_ends_one_call_and_tells_nothing_of_its_inside(rig, monkeypatch):
    def fail() -> None:
        raise ZeroDivisionError("a secret inside")

    monkeypatch.setattr(rig.backend, "info", fail)
    with structlog.testing.capture_logs() as log:
        answer = await rig.client().get("/v1/info")
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (500, "internal")
    assert "secret" not in answer.text
    (line,) = [line for line in log if line["event"] == "api.failed"]
    assert (line["method"], line["route"]) == ("GET", "/v1/info")
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert (await rig.client().get("/v1/agents")).status_code == 200


async def test_caller_that_leaves_within_its_body_is_not_answered(rig):
    call = rig.call("POST", "/v1/requests", HOLD, caller=ADMIN)
    call._body[0]["more_body"] = True
    with structlog.testing.capture_logs() as log:
        await asyncio.sleep(0)
        await call.hang_up()
    assert call.status is None
    assert not rig.service.records
    assert not [line for line in log if line["event"] == "api.failed"]


async def test_types_of_problems_never_change():
    from listener.api.refusals import Kind  # noqa: PLC0415  the one use

    assert sorted(kind.type for kind in Kind) == [
        "agent_not_found",
        "agent_signed_in",
        "closing",
        "device_busy",
        "duplicate_request_id",
        "error_unknown",
        "expectation_not_found",
        "idempotency_key_reused",
        "internal",
        "invalid_agent_id",
        "invalid_idempotency_key",
        "invalid_parameter",
        "invalid_path",
        "invalid_request",
        "malformed_body",
        "method_not_allowed",
        "not_accepted",
        "not_kept",
        "not_listening",
        "path_too_long",
        "request_not_found",
        "scope_missing",
        "settings_invalid",
        "too_many_pending",
        "too_many_readers",
        "unauthorized",
        "unknown_agent",
        "unknown_path",
        "unsupported_media_type",
    ]
    assert PREFIX == "urn:finesse-listener:problem:"

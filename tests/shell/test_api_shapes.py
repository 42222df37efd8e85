"""What the API gives back fits its description, with no name more and none less."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from listener.api.happenings import EVENT_SHAPES
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.model import ApiError
from tests.shell.api_rig import AGENT, DTMF, HOLD, OTHER, rigged
from tests.shell.stage import until

ERROR = (
    "<Update><event>PUT</event><source>/finesse/api/Dialog/100</source>"
    "<requestId>{tag}</requestId><data><apiErrors><apiError><errorData>34</errorData>"
    "<errorMessage>CF_INVALID_OBJECT_STATE</errorMessage>"
    "<errorType>Call Operation Failure</errorType></apiError></apiErrors></data></Update>"
)
USER = (
    "<Update><event>PUT</event><source>/finesse/api/User/agent1</source><data><user>"
    "<loginId>agent1</loginId><state>NOT_READY</state><extension>1001</extension>"
    "<settings><wrapUpOnIncoming>OPTIONAL</wrapUpOnIncoming></settings>"
    "<teams><Team><id>1</id><name>A</name></Team></teams></user></data></Update>"
)


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


def closed(described: dict, name: str) -> jsonschema_rs.Draft202012Validator:
    """Return a check for a shape in which every name must be described."""
    schemas = json.loads(json.dumps(described["components"]["schemas"]))
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}},
        validate_formats=True,
    )


def fits(rig, name: str, value: object) -> None:
    problems = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in closed(rig.app.openapi(), name).iter_errors(value)
    ]
    assert not problems


async def read(rig, path: str) -> dict:
    answer = await rig.client().get(path)
    assert answer.status_code == 200
    return answer.json()


async def test_check_finds_what_is_not_described(rig):
    told = await read(rig, "/v1/info")
    fits(rig, "InfoShape", told)
    for wrong in (told | {"more": 1}, told | {"started": "yesterday"}, {"version": "1"}):
        with pytest.raises(AssertionError):
            fits(rig, "InfoShape", wrong)


async def test_request_fits_in_every_state(rig):
    client = rig.client()
    error = ApiError(error_type="Invalid Input", error_message="x", error_data="y")
    rig.wire.answers.append(RestAnswer(AnswerKind.REFUSED, 400, (error,)))
    rejected = await client.post("/v1/requests", json=HOLD, headers={"Prefer": "wait=60"})
    assert rejected.json()["outcome"]["errors"][0]["errorType"] == "Invalid Input"
    held = await client.post("/v1/requests", json=HOLD)
    queued = await client.post("/v1/requests", json=HOLD | {"requestedAction": "RETRIEVE"})
    await until(lambda: len(rig.wire.sent) == 2)
    rig.held(held.json()["requestId"])
    await until(lambda: len(rig.wire.sent) == 3)
    rig.hear(ERROR.format(tag=queued.json()["requestId"]))
    digits = await client.post("/v1/requests", json=DTMF)
    await until(lambda: len(rig.wire.sent) == 4)
    abandoned = await client.delete(digits.headers["location"])
    rig.hear(ERROR.format(tag=digits.json()["requestId"]))
    weak = HOLD | {"minimumEvidence": "request_id", "deadline": 0.5}
    unconfirmed = await client.post("/v1/requests", json=weak, headers={"Prefer": "wait=60"})
    kinds = {"rejected", "confirmed", "failed", "abandoned", "unconfirmed"}
    told = await read(rig, "/v1/requests")
    assert {request["outcome"]["kind"] for request in told["requests"]} == kinds
    assert [request for request in told["requests"] if request["late"]]
    fits(rig, "RequestsShape", told)
    for answer in (rejected, held, queued, digits, abandoned, unconfirmed):
        fits(rig, "RequestShape", answer.json())


async def test_agents_and_dialogs_fit(rig):
    rig.up(OTHER)
    rig.hear(USER, "/finesse/api/User/agent1")
    rig.service.session_down(OTHER, "cut")
    for gone in (True, False):
        fits(rig, "AgentsShape", await read(rig, "/v1/agents"))
        fits(rig, "AgentShape", await read(rig, f"/v1/agents/{OTHER}"))
        fits(rig, "DialogsShape", await read(rig, f"/v1/agents/{AGENT}/dialogs"))
        fits(rig, "DialogsShape", await read(rig, f"/v1/agents/{OTHER}/dialogs"))
        if gone:
            rig.up(OTHER)
    added = await rig.client().put("/v1/agents/new", json={"password": "x"})
    fits(rig, "AgentShape", added.json())


async def test_operations_fit(rig):
    for path, shape in (
        ("/livez", "LiveShape"),
        ("/readyz", "ReadinessShape"),
        ("/v1/info", "InfoShape"),
        ("/v1/errors/34", "LookupShape"),
        ("/v1/errors/34?type=x", "LookupShape"),
    ):
        fits(rig, shape, await read(rig, path))
    reloaded = await rig.client().post("/v1/reload")
    fits(rig, "ReloadShape", reloaded.json())
    forgotten = await rig.client().post("/v1/forget", json={"number": "+12025550101"})
    fits(rig, "ForgottenShape", forgotten.json())
    refused = await rig.client().get("/v1/errors/CF_INVALID_OBJECT")
    fits(rig, "Problem", refused.json())
    field = await rig.client().get("/v1/requests?state=x")
    fits(rig, "Problem", field.json())


async def test_events_fit(rig):
    call = rig.call("GET", "/v1/events", last_event_id="x-1")
    await call.frames(1)
    answer = await rig.client().post("/v1/requests", json=HOLD)
    rig.held(answer.json()["requestId"])
    rig.hear(USER, "/finesse/api/User/agent1")
    rig.hear(ERROR.format(tag="x"))
    rig.service.session_down(AGENT, "cut")
    rig.up()
    rig.chronicle.session(AGENT, rig.backend.agent(AGENT))
    names = {"reset", "request", "dialog", "user", "error", "gap", "session"}
    await call.until(lambda: {frame["event"] for frame in call._frames()} == names)
    for frame in call._frames():
        fits(rig, EVENT_SHAPES[frame["event"]].__name__, json.loads(frame["data"]))
    fits(rig, "LaggedEventShape", {"behind": 3})
    await call.hang_up()

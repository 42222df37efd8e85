"""Expectations: the caller sends, this daemon listens."""

from __future__ import annotations

import pytest

from tests.shell.api_rig import AGENT, CRM, DTMF, HOLD, NOBODY, problem, rigged

EXPECTATIONS = "/v1/expectations"


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


async def test_expectation_gives_the_id_to_put_on_the_wire_and_sends_nothing(rig):
    answer = await rig.client(CRM).post(EXPECTATIONS, json=HOLD)
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/requests/{told['id']}"
    assert told["requestId"]
    assert (told["agent"], told["askedBy"], told["outcome"]) == (AGENT, "crm", None)
    rig.held(told["requestId"])
    read = (await rig.client().get(answer.headers["location"])).json()
    assert read["outcome"]["kind"] == "confirmed"
    assert rig.wire.sent == []


async def test_expectation_keeps_the_id_that_the_caller_gave(rig):
    answer = await rig.client().post(EXPECTATIONS, json=HOLD | {"requestId": "145"})
    assert answer.json()["requestId"] == "145"


async def test_expectation_is_awaited_as_any_request(rig):
    told = (await rig.client().post(EXPECTATIONS, json=HOLD)).json()
    call = rig.call("GET", f"{EXPECTATIONS}/{told['id']}", prefer="wait=60")
    rig.held(told["requestId"])
    assert (await call.answered())["outcome"]["kind"] == "confirmed"
    assert call.headers["preference-applied"] == "wait=60"


async def test_reported_answer_is_judged(rig):
    told = (await rig.client().post(EXPECTATIONS, json=HOLD)).json()
    path = f"{EXPECTATIONS}/{told['id']}"
    accepted = await rig.client().patch(path, json={"status": 202})
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    assert rig.wire.judged == [(202, None)]
    again = await rig.client().patch(path, json={"status": 400})
    assert (again.status_code, again.json()["state"]) == (200, "accepted")
    assert len(rig.wire.judged) == 1


async def test_reported_refusal_ends_it_and_its_body_is_read_as_text(rig):
    told = (await rig.client().post(EXPECTATIONS, json=HOLD)).json()
    body = '<?xml version="1.0" encoding="UTF-16"?><ApiErrors>ü</ApiErrors>'
    answer = await rig.client().patch(
        f"{EXPECTATIONS}/{told['id']}", json={"status": 400, "body": body}
    )
    assert answer.json()["outcome"]["kind"] == "rejected"
    assert rig.wire.judged == [(400, "<ApiErrors>ü</ApiErrors>".encode())]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "202"}, "status"),
        ({"status": 99}, "status"),
        ({"status": 202, "body": 1}, "body"),
        ({"status": 202, "bodies": "x"}, "bodies"),
    ],
)
async def test_report_that_cannot_be_one_is_refused(rig, body, field):
    told = (await rig.client().post(EXPECTATIONS, json=HOLD)).json()
    answer = await rig.client().patch(f"{EXPECTATIONS}/{told['id']}", json=body)
    assert (answer.status_code, problem(answer)["field"]) == (422, field)
    assert rig.wire.judged == []


async def test_request_that_we_send_takes_no_report(rig):
    sent = (await rig.client().post("/v1/requests", json=HOLD)).json()
    for id_ in (sent["id"], NOBODY, "145"):
        answer = await rig.client().patch(f"{EXPECTATIONS}/{id_}", json={"status": 400})
        assert (answer.status_code, problem(answer)["type"]) == (404, "expectation_not_found")
    unknown = await rig.client().get(f"{EXPECTATIONS}/{NOBODY}")
    assert problem(unknown)["type"] == "expectation_not_found"


async def test_expectation_is_checked_as_a_request_is(rig):
    answer = await rig.client().post(EXPECTATIONS, json=DTMF | {"dtmfString": "7531902x"})
    assert (answer.status_code, problem(answer)["field"]) == (422, "dtmfString")


async def test_same_key_and_body_are_one_expectation(rig):
    answers = [
        await rig.client().post(EXPECTATIONS, json=HOLD, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]

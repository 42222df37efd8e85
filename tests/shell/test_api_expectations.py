"""Expectations: the caller sends, this daemon listens."""

from __future__ import annotations

import pytest

from listener.correlation.desk import Limits
from listener.rest import Rest
from listener.terms import Policy
from listener.translation import RestWire
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


ERRORS = "<ApiErrors><ApiError><ErrorType>Busy</ErrorType></ApiError></ApiErrors>"
REFUSALS = (*(status for status in range(400, 500) if status != 408), 501)
DOUBTS = (
    *range(100, 200),
    *(status for status in range(200, 300) if status != 202),
    *range(300, 400),
    408,
    500,
    *range(502, 600),
)


def test_each_status_has_its_class():
    assert sorted((202, *REFUSALS, *DOUBTS)) == list(range(100, 600))


@pytest.mark.parametrize(
    ("statuses", "body", "state", "kind"),
    [
        ((202,), None, "accepted", None),
        (REFUSALS, None, "settled", "rejected"),
        (REFUSALS, ERRORS, "settled", "rejected"),
        ((503,), ERRORS, "settled", "rejected"),
        (DOUBTS, None, "in_doubt", None),
        ((100, 200, 204, 302, 408, 500, 502, 504), ERRORS, "in_doubt", None),
        ((503,), "<html>busy</html>", "in_doubt", None),
    ],
)
async def test_each_reported_status_accepts_refuses_or_leaves_it_in_doubt(
    monkeypatch, statuses, body, state, kind
):
    async with rigged(Policy(limits=Limits(1000, 1000))) as rig:
        monkeypatch.setattr(rig.wire, "judge", RestWire(Rest(["https://f.example"])).judge)
        client = rig.client()
        for status in statuses:
            told = (await client.post(EXPECTATIONS, json=HOLD)).json()
            report = {"status": status} | ({"body": body} if body else {})
            answer = (await client.patch(f"{EXPECTATIONS}/{told['id']}", json=report)).json()
            assert answer["state"] == state, status
            outcome = answer["outcome"]
            assert (outcome and outcome["kind"]) == kind, status
            if outcome:
                assert (outcome["status"], outcome["sent"]) == (status, True)


@pytest.mark.parametrize("status", [200, 302, 408, 500, 502, 503, 504])
async def test_an_answer_in_doubt_is_settled_by_the_effect_or_by_nothing(monkeypatch, status):
    async with rigged() as rig:
        monkeypatch.setattr(rig.wire, "judge", RestWire(Rest(["https://f.example"])).judge)
        client = rig.client()
        told = (await client.post(EXPECTATIONS, json=HOLD)).json()
        await client.patch(f"{EXPECTATIONS}/{told['id']}", json={"status": status})
        rig.held(told["requestId"])
        seen = (await client.get(f"{EXPECTATIONS}/{told['id']}")).json()["outcome"]
        assert (seen["kind"], seen["evidence"], seen["status"]) == (
            "confirmed",
            "request_id",
            status,
        )
        for silent in (HOLD, DTMF):  # silence is the normal answer to digits, after a 202 alone
            told = (await client.post(EXPECTATIONS, json=silent | {"deadline": 0.6})).json()
            path = f"{EXPECTATIONS}/{told['id']}"
            await client.patch(path, json={"status": status})
            unseen = (await client.get(path, headers={"Prefer": "wait=20"})).json()["outcome"]
            assert (unseen["kind"], unseen["reason"], unseen["status"]) == (
                "unconfirmed",
                "no_answer",
                status,
            )


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

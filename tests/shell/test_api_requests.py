"""POST, GET and DELETE of requests: what docs/api.md promises, sentence by sentence."""

from __future__ import annotations

import asyncio
import json

import pytest

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import NotKept
from listener.service import Policy
from tests.shell.api_rig import (
    AGENT,
    CALL,
    CRM,
    DTMF,
    HOLD,
    NOBODY,
    OTHER,
    WALLBOARD,
    problem,
    rigged,
)
from tests.shell.stage import until

REQUESTS = "/v1/requests"
RETRIEVE = HOLD | {"requestedAction": "RETRIEVE"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


async def settle(rig, response) -> None:
    """Let the request of a response be confirmed."""
    await until(lambda: response.json()["requestId"] in rig.wire.sent)
    rig.held(response.json()["requestId"])


# -- send and await -------------------------------------------------------------------------


async def test_request_without_a_wish_to_wait_is_answered_at_once(rig):
    answer = await rig.client(CRM).post(REQUESTS, json=HOLD)
    told = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/requests/{told['id']}"
    assert "preference-applied" not in answer.headers
    assert (told["agent"], told["requestedAction"], told["dialogId"]) == (AGENT, "HOLD", CALL)
    assert (told["askedBy"], told["outcome"], told["late"]) == ("crm", None, [])
    assert told["state"] in {"queued", "sent"}
    await until(lambda: rig.wire.sent == [told["requestId"]])


async def test_request_that_is_settled_in_time_is_answered_with_its_outcome(rig):
    call = rig.call("POST", REQUESTS, HOLD, prefer="wait=60")
    await until(lambda: rig.wire.sent)
    assert call.status is None
    rig.held(rig.wire.sent[0])
    told = await call.answered()
    assert call.status == 200
    assert call.headers["preference-applied"] == "wait=60"
    assert "location" not in call.headers
    assert (told["state"], told["outcome"]["kind"]) == ("settled", "confirmed")
    assert told["outcome"]["evidence"] == "request_id"


async def test_request_that_is_not_settled_in_time_is_answered_with_its_place(rig):
    answer = await rig.client().post(REQUESTS, json=HOLD, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.headers["location"] == f"/v1/requests/{answer.json()['id']}"
    assert answer.json()["state"] == "accepted"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        (["wait=600"], "wait=60"),
        (["handling=strict", 'foo="a, b", wait=30'], "wait=30"),
        (["wait=soon"], None),
        (["return=minimal"], None),
    ],
)
async def test_preference_is_applied_as_it_is_told(rig, prefer, applied):
    begun = asyncio.create_task(
        rig.client().post(REQUESTS, json=HOLD, headers=[("Prefer", one) for one in prefer])
    )
    await until(lambda: rig.wire.sent)
    rig.held(rig.wire.sent[0])
    answer = await begun
    assert answer.headers.get("preference-applied") == applied
    assert answer.status_code == (202 if applied is None else 200)


async def test_wait_of_nothing_is_a_wait(rig):
    answer = await rig.client().post(REQUESTS, json=HOLD, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=0")


async def test_wait_longer_than_the_deadline_ends_with_it(rig):
    body = HOLD | {"deadline": 1}
    answer = await rig.client().post(REQUESTS, json=body, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200
    assert answer.json()["outcome"]["kind"] == "unconfirmed"
    assert answer.json()["outcome"]["reason"] == "deadline"


async def test_what_goes_on_the_wire_is_what_was_asked_for(rig):
    body = {
        "agent": AGENT,
        "requestedAction": "UPDATE_CALL_DATA",
        "dialogId": CALL,
        "targetMediaAddress": "1001",
        "mediaProperties": {
            "wrapUpReason": "done",
            "callvariables": {"callVariable1": "x", "user.a[0]": "y"},
        },
        "requestId": "145",
        "deadline": 20,
        "minimumEvidence": "event",
    }
    answer = await rig.client().post(REQUESTS, json=body)
    assert answer.json()["requestId"] == "145"
    await until(lambda: rig.wire.sent == ["145"])
    (sent,) = rig.wire.requests
    assert sent.call_variables == (("callVariable1", "x"), ("user.a[0]", "y"))
    assert (sent.wrap_up_reason, sent.target_media_address) == ("done", "1001")


async def test_weaker_evidence_than_wanted_is_listed_and_proves_nothing(rig):
    body = HOLD | {"minimumEvidence": "request_id", "deadline": 1.0}
    call = rig.call("POST", REQUESTS, body, prefer="wait=60")
    await until(lambda: rig.wire.sent)
    await until(lambda: rig.service.records and next(iter(rig.service.records.values())).answered)
    rig.held(change="30")
    outcome = (await call.answered())["outcome"]
    assert (outcome["kind"], outcome["reason"]) == ("unconfirmed", "weak")
    assert outcome["seen"]


async def test_finesse_refusing_at_once_is_an_outcome_and_no_status_of_this_api(rig):
    rig.wire.answers.append(RestAnswer(AnswerKind.REFUSED, 400))
    answer = await rig.client().post(REQUESTS, json=HOLD, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200
    assert answer.json()["outcome"]["kind"] == "rejected"
    assert answer.json()["outcome"]["status"] == 400


# -- hanging up -----------------------------------------------------------------------------


async def test_caller_that_hangs_up_changes_nothing(rig):
    call = rig.call("POST", REQUESTS, HOLD, prefer="wait=60")
    await until(lambda: rig.wire.sent)
    await call.hang_up()  # ends the call's task: the rig checks that no other is left
    (found,) = (await rig.client().get(REQUESTS)).json()["requests"]
    assert found["state"] == "accepted"
    rig.held(found["requestId"])
    again = await rig.client().get(f"{REQUESTS}/{found['id']}")
    assert again.json()["outcome"]["kind"] == "confirmed"


async def test_caller_that_hangs_up_while_reading_changes_nothing(rig):
    id_ = (await rig.client().post(REQUESTS, json=HOLD)).json()["id"]
    call = rig.call("GET", f"{REQUESTS}/{id_}", prefer="wait=60")
    await asyncio.sleep(0)
    await call.hang_up()
    assert call.status is None
    assert rig.service.pending == 1


# -- reading --------------------------------------------------------------------------------


async def test_reading_waits_for_the_outcome(rig):
    first = await rig.client().post(REQUESTS, json=HOLD)
    call = rig.call("GET", first.headers["location"], prefer="wait=60", caller=WALLBOARD)
    await settle(rig, first)
    told = await call.answered()
    assert (call.status, call.headers["preference-applied"]) == (200, "wait=60")
    assert told["outcome"]["kind"] == "confirmed"
    assert told["askedBy"] == "operator"


async def test_reading_without_a_wait_tells_how_it_is(rig):
    first = await rig.client().post(REQUESTS, json=HOLD)
    answer = await rig.client(WALLBOARD).get(first.headers["location"])
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers
    assert answer.json()["state"] != "settled"
    upper = await rig.client().get(f"{REQUESTS}/{first.json()['id'].upper()}")
    assert upper.json()["id"] == first.json()["id"]


@pytest.mark.parametrize("id_", [NOBODY, "145", "x" * 100, "..", "%F0%9F%98%80", "{id}"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_unknown_id_is_not_found(rig, method, id_):
    answer = await rig.client().request(method, f"{REQUESTS}/{id_}")
    if id_ == "..":  # the client takes it out of the path
        return
    assert answer.status_code == 404
    assert problem(answer)["type"] == "request_not_found"


async def test_list_is_newest_first_and_filtered(rig):
    rig.up(OTHER)
    client = rig.client()
    first = await client.post(REQUESTS, json=HOLD)
    body = HOLD | {"agent": OTHER, "requestId": "145", "targetMediaAddress": "1001"}
    second = await client.post(REQUESTS, json=body | {"deadline": 300})  # it is open until the end
    await settle(rig, first)

    async def listed(query: str = "") -> list[str]:
        answer = await rig.client(WALLBOARD).get(f"{REQUESTS}{query}")
        assert answer.status_code == 200
        return [request["id"] for request in answer.json()["requests"]]

    one, two = first.json()["id"], second.json()["id"]
    assert await listed() == [two, one]
    assert await listed("?limit=1") == [two]
    assert await listed("?state=open") == [two]
    assert await listed("?state=settled") == [one]
    assert await listed("?state=queued") == []
    assert await listed(f"?agent={AGENT}") == [one]
    assert await listed("?requestId=145") == [two]
    assert await listed("?state=open&agent=agent2&requestId=145&limit=100") == [two]
    assert await listed("?agent=nobody") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=closed", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("agent=a%20b", "agent"),
        ("agent=", "agent"),
        ("requestId=", "requestId"),
        ("agent=1001&agent=1002", "agent"),
        ("agnet=1001", None),
    ],
)
async def test_list_refuses_what_it_does_not_know(rig, query, field):
    answer = await rig.client().get(f"{REQUESTS}?{query}")
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (422, "invalid_parameter")
    assert told.get("field") == field


# -- abandoning -----------------------------------------------------------------------------


async def test_abandoned_request_says_so_and_wakes_who_waits_for_it(rig):
    waiting = rig.call("POST", REQUESTS, HOLD, prefer="wait=60")
    await until(lambda: rig.wire.sent)
    (found,) = (await rig.client().get(REQUESTS)).json()["requests"]
    answer = await rig.client(CRM).delete(f"{REQUESTS}/{found['id']}")
    outcome = answer.json()["outcome"]
    assert answer.status_code == 200
    assert (outcome["kind"], outcome["reason"]) == ("abandoned", "caller")
    assert (await waiting.answered())["outcome"] == outcome
    assert waiting.status == 200


async def test_what_is_heard_after_it_was_abandoned_is_late(rig):
    first = await rig.client().post(REQUESTS, json=HOLD)
    await until(lambda: rig.wire.sent)
    await rig.client().delete(first.headers["location"])
    rig.held(first.json()["requestId"])
    answer = await rig.client().get(first.headers["location"])
    assert answer.json()["outcome"]["kind"] == "abandoned"
    assert answer.json()["late"]


async def test_request_that_still_waits_for_its_turn_is_cancelled(rig):
    client = rig.client()
    await client.post(REQUESTS, json=HOLD)
    second = await client.post(REQUESTS, json=RETRIEVE)
    assert second.json()["state"] == "queued"
    outcome = (await client.delete(second.headers["location"])).json()["outcome"]
    assert (outcome["kind"], outcome["reason"], outcome["sent"]) == ("rejected", "cancelled", False)


async def test_settled_request_stays_as_it_is(rig):
    first = await rig.client().post(REQUESTS, json=HOLD)
    await settle(rig, first)
    answer = await rig.client().delete(first.headers["location"])
    assert (answer.status_code, answer.json()["outcome"]["kind"]) == (200, "confirmed")


# -- Idempotency-Key ------------------------------------------------------------------------


async def test_same_key_and_body_are_one_request(rig):
    client = rig.client(CRM)
    first = await client.post(REQUESTS, json=HOLD | {"deadline": 20}, headers=KEY)
    body = json.dumps(dict(reversed([*HOLD.items(), ("deadline", 20.0)])), indent=3)
    headers = {"Idempotency-Key": f'"{KEY["Idempotency-Key"]}"', "Content-Type": "application/json"}
    again = await client.post(REQUESTS, content=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    await settle(rig, first)
    waited = await client.post(
        REQUESTS, json=HOLD | {"deadline": 20}, headers=KEY | {"Prefer": "wait=60"}
    )
    assert (waited.status_code, waited.json()["outcome"]["kind"]) == (200, "confirmed")
    assert rig.wire.sent == [first.json()["requestId"]]


async def test_hundred_at_once_with_one_key_are_sent_once(rig):
    client = rig.client()
    answers = await asyncio.gather(
        *(client.post(REQUESTS, json=HOLD, headers=KEY) for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await until(lambda: rig.wire.sent)
    assert len(rig.wire.sent) == 1


async def test_two_at_once_without_a_key_are_two_requests(rig):
    client = rig.client()
    answers = await asyncio.gather(*(client.post(REQUESTS, json=HOLD) for _ in range(2)))
    assert len({answer.json()["id"] for answer in answers}) == 2


async def test_key_with_another_body_is_refused(rig):
    client = rig.client()
    await client.post(REQUESTS, json=HOLD, headers=KEY)
    answer = await client.post(REQUESTS, json=RETRIEVE, headers=KEY)
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (422, "idempotency_key_reused")
    assert told["retryable"] is False
    assert "retry-after" not in answer.headers


async def test_key_is_the_callers_own_and_the_operations(rig):
    one = await rig.client(CRM).post(REQUESTS, json=HOLD, headers=KEY)
    other = await rig.client().post(REQUESTS, json=HOLD, headers=KEY)
    assert one.json()["id"] != other.json()["id"]
    announced = await rig.client(CRM).post("/v1/expectations", json=HOLD, headers=KEY)
    assert problem(announced)["type"] == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"open'])
async def test_key_that_cannot_be_one_is_refused(rig, key):
    answer = await rig.client().post(REQUESTS, json=HOLD, headers={"Idempotency-Key": key})
    assert (answer.status_code, problem(answer)["type"]) == (400, "invalid_idempotency_key")
    assert not rig.service.records


# -- refused: nothing was sent --------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (HOLD | {"dialogId": ""}, "dialogId", "blank"),
        (HOLD | {"dialogId": ".."}, "dialogId", "relative path"),
        (HOLD | {"dialogId": "1\n2"}, "dialogId", "control character"),
        (HOLD | {"dialogId": "1\0"}, "dialogId", "XML cannot carry"),
        (HOLD | {"toAddress": "5"}, "toAddress", "HOLD has no parameter"),
        (HOLD | {"requestedAction": "HOLDD"}, "requestedAction", "is unknown"),
        (DTMF | {"dtmfString": "7531902x"}, "dtmfString", "number 8 is none of"),
        (DTMF | {"dtmfString": "7531902" * 5}, "dtmfString", "at most 32"),
        (HOLD | {"requestId": "1\r\n2"}, "requestId", "Latin-1"),
        (HOLD | {"requestId": " "}, "requestId", "1 to 256"),
        ({"requestedAction": "HOLD"}, "agent", "is needed"),
    ],
)
async def test_request_that_cannot_be_valid_is_refused_by_name(rig, body, field, says):
    answer = await rig.client().post(REQUESTS, json=body)
    told = problem(answer)
    assert (answer.status_code, told["type"], told["field"]) == (422, "invalid_request", field)
    assert says in told["detail"]
    assert not rig.wire.sent
    assert not rig.service.records


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"agent": "1", "agent": "2"}',
        b'{"deadline": NaN}',
        b'{"deadline": 1e400}',
        b'{"agent": "\\ud800"}',
        b"[" * 50_000,
        b'{"dtmfString": "7531902',
        b"\xff\xfe",
    ],
)
async def test_body_that_cannot_be_read_is_refused(rig, body):
    answer = await rig.client().post(
        REQUESTS, content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, problem(answer)["type"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/xml"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
async def test_body_of_another_kind_is_told_what_is_wanted(rig, headers):
    body = b"<Dialog><requestedAction>HOLD</requestedAction></Dialog>"
    answer = await rig.client().post(REQUESTS, content=body, headers=headers)
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (415, "unsupported_media_type")
    wanted = "Content-Encoding" if "Content-Encoding" in headers else "application/json"
    assert wanted in told["detail"]
    assert "identity" in answer.headers.values() or answer.headers["accept"] == "application/json"


@pytest.mark.parametrize("kind", ["application/json", 'Application/JSON; charset="UTF-8"'])
async def test_json_is_known_however_its_name_is_written(rig, kind):
    answer = await rig.client().post(
        REQUESTS, content=json.dumps(HOLD), headers={"Content-Type": kind}
    )
    assert answer.status_code == 202


async def test_agent_that_is_not_configured_is_a_fault_of_the_body(rig):
    answer = await rig.client().post(REQUESTS, json=HOLD | {"agent": "4711"})
    told = problem(answer)
    assert (answer.status_code, told["type"], told["field"]) == (422, "unknown_agent", "agent")
    assert told["retryable"] is False


async def test_agent_without_a_session_may_have_one_later():
    async with rigged(up=False) as rig:
        answer = await rig.client().post(REQUESTS, json=HOLD | {"targetMediaAddress": "1001"})
        told = problem(answer)
        assert (answer.status_code, told["type"]) == (503, "not_listening")
        assert told["retryable"] is True
        assert int(answer.headers["retry-after"]) >= 1
        assert not rig.wire.sent


async def test_request_id_that_is_live_is_refused(rig):
    client = rig.client()
    await client.post(REQUESTS, json=HOLD | {"requestId": "145"})
    answer = await client.post(REQUESTS, json=RETRIEVE | {"requestId": "145"})
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (409, "duplicate_request_id")
    assert told["field"] == "requestId"


async def test_device_on_which_a_request_is_open_may_refuse_another():
    async with rigged(Policy(gate=GateMode.REFUSE)) as rig:
        client = rig.client()
        await client.post(REQUESTS, json=HOLD)
        answer = await client.post(REQUESTS, json=RETRIEVE)
        assert (answer.status_code, problem(answer)["type"]) == (409, "device_busy")
        assert int(answer.headers["retry-after"]) >= 1


async def test_one_more_than_may_be_pending_is_told_when_to_come_back():
    async with rigged(Policy(limits=Limits(max_pending=2))) as rig:
        client = rig.client()
        for number in range(2):
            body = DTMF | {"requestId": str(number)}
            assert (await client.post(REQUESTS, json=body)).status_code == 202
        answer = await client.post(REQUESTS, json=HOLD)
        told = problem(answer)
        assert (answer.status_code, told["type"]) == (429, "too_many_pending")
        assert told["retryable"] is True
        assert int(answer.headers["retry-after"]) >= 1


async def test_daemon_that_is_leaving_takes_nothing_new(rig):
    await rig.service.close()
    answer = await rig.client().post(REQUESTS, json=HOLD)
    assert (answer.status_code, problem(answer)["type"]) == (503, "closing")
    assert answer.headers["retry-after"] == "1"


async def test_journal_that_cannot_be_written_takes_nothing_new(rig, monkeypatch):
    def refuse(*_):
        raise NotKept("no new request can be kept: no room")

    monkeypatch.setattr(rig.service, "submit", refuse)
    answer = await rig.client().post(REQUESTS, json=HOLD)
    assert (answer.status_code, problem(answer)["type"]) == (503, "not_kept")
    assert answer.headers["retry-after"] == "5"


# -- digits ---------------------------------------------------------------------------------


async def test_digits_are_never_given_back(rig):
    reader = rig.call("GET", "/v1/events")
    await reader.until(lambda: reader.text)
    client = rig.client()
    first = await client.post(REQUESTS, json=DTMF)
    await reader.frames(1)
    told = [
        first.text,
        (await client.get(first.headers["location"])).text,
        (await client.get(REQUESTS)).text,
        (await client.delete(first.headers["location"])).text,
        reader.text,
    ]
    await reader.hang_up()
    assert first.status_code == 202
    assert not [text for text in told if DTMF["dtmfString"] in text]

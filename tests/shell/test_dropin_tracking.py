"""What is tracked and how: ids, bodies, whose request it is, what goes out untracked and why."""

from __future__ import annotations

import asyncio

import pytest

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import Reason
from listener.correlation.pending import State
from listener.dropin import following
from listener.errors import Closing, NotAccepted, NotKept, NotListening, TooManyPending
from listener.finesse.actions import Hold, OtherRequest, SignOut
from listener.report import state_word
from listener.service import Policy
from listener.web.callers import Scope
from listener.web.tokens import Tokens
from tests.shell.dropin_stage import XML, action, basic, fronting
from tests.shell.rest_server import HANG, Seen, api_errors, http
from tests.shell.stage import A, B, until

DIALOG = "/finesse/api/Dialog/54321"
TOKEN = "a-token-for-the-tests-1"
READ_TOKEN = "a-token-that-only-reads"


async def test_a_write_gets_a_request_id_and_keeps_the_one_it_has():
    async with fronting(http(202), http(202), http(202)) as (server, books, place):
        minted = books.record(await place.put(DIALOG, action("HOLD")))
        kept = books.record(await place.put(DIALOG, action("HOLD"), requestId="mine-1"))
        empty = books.record(await place.put(DIALOG, action("HOLD"), requestId=""))
    ids = [seen.headers["requestid"] for seen in server.seen]
    assert ids == [minted.request_id, "mine-1", empty.request_id]
    assert b"\r\nrequestId: mine-1\r\n" in server.seen[1].raw
    assert kept.request_id == "mine-1"
    assert len(set(ids)) == 3
    assert all(ids)
    assert server.seen[2].raw.lower().count(b"requestid") == 1


@pytest.mark.parametrize("given", ["mine-1", None])
async def test_the_request_id_is_on_the_wire_though_connection_names_it(given: str | None):
    more = {} if given is None else {"requestId": given}
    async with fronting(http(202)) as (server, books, place):
        got = await place.put(DIALOG, action("HOLD"), Connection="keep-alive, requestId", **more)
        record = books.record(got)
    assert server.seen[0].headers["requestid"] == record.request_id == (given or record.request_id)


async def test_reads_get_no_request_id_and_are_not_tracked():
    async with fronting(http(200)) as (server, books, place):
        await place.get("/finesse/api/User/1001001")
        assert not books.service.records
    assert "requestid" not in server.seen[0].headers


async def test_a_repeated_id_goes_out_untouched_and_is_tracked_apart():
    async with fronting(http(202), http(202)) as (server, books, place):
        first = await place.put(DIALOG, action("HOLD"), requestId="145")
        second = await place.put(DIALOG, action("RETRIEVE"), requestId="145")
        records = [books.record(first), books.record(second)]
    assert [seen.headers["requestid"] for seen in server.seen] == ["145", "145"]
    assert records[0].key != records[1].key
    assert {record.request_id for record in records} == {"145"}


async def test_known_bodies_are_recognised_and_go_out_as_they_came():
    body = b'<?xml version="1.0"?>\n<Dialog>\n <targetMediaAddress>1001001</targetMediaAddress>\n'
    body += b" <requestedAction>HOLD</requestedAction><x/></Dialog>\n"
    async with fronting(http(202), http(202)) as (server, books, place):
        held = books.record(await place.put(DIALOG, body))
        out = books.record(
            await place.put("/finesse/api/User/1001001", "<User><state>LOGOUT</state></User>")
        )
    assert isinstance(held.request, Hold)
    assert (held.request.dialog_id, held.request.device) == ("54321", "1001001")
    assert held.asked_by == "dropin"
    assert isinstance(out.request, SignOut)
    assert server.seen[0].body == body


@pytest.mark.parametrize(
    ("method", "body", "named"),
    [
        ("PUT", "<Dialog><requestedAction>TELEPORT</requestedAction></Dialog>", "TELEPORT"),
        ("PUT", "<Dialog><requestedAction>HOLD", ""),
        ("POST", '{"requestedAction": "HOLD"}', ""),
        ("PUT", "<!DOCTYPE x><Dialog/>", ""),
        ("DELETE", "", ""),
    ],
)
async def test_what_is_not_known_is_passed_on_and_tracked_by_its_id(method, body, named):
    async with fronting(http(202)) as (server, books, place):
        got = await place.client.request(
            method, DIALOG, content=body or None, headers={**basic(), "requestId": "r-9"}
        )
        record = books.record(got)
    assert (got.status_code, got.headers["x-outcome"]) == (202, "open")
    assert isinstance(record.request, OtherRequest)
    assert (record.request.requested_action, record.request_id) == (named, "r-9")
    assert (server.seen[0].body, server.seen[0].line.split()[0]) == (body.encode(), method)


async def test_it_goes_out_at_once_whatever_else_is_open_on_the_device():
    policy = Policy(gate=GateMode.REFUSE)
    async with fronting(http(202), http(202), requests=policy) as (server, _, place):
        for name in ("HOLD", "RETRIEVE"):
            got = await place.put(DIALOG, action(name))
            assert got.headers["x-outcome"] == "open"
    assert len(server.seen) == 2


# Whose request it is


async def test_bearer_is_tracked_for_the_agent_that_path_or_device_names():
    bearer = {"Authorization": "Bearer t", **XML}
    async with fronting(http(202), http(202), http(202), agents=(A, B)) as (_, books, place):
        books.extensions["2002"] = B
        by_path = await place.client.put(
            f"/finesse/api/User/{A}", content="<User><state>READY</state></User>", headers=bearer
        )
        by_device = await place.client.put(DIALOG, content=action("HOLD", "2002"), headers=bearer)
        nobody = await place.client.put(DIALOG, content=action("HOLD", "2003"), headers=bearer)
        agents = [books.record(got).request.agent for got in (by_path, by_device)]
    assert agents == [A, B]
    assert (nobody.status_code, nobody.headers["x-outcome"]) == (202, "untracked")
    assert nobody.headers["x-reason"] == "no_agent"
    assert "location" not in nobody.headers


async def test_without_credentials_it_is_finesse_that_says_so():
    async with fronting(http(401, b"", 'WWW-Authenticate: Basic realm="x"')) as (_, _, place):
        got = await place.client.put(DIALOG, content=action("HOLD"), headers=XML)
    assert (got.status_code, got.headers["x-outcome"]) == (401, "untracked")
    assert got.headers["www-authenticate"] == 'Basic realm="x"'


async def test_a_configured_agent_in_a_gap_is_tracked_all_the_same():
    async with fronting(http(202)) as (_, books, place):
        books.hearing.clear()
        books.service.session_down(A, "test")
        got = await place.put(DIALOG, action("HOLD"))
        assert books.record(got).request.agent == A
    assert got.headers["x-outcome"] == "open"


# What is not taken


@pytest.mark.parametrize(
    ("refusing", "reason"),
    [
        (TooManyPending("10,000 are open"), "too_many_pending"),
        (NotKept("no room"), "not_kept"),
        (NotListening("no session"), "no_session"),
        (NotAccepted("no"), "not_taken"),
    ],
)
async def test_what_cannot_be_tracked_goes_out_once_and_says_so(refusing, reason):
    async with fronting(http(202)) as (server, books, place):
        books.refusing = refusing
        got = await place.put(DIALOG, action("HOLD"), Prefer="wait=30")
    assert (got.status_code, got.headers["x-outcome"]) == (202, "untracked")
    assert (got.headers["x-reason"], got.headers["x-evidence"]) == (reason, "")
    assert got.headers["preference-applied"] == "wait=30"
    assert [seen.headers["requestid"] != "" for seen in server.seen] == [True]


async def test_the_bound_on_pending_requests_lets_it_through_untracked():
    policy = Policy(limits=Limits(10, 1))
    async with fronting(http(202), http(202), requests=policy) as (server, _, place):
        first = await place.put(DIALOG, action("HOLD"))
        second = await place.put(DIALOG, action("RETRIEVE"))
    assert [each.headers["x-outcome"] for each in (first, second)] == ["open", "untracked"]
    assert second.headers["x-reason"] == "too_many_pending"
    assert len(server.seen) == 2


@pytest.mark.parametrize("given", ["x" * 300, "t\xe9l\x80"])
async def test_an_id_that_cannot_be_tracked_is_not_touched(given: str):
    async with fronting(http(202)) as (server, _, place):
        got = await place.client.put(
            DIALOG,
            content=action("HOLD"),
            headers=[*basic().items(), (b"requestId", given.encode("latin-1"))],
        )
    assert server.seen[0].headers["requestid"] == given
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("untracked", "request_id")


async def test_a_daemon_that_ends_sends_nothing_and_says_when_to_come_again():
    async with fronting() as (server, books, place):
        books.refusing = Closing("shutting down")
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.headers["retry-after"]) == (503, "1")
    assert got.json()["retryable"] is True
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("rejected", "shutdown")
    assert server.seen == []


# The token


def tokens(tmp_path) -> Tokens:
    path = tmp_path / "tokens.toml"
    path.write_text(
        f'[[tokens]]\nname = "crm"\nscopes = ["request"]\ntoken = "{TOKEN}"\n'
        f'[[tokens]]\nname = "board"\nscopes = ["read"]\ntoken = "{READ_TOKEN}"\n'
    )
    path.chmod(0o600)
    found = Tokens.load(path)
    assert [entry.caller.may(Scope.REQUEST) for entry in found.entries] == [True, False]
    return found


async def test_the_token_lets_in_and_goes_no_further(tmp_path):
    async with fronting(http(202), http(200), tokens=tokens(tmp_path)) as (server, books, place):
        got = await place.put(DIALOG, action("HOLD"), X_Listener_Token=TOKEN)
        assert books.record(got).asked_by == "crm"
        await place.get("/finesse/api/User/1001001", X_Listener_Token=READ_TOKEN)
    assert all("x-listener-token" not in seen.headers for seen in server.seen)
    assert all(TOKEN.encode() not in seen.raw for seen in server.seen)


async def test_without_the_right_token_nothing_reaches_finesse(tmp_path):
    async with fronting(tokens=tokens(tmp_path)) as (server, _, place):
        missing = await place.put(DIALOG, action("HOLD"))
        wrong = await place.put(DIALOG, action("HOLD"), X_Listener_Token="x" * 20)
        reader = await place.put(DIALOG, action("HOLD"), X_Listener_Token=READ_TOKEN)
    assert [each.status_code for each in (missing, wrong, reader)] == [401, 401, 403]
    assert "Basic" not in missing.headers["www-authenticate"]
    assert reader.json()["type"].endswith("scope_missing")
    assert server.connections == 0


# How long it waits


async def test_without_prefer_finesses_answer_is_not_waited_past():
    async with fronting(http(202, b"", "X-Mine: 1")) as (_, books, place):
        got = await place.put(DIALOG, action("HOLD"))
        state = books.service.correlator.state(books.record(got).key)
    assert (got.status_code, got.headers["x-mine"], state) == (202, "1", "accepted")
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("open", "accepted")
    assert (got.headers["x-evidence"], "preference-applied" in got.headers) == ("", False)


async def test_wait_of_nothing_waits_for_finesse_alone():
    async with fronting(http(202), http(202)) as (_, _, place):
        for wish in ("wait=0", "respond-async, wait"):
            got = await place.put(DIALOG, action("HOLD"), Prefer=wish)
            assert (got.status_code, got.headers["x-outcome"]) == (202, "open")
            assert got.headers.get("preference-applied") == ("wait=0" if "=" in wish else None)


async def test_a_wait_that_is_too_long_is_granted_in_part():
    async with fronting(http(400, api_errors("Invalid Input"))) as (_, _, place):
        got = await place.put(DIALOG, action("HOLD"), Prefer="wait=600")
    assert got.headers["preference-applied"] == "wait=60"


async def test_what_is_still_open_after_the_wait_is_finesses_own_202():
    own = http(202, b"<taken/>", "X-Mine: 1", "Location: /elsewhere", "Set-Cookie: s=1")
    async with fronting(own) as (_, books, place):
        got = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
        key = books.record(got).key
    assert (got.status_code, got.content, got.headers["x-mine"]) == (202, b"<taken/>", "1")
    assert got.headers.get_list("location") == [f"/v1/requests/{key}"]
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("open", "accepted")


async def test_without_prefer_finesses_own_location_stays():
    own = http(201, b"", "Location: /finesse/api/ReasonCode/5")
    async with fronting(own) as (_, _, place):
        got = await place.client.post(
            "/finesse/api/ReasonCode", content="<ReasonCode/>", headers={**basic(), **XML}
        )
    assert (got.status_code, got.headers["location"]) == (201, "/finesse/api/ReasonCode/5")


async def test_what_finesse_did_there_and_then_is_not_waited_for():
    own = http(200, b"<ReasonCode/>", "Content-Type: application/xml")
    async with fronting(own) as (_, _, place):
        got = await place.client.put(
            "/finesse/api/ReasonCode/5",
            content="<ReasonCode/>",
            headers={**basic(), **XML, "Prefer": "wait=60"},
        )
    assert (got.status_code, got.content) == (200, b"<ReasonCode/>")
    assert got.headers["preference-applied"] == "wait=60"


@pytest.mark.parametrize("status", [200, 204])
async def test_another_success_of_finesse_is_handed_back_as_it_came(status: int):
    body = b"<User/>" if status == 200 else b""
    async with fronting(http(status, body, "X-Mine: 1"), http(status, body)) as (_, books, place):
        known = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
        unknown = await place.put(DIALOG, action("DANCE"), Prefer="wait=60")
        assert books.record(known).outcome is None
    for got in (known, unknown):
        assert (got.status_code, got.content) == (status, body)
        assert "/v1/requests/" in got.headers["location"]
    assert known.headers["x-mine"] == "1"


async def test_what_is_open_is_told_in_the_words_of_its_resource(monkeypatch):
    monkeypatch.setattr(following, "COMMITTED_WITHIN", 0.05)
    async with fronting(http(400, api_errors("Invalid Input"))) as (_, books, place):
        books.service._memory.settled = lambda *_: None  # decided, and never safe in the journal
        got = await place.put(DIALOG, action("HOLD"))
        word = state_word(books.record(got), State.REJECTED)
    assert (got.status_code, got.headers["x-outcome"]) == (400, "open")
    assert got.headers["x-reason"] == word == "sent"


async def test_a_request_that_was_given_up_while_its_client_waits_is_a_202():
    async with fronting(http(202)) as (server, books, place):
        asking = asyncio.create_task(place.put(DIALOG, action("HOLD"), Prefer="wait=60"))
        await server.arrived.wait()
        await until(lambda: [r for r in books.service.records.values() if r.answered])
        for key in books.service.records:
            books.service.abandon(key, Reason.CALLER)
        got = await asking
    assert (got.status_code, got.headers["x-outcome"]) == (202, "abandoned")
    assert got.headers["x-reason"] == "caller"


async def test_finesses_refusal_is_told_as_it_came():
    refusal = http(400, api_errors("Invalid Input"), "Content-Type: application/xml", "X-Mine: 1")
    async with fronting(refusal, refusal) as (_, _, place):
        plain = await place.put(DIALOG, action("HOLD"))
        waited = await place.put(DIALOG, action("HOLD"), Prefer="wait=30")
    for got in (plain, waited):
        assert (got.status_code, got.content) == (400, api_errors("Invalid Input"))
        assert (got.headers["x-mine"], got.headers["x-outcome"]) == ("1", "rejected")
        assert "/v1/requests/" in got.headers["location"]


async def test_a_503_in_finesses_words_is_a_refusal_and_a_bare_one_is_in_doubt():
    said, bare = http(503, api_errors("Service Unavailable")), http(503)
    async with fronting(said, bare) as (_, _, place):
        refused = await place.put(DIALOG, action("HOLD"), Prefer="wait=30")
        doubtful = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
    assert (refused.status_code, refused.headers["x-outcome"]) == (503, "rejected")
    assert (doubtful.status_code, doubtful.headers["x-outcome"]) == (202, "open")
    assert doubtful.headers["x-reason"] == "in_doubt"


@pytest.mark.parametrize("status", [500, 502, 504, 408])
async def test_an_answer_in_doubt_is_given_as_it_came_or_as_a_202_to_who_waits(status: int):
    async with fronting(http(status, b"oops"), http(status, b"oops")) as (server, _, place):
        plain = await place.put(DIALOG, action("HOLD"))
        waited = await place.put(DIALOG, action("HOLD"), Prefer="wait=1")
    assert (plain.status_code, plain.content) == (status, b"oops")
    assert (waited.status_code, waited.content) == (202, b"")
    assert [plain.headers["x-reason"], waited.headers["x-reason"]] == ["in_doubt"] * 2
    assert len(server.seen) == 2


async def test_a_client_that_hangs_up_ends_its_waiting_and_nothing_else():
    async with fronting(HANG) as (server, books, place):
        asking = asyncio.create_task(place.put(DIALOG, action("HOLD"), Prefer="wait=60"))
        await server.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        (record,) = books.service.records.values()
        await until(lambda: not [t for t in asyncio.all_tasks() if "client of" in t.get_name()])
        assert record.outcome is None
        assert books.service.correlator.state(record.key) == "sent"


async def test_answers_of_two_at_once_are_not_mixed_up():
    async def by_id(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(http(202, seen.headers["requestid"].encode()))
        await writer.drain()
        return True

    async with fronting(*[by_id] * 40) as (server, _, place):
        answers = await asyncio.gather(
            *(place.put(DIALOG, action("HOLD"), requestId=f"r-{n}") for n in range(40))
        )
    assert [got.text for got in answers] == [f"r-{n}" for n in range(40)]
    assert len(server.seen) == 40

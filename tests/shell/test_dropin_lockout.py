"""Wrong passwords cost one try each, and right ones are never blocked."""

from __future__ import annotations

import asyncio
import base64

import pytest

from listener.dropin.sessions import SessionPolicy
from tests.shell.dropin_stage import XML, action, basic, fronting, scene
from tests.shell.rest_server import HANG, Seen, api_errors, http
from tests.shell.stage import A, B

USER = "/finesse/api/User/1001001"
DIALOG = "/finesse/api/Dialog/54321"
CHALLENGE = 'WWW-Authenticate: Basic realm="Cisco Finesse"'
WRONG = http(401, api_errors("Authorization Failure"), CHALLENGE)
SHOWN = http(200, b"<User><loginId>1001001</loginId><state>READY</state></User>")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
async def test_a_password_that_finesse_refused_is_not_tried_again(method: str):
    async with fronting(WRONG, HANG) as (server, _, place):
        answers = [
            await place.client.request(method, USER, headers={**basic(A, "wrong"), **XML})
            for _ in range(3)
        ]
    assert len(server.seen) == 1
    assert [got.status_code for got in answers] == [401, 401, 401]
    assert "www-authenticate" in answers[2].headers
    assert 0 < int(answers[2].headers["retry-after"]) <= 300
    if method not in {"GET", "HEAD"}:
        assert answers[2].headers["x-outcome"] == "rejected"
        assert answers[2].headers["x-reason"] == "login_refused"
    if method != "HEAD":
        assert b"<ErrorType>Authorization Failure</ErrorType>" in answers[2].content


async def test_it_is_tried_again_after_its_time_and_other_pairs_are_not_touched():
    async with fronting(WRONG, SHOWN, SHOWN, WRONG, refused_for=300) as (server, _, place):
        now = [1000.0]
        place.dropin._doorkeeper._lockout._clock = lambda: now[0]
        assert (await place.get(USER, Authorization=wrong())).status_code == 401
        assert (await place.get(USER)).status_code == 200
        assert (await place.get(USER, agent=B)).status_code == 200
        assert (await place.get(USER, Authorization=wrong())).status_code == 401
        assert len(server.seen) == 3
        now[0] += 300
        assert (await place.get(USER, Authorization=wrong())).status_code == 401
    assert len(server.seen) == 4


def wrong() -> str:
    return basic(A, "wrong")["Authorization"]


async def test_many_at_once_with_a_wrong_password_cost_one_try():
    go = asyncio.Event()

    async def refuse(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await go.wait()
        writer.write(WRONG)
        await writer.drain()
        return True

    async with fronting(refuse, HANG) as (server, _, place):
        asking = [
            asyncio.create_task(
                place.client.request(
                    method, path, content=action("HOLD"), headers={**basic(A, "wrong"), **XML}
                )
            )
            for method, path in [
                ("PUT", DIALOG),
                ("GET", USER),
                ("PUT", DIALOG),
                ("DELETE", DIALOG),
            ]
        ]
        await server.arrived.wait()
        go.set()
        answers = await asyncio.gather(*asking)
    assert [got.status_code for got in answers] == [401] * 4
    assert len(server.seen) == 1


async def test_one_after_the_other_until_a_password_is_known_to_be_right():
    running: list[int] = []
    most: list[int] = []

    async def slow(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0)
        running.pop()
        writer.write(http(404, api_errors("Not Found")))
        await writer.drain()
        return True

    async with fronting(*[slow] * 6) as (server, _, place):
        await asyncio.gather(*(place.get(DIALOG) for _ in range(6)))
    assert len(server.seen) == 6
    assert max(most) == 1


async def test_who_waits_too_long_for_the_turn_is_told_that_nothing_was_sent():
    policy = SessionPolicy(patience=0.2)
    async with fronting(HANG, policy=policy) as (server, _, place):
        first = asyncio.create_task(place.get(USER))
        await server.arrived.wait()
        read = await place.get(USER)
        write = await place.put(DIALOG, action("HOLD"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert [read.status_code, write.status_code] == [503, 503]
    assert read.json()["type"].endswith("login_busy")
    assert (write.headers["x-outcome"], write.headers["x-reason"]) == ("rejected", "login_busy")
    assert len(server.seen) == 1


async def test_a_client_that_leaves_gives_its_turn_to_the_next():
    async with fronting(HANG, SHOWN) as (server, _, place):
        first = asyncio.create_task(place.get(USER))
        await server.arrived.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await place.get(USER)).status_code == 200


@pytest.mark.parametrize("kind", ["Invalid State", "Invalid Authorization User Specified"])
async def test_a_401_about_something_else_blocks_nobody(kind: str):
    other = http(401, api_errors(kind), CHALLENGE)
    async with fronting(*[other] * 7) as (server, _, place):
        for _ in range(7):
            got = await place.put(DIALOG, action("SEND_DTMF"))
            assert (got.status_code, got.headers["x-outcome"]) == (401, "rejected")
            assert got.content == api_errors(kind)
    assert len(server.seen) == 7


async def test_a_password_that_was_right_is_asked_about_before_it_goes_out_again():
    async with fronting(SHOWN, WRONG, SHOWN, http(202)) as (server, _, place):
        assert (await place.get(USER)).status_code == 200
        assert (await place.put(DIALOG, action("HOLD"))).status_code == 401
        assert (await place.put(DIALOG, action("HOLD"))).status_code == 202
    asked = server.seen[2]
    assert asked.line == f"GET {USER} HTTP/1.1"
    assert asked.headers["authorization"] == basic()["Authorization"]
    assert "cookie" not in asked.headers


async def test_a_password_that_was_changed_costs_two_tries_and_no_more():
    async with fronting(SHOWN, WRONG, WRONG, HANG) as (server, _, place):
        await place.get(USER)
        statuses = [(await place.put(DIALOG, action("HOLD"))).status_code for _ in range(4)]
    assert statuses == [401] * 4
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "PUT", "GET"]


async def test_system_info_proves_no_password():
    info = http(200, b"<SystemInfo><status>IN_SERVICE</status></SystemInfo>")
    async with fronting(info, WRONG, HANG) as (server, _, place):
        await place.client.get("/finesse/api/SystemInfo", headers=basic(A, "wrong"))
        for _ in range(2):
            got = await place.client.put(DIALOG, headers={**basic(A, "wrong"), **XML})
            assert got.status_code == 401
    assert len(server.seen) == 2


async def test_the_account_of_a_simulated_finesse_is_never_locked(tmp_path):
    async with scene(tmp_path, agents=(A, B)) as (sim, _, place):
        for _ in range(3):
            for method in ("GET", "PUT", "POST"):
                got = await place.client.request(method, USER, headers=basic(A, "wrong"))
                assert got.status_code == 401
        assert not sim.finesse.accounts.locked(A)
        assert (await place.get(USER)).status_code == 200
        assert sim.finesse.accounts._wrong == {}


TOKEN = base64.b64encode(b"1001001:wr")


@pytest.mark.parametrize(
    "header",
    [
        b"Basic " + TOKEN.rstrip(b"="),
        b"Basic\t" + TOKEN,
        b"Basic " + TOKEN[:4] + b" " + TOKEN[4:],
        b"Basic " + base64.urlsafe_b64encode(b"1001001:\xff\xfe\xff\xfb\xef"),
        b"Basic ,not base64 at all,",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Whatever else",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_no_spelling_of_a_refused_password_is_tried_twice(method: str, header: bytes):
    async with fronting(WRONG, HANG) as (server, _, place):
        for _ in range(3):
            got = await place.client.request(method, USER, headers=[(b"Authorization", header)])
            assert got.status_code == 401
    assert len(server.seen) == 1


async def test_a_spelling_does_not_hide_a_refusal_from_the_others():
    async with fronting(WRONG, HANG) as (server, _, place):
        for header in (b"Basic " + TOKEN, b"basic\t" + TOKEN.rstrip(b"=")):
            got = await place.client.get(USER, headers=[(b"Authorization", header)])
            assert got.status_code == 401
    assert len(server.seen) == 1


async def test_a_bearer_token_that_is_refused_is_asked_again():
    bearer = {"Authorization": "Bearer t"}
    async with fronting(WRONG, SHOWN) as (server, _, place):
        statuses = [(await place.client.get(USER, headers=bearer)).status_code for _ in range(2)]
    assert statuses == [401, 200]
    assert len(server.seen) == 2


async def test_what_cannot_be_read_is_asked_once_even_where_others_would_be_asked_about():
    refusal = http(401, api_errors("Authorization Failure"))
    async with fronting(refusal, HANG) as (server, _, place):
        for _ in range(2):
            got = await place.client.put(DIALOG, headers=[(b"Authorization", b"Basic ,")])
            assert got.status_code == 401
    assert len(server.seen) == 1

"""What goes through the drop-in as it came: requests, answers, headers, bodies of any size."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from listener.dropin.sessions import SessionPolicy
from tests.shell.dropin_stage import XML, action, basic, fronting, opened, said
from tests.shell.rest_server import HANG, Seen, http, listening
from tests.shell.stage import A

USER = "/finesse/api/User/1001001"
DIALOG = "/finesse/api/Dialog/54321"


def lines_of(seen: Seen) -> list[str]:
    return seen.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


async def test_get_reaches_finesse_as_it_was_sent():
    async with fronting(http(200, b"<User/>")) as (server, _, place):
        target = f'{USER}?next=\'%7B|a/../b%2f&x="1"'
        raw = (
            f"GET {target} HTTP/1.1\r\nHost: {place.url[7:]}\r\nCookie: JSESSIONID=1; a=b\r\n"
            "Accept: application/xml\r\nUser-Agent: mine/1\r\nX-Listener-Token: t0ken-of-no-use\r\n"
            f"Authorization: {basic()['Authorization']}\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
            "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n"
        )
        answer = await said(
            place, raw.encode().replace(b"X-Listener-Token: t0ken-of-no-use\r\n", b"")
        )
    assert answer.startswith(b"HTTP/1.1 200 ")
    line, *headers = lines_of(server.seen[0])
    assert line == f"GET {target} HTTP/1.1"
    assert sorted(headers) == sorted(
        [
            f"Host: {server.url[7:]}",
            "Cookie: JSESSIONID=1; a=b",
            "Accept: application/xml",
            "User-Agent: mine/1",
            f"Authorization: {basic()['Authorization']}",
            "X-Twice: 1",
            "X-Twice: 2",
        ]
    )


async def test_answer_comes_back_byte_for_byte():
    body = gzip.compress(b"<Dialogs></Dialogs>")
    answer = http(
        200,
        body,
        "Content-Type: application/xml;charset=ISO-8859-1",
        "Content-Encoding: gzip",
        "Set-Cookie: a=1; Path=/",
        "Set-Cookie: b=2; Secure",
        "Date: Sat, 21 Nov 2026 08:00:00 GMT",
        "Server: Apache",
        "X-Odd: \xe4",
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "Keep-Alive: timeout=20",
    )
    async with fronting(answer) as (_, _, place):
        got = await opened(place, f"{USER}/Dialogs")
    assert (got.status_code, await raw_of(got)) == (200, body)
    assert got.headers.raw == [
        (b"Content-Length", b"%d" % len(body)),
        (b"Content-Type", b"application/xml;charset=ISO-8859-1"),
        (b"Content-Encoding", b"gzip"),
        (b"Set-Cookie", b"a=1; Path=/"),
        (b"Set-Cookie", b"b=2; Secure"),
        (b"Date", b"Sat, 21 Nov 2026 08:00:00 GMT"),
        (b"Server", b"Apache"),
        (b"X-Odd", b"\xe4"),
    ]


async def raw_of(response: httpx.Response) -> bytes:
    body = b"".join([part async for part in response.aiter_raw()])
    await response.aclose()
    return body


@pytest.mark.parametrize(
    ("status", "headers"), [(204, ()), (304, ("ETag: x",)), (404, ()), (500, ()), (503, ())]
)
async def test_reads_are_answered_with_finesses_own_status(status: int, headers: tuple[str, ...]):
    answer = f"HTTP/1.1 {status} \r\n" + "".join(f"{h}\r\n" for h in headers)
    body = b"" if status in {204, 304} else b"<ApiErrors/>"
    length = b"" if status in {204, 304} else b"Content-Length: 12\r\n"
    async with fronting(answer.encode() + length + b"\r\n" + body) as (_, _, place):
        got = await place.get(USER)
    assert (got.status_code, got.content) == (status, body)
    assert "x-outcome" not in got.headers


async def test_head_is_answered_without_a_body():
    async with fronting(b"HTTP/1.1 200 \r\nContent-Length: 500\r\n\r\n") as (server, _, place):
        got = await place.client.head(USER, headers=basic())
    assert server.seen[0].line.startswith("HEAD ")
    assert (got.status_code, got.headers["content-length"], got.content) == (200, "500", b"")


async def test_redirects_are_handed_back_for_reads_and_for_writes():
    away = http(302, b"", "Location: https://ids.example.com:8553/login?x=1")
    async with fronting(away, away) as (server, _, place):
        for got in (
            await place.get(USER),
            await place.put(DIALOG, action("HOLD"), Prefer="wait=30"),
        ):
            assert got.status_code == 302
            assert got.headers["location"] == "https://ids.example.com:8553/login?x=1"
    assert len(server.seen) == 2


async def test_cookies_are_nobodys_here():
    async with fronting(http(200, b"", "Set-Cookie: s=1"), http(200)) as (server, _, place):
        await place.get(USER)
        place.client.cookies.clear()
        await place.get(USER)
    assert [seen.headers.get("cookie") for seen in server.seen] == [None, None]


async def test_a_big_answer_comes_part_by_part():
    read = asyncio.Event()
    part = b"x" * 65536

    async def slowly(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
        await read.wait()
        for _ in range(40):
            writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return True

    async with fronting(slowly) as (_, _, place):
        got = await opened(place, f"{USER}/Dialogs")
        parts = got.aiter_raw()
        size = len(await anext(parts))
        assert size > 0
        read.set()
        size += sum([len(each) async for each in parts])
        await got.aclose()
    assert size == 41 * len(part)


async def test_a_big_body_of_any_kind_goes_on_part_by_part_and_is_tracked_by_its_id():
    body = bytes(range(256)) * 8192  # 2 MiB
    async with fronting(http(202)) as (server, books, place):
        got = await place.client.post(
            "/finesse/api/User/1001001/CompressedClientLog",
            content=body,
            headers={**basic(), "Content-Type": "application/octet-stream", "requestId": "log-1"},
        )
        record = books.record(got)
    assert got.status_code == 202
    seen = server.seen[0]
    assert seen.body == body
    assert seen.headers["content-length"] == str(len(body))
    assert seen.headers["content-type"] == "application/octet-stream"
    assert record.request.requested_action == ""
    assert record.request_id == "log-1"


async def test_a_body_in_chunks_stays_in_chunks():
    received: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        body = b""
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body += await reader.read(65536)
        received.append(body)
        writer.write(http(202))
        await writer.drain()

    async def parts():
        for _ in range(40):
            yield b"y" * 16384

    async with (
        listening(handle) as port,
        fronting(node=f"http://127.0.0.1:{port}") as (_, _, place),
    ):
        got = await place.client.put(DIALOG, content=parts(), headers={**basic(), **XML})
    assert got.status_code == 202
    assert b"transfer-encoding: chunked" in received[0].lower()
    assert b"content-length" not in received[0].lower()
    assert received[1].count(b"y") == 40 * 16384


async def test_expect_is_answered_here_and_not_passed_on():
    body = action("HOLD").encode()
    head = (
        f"PUT {DIALOG} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: {basic()['Authorization']}\r\nExpect: 100-continue\r\n\r\n"
    )
    async with fronting(http(202)) as (server, _, place):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(place.url.rpartition(":")[2])
        )
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202 ")
        writer.close()
    assert "expect" not in server.seen[0].headers
    assert server.seen[0].body == body


async def test_a_refused_call_is_not_invited_to_send_its_body():
    head = (
        "PUT /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
        "Expect: 100-continue\r\n"
    )
    async with fronting() as (server, _, place):
        answer = await said(place, head.encode() + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert server.seen == []


async def test_bearer_goes_on_as_it_came():
    async with fronting(http(200)) as (server, _, place):
        await place.client.get(USER, headers={"Authorization": "Bearer abc.def"})
    assert server.seen[0].headers["authorization"] == "Bearer abc.def"


async def test_two_logins_are_nobodys():
    two = [*basic().items(), *basic("1009", "x").items()]
    async with fronting() as (server, _, place):
        got = await place.client.get(USER, headers=two)
    assert (got.status_code, got.json()["type"].rpartition(":")[2]) == (400, "two_logins")
    assert server.connections == 0


async def test_paths_that_lead_elsewhere_reach_nobody():
    async with fronting() as (server, _, place):
        statuses = []
        for path in (
            "/finesse/api/..%2fadmin",
            "/finesse/api/%2e%2e/x",
            "/finesse/api//x",
            "/v1/agents",
        ):
            got = await said(place, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            statuses.append(got.split()[1])
            assert b"application/problem+json" in got
        got = await place.client.request("PATCH", USER)
    assert statuses == [b"400", b"400", b"400", b"404"]
    assert (got.status_code, got.headers["allow"]) == (405, "DELETE, GET, HEAD, POST, PUT")
    assert server.connections == 0


async def test_a_request_target_with_a_host_is_refused():
    async with fronting() as (server, _, place):
        got = await said(
            place, f"GET http://evil.example.com{USER} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        )
    assert got.startswith(b"HTTP/1.1 400 ")
    assert server.connections == 0


async def test_pages_of_other_origins_reach_nobody():
    async with fronting() as (server, _, place):
        got = await place.put(DIALOG, action("HOLD"), Origin="https://evil.example.com")
        rebound = await place.put(DIALOG, action("HOLD"), Host="evil.example.com")
    assert (got.status_code, rebound.status_code) == (403, 403)
    assert server.connections == 0


async def test_a_waiting_read_ends_with_its_client():
    async with fronting(HANG) as (server, _, place):
        asking = asyncio.create_task(place.get(USER))
        await server.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert len(server.seen) == 1


async def test_credentials_are_in_no_log_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    async with fronting(http(202), http(401)) as (_, _, place):
        await place.put(DIALOG, action("SEND_DTMF", A, "<actionParams/>"))
        await place.put(DIALOG, action("HOLD"), agent="1009")
        shown = repr(place.dropin)
    secret = basic()["Authorization"].partition(" ")[2]
    assert caplog.records
    assert all(secret not in each.getMessage() for each in caplog.records)
    assert secret not in shown


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("agents", [(A,), ()])
async def test_what_this_program_alone_says_is_not_believed_from_behind(method: str, agents):
    spoof = ("X-Outcome: confirmed", "x-evidence: request_id", "X-Reason: z")
    own = http(202, b"", *spoof, "Preference-Applied: wait=9", "X-Mine: 1")
    policy = SessionPolicy(on_demand=False)
    async with fronting(own, agents=agents, policy=policy) as (_, _, place):
        got = await place.client.request(method, "/finesse/api/Dialog/5", headers=basic())
    names = ("x-outcome", "x-evidence", "x-reason", "preference-applied")
    told = [got.headers.get_list(name) for name in names]
    if method == "GET":
        assert told == [[], [], [], []]
    elif agents:
        assert told == [["open"], [""], ["accepted"], []]
    else:
        assert told == [["untracked"], [""], ["no_session"], []]
    assert got.headers["x-mine"] == "1"

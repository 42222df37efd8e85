"""Who may look at the page: codes, the cookie and what it opens, other sites and other names."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from datetime import datetime, timedelta

import pytest
from starlette.routing import Route
from structlog.testing import capture_logs

from listener.api.app import METHODS
from listener.page.assets import POLICY
from listener.page.codes import MOST_WRONG
from tests.shell.api_rig import CALL, HOLD, problem
from tests.shell.page_rig import FILES, HOST, STRANGER, paged

LOOKS = ("/page/info", "/page/requests", "/page/agents", "/page/timeline", "/page/summary")
OTHER_ORIGIN = "http://evil.example"


async def enter(browser, code, **headers):
    return await browser.post("/page/session", json={"code": code}, headers=headers)


# ---------------------------------------------------------------- the files


async def test_the_page_is_served_to_everybody_and_lets_nothing_else_in(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        got = await browser.get("/")

    assert got.status_code == 200
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert got.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert got.headers["cross-origin-opener-policy"] == "same-origin"
    assert got.headers["cross-origin-resource-policy"] == "same-origin"
    assert "strict-transport-security" not in got.headers
    assert "access-control-allow-origin" not in got.headers


async def test_all_that_the_page_names_is_served(tmp_path):
    index = FILES["/"].content.decode()
    named = re.findall(r'(?:src|href)="([^"#][^"]*)"', index)
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}

    assert named
    async with paged(tmp_path) as on, on.browser() as browser:
        for path in named:
            got = await browser.get(path)
            assert got.status_code == 200, path
            kind = kinds.get(path.rpartition(".")[2])
            assert kind is None or got.headers["content-type"] == kind


async def test_a_file_that_is_known_already_is_not_sent_again(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        for path in FILES:
            first = await browser.get(path)
            again = await browser.get(path, headers={"If-None-Match": first.headers["etag"]})
            other = await browser.get(path, headers={"If-None-Match": '"other"'})

            assert first.headers["cache-control"] == "no-cache"
            assert first.headers["etag"].startswith('"')
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert other.content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "/page/assets/../__init__.py",
        "/page/assets/..%2f__init__.py",
        "/page/assets/%2e%2e/codes.py",
        "/page/assets/nothing.js",
        "/page/assets/",
        "/page/assets/page.js%00",
        "/page/assets/index.html/..",
    ],
)
async def test_nothing_but_its_files_is_served(tmp_path, path):
    async with paged(tmp_path) as on, on.browser(headers=on.bearer("read")) as reader:
        got = await reader.get(path)

    assert got.status_code in {400, 404}
    assert problem(got)["type"] in {"invalid_path", "unknown_path"}


# ---------------------------------------------------------------- codes


async def test_a_code_becomes_a_cookie_that_opens_the_page(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        assert problem(await browser.get("/page/session"))["type"] == "unauthorized"
        entered = await enter(browser, await on.code())

        assert entered.status_code == 201
        assert entered.json().keys() == {"scopes", "numbers", "until"}
        assert (entered.json()["scopes"], entered.json()["numbers"]) == (["read"], False)
        cookie = entered.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= {*cookie.split("; ")}
        assert "Secure" not in cookie
        for path in ("/page/session", *LOOKS):
            assert (await browser.get(path)).status_code == 200, path


async def test_over_tls_the_cookie_is_for_tls_and_for_this_host_alone(tmp_path):
    async with paged(tmp_path) as on, on.browser(f"https://{HOST}") as browser:
        cookie = (await enter(browser, await on.code())).headers["set-cookie"]

        assert cookie.startswith("__Host-")
        assert "Secure" in cookie.split("; ")
        assert (await browser.get("/page/session")).status_code == 200


async def test_a_code_opens_once(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser, on.browser() as other:
        code = await on.code()
        assert (await enter(browser, code)).status_code == 201
        again = await enter(other, code)

        assert problem(again)["type"] == "code_refused"
        assert again.status_code == 401
        assert "set-cookie" not in again.headers


async def test_a_code_is_refused_after_a_minute(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        code = await on.code()
        on.late = timedelta(seconds=61)
        refused = problem(await enter(browser, code))

    assert refused["type"] == "code_refused"
    assert "listener page" in refused["detail"]


async def test_wrong_codes_are_told_to_wait_and_do_not_shut_out_a_right_one(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        on.page.clock = on.late.total_seconds  # it stands still
        code = await on.code()
        for _ in range(MOST_WRONG):
            assert (await enter(browser, "A" * 43)).status_code == 401
        further = await enter(browser, "A" * 43)

        assert problem(further)["type"] == "too_many_codes"
        assert 0 < int(further.headers["retry-after"]) <= 60
        assert (await enter(browser, code)).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"code": 5}, {"code": "x" * 129}, {"code": "x", "more": 1}, []]
)
async def test_what_is_no_code_is_named_and_not_repeated(tmp_path, body):
    async with paged(tmp_path) as on, on.browser() as browser:
        got = await browser.post("/page/session", json=body)

    assert got.status_code in {400, 422}
    assert problem(got)
    assert "xxx" not in got.text


async def test_a_form_cannot_send_a_code(tmp_path):
    """A page of another origin could send one without being asked."""
    async with paged(tmp_path) as on, on.browser() as browser:
        text = json.dumps({"code": await on.code()})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            got = await browser.post("/page/session", content=text, headers={"Content-Type": kind})
            assert problem(got)["type"] == "unsupported_media_type"
            assert "set-cookie" not in got.headers


# ---------------------------------------------------------------- who may ask for a code


async def test_who_may_read_may_ask_for_a_code(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        for scope in ("read", "request", "admin"):
            asked = await browser.post("/page/codes", json={}, headers=on.bearer(scope))
            assert asked.status_code == 201
            link = asked.json()["link"]
            assert re.fullmatch(rf"http://{HOST}/#code=[A-Za-z0-9_-]{{43}}", link)
            assert asked.json()["seconds"] == 60
        async with on.operator(STRANGER) as stranger:
            assert (await stranger.post("/page/codes", json={})).status_code == 201


async def test_nobody_else_may_ask_for_a_code(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong"}):
            got = await browser.post("/page/codes", json={}, headers=headers)
            assert problem(got)["type"] == "unauthorized"


async def test_only_an_operator_may_ask_for_a_page_with_numbers(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        for scope, status in (("read", 403), ("request", 403), ("admin", 201)):
            asked = await browser.post(
                "/page/codes", json={"numbers": True}, headers=on.bearer(scope)
            )
            assert asked.status_code == status, scope
        async with on.operator(STRANGER) as stranger:
            refused = await stranger.post("/page/codes", json={"numbers": True})
            assert problem(refused)["type"] == "scope_missing"


async def test_without_a_tcp_address_there_is_no_link_and_the_way_out_is_told(tmp_path):
    async with paged(tmp_path, address=None) as on, on.operator() as operator:
        refused = await operator.post("/page/codes", json={})

    assert problem(refused)["type"] == "page_not_served"
    assert refused.status_code == 409
    assert "listen =" in refused.json()["detail"]


# ---------------------------------------------------------------- what the cookie opens


async def test_the_cookie_is_good_for_reading_alone(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        for path in ("/v1/requests", "/v1/expectations", "/v1/reload", "/v1/forget", "/page/codes"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                got = await browser.request(method, path, json=HOLD)
                assert problem(got)["type"] == "unauthorized", (method, path)
        for path in (*LOOKS, "/v1/agents/1001", f"/v1/requests/{CALL}"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                got = await browser.request(method, path, json={})
                assert problem(got)["type"] == "unauthorized", (method, path)
        assert on.rig.wire.sent == []


async def test_the_cookie_opens_nothing_of_the_api(tmp_path):
    """There, numbers and call data stand as they are."""
    async with paged(tmp_path) as on, on.signed_in(numbers=True) as browser:
        paths = [
            route.path.replace("{id}", "1001").replace("{error}", "34").replace("{name}", "show.js")
            for route in on.rig.app.routes
            if isinstance(route, Route) and "GET" in (route.methods or ())
        ]
        for path in paths:
            opened = (await browser.get(path, params={"request": "x"})).status_code != 401
            free = path in {"/", "/livez", "/readyz"}
            assert opened == (free or path.startswith("/page/")), path


async def test_what_needs_no_cookie_is_little(tmp_path):
    async with paged(tmp_path) as on, on.browser() as browser:
        for route in on.rig.app.routes:
            if not isinstance(route, Route):
                continue
            path = re.sub(r"\{\w+\}", "x", route.path)
            for method in METHODS:
                got = await browser.request(method, path)
                free = path in {"/", "/livez", "/readyz"} or (path, method) == (
                    "/page/session",
                    "POST",
                )
                wrong_method = got.status_code == 405  # where nobody is asked for credentials
                assert wrong_method or (got.status_code != 401) == free, (method, path)


async def test_a_cookie_ends_after_twelve_hours(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        on.late = timedelta(hours=11, minutes=59)
        assert (await browser.get("/page/info")).status_code == 200
        on.late = timedelta(hours=12, seconds=1)
        assert problem(await browser.get("/page/info"))["type"] == "unauthorized"


async def test_a_stream_ends_with_its_cookie(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        until = datetime.fromisoformat((await browser.get("/page/session")).json()["until"])
        on.page.wall = lambda: until - timedelta(milliseconds=50)  # it stands still
        async with asyncio.timeout(20), browser.stream("GET", "/page/events") as stream:
            told = [line async for line in stream.aiter_lines()]
        on.page.wall = lambda: until
        async with asyncio.timeout(20), browser.stream("GET", "/page/events") as over:
            late = [line async for line in over.aiter_lines()]

    assert told[0].startswith("retry:")
    assert late[0].startswith("retry:")
    assert on.rig.chronicle.readers == 0


@pytest.mark.parametrize("path", ["/page/raw", "/page/story", "/page/requests/{}"])
async def test_only_an_operators_token_shows_numbers(tmp_path, path):
    async with paged(tmp_path) as on, on.browser() as caller:
        async with on.operator() as operator:
            id_ = (await operator.post("/v1/requests", json=HOLD)).json()["id"]
            asked = path.format(id_) + f"?request={id_}&unmask=true"
            asked = asked.replace(f"request={id_}&", "") if "{}" in path else asked
            at_the_socket = await operator.get(asked)
        got = {
            scope: await caller.get(asked, headers=on.bearer(scope))
            for scope in ("read", "request", "admin")
        }
        session = await caller.get("/page/session", headers=on.bearer("read"))

    assert at_the_socket.status_code == 200
    assert at_the_socket.json()["masked"] is False
    assert {scope: each.status_code for scope, each in got.items()} == {
        "read": 403,
        "request": 403,
        "admin": 200,
    }
    assert problem(got["read"])["type"] == "scope_missing"
    assert "admin" in problem(got["read"])["detail"]
    assert session.json()["numbers"] is False


async def test_a_token_stands_above_a_cookie(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        wrong = await browser.get("/page/info", headers={"Authorization": "Bearer wrong-wrong"})
        right = await browser.get("/page/session", headers=on.bearer("admin"))

    assert wrong.status_code == 401
    assert right.json()["scopes"] == ["admin", "read", "request"]
    assert right.json()["until"] is None


async def test_what_serves_the_page_never_sees_the_cookie(tmp_path):
    seen = []
    async with paged(tmp_path) as on:
        behind = on.guarded._app

        async def watched(scope, receive, send):
            seen.append(scope)
            await behind(scope, receive, send)

        on.guarded._app = watched
        async with on.signed_in() as browser:
            assert (await browser.get("/page/info")).status_code == 200
            (value,) = browser.cookies.values()

    assert len(seen) > 1
    assert value not in repr(seen)


# ---------------------------------------------------------------- other sites, other names


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 401),  # another port of this machine
        ({"Sec-Fetch-Site": "strange"}, 401),
        ({"Origin": OTHER_ORIGIN}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": f"https://{HOST}"}, 403),
        ({"Origin": OTHER_ORIGIN, "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8470"}, 403),
        ({"Host": "127.0.0.1.evil.example:8470"}, 403),
    ],
)
async def test_no_other_site_reads_with_the_cookie(tmp_path, headers, status):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        for path in ("/page/info", "/page/requests", "/page/events"):
            if status == 200 and path == "/page/events":
                continue  # it has no end
            given = {"Cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items()), **headers}
            async with on.browser() as other:
                got = await other.get(path, headers=given)
            assert got.status_code == status
            assert "access-control-allow-origin" not in got.headers
            if status != 200:
                assert problem(got)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": OTHER_ORIGIN}, 403),
        ({"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
async def test_no_other_site_turns_a_code_into_a_cookie(tmp_path, headers, status):
    async with paged(tmp_path) as on, on.browser() as browser:
        got = await enter(browser, await on.code(), **headers)

    assert got.status_code == status
    assert ("set-cookie" in got.headers) == (status == 201)


# ---------------------------------------------------------------- nothing is told


async def test_no_log_line_and_no_answer_tells_a_code_a_cookie_or_a_token(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    told = []
    with capture_logs() as lines:
        async with paged(tmp_path) as on, on.browser() as browser:
            code = await on.code()
            secrets = [code, *on.tokens.values()]
            told.append(await enter(browser, code + "x"))
            told.append(await enter(browser, code, Origin=OTHER_ORIGIN))
            told.append(await enter(browser, code))
            (cookie,) = browser.cookies.values()
            told.append(await browser.get("/page/info"))
            told.append(await browser.post("/v1/requests", json=HOLD))
            told.append(await browser.get("/page/info", headers={"Host": "evil.example"}))
            told.append(await enter(browser, code))
            told.append(await browser.get("/page/info", headers=on.bearer("read")))

    said = repr(lines) + caplog.text + "".join(each.text for each in told)
    named = {line["event"] for line in lines}
    assert {"caller.refused", "page.opened", "page.refused"} <= named
    for secret in (*secrets, cookie, cookie.partition(".")[2]):
        assert secret not in said

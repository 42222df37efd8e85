"""The REST side against scripted servers: what goes out, and what an answer means."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs

from listener.errors import ConfigurationError, CredentialsRefused, InvalidRequest, NotFinesse
from listener.errors import Unreachable as NotReachable
from listener.finesse.body import Element
from listener.finesse.model import Kind
from listener.rest import AnswerKind, Basic, Bearer, Rest, RestLimits, RestTimings
from listener.rest.callers import MOST_LENT, MOST_REFUSED, PROVEN_FOR, Caller
from tests.shell.rest_server import CUT, HANG, Seen, api_errors, asking, http, put, serving
from tests.shell.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIALOG = b"<Dialog><id>54321</id><state>ACTIVE</state></Dialog>"
SYSTEM = (
    b"<SystemInfo><status>IN_SERVICE</status><deploymentType>UCCE</deploymentType>"
    b"<xmppDomain>fin.example.com</xmppDomain></SystemInfo>"
)
ERRORS = api_errors("Invalid Input")


class Hidden:
    def get_secret_value(self) -> str:
        return "hush"


# What an answer means


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"", AnswerKind.DOUBTFUL),
        (202, b"", AnswerKind.ACCEPTED),
        (204, b"", AnswerKind.DOUBTFUL),
        (301, b"", AnswerKind.DOUBTFUL),
        (302, b"", AnswerKind.DOUBTFUL),
        (303, b"", AnswerKind.DOUBTFUL),
        (307, b"", AnswerKind.DOUBTFUL),
        (400, ERRORS, AnswerKind.REFUSED),
        (400, b"<html>no</html>", AnswerKind.REFUSED),
        (400, b"<ApiErrors><broken", AnswerKind.REFUSED),
        (401, ERRORS, AnswerKind.REFUSED),
        (403, b"", AnswerKind.REFUSED),
        (404, ERRORS, AnswerKind.REFUSED),
        (408, b"", AnswerKind.DOUBTFUL),
        (408, ERRORS, AnswerKind.DOUBTFUL),
        (429, b"", AnswerKind.REFUSED),
        (499, b"", AnswerKind.REFUSED),
        (500, ERRORS, AnswerKind.DOUBTFUL),
        (501, b"", AnswerKind.REFUSED),
        (502, b"<html>bad gateway</html>", AnswerKind.DOUBTFUL),
        (502, ERRORS, AnswerKind.DOUBTFUL),
        (503, ERRORS, AnswerKind.REFUSED),
        (503, b"", AnswerKind.DOUBTFUL),
        (503, b"<html>busy</html>", AnswerKind.DOUBTFUL),
        (503, b'{"ApiErrors": 1}', AnswerKind.DOUBTFUL),
        (503, b"<Dialogs/>", AnswerKind.DOUBTFUL),
        (504, ERRORS, AnswerKind.DOUBTFUL),
        (505, b"", AnswerKind.DOUBTFUL),
        (599, b"", AnswerKind.DOUBTFUL),
        (600, b"", AnswerKind.DOUBTFUL),
    ],
)
async def test_status_and_body_decide_what_an_answer_means(
    status: int, body: bytes, kind: AnswerKind
):
    async with serving(http(status, body)) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status, answer.body) == (kind, status, body)
    assert bool(answer.detail) == (kind is not AnswerKind.ACCEPTED)


async def test_answer_carries_errors_date_echoed_id_and_location():
    told = http(
        400,
        ERRORS,
        "Date: Sat, 21 Nov 2026 08:00:00 GMT",
        "requestid: id-1",
        "Location: /x",
        "Content-Type: application/xml;charset=UTF-8",
    )
    async with serving(told) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert [error.error_type for error in answer.errors] == ["Invalid Input"]
    assert answer.date == "Sat, 21 Nov 2026 08:00:00 GMT"
    assert (answer.request_id, answer.location) == ("id-1", "/x")
    assert answer.content_type == "application/xml;charset=UTF-8"
    assert "Invalid Input" in answer.detail


async def test_answer_to_another_request_id_is_in_doubt():
    async with serving(http(202, b"", "requestId: other")) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, 202)
    assert "another request" in answer.detail


async def test_interim_answer_is_not_the_answer():
    told = b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 \r\n\r\n" + http(409, ERRORS)
    async with serving(told) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.REFUSED, 409)


async def test_refusal_of_the_credentials_stops_nothing():
    async with serving(http(401), http(500), http(202)) as server, asking(server.url) as rest:
        first, second = await put(rest), await put(rest)
    assert (first.kind, second.kind) == (AnswerKind.REFUSED, AnswerKind.ACCEPTED)


async def test_redirect_of_a_put_is_not_followed_and_said_to_be_one():
    told = http(307, b"", "Location: /finesse/api/Dialog/1")
    async with serving(told, http(202)) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, 307)
    assert "redirect" in answer.detail
    assert len(server.seen) == 1


# What goes out


async def test_put_carries_request_id_credentials_and_content_type():
    async with serving(http(202)) as server, asking(server.url) as rest:
        await put(rest, "abc-1")
    seen = server.seen[0]
    assert seen.line == "PUT /finesse/api/Dialog/54321 HTTP/1.1"
    assert b"\r\nrequestId: abc-1\r\n" in seen.raw
    assert seen.headers["content-type"] == "application/xml"
    assert base64.b64decode(seen.headers["authorization"].split()[1]) == b"1001:secret-1001"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.body.startswith(b"<Dialog>")


async def test_element_is_rendered_as_xml():
    async with serving(http(202)) as server, asking(server.url) as rest:
        await rest.send(
            "1001",
            method="PUT",
            path="/finesse/api/User/1001",
            body=Element("User", (Element("state", "READY & <willing>"),)),
            request_id="r",
        )
    assert b"<state>READY &amp; &lt;willing&gt;</state>" in server.seen[0].body


async def test_get_never_carries_a_request_id():
    async with serving(http(200, DIALOG), http(200, DIALOG)) as server, asking(server.url) as rest:
        await rest.dialog("1001", "54321")
        await rest.send("1001", method="GET", path="/finesse/api/Dialog/1", request_id="abc")
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "GET"]
    assert not any("requestid" in seen.headers for seen in server.seen)


@pytest.mark.parametrize("bad", ["", "a\rb", "a\nb", "a\0b", "a\x85b", "€", " a", "a ", "x" * 1025])
async def test_request_id_that_no_header_can_carry_is_refused_before_anything(bad: str):
    async with serving(http(202)) as server, asking(server.url) as rest:
        with pytest.raises(InvalidRequest) as refused:
            await put(rest, bad)
        assert server.connections == 0
    assert refused.value.field == "requestId"


@pytest.mark.parametrize("good", ["a", "a b", "é", "1", "x" * 1024, "a,b;c=d"])
async def test_request_id_of_a_strange_client_travels_as_it_is(good: str):
    async with serving(http(202)) as server, asking(server.url) as rest:
        assert (await put(rest, good)).kind is AnswerKind.ACCEPTED
    assert f"\r\nrequestId: {good}\r\n".encode("latin-1") in server.seen[0].raw


@pytest.mark.parametrize(
    "path",
    [
        "/desktop",
        "/finesse/api",
        "/finesse/api/",
        "finesse/api/User/1",
        "https://elsewhere/finesse/api/User/1",
        "/finesse/api/User/1\r\nX: y",
        "/finesse/api/User/a b",
        "/finesse/api/User/é",
        "/finesse/api/User/1#x",
        "/finesse/api/User\\1",
        "/finesse/api/../desktop",
        "/finesse/api/User/%2e%2E/x",
        "/finesse/api/" + "x" * 4096,
    ],
)
async def test_path_outside_the_api_is_refused_before_anything(path: str):
    async with serving(http(202)) as server, asking(server.url) as rest:
        with pytest.raises(InvalidRequest):
            await rest.send("1001", method="PUT", path=path, body=b"", request_id="r")
        assert server.connections == 0


async def test_escaped_path_and_query_travel_as_they_are():
    path = "/finesse/api/User/a%2Fb%20c/Dialogs?category=TASK&x=%25"
    async with serving(http(202)) as server, asking(server.url) as rest:
        await rest.send("1001", method="POST", path=path, body=b"<x/>", request_id="r")
    assert server.seen[0].line == f"POST {path} HTTP/1.1"


@pytest.mark.parametrize(
    ("method", "body", "request_id"),
    [("PATCH", None, "r"), ("put", None, "r"), ("PUT", None, None), ("GET", b"<x/>", None)],
)
async def test_request_that_cannot_be_valid_is_refused(
    method: str, body: bytes | None, request_id: str | None
):
    async with asking("http://127.0.0.1:9") as rest:
        with pytest.raises(InvalidRequest):
            await rest.send(
                "1001", method=method, path="/finesse/api/x", body=body, request_id=request_id
            )


async def test_agent_without_credentials_sends_nothing():
    async with serving(http(202)) as server, asking(server.url) as rest:
        rest.forget("1001")
        answer = await put(rest)
        assert server.connections == 0
    assert (answer.kind, answer.status) == (AnswerKind.NOT_SENT, None)
    assert "credentials" in answer.detail


async def test_bearer_token_and_borrowed_credentials():
    answers = (http(202, b"", "Set-Cookie: a=1"), http(202), http(202))
    async with serving(*answers) as server, asking(server.url) as rest:
        rest.set_credentials("1001", Bearer("tok.en-1"))
        await put(rest)
        await rest.send(
            "1001",
            method="DELETE",
            path="/finesse/api/Dialog/1",
            request_id="r",
            credentials=Basic("other", "pw"),
        )
        await put(rest)
    first, borrowed, last = (seen.headers for seen in server.seen)
    assert first["authorization"] == last["authorization"] == "Bearer tok.en-1"
    assert base64.b64decode(borrowed["authorization"].split()[1]) == b"other:pw"
    assert "cookie" not in borrowed
    assert last["cookie"] == "a=1"


async def test_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password gone\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(http(202)) as server, asking(server.url) as rest:
        assert (await put(rest)).kind is AnswerKind.ACCEPTED
    assert base64.b64decode(server.seen[0].headers["authorization"].split()[1]).startswith(b"1001:")


# Cookies and connections


async def test_each_agent_has_its_own_cookies_over_one_connection():
    answers = (
        http(202, b"", "Set-Cookie: JSESSIONID=one; Path=/; HttpOnly"),
        http(202, b"", "Set-Cookie: JSESSIONID=two; Path=/"),
        http(202),
        http(202),
    )
    async with serving(*answers) as server, asking(server.url, agents=("1", "2")) as rest:
        for agent in ("1", "2", "1", "2"):
            await put(rest, agent=agent)
    assert [seen.headers.get("cookie") for seen in server.seen] == [
        None,
        None,
        "JSESSIONID=one",
        "JSESSIONID=two",
    ]
    assert server.connections == 1


async def test_new_credentials_drop_the_cookies_of_the_old():
    answers = (http(202, b"", "Set-Cookie: a=1"), http(202))
    async with serving(*answers) as server, asking(server.url) as rest:
        await put(rest)
        rest.set_credentials("1001", Basic("1001", "new"))
        await put(rest)
    assert "cookie" not in server.seen[1].headers


async def test_cookies_of_an_agent_are_bounded():
    flood = http(202, b"", *(f"Set-Cookie: c{n}=1" for n in range(51)))
    async with serving(flood, http(202)) as server, asking(server.url) as rest:
        await put(rest)
        await put(rest)
    assert "cookie" not in server.seen[1].headers


async def test_thousand_agents_share_few_connections():
    agents = [str(n) for n in range(1000)]
    limits = RestLimits(max_connections=4)
    patience = {"wait_for_connection": 300.0, "total": 300.0}  # the last one waits for 996 others
    async with (
        serving(*[http(202)] * 1000) as server,
        asking(server.url, agents=agents, limits=limits, **patience) as rest,
    ):
        answers = await asyncio.gather(*(put(rest, agent=agent) for agent in agents))
    assert {answer.kind for answer in answers} == {AnswerKind.ACCEPTED}
    assert len(server.seen) == 1000
    assert server.connections <= 4


# Snapshots


async def test_snapshot_of_a_dialog_is_found():
    told = http(200, DIALOG, "Date: Sat, 21 Nov 2026 08:00:00 GMT")
    async with serving(told) as server, asking(server.url) as rest:
        shown = await rest.dialog("1001", "543/21")
    assert (shown.found, shown.absent, shown.status, shown.detail) == (True, False, 200, "")
    assert shown.update.dialogs[0].id == "54321"
    assert shown.date == "Sat, 21 Nov 2026 08:00:00 GMT"
    assert server.seen[0].line == "GET /finesse/api/Dialog/543%2F21 HTTP/1.1"


@pytest.mark.parametrize(("body", "count"), [(b"<Dialogs/>", 0), (b"<Dialogs>%s</Dialogs>", 1)])
async def test_snapshot_of_an_agents_dialogs(body: bytes, count: int):
    body = body % DIALOG if b"%s" in body else body
    async with serving(http(200, body)) as server, asking(server.url) as rest:
        shown = await rest.dialogs("1001")
    assert shown.found
    assert shown.update.kind is Kind.DIALOGS
    assert len(shown.update.dialogs) == count
    assert server.seen[0].line == "GET /finesse/api/User/1001/Dialogs HTTP/1.1"


async def test_snapshot_of_another_user_with_ones_own_credentials():
    user = b"<User><loginId>1002</loginId><state>READY</state></User>"
    async with serving(http(200, user), http(200, user)) as server, asking(server.url) as rest:
        shown = await rest.user("1001", "1002")
        await rest.user("1001")
    assert shown.found
    assert shown.update.user.state == "READY"
    lines = [seen.line for seen in server.seen]
    assert lines == ["GET /finesse/api/User/1002 HTTP/1.1", "GET /finesse/api/User/1001 HTTP/1.1"]


@pytest.mark.parametrize(
    ("status", "body", "absent"),
    [
        (404, api_errors("Dialog Not Found"), True),
        (404, b"<html>Tomcat knows no Finesse</html>", False),
        (404, b"", False),
        (401, ERRORS, False),
        (500, ERRORS, False),
        (503, ERRORS, False),
        (200, b"<html>sign in</html>", False),
        (200, b"", False),
        (200, b"<User/>", False),
        (200, b"<Dialog><broken", False),
    ],
)
async def test_only_finesses_own_404_is_absence(status: int, body: bytes, absent: object):
    async with serving(http(status, body)) as server, asking(server.url) as rest:
        shown = await rest.dialog("1001", "1")
    assert (shown.found, shown.absent, shown.status) == (False, absent, status)
    assert shown.detail


async def test_404_of_a_list_or_a_user_is_not_absence():
    told = http(404, api_errors("Not Found"))
    async with serving(told, told) as server, asking(server.url) as rest:
        assert not (await rest.dialogs("1001")).absent
        assert not (await rest.user("1001")).absent


async def test_packed_answer_that_was_not_asked_for_shows_nothing():
    told = http(200, DIALOG, "Content-Encoding: gzip")
    async with serving(told) as server, asking(server.url) as rest:
        shown = await rest.dialog("1001", "54321")
    assert not shown.found
    assert shown.update is None


# Redirects of a GET


async def test_get_follows_redirects_between_configured_nodes():
    async with serving(http(200, DIALOG)) as second:
        there = http(302, b"", f"Location: {second.url}/finesse/api/Dialog/54321")
        async with (
            serving(http(307, b"", "Location: 54321?x=1"), there) as first,
            asking(first.url, second.url) as rest,
        ):
            shown = await rest.dialog("1001", "old")
    assert shown.found
    assert first.seen[1].line == "GET /finesse/api/Dialog/54321?x=1 HTTP/1.1"
    assert second.seen[0].headers["authorization"] == first.seen[0].headers["authorization"]


@pytest.mark.parametrize(
    "where",
    ["{other}/finesse/api/Dialog/1", "/desktop/login", "http://[", "//[::1]:x/", "ftp://h/"],
)
async def test_get_is_never_led_elsewhere(where: str):
    async with serving(http(200, DIALOG)) as other:
        told = http(302, b"", "Location: " + where.format(other=other.url))
        async with serving(told) as server, asking(server.url) as rest:
            shown = await rest.dialog("1001", "1")
        assert other.connections == 0
    assert (shown.status, shown.found, shown.absent) == (302, False, False)
    assert "redirect" in shown.detail


async def test_redirects_in_a_circle_end():
    told = http(302, b"", "Location: /finesse/api/Dialog/1")
    async with serving(*[told] * 20) as server, asking(server.url) as rest:
        shown = await rest.dialog("1001", "1")
    assert shown.status == 302
    assert len(server.seen) == 6


# SystemInfo


async def test_system_info_is_read_without_credentials():
    async with serving(http(200, SYSTEM)) as server, asking(server.url) as rest:
        info = await rest.system_info()
    assert (info.status, info.deployment_type) == ("IN_SERVICE", "UCCE")
    assert server.seen[0].line == "GET /finesse/api/SystemInfo HTTP/1.1"
    assert "authorization" not in server.seen[0].headers


async def test_system_info_of_one_node_with_an_agents_credentials():
    async with (
        serving(http(200, SYSTEM)) as first,
        serving(http(200, SYSTEM)) as second,
        asking(first.url, second.url) as rest,
    ):
        await rest.system_info(node=second.url, agent="1001")
    assert (first.connections, len(second.seen)) == (0, 1)
    assert "authorization" in second.seen[0].headers


@pytest.mark.parametrize(
    ("status", "body", "error", "word"),
    [
        (200, b"<!DOCTYPE html><html></html>", NotFinesse, "HTML"),
        (200, b'{"status": "up"}', NotFinesse, "JSON"),
        (200, b"", NotFinesse, "without a body"),
        (200, b"SSH?", NotFinesse, "body of its own"),
        (200, b"<User/>", NotFinesse, "SystemInfo"),
        (404, b"<html></html>", NotFinesse, "404"),
        (404, b"", NotFinesse, "404"),
        (302, b"", NotFinesse, "single sign-on"),
        (400, b"This combination of host and port requires TLS.", NotFinesse, "https"),
        (401, ERRORS, CredentialsRefused, "401"),
        (503, ERRORS, NotReachable, "503"),
        (500, b"", NotReachable, "500"),
    ],
)
async def test_what_is_not_finesse_is_said_in_words(
    status: int, body: bytes, error: type[Exception], word: str
):
    async with serving(http(status, body)) as server, asking(server.url) as rest:
        with pytest.raises(error, match=word) as raised:
            await rest.system_info()
    assert server.url in str(raised.value)


@pytest.mark.parametrize(
    ("status", "agent", "words"),
    [
        (401, None, ("401", "wants a login", "no agent's password")),
        (401, "1001", ("401", "agent 1001", "password", "`listener reload`", "proxy")),
        (500, None, ("500", "Finesse Tomcat", "`utils service list`")),
        (503, "1001", ("503", "Finesse Tomcat", "`utils service list`")),
    ],
)
async def test_system_info_that_is_refused_or_broken_names_the_way_out(status, agent, words):
    async with serving(http(status, b"")) as server, asking(server.url) as rest:
        with pytest.raises((CredentialsRefused, NotReachable)) as raised:
            await rest.system_info(agent=agent)
    assert all(word in str(raised.value) for word in words)


# Two nodes


async def test_node_that_cannot_be_reached_gives_way_and_is_remembered():
    async with serving() as gone:
        dead = gone.url
    async with serving(http(202), http(202)) as server, asking(dead, server.url) as rest:
        first, second = await put(rest), await put(rest)
    assert (first.kind, second.kind) == (AnswerKind.ACCEPTED, AnswerKind.ACCEPTED)
    assert rest.nodes.order()[0] == server.url


async def test_second_node_is_not_asked_once_bytes_had_left_for_the_first():
    async with (
        serving(http(500)) as first,
        serving(http(202)) as second,
        asking(first.url, second.url) as rest,
    ):
        answer = await put(rest)
    assert (answer.kind, second.connections) == (AnswerKind.DOUBTFUL, 0)


async def test_preferred_node_is_asked_first():
    async with (
        serving(http(202)) as first,
        serving(http(202)) as second,
        asking(first.url, second.url) as rest,
    ):
        rest.prefer(second.url + "/")
        await put(rest)
        with pytest.raises(ConfigurationError):
            rest.prefer("http://127.0.0.1:1")
    assert (first.connections, len(second.seen)) == (0, 1)


# Configuration and secrets


@pytest.mark.parametrize(
    "node",
    [
        "",
        "finesse1",
        "ftp://h",
        "https://",
        "https://h/x",
        "https://h?q",
        "https://u:geheim@h",
        "https://h:x",
    ],
)
def test_address_that_cannot_work_is_refused_without_its_secret(node: str):
    with pytest.raises(ConfigurationError) as refused:
        Rest([node])
    assert "geheim" not in str(refused.value)


def test_other_configuration_that_cannot_work_is_refused():
    with pytest.raises(ConfigurationError):
        Rest([])
    with pytest.raises(ConfigurationError):
        Rest(["http://h"], user_agent="a\nb")
    with pytest.raises(ConfigurationError):
        RestTimings(answer=0)
    with pytest.raises(ConfigurationError):
        RestTimings(total=float("inf"))
    with pytest.raises(ConfigurationError):
        RestLimits(max_connections=0)
    with pytest.raises(ConfigurationError):
        RestLimits(keepalive=-1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Basic("a:b", "geheim"),
        lambda: Basic("a\n", "geheim"),
        lambda: Basic("a", "geheim\0"),
        lambda: Bearer("ge heim"),
        lambda: Bearer(""),
    ],
)
def test_credentials_that_no_header_can_carry_are_refused_without_showing_them(
    make: Callable[[], object],
):
    with pytest.raises(ConfigurationError) as refused:
        make()
    assert "heim" not in str(refused.value)


def test_secrets_never_stand_in_a_repr():
    rest = Rest(["https://h:8445", "https://h:8445/", "https://[::1]"])
    basic, bearer = Basic("1001", "geheim"), Bearer("geheim")
    rest.set_credentials("1001", basic)
    shown = f"{basic!r} {basic} {bearer!r} {rest!r} {rest._callers!r}"
    assert "geheim" not in shown
    assert repr(rest) == "<Rest https://h:8445, https://[::1]:443; 1 agents>"


def test_secret_objects_show_themselves_only_in_the_header():
    assert Basic("u", Hidden()).authorization() == b"Basic " + base64.b64encode(b"u:hush")
    assert Bearer(Hidden()).authorization() == b"Bearer hush"
    assert Basic("ü", "€").authorization() == b"Basic " + base64.b64encode("ü:€".encode())


async def test_log_lines_name_the_exchange_and_no_content():
    structlog.reset_defaults()
    async with serving(http(202)) as server, asking(server.url) as rest:
        with capture_logs() as lines:
            await rest.send(
                "1001",
                method="POST",
                path="/finesse/api/User/1001/Dialogs?x=5551234",
                body=b"<toAddress>5551234</toAddress>",
                request_id="r",
            )
    assert [line["event"] for line in lines] == ["rest.sent", "rest.answered"]
    answered = lines[1]
    assert answered["log_level"] == "debug"
    assert (answered["agent"], answered["method"]) == ("1001", "POST")
    assert (answered["path"], answered["status"]) == ("/finesse/api/User/1001/Dialogs", 202)
    assert answered["elapsed"] >= 0
    assert "5551234" not in str(lines)
    assert "secret-1001" not in str(lines)


async def test_log_line_of_a_failure_says_whether_anything_left():
    structlog.reset_defaults()
    async with serving() as gone:
        dead = gone.url
    async with asking(dead) as rest:
        with capture_logs() as lines:
            await put(rest)
    assert [(line["event"], line["sent"]) for line in lines] == [("rest.failed", False)]
    assert "nothing listens" in lines[0]["detail"]


async def test_cancelled_caller_frees_its_connection():
    limits = RestLimits(max_connections=1)
    async with (
        serving(HANG, http(202)) as server,
        asking(server.url, limits=limits) as rest,
    ):
        waiting = asyncio.create_task(put(rest))
        await server.arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await put(rest)).kind is AnswerKind.ACCEPTED


async def test_node_can_be_asked_how_it_is_while_requests_hold_all_connections():
    limits = RestLimits(max_connections=1)
    async with (
        serving(HANG, http(200, SYSTEM)) as server,
        asking(server.url, limits=limits) as rest,
    ):
        waiting = asyncio.create_task(put(rest))
        await server.arrived.wait()
        assert (await rest.system_info()).status == "IN_SERVICE"
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("status", "doubted"), [(202, False), (404, False), (500, False), (503, True)]
)
async def test_who_decides_on_the_node_hears_which_one_does_not_serve(status, doubted):
    async with serving(http(status)) as server, asking(server.url) as rest:
        heard: list[str] = []
        rest.nodes.watch(heard.append)
        await put(rest)
        assert heard == ([server.url] if doubted else [])


async def test_who_decides_on_the_node_hears_of_one_that_cannot_be_reached_and_keeps_deciding():
    async with serving() as gone:
        dead = gone.url
    async with serving(http(202)) as server, asking(dead, server.url) as rest:
        heard: list[str] = []
        rest.nodes.watch(heard.append)
        assert (await put(rest)).kind is AnswerKind.ACCEPTED
    assert heard == [dead]
    assert rest.nodes.order()[0] == dead


async def test_agent_with_a_node_of_its_own_is_sent_there_first():
    async with (
        serving(http(202)) as first,
        serving(http(202)) as second,
        asking(first.url, second.url) as rest,
    ):
        rest.nodes.watch(lambda _node: None)  # else the one that answered is preferred
        (agent,) = rest._callers
        rest.nodes.follow(agent, second.url)
        await put(rest)
        rest.nodes.unfollow(agent)
        await put(rest)
    assert (len(first.seen), len(second.seen)) == (1, 1)


# Credentials that are refused


UNAUTHORIZED = http(401, api_errors("Authorization Failure"))


class Held:
    """A step of a script that answers when it is told to."""

    def __init__(self, answer: bytes) -> None:
        self.go = asyncio.Event()
        self._answer = answer

    async def __call__(self, _seen: object, writer: asyncio.StreamWriter) -> bool:
        await self.go.wait()
        writer.write(self._answer)
        await writer.drain()
        return True


def withholding(rest: Rest) -> list[str]:
    """Let refused credentials be used no more; return of whom that was told."""
    told: list[str] = []

    def refused(agent: str, _why: str) -> None:
        told.append(agent)
        rest.forget(agent)

    rest.refused = refused
    return told


async def test_refused_request_is_answered_before_it_is_known_what_the_401_is_about():
    about = Held(UNAUTHORIZED)
    async with serving(UNAUTHORIZED, about) as server, asking(server.url) as rest:
        told = withholding(rest)
        answer = await asyncio.wait_for(put(rest), 20)
        assert (answer.kind, answer.status) == (AnswerKind.REFUSED, 401)
        assert not told
        second = asyncio.create_task(put(rest, "id-2"))
        snapshot = asyncio.create_task(rest.dialogs("1001"))
        await until(lambda: len(server.seen) == 2)
        about.go.set()
        assert (await second).kind is AnswerKind.NOT_SENT
        assert not (await snapshot).found
        assert told == ["1001"]
        assert [seen.line.split()[0] for seen in server.seen] == ["PUT", "GET"]


async def test_requests_that_are_refused_at_once_ask_once_what_about():
    first, second, about = Held(UNAUTHORIZED), Held(UNAUTHORIZED), Held(UNAUTHORIZED)
    async with serving(first, second, about) as server, asking(server.url) as rest:
        told = withholding(rest)
        both = [asyncio.create_task(put(rest, f"id-{n}")) for n in range(2)]
        await until(lambda: len(server.seen) == 2)
        first.go.set()
        second.go.set()
        assert {answer.status for answer in await asyncio.gather(*both)} == {401}
        about.go.set()
        await until(lambda: told)
        assert len(server.seen) == 3


async def test_doubt_that_nobody_resolves_lets_a_request_wait_for_a_bounded_time():
    async with (
        serving(UNAUTHORIZED, HANG) as server,
        asking(server.url, wait_for_connection=0.2) as rest,
    ):
        await put(rest)
        later = [put(rest, f"id-{n}") for n in range(5)]
        answers = await asyncio.wait_for(asyncio.gather(*later), 15)  # the GET has 20 s
        assert {answer.kind for answer in answers} == {AnswerKind.NOT_SENT}
        assert "doubt" in answers[0].detail
        assert not (await asyncio.wait_for(rest.user("1001"), 15)).found
        assert len(server.seen) == 2


async def test_new_credentials_are_not_doubted_for_the_old_ones():
    async with serving(UNAUTHORIZED, HANG, http(202)) as server, asking(server.url) as rest:
        await put(rest)
        waiting = asyncio.create_task(put(rest, "id-2"))
        await until(lambda: len(server.seen) == 2)
        rest.set_credentials("1001", Basic("1001", "new"))
        assert (await asyncio.wait_for(waiting, 15)).kind is AnswerKind.ACCEPTED
        told = base64.b64decode(server.seen[2].headers["authorization"].split()[1])
        assert told == b"1001:new"


async def test_close_ends_the_question_what_a_401_is_about():
    async with serving(UNAUTHORIZED, HANG) as server, asking(server.url) as rest:
        await put(rest)
        await until(lambda: len(server.seen) == 2)
        await asyncio.wait_for(rest.aclose(), 15)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "doubt 1001"]


@pytest.mark.parametrize("gets", [0, 5])
async def test_requests_and_snapshots_at_once_do_not_lock_the_account(gets: int):
    steps = [Held(UNAUTHORIZED) for _ in range(20)]
    async with serving(*steps) as server, asking(server.url) as rest:
        told = withholding(rest)
        sends = [asyncio.create_task(put(rest, f"id-{n}")) for n in range(10)]
        reads = [asyncio.create_task(rest.dialog("1001", "5")) for _ in range(gets)]
        await until(lambda: len(server.seen) >= 2)
        for step in steps:
            step.go.set()
        await asyncio.gather(*sends, *reads)
        await until(lambda: told)
        assert len(server.seen) == 3  # with SASL's four, and five lock the account


async def test_get_that_hangs_holds_up_no_request():
    async with serving(HANG, http(202), http(202)) as server, asking(server.url) as rest:
        reads = [asyncio.create_task(rest.dialogs("1001")) for _ in range(3)]
        await until(lambda: server.seen)
        for number in range(2):
            answer = await asyncio.wait_for(put(rest, f"id-{number}"), 15)
            assert answer.kind is AnswerKind.ACCEPTED
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def test_requests_of_an_agent_go_out_in_the_order_in_which_they_came():
    async with serving(HANG, *[http(202)] * 20) as server, asking(server.url) as rest:
        first = asyncio.create_task(put(rest))  # of the two places one is left
        await until(lambda: server.seen)
        await asyncio.gather(*(put(rest, f"id-{n:02}") for n in range(20)))
        ids = [seen.headers["requestid"] for seen in server.seen[1:]]
        assert ids == [f"id-{n:02}" for n in range(20)]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_credentials_that_were_taken_a_moment_ago_let_requests_go_out_beside_each_other():
    async with (
        serving(http(400), HANG, HANG, http(202)) as server,
        asking(server.url) as rest,
    ):
        await put(rest)
        hanging = [asyncio.create_task(put(rest, f"id-{n}")) for n in range(2)]
        await until(lambda: len(server.seen) == 3)
        assert (await asyncio.wait_for(put(rest, "id-4"), 15)).kind is AnswerKind.ACCEPTED
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize("status", [None, 302, 401, 403, 500, 503])
def test_only_who_was_let_in_has_credentials_that_were_taken(status: int | None):
    caller = Caller(None)
    caller.took(100.0, status, 0)
    assert not caller.proven(100.0)
    for good in (200, 202, 400, 404):
        caller.took(100.0, good, 0)
        assert caller.proven(100.0)
    assert not caller.proven(100.0 + PROVEN_FOR)


@pytest.mark.parametrize("about", [http(500), http(503), http(302), http(403), CUT])
@pytest.mark.parametrize("at_once", [1, 2])
async def test_question_that_brings_no_word_does_not_cost_the_account_round_after_round(
    about: object, at_once: int
):
    """Three refusals at most, for certain or perhaps: SASL's is the fourth, five lock."""
    puts = [Held(UNAUTHORIZED) for _ in range(20)]
    left = list(puts)

    async def gets_and_puts(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.line.startswith("PUT"):
            return await left.pop(0)(seen, writer)
        if isinstance(about, bytes):
            writer.write(about)
            return True
        return False

    async with (
        serving(*[gets_and_puts] * 40) as server,
        asking(server.url) as rest,
    ):
        told = withholding(rest)
        sends = [asyncio.create_task(put(rest, f"id-{n}")) for n in range(at_once)]
        await until(lambda: len(server.seen) == at_once)
        for step in puts:
            step.go.set()
        await asyncio.gather(*sends, *(put(rest, f"later-{n}") for n in range(8)))
        assert told == ["1001"]
        refused = sum(seen.line.startswith("PUT") for seen in server.seen)
        perhaps = len(server.seen) - refused if about is CUT else 0
        assert refused + perhaps == MOST_REFUSED


async def test_refusals_are_forgotten_when_a_login_is_taken():
    script = [UNAUTHORIZED, http(500), http(202)] * 6
    async with serving(*script) as server, asking(server.url) as rest:
        told = withholding(rest)
        for number in range(6):
            await put(rest, f"id-{number}")
            assert (await put(rest, f"again-{number}")).kind is AnswerKind.ACCEPTED
        assert told == []
        assert len(server.seen) == len(script)


async def test_password_that_was_refused_often_enough_is_shown_to_system_info_no_more():
    async with serving(*[UNAUTHORIZED] * 20) as server, asking(server.url) as rest:
        for _ in range(9):
            with pytest.raises(CredentialsRefused):
                await rest.system_info(agent="1001")
        assert len(server.seen) == MOST_LENT
        assert rest.busy("1001") is False  # it is not what is on its way


async def test_refusals_of_system_info_alone_withhold_no_password():
    """Else a proxy that lets nobody at SystemInfo would take all agents their ears."""
    script = [UNAUTHORIZED, http(500), UNAUTHORIZED, UNAUTHORIZED]
    async with serving(*script, *[UNAUTHORIZED] * 9) as server, asking(server.url) as rest:
        told = withholding(rest)
        await put(rest, "id")
        await until(lambda: len(server.seen) == 2)

        async def refused() -> None:
            with pytest.raises(CredentialsRefused):
                await rest.system_info(agent="1001")

        while len(server.seen) == 2:  # what was answered about the login may be on its way yet
            await refused()
            await asyncio.sleep(0.001)
        await refused()
        assert (told, len(server.seen)) == ([], 3)
        assert (await put(rest, "another")).status == 401  # the third in a row, and so the last
        assert told == ["1001"]
        assert (await put(rest, "another")).kind is AnswerKind.NOT_SENT
        assert len(server.seen) == len(script)


async def test_refusals_are_forgotten_when_sasl_takes_the_login():
    async with serving(*[UNAUTHORIZED] * 20) as server, asking(server.url) as rest:
        told = withholding(rest)
        for _ in range(4):
            for _ in range(MOST_REFUSED - 1):
                with pytest.raises(CredentialsRefused):
                    await rest.system_info(agent="1001")
            rest.taken("1001")
        assert told == []
        assert len(server.seen) == 4 * (MOST_REFUSED - 1)
        rest.taken("nobody")


async def test_refusals_that_were_on_their_way_when_sasl_took_the_login_do_not_add_up():
    steps = [Held(UNAUTHORIZED) for _ in range(4)]
    async with serving(*steps) as server, asking(server.url) as rest:
        told = withholding(rest)
        for number, step in enumerate(steps, start=1):
            asked = asyncio.create_task(rest.system_info(agent="1001"))
            await until(lambda number=number: len(server.seen) == number)
            rest.taken("1001")
            step.go.set()
            with pytest.raises(CredentialsRefused):
                await asked
        assert told == []
        assert rest._callers["1001"].refusals == 1  # of the last one nobody knows

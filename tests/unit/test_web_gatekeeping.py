"""Who is let in: the matrix of Host, Origin, token and socket peer."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from structlog.testing import capture_logs

from listener.web.callers import Caller, Peer, Scope, with_included
from listener.web.gatekeeping import Guarded
from listener.web.hosts import parse_host
from listener.web.tokens import Tokens

SECRET = "correct-horse-battery"
TCP = Peer(unix=False, address="127.0.0.1")
ROOT = Peer(unix=True, uid=0)
SELF = Peer(unix=True, uid=os.geteuid())
STRANGER = Peer(unix=True, uid=54321)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokens") / "tokens.toml"
    path.write_text(f'[[tokens]]\nname = "crm"\nscopes = ["request"]\ntoken = "{SECRET}"\n')
    path.chmod(0o600)
    return Tokens.load(path)


class Answer:
    """What came of one request: an answer, and the scope that the application got, if it did."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.scope: dict[str, Any] | None = None

    @property
    def problem(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        told = json.loads(self.body)
        assert told["status"] == self.status
        assert not told["retryable"]
        return str(told["type"]).removeprefix("urn:finesse-listener:problem:")


async def ask(
    held: Tokens | None,
    *headers: tuple[str, str],
    host: str | None = "localhost:8090",
    peer: Peer | None = TCP,
    path: str = "/v1/requests",
    method: str = "GET",
    server: tuple[str, int | None] = ("127.0.0.1", 8090),
    scheme: str = "http",
    **how: Any,
) -> Answer:
    got = Answer()

    async def app(scope, receive, send):
        got.scope = scope
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})

    async def send(message):
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode().lower(): v.decode() for name, v in message["headers"]}
        else:
            got.body += message["body"]

    async def receive():
        raise AssertionError("nothing is read before a caller is let in")

    given = [("Host", host)] if host is not None else []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "scheme": scheme,
        "server": server,
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in [*given, *headers]],
    }
    if peer is not None:
        scope["listener.peer"] = peer
    await Guarded(app, tokens=lambda: held, **how)(scope, receive, send)
    return got


BEARER = ("Authorization", f"Bearer {SECRET}")


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_lets_its_caller_in_and_goes_no_further(tokens, scheme):
    got = await ask(tokens, ("Authorization", f"{scheme} {SECRET}"), ("Accept", "*/*"))

    assert got.status == 200
    assert got.scope is not None
    assert got.scope["listener.caller"] == Caller("crm", frozenset({Scope.READ, Scope.REQUEST}))
    assert SECRET not in repr(got.scope)
    assert (b"accept", b"*/*") in got.scope["headers"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong-wrong-wrong")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "")],
        [("Authorization", f"Basic {SECRET}")],
        [("Authorization", SECRET)],
        [("Authorization", f"Bearer {SECRET}, Bearer {SECRET}")],
        [("Authorization", f"Bearer\t{SECRET}")],
        [("Authorization", f"Bearer {SECRET} \xe9")],
        [BEARER, BEARER],
        [BEARER, ("Authorization", "Bearer wrong-wrong-wrong")],
        [("X-Listener-Token", SECRET)],
    ],
)
async def test_without_its_token_nobody_comes_in_over_tcp(tokens, headers):
    with capture_logs() as lines:
        got = await ask(tokens, *headers)

    assert (got.status, got.problem, got.scope) == (401, "unauthorized", None)
    assert got.headers["www-authenticate"] == 'Bearer realm="finesse-listener"'
    assert [line["event"] for line in lines] == ["caller.refused"]
    for text in (repr(lines), got.body.decode()):
        assert SECRET not in text
        assert "wrong-wrong" not in text


@pytest.mark.parametrize("held", [None, Tokens()])
@pytest.mark.parametrize("headers", [[], [BEARER]])
async def test_without_any_tokens_nobody_comes_in_over_tcp(held, headers):
    got = await ask(held, *headers)

    assert (got.status, got.problem) == (401, "unauthorized")
    if not headers:
        assert "tokens_file" in json.loads(got.body)["detail"]


async def test_tokens_that_were_read_again_hold_from_the_next_request_on(tokens):
    current = [Tokens()]

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = []

    async def send(message):
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    guarded = Guarded(app, tokens=lambda: current[0])
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {SECRET}".encode())]
    scope = {"type": "http", "path": "/", "headers": headers, "listener.peer": TCP}
    await guarded(scope, None, send)
    current[0] = tokens
    await guarded(scope, None, send)
    current[0] = Tokens()
    await guarded(scope, None, send)

    assert sent == [401, 200, 401]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_health_needs_no_token_and_still_a_good_host(tokens, path):
    got = await ask(tokens, path=path)
    assert got.status == 200
    assert got.scope is not None
    assert got.scope["listener.caller"] is None
    assert (await ask(None, path=path)).status == 200
    with_token = await ask(tokens, BEARER, path=path)
    assert with_token.scope is not None
    assert with_token.scope["listener.caller"].name == "crm"

    assert (await ask(tokens, path=path, host="evil.example")).status == 403
    assert (await ask(tokens, ("Origin", "http://evil.example"), path=path)).status == 403


@pytest.mark.parametrize("path", ["/livez/", "/LIVEZ", "//livez", "/livez/../v1/requests", "/", ""])
async def test_nothing_but_the_open_paths_is_open(tokens, path):
    assert (await ask(tokens, path=path)).status == 401


# ---------------------------------------------------------------- the Unix socket


@pytest.mark.parametrize(
    ("peer", "name", "scopes"),
    [
        (ROOT, "uid:0", with_included(Scope.ADMIN)),
        (SELF, f"uid:{os.geteuid()}", with_included(Scope.ADMIN)),
        (STRANGER, "uid:54321", with_included(Scope.REQUEST)),
    ],
)
async def test_at_the_unix_socket_the_uid_is_the_caller(tokens, peer, name, scopes):
    for host in ("localhost", "anything.example", None):
        got = await ask(tokens, peer=peer, host=host)

        assert got.scope is not None
        assert got.scope["listener.caller"] == Caller(name, scopes)


async def test_a_token_counts_at_the_unix_socket_too(tokens):
    got = await ask(tokens, BEARER, peer=ROOT)
    assert got.scope is not None
    assert got.scope["listener.caller"].name == "crm"

    assert (await ask(tokens, ("Authorization", "Bearer wrong"), peer=ROOT)).status == 401


async def test_a_unix_peer_that_the_system_does_not_name_needs_a_token(tokens):
    assert (await ask(tokens, peer=Peer(unix=True))).status == 401
    assert (await ask(tokens, BEARER, peer=Peer(unix=True))).status == 200


async def test_a_connection_of_unknown_kind_is_taken_for_tcp(tokens):
    assert (await ask(tokens, peer=None)).status == 401
    assert (await ask(tokens, BEARER, peer=None, host="evil.example")).status == 403


# ---------------------------------------------------------------- Host


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8090",
        "localhost.:8090",
        "127.0.0.1:8090",
        "127.0.0.1",
        "127.255.1.2:8090",
        "[::1]:8090",
        "[0:0:0:0:0:0:0:1]",
        "localhost:9999",
        "gateway.example.com:8090",
        "GATEWAY.example.com.",
    ],
)
async def test_own_names_are_served(tokens, host):
    got = await ask(tokens, BEARER, host=host, allowed_hosts=["Gateway.Example.com"])

    assert got.status == 200


async def test_the_address_that_was_connected_to_is_served(tokens):
    own = {"server": ("10.1.2.3", 8090)}
    assert (await ask(tokens, BEARER, host="10.1.2.3:8090", **own)).status == 200
    assert (await ask(tokens, BEARER, host="10.1.2.4:8090", **own)).status == 403
    own = {"server": ("2001:db8::1", 8090)}
    assert (await ask(tokens, BEARER, host="[2001:DB8:0::1]:8090", **own)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil-localhost",
        "0.0.0.0:8090",
        "[::]:8090",
        "10.0.0.1",
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
    ],
)
async def test_other_names_are_refused_with_or_without_a_token(tokens, host):
    for headers in ([], [BEARER]):
        got = await ask(tokens, *headers, host=host)

        assert (got.status, got.problem, got.scope) == (403, "host_refused", None)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        " localhost",
        "localhost ",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:8090:1",
        "user@localhost",
        "localhost, evil.example",
        "localhost/",
        "localhost#x",
        "http://localhost",
        "[::1",
        "::1",
        "[::1%lo]",
        "löcalhost",
        "-localhost",
        ".localhost",
    ],
)
async def test_a_host_that_is_missing_or_odd_is_refused(tokens, host):
    got = await ask(tokens, BEARER, host=host)

    assert (got.status, got.problem, got.scope) == (400, "host_refused", None)


async def test_two_hosts_are_refused(tokens):
    got = await ask(tokens, BEARER, ("Host", "localhost:8090"))

    assert (got.status, got.problem) == (400, "host_refused")


def test_hosts_are_compared_in_one_spelling():
    assert parse_host("LocalHost.:80") == "localhost"
    assert parse_host("[0::1]") == "::1"
    assert parse_host("[not:an:address]") is None
    assert parse_host("[::zz]") is None


# ---------------------------------------------------------------- Origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8090", "localhost:8090"),
        ("http://LOCALHOST:8090", "localhost:8090"),
        ("http://127.0.0.1:8090", "127.0.0.1:8090"),
        ("http://[::1]:8090", "[::1]:8090"),
        ("http://localhost", "localhost:80"),
        ("https://tools.example.com", "localhost:8090"),
        ("https://tools.example.com:443", "localhost:8090"),
    ],
)
async def test_our_own_pages_and_allowed_ones_may_ask(tokens, origin, host):
    got = await ask(
        tokens,
        BEARER,
        ("Origin", origin),
        ("Sec-Fetch-Site", "cross-site"),
        host=host,
        allowed_origins=["https://tools.example.com"],
    )

    assert got.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:8090",
        "http://127.0.0.1:8090",
        "http://localhost:8090.evil.example",
        "http://tools.example.com",
        "https://tools.example.com.evil.example",
        "https://tools.example.com:8443",
        "https://tools.example.com/",
        "http://localhost:8090 http://evil.example",
    ],
)
@pytest.mark.parametrize("peer", [TCP, ROOT])
async def test_pages_of_others_may_not_with_or_without_a_token(tokens, origin, peer):
    for headers in ([], [BEARER]):
        got = await ask(
            tokens,
            *headers,
            ("Origin", origin),
            peer=peer,
            allowed_origins=["https://tools.example.com"],
        )

        assert (got.status, got.problem, got.scope) == (403, "origin_refused", None)


async def test_a_rebound_name_is_no_origin_of_ours_at_the_unix_socket_either(tokens):
    got = await ask(tokens, ("Origin", "http://evil.example"), host="evil.example", peer=ROOT)

    assert got.status == 403


async def test_two_origins_are_refused(tokens):
    own = ("Origin", "http://localhost:8090")

    assert (await ask(tokens, BEARER, own, own)).status == 403


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 200), ("same-origin", 200), ("none", 200)],
)
async def test_a_browser_that_comes_from_another_site_is_refused(tokens, site, status):
    assert (await ask(tokens, BEARER, ("Sec-Fetch-Site", site))).status == status


async def test_an_allowed_origins_browser_may_ask_first(tokens):
    preflight = [
        ("Origin", "https://tools.example.com"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,prefer"),
    ]
    allowed = {"allowed_origins": ["https://tools.example.com"], "method": "OPTIONS"}
    got = await ask(tokens, *preflight, **allowed)
    assert got.status == 200
    assert got.headers["access-control-allow-origin"] == "https://tools.example.com"
    assert "authorization" in got.headers["access-control-allow-headers"]
    assert got.scope is None

    assert (await ask(tokens, *preflight, method="OPTIONS")).status == 403
    assert (await ask(tokens, *preflight, host="evil.example", **allowed)).status == 403


async def test_an_allowed_origin_may_read_why_it_was_refused(tokens):
    got = await ask(
        tokens,
        ("Origin", "https://tools.example.com"),
        allowed_origins=["https://tools.example.com"],
    )

    assert (got.status, got.problem) == (401, "unauthorized")
    assert got.headers["access-control-allow-origin"] == "https://tools.example.com"


# ---------------------------------------------------------------- in place of Finesse

DROPIN = {"header": "X-Listener-Token", "open_paths": ()}


async def test_the_token_may_travel_in_a_header_of_its_own(tokens):
    finesse = ("Authorization", "Basic MTAwMTpwYXNz")
    got = await ask(tokens, finesse, ("X-Listener-Token", SECRET), **DROPIN)
    assert got.scope is not None
    assert got.scope["listener.caller"].name == "crm"
    names = [name for name, _ in got.scope["headers"]]
    assert b"authorization" in names
    assert b"x-listener-token" not in names

    for headers in ([finesse], [BEARER], [("X-Listener-Token", f"Bearer {SECRET}")]):
        refused = await ask(tokens, *headers, **DROPIN)
        assert refused.status == 401
        assert "Basic" not in refused.headers["www-authenticate"]
        assert "Bearer" not in refused.headers["www-authenticate"]
        assert refused.problem == "unauthorized"
    assert "X-Listener-Token: TOKEN" in json.loads((await ask(tokens, **DROPIN)).body)["detail"]


async def test_a_token_can_be_left_out_where_that_is_allowed(tokens):
    local = Caller("local", with_included(Scope.REQUEST))
    got = await ask(tokens, anonymous=local, **DROPIN)
    assert got.scope is not None
    assert got.scope["listener.caller"] == local

    wrong = await ask(tokens, ("X-Listener-Token", "wrong"), anonymous=local, **DROPIN)
    assert wrong.status == 401
    assert (await ask(tokens, host="evil.example", anonymous=local, **DROPIN)).status == 403


# ---------------------------------------------------------------- what is no request


async def test_start_and_end_pass_and_web_sockets_do_not(tokens):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    sent = []

    async def send(message):
        sent.append(message["type"])

    guarded = Guarded(app, tokens=lambda: tokens)
    await guarded({"type": "lifespan"}, None, send)
    await guarded({"type": "websocket", "headers": []}, None, send)

    assert seen == ["lifespan"]
    assert sent == ["websocket.close"]

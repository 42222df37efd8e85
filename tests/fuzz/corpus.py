"""Good inputs, of which bad ones are made: samples, what the project's own builders write, HTTP.

All made up; nothing here is read from outside of the project.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path

from listener.finesse.model import Kind, Update
from listener.finesse.wire import read_document, render_body, render_update
from tests.builders import AGENT, a_dialog, a_participant, a_user
from tests.shell.rest_server import api_errors, http
from tests.shell.scripted_xmpp import AGENT as HEARER
from tests.shell.scripted_xmpp import DOMAIN, PUBSUB, message

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
SECRET = "s3cret-of-a-caller"
"""Stands where a password or a token stands: no answer and no error may tell it."""
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@cache
def samples() -> tuple[bytes, ...]:
    """Return the sample documents."""
    return tuple(file.read_bytes() for file in sorted(SAMPLES.glob("*.xml")))


@cache
def payloads() -> tuple[str, ...]:
    """Return good payloads: those of the samples, and what `wire` writes."""
    found = [
        notification.payload
        for document in samples()
        for notification, update in read_document(document).notifications
        if notification is not None and isinstance(update, Update)
    ]
    ours = a_dialog("7", a_participant(), variables={"user.case": "a<b", "callVariable1": None})
    written = (
        Update(Kind.DIALOG, "PUT", "/finesse/api/Dialog/7", "id-1", (ours,)),
        Update(Kind.DIALOGS, "POST", "/finesse/api/User/1/Dialogs", None, (ours, a_dialog("8"))),
        Update(Kind.USER, "PUT", "/finesse/api/User/1", None, (), a_user()),
    )
    return (*found, *map(render_update, written))


@cache
def stanzas() -> tuple[bytes, ...]:
    """Return good stanzas of a server, of every kind that a session hears."""
    plain = [message(payload).encode() for payload in payloads()]
    me = f"{HEARER}@{DOMAIN}"
    carbon = (
        "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        f"{message(payloads()[0])}</forwarded></received>"
    )
    others = (
        f"<presence from='finesse@{DOMAIN}' to='{me}/x'/>",
        f"<presence type='unavailable' from='finesse@{DOMAIN}' to='{me}/x'/>",
        f"<presence type='subscribe' from='1002@{DOMAIN}'/>",
        f"<iq type='get' id='a1' from='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<iq type='result' id='a2' from='{DOMAIN}'/>",
        f"<iq type='error' id='a3' from='{PUBSUB}'><error><item-not-found/></error></iq>",
        f"<iq type='set' id='a4' from='{me}'><query xmlns='jabber:iq:roster'/></iq>",
        f"<message from='1002@{DOMAIN}/pc' type='chat'><body>hello</body></message>",
        f"<message type='error' from='{PUBSUB}'><error type='wait'/></message>",
        f"<message from='{me}'>{carbon}</message>",
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    )
    return (*plain, *(each.encode() for each in others))


@cache
def answers() -> tuple[bytes, ...]:
    """Return whole HTTP answers of Finesse."""
    dialogs = Update(Kind.DIALOGS, dialogs=(a_dialog("7"),))
    bodies = (
        render_body(dialogs),
        render_body(Update(Kind.DIALOG, dialogs=(a_dialog("7"),))),
        render_body(Update(Kind.USER, user=a_user())),
        (SAMPLES / "rest-system-info.xml").read_bytes(),
        (SAMPLES / "rest-dialogs-empty.xml").read_bytes(),
    )
    kept = "Set-Cookie: JSESSIONID=1; Path=/finesse"
    return (
        http(202, b"", "requestId: id-1", "Date: Sat, 21 Nov 2026 08:00:00 GMT"),
        *(http(200, body, "Content-Type: application/xml", kept) for body in bodies),
        *(http(code, api_errors("Generic Error")) for code in (400, 401, 404, 503)),
        http(302, b"", "Location: /finesse/api/User/1002"),
        _CHUNKED + b"5\r\n<Dial\r\n4\r\nogs>\r\na\r\n</Dialogs>\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b\x08\x00",
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(202),
    )


def _asked(method: str, path: str, body: object = None, *headers: str) -> bytes:
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        kind = "application/xml" if isinstance(body, bytes) else "application/json"
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(raw)}"]
    return "\r\n".join([*lines, "", ""]).encode() + raw


HOLD = {"agent": AGENT, "requestedAction": "HOLD", "dialogId": "100"}


@cache
def calls() -> tuple[bytes, ...]:
    """Return requests to the local API, of every operation that can be called for nothing."""
    data = HOLD | {
        "requestedAction": "UPDATE_CALL_DATA",
        "mediaProperties": {"callvariables": {"callVariable1": "x", "user.a[0]": SECRET}},
    }
    return (
        _asked("POST", "/v1/requests", HOLD, "Prefer: wait=0", "Idempotency-Key: k-1"),
        _asked("POST", "/v1/requests", data, "Prefer: wait=0"),
        _asked("POST", "/v1/requests", HOLD | {"requestedAction": "SEND_DTMF", "dtmfString": "12"}),
        _asked("POST", "/v1/expectations", HOLD),
        _asked("PUT", "/v1/agents/agent9", {"password": SECRET, "extension": "1009"}),
        _asked("POST", "/v1/forget", {"agent": AGENT}),
        _asked("GET", "/v1/requests?agent=agent1&state=settled&limit=5"),
        _asked("GET", "/v1/requests/0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d"),
        _asked("DELETE", "/v1/requests/0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d"),
        _asked("GET", "/v1/agents"),
        _asked("GET", "/v1/agents/agent1"),
        _asked("GET", "/v1/errors/34?deployment=uccx"),
        _asked("GET", "/v1/events?kind=dialog&after=x-1", None, "Last-Event-ID: x-1"),
        _asked("GET", "/readyz"),
        _asked("HEAD", "/openapi.json"),
    )


@cache
def passed_on() -> tuple[bytes, ...]:
    """Return requests to the drop-in, as Finesse's own clients send them."""
    login = f"Authorization: Basic {_basic()}"
    hold = (
        b"<Dialog><requestedAction>HOLD</requestedAction>"
        b"<targetMediaAddress>1001001</targetMediaAddress></Dialog>"
    )
    state = b"<User><state>NOT_READY</state><reasonCodeId>16</reasonCodeId></User>"
    return (
        _asked("PUT", "/finesse/api/Dialog/100", hold, login, "requestId: id-1"),
        _asked("PUT", "/finesse/api/User/1001001", state, login),
        _asked("POST", "/finesse/api/User/1001001/Dialogs", hold, login),
        _asked("GET", "/finesse/api/User/1001001/Dialogs", None, login),
        _asked("GET", "/finesse/api/SystemInfo"),
        _asked("GET", "/finesse/api/User/1001001?x=1%2f%00", None, login, "Cookie: a=b"),
    )


def _basic() -> str:
    return base64.b64encode(f"1001001:{SECRET}".encode()).decode()


SETTINGS = """
[finesse]
nodes = ["finesse1.example.com", { host = "finesse2.example.com", rest_port = 8445 }]
security = "tls"

[defaults]
connect = "always"

[[agents]]
id = "1001"
extension = "1001"
password_env = "SECRET_OF_1001"

[[agents]]
id = "1002"
password_file = "password"

[timings]
connect_deadline = 10.0
ping_interval = 10

[requests]
deadline = 5
deadlines = { CONSULT_CALL = 30 }

[api]
listen = "127.0.0.1:8080"
tokens_file = "tokens.toml"

[logs]
level = "INFO"
"""

TOKENS = f"""
[[tokens]]
name = "crm"
scopes = ["request"]
token = "{SECRET}"

[[tokens]]
name = "wallboard"
scopes = ["read"]
token_sha256 = "{"0" * 64}"
"""


@cache
def settings() -> tuple[bytes, ...]:
    """Return settings files: a small one, the example with all keys, and the demo's."""
    files = (ROOT / "config" / "listener.example.toml", ROOT / "config" / "demo.toml")
    return (SETTINGS.encode(), *(file.read_bytes() for file in files))

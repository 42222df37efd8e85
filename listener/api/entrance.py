"""What holds for every call of the API: a path that means one thing, HEAD, headers, faults.

Plain ASGI around the application; knows no operation. Who calls, how big and how slow has been
checked before (`listener.web`).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listener import logs
from listener.api.refusals import Kind, Refusal, answer
from listener.api.waiting import Gone

LONGEST = 4096
"""Bytes of a path with its query; ids are far shorter."""
HEAD = "listener.head"
"""In the scope: this was a HEAD request; nothing need be made that is not sent."""

_ENCODED_SLASH = re.compile(rb"%(?:2f|5c)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_log = logs.get(__name__)


class Entrance:
    """The application's door."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send, head=scope["method"] == "HEAD")
        if reply.head:
            scope = {**scope, "method": "GET", HEAD: True}
        try:
            refusal = _wrong_path(scope)
            served = self._app if refusal is None else answer(refusal)
            await served(scope, receive, reply)
        except (Gone, ClientDisconnect):
            return  # nobody is there to answer
        except Exception as error:  # noqa: BLE001  a fault of ours ends one call, not the connection
            await self._failed(scope, receive, reply, error)

    @staticmethod
    async def _failed(scope: Scope, receive: Receive, reply: _Reply, error: Exception) -> None:
        route = getattr(scope.get("route"), "path", None)
        _log.error("api.failed", method=scope["method"], route=route, exc_info=error)
        if reply.begun:
            raise error  # half an answer must not look like a whole one: the server cuts it off
        detail = "What was asked for may have been done in part. The log tells more."
        await answer(Refusal(Kind.INTERNAL, detail))(scope, receive, reply)


class _Reply:
    """Sends an answer on: no body for HEAD, and the headers that every answer has."""

    def __init__(self, send: Send, *, head: bool) -> None:
        self.head = head
        self.begun = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(raw=list(message["headers"]))
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("x-content-type-options", "nosniff")
            headers.setdefault("cross-origin-resource-policy", "same-origin")
            message = {**message, "headers": headers.raw}
        elif self.head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _wrong_path(scope: Scope) -> Refusal | None:
    """Refuse a path that two readers could read differently, or that no log should hold."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(raw) + len(scope["query_string"]) > LONGEST:
        return Refusal(Kind.PATH_TOO_LONG, f"path and query have more than {LONGEST} bytes")
    if _ENCODED_SLASH.search(raw):
        return Refusal(Kind.INVALID_PATH, "no id holds a slash or a backslash")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return Refusal(Kind.INVALID_PATH, "the path is not UTF-8")
    if _CONTROL.search(path):
        return Refusal(Kind.INVALID_PATH, "no id holds a control character")
    return None

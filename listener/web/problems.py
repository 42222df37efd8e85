"""Problems as RFC 9457 tells them: what was refused or went wrong, and whether to try again.

Plain values and their rendering; knows no resource and no connection. A detail never repeats what a
client sent: any of it may be a secret in the wrong place.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Send

PREFIX = "urn:finesse-listener:problem:"
"""What every `type` starts with; a short name follows, and neither ever changes."""

MEDIA_TYPE = "application/problem+json"

Header = tuple[bytes, bytes]
"""Name in lower case, and value, as ASGI has them."""


class Problem:
    """One problem.

    `type` is a short name ("body_too_big") or a whole URI. `title` is the same for every problem of
    a type, `detail` tells of this one and of the way out. `retryable`: the same request may succeed
    later; `retry_after` in seconds goes into the header too. `more`: further members.
    """

    __slots__ = ("detail", "more", "retry_after", "retryable", "status", "title", "type")

    def __init__(
        self,
        type: str,  # noqa: A002  the member's name in RFC 9457
        title: str,
        status: int,
        detail: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        **more: Any,
    ) -> None:
        self.type = type if ":" in type else PREFIX + type
        self.title = title
        self.status = status
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.more = more

    def __repr__(self) -> str:
        return f"<Problem {self.status} {self.name}>"

    @property
    def name(self) -> str:
        """The short name of its type, or the whole URI of one that is not ours."""
        return self.type.removeprefix(PREFIX)

    def as_dict(self) -> dict[str, Any]:
        """Return the members, the standard ones first."""
        return {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "retryable": self.retryable,
            **self.more,
        }

    def body(self) -> bytes:
        """Return the JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, default=str).encode(
            "utf-8", "backslashreplace"
        )

    def headers(self) -> list[Header]:
        """Return the headers that go with it, without its length."""
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"cache-control", b"no-store"),
        ]
        if self.retry_after is not None:
            headers.append((b"retry-after", str(max(0, math.ceil(self.retry_after))).encode()))
        return headers


async def as_asgi(send: Send, problem: Problem, headers: Iterable[Header] = ()) -> None:
    """Answer a request with a problem, through ASGI's `send`; `headers` go with it."""
    body = problem.body()
    length = (b"content-length", str(len(body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [*problem.headers(), length, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


def as_http(problem: Problem, *, date: str, head: bool = False) -> bytes:
    """Return a whole HTTP/1.1 answer that ends its connection; `head`: one to a HEAD request."""
    body = problem.body()
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode(),
        b"date: " + date.encode(),
        *(name + b": " + value for name, value in problem.headers()),
        f"content-length: {len(body)}".encode(),
        b"connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if head else body)

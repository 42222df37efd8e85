"""What of HTTP/1.1 is read at all: h11 with bounds, and without its leniency.

Knows bytes and messages; knows neither sockets nor time. What two readers could understand in two
ways is refused, for between them a request can be smuggled (RFC 9112, sections 2.2, 5.2, 6.1, 6.3).
"""

from __future__ import annotations

import re
from typing import NoReturn

import h11

from listener.web.problems import Problem

HEAD_BYTES = 32 * 1024
"""A request line with its header fields."""

FIELDS = 128
"""Header fields of one request."""

CHUNKS = 4096
"""Chunks of one body: tiny ones cost far more than their bytes."""

_DIGITS = 12  # of a Content-Length that is worth reading as a number
_FOUL = re.compile(
    rb"(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f])"
    rb"|(?P<line>(?<!\r)\n|\r(?=[^\n]))"
    rb"|(?P<fold>\r\n(?=[ \t]))"
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_END = b"\r\n\r\n"

MALFORMED = "malformed_request"


def malformed(detail: str) -> Problem:
    """Return the problem of a request that is none."""
    return Problem(MALFORMED, "This is no request that can be understood", 400, detail)


HEAD_TOO_BIG = Problem(
    "header_too_big",
    "The header is too big",
    431,
    f"A request line with its header fields may have {HEAD_BYTES} bytes and {FIELDS} fields.",
)
NOT_SUPPORTED = Problem(
    "not_supported",
    "This kind of request is not supported",
    501,
    "There is no CONNECT, and no transfer coding but chunked.",
)
OTHER_VERSION = Problem(
    "http_version",
    "Only HTTP/1.1 and HTTP/1.0 are spoken here",
    505,
    "Speak HTTP/1.1.",
)
TOO_MANY_CHUNKS = malformed(f"A body may have {CHUNKS} chunks; send it in larger pieces.")
_NO_HTTP = malformed("It is not HTTP/1.1, or breaks off.")
_FOULS = {
    "control": malformed("There is a control character in the header."),
    "line": malformed("A line of the header does not end with CR and LF."),
    "fold": malformed("A header field goes on in the next line, which is not allowed any more."),
}
_ABSOLUTE = malformed("The request line must name a path that begins with a slash.")
_TWO_LENGTHS = malformed(
    "The length of the body is told more than once: send one Content-Length, or "
    "Transfer-Encoding: chunked."
)
_OLD_CHUNKS = malformed("Transfer-Encoding needs HTTP/1.1.")
_TRAILER = malformed("The end of the body has control characters, or lines without CR and LF.")


def body_too_big(most: int) -> Problem:
    """Return the problem of a body of more than `most` bytes."""
    return Problem("body_too_big", "The body is too big", 413, f"A body may have {most} bytes.")


def _suspect(lines: bytes) -> bool:
    """Say whether `_FOUL` may find something; a tenth of its price."""
    ends = lines.count(b"\r\n")
    return (
        lines.count(b"\n") != ends
        or lines.count(b"\r") != ends
        or b"\r\n " in lines
        or b"\r\n\t" in lines
        or _CONTROL.search(lines) is not None
    )


class StrictConnection(h11.Connection):
    """The server's side of one connection.

    `next_event` raises RemoteProtocolError as h11's does; then `refusal` is the problem to answer.
    """

    def __init__(self, body_bytes: int) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self._most = body_bytes
        self._searched = 0
        self._size = 0
        self._chunks = 0
        self._chunked = self._cut = False
        self.refusal: Problem | None = None
        self.requests = 0
        """Requests whose header was read."""
        self.in_body = False
        """The header of a request was read, and its end was not."""
        self.to_head = False
        """The last request was a HEAD, whose answer has no body."""

    @property
    def begun(self) -> bool:
        """Something of a next request is there already."""
        return bool(self.trailing_data[0])

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """Return what comes next, or raise RemoteProtocolError with `refusal` set."""
        if self.their_state is h11.IDLE:
            self._check_head()
        before = self.trailing_data[0] if self._chunked and self.in_body else b""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = self.refusal or self._reason(error.error_status_hint)
            raise
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._count(event)
            self._cut = False
        elif event is h11.NEED_DATA and before == b"\r" and not self.trailing_data[0]:
            self._cut = True  # the end of a chunk came in two pieces, and h11 took the first
        elif isinstance(event, h11.EndOfMessage):
            self._check_trailer(before)
            self.in_body = False
        return event

    def _reason(self, hint: int) -> Problem:
        if hint == HEAD_TOO_BIG.status and not self.in_body:
            return HEAD_TOO_BIG
        return NOT_SUPPORTED if hint == NOT_SUPPORTED.status else _NO_HTTP

    def _refuse(self, problem: Problem) -> NoReturn:
        self.refusal = problem
        raise h11.RemoteProtocolError(problem.title, error_status_hint=problem.status)

    # -------------------------------------------------------------- header

    def _check_head(self) -> None:
        """Look at a header as it came: h11 mends what it finds, and tells nothing of it."""
        self.to_head = False
        data = self.trailing_data[0]
        begin = max(0, self._searched - len(_END))  # every byte is looked at about once
        end = data.find(_END, begin)
        last = min(len(data) if end < 0 else end + len(_END), HEAD_BYTES + 1)
        if _suspect(data[begin:last]) and (found := _FOUL.search(data, begin, last)):
            self._refuse(_FOULS[found.lastgroup or "control"])
        if last > HEAD_BYTES:
            self._refuse(HEAD_TOO_BIG)
        self._searched = last if end < 0 else 0
        if end > 0:
            self._check_lines(data[:end].split(b"\r\n"))

    def _check_lines(self, lines: list[bytes]) -> None:
        method, _, rest = lines[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if len(lines) > FIELDS + 1:
            self._refuse(HEAD_TOO_BIG)
        if version.startswith(b"HTTP/") and version not in {b"HTTP/1.1", b"HTTP/1.0"}:
            self._refuse(OTHER_VERSION)
        if method == b"CONNECT":
            self._refuse(NOT_SUPPORTED)
        if not target.startswith(b"/"):
            self._refuse(_ABSOLUTE)
        self.to_head = method == b"HEAD"
        fields = [(name.lower(), value) for name, _, value in (x.partition(b":") for x in lines)]
        lengths = [value.strip() for name, value in fields[1:] if name == b"content-length"]
        coded = sum(name == b"transfer-encoding" for name, _ in fields[1:])
        if len(lengths) + coded > 1 or any(b"," in length for length in lengths):
            self._refuse(_TWO_LENGTHS)
        if coded and version == b"HTTP/1.0":
            self._refuse(_OLD_CHUNKS)
        self._check_length(lengths)

    def _check_length(self, lengths: list[bytes]) -> None:
        for length in lengths:
            digits = length.lstrip(b"0")
            if digits.isdigit() and (len(digits) > _DIGITS or int(digits) > self._most):
                self._refuse(body_too_big(self._most))

    # -------------------------------------------------------------- body

    def _begin(self, request: h11.Request) -> None:
        self.requests += 1
        self.in_body = True
        self._size = self._chunks = 0
        self._chunked = any(name == b"transfer-encoding" for name, _ in request.headers)

    def _count(self, data: h11.Data) -> None:
        self._size += len(data.data)
        self._chunks += data.chunk_end
        if self._size > self._most:
            self._refuse(body_too_big(self._most))
        if self._chunks > CHUNKS:
            self._refuse(TOO_MANY_CHUNKS)

    def _check_trailer(self, before: bytes) -> None:
        """Look at the last lines of a chunked body: h11 takes a bare LF for an end of line."""
        consumed = before[: len(before) - len(self.trailing_data[0])]
        if self._cut:
            consumed, self._cut = consumed.removeprefix(b"\n"), False
        if _FOUL.search(consumed):
            self._refuse(_TRAILER)

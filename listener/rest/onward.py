"""Which headers travel on when a message is passed from one side to the other (RFC 9110, 7.6.1).

Pure: header lists in, header lists out; order, case of values and repeated lines stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers: TypeAlias = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
_PROXY = b"proxy-"
_NEVER_OF_ONE_HOP = b"requestid"  # Finesse wants it, so no Connection header takes it away
# Written anew for the next hop, or spoken for this program alone: Expect was answered here.
_OURS = frozenset({b"host", b"content-length", b"expect", b"x-listener-token"})
_SPELLED = {b"requestid": b"requestId", b"www-authenticate": b"WWW-Authenticate"}


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers without the hop-by-hop ones and those that Connection names.

    A requestId stays in any case: a request must not leave without the id that it is known by.
    """
    given = list(headers)
    named = {
        token.strip().lower()
        for name, value in given
        if name.lower() == b"connection"
        for token in value.split(b",")
    } - {_NEVER_OF_ONE_HOP}
    return [
        (name, value)
        for name, value in given
        if (lower := name.lower()) not in _HOP_BY_HOP
        and not lower.startswith(_PROXY)
        and lower not in named
    ]


def of_request(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return what of a request's headers goes to Finesse, but for Host and the body's length.

    Names come in lower case (ASGI) and leave in the usual spelling.
    """
    return [
        (spelled(name), value) for name, value in end_to_end(headers) if name.lower() not in _OURS
    ]


def spelled(name: bytes) -> bytes:
    """Return a header's name in its usual spelling: Content-Type, and requestId as Finesse has."""
    lower = name.lower()
    return _SPELLED.get(lower) or b"-".join(part.capitalize() for part in lower.split(b"-"))


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first value under that name (given in lower case), or None."""
    return next((value for given, value in headers if given.lower() == name), None)

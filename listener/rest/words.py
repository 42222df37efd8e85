"""Why an exchange failed, in words an operator can act on.

Knows the exceptions of httpx, ssl and the system; says nothing that a server or a caller wrote but
names in a certificate that was refused. What was sent is not read here: exceptions do not know it.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from listener import certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_LINKS = 20
# OpenSSL's names for "these bytes are not TLS", by version.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
# Not errors: how ssl says that it needs more bytes, and part of every chain of a broken connection.
_ONLY_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
# What h11 says of a first byte that no text begins with, such as that of a TLS alert.
_BINARY = "illegal request line"


def links(error: BaseException, around: BaseException | None) -> tuple[BaseException, ...]:
    """Return the error and what it came from, outermost first; of a group the first member.

    `around` is what was already being handled when the exchange began: Python chains it to whatever
    is raised inside, and it is not part of the story.
    """
    found: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here is not around and len(found) < MAX_LINKS:
        found.append(here)
        inner = here.exceptions[0] if isinstance(here, BaseExceptionGroup) else None
        here = inner or here.__cause__ or here.__context__
    return tuple(found)


def is_certificate(story: Sequence[BaseException]) -> bool:
    """Say whether the server's certificate was refused."""
    return any(isinstance(link, ssl.SSLCertVerificationError) for link in story)


def explain(story: Sequence[BaseException], node: str) -> str:
    """Return one sentence about what went wrong with that node."""
    if isinstance(story[0], (httpx.TimeoutException, TimeoutError)):
        return _of_client(story[0], node)
    for link in story:
        if words := _of_tls(link, node) or _of_system(link, node):
            return words
    return _of_client(story[0], node)


def _of_tls(link: BaseException, node: str) -> str | None:
    if isinstance(link, ssl.SSLCertVerificationError):
        url = httpx.URL(node)
        address = f"{url.netloc.decode('ascii')}{'' if url.port else ':443'}"
        why = certificates.explain(link, address, url.host, may_be_named=False)
        return f"{node} was not trusted: {why}"
    if not isinstance(link, ssl.SSLError) or isinstance(link, _ONLY_WAITING):
        return None
    reason = link.reason or "no reason given"
    if any(name in reason for name in _NOT_TLS):
        return f"{node} does not speak TLS on that port: wrong port, or http:// is meant"
    return f"TLS with {node} failed: {reason}"


def _of_system(link: BaseException, node: str) -> str | None:
    if isinstance(link, socket.gaierror):
        return f"the name of {node} cannot be resolved"
    if isinstance(link, ConnectionRefusedError):
        return f"{node} refused the connection: nothing listens on that port"
    if isinstance(link, ConnectionResetError):
        return f"{node} reset the connection"
    return None


def _of_client(error: BaseException, node: str) -> str:
    match error:
        case httpx.ConnectTimeout():
            return f"no connection to {node} in time"
        case httpx.ConnectError():
            return f"no connection to {node}"
        case httpx.TimeoutException() | TimeoutError():
            return f"no whole answer from {node} in time"
        case httpx.RemoteProtocolError() if _BINARY in str(error):
            return f"{node} answered in binary, as a port that speaks TLS does: https:// is meant?"
        case httpx.RemoteProtocolError() if "disconnected without" in str(error):
            hint = "" if node.startswith("https") else " (does that port expect https://?)"
            return f"{node} closed the connection without an answer{hint}"
        case httpx.RemoteProtocolError():
            return f"{node} sent something that is not a whole HTTP answer"
        case _:
            return f"the connection to {node} broke ({type(error).__name__})"

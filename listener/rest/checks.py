"""What may be put into a request at all: methods, paths, request ids, addresses of nodes.

Pure; everything is refused before anything is sent. Knows nothing of what a path means.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from listener.errors import ConfigurationError, InvalidRequest
from listener.finesse.uris import API

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
MAX_PATH = 4096
MAX_REQUEST_ID = 1024

# Visible ASCII but for # (a fragment never travels) and \ (some servers take it for a slash).
_PATH = re.compile(re.escape(API) + r"/[!\"$-\[\]-~]+")
# What a header value can carry (RFC 9110 5.5): Latin-1 without controls, blanks only inside.
_HEADER = re.compile("[!-~\xa1-\xff](?:[ -~\xa0-\xff]*[!-~\xa1-\xff])?")


def check_method(method: str) -> None:
    """Raise InvalidRequest unless Finesse's API knows that method (upper case)."""
    if method not in METHODS:
        raise InvalidRequest(f"{method!r} is no method of the Finesse API")


def check_path(path: str) -> None:
    """Raise InvalidRequest unless `path` is an escaped path (with query) below /finesse/api/."""
    if len(path) > MAX_PATH or not _PATH.fullmatch(path):
        raise InvalidRequest(f"a path must begin with {API}/ and be escaped visible ASCII")
    if any(unquote(part) in {".", ".."} for part in path.partition("?")[0].split("/")):
        raise InvalidRequest("a path must not climb out of its place")


def check_request_id(method: str, request_id: str | None) -> None:
    """Raise InvalidRequest unless that id can travel as the `requestId` header of that method.

    A GET carries none (guide p.22), so none is looked at; every other method needs one.
    """
    if method in SAFE_METHODS:
        return
    if request_id is None:
        raise InvalidRequest("every request but GET carries a requestId", field="requestId")
    if len(request_id) > MAX_REQUEST_ID or not _HEADER.fullmatch(request_id):
        raise InvalidRequest(
            "a requestId is 1 to 1024 Latin-1 characters, without controls or blanks at an end",
            field="requestId",
        )


def header(name: str, value: str) -> bytes:
    """Return `value` as bytes of a header; raise ConfigurationError when no header can carry it."""
    if not _HEADER.fullmatch(value):
        raise ConfigurationError(f"{name} cannot be sent as a header")
    return value.encode("latin-1")


def node_origin(node: str) -> str:
    """Return `node` as scheme://host:port; raise ConfigurationError when it is no address."""
    try:
        parts = urlsplit(node)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"{_shown(node)} is not an address of a Finesse node") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{_shown(node)}: a node is https://HOST:PORT (usually 8445)")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(f"{_shown(node)}: a node has no path, query or user")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or (443 if parts.scheme == 'https' else 80)}"


def _shown(node: str) -> str:
    """Return the address for a message, without a user and password that someone put into it."""
    return repr(node.rpartition("@")[2])

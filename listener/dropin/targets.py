"""Which request targets are passed on: paths below /finesse/api/ that cannot climb out of it.

Pure. A path is looked at as any server might read it: decoded once and again, with and without what
stands behind a semicolon. What is passed on is what came, byte for byte. Knows no resources.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from listener.finesse.uris import API

MAX_TARGET = 8192
MAX_ROUNDS = 4
"""How often a path may be encoded, the once that is usual included; more is refused."""

_PREFIX = f"{API}/".encode()
_VISIBLE = re.compile(rb"[!-~]*")
_ESCAPES = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class NotServed(Exception):
    """The path is none of those that are served here (404)."""


class BadTarget(Exception):
    """The target could lead elsewhere (400); the message says why, and nothing that was sent."""


def check(raw_path: bytes, query: bytes) -> bytes:
    """Return the target as it is to be passed on.

    Raises NotServed for a path that is not below /finesse/api/, and BadTarget for one with `.`,
    `..`, `//`, a backslash, an encoded slash or a control character, in whatever encoding.
    """
    if not raw_path.startswith(b"/"):
        raise BadTarget("the request target is a path, without scheme and host")
    if len(raw_path) + len(query) > MAX_TARGET:
        raise BadTarget(f"the request target is longer than {MAX_TARGET} bytes")
    if not _VISIBLE.fullmatch(raw_path) or not _VISIBLE.fullmatch(query):
        raise BadTarget("the request target has characters that must be escaped")
    if b"#" in raw_path or b"#" in query:
        raise BadTarget("a fragment (#) does not belong into a request target")
    _check_path(raw_path)
    if not raw_path.startswith(_PREFIX):
        raise NotServed("only paths below /finesse/api/ are served here")
    return raw_path + b"?" + query if query else raw_path


def _check_path(raw_path: bytes) -> None:
    if _ESCAPES.search(raw_path):
        raise BadTarget("the path has a % that begins no escape")
    slashes = raw_path.count(b"/")
    path = raw_path
    for _ in range(MAX_ROUNDS + 1):
        _check_text(path, slashes)
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return
        path = decoded
    raise BadTarget("the path is encoded over and over")


def _check_text(path: bytes, slashes: int) -> None:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        raise BadTarget("the path is not UTF-8") from None  # nor may it be with overlong forms
    if path.count(b"/") != slashes:
        raise BadTarget("the path has an encoded slash")
    if "\\" in text:
        raise BadTarget("the path has a backslash")
    if _CONTROL.search(text):
        raise BadTarget("the path has a control character")
    # The last segment may be empty, as in /finesse/api/Users/.
    segments = [segment.partition(";")[0] for segment in text.split("/")[1:]]
    if "" in segments[:-1] or (segments[-1] == "" and not text.endswith("/")):
        raise BadTarget("the path has an empty segment (//)")
    if any(segment in {".", ".."} for segment in segments):
        raise BadTarget("the path has a segment . or ..")

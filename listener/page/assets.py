"""The files of the page: read from the package once, each with a strong ETag.

Knows files and their headers; knows nothing of what they show.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

INDEX = "index.html"
FOLDER = "/page/assets/"
"""Where the files are, but for INDEX, which is at `/`."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing in the page itself, and no text that becomes markup."""

SAFE = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# No Strict-Transport-Security: it would hold for every port of the host, also those of others that
# speak no TLS; and our own port speaks either TLS or none, never both.

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    kind: str
    etag: str


def read() -> Mapping[str, Asset]:
    """Return all files by their paths on the server; blocks. One that is no asset is left out."""
    found: dict[str, Asset] = {}
    for file in (resources.files(__package__) / "assets").iterdir():
        kind = _KINDS.get("." + file.name.rpartition(".")[2])
        if kind is None or not _NAME.fullmatch(file.name) or not file.is_file():
            continue
        content = file.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        path = "/" if file.name == INDEX else FOLDER + file.name
        found[path] = Asset(content, kind, etag)
    return found

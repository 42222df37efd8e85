"""A packed body unpacked for reading it here, within a bound; what travels on stays packed.

Pure. Knows gzip and deflate, which every client offers; what is packed otherwise is not read.
"""

from __future__ import annotations

import zlib

_PLAIN = frozenset({"", "identity"})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


def unpacked(body: bytes, encoding: str, most: int) -> bytes | None:
    """Return the body as it was before `encoding`; None when it is too big, broken or unknown."""
    if not readable(encoding):
        return None
    if encoding.strip().lower() in _PLAIN:
        return body
    worker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        found = worker.decompress(body, most)
    except zlib.error:
        return None
    return found if worker.eof else None


def readable(encoding: str) -> bool:
    """Say whether a body of that Content-Encoding can be read here."""
    word = encoding.strip().lower()
    return word in _PLAIN or word in _PACKED

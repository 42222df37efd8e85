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
    word = encoding.strip().lower()
    if word in _PLAIN:
        return body
    if word not in _PACKED:
        return None
    worker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        found = worker.decompress(body, most)
    except zlib.error:
        return None
    return found if worker.eof else None

"""Bytes into text, more generous than the strict reader: a log may hold a stray byte.

Knows encodings; knows nothing of what the text says.
"""

from __future__ import annotations

import codecs

from listener.errors import MalformedUpdate
from listener.finesse.wire import STANZA
from listener.finesse.wire.limits import to_text

_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7-Zip", b"BZh": "bzip2"}
_LOOKED_AT = 64
STRAY = "some bytes are no UTF-8; they were read as Windows-1252"


def to_words(document: bytes) -> tuple[str, str | None]:
    """Return the text of a paste, and a note when it had to be guessed how it is encoded.

    Raises MalformedUpdate for what is no text: too much, or packed.
    """
    for mark, name in _PACKED.items():
        if document.startswith(mark):
            raise MalformedUpdate("encoding", f"it is packed with {name}; unpack it first")
    if (wide := _wide(document)) is not None:
        return document.decode(wide, "replace"), None
    try:
        return to_text(document, STANZA), None
    except MalformedUpdate as refused:
        if refused.reason != "encoding" or document.startswith(_MARKS):
            raise
    return document.decode("cp1252", "replace"), STRAY


_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _wide(document: bytes) -> str | None:
    """Return the name of UTF-16 without its mark, told by the zeros beside ASCII; else None."""
    head = document[:_LOOKED_AT]
    pairs = len(head) // 2
    if pairs == 0 or document.startswith(_MARKS):
        return None
    if head[1::2].count(0) == pairs and 0 not in head[::2]:
        return "utf-16-le"
    if head[::2].count(0) >= pairs and 0 not in head[1::2]:
        return "utf-16-be"
    return None

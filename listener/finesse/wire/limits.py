"""The hard limits on what is read, and the one way from text or bytes to an XML tree.

Knows encodings, sizes, depths and lxml; knows nothing of what the elements mean. Everything that is
refused is refused here, by name, with `MalformedUpdate`: before the parser sees it where that can
be told from the text (size, encoding, document type declaration), right after it where not.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from lxml import etree

from listener.errors import MalformedUpdate


class Limits(NamedTuple):
    """How much is read: bytes in UTF-8, levels of nesting, elements."""

    bytes: int
    depth: int
    elements: int


PAYLOAD = Limits(bytes=1 << 20, depth=64, elements=20_000)
# A pasted stanza may hold several payloads, each of which meets the limits above on its own.
STANZA = Limits(bytes=8 << 20, depth=80, elements=100_000)

_PARSER = etree.XMLParser(
    encoding="utf-8",  # what a declaration says has been obeyed by then
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,  # so that text around a comment is one text
    remove_pis=True,
    collect_ids=False,
)
_SAID = 200  # characters of what lxml says: it repeats names, which may be as long as the payload
_SMALLEST = 4  # the bytes of an element, `<a/>`: fewer bytes cannot hold too many


def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")", regexp=False)


_RATHER_DEEP = _deeper_than(8)  # the depth of a call variable: most payloads need no other look
_TOO_DEEP = {limits: _deeper_than(limits.depth) for limits in (PAYLOAD, STANZA)}

# Never a way back in these: a comment that could end in several places costs exponential time.
_PROLOG = re.compile(r"(?>\s+|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)
_DECLARATION = re.compile(r"(?>\s+|<!--.*?-->)*+(<\?xml\s[^>]*+(?<=\?)>)", re.DOTALL)
_DECLARED = re.compile(rb"\s*+<\?xml\s[^>]*?encoding\s*=\s*[\"']([\w.:-]*)[\"']")
_WHERE = re.compile(r", line \d+, column \d+.*$", re.DOTALL)
_DOCTYPE = "<!DOCTYPE"
_ENCODINGS = {"utf-8": "utf-8", "ascii": "ascii", "iso8859-1": "iso8859-1", "cp1252": "cp1252"}


def load(document: str | bytes, limits: Limits = PAYLOAD) -> etree._Element:
    """Return the root element of a document; raise MalformedUpdate when it is refused.

    The tree holds elements and text alone. No file and no network is touched.
    """
    text = document if isinstance(document, str) else to_text(document, limits)
    if not text.startswith("<Update"):
        text = _past_prolog(text)
    octets = _octets(text)
    _refuse_size(len(octets), limits)
    try:
        root = etree.fromstring(octets, _PARSER)
    except etree.XMLSyntaxError as broken:
        raise _not_well_formed(broken) from None
    if len(octets) > limits.elements * _SMALLEST and _count(root) > limits.elements:
        raise MalformedUpdate("too_many_elements", f"it has more than {limits.elements} elements")
    if _RATHER_DEEP(root) and _TOO_DEEP[limits](root):
        raise _too_deep(limits.depth)
    return root


def _count(root: etree._Element) -> int:
    return sum(1 for _ in root.iter())


def to_text(octets: bytes, limits: Limits = PAYLOAD) -> str:
    """Decode a document: by its byte order mark, else as it declares, else as UTF-8."""
    _refuse_size(len(octets), limits)
    encoding = _encoding(octets)
    try:
        return octets.decode(encoding)
    except UnicodeDecodeError as bad:
        raise MalformedUpdate(
            "encoding", f"the byte at offset {bad.start} is not {encoding.removesuffix('-sig')}"
        ) from None


def _encoding(octets: bytes) -> str:
    if octets.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise MalformedUpdate("encoding", "the encoding UTF-32 is not read")
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = None if octets.startswith(codecs.BOM_UTF8) else _DECLARED.match(octets)
    if found is None:
        return "utf-8-sig"
    name = found[1].decode("ascii", "replace")
    try:
        return _ENCODINGS[codecs.lookup(name).name]
    except (LookupError, ValueError):
        raise MalformedUpdate("encoding", f"the encoding {name!r} is not read here") from None


def _octets(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as bad:
        raise MalformedUpdate(
            "encoding", f"the character at offset {bad.start} is half of a surrogate pair"
        ) from None


def _past_prolog(text: str) -> str:
    """Refuse a document type declaration; give the text without mark and XML declaration.

    White space and comments before an XML declaration are let pass: samples are pasted that way.
    What is taken away leaves blanks, so that the lines and columns of a problem stay right.
    """
    text = text.lstrip("\ufeff")  # all of them: lxml would skip one more, and find what is behind
    if not text.strip():
        raise MalformedUpdate("not_well_formed", "it is empty")
    if declared := _DECLARATION.match(text):
        start, end = declared.span(1)
        text = text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
    found = _PROLOG.match(text)
    after = found.end() if found else 0
    if text[after : after + len(_DOCTYPE)].upper() == _DOCTYPE:
        raise _doctype(text[after:])
    return text


def _doctype(rest: str) -> MalformedUpdate:
    if "<!ENTITY" in rest:
        return MalformedUpdate(
            "entity", "a document type declaration (DTD) with entity declarations is refused"
        )
    return MalformedUpdate("dtd", "a document type declaration (DTD) is refused")


def _refuse_size(size: int, limits: Limits) -> None:
    if size > limits.bytes:
        raise MalformedUpdate(
            "too_big", f"it has {size} bytes, which is more than the {limits.bytes} allowed"
        )


def _too_deep(depth: int) -> MalformedUpdate:
    return MalformedUpdate("too_deep", f"its elements are nested more than {depth} deep")


def _not_well_formed(broken: etree.XMLSyntaxError) -> MalformedUpdate:
    said = " ".join(_WHERE.sub("", (broken.msg or "")[:_SAID]).split()).rstrip(".")
    if "Excessive depth" in said:  # libxml2's own bound, far above ours
        return _too_deep(PAYLOAD.depth)
    line, column = broken.position
    return MalformedUpdate(
        "not_well_formed", f"it is not well-formed at line {line}, column {column}: {said}"
    )

"""Masks a payload in its text, where that is sure to be the same as masking its elements.

Most payloads are nothing but plain tags and texts, and this takes a quarter of the time. It answers
only where the text cannot mean anything else: no attribute, comment, CDATA or instruction, no text
beside elements, no error, and each call variable's name before its value. Knows no field: the names
of those that matter are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from listener.finesse.wire.read import unescape

_NAME = r"[A-Za-z][A-Za-z0-9_.-]*+"
# Tags, and texts that have an element to themselves.
_PLAIN = re.compile(rf"\s*+(?:<{_NAME}>[^<]*+</{_NAME}>\s*+|</?+{_NAME}/?+>\s*+)*+")
_LEAF = re.compile(rf"<({_NAME})>([^<]++)</")

_NESTED = re.compile(r"<value>\s*+<(?!/)")
_VARIABLE = ("callvariable", "user.")  # call variables that are named by their tags


class InPlace:
    """Finds the leaves of those names, and the values of call variables.

    `hides` says of a name in small letters whether its leaves are masked. `leaf` gets such a name
    and a text, `variable` the variable's name and its value; each returns what is to be written.
    """

    def __init__(
        self,
        hides: Callable[[str], bool],
        leaf: Callable[[str, str], str],
        variable: Callable[[str, str], str],
    ) -> None:
        self._hides = hides
        self._leaf = leaf
        self._variable = variable

    def masked(self, text: str) -> str | None:
        """Return the payload with masks; None where its elements must be looked at."""
        if "\r" in text or _PLAIN.fullmatch(text) is None or _elsewhere(text.lower()):
            return None
        pieces: list[str] = []
        done = 0
        variable, behind = "", -1  # the last name, and where it ended
        for found in _LEAF.finditer(text):
            tag, content = found[1].lower(), found[2]
            start, end = found.span(2)
            if tag == "name":
                variable, behind = _read(content), end
                continue
            if tag == "value":
                if text[behind:start].replace(" ", "").lower() != "</name><value>":
                    return None
                masked = _with(self._variable, variable, content)
            elif tag.startswith(_VARIABLE):
                return None
            elif self._hides(tag):
                masked = _with(self._leaf, tag, content)
            else:
                continue
            pieces += (text[done:start], masked)
            done = end
        return "".join((*pieces, text[done:]))


def _elsewhere(text: str) -> bool:
    """Say whether there may be an error or digits in it, or a value with elements."""
    return "error" in text or "dtmf" in text or _NESTED.search(text) is not None


def _with(mask: Callable[[str, str], str], name: str, text: str) -> str:
    plain = _read(text)
    masked = mask(name, plain)
    if masked == plain:
        return text
    return masked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _read(text: str) -> str:
    return unescape(text) if "&" in text else text

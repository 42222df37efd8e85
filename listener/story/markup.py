"""Elements of HTML and SVG as text, well-formed as XML; whatever is put in stays text.

Knows how to escape; knows no story.
"""

from __future__ import annotations

import html
import re

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_END = frozenset({"meta", "line", "rect", "circle", "path"})


class Markup(str):
    """Text that is markup already, made by `tag`."""

    __slots__ = ()


def text(given: object) -> Markup:
    """Return a text that shows as it is."""
    if isinstance(given, Markup):
        return given
    return Markup(html.escape(_NO_XML.sub("\ufffd", str(given)), quote=True))


def tag(name: str, /, *inside: object, **attributes: object) -> Markup:
    """Return an element; `inside` is text unless it is Markup. `class_` is class, x_y is x-y."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _NO_END and not inside:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(*inside)}</{name}>")


def join(*parts: object) -> Markup:
    """Return parts one after the other."""
    return Markup("".join(text(part) for part in parts))

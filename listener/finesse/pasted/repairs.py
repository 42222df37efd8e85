"""The harmless marks that mail, consoles and word processors leave in a payload, taken out again.

Each way is tried on its own, and only where the payload cannot be read as it stands. Nothing here
closes a tag, adds a quote or guesses a value: what is cut off stays cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from listener.finesse.pasted.notation import unquoted

QUOTED = "the marks of a quoted mail were taken out"
BACKSLASHES = "it was written as a string of a program; its backslashes were taken out"
TYPOGRAPHY = "typographic quotes and blanks were read as plain ones"

_MARK = re.compile(r"^[ \t]{0,8}(?:>[ \t]?)+", re.MULTILINE)
_LINES = re.compile(r"\r\n?|\n")
_STRING_SIGNS = re.compile(r'\\["/nrtu]')
_IN_TAG = re.compile(r"<[^<>]*>")
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", "\u2018\u2019\u201a"
_BLANK, _NOTHING = "\u00a0\u2007\u202f", "\u200b\u2060"
_ODD = re.compile(f"[{_DOUBLE}{_SINGLE}{_BLANK}{_NOTHING}]")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys(_DOUBLE, '"'),
        **dict.fromkeys(_SINGLE, "'"),
        **dict.fromkeys(_BLANK, " "),
        **dict.fromkeys(_NOTHING, ""),
    }
)


def readings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the text as it may have been meant, with notes on what was done; at most four."""
    plainer = _unquoted_mail(text)
    notes: tuple[str, ...] = () if plainer is text else (QUOTED,)
    yield plainer, notes
    if plainer is not text:
        yield text, ()
    if _STRING_SIGNS.search(plainer):
        plainer, notes = unquoted(plainer), (*notes, BACKSLASHES)
        yield plainer, notes
    if _ODD.search(plainer):
        straight = _IN_TAG.sub(lambda tag: tag[0].translate(_PLAIN), plainer)
        if straight != plainer:
            yield straight, (*notes, TYPOGRAPHY)


def _unquoted_mail(text: str) -> str:
    """Take the marks off when every line but the first has one."""
    first, *others = _LINES.split(text)
    if not any(others) or not all(_MARK.match(line) for line in others if line.strip()):
        return text
    return "\n".join([first, *(_MARK.sub("", line) for line in others)])

"""How the values of a request are shown: never digits, numbers only in part, call data by name.

Knows what may stand in a log or a repr; knows no request and no XML.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_KEPT = 2


def plainly(value: object) -> str:
    """Show the value as it is: ids, actions, codes."""
    return repr(value)


def masked(value: object) -> str:
    """Show the last two characters of a telephone number, none of a very short one."""
    text = str(value)
    return repr("***" + (text[-_KEPT:] if len(text) > 2 * _KEPT else ""))


def counted(value: Collection[object]) -> str:
    """Show how many characters or items there are, and nothing of them."""
    return str(len(value))


def names(value: Iterable[tuple[str, str]]) -> str:
    """Show the names of call variables, not their values."""
    return repr(tuple(name for name, _ in value))

"""What resembles an id that nobody knows. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 5


def near(wanted: str, known: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the words of up to five ids that resemble `wanted`; `known`: ids and their words.

    An id that holds the text wanted, or is held by it, comes first; the very same one is left out.
    """
    words: dict[str, str] = {}
    for id_, said in known:
        words.setdefault(id_, said)
    words.pop(wanted, None)  # it is known, and what was asked about it is not
    low = wanted.lower().strip()
    holds = [id_ for id_ in words if low and (low in id_.lower() or (id_ and id_.lower() in low))]
    alike = difflib.get_close_matches(wanted, words, n=MOST, cutoff=0.6)
    return tuple(words[id_] for id_ in list(dict.fromkeys([*holds, *alike]))[:MOST])

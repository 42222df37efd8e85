"""The error catalogue: what the errors of Finesse mean and what to do about them.

Knows families, codes, constants, meanings and advice; knows nothing of XML, requests or time.
"""

from __future__ import annotations

from listener.finesse.catalogue.entries import Entry, advice_for, entries
from listener.finesse.catalogue.reading import Explanation, explain, lookup, suggest

__all__ = ["Entry", "Explanation", "advice_for", "entries", "explain", "lookup", "suggest"]

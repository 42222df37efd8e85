"""The rows of the catalogue and how to find them by constant, number or type.

Knows the tables in `listener.finesse.data`, read once; does not know what an error notification is.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TABLES = ("control_failure", "status", "peripheral", "uccx", "task_routing", "finesse", "seen")

# Nine digits hold every known code; a longer one is a dialog id or worse.
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_PLACEHOLDER = re.compile(r"[ :]+<.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of one code.

    `code` is text as documented: a number, a range ("0-22") or "(any)", "(none)", "(not at hand)";
    for family FINESSE_HTTP it is the HTTP status. `constant` is the constant, or Finesse's error
    type. `advice` holds whatever the request was; `advice_for` may know better. `source` names
    where the meaning is from. `deployments` are those whose documents list the row.
    """

    family: str
    code: str
    constant: str | None
    meaning: str
    advice: str | None
    source: str
    deployments: frozenset[str]

    @property
    def label(self) -> str:
        """The constant, or the code when no constant is documented."""
        return self.constant or self.code


def number(text: str | None) -> str | None:
    """Return the code that `text` is, without leading zeros, or None when it is not a number."""
    bare = (text or "").strip()
    return str(int(bare)) if _NUMBER.fullmatch(bare) else None


@cache
def load_table(name: str) -> tuple[Entry, ...]:
    """Return the entries of one of `TABLES`, in the order of its source."""
    return tuple(_entry(row) for row in _rows(name))


@cache
def entries() -> tuple[Entry, ...]:
    """Return the whole catalogue."""
    return tuple(entry for name in TABLES for entry in load_table(name))


@cache
def families() -> Mapping[str, Mapping[str, str]]:
    """Return each family's row: family, deployments, title and hint."""
    return {row["family"]: row for row in _rows("families")}


def advice_for(entry: Entry, action: str | None = None) -> str | None:
    """Return what to do about `entry`, the more exact when the request's action is known.

    `action` is Finesse's word (TRANSFER), in any case. None when the catalogue has no advice.
    """
    table = _advice()
    scopes = (f"{entry.family}/{entry.code}", entry.family, "")
    wanted = (action or "").strip().upper()
    for which in dict.fromkeys((wanted, "")):
        for scope in scopes:
            if found := table.get((scope, entry.label, which)):
                return found
    return None


@cache
def by_constant() -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries of each constant, in upper case; error types are not in here."""
    return _index(lambda e: None if _is_type(e) or e.constant is None else e.constant.upper())


@cache
def by_number() -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries of each number, HTTP statuses not among them."""
    return _index(lambda e: None if e.family == "FINESSE_HTTP" else number(e.code))


@cache
def by_status() -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries of each HTTP status."""
    return _index(lambda e: e.code if e.family == "FINESSE_HTTP" else None)


@cache
def by_type() -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries of each error type, in lower case."""
    return _index(lambda e: (e.constant or "").lower() if _is_type(e) else None)


def _index(key: Callable[[Entry], str | None]) -> Mapping[str, tuple[Entry, ...]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries():
        if (name := key(entry)) is not None:
            found[name].append(entry)
    return {name: tuple(rows) for name, rows in found.items()}


def _is_type(entry: Entry) -> bool:
    return entry.constant is not None and "_" not in entry.constant


def _entry(row: Mapping[str, str]) -> Entry:
    family = families()[row["family"]]
    bare = Entry(
        family=row["family"],
        code=row["code"],
        # "INVALID_DIALOG_ID: <dialog id>" is a pattern; "(none documented)" is no constant.
        constant=None if row["constant"][0] == "(" else _PLACEHOLDER.sub("", row["constant"]),
        meaning=f"{row['meaning']} ({family['hint']})" if family["hint"] else row["meaning"],
        advice=None,
        source=_sources()[row["source"]],
        deployments=frozenset((row["deployments"] or family["deployments"]).split()),
    )
    return replace(bare, advice=advice_for(bare))


@cache
def _sources() -> Mapping[str, str]:
    return {row["key"]: row["source"] for row in _rows("sources")}


@cache
def _advice() -> Mapping[tuple[str, str, str], str]:
    return {(row["scope"], row["label"], row["action"]): row["advice"] for row in _rows("advice")}


def _rows(name: str) -> Iterable[dict[str, str]]:
    """Read one table of the package's data; it is part of the program, so it is never missing."""
    text = (resources.files("listener.finesse.data") / f"{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())

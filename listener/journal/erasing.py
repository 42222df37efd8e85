"""Erasing what mentions a telephone number or a dialog, so that its bytes are gone from the files.

Finding is done by the thread that reads, erasing by the one that writes, both in slices with other
work in between; only rewriting the whole file (VACUUM), where bytes stayed behind, holds up what is
written, for as long as the disk takes for the file. Knows how a number may be written; does not
know who asks.
"""

from __future__ import annotations

import glob
import re
import sqlite3
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from listener import logs
from listener.errors import InvalidRequest
from listener.journal.table import Table
from listener.journal.upkeep import REMOVE_EVENT, REMOVE_REQUEST, give_back_some

SLICE = 500
"""Rows that are looked at before others have their turn."""
AT_ONCE = 200
"""Rows that are erased in one transaction."""
SHORTEST = 3
"""Digits that a number must have: fewer would be found in everything."""

MANY_WAYS = 64
"""Ways of writing a number that are looked for in the file's bytes afterwards."""

_NUMBER = re.compile(r"\+?[0-9\s\-./()]+", re.ASCII)
_ASCII_BETWEEN = b" \t\r\n\v\f-./()"
_OTHER_BETWEEN = (b"\xc2\xa0", b"\xe2\x80")  # no-break space; dashes and narrow spaces
_BETWEEN = r"[\s\-./()\u2010-\u2015]*"
_ABROAD = r"(?:\+|00|011)?"
_BASELINE = "going"

_STEPS = """
SELECT steps.id, steps.kind, steps.data, requests.id, requests.key, requests.request_id,
    requests.agent, requests.dialog_id, requests.asked_by
FROM steps JOIN requests ON requests.id = steps.request
WHERE steps.id > ? ORDER BY steps.id LIMIT ?
"""
_EVENTS = """
SELECT sequence, key, data, agent, dialog_id FROM events
WHERE sequence > ? ORDER BY sequence LIMIT ?
"""

_log = logs.get(__name__)


class Mention:
    """What is looked for: a number in any way of writing it, a dialog's id, or either.

    `form_of`: how a text is written where it is sealed. `seen`: how the number was written where it
    was found. Raises InvalidRequest for neither, and for a number that is none.
    """

    def __init__(
        self, number: str | None, dialog_id: str | None, form_of: Callable[[str], str]
    ) -> None:
        if number is None and not dialog_id:
            raise InvalidRequest("name a number or a dialog to forget", field="number")
        self.dialog_id = dialog_id
        self.seen: set[str] = set()
        self._digits = b""
        self._forms: tuple[str, ...] = ()
        patterns: list[str] = []
        if number is not None:
            digits = _digits_of(number)
            self._digits = digits.encode()
            self._forms = tuple({form_of(each) for each in (number, digits, f"+{digits}")})
            patterns += map(re.escape, self._forms)
            patterns.append(rf"(?<![0-9]){_ABROAD}{_BETWEEN.join(digits)}(?![0-9])")
        if dialog_id:
            # As a whole value, or at the end of a path: the id alone may be a short number.
            patterns.append(rf'(?:"|/Dialog/){re.escape(dialog_id)}(?=["/])')
        self._pattern = re.compile("|".join(patterns))

    def __repr__(self) -> str:
        return "<Mention>"

    def made_in(self, *texts: object) -> bool:
        """Say whether one of the texts mentions it; a text is JSON or one value.

        What damage made no text of is looked through as well.
        """
        return any(text is not None and self._in(_text(text)) for text in texts)

    def _in(self, text: str) -> bool:
        if not self._may_be_in(text) or (match := self._pattern.search(text)) is None:
            return False
        if len(self.seen) < MANY_WAYS:
            self.seen.add(match[0].strip('"'))
        return True

    def _may_be_in(self, text: str) -> bool:
        """Say quickly that most texts do not mention it."""
        if self.dialog_id and self.dialog_id in text:
            return True
        if not self._digits:
            return False
        bare = text.encode().translate(None, _ASCII_BETWEEN)
        if self._digits in bare or any(form in text for form in self._forms):
            return True
        return not text.isascii() and any(each in bare for each in _OTHER_BETWEEN)

    def is_id(self, dialog_id: str | None) -> bool:
        """Say whether that is the id of the dialog."""
        return dialog_id is not None and dialog_id == self.dialog_id


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _digits_of(number: str) -> str:
    digits = re.sub(r"\D", "", number, flags=re.ASCII)
    if len(digits) < SHORTEST or not _NUMBER.fullmatch(number):
        raise InvalidRequest(
            f"a number to forget has at least {SHORTEST} digits, and nothing else but + and what"
            " separates them",
            field="number",
        )
    return digits


@dataclass(slots=True)
class Found:
    """Which rows mention it, as far as looked: up to `step` and `sequence`."""

    requests: dict[int, str] = field(default_factory=dict)  # key by id
    baselines: dict[int, int] = field(default_factory=dict)  # request by step
    events: set[int] = field(default_factory=set)
    step: int = 0
    sequence: int = 0


_Of = TypeVar("_Of")
_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[None, None, _Result]
"""Work in slices, one for each `next`."""


class Piecewise(Generic[_Of, _Result]):
    """Work that a thread does slice by slice. `done` once `result` is there."""

    def __init__(self, begin: Callable[[_Of], Steps[_Result]]) -> None:
        self._begin = begin
        self._steps: Steps[_Result] | None = None
        self.done = False
        self.result: _Result

    def step(self, of: _Of) -> None:
        """Do the next slice."""
        if self._steps is None:
            self._steps = self._begin(of)
        try:
            next(self._steps)
        except StopIteration as end:
            self.result, self.done = end.value, True


def find(
    connection: sqlite3.Connection, wanted: Mention, found: Found | None = None
) -> Steps[Found]:
    """Look through what was written behind the place where `found` ended."""
    found = Found() if found is None else found
    while _steps(connection, wanted, found) == SLICE:  # fewer: what comes now comes after this
        yield
    keys = set(found.requests.values())
    while _events(connection, wanted, found, keys) == SLICE:
        yield
    return found


def _steps(connection: sqlite3.Connection, wanted: Mention, found: Found) -> int:
    rows = connection.execute(_STEPS, (found.step, SLICE)).fetchall()
    for id_, kind, data, request, key, *names in rows:
        found.step = id_
        if wanted.is_id(names[-2]) or wanted.made_in(*names):
            found.requests[request] = key
        elif wanted.made_in(data):
            if kind == _BASELINE:
                found.baselines[id_] = request
            else:
                found.requests[request] = key
    return len(rows)


def _events(connection: sqlite3.Connection, wanted: Mention, found: Found, keys: set[str]) -> int:
    rows = connection.execute(_EVENTS, (found.sequence, SLICE)).fetchall()
    for sequence, key, data, *names in rows:
        found.sequence = sequence
        if key in keys or wanted.is_id(names[-1]) or wanted.made_in(data, *names):
            found.events.add(sequence)
    return len(rows)


def erase(table: Table, wanted: Mention, found: Found) -> Steps[dict[str, int]]:
    """Erase what was found, and what was written since; return how many of each.

    `remnants` is not 0 when the bytes could not be overwritten everywhere (a reader from outside,
    no room to rewrite the file); `set_aside_files` are damaged journals, which nobody can search.
    """
    known = len(found.requests)
    found = yield from find(table.connection, wanted, found)
    if len(found.requests) > known:  # and its events may have been looked at before
        found.sequence = 0
        found = yield from find(table.connection, wanted, found)
    opened = {id_ for (id_,) in table.connection.execute(_OPEN)}
    requests = [id_ for id_ in found.requests if id_ not in opened]
    baselines = [
        step
        for step, request in found.baselines.items()
        if request not in opened and request not in found.requests
    ]
    kept = opened & (found.requests.keys() | set(found.baselines.values()))
    for statements, ids in (
        ((REMOVE_EVENT,), sorted(found.events)),
        (("UPDATE steps SET data = 'null' WHERE id = ?",), baselines),
        (REMOVE_REQUEST, requests),
    ):
        yield from _apply(table, statements, ids)
    while give_back_some(table):
        yield
    table.checkpoint()
    remnants = 0 if kept else (yield from _overwritten(table, wanted))
    return {
        "requests": len(requests),
        "baselines": len(baselines),
        "events": len(found.events),
        "open_requests_kept": len(kept),
        "remnants": remnants,
        "set_aside_files": _set_aside(table.path),
    }


def _set_aside(path: Path) -> int:
    return sum(1 for _ in path.parent.glob(f"{glob.escape(path.name)}.damaged-*"))


def _apply(table: Table, statements: tuple[str, ...], ids: list[int]) -> Steps[None]:
    for begin in range(0, len(ids), AT_ONCE):
        with table.removal() as connection:
            for sql in statements:
                connection.executemany(sql, [(id_,) for id_ in ids[begin : begin + AT_ONCE]])
        yield


def _overwritten(table: Table, wanted: Mention) -> Steps[int]:
    """Make sure that the bytes are gone; return in how many places they are not.

    SQLite overwrites what it deletes, but not the copies of a row that stay behind in the free part
    of a page when rows move between pages. Only rewriting the file removes those.
    """
    if not (yield from _remnants(table, wanted)):
        return 0
    try:
        table.rewrite()
    except sqlite3.Error as error:
        _log.warning("upkeep.failed", why=str(error))
    return (yield from _remnants(table, wanted))


def _remnants(table: Table, wanted: Mention) -> Steps[int]:
    """Count in the bytes of the files what was found in the rows."""
    patterns = [re.escape(each.encode()) for each in wanted.seen]
    if not patterns:
        return 0
    pattern = re.compile(b"|".join(patterns))
    found, tail = 0, b""
    for piece in table.pieces(_PIECE):
        found += len(pattern.findall(tail + piece))
        tail = piece[-_OVERLAP:]
        yield
    return found


_OPEN = "SELECT id FROM requests WHERE settled IS NULL"
_PIECE = 1 << 20
_OVERLAP = 64

"""Is the file whole: its pages, its tables, and all that is asked of it at a start.

Every daemon's start asks these questions, so that damage in what they touch would keep each from
starting. A row that cannot be read is no damage here: it is skipped when it is read. Raises
Damaged; knows nothing of what becomes of the file then.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from listener.journal import keys, schema

WHOLE_CHECK = 64 << 20
"""Bytes up to which indexes are compared with their tables as well: about half a second."""
HIGHEST = 1 << 53
"""No number of ours gets so far; larger ones could not be told as JSON numbers."""
EPOCH = re.compile(r"[0-9a-f]{8}")

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # the low byte of an extended error code
_OPEN = "SELECT id FROM requests WHERE settled IS NULL ORDER BY id"
_SETTLED = "SELECT id FROM requests WHERE settled >= 0 ORDER BY settled DESC, id DESC LIMIT 20000"
_KEYS = "SELECT key FROM requests WHERE idempotency IS NOT NULL AND submitted >= 0 LIMIT 20000"
_EVENTS = "SELECT data FROM events ORDER BY sequence DESC LIMIT 20000"
_ASKED_AT_A_START = (
    f"SELECT sum(length(data)) FROM steps WHERE request IN ({_OPEN})",  # noqa: S608  ours
    f"SELECT sum(length(data)) FROM steps WHERE request IN ({_SETTLED})",  # noqa: S608
    f"SELECT sum(length(key)) FROM ({_KEYS})",  # noqa: S608
    f"SELECT sum(length(data)) FROM ({_EVENTS})",  # noqa: S608
)


class Damaged(Exception):
    """The file is no sound journal. The connection stays open until the file has its new name.

    SQLite would else remove what lies beside it.
    """

    connection: sqlite3.Connection | None = None


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary error code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY


def check_pages(connection: sqlite3.Connection, size: int) -> None:
    """Look through all pages; a crash leaves nothing that this could take for damage."""
    whole = size <= WHOLE_CHECK
    sql = f"PRAGMA {'integrity' if whole else 'quick'}_check(1)"
    (found,) = _asked(connection, sql) or ("no answer",)
    if found != "ok":
        raise Damaged(str(found))
    if not whole:
        for question in _ASKED_AT_A_START:
            _asked(connection, question)


def check_content(connection: sqlite3.Connection) -> None:
    """Look whether all tables and indexes of the newest version are there, and what meta says."""
    there = set(_all(connection, _OBJECTS))
    with closing(sqlite3.connect(":memory:")) as ours:
        for step in schema.STEPS:
            ours.executescript(step)
        for kind, name, sql in ours.execute(_OBJECTS):
            if (kind, name, sql) not in there:
                raise Damaged(f"the {kind} {name} is missing or another one")
    meta = {row[0]: row[1] for row in _all(connection, "SELECT name, value FROM meta")}
    for name in ("floor", "last"):
        if not _number(meta.get(name, 0)):
            raise Damaged(f"meta: {name} is no number of an event")
    if "key" in meta and not keys.is_check(meta["key"]):
        raise Damaged("meta: the check value of the key is none")
    epoch = meta.get("epoch", "0" * 8)
    if not isinstance(epoch, str) or not EPOCH.fullmatch(epoch):
        raise Damaged("meta: the epoch is none")
    edges = _asked(connection, "SELECT min(sequence), max(sequence) FROM events") or ()
    if not all(edge is None or _number(edge) for edge in edges):
        raise Damaged("events: a sequence is none")


_OBJECTS = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"


def _number(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < HIGHEST


def _asked(connection: sqlite3.Connection, sql: str) -> tuple[object, ...] | None:
    rows = _all(connection, sql)
    return rows[0] if rows else None


def _all(connection: sqlite3.Connection, sql: str) -> list[tuple[object, ...]]:
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.Error as error:
        if code_of(error) in _DAMAGE or "no such" in str(error):
            raise Damaged(str(error)) from None
        raise


def tolerant(raw: bytes) -> str | bytes:
    """Return what a column of text holds; bytes where it is no text (see `decoding`)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw

"""The tables, and how a file of an earlier version becomes one of this version.

A migration is one transaction outside WAL mode: the version in the file's header is then always the
true one, so that a file of a later version is known without opening it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from listener.errors import ConfigurationError

APPLICATION = 0x464C6A31  # "FLj1", in the header of each of our files

_FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    dialog_id TEXT,
    asked_by TEXT,
    idempotency TEXT,
    fingerprint TEXT,
    submitted INTEGER NOT NULL,
    settled INTEGER
);
CREATE INDEX requests_open ON requests (id) WHERE settled IS NULL;
CREATE INDEX requests_settled ON requests (settled) WHERE settled IS NOT NULL;
CREATE INDEX requests_request_id ON requests (request_id);
CREATE INDEX requests_idempotency ON requests (submitted) WHERE idempotency IS NOT NULL;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX steps_request ON steps (request);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    agent TEXT,
    dialog_id TEXT,
    key TEXT,
    data TEXT NOT NULL
);
"""
# What is in `requests` is short and named for finding; what was said stands in `steps`, which are
# only ever added, so that no page is rewritten and no copy of a text stays behind in one.

STEPS: tuple[str, ...] = (_FIRST,)
"""What leads from each version to the next; version 0 is an empty file."""

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_VERSION_AT = 60  # https://www.sqlite.org/fileformat2.html#the_database_header
_APPLICATION_AT = 68


class Version(NamedTuple):
    """What a database says of itself."""

    application: int
    number: int


_NOBODYS = Version(0, 0)
_ONE_PAGE = 4096  # bytes; a table would need another
NO_VERSION = 1000
"""No format of ours gets so far: such a number is damage."""


def header_of(path: Path) -> Version | None:
    """Return what the header of the file says, without SQLite; None when it has none."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        return None
    return Version(_number(head, _APPLICATION_AT), _number(head, _VERSION_AT))


def is_strange(found: Version) -> bool:
    """Say whether no version of ours, not even a later one, writes such a header."""
    return found.application != APPLICATION or found.number >= NO_VERSION


def is_nobodys(path: Path, found: Version) -> bool:
    """Say whether it is a database that says nothing of itself and holds no table.

    SQLite leaves one behind when making a new file is cut short.
    """
    return found == _NOBODYS and path.stat().st_size <= _ONE_PAGE


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")


def check_ours(path: Path, found: Version) -> None:
    """Raise ConfigurationError for a file that is another program's, or of a later version."""
    if found.application != APPLICATION:
        raise ConfigurationError(
            f"journal.path: {path} is a database of another program; name another file"
        )
    if found.number > len(STEPS):
        raise ConfigurationError(
            f"the journal {path} was written by a newer version of finesse-listener (its format is"
            f" {found.number}, this version knows {len(STEPS)}); use that version, or name another"
            " file. Nothing was changed in it"
        )


def version_of(connection: sqlite3.Connection) -> Version:
    """Return what an open database says of itself."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return Version(application, number)


def migrate(connection: sqlite3.Connection, number: int) -> None:
    """Bring an open database from that version to the newest, each step whole or not at all."""
    if number >= len(STEPS):
        return
    (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    if mode != "delete":
        raise sqlite3.OperationalError(f"the journal mode stays {mode}: it is in use elsewhere")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # says something to an empty file alone
    for version, step in enumerate(STEPS[number:], start=number + 1):
        try:
            connection.executescript(
                f"BEGIN EXCLUSIVE; {step}; PRAGMA application_id={APPLICATION};"
                f" PRAGMA user_version={version}; COMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

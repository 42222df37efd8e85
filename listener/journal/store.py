"""Opening the file: is it ours, is it sound, of which version; and how SQLite is to treat it.

All of it is done with the lock held. Knows no row.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from listener import logs
from listener.errors import ConfigurationError, NotKept
from listener.journal import place, schema

Connect: TypeAlias = Callable[[str], sqlite3.Connection]
"""Opens a database by its URI. The one seam through which tests make a disk fail."""

BUSY_SECONDS = 2.0
"""How long is waited for somebody else's lock, such as an operator's sqlite3."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_WAY = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_PRIMARY = 0xFF  # the low byte of an extended error code

_log = logs.get(__name__)


def connect(uri: str) -> sqlite3.Connection:
    """Open a database; transactions are begun and ended by hand."""
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


@dataclass(slots=True)
class Opened:
    """An open journal, ready to be written."""

    connection: sqlite3.Connection
    epoch: str
    set_aside: Path | None = None


def open_to_write(path: Path, *, now: Callable[[], datetime], connect: Connect) -> Opened:
    """Open the journal, make it, or set a damaged one aside and make a new one.

    Raises ConfigurationError where trying again cannot help, NotKept where it may.
    """
    aside = None
    try:
        place.make_private(path)
        try:
            connection = _sound(path, connect)
        except _Damaged as damage:
            try:
                aside = place.set_aside(path, now())
            finally:
                if damage.connection is not None:
                    damage.connection.close()
            _log.error("journal.damaged", file=str(path), set_aside=str(aside), why=str(damage))
            place.make_private(path)
            connection = _sound(path, connect)
        return Opened(connection, _epoch(connection), aside)
    except (_Damaged, sqlite3.Error, OSError) as error:
        raise refused(path, error) from None


def open_to_read(path: Path, *, connect: Connect) -> sqlite3.Connection:
    """Open the journal for reading; the writer has it open."""
    connection = connect(f"{path.absolute().as_uri()}?mode=ro")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class _Damaged(Exception):
    """The file is no sound database. The connection stays open until the file has its new name.

    SQLite would else remove what lies beside it.
    """

    connection: sqlite3.Connection | None = None


def _sound(path: Path, connect: Connect) -> sqlite3.Connection:
    if (header := schema.header_of(path)) is not None:
        schema.check_ours(path, header)
    connection = connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        _check(connection)
        schema.migrate(connection, _version(path, connection))
        _set(connection)
    except _Damaged as damage:
        damage.connection = connection
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Look through all pages; a crash leaves nothing that this could take for damage."""
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if _code(error) not in _DAMAGE:
            raise
        found = str(error)
    if found != "ok":
        raise _Damaged(found)


def _version(path: Path, connection: sqlite3.Connection) -> int:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    version = schema.version_of(connection)
    if tables or version.application:
        schema.check_ours(path, version)
    return version.number


def _set(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise ConfigurationError(
            "journal.path: its file system lacks what SQLite's WAL mode needs; use a local disk"
        )
    connection.execute("PRAGMA synchronous=FULL")  # a commit outlives a power cut
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
    connection.execute("PRAGMA temp_store=MEMORY")  # nothing of it in other files
    connection.execute("PRAGMA journal_size_limit=67108864")


def _epoch(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
    return row[0] if row is not None else new_epoch(connection)


def new_epoch(connection: sqlite3.Connection) -> str:
    """Give the file a new epoch: all ids of events that were told before are known no more."""
    epoch = secrets.token_hex(4)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
    return epoch


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY


def refused(path: Path, error: Exception) -> ConfigurationError | NotKept:
    """Return what to raise for a journal that cannot be opened."""
    if isinstance(error, sqlite3.Error) and _code(error) in _NO_WAY:
        return ConfigurationError(f"journal.path: {path} cannot be opened: {error}")
    return NotKept(f"the journal {path} cannot be opened now: {error}")

"""Opening the file: is it ours, is it sound, of which version; and how SQLite is to treat it.

Nothing of it is touched before it is known to be ours. All else is done with the lock held. Knows
no row.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from listener import logs
from listener.errors import ConfigurationError, NotKept
from listener.journal import place, schema, soundness
from listener.journal.soundness import Damaged, code_of

Connect: TypeAlias = Callable[[str], sqlite3.Connection]
"""Opens a database by its URI. The one seam through which tests make a disk fail."""

BUSY_SECONDS = 2.0
"""How long is waited for somebody else's lock, such as an operator's sqlite3."""
LITTLE_ROOM = 1 << 17
"""Bytes: with less, SQLite cannot make the files beside the journal, and does not say why."""

_NO_WAY = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

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


def claim(path: Path, *, ours: bool) -> None:
    """Raise ConfigurationError unless the file is none yet, or one of ours; it is only read.

    `ours`: what only we make lies beside it. Then a file that is none of ours any more is damaged,
    and Damaged is raised. A later version's file is refused in any case.
    """
    if not place.check_ordinary(path):
        return
    found = schema.header_of(path)
    if found is not None and schema.is_nobodys(path, found):
        return
    if ours and (found is None or schema.is_strange(found)):
        raise Damaged("its header is none of ours")
    if found is None:
        raise ConfigurationError(
            f"journal.path: {path} is no journal, and nothing of one lies beside it; name another"
            " file. Nothing was changed in it"
        )
    schema.check_ours(path, found)


def open_to_write(path: Path, *, now: Callable[[], datetime], connect: Connect) -> Opened:
    """Open the journal, make it, or set a damaged one aside and make a new one.

    The lock is held, and the file was claimed before that. Raises ConfigurationError where trying
    again cannot help, NotKept where it may.
    """
    aside = None
    try:
        try:
            connection = _sound(path, connect)
        except Damaged as damage:
            try:
                aside = place.set_aside(path, now())
            finally:
                if damage.connection is not None:
                    damage.connection.close()
            _log.error("journal.damaged", file=str(path), set_aside=str(aside), why=str(damage))
            connection = _sound(path, connect)
        return Opened(connection, _epoch(connection), aside)
    except (Damaged, sqlite3.Error, OSError) as error:
        raise refused(path, error) from None


def open_to_read(path: Path, *, connect: Connect) -> sqlite3.Connection:
    """Open the journal for reading; the writer has it open."""
    connection = connect(f"{path.absolute().as_uri()}?mode=ro")
    connection.text_factory = soundness.tolerant
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def _sound(path: Path, connect: Connect) -> sqlite3.Connection:
    claim(path, ours=True)
    place.make_private(path)
    connection = connect(f"{path.absolute().as_uri()}?mode=rw")
    connection.text_factory = soundness.tolerant
    try:
        soundness.check_pages(connection, path.stat().st_size)
        schema.migrate(connection, _version(path, connection))
        soundness.check_content(connection)
        _set(connection)
    except Damaged as damage:
        damage.connection = connection
        raise
    except BaseException:
        connection.close()
        raise
    return connection


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
    connection.execute(_NOTE, ("epoch", epoch))
    return epoch


def begin_anew(connection: sqlite3.Connection, epoch: str, last: int) -> None:
    """Give the file an epoch whose first events, behind `last`, were told without it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM events WHERE sequence > ?", (last,))  # none, but for clocks
        for name, value in (("epoch", epoch), ("floor", last), ("last", last)):
            connection.execute(_NOTE, (name, value))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_NOTE = "INSERT OR REPLACE INTO meta VALUES (?, ?)"


def key_check(connection: sqlite3.Connection) -> str | None:
    """Return the check value of the key that the file was written with; None in a fresh one."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
    return row[0] if row is not None else None


def note_key(connection: sqlite3.Connection, check: str) -> None:
    """Keep the check value of the key."""
    connection.execute(_NOTE, ("key", check))


def refused(path: Path, error: Exception) -> ConfigurationError | NotKept:
    """Return what to raise for a journal that cannot be opened."""
    if isinstance(error, sqlite3.Error) and code_of(error) in _NO_WAY and not _full(path.parent):
        return ConfigurationError(f"journal.path: {path} cannot be opened: {error}")
    return NotKept(f"the journal {path} cannot be opened now: {error}")


def _full(folder: Path) -> bool:
    try:
        room = os.statvfs(folder)
    except OSError:
        return True  # a disk that cannot even tell
    return room.f_bavail * room.f_frsize < LITTLE_ROOM

"""From a path to an open table: the lock, the claim, the file, the key. In the writer's thread.

Each step may be tried again. Until the first of them succeeded, `Absent` stands for the table.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

from listener.journal import keys, store
from listener.journal.place import Lock, folder_of, has_key, held, is_locked_by_us
from listener.journal.soundness import Damaged
from listener.journal.table import Figures, Table

LOCK_AGAIN = 0.02
"""Seconds between two tries to take the lock: nobody tells when it is let go."""


class Numbering(NamedTuple):
    """The epoch, and the number behind which events are told."""

    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the journal is, and what is needed to open it.

    `keep_key`: write the key beside it, once the file is known to be ours. The first path is as it
    was given, and tells where the key is.
    """

    given: Path
    key: bytes
    now: Callable[[], datetime]
    connect: store.Connect
    keep_key: bool

    @property
    def path(self) -> Path:
        """The real path: two names of one file are one journal."""
        return Path(os.path.realpath(self.given))


def hold(path: Path, lock: Lock, within: float, closed: Callable[[float], bool]) -> None:
    """Take the lock; wait for another process to let go of it, unless `closed` says to end.

    Raises ConfigurationError, before anything is touched, where the file is not ours.
    """
    folder_of(path)
    if not is_locked_by_us(path):  # nobody of ours has it open, so that it may be read
        with suppress(Damaged):
            store.claim(path, ours=has_key(path))
    until = time.monotonic() + within
    while not lock.take():
        left = until - time.monotonic()
        if left <= 0 or closed(min(left, LOCK_AGAIN)):
            raise held(path, lock)


def open_table(
    place: Place, lock: Lock, numbering: Numbering | None
) -> tuple[Table, str, Path | None]:
    """Open the journal with the lock held; return its table, its epoch, and what was set aside.

    `numbering`: how events were told before it could be opened; the file goes on from there.
    Raises ConfigurationError and NotKept.
    """
    path = place.path
    opened = store.open_to_write(path, now=place.now, connect=place.connect)
    connection, epoch = opened.connection, opened.epoch
    try:
        check = store.key_check(connection)
        keys.check_key(place.given, place.key, check)
        if place.keep_key:
            keys.keep_key(place.given, place.key)
        if check is None:
            store.note_key(connection, keys.check_of(place.key))
        if numbering is not None:
            epoch = numbering.epoch
            store.begin_anew(connection, *numbering)
        elif lock.marked:
            epoch = store.new_epoch(connection)
            lock.mark(marked=False)
        return Table(connection, path), epoch, opened.set_aside
    except (sqlite3.Error, OSError) as error:
        connection.close()
        raise store.refused(path, error) from None
    except BaseException:
        connection.close()
        raise


class Absent:
    """Stands for the table of a journal that could not be opened yet."""

    first = 0
    dirty = False
    figures = Figures()

    def __init__(self, last: int, why: str) -> None:
        self.last = self.floor = last
        self.why = why

    @property
    def connection(self) -> NoReturn:
        """Raise sqlite3.OperationalError: there is none."""
        raise sqlite3.OperationalError(self.why)

    def close(self) -> None:
        """Close nothing."""

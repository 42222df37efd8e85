"""A journal's file as a source of stories: read only, also while a daemon has it open.

Knows the file and its tables; nothing of it is ever written, and no lock is taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from listener.errors import ConfigurationError
from listener.journal import Options, Stored, store
from listener.journal.decoding import Interpreter
from listener.journal.reading import Reading
from listener.journal.sealing import Seals
from listener.journal.soundness import tolerant
from listener.story.facts import (
    MOST_EVENTS,
    Asked,
    Facts,
    Heard,
    NothingKnown,
    Wanted,
    around,
    dialogs_of,
)
from listener.story.near import near
from listener.story.requests import asked_of

_MICROS = 1_000_000
_NEAR_OF = 2_000
"""Requests among which is looked for what resembles an id."""
_NEIGHBOURS = 20
_SLACK = 5.0  # seconds by which a clock may have been set back
_EVENTS = "SELECT sequence, at, name, agent, dialog_id, key, data FROM events WHERE sequence"
_NAMES = "name IN ('dialog', 'user', 'error', 'gap')"


def facts_of(path: Path, wanted: Wanted, now: float) -> Facts:
    """Return what the journal at `path` knows of it; `now` in seconds since 1970.

    Raises NothingKnown, and ConfigurationError for a file that is no journal or cannot be read.
    """
    with _opened(path) as connection:
        try:
            archive = Archive(connection, _Counting(Seals(Options(key=bytes(32)))))
            return archive.facts(wanted, now, f"the journal {path}")
        except sqlite3.Error as error:
            raise ConfigurationError(f"the journal {path} cannot be read: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise ConfigurationError(
            f"there is no journal {path}; name one with --journal, a settings file with --config,"
            " or a transcript with --transcript"
        )
    try:
        store.claim(path, ours=False)
        connection = _connection(path)
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationError(f"the journal {path} cannot be opened: {error}") from None
    try:
        yield connection
    finally:
        connection.close()


def _connection(path: Path) -> sqlite3.Connection:
    # Without a write-ahead log nobody has it open: then nothing is made beside it either.
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        return store.open_to_read(path, connect=store.connect)
    connection = store.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1")
    connection.text_factory = tolerant
    connection.execute("PRAGMA query_only=ON")
    return connection


class _Counting(Interpreter):
    """Counts what it cannot read and does not log it: nobody configured logs here."""

    def _skipped(self, what: str, why: str) -> None:
        del what, why
        self.unreadable += 1


class Archive(Reading):
    """Answers the questions of a story. Used by one thread."""

    def facts(self, wanted: Wanted, now: float, source: str) -> Facts:
        """Return what is known of it. Raises NothingKnown."""
        chosen, more = self._chosen(wanted, now)
        asked = tuple(_asked(each) for each in chosen)
        since, until = self._window(wanted, asked, now)
        if not asked and wanted.request is not None:
            raise NothingKnown(f"{source} knows no request {wanted.request}", self._near(wanted))
        neighbours = self._neighbours(asked, wanted)
        events, left_out = self._heard(wanted, asked, since, until)
        if not asked and not events:
            raise NothingKnown(f"{source} knows nothing of {wanted.narrowed}", self._near(wanted))
        if unread := self._interpreter.unreadable:
            notes: tuple[str, ...] = (f"{unread} rows could not be read and are left out",)
        else:
            notes = ()
        return Facts(
            source=source,
            requests=tuple(self._told(each) for each in (*asked, *neighbours)),
            events=events,
            more_requests=more,
            more_events=left_out,
            end=now,
            notes=notes,
            known=self._known(events),
        )

    # -- requests ---------------------------------------------------------------------------------

    def _chosen(self, wanted: Wanted, now: float) -> tuple[list[Stored], int]:
        if wanted.request is not None:
            one = self.request(wanted.request)
            found = (
                [one]
                if one is not None
                else self.requests(None, None, wanted.request, wanted.limit + 1)
            )
            return found[: wanted.limit], max(0, len(found) - wanted.limit)
        since, until = _span(wanted, now)
        conditions, given = ["submitted >= ?", "submitted <= ?"], [since, until]
        values: list[Any] = [int(each * _MICROS) for each in given]
        for column, value in (("dialog_id", wanted.dialog), ("agent", wanted.agent)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        where = "WHERE " + " AND ".join(conditions)
        counting = f"SELECT count(*) FROM requests {where}"  # noqa: S608  ours, but for parameters
        (count,) = self.connection.execute(counting, values).fetchone()
        found = self.stored(f"{where} ORDER BY id DESC LIMIT ?", (*values, wanted.limit))
        return found, max(0, count - wanted.limit)

    def _neighbours(self, asked: tuple[Asked, ...], wanted: Wanted) -> list[Asked]:
        """Return what else was at work on the devices and dialogs of one request."""
        if wanted.request is None:
            return []
        known = {each.key for each in asked}
        found: dict[str, Asked] = {}
        for mine in asked:
            end = mine.settled if mine.settled is not None else mine.submitted + 3600
            values = (
                mine.agent or "",
                mine.dialog or "",
                int((mine.submitted - 120) * _MICROS),
                int(end * _MICROS),
                int(mine.submitted * _MICROS),
                _NEIGHBOURS,
            )
            for each in self.stored(
                "WHERE (agent = ? OR dialog_id = ?) AND submitted BETWEEN ? AND ?"
                " AND (settled IS NULL OR settled > ?) ORDER BY id DESC LIMIT ?",
                values,
            ):
                if each.record.key not in known:
                    found[each.record.key] = replace(_asked(each), neighbour=True)
        return list(found.values())

    def _told(self, asked: Asked) -> Asked:
        """Return it with its errors as they were told, for that deployment."""
        outcome = asked.outcome
        if not outcome or not outcome.get("errors") or asked.settled is None:
            return asked
        at = int((asked.settled - _SLACK) * _MICROS), int((asked.settled + _SLACK) * _MICROS)
        low, high = self._sequence_at(at[0]), self._sequence_at(at[1] + 1)
        rows = self.connection.execute(
            f"{_EVENTS} BETWEEN ? AND ? AND name = 'request' AND key = ?", (low, high, asked.key)
        )
        for row in rows:
            event = self._interpreter.event(row)
            errors = ((event.data.get("outcome") or {}) if event else {}).get("errors")
            if errors:
                return replace(asked, told={**asked.told, "outcome": {**outcome, "errors": errors}})
        return asked

    def _known(self, events: tuple[Heard, ...]) -> dict[tuple[str | None, str], str]:
        """Return which of our requests the ids on the events are of."""
        tags = sorted({each.tag for each in events if each.tag})[:_NEAR_OF]
        found: dict[tuple[str | None, str], str] = {}
        for tag in tags:
            for each in self.requests(None, None, tag, _NEIGHBOURS):
                request = each.record.request
                found[request.agent, each.record.request_id] = request.requested_action
        return found

    def _near(self, wanted: Wanted) -> tuple[str, ...]:
        """Return what resembles the id that nobody knows."""
        rows = self.connection.execute(
            "SELECT key, request_id, agent, dialog_id FROM requests ORDER BY id DESC LIMIT ?",
            (_NEAR_OF,),
        ).fetchall()
        if wanted.request is not None:
            known = [(id_, _words(row, id_)) for row in rows for id_ in row[:2]]
            return near(wanted.request, known)
        if wanted.dialog is not None:
            return near(wanted.dialog, [(row[3], f"dialog {row[3]}") for row in rows if row[3]])
        return near(wanted.agent or "", [(row[2], f"agent {row[2]}") for row in rows if row[2]])

    # -- events -----------------------------------------------------------------------------------

    def _window(self, wanted: Wanted, asked: tuple[Asked, ...], now: float) -> tuple[float, float]:
        if asked and wanted.request is not None:
            return around(asked, now)
        if asked and wanted.dialog is not None and wanted.since is None and wanted.last is None:
            since, until = around(asked, now)
            return since, max(until, since)
        return _span(wanted, now)

    def _heard(
        self, wanted: Wanted, asked: tuple[Asked, ...], since: float, until: float
    ) -> tuple[tuple[Heard, ...], int]:
        low = self._sequence_at(int((since - _SLACK) * _MICROS))
        high = self._sequence_at(int((until + _SLACK) * _MICROS)) + 1
        agents = {each.agent for each in asked} | {wanted.agent}
        dialogs = frozenset[str]().union(*(dialogs_of(each) for each in asked))
        if wanted.dialog is not None:
            dialogs |= {wanted.dialog}
        about = [("agent", [a for a in agents if a]), ("dialog_id", sorted(dialogs))]
        parts = [f"{column} IN ({', '.join('?' * len(ids))})" for column, ids in about if ids]
        values = [id_ for _, ids in about for id_ in ids]
        which = f"BETWEEN ? AND ? AND {_NAMES} AND ({' OR '.join(parts)})"
        span = (low, high, *values)
        counting = f"SELECT count(*) FROM events WHERE sequence {which}"  # noqa: S608  as above
        (count,) = self.connection.execute(counting, span).fetchone()
        rows = self.connection.execute(
            f"{_EVENTS} {which} ORDER BY sequence LIMIT ?", (*span, MOST_EVENTS)
        ).fetchall()
        read = (self._interpreter.event(row) for row in rows)
        found = [
            Heard(
                at=each.at.timestamp(),
                name=each.name,
                agent=each.agent,
                dialog=each.dialog_id,
                key=each.key,
                data=each.data,
            )
            for each in read
            if each is not None and since - _SLACK <= each.at.timestamp() <= until + _SLACK
        ]
        return tuple(found), max(0, count - len(rows))

    def _sequence_at(self, at: int) -> int:
        """Return the sequence of the first event at a time or later (times go with sequences)."""
        low, high = self.connection.execute(
            "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM events"
        ).fetchone()
        while low < high:
            middle = (low + high) // 2
            row = self.connection.execute(
                "SELECT sequence, at FROM events WHERE sequence >= ? ORDER BY sequence LIMIT 1",
                (middle,),
            ).fetchone()
            if row is None or row[1] >= at:
                high = middle
            else:
                low = row[0] + 1
        return int(low)


def _span(wanted: Wanted, now: float) -> tuple[float, float]:
    until = wanted.until if wanted.until is not None else now
    if wanted.last is not None:
        return until - wanted.last, until
    return (wanted.since if wanted.since is not None else 0.0), until


def _asked(stored: Stored) -> Asked:
    # What its caller sends has no turn, and does not leave here: the journal has its announcement.
    ours = not stored.record.expected
    return asked_of(
        stored.record if ours else replace(stored.record, sent=None),
        stored.registration,
        answer=stored.answer,
        baseline=stored.baseline,
        length=stored.length,
        going=stored.going_at if ours else None,
    )


def _words(row: tuple[Any, ...], id_: str) -> str:
    on = f" on dialog {row[3]}" if row[3] else ""
    other = f" (requestId {row[1]})" if id_ == row[0] else f" (id {row[0]})"
    return f"{id_}{other}, of agent {row[2]}{on}"

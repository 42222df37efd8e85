"""The thread that writes a transcript: masks, lines, parts, and a disk that may be full.

One thread per run; nobody else touches the file. A write that fails loses lines, which are counted
and told once the disk takes lines again; nobody waits for it. Knows entries; knows no core.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from listener import digits, logs
from listener.errors import ConfigurationError, MalformedUpdate
from listener.finesse import uris
from listener.finesse.events import content_of, events_of
from listener.finesse.wire import parse_update
from listener.report import stamp
from listener.transcript import entries
from listener.transcript.likeness import Likeness
from listener.transcript.lines import told
from listener.transcript.masks import Masks
from listener.transcript.parts import Parts
from listener.transcript.veil import Veil

FLUSHED_EVERY = 1.0
"""Seconds after which a line is in the file at the latest."""
AGAIN_EVERY = 2.0  # seconds between two tries when the disk takes nothing

_log = logs.get(__name__)
_to_json = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where and how: the file, its bounds in bytes, and whether numbers are shown.

    `part` bytes make a part full; all parts together have `total` at the most.
    """

    path: Path
    part: int = 64 * 1024 * 1024
    total: int = 1024 * 1024 * 1024
    show_numbers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the first line says of the run; see `entries.Header`."""

    program: str
    deployment: str | None
    started: datetime
    clock: float
    max_pending: int
    max_pending_per_agent: int
    tombstone_for: float
    gate: str


class Item(NamedTuple):
    """One entry on its way: the core's time, the wall's, and the entry as it is."""

    now: float
    wall: datetime
    entry: entries.Entry


class Writer:
    """Takes items from a queue until None comes. `open` and `start` first."""

    def __init__(self, options: Options, head: Head, items: queue.SimpleQueue[Item | None]) -> None:
        self._queue = items
        self._clock = head.clock
        self._masks = None if options.show_numbers else Masks(secrets.token_bytes(32))
        self._hashes = self._masks or Masks(secrets.token_bytes(32))
        self._spoken = digits.Spoken()
        self._now = head.clock
        self._likeness = Likeness()
        self._veil = Veil(self._masks, lambda: self._spoken.of((), self._now), self._likeness.look)
        self._parts = Parts(options)
        self._header = entries.Header(
            format=entries.FORMAT,
            program=head.program,
            run=secrets.token_hex(8),
            part=1,
            deployment=head.deployment,
            started=stamp(head.started) or "",
            clock=head.clock,
            masked=not options.show_numbers,
            max_pending=head.max_pending,
            max_pending_per_agent=head.max_pending_per_agent,
            tombstone_for=head.tombstone_for,
            gate=head.gate,
        )
        self._started = head.started
        self._thread = threading.Thread(target=self._run, name="transcript", daemon=True)
        self._broken = False
        self._missing = 0
        self._again = 0.0
        self._asked = False
        self.lost = 0
        self.taken = self.bytes_taken = 0
        self.wants_standpoint = False
        """Set here, cleared by the loop: a new part is due, or lines were lost."""

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._parts.path

    def open(self) -> None:
        """Open the file, and write the first line. Raises ConfigurationError."""
        self._parts.open()
        self._write_head(self._clock, self._started)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, within: float) -> bool:
        """Wait until all is written, after None was put; False when it takes longer."""
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive() and not self._broken

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        due = time.monotonic() + FLUSHED_EVERY
        while True:
            try:
                item = self._queue.get(timeout=FLUSHED_EVERY)
            except queue.Empty:
                self._flush()
                continue
            if item is None:
                break
            try:
                self._take(item)
            except Exception:  # noqa: BLE001  the next one may do; without the thread none would
                _log.exception("listener.failed", task="recording")
                self._lose(1)
            self.taken += 1
            if time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + FLUSHED_EVERY
        try:
            self._parts.close()
        except OSError as error:
            self._failed(error)

    def _take(self, item: Item) -> None:
        entry = item.entry
        if isinstance(entry, entries.Notified):
            self.bytes_taken += entry.length
        self._note(item.now, entry)
        try:
            line = self._line(item.now, item.wall, entry)
        except Exception as fault:  # noqa: BLE001  one line that cannot be made is one that is lost
            _log.exception("listener.failed", task="recording", error=type(fault).__name__)
            self.lost += 1
            self._missing += 1
            self.wants_standpoint = True
            return
        if isinstance(entry, entries.Standpoint):
            self._asked = False
            self._next_part(item)
        for form, text in self._likeness.found:
            alike = entries.Alike(agent=None, sealed=form, text=text)
            self._write(self._text(item.now, item.wall, alike, told(alike)), item)
        self._likeness.found.clear()
        self._write(line, item)
        if not self._asked and self._parts.full:
            self._asked = self.wants_standpoint = True

    def _note(self, now: float, entry: entries.Entry) -> None:
        """Keep in mind which digits Finesse may repeat."""
        self._now = now
        if isinstance(entry, entries.Adopted | entries.Remembered):
            self._likeness.learn(entry)
        if isinstance(entry, entries.Asked | entries.Adopted):
            self._spoken.begin(entry.key, entry.request)
        elif isinstance(entry, entries.Settled):
            self._spoken.end(entry.key, now)

    def _line(self, now: float, wall: datetime, entry: entries.Entry) -> bytes:
        if isinstance(entry, entries.Notified):
            entry = self._notified(entry)
            fields = told(entry)
        else:
            if isinstance(entry, entries.Reheard) and entry.content:
                entry = replace(entry, content=self._hashes.content((entry.content,)))
            fields = self._veil.value(told(entry))
        return self._text(now, wall, entry, fields)

    def _text(
        self, now: float, wall: datetime, entry: entries.Entry | entries.Header, fields: object
    ) -> bytes:
        assert isinstance(fields, dict)
        line = {
            "at": round(now - self._clock, 6),
            "now": now,
            "wall": stamp(wall),
            "dir": entry.way,
            "what": entry.what,
            **fields,
        }
        return (_to_json(line) + "\n").encode()

    def _notified(self, entry: entries.Notified) -> entries.Notified:
        payload = entry.payload or ""
        return replace(
            entry,
            agent=uris.place(entry.node).user,
            payload=self._veil.payload(payload),
            content=self._content(payload, entry),
        )

    def _content(self, payload: str, entry: entries.Notified) -> int:
        try:
            events = tuple(events_of(parse_update(payload), entry.node, entry.item_id))
        except MalformedUpdate:
            events = ()
        said = tuple(content_of(event) for event in events)
        return self._hashes.content(said if any(said) else payload)

    # -- the file ---------------------------------------------------------------------------

    def _write_head(self, now: float, wall: datetime) -> None:
        self._parts.write(self._text(now, wall, self._header, told(self._header)))

    def _next_part(self, item: Item) -> None:
        """Begin a new part, where one is due: what comes next says how all stands."""
        if not self._parts.full:
            return
        try:
            self._header = replace(self._header, part=self._header.part + 1)
            self._parts.next()
            self._write_head(item.now, item.wall)
        except (OSError, ConfigurationError) as error:
            self._failed(error)

    def _write(self, line: bytes, item: Item) -> None:
        if self._broken and not self._mended(item):
            self._lose(1)
            return
        try:
            if self._missing:
                self._tell_missing(item)
            self._parts.write(line)
        except OSError as error:
            self._failed(error)

    def _mended(self, item: Item) -> bool:
        """Try whether the disk takes lines again; what comes next must say how all stands."""
        if time.monotonic() < self._again:
            return False
        self._again = time.monotonic() + AGAIN_EVERY
        lost = self._missing
        try:
            self._parts.mend()
            if self._parts.empty:
                self._write_head(item.now, item.wall)
            self._tell_missing(item)
        except (OSError, ConfigurationError):
            return False
        self._broken = False
        self.wants_standpoint = True
        _log.info("recording.resumed", path=str(self.path), lost=lost)
        return True

    def _tell_missing(self, item: Item) -> None:
        """Write how many lines are missing here. Raises OSError."""
        missing = entries.Lost(agent=None, count=self._missing)
        self._parts.write_now(self._text(item.now, item.wall, missing, told(missing)))
        self._missing = 0

    def _flush(self) -> None:
        if self._broken:
            return
        try:
            self._parts.flush()
            self._parts.check()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError | ConfigurationError) -> None:
        self._broken, self._again = True, time.monotonic() + AGAIN_EVERY
        self._lose(self._parts.unsafe)
        why = getattr(error, "strerror", None) or str(error)
        _log.warning("recording.lost", path=str(self.path), detail=why)

    def _lose(self, count: int) -> None:
        self.lost += count
        self._missing += count

"""A server-sent event stream as bytes -> its blocks. Pure; knows the HTML standard's rules.

Source: HTML Living Standard, 9.2.5 and 9.2.6 (parsing and interpreting an event stream). A block
with an id and no data moves the position and is no event; that is the standard's rule too.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 16 * 1024 * 1024
"""Bytes of one block; a stream with a longer one is broken."""


@dataclass(frozen=True, slots=True)
class Block:
    """One event: its name ("message" when the server gave none) and data; `id` is its own id."""

    id: str | None
    name: str
    data: str


class Parser:
    """Takes the stream as it comes; remembers the last id and the wait that the server asks for.

    `last_id` is where to resume, None before the first id. `retry` in seconds, None if never said.
    `broken`: a block is longer than LONGEST, and the stream has to be begun anew.
    """

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        self.retry: float | None = None
        self.restart()

    def restart(self) -> None:
        """Begin a new stream; what of an event had come is dropped, the position stays."""
        self.broken = False
        self._rest = b""
        self._begun = False
        self._clear()

    def feed(self, chunk: bytes) -> list[Block]:
        """Take the next bytes; return the events that are whole now."""
        lines = (self._rest + chunk).splitlines(keepends=True)
        # A carriage return at the end may be half of a line's end: it waits for what follows.
        whole = bool(lines) and lines[-1].endswith(b"\n")
        self._rest = b"" if whole or not lines else lines.pop()
        found = [self._line(line.rstrip(b"\r\n")) for line in lines]
        self.broken = len(self._rest) + self._size > LONGEST
        return [block for block in found if block is not None]

    def _clear(self) -> None:
        self._id: str | None = None
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def _line(self, raw: bytes) -> Block | None:
        if not self._begun:
            self._begun = True
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw:
            return self._dispatch()
        field, _, value = raw.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        match field:
            case b"data":
                self._size += len(raw)
                self._data.append(text)
            case b"event":
                self._name = text
            case b"id" if "\0" not in text:
                self._id = text
            case b"retry" if text.isascii() and text.isdigit():
                self.retry = int(text[:9]) / 1000
            case _:
                pass  # a comment, or a field that later servers may add
        return None

    def _dispatch(self) -> Block | None:
        if self._id is not None:
            self.last_id = self._id or None
        block = None
        if self._data:
            block = Block(self._id, self._name or "message", "\n".join(self._data))
        self._clear()
        return block

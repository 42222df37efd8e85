"""Reads transcripts: files into typed entries, line by line, so that a large one needs no memory.

    for line in read(Path("today.jsonl")):
        match line.entry:
            case Settled(outcome=outcome): ...

What cannot be read is told to `trouble` with its place and passed over. Knows files; knows nothing
of what the entries mean together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from listener.errors import ConfigurationError
from listener.transcript.entries import FORMAT, Header, Line
from listener.transcript.lines import Unknown, Unreadable, object_of, understood

LONGEST = 16 * 1024 * 1024
"""Bytes of one line; what is longer was not written by this program."""
STANDARD_INPUT = Path("-")
_FIRST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in a transcript that could not be read: the line, and why."""

    path: str
    number: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.number}: {self.why}"


def read(
    *paths: Path,
    trouble: Callable[[Trouble], None] = lambda _trouble: None,
    passed: Callable[[int], None] = lambda _bytes: None,
) -> Iterator[Line]:
    """Yield the lines of one or more files; parts of one run may be given in any order.

    `trouble` is told of each line that cannot be read, `passed` how many bytes were read so far, of
    all files. `-` is standard input; a pipe is read once. Raises ConfigurationError for a file that
    cannot be read, is no transcript, or was written by a later version.
    """
    before = 0
    with ExitStack() as pipes:
        for path, pipe in _sorted(paths, pipes):
            end = 0
            with _opened(path) if pipe is None else pipe as file:
                for line, end in _lines(str(path), file, trouble):
                    passed(before + end)
                    yield line
            before += end


def size_of(paths: Iterable[Path]) -> int:
    """Return how many bytes the files have together; what is not there counts nothing."""
    return sum(path.stat().st_size for path in paths if path.is_file())


class _Pipe:
    """A transcript that can be read only once, with the line that was read to know what it is."""

    def __init__(self, file: BinaryIO, first: bytes) -> None:
        self._file = file
        self._first = first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def readline(self, limit: int) -> bytes:
        """Return the next line, or what fits of it."""
        first, self._first = self._first, b""
        return first or self._file.readline(limit)


def _sorted(paths: Iterable[Path], pipes: ExitStack) -> list[tuple[Path, _Pipe | None]]:
    """Return the files as they were written, by run, then by part; pipes with what was read."""
    heads = [(path, *_head(path, pipes)) for path in dict.fromkeys(paths)]
    began: dict[str, tuple[str, float]] = {}
    for _, head, _ in heads:
        first = (head.started, head.clock)
        began[head.run] = min(began.get(head.run, first), first)
    heads.sort(key=lambda each: (*began[each[1].run], each[1].part))
    return [(path, pipe) for path, _, pipe in heads]


def _opened(path: Path) -> BinaryIO:
    try:
        if path == STANDARD_INPUT:
            return os.fdopen(os.dup(0), "rb", 1 << 18)
        # A pipe that nobody writes to would be waited for while it is opened.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(file, True)
        return os.fdopen(file, "rb", 1 << 18)
    except OSError as error:
        raise ConfigurationError(
            f"the transcript {path} cannot be read: {error.strerror or error}"
        ) from None


def _head(path: Path, pipes: ExitStack) -> tuple[Header, _Pipe | None]:
    file = pipes.enter_context(_opened(path))
    try:
        first = file.readline(_FIRST)
    except OSError as error:
        raise ConfigurationError(
            f"the transcript {path} cannot be read: {error.strerror or error}"
        ) from None
    # Standard input may be a file, whose place its copies share: it is read once as well.
    once = path == STANDARD_INPUT or not file.seekable()
    pipe = _Pipe(file, first) if once else None
    if pipe is None:
        file.close()
    try:
        found = object_of(first)
    except Unreadable:
        found = {}
    if not first:
        raise ConfigurationError(f"{path} is empty; a transcript begins with a line about itself")
    return _checked(str(path), found), pipe


def _checked(path: str, found: dict[str, object]) -> Header:
    """Return the header in a line; ConfigurationError when it is none, or another format's."""
    if found.get("what") != Header.what:
        raise ConfigurationError(
            f"{path} is no transcript; one is written by `listener run --record` or `listener"
            " record`, and `listener parse` reads what Finesse said in other forms"
        )
    version = found.get("format")
    if version != FORMAT:
        raise ConfigurationError(
            f"{path} was written in format {version} by {found.get('program', 'another version')},"
            f" and this version reads format {FORMAT} alone; read it with that version"
        )
    try:
        header = understood(Header.what, found)
    except Unreadable as problem:
        raise ConfigurationError(f"{path}: its first line cannot be read: {problem}") from None
    assert isinstance(header, Header)
    return header


def _lines(
    path: str, file: BinaryIO | _Pipe, trouble: Callable[[Trouble], None]
) -> Iterator[tuple[Line, int]]:
    run: Header | None = None
    number = end = 0
    while text := file.readline(LONGEST):
        number += 1
        end += len(text)
        whole = text.endswith(b"\n")
        if not whole and len(text) >= LONGEST:
            end += _rest_of_line(file)
            trouble(Trouble(path, number, f"it is longer than {LONGEST} bytes"))
            continue
        try:
            line = _line(path, number, text, run)
        except Unreadable as problem:
            why = str(problem) if whole else "the file ends in the middle of it"
            trouble(Trouble(path, number, why))
            continue
        run = line.run
        yield line, end


def _rest_of_line(file: BinaryIO | _Pipe) -> int:
    passed = 0
    while text := file.readline(LONGEST):
        passed += len(text)
        if text.endswith(b"\n"):
            break
    return passed


def _line(path: str, number: int, text: bytes, run: Header | None) -> Line:
    found = object_of(text)
    what = found["what"]
    if what == Header.what:
        run = _checked(path, found)
        entry = run
    elif run is None:
        raise Unreadable("no line of a transcript")
    else:
        entry = understood(what, found)  # type: ignore[assignment]  # one of the entries
    now, at, wall = found.get("now"), found.get("at"), found.get("wall")
    if not isinstance(now, int | float) or not isinstance(at, int | float):
        raise Unreadable("it has no time")
    return Line(
        path=path,
        number=number,
        now=float(now),
        at=float(at),
        wall=str(wall),
        entry=entry,
        run=run,
    )


__all__ = ["Trouble", "Unknown", "read", "size_of"]

"""The files of a transcript: one that grows, and full ones beside it with a number each.

`name` is written; when it is full it becomes `name.N`, N counting up, and the oldest go when all
together are too large. Only a transcript is ever added to or removed. Used by one thread. Raises
OSError from writing, ConfigurationError from `open`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from listener import logs
from listener.errors import ConfigurationError
from listener.transcript.entries import FORMAT, Header
from listener.transcript.lines import Unreadable, object_of

if TYPE_CHECKING:
    from listener.transcript.writer import Options

MODE = 0o600
LONGEST_HEAD = 16 * 1024
_CHUNK = 64 * 1024  # bytes that are searched at once for the end of a line
BUFFER = 64 * 1024  # bytes that are gathered before they are written

_log = logs.get(__name__)


def check_head(head: bytes, path: Path) -> None:
    """Raise ConfigurationError unless a file that begins so is a transcript that may go on."""
    try:
        found = object_of(head.split(b"\n", 1)[0])
    except Unreadable:
        found = {}
    if found.get("what") != Header.what:
        raise ConfigurationError(
            f"{path} is there and is no transcript; name another file, or move it away"
        )
    if found.get("format") != FORMAT:
        raise ConfigurationError(
            f"{path} is a transcript in format {found.get('format')}, and format {FORMAT} is"
            " written here; name another file"
        )


class Parts:
    """The file that is written, and those that are full."""

    def __init__(self, options: Options) -> None:
        self.path = options.path.absolute()
        self._part, self._total = options.part, max(options.total, options.part)
        self._file = -1
        self._buffer = bytearray()
        self._lines = 0  # in the buffer
        self._size = 0  # of what is in the file for sure

    @property
    def full(self) -> bool:
        """Whether the next part is due."""
        return self._size + len(self._buffer) >= self._part

    @property
    def unsafe(self) -> int:
        """How many lines were not written yet; asked after a failure, it forgets them."""
        lines, self._lines = self._lines, 0
        self._buffer.clear()
        return lines

    def open(self) -> None:
        """Open the file, or make it; raises ConfigurationError where it is somebody else's."""
        try:
            self._file = self._opened(self.path)
        except OSError as error:
            raise ConfigurationError(
                f"the transcript {self.path} cannot be written: {_words(error)}"
            ) from None

    def _opened(self, path: Path) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(path, flags, MODE)
        try:
            ours = _locked(file, path)
            if ours:
                self._size = self._checked(file, path)
                os.fchmod(file, MODE)
        except (OSError, ConfigurationError):
            os.close(file)
            raise
        if ours:
            return file
        os.close(file)
        return self._beside(path)

    def _beside(self, path: Path) -> int:
        """Write another file where this one is another process's, as at a hand-over."""
        if path != self.path or path.stem.endswith(f"-{os.getpid()}"):
            raise OSError(errno.EWOULDBLOCK, "another process writes it")
        self.path = path.with_name(f"{path.stem}-{os.getpid()}{path.suffix}")
        _log.warning("recording.elsewhere", path=str(self.path), detail=f"{path} is in use")
        return self._opened(self.path)

    @staticmethod
    def _checked(file: int, path: Path) -> int:
        """Return how long the file is, which must be empty or a transcript; end its last line."""
        size = os.fstat(file).st_size
        if size == 0:
            return 0
        check_head(os.pread(file, LONGEST_HEAD, 0), path)
        if os.pread(file, 1, size - 1) != b"\n":  # a crash cut it off
            size += os.write(file, b"\n")
        return size

    def write(self, line: bytes) -> None:
        """Add a line, in a moment. Raises OSError."""
        self._buffer += line
        self._lines += 1
        if len(self._buffer) >= BUFFER:
            self.flush()

    def write_now(self, line: bytes) -> None:
        """Add a line at once, all or nothing as far as is known. Raises OSError."""
        self.flush()
        self._buffer += line
        try:
            self.flush()
        except OSError:
            self._buffer.clear()
            raise

    def flush(self) -> None:
        """Write what was gathered. Raises OSError; what is in the file then may end in half a line.

        `mend` takes that away.
        """
        while self._buffer:
            written = os.write(self._file, self._buffer)
            self._size += written
            del self._buffer[:written]
        self._lines = 0

    @property
    def empty(self) -> bool:
        """Whether the file has no line yet, and so not the one that it must begin with."""
        return self._size == 0 and not self._buffer

    def check(self) -> None:
        """Raise OSError when somebody removed the file, so that nobody would find what follows."""
        if os.fstat(self._file).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the file was removed")

    def mend(self) -> None:
        """Go on after a failure, behind the last whole line, or in a new file where there is none.

        Raises OSError and ConfigurationError.
        """
        if self._file >= 0 and os.fstat(self._file).st_nlink == 0:
            self._leave()
        if self._file < 0:
            self._file = self._opened(self.path)
        end = os.fstat(self._file).st_size
        while end > 0:
            start = max(0, end - _CHUNK)
            found = os.pread(self._file, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        os.ftruncate(self._file, end)
        self._size = end

    def next(self) -> None:
        """Put the full part aside, and begin another one. Raises OSError, ConfigurationError."""
        self.flush()
        os.fsync(self._file)
        numbered = self._numbered()
        number = max((n for n, _ in numbered), default=0) + 1
        self.path.rename(self.path.with_name(f"{self.path.name}.{number}"))
        self._leave()
        self._file = self._opened(self.path)
        self._tidy()

    def _leave(self) -> None:
        file, self._file = self._file, -1
        os.close(file)

    def _numbered(self) -> list[tuple[int, Path]]:
        name = re.compile(re.escape(self.path.name) + r"\.(\d{1,9})")
        every = ((name.fullmatch(each.name), each) for each in self.path.parent.iterdir())
        return sorted((int(match[1]), each) for match, each in every if match)

    def _tidy(self) -> None:
        parts = [
            (path, path.lstat().st_size) for _, path in self._numbered() if _is_transcript(path)
        ]
        total = sum(size for _, size in parts) + self._part  # for the one that is written now
        for path, size in parts:
            if total <= self._total:
                break
            path.unlink()
            total -= size

    def close(self) -> None:
        """Write what was gathered, and close the file. Raises OSError."""
        if self._file < 0:
            return
        try:
            self.flush()
            os.fsync(self._file)
        finally:
            self._leave()


def _locked(file: int, path: Path) -> bool:
    """Say whether the file is ours from now on; ConfigurationError for what is no file."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise ConfigurationError(f"{path} is no ordinary file; name another one")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_transcript(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return object_of(file.readline(LONGEST_HEAD)).get("what") == Header.what
        except Unreadable:
            return False


def _words(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link; name the file itself"
    if error.errno == errno.ENXIO:
        return "it is no ordinary file"
    return error.strerror or str(error)

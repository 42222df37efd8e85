"""Processes that a server of ours has started, and seeing them off after it.

Knows /proc of Linux; knows nothing of servers.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below that one, each with the kernel's time of its birth."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat is not None:
                parents[int(entry.name)] = stat
    found: dict[int, str] = {}
    unseen = [pid]
    while unseen:
        above = unseen.pop()
        below = {one: born for one, (parent, born) in parents.items() if parent == above}
        found |= below
        unseen += below
    return found


def _stat(pid: int) -> tuple[int, str] | None:
    """Return a process's parent and the time of its birth."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[1]), fields[19]) if fields[0] != "Z" else None


def see_off(pid: int, born: str, within: float = 5.0) -> None:
    """Wait for a child of a server that has ended; kill it when it stays."""
    end = time.monotonic() + within
    while (stat := _stat(pid)) is not None and stat[1] == born:
        if time.monotonic() > end:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)

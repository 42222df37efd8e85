"""What systemd is told: ready, stopping, reloading, who is the main process, and that all is well.

Speaks sd_notify(3): one datagram to $NOTIFY_SOCKET, no package needed. Must not know what the
program does; where there is no systemd nothing is sent. Never raises and never waits.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from listener import logs

MOST_LAG = 1.0  # seconds by which the loop may be late and still count as well
LOOK_AGAIN = 0.5  # seconds, while all is not well: the next regular ping may come too late

_log = logs.get(__name__)


class Notifier:
    """Tells systemd how the program is, where $NOTIFY_SOCKET says so.

    `environ` is the process's environment (kept, for others who ask what systemd wants). Each
    method returns whether systemd was reached: False
    where there is none.
    """

    def __init__(
        self, environ: Mapping[str, str], *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.environ = environ
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._clock = clock
        self._unsent: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Notifier {'on' if self._address else 'off'}>"

    @property
    def on(self) -> bool:
        """Whether somebody listens."""
        return self._address is not None

    def ready(self, status: str | None = None, *, main_pid: int | None = None) -> bool:
        """Say that starting, or reloading, is over; `main_pid` is this process after a hand-over.

        With NotifyAccess=all the new process says so itself.
        """
        lines = ["READY=1"]
        if main_pid is not None:
            lines.insert(0, f"MAINPID={main_pid}")
        return self._send(*lines, *_status(status))

    def stopping(self, status: str | None = None) -> bool:
        """Say that the program ends; systemd waits TimeoutStopSec= from there."""
        return self._send("STOPPING=1", *_status(status))

    def reloading(self, status: str | None = None) -> bool:
        """Say that settings are read again; `ready` must follow, whatever comes of it."""
        # systemd wants CLOCK_MONOTONIC, which is Python's monotonic clock on Linux.
        stamp = f"MONOTONIC_USEC={self._clock() // 1000}"
        return self._send("RELOADING=1", stamp, *_status(status))

    def status(self, text: str) -> bool:
        """Show a line in `systemctl status`."""
        return self._send(*_status(text))

    def watchdog(self) -> bool:
        """Say that all is well, for WatchdogSec=."""
        return self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        if self._address is None:
            return False
        lines = (*self._unsent, *lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self._address)
        except BlockingIOError:
            # systemd is busy: a READY=1 that got lost would cost the whole start, so it goes along
            # with what is said next. A ping that is late is worth nothing.
            self._unsent = tuple(line for line in lines if line != "WATCHDOG=1")
            return False
        except OSError as error:
            _log.warning("systemd.unreachable", detail=error.strerror or str(error))
            return False
        self._unsent = ()
        return True


def _address(given: str) -> str | None:
    if given.startswith("@"):  # an abstract socket
        return "\0" + given[1:]
    return given if given.startswith("/") else None


def _status(text: str | None) -> tuple[str, ...]:
    return () if text is None else ("STATUS=" + " ".join(text.split()),)


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds between two pings: half of $WATCHDOG_USEC, or None when none is wanted.

    $WATCHDOG_PID, where it is set, must be `pid`.
    """
    wanted, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) == 0:
        return None
    if whose and whose != str(pid):
        return None
    return int(wanted) / 2_000_000


def successor_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the process that takes over.

    Without what systemd addressed to this process alone: with WATCHDOG_PID the new one would never
    ping, and systemd would kill it.
    """
    mine = {"WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}
    return {name: value for name, value in environ.items() if name not in mine}


class Lag(Protocol):
    """How late the loop is (`lag.LoopLag`)."""

    def now(self) -> float:
        """Return it in seconds."""
        ...


class Watchdog:
    """Pings systemd at half of its limit while the loop turns in time and `healthy` says so.

    Without WATCHDOG_USEC `run` returns at once.
    """

    def __init__(
        self,
        notifier: Notifier,
        environ: Mapping[str, str],
        *,
        lag: Lag,
        healthy: Callable[[], bool],
        pid: int | None = None,
    ) -> None:
        self.interval = watchdog_interval(environ, os.getpid() if pid is None else pid)
        self._notifier = notifier
        self._lag = lag
        self._healthy = healthy
        self._well = True

    def __repr__(self) -> str:
        return f"<Watchdog every {self.interval} s>"

    async def run(self) -> None:
        """Ping until cancelled; the caller owns the task."""
        if self.interval is None or not self._notifier.on:
            return
        while True:
            well = self.look()
            await asyncio.sleep(self.interval if well else min(self.interval, LOOK_AGAIN))

    def look(self) -> bool:
        """Ping if all is well; return whether it was."""
        lag, healthy = self._lag.now(), self._is_healthy()
        was, self._well = self._well, lag < MOST_LAG and healthy
        if self._well:
            self._notifier.watchdog()
        elif was:
            _log.warning("watchdog.withheld", lag=round(lag, 3), healthy=healthy)
        return self._well

    def _is_healthy(self) -> bool:
        try:
            return self._healthy()
        except Exception:  # noqa: BLE001  what cannot say that it is well is not
            _log.exception("listener.failed", task="watchdog")
            return False

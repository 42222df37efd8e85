"""The long run: sessions, journal, API and drop-in, until it is told to stop.

Signals are its own: SIGTERM and SIGINT ask for a drain, a second one ends at once, SIGHUP reads the
settings again. The composition root: builds the parts and introduces them to each other.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from importlib.metadata import version
from typing import Self

from listener import logs
from listener.assembly import Paces
from listener.operations import files
from listener.operations.systemd import Notifier
from listener.settings import Settings
from listener.station import Station

INTERRUPTED = 130

_log = logs.get(__name__)


def run(settings: Settings, again: Callable[[], Settings] | None = None) -> int:
    """Hold the sessions until SIGTERM or SIGINT.

    `again` reads the settings anew, for a reload; without it there is none. Returns the exit code:
    0 after a drain, 130 when a second signal cut it short. Raises ConfigurationError for what
    cannot work (a CA file, a journal that another daemon holds, an address that is taken);
    everything else is tried again and again.
    """
    # What is kept (records, pictures) lives long and what an event makes dies at once, so the
    # collector need not look every 700 objects: measured, a tenth of the work of an event.
    gc.set_threshold(20_000, 20, 50)
    files.raise_limit()
    return asyncio.run(serve(settings, again=again))


async def serve(
    settings: Settings,
    stop: asyncio.Event | None = None,
    *,
    paces: Paces | None = None,
    again: Callable[[], Settings] | None = None,
    started: Callable[[Station], None] = lambda _station: None,
) -> int:
    """As `run`, inside a loop that runs already; `stop` ends it as the first signal does.

    `started` is called once callers can come in.
    """
    task = asyncio.current_task()
    assert task is not None
    with _Signals(stop or asyncio.Event(), task) as signals:
        try:
            return await _serve(settings, signals, paces, again, started)
        except asyncio.CancelledError:
            if not signals.hurried or task.uncancel() > 0:
                raise
            return INTERRUPTED


async def _serve(
    settings: Settings,
    signals: _Signals,
    paces: Paces | None,
    again: Callable[[], Settings] | None,
    started: Callable[[Station], None],
) -> int:
    for warning in settings.warnings:
        _log.warning("settings.warning", detail=warning)
    if (too_few := files.check_settings(settings)) is not None:
        _log.warning("files.limited", detail=too_few)
    _log.info("listener.starting", version=version("finesse-listener"), agents=len(settings.agents))
    systemd = Notifier(os.environ)
    abandoned = 0
    try:
        async with Station.open(settings, paces=paces, again=again, systemd=systemd) as station:
            signals.on_hangup = station.reload_soon
            started(station)
            try:
                await station.until(signals.stop)
                systemd.stopping("open requests get their grace")
                _log.info("listener.stopping", grace=settings.timings.drain)
                abandoned = await station.drain(settings.timings.drain)
            except asyncio.CancelledError:
                station.hurry()
                abandoned = await station.drain(0)
                raise
    except asyncio.CancelledError:
        _log.warning("listener.stopped", abandoned=abandoned, detail="ended at once")
        raise
    _log.info("listener.stopped", abandoned=abandoned)
    return 0


class _Signals:
    """Takes SIGTERM, SIGINT and SIGHUP for the time of the run."""

    def __init__(self, stop: asyncio.Event, task: asyncio.Task[object]) -> None:
        self.stop = stop
        self.hurried = False
        self.on_hangup: Callable[[], None] = lambda: None
        self._task = task
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked)
        self._loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.remove_signal_handler(number)

    def _hung_up(self) -> None:
        self.on_hangup()

    def _asked(self) -> None:
        if self.stop.is_set():
            self.hurried = True
            self._task.cancel()
        self.stop.set()

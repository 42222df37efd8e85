"""The long run: sessions, journal, API and drop-in, until it is told to stop.

Signals are its own: SIGTERM and SIGINT ask for a drain, a second one ends at once, SIGHUP reads the
settings again. The composition root: builds the parts and introduces them to each other.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version
from typing import Self

from listener import logs
from listener.assembly import Paces
from listener.handover.arriving import Arrival
from listener.handover.channel import Channel
from listener.handover.starting import Starter, Successor
from listener.operations import files
from listener.operations.allocator import settle
from listener.operations.collector import Collector
from listener.operations.systemd import Notifier
from listener.operations.turns import bounded_loop
from listener.progress import Screen
from listener.settings import Settings
from listener.station import Station

INTERRUPTED = 130
LOST = 70  # EX_SOFTWARE: systemd starts it again

_log = logs.get(__name__)


def run(
    settings: Settings,
    again: Callable[[], Settings] | None = None,
    *,
    command: Sequence[str] | None = None,
    channel: socket.socket | None = None,
    screen: Screen | None = None,
) -> int:
    """Hold the sessions until SIGTERM or SIGINT, or until another process has taken over.

    `again` reads the settings anew, for a reload; without it there is none. `command`: what stands
    behind `python -m listener` to start this daemon's successor; without it there is no hand-over.
    `channel`: this is such a successor, and that is its connection to the daemon that started it.
    `screen` shows how far the sign-on of many agents is; without it the log tells.

    Returns the exit code: 0 after a drain or a hand-over, 130 when a second signal cut it short, 70
    when a hand-over failed so that only a restart helps. Raises ConfigurationError for what cannot
    work (a CA file, a journal that another daemon holds, an address that is taken), and Broken when
    a successor took nothing over; everything else is tried again and again.
    """
    files.raise_limit()
    settle(os.environ)
    start = Successor(command) if command is not None else None
    try:
        with Collector() as collector, asyncio.Runner(loop_factory=bounded_loop) as runner:
            serving = serve(settings, again=again, start=start, channel=channel, screen=screen)
            return runner.run(_with(collector, serving))
    finally:
        gc.freeze()  # what a thousand sessions leave need not be searched before the process ends


async def _with(collector: Collector, serving: Coroutine[None, None, int]) -> int:
    looking = asyncio.create_task(collector.run(), name="garbage collector")
    try:
        return await serving
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def serve(
    settings: Settings,
    stop: asyncio.Event | None = None,
    *,
    paces: Paces | None = None,
    again: Callable[[], Settings] | None = None,
    start: Starter | None = None,
    channel: socket.socket | None = None,
    started: Callable[[Station], None] = lambda _station: None,
    screen: Screen | None = None,
) -> int:
    """As `run`, inside a loop that runs already; `stop` ends it as the first signal does.

    `start` starts a successor. `started` is called once callers can come in.
    """
    task = asyncio.current_task()
    assert task is not None
    arrival = Arrival(Channel(channel)) if channel is not None else None
    with _Signals(stop or asyncio.Event(), task, arrival) as signals:
        opening = partial(
            Station.open,
            settings,
            paces=paces,
            again=again,
            start=start,
            arrival=arrival,
            screen=screen,
        )
        try:
            return await _serve(settings, signals, opening, started)
        except asyncio.CancelledError:
            if not signals.hurried or task.uncancel() > 0:
                raise
            return INTERRUPTED
        except Exception as why:
            if arrival is not None:
                arrival.failed(why)
            raise
        finally:
            if arrival is not None:
                arrival.close()


async def _serve(
    settings: Settings,
    signals: _Signals,
    opening: Callable[..., AbstractAsyncContextManager[Station]],
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
        async with opening(systemd=systemd) as station:
            signals.hang_up_to(station.reload_soon)
            started(station)
            try:
                await station.until(signals.stop)
                if station.leaving.left.is_set():
                    await station.depart()
                    _log.info("listener.stopped", abandoned=0)
                    return exit_code(station)
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


def exit_code(station: Station) -> int:
    """Return how a daemon ends that has nothing to do any more."""
    return 0 if station.leaving.lost is None else LOST


class _Signals:
    """Takes SIGTERM, SIGINT and SIGHUP for the time of the run.

    A successor that has not taken over yet has nothing to drain: it ends at the first signal.
    """

    def __init__(
        self, stop: asyncio.Event, task: asyncio.Task[object], arrival: Arrival | None
    ) -> None:
        self.stop = stop
        self._arrival = arrival
        self.hurried = False
        self._hangup = asyncio.Event()
        self._on_hangup: Callable[[], None] = self._hangup.set
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._mask: set[int] = set()

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked)
        self._loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        # The command line holds it back until here, and from the end of the run on.
        self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        return self

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, self._mask & {signal.SIGHUP})
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.remove_signal_handler(number)

    def _hung_up(self) -> None:
        self._on_hangup()

    def hang_up_to(self, reload: Callable[[], None]) -> None:
        """Call `reload` at each SIGHUP; at once when one came before."""
        self._on_hangup = reload
        if self._hangup.is_set():
            reload()

    def _asked(self) -> None:
        if self.stop.is_set() or (self._arrival is not None and not self._arrival.begun):
            self.hurried = True
            self._task.cancel()
        self.stop.set()

"""The long run: a listener for all configured agents until it is told to stop.

Signals are its own; the first asks for a drain, the second ends at once.
"""

from __future__ import annotations

import asyncio
import signal
from importlib.metadata import version

from listener import logs
from listener.assembly import Listener
from listener.settings import Settings

_log = logs.get(__name__)


def run(settings: Settings) -> int:
    """Hold the sessions until SIGTERM or SIGINT; return the exit code (0 after a drain)."""
    return asyncio.run(serve(settings))


async def serve(settings: Settings, stop: asyncio.Event | None = None) -> int:
    """As `run`, inside a loop that runs already; `stop` ends it as a signal does."""
    stop = stop or asyncio.Event()
    task = asyncio.current_task()
    assert task is not None
    with _Signals(stop, task):
        try:
            return await _serve(settings, stop)
        except asyncio.CancelledError:
            if task.uncancel() > 0:
                raise
            _log.warning("listener.stopped", abandoned=None, detail="ended at once")
            return 130


async def _serve(settings: Settings, stop: asyncio.Event) -> int:
    for warning in settings.warnings:
        _log.warning("settings.warning", detail=warning)
    _log.info("listener.starting", version=version("finesse-listener"), agents=len(settings.agents))
    async with Listener.open(settings, strict=False) as listener:
        await stop.wait()
        _log.info("listener.stopping", grace=settings.timings.drain)
        abandoned = await listener.close(settings.timings.drain)
    _log.info("listener.stopped", abandoned=abandoned)
    return 0


class _Signals:
    """Takes SIGTERM and SIGINT for the time of the run."""

    def __init__(self, stop: asyncio.Event, task: asyncio.Task[object]) -> None:
        self._stop = stop
        self._task = task
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked)

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.remove_signal_handler(number)

    def _asked(self) -> None:
        if self._stop.is_set():
            self._task.cancel()
        self._stop.set()

"""The long run: a listener for all configured agents until it is told to stop.

Signals are its own; the first asks for a drain, the second ends at once.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from importlib.metadata import version
from typing import Self

from listener import logs
from listener.assembly import Listener, Paces
from listener.settings import Settings

INTERRUPTED = 130

_log = logs.get(__name__)


def run(settings: Settings) -> int:
    """Hold the sessions until SIGTERM or SIGINT.

    Returns the exit code: 0 after a drain, 130 when a second signal cut it short. Raises
    ConfigurationError for a CA file that cannot be used; everything else is tried again and again.
    """
    # What is kept (records, pictures) lives long and what an event makes dies at once, so the
    # collector need not look every 700 objects: measured, a tenth of the work of an event.
    gc.set_threshold(20_000, 20, 50)
    return asyncio.run(serve(settings))


async def serve(
    settings: Settings, stop: asyncio.Event | None = None, *, paces: Paces | None = None
) -> int:
    """As `run`, inside a loop that runs already; `stop` ends it as the first signal does."""
    task = asyncio.current_task()
    assert task is not None
    with _Signals(stop or asyncio.Event(), task) as signals:
        try:
            return await _serve(settings, signals.stop, paces)
        except asyncio.CancelledError:
            if not signals.hurried or task.uncancel() > 0:
                raise
            return INTERRUPTED


async def _serve(settings: Settings, stop: asyncio.Event, paces: Paces | None) -> int:
    for warning in settings.warnings:
        _log.warning("settings.warning", detail=warning)
    _log.info("listener.starting", version=version("finesse-listener"), agents=len(settings.agents))
    abandoned = 0
    try:
        async with Listener.open(settings, strict=False, wait=False, paces=paces) as listener:
            try:
                await _until(stop, listener)
                _log.info("listener.stopping", grace=settings.timings.drain)
                abandoned = await listener.close(settings.timings.drain)
            except asyncio.CancelledError:
                listener.hurry()
                abandoned = await listener.close(0)
                raise
    except asyncio.CancelledError:
        _log.warning("listener.stopped", abandoned=abandoned, detail="ended at once")
        raise
    _log.info("listener.stopped", abandoned=abandoned)
    return 0


async def _until(stop: asyncio.Event, listener: Listener) -> None:
    """Wait for the word to stop; say meanwhile when every agent was tried."""
    tried = asyncio.create_task(listener.tried(), name="tried")
    try:
        await stop.wait()
    finally:
        tried.cancel()
        await asyncio.gather(tried, return_exceptions=True)


class _Signals:
    """Takes SIGTERM and SIGINT for the time of the run."""

    def __init__(self, stop: asyncio.Event, task: asyncio.Task[object]) -> None:
        self.stop = stop
        self.hurried = False
        self._task = task
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.remove_signal_handler(number)

    def _asked(self) -> None:
        if self.stop.is_set():
            self.hurried = True
            self._task.cancel()
        self.stop.set()

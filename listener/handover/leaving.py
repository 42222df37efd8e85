"""The first process's side: at most one try at a time, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from listener import logs
from listener.handover.attempt import Asked, Attempt, Home
from listener.handover.channel import Refused
from listener.handover.starting import Starter

PATIENCE = 10.0  # seconds in which what the second process could not judge in full may still end

_log = logs.get(__name__)


class Leaving:
    """At most one hand-over at a time. Made inside a running loop.

    `start` starts the second process; None: nobody knows how. `left` is set when this process has
    nothing to do any more; `lost`: not because another one does it, but because what was let go of
    could not be taken back, so that only a restart helps.
    """

    def __init__(self, home: Home, start: Starter | None, *, patience: float = PATIENCE) -> None:
        self.left = asyncio.Event()
        self.lost: str | None = None
        self._home = home
        self._start = start
        self._patience = patience
        self._attempt: Attempt | None = None
        self._running: asyncio.Task[str] | None = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether a hand-over is under way."""
        return self._running is not None

    def __repr__(self) -> str:
        return f"<Leaving {'busy' if self._running is not None else 'idle'}>"

    async def hand_over(self, asked: Asked, tell: Callable[[str], None]) -> str:
        """Hand over, and return what was done; `tell` is told meanwhile.

        Raises Refused, and then everything goes on here. Going away changes nothing.
        """
        if self._stopping:
            raise Refused("the daemon is shutting down")
        if self._running is not None:
            raise Refused("a hand-over is under way already")
        if self._start is None:
            raise Refused("this daemon was not started by `listener run`, so it cannot start anew")
        self._attempt = attempt = Attempt(self._home, self._start, asked, tell, self._patience)
        self._running = asyncio.create_task(self._guarded(attempt), name="hand-over")
        running = self._running
        await asyncio.wait((running,))  # this task may be cancelled, that one goes on
        if running.cancelled():
            raise Refused("the daemon was told to stop")
        return running.result()

    async def _guarded(self, attempt: Attempt) -> str:
        _log.info("handover.started")
        try:
            return await attempt.run()
        except asyncio.CancelledError:
            _log.warning("handover.failed", detail="this process was told to stop")
            raise
        except Refused as why:
            _log.error("handover.failed", detail=str(why))
            raise
        except Exception as fault:  # noqa: BLE001  a fault here must not end what goes on
            _log.exception("handover.failed", detail=type(fault).__name__)
            raise Refused("a fault in this program; the log has its trace") from None
        finally:
            self._running = None
            self.lost = attempt.lost
            if attempt.done or attempt.lost is not None:
                self.left.set()

    async def give_up(self) -> None:
        """End a hand-over that is under way, and take everything back; no other one is begun.

        At its last moment it is left to end by itself, one way or the other: see `left`.
        """
        self._stopping = True
        if self._running is not None and self._attempt is not None:
            if not self._attempt.standing_still:
                self._running.cancel()
            await asyncio.wait((self._running,))

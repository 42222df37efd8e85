"""What runs for long, put together: journal, chronicle, listener, backend and doors of one daemon.

Builds the parts and introduces them to each other; signals and exit codes are `daemon`'s.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from listener import logs
from listener.assembly import Listener, Paces
from listener.backend import Backend
from listener.chronicle import Chronicle
from listener.crew import AgentStatus
from listener.entrances import open_api, open_dropin
from listener.errors import Closing, ConfigurationError
from listener.gauges import sources_of
from listener.handover.adopting import Adoption
from listener.handover.arriving import Arrival
from listener.handover.attempt import Home
from listener.handover.carried import State
from listener.handover.desk import Desk, open_desk
from listener.handover.exporting import Known
from listener.handover.leaving import Leaving
from listener.handover.starting import Starter
from listener.journal import Journal
from listener.keeping import Kept, open_journal
from listener.offers import Resource
from listener.operations.lag import LoopLag
from listener.operations.metrics import Metrics
from listener.operations.systemd import Notifier, Watchdog
from listener.progress import Reporter, Screen
from listener.reloading import Reloader
from listener.serving import Doors
from listener.settings import Settings
from listener.tally import Tally
from listener.tasks import Tasks

__all__ = ["Station", "open_journal"]

DROPIN_BODY = 4 * 1024 * 1024  # bytes: what Finesse's administration may be sent
CLOSING = 2.0  # seconds for answers that are on their way when the doors close
LAST_ANSWERS = 15.0  # the same when another process serves already, so that nothing hurries
STATUS_EVERY = 10.0  # seconds between two looks at the line for `systemctl status`

_log = logs.get(__name__)


class Station:
    """One daemon's parts. Made by `Station.open`; everything ends when that block is left."""

    def __init__(
        self, settings: Settings, listener: Listener, kept: Kept, doors: Doors, systemd: Notifier
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.kept = kept
        self.doors = doors
        self.lag = LoopLag()
        self.backend: Backend
        self.reloader: Reloader
        self.leaving: Leaving
        self.background: Tasks
        self._desk: Desk | None = None
        self._systemd = systemd
        self._reload_wanted = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Station {self.listener!r}>"

    @property
    def chronicle(self) -> Chronicle:
        """Keeps what happens, and tells it."""
        return self.kept.chronicle

    @property
    def journal(self) -> Journal | None:
        """The journal, if one is kept."""
        return self.kept.journal

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        paces: Paces | None = None,
        again: Callable[[], Settings] | None = None,
        systemd: Notifier | None = None,
        start: Starter | None = None,
        arrival: Arrival | None = None,
        screen: Screen | None = None,
    ) -> AsyncIterator[Station]:
        """Start everything, and yield once callers can come in; sessions come up by themselves.

        `start` starts the process that this one hands over to when it is asked to. `arrival`: this
        one was started so, and takes over from another one first. `screen`: see `progress`. Raises
        ConfigurationError for what cannot work, and Broken when nothing was taken over.
        """
        tally, station = Tally(), None
        reporter = Reporter(screen)

        def changed(status: AgentStatus) -> None:
            reporter.moved()
            # Until all is ours, not even the numbers of events are.
            if station is not None and (arrival is None or arrival.begun):
                station.tell_session(status)

        # What is kept is closed last: while sessions end, there is still something to be kept.
        async with AsyncExitStack() as last, AsyncExitStack() as stack:
            doors = Doors(settings.api.tokens_file)
            opening = partial(
                Listener.open, strict=False, wait=False, paces=paces, tally=tally, changed=changed
            )
            if arrival is None:
                kept = await last.enter_async_context(Kept.open(settings, tally))
                restored = opening(settings, memory=kept.chronicle, first=kept.restore)
                listener = await _watched(stack, restored, reporter)
                state = None
            else:
                with arrival.telling():
                    held = await arrival.greet(settings)
                    beside = opening(held, memory=arrival.prelude, first=arrival.introduce)
                    listener = await _watched(stack, beside, reporter)
                    state = await arrival.gather(listener)
                    kept = await last.enter_async_context(Kept.open(settings, tally, state))
            station = cls(settings, listener, kept, doors, systemd or Notifier({}))
            station._introduce(tally, again, start)
            stack.push_async_callback(station._leave)
            station.background = await stack.enter_async_context(_background())
            if arrival is not None and state is not None:
                with arrival.telling():
                    await station._arrive(arrival, state, stack)
            else:
                await station._open_doors(stack)
                await station._begin()
            yield station

    def _introduce(
        self, tally: Tally, again: Callable[[], Settings] | None, start: Starter | None
    ) -> None:
        self.reloader = Reloader(
            self.settings, self.listener.roster, self.doors, again, self.listener.trust
        )
        sources = sources_of(
            self.listener,
            self.lag,
            journal=lambda: self.journal,  # another one after a hand-over that came to nothing
            readers=lambda: self.chronicle.readers,
            ready=lambda: self.backend.ready().ready,
            named=self.settings.api.agent_labels,
        )
        self.backend = Backend(
            self.settings,
            self.listener,
            self.chronicle,
            self.journal,
            keys=self.kept.keys,
            metrics=Metrics(tally, sources).render,
            reload=self.reload,
        )
        known = Known(self.listener, self.chronicle, self.kept.keys, self.kept.hashes)
        home = Home(
            known, self.reloader, self._stop_accepting, self._resume_accepting, self._reopen
        )
        self.leaving = Leaving(home, start)

    async def _open_doors(
        self, stack: AsyncExitStack, inherited: Mapping[str, socket.socket] | None = None
    ) -> None:
        """Make ready to serve; callers may connect, and wait."""
        sockets, no_desk = dict(inherited or {}), None
        try:
            self._desk = open_desk(
                self.settings.api.socket, self.leaving.hand_over, self.listener.recording, sockets
            )
        except ConfigurationError as error:
            no_desk = str(error)
        self.doors.inherit(sockets)
        await open_api(self.doors, self.settings, self.backend, self.listener, self.chronicle)
        await open_dropin(self.doors, self.settings, self.listener, self.background, stack)
        if no_desk is not None:  # told only here: mostly the doors above cannot be opened either
            _log.warning("handover.unavailable", detail=no_desk)

    async def _begin(self, main_pid: int | None = None) -> None:
        """Serve, and start what runs beside the sessions. Nothing in here waits."""
        await self.doors.start()
        if self._desk is not None:
            self._desk.start()
        environ = self._systemd.environ
        watchdog = Watchdog(self._systemd, environ, lag=self.lag, healthy=self._healthy)
        self.background.spawn(self.lag.run, "loop lag")
        self.background.spawn(watchdog.run, "watchdog")
        self.background.spawn(self._reload_when_wanted, "reload")
        self.background.spawn(self._tell_systemd, "status")
        self._systemd.ready(self.status(), main_pid=main_pid)

    # -- hand-over ----------------------------------------------------------------------------

    async def _arrive(self, arrival: Arrival, state: State, stack: AsyncExitStack) -> None:
        """Take everything over from the process before, and serve."""
        unsettled = await self.kept.inherit(self.listener, state)
        sockets, arrival.sockets = arrival.sockets, {}
        await self._open_doors(stack, sockets)
        adoption = Adoption(
            self.listener,
            self.chronicle,
            prelude=arrival.prelude,
            state=state,
            deaf=await arrival.deaf(self.listener, state),
            unsettled=unsettled,
        )
        await arrival.mine()
        # From here on it is this process's work, and nothing waits until it serves.
        adopted = adoption.begin()
        for status in self.listener.agents.values():
            if state.sessions.get(status.agent) != (status.state, status.live):
                self.tell_session(status)
        await self._begin(os.getpid())
        rest = partial(self.kept.inherit_rest, self.listener)
        self.background.spawn(rest, "what was settled before")
        _log.info(
            "handover.taken",
            judged=adopted.judged,
            in_doubt=adopted.in_doubt,
            unsent=adopted.unsent,
        )

    def _stop_accepting(self) -> dict[str, socket.socket]:
        sockets = self.doors.stop_accepting()
        return sockets | self._desk.stop() if self._desk is not None else sockets

    def _resume_accepting(self) -> None:
        self.doors.resume_accepting()
        if self._desk is not None:
            self._desk.start()

    async def _reopen(self) -> Journal | None:
        self.backend.journal = journal = await self.kept.reopen()
        return journal

    async def depart(self) -> None:
        """End what answers still run; another process does the work."""
        await self.background.aclose()  # systemd hears from that one now
        await self.doors.close(LAST_ANSWERS)

    # -- life -------------------------------------------------------------------------------

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the word to stop, or until another process has taken over (`leaving.left`).

        Says meanwhile when every agent was tried.
        """
        tried = asyncio.create_task(self.listener.tried(), name="tried")
        ends = [asyncio.create_task(each.wait()) for each in (stop, self.leaving.left)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self.leaving.give_up()
        finally:
            for task in (tried, *ends):
                task.cancel()
            await asyncio.gather(tried, *ends, return_exceptions=True)

    async def drain(self, grace: float) -> int:
        """Refuse new work, give open requests `grace` seconds; return how many were abandoned.

        Callers that wait are answered; then the doors close.
        """
        self.listener.service.refuse()
        abandoned = await self.listener.close(grace)
        self.chronicle.close()
        await self.doors.close(CLOSING if grace else 0.0)
        return abandoned

    def hurry(self) -> None:
        """Let the sessions end without a goodbye."""
        self.listener.hurry()

    async def _leave(self) -> None:
        self.chronicle.close()
        await self.doors.close(0.0)
        if self._desk is not None:
            await self._desk.aclose()

    # -- reload -----------------------------------------------------------------------------

    def reload_soon(self) -> None:
        """Read the settings again, as soon as the loop comes to it (SIGHUP)."""
        self._reload_wanted.set()

    async def _reload_when_wanted(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                await self.reload()
            except (ConfigurationError, Closing):
                continue  # it was logged
            except Exception as fault:  # noqa: BLE001  the next SIGHUP may find other settings
                _log.exception("settings.failed", error=type(fault).__name__)

    async def reload(self, *, retry_refused: bool = False) -> Resource:
        """Read the settings again; ConfigurationError when they cannot work: nothing changed.

        `retry_refused`: try credentials once more that Finesse refused, though they are the same.
        Raises Closing during a hand-over, whose new process has read them already.
        """
        if self.leaving.busy:
            _log.error("settings.refused", detail="a hand-over is under way; reload again after it")
            raise Closing("a hand-over is under way; reload again when it is over")
        self._systemd.reloading()
        try:
            return await self.reloader.reload(retry_refused=retry_refused)
        except ConfigurationError as error:
            _log.error("settings.refused", detail=str(error))
            raise
        finally:
            self._systemd.ready(self.status())

    # -- how it is ----------------------------------------------------------------------------

    def tell_session(self, status: AgentStatus) -> None:
        """Tell readers of events how an agent's session is now."""
        self.chronicle.session(status.agent, self.backend.agent_json(status))

    def status(self) -> str:
        """Return the line that `systemctl status` shows."""
        roster, service = self.listener.roster, self.listener.service
        return f"{roster.up} of {len(roster.ears)} sessions up, {service.pending} requests open"

    def _healthy(self) -> bool:
        return self.doors.failed is None

    async def _tell_systemd(self) -> None:
        told = ""
        while self._systemd.on:
            if (now := self.status()) != told:
                self._systemd.status(told := now)
            await asyncio.sleep(STATUS_EVERY)


async def _watched(
    stack: AsyncExitStack, opening: AbstractAsyncContextManager[Listener], reporter: Reporter
) -> Listener:
    """Open a listener, and tell from then on how far its sign-on is, until it is closed."""
    listener = await stack.enter_async_context(opening)
    telling = await stack.enter_async_context(_background())
    telling.spawn(partial(reporter.run, listener.roster.ears.values), "progress")
    return listener


@asynccontextmanager
async def _background() -> AsyncIterator[Tasks]:
    tasks = Tasks(asyncio.get_running_loop())
    try:
        yield tasks
    finally:
        await tasks.aclose()

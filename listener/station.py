"""What runs for long, put together: journal, chronicle, listener, backend and doors of one daemon.

Builds the parts and introduces them to each other; signals and exit codes are `daemon`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from importlib.metadata import version

from listener import logs, wiring
from listener.api.app import create_app
from listener.assembly import Listener, Paces
from listener.backend import Backend
from listener.chronicle import Chronicle
from listener.crew import AgentStatus
from listener.dropin.app import create_dropin
from listener.dropin.sessions import SessionPolicy
from listener.errors import ConfigurationError
from listener.idempotency import Keys
from listener.journal import Journal, Options, key_of_folder
from listener.ledger import now_utc
from listener.offers import Resource
from listener.operations.lag import LoopLag
from listener.operations.metrics import Metrics, Sources
from listener.operations.systemd import Notifier, Watchdog
from listener.reloading import Reloader
from listener.rest import Forwarder
from listener.restoring import restore
from listener.serving import Doors
from listener.settings import Settings
from listener.settings.serving import Notifications, Served
from listener.tally import Tally
from listener.tasks import Tasks
from listener.tracking import Tracking
from listener.web.gatekeeping import Guarded
from listener.web.server import Limits
from listener.web.sockets import host_of
from listener.xmpp.tls import client_context

CLOSING = 2.0  # seconds for answers that are on their way when the doors close
STATUS_EVERY = 10.0  # seconds between two looks at the line for `systemctl status`

_log = logs.get(__name__)


class Station:
    """One daemon's parts. Made by `Station.open`; everything ends when that block is left."""

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        chronicle: Chronicle,
        *,
        journal: Journal | None,
        doors: Doors,
        systemd: Notifier,
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.chronicle = chronicle
        self.journal = journal
        self.doors = doors
        self.lag = LoopLag()
        self.backend: Backend
        self.reloader: Reloader
        self._systemd = systemd
        self._reload_wanted = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Station {self.listener!r}>"

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        paces: Paces | None = None,
        again: Callable[[], Settings] | None = None,
        systemd: Notifier | None = None,
    ) -> AsyncIterator[Station]:
        """Start everything, and yield once callers can come in; sessions come up by themselves.

        Raises ConfigurationError for what cannot work.
        """
        systemd = systemd or Notifier({})
        async with AsyncExitStack() as stack:
            tally = Tally()
            doors = Doors(settings.api.tokens_file)
            journal = await open_journal(settings)
            if journal is not None:
                stack.push_async_callback(journal.aclose)
            keep = settings.journal.notifications is not Notifications.OFF
            chronicle = Chronicle(journal, keep_events=keep, lagged=lambda: _lagged(tally))
            keys = Keys(journal.hash_of if journal is not None else _keyed())

            async def first(listener: Listener) -> None:
                chronicle.state = listener.service.correlator.state
                chronicle.deployment = lambda: listener.service.deployment
                if journal is not None:
                    tombs = timedelta(minutes=settings.requests.tombstone_minutes)
                    await restore(
                        listener.service, journal, keys, now=now_utc(), remember_for=tombs
                    )

            station: Station | None = None

            def changed(status: AgentStatus) -> None:
                if station is not None:
                    chronicle.session(status.agent, station.backend.agent_json(status))

            listener = await stack.enter_async_context(
                Listener.open(
                    settings,
                    strict=False,
                    wait=False,
                    paces=paces,
                    memory=chronicle,
                    tally=tally,
                    changed=changed,
                    first=first,
                )
            )
            station = cls(
                settings, listener, chronicle, journal=journal, doors=doors, systemd=systemd
            )
            station._introduce(keys, tally, again)
            stack.push_async_callback(station._leave)
            background = await stack.enter_async_context(_background())
            station._begin(background)
            await station._open_doors(background, stack)
            systemd.ready(station.status())
            yield station

    def _introduce(self, keys: Keys, tally: Tally, again: Callable[[], Settings] | None) -> None:
        self.reloader = Reloader(self.settings, self.listener.roster, self.doors, again)
        metrics = Metrics(tally, self._sources())
        self.backend = Backend(
            self.settings,
            self.listener,
            self.chronicle,
            self.journal,
            keys=keys,
            metrics=metrics.render,
            reload=self.reload,
        )

    def _sources(self) -> Sources:
        roster, service = self.listener.roster, self.listener.service
        named = self.settings.api.agent_labels
        return Sources(
            version=version("finesse-listener"),
            pending=lambda: service.pending,
            sessions=lambda: (status.state for status in roster.status().values()),
            ready=lambda: self.backend.ready().ready,
            lag=lambda: self.lag.worst,
            readers=lambda: self.chronicle.readers,
            agents=(lambda: ((s.agent, s.live) for s in roster.status().values()))
            if named
            else None,
        )

    def _begin(self, background: Tasks) -> None:
        """Start what runs beside the sessions."""
        watchdog = Watchdog(self._systemd, os.environ, lag=self.lag, healthy=self._healthy)
        background.spawn(self.lag.run, "loop lag")
        background.spawn(watchdog.run, "watchdog")
        background.spawn(self._reload_when_wanted, "reload")
        background.spawn(self._tell_systemd, "status")

    async def _open_doors(self, background: Tasks, stack: AsyncExitStack) -> None:
        await self._open_api()
        await self._open_dropin(background, stack)
        await self.doors.start()

    async def _open_api(self) -> None:
        api = self.settings.api
        app = create_app(self.backend)
        limits = Limits(connections=api.max_connections, event_readers=api.max_event_readers)

        guarded = Guarded(
            app,
            tokens=lambda: self.doors.tokens,
            allowed_hosts=[*api.allowed_hosts, *_named(api)],
            allowed_origins=api.allowed_origins,
        )
        await self.doors.open("api", api, guarded, limits)

    async def _open_dropin(self, background: Tasks, stack: AsyncExitStack) -> None:
        """Serve Finesse's own paths, where the settings say so."""
        wanted = self.settings.dropin
        if not wanted.on:
            return
        forwarder = Forwarder(
            self.listener.rest.nodes,
            tls=client_context(self.settings.finesse.ca_file),
            timings=wiring.rest_timings(self.settings),
        )
        stack.push_async_callback(forwarder.aclose)
        guarded, dropin = create_dropin(
            Tracking(self.listener, max_sessions=wanted.max_sessions),
            forwarder,
            tokens=lambda: self.doors.tokens,
            require_token=wanted.require_token,
            allowed_hosts=_named(wanted),
            policy=SessionPolicy(
                on_demand=wanted.sessions_on_demand,
                wait=wanted.session_wait,
                idle=None if wanted.idle_minutes is None else wanted.idle_minutes * 60,
            ),
            refused_for=wanted.refused_minutes * 60,
        )
        background.spawn(dropin.keep, "sessions on demand")
        limits = Limits(connections=wanted.max_connections)
        await self.doors.open("dropin", wanted, guarded, limits)

    # -- life -------------------------------------------------------------------------------

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the word to stop; say meanwhile when every agent was tried."""
        tried = asyncio.create_task(self.listener.tried(), name="tried")
        try:
            await stop.wait()
        finally:
            tried.cancel()
            await asyncio.gather(tried, return_exceptions=True)

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

    # -- reload -----------------------------------------------------------------------------

    def reload_soon(self) -> None:
        """Read the settings again, as soon as the loop comes to it (SIGHUP)."""
        self._reload_wanted.set()

    async def _reload_when_wanted(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            with suppress(ConfigurationError):  # it was logged
                await self.reload()

    async def reload(self) -> Resource:
        """Read the settings again; ConfigurationError when they cannot work: nothing changed."""
        self._systemd.reloading()
        try:
            return await self.reloader.reload()
        except ConfigurationError as error:
            _log.error("settings.refused", detail=str(error))
            raise
        finally:
            self._systemd.ready(self.status())

    # -- how it is ----------------------------------------------------------------------------

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


async def open_journal(settings: Settings) -> Journal | None:
    """Open the journal that the settings name, None where they name none.

    Raises ConfigurationError for one that cannot be used.
    """
    wanted = settings.journal
    if wanted.path is None:
        return None
    key = await asyncio.to_thread(key_of_folder, wanted.path)
    options = Options(
        notifications=wanted.notifications.value,
        keep_call_data=wanted.keep_call_data,
        retention=timedelta(days=wanted.retention_days),
        max_bytes=wanted.max_megabytes * 1024 * 1024,
        key=key,
    )
    return await Journal.open(wanted.path, options, now=now_utc)


def _named(served: Served) -> list[str]:
    """Return the host that is listened at: callers may name it."""
    return [host_of(served.listen)] if served.listen is not None else []


def _keyed() -> Callable[[str], str]:
    """Return a keyed hash for this process alone."""
    key = secrets.token_bytes(32)
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _lagged(tally: Tally) -> None:
    tally.lagged += 1


@asynccontextmanager
async def _background() -> AsyncIterator[Tasks]:
    tasks = Tasks(asyncio.get_running_loop())
    try:
        yield tasks
    finally:
        await tasks.aclose()

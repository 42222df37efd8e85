"""The doors of one daemon: which application is served where, and who is let in.

Introduces API and drop-in to what they stand on; knows no operation of either.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from listener import wiring
from listener.api.app import ROUTERS, create_app
from listener.api.counting import Operations
from listener.assembly import Listener
from listener.backend import Backend
from listener.dropin.app import create_dropin
from listener.dropin.counting import counted_as
from listener.dropin.sessions import SessionPolicy
from listener.rest import Forwarder
from listener.serving import Doors
from listener.settings import Settings
from listener.settings.serving import Served
from listener.tally import Tally
from listener.tasks import Tasks
from listener.tracking import Tracking
from listener.web.counting import Counting
from listener.web.gatekeeping import Guarded
from listener.web.server import Limits
from listener.web.sockets import host_of
from listener.xmpp.tls import client_context

if TYPE_CHECKING:
    from starlette.types import Message, Scope


async def open_api(doors: Doors, settings: Settings, backend: Backend, tally: Tally) -> None:
    """Open the door of the API, where the settings say so; `tally` counts its answers."""
    api = settings.api
    guarded = Guarded(
        create_app(backend),
        tokens=lambda: doors.tokens,
        allowed_hosts=[*api.allowed_hosts, *_named(api)],
        allowed_origins=api.allowed_origins,
    )
    limits = Limits(connections=api.max_connections, event_readers=api.max_event_readers)
    await doors.open("api", api, guarded, limits, _api_counting(tally))


async def open_dropin(
    doors: Doors, settings: Settings, listener: Listener, background: Tasks, stack: AsyncExitStack
) -> None:
    """Open the door of Finesse's own paths, where the settings say so."""
    wanted = settings.dropin
    if not wanted.on:
        return
    forwarder = Forwarder(
        listener.rest.nodes,
        tls=client_context(settings.finesse.ca_file),
        timings=wiring.rest_timings(settings),
    )
    stack.push_async_callback(forwarder.aclose)
    guarded, dropin = create_dropin(
        Tracking(listener, max_sessions=wanted.max_sessions),
        forwarder,
        tokens=lambda: doors.tokens,
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
    counting = _dropin_counting(listener.service.tally)
    await doors.open("dropin", wanted, guarded, limits, counting)


def _api_counting(tally: Tally) -> Counting:
    operations = Operations(ROUTERS)

    def answered(scope: Scope, start: Message) -> None:
        tally.answered(operations.of(scope["method"], scope["path"]), start["status"])

    return Counting(answered, tally.refused)


def _dropin_counting(tally: Tally) -> Counting:
    def answered(scope: Scope, start: Message) -> None:
        manner, outcome = counted_as(scope["method"], start.get("headers", ()))
        tally.passed(manner, start["status"], outcome)

    return Counting(answered, tally.refused)


def _named(served: Served) -> list[str]:
    """Return the host that is listened at: callers may name it."""
    return [host_of(served.listen)] if served.listen is not None else []

"""The doors of one daemon: which application is served where, and who is let in.

Introduces API, page and drop-in to what they stand on; knows no operation of them.
"""

from __future__ import annotations

import asyncio
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
from listener.page import assets, keys
from listener.page.cookies import Cookies
from listener.page.page import Page
from listener.page.pages import install, open_paths
from listener.page.visitors import Visitors
from listener.rest import Forwarder
from listener.serving import Doors
from listener.settings import Settings
from listener.settings.serving import Api, Notifications, Served
from listener.tally import Tally
from listener.tasks import Tasks
from listener.tracking import Tracking
from listener.web.counting import Counting
from listener.web.gatekeeping import Guarded
from listener.web.server import Limits
from listener.web.sockets import host_of

if TYPE_CHECKING:
    from starlette.types import Message, Scope

    from listener.chronicle import Chronicle


_EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  looked for, not bound


async def open_api(
    doors: Doors, settings: Settings, backend: Backend, listener: Listener, chronicle: Chronicle
) -> Page:
    """Open the door of the API and of the page, where the settings say so; return the page."""
    api = settings.api
    app = create_app(backend)
    page = await _page(doors, settings, listener, chronicle)
    install(app, page)
    backend.forgets.append(page.forget)
    guarded = Guarded(
        app,
        tokens=lambda: doors.tokens,
        allowed_hosts=[*api.allowed_hosts, *_named(api)],
        allowed_origins=api.allowed_origins,
        open_paths=open_paths(page),
        visitors=Visitors(page.cookies),
    )
    limits = Limits(connections=api.max_connections, event_readers=api.max_event_readers)
    await doors.open("api", api, guarded, limits, _api_counting(listener.service.tally))
    return page


async def _page(doors: Doors, settings: Settings, listener: Listener, chronicle: Chronicle) -> Page:
    """Return the page; its cookies hold for as long as there is a journal beside their key."""
    api = settings.api
    journal = settings.journal.path if api.listen is not None else None
    page = Page(
        service=listener.service,
        chronicle=chronicle,
        cookies=Cookies(await asyncio.to_thread(keys.key_for, journal)),
        assets=await asyncio.to_thread(assets.read),
        address=lambda: _link(doors, api),
        own=listener.roster.extension,
        whole=settings.journal.notifications is Notifications.FULL,
    )
    listener.service.overheard = page.payloads.take
    return page


def _link(doors: Doors, api: Api) -> str | None:
    """Return where a browser finds the page: by the name that the operator gave, where there is."""
    address = doors.addresses.get("api.tcp")
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    named = host_of(api.listen or host)
    if named in _EVERYWHERE:  # no browser can be sent there
        named = api.allowed_hosts[0] if api.allowed_hosts else "127.0.0.1"
    shown = f"[{named}]" if ":" in named and not named.startswith("[") else named
    return f"{'https' if api.tls_certificate else 'http'}://{shown}:{port}"


async def open_dropin(
    doors: Doors, settings: Settings, listener: Listener, background: Tasks, stack: AsyncExitStack
) -> None:
    """Open the door of Finesse's own paths, where the settings say so."""
    wanted = settings.dropin
    if not wanted.on:
        return
    forwarder = Forwarder(
        listener.rest.nodes,
        tls=listener.trust.rest,
        timings=wiring.rest_timings(settings),
    )
    listener.trust.watch_contexts(lambda: forwarder.trust(listener.trust.rest))
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

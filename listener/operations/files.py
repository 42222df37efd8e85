"""The limit of open files: raised to what the system allows, and compared with what may be needed.

Knows descriptors; each session, each caller and each reader of events holds one.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from listener import logs

if TYPE_CHECKING:
    from listener.settings import Settings

SPARE = 256
"""The log, the journal, listening sockets, 100 connections to REST, handshakes, what is closing."""

_log = logs.get(__name__)


def raise_limit() -> int:
    """Raise this process's limit of open files to the hard one; return what holds now.

    A system that refuses leaves it as it was. Child processes inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            _log.warning("files.limited", limit=soft, detail=str(error))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft


def check_files(
    agents: int, connections: int, event_readers: int, *, limit: int | None = None
) -> str | None:
    """Say that so many sessions, callers and readers do not fit into the limit; None when they do.

    `limit` is this process's own when None.
    """
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = agents + connections + event_readers + SPARE
    if limit in {resource.RLIM_INFINITY, -1} or needed <= limit:
        return None
    return (
        f"up to {needed} files may be open ({agents} sessions, {connections} connections,"
        f" {event_readers} readers of events, {SPARE} to spare), and the limit is {limit}: raise it"
        " (LimitNOFILE= in the systemd unit, `ulimit -Hn`), or lower api.max_event_readers and"
        " max_connections"
    )


def check_settings(settings: Settings, *, limit: int | None = None) -> str | None:
    """As `check_files`, for what these settings allow; parts that are off need nothing."""
    api, dropin = settings.api, settings.dropin
    agents, connections, readers = len(settings.agents), 0, 0
    if api.on:
        connections += api.max_connections
        readers += api.max_event_readers
    if dropin.on:
        connections += dropin.max_connections * 2  # each may hold one to Finesse
        agents += dropin.max_sessions if dropin.sessions_on_demand else 0
    return check_files(agents, connections, readers, limit=limit)

"""What the local API stands on: fulfils `api.contract.Backend`. Knows no HTTP.

Requests and agents have modules of their own; here are the daemon as a whole, and what is erased
in all its parts.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from listener.assembly import Listener
from listener.backend.agents import Agents
from listener.backend.requests import AT_ONCE, Requests
from listener.chronicle import Chronicle
from listener.finesse.sealed import Sealer
from listener.idempotency import Keys
from listener.journal import Journal, Mention
from listener.journal.codec import encode
from listener.ledger import now_utc
from listener.offers import Readiness, Resource, Wanted
from listener.readers import ChronicleReader
from listener.report import stamp
from listener.settings import Settings
from listener.settings.serving import ReadyWhen
from listener.ticket import Record


class Backend(Requests, Agents):
    """Everything that callers can ask of a daemon. Made inside a running loop.

    `metrics` renders the daemon's figures, `reload(retry_refused=...)` reads the settings again;
    the others are as in `Requests` and `Agents`.
    """

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        chronicle: Chronicle,
        journal: Journal | None,
        *,
        keys: Keys,
        metrics: Callable[[], bytes],
        reload: Callable[..., Awaitable[Resource]],
    ) -> None:
        Requests.__init__(self, listener, journal, keys)
        Agents.__init__(self, settings, listener, chronicle)
        self._metrics = metrics
        self._reload = reload
        self._started = now_utc()
        self.forgets: list[Callable[[], object]] = []
        """What else drops what it keeps, all of it, when something is erased."""

    def __repr__(self) -> str:
        return f"<Backend {self._listener!r}>"

    @property
    def deployment(self) -> str | None:
        """UCCE, UCCX or None when not known yet."""
        return self._service.deployment

    def events(self, wanted: Wanted, after: str | None) -> ChronicleReader:
        """Begin to read events: from now on, or behind the id `after`."""
        return self._chronicle.read(wanted, after)

    def ready(self) -> Readiness:
        """Say whether the daemon can do its work."""
        reasons: list[str] = []
        if self._service.closing:
            reasons.append("the daemon is shutting down, or handing over")
        if self._chronicle.trouble is not None:
            reasons.append(f"the journal cannot be written: {self._chronicle.trouble}")
        up, held = self._listener.roster.up, len(self._listener.roster.ears)
        when = self._settings.api.ready_when
        if when is ReadyWhen.ANY and held and not up:
            reasons.append(f"none of {held} sessions is up")
        if when is ReadyWhen.ALL and up < held:
            reasons.append(f"{up} of {held} sessions are up, and api.ready_when is all")
        return Readiness(not reasons, tuple(reasons))

    def info(self) -> Resource:
        """Return what is known of this daemon: nothing secret."""
        limits = self._settings.requests
        journal = self.journal
        return {
            "version": version("finesse-listener"),
            "deployment": self._service.deployment,
            "nodes": [node.host for node in self._settings.finesse.endpoints],
            "epoch": self._chronicle.epoch,
            "started": stamp(self._started),
            "draining": self._service.closing,
            "agents": {"held": len(self._listener.roster.ears), "up": self._listener.roster.up},
            "pending": self._service.pending,
            "limits": {
                "maxPending": limits.max_pending,
                "maxPendingPerAgent": limits.max_pending_per_agent,
            },
            "journal": None
            if journal is None
            else {
                "firstSequence": journal.first_sequence,
                "lastSequence": journal.last_sequence,
                "trouble": journal.trouble,
                "setAside": str(journal.set_aside) if journal.set_aside else None,
            },
        }

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return self._metrics()

    async def reload(self, *, retry_refused: bool) -> Resource:
        """Read the settings again; ConfigurationError when they cannot work (nothing changed).

        `retry_refused`: try credentials once more that Finesse refused, though they are the same.
        """
        self._check_open()
        return await self._reload(retry_refused=retry_refused)

    async def forget(self, *, number: str | None, dialog_id: str | None) -> Resource:
        """Erase what is known of a number or a dialog, in memory and in the journal.

        Raises InvalidRequest and NotKept: nothing was erased.
        """
        # Nothing that is told is sealed; with a key of its own this finds no sealed text.
        wanted = Mention(number, dialog_id, Sealer(secrets.token_bytes(32)).seal)
        erased: dict[str, Any] = {}
        if self.journal is not None:
            erased = await self.journal.forget(number=number, dialog_id=dialog_id)
        keys = await self._mentioning(wanted)
        recent = await self._chronicle.forget(wanted, keys)
        settled = self._service.forget(lambda record: record.key in keys)
        for forget in self.forgets:
            forget()
        return {"erased": {**recent, "settled": settled, **erased}}

    async def _mentioning(self, wanted: Mention) -> set[str]:
        """Return the keys of the requests in memory that mention it."""
        found: set[str] = set()
        records = tuple(self._service.records.values())
        for begin in range(0, len(records), AT_ONCE):
            found |= {
                record.key
                for record in records[begin : begin + AT_ONCE]
                if self._mentions(record, wanted)
            }
            await asyncio.sleep(0)
        return found

    def _mentions(self, record: Record, wanted: Mention) -> bool:
        request = record.request
        told = json.dumps(self._shown(record), ensure_ascii=False)
        asked = json.dumps(encode(request), ensure_ascii=False)
        return wanted.is_id(request.dialog_id) or wanted.made_in(told, asked)

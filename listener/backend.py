"""What the local API stands on: fulfils `api.contract.Backend`.

Brings together the listener, the chronicle of events and the journal. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from itertools import islice
from typing import Any

from pydantic import SecretStr

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.crew import AgentStatus
from listener.errors import (
    Closing,
    CredentialsRefused,
    InvalidRequest,
    ListenerError,
    NotAccepted,
    UnknownAgent,
)
from listener.finesse.actions.request import Request
from listener.finesse.parsed import dialog_json, user_json
from listener.finesse.sealed import Sealer
from listener.idempotency import Keys
from listener.journal import Journal, Mention, Stored
from listener.journal.codec import encode
from listener.ledger import now_utc
from listener.offers import AgentSignedIn, Idempotency, Readiness, Resource, Taken, Wanted
from listener.readers import ChronicleReader
from listener.report import record_json, stamp, state_word
from listener.roster import agent_of
from listener.settings import Presence, Settings
from listener.settings.model import problem_with_id
from listener.settings.serving import ReadyWhen
from listener.terms import Wishes
from listener.ticket import Record, Ticket

AT_ONCE = 20
"""Requests that are rendered while the loop stands still."""
_SIGNED_OUT = "LOGOUT"


class Backend:
    """Everything that callers can ask of a daemon. Made inside a running loop.

    `keys` knows the Idempotency-Keys; `metrics` renders them, `reload(retry_refused=...)` reads the
    settings again.
    `journal` is another one after a hand-over that came to nothing.
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
        self._settings = settings
        self._listener = listener
        self._service = listener.service
        self._chronicle = chronicle
        self.journal = journal
        self._keys = keys
        self._metrics = metrics
        self._reload = reload
        self._loop = asyncio.get_running_loop()
        self._fresh: dict[str, Ticket] = {}  # whose intents are not safe yet, by id
        self._limit = asyncio.Semaphore(4)  # lists that are gathered at once
        self._showing = asyncio.Semaphore(1)  # one of them is rendered, in turns with all else
        self._started = now_utc()
        self.forgets: list[Callable[[], object]] = []
        """What else drops what it keeps, all of it, when something is erased."""

    def __repr__(self) -> str:
        return f"<Backend {self._listener!r}>"

    @property
    def deployment(self) -> str | None:
        """UCCE, UCCX or None when not known yet."""
        return self._service.deployment

    # -- requests ---------------------------------------------------------------------------

    async def submit(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take a request, keep its intent, and send it. Raises KeyReused and NotAccepted."""
        return await self._take(self._service.submit, request, wishes, idempotency)

    async def expect(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take a request that the caller sends with the resource's requestId."""
        return await self._take(self._service.expect, request, wishes, idempotency)

    async def _take(
        self,
        take: Callable[[Request, Wishes], Ticket],
        request: Request,
        wishes: Wishes,
        idempotency: Idempotency | None,
    ) -> Taken:
        self._listener.roster.ear(request.agent)  # UnknownAgent
        if idempotency is None:
            ticket = take(request, wishes)
            await ticket.kept()
            return Taken(self._shown(ticket.record), fresh=True)
        hashed = self._keys.hashed(idempotency)
        known = self._keys.find(hashed, self._loop.time())
        if known is not None:
            return Taken(await self._again(known), fresh=False)
        # No await between looking and taking: of a hundred at once one is sent.
        given = (idempotency.key, idempotency.fingerprint)
        ticket = take(request, replace(wishes, idempotency=given))
        self._keys.add(hashed, ticket.id, self._loop.time())
        self._fresh[ticket.id] = ticket
        try:
            await ticket.kept()
        except NotAccepted:
            self._keys.drop(hashed)
            raise
        finally:
            self._fresh.pop(ticket.id, None)
        return Taken(self._shown(ticket.record), fresh=True)

    async def _again(self, id_: str) -> Resource:
        first = self._fresh.get(id_)
        if first is not None:
            await first.kept()
        found = await self.resource(id_)
        if found is None:
            raise InvalidRequest("the request that this Idempotency-Key made is not kept any more")
        return found

    async def report(self, id_: str, status: int, body: bytes | None) -> Resource | None:
        """Tell what Finesse answered to an expectation; None when there is no such expectation."""
        record = self._service.records.get(id_)
        if record is None or not record.expected:
            return None
        self._service.report(id_, status, body)
        return self._shown(record)

    async def resource(self, id_: str, wait: float = 0.0) -> Resource | None:
        """Return a request, settled or after `wait` seconds; None when it is not known."""
        record = self._service.records.get(id_)
        if record is not None:
            await self._service.wait(id_, wait)
            return self._shown(record)
        if self.journal is None:
            return None
        stored = await self.journal.request(id_)
        return self._shown(stored.record) if stored is not None else None

    async def resources(
        self,
        *,
        state: str | None,
        agent: str | None,
        request_id: str | None,
        limit: int,
    ) -> AsyncGenerator[Resource, None]:
        """Yield requests, newest first: those in memory, and settled ones from the journal.

        Each is rendered when its turn comes: many at once would hold up all else. Others have
        their turn in between; who asks for another list waits for the end of this one.
        """
        async with self._limit:
            stored: list[Stored] = []
            if self.journal is not None and state in {None, "settled"}:
                stored = await self.journal.requests(
                    state="settled", agent=agent, request_id=request_id, limit=limit
                )
            settled = None if state is None else state == "settled"
            fitting = self._service.newest(agent=agent, request_id=request_id, settled=settled)
            if state not in {None, "open", "settled"}:
                fitting = (record for record in fitting if self._word(record) == state)
            found = {record.key: record for record in islice(fitting, limit)}
            for each in stored:
                if each.record.key not in self._service.records:
                    found[each.record.key] = each.record
            newest = sorted(found.values(), key=lambda record: record.key, reverse=True)
            async with self._showing:
                for number, record in enumerate(newest[:limit], start=1):
                    yield self._shown(record)
                    if number % AT_ONCE == 0:
                        await asyncio.sleep(0)

    async def abandon(self, id_: str) -> Resource | None:
        """Stop waiting for a request; None when it is not known."""
        self._service.abandon(id_)
        return await self.resource(id_, wait=1.0)  # until its end is safe in the journal

    def _word(self, record: Record) -> str:
        return state_word(record, self._service.correlator.state(record.key))

    def _shown(self, record: Record) -> Resource:
        state = self._service.correlator.state(record.key)
        return record_json(record, state, self._service.deployment)

    # -- events -----------------------------------------------------------------------------

    def events(self, wanted: Wanted, after: str | None) -> ChronicleReader:
        """Begin to read events: from now on, or behind the id `after`."""
        return self._chronicle.read(wanted, after)

    # -- agents -----------------------------------------------------------------------------

    def agents(self) -> list[Resource]:
        """Return all agents that are held."""
        return [self.agent_json(status) for status in self._listener.agents.values()]

    def agent(self, id_: str) -> Resource | None:
        """Return one agent; None when it is not held."""
        status = self._listener.agents.get(id_)
        return self.agent_json(status) if status is not None else None

    def agent_json(self, status: AgentStatus) -> Resource:
        """Return an agent's session as the API shows it."""
        picture = self._service.correlator.picture(status.agent)
        return {
            "id": status.agent,
            "state": status.state,
            "live": status.live,
            "node": status.host,
            "since": self._moment(status.since),
            "extension": self._listener.roster.extension(status.agent) or picture.extension,
            "origin": self._listener.roster.origin(status.agent),
            "lastGap": self._chronicle.gaps.get(status.agent),
            "lastError": status.last_error,
        }

    def _moment(self, at: float) -> str | None:
        if at <= 0:
            return None
        return stamp(now_utc() - timedelta(seconds=self._loop.time() - at))

    def dialogs(self, id_: str) -> Resource | None:
        """Return an agent's dialogs as last known, each with the time of that knowledge."""
        if id_ not in self._listener.agents:
            return None
        picture = self._service.correlator.picture(id_)
        times = [known.at for known in picture.dialogs.values()]
        newest = max([*times, picture.user_at, picture.live_since or 0.0])
        return {
            "agent": id_,
            "live": picture.live,
            "at": self._moment(newest),
            "user": user_json(picture.user) if picture.user is not None else None,
            "dialogs": [
                {**dialog_json(known.dialog), "at": self._moment(known.at)}
                for known in picture.dialogs.values()
            ],
        }

    async def put_agent(
        self,
        id_: str,
        *,
        password: SecretStr | None,
        token: SecretStr | None,
        extension: str | None,
    ) -> tuple[Resource, bool]:
        """Add an agent or change its credentials; True when it was added.

        Credentials stay in memory: after a restart only configured agents are there.
        """
        self._check_open()
        if problem := problem_with_id(id_):
            raise InvalidRequest(problem, field="id")
        if password is None and token is None:
            raise InvalidRequest("give the password or the token", field="password")
        self._check_spelling(id_)
        held = id_ in self._listener.roster.ears
        if held and extension in {None, self._listener.roster.extension(id_)}:
            self._listener.roster.change_credentials(id_, password=password, token=token)
        else:
            agent = agent_of(id_, password=password, token=token, extension=extension)
            if held:
                await self._listener.roster.replace(agent)
            else:
                self._listener.roster.add(agent, origin="api")
        shown = self.agent(id_)
        if shown is None:
            raise UnknownAgent(f"agent {id_} was removed by another call meanwhile")
        return shown, not held

    def _check_open(self) -> None:
        """Refuse changes that would be lost: the next process has been told of everything."""
        if self._service.closing:
            raise Closing("the daemon is shutting down, or handing over to its successor")

    def _check_spelling(self, id_: str) -> None:
        for held in self._listener.roster.ears:
            if held != id_ and held.casefold() == id_.casefold():
                raise InvalidRequest(f"this agent is held already, as {held}", field="id")

    async def remove_agent(self, id_: str, *, force: bool) -> bool:
        """End an agent's session; False when it is not held. Raises AgentSignedIn.

        A session without presence may end at any time: Finesse does not see it.
        """
        if id_ not in self._listener.roster.ears:
            return False
        self._check_open()
        seen = self._settings.finesse.presence is Presence.AVAILABLE
        if seen and not force and (why := await self._why_kept(id_)) is not None:
            raise AgentSignedIn(
                f"{why}, and this may be the only session: Finesse would sign the agent out 60 s"
                " later; sign out first, or use force=true"
            )
        self._check_open()  # Finesse was asked, and took its time
        if id_ in self._listener.roster.ears:
            await self._listener.roster.remove(id_)
        return True

    async def _why_kept(self, id_: str) -> str | None:
        """Say why an agent's session has to stay: signed in, or nobody knows; None: signed out."""
        picture = self._service.correlator.picture(id_)
        state = picture.user.state if picture.live and picture.user is not None else None
        if state:
            return None if state == _SIGNED_OUT else f"agent {id_} is signed in ({state})"
        trouble = self._listener.roster.ear(id_).trouble
        try:
            if isinstance(trouble, CredentialsRefused):
                raise trouble  # another try would count towards the lock of the account
            signed_in = await self._listener.wire.signed_in(id_)
        except ListenerError as why:
            return f"it is not known whether agent {id_} is signed in ({why})"
        return f"agent {id_} is signed in" if signed_in else None

    # -- operations -------------------------------------------------------------------------

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

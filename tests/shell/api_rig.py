"""The API over the real backend, service and chronicle; Finesse and the sessions are scripted.

`Rig.client` calls it in this process; `Rig.call` speaks ASGI by hand, for streams and for callers
that hang up.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx

from listener import logs
from listener.api.app import create_app
from listener.backend import Backend
from listener.chronicle import Chronicle
from listener.correlation.steps import AnswerKind, Look, RestAnswer
from listener.crew import AgentStatus
from listener.errors import ConfigurationError, UnknownAgent
from listener.finesse.model import Notification
from listener.idempotency import Keys
from listener.named import agent_of
from listener.service import Policy, Service
from listener.settings import Settings
from listener.terms import Leaving
from listener.web.callers import Caller, Scope, with_included
from tests.builders import AGENT, CALL, NODE, a_dialog, a_participant, a_user
from tests.shell.stage import until

OTHER = "agent2"
ACCEPTED = RestAnswer(AnswerKind.ACCEPTED, 202)
HOLD = {"agent": AGENT, "requestedAction": "HOLD", "dialogId": CALL}
DTMF = HOLD | {"requestedAction": "SEND_DTMF", "dtmfString": "7531902"}
NOBODY = "0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d"
PREFIX = "urn:finesse-listener:problem:"
ADMIN = Caller("operator", with_included(Scope.ADMIN))
CRM = Caller("crm", with_included(Scope.REQUEST))
WALLBOARD = Caller("wallboard", with_included(Scope.READ))


class Wire:
    """Answers 202 to everything, unless told otherwise; `hold` makes it wait."""

    def __init__(self) -> None:
        self.answers: list[RestAnswer] = []
        self.sent: list[str] = []
        self.requests: list[Any] = []
        self.judged: list[tuple[int, bytes | None]] = []
        self.asked: list[str] = []
        self.signed_in_now: bool | Exception = False
        self.hold = asyncio.Event()
        self.hold.set()

    async def send(self, request: Any, request_id: str, leaves: Leaving) -> RestAnswer:
        leaves()
        self.sent.append(request_id)
        self.requests.append(request)
        await self.hold.wait()
        return self.answers.pop(0) if self.answers else ACCEPTED

    async def look(self, ask: Any) -> Look:
        return Look(asyncio.get_running_loop().time(), ok=False)

    async def signed_in(self, agent: str) -> bool:
        self.asked.append(agent)
        if isinstance(self.signed_in_now, Exception):
            raise self.signed_in_now
        return self.signed_in_now

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        self.judged.append((status, body))
        kind = AnswerKind.ACCEPTED if status == 202 else AnswerKind.REFUSED
        return RestAnswer(kind, status)


class Ears:
    """Sessions that are up and answer every ping."""

    async def ping(self, agent: str, within: float) -> bool:
        return True

    def serving(self, *, in_service: bool) -> None:
        pass


class Roster:
    """Who is held, as the real one tells it; nobody connects anywhere."""

    def __init__(self, *agents: str) -> None:
        self.ears: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self.passwords: dict[str, Any] = {}
        for id_ in agents:
            self.add(agent_of(id_, password=None), origin="configured")

    @property
    def up(self) -> int:
        return sum(ear.live for ear in self.ears.values())

    def status(self) -> dict[str, AgentStatus]:
        now = asyncio.get_running_loop().time()
        return {
            id_: AgentStatus(id_, "up" if ear.live else "down", ear.live, "finesse", now, None)
            for id_, ear in self.ears.items()
        }

    def ear(self, agent: str) -> Any:
        if agent not in self.ears:
            raise UnknownAgent(f"agent {agent} is not configured")
        return self.ears[agent]

    def extension(self, agent: str) -> str | None:
        return self.ears[agent].agent.extension if agent in self.ears else None

    def origin(self, agent: str) -> str:
        return self._origins.get(agent, "configured")

    def add(self, agent: Any, *, origin: str = "configured") -> None:
        if agent.id in self.ears:
            raise ConfigurationError(f"agent {agent.id} is held already")
        self.ears[agent.id] = SimpleNamespace(agent=agent, live=True, trouble=None)
        self._origins[agent.id] = origin
        self.passwords[agent.id] = (agent.password, agent.token)

    async def remove(self, agent: str) -> None:
        self.ear(agent)
        del self.ears[agent]

    async def replace(self, agent: Any) -> None:
        origin = self.origin(agent.id)
        await self.remove(agent.id)
        self.add(agent, origin=origin)

    def change_credentials(self, agent: str, *, password: Any, token: Any) -> None:
        self.passwords[agent] = (password, token)


class Rig:
    """An API, and all that is behind it. Made inside a running loop."""

    def __init__(self, policy: Policy | None = None, **app: Any) -> None:
        self.wire = Wire()
        self.chronicle = Chronicle()
        self.service = Service(self.wire, Ears(), policy=policy, memory=self.chronicle)
        self.chronicle.state = self.service.correlator.state
        self.chronicle.deployment = lambda: self.service.deployment
        self.roster = Roster(AGENT, OTHER)
        self.reloads: list[Any] = []
        self.retried: list[bool] = []  # of each reload
        self.backend = Backend(
            Settings(finesse={"nodes": ["finesse.example.com"]}),
            Listener(self.service, self.roster, self.wire),
            self.chronicle,
            None,
            keys=Keys(lambda text: text),
            metrics=lambda: b"# HELP pending_requests open\n",
            reload=self._reload,
        )
        self.app = create_app(self.backend, **app)

    async def _reload(self, *, retry_refused: bool) -> dict[str, Any]:
        self.retried.append(retry_refused)
        result = self.reloads.pop(0) if self.reloads else {}
        if isinstance(result, Exception):
            raise result
        words = ("added", "removed", "changed", "retried", "refused", "restartNeeded")
        nothing: dict[str, Any] = {word: [] for word in words}
        return nothing | {"certificatesChanged": False} | result

    def up(self, agent: str = AGENT) -> None:
        party = a_participant()
        now = asyncio.get_running_loop().time()
        self.service.session_up(agent, Look(now, dialogs=(a_dialog(CALL, party),), user=a_user()))

    def hear(self, payload: str, node: str = NODE) -> None:
        self.service.hear(Notification(node=node, item_id=str(uuid.uuid4()), payload=payload))

    def held(self, tag: str = "", change: str = "09") -> None:
        """Let the session hear that the agent holds the call."""
        self.hear(
            "<Update><event>PUT</event><source>/finesse/api/Dialog/100</source>"
            f"<requestId>{tag}</requestId><data><dialog><id>100</id><mediaType>Voice</mediaType>"
            "<participants><Participant><mediaAddress>1001</mediaAddress><state>HELD</state>"
            f"<stateChangeTime>2026-11-21T08:00:{change}.000Z</stateChangeTime></Participant>"
            "</participants></dialog></data></Update>"
        )

    def as_(self, caller: Caller | None, connection: Any = None) -> Any:
        """Return the application as that caller reaches it."""

        async def reached(scope: Any, receive: Any, send: Any) -> None:
            if caller is not None:
                scope["listener.caller"] = caller
            if connection is not None:
                scope["listener.connection"] = connection
            await self.app(scope, receive, send)

        return reached

    def client(self, caller: Caller | None = ADMIN) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.as_(caller), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://listener")

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        caller: Caller | None = ADMIN,
        connection: Any = None,
        query: str = "",
        **headers: str,
    ) -> Exchange:
        """Begin a call whose connection the test holds in its hand."""
        raw = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers.setdefault("content_type", "application/json")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()
            ],
            "client": None,
            "server": None,
        }
        return Exchange(self.as_(caller, connection), scope, raw)


class Listener:
    """What the backend asks of the listener."""

    def __init__(self, service: Service, roster: Roster, wire: Wire) -> None:
        self.service, self.roster, self.wire = service, roster, wire

    @property
    def agents(self) -> dict[str, AgentStatus]:
        return self.roster.status()


class Exchange:
    """One call over ASGI by hand: what was answered so far, and hanging up."""

    def __init__(self, app: Any, scope: dict[str, Any], body: bytes) -> None:
        self.scope = scope
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.raw = b""
        self.pieces: list[int] = []
        self.complete = False
        self.takes = asyncio.Event()
        self.takes.set()
        self._body: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
        self._gone = asyncio.Event()
        self._moved = asyncio.Condition()
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return self._body.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        if self._gone.is_set():
            return
        async with self._moved:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
            else:
                self.pieces.append(len(message["body"]))
                self.raw += message["body"]
                self.complete = not message.get("more_body", False)
            self._moved.notify_all()

    @property
    def text(self) -> str:
        return self.raw.decode()

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(20), self._moved:
            await self._moved.wait_for(holds)

    async def answered(self) -> Any:
        """Wait for the whole answer; return its JSON."""
        await self.until(lambda: self.complete)
        await self.task
        return json.loads(self.text)

    async def frames(self, count: int) -> list[dict[str, str]]:
        """Wait for that many events; return all, each with its fields."""
        await self.until(lambda: len(self._frames()) >= count)
        return self._frames()

    def _frames(self) -> list[dict[str, str]]:
        blocks = self.text.split("\n\n")[:-1]
        events = [
            dict(line.split(": ", 1) for line in block.split("\n") if line != ":")
            for block in blocks
        ]
        return [event for event in events if "event" in event]

    @property
    def comments(self) -> int:
        return sum(block.startswith(":\n") for block in self.text.split("\n\n"))

    async def hang_up(self) -> None:
        self._gone.set()
        self.takes.set()  # a connection that is lost takes everything
        await self.task


@asynccontextmanager
async def rigged(
    policy: Policy | None = None, *, up: bool = True, **app: Any
) -> AsyncIterator[Rig]:
    """Run a rig; what it leaves behind is a failure."""
    logs.ensure()
    before = asyncio.all_tasks()
    rig = Rig(policy, **app)
    if up:
        rig.up()
    yield rig
    await rig.service.close()
    rig.chronicle.close()
    here = {*before, asyncio.current_task()}  # a fixture ends in a task of its own
    await until(lambda: all(task.done() for task in asyncio.all_tasks() - here))


def problem(response: Any) -> dict[str, Any]:
    """Return a problem, checked for what every problem has."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert told["status"] == response.status_code
    assert told["type"].startswith(PREFIX)
    assert told["title"]
    assert told["detail"]
    assert told["retryable"] in {True, False}
    assert "7531902" not in response.text
    return told | {"type": told["type"].removeprefix(PREFIX)}

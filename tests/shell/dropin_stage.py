"""A drop-in in front of a simulated or a scripted Finesse, and plain clients for it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from listener.assembly import Listener
from listener.correlation.steps import Ask, Look, RestAnswer
from listener.dropin.app import Dropin, create_dropin
from listener.dropin.sessions import SessionPolicy
from listener.finesse.actions.request import Request
from listener.finesse.model import User
from listener.keeping import Kept
from listener.rest import Forwarder, Nodes, RestTimings
from listener.service import Policy, Service
from listener.simulator.assembly import Simulator
from listener.tally import Tally
from listener.terms import Leaving, Sender, Wishes
from listener.ticket import Record, Ticket
from listener.tracking import Tracking
from listener.trust import client_context
from listener.web.server import Limits, WebServer
from listener.web.sockets import tcp_socket, unix_socket
from listener.web.tokens import Tokens
from tests.shell.rest_server import Server, serving
from tests.shell.stage import PACES, PASSWORD, A, node_of, settings, simulated

XML = {"Content-Type": "application/xml"}
PATIENT = RestTimings(20, 20, 20, 40)


def basic(agent: str = A, password: str | None = None) -> dict[str, str]:
    """Return the Authorization header of an agent."""
    pair = f"{agent}:{PASSWORD.get(agent, '') if password is None else password}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def action(name: str, extension: str = A, more: str = "") -> str:
    """Return the body of a request on a dialog."""
    return (
        f"<Dialog><requestedAction>{name}</requestedAction>"
        f"<targetMediaAddress>{extension}</targetMediaAddress>{more}</Dialog>"
    )


@dataclass
class Place:
    """A drop-in that runs."""

    url: str
    dropin: Dropin
    client: httpx.AsyncClient
    forwarder: Forwarder
    socket: Path | None = None
    tracker: Any = None

    async def put(
        self, path: str, body: str | bytes = "", agent: str = A, **headers: str
    ) -> httpx.Response:
        """PUT with an agent's password; header names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.put(path, content=body, headers={**XML, **basic(agent), **named})

    async def get(self, path: str, agent: str = A, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers={**basic(agent), **named})


class _Wire:
    """Sends nothing and sees nothing: what is tracked is sent by the drop-in itself."""

    async def send(self, request: Request, request_id: str, leaves: Leaving) -> RestAnswer:
        raise AssertionError("the drop-in sends itself")

    async def look(self, ask: Ask) -> Look:
        return Look(asyncio.get_running_loop().time(), ok=False)

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        raise AssertionError("nothing is reported")


class _Ears:
    async def ping(self, agent: str, within: float) -> bool:
        return True

    def serving(self, *, in_service: bool) -> None:
        pass


class Books:
    """A tracker with a real service and sessions that are said to be there.

    `live` agents hear, `held` ones are there; `begun` lists what was held on demand, in order.
    """

    def __init__(self, *live: str, policy: Policy | None = None) -> None:
        self.service = Service(_Wire(), _Ears(), policy=policy)
        self.deployment = None
        self.agents = set(live)
        self.hearing = set(live)
        self.states: dict[str, str] = {}
        self.begun: list[tuple[str, str]] = []
        self.ended: list[str] = []
        self.withheld: list[str] = []
        self.refusing: Exception | None = None
        self.comes_up = asyncio.Event()
        self.comes_up.set()
        self.extensions: dict[str, str] = {}
        for agent in live:
            self._up(agent)

    def _up(self, agent: str) -> None:
        self.hearing.add(agent)
        look = Look(asyncio.get_running_loop().time(), dialogs=(), user=User(login_id=agent))
        self.service.session_up(agent, look)

    async def forward(self, request: Request, wishes: Wishes, sender: Sender) -> Ticket:
        if self.refusing is not None:
            raise self.refusing
        return self.service.forward(request, wishes, sender, tells=True)

    def live(self, agent: str) -> bool:
        return agent in self.hearing

    def held(self, agent: str) -> bool:
        return agent in self.agents

    def agent_with(self, extension: str) -> str | None:
        return self.extensions.get(extension)

    async def hold(self, agent: str, password: SecretStr) -> None:
        self.begun.append((agent, password.get_secret_value()))
        self.agents.add(agent)

    def withhold(self, agent: str) -> None:
        self.withheld.append(agent)

    async def release(self, agent: str) -> None:
        self.ended.append(agent)
        self.agents.discard(agent)
        self.hearing.discard(agent)

    def on_demand(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a for a, _ in self.begun if a in self.agents))

    def user_state(self, agent: str) -> str | None:
        return self.states.get(agent) if self.live(agent) else None

    async def ready(self, agent: str, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self.comes_up.wait()
        except TimeoutError:
            return False
        self._up(agent)
        return True

    def record(self, response: httpx.Response) -> Record:
        """Return the record that an answer's Location names."""
        return self.service.records[response.headers["location"].rpartition("/")[2]]

    async def aclose(self) -> None:
        await self.service.close()


@asynccontextmanager
async def fronting(
    *script: object,
    agents: Iterable[str] = (A,),
    requests: Policy | None = None,
    node: str | None = None,
    more_nodes: Iterable[str] = (),
    **how: Any,
) -> AsyncIterator[tuple[Server, Books, Place]]:
    """Run a drop-in in front of a scripted server, with sessions for these agents.

    `node` is asked in its place, `more_nodes` behind it.
    """
    books = Books(*agents, policy=requests)
    try:
        async with serving(*script) as server:
            nodes = [node or server.url, *more_nodes]
            async with placed(books, nodes, **how) as place:
                yield server, books, place
    finally:
        await books.aclose()


@asynccontextmanager
async def placed(
    tracker: Any,
    nodes: Iterable[str],
    *,
    ca: Path | None = None,
    tokens: Tokens | None = None,
    socket: Path | None = None,
    timings: RestTimings = PATIENT,
    policy: SessionPolicy | None = None,
    limits: Limits | None = None,
    refused_for: float = 300.0,
) -> AsyncIterator[Place]:
    """Run a drop-in on a free port (and a Unix socket, if one is named)."""
    async with AsyncExitStack() as stack:
        forwarder = Forwarder(Nodes(list(nodes)), tls=client_context(ca), timings=timings)
        stack.push_async_callback(forwarder.aclose)
        app, dropin = create_dropin(
            tracker,
            forwarder,
            tokens=lambda: tokens,
            require_token=tokens is not None,
            policy=policy,
            refused_for=refused_for,
        )
        keeping = asyncio.create_task(dropin.keep())
        stack.push_async_callback(_ended, keeping)
        door = tcp_socket("127.0.0.1:0")
        doors = [door] if socket is None else [door, unix_socket(socket)]
        limits = limits or Limits(
            body_bytes=8 * 1024 * 1024, body_seconds=60, header_seconds=60, stalled_seconds=0.5
        )
        server = WebServer(app, doors, name="dropin", limits=limits)
        await server.start()
        stack.push_async_callback(server.close, 0.0)
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, timeout=40, trust_env=False)
        )
        yield Place(url, dropin, client, forwarder, socket, tracker)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def scene(
    folder: Path,
    *,
    agents: Iterable[str] = (A,),
    simulator: dict[str, Any] | None = None,
    requests: dict[str, Any] | None = None,
    max_sessions: int = 200,
    **how: Any,
) -> AsyncIterator[tuple[Simulator, Listener, Place]]:
    """Run a simulator, a listener with these agents and a journal, and a drop-in before both."""
    async with simulated(**(simulator or {})) as sim:
        configured = [{"id": id_, "password": PASSWORD[id_]} for id_ in agents]
        chosen = settings(sim, folder, agents=configured or None, requests=requests)
        if not configured:
            chosen = chosen.model_copy(update={"agents": ()})
        journal = chosen.journal.model_copy(update={"path": folder / "journal.sqlite"})
        chosen = chosen.model_copy(update={"journal": journal})
        async with (
            Kept.open(chosen, Tally()) as kept,
            Listener.open(
                chosen, paces=PACES, memory=kept.chronicle, first=kept.restore
            ) as listener,
        ):
            tracking = Tracking(listener, max_sessions=max_sessions)
            url = f"https://127.0.0.1:{node_of(sim)['rest_port']}"
            async with placed(tracking, [url], ca=folder / "ca.pem", **how) as place:
                yield sim, listener, place


async def said(place: Place, raw: bytes) -> bytes:
    """Send bytes and return the first answer's head, with what came together with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(place.url.rpartition(":")[2]))
    try:
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line[:15] == b"content-length:"
            ),
            0,
        )
        return head + await reader.readexactly(length)
    finally:
        writer.close()


async def opened(place: Place, path: str, **headers: str) -> httpx.Response:
    """GET a path and return the answer with its body unread."""
    request = place.client.build_request("GET", path, headers={**basic(), **headers})
    return await place.client.send(request, stream=True)

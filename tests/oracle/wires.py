"""The REST side without sockets: httpx's transport hands each request to the simulated Finesse.

Above it is the program's own `Rest`, with its tracing, its limits of time and its judgement of the
answers. Below it the switch. Misfortune is dealt out per request, as the story has it.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx

from listener.simulator import refusals, render
from listener.simulator.faults import Fault, Faults, Plan, Rule
from listener.simulator.interfaces import Deed, Fate, HttpRequest, HttpResponse
from tests.oracle.account import Asked, Got

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from listener.simulator.finesse import Finesse
    from tests.oracle.account import Account
    from tests.oracle.clock import VirtualLoop


@dataclass(slots=True)
class Fortune(Plan):
    """What goes wrong with one request and its events, and which of those carry its id.

    `tags` has a letter per event, and begins anew at its end; `nth` a fault for the nth event.
    `answer`: the status that something before Finesse answers with, whatever Finesse did, and
    whether ApiErrors are in it. `leaves`: for how many seconds it waits when its turn came.
    """

    tags: str = "1"
    error_tag: str = "1"
    others: bool = True
    nth: dict[int, Rule] = field(default_factory=dict)
    count: int = 0
    answer: tuple[int, bool] | None = None
    leaves: float = 0.0

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Fortune:
        """Read it from a step of a story."""
        made = cls(
            tags=said.get("tags", "1"),
            error_tag=said.get("error_tag", "1"),
            others=said.get("others", True),
            leaves=said.get("leaves", 0.0),
        )
        if (fault := said.get("fault")) is not None:
            made.request[Fault(fault[0])] = _rule(fault)
        for number, *fault in said.get("events", ()):
            made.nth[number] = _rule(fault)
        if (answer := said.get("answer")) is not None:
            made.answer = (answer[0], bool(answer[1]))
        return made


def _rule(fault: Any) -> Rule:
    name, seconds, fate = fault
    return Rule(Fault(name), seconds=seconds, fate=Fate(fate))


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends the request that is being handled: one of ours (or None), and its fortune."""

    asked: Asked | None
    fortune: Fortune


SENDER: ContextVar[Sender | None] = ContextVar("sender", default=None)


class Misfortune(Faults):
    """The simulator's faults, as the story has them; whatever is published is observed as well."""

    def __init__(self, seed: int, background: float, observe: Callable[[], None]) -> None:
        super().__init__()
        self._observe = observe
        self._background = background
        self._seed = seed
        self._published = 0

    def plan(self, deed: Deed) -> Plan:
        """Return what was dealt to the request that is being handled."""
        sender = SENDER.get()
        if sender is None or deed.action == "GET":
            return Fortune()
        deed.faults.extend(fault.value for fault in sender.fortune.request)
        return sender.fortune

    def event(self, plan: Plan | None, deed: Deed | None, *, is_error: bool) -> Rule | None:
        """Say what goes wrong with an event; for what nobody asked for by the story's rate."""
        del is_error
        self._observe()
        self._published += 1
        if isinstance(plan, Fortune):
            rule = plan.nth.get(plan.count)
            plan.count += 1
        else:
            rule = self._drawn()
        if rule is not None and deed is not None:
            deed.faults.append(rule.fault.value)
        return rule

    def _drawn(self) -> Rule | None:
        dice = random.Random(f"{self._seed}/{self._published}")
        if dice.random() >= self._background:
            return None
        kinds = (Fault.EVENT_LOST, Fault.EVENT_TWICE, Fault.EVENT_AGAIN, Fault.EVENT_LATE)
        return Rule(dice.choice(kinds), seconds=dice.choice((0.2, 1.5, 4.0)))


class Truth(deque[Deed]):
    """Finesse's own record of what reached it, which tells whose request each was."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account

    def append(self, deed: Deed) -> None:
        """Take in what has just reached Finesse."""
        super().append(deed)
        self._account.deeds.append(deed)
        sender = SENDER.get()
        if sender is not None and sender.asked is not None:
            sender.asked.deeds.append(deed)


class _Open:
    """What httpx takes for a connection that was opened."""

    async def aclose(self) -> None:
        """Do nothing."""


def _in_its_place(sender: Sender) -> HttpResponse:
    """Return the answer that comes in place of Finesse's."""
    assert sender.fortune.answer is not None
    status, errors = sender.fortune.answer
    deed = sender.asked.deed if sender.asked is not None else None
    if deed is not None:
        deed.status = status
        deed.faults.extend([] if errors else [Fault.UNAVAILABLE_BARE.value])
    wrong = refusals.Wrong("Generic Error", "Generic Error")
    return HttpResponse(status, render.api_errors(wrong).encode() if errors else b"")


def _one_less(answer: HttpResponse) -> HttpResponse:
    """Return a list of dialogs without its first one."""
    return replace(answer, body=_FIRST.sub(b"", answer.body, count=1))


_FIRST = re.compile(rb"<Dialog>.*?</Dialog>", re.DOTALL)


class Wire(httpx.AsyncBaseTransport):
    """Carries requests to Finesse and answers back, each way with the story's latency.

    `trouble` is what REST suffers from now: "refused", "get_hangs", "get_500", "get_401",
    "get_less" (lists lack their first dialog), or "".
    """

    def __init__(self, loop: VirtualLoop, finesse: Finesse, account: Account) -> None:
        self.latency = 0.01
        self.trouble = ""
        self.senders: dict[str, Sender] = {}
        """By a number in a header of each request, which Finesse never sees."""
        self._loop = loop
        self._finesse = finesse
        self._account = account
        self._at_work: set[asyncio.Task[HttpResponse]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Take one request to Finesse, which goes on with it whoever hangs up."""
        trace = request.extensions.get("trace", _untraced)
        await trace("connection.connect_tcp.started", {})
        await asyncio.sleep(self.latency)
        if self.trouble == "refused":
            raise httpx.ConnectError("connection refused")
        await trace("connection.connect_tcp.complete", {"return_value": _Open()})
        await trace("http11.send_request_headers.started", {})
        sender = SENDER.get()
        if sender is not None and sender.asked is not None and sender.asked.sent is None:
            sender.asked.begun = sender.asked.sent = self._loop.time()
        await trace("http11.receive_response_headers.started", {})
        if request.method == "GET":
            return await self._get(request)
        answer = await asyncio.shield(self._start(request))
        if sender is not None and sender.fortune.answer is not None:
            answer = replace(_in_its_place(sender), headers=answer.headers)
        return await self._back(answer)

    async def _get(self, request: httpx.Request) -> httpx.Response:
        agent, sent = "", self._loop.time()
        try:
            if self.trouble == "get_hangs":
                await asyncio.Event().wait()
            await asyncio.sleep(self.latency)
            if self.trouble in {"get_500", "get_401"}:
                answer = HttpResponse(int(self.trouble[4:]))
            else:
                answer = await self._finesse.handle(_as_finesse_has_it(request))
            if self.trouble == "get_less" and request.url.path.endswith("/Dialogs"):
                answer = _one_less(answer)
            response = await self._back(answer)
        except BaseException:
            self._account.gets.append(Got(sent, None, agent, request.url.path, None))
            raise
        now = self._loop.time()
        self._account.gets.append(Got(sent, now, agent, request.url.path, response.status_code))
        return response

    def _start(self, request: httpx.Request) -> asyncio.Task[HttpResponse]:
        task = self._loop.create_task(self._arrive(_as_finesse_has_it(request)))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return task

    async def _arrive(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(self.latency)
        return await self._finesse.handle(request)

    async def _back(self, answer: HttpResponse) -> httpx.Response:
        await asyncio.sleep(answer.delay + self.latency)
        if answer.fate is Fate.HANG:
            await asyncio.Event().wait()
        if answer.fate is Fate.CUT:
            raise httpx.RemoteProtocolError("the server disconnected without an answer")
        if answer.fate is Fate.RESET:
            raise httpx.ReadError("connection reset by peer")
        return httpx.Response(
            answer.status,
            headers=dict(answer.headers),
            stream=httpx.ByteStream(answer.body),
        )

    async def aclose(self) -> None:
        """Let Finesse end what it began."""
        while self._at_work:
            await asyncio.wait(tuple(self._at_work))


async def _untraced(_name: str, _info: object) -> None:
    pass


def _as_finesse_has_it(request: httpx.Request) -> HttpRequest:
    headers = {key.decode().lower(): value.decode("latin-1") for key, value in request.headers.raw}
    path = request.url.raw_path.decode("ascii")
    return HttpRequest(request.method, path, "", headers, request.content)

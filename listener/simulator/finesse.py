"""A simulated Finesse: REST in, notifications out, and the exact truth of what was done.

Puts the switch, the resources, the outbox and the faults together. It knows the documents and the
samples, and nothing of what the correlator believes. Give `handle` to an HTTP server; a publisher
carries the notifications; nothing here opens a socket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator import reading, refusals, render, supervising
from listener.simulator.accounts import Accounts
from listener.simulator.crew import Crew, LaneFull, Lanes
from listener.simulator.faults import Fault, Faults, Plan
from listener.simulator.interfaces import Deed, Handler, HttpRequest, HttpResponse, Publisher
from listener.simulator.outbox import Cause, Outbox
from listener.simulator.presence import PresenceWatch
from listener.simulator.profiles import DEFAULT_ECC, UCCE, Ecc, Number, Tagging, Variants
from listener.simulator.refusals import RefusedLater, RefusedNow
from listener.simulator.resources import Resources, Ticket
from listener.simulator.sides import Side, Sides
from listener.simulator.standing import Standing
from listener.simulator.switch import Setting, Switch
from listener.simulator.world import Outside

if TYPE_CHECKING:
    from listener.simulator.users import Agent, AgentSpec

XML = "application/xml;charset=UTF-8"
CLIENT = "x-simulated-client"
"""A header of the simulator's own: which client this is. Absent: the caller."""

_REMEMBERED = 10_000


def _wall() -> datetime:
    return datetime.now(UTC)


class Finesse(Outside):
    """A simulated Finesse of one node, or of several that share a switch; see the module.

    `publisher`, `domain` and `pubsub_domain` are those of the first node, `further` are the others.
    `pace` is the time between two CTI events, in seconds. `truth` holds a Deed per request that
    reached it (the last 10 000); `calls` every dialog as it truly is, ended ones for a while.
    `forced_logout`: seconds without presence until an agent is out (Finesse: 180; None: off). A
    presence at any node counts, unless `own_timers`: then each node acts on what it alone has seen,
    which is the race between the nodes that Cisco warns of.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        agents: Iterable[AgentSpec],
        deployment: str = UCCE,
        domain: str = "finesse.example.com",
        pubsub_domain: str = "pubsub.finesse.example.com",
        tagging: Tagging = Tagging.ALL,
        variants: Variants | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        clock: Callable[[], float] | None = None,
        pace: float = 0.02,
        wall: Callable[[], datetime] = _wall,
        dial_plan: Mapping[str, Number] | None = None,
        forced_logout: float | None = None,
        own_timers: bool = False,
        ecc: Mapping[str, Ecc] = DEFAULT_ECC,
        further: Sequence[Side] = (),
    ) -> None:
        self.sides = Sides((Side(publisher, domain, pubsub_domain), *further))
        self.domain, self.pubsub_domain, self.deployment = domain, pubsub_domain, deployment
        self.truth: deque[Deed] = deque(maxlen=_REMEMBERED)
        self.faults = faults if faults is not None else Faults()
        self.faults.seed(seed)
        self.tagging = tagging
        self.seed = seed
        self.clock = clock or _loop_time
        variants = variants if variants is not None else Variants()
        setting = Setting(
            agents=tuple(agents),
            deployment=deployment,
            variants=variants,
            seed=seed,
            pace=pace,
            clock=self.clock,
            wall=wall,
            dial_plan=dial_plan or {},
            ecc=ecc,
        )
        self.crew = Crew()
        self._lanes = Lanes(self.crew)
        self._outbox = Outbox(
            self.sides,
            self.crew,
            tagging=tagging,
            variants=variants,
            faults=self.faults,
            seed=seed,
            clock=self.clock,
        )
        self.switch = Switch(setting, self._outbox, self.crew)
        self.switch.when_over = supervising.end_watches
        self.accounts = Accounts({s.id: s for s in setting.agents}, self.clock)
        self._resources = Resources(self.switch)
        self.standing = Standing(self.sides, self._outbox, self.switch)
        self.watches = self._watches(forced_logout, own_timers=own_timers)

    def __repr__(self) -> str:
        return f"<Finesse {self.deployment} {self.status} agents={len(self.agents)}>"

    def _watches(self, after: float | None, *, own_timers: bool) -> list[PresenceWatch]:
        if after is None:
            return []
        watched = [Sides((side,)) for side in self.sides] if own_timers else [self.sides]
        return [
            PresenceWatch(self.switch, sides, after=after, every=after / 10) for sides in watched
        ]

    def deed(self, agent: str, request_id: str | None) -> list[Deed]:
        """Return the truth about that agent's requests with that id (ids need not be unique)."""
        return [d for d in self.truth if d.agent == agent and d.request_id == request_id]

    def start(self) -> None:
        """Begin what runs by itself: the watch over presence, when it is on."""
        for watch in self.watches:
            watch.start()

    async def quiet(self) -> None:
        """Wait until all that was begun has happened and was published (timers excepted)."""
        await self._outbox.drained()
        while self.crew.busy:
            await self.crew.quiet()
            await self._outbox.drained()

    async def close(self) -> None:
        """End and await every own task; raises ExceptionGroup when one had failed."""
        await self.crew.close()

    # REST

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one HTTP request to the first node (a `Handler`)."""
        return await self.answer(request, 0)

    def handler(self, node: int) -> Handler:
        """Return the `Handler` of a node."""
        return lambda request: self.answer(request, node)

    async def answer(self, request: HttpRequest, node: int) -> HttpResponse:
        """Answer one HTTP request to a node."""
        try:
            response = await self._answer(request, node)
        except RefusedNow as refused:
            response = _refusal(refused)
        headers = dict(response.headers)
        headers["date"] = format_datetime(self.switch.setting.wall().astimezone(UTC), usegmt=True)
        if request_id := request.headers.get("requestid"):
            headers["requestId"] = request_id
        if response.body:
            headers["content-type"] = XML
        return replace(response, headers=headers)

    async def _answer(self, request: HttpRequest, node: int) -> HttpResponse:
        place = uris.place(request.path) if request.path.startswith(uris.API + "/") else uris.OTHER
        if place.kind == "systemInfo" and request.method == "GET":
            return HttpResponse(200, self.standing.system_info(node).encode())
        requester = self.agents[self.accounts.user(request.headers.get("authorization"))]
        if request.method == "GET":
            return self._get(place, requester, node)
        if request.method not in {"PUT", "POST"}:
            return HttpResponse(405)
        return await self._write(request, place, requester, node)

    def _get(self, place: uris.Place, requester: Agent, node: int) -> HttpResponse:
        """Read; only rules that name the action "GET" go wrong here, and no Deed is kept."""
        self.standing.check(node)
        deed = Deed(requester.id, None, "GET", place.id, self.clock(), node=node)
        plan = self.faults.plan(deed)
        late = plan.request.get(Fault.ANSWER_LATE)
        delay = late.seconds if late else 0.0
        failed = self._not_executed(plan, deed, delay)
        if failed is not None:
            return failed
        return HttpResponse(200, self._resources.read(place, requester).encode(), delay=delay)

    async def _write(
        self, request: HttpRequest, place: uris.Place, requester: Agent, node: int
    ) -> HttpResponse:
        deed = Deed(
            agent=requester.id,
            request_id=request.headers.get("requestid") or None,
            action="",
            dialog_id=place.id if place.kind == "dialog" else None,
            received=self.clock(),
            client=request.headers.get(CLIENT, "caller"),
            node=node,
        )
        self.truth.append(deed)
        try:
            self.standing.check(node)
            asked = reading.read(request.body)
            deed.action = asked.action or asked.state or ""
            ticket = self._resources.take(request.method, place, requester, asked)
        except RefusedNow as refused:
            deed.status, deed.effect, deed.error = refused.status, False, refused.wrong.summary
            raise
        return await self._carry_out(ticket, deed)

    async def _carry_out(self, ticket: Ticket, deed: Deed) -> HttpResponse:
        plan = self.faults.plan(deed)
        late = plan.request.get(Fault.ANSWER_LATE)
        delay = late.seconds if late else 0.0
        lost = self._not_executed(plan, deed, delay)
        if lost is not None:
            return lost
        cause = Cause(deed.agent, deed.request_id, deed, plan)
        try:
            done = self._lanes.submit(ticket.lane, lambda: self._run(ticket, cause))
        except LaneFull:
            deed.status, deed.effect, deed.error = 503, False, "Service Unavailable"
            raise refusals.unavailable() from None
        if Fault.EVENT_FIRST in plan or Fault.NO_ANSWER_DONE in plan:
            await done.wait()
            await self._outbox.drained()
        return _executed(plan, deed, delay)

    @staticmethod
    def _not_executed(plan: Plan, deed: Deed, delay: float) -> HttpResponse | None:
        refused = refusals.unavailable()
        if Fault.NO_ANSWER_LOST in plan:
            fate = plan.request[Fault.NO_ANSWER_LOST].fate
            deed.effect, deed.error = False, "never executed"
            return HttpResponse(202, delay=delay, fate=fate)
        if Fault.UNAVAILABLE in plan:
            deed.status, deed.effect, deed.error = 503, False, refused.wrong.summary
            return replace(_refusal(refused), delay=delay)
        if Fault.UNAVAILABLE_BARE in plan:
            deed.status, deed.effect, deed.error = 503, False, refused.wrong.summary
            return HttpResponse(503, delay=delay)
        return None

    async def _run(self, ticket: Ticket, cause: Cause) -> None:
        try:
            if cause.plan is not None and Fault.REFUSED_LATER in cause.plan:
                await self.switch.pause()
                raise refusals.cti("CF_RESOURCE_OUT_OF_SERVICE", 34)
            await ticket.job(cause)
        except RefusedLater as refused:
            self.switch.failed(cause, refused.wrong.summary)
            self.switch.tell_error(refused.wrong, cause, call=ticket.call, user=ticket.about_user)

    # The service itself

    @property
    def status(self) -> str:
        """The first node's status."""
        return self.sides[0].status

    def system_info(self) -> str:
        """Return the first node's SystemInfo body."""
        return self.standing.system_info()

    def set_status(self, status: str) -> None:
        """Set the status of every node, and publish it; see `Standing.set_status`."""
        self.standing.set_status(status)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _refusal(refused: RefusedNow) -> HttpResponse:
    headers = {}
    if refused.status == 401 and refused.wrong.type == "Authorization Failure":  # noqa: PLR2004
        headers["www-authenticate"] = 'Basic realm="Cisco Finesse"'
    return HttpResponse(refused.status, render.api_errors(refused.wrong).encode(), headers)


def _executed(plan: Plan, deed: Deed, delay: float) -> HttpResponse:
    if Fault.NO_ANSWER_DONE in plan:
        return HttpResponse(202, delay=delay, fate=plan.request[Fault.NO_ANSWER_DONE].fate)
    status = 500 if Fault.ERROR_DONE in plan else 503 if Fault.UNAVAILABLE_DONE in plan else 202
    deed.status = status
    return HttpResponse(status, delay=delay)

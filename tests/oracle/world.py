"""One run in virtual time: the real service over a simulated Finesse, without a socket.

`Hands` is what a player (`play.py`) needs of a world: to ask, and to do mischief. Another world,
such as one around a whole daemon with real sockets, fulfils `Hands` and fills in an `Account`; then
the same stories are played in it and the same judge reads what came of them.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self, get_args, get_type_hints
from unittest import mock

import structlog

from listener import intake
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.steps import Look
from listener.errors import InvalidRequest, ListenerError, NotAccepted
from listener.finesse.actions.expectation import Silence
from listener.rest import Basic, Rest
from listener.rest.exchange import Line
from listener.restoring import restore_open
from listener.service import Service
from listener.simulator.desktop import Desktop
from listener.simulator.finesse import Finesse
from listener.simulator.profiles import Luck, Number, Tagging, Variants
from listener.simulator.telephone import Telephone
from listener.simulator.users import AgentSpec
from listener.terms import Leaving, Policy, Wishes
from listener.translation import RestWire
from tests.oracle import table
from tests.oracle.account import Account, Asked, Heard, Parcel
from tests.oracle.kept import COMMIT, Kept
from tests.oracle.streams import Streams
from tests.oracle.wires import SENDER, Fortune, Misfortune, Sender, Truth, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from listener.correlation.steps import Ask, RestAnswer
    from listener.finesse.actions.request import Request
    from listener.finesse.events import Event
    from listener.finesse.model import Notification
    from listener.simulator.outbox import Cause
    from listener.ticket import Record
    from tests.oracle.clock import VirtualLoop

PASSWORD = "correct-horse"
OUTSIDE = {
    "+12025550120": Number(),
    "+12025550121": Number(Luck.RINGS),
    "+12025550122": Number(Luck.BUSY),
    "+12025550123": Number(Luck.BAD_DESTINATION),
    "+12025550124": Number(Luck.REJECTS),
    "+12025550125": Number(Luck.SILENT),
    "+12025550126": Number(Luck.ANSWERS, translated="912025550126"),
    "+12025550127": Number(Luck.ANSWERS, translated="912025550127", everywhere=False),
}
WRITTEN = {"+1 (202) 555-0128": Number(Luck.ANSWERS, translated="+12025550128")}
"""As people write it; the switch knows it without what stands between the digits."""
CUSTOMER = "+12025550110"
LIVE_WITHIN = 20.0  # seconds
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nobody is trusted here, nor asked for; to read whom this machine trusts takes 20 ms each time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How one request is to be asked; see `story.Author._ask`."""

    mode: str = "submit"
    request_id: str | None = None
    deadline: float | None = None
    minimum: str | None = None
    report: str = "yes"
    abandon: float | None = None
    early: float | None = None  # seconds before it is announced in which its caller sends it


class Hands(Protocol):
    """What a player needs of a world."""

    finesse: Finesse
    telephone: Telephone
    desktop: Desktop
    account: Account

    def ask(self, step: int, request: Request, wish: Wish, fortune: Fortune) -> Asked | None:
        """Ask for something as a caller would; None when the program does not take it."""
        ...

    def cut(self, agent: str, *, back: float, burst: int) -> None:
        """Break an agent's session; it may come back after that many seconds."""
        ...

    def hole(self, agent: str, *, noticed: float, back: float, burst: int) -> None:
        """Let nothing come through any more, which is noticed later."""
        ...

    def slow(self, agent: str, *, by: float, lasts: float) -> None:
        """Let everything on an agent's stream take longer."""
        ...

    def again(self, agent: str, *, last: int, same_ids: bool) -> None:
        """Publish an agent's last events once more."""
        ...

    def outage(self, *, lasts: float) -> None:
        """Let Finesse be out of service."""
        ...

    def restart(self, *, back: float) -> None:
        """Kill the program, and start it again."""
        ...

    def rest(self, *, what: str, lasts: float) -> None:
        """Let REST suffer from something."""
        ...

    def away(self, agent: str, *, lasts: float) -> None:
        """Let the XMPP user `finesse` seem to be away."""
        ...

    def open(self) -> Iterator[Asked]:
        """Yield the requests without an outcome."""
        ...


def _variants(fixed: Mapping[str, Any]) -> Variants:
    """Return how this Finesse does things: what is not fixed is drawn each time."""
    kinds = get_type_hints(Variants)
    return replace(
        Variants.drawn(), **{name: get_args(kinds[name])[0](it) for name, it in fixed.items()}
    )


def _telling_the_time() -> list[str]:
    """Return the program's modules that ask for the time of day."""
    return [
        name
        for name, module in sys.modules.items()
        if name.startswith("listener.") and hasattr(module, "now_utc")
    ]


def _coarse(when: datetime, grain: float) -> datetime:
    """Return a time of a clock that counts in steps of `grain` seconds (0: it does not)."""
    return when - timedelta(seconds=when.timestamp() % grain) if grain else when


def specs(traits: Mapping[str, Any]) -> tuple[AgentSpec, ...]:
    """Return the agents of a story: the first is a supervisor, each third answers by itself."""
    return tuple(
        AgentSpec(
            id=f"{1001 + number}",
            password=PASSWORD,
            extension=f"{2001 + number}",
            supervisor=number == 0,
            answers_by_itself=number % 3 == 1,
            wrap_up="REQUIRED" if number % 4 == 2 else "OPTIONAL",
            wrap_up_paces=60.0,
            state="READY" if number % 2 else "NOT_READY",
        )
        for number in range(traits["agents"])
    )


class World:
    """Fulfils `Hands` in virtual time. Use it as an async context manager."""

    def __init__(self, loop: VirtualLoop, seed: int, traits: Mapping[str, Any]) -> None:
        self.loop, self.traits = loop, traits
        self.account = Account(seed, traits["gate"], exact=True)
        self.agents = specs(traits)
        self._extensions = {spec.id: spec.extension for spec in self.agents}
        ids = tuple(self._extensions)
        latency = traits["latency"]
        self.streams = Streams(loop, self.account, ids, self._read, latency=latency)
        self.finesse = self._finesse(seed)
        self.telephone, self.desktop = Telephone(self.finesse), Desktop(self.finesse)
        self._transport = Wire(loop, self.finesse, self.account)
        self._transport.latency = latency / 2
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sessions: dict[str, asyncio.Task[Any]] = {}
        self._asked: dict[str, Asked] = {}
        self._senders: dict[int, Sender] = {}
        self._reading: Parcel | None = None
        self._known: set[tuple[str, int]] = set()  # parcels that an agent's sessions have read
        self._keys = 0
        self._patches = [
            mock.patch("listener.service.new_key", self._new_key),
            *(mock.patch(f"{name}.now_utc", loop.wall) for name in _telling_the_time()),
        ]
        self.kept: Kept
        self.rest_client: Rest
        self.service: Service

    def _finesse(self, seed: int) -> Finesse:
        traits = self.traits
        background = traits["background"]
        finesse = Finesse(
            self.streams,
            agents=self.agents,
            deployment=traits["profile"],
            tagging=Tagging.ALL,
            variants=_variants(traits.get("variants", {})),
            faults=Misfortune(seed, background, self._observe),
            seed=seed,
            clock=self.loop.time,
            wall=lambda: _coarse(self.loop.wall(traits["skew"]), traits.get("grain", 0.0)),
            pace=traits["pace"],
            dial_plan={**OUTSIDE, **WRITTEN},
        )
        finesse.truth = Truth(self.account)
        outbox = finesse.switch._outbox
        enqueue = outbox._enqueue

        def put(parcel: Any) -> None:
            tag = self._tag_of.pop("tag", None)
            made = Parcel(
                parcel.node,
                parcel.payload,
                self.loop.time(),
                parcel.deed,
                tag,
                is_error=parcel.is_error,
            )
            self.streams.made(made)
            enqueue(parcel)

        switch, done = finesse.switch, finesse.switch.done

        def observed(cause: Any, **more: Any) -> None:
            self._observe()  # what is published later was so from here on
            done(cause, **more)

        switch.done = observed  # type: ignore[method-assign]
        self._tag_of: dict[str, str | None] = {}
        outbox._tag = self._tag  # type: ignore[method-assign]  # the story says who is tagged
        outbox._enqueue = put  # type: ignore[method-assign]  # the judge must know all of them
        return finesse

    def _tag(self, cause: Cause, *, is_error: bool, own: bool) -> str | None:
        self._tag_of.pop("tag", None)
        if cause.request_id is None:
            return None
        told, cause.told = cause.told, cause.told + 1
        plan = cause.plan if isinstance(cause.plan, Fortune) else Fortune()
        if not own and not plan.others:
            return None
        letters = plan.error_tag if is_error else plan.tags
        tag = cause.request_id if letters[told % len(letters)] == "1" else None
        self._tag_of["tag"] = tag
        return tag

    def _new_key(self) -> str:
        self._keys += 1
        return f"k{self._keys:06d}"

    def _observe(self) -> None:
        self.account.history.observe(self.loop.time(), self.finesse)

    # -- life -----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        for patch in self._patches:
            patch.start()
        self._silence()
        self._observe()
        self.kept = Kept(self._turn)
        self._start()
        for agent in self._extensions:
            self._connect(agent, 0.0)
        await asyncio.sleep(0.15)
        return self

    def _check_live(self) -> None:
        if not self.account.live and self.loop.time() > 1000.0 + LIVE_WITHIN:
            raise RuntimeError("no session ever came up: this world does not fit the program")

    async def __aexit__(self, *_why: object) -> None:
        try:
            self.account.ended = self.loop.time()
            for agent in self._extensions:
                self._deaf(agent)
            await self._stop()
            for task in tuple(self._tasks):
                task.cancel()
            if self._tasks:
                await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._transport.aclose()
            await self.finesse.close()
        finally:
            for patch in self._patches:
                patch.stop()
        self._check_live()

    def _silence(self) -> None:
        """Take the program's faults down; its other lines go nowhere."""

        def take(_logger: object, _name: str, line: Any) -> Any:
            if line.get("exc_info") or line.get("exception"):
                self.account.trouble.append(str(line))
            raise structlog.DropEvent

        logging.getLogger("listener").setLevel(logging.ERROR)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                take,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
        )

    def _start(self) -> None:
        """Begin a process: a REST client and a service over it."""
        self.rest_client = Rest(["https://finesse.example.com:8445"], tls=NO_TLS)
        for line in vars(self.rest_client._reach).values():
            if isinstance(line, Line):
                self._do(line._transport.aclose())
                line._transport = self._transport  # type: ignore[assignment]
        for spec in self.agents:
            self.rest_client.set_credentials(spec.id, Basic(spec.id, PASSWORD))
        self.service = Service(
            Noticed(RestWire(self.rest_client), self),
            self,
            policy=Policy(gate=GateMode(self.traits["gate"])),
            extensions=self._extensions.get,
            memory=self.kept,
        )
        self.service.deployment = self.traits["profile"]
        self.service.witness = self._witness
        self.service.on_settled(self._settled)

    async def _stop(self) -> None:
        """End a process at once, as a kill does: nothing is settled by it."""
        for task in self._sessions.values():
            task.cancel()
        service = self.service
        service.leave()
        service._alarm.set(None)
        await service._tasks.aclose()
        await self.rest_client._doubts.aclose()

    def _do(self, coroutine: Any) -> asyncio.Task[Any]:
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- heard ----------------------------------------------------------------------------------

    def _read(self, agent: str, item: Notification, parcel: Parcel) -> None:
        self._reading, self._reader = parcel, agent
        try:
            self.service.hear(item)
        finally:
            self._reading = None

    def _witness(self, event: Event) -> None:
        parcel, agent = self._reading, self._reader
        if parcel is None:
            return
        first = (agent, id(parcel)) not in self._known
        self._known.add((agent, id(parcel)))
        self.account.heard.append(Heard(self.loop.time(), agent, event, parcel, first))

    # -- sessions: the service's `Ears` ---------------------------------------------------------

    async def ping(self, agent: str, within: float) -> bool:
        """Ping over that agent's session."""
        if not self._hears(agent):
            return False
        return await self.streams.ping(agent, within)

    def serving(self, *, in_service: bool) -> None:
        """Hear what Finesse published about itself."""
        if in_service:
            return  # it is asked, and then believed
        for agent in self._extensions:
            if self._hears(agent):
                self._deaf(agent)
                self.service.session_down(agent, "Finesse is out of service")
                self._connect(agent, 0.5, fresh=False)

    def _hears(self, agent: str) -> bool:
        row = self.account.live.get(agent)
        return bool(row) and row[-1][1] == float("inf")

    def _deaf(self, agent: str) -> None:
        if self._hears(agent):
            self.account.live[agent][-1][1] = self.loop.time()

    def _connect(self, agent: str, after: float, *, fresh: bool = True) -> None:
        earlier = self._sessions.get(agent)
        if earlier is not None:
            earlier.cancel()
        self._sessions[agent] = self._do(self._session(agent, after, fresh=fresh))

    async def _session(self, agent: str, after: float, *, fresh: bool) -> None:
        """Let a session begin: presence, SystemInfo, the picture, and then it is live."""
        await asyncio.sleep(after)
        if fresh:
            self.streams.begin(agent)
        while True:
            look = await self._picture(agent)
            if look is not None:
                break
            await asyncio.sleep(1.0)
        if self.streams.of[agent].dead:
            return
        self.account.live.setdefault(agent, []).append([self.loop.time(), float("inf")])
        self.service.session_up(agent, look)

    async def _picture(self, agent: str) -> Look | None:
        with suppress(ListenerError):
            info = await self.rest_client.system_info()
            if info.status == "IN_SERVICE":
                return await RestWire(self.rest_client).picture(agent)
        return None

    def _lost(self, agent: str, back: float, burst: int) -> None:
        self.streams.end(agent)
        if self.service._closed:
            return  # nobody is there to notice
        self._deaf(agent)
        self.service.session_down(agent, "the link was lost")
        self._connect(agent, back)
        if burst:
            self._do(self._burst(agent, back + 0.3, burst))

    async def _burst(self, agent: str, after: float, last: int) -> None:
        await asyncio.sleep(after)
        self.streams.again(agent, last, same_ids=False)

    # -- asked ----------------------------------------------------------------------------------

    def ask(self, step: int, request: Request, wish: Wish, fortune: Fortune) -> Asked | None:
        """Ask the service; see `Hands`."""
        if wish.early is not None:
            self._do(self._announced_late(step, request, wish, fortune))
            return None
        minimum = MinimumEvidence(wish.minimum) if wish.minimum else None
        wishes = Wishes(
            deadline=wish.deadline,
            request_id=wish.request_id,
            minimum_evidence=minimum,
            require_session=False,
            allow_repeat=True,
            validate=False,
        )
        agent = request.agent
        own = self._extensions[agent]
        request = intake.complete(request, own, None, validate=False)
        asked = Asked(
            step=step,
            key=f"k{self._keys + 1:06d}",
            request=request,
            request_id=wish.request_id or "",
            own=own,
            mode=wish.mode if wish.mode != "expect" or wish.report == "yes" else wish.report,
            minimum=minimum or MinimumEvidence.ANY,
            length=0.0,
            submitted=self.loop.time(),
            known=self._hears(agent),
            faults=(*map(str, fortune.request), *(r.fault.value for r in fortune.nth.values())),
        )
        self._observe()
        self._senders[id(request)] = Sender(asked, fortune)
        self._asked[asked.key] = asked
        try:
            ticket = self._submit(asked, request, wishes, wish)
        except (InvalidRequest, NotAccepted):
            self.account.refused += 1
            del self._asked[asked.key]
            return None
        assert ticket.id == asked.key
        asked.request_id = ticket.request_id
        asked.length = table.length(request, wish.deadline, expected=wish.mode == "expect")
        for other in self.account.asked:
            if (other.agent, other.request_id) == (agent, asked.request_id):
                other.ambiguous = asked.ambiguous = True
        self.account.asked.append(asked)
        if wish.abandon is not None:
            self._do(self._abandon(asked, wish.abandon))
        return asked

    def _submit(self, asked: Asked, request: Request, wishes: Wishes, wish: Wish) -> Any:
        if wish.mode == "forward":
            wire = self.service._wire
            return self.service.forward(
                request,
                wishes,
                lambda leaves: wire.send(request, asked.request_id, leaves),
                tells=True,
            )
        if wish.mode != "expect":
            return self.service.submit(request, wishes)
        ticket = self.service.expect(request, wishes)
        if wish.report != "never_sent":
            self._do(self._caller_sends(asked, request, ticket.request_id, wish))
        return ticket

    async def _announced_late(
        self, step: int, request: Request, wish: Wish, fortune: Fortune
    ) -> None:
        """Do what a caller does who sends first, announces then, and never reports."""
        assert wish.early is not None
        assert wish.request_id is not None
        own = self._extensions[request.agent]
        request = intake.complete(request, own, None, validate=False)
        sender = Sender(None, fortune)
        SENDER.set(sender)
        first = len(self.account.deeds)
        sending = self.rest_client.send(
            request.agent,
            method=request.method,
            path=request.path,
            body=request.body(),
            request_id=wish.request_id,
        )
        self._do(sending)
        await asyncio.sleep(wish.early)
        asked = self.ask(step, request, replace(wish, early=None, report="never_sent"), fortune)
        if asked is not None:
            asked.mode = "no"
            asked.deeds += [
                deed
                for deed in self.account.deeds[first:]
                if deed.request_id == wish.request_id and deed.agent == request.agent
            ]

    async def _caller_sends(self, asked: Asked, request: Request, id_: str, wish: Wish) -> None:
        """Do what a caller does who sends itself: send, and report what Finesse answered."""
        asked.sent = self.loop.time()
        SENDER.set(self._senders[id(request)])
        answer = await self.rest_client.send(
            request.agent,
            method=request.method,
            path=request.path,
            body=request.body(),
            request_id=id_,
        )
        if wish.report == "late":
            await asyncio.sleep(2.0)
        if wish.report == "no" or answer.status is None or self._asked.get(asked.key) is not asked:
            return
        default = table.length(request, wish.deadline, expected=False)
        if asked.outcome is None and not self.service._closed:
            with suppress(NotAccepted):
                self.service.report(asked.key, answer.status, answer.body)
                self._answer(asked, answer.status)
                asked.length = default if answer.status == 202 else asked.length

    def _answer(self, asked: Asked, status: int | None) -> None:
        if asked.answered is None:
            asked.answered, asked.status = self.loop.time(), status
            asked.accepted = status == 202

    def _turn(self, key: str) -> None:
        asked = self._asked[key]
        if asked.turn is None:  # what is known is kept once more when it leaves
            asked.turn = self.loop.time()
        if self.service._closed:  # killed in this very moment: the next process takes it for sent
            asked.unkept, asked.begun = True, asked.begun or asked.turn
        if asked.mode not in {"submit", "forward"}:
            asked.begun = asked.turn  # its caller may send it from here on

    async def _abandon(self, asked: Asked, after: float) -> None:
        await asyncio.sleep(after)
        if asked.outcome is None and not self.service._closed:
            asked.abandoned = self.loop.time()
            self.service.abandon(asked.key)

    def _settled(self, record: Record) -> None:
        asked = self._asked[record.key]
        if asked.settled is not None:
            asked.late = list(record.late)
            asked.times_settled += record.outcome is not asked.outcome
            return
        self._observe()
        asked.outcome, asked.settled = record.outcome, self.loop.time()
        asked.times_settled = 1

    # -- mischief -------------------------------------------------------------------------------

    def cut(self, agent: str, *, back: float, burst: int) -> None:
        """See `Hands`."""
        self._lost(agent, back, burst)

    def hole(self, agent: str, *, noticed: float, back: float, burst: int) -> None:
        """See `Hands`."""
        self.streams.die(agent)
        generation = self.streams.of[agent].generation

        def notice() -> None:
            if self.streams.of[agent].generation == generation:
                self._lost(agent, back, burst)

        self.loop.call_later(noticed, notice)

    def slow(self, agent: str, *, by: float, lasts: float) -> None:
        """See `Hands`."""
        stream = self.streams.of[agent]
        stream.slow = by
        self.account.slow.append((agent, self.loop.time(), self.loop.time() + lasts + by))
        self.loop.call_later(lasts, lambda: setattr(stream, "slow", 0.0))

    def again(self, agent: str, *, last: int, same_ids: bool) -> None:
        """See `Hands`."""
        self.streams.again(agent, last, same_ids=same_ids)

    def outage(self, *, lasts: float) -> None:
        """See `Hands`."""
        if self.finesse.status == "IN_SERVICE":
            self._do(self._outage(lasts))

    async def _outage(self, lasts: float) -> None:
        self.account.outages.append([self.loop.time(), self.loop.time() + lasts])
        self.finesse.set_status("OUT_OF_SERVICE")
        await asyncio.sleep(lasts)
        self.finesse.set_status("IN_SERVICE")

    def restart(self, *, back: float) -> None:
        """See `Hands`; with the trait `kill=leaving` it comes just behind the next who leaves."""
        if self.traits.get("kill") == "leaving":
            self.kept.as_it_leaves = lambda: self.loop.call_later(COMMIT / 2, self._kill, back)
        else:
            self._kill(back)

    def _kill(self, back: float) -> None:
        self.kept.as_it_leaves = lambda: None
        if self.service._closed:
            return
        self.account.restarts.append((self.loop.time(), self.loop.time() + back))
        lost = self.kept.killed()
        for asked in self.open():
            asked.unkept = asked.unkept or asked.key in lost
            if asked.begun is None:  # the next process must take it for sent
                asked.begun = asked.turn
        self.service._closed = self.service._closing = True
        self._do(self._restart(back))

    async def _restart(self, back: float) -> None:
        for agent in self._extensions:
            self.streams.end(agent)
            self._deaf(agent)
        await self._stop()
        await asyncio.sleep(back)
        self._start()
        now = self.loop.wall()
        self._remember(now - timedelta(minutes=15))
        restore_open(self.service, self.kept.unsettled(), now=now)
        for agent in self._extensions:
            self._connect(agent, 0.05)

    def _remember(self, since: Any) -> None:
        from listener import restoring  # noqa: PLC0415  its private helper, for the rows are ours

        for row in self.kept.settled_since(since):
            restoring._remember(self.service, row, self.loop.wall(), self.loop.time())

    def rest(self, *, what: str, lasts: float) -> None:
        """See `Hands`."""
        self._transport.trouble = what
        self.account.rest.append((self.loop.time(), self.loop.time() + lasts))
        self.loop.call_later(lasts, lambda: setattr(self._transport, "trouble", ""))

    def away(self, agent: str, *, lasts: float) -> None:
        """See `Hands`."""
        self.account.away.append((agent, self.loop.time(), self.loop.time() + lasts))
        self.service.finesse_present(agent, available=False)
        here = self.service
        self.loop.call_later(lasts, lambda: here.finesse_present(agent, available=True))

    def open(self) -> Iterator[Asked]:
        """Yield the requests without an outcome."""
        return (asked for asked in self.account.asked if asked.outcome is None)


class Noticed:
    """The service's `Wire`, with a note of what went out for whom and when it was answered."""

    def __init__(self, wire: RestWire, world: World) -> None:
        self._wire = wire
        self._world = world

    async def send(self, request: Request, request_id: str, leaves: Leaving) -> RestAnswer:
        """Send a request once."""
        world = self._world
        sender = world._senders[id(request)]
        SENDER.set(sender)
        if sender.fortune.leaves:  # no connection is free, or its login waits
            await asyncio.sleep(sender.fortune.leaves)
        answer = await self._wire.send(request, request_id, leaves)
        if sender.asked is not None:
            world._answer(sender.asked, answer.status)
        return answer

    async def look(self, ask: Ask) -> Look:
        """Do the GET that is asked for."""
        return await self._wire.look(ask)

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        """Say what an answer means that the caller received."""
        return self._wire.judge(status, body)


SILENT = Silence

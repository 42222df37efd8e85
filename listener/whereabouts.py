"""Where Finesse is, for all agents: the nodes are asked while somebody waits, and agents woken.

One object for all. Each node is asked for its SystemInfo every 2 s while an agent has no session,
or has heard that something is wrong; nobody else asks. What the answers mean is `pair`'s, what an
agent does with its session is `crew`'s. Knows no session, request or stanza.

How long it takes with the usual times, from when the server is back: up to 2 s until the next
question, up to 10 s of spreading (2,000 agents; 5 ms for one), 1 s for the handshake, SystemInfo
and the picture. An agent that had failed before waits up to 8 s (its back-off, which counts towards
the spreading); an attempt that began before may hang for 10 s first; a link that died silently is
found out after 15 s (a ping every 10 s, 5 s for the answer). Those do not come together: at worst
15 + 0.5 + 2 + 10 + 1 = 28.5 s, or 10 + 10 + 4 + 1 = 25 s. To the other node: three ticks of 2 s,
then as above. One agent's drop that is seen: 0.5 s of back-off, and the handshake.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from listener import logs
from listener.errors import ListenerError, Unreachable
from listener.inquiry import Answer, Asked, Inquiry, Lenders
from listener.pair import Pair
from listener.places import Places
from listener.rest.nodes import Nodes
from listener.rounds import Rounds
from listener.settings import Settings
from listener.standing import Move, NodeState, NodeStatus, Polling
from listener.xmpp.contract import Endpoint

_NEVER = float("-inf")

_log = logs.get(__name__)


class Rest(Asked, Protocol):
    """What is needed of the REST side."""

    nodes: Nodes


class Whereabouts:
    """Says where sessions are to be made, and when. Made inside a running loop.

    `learnt` is told the deployment (UCCE or UCCX) whenever a node names it; `moved` the cause of
    each change-over; `alarm` the name of a node from whose sessions nothing is certain any more.
    `chance` returns a number from 0 to 1, for the spreading.
    """

    def __init__(
        self,
        settings: Settings,
        rest: Rest,
        learnt: Callable[[str], None],
        *,
        polling: Polling | None = None,
        moved: Callable[[str], None] = lambda _cause: None,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._polling = polling or Polling()
        self.lenders = Lenders(self._polling.lend_again, rest)
        self.alarm: Callable[[str, str], None] = lambda _name, _cause: None
        self._deployment = settings.finesse.deployment
        self._rest = rest
        self._learnt = learnt
        self._moved = moved
        self._chance = chance or random.Random().random  # noqa: S311  spreads, guards nothing
        self._places = Places(settings.finesse)
        self._pair = Pair(self._places, self._polling, ping=settings.timings.ping_interval)
        self._inquiries = {
            name: Inquiry(
                name,
                self._places.url(name),
                rest,
                lenders=self.lenders,
                polling=self._polling,
                took=self._took,
            )
            for name in self._places
        }
        self._good: dict[str, float] = {}  # when the last answer IN_SERVICE was asked for
        self._answered: dict[str, float] = {}  # when the last answer came, whatever it was
        self._told: dict[str, NodeState] = {}
        self._down: set[str] = set()  # agents without a session who want one
        self._unsure: set[str] = set()  # agents whose session may not be used now
        self._doubted = False  # a request found that the node in use does not answer
        self._barred: set[str] = set()  # nodes at which nothing may be relied on
        self._news = asyncio.Event()  # another one after each time that it was set
        self._moves = asyncio.Event()  # as well
        self._rounds = Rounds(
            self._inquiries.values(),
            self._polling.every,
            wanted=lambda: bool(self._down or self._unsure or self._doubted),
            begin=self._pair.begin,
            over=self._round,
        )
        rest.nodes.watch(self._doubt)

    def __repr__(self) -> str:
        return f"<Whereabouts {self._pair!r}, {len(self._down)} wait>"

    # -- asked --------------------------------------------------------------------------------

    @property
    def nodes(self) -> tuple[NodeStatus, ...]:
        """How each node is, as far as is known."""
        return self._pair.status()

    @property
    def node(self) -> str:
        """The name of the node in use."""
        return self._pair.current

    def begin_at(self, name: str) -> None:
        """Try that node first, before anything was asked; an unknown name changes nothing."""
        if name in self._pair:
            self._pair.current = name
            self._rest.nodes.prefer(self._places.url(name))

    @property
    def endpoint(self) -> Endpoint:
        """The node to connect to; raises Unreachable before `ready` found one."""
        return self._places.endpoint(self._pair.current)

    def name_of(self, endpoint: Endpoint) -> str:
        """Return the name of the node that is reached there."""
        return self._places.name_of(endpoint)

    def is_left(self, endpoint: Endpoint) -> bool:
        """Say whether all agents use another node from now on."""
        return self.name_of(endpoint) != self._pair.current

    def view(self, agent: str, endpoint: Endpoint) -> bool | None:
        """Say whether `finesse` is available as that agent's session there shows it."""
        return self._pair.view(self.name_of(endpoint), agent)

    def tried_all(self, missed: set[Endpoint]) -> bool:
        """Say whether an agent who got no session at these nodes need not wait for another."""
        names = {self.name_of(endpoint) for endpoint in missed}
        if any(self._pair.has_sessions(name) for name in names):
            return True  # it is not the node, so nobody moves
        return not any(self._pair.promising(name) for name in self._pair if name not in names)

    # -- waited for ---------------------------------------------------------------------------

    async def ready(
        self, agent: str, *, waited: float, told: Callable[[ListenerError], None]
    ) -> None:
        """Return when a session may be made: the node in use is in service, and it is one's turn.

        Where its SystemInfo takes no password of ours, sessions that stand there will do: without
        one Finesse would sign the agent out. It waits in `usable` then.

        `waited`: seconds for which the agent held back by itself; they count towards its turn.
        `told` hears why it takes longer; a SystemInfo that takes no password of ours is one of the
        reasons, for only SASL's refusal ends the waiting (rules of evidence 2).
        """
        self.wants(agent)
        rounds = self._rounds.number
        while True:
            while not self._is_fresh():
                await self._next_news(rounds, told)
                waited = 0.0
            name = self._pair.current
            await asyncio.sleep(self._turn(len(self._down)) - waited)
            if name == self._pair.current and self._pair.admits(name):
                return

    async def usable(
        self, agent: str, endpoint: Endpoint, told: Callable[[ListenerError], None]
    ) -> None:
        """Return when a session that is up there may be used, as asked for since this call.

        IN_SERVICE, and `finesse` not known to be unavailable; `told` as for `ready`. A password
        that SystemInfo refuses ends no session that SASL has let in.
        """
        name, since, rounds = self.name_of(endpoint), _clock(), self._rounds.number
        self._unsure.add(agent)
        try:
            await self._inquiries[name].ask(since)
            waits = not self._is_sound(name, since)
            while not self._is_sound(name, since):
                self._rounds.start()
                await self._next_news(rounds, told, name)
            if waits:  # and so have the others
                await asyncio.sleep(self._turn(len(self._unsure)))
            self._rest.nodes.follow(agent, self._places.url(name))
        finally:
            self._unsure.discard(agent)

    async def left(self, endpoint: Endpoint) -> None:
        """Return when all agents use another node from now on."""
        while not self.is_left(endpoint):
            await self._moves.wait()

    def _is_fresh(self) -> bool:
        name = self._pair.current
        answered = self._answered.get(name, _NEVER)
        return self._pair.admits(name) and _clock() - answered <= self._polling.every

    def _is_sound(self, name: str, since: float) -> bool:
        return self._good.get(name, _NEVER) >= since and self._pair.sound(name)

    def _turn(self, crowd: int) -> float:
        return self._chance() * min(self._polling.spread, crowd / self._polling.rate)

    async def _next_news(
        self, rounds: int, told: Callable[[ListenerError], None], name: str | None = None
    ) -> None:
        """Wait for the next answer or signal; after a whole round tell why it still takes."""
        if self._rounds.number > rounds and (words := self._words(name)) is not None:
            told(words)
        await self._news.wait()

    def _words(self, name: str | None) -> ListenerError | None:
        """Return why that node, or the one in use, is not usable."""
        trouble = self._inquiries[name or self._pair.current].trouble
        if trouble is not None:
            return trouble
        words = self._pair.trouble(name or self._pair.current)
        return Unreachable(words) if words is not None else None

    # -- told ---------------------------------------------------------------------------------

    def wants(self, agent: str) -> None:
        """Hear that an agent has no session and wants one: begin to ask."""
        self._down.add(agent)
        self._rounds.start()

    def rests(self, agent: str) -> None:
        """Hear that an agent wants nothing now: it has a session, or only a person can help."""
        self._down.discard(agent)

    def unsure(self, agent: str) -> None:
        """Hear that an agent's session may not be used: its requests go to the node in use."""
        self._rest.nodes.unfollow(agent)

    def connected(self, agent: str, endpoint: Endpoint) -> None:
        """Hear that an agent has a session there; it must be asked about before it is used."""
        self._down.discard(agent)
        name = self.name_of(endpoint)
        self._pair.connected(_clock(), name, agent)
        self._tell(name)

    def gone(self, agent: str, endpoint: Endpoint) -> None:
        """Hear that an agent has no session there any more."""
        name = self.name_of(endpoint)
        self._pair.gone(_clock(), name, agent)
        self._tell(name)

    def cut(self, agent: str, endpoint: Endpoint, why: str, *, unanswered: bool = False) -> None:
        """Hear that an agent's link to there is lost; `gone` is told as well.

        Where most links of a node are cut within the time of a ping, no session is to be had there;
        where it has but one, if a ping stayed `unanswered`.
        """
        name = self.name_of(endpoint)
        self._pair.cut(_clock(), name, agent, why, unanswered=unanswered)

    def refused(self, agent: str, endpoint: Endpoint, trouble: ListenerError) -> None:
        """Hear that no session could be made there, for a reason that is the node's."""
        name = self.name_of(endpoint)
        self._pair.refused(name, str(trouble))
        self._pair.gone(_clock(), name, agent)

    def saw(self, agent: str, endpoint: Endpoint, *, available: bool) -> None:
        """Hear of the user `finesse` what an agent's session there shows."""
        name = self.name_of(endpoint)
        self._pair.saw(_clock(), name, agent, available=available)
        self._tell(name)

    def said(self, name: str, *, in_service: bool) -> None:
        """Hear of a SystemInfo event of that node; unknown names change nothing."""
        if name in self._pair:
            news = in_service != self._pair.in_service(name)  # thousands of sessions hear the same
            self._pair.said(_clock(), name, in_service=in_service)
            self._tell(name)
            if news:
                self._rounds.hurry()

    def trust_renewed(self) -> None:
        """Hear that other certificates are trusted: what was refused is asked again at once."""
        for inquiry in self._inquiries.values():
            inquiry.trust_renewed()
        self._rounds.hurry()

    def credentials_changed(self, agent: str) -> None:
        """Hear that they are others now, or that SASL took them: they may be lent again."""
        self.lenders.changed(agent)

    def _doubt(self, url: str) -> None:
        """Hear from the REST side that a node did not answer a request."""
        if url == self._places.url(self._pair.current):
            self._doubted = True
            self._rounds.start()

    # -- asking -------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Ask no more."""
        await self._rounds.aclose()

    def _round(self) -> None:
        move = self._pair.tick(_clock(), wanted=bool(self._down or self._unsure))
        for name in self._pair:
            self._tell(name)
        if move is not None:
            self._move(move)
        if self._pair.usable(self._pair.current):
            self._doubted = False
        self.lenders.prove(_clock())
        # Who meant to go elsewhere, and has a session where all are again, waits for nothing.
        self._down -= self._pair.sessions(self._pair.current) - self._unsure
        self._announce()

    def _move(self, move: Move) -> None:
        if move.cause is not None:  # else nobody was anywhere
            self._moved(move.cause)
            ends = {"from": move.source, "to": move.target}
            _log.warning("node.changed", **ends, cause=move.cause, detail=move.detail)
        self._rest.nodes.prefer(self._places.url(move.target))
        moves, self._moves = self._moves, asyncio.Event()
        moves.set()

    def _took(self, name: str, answer: Answer) -> None:
        now = self._answered[name] = _clock()
        if answer.info is not None:
            self._good[name] = answer.asked
            if self._places.learn(name, answer.info):
                _log.info(
                    "finesse.state",
                    host=name,
                    domain=answer.info.xmpp_domain,
                    deployment=answer.info.deployment_type,
                )
            if (deployment := self._deployment or answer.info.deployment_type) is not None:
                self._learnt(deployment)
        detail = str(answer.trouble) if answer.trouble is not None else None
        self._pair.answered(now, name, answer.word, detail)
        self._tell(name)
        self._announce()

    def _tell(self, name: str) -> None:
        """Log once when a node goes out or comes back; let its sessions know when it goes."""
        state, before = self._pair.state(name), self._told.get(name, NodeState.UNKNOWN)
        self._told[name] = state
        words = self._pair.trouble(name)
        if state is not before:
            if state is NodeState.OUT:
                _log.warning("node.out", host=name, detail=words)
            elif before is NodeState.OUT:
                _log.info("node.back", host=name)
            self._announce()
        if self._pair.hearing(name):
            self._barred.discard(name)
        elif name not in self._barred:
            self._barred.add(name)
            self.alarm(name, words or "Finesse is out of service")

    def _announce(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _clock() -> float:
    return asyncio.get_running_loop().time()

"""The second process's side: it connects beside the first one, asks for everything, and begins.

Until it says "mine" it judges, sends and serves nothing, so that it may end at any moment. Knows
the conversation and its bounds; what is done at the moment itself is `adopting`'s.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from listener import logs
from listener.assembly import Listener
from listener.crew import Ear
from listener.errors import ConfigurationError, ListenerError
from listener.handover import spoken
from listener.handover.attempt import MAX_CHANGES
from listener.handover.carried import Agents, Held, State
from listener.handover.channel import VERSION, Broken, Channel, Gone
from listener.handover.exporting import CONFIGURED
from listener.handover.prelude import Prelude
from listener.roster import Roster
from listener.settings import Settings

CONNECTS = 60.0  # seconds for all sessions to come up,
PER_AGENT = 0.05  # and for each of them
SPEAKS = 60.0  # seconds between two words of the first process
STANDS = 300.0  # seconds for it to stand still: what is on its way may take a while
ENDS = 5.0  # seconds for a process that closed its channel to be gone
HEARS = 2.0  # seconds for a session to show that it has read everything
TOLD_EVERY = 1.0

_log = logs.get(__name__)


class Arrival:
    """The second process, from its first word to "mine". Made inside a running loop.

    `gone` says whether the first process has ended for certain.
    """

    def __init__(self, channel: Channel, *, gone: Callable[[], bool] | None = None) -> None:
        self.prelude = Prelude()
        self.begun = False
        """Whether all is ours: from then on it is this process that is told to stop."""
        self.sockets: dict[str, socket.socket] = {}
        self._told = False
        self._channel = channel
        self._gone = gone or _orphaned()
        self._agents = Agents(0, [], [])
        self._force = False
        self._token = secrets.token_hex(4)
        self._spared = self._home = ""
        self._node: str | None = None

    def __repr__(self) -> str:
        return f"<Arrival {self.prelude!r}>"

    # -- the first words --------------------------------------------------------------------------

    async def greet(self, settings: Settings) -> Settings:
        """Say hello; return the settings to begin with.

        They have the credentials that callers have given to configured agents since the first
        process read its file, unless the file is another one by now. Raises Broken.
        """
        await self._channel.say({"say": "hello", "version": VERSION, "token": self._token})
        self._learn(await self._heard("welcome", SPEAKS))
        changed = {
            held.agent.id: held.agent
            for held in self._agents.others
            if held.origin == CONFIGURED and held.file is not None
            if held.file in settings.agents
        }
        agents = tuple(changed.get(agent.id, agent) for agent in settings.agents)
        return settings.model_copy(update={"agents": agents})

    def _learn(self, message: dict[str, Any]) -> None:
        self._agents = spoken.agents_of(message)
        self._force = message.get("force") is True
        self._spared = str(message.get("token"))
        home = message.get("home")
        self._home = home if isinstance(home, str) else ""
        node = message.get("node")
        self._node = node if isinstance(node, str) else None

    async def introduce(self, listener: Listener) -> None:
        """Let both processes know each other's sessions, before the first of ours begins.

        It begins at the node that the first one uses: each node numbers events in its own way.
        """
        names = listener.roster.dialling
        names.home, names.token = self._home, self._token
        names.spared.add(self._spared)
        if self._node is not None:
            listener.begin_at(self._node)

    # -- connecting -------------------------------------------------------------------------------

    async def gather(self, listener: Listener) -> State:
        """Connect all whom the first process holds, then hear everything from it.

        It stands still when this returns, and serves nobody: be quick. Raises Broken.
        """
        for _ in range(MAX_CHANGES):
            await self._hold(listener.roster)
            await self._until_up(listener.roster)
            await self._channel.say(self._ready(listener))
            message = await self._heard(("state", "changed"), STANDS)
            if message["say"] == "state":
                return await self._state(message)
            self._learn(message)
        raise Broken("agents come and go all the time")

    async def _hold(self, roster: Roster) -> None:
        """Hold those of whom the settings do not know, as the first process does."""
        others = {held.agent.id: held for held in self._agents.others if held.origin != CONFIGURED}
        for id_ in list(roster.ears):
            if roster.origin(id_) != CONFIGURED and id_ not in others:
                await roster.remove(id_)
        for id_, held in others.items():
            try:
                await self._hold_one(roster, id_, held)
            except ConfigurationError as error:  # our settings spell it otherwise
                _log.warning("settings.warning", detail=str(error))

    async def _hold_one(self, roster: Roster, id_: str, held: Held) -> None:
        ear = roster.ears.get(id_)
        if ear is None:
            roster.add(held.agent, origin=held.origin)
        elif roster.origin(id_) != CONFIGURED and ear.agent != held.agent:
            await roster.replace(held.agent)

    async def _until_up(self, roster: Roster) -> None:
        """Wait until every agent was tried and as many are up as there; Broken if fewer are."""
        wanted = [roster.ears[id_] for id_ in self._agents.live if id_ in roster.ears]
        waiting = {asyncio.create_task(ear.tried.wait()) for ear in roster.ears.values()}
        waiting |= {asyncio.create_task(ear.decided.wait()) for ear in wanted}
        loop = asyncio.get_running_loop()
        end = loop.time() + CONNECTS + PER_AGENT * len(roster.ears)
        try:
            while waiting and loop.time() < end:
                _, waiting = await asyncio.wait(waiting, timeout=TOLD_EVERY)
                word = {"say": "progress", "up": roster.up, "of": len(roster.ears)}
                self._channel.say_now(word)
        finally:
            for task in waiting:
                task.cancel()
        missing = [ear for ear in wanted if not ear.up.is_set()]
        if missing and not self._force:
            raise Broken(_words(missing, len(wanted)))

    def _ready(self, listener: Listener) -> dict[str, Any]:
        pictures = {id_: listener.service.correlator.picture(id_) for id_ in listener.roster.ears}
        live = {id_: one.live_since for id_, one in pictures.items() if one.live}
        return {"say": "ready", "revision": self._agents.revision, "live": live}

    # -- hearing everything -----------------------------------------------------------------------

    async def _state(self, head: dict[str, Any]) -> State:
        gathering = spoken.Gathering(head)
        while True:
            message = await self._channel.hear(SPEAKS)
            match message.get("say"):
                case "sockets":
                    names = [str(name) for name in message["names"]]
                    taken = await self._channel.take(len(names))
                    self.sockets = dict(zip(names, taken, strict=True))
                case "all":
                    return gathering.done()
                case _:
                    await asyncio.to_thread(gathering.add, message)

    async def deaf(self, listener: Listener, state: State) -> set[str]:
        """Return the agents of whom something may be on its way to us that was sent before.

        A stream is ordered: who answers a ping has sent all that came before it.
        """
        agents = sorted({each.record.request.agent for each in state.open if each.sent_at})
        heard = await asyncio.gather(*(listener.ping(agent, HEARS) for agent in agents))
        return {agent for agent, answered in zip(agents, heard, strict=True) if not answered}

    # -- the moment -------------------------------------------------------------------------------

    async def mine(self) -> None:
        """Say that all of it is ours now: what follows, up to the next await, belongs to it.

        Raises Broken when the first process will have it back. Waits only where that one is gone.
        """
        try:
            self._channel.say_now({"say": "mine"})
        except Gone:
            end = asyncio.get_running_loop().time() + ENDS
            while not self._gone():  # no event tells that a parent has ended
                if asyncio.get_running_loop().time() > end:
                    raise Broken("the first process does not speak, and has not ended") from None
                await asyncio.sleep(0.05)
        self.begun = True

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say at once why nothing comes of it, when something fails inside the block.

        The first process stands still and waits; what is to be closed here has time.
        """
        try:
            yield
        except Exception as why:
            self.failed(why)
            raise

    def failed(self, why: Exception) -> None:
        """Say why nothing comes of it, once, if somebody hears; nothing when all is ours."""
        if self.begun or self._told:
            return
        self._told = True
        words = str(why) if isinstance(why, ListenerError) else type(why).__name__
        try:
            self._channel.say_now({"say": "failed", "why": words})
        except Broken:
            _log.error("handover.failed", detail=words)

    def close(self) -> None:
        """End the conversation; sockets that nobody took are closed."""
        self._channel.close()
        for unused in self.sockets.values():
            unused.close()
        self.sockets = {}

    async def _heard(self, wanted: str | tuple[str, ...], within: float) -> dict[str, Any]:
        message = await self._channel.hear(within)
        words = (wanted,) if isinstance(wanted, str) else wanted
        if message.get("say") not in words:
            raise Broken(f"{message.get('say')!r} was not expected")
        return message


def _orphaned() -> Callable[[], bool]:
    """Return what says whether the process that started this one has ended."""
    parent = os.getppid()
    return lambda: os.getppid() != parent


def _words(missing: list[Ear], wanted: int) -> str:
    first = missing[0]
    return (
        f"{len(missing)} of the {wanted} agents who are up have no session in the new process, the"
        f" first of them {first.agent.id}: {first.trouble or 'no answer yet'}; with --force the"
        " hand-over goes on without them"
    )

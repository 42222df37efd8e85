"""One try of the first process to hand over: what it says and hears, lets go of, and takes back.

Whatever fails before the second process says "mine": the second is ended for certain, and the work
goes on here as if nothing had been. What is carried is `exporting`'s and `spoken`'s.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from listener import logs
from listener.errors import ConfigurationError, NotKept
from listener.handover import exporting, spoken
from listener.handover.carried import State
from listener.handover.channel import ALTOGETHER, VERSION, Broken, Channel, Gone, Refused
from listener.handover.exporting import Known
from listener.handover.overlap import Witness
from listener.handover.starting import Child, Starter
from listener.journal import Journal
from listener.reloading import Reloader

BEGINS = 60.0  # seconds for the second process to load and say hello
SPEAKS = 30.0  # seconds between two words of it
ON_THEIR_WAY = 5.0  # seconds beyond the longest REST call
TAKES = 60.0  # seconds from the last word until it says "mine"
MAX_CHANGES = 5  # times that the agents may change meanwhile

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants: the Python that is to run, and whether fewer sessions will do."""

    python: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """What the first process lets go of, and takes back.

    `stop_accepting` returns the listening sockets by name. `reopen` opens the journal again that
    was closed, where there is one.
    """

    known: Known
    reloader: Reloader
    stop_accepting: Callable[[], Mapping[str, socket.socket]]
    resume_accepting: Callable[[], None]
    reopen: Callable[[], Awaitable[Journal | None]]


class Attempt:
    """One try."""

    def __init__(
        self,
        home: Home,
        start: Starter,
        asked: Asked,
        tell: Callable[[str], None],
        patience: float,
    ) -> None:
        self.done = False
        self.lost: str | None = None
        self._home = home
        self._start = start
        self._asked = asked
        self._tell = tell
        self._patience = patience
        self._listener = home.known.listener
        self._service = self._listener.service
        self._witness = Witness(self._service.loop.time)
        self._token: str | None = None
        self._name = ""
        self._passed = 0
        self._refusing = False
        self.standing_still = False
        """Nothing is judged here: the second process may begin."""

    async def run(self) -> str:
        """Hand over; raises Refused when it came to nothing."""
        self._check()
        mine, theirs = socket.socketpair()
        channel, child = Channel(mine), None
        self._service.witness = self._witness
        try:
            with closing(theirs):
                child = await self._start(theirs, self._asked.python)
            self._name = child.name
            self._tell(f"the new process ({self._name}) begins")
            async with asyncio.timeout(ALTOGETHER), self._home.reloader.none_now():
                state = await self._agree(channel)
                await self._pass_on(channel, state)
        except BaseException as why:
            if not self.done:
                await _to_its_end(self._take_back(channel, child))
            if isinstance(why, Broken | TimeoutError) and not self.done:
                raise Refused(_words(why, self.lost)) from None
            if not isinstance(why, TimeoutError):
                raise
        finally:
            channel.close()
        return f"the new process ({self._name}) serves; open requests passed on: {self._passed}"

    def _check(self) -> None:
        if self._service.closing:
            raise Refused("the daemon is shutting down")
        if (trouble := self._home.known.chronicle.trouble) is not None:
            raise Refused(f"the journal cannot be written now: {trouble}")

    # -- until the second process is ready ------------------------------------------------------

    async def _agree(self, channel: Channel) -> State:
        """Answer until the second process is ready; return what it must know: all stands still."""
        hello = await _heard(channel, "hello", BEGINS)
        if hello.get("version") != VERSION:
            raise Broken(
                f"the new version speaks hand-over {hello.get('version')}, this one {VERSION};"
                " restart instead"
            )
        self._token = str(hello.get("token"))
        self._listener.roster.dialling.spared.add(self._token)
        await channel.say(self._agents("welcome"))
        for _ in range(MAX_CHANGES):
            ready = await self._until_ready(channel)
            state = await self._settle_down(ready)
            if state is not None:
                return state
            await channel.say(self._agents("changed"))
        raise Broken("agents come and go all the time; try again")

    def _agents(self, word: str) -> dict[str, Any]:
        agents = exporting.agents_of(self._listener, self._home.reloader.settings)
        return {
            "say": word,
            "token": self._listener.roster.dialling.token,
            "home": self._listener.roster.dialling.home,
            "force": self._asked.force,
            "node": self._listener.node,
            **spoken.agents_json(agents),
        }

    async def _until_ready(self, channel: Channel) -> dict[str, Any]:
        while True:
            message = await channel.hear(SPEAKS)
            match message.get("say"):
                case "progress":
                    self._tell(f"{message.get('up')} of {message.get('of')} sessions are up there")
                case "ready":
                    return message
                case "failed":
                    raise Broken(str(message.get("why")))
                case other:
                    raise Broken(f"{other!r} was not expected")

    async def _settle_down(self, ready: dict[str, Any]) -> State | None:
        """Stand still; None when the agents are others than the second process has."""
        if ready.get("revision") != self._listener.roster.revision:
            return None
        await self._let_end(ready.get("live"))
        self._tell("no new requests from here on; those on their way are waited for")
        self._refusing = True
        self._service.refuse()
        self._service.hold_back()
        within = self._home.reloader.settings.timings.rest_total + ON_THEIR_WAY
        if not await self._service.all_sent(within):
            raise Broken(f"a request has been on its way to Finesse for more than {within:g} s")
        if ready.get("revision") != self._listener.roster.revision:
            self._go_on()
            return None
        self._check_journal()
        # From here to the end of this method nothing waits: it is one moment.
        self.standing_still = True
        self._service.pause()
        self._home.known.chronicle.rest()
        return exporting.state_of(self._home.known, self._witness.heard)

    def _check_journal(self) -> None:
        if (trouble := self._home.known.chronicle.trouble) is not None:
            raise Broken(f"the journal cannot be written now: {trouble}")

    async def _let_end(self, live: Any) -> None:
        """Give requests a moment to end that were sent before the second process could hear."""
        since = live if isinstance(live, dict) else {}
        end = self._service.loop.time() + self._patience
        for key in self._service.correlator.open_keys():
            entry = self._service.correlator.entry(key)
            heard = since.get(entry.agent) if entry is not None else None
            if entry is None or entry.sent_at is None or entry.expected:
                continue
            if not isinstance(heard, int | float) or entry.sent_at < heard:
                await self._service.wait(key, end - self._service.loop.time())

    # -- the moment itself ------------------------------------------------------------------------

    async def _pass_on(self, channel: Channel, state: State) -> None:
        sockets = self._home.stop_accepting()
        journal = self._home.known.chronicle.journal
        closed = asyncio.create_task(_closed(journal), name="closing the journal")
        try:
            await _say_all(channel, spoken.messages(state))
            names = list(sockets)
            await channel.say({"say": "sockets", "names": names})
            await channel.give([sockets[name] for name in names])
        finally:
            await closed  # whoever opens it next must find all that was written
        await channel.say({"say": "all"})
        await _heard(channel, "mine", TAKES)
        self.done = True
        self._passed = len(state.open)
        self._service.leave()
        _log.info("handover.done", successor=self._name, open=self._passed)

    # -- when it came to nothing ------------------------------------------------------------------

    async def _take_back(self, channel: Channel, child: Child | None) -> None:
        """Go on here; once the second process is certainly dead, and had not begun."""
        dead = child is None or await child.end(gently=not self.standing_still)
        self._service.witness = None
        if self._token is not None:
            self._listener.roster.dialling.spared.discard(self._token)
        if not self.standing_still:
            self._go_on()
        elif not dead:
            self.lost = "the new process cannot be ended"
        elif await _had_begun(channel):
            self.lost = "the new process had begun when it ended"
        else:
            await self._resume()
        if self.lost is not None:
            # Nobody is told anything any more: who starts next finds what is open in the journal.
            self._service.leave()
            _log.error("handover.lost", detail=self.lost)

    async def _resume(self) -> None:
        try:
            journal = await self._home.reopen()
        except (ConfigurationError, NotKept) as error:
            self.lost = str(error)
            return
        self.standing_still = False
        self._home.known.chronicle.resume(journal)
        whole = self._service.resume()
        self._home.resume_accepting()
        self._go_on()
        if not whole:  # it was a gap: read anew how all is
            self._listener.roster.serving(in_service=False)
            self._listener.roster.serving(in_service=True)
        _log.warning("handover.resumed", open=self._service.pending)

    def _go_on(self) -> None:
        if self._refusing:
            self._refusing = False
            self._service.accept()
            self._service.let_through()


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, even where this task is cancelled."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


async def _heard(channel: Channel, word: str, within: float) -> dict[str, Any]:
    message = await channel.hear(within)
    if message.get("say") == "failed":
        raise Broken(str(message.get("why")))
    if message.get("say") != word:
        raise Broken(f"{message.get('say')!r} was not expected")
    return message


async def _say_all(channel: Channel, messages: Iterator[bytes]) -> None:
    while (message := await asyncio.to_thread(next, messages, None)) is not None:
        await channel.say(message)


async def _closed(journal: Journal | None) -> None:
    if journal is not None:
        await journal.aclose()


async def _had_begun(channel: Channel) -> bool:
    """Say whether a process that has ended said "mine" before it did."""
    try:
        while (await channel.hear(5.0)).get("say") != "mine":
            pass
    except Gone:
        return False
    except Broken:
        return True  # nobody knows; two must never judge the same
    return True


def _words(why: Exception, lost: str | None) -> str:
    words = str(why) or "it took too long"
    if isinstance(why, Gone):
        words = "the new process has ended; the log says why, as far as it could"
    return words if lost is None else f"{words}; and {lost}: restart the daemon"

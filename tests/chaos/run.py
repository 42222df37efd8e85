"""A chaos run: one daemon over one deployment, story after story, each judged when it is over.

Builds and introduces; what happens is the story's, what is true `truth`'s, what is wrong
`verdict`'s.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos import reading, verdict
from tests.chaos.callers import Callers
from tests.chaos.crowd import Crowd, all_up, settled
from tests.chaos.deployment import Deployment
from tests.chaos.kinds import grown_kinds
from tests.chaos.memory import grown, slope
from tests.chaos.player import LivePlayer
from tests.chaos.program import DEAD, Program
from tests.chaos.reader import Reader
from tests.chaos.stalls import Stall, Stalls, lag_between
from tests.chaos.tables import LiveTally
from tests.chaos.truth import Notes
from tests.chaos.world import LiveWorld
from tests.oracle.account import Account

if TYPE_CHECKING:
    from tests.oracle.story import Story

SAY_EVERY = 10.0
BEHIND = 120.0  # seconds in which a reader of events is told what callers were told
ABSENT = 70.0  # seconds before an agent is signed out in which its link was lost
UP = 150.0
JUDGED_LATER = 10  # by how much nicer a judge is than those whom it judges
CALM = 60.0  # seconds for all sessions to be there before it is counted what the daemon has
TOLD = 0.5  # seconds for the last word of a session to be read

Say = Callable[[str], None]


@dataclass
class Chaos:
    """A run that goes on: what it is made of, and what it has found.

    `keep`: where the stories with finds are written, with what happened around each. `counts`: all
    that is in the daemon is counted behind each story, for which it stands still.
    """

    deployment: Deployment
    program: Program
    callers: Callers
    reader: Reader
    notes: Notes
    tally: LiveTally
    keep: Path
    say: Say
    stalls: Stalls
    judges: Executor
    crowd: Crowd
    counts: bool = False
    begun: float = field(default_factory=time.monotonic)
    _judging: list[asyncio.Task[None]] = field(default_factory=list)

    async def story(self, story: Story) -> None:
        """Play one story, and have it judged."""
        begun = self.notes.clock()
        account = reading.succeed(self.notes.account, story.seed, begun)
        self.notes.account = account
        self.notes.fortunes.clear()
        world = LiveWorld(story.seed, self.deployment, self.program, self.callers)
        saying = asyncio.create_task(self._progress(world))
        try:
            await LivePlayer(world, story, self.stalls, self.program.stalls).play()
            await world.over()
            await self._told(world)
            await self._returned()
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)
            await world.aclose()
        account.ended = self.notes.clock()
        await self._judge(world, story, begun)
        if self.counts:
            await self.program.count(await settled(self.program, CALM))

    async def _told(self, world: LiveWorld) -> None:
        """Let the reader be told all that callers were told."""
        await self.deployment.finesse.quiet()
        await self.program.ready()
        wanted = {each.id for each in world.inquiries if each.settled}
        until = self.notes.clock() + BEHIND
        while self.notes.clock() < until:
            if wanted <= self.reader.outcomes():
                return
            await asyncio.sleep(0.2)

    async def _returned(self) -> None:
        """Let all be back whose links were cut, where that was so; who is not, is found."""
        if self.deployment.cuts:
            with suppress(TimeoutError, *DEAD):
                await all_up(self.program, len(self.deployment.agents), self.crowd.bound)
            await asyncio.sleep(TOLD)

    async def _judge(self, world: LiveWorld, story: Story, begun: float) -> None:
        account, ahead = world.account, reading.offset()
        turns = await asyncio.to_thread(reading.turns, self.program.journal, begun, ahead)
        for inquiry in world.inquiries:
            if inquiry.resource is not None:
                reading.take(account, inquiry, ahead, turns.get(inquiry.resource["id"]))
                troubles = verdict.troubled(inquiry.asked, self.deployment.troubles)
                inquiry.asked.faults += troubles
            elif inquiry.refused is not None:
                account.refused += 1
                self.tally.refusals[inquiry.refused[:3]] += 1
        self.program.memory.asked += [each.asked.submitted for each in world.inquiries]
        account.restarts = [row for row in self.program.restarts if row[1] >= begun - 60.0]
        deeds = reading.match(account, world.inquiries)
        events = self.reader.taken()
        odd = await reading.hear(account, self.notes, events, self._downs(begun), ahead)
        account.earlier = reading.earlier(account, self.notes)
        cuts, self.deployment.cuts[:] = tuple(self.deployment.cuts), ()
        late = tuple(self.crowd.take(cuts, account.live))
        self.crowd.measure(self.program)
        stalls = [*self.stalls.since(begun - ABSENT), *self.program.stalls.since(begun - ABSENT)]
        more = [
            *verdict.strays(deeds, world.inquiries),
            *verdict.broken(world.inquiries),
            *verdict.told(world.inquiries, events),
            *(("fault", words) for words in (*odd, *self._words())),
            *(("back", words) for words in late),
            *(("forced logout", words) for words in self._out(stalls)),
        ]
        # In a process of its own, for the simulator has to answer meanwhile.
        parcel = pickle.dumps((account, stalls, begun))
        self._judging.append(asyncio.create_task(self._judged(story, parcel, more)))

    async def _judged(self, story: Story, parcel: bytes, more: list[tuple[str, str]]) -> None:
        loop = asyncio.get_running_loop()
        tally, unread, told = pickle.loads(
            await loop.run_in_executor(self.judges, verdict.examined, parcel)
        )
        more += unread
        self.tally.join(tally)
        for kind, words in more:
            self.tally.note(kind, f"story {story.seed}: {words}")
        if told or more:
            self._keep(story, told, more, parcel)

    def _downs(self, begun: float) -> list[float]:
        return [down for down in self.program.downs if down >= begun - 60.0]

    def _words(self) -> list[str]:
        found = [*self.program.words(), *self.program.faults, *self.reader.odd()]
        if self.reader.held_up:
            self.tally.excused["lagged"] = self.reader.held_up
        self.program.faults.clear()
        for node in self.deployment.sim.nodes:
            found += [f"simulator: {bug!r}" for bug in node.http.failures]
            found += [f"simulator: {bug!r}" for bug in node.notifications.failures]
            node.http.failures.clear()
            node.notifications.failures.clear()
        return found

    def _out(self, stalls: list[Stall]) -> list[str]:
        """Return who was signed out for being absent, unless nobody could have been quick enough.

        A simulator that stands still for longer than a question for SystemInfo may take is out of
        service by every rule.
        """
        found = []
        for who, at in self.deployment.out:
            if lag_between(stalls, at - ABSENT, at) > verdict.MOST_LAG:
                self.tally.excused["forced logout"] += 1
            else:
                found.append(f"{who} at {at:.1f}")
        self.deployment.out.clear()
        return found

    def _keep(
        self, story: Story, told: list[str], more: list[tuple[str, str]], parcel: bytes
    ) -> None:
        self.keep.mkdir(parents=True, exist_ok=True)
        path = self.keep / f"chaos-{story.seed}.json"
        path.write_text(story.to_json(), encoding="utf-8")
        words = [f"{kind}: {words}" for kind, words in more]
        path.with_suffix(".pickle").write_bytes(parcel)
        path.with_suffix(".txt").write_text("\n".join([*words, *told]), encoding="utf-8")
        for line in (*words[:20], *(each.partition("\n")[0] for each in told)):
            self.say(f"FOUND in story {story.seed}: {line[:400]}")
        self.say(f"story {story.seed} is in {path}, what happened around it in .txt beside it")

    async def _progress(self, world: LiveWorld) -> None:
        while True:
            await asyncio.sleep(SAY_EVERY)
            done = self.tally.requests + sum(each.settled for each in world.inquiries)
            gone = self.notes.clock() - self.begun
            self.say(
                f"{gone:5.0f} s  {done} requests with an outcome ({done / gone:.1f}/s),"
                f" {world.open} open, {self.tally.found} finds"
            )

    async def end(self) -> LiveTally:
        """End the daemon, let all be judged, and return what was found."""
        self.crowd.measure(self.program)
        await self.program.end()
        await asyncio.gather(*self._judging)
        for words in self._words():
            self.tally.note("fault", words)
        self.so_far()
        for kind, words in self.tally.beyond():
            self.tally.note(kind, words)
        return self.tally

    def so_far(self) -> LiveTally:
        """Return what was found in the stories that were judged, and what was done."""
        self.crowd.measure(self.program)
        self.tally.counts.update(self.deployment.counts)
        self.tally.counts.update(self.program.counts)
        self.tally.lag, self.tally.own_lag = self.program.lag, self.stalls.worst
        self._memory()
        return self.tally

    def _memory(self) -> None:
        memory = self.program.memory
        memory.read()
        self.tally.slope = slope(memory.rows, memory.counts, memory.asked, memory.pools)
        self.tally.idle, self.tally.ends = memory.counts, memory.ends
        self.tally.kinds = grown_kinds(memory.counts, memory.kinds)
        for words in memory.left:
            self.tally.note("left over", words)
        for words in grown(self.tally.slope, memory.counts):
            self.tally.note("memory", words)


@asynccontextmanager
async def chaos(
    work: Path,
    seed: int,
    traits: dict[str, Any],
    *,
    keep: Path,
    say: Say = lambda _words: None,
    runner: Sequence[str] = (),
    flags: Sequence[str] = (),
    counts: bool = False,
    within: float | None = None,
) -> AsyncIterator[Chaos]:
    """Run a deployment and a daemon for it, in `work`; all sessions are up.

    `within`: the seconds in which all are back whose links were cut (see `Crowd`).
    """
    loop = asyncio.get_running_loop()
    notes = Notes(Account(seed, gate="live"), loop.time)
    async with Deployment(seed, traits, notes) as deployment:
        program = Program(work, deployment, runner=runner, flags=flags)
        callers = Callers(program, deployment)
        tally, stalls = LiveTally(), Stalls()
        beside: list[asyncio.Task[None]] = []
        judges = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=os.nice, initargs=(JUDGED_LATER,)
        )
        try:
            started = loop.time()
            await program.start()
            await all_up(program, len(deployment.agents), UP)
            ids = tuple(agent.id for agent in deployment.agents)
            crowd = Crowd(ids, loop.time() - started, within)
            crowd.measure(program)
            beside += map(loop.create_task, (program.watch(), stalls.run()))
            async with Reader(program.socket) as reader:
                parts = (deployment, program, callers, reader, notes, tally, keep, say, stalls)
                yield Chaos(*parts, judges, crowd, counts=counts)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await callers.aclose()
            await program.stop_now()
            judges.shutdown(wait=False, cancel_futures=True)

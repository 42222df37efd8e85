"""Everything at once on a pair: agents who work, answers and events that go wrong, nodes that fail.

Real sessions and a real HTTP client over the simulator, on the machine's own clock: what happens
when differs from run to run, what is drawn does not. For longer:
`python -m tests.fault.pair_chaos SEED SECONDS`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

from listener.correlation.outcome import Confirmed, Failed, Outcome, Presumed, Rejected
from listener.errors import ListenerError
from listener.finesse.actions import (
    Drop,
    Hold,
    Request,
    Retrieve,
    SendDtmf,
    TransferSst,
    UpdateCallData,
    dialogs,
)
from listener.simulator.faults import Fault, Faults
from listener.simulator.interfaces import Deed
from listener.simulator.node import Node, Part
from listener.simulator.profiles import Tagging
from listener.simulator.xmpp_faults import Cut
from listener.ticket import Ticket
from tests.fault.pair_stage import PAIR_PACES, POLLING, QUICK_PINGS, Pair, crowd, pair_of
from tests.shell.stage import CUSTOMER

RATES = {
    Fault.REFUSED_LATER: 0.15,
    Fault.EVENT_LATE: 0.1,
    Fault.EVENT_LOST: 0.05,
    Fault.EVENT_AGAIN: 0.1,
    Fault.EVENT_TWICE: 0.05,
    Fault.EVENT_SWAPPED: 0.05,
    Fault.ERROR_DONE: 0.03,
    Fault.NO_ANSWER_DONE: 0.03,
    Fault.NO_ANSWER_LOST: 0.03,
    Fault.UNAVAILABLE: 0.03,
    Fault.UNAVAILABLE_BARE: 0.03,
    Fault.UNAVAILABLE_DONE: 0.03,
}
TIMINGS = QUICK_PINGS | {"rest_connect": 0.5, "rest_answer": 1.0, "rest_total": 2.0}
PACES = replace(PAIR_PACES, polling=replace(POLLING, within=0.5, calm=3.0))
KINDS = ("TURN", "TURN", "DTMF", "DATA", "DROP", "AWAY")
TROUBLES = (
    *("gone", "no sessions", "no tomcat", "frozen", "frozen sessions", "frozen rest"),
    *("reset", "out of service", "finesse", "cti", "one link", "both gone"),
)


@dataclass
class Run:
    """What was asked, and what was done to the nodes, with the seconds since the beginning."""

    pair: Pair
    seed: int
    end: float
    tickets: list[tuple[Ticket, Outcome]] = field(default_factory=list)
    troubles: list[tuple[float, str, int]] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        return asyncio.get_running_loop().time() < self.end

    def deeds(self, ticket: Ticket) -> list[Deed]:
        agent = ticket.record.request.agent
        return self.pair.sim.finesse.deed(agent, ticket.record.request_id)

    def wrongs(self) -> list[str]:
        """Return every word that was not so."""
        found = []
        for ticket, outcome in self.tickets:
            deeds = self.deeds(ticket)
            if (why := wrong_with(outcome, deeds)) is not None:
                found.append(f"seed {self.seed}: {why}: {outcome!r}, in truth {deeds!r}")
        return found


def wrong_with(outcome: Outcome, deeds: list[Deed]) -> str | None:
    """Say what is wrong with an outcome; a presumption is, if its error reached a session."""
    if len(deeds) > 1:
        return "sent twice"
    done = deeds[0].effect if deeds else False
    match outcome:
        case Confirmed() if not done:
            return "confirmed and not done"
        case Failed() | Rejected() if done:
            return "done and said not to be"
        case Presumed() if not done and heard_error(deeds[0], outcome.waited):
            return "presumed and refused"
    return None


def heard_error(deed: Deed, waited: float) -> bool:
    """Say whether an error of that request reached a session before the outcome."""
    return any(
        error and sessions and at <= deed.received + waited
        for at, _, error, sessions in deed.published
    )


def drawn(dice: random.Random, agent: str, dialog: str, *, held: bool) -> Request:
    """Draw a request that may well succeed."""
    match dice.choice(KINDS):
        case "TURN":
            return (Retrieve if held else Hold)(agent=agent, dialog_id=dialog)
        case "DTMF":
            return SendDtmf(agent=agent, dialog_id=dialog, dtmf_string="12")
        case "DATA":
            values = {"callVariable1": f"{dice.random()}"}
            return UpdateCallData(agent=agent, dialog_id=dialog, call_variables=values)
        case "DROP":
            return Drop(agent=agent, dialog_id=dialog)
        case _:
            return TransferSst(agent=agent, dialog_id=dialog, to_address="5550123")


async def works(run: Run, agent: str) -> None:
    """Let an agent take calls and ask for things, one after the other."""
    sim, dice = run.pair.sim, random.Random(f"{run.seed} {agent}")
    while run.goes_on:
        dialog = await sim.finesse.incoming_call(agent, CUSTOMER)
        await sim.telephone.answer(agent, dialog)
        for _ in range(6):
            party = sim.finesse.calls[dialog].of(agent)
            if not run.goes_on or party is None or not party.present:
                break
            await asks(run, dice, drawn(dice, agent, dialog, held=party.state == "HELD"))
        if not sim.finesse.calls[dialog].over:
            await sim.telephone.hang_up(agent, dialog)


async def asks(run: Run, dice: random.Random, request: Request) -> None:
    deadline, anyway = dice.choice([1.0, 2.0]), dice.random() < 0.5  # also while nobody hears
    try:
        ticket = run.pair.listener.start(request, deadline=deadline, require_session=not anyway)
    except ListenerError:  # nothing was sent
        await asyncio.sleep(0.1)
        return
    run.tickets.append((ticket, await ticket.outcome()))


async def troubles(run: Run) -> None:
    """Let a drawn node fail in a drawn way, for a drawn time, again and again."""
    dice, loop = random.Random(f"{run.seed} troubles"), asyncio.get_running_loop()
    begun = loop.time()
    while run.goes_on:
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        kind, node, lasts = dice.choice(TROUBLES), dice.choice(run.pair.nodes), dice.uniform(0, 1.2)
        run.troubles.append((loop.time() - begun, kind, node.number))
        await fails(run.pair, dice, node, kind, lasts)


async def fails(pair: Pair, dice: random.Random, node: Node, kind: str, lasts: float) -> None:
    match kind:
        case "gone" | "no sessions" | "no tomcat":
            part = {"gone": Part.ALL, "no sessions": Part.XMPP, "no tomcat": Part.REST}[kind]
            await node.stop(part, how=dice.choice(list(Cut)))
            await asyncio.sleep(lasts)
            await node.start()
        case "frozen" | "frozen sessions" | "frozen rest":
            part = {"frozen": Part.ALL, "frozen sessions": Part.XMPP}.get(kind, Part.REST)
            node.freeze(part)
            await asyncio.sleep(lasts)
            node.thaw()
        case "both gone":
            for each in pair.nodes:
                await each.stop()
            await asyncio.sleep(lasts)
            for each in pair.nodes:
                await each.start()
        case "cti":
            unnoticed, repeats = dice.choice([0.0, 0.3]), dice.randint(1, 4)
            await pair.sim.cti_failover(lasts, unnoticed=unnoticed, repeats=repeats)
        case "out of service":
            node.set_status("OUT_OF_SERVICE")
            await asyncio.sleep(lasts)
            node.set_status("IN_SERVICE")
        case "finesse":
            node.notifications.set_finesse_presence(available=False)
            await asyncio.sleep(lasts)
            node.notifications.set_finesse_presence(available=True)
        case "one link":
            node.notifications.cut(dice.choice(pair.agents), dice.choice(list(Cut)))
        case _:
            node.reset()


async def chaos(folder: Path, seed: int, seconds: float, agents: int = 6) -> Run:
    """Run it; return when all agents hear again after the last trouble. TimeoutError: not all."""
    tagging = random.Random(seed).choice(list(Tagging))
    how = {"tagging": tagging, "faults": Faults(rates=RATES, seconds=0.4), "seed": seed}
    quick = mock.patch.multiple(dialogs, WINDOW=0.5, PER_DIGIT=0.01)
    with quick:
        async with pair_of(
            folder,
            agents=crowd(agents),
            paces=PACES,
            how=how | {"pace": 0.01},
            timings=TIMINGS,
            first=None,
        ) as pair:
            run = Run(pair, seed, asyncio.get_running_loop().time() + seconds)
            async with asyncio.TaskGroup() as group:
                group.create_task(troubles(run))
                for agent in pair.agents:
                    group.create_task(works(run, agent))
            await pair.settled()
            await pair.sim.finesse.quiet()
            return run


def main(seed: int, seconds: float) -> int:
    """Run it once and print what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        run = asyncio.run(chaos(Path(folder), seed, seconds))
    counted = Counter((t.record.request.requested_action, o.kind) for t, o in run.tickets)
    wrongs = run.wrongs()
    lines = [f"{action:18} {kind:12} {count}" for (action, kind), count in sorted(counted.items())]
    lines.append(f"{len(run.tickets)} requests, {len(run.troubles)} troubles, {len(wrongs)} wrong")
    sys.stdout.write("\n".join([*lines, *wrongs, ""]))
    return 1 if wrongs else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(int(sys.argv[1]), float(sys.argv[2])))

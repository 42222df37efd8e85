"""The whole walk: settings, nodes, agents, this machine, and the notification heard.

Knows the order and the bounds; each step is another module's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.doctor import house, machine
from listener.doctor.agent import AgentWalk
from listener.doctor.findings import Cause, Family, Report, Step, failed
from listener.doctor.node import Loan, NodeWalk
from listener.doctor.probes import notification as notification_probe
from listener.doctor.steps import Notes, What
from listener.places import Places
from listener.wiring import credentials

if TYPE_CHECKING:
    from pathlib import Path

    from listener.rest import Rest
    from listener.settings import Settings

AT_ONCE = 8  # agents that are looked at at the same time
_NAMED = 3  # steps that were under way
NO_PATIENCE = 600.0  # seconds for the whole check, unless told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be checked. No `agents`: all of the settings.

    `confirm` is asked, in words, before a notification is provoked (None: none is); `within` bounds
    the whole check, in seconds.
    """

    config: Path
    agents: tuple[str, ...] = ()
    confirm: Callable[[str], Awaitable[bool]] | None = None
    within: float = NO_PATIENCE


async def check(wanted: Wanted, told: Callable[[Step], None] = lambda _step: None) -> Report:
    """Walk from here to a caller's outcome; `told` hears each step as it is done.

    Leaves nothing behind, and disturbs no agent. Raises nothing but for bugs: what is wrong is in
    the report.
    """
    notes = Notes(told)
    try:
        async with asyncio.timeout(wanted.within):
            await _walk(notes, wanted)
    except TimeoutError:
        waiting = notes.break_off("the time for the whole check was over")
        what = What("time", Family.NETWORK, "keep to the time for the whole check")
        at = f" in {', '.join(waiting[:_NAMED])}" if waiting else ""
        verdict = failed(f"over {wanted.within:g} s{at}", *_slow(waiting))
        notes.note(what, verdict, wanted.within)
        notes.skip(_everything(), "the time for the whole check was over")
    return notes.report


def _slow(waiting: list[str]) -> tuple[Cause, ...]:
    raised = "raise --within, or name some agents with --agent"
    many = Cause("many agents, or many steps that wait for silence", raised)
    if not waiting:
        return (many,)
    return (Cause(f"nothing came in the step {waiting[0]}: something hangs there", raised), many)


async def _walk(notes: Notes, wanted: Wanted) -> None:
    settings = await house.settings(notes, wanted.config, wanted.agents)
    if settings is None:
        notes.skip(_everything(), "needs the step configuration, which failed")
        return
    if not await house.authorities(notes, settings):
        notes.skip(_everything(), "needs the step authorities, which failed")
        return
    daemon = await asyncio.to_thread(house.daemon_runs, settings)
    async with AsyncExitStack() as stack:
        names = Places(settings.finesse)
        nodes = [
            NodeWalk(name, place, settings)
            for name, place in zip(names, settings.finesse.endpoints, strict=True)
        ]
        for node in nodes:
            stack.push_async_callback(node.aclose)
        loan = _loan(settings)
        for node in nodes:
            await node.walk(notes, loan)
        agents = [
            AgentWalk(one, settings, refused=one.id in loan.refused, daemon=daemon)
            for one in settings.agents
        ]
        await _walk_agents(notes, agents, nodes)
    await house.places(notes, settings, daemon=daemon)
    if wanted.confirm is not None:
        await _notification(notes, settings, agents, wanted.confirm, daemon=daemon)


def _everything() -> What:
    return What("names", Family.NAMES, "all further steps")


def _loan(settings: Settings) -> Loan:
    if not settings.agents:
        return Loan()
    first = settings.agents[0]

    def lend(rest: Rest) -> None:
        rest.set_credentials(first.id, credentials(first))

    return Loan(first.id, set_credentials=lend)


async def _walk_agents(notes: Notes, agents: list[AgentWalk], nodes: list[NodeWalk]) -> None:
    """Look at some agents at a time; the steps of each stay together."""
    if len(agents) == 1:
        await agents[0].walk(notes, nodes)
        return
    for start in range(0, len(agents), AT_ONCE):
        some = agents[start : start + AT_ONCE]
        parts = [notes.part() for _ in some]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(agent.walk(part, nodes))
                for agent, part in zip(some, parts, strict=True)
            ]
            for task, part in zip(tasks, parts, strict=True):
                await task
                notes.join(part)


async def _notification(
    notes: Notes,
    settings: Settings,
    agents: list[AgentWalk],
    confirm: Callable[[str], Awaitable[bool]],
    *,
    daemon: bool,
) -> None:
    """Provoke a notification for the first agent for whom that is harmless."""
    what = What("notification", Family.NOTIFICATION, "have Finesse publish something, and hear it")
    if daemon:
        notes.skip(
            what,
            "a daemon runs here, whose subscriptions a second listener would tidy away: use"
            " `listener send` through it",
        )
        return
    whys = []
    for one in agents:
        why = _why_not(one)
        if why is None and one.user is not None:
            await _hear(notes, settings, one, confirm, what)
            return
        whys.append(f"{one.agent.id}: {why}")
    notes.skip(what, "; ".join(whys[:3]) or "there is no agent")


def _why_not(one: AgentWalk) -> str | None:
    if one.user is None or not one.heard_at:
        return "no session of the agent worked"
    if one.others:
        return f"{one.others} subscriptions of other listeners, which would be tidied away"
    return notification_probe.refusal(one.user, one.dialogs)


async def _hear(
    notes: Notes,
    settings: Settings,
    one: AgentWalk,
    confirm: Callable[[str], Awaitable[bool]],
    what: What,
) -> None:
    assert one.user is not None
    what = What(what.id, what.family, what.did, agent=one.agent.id)
    if not await confirm(notification_probe.words(one.agent.id, one.user)):
        notes.skip(what, "not confirmed")
        return
    probe = notification_probe.hear(settings, one.agent.id, one.user)
    await notes.look(what, probe, machine.notification)

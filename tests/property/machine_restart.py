"""Restarts and hand-overs: what the next correlator is told, and what it may make of it.

A restart knows what the journal has: what was asked, the baseline of the sending, answers and
outcomes. At a hand-over the next process has heard the agents for a while, beside the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.correlation.correlator import Correlator, Registration
from listener.correlation.outcome import Reason
from listener.correlation.pending import State
from listener.finesse.events import RequestFailed
from tests.property.machine_switch import AGENTS, EXTENSION

if TYPE_CHECKING:
    from listener.correlation.entry import Entry
    from listener.finesse.events import Event
    from tests.property.machine_law import Asked
    from tests.property.machine_world import Queued, World

FENCE = 2.0


@dataclass
class Successor:
    """The next process while it only hears. `live`: since which tick without a gap, per agent."""

    correlator: Correlator
    begun: int
    live: dict[str, int] = field(default_factory=dict)
    missed: list[Queued] = field(default_factory=list)
    heard: list[tuple[int, Event]] = field(default_factory=list)
    played: list[tuple[str, tuple[object, ...], object]] = field(default_factory=list)

    @classmethod
    def of(cls, world: World) -> Successor:
        """Begin: its sessions hear what is published from now on, and GETs show what is so."""
        made = cls(Correlator(world.limits, world.gate), world.record.tick)
        made.played.append(("new", (), None))
        for agent in AGENTS:
            link = world.links[agent]
            made.missed += [*link.queue, *link.heard, *link.before_gap]
            if link.live:
                look = world.truth(agent)
                made.drive(world.record.tick, "link_up", world.now, agent, look)
        return made

    def hears(self, item: Queued) -> bool:
        """Say whether an event was published since it began."""
        return not any(item is each for each in self.missed)

    def drive(self, tick: int, name: str, *args: object, **named: object) -> None:
        """Call its correlator, which has no requests and so nothing to do."""
        result = getattr(self.correlator, name)(*args, **named)
        self.played.append((name, (args, named), result))
        steps = result[1] if isinstance(result, tuple) else result
        assert not steps
        match name, args:
            case "link_up", (_, agent, look) if look.ok:
                self.live.setdefault(agent, tick)
            case "link_down", (_, agent):
                self.live.pop(agent, None)
            case "receive", (_, event, *_) if result[0]:
                self.heard.append((tick, event))

    def heard_all(self, asked: Asked) -> bool:
        """Say whether it heard the agent since before that request was sent."""
        return self.live.get(asked.agent, asked.sent_tick) < asked.sent_tick


@dataclass
class Open:
    """An open request as the old process leaves it."""

    asked: Asked
    left: float
    queued: bool
    status: int | None
    date: float | None


def restart(world: World) -> None:
    """Stop and start again: what was on the wire is taken over from the journal."""
    for key in world.correlator.open_keys():
        if world.correlator.state(key) is State.QUEUED:
            world.drive("abandon", world.now, key, Reason.SHUTDOWN)
    left = _leave(world)
    world.correlator = Correlator(world.limits, world.gate)
    world.played.append(("new", (), None))
    for link in world.links.values():
        # What is no error may be published again, as after a gap.
        link.before_gap = [e for e in link.heard[-20:] if not isinstance(e.event, RequestFailed)]
        link.up = link.live = False
        link.queue, link.look, link.heard = [], None, []
    world.successor = None
    _remember(world)
    for each in left:
        _adopt(world, each, gap=True)


def hand_over(world: World, *, by_event: bool) -> None:
    """Let the successor take over: it adopts what is open, and hears again what it heard."""
    successor = world.successor
    assert successor is not None
    left = _leave(world)
    world.correlator, world.successor = successor.correlator, None
    world.played += successor.played
    for link in world.links.values():
        link.queue = [each for each in link.queue if each.fence is None]
        link.heard = [each for each in link.heard if successor.hears(each)]
        link.before_gap = [each for each in link.before_gap if successor.hears(each)]
    for agent in AGENTS:
        assert world.links[agent].live == (agent in successor.live)
    _remember(world)
    sent = [each for each in left if not each.queued]
    for each in sent:
        _adopt(world, each, gap=not successor.heard_all(each.asked))
    _rehear(world, successor, [each.asked for each in sent], by_event=by_event)
    for each in left:
        if each.queued:
            _queue_again(world, each)


def _leave(world: World) -> list[Open]:
    """Take the open requests out of the world, the earliest sent first, then those that wait."""
    correlator = world.correlator
    found: list[Open] = []
    for key in correlator.open_keys():
        entry = correlator.entry(key)
        left = correlator.left(world.now, key)
        assert entry is not None
        assert left is not None
        asked = world.asked[key]
        queued = correlator.state(key) is State.QUEUED
        found.append(Open(asked, left, queued, entry.status, entry.case.answer_date))
        world.old[key] = entry
    for key, asked in world.asked.items():
        if not asked.open and correlator.entry(key) is not None:
            world.old[key] = correlator.entry(key)
    for each in found:
        del world.asked[each.asked.key]
    world.states.clear()
    world.on_their_way.clear()
    world.asks.clear()
    return sorted(found, key=lambda each: (each.queued, each.asked.sent_tick))


def _registration(asked: Asked, old: Entry) -> Registration:
    return Registration(
        key=asked.key,
        request_id=asked.request_id,
        own=EXTENSION[asked.agent],
        length=None if asked.expected and not old.length_given else asked.length,
        minimum=old.minimum,
        expected=asked.expected,
        allow_repeat=True,
        ungated=asked.ungated,
    )


def _remember(world: World) -> None:
    for asked in list(world.asked.values()):
        old = world.old.get(asked.key)
        assert asked.settled_at is not None
        asked.unknown_to_it = old is None
        if old is not None:
            world.drive(
                "remember",
                world.now,
                asked.request,
                _registration(asked, old),
                asked.outcome,
                age=world.now - asked.submitted,
                settled_ago=world.now - asked.settled_at,
                left=old.deadline - world.now,
            )


def _adopt(world: World, each: Open, *, gap: bool) -> None:
    asked, now = each.asked, world.now
    asked.fence_at, asked.fence_passed = None, False
    if gap:
        asked.restarted, asked.left, asked.restarted_at = True, each.left, now
        asked.heard_live = False
    else:
        asked.handed_over = now + each.left + FENCE
    world.asked[asked.key] = asked
    world.drive(
        "adopt",
        now,
        asked.request,
        _registration(asked, world.old[asked.key]),
        baseline=asked.baseline,
        left=each.left,
        accepted=asked.accepted_at is not None,
        age=now - asked.submitted,
        status=each.status,
        answer_date=each.date,
        gap=gap,
    )


def _rehear(world: World, successor: Successor, sent: list[Asked], *, by_event: bool) -> None:
    told = [
        (asked.key, event)
        for asked in sent
        for tick, event in successor.heard
        if tick > asked.sent_tick
    ]
    if by_event:
        order = {id(event): at for at, (_, event) in enumerate(successor.heard)}
        told.sort(key=lambda pair: order[id(pair[1])])
    for key, event in told:
        world.drive("rehear", world.now, key, event)


def _queue_again(world: World, each: Open) -> None:
    """Let what was never sent wait again, or go out."""
    asked = each.asked
    asked.turns = 0
    world.asked[asked.key] = asked
    registration = _registration(asked, world.old[asked.key])
    world.drive("register", world.now, asked.request, registration, age=world.now - asked.submitted)

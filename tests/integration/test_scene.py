"""The demo's scene, its switch publishing through prosody and ejabberd, judged by the demo's judge.

Each server carries it in both ways: as the pubsub service whose nodes an account owns, and as the
server of a component that is the pubsub service. All scenes are played at once.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from listener.correlation.outcome import Reason
from listener.demo import scene
from listener.demo.cases import Case, cases_of
from listener.demo.cast import JOE
from listener.demo.judge import judge
from listener.demo.stage import Stage, stage
from listener.finesse.actions import ACTIONS
from listener.finesse.events import Event
from listener.simulator.interfaces import Form
from listener.simulator.profiles import Tagging
from tests.integration import certificates
from tests.integration.conftest import need
from tests.integration.publishing.component import ComponentPublisher
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.publishing.side import ServerSide
from tests.integration.servers import How, Server, start_ejabberd, start_prosody

SEED = 1
MANY = 150  # fewer events than a scene has
MAKE: dict[tuple[str, str], Callable[[Server, Mapping[str, str]], ServerSide]] = {
    ("owner", "server"): functools.partial(OwnerPublisher, subscribes=False),
    ("owner", "owner"): OwnerPublisher,
    ("component", "component"): ComponentPublisher,
}


class Which(NamedTuple):
    """One scene: through which server and in which way, of which deployment, tagged how.

    `subscriber` is who subscribes the agents to nodes of their own.
    """

    server: str
    way: str
    subscriber: str
    profile: str
    tagging: Tagging

    def __str__(self) -> str:
        return f"{self.server} {self.way} {self.profile} {self.tagging.value}"


SCENES = (
    Which("prosody", "owner", "server", "UCCE", Tagging.NONE),
    Which("prosody", "component", "component", "UCCX", Tagging.ERRORS_EMPTY),
    Which("ejabberd", "owner", "owner", "UCCX", Tagging.NONE),
    Which("ejabberd", "component", "component", "UCCE", Tagging.ERRORS_EMPTY),
)


@dataclass(frozen=True)
class Item:
    """One publication, and what the notification side said of it."""

    node: str
    payload: str
    item_id: str
    form: Form
    reached: int


@dataclass
class Played:
    """What is left of a scene when it is over."""

    cases: list[Case] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)  # as they were read, repeats too
    items: list[Item] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)


class Nobody:
    """Watches the scene, and says nothing."""

    def settled(self, *_: object) -> None: ...

    def late(self, *_: object) -> None: ...

    def remark(self, *_: object) -> None: ...


def _noting(side: ServerSide, items: list[Item]) -> ServerSide:
    """Let the side publish in each form in turn, and take down what is published through it."""
    publish: Any = side.publish  # type: ignore[attr-defined]
    forms = itertools.cycle(Form)

    async def noted(node: str, payload: str, *, item_id: str, form: Form) -> int:
        form = next(forms)
        reached = await publish(node, payload, item_id=item_id, form=form)
        items.append(Item(node, payload, item_id, form, reached))
        return int(reached)

    side.publish = noted  # type: ignore[attr-defined]
    return side


async def _play(which: Which, server: Server, folder: Path) -> Played:
    played, sides = Played(), []

    def make(passwords: Mapping[str, str]) -> Any:
        sides.append(_noting(MAKE[which.way, which.subscriber](server, passwords), played.items))
        return sides[0]

    async with stage(
        profile=which.profile,
        tagging=which.tagging,
        seed=SEED,
        folder=folder,
        watcher=Nobody(),
        notifications=make,
    ) as where:
        where.listener.service.witness = played.events.append
        await scene.play(where)
        await where.simulator.finesse.quiet()  # the server's last acknowledgements
        played.cases = cases_of(where)
    played.failures = [*sides[0].failures, *["an item was not published"] * sides[0].unpublished]
    return played


async def _play_and_check(which: Which, folder: Path) -> dict[str, object]:
    """Play one scene on a server of its own; return what is wrong with it, by what should be so."""
    start = start_prosody if which.server == "prosody" else start_ejabberd
    async with start(How(automatic=which.subscriber == "server")) as server:
        played = await _play(which, server, folder)
    found: dict[str, object] = {check.__name__: check(which, played) for check in CHECKS}
    found["events are those of the own service"] = await _not_as_through_the_own(played, folder)
    return {f"{which}: {name}": problem for name, problem in found.items() if problem}


# -- what should be so; each returns what is not --------------------------------------------------


def no_outcome_says_more_or_less_than_is_true(_: Which, played: Played) -> object:
    return [
        (verdict.case.action, verdict.case.note, verdict.too_much, verdict.too_little)
        for verdict in judge(played.cases)
        if verdict.too_much or verdict.too_little
    ]


def every_action_of_the_deployment_is_played(which: Which, played: Played) -> object:
    asked = {type(case.request) for case in played.cases}
    there = {
        kind
        for kinds in ACTIONS.values()
        for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
        if which.profile in kind.deployments
    }
    return asked ^ there


def a_cut_session_leaves_its_request_open(_: Which, played: Played) -> object:
    (case,) = [case for case in played.cases if case.note == "the session breaks"]
    reason = getattr(case.outcome, "reason", None)
    return None if reason is Reason.LINK_LOST else case.outcome


def what_reached_a_session_was_heard_and_nothing_else(_: Which, played: Played) -> object:
    """So the judge may rely on it; what was under way to a session that is cut may be lost."""
    heard = {event.item_id for event in played.events}
    reached = {item.item_id for item in played.items if item.reached}
    lost = [i for i in played.items if i.item_id in reached - heard and JOE not in i.node]
    enough = [] if len(reached) > MANY else [f"only {len(reached)} items reached anybody"]
    return [*(heard - reached), *lost, *enough]


def the_notification_side_has_no_fault(_: Which, played: Played) -> object:
    return played.failures


CHECKS = (
    no_outcome_says_more_or_less_than_is_true,
    every_action_of_the_deployment_is_played,
    a_cut_session_leaves_its_request_open,
    what_reached_a_session_was_heard_and_nothing_else,
    the_notification_side_has_no_fault,
)


async def _not_as_through_the_own(played: Played, folder: Path) -> object:
    """Publish the same items through the simulator's own service; return the agents that differ.

    Whatever the server did to a payload, the events are the same, in the same order.
    """
    here: list[Event] = []
    async with stage(
        profile="UCCE", tagging=Tagging.NONE, seed=SEED, folder=folder, watcher=Nobody()
    ) as where:
        where.listener.service.witness = here.append
        for item in played.items:
            await where.simulator.notifications.publish(
                item.node, item.payload, item_id=item.item_id, form=item.form
            )
            await _read(where, item.node)
    common = {event.item_id for event in played.events}
    there, here = played.events, [event for event in here if event.item_id in common]
    owners = {event.owner for event in there + here}
    return [
        owner
        for owner in owners
        if [e for e in there if e.owner == owner] != [e for e in here if e.owner == owner]
    ]


async def _read(where: Stage, node: str) -> None:
    """Wait until the agent whose node it is has read what was sent to it."""
    (agent,) = [agent for agent in where.listener.agents if f"/{agent}" in node]
    assert await where.listener.ping(agent, 20)


@pytest.mark.timeout(180)  # four scenes at once, each a quarter of a minute of waiting
async def test_the_scene_is_told_right_through_each_server_in_each_way(tmp_path):
    """One test on purpose: the scenes are played at once, wherever tests run side by side."""
    for name in {which.server for which in SCENES}:
        need(name)
    certificates.authority()  # once, and not in each of the threads that start a server
    folders = [tmp_path / str(number) for number, _ in enumerate(SCENES)]
    for folder in folders:
        folder.mkdir()
    found = await asyncio.gather(*map(_play_and_check, SCENES, folders))
    assert {name: problem for each in found for name, problem in each.items()} == {}

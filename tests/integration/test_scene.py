"""The demo's scene, its switch publishing through prosody and ejabberd, judged by the demo's judge.

Each server carries it in both ways: as the pubsub service whose nodes an account owns, and as the
server of a component that is the pubsub service. All scenes are played at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from listener.correlation.outcome import Reason, Unconfirmed
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
from tests.integration.servers import How, Server, running

pytestmark = pytest.mark.timeout(180)  # the first test waits for all scenes

SEED = 1
MANY = 150  # fewer events than a scene has
WAYS: dict[str, type[ServerSide]] = {"owner": OwnerPublisher, "component": ComponentPublisher}


class Which(NamedTuple):
    """One scene: through which server and in which way, of which deployment, tagged how."""

    server: str
    way: str
    profile: str
    tagging: Tagging

    def __str__(self) -> str:
        return f"{self.server} {self.way} {self.profile} {self.tagging.value}"


SCENES = (
    Which("prosody", "owner", "UCCE", Tagging.NONE),
    Which("prosody", "component", "UCCX", Tagging.ERRORS_EMPTY),
    Which("ejabberd", "owner", "UCCX", Tagging.NONE),
    Which("ejabberd", "component", "UCCE", Tagging.ERRORS_EMPTY),
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
    failures: list[Exception] = field(default_factory=list)


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


@contextlib.asynccontextmanager
async def _stage(which: Which, folder: Path, **more: Any) -> Any:
    how = {"profile": which.profile, "tagging": which.tagging, "seed": SEED}
    async with stage(folder=folder, watcher=Nobody(), **how, **more) as where:
        yield where


async def _play(which: Which, server: Server, folder: Path) -> Played:
    played, sides = Played(), []

    def make(passwords: Mapping[str, str]) -> Any:
        sides.append(_noting(WAYS[which.way](server, passwords), played.items))
        return sides[0]

    async with _stage(which, folder, notifications=make) as where:
        where.listener.service.witness = played.events.append
        await scene.play(where)
        await where.simulator.finesse.quiet()  # the server's last acknowledgements
        played.cases = cases_of(where)
    played.failures = sides[0].failures
    return played


@contextlib.asynccontextmanager
async def _server_of(which: Which) -> Any:
    # Prosody subscribes agents by itself here; on ejabberd the owner of the nodes does it.
    manager = running(which.server, How(automatic=which.way == "owner"))
    server = await asyncio.to_thread(manager.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def _play_on_its_own(which: Which, folder: Path) -> Played:
    async with _server_of(which) as server:
        return await _play(which, server, folder)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Which, Played]]:
    """Play all scenes at once, each on a server of its own: they have the same agents."""
    for name in {which.server for which in SCENES}:
        need(name)
    certificates.authority()  # once, and not in each of the threads below
    folders = [tmp_path_factory.mktemp("scene") for _ in SCENES]

    async def play() -> list[Played]:
        return await asyncio.gather(*map(_play_on_its_own, SCENES, folders))

    return dict(zip(SCENES, asyncio.run(play()), strict=True))


scenes = pytest.mark.parametrize("which", SCENES, ids=map(str, SCENES))


@scenes
def test_no_outcome_says_more_or_less_than_is_true(played, which):
    wrong = [
        (verdict.case.action, verdict.case.note, verdict.too_much, verdict.too_little)
        for verdict in judge(played[which].cases)
        if verdict.too_much or verdict.too_little
    ]
    assert wrong == []


@scenes
def test_every_action_of_the_deployment_is_played(played, which):
    asked = {type(case.request) for case in played[which].cases}
    there = {
        kind
        for kinds in ACTIONS.values()
        for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
        if which.profile in kind.deployments
    }
    assert asked == there


@scenes
def test_a_session_cut_at_the_server_leaves_its_request_open(played, which):
    (case,) = [c for c in played[which].cases if c.note == "the session breaks"]
    assert isinstance(case.outcome, Unconfirmed)
    assert case.outcome.reason is Reason.LINK_LOST


@scenes
def test_what_was_said_to_reach_a_session_was_heard_and_nothing_else(played, which):
    """So the judge may rely on it; what was under way to a session that is cut may be lost."""
    heard = {event.item_id for event in played[which].events}
    reached = {item.item_id for item in played[which].items if item.reached}
    lost = [i for i in played[which].items if i.item_id in reached - heard and JOE not in i.node]
    assert reached
    assert heard <= reached
    assert lost == []


@scenes
def test_the_servers_side_did_as_it_should(played, which):
    assert played[which].failures == []


@scenes
async def test_events_are_those_of_the_simulators_own_service(played, which, tmp_path):
    """The same items again through the own service: whatever the server did to them is no news."""
    there = played[which]
    here: list[Event] = []
    async with _stage(which, tmp_path) as where:
        where.listener.service.witness = here.append
        for item in there.items:
            await where.simulator.notifications.publish(
                item.node, item.payload, item_id=item.item_id, form=item.form
            )
            await _read(where, item.node)
    common = {event.item_id for event in there.events}
    assert len(common) > MANY
    assert _by_owner(there.events) == _by_owner([e for e in here if e.item_id in common])


async def _read(where: Stage, node: str) -> None:
    (agent,) = [agent for agent in where.listener.agents if f"/{agent}" in node]
    assert await where.listener.ping(agent, 20)


def _by_owner(events: list[Event]) -> dict[str | None, list[Event]]:
    return {owner: [e for e in events if e.owner == owner] for owner in {e.owner for e in events}}

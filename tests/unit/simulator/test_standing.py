"""The state of each node of a pair, without a network: who speaks, who is told, and how much."""

from __future__ import annotations

import pytest

from listener.simulator.interfaces import Form
from listener.simulator.sides import Side
from listener.simulator.users import AgentSpec
from tests.unit.simulator.desk import Desk, MakeDesk, Recorder

USER = "/finesse/api/User/1001"
INFO = "/finesse/api/SystemInfo"


class Counting(Recorder):
    """A publisher that keeps item ids alone."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[str | None] = []

    async def publish(
        self, _node: str, _payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        self.items.append(item_id)
        return 0


@pytest.fixture
def second() -> Recorder:
    return Recorder()


@pytest.fixture
def pair(make_desk: MakeDesk, second: Recorder) -> Desk:
    return make_desk(further=[Side(second, "b.example", "pubsub.b.example")])


def nodes(recorder: Recorder) -> list[str]:
    return [event.node for event in recorder.events]


async def test_both_nodes_tell_the_same_with_other_item_ids(pair: Desk, second: Recorder):
    await pair.become("1001", "READY")
    assert nodes(pair.recorder) == nodes(second) == [USER]
    first = pair.recorder.events[0]
    assert first.payload == second.events[0].payload
    assert first.item_id != second.events[0].item_id


async def test_a_node_out_of_service_says_so_once_and_then_nothing(pair: Desk, second: Recorder):
    pair.finesse.standing.set_status("OUT_OF_SERVICE", 1)
    await pair.become("1001", "READY")
    assert nodes(pair.recorder) == [USER]
    assert nodes(second) == [INFO]
    assert second.events[0].update.findtext("data/systemInfo/status") == "OUT_OF_SERVICE"


async def test_only_a_node_that_comes_back_tells_the_latest_state(pair: Desk, second: Recorder):
    pair.finesse.set_status("IN_SERVICE")  # it was: nothing to tell but that
    await pair.finesse.quiet()
    assert nodes(pair.recorder) == nodes(second) == [INFO]
    pair.finesse.standing.set_status("OUT_OF_SERVICE", 1)
    pair.finesse.standing.set_status("IN_SERVICE", 1)
    await pair.finesse.quiet()
    assert nodes(pair.recorder) == [INFO]
    assert nodes(second) == [INFO, INFO, INFO, USER, f"{USER[:-1]}2", f"{USER[:-1]}3"]


async def test_a_web_application_that_is_down_publishes_nothing_whatever_it_is_told(
    pair: Desk, second: Recorder
):
    standing = pair.finesse.standing
    standing.stop_web_app(1)
    standing.set_status("OUT_OF_SERVICE")
    await pair.finesse.quiet()
    assert nodes(second) == []
    standing.start_web_app(1)  # it finds no CTI
    await pair.finesse.quiet()
    assert nodes(second) == [INFO]
    standing.start_web_app(1)
    await pair.finesse.quiet()
    assert nodes(second) == [INFO]


async def test_cti_lost_unnoticed_is_heard_of_by_nobody_until_it_is_noticed(
    pair: Desk, second: Recorder
):
    pair.finesse.standing.lose_cti()
    await pair.become("1001", "READY")
    assert nodes(pair.recorder) == nodes(second) == []
    assert "IN_SERVICE" in pair.finesse.system_info()
    pair.finesse.standing.begin_cti_failover()
    await pair.finesse.quiet()
    assert nodes(pair.recorder) == nodes(second) == [INFO]


async def test_an_error_that_came_while_cti_was_away_is_never_published(pair: Desk):
    dialog = await pair.talking()
    pair.finesse.standing.begin_cti_failover()
    await pair.finesse.quiet()
    pair.recorder.events.clear()
    assert (await pair.act("1001", "HOLD", dialog)).status == 503
    pair.finesse.standing.end_cti_failover()
    await pair.finesse.quiet()
    assert pair.errors() == []
    assert nodes(pair.recorder).count(USER) == 2


async def test_a_burst_over_all_agents_of_a_full_pair_loses_nothing(make_desk: MakeDesk):
    specs = [AgentSpec(str(n), "x", str(n)) for n in range(2000)]
    second = Counting()
    desk = make_desk(agents=specs, further=[Side(second, "b.example", "pubsub.b.example")])
    first = desk.finesse.sides[0].publisher = Counting()
    desk.finesse.standing.begin_cti_failover()
    desk.finesse.standing.end_cti_failover(repeats=4)
    await desk.finesse.quiet()
    assert len(first.items) == len(second.items) == 2 + 4 * len(specs)
    assert len({*first.items, *second.items}) == len(first.items) + len(second.items)

"""Two simulated nodes on one switch: what each of them says, and how they go and come."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from listener.simulator.assembly import Simulator
from listener.simulator.faults import Fault
from listener.simulator.interfaces import Form, Notifications
from listener.simulator.node import Part
from listener.simulator.xmpp_faults import Cut
from tests.shell.ears import Ear, rest
from tests.shell.stage import AGENTS, CUSTOMER, A, B, authority, simulated, until

AGENT = AGENTS[0]
INFO = "/SystemInfo"
USER = f"/User/{A}"


@pytest.fixture
async def pair() -> AsyncIterator[Simulator]:
    """Run a pair."""
    async with simulated(nodes=2) as simulator:
        yield simulator


@pytest.fixture
async def ears(pair: Simulator) -> AsyncIterator[list[Ear]]:
    """Sign the agent in at both nodes."""
    both = [await Ear.open(pair, AGENT, number) for number in (0, 1)]
    yield both
    for ear in both:
        ear.writer.transport.abort()


async def asked(simulator: Simulator, number: int, path: str = INFO) -> httpx.Response:
    async with rest(simulator, AGENT, number) as client:
        return await client.get(path)


async def heard_by(ears: list[Ear]) -> list[str]:
    """Return what each has heard until now."""
    return [await ear.sync() for ear in ears]


async def answered(simulator: Simulator) -> str:
    dialog = await simulator.finesse.incoming_call(A, CUSTOMER)
    assert await simulator.telephone.answer(A, dialog)
    await simulator.finesse.quiet()
    return dialog


# -- one truth, two voices ------------------------------------------------------------------------


async def test_each_node_names_itself_and_both_name_the_pair(pair: Simulator):
    first, second = [(await asked(pair, number)).text for number in (0, 1)]

    for body in (first, second):
        assert "<primaryNode><host>localhost</host></primaryNode>" in body
        assert "<secondaryNode><host>b.localhost</host></secondaryNode>" in body
    assert "<xmppDomain>localhost</xmppDomain>" in first
    assert "<xmppDomain>b.localhost</xmppDomain>" in second
    assert "<xmppPubSubDomain>pubsub.b.localhost</xmppPubSubDomain>" in second


async def test_a_single_node_names_no_secondary():
    async with simulated() as simulator:
        assert "secondaryNode" not in (await asked(simulator, 0)).text


async def test_what_happens_is_published_by_both_nodes_with_item_ids_of_their_own(pair, ears):
    dialog = await answered(pair)

    heard = await heard_by(ears)

    assert all(f"<id>{dialog}</id>" in each for each in heard)
    items = [{part.split('"')[0] for part in each.split('<item id="')[1:]} for each in heard]
    assert items[0]
    assert not items[0] & items[1]


async def test_a_request_to_either_node_reaches_the_one_switch(pair, ears):
    dialog = await answered(pair)
    body = (
        "<Dialog><requestedAction>HOLD</requestedAction>"
        f"<targetMediaAddress>{A}</targetMediaAddress></Dialog>"
    )
    async with rest(pair, AGENT, 1) as client:
        answer = await client.put(
            f"/Dialog/{dialog}",
            content=body,
            headers={"requestId": "h1", "Content-Type": "application/xml"},
        )
    await pair.finesse.quiet()

    assert answer.status_code == 202
    (deed,) = pair.finesse.deed(A, "h1")
    assert (deed.node, deed.effect) == (1, True)
    assert deed.published[0][3] == 2  # a session at each node
    assert all("<requestId>h1</requestId>" in each for each in await heard_by(ears))
    async with rest(pair, AGENT, 0) as client:
        assert "<state>HELD</state>" in (await client.get(f"{USER}/Dialogs")).text


async def test_an_event_lost_by_fault_is_lost_at_both_nodes(pair, ears):
    dialog = await answered(pair)
    await heard_by(ears)
    pair.finesse.faults.add(Fault.SILENT, action="HOLD", client=None)
    await pair.desktop.press(A, "HOLD", dialog)
    await pair.finesse.quiet()

    assert all("HELD" not in each for each in await heard_by(ears))


async def test_subscriptions_are_not_shared_between_the_nodes(pair, ears):
    ears[0].say(
        "<iq type='set' id='s' to='pubsub.localhost'>"
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe"
        f" node='/finesse/api/User/{A}/Queues' jid='{A}@localhost/ear'/></pubsub></iq>"
    )
    await ears[0].until("</iq>")

    explicit = [[s for s in n.notifications.subscriptions if s.explicit] for n in pair.nodes]

    assert [len(each) for each in explicit] == [1, 0]


# -- status of a node -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["OUT_OF_SERVICE", "PARTIAL_SERVICE"])
async def test_a_node_out_of_service_answers_503_and_is_silent_while_the_other_goes_on(
    pair, ears, status
):
    pair.nodes[0].set_status(status)
    await pair.finesse.quiet()
    said = await heard_by(ears)
    dialog = await answered(pair)
    heard = await heard_by(ears)

    assert [node.status for node in pair.nodes] == [status, "IN_SERVICE"]
    refused = await asked(pair, 0, USER)
    assert (refused.status_code, (await asked(pair, 1, USER)).status_code) == (503, 200)
    assert "<ApiErrors>" in refused.text
    assert f"<status>{status}</status>" in (await asked(pair, 0)).text
    assert [status in each for each in said] == [True, False]
    assert [dialog in each for each in heard] == [False, True]


async def test_a_node_back_in_service_tells_its_own_sessions_the_latest_state(pair, ears):
    pair.nodes[0].set_status("OUT_OF_SERVICE")
    dialog = await answered(pair)
    await heard_by(ears)

    pair.nodes[0].set_status("IN_SERVICE")
    await pair.finesse.quiet()
    heard = await heard_by(ears)

    assert [dialog in each for each in heard] == [True, False]
    assert "<state>TALKING</state>" in heard[0]


# -- CTI fails over -------------------------------------------------------------------------------


async def test_cti_failover_tells_the_latest_state_in_bursts_and_not_what_was_over(pair, ears):
    standing = pair.finesse.standing
    dialog = await answered(pair)
    standing.begin_cti_failover()
    await pair.finesse.quiet()
    said = await heard_by(ears)
    codes = [(await asked(pair, number, USER)).status_code for number in (0, 1)]
    gone = await pair.finesse.incoming_call(B, CUSTOMER)
    await pair.finesse.far_end_hangs_up(gone)
    assert await pair.telephone.hold(A, dialog)
    await pair.finesse.quiet()
    silent = await heard_by(ears)

    standing.end_cti_failover(repeats=3)
    await pair.finesse.quiet()
    heard = await heard_by(ears)

    assert codes == [503, 503]
    assert all("<status>OUT_OF_SERVICE</status>" in each for each in said)
    assert all("<items" not in each for each in silent)
    for each in heard:
        assert each.count(f"<uri>/finesse/api/Dialog/{dialog}</uri>") == 3
        assert each.count("<state>HELD</state>") >= 3
        assert gone not in each
        items = each.split('<item id="')[1:]
        assert len({item.split('"')[0] for item in items}) == len(items)


async def test_cti_lost_and_not_noticed_is_500_and_silence_with_a_status_in_service(pair, ears):
    pair.finesse.standing.lose_cti()
    dialog = await answered(pair)

    assert (await asked(pair, 0, USER)).status_code == 500
    assert "<status>IN_SERVICE</status>" in (await asked(pair, 0)).text
    assert all(dialog not in each for each in await heard_by(ears))


async def test_cti_failover_runs_its_course_by_itself(pair):
    statuses = set()
    running = asyncio.create_task(pair.cti_failover(0.05, unnoticed=0.05))
    while not running.done():
        statuses.add(tuple(node.status for node in pair.nodes))
        await asyncio.sleep(0.005)
    await running

    assert statuses == {("IN_SERVICE",) * 2, ("OUT_OF_SERVICE",) * 2}
    assert (await asked(pair, 1, USER)).status_code == 200


async def test_a_burst_has_a_bound(pair):
    with pytest.raises(ValueError, match="repeats"):
        pair.finesse.standing.end_cti_failover(repeats=0)


# -- the life of a node ---------------------------------------------------------------------------


async def test_a_stopped_node_refuses_and_resets_while_the_other_publishes(pair, ears):
    await pair.nodes[0].stop()

    assert await ears[0].ended()
    with pytest.raises(httpx.ConnectError):
        await asked(pair, 0)
    with pytest.raises(ConnectionRefusedError):
        await Ear.open(pair, AGENT, 0)
    dialog = await answered(pair)
    assert dialog in await ears[1].sync()


async def test_a_node_that_comes_back_has_its_ports_and_subscriptions_again(pair, ears):
    node = pair.nodes[0]
    ports, before = (node.http.port, node.xmpp_port), node.notifications.subscriptions
    await node.stop()
    await ears[0].ended()
    await node.start()

    again = await Ear.open(pair, AGENT, 0)
    dialog = await answered(pair)

    assert dialog in await again.sync()
    assert (node.http.port, node.xmpp_port) == ports
    assert node.notifications.subscriptions == before
    assert (await asked(pair, 0, USER)).status_code == 200
    again.writer.transport.abort()


async def test_stopping_twice_and_starting_what_runs_change_nothing(pair, ears):
    node = pair.nodes[0]
    await node.start()
    assert node.notifications.sessions(A)
    await node.stop()
    await node.stop(Part.XMPP)
    assert await ears[0].ended()
    await node.start(Part.REST)
    assert (await asked(pair, 0, USER)).status_code == 200
    with pytest.raises(ConnectionRefusedError):
        await Ear.open(pair, AGENT, 0)
    await node.start()
    again = await Ear.open(pair, AGENT, 0)
    again.writer.transport.abort()


async def test_the_user_finesse_goes_with_the_web_application_and_the_sessions_stay(pair, ears):
    await pair.nodes[0].stop_web_app()
    gone = await heard_by(ears)
    dialog = await answered(pair)
    heard = await heard_by(ears)
    with pytest.raises(httpx.ConnectError):
        await asked(pair, 0)

    await pair.nodes[0].start_web_app()
    await pair.finesse.quiet()
    back = await ears[0].sync()

    assert 'type="unavailable" from="finesse@localhost/finesse"' in gone[0]
    assert "finesse@" not in gone[1]
    assert [dialog in each for each in heard] == [False, True]
    assert '<presence from="finesse@localhost/finesse"' in back
    assert "<status>IN_SERVICE</status>" in back
    assert dialog in back


async def test_finesse_is_not_greeted_by_who_comes_while_its_web_application_is_down(pair):
    await pair.nodes[1].stop_web_app()
    ear = await Ear.open(pair, AGENT, 1)
    assert "finesse@" not in await ear.sync()
    ear.writer.transport.abort()


async def test_the_notifications_of_a_node_stop_alone(pair, ears):
    await pair.nodes[0].stop(Part.XMPP, how=Cut.STREAM_ERROR)

    assert "<system-shutdown" in await ears[0].until("</stream:error>")
    assert not await ears[0].ended()
    assert (await asked(pair, 0, USER)).status_code == 200
    await pair.nodes[0].start(Part.XMPP)
    again = await Ear.open(pair, AGENT, 0)
    again.writer.transport.abort()


async def test_a_frozen_node_takes_connections_and_answers_after_it_thaws(pair, ears):
    pair.nodes[0].freeze()
    asking = asyncio.create_task(asked(pair, 0))
    pinging = asyncio.create_task(ears[0].sync())
    await until(lambda: pair.nodes[0].http.open_connections)
    await ears[1].sync()
    assert not asking.done()
    assert not pinging.done()

    pair.nodes[0].thaw()

    assert (await asking).status_code == 200
    await pinging


async def test_a_reset_node_goes_on(pair, ears):
    async with rest(pair, AGENT, 0) as client:
        await client.get(INFO)
        pair.nodes[0].reset()
        assert await ears[0].ended()
        assert (await client.get(INFO)).status_code == 200
    again = await Ear.open(pair, AGENT, 0)
    again.writer.transport.abort()


# -- presence of the agent ------------------------------------------------------------------------


async def test_presence_at_the_other_node_keeps_an_agent_signed_in(pair, ears):
    present = pair.finesse.sides.present

    assert present(A)
    ears[0].writer.transport.abort()
    await until(lambda: not pair.nodes[0].notifications.present(A))
    assert present(A)
    ears[1].writer.transport.abort()
    await until(lambda: not present(A))


# -- what it is built with ------------------------------------------------------------------------


class Recorded:
    """A notification service of somebody else's."""

    def __init__(self, name: str) -> None:
        self.domain, self.pubsub_domain = name, f"pubsub.{name}"
        self.tls_port: int | None = None
        self.said: list[str] = []
        self.finesse = True

    async def start(self, host: str = "127.0.0.1", *, tls_port: int | None = 0) -> None:
        self.tls_port = tls_port or 5223
        self.said.append("start")

    async def stop(self) -> None:
        self.said.append("stop")

    def set_finesse_presence(self, *, available: bool) -> None:
        self.finesse = available

    def present(self, _user: str) -> bool:
        return True

    async def publish(
        self, node: str, _payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        self.said.append(node)
        return 1


async def test_a_foreign_notification_service_is_published_through_and_its_life_kept():
    mine: Notifications = Recorded("x.example")
    async with simulated(notifications=mine) as simulator:
        await simulator.finesse.incoming_call(A, CUSTOMER)
        await simulator.finesse.quiet()
        assert "<xmppDomain>x.example</xmppDomain>" in (await asked(simulator, 0)).text
        await simulator.nodes[0].stop_web_app()
        assert not mine.finesse
        with pytest.raises(TypeError, match="built-in"):
            simulator.nodes[0].freeze(Part.XMPP)

    assert f"/finesse/api/User/{A}/Dialogs" in mine.said
    assert (mine.said[0], mine.said[-1]) == ("start", "stop")


async def test_a_foreign_pair_publishes_on_both_and_one_that_fails_stops_nothing():
    pair = [Recorded("x.example"), Recorded("y.example")]

    async def broken(*_: object, **_how: object) -> int:
        raise ConnectionError("gone")

    pair[0].publish = broken
    running = simulated(nodes=2, notifications=pair)
    simulator = await running.__aenter__()
    await simulator.finesse.incoming_call(A, CUSTOMER)
    await simulator.finesse.quiet()
    with pytest.raises(ExceptionGroup):
        await running.__aexit__(None, None, None)
    assert f"/finesse/api/User/{A}/Dialogs" in pair[1].said


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"nodes": 3}, "primary and the secondary"),
        ({"nodes": 2, "rest_port": 8445}, "one for each of the 2 nodes"),
        ({"nodes": 2, "rest_port": [0]}, "one for each of the 2 nodes"),
        ({"nodes": 2, "notifications": Recorded("x")}, "notifications: one for each"),
    ],
)
def test_a_pair_that_cannot_be_is_refused(how, words):
    with pytest.raises(ValueError, match=words):
        Simulator(agents=AGENTS, authority=authority(), **how)


async def test_a_taken_port_of_the_second_node_leaves_nothing_behind(pair):
    before = asyncio.all_tasks()
    second = Simulator(
        agents=AGENTS, authority=authority(), nodes=2, rest_port=[0, pair.nodes[1].http.port]
    )
    with pytest.raises(OSError, match="address already in use"):
        await second.__aenter__()
    assert asyncio.all_tasks() == before
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", second.nodes[0].xmpp_port)


async def test_ports_of_a_node_that_is_away_are_given_to_nobody_else():
    async with simulated(nodes=2) as sim:
        node = sim.nodes[0]
        ports = (node.http.port, node.xmpp_port)
        await node.stop()
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
        await node.start()
        assert ports == (node.http.port, node.xmpp_port)
        for port in ports:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()

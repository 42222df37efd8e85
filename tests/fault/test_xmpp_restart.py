"""A server that goes away under many agents: all come back, never all at once, none left over."""

import asyncio
import gc
import random

from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.policy import Backoff
from tests.shell.scripted_xmpp import ScriptedServer, running, session_to, until

AGENTS = 60
RECONNECTS = 150  # and as many before, in which everything that is kept has been made
GATE = 7


class Quiet:
    """An owner that has nothing to reconcile."""

    async def opened(self, session) -> None:
        """Accept the session."""

    def lost(self, trouble, retry_in) -> None:
        """Take note of nothing."""

    def stopped(self, reason) -> None:
        """Take note of nothing."""


async def test_all_agents_come_back_after_a_restart_and_handshakes_stay_bounded():
    server = ScriptedServer()
    await server.start()
    handshakes = [0, 0]

    async def count(stream, text) -> bool:
        if text.startswith("<auth"):
            handshakes[0] += 1
            handshakes[1] = max(handshakes)
        elif text.startswith("<presence"):
            handshakes[0] -= 1
        return False

    server.intercept = count
    gate = Handshakes(GATE)
    links = [
        Link(
            str(number),
            make_session=lambda n=number: session_to(
                server, agent=str(n), resource=f"listener-{n}", host="127.0.0.1"
            ),
            events=Quiet(),
            backoff=Backoff(base=0.05, cap=0.2),
            gate=gate,
            random=random.Random(number).random,
        )
        for number in range(AGENTS)
    ]
    tasks = [asyncio.create_task(link.run()) for link in links]
    await until(lambda: all(link.state is LinkState.UP for link in links))
    assert server.connections == AGENTS
    await server.stop()
    await until(lambda: all(link.state is not LinkState.UP for link in links))
    handshakes[0] = 0
    await server.start(server.port)
    await until(lambda: all(link.state is LinkState.UP for link in links))
    assert len({stream.jid for stream in server.bound[AGENTS:]}) == AGENTS
    assert 0 < handshakes[1] <= GATE
    await asyncio.gather(*(link.close() for link in links))
    await asyncio.gather(*tasks)
    await server.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_many_sessions_one_after_the_other_leave_nothing_in_the_loop():
    server = ScriptedServer()
    await server.start()
    loop = asyncio.get_running_loop()
    for number in range(30):
        session = session_to(server)
        await session.open()
        if number % 3:
            server.bound[-1].cut()
        await session.close(graceful=number % 2 == 0)
    await server.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert all(handle.cancelled() for handle in loop._scheduled)


async def test_reconnects_of_one_agent_leave_nothing_behind_that_grows():
    """Counted in objects, of which the least bit of a session would have a hundred for each."""
    async with running() as server:
        link = Link(
            "1001",
            make_session=lambda: session_to(server),
            events=Quiet(),
            backoff=Backoff(base=0.001, cap=0.002, stable=0.0),
            gate=Handshakes(1),
            random=random.Random(1).random,
        )
        task = asyncio.create_task(link.run())
        counts = []
        for number in range(1, 2 * RECONNECTS + 1):
            await until(lambda: server.bound and link.state is LinkState.UP)
            stream = server.bound.pop()
            server.streams.remove(stream)
            stream.cut()
            del stream
            await until(lambda seen=number: server.connections > seen)
            if number % RECONNECTS == 0:
                await until(lambda: server.bound and link.state is LinkState.UP)
                gc.collect()
                counts.append((len(gc.get_objects()), len(asyncio.all_tasks())))
        await link.close(graceful=False)
        await task
    (objects, tasks), (objects_then, tasks_then) = counts
    assert objects_then - objects < 3 * RECONNECTS
    assert tasks_then == tasks

"""The measured process of `bench_scale` that holds sessions and no daemon: slixmpp's own, or ours.

    python -m tests.benchmarks.bench_scale_clients FOLDER '{"agents": 2000, ...}'

As `bench_scale_ours` with its two arguments. slixmpp's clients are as they come; each has a handler
for messages that runs `lxml.etree.fromstring` over the payload and keeps nothing: no requests, no
REST, no picture. Those that have not begun after `LONGEST` seconds are left out. With `"alone"` our
sessions are opened in their place, for the part of a sign-on that is XMPP.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import slixmpp
from lxml import etree
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from listener.operations import files
from listener.trust import client_context
from listener.xmpp.session import Endpoint, Session, Timings
from listener.xmpp.stanzas import make_resource
from listener.xmpp.tls import shrink_tls_buffers
from tests.benchmarks.bench_scale_side import DOMAIN, PUBSUB, agents, ask
from tests.benchmarks.bench_scale_watch import (
    TimedSelector,
    doing,
    holds,
    memory,
    percentile,
    say,
)

AT_ONCE = 50  # handshakes, as the listener has it
IDLE = 5.0
BEHIND = 20.0  # seconds for what the server has not passed on yet
PATIENCE = 20.0  # seconds for one client to come up
LONGEST = 75.0  # seconds after which no more of them begin
PROGRESS = 2.0  # seconds between two words about it
RETURN = 20.0  # seconds for those to come back that do so by themselves
EVENT = "http://jabber.org/protocol/pubsub#event"
PAYLOAD = (
    f"{{{EVENT}}}event/{{{EVENT}}}items/{{{EVENT}}}item/"
    "{http://jabber.org/protocol/pubsub}notification"
)


class Sessions:
    """Our sessions, without anything around them."""

    def __init__(self, folder: Path, port: int) -> None:
        shrink_tls_buffers()
        self._tls = client_context(folder / "ca.pem")
        self._endpoint = Endpoint("127.0.0.1", port, DOMAIN, PUBSUB, certificate_name=DOMAIN)
        self.kept: list[Session] = []
        self.up: set[str] = set()

    async def open(self, agent: str) -> None:
        """Open one session."""
        session = Session(
            agent,
            lambda: "any",
            self._endpoint,
            tls=self._tls,
            resource=make_resource(agent, "bench"),
            on_notification=lambda _: None,
            timings=Timings(connect=PATIENCE),
        )
        self.kept.append(session)
        await session.open()
        self.up.add(agent)

    async def aclose(self) -> None:
        """End all."""
        await asyncio.gather(*(session.close(graceful=False) for session in self.kept))


class Clients:
    """slixmpp's clients, and what they heard."""

    def __init__(self, folder: Path, port: int, timed: TimedSelector) -> None:
        self._folder, self._port, self._timed = folder, port, timed
        self.kept: list[slixmpp.ClientXMPP] = []
        self.up: set[str] = set()
        self.heard = 0
        self.latencies: list[float] = []

    async def open(self, agent: str) -> None:
        """Connect one client, and wait until its session is there."""
        client = slixmpp.ClientXMPP(f"{agent}@{DOMAIN}/bench", "any")
        client.ca_certs = self._folder / "ca.pem"
        client.register_handler(
            Callback("Event", MatchXPath(f"{{jabber:client}}message/{{{EVENT}}}event"), self._hear)
        )
        there = asyncio.Event()

        def started(_: Any) -> None:
            client.send_presence()
            self.up.add(agent)
            there.set()

        client.add_event_handler("session_start", started)
        client.add_event_handler("disconnected", lambda _: self.up.discard(agent))
        self.kept.append(client)
        client.connect("127.0.0.1", self._port)
        with suppress(TimeoutError):  # then it is not counted as up
            async with asyncio.timeout(PATIENCE):
                await there.wait()

    async def aclose(self) -> None:
        """End all."""
        for client in self.kept:
            client.abort()

    def _hear(self, stanza: Any) -> None:
        etree.fromstring(stanza.xml.find(PAYLOAD).text)
        self.heard += 1
        self.latencies.append(time.perf_counter() - self._timed.came)


async def open_all(clients: Clients | Sessions, ids: list[str]) -> None:
    """Open them, so many at once, for so long; those that are not begun by then are left out."""
    gate, end = asyncio.Semaphore(AT_ONCE), time.perf_counter() + LONGEST

    async def opened(agent: str) -> None:
        async with gate:
            if time.perf_counter() < end:
                await clients.open(agent)

    async def telling() -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            doing(f"sign-on: {len(clients.up):,} of {len(ids):,} are up")

    told = asyncio.create_task(telling())
    await asyncio.gather(*(opened(agent) for agent in ids))
    told.cancel()


async def sign_on(
    clients: Clients | Sessions, ids: list[str], timed: TimedSelector
) -> dict[str, Any]:
    """Connect all; return what it took and what they weigh."""
    before = memory()
    await asyncio.sleep(0)
    timed.take()
    burnt, began = time.process_time(), time.perf_counter()
    await open_all(clients, ids)
    seconds, spent = time.perf_counter() - began, time.process_time() - burnt
    lag = timed.take()
    await asyncio.sleep(2)
    after, count = memory(), len(clients.up) - 1
    return {
        "up": count,
        "seconds": seconds,
        "per_second": count / seconds,
        "cpu_ms_per_agent": 1e3 * spent / count,
        **lag.told("sign_on"),
        "rss_per_agent": (after["rss"] - before["rss"]) / count,
        "pss_per_agent": (after["pss"] - before["pss"]) / count,
        "tasks_per_agent": (len(asyncio.all_tasks()) - 1) / count,
    }


async def events(
    clients: Clients, wanted: dict[str, Any], ids: list[str], timed: TimedSelector
) -> dict[str, Any]:
    """Have events published to all in turns; return what each cost."""
    doing("idle")
    burnt, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(IDLE)
    idle = (time.process_time() - burnt) / (time.perf_counter() - began)
    doing("events")
    timed.take()
    burnt, began = time.process_time(), time.perf_counter()
    order = {"do": "publish", "to": ids, "rate": wanted["rate"], "seconds": wanted["seconds"]}
    told = await asyncio.to_thread(ask, wanted["control_port"], order)
    await holds(lambda: clients.heard >= told["published"], BEHIND)
    spent, seconds = time.process_time() - burnt, time.perf_counter() - began
    return {
        "published": told["published"],
        "heard": clients.heard,
        "p50_ms": 1e3 * percentile(clients.latencies, 0.5),
        "p99_ms": 1e3 * percentile(clients.latencies, 0.99),
        "cpu_us_per_event": 1e6 * (spent - idle * seconds) / told["published"],
        "idle_cpu_percent": 100 * idle,
        **timed.take().told("events"),
    }


async def restart(clients: Clients, count: int, timed: TimedSelector) -> dict[str, Any]:
    """Let the server be restarted by who reads our output; return who came back by itself."""
    await asyncio.sleep(0)  # what was measured before belongs to the turn before
    timed.take()
    say({"wants": "restart"})
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    await holds(lambda: len(clients.up) > count, RETURN)
    return {
        "restart_back": len(clients.up - {"999"}),
        "restart_seconds": time.perf_counter() - began,
        **timed.take().told("restart"),
    }


async def measure(folder: Path, wanted: dict[str, Any], timed: TimedSelector) -> dict[str, Any]:
    """Do what is wanted with that many clients; return all figures."""
    ids = agents(wanted["agents"])
    if wanted.get("alone"):
        sessions = Sessions(folder, wanted["tls_port"])
        await sessions.open("999")
        figures = await sign_on(sessions, ids, timed)
        await sessions.aclose()
        return figures
    clients = Clients(folder, wanted["tls_port"], timed)
    await clients.open("999")
    figures = await sign_on(clients, ids, timed)
    there = [agent for agent in ids if agent in clients.up]
    if wanted.get("seconds"):
        figures |= await events(clients, wanted, there, timed)
    if wanted.get("restart"):
        doing("restart of the server")
        figures |= await restart(clients, len(there), timed)
    await clients.aclose()
    return figures


def main(folder: Path, wanted: dict[str, Any]) -> None:
    """Measure in a loop of our own; its selector hands over all that is ready, as usual."""
    files.raise_limit()
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    timed = TimedSelector() if wanted.get("alone") else TimedSelector(most=1_000_000)
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(timed)) as runner:
        say(runner.run(measure(folder, wanted, timed)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

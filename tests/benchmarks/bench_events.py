# ruff: noqa: PLC0415 - each process imports only what it measures
"""From socket to settled outcome, beside a bare slixmpp client that only parses each payload.

Run `python -m tests.benchmarks.bench_events [events]`. A publisher process of its own renders all
stanzas first and pushes them over plain TCP, when told, as fast as the socket takes them. Each run
of each variant has a fresh process; the variants take turns. The clock starts when the publisher is
told to go and ends with the last payload parsed, or the last request settled.

bare    `slixmpp.ClientXMPP`, one handler for messages, `lxml.etree.fromstring`
plugin  the same with slixmpp's pubsub plugin, as its documentation has it
ours    the real session and service with one open request per event, each confirmed by its event;
        half of the events bear the request's id; the log as an importing program has it (WARNING)
logged  the same with the log of `listener run`: one JSON line per request, into memory

`ratio` is ours to bare. What comes before an event (checks, registration, 202) is not in the time.
`profile` instead of a number shows where the time of ours goes.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import io
import json
import pstats
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 3000
AGENTS = 50
TURNS = 7
WANTED = 0.6
VARIANTS = ("bare", "plugin", "ours", "logged")
LONGEST = 240  # seconds for one run
RING = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
COUNTERPART = "4005550142"


# --- the events: `n` is a HOLD when even, a RETRIEVE when odd, each on a dialog of its own ---


def agent_of(number: int) -> str:
    """Return the agent whose request event `number` answers."""
    return str(1000 + number % AGENTS)


def extension_of(number: int) -> str:
    """Return the extension of that agent."""
    return "2" + agent_of(number)


def dialog_of(number: int) -> str:
    """Return the dialog of event `number`; no two events share one."""
    return str(16_000_000 + number)


def request_id_of(number: int) -> str:
    """Return the requestId of the request that event `number` answers."""
    return f"0193a1b2-0000-7000-8000-{number:012}"


def states_of(number: int) -> tuple[str, str]:
    """Return the own participant's state before event `number` and in it."""
    return ("ACTIVE", "HELD") if number % 2 == 0 else ("HELD", "ACTIVE")


def _stamp(seconds: float) -> str:
    moment = RING + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _participant(address: str, state: str, changed: str, *actions: str) -> str:
    listed = "".join(f"<action>{action}</action>" for action in actions)
    return (
        f"<Participant><actions>{listed}</actions><mediaAddress>{address}</mediaAddress>"
        "<mediaAddressType>AGENT_DEVICE</mediaAddressType>"
        f"<startTime>{_stamp(0)}</startTime><state>{state}</state><stateCause></stateCause>"
        f"<stateChangeTime>{changed}</stateChangeTime></Participant>"
    )


def _variable(name: str, value: str) -> str:
    return f"<CallVariable><name>{name}</name><value>{value}</value></CallVariable>"


def payload(number: int, state: str, changed: str, request_id: str = "") -> str:
    """Render a dialog event of about 3.5 kB: ten call variables, ECC data, two participants."""
    plain = [_variable(f"callVariable{n}", f"made up value {n} of {number}") for n in range(1, 11)]
    ecc = [_variable(f"user.made.up[{n}]", f"key{n}=value{n};call={number}") for n in range(15)]
    action = "RETRIEVE" if state == "HELD" else "HOLD"
    own, dialog = extension_of(number), dialog_of(number)
    return (
        "<Update><data><dialog><associatedDialogUri></associatedDialogUri>"
        f"<fromAddress>{COUNTERPART}</fromAddress><id>{dialog}</id><mediaProperties>"
        f"<DNIS>{own}</DNIS><callType>ACD_IN</callType><dialedNumber>{own}</dialedNumber>"
        "<outboundClassification></outboundClassification><callvariables>"
        f"{''.join(plain + ecc)}</callvariables></mediaProperties><mediaType>Voice</mediaType>"
        f"<participants>{_participant(COUNTERPART, 'ACTIVE', _stamp(2), 'DROP')}"
        f"{_participant(own, state, changed, 'UPDATE_CALL_DATA', 'TRANSFER_SST', action, 'DROP')}"
        f"</participants><state>ACTIVE</state><toAddress>{own}</toAddress>"
        f"<uri>/finesse/api/Dialog/{dialog}</uri></dialog></data><event>PUT</event>"
        f"<requestId>{request_id}</requestId>"
        f"<source>/finesse/api/Dialog/{dialog}</source></Update>"
    )


def before(number: int) -> str:
    """Render what the dialog of event `number` looked like before it."""
    return payload(number, states_of(number)[0], _stamp(7))


def event(number: int) -> str:
    """Render event `number`; every second pair of events bears the id of its request."""
    tag = request_id_of(number) if number % 4 < 2 else ""
    return payload(number, states_of(number)[1], _stamp(10 + number / 1000), tag)


# --- the publisher ---


async def publish(folder: str, count: int) -> None:
    """Serve until killed; writes `ports` (of XMPP and of the word to go) into the folder."""
    from tests.shell.scripted_xmpp import ScriptedServer, message

    stanzas = [
        message(
            event(n), node=f"/finesse/api/User/{agent_of(n)}/Dialogs", item=f"item-{n}"
        ).encode()
        for n in range(count)
    ]
    server = ScriptedServer(None)
    await server.start()

    async def go(_reader, writer) -> None:
        out = server.bound[-1].writer
        for stanza in stanzas:
            out.write(stanza)
            await out.drain()
        writer.close()

    control = await asyncio.start_server(go, "127.0.0.1", 0)
    ports = f"{server.port} {control.sockets[0].getsockname()[1]}"
    (Path(folder) / "ports.new").write_text(ports)
    (Path(folder) / "ports.new").rename(Path(folder) / "ports")
    await asyncio.Event().wait()


class Clock:
    """From the word to go to the last event, in wall time and in this process's own CPU time."""

    def __init__(self, control: int, count: int) -> None:
        self._left, self._control = count, control
        self._done = asyncio.Event()
        self.figures: dict[str, float] = {}

    def one(self) -> None:
        """Count one event as dealt with."""
        self._left -= 1
        if self._left == 0:
            wall, cpu = time.perf_counter() - self._began, time.process_time() - self._burnt
            self.figures = {"seconds": wall, "cpu_seconds": cpu}
            self._done.set()

    async def run(self) -> dict[str, float]:
        """Give the word and wait for the last event; what the set-up made is not collected."""
        gc.collect()
        gc.freeze()
        self._began, self._burnt = time.perf_counter(), time.process_time()
        with socket.create_connection(("127.0.0.1", self._control)):
            async with asyncio.timeout(LONGEST):
                await self._done.wait()
        return self.figures


# --- the variants ---


async def _bare_client(port: int):
    """Connect slixmpp's own client, with nothing set but what it cannot connect without."""
    import slixmpp

    from tests.shell.scripted_xmpp import DOMAIN, PASSWORD

    client = slixmpp.ClientXMPP(f"1000@{DOMAIN}/bench", PASSWORD)
    client.enable_direct_tls = client.enable_starttls = False
    client.enable_plaintext = True
    client.plugin["feature_mechanisms"].unencrypted_plain = True
    bound = asyncio.Event()
    client.add_event_handler("session_start", lambda _: bound.set())
    client.connect("127.0.0.1", port)
    async with asyncio.timeout(LONGEST):
        await bound.wait()
    client.send_presence()
    return client


async def bare(port: int, control: int, count: int) -> dict[str, float]:
    """Take the stream with one handler for messages, and run lxml over each payload."""
    from lxml import etree
    from slixmpp.xmlstream.handler import Callback
    from slixmpp.xmlstream.matcher import MatchXPath

    from tests.shell.scripted_xmpp import EVENT

    clock = Clock(control, count)
    path = f"{{{EVENT}}}event/{{{EVENT}}}items/{{{EVENT}}}item/"
    path += "{http://jabber.org/protocol/pubsub}notification"

    def heard(stanza) -> None:
        etree.fromstring(stanza.xml.find(path).text)
        clock.one()

    client = await _bare_client(port)
    client.register_handler(Callback("Notification", MatchXPath("{jabber:client}message"), heard))
    figures = await clock.run()
    client.abort()
    return figures


async def plugin(port: int, control: int, count: int) -> dict[str, float]:
    """Take the stream as slixmpp's pubsub plugin hands it over, and run lxml over each payload."""
    from lxml import etree

    clock = Clock(control, count)

    def heard(stanza) -> None:
        etree.fromstring(stanza["pubsub_event"]["items"]["item"]["payload"].text)
        clock.one()

    client = await _bare_client(port)
    client.register_plugin("xep_0060")
    client.add_event_handler("pubsub_publish", heard)
    figures = await clock.run()
    client.abort()
    return figures


async def ours(
    port: int, control: int, count: int, *, log: bool = False, profile: bool = False
) -> dict[str, float]:
    """Take the stream with the listener's session and service, one open request per event."""
    from listener import logs
    from listener.correlation.gate import GateMode
    from listener.service import Policy, Service
    from tests.shell.scripted_xmpp import session_to

    clock = Clock(control, count)
    if log:
        logs.configure(form="json", stream=io.StringIO())
    else:
        logs.ensure()
    policy = Policy(gate=GateMode.OFF, deadline=LONGEST)
    service = Service(Yes(), Yes(), policy=policy)
    tickets = await ask(service, count)
    session = session_to(_Port(port), agent="1000", host="127.0.0.1", on_notification=service.hear)
    await session.open()
    service.on_settled(lambda _: clock.one())
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    figures = await clock.run()
    profiler.disable()
    await session.close(graceful=False)
    outcomes = [await ticket.outcome() for ticket in tickets]
    await service.close()
    if profile:
        stats = pstats.Stats(profiler, stream=sys.stderr)
        stats.sort_stats("tottime").print_stats(45)
        stats.sort_stats("cumulative").print_stats(60)
    wrong = [outcome for outcome in outcomes if outcome.kind != "confirmed"]
    if wrong:
        raise SystemExit(f"{len(wrong)} requests were not confirmed, the first: {wrong[0]}")
    return figures


class _Port:
    def __init__(self, port: int) -> None:
        self.port = port


class Yes:
    """A Finesse that answers 202 at once, and sessions that answer every ping."""

    async def send(self, request, request_id, leaves):
        leaves()
        from listener.correlation.steps import AnswerKind, RestAnswer

        return RestAnswer(AnswerKind.ACCEPTED, 202)

    async def ping(self, agent: str, within: float) -> bool:
        return True


async def ask(service, count: int):
    """Bring all agents up with their dialogs, and send one request on each dialog."""
    from listener.correlation.steps import Look
    from listener.finesse.actions.calls import Hold, Retrieve
    from listener.finesse.wire import parse_update
    from listener.service import Wishes

    loop = asyncio.get_running_loop()
    for first in range(min(AGENTS, count)):
        mine = range(first, count, AGENTS)
        dialogs = tuple(parse_update(before(n)).dialogs[0] for n in mine)
        service.session_up(agent_of(first), Look(loop.time(), dialogs=dialogs))
    kinds = {"HELD": Hold, "ACTIVE": Retrieve}
    tickets = []
    for n in range(count):
        request = kinds[states_of(n)[1]](
            agent=agent_of(n), dialog_id=dialog_of(n), target_media_address=extension_of(n)
        )
        tickets.append(service.submit(request, Wishes(request_id=request_id_of(n))))
    async with asyncio.timeout(LONGEST):
        while any(ticket.state != "accepted" for ticket in tickets):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return tickets


# --- turns ---


def variant(name: str, folder: str, count: int) -> dict[str, float]:
    """Run one variant in its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_events", name, folder, str(count)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        timeout=LONGEST,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(count: int = EVENTS, turns: int = TURNS) -> dict[str, float]:
    """Measure all variants in turns; return medians per variant and ratios ours / other."""
    with publishing(count) as folder:
        runs = [{name: variant(name, folder, count) for name in VARIANTS} for _ in range(turns)]
    return _figures(count, runs)


@contextmanager
def publishing(count: int):
    """Have a publisher; yields the folder in which its ports are written."""
    with tempfile.TemporaryDirectory() as folder:
        me = [sys.executable, "-m", "tests.benchmarks.bench_events"]
        publisher = subprocess.Popen([*me, "publish", folder, str(count)], cwd=ROOT)
        try:
            while not (Path(folder) / "ports").exists():
                if publisher.poll() is not None:
                    raise SystemExit("the publisher did not start")
                time.sleep(0.05)
            yield folder
        finally:
            publisher.kill()
            publisher.wait()


def _figures(count: int, runs) -> dict[str, float]:
    def median(name: str, key: str = "seconds") -> float:
        return statistics.median(run[name][key] for run in runs)

    def ratios(name: str = "ours", to: str = "bare") -> list[float]:
        return sorted(run[to]["seconds"] / run[name]["seconds"] for run in runs)

    def best(name: str) -> float:
        return min(run[name]["seconds"] for run in runs)

    figures: dict[str, float] = {
        "events": count,
        "turns": len(runs),
        "payload_bytes": len(event(0).encode()),
    }
    for name in VARIANTS:
        figures[f"{name}_events_per_second"] = round(count / median(name))
        figures[f"{name}_cpu_us_per_event"] = round(1e6 * median(name, "cpu_seconds") / count)
    return figures | {
        "ratio": round(statistics.median(ratios()), 3),
        "ratio_least": round(ratios()[0], 3),
        "ratio_most": round(ratios()[-1], 3),
        "ratio_of_best": round(best("bare") / best("ours"), 3),
        "ratio_to_plugin": round(statistics.median(ratios(to="plugin")), 3),
        "ratio_logged": round(statistics.median(ratios("logged")), 3),
    }


def say(result: dict[str, float]) -> None:
    """Write a result as one line of JSON."""
    sys.stdout.write(json.dumps(result) + "\n")


def _entry(arguments: list[str]) -> None:
    kind = arguments[0] if arguments else str(EVENTS)
    if kind == "publish":
        asyncio.run(publish(arguments[1], int(arguments[2])))
    elif len(arguments) > 1:
        port, control = map(int, (Path(arguments[1]) / "ports").read_text().split())
        say(asyncio.run(_one(kind, port, control, int(arguments[2]))))
    elif kind == "profile":
        with publishing(EVENTS) as folder:
            say(variant(kind, folder, EVENTS))
    else:
        result = main(int(kind))
        say(result)
        if result["ratio"] < WANTED:
            raise SystemExit(1)


def _one(kind: str, port: int, control: int, count: int):
    if kind in {"bare", "plugin"}:
        return (bare if kind == "bare" else plugin)(port, control, count)
    return ours(port, control, count, log=kind == "logged", profile=kind == "profile")


if __name__ == "__main__":
    _entry(sys.argv[1:])

# ruff: noqa: PLC0415 - each process imports only what it needs
"""What stands on the other side of `bench_scale`: prosody, and Finesse's REST and pubsub sides.

prosody (any password is right) carries the streams. A second process, started here, is the rest of
a Finesse: a component of prosody (XEP-0114) that is the pubsub service and publishes dialog events,
and a REST server that shows each agent with one call. It takes one command per connection, a line
of JSON, at a port of its own, and answers with one.

Every event is a HOLD or a RETRIEVE of the agent's call, in turns. Event `k` of an agent bears the
request id `request_id(agent, k)` when k is even, so that half of all events are tagged.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "finesse.test"
PUBSUB = f"pubsub.{DOMAIN}"
SECRET = "throw-away"
PATIENCE = 60.0  # seconds for a process to come up
RING = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
CUSTOMER = "4005550142"

_PROSODY = """
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
certificates = "{folder}"
log = {{ {{ levels = {{ min = "warn" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
use_ipv6 = false
modules_enabled = {{ "saslauth"; "tls"; "roster"; "ping"; "presence"; "message"; "iq" }}
modules_disabled = {{ "s2s"; "offline"; "http" }}
c2s_ports = {{ }}
c2s_direct_tls_ports = {{ {tls} }}
legacy_ssl_ports = {{ }}
s2s_ports = {{ }}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
authentication = "insecure"
insecure_open_authentication = "Yes please, I know what I'm doing!"
disable_sasl_mechanisms = {{ "SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5", "OAUTHBEARER" }}
ssl = {{ certificate = "{folder}/server.crt"; key = "{folder}/server.key" }}
storage = "memory"
network_settings = {{ read_size = 262144 }}
VirtualHost "{domain}"
Component "{pubsub}"
  component_secret = "{secret}"
"""


# --- names and payloads --------------------------------------------------------------------------


def agents(count: int) -> list[str]:
    """Return the ids of that many agents."""
    return [str(1_000_001 + number) for number in range(count)]


def dialog_of(agent: str) -> str:
    """Return the id of an agent's call."""
    return f"16{agent}"


def request_id(agent: str, number: int) -> str:
    """Return the id of the request that event `number` of that agent answers."""
    return f"{agent}-{number:06}"


def state_after(number: int) -> str:
    """Return what the agent's party is in after its event `number`; 0 is before the first."""
    return "HELD" if number % 2 else "ACTIVE"


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


def dialog(agent: str, number: int, tag: str = "dialog") -> str:
    """Return an agent's call after its event `number`: about 3 kB, as a real one."""
    id_, state = dialog_of(agent), state_after(number)
    variables = "".join(
        f"<CallVariable><name>callVariable{n}</name><value>made up value {n} of {id_}</value>"
        "</CallVariable>"
        for n in range(1, 11)
    ) + "".join(
        f"<CallVariable><name>user.made.up[{n}]</name><value>key{n}=value{n};call={id_}</value>"
        "</CallVariable>"
        for n in range(10)
    )
    action = "RETRIEVE" if state == "HELD" else "HOLD"
    own = _participant(agent, state, _stamp(10 + number), "TRANSFER_SST", action, "DROP")
    return (
        f"<{tag}><associatedDialogUri></associatedDialogUri><fromAddress>{CUSTOMER}</fromAddress>"
        f"<id>{id_}</id><mediaProperties><DNIS>{agent}</DNIS><callType>ACD_IN</callType>"
        f"<dialedNumber>{agent}</dialedNumber><outboundClassification></outboundClassification>"
        f"<callvariables>{variables}</callvariables></mediaProperties><mediaType>Voice</mediaType>"
        f"<participants>{_participant(CUSTOMER, 'ACTIVE', _stamp(2), 'DROP')}{own}</participants>"
        f"<state>ACTIVE</state><toAddress>{agent}</toAddress>"
        f"<uri>/finesse/api/Dialog/{id_}</uri></{tag}>"
    )


def event(agent: str, number: int) -> str:
    """Return the payload of an agent's event `number`."""
    tag = "" if number % 2 else request_id(agent, number)
    return (
        f"<Update><data>{_kept(agent, number % 2, number)}</data><event>PUT</event>"
        f"<requestId>{tag}</requestId>"
        f"<source>/finesse/api/Dialog/{dialog_of(agent)}</source></Update>"
    )


_TEMPLATES: dict[tuple[str, int], tuple[str, str]] = {}


def _kept(agent: str, odd: int, number: int) -> str:
    """Return `dialog`, of which only one time changes; publishing must cost little."""
    key = (agent, odd)
    if key not in _TEMPLATES:
        before, _, after = dialog(agent, odd).partition(_stamp(10 + odd))
        _TEMPLATES[key] = before, after
    before, after = _TEMPLATES[key]
    return f"{before}{_stamp(10 + number)}{after}"


def message(agent: str, number: int) -> bytes:
    """Return the notification of event `number` as the component sends it."""
    node = f"/finesse/api/User/{agent}/Dialogs"
    return (
        f"<message from='{PUBSUB}' to='{agent}@{DOMAIN}' id='{node}__{agent}@{DOMAIN}__{number}'>"
        f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='{node}'>"
        f"<item id='{agent}-{number}'><notification xmlns='http://jabber.org/protocol/pubsub'>"
        f"{escape(event(agent, number))}</notification></item></items></event></message>"
    ).encode()


def user(agent: str) -> str:
    """Return the agent's User."""
    uri = f"/finesse/api/User/{agent}"
    return (
        f"<User><dialogs>{uri}/Dialogs</dialogs><extension>{agent}</extension>"
        f"<firstName>Made</firstName><lastName>Up</lastName><loginId>{agent}</loginId>"
        f"<loginName>{agent}</loginName><mediaType>1</mediaType><pendingState></pendingState>"
        "<reasonCodeId>-1</reasonCodeId><roles><role>Agent</role></roles><settings>"
        "<wrapUpOnIncoming>OPTIONAL</wrapUpOnIncoming></settings><state>TALKING</state>"
        f"<stateChangeTime>{_stamp(1)}</stateChangeTime><teamId>1</teamId>"
        f"<teamName>One</teamName><uri>{uri}</uri></User>"
    )


# --- what the benchmark starts -------------------------------------------------------------------


@dataclass
class Side:
    """The other side, running: ports and the CA's file."""

    folder: Path
    tls_port: int
    rest_port: int
    control_port: int
    component_port: int
    prosody: subprocess.Popen[bytes]

    @property
    def ca_file(self) -> Path:
        """The file with the CA of all certificates."""
        return self.folder / "ca.pem"

    def restart_prosody(self, *, away: float) -> None:
        """Kill prosody, and start it again `away` seconds later; returns when it listens."""
        self.prosody.kill()
        self.prosody.wait()
        time.sleep(away)
        self.prosody = _start_prosody(self.folder, self.tls_port)
        _until(lambda: "component" in ask(self.control_port, {"do": "state"}), "no component")

    def cpu_seconds(self) -> float:
        """Return the CPU time that prosody has had."""
        return cpu_seconds(self.prosody.pid)


@contextmanager
def running(folder: Path) -> Iterator[Side]:
    """Run the other side; everything is in `folder`."""
    _write_certificates(folder)
    tls, component = _free_port(), _free_port()
    (folder / "prosody.cfg.lua").write_text(
        _PROSODY.format(
            folder=folder, tls=tls, component=component, domain=DOMAIN, pubsub=PUBSUB, secret=SECRET
        )
    )
    prosody = _start_prosody(folder, tls)
    command = [sys.executable, "-m", "tests.benchmarks.bench_scale_side", folder, component]
    finesse = subprocess.Popen([str(word) for word in command], cwd=ROOT)
    side = None
    try:
        ready = folder / "side.json"
        _until(lambda: ready.exists() or finesse.poll() is not None, "the REST side did not start")
        ports = json.loads(ready.read_text())
        side = Side(folder, tls, ports["rest"], ports["control"], component, prosody)
        yield side
    finally:
        for process in (finesse, side.prosody if side is not None else prosody):
            process.kill()
            process.wait()


def _start_prosody(folder: Path, port: int) -> subprocess.Popen[bytes]:
    found = shutil.which("prosody")
    if found is None:
        raise SystemExit("prosody is not installed (Debian: apt install prosody)")
    as_root = ["--root"] if os.getuid() == 0 else []  # it refuses root without
    with (folder / "prosody.log").open("ab") as log:
        process = subprocess.Popen(
            [found, *as_root, "-F", "--config", str(folder / "prosody.cfg.lua")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    _until(lambda: _listens(port) or process.poll() is not None, "prosody does not listen")
    if process.poll() is not None:
        raise SystemExit(f"prosody ended: {(folder / 'prosody.log').read_text()[-1000:]}")
    return process


def _write_certificates(folder: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("localhost", DOMAIN, "127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / "server.key"))
    for number, pem in enumerate(leaf.cert_chain_pems):
        pem.write_to_path(str(folder / "server.crt"), append=number > 0)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _until(holds: Any, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        time.sleep(0.02)


def ask(port: int, command: dict[str, Any]) -> dict[str, Any]:
    """Give the other side one command and return its answer."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
        line.sendall(json.dumps(command).encode() + b"\n")
        with line.makefile() as answer:
            return json.loads(answer.readline())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- its own process: the pubsub component and the REST server -----------------------------------


class Component:
    """Finesse's pubsub service: answers who asks for subscriptions, and publishes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self.events: dict[str, int] = {}

    @property
    def up(self) -> bool:
        """Whether the server has taken it."""
        return self._writer is not None

    async def run(self) -> None:
        """Be connected, again and again."""
        while True:
            with suppress(OSError, ET.ParseError, asyncio.IncompleteReadError):
                await self._connected()
            self._writer = None
            await asyncio.sleep(0.05)

    async def _connected(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        parser, depth = ET.XMLPullParser(("start", "end")), 0
        writer.write(
            f"<stream:stream xmlns='jabber:component:accept' to='{PUBSUB}'"
            " xmlns:stream='http://etherx.jabber.org/streams'>".encode()
        )
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                for kind, element in parser.read_events():
                    depth += 1 if kind == "start" else -1
                    if kind == "start" and depth == 1:
                        digest = hashlib.sha1((element.get("id", "") + SECRET).encode())
                        writer.write(f"<handshake>{digest.hexdigest()}</handshake>".encode())
                    elif kind == "end" and depth == 1:
                        self._heard(element, writer)
        finally:
            writer.close()

    def _heard(self, element: ET.Element, writer: asyncio.StreamWriter) -> None:
        name = element.tag.rpartition("}")[2]
        if name == "handshake":
            self._writer = writer
        elif name == "iq" and element.get("type") in {"get", "set"}:
            body = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>"
            writer.write(
                f"<iq type='result' id={quoteattr(element.get('id', ''))} from='{PUBSUB}'"
                f" to={quoteattr(element.get('from', ''))}>{body}</iq>".encode()
            )

    async def publish(self, to: list[str], rate: float, seconds: float) -> dict[str, Any]:
        """Publish evenly, one agent after the other; return how many and how late the last was."""
        loop = asyncio.get_running_loop()
        began, late = loop.time(), 0.0
        count = int(rate * seconds)
        for number in range(count):
            due = began + number / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            late = max(late, loop.time() - due)
            agent = to[number % len(to)]
            turn = self.events[agent] = self.events.get(agent, 0) + 1
            assert self._writer is not None
            self._writer.write(message(agent, turn))
        return {"published": count, "seconds": loop.time() - began, "late": late}


class Rest(asyncio.Protocol):
    """One connection of the REST server; knows GET alone and reads no more than the path."""

    _PATH = re.compile(rb"^GET /finesse/api/(?:User/(\d+)(/Dialogs)?|(SystemInfo)) ")
    requests = 0

    def __init__(self, component: Component) -> None:
        self._component = component
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._got += data
        while b"\r\n\r\n" in self._got:
            head, _, self._got = self._got.partition(b"\r\n\r\n")
            Rest.requests += 1
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        found = self._PATH.match(head)
        if found is None:
            return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        body = self._body(found).encode()
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def _body(self, found: re.Match[bytes]) -> str:
        if found[3]:
            return (
                "<SystemInfo><deploymentType>UCCE</deploymentType><status>IN_SERVICE</status>"
                f"<xmppDomain>{DOMAIN}</xmppDomain><xmppPubSubDomain>{PUBSUB}</xmppPubSubDomain>"
                "</SystemInfo>"
            )
        agent = found[1].decode()
        if not found[2]:
            return user(agent)
        return f"<Dialogs>{dialog(agent, self._component.events.get(agent, 0), 'Dialog')}</Dialogs>"


async def serve(folder: Path, component_port: int) -> None:
    """Be the REST and the pubsub side until killed."""
    component = Component(component_port)

    async def command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        answer: dict[str, Any] = {"requests": Rest.requests}
        if component.up:
            answer["component"] = True
        if asked["do"] == "publish":
            told = await component.publish(asked["to"], asked["rate"], asked["seconds"])
            answer |= told
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    loop = asyncio.get_running_loop()
    rest = await loop.create_server(lambda: Rest(component), "127.0.0.1", 0, ssl=context)
    control = await asyncio.start_server(command, "127.0.0.1", 0, limit=2**20)
    ports = {
        "rest": rest.sockets[0].getsockname()[1],
        "control": control.sockets[0].getsockname()[1],
    }
    running = asyncio.create_task(component.run())
    (folder / "side.new").write_text(json.dumps(ports))
    (folder / "side.new").rename(folder / "side.json")
    await running


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))

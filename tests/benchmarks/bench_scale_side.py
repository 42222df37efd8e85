# ruff: noqa: PLC0415 - each process imports only what it needs
"""What stands on the other side of `bench_scale`: prosody, and Finesse's REST and pubsub sides.

prosody (any password is right) carries the streams; what it is set to do for that is told at
`_PROSODY`. A second process, `bench_scale_finesse`, is the rest of a Finesse.

Every event is a HOLD or a RETRIEVE of the agent's call, in turns. Event `k` of an agent bears the
request id `request_id(agent, k)` when k is even, so that half of all events are tagged.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "finesse.test"
PUBSUB = f"pubsub.{DOMAIN}"
SECRET = "throw-away"
PATIENCE = 60.0  # seconds for a process to come up
RING = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
CUSTOMER = "4005550142"

# As it comes, prosody took 1 to 2 ms of processor time for one of these events, most of it to
# search its memory for garbage again whenever that had grown by a twentieth, and wrote at the end
# of a turn what it had read in it. So it searches when memory has grown tenfold, and writes at
# once, as Finesse's own server does: the listener is to be measured, not what carries the events.
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
network_settings = {{ opportunistic_writes = true; nagle = false }}
gc = {{ mode = "incremental"; threshold = 1000; speed = 100 }}
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
    """Return the notification of event `number` as the component sends it.

    Its payload is CDATA, which is less work for the server to read than a thousand `&lt;`; what the
    server sends on has those.
    """
    node = f"/finesse/api/User/{agent}/Dialogs"
    return (
        f"<message from='{PUBSUB}' to='{agent}@{DOMAIN}' id='{node}__{agent}@{DOMAIN}__{number}'>"
        f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='{node}'>"
        f"<item id='{agent}-{number}'><notification xmlns='http://jabber.org/protocol/pubsub'>"
        f"<![CDATA[{event(agent, number)}]]></notification></item></items></event></message>"
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
        _until(
            lambda: "component" in ask(self.control_port, {"do": "state"}),
            "prosody is back, and the component is not connected",
        )

    def begin(self) -> None:
        """Let every agent's call be as it was before its first event."""
        ask(self.control_port, {"do": "begin"})

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
    command = [sys.executable, "-m", "tests.benchmarks.bench_scale_finesse", folder, component]
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
        raise RuntimeError(f"prosody ended: {(folder / 'prosody.log').read_text()[-1000:]}")
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
            raise RuntimeError(
                f"{otherwise} (after {PATIENCE:.0f} s, load {os.getloadavg()[0]:.1f})"
            )
        time.sleep(0.02)


def ask(port: int, command: dict[str, Any]) -> dict[str, Any]:
    """Give the other side one command and return its answer."""
    within = PATIENCE + command.get("seconds", 0.0)
    with socket.create_connection(("127.0.0.1", port), within) as line:
        line.sendall(json.dumps(command).encode() + b"\n")
        with line.makefile() as answer:
            return json.loads(answer.readline())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

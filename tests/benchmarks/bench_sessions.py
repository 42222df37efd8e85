# ruff: noqa: PLC0415 - each process imports only what it measures
"""What a session costs: ours against slixmpp's client as it comes, on one TLS server.

Run `python tests/benchmarks/bench_sessions.py [N]`. The server and each variant have a process of
their own; memory is the growth of the resident set, time is from the first dial to all sessions
bound, both after one session to warm up. At most 50 handshakes run at once in either variant.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = 500
AT_ONCE = 50
ALLOWED = 0.2


def resident() -> int:
    """Return the resident set of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def serve(folder: str) -> None:
    """Serve until killed; writes ca.pem and then port into the folder."""
    from listener.xmpp.tls import shrink_tls_buffers
    from tests.shell.scripted_xmpp import DOMAIN, Authority, ScriptedServer

    shrink_tls_buffers()
    authority = Authority()
    server = ScriptedServer(authority.server("localhost", DOMAIN), direct=True)
    await server.start()
    authority.ca.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
    (Path(folder) / "port.new").write_text(str(server.port))
    (Path(folder) / "port.new").rename(Path(folder) / "port")
    await asyncio.Event().wait()


async def ours(port: int, ca_file: Path, count: int) -> dict[str, float]:
    """Open sessions as the listener does."""
    from listener.trust import client_context
    from listener.xmpp.session import Endpoint, Session, Timings
    from listener.xmpp.stanzas import make_resource
    from listener.xmpp.tls import shrink_tls_buffers
    from tests.shell.scripted_xmpp import DOMAIN, PASSWORD, PUBSUB

    shrink_tls_buffers()
    context = client_context(ca_file)
    endpoint = Endpoint("localhost", port, DOMAIN, PUBSUB, "tls")

    async def one(agent: str) -> Session:
        session = Session(
            agent,
            lambda: PASSWORD,
            endpoint,
            tls=context,
            resource=make_resource(agent, "bench"),
            on_notification=print,
            timings=Timings(connect=120),
        )
        await session.open()
        return session

    return await measure(one, count)


async def default(port: int, ca_file: Path, count: int) -> dict[str, float]:
    """Open slixmpp's own clients, with nothing set but what they cannot connect without."""
    import slixmpp

    from tests.shell.scripted_xmpp import DOMAIN, PASSWORD

    async def one(agent: str) -> slixmpp.ClientXMPP:
        client = slixmpp.ClientXMPP(f"{agent}@{DOMAIN}/bench", PASSWORD)
        client.ca_certs = ca_file
        bound = asyncio.Event()
        client.add_event_handler("session_start", lambda _: bound.set())
        client.connect("localhost", port)
        await bound.wait()
        client.send_presence()
        return client

    return await measure(one, count)


async def measure(one, count: int) -> dict[str, float]:
    """Make `count` sessions; return seconds and bytes of all of them together."""
    kept = [await one("0")]
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated(agent: str):
        async with gate:
            return await one(agent)

    gc.collect()
    before, started = resident(), time.perf_counter()
    kept += await asyncio.gather(*(gated(str(1000 + number)) for number in range(count)))
    seconds = time.perf_counter() - started
    gc.collect()
    return {"seconds": seconds, "bytes": resident() - before, "sessions": len(kept) - 1}


def variant(name: str, folder: str, count: int) -> dict[str, float]:
    """Run one variant in its own process."""
    done = subprocess.run(
        [sys.executable, __file__, name, folder, str(count)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(count: int = SESSIONS) -> dict[str, float]:
    """Measure both variants; return times, bytes per session and the ratios ours / default."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([sys.executable, __file__, "serve", folder], cwd=ROOT)
        try:
            while not (Path(folder) / "port").exists():
                if server.poll() is not None:
                    raise SystemExit("the server did not start")
                time.sleep(0.05)
            plain = variant("default", folder, count)
            light = variant("ours", folder, count)
        finally:
            server.kill()
            server.wait()
    return {
        "sessions": count,
        "default_seconds": round(plain["seconds"], 2),
        "ours_seconds": round(light["seconds"], 2),
        "default_kib_per_session": round(plain["bytes"] / count / 1024, 1),
        "ours_kib_per_session": round(light["bytes"] / count / 1024, 1),
        "time_ratio": round(light["seconds"] / plain["seconds"], 3),
        "memory_ratio": round(light["bytes"] / plain["bytes"], 3),
    }


def say(result: dict[str, float]) -> None:
    """Write a result as one line of JSON."""
    sys.stdout.write(json.dumps(result) + "\n")


def _entry(arguments: list[str]) -> None:
    if arguments and arguments[0] == "serve":
        asyncio.run(serve(arguments[1]))
    elif arguments and arguments[0] in {"ours", "default"}:
        name, folder, count = arguments
        port = int((Path(folder) / "port").read_text())
        run = ours if name == "ours" else default
        say(asyncio.run(run(port, Path(folder) / "ca.pem", int(count))))
    else:
        result = main(int(arguments[0]) if arguments else SESSIONS)
        say(result)
        if result["time_ratio"] > ALLOWED or result["memory_ratio"] > ALLOWED:
            raise SystemExit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _entry(sys.argv[1:])

"""Plain clients and the drop-in: curl, requests, http.client, over TCP and a Unix socket."""

from __future__ import annotations

import asyncio
import http.client
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import requests

from listener.finesse.wire import parse_body
from listener.simulator.assembly import Simulator
from listener.simulator.faults import Fault
from tests.shell.dropin_stage import XML, Place, action, basic, scene
from tests.shell.stage import PASSWORD, A, answered_call

CURL = shutil.which("curl")


@asynccontextmanager
async def calling(folder: Path, **how) -> AsyncIterator[tuple[Simulator, Place, str]]:
    async with scene(folder, **how) as (sim, listener, place):
        yield sim, place, f"/finesse/api/Dialog/{await answered_call(sim, listener)}"


async def curl(*arguments: str, stdin: str = "") -> tuple[str, dict[str, str], str]:
    """Run curl; return status, headers in lower case, body."""
    assert CURL is not None, "curl is needed for this test"
    process = await asyncio.create_subprocess_exec(
        CURL, "-sS", "-i", "--max-time", "40", *arguments, stdin=-1, stdout=-1, stderr=-1
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode == 0, err.decode()
    head, _, body = out.decode().replace("HTTP/1.1 100 Continue\r\n\r\n", "").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    named = dict(
        line.lower().split(": ", 1) if ": " in line else (line.lower().rstrip(": "), "")
        for line in lines
    )
    return first.split()[1], named, body


async def test_curl_gets_what_finesse_says_and_what_came_of_it(tmp_path):
    socket = tmp_path / "s" / "dropin.sock"
    async with calling(tmp_path, socket=socket) as (sim, place, path):
        sign = ("-u", f"{A}:{PASSWORD[A]}")
        put = (*sign, "-X", "PUT", "-H", "Content-Type: application/xml", "-d")

        status, _, body = await curl(*sign, f"{place.url}/finesse/api/User/{A}")
        assert (status, body[:6]) == ("200", "<User>")

        status, headers, body = await curl(*put, action("HOLD"), f"{place.url}{path}")
        assert (status, body) == ("202", "")
        assert "/v1/requests/" in headers["location"]

        status, headers, body = await curl(
            *put, action("RETRIEVE"), "-H", "Prefer: wait=30", f"{place.url}{path}"
        )
        assert (status, headers["x-outcome"], headers["x-evidence"]) == (
            "200",
            "confirmed",
            "request_id",
        )
        assert parse_body(body).dialogs[0].participant(A).state == "ACTIVE"

        sim.finesse.faults.add(Fault.REFUSED_LATER, action="HOLD")
        status, headers, body = await curl(
            *put, action("HOLD"), "-H", "Prefer: wait=30", f"{place.url}{path}"
        )
        assert (status, headers["x-outcome"]) == ("409", "failed")
        assert parse_body(body).errors[0].error_data == "34"

        over = ("--unix-socket", str(socket))
        status, headers, _ = await curl(
            *over, *put, action("HOLD"), "-H", "Prefer: wait=30", f"http://localhost{path}"
        )
        assert (status, headers["x-outcome"]) == ("200", "confirmed")


async def test_curl_sends_a_big_body_and_expects_100(tmp_path):
    async with calling(tmp_path) as (_, place, _):
        body = "x" * 300_000
        status, headers, _ = await curl(
            "-u",
            f"{A}:{PASSWORD[A]}",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            "@-",
            f"{place.url}/finesse/api/User/{A}/CompressedClientLog",
            stdin=body,
        )
        assert status in {"400", "404"}  # the simulator's word for it
        assert headers["x-outcome"] == "rejected"


async def test_requests_keeps_its_session_and_its_cookies_to_itself(tmp_path):
    async with calling(tmp_path) as (_, place, path):

        def client() -> list[requests.Response]:
            with requests.Session() as session:
                session.trust_env = False
                session.auth = (A, PASSWORD[A])
                session.headers["Content-Type"] = "application/xml"
                return [
                    session.get(f"{place.url}/finesse/api/User/{A}/Dialogs", timeout=40),
                    session.put(f"{place.url}{path}", data=action("HOLD"), timeout=40),
                    session.put(
                        f"{place.url}{path}",
                        data=action("RETRIEVE"),
                        headers={"Prefer": "wait=30"},
                        timeout=40,
                    ),
                    session.delete(f"{place.url}{path}", timeout=40),
                ]

        dialogs, held, retrieved, deleted = await asyncio.to_thread(client)
        assert parse_body(dialogs.content).dialogs[0].uri == path
        assert (held.status_code, held.content) == (202, b"")
        assert (retrieved.status_code, retrieved.headers["X-Outcome"]) == (200, "confirmed")
        assert (deleted.status_code, deleted.headers["X-Outcome"]) == (405, "rejected")


async def test_http_client_gets_everything_on_one_connection(tmp_path):
    async with calling(tmp_path) as (_, place, path):

        def client() -> list[tuple[int, str | None]]:
            connection = http.client.HTTPConnection(place.url[7:], timeout=40)
            found = []
            try:
                for name in ("HOLD", "RETRIEVE", "HOLD"):
                    headers = {**XML, **basic(), "Prefer": "wait=30", "requestId": f"id-{name}"}
                    connection.request("PUT", path, action(name), headers)
                    answer = connection.getresponse()
                    answer.read()
                    found.append((answer.status, answer.headers["X-Outcome"]))
            finally:
                connection.close()
            return found

        assert await asyncio.to_thread(client) == [(200, "confirmed")] * 3

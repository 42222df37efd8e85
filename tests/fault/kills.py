"""A daemon that is killed in the middle of its work, again and again, and what its callers saw.

`python -m tests.fault.kills [--kills N] [--seed S]` (`make kills`). The daemon is a process of its
own with a journal; the simulator knows what Finesse really got. Callers send requests with an
Idempotency-Key and repeat the same call when the daemon dies under them; a reader follows events
over all restarts. Nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from listener.simulator.assembly import Simulator
from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.users import AgentSpec
from tests.shell.program import config

AGENTS = tuple(f"100{number}001" for number in range(1, 7))
CUSTOMER = "+12025550101"
PATIENCE = 60.0  # seconds for a step that has to come
SETTLED_WITHIN = 10.0  # seconds after readiness, as promised
DEAD = (httpx.TransportError, OSError)


@dataclass
class Call:
    """One request as its caller sees it: the key, and each resource that was given for it."""

    agent: str
    key: str
    body: dict[str, Any]
    ids: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    request_ids: set[str] = field(default_factory=set)
    refused: int = 0

    def saw(self, resource: dict[str, Any]) -> None:
        """Note a resource."""
        self.ids.add(resource["id"])
        self.request_ids.add(resource["requestId"])
        if resource["outcome"] is not None:
            self.outcomes.add(fingerprint(resource["outcome"]))


def fingerprint(outcome: dict[str, Any]) -> str:
    """Return what must never change in an outcome."""
    kept = {key: outcome[key] for key in ("kind", "evidence", "reason", "sent", "status", "stage")}
    return json.dumps(kept, sort_keys=True)


@dataclass
class Report:
    """What a run found; `wrong` must be empty."""

    kills: int = 0
    requests: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    events: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Run:
    """One run of so many kills. `work` is an empty folder."""

    def __init__(self, work: Path, *, kills: int, seed: int) -> None:
        self.report = Report()
        self._work = work
        self._kills = kills
        self._random = random.Random(seed)
        self._socket = work / "run" / "api.sock"
        self._calls: list[Call] = []
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._ids: list[str] = []
        self._told: dict[str, set[str]] = {}
        self._last: str | None = None

    async def run(self) -> Report:
        """Play it, and judge."""
        authority = ThrowawayAuthority()
        specs = [AgentSpec(id=a, password=f"secret-{a}", extension=a) for a in AGENTS]
        async with Simulator(agents=specs, authority=authority, pace=0.002) as simulator:
            dialogs = {}
            for agent in AGENTS:
                dialog = str(await simulator.finesse.incoming_call(agent, CUSTOMER))
                await simulator.telephone.answer(agent, dialog)
                dialogs[agent] = dialog
            file = self._settings(simulator)
            await self._start(file)
            callers = [asyncio.create_task(self._load(a, dialogs[a])) for a in AGENTS]
            reader = asyncio.create_task(self._read())
            try:
                for _ in range(self._kills):
                    if self._random.random() < 0.7:
                        await self._all_up()
                    await asyncio.sleep(self._random.uniform(0.0, 0.4))  # under load, anywhere
                    await self._kill_and_restart(file)
                self._stopping = True
                await asyncio.wait_for(asyncio.gather(*callers), PATIENCE * 2)
                await self._all_settled(time.monotonic())
                await self._reader_has_all()
            finally:
                self._stopping = True
                reader.cancel()
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(reader, *callers, return_exceptions=True)
                await self._end()
            self._judge(simulator)
        return self.report

    # -- the daemon ---------------------------------------------------------------------------

    def _settings(self, simulator: Simulator) -> Path:
        (self._work / "state").mkdir(mode=0o700)
        node = {
            "host": "127.0.0.1",
            "rest_port": simulator.http.port,
            "xmpp_port": simulator.xmpp_port,
        }
        more = (
            f"[api]\nsocket = {json.dumps(str(self._socket))}\n"
            f"[journal]\npath = {json.dumps(str(self._work / 'state' / 'journal.sqlite'))}\n"
            "[requests]\ndeadline = 8\n[logs]\nformat = 'json'\n"
        )
        return config(
            self._work,
            node=node,
            ca=simulator.write_ca(self._work / "ca.pem"),
            agents=AGENTS,
            passwords={a: f"secret-{a}" for a in AGENTS},
            more=more,
        )

    async def _start(self, file: Path) -> None:
        log = (self._work / "daemon.log").open("ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "listener", "run", "--config", str(file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("LISTENER_")},
            )
        finally:
            log.close()
        await self._ready()

    async def _ready(self) -> None:
        until = time.monotonic() + PATIENCE
        async with self._client() as client:
            while time.monotonic() < until:
                assert self._process is not None
                if self._process.returncode is not None:
                    break
                with suppress(*DEAD):
                    if (await client.get("/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.02)
        tail = (self._work / "daemon.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"the daemon did not become ready:\n{tail}")

    async def _all_up(self) -> None:
        """Wait until each agent has a session, so that all of them are killed at work."""
        async with self._client() as client:
            while True:
                with suppress(*DEAD):
                    agents = (await client.get("/v1/agents")).json()["agents"]
                    if all(agent["live"] for agent in agents):
                        return
                await asyncio.sleep(0.02)

    async def _kill_and_restart(self, file: Path) -> None:
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.kill()
        await process.wait()
        self.report.kills += 1
        open_then = {id_ for call in self._calls if not call.outcomes for id_ in call.ids}
        await self._start(file)
        began = time.monotonic()
        await self._all_settled(began, only=open_then)

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            if self._process.returncode != 0:
                self.report.wrong.append(f"the daemon ended with {self._process.returncode}")

    def _client(self, timeout: float = 30.0) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=timeout)

    # -- callers --------------------------------------------------------------------------------

    async def _load(self, agent: str, dialog: str) -> None:
        number = 0
        while not self._stopping:
            number += 1
            body = self._body(agent, dialog, number)
            call = Call(agent, f"{agent}-{number}", body)
            self._calls.append(call)
            await self._make(call)

    def _body(self, agent: str, dialog: str, number: int) -> dict[str, Any]:
        body: dict[str, Any] = {"agent": agent, "dialogId": dialog}
        match self._random.choice(("hold", "hold", "data", "dtmf")):
            case "hold":
                body["requestedAction"] = "HOLD" if number % 2 else "RETRIEVE"
            case "data":
                values = {"callVariable1": f"v{number}"}
                body |= {
                    "requestedAction": "UPDATE_CALL_DATA",
                    "mediaProperties": {"callvariables": values},
                }
            case _:
                body |= {"requestedAction": "SEND_DTMF", "dtmfString": "1", "deadline": 1}
        return body

    async def _make(self, call: Call) -> None:
        """Post until it was taken (or refused for good), then wait for its outcome."""
        headers = {"Idempotency-Key": call.key, "Prefer": f"wait={self._random.choice((0, 1, 5))}"}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if not call.ids:  # nothing was promised yet: a session may need longer than a life
                if self._stopping:
                    return
                until = time.monotonic() + PATIENCE
            with suppress(*DEAD):
                async with self._client() as client:
                    if not call.ids:
                        answer = await client.post("/v1/requests", json=call.body, headers=headers)
                    else:
                        answer = await client.get(
                            f"/v1/requests/{min(call.ids)}", headers={"Prefer": "wait=5"}
                        )
                if answer.status_code in {200, 202}:
                    call.saw(answer.json())
                    if call.outcomes:
                        return
                    continue
                if answer.status_code == 503:
                    call.refused += 1
                elif call.ids or answer.status_code not in {409, 429}:
                    self.report.wrong.append(f"{call.key}: {answer.status_code} {answer.text}")
                    return
            await asyncio.sleep(0.02)
        self.report.wrong.append(f"{call.key}: no outcome in {PATIENCE:g} s")

    async def _all_settled(self, began: float, only: set[str] | None = None) -> None:
        """Check that what was open ends within its time."""
        wanted = [c for c in self._calls if c.ids and (only is None or c.ids & only)]
        for call in wanted:
            while not call.outcomes:
                left = began + SETTLED_WITHIN - time.monotonic()
                id_ = min(call.ids)
                async with self._client() as client:
                    answer = await client.get(
                        f"/v1/requests/{id_}", headers={"Prefer": f"wait={max(0, int(left) + 1)}"}
                    )
                if answer.status_code != 200:
                    self.report.wrong.append(f"{id_} is not known after the restart")
                    break
                call.saw(answer.json())
                if left < -1 and not call.outcomes:  # the machine may be slow to answer
                    self.report.wrong.append(f"{id_} is open {SETTLED_WITHIN:g} s after readiness")
                    break
        self.report.slowest = max(self.report.slowest, time.monotonic() - began)

    # -- a reader -------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            with suppress(*DEAD):
                await self._read_once()
            await asyncio.sleep(0.02)

    async def _read_once(self) -> None:
        headers = {} if self._last is None else {"Last-Event-ID": self._last}
        query = {} if self._last is not None else {"after": "none-0"}
        async with (
            self._client(timeout=60.0) as client,
            client.stream("GET", "/v1/events", headers=headers, params=query) as answer,
        ):
            if answer.status_code != 200:
                return
            name = id_ = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    id_ = line[4:]
                elif line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self._event(id_, name, json.loads(line[6:]))
                    id_ = ""

    def _event(self, id_: str, name: str, data: dict[str, Any]) -> None:
        if name in {"reset", "lagged"}:
            if self._last is not None:
                self.report.wrong.append(f"the reader was told {name}: {data}")
            return
        if self._last is not None and number(id_) <= number(self._last):
            self.report.wrong.append(f"event {id_} came after {self._last}")
        self._last = id_
        self._ids.append(id_)
        if name == "request" and data["state"] == "settled":
            self._told.setdefault(data["id"], set()).add(fingerprint(data["outcome"]))

    async def _reader_has_all(self) -> None:
        """Wait until the reader was told of each request that has an outcome."""
        wanted = {id_ for call in self._calls if call.outcomes for id_ in call.ids}
        until = time.monotonic() + PATIENCE
        while not wanted <= self._told.keys() and time.monotonic() < until:  # noqa: ASYNC110  the reader is another program
            await asyncio.sleep(0.05)
        if missing := wanted - self._told.keys():
            self.report.wrong.append(f"{len(missing)} outcomes were never told: {min(missing)}")

    # -- the judgement ----------------------------------------------------------------------------

    def _judge(self, simulator: Simulator) -> None:
        got = Counter(
            (deed.agent, deed.request_id)
            for deed in simulator.finesse.truth
            if deed.client == "caller"
        )
        deeds = {(d.agent, d.request_id): d for d in simulator.finesse.truth}
        self.report.events = len(self._ids)
        for call in self._calls:
            if not call.ids:
                continue  # the run ended before it was taken
            self.report.requests += 1
            if len(call.ids) != 1:
                self._wrong(call, "one key made several requests")
            if len(call.outcomes) != 1:
                self._wrong(call, f"{len(call.outcomes)} outcomes: {sorted(call.outcomes)}")
                continue
            told = self._told.get(min(call.ids), call.outcomes)
            if told != call.outcomes:
                self._wrong(call, f"events told {sorted(told)}, callers {sorted(call.outcomes)}")
            outcome = json.loads(min(call.outcomes))
            self.report.kinds[outcome["reason"] or outcome["evidence"] or outcome["kind"]] += 1
            name = (call.agent, min(call.request_ids))
            if got[name] > 1:
                self._wrong(call, f"Finesse got it {got[name]} times")
            if outcome["sent"] is False and got[name]:
                self._wrong(call, "it is said not to have been sent, and Finesse got it")
            deed = deeds.get(name)
            if outcome["kind"] in {"confirmed", "presumed"} and (deed is None or not deed.effect):
                self._wrong(call, f"said {outcome['kind']}, and it was not done")
            if outcome["kind"] == "failed" and deed is not None and deed.effect:
                self._wrong(call, "said failed, and it was done")

    def _wrong(self, call: Call, words: str) -> None:
        action = call.body["requestedAction"]
        self.report.wrong.append(f"{call.key} {action} {sorted(call.ids)}: {words}")


def number(id_: str) -> int:
    """Return the sequence in an event's id."""
    return int(id_.rpartition("-")[2])


async def play(work: Path, *, kills: int, seed: int) -> Report:
    """Play one run."""
    return await Run(work, kills=kills, seed=seed).run()


def say(words: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """Run from the command line; the exit code is 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    say(f"kill -9, {given.kills} times, seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(play(Path(folder), kills=given.kills, seed=given.seed))
    kinds = ", ".join(f"{kind} {count}" for kind, count in report.kinds.most_common())
    say(
        f"{report.kills} kills, {report.requests} requests ({kinds}), {report.events} events;"
        f" all settled {report.slowest:.1f} s after readiness at the latest"
    )
    for words in report.wrong:
        say(f"WRONG: {words}")
    say("nothing was lost, sent twice or said wrongly" if not report.wrong else "FAILED")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

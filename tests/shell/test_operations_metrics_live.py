"""What /metrics says of a daemon to which everything happens that is counted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from listener.journal import Journal
from listener.offers import Wanted
from listener.readers import AT_ONCE, MAX_BEHIND
from listener.simulator.faults import Fault
from listener.simulator.xmpp_faults import Cut
from tests.shell.dropin_stage import action, basic
from tests.shell.house import House, housed
from tests.shell.journals import FULL, Disk
from tests.shell.stage import PASSWORD, A, B, until

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"
DROPIN = '[dropin]\nlisten = "127.0.0.1:0"\nrequire_token = false\n'
PIECE = AT_ONCE // 2
ONLY_WITH_LABELS = "listener_session_up"

Read = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def documented() -> set[str]:
    """Return the names in the table of metrics."""
    text = DOCS.read_text(encoding="utf-8").partition("\n## Metrics\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`((?:listener|process)_\w+)(?:\{[\w,]+\})?`", text))


def read(text: str) -> tuple[set[str], Read]:
    """Return the names that are told, as a query has them, and every sample."""
    names, samples = set(), {}
    for family in text_string_to_metric_families(text):
        ends = {"counter": "_total", "info": "_info"}
        names.add(family.name + ends.get(family.type, ""))
        for sample in family.samples:
            samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return names, samples


def names_of(samples: Read) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in samples}


class Scene:
    """A daemon with its callers; `now` reads its metrics, with what they said before."""

    def __init__(self, house: House, api: httpx.AsyncClient, dropin: httpx.AsyncClient) -> None:
        self.house, self.api, self.dropin = house, api, dropin
        self.seen: list[str] = []

    async def now(self) -> Read:
        answer = await self.api.get("/metrics")
        assert answer.status_code == 200
        self.seen.append(answer.text)
        return read(answer.text)[1]

    async def value(self, name: str, **labels: str) -> float:
        return (await self.now()).get((name, tuple(sorted(labels.items()))), 0.0)

    async def hold(self, dialog: str, **more: object) -> httpx.Response:
        body = {"agent": A, "requestedAction": "HOLD", "dialogId": dialog, **more}
        return await self.api.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})


@asynccontextmanager
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with housed(tmp_path, more=DROPIN) as house:
        token = {"Authorization": f"Bearer {house.tokens['admin']}"}
        async with (
            httpx.AsyncClient(base_url=house.url, headers=token, timeout=30) as api,
            httpx.AsyncClient(base_url=house.dropin, timeout=30) as dropin,
        ):
            yield Scene(house, api, dropin)


def agents_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if any(id_ in line for id_ in PASSWORD)]


async def test_every_metric_of_the_table_is_told_and_moves_and_none_names_an_agent(
    tmp_path, monkeypatch
):
    disk, opened = Disk(), Journal.open
    monkeypatch.setattr(
        Journal, "open", lambda *given, **how: opened(*given, connect=disk.connect, **how)
    )
    async with scene(tmp_path) as on:
        await on.now()
        names = read(on.seen[0])[0]
        assert documented() - {ONLY_WITH_LABELS} <= names
        assert {name for name in names if name.startswith("listener_")} <= documented()

        dialog = await on.house.call()
        await _answers_of_the_api(on, dialog)
        await _answers_of_the_dropin(on, dialog)
        await _what_is_heard(on, dialog)
        await _a_session_is_lost(on)
        await _readers(on)
        await _a_connection_is_refused(on)
        await _the_disk_is_full(on, disk, dialog)

        after = await on.now()
        told = names_of({key: value for key, value in after.items() if value})
        over = {"pending_requests", "event_readers", "journal_trouble"}  # seen above, and gone
        never = {"node_moves_total"}  # there is one node
        machine = {"listener_loop_late_total"}  # whether the loop is ever late, the machine decides
        assert names - told - machine == {f"listener_{name}" for name in over | never}
        assert not [line for text in on.seen for line in agents_in(text)]


async def _answers_of_the_api(on: Scene, dialog: str) -> None:
    api = {"name": "listener_http_requests_total", "operation": "send_v1_requests_post"}
    assert (await on.hold(dialog)).json()["outcome"]["kind"] == "confirmed"
    assert (await on.hold(dialog, requestedAction="NO_SUCH")).status_code == 422
    refused = await on.api.post("/v1/requests", json={}, headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert (await on.api.get("/v1/requests/nobody-has-this")).status_code == 404
    assert (await on.api.head("/v1/requests/nobody-has-this")).status_code == 404
    assert (await on.api.get("/nowhere")).status_code == 404
    assert (await on.api.put("/v1/info")).status_code == 405

    assert await on.value(**api, status="2xx") == 1
    assert await on.value(**api, status="4xx") == 2
    one = {"name": api["name"], "operation": "read_v1_requests__id__get"}
    assert await on.value(**one, status="4xx") == 2
    assert await on.value(api["name"], operation="other", status="4xx") == 2
    assert await on.value("listener_requests_total", action="HOLD", outcome="confirmed") == 1
    assert await on.value("listener_outcome_latency_seconds_count", outcome="confirmed") == 1


async def _answers_of_the_dropin(on: Scene, dialog: str) -> None:
    path = f"/finesse/api/Dialog/{dialog}"
    told = {"content": action("RETRIEVE"), "headers": {**basic(), "Prefer": "wait=20"}}
    done = await on.dropin.put(path, **told)
    assert done.headers["X-Outcome"] == "confirmed", done.text
    assert (await on.dropin.get(f"/finesse/api/User/{A}", headers=basic())).status_code == 200
    nobodys = await on.dropin.put("/finesse/api/SystemInfo")
    assert (nobodys.status_code, nobodys.headers["X-Outcome"]) == (401, "untracked")
    assert (await on.dropin.put("/elsewhere", headers=basic())).status_code == 404

    requests, outcomes = "listener_dropin_requests_total", "listener_dropin_outcomes_total"
    assert await on.value(requests, manner="tracked", status="2xx") == 1
    assert await on.value(requests, manner="read", status="2xx") == 1
    assert await on.value(requests, manner="untracked", status="4xx") == 2
    assert await on.value(outcomes, outcome="confirmed") == 1
    assert await on.value(outcomes, outcome="untracked") == 1


async def _what_is_heard(on: Scene, dialog: str) -> None:
    simulator = on.house.simulator
    simulator.finesse.faults.add(Fault.EVENT_TWICE, action="HOLD")
    assert (await on.hold(dialog)).json()["outcome"]["kind"] == "confirmed"
    await simulator.finesse.quiet()
    await on.house.station.listener.ping(A, 20)
    assert await on.value("listener_events_duplicate_total") >= 1

    simulator.finesse.faults.add(Fault.EVENT_LATE, action="RETRIEVE", seconds=2.5, events=9)
    late = {"requestedAction": "RETRIEVE", "deadline": 1.0, "minimumEvidence": "request_id"}
    assert (await on.hold(dialog, **late)).json()["outcome"]["kind"] == "unconfirmed"
    tally = on.house.station.listener.service.tally
    await until(lambda: tally.late)
    assert await on.value("listener_events_late_total") >= 1

    simulator.finesse.faults.add(Fault.SILENT, action="HOLD")
    body = {"agent": A, "requestedAction": "HOLD", "dialogId": dialog}
    opened = await on.api.post("/v1/requests", json=body | {"minimumEvidence": "request_id"})
    assert await on.value("listener_pending_requests") == 1
    assert (await on.api.delete(opened.headers["Location"])).status_code == 200
    assert await on.value("listener_requests_total", action="HOLD", outcome="abandoned") == 1

    node = f"/finesse/api/User/{A}"
    user = f"<user><uri>{node}</uri><loginId>{A}</loginId><extension>{A}</extension></user>"
    foreign = f"<Update><data>{user}</data><event>PUT</event>"
    foreign += f"<requestId>somebody-elses</requestId><source>{node}</source></Update>"
    await simulator.notifications.publish(node, foreign)
    await simulator.notifications.publish(node, "<Update><data>")
    await until(lambda: tally.parse_failures)
    assert await on.value("listener_parse_failures_total", reason="not_well_formed") == 1
    assert await on.value("listener_events_unmatched_total") == 1
    assert await on.value("listener_events_total", kind="dialog") > 0


async def _a_session_is_lost(on: Scene) -> None:
    tally = on.house.station.listener.service.tally
    on.house.simulator.notifications.cut(B, Cut.RESET)
    await until(lambda: tally.reconnects and sum(tally.gaps.counts))
    samples = await on.now()
    lost = {key: value for key, value in samples.items() if key[0] == "listener_reconnects_total"}
    assert sum(lost.values()) == 1
    assert samples["listener_gap_seconds_count", ()] == 1
    assert samples["listener_sessions", (("state", "up"),)] == 2


async def _readers(on: Scene) -> None:
    chronicle = on.house.station.chronicle
    async with on.api.stream("GET", "/v1/events") as answer:
        assert answer.status_code == 200
        await until(lambda: chronicle.readers)
        assert await on.value("listener_event_readers") == 1
    await until(lambda: not chronicle.readers)

    slow = chronicle.read(Wanted(), None)
    waiting = asyncio.create_task(anext(slow))
    await asyncio.sleep(0)  # it is at the end now, and falls behind after
    for _ in range(2 * MAX_BEHIND // PIECE + 1):  # more at once would put nobody behind
        to = chronicle.last + PIECE
        for _ in range(PIECE):
            chronicle.session(A, {"id": A})
        await until(lambda to=to: chronicle.last >= to)
    await waiting
    told = [told.name async for told in slow]
    assert told[-1] == "lagged"
    assert await on.value("listener_subscriber_lagged_total") == 1


async def _a_connection_is_refused(on: Scene) -> None:
    host, _, port = on.house.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
    assert b" 413 " in await reader.readline()
    writer.close()
    assert await on.value("listener_http_refused_total", reason="body_too_big") == 1


async def _the_disk_is_full(on: Scene, disk: Disk, dialog: str) -> None:
    assert await on.value("listener_journal_failures_total") == 0
    disk.fails = FULL
    refused = await on.hold(dialog)
    assert refused.status_code == 503, refused.text
    samples = await on.now()
    assert samples["listener_journal_failures_total", ()] > 0
    assert samples["listener_journal_trouble", ()] == 1
    assert samples["listener_ready", ()] == 0
    disk.fails = None
    await until(lambda: on.house.station.journal.trouble is None)
    assert await on.value("listener_ready") == 1
    assert await on.value("listener_journal_commits_total") > 1
    assert await on.value("listener_journal_bytes") > 0

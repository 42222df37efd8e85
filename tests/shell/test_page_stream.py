"""The page without a journal: what happens now, stories from memory, long tables, the command."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta

import pytest

from listener.correlation.outcome import Confirmed, Evidence, Failed
from listener.finesse.actions import Hold
from listener.finesse.model import ApiError, Notification
from listener.ledger import new_key, now_utc
from listener.offers import Told
from listener.page import listing, live, summary
from listener.page.payloads import Payloads
from listener.station import Station
from listener.ticket import Record
from tests.builders import AGENT, CALL, a_dialog
from tests.shell import program
from tests.shell.api_rig import DTMF, HOLD, WALLBOARD, problem
from tests.shell.house import housed
from tests.shell.page_rig import paged
from tests.shell.stage import PACES, A, settings, simulated, until


async def ask(on, body=HOLD, **headers):
    """Send a request as an operator; return its resource."""
    async with on.operator() as operator:
        got = await operator.post("/v1/requests", json=body, headers=headers)
    assert got.status_code in {200, 202}, got.text
    return got.json()


async def held(on, **headers):
    """Ask for HOLD, and let Finesse do it once it has left; return the settled resource."""
    sent = await ask(on)
    await until(lambda: sent["requestId"] in on.rig.wire.sent)
    on.rig.held(sent["requestId"])
    async with on.operator() as operator:
        got = await operator.get(f"/v1/requests/{sent['id']}", headers={"Prefer": "wait=20"})
    assert got.json()["outcome"]["kind"] == "confirmed"
    return got.json()


async def reading(on, path="/page/events", **how):
    call = on.rig.call("GET", path, caller=WALLBOARD, **how)
    await call.until(lambda: call.text)
    return call


def told(frame):
    return json.loads(frame["data"])


# ---------------------------------------------------------------- what happens now


async def test_the_page_is_told_the_same_events_in_short(tmp_path):
    async with paged(tmp_path) as on:
        short, long = await reading(on), await reading(on, "/v1/events")
        settled = await held(on)
        on.rig.chronicle.gap(AGENT, "the connection ended")
        count = on.rig.chronicle.last
        full = await long.frames(count)
        small = await short.frames(count)
        await short.hang_up()
        await long.hang_up()

    assert [(f["id"], f["event"]) for f in small] == [(f["id"], f["event"]) for f in full]
    assert {f["event"] for f in small} == {"request", "dialog", "gap"}
    last = [told(f) for f in small if f["event"] == "request"][-1]
    assert (last["id"], last["kind"], last["state"]) == (settled["id"], "confirmed", "settled")
    assert "outcome" not in last
    (dialog,) = [told(f) for f in small if f["event"] == "dialog"]
    assert dialog.keys() == {"at", "agent", "requestId", "dialogId", "change", "state"}
    assert all(len(f["data"]) < 700 for f in small)


async def test_a_page_that_lost_the_stream_goes_on_where_it_was(tmp_path):
    async with paged(tmp_path) as on:
        first = await reading(on)
        await held(on)
        seen = await first.frames(2)
        await first.hang_up()
        again = await reading(on, last_event_id=seen[0]["id"])
        rest = await again.frames(1)
        await again.hang_up()
        elsewhere = await reading(on, query="after=other-5")
        (reset, *_) = await elsewhere.frames(1)
        await elsewhere.hang_up()

    assert rest[0]["id"] == seen[1]["id"]
    assert reset["event"] == "reset"


async def test_the_stream_takes_filters_and_refuses_others(tmp_path):
    async with paged(tmp_path) as on:
        requests = await reading(on, query="kind=request&agent=" + AGENT)
        await held(on)
        found = await requests.frames(2)
        await requests.hang_up()
        async with on.signed_in() as browser:
            for query in ("kind=odd", "id=x", "agent=", "mistyped=x"):
                assert problem(await browser.get(f"/page/events?{query}"))["status"] == 422
            head = await browser.head("/page/events")

    assert {f["event"] for f in found} == {"request"}
    assert (head.status_code, head.content) == (200, b"")


async def test_one_reader_too_many_is_told_to_come_back(tmp_path):
    class Full:
        def become_event_reader(self) -> bool:
            return False

    async with paged(tmp_path) as on:
        call = on.rig.call("GET", "/page/events", caller=WALLBOARD, connection=Full())
        answered = await call.answered()

    assert call.status == 503
    assert answered["type"].endswith("too_many_readers")
    assert on.rig.chronicle.readers == 0


def test_events_of_other_names_are_told_as_they_are():
    lagged = Told(None, "lagged", {"behind": 3})
    assert live.small(lagged) is lagged


# ---------------------------------------------------------------- stories from memory


async def test_without_a_journal_stories_are_told_from_memory(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        settled = await held(on)
        by_id = (await browser.get(f"/page/story?request={settled['id']}")).json()
        wire = (await browser.get(f"/page/story?request={settled['requestId']}")).json()
        dialog = (await browser.get(f"/page/story?dialog={CALL}")).json()
        agent = (await browser.get(f"/page/story?agent={AGENT}&last=60")).json()
        raw = (await browser.get(f"/page/raw?request={settled['id']}")).json()

    for story in (by_id, wire, dialog, agent):
        assert story["source"] == "the daemon's memory"
        assert [each["id"] for each in story["requests"]] == [settled["id"]]
        assert {"asked", "heard", "outcome"} <= {step["kind"] for step in story["steps"]}
        assert any(step["proof"] for step in story["steps"])
    assert [each["about"] for each in raw["heard"]] == [True]
    assert "<state>HELD</state>" in raw["heard"][0]["payload"]


async def test_what_else_was_at_work_stands_in_a_story_from_memory(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        first = await ask(on, DTMF)
        other = await ask(on, DTMF | {"dialogId": "200"})
        story = (await browser.get(f"/page/story?request={first['id']}")).json()

    near = {each["id"]: each["neighbour"] for each in story["requests"]}
    assert near == {first["id"]: False, other["id"]: True}


@pytest.mark.parametrize(
    "query", ["request=nobody", f"request={uuid.UUID(int=5)}", "dialog=1", "agent=nobody&last=5"]
)
async def test_what_memory_does_not_know_is_not_there(tmp_path, query):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        got = await browser.get(f"/page/story?{query}")

    assert problem(got)["type"] == "request_not_found"


# ---------------------------------------------------------------- long tables


def a_record(number: int, **more) -> Record:
    moment = now_utc() - timedelta(seconds=more.pop("ago", 0.0))
    error = ApiError(error_type="Generic Error", error_message="CF_INVALID_OBJECT_STATE")
    good = Confirmed(evidence=Evidence.REQUEST_ID, status=202, waited=0.2, dialog=a_dialog())
    bad = Failed(evidence=Evidence.REQUEST_ID, status=202, waited=50.0, errors=(error,))
    return Record(
        key=new_key(),
        request_id=f"id-{number}",
        request=Hold(agent=f"5{number % 7}", dialog_id=str(number)),
        submitted=moment,
        submitted_at=0.0,
        sent=moment,
        settled=moment,
        outcome=bad if number % 5 == 0 else good,
    )


def filled(on, count: int, **more) -> list[str]:
    """Put settled requests into memory; return their ids, the newest first."""
    records = [a_record(number, **more) for number in range(count)]
    for record in records:
        on.rig.service._ledger.add(record, (), settled_at=on.rig.service.loop.time())
    return sorted((record.key for record in records), reverse=True)


async def pages(browser, **params) -> list[str]:
    """Return the ids of all pages of the table."""
    found, before = [], {}
    while True:
        got = (await browser.get("/page/requests", params={**params, **before})).json()
        found += [row["id"] for row in got["requests"]]
        if got["next"] is None:
            return found
        before = {"before": got["next"]}


async def test_a_long_table_is_read_in_pages_without_a_gap_or_a_repeat(tmp_path):
    count = 2 * listing.LOOKED_AT + 300
    async with paged(tmp_path) as on, on.signed_in() as browser:
        ids = filled(on, count)
        assert await pages(browser, limit=1000) == ids
        assert await pages(browser, limit=7, agent="53") == (
            [key for key in ids if on.rig.service.records[key].request.agent == "53"]
        )
        assert len(await pages(browser, limit=100, kind="failed")) == count // 5
        assert await pages(browser, limit=10, q="id-1299") == (
            [key for key in ids if on.rig.service.records[key].request_id == "id-1299"]
        )


async def test_requests_that_come_meanwhile_do_not_shift_the_pages(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        ids = filled(on, 20)
        first = (await browser.get("/page/requests", params={"limit": 10})).json()
        filled(on, 5)
        rest = await browser.get("/page/requests", params={"limit": 10, "before": first["next"]})

    rows = first["requests"] + rest.json()["requests"]
    assert [row["id"] for row in rows] == ids


async def test_a_summary_counts_all_that_is_in_memory(tmp_path):
    count = 2 * summary.AT_ONCE + 10
    async with paged(tmp_path) as on, on.signed_in() as browser:
        filled(on, count)
        found = (await browser.get("/page/summary")).json()

    assert found["counted"] == count == found["actions"][0]["total"]
    assert found["complete"] is True


async def test_a_summary_is_of_its_time_and_is_made_once_a_second(tmp_path):
    async with paged(tmp_path) as on, on.signed_in() as browser:
        on.page.clock = on.late.total_seconds  # it stands still
        filled(on, 10, ago=300.0)
        filled(on, 10)
        now = (await browser.get("/page/summary?minutes=2")).json()
        filled(on, 10)
        same = (await browser.get("/page/summary?minutes=2")).json()
        on.page.clock = timedelta(seconds=2).total_seconds
        newer = (await browser.get("/page/summary?minutes=2")).json()
        longer = (await browser.get("/page/summary?minutes=60")).json()

    (hold,) = now["actions"]
    assert (now["counted"], same["counted"], newer["counted"], longer["counted"]) == (
        10,
        10,
        20,
        30,
    )
    assert (hold["outcomes"]["confirmed"], hold["outcomes"]["failed"]) == (8, 2)
    assert (hold["latency"][1], hold["latency"][-1]) == (8, 2)
    (error,) = longer["errors"]
    assert (error["key"], error["count"]) == ("CF_INVALID_OBJECT_STATE", 6)
    assert len(error["requests"]) == 5
    assert error["advice"]


# ---------------------------------------------------------------- payloads


def heard(payload: str, item: str = "1") -> Notification:
    return Notification(node=f"/finesse/api/User/{A}/Dialogs", item_id=item, payload=payload)


def test_payloads_are_kept_up_to_a_number_and_a_size():
    at = now_utc()
    kept = Payloads(lambda: at, most=3, characters=100)
    for number in range(5):
        at += timedelta(seconds=1)
        kept.take(heard(f"<{number}/>"))
    begun = kept.since
    found = [each.payload for each in kept.between(0, at.timestamp() + 1)]
    kept.take(heard("x" * 99))

    assert found == ["<2/>", "<3/>", "<4/>"]
    assert begun == (at - timedelta(seconds=2)).timestamp()
    assert len(kept) == 1
    kept.take(heard("x" * 101))
    assert len(kept) == 0
    assert kept.since == at.timestamp()


def test_payloads_of_a_time_are_found_and_all_can_be_dropped():
    at = now_utc()
    kept = Payloads(lambda: at)
    for number in range(5):
        at += timedelta(seconds=1)
        kept.take(heard(f"<{number}/>"))
    end = at.timestamp()

    assert [each.payload for each in kept.between(end - 3, end - 1)] == ["<1/>", "<2/>", "<3/>"]
    assert kept.between(end + 1, end + 2) == []
    assert kept.between(0, 1) == []
    assert "<1/>" not in repr(kept) + repr(kept.between(0, end))
    assert kept.forget() == 5
    assert kept.between(0, end) == []


# ---------------------------------------------------------------- the command


async def test_the_command_prints_a_link_over_the_socket_and_over_tcp(tmp_path):
    async with housed(tmp_path) as house:
        tcp = ["--url", house.url, "--token-file", house.token_file("read")]
        link = house.url + "/#code="
        over_socket, as_json, over_tcp, refused = await asyncio.gather(
            program.listener("page", "--config", house.config),
            program.listener("page", "--socket", house.socket, "--show-numbers", "--json"),
            program.listener("page", *tcp),
            program.listener("page", *tcp, "--show-numbers"),
        )

    assert (over_socket.code, as_json.code, over_tcp.code) == (0, 0, 0)
    assert over_socket.out.startswith(link)
    assert over_tcp.out.startswith(link)
    assert len(over_socket.out.splitlines()) == 1
    assert "60 seconds" in over_socket.err
    assert json.loads(as_json.out)["numbers"] is True
    assert json.loads(as_json.out)["link"].startswith(link)
    assert (refused.code, refused.out) == (77, "")
    assert "admin" in refused.err


async def test_the_command_says_what_is_missing(tmp_path):
    async with simulated() as simulator:
        told = settings(simulator, tmp_path)
        api = told.api.model_copy(update={"socket": tmp_path / "s"})
        async with Station.open(told.model_copy(update={"api": api}), paces=PACES):
            no_tcp = await program.listener("page", "--socket", tmp_path / "s")
    nobody = await program.listener("page", "--socket", tmp_path / "nobody")

    assert (no_tcp.code, no_tcp.out) == (78, "")
    assert "listen =" in no_tcp.err
    assert (nobody.code, nobody.out) == (69, "")
    assert not list(tmp_path.glob("*.page.key")), "no page, and so no key of its cookies"

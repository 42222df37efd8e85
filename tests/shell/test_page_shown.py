"""What the page shows of a whole daemon: the table, stories, XML, sessions; masked, and as text."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import quote

import httpx
import pytest
from structlog.testing import capture_logs

from listener.demo import elsewhere
from listener.errors import NotKept
from listener.finesse import uris
from listener.journal import reading
from listener.page import listing, source
from listener.page.rows import row_of, row_of_resource
from listener.report import record_json
from listener.simulator.faults import Fault
from tests.shell.house import housed, moved_in
from tests.shell.stage import CUSTOMER, A, B, simulated, until

SCRIPT = "<script>alert('call data')</script>"
SLASHED = "a/b?c=d#e&f <script>alert(1)</script>"
DIGITS = "7531902"
SECRET_DATA = "the customer's secret"


@asynccontextmanager
async def looking(house, *, numbers: bool = False):
    """Sign a browser in, as the command and the page do."""
    async with house.client() as client:
        link = (await client.page_link(numbers=numbers))["link"]
    base, _, code = link.partition("/#code=")
    async with httpx.AsyncClient(base_url=base, timeout=30) as browser:
        entered = await browser.post("/page/session", json={"code": code})
        assert entered.status_code == 201
        yield browser


async def asked(browser, path: str, **params):
    got = await browser.get(path, params=params)
    assert got.status_code == 200, got.text
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["content-type"] == "application/json"
    return got.json()


@asynccontextmanager
async def played(tmp_path, **how):
    """Run a daemon over which some requests went; give it with their resources by a word."""
    async with housed(tmp_path, **how) as house:
        yield house, await play(house)


async def play(house) -> dict[str, dict]:
    dialog = await house.call()
    told = {"agent": A, "dialog_id": dialog, "wait": 20}
    async with house.client() as client:
        return {
            "data": await client.submit(
                requested_action="UPDATE_CALL_DATA",
                request_id=SLASHED,
                media_properties={
                    "callvariables": {"callVariable1": SCRIPT, "callVariable2": SECRET_DATA}
                },
                **told,
            ),
            "held": await client.submit(requested_action="HOLD", **told),
            "failed": await client.submit(requested_action="HOLD", **told),
            "back": await client.submit(requested_action="RETRIEVE", **told),
        }


async def digits(house, dialog: str) -> dict:
    """Send digits, and return once Finesse took them; their outcome comes with the deadline."""
    async with house.client() as client:
        sent = await client.submit(
            agent=A, requested_action="SEND_DTMF", dialog_id=dialog, dtmf_string=DIGITS
        )
    record = house.station.listener.service.records[sent["id"]]
    await until(lambda: record.answered)
    return sent


# ---------------------------------------------------------------- the table


async def test_the_table_has_each_request_once_the_newest_first_a_page_at_a_time(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        whole = await asked(browser, "/page/requests")
        pages, before = [], {}
        while True:
            found = await asked(browser, "/page/requests", limit=2, **before)
            pages.append([row["id"] for row in found["requests"]])
            if found["next"] is None:
                break
            before = {"before": found["next"]}

    ids = sorted((each["id"] for each in known.values()), reverse=True)
    assert [row["id"] for row in whole["requests"]] == ids
    assert whole["next"] is None
    assert [id_ for page in pages for id_ in page] == ids
    assert {row["kind"] for row in whole["requests"]} >= {"confirmed", "failed"}


async def test_requests_are_found_by_dialog_agent_request_and_outcome(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        dialog = known["held"]["dialogId"]
        everything = {each["id"] for each in known.values()}
        for params, wanted in (
            ({"dialogId": dialog}, everything),
            ({"q": dialog}, everything),
            ({"q": A[2:]}, everything),
            ({"agent": A}, everything),
            ({"agent": B}, set()),
            ({"requestId": SLASHED}, {known["data"]["id"]}),
            ({"q": SLASHED[3:20].upper()}, {known["data"]["id"]}),
            ({"q": known["held"]["id"]}, {known["held"]["id"]}),
            ({"kind": "failed"}, {known["failed"]["id"]}),
            ({"kind": "failed", "agent": B}, set()),
            ({"state": "open"}, set()),
            ({"q": "100%"}, set()),
            ({"q": "no such thing"}, set()),
            ({"q": "retri"}, {known["back"]["id"]}),
        ):
            found = await asked(browser, "/page/requests", **params)
            assert {row["id"] for row in found["requests"]} == wanted, params


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"before": "x"},
        {"state": "odd"},
        {"kind": "odd"},
        {"agent": ""},
        {"mistyped": "x"},
    ],
)
async def test_a_filter_that_cannot_be_is_refused(tmp_path, params):
    async with housed(tmp_path) as house, looking(house) as browser:
        got = await browser.get("/page/requests", params=params)

    assert got.status_code == 422
    assert got.headers["content-type"] == "application/problem+json"


async def test_a_row_says_the_same_from_memory_from_the_stream_and_from_the_journal(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        service, journal = house.station.listener.service, house.station.journal
        listed = (await asked(browser, "/page/requests"))["requests"]
        for row in listed:
            record = service.records[row["id"]]
            resource = record_json(record, None, service.deployment)
            stored = await journal.request(row["id"])
            assert row == row_of_resource(resource)
            assert row == row_of(stored.record, None, service.deployment)
            one = await asked(browser, f"/page/requests/{row['id']}")
            assert row == {key: one[key] for key in row}
        assert (
            await browser.get(f"/page/requests/{known['held']['requestId']}")
        ).status_code == 404


async def test_after_a_restart_the_table_stories_and_sessions_of_before_are_there(tmp_path):
    """And the browser's cookie is still good."""
    async with simulated() as simulator:
        async with moved_in(simulator, tmp_path) as house:
            known = await play(house)
            async with looking(house) as browser:
                before = await asked(browser, "/page/requests")
                cookies = dict(browser.cookies)
        async with moved_in(simulator, tmp_path) as house:
            house.station.listener.service.forget(lambda _record: True)  # as after a long time
            async with httpx.AsyncClient(base_url=house.url, cookies=cookies) as browser:
                assert (await asked(browser, "/page/session"))["scopes"] == ["read"]
                after = await asked(browser, "/page/requests")
                some = await asked(browser, "/page/requests", limit=2)
                rest = await asked(browser, "/page/requests", limit=500, before=some["next"])
                failed = await asked(browser, "/page/requests", kind="failed", q=A[:4])
                back = await asked(browser, "/page/requests", q="trieve")
                beginnings = await asked(browser, "/page/requests", q=known["back"]["id"][1:])
                story = await asked(browser, "/page/story", request=known["failed"]["id"])
                line = await asked(browser, "/page/timeline")
                raw = await asked(browser, "/page/raw", request=known["data"]["id"])

    assert after["requests"] == before["requests"]
    assert some["requests"] + rest["requests"] == before["requests"]
    assert [row["id"] for row in failed["requests"]] == [known["failed"]["id"]]
    assert [row["id"] for row in back["requests"]] == [known["back"]["id"]]
    assert beginnings["requests"] == []
    assert beginnings["notes"] == back["notes"] == [listing.BEGINNINGS]
    assert after["notes"] == []
    assert story["findings"]
    spans = {each["id"]: each["spans"] for each in line["agents"]}[A]
    assert [span["live"] for span in spans][-1] is True
    assert len(spans) > 1
    assert line["known"] < line["started"]
    assert raw["heard"] == []
    assert "transcript" in raw["notes"][0]
    assert SECRET_DATA not in json.dumps(raw)


# ---------------------------------------------------------------- stories and XML


async def test_a_story_is_told_for_a_request_by_either_id_and_for_dialog_and_agent(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        by_id = await asked(browser, "/page/story", request=known["failed"]["id"])
        got = await browser.get(f"/page/story?request={quote(SLASHED, safe='')}")
        dialog = await asked(browser, "/page/story", dialog=known["held"]["dialogId"])
        agent = await asked(browser, "/page/story", agent=A, last=3600)

    assert [step["number"] for step in by_id["steps"]] == [*range(1, len(by_id["steps"]) + 1)]
    assert {step["from"] for step in by_id["steps"]} <= {*by_id["lanes"]}
    assert {"asked", "sent", "answered", "error", "outcome"} <= {
        step["kind"] for step in by_id["steps"]
    }
    assert any(step["bad"] for step in by_id["steps"])
    assert by_id["findings"][0]["advice"]
    assert got.json()["requests"][0]["requestId"] == SLASHED
    asked_for = {each["id"] for each in known.values()}
    assert {each["id"] for each in dialog["requests"]} == asked_for
    assert {each["id"] for each in agent["requests"]} == asked_for


async def test_what_nobody_knows_is_told_with_what_is_near(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        near = known["held"]["id"][:-1] + ("0" if known["held"]["id"][-1] != "0" else "1")
        got = await browser.get("/page/story", params={"request": near})
        nothing = await browser.get("/page/story")
        both = await browser.get("/page/story", params={"request": near, "agent": A})
        raw = await browser.get("/page/raw", params={"request": near})

    assert (got.status_code, raw.status_code) == (404, 404)
    assert any(known["held"]["id"] in each for each in got.json()["near"])
    assert (nothing.status_code, both.status_code) == (422, 422)


async def test_a_story_is_a_file_for_a_ticket_that_runs_nothing(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        for ending, kind in (("svg", "image/svg+xml"), ("html", "text/html")):
            got = await browser.get(
                f"/page/story.{ending}", params={"request": known["data"]["id"]}
            )
            assert got.headers["content-type"] == f"{kind}; charset=utf-8"
            assert got.headers["content-disposition"] == f'attachment; filename="story.{ending}"'
            assert got.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
            assert "<script" not in got.text


async def test_the_xml_is_what_was_sent_and_what_was_heard(tmp_path):
    async with played(tmp_path) as (house, known), looking(house, numbers=True) as browser:
        raw = await asked(browser, "/page/raw", request=known["data"]["id"], unmask="true")
        failed = await asked(browser, "/page/raw", request=known["failed"]["id"])

    assert raw["masked"] is False
    assert raw["sent"]["requestId"] == SLASHED
    assert raw["sent"]["path"] == f"/finesse/api/Dialog/{known['data']['dialogId']}"
    assert "<name>callVariable1</name><value>&lt;script&gt;" in raw["sent"]["body"]
    assert raw["answer"]["status"] == 202
    own = [each for each in raw["heard"] if each["about"]]
    assert any(CUSTOMER in each["payload"] for each in own)
    assert raw["heard"] == sorted(raw["heard"], key=lambda each: each["at"])
    assert "<apiErrors>" in "".join(each["payload"] for each in failed["heard"]).replace(
        "ApiErrors", "apiErrors"
    )


async def test_a_script_in_a_call_variable_is_text_in_json(tmp_path):
    async with played(tmp_path) as (house, known), looking(house, numbers=True) as browser:
        got = await browser.get(
            "/page/raw", params={"request": known["data"]["id"], "unmask": "true"}
        )
        listed = await browser.get("/page/requests")

    for each in (got, listed):
        assert each.headers["content-type"] == "application/json"
        assert each.headers["x-content-type-options"] == "nosniff"
    assert listed.json()["requests"][-1]["requestId"] == SLASHED
    assert SCRIPT.replace("<", "&lt;").replace(">", "&gt;") in got.json()["sent"]["body"]


# ---------------------------------------------------------------- masks


async def every_answer(browser, known) -> str:
    """Return all that the page can be asked for, and the first events of its stream."""
    paths = ["/page/info", "/page/requests", "/page/agents", "/page/timeline", "/page/summary"]
    paths += [f"/page/story?agent={A}", f"/page/story.svg?agent={A}", f"/page/story.html?agent={A}"]
    for each in known.values():
        paths += [f"/page/requests/{each['id']}", f"/page/raw?request={each['id']}"]
    told = []
    for path in paths:
        got = await browser.get(path)
        assert got.status_code == 200, path
        told.append(got.text)
    count, epoch = 0, (await asked(browser, "/page/info"))["epoch"]
    async with (
        asyncio.timeout(20),
        browser.stream("GET", f"/page/events?after={epoch}-0") as stream,
    ):
        async for line in stream.aiter_lines():
            told.append(line)
            count += line.startswith("event: request")
            if count == 2 * len(known):  # taken and settled, at the least
                break
    return "\n".join(told)


async def test_numbers_and_call_data_are_masked_in_all_that_is_told(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        known["digits"] = await digits(house, known["held"]["dialogId"])
        told = await every_answer(browser, known)

    assert "HOLD" in told
    for secret in (CUSTOMER, CUSTOMER[2:], SECRET_DATA, "alert('call data')", DIGITS):
        assert secret not in told


async def test_only_a_page_that_was_asked_for_with_numbers_shows_them(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        for path in ("/page/raw", "/page/story", "/page/story.svg", "/page/story.html"):
            params = {"request": known["data"]["id"], "unmask": "true"}
            assert (await browser.get(path, params=params)).status_code == 403
            odd = {"request": known["data"]["id"], "unmask": "perhaps"}
            assert (await browser.get(path, params=odd)).status_code == 422
        async with looking(house, numbers=True) as seeing:
            assert (await asked(seeing, "/page/session"))["numbers"] is True
            params = {"request": known["data"]["id"], "unmask": "true"}
            assert CUSTOMER in (await seeing.get("/page/raw", params=params)).text
            assert (
                CUSTOMER
                not in (await seeing.get("/page/raw", params={"request": known["data"]["id"]})).text
            )
            assert CUSTOMER[-7:] in (await seeing.get("/page/story", params=params)).text
            own = f"/page/requests/{known['data']['id']}"
            assert (await browser.get(own, params={"unmask": "true"})).status_code == 403
            assert (await asked(seeing, own))["masked"] is True
            assert (await asked(seeing, own, unmask="true"))["masked"] is False


async def test_digits_are_never_shown(tmp_path):
    async with played(tmp_path) as (house, known), looking(house, numbers=True) as browser:
        sent = await digits(house, known["held"]["dialogId"])
        params = {"request": sent["id"], "unmask": "true"}
        raw = (await browser.get("/page/raw", params=params)).text
        story = (await browser.get("/page/story", params=params)).text

    assert "SEND_DTMF" in raw
    assert DIGITS not in raw + story


ERROR = (
    "<Update><data><apiErrors><apiError><errorType>{}</errorType><errorMessage>{}</errorMessage>"
    "<errorData>{}</errorData><peripheralErrorText>{}</peripheralErrorText></apiError></apiErrors>"
    "</data><event>PUT</event><source>/finesse/api/Dialog/{}</source><requestId></requestId>"
    "</Update>"
)


async def refused_without_an_id(house, dialog: str, *said: str) -> dict:
    """Let HOLD fail by an error that does not say which request it is about."""
    house.simulator.finesse.faults.add(Fault.SILENT, agent=A, action="HOLD")
    async with house.client() as client:
        going = await client.submit(agent=A, requested_action="HOLD", dialog_id=dialog)
        record = house.station.listener.service.records[going["id"]]
        await until(lambda: record.answered)
        told = ERROR.format(*said, dialog)
        await house.simulator.notifications.publish(uris.dialogs_node(A), told)
        return await client.outcome(going["id"], 20)


async def test_digits_that_errors_without_an_id_repeat_are_shown_nowhere(tmp_path):
    """In the XML of a request of the same call neither, by whichever agent they were sent."""
    async with housed(tmp_path) as house, looking(house, numbers=True) as browser:
        dialog = await house.call()
        parts = f"key {DIGITS}, {DIGITS[:5]}, {' '.join(DIGITS)}, {' '.join(DIGITS[:4])}"
        told = (f"Bad {DIGITS}", f"no {DIGITS}", DIGITS, parts)
        with capture_logs() as logged:
            failed = await refused_without_an_id(house, dialog, "x", "x", "x", "x")
            sent = await digits(house, dialog)
            payloads = house.station.listener.service.overheard.__self__
            for agent in (A, B):
                node = uris.dialogs_node(agent)
                await house.simulator.notifications.publish(node, ERROR.format(*told, dialog))
            await until(lambda: sum(DIGITS in each for each in kept(payloads)) == len((A, B)))
        async with house.client() as client:
            shown = [await client.request(failed["id"]), await client.request(sent["id"])]
        for each in (failed, sent):
            for unmask in ("true", "false"):
                for path in (f"/page/requests/{each['id']}", "/page/raw", "/page/story"):
                    more = {} if each["id"] in path else {"request": each["id"]}
                    shown.append(await asked(browser, path, unmask=unmask, **more))

    assert failed["outcome"]["kind"] == "failed"
    assert any("no ***" in json.dumps(each) for each in shown)
    for each in (*shown, logged):
        for part in (DIGITS, DIGITS[:4], " ".join(DIGITS[:4])):
            assert part not in json.dumps(each, default=repr)


def kept(payloads):
    return [each.payload for each in payloads.between(0, float("inf"))]


async def test_what_an_error_repeats_of_a_call_is_masked_in_all_that_is_told(tmp_path):
    secrets = ("Hedwig", "Grünwald", "8885557733", CUSTOMER.lstrip("+"), "Policy-Q7X")
    said = f"cannot reach {' '.join(secrets)}"
    async with played(tmp_path) as (house, known), looking(house) as browser:
        dialog = known["held"]["dialogId"]
        known["odd"] = await refused_without_an_id(house, dialog, f"Odd {said}", *[said] * 3)
        everything = await every_answer(browser, known)

    assert known["odd"]["outcome"]["kind"] == "failed"
    assert "cannot reach ***" in everything
    for secret in secrets:
        assert secret not in everything
        assert json.dumps(secret)[1:-1] not in everything


async def test_a_number_looks_the_same_in_a_story_and_in_its_xml(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        story = await asked(browser, "/page/story", request=known["held"]["id"])
        raw = await asked(browser, "/page/raw", request=known["held"]["id"])

    own = {m["address"] for step in story["steps"] for m in step["moves"] if m["own"]} - {None}
    (mask,) = own
    assert mask.startswith("***")
    assert f"<targetMediaAddress>{mask}</targetMediaAddress>" in raw["sent"]["body"]


async def test_what_is_erased_is_gone_from_the_xml_too(tmp_path):
    async with played(tmp_path) as (house, known), looking(house, numbers=True) as browser:
        async with house.client() as client:
            await client.forget(number=CUSTOMER)
        story = await browser.get("/page/story", params={"agent": A, "unmask": "true"})
        raw = await browser.get(
            "/page/raw", params={"request": known["back"]["id"], "unmask": "true"}
        )

    assert CUSTOMER not in story.text + raw.text


# ---------------------------------------------------------------- sessions, counts


async def test_agents_their_sessions_and_their_gaps_are_told(tmp_path):
    async with housed(tmp_path) as house, looking(house) as browser:
        gaps = house.station.chronicle.gaps
        await elsewhere.cut(house.simulator, A)
        await until(lambda: (gaps.get(A) or {}).get("until"))
        await until(lambda: house.station.listener.roster.up == 2)
        agents = await asked(browser, "/page/agents")
        line = await asked(browser, "/page/timeline")
        one = await asked(browser, "/page/timeline", agent=B)

    assert {each["id"]: each["live"] for each in agents["agents"]} == {A: True, B: True}
    assert all("extension" not in each for each in agents["agents"])
    assert [each["id"] for each in line["agents"]] == [A, B], "those with a gap come first"
    (gap,) = line["agents"][0]["gaps"]
    assert gap["from"] < gap["until"]
    assert gap["cause"]
    spans = line["agents"][0]["spans"]
    assert not all(span["live"] for span in spans)
    assert (spans[-1]["live"], spans[-1]["until"]) == (True, None)
    assert all(a["until"] == b["from"] for a, b in pairwise(spans))
    assert [each["id"] for each in one["agents"]] == [B]


async def test_the_summary_counts_outcomes_times_and_errors(tmp_path):
    async with played(tmp_path) as (house, known), looking(house) as browser:
        found = await asked(browser, "/page/summary", minutes=5)
        too_long = await browser.get("/page/summary", params={"minutes": 1441})

    actions = {each["action"]: each for each in found["actions"]}
    assert found["counted"] == len(known)
    assert found["complete"] is True
    assert actions["HOLD"]["total"] == 2
    assert (actions["HOLD"]["outcomes"]["confirmed"], actions["HOLD"]["outcomes"]["failed"]) == (
        1,
        1,
    )
    assert all(sum(each["latency"]) == each["total"] for each in actions.values())
    (error,) = found["errors"]
    assert error["count"] == 1
    assert error["requests"] == [known["failed"]["id"]]
    assert error["meaning"]
    assert error["advice"]
    assert error["actions"] == {"HOLD": 1}
    assert too_long.status_code == 422


# ---------------------------------------------------------------- a journal with less, or none now


async def test_what_the_journal_does_not_keep_of_notifications_is_told_from_memory(tmp_path):
    more = 'notifications = "headers"\n'
    async with played(tmp_path, more=more) as (house, known), looking(house) as browser:
        story = await asked(browser, "/page/story", request=known["held"]["id"])

    assert any("from memory" in note for note in story["notes"])
    assert any(step["moves"] for step in story["steps"] if step["kind"] == "heard")
    assert story["requests"][0]["deadline"] is not None, "which the journal knows"


async def test_while_the_journal_cannot_be_read_the_page_shows_what_is_in_memory(
    tmp_path, monkeypatch
):
    async def broken(*_):
        raise NotKept("the disk does not answer")

    async with played(tmp_path) as (house, known), looking(house) as browser:
        monkeypatch.setattr(house.station.journal, "answer", broken)
        monkeypatch.setattr(house.station.journal, "request", broken)
        house.station.listener.service.overheard = lambda _heard: None
        table = await asked(browser, "/page/requests")
        story = await asked(browser, "/page/story", request=known["held"]["id"])
        raw = await asked(browser, "/page/raw", request=known["held"]["id"])
        line = await asked(browser, "/page/timeline")
        found = await asked(browser, "/page/summary", minutes=1440)

    assert len(table["requests"]) == len(known)
    assert "the disk does not answer" in table["notes"][0]
    assert story["source"] == "the daemon's memory"
    assert any("the disk does not answer" in note for note in story["notes"])
    assert raw["answer"]["status"] == 202
    assert {each["id"] for each in line["agents"]} == {A, B}
    assert (found["counted"], found["complete"]) == (len(known), False)


async def test_a_search_of_the_journal_ends_in_time_and_the_next_question_is_answered(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(source, "PATIENCE", -1.0)
    monkeypatch.setattr(reading, "_INSTRUCTIONS", 1)
    async with played(tmp_path) as (house, known), looking(house) as browser:
        story = await asked(browser, "/page/story", dialog=known["held"]["dialogId"])
        stored = await house.station.journal.request(known["held"]["id"])

    assert story["source"] == "the daemon's memory"
    assert any("not to its end" in note for note in story["notes"])
    assert stored.record.key == known["held"]["id"]

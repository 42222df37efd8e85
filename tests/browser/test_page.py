"""The page against a scripted daemon: all is seen, opened and found, and payloads are text."""

from __future__ import annotations

import re

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.scripted import (
    ASSETS,
    CODE,
    ERROR,
    Scripted,
    agent,
    row,
    stamp,
    uuid,
)

KINDS = ("confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned", None)
SHOWN = "[...document.querySelectorAll('#requests .sizer .row')].map((each) => each.dataset.id)"
EVIL = "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 2'>"


async def opened(browser: Chromium, url: str, **how: object) -> Page:
    """Open the page and wait until it is live."""
    page = await browser.page(**how)
    await page.goto(url)
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    return page


async def shows(page: Page, count: int) -> None:
    """Wait until the table holds so many rows."""
    await page.until(
        "document.querySelector('#requests').getAttribute('aria-rowcount') === String($0 + 1)",
        count,
    )


async def noting(page: Page, selector: str) -> None:
    """Let the page keep in `noted_` what an element says from now on, however short."""
    await page.js(
        """(() => { window.noted_ = []; const box = document.querySelector($0);
        new MutationObserver(() => window.noted_.push(box.textContent)).observe(
          box, { childList: true, characterData: true, subtree: true }); return true; })()""",
        selector,
    )


async def test_a_link_signs_in_once_and_its_code_leaves_the_address(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    page = await opened(browser, link)
    assert await page.js("location.href") == scripted.url + "/"
    told = await page.call("Page.getNavigationHistory")
    assert all(CODE not in each["url"] for each in told["entries"])
    await page.until("document.querySelector('#requests .empty').textContent.includes('yet')")
    assert await page.js("document.cookie") == ""
    page.problems.clear()

    await page.goto(f"{scripted.url}/?again#code={CODE}")  # this browser is signed in already
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    assert "still signed in" in await page.text("#notice")
    assert await page.js("location.hash") == ""
    await page.call("Network.clearBrowserCookies")
    await page.goto(f"{scripted.url}/?once-more#code={CODE}")
    await page.until("document.querySelector('#door-title').textContent.includes('not good')")
    assert "used already" in await page.text("#door")
    assert "listener page" in await page.text("#door pre")
    assert await page.js("location.hash") == ""
    assert all("401" in each for each in page.problems)


async def test_without_a_sign_in_it_says_what_to_run_and_a_link_opens_it(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    page = await browser.page()
    await page.goto(scripted.url)
    await page.until("!document.querySelector('#door').hidden")
    assert "listener page" in await page.text("#door pre")
    assert await page.js("document.querySelector('main').hidden")
    assert not scripted.asked
    assert all("401" in each for each in page.problems)
    page.problems.clear()
    await page.goto(link)  # into the same document: only the fragment changes
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    assert not page.problems


async def test_rows_tell_outcomes_by_word_and_shape_and_can_be_filtered(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number, KINDS[number % 7]) for number in range(35)))
    page = await opened(browser, link)
    await shows(page, 35)
    seen = await page.js(
        """Object.fromEntries([...document.querySelectorAll('#requests .sizer .c-outcome')].map(
          (each) => [each.textContent, each.querySelector('use').getAttribute('href')]))"""
    )
    assert set(seen) == {kind or "open" for kind in KINDS}
    assert len(set(seen.values())) == 7  # each has a shape of its own
    assert await page.text("#kinds [data-kind=failed] .count") == "5"

    await page.click("#kinds [data-kind=failed]")
    await shows(page, 5)
    words = await page.js("document.querySelector('#requests .scroll').textContent")
    assert words.count("CF_INVALID_OBJECT_STATE") == 5
    assert await page.text("#found") == "5 of 35"
    await page.press("Escape")
    await shows(page, 35)
    assert not page.problems


async def test_a_click_opens_the_sequence_and_the_xml_and_closing_returns(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number) for number in range(10)))
    scripted.story_more = {
        "findings": [
            {
                "rule": "held",
                "cause": "The participant was held",
                "saw": "HELD",
                "advice": "Retrieve first",
                "steps": [4],
                "request": uuid(7),
            }
        ]
    }
    page = await opened(browser, link)
    await shows(page, 10)
    await page.click(f"[data-id='{uuid(7)}']")
    await page.until("document.querySelectorAll('.steps > li').length === 5")
    assert "SEND_DTMF of agent 1001007" in await page.text("#details-title")
    steps = await page.js(
        "[...document.querySelectorAll('.steps > li')].map((each) => each.textContent)"
    )
    assert "SEND_DTMF asked (caller to listener)" in steps[0]
    assert "✓ dialog: participant ACTIVE -> HELD" in steps[3]
    assert "it proves this request" in steps[3]
    assert await page.js("document.querySelectorAll('.steps .arrow').length") == 5
    assert "The participant was held" in await page.text("#details-body .finding")
    assert "Retrieve first" in await page.text("#details-body .finding")
    assert "<requestedAction>HOLD" in await page.text("#details-body pre.xml")
    assert "are masked" in await page.text("#details-body")
    assert not any("unmask" in each for each in scripted.asked)
    assert "2026" in await page.text("#details-body dl") or "UTC" in await page.text("dl")

    await page.press("Escape")
    await page.until("document.querySelector('#details').hidden")
    await page.until("document.activeElement.dataset.id === $0", uuid(7))
    assert not page.problems


async def test_numbers_are_shown_only_where_the_link_allows_it(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(row(1))
    scripted.numbers = True
    page = await opened(browser, link)
    await page.click(f"[data-id='{uuid(1)}']")
    await page.click(".actions label input")
    await page.until("document.querySelector('.actions a').href.includes('unmask=true')")
    for name in ("raw", "story", f"requests/{uuid(1)}"):
        asked = [each for each in scripted.asked if f"/page/{name}?" in each]
        assert "unmask" not in asked[0]
        assert "unmask=true" in asked[-1]
    assert not page.problems


async def test_payloads_are_text_and_never_markup(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(
        row(1, "failed", requestId=f"a/b?c#d {EVIL}", agent=EVIL, dialogId=EVIL, errors=[EVIL]),
    )
    scripted.payload = f"<Update><callVariable1>{EVIL}</callVariable1></Update>"
    scripted.story_more = {"notes": [EVIL], "source": EVIL}
    scripted.agents = {"x": agent(1, live=False, id=EVIL, lastError=EVIL)}
    scripted.errors = [
        {"key": EVIL, "constant": EVIL, "count": 1, "last": stamp(1), "actions": {EVIL: 1}}
        | {"requests": [uuid(1)], "meaning": EVIL, "advice": EVIL}
    ]
    page = await opened(browser, link)
    await page.click(f"[data-id='{uuid(1)}']")
    await page.until("document.querySelectorAll('pre.xml').length === 2")
    for selector in ("#details-body pre.xml:last-of-type", "#details-body dl", "#details-title"):
        assert "<script>" in await page.text(selector) or selector.endswith("last-of-type")
    assert "window.harmed" in await page.js(
        "[...document.querySelectorAll('pre.xml')].at(-1).textContent"
    )
    await page.press("Escape")
    for key, place in (("2", "sessions"), ("3", "view-figures"), ("4", "errors")):
        await page.press(key)
        await page.until("!document.getElementById($0).closest('.view').hidden", place)
    await page.until("document.querySelector('#errors').textContent.includes('<script>')")
    assert await page.js("window.harmed ?? null") is None
    assert await page.js("document.querySelectorAll('body script, body img').length") == 0
    assert not page.problems


async def test_it_is_found_by_dialog_agent_and_request(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number) for number in range(200)))
    scripted.add(row(500, requestId="crm/4711/a b"))
    page = await opened(browser, link)
    await shows(page, 201)
    for words, count in (
        ("16855010", 4),
        ("agent:1001007", 5),
        ("dialog:16855010 action:hold", 1),
        ("crm/4711", 1),
        ("request:r-42", 1),
        ("no such thing", 0),
    ):
        await page.press("Escape")
        await page.js("document.querySelector('#search').focus()")
        await page.write(words)
        await shows(page, count)
    assert "asks the daemon for older ones" in await page.text("#requests .empty")
    assert not page.problems


async def test_enter_in_the_search_asks_the_daemon_for_older_requests(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(row(5))
    page = await opened(browser, link)
    await shows(page, 1)
    scripted.add(row(1, requestId="old/1"))
    await page.press("/")
    await page.write("old/1")
    await shows(page, 0)
    await page.press("Enter")
    await shows(page, 1)
    assert any("q=old%2F1" in each for each in scripted.asked)
    assert not page.problems


async def test_sessions_and_gaps_stand_on_a_time_line_of_two_thousand_agents(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.agents = {each["id"]: each for each in (agent(number) for number in range(2000))}
    last = agent(1999, live=False)
    scripted.agents[last["id"]] = last
    scripted.timeline = [
        {
            "id": last["id"],
            "spans": [
                {"from": stamp(0), "until": stamp(600), "live": True, "state": "up"},
                {"from": stamp(600), "until": None, "live": False, "state": "down"},
            ],
            "gaps": [{"from": stamp(600), "until": None, "cause": "link_lost", "lossless": False}],
        }
    ]
    scripted.left_out = 7
    page = await opened(browser, link)
    await page.press("2")
    await page.until("document.querySelector('#sessions').getAttribute('aria-rowcount') === '2001'")
    await page.until("document.querySelector('#sessions-words').textContent.includes('7 spans')")
    assert "1,999 of 2,000 sessions" in await page.text("#sessions-words")
    first = "#sessions .sizer .row:first-child"
    await page.until("document.querySelector($0).dataset.id === $1", first, last["id"])
    await page.until(
        "document.querySelector($0).textContent.includes('down, 1 gap: the server closed')", first
    )
    line = "document.querySelector($0)?.ariaLabel"
    await page.until(f"{line}?.startsWith('1 gap')", f"{first} svg.track")
    assert "link_lost" in await page.js(line, f"{first} svg.track")
    assert await page.js("document.querySelectorAll('#sessions .sizer .row').length") < 80
    assert await page.js("document.querySelectorAll('*').length") < 2500

    scripted.agents["1001003"] = agent(3, live=False)
    scripted.tell("session", scripted.agents["1001003"])
    scripted.tell("gap", {"agent": "1001003", "from": stamp(1700), "until": None, "cause": "x"})
    await page.until(
        "document.querySelector('#sessions .scroll').textContent.startsWith('1001003down')"
    )
    await page.press("End")
    await page.until("document.activeElement.dataset.id === '1002998'")
    await page.press("/")
    await page.write("1002500")
    await page.until("document.querySelector('#sessions').getAttribute('aria-rowcount') === '2'")

    await page.press("Escape", "Escape")
    del scripted.agents[last["id"]]  # it is not held any more
    await page.press("1", "2")
    await page.until("document.querySelector('#sessions').getAttribute('aria-rowcount') === '2000'")
    assert "1,998 of 1,999 sessions" in await page.text("#sessions-words")
    await page.until("document.querySelector($0).dataset.id === '1001003'", first)
    drawn = "document.querySelector('#sessions .sizer svg.track .unknown') !== null"
    assert await page.js(drawn) == await page.js(
        "document.querySelector('.legend .unknown') !== null"
    )
    assert not page.problems


async def test_figures_tell_outcomes_and_latency_of_each_action_in_words_too(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number, "failed" if number < 8 else "confirmed") for number in range(40)))
    page = await opened(browser, link)
    await shows(page, 40)
    await page.press("3")
    await page.until("document.querySelectorAll('#figures li').length === 4")
    words = await page.text("#figures li:first-child")
    assert "HOLD" in words
    assert "confirmed 8" in words
    assert "failed 2" in words
    assert "half within 50 ms" in words
    assert await page.js("document.querySelectorAll('#figures .histogram rect').length") > 0
    assert not page.problems


async def test_errors_are_grouped_with_meaning_and_advice_and_lead_to_requests(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number, "failed") for number in range(3)))
    group = {name: ERROR[name] for name in ("constant", "errorType", "family", "meaning", "advice")}
    scripted.errors = [
        group
        | {"key": "CF_INVALID_OBJECT_STATE", "code": "34", "count": 3, "last": stamp(1)}
        | {"actions": {"HOLD": 3}, "requests": [uuid(2), uuid(1)]}
    ]
    page = await opened(browser, link)
    await shows(page, 3)
    await page.press("4")
    words = await page.text("#errors li")
    for said in ("CF_INVALID_OBJECT_STATE", "CF 34", "3 times", ERROR["meaning"], ERROR["advice"]):
        assert said in words
    await page.click("#errors .some button")
    await page.until("document.querySelectorAll('.steps > li').length === 5")
    assert "MAKE_CALL of agent 1001002" in await page.text("#details-title")
    assert ERROR["advice"] in await page.text("#details-body .error-card")
    assert not page.problems


@pytest.mark.parametrize("name", ["index.html", "page.css", "page.js"])
def test_the_files_hold_no_markup_sink_no_inline_code_and_no_outside_address(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8")
    sinks = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|srcdoc|\beval\b|Function\("
    )
    assert not re.findall(sinks, text)
    assert not re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=\"|javascript:", text)
    outside = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text)
    assert {each for each in outside if "www.w3.org/2000/svg" not in each} == set()
    if name == "page.js":
        assert not re.search(r"^import |import\(", text, re.MULTILINE)

"""The page while one reads in it: it stands still, keeps the focus, says when it is not live."""

from __future__ import annotations

from tests.browser.chromium import Chromium, Page
from tests.browser.scripted import EPOCH, ERROR, Scripted, row, stamp, uuid
from tests.browser.test_page import SHOWN, opened, shows
from tests.shell.stage import until

MOST = 10_000
OLDER = 500
_HEARING = """
  const Source = window.EventSource;
  window.heard_ = 0;
  window.EventSource = class extends Source {
    addEventListener(name, hears) {
      super.addEventListener(name, (event) => {
        hears(event);
        if (event.data) window.heard_ += 1;
      });
    }
  };
"""
_HIDDEN = "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_TABLE = (
    "['#requests .sizer', '#kinds', '#found'].map((each) => document.querySelector(each).innerText)"
)
_CELLS = """[...document.querySelectorAll('#requests .sizer .row')].map((each) =>
  [each.dataset.id, each.children[2].textContent, each.children[4].textContent])"""
STEPS = "document.querySelectorAll('.steps > li').length === 5"


async def hearing(browser: Chromium, url: str, script: str = _HEARING) -> Page:
    """Open the page with something of the test's in it; wait until it is live."""
    page = await browser.page()
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    await page.goto(url)
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    return page


async def selected(page: Page, words: str) -> None:
    """Write a search into the field, in place of what is there."""
    await page.js("document.querySelector('#search').focus()")
    await page.js("document.querySelector('#search').select()")
    await page.write(words)


async def test_a_full_table_that_is_paused_stands_still_and_finds_what_is_older(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number) for number in range(MOST + OLDER)))
    scripted.add(row(5, requestId="needle", agent="99"))
    page = await hearing(browser, link)
    await shows(page, MOST)
    await page.until("document.querySelector('#found').textContent === 'the newest 10,000'")
    await page.click("#pause")
    before = await page.js(_TABLE)
    for number in range(MOST + OLDER, MOST + OLDER + 300):
        scripted.tell("request", row(number))
    scripted.tell("request", row(MOST + OLDER - 1, "failed"))
    await page.until("window.heard_ === 301")
    await page.js(_FRAMES)
    assert await page.js(_TABLE) == before
    await page.js("document.querySelector('#requests .scroll').scrollTop = 1e9")
    await page.until("document.querySelector('#requests .sizer').textContent !== $0", before[0])
    await page.until(f"{SHOWN}.includes($0)", uuid(OLDER))
    for key, of, dialog in await page.js(_CELLS):
        told = scripted.rows[key]
        assert (of, dialog) == (told["agent"], told["dialogId"])
    await page.click(f"[data-id='{uuid(OLDER + 3)}']")
    await page.until(STEPS)
    await shows(page, MOST)
    assert uuid(OLDER) in await page.js(SHOWN)
    await page.press("Escape")
    await page.js("document.querySelector('#requests .scroll').scrollTop = 0")
    await page.click("#pause")
    await page.until(f"{SHOWN}[0] === $0", uuid(MOST + OLDER + 299))
    await page.until("document.querySelector('#kinds [data-kind=failed] .count').innerText === '1'")

    await selected(page, "needle")
    await shows(page, 0)
    scripted.notes = ["some requests cannot be read"]
    await page.press("Enter")
    await shows(page, 1)  # though the table is full, and this one older than all in it
    assert await page.js(SHOWN) == [uuid(5)]
    words = await page.text("#told")
    assert "1 request." in words
    assert "some requests cannot be read" in words
    first = await page.text("#announcer")
    await page.press("Enter")
    await page.until("document.querySelector('#announcer').textContent !== $0", first)
    assert (await page.text("#announcer")).strip() == first.strip()  # and it is said again
    await selected(page, "r-")
    await page.press("Enter")
    await page.until("document.querySelector('#told').textContent.includes('more than 1,000')")
    await selected(page, "agent:1001005 hold")
    await page.press("Enter")
    await page.until("document.querySelector('#told').textContent.includes('action hold')")
    assert "agent=1001005" in scripted.asked[-1]
    assert "q=hold" in scripted.asked[-1]
    await page.press("Escape")
    await shows(page, MOST)
    assert not page.problems


async def test_tabs_out_of_sight_leave_the_connections_to_the_one_that_is_seen(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    page = await opened(browser, link)
    scripted.tell("request", row(1))
    await shows(page, 1)
    other = await browser.page()
    await other.call("Page.addScriptToEvaluateOnNewDocument", source=_HIDDEN)
    await other.goto(scripted.url)
    await other.until("document.querySelector('#found')?.textContent === '1 request'")
    assert scripted.readers == 1  # and the table is there nevertheless
    assert "not live" in await other.text("#link")
    scripted.tell("request", row(2))
    await shows(page, 2)

    show = "(delete document.hidden, document.dispatchEvent(new Event('visibilitychange')))"
    await other.js(show)
    await shows(other, 2)
    assert await other.text("#link") == "live"
    scripted.tell("request", row(3))
    await shows(other, 3)
    away = f"(() => {{ {_HIDDEN} document.dispatchEvent(new Event('visibilitychange')); }})()"
    await other.js(away)
    await other.until("document.querySelector('#link').textContent.includes('out of sight')")
    streams = len(scripted.resumed)
    scripted.tell("request", row(4))
    await other.js(show)
    await shows(other, 4)
    assert scripted.resumed[streams:] == [f"{EPOCH}-3"]  # nothing is read anew
    assert not page.problems


async def test_without_a_stream_the_table_is_read_and_it_says_that_it_is_not_live(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.refuses_events = True
    scripted.add(row(1), row(2))
    page = await browser.page()
    await page.goto(link)
    await shows(page, 2)
    await page.until("document.querySelector('#link').textContent.includes('not live since')")
    await page.until("document.querySelector('#link').textContent.includes('was read at')")
    scripted.add(row(3))
    scripted.refuses_events = False
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    await shows(page, 3)
    assert all("503" in each for each in page.problems)


async def test_the_focus_and_a_selection_stay_where_they_are(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.numbers = True
    scripted.add(row(1, None), row(2, "failed"))
    group = {name: ERROR[name] for name in ("constant", "errorType", "family", "meaning", "advice")}
    scripted.errors = [
        group
        | {"key": "CF_INVALID_OBJECT_STATE", "code": "34", "count": 1, "last": stamp(1)}
        | {"actions": {"HOLD": 1}, "requests": [uuid(2)]}
    ]
    page = await hearing(browser, link)
    await shows(page, 2)
    await page.press("4")
    await page.click("#errors .some button")
    await page.until(STEPS)
    await page.press("Escape")
    await page.until("document.activeElement.dataset.id === $0", uuid(2))

    await page.click(f"[data-id='{uuid(1)}']")
    await page.until(STEPS)
    await page.js("document.querySelector('[data-key=numbers]').focus()")
    await page.press(" ")
    await page.until("document.querySelector('.actions a').href.includes('unmask=true')")
    assert await page.js("document.activeElement.dataset.key") == "numbers"
    assert await page.js("document.activeElement.checked")

    summary = "[...document.querySelectorAll('#details-body summary')].at(-1)"
    await page.js(f"{summary}.parentElement.open = false")
    await page.js(f"{summary}.focus()")
    await page.js("getSelection().selectAllChildren(document.querySelector('#details-body dl'))")
    copied = await page.js("String(getSelection())")
    reads = len([each for each in scripted.asked if "/page/raw" in each])
    scripted.tell("request", row(1, "failed"))
    await until(lambda: len([each for each in scripted.asked if "/page/raw" in each]) > reads)
    outcome = "document.querySelector('[data-id$=\"001\"] .c-outcome').textContent"
    assert await page.js(outcome) == "failed"
    await page.js(_FRAMES)
    assert await page.js("String(getSelection())") == copied
    assert "open" in await page.text("#details-title")
    await page.js("getSelection().removeAllRanges()")
    await page.until("document.querySelector('#details-title').textContent.includes('failed')")
    assert await page.js(f"document.activeElement === {summary}")
    assert not await page.js(f"{summary}.parentElement.open")
    assert not page.problems

"""The page while things happen: many events, a daemon that restarts, a sign-in that ends."""

from __future__ import annotations

import asyncio

from tests.browser.chromium import Chromium
from tests.browser.scripted import CODE, EPOCH, Scripted, row, stamp, uuid
from tests.browser.test_page import SHOWN, noting, opened, shows
from tests.fault.proxy import Proxy

MOST = 10_000
_COUNT_FRAMES = """(() => {
  window.frames_ = 0;
  window.waits_ = [];
  window.batches_ = 0;
  const count = () => { window.frames_ += 1; requestAnimationFrame(count); };
  count();
  new MutationObserver(() => { window.batches_ += 1; }).observe(
    document.querySelector('#found'), { childList: true, characterData: true, subtree: true });
  document.addEventListener('keydown', () => {
    const before = document.activeElement.dataset.id;
    const frame = window.frames_;
    const look = () => {
      if (document.activeElement.dataset.id !== before) window.waits_.push(window.frames_ - frame);
      else requestAnimationFrame(look);
    };
    queueMicrotask(look);
  }, true);
  return true;
})()"""


def port_of(daemon: Scripted) -> int:
    """Return where it is served."""
    return int(daemon.url.rpartition(":")[2])


async def test_ten_thousand_requests_and_two_hundred_events_a_second_stay_usable(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number) for number in range(MOST)))
    page = await opened(browser, link)
    await shows(page, MOST)
    await page.click(f"[data-id='{uuid(MOST - 3)}']")  # the focus is in the table from here
    await page.press("Escape")
    await page.until("document.activeElement.dataset.id === $0", uuid(MOST - 3))
    await page.js(_COUNT_FRAMES)

    async def busy() -> None:
        for number in range(MOST, MOST + 600):
            scripted.tell("request", row(number, None if number % 2 else "confirmed"))
            if number % 10 == 9:
                await asyncio.sleep(0.05)

    feeding = asyncio.create_task(busy())
    presses = 0
    while not feeding.done():
        await page.press("j")
        presses += 1
        await asyncio.sleep(0.05)
    await feeding
    await page.until("window.waits_.length === $0", presses)
    assert max(await page.js("window.waits_")) <= 2  # frames until a key is answered
    await page.until(
        "document.querySelector('#kinds [data-kind=open] .count').textContent === '300'"
    )
    assert await page.js("window.batches_ <= window.frames_ + 1")
    assert await page.text("#found") == "the newest 10,000"
    await shows(page, MOST)
    assert await page.js("document.querySelectorAll('#requests .sizer .row').length") < 80
    assert await page.js("document.querySelectorAll('*').length") < 1500
    held = await page.js("document.activeElement.getBoundingClientRect().top")
    assert 0 < held < 900  # the row with the focus is still where one sees it

    await page.press("End")
    await page.until("document.activeElement.dataset.id === $0", uuid(600))
    assert await page.js("document.activeElement.getAttribute('aria-rowindex')") == "10001"
    await page.press("Home")
    await page.until("document.activeElement.dataset.id === $0", uuid(MOST + 599))
    assert not page.problems


async def test_what_is_read_stays_in_place_when_new_requests_arrive(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(*(row(number) for number in range(300)))
    page = await opened(browser, link)
    await shows(page, 300)
    await page.js("document.querySelector('#requests .scroll').scrollTop = 3000")
    place = "document.querySelector($0)?.getBoundingClientRect().top"
    mine = f"[data-id='{uuid(190)}']"
    before = await page.until(place, mine)
    for number in range(300, 340):
        scripted.tell("request", row(number))
    await shows(page, 340)
    await page.until(f"Math.abs({place} - $1) < 2", mine, before)

    await page.press("p")
    scripted.tell("request", row(400))
    scripted.tell("request", row(401))
    await page.until("document.querySelector('#pause').ariaPressed === 'true'")
    await page.js("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await shows(page, 340)
    await page.press("p")
    await shows(page, 342)
    assert not page.problems


async def test_a_settled_request_is_shown_and_told_politely(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.add(row(1, None))
    page = await opened(browser, link)
    await page.until("document.querySelector('[data-id] .c-outcome')?.textContent === 'open'")
    await noting(page, "#announcer")
    scripted.tell("request", row(1, "failed"))
    for number in range(2, 30):
        scripted.tell("request", row(number))
    await page.until(
        "document.querySelector('[data-id$=\"001\"] .c-outcome')?.textContent === 'failed'"
    )
    total = "window.noted_.join().match(/\\d+/g)?.reduce((sum, each) => sum + Number(each), 0)"
    await page.until(f"{total} === 29")
    said = await page.js("window.noted_")
    assert any("1 failed" in each for each in said)
    assert len(said) <= 3  # not one for each
    assert await page.js("document.querySelector('#announcer').ariaLive") == "polite"
    assert not page.problems


async def test_a_restart_is_said_and_the_page_goes_on_where_it_was(
    browser: Chromium, scripted: Scripted
) -> None:
    scripted.add(*(row(number) for number in range(5)))
    async with Proxy(port_of(scripted)) as proxy:
        page = await opened(browser, f"http://127.0.0.1:{proxy.port}/#code={CODE}")
        await noting(page, "#notice")
        scripted.tell("request", row(5))
        await shows(page, 6)
        assert not page.problems

        await proxy.refuse()
        proxy.reset()
        await page.until("document.querySelector('#link').dataset.state === 'down'")
        words = await page.text("#link")
        assert "connection lost since" in words
        assert "trying" in words
        scripted.tell("request", row(6))  # while nobody can hear
        loads = sum("/page/requests?" in each for each in scripted.asked)
        await proxy.come_back()
        await page.until("window.noted_.some((each) => each.includes('it is back'))")
        await shows(page, 7)
        assert scripted.resumed[-1] == f"{EPOCH}-1"
        assert sum("/page/requests?" in each for each in scripted.asked) == loads

        await proxy.refuse()
        proxy.reset()
        await page.until("document.querySelector('#link').dataset.state === 'down'")
        del scripted.rows[uuid(0)]
        scripted.begin_anew()
        scripted.add(row(8), row(9))
        await proxy.come_back()
        await page.until("window.noted_.some((each) => each.includes('Events were lost'))")
        await shows(page, 8)
        ids = await page.js(SHOWN)
        assert uuid(0) not in ids
        assert uuid(9) in ids
        scripted.tell("request", row(10))
        await shows(page, 9)
        await page.goto("about:blank")
    assert all(each.startswith("network") for each in page.problems)


async def test_a_sign_in_that_ended_is_said(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    scripted.numbers = True
    scripted.add(row(7), row(8, "failed"))
    page = await opened(browser, link)
    await page.click(f"[data-id='{uuid(7)}']")
    await page.click(".actions label input")
    await page.until("document.querySelector('.actions a').href.includes('unmask=true')")
    await page.press("p")
    scripted.signed_in = False
    scripted.cut()
    await page.until("!document.querySelector('#door').hidden")
    assert "Your sign-in has ended" in await page.text("#door-title")
    assert "listener page" in await page.text("#door pre")
    assert await page.js("document.querySelector('main').hidden")
    assert await page.js(SHOWN) == []
    for name in ("details-title", "details-body", "found", "facts", "told"):
        assert await page.js("document.getElementById($0).textContent", name) == ""
    left = await page.js("document.body.textContent")
    assert "r-7" not in left
    assert uuid(7) not in left
    assert "100100" not in left
    assert all("401" in each for each in page.problems)

    page.problems.clear()
    scripted.numbers = False
    del scripted.rows[uuid(7)], scripted.rows[uuid(8)]
    scripted.codes.append("d" * 43)
    await page.goto(f"{scripted.url}/#code={'d' * 43}")
    await page.until("document.querySelector('#link').dataset.state === 'up'")
    scripted.tell("request", row(1, submitted=stamp(1)))
    await shows(page, 1)
    assert await page.js("document.querySelector('#details').hidden")
    await page.click(f"[data-id='{uuid(1)}']")
    await page.until("document.querySelectorAll('.steps > li').length === 5")
    assert "unmask" not in scripted.asked[-1]
    assert await page.js("document.querySelector('.actions label')") is None
    assert not page.problems

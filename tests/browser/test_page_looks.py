"""How the page looks and is used: light and dark, narrow and wide, by keyboard, without motion."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.scripted import ERROR, Scripted, agent, row, stamp, uuid
from tests.browser.test_page import KINDS, opened, shows

_FAINT = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  let looked = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const box = node.getBoundingClientRect();
    const words = walker.currentNode.data.trim();
    if (!words || !box.width || !box.height || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const ink = node.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(ink), light(paper(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    looked += 1;
    if (ratio < 4.5) found.push(`${words.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return { looked, found: [...new Set(found)] };
})()"""
_TOO_WIDE = """(() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page');
  const boxes = '.view, .details-body, .bar, .tools, dialog, #requests .row, #sessions .row';
  for (const each of document.querySelectorAll(boxes)) {
    const wide = each.checkVisibility() && each.scrollWidth > each.clientWidth + 1;
    if (wide) found.push(each.id || each.className);
  }
  return [...new Set(found)];
})()"""


def furnish(scripted: Scripted) -> None:
    """Give the daemon something of everything."""
    scripted.add(*(row(number, KINDS[number % 7]) for number in range(70)))
    long = "x" * 300
    scripted.add(row(80, requestId=long, agent=long, dialogId=long, requestedAction=long.upper()))
    scripted.agents = {
        each["id"]: each for each in (agent(number, live=number % 5 != 3) for number in range(30))
    }
    scripted.errors = [
        {name: ERROR[name] for name in ("constant", "errorType", "family", "meaning", "advice")}
        | {"key": "CF_INVALID_OBJECT_STATE", "code": "34", "count": 3, "last": stamp(1)}
        | {"actions": {"HOLD": 3}, "requests": [uuid(2), uuid(1)]}
    ]


async def looked_at(page: Page, name: str, folder: Path) -> None:
    """Check what is seen now, and keep a picture of it."""
    picture = await page.shot()
    (folder / f"{name}.png").write_bytes(picture)
    assert picture.startswith(b"\x89PNG")
    assert await page.js(_TOO_WIDE) == [], name
    faint = await page.js(_FAINT)
    assert faint["found"] == [], name
    assert faint["looked"] > 8, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_fits_and_can_be_read(
    browser: Chromium, scripted: Scripted, link: str, tmp_path: Path, scheme: str
) -> None:
    furnish(scripted)
    page = await opened(browser, link, scheme=scheme)
    await shows(page, 71)
    await page.js("document.fonts.ready.then(() => true)")
    for width, height in ((1400, 900), (700, 800), (360, 740)):
        await page.looks(width, height, scheme=scheme, reduced=True)
        await page.until("innerWidth === $0", width)
        name = f"{scheme}-{width}"
        await page.press("1")
        await page.until("document.querySelector('#requests .sizer .row')?.clientHeight > 20")
        await looked_at(page, f"{name}-requests", tmp_path)
        await page.press("Home", "ArrowDown", "Enter")
        await page.until("document.querySelectorAll('.steps > li').length === 5")
        await looked_at(page, f"{name}-details", tmp_path)
        await page.js("document.querySelector('.sequence').scrollIntoView()")
        await looked_at(page, f"{name}-sequence", tmp_path)
        await page.press("Escape", "2")
        await page.until("document.querySelector('#sessions svg.track')?.clientWidth > 20")
        await looked_at(page, f"{name}-sessions", tmp_path)
        await page.press("3")
        await page.until("document.querySelectorAll('#figures li').length === 5")
        await looked_at(page, f"{name}-figures", tmp_path)
        await page.press("4")
        await page.until("document.querySelector('#errors li')")
        await looked_at(page, f"{name}-errors", tmp_path)
        await page.press("?")
        await page.until("document.querySelector('#keys').open")
        await looked_at(page, f"{name}-keys", tmp_path)
        await page.press("Escape")
        await page.until("!document.querySelector('#keys').open")
    assert not page.problems


async def test_the_keyboard_reaches_everything_and_the_focus_is_seen(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    furnish(scripted)
    page = await opened(browser, link)
    await shows(page, 71)
    reached = []
    for _ in range(18):
        await page.press("Tab")
        reached.append(
            await page.js(
                """(() => { const at = document.activeElement; const style = getComputedStyle(at);
                return [at.id || at.dataset.kind || at.className, style.outlineStyle !== 'none'
                  && parseFloat(style.outlineWidth) >= 2]; })()"""
            )
        )
    names = [name for name, _ in reached]
    for name in ("skip", "keys-button", "tab-requests", "search", "pause", "failed"):
        assert name in names
    assert any("row" in name for name in names)
    assert all(seen for name, seen in reached if name)
    assert names.count("row") <= 1  # one stop for the whole table

    await page.js("document.activeElement.blur()")
    await page.press("?")
    await page.until("document.querySelector('#keys').open")
    listed = await page.text("#keys")
    for key in ("?", "/", "Enter", "Esc", "Page Up", "Home", "p"):
        assert key in listed
    await page.press("Escape")
    await page.until("!document.querySelector('#keys').open")
    await page.press("/")
    await page.until("document.activeElement.id === 'search'")
    await page.write("agent:1001010")
    await shows(page, 2)
    await page.press("ArrowDown", "ArrowDown")
    await page.until("document.activeElement.getAttribute('aria-rowindex') === '3'")
    await page.press("Enter")
    await page.until("document.querySelectorAll('.steps > li').length === 5")
    assert await page.js("document.activeElement.id") == "details"
    await page.press("Escape")
    await page.until("document.activeElement.getAttribute('aria-rowindex') === '3'")
    await page.press("Escape")
    await shows(page, 71)
    await page.press("2")
    await page.until("document.querySelector('#tab-sessions').ariaSelected === 'true'")
    await page.until("document.activeElement.closest('#sessions') !== null")

    await page.press("?")
    await page.until("document.querySelector('#keys').open")
    await page.click("#keys-on")
    await page.press("Escape")
    await page.until("!document.querySelector('#keys').open")
    await page.press("1")  # single letters are off now
    assert await page.js("document.querySelector('#tab-sessions').ariaSelected") == "true"
    assert not page.problems


async def test_roles_and_names_are_there_for_screen_readers(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    furnish(scripted)
    page = await opened(browser, link)
    await shows(page, 71)
    await page.call("Accessibility.enable")
    tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    told = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    }
    for wanted in (
        ("grid", "Requests, newest first"),
        ("tab", "Requests"),
        ("searchbox", "Search"),
        ("columnheader", "Outcome"),
        ("group", "Show only these outcomes"),
        ("button", "Pause"),
    ):
        assert wanted in told
    unnamed = [role for role, name in told if role in {"button", "link", "tab"} and not name]
    assert unnamed == []
    rows = [name for role, name in told if role == "row"]
    assert any("confirmed" in name and "10010" in name for name in rows)
    assert not page.problems


async def test_nothing_moves_for_those_who_want_no_motion(
    browser: Chromium, scripted: Scripted, link: str
) -> None:
    running = "document.getAnimations().length"
    page = await opened(browser, link, reduced=True)
    await page.until("document.querySelector('#requests .empty').textContent.includes('yet')")
    scripted.tell("request", row(1))
    await page.until("document.querySelector('#requests .sizer .row.fresh')")
    assert await page.js(running) == 0
    await page.looks(1400, reduced=False)
    scripted.tell("request", row(2))
    await page.until(f"{running} > 0")
    assert not page.problems

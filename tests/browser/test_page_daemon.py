"""The page of the real daemon: the demo's scene, payloads that bite, and a restart."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.browser.chromium import Chromium, Page, chromium
from tests.browser.conftest import alone, needed
from tests.browser.test_page import SHOWN, noting, opened, shows
from tests.fault.proxy import Proxy
from tests.shell.house import House, housed, moved_in
from tests.shell.stage import A, simulated

EVIL = "<script>window.harmed = 1</script>"
STEPS = "document.querySelectorAll('.steps > li').length"


async def link_of(house: House) -> str:
    """Return a link that signs in."""
    async with house.client() as client:
        return str((await client.page_link())["link"])


async def asked(house: House, action: str, dialog: str, **given: Any) -> Any:
    """Send a request and wait for its outcome."""
    async with house.client() as client:
        return await client.submit(
            agent=A, requested_action=action, dialog_id=dialog, wait=20, **given
        )


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """Run the demo that stays; yields its settings' path, and ends it as Ctrl-C does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "listener", "demo", "--tagging", "errors-empty", "--stay"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if line.strip().startswith("listener page"):
                yield line.split()[-1]
                break
        else:
            raise AssertionError("the demo told no settings")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def linked(config: str) -> str:
    """Return the link that `listener page` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "listener", "page", "--config", config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode().strip()


async def test_the_scene_of_the_demo_is_seen_clicked_through_and_found(tmp_path: Path) -> None:
    needed()
    async with demo() as config, alone(), chromium(tmp_path / "profile") as browser:
        link = await linked(config)
        page = await opened(browser, link)
        await page.until("Number(document.querySelector('#requests').ariaRowCount) > 60")
        await _filtered(page)
        await _searched(page)
        await _through_the_views(page)
        # calls go on, and are seen without a reload
        before = await page.js("document.querySelector('#requests').ariaRowCount")
        await page.until("document.querySelector('#requests').ariaRowCount !== $0", before)
        assert page.problems == []
        here = link.partition("/#")[0]
        assert all(each.startswith(here) or each == "about:blank" for each in page.requested)


async def _filtered(page: Page) -> None:
    await page.click("#kinds [data-kind=failed]")
    await page.until("document.querySelector('#found').textContent.includes(' of ')")
    kinds = (
        "[...document.querySelectorAll('#requests .sizer .c-outcome')].map((e) => e.textContent)"
    )
    await page.until(f"{kinds}.every((each) => each === 'failed')")
    notes = await page.js("document.querySelector('#requests .scroll').textContent")
    assert "CF_" in notes
    await page.click("#requests .sizer .row:first-child")
    await page.until(f"{STEPS} > 3")
    assert "failed" in await page.text("#details-title")
    assert "What to do" in await page.text("#details-body")
    await page.press("Escape", "Escape")


async def _searched(page: Page) -> None:
    await page.until("document.querySelector('#found').textContent.includes('requests')")
    rows = "[...document.querySelectorAll('#requests .sizer .row')]"
    await page.until(f"{rows}.some((each) => each.textContent.includes('HOLD'))")
    texts = "map((each) => [...each.children].map((cell) => cell.textContent))"
    cells = await page.js(
        f"{rows}.{texts}.find((each) => each[3] === 'HOLD' && each[4].length > 1)"
    )
    for words, place in ((f"dialog:{cells[4]}", 4), (f"agent:{cells[2]}", 2)):
        await page.press("/")
        await page.write(words)
        await page.until("document.querySelector('#found').textContent.includes(' of ')")
        await page.until(
            f"{rows}.length > 0 && {rows}.{texts}.every((each) => each[$0] === $1)",
            place,
            cells[place],
        )
        await page.press("Escape", "Escape")
        await page.js("document.activeElement.blur()")
    first = (await page.js(SHOWN))[0]
    await page.press("/")
    await page.write(f"request:{first}")
    await shows(page, 1)
    await page.press("ArrowDown", "Enter")
    await page.until(f"{STEPS} > 2")
    assert first in await page.text("#details-body dl")
    await page.press("Escape", "Escape")


async def _through_the_views(page: Page) -> None:
    await page.press("2")
    await page.until("document.querySelectorAll('#sessions .sizer .row').length >= 10")
    await page.until("document.querySelectorAll('#sessions svg.track .heard').length >= 1")
    await page.press("3")
    await page.until("document.querySelector('#figures')?.textContent.includes('MAKE_CALL')")
    await page.press("4")
    await page.until("document.querySelector('#errors')?.textContent.includes('CF_')")
    assert "What to do" in await page.text("#errors")
    await page.press("1")


async def test_scripts_in_call_variables_and_slashes_in_ids_are_shown_as_they_are(
    browser: Chromium, tmp_path: Path
) -> None:
    secret = "<script>window.secret = 1</script>"
    async with housed(tmp_path) as house:
        dialog = await house.call()
        given = {"callvariables": {"callVariable1": secret}}
        told = await asked(
            house,
            "UPDATE_CALL_DATA",
            dialog,
            request_id=f"crm/4711?{EVIL}",
            media_properties=given,
        )
        assert told["outcome"]["kind"] == "confirmed"
        page = await opened(browser, await link_of(house))
        await shows(page, 1)
        await page.press("/")
        await page.write("crm/4711")
        await shows(page, 1)
        await page.press("ArrowDown", "Enter")
        await page.until(f"{STEPS} > 3")
        assert f"crm/4711?{EVIL}" in await page.text("#details-body dl")
        await page.until("document.querySelectorAll('pre.xml').length > 1")
        xml = await page.js(
            "[...document.querySelectorAll('pre.xml')].map((each) => each.textContent).join()"
        )
        assert "<requestedAction>UPDATE_CALL_DATA" in xml
        assert "window.secret" not in xml  # masked: what a caller put in is nobody's business
        assert await page.js("window.harmed ?? window.secret ?? null") is None
        assert page.problems == []


async def test_a_restart_of_the_daemon_keeps_the_sign_in_and_misses_nothing(
    browser: Chromium, tmp_path: Path
) -> None:
    async with simulated() as simulator, Proxy(0) as proxy:
        async with moved_in(simulator, tmp_path) as house:
            proxy.server_port = int(house.url.rpartition(":")[2])
            dialog = await house.call()
            await asked(house, "HOLD", dialog)
            code = (await link_of(house)).partition("#")[2]
            page = await opened(browser, f"http://127.0.0.1:{proxy.port}/#{code}")
            await noting(page, "#notice")
            await shows(page, 1)
            await asked(house, "RETRIEVE", dialog)
            await shows(page, 2)
            assert page.problems == []
            await proxy.refuse()
        await page.until("document.querySelector('#link').dataset.state === 'down'")
        assert "connection lost since" in await page.text("#link")
        async with moved_in(simulator, tmp_path) as house:
            await asked(house, "HOLD", dialog)
            proxy.server_port = int(house.url.rpartition(":")[2])
            await proxy.come_back()
            await page.until("window.noted_.some((each) => each.includes('it is back'))")
            await shows(page, 3)
            await asked(house, "RETRIEVE", dialog)
            await shows(page, 4)
            await page.goto("about:blank")
    assert all(each.startswith("network") for each in page.problems)

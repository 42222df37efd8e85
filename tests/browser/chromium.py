"""A real Chromium, driven over its DevTools protocol by two pipes: no port, no driver program.

Knows the protocol (https://chromedevtools.github.io/devtools-protocol/) as far as the tests here
need it; knows nothing of the page. Waits are for conditions, never for times.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = "chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
    "--password-store=basic",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing but this machine
    "--remote-debugging-pipe",
)
WITHIN = 40.0
"""Seconds for anything; a loaded machine needs some of them, a quiet one hardly any."""
_LARGEST = 1 << 27
# The protocol wants its pipes as descriptors 3 and 4.
_LAUNCH = (
    "import os, sys; r, w = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2]));"
    "r, w = os.dup2(r, 60), os.dup2(w, 61); os.dup2(r, 3); os.dup2(w, 4);"
    "os.execvp(sys.argv[3], sys.argv[3:])"
)


def program() -> str | None:
    """Return where Chromium is; None when it is not here."""
    return shutil.which(PROGRAM)


class Broken(AssertionError):
    """The browser refused a command, or a script failed in the page."""


class Chromium:
    """One browser process. Made by `chromium`."""

    def __init__(self, reader: asyncio.StreamReader, writer: Any) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._heard: dict[str, list[Any]] = defaultdict(list)
        self._listening = asyncio.create_task(self._listen(), name="chromium")

    async def _listen(self) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if "id" in told:
                    call = self._calls.pop(told["id"], None)
                    if call is not None and not call.done():
                        call.set_result(told)
                else:
                    for heard in self._heard[told.get("sessionId", "")]:
                        heard(told["method"], told["params"])
        for call in self._calls.values():
            if not call.done():
                call.set_exception(Broken("the browser has ended"))

    async def call(self, method: str, session: str | None = None, /, **given: Any) -> Any:
        """Return what the browser answers to a command. Raises Broken."""
        number = next(self._ids)
        told: dict[str, Any] = {"id": number, "method": method, "params": given}
        if session is not None:
            told["sessionId"] = session
        call = self._calls[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps(told).encode() + b"\0")
        async with asyncio.timeout(WITHIN):
            answer = await call
        if "error" in answer:
            raise Broken(f"{method}: {answer['error']}")
        return answer["result"]

    async def page(
        self,
        *,
        width: int = 1400,
        height: int = 900,
        scheme: str = "light",
        reduced: bool = False,
    ) -> Page:
        """Open an empty page of that size and these preferences."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page = Page(self, attached["sessionId"])
        self._heard[attached["sessionId"]].append(page.heard)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.looks(width, height, scheme=scheme, reduced=reduced)
        return page

    async def close(self) -> None:
        """End the browser."""
        with suppress(Broken, TimeoutError):
            await self.call("Browser.close")
        await asyncio.wait([self._listening], timeout=WITHIN)
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


class Page:
    """One page. `problems`: what its console and its policy complained of."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.problems: list[str] = []
        self.requested: list[str] = []

    async def call(self, method: str, **given: Any) -> Any:
        """Return what the browser answers to a command about this page."""
        return await self._browser.call(method, self._session, **given)

    def heard(self, method: str, told: dict[str, Any]) -> None:
        """Note errors, and what was asked of whom."""
        if method == "Runtime.exceptionThrown":
            self.problems.append(f"exception: {json.dumps(told['exceptionDetails'])[:800]}")
        elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning"}:
            self.problems.append(f"console: {json.dumps(told['args'])[:800]}")
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            entry = told["entry"]
            self.problems.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])

    async def looks(
        self, width: int, height: int = 900, *, scheme: str = "light", reduced: bool = False
    ) -> None:
        """Change the size of the window and what its reader prefers."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        motion = "reduce" if reduced else "no-preference"
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": motion},
            ],
        )

    async def goto(self, url: str) -> None:
        """Go to an address."""
        told = await self.call("Page.navigate", url=url)
        assert not told.get("errorText"), told

    async def js(self, script: str, *given: Any) -> Any:
        """Return the value of an expression; `given` are `$0`, `$1`... in it."""
        names = ", ".join(f"${n}" for n in range(len(given)))
        values = ", ".join(json.dumps(each) for each in given)
        told = await self.call(
            "Runtime.evaluate",
            expression=f"(({names}) => ({script}))({values})",
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in told:
            raise Broken(f"{script}: {json.dumps(told['exceptionDetails'])[:800]}")
        return told["result"].get("value")

    async def until(self, script: str, *given: Any) -> Any:
        """Wait until an expression is true in the page; return its value."""
        value: Any = None
        try:
            async with asyncio.timeout(WITHIN):
                while True:
                    with suppress(Broken):  # between two documents
                        value = await self.js(_NO_NODE.format(script), *given)
                    if value:
                        return value
                    await asyncio.sleep(0.03)
        except TimeoutError:
            shown = await self.js("document.body.innerText.slice(0, 1500)")
            raise Broken(f"never: {script} {given}; problems {self.problems}\n{shown}") from None

    async def text(self, selector: str) -> str:
        """Return the text of the first element that fits."""
        return str(await self.until("document.querySelector($0)?.textContent ?? null", selector))

    async def press(self, *keys: str) -> None:
        """Press keys by their names, one after the other: "Enter", "j", "?"."""
        for key in keys:
            shown = key if len(key) == 1 else {"Enter": "\r"}.get(key)
            given = {"key": key, "code": _CODES.get(key, key)}
            if key in _NUMBERS:
                given["windowsVirtualKeyCode"] = _NUMBERS[key]
            begin = "keyDown" if shown else "rawKeyDown"
            more = {"text": shown} if shown else {}
            await self.call("Input.dispatchKeyEvent", type=begin, **given, **more)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    async def write(self, words: str) -> None:
        """Type a text into what has the focus."""
        await self.call("Input.insertText", text=words)

    async def click(self, selector: str) -> None:
        """Click the middle of the first element that fits, with the mouse."""
        x, y = await self.until(
            """(() => {
              const found = document.querySelector($0)?.getBoundingClientRect();
              return found?.width ? [found.x + found.width / 2, found.y + found.height / 2] : null;
            })()""",
            selector,
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def shot(self) -> bytes:
        """Return what is seen, as a PNG."""
        told = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])


# A node has no value of its own here; that it is there is what was asked.
_NO_NODE = "((found) => (found instanceof Node ? true : found))({})"
_CODES = {"/": "Slash", "?": "Slash", " ": "Space"}
_NUMBERS = {
    " ": 32,
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Chromium]:
    """Run a browser with a profile of its own in a folder, and end it."""
    found = program()
    assert found is not None
    from_us, to_us = os.pipe(), os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-ISc", _LAUNCH, str(from_us[0]), str(to_us[1])),
        *(found, *FLAGS, f"--user-data-dir={folder}", "about:blank"),
        pass_fds=(from_us[0], to_us[1]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder), "TZ": "Europe/Berlin", "LANG": "en_GB.UTF-8"},
    )
    os.close(from_us[0])
    os.close(to_us[1])
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LARGEST)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(to_us[0], "rb", 0)
    )
    outgoing, _ = await loop.connect_write_pipe(
        asyncio.BaseProtocol, os.fdopen(from_us[1], "wb", 0)
    )
    browser = Chromium(reader, outgoing)
    try:
        yield browser
    finally:
        await browser.close()
        outgoing.close()
        incoming.close()
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

"""docs/api.md holds: every example is run, in its order, and prints what is shown below it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from listener.api.refusals import Kind
from listener.client import Client
from tests.shell.stage import dead_port

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
WITHIN = 150.0

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RUNS = {"sh": "source {file}", "python": "python3 {file}", "js": "node {file}"}
_SUFFIX = {"sh": "sh", "python": "py", "js": "mjs"}

# What is another one each time, and what it looks like.
_FORMS = (
    re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),  # an id
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),  # a time
    re.compile(r"[0-9a-f]{8}-\d+"),  # where an event stands
    re.compile(r"uid:\d+"),
    re.compile(r"\d{8}"),  # a dialog
)


@dataclass
class Example:
    """One fenced block with what it prints, and the line that it begins at."""

    line: int
    language: str
    code: str
    shown: tuple[str, str] | None = None


def examples(text: str) -> Iterator[Example]:
    """Yield the blocks that are run, each with the block of output that follows it."""
    found: Example | None = None
    for match in _FENCED.finditer(text):
        language, body = match.groups()
        if language in _RUNS:
            if found is not None:
                yield found
            found = Example(text[: match.start()].count("\n") + 1, language, body)
        else:
            assert found is not None, f"{language} without an example before it"
            assert found.shown is None, f"two outputs below the example in line {found.line}"
            found.shown = (language, body)
    assert found is not None
    yield found


def elsewhere(text: str) -> str:
    """Put free ports where the page has fixed ones: several runs may go on at once."""
    text = text.replace("127.0.0.1:8470", f"127.0.0.1:{dead_port()}")
    text = text.replace("127.0.0.1:8471", f"127.0.0.1:{dead_port()}")
    return text.replace("listener simulate ", "listener simulate --port 0 --xmpp-port 0 ")


class Shell:
    """One bash for the whole page, so that variables and background jobs stay."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def run(self, number: int, example: Example) -> str:
        """Run one example; return what it printed. Fails where it does."""
        file = self._folder / f"example-{number}.{_SUFFIX[example.language]}"
        file.write_text(example.code)
        out = self._folder / f"example-{number}.out"
        command = _RUNS[example.language].format(file=file.name)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {command}; }} > {out.name} 2> errors\necho\n".encode())
        await self._process.stdin.drain()
        ended = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                ended = await self._process.stdout.readline()
        said = out.read_text()
        assert ended, f"the example in line {example.line} failed:\n{said}\n{self.troubles()}"
        return said

    def troubles(self) -> str:
        """Return what was written beside the output, by the example and by the daemon."""
        files = (self._folder / "errors", self._folder / "demo-run" / "run.log")
        return "\n".join(file.read_text() for file in files if file.exists())


@asynccontextmanager
async def shell(folder: Path) -> AsyncIterator[Shell]:
    """Start bash in a folder of its own, in a group of its own that ends with it."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("LISTENER_", "XDG_"))}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environ,
        start_new_session=True,
    )
    try:
        yield Shell(process, folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await process.communicate()


def fits(shown: Any, said: Any) -> bool:
    """Say whether JSON holds what is shown of it."""
    if isinstance(shown, dict):
        return isinstance(said, dict) and all(
            key in said and fits(value, said[key]) for key, value in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(said) if isinstance(said, list) else iter(())
        return all(any(fits(one, other) for other in rest) for one in shown)
    if isinstance(shown, str) and isinstance(said, str):
        return shown == said or any(f.fullmatch(shown) and f.fullmatch(said) for f in _FORMS)
    if isinstance(shown, float):
        return isinstance(said, float)
    return bool(shown == said)


def pattern(shown: str) -> str:
    """Return the pattern of lines that are shown; `...` stands for any lines."""
    lines = []
    for line in shown.splitlines(keepends=True):
        form = next((f for f in _FORMS if f.fullmatch(line.strip())), None)
        anything = line.strip() == "..."
        lines.append("(?:.*\n)*?" if anything else f"{form.pattern}\n" if form else re.escape(line))
    return "".join(lines)


def check(example: Example, said: str) -> None:
    """Compare what an example printed with what is shown."""
    if example.shown is None:
        return
    language, shown = example.shown
    where = f"line {example.line}: shown is\n{shown}\nand it printed\n{said}"
    if language == "json":
        assert fits(json.loads(shown), json.loads(said)), where
    else:
        assert re.fullmatch(pattern(shown), said.rstrip("\n") + "\n"), where


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_example_prints_what_is_shown_below_it(tmp_path: Path):
    found = list(examples(elsewhere(PAGE.read_text(encoding="utf-8"))))
    assert {one.language for one in found} == set(_RUNS)
    missing = [name for name in ("bash", "curl", "node") if shutil.which(name) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(missing)}: not on this machine (apt install curl nodejs)")
    assert not missing, "docs/api.md is run by these: apt install curl nodejs"

    async with shell(tmp_path) as bash:
        for number, example in enumerate(found):
            check(example, await bash.run(number, example))
        log = (tmp_path / "demo-run" / "run.log").read_text()
    assert "Traceback" not in log
    assert (tmp_path / "demo-run" / "token.txt").stat().st_mode & 0o077 == 0


def test_every_problem_of_the_api_is_in_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for kind in Kind:
        again = "yes" if kind.value.retryable else "no"
        assert f"| `{kind.type}` | {kind.value.status} | {again} |" in page, kind


def test_every_call_of_the_page_is_one_of_the_client():
    used = set(re.findall(r"client\.(\w+)\(", PAGE.read_text(encoding="utf-8")))
    assert used <= set(dir(Client))
    assert len(used) > 10

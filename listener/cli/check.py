"""`listener check`: from here to a caller's outcome, step by step, and what is in the way.

Knows the options, the prompt and how steps look; what is done and concluded is `listener.doctor`.
"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from listener import logs
from listener.cli import check_words, console, exits, running
from listener.cli.files import file_option
from listener.cli.loading import like_interrupt, loading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.doctor import Report, Step, Wanted

EXAMPLES = "\n\n".join(
    (
        exits.lines(
            "Examples",
            (
                "listener check --config /etc/finesse-listener/listener.toml",
                "listener check --config listener.toml --agent 1001 --notification",
                "listener check --config listener.toml --json | jq .firstFailure",
            ),
        ),
        exits.lines("Exit codes of check, by the first failure", check_words.CODES),
    )
)


def check(
    *,
    config: Annotated[Path, file_option(help="The settings file (TOML).")],
    agent: Annotated[
        list[str] | None, typer.Option(help="That agent alone; may be repeated.")
    ] = None,
    notification: Annotated[
        bool,
        typer.Option(
            "--notification",
            help="Also have Finesse publish something harmless, and hear it; asks before.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --notification: do not ask before.")
    ] = False,
    within: Annotated[
        float, typer.Option(min=1, max=86_400, help="Seconds for the whole check.")
    ] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, at the end.")] = False,
) -> None:
    """Find out what is wrong between here and a caller's outcome, and what to do about it.

    Disturbs no agent: each password is tried once, no presence is sent for who is signed in.
    """
    console.need_output()
    _may_ask(notification=notification, yes=yes)
    with loading():
        from listener import doctor  # noqa: PLC0415  the whole program loads with it

    logs.configure(level="CRITICAL")  # the steps tell it
    screen = _Screen()
    told = None if as_json else screen.told
    wanted = doctor.Wanted(
        config=config,
        agents=tuple(agent or ()),
        confirm=_confirmation(yes=yes) if notification else None,
        within=within,
    )
    with like_interrupt():
        report = running.run(_check(wanted, told))
    if as_json:
        console.out_json(report.to_json())
    else:
        screen.verdict(report)
    raise typer.Exit(report.exit_code)


async def _check(wanted: "Wanted", told: "Callable[[Step], None] | None") -> "Report":
    from listener import doctor  # noqa: PLC0415  as above

    return await doctor.check(wanted, told or (lambda _step: None))


def _may_ask(*, notification: bool, yes: bool) -> None:
    """Raise BadParameter where nobody could confirm what changes something."""
    if yes and not notification:
        raise typer.BadParameter("--yes goes with --notification")
    if notification and not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise typer.BadParameter(
            "--notification asks before, and there is no terminal: add --yes if it may be done"
        )


def _confirmation(*, yes: bool) -> "Callable[[str], Awaitable[bool]]":
    async def confirm(words: str) -> bool:
        if yes:
            return True
        question = f"May I {words}? Nothing changes but the time of its state. [y/N] "
        console.errors().print(question, end="")
        return (await _line()).strip().casefold() in {"y", "yes"}

    return confirm


async def _line() -> str:
    """Return the next line that is typed; Ctrl-C ends the wait, which no thread would allow."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


class _Screen:
    """Prints steps in words; colour only on a terminal that has it, and never colour alone."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, markup=False, soft_wrap=True)
        # Into a pipe each line goes whole, so that it can be searched.
        self._width = self._out.width if self._out.is_terminal else None

    def told(self, step: "Step") -> None:
        """Print one step, and below it what is wrong."""
        for line, style in check_words.of_step(step, self._width):
            self._print(line, style)

    def verdict(self, report: "Report") -> None:
        """Print the last lines."""
        for line, style in check_words.of_report(report, self._width):
            self._print(line, style)

    def _print(self, line: str, style: str | None) -> None:
        if self._out.is_terminal and not self._out.no_color and style is not None:
            self._out.print(line, style=style)
        else:
            console.out_words(line)

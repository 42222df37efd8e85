"""`listener record`: a transcript without a daemon that serves callers.

Knows the options; the sessions are `listener.assembly`'s, the file `listener.transcript`'s.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from listener import settings as configuration
from listener.cli import console, exits
from listener.cli.loading import like_interrupt, loading

if TYPE_CHECKING:
    from listener.settings import Settings

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener record today.jsonl --config listener.toml --seconds 600",
        "listener run --record today.jsonl --config listener.toml    (and serves callers)",
    ),
)


def with_recording(
    settings: Settings, path: Path | None, *, show_numbers: bool = False
) -> Settings:
    """Return the settings with a transcript in that file; None leaves them as they are."""
    if path is None:
        return settings
    changed = {"path": path.absolute()} | ({"show_numbers": True} if show_numbers else {})
    recording = settings.recording.model_copy(update=changed)
    return settings.model_copy(update={"recording": recording})


def record(
    file: Annotated[Path, typer.Argument(help="The transcript; added to when it is one already.")],
    *,
    config: Annotated[Path, typer.Option(help="The settings file (TOML).")],
    agent: Annotated[str | None, typer.Option(help="Only that agent's session.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after so long; goes on if left out.")
    ] = None,
    show_numbers: Annotated[
        bool,
        typer.Option("--show-numbers", help="Write numbers, names and call data as they are."),
    ] = False,
) -> None:
    """Hold the agents' sessions and write down what Finesse says, until Ctrl-C.

    No caller is served, and nothing is sent but what sessions need. To record what callers of a
    daemon ask for as well, start it with `listener run --record FILE`, or set [recording] in its
    settings. DTMF digits and credentials are never written; numbers, names and call data only as
    masks, unless asked for.
    """
    settings = configuration.load(config)
    if agent is not None:
        settings = settings.only(agent)
    settings = with_recording(settings, file, show_numbers=show_numbers)
    console.start_logs(settings)
    with loading():
        import listener.assembly  # noqa: F401, PLC0415  slixmpp and httpx load with it
    with like_interrupt():
        try:
            asyncio.run(_hold(settings, seconds))
        except KeyboardInterrupt:
            console.errors().print(f"recorded in {file}")
            raise typer.Exit(exits.Exit.OK) from None
    console.errors().print(f"recorded in {file}")


async def _hold(settings: Settings, seconds: float | None) -> None:
    from listener.assembly import Listener  # noqa: PLC0415  loaded above

    async with Listener.open(settings, strict=False, wait=False):
        await asyncio.wait((asyncio.create_task(asyncio.Event().wait()),), timeout=seconds)

"""`listener record`: a transcript of what the running daemon does, or without one.

Knows the options; the conversation with the daemon is `listener.handover`'s, the sessions are
`listener.assembly`'s, the file `listener.transcript`'s.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from listener import settings as configuration
from listener.cli import console, exits, running
from listener.cli.loading import like_interrupt, loading
from listener.cli.reaching import Config, Socket, Where
from listener.errors import DaemonUnreachable, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from listener.settings import Recording, Settings

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener record today.jsonl                        (of the running daemon)",
        "listener record today.jsonl --seconds 600 --config listener.toml",
        "listener record today.jsonl --direct --agent 1001 --config listener.toml",
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
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The transcript; added to when it is one already."),
    ],
    *,
    config: Config = None,
    socket_: Socket = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Hold sessions of its own, beside any daemon.")
    ] = False,
    agent: Annotated[
        str | None, typer.Option(help="With --direct: only that agent's session.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after so long; goes on if left out.")
    ] = None,
    show_numbers: Annotated[
        bool,
        typer.Option("--show-numbers", help="Write numbers, names and call data as they are."),
    ] = False,
) -> None:
    """Write down what is asked, sent, answered and heard, until Ctrl-C.

    The running daemon writes the file, as its own user, as long as this command runs; only root and
    the daemon's user may ask for that. Where no daemon runs, and with --direct, this command holds
    the agents' sessions itself and serves no caller. `listener run --record FILE` and [recording]
    in the settings record from the start. DTMF digits and credentials are never written; numbers,
    names and call data only as masks, unless asked for.
    """
    if agent is not None and not direct:
        raise InvalidRequest("--agent goes with --direct; a daemon records all of its agents")
    api = None if direct else Where(config=config, socket=socket_).unix
    if api is not None:
        try:
            wanted = configuration.Recording(path=file.absolute(), show_numbers=show_numbers)
            _end(_of_daemon(api, wanted, seconds))
        except DaemonUnreachable as nobody:
            if nobody.sent or socket_ is not None or config is None:
                raise
        else:
            return
    if config is None:
        raise InvalidRequest("--config is needed to record, since no daemon runs here")
    settings = configuration.load(config)
    if agent is not None:
        settings = settings.only(agent)
    settings = with_recording(settings, file, show_numbers=show_numbers)
    console.start_logs(settings)
    with loading():
        import listener.assembly  # noqa: F401, PLC0415  slixmpp and httpx load with it
    _end(_alone(settings, seconds))
    console.errors().print(f"recorded in {file}")


def _end(work: Coroutine[None, None, None]) -> None:
    """Run until it has ended, or Ctrl-C, which is how a recording ends."""
    with like_interrupt():
        try:
            running.run(work)
        except KeyboardInterrupt:
            return


async def _of_daemon(api: Path, wanted: Recording, seconds: float | None) -> None:
    from listener.handover.asking import socket_beside  # noqa: PLC0415  loads more than --help needs
    from listener.handover.channel import Refused  # noqa: PLC0415  as above
    from listener.handover.recording import recording  # noqa: PLC0415  as above

    words = console.errors()
    try:
        async with recording(socket_beside(api), wanted, words.print) as ending:
            await asyncio.wait((ending,), timeout=seconds)
    except Refused as why:
        words.print(f"not recorded: {why}")
        raise typer.Exit(exits.Exit.FAILED) from None


async def _alone(settings: Settings, seconds: float | None) -> None:
    from listener.assembly import Listener  # noqa: PLC0415  loaded above

    async with Listener.open(settings, strict=False, wait=False):
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            return

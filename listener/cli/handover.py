"""`listener handover`: a new process takes over from the running one, and no agent is absent.

The command asks the daemon, which starts its successor itself: see `listener.handover`.
"""

import asyncio
import socket
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from listener import settings as configuration
from listener.cli import console, exits, running
from listener.cli.files import file_option
from listener.cli.loading import loading
from listener.cli.reaching import Config, Socket, Where
from listener.cli.record import with_recording
from listener.errors import DaemonUnreachable, ListenerError
from listener.handover.asking import ask, socket_beside
from listener.handover.channel import Broken, Channel, Refused

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener handover --config /etc/finesse-listener/listener.toml",
        "/opt/finesse-listener-2/bin/listener handover    (to that version)",
    ),
)


def handover(
    *,
    config: Config = None,
    socket_: Socket = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also when fewer agents are up in the new process."),
    ] = False,
) -> None:
    """Replace the running daemon's process: by this version, with the settings as they are now.

    A second process connects all agents beside the first one, takes over its sockets, its journal
    and its open requests, and the first one leaves. Until then the first one goes on as it is, and
    when anything fails, it stays; the reason is told, and the exit code is 1. Only root and the
    daemon's own user may ask.
    """
    path = Where(config=config, socket=socket_).unix
    if path is None:
        raise DaemonUnreachable(
            "no daemon with a socket at the usual places; name its settings with --config, where"
            " api.socket must not be switched off",
            sent=False,
        )
    words = console.errors()
    try:
        done = running.run(ask(socket_beside(path), force=force, tell=words.print))
    except Refused as why:
        words.print(f"not handed over: {why}")
        raise typer.Exit(exits.Exit.FAILED) from None
    console.out_words(done)


def successor(
    *,
    config: Annotated[Path, file_option(help="The settings file (TOML).")],
    channel: Annotated[int, typer.Option(help="The open file that leads to the first process.")],
    record: Annotated[Path | None, typer.Option(help="The transcript, as of `run`.")] = None,
) -> None:
    """Take over from the daemon that started this process; nobody else calls it."""
    connection = socket.socket(fileno=channel)
    connection.set_inheritable(False)

    def load() -> configuration.Settings:
        return with_recording(configuration.load(config), record)

    try:
        settings = load()
    except ListenerError as why:
        asyncio.run(_failed(connection, why))
        raise
    console.start_logs(settings)
    with loading():
        from listener import daemon  # noqa: PLC0415  the whole program loads with it

    command = command_for(config, record)
    code = daemon.run(settings, load, command=command, channel=connection)
    raise typer.Exit(code or 0)


def command_for(config: Path, record: Path | None = None) -> tuple[str, ...]:
    """Return what stands behind `python -m listener` to start a successor with these settings."""
    recorded = () if record is None else ("--record", str(record.absolute()))
    return ("successor", "--config", str(config.absolute()), *recorded)


async def _failed(connection: socket.socket, why: ListenerError) -> None:
    with closing(Channel(connection)) as channel:
        try:
            channel.say_now({"say": "failed", "why": str(why)})
        except Broken:
            return  # nobody hears; the error is raised all the same

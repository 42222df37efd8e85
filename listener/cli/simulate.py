"""`listener simulate`: a Finesse to develop against, until Ctrl-C.

Knows the folder with what a listener needs to speak to it (CA, passwords, settings); the simulated
Finesse itself is `listener.simulator`.
"""

import asyncio
import contextlib
import errno
import json
import os
import re
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import console, exits
from listener.cli.explain import Deployment
from listener.cli.loading import like_interrupt, loading
from listener.errors import ConfigurationError
from listener.settings.serving import LONGEST_SOCKET

if TYPE_CHECKING:
    from listener.simulator.assembly import Simulator
    from listener.simulator.node import Node

HIGHEST_PORT = 65535
_ADDRESS = re.compile(r"\('[^']*', (\d+)")  # as asyncio names what it could not bind to
FIRST_AGENT = 1001001
CONFIG = "listener.toml"
SOCKET = "api.sock"
MARK = "# Settings for the simulated Finesse; the passwords are in the folder beside this file."
"""The first line of the settings that are written here; a file without it is somebody's own."""

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener simulate",
        "listener simulate --folder demo-run --agents 10 --profile UCCX",
        "listener simulate --port 0 --xmpp-port 0 --tagging none",
        "listener simulate --nodes 2 --folder pair",
    ),
)


def simulate(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="REST; 0 takes a free one.")] = 8445,
    xmpp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Notifications; 0 takes a free one.")
    ] = 5223,
    nodes: Annotated[
        int, typer.Option(min=1, max=2, help="2 for a pair; USR1 and USR2 stop and start a node.")
    ] = 1,
    second_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="REST of the second node; --port + 1 if left out."),
    ] = None,
    second_xmpp_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Its notifications; --xmpp-port + 1 if left out."),
    ] = None,
    agents: Annotated[int, typer.Option(min=1, max=2000, help="How many agents there are.")] = 2,
    profile: Annotated[Deployment, typer.Option(help="Which Finesse is played.")] = Deployment.UCCE,
    tagging: Annotated[
        str, typer.Option(help="Which events carry the requestId.")
    ] = "errors-empty",
    ca_file: Annotated[
        Path | None, typer.Option(help="Where the CA goes; in the folder if left out.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where passwords and settings go; a temporary one if not.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same Finesse.")] = 1,
) -> None:
    """Run a simulated Finesse on this machine and print settings that fit it."""
    way = tagging_named(tagging)
    ports = ports_of(nodes, (port, xmpp_port), (second_port, second_xmpp_port))
    with loading():
        import listener.simulator.assembly  # noqa: F401, PLC0415  h11 and trustme load with it
    try:
        with like_interrupt(), _place(folder) as place:
            _keep_foreign(place / CONFIG)
            names = [str(FIRST_AGENT + n) for n in range(agents)]
            known = passwords(place / "passwords", names)
            asyncio.run(
                _serve(
                    place=place,
                    ca_file=(ca_file or place / "ca.pem").resolve(),
                    known=known,
                    ports=ports,
                    manner=(profile.value, way, seed),
                )
            )
    except OSError as error:
        raise ConfigurationError(f"simulate: {in_the_way(error)}") from None


async def _serve(
    *,
    place: Path,
    ca_file: Path,
    known: dict[str, str],
    ports: list[tuple[int, int]],
    manner: tuple[str, str, int],
) -> None:
    from listener.simulator.assembly import Simulator  # noqa: PLC0415  loads h11 and trustme
    from listener.simulator.certificates import ThrowawayAuthority  # noqa: PLC0415  as above
    from listener.simulator.profiles import Tagging  # noqa: PLC0415  as above
    from listener.simulator.users import AgentSpec  # noqa: PLC0415  as above

    profile, tagging, seed = manner
    specs = [AgentSpec(id=name, password=word, extension=name) for name, word in known.items()]
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopped.set)
    authority = ThrowawayAuthority.kept(place / "ca-key.pem")
    _keep_foreign_certificate(ca_file)
    async with Simulator(
        agents=specs,
        authority=authority,
        profile=profile,
        tagging=Tagging(tagging),
        seed=seed,
        nodes=len(ports),
        rest_port=[rest for rest, _ in ports],
        xmpp_port=[xmpp for _, xmpp in ports],
    ) as simulator:
        simulator.write_ca(ca_file)
        found = [(node.host, node.http.port, node.xmpp_port) for node in simulator.nodes]
        text = config_for(found, ca_file, list(known), place)
        (place / CONFIG).write_text(text, encoding="utf-8")
        console.out(text)
        console.errors().print(
            f"A simulated Finesse runs; the settings above are in {place / CONFIG}. Ctrl-C ends it."
        )
        async with _switches(simulator):
            await stopped.wait()


def ports_of(
    nodes: int, first: tuple[int, int], second: tuple[int | None, int | None]
) -> list[tuple[int, int]]:
    """Return (REST, notifications) for each node; those of the second are one more, or free."""
    if nodes == 1:
        if second != (None, None):
            raise typer.BadParameter("there is no second node; add --nodes 2")
        return [first]
    rest, xmpp = (
        told if told is not None else port and port + 1
        for told, port in zip(second, first, strict=True)
    )
    if max(rest, xmpp) > HIGHEST_PORT:
        raise typer.BadParameter("name the ports of the second node: one more is too high")
    return [first, (rest, xmpp)]


@contextlib.asynccontextmanager
async def _switches(simulator: "Simulator") -> AsyncIterator[None]:
    """Let USR1 stop and start the first node of a pair, USR2 the second."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGUSR1, signal.SIGUSR2) if len(simulator.nodes) > 1 else ()
    turning: set[asyncio.Task[None]] = set()
    for number, node in zip(numbers, simulator.nodes, strict=False):

        def turn(node: "Node" = node) -> None:
            if not turning:  # else it comes while the one before is still at work
                task = loop.create_task(_turn(node))
                turning.add(task)
                task.add_done_callback(turning.discard)

        loop.add_signal_handler(number, turn)
    if numbers:
        console.errors().print(
            f"kill -USR1 {os.getpid()} stops and starts the first node, -USR2 the second."
        )
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        await asyncio.gather(*turning)


async def _turn(node: "Node") -> None:
    name = "first" if node.number == 0 else "second"
    if node.running:
        await node.stop()
        console.errors().print(f"The {name} node is down.")
        return
    try:
        await node.start()
    except OSError as error:  # somebody took its port meanwhile
        console.errors().print(f"The {name} node stays down: {error}")
    else:
        console.errors().print(f"The {name} node is up again.")


def in_the_way(error: OSError) -> str:
    """Say what kept the simulator from starting, without Python's own words for it."""
    if error.errno == errno.EADDRINUSE:
        found = _ADDRESS.search(str(error))
        port = f"port {found[1]}" if found is not None else "a port"
        return (
            f"{port} is taken by another program; choose others with --port and --xmpp-port"
            " (0 takes a free one)"
        )
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)


def tagging_named(given: str) -> str:
    """Return the simulator's name of a way of tagging; a wrong one is a wrong call."""
    from listener.simulator.profiles import Tagging  # noqa: PLC0415  as above

    name = given.lower().replace("-", "_")
    if name not in set(Tagging):
        known = ", ".join(way.value.replace("_", "-") for way in Tagging)
        raise typer.BadParameter(f"{given} is none of {known}", param_hint="--tagging")
    return name


def _keep_foreign(file: Path) -> None:
    """Raise ConfigurationError when there is such a file and it was not written here."""
    if not file.exists():
        return
    with file.open("rb") as there:
        if there.read(len(MARK)) != MARK.encode():
            raise _foreign(file)


def _keep_foreign_certificate(file: Path) -> None:
    from listener.simulator.certificates import ThrowawayAuthority  # noqa: PLC0415  as above

    if file.exists() and not ThrowawayAuthority.wrote(file):
        raise _foreign(file)


def _foreign(file: Path) -> ConfigurationError:
    return ConfigurationError(
        f"simulate: {file} was not written by the simulator, and stays; name another place"
    )


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="listener-simulator-") as name:
            yield Path(name)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()


def passwords(folder: Path, names: list[str]) -> dict[str, str]:
    """Return a password for each agent; those that are in the folder already stay."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return {name: _password(folder / name) for name in names}


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12) + "\n", encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def config_for(
    nodes: list[tuple[str, int, int]], ca_file: Path, names: list[str], place: Path
) -> str:
    """Return settings in the folder `place` for a listener that speaks to this simulator.

    `nodes`: host, REST port and notification port of each. Its daemon has its socket and its
    journal there; no socket where the path is too long for one.
    """
    fits = len(bytes(place / SOCKET)) <= LONGEST_SOCKET
    lines = [
        MARK,
        "[finesse]",
        *_nodes(nodes),
        f"ca_file = {_quoted(str(ca_file))}",
        "",
        "[defaults]",
        'password_dir = "passwords"',
        "",
        "[api]",
        f"socket = {_quoted(SOCKET if fits else '')}",
        "",
        "[journal]",
        'path = "journal.sqlite"',
    ]
    for name in names:
        lines += ["", "[[agents]]", f"id = {_quoted(name)}", f"extension = {_quoted(name)}"]
    return "\n".join(lines) + "\n"


def _nodes(nodes: list[tuple[str, int, int]]) -> list[str]:
    if len(nodes) == 1:
        ((host, rest, xmpp),) = nodes
        return [f"nodes = [{_quoted(f'https://{host}:{rest}')}]", f"xmpp_port = {xmpp}"]
    tables = (
        f"    {{ host = {_quoted(host)}, rest_port = {rest}, xmpp_port = {xmpp} }},"
        for host, rest, xmpp in nodes
    )
    return ["nodes = [", *tables, "]"]


def _quoted(text: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text)

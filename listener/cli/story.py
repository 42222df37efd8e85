"""`listener story`: what happened to a request, on a dialog, or to an agent, and why.

Knows the options, where the facts come from and where the story goes; the rest is
`listener.story`'s.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import console, exits, reaching
from listener.cli.exits import Exit
from listener.cli.loading import loading
from listener.cli.reaching import Where
from listener.errors import ConfigurationError, DaemonUnreachable, InvalidRequest
from listener.ledger import now_utc
from listener.settings.layers import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.client import Client
    from listener.story.facts import Facts, Wanted
    from listener.story.telling import Story
    from listener.transcript import Trouble

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener story 0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d",
        "listener story --dialog 54321 --html ticket.html",
        "listener story --agent 1001 --last 10m",
        "listener story 145 --transcript transcript.jsonl --json",
        "listener story 145 --journal /var/lib/finesse-listener/journal.sqlite",
    ),
)

JOURNAL = Path("/var/lib/finesse-listener/journal.sqlite")
"""Where config/listener.service puts the journal."""
_PIPE = 100  # columns where nobody says how many there are
_TROUBLES = 5
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_STYLES = {"head": "bold", "good": "bold blue", "bad": "bold red", "faint": "dim", "": ""}
_STEP = 1 << 20  # bytes after which the progress bar moves


@reaching.located
def story(
    request: Annotated[
        str | None,
        typer.Argument(metavar="[REQUEST-ID]", help="Our id of a request, or its requestId."),
    ] = None,
    *,
    where: Where,
    dialog: Annotated[str | None, typer.Option(help="All that happened on that dialog.")] = None,
    agent: Annotated[str | None, typer.Option(help="All that happened to that agent.")] = None,
    last: Annotated[
        str | None, typer.Option(help="The last 90s, 10m, 2h or 1d; for --agent 10m if left out.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From that time on (2026-11-21T08:00:00Z).")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to that time.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=500, help="So many requests at most, the newest.")
    ] = 50,
    transcript: Annotated[
        list[Path] | None, typer.Option(help="From that transcript; again for its other parts.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="From that journal; it is only read, a daemon may hold it.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML file that needs nothing else.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the diagram as one SVG file.")] = None,
    show_numbers: Annotated[
        bool, typer.Option("--show-numbers", help="Show telephone numbers and call data.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The story as one JSON object.")] = False,
) -> None:
    """Tell what happened: asked, answered, heard; what proved what, what is missing, and why.

    The facts come from the running daemon; where none runs, from its journal (by the settings
    file, or --journal); or from a transcript. Numbers and call data are masked, DTMF digits are
    kept nowhere. The exit code is 1 when nothing is known of it.
    """
    console.need_output()
    _check(request, dialog, agent)
    spans = _spans(last, since, until, agent_alone=agent is not None and dialog is None)
    with loading():
        from listener.story.facts import Wanted  # noqa: PLC0415  as below
        from listener.story.telling import told  # noqa: PLC0415  the core loads with it

    wanted = Wanted(request=request, dialog=dialog, agent=agent, limit=limit, **spans)
    found = told(
        _facts(wanted, where, transcript or [], journal),
        wanted.subject,
        show_numbers=show_numbers,
    )
    _files(found, html, svg)
    if as_json:
        from listener.story.telling import to_json  # noqa: PLC0415  as above

        console.out_json(to_json(found))
    elif html is None and svg is None:
        _show(found)


def _check(request: str | None, dialog: str | None, agent: str | None) -> None:
    if request is not None and (dialog is not None or agent is not None):
        raise InvalidRequest("give a REQUEST-ID, or --dialog and --agent, not both")
    if request is None and dialog is None and agent is None:
        raise InvalidRequest("say whose story: a REQUEST-ID, --dialog ID, or --agent ID --last 10m")
    if "" in {request, dialog, agent}:
        raise InvalidRequest("an id is needed, and this is none")


def _spans(
    last: str | None, since: str | None, until: str | None, *, agent_alone: bool
) -> dict[str, float | None]:
    if last is not None and since is not None:
        raise InvalidRequest("give --last, or --from and --to, not both")
    begin, end = _moment("--from", since), _moment("--to", until)
    if begin is not None and end is not None and begin > end:
        raise InvalidRequest("--from is later than --to")
    span = None if last is None else _span(last)
    if agent_alone and (last, since) == (None, None):
        span = 600.0
    return {"last": span, "since": begin, "until": end}


def _span(text: str) -> float:
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidRequest(f"--last {text!r}: write 90s, 10m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2]]


def _moment(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequest(f"{option} {text!r} is no time: write 2026-11-21T08:00:00Z") from None
    # Times are shown in UTC, so one without a zone is meant so.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


# ---------------------------------------------------------------- where the facts come from


def _facts(
    wanted: "Wanted", where: Where, transcripts: list[Path], journal: Path | None
) -> "Facts":
    from listener.story.facts import NothingKnown  # noqa: PLC0415  loaded with the rest

    try:
        if transcripts:
            if journal is not None:
                raise InvalidRequest("give --transcript or --journal, not both")
            return _from_transcripts(transcripts, wanted)
        return _from_journal(journal, wanted) if journal is not None else _living(wanted, where)
    except NothingKnown as nothing:
        words = console.errors()
        words.print(str(nothing))
        for each in nothing.near:
            words.print(f"  near is: {each}")
        raise typer.Exit(Exit.FAILED) from None


def _from_transcripts(paths: list[Path], wanted: "Wanted") -> "Facts":
    with loading():
        from listener.story import tape  # noqa: PLC0415  lxml loads with it
        from listener.transcript import size_of  # noqa: PLC0415

    words, troubles = console.errors(), _Troubles()
    with _progress(size_of(paths)) as passed:
        found = tape.facts_of(paths, wanted, trouble=troubles.add, passed=passed)
    troubles.tell(words.print)
    return found


def _from_journal(path: Path, wanted: "Wanted") -> "Facts":
    with loading():
        from listener.story import archive  # noqa: PLC0415  sqlite loads with it

    return archive.facts_of(path, wanted, now_utc().timestamp())


def _living(wanted: "Wanted", where: Where) -> "Facts":
    """Ask the daemon; without one, read the journal that it would have."""
    with loading():
        from listener.story import daemon  # noqa: PLC0415  the client loads with it

    named = where.socket is not None or where.url is not None
    if not named and where.client_if_any() is None:
        path = _journal_of(where.config)
        if path is None:
            raise DaemonUnreachable(
                "no daemon runs here and no journal is to be found; name one with --config,"
                " --socket, --url, --journal or --transcript",
                sent=False,
            )
        console.errors().print(f"no daemon runs here; from the journal {path}")
        return _from_journal(path, wanted)
    now = now_utc().timestamp()

    async def question(client: "Client") -> "Facts":
        return await daemon.facts_of(client, wanted, now)

    return reaching.ask(where, question)


def _journal_of(config: Path | None) -> Path | None:
    """Return where the journal is by a settings file, or at the usual places."""
    if config is not None:
        section = read_toml(config).get("journal")
        named = section.get("path") if isinstance(section, dict) else None
        if named == "":
            raise ConfigurationError(f'{config}: journal.path = "": no journal is kept')
        if isinstance(named, str):
            try:
                return config.parent / Path(named).expanduser()
            except RuntimeError:  # "~somebody" who is not there
                raise ConfigurationError(f"{config}: journal.path: no home folder for ~") from None
    state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    places = [Path(state) / "journal.sqlite"] if state.startswith("/") else []
    return next((path for path in (*places, JOURNAL) if os.path.isfile(path)), None)  # noqa: PTH113  False where one may not look


class _Troubles:
    """What could not be read in a transcript: the first ones named, the rest counted."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._count = 0

    def add(self, trouble: "Trouble") -> None:
        self._count += 1
        if len(self._first) < _TROUBLES:
            self._first.append(str(trouble))

    def tell(self, say: "Callable[[str], None]") -> None:
        for each in self._first:
            say(each)
        if self._count > _TROUBLES:
            say(f"and {self._count - _TROUBLES:,} more such lines")


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[int], None]]":
    screen = console.errors()
    if not screen.is_terminal or total < 4 * _STEP:
        yield lambda _bytes: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    columns = (TextColumn("reading"), BarColumn(None), TaskProgressColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task, shown = bar.add_task("reading", total=total), 0

        def passed(count: int) -> None:
            nonlocal shown
            if count - shown >= _STEP:
                shown = count
                bar.update(task, completed=count)

        yield passed


# ---------------------------------------------------------------- where the story goes


def _files(found: "Story", html: Path | None, svg: Path | None) -> None:
    words = console.errors()
    for path, text in _texts(found, html, svg):
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be written: {error.strerror or error}"
            ) from None
        words.print(f"written to {path}")


def _texts(found: "Story", html: Path | None, svg: Path | None) -> Iterator[tuple[Path, str]]:
    if html is not None:
        from listener.story.page import html_file  # noqa: PLC0415  for this alone

        yield html, html_file(found)
    if svg is not None:
        from listener.story.drawing import svg_file  # noqa: PLC0415  for this alone

        yield svg, svg_file(found)


def _show(found: "Story") -> None:
    from listener.story.lines import lines_of  # noqa: PLC0415  loaded with the rest

    if not sys.stdout.isatty():
        for line in lines_of(found, shutil.get_terminal_size((_PIPE, 24)).columns):
            console.out_words(line.text)
        return
    from rich.console import Console  # noqa: PLC0415  for a terminal alone
    from rich.text import Text  # noqa: PLC0415

    screen = Console(highlight=False, markup=False)
    for line in lines_of(found, screen.width):
        styled: Any = Text(line.text, style=_STYLES[line.style])
        screen.print(styled, soft_wrap=True)

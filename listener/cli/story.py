"""`listener story`: what happened to a request, on a dialog, or to an agent, and why.

Knows the options, where the facts come from and where the story goes; the rest is
`listener.story`'s.
"""

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
from listener.cli.files import file_option
from listener.cli.loading import loading
from listener.cli.reaching import Where
from listener.cli.story_facts import facts_for
from listener.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from listener.story.telling import Story

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

_PIPE = 100  # columns where nobody says how many there are
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d)?")
_LONGEST = 3650 * 86400.0
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_STYLES = {"head": "bold", "good": "bold blue", "bad": "bold red", "faint": "dim", "": ""}


@reaching.located
def story(
    request: Annotated[
        str | None,
        typer.Argument(metavar="REQUEST-ID", help="Our id of a request, or its requestId."),
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
        list[Path] | None, file_option(help="From that transcript; again for its other parts.")
    ] = None,
    journal: Annotated[
        Path | None, file_option(help="From that journal; it is only read, a daemon may hold it.")
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
    if request is not None and (last, since, until) != (None, None, None):
        raise InvalidRequest("--last, --from and --to go with --dialog or --agent")
    spans = _spans(last, since, until, agent_alone=agent is not None and dialog is None)
    with loading():
        from listener.story.facts import Wanted  # noqa: PLC0415  as below
        from listener.story.telling import told  # noqa: PLC0415  the core loads with it

    wanted = Wanted(request=request, dialog=dialog, agent=agent, limit=limit, **spans)
    found = told(
        facts_for(wanted, where, transcript or [], journal),
        wanted.subject,
        show_numbers=show_numbers,
    )
    _files(found, html, svg)
    if as_json:
        from listener.story.telling import to_json  # noqa: PLC0415  as above

        with _reader():
            console.out_json(to_json(found))
    elif html is None and svg is None:
        with _reader():
            _show(found)


def _check(request: str | None, dialog: str | None, agent: str | None) -> None:
    if request is not None and (dialog is not None or agent is not None):
        raise InvalidRequest("give a REQUEST-ID, or --dialog and --agent, not both")
    if request is None and dialog is None and agent is None:
        raise InvalidRequest("say whose story: a REQUEST-ID, --dialog ID, or --agent ID --last 10m")
    if "" in {request, dialog, agent}:
        raise InvalidRequest("an id is needed, and this is none")
    try:
        "".join(each or "" for each in (request, dialog, agent)).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("an id is text in UTF-8, and this is none") from None


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
    span = float(found[1]) * _SECONDS[found[2]]
    if span == 0:
        raise InvalidRequest(f"--last {text[:20]!r} is no time at all: write 90s, 10m, 2h or 1d")
    if span > _LONGEST:
        raise InvalidRequest(f"--last {text[:20]!r}: nothing is kept so long; 3650d at most")
    return span


def _moment(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequest(f"{option} {text!r} is no time: write 2026-11-21T08:00:00Z") from None
    # Times are shown in UTC, so one without a zone is meant so.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


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


@contextmanager
def _reader() -> Iterator[None]:
    """Say so when nobody reads any more (`| head`): typer alone would end with 1, "not there"."""
    try:
        yield
    except BrokenPipeError as error:
        raise console.unwritable(error) from None


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

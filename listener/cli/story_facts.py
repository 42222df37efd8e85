"""Where the facts of `listener story` come from: a transcript, a journal, or the running daemon.

Knows the places and the screen; reading is `listener.story`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from listener import settings as configuration
from listener.cli import console, reaching
from listener.cli.exits import Exit
from listener.cli.loading import loading
from listener.cli.reading import Troubles, progress
from listener.errors import ConfigurationError, DaemonUnreachable, InvalidRequest
from listener.ledger import now_utc
from listener.settings.layers import read_toml

if TYPE_CHECKING:
    from listener.cli.reaching import Where
    from listener.client import Client
    from listener.story.facts import Facts, Wanted

_MOST_TROUBLES = 5  # lines that cannot be read are named up to here; the rest is counted
_LONGEST = 4_000  # characters of one line of words


def facts_for(wanted: Wanted, where: Where, transcripts: list[Path], journal: Path | None) -> Facts:
    """Return the facts; say what is near, and exit, where nothing is known.

    `transcripts` and `journal` are as given; else the daemon is asked, or its journal read.
    """
    from listener.story.facts import NothingKnown  # noqa: PLC0415  loaded with the rest
    from listener.story.veil import clean  # noqa: PLC0415  as above

    try:
        if transcripts:
            if journal is not None:
                raise InvalidRequest("give --transcript or --journal, not both")
            return _from_transcripts(transcripts, wanted)
        return _from_journal(journal, wanted) if journal is not None else _living(wanted, where)
    except NothingKnown as nothing:
        words = console.errors()
        words.print(clean(nothing, _LONGEST))
        for each in nothing.near:  # it may be anybody's transcript
            words.print(f"  near is: {clean(each)}")
        raise typer.Exit(Exit.FAILED) from None


def _from_transcripts(paths: list[Path], wanted: Wanted) -> Facts:
    with loading():
        from listener.story import tape  # noqa: PLC0415  lxml loads with it
        from listener.transcript import size_of  # noqa: PLC0415

    troubles = Troubles(console.errors().print, most=_MOST_TROUBLES)
    with progress("reading", size_of(paths)) as passed:
        found = tape.facts_of(paths, wanted, trouble=troubles.add, passed=passed)
    troubles.end()
    return found


def _from_journal(path: Path, wanted: Wanted) -> Facts:
    with loading():
        from listener.story import archive  # noqa: PLC0415  sqlite loads with it

    return archive.facts_of(path, wanted, now_utc().timestamp())


def _living(wanted: Wanted, where: Where) -> Facts:
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

    async def question(client: Client) -> Facts:
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
    return configuration.client_journal()

"""`listener forget`: erase a telephone number or a dialog from what is kept.

Through the running daemon, which holds the journal; when none runs, in the journal's file.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from listener import settings as configuration
from listener.cli import console, exits, reaching, running
from listener.cli.loading import loading
from listener.cli.reaching import Where
from listener.errors import ConfigurationError, InvalidRequest

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener forget --config listener.toml --number +12025550101",
        "listener forget --dialog 54321",
    ),
)

_KEPT = "open_requests_kept"


@reaching.located
def forget(
    *,
    where: Where,
    number: Annotated[str | None, typer.Option(help="A telephone number, however written.")] = None,
    dialog: Annotated[str | None, typer.Option(help="The id of a dialog.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Erase what is kept of a number or a dialog. Exit code 1 when there was nothing."""
    if (number is None) == (dialog is None):
        raise InvalidRequest("give --number or --dialog, one of them")
    wanted = {"number": number, "dialog_id": dialog}
    client = where.client_if_any()
    if client is not None:
        console.errors().print(f"through the daemon at {client.where}")
        told = reaching.ask(where, lambda there: there.forget(**wanted))
        erased = told["erased"]
    else:
        erased = _in_the_file(where.config, wanted)
    if as_json:
        console.out_json({"erased": erased})
    found = {kind: count for kind, count in erased.items() if kind != _KEPT}
    if not as_json:
        console.out_table(("KIND", "ERASED"), list(found.items()))
    if erased.get(_KEPT):
        console.errors().print(f"{erased[_KEPT]} open requests are kept: say it again when settled")
    raise typer.Exit(exits.Exit.OK if any(found.values()) else exits.Exit.FAILED)


def _in_the_file(config: Path | None, wanted: dict[str, Any]) -> dict[str, int]:
    """Erase in the journal's file; ConfigurationError when a daemon that was not found holds it."""
    if config is None:
        raise InvalidRequest("--config is needed, since no daemon runs at the usual places")
    settings = configuration.load(config)
    path = settings.journal.path
    if path is None:
        raise ConfigurationError(f"{config}: names no journal (path in [journal]): nothing is kept")
    if not path.exists():
        raise ConfigurationError(f"{path}: no such journal; nothing is kept there")
    with loading():
        from listener.station import open_journal  # noqa: PLC0415  the whole program loads with it

    async def erased() -> dict[str, int]:
        journal = await open_journal(settings)
        assert journal is not None
        try:
            return await journal.forget(**wanted)
        finally:
            await journal.aclose()

    console.errors().print(f"no daemon runs; in the journal {path}")
    return running.run(erased())

"""`listener page`: a link to the running daemon's page, good for one browser within a minute.

Knows the options and the words; codes are the daemon's. The link is shown, and kept nowhere; no
browser is started here, for its arguments could be read by others.
"""

from typing import Annotated

import typer

from listener.cli import console, exits, reaching
from listener.cli.reaching import Where

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener page",
        "listener page --config listener.toml --show-numbers",
        "listener page --url http://127.0.0.1:8470 --token-file token --json",
    ),
)


@reaching.located
def page(
    *,
    where: Where,
    show_numbers: Annotated[
        bool,
        typer.Option("--show-numbers", help="Let the page show numbers and call data on demand."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The link as one JSON object.")] = False,
) -> None:
    """Print a link to the running daemon's page: what happens now, and what came of requests.

    It opens once, within a minute; that browser may then look for 12 hours, and change nothing.
    """
    console.need_output()
    found = reaching.ask(where, lambda client: client.page_link(numbers=show_numbers))
    if as_json:
        console.out_json(found)
    else:
        console.out(found["link"])
        console.errors().print(f"It opens once, within {found['seconds']:.0f} seconds.")

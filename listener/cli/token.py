"""`listener token new`: a token for a caller of the API over TCP.

Knows what the tokens file looks like; the token itself is shown once and kept nowhere.
"""

import json
import re
from typing import Annotated

import typer

from listener.cli import console, exits
from listener.errors import InvalidRequest
from listener.web.callers import Scope
from listener.web.tokens import digest_of, new_token

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener token new --name crm --scope request >> /etc/finesse-listener/tokens.toml",
        "listener token new --name prometheus --scope read",
    ),
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

app = typer.Typer(
    help="Tokens for callers of the API over TCP.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _tokens() -> None:
    """Make `new` a command of its own, though it is the only one."""


@app.command("new", epilog=EXAMPLES)
def new(
    *,
    name: Annotated[
        str, typer.Option(help="Whose it is; stands in resources, the journal and the log.")
    ],
    scope: Annotated[
        list[Scope], typer.Option(help="read, request (with read) or admin (all); repeatable.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Name, scopes, token and its hash as one JSON object.")
    ] = False,
) -> None:
    """Make a token: its entry for the tokens file on standard output, itself on standard error.

    The file holds the hash alone, so nobody can read the token again: copy it now.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest("--name must be 1 to 64 letters, digits, dots, dashes, underscores")
    console.need_output()
    token = new_token()
    entry = {
        "name": name,
        "scopes": [str(one) for one in dict.fromkeys(scope)],
        "token_sha256": digest_of(token).hex(),
    }
    if as_json:
        console.out_json({**entry, "token": token})
        return
    console.out("[[tokens]]")
    for key, value in entry.items():
        console.out(f"{key} = {json.dumps(value)}")
    console.errors().print(f"The token of {name}, shown this once: {token}")

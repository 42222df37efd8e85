"""`listener agents`: the agents of the running daemon, and how their sessions are.

Knows the table and the options; the sessions are the daemon's.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import console, exits, reaching
from listener.cli.reaching import Where

if TYPE_CHECKING:
    from listener.client import AgentResource

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener agents",
        "listener agents --config listener.toml --json | jq 'select(.live | not)'",
        "listener agents --url http://127.0.0.1:8470 --token-file token",
    ),
)

_HEADS = ("AGENT", "STATE", "NODE", "SINCE", "EXTENSION", "TROUBLE")


@reaching.located
def agents(
    *,
    where: Where,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per agent and line.")
    ] = False,
) -> None:
    """List the agents of the running daemon and the state of their sessions."""
    found = reaching.ask(where, lambda client: client.agents())
    if as_json:
        for agent in found:
            console.out_json(agent)
    else:
        console.out_table(_HEADS, [_row(agent) for agent in found])


def _row(agent: "AgentResource") -> tuple[object, ...]:
    keys = ("id", "state", "node", "since", "extension")
    trouble = None if agent["live"] else agent["lastError"]
    return (*(agent.get(key) for key in keys), trouble)

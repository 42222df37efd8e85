"""`listener requests`: the requests that the running daemon knows: list, show, abandon.

Knows the table and the options; what came of a request is told by `event_words`.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import console, event_words, exits, reaching
from listener.cli.reaching import Where
from listener.errors import InvalidRequest

if TYPE_CHECKING:
    from listener.client import Client, RequestResource

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener requests --state open",
        "listener requests 0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d",
        "listener requests 0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d --abandon",
        "listener requests --agent 1001 --limit 20 --json",
    ),
)

_HEADS = ("ID", "SUBMITTED", "AGENT", "ACTION", "DIALOG", "STATE", "OUTCOME", "WHY")


class State(StrEnum):
    """Where a request may stand; open is all but settled."""

    OPEN = "open"
    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    IN_DOUBT = "in_doubt"
    SETTLED = "settled"


@reaching.located
def requests(
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="Show that request; its id in the list.")
    ] = None,
    *,
    where: Where,
    state: Annotated[State | None, typer.Option(help="List those that stand so.")] = None,
    agent: Annotated[str | None, typer.Option(help="List those of that agent.")] = None,
    request_id: Annotated[
        str | None, typer.Option(help="List those with that requestId on the wire.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="List so many at most.")] = 100,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="With ID: wait so many seconds for its outcome.")
    ] = 0.0,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="With ID: stop waiting for it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per request and line.")
    ] = False,
) -> None:
    """List the requests of the running daemon, newest first, or show one."""
    if id_ is not None:
        if state is not None or agent is not None or request_id is not None:
            raise InvalidRequest("give an ID, or filters for a list, not both")
        found = reaching.ask(where, lambda client: _one(client, id_, wait, abandon=abandon))
        _show(found, as_json=as_json)
        return
    if abandon or wait:
        raise InvalidRequest("--abandon and --wait need the ID of a request")
    listed = reaching.ask(
        where,
        lambda client: client.requests(
            state=state and state.value, agent=agent, request_id=request_id, limit=limit
        ),
    )
    if as_json:
        for one in listed:
            console.out_json(one)
    else:
        console.out_table(_HEADS, [_row(one) for one in listed])


async def _one(client: "Client", id_: str, wait: float, *, abandon: bool) -> "RequestResource":
    if abandon:
        return await client.abandon(id_)
    return await (client.outcome(id_, wait) if wait else client.request(id_))


def _show(found: "RequestResource", *, as_json: bool) -> None:
    if as_json:
        console.out_json(found)
    else:
        for line in event_words.of_resource(found):
            console.out_words(line)


def _row(one: "RequestResource") -> tuple[object, ...]:
    keys = ("id", "submitted", "agent", "requestedAction", "dialogId", "state")
    outcome = one["outcome"]
    kind = outcome["kind"] if outcome else None
    why = (outcome["evidence"] or outcome["reason"]) if outcome else None
    return (*(one.get(key) for key in keys), kind, why)

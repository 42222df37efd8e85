"""`listener watch`: what happens, event by event, as the running daemon tells it.

Knows the options and the screen; how the stream is kept is `listener.client`'s business.
"""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import console, event_words, exits, reaching
from listener.cli.loading import like_interrupt
from listener.cli.reaching import Where

if TYPE_CHECKING:
    from listener.client import Client

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener watch --config listener.toml",
        "listener watch --agent 1001 --kind request --kind error",
        "listener watch --json --after 5f0c1a2b-17 | jq .data",
    ),
)


class Kind(StrEnum):
    """The names of events."""

    DIALOG = "dialog"
    USER = "user"
    ERROR = "error"
    REQUEST = "request"
    SESSION = "session"
    GAP = "gap"


@reaching.located
def watch(
    *,
    where: Where,
    agent: Annotated[str | None, typer.Option(help="Events of that agent alone.")] = None,
    dialog: Annotated[str | None, typer.Option(help="Events about that dialog alone.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Events of that request alone.")] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option(help="Events of that name; may be repeated.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Go on behind the event with that id; from now on if not.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many events; goes on if left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per event and line.")
    ] = False,
) -> None:
    """Show events until Ctrl-C; after a lost connection it goes on where it was."""
    console.need_output()
    wanted = {
        "agent": agent,
        "dialog_id": dialog,
        "id": id_,
        "kind": [str(one) for one in kind or ()],
        "after": after,
    }
    client = where.client()
    with like_interrupt():
        asyncio.run(_follow(where, client, wanted, count, as_json=as_json))


async def _follow(
    where: Where, client: "Client", wanted: dict[str, Any], count: int | None, *, as_json: bool
) -> None:
    words = console.errors()
    async with client, client.events(**wanted, lost=words.print) as events:
        await reaching.must_fit(where, client)
        try:
            async for event in events:
                if as_json:
                    told = {"id": event.id, "event": event.name, "data": event.data}
                    console.out_json(told)
                else:
                    for line in event_words.of_event(event.name, event.data):
                        console.out_words(line)
                count = None if count is None else count - 1
                if count == 0:
                    return
        finally:
            if events.last_id is not None:
                words.print(f"to go on from here: --after {events.last_id}")

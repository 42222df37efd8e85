"""`listener watch`: what happens now, as the running daemon tells it: in panes, or as lines.

Knows the options and the lines; the panes are in `panes`, and how the stream is kept is
`listener.client`'s business.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import board, console, event_words, exits, keyboard, reaching, running
from listener.cli.filters import Filters
from listener.cli.loading import like_interrupt
from listener.cli.reaching import Where

if TYPE_CHECKING:
    from listener.client import Client

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener watch --config listener.toml",
        "listener watch --agent 1001 --kind request --kind error",
        "listener watch --outcome unconfirmed",
        "listener watch --json --after 5f0c1a2b-17 | jq .data",
    ),
)
EXAMPLES += "\n\n" + exits.lines(
    "Keys, in a terminal", (f"{key:<18} {does}" for key, does in board.KEYS)
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
    action: Annotated[
        str | None, typer.Option(help="Requests with that action alone, such as HOLD.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Requests with that outcome or state alone.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only what holds that text.")] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Lines in a terminal too, as into a pipe.")
    ] = False,
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
    """Show what happens until Ctrl-C or q; after a lost connection it goes on where it was.

    In a terminal: sessions, open requests, events and errors in panes, with keys to filter, pause
    and scroll (? shows them). Into a pipe, with --lines, --json or --count: one event after the
    other.
    """
    console.need_output()
    wanted = {
        "agent": agent,
        "dialog_id": dialog,
        "id": id_,
        "kind": [str(one) for one in kind or ()],
        "after": after,
    }
    filters = Filters(action=action, outcome=outcome, text=text)
    client = where.client()
    with like_interrupt():
        if keyboard.is_there() and not (as_json or lines or count):
            running.run(_panes(where, client, wanted, filters))
        else:
            running.run(_follow(where, client, wanted, filters, count, as_json=as_json))


async def _panes(where: Where, client: "Client", wanted: dict[str, Any], filters: Filters) -> None:
    from rich.console import Console  # noqa: PLC0415  for a terminal alone

    from listener.cli.panes import Panes  # noqa: PLC0415  as above

    panes = Panes(where, client, wanted, filters)
    try:
        await panes.show(Console(highlight=False, markup=False))
    finally:
        if panes.last_id is not None:
            console.errors().print(f"to go on from here: --after {panes.last_id}")


async def _follow(
    where: Where,
    client: "Client",
    wanted: dict[str, Any],
    filters: Filters,
    count: int | None,
    *,
    as_json: bool,
) -> None:
    words = console.errors()
    async with client, client.events(**wanted, lost=words.print) as events:
        await reaching.must_fit(where, client)
        try:
            async for event in events:
                said = list(event_words.of_event(event.name, event.data))
                if not filters.admit(event.data, said):
                    continue
                if as_json:
                    told = {"id": event.id, "event": event.name, "data": event.data}
                    console.out_json(told)
                else:
                    for line in said:
                        console.out_words(line)
                count = None if count is None else count - 1
                if count == 0:
                    return
        finally:
            if events.last_id is not None:
                words.print(f"to go on from here: --after {events.last_id}")

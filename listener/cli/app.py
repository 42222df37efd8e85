"""The commands, gathered: what each is called and what its help says.

Knows typer; the commands themselves are in the modules beside it.
"""

from typing import Annotated

import typer

from listener.cli import (
    agents,
    check,
    demo,
    explain,
    forget,
    handover,
    page,
    parse,
    record,
    reload,
    replay,
    requests,
    run,
    send,
    simulate,
    story,
    token,
    watch,
)
from listener.cli.exits import epilog

app = typer.Typer(
    name="listener",
    help="Send requests to Cisco Finesse and learn what really came of them.",
    epilog=epilog(),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its tables cut long options off
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it so
    if wanted:
        from listener import __version__  # noqa: PLC0415  the door is lazy

        typer.echo(f"listener {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    del version


app.command("parse", epilog=parse.EXAMPLES)(parse.parse)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain)
app.command("send", epilog=send.EXAMPLES)(send.send)
app.command("check", epilog=check.EXAMPLES)(check.check)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("record", epilog=record.EXAMPLES)(record.record)
app.command("replay", epilog=replay.EXAMPLES)(replay.replay)
app.command("story", epilog=story.EXAMPLES)(story.story)
app.command("watch", epilog=watch.EXAMPLES)(watch.watch)
app.command("page", epilog=page.EXAMPLES)(page.page)
app.command("requests", epilog=requests.EXAMPLES)(requests.requests)
app.command("agents", epilog=agents.EXAMPLES)(agents.agents)
app.command("reload", epilog=reload.EXAMPLES)(reload.reload)
app.command("handover", epilog=handover.EXAMPLES)(handover.handover)
app.command("successor", hidden=True)(handover.successor)
app.command("forget", epilog=forget.EXAMPLES)(forget.forget)
app.add_typer(token.app, name="token")
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("simulate", epilog=simulate.EXAMPLES)(simulate.simulate)

"""`listener send`: one request, and what came of it.

Knows the options and the waiting on a terminal; the request is built by `sending`, goes through a
running daemon (`relaying`) or a session of its own (`submitting`), and is told by `describe`.
"""

import asyncio
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from listener import logs
from listener import settings as configuration
from listener.cli import console, exits, reaching, sending
from listener.cli.describe import describe, exit_code
from listener.cli.exits import Interrupted, StreamFailed
from listener.cli.files import file_option
from listener.cli.loading import loading
from listener.cli.reaching import Where
from listener.cli.relaying import Relay
from listener.cli.submitting import Submission, whether_sent
from listener.correlation.outcome import MinimumEvidence
from listener.errors import InvalidRequest
from listener.finesse.actions.request import Request

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener send --config l.toml --agent 1001 --dialog 54321 HOLD",
        "listener send --config l.toml --agent 1001 --dialog 5 SEND_DTMF --dtmf-string-file digits",
        "listener send --agent 1001 MAKE_CALL --to-address 2002 --dry-run",
    ),
)


class Variant(StrEnum):
    """Which of several requests ACCEPT, CLOSE, REJECT and TRANSFER mean."""

    OUTBOUND = "outbound"
    DIRECT = "direct"
    TASK = "task"


@reaching.located
def send(
    action: Annotated[
        str,
        typer.Argument(metavar="ACTION", help="Finesse's action, such as HOLD; case is ignored."),
    ],
    *,
    where: Where,
    agent: Annotated[str, typer.Option(help="Whose request it is.")],
    config: Annotated[
        Path | None,
        file_option(help="The settings file; --dry-run, and a daemon at its place, need none."),
    ] = None,
    dialog: Annotated[str | None, typer.Option(help="The dialog it acts on.")] = None,
    to_address: Annotated[str | None, typer.Option(help="Whom to call, or transfer to.")] = None,
    from_address: Annotated[str | None, typer.Option(help="The calling extension.")] = None,
    target_media_address: Annotated[
        str | None, typer.Option(help="The device that acts; the agent's own if left out.")
    ] = None,
    dtmf_string: Annotated[
        str | None,
        typer.Option(
            help="Digits. Prefer - (standard input) or a file: others on this machine can see "
            "the words of a command."
        ),
    ] = None,
    dtmf_string_file: Annotated[Path | None, file_option(help="A file with the digits.")] = None,
    variable: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, a call variable; may be repeated.")
    ] = None,
    wrap_up_reason: Annotated[str | None, typer.Option(help="UPDATE_CALL_DATA.")] = None,
    wrap_up_item: Annotated[
        list[str] | None, typer.Option(help="UPDATE_CALL_DATA on UCCX; may be repeated.")
    ] = None,
    reason_code_id: Annotated[str | None, typer.Option(help="NOT_READY and LOGOUT.")] = None,
    extension: Annotated[str | None, typer.Option(help="LOGIN: where to sign in.")] = None,
    associated_dialog: Annotated[
        str | None, typer.Option(help="BARGE_CALL: the URI of the monitor dialog.")
    ] = None,
    callback_time: Annotated[str | None, typer.Option(help="YYYY-MM-DDThh:mm")] = None,
    callback_number: Annotated[str | None, typer.Option(help="Whom to call back.")] = None,
    classification: Annotated[str | None, typer.Option(help="RECLASSIFY.")] = None,
    target: Annotated[str | None, typer.Option(help="TRANSFER of a task: where to.")] = None,
    variant: Annotated[
        Variant, typer.Option(help="Which ACCEPT, CLOSE, REJECT or TRANSFER is meant.")
    ] = Variant.OUTBOUND,
    request_id: Annotated[
        str | None, typer.Option(help="The requestId; minted if left out.")
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=3600, callback=sending.finite, help="Seconds to wait after the 202."
        ),
    ] = None,
    minimum_evidence: Annotated[
        MinimumEvidence | None, typer.Option(help="What may confirm or fail it.")
    ] = None,
    validate: Annotated[
        bool, typer.Option("--validate/--no-validate", help="Check against the deployment first.")
    ] = True,
    direct: Annotated[
        bool, typer.Option("--direct", help="Open a session of its own, beside any daemon.")
    ] = False,
    daemon: Annotated[
        bool, typer.Option("--daemon", help="Send through the running daemon, or not at all.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The outcome as one JSON object.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also log, as the settings say.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Send one request and wait for what came of it. Nothing is ever sent twice.

    It goes through the running daemon when there is one, else over a session of its own.
    """
    wanted = sending.Wanted(
        agent=agent,
        action=action,
        variant=variant.value,
        dialog=dialog,
        dtmf=sending.digits(dtmf_string, dtmf_string_file),
        to_address=to_address,
        from_address=from_address,
        target_media_address=target_media_address,
        variables=tuple(variable or ()),
        wrap_up_reason=wrap_up_reason,
        wrap_up_items=tuple(wrap_up_item or ()),
        reason_code_id=reason_code_id,
        extension=extension,
        associated_dialog=associated_dialog,
        callback_time=callback_time,
        callback_number=callback_number,
        classification=classification,
        target=target,
    )
    request = wanted.request()
    if dry_run:
        _show(request, config, request_id)
        return
    console.need_output()  # before anything is sent
    options = {
        "deadline": deadline,
        "request_id": request_id,
        "minimum_evidence": minimum_evidence and minimum_evidence.value,
    }
    client = reaching.daemon_for(where, direct=direct, daemon=daemon, validate=validate)
    way: Relay | Submission
    if client is not None:
        way = Relay(client, wanted.asked() | options)
    else:
        way = _own(request, config, options | {"validate": validate}, verbose=verbose)
    with console.waiting(f"{request.requested_action} for {agent}: waiting for what comes of it"):
        outcome = asyncio.run(way.outcome())
    _tell(outcome, request.requested_action, as_json=as_json)
    if way.interrupted:
        raise Interrupted(f"interrupted; {whether_sent(outcome)}")
    raise typer.Exit(exit_code(outcome))


def _own(
    request: Request, config: Path | None, options: dict[str, Any], *, verbose: bool
) -> Submission:
    """Return the way over a session for that agent alone."""
    if config is None:
        raise InvalidRequest("--config is needed to send, since no daemon runs at the usual places")
    settings = configuration.load(config).only(request.agent)
    console.start_logs(settings, quiet=not verbose)
    for warning in settings.warnings:
        logs.get(__name__).warning("settings.warning", detail=warning)
    with loading():
        import listener.assembly  # noqa: F401, PLC0415  slixmpp and httpx load with it
    options["minimum_evidence"] = options["minimum_evidence"] or settings.requests.minimum_evidence
    return Submission(settings, request, options)


def _tell(outcome: dict[str, Any], action: str, *, as_json: bool) -> None:
    lines = list(describe(outcome, action))
    try:
        if as_json:
            console.out_json(outcome)
        else:
            for line in lines:
                console.out_words(line)
    except StreamFailed:
        console.errors().print(lines[0])  # what came of it must not be lost with the data
        raise


def _show(request: Request, config: Path | None, request_id: str | None) -> None:
    """Print the HTTP request without credentials and digits."""
    from listener.finesse.wire.write import render  # noqa: PLC0415  lxml loads with it

    extension = configuration.load(config).agent(request.agent).extension if config else None
    known = sending.shown(request.on_device(extension or sending.EXTENSION_PLACE))
    console.out(f"{known.method} {known.path}")
    console.out("Content-Type: application/xml")
    console.out(f"requestId: {request_id or uuid.uuid4()}")
    console.out()
    console.out(render(known.body()).decode())

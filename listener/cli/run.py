"""`listener run`: the daemon, or only a look at what it would do.

Knows the settings' words; the daemon itself is `listener.daemon`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from listener import settings as configuration
from listener.cli import console, exits
from listener.cli.files import file_option
from listener.cli.handover import command_for
from listener.cli.loading import loading
from listener.cli.record import with_recording
from listener.errors import ConfigurationError

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener run --config /etc/finesse-listener/listener.toml",
        "listener run --config listener.toml --check",
        "listener run --config listener.toml --record today.jsonl",
    ),
)


def run(
    *,
    config: Annotated[Path, file_option(help="The settings file (TOML).")],
    check: Annotated[
        bool, typer.Option("--check", help="Only check the settings and say what would be done.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(help="Also write a transcript into that file, as [recording] path does."),
    ] = None,
) -> None:
    """Hold a session for each agent and judge what they ask, until told to stop."""

    def load() -> configuration.Settings:
        return with_recording(configuration.load(config), record)

    settings = load()
    if check:
        if problems := "\n".join(look_into(settings)):
            raise ConfigurationError(problems)
        for line in plan(settings):
            console.out_words(line)
        return
    screen = console.bottom(settings)
    console.start_logs(settings, stream=screen.above if screen is not None else None)
    with loading():
        from listener import daemon  # noqa: PLC0415  the whole program loads with it

    command = command_for(config, record)
    code = daemon.run(settings, load, command=command, screen=screen)
    raise typer.Exit(code or 0)


def look_into(settings: configuration.Settings) -> Iterator[str]:
    """Yield what is wrong with what stands in the files that the settings name."""
    from listener.trust import client_context  # noqa: PLC0415  ssl loads with it
    from listener.web.certificates import checked_context  # noqa: PLC0415  as above
    from listener.web.tokens import Tokens  # noqa: PLC0415  as above

    looks: list[Callable[[], object]] = []
    if (ca_file := settings.finesse.ca_file) is not None:
        looks.append(lambda: client_context(ca_file))
    if (tokens := settings.api.tokens_file) is not None:
        looks.append(lambda: Tokens.load(tokens))
    looks += [
        partial(checked_context, served.tls_certificate, served.tls_key)
        for served in (settings.api, settings.dropin)
        if served.tls_certificate is not None and served.tls_key is not None
    ]
    for look in looks:
        try:
            look()
        except ConfigurationError as problem:
            yield str(problem)


def plan(settings: configuration.Settings) -> Iterator[str]:
    """Yield what the daemon would do with these settings, without anything secret."""
    yield "The settings are in order. The daemon would"
    for place, node in zip(("primary", "secondary"), settings.finesse.endpoints, strict=False):
        yield f"  use {node.host} as the {place}: REST {node.rest_url}, XMPP port {node.xmpp_port}"
    yield f"  speak XMPP with {settings.finesse.security}, {_trust(settings.finesse)}"
    for agent in settings.agents:
        yield f"  hold a session for {agent.id} {_manner(agent)}"
    limits = settings.requests
    yield (
        f"  take {limits.max_pending} open requests at most, {limits.max_pending_per_agent} of one "
        f"agent; on a busy device: {limits.gate}"
    )
    yield from _api(settings.api)
    yield from _journal(settings.journal)
    yield from _dropin(settings.dropin)
    yield from _recording(settings.recording)
    for warning in settings.warnings:
        yield f"  warning: {warning}"


def _trust(finesse: configuration.Finesse) -> str:
    if finesse.security == configuration.Security.PLAIN:
        return "unencrypted: laboratories only"
    trusted = str(finesse.ca_file) if finesse.ca_file else "the system's authorities"
    name = f" for the name {finesse.certificate_name}" if finesse.certificate_name else ""
    return f"trusting {trusted}{name}"


def _manner(agent: configuration.Agent) -> str:
    how = str(agent.connect).replace("_", " ")
    secret = "a token" if agent.token is not None else "a password"
    extra = f", {len(agent.subscriptions)} further nodes" if agent.subscriptions else ""
    return f"({how}, with {secret}{extra})"


def _api(api: configuration.Api) -> Iterator[str]:
    if not (api.socket or api.listen):
        yield "  serve no API: neither socket nor listen in [api]"
    yield from _places("the API", api)
    if api.listen is not None:
        yield f"  let in who shows a token of {api.tokens_file} there"
    if api.socket or api.listen:
        yield (
            f"  serve {api.max_connections} connections at most, and {api.max_event_readers} "
            f"event readers; be ready when sessions are up: {api.ready_when}"
        )


def _places(what: str, served: configuration.Api | configuration.Dropin) -> Iterator[str]:
    if served.socket is not None:
        yield f"  serve {what} on the socket {served.socket}"
    if served.listen is not None:
        scheme = "https" if served.tls_certificate is not None else "http"
        yield f"  serve {what} on {scheme}://{served.listen}"


def _journal(journal: configuration.Journal) -> Iterator[str]:
    if journal.path is None:
        yield "  keep no journal: a restart forgets open requests"
        return
    data = "with" if journal.keep_call_data else "without"
    yield (
        f"  keep a journal in {journal.path}: {journal.retention_days:g} days, "
        f"{journal.max_megabytes} MB, notifications {journal.notifications}, {data} call data"
    )


def _dropin(dropin: configuration.Dropin) -> Iterator[str]:
    yield from _places("Finesse's own REST API (drop-in)", dropin)
    if dropin.socket is None and dropin.listen is None:
        return
    token = "with" if dropin.require_token else "without"
    sessions = (
        f"up to {dropin.max_sessions} sessions for agents who come through it"
        if dropin.sessions_on_demand
        else "no sessions for agents that are not configured"
    )
    yield f"  take drop-in requests {token} X-Listener-Token, with {sessions}"


def _recording(recording: configuration.Recording) -> Iterator[str]:
    if recording.path is not None:
        numbers = "as they are" if recording.show_numbers else "masked"
        yield (
            f"  write a transcript into {recording.path}: {recording.max_megabytes} MB at most,"
            f" numbers and names {numbers}"
        )

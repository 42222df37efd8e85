"""`listener run`: the daemon, or only a look at what it would do.

Knows the settings' words; the daemon itself is `listener.daemon`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from listener import settings as configuration
from listener.cli import console, exits
from listener.cli.loading import loading

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener run --config /etc/finesse-listener/listener.toml",
        "listener run --config listener.toml --check",
    ),
)


def run(
    *,
    config: Annotated[Path, typer.Option(help="The settings file (TOML).")],
    check: Annotated[
        bool, typer.Option("--check", help="Only check the settings and say what would be done.")
    ] = False,
) -> None:
    """Hold a session for each agent and judge what they ask, until told to stop."""
    settings = configuration.load(config)
    if check:
        if settings.finesse.ca_file is not None:
            from listener.xmpp.tls import client_context  # noqa: PLC0415  slixmpp loads with it

            client_context(settings.finesse.ca_file)  # says what is wrong with the file
        for line in plan(settings):
            console.out_words(line)
        return
    console.start_logs(settings)
    with loading():
        from listener import daemon  # noqa: PLC0415  the whole program loads with it

    raise typer.Exit(daemon.run(settings) or 0)


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

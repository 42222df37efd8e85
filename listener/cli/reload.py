"""`listener reload`: the running daemon reads its settings again.

Knows the options and the words; what changes is the daemon's to find out.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from listener.cli import console, exits, reaching
from listener.cli.reaching import Where

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener reload --config /etc/finesse-listener/listener.toml",
        "listener reload --json",
        "listener reload --retry-refused",
    ),
)


_CERTIFICATES = {
    True: "other certificates are trusted for Finesse now: what was refused is tried again",
    False: "the certificates trusted for Finesse are the same",
}


@reaching.located
def reload(
    *,
    where: Where,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    retry_refused: Annotated[
        bool,
        typer.Option(
            "--retry-refused",
            help="Try refused passwords and tokens once more, though they are the same.",
        ),
    ] = False,
) -> None:
    """Add, remove and change agents without touching the others.

    The trusted certificates (finesse.ca_file) are read anew, too; what is connected stays so. A
    file that cannot work changes nothing: the reason is told, and the exit code is 1. The daemon
    reads the settings from the file that it was started with.

    A password or token that Finesse refused is not tried again while it is the same, for five
    refusals lock an account. When it was unlocked, say so with --retry-refused.
    """
    changed = reaching.ask(where, lambda client: client.reload(retry_refused=retry_refused))
    if as_json:
        console.out_json(changed)
    else:
        for line in _words(changed):
            console.out_words(line)


def _words(changed: Mapping[str, Any]) -> Iterator[str]:
    some = {word: changed.get(word) or () for word in ("added", "removed", "changed", "retried")}
    for word, agents in some.items():
        if agents:
            shown = "tried once more" if word == "retried" else word
            yield f"{shown}: {', '.join(map(str, agents))}"
    if not any(some.values()):
        yield "nothing about the agents changed"
    if (certificates := changed.get("certificatesChanged")) is not None:  # an older daemon is mute
        yield _CERTIFICATES[bool(certificates)]
    if refused := changed.get("refused"):
        yield (
            f"refused by Finesse, and the same as before: {', '.join(map(str, refused))};"
            " --retry-refused tries once more"
        )
    for key in changed.get("restartNeeded") or ():
        yield f"{key} is taken up by a restart"

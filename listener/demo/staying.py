"""What `--stay` leaves behind: settings and passwords in a folder, and how to use them.

Writes the files that another `listener` needs to speak to the simulator; the folder goes with the
demo.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from listener.demo.cast import BEN, NAMES, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from listener.demo.stage import Stage


def lines(stage: Stage) -> Iterator[str]:
    """Write the settings, and yield what people need to know to use them."""
    config = write(stage, stage.ca_file.parent)
    yield ""
    yield f"Still running (events tagged: {stage.tagging}) until Ctrl-C:"
    yield f"  REST {stage.simulator.rest_url}"
    yield f"  notifications {stage.simulator.xmpp_host}:{stage.simulator.xmpp_port} (TLS)"
    yield f"  certificate authority {stage.ca_file}"
    yield f"  in another terminal, as {NAMES[BEN]}:"
    yield f"  listener send --config {config} --agent {BEN} MAKE_CALL --to-address '{OUTSIDE}'"


def write(stage: Stage, folder: Path) -> Path:
    """Write listener.toml and a password file per agent; return the former's path."""
    secrets = folder / "passwords"
    secrets.mkdir(mode=0o700)
    text = [
        "[finesse]",
        f"nodes = [{json.dumps(stage.simulator.rest_url)}]",
        f"xmpp_port = {stage.simulator.xmpp_port}",
        f"ca_file = {json.dumps(str(stage.ca_file))}",
        "[defaults]",
        'password_dir = "passwords"',
    ]
    for agent in stage.simulator.finesse.agents.values():
        file = secrets / agent.id
        file.touch(mode=0o600)
        file.write_text(agent.spec.password + "\n", encoding="utf-8")
        text += ["[[agents]]", f'id = "{agent.id}"', f'extension = "{agent.spec.extension}"']
    config = folder / "listener.toml"
    config.write_text("\n".join(text) + "\n", encoding="utf-8")
    return config

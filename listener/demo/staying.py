"""What `--stay` leaves behind: settings and passwords in a folder, a page, and how to use them.

Writes the files that another `listener` needs to speak to the simulator; the folder goes with the
demo. Calls go on meanwhile, so that there is something to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from listener.demo.cast import BEN, IDA, NAMES, OUTSIDE
from listener.demo.showing import SOCKET, link_of
from listener.errors import ListenerError
from listener.finesse import actions as do

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from listener.demo.stage import Stage

PAUSE = 4.0  # seconds between two calls


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
    if stage.page is not None:
        yield "  the page of all this (the link opens once, within a minute; the next command"
        yield "  prints another one):"
        yield f"  {link_of(stage.page)}"
        yield f"  listener page --show-numbers --config {config}"


async def go_on(stage: Stage) -> None:
    """Let a customer call Ida again and again, until this is cancelled."""
    while True:
        with contextlib.suppress(ListenerError, RuntimeError):  # the next call may do better
            await _call(stage)
        await asyncio.sleep(PAUSE)


async def _call(stage: Stage) -> None:
    call = await stage.rings(IDA, "ACTIVE")
    gold = {"callVariable1": "gold"}
    for request in (
        do.UpdateCallData(agent=IDA, dialog_id=call, call_variables=gold),
        do.Hold(agent=IDA, dialog_id=call),
        do.Hold(agent=IDA, dialog_id=call),  # which Finesse refuses
        do.Retrieve(agent=IDA, dialog_id=call),
        do.Drop(agent=IDA, dialog_id=call),
    ):
        await stage.listener.submit(request)
        await asyncio.sleep(1.0)


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
    if stage.page is not None:
        text += ["[api]", f"socket = {json.dumps(SOCKET)}"]
    config = folder / "listener.toml"
    config.write_text("\n".join(text) + "\n", encoding="utf-8")
    return config

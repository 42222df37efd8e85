"""What an error's message names: an action, an extension (seen in the wild and guide p.86)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_ACTION = re.compile(r"\bINVALID_ACTION\s+([A-Z_]+)\b")
_COMMAND = re.compile(r"<(\w+?)(?:Call)?Command>")
_EXTENSION = re.compile(r"\bon extension\s+(\S+)", re.IGNORECASE)

# Finesse's internal command classes; ConferenceCallCommand is documented, the rest is by analogy.
_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "Conference": "CONFERENCE",
        "Transfer": "TRANSFER",
        "Hold": "HOLD",
        "Retrieve": "RETRIEVE",
        "Consult": "CONSULT_CALL",
        "Answer": "ANSWER",
    }
)


def named_action(message: str | None) -> str | None:
    """Return the requestedAction that a message names, or None."""
    if not message:
        return None
    if found := _ACTION.search(message):
        return found[1]
    command = _COMMAND.search(message)
    return _COMMANDS.get(command[1]) if command else None


def named_extension(message: str | None) -> str | None:
    """Return the extension that a message names, or None."""
    found = _EXTENSION.search(message) if message else None
    return found[1] if found else None

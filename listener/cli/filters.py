"""What `listener watch` is to show: by agent, dialog, action, outcome and text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Told: TypeAlias = Mapping[str, Any]

NAMES = ("agent", "dialog", "action", "outcome", "text")


@dataclass(slots=True)
class Filters:
    """What is to be shown; None shows all. Compared without case; an agent's id as a whole."""

    agent: str | None = None
    dialog: str | None = None
    action: str | None = None
    outcome: str | None = None
    text: str | None = None

    def words(self) -> str:
        """Return the filters that are on."""
        on = ((name, getattr(self, name)) for name in NAMES)
        return ", ".join(f"{name} {value}" for name, value in on if value)

    def admit(self, data: Told, lines: Iterable[str]) -> bool:
        """Say whether something is to be shown."""
        outcome = (data.get("outcome") or {}).get("kind") or data.get("state")
        dialog = data.get("dialogId") or (data.get("dialog") or {}).get("id")
        return (
            equal(self.agent, data.get("agent") or data.get("id"))
            and equal(self.dialog, dialog)
            and equal(self.action, data.get("requestedAction"))
            and (self.outcome is None or equal(self.outcome, outcome))
            and (self.text is None or any(self.text.lower() in line.lower() for line in lines))
        )


def equal(wanted: str | None, value: object) -> bool:
    """Say whether a value is the one wanted, without case; None wants any."""
    return wanted is None or (value is not None and wanted.lower() == str(value).lower())

"""How a program uses the public names; mypy checks it (tests/unit/test_typing_example.py)."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never, assert_type

from listener import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Hold,
    Listener,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Settings,
    Unconfirmed,
    load_settings,
)


def told(outcome: Outcome) -> str:
    """Say what came of a request; a kind that is left out is an error of types."""
    match outcome:
        case Confirmed(evidence=evidence, stage=stage):
            assert_type(evidence, Evidence)
            return f"confirmed by {evidence} at {stage}"
        case Presumed(waited=waited):
            assert_type(waited, float)
            return "presumed"
        case Failed(errors=errors):
            return ", ".join(error.error_type or "?" for error in errors)
        case Rejected(status=status):
            assert_type(status, int | None)
            return "rejected: repeating is safe"
        case Unconfirmed(reason=reason) | Abandoned(reason=reason):
            assert_type(reason, Reason)
            return f"it may have happened: {reason}"
        case never:
            assert_never(never)


async def hold(file: Path, agent: str, dialog: str) -> str:
    """Hold a call and say what came of it."""
    settings = load_settings(file)
    assert_type(settings, Settings)
    async with Listener.open(settings) as listener:
        assert_type(listener, Listener)
        outcome = await listener.submit(Hold(agent=agent, dialog_id=dialog))
        assert_type(outcome, Outcome)
        return told(outcome)

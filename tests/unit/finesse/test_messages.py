"""What an error's message names."""

from __future__ import annotations

import pytest

from listener.finesse.messages import named_action, named_extension


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("4047: INVALID_ACTION TRANSFER", "TRANSFER"),
        ("INVALID_ACTION CONSULT_CALL on extension 1001", "CONSULT_CALL"),
        ("failed <ConferenceCallCommand> on 100", "CONFERENCE"),
        ("failed <HoldCommand>", "HOLD"),
        ("failed <ConsultCallCommand>", "CONSULT_CALL"),
        ("failed <UnheardOfCommand>", None),
        ("INVALID_ACTIONS TRANSFER", None),
        ("Generic Error", None),
        ("", None),
        (None, None),
    ],
)
def test_the_action_that_a_message_names(message: str | None, action: str | None) -> None:
    assert named_action(message) == action


@pytest.mark.parametrize(
    ("message", "extension"),
    [
        ("cannot hold On Extension  1001 now", "1001"),
        ("on extension", None),
        ("Generic Error", None),
        ("", None),
        (None, None),
    ],
)
def test_the_extension_that_a_message_names(message: str | None, extension: str | None) -> None:
    assert named_extension(message) == extension

"""Who is told of answers, and of connections that were refused or ended.

Knows when; what is counted, and under which names, is known to whoever hands in a Counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Scope

EVENT_READERS = "event_readers"
HANDSHAKE = "handshake"
HEADER_TIME = "header_time"
BODY_TIME = "body_time"
UNREAD = "unread"
"""What a connection is ended for, beside the types of the problems that `protocol` answers."""


def _nobody(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Counting:
    """`answered` gets the scope and the start of each answer of the application, faults included.

    `refused` gets what a connection was refused or ended for, one word, once for each. Neither may
    wait or raise.
    """

    answered: Callable[[Scope, Message], None] = _nobody
    refused: Callable[[str], None] = _nobody


NOBODY = Counting()

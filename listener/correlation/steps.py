"""What the correlator asks of the world: values that the service carries out, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from listener.correlation.outcome import Outcome
from listener.finesse.actions.expectation import Probe
from listener.finesse.model import ApiError, Dialog, User


@dataclass(frozen=True, slots=True)
class Send:
    """Put the request on the wire: its turn has come.

    Tell `leaves` in the moment before its first byte may leave, and `answered` what came of it.
    """

    key: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Do the GET that `probe` names, and hand its answer to `looked` with the same serial."""

    key: str
    agent: str
    probe: Probe
    dialog_id: str | None
    serial: int


@dataclass(frozen=True, slots=True)
class Fence:
    """Ping that agent's session; tell `fenced` whether an answer came in time (2 s)."""

    key: str
    agent: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The request has its outcome; it is said once."""

    key: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Late:
    """Something about a request that has its outcome already."""

    key: str
    kind: str  # "error" | "event" | "possible_error"
    at: float
    detail: str
    errors: tuple[ApiError, ...] = ()
    dialog: Dialog | None = None


Step: TypeAlias = Send | Ask | Fence | Settled | Late


class AnswerKind(StrEnum):
    """What Finesse's REST answer says (rules of evidence 2)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """The answer to the request itself. `date` is the Date header, in Finesse's seconds."""

    kind: AnswerKind
    status: int | None = None
    errors: tuple[ApiError, ...] = ()
    date: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a GET showed. `asked`: when it was sent (the listener's clock).

    `listed`: when the list of dialogs was asked for, where the user had been asked for before.
    `ok` is False when it told nothing (401, 5xx, no answer). `dialogs` is the agent's list, None
    when it was not asked for; `absent` says that the one dialog asked for is not there (404).
    """

    asked: float
    ok: bool = True
    dialogs: tuple[Dialog, ...] | None = None
    dialog: Dialog | None = None
    absent: bool = False
    user: User | None = None
    listed: float | None = None

    @property
    def dialogs_asked(self) -> float:
        """When the dialogs that it shows were asked for."""
        return self.asked if self.listed is None else self.listed

"""The requests on nonvoice tasks, which are dialogs whose ids contain underscores; UCCE only.

Knows what each asks for and what would prove it (guide p.87, 186-187, 355); knows nothing of what
was heard. A task has one participant, who is no extension, so no device is ever filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from listener.finesse.actions.calls import ALREADY
from listener.finesse.actions.expectation import Gate, Probe, TaskEnded, TaskState
from listener.finesse.actions.params import number
from listener.finesse.actions.request import UCCE, DialogRequest, RequestWarning
from listener.finesse.model import Dialog, Participant, User


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskRequest(DialogRequest):
    """A request on a task. `target_media_address` goes on the wire only when it is given."""

    deployments: ClassVar[frozenset[str]] = frozenset({UCCE})
    gate: ClassVar[Gate] = Gate.NONE

    @property
    def device(self) -> None:
        """None: a task has no device."""

    def on_device(self, extension: str) -> Self:
        """Return this request as it is: a task has no device."""
        del extension
        return self

    def _own(self, dialog: Dialog, user: User | None) -> Participant | None:
        del user
        return dialog.participants[0] if len(dialog.participants) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskStateRequest(TaskRequest):
    """A request that brings the task into `wanted`."""

    probe: ClassVar[Probe] = Probe.DIALOG
    wanted: ClassVar[str]

    @property
    def expectation(self) -> TaskState:
        """The task has the state."""
        return TaskState(frozenset({self.wanted}))

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        if dialog.state != self.wanted:
            return ()
        return (RequestWarning(ALREADY, f"The task was {self.wanted} already."),)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskAccept(TaskStateRequest):
    """Accept an offered task."""

    requested_action: ClassVar[str] = "ACCEPT"
    wanted: ClassVar[str] = "ACCEPTED"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskStart(TaskStateRequest):
    """Start work on a task."""

    requested_action: ClassVar[str] = "START"
    wanted: ClassVar[str] = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskPause(TaskStateRequest):
    """Pause a task."""

    requested_action: ClassVar[str] = "PAUSE"
    wanted: ClassVar[str] = "PAUSED"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskResume(TaskStateRequest):
    """Go on with a paused task."""

    requested_action: ClassVar[str] = "RESUME"
    wanted: ClassVar[str] = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskWrapUp(TaskStateRequest):
    """Begin the wrap-up of a task."""

    requested_action: ClassVar[str] = "WRAP_UP"
    wanted: ClassVar[str] = "WRAPPING_UP"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskTransfer(TaskRequest):
    """Hand a task to `target`, a script selector or dialed number; blind only."""

    target: str = field(metadata=number("target"))

    requested_action: ClassVar[str] = "TRANSFER"

    @property
    def expectation(self) -> TaskEnded:
        """The task is removed."""
        return TaskEnded()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskClose(TaskRequest):
    """End a task."""

    requested_action: ClassVar[str] = "CLOSE"

    @property
    def expectation(self) -> TaskEnded:
        """The task is removed."""
        return TaskEnded()

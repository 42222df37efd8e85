"""Await the real outcome of Cisco Finesse requests that answered 202 Accepted.

    async with Listener.open(load_settings(Path("listener.toml"))) as listener:
        outcome = await listener.submit(Hold(agent="1001", dialog_id="54321"))
        match outcome:
            case Confirmed() | Presumed(): ...     # the effect is there / no error came
            case Failed(errors=errors): ...        # Finesse or the CTI side refused it
            case Rejected(): ...                   # refused at once: the only one safe to repeat
            case Unconfirmed() | Abandoned(): ...  # it may have happened

The door, and nothing else: each name is imported when it is first used (PEP 562), so that the pure
parts (`listener.finesse`, `listener.correlation`) load neither slixmpp nor httpx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from listener.assembly import Listener, Ticket
    from listener.client import Client
    from listener.correlation.outcome import (
        Abandoned,
        Confirmed,
        Evidence,
        Failed,
        MinimumEvidence,
        Outcome,
        Presumed,
        Reason,
        Rejected,
        Unconfirmed,
    )
    from listener.errors import (
        CertificateRefused,
        Closing,
        ConfigurationError,
        ConnectionRefusedForGood,
        CredentialsRefused,
        DaemonUnreachable,
        DeviceBusy,
        DuplicateRequestId,
        InvalidRequest,
        ListenerError,
        MalformedUpdate,
        NotAccepted,
        NotFinesse,
        NotKept,
        NotListening,
        Problem,
        ResourceConflict,
        TooManyPending,
        UnknownAgent,
        Unreachable,
    )
    from listener.finesse.actions.callbacks import (
        CancelScheduledCallback,
        Reclassify,
        UpdateScheduledCallback,
    )
    from listener.finesse.actions.calls import (
        Answer,
        Conference,
        ConsultCall,
        Drop,
        Hold,
        MakeCall,
        Retrieve,
        Transfer,
        TransferSst,
    )
    from listener.finesse.actions.dialogs import SendDtmf, StartRecording, UpdateCallData
    from listener.finesse.actions.previews import (
        DirectPreviewAccept,
        DirectPreviewClose,
        DirectPreviewReject,
        PreviewAccept,
        PreviewClose,
        PreviewReject,
    )
    from listener.finesse.actions.request import Request
    from listener.finesse.actions.supervisor import BargeCall, ParticipantDrop, SilentMonitor
    from listener.finesse.actions.tasks import (
        TaskAccept,
        TaskClose,
        TaskPause,
        TaskResume,
        TaskStart,
        TaskTransfer,
        TaskWrapUp,
    )
    from listener.finesse.actions.users import NotReady, Ready, SignIn, SignOut, Work
    from listener.settings import Settings
    from listener.settings import load as load_settings

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "assembly": "Listener Ticket",
    "client": "Client",
    "correlation.outcome": (
        "Abandoned Confirmed Evidence Failed MinimumEvidence Outcome Presumed Reason Rejected "
        "Unconfirmed"
    ),
    "errors": (
        "CertificateRefused Closing ConfigurationError ConnectionRefusedForGood CredentialsRefused "
        "DaemonUnreachable DeviceBusy DuplicateRequestId InvalidRequest ListenerError "
        "MalformedUpdate NotAccepted NotFinesse NotKept NotListening Problem ResourceConflict "
        "TooManyPending UnknownAgent Unreachable"
    ),
    "finesse.actions.callbacks": "CancelScheduledCallback Reclassify UpdateScheduledCallback",
    "finesse.actions.calls": (
        "Answer Conference ConsultCall Drop Hold MakeCall Retrieve Transfer TransferSst"
    ),
    "finesse.actions.dialogs": "SendDtmf StartRecording UpdateCallData",
    "finesse.actions.previews": (
        "DirectPreviewAccept DirectPreviewClose DirectPreviewReject PreviewAccept PreviewClose "
        "PreviewReject"
    ),
    "finesse.actions.request": "Request",
    "finesse.actions.supervisor": "BargeCall ParticipantDrop SilentMonitor",
    "finesse.actions.tasks": (
        "TaskAccept TaskClose TaskPause TaskResume TaskStart TaskTransfer TaskWrapUp"
    ),
    "finesse.actions.users": "NotReady Ready SignIn SignOut Work",
    "settings": "Settings load_settings",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_OTHER_NAME = {"load_settings": "load"}

__all__ = [
    "Abandoned",
    "Answer",
    "BargeCall",
    "CancelScheduledCallback",
    "CertificateRefused",
    "Client",
    "Closing",
    "Conference",
    "ConfigurationError",
    "Confirmed",
    "ConnectionRefusedForGood",
    "ConsultCall",
    "CredentialsRefused",
    "DaemonUnreachable",
    "DeviceBusy",
    "DirectPreviewAccept",
    "DirectPreviewClose",
    "DirectPreviewReject",
    "Drop",
    "DuplicateRequestId",
    "Evidence",
    "Failed",
    "Hold",
    "InvalidRequest",
    "Listener",
    "ListenerError",
    "MakeCall",
    "MalformedUpdate",
    "MinimumEvidence",
    "NotAccepted",
    "NotFinesse",
    "NotKept",
    "NotListening",
    "NotReady",
    "Outcome",
    "ParticipantDrop",
    "Presumed",
    "PreviewAccept",
    "PreviewClose",
    "PreviewReject",
    "Problem",
    "Ready",
    "Reason",
    "Reclassify",
    "Rejected",
    "Request",
    "ResourceConflict",
    "Retrieve",
    "SendDtmf",
    "Settings",
    "SignIn",
    "SignOut",
    "SilentMonitor",
    "StartRecording",
    "TaskAccept",
    "TaskClose",
    "TaskPause",
    "TaskResume",
    "TaskStart",
    "TaskTransfer",
    "TaskWrapUp",
    "Ticket",
    "TooManyPending",
    "Transfer",
    "TransferSst",
    "Unconfirmed",
    "UnknownAgent",
    "Unreachable",
    "UpdateCallData",
    "UpdateScheduledCallback",
    "Work",
    "__version__",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOME_OF[name]}")
    found = getattr(module, _OTHER_NAME.get(name, name))
    globals()[name] = found  # the next use finds it at once
    return found


def __dir__() -> list[str]:
    return __all__

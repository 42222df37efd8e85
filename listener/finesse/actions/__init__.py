"""Every request that Finesse takes and this program follows, as a typed class.

`ACTIONS` names them all; `from_mapping` builds one from JSON, `from_element` recognises one in the
body that a client sends, `recognise` also what is not known. Knows Finesse's rules; knows neither
XML text nor what was heard.
"""

from listener.finesse.actions.callbacks import (
    CLASSIFICATIONS,
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
    NewDialogRequest,
    Retrieve,
    Transfer,
    TransferSst,
)
from listener.finesse.actions.dialogs import (
    SendDtmf,
    StartRecording,
    UpdateCallData,
    dtmf_window,
)
from listener.finesse.actions.expectation import Expectation, Gate, Probe
from listener.finesse.actions.other import OtherRequest
from listener.finesse.actions.previews import (
    DirectPreviewAccept,
    DirectPreviewClose,
    DirectPreviewReject,
    PreviewAccept,
    PreviewClose,
    PreviewReject,
)
from listener.finesse.actions.request import (
    DEFAULT_DEADLINE,
    UCCE,
    UCCX,
    DialogRequest,
    Request,
    RequestWarning,
)
from listener.finesse.actions.supervisor import BargeCall, ParticipantDrop, SilentMonitor
from listener.finesse.actions.table import (
    ACTIONS,
    from_element,
    from_mapping,
    key_of,
    recognise,
)
from listener.finesse.actions.tasks import (
    TaskAccept,
    TaskClose,
    TaskPause,
    TaskRequest,
    TaskResume,
    TaskStart,
    TaskTransfer,
    TaskWrapUp,
)
from listener.finesse.actions.users import NotReady, Ready, SignIn, SignOut, UserRequest, Work

__all__ = [
    "ACTIONS",
    "CLASSIFICATIONS",
    "DEFAULT_DEADLINE",
    "UCCE",
    "UCCX",
    "Answer",
    "BargeCall",
    "CancelScheduledCallback",
    "Conference",
    "ConsultCall",
    "DialogRequest",
    "DirectPreviewAccept",
    "DirectPreviewClose",
    "DirectPreviewReject",
    "Drop",
    "Expectation",
    "Gate",
    "Hold",
    "MakeCall",
    "NewDialogRequest",
    "NotReady",
    "OtherRequest",
    "ParticipantDrop",
    "PreviewAccept",
    "PreviewClose",
    "PreviewReject",
    "Probe",
    "Ready",
    "Reclassify",
    "Request",
    "RequestWarning",
    "Retrieve",
    "SendDtmf",
    "SignIn",
    "SignOut",
    "SilentMonitor",
    "StartRecording",
    "TaskAccept",
    "TaskClose",
    "TaskPause",
    "TaskRequest",
    "TaskResume",
    "TaskStart",
    "TaskTransfer",
    "TaskWrapUp",
    "Transfer",
    "TransferSst",
    "UpdateCallData",
    "UpdateScheduledCallback",
    "UserRequest",
    "Work",
    "dtmf_window",
    "from_element",
    "from_mapping",
    "key_of",
    "recognise",
]

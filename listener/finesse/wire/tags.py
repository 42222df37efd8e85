"""The names of Finesse's elements, and quick look-up of a tag as lxml gives it.

Knows spellings; knows nothing of lxml and of what is done with an element. Tags are matched by
local name without regard to case or namespace: `Dialog` and `dialog`, `ReasonCode` and
`reasonCode`, and Finesse's elements inside XMPP's namespaces were all seen in the wild.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NONE = -1
_BOUND = 2048  # raw spellings kept; what comes beyond is looked up anew each time

# In the order of the fields of the classes in `listener.finesse.model`.
DIALOG = (
    "id",
    "uri",
    "state",
    "mediaType",
    "fromAddress",
    "toAddress",
    "associatedDialogUri",
    "secondaryId",
    "callbackNumber",
    "ccaiConfigId",
)
DIALOG_PARTS = ("scheduledCallbackInfo", "mediaProperties", "participants")
CALLBACK = ("callbackTime", "callbackNumber")
MEDIA_PROPERTIES = (
    "mediaId",
    "dialedNumber",
    "callType",
    "DNIS",
    "queueNumber",
    "queueName",
    "callKeyCallId",
    "callKeySequenceNum",
    "callKeyPrefix",
    "outboundClassification",
    "wrapUpReason",
)
MEDIA_PARTS = ("wrapUpItems", "callvariables")
PARTICIPANT = (
    "mediaAddress",
    "mediaAddressType",
    "state",
    "stateCause",
    "startTime",
    "stateChangeTime",
)
PARTICIPANT_PARTS = ("actions",)
CALL_VARIABLE = ("name", "value")
USER = (
    "loginId",
    "loginName",
    "firstName",
    "lastName",
    "extension",
    "state",
    "pendingState",
    "stateChangeTime",
    "reasonCodeId",
    "teamId",
    "teamName",
    "mediaType",
    "dialogs",
    "uri",
    "wrapUpTimer",
)
USER_PARTS = ("reasonCode", "roles")
REASON_CODE = ("category", "code", "forAll", "id", "label", "uri")
API_ERROR = (
    "errorType",
    "errorMessage",
    "errorData",
    "errorMedia",
    "peripheralErrorCode",
    "peripheralErrorMsg",
    "peripheralErrorText",
)
SYSTEM_INFO = (
    "status",
    "currentTimestamp",
    "deploymentType",
    "xmppDomain",
    "xmppPubSubDomain",
)
SYSTEM_INFO_PARTS = ("primaryNode", "secondaryNode")
ENVELOPE = ("event", "source", "requestId")
ENVELOPE_PARTS = ("data",)

# Bodies of the REST interface that hold none of the things the model names.
OTHER_BODIES = """
    CallVariable CallVariables ChatConfig ClientLog ClusterConfig CompressedClientLog Contact
    Contacts Device Devices ECCs EnterpriseDatabaseConfig LayoutConfig MediaDomains MediaList
    MediaPropertiesLayout MediaPropertiesLayouts Participant PhoneBook PhoneBooks ReasonCode
    ReasonCodes SystemConfig TeamMessage TeamMessages TeamResource Teams Users WorkFlow
    WorkflowAction WorkflowActions WorkFlows WrapUpReason WrapUpReasons actions callvariables
    mediaProperties participants roles
""".split()  # noqa: SIM905 - a table of words reads better than quotes
# Members of trees whose spelling varies, beside those named above.
_OTHERS = """
    Update Dialogs ApiErrors ApiError User users Team teams Queue Queues Media Dialog
    Participant CallVariable action role settings wrapUpOnIncoming wrapUpOnOutgoing wrapUpItem
    name id statistics callsInQueue startTimeOfLongestCallInQueue agentsNotReady agentsReady
    agentsBusyOther agentsLoggedOn agentsTalkingInbound agentsTalkingOutbound
    agentsTalkingInternal agentsWrapUpNotReady agentsWrapUpReady mediaId maxDialogLimit
    interruptAction dialogLogoutAction interruptible routable description host ctiMMode
    ctiTimeInMMode ctiServers finesseMMode finesseTimeInMMode
""".split()  # noqa: SIM905 - a table of words reads better than quotes


def local(tag: str) -> str:
    """Return the name of a tag without its namespace, as it was sent."""
    return tag.rpartition("}")[2]


class Slots(dict[str, int]):
    """From a raw tag (`{namespace}Name`) to the place of the name it stands for, or `NONE`.

    Fills itself with the spellings that it meets, up to a bound: a peer must not make it grow.
    """

    __slots__ = ("_places",)

    def __init__(self, names: Iterable[str]) -> None:
        self._places = {name.lower(): place for place, name in enumerate(names)}
        super().__init__()

    def __missing__(self, tag: str) -> int:
        place = self._places.get(local(tag).lower(), NONE)
        if len(self) < _BOUND:
            self[tag] = place
        return place


def _spellings() -> Mapping[str, str]:
    named = (
        *OTHER_BODIES,
        *_OTHERS,
        *(DIALOG + DIALOG_PARTS + CALLBACK + MEDIA_PROPERTIES + MEDIA_PARTS + PARTICIPANT),
        *(PARTICIPANT_PARTS + CALL_VARIABLE + USER + USER_PARTS + REASON_CODE + API_ERROR),
        *(SYSTEM_INFO + SYSTEM_INFO_PARTS + ENVELOPE + ENVELOPE_PARTS),
    )
    return {name.lower(): name for name in named}


_SPELLINGS = _spellings()


def canonical(tag: str) -> str:
    """Return Finesse's own spelling of a known name; an unknown one as it was sent."""
    name = local(tag)
    return _SPELLINGS.get(name.lower(), name)

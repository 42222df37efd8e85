"""What Finesse talks about: dialogs, participants, users, errors, updates.

Values only: frozen, slotted, typed, text as Finesse wrote it (never trimmed, never a number).
An element that was absent is None, an empty one is "". Names are Finesse's own in snake_case.
Sources: Developer Guide 12.5(1) pages 73-75, 118, 345-355, and payloads seen in the wild.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

Tree: TypeAlias = Mapping[str, "Branch"]
Branch: TypeAlias = "str | Tree | tuple[Branch, ...]"
_Value = TypeVar("_Value")
EMPTY_TREE: Tree = MappingProxyType({})


def _empty() -> Tree:
    return EMPTY_TREE


class Kind(StrEnum):
    """What an update is about; the words of `listener parse --json`."""

    DIALOGS = "dialogs"
    DIALOG = "dialog"
    USER = "user"
    TEAM = "team"
    QUEUE = "queue"
    QUEUES = "queues"
    MEDIA = "media"
    SYSTEM_INFO = "systemInfo"
    ERRORS = "errors"
    EMPTY = "empty"
    OTHER = "other"


class CallVariable(NamedTuple):
    """One call variable: callVariable1-10, ECC `user.x`, ECC array element `user.x[2]`, BA."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ScheduledCallbackInfo:
    """A callback that was promised: `callback_time` as YYYY-MM-DDThh:mm (guide p.75)."""

    callback_time: str | None = None
    callback_number: str | None = None


@dataclass(frozen=True, slots=True)
class MediaProperties:
    """The call data of a dialog (guide p.74-75)."""

    media_id: str | None = None
    dialed_number: str | None = None
    call_type: str | None = None
    dnis: str | None = None
    queue_number: str | None = None
    queue_name: str | None = None
    call_key_call_id: str | None = None
    call_key_sequence_num: str | None = None
    call_key_prefix: str | None = None
    outbound_classification: str | None = None
    wrap_up_reason: str | None = None
    wrap_up_items: tuple[str, ...] = ()
    call_variables: tuple[CallVariable, ...] = ()

    def variable(self, name: str) -> str | None:
        """Return the value of the first call variable of that name, or None."""
        return next((v.value for v in self.call_variables if v.name == name), None)


@dataclass(frozen=True, slots=True)
class Participant:
    """One party of a dialog. `actions` of parties that are not agents are not reliable."""

    media_address: str | None = None
    media_address_type: str | None = None
    state: str | None = None
    state_cause: str | None = None
    start_time: str | None = None
    state_change_time: str | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialog:
    """A call or a task. The id may change under transfer and conference (see `secondary_id`)."""

    id: str | None = None
    uri: str | None = None
    state: str | None = None
    media_type: str | None = None
    from_address: str | None = None
    to_address: str | None = None
    associated_dialog_uri: str | None = None
    secondary_id: str | None = None
    callback_number: str | None = None
    ccai_config_id: str | None = None
    scheduled_callback_info: ScheduledCallbackInfo | None = None
    media_properties: MediaProperties = field(default_factory=MediaProperties)
    participants: tuple[Participant, ...] = ()

    def participant(self, media_address: str | None) -> Participant | None:
        """Return the participant with that mediaAddress, or None."""
        for party in self.participants:  # a plain loop: this is asked several times per event
            if party.media_address == media_address:
                return party
        return None


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """The reason that an agent gave for a state."""

    category: str | None = None
    code: str | None = None
    for_all: str | None = None
    id: str | None = None
    label: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """An agent. `tree` holds every element as Finesse sent it, the named ones too."""

    login_id: str | None = None
    login_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    extension: str | None = None
    state: str | None = None
    pending_state: str | None = None
    state_change_time: str | None = None
    reason_code_id: str | None = None
    reason_code: ReasonCode | None = None
    roles: tuple[str, ...] = ()
    team_id: str | None = None
    team_name: str | None = None
    media_type: str | None = None
    dialogs: str | None = None
    uri: str | None = None
    wrap_up_timer: str | None = None
    tree: Tree = field(default_factory=_empty, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error; every member may be missing and `error_data` need not be a number."""

    error_type: str | None = None
    error_message: str | None = None
    error_data: str | None = None
    error_media: str | None = None
    peripheral_error_code: str | None = None
    peripheral_error_msg: str | None = None
    peripheral_error_text: str | None = None


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """The state of a Finesse node. `deployment_type` is UCCE or UCCX."""

    status: str | None = None
    current_timestamp: str | None = None
    deployment_type: str | None = None
    xmpp_domain: str | None = None
    xmpp_pub_sub_domain: str | None = None
    primary_node: str | None = None
    secondary_node: str | None = None
    tree: Tree = field(default_factory=_empty, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Update:
    """One notification's payload, or one REST body (then `event` and `source` are None).

    `event` is upper case; `request_id` is None when missing, empty or blank. `dialogs` is filled
    for kinds dialogs and dialog, `errors` for errors, `user` for user, `system_info` for
    systemInfo; `tree` for team, queue, queues, media, systemInfo and other (queues: under the key
    "Queue").
    `notes` are sentences about oddities, such as a payload that was escaped twice.
    """

    kind: Kind
    event: str | None = None
    source: str | None = None
    request_id: str | None = None
    dialogs: tuple[Dialog, ...] = ()
    user: User | None = None
    errors: tuple[ApiError, ...] = ()
    system_info: SystemInfo | None = None
    tree: Tree = field(default_factory=_empty, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """One pubsub item as it came in a stanza, not yet parsed.

    `payload` is the text of the Update (decoded once by the stanza's parser). `sender` and
    `recipient` are JIDs; whoever builds this has checked the sender.
    """

    node: str
    payload: str
    item_id: str | None = None
    sender: str | None = None
    recipient: str | None = None


def maker(cls: type[_Value]) -> Callable[..., _Value]:
    """Return what makes values of a class above from all its fields, in order, in a third the time.

    A frozen class sets its fields one by one past its own lock. The maker fills an open twin, whose
    memory looks the same, and closes it by giving it its class: what comes out is no different.
    """
    names = [each.name for each in fields(cls)]  # type: ignore[arg-type]  # one of the above
    twin = make_dataclass(cls.__name__, names, slots=True)

    def make(*values: object) -> _Value:
        made: Any = twin(*values)
        made.__class__ = cls
        return cast("_Value", made)

    return make

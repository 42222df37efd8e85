"""The exceptions of finesse-listener: bugs, misuse and configuration. An outcome is never one.

ListenerError
├── InvalidRequest        the request cannot be valid; nothing was sent
├── NotAccepted           this program refuses to take the request now; nothing was sent
│   ├── NotListening      no session would hear the answer
│   ├── TooManyPending    the bound on pending requests is reached
│   ├── DeviceBusy        the gate refuses: another request is open on that device
│   ├── DuplicateRequestId  that requestId is live for that agent
│   ├── Closing           the listener is shutting down, or hands over to another process
│   └── NotKept           the journal cannot be written
├── ConfigurationError    settings that cannot work; names the key and the file
│   └── UnknownAgent      an agent that is neither configured nor held
├── ConnectionRefusedForGood  a session that will not come back by itself
│   ├── CredentialsRefused   SASL or REST refused the password
│   ├── CertificateRefused   the server's certificate does not fit
│   └── ResourceConflict     another client took our resource
├── Unreachable           Finesse could not be reached or did not answer
├── NotFinesse            something answered, but it is not Finesse
├── DaemonUnreachable     a client: the daemon could not be reached, or its answer did not come
├── Problem               a client: the daemon refused a call of its API
└── MalformedUpdate       a payload that cannot be read (its `reason` names why)
"""

from __future__ import annotations


class ListenerError(Exception):
    """Everything this package raises on purpose."""


class InvalidRequest(ListenerError):
    """The request cannot be valid; nothing was sent.

    `field` is Finesse's name of the parameter at fault (for example "dtmfString"), or None.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotAccepted(ListenerError):
    """This program does not take the request now; nothing was sent.

    `retry_after` is a hint in seconds, or None when waiting alone will not help.
    """

    retry_after: float | None = None


class NotListening(NotAccepted):
    """No session would hear the answer of that agent's request."""

    retry_after = 2.0


class TooManyPending(NotAccepted):
    """The bound on pending requests, in all or of one agent, is reached."""

    retry_after = 1.0


class DeviceBusy(NotAccepted):
    """The gate is set to refuse, and another request is open on that device."""

    retry_after = 1.0


class DuplicateRequestId(NotAccepted):
    """That requestId is live for that agent."""


class Closing(NotAccepted):
    """The listener is shutting down."""

    retry_after = 1.0


class NotKept(NotAccepted):
    """The journal cannot be written (no room, no rights), so no new request is taken."""

    retry_after = 5.0


class ConfigurationError(ListenerError):
    """Settings that cannot work. The message names the key and the file or variable."""


class UnknownAgent(ConfigurationError):
    """No session is held for that agent, and none is configured."""


class ConnectionRefusedForGood(ListenerError):
    """A session or a server that trying again will not mend."""


class CredentialsRefused(ConnectionRefusedForGood):
    """The user or the password was refused. Five refusals lock a Finesse account."""


class CertificateRefused(ConnectionRefusedForGood):
    """The server's certificate does not fit the configured CA or host name."""


class ResourceConflict(ConnectionRefusedForGood):
    """Another client bound the same resource and the server ended ours."""


class Unreachable(ListenerError):
    """Finesse could not be reached, or did not answer in time."""


class NotFinesse(ListenerError):
    """Something answered, and it is not Finesse."""


class DaemonUnreachable(ListenerError):
    """The daemon's API could not be reached, or its answer did not come whole.

    `sent` is False when nothing of the call left this process, None when that is not known: then
    the daemon may have taken it.
    """

    def __init__(self, message: str, *, sent: bool | None = None) -> None:
        super().__init__(message)
        self.sent = sent


class Problem(ListenerError):
    """The daemon refused a call of its API (RFC 9457); docs/api.md lists the types.

    `type` is stable, `title` and `detail` are for people, `status` is the HTTP status. `retryable`
    says whether the same call may succeed later, `retry_after` in how many seconds (None: not
    said). `field` is Finesse's name of the parameter at fault, or None. `name` is the end of the
    type: "too_many_pending".
    """

    def __init__(
        self,
        title: str,
        *,
        status: int,
        type: str = "about:blank",  # noqa: A002  the name is RFC 9457's
        detail: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.title = title
        self.status = status
        self.type = type
        self.name = type.rpartition(":")[2]
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.field = field


class MalformedUpdate(ListenerError):
    """A payload that cannot be read; never fatal to a stream.

    `reason` is one of "dtd", "entity", "too_big", "too_deep", "too_many_elements",
    "not_well_formed", "not_an_update", "encoding".
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

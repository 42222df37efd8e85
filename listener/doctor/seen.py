"""What the probes bring: plain values, as far as possible as the world said it.

Knows nothing of what follows from them. Times are seconds; wall times are seconds of the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.finesse.model import SystemInfo
    from listener.xmpp.stanzas import Subscription


class Side(StrEnum):
    """Which of a node's two ports."""

    REST = "rest"
    XMPP = "xmpp"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name led to; `problem` is "unknown", "no_server", "timeout" or other words."""

    name: str
    addresses: tuple[str, ...] = ()
    problem: str | None = None


class Knock(StrEnum):
    """What came of a connection to one address."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Knocked:
    """What came of connections to one port at each address; `details` beside those that failed."""

    side: Side
    host: str
    port: int
    results: tuple[tuple[str, Knock], ...]
    details: tuple[str, ...] = ()
    within: float = 3.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """What of a certificate an operator needs; times are wall times."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: float
    not_after: float

    @property
    def self_signed(self) -> bool:
        """Whether it says that it signed itself."""
        return self.subject == self.issuer


class Talk(StrEnum):
    """What a port says that does not speak TLS."""

    HTTP = "http"
    XMPP = "xmpp"
    NOTHING = "nothing"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Handshake:
    """What came of a TLS handshake.

    `verify_code` is OpenSSL's X509_V_ERR_* of a refused certificate, `reason` OpenSSL's word for
    another failure, `talk` what the port says in the clear when that is not TLS.
    """

    side: Side
    host: str
    port: int
    name: str
    trusted: str
    now: float
    version: str | None = None
    chain: tuple[Certificate, ...] = ()
    verify_code: int | None = None
    verify_words: str = ""
    reason: str | None = None
    detail: str = ""
    talk: Talk | None = None
    timed_out: bool = False

    @property
    def done(self) -> bool:
        """Whether there was an encrypted and trusted connection."""
        return self.version is not None and self.verify_code is None and self.reason is None


class Wrong(StrEnum):
    """The kind of a ListenerError, for diagnoses."""

    UNREACHABLE = "unreachable"
    CREDENTIALS = "credentials"
    CERTIFICATE = "certificate"
    CONFLICT = "conflict"
    NOT_FINESSE = "not_finesse"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class InfoSeen:
    """What SystemInfo brought; `lent`: with that agent's credentials.

    `stamp` is the node's time: currentTimestamp, else the Date of the answer; `before` and `after`
    are this machine's wall times around it.
    """

    url: str
    info: SystemInfo | None = None
    wrong: Wrong | None = None
    detail: str = ""
    lent: str | None = None
    stamp: str | None = None
    before: float = 0.0
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Configured:
    """What the settings say of the deployment."""

    hosts: tuple[str, ...]
    deployment: str | None = None


@dataclass(frozen=True, slots=True)
class Greeted:
    """What a stream offered before any login; `stage` is where it stopped."""

    address: str
    domain: str
    security: str
    mechanisms: tuple[str, ...] = ()
    wrong: Wrong | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a GET in an agent's name brought; `errors` are Finesse's error types."""

    status: int | None = None
    errors: tuple[str, ...] = ()
    found: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UserSeen:
    """GET /User/{id} in the agent's own name."""

    answer: Answered
    state: str | None = None
    extension: str | None = None
    roles: tuple[str, ...] = ()
    team: str | None = None
    reason_code: str | None = None

    @property
    def signed_in(self) -> bool | None:
        """Whether the agent is signed in; None when Finesse did not say."""
        if not self.answer.found or self.state is None:
            return None
        return self.state != "LOGOUT"


@dataclass(frozen=True, slots=True)
class Visited:
    """What came of one login and one bound session.

    `shown`: our presence was sent. `reflected`, `finesse` (the user `finesse`: available, not, not
    seen) mean something only then. `ping`: seconds; `ping_refused`: why; both None: no answer.
    `subscriptions` is None where there is no list, and `list_detail` says why.
    """

    asked: str
    bound: str | None = None
    wrong: Wrong | None = None
    detail: str = ""
    stage: str = ""
    shown: bool = False
    reflected: bool = False
    ping: float | None = None
    ping_refused: str | None = None
    finesse: bool | None = None
    subscriptions: tuple[Subscription, ...] | None = None
    list_detail: str = ""


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """What is known of a file or folder: `trouble` says why it cannot be used; None: it can."""

    path: str
    trouble: str | None = None
    free: int | None = None  # bytes


class Hold(StrEnum):
    """Who has a port or socket of ours."""

    FREE = "free"
    DAEMON = "daemon"  # our API answers there
    OTHER = "other"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Held:
    """One place where callers would come in."""

    what: str
    where: str
    hold: Hold
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of the harmless request: `outcome` in the listener's word, events heard."""

    asked: str
    outcome: str = ""
    evidence: str | None = None
    detail: str = ""
    events: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

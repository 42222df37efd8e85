"""How the program writes its log: structlog through the standard library, to standard error.

JSON where nobody sits, readable lines on a terminal; times in UTC; nothing secret (`redaction`).
Knows the catalogue of event names; knows neither the settings file nor who logs.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import BoundLogger, ProcessorFormatter

from listener import redaction

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

EVENTS: dict[str, str] = {
    "listener.starting": "the program starts; version and number of agents",
    "listener.ready": "every session that should be up is up, or has been tried once",
    "listener.stopping": "no new requests; what is open gets its time",
    "listener.stopped": "everything is closed; how many requests were abandoned",
    "listener.failed": "a fault in this program; with its trace",
    "door.opened": "callers can come in: which door, and where",
    "api.failed": "a fault in an operation of the API; with its trace",
    "settings.reloaded": "settings were read again: agents added, removed, changed",
    "settings.refused": "settings that cannot work were read; nothing changed",
    "settings.failed": "a fault of this program while settings were read again, with its trace",
    "settings.postponed": "settings that only a restart takes up",
    "handover.started": "an operator asked for a hand-over; a second process is started",
    "handover.taken": "this process took over from another one; how many open requests, and how",
    "handover.done": "another process took over from this one, which leaves",
    "handover.failed": "a hand-over came to nothing; why",
    "handover.resumed": "what had been let go of was taken back",
    "handover.lost": "it could not be taken back; this process leaves, and only a restart helps",
    "handover.refused": "somebody who may not ask for a hand-over did",
    "handover.unavailable": "nobody can ask for a hand-over now; why",
    "recording.started": "a transcript is written; where",
    "recording.stopped": "the transcript ends; how many lines it lacks",
    "recording.lost": "lines of the transcript are lost, for the disk is full or slow; why",
    "recording.resumed": "the disk takes lines of the transcript again; how many it lacks",
    "recording.elsewhere": "another process writes that transcript; this one writes another file",
    "files.limited": "the limit of open files could not be raised, or is too low for the settings",
    "systemd.unreachable": "systemd could not be told how the program is",
    "loop.late": "the loop was held up for more than 100 ms; how long it computed meanwhile",
    "memory.collected": "all objects were looked at for garbage; how much there was",
    "watchdog.withheld": "systemd is not told that all is well: the loop is late, or a part failed",
    "settings.warning": "a setting that works and should not stay so",
    "finesse.state": "SystemInfo or the user finesse says how Finesse is",
    "node.changed": "all agents use the other Finesse node from now on; from, to and why",
    "node.out": "a Finesse node is not usable; why",
    "node.back": "that node is usable again",
    "logins.exhausted": "SystemInfo refused every agent's login as often as is safe; what to do",
    "rounds.failed": "a fault while SystemInfo is asked for, which goes on; with its trace",
    "session.opened": "an agent's session hears",
    "session.lost": "an agent's session went away; why",
    "session.retry": "the next attempt; in how many seconds",
    "session.refused": "the password or the certificate was refused; not tried again by itself",
    "credentials.withheld": "the REST API refused a password or token: not used until replaced",
    "credentials.used": "the session took what the REST API had refused: used for it again",
    "session.stopped": "an agent's session was ended by us",
    "session.failed": "a fault while handling a session; with its trace",
    "handshakes.fewer": "attempts ran into their deadline: fewer at once from now on; how many",
    "sessions.progress": "how far the sign-on of many agents is; how many came up per second",
    "link.failed": "a fault while keeping an agent's sessions; with its trace",
    "subscription.refused": "a node could not be subscribed to",
    "stanza.failed": "a fault while handling a stanza, whose content is not told",
    "notification.refused": "a notification from a sender that may not send it",
    "notification.malformed": "a payload that cannot be read; its hash (keyed), length and reason",
    "notification.failed": "a fault while judging a notification; with its trace",
    "gap.opened": "from now on events of an agent may be lost",
    "gap.closed": "they are heard again, and the picture was renewed by a GET",
    "request.submitted": "a request is registered and goes to Finesse",
    "request.answered": "Finesse's HTTP answer to it",
    "request.settled": "the one line per request: outcome, evidence and times",
    "request.late": "something was heard about a request after it was settled",
    "rest.sent": "an HTTP request to Finesse",
    "rest.answered": "its answer, with the time it took",
    "rest.failed": "no answer; why, and whether anything left this machine",
    "snapshot.failed": "a GET that did not answer",
    "http.refused": "an HTTP client was turned away before its request was looked at; why",
    "http.full": "the limit of HTTP connections is reached; told again when it was below it",
    "http.stalled": "an HTTP client that does not read was cut off",
    "http.exhausted": "no more HTTP connections can be accepted for now: no file descriptors",
    "http.failed": "a fault while answering an HTTP request; with its trace",
    "caller.refused": "an HTTP request with a wrong Host, Origin or token",
    "page.opened": "a browser was let in to look at the page; by whose leave",
    "page.refused": "a code that opens nothing was presented; wrong, late or used",
    "journal.opened": "the journal is open; its file and the epoch of its event ids",
    "journal.restored": "what an earlier process left: open requests taken over, those never sent",
    "journal.damaged": "a damaged journal was set aside under a new name; a fresh one is used",
    "journal.trouble": "nothing can be written to the journal; why",
    "journal.recovered": "it can be written again; how many rows of each kind were lost meanwhile",
    "journal.dropped": "rows that could not be written and were too many to be kept",
    "journal.refused": "a row that cannot be written for a fault of its own",
    "journal.unreadable": "a row that cannot be read, and is skipped",
    "journal.trimmed": "the oldest events and settled requests went, by age or size",
    "upkeep.failed": "the journal's file could not be trimmed or rewritten; why",
    "journal.failed": "a fault in the journal's own thread; with its trace",
    "dropin.refused": "a password that Finesse refused is not tried again for a while",
    "dropin.session": "a session for an agent that is not configured: ended, or not begun; why",
    "dropin.untracked": "a request was passed on to Finesse without being tracked; why",
    "wire.received": "a stanza as it came, redacted (logs.wire)",
    "wire.sent": "a stanza as it went, redacted (logs.wire)",
}
"""Every event name, noun.verb, and what it tells. A test compares them with the code."""

WIRE = "listener.wire"
"""The logger of what goes over the wire; silent unless `wire` is set."""

_WIRE_LOGGER = logging.getLogger(WIRE)

_CAPS = {"slixmpp": logging.WARNING, "httpx": logging.WARNING, "httpcore": logging.WARNING}
# slixmpp shows the SASL secret at DEBUG, httpx and httpcore every header.


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that configuring again replaces it and leaves the host program's alone."""

    wire = False


class _Early:
    """A logger that turns away what is below the level before anything is made of it.

    It does so only where the first thing that structlog would do is the same; a program (or a test)
    that configured structlog otherwise gets every line.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._behind = structlog.get_logger(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name that loggers give it
        """Say whether a line of that level gets past the first look; costs next to nothing."""
        if structlog.get_config()["processors"][:1] != [structlog.stdlib.filter_by_level]:
            return True
        logger = logging.getLogger(self._name)
        return not logger.disabled and level >= logger.getEffectiveLevel()

    def debug(self, event: str, **fields: Any) -> None:
        if self.isEnabledFor(logging.DEBUG):
            self._behind.debug(event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        if self.isEnabledFor(logging.INFO):
            self._behind.info(event, **fields)


def get(name: str) -> BoundLogger:
    """Return the logger of that name; it follows whatever is configured when it is used."""
    return cast("BoundLogger", _Early(name))


def configure(
    *,
    level: str = "INFO",
    form: str = "auto",
    show_numbers: bool = False,
    wire: bool = False,
    stream: TextIO | None = None,
    colors: bool | None = None,
) -> None:
    """Write the log of the whole process to `stream` (standard error).

    `form` is auto, json or console; auto is console on a terminal. `colors` None: on a terminal.
    Calling it again replaces what the last call set up.
    """
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    console = form == "console" or (form == "auto" and terminal)
    handler = _Handler(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_first(),
            processors=[
                ProcessorFormatter.remove_processors_meta,
                format_exc_info,
                _redactor(show_numbers=show_numbers),
                *_renderers(console=console, colors=terminal if colors is None else colors),
            ],
        )
    )
    _install(handler, logging.getLevelNamesMapping()[level.upper()], wire=wire)
    _use([ProcessorFormatter.wrap_for_formatter])


def wire_on() -> bool:
    """Say whether stanzas are to be logged: only where `configure` was told so, by no level alone.

    Costs next to nothing while they are not.
    """
    if not _WIRE_LOGGER.isEnabledFor(logging.DEBUG):
        return False
    return any(isinstance(one, _Handler) and one.wire for one in logging.getLogger().handlers)


def ensure() -> None:
    """Hand log lines, redacted, to the host program's `logging` unless structlog is configured.

    For programs that import this package: without it structlog would print to standard output.
    """
    if not structlog.is_configured():
        _use([format_exc_info, _redactor(show_numbers=False), _key_values])


def nowhere() -> None:
    """Write no log at all, for a process without standard error.

    Left alone, structlog would print to standard output, and fail where that is closed as well.
    """
    _use([_key_values])
    root = logging.getLogger()
    root.addHandler(logging.NullHandler())
    root.setLevel(logging.CRITICAL + 1)


def _use(last: list[Processor]) -> None:
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_first(), *last],
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _first() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        TimeStamper(fmt="iso", utc=True),
    ]


def _renderers(*, console: bool, colors: bool) -> list[Processor]:
    if not console:
        return [_what_first, JSONRenderer(ensure_ascii=False)]
    plain = structlog.dev.plain_traceback  # no local variables: they hold what may not be shown
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _redactor(*, show_numbers: bool) -> Processor:
    def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {
            key: redaction.value(key, given, show_numbers=show_numbers)
            for key, given in event.items()
        }

    return redact


def _what_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in ("timestamp", "level", "event", "logger") if key in event}
    return {**first, **event}


def _key_values(_: WrappedLogger, __: str, event: EventDict) -> str:
    name = event.pop("event", "")
    for given in ("level", "logger", "timestamp"):
        event.pop(given, None)  # the host's own format has them
    return " ".join([str(name), *(f"{key}={given!r}" for key, given in event.items())])


def _install(handler: _Handler, level: int, *, wire: bool) -> None:
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    handler.wire = wire
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in _CAPS.items():
        logging.getLogger(name).setLevel(max(level, least))
    _WIRE_LOGGER.setLevel(logging.DEBUG if wire else logging.CRITICAL)

"""What is said of a link's troubles: in the log, and to its owner.

Knows words and how often they are repeated. Must not know what is done about a trouble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listener import logs
from listener.xmpp.policy import cause_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.xmpp.contract import Ending
    from listener.xmpp.parties import LinkEvents

_log = logs.get(__name__)


class Notices:
    """Those of one agent; `events` is the link's owner, whose faults are logged and harm nobody."""

    def __init__(self, agent: str, events: LinkEvents) -> None:
        self._agent = agent
        self._events = events
        self._warned: set[str] = set()  # of which causes, in this outage

    def __repr__(self) -> str:
        return f"<Notices of {self._agent}>"

    def calm(self) -> None:
        """Take note that the outage is over."""
        self._warned.clear()

    def lost(
        self, trouble: Exception | Ending, host: str | None, delay: float | None, *, was_up: bool
    ) -> None:
        """Say that an attempt failed or a session ended; a `delay` of None: a person must act."""
        if was_up:
            _log.warning("session.lost", retry_in=_told(delay), **self._said(trouble, host))
        elif delay is not None:
            self.retry(trouble, host, delay)
        self._guarded(lambda: self._events.lost(trouble, delay))
        if delay is None:
            _log.error("session.stopped", **self._said(trouble, host))
            self.stopped(trouble)

    def refused(self, trouble: Exception | Ending, host: str | None) -> None:
        """Log that no session could be made where another one is up, and only a person can help."""
        _log.error("session.refused", **self._said(trouble, host))

    def stopped(self, trouble: Exception | Ending) -> None:
        """Tell the owner that it is left as it is."""
        self._guarded(lambda: self._events.stopped(words_of(trouble)))

    def retry(self, trouble: Exception | Ending, host: str | None, delay: float) -> None:
        """Warn of each cause once in an outage: thousands of agents try again each second."""
        cause = cause_of(trouble)
        say = _log.debug if cause in self._warned else _log.warning
        self._warned.add(cause)
        say("session.retry", retry_in=_told(delay), **self._said(trouble, host))

    def _said(self, trouble: Exception | Ending, host: str | None) -> dict[str, Any]:
        return {
            "agent": self._agent,
            "host": host,
            "cause": cause_of(trouble),
            "detail": words_of(trouble),
        }

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  the owner's fault is not the link's
            _log.exception("link.failed", agent=self._agent, error=type(error).__name__)


def _told(delay: float | None) -> float | None:
    """Return seconds as people read them: a random delay has sixteen digits."""
    return None if delay is None else round(delay, 3)

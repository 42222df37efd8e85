"""Keeps slixmpp's log from telling secrets: its wire log holds passwords and customers' data.

And from telling twice, in words that mislead and name no agent, what we say of a refused login.

Knows slixmpp's logger names. Must not know sessions.
"""

from __future__ import annotations

import logging
import re

_ROOT = "slixmpp"
_WIRE = (
    "slixmpp.xmlstream.xmlstream",
    "slixmpp.xmlstream.stanzabase",
    "slixmpp.stanza.rootstanza",
    "slixmpp.basexmpp",
    "slixmpp.clientxmpp",
    "slixmpp.util.sasl.client",
)
_LOGIN = "slixmpp.features.feature_mechanisms.mechanisms"
_SECRET = re.compile(r"<(?:\w+:)?(?:auth|response|success|notification)\b", re.IGNORECASE)


class WireFilter(logging.Filter):
    """Drops the wire log whatever its level was set to, and stanzas in anything louder."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for DEBUG; empty a record that holds a stanza with secrets or payloads."""
        if record.levelno < logging.INFO:
            return False
        if _SECRET.search(record.getMessage()):
            record.msg, record.args = "a stanza was not logged", ()
        return True


class _Silence(logging.Filter):
    """Drops all that a logger says: after a refused password, "No appropriate login method."."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  whatever it says
        return False


_FILTER = WireFilter()
_SILENCE = _Silence()


def quiet_slixmpp() -> None:
    """Cap slixmpp's loggers at INFO and filter what they say; safe to call again.

    What its login says is dropped whole: each of its troubles is an error of ours (`troubles`).
    """
    root = logging.getLogger(_ROOT)
    if root.level < logging.INFO:  # setting it makes all loggers forget what they know
        root.setLevel(logging.INFO)
    for name in _WIRE:
        logging.getLogger(name).addFilter(_FILTER)
    logging.getLogger(_LOGIN).addFilter(_SILENCE)

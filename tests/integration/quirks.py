"""Where the notification services differ: the table that the suite reads, and asserts.

Each sentence is tested at every place, where it holds and where it does not: a difference that has
vanished, or a new one, is noticed. None of them matters to what the program concludes; the rest of
the suite is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN, PROSODY, EJABBERD = "own", "prosody", "ejabberd"


@dataclass(frozen=True, slots=True)
class Quirk:
    """One difference: what is so, and at which places."""

    says: str
    at: frozenset[str]

    def holds(self, place: str) -> bool:
        """Say whether it is so at that place."""
        return place in self.at


def _quirk(says: str, *places: str) -> Quirk:
    return Quirk(says, frozenset(places))


REENCODED = _quirk("a published <notification> comes out in the namespace pubsub#event", EJABBERD)
WITHOUT_ID = _quirk("a message with items has no id", EJABBERD)
HEADLINE = _quirk("a message with items is of the type headline", PROSODY, EJABBERD)
DELAYED = _quirk("the first presence of finesse is marked as delayed", PROSODY, EJABBERD)
SUBID = _quirk("subscriptions are listed with a subid", EJABBERD)
NODE_FIRST = _quirk("a subscription to a node that nobody made is refused", EJABBERD)
EXTENSION_FIRST = _quirk(
    "an error names the extension's condition before the one of RFC 6120", EJABBERD
)
BARE_ANSWER = _quirk("the answer to an unsubscription repeats nothing of it", EJABBERD)
STRICT_NAME = _quirk(
    "a TLS handshake for a name that the server is no host for is refused by the server", PROSODY
)
ABRUPT = _quirk("a handshake without a common TLS version ends without an alert", EJABBERD)
FORGETFUL = _quirk("explicit subscriptions are gone after a restart (as configured)", PROSODY)
ONE_COMPONENT = _quirk("a second component of one name is refused, not shared with", PROSODY)
BETWEEN_USERS = _quirk("a message of one user to another is delivered", PROSODY, EJABBERD)

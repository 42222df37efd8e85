"""Whether a user is available, as its presences say: while one of its resources is (RFC 6121 4).

A service that was restarted signs in anew, and its former session is found dead later: that one
going away does not say that the user is gone. Pure; knows no stanzas.
"""

from __future__ import annotations

MOST_RESOURCES = 64
"""Resources of one user that are remembered; beyond it the newest presence alone counts."""


class Attendance:
    """What is known of one user; nobody was seen to begin with."""

    def __init__(self) -> None:
        self._there: set[str] = set()

    def __repr__(self) -> str:
        return f"<Attendance {len(self._there)} there>"

    def came(self, resource: str) -> None:
        """Take in that a resource is available."""
        if len(self._there) >= MOST_RESOURCES:
            self._there.clear()
        self._there.add(resource)

    def went(self, resource: str) -> bool:
        """Take in that a resource is not; say whether the user is gone with it.

        Without a resource all are gone: the server speaks of the user.
        """
        if resource:
            # One that came without a resource has no end of its own: it counts while it is alone.
            self._there -= {resource, ""}
        else:
            self._there.clear()
        return not self._there

"""Node names and source paths of Finesse, taken apart and put together.

Knows the REST paths and pubsub nodes of finesse/api; knows nothing of XML, of requests or of time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

API = "/finesse/api"

_ID = r"([^/]+)"
_PATH = re.compile(r"^(?:https?://[^/]+)?(?:/finesse/api)?/(?P<rest>.+?)/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """What a node or a source path names.

    `kind` is one of "user", "dialogs", "dialog", "tasks" (nonvoice dialogs), "media", "queues",
    "queue", "team", "systemInfo", "other"; `id` the user, dialog, queue or team it names, if any;
    `media` the media routing domain, if any.
    """

    kind: str
    id: str | None = None
    media: str | None = None

    @property
    def user(self) -> str | None:
        """The agent whose place this is, or None (dialogs, queues and teams have no owner)."""
        return self.id if self.kind in _OWNED else None


_OWNED = frozenset({"user", "dialogs", "tasks", "media", "queues"})
OTHER = Place("other")

# The order matters: the first that fits names the place.
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(f"^{form}$", re.IGNORECASE), kind)
    for form, kind in (
        (f"User/{_ID}", "user"),
        (f"User/{_ID}/Dialogs", "dialogs"),
        (f"User/{_ID}/Dialogs/Media", "tasks"),
        (f"User/{_ID}/Media/{_ID}/Dialogs", "tasks"),
        (f"User/{_ID}/Media/{_ID}", "media"),
        (f"User/{_ID}/Media", "media"),
        (f"User/{_ID}/Queues", "queues"),
        (f"Queue/{_ID}", "queue"),
        (f"Team/{_ID}/Users", "team"),
        (f"Team/{_ID}", "team"),
        (f"Dialog/{_ID}", "dialog"),
        ("SystemInfo()", "systemInfo"),
    )
)


def place(path: str | None) -> Place:
    """Say what a node or source path names; never raises, an unknown one is `OTHER`.

    Sources with and without `/finesse/api` and with a host in front were seen in the wild.
    """
    return _read(path) if path and len(path) > _LONGEST else _place(path)


def _read(path: str | None) -> Place:
    found = _PATH.match(path.strip()) if path else None
    if found is None:
        return OTHER
    for form, kind in _FORMS:
        if hit := form.match(found["rest"]):
            names = [unquote(name) or None for name in hit.groups()]
            return Place(kind, names[0], names[1] if len(names) > 1 else None)
    return OTHER


_place = lru_cache(maxsize=4096)(_read)  # the same few nodes come again and again
_LONGEST = 256
"""Characters of a path that is remembered: 4,096 of a megabyte each would be the whole memory."""


def dialog_id(path: str | None) -> str | None:
    """Return the dialog id that a source or an associatedDialogUri names, or None."""
    there = place(path)
    return there.id if there.kind == "dialog" else None


def _escaped(id_: str) -> str:
    # quote() leaves dots alone, and a segment of one or two dots would lead to another place.
    return id_.replace(".", "%2E") if id_ in {".", ".."} else quote(id_, safe="")


def user_node(agent: str) -> str:
    """Return the node (and REST path) of a user: state, profile, errors of state changes."""
    return f"{API}/User/{_escaped(agent)}"


def dialogs_node(agent: str) -> str:
    """Return the node (and REST path) of a user's voice dialogs and their CTI errors."""
    return f"{user_node(agent)}/Dialogs"


def tasks_node(agent: str) -> str:
    """Return the node of a user's nonvoice dialogs and their errors."""
    return f"{user_node(agent)}/Dialogs/Media"


def dialog_path(dialog: str) -> str:
    """Return the REST path of one dialog; the id is escaped, so it cannot leave its place."""
    return f"{API}/Dialog/{_escaped(dialog)}"


SYSTEM_INFO = f"{API}/SystemInfo"

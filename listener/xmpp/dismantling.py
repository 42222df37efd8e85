"""Taking a finished slixmpp client apart, and what an error leads to, so that it goes at once.

slixmpp's parts hold each other in circles. What stands in a circle is freed only when all of memory
is searched for garbage, and with thousands of sessions that takes long. Knows slixmpp's parts; must
not know what the client was for.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

ErrorT = TypeVar("ErrorT", bound=BaseException)

_PARTS = (
    "plugin",
    "roster",
    "client_roster",
    "api",
    "waiting_queue",
    "xml_root",
    "_run_out_filters",
)


def take_apart(client: Any, answered: Iterable[Any]) -> None:
    """Break the circles in `client`, of which nothing runs any more and which nobody may use.

    `answered` are the functions that slixmpp made for the answers to its IQs: each holds itself,
    the question and the answer. Plain attributes of the client stay as they are.
    """
    mine: dict[str, Any] = vars(client)
    plugins = client.plugin
    for name in plugins or ():
        vars(plugins[name]).clear()
    for function in answered:
        for cell in function.__closure__ or ():
            cell.cell_contents = None
    for part in mine.values():
        if type(part) in {dict, list, set}:
            part.clear()
    mine.update(dict.fromkeys(_PARTS))


def empty_frames(error: object) -> None:
    """Break the circles behind an error of asyncio's, which was read and is not raised again.

    What waits for a handshake holds the error, whose traceback leads to where that is waited for.
    """
    if isinstance(error, BaseException):
        traceback.clear_frames(error.__traceback__)


def without_frames(error: ErrorT) -> ErrorT:
    """Return an error that leads to no frames any more, nor do those from which it came.

    For one that is kept as the last trouble: each frame holds what it worked at, such as the
    session that could not be opened, for as long as the error is there.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = None
            left += each.__cause__, each.__context__
    return error

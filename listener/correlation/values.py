"""Which values the variables of one call were told with: what was never told is no old news.

Call data carries no time (rules of evidence 4). Keeps hashes, never a value; bounded.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from listener.finesse.model import Dialog

MAX_VALUES = 64  # per call; behind it any value may have been told


class Values:
    """The values that were told of one call, as hashes that are good in this process alone.

    `any_`: nobody knows any more which these were.
    """

    __slots__ = ("_any", "_told")

    def __init__(self, *, any_: bool = False) -> None:
        self._told = array("q")
        self._any = any_

    def hear(self, dialog: Dialog) -> None:
        """Remember the values that a dialog shows."""
        fresh = {hash(each) for each in dialog.media_properties.call_variables}.difference(
            self._told
        )
        if len(self._told) + len(fresh) > MAX_VALUES:
            self._told, self._any = array("q"), True
        elif not self._any:
            self._told.extend(fresh)

    def untold(self, asked: Mapping[str, object]) -> frozenset[str]:
        """Return the names of those call variables whose value was never told.

        An empty one may be there though it is not listed. Ask for no wrap-up data: they are not
        remembered.
        """
        if self._any:
            return frozenset()
        return frozenset(
            name
            for name, value in asked.items()
            if isinstance(value, str) and value and hash((name, value)) not in self._told
        )

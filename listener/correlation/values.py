"""Which values the data of one call were told with: what was never told is no old news.

Call data carries no time (rules of evidence 4). Keeps hashes, never a value; bounded.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

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
        """Remember the values that a dialog shows: call variables, wrap-up data and a callback."""
        media = dialog.media_properties
        data = (
            *media.call_variables,
            ("wrapUpReason", media.wrap_up_reason),
            *(("wrapUpItems", each) for each in media.wrap_up_items),
        )
        callback = dialog.scheduled_callback_info
        if callback is not None:
            data += (
                ("callbackTime", callback.callback_time),
                ("callbackNumber", callback.callback_number),
            )
        fresh = {hash(each) for each in data}.difference(self._told)
        if len(self._told) + len(fresh) > MAX_VALUES:
            self._told, self._any = array("q"), True
        elif not self._any:
            self._told.extend(fresh)

    def untold(self, asked: Mapping[str, Iterable[str]]) -> frozenset[str]:
        """Return the names of those data whose value was never told, of items one of them.

        `asked`: by its name a text, or several. An empty one may be there though it is not listed.
        """
        if self._any:
            return frozenset()
        return frozenset(
            name
            for name, value in asked.items()
            if any(
                each and hash((name, each)) not in self._told
                for each in ((value,) if isinstance(value, str) else value)
            )
        )

"""The dialogs that an agent's node told, or a list showed, to be gone, and what of them counts.

The last ones only: what is published again of a call that is over comes soon, if at all.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from listener.correlation.ages import latest
from listener.correlation.instants import older
from listener.correlation.known import MAX_REPEATS
from listener.finesse.actions.checks import same_number
from listener.finesse.model import Dialog

MAX_REMOVED = 64  # per agent


@dataclass(frozen=True, slots=True)
class Gone:
    """One dialog that is gone; of its numbers none is kept."""

    at: float  # when that was heard, by the listener's clock
    contents: array[int] = field(default_factory=lambda: array("q"))
    """What it was heard with: that may be published again, too."""
    ended: str | None = None
    """When, by Finesse's time, the agent left it: what is older comes late. None: nobody told."""
    made_here: bool | None = None  # whether the agent's extension made it, None: not known
    came: str | None = None  # when, by Finesse's time, the agent came to it
    took_in: str | None = None  # the id of the call that it had taken in, which ends as well
    unlisted: bool = False  # a list alone did not show it; that one may not have had it yet

    def ends(self, at: float, extension: str | None, *views: Dialog | None) -> Gone:
        """Return it as it ends at `at`, last seen in these views; None is one that is not there."""
        there = [each for each in views if each is not None]
        made_here, came = _origin_of(extension, *there)
        named = [each.secondary_id for each in there if each.secondary_id]
        return replace(
            self,
            at=at,
            ended=latest(*there, of=extension),
            made_here=made_here,
            came=came,
            took_in=named[-1] if named else self.took_in,
            unlisted=False,
        )


def _origin_of(extension: str | None, *views: Dialog) -> tuple[bool | None, str | None]:
    """Return whether that extension made a call, and when it came to it; None: not known."""
    sender = next((each.from_address for each in views), None)
    here = same_number(sender, extension) if sender and extension else None
    parties = (each.participant(extension) for each in views)
    return here, next((own.start_time for own in parties if own is not None), None)


class GoneDialogs(Mapping[str, Gone]):
    """Those of one agent by their ids, the one that went longest ago first; at most MAX_REMOVED."""

    __slots__ = ("_gone",)

    def __init__(self) -> None:
        self._gone: dict[str, Gone] = {}

    def __getitem__(self, id_: str) -> Gone:
        """Return one that is gone; raise KeyError where it is not known to be."""
        return self._gone[id_]

    def __iter__(self) -> Iterator[str]:
        """Go through their ids."""
        return iter(self._gone)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._gone)

    def end(self, id_: str, at: float, extension: str | None, *views: Dialog | None) -> None:
        """Take note that one is gone; the oldest ones are forgotten."""
        before = self._gone.pop(id_, None) or Gone(at)
        while len(self._gone) >= MAX_REMOVED:
            del self._gone[next(iter(self._gone))]
        self._gone[id_] = before.ends(at, extension, *views)

    def keep_contents(self, id_: str, contents: Iterator[int] | tuple[int, ...]) -> None:
        """Remember, instead of what was known, what one was heard with."""
        self._gone[id_] = replace(self._gone[id_], contents=array("q", contents))

    def hear(self, id_: str, content: int) -> None:
        """Remember what one was heard with behind its end."""
        self.keep_contents(id_, (*self.contents(id_), content)[-MAX_REPEATS:])

    def unlist(self, id_: str) -> None:
        """Note that a list alone did not show one: nobody told of an end."""
        self._gone[id_] = replace(self._gone[id_], ended=None, unlisted=True)

    def back(self, id_: str) -> array[int]:
        """Return what one that is there again was heard with, and keep it here no longer."""
        contents = self.contents(id_)
        if contents:
            self.keep_contents(id_, ())
        return contents

    def contents(self, id_: str) -> array[int]:
        """Return what one was heard with, as far as is remembered."""
        found = self._gone.get(id_)
        return found.contents if found is not None else array("q")

    def is_before_the_end(self, id_: str, dialog: Dialog, extension: str | None) -> bool:
        """Say whether one is shown as it was before its end."""
        found = self._gone.get(id_)
        return found is not None and older(latest(dialog, of=extension), found.ended)

"""One dialog as an agent's node, or a colleague's, last told it.

Knows what came and by whose clock; whether it is news is the picture's business.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from listener.correlation.ages import in_later_times, is_older, is_the_same, merged
from listener.correlation.instants import CLOCKS_APART
from listener.correlation.values import Values
from listener.finesse.model import Dialog

MAX_REPEATS = 16  # contents remembered per dialog


@dataclass(slots=True)
class Known:
    """One dialog: what it looked like, and when that was heard (the listener's clock)."""

    dialog: Dialog
    at: float
    latest: int = 0  # the content that it was heard with, 0 when a GET showed something else since
    doubtful: bool = False  # it may be an old content, published again
    overtaken: bool = False  # what came last was older news than what is known
    borrowed: bool = False  # it is a colleague's node's word, by that one's clock
    lent: Dialog | None = None  # that word, whose data the own node has not told so far
    same: bool = False  # what came last shows just the call data that were known for sure
    doubted_at: float = float("-inf")  # when an old content was last in doubt
    values: Values = field(default_factory=Values)
    contents: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MAX_REPEATS))
    own_ids: tuple[str, ...] = ()
    """The last ids that came with what nobody but this agent does here: the agent's client's."""

    def take(self, dialog: Dialog, now: float, *, borrowed: bool) -> None:
        """Take in how it is shown at `now`; `borrowed`: by a colleague's node, by another clock.

        Of what two nodes tell within the difference of their clocks nobody knows which is the
        later: the later times stay, for what is older by them is no change, and data that differ
        are in doubt.
        """
        differs = data_of(dialog) != data_of(self.dialog)
        if differs:
            self.values.hear(dialog)
        self._compare(dialog, borrowed=borrowed)
        later, self.overtaken = merged(self.dialog, dialog), is_older(dialog, self.dialog)
        unsure = (borrowed or self.borrowed) and self.overtaken
        unsure = unsure and not is_older(dialog, self.dialog, CLOCKS_APART)
        if unsure and not borrowed and is_the_same(dialog, self.dialog):
            later = in_later_times(dialog, self.dialog)
        self.same = data_of(later) == data_of(self.dialog) and not self.doubtful
        changed = later != self.dialog
        if borrowed:
            self.borrowed = self.borrowed or changed
        elif later is dialog:
            self.borrowed = False  # nothing of what that one told is left
        if changed:
            self.latest = 0
        self.dialog, self.at = later, now
        self.doubtful = (self.doubtful and self.overtaken) or (unsure and differs)

    def _compare(self, dialog: Dialog, *, borrowed: bool) -> None:
        """Note whether the own node's data are behind a colleague's node's, by a word that comes.

        They are until it tells the same ones, or a state that is surely later by both clocks.
        """
        old = is_older(dialog, self.dialog, CLOCKS_APART)
        if borrowed and not old and data_of(dialog) != data_of(self.dialog):
            self.lent = dialog
        elif not borrowed and self.lent is not None:
            reached = not old and data_of(dialog) == data_of(self.lent)
            if reached or is_older(self.lent, dialog, CLOCKS_APART):
                self.lent = None


def data_of(dialog: Dialog) -> tuple[object, ...]:
    """Return what a dialog shows that carries no time."""
    media = dialog.media_properties
    special = (media.wrap_up_reason, media.wrap_up_items, dialog.scheduled_callback_info)
    return media.call_variables, *special

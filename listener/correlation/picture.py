"""Dialogs and users as last known, per agent, with the time of that knowledge.

`live` says whether the knowledge is complete: a session was up without a gap since a GET filled it.
Only from live knowledge is a baseline taken, for a stale one would make old news look like change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from listener.correlation.ages import is_call, latest
from listener.correlation.gone import Gone, GoneDialogs
from listener.correlation.instants import newer, older
from listener.correlation.known import MAX_REPEATS, Known
from listener.correlation.values import Values
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, User

MAX_DIALOGS = 256  # per agent; the one heard of longest ago is forgotten


class News(Enum):
    """What an event's content is, compared with what was heard before."""

    NEW = "new"
    DOUBTFUL = "doubtful"  # taken in, but it proves nothing without our id
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was known at sending: the dialog, the agent's other dialogs, the user.

    Journalled with the intent, so that a restart compares with the same.
    """

    dialog: Dialog | None = None
    others: tuple[Dialog, ...] = ()
    user: User | None = None

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all dialogs that were there."""
        every = (*self.others, self.dialog) if self.dialog is not None else self.others
        return frozenset(id_ for each in every if (id_ := dialog_id(each)) is not None)

    @property
    def newest(self) -> str | None:
        """The latest stateChangeTime of all that is known of calls; tasks have their own clock."""
        every = (*self.others, self.dialog) if self.dialog is not None else self.others
        return latest(*(each for each in every if is_call(each)))


@dataclass(slots=True)
class AgentPicture:
    """What is known of one agent."""

    user: User | None = None
    user_at: float = 0.0
    user_content: int = 0  # what the user was last heard with
    dialogs: dict[str, Known] = field(default_factory=dict)
    gone: GoneDialogs = field(default_factory=GoneDialogs)
    errors: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MAX_REPEATS))
    live: bool = False
    live_since: float | None = None
    first_live: float | None = None  # when the first session of this process began to hear
    gap_at: float = float("-inf")  # when the last gap began
    republished_at: float = float("-inf")  # when the user or a call was last told as it was known
    news_since: str | None = None  # Finesse's time of the first state that came here as news
    retold_at: float = float("-inf")  # when the user was last told as it was before that

    def absent_since(self, until: float) -> bool:
        """Say whether the agent had a session once, but none since then, and no news either.

        One that is up but may not be used (no GET is answered) hears all the same.
        """
        if self.live or self.first_live is None or self.gap_at > until:
            return False
        heard = [
            self.user_at,
            *(each.at for each in self.gone.values()),
        ]  # calls and errors there may never have been
        heard += [*(each.at for each in self.dialogs.values()), *(at for _, at in self.errors)]
        return max(heard) <= until

    @property
    def extension(self) -> str | None:
        """The agent's extension as last heard, None when unknown or empty."""
        return (self.user.extension or None) if self.user is not None else None

    def baseline(self, dialog: str | None) -> Baseline | None:
        """Take the baseline of a request, or None when the knowledge is not live."""
        if not self.live:
            return None
        known = self.dialogs.get(dialog) if dialog is not None else None
        others = tuple(each.dialog for id_, each in self.dialogs.items() if id_ != dialog)
        return Baseline(known.dialog if known else None, others, self.user)

    def in_doubt(self) -> frozenset[str]:
        """Return the dialogs whose values may be old ones: call data carries no time."""
        every = self.dialogs.items()
        return frozenset(id_ for id_, known in every if known.doubtful or known.lent is not None)

    def told_until(self, dialog: str | None) -> float:
        """Return until when what is told of a dialog in doubt may be published again."""
        known = self.dialogs.get(dialog or "")
        return known.doubted_at + BURST_WITHIN if known is not None else float("-inf")

    def taken_in_by(self, dialog: str | None, at: float) -> list[Gone]:
        """Return the calls, gone by then, that had taken that one in, the last news of both."""
        there = [each for each in self.gone.values() if each.took_in == dialog]
        return [each for each in there if self.touched(dialog or "") <= each.at <= at]

    def lately(self, since: float) -> set[str]:
        """Return the ids of the dialogs that are there, or were at some time since then."""
        return self.dialogs.keys() | {id_ for id_, each in self.gone.items() if each.at >= since}

    def is_gone(self, dialog: str | None) -> bool:
        """Say whether that dialog's end was heard, and nothing of it since."""
        found = self.gone.get(dialog or "")
        return found is not None and dialog not in self.dialogs and not found.unlisted

    def put(self, id_: str, dialog: Dialog, now: float, *, borrowed: bool = False) -> None:
        """Take in a dialog that was seen; states only move forward in Finesse's time.

        `borrowed`: a colleague's node told it, by another clock.
        """
        known = self.dialogs.pop(id_, None)
        if known is None:
            known = Known(dialog, now, values=Values(any_=id_ in self.gone))
            known.contents.extend((each, now) for each in self.gone.back(id_))
            known.values.hear(dialog)
            while len(self.dialogs) >= MAX_DIALOGS:
                del self.dialogs[next(iter(self.dialogs))]
        else:
            known.take(dialog, now, borrowed=borrowed)
        self.dialogs[id_] = known

    def remove(self, id_: str, now: float, last: Dialog | None = None) -> None:
        """Forget a dialog that is gone; remember for a while when it went. `last`: its end."""
        known = self.dialogs.pop(id_, None)
        shown = known.dialog if known is not None else None
        self.gone.end(id_, now, self.extension, shown, last)
        if known is not None:
            self.gone.keep_contents(id_, (each for each, _ in known.contents))

    def unlist(self, id_: str, now: float) -> None:
        """Forget a dialog that a list does not show (any more)."""
        self.remove(id_, now)
        self.gone.unlist(id_)

    def is_over(self, id_: str, dialog: Dialog) -> bool:
        """Say whether a dialog is shown as it was before its end, which had been heard by then."""
        there = id_ in self.dialogs
        return not there and self.gone.is_before_the_end(id_, dialog, self.extension)

    def touched(self, id_: str) -> float:
        """Return when that dialog was last heard of."""
        known, gone = self.dialogs.get(id_), self.gone.get(id_)
        return max((each.at for each in (known, gone) if each is not None), default=float("-inf"))

    def reset(
        self, user: User | None, dialogs: Iterable[Dialog], *, asked: float, now: float
    ) -> None:
        """Take in what a GET listed that was sent at `asked`; events heard since are newer news."""
        if user is not None:
            self.put_user(user, now)
        listed = {id_: each for each in dialogs if (id_ := dialog_id(each)) is not None}
        for id_ in self.dialogs.keys() - listed.keys():
            task = not is_call(self.dialogs[id_].dialog)  # no list shows one: it may be there yet
            if self.touched(id_) >= asked or (task and self.live):
                continue  # nor was there a gap, in which its end could have been missed
            self.unlist(id_, now)
            if task:
                self.gone.back(id_)
        for id_, dialog in listed.items():
            if self.touched(id_) < asked:
                self.put(id_, dialog, now)

    def put_user(self, user: User, now: float) -> None:
        """Take in a user, unless it is older news than what is known."""
        if self.user is None or not older(user.state_change_time, self.user.state_change_time):
            if user.extension is None and self.user is not None:
                # An update that leaves it out says nothing of it; an empty one, that it is gone.
                user = replace(user, extension=self.user.extension)
            self.user, self.user_at = user, now

    def news(
        self, id_: str, content: int, now: float, *, added: bool = False, signed: bool = False
    ) -> News:
        """Say whether this content is news (rules of evidence 4).

        Finesse publishes again after a fail-over, with new item ids. Only the latest content there
        is tells nothing at all. An earlier one may be true, for call data may well go from x to y
        and back to x; but twice in a moment, beside others that are published again, or from before
        a gap that has just ended, it may as well be published again. So it may at any time where it
        is `signed` with an id, for one request has one effect: only who uses an id twice could
        bring it about again. A call that is `added` to the list again some time after it was
        removed is there, whatever it looks like; at once where a list alone had not shown it.
        """
        known = self.dialogs.get(id_)
        if not content:
            return News.NEW
        if known is None:
            gone = self.gone.get(id_)
            if gone is None or content not in gone.contents:
                return News.NEW
            long_gone = now - gone.at >= BURST_WITHIN
            back = gone.unlisted or (long_gone and not self._gap_just_ended(now))
            return News.DOUBTFUL if added and back else News.REPEAT
        if known.latest == content:
            return News.REPEAT
        first = next((at for each, at in known.contents if each == content), None)
        if first is None:
            return News.NEW
        burst = first <= self.gap_at and self._gap_just_ended(now)
        moment = now - first < REPEAT_WITHIN or now - self.republished_at < REPEAT_WITHIN
        return News.DOUBTFUL if signed or burst or moment else News.NEW

    def told(self, id_: str, content: int, *, times: int = 1) -> bool:
        """Say whether that dialog was heard with this content so often, as far as is remembered."""
        known = self.dialogs.get(id_)
        gone = self.gone.contents(id_)
        before = [each for each, _ in known.contents] if known is not None else gone
        return sum(each == content for each in before) >= times

    def _gap_just_ended(self, now: float) -> bool:
        return not self.live or self.live_since is None or now - self.live_since < BURST_WITHIN

    def just_begun(self, now: float) -> bool:
        """Say whether what another process had heard before may be published again (rules 4).

        A first attempt that failed, and a session that was lost again at once, begin nothing anew.
        """
        early = self.first_live is None or self.gap_at < self.first_live + BURST_WITHIN
        return early and self._gap_just_ended(now)

    def remember(self, id_: str, content: int, now: float, *, doubtful: bool) -> None:
        """Remember the content of an event that was taken in; older news casts no doubt."""
        known = self.dialogs[id_]
        if not known.overtaken:
            known.latest, known.doubtful = content, doubtful and not known.same
            known.doubted_at = now if known.doubtful else known.doubted_at
        known.contents.append((content, now))

    def user_repeats(self, user: User, content: int, now: float) -> bool:
        """Say whether the user was last heard with the same content, and remember this one.

        A user carries the time of its state: one that was really changed is never the same again.
        """
        repeated = bool(content) and content == self.user_content
        self.user_content = content
        if repeated:
            self._publishes_again(user, now)
        return repeated

    def hear_user(self, user: User, now: float) -> None:
        """Take in what an event says of the user; what was known by then is told again."""
        known = self.user
        if user == known or (known and older(user.state_change_time, known.state_change_time)):
            self._publishes_again(user, now)
        elif known is not None and self.news_since is None:
            later = newer(user.state_change_time, known.state_change_time)
            self.news_since = user.state_change_time if later else None
        self.put_user(user, now)

    def _publishes_again(self, user: User, now: float) -> None:
        """Take note that Finesse publishes again, and whether from before there was news here.

        It does so in the order in which it was told first: what comes behind a state that was news
        to this process was published here as well (rules 4).
        """
        self.republished_at = now
        since = user.state_change_time
        if self.news_since is None or not (
            since == self.news_since or newer(since, self.news_since)
        ):
            self.retold_at = now

    def error_known(self, content: int) -> bool:
        """Say whether the same error was heard before, as far as is remembered."""
        return bool(content) and any(each == content for each, _ in self.errors)

    def error_repeats(self, content: int, now: float, within: float) -> bool:
        """Say whether the same error came a moment ago or before a gap that has just ended.

        After a fail-over Finesse publishes again, with new item ids (rules of evidence 4). This one
        is remembered.
        """
        again = now - self.republished_at < REPEAT_WITHIN
        burst = self._gap_just_ended(now)
        repeated = bool(content) and any(
            each == content and (again or now - at < within or (burst and at <= self.gap_at))
            for each, at in self.errors
        )
        self.errors.append((content, now))
        return repeated


REPEAT_WITHIN = 2.0  # seconds
BURST_WITHIN = 10.0  # seconds after a gap in which Finesse may still publish again
ABSENT = 7200.0  # seconds without a session after which an agent may be forgotten


class Picture:
    """All agents; an agent is known from the first word about it until it is forgotten."""

    def __init__(self) -> None:
        self._agents: dict[str, AgentPicture] = {}
        self._next_sweep = float("-inf")

    def of(self, agent: str) -> AgentPicture:
        """Return the picture of an agent, an empty one if nothing is known."""
        found = self._agents.get(agent)
        if found is None:
            found = self._agents[agent] = AgentPicture()
        return found

    def untold(self, id_: str | None, asked: Mapping[str, Iterable[str]]) -> frozenset[str]:
        """Return the names of the call data whose value nobody was told of that call.

        What those were told who are on it no more is not known: it may have been any value.
        """
        if any(id_ in agent.gone for agent in self._agents.values()):
            return frozenset()
        every = (agent.dialogs.get(id_ or "") for agent in self._agents.values())
        found = (each.values.untold(asked) for each in every if each is not None)
        return frozenset(asked).intersection(*found)

    def known(self, id_: str | None) -> list[Dialog]:
        """Return a dialog as each agent who takes part in it knows it."""
        every = (agent.dialogs.get(id_ or "") for agent in self._agents.values())
        return [each.dialog for each in every if each is not None]

    def forget_absent(self, now: float, busy: Callable[[str], object]) -> None:
        """Drop those who have had no session for ABSENT, at most once in a quarter of that.

        Not those who are `busy` or were heard of since, and none of whose calls another one knows:
        that somebody was told of it counts as long as it is there. Who comes back is as unknown as
        at the first sign-on.
        """
        if now < self._next_sweep:
            return
        self._next_sweep = now + ABSENT / 4
        until = now - ABSENT
        gone = {
            id_: each
            for id_, each in self._agents.items()
            if each.absent_since(until) and not busy(id_)
        }
        stay = [each for id_, each in self._agents.items() if id_ not in gone] if gone else []
        known = {id_ for each in stay for id_ in each.lately(float("-inf"))}
        for agent, each in gone.items():
            if known.isdisjoint(each.lately(float("-inf"))):
                del self._agents[agent]

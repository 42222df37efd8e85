"""One request's side of the question "was this seen?": what it expects, from which start, so far.

Mutable, for the judges; holds no time but Finesse's own and the moments at which things were heard.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum

from listener.correlation.ages import is_call, is_older, sole_party
from listener.correlation.instants import after, near, newer, older
from listener.correlation.outcome import DialogIds
from listener.correlation.picture import Baseline
from listener.finesse import uris
from listener.finesse.actions.expectation import Expectation
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, Participant, User


class How(Enum):
    """In which way something was seen."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing seen: an event on `owner`'s node, or a GET (`how` is SNAPSHOT).

    `tagged`: our own requestId is on it. `at` is the listener's clock: of a GET, when it was
    sent. `again`: that dialog was heard with the same content before; `unknown`: nobody knows
    whether it was, by an earlier process.
    """

    how: How
    owner: str | None
    dialog: Dialog | None = None
    dialog_id: str | None = None
    user: User | None = None
    tagged: bool = False
    at: float = 0.0
    again: bool = False
    unknown: bool = False


class Shown(StrEnum):
    """What a sight shows to one request."""

    NOTHING = "nothing"
    EFFECT = "effect"  # there, and a change since the request
    IF_TAGGED = "if_tagged"  # there, but only our id on it would prove it
    UNCHANGED = "unchanged"  # there, but it was there before
    STANDING = "standing"  # counts if it still stands at the deadline
    LOOK_ALIKE = "look_alike"  # fits but for its target: ambiguous at the deadline
    PARTLY = "partly"  # some of what was asked is set, some is not
    FAILED = "failed"  # the call itself failed
    ENDED = "ended"  # the dialog ended without the effect
    NOT_THERE = "not_there"  # a GET that does not show it


@dataclass(frozen=True, slots=True)
class Finding:
    """What a judge says of one sight. `quiet`: seconds for which nothing may speak against it."""

    shown: Shown
    stage: str | None = None
    state_cause: str | None = None
    quiet: float = 0.0
    by_id: bool = False  # Finesse tied it to this request, in this or an earlier event
    dialogs: DialogIds = field(default_factory=DialogIds)
    changed: bool | None = None
    applied: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    truncated: tuple[str, ...] = ()
    anothers: bool = False  # another request's id is on our leaving, which could only do the same
    undated: bool = False  # it may be of before: an answer's Date will tell, if one comes


NOTHING = Finding(Shown.NOTHING)
ENDED = Finding(Shown.ENDED)


@dataclass(slots=True)
class Case:
    """What the judges know of one request."""

    agent: str
    own: str | None  # the acting extension
    expectation: Expectation
    ids: set[str] = field(default_factory=set)  # its dialog, and those that it became
    baseline: Baseline | None = None
    answer_date: float | None = None  # the Date of Finesse's answer, in Finesse's seconds
    accepted_at: float | None = None  # the listener's clock
    last: Participant | None = None  # the own participant as last seen since sending
    newest: str | None = None  # the latest stateChangeTime of all calls that was read by sending
    claimed: str | None = None  # the new dialog that carried our id
    tagged_at: str | None = None  # Finesse's time of the first state of the user that carried it
    theirs: set[str | None] = field(default_factory=set)
    """Dialogs and stateChangeTimes that are another request's work, by its id."""
    anybodys: set[str | None] = field(default_factory=set)
    """Of these, calls that only our id on them can tell to be its own after all."""
    elsewhere: Participant | None = None  # the own part in such work, by a colleague's node's clock
    initiated: str | None = None  # the new dialog that was last seen INITIATED
    partner: str | None = None  # the other call of a transfer or conference, as it was shown
    gone: frozenset[str] = frozenset()
    gone_tagged: frozenset[str] = frozenset()  # whose end bore our id
    apart: str | None = None  # the call that was none of more than two when our id was on it
    met: str | None = None  # the call on which both were shown to have met while we were held on it
    joined: Finding | None = None  # a conference with our id, of which nobody knows how it was
    behind: set[str] = field(default_factory=set)  # the ids that it had before
    added: set[str] = field(default_factory=set)  # dialogs that came to the list since
    was_off: bool = False  # the own participant had left before Finesse's answer
    was_taken: bool = False  # a call that was gone by then had taken its dialog in
    bygone: bool = False  # its dialog was known to be gone when the request went out
    was_there: bool = False  # who it is sent to was on the call before, as a colleague knew it
    was_accepted: bool = False  # a preview reservation that was taken
    later: set[str] = field(default_factory=set)
    """The later updates of the same variable that were sent, by their keys."""
    beside: set[str] = field(default_factory=set)
    """Those that were sent, or perhaps were, nobody knows when, so that they may be the later."""
    doubtful: bool = False  # its values before may be old ones
    unsure: frozenset[str] = frozenset()  # the calls of which that is so, of all the agent's
    was_set: bool = False  # its values were shown since sending, whosever they were
    untold: frozenset[str] = frozenset()
    """The data asked for with a value that by sending nobody was told of its call."""
    doubted_until: float = float("-inf")  # until then an old content may be published again
    gapped: bool = False  # there was a time since sending in which contents may have been missed
    memoryless: bool = False  # contents heard before a restart are not known, and may come again
    there: frozenset[str] = frozenset()
    """Once settled: the calls that were there at sending, or are others' work by their ids."""
    told_of: frozenset[str] = frozenset()
    """Where there is no baseline: the calls that had been told of by sending, there or not."""
    start: Baseline | None = None  # the baseline as it was at sending, if another took its place
    hung_up: set[str] = field(default_factory=set)  # who left before the calls were joined
    went_away: bool = False  # the value asked for was seen to be another one since sending
    company: dict[str, frozenset[str]] = field(default_factory=dict)
    """Who was told to be on the agent's calls that came since, for a conference: by their ids."""
    came: dict[str, frozenset[str]] = field(default_factory=dict)
    """Who was told to have come to the two calls of a join before they were one: by their ids."""
    linked: str | None = None  # the call that its dialog was last seen to be tied to
    promised: Dialog | None = None  # the dialog when a callback was seen on it since sending
    foreign_change: bool = False  # its variables were changed by somebody since acceptance
    retold: bool = False  # it was shown just as it was known: changed and changed back, perhaps
    perhaps: dict[str | None, Finding] = field(default_factory=dict)
    """What calls were shown to be of which only our id can tell that one of them is its own."""
    told: dict[str | None, Shown] = field(default_factory=dict)
    """By dialog, as what its effect was last shown."""

    def begin(self, baseline: Baseline | None, dialog: str | None) -> None:
        """Take the baseline, at sending."""
        self.baseline = baseline
        if dialog is not None:
            self.ids.add(dialog)
        if baseline is None:
            return
        if baseline.dialog is None or is_call(baseline.dialog):  # tasks have a clock of their own
            self.newest = baseline.newest
        if baseline.dialog is not None:
            self.last = baseline.dialog.participant(self.own)
        # Another call had taken it in by then: it is about to end (rules 6.3).
        joined = dialog is not None and any(each.secondary_id == dialog for each in baseline.others)
        self.was_off = self.was_off or joined

    def taken(self, end: str | None) -> None:
        """Note that a call had taken the dialog in that was gone at sending, since `end`."""
        self.was_taken = True
        if self.newest is None or older(self.newest, end):
            self.newest = end

    def copy(self) -> Case:
        """Return a case that may be judged without this one being changed."""
        return replace(
            self,
            ids=set(self.ids),
            theirs=set(self.theirs),
            anybodys=set(self.anybodys),
            behind=set(self.behind),
            added=set(self.added),
            hung_up=set(self.hung_up),
            later=set(self.later),
            beside=set(self.beside),
            perhaps=dict(self.perhaps),
            told=dict(self.told),
            company=dict(self.company),
            came=dict(self.came),
        )

    def follow(self, gone: str, dialog: Dialog, into: str) -> None:
        """Go on with the dialog that a call became: what it showed at sending is the start now.

        `dialog` is how it is shown, `into` its id. What was not known at sending stays unknown.
        """
        self.ids.discard(gone)
        self.ids.add(into)
        self.behind.add(gone)
        self.foreign_change = True  # what data it shows now may be the other call's
        self.untold = frozenset()  # so may be what it showed before
        self.doubtful = self.doubtful or into in self.unsure
        self.start = self.promised = None  # which were the other call's
        if self.baseline is not None:
            every = (self.baseline.dialog, *self.baseline.others)
            known = [each for each in every if each is not None]
            survivor = next((each for each in known if dialog_id(each) == into), None)
            others = tuple(each for each in known if each is not survivor)
            self.baseline = replace(self.baseline, dialog=survivor, others=others)
        was = self.before.participant(self.own) if self.before is not None else None
        self.last = dialog.participant(self.own) or was

    def rebase(self, sight: Sight) -> None:
        """Take what a sight shows for what there was: another request's change made it."""
        self.anothers(sight)
        if self.baseline is None:
            return  # without a start, nothing seen makes one: it may be old news
        was = self.baseline.user
        self.start = self.start or self.baseline
        if sight.user is not None and not (
            was is not None and older(sight.user.state_change_time, was.state_change_time)
        ):
            self.baseline = replace(self.baseline, user=sight.user)
        if sight.dialog is not None and self.about(sight) and not self.stale(sight.dialog):
            self.baseline = replace(self.baseline, dialog=sight.dialog)

    def anothers(self, sight: Sight) -> None:
        """Take note of what another request's change made, so that it is not this one's later."""
        if sight.user is not None:
            self.theirs.add(sight.user.state_change_time)
        if sight.dialog_id is not None and not self.about(sight):
            self.theirs.add(sight.dialog_id)
        elif sight.dialog is not None:
            # A task names its party in several ways.
            mine = (
                p for p in sight.dialog.participants if p.media_address in {self.own, self.agent}
            )
            own = next(mine, next(iter(sight.dialog.participants), None))
            self.theirs.add(own.state_change_time if own is not None else None)
            self.elsewhere = self.elsewhere if self.mine(sight) else own

    @property
    def superseded(self) -> bool:
        """Whether values that are shown cannot tell whether this update set them (rules 6.7)."""
        return self.doubtful or bool(self.later)

    @property
    def in_doubt(self) -> bool:
        """Whether that is so for no other reason than that its values before may be old."""
        return self.doubtful and not self.later

    @property
    def written_over(self) -> bool:
        """Whether somebody else may have changed its values since (rules 6.7)."""
        return self.foreign_change or self.was_set or bool(self.beside)

    @property
    def crossed(self) -> bool:
        """Whether another update of its variables was, or may have been, at work beside it."""
        return self.superseded or bool(self.beside)

    @property
    def carried(self) -> Baseline | None:
        """The baseline for another process: without calls whose values were in doubt (rules 4)."""
        if self.baseline is None or not self.unsure:
            return self.baseline
        others = tuple(each for each in self.baseline.others if dialog_id(each) not in self.unsure)
        own = None if self.doubtful else self.baseline.dialog
        return replace(self.baseline, dialog=own, others=others)

    def undone(self, key: str) -> None:
        """Hear that another update was never done: it is neither later nor beside this one."""
        self.later.discard(key)
        self.beside.discard(key)

    @property
    def others(self) -> frozenset[str]:
        """The calls that surely are none that it makes: they were told of by sending (rules 6.1).

        Without a baseline there may have been more.
        """
        return self.baseline.ids if self.baseline is not None else self.told_of

    @property
    def before(self) -> Dialog | None:
        """The request's dialog as it was at sending, None when not known."""
        return self.baseline.dialog if self.baseline is not None else None

    def as_sent(self, id_: str | None, party: str | None) -> Participant | None:
        """Return a party of any of the agent's dialogs as it was at sending, None if not known."""
        found = self.dialog_as_sent(id_)
        return found.participant(party) if found is not None else None

    def dialog_as_sent(self, id_: str | None) -> Dialog | None:
        """Return any of the agent's dialogs as it was at sending, None if not known."""
        if self.baseline is None:
            return None
        every = (self.baseline.dialog, *self.baseline.others)
        return next((each for each in every if each is not None and dialog_id(each) == id_), None)

    def mine(self, sight: Sight) -> bool:
        """Say whether it was seen on the requesting agent's own node or list."""
        return sight.owner == self.agent

    def about(self, sight: Sight) -> bool:
        """Say whether it shows the request's dialog, or one that it became."""
        return sight.dialog_id in self.ids

    def is_new(self, sight: Sight) -> bool:
        """Say whether the sight's dialog was surely not there at sending."""
        if sight.dialog_id in self.theirs:
            return False
        if sight.tagged and sight.how is How.ADDED:
            return True  # it came before the registration, and made the dialog
        if self.baseline is not None:
            return sight.dialog_id not in self.baseline.ids
        own = sight.dialog.participant(self.own) if sight.dialog is not None else None
        return own is not None and after(own.start_time, self.answer_date)

    def is_untold(self, names: Collection[str], sight: Sight) -> bool:
        """Say whether what is shown of one of those data surely was not so before (rules 4, 6.7).

        Nobody had been told it of that call, and neither may it have been missed, nor be told only
        now of what was published before.
        """
        news = not self.untold.isdisjoint(names) and not self.gapped
        return news and sight.at >= self.doubted_until

    def moved(self, now: Participant) -> Shown:
        """Say whether the own participant's state is a change since the request (rules 4).

        Finesse's clock is compared with Finesse's clock only. Without a baseline only a
        stateChangeTime later than the Date of Finesse's answer proves a change; nor is there one
        where it did not list the own participant. What is older than any news of a call that was
        read by sending was so before, though its own news may have been lost.
        """
        if self.last is None:
            late = after(now.state_change_time, self.answer_date)
            late = late and now.state_change_time not in self.theirs
            return Shown.EFFECT if late else Shown.IF_TAGGED
        if older(now.state_change_time, self.last.state_change_time):
            return self._overtaken(now)
        if older(now.state_change_time, self.newest):
            return Shown.UNCHANGED
        same = (now.state, now.state_cause) == (self.last.state, self.last.state_cause)
        return Shown.UNCHANGED if same else Shown.EFFECT

    def surely_since(self, changed: str | None) -> bool:
        """Say whether a state of the user came since, by Finesse's clock alone.

        It came after Finesse's answer to this request, or after a state with its id.
        """
        return after(changed, self.answer_date) or newer(changed, self.tagged_at)

    def renewed(self, now: Participant) -> bool:
        """Say whether the own participant came into its state since the request, as it was before.

        That alone proves nothing, for the event of a change in between may have been missed.
        """
        was = self.before.participant(self.own) if self.before is not None else None
        return was is not None and newer(now.state_change_time, was.state_change_time)

    def _overtaken(self, now: Participant) -> Shown:
        """Judge what came behind later news: it was so meanwhile, if it is no older than the start.

        The baseline is what it is compared with, whatever was seen since (rules 4): the one from
        sending, where another request's change took its place and this is not that one.
        """
        start = self.start or self.baseline
        before = start.dialog if start is not None else None
        was = before.participant(self.own) if before is not None else None
        early = was is None or older(now.state_change_time, was.state_change_time)
        if was is None or early or older(now.state_change_time, self.newest):
            return Shown.NOTHING
        if now.state_change_time in self.theirs or self._was_told_elsewhere(now):
            return Shown.NOTHING
        same = (now.state, now.state_cause) == (was.state, was.state_cause)
        return Shown.NOTHING if same else Shown.EFFECT

    def _was_told_elsewhere(self, now: Participant) -> bool:
        """Say whether a colleague's node, of another clock, told of it as another's work."""
        told = self.elsewhere
        if told is None or (now.state, now.state_cause) != (told.state, told.state_cause):
            return False
        return near(now.state_change_time, told.state_change_time)

    def saw(self, sight: Sight) -> None:
        """Remember the own participant as just seen, for the next judgement."""
        if sight.dialog is None or not self.about(sight):
            return
        self.linked = uris.dialog_id(sight.dialog.associated_dialog_uri)
        if self.last is None:
            return  # without a start, nothing seen makes one: it may be old news
        party = sight.dialog.participant(self.own)
        if party is not None and not older(party.state_change_time, self.last.state_change_time):
            self.last = party

    def since(self, sight: Sight) -> bool:
        """Say whether the request's dialog is surely shown as it was later than at sending.

        Some party came into its state since (rules 4), so that it is no old content told again.
        """
        before, dialog = self.before, sight.dialog
        if before is None or dialog is None or not self.about(sight) or self.stale(dialog):
            return False
        return any(
            (was := sole_party(before, party.media_address)) is not None
            and newer(party.state_change_time, was.state_change_time)
            for party in dialog.participants
        )

    def stale(self, dialog: Dialog) -> bool:
        """Say whether a dialog is older news than the baseline: one of its parties is."""
        return self.before is not None and is_older(dialog, self.before)
